/*
 * How much keys are used.
 */
#include "service/usage.h"

#include "access/xact.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/settings.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "service/key.h"
#include "service/audit_line.h"
#include "storage/ipc.h"
#include "store/job.h"
#include "store/key_version.h"
#include "store/store.h"
#include "store/usage.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* While there is no room for another counter, this session asks no more often. */
#define RETRY_SECONDS 1

/* All that was noted and not counted. */
static KmsUsage *pending;
static MemoryContext memory;
static TimestampTz retry_at;

/* What the current transaction has stored. */
static UsageEntry *saved;
static int	saved_count;

/* ---- from this process to shared memory --------------------------------------- */

/* False if there is no room.  Raises nothing. */
static bool
add(const KmsUsage *usage, TimestampTz now)
{
	const UsageKey key = {
		.database = MyDatabaseId, .operation = usage->action, .version_id = usage->version->id
	};

	return usage_table_add(&key, &usage->version->key->id, &usage->numbers, now);
}

static void
unlink_pending(KmsUsage *usage)
{
	if (usage->previous_pending != NULL)
		usage->previous_pending->next_pending = usage->next_pending;
	else
		pending = usage->next_pending;
	if (usage->next_pending != NULL)
		usage->next_pending->previous_pending = usage->previous_pending;
}

static void
unlink_version(KmsUsage *usage)
{
	KmsUsage  **link = &usage->version->usage;

	while (*link != usage)
		link = &(*link)->next;
	*link = usage->next;
}

static void
discard(KmsUsage *usage)
{
	unlink_pending(usage);
	unlink_version(usage);
	pfree(usage);
}

/* What finds no room is kept, as long as its version is cached. */
static void
count_pending(void)
{
	TimestampTz now;

	if (pending == NULL || (now = GetCurrentTimestamp()) < retry_at)
		return;
	retry_at = 0;
	for (KmsUsage *next, *usage = pending; usage != NULL; usage = next)
	{
		next = usage->next_pending;
		if (add(usage, now))
			discard(usage);
		else
			retry_at = now + RETRY_SECONDS * USECS_PER_SEC;
	}
}

static void
forget_saved(bool committed)
{
	for (int i = 0; committed && i < saved_count; i++)
		usage_table_saved(&saved[i]);
	pfree(saved);
	saved = NULL;
	saved_count = 0;
}

/* Uses have happened, whatever becomes of the transaction. */
static void
transaction_ended(XactEvent event, void *argument)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	count_pending();
	if (saved != NULL)
		forget_saved(event == XACT_EVENT_COMMIT);
}

static void
process_ends(int code, Datum argument)
{
	retry_at = 0;
	count_pending();
	while (pending != NULL)
	{
		usage_table_lose(pending->numbers.calls);
		discard(pending);
	}
}

static void
start(void)
{
	static bool started = false;

	if (started)
		return;
	memory = AllocSetContextCreate(TopMemoryContext, "kms usage", ALLOCSET_SMALL_SIZES);
	RegisterXactCallback(transaction_ended, NULL);
	before_shmem_exit(process_ends, (Datum) 0);
	started = true;
}

/* ---- noting ------------------------------------------------------------------- */

static KmsUsage *
find(const KmsCachedVersion *version, KmsAction action)
{
	KmsUsage   *usage = version->usage;

	while (usage != NULL && usage->action != action)
		usage = usage->next;
	return usage;
}

static KmsUsage *
make(KmsCachedVersion *version, KmsAction action)
{
	KmsUsage   *usage;

	start();
	usage = MemoryContextAllocZero(memory, sizeof(KmsUsage));
	usage->version = version;
	usage->action = action;
	usage->next = version->usage;
	version->usage = usage;
	usage->next_pending = pending;
	if (pending != NULL)
		pending->previous_pending = usage;
	pending = usage;
	return usage;
}

void
usage_note_first(KmsCachedVersion *version, KmsAction action, size_t bytes)
{
	KmsUsage   *usage = find(version, action);

	if (usage == NULL)
	{
		if (!usage_table_exists())
			return;
		usage = make(version, action);
	}
	usage->numbers.calls++;
	usage->numbers.bytes += bytes;
}

void
usage_failed(const KmsCachedVersion *version, KmsAction action, size_t bytes)
{
	KmsUsage   *usage = find(version, action);

	if (is_planning() || usage == NULL)
		return;
	usage->numbers.failures++;
	usage->numbers.bytes -= bytes;
}

void
usage_err(const KmsCachedVersion *version, KmsAction action, size_t bytes, kc_status status)
{
	usage_failed(version, action, bytes);
	audit_about(&version->key->id);
	err_crypto_failed(status);
}

