/*
 * The filters of kms_list_keys.
 */
#ifndef KMS_KEY_FILTER_H
#define KMS_KEY_FILTER_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The API's array of {"Key": .., "Values": [..]} as an object of arrays, one per
 * key that restricts anything; the same key twice is one list of values.
 * InvalidParameter for anything else and for unknown keys.
 */
extern Jsonb *key_filter_normalize(Jsonb *filters);

#endif
