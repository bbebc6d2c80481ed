/*
 * The view on a table with its columns decrypted, which can be written to.
 */
#ifndef KMS_DECRYPTED_VIEW_H
#define KMS_DECRYPTED_VIEW_H

#include "postgres.h"

#include "access/htup.h"
#include "service/protected_column.h"
#include "store/user_table.h"
#include "utils/relcache.h"

/* A table's views of this kind. */
extern List *decrypted_views_of(Oid relation);

/*
 * Make a table's view, or make it show what the table has by now, decrypted where it is
 * encrypted.  Without encrypted columns there is none.  without: a column that is about to
 * be dropped, 0 for none; the view has NULL there.
 */
extern void decrypted_view_refresh(Oid caller, Oid relation, AttrNumber without);

/* A column of a view. */
typedef struct KmsViewColumn
{
	AttrNumber	base;			/* in the table; 0: it is none of it */
	bool		decrypted;
	/* for writing */
	const char *column;			/* in the table, quoted */
	Oid			type;
	bool		has_default;
	bool		generated;
	const char *equality;		/* of a column of the primary key; NULL: it is none */
} KmsViewColumn;

/* What writing through a view needs, made once per statement. */
typedef struct KmsViewPlan
{
	Oid			table;
	const char *table_name;
	TupleDesc	descriptor;		/* of the view */
	int			count;
	KmsViewColumn *columns;
	bool		has_key;
	UserStatement statement;
} KmsViewPlan;

/* In the current memory context. */
extern KmsViewPlan *decrypted_view_plan(Relation view);

/* Write a row to the table as the caller; what the view then has, or NULL if nothing was written. */
extern HeapTuple decrypted_view_insert(KmsViewPlan *plan, Oid caller, HeapTuple row);
extern HeapTuple decrypted_view_update(KmsViewPlan *plan, Oid caller, HeapTuple row, HeapTuple old);
extern HeapTuple decrypted_view_delete(KmsViewPlan *plan, HeapTuple old);

#endif
