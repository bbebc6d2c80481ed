/*
 * Who may do what.
 */
#include "service/access.h"

#include "base/context.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/grant.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct Rule
{
	bool		to_public;
	Oid			grantee;
	uint64		operations;		/* ACTION_BIT of each */
	TimestampTz expires_at;
	bool		has_context;
	kc_view		context;		/* behind the rules, in the same piece */
} Rule;

struct KmsGrants
{
	int			count;
	Rule		rules[FLEXIBLE_ARRAY_MEMBER];
};

/* While the rows are read: they are few, and their contexts are small. */
typedef struct Reading
{
	List	   *grants;			/* of KmsGrant */
	size_t		context_len;
	bool		quietly;
} Reading;

/* Of a grant that was tampered with nothing counts; of a void one neither. */
static void
see_grant(const KmsGrant *grant, void *argument)
{
	Reading    *reading = argument;
	KmsGrant   *kept;

	if (reading->quietly && !account_is_unsealed())
		return;
	if (!grant_is_intact(grant) || (OidIsValid(grant->grantee.oid) && !store_role_now(&grant->grantee).valid))
		return;
	kept = palloc(sizeof(KmsGrant));
	*kept = *grant;
	reading->grants = lappend(reading->grants, kept);
	reading->context_len += grant->context.len;
}

static KmsGrants *
pack(const Reading *reading, MemoryContext memory)
{
	int			count = list_length(reading->grants);
	Size		rules_size = offsetof(KmsGrants, rules) + count * sizeof(Rule);
	KmsGrants  *grants = MemoryContextAllocZero(memory, rules_size + reading->context_len);
	uint8	   *contexts = (uint8 *) grants + rules_size;
	ListCell   *cell;

	foreach(cell, reading->grants)
	{
		const KmsGrant *grant = lfirst(cell);
		Rule	   *rule = &grants->rules[grants->count++];

		rule->to_public = !OidIsValid(grant->grantee.oid);
		rule->grantee = rule->to_public ? InvalidOid : store_role_now(&grant->grantee).role;
		rule->operations = grant_operation_bits(grant);
		rule->expires_at = grant->expires_at;
		rule->has_context = grant->has_context;
		rule->context = kc_view_of(contexts, grant->context.len);
		if (grant->context.len > 0)
			memcpy(contexts, grant->context.data, grant->context.len);
		contexts += grant->context.len;
	}
	return grants;
}

KmsGrants *
access_read_grants(const pg_uuid_t *resource, MemoryContext memory, bool quietly)
{
	MemoryContext passing = AllocSetContextCreate(CurrentMemoryContext, "kms grants", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(passing);
	Reading		reading;
	KmsGrants  *grants;
	uint64		count;

	do
	{
		count = invalidation_count;
		reading = (Reading) {.quietly = quietly};
		store_grant_list(resource, see_grant, &reading);
	} while (count != invalidation_count);
	grants = pack(&reading, memory);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(passing);
	return grants;
}

static bool
is_for(const Rule *rule, Oid caller, KmsAction action)
{
	if (!(rule->operations & ACTION_BIT(action)))
		return false;
	if (rule->to_public)
		return true;
	/* has_privs_of_role says yes to superusers, who are asked for a grant like anyone. */
	return superuser_arg(caller) ? rule->grantee == caller : has_privs_of_role(caller, rule->grantee);
}

/* The best of the rules: one without a condition can be remembered. */
static KmsVerdict
decide_by_grants(Oid caller, KmsAction action, const KmsGrants *grants, kc_view context)
{
	KmsVerdict	verdict = ACCESS_DENIED;

	for (int i = 0; i < grants->count; i++)
	{
		const Rule *rule = &grants->rules[i];

		if (!is_for(rule, caller, action))
			continue;
		if (TIMESTAMP_IS_NOEND(rule->expires_at) && !rule->has_context)
			return ACCESS_ALLOWED;
		if (!TIMESTAMP_IS_NOEND(rule->expires_at) && rule->expires_at <= GetCurrentTimestamp())
			continue;
		if (rule->has_context && !context_contains(context, rule->context))
			continue;
		verdict = ACCESS_ALLOWED_NOW;
	}
	return verdict;
}

/* Without the grants. */
static KmsVerdict
decide_by_owner(Oid caller, KmsAction action, KmsOwner owner)
{
	if (superuser_arg(caller))
	{
		if (!ACTION_IS_USE(action) || (owner.valid && caller == owner.role))
			return ACCESS_ALLOWED;
		return setting_superuser_may_use ? ACCESS_ALLOWED_NOW : ACCESS_DENIED;
	}
	return owner.valid && has_privs_of_role(caller, owner.role) ? ACCESS_ALLOWED : ACCESS_DENIED;
}

KmsVerdict
access_decide(Oid caller, KmsAction action, const KmsSubject *subject, kc_view context)
{
	KmsVerdict	verdict;
	KmsGrants  *grants;

	if (caller == CALLER_SERVICE)
		return ACCESS_ALLOWED_NOW;
	verdict = decide_by_owner(caller, action, subject->owner);
	if (verdict != ACCESS_DENIED || !ACTION_IS_GRANTABLE(action))
		return verdict;
	grants = subject->grants != NULL ? *subject->grants : NULL;
	if (grants == NULL)
		grants = access_read_grants(subject->id, subject->grants != NULL ? subject->memory : CurrentMemoryContext,
									subject->quietly);
	if (subject->grants != NULL)
		*subject->grants = grants;
	verdict = decide_by_grants(caller, action, grants, context);
	if (subject->grants == NULL)
		pfree(grants);
	return verdict;
}

void
access_refuse(const char *kind, const char *what, size_t len)
{
	kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
				errmsg("permission denied for %s \"%.*s\"", kind, (int) len, what));
	pg_unreachable();
}
