/*
 * Certificates in the API's JSON.
 */
#include "base/error.h"
#include "call/table.h"

#define CERTIFICATE_ID {"CertificateId", CALL_TEXT, .required = true}

#define ALGORITHM {"Algorithm", CALL_TEXT, .required = true}

/* Answers say the id as it is stored, which the caller has perhaps given as an ARN or in other letters. */
#define ID {"CertificateId", CALL_TEXT, .column = "pg_catalog.lower(pg_catalog.regexp_replace($1, '^acs:.*:certificate/', ''))"}

static const CallRefusal refuses_import = {
	ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
	"private keys of certificates are made here, and not imported", "Use CreateCertificate and UploadCertificate."
};

static const CallRefusal refuses_hardware = {
	ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_PROTECTION,
	"protection level HSM is not available", "Use SOFTWARE."
};

const CallAction call_certificate[] = {
	{
		.name = "CreateCertificate",
		.request = CALL_REQUEST {
			{"KeySpec", CALL_TEXT, .required = true},
			{"Subject", CALL_TEXT, .required = true},
			{"SubjectAlternativeNames", .kind = CALL_NAMES},
			{"ExportablePrivateKey", CALL_BOOLEAN, .fallback = "true"},
			{"ProtectionLevel", CALL_TEXT, .fallback = "SOFTWARE", .one_of = "SOFTWARE", .refusal = &refuses_hardware},
			{"ClientToken", .kind = CALL_TEXT},
			{0}
		},
		.from = "@.kms_create_certificate($1, $2, $3, $4) AS c",
		.response = CALL_RESPONSE {
			{"CertificateId", CALL_TEXT, .column = "c.certificate_id"},
			{"Arn", CALL_TEXT, .column = "c.arn"},
			{"Csr", CALL_TEXT, .column = "c.csr"},
			{0}
		},
	},
	{
		.name = "UploadCertificate",
		.request = CALL_REQUEST {
			CERTIFICATE_ID,
			{"Certificate", CALL_TEXT, .required = true},
			{"CertificateChain", .kind = CALL_TEXT},
			{0}
		},
		.from = "@.kms_upload_certificate($1, $2, $3)",
	},
	{
		.name = "GetCertificate",
		.request = CALL_REQUEST {CERTIFICATE_ID, {0}},
		.from = "@.kms_get_certificate($1) AS c",
		.response = CALL_RESPONSE {
			{"CertificateId", CALL_TEXT, .column = "c.certificate_id"},
			{"Certificate", CALL_TEXT, .column = "c.certificate", .optional = true},
			{"CertificateChain", CALL_TEXT, .column = "c.certificate_chain", .optional = true},
			{"Csr", CALL_TEXT, .column = "c.csr"},
			{0}
		},
	},
	{
		.name = "DescribeCertificate",
		.request = CALL_REQUEST {CERTIFICATE_ID, {0}},
		.from = "@.kms_describe_certificate($1) AS c",
		.response = CALL_RESPONSE {
			{"Arn", CALL_TEXT, .column = "c.arn"},
			{"CertificateId", CALL_TEXT, .column = "c.certificate_id"},
			{"Status", CALL_TEXT, .column = "c.status"},
			{"KeySpec", CALL_TEXT, .column = "c.key_spec"},
			{"ExportablePrivateKey", CALL_BOOLEAN, .column = "c.exportable_private_key"},
			{"Subject", CALL_TEXT, .column = "c.subject"},
			{"SubjectAlternativeNames", CALL_NAMES, .column = "coalesce(c.subject_alternative_names, '{}')"},
			{"Issuer", CALL_TEXT, .column = "c.issuer", .optional = true},
			{"Serial", CALL_TEXT, .column = "c.serial", .optional = true},
			{"NotBefore", CALL_TIME, .column = "c.not_before", .optional = true},
			{"NotAfter", CALL_TIME, .column = "c.not_after", .optional = true},
			{"SignatureAlgorithm", CALL_TEXT, .column = "c.signature_algorithm", .optional = true},
			{"SubjectKeyIdentifier", CALL_TEXT, .column = "c.subject_key_identifier"},
			{"SubjectPublicKey", CALL_TEXT, .column = "c.subject_public_key"},
			{"CreatedAt", CALL_TIME, .column = "c.created_at"},
			{"UpdatedAt", CALL_TIME, .column = "c.updated_at"},
			{"Tags", CALL_ARRAY, .column = "coalesce(c.tags, '[]')"},
			{"ProtectionLevel", CALL_TEXT, .column = "c.protection_level"},
			{0}
		},
	},
	{
		.name = "ListCertificates",
		.request = CALL_REQUEST {
			{"Subject", .kind = CALL_TEXT},
			{"Issuer", .kind = CALL_TEXT},
			{"Status", .kind = CALL_TEXT},
			CALL_PAGE_NUMBER,
			CALL_PAGE_SIZE("10"),
			{0}
		},
		.from = "@.kms_list_certificates($1, $2, $3) AS c",
		.order = "c.created_at, c.certificate_id",
		.list = "CertificateSummaryList.CertificateSummary",
		.response = CALL_RESPONSE {
			{"CertificateId", CALL_TEXT, .column = "c.certificate_id"},
			{"Subject", CALL_TEXT, .column = "c.subject"},
			{"Issuer", CALL_TEXT, .column = "c.issuer", .optional = true},
			{"KeySpec", CALL_TEXT, .column = "c.key_spec"},
			{"ProtectionLevel", CALL_TEXT, .column = "c.protection_level"},
			{"NotBefore", CALL_TIME, .column = "c.not_before", .optional = true},
			{"NotAfter", CALL_TIME, .column = "c.not_after", .optional = true},
			{"Status", CALL_TEXT, .column = "c.status"},
			{0}
		},
		.paging = CALL_BY_NUMBER,
		.total = "TotalSize",
	},
	{
		.name = "UpdateCertificateStatus",
		.request = CALL_REQUEST {CERTIFICATE_ID, {"Status", CALL_TEXT, .required = true}, {0}},
		.from = "@.kms_update_certificate_status($1, $2)",
	},
	{
		.name = "DeleteCertificate",
		.request = CALL_REQUEST {CERTIFICATE_ID, {0}},
		.from = "@.kms_delete_certificate($1)",
	},
	{
		/* The private key leaves only inside of what the passphrase locks. */
		.name = "ExportCertificate",
		.request = CALL_REQUEST {
			CERTIFICATE_ID,
			{"Passphrase", CALL_TEXT, .required = true},
			{"ExportFormat", CALL_TEXT, .fallback = "PKCS12", .one_of = "PKCS12"},
			{0}
		},
		.from = "@.kms_export_certificate($1, $2) AS pkcs12",
		.response = CALL_RESPONSE {ID, {"PKCS12Blob", CALL_BASE64, .column = "pkcs12"}, {0}},
	},
	{
		.name = "CertificatePrivateKeySign",
		.request = CALL_REQUEST {
			CERTIFICATE_ID, ALGORITHM,
			{"Message", CALL_BASE64, .required = true},
			{"MessageType", CALL_TEXT, .fallback = "RAW"},
			{0}
		},
		.from = "@.kms_certificate_private_key_sign($1, $2, $3, $4) AS value",
		.response = CALL_RESPONSE {ID, {"SignatureValue", CALL_BASE64, .column = "value"}, {0}},
	},
	{
		.name = "CertificatePublicKeyVerify",
		.request = CALL_REQUEST {
			CERTIFICATE_ID, ALGORITHM,
			{"Message", CALL_BASE64, .required = true},
			{"SignatureValue", CALL_BASE64, .required = true},
			{"MessageType", CALL_TEXT, .fallback = "RAW"},
			{0}
		},
		.from = "@.kms_certificate_public_key_verify($1, $2, $3, $4, $5) AS valid",
		.response = CALL_RESPONSE {ID, {"SignatureValid", CALL_BOOLEAN, .column = "valid"}, {0}},
	},
	{
		.name = "CertificatePublicKeyEncrypt",
		.request = CALL_REQUEST {CERTIFICATE_ID, ALGORITHM, {"Plaintext", CALL_BASE64, .required = true}, {0}},
		.from = "@.kms_certificate_public_key_encrypt($1, $2, $3) AS blob",
		.response = CALL_RESPONSE {ID, {"CiphertextBlob", CALL_BASE64, .column = "blob"}, {0}},
	},
	{
		.name = "CertificatePrivateKeyDecrypt",
		.request = CALL_REQUEST {CERTIFICATE_ID, ALGORITHM, {"CiphertextBlob", CALL_BASE64, .required = true}, {0}},
		.from = "@.kms_certificate_private_key_decrypt($1, $2, $3) AS plaintext",
		.response = CALL_RESPONSE {ID, {"Plaintext", CALL_BASE64, .column = "plaintext"}, {0}},
	},
	{
		.name = "ImportCertificate",
		.request = CALL_REQUEST {
			{"PKCS12Blob", CALL_BASE64, .required = true},
			{"Passphrase", CALL_TEXT, .required = true},
			{0}
		},
		.refusal = &refuses_import,
	},
	{
		.name = "ImportEncryptionCertificate",
		.request = CALL_REQUEST {
			CERTIFICATE_ID,
			{"Certificate", CALL_TEXT, .required = true},
			{"CertificateChain", .kind = CALL_TEXT},
			{"AsymmetricAlgorithm", CALL_TEXT, .required = true},
			{"SymmetricAlgorithm", CALL_TEXT, .required = true},
			{"EncryptedPrivateKey", CALL_BASE64, .required = true},
			{"EncryptedSymmetricKey", CALL_BASE64, .required = true},
			{0}
		},
		.refusal = &refuses_import,
	},
	{0}
};
