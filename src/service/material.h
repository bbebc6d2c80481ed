/*
 * Key material: making it, wrapping it for its row, unwrapping it from there.
 */
#ifndef KMS_MATERIAL_H
#define KMS_MATERIAL_H

#include "postgres.h"

#include "crypto/message.h"
#include "store/key.h"
#include "store/key_version.h"

/* The suite that a key of this spec encrypts with. */
extern kc_suite material_suite(KmsKeySpec spec);

/*
 * Make fresh material for a version of key and wrap it: fills in all of
 * *version but its created_at.  The bytes exist on the stack only.
 */
extern void material_generate(const KmsKey *key, KmsKeyVersion *version);

/*
 * Unwrap into *out, which lies in the secure arena.  Rejected.Unavailable if
 * the row of the key or of the version is not as it was when it was wrapped.
 */
extern void material_unwrap(const KmsKeyVersion *version, KmsKeySpec spec, KmsKeyUsage usage,
							KmsKeyOrigin origin, kc_key *out);

#endif
