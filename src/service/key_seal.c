/*
 * Keys and aliases under their MACs: docs/formats.md has the records.
 */
#include "service/key_seal.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/row_mac.h"

/* Every column, in the order of the table. */
static void
record_key(const KmsKey *key, KmsRecord *record)
{
	record_begin(record, "key");
	record_uuid(record, &key->id);
	record_int(record, key->stored_owner.oid);
	record_text(record, key->stored_owner.name);
	record_int(record, key->created_at);
	record_text(record, key_state_name(key->state));
	record_text(record, key_spec_name(key->spec));
	record_text(record, key_usage_name(key->usage));
	record_text(record, key_origin_name(key->origin));
	if (key->has_primary_version)
		record_uuid(record, &key->primary_version);
	else
		record_null(record);
	record_text(record, key->description);
	record_int(record, key->rotation_seconds);
	record_int(record, key->rotated_at);
	record_int(record, key->next_rotation_at);
	record_int(record, key->material_expires_at);
	record_int(record, key->delete_at);
	record_int(record, key->deletion_protected);
	record_text(record, key->deletion_protection_description);
}

void
key_make_seal(KmsKey *key)
{
	KmsRecord	record;

	record_key(key, &record);
	row_mac_make(&record, &key->seal);
}

void
key_save(KmsKey *key)
{
	key_make_seal(key);
	store_key_update(key);
}

void
key_add(KmsKey *key)
{
	key_make_seal(key);
	store_key_insert(key);
}

bool
key_is_intact(const KmsKey *key)
{
	KmsRecord	record;

	record_key(key, &record);
	return row_mac_fits(&record, &key->seal);
}

void
key_require_intact(const KmsKey *key)
{
	char		id[37];

	if (!key_is_intact(key))
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the row of key \"%s\" has been damaged or tampered with", uuid_print(&key->id, id)),
					errhint("Restore table key of extension kms from a backup; kms_check_integrity() lists every such row."));
}

static void
record_alias(const KmsAlias *alias, KmsRecord *record)
{
	record_begin(record, "alias");
	record_text(record, alias->name);
	record_uuid(record, &alias->key_id);
	record_int(record, alias->created_at);
}

void
alias_make_seal(KmsAlias *alias)
{
	KmsRecord	record;

	record_alias(alias, &record);
	row_mac_make(&record, &alias->seal);
}

bool
alias_is_intact(const KmsAlias *alias)
{
	KmsRecord	record;

	record_alias(alias, &record);
	return row_mac_fits(&record, &alias->seal);
}

void
alias_require_intact(const KmsAlias *alias)
{
	if (!alias_is_intact(alias))
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the row of alias \"%s\" has been damaged or tampered with", alias->name),
					errhint("Delete the alias and make it anew, or restore table alias of extension kms from a backup."));
}
