/*
 * Key material: making it, wrapping it for its row, unwrapping it from there.
 */
#ifndef KMS_MATERIAL_H
#define KMS_MATERIAL_H

#include "postgres.h"

#include "crypto/mac.h"
#include "crypto/message.h"
#include "crypto/pair.h"
#include "store/key.h"
#include "store/import_token.h"
#include "store/key_version.h"

/*
 * Make fresh material for a version of key and wrap it: fills in all of
 * *version but its created_at.  The bytes exist on the stack only.  A pair takes
 * seconds with RSA_4096; a cancel ends that.
 */
extern void material_generate(const KmsKey *key, KmsKeyVersion *version);

/*
 * The same for bytes that somebody brings.  First prepare, which may raise: the
 * ids of a new version, or those of the earlier one, and every key that is needed
 * (earlier and token may be NULL).
 * Then wrap, which raises nothing: KC_BAD_INPUT for a wrong length, KC_BAD_TAG if
 * they are not what was imported earlier (NULL: nothing was).
 */
typedef struct KmsMaterialKeys
{
	const kc_key *wrapping;
	const uint8 *digest_key;	/* of the new digest */
	const uint8 *earlier_digest_key;
	const kc_key *token;		/* that wraps the token's private key */
} KmsMaterialKeys;

extern void material_prepare(KmsKeyVersion *version, const KmsKey *key, const KmsKeyVersion *earlier,
							 const KmsImportToken *token, KmsMaterialKeys *keys);
extern kc_status material_wrap(const KmsKey *key, KmsKeyVersion *version, kc_view material,
							   const KmsKeyVersion *earlier, const KmsMaterialKeys *keys);

/* The additional data of a token's wrapped private key, into out. */
#define MATERIAL_PLACE_MAX 160
extern kc_view material_place_of_token(const KmsImportToken *token, uint8 out[MATERIAL_PLACE_MAX]);

/*
 * Unwrap, and make ready: *out lies in the secure arena, pairs and MAC keys in
 * OpenSSL's heap.  Rejected.Unavailable if the row of the key or of the version
 * is not as it was when it was wrapped.
 */
typedef struct KmsMaterialOf
{
	KmsKeySpec	spec;
	KmsKeyUsage usage;
	KmsKeyOrigin origin;
} KmsMaterialOf;

/* Whether it would: raises only if that cannot be found out. */
extern bool material_opens(const KmsKeyVersion *version, const KmsMaterialOf *of);
extern bool material_token_opens(const KmsImportToken *token);

/* Wrap it anew, under the current domain key; false, and nothing changed, if it does not open. */
extern bool material_rewrap(const KmsKey *key, KmsKeyVersion *version);
extern bool material_token_rewrap(KmsImportToken *token);

extern void material_unwrap(const KmsKeyVersion *version, const KmsMaterialOf *of, kc_key *out);
extern kc_pair *material_open_pair(const KmsKeyVersion *version, const KmsMaterialOf *of);
extern kc_mac *material_open_mac(const KmsKeyVersion *version, const KmsMaterialOf *of);

#endif
