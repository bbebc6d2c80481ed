/*
 * Roles as they stand in rows.
 *
 * A row keeps a role's oid and name.  It counts only while the role holds a
 * privilege on the table kms.role_anchor, which is granted when the role gets
 * something and revoked when it has nothing left.  So PostgreSQL itself refuses
 * DROP ROLE, in every database; DROP OWNED takes what the role had, and nothing
 * passes to a later role of the same oid or name.
 *
 * Which of the two says who it is?  The oid, where the database is at home: a role
 * that was renamed is still the same.  Elsewhere, after a restore or a pg_upgrade, the name,
 * to which the dump has granted the privilege; kms_confirm_home writes the new oids.
 */
#ifndef KMS_STORE_ROLE_H
#define KMS_STORE_ROLE_H

#include "postgres.h"

#include "store/store.h"

#include "nodes/pg_list.h"

/* As it stands in a row. */
typedef struct KmsStoredRole
{
	Oid			oid;			/* InvalidOid: PUBLIC, where that is possible */
	const char *name;
} KmsStoredRole;

/* Whom it means now; not valid: nobody. */
typedef struct KmsOwner
{
	Oid			role;
	bool		valid;
} KmsOwner;

extern KmsOwner store_role_now(const KmsStoredRole *stored);

/* A role of today as it is to stand in a row; in the current memory context. */
extern KmsStoredRole store_role_of(Oid role);

/* The name to show: today's, or the stored one where it means nobody. */
extern const char *store_role_name(const KmsStoredRole *stored);

/* Whether it holds the privilege. */
extern bool store_role_is_anchored(Oid role);

/*
 * Grant the privilege, unless it is held; not inside store_open.  55000 if rows
 * are left from which the role would get back what it has lost.
 */
extern void store_role_anchor(Oid role);

/* Inside store_open: revoke it if no row mentions the role any more, nor is about to.  Never waits. */
extern void store_role_release(Oid role);

/* Whether a row mentions it: a key or secret that it owns, or a grant to it.  Away from home: no.  Needs no store_open. */
extern bool store_role_is_mentioned(Oid role);

/*
 * Inside store_open: ids of what a stored owner has, those above after in order, at
 * most max; the query is "SELECT id ... WHERE owner = $1 AND owner_name = $2 AND id > $3
 * ORDER BY id LIMIT $4".
 */
extern int	store_owned(StoreQuery *query, const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max);

/* Inside store_open: every role that rows mention, as they do; a list of KmsStoredRole. */
extern List *store_role_list(void);

#endif
