/*
 * What grants are given on and what has an owner.
 */
#include "service/resource.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "miscadmin.h"
#include "service/audit.h"
#include "service/certificate.h"
#include "service/certificate_seal.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/secret.h"
#include "service/secret_seal.h"
#include "utils/acl.h"

#define SECRET_PREFIX		"secret/"
#define CERTIFICATE_PREFIX	"certificate/"

static bool
begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
is_arn_of(const char *text, const char *kind)
{
	return begins_with(text, "acs:kms:") && strstr(text, kind) != NULL;
}

void
resource_parse(const char *text, KmsResource *resource)
{
	if (begins_with(text, SECRET_PREFIX))
	{
		resource->kind = RESOURCE_SECRET;
		resource->text = text + strlen(SECRET_PREFIX);
		secret_require_identifier("resource", resource->text, SECRET_NAME_MAX);
	}
	else if (is_arn_of(text, ":" SECRET_PREFIX))
	{
		resource->kind = RESOURCE_SECRET;
		resource->text = secret_parse_name("resource", text);
	}
	else if (begins_with(text, CERTIFICATE_PREFIX))
	{
		resource->kind = RESOURCE_CERTIFICATE;
		resource->text = text;
		if (begins_with(text, CERTIFICATE_PREFIX "acs:"))
			err_invalid("resource", "an ARN stands alone");
		resource->certificate.id = certificate_parse_id("resource", text + strlen(CERTIFICATE_PREFIX));
	}
	else if (is_arn_of(text, ":" CERTIFICATE_PREFIX))
	{
		resource->kind = RESOURCE_CERTIFICATE;
		resource->text = text;
		resource->certificate.id = certificate_parse_id("resource", text);
	}
	else
	{
		resource->kind = RESOURCE_KEY;
		resource->text = text;
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
resource_of_certificate(const char *text, KmsResource *resource)
{
	resource->kind = RESOURCE_CERTIFICATE;
	resource->text = text;
	resource->certificate.id = certificate_parse_id("certificate_id", text);
}

/* It is read over its own id. */
static void
find_certificate(Oid caller, KmsAction action, KmsCertificate *certificate)
{
	pg_uuid_t	id = certificate->id;

	certificate_find_for(caller, action, &id, certificate);
}

static bool
may_certificate(Oid caller, KmsAction action, KmsCertificate *certificate, kc_view context)
{
	pg_uuid_t	id = certificate->id;

	return certificate_may(caller, action, &id, certificate, context);
}

void
resource_find_for(Oid caller, KmsAction action, KmsResource *resource)
{
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			key_find_for(caller, action, &resource->reference, &resource->key);
			break;
		case RESOURCE_SECRET:
			secret_find_for(caller, action, resource->text, NULL, &resource->secret);
			break;
		case RESOURCE_CERTIFICATE:
			find_certificate(caller, action, &resource->certificate);
			break;
	}
}

void
resource_lock_for(Oid caller, KmsAction action, KmsResource *resource)
{
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			key_lock_for(caller, action, &resource->reference, &resource->key.id, &resource->key);
			break;
		case RESOURCE_SECRET:
			secret_lock_for(caller, action, &resource->secret);
			break;
		case RESOURCE_CERTIFICATE:
			certificate_lock_for(caller, action, &resource->certificate);
			break;
	}
}

bool
resource_may(Oid caller, KmsAction action, KmsResource *resource, kc_view context)
{
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			return key_may(caller, action, &resource->reference, &resource->key, context);
		case RESOURCE_SECRET:
			return secret_may(caller, action, resource->text, &resource->secret, context);
		case RESOURCE_CERTIFICATE:
			return may_certificate(caller, action, &resource->certificate, context);
	}
	pg_unreachable();
}

const pg_uuid_t *
resource_id(const KmsResource *resource)
{
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			return &resource->key.id;
		case RESOURCE_SECRET:
			return &resource->secret.id;
		case RESOURCE_CERTIFICATE:
			return &resource->certificate.id;
	}
	pg_unreachable();
}

KmsOwner
resource_owner(const KmsResource *resource)
{
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			return resource->key.owner;
		case RESOURCE_SECRET:
			return resource->secret.owner;
		case RESOURCE_CERTIFICATE:
			return resource->certificate.owner;
	}
	pg_unreachable();
}

/* By kind. */
static const struct
{
	const char *type;
	uint64		operations;
	KmsAction	describing;
}			kinds[] = {
	[RESOURCE_KEY] = {"key", ACTION_KEY_BITS, ACTION_DESCRIBE_KEY},
	[RESOURCE_SECRET] = {"secret", ACTION_SECRET_BITS, ACTION_DESCRIBE_SECRET},
	[RESOURCE_CERTIFICATE] = {"certificate", ACTION_CERTIFICATE_BITS, ACTION_DESCRIBE_CERTIFICATE},
};

const char *
resource_type(KmsResourceKind kind)
{
	return kinds[kind].type;
}

uint64
resource_operations(KmsResourceKind kind)
{
	return kinds[kind].operations;
}

KmsAction
resource_describing(KmsResourceKind kind)
{
	return kinds[kind].describing;
}

char *
resource_shown(const KmsResource *resource)
{
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			return uuid_print(&resource->key.id, palloc(37));
		case RESOURCE_SECRET:
			return psprintf(SECRET_PREFIX "%s", resource->secret.name);
		case RESOURCE_CERTIFICATE:
			return certificate_shown(&resource->certificate.id);
	}
	pg_unreachable();
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
	switch (resource->kind)
	{
		case RESOURCE_KEY:
			resource->key.stored_owner = *owner;
			key_save(&resource->key);
			break;
		case RESOURCE_SECRET:
			if (resource->secret.type != SECRET_GENERIC)
				require_privileges_of(caller, owner->oid);
			resource->secret.stored_owner = *owner;
			secret_save(&resource->secret);
			break;
		case RESOURCE_CERTIFICATE:
			resource->certificate.stored_owner = *owner;
			certificate_save(&resource->certificate);
			break;
	}
}

/* Of the others nothing is cached. */
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
