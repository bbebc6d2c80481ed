/*
 * Message authentication codes, and blind indexes.
 *
 *	kind                  key   code
 *	KC_MAC_HMAC_SHA_256   32    32 bytes
 *	KC_MAC_HMAC_SHA_384   48    48
 *	KC_MAC_HMAC_SHA_512   64    64
 *	KC_MAC_HMAC_SM3       32    32
 *
 * HMAC is RFC 2104 (FIPS 198-1), untruncated; SM3 is GB/T 32905.
 */
#ifndef KC_MAC_H
#define KC_MAC_H

#include "kc.h"

typedef enum kc_mac_kind
{
	KC_MAC_HMAC_SHA_256 = 1,
	KC_MAC_HMAC_SHA_384,
	KC_MAC_HMAC_SHA_512,
	KC_MAC_HMAC_SM3
} kc_mac_kind;

#define KC_MAC_KEY_MAX		64
#define KC_MAC_MAX			64
#define KC_BLIND_INDEX_LEN	32

/* Bytes of a key, of a code; 0 for a number that is no kind. */
extern size_t kc_mac_key_len(int kind);
extern size_t kc_mac_len(int kind);

/*
 * A key made ready: OpenSSL contexts that hold its state.  Secret as a whole, in
 * OpenSSL's heap, which wipes it when it is freed.
 */
typedef struct kc_mac kc_mac;

/* key must be kc_mac_key_len bytes, else KC_BAD_INPUT; on failure *mac is NULL. */
extern kc_status kc_mac_new(int kind, kc_view key, kc_mac **mac);
extern void kc_mac_free(kc_mac *mac);	/* wipes; NULL is fine */

/*
 * out takes kc_mac_len bytes, wiped on failure.  After each megabyte of message
 * cancelled (which may be NULL) is asked; once it says true the answer is KC_CANCELLED.
 */
extern kc_status kc_mac_generate(kc_mac *mac, kc_view message, uint8_t *out, bool (*cancelled) (void));

/* KC_OK if code is the one of message, else KC_BAD_TAG; compared in constant time. */
extern kc_status kc_mac_verify(kc_mac *mac, kc_view message, kc_view code, bool (*cancelled) (void));

/*
 * A deterministic pseudonym of value within a context, for equality search:
 *
 *	HMAC-SHA-256(index key, length of context (4, big-endian) | context | value)
 *	index key = first 32 bytes of HMAC-SHA-512(key, "kms blind index")
 *
 * Of HMAC_SHA_256 keys only, else KC_BAD_INPUT.  The other hash keeps the index
 * key out of reach of who may have any message authenticated.
 */
extern kc_status kc_mac_blind_index(kc_mac *mac, kc_view context, kc_view value,
									uint8_t out[KC_BLIND_INDEX_LEN], bool (*cancelled) (void));

#endif
