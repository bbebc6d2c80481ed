/*
 * Encrypting and decrypting: the hot path.
 */
#ifndef KMS_CIPHER_H
#define KMS_CIPHER_H

#include "postgres.h"

#include "service/key_use.h"

/* Longest plaintext, in bytes. */
#define PLAINTEXT_MAX 6144

/*
 * Encrypt with the primary version of the key named by reference; used, if not
 * NULL, receives the ids.  InvalidParameter if the plaintext is too long.
 */
extern bytea *cipher_encrypt(KmsCallSite *site, Oid caller, KmsAction action, kc_view reference,
							 kc_view plaintext, kc_view context, KmsKeyUsed *used);

/* Decrypt a blob, or an envelope, with the version that it names. */
extern bytea *cipher_decrypt(KmsCallSite *site, Oid caller, kc_view blob, kc_view context);

/* Likewise; NULL if it does not open, and why.  Raises what is about the caller or the key. */
extern bytea *cipher_try_decrypt(KmsCallSite *site, Oid caller, kc_view blob, kc_view context, KmsRefusal *refusal);

/*
 * The parts of it, for calls that do more with a plaintext than to hand it out.
 * Between key_cache_begin and key_cache_moved: find the version of a blob for a
 * caller who may.  Then open it, which raises nothing once something is in out, and
 * wipes that on failure.
 */
typedef struct KmsFoundBlob
{
	kc_blob		blob;
	KmsCachedVersion *version;
} KmsFoundBlob;

extern void cipher_find(KmsCallSite *site, Oid caller, KmsAction action, kc_view blob, kc_view context,
						KmsFoundBlob *found);
extern kc_status cipher_open(const KmsFoundBlob *found, kc_view context, uint8 out[PLAINTEXT_MAX], size_t *len);

/* At most PLAINTEXT_MAX bytes under a version that was found to encrypt; counts as a use. */
extern bytea *cipher_seal(KmsCachedVersion *version, KmsAction action, kc_view plaintext, kc_view context);

/*
 * What bytes are already that are to be encrypted with a key in a context.  Asks for
 * the right to encrypt, no other: a ciphertext is opened to see whether it is one, and
 * what is in it is shown to nobody.
 */
typedef enum KmsSealed
{
	SEALED_NOT,					/* not in the form of a ciphertext */
	SEALED_UNKNOWN,				/* in that form, and its key version is not in this database */
	SEALED_HERE,				/* a ciphertext of this key, in this context */
	SEALED_ELSEWHERE			/* of another key or context, or damaged */
} KmsSealed;

extern KmsSealed cipher_sealed(KmsCallSite *site, Oid caller, kc_view reference, kc_view bytes, kc_view context,
							   KmsRefusal *refusal);

/* The version that encrypts with a key now, for a caller who may encrypt with it. */
extern pg_uuid_t cipher_newest_version(KmsCallSite *site, Oid caller, kc_view reference, kc_view context);

/* Whether a key version (16 bytes) is in this database; key_id, if not NULL, receives whose it is. */
extern bool cipher_version_exists(KmsCallSite *site, const uint8 *version_id, pg_uuid_t *key_id);

/* Whether bytes that begin so, CIPHER_START of them or all, are in that form, as far as these tell. */
#define CIPHER_START		KC_HEADER_LEN
#define CIPHER_VERSION_AT	1	/* where the id of the key version is in it */

extern bool cipher_begins(kc_view start, size_t len);

/* What a blob says of itself; key_id only if the caller may describe the key. */
typedef struct KmsBlobInfo
{
	pg_uuid_t	version_id;
	bool		has_key_id;
	pg_uuid_t	key_id;
	const char *format;
	int64		plaintext_length;
} KmsBlobInfo;

extern void cipher_describe(Oid caller, kc_view blob, KmsBlobInfo *info);

#endif
