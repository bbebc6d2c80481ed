/*
 * kms_call, and kms.api(), which shows what it takes.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/sensitive.h"
#include "call/call.h"
#include "utils/jsonb.h"

/* kms_call(action text, request jsonb) -> jsonb */
KMS_FUNCTION(kms_call, ACTION_NONE)
{
	char	   *action;

	sensitive_mark();
	action = arg_text(fcinfo, 0, "action");
	if (PG_ARGISNULL(1))
		err_missing("request");
	PG_RETURN_JSONB_P(call_run(action, PG_GETARG_JSONB_P(1)));
}

static void
put_field(const char *action, const char *direction, const char *field, const char *type, bool required, void *argument)
{
	ReturnSetInfo *result = argument;
	Datum		values[5] = {CStringGetTextDatum(action), CStringGetTextDatum(direction)};
	bool		nulls[5] = {false, false, field == NULL, field == NULL, field == NULL};

	if (field != NULL)
	{
		values[2] = CStringGetTextDatum(field);
		values[3] = CStringGetTextDatum(type);
		values[4] = BoolGetDatum(required);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* kms.api() -> setof (action text, direction text, field text, type text, required boolean) */
KMS_HELPER(kms_api);

Datum
kms_api(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	call_each_field(put_field, fcinfo->resultinfo);
	PG_RETURN_NULL();
}
