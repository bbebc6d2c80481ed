/*
 * Public-key encryption.
 *
 *	KC_PKE_RSA_OAEP_SHA_1     RSAES-OAEP (RFC 8017, 7.1) with SHA-1, MGF1 with SHA-1, empty label
 *	KC_PKE_RSA_OAEP_SHA_256   the same with SHA-256
 *	KC_PKE_RSA_PKCS1_V1_5     RSAES-PKCS1-v1_5; decrypted only, and only by kc_pke_decrypt_exactly
 *	KC_PKE_SM2PKE             SM2 (GB/T 32918.4) with SM3, raw: C1 (04 x y, 65) || C3 (32) || C2 (n)
 */
#ifndef KC_PKE_H
#define KC_PKE_H

#include "pair.h"

/* The numbers are stored: never reuse one. */
typedef enum kc_pke
{
	KC_PKE_RSA_OAEP_SHA_1 = 1,
	KC_PKE_RSA_OAEP_SHA_256 = 2,
	KC_PKE_RSA_PKCS1_V1_5 = 3,
	KC_PKE_SM2PKE = 4
} kc_pke;

/* Longest plaintext and ciphertext, which are SM2PKE's. */
#define KC_PKE_PLAINTEXT_MAX	6047
#define KC_PKE_CIPHERTEXT_MAX	6144

/* Whether a pair of this kind encrypts and decrypts so. */
extern bool kc_pke_fits(int pke, int kind);

/*
 * Bytes of the longest plaintext (OAEP: length of the modulus - 2 * length of the hash - 2),
 * and of the ciphertext of plaintext_len bytes; 0 where the algorithm does not
 * fit the kind or only decrypts.  The shortest plaintext is no byte with OAEP, one with SM2.
 */
extern size_t kc_pke_plaintext_max(int pke, int kind);
extern size_t kc_pke_ciphertext_len(int pke, int kind, size_t plaintext_len);

/*
 * Encrypt under the public key; out takes kc_pke_ciphertext_len bytes.
 * KC_BAD_INPUT for a plaintext that is too long or too short; out is wiped on
 * failure.
 */
extern kc_status kc_pke_encrypt(kc_pair *pair, int pke, kc_view plaintext, uint8_t *out);

/*
 * The same for somebody's public key, DER, of this kind; KC_BAD_INPUT, too, where
 * that is none (pair.h).
 */
extern kc_status kc_pke_encrypt_for(int kind, kc_view public_der, int pke, kc_view plaintext, uint8_t *out);

/*
 * Decrypt with the private key; out takes kc_pke_plaintext_max bytes, *len
 * receives how many there are.  Whatever is wrong with the ciphertext is
 * KC_BAD_TAG: its length, number, padding, hash, point.  Padding of OAEP is
 * examined in the same time whatever it is.  On failure out is wiped, *len 0.
 */
extern kc_status kc_pke_decrypt(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *out, size_t *len);

/*
 * The same where the plaintext must have len bytes (1..KC_PKE_EXACT_MAX): another length is
 * KC_BAD_TAG, too, and takes the same time.  That is not for convenience: told
 * apart from bad padding, a wrong length would make a far better oracle of
 * PKCS #1 v1.5, which may be decrypted in this way only.
 */
#define KC_PKE_EXACT_MAX	128
extern kc_status kc_pke_decrypt_exactly(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *out, size_t len);

#endif
