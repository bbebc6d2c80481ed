/*
 * Using a key, where something must be looked up or asked.
 */
#include "service/key_use.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/key.h"
#include "service/prepared.h"
#include "store/store.h"

/* Ask, and remember the answer with the key until roles change. */
void
key_use_check_permission(KmsCachedKey *key, Oid caller, KmsAction action, kc_view context,
						 const char *kind, kc_view name)
{
	KmsSubject	subject = key_cache_subject(key);
	const uint64 roles_count = invalidation_roles_count;	/* before asking: it may move meanwhile */
	KmsVerdict	verdict;

	audit_about(&key->id);
	if (key_is_gone(key->state, key->delete_at))
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_NOT_FOUND,
					errmsg("%s \"%.*s\" does not exist", kind, (int) name.len, name.data));
	verdict = access_decide(caller, action, &subject, context);
	if (verdict == ACCESS_DENIED)
		access_refuse(kind, (const char *) name.data, name.len);
	if (verdict == ACCESS_ALLOWED_NOW)
		return;
	if (key->rights_role != caller || key->rights_count != roles_count)
	{
		key->rights_role = caller;
		key->rights_count = roles_count;
		key->rights = 0;
	}
	key->rights |= RIGHT_TO(action);
}

/* The API has two codes for it: pairs have their own. */
static void
err_kind(const char *id, int kinds)
{
	kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED,
				kinds & KIND_PAIR ? API_REJECTED_UNSUPPORTED : API_UNSUPPORTED_OPERATION,
				errmsg("key \"%s\" is not for this operation", id),
				kinds == KIND_CIPHER ? errhint("It takes a symmetric key with usage ENCRYPT/DECRYPT.") :
				kinds == KIND_MAC ? errhint("It takes a key with usage GENERATE_VERIFY_MAC.") :
				kinds == KIND_SIGNING ? errhint("It takes an asymmetric key with usage SIGN/VERIFY.") :
				kinds == KIND_DECRYPTION ? errhint("It takes an asymmetric key with usage ENCRYPT/DECRYPT.") :
				errhint("It takes an asymmetric key."));
}

void
key_use_check_kind_and_state(const KmsCachedKey *key, int kinds)
{
	char		id[37];

	audit_about(&key->id);
	uuid_print(&key->id, id);
	if (key->kind == 0)
		err_stored();			/* never made so: the row was edited */
	if (!(key->kind & kinds))
		err_kind(id, kinds);
	key_require_enabled(key_state_now(key->state, key->material_expires_at), "key", id, 36);
}

KmsCachedKey *
key_use_find(KmsCallSite *site, const char *argument, kc_view reference)
{
	site->epoch = 0;
	site->key = key_cache_find(argument, (const char *) reference.data, reference.len);
	if (reference.len <= REFERENCE_MAX_LEN)
	{
		memcpy(site->reference, reference.data, reference.len);
		site->reference_len = reference.len;
		site->epoch = key_cache_epoch;
	}
	return site->key;
}

bool
key_use_find_version(KmsCallSite *site, const uint8 *version_id)
{
	site->version_epoch = 0;
	site->version = key_cache_version(version_id);
	if (site->version == NULL)
		return false;
	site->version_epoch = key_cache_epoch;
	return true;
}

bool
key_use_check_version(KmsCachedVersion *version, Oid caller, KmsAction action, kc_view context)
{
	char		id[37];

	audit_about(&version->key->id);
	if (key_is_gone(version->key->state, version->key->delete_at))
		return false;
	uuid_print(&version->id, id);
	key_use_check_permission(version->key, caller, action, context, "key version", kc_view_of(id, 36));
	key_use_check_kind_and_state(version->key, KIND_CIPHER);
	return true;
}

bool
key_use_failed(const KmsCachedVersion *version, KmsAction action, size_t bytes, kc_status status,
			   KmsRefusal *refusal)
{
	usage_failed(version, action, bytes);
	audit_about(&version->key->id);
	if (status != KC_BAD_TAG && status != KC_BAD_INPUT)
		err_crypto_failed(status);
	refuse_ciphertext(refusal);
	return false;
}

/* Of this very key: another key's version is none. */
static KmsCachedVersion *
version_of(KmsCachedKey *key, const KmsNamedKey *named)
{
	KmsCachedVersion *version;
	pg_uuid_t	id;

	if (!uuid_parse((const char *) named->version_id.data, named->version_id.len, &id))
		err_invalid(named->version_argument, "it is no key version id");
	version = key_cache_version(id.data);
	if (version == NULL || version->key != key)
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_VERSION_NOT_FOUND,
					errmsg("key \"%.*s\" has no version \"%.*s\"",
						   (int) named->reference.len, named->reference.data,
						   (int) named->version_id.len, named->version_id.data));
	return version;
}

KmsCachedVersion *
version_to_use(KmsCallSite *site, Oid caller, KmsAction action, int kinds, const KmsNamedKey *named,
			   kc_view context)
{
	KmsCachedKey *key = key_named(site, named->argument, named->reference);
	bool		known = known_usable(key, caller, action, kinds);
	KmsCachedVersion *version = NULL;

	if (!known)
		key_use_check_permission(key, caller, action, context, "key", named->reference);
	if (named->version_id.data != NULL)
		version = version_of(key, named);
	if (!known)
		key_use_check_kind_and_state(key, kinds);
	if (version == NULL)
		version = key_cache_primary(key);
	prepared_load(version);
	return version;
}
