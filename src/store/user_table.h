/*
 * Tables that are not ours: their columns are read and changed as the caller, by whose
 * rights it is, with names that are all qualified: the search path stays his, because
 * his triggers may need it.
 */
#ifndef KMS_USER_TABLE_H
#define KMS_USER_TABLE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

/* Names as SQL writes them, schema and all: of a relation, of a column. */
extern char *user_table_name(Oid relation);
extern const char *user_column_name(const char *column);

/* The column's number and base type; 42703 if there is none. */
extern AttrNumber user_column_number(Oid relation, const char *column, Oid *base_type);

/* Opened and locked until the end of the transaction; 42P01 if it is gone.  user_table_close leaves the lock. */
extern Relation user_table_open(Oid relation, LOCKMODE lock);
extern void user_table_close(Relation table);

/* A table, its partitions and heirs, of whatever kind. */
extern List *user_table_family(Oid relation, LOCKMODE lock);

/* The tables with rows that belong to one: itself, its partitions and heirs, without foreign ones. */
extern List *user_table_parts(Oid relation, LOCKMODE lock);

/* Lock one for reading until the end of the transaction, unless it is gone or would have to be waited for. */
extern bool user_table_lock_at_once(Oid relation);

/* Whether there may be rows in them. */
extern bool user_table_has_pages(Oid relation);

/* Row security would leave some out; 42501. */
extern void user_table_require_all_rows(Oid relation);

/* ---- statements ---- */

/* One that returns nothing; the number of rows that it touched. */
extern uint64 user_run(const char *sql);
extern uint64 user_run_with(const char *sql, int count, const Oid *types, Datum *values, const char *nulls);

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

/* ---- scanning ---- */

/* Whether the row is wanted; of values that are not null. */
typedef bool (*UserSeeValue) (Datum value, void *argument);

/*
 * Where a scan is: rows that a table had when it began.  Zeroed but for the table and the
 * column to begin with.
 */
typedef struct UserScan
{
	Oid			table;
	AttrNumber	column;
	bool		begun;
	bool		ended;
	ItemPointerData next;
	BlockNumber end;
} UserScan;

/*
 * Go on until there are max wanted rows, whose places are put into rows, or the scan has
 * ended; their number.  No function of the table's owner is run by this, nor row security.
 */
extern int	user_scan(UserScan *scan, UserSeeValue see, void *argument, int max, ItemPointerData *rows);

/* UPDATE ONLY: set a column to what it is, in these rows. */
extern uint64 user_touch(Oid table, const char *column, const ItemPointerData *rows, int count);

/* ---- who is at work on a column, in the whole database ---- */

/* False if somebody else is.  Kept across commits, until it is given back. */
extern bool user_column_claim(Oid relation, AttrNumber column);
extern void user_column_release(Oid relation, AttrNumber column);

#endif
