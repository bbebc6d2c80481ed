/*
 * Reading a request.
 *
 * Each kind of field has a reader.  Where the API has a string with JSON in it, the
 * JSON itself is taken as well; where it has a number or a switch, also a string.
 */
#include "call/request.h"

#include <limits.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define PAGE_SIZE_MAX 100

void
err_refused(const CallRefusal *refusal)
{
	kms_ereport(refusal->sqlstate, refusal->code, errmsg("%s", refusal->message), errhint("%s", refusal->hint));
	pg_unreachable();
}

/* ---- finding a field ---- */

static JsonbValue *
find(JsonbContainer *object, const char *name, size_t len)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, name, (int) len, NULL);

	return value != NULL && value->type != jbvNull ? value : NULL;
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* The value of a field; "a.b" is also b in the object a.  NULL if it is not there, or null. */
static JsonbValue *
find_field(Jsonb *json, const char *name)
{
	JsonbValue *value = find(&json->root, name, strlen(name));
	const char *dot = strchr(name, '.');

	if (value != NULL || dot == NULL)
		return value;
	value = find(&json->root, name, dot - name);
	return value != NULL && is_object(value) ? find(value->val.binary.data, dot + 1, strlen(dot + 1)) : NULL;
}

/* Whether a field is called prefix and name. */
static bool
is_field(const CallAction *action, const char *prefix, const JsonbValue *name)
{
	size_t		before = strlen(prefix);
	size_t		len = name->val.string.len;

	for (int i = 0; i < call_count_fields(action); i++)
	{
		const char *field = action->request[i].name;

		if (strlen(field) == before + len && strncmp(field, prefix, before) == 0 &&
			memcmp(field + before, name->val.string.val, len) == 0)
			return true;
	}
	return false;
}

static char *
names_of_fields(const CallAction *action)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < call_count_fields(action); i++)
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ", action->request[i].name);
	return names.data;
}

/* The name is not told: it is the caller's, and may be anything. */
static void
err_unknown_field(const CallAction *action)
{
	if (call_count_fields(action) == 0)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for request: %s takes no fields", action->name));
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
				errmsg("invalid value for request: %s has no such field", action->name),
				errhint("Its fields are %s.", names_of_fields(action)));
}

static void
require_known_fields(const CallAction *action, JsonbContainer *object, const char *prefix)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	name;
	JsonbValue	value;

	(void) JsonbIteratorNext(&iterator, &name, true);
	while ((token = JsonbIteratorNext(&iterator, &name, true)) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (is_field(action, prefix, &name))
			continue;
		if (prefix[0] != '\0' || !is_object(&value) || JsonContainerSize(value.val.binary.data) == 0)
			err_unknown_field(action);
		require_known_fields(action, value.val.binary.data,
							 psprintf("%.*s.", name.val.string.len, name.val.string.val));
	}
}

/* ---- reading values ---- */

