/*
 * kms_describe_account_kms_status, and what the view kms.status shows.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/version.h"
#include "service/status.h"

/* kms_describe_account_kms_status() -> text */
KMS_FUNCTION(kms_describe_account_kms_status, ACTION_DESCRIBE_ACCOUNT_KMS_STATUS)
{
	PG_RETURN_TEXT_P(cstring_to_text(status_of_account()));
}

static Datum
text_or_null(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/* kms.describe_status() -> kms.status_row */
KMS_FUNCTION(kms_describe_status, ACTION_DESCRIBE_ACCOUNT_KMS_STATUS)
{
	KmsStatus	status;
	Datum		values[13];
	bool		nulls[13] = {false};

	status_describe(&status);
	values[0] = CStringGetTextDatum(status.account_status);
	values[1] = BoolGetDatum(status.preloaded);
	values[2] = BoolGetDatum(status.sealed);
	values[3] = text_or_null(status.root_key_id, &nulls[3]);
	values[4] = text_or_null(status.domain_root_key_id, &nulls[4]);
	values[5] = CStringGetTextDatum(status.root_key_memory);
	values[6] = CStringGetTextDatum(KMS_VERSION);
	values[7] = BoolGetDatum(status.workers);
	values[8] = BoolGetDatum(status.session_memory_locked);
	values[9] = Int64GetDatum(status.session_cached_keys);
	values[10] = Int64GetDatum(status.session_cache_bytes);
	values[11] = Int64GetDatum(status.usage_entries);
	values[12] = Int64GetDatum(status.usage_lost_calls);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}
