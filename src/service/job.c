/*
 * Work that is due.  What was seen without a lock counts for nothing: each job
 * looks again under the row's lock, so that two workers, or a worker and an
 * administrator, do each thing once.
 */
#include "service/job.h"

#include "access/xact.h"
#include "base/error.h"
#include "base/settings.h"
#include "base/shared.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/grant.h"
#include "service/job_kind.h"
#include "service/role_refresh.h"
#include "store/catalog.h"
#include "store/import_token.h"
#include "store/store.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define HISTORY_DAYS		30
#define FIRST_RETRY_SECONDS	60
#define LAST_RETRY_SECONDS	86400
#define LATE_SECONDS		60

const JobEnding job_done = {JOB_DONE, NULL, DT_NOEND, NULL};

static const JobKind *const kinds[] = {
	[JOB_KEY_ROTATION] = &key_rotation_job,
	[JOB_KEY_DELETION] = &key_deletion_job,
	[JOB_MATERIAL_EXPIRY] = &material_expiry_job,
	[JOB_SECRET_ROTATION] = &secret_rotation_job,
	[JOB_SECRET_DELETION] = &secret_deletion_job,
	[JOB_CERTIFICATE_EXPIRY] = &certificate_expiry_job,
};

JobEnding
job_waiting(const char *why, TimestampTz until)
{
	JobEnding	ending = {JOB_WAITING, why, until, NULL};

	return ending;
}

TimestampTz
job_in_seconds(int64 seconds)
{
	return GetCurrentTimestamp() + seconds * USECS_PER_SEC;
}

bool
job_is_past(TimestampTz date)
{
	return !TIMESTAMP_IS_NOEND(date) && date <= GetCurrentTimestamp();
}

bool
job_must_wait_for_unsealing(JobEnding *ending)
{
	if (account_is_unsealed())
		return false;
	*ending = job_waiting("the service is not open, or kms is sealed or has the wrong root key", job_in_seconds(FIRST_RETRY_SECONDS));
	return true;
}

bool
job_must_wait_for_home(JobEnding *ending)
{
	if (account_is_at_home())
		return false;
	*ending = job_waiting("this database is a copy or was restored: call kms_confirm_home()",
						  job_in_seconds(LAST_RETRY_SECONDS));
	return true;
}

/* When a worker that is at work would have seen the date at the latest. */
static bool
seen_late(TimestampTz date)
{
	return date < shared_serving_since() || date < job_in_seconds(-2 * setting_worker_naptime - LATE_SECONDS);
}

bool
job_must_wait(const KmsJob *job, TimestampTz date, JobEnding *ending)
{
	TimestampTz until = job_in_seconds(setting_deletion_grace);

	if (job_must_wait_for_home(ending))
		return true;
	if (!seen_late(date))
		return false;
	/* It waits already, and that was noted by this server since it takes writes. */
	if (!TIMESTAMP_IS_NOEND(job->waits_until) && job->waits_since >= shared_serving_since())
		until = Min(until, job->waits_until);
	if (until <= GetCurrentTimestamp())
		return false;
	*ending = job_waiting("its date was found to have passed long before: kms.deletion_grace runs", until);
	return true;
}

/*
 * Do it and note it in one go; false if there is nothing to do, or somebody is
 * at work on the resource: then it is the next round's turn.
 */
static bool
run(Oid caller, const KmsJob *job, KmsJobReport *report)
{
	const JobKind *kind = kinds[job->kind];
	JobEnding	ending;
	bool		ran;

	store_open();
	ran = kind->run(job, &ending);
	if (ran)
	{
		store_job_record(job, ending.outcome, ending.detail, ending.retry_at);
		store_sync_at_commit();
		report->outcome = ending.outcome;
		report->detail = ending.detail;
	}
	if (ran && ending.outcome == JOB_DONE)
	{
		audit_record(kind->action, caller, kind->resource_type, job->name, ending.audit_detail);
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
	return job_in_seconds(Min(seconds, LAST_RETRY_SECONDS));
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
	const JobKind *kind = kinds[what->job->kind];

	audit_record_failure(kind->action, what->caller, kind->resource_type, what->job->name, api_code_of(what->failure),
						 psprintf("SQLSTATE %s", unpack_sql_state(what->failure->sqlerrcode)));
}

/* "key <id>"; secret/NAME and certificate/UUID say by themselves what they are. */
static const char *
called(const KmsJob *job)
{
	return strchr(job->name, '/') != NULL ? job->name : psprintf("%s %s", kinds[job->kind]->resource_type, job->name);
}

/* What failed may be what is needed to record it; it is noted, and logged, in any case. */
static void
note_failure(Attempt *what)
{
	const ErrorData *failure = what->failure;
	const JobKind *kind = kinds[what->job->kind];
	ErrorData  *ignored;

	ereport(LOG,
			errhidestmt(true),
			errhidecontext(true),
			errmsg("kms: %s of %s failed: %s", job_kind_name(what->job->kind), called(what->job), failure->message));
	what->report->outcome = JOB_FAILED;
	what->report->detail = failure->message;
	store_open();
	store_job_record(what->job, JOB_FAILED, failure->message, retry_at(what->job->attempts));
	if (kind->failed != NULL)
		kind->failed(what->job);
	store_close_unrecorded();
	(void) attempt(record_failure, what, &ignored);
}

bool
job_run(Oid caller, const KmsJob *job, KmsJobReport *report)
{
	Attempt		what = {.caller = caller, .job = job, .report = report};
	AuditCall	call = audit_call;
	ErrorData  *error;

	audit_begin(kinds[job->kind]->action);
	kinds[job->kind]->about(job);
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
	count = store_job_due_keys(GetCurrentTimestamp(), begin, all, jobs, JOB_BATCH);
	count += store_job_due_secrets(GetCurrentTimestamp(), begin, all, jobs + count, JOB_BATCH - count);
	count += store_job_due_certificates(GetCurrentTimestamp(), begin, all, jobs + count, JOB_BATCH - count);
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
		role_refresh();
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
