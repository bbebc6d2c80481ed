/*
 * kms_check_integrity.
 */
#include "postgres.h"

#include "api/args.h"
#include "service/integrity.h"

static void
put_problem(const char *table, const char *row, const char *problem, void *argument)
{
	ReturnSetInfo *result = argument;
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = CStringGetTextDatum(table);
	values[1] = CStringGetTextDatum(row);
	values[2] = CStringGetTextDatum(problem);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* kms_check_integrity() -> setof kms.integrity_problem */
KMS_FUNCTION(kms_check_integrity, ACTION_CHECK_INTEGRITY)
{
	InitMaterializedSRF(fcinfo, 0);
	integrity_check(put_problem, fcinfo->resultinfo);
	PG_RETURN_NULL();
}
