/*
 * Rows of tables that are not ours.
 */
#include "store/user_rows.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/error.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

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

/*
 * What an UPDATE checks.  The row may have plaintext where there was ciphertext, or have it
 * still: it is in no error, which goes to the server's log.
 */
static void
check_row(Writer *writer)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		if (RelationGetDescr(writer->target->ri_RelationDesc)->constr != NULL)
			ExecConstraints(writer->target, writer->slot, writer->estate);
		if (writer->target->ri_RelationDesc->rd_rel->relispartition)
			ExecPartitionCheck(writer->target, writer->slot, writer->estate, true);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		error->detail = NULL;
		error->detail_log = NULL;
		ReThrowError(error);
	}
	PG_END_TRY();
}

/* A deferrable constraint would look at the row again later, by a trigger. */
static void
require_checked(const List *deferred)
{
	if (deferred != NIL)
		kms_ereport(ERRCODE_UNIQUE_VIOLATION, API_INVALID_PARAMETER,
					errmsg("a rewritten row may violate deferrable constraint \"%s\"", get_rel_name(linitial_oid(deferred))),
					errhint("Make the constraint NOT DEFERRABLE."));
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
	if (RelationGetDescr(table)->constr != NULL && RelationGetDescr(table)->constr->has_generated_stored)
		ExecComputeStoredGenerated(writer->target, writer->estate, writer->slot, CMD_UPDATE);
	check_row(writer);
	switch (table_tuple_update(table, place, writer->slot, writer->command, GetActiveSnapshot(), InvalidSnapshot,
							   true, &failure, &lock, &indexes))
	{
		case TM_Ok:
			break;
		case TM_Updated:
		case TM_Deleted:
			return false;
		default:
			kms_ereport(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION, API_UNSUPPORTED_OPERATION,
						errmsg("a row of table \"%s\" was changed by a constraint of its own while it was rewritten",
							   RelationGetRelationName(table)),
						errhint("Let no CHECK constraint change rows."));
	}
	if (writer->target->ri_NumIndices > 0 && UPDATES_INDEXES(indexes))
		require_checked(INSERT_UPDATED_INDEXES(writer->target, writer->slot, writer->estate, indexes));
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
