/*
 * Roles as they stand in rows.
 *
 * The holders of the privilege are read once from the anchor's ACL and kept until
 * a table or a role changes.
 */
#include "store/role.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "store/account.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

static Oid *holders;
static int	holder_count;
static bool at_home;

/* When what is kept here was right; 0: never. */
static uint64 seen_all;
static uint64 seen_roles;
static bool seen;

static void
keep_holders(const Acl *acl)
{
	const AclItem *items = ACL_DAT(acl);
	Oid		   *now = MemoryContextAlloc(TopMemoryContext, (ACL_NUM(acl) + 1) * sizeof(Oid));
	int			count = 0;

	for (int i = 0; i < ACL_NUM(acl); i++)
		if (items[i].ai_grantee != ACL_ID_PUBLIC && (ACLITEM_GET_PRIVS(items[i]) & ACL_SELECT))
			now[count++] = items[i].ai_grantee;
	if (holders != NULL)
		pfree(holders);
	holders = now;
	holder_count = count;
}

static void
read_holders(void)
{
	Oid			anchor = store_catalog()->role_anchor;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(anchor));
	bool		is_null;
	Datum		acl;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "table role_anchor of extension kms is gone");
	acl = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &is_null);
	keep_holders(is_null ? acldefault(OBJECT_TABLE, ((Form_pg_class) GETSTRUCT(tuple))->relowner) :
				 DatumGetAclP(acl));
	ReleaseSysCache(tuple);
}

/* The counters are noted first: a change while we read makes the next caller read again. */
static void
refresh(void)
{
	uint64		all = invalidation_all_count;
	uint64		roles = invalidation_roles_count;

	invalidation_start();
	if (seen && seen_all == all && seen_roles == roles)
		return;
	seen = false;
	read_holders();
	at_home = store_accounts_at_home((int64) GetSystemIdentifier(), MyDatabaseId);
	seen_all = all;
	seen_roles = roles;
	seen = true;
}

bool
store_role_is_anchored(Oid role)
{
	refresh();
	for (int i = 0; i < holder_count; i++)
		if (holders[i] == role)
			return true;
	return false;
}

KmsOwner
store_role_now(const KmsStoredRole *stored)
{
	KmsOwner	now = {.role = stored->oid};

	refresh();
	if (!at_home)
		now.role = get_role_oid(stored->name, true);
	now.valid = OidIsValid(now.role) && store_role_is_anchored(now.role) &&
		SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(now.role));
	return now;
}

KmsStoredRole
store_role_of(Oid role)
{
	return (KmsStoredRole)
	{
		role, GetUserNameFromId(role, false)
	};
}

const char *
store_role_name(const KmsStoredRole *stored)
{
	KmsOwner	now = store_role_now(stored);

	return now.valid ? GetUserNameFromId(now.role, false) : stored->name;
}

/* GRANT or REVOKE SELECT ON role_anchor, through the parse tree: a name never becomes SQL text. */
static void
change_anchor(Oid role, bool is_grant)
{
	GrantStmt  *grant = makeNode(GrantStmt);
	AccessPriv *privilege = makeNode(AccessPriv);
	RoleSpec   *grantee = makeNode(RoleSpec);
	char	   *schema = get_namespace_name(store_catalog()->schema);

	privilege->priv_name = pstrdup("select");
	grantee->roletype = ROLESPEC_CSTRING;
	grantee->rolename = GetUserNameFromId(role, false);
	grantee->location = -1;
	grant->is_grant = is_grant;
	grant->targtype = ACL_TARGET_OBJECT;
	grant->objtype = OBJECT_TABLE;
	grant->objects = list_make1(makeRangeVar(schema, pstrdup("role_anchor"), -1));
	grant->privileges = list_make1(privilege);
	grant->grantees = list_make1(grantee);
	grant->behavior = DROP_RESTRICT;
	ExecuteGrantStmt(grant);
	CommandCounterIncrement();
	invalidation_send_all(store_catalog()->role_anchor);
}

/* The list of the holders is one value of one catalog row: some two thousand fit. */
static void
grant_anchor(Oid role)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		change_anchor(role, true);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("too many roles own keys or hold grants"),
					errhint("Give the key or the grant to a group, and make the roles its members."));
	}
	PG_END_TRY();
}

/* One at a time: two changes of one catalog row at once would make one of them fail. */
static void
lock_anchor(void)
{
	LockRelationOid(store_catalog()->role_anchor, ShareUpdateExclusiveLock);
	invalidation_accept();
}

static bool
is_in(Oid table, Oid index, AttrNumber column, Oid role)
{
	StoreScan	scan = {
		.table = table, .index = index, .column = column,
		.equality = F_OIDEQ, .value = ObjectIdGetDatum(role)
	};

	return store_exists(&scan);
}

#define KEY_OWNER_COLUMN		2
#define GRANT_GRANTEE_COLUMN	4
#define SECRET_OWNER_COLUMN		3
#define CERTIFICATE_OWNER_COLUMN	2

