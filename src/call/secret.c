/*
 * Secrets in the API's JSON.
 */
#include "call/table.h"

/* What is called SecretName in the API may be an ARN: in responses it is the name, which has no colon. */
#define NAME "pg_catalog.regexp_replace($1, '^acs:.*:secret/', '')"

/* Of managed secrets. */
#define ROTATION(row) \
	{"AutomaticRotation", CALL_TEXT, .column = row ".automatic_rotation", .optional = true}, \
	{"RotationInterval", CALL_INTERVAL, .column = row ".rotation_interval", .optional = true}, \
	{"NextRotationDate", CALL_TIME, .column = row ".next_rotation_date", .optional = true}

#define LAST_ROTATION(row) {"LastRotationDate", CALL_TIME, .column = row ".last_rotation_date", .optional = true}

#define CONFIG(row) {"ExtendedConfig", CALL_JSON_TEXT, .column = row ".extended_config", .optional = true}

#define POLICY_NAME {"PolicyName", CALL_TEXT, .fallback = "default", .one_of = "default"}

const CallAction call_secret[] = {
	{
		/* OFFSET 0: so that the secret is made once, not once for each column. */
		.name = "CreateSecret",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"VersionId", CALL_TEXT, .required = true},
			{"SecretData", CALL_DATA, .required = true},
			{"SecretType", CALL_TEXT, .fallback = "Generic"},
			{"EncryptionKeyId", .kind = CALL_TEXT},
			{"Description", CALL_TEXT, .fallback = ""},
			{"Tags", .kind = CALL_ARRAY},
			{"ExtendedConfig", .kind = CALL_OBJECT},
			{"EnableAutomaticRotation", CALL_BOOLEAN, .fallback = "false"},
			{"RotationInterval", .kind = CALL_INTERVAL},
			{"SecretDataType", CALL_TEXT, .fallback = "text", .one_of = "text|binary"},
			{"Policy", CALL_OBJECT, .refusal = &call_refuses_policy},
			{"DKMSInstanceId", CALL_TEXT, .refusal = &call_refuses_instance},
			{0}
		},
		.from = "(SELECT CASE WHEN $4 IS NULL"
			" THEN @.kms_create_secret($1, $2, $3, $5, $6, $7, $8, $9, $10, $11)"
			" ELSE @.kms_create_secret($1, $2, $4, $5, $6, $7, $8, $9, $10, $11) END AS s OFFSET 0) AS made",
		.response = CALL_RESPONSE {
			{"Arn", CALL_TEXT, .column = "(made.s).arn"},
			{"SecretName", CALL_TEXT, .column = "(made.s).secret_name"},
			{"VersionId", CALL_TEXT, .column = "(made.s).version_id"},
			{"SecretType", CALL_TEXT, .column = "(made.s).secret_type"},
			ROTATION("(made.s)"),
			CONFIG("(made.s)"),
			{0}
		},
	},
	{
		.name = "ListSecrets",
		.request = CALL_REQUEST {
			{"Filters", .kind = CALL_ARRAY},
			{"FetchTags", CALL_BOOLEAN, .fallback = "false"},
			CALL_PAGE_NUMBER,
			CALL_PAGE_SIZE("10"),
			{0}
		},
		.from = "@.kms_list_secrets($1, $2) AS s",
		.order = "s.create_time, s.secret_name",
		.list = "SecretList.Secret",
		.response = CALL_RESPONSE {
			{"SecretName", CALL_TEXT, .column = "s.secret_name"},
			{"SecretType", CALL_TEXT, .column = "s.secret_type"},
			{"CreateTime", CALL_TIME, .column = "s.create_time"},
			{"UpdateTime", CALL_TIME, .column = "s.update_time"},
			{"PlannedDeleteTime", CALL_TIME, .column = "s.planned_delete_time", .optional = true},
			{"Tags.Tag", CALL_ARRAY, .column = "s.tags", .optional = true},
			{0}
		},
		.paging = CALL_BY_NUMBER,
		.total = "TotalCount",
	},
	{
		.name = "DescribeSecret",
		.request = CALL_REQUEST {CALL_SECRET_NAME, {"FetchTags", CALL_BOOLEAN, .fallback = "false"}, {0}},
		.from = "@.kms_describe_secret($1, $2) AS s",
		.response = CALL_RESPONSE {
			{"Arn", CALL_TEXT, .column = "s.arn"},
			{"SecretName", CALL_TEXT, .column = "s.secret_name"},
			{"SecretType", CALL_TEXT, .column = "s.secret_type"},
			{"Description", CALL_TEXT, .column = "s.description"},
			{"EncryptionKeyId", CALL_TEXT, .column = "s.encryption_key_id", .optional = true},
			{"CreateTime", CALL_TIME, .column = "s.create_time"},
			{"UpdateTime", CALL_TIME, .column = "s.update_time"},
			{"PlannedDeleteTime", CALL_TIME, .column = "s.planned_delete_time", .optional = true},
			ROTATION("s"),
			LAST_ROTATION("s"),
			CONFIG("s"),
			{"Tags.Tag", CALL_ARRAY, .column = "s.tags", .optional = true},
			{0}
		},
	},
	{
		.name = "UpdateSecret",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"Description", .kind = CALL_TEXT},
			{"ExtendedConfig.CustomData", .kind = CALL_OBJECT},
			{0}
		},
		.from = "@.kms_update_secret($1, $2, $3)",
		.response = CALL_RESPONSE {{"SecretName", CALL_TEXT, .column = NAME}, {0}},
	},
	{
		.name = "DeleteSecret",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"ForceDeleteWithoutRecovery", CALL_BOOLEAN, .fallback = "false"},
			{"RecoveryWindowInDays", CALL_INTEGER, .fallback = "30"},
			{0}
		},
		.from = "@.kms_delete_secret($1, $2, $3) AS s",
		.response = CALL_RESPONSE {
			{"SecretName", CALL_TEXT, .column = "s.secret_name"},
			{"PlannedDeleteTime", CALL_TIME, .column = "s.planned_delete_time"},
			{0}
		},
	},
	{
		.name = "RestoreSecret",
		.request = CALL_REQUEST {CALL_SECRET_NAME, {0}},
		.from = "@.kms_restore_secret($1)",
		.response = CALL_RESPONSE {{"SecretName", CALL_TEXT, .column = NAME}, {0}},
	},
	{
		.name = "RotateSecret",
		.request = CALL_REQUEST {CALL_SECRET_NAME, {"VersionId", CALL_TEXT, .required = true}, {0}},
		.from = "@.kms_rotate_secret($1, $2) AS version_id",
		.response = CALL_RESPONSE {
			{"Arn", CALL_TEXT, .column = "%.arn_prefix() || 'secret/' || " NAME},
			{"SecretName", CALL_TEXT, .column = NAME},
			{"VersionId", CALL_TEXT, .column = "version_id"},
			{0}
		},
	},
	{
		.name = "UpdateSecretRotationPolicy",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"EnableAutomaticRotation", CALL_BOOLEAN, .required = true},
			{"RotationInterval", .kind = CALL_INTERVAL},
			{0}
		},
		.from = "@.kms_update_secret_rotation_policy($1, $2, CASE WHEN $2 THEN $3 END)",
		.response = CALL_RESPONSE {{"SecretName", CALL_TEXT, .column = NAME}, {0}},
	},
	{
		.name = "GetRandomPassword",
		.request = CALL_REQUEST {
			{"PasswordLength", CALL_INTEGER, .fallback = "32"},
			{"ExcludeCharacters", CALL_TEXT, .fallback = ""},
			{"ExcludeLowercase", CALL_BOOLEAN, .fallback = "false"},
			{"ExcludeUppercase", CALL_BOOLEAN, .fallback = "false"},
			{"ExcludeNumbers", CALL_BOOLEAN, .fallback = "false"},
			{"ExcludePunctuation", CALL_BOOLEAN, .fallback = "false"},
			{"RequireEachIncludedType", CALL_BOOLEAN, .fallback = "false"},
			{0}
		},
		.from = "@.kms_get_random_password($1, $2, $3, $4, $5, $6, $7) AS password",
		.response = CALL_RESPONSE {{"RandomPassword", CALL_TEXT, .column = "password"}, {0}},
	},
	{
		.name = "SetSecretPolicy",
		.request = CALL_REQUEST {CALL_SECRET_NAME, {"Policy", CALL_OBJECT, .required = true}, POLICY_NAME, {0}},
		.refusal = &call_refuses_policy,
	},
	{
		.name = "GetSecretPolicy",
		.request = CALL_REQUEST {CALL_SECRET_NAME, POLICY_NAME, {0}},
		.refusal = &call_refuses_policy,
	},
	{0}
};
