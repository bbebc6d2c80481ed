/*
 * Versions of secrets.  Whoever changes something holds the lock on the secret's row,
 * so that labels and versions fit together; whoever reads does so in one snapshot.
 */
#include "service/secret_version.h"

#include "base/error.h"
#include "base/utf8.h"
#include "mb/pg_wchar.h"
#include "service/audit_line.h"
#include "service/secret.h"
#include "service/secret_config.h"
#include "service/secret_seal.h"
#include "service/secret_value.h"
#include "utils/timestamp.h"

static void
err_no_version(const KmsSecret *secret)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_RESOURCE_NOT_FOUND,
				errmsg("secret \"%s\" has no such version", secret->name),
				errhint("kms_list_secret_version_ids lists its versions and their labels."));
}

/* The id of the version that is wanted. */
static const char *
resolve(const KmsSecret *secret, const SecretLabels *labels, const char *stage, const char *version_id)
{
	const char *holder;

	if (secret->type != SECRET_GENERIC)
	{
		version_id = NULL;
		if (stage != NULL && !label_is_built_in(stage))
			err_invalid("version_stage", "the password of a role has the labels ACSCurrent and ACSPrevious only");
	}
	if (stage == NULL && version_id != NULL)
		return version_id;
	holder = label_holder(labels, stage != NULL ? stage : LABEL_CURRENT);
	if (holder == NULL || (version_id != NULL && strcmp(holder, version_id) != 0))
		err_no_version(secret);
	return holder;
}

void
secret_get_value(Oid caller, const char *name, const char *stage, const char *version_id, KmsSecretValue *result)
{
	KmsSecret  *secret = &result->secret;
	Snapshot	snapshot = store_snapshot_take();
	SecretLabels labels;

	secret_find_for(caller, ACTION_GET_SECRET_VALUE, name, snapshot, secret);
	secret_require_intact(secret);
	secret_require_active(secret);
	labels_read(&secret->id, snapshot, &labels);
	if (!store_secret_version_find(&secret->id, resolve(secret, &labels, stage, version_id), snapshot, &result->version))
		err_no_version(secret);
	store_snapshot_release(snapshot);
	result->labels = labels_of(&labels, result->version.id);
	result->value = secret_value_open(caller, secret, &result->version);
	audit_revealed(secret->name);
}

void
secret_require_value(kc_view value, bool is_binary)
{
	if (value.len > SECRET_VALUE_MAX)
		err_invalid("secret_data", "it is longer than 30720 bytes");
	/* Where the server's encoding is SQL_ASCII, nobody has looked at it yet. */
	if (!is_binary && pg_encoding_verifymbstr(PG_UTF8, (const char *) value.data, (int) value.len) != (int) value.len)
		err_invalid("secret_data", "it is no valid UTF-8");
}

static TimestampTz
newest(const List *versions)
{
	TimestampTz newest = 0;
	ListCell   *cell;

	foreach(cell, versions)
		newest = Max(newest, ((const KmsSecretVersion *) lfirst(cell))->created_at);
	return newest;
}

static void
make_room(const KmsSecret *secret, const SecretLabels *labels, const List *versions)
{
	const KmsSecretVersion *oldest = NULL;
	ListCell   *cell;

	foreach(cell, versions)
	{
		const KmsSecretVersion *version = lfirst(cell);

		if (!labels_any(labels, version->id) && (oldest == NULL || version->created_at < oldest->created_at))
			oldest = version;
	}
	/* There are fewer labels than versions. */
	if (oldest == NULL)
		err_stored();
	store_secret_version_delete(&secret->id, oldest->id);
}

void
secret_add_version(Oid user, const KmsSecret *secret, const SecretLabels *labels, KmsSecretVersion *version, kc_view value)
{
	List	   *versions = store_secret_version_list(&secret->id, NULL);

	version->secret_id = secret->id;
	/* They are told apart by their age, whatever the clock does. */
	version->created_at = Max(GetCurrentTimestamp(), newest(versions) + 1);
	version->value = secret_value_seal(user, secret, version, value);
	if (list_length(versions) >= SECRET_VERSIONS_MAX)
		make_room(secret, labels, versions);
	store_secret_version_insert(version);
}

