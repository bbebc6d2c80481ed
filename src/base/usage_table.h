/*
 * Counters of uses in PostgreSQL's shared memory: one per database, key version
 * and operation, written to a file while the server is down.
 *
 * A counter only ever counts up, and has a number of its own that no other
 * counter bears, before or after.  So whoever stores its numbers needs not set
 * it back: he stores beside them the counter's number and what it showed, and
 * adds the difference the next time.  Nothing is then counted twice or not at
 * all, whatever is rolled back, crashes or happens at once.
 */
#ifndef KMS_USAGE_TABLE_H
#define KMS_USAGE_TABLE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef struct UsageKey
{
	Oid			database;
	uint32		operation;		/* what the caller means by it */
	pg_uuid_t	version_id;
} UsageKey;

typedef struct UsageNumbers
{
	uint64		calls;
	uint64		failures;
	uint64		bytes;
} UsageNumbers;

typedef struct UsageEntry
{
	UsageKey	key;
	pg_uuid_t	key_id;
	int64		counter;		/* its number */
	UsageNumbers numbers;
	uint64		saved_calls;	/* those that are stored elsewhere for good */
	TimestampTz last_used_at;
} UsageEntry;

/*
 * Ask for the memory.  From _PG_init, in the postmaster.  A file that was written
 * under another layout, which stands for what operations mean, is not read.
 */
extern void usage_table_request(uint32 layout);

/* False where the library was not preloaded: then there is nothing else to call. */
extern bool usage_table_exists(void);

/* Count; false if there is no room for another counter.  Raises nothing. */
extern bool usage_table_add(const UsageKey *key, const pg_uuid_t *key_id, const UsageNumbers *numbers,
							TimestampTz now);

/* So many calls will be in no counter. */
extern void usage_table_lose(uint64 calls);

/* All counters of a database, or of all for InvalidOid, in no order; palloced. */
extern UsageEntry *usage_table_list(Oid database, int *count);

/* What entry shows is stored for good; its place may be given to another counter when it is needed. */
extern void usage_table_saved(const UsageEntry *entry);

/* Forget the counter, unless it has counted since. */
extern void usage_table_forget(const UsageEntry *entry);

/* Counters there are, and calls that are in none. */
extern void usage_table_describe(int64 *entries, int64 *lost_calls);

#endif
