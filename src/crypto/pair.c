/*
 * Which kind is which, and what all of them share.
 */
#include "pair.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "pair_kind.h"

/* AlgorithmIdentifiers, and the named curves that stand in those of id-ecPublicKey. */
static const uint8_t rsa_encryption[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
};
static const uint8_t p256[] = {
	0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07
};
static const uint8_t p256k[] = {
	0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a
};
static const uint8_t p384[] = {
	0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22
};
static const uint8_t p521[] = {
	0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23
};
static const uint8_t sm2[] = {
	0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d
};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t ml_dsa_44[] = {
	0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11
};
static const uint8_t ml_dsa_65[] = {
	0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12
};
static const uint8_t ml_dsa_87[] = {
	0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13
};

#define DER(array)	{array, sizeof(array)}

static const kc_pair_info kinds[] = {
	[KC_PAIR_RSA_2048] = {&kc_rsa_family, "RSA", NULL, 256, DER(rsa_encryption)},
	[KC_PAIR_RSA_3072] = {&kc_rsa_family, "RSA", NULL, 384, DER(rsa_encryption)},
	[KC_PAIR_RSA_4096] = {&kc_rsa_family, "RSA", NULL, 512, DER(rsa_encryption)},
	[KC_PAIR_EC_P256] = {&kc_ec_family, "EC", "P-256", 32, DER(p256)},
	[KC_PAIR_EC_P256K] = {&kc_ec_family, "EC", "secp256k1", 32, DER(p256k)},
	[KC_PAIR_EC_P384] = {&kc_ec_family, "EC", "P-384", 48, DER(p384)},
	[KC_PAIR_EC_P521] = {&kc_ec_family, "EC", "P-521", 66, DER(p521)},
	[KC_PAIR_EC_SM2] = {&kc_ec_family, "SM2", "SM2", 32, DER(sm2)},
	[KC_PAIR_ED25519] = {&kc_octet_family, "ED25519", NULL, 32, DER(ed25519)},
	[KC_PAIR_ML_DSA_44] = {&kc_octet_family, "ML-DSA-44", NULL, 1312, DER(ml_dsa_44)},
	[KC_PAIR_ML_DSA_65] = {&kc_octet_family, "ML-DSA-65", NULL, 1952, DER(ml_dsa_65)},
	[KC_PAIR_ML_DSA_87] = {&kc_octet_family, "ML-DSA-87", NULL, 2592, DER(ml_dsa_87)},
};

const kc_pair_info *
kc_pair_find(int kind)
{
	if (kind < KC_PAIR_RSA_2048 || kind > KC_PAIR_ML_DSA_87)
		return NULL;
	return &kinds[kind];
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

static bool
describe(const kc_pair_info *info, EVP_PKEY_CTX *ctx)
{
	size_t		bits = info->len * 8;
	OSSL_PARAM	params[2];

	params[0] = params[1] = OSSL_PARAM_construct_end();
	if (info->group != NULL)
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *) info->group, 0);
	else if (info->family == &kc_rsa_family)
		params[0] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
	return params[0].key == NULL || EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

static EVP_PKEY *
generate(const kc_pair_info *info, bool (*cancelled) (void), kc_status *status)
{
	watch		w = {cancelled, false};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, info->type, NULL);
	EVP_PKEY   *key = NULL;

	if (ctx == NULL)
	{
		*status = KC_UNSUPPORTED;
		return NULL;
	}
	*status = KC_FAILED;
	if (EVP_PKEY_keygen_init(ctx) == 1 && describe(info, ctx))
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
kc_pair_generate(int kind, uint8_t *private_der, size_t *private_len,
				 uint8_t *public_der, size_t *public_len, bool (*cancelled) (void))
{
	const kc_pair_info *info = kc_pair_find(kind);
	kc_der_writer private_writer = kc_der_writer_on(private_der, *private_len);
	kc_der_writer public_writer = kc_der_writer_on(public_der, *public_len);
	kc_status	status = KC_BAD_INPUT;
	EVP_PKEY   *key = NULL;

	ERR_clear_error();
	if (info != NULL)
		key = generate(info, cancelled, &status);
	if (status == KC_OK && !(info->family->write_private(info, key, &private_writer) &&
							 info->family->write_public(info, key, &public_writer)))
		status = KC_FAILED;
	EVP_PKEY_free(key);
	if (status == KC_OK && (private_writer.full || public_writer.full))
		status = KC_BAD_INPUT;	/* too little room */
	private_writer.full = public_writer.full = status != KC_OK;
	kc_der_finish(&private_writer, private_len);
	kc_der_finish(&public_writer, public_len);
	ERR_clear_error();
	return status;
}

