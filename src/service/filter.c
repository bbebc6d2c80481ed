/*
 * Filters of lists: checked here, applied by the SQL functions.
 */
#include "service/filter.h"

#include "base/error.h"
#include "base/json.h"

#define ARGUMENT	"filters"
#define MAX_FILTERS	10
#define MAX_VALUES	10

static const char *const key_filters[] = {
	"KeyState", "KeySpec", "KeyUsage", "ProtectionLevel", "CreatorType", "DKMSInstanceId",
	"keyId", "AliasName", "Creator", "TagKey", "TagValue"
};

static const char *const secret_filters[] = {
	"SecretName", "Description", "TagKey", "TagValue", "DKMSInstanceId", "SecretType", "Creator"
};

const FilterList filters_of_keys = {key_filters, lengthof(key_filters)};
const FilterList filters_of_secrets = {secret_filters, lengthof(secret_filters)};

/* Values collected per filter key. */
typedef struct Collected
{
	int			count;
	JsonbValue	values[MAX_FILTERS * MAX_VALUES];
} Collected;

static int
number_of(const FilterList *list, const JsonbValue *name)
{
	for (int i = 0; i < list->count; i++)
		if (json_is(name, list->names[i]))
			return i;
	err_invalid(ARGUMENT, "unknown filter key");
}

/* A field of an entry, of the given type. */
static JsonbValue *
field(JsonbContainer *entry, const char *name, enum jbvType type)
{
	JsonbValue *value = getKeyJsonValueFromContainer(entry, name, strlen(name), NULL);

	if (value == NULL || value->type != type)
		err_invalid(ARGUMENT, "each entry must be {\"Key\": string, \"Values\": [string, ...]}");
	return value;
}

static void
collect(const FilterList *list, JsonbContainer *entry, Collected *collected)
{
	JsonbValue *key;
	JsonbContainer *values;

	if (!JsonContainerIsObject(entry) || JsonContainerSize(entry) != 2)
		err_invalid(ARGUMENT, "each entry must be {\"Key\": string, \"Values\": [string, ...]}");
	key = field(entry, "Key", jbvString);
	values = field(entry, "Values", jbvBinary)->val.binary.data;
	if (!JsonContainerIsArray(values) || JsonContainerIsScalar(values) || JsonContainerSize(values) > MAX_VALUES)
		err_invalid(ARGUMENT, "Values must be an array of at most 10 strings");
	collected += number_of(list, key);
	for (uint32 i = 0; i < JsonContainerSize(values); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(values, i);

		if (value->type != jbvString)
			err_invalid(ARGUMENT, "Values must be an array of at most 10 strings");
		collected->values[collected->count++] = *value;
	}
}

static Jsonb *
build(const FilterList *list, const Collected *collected)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < list->count; i++)
	{
		JsonbValue	name;

		if (collected[i].count == 0)
			continue;
		name.type = jbvString;
		name.val.string.val = unconstify(char *, list->names[i]);
		name.val.string.len = strlen(list->names[i]);
		(void) pushJsonbValue(&state, WJB_KEY, &name);
		(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		for (int j = 0; j < collected[i].count; j++)
		{
			JsonbValue	value = collected[i].values[j];

			(void) pushJsonbValue(&state, WJB_ELEM, &value);
		}
		(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

Jsonb *
filter_normalize(const FilterList *list, Jsonb *filters)
{
	Collected  *collected = palloc0(sizeof(Collected) * list->count);

	if (!JB_ROOT_IS_ARRAY(filters) || JB_ROOT_IS_SCALAR(filters) || JB_ROOT_COUNT(filters) > MAX_FILTERS)
		err_invalid(ARGUMENT, "it must be an array of at most 10 entries");
	for (uint32 i = 0; i < JB_ROOT_COUNT(filters); i++)
	{
		JsonbValue *entry = getIthJsonbValueFromContainer(&filters->root, i);

		if (entry->type != jbvBinary)
			err_invalid(ARGUMENT, "each entry must be {\"Key\": string, \"Values\": [string, ...]}");
		collect(list, entry->val.binary.data, collected);
	}
	return build(list, collected);
}
