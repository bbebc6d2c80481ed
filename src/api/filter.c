/*
 * kms.normalized_filters and kms.normalized_secret_filters, for the lists.
 */
#include "postgres.h"

#include "api/args.h"
#include "service/filter.h"
#include "utils/jsonb.h"

static Datum
normalize(FunctionCallInfo fcinfo, const FilterList *list)
{
	JsonbParseState *state = NULL;

	if (!PG_ARGISNULL(0))
		PG_RETURN_JSONB_P(filter_normalize(list, PG_GETARG_JSONB_P(0)));
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* kms.normalized_filters(filters jsonb) -> jsonb; no filters for NULL */
KMS_FUNCTION(kms_normalized_filters, ACTION_LIST_KEYS)
{
	return normalize(fcinfo, &filters_of_keys);
}

/* kms.normalized_secret_filters(filters jsonb) -> jsonb; likewise */
KMS_FUNCTION(kms_normalized_secret_filters, ACTION_LIST_SECRETS)
{
	return normalize(fcinfo, &filters_of_secrets);
}
