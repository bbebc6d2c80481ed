/*
 * Roles of the cluster whose passwords the service changes.
 *
 * What is done to a role is done with the rights of another one, the owner of
 * the secret, through PostgreSQL's own commands: it says who may, here as in
 * ALTER ROLE.  The commands are parse trees and the password in them is a SCRAM
 * verifier, so no log, no statistics and no password check sees the clear text.
 *
 * Names are as in the catalog: no folding, no quotes.
 */
#ifndef KMS_STORE_LOGIN_ROLE_H
#define KMS_STORE_LOGIN_ROLE_H

#include "postgres.h"

/* As it is now. */
typedef struct KmsLoginRole
{
	Oid			oid;
	const char *name;
	bool		superuser;
	bool		replication;
	bool		bypass_rls;
	bool		reserved;		/* PostgreSQL's own or the bootstrap superuser, or the owner of our tables */
} KmsLoginRole;

/* False if there is none of that name.  In the current memory context. */
extern bool store_login_role_find(const char *name, KmsLoginRole *role);

/* Whether PostgreSQL would let `as` change its password. */
extern bool store_login_role_may_alter(Oid as, const KmsLoginRole *role);

/*
 * Inside store_open: change its password with the rights of `as`.  Raises what
 * ALTER ROLE raises; 22023 for an empty password, which would be none at all.
 */
extern void store_login_role_set_password(Oid as, const char *name, const char *password);

/*
 * Inside store_open: make a role that can do what the original can, with the
 * rights of `as`: the same attributes, memberships and settings, and a member of
 * the original itself, because what was granted to that directly is in other
 * databases, too.  SUPERUSER and REPLICATION are never copied: the caller
 * refuses such originals.  BYPASSRLS is, and needs `as` to be a superuser.
 * Raises what CREATE ROLE and GRANT raise (42710 if the name is taken), and what
 * the grammar would have refused: a name that cannot be one (42602, 42939) and
 * an empty password (22023).
 */
extern void store_login_role_clone(Oid as, const char *original, const char *clone, const char *password);

#endif
