/*
 * Which key versions the rows of a column are encrypted with: it stands in each.
 */
#include "service/column_scan.h"

#include "base/error.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "service/cipher.h"
#include "service/protected_column.h"
#include "service/reference.h"
#include "service/sealed_value.h"
#include "store/user_rows.h"
#include "store/user_table.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* A warning is not worth more: who wants to know it all calls kms_scan_column. */
#define WARNING_MAX_MS		10000
#define CLOCK_EVERY			1000

typedef struct Counting
{
	bool		is_text;
	MemoryContext memory;
	List	   *counts;
	KmsVersionCount *last;
	TimestampTz deadline;		/* DT_NOEND: none */
	Snapshot	snapshot;		/* NULL: each table as it is by then */
	int64		rows;
} Counting;

static bool
is_count_of(const KmsVersionCount *count, bool is_sealed, const pg_uuid_t *version_id)
{
	return count->is_sealed == is_sealed && memcmp(count->version_id.data, version_id->data, UUID_LEN) == 0;
}

static KmsVersionCount *
new_count(Counting *counting, bool is_sealed, const pg_uuid_t *version_id)
{
	MemoryContext caller = MemoryContextSwitchTo(counting->memory);
	KmsVersionCount *count = palloc0(sizeof(KmsVersionCount));

	count->is_sealed = is_sealed;
	count->version_id = *version_id;
	counting->counts = lappend(counting->counts, count);
	MemoryContextSwitchTo(caller);
	return count;
}

/* Neighbours mostly have the same; and there are not many in all. */
static KmsVersionCount *
count_of(Counting *counting, bool is_sealed, const pg_uuid_t *version_id)
{
	ListCell   *cell;

	if (counting->last != NULL && is_count_of(counting->last, is_sealed, version_id))
		return counting->last;
	foreach(cell, counting->counts)
		if (is_count_of(lfirst(cell), is_sealed, version_id))
			return lfirst(cell);
	return new_count(counting, is_sealed, version_id);
}

static bool
count_value(Datum value, void *argument)
{
	Counting   *counting = argument;
	pg_uuid_t	version_id = {0};
	size_t		len;
	kc_view		start = sealed_value_start(counting->is_text, value, &len);
	bool		is_sealed = cipher_begins(start, len);

	if (is_sealed)
		memcpy(version_id.data, start.data + CIPHER_VERSION_AT, UUID_LEN);
	counting->last = count_of(counting, is_sealed, &version_id);
	counting->last->rows++;
	return ++counting->rows % CLOCK_EVERY == 0 && counting->deadline != DT_NOEND &&
		GetCurrentTimestamp() > counting->deadline;
}

/* False if the time was over before the rows were, or they cannot be counted. */
static bool
count_part(Counting *counting, Oid part, const char *column)
{
	Relation	table = user_table_open(part, AccessShareLock);
	AttrNumber	number = user_column_find(part, column, &counting->is_text);
	bool		is_complete = number > 0 && user_scan(table, number, counting->snapshot, count_value, counting);

	user_table_close(table);
	return is_complete;
}

static int
by_version(const ListCell *a, const ListCell *b)
{
	const KmsVersionCount *x = lfirst(a);
	const KmsVersionCount *y = lfirst(b);

	if (x->is_sealed != y->is_sealed)
		return x->is_sealed ? 1 : -1;
	return memcmp(x->version_id.data, y->version_id.data, UUID_LEN);
}

static void
require_readable(Oid caller, Oid relation, const char *column)
{
	user_table_require(relation);
	if (pg_class_aclcheck(relation, caller, ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck(relation, get_attnum(relation, column), caller, ACL_SELECT) != ACLCHECK_OK)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("permission denied for column \"%s\" of table \"%s\"", column, get_rel_name(relation)));
	user_table_require_all_rows(relation);
}

List *
column_scan(Oid caller, Oid relation, const char *column)
{
	Counting	counting = {.memory = CurrentMemoryContext, .deadline = DT_NOEND};
	List	   *parts;
	bool		is_text;
	ListCell   *cell;

	require_readable(caller, relation, column);
	user_table_close(user_table_open(relation, AccessShareLock));
	require_readable(caller, relation, column);
	(void) user_column_require(relation, column, &is_text);
	parts = user_table_parts(relation, AccessShareLock);
	counting.snapshot = user_snapshot_take();
	foreach(cell, parts)
		(void) count_part(&counting, lfirst_oid(cell), column);
	user_snapshot_release(counting.snapshot);
	list_sort(counting.counts, by_version);
	return counting.counts;
}

/* ---- before a key is deleted --------------------------------------------------- */

static int64
rows_of_key(const Counting *counting, KmsCallSite *site, const pg_uuid_t *key_id)
{
	int64		rows = 0;
	ListCell   *cell;

	foreach(cell, counting->counts)
	{
		const KmsVersionCount *count = lfirst(cell);
		pg_uuid_t	whose;

		if (count->is_sealed && cipher_version_exists(site, count->version_id.data, &whose) &&
			memcmp(whose.data, key_id->data, UUID_LEN) == 0)
			rows += count->rows;
	}
	return rows;
}

static void
warn_of_rows(const KmsProtectedColumn *column, int64 rows, bool is_complete)
{
	const char *table = user_table_try_name(column->relation);

	/* It may have been dropped this moment. */
	if (table == NULL)
		return;
	if (!is_complete)
		ereport(NOTICE,
				(errmsg("column %s of table %s is too large to count, or locked: at least %lld rows are encrypted with this key",
						quote_identifier(column->column), table, (long long) rows),
				 errhint("kms_scan_column counts them all.")));
	else if (rows > 0)
		ereport(NOTICE,
				(errmsg("%lld rows of column %s of table %s are encrypted with this key", (long long) rows,
						quote_identifier(column->column), table),
				 errhint("Once it is deleted they are lost. Move the alias to another key and CALL kms_reencrypt_column.")));
}

static void
warn_of_column(const KmsProtectedColumn *column, KmsCallSite *site, const pg_uuid_t *key_id, TimestampTz deadline)
{
	Counting	counting = {.memory = CurrentMemoryContext, .deadline = deadline};
	bool		is_complete = true;
	ListCell   *cell;

	if (GetCurrentTimestamp() > deadline || !user_table_lock_at_once(column->relation))
	{
		warn_of_rows(column, 0, false);
		return;
	}
	foreach(cell, user_table_parts(column->relation, NoLock))
		if (!user_table_lock_at_once(lfirst_oid(cell)) || !count_part(&counting, lfirst_oid(cell), column->column))
			is_complete = false;
	warn_of_rows(column, rows_of_key(&counting, site, key_id), is_complete);
	if (reference_means(column->key, key_id))
		ereport(NOTICE,
				(errmsg("column %s of table %s encrypts with this key: from now on nothing can be written to it",
						quote_identifier(column->column), user_table_name(column->relation))));
	if (column->search_key != NULL && reference_means(column->search_key, key_id))
		ereport(NOTICE,
				(errmsg("column %s of table %s has a blind index made with this key: from now on nothing can be written to it",
						quote_identifier(column->column), user_table_name(column->relation))));
}

void
column_scan_warn(const pg_uuid_t *key_id)
{
	TimestampTz deadline = GetCurrentTimestamp() + WARNING_MAX_MS * INT64CONST(1000);
	KmsCallSite *site = palloc0(sizeof(KmsCallSite));
	ListCell   *cell;

	foreach(cell, protected_columns(InvalidOid))
	{
		const KmsProtectedColumn *column = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (column->number > 0)
			warn_of_column(column, site, key_id, deadline);
	}
}
