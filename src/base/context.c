/*
 * The canonical encryption context.  A constant context is the common case: it
 * is recognised by its bytes, and then costs a comparison.
 */
#include "base/context.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#define ARGUMENT "encryption_context"

typedef struct Pair
{
	kc_view		key;
	kc_view		value;
} Pair;

int
context_compare_keys(kc_view a, kc_view b)
{
	int			order = memcmp(a.data, b.data, Min(a.len, b.len));

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

static int
compare_pairs(const void *a, const void *b)
{
	return context_compare_keys(((const Pair *) a)->key, ((const Pair *) b)->key);
}

static void
err_too_long(void)
{
	err_invalid(ARGUMENT, "it is longer than 8192 characters");
}

/*
 * A character takes at most six in text, a pair six more ("": "", ).  Only what
 * might be too long by that measure is printed to be counted.
 */
static bool
might_be_too_long(Size bytes, int pairs)
{
	return bytes * 6 + (Size) pairs * 6 + 2 > CONTEXT_MAX_CHARACTERS;
}

static void
require_length(Jsonb *context)
{
	char	   *text = JsonbToCString(NULL, &context->root, VARSIZE(context));

	if (pg_mbstrlen(text) > CONTEXT_MAX_CHARACTERS)
		err_too_long();
	pfree(text);
}

/* The pairs of an object of strings; *count of them. */
static Pair *
read_pairs(Jsonb *context, int *count)
{
	Pair	   *pairs;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	Size		bytes = 0;
	int			n = 0;

	if (!JB_ROOT_IS_OBJECT(context))
		err_invalid(ARGUMENT, "it must be a JSON object");
	pairs = palloc(sizeof(Pair) * (JB_ROOT_COUNT(context) + 1));
	iterator = JsonbIteratorInit(&context->root);
	(void) JsonbIteratorNext(&iterator, &value, false);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY)
	{
		pairs[n].key = utf8_from_server(ARGUMENT, value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvString)
			err_invalid(ARGUMENT, "every value must be a string");
		pairs[n].value = utf8_from_server(ARGUMENT, value.val.string.val, value.val.string.len);
		bytes += pairs[n].key.len + pairs[n].value.len;
		n++;
	}
	if (might_be_too_long(bytes, n))
		require_length(context);
	*count = n;
	return pairs;
}

static void
append_number(StringInfo out, size_t number)
{
	char		bytes[2] = {(char) (number >> 8), (char) number};

	appendBinaryStringInfo(out, bytes, 2);
}

static void
append_string(StringInfo out, kc_view string)
{
	char	   *end;

	enlargeStringInfo(out, (int) string.len + 2);
	end = out->data + out->len;
	end[0] = (char) (string.len >> 8);
	end[1] = (char) string.len;
	memcpy(end + 2, string.data, string.len);
	out->len += (int) string.len + 2;
}

static void
write_canonical(StringInfo out, Jsonb *context)
{
	int			count;
	Pair	   *pairs = read_pairs(context, &count);

	resetStringInfo(out);
	if (count > 0)
	{
		qsort(pairs, count, sizeof(Pair), compare_pairs);
		append_number(out, count);
		for (int i = 0; i < count; i++)
		{
			append_string(out, pairs[i].key);
			append_string(out, pairs[i].value);
		}
	}
	pfree(pairs);
}

void
context_writer_init(ContextWriter *writer)
{
	initStringInfo(&writer->canonical);
}

/* The number of pairs is put in front at the end. */
void
context_begin(ContextWriter *writer)
{
	resetStringInfo(&writer->canonical);
	writer->pairs = 0;
	append_number(&writer->canonical, 0);
}

void
context_put(ContextWriter *writer, kc_view key, kc_view value)
{
	/* Its length must fit its field; a context that is too long in all is refused at the end. */
	if (value.len > CONTEXT_MAX_CHARACTERS * MAX_MULTIBYTE_CHAR_LEN)
		err_too_long();
	append_string(&writer->canonical, key);
	append_string(&writer->canonical, value);
	writer->pairs++;
}

