/*
 * Rows of kms.key_version.
 */
#ifndef KMS_STORE_KEY_VERSION_H
#define KMS_STORE_KEY_VERSION_H

#include "postgres.h"

#include "store/store.h"

#include "crypto/pair.h"
#include "crypto/wrap.h"
#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* Longest wrapped material: a private key. */
#define KEY_VERSION_WRAPPED_MAX (KC_PRIVATE_MAX + KC_WRAP_OVERHEAD)

/* Keyed digest of imported material. */
#define KEY_VERSION_DIGEST_LEN 32

typedef struct KmsKeyVersion
{
	pg_uuid_t	id;
	pg_uuid_t	key_id;
	TimestampTz created_at;
	int64		account_id;		/* of the domain key that wraps it */
	int32		domain_key_version;
	size_t		wrapped_len;
	uint8		wrapped[KEY_VERSION_WRAPPED_MAX];	/* length 0: erased */
	bool		has_digest;		/* of imported material */
	uint8		digest[KEY_VERSION_DIGEST_LEN];
} KmsKeyVersion;

/* With a fresh snapshot; false if there is none. */
extern bool store_key_version_find(const pg_uuid_t *id, KmsKeyVersion *version);

/* Every version of a key, in no order, with a fresh snapshot. */
typedef void (*StoreVersionSeen) (const KmsKeyVersion *version, void *argument);
extern void store_key_version_list(const pg_uuid_t *key_id, StoreVersionSeen seen, void *argument);

/* Inside store_open, with the key locked: its versions stay, without material. */
extern void store_key_version_erase_material(const pg_uuid_t *key_id);

/* Inside store_open, with the key locked: new wrapped material and digest. */
extern void store_key_version_set_material(const KmsKeyVersion *version);

/* The key is new, or locked by the caller. */
extern void store_key_version_insert(const KmsKeyVersion *version);

/* Every row: see is given a KmsKeyVersion, or NULL (store_each). */
extern void store_key_version_each(StoreSee see, void *argument);

/* Inside store_open_alone: with material and digest under another domain key, of at most max rows (store_rewrite). */
extern int64 store_key_version_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
