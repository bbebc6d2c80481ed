/*
 * Filters of lists.
 */
#ifndef KMS_FILTER_H
#define KMS_FILTER_H

#include "postgres.h"

#include "utils/jsonb.h"

/* What a list can be filtered by. */
typedef struct FilterList
{
	const char *const *names;
	int			count;
} FilterList;

extern const FilterList filters_of_keys;
extern const FilterList filters_of_secrets;

/*
 * The API's array of {"Key": .., "Values": [..]} as an object of arrays, one per
 * key that restricts anything; the same key twice is one list of values.
 * InvalidParameter for anything else and for unknown keys.
 */
extern Jsonb *filter_normalize(const FilterList *list, Jsonb *filters);

#endif
