/*
 * Tables that are not ours: what they are called, what there is of them, and locks on them.
 */
#ifndef KMS_USER_TABLE_H
#define KMS_USER_TABLE_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

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

/* 55000 if a foreign key has a column or refers to it; 0 is no column. */
extern void user_column_require_unreferenced(Oid relation, AttrNumber column);

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

/* ---- who is at work on a column, in the whole database ---- */

/* False if somebody else is.  Kept across commits, until it is given back. */
extern bool user_column_claim(Oid relation, AttrNumber column);
extern void user_column_release(Oid relation, AttrNumber column);

#endif
