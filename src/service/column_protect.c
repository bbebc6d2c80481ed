/*
 * Protecting a column of a table, and taking it back.
 *
 * All that is made are objects of the table's owner, with statements that he could have
 * written himself: a trigger, a column and an index, a view.  They are in his dumps.
 */
#include "service/column_protect.h"

#include "access/xact.h"
#include "base/error.h"
#include "base/name_list.h"
#include "base/utf8.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "service/cipher.h"
#include "service/column.h"
#include "service/column.h"
#include "service/decrypted_view.h"
#include "service/mac.h"
#include "service/protected_column.h"
#include "store/catalog.h"
#include "store/store.h"
#include "store/user_rows.h"
#include "store/user_statement.h"
#include "store/user_table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Triggers fire in the order of their names: this one is to see what others make of a value. */
#define TRIGGER_PREFIX	"zz_kms_encrypt"
#define INDEX_SUFFIX	"blind_index"

/* ---- what can be protected ---------------------------------------------------- */

static void
err_kind(Relation table, const char *hint)
{
	kms_ereport(ERRCODE_WRONG_OBJECT_TYPE, API_INVALID_PARAMETER,
				errmsg("columns of \"%s\" cannot be protected", RelationGetRelationName(table)),
				errhint("%s", hint));
}

static void
require_table(Relation table)
{
	char		kind = table->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		err_kind(table, "It must be a table of this database.");
	if (table->rd_rel->relispartition)
		err_kind(table, "It is a partition: protect the column of the partitioned table.");
	if (RelationGetNamespace(table) == store_catalog()->schema || IsSystemRelation(table))
		err_kind(table, "It is not a table of a user.");
}

/* It may have been renamed to the very column that is to be protected. */
static void
require_complete(Oid relation)
{
	ListCell   *cell;

	foreach(cell, protected_columns(relation))
	{
		const KmsProtectedColumn *protected = lfirst(cell);

		if (protected->number <= 0)
			kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
						errmsg("trigger \"%s\" of table \"%s\" encrypts column \"%s\", which does not exist any more",
							   protected->trigger, get_rel_name(relation), protected->column),
						errhint("If it was renamed, create the trigger anew with NEW_NAME=%s in place of its name.",
								quote_identifier(protected->name)));
	}
}

static void
require_unprotected(Oid relation, const char *column)
{
	const KmsProtectedColumn *protected = protected_column_find(relation, column);

	if (protected != NULL)
		kms_ereport(ERRCODE_DUPLICATE_OBJECT, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" is protected already, by trigger \"%s\"",
						   column, get_rel_name(relation), protected->trigger));
}

/* What compares values or looks into them: it would see ciphertext, which is never twice the same. */
static void
require_unconstrained(Oid relation, const char *column, AttrNumber number)
{
	static const Oid types[] = {OIDOID, INT2OID};
	static const char sql[] =
		"SELECT 'constraint \"' OPERATOR(pg_catalog.||) c.conname OPERATOR(pg_catalog.||) '\"'"
		"  FROM pg_catalog.pg_constraint c"
		" WHERE (c.conrelid OPERATOR(pg_catalog.=) $1 AND c.contype OPERATOR(pg_catalog.<>) 'n'"
		"        AND $2 OPERATOR(pg_catalog.=) ANY (c.conkey))"
		"    OR (c.confrelid OPERATOR(pg_catalog.=) $1 AND $2 OPERATOR(pg_catalog.=) ANY (c.confkey))"
		" UNION ALL"
		" SELECT CASE WHEN i.indisunique THEN 'unique index \"' ELSE 'constraint \"' END"
		"        OPERATOR(pg_catalog.||) i.indexrelid::pg_catalog.regclass::pg_catalog.text OPERATOR(pg_catalog.||) '\"'"
		"  FROM pg_catalog.pg_index i"
		" WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND (i.indisunique OR i.indisexclusion)"
		/* Its columns, and those of its expressions and condition. */
		"   AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
		"                  AND d.objid OPERATOR(pg_catalog.=) i.indexrelid AND d.refobjid OPERATOR(pg_catalog.=) $1"
		"                  AND d.refobjsubid OPERATOR(pg_catalog.=) $2)"
		" UNION ALL"
		/* What a partition key is made of cannot be dropped: a column depends on its own table then. */
		" SELECT 'the partition key' FROM pg_catalog.pg_depend d"
		" WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) $1"
		"   AND d.objsubid OPERATOR(pg_catalog.=) $2 AND d.refclassid OPERATOR(pg_catalog.=) d.classid"
		"   AND d.refobjid OPERATOR(pg_catalog.=) $1 AND d.deptype OPERATOR(pg_catalog.=) 'i'"
		" UNION ALL"
		" SELECT 'generated column \"' OPERATOR(pg_catalog.||) a.attname OPERATOR(pg_catalog.||) '\"'"
		"  FROM pg_catalog.pg_attrdef d"
		"  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) d.adrelid"
		"   AND a.attnum OPERATOR(pg_catalog.=) d.adnum AND a.attgenerated OPERATOR(pg_catalog.<>) ''"
		"  JOIN pg_catalog.pg_depend n ON n.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass"
		"   AND n.objid OPERATOR(pg_catalog.=) d.oid AND n.refobjid OPERATOR(pg_catalog.=) d.adrelid"
		" WHERE d.adrelid OPERATOR(pg_catalog.=) $1 AND n.refobjsubid OPERATOR(pg_catalog.=) $2"
		"   AND a.attnum OPERATOR(pg_catalog.<>) $2";
	Datum		values[] = {ObjectIdGetDatum(relation), Int16GetDatum(number)};
	List	   *found = user_strings(sql, lengthof(values), types, values);

	if (found != NIL)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of table \"%s\" cannot be protected: it is part of %s",
						   column, get_rel_name(relation), (char *) linitial(found)),
					errhint("It would see ciphertext. Drop it first; a blind index can be unique."));
}

