/*
 * What becomes due of secrets: rotating them, erasing them.
 */
#include "service/job_kind.h"

#include "base/ident.h"
#include "service/audit_line.h"
#include "service/secret_deletion.h"
#include "service/secret_rotation.h"
#include "service/secret_seal.h"
#include "utils/timestamp.h"

static void
about(const KmsJob *job)
{
	audit_about_secret(job->name + strlen("secret/"));
}

static bool
is_due_to_rotate(const KmsSecret *secret)
{
	return secret->rotation != SECRET_ROTATION_DISABLED && TIMESTAMP_IS_NOEND(secret->delete_at) &&
		job_is_past(secret->next_rotation_at);
}

/* In a copy it waits, as a rotation by hand is refused (secret_rotation.c). */
static bool
rotate(const KmsJob *job, JobEnding *ending)
{
	KmsSecret	secret;
	pg_uuid_t	version_id = uuid_random();
	char	   *id = uuid_print(&version_id, palloc(37));

	if (!store_secret_lock_free(&job->resource, &secret) || !is_due_to_rotate(&secret))
		return false;
	if (job_must_wait_for_unsealing(ending) || job_must_wait_for_home(ending))
		return true;
	secret_require_intact(&secret);
	/* Others never get a date. */
	if (secret.type != SECRET_RDS)
		err_stored();
	secret_rotate_locked(&secret, id);
	*ending = job_done;
	ending->audit_detail = psprintf("version %s", id);
	return true;
}

/* It shows in the secret itself; a worker tries again, later and later. */
static void
rotation_failed(const KmsJob *job)
{
	KmsSecret	secret;

	if (!store_secret_lock_free(&job->resource, &secret) || !secret_is_intact(&secret) ||
		secret.rotation != SECRET_ROTATION_ENABLED)
		return;
	secret.rotation = SECRET_ROTATION_INVALID;
	secret_save(&secret);
}

static bool
erase(const KmsJob *job, JobEnding *ending)
{
	KmsSecret	secret;

	if (!store_secret_lock_free(&job->resource, &secret) || !job_is_past(secret.delete_at))
		return false;
	if (job_must_wait_for_unsealing(ending))
		return true;
	secret_require_intact(&secret);
	if (job_must_wait(job, secret.delete_at, ending))
		return true;
	secret_erase(&secret);
	*ending = job_done;
	return true;
}

const JobKind secret_rotation_job = {ACTION_SECRET_ROTATION, "secret", about, rotate, rotation_failed};
const JobKind secret_deletion_job = {ACTION_SECRET_DELETION, "secret", about, erase, NULL};
