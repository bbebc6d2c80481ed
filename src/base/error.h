/*
 * Errors: one macro that every error of ours goes through, and the few that
 * several floors raise.
 *
 * The DETAIL line is the API's error code and nothing else, so that a client
 * can branch on it.  Statement and context are always hidden from the server
 * log: the functions of this extension are called with plaintext in the
 * statement, and one rule without exceptions is one that nobody can forget.
 */
#ifndef KMS_ERROR_H
#define KMS_ERROR_H

#include "postgres.h"

#include "base/compat.h"
#include "crypto/kc.h"

#define API_ACCESS_DENIED				"AccessDeniedError"
#define API_ALIAS_ALREADY_EXISTS		"AliasAlreadyExists"
#define API_ALIAS_NOT_FOUND				"Forbidden.AliasNotFound"
#define API_CERTIFICATE_NOT_FOUND		"Certificate.NotFound"
#define API_DRY_RUN_OPERATION			"DryRunOperationError"
#define API_EXPIRED_IMPORT_TOKEN		"ExpiredImportToken"
#define API_INSTANCE_NOT_FOUND			"Forbidden.DKMSInstanceNotFound"
#define API_INTERNAL_FAILURE			"InternalFailure"
#define API_INVALID_IMPORT_TOKEN		"InvalidImportToken"
#define API_INVALID_KEY_MATERIAL		"InvalidKeyMaterial"
#define API_INVALID_PARAMETER			"InvalidParameter"
#define API_KEY_NOT_FOUND				"Forbidden.KeyNotFound"
#define API_KEY_VERSION_NOT_FOUND		"Forbidden.KeyVersionNotFound"
#define API_LIMIT_EXCEEDED				"Rejected.LimitExceeded"
#define API_MISSING_PARAMETER			"MissingParameter"
#define API_NO_PERMISSION				"Forbidden.NoPermission"
#define API_OPENED						"Forbidden.Opened"
#define API_REJECTED_DISABLED			"Rejected.Disabled"
#define API_REJECTED_PENDING_DELETION	"Rejected.PendingDeletion"
#define API_REJECTED_PENDING_IMPORT		"Rejected.PendingImport"
#define API_REJECTED_UNAVAILABLE		"Rejected.Unavailable"
#define API_REJECTED_UNSUPPORTED		"Rejected.UnsupportedOperation"
#define API_RESOURCE_EXIST				"Rejected.ResourceExist"
#define API_RESOURCE_IN_DELETE_WINDOW	"Rejected.ResourceInDeleteWindow"
#define API_RESOURCE_IN_USE				"Rejected.ResourceInUse"
#define API_RESOURCE_NOT_FOUND			"Forbidden.ResourceNotFound"
#define API_SERVICE_NOT_ENABLED			"Forbidden.KmsServiceNotEnabled"
#define API_SERVICE_UNAVAILABLE			"ServiceUnavailableTemporary"
#define API_STATE_MODIFIED_FAILED		"Rejected.StateModifiedFailed"
#define API_UNSUPPORTED_ALIAS			"Unsupported.Alias"
#define API_UNSUPPORTED_OPERATION		"UnsupportedOperation"
#define API_UNSUPPORTED_ORIGIN			"Unsupported.Origin"
#define API_UNSUPPORTED_PROTECTION		"Unsupported.ProtectionLevel"
#define API_VALIDATION					"ValidationError"

/*
 * Told of every error of ours before it is raised, since afterwards there is no
 * afterwards.  The observer raises nothing.
 */
typedef void (*ErrorObserver) (int sqlstate, const char *api_code);

extern ErrorObserver error_observer;
extern void error_observe(int sqlstate, const char *api_code) pg_attribute_cold;

/*
 * kms_ereport(sqlstate, API code, errmsg(...) [, errhint(...)])
 */
#define kms_ereport(sqlstate, api_code, ...) \
	do { \
		error_observe(sqlstate, api_code); \
		ereport(ERROR, \
				errcode(sqlstate), \
				errdetail_internal("%s", api_code), \
				errhidestmt(true), \
				errhidecontext(true), \
				__VA_ARGS__); \
	} while (0)

/* 22004, MissingParameter. */
pg_noreturn extern void err_missing(const char *argument);

/* 22023, InvalidParameter; why completes "invalid value for <argument>: ...". */
pg_noreturn extern void err_invalid(const char *argument, const char *why);

/* 40001: somebody changed at the same time what is to be changed. */
pg_noreturn extern void err_serialization(void);

/* The one error for every reason why a ciphertext does not open. */
#define ERR_CIPHERTEXT_MESSAGE	"ciphertext cannot be decrypted"
pg_noreturn extern void err_ciphertext(void);

/*
 * The bridge from the crypto floor: returns on KC_OK, raises otherwise.  What
 * failed to verify or was malformed is the caller's ciphertext.
 */
pg_noreturn extern void err_crypto_failed(kc_status status);

static inline void
err_crypto(kc_status status)
{
	if (unlikely(status != KC_OK))
		err_crypto_failed(status);
}

#endif
