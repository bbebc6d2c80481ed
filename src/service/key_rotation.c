/*
 * Rotation.
 */
#include "service/key_rotation.h"

#include "base/error.h"
#include "service/audit.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/key_spec.h"
#include "service/material.h"
#include "store/key_version.h"
#include "store/store.h"
#include "utils/timestamp.h"

#define INTERVAL_MIN	INT64CONST(604800)		/* 7 days */
#define INTERVAL_MAX	INT64CONST(63072000)	/* 730 days */

/* New versions of a pair: at least so many days apart, and at most so many. */
#define PAIR_VERSION_DAYS	7
#define PAIR_VERSIONS_MAX	50

int64
key_check_rotation_interval(int64 seconds)
{
	if (seconds == NO_INTERVAL)
		err_invalid("rotation_interval", "automatic rotation needs one");
	if (seconds < INTERVAL_MIN || seconds > INTERVAL_MAX)
		err_invalid("rotation_interval", "it must be 7 to 730 days");
	return seconds;
}

TimestampTz
key_next_rotation(const KmsKey *key)
{
	if (key->rotation_seconds == 0 || TIMESTAMP_IS_NOEND(key->rotated_at))
		return DT_NOEND;
	return key->rotated_at + key->rotation_seconds * USECS_PER_SEC;
}

bool
key_rotates(const KmsKey *key)
{
	return key->origin == KEY_ORIGIN_KMS && key_kind(key->spec, key->usage) == KIND_CIPHER;
}

/* From here on it is the version that encrypts, or of a pair simply the newest. */
static void
add_version(KmsKey *key, KmsKeyVersion *version)
{
	version->created_at = GetCurrentTimestamp();
	store_key_version_insert(version);
	key->has_primary_version = true;
	key->primary_version = version->id;
	key->rotated_at = version->created_at;
	key->next_rotation_at = key_next_rotation(key);
	key_save(key);
}

pg_uuid_t
key_rotate(KmsKey *key)
{
	KmsKeyVersion version;

	material_generate(key, &version);
	add_version(key, &version);
	return version.id;
}

static void
err_unsupported(const KmsReference *reference, const char *why, const char *hint)
{
	kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
				errmsg("key \"%.*s\" %s", (int) reference->len, reference->text, why),
				hint != NULL ? errhint("%s", hint) : 0);
}

/* The kind of key comes before its state. */
static void
require_rotatable(const KmsReference *reference, const KmsKey *key)
{
	if (key_kind(key->spec, key->usage) == 0)
		err_stored();
	if (!key_spec_is_cipher(key->spec))
		err_unsupported(reference, "is no symmetric encryption key: it does not rotate", NULL);
	if (key->origin != KEY_ORIGIN_KMS)
		err_unsupported(reference, "has imported material and cannot be rotated", NULL);
	key_require_enabled(key->state, "key", reference->text, reference->len);
}

static void
count_version(const KmsKeyVersion *version, void *argument)
{
	++*(int *) argument;
}

/* Others hold its public keys: new ones come seldom, and there are not many. */
static void
require_pair_limits(const KmsReference *reference, const KmsKey *key)
{
	int			count = 0;

	if (GetCurrentTimestamp() - key->rotated_at < PAIR_VERSION_DAYS * USECS_PER_DAY)
		err_unsupported(reference, "got its newest version less than 7 days ago",
						"Make a new key if you need another pair now.");
	store_key_version_list(&key->id, count_version, &count);
	if (count >= PAIR_VERSIONS_MAX)
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("key \"%.*s\" has 50 versions", (int) reference->len, reference->text),
					errhint("Make a new key."));
}

static void
require_new_version(const KmsReference *reference, const KmsKey *key)
{
	if (!(key_kind(key->spec, key->usage) & KIND_PAIR))
	{
		if (key_kind(key->spec, key->usage) == KIND_MAC)
			err_unsupported(reference, "is for MACs: it has one version only", "Make a new key.");
		require_rotatable(reference, key);
		return;
	}
	key_require_enabled(key->state, "key", reference->text, reference->len);
	require_pair_limits(reference, key);
}

/* The material is made before the lock is taken: a pair may take seconds. */
pg_uuid_t
key_create_version(Oid caller, const char *text)
{
	KmsReference reference;
	KmsKey		key;
	KmsKeyVersion version;

	reference_parse("key_id", text, strlen(text), &reference);
	key_find_for(caller, ACTION_CREATE_KEY_VERSION, &reference, &key);
	require_new_version(&reference, &key);
	store_require_writable();
	material_generate(&key, &version);

	store_open();
	key_lock_for(caller, ACTION_CREATE_KEY_VERSION, &reference, &key.id, &key);
	require_new_version(&reference, &key);
	add_version(&key, &version);
	audit_record_key(ACTION_CREATE_KEY_VERSION, caller, &key.id, audit_version(&version.id));
	store_sync_at_commit();
	store_close();
	return version.id;
}

void
key_update_rotation_policy(Oid caller, const char *text, bool enable, int64 seconds)
{
	KmsReference reference;
	KmsKey		key;
	pg_uuid_t	version_id;
	bool		rotates_now;

	reference_parse_id("key_id", text, &reference);
	if (enable)
		key_check_rotation_interval(seconds);
	key_find_for(caller, ACTION_UPDATE_ROTATION_POLICY, &reference, &key);
	require_rotatable(&reference, &key);

	store_open();
	key_lock_for(caller, ACTION_UPDATE_ROTATION_POLICY, &reference, &reference.key_id, &key);
	require_rotatable(&reference, &key);
	key.rotation_seconds = enable ? seconds : 0;
	key.next_rotation_at = key_next_rotation(&key);
	rotates_now = key.next_rotation_at <= GetCurrentTimestamp();
	if (rotates_now)
		version_id = key_rotate(&key);
	else
		key_save(&key);
	audit_record_key(ACTION_UPDATE_ROTATION_POLICY, caller, &key.id, enable ? "on" : "off");
	if (rotates_now)
		audit_record_key(ACTION_CREATE_KEY_VERSION, caller, &key.id, audit_version(&version_id));
	store_sync_at_commit();
	store_close();
}
