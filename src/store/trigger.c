/*
 * Triggers that run a function of ours.
 */
#include "store/trigger.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* They are in one value, each with a zero behind it. */
static List *
arguments_of(HeapTuple tuple, TupleDesc type)
{
	bool		is_null;
	bytea	   *bytes = DatumGetByteaPP(heap_getattr(tuple, Anum_pg_trigger_tgargs, type, &is_null));
	const char *next = VARDATA_ANY(bytes);
	const char *end = next + VARSIZE_ANY_EXHDR(bytes);
	List	   *arguments = NIL;

	for (; next < end; next += strlen(next) + 1)
		arguments = lappend(arguments, pstrdup(next));
	return arguments;
}

static StoreTrigger *
trigger_of(HeapTuple tuple, TupleDesc type)
{
	Form_pg_trigger row = (Form_pg_trigger) GETSTRUCT(tuple);
	StoreTrigger *trigger = palloc0(sizeof(StoreTrigger));

	trigger->oid = row->oid;
	trigger->relation = row->tgrelid;
	trigger->name = pstrdup(NameStr(row->tgname));
	trigger->enabled = row->tgenabled == TRIGGER_FIRES_ON_ORIGIN || row->tgenabled == TRIGGER_FIRES_ALWAYS;
	trigger->is_copy = OidIsValid(row->tgparentid);
	trigger->type = row->tgtype;
	trigger->arguments = arguments_of(tuple, type);
	return trigger;
}

List *
store_triggers(Oid function, Oid relation)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *triggers = NIL;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, OidIsValid(relation), NULL,
							  OidIsValid(relation) ? 1 : 0, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		if (((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == function)
			triggers = lappend(triggers, trigger_of(tuple, RelationGetDescr(catalog)));
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return triggers;
}

/* The view that a rule is the query of. */
static Oid
view_of_rule(Oid rule)
{
	Relation	catalog = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			view = InvalidOid;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(rule));
	scan = systable_beginscan(catalog, RewriteOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		view = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return view;
}

List *
store_views_of(Oid relation, Oid function)
{
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *views = NIL;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend entry = (Form_pg_depend) GETSTRUCT(tuple);
		Oid			view = entry->classid == RewriteRelationId ? view_of_rule(entry->objid) : InvalidOid;

		if (OidIsValid(view) && view != relation && get_rel_relkind(view) == RELKIND_VIEW &&
			store_triggers(function, view) != NIL)
			views = list_append_unique_oid(views, view);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return views;
}
