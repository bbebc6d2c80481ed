/*
 * Rows that mean a role, after the role was renamed or numbered otherwise.
 */
#include "service/role_refresh.h"

#include "base/invalidation.h"
#include "miscadmin.h"
#include "service/grant.h"
#include "service/key_seal.h"
#include "service/secret_seal.h"
#include "store/key.h"
#include "store/role.h"
#include "utils/acl.h"

#define BATCH		1000

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

/* The same of secrets. */
static void
rewrite_owned_secrets(const KmsStoredRole *stored, const KmsStoredRole *now)
{
	pg_uuid_t	ids[BATCH];
	pg_uuid_t	last = {{0}};
	int			count;

	while ((count = store_secret_owned(stored, &last, ids, BATCH)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			KmsSecret	secret;

			if (!store_secret_lock(&ids[i], &secret) || !secret_is_intact(&secret))
				continue;
			secret.stored_owner = *now;
			secret_save(&secret);
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
		grant_set_grantee(grant, now);
	}
}

void
role_refresh(void)
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
		rewrite_owned_secrets(stored, &now);
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
	{
		rewrite_owned(stored, &nobody);
		rewrite_owned_secrets(stored, &nobody);
	}
	foreach(cell, store_grant_list_to(stored))
	{
		const KmsGrant *grant = lfirst(cell);

		store_grant_delete(&grant->id);
		invalidation_send(&grant->resource);
	}
}

void
role_settle(void)
{
	ListCell   *cell;

	role_refresh();
	foreach(cell, store_role_list())
	{
		const KmsStoredRole *stored = lfirst(cell);

		/* Name and oid of one role: it only lacks the privilege, as in a copy whose dump is half restored. */
		if (!store_role_now(stored).valid && get_role_oid(stored->name, true) != stored->oid)
			forget_void(stored);
	}
}
