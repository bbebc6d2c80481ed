/*
 * Statements that carry plaintext.  The hook sees messages that are not ours,
 * such as a cancelled query or a full disk, but that quote our statement.
 */
#include "base/sensitive.h"

#include "utils/backend_status.h"

TimestampTz sensitive_statement;

static emit_log_hook_type next_hook;

/* No throw, no catalog, no string in two places: a hook runs inside an error. */
static void
hide_statement(ErrorData *message)
{
	if (sensitive_statement != 0 && sensitive_statement == GetCurrentStatementStartTimestamp())
	{
		message->hide_stmt = true;
		message->hide_ctx = true;
	}
	if (next_hook != NULL)
		next_hook(message);
}

void
sensitive_hide_activity(void)
{
	uint64		query_id = pgstat_get_my_query_id();

	sensitive_statement = GetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, "<statement hidden by kms>");
	pgstat_report_query_id(query_id, true);
}

void
sensitive_install(void)
{
	next_hook = emit_log_hook;
	emit_log_hook = hide_statement;
}
