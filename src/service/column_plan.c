/*
 * What a trigger on a table has to encrypt.
 *
 * Everything is checked that could make ciphertext of no use later, or leave plaintext
 * where ciphertext is expected; in doubt the statement fails.
 */
#include "service/column_plan.h"

#include "base/error.h"
#include "base/name_list.h"
#include "base/utf8.h"
#include "base/value_text.h"
#include "catalog/heap.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#define ARGUMENTS_MIN	2
#define ARGUMENTS_MAX	6

#define TABLE_NAME		"table"
#define COLUMN_NAME		"column"

bool
column_plan_takes(int count)
{
	return count >= ARGUMENTS_MIN && count <= ARGUMENTS_MAX && count != TRIGGER_INDEXES;
}

static void
require_arguments(const Trigger *trigger)
{
	if (!column_plan_takes(trigger->tgnargs))
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("kms_encrypt_columns takes two to four arguments, or six"),
					errhint("They are a key, a list of columns, a list of context columns, the name of the table in the context, a search key, and a list like ssn=ssn_blind_index."));
}

static List *
columns_of(const Trigger *trigger)
{
	List	   *items = name_list_parse("columns", trigger->tgargs[TRIGGER_COLUMNS]);

	if (items == NIL)
		err_invalid("columns", "it names no column");
	return items;
}

static List *
context_columns_of(const Trigger *trigger)
{
	return trigger->tgnargs > TRIGGER_CONTEXT ? name_list_parse("context_columns", trigger->tgargs[TRIGGER_CONTEXT]) : NIL;
}

static List *
blind_indexes_of(const Trigger *trigger)
{
	return trigger->tgnargs > TRIGGER_INDEXES ? name_list_parse("blind_indexes", trigger->tgargs[TRIGGER_INDEXES]) : NIL;
}

static kc_view
name_in_context(const char *name)
{
	return utf8_from_server("name", name, strlen(name));
}

/* While a partition is being detached it has ancestors no more, or not all of them. */
static Oid
root_of(Relation partition)
{
	List	   *ancestors = get_partition_ancestors(RelationGetRelid(partition));

	if (ancestors == NIL || get_rel_relispartition(llast_oid(ancestors)))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("partition \"%s\" is being detached", RelationGetRelationName(partition)),
					errhint("Finish it with ALTER TABLE ... DETACH PARTITION ... FINALIZE, or name the table in the trigger's fourth argument."));
	return llast_oid(ancestors);
}

/*
 * The name is the trigger's fourth argument: like that it stays as it is when the table
 * is renamed.  Without one it is what the table is called now, or whose partition it is.
 */
static kc_view
table_name(Relation relation, const Trigger *trigger)
{
	Oid			table = RelationGetRelid(relation);

	if (trigger->tgnargs > TRIGGER_TABLE)
	{
		if (trigger->tgargs[TRIGGER_TABLE][0] == '\0')
			err_invalid("table_name", "it is empty");
		return name_in_context(trigger->tgargs[TRIGGER_TABLE]);
	}
	if (relation->rd_rel->relispartition)
		table = root_of(relation);
	return name_in_context(get_rel_name(table));
}

static Form_pg_attribute
find_column(Relation relation, const char *name)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute;
	}
	if (SystemAttributeByName(name) != NULL)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_INVALID_PARAMETER,
					errmsg("\"%s\" is a system column, which cannot be encrypted and is no context", name));
	return NULL;
}

/* way_out: what stands in its place if it was renamed. */
static void
err_no_column(Relation relation, const char *name, const char *way_out)
{
	kms_ereport(ERRCODE_UNDEFINED_COLUMN, API_INVALID_PARAMETER,
				errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(relation)),
				errhint("Create the trigger anew. If the column was renamed, write %s to keep what is encrypted.", way_out));
}

static Form_pg_attribute
require_column(Relation relation, const NameItem *item)
{
	Form_pg_attribute attribute = find_column(relation, item->name);

	if (attribute == NULL)
		err_no_column(relation, item->name, psprintf("NEW_NAME=%s", quote_identifier(item->alias)));
	return attribute;
}

/* In a list like ssn=ssn_blind_index. */
static Form_pg_attribute
require_index(Relation relation, const NameItem *item)
{
	Form_pg_attribute attribute = find_column(relation, item->alias);

	if (attribute == NULL)
		err_no_column(relation, item->alias, psprintf("%s=NEW_NAME", quote_identifier(item->name)));
	return attribute;
}

/* PostgreSQL computes them after the trigger: what it returns would not count, and what it sees is not there yet. */
static void
require_not_generated(const FormData_pg_attribute *attribute, const char *verb)
{
	if (attribute->attgenerated != '\0')
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_INVALID_PARAMETER,
					errmsg("column \"%s\" is generated and cannot be %s", NameStr(attribute->attname), verb));
}

