/*
 * Who may do what: the one place that decides.
 */
#ifndef KMS_ACCESS_H
#define KMS_ACCESS_H

#include "postgres.h"

#include "base/compat.h"

#include "crypto/kc.h"
#include "service/action.h"
#include "store/role.h"
#include "utils/uuid.h"

typedef enum KmsVerdict
{
	ACCESS_DENIED,
	ACCESS_ALLOWED,				/* may be remembered until roles or grants change */
	ACCESS_ALLOWED_NOW			/* hangs on a setting, the clock or the context: ask again next time */
} KmsVerdict;

/* The grants on a resource that are intact and not void, as far as deciding needs them. */
typedef struct KmsGrants KmsGrants;

/*
 * Read them, in one piece of the given memory context.  While the server is
 * sealed no grant can be checked: quietly, there are none; else 55000, unless there
 * are none anyway.
 */
extern KmsGrants *access_read_grants(const pg_uuid_t *resource, MemoryContext memory, bool quietly);

/*
 * A caller that is nobody: the service itself, in a worker, or with the key that it
 * keeps for secrets.  It may do everything; whoever it acts for was asked before.
 */
#define CALLER_SERVICE	InvalidOid

/* What is asked about. */
typedef struct KmsSubject
{
	const pg_uuid_t *id;
	KmsOwner	owner;
	KmsGrants **grants;			/* read before, or NULL inside; NULL: read them and forget them */
	MemoryContext memory;		/* where grants goes */
	bool		quietly;		/* see above */
} KmsSubject;

/*
 * Owners, and who has their privileges, may do everything.  Others may do what was
 * granted to a role whose privileges they have, or to PUBLIC, within the context
 * and the time of the grant.  Superusers may manage everything, but use only what
 * they own themselves or were granted: somebody else's view or trigger, run
 * by a superuser, must not lend it every key.  Granting, revoking and changing the owner are
 * not granted.  context: canonical, of this call.
 */
extern KmsVerdict access_decide(Oid caller, KmsAction action, const KmsSubject *subject, kc_view context);

/* 42501, Forbidden.NoPermission; what is the caller's own name for the thing. */
pg_noreturn extern void access_refuse(const char *kind, const char *what, size_t len);

#endif
