/*
 * kms_create_key_version, kms_update_rotation_policy.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/key_rotation.h"

/* kms_create_key_version(key_id text) -> uuid */
KMS_FUNCTION(kms_create_key_version, ACTION_CREATE_KEY_VERSION)
{
	Oid			caller = GetUserId();
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	*id = key_create_version(caller, arg_text(fcinfo, 0, "key_id"));
	PG_RETURN_UUID_P(id);
}

/* kms_update_rotation_policy(key_id text, enable_automatic_rotation boolean, rotation_interval interval) -> void */
KMS_FUNCTION(kms_update_rotation_policy, ACTION_UPDATE_ROTATION_POLICY)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	bool		enable;

	if (PG_ARGISNULL(1))
		err_missing("enable_automatic_rotation");
	enable = PG_GETARG_BOOL(1);
	key_update_rotation_policy(caller, key_id, enable,
							   enable ? arg_interval(fcinfo, 2, "rotation_interval") : NO_INTERVAL);
	PG_RETURN_VOID();
}
