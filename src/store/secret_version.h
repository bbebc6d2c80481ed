/*
 * Rows of kms.secret_version and of kms.secret_version_stage.
 */
#ifndef KMS_STORE_SECRET_VERSION_H
#define KMS_STORE_SECRET_VERSION_H

#include "postgres.h"

#include "store/store.h"

#include "datatype/timestamp.h"
#include "store/seal.h"
#include "utils/uuid.h"

typedef struct KmsSecretVersion
{
	pg_uuid_t	secret_id;
	const char *id;
	TimestampTz created_at;
	bool		is_binary;
	const char *role_name;		/* whose password it is, or NULL */
	bytea	   *value;			/* an envelope over all of the above; NULL: not read */
} KmsSecretVersion;

typedef struct KmsSecretStage
{
	const char *stage;
	const char *version_id;
	KmsSeal		seal;			/* over the secret's id and the above */
} KmsSecretStage;

/* With its value; false if there is none.  snapshot: NULL, a fresh one. */
extern bool store_secret_version_find(const pg_uuid_t *secret_id, const char *id, Snapshot snapshot,
									  KmsSecretVersion *version);

/* Every version of a secret without its value, in no order; a list of KmsSecretVersion. */
extern List *store_secret_version_list(const pg_uuid_t *secret_id, Snapshot snapshot);

/* Every label of a secret, in the order of their names; a list of KmsSecretStage. */
extern List *store_secret_stage_list(const pg_uuid_t *secret_id, Snapshot snapshot);

/* All of these inside store_open, with the secret locked. */
extern void store_secret_version_insert(const KmsSecretVersion *version);
extern void store_secret_version_delete(const pg_uuid_t *secret_id, const char *id);
extern void store_secret_stage_put(const pg_uuid_t *secret_id, const KmsSecretStage *stage);
extern void store_secret_stage_delete(const pg_uuid_t *secret_id, const char *stage);

/* Every row: see is given a KmsSecretVersion, or NULL (store_each). */
extern void store_secret_version_each(StoreSee see, void *argument);

/* Likewise: a StoredStage. */
typedef struct StoredStage
{
	pg_uuid_t	secret_id;
	KmsSecretStage stage;
} StoredStage;

extern void store_secret_stage_each(StoreSee see, void *argument);

/* Inside store_open_alone: with other seals, of at most max rows (store_rewrite). */
extern int64 store_secret_stage_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
