/*
 * kms_create_secret and the other functions on secrets, but for their rotation.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/planning.h"
#include "base/sensitive.h"
#include "base/utf8.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/key_rotation.h"
#include "service/secret.h"
#include "service/secret_config.h"
#include "service/secret_create.h"
#include "service/secret_deletion.h"
#include "service/secret_value.h"
#include "service/secret_version.h"
#include "service/tag.h"
#include "utils/timestamp.h"

/* secret_data: bytes, or text, as UTF-8.  No conversion makes it four times shorter: what is too long stays so. */
static kc_view
arg_secret_data(FunctionCallInfo fcinfo, int number, bool is_binary)
{
	kc_view		data = arg_required_bytes(fcinfo, number, "secret_data");

	if (!is_binary && data.len <= 4 * SECRET_VALUE_MAX)
		data = utf8_from_server("secret_data", (const char *) data.data, data.len);
	return data;
}

static Datum
result_config(const char *stored, bool *is_null)
{
	*is_null = stored == NULL;
	return stored == NULL ? (Datum) 0 : JsonbPGetDatum(secret_config_read(stored));
}

/* Of managed secrets, and where there is an interval: automatic_rotation, rotation_interval and next_rotation_date. */
static void
put_rotation(const KmsSecret *secret, Datum *values, bool *nulls, int rotation, int interval, int next)
{
	nulls[rotation] = secret->type == SECRET_GENERIC;
	values[rotation] = CStringGetTextDatum(secret_rotation_name(secret->rotation));
	values[interval] = result_interval(secret->rotation_seconds, &nulls[interval]);
	values[next] = result_time(secret->next_rotation_at, &nulls[next]);
}

static Datum
secret_arn(const KmsSecret *secret)
{
	char		prefix[ARN_PREFIX_SIZE];

	account_arn_prefix(prefix);
	return CStringGetTextDatum(psprintf("%ssecret/%s", prefix, secret->name));
}

static Datum
create_secret(FunctionCallInfo fcinfo, bool is_binary)
{
	Oid			caller = GetUserId();
	KmsCreateSecret request = {0};
	KmsSecret	secret;
	Datum		values[8];
	bool		nulls[8] = {false};

	sensitive_mark();
	request.name = arg_text(fcinfo, 0, "secret_name");
	request.version_id = arg_text(fcinfo, 1, "version_id");
	request.value = arg_secret_data(fcinfo, 2, is_binary);
	if (!is_binary)
		request.text = arg_text(fcinfo, 2, "secret_data");
	request.type = arg_text(fcinfo, 3, "secret_type");
	request.encryption_key_id = arg_text_or_null(fcinfo, 4);
	request.description = arg_text(fcinfo, 5, "description");
	request.tags = PG_ARGISNULL(6) ? NULL : PG_GETARG_JSONB_P(6);
	request.extended_config = PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7);
	request.automatic_rotation = arg_bool(fcinfo, 8, "enable_automatic_rotation");
	request.rotation_seconds = request.automatic_rotation ? arg_interval(fcinfo, 9, "rotation_interval") : NO_INTERVAL;
	secret_create(caller, &request, &secret);

	values[0] = secret_arn(&secret);
	values[1] = CStringGetTextDatum(secret.name);
	values[2] = CStringGetTextDatum(request.version_id);
	values[3] = CStringGetTextDatum(secret_type_name(secret.type));
	put_rotation(&secret, values, nulls, 4, 5, 6);
	values[7] = result_config(secret.extended_config, &nulls[7]);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/*
 * kms_create_secret(secret_name text, version_id text, secret_data text, secret_type text, encryption_key_id text,
 *					 description text, tags jsonb, extended_config jsonb, enable_automatic_rotation boolean,
 *					 rotation_interval interval) -> kms.new_secret
 */
KMS_FUNCTION(kms_create_secret_text, ACTION_CREATE_SECRET)
{
	return create_secret(fcinfo, false);
}

/* The same with secret_data bytea. */
KMS_FUNCTION(kms_create_secret, ACTION_CREATE_SECRET)
{
	return create_secret(fcinfo, true);
}

