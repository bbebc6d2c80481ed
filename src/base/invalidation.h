/*
 * Telling every session that a key has changed, through PostgreSQL's own
 * invalidation messages: transactional, read again on standbys, and taken by
 * the hot functions at every call.
 *
 * A message names one key.  It travels as a relation-cache invalidation of a
 * relation that cannot exist: its oid is 0x80000000 | hash(key id).  A clash
 * with a real oid costs a needless cache miss here or a relcache rebuild there.
 */
#ifndef KMS_INVALIDATION_H
#define KMS_INVALIDATION_H

#include "postgres.h"

#include "utils/inval.h"
#include "utils/uuid.h"

/* What a callback is told: a key's number, or everything. */
#define INVALIDATE_ALL 0

/*
 * A callback only marks and counts: it runs at arbitrary points, also during
 * abort, and must not look anything up, allocate or raise.
 */
typedef void (*InvalidationCallback) (uint32 number);

/* The number that a key's messages carry; never INVALIDATE_ALL. */
extern uint32 invalidation_number(const pg_uuid_t *key_id);

/* Count, from the first call in this process on. */
extern void invalidation_start(void);

/* Be called, too. */
extern void invalidation_listen(InvalidationCallback callback);

/* Take what others have committed since. */
static inline void
invalidation_accept(void)
{
	AcceptInvalidationMessages();
}

/* Treat invalidations of this relation (one of our tables) as "everything". */
extern void invalidation_watch(Oid relation);

/* Forget the watched relations: they are looked up anew. */
extern void invalidation_unwatch(void);

/* Say, at commit, that this key has changed; at once in this session. */
extern void invalidation_send(const pg_uuid_t *key_id);

/* Say, at commit, that anything may have changed; relation: one of our tables. */
extern void invalidation_send_all(Oid relation);

/*
 * Something was made or changed.  Should it be rolled back, this session forgets
 * all that it has read, since that may be part of it: a new row sends no message,
 * and the messages of an unfinished command are dropped with it.
 */
extern void invalidation_on_abort(void);

/*
 * Moves with every message that may concern a key.  Whoever reads rows for a
 * cache notes it before the snapshot and starts over if it moved: a message
 * taken in between would otherwise leave the old state there for ever.
 */
extern uint64 invalidation_count;

/* Moves when anything may have changed. */
extern uint64 invalidation_all_count;

/* Moves when one of our tables changes as such: altered, dropped, truncated. */
extern uint64 invalidation_tables_count;

/* Moves when roles or memberships change. */
extern uint64 invalidation_roles_count;

#endif