void
usage_release(KmsCachedVersion *version)
{
	while (version->usage != NULL)
	{
		if (!add(version->usage, GetCurrentTimestamp()))
			usage_table_lose(version->usage->numbers.calls);
		discard(version->usage);
	}
}

/* ---- from shared memory to the table ------------------------------------------ */

/* What other releases mean by a number may be another operation. */
void
usage_startup(void)
{
	uint32		layout = 0;

	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++)
		layout = hash_combine(layout, string_hash(action_name(action), NAMEDATALEN));
	usage_table_request(layout);
}

const char *
usage_operation(const UsageEntry *entry)
{
	return action_name((KmsAction) entry->key.operation);
}

/* Two that store at once take the rows in the same order. */
static int
compare(const void *a, const void *b)
{
	const UsageEntry *left = a;
	const UsageEntry *right = b;
	int			order = memcmp(&left->key_id, &right->key_id, UUID_LEN);

	return order != 0 ? order : memcmp(&left->key, &right->key, sizeof(UsageKey));
}

/* Of this database, what this session has noted included. */
static UsageEntry *
list(int *count)
{
	UsageEntry *entries;

	*count = 0;
	if (!usage_table_exists())
		return NULL;
	count_pending();
	entries = usage_table_list(MyDatabaseId, count);
	qsort(entries, *count, sizeof(UsageEntry), compare);
	return entries;
}

static bool
may_describe(Oid caller, const pg_uuid_t *key_id)
{
	KmsKey		key;

	return store_key_find(key_id, &key) && key_may_describe(caller, key_id, &key.stored_owner);
}

UsageEntry *
usage_list(Oid caller, int *count)
{
	int			all;
	UsageEntry *entries = list(&all);
	const pg_uuid_t *key_id = NULL;
	bool		shown = false;

	*count = 0;
	for (int i = 0; i < all; i++)
	{
		/* The sorted entries of a key follow one another: each key is asked for once. */
		if (key_id == NULL || !uuid_equal(key_id, &entries[i].key_id))
			shown = may_describe(caller, &entries[i].key_id);
		key_id = &entries[i].key_id;
		if (shown)
			entries[(*count)++] = entries[i];
	}
	return entries;
}

/*
 * Note that these are stored, if the transaction commits.  Not in a subtransaction,
 * which may be undone by itself: storing the same again does no harm.
 */
static void
note_saved(const UsageEntry *entries, int count)
{
	if (GetCurrentTransactionNestLevel() > 1 || count == 0)
		return;
	start();
	if (saved != NULL)
		forget_saved(false);
	saved = MemoryContextAlloc(TopMemoryContext, count * sizeof(UsageEntry));
	memcpy(saved, entries, count * sizeof(UsageEntry));
	saved_count = count;
}

static bool
version_exists(const UsageEntry *entry)
{
	KmsKeyVersion version;

	return store_key_version_find(&entry->key.version_id, &version);
}

/* A version that is not to be seen may just be younger than our snapshot: then it was used a moment ago. */
static void
forget_erased(const UsageEntry *entry)
{
	if (entry->last_used_at > GetCurrentTimestamp() - 2 * setting_worker_naptime * USECS_PER_SEC ||
		version_exists(entry))
		return;
	store_usage_erase(&entry->key.version_id);
	usage_table_forget(entry);
}

/* Inside store_open.  Those that are stored come to the front; how many. */
static int
save(UsageEntry *entries, int count)
{
	int			stored = 0;

	for (int i = 0; i < count; i++)
		if (entries[i].saved_calls != entries[i].numbers.calls &&
			store_usage_save(&entries[i], usage_operation(&entries[i])))
			entries[stored++] = entries[i];
		else
			forget_erased(&entries[i]);
	return stored;
}

void
usage_save(void)
{
	int			count;
	UsageEntry *entries = list(&count);

	if (count == 0)
		return;
	store_open();
	/* Somebody else is at it, or was, and has not committed: it is the next round's turn. */
	if (store_usage_lock())
		note_saved(entries, save(entries, count));
	store_close_unrecorded();
}

void
usage_forget_dropped_databases(void)
{
	int			count;
	UsageEntry *entries = usage_table_list(InvalidOid, &count);

	for (int i = 0; i < count; i++)
		if (!store_database_exists(entries[i].key.database))
			usage_table_forget(&entries[i]);
}

void
usage_forget_this_database(void)
{
	int			count;
	UsageEntry *entries = list(&count);

	for (int i = 0; i < count; i++)
		usage_table_forget(&entries[i]);
}
