/*
 * Decrypting and encrypting again, without showing anybody the plaintext.
 */
#ifndef KMS_RE_ENCRYPT_H
#define KMS_RE_ENCRYPT_H

#include "service/key_use.h"

/* A ciphertext of this service, or (with a named key) of a public key. */
typedef struct KmsReEncrypt
{
	kc_view		ciphertext;
	kc_view		context;
	bool		is_public_key;	/* then the following count */
	KmsNamedKey source;
	const char *algorithm;
	kc_view		destination;	/* reference of a key */
	kc_view		destination_context;
} KmsReEncrypt;

/* What is longer than 6144 bytes becomes an envelope, everything else a plain ciphertext. */
extern bytea *re_encrypt(KmsCallSite *site, Oid caller, const KmsReEncrypt *request);

#endif
