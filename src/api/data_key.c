/*
 * kms_generate_data_key, kms_generate_data_key_without_plaintext, kms_export_data_key,
 * kms_generate_and_export_data_key, kms_generate_random.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/data_key_export.h"

/* -1 stands for "go by key_spec" and is no valid number itself. */
static int
arg_number_of_bytes(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return -1;
	if (PG_GETARG_INT32(number) == -1)
		err_invalid("number_of_bytes", "it must be 1 to 1024");
	return PG_GETARG_INT32(number);
}

/* Both take (key_id text, key_spec text, number_of_bytes integer, encryption_context jsonb). */
static void
generate(FunctionCallInfo fcinfo, KmsAction action, bool with_plaintext, KmsDataKey *result)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	kc_view		reference = arg_required_bytes(fcinfo, 0, "key_id");
	char	   *key_spec = arg_text_or_null(fcinfo, 1);
	int			number_of_bytes = arg_number_of_bytes(fcinfo, 2);
	kc_view		context = arg_context(fcinfo, 3, &site->context);

	data_key_generate(caller, action, reference, key_spec, number_of_bytes, context, with_plaintext, result);
}

/* -> kms.data_key */
KMS_FUNCTION(kms_generate_data_key, ACTION_GENERATE_DATA_KEY)
{
	KmsDataKey	key;
	Datum		values[4];
	bool		nulls[4] = {false};

	generate(fcinfo, ACTION_GENERATE_DATA_KEY, true, &key);
	values[0] = UUIDPGetDatum(&key.used.key_id);
	values[1] = UUIDPGetDatum(&key.used.version_id);
	values[2] = PointerGetDatum(key.plaintext);
	values[3] = PointerGetDatum(key.ciphertext_blob);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* -> kms.data_key_without_plaintext */
KMS_FUNCTION(kms_generate_data_key_without_plaintext, ACTION_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT)
{
	KmsDataKey	key;
	Datum		values[3];
	bool		nulls[3] = {false};

	generate(fcinfo, ACTION_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT, false, &key);
	values[0] = UUIDPGetDatum(&key.used.key_id);
	values[1] = UUIDPGetDatum(&key.used.version_id);
	values[2] = PointerGetDatum(key.ciphertext_blob);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* public_key_blob, wrapping_key_spec and wrapping_algorithm, beginning with argument 1 of both functions. */
static KmsWrapping
arg_wrapping(FunctionCallInfo fcinfo)
{
	KmsWrapping wrapping;

	wrapping.public_key = arg_required_bytes(fcinfo, 1, "public_key_blob");
	wrapping.key_spec = arg_text(fcinfo, 2, "wrapping_key_spec");
	wrapping.algorithm = arg_text(fcinfo, 3, "wrapping_algorithm");
	return wrapping;
}

/*
 * kms_export_data_key(ciphertext_blob bytea, public_key_blob bytea, wrapping_key_spec text,
 *					   wrapping_algorithm text, encryption_context jsonb) -> kms.exported_data_key
 */
KMS_FUNCTION(kms_export_data_key, ACTION_EXPORT_DATA_KEY)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	kc_view		blob = arg_required_bytes(fcinfo, 0, "ciphertext_blob");
	KmsWrapping wrapping = arg_wrapping(fcinfo);
	kc_view		context = arg_context(fcinfo, 4, &site->context);
	KmsExportedKey key;
	Datum		values[3];
	bool		nulls[3] = {false};

	data_key_export(caller, blob, &wrapping, context, &key);
	values[0] = UUIDPGetDatum(&key.data_key.used.key_id);
	values[1] = UUIDPGetDatum(&key.data_key.used.version_id);
	values[2] = PointerGetDatum(key.exported);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/*
 * kms_generate_and_export_data_key(key_id text, public_key_blob bytea, wrapping_key_spec text, wrapping_algorithm text,
 *									key_spec text, number_of_bytes integer, encryption_context jsonb)
 *	-> kms.generated_and_exported_data_key
 */
KMS_FUNCTION(kms_generate_and_export_data_key, ACTION_GENERATE_AND_EXPORT_DATA_KEY)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	kc_view		reference = arg_required_bytes(fcinfo, 0, "key_id");
	KmsWrapping wrapping = arg_wrapping(fcinfo);
	char	   *key_spec = arg_text_or_null(fcinfo, 4);
	int			number_of_bytes = arg_number_of_bytes(fcinfo, 5);
	kc_view		context = arg_context(fcinfo, 6, &site->context);
	KmsExportedKey key;
	Datum		values[4];
	bool		nulls[4] = {false};

	data_key_generate_and_export(caller, reference, &wrapping, key_spec, number_of_bytes, context, &key);
	values[0] = UUIDPGetDatum(&key.data_key.used.key_id);
	values[1] = UUIDPGetDatum(&key.data_key.used.version_id);
	values[2] = PointerGetDatum(key.data_key.ciphertext_blob);
	values[3] = PointerGetDatum(key.exported);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* kms_generate_random(number_of_bytes integer) -> bytea */
KMS_FUNCTION(kms_generate_random, ACTION_GENERATE_RANDOM)
{
	if (PG_ARGISNULL(0))
		err_missing("number_of_bytes");
	PG_RETURN_BYTEA_P(random_generate(PG_GETARG_INT32(0)));
}