bool
store_role_is_mentioned(Oid role)
{
	const StoreCatalog *catalog = store_catalog();

	refresh();
	if (!at_home)
		return false;
	return is_in(catalog->key, catalog->key_owner, KEY_OWNER_COLUMN, role) ||
		is_in(catalog->secret, catalog->secret_owner, SECRET_OWNER_COLUMN, role) ||
		is_in(catalog->certificate, catalog->certificate_owner, CERTIFICATE_OWNER_COLUMN, role) ||
		is_in(catalog->grant_entry, catalog->grant_entry_grantee, GRANT_GRANTEE_COLUMN, role);
}

static bool
read_id(HeapTuple row, TupleDesc type, void *result)
{
	*(pg_uuid_t *) result = *DatumGetUUIDP(store_column(row, 1, type));
	return true;
}

int
store_owned(StoreQuery *query, const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max)
{
	Datum		values[] = {
		ObjectIdGetDatum(owner->oid), CStringGetTextDatum(owner->name), UUIDPGetDatum(after), Int32GetDatum(max)
	};
	int			count = (int) store_run(query, values, NULL);

	for (int i = 0; i < count; i++)
		store_read_row(i, read_id, &ids[i]);
	return count;
}

static bool
read_role(HeapTuple row, TupleDesc type, void *result)
{
	KmsStoredRole *role = result;

	role->oid = DatumGetObjectId(store_column(row, 1, type));
	role->name = TextDatumGetCString(store_column(row, 2, type));
	return true;
}

/* There may be a million keys and three owners: from one to the next by the index. */
List *
store_role_list(void)
{
	static StoreQuery query = {
		.sql = "WITH RECURSIVE owners AS ("
		"    (SELECT owner, owner_name FROM key ORDER BY owner, owner_name LIMIT 1)"
		"    UNION ALL"
		"    SELECT n.owner, n.owner_name FROM owners o CROSS JOIN LATERAL ("
		"        SELECT k.owner, k.owner_name FROM key k"
		"         WHERE (k.owner, k.owner_name) > (o.owner, o.owner_name)"
		"         ORDER BY k.owner, k.owner_name LIMIT 1) n)"
		" SELECT owner, owner_name FROM owners"
		" UNION SELECT owner, owner_name FROM secret"
		" UNION SELECT owner, owner_name FROM certificate"
		" UNION SELECT grantee, grantee_name FROM grant_entry WHERE grantee <> 0"
	};
	uint64		count = store_run(&query, NULL, NULL);
	List	   *roles = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		KmsStoredRole *role = palloc(sizeof(KmsStoredRole));

		store_read_row(i, read_role, role);
		roles = lappend(roles, role);
	}
	return roles;
}

/*
 * Who is about to mention a role holds this lock to the end of the transaction,
 * together with others; who is about to take the privilege away, alone.  It is on
 * the role, as DROP ROLE's own.
 */
static bool
lock_role(Oid role, LOCKMODE mode, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, AuthIdRelationId, role, 0);
	if (LockAcquire(&tag, mode, false, !wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	invalidation_accept();
	return true;
}

/* Whether a row means it, were it to hold the privilege. */
static bool
would_be_meant(Oid role)
{
	const char *name = GetUserNameFromId(role, false);
	ListCell   *cell;

	if (at_home)
		return store_role_is_mentioned(role);
	foreach(cell, store_role_list())
	{
		const KmsStoredRole *stored = lfirst(cell);

		if (strcmp(stored->name, name) == 0)
			return true;
	}
	return false;
}

/*
 * What a role lost by DROP OWNED, or what another role of its name had, does not
 * come back in silence with the first thing that it is given.
 */
static void
refuse_revival(Oid role)
{
	if (would_be_meant(role))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_UNSUPPORTED_OPERATION,
					errmsg("role \"%s\" has lost its keys and grants, and would get them back", GetUserNameFromId(role, false)),
					errhint("Take them away first with kms_revoke and kms_set_owner; or, if they are to be its own again, GRANT SELECT ON kms.role_anchor to it."));
}

void
store_role_anchor(Oid role)
{
	bool		locked = lock_role(role, RowShareLock, false);

	if (locked && store_role_is_anchored(role))
		return;
	store_open();				/* which bounds the wait */
	if (!locked)
		(void) lock_role(role, RowShareLock, true);
	if (!store_role_is_anchored(role))
		lock_anchor();
	if (!store_role_is_anchored(role))
	{
		refuse_revival(role);
		grant_anchor(role);
	}
	store_close_unrecorded();
}

/*
 * Away from home, rows do not mean the oids that they name: whoever holds the
 * privilege keeps it.  So does who is being given something in another session.
 * And so does whoever could not be told from that without waiting: no open
 * transaction may hold up a revocation.  All that such a role has of it is that DROP
 * OWNED must come before DROP ROLE.  There is no sweeping up later: between the two
 * halves of a restore nobody is mentioned, and all must keep it.
 */
void
store_role_release(Oid role)
{
	if (!store_role_is_anchored(role) || !at_home || role == store_catalog()->owner ||
		store_role_is_mentioned(role) || !lock_role(role, ExclusiveLock, false) ||
		!ConditionalLockRelationOid(store_catalog()->role_anchor, ShareUpdateExclusiveLock))
		return;
	invalidation_accept();
	if (store_role_is_anchored(role) && !store_role_is_mentioned(role))
		change_anchor(role, false);
}
