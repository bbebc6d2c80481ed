/*
 * Any bytes as a public and as a private key of any kind: what is taken, written
 * again, is the same, and may be worked with; what is refused leaves nothing behind.
 */
#include "fuzz.h"
#include "pair_kind.h"
#include "pke.h"
#include "signature.h"

#include <openssl/err.h>

#define KINDS	KC_PAIR_ML_DSA_87

static const uint8_t digest[64] = {0x55};

/* Bad whatever the key, but of the right length: a SEQUENCE of ones, or a number. */
static kc_view
somebodys_signature(const kc_pair *pair, int signature)
{
	static const uint8_t ones[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
	static const uint8_t number[KC_SIGNATURE_MAX] = {0x00, 0x01, 0x02};
	bool		is_der = signature >= KC_ECDSA_SHA_256 && signature <= KC_SM2DSA;

	return is_der ? kc_view_of(ones, sizeof(ones)) : kc_view_of(number, (size_t) EVP_PKEY_get_size(pair->key));
}

static kc_view
digest_of(int signature)
{
	size_t		len = kc_signature_digest_len(signature);

	return kc_view_of(digest, len > 0 ? len : sizeof(digest));
}

static void
verify(kc_pair *pair)
{
	for (int signature = KC_RSA_PSS_SHA_256; signature <= KC_ML_DSA_87; signature++)
	{
		if (!kc_signature_fits(signature, kc_pair_kind_of(pair)))
			continue;
		must(kc_verify(pair, signature, digest_of(signature), somebodys_signature(pair, signature)) == KC_BAD_TAG);
		must(ERR_peek_error() == 0);
	}
}

static void
encrypt(kc_pair *pair)
{
	uint8_t		out[KC_PKE_CIPHERTEXT_MAX];

	for (int pke = KC_PKE_RSA_OAEP_SHA_1; pke <= KC_PKE_SM2PKE; pke++)
		if (kc_pke_ciphertext_len(pke, kc_pair_kind_of(pair), 32) > 0)
		{
			must(kc_pke_encrypt(pair, pke, kc_view_of(digest, 32), out) == KC_OK);
			must(ERR_peek_error() == 0);
		}
}

/* It may be no key at all: then anything but an end is wrong. */
static void
sign(kc_pair *pair)
{
	uint8_t		out[KC_SIGNATURE_MAX];

	for (int signature = KC_RSA_PSS_SHA_256; signature <= KC_ML_DSA_87; signature++)
	{
		size_t		len = sizeof(out);
		kc_status	status;

		if (!kc_signature_fits(signature, kc_pair_kind_of(pair)))
			continue;
		status = kc_sign(pair, signature, digest_of(signature), out, &len);
		must(status == KC_OK || (status == KC_FAILED && len == 0 && all_zero(out, sizeof(out))));
		must(ERR_peek_error() == 0);
	}
}

static void
decrypt(kc_pair *pair)
{
	/* The generator of SM2's curve as somebody's C1; to RSA it is a number. */
	static const uint8_t ciphertext[512] = {
		0x04,
		0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
		0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
		0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
		0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0
	};
	uint8_t		out[KC_PKE_PLAINTEXT_MAX];

	for (int pke = KC_PKE_RSA_OAEP_SHA_1; pke <= KC_PKE_SM2PKE; pke++)
	{
		size_t		max = kc_pke_plaintext_max(pke, kc_pair_kind_of(pair));
		size_t		len;
		kc_status	status;

		if (max == 0)
			continue;
		status = kc_pke_decrypt(pair, pke, kc_view_of(ciphertext, pair->info->len == 32 ? 129 : pair->info->len),
								out, &len);
		must((status == KC_BAD_TAG || status == KC_FAILED) && len == 0 && all_zero(out, max));
		must(ERR_peek_error() == 0);
	}
}

static kc_pair *
opened(int kind, kc_view der, kc_status (*open) (int, kc_view, kc_pair **))
{
	kc_pair    *pair = (kc_pair *) &digest;
	kc_status	status = open(kind, der, &pair);

	must(ERR_peek_error() == 0);
	must((status == KC_OK) == (pair != NULL));
	must(status == KC_OK || status == KC_BAD_INPUT || (status == KC_UNSUPPORTED && kind >= KC_PAIR_ML_DSA_44));
	must(pair == NULL || kc_pair_kind_of(pair) == kind);
	return pair;
}

static void
as_public(int kind, kc_view der)
{
	kc_pair    *pair = opened(kind, der, kc_pair_open_public);
	uint8_t		again[KC_PUBLIC_MAX];
	size_t		len = sizeof(again);

	if (pair == NULL)
		return;
	must(kc_pair_public(pair, again, &len) == KC_OK);
	must(len == der.len && memcmp(again, der.data, len) == 0);
	verify(pair);
	encrypt(pair);
	kc_pair_free(pair);
}

static void
as_private(int kind, kc_view der)
{
	kc_pair    *pair = opened(kind, der, kc_pair_open);
	uint8_t		again[KC_PRIVATE_MAX];
	kc_der_writer writer = kc_der_writer_on(again, sizeof(again));
	size_t		len;

	if (pair == NULL)
		return;
	must(pair->info->family->write_private(pair->info, pair->key, &writer));
	must(kc_der_finish(&writer, &len));
	must(len == der.len && memcmp(again, der.data, len) == 0);
	verify(pair);
	sign(pair);
	decrypt(pair);
	kc_pair_free(pair);
}

/* The first byte says which kind; the others are the bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int			kind;

	if (size == 0)
		return 0;
	kind = 1 + data[0] % KINDS;
	as_public(kind, kc_view_of(data + 1, size - 1));
	as_private(kind, kc_view_of(data + 1, size - 1));
	return 0;
}
