/*
 * One call: find the action, read the request, run the statement, write the response.
 */
#include "call/call.h"

#include "access/xact.h"
#include "base/error.h"
#include "call/response.h"
#include "call/statement.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static Jsonb *
answer(const CallAction *action, Jsonb *json)
{
	CallRequest request;
	Jsonb	   *response;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;

	request_read(action, json, &request);
	statement_open(action, &request);
	spi = MemoryContextSwitchTo(caller);
	response = response_write(action, &request);
	MemoryContextSwitchTo(spi);
	statement_close();
	return response;
}

/* ---- errors ---- */

/* What PostgreSQL itself raised, in the API's words. */
static const char *
code_of(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_DATA_EXCEPTION:
			return API_INVALID_PARAMETER;
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
			return API_SERVICE_UNAVAILABLE;
	}
	if (sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return API_NO_PERMISSION;
	if (sqlstate == ERRCODE_LOCK_NOT_AVAILABLE)
		return API_SERVICE_UNAVAILABLE;
	if (sqlstate == ERRCODE_READ_ONLY_SQL_TRANSACTION)
		return API_UNSUPPORTED_OPERATION;
	return API_INTERNAL_FAILURE;
}

/* Take the error that was caught. */
static ErrorData *
take_error(MemoryContext caller)
{
	ErrorData  *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	FlushErrorState();
	return error;
}

/* It goes on as it came, but always with a code. */
static Jsonb *
answer_with_codes(const CallAction *action, Jsonb *json)
{
	MemoryContext caller = CurrentMemoryContext;
	Jsonb	   *volatile response = NULL;

	PG_TRY();
	{
		response = answer(action, json);
	}
	PG_CATCH();
	{
		ErrorData  *error = take_error(caller);

		if (error->detail == NULL)
			error->detail = pstrdup(code_of(error->sqlerrcode));
		ReThrowError(error);
	}
	PG_END_TRY();
	return response;
}

/* ---- dry runs ---- */

/* NULL if it went well; in any case undone. */
static ErrorData *
try_and_undo(const CallAction *action, Jsonb *json)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		(void) answer(action, json);
	}
	PG_CATCH();
	{
		error = take_error(caller);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return error;
}

static void
raise_verdict(const CallAction *action, ErrorData *error)
{
	if (error == NULL)
		kms_ereport(ERRCODE_RAISE_EXCEPTION, API_DRY_RUN_OPERATION,
					errmsg("%s would have succeeded, but for DryRun", action->name));
	if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		kms_ereport(ERRCODE_INSUFFICIENT_PRIVILEGE, API_ACCESS_DENIED, errmsg("%s", error->message));
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_VALIDATION, errmsg("%s", error->message),
					error->hint != NULL ? errhint("%s", error->hint) : 0);
	if (error->detail == NULL)
		error->detail = pstrdup(code_of(error->sqlerrcode));
	ReThrowError(error);
}

/* ---- a call ---- */

Jsonb *
call_run(const char *name, Jsonb *request)
{
	const CallAction *action = call_find(name);

	if (action == NULL)
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for action: there is no such action"),
					errhint("SELECT DISTINCT action FROM kms.api() lists them."));
	if (!JB_ROOT_IS_OBJECT(request))
		err_invalid("request", "it must be an object");
	if (request_is_dry_run(action, request))
		raise_verdict(action, try_and_undo(action, request));
	return answer_with_codes(action, request);
}

/* ---- what kms.api() shows ---- */

static void
each_field_of_request(const CallAction *action, CallFieldSeen seen, void *argument)
{
	int			count = call_count_fields(action);

	for (int i = 0; i < count; i++)
	{
		const CallField *field = &action->request[i];

		seen(action->name, "request", field->name, call_kind_name(field->kind), field->required, argument);
	}
	if (count == 0)
		seen(action->name, "request", NULL, NULL, false, argument);
}

/* With the names of what the field stands in. */
static char *
path_of(const CallAction *action, const CallResult *result)
{
	const char *elements = result->kind == CALL_NAMES || result->kind == CALL_ARRAY ? "[]" : "";

	if (action->list != NULL && !result->outside)
		return psprintf("%s[].%s%s", action->list, result->name, elements);
	if (action->inside != NULL)
		return psprintf("%s.%s%s", action->inside, result->name, elements);
	return psprintf("%s%s", result->name, elements);
}

static void
each_field_of_response(const CallAction *action, CallFieldSeen seen, void *argument)
{
	if (action->refusal != NULL)
		return;
	for (int i = 0; i < call_count_results(action); i++)
	{
		const CallResult *result = &action->response[i];

		seen(action->name, "response", path_of(action, result), call_kind_name(result->kind), !result->optional, argument);
	}
	if (action->list != NULL)
		seen(action->name, "response", psprintf("%s[]", action->list), call_kind_name(CALL_ARRAY), true, argument);
	switch (action->paging)
	{
		case CALL_UNPAGED:
			break;
		case CALL_BY_NUMBER:
			seen(action->name, "response", "PageNumber", call_kind_name(CALL_INTEGER), true, argument);
			seen(action->name, "response", "PageSize", call_kind_name(CALL_INTEGER), true, argument);
			seen(action->name, "response", action->total, call_kind_name(CALL_INTEGER), true, argument);
			break;
		case CALL_BY_TOKEN:
			seen(action->name, "response", "NextToken", call_kind_name(CALL_TEXT), true, argument);
			break;
	}
	seen(action->name, "response", "RequestId", call_kind_name(CALL_TEXT), true, argument);
}

void
call_each_field(CallFieldSeen seen, void *argument)
{
	for (int i = 0; i < call_noun_count; i++)
		for (const CallAction *action = call_nouns[i]; action->name != NULL; action++)
		{
			each_field_of_request(action, seen, argument);
			each_field_of_response(action, seen, argument);
		}
}
