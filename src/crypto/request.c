/*
 * Certificate signing requests.
 */
#include "request.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "general_name.h"
#include "pair_kind.h"
#include "pem.h"
#include "sm2_identity.h"
#include "subject.h"
#include "subject_type.h"

#define REQUEST_DER_MAX	33024
#define SIGNATURE_MAX	512

typedef struct scheme
{
	const char *digest;
	kc_view		algorithm;		/* AlgorithmIdentifier */
} scheme;

static const uint8_t sha256_rsa[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00
};
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ecdsa_sha384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t sm2_sm3[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75};

#define DER(array)	{array, sizeof(array)}

/* NULL where there is none. */
static const scheme *
scheme_of(int kind)
{
	static const scheme rsa = {"SHA256", DER(sha256_rsa)};
	static const scheme p256 = {"SHA256", DER(ecdsa_sha256)};
	static const scheme p384 = {"SHA384", DER(ecdsa_sha384)};
	static const scheme sm2 = {"SM3", DER(sm2_sm3)};

	switch (kind)
	{
		case KC_PAIR_RSA_2048:
		case KC_PAIR_RSA_3072:
		case KC_PAIR_RSA_4096:
			return &rsa;
		case KC_PAIR_EC_P256:
			return &p256;
		case KC_PAIR_EC_P384:
			return &p384;
		case KC_PAIR_EC_SM2:
			return &sm2;
	}
	return NULL;
}

bool
kc_request_fits(int kind)
{
	return scheme_of(kind) != NULL;
}

static const uint8_t version[] = {KC_DER_INTEGER, 0x01, 0x00};
static const uint8_t unused_bits[] = {0};

/* id-ce-subjectAltName and pkcs-9-at-extensionRequest. */
static const uint8_t alternative_name[] = {KC_DER_OID, 0x03, 0x55, 0x1d, 0x11};
static const uint8_t extension_request[] = {
	KC_DER_OID, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e
};

#define ATTRIBUTES_TAG	0xa0	/* [0], implicit: a SET */

/* Of all that was written since. */
static void
put_header_since(kc_der_writer *out, uint8_t tag, size_t before)
{
	kc_der_put_header(out, tag, kc_der_written(out) - before);
}

/* One attribute with one extension, or none. */
static bool
put_attributes(kc_der_writer *out, const kc_view *names, size_t count)
{
	size_t		before = kc_der_written(out);

	for (size_t i = count; i-- > 0;)
		if (!kc_general_name_put(out, names[i]))
			return false;
	if (count > 0)
	{
		put_header_since(out, KC_DER_SEQUENCE, before);
		put_header_since(out, KC_DER_OCTET_STRING, before);
		kc_der_put(out, KC_BYTES(alternative_name));
		put_header_since(out, KC_DER_SEQUENCE, before);	/* the extension */
		put_header_since(out, KC_DER_SEQUENCE, before);	/* all extensions */
		put_header_since(out, KC_DER_SET, before);
		kc_der_put(out, KC_BYTES(extension_request));
		put_header_since(out, KC_DER_SEQUENCE, before);
	}
	put_header_since(out, ATTRIBUTES_TAG, before);
	return true;
}

/* CertificationRequestInfo. */
static kc_status
put_info(const kc_pair *pair, kc_view subject, const kc_view *names, size_t count, kc_der_writer *out)
{
	size_t		before = kc_der_written(out);
	uint8_t		public_der[KC_PUBLIC_MAX];
	size_t		len = sizeof(public_der);
	kc_status	status;

	if (!put_attributes(out, names, count))
		return KC_BAD_INPUT;
	status = kc_pair_public(pair, public_der, &len);
	if (status != KC_OK)
		return status;
	kc_der_put(out, kc_view_of(public_der, len));
	kc_der_put(out, subject);
	kc_der_put(out, KC_BYTES(version));
	put_header_since(out, KC_DER_SEQUENCE, before);
	return out->full ? KC_BAD_INPUT : KC_OK;
}

static kc_status
sign(const kc_pair *pair, const scheme *scheme, kc_view info, uint8_t value[SIGNATURE_MAX], size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	OSSL_PARAM	params[2];
	bool		good;

	params[0] = params[1] = OSSL_PARAM_construct_end();
	if (pair->kind == KC_PAIR_EC_SM2)
		params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID, (void *) KC_SM2_IDENTITY,
													  sizeof(KC_SM2_IDENTITY) - 1);
	*len = SIGNATURE_MAX;
	good = ctx != NULL &&
		EVP_DigestSignInit_ex(ctx, NULL, scheme->digest, NULL, NULL, pair->key, params) == 1 &&
		EVP_DigestSign(ctx, value, len, info.data, info.len) == 1;
	EVP_MD_CTX_free(ctx);
	/* ECDSA that finds no memory to write its DER is a success of -1 bytes to OpenSSL. */
	return good && *len > 0 && *len <= SIGNATURE_MAX ? KC_OK : KC_FAILED;
}

/* With the signature, as PEM. */
static kc_status
finish(const scheme *scheme, kc_view info, kc_view value, char *pem, size_t *len)
{
	uint8_t		der[REQUEST_DER_MAX];
	kc_der_writer out = kc_der_writer_on(der, sizeof(der));
	size_t		der_len;

	kc_der_put(&out, value);
	kc_der_put(&out, KC_BYTES(unused_bits));
	kc_der_put_header(&out, KC_DER_BIT_STRING, kc_der_written(&out));
	kc_der_put(&out, scheme->algorithm);
	kc_der_put(&out, info);
	kc_der_put_header(&out, KC_DER_SEQUENCE, kc_der_written(&out));
	if (!kc_der_finish(&out, &der_len))
		return KC_BAD_INPUT;
	return kc_pem_write("CERTIFICATE REQUEST", kc_view_of(der, der_len), pem, len);
}

static kc_status
make(kc_pair *pair, kc_view subject, const kc_view *names, size_t count, char *pem, size_t *len)
{
	const scheme *scheme = scheme_of(pair->kind);
	uint8_t		der[REQUEST_DER_MAX];
	kc_der_writer out = kc_der_writer_on(der, sizeof(der));
	uint8_t		value[SIGNATURE_MAX];
	size_t		value_len;
	kc_view		info;
	kc_status	status = KC_BAD_INPUT;

	if (scheme != NULL && count <= KC_NAMES_MAX)
		status = put_info(pair, subject, names, count, &out);
	if (status != KC_OK)
		return status;
	info = kc_view_of(der + out.at, kc_der_written(&out));
	status = sign(pair, scheme, info, value, &value_len);
	return status == KC_OK ? finish(scheme, info, kc_view_of(value, value_len), pem, len) : status;
}

static bool
is_name(kc_view der)
{
	kc_view		parts;

	return der.len <= KC_SUBJECT_DER_MAX && kc_der_take(&der, KC_DER_SEQUENCE, &parts) && der.len == 0 &&
		parts.len > 0;
}

kc_status
kc_request_make(kc_pair *pair, kc_view subject_der, const kc_view *names, size_t count, char *pem, size_t *len)
{
	size_t		room = *len;
	kc_status	status = KC_BAD_INPUT;

	ERR_clear_error();
	if (is_name(subject_der))
		status = make(pair, subject_der, names, count, pem, len);
	ERR_clear_error();
	if (status != KC_OK)
	{
		kc_wipe(pem, room);
		*len = 0;
	}
	return status;
}
