/*
 * The view on a table with its columns decrypted.
 */
#ifndef KMS_DECRYPTED_VIEW_H
#define KMS_DECRYPTED_VIEW_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

/* What it is made of, in schema kms: see sql/57_protected_column.sql. */
#define DECRYPTED_VIEW_READ		"decrypt_column"
#define DECRYPTED_VIEW_WRITE	"write_decrypted"

/* A table's views of this kind. */
extern List *decrypted_views_of(Oid relation);

/*
 * Make a table's view, or make it show what the table has by now, decrypted where it is
 * encrypted.  Without encrypted columns there is none.  without: a column that is about to
 * be dropped, 0 for none; the view has NULL there.
 */
extern void decrypted_view_refresh(Oid caller, Oid relation, AttrNumber without);

#endif
