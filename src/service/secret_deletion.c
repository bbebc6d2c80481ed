/*
 * The end of a secret.  A worker erases it (service/secret_job.c); from the delete
 * date on it is as if it were gone, even if no worker runs.  The roles whose passwords
 * it kept stay as they are.
 */
#include "service/secret_deletion.h"

#include "base/error.h"
#include "service/audit.h"
#include "service/grant.h"
#include "service/secret.h"
#include "service/secret_seal.h"
#include "utils/timestamp.h"

#define WINDOW_MIN	7
#define WINDOW_MAX	30

void
secret_erase(const KmsSecret *secret)
{
	List	   *roles = grant_roles_of(&secret->id, secret->owner);
	ListCell   *cell;

	store_secret_erase(&secret->id);
	foreach(cell, roles)
		store_role_release(lfirst_oid(cell));
}

TimestampTz
secret_delete(Oid caller, const char *text, bool force, int days, const char **name)
{
	KmsSecret	secret;

	if (!force && (days < WINDOW_MIN || days > WINDOW_MAX))
		err_invalid("recovery_window_in_days", "it must be 7 to 30");
	if (force)
		secret_find_even_gone(caller, ACTION_DELETE_SECRET, text, &secret);
	else
		secret_find_for(caller, ACTION_DELETE_SECRET, text, NULL, &secret);

	store_open();
	if (force)
	{
		secret_lock_even_gone(caller, ACTION_DELETE_SECRET, &secret);
		secret.delete_at = GetCurrentTimestamp();
		secret_erase(&secret);
	}
	else
	{
		secret_lock_for(caller, ACTION_DELETE_SECRET, &secret);
		secret_require_active(&secret);
		secret.delete_at = GetCurrentTimestamp() + days * USECS_PER_DAY;
		secret_save(&secret);
	}
	secret_record(ACTION_DELETE_SECRET, caller, &secret, force ? "at once" : audit_date("delete date", secret.delete_at));
	store_sync_at_commit();
	store_close();
	*name = secret.name;
	return secret.delete_at;
}

void
secret_restore(Oid caller, const char *text)
{
	KmsSecret	secret;

	secret_find_even_gone(caller, ACTION_RESTORE_SECRET, text, &secret);

	store_open();
	secret_lock_even_gone(caller, ACTION_RESTORE_SECRET, &secret);
	if (TIMESTAMP_IS_NOEND(secret.delete_at))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_RESOURCE_IN_USE,
					errmsg("secret \"%s\" is not scheduled for deletion", secret.name));
	secret.delete_at = DT_NOEND;
	secret_save(&secret);
	secret_record(ACTION_RESTORE_SECRET, caller, &secret, NULL);
	store_sync_at_commit();
	store_close();
}
