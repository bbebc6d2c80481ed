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
	int			written = pg_b64_encode((const void *) VARDATA_ANY(bytes), len, VARDATA(base64), room);

	if (written < 0)
		elog(ERROR, "cannot encode %d bytes in Base64", len);
	SET_VARSIZE(base64, VARHDRSZ + written);
	return base64;
}
