/*
 * Values of secrets: sealed before their row exists, opened for somebody who may.
 */
#ifndef KMS_SECRET_VALUE_H
#define KMS_SECRET_VALUE_H

#include "postgres.h"

#include "crypto/kc.h"
#include "store/secret.h"
#include "store/secret_version.h"

/* Bytes of a value; text counts as UTF-8. */
#define SECRET_VALUE_MAX 30720

/*
 * The key of a new secret: the one that somebody named, for whose use he is asked
 * for GenerateDataKey, or where reference is NULL the service's own, which is made at
 * the first need.  Fills in the secret's key_id and key_is_chosen.
 */
extern void secret_choose_key(Oid caller, const char *reference, KmsSecret *secret);

/*
 * An envelope of a value, whose additional data is the row of version without it.
 * For user, who is asked for GenerateDataKey, and when opening for Decrypt, on a key that was
 * chosen; CALLER_SERVICE is not.  Rejected.Disabled and so on where the key may not be used.
 */
extern bytea *secret_value_seal(Oid user, const KmsSecret *secret, const KmsSecretVersion *version, kc_view value);

/* The value; Rejected.Unavailable if the row is not as it was when it was sealed. */
extern bytea *secret_value_open(Oid user, const KmsSecret *secret, const KmsSecretVersion *version);

/* Whether it is this value, for the service itself. */
extern bool secret_value_is(const KmsSecret *secret, const KmsSecretVersion *version, kc_view value);

/* The key version that the value's envelope says it was sealed with; false if it is no envelope. */
extern bool secret_value_names_version(const KmsSecretVersion *version, pg_uuid_t *id);

/* Whether the row opens, whatever the state of the key, which must be intact; raises only if that cannot be found out. */
extern bool secret_value_opens(const KmsSecretVersion *version);

/* Rejected.Unavailable if it does not: what else the row says, such as its role, was changed by hand, too. */
extern void secret_value_require_intact(const KmsSecret *secret, const KmsSecretVersion *version);

#endif
