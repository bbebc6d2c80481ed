/*
 * Values of an encrypted column: ciphertext as it is in a column of type bytea, or as
 * text (base/sealed_text.h).
 */
#ifndef KMS_SEALED_VALUE_H
#define KMS_SEALED_VALUE_H

#include "postgres.h"

#include "crypto/kc.h"

/* The bytes of a value, detoasted. */
extern kc_view sealed_value_bytes(Datum value);

/* What of them may be a ciphertext: of a text what its Base64 stands for, or nothing. */
extern kc_view sealed_value_unwrap(bool is_text, kc_view bytes);

/*
 * The beginning of that, for cipher_begins; len receives how long all of it is, or may be.
 * Only the beginning is fetched.
 */
extern kc_view sealed_value_start(bool is_text, Datum value, size_t *len);

/* Whether it is in the form of a ciphertext, as far as its beginning tells. */
extern bool sealed_value_begins(bool is_text, Datum value);

#endif
