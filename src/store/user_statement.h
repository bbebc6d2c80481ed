/*
 * Statements on tables that are not ours, run as the caller, by whose rights it is.  Names in
 * them are all qualified: the search path stays his, because his triggers may need it.
 */
#ifndef KMS_USER_STATEMENT_H
#define KMS_USER_STATEMENT_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"

/* One that returns nothing. */
extern void user_run(const char *sql);

/* A query; each row's first column as a string, without those that are null. */
extern List *user_strings(const char *sql, int count, const Oid *types, Datum *values);

/* A statement that is run many times, planned when it becomes another. */
typedef struct UserStatement
{
	MemoryContext memory;		/* where it lives: with it the plan goes */
	char	   *sql;
	struct _SPI_plan *plan;
	MemoryContextCallback callback;
} UserStatement;

/* The number of rows; row and type, if not NULL, receive the first that it returns, in the current memory context. */
extern uint64 user_run_again(UserStatement *statement, const char *sql, int count, Oid *types, Datum *values,
							 const char *nulls, HeapTuple *row, TupleDesc *type);

/* ---- batches: statements with a commit after each ---- */

/* As the procedure's outermost; in between, nothing else may be open at a commit. */
extern void user_batches_open(void);
extern void user_batches_commit(void);
extern void user_batches_close(void);

#endif