void
secret_add_account(Oid user, const KmsSecret *secret, const SecretLabels *labels,
				   const char *version_id, const char *role_name, const char *password)
{
	KmsSecretVersion version = {.id = version_id, .role_name = role_name};
	char	   *text = secret_account_value(role_name, password);
	size_t		len = strlen(text);
	kc_view		value = utf8_from_server("secret_data", text, len);	/* text itself, or a copy */

	PG_TRY();
	{
		secret_require_value(value, false);
		secret_add_version(user, secret, labels, &version, value);
	}
	PG_FINALLY();
	{
		kc_wipe(unconstify(uint8 *, value.data), value.len);
		kc_wipe(text, len);
	}
	PG_END_TRY();
}

/* A repetition changes nothing, whatever has become of the labels; anything else is refused. */
static void
require_repetition(const KmsSecret *secret, const KmsSecretVersion *version, const KmsPutValue *put)
{
	if (version->is_binary != put->is_binary || !secret_value_is(secret, version, put->value))
		kms_ereport(ERRCODE_DUPLICATE_OBJECT, API_RESOURCE_EXIST,
					errmsg("secret \"%s\" has a version \"%s\" with another value", secret->name, version->id),
					errhint("A version cannot be changed: give the new value another version id."));
}

static bool
is_in(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

static void
require_stages(const List *stages)
{
	ListCell   *cell;
	List	   *seen = NIL;

	if (list_length(stages) > LABELS_MAX)
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("version_stages names more than 8 labels"));
	foreach(cell, stages)
	{
		const char *stage = lfirst(cell);

		secret_require_identifier("version_stages", stage, LABEL_LEN_MAX);
		if (is_in(seen, stage))
			err_invalid("version_stages", "it names a label twice");
		seen = lappend(seen, lfirst(cell));
	}
	if (is_in(stages, LABEL_CURRENT) && is_in(stages, LABEL_PREVIOUS))
		err_invalid("version_stages", "a version cannot be ACSCurrent and ACSPrevious");
}

/* Whether the version is a new current one. */
static bool
put_labels(SecretLabels *labels, const KmsPutValue *put)
{
	bool		current = put->stages == NIL || is_in(put->stages, LABEL_CURRENT);
	ListCell   *cell;

	if (current)
		labels_make_current(labels, put->version_id);
	foreach(cell, put->stages)
	{
		if (strcmp(lfirst(cell), LABEL_CURRENT) != 0)
			label_put(labels, lfirst(cell), put->version_id);
	}
	return current;
}

static void
put_version(Oid caller, KmsSecret *secret, const KmsPutValue *put)
{
	KmsSecretVersion version = {.id = put->version_id, .is_binary = put->is_binary};
	SecretLabels labels;

	labels_read(&secret->id, NULL, &labels);
	secret_add_version(caller, secret, &labels, &version, put->value);
	if (put_labels(&labels, put))
		store_secret_notify(secret->name);
	labels_require_few(&labels, secret->name);
	secret_save(secret);
	secret_record(ACTION_PUT_SECRET_VALUE, caller, secret, psprintf("version %s", put->version_id));
	store_sync_at_commit();
}

List *
secret_put_value(Oid caller, const KmsPutValue *put)
{
	KmsSecret	secret;
	KmsSecretVersion before;
	SecretLabels labels;

	secret_require_identifier("version_id", put->version_id, SECRET_VERSION_ID_MAX);
	secret_require_value(put->value, put->is_binary);
	require_stages(put->stages);
	secret_find_for(caller, ACTION_PUT_SECRET_VALUE, put->secret_name, NULL, &secret);

	store_open();
	secret_lock_for(caller, ACTION_PUT_SECRET_VALUE, &secret);
	secret_require_generic(&secret);
	secret_require_active(&secret);
	if (store_secret_version_find(&secret.id, put->version_id, NULL, &before))
	{
		require_repetition(&secret, &before, put);
		store_close_unrecorded();
		audit_revealed(secret.name);	/* whoever guessed a value knows it now */
	}
	else
	{
		put_version(caller, &secret, put);
		store_close();
	}
	labels_read(&secret.id, NULL, &labels);
	return labels_of(&labels, put->version_id);
}

