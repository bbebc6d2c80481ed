/*
 * Asymmetric keys in the API's JSON.
 */
#include "call/table.h"

#define PAIR \
	CALL_KEY_ID, \
	{"KeyVersionId", CALL_TEXT, .required = true}, \
	{"Algorithm", CALL_TEXT, .required = true}

/* The key behind an alias, after the work is done: for that the result must be there. */
#define USED(operation, result) \
	" CROSS JOIN LATERAL %.named_version('" operation "', CASE WHEN " result " IS NOT NULL THEN $1 END, $2, NULL) AS used"

#define USED_FIELDS \
	{"KeyId", CALL_TEXT, .column = "used.key_id"}, \
	{"KeyVersionId", CALL_TEXT, .column = "used.key_version_id"}

const CallAction call_asymmetric[] = {
	{
		.name = "AsymmetricSign",
		.request = CALL_REQUEST {PAIR, {"Digest", CALL_BASE64, .required = true}, CALL_DRY_RUN, {0}},
		.from = "@.kms_asymmetric_sign($1, $2, $3, $4) AS value" USED("AsymmetricSign", "value"),
		.response = CALL_RESPONSE {{"Value", CALL_BASE64, .column = "value"}, USED_FIELDS, {0}},
	},
	{
		.name = "AsymmetricVerify",
		.request = CALL_REQUEST {
			PAIR,
			{"Digest", CALL_BASE64, .required = true},
			{"Value", CALL_BASE64, .required = true},
			CALL_DRY_RUN,
			{0}
		},
		.from = "@.kms_asymmetric_verify($1, $2, $3, $4, $5) AS valid" USED("AsymmetricVerify", "valid"),
		.response = CALL_RESPONSE {{"Value", CALL_BOOLEAN, .column = "valid"}, USED_FIELDS, {0}},
	},
	{
		.name = "AsymmetricEncrypt",
		.request = CALL_REQUEST {PAIR, {"Plaintext", CALL_BASE64, .required = true}, CALL_DRY_RUN, {0}},
		.from = "@.kms_asymmetric_encrypt($1, $2, $3, $4) AS blob" USED("AsymmetricEncrypt", "blob"),
		.response = CALL_RESPONSE {{"CiphertextBlob", CALL_BASE64, .column = "blob"}, USED_FIELDS, {0}},
	},
	{
		.name = "AsymmetricDecrypt",
		.request = CALL_REQUEST {PAIR, {"CiphertextBlob", CALL_BASE64, .required = true}, CALL_DRY_RUN, {0}},
		.from = "@.kms_asymmetric_decrypt($1, $2, $3, $4) AS plaintext" USED("AsymmetricDecrypt", "plaintext"),
		.response = CALL_RESPONSE {{"Plaintext", CALL_BASE64, .column = "plaintext"}, USED_FIELDS, {0}},
	},
	{
		.name = "GetPublicKey",
		.request = CALL_REQUEST {CALL_KEY_ID, {"KeyVersionId", CALL_TEXT, .required = true}, CALL_DRY_RUN, {0}},
		.from = "@.kms_get_public_key($1, $2) AS pem" USED("GetPublicKey", "pem"),
		.response = CALL_RESPONSE {{"PublicKey", CALL_TEXT, .column = "pem"}, USED_FIELDS, {0}},
	},
	{0}
};
