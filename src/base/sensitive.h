/*
 * Statements that carry plaintext.  A function with a secret argument marks
 * the running statement; its text is then kept out of every message that
 * quotes the statement, and out of pg_stat_activity.
 */
#ifndef KMS_SENSITIVE_H
#define KMS_SENSITIVE_H

#include "postgres.h"

#include "access/xact.h"

/* Start time of the marked statement: what identifies it. */
extern TimestampTz sensitive_statement;

extern void sensitive_hide_activity(void);

/* Chain into emit_log_hook.  Once, from _PG_init. */
extern void sensitive_install(void);

/* Mark the running statement; cheap enough for every row. */
static inline void
sensitive_mark(void)
{
	if (unlikely(sensitive_statement != GetCurrentStatementStartTimestamp()))
		sensitive_hide_activity();
}

#endif
