/*
 * Reading arguments, and the row type of the result.
 */
#include "api/args.h"

#include "access/htup_details.h"
#include "utils/memutils.h"

KmsCallSite *
arg_new_call_site(FmgrInfo *place)
{
	KmsCallSite *site = MemoryContextAllocZero(place->fn_mcxt, sizeof(KmsCallSite));

	site->context.memory = place->fn_mcxt;
	site->other_context.memory = place->fn_mcxt;
	place->fn_extra = site;
	return site;
}

Datum
result_row(FunctionCallInfo fcinfo, int count, Datum *values, bool *nulls)
{
	TupleDesc	type;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE || type->natts != count)
		elog(ERROR, "a function of kms is not declared as it was made");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls));
}
