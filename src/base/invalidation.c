/*
 * Invalidation messages, one key at a time.
 *
 * Whole-table messages would empty everybody's cache at each change: measured
 * at 10,000 hot keys and 100 changes a second, that costs 16 to 20 times.
 */
#include "base/invalidation.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "utils/syscache.h"

#define NUMBER_BIT		UINT32_C(0x80000000)
#define MAX_WATCHED		16

/* More messages than this in one transaction are replaced by one for all. */
#define MAX_MESSAGES	256

uint64		invalidation_count;
uint64		invalidation_all_count;
uint64		invalidation_tables_count;
uint64		invalidation_roles_count;

static InvalidationCallback listener;
static Oid	watched[MAX_WATCHED];
static int	watched_count;

/* What the current transaction has sent so far. */
static struct
{
	TransactionId transaction;
	int			messages;
	bool		all_sent;		/* at the top level, where no savepoint undoes it */
}			sent;

/* Whether the current transaction has made or changed something. */
static bool changed_something;

static void
tell(uint32 number)
{
	invalidation_count++;
	if (number == INVALIDATE_ALL)
		invalidation_all_count++;
	if (listener != NULL)
		listener(number);
}

static void
relation_invalidated(Datum arg, Oid relation)
{
	if (relation == InvalidOid)
	{
		invalidation_tables_count++;
		tell(INVALIDATE_ALL);
	}
	else if (relation & NUMBER_BIT)
		tell(relation);
	else
		for (int i = 0; i < watched_count; i++)
			if (watched[i] == relation)
			{
				invalidation_tables_count++;
				tell(INVALIDATE_ALL);
				break;
			}
}

/* A role was made, renamed, dropped: what is cached of owners may be wrong. */
static void
role_invalidated(Datum arg, int cache_id, uint32 hash)
{
	invalidation_roles_count++;
	tell(INVALIDATE_ALL);
}

static void
membership_invalidated(Datum arg, int cache_id, uint32 hash)
{
	invalidation_roles_count++;
}

/* A prepared transaction is, for this session, gone as well. */
static void
transaction_ended(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_ABORT && event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE)
		return;
	if (changed_something && event != XACT_EVENT_COMMIT)
		tell(INVALIDATE_ALL);
	changed_something = false;
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (changed_something && event == SUBXACT_EVENT_ABORT_SUB)
		tell(INVALIDATE_ALL);
}

void
invalidation_start(void)
{
	static bool started = false;

	if (started)
		return;
	CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, role_invalidated, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, membership_invalidated, (Datum) 0);
	/* The owner of the database is a member of pg_database_owner. */
	CacheRegisterSyscacheCallback(DATABASEOID, membership_invalidated, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
	started = true;
}

void
invalidation_listen(InvalidationCallback callback)
{
	invalidation_start();
	listener = callback;
}

void
invalidation_on_abort(void)
{
	invalidation_start();
	changed_something = true;
}

void
invalidation_watch(Oid relation)
{
	Assert(watched_count < MAX_WATCHED);
	if (watched_count < MAX_WATCHED)
		watched[watched_count++] = relation;
}

void
invalidation_unwatch(void)
{
	watched_count = 0;
}

uint32
invalidation_number(const pg_uuid_t *key_id)
{
	return hash_bytes(key_id->data, UUID_LEN) | NUMBER_BIT;
}

/*
 * CacheInvalidateRelcacheByTuple reads nothing of the tuple but the oid and
 * whether the relation is shared.
 */
static void
send_number(uint32 number)
{
	union
	{
		HeapTupleHeaderData header;
		char		space[MAXALIGN(SizeofHeapTupleHeader) + CLASS_TUPLE_SIZE];
	}			buffer;
	HeapTupleData tuple;

	memset(&buffer, 0, sizeof(buffer));
	memset(&tuple, 0, sizeof(tuple));
	buffer.header.t_hoff = MAXALIGN(SizeofHeapTupleHeader);
	tuple.t_len = sizeof(buffer);
	tuple.t_data = &buffer.header;
	((Form_pg_class) GETSTRUCT(&tuple))->oid = number;
	((Form_pg_class) GETSTRUCT(&tuple))->relisshared = false;
	CacheInvalidateRelcacheByTuple(&tuple);
}

/* Start counting anew when the transaction is another one than last time. */
static void
notice_transaction(void)
{
	TransactionId transaction = GetTopTransactionId();

	if (sent.transaction == transaction)
		return;
	sent.transaction = transaction;
	sent.messages = 0;
	sent.all_sent = false;
}

void
invalidation_send(const pg_uuid_t *key_id)
{
	uint32		number = invalidation_number(key_id);

	invalidation_on_abort();
	notice_transaction();
	if (!sent.all_sent)
	{
		if (++sent.messages <= MAX_MESSAGES || watched_count == 0)
			send_number(number);
		else
			invalidation_send_all(watched[0]);
	}

	/* This session at once, even where no message of its own goes out any more. */
	tell(number);
}

void
invalidation_send_all(Oid relation)
{
	invalidation_on_abort();
	notice_transaction();
	if (!sent.all_sent)
		CacheInvalidateRelcacheByRelid(relation);
	if (GetCurrentTransactionNestLevel() == 1)
		sent.all_sent = true;
	tell(INVALIDATE_ALL);
}
