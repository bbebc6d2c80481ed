/*
 * What stands behind a suite number.  Private to this floor: the other floors
 * know a suite by its number and see no OpenSSL type.
 *
 * The contexts kept here are the one exception to "no OpenSSL handle outlives
 * its call": making one costs as much as a small message.  A kept context still
 * holds the derived key of the last message it worked on, but no long-lived key.
 */
#ifndef KC_SUITE_H
#define KC_SUITE_H

#include <openssl/evp.h>

#include "message.h"

#define KC_BLOCK_LEN	16		/* AES and SM4 alike */
#define KC_IV_LEN		12		/* the second half of the nonce */
#define KC_GCM_TAG_LEN	16
#define KC_DERIVED_MAX	48		/* SM4 key, then HMAC key */

#define KC_MESSAGE_MAX	((size_t) 1 << 30)

typedef struct kc_suite_info
{
	size_t		key_len;
	size_t		tag_len;
	int			blocks;			/* how many the derivation makes */
	const char *block_name;		/* ECB: key derivation */
	const char *cipher_name;	/* GCM or CTR: the message itself */
	const char *digest_name;	/* of the HMAC, NULL with GCM */

	bool		ready;			/* all of what follows is there */
	EVP_CIPHER *block;
	EVP_CIPHER_CTX *passing;	/* a schedule for keys used once; empty in between */
	EVP_CIPHER_CTX *sealing;	/* cipher set: init takes key and iv only */
	EVP_CIPHER_CTX *opening;	/* NULL for CTR, which has no direction */
	EVP_MAC_CTX *mac;
} kc_suite_info;

#define KC_SUITE_LAST	KC_SUITE_SM4_CTR_HMAC_SM3

extern kc_suite_info kc_suites[KC_SUITE_LAST + 1];

/* NULL for a number that is no suite. */
static inline const kc_suite_info *
kc_suite_find(int suite)
{
	if (suite < KC_SUITE_XAES_256_GCM || suite > KC_SUITE_LAST)
		return NULL;
	return &kc_suites[suite];
}

/*
 * OpenSSL counts bytes in int.  Every length goes through here, so that a
 * length is refused rather than cut.
 */
static inline bool
kc_narrow(size_t len, int *narrow)
{
	if (len > KC_MESSAGE_MAX)
		return false;
	*narrow = (int) len;
	return true;
}

/* KC_UNSUPPORTED if OpenSSL or its policy lacks a part; then nothing is kept. */
extern kc_status kc_suite_start(kc_suite_info *info);

/*
 * The message itself under its derived key, for the two kinds of suites.  They
 * leave wiping, and emptying the error queue, to kc_seal and kc_open.
 */
typedef struct kc_text
{
	kc_view		header;
	kc_view		context;
	kc_view		input;			/* plaintext or ciphertext */
	const uint8_t *iv;			/* KC_IV_LEN bytes */
} kc_text;

extern kc_status kc_gcm_seal(const kc_suite_info *info, const uint8_t *derived,
							 const kc_text *text, uint8_t *out, uint8_t *tag);
extern kc_status kc_gcm_open(const kc_suite_info *info, const uint8_t *derived,
							 const kc_text *text, const uint8_t *tag, uint8_t *out);
extern kc_status kc_ctr_seal(const kc_suite_info *info, const uint8_t *derived,
							 const kc_text *text, uint8_t *out, uint8_t *tag);
extern kc_status kc_ctr_open(const kc_suite_info *info, const uint8_t *derived,
							 const kc_text *text, const uint8_t *tag, uint8_t *out);

/* Overwrite the key that a kept context still holds. */
extern void kc_forget(EVP_CIPHER_CTX *kept);

/*
 * The schedule for keys that are used once, set for this one.  kc_forget it
 * right after.
 */
extern kc_status kc_pass(const kc_suite_info *info, const kc_key *key);

#endif
