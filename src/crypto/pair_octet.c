/*
 * Keys that are a string of bytes: Ed25519, and ML-DSA, of which the seed alone
 * is kept.  Both take 32 bytes.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "pair_kind.h"

#define SECRET_LEN	32
#define PUBLIC_MAX	2592

/* OpenSSL's names of the parameter; the headers of 3.0 lack the second. */
#define PRIVATE_KEY	OSSL_PKEY_PARAM_PRIV_KEY
#define SEED		"seed"

/* CHOICE of ML-DSA-PrivateKey: seed [0], implicit. */
#define SEED_TAG	0x80

static bool
is_seed(const kc_pair_info *info)
{
	return info->len != SECRET_LEN;	/* as long as a public key of Ed25519 */
}

static bool
write_private(const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out)
{
	uint8_t		secret[SECRET_LEN];
	size_t		len = 0;
	bool		good = EVP_PKEY_get_octet_string_param(key, is_seed(info) ? SEED : PRIVATE_KEY,
													   secret, sizeof(secret), &len) == 1 && len == SECRET_LEN;

	if (good)
	{
		kc_der_put(out, KC_BYTES(secret));
		kc_der_put_header(out, is_seed(info) ? SEED_TAG : KC_DER_OCTET_STRING, SECRET_LEN);
		kc_put_private_key_info(out, info->algorithm);
	}
	kc_wipe(secret, sizeof(secret));
	return good;
}

static bool
write_public(const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out)
{
	uint8_t		bytes[PUBLIC_MAX];
	size_t		len = 0;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes), &len) != 1 ||
		len != info->len)
		return false;
	kc_der_put(out, kc_view_of(bytes, len));
	kc_put_public_key_info(out, info->algorithm);
	return true;
}

static EVP_PKEY *
key_of(const kc_pair_info *info, const char *name, int selection, kc_view bytes, kc_status *status)
{
	OSSL_PARAM	params[2];

	params[0] = OSSL_PARAM_construct_octet_string(name, (void *) bytes.data, bytes.len);
	params[1] = OSSL_PARAM_construct_end();
	return kc_pkey_from(info->type, selection, params, status);
}

static EVP_PKEY *
read_private(const kc_pair_info *info, kc_view der, kc_status *status)
{
	kc_view		octets;
	kc_view		secret;

	*status = KC_BAD_INPUT;
	if (!kc_take_private_key_info(der, info->algorithm, &octets) ||
		!kc_der_take(&octets, is_seed(info) ? SEED_TAG : KC_DER_OCTET_STRING, &secret) ||
		octets.len != 0 || secret.len != SECRET_LEN)
		return NULL;
	return key_of(info, is_seed(info) ? SEED : PRIVATE_KEY, EVP_PKEY_KEYPAIR, secret, status);
}

static EVP_PKEY *
read_public(const kc_pair_info *info, kc_view der, kc_status *status)
{
	kc_view		key;

	*status = KC_BAD_INPUT;
	if (!kc_take_public_key_info(der, info->algorithm, &key) || key.len != info->len)
		return NULL;
	return key_of(info, OSSL_PKEY_PARAM_PUB_KEY, EVP_PKEY_PUBLIC_KEY, key, status);
}

const kc_pair_family kc_octet_family = {write_private, write_public, read_private, read_public};
