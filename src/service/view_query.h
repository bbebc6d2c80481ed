/*
 * What the columns of a decrypted view are in its table.
 */
#ifndef KMS_VIEW_QUERY_H
#define KMS_VIEW_QUERY_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/parsenodes.h"

typedef struct KmsViewColumn
{
	AttrNumber	base;			/* in the table; 0: it is none of it */
	bool		decrypted;
} KmsViewColumn;

/* The one table that it reads from; InvalidOid for what somebody has made of it since. */
extern Oid	view_query_table(const Query *query);

/* In the order of the view. */
extern KmsViewColumn *view_query_columns(const Query *query, int *count);

/* As it was made, whatever its columns are called by now: every row, and columns as they are or decrypted. */
extern bool view_query_is_as_made(const Query *query, Oid table);

#endif
