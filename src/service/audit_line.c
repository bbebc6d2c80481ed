/*
 * Lines of JSON in the server log.  They have names and ids, never an argument.
 */
#include "service/audit_line.h"

#include "access/xact.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/planning.h"
#include "base/session.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "store/secret.h"
#include "store/store.h"
#include "utils/json.h"
#include "utils/memutils.h"

AuditCall	audit_call;

/* Which one: by audit_call.resource. */
static pg_uuid_t key;			/* or certificate */
static char secret[SECRET_NAME_MAX + 1];

/* An error in here is not reported in here. */
static bool writing;

void
audit_about(const pg_uuid_t *key_id)
{
	key = *key_id;
	audit_call.resource = AUDIT_KEY;
}

void
audit_about_secret(const char *name)
{
	strlcpy(secret, name, sizeof(secret));
	audit_call.resource = AUDIT_SECRET;
}

void
audit_about_certificate(const pg_uuid_t *id)
{
	key = *id;
	audit_call.resource = AUDIT_CERTIFICATE;
}

/* As it is written in the line; NULL: none. */
static const char *
resource_name(void)
{
	switch ((AuditResource) audit_call.resource)
	{
		case AUDIT_NO_RESOURCE:
			return NULL;
		case AUDIT_KEY:
			return uuid_print(&key, palloc(37));
		case AUDIT_SECRET:
			return psprintf("secret/%s", secret);
		case AUDIT_CERTIFICATE:
			return psprintf("certificate/%s", uuid_print(&key, palloc(37)));
	}
	return NULL;
}

static void
put(StringInfo line, const char *name, const char *value)
{
	appendStringInfo(line, "%s\"%s\":", line->len > 0 ? "," : "{", name);
	if (value == NULL)
		appendStringInfoString(line, "null");
	else
		escape_json(line, value);
}

static void
write_line(const char *result, const char *api_code, const char *sqlstate)
{
	KmsSession	session = {0};
	StringInfoData line;

	session_describe(&session);
	initStringInfo(&line);
	put(&line, "operation", action_name(audit_call.action));
	put(&line, "result", result);
	put(&line, "code", api_code);
	put(&line, "sqlstate", sqlstate);
	put(&line, "user", GetUserNameFromId(store_caller(), true));
	put(&line, "session_user", session.user);
	put(&line, "application", session.application);
	put(&line, "client", session.client);
	put(&line, "database", get_database_name(MyDatabaseId));
	put(&line, "resource", resource_name());
	appendStringInfoChar(&line, '}');
	ereport(LOG_SERVER_ONLY,
			errhidestmt(true),
			errhidecontext(true),
			errmsg_internal("kms: %s", line.data));
}

static void
write_error_line(int sqlstate, const char *api_code)
{
	write_line(sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ? "denied" : "failed", api_code, unpack_sql_state(sqlstate));
}

/*
 * The error that is about to be raised undoes whatever a failure leaves behind in
 * here, and must not be masked by it.
 */
static void
observe_error(int sqlstate, const char *api_code)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext volatile scratch = NULL;

	if (writing || setting_audit == AUDIT_OFF || !IsTransactionState())
		return;
	writing = true;
	PG_TRY();
	{
		scratch = AllocSetContextCreate(caller, "kms log line", ALLOCSET_SMALL_SIZES);
		MemoryContextSwitchTo(scratch);
		write_error_line(sqlstate, api_code);
	}
	PG_CATCH();
	{
		FlushErrorState();
	}
	PG_END_TRY();
	writing = false;
	MemoryContextSwitchTo(caller);
	if (scratch != NULL)
		MemoryContextDelete(scratch);
}

/* What is not an error that undoes the statement, with what audit_about has said last. */
static void
write_outcome(const char *result, const char *api_code, const char *sqlstate)
{
	MemoryContext scratch;
	MemoryContext caller;

	if (is_planning())
		return;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "kms log line", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	write_line(result, api_code, sqlstate);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

static void
write_use(void)
{
	write_outcome("success", NULL, NULL);
}

void
audit_failed(int sqlstate, const char *api_code)
{
	if (setting_audit != AUDIT_OFF)
		write_outcome("failed", api_code, unpack_sql_state(sqlstate));
}

void
audit_log_use(const pg_uuid_t *key_id)
{
	audit_about(key_id);
	write_use();
}

void
audit_exported(const pg_uuid_t *key_id)
{
	if (setting_audit != AUDIT_OFF)
		audit_log_use(key_id);
}

void
audit_revealed(const char *secret_name)
{
	audit_about_secret(secret_name);
	if (setting_audit != AUDIT_OFF)
		write_use();
}

void
audit_certificate_used(const pg_uuid_t *id)
{
	audit_about_certificate(id);
	if (setting_audit == AUDIT_ALL)
		write_use();
}

void
audit_certificate_exported(const pg_uuid_t *id)
{
	audit_about_certificate(id);
	if (setting_audit != AUDIT_OFF)
		write_use();
}

void
audit_line_install(void)
{
	error_observer = observe_error;
}
