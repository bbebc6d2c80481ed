/*
 * Tables that are not ours.
 */
#include "store/user_table.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/error.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/* The class of advisory locks that SQL's functions cannot take. */
#define CLAIM_CLASS 3

static void
err_gone(void)
{
	kms_ereport(ERRCODE_UNDEFINED_TABLE, API_INVALID_PARAMETER,
				errmsg("the table does not exist any more"));
}

char *
user_table_name(Oid relation)
{
	char	   *name = get_rel_name(relation);
	char	   *schema = name == NULL ? NULL : get_namespace_name(get_rel_namespace(relation));

	if (schema == NULL)
		err_gone();
	return quote_qualified_identifier(schema, name);
}

const char *
user_column_name(const char *column)
{
	return quote_identifier(column);
}

AttrNumber
user_column_number(Oid relation, const char *column, Oid *base_type)
{
	AttrNumber	number = get_attnum(relation, column);

	if (number <= 0)
		kms_ereport(ERRCODE_UNDEFINED_COLUMN, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" does not exist", column, get_rel_name(relation)));
	*base_type = getBaseType(get_atttype(relation, number));
	return number;
}

Relation
user_table_open(Oid relation, LOCKMODE lock)
{
	Relation	table = try_relation_open(relation, lock);

	if (table == NULL)
		err_gone();
	return table;
}

void
user_table_close(Relation table)
{
	relation_close(table, NoLock);
}

List *
user_table_family(Oid relation, LOCKMODE lock)
{
	return find_all_inheritors(relation, lock, NULL);
}

List *
user_table_parts(Oid relation, LOCKMODE lock)
{
	List	   *parts = NIL;
	ListCell   *cell;

	foreach(cell, user_table_family(relation, lock))
	{
		char		kind = get_rel_relkind(lfirst_oid(cell));

		if (kind == RELKIND_RELATION)
			parts = lappend_oid(parts, lfirst_oid(cell));
	}
	return parts;
}

bool
user_table_lock_at_once(Oid relation)
{
	return ConditionalLockRelationOid(relation, AccessShareLock) && get_rel_relkind(relation) == RELKIND_RELATION;
}

bool
user_table_has_pages(Oid relation)
{
	BlockNumber pages = 0;
	ListCell   *cell;

	foreach(cell, user_table_parts(relation, AccessShareLock))
	{
		Relation	part = user_table_open(lfirst_oid(cell), NoLock);

		pages += RelationGetNumberOfBlocks(part);
		user_table_close(part);
	}
	return pages > 0;
}

void
user_table_require_all_rows(Oid relation)
{
	if (check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("row security leaves out rows of table \"%s\"", get_rel_name(relation)),
					errhint("It takes a role that row security does not apply to."));
}

/* ---- statements ---- */

static void
open_statement(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static void
require_success(int result)
{
	if (result < 0)
		elog(ERROR, "a statement failed: %s", SPI_result_code_string(result));
}

uint64
user_run_with(const char *sql, int count, const Oid *types, Datum *values, const char *nulls)
{
	uint64		rows;

	open_statement();
	require_success(SPI_execute_with_args(sql, count, unconstify(Oid *, types), values, nulls, false, 0));
	rows = SPI_processed;
	SPI_finish();
	return rows;
}

uint64
user_run(const char *sql)
{
	return user_run_with(sql, 0, NULL, NULL, NULL);
}

List *
user_strings(const char *sql, int count, const Oid *types, Datum *values)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *strings = NIL;

	open_statement();
	require_success(SPI_execute_with_args(sql, count, unconstify(Oid *, types), values, NULL, false, 0));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *string = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext spi = MemoryContextSwitchTo(caller);

		if (string != NULL)
			strings = lappend(strings, pstrdup(string));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return strings;
}

static void
forget_plan(void *argument)
{
	UserStatement *statement = argument;

	if (statement->plan != NULL)
		SPI_freeplan(statement->plan);
	statement->plan = NULL;
}

/* Between open_statement and SPI_finish. */
static void
plan(UserStatement *statement, const char *sql, int count, Oid *types)
{
	if (statement->plan != NULL && strcmp(statement->sql, sql) == 0)
		return;
	if (statement->callback.func == NULL)
	{
		statement->callback.func = forget_plan;
		statement->callback.arg = statement;
		MemoryContextRegisterResetCallback(statement->memory, &statement->callback);
	}
	forget_plan(statement);
	statement->sql = MemoryContextStrdup(statement->memory, sql);
	statement->plan = SPI_prepare(sql, count, types);
	if (statement->plan == NULL || SPI_keepplan(statement->plan) != 0)
		elog(ERROR, "cannot prepare a statement: %s", SPI_result_code_string(SPI_result));
}

