/*
 * kms_rotate_secret, kms_update_secret_rotation_policy.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/key_rotation.h"
#include "service/secret_rotation.h"

/* kms_rotate_secret(secret_name text, version_id text) -> text: the new version id */
KMS_FUNCTION(kms_rotate_secret, ACTION_ROTATE_SECRET)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");

	PG_RETURN_TEXT_P(cstring_to_text(secret_rotate(caller, name, arg_text_or_null(fcinfo, 1))));
}

/* kms_update_secret_rotation_policy(secret_name text, enable_automatic_rotation boolean, rotation_interval interval) -> void */
KMS_FUNCTION(kms_update_secret_rotation_policy, ACTION_UPDATE_SECRET_ROTATION_POLICY)
{
	Oid			caller = GetUserId();
	char	   *name = arg_text(fcinfo, 0, "secret_name");
	bool		enable = arg_bool(fcinfo, 1, "enable_automatic_rotation");

	secret_update_rotation_policy(caller, name, enable, enable ? arg_interval(fcinfo, 2, "rotation_interval") : NO_INTERVAL);
	PG_RETURN_VOID();
}