static char *
read_string(const CallField *field, const JsonbValue *value)
{
	if (value->type != jbvString)
		err_invalid(field->name, "it must be a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
is_one_of(const char *words, const char *word)
{
	size_t		len = strlen(word);

	for (const char *next = words; next != NULL; next = strchr(next, '|'))
	{
		next += next == words ? 0 : 1;
		if (strncmp(next, word, len) == 0 && (next[len] == '\0' || next[len] == '|'))
			return true;
	}
	return false;
}

static char *
read_text(const CallField *field, const JsonbValue *value)
{
	char	   *string = read_string(field, value);

	if (field->one_of == NULL || is_one_of(field->one_of, string))
		return string;
	if (field->refusal != NULL)
		err_refused(field->refusal);
	err_invalid(field->name, psprintf("it must be %s", field->one_of));
}

static bytea *
read_base64(const CallField *field, const JsonbValue *value)
{
	bytea	   *bytes;

	if (value->type != jbvString)
		err_invalid(field->name, "it must be a string");
	bytes = bytes_from_base64(value->val.string.val, value->val.string.len);
	if (bytes == NULL)
		err_invalid(field->name, "it must be standard Base64, with padding and without line breaks");
	return bytes;
}

static bool
read_boolean(const CallField *field, const JsonbValue *value)
{
	if (value->type == jbvBool)
		return value->val.boolean;
	if (json_is(value, "true"))
		return true;
	if (!json_is(value, "false"))
		err_invalid(field->name, "it must be true or false");
	return false;
}

/* Digits, of which there are at most 18, with a minus or without. */
static bool
parse_integer(const char *digits, int64 *number)
{
	const char *first = digits + (digits[0] == '-');
	size_t		len = strspn(first, "0123456789");

	if (len == 0 || len > 18 || first[len] != '\0')
		return false;
	*number = strtoll(digits, NULL, 10);
	return true;
}

static int64
read_integer(const CallField *field, const JsonbValue *value, int64 min, int64 max)
{
	char	   *digits = NULL;
	int64		number;

	if (value->type == jbvNumeric)
		digits = numeric_normalize(value->val.numeric);
	else if (value->type == jbvString)
		digits = read_string(field, value);
	if (digits == NULL || !parse_integer(digits, &number))
		err_invalid(field->name, "it must be a whole number");
	if (number < min || number > max)
		err_invalid(field->name, "it is out of range");
	return number;
}

/* Seconds since 1970 that are a timestamp; 0 is none. */
static Datum
read_unix_time(const CallField *field, const JsonbValue *value, bool *is_null)
{
	int64		last = (END_TIMESTAMP - 1) / USECS_PER_SEC - 1 +
		(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	int64		seconds = read_integer(field, value, 0, last);

	*is_null = seconds == 0;
	return TimestampTzGetDatum(time_t_to_timestamptz((pg_time_t) seconds));
}

/* ^[1-9][0-9]*[dhms]$ */
static Datum
read_interval(const CallField *field, const JsonbValue *value)
{
	char	   *string = read_string(field, value);
	size_t		digits = strspn(string, "0123456789");
	Interval   *interval = palloc0(sizeof(Interval));
	int64		seconds;

	if (digits == 0 || digits > 10 || string[0] == '0' || strlen(string) != digits + 1 ||
		strchr("dhms", string[digits]) == NULL)
		err_invalid(field->name, "it must be a whole number and d, h, m or s, such as 7d");
	seconds = strtoll(string, NULL, 10);
	seconds *= string[digits] == 'd' ? 86400 : string[digits] == 'h' ? 3600 : string[digits] == 'm' ? 60 : 1;
	if (seconds / 86400 > INT_MAX)
		err_invalid(field->name, "it is out of range");
	interval->day = (int32) (seconds / 86400);
	interval->time = seconds % 86400 * USECS_PER_SEC;
	return IntervalPGetDatum(interval);
}

/* An object or array, or a string that holds one; NULL if it is neither. */
static Jsonb *
read_json(const CallField *field, const JsonbValue *value)
{
	if (value->type == jbvString)
		return json_parse(read_string(field, value));
	return value->type == jbvBinary ? JsonbValueToJsonb(unconstify(JsonbValue *, value)) : NULL;
}

static Jsonb *
read_object(const CallField *field, const JsonbValue *value)
{
	Jsonb	   *json = read_json(field, value);

	if (json == NULL || !JB_ROOT_IS_OBJECT(json))
		err_invalid(field->name, "it must be an object");
	return json;
}

static Jsonb *
read_array(const CallField *field, const JsonbValue *value)
{
	Jsonb	   *json = read_json(field, value);

	if (json == NULL || !JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		err_invalid(field->name, "it must be an array");
	if (field->most > 0 && JB_ROOT_COUNT(json) > (uint32) field->most)
		err_invalid(field->name, psprintf("it must not have more than %d elements", field->most));
	return json;
}

/* What tags of one resource are called is what SQL functions take. */
static Jsonb *
read_tags(const CallField *field, const JsonbValue *value)
{
	Jsonb	   *tags = read_array(field, value);
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JB_ROOT_COUNT(tags); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&tags->root, i);
		JsonbValue *key = is_object(element) ? json_field(element->val.binary.data, "Key", jbvString) : NULL;
		JsonbValue *of_key = is_object(element) ? json_field(element->val.binary.data, "Value", jbvString) : NULL;

		if (key == NULL || JsonContainerSize(element->val.binary.data) != (of_key == NULL ? 1 : 2))
			err_invalid(field->name, "it must be [{\"Key\": string, \"Value\": string}, ...]");
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_add(&state, "TagKey", key);
		if (of_key != NULL)
			json_add(&state, "TagValue", of_key);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* The array itself, or in an object of its own, as lists stand in responses. */
static Datum
read_names(const CallField *field, const JsonbValue *value)
{
	Jsonb	   *json = read_json(field, value);
	JsonbValue	inner;
	Datum	   *names;

	if (json != NULL && JB_ROOT_IS_OBJECT(json) && JB_ROOT_COUNT(json) == 1)
	{
		JsonbIterator *iterator = JsonbIteratorInit(&json->root);

		(void) JsonbIteratorNext(&iterator, &inner, true);
		(void) JsonbIteratorNext(&iterator, &inner, true);
		(void) JsonbIteratorNext(&iterator, &inner, true);
		value = &inner;
	}
	json = read_array(field, value);
	names = palloc(Max(JB_ROOT_COUNT(json), 1) * sizeof(Datum));
	for (uint32 i = 0; i < JB_ROOT_COUNT(json); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&json->root, i);

		if (element->type != jbvString)
			err_invalid(field->name, "its elements must be strings");
		names[i] = PointerGetDatum(cstring_to_text_with_len(element->val.string.val, element->val.string.len));
	}
	if (field->required && JB_ROOT_COUNT(json) == 0)
		err_invalid(field->name, "it must not be empty");
	return PointerGetDatum(construct_array(names, JB_ROOT_COUNT(json), TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---- a request ---- */

static void
add(CallRequest *request, Oid type, Datum value, bool is_null)
{
	if (request->count == CALL_MAX_FIELDS)
		elog(ERROR, "a request has too many fields");
	request->types[request->count] = type;
	request->values[request->count] = value;
	request->nulls[request->count] = is_null ? 'n' : ' ';
	request->count++;
}

static void
add_data(CallRequest *request, const CallField *field, const JsonbValue *value, Jsonb *json)
{
	JsonbValue *type = find_field(json, "SecretDataType");
	bool		is_binary = type != NULL && json_is(type, "binary");

	add(request, TEXTOID, value == NULL || is_binary ? (Datum) 0 : CStringGetTextDatum(read_string(field, value)),
		value == NULL || is_binary);
	add(request, BYTEAOID, value != NULL && is_binary ? PointerGetDatum(read_base64(field, value)) : (Datum) 0,
		value == NULL || !is_binary);
}

/* value: NULL for a field that is not there. */
static void
add_field(CallRequest *request, const CallField *field, const JsonbValue *value, Jsonb *json)
{
	bool		is_null = value == NULL;
	Datum		time = (Datum) 0;

	switch (field->kind)
	{
		case CALL_TEXT:
			add(request, TEXTOID, is_null ? (Datum) 0 : CStringGetTextDatum(read_text(field, value)), is_null);
			break;
		case CALL_BASE64:
			add(request, BYTEAOID, is_null ? (Datum) 0 : PointerGetDatum(read_base64(field, value)), is_null);
			break;
		case CALL_DATA:
			add_data(request, field, value, json);
			break;
		case CALL_BOOLEAN:
			add(request, BOOLOID, is_null ? (Datum) 0 : BoolGetDatum(read_boolean(field, value)), is_null);
			break;
		case CALL_INTEGER:
			add(request, INT4OID, is_null ? (Datum) 0 : Int32GetDatum(read_integer(field, value, INT_MIN, INT_MAX)), is_null);
			break;
		case CALL_UNIX_TIME:
			if (!is_null)
				time = read_unix_time(field, value, &is_null);
			add(request, TIMESTAMPTZOID, time, is_null);
			break;
		case CALL_INTERVAL:
			add(request, INTERVALOID, is_null ? (Datum) 0 : read_interval(field, value), is_null);
			break;
		case CALL_OBJECT:
			add(request, JSONBOID, is_null ? (Datum) 0 : JsonbPGetDatum(read_object(field, value)), is_null);
			break;
		case CALL_ARRAY:
			add(request, JSONBOID, is_null ? (Datum) 0 : JsonbPGetDatum(read_array(field, value)), is_null);
			break;
		case CALL_TAGS:
			add(request, JSONBOID, is_null ? (Datum) 0 : JsonbPGetDatum(read_tags(field, value)), is_null);
			break;
		case CALL_NAMES:
			add(request, TEXTARRAYOID, is_null ? (Datum) 0 : read_names(field, value), is_null);
			break;
		case CALL_TIME:
		case CALL_JSON_TEXT:
			elog(ERROR, "a request has no field of this kind");
	}
	if (value != NULL && field->refusal != NULL && field->one_of == NULL)
		err_refused(field->refusal);
}

static JsonbValue *
fallback_of(const CallField *field)
{
	JsonbValue *value;

	if (field->fallback == NULL)
		return NULL;
	value = palloc(sizeof(JsonbValue));
	value->type = jbvString;
	value->val.string.val = unconstify(char *, field->fallback);
	value->val.string.len = strlen(field->fallback);
	return value;
}

static void
require_one_of_either(const CallAction *action, Jsonb *json)
{
	const CallField *last = NULL;
	int			given = 0;

	for (int i = 0; i < call_count_fields(action); i++)
	{
		const CallField *field = &action->request[i];

		if (!field->either)
			continue;
		given += find_field(json, field->name) != NULL;
		last = field;
	}
	if (last != NULL && given == 0)
		err_missing(last->name);
	if (given > 1)
		err_invalid(last->name, "it and the other name of the same thing cannot both be given");
}

/* The value of a field that the action has, or else its fallback. */
static int64
read_page_field(const CallAction *action, Jsonb *json, const char *name, int64 max)
{
	for (int i = 0; i < call_count_fields(action); i++)
	{
		const CallField *field = &action->request[i];
		JsonbValue *value;

		if (strcmp(field->name, name) != 0)
			continue;
		value = find_field(json, name);
		return read_integer(field, value != NULL ? value : fallback_of(field), 1, max);
	}
	elog(ERROR, "action %s has no field %s", action->name, name);
}

/* The token of a page says how many rows came before it. */
static int64
read_token(Jsonb *json)
{
	static const CallField field = {"NextToken", .kind = CALL_TEXT};
	JsonbValue *value = find_field(json, field.name);
	int64		rows = 0;
	char	   *token = value == NULL ? "" : read_string(&field, value);

	if (token[0] != '\0' && (!parse_integer(token, &rows) || rows < 0))
		err_invalid(field.name, "it must be the NextToken of the page before");
	return rows;
}

static void
read_page(const CallAction *action, Jsonb *json, CallRequest *request)
{
	switch (action->paging)
	{
		case CALL_UNPAGED:
			break;
		case CALL_BY_NUMBER:
			request->page_number = read_page_field(action, json, "PageNumber", INT_MAX);
			request->page_size = read_page_field(action, json, "PageSize", PAGE_SIZE_MAX);
			request->first_row = (request->page_number - 1) * request->page_size;
			request->rows = request->page_size;
			break;
		case CALL_BY_TOKEN:
			request->first_row = read_token(json);
			request->rows = CALL_TOKEN_ROWS;
			break;
	}
}

void
request_read(const CallAction *action, Jsonb *json, CallRequest *request)
{
	*request = (CallRequest) {0};
	require_known_fields(action, &json->root, "");
	for (int i = 0; i < call_count_fields(action); i++)
	{
		const CallField *field = &action->request[i];
		JsonbValue *value = find_field(json, field->name);

		if (value == NULL && field->required)
			err_missing(field->name);
		add_field(request, field, value != NULL ? value : fallback_of(field), json);
	}
	require_one_of_either(action, json);
	read_page(action, json, request);
	if (action->refusal != NULL)
		err_refused(action->refusal);
}

bool
request_is_dry_run(const CallAction *action, Jsonb *json)
{
	for (int i = 0; i < call_count_fields(action); i++)
	{
		const CallField *field = &action->request[i];
		JsonbValue *value;

		if (strcmp(field->name, "DryRun") != 0)
			continue;
		value = find_field(json, field->name);
		return value != NULL && read_boolean(field, value);
	}
	return false;
}
