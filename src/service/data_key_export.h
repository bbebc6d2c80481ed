/*
 * Data keys for somebody else: encrypted under his public key.
 */
#ifndef KMS_DATA_KEY_EXPORT_H
#define KMS_DATA_KEY_EXPORT_H

#include "service/data_key.h"

/* As it comes: a DER SubjectPublicKeyInfo, RSA_2048 or EC_SM2, and an algorithm that fits. */
typedef struct KmsWrapping
{
	kc_view		public_key;
	const char *key_spec;
	const char *algorithm;
} KmsWrapping;

typedef struct KmsExportedKey
{
	KmsDataKey	data_key;		/* its plaintext is NULL */
	bytea	   *exported;		/* the data key under the public key, and nothing else */
} KmsExportedKey;

/* Decrypt a data key (not an envelope) and encrypt it under the public key. */
extern void data_key_export(Oid caller, kc_view ciphertext_blob, const KmsWrapping *wrapping,
							kc_view context, KmsExportedKey *result);

/* Make one and encrypt it under both; arguments as of data_key_generate. */
extern void data_key_generate_and_export(Oid caller, kc_view reference, const KmsWrapping *wrapping,
										 const char *key_spec, int number_of_bytes, kc_view context,
										 KmsExportedKey *result);

#endif
