/*
 * The launcher: every nap it starts one worker after the other, a database each.
 *
 * It is connected to no database, and a worker leaves when its database has
 * nothing due: neither is in the way of DROP DATABASE or of a copy.
 */
#include "worker/job_worker.h"

#include "access/xact.h"
#include "base/settings.h"
#include "base/shared.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "service/job.h"
#include "service/usage.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define RESTART_SECONDS 10

void
launcher_register(void)
{
	BackgroundWorker worker = {
		.bgw_name = "kms launcher",
		.bgw_type = "kms launcher",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = RESTART_SECONDS,
		.bgw_library_name = "kms",
		.bgw_function_name = "kms_launcher_main"
	};

	RegisterBackgroundWorker(&worker);
}

/* Oids of the databases to look at, in the current memory context. */
static List *
find_databases(void)
{
	MemoryContext memory = CurrentMemoryContext;
	List	   *databases;

	StartTransactionCommand();
	MemoryContextSwitchTo(memory);
	databases = job_databases();
	usage_forget_dropped_databases();
	CommitTransactionCommand();
	MemoryContextSwitchTo(memory);
	return databases;
}

/* One worker, and wait for its end; false without a free slot. */
static bool
visit(Oid database)
{
	BackgroundWorker worker = {
		.bgw_name = "kms worker",
		.bgw_type = "kms worker",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "kms",
		.bgw_function_name = "kms_job_worker_main",
		.bgw_main_arg = ObjectIdGetDatum(database),
		.bgw_notify_pid = MyProcPid
	};
	BackgroundWorkerHandle *handle;

	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		ereport(LOG,
				errmsg("kms: no free slot for a worker"),
				errhint("Raise max_worker_processes."));
		return false;
	}
	if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
		proc_exit(1);
	pfree(handle);
	return true;
}

static void
nap(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 setting_worker_naptime * 1000L, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
kms_launcher_main(Datum argument)
{
	MemoryContext round = AllocSetContextCreate(TopMemoryContext, "kms launcher", ALLOCSET_SMALL_SIZES);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	shared_serving();

	for (;;)
	{
		ListCell   *cell;

		nap();
		if (!setting_worker_enabled)
			continue;
		MemoryContextSwitchTo(round);
		foreach(cell, find_databases())
		{
			CHECK_FOR_INTERRUPTS();
			if (!visit(lfirst_oid(cell)))
				break;			/* it is the next nap's turn */
		}
		MemoryContextReset(round);
	}
}
