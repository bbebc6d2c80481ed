/*
 * Keys and aliases under their MACs.
 */
#ifndef KMS_KEY_SEAL_H
#define KMS_KEY_SEAL_H

#include "postgres.h"

#include "store/alias.h"
#include "store/key.h"

/* Inside store_open, with the row locked and required to be intact: write it back under a new MAC. */
extern void key_save(KmsKey *key);

/* The same for a new one. */
extern void key_add(KmsKey *key);

/* A MAC under the current domain key, without writing it. */
extern void key_make_seal(KmsKey *key);

/* Whether the row is as it was written.  Raises while the server is sealed. */
extern bool key_is_intact(const KmsKey *key);

/* Rejected.Unavailable if it is not. */
extern void key_require_intact(const KmsKey *key);

extern void alias_make_seal(KmsAlias *alias);
extern bool alias_is_intact(const KmsAlias *alias);
extern void alias_require_intact(const KmsAlias *alias);

#endif
