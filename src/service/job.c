/*
 * Work that is due.  What was seen without a lock counts for nothing: each job
 * looks again under the row's lock, so that two workers, or a worker and an
 * administrator, do each thing once.
 */
#include "service/job.h"

#include "access/xact.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/settings.h"
#include "base/shared.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/grant.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/key_rotation.h"
#include "store/catalog.h"
#include "store/import_token.h"
#include "store/key_version.h"
#include "store/store.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define HISTORY_DAYS		30
#define FIRST_RETRY_SECONDS	60
#define LAST_RETRY_SECONDS	86400
#define LATE_SECONDS		60

/* What a job says of itself; retry_at DT_NOEND when done. */
typedef struct Ending
{
	KmsJobOutcome outcome;
	const char *detail;
	TimestampTz retry_at;
} Ending;

static const Ending done = {JOB_DONE, NULL, DT_NOEND};

static Ending
waiting(const char *why, TimestampTz until)
{
	Ending		result = {JOB_WAITING, why, until};

	return result;
}

static TimestampTz
in_seconds(int64 seconds)
{
	return GetCurrentTimestamp() + seconds * USECS_PER_SEC;
}

/* When a worker that is at work would have seen the date at the latest. */
static bool
seen_late(TimestampTz date)
{
	return date < shared_serving_since() || date < in_seconds(-2 * setting_worker_naptime - LATE_SECONDS);
}

/*
 * Destruction needs a date that passed under the eyes of a worker.  What is found
 * long after its date, after a restore, a downtime or a wrong clock, waits some
 * time for the administrator to step in; and a copy waits until he has spoken.
 */
static bool
must_wait(const KmsJob *job, TimestampTz date, Ending *result)
{
	TimestampTz until = in_seconds(setting_deletion_grace);

	if (!account_is_at_home())
	{
		*result = waiting("this database is a copy or was restored: call kms_confirm_home()",
						  in_seconds(LAST_RETRY_SECONDS));
		return true;
	}
	if (!seen_late(date))
		return false;
	/* It waits already, and that was noted by this server since it takes writes. */
	if (!TIMESTAMP_IS_NOEND(job->waits_until) && job->waits_since >= shared_serving_since())
		until = Min(until, job->waits_until);
	if (until <= GetCurrentTimestamp())
		return false;
	*result = waiting("its date was found to have passed long before: kms.deletion_grace runs", until);
	return true;
}

static bool
is_past(TimestampTz date)
{
	return !TIMESTAMP_IS_NOEND(date) && date <= GetCurrentTimestamp();
}

/* Seen under the lock. */
static bool
is_due(const KmsJob *job, const KmsKey *key)
{
	switch (job->kind)
	{
		case JOB_KEY_ROTATION:
			return key->state == KEY_ENABLED && is_past(key->next_rotation_at);
		case JOB_KEY_DELETION:
			return key->state == KEY_PENDING_DELETION && is_past(key->delete_at);
		case JOB_MATERIAL_EXPIRY:
			return (key->state == KEY_ENABLED || key->state == KEY_DISABLED) && is_past(key->material_expires_at);
	}
	elog(ERROR, "unknown job %d", (int) job->kind);
}

static bool
rotate(KmsKey *key, Ending *result)
{
	(void) key_rotate(key);
	*result = done;
	return true;
}

static bool
erase(const KmsJob *job, KmsKey *key, Ending *result)
{
	List	   *roles;
	ListCell   *cell;

	if (must_wait(job, key->delete_at, result))
		return true;
	roles = grant_roles_of(key);
	store_key_erase(&key->id);
	foreach(cell, roles)
		store_role_release(lfirst_oid(cell));
	*result = done;
	return true;
}

/* The version stays, without material, and waits for the same again. */
static bool
expire(const KmsJob *job, KmsKey *key, Ending *result)
{
	if (must_wait(job, key->material_expires_at, result))
		return true;
	store_key_version_erase_material(&key->id);
	key->state = KEY_PENDING_IMPORT;
	key->material_expires_at = DT_NOEND;
	key_save(key);
	*result = done;
	return true;
}

/* A row that was tampered with is not acted upon: there is no undo. */
static bool
run_locked(const KmsJob *job, KmsKey *key, Ending *result)
{
	if (!is_due(job, key))
		return false;
	if (!account_is_unsealed())
	{
		*result = waiting("the service is not open, or kms is sealed or has the wrong root key", in_seconds(FIRST_RETRY_SECONDS));
		return true;
	}
	key_require_intact(key);
	switch (job->kind)
	{
		case JOB_KEY_ROTATION:
			return rotate(key, result);
		case JOB_KEY_DELETION:
			return erase(job, key, result);
		case JOB_MATERIAL_EXPIRY:
			return expire(job, key, result);
	}
	elog(ERROR, "unknown job %d", (int) job->kind);
}

/*
 * Do it and note it in one go; false if there is nothing to do, or somebody is
 * at work on the key: then it is the next round's turn.
 */
static bool
run(const KmsJob *job, KmsJobReport *report)
{
	KmsKey		key;
	Ending		result;
	bool		ran;

	store_open();
	ran = store_key_lock_free(&job->resource, &key) && run_locked(job, &key, &result);
	if (ran)
	{
		store_job_record(job, &key, result.outcome, result.detail, result.retry_at);
		store_sync_at_commit();
		report->outcome = result.outcome;
		report->detail = result.detail;
	}
	store_close();
	return ran;
}

/* Twice as long after each failure, a day at most. */
static TimestampTz
retry_at(int attempts)
{
	int64		seconds = FIRST_RETRY_SECONDS;

	for (int i = 0; i < attempts && seconds < LAST_RETRY_SECONDS; i++)
		seconds *= 2;
	return in_seconds(Min(seconds, LAST_RETRY_SECONDS));
}

static void
note_failure(const KmsJob *job, const char *detail, KmsJobReport *report)
{
	report->outcome = JOB_FAILED;
	report->detail = detail;
	store_open();
	store_job_record_failure(job, detail, retry_at(job->attempts));
	store_close();
}

/* An error that is nobody's but the session's. */
static bool
ends_session(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

bool
job_run(const KmsJob *job, KmsJobReport *report)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ran = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		ran = run(job, report);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		char		id[37];

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		if (ends_session(error))
			ReThrowError(error);
		ereport(LOG,
				errhidestmt(true),
				errhidecontext(true),
				errmsg("kms: %s of key %s failed: %s", job_kind_name(job->kind),
					   uuid_print(&job->resource, id), error->message));
		note_failure(job, error->message, report);
		ran = true;
	}
	PG_END_TRY();
	return ran;
}

int
job_due(TimestampTz begin, bool all, KmsJob *jobs)
{
	int			count;

	store_open();
	count = store_job_due(GetCurrentTimestamp(), begin, all, jobs, JOB_BATCH);
	store_close();
	return count;
}

void
job_forget(void)
{
	store_open();
	store_job_forget_old(GetCurrentTimestamp() - HISTORY_DAYS * USECS_PER_DAY);
	store_import_token_expire(GetCurrentTimestamp(), GetCurrentTimestamp() - HISTORY_DAYS * USECS_PER_DAY);
	grant_forget_expired(GetCurrentTimestamp() - HISTORY_DAYS * USECS_PER_DAY);
	if (account_is_unsealed() && account_is_at_home())
		grant_refresh_roles();
	store_close();
}

bool
job_service_installed(void)
{
	return store_installed();
}

List *
job_databases(void)
{
	return store_databases();
}
