/*
 * The roles whose passwords secrets keep.  Rotating and then reading must not be a
 * way to become a role that one has no right on.
 */
#include "service/secret_role.h"

#include "base/error.h"
#include "miscadmin.h"

/* For messages. */
static const char *
called(const char *name, bool show)
{
	return show ? psprintf("role \"%s\"", name) : "a role of secret_data";
}

void
secret_role_require(KmsOwner owner, const char *name, bool show)
{
	KmsLoginRole role;

	if (!owner.valid)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("the secret has no owner whose rights could change a password"),
					errhint("A superuser can give it one with kms_set_owner."));
	if (!store_login_role_find(name, &role))
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_RESOURCE_NOT_FOUND,
					errmsg("%s does not exist", called(name, show)));
	if (role.superuser || role.replication || role.reserved)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("%s is a superuser, a replication role or reserved: its password is not kept here", called(name, show)));
	if ((role.bypass_rls && !superuser_arg(owner.role)) || !store_login_role_may_alter(owner.role, &role))
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("the owner of the secret may not change the password of %s", called(name, show)),
					errhint("It needs what ALTER ROLE ... PASSWORD asks for."));
}

void
secret_role_claim(const KmsSecret *secret, const char *name)
{
	if (!store_secret_claim_role(&secret->id, name))
		kms_ereport(ERRCODE_DUPLICATE_OBJECT, API_RESOURCE_EXIST,
					errmsg("another secret keeps the password of a role of secret_data"),
					errhint("The name of a second account that is to be made counts too."));
}

void
secret_role_require_free(const char *name)
{
	KmsLoginRole role;

	if (store_login_role_find(name, &role))
		kms_ereport(ERRCODE_DUPLICATE_OBJECT, API_RESOURCE_EXIST,
					errmsg("the second account exists already"),
					errhint("It is called like the first, with \"" CLONE_SUFFIX "\" behind it: give both accounts, with their passwords."));
}

char *
secret_role_clone_name(const char *name)
{
	if (strlen(name) + strlen(CLONE_SUFFIX) >= NAMEDATALEN)
		err_invalid("secret_data", "with \"_clone\" the name of the account would be longer than 63 bytes");
	return psprintf("%s%s", name, CLONE_SUFFIX);
}
