/*
 * Secrets and their labels under their MACs: docs/formats.md has the records.
 */
#include "service/secret_seal.h"

#include "base/error.h"
#include "service/row_mac.h"
#include "utils/timestamp.h"

/* Every column, in the order of the table. */
static void
record_secret(const KmsSecret *secret, KmsRecord *record)
{
	record_begin(record, "secret");
	record_uuid(record, &secret->id);
	record_text(record, secret->name);
	record_int(record, secret->stored_owner.oid);
	record_text(record, secret->stored_owner.name);
	record_int(record, secret->created_at);
	record_int(record, secret->updated_at);
	record_text(record, secret_type_name(secret->type));
	record_text(record, secret_sub_type_name(secret->sub_type));
	record_text(record, secret->description);
	record_uuid(record, &secret->key_id);
	record_int(record, secret->key_is_chosen);
	record_text(record, secret->extended_config);
	record_text(record, secret_rotation_name(secret->rotation));
	record_int(record, secret->rotation_seconds);
	record_int(record, secret->rotated_at);
	record_int(record, secret->next_rotation_at);
	record_int(record, secret->delete_at);
	record_int(record, secret->hour_began_at);
	record_int(record, secret->hour_rotations);
}

void
secret_make_seal(KmsSecret *secret)
{
	KmsRecord	record;

	record_secret(secret, &record);
	row_mac_make(&record, &secret->seal);
}

void
secret_save(KmsSecret *secret)
{
	secret->updated_at = GetCurrentTimestamp();
	secret_make_seal(secret);
	store_secret_update(secret);
}

bool
secret_add(KmsSecret *secret)
{
	secret_make_seal(secret);
	return store_secret_insert(secret);
}

bool
secret_is_intact(const KmsSecret *secret)
{
	KmsRecord	record;

	record_secret(secret, &record);
	return row_mac_fits(&record, &secret->seal);
}

void
secret_require_intact(const KmsSecret *secret)
{
	if (!secret_is_intact(secret))
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the row of secret \"%s\" has been damaged or tampered with", secret->name),
					errhint("Restore table secret of extension kms from a backup; kms_check_integrity() lists every such row."));
}

static void
record_stage(const pg_uuid_t *secret_id, const KmsSecretStage *stage, KmsRecord *record)
{
	record_begin(record, "secret stage");
	record_uuid(record, secret_id);
	record_text(record, stage->stage);
	record_text(record, stage->version_id);
}

void
secret_stage_make_seal(const pg_uuid_t *secret_id, KmsSecretStage *stage)
{
	KmsRecord	record;

	record_stage(secret_id, stage, &record);
	row_mac_make(&record, &stage->seal);
}

bool
secret_stage_is_intact(const pg_uuid_t *secret_id, const KmsSecretStage *stage)
{
	KmsRecord	record;

	record_stage(secret_id, stage, &record);
	return row_mac_fits(&record, &stage->seal);
}
