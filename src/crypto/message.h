/*
 * Sealing and opening single messages: the four symmetric suites.
 *
 * Every message has a key of its own, derived from the long-lived key and the
 * first half of a random 24-byte nonce (SP 800-108r1, counter mode, CMAC of the
 * key's own block cipher, 16-bit counter, label 'X', zero byte, 12 bytes of nonce).
 * For AES-256 this is C2SP's XAES-256-GCM to the letter; the other suites are
 * the same construction on their own cipher:
 *
 *	suite                      long-lived key   derived            then
 *	KC_SUITE_XAES_256_GCM      32               32 (2 blocks)      AES-256-GCM, 12-byte iv, tag 16
 *	KC_SUITE_AES_192_GCM       24               24 (of 2 blocks)   AES-192-GCM, 12-byte iv, tag 16
 *	KC_SUITE_AES_128_GCM       16               16 (1 block)       AES-128-GCM, 12-byte iv, tag 16
 *	KC_SUITE_SM4_CTR_HMAC_SM3  16               16 + 32 (3 blocks) SM4-CTR from nonce[12..24) || 0^32,
 *	                                                               then HMAC-SM3, tag 32
 *
 * HMAC-SM3 runs over: nonce[12..24), additional data, ciphertext, and the lengths
 * of the last two in bytes, 8 bytes big-endian each.
 */
#ifndef KC_MESSAGE_H
#define KC_MESSAGE_H

#include "kc.h"

/* The numbers are the format bytes of stored ciphertext: never reuse one. */
typedef enum kc_suite
{
	KC_SUITE_XAES_256_GCM = 1,
	KC_SUITE_AES_192_GCM = 2,
	KC_SUITE_AES_128_GCM = 3,
	KC_SUITE_SM4_CTR_HMAC_SM3 = 4
} kc_suite;

#define KC_KEY_MAX		32
#define KC_SUBKEY_LEN	16
#define KC_NONCE_LEN	24
#define KC_TAG_MAX		32

/* Bytes of a long-lived key, of a tag; 0 for a number that is no suite. */
extern size_t kc_key_len(int suite);
extern size_t kc_tag_len(int suite);

/*
 * A long-lived key made ready: its bytes and the CMAC subkey K1.  It is secret
 * as a whole; the caller gives it a place and wipes it.
 */
typedef struct kc_key
{
	int32_t		suite;
	uint8_t		material[KC_KEY_MAX];
	uint8_t		subkey[KC_SUBKEY_LEN];
} kc_key;

/* material must be exactly kc_key_len(suite) bytes, else KC_BAD_INPUT. */
extern kc_status kc_key_init(kc_key *key, int suite, kc_view material);

/*
 * The expanded block-cipher key that derivation runs on (an OpenSSL context).
 * Setting one costs about as much as a third of a small message, so hot keys
 * keep theirs and the others share one.  After a failed set it is empty, and
 * sealing with it fails.
 */
typedef struct evp_cipher_ctx_st kc_schedule;

extern kc_schedule *kc_schedule_new(void);	/* NULL: no memory */
extern void kc_schedule_free(kc_schedule *schedule);	/* wipes; NULL is fine */
extern kc_status kc_schedule_set(kc_schedule *schedule, const kc_key *key);

/*
 * Encrypt plaintext into out (plaintext.len bytes; may not overlap) and tag
 * (kc_tag_len bytes).  schedule must have been set with this key.  The
 * additional data is header followed by context.  Lengths up to 1 GB each, else
 * KC_BAD_INPUT and nothing is touched; on any other failure out and tag are wiped.
 */
extern kc_status kc_seal(const kc_key *key, kc_schedule *schedule,
						 const uint8_t nonce[KC_NONCE_LEN],
						 kc_view header, kc_view context, kc_view plaintext,
						 uint8_t *out, uint8_t *tag);

/*
 * Decrypt and check.  Until the tag is verified nothing is given away: on any
 * failure out is wiped, so that a caller who forgets the status still never
 * sees unauthenticated plaintext.
 */
extern kc_status kc_open(const kc_key *key, kc_schedule *schedule,
						 const uint8_t nonce[KC_NONCE_LEN],
						 kc_view header, kc_view context, kc_view ciphertext,
						 const uint8_t *tag, uint8_t *out);

#endif
