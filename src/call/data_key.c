/*
 * Data keys in the API's JSON.
 */
#include "call/table.h"

#define DATA_KEY_REQUEST \
	{"KeySpec", .kind = CALL_TEXT}, \
	{"NumberOfBytes", .kind = CALL_INTEGER}, \
	{"EncryptionContext", .kind = CALL_OBJECT}

/* Who receives a data key. */
#define RECEIVER \
	{"PublicKeyBlob", CALL_BASE64, .required = true}, \
	{"WrappingKeySpec", CALL_TEXT, .required = true}, \
	{"WrappingAlgorithm", CALL_TEXT, .required = true}

#define USED \
	{"KeyId", CALL_TEXT, .column = "d.key_id"}, \
	{"KeyVersionId", CALL_TEXT, .column = "d.key_version_id"}

const CallAction call_data_key[] = {
	{
		.name = "GenerateDataKey",
		.request = CALL_REQUEST {
			CALL_KEY_ID, DATA_KEY_REQUEST, CALL_DRY_RUN,
			{"Recipient", CALL_TEXT, .refusal = &call_refuses_recipient},
			{0}
		},
		.from = "@.kms_generate_data_key($1, $2, $3, $4) AS d",
		.response = CALL_RESPONSE {
			{"Plaintext", CALL_BASE64, .column = "d.plaintext"},
			{"CiphertextBlob", CALL_BASE64, .column = "d.ciphertext_blob"},
			USED,
			{0}
		},
	},
	{
		.name = "GenerateDataKeyWithoutPlaintext",
		.request = CALL_REQUEST {CALL_KEY_ID, DATA_KEY_REQUEST, CALL_DRY_RUN, {0}},
		.from = "@.kms_generate_data_key_without_plaintext($1, $2, $3, $4) AS d",
		.response = CALL_RESPONSE {{"CiphertextBlob", CALL_BASE64, .column = "d.ciphertext_blob"}, USED, {0}},
	},
	{
		.name = "ExportDataKey",
		.request = CALL_REQUEST {
			{"CiphertextBlob", CALL_BASE64, .required = true},
			RECEIVER,
			{"EncryptionContext", .kind = CALL_OBJECT},
			CALL_DRY_RUN,
			{0}
		},
		.from = "@.kms_export_data_key($1, $2, $3, $4, $5) AS d",
		.response = CALL_RESPONSE {{"ExportedDataKey", CALL_BASE64, .column = "d.exported_data_key"}, USED, {0}},
	},
	{
		.name = "GenerateAndExportDataKey",
		.request = CALL_REQUEST {CALL_KEY_ID, RECEIVER, DATA_KEY_REQUEST, CALL_DRY_RUN, {0}},
		.from = "@.kms_generate_and_export_data_key($1, $2, $3, $4, $5, $6, $7) AS d",
		.response = CALL_RESPONSE {
			{"CiphertextBlob", CALL_BASE64, .column = "d.ciphertext_blob"},
			{"ExportedDataKey", CALL_BASE64, .column = "d.exported_data_key"},
			USED,
			{0}
		},
	},
	{0}
};
