/*
 * Asymmetric keys: signing, verifying, encrypting, decrypting.
 */
#ifndef KMS_ASYMMETRIC_H
#define KMS_ASYMMETRIC_H

#include "crypto/pke.h"
#include "crypto/signature.h"
#include "service/key_use.h"

/*
 * Algorithms go by the API's names.  Unknown ones are InvalidParameter; one that is
 * not the key's is InvalidParameter when signing, Rejected.UnsupportedOperation when
 * encrypting, as the API has it.
 */

/* digest as long as the algorithm wants it, else InvalidParameter. */
extern bytea *asymmetric_sign(KmsCallSite *site, Oid caller, const KmsNamedKey *named,
							  const char *algorithm, kc_view digest);
extern bool asymmetric_verify(KmsCallSite *site, Oid caller, const KmsNamedKey *named,
							  const char *algorithm, kc_view digest, kc_view value);

extern bytea *asymmetric_encrypt(KmsCallSite *site, Oid caller, const KmsNamedKey *named,
								 const char *algorithm, kc_view plaintext);
extern bytea *asymmetric_decrypt(KmsCallSite *site, Oid caller, const KmsNamedKey *named,
								 const char *algorithm, kc_view ciphertext);

/* PEM of the SubjectPublicKeyInfo (RFC 7468). */
extern char *asymmetric_public_key(KmsCallSite *site, Oid caller, const KmsNamedKey *named);

/*
 * Between key_cache_begin and key_cache_moved: the version that decrypts so, for a
 * caller who may.
 */
extern KmsCachedVersion *asymmetric_find(KmsCallSite *site, Oid caller, KmsAction action,
										 const KmsNamedKey *named, kc_pke pke);

/* The signature algorithm of this name, RSA_PSS_SHA_256 and so on; else InvalidParameter. */
extern kc_signature asymmetric_signature_of(const char *algorithm);

/* RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE; else InvalidParameter for argument. */
extern kc_pke asymmetric_encryption_of(const char *argument, const char *algorithm);

#endif
