/*
 * kms.write_decrypted: the trigger by which the view with decrypted columns is written to.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "service/decrypted_write.h"

static void
require_kind(FunctionCallInfo fcinfo)
{
	const TriggerData *call = (const TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_INSTEAD(call->tg_event))
		kms_ereport(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, API_INVALID_PARAMETER,
					errmsg("kms.write_decrypted must be called as a trigger, INSTEAD OF and FOR EACH ROW"));
}

/* What is known of the view lives as long as the statement. */
static KmsWritePlan *
plan_of(FunctionCallInfo fcinfo)
{
	FmgrInfo   *place = fcinfo->flinfo;

	if (place->fn_extra == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(place->fn_mcxt);

		place->fn_extra = decrypted_write_plan(((const TriggerData *) fcinfo->context)->tg_relation);
		MemoryContextSwitchTo(caller);
	}
	return place->fn_extra;
}

/* kms.write_decrypted() -> trigger */
KMS_FUNCTION(kms_write_decrypted, ACTION_NONE)
{
	Oid			caller = GetUserId();
	const TriggerData *call = (const TriggerData *) fcinfo->context;
	HeapTuple	row;

	sensitive_mark();
	require_kind(fcinfo);
	if (TRIGGER_FIRED_BY_INSERT(call->tg_event))
		row = decrypted_write_insert(plan_of(fcinfo), caller, call->tg_trigtuple);
	else if (TRIGGER_FIRED_BY_UPDATE(call->tg_event))
		row = decrypted_write_update(plan_of(fcinfo), caller, call->tg_newtuple, call->tg_trigtuple);
	else
		row = decrypted_write_delete(plan_of(fcinfo), call->tg_trigtuple);
	return PointerGetDatum(row);
}
