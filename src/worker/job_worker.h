/*
 * The background workers that do what is due.
 */
#ifndef KMS_JOB_WORKER_H
#define KMS_JOB_WORKER_H

#include "postgres.h"

#include "base/compat.h"

/* Register the launcher.  From _PG_init, in the postmaster. */
extern void launcher_register(void);

/* The main functions, found by name. */
pg_noreturn extern PGDLLEXPORT void kms_launcher_main(Datum argument);
pg_noreturn extern PGDLLEXPORT void kms_job_worker_main(Datum database);

#endif
