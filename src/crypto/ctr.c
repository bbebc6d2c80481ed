/*
 * SM4-CTR, then HMAC-SM3: for want of SM4-GCM in OpenSSL 3.0.
 *
 * Encrypt-then-MAC with two derived keys.  Opening looks at the tag first, so
 * that a forged message is never decrypted at all.
 */
#include "suite.h"

#include <string.h>

#define ENCRYPTION_KEY_LEN	16
#define MAC_KEY_LEN			32

static void
put_length(uint8_t out[8], uint64_t len)
{
	for (int i = 7; i >= 0; i--)
	{
		out[i] = (uint8_t) len;
		len >>= 8;
	}
}

static bool
feed(EVP_MAC_CTX *mac, kc_view in)
{
	return in.len == 0 || EVP_MAC_update(mac, in.data, in.len);
}

/*
 * The start of the counter is part of it: the derived keys depend on the first
 * half of the nonce only, so otherwise whoever changes the second half would get
 * another plaintext past the tag.
 *
 * The lengths at the end fix where the additional data stops and the ciphertext
 * begins; without them bytes could move from one to the other.
 */
static bool
compute_tag(const kc_suite_info *info, const uint8_t *key, const kc_text *text,
			kc_view ciphertext, uint8_t *tag)
{
	uint8_t		lengths[16];
	size_t		written;

	put_length(lengths, (uint64_t) text->header.len + text->context.len);
	put_length(lengths + 8, ciphertext.len);
	return EVP_MAC_init(info->mac, key, MAC_KEY_LEN, NULL) &&
		EVP_MAC_update(info->mac, text->iv, KC_IV_LEN) &&
		feed(info->mac, text->header) &&
		feed(info->mac, text->context) &&
		feed(info->mac, ciphertext) &&
		feed(info->mac, kc_view_of(lengths, sizeof(lengths))) &&
		EVP_MAC_final(info->mac, tag, &written, info->tag_len) &&
		written == info->tag_len;
}

/* Encryption and decryption are the same in counter mode. */
static bool
apply_keystream(EVP_CIPHER_CTX *ctx, const uint8_t *key, const kc_text *text, uint8_t *out)
{
	uint8_t		counter[KC_BLOCK_LEN] = {0};
	int			len;
	int			written;

	if (text->input.len == 0)
		return true;
	memcpy(counter, text->iv, KC_IV_LEN);
	return kc_narrow(text->input.len, &len) &&
		EVP_EncryptInit_ex2(ctx, NULL, key, counter, NULL) &&
		EVP_EncryptUpdate(ctx, out, &written, text->input.data, len);
}

kc_status
kc_ctr_seal(const kc_suite_info *info, const uint8_t *derived,
			const kc_text *text, uint8_t *out, uint8_t *tag)
{
	kc_view		ciphertext = kc_view_of(out, text->input.len);

	if (!apply_keystream(info->sealing, derived, text, out) ||
		!compute_tag(info, derived + ENCRYPTION_KEY_LEN, text, ciphertext, tag))
		return KC_FAILED;
	return KC_OK;
}

kc_status
kc_ctr_open(const kc_suite_info *info, const uint8_t *derived,
			const kc_text *text, const uint8_t *tag, uint8_t *out)
{
	uint8_t		expected[KC_TAG_MAX];
	bool		equal;

	if (!compute_tag(info, derived + ENCRYPTION_KEY_LEN, text, text->input, expected))
		return KC_FAILED;
	equal = kc_equal(expected, tag, info->tag_len);
	kc_wipe(expected, sizeof(expected));	/* the right tag of a forgery */
	if (!equal)
		return KC_BAD_TAG;
	return apply_keystream(info->sealing, derived, text, out) ? KC_OK : KC_FAILED;
}
