/*
 * What must be known even if the transaction is rolled back: one line of JSON in
 * the server log, written before the result or the error goes out.
 * docs/reference/audit.md.
 */
#ifndef KMS_AUDIT_LINE_H
#define KMS_AUDIT_LINE_H

#include "postgres.h"

#include "base/settings.h"
#include "service/action.h"
#include "utils/uuid.h"

/* What is going on: the function called last, and the resource that it has come to, if any. */
typedef enum AuditResource
{
	AUDIT_NO_RESOURCE,
	AUDIT_KEY,
	AUDIT_SECRET,
	AUDIT_CERTIFICATE
} AuditResource;

typedef struct AuditCall
{
	uint32		action;			/* KmsAction */
	uint32		resource;		/* AuditResource */
} AuditCall;

extern AuditCall audit_call;

/* Each function says what it is before it does anything: one store of eight bytes. */
static inline void
audit_begin(KmsAction action)
{
	audit_call = (AuditCall) {action, AUDIT_NO_RESOURCE};
}

/* The call is about this key, secret or certificate. */
extern void audit_about(const pg_uuid_t *key_id);
extern void audit_about_secret(const char *name);
extern void audit_about_certificate(const pg_uuid_t *id);

extern void audit_log_use(const pg_uuid_t *key_id);

/* A key's material was used, and the result is about to be returned. */
static inline void
audit_used(const pg_uuid_t *key_id)
{
	if (unlikely(setting_audit == AUDIT_ALL))
		audit_log_use(key_id);
}

/* The call has failed, and goes on all the same: what an error would have left. */
extern void audit_failed(int sqlstate, const char *api_code);

/* The same where a key leaves the service, or the value of a secret does. */
extern void audit_exported(const pg_uuid_t *key_id);
extern void audit_revealed(const char *secret_name);

/* The key of a certificate was used; and where it leaves the service. */
extern void audit_certificate_used(const pg_uuid_t *id);
extern void audit_certificate_exported(const pg_uuid_t *id);

/* Hear of every error.  Once, from _PG_init. */
extern void audit_line_install(void);

#endif
