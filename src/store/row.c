/*
 * Values of columns that several tables have.
 */
#include "store/row.h"

#include "store/store.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

int
row_number_of(const char *const *names, int count, const char *name, size_t len)
{
	for (int i = 1; i < count; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	return 0;
}

int
row_enum(const char *const *names, int count, Datum value)
{
	text	   *name = DatumGetTextPP(value);
	int			number = row_number_of(names, count, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (number == 0)
		err_stored();
	return number;
}

TimestampTz
row_time(Datum value, bool is_null)
{
	return is_null ? DT_NOEND : DatumGetTimestampTz(value);
}

Datum
row_time_datum(TimestampTz time, bool *is_null)
{
	*is_null = TIMESTAMP_IS_NOEND(time);
	return TimestampTzGetDatum(time);
}

const char *
row_text(Datum value, bool is_null)
{
	return is_null ? NULL : TextDatumGetCString(value);
}

Datum
row_text_datum(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

int64
row_seconds(Datum value, bool is_null)
{
	return is_null ? 0 : DatumGetInt64(value);
}

Datum
row_seconds_datum(int64 seconds, bool *is_null)
{
	*is_null = seconds == 0;
	return Int64GetDatum(seconds);
}
