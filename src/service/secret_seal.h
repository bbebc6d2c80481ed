/*
 * Secrets and their labels under their MACs.
 */
#ifndef KMS_SECRET_SEAL_H
#define KMS_SECRET_SEAL_H

#include "postgres.h"

#include "store/secret.h"
#include "store/secret_version.h"

/* Inside store_open, with the row locked and required to be intact: write it back, changed now, under a new MAC. */
extern void secret_save(KmsSecret *secret);

/* The same for a new one; false if the name is taken. */
extern bool secret_add(KmsSecret *secret);

/* A MAC under the current domain key, without writing it. */
extern void secret_make_seal(KmsSecret *secret);

/* Whether the row is as it was written.  Raises while the server is sealed. */
extern bool secret_is_intact(const KmsSecret *secret);

/* Rejected.Unavailable if it is not. */
extern void secret_require_intact(const KmsSecret *secret);

extern void secret_stage_make_seal(const pg_uuid_t *secret_id, KmsSecretStage *stage);
extern bool secret_stage_is_intact(const pg_uuid_t *secret_id, const KmsSecretStage *stage);

#endif
