/*
 * The JSON of secrets that are the passwords of roles.
 */
#include "service/secret_config.h"

#include "base/error.h"
#include "base/json.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#define CONFIG		"extended_config"
#define CONFIG_MAX	1024		/* characters */
#define CUSTOM_MAX	10			/* pairs */

#define SUB_TYPE	"SecretSubType"
#define INSTANCE	"DBInstanceId"
#define CUSTOM		"CustomData"

static bool
is_object(const Jsonb *json)
{
	return JB_ROOT_IS_OBJECT(json);
}

static void
require_custom_data(const char *argument, JsonbContainer *custom)
{
	if (!JsonContainerIsObject(custom) || JsonContainerSize(custom) > CUSTOM_MAX)
		err_invalid(argument, "CustomData must be an object of at most 10 pairs");
}

/* Build it from its parts, in text. */
static const char *
write_config(const JsonbValue *sub_type, const JsonbValue *instance, JsonbContainer *custom)
{
	JsonbParseState *state = NULL;
	JsonbValue	part;
	Jsonb	   *config;
	char	   *text;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	part = *sub_type;
	json_add(&state, SUB_TYPE, &part);
	part = *instance;
	json_add(&state, INSTANCE, &part);
	part.type = jbvBinary;
	part.val.binary.data = custom;
	part.val.binary.len = 0;	/* not looked at */
	json_add(&state, CUSTOM, &part);
	config = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	text = JsonbToCString(NULL, &config->root, VARSIZE(config));
	if (pg_mbstrlen(text) > CONFIG_MAX)
		err_invalid(CONFIG, "it is longer than 1024 characters");
	return text;
}

static JsonbContainer *
no_custom_data(void)
{
	return &json_empty_object()->root;
}

const char *
secret_config_parse(Jsonb *config, KmsSecretSubType *sub_type)
{
	JsonbValue *type;
	JsonbValue *instance;
	JsonbContainer *custom = no_custom_data();
	JsonbValue *given;
	uint32		fields = 2;

	if (!is_object(config))
		err_invalid(CONFIG, "it must be an object");
	type = json_field(&config->root, SUB_TYPE, jbvString);
	*sub_type = type != NULL ? secret_sub_type_of(type->val.string.val, type->val.string.len) : 0;
	if (*sub_type == 0)
		err_invalid(CONFIG, "SecretSubType must be SingleUser or DoubleUsers");
	instance = json_field(&config->root, INSTANCE, jbvString);
	if (instance == NULL || instance->val.string.len == 0)
		err_invalid(CONFIG, "DBInstanceId must be a string, for instance \"local\"");
	given = getKeyJsonValueFromContainer(&config->root, CUSTOM, strlen(CUSTOM), NULL);
	if (given != NULL)
	{
		if (given->type != jbvBinary)
			err_invalid(CONFIG, "CustomData must be an object of at most 10 pairs");
		custom = given->val.binary.data;
		fields++;
	}
	require_custom_data(CONFIG, custom);
	if (JB_ROOT_COUNT(config) != fields)
		err_invalid(CONFIG, "it must have SecretSubType, DBInstanceId and CustomData only");
	return write_config(type, instance, custom);
}

Jsonb *
secret_config_read(const char *stored)
{
	Jsonb	   *config = json_parse(stored);

	if (config == NULL)
		err_stored();
	return config;
}

const char *
secret_config_replace(const char *stored, Jsonb *custom_data)
{
	Jsonb	   *config = secret_config_read(stored);
	JsonbValue *type = is_object(config) ? json_field(&config->root, SUB_TYPE, jbvString) : NULL;
	JsonbValue *instance = type != NULL ? json_field(&config->root, INSTANCE, jbvString) : NULL;

	if (instance == NULL)
		err_stored();
	require_custom_data("custom_data", &custom_data->root);
	return write_config(type, instance, &custom_data->root);
}

static void
err_accounts(void)
{
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
				errmsg("invalid value for secret_data: it must be {\"Accounts\": [{\"AccountName\": string, \"AccountPassword\": string}]}"),
				errhint("SingleUser takes one account, DoubleUsers one or two that differ; a name has 1 to %d bytes.", NAMEDATALEN - 1));
}

static char *
string_field(JsonbContainer *account, const char *name)
{
	JsonbValue *value = json_field(account, name, jbvString);

	if (value == NULL || value->val.string.len == 0)
		err_accounts();
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
read_account(const JsonbValue *value, KmsSecretAccount *account)
{
	JsonbContainer *object = value->val.binary.data;

	if (value->type != jbvBinary || !JsonContainerIsObject(object) || JsonContainerSize(object) != 2)
		err_accounts();
	account->name = string_field(object, "AccountName");
	account->password = string_field(object, "AccountPassword");
	if (strlen(account->name) >= NAMEDATALEN)
		err_accounts();
}

int
secret_accounts_parse(const char *data, KmsSecretSubType sub_type, KmsSecretAccount accounts[SECRET_ACCOUNTS_MAX])
{
	Jsonb	   *json = json_parse(data);
	JsonbValue *list = NULL;
	JsonbContainer *array;
	uint32		max = sub_type == SECRET_SINGLE_USER ? 1 : SECRET_ACCOUNTS_MAX;

	if (json != NULL && is_object(json) && JB_ROOT_COUNT(json) == 1)
		list = json_field(&json->root, "Accounts", jbvBinary);
	if (list == NULL)
		err_accounts();
	array = list->val.binary.data;
	if (!JsonContainerIsArray(array) || JsonContainerSize(array) < 1 || JsonContainerSize(array) > max)
		err_accounts();
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
		read_account(getIthJsonbValueFromContainer(array, i), &accounts[i]);
	if (JsonContainerSize(array) == 2 && strcmp(accounts[0].name, accounts[1].name) == 0)
		err_accounts();
	return (int) JsonContainerSize(array);
}

char *
secret_account_value(const char *name, const char *password)
{
	StringInfoData value;

	/* Escaped, a byte takes six; room from the start, so that no copy is left behind. */
	initStringInfo(&value);
	enlargeStringInfo(&value, 6 * (strlen(name) + strlen(password)) + 64);
	appendStringInfoString(&value, "{\"AccountName\":");
	escape_json(&value, name);
	appendStringInfoString(&value, ",\"AccountPassword\":");
	escape_json(&value, password);
	appendStringInfoChar(&value, '}');
	return value.data;
}
