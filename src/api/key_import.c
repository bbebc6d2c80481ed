/*
 * kms_get_parameters_for_import, kms_import_key_material, kms_delete_key_material.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/key_import.h"
#include "utils/timestamp.h"

/* kms_get_parameters_for_import(key_id text, wrapping_algorithm text, wrapping_key_spec text) -> kms.import_parameters */
KMS_FUNCTION(kms_get_parameters_for_import, ACTION_GET_PARAMETERS_FOR_IMPORT)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	char	   *algorithm = arg_text(fcinfo, 1, "wrapping_algorithm");
	char	   *key_spec = arg_text(fcinfo, 2, "wrapping_key_spec");
	KmsImportParameters parameters;
	Datum		values[4];
	bool		nulls[4] = {false};

	key_get_parameters_for_import(caller, key_id, algorithm, key_spec, &parameters);
	values[0] = UUIDPGetDatum(&parameters.key_id);
	values[1] = PointerGetDatum(parameters.token);
	values[2] = PointerGetDatum(parameters.public_key);
	values[3] = TimestampTzGetDatum(parameters.expires_at);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

static kc_view
required_bytes(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		err_missing(name);
	return arg_bytes(fcinfo, number);
}

/*
 * kms_import_key_material(key_id text, encrypted_key_material bytea, import_token bytea,
 *						   key_material_expire timestamptz) -> void
 */
KMS_FUNCTION(kms_import_key_material, ACTION_IMPORT_KEY_MATERIAL)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	kc_view		encrypted = required_bytes(fcinfo, 1, "encrypted_key_material");
	kc_view		token = required_bytes(fcinfo, 2, "import_token");
	TimestampTz expires_at = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);

	key_import_material(caller, key_id, encrypted, token, expires_at);
	PG_RETURN_VOID();
}

/* kms_delete_key_material(key_id text) -> void */
KMS_FUNCTION(kms_delete_key_material, ACTION_DELETE_KEY_MATERIAL)
{
	Oid			caller = GetUserId();

	key_delete_material(caller, arg_text(fcinfo, 0, "key_id"));
	PG_RETURN_VOID();
}
