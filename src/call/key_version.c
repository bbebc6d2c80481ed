/*
 * Key versions and rotation in the API's JSON.
 */
#include "call/table.h"

#define VERSION \
	{"KeyId", CALL_TEXT, .column = "v.key_id"}, \
	{"KeyVersionId", CALL_TEXT, .column = "v.key_version_id"}, \
	{"CreationDate", CALL_TIME, .column = "v.creation_date"}

const CallAction call_key_version[] = {
	{
		.name = "DescribeKeyVersion",
		.request = CALL_REQUEST {CALL_KEY_ID, {"KeyVersionId", CALL_TEXT, .required = true}, {0}},
		.from = "@.kms_describe_key_version($1, $2) AS v",
		.inside = "KeyVersion",
		.response = CALL_RESPONSE {VERSION, {0}},
	},
	{
		.name = "ListKeyVersions",
		.request = CALL_REQUEST {CALL_KEY_ID, CALL_PAGE_NUMBER, CALL_PAGE_SIZE("10"), {0}},
		.from = "@.kms_list_key_versions($1) AS v",
		.order = "v.creation_date, v.key_version_id",
		.list = "KeyVersions.KeyVersion",
		.response = CALL_RESPONSE {VERSION, {0}},
		.paging = CALL_BY_NUMBER,
		.total = "TotalCount",
	},
	{
		.name = "CreateKeyVersion",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_create_key_version($1) AS id"
			" CROSS JOIN LATERAL %.named_version('CreateKeyVersion', $1, id::text, NULL) AS v",
		.inside = "KeyVersion",
		.response = CALL_RESPONSE {VERSION, {0}},
	},
	{
		.name = "UpdateRotationPolicy",
		.request = CALL_REQUEST {
			CALL_KEY_ID,
			{"EnableAutomaticRotation", CALL_BOOLEAN, .required = true},
			{"RotationInterval", .kind = CALL_INTERVAL},
			{0}
		},
		.from = "@.kms_update_rotation_policy($1, $2, CASE WHEN $2 THEN $3 END)",
	},
	{0}
};
