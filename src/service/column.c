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
 *
 * A blind index says what its value says: nobody writes it but this.
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
#include "service/mac.h"
#include "service/sealed_value.h"
#include "utils/datum.h"

typedef struct Row
{
	KmsColumnPlan *plan;
	Oid			caller;
	HeapTuple	tuple;
	HeapTuple	old;			/* NULL: there was none */
	bool		moved;			/* its context is another than it was */
} Row;

/* What becomes of a value. */
typedef struct Protected
{
	Datum		value;			/* itself, if it stays */
	bytea	   *index;			/* of a column that has one; NULL: as it was */
} Protected;

/* ---- contexts ----------------------------------------------------------------- */

/* Without a row, tuple NULL: what all of them have in common. */
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
				if (tuple == NULL)
					break;
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

static bool
same_value(Datum a, Datum b)
{
	if (datumIsEqual(a, b, false, -1))
		return true;
	return toast_raw_datum_size(a) == toast_raw_datum_size(b) && same_bytes(sealed_value_bytes(a), sealed_value_bytes(b));
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

/* A trigger's result is not checked against varchar(n). */
Datum
column_wrap(const KmsPlanColumn *column, const bytea *ciphertext)
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
	return column_wrap(column, ciphertext);
}

/* What to search a plaintext by; NULL for a column without. */
static bytea *
index_of(const Row *row, const KmsPlanColumn *column, kc_view plaintext)
{
	KmsColumnPlan *plan = row->plan;

	if (column->index_number == 0)
		return NULL;
	return mac_blind_index(&plan->search_site, row->caller, plan->search_reference, plaintext, kc_view_of(NULL, 0));
}

