/*
 * Rotating the passwords of roles.
 */
#ifndef KMS_SECRET_ROTATION_H
#define KMS_SECRET_ROTATION_H

#include "postgres.h"

#include "store/secret.h"

/* InvalidParameter unless it is 6 hours to 365 days; NO_INTERVAL too. */
extern void secret_check_rotation_interval(int64 seconds);

/* Switch automatic rotation on, with an interval that was checked, or off; the row is not written. */
extern void secret_set_rotation(KmsSecret *secret, bool enable, int64 seconds);

extern void secret_update_rotation_policy(Oid caller, const char *name, bool enable, int64 seconds);

/*
 * Rotate now.  version_id: of the new version, NULL: any; one that is there already means that it was
 * done.  Returns it.  What PostgreSQL raises where the owner may not change the password, it raises.
 */
extern const char *secret_rotate(Oid caller, const char *name, const char *version_id);

/*
 * Inside store_open, with it locked: new password, new version, new dates, and the
 * row written; with the rights of the secret's owner, whoever asks.
 */
extern void secret_rotate_locked(KmsSecret *secret, const char *version_id);

#endif
