/*
 * Rewriting the rows of a protected column.
 *
 * A pass over the blocks that the table has now finds the rows; an UPDATE of each batch
 * hands them to the trigger, which rewrites them (service/column.h).  What is written
 * meanwhile goes through the trigger anyway, so that one pass is enough.
 */
#include "service/column_batch.h"

#include "base/error.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "service/cipher.h"
#include "service/column.h"
#include "service/protected_column.h"
#include "store/column_job.h"
#include "store/user_table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define NOTICE_EVERY_MS		1000

typedef struct Batches
{
	Oid			caller;
	KmsColumnWork work;
	KmsProtectedColumn column;
	int			size;
	ItemPointerData *rows;
	KmsColumnRun run;
	KmsCallSite site;
	KmsColumnJob job;
	TimestampTz noticed_at;
} Batches;

static const char *const kinds[] = {"ColumnEncryption", "ColumnReEncryption"};
static const char *const participles[] = {"encrypted", "re-encrypted"};

static void
err_not_firing(const KmsProtectedColumn *column)
{
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
				errmsg("trigger \"%s\" of table \"%s\" does not fire", column->trigger, get_rel_name(column->relation)),
				errhint("It is disabled, was dropped meanwhile, or session_replication_role is replica."));
}

static kc_view
key_of(const Batches *batches)
{
	return kc_view_of(batches->column.key, strlen(batches->column.key));
}

/* What is to be done with a part now: its column's place, and the version that the key has got meanwhile. */
static void
set_run(Batches *batches, Oid part)
{
	KmsColumnRun *run = &batches->run;
	Oid			type;

	run->relation = part;
	run->column = user_column_number(part, batches->column.column, &type);
	run->is_text = type != BYTEAOID;
	run->is_sealed = batches->work == WORK_RE_ENCRYPT;
	run->has_index = batches->column.index != NULL;
	run->newest = cipher_newest_version(&batches->site, key_of(batches));
}

static bool
wants(Datum value, void *argument)
{
	Batches    *batches = argument;

	return column_run_wants(&batches->run, &batches->site, value);
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
			(errmsg("%lld rows of column %s of table %s %s", (long long) batches->run.done,
					quote_identifier(batches->column.column), user_table_name(batches->column.relation),
					participles[batches->work]),
			 batches->work == WORK_ENCRYPT && batches->run.done > 0 ?
			 errhint("What they were is in the table's files until VACUUM FULL, and in the log and backups of before.") : 0));
	if (batches->run.refused > 0)
		ereport(WARNING,
				(errmsg("%lld rows cannot be decrypted and stay as they are", (long long) batches->run.refused),
				 errhint("They are damaged, or of another row or table: kms_try_decrypt finds them.")));
}

/* ---- work --------------------------------------------------------------------- */

static void
rewrite(Batches *batches, Oid part, int count)
{
	KmsColumnRun *run = &batches->run;
	int64		before = run->done;
	uint64		touched;

	column_run_begin(run);
	touched = user_touch(part, batches->column.column, batches->rows, count);
	column_run_end();
	if (touched > (uint64) (run->done - before))
		err_not_firing(&batches->column);
	batches->job.done = run->done;
}

static void
end_batch(Batches *batches)
{
	store_column_job_note(&batches->job, false);
	user_batches_commit();
	tell(batches);
}

static void
rewrite_part(Batches *batches, Oid part)
{
	UserScan	scan = {.table = part};

	while (!scan.ended)
	{
		int			count;

		CHECK_FOR_INTERRUPTS();
		set_run(batches, part);
		scan.column = batches->run.column;
		count = user_scan(&scan, wants, batches, batches->size, batches->rows);
		if (count > 0)
			rewrite(batches, part, count);
		end_batch(batches);
	}
}

static bool
count_wanted(Datum value, void *argument)
{
	Batches    *batches = argument;

	batches->job.total += column_run_wants(&batches->run, &batches->site, value);
	return false;
}

static void
count_part(Batches *batches, Oid part)
{
	UserScan	scan = {.table = part};

	set_run(batches, part);
	scan.column = batches->run.column;
	(void) user_scan(&scan, count_wanted, batches, 1, batches->rows);
}

static void
rewrite_parts(Batches *batches, const List *parts)
{
	ListCell   *cell;

	foreach(cell, parts)
		count_part(batches, lfirst_oid(cell));
	store_column_job_begin(&batches->job);
	user_batches_commit();
	foreach(cell, parts)
		rewrite_part(batches, lfirst_oid(cell));
	store_column_job_note(&batches->job, true);
	/* Its statistics are of plaintext. */
	if (batches->work == WORK_ENCRYPT && batches->run.done > 0)
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
prepare(Oid caller, Oid relation, const char *column, int batch_size, KmsColumnWork work)
{
	Batches    *batches = palloc0(sizeof(Batches));

	batches->caller = caller;
	batches->work = work;
	batches->size = batch_size;
	batches->rows = palloc(batch_size * sizeof(ItemPointerData));
	batches->column = *protected_column_require(relation, column);
	if (!batches->column.enabled)
		err_not_firing(&batches->column);
	batches->job = (KmsColumnJob) {.relation = relation, .column = batches->column.number, .kind = kinds[work],
	.started_at = GetCurrentTimestamp()};
	batches->noticed_at = batches->job.started_at;
	return batches;
}

static List *
parts_of(Oid relation)
{
	List	   *parts = user_table_parts(relation, AccessShareLock);
	ListCell   *cell;

	foreach(cell, parts)
		user_table_require_all_rows(lfirst_oid(cell));
	return parts;
}

void
column_batch_run(Oid caller, Oid relation, const char *column, int batch_size, KmsColumnWork work)
{
	Batches    *batches;
	List	   *parts;

	if (batch_size < BATCH_SIZE_MIN || batch_size > BATCH_SIZE_MAX)
		err_invalid("batch_size", "it must be 1 to 100000");
	user_table_close(user_table_open(relation, AccessShareLock));
	protected_column_require_owner(caller, relation);
	batches = prepare(caller, relation, column, batch_size, work);
	parts = parts_of(relation);
	require_claim(batches);
	PG_TRY();
	{
		user_batches_open();
		rewrite_parts(batches, parts);
		user_batches_close();
	}
	PG_FINALLY();
	{
		column_run_end();
		user_column_release(batches->job.relation, batches->job.column);
	}
	PG_END_TRY();
	tell_end(batches);
}
