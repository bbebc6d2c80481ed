/*
 * Encrypted columns: what a trigger makes of a row.
 */
#ifndef KMS_COLUMN_H
#define KMS_COLUMN_H

#include "postgres.h"

#include "access/htup.h"
#include "service/column_plan.h"

/*
 * The new row with its columns encrypted; itself, if nothing in it had to be.  old: what
 * it replaces, NULL for a row that is inserted.  NULL: a procedure has nothing to do here.
 */
extern HeapTuple column_encrypt_row(KmsColumnPlan *plan, Oid caller, HeapTuple row, HeapTuple old);

/*
 * What a procedure does with a column of a table: while one is at work, an UPDATE that
 * sets the column to what it is gives it to this.  Values that are plaintext are
 * encrypted; or, of those that are sealed, the ones that are not of the newest version
 * are encrypted anew, and blind indexes made anew that are not those of the search key.
 */
typedef struct KmsColumnRun
{
	Oid			relation;
	AttrNumber	column;
	bool		is_text;
	bool		is_sealed;		/* it is about these */
	bool		has_index;
	pg_uuid_t	newest;			/* version of the key */
	int64		done;
	int64		refused;		/* these do not open, and stay */
} KmsColumnRun;

/* Of this session, until the end; an error in between must end it, too. */
extern void column_run_begin(KmsColumnRun *run);
extern void column_run_end(void);

/* Whether it may have something to do with a value, as far as that can be told without opening it. */
extern bool column_run_wants(const KmsColumnRun *run, KmsCallSite *site, Datum value);

#endif
