/*
 * Rows of kms.grant_entry.
 */
#ifndef KMS_STORE_GRANT_H
#define KMS_STORE_GRANT_H

#include "postgres.h"

#include "store/store.h"

#include "access/htup.h"
#include "crypto/kc.h"
#include "datatype/timestamp.h"
#include "store/role.h"
#include "store/seal.h"
#include "utils/uuid.h"

#define GRANT_PUBLIC_NAME	"PUBLIC"

typedef struct KmsGrant
{
	pg_uuid_t	id;
	const char *resource_type;	/* "key" */
	pg_uuid_t	resource;
	KmsStoredRole grantee;		/* oid InvalidOid: PUBLIC */
	int			operation_count;
	const char **operations;	/* names as the API has them, or "*" alone */
	bool		has_context;
	kc_view		context;		/* canonical */
	TimestampTz expires_at;		/* DT_NOEND: never */
	const char *grantor_name;
	TimestampTz created_at;
	KmsSeal		seal;			/* over all of the above */
} KmsGrant;

/* Every grant on a resource, in no order, with a fresh snapshot; in the current memory context. */
typedef void (*StoreGrantSeen) (const KmsGrant *grant, void *argument);
extern void store_grant_list(const pg_uuid_t *resource, StoreGrantSeen seen, void *argument);

/* Inside store_open: every grant to a role, as rows have it; a list of KmsGrant. */
extern List *store_grant_list_to(const KmsStoredRole *grantee);

/* A row of kms.grant_entry as a struct in the current memory context. */
extern void store_grant_of_composite(HeapTupleHeader row, KmsGrant *grant);

/* Inside store_open, with the resource locked; these send no invalidation. */
extern void store_grant_insert(const KmsGrant *grant);
extern void store_grant_update(const KmsGrant *grant);	/* operations, grantee and seal */
extern void store_grant_delete(const pg_uuid_t *id);

/* Inside store_open: forget what expired before this time; ids of the resources, at most max of them. */
extern int	store_grant_expire(TimestampTz before, pg_uuid_t *resources, Oid *grantees, int max);

/* Every row: see is given a KmsGrant, or NULL (store_each). */
extern void store_grant_each(StoreSee see, void *argument);

/* Inside store_open_alone: with other seals, of at most max rows (store_rewrite). */
extern int64 store_grant_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
