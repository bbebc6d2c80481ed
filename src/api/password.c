/*
 * kms_get_random_password.
 */
#include "postgres.h"

#include "api/args.h"
#include "service/password.h"

/*
 * kms_get_random_password(password_length integer, exclude_characters text, exclude_lowercase boolean,
 *						   exclude_uppercase boolean, exclude_numbers boolean, exclude_punctuation boolean,
 *						   require_each_included_type boolean) -> text
 */
KMS_FUNCTION(kms_get_random_password, ACTION_GET_RANDOM_PASSWORD)
{
	KmsPasswordRules rules;

	if (PG_ARGISNULL(0))
		err_missing("password_length");
	rules.length = PG_GETARG_INT32(0);
	rules.exclude_characters = arg_required_bytes(fcinfo, 1, "exclude_characters");
	rules.exclude_lowercase = arg_bool(fcinfo, 2, "exclude_lowercase");
	rules.exclude_uppercase = arg_bool(fcinfo, 3, "exclude_uppercase");
	rules.exclude_numbers = arg_bool(fcinfo, 4, "exclude_numbers");
	rules.exclude_punctuation = arg_bool(fcinfo, 5, "exclude_punctuation");
	rules.require_each_included_type = arg_bool(fcinfo, 6, "require_each_included_type");
	PG_RETURN_TEXT_P(password_get_random(&rules));
}
