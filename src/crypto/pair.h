/*
 * Asymmetric key pairs: making them, keeping them as bytes, making them ready.
 *
 *	kind               private key, PKCS #8 (RFC 5208), DER              public key
 *	KC_PAIR_RSA_*      RSAPrivateKey (RFC 8017, A.1.2), exponent 65537   RFC 8017, A.1.1
 *	KC_PAIR_EC_*       ECPrivateKey with public key (RFC 5915)           RFC 5480, named curve, uncompressed
 *	KC_PAIR_ED25519    CurvePrivateKey (RFC 8410)                        RFC 8410
 *	KC_PAIR_ML_DSA_*   the 32 bytes of seed alone (RFC 9881)             RFC 9881
 *
 * The public key is always a SubjectPublicKeyInfo (RFC 5280), DER.
 */
#ifndef KC_PAIR_H
#define KC_PAIR_H

#include "kc.h"

typedef enum kc_pair_kind
{
	KC_PAIR_RSA_2048 = 1,
	KC_PAIR_RSA_3072,
	KC_PAIR_RSA_4096,
	KC_PAIR_EC_P256,
	KC_PAIR_EC_P256K,
	KC_PAIR_EC_P384,
	KC_PAIR_EC_P521,
	KC_PAIR_EC_SM2,
	KC_PAIR_ED25519,
	KC_PAIR_ML_DSA_44,			/* from OpenSSL 3.5 on */
	KC_PAIR_ML_DSA_65,
	KC_PAIR_ML_DSA_87
} kc_pair_kind;

/* Longest private key (RSA-4096 takes 2376 bytes at most) and public key (ML-DSA-87: 2614). */
#define KC_PRIVATE_MAX	2560
#define KC_PUBLIC_MAX	2688

/*
 * Make a pair.  *private_len and *public_len are the room, then the lengths; the
 * two MAX above are enough.  On failure all of the room is wiped and the lengths
 * are 0; KC_UNSUPPORTED if this OpenSSL does not have the kind.
 *
 * The search for RSA primes takes a quarter of a second for 2048 bits and a
 * second or two for 4096, and a few times that at worst.  Meanwhile cancelled
 * (which may be NULL, and must return) is asked; once it says true the answer is
 * KC_CANCELLED.
 */
extern kc_status kc_pair_generate(int kind, uint8_t *private_der, size_t *private_len,
								  uint8_t *public_der, size_t *public_len,
								  bool (*cancelled) (void));

/*
 * A pair made ready: an OpenSSL key and the contexts that have worked with it.
 * It is secret as a whole and lies in OpenSSL's heap, which wipes it when it is
 * freed.
 */
typedef struct kc_pair kc_pair;

/*
 * From a private key as kc_pair_generate made it.  KC_BAD_INPUT for bytes that are
 * not of this form, or a private number out of its curve's range; then, as on any
 * failure, *pair is NULL.  Whether the numbers belong together is not tested: if they
 * do not, what such a pair signs does not verify.
 */
extern kc_status kc_pair_open(int kind, kc_view private_der, kc_pair **pair);

/*
 * From anybody's public key.  KC_BAD_INPUT unless it is DER to the letter, of this
 * kind, with nothing behind it, and stands for a key: an odd modulus of exactly so
 * many bits and an odd exponent from 3 to 2^64, a point of the curve.  Bytes of
 * Ed25519 and ML-DSA are taken as they are; if they are no key nothing verifies.  With
 * Ed25519's few points of small order, which are nobody's, anybody can sign.
 */
extern kc_status kc_pair_open_public(int kind, kc_view public_der, kc_pair **pair);

/* *len is the room, at least KC_PUBLIC_MAX, then the length. */
extern kc_status kc_pair_public(const kc_pair *pair, uint8_t *public_der, size_t *len);

extern void kc_pair_free(kc_pair *pair);	/* wipes; NULL is fine */

extern int kc_pair_kind_of(const kc_pair *pair);

#endif
