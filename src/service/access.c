/*
 * Who may do what.
 */
#include "service/access.h"

#include "base/error.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "utils/acl.h"

static KmsVerdict
decide_superuser(Oid caller, KmsAction action, const KmsOwner *owner)
{
	if (!ACTION_USES_KEY(action) || (owner->valid && caller == owner->role))
		return ACCESS_ALLOWED;
	return setting_superuser_may_use ? ACCESS_ALLOWED_NOW : ACCESS_DENIED;
}

KmsVerdict
access_decide(Oid caller, KmsAction action, const KmsOwner *owner)
{
	/* has_privs_of_role says yes to superusers, so they are asked first. */
	if (superuser_arg(caller))
		return decide_superuser(caller, action, owner);
	if (owner->valid && has_privs_of_role(caller, owner->role))
		return ACCESS_ALLOWED;
	return ACCESS_DENIED;
}

void
access_refuse(const char *kind, const char *what, size_t len)
{
	kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
				errmsg("permission denied for %s \"%.*s\"", kind, (int) len, what));
	pg_unreachable();
}
