/*
 * Running SQL on our tables as their owner.
 *
 *	store_open();
 *	store_run(&query, values, nulls);
 *	... store_read_row(0, read, &result) ...
 *	store_close();
 *
 * The SQL text names our tables without a schema: while a store is open, user,
 * search path and row security are switched together, so that the caller's
 * objects are never picked up.  Nothing that a user could have made may run in
 * between.  An error in between undoes everything with the (sub)transaction.
 */
#ifndef KMS_STORE_H
#define KMS_STORE_H

#include "postgres.h"

#include "base/compat.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#define STORE_MAX_ARGS 22

/* A statement with its text beside it; planned once per session. */
typedef struct StoreQuery
{
	const char *sql;
	int			nargs;
	Oid			argtypes[STORE_MAX_ARGS];
	SPIPlanPtr	plan;
} StoreQuery;

/*
 * Raises 25006 where nothing can be written.  Between the two the trigger on
 * our tables keeps still: the caller sends its own invalidations.
 */
extern void store_open(void);
extern void store_close(void);

/*
 * The same, alone: waits until no transaction is left in which a store was open, or rows
 * were made for one (store_join), and lets none begin until this one ends.
 */
extern void store_open_alone(void);

/* To be called before a row is made that store_insert, or an open store, will write. */
extern void store_join(void);

/*
 * No change without a trace: store_close is an error unless what was done has
 * been recorded (service/audit.h), and so is a commit after store_insert.  What is
 * no change of the service, such as notes on jobs, is closed by the second.
 */
extern void store_recorded(void);
extern bool store_has_unrecorded(void);
extern void store_close_unrecorded(void);

/* The current user, or while a store is open the one who opened it. */
extern Oid	store_caller(void);

/* The same check alone, for what takes long before it writes. */
extern void store_require_writable(void);

/* Rows processed.  nulls as SPI takes them (' ' or 'n' per value), or NULL. */
extern uint64 store_run(StoreQuery *query, Datum *values, const char *nulls);

/* Called with a row; what it keeps it copies to the current memory context. */
typedef bool (*StoreRead) (HeapTuple row, TupleDesc type, void *result);

/* A column that is never null; Rejected.Unavailable if it is all the same. */
extern Datum store_column(HeapTuple row, int column, TupleDesc type);

/* A stored value that no release of ours has written: Rejected.Unavailable. */
pg_noreturn extern void err_stored(void);

/* Read a row of the last result, in the memory of store_open's caller. */
extern void store_read_row(uint64 number, StoreRead read, void *result);

/*
 * Add a row of count columns without SQL, which takes a fifth of the time: for tables that are
 * filled by the million.  No check or trigger looks at it.  Needs no store_open.
 */
extern void store_insert(Oid table, int count, const Datum *values, const bool *nulls);

/* The same, or a change, for a row that is itself the record; also in a transaction that was made read-only meanwhile. */
extern void store_insert_record(Oid table, int count, const Datum *values, const bool *nulls);
extern void store_update_record(Oid table, ItemPointer place, int count, const Datum *values, const bool *nulls);

/* What was written is on disk before the commit returns, whatever the settings. */
extern void store_sync_at_commit(void);

/* Whether the running statement on our tables is one of ours (see store_open). */
extern bool store_is_open(void);

/*
 * Read rows through an index, or all rows of a small table where index is
 * InvalidOid, with a fresh snapshot: not the transaction's, so that what others
 * committed is seen at once, also in REPEATABLE READ.  read is called for each
 * row until it returns true (the row itself is gone afterwards).  Returns whether
 * it did.
 */
typedef struct StoreScanKey
{
	AttrNumber	column;			/* of the table */
	Oid			equality;		/* its equality function */
	Oid			collation;
	Datum		value;
} StoreScanKey;

typedef struct StoreScan
{
	Oid			table;
	Oid			index;
	AttrNumber	column;			/* these four as in StoreScanKey: the index's first */
	Oid			equality;
	Oid			collation;
	Datum		value;
	StoreScanKey second;		/* the index's second, or column 0 */
	Snapshot	snapshot;		/* or NULL: a fresh one */
} StoreScan;

/* One fresh snapshot for several reads, which then fit together; an error releases it. */
extern Snapshot store_snapshot_take(void);
extern void store_snapshot_release(Snapshot snapshot);

extern bool store_find(const StoreScan *what, StoreRead read, void *result);

/* Whether there is a row. */
extern bool store_exists(const StoreScan *what);

/*
 * Inside store_open: lock a row with a query "SELECT * ... WHERE id = $1 FOR NO KEY
 * UPDATE", and read it; false if there is none.  by_id finds the same row: if only a fresh
 * snapshot has it, the transaction's is too old, which is an error.  NULL with SKIP LOCKED.
 */
extern bool store_lock_row(StoreQuery *query, const pg_uuid_t *id, const StoreScan *by_id,
						   StoreRead read, void *result);

/* The first row; *understood is false, and nothing is raised, if read raises Rejected.Unavailable. */
extern bool store_find_carefully(const StoreScan *what, StoreRead read, void *result, bool *understood);

/*
 * Every row of a table, in no order.  read may raise Rejected.Unavailable for a row
 * that no release of ours has written: then see is called with NULL, and with an
 * id of the row as text in any case (its first column).  What they allocate goes
 * after each row.
 */
typedef void (*StoreSee) (const void *row, const char *id, void *argument);
extern void store_each(Oid table, StoreRead read, void *row, StoreSee see, void *argument);

/*
 * Inside store_open_alone: go through a table and write back the rows for which rewrite, given
 * one as read has read it, or NULL, returns true, with the columns that fill fills in (numbered
 * from 0; others stay).  Ends after max of them, with *more, where there is another one.  Returns
 * how many; no check or trigger looks at them.
 */
typedef struct StoreRewriting
{
	Oid			table;
	StoreRead	read;
	void	   *row;
	bool		(*rewrite) (void *row, void *argument);
	void		(*fill) (const void *row, Datum *values, bool *replaces);
	void	   *argument;
} StoreRewriting;

extern int64 store_rewrite(const StoreRewriting *what, int64 max, bool *more);

#endif
