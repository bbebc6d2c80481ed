/*
 * Where our tables are.  The schema is the one that belongs to the extension,
 * whatever it is called by now.
 */
#include "store/catalog.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static StoreCatalog catalog;

/* The count of invalidations at which catalog was last known to be right. */
static uint64 seen_count;

/* The schema that the extension's script made: its only member of that kind. */
static Oid
extension_schema(Oid extension)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend entry = (Form_pg_depend) GETSTRUCT(tuple);

		if (entry->classid == NamespaceRelationId && entry->deptype == DEPENDENCY_EXTENSION)
			schema = entry->objid;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return schema;
}

static void
err_not_installed(void)
{
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_SERVICE_NOT_ENABLED,
				errmsg("extension \"kms\" is not installed in this database"),
				errhint("Run CREATE EXTENSION kms."));
}

static Oid
relation_in(Oid schema, const char *name)
{
	Oid			relation = get_relname_relid(name, schema);

	if (!OidIsValid(relation))
		err_not_installed();
	return relation;
}

static Oid
table_in(Oid schema, const char *name)
{
	Oid			relation = relation_in(schema, name);

	invalidation_watch(relation);
	return relation;
}

static Oid
owner_of(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		err_not_installed();
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* InvalidOid where the extension is not there, or being dropped. */
static Oid
installed_schema(void)
{
	Oid			extension = get_extension_oid("kms", true);

	return OidIsValid(extension) ? extension_schema(extension) : InvalidOid;
}

static void
look_up(StoreCatalog *found)
{
	Oid			schema = installed_schema();

	if (!OidIsValid(schema))
		err_not_installed();
	invalidation_unwatch();
	found->schema = schema;
	found->key = table_in(schema, "key");
	found->key_version = table_in(schema, "key_version");
	found->alias = table_in(schema, "alias");
	found->account = table_in(schema, "account");
	found->domain_key = table_in(schema, "domain_key");
	found->import_token = table_in(schema, "import_token");
	found->import_token_pkey = relation_in(schema, "import_token_pkey");
	found->role_anchor = table_in(schema, "role_anchor");
	found->grant_entry = table_in(schema, "grant_entry");
	found->grant_entry_resource = relation_in(schema, "grant_entry_resource");
	found->grant_entry_grantee = relation_in(schema, "grant_entry_grantee");
	found->audit_entry = relation_in(schema, "audit_entry");
	found->audit_entry_pkey = relation_in(schema, "audit_entry_pkey");
	found->audit_head = relation_in(schema, "audit_head");
	found->audit_head_pkey = relation_in(schema, "audit_head_pkey");
	found->usage_entry = relation_in(schema, "usage_entry");
	found->tag = relation_in(schema, "tag");
	found->tag_pkey = relation_in(schema, "tag_pkey");
	found->secret = relation_in(schema, "secret");
	found->secret_pkey = relation_in(schema, "secret_pkey");
	found->secret_name_key = relation_in(schema, "secret_name_key");
	found->secret_owner = relation_in(schema, "secret_owner");
	found->secret_version = relation_in(schema, "secret_version");
	found->secret_version_pkey = relation_in(schema, "secret_version_pkey");
	found->secret_version_stage = relation_in(schema, "secret_version_stage");
	found->secret_version_stage_pkey = relation_in(schema, "secret_version_stage_pkey");
	found->secret_role = relation_in(schema, "secret_role");
	found->certificate = relation_in(schema, "certificate");
	found->certificate_pkey = relation_in(schema, "certificate_pkey");
	found->certificate_owner = relation_in(schema, "certificate_owner");
	found->key_pkey = relation_in(schema, "key_pkey");
	found->key_owner = relation_in(schema, "key_owner");
	found->key_version_pkey = relation_in(schema, "key_version_pkey");
	found->key_version_key_id = relation_in(schema, "key_version_key_id");
	found->alias_pkey = relation_in(schema, "alias_pkey");
	found->alias_key_id = relation_in(schema, "alias_key_id");
	found->owner = owner_of(found->key);
}

bool
store_installed(void)
{
	return OidIsValid(installed_schema());
}

/* Names first: nearly every relation that is dropped is somebody else's. */
bool
store_is_ours(Oid relation)
{
	static const char *const tables[] = {
		"account", "domain_key", "key", "key_version", "alias", "import_token", "grant_entry", "role_anchor",
		"secret", "secret_version", "secret_version_stage", "secret_role", "certificate"
	};
	char	   *name = get_rel_name(relation);

	for (size_t i = 0; name != NULL && i < lengthof(tables); i++)
		if (strcmp(name, tables[i]) == 0)
			return get_rel_namespace(relation) == installed_schema();
	return false;
}

Oid
store_table(const char *name)
{
	Oid			schema = installed_schema();

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

static Oid
function_in(Oid schema, const char *name)
{
	oidvector  *none = buildoidvector(NULL, 0);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(none),
						   ObjectIdGetDatum(schema));
}

/* Where the extension's own functions are. */
static Oid
function_schema(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("kms"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return schema;
}

Oid
store_function(const char *name)
{
	return function_in(function_schema(), name);
}

char *
store_function_name(const char *name)
{
	char	   *schema = get_namespace_name(function_schema());

	if (schema == NULL)
		err_not_installed();
	return quote_qualified_identifier(schema, name);
}

Oid
store_helper(const char *name)
{
	return function_in(installed_schema(), name);
}

/*
 * Any message about our tables, or one that says "everything", makes the next
 * caller look again: an extension dropped and made anew has other oids.
 */
const StoreCatalog *
store_catalog(void)
{
	StoreCatalog found = {0};

	invalidation_start();
	if (OidIsValid(catalog.schema) && seen_count == invalidation_tables_count)
		return &catalog;
	catalog.schema = InvalidOid;
	seen_count = invalidation_tables_count;
	look_up(&found);
	catalog = found;
	return &catalog;
}
