/*
 * A ciphertext in a column of type text: "kms:1:" and its Base64.
 */
#ifndef KMS_SEALED_TEXT_H
#define KMS_SEALED_TEXT_H

#include "postgres.h"

#include "crypto/kc.h"

#define SEALED_TEXT_PREFIX		"kms:1:"
#define SEALED_TEXT_PREFIX_LEN	6

/* InvalidParameter if it would be longer than a text can be. */
extern text *sealed_text_encode(const bytea *ciphertext);

/* NULL for a text that is none. */
extern bytea *sealed_text_decode(kc_view text);

#endif
