/*
 * Stage labels.
 */
#include "service/secret_label.h"

#include "base/error.h"
#include "service/account.h"
#include "service/secret_seal.h"

void
labels_read(const pg_uuid_t *secret_id, Snapshot snapshot, SecretLabels *labels)
{
	labels->secret_id = *secret_id;
	labels->stages = store_secret_stage_list(secret_id, snapshot);
}

static KmsSecretStage *
find(const SecretLabels *labels, const char *label)
{
	ListCell   *cell;

	foreach(cell, labels->stages)
	{
		KmsSecretStage *stage = lfirst(cell);

		if (strcmp(stage->stage, label) == 0)
			return stage;
	}
	return NULL;
}

static void
require_intact(const SecretLabels *labels, const KmsSecretStage *stage)
{
	if (!secret_stage_is_intact(&labels->secret_id, stage))
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the row of label \"%s\" has been damaged or tampered with", stage->stage),
					errhint("Restore table secret_version_stage of extension kms from a backup."));
}

const char *
label_holder(const SecretLabels *labels, const char *label)
{
	const KmsSecretStage *stage = find(labels, label);

	if (stage == NULL)
		return NULL;
	require_intact(labels, stage);
	return stage->version_id;
}

bool
label_exists(const SecretLabels *labels, const char *label)
{
	return find(labels, label) != NULL;
}

static List *
named(const SecretLabels *labels, const char *version_id)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, labels->stages)
	{
		const KmsSecretStage *stage = lfirst(cell);

		if (strcmp(stage->version_id, version_id) == 0)
			names = lappend(names, unconstify(char *, stage->stage));
	}
	return names;
}

List *
labels_of(const SecretLabels *labels, const char *version_id)
{
	List	   *names = named(labels, version_id);
	ListCell   *cell;

	foreach(cell, names)
		require_intact(labels, find(labels, lfirst(cell)));
	return names;
}

List *
labels_shown(const SecretLabels *labels, const char *version_id)
{
	return account_is_unsealed() ? labels_of(labels, version_id) : named(labels, version_id);
}

bool
labels_any(const SecretLabels *labels, const char *version_id)
{
	ListCell   *cell;

	foreach(cell, labels->stages)
	{
		if (strcmp(((const KmsSecretStage *) lfirst(cell))->version_id, version_id) == 0)
			return true;
	}
	return false;
}

bool
label_is_built_in(const char *label)
{
	return strcmp(label, LABEL_CURRENT) == 0 || strcmp(label, LABEL_PREVIOUS) == 0;
}

void
label_put(SecretLabels *labels, const char *label, const char *version_id)
{
	KmsSecretStage *stage = find(labels, label);

	if (stage == NULL)
	{
		stage = palloc0(sizeof(KmsSecretStage));
		stage->stage = label;
		labels->stages = lappend(labels->stages, stage);
	}
	else
		require_intact(labels, stage);
	stage->version_id = version_id;
	secret_stage_make_seal(&labels->secret_id, stage);
	store_secret_stage_put(&labels->secret_id, stage);
}

void
label_remove(SecretLabels *labels, const char *label)
{
	KmsSecretStage *stage = find(labels, label);

	if (stage == NULL)
		return;
	store_secret_stage_delete(&labels->secret_id, label);
	labels->stages = list_delete_ptr(labels->stages, stage);
}

void
labels_make_current(SecretLabels *labels, const char *version_id)
{
	const char *before = label_holder(labels, LABEL_CURRENT);

	if (before != NULL && strcmp(before, version_id) == 0)
		return;
	if (before != NULL)
		label_put(labels, LABEL_PREVIOUS, before);
	label_put(labels, LABEL_CURRENT, version_id);
}

void
labels_require_few(const SecretLabels *labels, const char *secret_name)
{
	if (list_length(labels->stages) > LABELS_MAX)
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("secret \"%s\" would have more than 8 labels", secret_name),
					errhint("Remove one with kms_update_secret_version_stage."));
}
