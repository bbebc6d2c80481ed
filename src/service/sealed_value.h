/*
 * Values of an encrypted column: ciphertext as it is in a column of type bytea, or as
 * text (base/sealed_text.h).
 */
#ifndef KMS_SEALED_VALUE_H
#define KMS_SEALED_VALUE_H

#include "postgres.h"

#include "crypto/kc.h"
#include "utils/uuid.h"

/* The bytes of a value, detoasted. */
extern kc_view sealed_value_bytes(Datum value);

/* What of them may be a ciphertext: of a text what its Base64 stands for, or nothing. */
extern kc_view sealed_value_unwrap(bool is_text, kc_view bytes);

/*
 * Whether a value is in the form of a ciphertext, as far as its beginning tells, and
 * of which key version then; only the beginning is fetched.  version_id may be NULL.
 */
extern bool sealed_value_begins(bool is_text, Datum value, pg_uuid_t *version_id);

#endif
