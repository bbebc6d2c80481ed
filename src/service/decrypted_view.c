/*
 * The view on a table with its columns decrypted.
 *
 * What a column of the view is in the table is read from the view's query, so that
 * columns, tables and views can be renamed.
 */
#include "service/decrypted_view.h"

#include "access/htup_details.h"
#include "base/error.h"
#include "base/name_list.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "store/catalog.h"
#include "store/trigger.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Of schema kms: see sql/57_protected_column.sql. */
#define DECRYPT			"decrypt_column"
#define WRITE			"write_decrypted"

#define VIEW_SUFFIX		"decrypted"
#define WRITE_TRIGGER	"kms_write"

/* Anybody may put our trigger on a view of his own: only the table's owner's counts. */
List *
decrypted_views_of(Oid relation)
{
	List	   *views = NIL;
	ListCell   *cell;

	foreach(cell, store_views_of(relation, store_helper(WRITE)))
		if (user_table_owner(lfirst_oid(cell)) == user_table_owner(relation))
			views = lappend_oid(views, lfirst_oid(cell));
	return views;
}

/* ---- what a view's columns are ------------------------------------------------ */

static bool
is_decrypt(Oid function)
{
	char	   *name = get_func_name(function);

	return name != NULL && strcmp(name, DECRYPT) == 0 && get_func_namespace(function) == store_catalog()->schema;
}

/* Not a call, however SQL writes it: as trim(x), or without any argument. */
static bool
is_cast(const FuncExpr *call)
{
	return call->funcformat == COERCE_EXPLICIT_CAST || call->funcformat == COERCE_IMPLICIT_CAST;
}

/* Without what gives an expression the type and collation of its column. */
static Node *
strip_type(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (IsA(node, CoerceToDomain))
			node = (Node *) ((CoerceToDomain *) node)->arg;
		else if (IsA(node, FuncExpr) && is_cast((FuncExpr *) node))
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* A column of the table, or the call that decrypts one; anything else is no column of it. */
static void
set_base(KmsViewColumn *column, Node *expression, int table)
{
	Node	   *node = strip_type(expression);
	Var		   *var;

	column->decrypted = IsA(node, FuncExpr) && is_decrypt(((FuncExpr *) node)->funcid);
	if (column->decrypted)
		node = strip_type(linitial(((FuncExpr *) node)->args));
	else
		node = expression;
	var = (Var *) node;
	if (IsA(node, Var) && var->varno == table && var->varlevelsup == 0 && var->varattno > 0)
		column->base = var->varattno;
}

/* Ours read from one table; 0 for what somebody has made of them since. */
static int
table_index(const Query *query)
{
	if (query->jointree == NULL || list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef) || query->hasAggs || query->groupClause != NIL ||
		query->setOperations != NULL)
		return 0;
	return ((RangeTblRef *) linitial(query->jointree->fromlist))->rtindex;
}

static Oid
table_of_query(const Query *query)
{
	int			index = table_index(query);
	RangeTblEntry *entry;

	if (index == 0)
		return InvalidOid;
	entry = rt_fetch(index, query->rtable);
	return entry->rtekind == RTE_RELATION && user_table_is_table(entry->relid) ? entry->relid : InvalidOid;
}

static KmsViewColumn *
columns_of_query(const Query *query, int *count)
{
	KmsViewColumn *columns = palloc0(list_length(query->targetList) * sizeof(KmsViewColumn));
	ListCell   *cell;

	*count = 0;
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (entry->resjunk)
			continue;
		set_base(&columns[*count], (Node *) entry->expr, table_index(query));
		(*count)++;
	}
	return columns;
}

/* ---- making it ---------------------------------------------------------------- */

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
	appendStringInfo(&sql, "%s." DECRYPT "(t.%s, ", quote_identifier(get_namespace_name(store_catalog()->schema)),
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
		columns = columns_of_query(get_view_query(view), &count);
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
					  " FOR EACH ROW EXECUTE FUNCTION %s." WRITE "()",
					  qualified, quote_identifier(get_namespace_name(store_catalog()->schema))));
	give_to_owner(caller, qualified, table->rd_rel->relowner);
}

