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
#include "service/key.h"
#include "service/key_seal.h"
#include "service/reference.h"
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

static void
make_seal(KmsGrant *grant)
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

/* The bits of names that somebody gave; *everything if it is {*}. */
static uint64
parse_operations(const List *names, bool *everything)
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

		if (action == ACTION_NONE || !ACTION_IS_GRANTABLE(action))
			err_invalid("operations", "each must be the name of an operation on keys, or all of them be {*}");
		bits |= ACTION_BIT(action);
	}
	return bits;
}

/* Keys are the only resources so far. */
static void
parse_resource(const char *text, KmsReference *reference)
{
	if (strncmp(text, "secret/", 7) == 0 || strncmp(text, "certificate/", 12) == 0)
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_RESOURCE_NOT_FOUND,
					errmsg("resource \"%s\" does not exist", text));
	reference_parse("resource", text, strlen(text), reference);
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
require_few_grants(const KmsReference *reference, const KmsKey *key)
{
	int			count = 0;

	store_grant_list(&key->id, count_grant, &count);
	if (count >= GRANTS_MAX)
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("key \"%.*s\" has 1000 grants", (int) reference->len, reference->text),
					errhint("Grant to a group, and make the roles its members."));
}

/* Before the key is locked, and for the owner and superusers only. */
static void
find_own(Oid caller, KmsAction action, const char *resource, KmsReference *reference, KmsKey *key)
{
	parse_resource(resource, reference);
	key_find_for(caller, action, reference, key);
	store_require_writable();
}

