/*
 * Encrypted columns: what a trigger makes of a row.
 *
 * A value is encrypted unless it is a ciphertext of this row already: then it comes
 * from a dump, a copy, a publisher, or from the row itself.  That is not believed but
 * tried: what carries the id of a version of a key and does not open here is refused,
 * since to encrypt it once more would hide the mistake.
 *
 * A value that an UPDATE leaves as it is stays, and is not even read; if the context
 * changes around it, it moves from the one to the other.
 */
#include "service/column.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/sealed_text.h"
#include "base/utf8.h"
#include "base/value_text.h"
#include "service/envelope.h"
#include "utils/datum.h"

/* What a text has in front of as many bytes as cipher_begins wants to see. */
#define TEXT_START		(SEALED_TEXT_PREFIX_LEN + (CIPHER_START + 2) / 3 * 4)

typedef struct Row
{
	KmsColumnPlan *plan;
	Oid			caller;
	HeapTuple	tuple;
	HeapTuple	old;			/* NULL: there was none */
	bool		moved;			/* its context is another than it was */
} Row;

/* ---- contexts ----------------------------------------------------------------- */

static kc_view
context_of(const KmsColumnPlan *plan, const KmsPlanColumn *column, HeapTuple tuple, ContextWriter *writer)
{
	context_begin(writer);
	for (int i = 0; i < plan->pair_count; i++)
	{
		const KmsPlanPair *pair = &plan->pairs[i];
		Datum		value;
		bool		is_null;

		switch (pair->source)
		{
			case PAIR_TABLE:
				context_put(writer, pair->key, plan->table);
				break;
			case PAIR_COLUMN:
				context_put(writer, pair->key, column->name);
				break;
			case PAIR_VALUE:
				value = heap_getattr(tuple, pair->number, plan->descriptor, &is_null);
				if (!is_null)
					context_put(writer, pair->key, value_text(pair->column, pair->type, value));
				break;
		}
	}
	return context_end(writer);
}

