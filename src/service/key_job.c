/*
 * What becomes due of keys: rotating them, erasing them or their material.
 */
#include "service/job_kind.h"

#include "service/audit.h"
#include "service/audit_line.h"
#include "service/grant.h"
#include "service/key.h"
#include "service/key_rotation.h"
#include "service/key_seal.h"
#include "store/key_version.h"
#include "store/role.h"

static void
about(const KmsJob *job)
{
	audit_about(&job->resource);
}

/* A row that was tampered with is not acted upon: there is no undo. */
static bool
lock_due(const KmsJob *job, bool (*is_due) (const KmsKey *), KmsKey *key)
{
	return store_key_lock_free(&job->resource, key) && is_due(key);
}

static bool
is_due_to_rotate(const KmsKey *key)
{
	return key->state == KEY_ENABLED && job_is_past(key->next_rotation_at);
}

static bool
rotate(const KmsJob *job, JobEnding *ending)
{
	KmsKey		key;

	if (!lock_due(job, is_due_to_rotate, &key))
		return false;
	if (job_must_wait_for_unsealing(ending))
		return true;
	key_require_intact(&key);
	/* Others never get a date. */
	if (!key_rotates(&key))
		err_stored();
	(void) key_rotate(&key);
	*ending = job_done;
	ending->audit_detail = audit_version(&key.primary_version);
	return true;
}

static bool
is_due_to_go(const KmsKey *key)
{
	return key->state == KEY_PENDING_DELETION && job_is_past(key->delete_at);
}

static bool
erase(const KmsJob *job, JobEnding *ending)
{
	KmsKey		key;
	List	   *roles;
	ListCell   *cell;

	if (!lock_due(job, is_due_to_go, &key))
		return false;
	if (job_must_wait_for_unsealing(ending))
		return true;
	key_require_intact(&key);
	if (job_must_wait(job, key.delete_at, ending))
		return true;
	roles = grant_roles_of(&key.id, key.owner);
	store_key_erase(&key.id);
	foreach(cell, roles)
		store_role_release(lfirst_oid(cell));
	*ending = job_done;
	return true;
}

static bool
is_due_to_expire(const KmsKey *key)
{
	return (key->state == KEY_ENABLED || key->state == KEY_DISABLED) && job_is_past(key->material_expires_at);
}

/* The version stays, without material, and waits for the same again. */
static bool
expire(const KmsJob *job, JobEnding *ending)
{
	KmsKey		key;

	if (!lock_due(job, is_due_to_expire, &key))
		return false;
	if (job_must_wait_for_unsealing(ending))
		return true;
	key_require_intact(&key);
	if (job_must_wait(job, key.material_expires_at, ending))
		return true;
	store_key_version_erase_material(&key.id);
	key.state = KEY_PENDING_IMPORT;
	key.material_expires_at = DT_NOEND;
	key_save(&key);
	*ending = job_done;
	return true;
}

const JobKind key_rotation_job = {ACTION_KEY_ROTATION, "key", about, rotate, NULL};
const JobKind key_deletion_job = {ACTION_KEY_DELETION, "key", about, erase, NULL};
const JobKind material_expiry_job = {ACTION_MATERIAL_EXPIRY, "key", about, expire, NULL};
