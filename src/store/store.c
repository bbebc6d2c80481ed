/*
 * Running SQL on our tables as their owner, and reading them past the
 * transaction's snapshot.
 */
#include "store/store.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "catalog/indexing.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "store/catalog.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* What store_close puts back. */
static struct
{
	bool		open;
	Oid			user;
	int			security_context;
	int			guc_level;
	MemoryContext caller;
}			store;

/* Something was changed and not recorded yet. */
static bool unrecorded;

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		store.open = false;
		unrecorded = false;
	}
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	store.open = false;
	unrecorded = false;
}

/* An abort restores user and settings by itself; only our flag needs telling. */
static void
watch_aborts(void)
{
	static bool watching = false;

	if (watching)
		return;
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
	watching = true;
}

void
store_require_writable(void)
{
	if (RecoveryInProgress())
		kms_ereport(ERRCODE_READ_ONLY_SQL_TRANSACTION, API_UNSUPPORTED_OPERATION,
					errmsg("keys cannot be changed on a standby"),
					errhint("Connect to the primary."));
	if (XactReadOnly)
		kms_ereport(ERRCODE_READ_ONLY_SQL_TRANSACTION, API_UNSUPPORTED_OPERATION,
					errmsg("keys cannot be changed in a read-only transaction"));
}

