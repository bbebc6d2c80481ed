/*
 * Signatures.
 *
 * OpenSSL's own reader of ECDSA signatures writes them again and compares, but
 * that is nowhere promised: DER is read here first.  And it takes a PSS signature
 * without its leading zero bytes, which RFC 8017 (8.1.2) forbids.
 */
#include "signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "pair_kind.h"
#include "sm2_identity.h"

#define FIELD_MAX	66
#define RSA_SALT_LEN	32

static bool
set_up_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_SALT_LEN) == 1;
}

static bool
set_up_pkcs1(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
}

/* For messages only: a digest comes with its identity in it. */
static bool
set_up_identity(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set1_id(ctx, KC_SM2_IDENTITY, strlen(KC_SM2_IDENTITY)) == 1;
}

typedef struct signature_info
{
	int			first_kind;		/* of those that sign so */
	int			last_kind;
	size_t		digest_len;		/* 0: the message itself */
	const char *digest;			/* its name; NULL: likewise */
	bool		(*set_up) (EVP_PKEY_CTX *ctx);
	int			variant;
	bool		is_der;
} signature_info;

static const signature_info signatures[] = {
	[KC_RSA_PSS_SHA_256] = {KC_PAIR_RSA_2048, KC_PAIR_RSA_4096, 32, "SHA256", set_up_pss, 0, false},
	[KC_RSA_PKCS1_SHA_256] = {KC_PAIR_RSA_2048, KC_PAIR_RSA_4096, 32, "SHA256", set_up_pkcs1, 1, false},
	[KC_ECDSA_SHA_256] = {KC_PAIR_EC_P256, KC_PAIR_EC_P256K, 32, "SHA256", NULL, 0, true},
	[KC_ECDSA_SHA_384] = {KC_PAIR_EC_P384, KC_PAIR_EC_P384, 48, "SHA384", NULL, 0, true},
	[KC_ECDSA_SHA_512] = {KC_PAIR_EC_P521, KC_PAIR_EC_P521, 64, "SHA512", NULL, 0, true},
	[KC_SM2DSA] = {KC_PAIR_EC_SM2, KC_PAIR_EC_SM2, 32, "SM3", NULL, 0, true},
	[KC_ED25519] = {KC_PAIR_ED25519, KC_PAIR_ED25519, 0, NULL, NULL, 0, false},
	[KC_ML_DSA_44] = {KC_PAIR_ML_DSA_44, KC_PAIR_ML_DSA_44, 0, NULL, NULL, 0, false},
	[KC_ML_DSA_65] = {KC_PAIR_ML_DSA_65, KC_PAIR_ML_DSA_65, 0, NULL, NULL, 0, false},
	[KC_ML_DSA_87] = {KC_PAIR_ML_DSA_87, KC_PAIR_ML_DSA_87, 0, NULL, NULL, 0, false},
};

/* NULL for a number that is none. */
static const signature_info *
find(int signature)
{
	if (signature < KC_RSA_PSS_SHA_256 || signature > KC_ML_DSA_87)
		return NULL;
	return &signatures[signature];
}

bool
kc_signature_fits(int signature, int kind)
{
	const signature_info *info = find(signature);

	return info != NULL && kind >= info->first_kind && kind <= info->last_kind;
}

size_t
kc_signature_digest_len(int signature)
{
	const signature_info *info = find(signature);

	return info != NULL ? info->digest_len : 0;
}

static bool
is_usable(const kc_pair *pair, int signature, kc_view digest)
{
	size_t		len = kc_signature_digest_len(signature);

	return kc_signature_fits(signature, pair->kind) &&
		(len == 0 ? digest.len <= KC_SIGNED_MESSAGE_MAX : digest.len == len);
}

static bool
takes_message(const kc_pair *pair, int signature, kc_view message)
{
	return kc_signature_fits(signature, pair->kind) && message.len <= KC_SIGNED_MESSAGE_MAX;
}

/* For OpenSSL, which takes no null pointer even for no bytes. */
static const uint8_t *
data_of(kc_view view)
{
	static const uint8_t nothing = 0;

	return view.len == 0 ? &nothing : view.data;
}

/* What hashes itself has no context that could be kept. */
static bool
set_up_message(const signature_info *info, EVP_PKEY_CTX *ctx)
{
	if (info == &signatures[KC_SM2DSA])
		return set_up_identity(ctx);
	return info->set_up == NULL || info->set_up(ctx);
}

