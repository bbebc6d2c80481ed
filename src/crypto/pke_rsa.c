/*
 * RSA encryption.
 *
 * OpenSSL's own encryption and decryption with padding are not used, for two
 * reasons.  Its OAEP leaves the padded plaintext, which anybody can unpad, in
 * memory that it frees.  And from 3.2 on its PKCS #1 v1.5 answers bad padding with
 * an invented message (implicit rejection): one in 250 such has the length of a
 * key, and we would take it for the key that somebody sent.  So: one operation
 * without padding, and OpenSSL's padding on our stack; its unpadding never
 * branches on what it finds.  The functions are marked deprecated since 3.0, and
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

#include "pke_kind.h"

static bool
set_up_raw(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
}

kc_status
kc_rsa_encrypt(kc_pair *pair, int pke, kc_view plaintext, uint8_t *out)
{
	static const uint8_t nothing = 0;
	uint8_t		padded[KC_MODULUS_MAX];
	size_t		modulus_len = pair->info->len;
	size_t		len = modulus_len;
	const EVP_MD *md = kc_oaep_md(pke);
	EVP_PKEY_CTX *ctx = kc_pair_context(pair, KC_ENCRYPT, 0, set_up_raw);
	kc_status	status = KC_FAILED;

	if (md == NULL)
		return KC_BAD_INPUT;
	if (ctx != NULL &&
		RSA_padding_add_PKCS1_OAEP_mgf1(padded, (int) modulus_len, plaintext.len > 0 ? plaintext.data : &nothing,
										(int) plaintext.len, NULL, 0, md, md) == 1 &&
		EVP_PKEY_encrypt(ctx, out, &len, padded, modulus_len) == 1 && len == modulus_len)
		status = KC_OK;
	kc_wipe(padded, sizeof(padded));
	return status;
}

/* The length of the material, or -1; either way in the same time. */
static int
unpad(int pke, const uint8_t *padded, int modulus_len, uint8_t *material)
{
	const EVP_MD *md = kc_oaep_md(pke);

	if (md == NULL)
		return RSA_padding_check_PKCS1_type_2(material, modulus_len, padded, modulus_len, modulus_len);
	return RSA_padding_check_PKCS1_OAEP_mgf1(material, modulus_len, padded, modulus_len, modulus_len,
											 NULL, 0, md, md);
}

/* Public facts, so this may return early: one length, and a number below the modulus. */
static bool
is_below_modulus(const kc_pair *pair, kc_view ciphertext)
{
	uint8_t		n[KC_MODULUS_MAX];
	OSSL_PARAM	params[2];

	if (ciphertext.len != pair->info->len)
		return false;
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, pair->info->len);
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_get_params(pair->key, params) != 1)
		return false;
	kc_turn_native(n, pair->info->len);
	return memcmp(ciphertext.data, n, pair->info->len) < 0;
}

kc_status
kc_rsa_decrypt(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *material, int *found)
{
	uint8_t		padded[KC_MODULUS_MAX];
	size_t		modulus_len = pair->info->len;
	size_t		len = modulus_len;
	EVP_PKEY_CTX *ctx = kc_pair_context(pair, KC_DECRYPT, 0, set_up_raw);
	kc_status	status = KC_FAILED;

	if (!is_below_modulus(pair, ciphertext))
		return KC_BAD_TAG;
	if (ctx != NULL && EVP_PKEY_decrypt(ctx, padded, &len, ciphertext.data, ciphertext.len) == 1 &&
		len == modulus_len)
	{
		*found = unpad(pke, padded, (int) modulus_len, material);
		status = KC_OK;
	}
	kc_wipe(padded, sizeof(padded));
	return status;
}
