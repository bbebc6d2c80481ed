/*
 * kms.normalized_filters, for kms_list_keys.
 */
#include "postgres.h"

#include "api/args.h"
#include "service/key_filter.h"
#include "utils/jsonb.h"

/* kms.normalized_filters(filters jsonb) -> jsonb; no filters for NULL */
KMS_FUNCTION(kms_normalized_filters, ACTION_LIST_KEYS)
{
	JsonbParseState *state = NULL;

	if (!PG_ARGISNULL(0))
		PG_RETURN_JSONB_P(key_filter_normalize(PG_GETARG_JSONB_P(0)));
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