static bool
sign_message(kc_pair *pair, const signature_info *info, kc_view message, uint8_t *out, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *settings;		/* belongs to ctx */
	bool		good = ctx != NULL &&
		EVP_DigestSignInit_ex(ctx, &settings, info->digest, NULL, NULL, pair->key, NULL) == 1 &&
		set_up_message(info, settings) &&
		EVP_DigestSign(ctx, out, len, data_of(message), message.len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static kc_status
verify_message(kc_pair *pair, const signature_info *info, kc_view message, kc_view value)
{
	kc_status	status = KC_FAILED;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *settings;

	if (ctx != NULL && EVP_DigestVerifyInit_ex(ctx, &settings, info->digest, NULL, NULL, pair->key, NULL) == 1 &&
		set_up_message(info, settings))
		status = EVP_DigestVerify(ctx, value.data, value.len, data_of(message), message.len) == 1 ?
			KC_OK : KC_BAD_TAG;
	EVP_MD_CTX_free(ctx);
	return status;
}

static bool
sign_digest(kc_pair *pair, const signature_info *info, kc_view digest, uint8_t *out, size_t *len)
{
	EVP_PKEY_CTX *ctx = kc_pair_context(pair, KC_SIGN, info->variant, info->set_up);

	return ctx != NULL && EVP_PKEY_sign(ctx, out, len, digest.data, digest.len) == 1;
}

static kc_status
verify_digest(kc_pair *pair, const signature_info *info, kc_view digest, kc_view value)
{
	EVP_PKEY_CTX *ctx = kc_pair_context(pair, KC_VERIFY, info->variant, info->set_up);

	if (ctx == NULL)
		return KC_FAILED;
	return EVP_PKEY_verify(ctx, value.data, value.len, digest.data, digest.len) == 1 ? KC_OK : KC_BAD_TAG;
}

size_t
kc_signature_max(const kc_pair *pair)
{
	return (size_t) EVP_PKEY_get_size(pair->key);
}

static kc_status
sign(kc_pair *pair, const signature_info *info, bool is_digest, kc_view input, uint8_t *out, size_t *len)
{
	size_t		room = *len;
	bool		good;

	ERR_clear_error();
	good = is_digest ? sign_digest(pair, info, input, out, len) : sign_message(pair, info, input, out, len);
	ERR_clear_error();
	/* ECDSA that finds no memory to write its DER is a success of -1 bytes to OpenSSL. */
	if (good && *len > 0 && *len <= room)
		return KC_OK;
	kc_wipe(out, room);
	*len = 0;
	return KC_FAILED;
}

static kc_status
refuse(uint8_t *out, size_t *len)
{
	kc_wipe(out, *len);
	*len = 0;
	return KC_BAD_INPUT;
}

kc_status
kc_sign(kc_pair *pair, int signature, kc_view digest, uint8_t *out, size_t *len)
{
	if (!is_usable(pair, signature, digest) || *len < kc_signature_max(pair))
		return refuse(out, len);
	return sign(pair, find(signature), kc_signature_digest_len(signature) > 0, digest, out, len);
}

kc_status
kc_sign_message(kc_pair *pair, int signature, kc_view message, uint8_t *out, size_t *len)
{
	if (!takes_message(pair, signature, message) || *len < kc_signature_max(pair))
		return refuse(out, len);
	return sign(pair, find(signature), false, message, out, len);
}

/* SEQUENCE of two INTEGERs no wider than the field, in the only way that DER has. */
static bool
is_canonical_der(const kc_pair_info *info, kc_view value)
{
	uint8_t		number[FIELD_MAX];
	kc_view		numbers;

	return kc_der_take(&value, KC_DER_SEQUENCE, &numbers) && value.len == 0 &&
		kc_der_take_unsigned(&numbers, number, info->len) &&
		kc_der_take_unsigned(&numbers, number, info->len) && numbers.len == 0;
}

/* What is no DER has one length, which OpenSSL may need memory to tell. */
static kc_status
check_form(const kc_pair *pair, const signature_info *info, kc_view value)
{
	size_t		max;

	if (info->is_der)
		return is_canonical_der(pair->info, value) ? KC_OK : KC_BAD_TAG;
	max = kc_signature_max(pair);
	if (max == 0)
		return KC_FAILED;
	return value.len == max ? KC_OK : KC_BAD_TAG;
}

static kc_status
verify(kc_pair *pair, const signature_info *info, bool is_digest, kc_view input, kc_view value)
{
	kc_status	status;

	ERR_clear_error();
	status = check_form(pair, info, value);
	if (status == KC_OK)
		status = is_digest ? verify_digest(pair, info, input, value) : verify_message(pair, info, input, value);
	/* Without memory nothing was found out. */
	if (status == KC_BAD_TAG && kc_memory_was_out())
		status = KC_FAILED;
	ERR_clear_error();
	return status;
}

kc_status
kc_verify(kc_pair *pair, int signature, kc_view digest, kc_view value)
{
	if (!is_usable(pair, signature, digest))
		return KC_BAD_INPUT;
	return verify(pair, find(signature), kc_signature_digest_len(signature) > 0, digest, value);
}

kc_status
kc_verify_message(kc_pair *pair, int signature, kc_view message, kc_view value)
{
	if (!takes_message(pair, signature, message))
		return KC_BAD_INPUT;
	return verify(pair, find(signature), false, message, value);
}
