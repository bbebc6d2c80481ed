/*
 * Roles of the cluster whose passwords the service changes.
 *
 * A second place beside store_open switches the user: store_open becomes the
 * owner of our tables, who often is a superuser, and PostgreSQL shall judge a
 * change of a role by what the owner of the secret may.  The search path is
 * already pinned, and the commands run no code of users.
 */
#include "store/login_role.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_db_role_setting.h"
#include "commands/user.h"
#include "crypto/kc.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* Of libpq/scram.h, which cannot be included without the headers of Kerberos. */
extern char *pg_be_scram_build_secret(const char *password);

/* Who acted before. */
typedef struct Actor
{
	Oid			user;
	int			security_context;
} Actor;

/*
 * For the length of one command of PostgreSQL.  An error in it undoes this with
 * the (sub)transaction, as it does for store_open.
 */
static Actor
act_as(Oid role)
{
	Actor		before;

	Assert(store_is_open());
	GetUserIdAndSecContext(&before.user, &before.security_context);
	SetUserIdAndSecContext(role, before.security_context | SECURITY_LOCAL_USERID_CHANGE);
	return before;
}

/* What the command did is seen from here on. */
static void
act_as_before(Actor before)
{
	SetUserIdAndSecContext(before.user, before.security_context);
	CommandCounterIncrement();
}

/* ---- looking ----------------------------------------------------------- */

static bool
is_reserved(Oid role, const char *name)
{
	return IsReservedName(name) || role == BOOTSTRAP_SUPERUSERID || role == store_catalog()->owner;
}

bool
store_login_role_find(const char *name, KmsLoginRole *role)
{
	HeapTuple	tuple;
	Form_pg_authid form;

	invalidation_accept();
	tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(name));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_authid) GETSTRUCT(tuple);
	*role = (KmsLoginRole)
	{
		.oid = form->oid,
		.name = pstrdup(NameStr(form->rolname)),
		.superuser = form->rolsuper,
		.replication = form->rolreplication,
		.bypass_rls = form->rolbypassrls,
		.reserved = is_reserved(form->oid, NameStr(form->rolname)),
	};
	ReleaseSysCache(tuple);
	return true;
}

bool
store_login_role_may_alter(Oid as, const KmsLoginRole *role)
{
	if (IsReservedName(role->name))
		return false;
	if (superuser_arg(as))
		return true;
	if (role->superuser || (role->replication && REPLICATION_NEEDS_SUPERUSER))
		return false;
	if (as == role->oid)
		return true;
	return has_createrole_privilege(as) && (!CREATEROLE_NEEDS_ADMIN || is_admin_of_role(as, role->oid));
}

/* ---- parse trees ------------------------------------------------------- */

static DefElem *
option(const char *name, void *value)
{
	return makeDefElem(pstrdup(name), value, -1);
}

static RoleSpec *
role_called(const char *name)
{
	RoleSpec   *role = makeNode(RoleSpec);

	role->roletype = ROLESPEC_CSTRING;
	role->rolename = pstrdup(name);
	role->location = -1;
	return role;
}

/*
 * PASSWORD '<verifier>'.  PostgreSQL leaves the password as it normalized it
 * behind in freed memory; the next piece of the same size is that one again.
 * What it needs beside that for characters outside ASCII cannot be reached.
 */
static DefElem *
password_option(const char *password)
{
	size_t		size = strlen(password) + 1;
	char	   *verifier;
	char	   *leftover;

	if (password[0] == '\0')
		err_invalid("password", "it is empty");
	verifier = pg_be_scram_build_secret(password);
	leftover = palloc(size);
	kc_wipe(leftover, size);
	pfree(leftover);
	return option("password", makeString(verifier));
}

/* ---- ALTER ROLE -------------------------------------------------------- */

void
store_login_role_set_password(Oid as, const char *name, const char *password)
{
	AlterRoleStmt *alter = makeNode(AlterRoleStmt);
	Actor		before;

	alter->role = role_called(name);
	alter->options = list_make1(password_option(password));
	before = act_as(as);
	(void) AlterRole(make_parsestate(NULL), alter);
	act_as_before(before);
}

/* ---- CREATE ROLE ------------------------------------------------------- */

/* What the grammar sees to; CreateRole itself would cut off a long name. */
static void
require_usable_name(const char *name)
{
	size_t		length = strlen(name);

	if (length == 0 || length >= NAMEDATALEN)
		kms_ereport(ERRCODE_INVALID_NAME, API_INVALID_PARAMETER,
					errmsg("a role's name has 1 to %d bytes", NAMEDATALEN - 1));
	if (strcmp(name, "public") == 0 || strcmp(name, "none") == 0)
		kms_ereport(ERRCODE_RESERVED_NAME, API_INVALID_PARAMETER,
					errmsg("role name \"%s\" is reserved", name));
}

/* VALID UNTIL, as text that reads back the same whatever DateStyle and TimeZone are. */
static List *
add_expiry(List *options, HeapTuple original)
{
	bool		is_null;
	Datum		expiry = SysCacheGetAttr(AUTHOID, original, Anum_pg_authid_rolvaliduntil, &is_null);

	if (is_null)
		return options;
	return lappend(options, option("validUntil",
								   makeString(pstrdup(timestamptz_to_str(DatumGetTimestampTz(expiry))))));
}

