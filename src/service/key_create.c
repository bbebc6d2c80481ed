/*
 * Making keys.
 */
#include "service/key_create.h"

#include "base/error.h"
#include "base/ident.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/key_rotation.h"
#include "service/key_spec.h"
#include "service/material.h"
#include "service/tag.h"
#include "store/key_version.h"
#include "store/store.h"
#include "utils/timestamp.h"

/* The spec with or without Aliyun_ before it. */
static KmsKeySpec
parse_spec(const char *name)
{
	KmsKeySpec	spec = key_spec_of(name, strlen(name));
	char		full[32];

	if (spec == 0 && snprintf(full, sizeof(full), "Aliyun_%s", name) < (int) sizeof(full))
		spec = key_spec_of(full, strlen(full));
	if (spec == 0)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for key_spec"),
					errhint("docs/reference/key.md lists the key specs; the first of them is Aliyun_AES_256."));
	return spec;
}

/* One usage for the whole life of a key; a spec may have the choice of two. */
static KmsKeyUsage
parse_usage(const char *name, KmsKeySpec spec)
{
	KmsKeyUsage usage = name == NULL ? key_default_usage(spec) : key_usage_of(name, strlen(name));

	if (usage == 0)
		err_invalid("key_usage", "it must be ENCRYPT/DECRYPT, SIGN/VERIFY or GENERATE_VERIFY_MAC");
	if (key_kind(spec, usage) == 0)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for key_usage: a key of spec %s is not for %s",
						   key_spec_name(spec), key_usage_name(usage)));
	return usage;
}

static KmsKeyOrigin
parse_origin(const char *name, KmsKeySpec spec)
{
	KmsKeyOrigin origin = key_origin_of(name, strlen(name));

	if (origin == 0)
		err_invalid("origin", "it must be Aliyun_KMS or EXTERNAL");
	if (origin == KEY_ORIGIN_EXTERNAL && !key_spec_is_cipher(spec))
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("material of a key of spec %s cannot be imported", key_spec_name(spec)),
					errhint("Only symmetric encryption keys take imported material."));
	return origin;
}

static void
require_software(const char *protection_level)
{
	if (strcmp(protection_level, "SOFTWARE") == 0)
		return;
	if (strcmp(protection_level, "HSM") != 0)
		err_invalid("protection_level", "it must be SOFTWARE");
	kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_PROTECTION,
				errmsg("there is no hardware protection for keys here"),
				errhint("Use protection_level SOFTWARE."));
}

/* Seconds of the policy, 0 without one. */
static int64
parse_rotation(const KmsCreateKey *request, const KmsKey *key)
{
	if (!request->automatic_rotation)
		return 0;
	if (!key_rotates(key))
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("automatic rotation is for symmetric encryption keys whose material is made here"));
	return key_check_rotation_interval(request->rotation_seconds);
}

pg_uuid_t
key_create(Oid caller, const KmsCreateKey *request)
{
	KmsKey		key = {0};
	KmsKeyVersion version;
	List	   *tags;

	key.spec = parse_spec(request->key_spec);
	key.usage = parse_usage(request->key_usage, key.spec);
	key.origin = parse_origin(request->origin, key.spec);
	require_software(request->protection_level);
	key_require_description("description", request->description);
	key.rotation_seconds = parse_rotation(request, &key);
	tags = tags_parse(request->tags);

	key.id = uuid_random();
	key.stored_owner = store_role_of(caller);
	key.description = request->description;
	key.deletion_protected = request->deletion_protected;
	key.created_at = GetCurrentTimestamp();
	key.rotated_at = key.next_rotation_at = key.material_expires_at = key.delete_at = DT_NOEND;
	key.state = KEY_PENDING_IMPORT;
	account_require_unsealed();
	store_require_writable();	/* not only after a search for primes */
	if (key.origin == KEY_ORIGIN_KMS)
	{
		material_generate(&key, &version);
		version.created_at = key.created_at;
		key.rotated_at = key.created_at;
		key.next_rotation_at = key_next_rotation(&key);
		key.state = KEY_ENABLED;
		key.has_primary_version = true;
		key.primary_version = version.id;
	}

	store_role_anchor(caller);
	key_add(&key);
	if (key.has_primary_version)
		store_key_version_insert(&version);
	if (tags != NIL)
	{
		store_open();
		tags_add(&key.id, "key", tags);
		store_close_unrecorded();
	}
	audit_record_key(ACTION_CREATE_KEY, caller, &key.id, key.has_primary_version ? audit_version(&version.id) : NULL);
	store_sync_at_commit();
	return key.id;
}
