/*
 * The errors that several floors raise.
 */
#include "base/error.h"

#include "miscadmin.h"

ErrorObserver error_observer;

void
error_observe(int sqlstate, const char *api_code)
{
	if (error_observer != NULL)
		error_observer(sqlstate, api_code);
}

void
err_missing(const char *argument)
{
	kms_ereport(ERRCODE_NULL_VALUE_NOT_ALLOWED, API_MISSING_PARAMETER,
				errmsg("%s must not be null", argument));
	pg_unreachable();
}

void
err_invalid(const char *argument, const char *why)
{
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
				errmsg("invalid value for %s: %s", argument, why));
	pg_unreachable();
}

void
err_serialization(void)
{
	kms_ereport(ERRCODE_T_R_SERIALIZATION_FAILURE, API_SERVICE_UNAVAILABLE,
				errmsg("could not serialize access due to concurrent changes of keys"),
				errhint("Try the transaction again."));
	pg_unreachable();
}

void
err_ciphertext(void)
{
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
				errmsg(ERR_CIPHERTEXT_MESSAGE));
	pg_unreachable();
}

void
err_crypto_failed(kc_status status)
{
	if (status == KC_BAD_TAG || status == KC_BAD_INPUT)
		err_ciphertext();
	if (status == KC_UNSUPPORTED)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("the cryptographic library does not offer this algorithm"));
	if (status == KC_CANCELLED)
	{
		CHECK_FOR_INTERRUPTS();	/* says why, unless interrupts are held back */
		kms_ereport(ERRCODE_QUERY_CANCELED, API_INTERNAL_FAILURE,
					errmsg("canceled in the middle of a computation"));
	}
	kms_ereport(ERRCODE_INTERNAL_ERROR, API_INTERNAL_FAILURE,
				errmsg("the cryptographic library failed"),
				errhint("It may be out of memory or of random bytes; nothing was done."));
	pg_unreachable();
}
