/*
 * Writing a response.
 */
#include "call/response.h"

#include "base/bytes.h"
#include "base/ident.h"
#include "base/json.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

typedef struct Writer
{
	const CallAction *action;
	JsonbParseState *state;
	JsonbValue *done;			/* what the last push returned */
} Writer;

static void
push(Writer *writer, JsonbIteratorToken token, JsonbValue *value)
{
	writer->done = pushJsonbValue(&writer->state, token, value);
}

static void
push_string(Writer *writer, JsonbIteratorToken token, const char *string, size_t len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = (int) len;
	push(writer, token, &value);
}

static void
push_number(Writer *writer, const char *name, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	push_string(writer, WJB_KEY, name, strlen(name));
	push(writer, WJB_VALUE, &value);
}

/* "a.b" is b in an object a, which is left open: what follows is its value. */
static void
push_path(Writer *writer, const char *path)
{
	const char *dot = strchr(path, '.');

	push_string(writer, WJB_KEY, path, dot != NULL ? (size_t) (dot - path) : strlen(path));
	if (dot == NULL)
		return;
	push(writer, WJB_BEGIN_OBJECT, NULL);
	push_string(writer, WJB_KEY, dot + 1, strlen(dot + 1));
}

static void
close_path(Writer *writer, const char *path)
{
	if (strchr(path, '.') != NULL)
		push(writer, WJB_END_OBJECT, NULL);
}

/* YYYY-MM-DDThh:mm:ssZ, whatever the caller's time zone and date style. */
static char *
print_time(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fraction;

	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		elog(ERROR, "a time cannot be shown");
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static char *
print_interval(const Interval *interval)
{
	return psprintf(INT64_FORMAT "s", interval->day * INT64CONST(86400) + interval->time / USECS_PER_SEC);
}

static void
push_names(Writer *writer, ArrayType *array)
{
	Datum	   *names;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
	push(writer, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		text	   *name;

		if (nulls[i])
			elog(ERROR, "a list of names has a null");
		name = DatumGetTextPP(names[i]);
		push_string(writer, WJB_ELEM, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	}
	push(writer, WJB_END_ARRAY, NULL);
}

static void
push_text(Writer *writer, text *value)
{
	push_string(writer, WJB_VALUE, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

static void
push_cstring(Writer *writer, const char *value)
{
	push_string(writer, WJB_VALUE, value, strlen(value));
}

static void
push_value(Writer *writer, CallKind kind, Datum value)
{
	JsonbValue	json;
	Jsonb	   *document;

	switch (kind)
	{
		case CALL_TEXT:
			push_text(writer, DatumGetTextPP(value));
			break;
		case CALL_BASE64:
			push_text(writer, bytes_to_base64(DatumGetByteaPP(value)));
			break;
		case CALL_BOOLEAN:
			json.type = jbvBool;
			json.val.boolean = DatumGetBool(value);
			push(writer, WJB_VALUE, &json);
			break;
		case CALL_TIME:
			push_cstring(writer, print_time(DatumGetTimestampTz(value)));
			break;
		case CALL_INTERVAL:
			push_cstring(writer, print_interval(DatumGetIntervalP(value)));
			break;
		case CALL_JSON_TEXT:
			document = DatumGetJsonbP(value);
			push_cstring(writer, JsonbToCString(NULL, &document->root, VARSIZE(document)));
			break;
		case CALL_ARRAY:
			JsonbToJsonbValue(DatumGetJsonbP(value), &json);
			push(writer, WJB_VALUE, &json);
			break;
		case CALL_NAMES:
			push_names(writer, DatumGetArrayTypeP(value));
			break;
		case CALL_DATA:
		case CALL_INTEGER:
		case CALL_UNIX_TIME:
		case CALL_OBJECT:
		case CALL_TAGS:
			elog(ERROR, "a response has no field of this kind");
	}
}

/* The fields of a row: those beside the list, or the others. */
static void
push_row(Writer *writer, HeapTuple row, bool outside)
{
	for (int i = 0; i < call_count_results(writer->action); i++)
	{
		const CallResult *result = &writer->action->response[i];
		bool		is_null;
		Datum		value;

		if (result->outside != outside)
			continue;
		value = SPI_getbinval(row, SPI_tuptable->tupdesc, i + 1, &is_null);
		if (is_null)
		{
			if (!result->optional)
				elog(ERROR, "action %s has no %s", writer->action->name, result->name);
			continue;
		}
		push_path(writer, result->name);
		push_value(writer, result->kind, value);
		close_path(writer, result->name);
	}
}

static void
push_list(Writer *writer, int64 first, int64 end)
{
	push_path(writer, writer->action->list);
	push(writer, WJB_BEGIN_ARRAY, NULL);
	for (int64 i = first; i < end; i++)
	{
		push(writer, WJB_BEGIN_OBJECT, NULL);
		push_row(writer, SPI_tuptable->vals[i], false);
		push(writer, WJB_END_OBJECT, NULL);
	}
	push(writer, WJB_END_ARRAY, NULL);
	close_path(writer, writer->action->list);
}

/* The rows of the page, and what says where it is. */
static void
push_page(Writer *writer, const CallRequest *request)
{
	int64		count = (int64) SPI_processed;
	int64		end = request->rows == 0 ? count : Min(request->first_row + request->rows, count);
	char	   *token;

	if (count > 0)
		push_row(writer, SPI_tuptable->vals[0], true);
	push_list(writer, request->first_row, end);
	switch (writer->action->paging)
	{
		case CALL_UNPAGED:
			break;
		case CALL_BY_NUMBER:
			push_number(writer, "PageNumber", request->page_number);
			push_number(writer, "PageSize", request->page_size);
			push_number(writer, writer->action->total, count);
			break;
		case CALL_BY_TOKEN:
			token = end < count ? psprintf(INT64_FORMAT, end) : "";
			push_string(writer, WJB_KEY, "NextToken", strlen("NextToken"));
			push_cstring(writer, token);
			break;
	}
}

static void
push_one_row(Writer *writer)
{
	if (SPI_processed != 1)
		elog(ERROR, "action %s has %llu rows", writer->action->name, (unsigned long long) SPI_processed);
	if (writer->action->inside != NULL)
	{
		push_path(writer, writer->action->inside);
		push(writer, WJB_BEGIN_OBJECT, NULL);
	}
	push_row(writer, SPI_tuptable->vals[0], false);
	if (writer->action->inside != NULL)
		push(writer, WJB_END_OBJECT, NULL);
}

Jsonb *
response_write(const CallAction *action, const CallRequest *request)
{
	Writer		writer = {.action = action};
	pg_uuid_t	id = uuid_random();
	char		printed[37];

	push(&writer, WJB_BEGIN_OBJECT, NULL);
	if (action->list != NULL)
		push_page(&writer, request);
	else if (action->response != NULL)
		push_one_row(&writer);
	push_string(&writer, WJB_KEY, "RequestId", strlen("RequestId"));
	push_cstring(&writer, uuid_print(&id, printed));
	push(&writer, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(writer.done);
}