static void
create_like(Oid as, HeapTuple original, bool inherit, const char *clone, const char *password)
{
	Form_pg_authid form = (Form_pg_authid) GETSTRUCT(original);
	CreateRoleStmt *create = makeNode(CreateRoleStmt);
	List	   *options = list_make1(password_option(password));
	Actor		before;

	options = lappend(options, option("canlogin", makeBoolean(true)));
	options = lappend(options, option("inherit", makeBoolean(inherit)));
	options = lappend(options, option("createdb", makeBoolean(form->rolcreatedb)));
	options = lappend(options, option("createrole", makeBoolean(form->rolcreaterole)));
	options = lappend(options, option("connectionlimit", makeInteger(form->rolconnlimit)));
	if (form->rolbypassrls)
		options = lappend(options, option("bypassrls", makeBoolean(true)));
	create->stmt_type = ROLESTMT_ROLE;
	create->role = pstrdup(clone);
	create->options = add_expiry(options, original);
	before = act_as(as);
	(void) CreateRole(make_parsestate(NULL), create);
	act_as_before(before);
}

/* ---- GRANT role TO role ------------------------------------------------ */

typedef struct Membership
{
	Oid			role;
	bool		admin;
	bool		inherit;
	bool		set;
} Membership;

static Membership *
membership_in(List **memberships, Oid role)
{
	Membership *membership;
	ListCell   *cell;

	foreach(cell, *memberships)
	{
		membership = lfirst(cell);
		if (membership->role == role)
			return membership;
	}
	membership = palloc0(sizeof(Membership));
	membership->role = role;
	*memberships = lappend(*memberships, membership);
	return membership;
}

/*
 * From version 16 on there may be one row per grantor, each with its own
 * options; what one of them gives the role has.
 */
static List *
memberships_of(Oid member)
{
	Relation	relation = table_open(AuthMemRelationId, AccessShareLock);
	List	   *memberships = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_pg_auth_members_member, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(member));
	scan = systable_beginscan(relation, AuthMemMemRoleIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Form_pg_auth_members form = (Form_pg_auth_members) GETSTRUCT(row);
		Membership *membership = membership_in(&memberships, form->roleid);

		membership->admin |= form->admin_option;
		membership->inherit |= MEMBERSHIP_INHERITS(form);
		membership->set |= MEMBERSHIP_SETS(form);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return memberships;
}

static void
grant_membership(Oid as, const Membership *membership, const char *member)
{
	GrantRoleStmt *grant = makeNode(GrantRoleStmt);
	AccessPriv *role = makeNode(AccessPriv);
	Actor		before;

	role->priv_name = GetUserNameFromId(membership->role, false);
	grant->is_grant = true;
	grant->granted_roles = list_make1(role);
	grant->grantee_roles = list_make1(role_called(member));
	grant->behavior = DROP_RESTRICT;
	SET_MEMBERSHIP_OPTIONS(grant, membership->admin, membership->inherit, membership->set);
	before = act_as(as);
	GRANT_ROLE(grant);
	act_as_before(before);
}

/* ---- ALTER ROLE ... SET ------------------------------------------------ */

static void
copy_setting(Relation relation, HeapTuple row, Oid role)
{
	Datum		values[Natts_pg_db_role_setting] = {0};
	bool		nulls[Natts_pg_db_role_setting] = {false};
	bool		replace[Natts_pg_db_role_setting] = {false};
	HeapTuple	copy;

	values[Anum_pg_db_role_setting_setrole - 1] = ObjectIdGetDatum(role);
	replace[Anum_pg_db_role_setting_setrole - 1] = true;
	copy = heap_modify_tuple(row, RelationGetDescr(relation), values, nulls, replace);
	CatalogTupleInsert(relation, copy);
	heap_freetuple(copy);
}

/*
 * Row by row, as they are: read as text and set again, a list would lose its
 * quotes, and what an administrator has set would need one again.  They were
 * meant for whoever logs in with the original's password, which is `as`'s to give.
 */
static void
copy_settings(Oid original, Oid clone)
{
	Relation	relation = table_open(DbRoleSettingRelationId, RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(original));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		copy_setting(relation, row, clone);
	systable_endscan(scan);
	table_close(relation, NoLock);
	CommandCounterIncrement();
}

/* ---- the clone --------------------------------------------------------- */

/*
 * What the original was granted directly the clone has by inheriting from it,
 * also where the original does not inherit from others.  Before version 16 a role
 * inherits from all or from none: there the clone of such a role inherits, but is
 * a direct member of the original alone, which hands on nothing but the right to
 * SET ROLE and its admin options.
 */
void
store_login_role_clone(Oid as, const char *original, const char *clone, const char *password)
{
	Oid			oid = get_role_oid(original, false);
	HeapTuple	tuple = SearchSysCacheCopy1(AUTHOID, ObjectIdGetDatum(oid));
	Membership	itself = {.role = oid, .inherit = true, .set = true};
	bool		inherit;
	ListCell   *cell;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "role %u is gone", oid);
	require_usable_name(clone);
	inherit = ((Form_pg_authid) GETSTRUCT(tuple))->rolinherit;
	create_like(as, tuple, inherit || !MEMBERSHIP_HAS_OPTIONS, clone, password);
	grant_membership(as, &itself, clone);
	if (inherit || MEMBERSHIP_HAS_OPTIONS)
		foreach(cell, memberships_of(oid))
			grant_membership(as, lfirst(cell), clone);
	copy_settings(oid, get_role_oid(clone, false));
}
