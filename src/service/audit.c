/*
 * Collecting what a transaction did, and adding it to the log at commit.
 *
 * The lock on the end of the log is taken only then, when nothing of the user's
 * runs any more: it is held for the moment of the commit, or by a prepared
 * transaction until that is ended.  Any error there ends the transaction, so that
 * nothing happens without a trace.
 */
#include "service/audit.h"

#include "access/xact.h"
#include "base/ident.h"
#include "base/session.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "service/access.h"
#include "service/account.h"
#include "service/audit_chain.h"
#include "service/status.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/acl.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define WORKER_NAME "kms worker"

/* Whose doing it was, and in which log; many entries share one. */
typedef struct Actor
{
	Oid			user;
	int64		account;
	const char *session_user_name;
	const char *user_name;
	const char *application_name;
	const char *client_address;
} Actor;

/* Small, since a transaction may make keys by the million; strings are the transaction's. */
typedef struct Entry
{
	TimestampTz occurred_at;
	const Actor *actor;
	const char *resource_type;
	const char *resource;
	const char *detail;
	const char *result;
	const char *api_code;
	int32		action;
	int32		level;			/* of the subtransaction that decides on it */
} Entry;

/* In the order of time; that is also the order of levels, which never falls. */
static Entry *entries;
static int64 entry_count;
static int64 entry_room;
static Actor *last_actor;
static bool too_late;			/* they have been added to the log */

static char *
keep(const char *string)
{
	return string != NULL ? MemoryContextStrdup(TopTransactionContext, string) : NULL;
}

