/*
 * kms_protect_column, kms_unprotect_column, kms_encrypt_existing, kms_reencrypt_column,
 * kms_scan_column, and what kms.protected_columns shows.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/name_list.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "service/column_batch.h"
#include "service/column_protect.h"
#include "service/column_scan.h"
#include "service/decrypted_view.h"
#include "service/protected_column.h"

static Oid
arg_relation(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		err_missing("relation");
	return PG_GETARG_OID(0);
}

static const char *
arg_column(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		err_missing("column_name");
	return pstrdup(NameStr(*PG_GETARG_NAME(1)));
}

/* kms_protect_column(relation regclass, column_name name, key_id text, context_columns name[],
 *					  blind_index boolean, blind_index_key_id text) -> void */
KMS_FUNCTION(kms_protect_column, ACTION_NONE)
{
	KmsProtect	request = {.relation = arg_relation(fcinfo), .column = arg_column(fcinfo)};
	bool		blind_index = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);

	request.key = arg_text(fcinfo, 2, "key_id");
	request.by_primary_key = PG_ARGISNULL(3);
	if (!request.by_primary_key)
		request.context_columns = arg_name_array(fcinfo, 3, "context_columns");
	if (blind_index)
		request.search_key = arg_text(fcinfo, 5, "blind_index_key_id");
	else if (!PG_ARGISNULL(5))
		err_invalid("blind_index_key_id", "it is for a blind index, and blind_index is not true");
	column_protect(GetUserId(), &request);
	PG_RETURN_VOID();
}

/* kms_unprotect_column(relation regclass, column_name name) -> void */
KMS_FUNCTION(kms_unprotect_column, ACTION_NONE)
{
	column_unprotect(GetUserId(), arg_relation(fcinfo), arg_column(fcinfo));
	PG_RETURN_VOID();
}

/* Batches are committed: it cannot be part of a transaction. */
static void
require_outermost(FunctionCallInfo fcinfo)
{
	if (!IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic)
		kms_ereport(ERRCODE_INVALID_TRANSACTION_TERMINATION, API_UNSUPPORTED_OPERATION,
					errmsg("it commits its batches and cannot run in a transaction"),
					errhint("CALL it outside of BEGIN and of functions."));
}

static void
run_batches(FunctionCallInfo fcinfo, KmsRewriteWork work)
{
	Oid			relation = arg_relation(fcinfo);
	const char *column = arg_column(fcinfo);

	if (PG_ARGISNULL(2))
		err_missing("batch_size");
	require_outermost(fcinfo);
	column_batch_run(GetUserId(), relation, column, PG_GETARG_INT32(2), work);
}

/* CALL kms_encrypt_existing(relation regclass, column_name name, batch_size integer) */
KMS_FUNCTION(kms_encrypt_existing, ACTION_NONE)
{
	run_batches(fcinfo, REWRITE_ENCRYPT);
	PG_RETURN_VOID();
}

/* CALL kms_reencrypt_column(relation regclass, column_name name, batch_size integer) */
KMS_FUNCTION(kms_reencrypt_column, ACTION_NONE)
{
	run_batches(fcinfo, REWRITE_RENEW);
	PG_RETURN_VOID();
}

/* kms_scan_column(relation regclass, column_name name) -> setof (key_version_id uuid, row_count bigint) */
KMS_FUNCTION(kms_scan_column, ACTION_NONE)
{
	Oid			relation = arg_relation(fcinfo);
	const char *column = arg_column(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *counts = column_scan(GetUserId(), relation, column);
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, counts)
	{
		KmsVersionCount *count = lfirst(cell);
		Datum		values[] = {UUIDPGetDatum(&count->version_id), Int64GetDatum(count->rows)};
		bool		nulls[] = {!count->is_sealed, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

static List *
context_names(const KmsProtectedColumn *column)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, column->context_columns)
		names = lappend(names, ((NameItem *) lfirst(cell))->name);
	return names;
}

static void
put_column(ReturnSetInfo *result, const KmsProtectedColumn *column, List *views)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	values[0] = ObjectIdGetDatum(column->relation);
	values[1] = DirectFunctionCall1(namein, CStringGetDatum(column->column));
	values[2] = CStringGetTextDatum(column->key);
	values[3] = result_names(context_names(column));
	values[4] = CStringGetTextDatum(column->table);
	nulls[5] = nulls[6] = column->index == NULL;
	if (column->index != NULL)
	{
		values[5] = DirectFunctionCall1(namein, CStringGetDatum(column->index));
		values[6] = CStringGetTextDatum(column->search_key);
	}
	nulls[7] = views == NIL;
	values[7] = ObjectIdGetDatum(views == NIL ? InvalidOid : linitial_oid(views));
	values[8] = BoolGetDatum(column->enabled && column->number > 0);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* kms.protected_column_rows() -> setof kms.protected_column: of the whole database */
KMS_HELPER(kms_protected_column_rows);

Datum
kms_protected_column_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relation = InvalidOid;
	List	   *views = NIL;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, protected_columns(InvalidOid))
	{
		const KmsProtectedColumn *column = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (column->relation != relation)
			views = decrypted_views_of(column->relation);
		relation = column->relation;
		put_column(result, column, views);
	}
	PG_RETURN_NULL();
}
