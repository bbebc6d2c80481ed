/*
 * The end of a key.  A worker erases it (service/job.c); from the delete date on
 * it is as if it were gone, even if no worker runs.
 */
#include "service/key_deletion.h"

#include "base/error.h"
#include "service/audit.h"
#include "service/column_scan.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "store/key_version.h"
#include "store/store.h"
#include "utils/timestamp.h"

#define WINDOW_MIN	7
#define WINDOW_MAX	366

void
key_set_deletion_protection(Oid caller, const char *text, bool protect, const char *description)
{
	KmsReference reference;
	KmsKey		key;

	reference_parse_id("key_id", text, &reference);
	if (description != NULL)
		key_require_description("deletion_protection_description", description);
	key_find_for(caller, ACTION_SET_DELETION_PROTECTION, &reference, &key);

	store_open();
	key_lock_for(caller, ACTION_SET_DELETION_PROTECTION, &reference, &reference.key_id, &key);
	if (key.state == KEY_PENDING_DELETION)
		key_require_enabled(key.state, "key", reference.text, reference.len);
	key.deletion_protected = protect;
	key.deletion_protection_description = protect ? description : NULL;
	key_save(&key);
	audit_record_key(ACTION_SET_DELETION_PROTECTION, caller, &key.id, protect ? "on" : "off");
	store_sync_at_commit();
	store_close();
}

TimestampTz
key_schedule_deletion(Oid caller, const char *text, int days)
{
	KmsReference reference;
	KmsKey		key;

	reference_parse_id("key_id", text, &reference);
	if (days < WINDOW_MIN || days > WINDOW_MAX)
		err_invalid("pending_window_in_days", "it must be 7 to 366");
	key_find_for(caller, ACTION_SCHEDULE_KEY_DELETION, &reference, &key);
	column_scan_warn(&key.id);

	store_open();
	key_lock_for(caller, ACTION_SCHEDULE_KEY_DELETION, &reference, &reference.key_id, &key);
	if (key.state == KEY_PENDING_DELETION)
		key_err_state_change(&reference, "pending deletion already",
							 "To move the date, cancel the deletion and schedule it anew.");
	if (key.deletion_protected)
		key_err_state_change(&reference, "protected against deletion",
							 "Its owner can call kms_set_deletion_protection.");
	key.state = KEY_PENDING_DELETION;
	key.delete_at = GetCurrentTimestamp() + days * USECS_PER_DAY;
	key_save(&key);
	audit_record_key(ACTION_SCHEDULE_KEY_DELETION, caller, &key.id, audit_date("delete date", key.delete_at));
	store_sync_at_commit();
	store_close();
	return key.delete_at;
}

/*
 * Enabled again, also if it was disabled before; without material it waits for it.
 * Material that has expired meanwhile is still to be erased by a worker.
 */
static KmsKeyState
state_after_cancelling(const KmsKey *key)
{
	KmsKeyVersion version;

	if (!key->has_primary_version || !store_key_version_find(&key->primary_version, &version) ||
		version.wrapped_len == 0)
		return KEY_PENDING_IMPORT;
	return KEY_ENABLED;
}

void
key_cancel_deletion(Oid caller, const char *text)
{
	KmsReference reference;
	KmsKey		key;

	reference_parse_id("key_id", text, &reference);
	key_find_even_gone(caller, ACTION_CANCEL_KEY_DELETION, &reference, &key);

	store_open();
	key_lock_even_gone(caller, ACTION_CANCEL_KEY_DELETION, &reference, &key);
	if (key.state != KEY_PENDING_DELETION)
		key_err_state_change(&reference, "not pending deletion", NULL);
	key.state = state_after_cancelling(&key);
	key.delete_at = DT_NOEND;
	key_save(&key);
	audit_record_key(ACTION_CANCEL_KEY_DELETION, caller, &key.id, NULL);
	store_sync_at_commit();
	store_close();
}
