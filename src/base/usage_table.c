/*
 * Counters of uses in shared memory.
 *
 * Adding to a counter holds the lock in shared mode and the counter's spinlock for
 * a few instructions; making and forgetting one holds it exclusively.
 */
#include "base/usage_table.h"

#include "base/settings.h"
#include "base/usage_file.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#define TRANCHE		"kms_usage"

typedef struct SharedEntry
{
	UsageEntry	entry;			/* its key first */
	slock_t		mutex;			/* over numbers, saved_calls and last_used_at */
} SharedEntry;

typedef struct SharedState
{
	LWLock	   *lock;
	uint64		next_counter;	/* begins anywhere, at each start anew */
	uint64		lost_calls;
	TimestampTz swept_at;		/* when room was last looked for */
	bool		changing;		/* somebody is making or forgetting a counter */
} SharedState;

static uint32 file_layout;
static SharedState *shared;
static HTAB *table;
static shmem_request_hook_type next_request;
static shmem_startup_hook_type next_startup;

/* ---- start and end of the server ------------------------------------------- */

static void
request(void)
{
	if (next_request != NULL)
		next_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SharedState)));
	RequestAddinShmemSpace(hash_estimate_size(setting_usage_entries, sizeof(SharedEntry)));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* Under the exclusive lock; NULL without room. */
static SharedEntry *
make_entry(const UsageKey *key)
{
	SharedEntry *entry;

	shared->changing = true;
	entry = hash_search(table, key, HASH_ENTER_NULL, NULL);
	if (entry != NULL)
	{
		memset(&entry->entry.key_id, 0, sizeof(UsageEntry) - offsetof(UsageEntry, key_id));
		SpinLockInit(&entry->mutex);
	}
	shared->changing = false;
	return entry;
}

static void
take_from_file(const UsageEntry *saved)
{
	SharedEntry *entry = make_entry(&saved->key);

	if (entry != NULL)
		entry->entry = *saved;
	else
		shared->lost_calls += saved->numbers.calls - saved->saved_calls;
}

/*
 * In the postmaster, when nobody else is left.  Locks are left alone: a process that
 * was killed may still hold one.  If it was in the middle of a change, the table may
 * not be walked.
 */
static void
write_file(int code, Datum argument)
{
	HASH_SEQ_STATUS walk;
	SharedEntry *entry;
	UsageEntry *entries;
	int			count = 0;

	if (code != 0 || shared == NULL || shared->changing)
		return;
	entries = palloc((hash_get_num_entries(table) + 1) * sizeof(UsageEntry));
	hash_seq_init(&walk, table);
	while ((entry = hash_seq_search(&walk)) != NULL)
		entries[count++] = entry->entry;
	if (count > 0)
		usage_file_write(file_layout, entries, count);
	pfree(entries);
}

static void
initialize(void)
{
	memset(shared, 0, sizeof(*shared));
	shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	if (!pg_strong_random(&shared->next_counter, sizeof(shared->next_counter)))
		shared->next_counter = (uint64) GetCurrentTimestamp() << 16;
}

