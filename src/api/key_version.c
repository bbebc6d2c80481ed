/*
 * kms_describe_key_version, kms_list_key_versions.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/key_version.h"
#include "utils/timestamp.h"

/* kms.key_version_metadata */
static void
version_values(const KmsKeyVersion *version, Datum values[3])
{
	values[0] = UUIDPGetDatum(&version->key_id);
	values[1] = UUIDPGetDatum(&version->id);
	values[2] = TimestampTzGetDatum(version->created_at);
}

/* kms_describe_key_version(key_id text, key_version_id text) -> kms.key_version_metadata */
KMS_FUNCTION(kms_describe_key_version, ACTION_DESCRIBE_KEY_VERSION)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	char	   *version_id = arg_text(fcinfo, 1, "key_version_id");
	KmsKeyVersion version;
	Datum		values[3];
	bool		nulls[3] = {false};

	key_version_describe(caller, key_id, version_id, &version);
	version_values(&version, values);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

static void
list_version(const KmsKeyVersion *version, void *argument)
{
	ReturnSetInfo *result = argument;
	Datum		values[3];
	bool		nulls[3] = {false};

	version_values(version, values);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* kms_list_key_versions(key_id text) -> setof kms.key_version_metadata */
KMS_FUNCTION(kms_list_key_versions, ACTION_LIST_KEY_VERSIONS)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");

	InitMaterializedSRF(fcinfo, 0);
	key_version_list(caller, key_id, list_version, fcinfo->resultinfo);
	PG_RETURN_NULL();
}

/*
 * kms.named_version(operation text, key_id text, key_version_id text, encryption_context jsonb)
 *	-> kms.key_version_metadata: what kms_call says it has used, to whoever may do that
 */
KMS_HELPER(kms_named_version);

Datum
kms_named_version(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	char	   *operation = arg_text(fcinfo, 0, "operation");
	KmsAction	action = action_of(operation, strlen(operation));
	char	   *key_id = arg_text_or_null(fcinfo, 1);
	char	   *version_id = arg_text_or_null(fcinfo, 2);
	KmsKeyVersion version;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (!ACTION_IS_GRANTABLE(action) || !(ACTION_BIT(action) & ACTION_KEY_BITS))
		err_invalid("operation", "it is none on a key");
	key_version_named(caller, action, key_id, version_id, arg_context(fcinfo, 3, &site->context), &version);
	version_values(&version, values);
	nulls[1] = nulls[2] = TIMESTAMP_IS_NOBEGIN(version.created_at);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}