/* A context column for each column of the primary key. */
static List *
primary_key(Oid relation)
{
	static const Oid types[] = {OIDOID};
	static const char sql[] =
		"SELECT a.attname FROM pg_catalog.pg_constraint c"
		"  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.conrelid"
		"   AND a.attnum OPERATOR(pg_catalog.=) ANY (c.conkey)"
		" WHERE c.conrelid OPERATOR(pg_catalog.=) $1 AND c.contype OPERATOR(pg_catalog.=) 'p' ORDER BY a.attnum";
	Datum		value = ObjectIdGetDatum(relation);
	List	   *names = user_strings(sql, 1, types, &value);

	if (names == NIL)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
					errmsg("table \"%s\" has no primary key", get_rel_name(relation)),
					errhint("Name the columns that tell its rows as context_columns. With '{}' any row's ciphertext opens in any other."));
	return names;
}

static kc_view
view_of(const char *string)
{
	return utf8_from_server("name", string, strlen(string));
}

/* In the view each is two arguments of a function, behind the value and two pairs. */
static void
require_few(const List *context_columns)
{
	int			max = (FUNC_MAX_ARGS - 5) / 2;

	if (list_length(context_columns) > max)
		kms_ereport(ERRCODE_TOO_MANY_ARGUMENTS, API_INVALID_PARAMETER,
					errmsg("invalid value for context_columns: there are more than %d", max));
}

/* As a writer would: what is wrong with the keys shows now, not at the first row. */
static void
try_keys(Oid caller, KmsProtect *request)
{
	KmsCallSite *site = palloc0(sizeof(KmsCallSite));
	KmsCallSite *search_site = palloc0(sizeof(KmsCallSite));
	kc_view		nothing = kc_view_of(NULL, 0);
	ContextWriter context;

	context_writer_init(&context);
	context_begin(&context);
	context_put(&context, view_of("column"), view_of(request->column));
	context_put(&context, view_of("table"), view_of(get_rel_name(request->relation)));
	request->trial = cipher_encrypt(site, caller, ACTION_ENCRYPT, view_of(request->key), nothing, context_end(&context), NULL);
	if (request->search_key != NULL)
		(void) mac_blind_index(search_site, caller, view_of(request->search_key), nothing, nothing);
}

/* ---- protecting --------------------------------------------------------------- */

static const char *
index_column(const char *column)
{
	return makeObjectName(column, NULL, INDEX_SUFFIX);
}

static void
add_index(Oid relation, const char *column)
{
	const char *index = user_column_name(index_column(column));
	ListCell   *cell;

	user_run(psprintf("ALTER TABLE %s ADD COLUMN %s pg_catalog.bytea", user_table_name(relation), index));
	if (get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE)
		user_run(psprintf("CREATE INDEX ON %s (%s)", user_table_name(relation), index));
	else
		foreach(cell, user_table_parts(relation, ShareRowExclusiveLock))
			user_run(psprintf("CREATE INDEX ON %s (%s)", user_table_name(lfirst_oid(cell)), index));
}

