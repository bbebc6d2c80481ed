/*
 * Rows of kms.column_job.
 */
#include "store/column_job.h"

#include "catalog/pg_type.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

void
store_column_job_begin(const KmsColumnJob *job)
{
	static StoreQuery clean = {
		.sql = "DELETE FROM column_job j WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = j.relation)"
	};
	static StoreQuery query = {
		.sql = "INSERT INTO column_job (relation, column_number, kind, started_at, noted_at, total, done)"
		"     VALUES ($1, $2, $3, $4, $4, $5, 0)"
		"    ON CONFLICT (relation, column_number, kind)"
		"    DO UPDATE SET started_at = $4, noted_at = $4, total = $5, done = 0, finished_at = NULL",
		.nargs = 5, .argtypes = {OIDOID, INT2OID, TEXTOID, TIMESTAMPTZOID, INT8OID}
	};
	Datum		values[] = {
		ObjectIdGetDatum(job->relation),
		Int16GetDatum(job->column),
		CStringGetTextDatum(job->kind),
		TimestampTzGetDatum(job->started_at),
		Int64GetDatum(job->total)
	};

	store_open();
	store_run(&clean, NULL, NULL);
	store_run(&query, values, NULL);
	store_close_unrecorded();
}

void
store_column_job_note(const KmsColumnJob *job, bool finished)
{
	static StoreQuery query = {
		.sql = "UPDATE column_job SET done = $4, total = CASE WHEN $6 THEN $4 ELSE greatest(total, $4) END, noted_at = $5, finished_at = CASE WHEN $6 THEN $5 END"
		" WHERE relation = $1 AND column_number = $2 AND kind = $3",
		.nargs = 6, .argtypes = {OIDOID, INT2OID, TEXTOID, INT8OID, TIMESTAMPTZOID, BOOLOID}
	};
	Datum		values[] = {
		ObjectIdGetDatum(job->relation),
		Int16GetDatum(job->column),
		CStringGetTextDatum(job->kind),
		Int64GetDatum(job->done),
		TimestampTzGetDatum(GetCurrentTimestamp()),
		BoolGetDatum(finished)
	};

	store_open();
	store_run(&query, values, NULL);
	store_close_unrecorded();
}
