/*
 * Tables that are not ours.
 */
#include "store/user_table.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/error.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* The class of advisory locks that SQL's functions cannot take. */
#define CLAIM_CLASS 3

static void
err_gone(void)
{
	kms_ereport(ERRCODE_UNDEFINED_TABLE, API_INVALID_PARAMETER,
				errmsg("the table does not exist any more"));
}

char *
user_table_try_name(Oid relation)
{
	char	   *name = get_rel_name(relation);
	char	   *schema = name == NULL ? NULL : get_namespace_name(get_rel_namespace(relation));

	return schema == NULL ? NULL : quote_qualified_identifier(schema, name);
}

char *
user_table_name(Oid relation)
{
	char	   *name = user_table_try_name(relation);

	if (name == NULL)
		err_gone();
	return name;
}

const char *
user_column_name(const char *column)
{
	return quote_identifier(column);
}

void
user_table_require(Oid relation)
{
	if (get_rel_relkind(relation) == '\0')
		err_gone();
}

Oid
user_table_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

bool
user_table_is_table(Oid relation)
{
	char		kind = get_rel_relkind(relation);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
}

AttrNumber
user_column_find(Oid relation, const char *column, bool *is_text)
{
	AttrNumber	number = get_attnum(relation, column);
	Oid			type = number > 0 ? getBaseType(get_atttype(relation, number)) : InvalidOid;

	*is_text = type == TEXTOID || type == VARCHAROID;
	return *is_text || type == BYTEAOID ? number : 0;
}

AttrNumber
user_column_number(Oid relation, const char *column)
{
	AttrNumber	number = get_attnum(relation, column);

	if (number == InvalidAttrNumber)
		kms_ereport(ERRCODE_UNDEFINED_COLUMN, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" does not exist", column, get_rel_name(relation)));
	return number;
}

AttrNumber
user_column_require(Oid relation, const char *column, bool *is_text)
{
	AttrNumber	any = user_column_number(relation, column);
	AttrNumber	number = user_column_find(relation, column, is_text);

	if (number == 0)
		kms_ereport(ERRCODE_DATATYPE_MISMATCH, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of type %s holds no ciphertext", column,
						   format_type_be(get_atttype(relation, any))));
	return number;
}

Relation
user_table_open(Oid relation, LOCKMODE lock)
{
	Relation	table = user_table_try_open(relation, lock);

	if (table == NULL)
		err_gone();
	return table;
}

Relation
user_table_try_open(Oid relation, LOCKMODE lock)
{
	return try_relation_open(relation, lock);
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

void
user_table_lock(Oid relation, LOCKMODE lock)
{
	LockRelationOid(relation, lock);
}

bool
user_table_lock_at_once(Oid relation)
{
	return ConditionalLockRelationOid(relation, AccessShareLock) && get_rel_relkind(relation) != '\0';
}

bool
user_table_is_reachable(Oid relation)
{
	Oid			schema = get_rel_namespace(relation);

	return OidIsValid(schema) && !isOtherTempNamespace(schema);
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
	if (statement->sql != NULL)
		pfree(statement->sql);
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
	if (row != NULL && SPI_tuptable != NULL && SPI_tuptable->numvals > 0)
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

/* ---- passes ---- */

static void
begin_pass(UserPass *pass, Relation table)
{
	if (table->rd_tableam->scan_set_tidrange == NULL)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("table \"%s\" cannot be read in parts", RelationGetRelationName(table)),
					errhint("Its table access method has no scan of a range of rows."));
	pass->begun = true;
	pass->file = FILE_NUMBER(table);
	pass->end = RelationGetNumberOfBlocks(table);
	pass->ended = pass->end == 0;
	ItemPointerSet(&pass->next, 0, FirstOffsetNumber);
}

static TableScanDesc
resume_pass(const UserPass *pass, Relation table)
{
	ItemPointerData first = pass->next;
	ItemPointerData last;

	ItemPointerSet(&last, pass->end - 1, MaxOffsetNumber);
	return table_beginscan_tidrange(table, GetActiveSnapshot(), &first, &last);
}

/* What a pass needs to replace rows. */
typedef struct Writer
{
	EState	   *estate;
	ResultRelInfo *target;
	TupleTableSlot *slot;
	CommandId	command;
} Writer;

static Writer
open_writer(Relation table)
{
	Writer		writer = {.estate = CreateExecutorState(), .target = makeNode(ResultRelInfo)};

	CheckCmdReplicaIdentity(table, CMD_UPDATE);
	InitResultRelInfo(writer.target, table, 0, NULL, 0);
	ExecOpenIndices(writer.target, false);
	writer.slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsHeapTuple);
	writer.command = GetCurrentCommandId(true);
	return writer;
}

