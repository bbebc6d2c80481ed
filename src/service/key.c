/*
 * Keys.  Every function asks for the permission first, then locks, checks the
 * state it finds under the lock, and acts.
 */
#include "service/key.h"

#include "base/error.h"
#include "base/invalidation.h"
#include "mb/pg_wchar.h"
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/key_seal.h"
#include "service/key_spec.h"
#include "store/store.h"
#include "utils/timestamp.h"

bool
key_is_gone(KmsKeyState stored, TimestampTz delete_at)
{
	return stored == KEY_PENDING_DELETION && delete_at <= GetCurrentTimestamp();
}

KmsKeyState
key_state_now(KmsKeyState stored, TimestampTz material_expires_at)
{
	if ((stored == KEY_ENABLED || stored == KEY_DISABLED) &&
		!TIMESTAMP_IS_NOEND(material_expires_at) && material_expires_at <= GetCurrentTimestamp())
		return KEY_PENDING_IMPORT;
	return stored;
}

static void
err_state(const char *api_code, const char *kind, const char *what, size_t len, const char *state, const char *hint)
{
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, api_code,
				errmsg("%s \"%.*s\" is %s", kind, (int) len, what, state),
				errhint("%s", hint));
}

void
key_require_enabled(KmsKeyState state, const char *kind, const char *what, size_t len)
{
	switch (state)
	{
		case KEY_ENABLED:
			return;
		case KEY_DISABLED:
			err_state(API_REJECTED_DISABLED, kind, what, len, "disabled", "Its owner can call kms_enable_key.");
			break;
		case KEY_PENDING_DELETION:
			err_state(API_REJECTED_PENDING_DELETION, kind, what, len, "pending deletion",
					  "Its owner can call kms_cancel_key_deletion.");
			break;
		case KEY_PENDING_IMPORT:
			err_state(API_REJECTED_PENDING_IMPORT, kind, what, len, "waiting for its material",
					  "Its owner can call kms_import_key_material.");
			break;
	}
	elog(ERROR, "unknown key state %d", (int) state);
}

void
key_err_state_change(const KmsReference *reference, const char *state, const char *hint)
{
	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_STATE_MODIFIED_FAILED,
				errmsg("key \"%.*s\" is %s", (int) reference->len, reference->text, state),
				hint != NULL ? errhint("%s", hint) : 0);
	pg_unreachable();
}

static KmsVerdict
decide(Oid caller, KmsAction action, const KmsKey *key, kc_view context)
{
	KmsSubject	subject = {.id = &key->id, .owner = key->owner};

	return access_decide(caller, action, &subject, context);
}

/* Rights as they are now: an open transaction takes what others commit only when asked to. */
static void
authorise(Oid caller, KmsAction action, const KmsReference *reference, const KmsKey *key)
{
	if (decide(caller, action, key, kc_view_of(NULL, 0)) == ACCESS_DENIED)
		access_refuse(reference->is_alias ? "alias" : "key", reference->text, reference->len);
}

static void
find(const KmsReference *reference, KmsKey *key)
{
	pg_uuid_t	key_id;

	invalidation_accept();
	key_id = reference_resolve(reference);
	audit_about(&key_id);
	if (!store_key_find(&key_id, key) || key_is_gone(key->state, key->delete_at))
		err_key_not_found(reference);
}

bool
key_may(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key, kc_view context)
{
	find(reference, key);
	return decide(caller, action, key, context) != ACCESS_DENIED;
}

void
key_find_for(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key)
{
	find(reference, key);
	authorise(caller, action, reference, key);
}

/* A key that an alias names is changed only if nobody has bent the alias; the alias itself may go. */
static void
require_intact_alias(KmsAction action, const KmsReference *reference)
{
	KmsAlias	alias;

	if (!reference->is_alias || action == ACTION_UPDATE_ALIAS || action == ACTION_DELETE_ALIAS)
		return;
	if (store_alias_find(reference->text, reference->len, &alias))
		alias_require_intact(&alias);
}

/*
 * The wait for the lock may have been long: the rights are looked up anew.  What is
 * changed now gets a new MAC, so nobody's edit by hand may slip in.
 */
static void
lock_and_authorise(Oid caller, KmsAction action, const KmsReference *reference,
				   const pg_uuid_t *key_id, KmsKey *key)
{
	if (!store_key_lock(key_id, key))
		err_key_not_found(reference);
	invalidation_accept();
	key->owner = store_role_now(&key->stored_owner);
	authorise(caller, action, reference, key);
	require_intact_alias(action, reference);
	key_require_intact(key);
}

