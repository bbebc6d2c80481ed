/*
 * Rows of kms.job, and what is due.
 */
#include "store/job.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "store/row.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

static const char *const kinds[] = {NULL, "KeyRotation", "KeyDeletion", "MaterialExpiry", "SecretRotation", "SecretDeletion",
"CertificateExpiry"};
static const char *const outcomes[] = {NULL, "done", "failed", "waiting"};

const char *
job_kind_name(KmsJobKind kind)
{
	return kinds[kind];
}

const char *
job_outcome_name(KmsJobOutcome outcome)
{
	return outcomes[outcome];
}

static KmsJobKind
kind_of(const char *name)
{
	for (size_t i = 1; i < lengthof(kinds); i++)
		if (strcmp(kinds[i], name) == 0)
			return (KmsJobKind) i;
	err_stored();
}

static TimestampTz
time_or_never(HeapTuple row, int column, TupleDesc type)
{
	bool		is_null;
	Datum		time = heap_getattr(row, column, type, &is_null);

	return row_time(time, is_null);
}

static bool
read_job(HeapTuple row, TupleDesc type, void *result)
{
	KmsJob	   *job = result;

	job->resource = *DatumGetUUIDP(store_column(row, 1, type));
	job->kind = kind_of(TextDatumGetCString(store_column(row, 2, type)));
	job->attempts = DatumGetInt32(store_column(row, 3, type));
	job->waits_since = time_or_never(row, 4, type);
	job->waits_until = time_or_never(row, 5, type);
	job->owner = DatumGetObjectId(store_column(row, 6, type));
	strlcpy(NameStr(job->owner_name), TextDatumGetCString(store_column(row, 7, type)), NAMEDATALEN);
	strlcpy(job->name, TextDatumGetCString(store_column(row, 8, type)), JOB_NAME_SIZE);
	return true;
}

static int
find_due(StoreQuery *query, TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max)
{
	Datum		values[] = {
		TimestampTzGetDatum(now), TimestampTzGetDatum(begin), BoolGetDatum(all), Int32GetDatum(max)
	};
	int			count = (int) store_run(query, values, NULL);

	for (int i = 0; i < count; i++)
		store_read_row(i, read_job, &jobs[i]);
	return count;
}

/*
 * One query for the three tables: r is the table, w.kind what has to be done with a row
 * of it, and name what people call it.
 */
#define DUE(table, kind, due_at, name) \
	"SELECT r.id, w.kind, coalesce(j.attempts, 0)," \
	"       CASE WHEN j.outcome = 'waiting' THEN j.ran_at END, CASE WHEN j.outcome = 'waiting' THEN j.retry_at END," \
	"       r.owner, r.owner_name, " name \
	"  FROM " table " r" \
	" CROSS JOIN LATERAL (SELECT " kind " AS kind) w" \
	"  LEFT JOIN job j ON j.resource = r.id AND j.kind = w.kind AND j.outcome <> 'done' AND j.ran_at >= r." due_at \
	" WHERE r." due_at " <= $1 AND (j.resource IS NULL OR (j.ran_at < $2 AND ($3 OR j.retry_at <= $1)))" \
	" ORDER BY r." due_at " LIMIT $4" \
	"   FOR NO KEY UPDATE OF r SKIP LOCKED"

#define DUE_ARGUMENTS	.nargs = 4, .argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, INT4OID}

int
store_job_due_keys(TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max)
{
	static StoreQuery query = {
		.sql = DUE("key", "CASE WHEN r.delete_at IS NOT NULL THEN 'KeyDeletion'"
				   "     WHEN r.material_expires_at <= $1 THEN 'MaterialExpiry'"
				   "     ELSE 'KeyRotation' END", "due_at", "r.id::text"),
		DUE_ARGUMENTS
	};

	return find_due(&query, now, begin, all, jobs, max);
}

int
store_job_due_secrets(TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max)
{
	static StoreQuery query = {
		.sql = DUE("secret", "CASE WHEN r.delete_at IS NOT NULL THEN 'SecretDeletion' ELSE 'SecretRotation' END",
				   "due_at", "'secret/' || r.name"),
		DUE_ARGUMENTS
	};

	return find_due(&query, now, begin, all, jobs, max);
}

int
store_job_due_certificates(TimestampTz now, TimestampTz begin, bool all, KmsJob *jobs, int max)
{
	static StoreQuery query = {
		.sql = DUE("certificate", "'CertificateExpiry'", "warn_at", "'certificate/' || r.id"),
		DUE_ARGUMENTS
	};

	return find_due(&query, now, begin, all, jobs, max);
}

void
store_job_record(const KmsJob *job, KmsJobOutcome outcome, const char *detail, TimestampTz retry_at)
{
	static StoreQuery query = {
		.sql = "INSERT INTO job (resource, kind, owner, owner_name, outcome, detail, attempts, ran_at, retry_at, name)"
		"     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
		"    ON CONFLICT (resource, kind) DO UPDATE SET owner = $3, owner_name = $4, outcome = $5, detail = $6,"
		"        attempts = $7, ran_at = $8, retry_at = $9, name = $10",
		.nargs = 10, .argtypes = {UUIDOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, INT4OID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID}
	};
	Datum		values[] = {
		UUIDPGetDatum(&job->resource),
		CStringGetTextDatum(kinds[job->kind]),
		ObjectIdGetDatum(job->owner),
		CStringGetTextDatum(NameStr(job->owner_name)),
		CStringGetTextDatum(outcomes[outcome]),
		detail != NULL ? CStringGetTextDatum(detail) : (Datum) 0,
		Int32GetDatum(job->attempts + 1),
		TimestampTzGetDatum(GetCurrentTimestamp()),
		TimestampTzGetDatum(retry_at),
		CStringGetTextDatum(job->name)
	};
	char		nulls[] = "          ";

	if (detail == NULL)
		nulls[5] = 'n';
	if (TIMESTAMP_IS_NOEND(retry_at))
		nulls[8] = 'n';
	store_run(&query, values, nulls);
}

void
store_job_forget(const pg_uuid_t *resource, KmsJobKind kind)
{
	static StoreQuery query = {
		.sql = "DELETE FROM job WHERE resource = $1 AND kind = $2 AND outcome <> 'done'",
		.nargs = 2, .argtypes = {UUIDOID, TEXTOID}
	};
	Datum		values[] = {UUIDPGetDatum(resource), CStringGetTextDatum(kinds[kind])};

	store_run(&query, values, NULL);
}

void
store_job_forget_old(TimestampTz before)
{
	static StoreQuery query = {
		.sql = "DELETE FROM job WHERE ran_at < $1",
		.nargs = 1, .argtypes = {TIMESTAMPTZOID}
	};
	Datum		values[] = {TimestampTzGetDatum(before)};

	store_run(&query, values, NULL);
}

void
store_job_forget_waiting(void)
{
	static StoreQuery query = {.sql = "DELETE FROM job WHERE outcome = 'waiting'"};

	store_run(&query, NULL, NULL);
}

List *
store_databases(void)
{
	Relation	relation = table_open(DatabaseRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(relation, 0, NULL);
	List	   *databases = NIL;
	HeapTuple	row;

	while (HeapTupleIsValid(row = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(row);

		/* -2: what a DROP DATABASE that was interrupted has left. */
		if (database->datallowconn && !database->datistemplate && database->datconnlimit != -2)
			databases = lappend_oid(databases, database->oid);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	return databases;
}

bool
store_database_exists(Oid database)
{
	return SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
}
