/*
 * Rows as bytes.
 */
#include "base/record.h"

#include "libpq/pqformat.h"

void
record_begin(KmsRecord *record, const char *kind)
{
	initStringInfo(record);
	pq_sendint32(record, strlen(kind));
	appendBinaryStringInfo(record, kind, strlen(kind));
}

void
record_null(KmsRecord *record)
{
	appendStringInfoChar(record, 'N');
}

void
record_uuid(KmsRecord *record, const pg_uuid_t *value)
{
	appendStringInfoChar(record, 'U');
	appendBinaryStringInfo(record, (const char *) value->data, UUID_LEN);
}

void
record_int(KmsRecord *record, int64 value)
{
	appendStringInfoChar(record, 'I');
	pq_sendint64(record, (uint64) value);
}

void
record_bytes(KmsRecord *record, kc_view value)
{
	appendStringInfoChar(record, 'B');
	pq_sendint32(record, (uint32) value.len);
	appendBinaryStringInfo(record, (const char *) value.data, (int) value.len);
}

void
record_text(KmsRecord *record, const char *value)
{
	if (value == NULL)
		record_null(record);
	else
		record_bytes(record, kc_view_of(value, strlen(value)));
}

void
record_list(KmsRecord *record, int count)
{
	appendStringInfoChar(record, 'L');
	pq_sendint32(record, (uint32) count);
}
