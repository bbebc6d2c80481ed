/*
 * The two kinds of pairs behind transport.h.  Private to this floor.  They leave
 * wiping out, and emptying the error queue, to transport.c.
 */
#ifndef KC_TRANSPORT_KIND_H
#define KC_TRANSPORT_KIND_H

#include <openssl/evp.h>

#include "der.h"
#include "transport.h"

/* One way to send, NULL where it has none. */
typedef struct kc_transport_info
{
	kc_status	(*generate) (kc_der_writer *private_der, kc_der_writer *public_der,
							 bool (*cancelled) (void));
	kc_status	(*open) (const struct kc_transport_info *info, kc_view private_der,
						 kc_view encrypted, uint8_t *out, size_t len);
	const EVP_MD *(*oaep_md) (void);
} kc_transport_info;

extern kc_status kc_rsa_generate(kc_der_writer *private_der, kc_der_writer *public_der,
								 bool (*cancelled) (void));
extern kc_status kc_rsa_open(const kc_transport_info *info, kc_view private_der,
							 kc_view encrypted, uint8_t *out, size_t len);
extern kc_status kc_sm2_generate(kc_der_writer *private_der, kc_der_writer *public_der,
								 bool (*cancelled) (void));
extern kc_status kc_sm2_open(const kc_transport_info *info, kc_view private_der,
							 kc_view encrypted, uint8_t *out, size_t len);

/* Make an OpenSSL key of numbers; *status says why there is none. */
extern EVP_PKEY *kc_pkey_from(const char *type, OSSL_PARAM params[], kc_status *status);

/*
 * OpenSSL hands numbers over in the order of this machine, DER in the other one
 * on most: turn one into the other, in place.
 */
extern void kc_turn_native(uint8_t *number, size_t len);

#endif
