/*
 * Message authentication codes and blind indexes.
 */
#include "service/mac.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/interrupt.h"

static KmsCachedVersion *
find(KmsCallSite *site, Oid caller, KmsAction action, kc_view reference, kc_view context)
{
	KmsNamedKey named = {.argument = "key_id", .reference = reference};
	KmsCachedVersion *version;

	do
	{
		key_cache_begin();
		version = version_to_use(site, caller, action, KIND_MAC, &named, context);
	} while (key_cache_moved());
	return version;
}

bytea *
mac_generate(KmsCallSite *site, Oid caller, kc_view reference, kc_view message)
{
	KmsCachedVersion *version = find(site, caller, ACTION_GENERATE_MAC, reference, kc_view_of(NULL, 0));
	bytea	   *code = bytes_new(kc_mac_len(key_algorithm(version->key->spec)));

	usage_note(version, ACTION_GENERATE_MAC, message.len);
	usage_end(version, ACTION_GENERATE_MAC, message.len,
			  kc_mac_generate(version->mac, message, (uint8 *) VARDATA(code), interrupt_pending));
	audit_used(&version->key->id);
	return code;
}

bool
mac_verify(KmsCallSite *site, Oid caller, kc_view reference, kc_view message, kc_view code)
{
	KmsCachedVersion *version = find(site, caller, ACTION_VERIFY_MAC, reference, kc_view_of(NULL, 0));
	kc_status	status = kc_mac_verify(version->mac, message, code, interrupt_pending);

	usage_note(version, ACTION_VERIFY_MAC, message.len);
	if (status != KC_BAD_TAG)
		usage_end(version, ACTION_VERIFY_MAC, message.len, status);
	audit_used(&version->key->id);
	return status == KC_OK;
}

bytea *
mac_blind_index(KmsCallSite *site, Oid caller, kc_view reference, kc_view value, kc_view context)
{
	KmsCachedVersion *version = find(site, caller, ACTION_GENERATE_MAC, reference, context);
	bytea	   *index;
	char		id[37];

	if (version->key->spec != KEY_SPEC_HMAC_SHA_256)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("key \"%s\" is not for this operation", uuid_print(&version->key->id, id)),
					errhint("It takes a key of spec HMAC_SHA_256."));
	index = bytes_new(KC_BLIND_INDEX_LEN);
	usage_note(version, ACTION_GENERATE_MAC, value.len);
	usage_end(version, ACTION_GENERATE_MAC, value.len,
			  kc_mac_blind_index(version->mac, context, value, (uint8 *) VARDATA(index), interrupt_pending));
	audit_used(&version->key->id);
	return index;
}
