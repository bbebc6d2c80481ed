/*
 * The guard against accidents.  Dropping the extension, its schema or a table,
 * or emptying one, all come by the same hook, cascades included; and so does
 * dropping a role.  It works where
 * the library is loaded: in every session, if it is preloaded.
 */
#include "service/guard.h"

#include "base/error.h"
#include "base/settings.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "service/audit_line.h"
#include "store/catalog.h"
#include "store/certificate.h"
#include "store/key.h"
#include "store/role.h"
#include "utils/acl.h"

static object_access_hook_type next_hook;

/*
 * Of what is dropped with a key table something comes first: the table or a part of it.
 * A certificate has a key of its own.
 */
static void
refuse_while_keys_exist(void)
{
	if (setting_allow_drop || !(store_key_exists() || store_certificate_exists()))
		return;
	audit_begin(ACTION_NONE);	/* it is no function of ours that raises this */
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_UNSUPPORTED_OPERATION,
				errmsg("there are keys or certificates in this database, and what they protect would be lost"),
				errhint("A superuser who wants that sets kms.allow_drop = on in the session."));
}

/*
 * PostgreSQL refuses this, too, in every database: it sees the privilege on the
 * anchor.  Here we know what it stands for.
 */
static void
refuse_while_role_is_mentioned(Oid role)
{
	if (!store_installed() || !store_role_is_mentioned(role))
		return;
	audit_begin(ACTION_NONE);
	kms_ereport(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST, API_UNSUPPORTED_OPERATION,
				errmsg("role \"%s\" cannot be dropped because it owns keys, secrets or certificates, or holds grants of kms",
					   GetUserNameFromId(role, false)),
				errhint("Give its keys, secrets and certificates to another role with kms_set_owner, and take its grants away with kms_revoke; the views kms.keys, kms.secrets, kms.certificates and kms.grants list them."));
}

static void
guard(ObjectAccessType access, Oid class, Oid object, int part, void *argument)
{
	if (next_hook != NULL)
		next_hook(access, class, object, part, argument);
	if (class == AuthIdRelationId && access == OAT_DROP)
		refuse_while_role_is_mentioned(object);
	if (class != RelationRelationId || !(access == OAT_DROP || access == OAT_TRUNCATE) || !store_is_ours(object))
		return;
	/* TRUNCATE asks us before it asks for the right: who has none is refused by it. */
	if (access == OAT_TRUNCATE && pg_class_aclcheck(object, GetUserId(), ACL_TRUNCATE) != ACLCHECK_OK)
		return;
	refuse_while_keys_exist();
}

void
guard_install(void)
{
	next_hook = object_access_hook;
	object_access_hook = guard;
}
