/*
 * The background workers that do what is due.
 */
#ifndef KMS_JOB_WORKER_H
#define KMS_JOB_WORKER_H

#include "postgres.h"

/* Register the launcher.  From _PG_init, in the postmaster. */
extern void launcher_register(void);

/* The main functions, found by name. */
extern PGDLLEXPORT void kms_launcher_main(Datum argument) pg_attribute_noreturn();
extern PGDLLEXPORT void kms_job_worker_main(Datum database) pg_attribute_noreturn();

#endif