/* NULL in place of a column that is gone. */
static bool
is_empty(Node *expression)
{
	Node	   *node = strip_type(expression);

	return IsA(node, Const) && ((Const *) node)->constisnull;
}

/* As it was made, whatever its columns are called by now: every row, and columns as they are or decrypted. */
static bool
is_as_made(const Query *query, Oid table)
{
	ListCell   *cell;

	if (table_of_query(query) != table || query->jointree->quals != NULL || query->distinctClause != NIL ||
		query->sortClause != NIL || query->limitCount != NULL || query->limitOffset != NULL)
		return false;
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);
		KmsViewColumn column = {0};

		set_base(&column, (Node *) entry->expr, table_index(query));
		if (column.base == 0 && !is_empty((Node *) entry->expr))
			return false;
	}
	return true;
}

/* What somebody has made of it since is left alone: it may show less. */
static void
refresh(Relation table, Oid view_oid, List *protected, AttrNumber without)
{
	Relation	view = user_table_open(view_oid, AccessExclusiveLock);
	char	   *columns = NULL;

	if (is_as_made(get_view_query(view), RelationGetRelid(table)))
		columns = select_list(table, view, protected, without);
	else
		ereport(NOTICE,
				(errmsg("view \"%s\" was altered and stays as it is", RelationGetRelationName(view)),
				 errhint("Decrypt in it what is protected now with kms.decrypt_column, or drop it and protect a column to have it made anew.")));
	user_table_close(view);
	if (columns != NULL)
		make("CREATE OR REPLACE VIEW", user_table_name(view_oid), columns, user_table_name(RelationGetRelid(table)));
}

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
		if (protected != NIL)
			refresh(table, lfirst_oid(cell), protected, without);
		else
			user_run(psprintf("DROP VIEW %s", user_table_name(lfirst_oid(cell))));
	}
	user_table_close(table);
}

/* ---- writing through it ------------------------------------------------------- */

/* The operator that a column's values are compared with, schema and all. */
static const char *
equality_of(Oid type)
{
	Oid			operator = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	const char *sql;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "type %u has no equality", type);
	sql = psprintf("OPERATOR(%s.%s)",
				   quote_identifier(get_namespace_name(((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace)),
				   NameStr(((Form_pg_operator) GETSTRUCT(tuple))->oprname));
	ReleaseSysCache(tuple);
	return sql;
}

/* What is of another type in the view than in the table is read only. */
static void
plan_column(KmsViewColumn *column, Oid type_in_view, Relation table, Bitmapset *key)
{
	Form_pg_attribute attribute;

	if (column->base == 0)
		return;
	attribute = TupleDescAttr(RelationGetDescr(table), column->base - 1);
	if (attribute->attisdropped || attribute->atttypid != type_in_view)
	{
		column->base = 0;
		return;
	}
	column->column = user_column_name(pstrdup(NameStr(attribute->attname)));
	column->type = attribute->atttypid;
	column->generated = attribute->attgenerated != '\0';
	column->has_default = attribute->atthasdef || attribute->attidentity != '\0';
	if (bms_is_member(column->base - FirstLowInvalidHeapAttributeNumber, key))
		column->equality = equality_of(column->type);
}

/* All columns of it are in the view, or it does not tell rows. */
static bool
shows_key(const KmsViewPlan *plan, const Bitmapset *key)
{
	Bitmapset  *shown = NULL;

	for (int i = 0; i < plan->count; i++)
		if (plan->columns[i].equality != NULL)
			shown = bms_add_member(shown, plan->columns[i].base - FirstLowInvalidHeapAttributeNumber);
	return shown != NULL && bms_equal(shown, key);
}

KmsViewPlan *
decrypted_view_plan(Relation view)
{
	KmsViewPlan *plan = palloc0(sizeof(KmsViewPlan));
	Query	   *query = get_view_query(view);
	Relation	table;
	Bitmapset  *key;

	plan->table = table_of_query(query);
	if (!OidIsValid(plan->table))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("view \"%s\" does not read from one table", RelationGetRelationName(view)),
					errhint("Drop it, and call kms_protect_column anew or write to the table."));
	plan->statement.memory = CurrentMemoryContext;
	plan->descriptor = RelationGetDescr(view);
	plan->table_name = user_table_name(plan->table);
	plan->columns = columns_of_query(query, &plan->count);
	table = user_table_open(plan->table, AccessShareLock);
	(void) RelationGetIndexList(table);
	key = RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	for (int i = 0; i < plan->count; i++)
		plan_column(&plan->columns[i], TupleDescAttr(plan->descriptor, i)->atttypid, table, key);
	plan->has_key = shows_key(plan, key);
	user_table_close(table);
	return plan;
}

