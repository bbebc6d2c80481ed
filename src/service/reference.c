/*
 * How a caller names a key.
 */
#include "service/reference.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/account.h"
#include "store/alias.h"

bool
reference_is_alias(const char *text, size_t len)
{
	if (len <= strlen(ALIAS_PREFIX) || len > ALIAS_MAX_LEN || memcmp(text, ALIAS_PREFIX, strlen(ALIAS_PREFIX)) != 0)
		return false;
	for (size_t i = strlen(ALIAS_PREFIX); i < len; i++)
	{
		char		c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '_' && c != '/' && c != '-')
			return false;
	}
	return true;
}

void
err_key_not_found(const KmsReference *reference)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_NOT_FOUND,
				errmsg("key \"%.*s\" does not exist", (int) reference->len, reference->text));
	pg_unreachable();
}

void
err_alias_not_found(const char *text, size_t len)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_ALIAS_NOT_FOUND,
				errmsg("alias \"%.*s\" does not exist", (int) len, text));
	pg_unreachable();
}

/* acs:kms:<region>:<account>:key/<uuid>; false if it is not of that form. */
static bool
parse_arn(KmsReference *reference)
{
	char		own[ARN_PREFIX_SIZE];
	const char *end = reference->text + reference->len;
	int			own_len;
	const char *key;

	if (reference->len < 8 + 4 + 36 || memcmp(reference->text, "acs:kms:", 8) != 0)
		return false;
	key = end - 36 - 4;
	if (memcmp(key, "key/", 4) != 0 || key[-1] != ':' || !uuid_parse(key + 4, 36, &reference->key_id))
		return false;
	own_len = account_arn_prefix(own);
	if (key - reference->text != own_len || memcmp(reference->text, own, own_len) != 0)
		err_key_not_found(reference);
	return true;
}

void
reference_parse(const char *argument, const char *text, size_t len, KmsReference *reference)
{
	reference->text = text;
	reference->len = len;
	reference->is_alias = reference_is_alias(text, len);
	if (reference->is_alias || uuid_parse(text, len, &reference->key_id))
		return;
	if (len > REFERENCE_MAX_LEN || !parse_arn(reference))
		err_invalid(argument, "it is no key id, ARN or alias");
}

void
reference_parse_id(const char *argument, const char *text, KmsReference *reference)
{
	size_t		len = strlen(text);

	if (len >= strlen(ALIAS_PREFIX) && memcmp(text, ALIAS_PREFIX, strlen(ALIAS_PREFIX)) == 0)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_ALIAS,
					errmsg("%s must be a key id or ARN here, not an alias", argument));
	reference_parse(argument, text, len, reference);
}

pg_uuid_t
reference_resolve(const KmsReference *reference)
{
	KmsAlias	alias;

	if (!reference->is_alias)
		return reference->key_id;
	if (!store_alias_find(reference->text, reference->len, &alias))
		err_alias_not_found(reference->text, reference->len);
	return alias.key_id;
}

bool
reference_means(const char *text, const pg_uuid_t *key_id)
{
	size_t		len = strlen(text);
	KmsAlias	alias;
	pg_uuid_t	named;

	if (reference_is_alias(text, len))
	{
		if (!store_alias_find(text, len, &alias))
			return false;
		named = alias.key_id;
	}
	else if (len < 36 || !uuid_parse(text + len - 36, 36, &named))
		return false;
	return memcmp(named.data, key_id->data, UUID_LEN) == 0;
}
