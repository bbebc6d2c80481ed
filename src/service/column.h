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
 * it replaces, NULL for a row that is inserted.
 */
extern HeapTuple column_encrypt_row(KmsColumnPlan *plan, Oid caller, HeapTuple row, HeapTuple old);

/* A ciphertext as the column keeps it; an error if it does not fit into varchar(n). */
extern Datum column_wrap(const KmsPlanColumn *column, const bytea *ciphertext);

/* Rewriting a column of rows that stay as they are otherwise. */
typedef enum KmsRewriteWork
{
	REWRITE_ENCRYPT,			/* what is plaintext */
	REWRITE_RENEW,				/* what is not of the newest version, and blind indexes that are not of the search key */
	REWRITE_DECRYPT				/* all; raises what does not open */
} KmsRewriteWork;

typedef struct KmsColumnRewrite
{
	KmsColumnPlan *plan;
	KmsPlanColumn *column;
	Oid			caller;
	KmsRewriteWork work;
	pg_uuid_t	newest;			/* version of the key */
	bool		checks_index;	/* of values that are of the newest version, too */
	int64		indexed;		/* with another blind index than before */
	int64		refused;		/* these do not open, and stay */
} KmsColumnRewrite;

/* With plan and column set: find the newest version, which the caller must be allowed to encrypt with. */
extern void column_rewrite_begin(KmsColumnRewrite *rewrite);

/* Whether there may be something to do with a value, as far as that can be told without opening it. */
extern bool column_rewrite_wants(KmsColumnRewrite *rewrite, Datum value);

/* The row then; NULL if there is nothing to do. */
extern HeapTuple column_rewrite_row(KmsColumnRewrite *rewrite, HeapTuple row);

#endif
