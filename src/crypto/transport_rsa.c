/*
 * RSA-2048 pairs, and what was encrypted to them.
 *
 * OpenSSL's own decryption with padding is not used, for two reasons.  Its OAEP
 * leaves the padded material, which anybody can unpad, in memory that it frees.
 * And from 3.2 on its PKCS #1 v1.5 answers bad padding with an invented message
 * (implicit rejection): one in 250 such has the length of a key, and we would take
 * it for the key that somebody sent.  So: one private operation without padding,
 * then OpenSSL's constant-time unpadding, which never branches on what it finds,
 * and one selection of ours.  The functions are marked deprecated since 3.0, and
 * there is nothing else that does this.
 *
 * What remains of Bleichenbacher's oracle is that import succeeds or fails at
 * all.  Success means well-formed padding around exactly the length asked for,
 * which a guess meets about once in 2^25.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "transport_kind.h"

#define BITS		2048
#define MODULUS_LEN	256
#define PRIME_LEN	128
#define EXPONENT_LEN	4

/* A pair as numbers, big-endian; the order is that of RSAPrivateKey (RFC 8017, A.1.2). */
typedef struct pair
{
	uint8_t		n[MODULUS_LEN];
	uint8_t		e[EXPONENT_LEN];
	uint8_t		d[MODULUS_LEN];
	uint8_t		p[PRIME_LEN];
	uint8_t		q[PRIME_LEN];
	uint8_t		dp[PRIME_LEN];
	uint8_t		dq[PRIME_LEN];
	uint8_t		q_inverse[PRIME_LEN];
} pair;

static const struct
{
	const char *name;
	size_t		at;
	size_t		len;
}			numbers[] = {
	{OSSL_PKEY_PARAM_RSA_N, offsetof(pair, n), MODULUS_LEN},
	{OSSL_PKEY_PARAM_RSA_E, offsetof(pair, e), EXPONENT_LEN},
	{OSSL_PKEY_PARAM_RSA_D, offsetof(pair, d), MODULUS_LEN},
	{OSSL_PKEY_PARAM_RSA_FACTOR1, offsetof(pair, p), PRIME_LEN},
	{OSSL_PKEY_PARAM_RSA_FACTOR2, offsetof(pair, q), PRIME_LEN},
	{OSSL_PKEY_PARAM_RSA_EXPONENT1, offsetof(pair, dp), PRIME_LEN},
	{OSSL_PKEY_PARAM_RSA_EXPONENT2, offsetof(pair, dq), PRIME_LEN},
	{OSSL_PKEY_PARAM_RSA_COEFFICIENT1, offsetof(pair, q_inverse), PRIME_LEN},
};

#define NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

static uint8_t *
number_of(pair *rsa, size_t i)
{
	return (uint8_t *) rsa + numbers[i].at;
}

/* For OpenSSL to read from, or write to. */
static void
describe(pair *rsa, OSSL_PARAM params[NUMBERS + 1])
{
	for (size_t i = 0; i < NUMBERS; i++)
		params[i] = OSSL_PARAM_construct_BN(numbers[i].name, number_of(rsa, i), numbers[i].len);
	params[NUMBERS] = OSSL_PARAM_construct_end();
}

static void
turn_native(pair *rsa)
{
	for (size_t i = 0; i < NUMBERS; i++)
		kc_turn_native(number_of(rsa, i), numbers[i].len);
}

/* AlgorithmIdentifier: rsaEncryption, NULL. */
static const uint8_t algorithm[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
};

/* Version 0, of RSAPrivateKey and of PrivateKeyInfo. */
static const uint8_t version[] = {0x02, 0x01, 0x00};

#define BYTES(array)	kc_view_of(array, sizeof(array))

static void
write_private(pair *rsa, kc_der_writer *out)
{
	for (size_t i = NUMBERS; i-- > 0;)
		kc_der_put_unsigned(out, kc_view_of(number_of(rsa, i), numbers[i].len));
	kc_der_put(out, BYTES(version));
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
	kc_der_put_header(out, KC_DER_OCTET_STRING, kc_der_written(out));
	kc_der_put(out, BYTES(algorithm));
	kc_der_put(out, BYTES(version));
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
}

static void
write_public(const pair *rsa, kc_der_writer *out)
{
	static const uint8_t unused_bits[] = {0};

	kc_der_put_unsigned(out, BYTES(rsa->e));
	kc_der_put_unsigned(out, BYTES(rsa->n));
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
	kc_der_put(out, BYTES(unused_bits));
	kc_der_put_header(out, KC_DER_BIT_STRING, kc_der_written(out));
	kc_der_put(out, BYTES(algorithm));
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
}

/* 2048 bits, and odd where OpenSSL's arithmetic relies on it. */
static bool
plausible(const pair *rsa)
{
	static const uint8_t e[EXPONENT_LEN] = {0x00, 0x01, 0x00, 0x01};

	return (rsa->n[0] & 0x80) != 0 && memcmp(rsa->e, e, EXPONENT_LEN) == 0 &&
		(rsa->n[MODULUS_LEN - 1] & rsa->p[PRIME_LEN - 1] & rsa->q[PRIME_LEN - 1] & 1) != 0 &&
		(rsa->p[0] & rsa->q[0] & 0x80) != 0;
}