static bool
has_trigger(Oid relation, const char *name)
{
	return OidIsValid(get_trigger_oid(relation, name, true));
}

/* Two long names may begin alike. */
static char *
free_trigger_name(Oid relation, const char *column)
{
	char	   *name = makeObjectName(TRIGGER_PREFIX, column, NULL);

	for (int i = 1; has_trigger(relation, name); i++)
		name = makeObjectName(TRIGGER_PREFIX, column, psprintf("%d", i));
	return name;
}

static void
append_argument(StringInfo sql, const char *argument)
{
	appendStringInfo(sql, ", %s", quote_literal_cstr(argument));
}

static char *
name_list(List *names)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, names)
		appendStringInfo(&list, "%s%s", list.len == 0 ? "" : ",", name_list_item(lfirst(cell), lfirst(cell)));
	return list.data;
}

/* Its name. */
static const char *
add_trigger(const KmsProtect *request, Oid relation)
{
	const char *name = free_trigger_name(relation, request->column);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s(%s",
					 quote_identifier(name), user_table_name(relation),
					 store_function_name(PROTECTED_COLUMN_TRIGGER), quote_literal_cstr(request->key));
	append_argument(&sql, name_list_item(request->column, request->column));
	append_argument(&sql, name_list(request->context_columns));
	append_argument(&sql, get_rel_name(request->relation));
	if (request->search_key != NULL)
	{
		append_argument(&sql, request->search_key);
		append_argument(&sql, name_list_item(request->column, index_column(request->column)));
	}
	appendStringInfoChar(&sql, ')');
	user_run(sql.data);
	return name;
}

/* Everything that the trigger would refuse at the first row it refuses now. */
static void
try_trigger(const KmsProtect *request, Oid relation, const char *trigger)
{
	Relation	table = user_table_open(relation, NoLock);
	const KmsColumnPlan *plan = protected_column_plan(table, trigger);

	(void) column_wrap(&plan->columns[0], request->trial);
	user_table_close(table);
}

/* A partitioned table hands its triggers on; heirs have their own. */
static void
add_triggers(const KmsProtect *request)
{
	List	   *parts = user_table_parts(request->relation, ShareRowExclusiveLock);
	const char *trigger = NULL;
	ListCell   *cell;

	if (get_rel_relkind(request->relation) == RELKIND_PARTITIONED_TABLE)
	{
		trigger = add_trigger(request, request->relation);
		try_trigger(request, request->relation, trigger);
	}
	foreach(cell, parts)
	{
		if (get_rel_relkind(request->relation) != RELKIND_PARTITIONED_TABLE)
			trigger = add_trigger(request, lfirst_oid(cell));
		try_trigger(request, lfirst_oid(cell), trigger);
	}
}

/* Before the table, as those do who write through them. */
static void
lock_views(Oid relation)
{
	ListCell   *cell;

	foreach(cell, decrypted_views_of(relation))
		user_table_lock(lfirst_oid(cell), AccessExclusiveLock);
}

static void
require_member(Oid member, const char *column)
{
	if (get_rel_relkind(member) == RELKIND_FOREIGN_TABLE)
		kms_ereport(ERRCODE_WRONG_OBJECT_TYPE, API_INVALID_PARAMETER,
					errmsg("columns of \"%s\" cannot be protected", get_rel_name(member)),
					errhint("It is a foreign table. A trigger of your own can encrypt what is sent to it."));
	require_unprotected(member, column);
	require_unconstrained(member, column, user_column_number(member, column));
}

static void
require_protectable(Oid caller, const KmsProtect *request)
{
	/* A column is added for an index: to take the stronger lock later could be a deadlock. */
	LOCKMODE	lock = request->search_key == NULL ? ShareRowExclusiveLock : AccessExclusiveLock;
	Relation	table;
	ListCell   *cell;

	protected_column_require_owner(caller, request->relation);
	store_require_writable();	/* a standby would refuse the lock, without a way out */
	lock_views(request->relation);
	table = user_table_open(request->relation, lock);
	require_table(table);
	user_table_close(table);
	protected_column_require_owner(caller, request->relation);
	require_complete(request->relation);
	foreach(cell, user_table_family(request->relation, lock))
		require_member(lfirst_oid(cell), request->column);
}