/* kms.secret_metadata, columns as in sql/42_secret.sql. */
static Datum
metadata_row(FunctionCallInfo fcinfo, const KmsSecret *secret, bool fetch_tags)
{
	Datum		values[14];
	bool		nulls[14] = {false};

	values[0] = secret_arn(secret);
	values[1] = CStringGetTextDatum(secret->name);
	values[2] = CStringGetTextDatum(secret_type_name(secret->type));
	values[3] = CStringGetTextDatum(secret->description);
	nulls[4] = !secret->key_is_chosen;
	values[4] = UUIDPGetDatum(&secret->key_id);
	values[5] = TimestampTzGetDatum(secret->created_at);
	values[6] = TimestampTzGetDatum(secret->updated_at);
	values[7] = result_time(secret->delete_at, &nulls[7]);
	put_rotation(secret, values, nulls, 8, 9, 11);
	values[10] = result_time(secret->rotated_at, &nulls[10]);
	values[12] = result_config(secret->extended_config, &nulls[12]);
	nulls[13] = !fetch_tags;
	values[13] = fetch_tags ? JsonbPGetDatum(tags_json(&secret->id)) : (Datum) 0;
	return result_row(fcinfo, lengthof(values), values, nulls);
}

/* kms_describe_secret(secret_name text, fetch_tags boolean) -> kms.secret_metadata */
KMS_FUNCTION(kms_describe_secret, ACTION_DESCRIBE_SECRET)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");
	bool		fetch_tags = arg_bool(fcinfo, 1, "fetch_tags");
	KmsSecret	secret;

	secret_describe(caller, name, &secret);
	PG_RETURN_DATUM(metadata_row(fcinfo, &secret, fetch_tags));
}

/* kms.describe_secret(secret kms.secret) -> kms.secret_metadata: what the view kms.secrets shows of a row */
KMS_FUNCTION(kms_secret_metadata, ACTION_DESCRIBE_SECRET)
{
	KmsSecret	secret;

	secret_of_row(PG_GETARG_HEAPTUPLEHEADER(0), &secret);
	PG_RETURN_DATUM(metadata_row(fcinfo, &secret, false));
}

/* kms.may_describe_secret(secret_id uuid, owner oid, owner_name text) -> boolean: what the views ask of a secret */
KMS_FUNCTION(kms_may_describe_secret, ACTION_DESCRIBE_SECRET)
{
	Oid			caller = GetUserId();
	KmsStoredRole owner;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	owner.oid = PG_GETARG_OID(1);
	owner.name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	PG_RETURN_BOOL(secret_may_describe(caller, PG_GETARG_UUID_P(0), &owner));
}

/* kms.secret_creator(owner oid, owner_name text) -> text: what that role is called now */
KMS_FUNCTION(kms_secret_creator, ACTION_DESCRIBE_SECRET)
{
	KmsStoredRole owner;

	owner.oid = PG_GETARG_OID(0);
	owner.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	PG_RETURN_TEXT_P(cstring_to_text(store_role_name(&owner)));
}

/*
 * kms_get_secret_value(secret_name text, version_stage text, version_id text, fetch_extended_config boolean)
 *	-> kms.secret_value
 *
 * The planner, which would estimate with the value, gets none: it hands it to
 * operators that anybody may have made, and nothing would be logged.
 */
KMS_FUNCTION(kms_get_secret_value, ACTION_GET_SECRET_VALUE)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");
	char	   *stage = arg_text_or_null(fcinfo, 1);
	char	   *version_id = arg_text_or_null(fcinfo, 2);
	bool		fetch_config = arg_bool(fcinfo, 3, "fetch_extended_config");
	KmsSecretValue result;
	const KmsSecret *secret = &result.secret;
	Datum		values[13];
	bool		nulls[13] = {false};

	if (is_planning())
		PG_RETURN_NULL();
	secret_get_value(caller, name, stage, version_id, &result);
	values[0] = CStringGetTextDatum(secret->name);
	values[1] = CStringGetTextDatum(secret_type_name(secret->type));
	values[2] = PointerGetDatum(result.version.is_binary ? bytes_to_base64(result.value) : utf8_to_server(result.value));
	nulls[3] = !result.version.is_binary;
	values[3] = PointerGetDatum(result.value);
	values[4] = CStringGetTextDatum(result.version.is_binary ? "binary" : "text");
	values[5] = CStringGetTextDatum(result.version.id);
	values[6] = result_names(result.labels);
	values[7] = TimestampTzGetDatum(secret->created_at);
	put_rotation(secret, values, nulls, 8, 9, 11);
	values[10] = result_time(secret->rotated_at, &nulls[10]);
	values[12] = result_config(fetch_config ? secret->extended_config : NULL, &nulls[12]);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

