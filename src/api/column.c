/*
 * kms_encrypt_columns: the trigger of encrypted columns.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "service/column.h"

static void
require_kind(FunctionCallInfo fcinfo)
{
	const TriggerData *call = (const TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		kms_ereport(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, API_INVALID_PARAMETER,
					errmsg("kms_encrypt_columns must be called as a trigger"));
	if (call->tg_trigger->tgtype != TRIGGER_ENCRYPTS || call->tg_trigger->tgnattr > 0 || call->tg_trigger->tgqual != NULL)
		kms_ereport(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, API_INVALID_PARAMETER,
					errmsg("trigger \"%s\" must be BEFORE INSERT OR UPDATE FOR EACH ROW, without a list of columns or WHEN", call->tg_trigger->tgname));
}

/* What is known of this trigger lives as long as the statement. */
static KmsColumnPlan *
plan_of(FunctionCallInfo fcinfo)
{
	const TriggerData *call = (const TriggerData *) fcinfo->context;
	FmgrInfo   *place = fcinfo->flinfo;

	if (unlikely(place->fn_extra == NULL))
	{
		MemoryContext caller = MemoryContextSwitchTo(place->fn_mcxt);

		place->fn_extra = column_plan_make(call->tg_relation, call->tg_trigger);
		MemoryContextSwitchTo(caller);
	}
	return place->fn_extra;
}

/* kms_encrypt_columns() -> trigger */
KMS_FUNCTION(kms_encrypt_columns, ACTION_ENCRYPT)
{
	Oid			caller = GetUserId();
	const TriggerData *call = (const TriggerData *) fcinfo->context;
	bool		is_update;

	sensitive_mark();
	require_kind(fcinfo);
	is_update = TRIGGER_FIRED_BY_UPDATE(call->tg_event);
	return PointerGetDatum(column_encrypt_row(plan_of(fcinfo), caller,
											  is_update ? call->tg_newtuple : call->tg_trigtuple,
											  is_update ? call->tg_trigtuple : NULL));
}
