/*
 * The API's actions, by noun.
 */
#include "call/table.h"

#include "base/error.h"

const CallRefusal call_refuses_policy = {
	ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
	"keys and secrets have no policies here", "Use kms_grant and kms_revoke."
};

const CallRefusal call_refuses_instance = {
	ERRCODE_UNDEFINED_OBJECT, API_INSTANCE_NOT_FOUND,
	"there are no KMS instances in a database", "Leave the field out."
};

const CallRefusal call_refuses_recipient = {
	ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
	"answers are not encrypted for a recipient here", "Use GenerateAndExportDataKey or ExportDataKey."
};

const CallAction *const call_nouns[] = {
	call_account, call_alias, call_asymmetric, call_certificate, call_cipher, call_data_key, call_key,
	call_key_version, call_secret, call_secret_version, call_tag
};

const int	call_noun_count = lengthof(call_nouns);

const CallAction *
call_find(const char *name)
{
	for (int i = 0; i < call_noun_count; i++)
		for (const CallAction *action = call_nouns[i]; action->name != NULL; action++)
			if (strcmp(action->name, name) == 0)
				return action;
	return NULL;
}

int
call_count_fields(const CallAction *action)
{
	int			count = 0;

	while (action->request != NULL && action->request[count].name != NULL)
		count++;
	Assert(count <= CALL_MAX_FIELDS);
	return count;
}

int
call_count_results(const CallAction *action)
{
	int			count = 0;

	while (action->response != NULL && action->response[count].name != NULL)
		count++;
	Assert(count <= CALL_MAX_FIELDS);
	return count;
}

const char *
call_kind_name(CallKind kind)
{
	static const char *const names[] = {
		[CALL_TEXT] = "string", [CALL_BASE64] = "Base64", [CALL_DATA] = "string or Base64", [CALL_BOOLEAN] = "boolean",
		[CALL_INTEGER] = "integer", [CALL_UNIX_TIME] = "Unix seconds", [CALL_TIME] = "UTC time",
		[CALL_INTERVAL] = "interval", [CALL_OBJECT] = "object", [CALL_ARRAY] = "array of objects",
		[CALL_JSON_TEXT] = "JSON text", [CALL_TAGS] = "array of objects", [CALL_NAMES] = "array of strings"
	};

	return names[kind];
}
