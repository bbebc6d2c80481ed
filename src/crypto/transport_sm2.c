/*
 * SM2 pairs, and what was encrypted to them (GB/T 32918.4, on the curve of
 * GB/T 32918.5).
 *
 * Every length is fixed here, so a key in DER is a constant with two holes, and
 * reading one is comparing.  OpenSSL wants the ciphertext as the SEQUENCE of
 * GM/T 0009; what travels is C1 || C3 || C2.  It tests that the point is on the
 * curve (whose group has no small subgroups) and compares C3 in constant time.  It
 * also frees the mask between C2 and the material unwiped; that can be mended in
 * OpenSSL only, and takes somebody who has the ciphertext and our memory.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "transport_kind.h"

#define FIELD_LEN	32
#define POINT_LEN	(1 + 2 * FIELD_LEN)
#define HASH_LEN	32
#define RAW_OVERHEAD	(POINT_LEN + HASH_LEN)
#define UNCOMPRESSED	0x04

/* SEQUENCE, two INTEGERs, two OCTET STRINGs: the headers take 20 bytes at most. */
#define DER_MAX		(RAW_OVERHEAD + 20 + KC_TRANSPORT_MATERIAL_MAX)

typedef struct pair
{
	uint8_t		secret[FIELD_LEN];	/* big-endian */
	uint8_t		point[POINT_LEN];
} pair;

/* AlgorithmIdentifier: id-ecPublicKey, 1.2.156.10197.1.301. */
#define ALGORITHM \
	0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, \
	0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d

/* SubjectPublicKeyInfo, up to the point. */
static const uint8_t before_public[] = {0x30, 0x59, ALGORITHM, 0x03, 0x42, 0x00};

/* PrivateKeyInfo and the ECPrivateKey in it (RFC 5915), up to the secret and from there to the point. */
static const uint8_t before_secret[] = {
	0x30, 0x81, 0x87, 0x02, 0x01, 0x00, ALGORITHM, 0x04, 0x6d,
	0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20
};
static const uint8_t before_point[] = {0xa1, 0x44, 0x03, 0x42, 0x00};

#define BYTES(array)	kc_view_of(array, sizeof(array))

static bool
take(kc_view *rest, uint8_t *out, size_t len)
{
	if (rest->len < len)
		return false;
	memcpy(out, rest->data, len);
	*rest = kc_view_of(rest->data + len, rest->len - len);
	return true;
}

static bool
read_private(kc_view der, pair *sm2)
{
	return kc_der_take_bytes(&der, BYTES(before_secret)) &&
		take(&der, sm2->secret, FIELD_LEN) &&
		kc_der_take_bytes(&der, BYTES(before_point)) &&
		take(&der, sm2->point, POINT_LEN) &&
		der.len == 0 && sm2->point[0] == UNCOMPRESSED;
}

static EVP_PKEY *
make(kc_status *status)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	EVP_PKEY   *key = NULL;

	*status = ctx != NULL ? KC_FAILED : KC_UNSUPPORTED;
	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &key) == 1)
		*status = KC_OK;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static kc_status
numbers_of(EVP_PKEY *key, pair *sm2)
{
	OSSL_PARAM	params[3];

	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, sm2->secret, FIELD_LEN);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, sm2->point, POINT_LEN);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_get_params(key, params) != 1 || !OSSL_PARAM_modified(&params[0]) ||
		params[1].return_size != POINT_LEN || sm2->point[0] != UNCOMPRESSED)
		return KC_FAILED;
	kc_turn_native(sm2->secret, FIELD_LEN);
	return KC_OK;
}

/* It takes a millisecond: there is nothing to cancel. */
kc_status
kc_sm2_generate(kc_der_writer *private_der, kc_der_writer *public_der, bool (*cancelled) (void))
{
	kc_status	status;
	pair		sm2;
	EVP_PKEY   *key = make(&status);

	(void) cancelled;
	if (status == KC_OK)
		status = numbers_of(key, &sm2);
	EVP_PKEY_free(key);
	if (status == KC_OK)
	{
		kc_der_put(private_der, BYTES(sm2.point));
		kc_der_put(private_der, BYTES(before_point));
		kc_der_put(private_der, BYTES(sm2.secret));
		kc_der_put(private_der, BYTES(before_secret));
		kc_der_put(public_der, BYTES(sm2.point));
		kc_der_put(public_der, BYTES(before_public));
	}
	kc_wipe(&sm2, sizeof(sm2));
	return status;
}

/* Below the field's prime: OpenSSL would reduce it, and one point had many spellings. */
static bool
in_field(const uint8_t number[FIELD_LEN])
{
	static const uint8_t prime[FIELD_LEN] = {
		0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};

	return memcmp(number, prime, FIELD_LEN) < 0;
}

/* From C1 || C3 || C2 to SEQUENCE { x, y, C3, C2 }; false if it cannot be len bytes of material. */
static bool
raw_to_der(kc_view raw, size_t len, uint8_t der[DER_MAX], size_t *der_len)
{
	kc_der_writer writer = kc_der_writer_on(der, DER_MAX);
	const uint8_t *x = raw.data + 1;
	const uint8_t *y = x + FIELD_LEN;
	const uint8_t *hash = y + FIELD_LEN;

	if (raw.len != RAW_OVERHEAD + len || raw.data[0] != UNCOMPRESSED || !in_field(x) || !in_field(y))
		return false;
	kc_der_put(&writer, kc_view_of(hash + HASH_LEN, len));
	kc_der_put_header(&writer, KC_DER_OCTET_STRING, len);
	kc_der_put(&writer, kc_view_of(hash, HASH_LEN));
	kc_der_put_header(&writer, KC_DER_OCTET_STRING, HASH_LEN);
	kc_der_put_unsigned(&writer, kc_view_of(y, FIELD_LEN));
	kc_der_put_unsigned(&writer, kc_view_of(x, FIELD_LEN));
	kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
	return kc_der_finish(&writer, der_len);
}

static EVP_PKEY *
key_of(pair *sm2, kc_status *status)
{
	OSSL_PARAM	params[4];

	kc_turn_native(sm2->secret, FIELD_LEN);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *) "SM2", 0);
	params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, sm2->secret, FIELD_LEN);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, sm2->point, POINT_LEN);
	params[3] = OSSL_PARAM_construct_end();
	return kc_pkey_from("SM2", params, status);
}

/* One answer for a point that is none and for a hash that differs: OpenSSL tells us no more. */
static kc_status
decrypt(EVP_PKEY *key, kc_view der, uint8_t *out, size_t len)
{
	kc_status	status = KC_FAILED;
	size_t		found = len;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1)
		status = EVP_PKEY_decrypt(ctx, out, &found, der.data, der.len) == 1 && found == len ?
			KC_OK : KC_BAD_TAG;
	EVP_PKEY_CTX_free(ctx);
	return status;
}

kc_status
kc_sm2_open(const kc_transport_info *info, kc_view private_der, kc_view encrypted,
			uint8_t *out, size_t len)
{
	kc_status	status = KC_BAD_INPUT;
	uint8_t		der[DER_MAX];
	size_t		der_len;
	EVP_PKEY   *key = NULL;
	pair		sm2;

	(void) info;
	if (read_private(private_der, &sm2))
		key = key_of(&sm2, &status);
	kc_wipe(&sm2, sizeof(sm2));
	if (key != NULL && status == KC_OK)
		status = raw_to_der(encrypted, len, der, &der_len) ?
			decrypt(key, kc_view_of(der, der_len), out, len) : KC_BAD_TAG;
	EVP_PKEY_free(key);
	return status;
}
