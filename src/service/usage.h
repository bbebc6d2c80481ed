/*
 * How much keys are used: calls, failures, bytes and last use per key version and
 * operation.
 *
 * A call counts in this process, which costs a dozen instructions; the end of the
 * transaction, committed or not, adds that to the counters in shared memory, and a
 * worker stores those in kms.usage_entry.  What the planner evaluates counts not.
 */
#ifndef KMS_SERVICE_USAGE_H
#define KMS_SERVICE_USAGE_H

#include "postgres.h"

#include "base/compat.h"
#include "base/planning.h"
#include "base/usage_table.h"
#include "crypto/kc.h"
#include "service/action.h"
#include "service/key_cache.h"

/* Uses that are in no counter yet, chained at their version. */
struct KmsUsage
{
	KmsUsage   *next;			/* of the same version: of another action */
	KmsUsage   *next_pending;	/* of all */
	KmsUsage   *previous_pending;
	KmsCachedVersion *version;
	KmsAction	action;
	UsageNumbers numbers;
};

/* In the postmaster, from _PG_init. */
extern void usage_startup(void);

/*
 * A version is about to be used on so many bytes.  What may raise in the call comes
 * before this; if the work then fails, usage_failed says so.
 */
extern void usage_note_first(KmsCachedVersion *version, KmsAction action, size_t bytes);

static inline void
usage_note(KmsCachedVersion *version, KmsAction action, size_t bytes)
{
	KmsUsage   *usage = version->usage;

	if (is_planning())
		return;
	if (likely(usage != NULL && usage->action == action))
	{
		usage->numbers.calls++;
		usage->numbers.bytes += bytes;
	}
	else
		usage_note_first(version, action, bytes);
}

/* What was noted as so many bytes has failed: it counts as a call with none. */
extern void usage_failed(const KmsCachedVersion *version, KmsAction action, size_t bytes);

/* How what was noted ended: returns on KC_OK, counts a failure and raises otherwise. */
pg_noreturn extern void usage_err(const KmsCachedVersion *version, KmsAction action, size_t bytes,
					  kc_status status);

static inline void
usage_end(const KmsCachedVersion *version, KmsAction action, size_t bytes, kc_status status)
{
	if (unlikely(status != KC_OK))
		usage_err(version, action, bytes, status);
}

/* The version goes away: what was noted is counted now. */
extern void usage_release(KmsCachedVersion *version);

/*
 * The counters of this database whose key the caller may describe, what this session has noted
 * included; palloced.
 */
extern UsageEntry *usage_list(Oid caller, int *count);

/* Store the counters of this database, in the current transaction. */
extern void usage_save(void);

/* Forget the counters of databases that are gone, of this one which has no extension. */
extern void usage_forget_dropped_databases(void);
extern void usage_forget_this_database(void);

/* Of what operation it is the counter. */
extern const char *usage_operation(const UsageEntry *entry);

#endif
