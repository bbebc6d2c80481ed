/*
 * SM2 encryption (GB/T 32918.4, on the curve of GB/T 32918.5).
 *
 * OpenSSL reads and writes the SEQUENCE of GM/T 0009; what travels is
 * C1 || C3 || C2.  It tests that the point is on the curve (whose group has no
 * small subgroups) and compares C3 in constant time.  It also frees the mask
 * between C2 and the plaintext unwiped; that can be mended in OpenSSL only, and
 * takes somebody who has the ciphertext and our memory.
 */
#include <string.h>

#include "pke_kind.h"

#define FIELD_LEN		32
#define HASH_LEN		32
#define UNCOMPRESSED	0x04

/* SEQUENCE, two INTEGERs, two OCTET STRINGs: the headers take 20 bytes at most. */
#define DER_MAX		(KC_PKE_CIPHERTEXT_MAX + 20)

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

/* From C1 || C3 || C2 to SEQUENCE { x, y, C3, C2 }. */
static bool
raw_to_der(kc_view raw, size_t len, uint8_t der[DER_MAX], size_t *der_len)
{
	kc_der_writer writer = kc_der_writer_on(der, DER_MAX);
	const uint8_t *x = raw.data + 1;
	const uint8_t *y = x + FIELD_LEN;
	const uint8_t *hash = y + FIELD_LEN;

	if (raw.data[0] != UNCOMPRESSED || !in_field(x) || !in_field(y))
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

/* And back; OpenSSL may leave bytes behind the SEQUENCE. */
static bool
der_to_raw(kc_view der, size_t len, uint8_t *raw)
{
	kc_view		parts;
	kc_view		hash;
	kc_view		text;

	raw[0] = UNCOMPRESSED;
	if (!kc_der_take(&der, KC_DER_SEQUENCE, &parts) ||
		!kc_der_take_unsigned(&parts, raw + 1, FIELD_LEN) ||
		!kc_der_take_unsigned(&parts, raw + 1 + FIELD_LEN, FIELD_LEN) ||
		!kc_der_take(&parts, KC_DER_OCTET_STRING, &hash) || hash.len != HASH_LEN ||
		!kc_der_take(&parts, KC_DER_OCTET_STRING, &text) || text.len != len)
		return false;
	memcpy(raw + 1 + 2 * FIELD_LEN, hash.data, HASH_LEN);
	memcpy(raw + 1 + 2 * FIELD_LEN + HASH_LEN, text.data, len);
	return true;
}

kc_status
kc_sm2_encrypt(kc_pair *pair, kc_view plaintext, uint8_t *out)
{
	uint8_t		der[DER_MAX];
	size_t		der_len = sizeof(der);
	EVP_PKEY_CTX *ctx = kc_pair_context(pair, KC_ENCRYPT, 0, NULL);

	if (ctx == NULL || EVP_PKEY_encrypt(ctx, der, &der_len, plaintext.data, plaintext.len) != 1 ||
		!der_to_raw(kc_view_of(der, der_len), plaintext.len, out))
		return KC_FAILED;
	return KC_OK;
}

/* One answer for a point that is none and for a hash that differs: OpenSSL tells us no more. */
kc_status
kc_sm2_decrypt(kc_pair *pair, kc_view ciphertext, uint8_t *out, size_t len)
{
	uint8_t		der[DER_MAX];
	size_t		der_len;
	size_t		found = len;
	EVP_PKEY_CTX *ctx = kc_pair_context(pair, KC_DECRYPT, 0, NULL);

	if (ctx == NULL)
		return KC_FAILED;
	if (!raw_to_der(ciphertext, len, der, &der_len))
		return KC_BAD_TAG;
	return EVP_PKEY_decrypt(ctx, out, &found, der, der_len) == 1 && found == len ? KC_OK : KC_BAD_TAG;
}