/* A statement that is being made, with its parameters. */
typedef struct Writing
{
	KmsViewPlan *plan;
	StringInfoData sql;
	int			count;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} Writing;

static Writing
begin_writing(KmsViewPlan *plan, const char *start)
{
	int			max = 2 * plan->count;
	Writing		writing = {
		.plan = plan, .types = palloc(max * sizeof(Oid)), .values = palloc(max * sizeof(Datum)), .nulls = palloc(max)
	};

	initStringInfo(&writing.sql);
	appendStringInfo(&writing.sql, start, plan->table_name);
	return writing;
}

/* The number of a value's parameter. */
static int
add_value(Writing *writing, HeapTuple row, int i)
{
	bool		is_null;

	writing->types[writing->count] = writing->plan->columns[i].type;
	writing->values[writing->count] = heap_getattr(row, i + 1, writing->plan->descriptor, &is_null);
	writing->nulls[writing->count] = is_null ? 'n' : ' ';
	return ++writing->count;
}

static bool
is_written(const KmsViewPlan *plan, int i)
{
	return plan->columns[i].base != 0 && !plan->columns[i].generated;
}

/*
 * What the table made of the row: defaults, and what its triggers did.  Row security wants to
 * see a row that is returned, which it may not want of one that is written.
 */
static bool
may_return(const KmsViewPlan *plan, Oid caller)
{
	return pg_class_aclcheck(plan->table, caller, ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(plan->table, InvalidOid, true) != RLS_ENABLED;
}

static bool
is_returned(const KmsViewPlan *plan, int i)
{
	return plan->columns[i].base != 0 && !plan->columns[i].decrypted;
}

static bool
append_returning(Writing *writing)
{
	const KmsViewPlan *plan = writing->plan;
	bool		any = false;

	for (int i = 0; i < plan->count; i++)
		if (is_returned(plan, i))
		{
			appendStringInfo(&writing->sql, "%s%s", any ? ", " : " RETURNING ", plan->columns[i].column);
			any = true;
		}
	return any;
}

static HeapTuple
returned_row(const KmsViewPlan *plan, HeapTuple row, HeapTuple returned, TupleDesc type)
{
	int		   *numbers = palloc(plan->count * sizeof(int));
	Datum	   *values = palloc(plan->count * sizeof(Datum));
	bool	   *nulls = palloc(plan->count * sizeof(bool));
	int			count = 0;

	for (int i = 0; i < plan->count; i++)
		if (is_returned(plan, i))
		{
			numbers[count] = i + 1;
			values[count] = heap_getattr(returned, count + 1, type, &nulls[count]);
			count++;
		}
	return heap_modify_tuple_by_cols(row, plan->descriptor, count, numbers, values, nulls);
}

/* The row as it is then; NULL if none was written, because it is gone or a trigger of the table said so. */
static HeapTuple
write_row(Writing *writing, Oid caller, HeapTuple row)
{
	KmsViewPlan *plan = writing->plan;
	bool		returns = may_return(plan, caller) && append_returning(writing);
	HeapTuple	returned = NULL;
	TupleDesc	type = NULL;

	if (user_run_again(&plan->statement, writing->sql.data, writing->count, writing->types, writing->values,
					   writing->nulls, returns ? &returned : NULL, &type) == 0)
		return NULL;
	return returned != NULL ? returned_row(plan, row, returned, type) : row;
}

/* In a view's row NULL is also what was not given: where the table has a default it is that. */
static bool
is_given(const KmsViewPlan *plan, HeapTuple row, int i)
{
	return is_written(plan, i) && !(plan->columns[i].has_default && heap_attisnull(row, i + 1, plan->descriptor));
}

HeapTuple
decrypted_view_insert(KmsViewPlan *plan, Oid caller, HeapTuple row)
{
	Writing		writing = begin_writing(plan, "INSERT INTO %s ");
	StringInfoData parameters;

	initStringInfo(&parameters);
	for (int i = 0; i < plan->count; i++)
		if (is_given(plan, row, i))
		{
			appendStringInfo(&writing.sql, "%s%s", writing.count == 0 ? "(" : ", ", plan->columns[i].column);
			appendStringInfo(&parameters, "%s$%d", writing.count == 0 ? "" : ", ", writing.count + 1);
			add_value(&writing, row, i);
		}
	if (writing.count == 0)
		appendStringInfoString(&writing.sql, "DEFAULT VALUES");
	else
		appendStringInfo(&writing.sql, ") VALUES (%s)", parameters.data);
	return write_row(&writing, caller, row);
}

static void
append_key(Writing *writing, HeapTuple old)
{
	const KmsViewPlan *plan = writing->plan;
	const char *next = " WHERE";

	if (!plan->has_key)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("table %s has no primary key to find the row by", plan->table_name),
					errhint("Write to the table, or give it a primary key."));
	for (int i = 0; i < plan->count; i++)
		if (plan->columns[i].equality != NULL)
		{
			appendStringInfo(&writing->sql, "%s %s %s $%d", next, plan->columns[i].column, plan->columns[i].equality,
							 writing->count + 1);
			add_value(writing, old, i);
			next = " AND";
		}
}

