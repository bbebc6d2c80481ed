/*
 * kms_grant, kms_revoke, kms_can, kms_set_owner, and what the view kms.grants is made of.
 */
#include "postgres.h"

#include "api/args.h"
#include "base/context.h"
#include "base/ident.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "service/grant.h"
#include "utils/array.h"
#include "utils/timestamp.h"

/* kms_grant(resource text, grantee text, operations text[], encryption_context jsonb, expires_at timestamptz) -> uuid */
KMS_FUNCTION(kms_grant, ACTION_GRANT)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	KmsGrantRequest request = {0};
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	request.resource = arg_text(fcinfo, 0, "resource");
	request.grantee = arg_text(fcinfo, 1, "grantee");
	if (PG_ARGISNULL(2))
		err_missing("operations");
	request.operations = arg_names(fcinfo, 2, "operations");
	request.context = arg_context(fcinfo, 3, &site->context);
	request.has_context = request.context.len > 0;
	request.expires_at = PG_ARGISNULL(4) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(4);
	*id = grant_give(caller, &request);
	PG_RETURN_UUID_P(id);
}

/* kms_revoke(resource text, grantee text, operations text[]) -> integer */
KMS_FUNCTION(kms_revoke, ACTION_REVOKE)
{
	Oid			caller = GetUserId();
	KmsGrantRequest request = {0};

	request.resource = arg_text(fcinfo, 0, "resource");
	request.grantee = arg_text(fcinfo, 1, "grantee");
	if (!PG_ARGISNULL(2))
		request.operations = arg_names(fcinfo, 2, "operations");
	PG_RETURN_INT32(grant_revoke(caller, &request));
}

/* kms_can(operation text, resource text, encryption_context jsonb) -> boolean */
KMS_FUNCTION(kms_can, ACTION_CAN)
{
	Oid			caller = GetUserId();
	KmsCallSite *site = arg_call_site(fcinfo);
	char	   *operation = arg_text(fcinfo, 0, "operation");
	char	   *resource = arg_text(fcinfo, 1, "resource");

	PG_RETURN_BOOL(grant_can(caller, operation, resource, arg_context(fcinfo, 2, &site->context)));
}

/* kms_set_owner(resource text, new_owner text) -> void */
KMS_FUNCTION(kms_set_owner, ACTION_SET_OWNER)
{
	Oid			caller = GetUserId();
	char	   *resource = arg_text(fcinfo, 0, "resource");
	char	   *new_owner = arg_text(fcinfo, 1, "new_owner");

	grant_set_owner(caller, resource, new_owner);
	PG_RETURN_VOID();
}

/* kms.describe_grant(entry kms.grant_entry) -> kms.grant_metadata: what the view kms.grants shows of a row */
KMS_FUNCTION(kms_describe_grant, ACTION_LIST_GRANTS)
{
	KmsGrant	grant;
	char		resource[37];
	Datum		values[9];
	bool		nulls[9] = {false};
	Datum	   *operations;

	grant_of_row(PG_GETARG_HEAPTUPLEHEADER(0), &grant);
	operations = palloc(Max(grant.operation_count, 1) * sizeof(Datum));
	for (int i = 0; i < grant.operation_count; i++)
		operations[i] = CStringGetTextDatum(grant.operations[i]);
	values[0] = UUIDPGetDatum(&grant.id);
	values[1] = CStringGetTextDatum(grant.resource_type);
	values[2] = CStringGetTextDatum(uuid_print(&grant.resource, resource));
	values[3] = CStringGetTextDatum(grant_grantee_name(&grant));
	values[4] = PointerGetDatum(construct_array(operations, grant.operation_count, TEXTOID, -1, false, TYPALIGN_INT));
	nulls[5] = !grant.has_context;
	values[5] = nulls[5] ? (Datum) 0 : context_to_jsonb(grant.context);
	nulls[6] = TIMESTAMP_IS_NOEND(grant.expires_at);
	values[6] = TimestampTzGetDatum(grant.expires_at);
	values[7] = CStringGetTextDatum(grant.grantor_name);
	values[8] = TimestampTzGetDatum(grant.created_at);
	PG_RETURN_DATUM(result_row(fcinfo, lengthof(values), values, nulls));
}

/* kms.describable(resource text) -> text: what it is called in kms.grants; raises unless the current user may describe it */
KMS_FUNCTION(kms_describable, ACTION_LIST_GRANTS)
{
	Oid			caller = GetUserId();

	PG_RETURN_TEXT_P(cstring_to_text(grant_describable(caller, arg_text(fcinfo, 0, "resource"))));
}
