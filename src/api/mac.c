/*
 * kms_generate_mac, kms_verify_mac, kms_blind_index.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "base/utf8.h"
#include "miscadmin.h"
#include "service/mac.h"

/* kms_generate_mac(key_id text, message bytea) -> bytea */
KMS_FUNCTION(kms_generate_mac, ACTION_GENERATE_MAC)
{
	Oid			caller = GetUserId();
	kc_view		reference;

	sensitive_mark();
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	reference = arg_required_bytes(fcinfo, 0, "key_id");
	PG_RETURN_BYTEA_P(mac_generate(arg_call_site(fcinfo), caller, reference, arg_bytes(fcinfo, 1)));
}

/* kms_verify_mac(key_id text, message bytea, mac bytea) -> boolean */
KMS_FUNCTION(kms_verify_mac, ACTION_VERIFY_MAC)
{
	Oid			caller = GetUserId();
	kc_view		reference;
	kc_view		message;
	kc_view		code;

	sensitive_mark();
	reference = arg_required_bytes(fcinfo, 0, "key_id");
	message = arg_required_bytes(fcinfo, 1, "message");
	code = arg_required_bytes(fcinfo, 2, "mac");
	PG_RETURN_BOOL(mac_verify(arg_call_site(fcinfo), caller, reference, message, code));
}

/* kms_blind_index(key_id text, value text, encryption_context jsonb) -> bytea: of the UTF-8 of the value */
KMS_FUNCTION(kms_blind_index, ACTION_GENERATE_MAC)
{
	Oid			caller = GetUserId();
	KmsCallSite *site;
	kc_view		reference;
	kc_view		value;
	kc_view		context;

	sensitive_mark();
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	site = arg_call_site(fcinfo);
	reference = arg_required_bytes(fcinfo, 0, "key_id");
	value = arg_bytes(fcinfo, 1);
	value = utf8_from_server("value", (const char *) value.data, value.len);
	context = arg_context(fcinfo, 2, &site->context);
	PG_RETURN_BYTEA_P(mac_blind_index(site, caller, reference, value, context));
}