static bool
is_changed(const KmsViewPlan *plan, HeapTuple row, HeapTuple old, int i)
{
	Form_pg_attribute attribute = TupleDescAttr(plan->descriptor, i);
	bool		is_null,
				was_null;
	Datum		value = heap_getattr(row, i + 1, plan->descriptor, &is_null);
	Datum		before = heap_getattr(old, i + 1, plan->descriptor, &was_null);

	if (is_null || was_null)
		return is_null != was_null;
	return !datumIsEqual(value, before, attribute->attbyval, attribute->attlen);
}

/* What is as it was is not written: a ciphertext stays the same then. */
static void
append_changes(Writing *writing, HeapTuple row, HeapTuple old)
{
	const KmsViewPlan *plan = writing->plan;

	for (int i = 0; i < plan->count; i++)
		if (is_written(plan, i) && is_changed(plan, row, old, i))
		{
			appendStringInfo(&writing->sql, "%s%s = $%d", writing->count == 0 ? "" : ", ",
							 plan->columns[i].column, writing->count + 1);
			add_value(writing, row, i);
		}
}

/* An UPDATE that changes nothing is one all the same for the table's triggers. */
static void
append_no_change(Writing *writing)
{
	const KmsViewPlan *plan = writing->plan;

	for (int i = 0; i < plan->count; i++)
		if (plan->columns[i].equality != NULL)
		{
			appendStringInfo(&writing->sql, "%s = %s", plan->columns[i].column, plan->columns[i].column);
			return;
		}
}

HeapTuple
decrypted_view_update(KmsViewPlan *plan, Oid caller, HeapTuple row, HeapTuple old)
{
	Writing		writing = begin_writing(plan, "UPDATE %s SET ");

	append_changes(&writing, row, old);
	if (writing.count == 0)
		append_no_change(&writing);
	append_key(&writing, old);
	return write_row(&writing, caller, row);
}

HeapTuple
decrypted_view_delete(KmsViewPlan *plan, HeapTuple old)
{
	Writing		writing = begin_writing(plan, "DELETE FROM %s");

	append_key(&writing, old);
	if (user_run_again(&plan->statement, writing.sql.data, writing.count, writing.types, writing.values,
					   writing.nulls, NULL, NULL) == 0)
		return NULL;
	return old;
}
