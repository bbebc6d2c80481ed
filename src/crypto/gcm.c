/*
 * AES-GCM under a derived key, in the contexts kept for it.
 *
 * Per message there is one init with key and iv, and no cipher: naming the
 * cipher again would throw the provider's state away and allocate it anew.
 */
#include "suite.h"

/*
 * Zero bytes are not fed at all: the pointer may be NULL, which OpenSSL takes
 * for "only additional data" or for "finish".
 */
static bool
feed(EVP_CIPHER_CTX *ctx, uint8_t *out, kc_view in)
{
	int			len;
	int			written;

	if (in.len == 0)
		return true;
	return kc_narrow(in.len, &len) &&
		EVP_CipherUpdate(ctx, out, &written, in.data, len);
}

static bool
feed_all(EVP_CIPHER_CTX *ctx, const kc_text *text, uint8_t *out)
{
	return feed(ctx, NULL, text->header) &&
		feed(ctx, NULL, text->context) &&
		feed(ctx, out, text->input);
}

kc_status
kc_gcm_seal(const kc_suite_info *info, const uint8_t *derived,
			const kc_text *text, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = info->sealing;
	uint8_t		rest[KC_BLOCK_LEN];
	int			written;

	if (!EVP_EncryptInit_ex2(ctx, NULL, derived, text->iv, NULL) ||
		!feed_all(ctx, text, out) ||
		!EVP_EncryptFinal_ex(ctx, rest, &written) ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int) info->tag_len, tag) <= 0)
		return KC_FAILED;
	return KC_OK;
}

kc_status
kc_gcm_open(const kc_suite_info *info, const uint8_t *derived,
			const kc_text *text, const uint8_t *tag, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = info->opening;
	uint8_t		rest[KC_BLOCK_LEN];
	int			written;

	if (!EVP_DecryptInit_ex2(ctx, NULL, derived, text->iv, NULL) ||
		!feed_all(ctx, text, out) ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int) info->tag_len,
							(void *) tag) <= 0)
		return KC_FAILED;
	/* All input is in and the tag is set: only the comparison is left to fail. */
	return EVP_DecryptFinal_ex(ctx, rest, &written) > 0 ? KC_OK : KC_BAD_TAG;
}
