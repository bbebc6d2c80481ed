/*
 * A new version of the domain key, and what was under earlier ones brought under it.
 */
#ifndef KMS_DOMAIN_KEY_ROTATION_H
#define KMS_DOMAIN_KEY_ROTATION_H

#include "postgres.h"

/* Rows that one call rewrites at most. */
#define DOMAIN_KEY_ROTATION_BATCH 100000

/*
 * Rewrite the rows that are under an earlier version; if there are none, first make a new one.
 * What they wrap and say stays what it is.  Changes wait until the transaction ends, the use of
 * keys does not.  Returns how many rows were rewritten: as many as the batch has, with a notice,
 * if another call is needed.  Rows that do not open are left as they are, with a warning.
 */
extern int64 domain_key_rotate(Oid caller);

#endif
