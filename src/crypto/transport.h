/*
 * How key material travels to us: encrypted under a one-off public key.
 *
 *	KC_TRANSPORT_RSA_OAEP_SHA_1     RSA-2048, OAEP with SHA-1, MGF1 with SHA-1, empty label
 *	KC_TRANSPORT_RSA_OAEP_SHA_256   RSA-2048, OAEP with SHA-256, MGF1 with SHA-256, empty label
 *	KC_TRANSPORT_RSA_PKCS1_V1_5     RSA-2048, PKCS #1 v1.5
 *	KC_TRANSPORT_SM2PKE             SM2 with SM3, raw: C1 (04 x y, 65) || C3 (32) || C2 (n)
 */
#ifndef KC_TRANSPORT_H
#define KC_TRANSPORT_H

#include "kc.h"

/* The numbers are stored: never reuse one. */
typedef enum kc_transport
{
	KC_TRANSPORT_RSA_OAEP_SHA_1 = 1,
	KC_TRANSPORT_RSA_OAEP_SHA_256 = 2,
	KC_TRANSPORT_RSA_PKCS1_V1_5 = 3,
	KC_TRANSPORT_SM2PKE = 4
} kc_transport;

#define KC_TRANSPORT_PRIVATE_MAX	2048
#define KC_TRANSPORT_PUBLIC_MAX		512
#define KC_TRANSPORT_MATERIAL_MAX	128

/*
 * Make a pair: the private key as PKCS #8 and the public one as
 * SubjectPublicKeyInfo, both DER.  *private_len and *public_len are the room,
 * then the lengths; the two MAX above are enough.  On failure all of the room is
 * wiped and the lengths are 0.
 *
 * The search for RSA primes takes a quarter of a second as a rule and a few times
 * that at worst.  Meanwhile cancelled (which may be NULL, and must return) is
 * asked; once it says true the answer is KC_CANCELLED.
 */
extern kc_status kc_transport_generate(int transport,
									   uint8_t *private_der, size_t *private_len,
									   uint8_t *public_der, size_t *public_len,
									   bool (*cancelled) (void));

/*
 * Open len bytes of material (1..KC_TRANSPORT_MATERIAL_MAX) that were encrypted
 * to the pair.  Whatever is wrong with what arrived is KC_BAD_TAG and wipes out:
 * its length, padding, hash, point, and also material of any other length than
 * this one.  That last rule is not for convenience: told apart from bad padding,
 * a wrong length would make a far better oracle of PKCS #1 v1.5.
 *
 * A private key that is not one of ours is KC_BAD_INPUT.
 */
extern kc_status kc_transport_open(int transport, kc_view private_der, kc_view encrypted,
								   uint8_t *out, size_t len);

#endif
