/*
 * What stands behind a kind of pairs.  Private to this floor.
 *
 * Each family turns OpenSSL's keys into DER and back.  They leave wiping buffers
 * of the caller, and emptying the error queue, to pair.c.
 */
#ifndef KC_PAIR_KIND_H
#define KC_PAIR_KIND_H

#include <openssl/evp.h>

#include "der.h"
#include "pair.h"

typedef struct kc_pair_info kc_pair_info;

typedef struct kc_pair_family
{
	/* False: OpenSSL's key is not what was asked for. */
	bool		(*write_private) (const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out);
	bool		(*write_public) (const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out);
	EVP_PKEY   *(*read_private) (const kc_pair_info *info, kc_view der, kc_status *status);
	EVP_PKEY   *(*read_public) (const kc_pair_info *info, kc_view der, kc_status *status);
} kc_pair_family;

struct kc_pair_info
{
	const kc_pair_family *family;
	const char *type;			/* OpenSSL's name of the kind of key */
	const char *group;			/* of its curve, or NULL */
	size_t		len;			/* bytes: RSA modulus, field of the curve, public key */
	kc_view		algorithm;		/* AlgorithmIdentifier, DER */
};

extern const kc_pair_family kc_rsa_family;
extern const kc_pair_family kc_ec_family;
extern const kc_pair_family kc_octet_family;

/* NULL for a number that is no kind. */
extern const kc_pair_info *kc_pair_find(int kind);

typedef enum kc_operation
{
	KC_SIGN,
	KC_VERIFY,
	KC_ENCRYPT,
	KC_DECRYPT,
	KC_OPERATIONS
} kc_operation;

/* An algorithm of the same operation: of RSA signatures there are two. */
#define KC_VARIANTS	2

struct kc_pair
{
	int			kind;
	const kc_pair_info *info;
	EVP_PKEY   *key;
	EVP_PKEY_CTX *contexts[KC_OPERATIONS][KC_VARIANTS];	/* NULL: not used yet */
};

/*
 * A context made ready for an operation, kept from then on: making one costs as
 * much as a tenth of an ECDSA signature.  NULL if that fails.
 */
extern EVP_PKEY_CTX *kc_pair_context(kc_pair *pair, kc_operation operation, int variant,
									 bool (*set_up) (EVP_PKEY_CTX *ctx));

/* Make an OpenSSL key of numbers; *status says why there is none. */
extern EVP_PKEY *kc_pkey_from(const char *type, int selection, OSSL_PARAM params[], kc_status *status);

/*
 * OpenSSL hands numbers over in the order of this machine, DER in the other one
 * on most: turn one into the other, in place.
 */
extern void kc_turn_native(uint8_t *number, size_t len);

/* The parts that PKCS #8 and SubjectPublicKeyInfo are made of, written last first. */
extern void kc_put_private_key_info(kc_der_writer *out, kc_view algorithm);
extern void kc_put_public_key_info(kc_der_writer *out, kc_view algorithm);

/* What stands in their OCTET STRING and BIT STRING; false if they are not to the letter. */
extern bool kc_take_private_key_info(kc_view der, kc_view algorithm, kc_view *key);
extern bool kc_take_public_key_info(kc_view der, kc_view algorithm, kc_view *key);

#define KC_BYTES(array)	kc_view_of(array, sizeof(array))

#endif
