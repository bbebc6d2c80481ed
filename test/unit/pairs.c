/*
 * Pairs that the tests share.  RSA takes long to make, so each kind is made once.
 */
#include "support.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

const char *
pair_name(int kind)
{
	static const char *const names[] = {
		"no kind", "RSA-2048", "RSA-3072", "RSA-4096", "P-256", "secp256k1", "P-384", "P-521", "SM2",
		"Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"
	};

	return names[kind];
}

const made *
made_of(int kind)
{
	static made all[PAIR_LAST + 1];
	made	   *m = &all[kind];
	kc_status	status;

	if (m->kind == kind)
		return m;
	m->private_len = sizeof(m->private_der);
	m->public_len = sizeof(m->public_der);
	status = kc_pair_generate(kind, m->private_der, &m->private_len, m->public_der, &m->public_len, NULL);
	if (status == KC_UNSUPPORTED && PAIR_IS_ML_DSA(kind))
		return NULL;
	if (status != KC_OK)
		abort();
	m->kind = kind;
	return m;
}

static kc_pair *
opened(int kind, bool is_public, const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = exactly(bytes, len);
	kc_pair    *pair;
	kc_status	status = is_public ? kc_pair_open_public(kind, kc_view_of(copy, len), &pair) :
		kc_pair_open(kind, kc_view_of(copy, len), &pair);

	if (status != KC_OK || pair == NULL)
		abort();
	free(copy);
	return pair;
}

kc_pair *
made_pair(const made *m)
{
	return opened(m->kind, false, m->private_der, m->private_len);
}

kc_pair *
made_public(const made *m)
{
	return opened(m->kind, true, m->public_der, m->public_len);
}

EVP_PKEY *
made_theirs(const made *m)
{
	const uint8_t *der = m->private_der;
	EVP_PKEY   *key = d2i_AutoPrivateKey(NULL, &der, (long) m->private_len);

	if (key == NULL || der != m->private_der + m->private_len)
		abort();
	return key;
}

bool
pair_opens_as(int kind, bool is_public, kc_view der, kc_status expected)
{
	static int	unset;
	uint8_t    *copy = exactly(der.data, der.len);
	kc_pair    *pair = (kc_pair *) (void *) &unset;
	kc_status	status = is_public ? kc_pair_open_public(kind, kc_view_of(copy, der.len), &pair) :
		kc_pair_open(kind, kc_view_of(copy, der.len), &pair);
	bool		good = status == expected && (pair != NULL) == (status == KC_OK) && queue_empty();

	kc_pair_free(pair);
	free(copy);
	return good;
}

static EVP_PKEY *
key_of_numbers(int kind, kc_view secret, kc_view point)
{
	static const char *const groups[] = {"P-256", "secp256k1", "P-384", "P-521", "SM2"};
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM	   *number = secret.len > 0 ? BN_bin2bn(secret.data, (int) secret.len, NULL) : NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind == KC_PAIR_EC_SM2 ? "SM2" : "EC", NULL);
	EVP_PKEY   *key = NULL;
	OSSL_PARAM *params;

	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, groups[kind - KC_PAIR_EC_P256], 0);
	if (number != NULL)
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len);
	params = OSSL_PARAM_BLD_to_param(build);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, number != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	BN_free(number);
	OSSL_PARAM_BLD_free(build);
	return key;
}

kc_pair *
pair_of_numbers(int kind, kc_view secret, kc_view point)
{
	EVP_PKEY   *key = key_of_numbers(kind, secret, point);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	uint8_t    *der = NULL;
	int			len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	kc_pair    *pair = opened(kind, false, der, (size_t) len);

	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	return pair;
}

kc_pair *
public_of_point(int kind, kc_view point)
{
	EVP_PKEY   *key = key_of_numbers(kind, NONE, point);
	uint8_t    *der = NULL;
	int			len = i2d_PUBKEY(key, &der);
	kc_pair    *pair = opened(kind, true, der, (size_t) len);

	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return pair;
}

size_t
der_element(uint8_t tag, kc_view content, bool long_form, uint8_t *out)
{
	size_t		bytes = content.len < 0x80 ? 0 : content.len < 0x100 ? 1 : 2;
	size_t		at = 0;

	bytes += long_form ? 1 : 0;
	out[at++] = tag;
	if (bytes == 0)
		out[at++] = (uint8_t) content.len;
	else
		out[at++] = (uint8_t) (0x80 + bytes);
	for (size_t i = bytes; i-- > 0;)
		out[at++] = (uint8_t) (content.len >> (8 * i));
	if (content.len > 0)
		memmove(out + at, content.data, content.len);
	return at + content.len;
}
