/*
 * Grants, and owners.
 *
 * A grant is a row of its own, under a MAC: one that was tampered with does not
 * count.  There are no rows that deny, so that a row that is lost only takes rights
 * away.
 */
#include "service/grant.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "miscadmin.h"
#include "service/access.h"
#include "service/audit.h"
#include "service/resource.h"
#include "service/row_mac.h"
#include "store/store.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define EVERYTHING	"*"
#define BATCH		1000
#define GRANTS_MAX	1000	/* on one key */

static void
record_grant(const KmsGrant *grant, KmsRecord *record)
{
	record_begin(record, "grant");
	record_uuid(record, &grant->id);
	record_text(record, grant->resource_type);
	record_uuid(record, &grant->resource);
	record_int(record, grant->grantee.oid);
	record_text(record, grant->grantee.name);
	record_list(record, grant->operation_count);
	for (int i = 0; i < grant->operation_count; i++)
		record_text(record, grant->operations[i]);
	if (grant->has_context)
		record_bytes(record, grant->context);
	else
		record_null(record);
	record_int(record, grant->expires_at);
	record_text(record, grant->grantor_name);
	record_int(record, grant->created_at);
}

void
grant_make_seal(KmsGrant *grant)
{
	KmsRecord	record;

	record_grant(grant, &record);
	row_mac_make(&record, &grant->seal);
}

bool
grant_is_intact(const KmsGrant *grant)
{
	KmsRecord	record;

	record_grant(grant, &record);
	return row_mac_fits(&record, &grant->seal);
}

uint64
grant_operation_bits(const KmsGrant *grant)
{
	uint64		bits = 0;

	for (int i = 0; i < grant->operation_count; i++)
	{
		KmsAction	action = action_of(grant->operations[i], strlen(grant->operations[i]));

		if (strcmp(grant->operations[i], EVERYTHING) == 0)
			return ACTION_ALL_BITS;
		if (ACTION_IS_GRANTABLE(action))
			bits |= ACTION_BIT(action);
	}
	return bits;
}

/* Their names, in the order of the list of actions. */
static void
set_operations(KmsGrant *grant, uint64 bits)
{
	grant->operations = palloc(ACTION_COUNT * sizeof(char *));
	grant->operation_count = 0;
	for (int action = ACTION_DESCRIBE_KEY; action < ACTION_COUNT; action++)
		if (bits & ACTION_BIT(action))
			grant->operations[grant->operation_count++] = action_name(action);
}

/* The bits of names that somebody gave, of operations on such a resource; *everything if it is {*}. */
static uint64
parse_operations(const List *names, KmsResourceKind kind, bool *everything)
{
	uint64		bits = 0;
	ListCell   *cell;

	*everything = list_length(names) == 1 && strcmp(linitial(names), EVERYTHING) == 0;
	if (*everything || names == NIL)
		return ACTION_ALL_BITS;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		KmsAction	action = action_of(name, strlen(name));

		if (action == ACTION_NONE || !ACTION_IS_GRANTABLE(action) ||
			!(ACTION_BIT(action) & resource_operations(kind)))
			kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
						errmsg("invalid value for operations: each must be the name of an operation on a %s, or all of them be {*}",
							   resource_type(kind)));
		bits |= ACTION_BIT(action);
	}
	return bits;
}

static void
err_role(const char *argument, const char *name)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_INVALID_PARAMETER,
				errmsg("invalid value for %s: role \"%s\" does not exist", argument, name),
				errhint("Give the name as it stands in the catalog, without quotes."));
}

static Oid
existing_role(const char *argument, const char *name)
{
	Oid			role = get_role_oid(name, true);

	if (!OidIsValid(role))
		err_role(argument, name);
	return role;
}

static bool
is_public(const char *grantee)
{
	return strcmp(grantee, GRANT_PUBLIC_NAME) == 0;
}

static KmsStoredRole
stored_grantee(const char *grantee)
{
	if (is_public(grantee))
		return (KmsStoredRole) {InvalidOid, GRANT_PUBLIC_NAME};
	return store_role_of(existing_role("grantee", grantee));
}

static void
append_operations(StringInfo out, const KmsGrant *grant)
{
	for (int i = 0; i < grant->operation_count; i++)
		appendStringInfo(out, "%s %s", i > 0 ? "," : "", grant->operations[i]);
}

/* For the audit log: who and what, and whether there is a condition; not the values of a context. */
static char *
describe(const KmsGrant *grant)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, "to %s:", grant->grantee.name);
	append_operations(&detail, grant);
	if (grant->has_context)
		appendStringInfoString(&detail, "; in a context");
	if (!TIMESTAMP_IS_NOEND(grant->expires_at))
		appendStringInfo(&detail, "; %s", audit_date("until", grant->expires_at));
	return detail.data;
}