static void
pin_lock_timeout(void)
{
	if (LockTimeout == 0)
		(void) set_config_option("lock_timeout", "10s", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * The path names pg_temp, and last: left out, it would be searched first, and
 * the caller's temporary table would stand in for ours.
 */
static void
pin_settings(Oid schema)
{
	char	   *name = get_namespace_name(schema);
	char	   *path;

	if (name == NULL)
		elog(ERROR, "schema %u of extension kms is gone", schema);
	path = psprintf("pg_catalog, %s, pg_temp", quote_identifier(name));

	store.guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("row_security", "on", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	pin_lock_timeout();
	pfree(path);
	pfree(name);
}

/*
 * Whoever changes something holds a lock on the table of domain keys, so that these can be
 * changed while nobody writes a row under an earlier one.  Readers do not.
 */
void
store_join(void)
{
	Oid			table = store_catalog()->domain_key;
	int			guc_level;

	if (ConditionalLockRelationOid(table, RowExclusiveLock))
		return;
	guc_level = NewGUCNestLevel();
	pin_lock_timeout();
	LockRelationOid(table, RowExclusiveLock);
	AtEOXact_GUC(true, guc_level);
}

static void
open_with(LOCKMODE lock)
{
	const StoreCatalog *catalog = store_catalog();

	store_require_writable();
	watch_aborts();
	Assert(!store.open);
	store.caller = CurrentMemoryContext;
	GetUserIdAndSecContext(&store.user, &store.security_context);
	SetUserIdAndSecContext(catalog->owner,
						   store.security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	pin_settings(catalog->schema);
	LockRelationOid(catalog->domain_key, lock);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	store.open = true;
	unrecorded = true;
}

void
store_open(void)
{
	open_with(RowExclusiveLock);
}

void
store_open_alone(void)
{
	open_with(ShareRowExclusiveLock);
}

void
store_recorded(void)
{
	unrecorded = false;
}

bool
store_has_unrecorded(void)
{
	return unrecorded;
}

Oid
store_caller(void)
{
	return store.open ? store.user : GetUserId();
}

void
store_close_unrecorded(void)
{
	store_recorded();
	store_close();
}

void
store_close(void)
{
	if (unrecorded)
		elog(ERROR, "a change of kms was not recorded");
	SPI_finish();
	AtEOXact_GUC(true, store.guc_level);
	SetUserIdAndSecContext(store.user, store.security_context);
	store.open = false;
}

uint64
store_run(StoreQuery *query, Datum *values, const char *nulls)
{
	int			result;

	if (query->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(query->sql, query->nargs, query->argtypes);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "cannot prepare a statement of kms: %s", SPI_result_code_string(SPI_result));
		query->plan = plan;
	}
	result = SPI_execute_plan(query->plan, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "cannot run a statement of kms: %s", SPI_result_code_string(result));
	return SPI_processed;
}

void
err_stored(void)
{
	kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
				errmsg("a stored row of kms has a value that is not known here"),
				errhint("It was written by a newer release or changed by hand."));
	pg_unreachable();
}

Datum
store_column(HeapTuple row, int column, TupleDesc type)
{
	bool		is_null = true;
	Datum		value = column <= type->natts ? heap_getattr(row, column, type, &is_null) : (Datum) 0;

	if (is_null)
		err_stored();
	return value;
}

void
store_read_row(uint64 number, StoreRead read, void *result)
{
	MemoryContext spi = MemoryContextSwitchTo(store.caller);

	read(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, result);
	MemoryContextSwitchTo(spi);
}

void
store_insert(Oid table, int count, const Datum *values, const bool *nulls)
{
	store_require_writable();
	store_join();
	watch_aborts();
	unrecorded = true;
	store_insert_record(table, count, values, nulls);
}

/*
 * Rows that are written without SQL come into plain indexes only: what evaluates an expression,
 * a condition or an exclusion is not there.
 */
static CatalogIndexState
open_indexes(Relation relation)
{
	CatalogIndexState indexes = CatalogOpenIndexes(relation);

	for (int i = 0; i < indexes->ri_NumIndices; i++)
	{
		const IndexInfo *index = indexes->ri_IndexRelationInfo[i];

		if (index->ii_Expressions != NIL || index->ii_Predicate != NIL || index->ii_ExclusionOps != NULL)
			kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_UNSUPPORTED_OPERATION,
						errmsg("index \"%s\" on a table of kms has an expression or a condition",
							   RelationGetRelationName(indexes->ri_IndexRelationDescs[i])),
						errhint("Drop it."));
	}
	return indexes;
}

/* Without a place, a new row. */
static void
write_record(Oid table, ItemPointer place, int count, const Datum *values, const bool *nulls)
{
	Relation	relation = table_open(table, RowExclusiveLock);
	CatalogIndexState indexes = open_indexes(relation);
	bool		needs_snapshot = !ActiveSnapshotSet();
	HeapTuple	row;

	if (RelationGetNumberOfAttributes(relation) != count)
		err_stored();
	row = heap_form_tuple(RelationGetDescr(relation), unconstify(Datum *, values), unconstify(bool *, nulls));
	/* At commit there is none any more; a table whose rows may be toasted wants one. */
	if (needs_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (place == NULL)
		CatalogTupleInsertWithInfo(relation, row, indexes);
	else
		CatalogTupleUpdateWithInfo(relation, place, row, indexes);
	if (needs_snapshot)
		PopActiveSnapshot();
	heap_freetuple(row);
	CatalogCloseIndexes(indexes);
	table_close(relation, NoLock);
	CommandCounterIncrement();
	invalidation_on_abort();
}

void
store_insert_record(Oid table, int count, const Datum *values, const bool *nulls)
{
	write_record(table, NULL, count, values, nulls);
}

void
store_update_record(Oid table, ItemPointer place, int count, const Datum *values, const bool *nulls)
{
	write_record(table, place, count, values, nulls);
}

void
store_sync_at_commit(void)
{
	ForceSyncCommit();
}

bool
store_is_open(void)
{
	return store.open;
}

Snapshot
store_snapshot_take(void)
{
	return RegisterSnapshot(GetCatalogSnapshot(store_catalog()->key));
}

void
store_snapshot_release(Snapshot snapshot)
{
	UnregisterSnapshot(snapshot);
}

static void
init_key(ScanKeyData *key, const StoreScanKey *what)
{
	ScanKeyInit(key, what->column, BTEqualStrategyNumber, what->equality, what->value);
	key->sk_collation = what->collation;
}

/*
 * systable_beginscan takes a new catalog snapshot for a relation that is not a
 * catalog.  It sees this transaction's own changes.  The locks are kept until the
 * end of the transaction, like those of any query: taking them anew for each of
 * many keys is a tenth of a cache miss.
 */
bool
store_find(const StoreScan *what, StoreRead read, void *result)
{
	const StoreScanKey first = {what->column, what->equality, what->collation, what->value};
	Relation	relation = table_open(what->table, AccessShareLock);
	bool		indexed = OidIsValid(what->index);
	ScanKeyData keys[2];
	int			count = 0;
	SysScanDesc scan;
	HeapTuple	row;
	bool		done = false;

	if (indexed)
	{
		LockRelationOid(what->index, AccessShareLock);
		init_key(&keys[count++], &first);
	}
	if (what->second.column != 0)
		init_key(&keys[count++], &what->second);
	scan = systable_beginscan(relation, what->index, indexed, what->snapshot, count, keys);
	while (!done && HeapTupleIsValid(row = systable_getnext(scan)))
		done = read(row, RelationGetDescr(relation), result);
	systable_endscan(scan);
	table_close(relation, NoLock);
	return done;
}

static bool
see_row(HeapTuple row, TupleDesc type, void *result)
{
	return true;
}

bool
store_exists(const StoreScan *what)
{
	return store_find(what, see_row, NULL);
}

typedef struct Walk
{
	StoreRead	read;
	void	   *row;
	StoreSee	see;
	void	   *argument;
	MemoryContext memory;		/* of one row */
	bool		understood;		/* the only row */
} Walk;

/* False where the row cannot be understood; any other error goes on. */
static bool
read_carefully(const Walk *walk, HeapTuple tuple, TupleDesc type)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool understood = false;

	PG_TRY();
	{
		walk->read(tuple, type, walk->row);
		understood = true;
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_DATA_CORRUPTED)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	return understood;
}

static bool
read_first(HeapTuple tuple, TupleDesc type, void *argument)
{
	Walk	   *walk = argument;

	walk->understood = read_carefully(walk, tuple, type);
	return true;
}

bool
store_find_carefully(const StoreScan *what, StoreRead read, void *result, bool *understood)
{
	Walk		walk = {.read = read, .row = result};
	bool		found = store_find(what, read_first, &walk);

	*understood = walk.understood;
	return found;
}

static char *
first_column(HeapTuple tuple, TupleDesc type)
{
	char	   *value = SPI_getvalue(tuple, type, 1);

	return value != NULL ? value : pstrdup("");
}

static bool
walk_row(HeapTuple tuple, TupleDesc type, void *argument)
{
	Walk	   *walk = argument;
	MemoryContext caller = MemoryContextSwitchTo(walk->memory);
	char	   *id = first_column(tuple, type);
	bool		understood = read_carefully(walk, tuple, type);

	CHECK_FOR_INTERRUPTS();
	walk->see(understood ? walk->row : NULL, id, walk->argument);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(walk->memory);
	return false;
}

void
store_each(Oid table, StoreRead read, void *row, StoreSee see, void *argument)
{
	StoreScan	scan = {.table = table};
	Walk		walk = {.read = read, .row = row, .see = see, .argument = argument};

	walk.memory = AllocSetContextCreate(CurrentMemoryContext, "kms row", ALLOCSET_DEFAULT_SIZES);
	(void) store_find(&scan, walk_row, &walk);
	MemoryContextDelete(walk.memory);
}

/* What store_rewrite needs for a row. */
typedef struct Rewriting
{
	const StoreRewriting *what;
	Walk		walk;
	Relation	relation;
	CatalogIndexState indexes;
	Datum	   *values;
	bool	   *nulls;
	bool	   *replaces;
	int64		max;
	int64		count;
	bool		more;			/* than max */
} Rewriting;

static void
write_back(Rewriting *rewriting, HeapTuple old)
{
	TupleDesc	type = RelationGetDescr(rewriting->relation);
	ItemPointerData place = old->t_self;
	HeapTuple	new;

	memset(rewriting->nulls, 0, type->natts * sizeof(bool));
	memset(rewriting->replaces, 0, type->natts * sizeof(bool));
	rewriting->what->fill(rewriting->walk.row, rewriting->values, rewriting->replaces);
	new = heap_modify_tuple(old, type, rewriting->values, rewriting->nulls, rewriting->replaces);
	CatalogTupleUpdateWithInfo(rewriting->relation, &place, new, rewriting->indexes);
	rewriting->count++;
}

static bool
rewrite_row(HeapTuple tuple, TupleDesc type, void *argument)
{
	Rewriting  *rewriting = argument;
	const StoreRewriting *what = rewriting->what;
	MemoryContext caller = MemoryContextSwitchTo(rewriting->walk.memory);
	bool		understood = read_carefully(&rewriting->walk, tuple, type);

	CHECK_FOR_INTERRUPTS();
	if (what->rewrite(understood ? what->row : NULL, what->argument))
	{
		rewriting->more = rewriting->count >= rewriting->max;
		if (!rewriting->more)
			write_back(rewriting, tuple);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(rewriting->walk.memory);
	return rewriting->more;
}

int64
store_rewrite(const StoreRewriting *what, int64 max, bool *more)
{
	StoreScan	scan = {.table = what->table};
	Rewriting	rewriting = {.what = what, .walk = {.read = what->read, .row = what->row}, .max = max};
	int			columns;

	rewriting.walk.memory = AllocSetContextCreate(CurrentMemoryContext, "kms row", ALLOCSET_DEFAULT_SIZES);
	rewriting.relation = table_open(what->table, RowExclusiveLock);
	rewriting.indexes = open_indexes(rewriting.relation);
	columns = RelationGetNumberOfAttributes(rewriting.relation);
	rewriting.values = palloc0(columns * sizeof(Datum));
	rewriting.nulls = palloc(columns * sizeof(bool));
	rewriting.replaces = palloc(columns * sizeof(bool));
	invalidation_on_abort();
	*more = store_find(&scan, rewrite_row, &rewriting);
	CatalogCloseIndexes(rewriting.indexes);
	table_close(rewriting.relation, NoLock);
	CommandCounterIncrement();
	MemoryContextDelete(rewriting.walk.memory);
	return rewriting.count;
}

bool
store_lock_row(StoreQuery *query, const pg_uuid_t *id, const StoreScan *by_id, StoreRead read, void *result)
{
	Datum		values[] = {UUIDPGetDatum(id)};

	if (store_run(query, values, NULL) == 0)
	{
		/* An old snapshot does not see what a fresh one does. */
		if (by_id != NULL && IsolationUsesXactSnapshot() && store_find(by_id, read, result))
			err_serialization();
		return false;
	}
	store_read_row(0, read, result);
	return true;
}
