/*
 * kms.decrypt_column: an encrypted column as the view shows it.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/utf8.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "service/column_reader.h"
#include "utils/lsyscache.h"

#define FIRST_PAIR	1

/* A literal, and no parameter, which may be another the next time. */
static bool
is_constant(FunctionCallInfo fcinfo, int number)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && IsA(list_nth(((FuncExpr *) call)->args, number), Const);
}

/* Names are constants of the view, so that they are looked at once. */
static void
read_name(FunctionCallInfo fcinfo, int number, KmsReaderPair *pair)
{
	kc_view		name;

	if (PG_ARGISNULL(number) || get_fn_expr_argtype(fcinfo->flinfo, number) != TEXTOID || !is_constant(fcinfo, number))
		err_invalid("context", "its names must be constants of type text");
	name = arg_bytes(fcinfo, number);
	name = utf8_from_server("context", (const char *) name.data, name.len);
	pair->key = kc_view_of(memcpy(palloc(name.len + 1), name.data, name.len), name.len);
}

static KmsColumnReader *
new_reader(FunctionCallInfo fcinfo)
{
	int			count = (PG_NARGS() - FIRST_PAIR) / 2;
	MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	KmsColumnReader *reader = column_reader_new(count);

	if (get_fn_expr_variadic(fcinfo->flinfo) || PG_NARGS() != FIRST_PAIR + 2 * count)
		err_invalid("context", "it must be pairs of a name and a value");
	for (int i = 0; i < count; i++)
	{
		KmsReaderPair *pair = &reader->pairs[i];

		pair->argument = FIRST_PAIR + 2 * i + 1;
		pair->type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, pair->argument));
		read_name(fcinfo, pair->argument - 1, pair);
	}
	column_reader_ready(reader);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = reader;
	return reader;
}

static inline Datum
decrypt_column(FunctionCallInfo fcinfo, bool is_text)
{
	Oid			caller = GetUserId();
	KmsColumnReader *reader = fcinfo->flinfo->fn_extra;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (unlikely(reader == NULL))
		reader = new_reader(fcinfo);
	return column_reader_read(reader, caller, is_text, PG_GETARG_DATUM(0), fcinfo->args);
}

/* kms.decrypt_column(value bytea, VARIADIC context "any") -> bytea: pairs of a name and a value */
KMS_FUNCTION(kms_decrypt_column_bytea, ACTION_DECRYPT)
{
	return decrypt_column(fcinfo, false);
}

/* kms.decrypt_column(value text, VARIADIC context "any") -> text */
KMS_FUNCTION(kms_decrypt_column_text, ACTION_DECRYPT)
{
	return decrypt_column(fcinfo, true);
}
