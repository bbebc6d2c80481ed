/*
 * The view on a table with its columns decrypted: making it, and keeping it so.
 */
#include "service/decrypted_view.h"

#include "access/htup_details.h"
#include "base/error.h"
#include "base/name_list.h"
#include "catalog/pg_collation.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "service/protected_column.h"
#include "service/view_query.h"
#include "store/catalog.h"
#include "store/trigger.h"
#include "store/user_statement.h"
#include "store/user_table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#define VIEW_SUFFIX		"decrypted"
#define WRITE_TRIGGER	"kms_write"

/* Anybody may put our trigger on a view of his own: only the table's owner's counts. */
List *
decrypted_views_of(Oid relation)
{
	List	   *views = NIL;
	ListCell   *cell;

	foreach(cell, store_views_of(relation, store_helper(DECRYPTED_VIEW_WRITE)))
		if (user_table_owner(lfirst_oid(cell)) == user_table_owner(relation))
			views = lappend_oid(views, lfirst_oid(cell));
	return views;
}

static void
append_literal(StringInfo sql, const char *string)
{
	appendStringInfo(sql, "%s::pg_catalog.text", quote_literal_cstr(string));
}

static char *
collation_name(Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "collation %u is gone", collation);
	name = quote_qualified_identifier(get_namespace_name(((Form_pg_collation) GETSTRUCT(tuple))->collnamespace),
									  NameStr(((Form_pg_collation) GETSTRUCT(tuple))->collname));
	ReleaseSysCache(tuple);
	return name;
}

