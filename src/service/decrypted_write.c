/*
 * Writing to a table through its view with decrypted columns.
 */
#include "service/decrypted_write.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "base/error.h"
#include "catalog/pg_operator.h"
#include "lib/stringinfo.h"
#include "rewrite/rewriteHandler.h"
#include "service/view_query.h"
#include "store/user_table.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

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
plan_column(KmsWriteColumn *column, const KmsViewColumn *shown, Oid type_in_view, Relation table, Bitmapset *key)
{
	Form_pg_attribute attribute;

	if (shown->base == 0)
		return;
	attribute = TupleDescAttr(RelationGetDescr(table), shown->base - 1);
	if (attribute->attisdropped || attribute->atttypid != type_in_view)
		return;
	column->base = shown->base;
	column->decrypted = shown->decrypted;
	column->column = user_column_name(pstrdup(NameStr(attribute->attname)));
	column->type = attribute->atttypid;
	column->generated = attribute->attgenerated != '\0';
	column->has_default = attribute->atthasdef || attribute->attidentity != '\0';
	if (bms_is_member(column->base - FirstLowInvalidHeapAttributeNumber, key))
		column->equality = equality_of(column->type);
}

/* All columns of it are in the view, or it does not tell rows. */
static bool
shows_key(const KmsWritePlan *plan, const Bitmapset *key)
{
	Bitmapset  *shown = NULL;

	for (int i = 0; i < plan->count; i++)
		if (plan->columns[i].equality != NULL)
			shown = bms_add_member(shown, plan->columns[i].base - FirstLowInvalidHeapAttributeNumber);
	return shown != NULL && bms_equal(shown, key);
}

KmsWritePlan *
decrypted_write_plan(Relation view)
{
	KmsWritePlan *plan = palloc0(sizeof(KmsWritePlan));
	Query	   *query = get_view_query(view);
	KmsViewColumn *shown;
	Relation	table;
	Bitmapset  *key;

	plan->table = view_query_table(query);
	if (!OidIsValid(plan->table))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("view \"%s\" does not read from one table", RelationGetRelationName(view)),
					errhint("Drop it, and call kms_protect_column anew or write to the table."));
	plan->statement.memory = CurrentMemoryContext;
	plan->descriptor = RelationGetDescr(view);
	plan->table_name = user_table_name(plan->table);
	shown = view_query_columns(query, &plan->count);
	plan->columns = palloc0(plan->count * sizeof(KmsWriteColumn));
	table = user_table_open(plan->table, AccessShareLock);
	(void) RelationGetIndexList(table);
	key = RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	for (int i = 0; i < plan->count; i++)
		plan_column(&plan->columns[i], &shown[i], TupleDescAttr(plan->descriptor, i)->atttypid, table, key);
	plan->has_key = shows_key(plan, key);
	user_table_close(table);
	return plan;
}

/* A statement that is being made, with its parameters. */
typedef struct Writing
{
	KmsWritePlan *plan;
	StringInfoData sql;
	int			count;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} Writing;

static Writing
begin_writing(KmsWritePlan *plan, const char *start)
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
is_written(const KmsWritePlan *plan, int i)
{
	return plan->columns[i].base != 0 && !plan->columns[i].generated;
}

/*
 * What the table made of the row: defaults, and what its triggers did.  Row security wants to
 * see a row that is returned, which it may not want of one that is written.
 */
static bool
may_return(const KmsWritePlan *plan, Oid caller)
{
	return pg_class_aclcheck(plan->table, caller, ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(plan->table, InvalidOid, true) != RLS_ENABLED;
}

static bool
is_returned(const KmsWritePlan *plan, int i)
{
	return plan->columns[i].base != 0 && !plan->columns[i].decrypted;
}

static bool
append_returning(Writing *writing)
{
	const KmsWritePlan *plan = writing->plan;
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
returned_row(const KmsWritePlan *plan, HeapTuple row, HeapTuple returned, TupleDesc type)
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
	KmsWritePlan *plan = writing->plan;
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
is_given(const KmsWritePlan *plan, HeapTuple row, int i)
{
	return is_written(plan, i) && !(plan->columns[i].has_default && heap_attisnull(row, i + 1, plan->descriptor));
}

HeapTuple
decrypted_write_insert(KmsWritePlan *plan, Oid caller, HeapTuple row)
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
	const KmsWritePlan *plan = writing->plan;
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
is_changed(const KmsWritePlan *plan, HeapTuple row, HeapTuple old, int i)
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
	const KmsWritePlan *plan = writing->plan;

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
	const KmsWritePlan *plan = writing->plan;

	for (int i = 0; i < plan->count; i++)
		if (plan->columns[i].equality != NULL)
		{
			appendStringInfo(&writing->sql, "%s = %s", plan->columns[i].column, plan->columns[i].column);
			return;
		}
}

HeapTuple
decrypted_write_update(KmsWritePlan *plan, Oid caller, HeapTuple row, HeapTuple old)
{
	Writing		writing = begin_writing(plan, "UPDATE %s SET ");

	append_changes(&writing, row, old);
	if (writing.count == 0)
		append_no_change(&writing);
	append_key(&writing, old);
	return write_row(&writing, caller, row);
}

HeapTuple
decrypted_write_delete(KmsWritePlan *plan, HeapTuple old)
{
	Writing		writing = begin_writing(plan, "DELETE FROM %s");

	append_key(&writing, old);
	if (user_run_again(&plan->statement, writing.sql.data, writing.count, writing.types, writing.values,
					   writing.nulls, NULL, NULL) == 0)
		return NULL;
	return old;
}
