/*
 * Secrets.  Every function asks for the permission first, then locks, checks what
 * it finds under the lock, and acts.
 */
#include "service/secret.h"

#include "base/error.h"
#include "base/invalidation.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/key.h"
#include "service/secret_config.h"
#include "service/secret_seal.h"
#include "utils/timestamp.h"

static bool
is_identifier(const char *text, size_t max)
{
	static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/+=.@-";
	size_t		len = strlen(text);

	return len >= 1 && len <= max && strspn(text, characters) == len;
}

void
secret_require_identifier(const char *argument, const char *text, size_t max)
{
	if (!is_identifier(text, max))
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for %s: it must be 1 to %d letters, digits and characters of _ / + = . @ -",
						   argument, (int) max));
}

void
err_secret_not_found(const char *name)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_RESOURCE_NOT_FOUND,
				errmsg("secret \"%s\" does not exist", name));
	pg_unreachable();
}

/* acs:kms:<region>:<account>:secret/<name>; no name has a colon. */
const char *
secret_parse_name(const char *argument, const char *text)
{
	char		own[ARN_PREFIX_SIZE];
	const char *name = text;
	int			own_len;

	if (strncmp(text, "acs:kms:", 8) == 0)
	{
		const char *resource = strstr(text, ":secret/");

		/* The error below quotes it. */
		if (resource == NULL || resource - text >= ARN_PREFIX_SIZE || !is_identifier(resource + 8, SECRET_NAME_MAX))
			err_invalid(argument, "it is no secret name or ARN of a secret");
		name = resource + 8;
		own_len = account_arn_prefix(own);
		if (resource + 1 - text != own_len || memcmp(text, own, own_len) != 0)
			err_secret_not_found(text);
	}
	secret_require_identifier(argument, name, SECRET_NAME_MAX);
	return name;
}

static bool
is_gone(const KmsSecret *secret)
{
	return secret->delete_at <= GetCurrentTimestamp();
}

static KmsVerdict
decide(Oid caller, KmsAction action, const KmsSecret *secret, kc_view context)
{
	KmsSubject	subject = {.id = &secret->id, .owner = secret->owner};

	return access_decide(caller, action, &subject, context);
}

static void
authorise(Oid caller, KmsAction action, const KmsSecret *secret)
{
	if (decide(caller, action, secret, kc_view_of(NULL, 0)) == ACCESS_DENIED)
		access_refuse("secret", secret->name, strlen(secret->name));
}

static void
find(const char *text, Snapshot snapshot, KmsSecret *secret)
{
	const char *name = secret_parse_name("secret_name", text);

	invalidation_accept();
	audit_about_secret(name);
	if (!store_secret_find(name, snapshot, secret))
		err_secret_not_found(name);
}

void
secret_find_for(Oid caller, KmsAction action, const char *text, Snapshot snapshot, KmsSecret *secret)
{
	find(text, snapshot, secret);
	if (is_gone(secret))
		err_secret_not_found(secret->name);
	authorise(caller, action, secret);
}

void
secret_find_even_gone(Oid caller, KmsAction action, const char *text, KmsSecret *secret)
{
	find(text, NULL, secret);
	authorise(caller, action, secret);
}

bool
secret_may(Oid caller, KmsAction action, const char *text, KmsSecret *secret, kc_view context)
{
	find(text, NULL, secret);
	if (is_gone(secret))
		err_secret_not_found(secret->name);
	return decide(caller, action, secret, context) != ACCESS_DENIED;
}

/*
 * The wait for the lock may have been long: the rights are looked up anew.  What is
 * changed now gets a new MAC, so nobody's edit by hand may slip in.
 */
void
secret_lock_even_gone(Oid caller, KmsAction action, KmsSecret *secret)
{
	const char *name = secret->name;
	const pg_uuid_t id = secret->id;

	if (!store_secret_lock(&id, secret))
		err_secret_not_found(name);
	invalidation_accept();
	secret->owner = store_role_now(&secret->stored_owner);
	authorise(caller, action, secret);
	secret_require_intact(secret);
}

void
secret_lock_for(Oid caller, KmsAction action, KmsSecret *secret)
{
	secret_lock_even_gone(caller, action, secret);
	if (is_gone(secret))
		err_secret_not_found(secret->name);
}

void
secret_require_active(const KmsSecret *secret)
{
	if (!TIMESTAMP_IS_NOEND(secret->delete_at))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_RESOURCE_IN_DELETE_WINDOW,
					errmsg("secret \"%s\" is scheduled for deletion", secret->name),
					errhint("Its owner can call kms_restore_secret."));
}

void
secret_require_generic(const KmsSecret *secret)
{
	if (secret->type != SECRET_GENERIC)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
					errmsg("secret \"%s\" is the password of a role: its versions are made by rotation", secret->name),
					errhint("Call kms_rotate_secret."));
}

void
secret_require_managed(const KmsSecret *secret)
{
	if (secret->type == SECRET_GENERIC)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
					errmsg("secret \"%s\" is Generic: it does not rotate, and has no configuration", secret->name),
					errhint("Store a new value with kms_put_secret_value."));
}

void
secret_record(KmsAction action, Oid caller, const KmsSecret *secret, const char *detail)
{
	audit_record(action, caller, "secret", psprintf("secret/%s", secret->name), detail);
}

void
secret_describe(Oid caller, const char *text, KmsSecret *secret)
{
	secret_find_for(caller, ACTION_DESCRIBE_SECRET, text, NULL, secret);
}

void
secret_update(Oid caller, const char *text, const char *description, Jsonb *custom_data)
{
	KmsSecret	secret;

	if (description == NULL && custom_data == NULL)
		err_invalid("description", "it and custom_data must not both be NULL");
	if (description != NULL)
		key_require_description("description", description);
	secret_find_for(caller, ACTION_UPDATE_SECRET, text, NULL, &secret);

	store_open();
	secret_lock_for(caller, ACTION_UPDATE_SECRET, &secret);
	if (custom_data != NULL)
		secret_require_managed(&secret);
	secret_require_active(&secret);
	if (description != NULL)
		secret.description = description;
	if (custom_data != NULL)
		secret.extended_config = secret_config_replace(secret.extended_config, custom_data);
	secret_save(&secret);
	secret_record(ACTION_UPDATE_SECRET, caller, &secret, NULL);
	store_close();
}

void
secret_of_row(HeapTupleHeader row, KmsSecret *secret)
{
	store_secret_of_composite(row, secret);
}

bool
secret_may_describe(Oid caller, const pg_uuid_t *id, const KmsStoredRole *owner)
{
	KmsSubject	subject = {.id = id, .quietly = true};

	invalidation_accept();
	subject.owner = store_role_now(owner);
	return access_decide(caller, ACTION_DESCRIBE_SECRET, &subject, kc_view_of(NULL, 0)) != ACCESS_DENIED;
}
