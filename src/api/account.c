/*
 * kms_open_kms_service, kms_rewrap_domain_key, kms_rotate_domain_key, and what resource names begin with.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/domain_key_rotation.h"

/* kms_open_kms_service() -> void */
KMS_FUNCTION(kms_open_kms_service, ACTION_OPEN_KMS_SERVICE)
{
	account_open(GetUserId());
	PG_RETURN_VOID();
}

/* kms_rewrap_domain_key() -> bigint: how many domain keys were under another root key */
KMS_FUNCTION(kms_rewrap_domain_key, ACTION_REWRAP_DOMAIN_KEY)
{
	PG_RETURN_INT64(account_rewrap_domain_keys(GetUserId()));
}

/* kms_rotate_domain_key() -> bigint: how many rows were brought under the new domain key */
KMS_FUNCTION(kms_rotate_domain_key, ACTION_ROTATE_DOMAIN_KEY)
{
	PG_RETURN_INT64(domain_key_rotate(GetUserId()));
}

/* For CREATE EXTENSION: kms.open_if_unsealed() -> void */
KMS_FUNCTION(kms_open_if_unsealed, ACTION_OPEN_KMS_SERVICE)
{
	account_open_if_unsealed(GetUserId());
	PG_RETURN_VOID();
}

/* kms.arn_prefix() -> text: what every resource name begins with */
KMS_FUNCTION(kms_arn_prefix, ACTION_NONE)
{
	char		prefix[ARN_PREFIX_SIZE];

	account_arn_prefix(prefix);
	PG_RETURN_TEXT_P(cstring_to_text(prefix));
}