/* From one context to another; reader: who must have the right to decrypt in the old one. */
static Protected
move(const Row *row, KmsPlanColumn *column, kc_view ciphertext, Oid reader, kc_view from, bool with_index)
{
	bytea	   *plaintext = cipher_decrypt(&row->plan->site, reader, ciphertext, from);
	kc_view		view = kc_view_of(VARDATA(plaintext), VARSIZE(plaintext) - VARHDRSZ);
	Protected	moved = {.value = encrypt(row, column, view, context_now(row, column))};

	if (with_index)
		moved.index = index_of(row, column, view);
	bytes_wipe(plaintext);
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
 * A ciphertext that stays.  Of one that was not here before the index has to be made: that tells
 * something of what is in it, so the caller must have the right to decrypt.
 */
static Protected
keep(const Row *row, const KmsPlanColumn *column, Datum value, kc_view ciphertext, kc_view context)
{
	Protected	kept = {.value = value};
	bytea	   *plaintext;

	if (column->index_number == 0)
		return kept;
	plaintext = cipher_decrypt(&row->plan->site, row->caller, ciphertext, context);
	kept.index = index_of(row, column, kc_view_of(VARDATA(plaintext), VARSIZE(plaintext) - VARHDRSZ));
	bytes_wipe(plaintext);
	return kept;
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

static Protected
encrypt_value(const Row *row, KmsPlanColumn *column, kc_view bytes, kc_view context)
{
	Protected	sealed;

	if (column->is_text)
		bytes = utf8_from_server("plaintext", (const char *) bytes.data, bytes.len);
	sealed.value = encrypt(row, column, bytes, context);
	sealed.index = index_of(row, column, bytes);
	return sealed;
}

static Protected
protect(const Row *row, KmsPlanColumn *column, Datum value)
{
	kc_view		bytes;
	kc_view		ciphertext;
	kc_view		context;

	if (is_unchanged(row, column, value) && sealed_value_begins(column->is_text, value))
	{
		if (!row->moved)
			return (Protected) {.value = value};
		return move(row, column, sealed_value_unwrap(column->is_text, sealed_value_bytes(value)), row->caller,
					context_before(row, column), false);
	}

	bytes = sealed_value_bytes(value);
	context = context_now(row, column);
	ciphertext = sealed_value_unwrap(column->is_text, bytes);
	if (cipher_begins(ciphertext, ciphertext.len))
	{
		kc_view		made_for = kc_view_of(column->last.context.data, column->last.context.len);

		if (was_made_last(row, column, ciphertext) && !same_bytes(made_for, context))
			return move(row, column, ciphertext, CALLER_SERVICE, made_for, true);
		if (is_of_this_row(row, column, ciphertext, context))
			return keep(row, column, value, ciphertext, context);
	}
	else if (column->is_text && sealed_value_begins(column->is_text, value))
		err_elsewhere(column);
	return encrypt_value(row, column, bytes, context);
}

/* ---- rows --------------------------------------------------------------------- */

/* The row's changed columns so far. */
typedef struct Changes
{
	KmsColumnPlan *plan;
	int			count;
} Changes;

static void
change(Changes *changes, AttrNumber number, Datum value, bool is_null)
{
	KmsColumnPlan *plan = changes->plan;

	plan->numbers[changes->count] = number;
	plan->values[changes->count] = value;
	plan->nulls[changes->count] = is_null;
	changes->count++;
}

/* NULL has none; a value that was left alone has the one that it had. */
static void
change_index(Changes *changes, const Row *row, const KmsPlanColumn *column, bool has_value, const bytea *index)
{
	TupleDesc	descriptor = row->plan->descriptor;
	bool		is_null = true;
	Datum		value = (Datum) 0;

	if (has_value && index != NULL)
	{
		value = PointerGetDatum(index);
		is_null = false;
	}
	else if (has_value && row->old != NULL)
		value = heap_getattr(row->old, column->index_number, descriptor, &is_null);
	change(changes, column->index_number, value, is_null);
}

static HeapTuple
changed_row(const Row *row, const Changes *changes)
{
	KmsColumnPlan *plan = row->plan;

	if (changes->count == 0)
		return row->tuple;
	return heap_modify_tuple_by_cols(row->tuple, plan->descriptor, changes->count, plan->numbers, plan->values, plan->nulls);
}

HeapTuple
column_encrypt_row(KmsColumnPlan *plan, Oid caller, HeapTuple tuple, HeapTuple old)
{
	Row			row = {.plan = plan, .caller = caller, .tuple = tuple, .old = old};
	Changes		changes = {.plan = plan};

	row.moved = has_moved(&row);
	for (int i = 0; i < plan->column_count; i++)
	{
		KmsPlanColumn *column = &plan->columns[i];
		bool		is_null;
		Datum		value = heap_getattr(tuple, column->number, plan->descriptor, &is_null);
		Protected	protected = {0};

		if (!is_null)
			protected = protect(&row, column, value);
		if (!is_null && protected.value != value)
			change(&changes, column->number, protected.value, false);
		if (column->index_number > 0)
			change_index(&changes, &row, column, !is_null, protected.index);
	}
	return changed_row(&row, &changes);
}

/* ---- rewriting ---------------------------------------------------------------- */

void
column_rewrite_begin(KmsColumnRewrite *rewrite)
{
	KmsColumnPlan *plan = rewrite->plan;

	rewrite->newest = cipher_newest_version(&plan->site, rewrite->caller, plan->reference,
											context_of(plan, rewrite->column, NULL, &plan->context));
}

/*
 * start: of a value, what sealed_value_unwrap makes of its beginning; len: of all of it.
 * Bytes may look like a ciphertext by chance; a text may not.
 */
static bool
wants(KmsColumnRewrite *rewrite, kc_view start, size_t len)
{
	const uint8 *version_id = start.data + CIPHER_VERSION_AT;

	if (!cipher_begins(start, len))
		return rewrite->work == REWRITE_ENCRYPT;
	if (rewrite->work == REWRITE_RENEW && memcmp(version_id, rewrite->newest.data, UUID_LEN) == 0)
		return rewrite->column->index_number > 0 && rewrite->checks_index;
	if (!rewrite->column->is_text && !cipher_version_exists(&rewrite->plan->site, version_id, NULL))
		return rewrite->work == REWRITE_ENCRYPT;
	return rewrite->work != REWRITE_ENCRYPT;
}

bool
column_rewrite_wants(KmsColumnRewrite *rewrite, Datum value)
{
	size_t		len;
	kc_view		start = sealed_value_start(rewrite->column->is_text, value, &len);

	return wants(rewrite, start, len);
}

/* Whether the index that a row has is the one that it should have. */
static bool
has_index(const Row *row, const KmsPlanColumn *column, const bytea *index)
{
	bool		is_null;
	Datum		now = heap_getattr(row->tuple, column->index_number, row->plan->descriptor, &is_null);

	return !is_null && same_bytes(sealed_value_bytes(now), sealed_value_bytes(PointerGetDatum(index)));
}

/* With the newest version, and its index with the present search key; false if it is like that, or does not open. */
static bool
renew(const Row *row, KmsColumnRewrite *rewrite, Datum value, Protected *renewed)
{
	KmsPlanColumn *column = rewrite->column;
	kc_view		ciphertext = sealed_value_unwrap(column->is_text, sealed_value_bytes(value));
	kc_view		context = context_now(row, column);
	KmsRefusal	refusal;
	bytea	   *plaintext = cipher_try_decrypt(&row->plan->site, row->caller, ciphertext, context, &refusal);
	kc_view		view;
	bool		is_old;
	bool		is_indexed;

	/* So is a text that only begins like a ciphertext. */
	if (plaintext == NULL)
	{
		rewrite->refused++;
		return false;
	}
	is_old = memcmp(ciphertext.data + CIPHER_VERSION_AT, rewrite->newest.data, UUID_LEN) != 0;
	view = kc_view_of(VARDATA(plaintext), VARSIZE(plaintext) - VARHDRSZ);
	renewed->value = is_old ? encrypt(row, column, view, context) : value;
	renewed->index = index_of(row, column, view);
	bytes_wipe(plaintext);
	is_indexed = renewed->index == NULL || has_index(row, column, renewed->index);
	rewrite->indexed += !is_indexed;
	return is_old || !is_indexed;
}

/* What was text becomes text of this database's encoding again; the index, if any, is not kept up any more. */
static Datum
plain_value(const Row *row, const KmsPlanColumn *column, Datum value)
{
	kc_view		ciphertext = sealed_value_unwrap(column->is_text, sealed_value_bytes(value));
	bytea	   *plaintext = cipher_decrypt(&row->plan->site, row->caller, ciphertext, context_now(row, column));

	return PointerGetDatum(column->is_text ? utf8_to_server(plaintext) : plaintext);
}

/* False if there is nothing to do. */
static bool
rewrite_value(const Row *row, KmsColumnRewrite *rewrite, Datum value, Protected *rewritten)
{
	KmsPlanColumn *column = rewrite->column;

	switch (rewrite->work)
	{
		case REWRITE_ENCRYPT:
			*rewritten = encrypt_value(row, column, sealed_value_bytes(value), context_now(row, column));
			return true;
		case REWRITE_RENEW:
			return renew(row, rewrite, value, rewritten);
		case REWRITE_DECRYPT:
			rewritten->value = plain_value(row, column, value);
			return true;
	}
	return false;
}

HeapTuple
column_rewrite_row(KmsColumnRewrite *rewrite, HeapTuple tuple)
{
	KmsPlanColumn *column = rewrite->column;
	Row			row = {.plan = rewrite->plan, .caller = rewrite->caller, .tuple = tuple, .old = tuple};
	Changes		changes = {.plan = rewrite->plan};
	Protected	rewritten = {0};
	bool		is_null;
	Datum		value = heap_getattr(tuple, column->number, row.plan->descriptor, &is_null);

	if (!rewrite_value(&row, rewrite, value, &rewritten))
		return NULL;
	change(&changes, column->number, rewritten.value, false);
	if (column->index_number > 0)
		change_index(&changes, &row, column, true, rewritten.index);
	return changed_row(&row, &changes);
}
