/*
 * Reading arguments, and the row type of the result.
 */
#include "api/args.h"

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

TupleDesc
result_row_type(FunctionCallInfo fcinfo)
{
	TupleDesc	type;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a function of kms is not declared as it was made");
	return BlessTupleDesc(type);
}
