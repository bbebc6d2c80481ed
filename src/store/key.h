/*
 * Rows of kms.key.
 */
#ifndef KMS_STORE_KEY_H
#define KMS_STORE_KEY_H

#include "postgres.h"

#include "store/store.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "store/role.h"
#include "store/seal.h"
#include "utils/uuid.h"

/* Each enumeration begins at 1: a zeroed struct holds no valid value. */
typedef enum KmsKeyState
{
	KEY_ENABLED = 1,
	KEY_DISABLED,
	KEY_PENDING_DELETION,
	KEY_PENDING_IMPORT
} KmsKeyState;

typedef enum KmsKeySpec
{
	KEY_SPEC_AES_256 = 1,
	KEY_SPEC_AES_192,
	KEY_SPEC_AES_128,
	KEY_SPEC_SM4,
	KEY_SPEC_RSA_2048,
	KEY_SPEC_RSA_3072,
	KEY_SPEC_RSA_4096,
	KEY_SPEC_EC_P256,
	KEY_SPEC_EC_P256K,
	KEY_SPEC_EC_P384,
	KEY_SPEC_EC_P521,
	KEY_SPEC_EC_SM2,
	KEY_SPEC_ED25519,
	KEY_SPEC_ML_DSA_44,
	KEY_SPEC_ML_DSA_65,
	KEY_SPEC_ML_DSA_87,
	KEY_SPEC_HMAC_SHA_256,
	KEY_SPEC_HMAC_SHA_384,
	KEY_SPEC_HMAC_SHA_512,
	KEY_SPEC_HMAC_SM3
} KmsKeySpec;

typedef enum KmsKeyUsage
{
	KEY_USAGE_ENCRYPT_DECRYPT = 1,
	KEY_USAGE_SIGN_VERIFY,
	KEY_USAGE_GENERATE_VERIFY_MAC
} KmsKeyUsage;

typedef enum KmsKeyOrigin
{
	KEY_ORIGIN_KMS = 1,
	KEY_ORIGIN_EXTERNAL
} KmsKeyOrigin;

/* The names as the API and the table have them; 0 for a name that is none. */
extern const char *key_state_name(KmsKeyState state);
extern const char *key_spec_name(KmsKeySpec spec);
extern const char *key_usage_name(KmsKeyUsage usage);
extern const char *key_origin_name(KmsKeyOrigin origin);
extern KmsKeySpec key_spec_of(const char *name, size_t len);
extern KmsKeyUsage key_usage_of(const char *name, size_t len);
extern KmsKeyOrigin key_origin_of(const char *name, size_t len);

typedef struct KmsKey
{
	pg_uuid_t	id;
	KmsStoredRole stored_owner;
	KmsOwner	owner;			/* whom that means now */
	TimestampTz created_at;
	KmsKeyState state;
	KmsKeySpec	spec;
	KmsKeyUsage usage;
	KmsKeyOrigin origin;
	bool		has_primary_version;
	pg_uuid_t	primary_version;	/* the newest; of asymmetric keys it is called primary only here */
	const char *description;
	int64		rotation_seconds;	/* 0: none */
	TimestampTz rotated_at;		/* this and the following: DT_NOEND for null */
	TimestampTz next_rotation_at;
	TimestampTz material_expires_at;
	TimestampTz delete_at;
	bool		deletion_protected;
	const char *deletion_protection_description;	/* or NULL */
	KmsSeal		seal;			/* over all of the above */
} KmsKey;

/*
 * A row of kms.key as a struct in the current memory context.  A value that no
 * release of ours has written raises Rejected.Unavailable.
 */
extern void store_key_of_composite(HeapTupleHeader row, KmsKey *key);

/* Whether there is any, with a fresh snapshot; false where the table is gone. */
extern bool store_key_exists(void);

/* With a fresh snapshot, without a lock; false if there is none. */
extern bool store_key_find(const pg_uuid_t *id, KmsKey *key);

/* Likewise; *understood is false, and nothing is raised, where it has a value that we never wrote. */
extern bool store_key_find_carefully(const pg_uuid_t *id, KmsKey *key, bool *understood);

/* Inside store_open: lock the row until the end of the transaction. */
extern bool store_key_lock(const pg_uuid_t *id, KmsKey *key);

/* The same, but not waiting for others: false, too, if somebody has it locked. */
extern bool store_key_lock_free(const pg_uuid_t *id, KmsKey *key);

/*
 * Inside store_open: ids of the keys of an owner, as rows have it, in order, that
 * come after this id; at most max of them.
 */
extern int	store_key_owned(const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max);

extern void store_key_insert(const KmsKey *key);

/*
 * Inside store_open, with the row locked: write back what may change (not id,
 * spec, usage, origin, creation), and send the invalidation.  Like insert it takes the
 * seal as it is.
 */
extern void store_key_update(const KmsKey *key);

/* Inside store_open, with the row locked: erase it, its versions, aliases, tags and import tokens. */
extern void store_key_erase(const pg_uuid_t *id);

/* Every row: see is given a KmsKey, or NULL (store_each). */
extern void store_key_each(StoreSee see, void *argument);

/* Inside store_open_alone: with other seals, of at most max rows (store_rewrite). */
extern int64 store_key_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
