/*
 * Random bytes.  Nonces come from a small pool of this process, since one
 * RAND_bytes call costs twice a whole small encryption; keys never do.
 */
#ifndef KC_RANDOM_H
#define KC_RANDOM_H

#include "message.h"

/*
 * A fresh nonce.  The pool (4 KB of RAND_bytes) is wiped as it is used and
 * dropped in a forked child, so no two processes see the same bytes.
 */
extern kc_status kc_nonce(uint8_t out[KC_NONCE_LEN]);

/* len bytes of RAND_bytes, for what will be public: ids, salts, kms_generate_random. */
extern kc_status kc_random(uint8_t *out, size_t len);

/* len bytes of RAND_priv_bytes, for keys; out is wiped on failure. */
extern kc_status kc_random_key(uint8_t *out, size_t len);

#endif
