/*
 * kms_set_deletion_protection, kms_schedule_key_deletion, kms_cancel_key_deletion.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/key_deletion.h"
#include "utils/timestamp.h"

/*
 * kms_set_deletion_protection(key_id text, enable_deletion_protection boolean,
 *							   deletion_protection_description text) -> void
 */
KMS_FUNCTION(kms_set_deletion_protection, ACTION_SET_DELETION_PROTECTION)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");

	if (PG_ARGISNULL(1))
		err_missing("enable_deletion_protection");
	key_set_deletion_protection(caller, key_id, PG_GETARG_BOOL(1), arg_text_or_null(fcinfo, 2));
	PG_RETURN_VOID();
}

/* kms_schedule_key_deletion(key_id text, pending_window_in_days integer) -> timestamptz */
KMS_FUNCTION(kms_schedule_key_deletion, ACTION_SCHEDULE_KEY_DELETION)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");

	if (PG_ARGISNULL(1))
		err_missing("pending_window_in_days");
	PG_RETURN_TIMESTAMPTZ(key_schedule_deletion(caller, key_id, PG_GETARG_INT32(1)));
}

/* kms_cancel_key_deletion(key_id text) -> void */
KMS_FUNCTION(kms_cancel_key_deletion, ACTION_CANCEL_KEY_DELETION)
{
	Oid			caller = GetUserId();

	key_cancel_deletion(caller, arg_text(fcinfo, 0, "key_id"));
	PG_RETURN_VOID();
}
