/*
 * The secure arena: where a process keeps secrets that outlive a call.
 *
 * Slots of one size in memory that is locked if the limits allow, left out of
 * core files, and empty in a forked child.  Never palloc: freed palloc memory
 * keeps its contents for hundreds of statements.
 */
#ifndef KMS_ARENA_H
#define KMS_ARENA_H

#include "postgres.h"

#define ARENA_SLOT_SIZE 64

/* A zeroed slot, aligned to a cache line; raises 53200 when there is no memory. */
extern void *arena_take(void);

/* Wipe a slot and give it back; NULL is fine. */
extern void arena_give(void *slot);

/* Whether every page so far could be locked into memory. */
extern bool arena_locked(void);

/* Bytes mapped so far. */
extern Size arena_size(void);

#endif
