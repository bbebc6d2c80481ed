/*
 * Reading an encrypted column.
 */
#include "service/column_reader.h"

#include "base/utf8.h"
#include "base/value_text.h"
#include "service/sealed_value.h"

KmsColumnReader *
column_reader_new(int count)
{
	KmsColumnReader *reader = palloc0(sizeof(KmsColumnReader));

	reader->count = count;
	reader->pairs = palloc0(count * sizeof(KmsReaderPair));
	context_writer_init(&reader->context);
	return reader;
}

static int
compare_pairs(const void *a, const void *b)
{
	return context_compare_keys(((const KmsReaderPair *) a)->key, ((const KmsReaderPair *) b)->key);
}

void
column_reader_ready(KmsColumnReader *reader)
{
	qsort(reader->pairs, reader->count, sizeof(KmsReaderPair), compare_pairs);
	for (int i = 1; i < reader->count; i++)
		if (compare_pairs(&reader->pairs[i - 1], &reader->pairs[i]) == 0)
			err_invalid("context", "a name is in it twice");
	for (int i = 0; i < reader->count; i++)
		if (!value_text_exists(reader->pairs[i].type))
			err_invalid("context", "it has a value of a type that cannot be context");
}

/* As the trigger makes it: a NULL is left out. */
static kc_view
context_of(KmsColumnReader *reader, const NullableDatum *values)
{
	context_begin(&reader->context);
	for (int i = 0; i < reader->count; i++)
	{
		const KmsReaderPair *pair = &reader->pairs[i];

		if (!values[pair->argument].isnull)
			context_put(&reader->context, pair->key, value_text("context", pair->type, values[pair->argument].value));
	}
	return context_end(&reader->context);
}

Datum
column_reader_read(KmsColumnReader *reader, Oid caller, bool is_text, Datum value, const NullableDatum *values)
{
	kc_view		ciphertext = sealed_value_unwrap(is_text, sealed_value_bytes(value));
	bytea	   *plaintext;

	if (!cipher_begins(ciphertext, ciphertext.len))
	{
		if (is_text && sealed_value_begins(true, value))
			err_ciphertext();
		return value;
	}
	plaintext = cipher_decrypt(&reader->site, caller, ciphertext, context_of(reader, values));
	return PointerGetDatum(is_text ? utf8_to_server(plaintext) : plaintext);
}
