/*
 * Data keys: random, handed out, and kept nowhere.
 */
#ifndef KMS_DATA_KEY_H
#define KMS_DATA_KEY_H

#include "service/cipher.h"

/* Longest data key, in bytes. */
#define DATA_KEY_MAX 1024

typedef struct KmsDataKey
{
	KmsKeyUsed	used;
	bytea	   *plaintext;		/* NULL if not wanted */
	bytea	   *ciphertext_blob;
} KmsDataKey;

/*
 * key_spec "AES_256" or "AES_128", NULL for AES_256; number_of_bytes 1..1024,
 * or -1 to go by key_spec: it wins over key_spec.
 */
extern void data_key_generate(Oid caller, KmsAction action, kc_view reference, const char *key_spec,
							  int number_of_bytes, kc_view context, bool with_plaintext, KmsDataKey *result);

/* How long such a data key is; InvalidParameter. */
extern int data_key_length(const char *key_spec, int number_of_bytes);

/* 1..1024 random bytes that have nothing to do with any key. */
extern bytea *random_generate(int number_of_bytes);

#endif
