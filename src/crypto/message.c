/*
 * Sealing and opening: the long-lived key, the derivation of the message key,
 * and the one way out that wipes.
 *
 * The derivation is done with plain AES (or SM4) blocks.  OpenSSL's KBKDF would
 * be the obvious tool, but 3.0 ignores its parameter r and derives other keys,
 * silently.
 *
 * The error queue needs no clearing on success: none of the calls here leaves
 * an entry unless it fails, and every failure passes a "done" that clears.
 */
#include "message.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "suite.h"

size_t
kc_key_len(int suite)
{
	const kc_suite_info *info = kc_suite_find(suite);

	return info != NULL ? info->key_len : 0;
}

size_t
kc_tag_len(int suite)
{
	const kc_suite_info *info = kc_suite_find(suite);

	return info != NULL ? info->tag_len : 0;
}

kc_schedule *
kc_schedule_new(void)
{
	kc_schedule *schedule = EVP_CIPHER_CTX_new();

	if (schedule == NULL)
		ERR_clear_error();
	return schedule;
}

void
kc_schedule_free(kc_schedule *schedule)
{
	EVP_CIPHER_CTX_free(schedule);
}

/*
 * Naming the cipher again would make OpenSSL free and allocate, so that is left
 * out where it is the same.  Padding is switched off by parameter, since as a
 * flag of the context it would be applied anew at each init.
 *
 * After a failure the schedule is empty: with the old key still in it, a caller
 * who forgets the status would seal under the wrong one.
 */
kc_status
kc_schedule_set(kc_schedule *schedule, const kc_key *key)
{
	const kc_suite_info *info = kc_suite_find(key->suite);
	unsigned int padding = 0;
	OSSL_PARAM	params[2];
	int			ok;

	if (info == NULL)
		return KC_BAD_INPUT;
	if (!info->ready)
		return KC_UNSUPPORTED;
	if (EVP_CIPHER_CTX_get0_cipher(schedule) == info->block)
		ok = EVP_EncryptInit_ex2(schedule, NULL, key->material, NULL, NULL);
	else
	{
		params[0] = OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &padding);
		params[1] = OSSL_PARAM_construct_end();
		ok = EVP_EncryptInit_ex2(schedule, info->block, key->material, NULL, params);
	}
	if (ok)
		return KC_OK;
	EVP_CIPHER_CTX_reset(schedule);
	ERR_clear_error();
	return KC_FAILED;
}

kc_status
kc_pass(const kc_suite_info *info, const kc_key *key)
{
	return info->ready ? kc_schedule_set(info->passing, key) : KC_UNSUPPORTED;
}

static bool
encrypt_blocks(kc_schedule *schedule, uint8_t *blocks, int count)
{
	int			len = count * KC_BLOCK_LEN;
	int			written;

	return EVP_EncryptUpdate(schedule, blocks, &written, blocks, len) && written == len;
}

/* CMAC's first subkey from L, SP 800-38B 6.1; no branch on a secret bit. */
static void
double_block(const uint8_t in[KC_BLOCK_LEN], uint8_t out[KC_BLOCK_LEN])
{
	uint8_t		reduction = (uint8_t) (0x87 & -(in[0] >> 7));

	for (int i = 0; i < KC_BLOCK_LEN - 1; i++)
		out[i] = (uint8_t) (in[i] << 1 | in[i + 1] >> 7);
	out[KC_BLOCK_LEN - 1] = (uint8_t) (in[KC_BLOCK_LEN - 1] << 1 ^ reduction);
}

static kc_status
make_subkey(kc_key *key)
{
	const kc_suite_info *info = kc_suite_find(key->suite);
	uint8_t		block[KC_BLOCK_LEN] = {0};
	kc_status	status = kc_pass(info, key);

	if (status != KC_OK)
		return status;
	if (encrypt_blocks(info->passing, block, 1))
		double_block(block, key->subkey);
	else
	{
		status = KC_FAILED;
		ERR_clear_error();
	}
	kc_forget(info->passing);
	OPENSSL_cleanse(block, sizeof(block));
	return status;
}

kc_status
kc_key_init(kc_key *key, int suite, kc_view material)
{
	const kc_suite_info *info = kc_suite_find(suite);
	kc_status	status;

	memset(key, 0, sizeof(*key));
	if (info == NULL || material.len != info->key_len)
		return KC_BAD_INPUT;
	key->suite = suite;
	memcpy(key->material, material.data, material.len);
	status = make_subkey(key);
	if (status != KC_OK)
		OPENSSL_cleanse(key, sizeof(*key));
	return status;
}

