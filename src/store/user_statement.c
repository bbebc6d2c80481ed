/*
 * Statements on tables that are not ours.
 */
#include "store/user_statement.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "utils/memutils.h"

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

void
user_run(const char *sql)
{
	open_statement();
	require_success(SPI_execute(sql, false, 0));
	SPI_finish();
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
