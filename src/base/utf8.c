/*
 * Text as UTF-8.
 */
#include "base/utf8.h"

#include "base/error.h"
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* Convert, or -1; out has room for len * MAX_CONVERSION_GROWTH + 1 bytes. */
static int
convert(const char *string, size_t len, int from, int to, char *out)
{
	Oid			procedure = FindDefaultConversionProc(from, to);
	int64		room = (int64) len * MAX_CONVERSION_GROWTH + 1;
	int			done;

	if (!OidIsValid(procedure))
		return -1;
	done = pg_do_encoding_conversion_buf(procedure, from, to,
										 (unsigned char *) unconstify(char *, string), (int) len,
										 (unsigned char *) out, (int) Min(room, INT_MAX), true);
	return done == (int) len ? (int) strlen(out) : -1;
}

kc_view
utf8_from_server(const char *argument, const char *string, size_t len)
{
	int			encoding = GetDatabaseEncoding();
	char	   *out;
	int			out_len;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || len == 0)
		return kc_view_of(string, len);
	out = palloc_extended(len * MAX_CONVERSION_GROWTH + 1, MCXT_ALLOC_HUGE);
	out_len = convert(string, len, encoding, PG_UTF8, out);
	if (out_len < 0)
		err_invalid(argument, "it cannot be converted to UTF-8");
	return kc_view_of(out, out_len);
}

text *
utf8_try_to_server(bytea *utf8)
{
	int			encoding = GetDatabaseEncoding();
	const char *string = VARDATA_ANY(utf8);
	size_t		len = VARSIZE_ANY_EXHDR(utf8);
	char	   *out;
	int			out_len;

	if (pg_verify_mbstr(encoding == PG_SQL_ASCII ? PG_SQL_ASCII : PG_UTF8, string, (int) len, true) == 0)
		return NULL;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || len == 0)
		return (text *) utf8;
	out = palloc_extended(len * MAX_CONVERSION_GROWTH + 1, MCXT_ALLOC_HUGE);
	out_len = convert(string, len, PG_UTF8, encoding, out);
	return out_len < 0 ? NULL : cstring_to_text_with_len(out, out_len);
}

text *
utf8_to_server(bytea *utf8)
{
	text	   *string = utf8_try_to_server(utf8);

	if (string == NULL)
		kms_ereport(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, API_INVALID_PARAMETER,
					errmsg(ERR_NOT_TEXT_MESSAGE),
					errhint("Use kms_decrypt, which returns bytea."));
	return string;
}
