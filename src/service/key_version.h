/*
 * Key versions: describing and listing them.  kms_create_key_version is the
 * key's own (service/key.h): it changes the key.
 */
#ifndef KMS_SERVICE_KEY_VERSION_H
#define KMS_SERVICE_KEY_VERSION_H

#include "postgres.h"

#include "crypto/kc.h"
#include "service/action.h"
#include "store/key_version.h"

/* Forbidden.KeyVersionNotFound if the key has no such version. */
extern void key_version_describe(Oid caller, const char *key_reference, const char *version_id,
								 KmsKeyVersion *version);

/* Every version of the key, in no order. */
extern void key_version_list(Oid caller, const char *key_reference, StoreVersionSeen seen, void *argument);

/*
 * The key and version that a call has named or come to, for a caller who may do that
 * in this context: key_reference NULL is the key of the version, version_id NULL the newest, which
 * may be none (created_at is DT_NOBEGIN).
 */
extern void key_version_named(Oid caller, KmsAction action, const char *key_reference, const char *version_id,
							  kc_view context, KmsKeyVersion *version);

#endif
