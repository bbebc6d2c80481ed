/*
 * What a key of which spec and usage is for: docs/reference/key.md has the table.
 */
#ifndef KMS_KEY_SPEC_H
#define KMS_KEY_SPEC_H

#include "postgres.h"

#include "store/key.h"

/* What a key does.  Bits: a call may take keys of several kinds. */
typedef enum KmsKeyKind
{
	KIND_CIPHER = 1,			/* symmetric encryption */
	KIND_SIGNING = 2,			/* a pair that signs */
	KIND_DECRYPTION = 4,		/* a pair that decrypts */
	KIND_MAC = 8
} KmsKeyKind;

#define KIND_PAIR	(KIND_SIGNING | KIND_DECRYPTION)

/* 0 if the spec has no such usage. */
extern KmsKeyKind key_kind(KmsKeySpec spec, KmsKeyUsage usage);

/* What a spec is for if nobody says. */
extern KmsKeyUsage key_default_usage(KmsKeySpec spec);

/* Its number in the crypto floor: a kc_suite, kc_pair_kind or kc_mac_kind. */
extern int key_algorithm(KmsKeySpec spec);

/* Bytes of its material; of pairs, the most there can be. */
extern size_t key_material_len(KmsKeySpec spec);

/* Only these rotate by themselves, and take imported material. */
extern bool key_spec_is_cipher(KmsKeySpec spec);

#endif