static void
err_type(const FormData_pg_attribute *attribute, const char *hint)
{
	kms_ereport(ERRCODE_DATATYPE_MISMATCH, API_INVALID_PARAMETER,
				errmsg("column \"%s\" of type %s cannot be encrypted", NameStr(attribute->attname),
					   format_type_with_typemod(attribute->atttypid, attribute->atttypmod)),
				errhint("%s", hint));
}

/* A trigger's result is not checked against the constraints of a domain, but a restored dump is. */
static void
set_type(KmsPlanColumn *column, const FormData_pg_attribute *attribute)
{
	int32		modifier = attribute->atttypmod;
	Oid			type = getBaseTypeAndTypmod(attribute->atttypid, &modifier);

	if (type != BYTEAOID && type != TEXTOID && type != VARCHAROID)
		err_type(attribute, "A ciphertext is kept in a column of type bytea or text.");
	if (type != attribute->atttypid && DomainHasConstraints(attribute->atttypid))
		err_type(attribute, "A ciphertext does not meet the constraints of a domain.");
	column->is_text = type != BYTEAOID;
	column->max_len = type == VARCHAROID && modifier >= (int32) VARHDRSZ ? modifier - VARHDRSZ : 0;
}

static void
set_column(KmsPlanColumn *column, Relation relation, const NameItem *item)
{
	Form_pg_attribute attribute = require_column(relation, item);

	require_not_generated(attribute, "encrypted");
	set_type(column, attribute);
	column->number = attribute->attnum;
	column->column = item->name;
	column->name = name_in_context(item->alias);
	initStringInfo(&column->last.context);
}

/* The same name in the context would let one column's ciphertext stand in for another's. */
static void
require_distinct(const List *items)
{
	const char *name = name_list_repeats(items);

	if (name != NULL)
		kms_ereport(ERRCODE_DUPLICATE_COLUMN, API_INVALID_PARAMETER,
					errmsg("\"%s\" is named twice", name));
}

static void
set_columns(KmsColumnPlan *plan, Relation relation, const List *items)
{
	require_distinct(items);
	plan->columns = palloc0(list_length(items) * sizeof(KmsPlanColumn));
	for (int i = 0; i < list_length(items); i++)
		set_column(&plan->columns[plan->column_count++], relation, list_nth(items, i));
}

static void
require_context_type(const FormData_pg_attribute *attribute, Oid type)
{
	if (!value_text_exists(type))
		kms_ereport(ERRCODE_DATATYPE_MISMATCH, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of type %s cannot be context", NameStr(attribute->attname),
						   format_type_be(attribute->atttypid)),
					errhint("A context column is a boolean, an integer, numeric, uuid, a string, a date or a timestamp."));
}

static void
set_pair(KmsPlanPair *pair, Relation relation, const NameItem *item)
{
	Form_pg_attribute attribute = require_column(relation, item);

	require_not_generated(attribute, "context");
	pair->source = PAIR_VALUE;
	pair->key = name_in_context(item->alias);
	pair->number = attribute->attnum;
	pair->type = getBaseType(attribute->atttypid);
	pair->by_value = attribute->attbyval;
	pair->len = attribute->attlen;
	pair->column = item->name;
	require_context_type(attribute, pair->type);
	if (strcmp(item->alias, TABLE_NAME) == 0 || strcmp(item->alias, COLUMN_NAME) == 0)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("a context column cannot be called \"%s\" in the context", item->alias),
					errhint("Give it another name: %s=NAME.", quote_identifier(item->name)));
}

KmsPlanColumn *
column_plan_find(KmsColumnPlan *plan, const char *name)
{
	for (int i = 0; i < plan->column_count; i++)
		if (strcmp(plan->columns[i].column, name) == 0)
			return &plan->columns[i];
	return NULL;
}

static void
set_index(KmsColumnPlan *plan, Relation relation, const NameItem *item)
{
	KmsPlanColumn *column = column_plan_find(plan, item->name);
	Form_pg_attribute attribute = require_index(relation, item);

	if (column == NULL)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("column \"%s\" has a blind index and is not encrypted", item->name));
	require_not_generated(attribute, "a blind index");
	if (getBaseType(attribute->atttypid) != BYTEAOID)
		kms_ereport(ERRCODE_DATATYPE_MISMATCH, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of type %s cannot be a blind index", item->alias,
						   format_type_be(attribute->atttypid)),
					errhint("A blind index is kept in a column of type bytea."));
	column->index_number = attribute->attnum;
}

static void
set_indexes(KmsColumnPlan *plan, Relation relation, const Trigger *trigger, const List *items)
{
	ListCell   *cell;

	require_distinct(items);
	if (items != NIL)
		plan->search_reference = kc_view_of(trigger->tgargs[TRIGGER_SEARCH_KEY], strlen(trigger->tgargs[TRIGGER_SEARCH_KEY]));
	foreach(cell, items)
		set_index(plan, relation, lfirst(cell));
}

