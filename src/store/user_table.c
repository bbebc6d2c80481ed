/*
 * Tables that are not ours.
 */
#include "store/user_table.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "base/error.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "store/user_statement.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

/* The class of advisory locks that SQL's functions cannot take. */
#define CLAIM_CLASS 3

static void
err_gone(void)
{
	kms_ereport(ERRCODE_UNDEFINED_TABLE, API_INVALID_PARAMETER,
				errmsg("the table does not exist any more"));
}

char *
user_table_try_name(Oid relation)
{
	char	   *name = get_rel_name(relation);
	char	   *schema = name == NULL ? NULL : get_namespace_name(get_rel_namespace(relation));

	return schema == NULL ? NULL : quote_qualified_identifier(schema, name);
}

char *
user_table_name(Oid relation)
{
	char	   *name = user_table_try_name(relation);

	if (name == NULL)
		err_gone();
	return name;
}

const char *
user_column_name(const char *column)
{
	return quote_identifier(column);
}

void
user_table_require(Oid relation)
{
	if (get_rel_relkind(relation) == '\0')
		err_gone();
}

Oid
user_table_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

bool
user_table_is_table(Oid relation)
{
	char		kind = get_rel_relkind(relation);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
}

AttrNumber
user_column_find(Oid relation, const char *column, bool *is_text)
{
	AttrNumber	number = get_attnum(relation, column);
	Oid			type = number > 0 ? getBaseType(get_atttype(relation, number)) : InvalidOid;

	*is_text = type == TEXTOID || type == VARCHAROID;
	return *is_text || type == BYTEAOID ? number : 0;
}

AttrNumber
user_column_number(Oid relation, const char *column)
{
	AttrNumber	number = get_attnum(relation, column);

	if (number == InvalidAttrNumber)
		kms_ereport(ERRCODE_UNDEFINED_COLUMN, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" does not exist", column, get_rel_name(relation)));
	return number;
}

AttrNumber
user_column_require(Oid relation, const char *column, bool *is_text)
{
	AttrNumber	any = user_column_number(relation, column);
	AttrNumber	number = user_column_find(relation, column, is_text);

	if (number == 0)
		kms_ereport(ERRCODE_DATATYPE_MISMATCH, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of type %s holds no ciphertext", column,
						   format_type_be(get_atttype(relation, any))));
	return number;
}

void
user_column_require_unreferenced(Oid relation, AttrNumber column)
{
	static const Oid types[] = {OIDOID, INT2OID};
	static const char sql[] =
		"SELECT c.conname FROM pg_catalog.pg_constraint c"
		" WHERE c.contype OPERATOR(pg_catalog.=) 'f'"
		"   AND ((c.conrelid OPERATOR(pg_catalog.=) $1 AND $2 OPERATOR(pg_catalog.=) ANY (c.conkey))"
		"        OR (c.confrelid OPERATOR(pg_catalog.=) $1 AND $2 OPERATOR(pg_catalog.=) ANY (c.confkey)))";
	Datum		values[] = {ObjectIdGetDatum(relation), Int16GetDatum(column)};
	List	   *found = column == 0 ? NIL : user_strings(sql, lengthof(values), types, values);

	if (found != NIL)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" cannot be rewritten: foreign key \"%s\" would not be checked",
						   get_attname(relation, column, true), get_rel_name(relation), (char *) linitial(found)),
					errhint("Drop the foreign key, and make it anew then."));
}

Relation
user_table_open(Oid relation, LOCKMODE lock)
{
	Relation	table = user_table_try_open(relation, lock);

	if (table == NULL)
		err_gone();
	return table;
}

Relation
user_table_try_open(Oid relation, LOCKMODE lock)
{
	return try_relation_open(relation, lock);
}

void
user_table_close(Relation table)
{
	relation_close(table, NoLock);
}

List *
user_table_family(Oid relation, LOCKMODE lock)
{
	return find_all_inheritors(relation, lock, NULL);
}

List *
user_table_parts(Oid relation, LOCKMODE lock)
{
	List	   *parts = NIL;
	ListCell   *cell;

	foreach(cell, user_table_family(relation, lock))
	{
		char		kind = get_rel_relkind(lfirst_oid(cell));

		if (kind == RELKIND_RELATION)
			parts = lappend_oid(parts, lfirst_oid(cell));
	}
	return parts;
}

void
user_table_lock(Oid relation, LOCKMODE lock)
{
	LockRelationOid(relation, lock);
}

bool
user_table_lock_at_once(Oid relation)
{
	return ConditionalLockRelationOid(relation, AccessShareLock) && get_rel_relkind(relation) != '\0';
}

bool
user_table_is_reachable(Oid relation)
{
	Oid			schema = get_rel_namespace(relation);

	return OidIsValid(schema) && !isOtherTempNamespace(schema);
}

bool
user_table_has_pages(Oid relation)
{
	BlockNumber pages = 0;
	ListCell   *cell;

	foreach(cell, user_table_parts(relation, AccessShareLock))
	{
		Relation	part = user_table_open(lfirst_oid(cell), NoLock);

		pages += RelationGetNumberOfBlocks(part);
		user_table_close(part);
	}
	return pages > 0;
}

void
user_table_require_all_rows(Oid relation)
{
	if (check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("row security leaves out rows of table \"%s\"", get_rel_name(relation)),
					errhint("It takes a role that row security does not apply to."));
}

/* ---- claims ---- */

static LOCKTAG
claim_of(Oid relation, AttrNumber column)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, relation, (uint32) column, CLAIM_CLASS);
	return tag;
}

bool
user_column_claim(Oid relation, AttrNumber column)
{
	LOCKTAG		tag = claim_of(relation, column);

	return LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_OK;
}

void
user_column_release(Oid relation, AttrNumber column)
{
	LOCKTAG		tag = claim_of(relation, column);

	LockRelease(&tag, ExclusiveLock, true);
}
