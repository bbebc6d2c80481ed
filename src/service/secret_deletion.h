/*
 * The end of a secret.
 */
#ifndef KMS_SECRET_DELETION_H
#define KMS_SECRET_DELETION_H

#include "postgres.h"

#include "store/secret.h"

/*
 * Schedule the deletion, or with force erase it at once.  Returns the date; *name is
 * the secret's.  Days are looked at without force only.
 */
extern TimestampTz secret_delete(Oid caller, const char *text, bool force, int days, const char **name);

/* As if the deletion had not been scheduled; works as long as the row is there. */
extern void secret_restore(Oid caller, const char *text);

/* Inside store_open, with it locked: erase it, and let go of the roles that it named. */
extern void secret_erase(const KmsSecret *secret);

#endif
