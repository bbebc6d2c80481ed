/*
 * Rows of kms.secret, and of kms.secret_role.
 */
#ifndef KMS_STORE_SECRET_H
#define KMS_STORE_SECRET_H

#include "postgres.h"

#include "store/store.h"

#include "datatype/timestamp.h"
#include "store/role.h"
#include "store/seal.h"
#include "utils/uuid.h"

#define SECRET_NAME_MAX	192

/* Each enumeration begins at 1: a zeroed struct holds no valid value. */
typedef enum KmsSecretType
{
	SECRET_GENERIC = 1,
	SECRET_RDS
} KmsSecretType;

typedef enum KmsSecretSubType
{
	SECRET_SINGLE_USER = 1,
	SECRET_DOUBLE_USERS
} KmsSecretSubType;

typedef enum KmsSecretRotation
{
	SECRET_ROTATION_DISABLED = 1,
	SECRET_ROTATION_ENABLED,
	SECRET_ROTATION_INVALID		/* on, but the last one failed */
} KmsSecretRotation;

/* The names as the API and the table have them; 0 for a name that is none. */
extern const char *secret_type_name(KmsSecretType type);
extern const char *secret_sub_type_name(KmsSecretSubType sub_type);
extern const char *secret_rotation_name(KmsSecretRotation rotation);
extern KmsSecretType secret_type_of(const char *name);
extern KmsSecretSubType secret_sub_type_of(const char *name, size_t len);

typedef struct KmsSecret
{
	pg_uuid_t	id;
	const char *name;
	KmsStoredRole stored_owner;
	KmsOwner	owner;			/* whom that means now */
	TimestampTz created_at;
	TimestampTz updated_at;
	KmsSecretType type;
	KmsSecretSubType sub_type;	/* 0: Generic */
	const char *description;
	pg_uuid_t	key_id;
	bool		key_is_chosen;
	const char *extended_config;	/* JSON; NULL: Generic */
	KmsSecretRotation rotation;
	int64		rotation_seconds;	/* 0: none */
	TimestampTz rotated_at;		/* this and the following: DT_NOEND for null */
	TimestampTz next_rotation_at;
	TimestampTz delete_at;
	TimestampTz hour_began_at;
	int32		hour_rotations;
	KmsSeal		seal;			/* over all of the above */
} KmsSecret;

/* A row as a struct in the current memory context; Rejected.Unavailable as with keys. */
extern void store_secret_of_composite(HeapTupleHeader row, KmsSecret *secret);

/* False if there is none.  snapshot: NULL, a fresh one. */
extern bool store_secret_find(const char *name, Snapshot snapshot, KmsSecret *secret);
extern bool store_secret_find_id(const pg_uuid_t *id, KmsSecret *secret);
extern bool store_secret_find_id_carefully(const pg_uuid_t *id, KmsSecret *secret, bool *understood);

/* Inside store_open: lock the row; the second does not wait, and is false, too, if somebody has it locked. */
extern bool store_secret_lock(const pg_uuid_t *id, KmsSecret *secret);
extern bool store_secret_lock_free(const pg_uuid_t *id, KmsSecret *secret);

/* Inside store_open: as store_key_owned. */
extern int	store_secret_owned(const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max);

/* Inside store_open: false if the name is taken. */
extern bool store_secret_insert(const KmsSecret *secret);

/* Inside store_open, with the row locked: what may change (not id, name, type, key, creation). */
extern void store_secret_update(const KmsSecret *secret);

/* Inside store_open, with the row locked: erase it, and all that belongs to it. */
extern void store_secret_erase(const pg_uuid_t *id);

/* Inside store_open: let this secret change that role's password; false if another one does. */
extern bool store_secret_claim_role(const pg_uuid_t *id, const char *role_name);

/* Inside store_open: tell those who listen that the secret has a new current version. */
extern void store_secret_notify(const char *name);

/* Every row: see is given a KmsSecret, or NULL (store_each). */
extern void store_secret_each(StoreSee see, void *argument);

/* Inside store_open_alone: with other seals, of at most max rows (store_rewrite). */
extern int64 store_secret_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

/* Likewise of kms.secret_role: see is given the secret's id. */
extern void store_secret_role_each(StoreSee see, void *argument);

#endif
