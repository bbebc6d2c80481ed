/*
 * The table of suites, and how each gets its algorithms and contexts.
 *
 * Everything is fetched once, before the server forks: a fetch takes locks and
 * look-ups by name and costs more than a message.
 */
#include "suite.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

kc_suite_info kc_suites[KC_SUITE_LAST + 1] = {
	[KC_SUITE_XAES_256_GCM] = {
		.key_len = 32, .tag_len = 16, .blocks = 2,
		.block_name = "AES-256-ECB", .cipher_name = "AES-256-GCM",
	},
	[KC_SUITE_AES_192_GCM] = {
		.key_len = 24, .tag_len = 16, .blocks = 2,
		.block_name = "AES-192-ECB", .cipher_name = "AES-192-GCM",
	},
	[KC_SUITE_AES_128_GCM] = {
		.key_len = 16, .tag_len = 16, .blocks = 1,
		.block_name = "AES-128-ECB", .cipher_name = "AES-128-GCM",
	},
	[KC_SUITE_SM4_CTR_HMAC_SM3] = {
		.key_len = 16, .tag_len = 32, .blocks = 3,
		.block_name = "SM4-ECB", .cipher_name = "SM4-CTR", .digest_name = "SM3",
	},
};

static void
stop(kc_suite_info *info)
{
	EVP_CIPHER_free(info->block);
	EVP_CIPHER_CTX_free(info->passing);
	EVP_CIPHER_CTX_free(info->sealing);
	EVP_CIPHER_CTX_free(info->opening);
	EVP_MAC_CTX_free(info->mac);
	info->block = NULL;
	info->passing = NULL;
	info->sealing = NULL;
	info->opening = NULL;
	info->mac = NULL;
}

/* A context that knows its cipher and direction and waits for key and iv. */
static EVP_CIPHER_CTX *
context_new(const EVP_CIPHER *cipher, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL && !EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL))
	{
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static kc_status
start_ciphers(kc_suite_info *info)
{
	bool		has_direction = info->digest_name == NULL;
	EVP_CIPHER *cipher;

	info->block = EVP_CIPHER_fetch(NULL, info->block_name, NULL);
	cipher = EVP_CIPHER_fetch(NULL, info->cipher_name, NULL);
	if (info->block == NULL || cipher == NULL)
	{
		EVP_CIPHER_free(cipher);
		return KC_UNSUPPORTED;
	}
	info->passing = EVP_CIPHER_CTX_new();
	info->sealing = context_new(cipher, 1);
	if (has_direction)
		info->opening = context_new(cipher, 0);
	EVP_CIPHER_free(cipher);	/* the contexts hold their own reference */
	if (info->passing == NULL || info->sealing == NULL || (has_direction && info->opening == NULL))
		return KC_FAILED;
	return KC_OK;
}

static kc_status
start_mac(kc_suite_info *info)
{
	OSSL_PARAM	params[2];
	EVP_MAC    *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (mac == NULL)
		return KC_UNSUPPORTED;
	info->mac = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (info->mac == NULL)
		return KC_FAILED;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
												 (char *) info->digest_name, 0);
	params[1] = OSSL_PARAM_construct_end();
	/* This is where the digest is fetched. */
	return EVP_MAC_CTX_set_params(info->mac, params) ? KC_OK : KC_UNSUPPORTED;
}

kc_status
kc_suite_start(kc_suite_info *info)
{
	kc_status	status;

	if (info->ready)
		return KC_OK;
	status = start_ciphers(info);
	if (status == KC_OK && info->digest_name != NULL)
		status = start_mac(info);
	info->ready = status == KC_OK;
	if (status != KC_OK)
		stop(info);
	/* A fetch that was short of memory may succeed and complain all the same. */
	ERR_clear_error();
	return status;
}
