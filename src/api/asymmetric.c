/*
 * kms_asymmetric_sign, kms_asymmetric_verify, kms_asymmetric_encrypt,
 * kms_asymmetric_decrypt, kms_get_public_key.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "miscadmin.h"
#include "service/asymmetric.h"

static KmsNamedKey
named_key(FunctionCallInfo fcinfo)
{
	return arg_named_key(fcinfo, 0, "key_id", 1, "key_version_id");
}

/* kms_asymmetric_sign(key_id text, key_version_id text, algorithm text, digest bytea) -> bytea */
KMS_FUNCTION(kms_asymmetric_sign, ACTION_ASYMMETRIC_SIGN)
{
	Oid			caller = GetUserId();
	KmsNamedKey named;
	char	   *algorithm;
	kc_view		digest;

	sensitive_mark();			/* with some algorithms the digest is the message */
	named = named_key(fcinfo);
	algorithm = arg_text(fcinfo, 2, "algorithm");
	digest = arg_required_bytes(fcinfo, 3, "digest");
	PG_RETURN_BYTEA_P(asymmetric_sign(arg_call_site(fcinfo), caller, &named, algorithm, digest));
}

/* kms_asymmetric_verify(key_id text, key_version_id text, algorithm text, digest bytea, value bytea) -> boolean */
KMS_FUNCTION(kms_asymmetric_verify, ACTION_ASYMMETRIC_VERIFY)
{
	Oid			caller = GetUserId();
	KmsNamedKey named;
	char	   *algorithm;
	kc_view		digest;
	kc_view		value;

	sensitive_mark();			/* with some algorithms the digest is the message */
	named = named_key(fcinfo);
	algorithm = arg_text(fcinfo, 2, "algorithm");
	digest = arg_required_bytes(fcinfo, 3, "digest");
	value = arg_required_bytes(fcinfo, 4, "value");
	PG_RETURN_BOOL(asymmetric_verify(arg_call_site(fcinfo), caller, &named, algorithm, digest, value));
}

/* kms_asymmetric_encrypt(key_id text, key_version_id text, algorithm text, plaintext bytea) -> bytea */
KMS_FUNCTION(kms_asymmetric_encrypt, ACTION_ASYMMETRIC_ENCRYPT)
{
	Oid			caller = GetUserId();
	KmsNamedKey named;
	char	   *algorithm;
	kc_view		plaintext;

	sensitive_mark();
	named = named_key(fcinfo);
	algorithm = arg_text(fcinfo, 2, "algorithm");
	plaintext = arg_required_bytes(fcinfo, 3, "plaintext");
	PG_RETURN_BYTEA_P(asymmetric_encrypt(arg_call_site(fcinfo), caller, &named, algorithm, plaintext));
}

/* kms_asymmetric_decrypt(key_id text, key_version_id text, algorithm text, ciphertext_blob bytea) -> bytea */
KMS_FUNCTION(kms_asymmetric_decrypt, ACTION_ASYMMETRIC_DECRYPT)
{
	Oid			caller = GetUserId();
	KmsNamedKey named = named_key(fcinfo);
	char	   *algorithm = arg_text(fcinfo, 2, "algorithm");
	kc_view		ciphertext = arg_required_bytes(fcinfo, 3, "ciphertext_blob");

	PG_RETURN_BYTEA_P(asymmetric_decrypt(arg_call_site(fcinfo), caller, &named, algorithm, ciphertext));
}

/* kms_get_public_key(key_id text, key_version_id text) -> text: PEM */
KMS_FUNCTION(kms_get_public_key, ACTION_GET_PUBLIC_KEY)
{
	Oid			caller = GetUserId();
	KmsNamedKey named = named_key(fcinfo);

	PG_RETURN_TEXT_P(cstring_to_text(asymmetric_public_key(arg_call_site(fcinfo), caller, &named)));
}
