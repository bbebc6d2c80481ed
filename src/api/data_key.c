/*
 * kms_generate_data_key, kms_generate_data_key_without_plaintext, kms_generate_random.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/data_key.h"

PG_FUNCTION_INFO_V1(kms_generate_data_key);
PG_FUNCTION_INFO_V1(kms_generate_data_key_without_plaintext);
PG_FUNCTION_INFO_V1(kms_generate_random);

/* Both take (key_id text, key_spec text, number_of_bytes integer, encryption_context jsonb). */
static void
generate(FunctionCallInfo fcinfo, KmsAction action, bool with_plaintext, KmsDataKey *result)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	kc_view		reference = arg_reference(fcinfo, 0, "key_id");
	char	   *key_spec = arg_text_or_null(fcinfo, 1);
	bool		by_spec = PG_ARGISNULL(2);
	kc_view		context = arg_context(fcinfo, 3, &site->context);

	/* -1 stands for "go by key_spec" and is no valid number itself. */
	if (!by_spec && PG_GETARG_INT32(2) == -1)
		err_invalid("number_of_bytes", "it must be 1 to 1024");
	data_key_generate(caller, action, reference, key_spec, by_spec ? -1 : PG_GETARG_INT32(2),
					  context, with_plaintext, result);
}

/* -> kms.data_key */
Datum
kms_generate_data_key(PG_FUNCTION_ARGS)
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
Datum
kms_generate_data_key_without_plaintext(PG_FUNCTION_ARGS)
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

/* kms_generate_random(number_of_bytes integer) -> bytea */
Datum
kms_generate_random(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		err_missing("number_of_bytes");
	PG_RETURN_BYTEA_P(random_generate(PG_GETARG_INT32(0)));
}
