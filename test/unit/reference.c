/*
 * The construction a second time, as slowly and plainly as possible: every step
 * is one call of a primitive by its name, the KDF is CMAC over the whole input.
 */
#include "support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const struct
{
	const char *cbc;
	const char *gcm;
	size_t		key_len;
	int			blocks;
} facts[] = {
	[KC_SUITE_XAES_256_GCM] = {"AES-256-CBC", "AES-256-GCM", 32, 2},
	[KC_SUITE_AES_192_GCM] = {"AES-192-CBC", "AES-192-GCM", 24, 2},
	[KC_SUITE_AES_128_GCM] = {"AES-128-CBC", "AES-128-GCM", 16, 1},
	[KC_SUITE_SM4_CTR_HMAC_SM3] = {"SM4-CBC", NULL, 16, 3},
};

bool
reference_derive(int suite, const uint8_t *key, const uint8_t *nonce, uint8_t derived[48])
{
	for (int i = 0; i < facts[suite].blocks; i++)
	{
		uint8_t		input[16] = {0, (uint8_t) (i + 1), 'X', 0};
		size_t		written;

		memcpy(input + 4, nonce, 12);
		if (EVP_Q_mac(NULL, "CMAC", NULL, facts[suite].cbc, NULL, key, facts[suite].key_len,
					  input, sizeof(input), derived + 16 * i, 16, &written) == NULL)
			return false;
	}
	return true;
}

bool
reference_gcm(int suite, const uint8_t *derived, const uint8_t *iv,
			  kc_view additional, kc_view plaintext, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, facts[suite].gcm, NULL);
	uint8_t		rest[16];
	int			len;
	bool		good;

	good = EVP_EncryptInit_ex2(ctx, cipher, derived, iv, NULL) &&
		EVP_EncryptUpdate(ctx, NULL, &len, additional.data, (int) additional.len) &&
		EVP_EncryptUpdate(ctx, out, &len, plaintext.data, (int) plaintext.len) &&
		EVP_EncryptFinal_ex(ctx, rest, &len) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) > 0;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return good;
}

static bool
reference_ctr(const uint8_t *derived, const uint8_t *iv, kc_view plaintext, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t		counter[16] = {0};
	int			len;
	bool		good;

	memcpy(counter, iv, 12);
	good = EVP_EncryptInit_ex2(ctx, EVP_sm4_ctr(), derived, counter, NULL) &&
		EVP_EncryptUpdate(ctx, out, &len, plaintext.data, (int) plaintext.len);
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

/* Second half of the nonce, additional data, ciphertext, both lengths: in one call. */
static bool
reference_hmac(const uint8_t *key, const uint8_t *iv, kc_view additional, kc_view ciphertext, uint8_t *tag)
{
	size_t		len = 12 + additional.len + ciphertext.len + 16;
	uint8_t    *all = calloc(1, len);
	uint8_t    *end = all + len;
	unsigned int written;
	bool		good;

	memcpy(all, iv, 12);
	if (additional.len > 0)
		memcpy(all + 12, additional.data, additional.len);
	if (ciphertext.len > 0)
		memcpy(all + 12 + additional.len, ciphertext.data, ciphertext.len);
	for (int i = 0; i < 8; i++)
	{
		end[-9 - i] = (uint8_t) ((uint64_t) additional.len >> (8 * i));
		end[-1 - i] = (uint8_t) ((uint64_t) ciphertext.len >> (8 * i));
	}
	good = HMAC(EVP_sm3(), key, 32, all, len, tag, &written) != NULL && written == 32;
	free(all);
	return good;
}

bool
reference_seal(int suite, const uint8_t *key, const uint8_t *nonce,
			   kc_view additional, kc_view plaintext, uint8_t *out, uint8_t *tag)
{
	uint8_t		derived[48];

	if (!reference_derive(suite, key, nonce, derived))
		return false;
	if (suite != KC_SUITE_SM4_CTR_HMAC_SM3)
		return reference_gcm(suite, derived, nonce + 12, additional, plaintext, out, tag);
	return reference_ctr(derived, nonce + 12, plaintext, out) &&
		reference_hmac(derived + 16, nonce + 12, additional, kc_view_of(out, plaintext.len), tag);
}