kc_view
context_end(ContextWriter *writer)
{
	StringInfo	canonical = &writer->canonical;
	kc_view		context;

	if (writer->pairs == 0)
		return kc_view_of(NULL, 0);
	canonical->data[0] = (char) (writer->pairs >> 8);
	canonical->data[1] = (char) writer->pairs;
	context = kc_view_of(canonical->data, canonical->len);
	if (might_be_too_long(canonical->len, writer->pairs))
		require_length(DatumGetJsonbP(context_to_jsonb(context)));
	return context;
}

/* A toasted datum is not remembered: its bytes are only a pointer. */
static void
remember(ContextMemo *memo, struct varlena *datum)
{
	Size		size = VARSIZE_ANY(datum);

	if (VARATT_IS_EXTERNAL(datum))
		return;
	if (size > memo->datum_room)
	{
		Size		room = Max(size, 256);

		memo->datum = memo->datum ? repalloc(memo->datum, room) : MemoryContextAlloc(memo->memory, room);
		memo->datum_room = room;
	}
	memcpy(memo->datum, datum, size);
	memo->datum_size = size;
}

kc_view
context_canonical(ContextMemo *memo, Datum jsonb)
{
	struct varlena *datum = (struct varlena *) DatumGetPointer(jsonb);
	Jsonb	   *context;

	if (memo->datum_size != 0 && memo->datum_size == VARSIZE_ANY(datum) &&
		memcmp(memo->datum, datum, memo->datum_size) == 0)
		return kc_view_of(memo->canonical.data, memo->canonical.len);

	if (memo->canonical.data == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(memo->memory);

		initStringInfo(&memo->canonical);
		MemoryContextSwitchTo(caller);
	}
	memo->datum_size = 0;		/* in case of an error below */
	context = DatumGetJsonbP(jsonb);
	write_canonical(&memo->canonical, context);
	if ((Pointer) context != (Pointer) datum)
		pfree(context);
	remember(memo, datum);
	return kc_view_of(memo->canonical.data, memo->canonical.len);
}

/* What is left to read of a canonical context. */
typedef struct Reader
{
	kc_view		rest;
	int			pairs;			/* still to come */
	bool		damaged;
} Reader;

static int
take_number(Reader *reader)
{
	const uint8 *data = reader->rest.data;

	if (reader->rest.len < 2)
	{
		reader->damaged = true;
		return 0;
	}
	reader->rest = kc_view_of(data + 2, reader->rest.len - 2);
	return data[0] << 8 | data[1];
}

static kc_view
take_string(Reader *reader)
{
	size_t		len = take_number(reader);
	kc_view		string = kc_view_of(reader->rest.data, len);

	if (reader->damaged || len > reader->rest.len)
	{
		reader->damaged = true;
		return kc_view_of(NULL, 0);
	}
	reader->rest = kc_view_of(reader->rest.data + len, reader->rest.len - len);
	return string;
}

static Reader
read_from(kc_view canonical)
{
	Reader		reader = {.rest = canonical};

	if (canonical.len > 0)
		reader.pairs = take_number(&reader);
	return reader;
}

static bool
next_pair(Reader *reader, Pair *pair)
{
	if (reader->pairs == 0 || reader->damaged)
		return false;
	reader->pairs--;
	pair->key = take_string(reader);
	pair->value = take_string(reader);
	return !reader->damaged;
}

static bool
same_bytes(kc_view a, kc_view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Both are in the same order: one walk through each. */
bool
context_contains(kc_view whole, kc_view part)
{
	Reader		in = read_from(whole);
	Reader		wanted = read_from(part);
	Pair		pair;
	Pair		candidate;

	while (next_pair(&wanted, &pair))
	{
		do
		{
			if (!next_pair(&in, &candidate))
				return false;
		} while (!same_bytes(candidate.key, pair.key));
		if (!same_bytes(candidate.value, pair.value))
			return false;
	}
	return !wanted.damaged && !in.damaged;
}

static JsonbValue
json_string(kc_view utf8)
{
	text	   *string = utf8_to_server(bytes_of(utf8.data, utf8.len));
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = VARDATA(string);
	value.val.string.len = VARSIZE(string) - VARHDRSZ;
	return value;
}

Datum
context_to_jsonb(kc_view canonical)
{
	Reader		reader = read_from(canonical);
	JsonbParseState *state = NULL;
	Pair		pair;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (next_pair(&reader, &pair))
	{
		JsonbValue	key = json_string(pair.key);
		JsonbValue	value = json_string(pair.value);

		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
