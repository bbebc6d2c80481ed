/*
 * A ciphertext in a column of type text.
 */
#include "base/sealed_text.h"

#include "base/bytes.h"
#include "base/error.h"
#include "common/base64.h"
#include "utils/memutils.h"

text *
sealed_text_encode(const bytea *ciphertext)
{
	size_t		len = VARSIZE_ANY_EXHDR(ciphertext);
	size_t		room = (len + 2) / 3 * 4;
	text	   *sealed;
	char	   *out;

	if (room > MaxAllocSize - VARHDRSZ - SEALED_TEXT_PREFIX_LEN)
		err_invalid("plaintext", "encrypted it would be longer than 1 GB");
	sealed = bytes_new(SEALED_TEXT_PREFIX_LEN + room);
	out = VARDATA(sealed);
	memcpy(out, SEALED_TEXT_PREFIX, SEALED_TEXT_PREFIX_LEN);
	if (pg_b64_encode((const void *) VARDATA_ANY(ciphertext), (int) len,
					  (void *) (out + SEALED_TEXT_PREFIX_LEN), (int) room) != (int) room)
		elog(ERROR, "cannot encode %zu bytes in Base64", len);
	return sealed;
}

/* SQL's encode breaks lines, and its decode takes them: so does this. */
static int
copy_joined(const uint8 *text, int len, char *out)
{
	int			joined = 0;

	for (int i = 0; i < len; i++)
		if (text[i] != '\n' && text[i] != '\r')
			out[joined++] = (char) text[i];
	return joined;
}

bytea *
sealed_text_decode(kc_view text)
{
	int			len = (int) text.len - SEALED_TEXT_PREFIX_LEN;
	char	   *base64;
	bytea	   *ciphertext;
	int			done;

	if (len < 0 || memcmp(text.data, SEALED_TEXT_PREFIX, SEALED_TEXT_PREFIX_LEN) != 0)
		return NULL;
	base64 = palloc(len + 1);
	len = copy_joined(text.data + SEALED_TEXT_PREFIX_LEN, len, base64);
	ciphertext = bytes_new(pg_b64_dec_len(len));
	done = pg_b64_decode(base64, len, (void *) VARDATA(ciphertext), pg_b64_dec_len(len));
	pfree(base64);
	if (done < 0)
		return NULL;
	SET_VARSIZE(ciphertext, VARHDRSZ + done);
	return ciphertext;
}
