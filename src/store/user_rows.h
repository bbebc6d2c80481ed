/*
 * Rows of tables that are not ours: looking at a column of them, and rewriting them.
 */
#ifndef KMS_USER_ROWS_H
#define KMS_USER_ROWS_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/htup.h"
#include "storage/block.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

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
 * do not fire, those of foreign keys neither: see user_column_require_unreferenced.
 */
extern int	user_rewrite(Relation table, AttrNumber column, UserPass *pass, UserSeeValue see, UserRewriteRow rewrite,
						 void *argument, int max);

#endif
