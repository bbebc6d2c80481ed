/*
 * The roles whose passwords secrets keep: which may be, and with whose rights.
 */
#ifndef KMS_SECRET_ROLE_H
#define KMS_SECRET_ROLE_H

#include "postgres.h"

#include "store/login_role.h"
#include "store/secret.h"

/* The second account of DoubleUsers that begin with one. */
#define CLONE_SUFFIX	"_clone"

/*
 * Superusers, replication roles, pg_* and the owner of the extension are refused, others unless
 * PostgreSQL lets owner change their password: 42501; no such role: 42704.  The
 * name stands in errors only if it is shown: where it comes with a secret, it might
 * be the secret by mistake.
 */
extern void secret_role_require(KmsOwner owner, const char *name, bool show);

/* Inside store_open: let the secret keep that role's password; Rejected.ResourceExist if another one does. */
extern void secret_role_claim(const KmsSecret *secret, const char *name);

/* Rejected.ResourceExist if there is a role of that name: it is not ours to take over. */
extern void secret_role_require_free(const char *name);

/* The name of the clone; InvalidParameter if it is too long for a role. */
extern char *secret_role_clone_name(const char *name);

#endif
