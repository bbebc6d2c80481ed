/*
 * Which columns of which tables are encrypted.
 */
#include "service/protected_column.h"

#include "base/compat.h"
#include "base/error.h"
#include "base/name_list.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "store/catalog.h"
#include "store/trigger.h"
#include "store/user_table.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* ---- reading triggers --------------------------------------------------------- */

/* As the trigger has it: see column_plan.c.  Of partitions that have no name of their own it is the table's. */
static const char *
table_in_context(const StoreTrigger *trigger)
{
	Oid			table = trigger->relation;
	List	   *ancestors = NIL;
	const char *name;

	if (list_length(trigger->arguments) > TRIGGER_TABLE)
		return list_nth(trigger->arguments, TRIGGER_TABLE);
	if (get_rel_relispartition(table))
		ancestors = get_partition_ancestors(table);
	name = get_rel_name(ancestors != NIL ? llast_oid(ancestors) : table);
	return name != NULL ? name : "";
}

static void
set_index(KmsProtectedColumn *column, const StoreTrigger *trigger)
{
	List	   *items;
	ListCell   *cell;

	if (list_length(trigger->arguments) <= TRIGGER_INDEXES ||
		!name_list_try(list_nth(trigger->arguments, TRIGGER_INDEXES), &items))
		return;
	foreach(cell, items)
	{
		const NameItem *item = lfirst(cell);

		if (strcmp(item->name, column->column) != 0)
			continue;
		column->index = item->alias;
		column->search_key = list_nth(trigger->arguments, TRIGGER_SEARCH_KEY);
	}
}

static KmsProtectedColumn *
column_of(const StoreTrigger *trigger, const NameItem *item, List *context_columns)
{
	KmsProtectedColumn *column = palloc0(sizeof(KmsProtectedColumn));
	bool		is_text;

	column->relation = trigger->relation;
	column->trigger = trigger->name;
	column->enabled = trigger->enabled;
	column->column = item->name;
	column->number = user_column_find(trigger->relation, item->name, &is_text);
	column->name = item->alias;
	column->table = table_in_context(trigger);
	column->key = list_nth(trigger->arguments, TRIGGER_KEY);
	column->context_columns = context_columns;
	set_index(column, trigger);
	return column;
}

/* Each name once, as the trigger wants it. */
static bool
read_list(const StoreTrigger *trigger, int number, List **items)
{
	*items = NIL;
	if (number >= list_length(trigger->arguments))
		return true;
	return name_list_try(list_nth(trigger->arguments, number), items) && !name_list_repeats(*items);
}

static bool
has_system_column(Oid relation, const List *items)
{
	ListCell   *cell;

	foreach(cell, items)
		if (get_attnum(relation, ((const NameItem *) lfirst(cell))->name) < 0)
			return true;
	return false;
}

/* Whoever made a trigger by hand may have given it anything: what it would refuse is no protection. */
static List *
columns_of(const StoreTrigger *trigger)
{
	int			count = list_length(trigger->arguments);
	List	   *items;
	List	   *context_columns;
	List	   *columns = NIL;
	ListCell   *cell;

	if (trigger->type != TRIGGER_ENCRYPTS || !column_plan_takes(count) ||
		!read_list(trigger, TRIGGER_COLUMNS, &items) || !read_list(trigger, TRIGGER_CONTEXT, &context_columns) ||
		has_system_column(trigger->relation, context_columns) || *table_in_context(trigger) == '\0')
		return NIL;
	foreach(cell, items)
		columns = lappend(columns, column_of(trigger, lfirst(cell), context_columns));
	return columns;
}

List *
protected_columns(Oid relation)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, store_triggers(store_function(PROTECTED_COLUMN_TRIGGER), relation))
	{
		const StoreTrigger *trigger = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (OidIsValid(relation) || (!trigger->is_copy && user_table_is_reachable(trigger->relation)))
			columns = list_concat(columns, columns_of(trigger));
	}
	return columns;
}

KmsProtectedColumn *
protected_column_find(Oid relation, const char *name)
{
	ListCell   *cell;

	foreach(cell, protected_columns(relation))
	{
		KmsProtectedColumn *column = lfirst(cell);

		if (strcmp(column->column, name) == 0)
			return column;
	}
	return NULL;
}

KmsProtectedColumn *
protected_column_require(Oid relation, const char *name)
{
	KmsProtectedColumn *column = protected_column_find(relation, name);

	if (column == NULL)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" is not protected", name, get_rel_name(relation)),
					errhint("kms_protect_column does that; kms.protected_columns shows which are."));
	return column;
}

KmsColumnPlan *
protected_column_plan(Relation table, const char *trigger)
{
	const TriggerDesc *triggers = table->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (strcmp(triggers->triggers[i].tgname, trigger) == 0)
			return column_plan_make(table, &CopyTriggerDesc(table->trigdesc)->triggers[i]);
	elog(ERROR, "trigger \"%s\" of table \"%s\" is gone", trigger, RelationGetRelationName(table));
}

void
protected_column_require_owner(Oid caller, Oid relation)
{
	user_table_require(relation);
	if (!RELATION_IS_OWNED(relation, caller))
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("must be owner of table %s", get_rel_name(relation)));
}

void
protected_column_require_own(Oid caller, Oid relation)
{
	protected_column_require_owner(caller, relation);
	if (superuser_arg(caller) && user_table_owner(relation) != caller)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("must be owner of table %s", get_rel_name(relation)),
					errhint("A superuser who trusts the owner with the plaintext can SET ROLE to him."));
}

void
protected_column_require_unreferenced(Oid relation, const KmsProtectedColumn *column)
{
	user_column_require_unreferenced(relation, get_attnum(relation, column->column));
	if (column->index != NULL)
		user_column_require_unreferenced(relation, get_attnum(relation, column->index));
}