static void
close_writer(Writer *writer)
{
	ExecDropSingleTupleTableSlot(writer->slot);
	ExecCloseIndices(writer->target);
	FreeExecutorState(writer->estate);
	CommandCounterIncrement();
}

/* False if somebody else changed the row first. */
static bool
replace_row(Writer *writer, ItemPointer place, HeapTuple row)
{
	Relation	table = writer->target->ri_RelationDesc;
	UPDATED_INDEXES indexes;
	TM_FailureData failure;
	LockTupleMode lock;

	ExecForceStoreHeapTuple(row, writer->slot, false);
	writer->slot->tts_tableOid = RelationGetRelid(table);
	if (RelationGetDescr(table)->constr != NULL)
	{
		if (RelationGetDescr(table)->constr->has_generated_stored)
			ExecComputeStoredGenerated(writer->target, writer->estate, writer->slot, CMD_UPDATE);
		ExecConstraints(writer->target, writer->slot, writer->estate);
	}
	switch (table_tuple_update(table, place, writer->slot, writer->command, GetActiveSnapshot(), InvalidSnapshot,
							   true, &failure, &lock, &indexes))
	{
		case TM_Ok:
			break;
		case TM_Updated:
		case TM_Deleted:
			return false;
		default:
			elog(ERROR, "a row of table \"%s\" cannot be rewritten", RelationGetRelationName(table));
	}
	if (writer->target->ri_NumIndices > 0 && UPDATES_INDEXES(indexes))
		(void) INSERT_UPDATED_INDEXES(writer->target, writer->slot, writer->estate, indexes);
	return true;
}

Snapshot
user_snapshot_take(void)
{
	return RegisterSnapshot(GetLatestSnapshot());
}

void
user_snapshot_release(Snapshot snapshot)
{
	UnregisterSnapshot(snapshot);
}

bool
user_scan(Relation table, AttrNumber column, Snapshot given, UserSeeValue see, void *argument)
{
	Snapshot	snapshot = RegisterSnapshot(given != NULL ? given : GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(table, NULL);
	TableScanDesc scan = table_beginscan(table, snapshot, 0, NULL);
	MemoryContext each = AllocSetContextCreate(CurrentMemoryContext, "kms value", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(each);
	bool		enough = false;

	while (!enough && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		is_null;
		Datum		value = slot_getattr(slot, column, &is_null);

		CHECK_FOR_INTERRUPTS();
		enough = !is_null && see(value, argument);
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(each);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return !enough;
}

/* What a row takes is freed with the writer's per-tuple memory. */
static int
rewrite_on(TableScanDesc scan, Writer *writer, AttrNumber column, UserPass *pass, UserSeeValue see,
		   UserRewriteRow rewrite, void *argument, int max)
{
	TupleTableSlot *slot = table_slot_create(writer->target->ri_RelationDesc, NULL);
	MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->estate));
	int			count = 0;

	while (count < max && table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		bool		is_null;
		Datum		value = slot_getattr(slot, column, &is_null);
		HeapTuple	row = NULL;

		CHECK_FOR_INTERRUPTS();
		pass->next = slot->tts_tid;
		if (!is_null && see(value, argument))
			row = rewrite(ExecFetchSlotHeapTuple(slot, false, NULL), argument);
		if (row != NULL)
		{
			if (replace_row(writer, &slot->tts_tid, row))
				count++;
			else
				pass->missed++;
			ExecClearTuple(writer->slot);
		}
		ResetPerTupleExprContext(writer->estate);
	}
	MemoryContextSwitchTo(caller);
	ExecDropSingleTupleTableSlot(slot);
	return count;
}

int
user_rewrite(Relation table, AttrNumber column, UserPass *pass, UserSeeValue see, UserRewriteRow rewrite,
			 void *argument, int max)
{
	TableScanDesc scan;
	Writer		writer;
	int			count;

	/* Before the blocks are counted: no row that is seen is in one that came later. */
	PushActiveSnapshot(pass->snapshot != NULL ? pass->snapshot : GetLatestSnapshot());
	if (!pass->begun || pass->file != FILE_NUMBER(table))
		begin_pass(pass, table);
	if (pass->ended)
	{
		PopActiveSnapshot();
		return 0;
	}
	writer = open_writer(table);
	scan = resume_pass(pass, table);
	count = rewrite_on(scan, &writer, column, pass, see, rewrite, argument, max);
	table_endscan(scan);
	close_writer(&writer);
	PopActiveSnapshot();
	ItemPointerInc(&pass->next);
	pass->ended = count < max;
	return count;
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