static int
compare_pairs(const void *a, const void *b)
{
	return context_compare_keys(((const KmsPlanPair *) a)->key, ((const KmsPlanPair *) b)->key);
}

static void
set_pairs(KmsColumnPlan *plan, Relation relation, const List *items)
{
	require_distinct(items);
	plan->pairs = palloc0((list_length(items) + 2) * sizeof(KmsPlanPair));
	plan->pairs[plan->pair_count++] = (KmsPlanPair) {.key = name_in_context(TABLE_NAME), .source = PAIR_TABLE};
	plan->pairs[plan->pair_count++] = (KmsPlanPair) {.key = name_in_context(COLUMN_NAME), .source = PAIR_COLUMN};
	for (int i = 0; i < list_length(items); i++)
		set_pair(&plan->pairs[plan->pair_count++], relation, list_nth(items, i));
	qsort(plan->pairs, plan->pair_count, sizeof(KmsPlanPair), compare_pairs);
}

static bool
has_name(const List *items, const char *name)
{
	ListCell   *cell;

	foreach(cell, items)
		if (strcmp(((const NameItem *) lfirst(cell))->name, name) == 0)
			return true;
	return false;
}

/* The first name of a that is also in b; NULL if there is none. */
static const char *
common_name(const List *a, const List *b)
{
	ListCell   *cell;

	foreach(cell, a)
	{
		const NameItem *item = lfirst(cell);

		if (has_name(b, item->name))
			return item->name;
	}
	return NULL;
}

/* Readers find only its ciphertext, which changes with each encryption. */
static void
require_plain_context(const List *columns, const List *context_columns)
{
	const char *name = common_name(columns, context_columns);

	if (name != NULL)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("column \"%s\" is encrypted and cannot be context", name));
}

/* A blind index that is encrypted finds nothing, and one that is context changes with the value. */
static void
require_plain_indexes(const List *indexes, const List *columns, const List *context_columns)
{
	ListCell   *cell;

	foreach(cell, indexes)
	{
		const NameItem *item = lfirst(cell);

		if (has_name(columns, item->alias) || has_name(context_columns, item->alias))
			kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
						errmsg("column \"%s\" is encrypted or context and cannot be a blind index", item->alias));
	}
}

/* Another trigger of ours would encrypt ciphertext, or change what is context here. */
static void
require_no_other(Relation relation, const Trigger *trigger, const List *columns, const List *context_columns,
				 const List *indexes)
{
	const TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *other = &triggers->triggers[i];
		List	   *others;
		const char *name;

		if (other->tgfoid != trigger->tgfoid || other->tgoid == trigger->tgoid ||
			other->tgenabled == TRIGGER_DISABLED || other->tgnargs < ARGUMENTS_MIN)
			continue;
		others = columns_of(other);
		name = common_name(columns, others);
		if (name != NULL)
			kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
						errmsg("column \"%s\" is encrypted by two triggers, \"%s\" and \"%s\"",
							   name, trigger->tgname, other->tgname));
		require_plain_context(others, context_columns);
		require_plain_context(columns, context_columns_of(other));
		require_plain_indexes(blind_indexes_of(other), columns, context_columns);
		require_plain_indexes(indexes, others, NIL);
		require_distinct(list_concat_copy(indexes, blind_indexes_of(other)));
	}
}

KmsColumnPlan *
column_plan_make(Relation relation, const Trigger *trigger)
{
	KmsColumnPlan *plan = palloc0(sizeof(KmsColumnPlan));
	List	   *columns;
	List	   *context_columns;
	List	   *indexes;

	require_arguments(trigger);
	columns = columns_of(trigger);
	context_columns = context_columns_of(trigger);
	indexes = blind_indexes_of(trigger);
	require_plain_context(columns, context_columns);
	require_plain_indexes(indexes, columns, context_columns);
	require_no_other(relation, trigger, columns, context_columns, indexes);

	plan->descriptor = RelationGetDescr(relation);
	plan->reference = kc_view_of(trigger->tgargs[TRIGGER_KEY], strlen(trigger->tgargs[TRIGGER_KEY]));
	plan->table = table_name(relation, trigger);
	set_columns(plan, relation, columns);
	set_pairs(plan, relation, context_columns);
	set_indexes(plan, relation, trigger, indexes);
	context_writer_init(&plan->context);
	context_writer_init(&plan->old_context);
	plan->numbers = palloc(2 * plan->column_count * sizeof(int));
	plan->values = palloc(2 * plan->column_count * sizeof(Datum));
	plan->nulls = palloc(2 * plan->column_count * sizeof(bool));
	return plan;
}
