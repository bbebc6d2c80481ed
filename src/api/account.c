/*
 * kms_open_kms_service, and what resource names begin with.
 */
#include "postgres.h"

#include "api/args.h"
#include "service/account.h"

PG_FUNCTION_INFO_V1(kms_open_kms_service);
PG_FUNCTION_INFO_V1(kms_open_if_unsealed);
PG_FUNCTION_INFO_V1(kms_arn_prefix);

/* kms_open_kms_service() -> void */
Datum
kms_open_kms_service(PG_FUNCTION_ARGS)
{
	account_open();
	PG_RETURN_VOID();
}

/* For CREATE EXTENSION: kms.open_if_unsealed() -> void */
Datum
kms_open_if_unsealed(PG_FUNCTION_ARGS)
{
	account_open_if_unsealed();
	PG_RETURN_VOID();
}

/* kms.arn_prefix() -> text: what every resource name begins with */
Datum
kms_arn_prefix(PG_FUNCTION_ARGS)
{
	char		prefix[ARN_PREFIX_SIZE];

	account_arn_prefix(prefix);
	PG_RETURN_TEXT_P(cstring_to_text(prefix));
}
