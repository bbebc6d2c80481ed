/*
 * The keeper: asks the root key's provider again when the server is reloaded.
 *
 * The postmaster itself must not wait for a command; sessions inherit the
 * memory and need not ask.  The keeper has no database connection, sleeps until
 * a reload, and works on a standby too.
 */
#include "worker/keeper.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "service/account.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"

#define RESTART_SECONDS 1

void
keeper_register(void)
{
	BackgroundWorker worker = {
		.bgw_name = "kms root key keeper",
		.bgw_type = "kms root key keeper",
		.bgw_flags = BGWORKER_SHMEM_ACCESS,
		.bgw_start_time = BgWorkerStart_PostmasterStart,
		.bgw_restart_time = RESTART_SECONDS,
		.bgw_library_name = "kms",
		.bgw_function_name = "kms_keeper_main"
	};

	RegisterBackgroundWorker(&worker);
}

void
kms_keeper_main(Datum argument)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();

	account_keep_root_key();
	while (!ShutdownRequestPending)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			account_reload_root_key();
		}
	}

	/* Not 0: told to leave by somebody who is not the postmaster, it comes back. */
	proc_exit(1);
}
