/*
 * Which columns of which tables are encrypted.  There is no list of them that could
 * disagree with the tables: it is read from the triggers that encrypt.
 */
#ifndef KMS_PROTECTED_COLUMN_H
#define KMS_PROTECTED_COLUMN_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "service/column_plan.h"
#include "utils/relcache.h"

/* The trigger function. */
#define PROTECTED_COLUMN_TRIGGER	"kms_encrypt_columns"

typedef struct KmsProtectedColumn
{
	Oid			relation;
	const char *trigger;
	bool		enabled;		/* the trigger fires */
	const char *column;			/* as the trigger calls it now */
	AttrNumber	number;			/* 0: there is no such column any more, or of another type */
	const char *name;			/* in the context */
	const char *table;			/* likewise */
	const char *key;			/* as the trigger refers to it */
	List	   *context_columns;	/* of NameItem */
	const char *index;			/* the column with the blind index; NULL: none */
	const char *search_key;
} KmsProtectedColumn;

/* Of a table, or of the database (InvalidOid; of partitions only what they do not have from their table). */
extern List *protected_columns(Oid relation);

/* NULL if it is not encrypted. */
extern KmsProtectedColumn *protected_column_find(Oid relation, const char *column);

/* Likewise; 55000. */
extern KmsProtectedColumn *protected_column_require(Oid relation, const char *column);

/* What a trigger does, of an open table; raises what the trigger would. */
extern KmsColumnPlan *protected_column_plan(Relation table, const char *trigger);

/* Raises 55000 if a foreign key has it or its blind index, in a table or a part of it. */
extern void protected_column_require_unreferenced(Oid relation, const KmsProtectedColumn *column);

/* Raises 42501 unless the caller owns a table; to be asked before it is locked, and again then. */
extern void protected_column_require_owner(Oid caller, Oid relation);

/*
 * The same where the caller's right to decrypt is used: what the table's owner has put there must
 * not use that of a superuser, who is everybody's member.
 */
extern void protected_column_require_own(Oid caller, Oid relation);

#endif
