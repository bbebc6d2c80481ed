/*
 * Values as text.
 */
#include "base/value_text.h"

#include "base/bytes.h"
#include "base/ident.h"
#include "base/utf8.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/json.h"
#include "utils/numeric.h"

/* Room for a number, a UUID, a date. */
#define SHORT_MAX 128

bool
value_text_exists(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case NUMERICOID:
		case UUIDOID:
		case NAMEOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

static kc_view
of_cstring(const char *string)
{
	return kc_view_of(string, strlen(string));
}

static kc_view
of_integer(int64 value)
{
	char	   *digits = palloc(SHORT_MAX);

	return kc_view_of(digits, pg_lltoa(value, digits));
}

/* The blanks that character(n) is filled with are no part of it: a cast drops them, too. */
static kc_view
of_string(const char *argument, Datum value, bool is_padded)
{
	text	   *string = DatumGetTextPP(value);
	char	   *data = VARDATA_ANY(string);
	int			len = (int) VARSIZE_ANY_EXHDR(string);

	return utf8_from_server(argument, data, is_padded ? bpchartruelen(data, len) : len);
}

static kc_view
of_name(const char *argument, Datum value)
{
	const char *name = NameStr(*DatumGetName(value));

	return utf8_from_server(argument, name, strlen(name));
}

/* A time with a time zone is stored as one in UTC. */
static kc_view
of_time(Oid type, Datum value)
{
	return of_cstring(JsonEncodeDateTime(palloc(SHORT_MAX), value, type == DATEOID ? DATEOID : TIMESTAMPOID, NULL));
}

kc_view
value_text(const char *argument, Oid type, Datum value)
{
	switch (type)
	{
		case BOOLOID:
			return of_cstring(DatumGetBool(value) ? "true" : "false");
		case INT2OID:
			return of_integer(DatumGetInt16(value));
		case INT4OID:
			return of_integer(DatumGetInt32(value));
		case INT8OID:
			return of_integer(DatumGetInt64(value));
		case OIDOID:
			return of_integer(DatumGetObjectId(value));
		case NUMERICOID:
			return of_cstring(numeric_normalize(DatumGetNumeric(value)));
		case UUIDOID:
			return of_cstring(uuid_print(DatumGetUUIDP(value), palloc(37)));
		case NAMEOID:
			return of_name(argument, value);
		case TEXTOID:
		case VARCHAROID:
			return of_string(argument, value, false);
		case BPCHAROID:
			return of_string(argument, value, true);
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return of_time(type, value);
		default:
			elog(ERROR, "no text of a value of type %u", type);
	}
}
