/*
 * The audit log: every change of the service leaves a row in the same
 * transaction.  docs/reference/audit.md.
 *
 * Rows are collected while the transaction runs and added to the log when it
 * commits, one transaction after the other: until then nobody waits for anybody,
 * and the order of the log is that of the commits.
 */
#ifndef KMS_AUDIT_H
#define KMS_AUDIT_H

#include "postgres.h"

#include "service/action.h"
#include "store/audit.h"
#include "utils/uuid.h"

/*
 * Record that it was done.  resource_type says what resource is the id of; detail
 * has further ids, names or dates, never a value.  Both may be NULL.  Raises while
 * the server is sealed.
 */
extern void audit_record(KmsAction action, Oid caller, const char *resource_type, const char *resource,
						 const char *detail);

/* The same about a key. */
extern void audit_record_key(KmsAction action, Oid caller, const pg_uuid_t *key_id, const char *detail);

/* That a worker could not do it; api_code may be NULL. */
extern void audit_record_failure(KmsAction action, Oid caller, const char *resource_type, const char *resource,
								 const char *api_code, const char *detail);

/* Whether a change could be recorded now, or need not be. */
extern bool audit_is_possible(void);

/* For details, in the current memory context: "key version <id>", and a date in UTC. */
extern char *audit_version(const pg_uuid_t *version_id);
extern char *audit_date(const char *what, TimestampTz date);

/* What this transaction will add to the log, as far as the reader made it himself. */
typedef void (*AuditSeen) (const KmsAuditRow *row, void *argument);

extern void audit_list_pending(Oid reader, AuditSeen seen, void *argument);

/* Once, from _PG_init. */
extern void audit_install(void);

#endif