void
column_protect(Oid caller, KmsProtect *request)
{
	require_protectable(caller, request);
	if (request->by_primary_key)
		request->context_columns = primary_key(request->relation);
	require_few(request->context_columns);
	try_keys(caller, request);
	if (request->search_key != NULL)
		add_index(request->relation, request->column);
	add_triggers(request);
	decrypted_view_refresh(caller, request->relation, 0);
	if (user_table_has_pages(request->relation))
		ereport(NOTICE,
				(errmsg("rows that are there already stay as they are"),
				 errhint("CALL kms_encrypt_existing(%s, %s) encrypts them.",
						 quote_literal_cstr(user_table_name(request->relation)), quote_literal_cstr(request->column))));
}

/* ---- taking it back ----------------------------------------------------------- */

static void
require_alone(const KmsProtectedColumn *column)
{
	ListCell   *cell;

	foreach(cell, protected_columns(column->relation))
	{
		const KmsProtectedColumn *other = lfirst(cell);

		if (strcmp(other->trigger, column->trigger) == 0 && strcmp(other->column, column->column) != 0)
			kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_INVALID_PARAMETER,
						errmsg("trigger \"%s\" encrypts other columns, too", column->trigger),
						errhint("Make one trigger for each column, with the same arguments for the rest."));
	}
}

static void
drop_triggers(const KmsProtectedColumn *column)
{
	List	   *members = list_make1_oid(column->relation);
	ListCell   *cell;

	if (get_rel_relkind(column->relation) != RELKIND_PARTITIONED_TABLE)
		members = user_table_parts(column->relation, AccessExclusiveLock);
	foreach(cell, members)
	{
		const KmsProtectedColumn *own = protected_column_find(lfirst_oid(cell), column->column);

		if (own == NULL)
			continue;
		require_alone(own);
		user_run(psprintf("DROP TRIGGER %s ON %s", quote_identifier(own->trigger), user_table_name(own->relation)));
	}
}

static void
drop_index(const KmsProtectedColumn *column)
{
	user_run(psprintf("ALTER TABLE %s DROP COLUMN %s", user_table_name(column->relation),
					  user_column_name(column->index)));
}

static HeapTuple
decrypted(HeapTuple row, void *argument)
{
	return column_rewrite_row(argument, row);
}

static bool
is_sealed(Datum value, void *argument)
{
	return column_rewrite_wants(argument, value);
}

/* All rows of a part; one that does not open stops it.  An heir that was made later may have nothing to decrypt. */
static void
decrypt_part(Oid caller, Oid part, const char *name)
{
	const KmsProtectedColumn *protected = protected_column_find(part, name);
	KmsColumnRewrite rewrite = {.caller = caller, .work = REWRITE_DECRYPT};
	UserPass	pass = {0};
	Relation	table;

	if (protected == NULL)
		return;
	protected_column_require_unreferenced(part, protected);
	table = user_table_open(part, AccessExclusiveLock);
	rewrite.plan = protected_column_plan(table, protected->trigger);
	rewrite.column = column_plan_find(rewrite.plan, name);
	(void) user_rewrite(table, rewrite.column->number, &pass, is_sealed, decrypted, &rewrite, INT_MAX);
	user_table_close(table);
}

/* The rows come first: with the trigger goes the knowledge how they are encrypted. */
void
column_unprotect(Oid caller, Oid relation, const char *name)
{
	const KmsProtectedColumn *column;
	ListCell   *cell;

	protected_column_require_own(caller, relation);
	store_require_writable();
	lock_views(relation);
	user_table_close(user_table_open(relation, AccessExclusiveLock));
	protected_column_require_own(caller, relation);
	column = protected_column_require(relation, name);
	(void) user_column_number(relation, name);
	user_table_require_all_rows(relation);
	protected_column_require_unreferenced(relation, column);
	foreach(cell, user_table_parts(relation, AccessExclusiveLock))
		decrypt_part(caller, lfirst_oid(cell), name);
	drop_triggers(column);
	decrypted_view_refresh(caller, relation, column->index == NULL ? 0 : get_attnum(relation, column->index));
	if (column->index != NULL)
		drop_index(column);
}
