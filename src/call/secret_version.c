/*
 * Values of secrets and their labels in the API's JSON.
 */
#include "call/table.h"

#define NAME "pg_catalog.regexp_replace($1, '^acs:.*:secret/', '')"

#define STAGES(row) {"VersionStages.VersionStage", CALL_NAMES, .column = row ".version_stages"}

const CallAction call_secret_version[] = {
	{
		.name = "GetSecretValue",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"VersionStage", .kind = CALL_TEXT},
			{"VersionId", .kind = CALL_TEXT},
			{"FetchExtendedConfig", CALL_BOOLEAN, .fallback = "false"},
			CALL_DRY_RUN,
			{0}
		},
		.from = "@.kms_get_secret_value($1, $2, $3, $4) AS s",
		.response = CALL_RESPONSE {
			{"SecretName", CALL_TEXT, .column = "s.secret_name"},
			{"SecretType", CALL_TEXT, .column = "s.secret_type"},
			{"SecretData", CALL_TEXT, .column = "s.secret_data"},
			{"SecretDataType", CALL_TEXT, .column = "s.secret_data_type"},
			{"VersionId", CALL_TEXT, .column = "s.version_id"},
			STAGES("s"),
			{"CreateTime", CALL_TIME, .column = "s.create_time"},
			{"AutomaticRotation", CALL_TEXT, .column = "s.automatic_rotation", .optional = true},
			{"RotationInterval", CALL_INTERVAL, .column = "s.rotation_interval", .optional = true},
			{"LastRotationDate", CALL_TIME, .column = "s.last_rotation_date", .optional = true},
			{"NextRotationDate", CALL_TIME, .column = "s.next_rotation_date", .optional = true},
			{"ExtendedConfig", CALL_JSON_TEXT, .column = "s.extended_config", .optional = true},
			{0}
		},
	},
	{
		/* OFFSET 0: so that the value is put once, not once for each column. */
		.name = "PutSecretValue",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"VersionId", CALL_TEXT, .required = true},
			{"SecretData", CALL_DATA, .required = true},
			{"VersionStages", .kind = CALL_NAMES},
			{"SecretDataType", CALL_TEXT, .fallback = "text", .one_of = "text|binary"},
			{0}
		},
		.from = "(SELECT CASE WHEN $4 IS NULL"
			" THEN @.kms_put_secret_value($1, $2, $3, $5)"
			" ELSE @.kms_put_secret_value($1, $2, $4, $5) END AS s OFFSET 0) AS put",
		.response = CALL_RESPONSE {
			{"SecretName", CALL_TEXT, .column = "(put.s).secret_name"},
			{"VersionId", CALL_TEXT, .column = "(put.s).version_id"},
			STAGES("(put.s)"),
			{0}
		},
	},
	{
		.name = "UpdateSecretVersionStage",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"VersionStage", CALL_TEXT, .required = true},
			{"MoveToVersion", .kind = CALL_TEXT},
			{"RemoveFromVersion", .kind = CALL_TEXT},
			{0}
		},
		.from = "@.kms_update_secret_version_stage($1, $2, $3, $4)",
		.response = CALL_RESPONSE {{"SecretName", CALL_TEXT, .column = NAME}, {0}},
	},
	{
		.name = "ListSecretVersionIds",
		.request = CALL_REQUEST {
			CALL_SECRET_NAME,
			{"IncludeDeprecated", CALL_BOOLEAN, .fallback = "false"},
			CALL_PAGE_NUMBER,
			CALL_PAGE_SIZE("20"),
			{0}
		},
		.from = "@.kms_list_secret_version_ids($1, $2) AS v",
		.order = "v.create_time, v.version_id",
		.list = "VersionIds.VersionId",
		.response = CALL_RESPONSE {
			{"SecretName", CALL_TEXT, .column = NAME, .outside = true},
			{"VersionId", CALL_TEXT, .column = "v.version_id"},
			{"CreateTime", CALL_TIME, .column = "v.create_time"},
			STAGES("v"),
			{0}
		},
		.paging = CALL_BY_NUMBER,
		.total = "TotalCount",
	},
	{0}
};
