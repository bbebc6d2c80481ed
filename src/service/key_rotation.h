/*
 * Rotation: new versions, by hand and by the policy.
 */
#ifndef KMS_KEY_ROTATION_H
#define KMS_KEY_ROTATION_H

#include "postgres.h"

#include "store/key.h"

/* No interval at all, as a number of seconds. */
#define NO_INTERVAL INT64CONST(-1)

/*
 * Check an interval (604800 to 63072000 seconds); NO_INTERVAL and anything out
 * of range are InvalidParameter.
 */
extern int64 key_check_rotation_interval(int64 seconds);

/*
 * Turn the policy on with this interval, or off.  A rotation that is overdue
 * then is done at once.
 */
extern void key_update_rotation_policy(Oid caller, const char *reference, bool enable, int64 seconds);

/*
 * A new version: of a symmetric encryption key its primary one from now on, of a pair the
 * newest.  Those of a pair are 7 days apart (Rejected.UnsupportedOperation) and at
 * most 50 (Rejected.LimitExceeded).
 */
extern pg_uuid_t key_create_version(Oid caller, const char *reference);

/* Inside store_open, with the key locked and Enabled: give it a new version. */
extern pg_uuid_t key_rotate(KmsKey *key);

/* Whether a key of this spec and origin can have a rotation policy. */
extern bool key_rotates(const KmsKey *key);

/* When the next rotation is due: DT_NOEND without a policy. */
extern TimestampTz key_next_rotation(const KmsKey *key);

#endif
