/*
 * What a kind of job adds to the frame of service/job.c: what to do with its
 * resource.
 */
#ifndef KMS_JOB_KIND_H
#define KMS_JOB_KIND_H

#include "postgres.h"

#include "service/action.h"
#include "store/job.h"

/* What a job says of itself. */
typedef struct JobEnding
{
	KmsJobOutcome outcome;
	const char *detail;			/* why it waits, or NULL */
	TimestampTz retry_at;		/* DT_NOEND when done */
	const char *audit_detail;	/* when done: what the audit log tells of it, or NULL */
} JobEnding;

extern const JobEnding job_done;
extern JobEnding job_waiting(const char *why, TimestampTz until);
extern TimestampTz job_in_seconds(int64 seconds);

/* Whether the server is sealed, or the service not open: then *ending says that it waits. */
extern bool job_must_wait_for_unsealing(JobEnding *ending);

/* Whether this database is a copy that nobody has confirmed: likewise. */
extern bool job_must_wait_for_home(JobEnding *ending);

/*
 * Destruction needs a date that passed under the eyes of a worker.  What is found
 * long after its date, after a restore, a downtime or a wrong clock, waits some
 * time for the administrator to step in; and a copy waits until he has spoken.
 */
extern bool job_must_wait(const KmsJob *job, TimestampTz date, JobEnding *ending);

/* Whether a date that may be DT_NOEND has come. */
extern bool job_is_past(TimestampTz date);

typedef struct JobKind
{
	KmsAction	action;
	const char *resource_type;	/* in the audit log */

	/* Tell the lines of the server log which one it is about. */
	void		(*about) (const KmsJob *job);

	/*
	 * Inside store_open: lock the resource, unless somebody else has it, look again,
	 * and do it.  False if there is nothing to do.
	 */
	bool		(*run) (const KmsJob *job, JobEnding *ending);

	/* Inside store_open, after an error has undone everything: note it with the resource; or NULL. */
	void		(*failed) (const KmsJob *job);
} JobKind;

extern const JobKind key_rotation_job;
extern const JobKind key_deletion_job;
extern const JobKind material_expiry_job;
extern const JobKind secret_rotation_job;
extern const JobKind secret_deletion_job;
extern const JobKind certificate_expiry_job;

#endif
