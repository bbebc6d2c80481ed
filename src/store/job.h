/*
 * Rows of kms.job, what is due, and the databases where something may be.
 */
#ifndef KMS_STORE_JOB_H
#define KMS_STORE_JOB_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "datatype/timestamp.h"
#include "store/catalog.h"
#include "utils/uuid.h"

typedef enum KmsJobKind
{
	JOB_KEY_ROTATION = 1,
	JOB_KEY_DELETION,
	JOB_MATERIAL_EXPIRY,
	JOB_SECRET_ROTATION,
	JOB_SECRET_DELETION,
	JOB_CERTIFICATE_EXPIRY
} KmsJobKind;

/* secret/ and the longest name. */
#define JOB_NAME_SIZE 200

typedef enum KmsJobOutcome
{
	JOB_DONE = 1,
	JOB_FAILED,
	JOB_WAITING
} KmsJobOutcome;

extern const char *job_kind_name(KmsJobKind kind);
extern const char *job_outcome_name(KmsJobOutcome outcome);

/* No pointers: it outlives the transaction that found it. */
typedef struct KmsJob
{
	KmsJobKind	kind;
	pg_uuid_t	resource;
	char		name[JOB_NAME_SIZE];	/* what people call the resource */
	Oid			owner;			/* of the resource, as its row has it */
	NameData	owner_name;
	int			attempts;		/* so far without success */
	TimestampTz waits_since;	/* when it was last found waiting, and */
	TimestampTz waits_until;	/* until when it shall: DT_NOEND for neither */
} KmsJob;

/*
 * Inside store_open: what is due at this time, the oldest first; at most max.
 * Left out is what was tried since begin, what somebody has locked, and, unless
 * all, what waits for its retry_at.
 */
extern int	store_job_due_keys(TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max);
extern int	store_job_due_secrets(TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max);
extern int	store_job_due_certificates(TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max);

/* Inside store_open: note an outcome; retry_at DT_NOEND when done. */
extern void store_job_record(const KmsJob *job, KmsJobOutcome outcome, const char *detail, TimestampTz retry_at);

/* Inside store_open: forget what became of it so far: the next try is the first. */
extern void store_job_forget(const pg_uuid_t *resource, KmsJobKind kind);

/* Inside store_open: forget what was tried last before this time. */
extern void store_job_forget_old(TimestampTz before);

/* Inside store_open: let what waits be tried again at once. */
extern void store_job_forget_waiting(void);

/*
 * Oids of the databases that take connections and are no templates, in the
 * current memory context.  Works without being connected to one.
 */
extern List *store_databases(void);

/* Likewise: whether there is such a database. */
extern bool store_database_exists(Oid database);

#endif
