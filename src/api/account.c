/*
 * kms_open_kms_service, kms_describe_account_kms_status, and what stands behind
 * the views kms.status and kms.keys.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "api/args.h"
#include "base/version.h"
#include "service/account.h"

PG_FUNCTION_INFO_V1(kms_open_kms_service);
PG_FUNCTION_INFO_V1(kms_open_if_unsealed);
PG_FUNCTION_INFO_V1(kms_describe_account_kms_status);
PG_FUNCTION_INFO_V1(kms_status_row);
PG_FUNCTION_INFO_V1(kms_arn_prefix);

/* kms_open_kms_service() -> void */
Datum
kms_open_kms_service(PG_FUNCTION_ARGS)
{
	account_open();
	PG_RETURN_VOID();
}

/* For CREATE EXTENSION: kms.open_if_unsealed() -> void */
Datum
kms_open_if_unsealed(PG_FUNCTION_ARGS)
{
	account_open_if_unsealed();
	PG_RETURN_VOID();
}

/* kms_describe_account_kms_status() -> text */
Datum
kms_describe_account_kms_status(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(account_status()));
}

static Datum
text_or_null(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/* kms.status_row() -> kms.status_row */
Datum
kms_status_row(PG_FUNCTION_ARGS)
{
	KmsStatus	status;
	Datum		values[10];
	bool		nulls[10] = {false};

	account_describe(&status);
	values[0] = CStringGetTextDatum(status.account_status);
	values[1] = BoolGetDatum(status.preloaded);
	values[2] = BoolGetDatum(status.sealed);
	values[3] = text_or_null(status.root_key_id, &nulls[3]);
	values[4] = text_or_null(status.domain_root_key_id, &nulls[4]);
	values[5] = CStringGetTextDatum(status.root_key_memory);
	values[6] = CStringGetTextDatum(KMS_VERSION);
	values[7] = BoolGetDatum(status.session_memory_locked);
	values[8] = Int64GetDatum(status.session_cached_keys);
	values[9] = Int64GetDatum(status.session_cache_bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_row_type(fcinfo), values, nulls)));
}

/* kms.arn_prefix() -> text: what every resource name begins with */
Datum
kms_arn_prefix(PG_FUNCTION_ARGS)
{
	char		prefix[ARN_PREFIX_SIZE];

	account_arn_prefix(prefix);
	PG_RETURN_TEXT_P(cstring_to_text(prefix));
}
