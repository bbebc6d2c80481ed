/*
 * AES-GCM under a derived key, in the contexts kept for it.
 *
 * Per message there is one init with key and iv, and no cipher: naming the
 * cipher again would throw the provider's state away and allocate it anew.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "suite.h"

/*
 * Zero bytes are not fed at all: the pointer may be NULL, which OpenSSL takes
 * for "only additional data" or for "finish".
 */
static inline bool
feed_seal(EVP_CIPHER_CTX *ctx, uint8_t *out, kc_view in)
{
	int			written;

	return in.len == 0 || EVP_EncryptUpdate(ctx, out, &written, in.data, (int) in.len);
}

static inline bool
feed_open(EVP_CIPHER_CTX *ctx, uint8_t *out, kc_view in)
{
	int			written;

	return in.len == 0 || EVP_DecryptUpdate(ctx, out, &written, in.data, (int) in.len);
}

kc_status
kc_gcm_seal(const kc_suite_info *info, const uint8_t *derived,
			const kc_text *text, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = info->sealing;
	uint8_t		rest[KC_BLOCK_LEN];
	int			written;

	if (!EVP_EncryptInit_ex2(ctx, NULL, derived, text->iv, NULL) ||
		!feed_seal(ctx, NULL, text->header) ||
		!feed_seal(ctx, NULL, text->context) ||
		!feed_seal(ctx, out, text->input) ||
		!EVP_EncryptFinal_ex(ctx, rest, &written) ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, KC_GCM_TAG_LEN, tag) <= 0)
		return KC_FAILED;
	return KC_OK;
}

/* The tag goes in with key and iv, which saves a call. */
kc_status
kc_gcm_open(const kc_suite_info *info, const uint8_t *derived,
			const kc_text *text, const uint8_t *tag, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = info->opening;
	OSSL_PARAM	params[2] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, (void *) tag, KC_GCM_TAG_LEN),
		OSSL_PARAM_END
	};
	uint8_t		rest[KC_BLOCK_LEN];
	int			written;

	if (!EVP_DecryptInit_ex2(ctx, NULL, derived, text->iv, params) ||
		!feed_open(ctx, NULL, text->header) ||
		!feed_open(ctx, NULL, text->context) ||
		!feed_open(ctx, out, text->input))
		return KC_FAILED;
	/* All input is in and the tag is set: only the comparison is left to fail. */
	return EVP_DecryptFinal_ex(ctx, rest, &written) > 0 ? KC_OK : KC_BAD_TAG;
}
