/*
 * Rewriting the rows of a protected column.
 *
 * A pass over the blocks that the table has now finds the rows and rewrites them.  Meanwhile
 * others may move a row to where the pass has been, or change it at the same moment: there
 * are passes until one finds nothing to do.  As long as a pass finds nothing it sees all
 * partitions as they were at its beginning, or a row could move past it.
 */
#include "service/column_batch.h"

#include "base/error.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "service/cipher.h"
#include "service/column.h"
#include "service/protected_column.h"
#include "store/column_job.h"
#include "store/user_rows.h"
#include "store/user_statement.h"
#include "store/user_table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define NOTICE_EVERY_MS		1000

/* Passes that do nothing, for the sake of rows that others write just when it is their turn. */
#define VAIN_PASSES_MAX		5

typedef struct Batches
{
	KmsRewriteWork work;
	KmsProtectedColumn column;
	int			size;
	MemoryContext memory;		/* of one batch */
	KmsColumnRewrite rewrite;
	KmsColumnJob job;
	Snapshot	snapshot;		/* of this pass, as long as it has found nothing */
	int64		missed;			/* rows of this pass that somebody else changed at the same moment */
	TimestampTz noticed_at;
} Batches;

static const char *const kinds[] = {"ColumnEncryption", "ColumnReEncryption"};
static const char *const participles[] = {"encrypted", "re-encrypted"};

static void
err_not_firing(const KmsProtectedColumn *column)
{
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
				errmsg("trigger \"%s\" of table \"%s\" does not fire", column->trigger, get_rel_name(column->relation)),
				errhint("What others write meanwhile would stay plaintext. It is disabled, or was dropped."));
}

/* Each batch sees the trigger, the key's newest version and the caller's rights as they are by then. */
static void
set_rewrite(Batches *batches, Relation part)
{
	KmsColumnRewrite *rewrite = &batches->rewrite;
	const KmsProtectedColumn *column = protected_column_find(RelationGetRelid(part), batches->column.column);

	if (column == NULL || !column->enabled)
		err_not_firing(&batches->column);
	rewrite->plan = protected_column_plan(part, column->trigger);
	rewrite->column = column_plan_find(rewrite->plan, column->column);
	column_rewrite_begin(rewrite);
}

static bool
wants(Datum value, void *argument)
{
	return column_rewrite_wants(&((Batches *) argument)->rewrite, value);
}

static HeapTuple
rewritten(HeapTuple row, void *argument)
{
	return column_rewrite_row(&((Batches *) argument)->rewrite, row);
}

/* ---- progress ----------------------------------------------------------------- */

static void
tell(Batches *batches)
{
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = (now - batches->job.started_at) / 1000000.0;

	if (now - batches->noticed_at < NOTICE_EVERY_MS * INT64CONST(1000))
		return;
	batches->noticed_at = now;
	ereport(NOTICE,
			(errmsg("%lld of %lld rows %s, %.0f rows per second", (long long) batches->job.done,
					(long long) batches->job.total, participles[batches->work],
					seconds > 0 ? batches->job.done / seconds : 0.0)));
}

static void
tell_end(const Batches *batches)
{
	ereport(NOTICE,
			(errmsg("%lld rows of column %s of table %s %s", (long long) batches->job.done,
					quote_identifier(batches->column.column), user_table_name(batches->column.relation),
					participles[batches->work]),
			 batches->work == REWRITE_ENCRYPT && batches->job.done > 0 ?
			 errhint("What they were is in the table's files until VACUUM FULL, and in the log and backups of before.") : 0));
	if (batches->rewrite.refused > 0)
		ereport(WARNING,
				(errmsg("%lld rows cannot be decrypted and stay as they are", (long long) batches->rewrite.refused),
				 errhint("They are damaged, or of another row or table: kms_try_decrypt finds them.")));
	if (batches->missed > 0)
		ereport(WARNING,
				(errmsg("%lld rows are written by others all the time and stay as they are", (long long) batches->missed),
				 errhint("Call it again.")));
}

/* ---- work --------------------------------------------------------------------- */

static void
begin_snapshot(Batches *batches, const List *parts)
{
	ListCell   *cell;

	foreach(cell, parts)
		user_table_lock(lfirst_oid(cell), RowExclusiveLock);
	batches->snapshot = user_snapshot_take();
}

static void
end_snapshot(Batches *batches)
{
	if (batches->snapshot != NULL)
		user_snapshot_release(batches->snapshot);
	batches->snapshot = NULL;
}

static void
commit_batch(Batches *batches)
{
	end_snapshot(batches);
	store_column_job_note(&batches->job, false);
	user_batches_commit();
}

/* A part that was dropped meanwhile has nothing to do. */
static void
rewrite_batch(Batches *batches, Oid oid, UserPass *pass)
{
	Relation	part = user_table_try_open(oid, RowExclusiveLock);
	int64		missed = pass->missed;
	int			count;

	if (part == NULL)
	{
		pass->ended = true;
		return;
	}
	set_rewrite(batches, part);
	pass->snapshot = batches->snapshot;
	count = user_rewrite(part, batches->rewrite.column->number, pass, wants, rewritten, batches, batches->size);
	user_table_close(part);
	batches->job.done += count;
	if (count > 0 || pass->missed > missed)
		commit_batch(batches);
}

