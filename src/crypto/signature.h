/*
 * Signatures.
 *
 *	algorithm                    input                     signature
 *	KC_RSA_PSS_SHA_256           digest, 32 bytes          RSASSA-PSS (RFC 8017, 8.1), MGF1 with SHA-256, salt 32 bytes
 *	KC_RSA_PKCS1_SHA_256         digest, 32 bytes          RSASSA-PKCS1-v1_5 (RFC 8017, 8.2) with its DigestInfo
 *	KC_ECDSA_SHA_256, 384, 512   digest, 32, 48, 64 bytes  FIPS 186-5; SEQUENCE { r, s }, DER
 *	KC_SM2DSA                    SM3(Z || M), 32 bytes     GB/T 32918.2; SEQUENCE { r, s }, DER
 *	KC_ED25519                   the message itself        RFC 8032, pure Ed25519, 64 bytes
 *	KC_ML_DSA_44, 65, 87         the message itself        FIPS 204, pure, no context
 */
#ifndef KC_SIGNATURE_H
#define KC_SIGNATURE_H

#include "pair.h"

typedef enum kc_signature
{
	KC_RSA_PSS_SHA_256 = 1,
	KC_RSA_PKCS1_SHA_256,
	KC_ECDSA_SHA_256,
	KC_ECDSA_SHA_384,
	KC_ECDSA_SHA_512,
	KC_SM2DSA,
	KC_ED25519,
	KC_ML_DSA_44,
	KC_ML_DSA_65,
	KC_ML_DSA_87
} kc_signature;

/* Longest message that is signed itself: it cannot be cancelled meanwhile. */
#define KC_SIGNED_MESSAGE_MAX	((size_t) 64 << 20)

/* Longest signature: ML-DSA-87's. */
#define KC_SIGNATURE_MAX	4627

/* Whether a pair of this kind signs so. */
extern bool kc_signature_fits(int signature, int kind);

/* Bytes of the digest; 0 where the message itself is signed. */
extern size_t kc_signature_digest_len(int signature);

/* Bytes of the longest signature of this pair. */
extern size_t kc_signature_max(const kc_pair *pair);

/*
 * Sign with the private key.  *len is the room, at least kc_signature_max, then the length.  KC_BAD_INPUT for an algorithm that does not fit or a
 * digest of another length.  On failure the room is wiped and *len is 0.
 */
extern kc_status kc_sign(kc_pair *pair, int signature, kc_view digest, uint8_t *out, size_t *len);

/*
 * KC_OK if value is the signature of digest, KC_BAD_TAG if it is not: another
 * one, DER that is not to the letter, another length, empty.  KC_BAD_INPUT as for kc_sign.
 */
extern kc_status kc_verify(kc_pair *pair, int signature, kc_view digest, kc_view value);

/*
 * The same over a message of at most KC_SIGNED_MESSAGE_MAX bytes, which is hashed here: with the
 * algorithm's digest, for SM2DSA after the hash of the identity 1234567812345678.
 */
extern kc_status kc_sign_message(kc_pair *pair, int signature, kc_view message, uint8_t *out, size_t *len);
extern kc_status kc_verify_message(kc_pair *pair, int signature, kc_view message, kc_view value);

#endif
