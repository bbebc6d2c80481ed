/*
 * Rotation.
 */
#include "service/key_rotation.h"

#include "base/error.h"
#include "service/key.h"
#include "service/material.h"
#include "store/key_version.h"
#include "store/store.h"
#include "utils/timestamp.h"

#define INTERVAL_MIN	INT64CONST(604800)		/* 7 days */
#define INTERVAL_MAX	INT64CONST(63072000)	/* 730 days */

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

pg_uuid_t
key_rotate(KmsKey *key)
{
	KmsKeyVersion version;

	material_generate(key, &version);
	version.created_at = GetCurrentTimestamp();
	store_key_version_insert(&version);
	key->has_primary_version = true;
	key->primary_version = version.id;
	key->rotated_at = version.created_at;
	key->next_rotation_at = key_next_rotation(key);
	store_key_update(key);
	return version.id;
}

/* The kind of key comes before its state. */
static void
require_rotatable(const KmsReference *reference, const KmsKey *key)
{
	if (key->origin != KEY_ORIGIN_KMS)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
					errmsg("key \"%.*s\" has imported material and cannot be rotated",
						   (int) reference->len, reference->text));
	key_require_enabled(key->state, "key", reference->text, reference->len);
}

pg_uuid_t
key_create_version(Oid caller, const char *text)
{
	KmsReference reference;
	KmsKey		key;
	pg_uuid_t	version;

	reference_parse("key_id", text, strlen(text), &reference);
	key_find_for(caller, ACTION_CREATE_KEY_VERSION, &reference, &key);
	require_rotatable(&reference, &key);

	store_open();
	key_lock_for(caller, ACTION_CREATE_KEY_VERSION, &reference, &key.id, &key);
	require_rotatable(&reference, &key);
	version = key_rotate(&key);
	store_sync_at_commit();
	store_close();
	return version;
}

void
key_update_rotation_policy(Oid caller, const char *text, bool enable, int64 seconds)
{
	KmsReference reference;
	KmsKey		key;

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
	if (key.next_rotation_at <= GetCurrentTimestamp())
		(void) key_rotate(&key);
	else
		store_key_update(&key);
	store_sync_at_commit();
	store_close();
}