static void
startup(void)
{
	HASHCTL		control = {.keysize = sizeof(UsageKey), .entrysize = sizeof(SharedEntry)};
	bool		found;

	if (next_startup != NULL)
		next_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("kms usage", sizeof(SharedState), &found);
	if (!found)
		initialize();
	table = ShmemInitHash("kms usage counters", setting_usage_entries, setting_usage_entries, &control,
						  HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	LWLockRelease(AddinShmemInitLock);
	if (IsUnderPostmaster)
		return;
	on_shmem_exit(write_file, (Datum) 0);
	if (!found)
		usage_file_read(file_layout, take_from_file);
}

void
usage_table_request(uint32 layout)
{
	file_layout = layout;
	next_request = shmem_request_hook;
	shmem_request_hook = request;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
}

bool
usage_table_exists(void)
{
	return shared != NULL;
}

/* ---- counting ---------------------------------------------------------------- */

/* Under the exclusive lock. */
static void
remove_entry(SharedEntry *entry)
{
	shared->changing = true;
	hash_search(table, &entry->entry.key, HASH_REMOVE, NULL);
	shared->changing = false;
}

/* Give away the places of counters that are stored; once a second at most, it takes a while. */
static void
make_room(TimestampTz now)
{
	HASH_SEQ_STATUS walk;
	SharedEntry *entry;

	if (now - shared->swept_at < USECS_PER_SEC && now >= shared->swept_at)
		return;
	shared->swept_at = now;
	hash_seq_init(&walk, table);
	while ((entry = hash_seq_search(&walk)) != NULL)
		if (entry->entry.saved_calls == entry->entry.numbers.calls)
			remove_entry(entry);
}

/* Under the exclusive lock; NULL without room. */
static SharedEntry *
find_or_make(const UsageKey *key, const pg_uuid_t *key_id, TimestampTz now)
{
	SharedEntry *entry = hash_search(table, key, HASH_FIND, NULL);

	if (entry != NULL)
		return entry;
	if (hash_get_num_entries(table) >= setting_usage_entries)
		make_room(now);
	entry = make_entry(key);
	if (entry != NULL)
	{
		entry->entry.key_id = *key_id;
		entry->entry.counter = (int64) shared->next_counter++;
	}
	return entry;
}

static void
count(SharedEntry *entry, const UsageNumbers *numbers, TimestampTz now)
{
	SpinLockAcquire(&entry->mutex);
	entry->entry.numbers.calls += numbers->calls;
	entry->entry.numbers.failures += numbers->failures;
	entry->entry.numbers.bytes += numbers->bytes;
	entry->entry.last_used_at = Max(entry->entry.last_used_at, now);
	SpinLockRelease(&entry->mutex);
}

bool
usage_table_add(const UsageKey *key, const pg_uuid_t *key_id, const UsageNumbers *numbers, TimestampTz now)
{
	SharedEntry *entry;

	LWLockAcquire(shared->lock, LW_SHARED);
	entry = hash_search(table, key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		LWLockRelease(shared->lock);
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		entry = find_or_make(key, key_id, now);
	}
	if (entry != NULL)
		count(entry, numbers, now);
	LWLockRelease(shared->lock);
	return entry != NULL;
}

void
usage_table_lose(uint64 calls)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->lost_calls += calls;
	LWLockRelease(shared->lock);
}

/* ---- reading and forgetting -------------------------------------------------- */

/* Both at once, as somebody may be counting. */
static UsageEntry
copy_of(SharedEntry *entry)
{
	UsageEntry	copy;

	SpinLockAcquire(&entry->mutex);
	copy = entry->entry;
	SpinLockRelease(&entry->mutex);
	return copy;
}

UsageEntry *
usage_table_list(Oid database, int *count)
{
	HASH_SEQ_STATUS walk;
	SharedEntry *entry;
	UsageEntry *entries;

	*count = 0;
	LWLockAcquire(shared->lock, LW_SHARED);
	entries = palloc((hash_get_num_entries(table) + 1) * sizeof(UsageEntry));
	hash_seq_init(&walk, table);
	while ((entry = hash_seq_search(&walk)) != NULL)
		if (database == InvalidOid || entry->entry.key.database == database)
			entries[(*count)++] = copy_of(entry);
	LWLockRelease(shared->lock);
	return entries;
}

void
usage_table_saved(const UsageEntry *saved)
{
	SharedEntry *entry;

	LWLockAcquire(shared->lock, LW_SHARED);
	entry = hash_search(table, &saved->key, HASH_FIND, NULL);
	if (entry != NULL && entry->entry.counter == saved->counter)
	{
		SpinLockAcquire(&entry->mutex);
		entry->entry.saved_calls = Max(entry->entry.saved_calls, saved->numbers.calls);
		SpinLockRelease(&entry->mutex);
	}
	LWLockRelease(shared->lock);
}

void
usage_table_forget(const UsageEntry *seen)
{
	SharedEntry *entry;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = hash_search(table, &seen->key, HASH_FIND, NULL);
	if (entry != NULL && entry->entry.counter == seen->counter && entry->entry.numbers.calls == seen->numbers.calls)
		remove_entry(entry);
	LWLockRelease(shared->lock);
}

void
usage_table_describe(int64 *entries, int64 *lost_calls)
{
	*entries = *lost_calls = 0;
	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_SHARED);
	*entries = hash_get_num_entries(table);
	*lost_calls = (int64) shared->lost_calls;
	LWLockRelease(shared->lock);
}
