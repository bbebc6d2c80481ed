/*
 * kms_verify_audit_log, and what the view kms.audit_log shows of the running transaction.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/audit.h"
#include "service/audit_chain.h"
#include "utils/timestamp.h"

/* kms_verify_audit_log() -> kms.audit_verification */
KMS_FUNCTION(kms_verify_audit_log, ACTION_VERIFY_AUDIT_LOG)
{
	KmsAuditVerification found;
	Datum		values[3];
	bool		nulls[3] = {false};

	audit_verify(&found);
	values[0] = Int64GetDatum(found.rows_checked);
	values[1] = Int64GetDatum(found.first_bad_row);
	nulls[1] = found.problem == NULL;
	nulls[2] = found.problem == NULL;
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(found.problem);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

static Datum
text_or_null(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static void
put_row(const KmsAuditRow *row, void *argument)
{
	ReturnSetInfo *result = argument;
	Datum		values[12] = {0};
	bool		nulls[12] = {true};	/* it has no number yet */

	values[1] = TimestampTzGetDatum(row->occurred_at);
	values[2] = text_or_null(row->session_user_name, &nulls[2]);
	values[3] = text_or_null(row->user_name, &nulls[3]);
	values[4] = text_or_null(row->application_name, &nulls[4]);
	values[5] = text_or_null(row->client_address, &nulls[5]);
	values[6] = text_or_null(row->operation, &nulls[6]);
	values[7] = text_or_null(row->resource_type, &nulls[7]);
	values[8] = text_or_null(row->resource, &nulls[8]);
	values[9] = text_or_null(row->detail, &nulls[9]);
	values[10] = text_or_null(row->result, &nulls[10]);
	values[11] = text_or_null(row->api_code, &nulls[11]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* kms.pending_audit() -> setof kms.audit_row */
KMS_FUNCTION(kms_pending_audit, ACTION_NONE)
{
	Oid			caller = GetUserId();

	InitMaterializedSRF(fcinfo, 0);
	audit_list_pending(caller, put_row, fcinfo->resultinfo);
	PG_RETURN_NULL();
}
