/*
 * Keys in the API's JSON.
 */
#include "call/table.h"

/* KeyMetadata of a row d of kms_describe_key. */
#define METADATA \
	{"KeyId", CALL_TEXT, .column = "d.key_id"}, \
	{"Arn", CALL_TEXT, .column = "d.arn"}, \
	{"Creator", CALL_TEXT, .column = "d.creator"}, \
	{"CreationDate", CALL_TIME, .column = "d.creation_date"}, \
	{"Description", CALL_TEXT, .column = "d.description"}, \
	{"KeyState", CALL_TEXT, .column = "d.key_state"}, \
	{"KeyUsage", CALL_TEXT, .column = "d.key_usage"}, \
	{"KeySpec", CALL_TEXT, .column = "d.key_spec"}, \
	{"Origin", CALL_TEXT, .column = "d.origin"}, \
	{"ProtectionLevel", CALL_TEXT, .column = "d.protection_level"}, \
	{"PrimaryKeyVersion", CALL_TEXT, .column = "d.primary_key_version", .optional = true}, \
	{"LastRotationDate", CALL_TIME, .column = "d.last_rotation_date", .optional = true}, \
	{"AutomaticRotation", CALL_TEXT, .column = "d.automatic_rotation"}, \
	{"RotationInterval", CALL_INTERVAL, .column = "d.rotation_interval", .optional = true}, \
	{"NextRotationDate", CALL_TIME, .column = "d.next_rotation_date", .optional = true}, \
	{"MaterialExpireTime", CALL_TIME, .column = "d.material_expire_time", .optional = true}, \
	{"DeleteDate", CALL_TIME, .column = "d.delete_date", .optional = true}

const CallAction call_key[] = {
	{
		.name = "CreateKey",
		.request = CALL_REQUEST {
			{"KeySpec", CALL_TEXT, .fallback = "Aliyun_AES_256"},
			{"KeyUsage", .kind = CALL_TEXT},
			{"Origin", CALL_TEXT, .fallback = "Aliyun_KMS"},
			{"Description", CALL_TEXT, .fallback = ""},
			{"ProtectionLevel", CALL_TEXT, .fallback = "SOFTWARE"},
			{"EnableAutomaticRotation", CALL_BOOLEAN, .fallback = "false"},
			{"RotationInterval", .kind = CALL_INTERVAL},
			{"Tags", .kind = CALL_ARRAY},
			{"Policy", CALL_OBJECT, .refusal = &call_refuses_policy},
			{"DKMSInstanceId", CALL_TEXT, .refusal = &call_refuses_instance},
			{"KeyStorageMechanism", .kind = CALL_TEXT},
			{0}
		},
		.from = "@.kms_create_key($1, $2, $3, $4, $5, $6, CASE WHEN $6 THEN $7 END, $8) AS id"
			" CROSS JOIN LATERAL @.kms_describe_key(id::text) AS d",
		.inside = "KeyMetadata",
		.response = CALL_RESPONSE {METADATA, {0}},
	},
	{
		.name = "DescribeKey",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_describe_key($1) AS d",
		.inside = "KeyMetadata",
		.response = CALL_RESPONSE {
			METADATA,
			{"DeletionProtection", CALL_TEXT, .column = "d.deletion_protection"},
			{"DeletionProtectionDescription", CALL_TEXT, .column = "d.deletion_protection_description", .optional = true},
			{0}
		},
	},
	{
		.name = "ListKeys",
		.request = CALL_REQUEST {{"Filters", .kind = CALL_ARRAY}, CALL_PAGE_NUMBER, CALL_PAGE_SIZE("10"), {0}},
		.from = "@.kms_list_keys($1) AS k",
		.order = "k.creation_date, k.key_id",
		.list = "Keys.Key",
		.response = CALL_RESPONSE {{"KeyId", CALL_TEXT, .column = "k.key_id"}, {"KeyArn", CALL_TEXT, .column = "k.arn"}, {0}},
		.paging = CALL_BY_NUMBER,
		.total = "TotalCount",
	},
	{
		.name = "EnableKey",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_enable_key($1)",
	},
	{
		.name = "DisableKey",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_disable_key($1)",
	},
	{
		.name = "UpdateKeyDescription",
		.request = CALL_REQUEST {CALL_KEY_ID, {"Description", CALL_TEXT, .required = true}, {0}},
		.from = "@.kms_update_key_description($1, $2)",
	},
	{
		.name = "SetDeletionProtection",
		.request = CALL_REQUEST {
			{"ProtectedResourceArn", CALL_TEXT, .either = true},
			{"KeyId", CALL_TEXT, .either = true},
			{"EnableDeletionProtection", CALL_BOOLEAN, .required = true},
			{"DeletionProtectionDescription", .kind = CALL_TEXT},
			{"KmsInstanceId", .kind = CALL_TEXT},
			{0}
		},
		.from = "@.kms_set_deletion_protection(coalesce($1, $2), $3, $4)",
	},
	{
		.name = "ScheduleKeyDeletion",
		.request = CALL_REQUEST {CALL_KEY_ID, {"PendingWindowInDays", CALL_INTEGER, .required = true}, {0}},
		.from = "@.kms_schedule_key_deletion($1, $2)",
	},
	{
		.name = "CancelKeyDeletion",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_cancel_key_deletion($1)",
	},
	{
		.name = "GetParametersForImport",
		.request = CALL_REQUEST {
			CALL_KEY_ID,
			{"WrappingAlgorithm", CALL_TEXT, .required = true},
			{"WrappingKeySpec", CALL_TEXT, .required = true},
			{0}
		},
		.from = "@.kms_get_parameters_for_import($1, $2, $3) AS p",
		.response = CALL_RESPONSE {
			{"KeyId", CALL_TEXT, .column = "p.key_id"},
			{"ImportToken", CALL_BASE64, .column = "p.import_token"},
			{"PublicKey", CALL_BASE64, .column = "p.public_key"},
			{"TokenExpireTime", CALL_TIME, .column = "p.token_expire_time"},
			{0}
		},
	},
	{
		.name = "ImportKeyMaterial",
		.request = CALL_REQUEST {
			CALL_KEY_ID,
			{"EncryptedKeyMaterial", CALL_BASE64, .required = true},
			{"ImportToken", CALL_BASE64, .required = true},
			{"KeyMaterialExpireUnix", CALL_UNIX_TIME, .fallback = "0"},
			{0}
		},
		.from = "@.kms_import_key_material($1, $2, $3, $4)",
	},
	{
		.name = "DeleteKeyMaterial",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_delete_key_material($1)",
	},
	{0}
};