/* Words as they lie in memory: they are XORed, never counted. */
static inline uint32_t
load32(const uint8_t *bytes)
{
	uint32_t	word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint64_t
load64(const uint8_t *bytes)
{
	uint64_t	word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/*
 * SP 800-108r1 in counter mode.  The input of each CMAC is exactly one block,
 * counter, label and the first half of the nonce, so a CMAC is one encryption
 * of that block XORed with K1.  All blocks but for their counter are the same.
 */
static inline bool
derive(const kc_suite_info *info, const kc_key *key, kc_schedule *schedule,
	   const uint8_t *nonce, uint8_t derived[KC_DERIVED_MAX])
{
	uint32_t	start;
	uint32_t	middle = load32(nonce) ^ load32(key->subkey + 4);
	uint64_t	end = load64(nonce + 4) ^ load64(key->subkey + 8);

	for (int i = 0; i < info->blocks; i++)
	{
		const uint8_t label[4] = {0, (uint8_t) (i + 1), 'X', 0};
		uint8_t    *block = derived + i * KC_BLOCK_LEN;

		start = load32(label) ^ load32(key->subkey);
		memcpy(block, &start, sizeof(start));
		memcpy(block + 4, &middle, sizeof(middle));
		memcpy(block + 8, &end, sizeof(end));
	}
	return encrypt_blocks(schedule, derived, info->blocks);
}

static bool
lengths_allowed(const kc_text *text)
{
	return text->header.len <= KC_MESSAGE_MAX &&
		text->context.len <= KC_MESSAGE_MAX &&
		text->input.len <= KC_MESSAGE_MAX;
}

static kc_status
usable(const kc_suite_info *info)
{
	if (info == NULL)
		return KC_BAD_INPUT;
	return info->ready ? KC_OK : KC_UNSUPPORTED;
}

/* After a failure nothing is left in out, and nothing in OpenSSL's queue. */
static void
clear_failure(uint8_t *out, size_t len)
{
	kc_wipe(out, len);
	ERR_clear_error();
}

kc_status
kc_seal(const kc_key *key, kc_schedule *schedule,
		const uint8_t nonce[KC_NONCE_LEN],
		kc_view header, kc_view context, kc_view plaintext,
		uint8_t *out, uint8_t *tag)
{
	const kc_suite_info *info = kc_suite_find(key->suite);
	const kc_text text = {header, context, plaintext, nonce + KC_NONCE_LEN - KC_IV_LEN};
	uint8_t		derived[KC_DERIVED_MAX];
	kc_status	status = usable(info);

	if (!lengths_allowed(&text))
		return KC_BAD_INPUT;	/* no buffer is that long: nothing to wipe */
	if (status == KC_OK)
	{
		if (!derive(info, key, schedule, nonce, derived))
			status = KC_FAILED;
		else if (info->mac == NULL)
			status = kc_gcm_seal(info, derived, &text, out, tag);
		else
			status = kc_ctr_seal(info, derived, &text, out, tag);
		OPENSSL_cleanse(derived, (size_t) info->blocks * KC_BLOCK_LEN);
	}
	if (status != KC_OK)
	{
		clear_failure(out, plaintext.len);
		kc_wipe(tag, kc_tag_len(key->suite));
	}
	return status;
}

kc_status
kc_open(const kc_key *key, kc_schedule *schedule,
		const uint8_t nonce[KC_NONCE_LEN],
		kc_view header, kc_view context, kc_view ciphertext,
		const uint8_t *tag, uint8_t *out)
{
	const kc_suite_info *info = kc_suite_find(key->suite);
	const kc_text text = {header, context, ciphertext, nonce + KC_NONCE_LEN - KC_IV_LEN};
	uint8_t		derived[KC_DERIVED_MAX];
	kc_status	status = usable(info);

	if (!lengths_allowed(&text))
		return KC_BAD_INPUT;	/* no buffer is that long: nothing to wipe */
	if (status == KC_OK)
	{
		if (!derive(info, key, schedule, nonce, derived))
			status = KC_FAILED;
		else if (info->mac == NULL)
			status = kc_gcm_open(info, derived, &text, tag, out);
		else
			status = kc_ctr_open(info, derived, &text, tag, out);
		OPENSSL_cleanse(derived, (size_t) info->blocks * KC_BLOCK_LEN);
	}
	if (status != KC_OK)
		clear_failure(out, ciphertext.len);
	return status;
}

/* Another key takes the place of the old; -1 leaves the direction as it is. */
void
kc_forget(EVP_CIPHER_CTX *kept)
{
	static const uint8_t zero[KC_KEY_MAX];

	if (!EVP_CipherInit_ex2(kept, NULL, zero, NULL, -1, NULL))
		ERR_clear_error();
}
