/*
 * Aliases.
 */
#include "service/alias.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/audit.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "store/alias.h"
#include "store/store.h"
#include "utils/timestamp.h"

#define RESERVED_PREFIX "alias/acs"

/* Parse an alias that is to be made, moved or deleted. */
static void
parse_alias(const char *name, KmsReference *alias)
{
	size_t		len = strlen(name);

	if (!reference_is_alias(name, len))
		err_invalid("alias_name", "it must be alias/ and 1 to 255 letters, digits, underscores, hyphens and slashes");
	if (strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0)
		err_invalid("alias_name", "names that begin with alias/acs are reserved");
	alias->text = name;
	alias->len = len;
	alias->is_alias = true;
}

void
alias_create(Oid caller, const char *key_reference, const char *name)
{
	KmsReference key_ref;
	KmsReference alias;
	KmsKey		key;
	KmsAlias	row = {.name = name, .created_at = GetCurrentTimestamp()};

	reference_parse_id("key_id", key_reference, &key_ref);
	parse_alias(name, &alias);
	key_find_for(caller, ACTION_CREATE_ALIAS, &key_ref, &key);

	store_open();
	key_lock_for(caller, ACTION_CREATE_ALIAS, &key_ref, &key_ref.key_id, &key);
	if (key.state == KEY_PENDING_DELETION)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_STATE_MODIFIED_FAILED,
					errmsg("key \"%s\" is pending deletion", key_reference));
	row.key_id = key.id;
	alias_make_seal(&row);
	if (!store_alias_insert(&row))
		kms_ereport(ERRCODE_DUPLICATE_OBJECT, API_ALIAS_ALREADY_EXISTS,
					errmsg("alias \"%s\" already exists", name));
	audit_record_key(ACTION_CREATE_ALIAS, caller, &key.id, name);
	store_sync_at_commit();
	store_close();
}

/*
 * Two keys at once are locked in the order of their ids, whichever is which,
 * so that two moves in opposite directions do not wait for each other.
 */
static void
lock_both(Oid caller, const KmsReference *alias, const pg_uuid_t *from,
		  const KmsReference *to_ref, KmsKey *to)
{
	KmsKey		old;
	bool		from_first = memcmp(from->data, to_ref->key_id.data, UUID_LEN) < 0;

	if (from_first)
		key_lock_for(caller, ACTION_UPDATE_ALIAS, alias, from, &old);
	key_lock_for(caller, ACTION_UPDATE_ALIAS, to_ref, &to_ref->key_id, to);
	if (!from_first)
		key_lock_for(caller, ACTION_UPDATE_ALIAS, alias, from, &old);
}

/* The alias stands where it stood before its key was locked, or start over. */
static bool
still_stands_for(const KmsReference *alias, const pg_uuid_t *key_id, KmsAlias *row)
{
	if (!store_alias_lock(alias->text, row))
		err_alias_not_found(alias->text, alias->len);
	return uuid_equal(&row->key_id, key_id);
}

static void
err_moved(const KmsReference *alias)
{
	kms_ereport(ERRCODE_T_R_SERIALIZATION_FAILURE, API_SERVICE_UNAVAILABLE,
				errmsg("alias \"%s\" was moved at the same time", alias->text),
				errhint("Try again."));
}

void
alias_update(Oid caller, const char *key_reference, const char *name)
{
	KmsReference to_ref;
	KmsReference alias;
	KmsKey		to;
	KmsKey		from;
	KmsAlias	row;
	char		from_id[37];

	reference_parse_id("key_id", key_reference, &to_ref);
	parse_alias(name, &alias);
	key_find_for(caller, ACTION_UPDATE_ALIAS, &alias, &from);
	key_find_for(caller, ACTION_UPDATE_ALIAS, &to_ref, &to);

	store_open();
	lock_both(caller, &alias, &from.id, &to_ref, &to);
	if (to.state == KEY_PENDING_DELETION)
		key_require_enabled(to.state, "key", to_ref.text, to_ref.len);
	if (!still_stands_for(&alias, &from.id, &row))
		err_moved(&alias);
	alias_require_intact(&row);
	row.key_id = to.id;
	alias_make_seal(&row);
	store_alias_move(&row, &from.id);
	audit_record_key(ACTION_UPDATE_ALIAS, caller, &to.id, psprintf("%s, before of key %s", name, uuid_print(&from.id, from_id)));
	store_sync_at_commit();
	store_close();
}

void
alias_delete(Oid caller, const char *name)
{
	KmsReference alias;
	KmsKey		key;
	KmsAlias	row;

	parse_alias(name, &alias);
	key_find_for(caller, ACTION_DELETE_ALIAS, &alias, &key);

	store_open();
	key_lock_for(caller, ACTION_DELETE_ALIAS, &alias, &key.id, &key);
	if (!still_stands_for(&alias, &key.id, &row))
		err_moved(&alias);
	store_alias_delete(name, &key.id);
	audit_record_key(ACTION_DELETE_ALIAS, caller, &key.id, name);
	store_sync_at_commit();
	store_close();
}

void
alias_list(Oid caller, const char *key_reference, pg_uuid_t *key_id, StoreAliasSeen seen, void *argument)
{
	KmsReference reference;
	KmsKey		key;

	reference_parse_id("key_id", key_reference, &reference);
	key_find_for(caller, ACTION_LIST_ALIASES_BY_KEY_ID, &reference, &key);
	*key_id = key.id;
	store_alias_list(&key.id, seen, argument);
}
