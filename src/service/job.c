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
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/grant.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/key_rotation.h"
#include "store/catalog.h"
#include "store/import_token.h"
#include "store/key_version.h"
#include "store/role.h"
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
	/* Others never get a date. */
	if (!key_rotates(key))
		err_stored();
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

static KmsAction
action_of_job(const KmsJob *job)
{
	return job->kind == JOB_KEY_ROTATION ? ACTION_KEY_ROTATION :
		job->kind == JOB_KEY_DELETION ? ACTION_KEY_DELETION : ACTION_MATERIAL_EXPIRY;
}

/*
 * Do it and note it in one go; false if there is nothing to do, or somebody is
 * at work on the key: then it is the next round's turn.
 */
static bool
run(Oid caller, const KmsJob *job, KmsJobReport *report)
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
	if (ran && result.outcome == JOB_DONE)
	{
		audit_record_key(action_of_job(job), caller, &key.id,
						 job->kind == JOB_KEY_ROTATION ? audit_version(&key.primary_version) : NULL);
		store_close();
	}
	else
		store_close_unrecorded();
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

/* The DETAIL of an error of ours; that of another may have values in it. */
static const char *
api_code_of(const ErrorData *error)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.";

	return error->detail != NULL && error->detail[strspn(error->detail, letters)] == '\0' ? error->detail : NULL;
}

/* An error that is nobody's but the session's. */
static bool
ends_session(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

/* What runs in a subtransaction of its own. */
typedef struct Attempt
{
	Oid			caller;
	const KmsJob *job;
	KmsJobReport *report;
	bool		ran;
	const ErrorData *failure;
} Attempt;

/* Whether it went well; if not, *error, in the caller's memory. */
static bool
attempt(void (*act) (Attempt *), Attempt *what, ErrorData **error)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool well = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		act(what);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		well = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	if (!well && ends_session(*error))
		ReThrowError(*error);
	return well;
}

static void
try_job(Attempt *what)
{
	what->ran = run(what->caller, what->job, what->report);
}

static void
record_failure(Attempt *what)
{
	audit_record_failure(action_of_job(what->job), what->caller, &what->job->resource, api_code_of(what->failure),
						 psprintf("SQLSTATE %s", unpack_sql_state(what->failure->sqlerrcode)));
}

/* What failed may be what is needed to record it; it is noted, and logged, in any case. */
static void
note_failure(Attempt *what)
{
	const ErrorData *failure = what->failure;
	ErrorData  *ignored;
	char		id[37];

	ereport(LOG,
			errhidestmt(true),
			errhidecontext(true),
			errmsg("kms: %s of key %s failed: %s", job_kind_name(what->job->kind),
				   uuid_print(&what->job->resource, id), failure->message));
	what->report->outcome = JOB_FAILED;
	what->report->detail = failure->message;
	store_open();
	store_job_record_failure(what->job, failure->message, retry_at(what->job->attempts));
	store_close_unrecorded();
	(void) attempt(record_failure, what, &ignored);
}

bool
job_run(Oid caller, const KmsJob *job, KmsJobReport *report)
{
	Attempt		what = {.caller = caller, .job = job, .report = report};
	AuditCall	call = audit_call;
	ErrorData  *error;

	audit_begin(action_of_job(job));
	audit_about(&job->resource);
	if (!attempt(try_job, &what, &error))
	{
		what.failure = error;
		note_failure(&what);
		what.ran = true;
	}
	audit_call = call;
	return what.ran;
}

int
job_due(TimestampTz begin, bool all, KmsJob *jobs)
{
	int			count;

	store_open();
	count = store_job_due(GetCurrentTimestamp(), begin, all, jobs, JOB_BATCH);
	store_close_unrecorded();
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
	store_close_unrecorded();
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
