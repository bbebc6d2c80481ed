/*
 * Writing to a table through its view with decrypted columns.
 */
#ifndef KMS_DECRYPTED_WRITE_H
#define KMS_DECRYPTED_WRITE_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/htup.h"
#include "store/user_statement.h"
#include "utils/relcache.h"

/* A column of the view, and what it is in the table. */
typedef struct KmsWriteColumn
{
	AttrNumber	base;			/* 0: it is none of it, or cannot be written */
	bool		decrypted;
	const char *column;			/* its name there, quoted */
	Oid			type;
	bool		has_default;
	bool		generated;
	const char *equality;		/* of a column of the primary key; NULL: it is none */
} KmsWriteColumn;

/* What writing through a view needs, made once per statement. */
typedef struct KmsWritePlan
{
	Oid			table;
	const char *table_name;
	TupleDesc	descriptor;		/* of the view */
	int			count;
	KmsWriteColumn *columns;
	bool		has_key;
	UserStatement statement;
} KmsWritePlan;

/* In the current memory context. */
extern KmsWritePlan *decrypted_write_plan(Relation view);

/* Write a row to the table as the caller; what the view then has, or NULL if nothing was written. */
extern HeapTuple decrypted_write_insert(KmsWritePlan *plan, Oid caller, HeapTuple row);
extern HeapTuple decrypted_write_update(KmsWritePlan *plan, Oid caller, HeapTuple row, HeapTuple old);
extern HeapTuple decrypted_write_delete(KmsWritePlan *plan, HeapTuple old);

#endif
