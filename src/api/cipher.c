/*
 * kms_encrypt, kms_decrypt, kms_decrypt_text, kms_try_decrypt, kms_try_decrypt_text, kms_re_encrypt,
 * kms_ciphertext_info.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "base/utf8.h"
#include "miscadmin.h"
#include "service/cipher.h"
#include "service/re_encrypt.h"

static inline Datum
encrypt(FunctionCallInfo fcinfo, bool is_text)
{
	Oid			caller = GetUserId();
	KmsCallSite *site;
	kc_view		plaintext;
	kc_view		reference;
	kc_view		context;

	sensitive_mark();
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	site = arg_call_site(fcinfo);
	reference = arg_required_bytes(fcinfo, 0, "key_id");
	plaintext = arg_bytes(fcinfo, 1);
	/* No conversion makes it four times shorter: what is too long stays so. */
	if (is_text && plaintext.len <= 4 * PLAINTEXT_MAX)
		plaintext = utf8_from_server("plaintext", (const char *) plaintext.data, plaintext.len);
	context = arg_context(fcinfo, 2, &site->context);
	PG_RETURN_BYTEA_P(cipher_encrypt(site, caller, ACTION_ENCRYPT, reference, plaintext, context, NULL));
}

/* kms_encrypt(key_id text, plaintext bytea, encryption_context jsonb) -> bytea */
KMS_FUNCTION(kms_encrypt, ACTION_ENCRYPT)
{
	return encrypt(fcinfo, false);
}

/* kms_encrypt(key_id text, plaintext text, encryption_context jsonb) -> bytea: the UTF-8 of the text */
KMS_FUNCTION(kms_encrypt_text, ACTION_ENCRYPT)
{
	return encrypt(fcinfo, true);
}

static inline bytea *
decrypt(FunctionCallInfo fcinfo, Oid caller)
{
	KmsCallSite *site = arg_call_site(fcinfo);
	kc_view		blob = arg_bytes(fcinfo, 0);
	kc_view		context = arg_context(fcinfo, 1, &site->context);

	return cipher_decrypt(site, caller, blob, context);
}

/* kms_decrypt(ciphertext_blob bytea, encryption_context jsonb) -> bytea */
KMS_FUNCTION(kms_decrypt, ACTION_DECRYPT)
{
	Oid			caller = GetUserId();

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(decrypt(fcinfo, caller));
}

/* kms_decrypt_text(ciphertext_blob bytea, encryption_context jsonb) -> text */
KMS_FUNCTION(kms_decrypt_text, ACTION_DECRYPT)
{
	Oid			caller = GetUserId();

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(utf8_to_server(decrypt(fcinfo, caller)));
}

/* NULL, and why, for what does not open. */
static bytea *
try_decrypt(FunctionCallInfo fcinfo, Oid caller, KmsRefusal *refusal)
{
	KmsCallSite *site = arg_call_site(fcinfo);
	kc_view		blob = arg_bytes(fcinfo, 0);
	kc_view		context = arg_context(fcinfo, 1, &site->context);

	return cipher_try_decrypt(site, caller, blob, context, refusal);
}

/* kms_try_decrypt(ciphertext_blob bytea, encryption_context jsonb) -> bytea */
KMS_FUNCTION(kms_try_decrypt, ACTION_DECRYPT)
{
	Oid			caller = GetUserId();
	KmsRefusal	refusal;
	bytea	   *plaintext;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	plaintext = try_decrypt(fcinfo, caller, &refusal);
	if (plaintext != NULL)
		PG_RETURN_BYTEA_P(plaintext);
	refusal_notice(&refusal);
	PG_RETURN_NULL();
}

/* kms_try_decrypt_text(ciphertext_blob bytea, encryption_context jsonb) -> text */
KMS_FUNCTION(kms_try_decrypt_text, ACTION_DECRYPT)
{
	Oid			caller = GetUserId();
	KmsRefusal	refusal;
	bytea	   *plaintext;
	text	   *string = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	plaintext = try_decrypt(fcinfo, caller, &refusal);
	if (plaintext != NULL && (string = utf8_try_to_server(plaintext)) == NULL)
		refuse_text(&refusal);
	if (string != NULL)
		PG_RETURN_TEXT_P(string);
	refusal_notice(&refusal);
	PG_RETURN_NULL();
}

/* A ciphertext of a public key says nothing of its key: the caller does. */
static void
read_named_source(FunctionCallInfo fcinfo, KmsReEncrypt *request)
{
	request->is_public_key = !PG_ARGISNULL(4) || !PG_ARGISNULL(5) || !PG_ARGISNULL(6);
	if (!request->is_public_key)
		return;
	request->source = arg_named_key(fcinfo, 4, "source_key_id", 5, "source_key_version_id");
	request->algorithm = arg_text(fcinfo, 6, "source_encryption_algorithm");
	if (request->context.len > 0)
		err_invalid("source_encryption_context", "a public-key ciphertext has none");
}

/*
 * kms_re_encrypt(ciphertext_blob bytea, destination_key_id text, source_encryption_context jsonb,
 *				  destination_encryption_context jsonb, source_key_id text,
 *				  source_key_version_id text, source_encryption_algorithm text) -> bytea
 */
KMS_FUNCTION(kms_re_encrypt, ACTION_RE_ENCRYPT)
{
	Oid			caller = GetUserId();
	KmsCallSite *site;
	KmsReEncrypt request;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	site = arg_call_site(fcinfo);
	request.destination = arg_required_bytes(fcinfo, 1, "destination_key_id");
	request.ciphertext = arg_bytes(fcinfo, 0);
	request.context = arg_context(fcinfo, 2, &site->context);
	request.destination_context = arg_context(fcinfo, 3, &site->other_context);
	read_named_source(fcinfo, &request);
	PG_RETURN_BYTEA_P(re_encrypt(site, caller, &request));
}

/* kms_ciphertext_info(ciphertext_blob bytea) -> kms.ciphertext_info */
KMS_FUNCTION(kms_ciphertext_info, ACTION_CIPHERTEXT_INFO)
{
	Oid			caller = GetUserId();
	KmsBlobInfo info;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (PG_ARGISNULL(0))
		err_missing("ciphertext_blob");
	cipher_describe(caller, arg_bytes(fcinfo, 0), &info);
	values[0] = UUIDPGetDatum(&info.key_id);
	nulls[0] = !info.has_key_id;
	values[1] = UUIDPGetDatum(&info.version_id);
	values[2] = CStringGetTextDatum(info.format);
	values[3] = Int64GetDatum(info.plaintext_length);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}
