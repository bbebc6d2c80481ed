/*
 * kms_envelope_encrypt.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "base/utf8.h"
#include "miscadmin.h"
#include "service/envelope.h"

static Datum
encrypt(FunctionCallInfo fcinfo, bool is_text)
{
	Oid			caller = GetUserId();
	KmsCallSite *site;
	kc_view		reference;
	kc_view		plaintext;
	kc_view		context;

	sensitive_mark();
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	site = arg_call_site(fcinfo);
	reference = arg_required_bytes(fcinfo, 0, "key_id");
	plaintext = arg_bytes(fcinfo, 1);
	if (is_text)
		plaintext = utf8_from_server("plaintext", (const char *) plaintext.data, plaintext.len);
	context = arg_context(fcinfo, 2, &site->context);
	PG_RETURN_BYTEA_P(envelope_encrypt(site, caller, reference, plaintext, context));
}

/* kms_envelope_encrypt(key_id text, plaintext bytea, encryption_context jsonb) -> bytea */
KMS_FUNCTION(kms_envelope_encrypt, ACTION_ENCRYPT)
{
	return encrypt(fcinfo, false);
}

/* kms_envelope_encrypt(key_id text, plaintext text, encryption_context jsonb) -> bytea: the UTF-8 of the text */
KMS_FUNCTION(kms_envelope_encrypt_text, ACTION_ENCRYPT)
{
	return encrypt(fcinfo, true);
}
