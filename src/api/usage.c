/*
 * What the view kms.key_usage adds to its table.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/usage.h"
#include "utils/timestamp.h"

KMS_HELPER(kms_counted_usage);

/* kms.counted_usage() -> setof (key_id, key_version_id, operation, calls, failures, bytes, last_used_at, counter) */
Datum
kms_counted_usage(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			caller = GetUserId();
	UsageEntry *entries;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	entries = usage_list(caller, &count);
	for (int i = 0; i < count; i++)
	{
		const UsageEntry *entry = &entries[i];
		Datum		values[] = {
			UUIDPGetDatum(&entry->key_id),
			UUIDPGetDatum(&entry->key.version_id),
			CStringGetTextDatum(usage_operation(entry)),
			Int64GetDatum((int64) entry->numbers.calls),
			Int64GetDatum((int64) entry->numbers.failures),
			Int64GetDatum((int64) entry->numbers.bytes),
			TimestampTzGetDatum(entry->last_used_at),
			Int64GetDatum(entry->counter)
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
