/*
 * Grants, and owners.
 */
#ifndef KMS_GRANT_H
#define KMS_GRANT_H

#include "postgres.h"

#include "crypto/kc.h"
#include "nodes/pg_list.h"
#include "store/grant.h"
#include "store/key.h"

/* As it comes. */
typedef struct KmsGrantRequest
{
	const char *resource;		/* resource_parse */
	const char *grantee;		/* role name, or PUBLIC */
	List	   *operations;		/* of char *; NIL with revoke: all */
	bool		has_context;
	kc_view		context;		/* canonical */
	TimestampTz expires_at;		/* DT_NOEND: never */
} KmsGrantRequest;

/* For the owner and superusers.  Returns the grant's id. */
extern pg_uuid_t grant_give(Oid caller, const KmsGrantRequest *request);

/*
 * Take the operations away from every grant of that grantee; a grant that has
 * none left is gone.  Returns how many grants it touched: none is no error.
 */
extern int	grant_revoke(Oid caller, const KmsGrantRequest *request);

/* Whether the caller may, as things are, whatever the state of the key. */
extern bool grant_can(Oid caller, const char *operation, const char *resource, kc_view context);

extern void grant_set_owner(Oid caller, const char *resource, const char *new_owner);

/* What the view kms.grants calls the resource, for somebody who may describe it. */
extern char *grant_describable(Oid caller, const char *resource);

/* Rows as they stand: whether the MAC fits, a new one, the bits of the operations, the grantee's name of today. */
extern bool grant_is_intact(const KmsGrant *grant);
extern void grant_make_seal(KmsGrant *grant);
extern uint64 grant_operation_bits(const KmsGrant *grant);
extern const char *grant_grantee_name(const KmsGrant *grant);
extern void grant_of_row(HeapTupleHeader row, KmsGrant *grant);

/* Oids of the roles that a resource's rows mean today: its owner, its grantees. */
extern List *grant_roles_of(const pg_uuid_t *resource, KmsOwner owner);

/* Inside store_open: forget grants that expired long ago. */
extern void grant_forget_expired(TimestampTz before);

/* Inside store_open: the same grant to a role that is called, or numbered, otherwise now. */
extern void grant_set_grantee(KmsGrant *grant, const KmsStoredRole *now);

#endif
