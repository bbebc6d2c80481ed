/*
 * kms_create_key and the other functions on keys.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/ident.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/key.h"
#include "service/key_create.h"
#include "service/key_rotation.h"
#include "utils/timestamp.h"

/*
 * kms_create_key(key_spec text, key_usage text, origin text, description text, protection_level text,
 *				  enable_automatic_rotation boolean, rotation_interval interval, tags jsonb) -> uuid
 */
KMS_FUNCTION(kms_create_key, ACTION_CREATE_KEY)
{
	Oid			caller = GetUserId();
	KmsCreateKey request = {0};
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	request.key_spec = arg_text(fcinfo, 0, "key_spec");
	request.key_usage = arg_text_or_null(fcinfo, 1);
	request.origin = arg_text(fcinfo, 2, "origin");
	request.description = arg_text(fcinfo, 3, "description");
	request.protection_level = arg_text(fcinfo, 4, "protection_level");
	if (PG_ARGISNULL(5))
		err_missing("enable_automatic_rotation");
	request.automatic_rotation = PG_GETARG_BOOL(5);
	request.rotation_seconds = request.automatic_rotation ? arg_interval(fcinfo, 6, "rotation_interval") : NO_INTERVAL;
	request.tags = PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7);
	*id = key_create(caller, &request);
	PG_RETURN_UUID_P(id);
}

/* kms.key_metadata, columns as in sql/30_key.sql. */
static Datum
metadata_row(FunctionCallInfo fcinfo, const KmsKey *key)
{
	Datum		values[19];
	bool		nulls[19] = {false};
	char		prefix[ARN_PREFIX_SIZE];
	char		id[37];

	account_arn_prefix(prefix);
	values[0] = UUIDPGetDatum(&key->id);
	values[1] = CStringGetTextDatum(psprintf("%skey/%s", prefix, uuid_print(&key->id, id)));
	values[2] = CStringGetTextDatum(store_role_name(&key->stored_owner));
	values[3] = TimestampTzGetDatum(key->created_at);
	values[4] = CStringGetTextDatum(key->description);
	values[5] = CStringGetTextDatum(key_state_name(key_state_now(key->state, key->material_expires_at)));
	values[6] = CStringGetTextDatum(key_usage_name(key->usage));
	values[7] = CStringGetTextDatum(key_spec_name(key->spec));
	values[8] = CStringGetTextDatum(key_origin_name(key->origin));
	values[9] = CStringGetTextDatum("SOFTWARE");
	values[10] = UUIDPGetDatum(&key->primary_version);
	nulls[10] = !key_shows_primary(key);
	values[11] = CStringGetTextDatum(key_automatic_rotation(key));
	values[12] = result_interval(key->rotation_seconds, &nulls[12]);
	values[13] = result_time(key->rotated_at, &nulls[13]);
	values[14] = result_time(key->next_rotation_at, &nulls[14]);
	values[15] = result_time(key->material_expires_at, &nulls[15]);
	values[16] = result_time(key->delete_at, &nulls[16]);
	values[17] = CStringGetTextDatum(key->deletion_protected ? "Enabled" : "Disabled");
	nulls[18] = key->deletion_protection_description == NULL;
	values[18] = nulls[18] ? (Datum) 0 : CStringGetTextDatum(key->deletion_protection_description);
	return result_row(fcinfo, lengthof(values), values, nulls);
}

/* kms_describe_key(key_id text) -> kms.key_metadata */
KMS_FUNCTION(kms_describe_key, ACTION_DESCRIBE_KEY)
{
	Oid			caller = GetUserId();
	KmsKey		key;

	key_describe(caller, arg_text(fcinfo, 0, "key_id"), ACTION_DESCRIBE_KEY, &key);
	PG_RETURN_DATUM(metadata_row(fcinfo, &key));
}

/* kms.describe_row(key kms.key) -> kms.key_metadata: what the view kms.keys shows of a row */
KMS_FUNCTION(kms_key_metadata, ACTION_DESCRIBE_KEY)
{
	KmsKey		key;

	key_of_row(PG_GETARG_HEAPTUPLEHEADER(0), &key);
	PG_RETURN_DATUM(metadata_row(fcinfo, &key));
}

/* kms.may_describe(key_id uuid, owner oid, owner_name text) -> boolean: what the views ask of a key */
KMS_FUNCTION(kms_may_describe, ACTION_DESCRIBE_KEY)
{
	Oid			caller = GetUserId();
	KmsStoredRole owner;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	owner.oid = PG_GETARG_OID(1);
	owner.name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	PG_RETURN_BOOL(key_may_describe(caller, PG_GETARG_UUID_P(0), &owner));
}

/* kms_enable_key(key_id text) -> void */
KMS_FUNCTION(kms_enable_key, ACTION_ENABLE_KEY)
{
	Oid			caller = GetUserId();

	key_enable(caller, arg_text(fcinfo, 0, "key_id"));
	PG_RETURN_VOID();
}

/* kms_disable_key(key_id text) -> void */
KMS_FUNCTION(kms_disable_key, ACTION_DISABLE_KEY)
{
	Oid			caller = GetUserId();

	key_disable(caller, arg_text(fcinfo, 0, "key_id"));
	PG_RETURN_VOID();
}

/* kms_update_key_description(key_id text, description text) -> void */
KMS_FUNCTION(kms_update_key_description, ACTION_UPDATE_KEY_DESCRIPTION)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	char	   *description = arg_text(fcinfo, 1, "description");

	key_update_description(caller, key_id, description);
	PG_RETURN_VOID();
}