static void
require_version(const KmsSecret *secret, const char *version_id)
{
	KmsSecretVersion version;

	if (!store_secret_version_find(&secret->id, version_id, NULL, &version))
		err_no_version(secret);
}

static void
attach(SecretLabels *labels, const KmsSecret *secret, const char *stage, const char *version_id)
{
	const char *current = label_holder(labels, LABEL_CURRENT);

	if (strcmp(stage, LABEL_CURRENT) == 0)
	{
		labels_make_current(labels, version_id);
		store_secret_notify(secret->name);
		return;
	}
	if (strcmp(stage, LABEL_PREVIOUS) == 0 && current != NULL && strcmp(current, version_id) == 0)
		err_invalid("move_to_version", "the version that is ACSCurrent cannot be ACSPrevious");
	label_put(labels, stage, version_id);
}

/* Does it, unless nothing is to be done: then false. */
static bool
change_stage(SecretLabels *labels, const KmsSecret *secret, const char *stage, const char *move_to, const char *remove_from)
{
	const char *holder = label_holder(labels, stage);

	if (move_to != NULL)
		require_version(secret, move_to);
	if (remove_from != NULL)
	{
		require_version(secret, remove_from);
		if (holder == NULL || strcmp(holder, remove_from) != 0)
			err_invalid("remove_from_version", "that version does not have the label");
	}
	if (move_to == NULL)
		label_remove(labels, stage);
	else if (holder != NULL && strcmp(holder, move_to) == 0)
		return false;
	else
		attach(labels, secret, stage, move_to);
	return true;
}

void
secret_update_stage(Oid caller, const char *name, const char *stage, const char *move_to, const char *remove_from)
{
	KmsSecret	secret;
	SecretLabels labels;

	secret_require_identifier("version_stage", stage, LABEL_LEN_MAX);
	if (move_to == NULL && remove_from == NULL)
		err_invalid("move_to_version", "it and remove_from_version must not both be NULL");
	if (move_to == NULL && label_is_built_in(stage))
		err_invalid("move_to_version", "ACSCurrent and ACSPrevious are never taken away: they need a version to go to");
	secret_find_for(caller, ACTION_UPDATE_SECRET_VERSION_STAGE, name, NULL, &secret);

	store_open();
	secret_lock_for(caller, ACTION_UPDATE_SECRET_VERSION_STAGE, &secret);
	secret_require_generic(&secret);
	secret_require_active(&secret);
	labels_read(&secret.id, NULL, &labels);
	if (!change_stage(&labels, &secret, stage, move_to, remove_from))
	{
		store_close_unrecorded();
		return;
	}
	labels_require_few(&labels, secret.name);
	secret_save(&secret);
	secret_record(ACTION_UPDATE_SECRET_VERSION_STAGE, caller, &secret,
				  move_to != NULL ? psprintf("%s to version %s", stage, move_to) :
				  psprintf("%s from version %s", stage, remove_from));
	store_sync_at_commit();
	store_close();
}

static int
compare_age(const ListCell *a, const ListCell *b)
{
	TimestampTz first = ((const KmsSecretVersion *) lfirst(a))->created_at;
	TimestampTz second = ((const KmsSecretVersion *) lfirst(b))->created_at;

	return first < second ? 1 : first > second ? -1 : 0;
}

void
secret_list_versions(Oid caller, const char *name, List **versions, SecretLabels *labels)
{
	KmsSecret	secret;
	Snapshot	snapshot = store_snapshot_take();

	secret_find_for(caller, ACTION_LIST_SECRET_VERSION_IDS, name, snapshot, &secret);
	labels_read(&secret.id, snapshot, labels);
	*versions = store_secret_version_list(&secret.id, snapshot);
	store_snapshot_release(snapshot);
	list_sort(*versions, compare_age);
}
