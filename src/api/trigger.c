/*
 * The trigger on our tables.
 */
#include "postgres.h"

#include "api/args.h"
#include "commands/trigger.h"
#include "service/key.h"
#include "utils/rel.h"

/* kms.tell_change() -> trigger */
KMS_HELPER(kms_tell_change);

Datum
kms_tell_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		kms_ereport(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, API_INVALID_PARAMETER,
					errmsg("kms.tell_change must be called as a trigger"));
	key_table_changed(RelationGetRelid(trigger->tg_relation));
	PG_RETURN_POINTER(NULL);
}
