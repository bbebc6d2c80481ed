/*
 * A keyed digest: tells whether key material is the same as before without
 * keeping it, and tells nothing to whoever lacks the key.
 */
#ifndef KC_DIGEST_H
#define KC_DIGEST_H

#include "kc.h"

#define KC_DIGEST_LEN	32

/*
 * HMAC-SHA-256 under key (at least one byte) of label, its terminating zero, and
 * data.  out is wiped on failure.
 */
extern kc_status kc_digest(kc_view key, const char *label, kc_view data, uint8_t out[KC_DIGEST_LEN]);

#endif