static void
rewrite_part(Batches *batches, Oid part)
{
	UserPass	pass = {0};

	while (!pass.ended)
	{
		MemoryContext caller = MemoryContextSwitchTo(batches->memory);

		CHECK_FOR_INTERRUPTS();
		rewrite_batch(batches, part, &pass);
		tell(batches);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(batches->memory);
	}
	batches->missed += pass.missed;
}

static void
rewrite_all(Batches *batches, const List *parts)
{
	ListCell   *cell;

	/* Where none was of another search key, there is none. */
	batches->rewrite.checks_index = batches->job.done == 0 || batches->rewrite.indexed > 0;
	batches->rewrite.indexed = 0;
	batches->missed = 0;
	batches->rewrite.refused = 0;
	begin_snapshot(batches, parts);
	foreach(cell, parts)
		rewrite_part(batches, lfirst_oid(cell));
	end_snapshot(batches);
}

static void
rewrite_until_done(Batches *batches, const List *parts)
{
	int			vain_passes = 0;
	int64		before;

	do
	{
		before = batches->job.done;
		rewrite_all(batches, parts);
	} while (batches->job.done > before || (batches->missed > 0 && ++vain_passes < VAIN_PASSES_MAX));
}

static bool
count_wanted(Datum value, void *argument)
{
	Batches    *batches = argument;

	batches->job.total += column_rewrite_wants(&batches->rewrite, value);
	return false;
}

static void
count_part(Batches *batches, Oid oid)
{
	MemoryContext caller = MemoryContextSwitchTo(batches->memory);
	Relation	part = user_table_open(oid, AccessShareLock);

	set_rewrite(batches, part);
	(void) user_scan(part, batches->rewrite.column->number, NULL, count_wanted, batches);
	user_table_close(part);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(batches->memory);
}

static void
rewrite_parts(Batches *batches, const List *parts)
{
	ListCell   *cell;

	batches->rewrite.checks_index = true;
	foreach(cell, parts)
		count_part(batches, lfirst_oid(cell));
	store_column_job_begin(&batches->job);
	user_batches_commit();
	rewrite_until_done(batches, parts);
	store_column_job_note(&batches->job, true);
	user_batches_commit();
	/* Its statistics are of plaintext. */
	if (batches->work == REWRITE_ENCRYPT && batches->job.done > 0)
		user_run(psprintf("ANALYZE %s", user_table_name(batches->column.relation)));
}

static void
require_claim(const Batches *batches)
{
	if (!user_column_claim(batches->job.relation, batches->job.column))
		kms_ereport(ERRCODE_OBJECT_IN_USE, API_RESOURCE_IN_USE,
					errmsg("another session is at work on column \"%s\" of table \"%s\"", batches->column.column,
						   get_rel_name(batches->column.relation)),
					errhint("kms.jobs shows how far it is."));
}

static Batches *
prepare(Oid caller, Oid relation, const char *column, int batch_size, KmsRewriteWork work)
{
	Batches    *batches = palloc0(sizeof(Batches));

	batches->work = work;
	batches->size = batch_size;
	batches->memory = AllocSetContextCreate(CurrentMemoryContext, "kms batch", ALLOCSET_DEFAULT_SIZES);
	batches->rewrite.caller = caller;
	batches->rewrite.work = work;
	batches->column = *protected_column_require(relation, column);
	batches->job = (KmsColumnJob) {.relation = relation, .column = batches->column.number, .kind = kinds[work],
	.started_at = GetCurrentTimestamp()};
	batches->noticed_at = batches->job.started_at;
	return batches;
}

static List *
parts_of(Oid relation, const char *column)
{
	List	   *parts = user_table_parts(relation, AccessShareLock);
	ListCell   *cell;

	foreach(cell, parts)
	{
		Oid			part = lfirst_oid(cell);
		const KmsProtectedColumn *protected = protected_column_find(part, column);

		user_table_require_all_rows(part);
		if (protected == NULL)
			kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
						errmsg("column \"%s\" of table \"%s\" is not protected", column, get_rel_name(part)),
						errhint("It is an heir that was made later: give it a trigger with the arguments of its parent's."));
		protected_column_require_unreferenced(part, protected);
	}
	return parts;
}

void
column_batch_run(Oid caller, Oid relation, const char *column, int batch_size, KmsRewriteWork work)
{
	Batches    *batches;
	List	   *parts;

	if (batch_size < BATCH_SIZE_MIN || batch_size > BATCH_SIZE_MAX)
		err_invalid("batch_size", "it must be 1 to 100000");
	protected_column_require_own(caller, relation);
	user_table_close(user_table_open(relation, AccessShareLock));
	protected_column_require_own(caller, relation);
	batches = prepare(caller, relation, column, batch_size, work);
	protected_column_require_unreferenced(relation, &batches->column);
	parts = parts_of(relation, column);
	require_claim(batches);
	PG_TRY();
	{
		user_batches_open();
		rewrite_parts(batches, parts);
		user_batches_close();
	}
	PG_FINALLY();
	{
		user_column_release(batches->job.relation, batches->job.column);
	}
	PG_END_TRY();
	tell_end(batches);
}
