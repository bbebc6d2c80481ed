/*
 * Work that is due: rotating and erasing keys and secrets, erasing material.
 */
#ifndef KMS_SERVICE_JOB_H
#define KMS_SERVICE_JOB_H

#include "postgres.h"

#include "service/audit.h"
#include "store/job.h"

/* Most jobs fetched at once. */
#define JOB_BATCH 64

/*
 * What is due now, the oldest first; at most JOB_BATCH.  begin: when this round
 * began, what was tried since is left out.  all: also what waits for a retry.
 */
extern int	job_due(TimestampTz begin, bool all, KmsJob *jobs);

typedef struct KmsJobReport
{
	KmsJobOutcome outcome;
	const char *detail;			/* or NULL */
} KmsJobReport;

/*
 * Do one for a caller, or CALLER_SERVICE, in a subtransaction; errors are noted and not raised, but for those
 * that end the session or the statement.  False if there was nothing to do any
 * more: somebody else was faster.
 */
extern bool job_run(Oid caller, const KmsJob *job, KmsJobReport *report);

/* Erase the private keys of import tokens that have expired; forget what is long past. */
extern void job_forget(void);

/* For workers: whether this database has the extension; the databases to look at. */
extern bool job_service_installed(void);
extern List *job_databases(void);

#endif