static bool
same_bytes(kc_view a, kc_view b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Whether a context column has other bytes than before; the same value may have. */
static bool
may_have_moved(const Row *row)
{
	const KmsColumnPlan *plan = row->plan;

	for (int i = 0; i < plan->pair_count; i++)
	{
		const KmsPlanPair *pair = &plan->pairs[i];
		bool		is_null,
					was_null;
		Datum		value,
					before;

		if (pair->source != PAIR_VALUE)
			continue;
		value = heap_getattr(row->tuple, pair->number, plan->descriptor, &is_null);
		before = heap_getattr(row->old, pair->number, plan->descriptor, &was_null);
		if (is_null != was_null || (!is_null && !datumIsEqual(value, before, pair->by_value, pair->len)))
			return true;
	}
	return false;
}

/* Columns differ in a constant only: what holds for the first holds for all. */
static bool
has_moved(const Row *row)
{
	KmsColumnPlan *plan = row->plan;

	return row->old != NULL && may_have_moved(row) &&
		!same_bytes(context_of(plan, &plan->columns[0], row->tuple, &plan->context),
					context_of(plan, &plan->columns[0], row->old, &plan->old_context));
}

static kc_view
context_now(const Row *row, const KmsPlanColumn *column)
{
	return context_of(row->plan, column, row->tuple, &row->plan->context);
}

static kc_view
context_before(const Row *row, const KmsPlanColumn *column)
{
	return context_of(row->plan, column, row->old, &row->plan->old_context);
}

/* ---- values ------------------------------------------------------------------- */

static kc_view
bytes_of_value(Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	return kc_view_of(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static bool
same_value(Datum a, Datum b)
{
	if (datumIsEqual(a, b, false, -1))
		return true;
	return toast_raw_datum_size(a) == toast_raw_datum_size(b) && same_bytes(bytes_of_value(a), bytes_of_value(b));
}

static bool
is_unchanged(const Row *row, const KmsPlanColumn *column, Datum value)
{
	bool		was_null;
	Datum		before;

	if (row->old == NULL)
		return false;
	before = heap_getattr(row->old, column->number, row->plan->descriptor, &was_null);
	return !was_null && same_value(value, before);
}

/* A value as bytes, if it may be a ciphertext; of a text what its Base64 stands for, or nothing. */
static kc_view
unwrap(const KmsPlanColumn *column, kc_view value)
{
	bytea	   *ciphertext;

	if (!column->is_text)
		return value;
	ciphertext = sealed_text_decode(value);
	return ciphertext == NULL ? kc_view_of(NULL, 0) : kc_view_of(VARDATA(ciphertext), VARSIZE(ciphertext) - VARHDRSZ);
}

/* Whether it looks like a ciphertext; only its beginning is fetched. */
static bool
looks_sealed(const KmsPlanColumn *column, Datum value)
{
	size_t		len = toast_raw_datum_size(value) - VARHDRSZ;
	struct varlena *start = PG_DETOAST_DATUM_SLICE(value, 0, column->is_text ? TEXT_START : CIPHER_START);
	kc_view		bytes = unwrap(column, kc_view_of(VARDATA_ANY(start), VARSIZE_ANY_EXHDR(start)));

	if (column->is_text && len >= SEALED_TEXT_PREFIX_LEN)
		len = (len - SEALED_TEXT_PREFIX_LEN) / 4 * 3;
	return cipher_begins(bytes, len);
}

/* A ciphertext as the column keeps it; a trigger's result is not checked against varchar(n). */
static Datum
wrap(const KmsPlanColumn *column, const bytea *ciphertext)
{
	text	   *sealed;

	if (!column->is_text)
		return PointerGetDatum(ciphertext);
	sealed = sealed_text_encode(ciphertext);
	if (column->max_len > 0 && VARSIZE(sealed) - VARHDRSZ > (Size) column->max_len)
		kms_ereport(ERRCODE_STRING_DATA_RIGHT_TRUNCATION, API_INVALID_PARAMETER,
					errmsg("column \"%s\" of type character varying(%d) is too short for a ciphertext", column->column, column->max_len),
					errhint("Make it of type text: a ciphertext takes 82 characters, and four for each three bytes encrypted."));
	return PointerGetDatum(sealed);
}

/* ---- encrypting --------------------------------------------------------------- */

/*
 * INSERT ... ON CONFLICT DO UPDATE SET x = excluded.x: what the UPDATE is given was
 * encrypted a moment ago for the row that was not inserted.  If the conflict is not
 * about the context columns, the row that is there has another context.
 */
static void
note_made(KmsLastMade *last, Oid caller, const bytea *ciphertext, kc_view context)
{
	last->caller = caller;
	memcpy(last->start, VARDATA(ciphertext), CIPHER_START);
	resetStringInfo(&last->context);
	appendBinaryStringInfo(&last->context, (const char *) context.data, (int) context.len);
}

/* The nonce tells one ciphertext from all others. */
static bool
was_made_last(const Row *row, const KmsPlanColumn *column, kc_view ciphertext)
{
	return row->old != NULL && column->last.caller == row->caller && ciphertext.len >= CIPHER_START &&
		memcmp(ciphertext.data, column->last.start, CIPHER_START) == 0;
}

static Datum
encrypt(const Row *row, KmsPlanColumn *column, kc_view plaintext, kc_view context)
{
	KmsColumnPlan *plan = row->plan;
	bytea	   *ciphertext;

	if (plaintext.len <= PLAINTEXT_MAX)
		ciphertext = cipher_encrypt(&plan->site, row->caller, ACTION_ENCRYPT, plan->reference, plaintext, context, NULL);
	else
		ciphertext = envelope_encrypt(&plan->site, row->caller, plan->reference, plaintext, context);
	if (row->old == NULL)
		note_made(&column->last, row->caller, ciphertext, context);
	return wrap(column, ciphertext);
}

/* From one context to another; reader: who must have the right to decrypt in the old one. */
static Datum
move(const Row *row, KmsPlanColumn *column, kc_view ciphertext, Oid reader, kc_view from)
{
	bytea	   *plaintext = cipher_decrypt(&row->plan->site, reader, ciphertext, from);
	kc_view		view = kc_view_of(VARDATA(plaintext), VARSIZE(plaintext) - VARHDRSZ);
	Datum		moved = encrypt(row, column, view, context_now(row, column));

	kc_wipe(VARDATA(plaintext), view.len);
	pfree(plaintext);
	return moved;
}

static void
err_elsewhere(const KmsPlanColumn *column)
{
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
				errmsg("the value for column \"%s\" is a ciphertext, but not one of this row", column->column),
				errhint("It is of another key, table, column or row, or damaged. Write the plaintext, or what kms_re_encrypt makes of it."));
}

/*
 * Whether it stays as it is.  A text in the form of a ciphertext is one, also if its key
 * is lost; bytes may have it by chance, and are then encrypted.
 */
static bool
is_of_this_row(const Row *row, const KmsPlanColumn *column, kc_view ciphertext, kc_view context)
{
	KmsColumnPlan *plan = row->plan;
	KmsRefusal	refusal;

	switch (cipher_sealed(&plan->site, row->caller, plan->reference, ciphertext, context, &refusal))
	{
		case SEALED_HERE:
			return true;
		case SEALED_ELSEWHERE:
			err_elsewhere(column);
			break;
		case SEALED_UNKNOWN:
			if (column->is_text)
				refusal_raise(&refusal);
			break;
		case SEALED_NOT:
			break;
	}
	return false;
}

/* What becomes of a value; itself, if it stays. */
static Datum
protect(const Row *row, KmsPlanColumn *column, Datum value)
{
	kc_view		bytes;
	kc_view		ciphertext;
	kc_view		context;

	if (is_unchanged(row, column, value) && looks_sealed(column, value))
		return !row->moved ? value :
			move(row, column, unwrap(column, bytes_of_value(value)), row->caller, context_before(row, column));

	bytes = bytes_of_value(value);
	context = context_now(row, column);
	ciphertext = unwrap(column, bytes);
	if (cipher_begins(ciphertext, ciphertext.len))
	{
		kc_view		made_for = kc_view_of(column->last.context.data, column->last.context.len);

		if (was_made_last(row, column, ciphertext) && !same_bytes(made_for, context))
			return move(row, column, ciphertext, CALLER_SERVICE, made_for);
		if (is_of_this_row(row, column, ciphertext, context))
			return value;
	}
	if (column->is_text)
		bytes = utf8_from_server("plaintext", (const char *) bytes.data, bytes.len);
	return encrypt(row, column, bytes, context);
}

HeapTuple
column_encrypt_row(KmsColumnPlan *plan, Oid caller, HeapTuple tuple, HeapTuple old)
{
	Row			row = {.plan = plan, .caller = caller, .tuple = tuple, .old = old};
	int			changed = 0;

	row.moved = has_moved(&row);
	for (int i = 0; i < plan->column_count; i++)
	{
		KmsPlanColumn *column = &plan->columns[i];
		bool		is_null;
		Datum		value = heap_getattr(tuple, column->number, plan->descriptor, &is_null);

		if (is_null)
			continue;
		plan->numbers[changed] = column->number;
		plan->values[changed] = protect(&row, column, value);
		changed += plan->values[changed] != value;
	}
	if (changed == 0)
		return tuple;
	return heap_modify_tuple_by_cols(tuple, plan->descriptor, changed, plan->numbers, plan->values, plan->nulls);
}