pg_uuid_t
grant_give(Oid caller, const KmsGrantRequest *request)
{
	KmsReference reference;
	KmsKey		key;
	KmsGrant	grant = {.resource_type = "key"};
	bool		everything;
	uint64		bits = parse_operations(request->operations, &everything);

	if (request->expires_at <= GetCurrentTimestamp())
		err_invalid("expires_at", "it lies in the past");
	grant.grantee = stored_grantee(request->grantee);
	find_own(caller, ACTION_GRANT, request->resource, &reference, &key);
	if (OidIsValid(grant.grantee.oid))
		store_role_anchor(grant.grantee.oid);

	store_open();
	key_lock_for(caller, ACTION_GRANT, &reference, &key.id, &key);
	require_few_grants(&reference, &key);
	grant.id = uuid_random();
	grant.resource = key.id;
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
	make_seal(&grant);
	store_grant_insert(&grant);
	invalidation_send(&key.id);
	audit_record_key(ACTION_GRANT, caller, &key.id, describe(&grant));
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
 * Whether it had any of them.  One that was tampered with goes as a whole, and with
 * everything goes also what has operations of no name that we know.
 */
static bool
take_away(KmsGrant *grant, uint64 bits)
{
	uint64		had = grant_operation_bits(grant);

	if ((had & bits) == 0 && bits != ACTION_ALL_BITS)
		return false;
	if ((had & ~bits) == 0 || !grant_is_intact(grant))
	{
		store_grant_delete(&grant->id);
		return true;
	}
	set_operations(grant, had & ~bits);
	make_seal(grant);
	store_grant_update(grant);
	return true;
}

int
grant_revoke(Oid caller, const KmsGrantRequest *request)
{
	KmsReference reference;
	KmsKey		key;
	Revoking	revoking = {.grantee = request->grantee};
	bool		everything;
	uint64		bits = parse_operations(request->operations, &everything);
	ListCell   *cell;
	int			count = 0;

	find_own(caller, ACTION_REVOKE, request->resource, &reference, &key);
	if (!is_public(request->grantee))
		revoking.role = get_role_oid(request->grantee, true);

	store_open();
	key_lock_for(caller, ACTION_REVOKE, &reference, &key.id, &key);
	store_grant_list(&key.id, find_grant, &revoking);
	if (revoking.found == NIL && !is_public(request->grantee) && !OidIsValid(revoking.role))
		err_role("grantee", request->grantee);
	foreach(cell, revoking.found)
	{
		if (take_away(lfirst(cell), bits))
			count++;
	}
	if (OidIsValid(revoking.role))
		store_role_release(revoking.role);
	invalidation_send(&key.id);
	audit_record_key(ACTION_REVOKE, caller, &key.id, describe_revocation(request->grantee, bits));
	store_sync_at_commit();
	store_close();
	return count;
}

bool
grant_can(Oid caller, const char *operation, const char *resource, kc_view context)
{
	KmsAction	action = action_of(operation, strlen(operation));
	KmsReference reference;
	KmsKey		key;

	if (action < ACTION_GRANT)
		err_invalid("operation", "it must be the name of an operation on keys");
	parse_resource(resource, &reference);
	return key_may(caller, action, &reference, &key, context);
}

void
grant_set_owner(Oid caller, const char *resource, const char *new_owner)
{
	KmsReference reference;
	KmsKey		key;
	Oid			role = existing_role("new_owner", new_owner);
	KmsOwner	before;

	find_own(caller, ACTION_SET_OWNER, resource, &reference, &key);
	store_role_anchor(role);

	store_open();
	key_lock_for(caller, ACTION_SET_OWNER, &reference, &key.id, &key);
	before = key.owner;
	key.stored_owner = store_role_of(role);
	key_save(&key);
	if (before.valid && before.role != role)
		store_role_release(before.role);
	audit_record_key(ACTION_SET_OWNER, caller, &key.id, psprintf("to %s", new_owner));
	store_sync_at_commit();
	store_close();
}

pg_uuid_t
grant_describable(Oid caller, const char *resource)
{
	KmsReference reference;
	KmsKey		key;

	parse_resource(resource, &reference);
	key_find_for(caller, ACTION_DESCRIBE_KEY, &reference, &key);
	return key.id;
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
grant_roles_of(const KmsKey *key)
{
	List	   *roles = key->owner.valid ? list_make1_oid(key->owner.role) : NIL;

	store_grant_list(&key->id, add_grantee, &roles);
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

/* Keys of an owner that is called otherwise today: those with ids above the last, in batches. */
static void
rewrite_owned(const KmsStoredRole *stored, const KmsStoredRole *now)
{
	pg_uuid_t	ids[BATCH];
	pg_uuid_t	last = {{0}};
	int			count;

	while ((count = store_key_owned(stored, &last, ids, BATCH)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			KmsKey		key;

			if (!store_key_lock(&ids[i], &key) || !key_is_intact(&key))
				continue;
			key.stored_owner = *now;
			key_save(&key);
		}
		last = ids[count - 1];
	}
}

static void
rewrite_granted(const KmsStoredRole *stored, const KmsStoredRole *now)
{
	List	   *grants = store_grant_list_to(stored);
	ListCell   *cell;

	foreach(cell, grants)
	{
		KmsGrant   *grant = lfirst(cell);

		if (!grant_is_intact(grant))
			continue;
		grant->grantee = *now;
		make_seal(grant);
		store_grant_update(grant);
		invalidation_send(&grant->resource);
	}
}

void
grant_refresh_roles(void)
{
	ListCell   *cell;

	foreach(cell, store_role_list())
	{
		const KmsStoredRole *stored = lfirst(cell);
		KmsOwner	owner = store_role_now(stored);
		KmsStoredRole now;

		if (!owner.valid)
			continue;
		now = store_role_of(owner.role);
		if (now.oid == stored->oid && strcmp(now.name, stored->name) == 0)
			continue;
		rewrite_owned(stored, &now);
		rewrite_granted(stored, &now);
	}
}

/*
 * Rows that mean nobody, before their oids count: an oid of elsewhere may be, or
 * become, that of another role here.  A key keeps its owner's name; a grant goes.
 */
static void
forget_void(const KmsStoredRole *stored)
{
	KmsStoredRole nobody = {InvalidOid, stored->name};
	ListCell   *cell;

	if (OidIsValid(stored->oid))
		rewrite_owned(stored, &nobody);
	foreach(cell, store_grant_list_to(stored))
	{
		const KmsGrant *grant = lfirst(cell);

		store_grant_delete(&grant->id);
		invalidation_send(&grant->resource);
	}
}

void
grant_settle_roles(void)
{
	ListCell   *cell;

	grant_refresh_roles();
	foreach(cell, store_role_list())
	{
		const KmsStoredRole *stored = lfirst(cell);

		/* Name and oid of one role: it only lacks the privilege, as in a copy whose dump is half restored. */
		if (!store_role_now(stored).valid && get_role_oid(stored->name, true) != stored->oid)
			forget_void(stored);
	}
}
