/*
 * What grants are given on and what has an owner.
 */
#include "service/resource.h"

#include "base/error.h"
#include "base/invalidation.h"
#include "service/audit.h"
#include "service/key.h"
#include "service/key_seal.h"

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
	if (strncmp(text, "secret/", 7) == 0 || strncmp(text, "certificate/", 12) == 0)
		err_not_found(text);
	resource->kind = RESOURCE_KEY;
	reference_parse("resource", text, strlen(text), &resource->reference);
}

void
resource_find_for(Oid caller, KmsAction action, KmsResource *resource)
{
	key_find_for(caller, action, &resource->reference, &resource->key);
}

void
resource_lock_for(Oid caller, KmsAction action, KmsResource *resource)
{
	key_lock_for(caller, action, &resource->reference, &resource->key.id, &resource->key);
}

bool
resource_may(Oid caller, KmsAction action, KmsResource *resource, kc_view context)
{
	return key_may(caller, action, &resource->reference, &resource->key, context);
}

const pg_uuid_t *
resource_id(const KmsResource *resource)
{
	return &resource->key.id;
}

KmsOwner
resource_owner(const KmsResource *resource)
{
	return resource->key.owner;
}

const char *
resource_type(KmsResourceKind kind)
{
	return "key";
}

uint64
resource_operations(KmsResourceKind kind)
{
	return ACTION_KEY_BITS;
}

void
resource_set_owner(KmsResource *resource, const KmsStoredRole *owner)
{
	resource->key.stored_owner = *owner;
	key_save(&resource->key);
}

void
resource_grants_changed(const KmsResource *resource)
{
	invalidation_send(&resource->key.id);
}

void
resource_record(KmsAction action, Oid caller, const KmsResource *resource, const char *detail)
{
	audit_record_key(action, caller, &resource->key.id, detail);
}
