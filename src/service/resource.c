/*
 * What grants are given on and what has an owner.
 */
#include "service/resource.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "miscadmin.h"
#include "service/audit.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/secret.h"
#include "service/secret_seal.h"
#include "utils/acl.h"

#define SECRET_PREFIX "secret/"

static void
err_not_found(const char *text)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_RESOURCE_NOT_FOUND,
				errmsg("resource \"%s\" does not exist", text));
}

void
resource_parse(const char *text, KmsResource *resource)
{
	resource->text = text;
	if (strncmp(text, "certificate/", 12) == 0)
		err_not_found(text);
	if (strncmp(text, SECRET_PREFIX, strlen(SECRET_PREFIX)) == 0)
	{
		resource->kind = RESOURCE_SECRET;
		resource->text = text + strlen(SECRET_PREFIX);
		secret_require_identifier("resource", resource->text, SECRET_NAME_MAX);
	}
	else if (strncmp(text, "acs:kms:", 8) == 0 && strstr(text, ":secret/") != NULL)
	{
		resource->kind = RESOURCE_SECRET;
		resource->text = secret_parse_name("resource", text);
	}
	else
	{
		resource->kind = RESOURCE_KEY;
		reference_parse("resource", text, strlen(text), &resource->reference);
	}
}

void
resource_of_key(const char *text, KmsResource *resource)
{
	resource->kind = RESOURCE_KEY;
	resource->text = text;
	reference_parse("key_id", text, strlen(text), &resource->reference);
}

void
resource_of_secret(const char *text, KmsResource *resource)
{
	resource->kind = RESOURCE_SECRET;
	resource->text = secret_parse_name("secret_name", text);
}

void
resource_find_for(Oid caller, KmsAction action, KmsResource *resource)
{
	if (resource->kind == RESOURCE_KEY)
		key_find_for(caller, action, &resource->reference, &resource->key);
	else
		secret_find_for(caller, action, resource->text, NULL, &resource->secret);
}

void
resource_lock_for(Oid caller, KmsAction action, KmsResource *resource)
{
	if (resource->kind == RESOURCE_KEY)
		key_lock_for(caller, action, &resource->reference, &resource->key.id, &resource->key);
	else
		secret_lock_for(caller, action, &resource->secret);
}

bool
resource_may(Oid caller, KmsAction action, KmsResource *resource, kc_view context)
{
	return resource->kind == RESOURCE_KEY ? key_may(caller, action, &resource->reference, &resource->key, context) :
		secret_may(caller, action, resource->text, &resource->secret, context);
}

const pg_uuid_t *
resource_id(const KmsResource *resource)
{
	return resource->kind == RESOURCE_KEY ? &resource->key.id : &resource->secret.id;
}

KmsOwner
resource_owner(const KmsResource *resource)
{
	return resource->kind == RESOURCE_KEY ? resource->key.owner : resource->secret.owner;
}

const char *
resource_type(KmsResourceKind kind)
{
	return kind == RESOURCE_KEY ? "key" : "secret";
}

uint64
resource_operations(KmsResourceKind kind)
{
	return kind == RESOURCE_KEY ? ACTION_KEY_BITS : ACTION_SECRET_BITS;
}

KmsAction
resource_describing(KmsResourceKind kind)
{
	return kind == RESOURCE_KEY ? ACTION_DESCRIBE_KEY : ACTION_DESCRIBE_SECRET;
}

char *
resource_shown(const KmsResource *resource)
{
	return resource->kind == RESOURCE_KEY ? uuid_print(&resource->key.id, palloc(37)) :
		psprintf(SECRET_PREFIX "%s", resource->secret.name);
}

static void
require_privileges_of(Oid caller, Oid owner)
{
	if (!superuser_arg(caller) && !has_privs_of_role(caller, owner))
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_NO_PERMISSION,
					errmsg("permission denied to let role \"%s\" change passwords", GetUserNameFromId(owner, false)),
					errhint("A secret that keeps the password of a role can be given to a role of which one is a member."));
}

void
resource_set_owner(Oid caller, KmsResource *resource, const KmsStoredRole *owner)
{
	if (resource->kind == RESOURCE_KEY)
	{
		resource->key.stored_owner = *owner;
		key_save(&resource->key);
		return;
	}
	if (resource->secret.type != SECRET_GENERIC)
		require_privileges_of(caller, owner->oid);
	resource->secret.stored_owner = *owner;
	secret_save(&resource->secret);
}

/* Of secrets nothing is cached. */
void
resource_grants_changed(const KmsResource *resource)
{
	if (resource->kind == RESOURCE_KEY)
		invalidation_send(&resource->key.id);
}

void
resource_record(KmsAction action, Oid caller, const KmsResource *resource, const char *detail)
{
	audit_record(action, caller, resource_type(resource->kind), resource_shown(resource), detail);
}
