/*
 * Encrypting and decrypting: the hot path.
 */
#ifndef KMS_CIPHER_H
#define KMS_CIPHER_H

#include "postgres.h"

#include "base/context.h"
#include "service/access.h"
#include "service/key_cache.h"

/* Longest plaintext, in bytes. */
#define PLAINTEXT_MAX 6144

/*
 * What a place in a query remembers from row to row.  Zeroed to begin with but
 * for the memory contexts of its memos.
 */
typedef struct KmsCallSite
{
	/* the key named last */
	uint64		epoch;
	KmsCachedKey *key;
	size_t		reference_len;
	char		reference[REFERENCE_MAX_LEN];

	/* the version found in a ciphertext last */
	uint64		version_epoch;
	KmsCachedVersion *version;

	ContextMemo context;
	ContextMemo other_context;	/* of the destination, when re-encrypting */
} KmsCallSite;

typedef struct KmsKeyUsed
{
	pg_uuid_t	key_id;
	pg_uuid_t	version_id;
} KmsKeyUsed;

/*
 * Encrypt with the primary version of the key named by reference; used, if not
 * NULL, receives the ids.  InvalidParameter if the plaintext is too long.
 */
extern bytea *cipher_encrypt(KmsCallSite *site, Oid caller, KmsAction action, kc_view reference,
							 kc_view plaintext, kc_view context, KmsKeyUsed *used);

/* Decrypt a blob with the version that it names. */
extern bytea *cipher_decrypt(KmsCallSite *site, Oid caller, kc_view blob, kc_view context);

/* Decrypt and encrypt again; the plaintext is seen by nobody. */
extern bytea *cipher_re_encrypt(KmsCallSite *site, Oid caller, kc_view blob, kc_view context,
								kc_view destination, kc_view destination_context);

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
