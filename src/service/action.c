/*
 * The operations' names.
 */
#include "service/action.h"

static const char *const names[ACTION_COUNT] = {
	[ACTION_CREATE_KEY] = "CreateKey",
	[ACTION_CREATE_SECRET] = "CreateSecret",
	[ACTION_CREATE_CERTIFICATE] = "CreateCertificate",
	[ACTION_LIST_CERTIFICATES] = "ListCertificates",
	[ACTION_LIST_SECRETS] = "ListSecrets",
	[ACTION_LIST_KEYS] = "ListKeys",
	[ACTION_LIST_ALIASES] = "ListAliases",
	[ACTION_OPEN_KMS_SERVICE] = "OpenKmsService",
	[ACTION_DESCRIBE_ACCOUNT_KMS_STATUS] = "DescribeAccountKmsStatus",
	[ACTION_GENERATE_RANDOM] = "GenerateRandom",
	[ACTION_GET_RANDOM_PASSWORD] = "GetRandomPassword",
	[ACTION_CIPHERTEXT_INFO] = "CiphertextInfo",
	[ACTION_RUN_JOBS] = "RunJobs",
	[ACTION_CONFIRM_HOME] = "ConfirmHome",
	[ACTION_REWRAP_DOMAIN_KEY] = "RewrapDomainKey",
	[ACTION_ROTATE_DOMAIN_KEY] = "RotateDomainKey",
	[ACTION_CHECK_INTEGRITY] = "CheckIntegrity",
	[ACTION_VERIFY_AUDIT_LOG] = "VerifyAuditLog",
	[ACTION_LIST_GRANTS] = "ListGrants",
	[ACTION_CAN] = "Can",
	[ACTION_KEY_ROTATION] = "KeyRotation",
	[ACTION_KEY_DELETION] = "KeyDeletion",
	[ACTION_MATERIAL_EXPIRY] = "MaterialExpiry",
	[ACTION_SECRET_ROTATION] = "SecretRotation",
	[ACTION_SECRET_DELETION] = "SecretDeletion",
	[ACTION_CERTIFICATE_EXPIRY] = "CertificateExpiry",
	[ACTION_GRANT] = "Grant",
	[ACTION_REVOKE] = "Revoke",
	[ACTION_SET_OWNER] = "SetOwner",
	[ACTION_DESCRIBE_KEY] = "DescribeKey",
	[ACTION_ENABLE_KEY] = "EnableKey",
	[ACTION_DISABLE_KEY] = "DisableKey",
	[ACTION_UPDATE_KEY_DESCRIPTION] = "UpdateKeyDescription",
	[ACTION_SET_DELETION_PROTECTION] = "SetDeletionProtection",
	[ACTION_SCHEDULE_KEY_DELETION] = "ScheduleKeyDeletion",
	[ACTION_CANCEL_KEY_DELETION] = "CancelKeyDeletion",
	[ACTION_UPDATE_ROTATION_POLICY] = "UpdateRotationPolicy",
	[ACTION_GET_PARAMETERS_FOR_IMPORT] = "GetParametersForImport",
	[ACTION_IMPORT_KEY_MATERIAL] = "ImportKeyMaterial",
	[ACTION_DELETE_KEY_MATERIAL] = "DeleteKeyMaterial",
	[ACTION_CREATE_KEY_VERSION] = "CreateKeyVersion",
	[ACTION_DESCRIBE_KEY_VERSION] = "DescribeKeyVersion",
	[ACTION_LIST_KEY_VERSIONS] = "ListKeyVersions",
	[ACTION_CREATE_ALIAS] = "CreateAlias",
	[ACTION_UPDATE_ALIAS] = "UpdateAlias",
	[ACTION_DELETE_ALIAS] = "DeleteAlias",
	[ACTION_LIST_ALIASES_BY_KEY_ID] = "ListAliasesByKeyId",
	[ACTION_ENCRYPT] = "Encrypt",
	[ACTION_DECRYPT] = "Decrypt",
	[ACTION_RE_ENCRYPT] = "ReEncrypt",
	[ACTION_GENERATE_DATA_KEY] = "GenerateDataKey",
	[ACTION_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT] = "GenerateDataKeyWithoutPlaintext",
	[ACTION_EXPORT_DATA_KEY] = "ExportDataKey",
	[ACTION_GENERATE_AND_EXPORT_DATA_KEY] = "GenerateAndExportDataKey",
	[ACTION_ASYMMETRIC_SIGN] = "AsymmetricSign",
	[ACTION_ASYMMETRIC_VERIFY] = "AsymmetricVerify",
	[ACTION_ASYMMETRIC_ENCRYPT] = "AsymmetricEncrypt",
	[ACTION_ASYMMETRIC_DECRYPT] = "AsymmetricDecrypt",
	[ACTION_GET_PUBLIC_KEY] = "GetPublicKey",
	[ACTION_GENERATE_MAC] = "GenerateMac",
	[ACTION_VERIFY_MAC] = "VerifyMac",
	[ACTION_CERTIFICATE_PRIVATE_KEY_SIGN] = "CertificatePrivateKeySign",
	[ACTION_CERTIFICATE_PUBLIC_KEY_VERIFY] = "CertificatePublicKeyVerify",
	[ACTION_CERTIFICATE_PUBLIC_KEY_ENCRYPT] = "CertificatePublicKeyEncrypt",
	[ACTION_CERTIFICATE_PRIVATE_KEY_DECRYPT] = "CertificatePrivateKeyDecrypt",
	[ACTION_EXPORT_CERTIFICATE] = "ExportCertificate",
	[ACTION_GET_SECRET_VALUE] = "GetSecretValue",
	[ACTION_DESCRIBE_SECRET] = "DescribeSecret",
	[ACTION_LIST_SECRET_VERSION_IDS] = "ListSecretVersionIds",
	[ACTION_PUT_SECRET_VALUE] = "PutSecretValue",
	[ACTION_UPDATE_SECRET] = "UpdateSecret",
	[ACTION_UPDATE_SECRET_VERSION_STAGE] = "UpdateSecretVersionStage",
	[ACTION_ROTATE_SECRET] = "RotateSecret",
	[ACTION_UPDATE_SECRET_ROTATION_POLICY] = "UpdateSecretRotationPolicy",
	[ACTION_DELETE_SECRET] = "DeleteSecret",
	[ACTION_RESTORE_SECRET] = "RestoreSecret",
	[ACTION_DESCRIBE_CERTIFICATE] = "DescribeCertificate",
	[ACTION_GET_CERTIFICATE] = "GetCertificate",
	[ACTION_UPLOAD_CERTIFICATE] = "UploadCertificate",
	[ACTION_UPDATE_CERTIFICATE_STATUS] = "UpdateCertificateStatus",
	[ACTION_DELETE_CERTIFICATE] = "DeleteCertificate",
	[ACTION_TAG_RESOURCE] = "TagResource",
	[ACTION_UNTAG_RESOURCE] = "UntagResource",
	[ACTION_LIST_RESOURCE_TAGS] = "ListResourceTags",
};

const char *
action_name(KmsAction action)
{
	return names[action];
}

KmsAction
action_of(const char *name, size_t len)
{
	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++)
		if (strlen(names[action]) == len && memcmp(names[action], name, len) == 0)
			return (KmsAction) action;
	return ACTION_NONE;
}