/* Each operation once, however often it was named. */
static char *
describe_revocation(const char *grantee, uint64 bits)
{
	StringInfoData detail;
	KmsGrant	taken;

	initStringInfo(&detail);
	appendStringInfo(&detail, "from %s:", grantee);
	if (bits == ACTION_ALL_BITS)
	{
		appendStringInfoString(&detail, " " EVERYTHING);
		return detail.data;
	}
	set_operations(&taken, bits);
	append_operations(&detail, &taken);
	return detail.data;
}

static void
count_grant(const KmsGrant *grant, void *argument)
{
	++*(int *) argument;
}

/* Each is read, and its MAC computed, whenever somebody other than the owner asks. */
static void
require_few_grants(const KmsResource *resource)
{
	int			count = 0;

	store_grant_list(resource_id(resource), count_grant, &count);
	if (count >= GRANTS_MAX)
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("%s \"%s\" has 1000 grants", resource_type(resource->kind), resource->text),
					errhint("Grant to a group, and make the roles its members."));
}

/* Before it is locked, and for the owner and superusers only. */
static void
find_own(Oid caller, KmsAction action, KmsResource *resource)
{
	resource_find_for(caller, action, resource);
	store_require_writable();
}

pg_uuid_t
grant_give(Oid caller, const KmsGrantRequest *request)
{
	KmsResource resource;
	KmsGrant	grant = {0};
	bool		everything;
	uint64		bits;

	resource_parse(request->resource, &resource);
	bits = parse_operations(request->operations, resource.kind, &everything);
	if (request->expires_at <= GetCurrentTimestamp())
		err_invalid("expires_at", "it lies in the past");
	/* A condition that no call can meet. */
	if (request->has_context && resource.kind != RESOURCE_KEY)
		err_invalid("encryption_context", "a call with a secret or certificate has no context");
	grant.grantee = stored_grantee(request->grantee);
	find_own(caller, ACTION_GRANT, &resource);
	if (OidIsValid(grant.grantee.oid))
		store_role_anchor(grant.grantee.oid);

	store_open();
	resource_lock_for(caller, ACTION_GRANT, &resource);
	require_few_grants(&resource);
	grant.id = uuid_random();
	grant.resource_type = resource_type(resource.kind);
	grant.resource = *resource_id(&resource);
	if (everything)
	{
		static const char *all[] = {EVERYTHING};

		grant.operations = all;
		grant.operation_count = 1;
	}
	else
		set_operations(&grant, bits);
	grant.has_context = request->has_context;
	grant.context = request->context;
	grant.expires_at = request->expires_at;
	grant.grantor_name = GetUserNameFromId(caller, false);
	grant.created_at = GetCurrentTimestamp();
	grant_make_seal(&grant);
	store_grant_insert(&grant);
	resource_grants_changed(&resource);
	resource_record(ACTION_GRANT, caller, &resource, describe(&grant));
	store_sync_at_commit();
	store_close();
	return grant.id;
}

/* What revoking looks for on the way, and what it has found. */
typedef struct Revoking
{
	const char *grantee;
	Oid			role;			/* InvalidOid: PUBLIC, or no role of today */
	List	   *found;			/* of KmsGrant */
} Revoking;

/* A void grant, whose role is gone, goes by the name. */
static bool
is_of_grantee(const KmsGrant *grant, const Revoking *revoking)
{
	KmsOwner	now;

	if (!OidIsValid(grant->grantee.oid) || is_public(revoking->grantee))
		return !OidIsValid(grant->grantee.oid) && is_public(revoking->grantee);
	now = store_role_now(&grant->grantee);
	if (now.valid)
		return now.role == revoking->role;
	return strcmp(grant->grantee.name, revoking->grantee) == 0;
}

static void
find_grant(const KmsGrant *grant, void *argument)
{
	Revoking   *revoking = argument;
	KmsGrant   *kept;

	if (!is_of_grantee(grant, revoking))
		return;
	kept = palloc(sizeof(KmsGrant));
	*kept = *grant;
	revoking->found = lappend(revoking->found, kept);
}

/*
 * Whether it had any of them, of what there is for such a resource.  One that was
 * tampered with goes as a whole, and with everything goes also what has operations of
 * no name that we know.
 */
