/*
 * kms: a key management service in the database.  This file only wires.
 */
#include "postgres.h"

#include "base/error.h"
#include "base/planning.h"
#include "base/sensitive.h"
#include "base/settings.h"
#include "base/shared.h"
#include "crypto/kc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "root/root.h"
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/guard.h"
#include "service/usage.h"
#include "worker/job_worker.h"
#include "worker/keeper.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	if (kc_startup() != KC_OK)
		ereport(ERROR,
				errcode(ERRCODE_SYSTEM_ERROR),
				errmsg("kms: OpenSSL offers no AES-256"),
				errhint("Check its version (3.0 at least) and its configuration."));
	settings_define();
	sensitive_install();
	planning_install();
	audit_install();
	audit_line_install();
	guard_install();
	if (process_shared_preload_libraries_in_progress)
	{
		shared_startup();
		usage_startup();
		root_startup();
		keeper_register();
		launcher_register();
	}
}
