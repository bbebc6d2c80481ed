/*
 * Wrapping: one key kept under another.  The form is
 *
 *	nonce (24) | ciphertext (n) | tag (16)
 *
 * XAES-256-GCM throughout, whatever the wrapped bytes are; the additional data
 * says what they are and where they belong.
 */
#ifndef KC_WRAP_H
#define KC_WRAP_H

#include "message.h"

#define KC_WRAP_OVERHEAD	(KC_NONCE_LEN + 16)

/* out takes plaintext.len + KC_WRAP_OVERHEAD bytes. */
extern kc_status kc_wrap(const kc_key *key, kc_view additional, kc_view plaintext, uint8_t *out);

/*
 * out takes wrapped.len - KC_WRAP_OVERHEAD bytes and is wiped on failure.
 * KC_BAD_TAG also for something too short to be wrapped at all.
 */
extern kc_status kc_unwrap(const kc_key *key, kc_view additional, kc_view wrapped, uint8_t *out);

/*
 * HKDF-Expand with SHA-256 (RFC 5869), info = label without its terminating
 * zero: separate keys for separate uses from one uniformly random key.
 */
extern kc_status kc_derive(kc_view key, const char *label, uint8_t *out, size_t len);

#endif