static bool
take_away(KmsGrant *grant, KmsResourceKind kind, uint64 bits)
{
	uint64		had = grant_operation_bits(grant) & resource_operations(kind);

	if ((had & bits) == 0 && bits != ACTION_ALL_BITS)
		return false;
	if ((had & ~bits) == 0 || !grant_is_intact(grant))
	{
		store_grant_delete(&grant->id);
		return true;
	}
	set_operations(grant, had & ~bits);
	grant_make_seal(grant);
	store_grant_update(grant);
	return true;
}

int
grant_revoke(Oid caller, const KmsGrantRequest *request)
{
	KmsResource resource;
	Revoking	revoking = {.grantee = request->grantee};
	bool		everything;
	uint64		bits;
	ListCell   *cell;
	int			count = 0;

	resource_parse(request->resource, &resource);
	bits = parse_operations(request->operations, resource.kind, &everything);
	find_own(caller, ACTION_REVOKE, &resource);
	if (!is_public(request->grantee))
		revoking.role = get_role_oid(request->grantee, true);

	store_open();
	resource_lock_for(caller, ACTION_REVOKE, &resource);
	store_grant_list(resource_id(&resource), find_grant, &revoking);
	if (revoking.found == NIL && !is_public(request->grantee) && !OidIsValid(revoking.role))
		err_role("grantee", request->grantee);
	foreach(cell, revoking.found)
	{
		if (take_away(lfirst(cell), resource.kind, bits))
			count++;
	}
	if (OidIsValid(revoking.role))
		store_role_release(revoking.role);
	resource_grants_changed(&resource);
	resource_record(ACTION_REVOKE, caller, &resource, describe_revocation(request->grantee, bits));
	store_sync_at_commit();
	store_close();
	return count;
}

bool
grant_can(Oid caller, const char *operation, const char *text, kc_view context)
{
	KmsAction	action = action_of(operation, strlen(operation));
	KmsResource resource;

	resource_parse(text, &resource);
	if (action < ACTION_GRANT || (ACTION_IS_GRANTABLE(action) && !(ACTION_BIT(action) & resource_operations(resource.kind))))
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for operation: it must be the name of an operation on a %s",
						   resource_type(resource.kind)));
	return resource_may(caller, action, &resource, context);
}

void
grant_set_owner(Oid caller, const char *text, const char *new_owner)
{
	KmsResource resource;
	Oid			role = existing_role("new_owner", new_owner);
	KmsStoredRole owner;
	KmsOwner	before;

	resource_parse(text, &resource);
	find_own(caller, ACTION_SET_OWNER, &resource);
	store_role_anchor(role);

	store_open();
	resource_lock_for(caller, ACTION_SET_OWNER, &resource);
	before = resource_owner(&resource);
	owner = store_role_of(role);
	resource_set_owner(caller, &resource, &owner);
	if (before.valid && before.role != role)
		store_role_release(before.role);
	resource_record(ACTION_SET_OWNER, caller, &resource, psprintf("to %s", new_owner));
	store_sync_at_commit();
	store_close();
}

char *
grant_describable(Oid caller, const char *text)
{
	KmsResource resource;

	resource_parse(text, &resource);
	resource_find_for(caller, resource_describing(resource.kind), &resource);
	return resource_shown(&resource);
}

void
grant_set_grantee(KmsGrant *grant, const KmsStoredRole *now)
{
	grant->grantee = *now;
	grant_make_seal(grant);
	store_grant_update(grant);
	invalidation_send(&grant->resource);
}

const char *
grant_grantee_name(const KmsGrant *grant)
{
	return OidIsValid(grant->grantee.oid) ? store_role_name(&grant->grantee) : GRANT_PUBLIC_NAME;
}

void
grant_of_row(HeapTupleHeader row, KmsGrant *grant)
{
	store_grant_of_composite(row, grant);
}

static void
add_grantee(const KmsGrant *grant, void *argument)
{
	List	  **roles = argument;
	KmsOwner	now = {0};

	if (OidIsValid(grant->grantee.oid))
		now = store_role_now(&grant->grantee);
	if (now.valid)
		*roles = list_append_unique_oid(*roles, now.role);
}

List *
grant_roles_of(const pg_uuid_t *resource, KmsOwner owner)
{
	List	   *roles = owner.valid ? list_make1_oid(owner.role) : NIL;

	store_grant_list(resource, add_grantee, &roles);
	return roles;
}

void
grant_forget_expired(TimestampTz before)
{
	pg_uuid_t	resources[BATCH];
	Oid			grantees[BATCH];
	int			count = store_grant_expire(before, resources, grantees, BATCH);

	for (int i = 0; i < count; i++)
	{
		if (OidIsValid(grantees[i]))
			store_role_release(grantees[i]);
		invalidation_send(&resources[i]);
	}
}
