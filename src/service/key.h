/*
 * Keys: their life as far as it needs no clock.
 */
#ifndef KMS_SERVICE_KEY_H
#define KMS_SERVICE_KEY_H

#include "postgres.h"

#include "base/compat.h"

#include "service/access.h"
#include "service/reference.h"
#include "store/key.h"

/* Characters of a description. */
#define DESCRIPTION_MAX 8192

/* In every state, aliases too. */
extern void key_describe(Oid caller, const char *reference, KmsAction action, KmsKey *key);

/* Idempotent; Rejected.StateModifiedFailed in the other states. */
extern void key_enable(Oid caller, const char *reference);
extern void key_disable(Oid caller, const char *reference);

extern void key_update_description(Oid caller, const char *reference, const char *description);

/* A row of kms.key, as a view hands it over. */
extern void key_of_row(HeapTupleHeader row, KmsKey *key);

/* Whether the caller may describe a key of this owner. */
extern bool key_may_describe(Oid caller, const pg_uuid_t *id, const KmsStoredRole *owner);

/* Whether the caller may do that with the key, which is found in any case, in this context. */
extern bool key_may(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key, kc_view context);

/* A table of ours was changed: by hand, unless the store is at work. */
extern void key_table_changed(Oid table);

/* The state that counts now: material that has expired is waited for again. */
extern KmsKeyState key_state_now(KmsKeyState stored, TimestampTz material_expires_at);

/* Whether the delete date has come: to everybody it is as if it were not there. */
extern bool key_is_gone(KmsKeyState stored, TimestampTz delete_at);

/* Rejected.Disabled and so on, unless the key may be used for cryptography. */
extern void key_require_enabled(KmsKeyState state, const char *kind, const char *what, size_t len);

/*
 * Find and authorise, then (inside store_open) lock, and authorise what was
 * found then: nobody locks what is not his, and nothing seen before counts.
 */
extern void key_find_for(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key);
extern void key_lock_for(Oid caller, KmsAction action, const KmsReference *reference,
						 const pg_uuid_t *key_id, KmsKey *key);

/* The same for a key whose delete date has come, as long as its row is there. */
extern void key_find_even_gone(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key);
extern void key_lock_even_gone(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key);

/* Rejected.StateModifiedFailed: the key is in this state; hint may be NULL. */
pg_noreturn extern void key_err_state_change(const KmsReference *reference, const char *state, const char *hint);

/* InvalidParameter if it is longer than DESCRIPTION_MAX characters. */
extern void key_require_description(const char *argument, const char *description);

/* What a key shows as its own (docs/reference/key.md). */
extern const char *key_automatic_rotation(const KmsKey *key);
extern bool key_shows_primary(const KmsKey *key);

#endif
