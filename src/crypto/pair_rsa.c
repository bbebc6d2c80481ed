/*
 * RSA keys as numbers, as DER, and as OpenSSL has them.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "pair_kind.h"

#define MODULUS_MAX		512
#define EXPONENT_LEN	8

/* A pair as numbers, big-endian; the order is that of RSAPrivateKey (RFC 8017, A.1.2). */
typedef struct numbers
{
	uint8_t		n[MODULUS_MAX];
	uint8_t		e[EXPONENT_LEN];
	uint8_t		d[MODULUS_MAX];
	uint8_t		p[MODULUS_MAX / 2];
	uint8_t		q[MODULUS_MAX / 2];
	uint8_t		dp[MODULUS_MAX / 2];
	uint8_t		dq[MODULUS_MAX / 2];
	uint8_t		q_inverse[MODULUS_MAX / 2];
} numbers;

/* How long a number is: as the modulus, as a prime, as the exponent. */
typedef enum width
{
	WHOLE,
	HALF,
	SHORT
} width;

static const struct
{
	const char *name;
	size_t		at;
	width		width;
}			parts[] = {
	{OSSL_PKEY_PARAM_RSA_N, offsetof(numbers, n), WHOLE},
	{OSSL_PKEY_PARAM_RSA_E, offsetof(numbers, e), SHORT},
	{OSSL_PKEY_PARAM_RSA_D, offsetof(numbers, d), WHOLE},
	{OSSL_PKEY_PARAM_RSA_FACTOR1, offsetof(numbers, p), HALF},
	{OSSL_PKEY_PARAM_RSA_FACTOR2, offsetof(numbers, q), HALF},
	{OSSL_PKEY_PARAM_RSA_EXPONENT1, offsetof(numbers, dp), HALF},
	{OSSL_PKEY_PARAM_RSA_EXPONENT2, offsetof(numbers, dq), HALF},
	{OSSL_PKEY_PARAM_RSA_COEFFICIENT1, offsetof(numbers, q_inverse), HALF},
};

#define PUBLIC_PARTS	2		/* modulus and exponent come first */
#define PARTS			(sizeof(parts) / sizeof(parts[0]))

static uint8_t *
part(numbers *rsa, size_t i)
{
	return (uint8_t *) rsa + parts[i].at;
}

static size_t
part_len(const kc_pair_info *info, size_t i)
{
	return parts[i].width == WHOLE ? info->len : parts[i].width == HALF ? info->len / 2 : EXPONENT_LEN;
}

/* For OpenSSL to read from, or write to. */
static void
describe(const kc_pair_info *info, numbers *rsa, size_t count, OSSL_PARAM params[PARTS + 1])
{
	for (size_t i = 0; i < count; i++)
		params[i] = OSSL_PARAM_construct_BN(parts[i].name, part(rsa, i), part_len(info, i));
	params[count] = OSSL_PARAM_construct_end();
}

static void
turn_native(const kc_pair_info *info, numbers *rsa, size_t count)
{
	for (size_t i = 0; i < count; i++)
		kc_turn_native(part(rsa, i), part_len(info, i));
}

/* As many bits as asked for, and odd: OpenSSL's arithmetic relies on it. */
static bool
plausible_public(const kc_pair_info *info, const numbers *rsa)
{
	static const uint8_t one[EXPONENT_LEN] = {0, 0, 0, 0, 0, 0, 0, 1};

	return (rsa->n[0] & 0x80) != 0 && (rsa->n[info->len - 1] & 1) != 0 &&
		(rsa->e[EXPONENT_LEN - 1] & 1) != 0 && memcmp(rsa->e, one, EXPONENT_LEN) != 0;
}

static bool
plausible(const kc_pair_info *info, const numbers *rsa)
{
	static const uint8_t e[EXPONENT_LEN] = {0, 0, 0, 0, 0, 1, 0, 1};
	size_t		last = info->len / 2 - 1;

	return plausible_public(info, rsa) && memcmp(rsa->e, e, EXPONENT_LEN) == 0 &&
		(rsa->p[last] & rsa->q[last] & 1) != 0 && (rsa->p[0] & rsa->q[0] & 0x80) != 0;
}

