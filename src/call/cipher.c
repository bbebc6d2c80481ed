/*
 * Encrypting and decrypting in the API's JSON.
 *
 * Key and version come from the ciphertext, after the work is done: CASE makes the
 * one wait for the other.
 */
#include "call/table.h"

#define USED \
	{"KeyId", CALL_TEXT, .column = "used.key_id"}, \
	{"KeyVersionId", CALL_TEXT, .column = "used.key_version_id"}

const CallAction call_cipher[] = {
	{
		.name = "Encrypt",
		.request = CALL_REQUEST {
			CALL_KEY_ID,
			{"Plaintext", CALL_BASE64, .required = true},
			{"EncryptionContext", .kind = CALL_OBJECT},
			CALL_DRY_RUN,
			{0}
		},
		.from = "@.kms_encrypt($1, $2, $3) AS blob"
			" CROSS JOIN LATERAL @.kms_ciphertext_info(blob) AS info"
			" CROSS JOIN LATERAL %.named_version('Encrypt', NULL, info.key_version_id::text, $3) AS used",
		.response = CALL_RESPONSE {{"CiphertextBlob", CALL_BASE64, .column = "blob"}, USED, {0}},
	},
	{
		.name = "Decrypt",
		.request = CALL_REQUEST {
			{"CiphertextBlob", CALL_BASE64, .required = true},
			{"EncryptionContext", .kind = CALL_OBJECT},
			CALL_DRY_RUN,
			{"Recipient", CALL_TEXT, .refusal = &call_refuses_recipient},
			{0}
		},
		.from = "@.kms_decrypt($1, $2) AS plaintext"
			" CROSS JOIN LATERAL @.kms_ciphertext_info(CASE WHEN plaintext IS NOT NULL THEN $1 END) AS info"
			" CROSS JOIN LATERAL %.named_version('Decrypt', NULL, info.key_version_id::text, $2) AS used",
		.response = CALL_RESPONSE {{"Plaintext", CALL_BASE64, .column = "plaintext"}, USED, {0}},
	},
	{
		.name = "ReEncrypt",
		.request = CALL_REQUEST {
			{"CiphertextBlob", CALL_BASE64, .required = true},
			{"DestinationKeyId", CALL_TEXT, .required = true},
			{"SourceEncryptionContext", .kind = CALL_OBJECT},
			{"DestinationEncryptionContext", .kind = CALL_OBJECT},
			{"SourceKeyId", .kind = CALL_TEXT},
			{"SourceKeyVersionId", .kind = CALL_TEXT},
			{"SourceEncryptionAlgorithm", .kind = CALL_TEXT},
			CALL_DRY_RUN,
			{0}
		},
		/* A source under a public key has no header: then the caller has named its version, or means the newest. */
		.from = "@.kms_re_encrypt($1, $2, $3, $4, $5, $6, $7) AS blob"
			" CROSS JOIN LATERAL %.named_version('ReEncrypt', $5, CASE WHEN blob IS NULL OR $5 IS NOT NULL THEN $6"
			" ELSE (@.kms_ciphertext_info($1)).key_version_id::text END, $3) AS used",
		.response = CALL_RESPONSE {{"CiphertextBlob", CALL_BASE64, .column = "blob"}, USED, {0}},
	},
	{0}
};
