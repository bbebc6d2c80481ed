/*
 * How key material travels to us: encrypted under a one-off public key, of
 * RSA-2048 or SM2 as the algorithm wants it.
 */
#ifndef KC_TRANSPORT_H
#define KC_TRANSPORT_H

#include "pke.h"

#define KC_TRANSPORT_PRIVATE_MAX	2048
#define KC_TRANSPORT_PUBLIC_MAX		512
#define KC_TRANSPORT_MATERIAL_MAX	KC_PKE_EXACT_MAX

/* Make the pair for a kc_pke: see kc_pair_generate.  The two MAX above are enough. */
extern kc_status kc_transport_generate(int pke, uint8_t *private_der, size_t *private_len,
									   uint8_t *public_der, size_t *public_len,
									   bool (*cancelled) (void));

/*
 * Open len bytes of material (1..KC_TRANSPORT_MATERIAL_MAX) that were encrypted
 * to the pair: see kc_pke_decrypt_exactly.  Out is wiped on failure.  A private
 * key that is not one of ours is KC_BAD_INPUT.
 */
extern kc_status kc_transport_open(int pke, kc_view private_der, kc_view encrypted, uint8_t *out, size_t len);

#endif
