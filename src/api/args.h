/*
 * Reading arguments.  A NULL in a required one is MissingParameter, in a value
 * of a hot function it makes the result NULL (the functions say which).
 */
#ifndef KMS_ARGS_H
#define KMS_ARGS_H

#include "postgres.h"

#include "base/error.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/pg_list.h"
#include "service/audit_line.h"
#include "service/key_use.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/*
 * The head of a C function that SQL calls, and what stands before its body: it
 * names the operation, so that whatever is reported from inside says which it was.
 */
#define KMS_FUNCTION(name, action) \
	KMS_HELPER(name); \
	static inline Datum name##_called(FunctionCallInfo fcinfo); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		audit_begin(action); \
		return name##_called(fcinfo); \
	} \
	static inline Datum \
	name##_called(FunctionCallInfo fcinfo)

/* Of one that is called in the middle of an operation and is none itself. */
#define KMS_HELPER(name) \
	PG_FUNCTION_INFO_V1(name)

/* A required text argument as a string. */
static inline char *
arg_text(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		err_missing(name);
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* An optional one; NULL for NULL. */
static inline char *
arg_text_or_null(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* The bytes of a text or bytea argument that is not NULL. */
static inline kc_view
arg_bytes(FunctionCallInfo fcinfo, int number)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(number);

	return kc_view_of(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* The same of a required one. */
static inline kc_view
arg_required_bytes(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (unlikely(PG_ARGISNULL(number)))
		err_missing(name);
	return arg_bytes(fcinfo, number);
}

/* A key and, in the argument behind it or elsewhere, its version; NULL is the newest. */
static inline KmsNamedKey
arg_named_key(FunctionCallInfo fcinfo, int number, const char *name, int version, const char *version_name)
{
	KmsNamedKey named = {.argument = name, .reference = arg_required_bytes(fcinfo, number, name),
	.version_argument = version_name};

	if (!PG_ARGISNULL(version))
		named.version_id = arg_bytes(fcinfo, version);
	return named;
}

/* A required boolean. */
static inline bool
arg_bool(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		err_missing(name);
	return PG_GETARG_BOOL(number);
}

/* A text[] that is not NULL as a list of strings: one dimension, not empty, no nulls in it. */
extern List *arg_names(FunctionCallInfo fcinfo, int number, const char *name);

/* A name[] that is not NULL, likewise; it may be empty. */
extern List *arg_name_array(FunctionCallInfo fcinfo, int number, const char *name);

/*
 * A rotation interval in seconds; NO_INTERVAL for NULL.  Days are 24 hours; months
 * and fractions of a second are InvalidParameter.
 */
extern int64 arg_interval(FunctionCallInfo fcinfo, int number, const char *name);

/* An encryption context, canonical; none for NULL. */
static inline kc_view
arg_context(FunctionCallInfo fcinfo, int number, ContextMemo *memo)
{
	if (PG_ARGISNULL(number))
		return kc_view_of(NULL, 0);
	return context_canonical(memo, PG_GETARG_DATUM(number));
}

/* What this place in the query remembers. */
extern KmsCallSite *arg_new_call_site(FmgrInfo *place);

static inline KmsCallSite *
arg_call_site(FunctionCallInfo fcinfo)
{
	KmsCallSite *site = fcinfo->flinfo->fn_extra;

	return likely(site != NULL) ? site : arg_new_call_site(fcinfo->flinfo);
}

/* Results that may be null: a date, DT_NOEND for null; seconds as days of 24 hours and the rest, 0 for null. */
extern Datum result_time(TimestampTz time, bool *is_null);
extern Datum result_interval(int64 seconds, bool *is_null);

/* A list of strings as text[]. */
extern Datum result_names(const List *names);

/* A row of the type that the function is declared to return, which has count columns. */
extern Datum result_row(FunctionCallInfo fcinfo, int count, Datum *values, bool *nulls);

#endif