void
key_lock_for(Oid caller, KmsAction action, const KmsReference *reference,
			 const pg_uuid_t *key_id, KmsKey *key)
{
	lock_and_authorise(caller, action, reference, key_id, key);
	if (key_is_gone(key->state, key->delete_at))
		err_key_not_found(reference);
}

void
key_find_even_gone(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key)
{
	invalidation_accept();
	audit_about(&reference->key_id);
	if (!store_key_find(&reference->key_id, key))
		err_key_not_found(reference);
	authorise(caller, action, reference, key);
}

void
key_lock_even_gone(Oid caller, KmsAction action, const KmsReference *reference, KmsKey *key)
{
	lock_and_authorise(caller, action, reference, &reference->key_id, key);
}

void
key_describe(Oid caller, const char *text, KmsAction action, KmsKey *key)
{
	KmsReference reference;

	reference_parse("key_id", text, strlen(text), &reference);
	key_find_for(caller, action, &reference, key);
}

const char *
key_automatic_rotation(const KmsKey *key)
{
	if (key->rotation_seconds == 0)
		return "Disabled";
	return key_state_now(key->state, key->material_expires_at) == KEY_ENABLED ? "Enabled" : "Suspended";
}

/* Of the versions of a pair none is primary: callers name the one they mean. */
bool
key_shows_primary(const KmsKey *key)
{
	return key->has_primary_version && !(key_kind(key->spec, key->usage) & KIND_PAIR);
}

void
key_require_description(const char *argument, const char *description)
{
	if (pg_mbstrlen(description) > DESCRIPTION_MAX)
		err_invalid(argument, "it is longer than 8192 characters");
}

/* Enabled and Disabled lead into each other, the other states out of neither. */
static void
switch_state(Oid caller, KmsAction action, const char *text, KmsKeyState wanted)
{
	KmsReference reference;
	KmsKey		key;
	KmsKeyState now;

	reference_parse_id("key_id", text, &reference);
	key_find_for(caller, action, &reference, &key);

	store_open();
	key_lock_for(caller, action, &reference, &reference.key_id, &key);
	now = key_state_now(key.state, key.material_expires_at);
	if (now != KEY_ENABLED && now != KEY_DISABLED)
		key_err_state_change(&reference, now == KEY_PENDING_DELETION ? "pending deletion" : "waiting for its material",
							 "Only an enabled or disabled key can be enabled or disabled.");
	if (now != wanted)
	{
		key.state = wanted;
		key_save(&key);
	}
	audit_record_key(action, caller, &key.id, NULL);
	store_sync_at_commit();
	store_close();
}

void
key_enable(Oid caller, const char *reference)
{
	switch_state(caller, ACTION_ENABLE_KEY, reference, KEY_ENABLED);
}

void
key_disable(Oid caller, const char *reference)
{
	switch_state(caller, ACTION_DISABLE_KEY, reference, KEY_DISABLED);
}

void
key_update_description(Oid caller, const char *text, const char *description)
{
	KmsReference reference;
	KmsKey		key;

	reference_parse_id("key_id", text, &reference);
	key_require_description("description", description);
	key_find_for(caller, ACTION_UPDATE_KEY_DESCRIPTION, &reference, &key);

	store_open();
	key_lock_for(caller, ACTION_UPDATE_KEY_DESCRIPTION, &reference, &reference.key_id, &key);
	if (key.state == KEY_PENDING_DELETION)
		key_require_enabled(key.state, "key", reference.text, reference.len);
	key.description = description;
	key_save(&key);
	audit_record_key(ACTION_UPDATE_KEY_DESCRIPTION, caller, &key.id, NULL);
	store_close();
}

void
key_of_row(HeapTupleHeader row, KmsKey *key)
{
	store_key_of_composite(row, key);
}

bool
key_may_describe(Oid caller, const pg_uuid_t *id, const KmsStoredRole *owner)
{
	KmsSubject	subject = {.id = id, .quietly = true};

	invalidation_accept();
	subject.owner = store_role_now(owner);
	return access_decide(caller, ACTION_DESCRIBE_KEY, &subject, kc_view_of(NULL, 0)) != ACCESS_DENIED;
}

void
key_table_changed(Oid table)
{
	if (!store_is_open())
		invalidation_send_all(table);
}
