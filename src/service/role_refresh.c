/*
 * Rows that mean a role, after the role was renamed or numbered otherwise.
 */
#include "service/role_refresh.h"

#include "base/invalidation.h"
#include "miscadmin.h"
#include "service/certificate_seal.h"
#include "service/grant.h"
#include "service/key_seal.h"
#include "service/secret_seal.h"
#include "store/key.h"
#include "store/role.h"
#include "utils/acl.h"

#define BATCH		1000

static void
rewrite_key(const pg_uuid_t *id, const KmsStoredRole *now)
{
	KmsKey		key;

	if (!store_key_lock(id, &key) || !key_is_intact(&key))
		return;
	key.stored_owner = *now;
	key_save(&key);
}

static void
rewrite_secret(const pg_uuid_t *id, const KmsStoredRole *now)
{
	KmsSecret	secret;

	if (!store_secret_lock(id, &secret) || !secret_is_intact(&secret))
		return;
	secret.stored_owner = *now;
	secret_save(&secret);
}

static void
rewrite_certificate(const pg_uuid_t *id, const KmsStoredRole *now)
{
	KmsCertificate certificate;

	if (!store_certificate_lock(id, &certificate) || !certificate_is_intact(&certificate))
		return;
	certificate.stored_owner = *now;
	certificate_save(&certificate);
}

/* What has an owner: how the ids are found, and one is given another. */
static const struct
{
	int			(*owned) (const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max);
	void		(*rewrite) (const pg_uuid_t *id, const KmsStoredRole *now);
}			kinds[] = {
	{store_key_owned, rewrite_key},
	{store_secret_owned, rewrite_secret},
	{store_certificate_owned, rewrite_certificate}
};

/* All that has an owner who is called otherwise today: those with ids above the last, in batches. */
static void
rewrite_owned(const KmsStoredRole *stored, const KmsStoredRole *now)
{
	for (size_t kind = 0; kind < lengthof(kinds); kind++)
	{
		pg_uuid_t	ids[BATCH];
		pg_uuid_t	last = {{0}};
		int			count;

		while ((count = kinds[kind].owned(stored, &last, ids, BATCH)) > 0)
		{
			CHECK_FOR_INTERRUPTS();
			for (int i = 0; i < count; i++)
				kinds[kind].rewrite(&ids[i], now);
			last = ids[count - 1];
		}
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
