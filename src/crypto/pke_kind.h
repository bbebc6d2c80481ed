/*
 * The two families of public-key encryption.  Private to this floor.  They leave
 * wiping of out, and emptying the error queue, to pke.c.
 */
#ifndef KC_PKE_KIND_H
#define KC_PKE_KIND_H

#include "pair_kind.h"
#include "pke.h"

#define KC_MODULUS_MAX	512

/* The hash of OAEP, NULL with PKCS #1 v1.5. */
extern const EVP_MD *kc_oaep_md(int pke);

extern kc_status kc_rsa_encrypt(kc_pair *pair, int pke, kc_view plaintext, uint8_t *out);

/*
 * found: bytes in material (KC_MODULUS_MAX of room), or -1; found out in the same
 * time whatever it is.  The caller wipes material.
 */
extern kc_status kc_rsa_decrypt(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *material, int *found);

#define KC_SM2_OVERHEAD	97

extern kc_status kc_sm2_encrypt(kc_pair *pair, kc_view plaintext, uint8_t *out);

/* ciphertext has KC_SM2_OVERHEAD + len bytes. */
extern kc_status kc_sm2_decrypt(kc_pair *pair, kc_view ciphertext, uint8_t *out, size_t len);

#endif