static void
describe_actor(Oid caller, Actor *actor)
{
	KmsSession	session = {0};

	actor->user = caller;
	actor->account = account_id();
	if (caller == CALLER_SERVICE)
	{
		actor->session_user_name = NULL;
		actor->user_name = GetUserNameFromId(store_catalog()->owner, false);
		actor->application_name = WORKER_NAME;
		actor->client_address = NULL;
		return;
	}
	session_describe(&session);
	actor->session_user_name = session.user;
	actor->user_name = GetUserNameFromId(caller, false);
	actor->application_name = session.application;
	actor->client_address = session.client;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Mostly the same as a moment ago. */
static const Actor *
find_actor(Oid caller)
{
	Actor		now;
	Actor	   *kept = last_actor;

	describe_actor(caller, &now);
	if (kept != NULL && kept->user == now.user && kept->account == now.account &&
		is_same(kept->session_user_name, now.session_user_name) && is_same(kept->user_name, now.user_name) &&
		is_same(kept->application_name, now.application_name) && is_same(kept->client_address, now.client_address))
		return kept;
	kept = MemoryContextAlloc(TopTransactionContext, sizeof(Actor));
	kept->user = now.user;
	kept->account = now.account;
	kept->session_user_name = keep(now.session_user_name);
	kept->user_name = keep(now.user_name);
	kept->application_name = keep(now.application_name);
	kept->client_address = keep(now.client_address);
	last_actor = kept;
	return kept;
}

static void
make_room(void)
{
	if (entry_room == 0)
	{
		entries = MemoryContextAlloc(TopTransactionContext, 16 * sizeof(Entry));
		entry_room = 16;
	}
	else if (entry_count == entry_room)
	{
		entries = repalloc_huge(entries, 2 * entry_room * sizeof(Entry));
		entry_room *= 2;
	}
}

static void
add_entry(KmsAction action, Oid caller, const char *resource_type, const char *resource,
		  const char *detail, const char *result, const char *api_code)
{
	const Entry *before;
	Entry		entry;

	if (too_late)
		elog(ERROR, "kms cannot record a change while the transaction commits");
	account_require_unsealed();
	make_room();
	before = entry_count > 0 ? &entries[entry_count - 1] : NULL;
	entry.occurred_at = GetCurrentTimestamp();
	entry.actor = find_actor(caller);
	entry.resource_type = resource_type;
	entry.resource = before != NULL && is_same(before->resource, resource) ? before->resource : keep(resource);
	entry.detail = keep(detail);
	entry.result = result;
	entry.api_code = keep(api_code);
	entry.action = action;
	entry.level = GetCurrentTransactionNestLevel();
	entries[entry_count++] = entry;
}

static KmsAuditRow
row_of(const Entry *entry)
{
	KmsAuditRow row = {
		.occurred_at = entry->occurred_at,
		.session_user_name = entry->actor->session_user_name,
		.user_name = entry->actor->user_name,
		.application_name = entry->actor->application_name,
		.client_address = entry->actor->client_address,
		.operation = action_name((KmsAction) entry->action),
		.resource_type = entry->resource_type,
		.resource = entry->resource,
		.detail = entry->detail,
		.result = entry->result,
		.api_code = entry->api_code
	};

	return row;
}

/* A log begins with the opening of the service, whatever is set. */
static bool
is_recorded(KmsAction action)
{
	return setting_audit != AUDIT_OFF || action == ACTION_OPEN_KMS_SERVICE;
}

void
audit_record(KmsAction action, Oid caller, const char *resource_type, const char *resource, const char *detail)
{
	if (is_recorded(action))
		add_entry(action, caller, resource_type, resource, detail, "success", NULL);
	store_recorded();
}

void
audit_record_key(KmsAction action, Oid caller, const pg_uuid_t *key_id, const char *detail)
{
	char		id[37];

	audit_record(action, caller, "key", uuid_print(key_id, id), detail);
}

void
audit_record_failure(KmsAction action, Oid caller, const char *resource_type, const char *resource,
					 const char *api_code, const char *detail)
{
	if (is_recorded(action))
		add_entry(action, caller, resource_type, resource, detail, "failed", api_code);
	store_recorded();
}

bool
audit_is_possible(void)
{
	return setting_audit == AUDIT_OFF || strcmp(status_of_account(), "Enabled") == 0;
}

char *
audit_version(const pg_uuid_t *version_id)
{
	char		id[37];

	return psprintf("key version %s", uuid_print(version_id, id));
}

/* Not as DateStyle and TimeZone of the session have it. */
char *
audit_date(const char *what, TimestampTz date)
{
	struct pg_tm parts;
	fsec_t		fraction;
	char		text[MAXDATELEN + 1];

	if (TIMESTAMP_NOT_FINITE(date) || timestamp2tm(date, NULL, &parts, &fraction, NULL, NULL) != 0)
		return psprintf("%s never", what);
	EncodeDateTime(&parts, fraction, false, 0, NULL, USE_ISO_DATES, text);
	return psprintf("%s %s UTC", what, text);
}

void
audit_list_pending(Oid reader, AuditSeen seen, void *argument)
{
	for (int64 i = 0; i < entry_count && !too_late; i++)
	{
		Oid			user = entries[i].actor->user;
		KmsAuditRow row = row_of(&entries[i]);

		if (user != CALLER_SERVICE && has_privs_of_role(reader, user))
			seen(&row, argument);
	}
}

/* Whose tables went away with the extension in this very transaction, has no log. */
static bool
has_log(int64 account)
{
	KmsDomainKey key;

	return store_domain_key_find(account, 0, &key);
}

/* The first entry behind from that belongs to another log. */
static int64
end_of_run(int64 from)
{
	int64		i = from;

	while (i < entry_count && entries[i].actor->account == entries[from].actor->account)
		i++;
	return i;
}

static void
add_to_log(int64 from, int64 end, MemoryContext scratch)
{
	AuditChain	chain;

	audit_chain_open(&chain, entries[from].actor->account, entries[from].action == ACTION_OPEN_KMS_SERVICE);
	for (int64 i = from; i < end; i++)
	{
		KmsAuditRow row = row_of(&entries[i]);

		CHECK_FOR_INTERRUPTS();
		audit_chain_add(&chain, &row);
		MemoryContextReset(scratch);
	}
	audit_chain_close(&chain);
}

static void
add_all(void)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "kms audit", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	store_audit_lock();
	for (int64 from = 0, end; from < entry_count; from = end)
	{
		end = end_of_run(from);
		if (has_log(entries[from].actor->account))
			add_to_log(from, end, scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

static void
before_commit(void)
{
	if (store_has_unrecorded())
		elog(ERROR, "a change of kms was not recorded");
	if (entry_count > 0 && store_installed())
		add_all();
	too_late = true;
}

/* The memory goes with the transaction. */
static void
forget(void)
{
	entries = NULL;
	entry_count = 0;
	entry_room = 0;
	last_actor = NULL;
	too_late = false;
}

static void
transaction_event(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			before_commit();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			forget();
			break;
		default:
			break;
	}
}

/* Nothing of what a rolled-back part did happened; what a kept part did is its parent's. */
static void
subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *argument)
{
	int			level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (entry_count > 0 && entries[entry_count - 1].level >= level)
			entry_count--;
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		for (int64 i = entry_count; i > 0 && entries[i - 1].level >= level; i--)
			entries[i - 1].level = level - 1;
}

void
audit_install(void)
{
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
}
