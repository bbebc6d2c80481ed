/*
 * A worker: does what is due in one database, and leaves.  Each job is a
 * transaction of its own.
 */
#include "worker/job_worker.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "service/access.h"
#include "service/job.h"
#include "service/usage.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static bool
is_installed(void)
{
	bool		installed;

	begin();
	installed = job_service_installed();
	commit();
	return installed;
}

static int
find_due(TimestampTz since, KmsJob *jobs)
{
	int			count;

	begin();
	count = job_due(since, false, jobs);
	commit();
	return count;
}

static bool
do_job(const KmsJob *job)
{
	KmsJobReport report;
	bool		ran;

	CHECK_FOR_INTERRUPTS();
	begin();
	ran = job_run(CALLER_SERVICE, job, &report);
	commit();
	return ran;
}

void
kms_job_worker_main(Datum database)
{
	TimestampTz since = GetCurrentTimestamp();
	KmsJob		jobs[JOB_BATCH];
	int			count;
	bool		ran = true;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	/* Before the first lock: one that is held for long must not hold up the other databases. */
	SetConfigOption("lock_timeout", "10s", PGC_SUSET, PGC_S_OVERRIDE);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	/* What a database sets for its users is not for us. */
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	if (!is_installed())
	{
		usage_forget_this_database();
		proc_exit(0);
	}

	pgstat_report_activity(STATE_RUNNING, "kms: doing what is due");
	while (ran && (count = find_due(since, jobs)) > 0)
	{
		ran = false;
		for (int i = 0; i < count; i++)
			if (do_job(&jobs[i]))
				ran = true;
	}
	begin();
	job_forget();
	commit();
	begin();
	usage_save();
	commit();
	proc_exit(0);
}
