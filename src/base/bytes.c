/*
 * Bytes as PostgreSQL's bytea.
 */
#include "base/bytes.h"

#include "common/base64.h"

text *
bytes_to_base64(const bytea *bytes)
{
	int			len = (int) VARSIZE_ANY_EXHDR(bytes);
	int			room = pg_b64_enc_len(len);
	text	   *base64 = bytes_new(room);
	int			written = pg_b64_encode((const void *) VARDATA_ANY(bytes), len, (void *) VARDATA(base64), room);

	if (written < 0)
		elog(ERROR, "cannot encode %d bytes in Base64", len);
	SET_VARSIZE(base64, VARHDRSZ + written);
	return base64;
}

/* The bits that the last character has beyond the last byte are zero. */
static bool
is_canonical_end(const char *base64, size_t len, size_t padding)
{
	static const char *const last[] = {NULL, "AEIMQUYcgkosw048", "AQgw"};

	return padding == 0 || strchr(last[padding], base64[len - padding - 1]) != NULL;
}

/* The server's decoder overlooks blanks and line breaks, and what hangs over. */
bytea *
bytes_from_base64(const char *base64, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t		padding = 0;
	bytea	   *bytes;
	int			written;

	if (len % 4 != 0)
		return NULL;
	while (padding < 2 && padding < len && base64[len - padding - 1] == '=')
		padding++;
	for (size_t i = 0; i < len - padding; i++)
		if (memchr(alphabet, base64[i], sizeof(alphabet) - 1) == NULL)
			return NULL;
	if (!is_canonical_end(base64, len, padding))
		return NULL;

	bytes = bytes_new(len / 4 * 3);
	written = pg_b64_decode(base64, (int) len, (void *) VARDATA(bytes), (int) (len / 4 * 3));
	if (written < 0)
		return NULL;
	SET_VARSIZE(bytes, VARHDRSZ + written);
	return bytes;
}