/* What the expression's type, with its length, and its collation must be for all time. */
static void
append_type(StringInfo sql, const FormData_pg_attribute *attribute)
{
	appendStringInfo(sql, "::%s", format_type_extended(attribute->atttypid, attribute->atttypmod,
													   FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	if (OidIsValid(attribute->attcollation))
		appendStringInfo(sql, " COLLATE %s", collation_name(attribute->attcollation));
}

/* A column decrypted, of the table that is called t there. */
static char *
decrypted_sql(const KmsProtectedColumn *column)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s." DECRYPTED_VIEW_READ "(t.%s, ", quote_identifier(get_namespace_name(store_catalog()->schema)),
					 user_column_name(column->column));
	append_literal(&sql, "table");
	appendStringInfoString(&sql, ", ");
	append_literal(&sql, column->table);
	appendStringInfoString(&sql, ", ");
	append_literal(&sql, "column");
	appendStringInfoString(&sql, ", ");
	append_literal(&sql, column->name);
	foreach(cell, column->context_columns)
	{
		const NameItem *item = lfirst(cell);

		appendStringInfoString(&sql, ", ");
		append_literal(&sql, item->alias);
		appendStringInfo(&sql, ", t.%s", user_column_name(item->name));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

static const KmsProtectedColumn *
protection_of(List *protected, AttrNumber number)
{
	ListCell   *cell;

	foreach(cell, protected)
	{
		const KmsProtectedColumn *column = lfirst(cell);

		if (column->number == number)
			return column;
	}
	return NULL;
}

static void
append_column(StringInfo sql, List *protected, const FormData_pg_attribute *attribute, const char *name)
{
	const KmsProtectedColumn *protection = protection_of(protected, attribute->attnum);

	appendStringInfoString(sql, sql->len == 0 ? "" : ", ");
	if (protection != NULL)
	{
		appendStringInfoString(sql, decrypted_sql(protection));
		append_type(sql, attribute);
	}
	else
		appendStringInfo(sql, "t.%s", user_column_name(NameStr(attribute->attname)));
	appendStringInfo(sql, " AS %s", quote_identifier(name));
}

/* The column that it was is gone: the view's others, and who may read them, stay. */
static void
append_empty(StringInfo sql, TupleDesc view, int i)
{
	Form_pg_attribute attribute = TupleDescAttr(view, i);

	appendStringInfoString(sql, sql->len == 0 ? "NULL" : ", NULL");
	append_type(sql, attribute);
	appendStringInfo(sql, " AS %s", quote_identifier(NameStr(attribute->attname)));
}

static bool
shows(const KmsViewColumn *columns, int count, AttrNumber number)
{
	for (int i = 0; i < count; i++)
		if (columns[i].base == number)
			return true;
	return false;
}

/* The columns that the view has already stay where they are, as CREATE OR REPLACE VIEW wants it. */
static char *
select_list(Relation table, Relation view, List *protected, AttrNumber without)
{
	TupleDesc	descriptor = RelationGetDescr(table);
	KmsViewColumn *columns = NULL;
	StringInfoData sql;
	int			count = 0;

	initStringInfo(&sql);
	if (view != NULL)
		columns = view_query_columns(get_view_query(view), &count);
	for (int i = 0; i < count; i++)
	{
		if (columns[i].base == 0 || columns[i].base == without)
			append_empty(&sql, RelationGetDescr(view), i);
		else
			append_column(&sql, protected, TupleDescAttr(descriptor, columns[i].base - 1),
						  NameStr(TupleDescAttr(RelationGetDescr(view), i)->attname));
	}
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && attribute->attnum != without && !shows(columns, count, attribute->attnum))
			append_column(&sql, protected, attribute, NameStr(attribute->attname));
	}
	return sql.data;
}

static void
make(const char *create, const char *view, const char *columns, const char *table)
{
	user_run(psprintf("%s %s WITH (security_invoker, security_barrier) AS SELECT %s FROM %s t",
					  create, view, columns, table));
}

static void
give_to_owner(Oid caller, const char *view, Oid owner)
{
	if (caller != owner)
		user_run(psprintf("ALTER VIEW %s OWNER TO %s", view, quote_identifier(GetUserNameFromId(owner, false))));
}

static void
create(Oid caller, Relation table, List *protected)
{
	Oid			schema = RelationGetNamespace(table);
	char	   *name = makeObjectName(RelationGetRelationName(table), NULL, VIEW_SUFFIX);
	char	   *qualified = quote_qualified_identifier(get_namespace_name(schema), name);

	if (OidIsValid(get_relname_relid(name, schema)))
		kms_ereport(ERRCODE_DUPLICATE_TABLE, API_INVALID_PARAMETER,
					errmsg("relation \"%s\" already exists", name),
					errhint("The view with the decrypted columns is to be called so: rename what there is."));
	make("CREATE VIEW", qualified, select_list(table, NULL, protected, 0), user_table_name(RelationGetRelid(table)));
	user_run(psprintf("CREATE TRIGGER " WRITE_TRIGGER " INSTEAD OF INSERT OR UPDATE OR DELETE ON %s"
					  " FOR EACH ROW EXECUTE FUNCTION %s." DECRYPTED_VIEW_WRITE "()",
					  qualified, quote_identifier(get_namespace_name(store_catalog()->schema))));
	give_to_owner(caller, qualified, table->rd_rel->relowner);
}

static bool
is_as_made(Relation table, Oid view_oid)
{
	Relation	view = user_table_open(view_oid, AccessExclusiveLock);
	bool		as_made = view_query_is_as_made(get_view_query(view), RelationGetRelid(table));

	if (!as_made)
		ereport(NOTICE,
				(errmsg("view \"%s\" was altered and stays as it is", RelationGetRelationName(view)),
				 errhint("Decrypt in it what is protected now with kms.decrypt_column, or drop it and protect a column to have it made anew.")));
	user_table_close(view);
	return as_made;
}

static void
refresh(Relation table, Oid view_oid, List *protected, AttrNumber without)
{
	Relation	view = user_table_open(view_oid, AccessExclusiveLock);
	char	   *columns = select_list(table, view, protected, without);

	user_table_close(view);
	make("CREATE OR REPLACE VIEW", user_table_name(view_oid), columns, user_table_name(RelationGetRelid(table)));
}

/* What somebody has made of it since is left alone: it may show less. */
void
decrypted_view_refresh(Oid caller, Oid relation, AttrNumber without)
{
	Relation	table = user_table_open(relation, AccessShareLock);
	List	   *protected = protected_columns(relation);
	List	   *views = decrypted_views_of(relation);
	ListCell   *cell;

	if (views == NIL && protected != NIL)
		create(caller, table, protected);
	foreach(cell, views)
	{
		if (!is_as_made(table, lfirst_oid(cell)))
			continue;
		if (protected != NIL)
			refresh(table, lfirst_oid(cell), protected, without);
		else
			user_run(psprintf("DROP VIEW %s", user_table_name(lfirst_oid(cell))));
	}
	user_table_close(table);
}
