/*
 * Statements that carry plaintext.  The hook sees messages that are not ours,
 * such as a cancelled query or a full disk, but that quote our statement.
 */
#include "base/sensitive.h"

#include "access/parallel.h"
#include "crypto/kc.h"
#include "utils/backend_status.h"

#define HIDDEN "<statement hidden by kms>"

TimestampTz sensitive_statement;

static emit_log_hook_type next_hook;

/*
 * A parallel worker marks the statement in its own memory only, and that it hid
 * the statement does not travel with its message: what its leader passes on is
 * hidden whatever it is.
 */
static bool
is_sensitive(void)
{
	return (sensitive_statement != 0 && sensitive_statement == GetCurrentStatementStartTimestamp()) ||
		(IsInParallelMode() && !IsParallelWorker());
}

/* No throw, no catalog, no string in two places: a hook runs inside an error. */
static void
hide_statement(ErrorData *message)
{
	if (is_sensitive())
	{
		message->hide_stmt = true;
		message->hide_ctx = true;
		message->internalquery = NULL;	/* of dynamic SQL in a function */
		message->internalpos = 0;
	}
	if (next_hook != NULL)
		next_hook(message);
}

/*
 * A shorter text takes the place of the statement, and what the statement had
 * behind its end would stay in shared memory, even after the session: nobody is
 * shown it, but each server process would leave it in its core file.
 */
void
sensitive_hide_activity(void)
{
	uint64		query_id = pgstat_get_my_query_id();
	Size		room = pgstat_track_activity_query_size;
	Size		said = MyBEEntry != NULL ? strnlen(MyBEEntry->st_activity_raw, room) : 0;

	sensitive_statement = GetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, HIDDEN);
	pgstat_report_query_id(query_id, true);
	if (said > sizeof(HIDDEN))
		kc_wipe(MyBEEntry->st_activity_raw + sizeof(HIDDEN), said - sizeof(HIDDEN));
}

void
sensitive_install(void)
{
	next_hook = emit_log_hook;
	emit_log_hook = hide_statement;
}
