/*
 * What somebody who sends key material does: OpenSSL, and nothing of ours but
 * the pair.
 */
#include "support.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

const char *
transport_name(int transport)
{
	static const char *const names[] = {
		"no transport", "OAEP with SHA-1", "OAEP with SHA-256", "PKCS #1 v1.5", "SM2"
	};

	return names[transport];
}

travel
travel_new(int transport)
{
	travel		t = {.transport = transport, .private_len = sizeof(t.private_der),
					 .public_len = sizeof(t.public_der)};

	if (kc_transport_generate(transport, t.private_der, &t.private_len,
							  t.public_der, &t.public_len, NULL) != KC_OK)
		abort();
	return t;
}

static bool
set_padding(EVP_PKEY_CTX *ctx, int transport)
{
	const EVP_MD *md = transport == KC_PKE_RSA_OAEP_SHA_1 ? EVP_sha1() : EVP_sha256();

	if (transport == KC_PKE_SM2PKE)
		return true;
	if (transport == KC_PKE_RSA_PKCS1_V1_5)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	if (transport == 0)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
}

static size_t
encrypt(const travel *t, int transport, kc_view material, uint8_t out[ENCRYPTED_MAX])
{
	static const uint8_t nothing = 0;
	const uint8_t *der = t->public_der;
	size_t		len = ENCRYPTED_MAX;
	EVP_PKEY   *key = d2i_PUBKEY(NULL, &der, (long) t->public_len);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;

	if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) != 1 || !set_padding(ctx, transport) ||
		EVP_PKEY_encrypt(ctx, out, &len, material.data != NULL ? material.data : &nothing,
						 material.len) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return len;
}

size_t
travel_encrypt(const travel *t, kc_view material, uint8_t out[ENCRYPTED_MAX])
{
	size_t		len = encrypt(t, t->transport, material, out);
	uint8_t		der[ENCRYPTED_MAX];

	if (t->transport != KC_PKE_SM2PKE)
		return len;
	memcpy(der, out, len);
	return sm2_raw(der, len, out);
}

size_t
travel_encrypt_padded(const travel *t, const uint8_t padded[256], uint8_t out[ENCRYPTED_MAX])
{
	return encrypt(t, 0, kc_view_of(padded, 256), out);
}

static void
coordinate(const ASN1_TYPE *part, uint8_t out[32])
{
	BIGNUM	   *number = ASN1_INTEGER_to_BN(part->value.integer, NULL);

	if (number == NULL || BN_bn2binpad(number, out, 32) != 32)
		abort();
	BN_free(number);
}

static size_t
octets(const ASN1_TYPE *part, uint8_t *out)
{
	int			len = ASN1_STRING_length(part->value.octet_string);

	memcpy(out, ASN1_STRING_get0_data(part->value.octet_string), (size_t) len);
	return (size_t) len;
}

size_t
sm2_raw(const uint8_t *der, size_t len, uint8_t out[ENCRYPTED_MAX])
{
	ASN1_SEQUENCE_ANY *parts = d2i_ASN1_SEQUENCE_ANY(NULL, &der, (long) len);
	size_t		used = 65;

	if (parts == NULL || sk_ASN1_TYPE_num(parts) != 4)
		abort();
	out[0] = 4;
	coordinate(sk_ASN1_TYPE_value(parts, 0), out + 1);
	coordinate(sk_ASN1_TYPE_value(parts, 1), out + 33);
	used += octets(sk_ASN1_TYPE_value(parts, 2), out + used);
	used += octets(sk_ASN1_TYPE_value(parts, 3), out + used);
	sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
	return used;
}