static bool
read_private(kc_view der, pair *rsa)
{
	kc_view		info;
	kc_view		octets;
	kc_view		key;

	if (!kc_der_take(&der, KC_DER_SEQUENCE, &info) || der.len != 0 ||
		!kc_der_take_bytes(&info, BYTES(version)) ||
		!kc_der_take_bytes(&info, BYTES(algorithm)) ||
		!kc_der_take(&info, KC_DER_OCTET_STRING, &octets) || info.len != 0 ||
		!kc_der_take(&octets, KC_DER_SEQUENCE, &key) || octets.len != 0 ||
		!kc_der_take_bytes(&key, BYTES(version)))
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (!kc_der_take_unsigned(&key, number_of(rsa, i), numbers[i].len))
			return false;
	return key.len == 0 && plausible(rsa);
}

typedef struct watch
{
	bool		(*cancelled) (void);
	bool		stopped;
} watch;

/* OpenSSL asks this at every candidate; 0 makes it stop and clean up. */
static int
keep_on(EVP_PKEY_CTX *ctx)
{
	watch	   *w = EVP_PKEY_CTX_get_app_data(ctx);

	if (!w->stopped)
		w->stopped = w->cancelled();
	return w->stopped ? 0 : 1;
}

static EVP_PKEY *
search(bool (*cancelled) (void), kc_status *status)
{
	watch		w = {cancelled, false};
	size_t		bits = BITS;
	OSSL_PARAM	params[2];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY   *key = NULL;

	params[0] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
	params[1] = OSSL_PARAM_construct_end();
	if (ctx == NULL)
	{
		*status = KC_UNSUPPORTED;
		return NULL;
	}
	*status = KC_FAILED;
	if (EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1)
	{
		EVP_PKEY_CTX_set_app_data(ctx, &w);
		if (cancelled != NULL)
			EVP_PKEY_CTX_set_cb(ctx, keep_on);
		if (EVP_PKEY_generate(ctx, &key) == 1)
			*status = KC_OK;
		else if (w.stopped)
			*status = KC_CANCELLED;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

kc_status
kc_rsa_generate(kc_der_writer *private_der, kc_der_writer *public_der, bool (*cancelled) (void))
{
	kc_status	status;
	OSSL_PARAM	params[NUMBERS + 1];
	pair		rsa;
	EVP_PKEY   *key = search(cancelled, &status);

	memset(&rsa, 0, sizeof(rsa));
	describe(&rsa, params);
	if (status == KC_OK && EVP_PKEY_get_params(key, params) != 1)
		status = KC_FAILED;
	EVP_PKEY_free(key);
	turn_native(&rsa);
	if (status == KC_OK && !plausible(&rsa))
		status = KC_FAILED;		/* OpenSSL passes over, in silence, what it does not know */
	if (status == KC_OK)
	{
		write_private(&rsa, private_der);
		write_public(&rsa, public_der);
	}
	kc_wipe(&rsa, sizeof(rsa));
	return status;
}

/* padded is m = c^d mod n: the material and its padding, 256 bytes. */
static kc_status
decrypt(EVP_PKEY *key, kc_view encrypted, uint8_t padded[MODULUS_LEN])
{
	kc_status	status = KC_FAILED;
	size_t		len = MODULUS_LEN;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
		EVP_PKEY_decrypt(ctx, padded, &len, encrypted.data, encrypted.len) == 1 &&
		len == MODULUS_LEN)
		status = KC_OK;
	EVP_PKEY_CTX_free(ctx);
	return status;
}

/* The length of the material, or -1; either way in the same time. */
static int
unpad(const kc_transport_info *info, const uint8_t padded[MODULUS_LEN], uint8_t material[MODULUS_LEN])
{
	const EVP_MD *md = info->oaep_md != NULL ? info->oaep_md() : NULL;

	if (md == NULL)
		return RSA_padding_check_PKCS1_type_2(material, MODULUS_LEN, padded, MODULUS_LEN,
											  MODULUS_LEN);
	return RSA_padding_check_PKCS1_OAEP_mgf1(material, MODULUS_LEN, padded, MODULUS_LEN,
											 MODULUS_LEN, NULL, 0, md, md);
}

/* Copy the material if it has the length wanted, else zeros, in the same time. */
static kc_status
select_material(const uint8_t *material, int found, uint8_t *out, size_t len)
{
	uint32_t	differ = (uint32_t) found ^ (uint32_t) len;
	uint32_t	same = ((differ | (0 - differ)) >> 31) - 1;	/* all ones or zero */

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) (material[i] & same);
	return same != 0 ? KC_OK : KC_BAD_TAG;
}

static kc_status
open_with(const kc_transport_info *info, pair *rsa, kc_view encrypted, uint8_t *out, size_t len)
{
	uint8_t		padded[MODULUS_LEN];
	uint8_t		material[MODULUS_LEN] = {0};
	OSSL_PARAM	params[NUMBERS + 1];
	kc_status	status;
	EVP_PKEY   *key;

	turn_native(rsa);
	describe(rsa, params);
	key = kc_pkey_from("RSA", params, &status);
	if (status == KC_OK)
		status = decrypt(key, encrypted, padded);
	EVP_PKEY_free(key);
	if (status == KC_OK)
		status = select_material(material, unpad(info, padded, material), out, len);
	kc_wipe(padded, sizeof(padded));
	kc_wipe(material, sizeof(material));
	return status;
}

kc_status
kc_rsa_open(const kc_transport_info *info, kc_view private_der, kc_view encrypted,
			uint8_t *out, size_t len)
{
	kc_status	status;
	pair		rsa;

	if (!read_private(private_der, &rsa))
		status = KC_BAD_INPUT;
	/* Public facts, so this may return early: one length, and a number below n. */
	else if (encrypted.len != MODULUS_LEN || memcmp(encrypted.data, rsa.n, MODULUS_LEN) >= 0)
		status = KC_BAD_TAG;
	else
		status = open_with(info, &rsa, encrypted, out, len);
	kc_wipe(&rsa, sizeof(rsa));
	return status;
}