/* From OpenSSL's key; it passes over, in silence, what it does not know. */
static bool
numbers_of(const kc_pair_info *info, const EVP_PKEY *key, size_t count, numbers *rsa)
{
	OSSL_PARAM	params[PARTS + 1];

	memset(rsa, 0, sizeof(*rsa));
	describe(info, rsa, count, params);
	if (EVP_PKEY_get_params(key, params) != 1)
		return false;
	turn_native(info, rsa, count);
	return count == PARTS ? plausible(info, rsa) : plausible_public(info, rsa);
}

/* Version 0 of RSAPrivateKey: two primes. */
static const uint8_t version[] = {KC_DER_INTEGER, 0x01, 0x00};

static bool
write_private(const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out)
{
	numbers		rsa;
	bool		good = numbers_of(info, key, PARTS, &rsa);

	if (good)
	{
		for (size_t i = PARTS; i-- > 0;)
			kc_der_put_unsigned(out, kc_view_of(part(&rsa, i), part_len(info, i)));
		kc_der_put(out, KC_BYTES(version));
		kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
		kc_put_private_key_info(out, info->algorithm);
	}
	kc_wipe(&rsa, sizeof(rsa));
	return good;
}

static bool
write_public(const kc_pair_info *info, const EVP_PKEY *key, kc_der_writer *out)
{
	numbers		rsa;

	if (!numbers_of(info, key, PUBLIC_PARTS, &rsa))
		return false;
	for (size_t i = PUBLIC_PARTS; i-- > 0;)
		kc_der_put_unsigned(out, kc_view_of(part(&rsa, i), part_len(info, i)));
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
	kc_put_public_key_info(out, info->algorithm);
	return true;
}

/* So many INTEGERs in a SEQUENCE, and nothing behind them. */
static bool
take_numbers(const kc_pair_info *info, kc_view key, size_t count, numbers *rsa)
{
	for (size_t i = 0; i < count; i++)
		if (!kc_der_take_unsigned(&key, part(rsa, i), part_len(info, i)))
			return false;
	return key.len == 0;
}

static bool
take_private(const kc_pair_info *info, kc_view der, numbers *rsa)
{
	kc_view		octets;
	kc_view		key;

	return kc_take_private_key_info(der, info->algorithm, &octets) &&
		kc_der_take(&octets, KC_DER_SEQUENCE, &key) && octets.len == 0 &&
		kc_der_take_bytes(&key, KC_BYTES(version)) &&
		take_numbers(info, key, PARTS, rsa) && plausible(info, rsa);
}

static bool
take_public(const kc_pair_info *info, kc_view der, numbers *rsa)
{
	kc_view		bits;
	kc_view		key;

	return kc_take_public_key_info(der, info->algorithm, &bits) &&
		kc_der_take(&bits, KC_DER_SEQUENCE, &key) && bits.len == 0 &&
		take_numbers(info, key, PUBLIC_PARTS, rsa) && plausible_public(info, rsa);
}

static EVP_PKEY *
key_of(const kc_pair_info *info, int selection, size_t count, numbers *rsa, kc_status *status)
{
	OSSL_PARAM	params[PARTS + 1];

	turn_native(info, rsa, count);
	describe(info, rsa, count, params);
	return kc_pkey_from(info->type, selection, params, status);
}

static EVP_PKEY *
read_private(const kc_pair_info *info, kc_view der, kc_status *status)
{
	EVP_PKEY   *key = NULL;
	numbers		rsa;

	*status = KC_BAD_INPUT;
	if (take_private(info, der, &rsa))
		key = key_of(info, EVP_PKEY_KEYPAIR, PARTS, &rsa, status);
	kc_wipe(&rsa, sizeof(rsa));
	return key;
}

static EVP_PKEY *
read_public(const kc_pair_info *info, kc_view der, kc_status *status)
{
	numbers		rsa;

	*status = KC_BAD_INPUT;
	if (!take_public(info, der, &rsa))
		return NULL;
	return key_of(info, EVP_PKEY_PUBLIC_KEY, PUBLIC_PARTS, &rsa, status);
}

const kc_pair_family kc_rsa_family = {write_private, write_public, read_private, read_public};
