/*
 * Reading arguments, and the row type of the result.
 */
#include "api/args.h"

#include "access/htup_details.h"
#include "service/key_rotation.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

KmsCallSite *
arg_new_call_site(FmgrInfo *place)
{
	KmsCallSite *site = MemoryContextAllocZero(place->fn_mcxt, sizeof(KmsCallSite));

	site->context.memory = place->fn_mcxt;
	site->other_context.memory = place->fn_mcxt;
	place->fn_extra = site;
	return site;
}

int64
arg_interval(FunctionCallInfo fcinfo, int number, const char *name)
{
	Interval   *interval;

	if (PG_ARGISNULL(number))
		return NO_INTERVAL;
	interval = PG_GETARG_INTERVAL_P(number);
	if (interval->month != 0)
		err_invalid(name, "months have no fixed length; give days");
	if (interval->time % USECS_PER_SEC != 0)
		err_invalid(name, "it must be whole seconds");
	/* What is out of range is so in any case; -1 means something else. */
	return Max(interval->day * INT64CONST(86400) + interval->time / USECS_PER_SEC, 0);
}

Datum
result_row(FunctionCallInfo fcinfo, int count, Datum *values, bool *nulls)
{
	TupleDesc	type;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE || type->natts != count)
		elog(ERROR, "a function of kms is not declared as it was made");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls));
}
