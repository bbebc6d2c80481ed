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
copy_joined(const char *text, int len, char *out)
{
	int			joined = 0;

	for (int i = 0; i < len; i++)
		if (text[i] != '\n' && text[i] != '\r')
			out[joined++] = text[i];
	return joined;
}

/* What we have written ourselves has no line breaks, and needs no copy. */
static int
decode(const char *text, int len, bytea *ciphertext)
{
	int			room = pg_b64_dec_len(len);
	int			done = pg_b64_decode(text, len, (void *) VARDATA(ciphertext), room);
	char	   *joined;

	if (done >= 0)
		return done;
	joined = palloc(len + 1);
	done = pg_b64_decode(joined, copy_joined(text, len, joined), (void *) VARDATA(ciphertext), room);
	pfree(joined);
	return done;
}

bytea *
sealed_text_decode(kc_view text)
{
	int			len = (int) text.len - SEALED_TEXT_PREFIX_LEN;
	bytea	   *ciphertext;
	int			done;

	if (len < 0 || memcmp(text.data, SEALED_TEXT_PREFIX, SEALED_TEXT_PREFIX_LEN) != 0)
		return NULL;
	ciphertext = bytes_new(pg_b64_dec_len(len));
	done = decode((const char *) text.data + SEALED_TEXT_PREFIX_LEN, len, ciphertext);
	if (done < 0)
		return NULL;
	SET_VARSIZE(ciphertext, VARHDRSZ + done);
	return ciphertext;
}