uint64
user_run_again(UserStatement *statement, const char *sql, int count, Oid *types, Datum *values,
			   const char *nulls, HeapTuple *row, TupleDesc *type)
{
	MemoryContext caller = CurrentMemoryContext;
	uint64		rows;

	open_statement();
	plan(statement, sql, count, types);
	require_success(SPI_execute_plan(statement->plan, values, nulls, false, 0));
	rows = SPI_processed;
	if (row != NULL && rows > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		*row = heap_copytuple(SPI_tuptable->vals[0]);
		*type = CreateTupleDescCopy(SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return rows;
}

/* ---- batches ---- */

void
user_batches_open(void)
{
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
user_batches_commit(void)
{
	SPI_commit();
}

void
user_batches_close(void)
{
	SPI_finish();
}

/* ---- scanning ---- */

static void
begin_scan(UserScan *scan, Relation table)
{
	scan->begun = true;
	scan->end = RelationGetNumberOfBlocks(table);
	ItemPointerSet(&scan->next, 0, FirstOffsetNumber);
}

static TableScanDesc
resume_scan(const UserScan *scan, Relation table, Snapshot snapshot)
{
	ItemPointerData first = scan->next;
	ItemPointerData last;

	if (table->rd_tableam->scan_set_tidrange == NULL)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("table \"%s\" cannot be read in parts", RelationGetRelationName(table)),
					errhint("Its table access method has no scan of a range of rows."));
	ItemPointerSet(&last, scan->end - 1, MaxOffsetNumber);
	return table_beginscan_tidrange(table, snapshot, &first, &last);
}

static int
scan_on(UserScan *scan, TableScanDesc on, TupleTableSlot *slot, UserSeeValue see, void *argument,
		int max, ItemPointerData *rows)
{
	MemoryContext each = AllocSetContextCreate(CurrentMemoryContext, "kms value", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(each);
	int			count = 0;

	while (count < max && table_scan_getnextslot_tidrange(on, ForwardScanDirection, slot))
	{
		bool		is_null;
		Datum		value = slot_getattr(slot, scan->column, &is_null);

		CHECK_FOR_INTERRUPTS();
		scan->next = slot->tts_tid;
		if (!is_null && see(value, argument))
			rows[count++] = slot->tts_tid;
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(each);
	ItemPointerInc(&scan->next);
	scan->ended = count < max;
	return count;
}

int
user_scan(UserScan *scan, UserSeeValue see, void *argument, int max, ItemPointerData *rows)
{
	Relation	table = user_table_open(scan->table, AccessShareLock);
	int			count = 0;

	if (!scan->begun)
		begin_scan(scan, table);
	if (scan->end == 0)
		scan->ended = true;
	if (!scan->ended)
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
		TupleTableSlot *slot = table_slot_create(table, NULL);
		TableScanDesc on = resume_scan(scan, table, snapshot);

		count = scan_on(scan, on, slot, see, argument, max, rows);
		table_endscan(on);
		ExecDropSingleTupleTableSlot(slot);
		UnregisterSnapshot(snapshot);
	}
	user_table_close(table);
	return count;
}

uint64
user_touch(Oid table, const char *column, const ItemPointerData *rows, int count)
{
	static const Oid types[] = {TIDARRAYOID};
	const char *name = user_column_name(column);
	Datum	   *tids = palloc(count * sizeof(Datum));
	Datum		value;

	for (int i = 0; i < count; i++)
		tids[i] = PointerGetDatum(&rows[i]);
	value = PointerGetDatum(construct_array(tids, count, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT));
	return user_run_with(psprintf("UPDATE ONLY %s SET %s = %s WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)",
								  user_table_name(table), name, name),
						 1, types, &value, NULL);
}

/* ---- claims ---- */

static LOCKTAG
claim_of(Oid relation, AttrNumber column)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, relation, (uint32) column, CLAIM_CLASS);
	return tag;
}

bool
user_column_claim(Oid relation, AttrNumber column)
{
	LOCKTAG		tag = claim_of(relation, column);

	return LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_OK;
}

void
user_column_release(Oid relation, AttrNumber column)
{
	LOCKTAG		tag = claim_of(relation, column);

	LockRelease(&tag, ExclusiveLock, true);
}