static Datum
put_secret_value(FunctionCallInfo fcinfo, bool is_binary)
{
	Oid			caller = GetUserId();
	KmsPutValue put = {.is_binary = is_binary};
	Datum		values[3];
	bool		nulls[3] = {false};

	sensitive_mark();
	put.secret_name = arg_text(fcinfo, 0, "secret_name");
	put.version_id = arg_text(fcinfo, 1, "version_id");
	put.value = arg_secret_data(fcinfo, 2, is_binary);
	if (!PG_ARGISNULL(3))
		put.stages = arg_names(fcinfo, 3, "version_stages");
	values[2] = result_names(secret_put_value(caller, &put));
	values[0] = CStringGetTextDatum(secret_parse_name("secret_name", put.secret_name));
	values[1] = CStringGetTextDatum(put.version_id);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* kms_put_secret_value(secret_name text, version_id text, secret_data text, version_stages text[]) -> kms.put_secret_version */
KMS_FUNCTION(kms_put_secret_value_text, ACTION_PUT_SECRET_VALUE)
{
	return put_secret_value(fcinfo, false);
}

/* The same with secret_data bytea. */
KMS_FUNCTION(kms_put_secret_value, ACTION_PUT_SECRET_VALUE)
{
	return put_secret_value(fcinfo, true);
}

/* kms_update_secret(secret_name text, description text, custom_data jsonb) -> void */
KMS_FUNCTION(kms_update_secret, ACTION_UPDATE_SECRET)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");
	char	   *description = arg_text_or_null(fcinfo, 1);

	secret_update(caller, name, description, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	PG_RETURN_VOID();
}

/* kms_update_secret_version_stage(secret_name text, version_stage text, move_to_version text, remove_from_version text) -> void */
KMS_FUNCTION(kms_update_secret_version_stage, ACTION_UPDATE_SECRET_VERSION_STAGE)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");
	char	   *stage = arg_text(fcinfo, 1, "version_stage");

	secret_update_stage(caller, name, stage, arg_text_or_null(fcinfo, 2), arg_text_or_null(fcinfo, 3));
	PG_RETURN_VOID();
}

/* kms_list_secret_version_ids(secret_name text, include_deprecated boolean) -> setof kms.secret_version_entry */
KMS_FUNCTION(kms_list_secret_version_ids, ACTION_LIST_SECRET_VERSION_IDS)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");
	bool		include_deprecated = arg_bool(fcinfo, 1, "include_deprecated");
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *versions;
	SecretLabels labels;
	ListCell   *cell;

	secret_list_versions(caller, name, &versions, &labels);
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, versions)
	{
		const KmsSecretVersion *version = lfirst(cell);
		List	   *names = labels_shown(&labels, version->id);
		Datum		values[3];
		bool		nulls[3] = {false};

		if (names == NIL && !include_deprecated)
			continue;
		values[0] = CStringGetTextDatum(version->id);
		values[1] = TimestampTzGetDatum(version->created_at);
		values[2] = result_names(names);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/*
 * kms_delete_secret(secret_name text, force_delete_without_recovery boolean, recovery_window_in_days integer)
 *	-> kms.secret_deletion
 */
KMS_FUNCTION(kms_delete_secret, ACTION_DELETE_SECRET)
{
	Oid			caller = GetUserId();
	char	   *text = arg_text(fcinfo, 0, "secret_name");
	bool		force = arg_bool(fcinfo, 1, "force_delete_without_recovery");
	const char *name;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (!force && PG_ARGISNULL(2))
		err_missing("recovery_window_in_days");
	values[1] = TimestampTzGetDatum(secret_delete(caller, text, force, force ? 0 : PG_GETARG_INT32(2), &name));
	values[0] = CStringGetTextDatum(name);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* kms_restore_secret(secret_name text) -> void */
KMS_FUNCTION(kms_restore_secret, ACTION_RESTORE_SECRET)
{
	Oid			caller = GetUserId();

	secret_restore(caller, arg_text(fcinfo, 0, "secret_name"));
	PG_RETURN_VOID();
}
