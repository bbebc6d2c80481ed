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
#include "utils/snapshot.h"

/* Names as SQL writes them, schema and all: of a relation, of a column. */
extern char *user_table_name(Oid relation);
/* NULL for one that is gone. */
extern char *user_table_try_name(Oid relation);
extern const char *user_column_name(const char *column);

/* 42P01 if there is no such relation. */
extern void user_table_require(Oid relation);

/* InvalidOid if it is gone. */
extern Oid	user_table_owner(Oid relation);

/* Whether it is a table, partitioned or not. */
extern bool user_table_is_table(Oid relation);

/* A column that can hold ciphertext; 0 if there is none, or it is of another type than bytea, text or varchar. */
extern AttrNumber user_column_find(Oid relation, const char *column, bool *is_text);

/* Likewise; 42703, 42804.  Of a table that is locked. */
extern AttrNumber user_column_require(Oid relation, const char *column, bool *is_text);

/* A column of any type; 42703. */
extern AttrNumber user_column_number(Oid relation, const char *column);

/* Opened and locked until the end of the transaction; 42P01 if it is gone.  user_table_close leaves the lock. */
extern Relation user_table_open(Oid relation, LOCKMODE lock);

/* Likewise; NULL if it is gone. */
extern Relation user_table_try_open(Oid relation, LOCKMODE lock);
extern void user_table_close(Relation table);

/* A table, its partitions and heirs, of whatever kind. */
extern List *user_table_family(Oid relation, LOCKMODE lock);

/* The tables with rows that belong to one: itself, its partitions and heirs, without foreign ones. */
extern List *user_table_parts(Oid relation, LOCKMODE lock);

/* Lock one that may be gone by now. */
extern void user_table_lock(Oid relation, LOCKMODE lock);

/* Lock one for reading until the end of the transaction; false if it is gone or would have to be waited for. */
extern bool user_table_lock_at_once(Oid relation);

/* Whether it is there, and no other session's temporary table. */
extern bool user_table_is_reachable(Oid relation);

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

/* Of values that are not null; whether there is enough, or whether the row is wanted. */
typedef bool (*UserSeeValue) (Datum value, void *argument);

/*
 * Where a pass over a table is: over the blocks that it had when it began.  Zeroed to
 * begin with.
 */
typedef struct UserPass
{
	bool		begun;
	bool		ended;
	uint32		file;			/* with another the rows have other places: it begins anew */
	ItemPointerData next;
	BlockNumber end;
	int64		missed;			/* rows that somebody else changed at the same time */
	Snapshot	snapshot;		/* by which rows are seen; NULL: as they are now */
} UserPass;

/* One moment for several tables, which must be locked by then. */
extern Snapshot user_snapshot_take(void);
extern void user_snapshot_release(Snapshot snapshot);

/*
 * Look at a column in every row, until see has enough: then the result is false.  Without a
 * snapshot rows are seen as they are now.  No function
 * of the table's owner is run by this, and no row security applies.
 */
extern bool user_scan(Relation table, AttrNumber column, Snapshot snapshot, UserSeeValue see, void *argument);

/* The row in place of one, NULL if it stays. */
typedef HeapTuple (*UserRewriteRow) (HeapTuple row, void *argument);

/*
 * Go on with a pass until max rows are rewritten, or it has ended; their number.  A column's value
 * tells whether its row is given to rewrite.  As an UPDATE, but for the table's triggers, which
 * do not fire: nothing changes that they could know of.
 */
extern int	user_rewrite(Relation table, AttrNumber column, UserPass *pass, UserSeeValue see, UserRewriteRow rewrite,
						 void *argument, int max);

/* ---- who is at work on a column, in the whole database ---- */

/* False if somebody else is.  Kept across commits, until it is given back. */
extern bool user_column_claim(Oid relation, AttrNumber column);
extern void user_column_release(Oid relation, AttrNumber column);

#endif
