/*
 * Reading arguments, and the row type of the result.
 */
#include "api/args.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "service/key_rotation.h"
#include "utils/array.h"
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

/* Of text or name: one dimension, no nulls in it. */
static List *
strings_of(ArrayType *array, const char *name)
{
	bool		is_name = ARR_ELEMTYPE(array) == NAMEOID;
	List	   *strings = NIL;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	if (ARR_NDIM(array) > 1)
		err_invalid(name, "it must have one dimension");
	deconstruct_array(array, ARR_ELEMTYPE(array), is_name ? NAMEDATALEN : -1, false,
					  is_name ? TYPALIGN_CHAR : TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			err_invalid(name, "it must not contain nulls");
		strings = lappend(strings, is_name ? pstrdup(NameStr(*DatumGetName(values[i]))) : TextDatumGetCString(values[i]));
	}
	return strings;
}

List *
arg_names(FunctionCallInfo fcinfo, int number, const char *name)
{
	List	   *names = strings_of(PG_GETARG_ARRAYTYPE_P(number), name);

	if (names == NIL)
		err_invalid(name, "it must not be empty");
	return names;
}

List *
arg_name_array(FunctionCallInfo fcinfo, int number, const char *name)
{
	return strings_of(PG_GETARG_ARRAYTYPE_P(number), name);
}

Datum
result_time(TimestampTz time, bool *is_null)
{
	*is_null = TIMESTAMP_IS_NOEND(time);
	return TimestampTzGetDatum(time);
}

Datum
result_interval(int64 seconds, bool *is_null)
{
	Interval   *interval = palloc0(sizeof(Interval));

	*is_null = seconds == 0;
	interval->day = (int32) (seconds / 86400);
	interval->time = seconds % 86400 * USECS_PER_SEC;
	return IntervalPGetDatum(interval);
}

Datum
result_names(const List *names)
{
	Datum	   *values = palloc(Max(list_length(names), 1) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, names)
		values[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT));
}
