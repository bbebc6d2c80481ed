/*
 * Keys on named curves, SM2's included.  OpenSSL tests that a point it is given
 * lies on the curve, and all of these curves have prime order.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "pair_kind.h"

#define FIELD_MAX		66
#define POINT_MAX		(1 + 2 * FIELD_MAX)
#define UNCOMPRESSED	0x04

typedef struct numbers
{
	uint8_t		secret[FIELD_MAX];	/* big-endian, as wide as the field */
	uint8_t		point[POINT_MAX];	/* 04 | x | y */
} numbers;

static size_t
point_len(const kc_pair_info *info)
{
	return 1 + 2 * info->len;
}

/* The private number, too, if wanted. */
static bool
numbers_of(const kc_pair_info *info, const EVP_PKEY *key, bool with_secret, numbers *ec)
{
	OSSL_PARAM	params[3];

	memset(ec, 0, sizeof(*ec));
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, ec->point, point_len(info));
	params[1] = params[2] = OSSL_PARAM_construct_end();
	if (with_secret)
		params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, ec->secret, info->len);
	if (EVP_PKEY_get_params(key, params) != 1 || params[0].return_size != point_len(info) ||
		ec->point[0] != UNCOMPRESSED || (with_secret && !OSSL_PARAM_modified(&params[1])))
		return false;
	kc_turn_native(ec->secret, info->len);
	return true;
}

/* Version 1 of ECPrivateKey. */
static const uint8_t version[] = {KC_DER_INTEGER, 0x01, 0x01};
static const uint8_t unused_bits[] = {0};

#define PUBLIC_KEY_TAG	0xa1	/* [1], explicit */

static bool
write_private(const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out)
{
	numbers		ec;
	bool		good = numbers_of(info, key, true, &ec);

	if (good)
	{
		kc_der_put(out, kc_view_of(ec.point, point_len(info)));
		kc_der_put(out, KC_BYTES(unused_bits));
		kc_der_put_header(out, KC_DER_BIT_STRING, kc_der_written(out));
		kc_der_put_header(out, PUBLIC_KEY_TAG, kc_der_written(out));
		kc_der_put(out, kc_view_of(ec.secret, info->len));
		kc_der_put_header(out, KC_DER_OCTET_STRING, info->len);
		kc_der_put(out, KC_BYTES(version));
		kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
		kc_put_private_key_info(out, info->algorithm);
	}
	kc_wipe(&ec, sizeof(ec));
	return good;
}

static bool
write_public(const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out)
{
	numbers		ec;

	if (!numbers_of(info, key, false, &ec))
		return false;
	kc_der_put(out, kc_view_of(ec.point, point_len(info)));
	kc_put_public_key_info(out, info->algorithm);
	return true;
}

/* Exactly len bytes, or false. */
static bool
copy(kc_view bytes, uint8_t *out, size_t len)
{
	if (bytes.len != len)
		return false;
	memcpy(out, bytes.data, len);
	return true;
}

static bool
copy_point(const kc_pair_info *info, kc_view bytes, numbers *ec)
{
	return copy(bytes, ec->point, point_len(info)) && ec->point[0] == UNCOMPRESSED;
}

static bool
take_private(const kc_pair_info *info, kc_view der, numbers *ec)
{
	kc_view		octets;
	kc_view		key;
	kc_view		secret;
	kc_view		tagged;
	kc_view		bits;

	return kc_take_private_key_info(der, info->algorithm, &octets) &&
		kc_der_take(&octets, KC_DER_SEQUENCE, &key) && octets.len == 0 &&
		kc_der_take_bytes(&key, KC_BYTES(version)) &&
		kc_der_take(&key, KC_DER_OCTET_STRING, &secret) && copy(secret, ec->secret, info->len) &&
		kc_der_take(&key, PUBLIC_KEY_TAG, &tagged) && key.len == 0 &&
		kc_der_take(&tagged, KC_DER_BIT_STRING, &bits) && tagged.len == 0 &&
		kc_der_take_bytes(&bits, KC_BYTES(unused_bits)) && copy_point(info, bits, ec);
}

static EVP_PKEY *
key_of(const kc_pair_info *info, bool with_secret, numbers *ec, kc_status *status)
{
	OSSL_PARAM	params[4];

	kc_turn_native(ec->secret, info->len);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *) info->group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, ec->point, point_len(info));
	params[2] = params[3] = OSSL_PARAM_construct_end();
	if (with_secret)
		params[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, ec->secret, info->len);
	return kc_pkey_from(info->type, with_secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params, status);
}

/*
 * The private number, from 1 to the order - 1, and of SM2 to the order - 2: with
 * order - 1 OpenSSL looks for a signature for ever.  That the point belongs to the
 * number is not tested; it would cost as much as a signature.
 */
static kc_status
check_private(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	kc_status	status = KC_FAILED;

	if (ctx != NULL)
		status = EVP_PKEY_private_check(ctx) == 1 ? KC_OK : KC_BAD_INPUT;
	EVP_PKEY_CTX_free(ctx);
	return status;
}

static EVP_PKEY *
read_private(const kc_pair_info *info, kc_view der, kc_status *status)
{
	EVP_PKEY   *key = NULL;
	numbers		ec;

	*status = KC_BAD_INPUT;
	if (take_private(info, der, &ec))
		key = key_of(info, true, &ec, status);
	kc_wipe(&ec, sizeof(ec));
	if (*status == KC_OK)
		*status = check_private(key);
	return key;
}

static EVP_PKEY *
read_public(const kc_pair_info *info, kc_view der, kc_status *status)
{
	kc_view		point;
	numbers		ec;

	*status = KC_BAD_INPUT;
	memset(&ec, 0, sizeof(ec));
	if (!kc_take_public_key_info(der, info->algorithm, &point) || !copy_point(info, point, &ec))
		return NULL;
	return key_of(info, false, &ec, status);
}

const kc_pair_family kc_ec_family = {write_private, write_public, read_private, read_public};