static kc_status
open_as(int kind, kc_view der, bool is_public, kc_pair **pair)
{
	const kc_pair_info *info = kc_pair_find(kind);
	kc_status	status = KC_BAD_INPUT;
	EVP_PKEY   *key = NULL;

	*pair = NULL;
	if (info == NULL)
		return KC_BAD_INPUT;
	ERR_clear_error();
	key = is_public ? info->family->read_public(info, der, &status) : info->family->read_private(info, der, &status);
	if (status == KC_OK)
		*pair = OPENSSL_zalloc(sizeof(kc_pair));
	if (*pair != NULL)
	{
		(*pair)->kind = kind;
		(*pair)->info = info;
		(*pair)->key = key;
	}
	else
	{
		EVP_PKEY_free(key);
		if (status == KC_OK)
			status = KC_FAILED;
	}
	ERR_clear_error();
	return status;
}

kc_status
kc_pair_open(int kind, kc_view private_der, kc_pair **pair)
{
	return open_as(kind, private_der, false, pair);
}

kc_status
kc_pair_open_public(int kind, kc_view public_der, kc_pair **pair)
{
	return open_as(kind, public_der, true, pair);
}

kc_status
kc_pair_public(const kc_pair *pair, uint8_t *public_der, size_t *len)
{
	kc_der_writer writer = kc_der_writer_on(public_der, *len);
	bool		written;

	ERR_clear_error();
	written = pair->info->family->write_public(pair->info, pair->key, &writer);
	ERR_clear_error();
	if (!written)
		writer.full = true;
	if (kc_der_finish(&writer, len))
		return KC_OK;
	return written ? KC_BAD_INPUT : KC_FAILED;
}

void
kc_pair_free(kc_pair *pair)
{
	if (pair == NULL)
		return;
	for (int i = 0; i < KC_OPERATIONS; i++)
		for (int j = 0; j < KC_VARIANTS; j++)
			EVP_PKEY_CTX_free(pair->contexts[i][j]);
	EVP_PKEY_free(pair->key);
	OPENSSL_free(pair);
}

int
kc_pair_kind_of(const kc_pair *pair)
{
	return pair->kind;
}

EVP_PKEY_CTX *
kc_pair_context(kc_pair *pair, kc_operation operation, int variant, bool (*set_up) (EVP_PKEY_CTX *ctx))
{
	static int	(*const init[KC_OPERATIONS]) (EVP_PKEY_CTX *ctx) = {
		EVP_PKEY_sign_init, EVP_PKEY_verify_init, EVP_PKEY_encrypt_init, EVP_PKEY_decrypt_init
	};
	EVP_PKEY_CTX **kept = &pair->contexts[operation][variant];
	EVP_PKEY_CTX *ctx;

	if (*kept != NULL)
		return *kept;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pair->key, NULL);
	if (ctx != NULL && init[operation] (ctx) == 1 && (set_up == NULL || set_up(ctx)))
		return *kept = ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

EVP_PKEY *
kc_pkey_from(const char *type, int selection, OSSL_PARAM params[], kc_status *status)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY   *key = NULL;

	*status = ctx != NULL ? KC_OK : KC_UNSUPPORTED;
	if (ctx != NULL && (EVP_PKEY_fromdata_init(ctx) != 1 ||
						EVP_PKEY_fromdata(ctx, &key, selection, params) != 1))
		*status = KC_BAD_INPUT;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

void
kc_turn_native(uint8_t *number, size_t len)
{
	const uint16_t probe = 1;

	if (*(const uint8_t *) &probe == 0)
		return;
	for (size_t i = 0; i < len / 2; i++)
	{
		uint8_t		byte = number[i];

		number[i] = number[len - 1 - i];
		number[len - 1 - i] = byte;
	}
}

/* Version 0 of PrivateKeyInfo. */
static const uint8_t version[] = {KC_DER_INTEGER, 0x01, 0x00};

/* A BIT STRING begins with how many bits of its last byte are not used. */
static const uint8_t unused_bits[] = {0};

void
kc_put_private_key_info(kc_der_writer *out, kc_view algorithm)
{
	kc_der_put_header(out, KC_DER_OCTET_STRING, kc_der_written(out));
	kc_der_put(out, algorithm);
	kc_der_put(out, KC_BYTES(version));
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
}

void
kc_put_public_key_info(kc_der_writer *out, kc_view algorithm)
{
	kc_der_put(out, KC_BYTES(unused_bits));
	kc_der_put_header(out, KC_DER_BIT_STRING, kc_der_written(out));
	kc_der_put(out, algorithm);
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
}

bool
kc_take_private_key_info(kc_view der, kc_view algorithm, kc_view *key)
{
	kc_view		info;

	return kc_der_take(&der, KC_DER_SEQUENCE, &info) && der.len == 0 &&
		kc_der_take_bytes(&info, KC_BYTES(version)) && kc_der_take_bytes(&info, algorithm) &&
		kc_der_take(&info, KC_DER_OCTET_STRING, key) && info.len == 0;
}

bool
kc_take_public_key_info(kc_view der, kc_view algorithm, kc_view *key)
{
	kc_view		info;

	return kc_der_take(&der, KC_DER_SEQUENCE, &info) && der.len == 0 &&
		kc_der_take_bytes(&info, algorithm) &&
		kc_der_take(&info, KC_DER_BIT_STRING, key) && info.len == 0 &&
		kc_der_take_bytes(key, KC_BYTES(unused_bits));
}
