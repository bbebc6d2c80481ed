/*
 * Looking for rows that were damaged or tampered with, or that lost what they
 * belong to.  One walk through each table; memory of one row at a time.
 */
#include "service/integrity.h"

#include "base/ident.h"
#include "service/account.h"
#include "service/audit_chain.h"
#include "service/certificate_seal.h"
#include "service/grant.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/material.h"
#include "service/secret_label.h"
#include "service/secret_seal.h"
#include "service/secret_value.h"
#include "store/import_token.h"
#include "store/key_version.h"
#include "store/tag.h"
#include "utils/timestamp.h"

#define NOT_UNDERSTOOD	"it has a value that no release of this extension has written"
#define MAC_DIFFERS		"its MAC does not fit: it was changed by hand or damaged"
#define KEY_IS_GONE		"its key does not exist"
#define SECRET_IS_GONE	"its secret does not exist"
#define RESOURCE_IS_GONE	"its key, secret or certificate does not exist"

typedef struct Check
{
	KmsProblemSeen seen;
	void	   *argument;
	const char *table;
} Check;

static void
report(const Check *check, const char *id, const char *problem)
{
	check->seen(check->table, id, problem, check->argument);
}

/* Reports at most one problem of a row; NULL: none. */
static void
report_if(const Check *check, const char *id, const char *problem)
{
	if (problem != NULL)
		report(check, id, problem);
}

static const char *
problem_of_primary(const KmsKey *key)
{
	KmsKeyVersion version;

	if (!key->has_primary_version)
		return key->state == KEY_PENDING_IMPORT || key->state == KEY_PENDING_DELETION ? NULL : "it has no version";
	if (!store_key_version_find(&key->primary_version, &version) || !uuid_equal(&version.key_id, &key->id))
		return "its newest version is missing";
	if (version.wrapped_len == 0 && key_state_now(key->state, key->material_expires_at) == KEY_ENABLED)
		return "its material is missing";
	return NULL;
}

static void
check_key(const void *row, const char *id, void *argument)
{
	const KmsKey *key = row;

	if (key == NULL)
		report(argument, id, NOT_UNDERSTOOD);
	else if (!key_is_intact(key))
		report(argument, id, MAC_DIFFERS);
	else
		report_if(argument, id, problem_of_primary(key));
}

static const char *
problem_of_version(const KmsKeyVersion *version)
{
	KmsKey		key;
	KmsMaterialOf of;
	bool		understood;

	if (!store_key_find_carefully(&version->key_id, &key, &understood))
		return KEY_IS_GONE;
	if (!understood)
		return "its key is not understood, by which it would open";
	if (version->wrapped_len == 0)
		return key.origin == KEY_ORIGIN_EXTERNAL ? NULL : "its material is missing";
	of = (KmsMaterialOf) {key.spec, key.usage, key.origin};
	return material_opens(version, &of) ? NULL : "its material does not open: it, or its key, was changed by hand or damaged";
}

static void
check_version(const void *row, const char *id, void *argument)
{
	report_if(argument, id, row == NULL ? NOT_UNDERSTOOD : problem_of_version(row));
}

static bool
key_exists(const pg_uuid_t *id)
{
	KmsKey		key;
	bool		understood;

	return store_key_find_carefully(id, &key, &understood);
}

static bool
secret_exists(const pg_uuid_t *id)
{
	KmsSecret	secret;
	bool		understood;

	return store_secret_find_id_carefully(id, &secret, &understood);
}

static bool
certificate_exists(const pg_uuid_t *id)
{
	KmsCertificate certificate;
	bool		understood;

	return store_certificate_find_carefully(id, &certificate, &understood);
}

/* What a grant or a tag belongs to. */
static bool
resource_exists(const char *type, const pg_uuid_t *id)
{
	if (strcmp(type, "secret") == 0)
		return secret_exists(id);
	return strcmp(type, "certificate") == 0 ? certificate_exists(id) : key_exists(id);
}

static const char *
problem_of_alias(const KmsAlias *alias)
{
	if (!alias_is_intact(alias))
		return MAC_DIFFERS;
	return key_exists(&alias->key_id) ? NULL : KEY_IS_GONE;
}

static void
check_alias(const void *row, const char *id, void *argument)
{
	report_if(argument, id, row == NULL ? NOT_UNDERSTOOD : problem_of_alias(row));
}

static const char *
problem_of_grant(const KmsGrant *grant)
{
	if (!grant_is_intact(grant))
		return MAC_DIFFERS;
	if (!resource_exists(grant->resource_type, &grant->resource))
		return RESOURCE_IS_GONE;
	if (OidIsValid(grant->grantee.oid) && !store_role_now(&grant->grantee).valid)
		return "it is void: its role does not exist, or has lost its privilege on kms.role_anchor";
	return NULL;
}

static void
check_grant(const void *row, const char *id, void *argument)
{
	report_if(argument, id, row == NULL ? NOT_UNDERSTOOD : problem_of_grant(row));
}

static const char *
problem_of_token(const KmsImportToken *token)
{
	if (!key_exists(&token->key_id))
		return KEY_IS_GONE;
	if (token->wrapped_len == 0)
		return NULL;			/* it has expired */
	return material_token_opens(token) ? NULL : "its private key does not open: it was changed by hand or damaged";
}

static void
check_token(const void *row, const char *id, void *argument)
{
	report_if(argument, id, row == NULL ? NOT_UNDERSTOOD : problem_of_token(row));
}

/* That it has a current version, all who read it rely on. */
static const char *
problem_of_secret(const KmsSecret *secret)
{
	SecretLabels labels;

	if (!secret_is_intact(secret))
		return MAC_DIFFERS;
	if (!key_exists(&secret->key_id))
		return KEY_IS_GONE;
	labels_read(&secret->id, NULL, &labels);
	return label_exists(&labels, LABEL_CURRENT) ? NULL : "it has no current version";
}

static void
check_secret(const void *row, const char *id, void *argument)
{
	report_if(argument, id, row == NULL ? NOT_UNDERSTOOD : problem_of_secret(row));
}

/* Whether the material is what its key, with this row, says it is: both are reported as rows of their own. */
static bool
is_sound(const KmsKeyVersion *version)
{
	KmsKey		key;
	bool		understood;

	return problem_of_version(version) == NULL && store_key_find_carefully(&version->key_id, &key, &understood) &&
		understood && key_is_intact(&key);
}

/* A value must not be tried with what is damaged: that ends in an error, and the check with it. */
static const char *
problem_of_secret_version(const KmsSecretVersion *version)
{
	pg_uuid_t	id;
	KmsKeyVersion by;

	if (!secret_exists(&version->secret_id))
		return SECRET_IS_GONE;
	if (secret_value_names_version(version, &id) && store_key_version_find(&id, &by))
	{
		if (by.wrapped_len == 0)
			return NULL;		/* nothing opens until it is imported again */
		if (!is_sound(&by))
			return "its value does not open: its key was changed by hand or damaged, or is gone";
	}
	return secret_value_opens(version) ? NULL : "its value does not open: it was changed by hand or damaged, or its key is gone";
}

static void
check_secret_version(const void *row, const char *id, void *argument)
{
	const KmsSecretVersion *version = row;

	if (version != NULL)
		id = psprintf("%s/%s", id, version->id);
	report_if(argument, id, version == NULL ? NOT_UNDERSTOOD : problem_of_secret_version(version));
}

static const char *
problem_of_stage(const StoredStage *row)
{
	KmsSecretVersion version;

	if (!secret_stage_is_intact(&row->secret_id, &row->stage))
		return MAC_DIFFERS;
	return store_secret_version_find(&row->secret_id, row->stage.version_id, NULL, &version) ? NULL : "its version does not exist";
}

static void
check_stage(const void *row, const char *id, void *argument)
{
	const StoredStage *stage = row;

	if (stage != NULL)
		id = psprintf("%s/%s", id, stage->stage.stage);
	report_if(argument, id, stage == NULL ? NOT_UNDERSTOOD : problem_of_stage(stage));
}

static void
check_secret_role(const void *row, const char *id, void *argument)
{
	const pg_uuid_t *secret_id = row;

	report_if(argument, id, secret_id == NULL ? NOT_UNDERSTOOD : secret_exists(secret_id) ? NULL : SECRET_IS_GONE);
}

static const char *
problem_of_certificate(const KmsCertificate *certificate)
{
	if (!certificate_is_intact(certificate))
		return MAC_DIFFERS;
	return certificate_key_opens(certificate) ? NULL : "its private key does not open: it was changed by hand or damaged";
}

static void
check_certificate(const void *row, const char *id, void *argument)
{
	report_if(argument, id, row == NULL ? NOT_UNDERSTOOD : problem_of_certificate(row));
}

static void
check_tag(const void *row, const char *id, void *argument)
{
	const StoredTag *tag = row;

	if (tag == NULL)
		report(argument, id, NOT_UNDERSTOOD);
	else if (!resource_exists(tag->resource_type, &tag->resource))
		report(argument, psprintf("%s/%s", id, tag->tag.key), RESOURCE_IS_GONE);
}

static void
check_domain_key(const void *row, const char *id, void *argument)
{
	const KmsDomainKey *key = row;
	const char *name;

	if (key == NULL)
	{
		report(argument, id, NOT_UNDERSTOOD);
		return;
	}
	name = psprintf("%s/%d", id, key->version);
	if (!account_domain_key_opens(key))
		report(argument, name, "it does not open: it was changed by hand or damaged, or the server lacks its root key");
}

/* A chain is broken in one place: what comes after it proves nothing. */
static void
check_audit(const Check *check)
{
	KmsAuditVerification result;

	audit_verify(&result);
	if (result.problem != NULL)
		report(check, psprintf(INT64_FORMAT, result.first_bad_row), result.problem);
}

void
integrity_check(KmsProblemSeen seen, void *argument)
{
	Check		check = {.seen = seen, .argument = argument};

	account_require_unsealed();
	check.table = "domain_key";
	store_domain_key_each(check_domain_key, &check);
	check.table = "key";
	store_key_each(check_key, &check);
	check.table = "key_version";
	store_key_version_each(check_version, &check);
	check.table = "alias";
	store_alias_each(check_alias, &check);
	check.table = "import_token";
	store_import_token_each(check_token, &check);
	check.table = "grant_entry";
	store_grant_each(check_grant, &check);
	check.table = "secret";
	store_secret_each(check_secret, &check);
	check.table = "secret_version";
	store_secret_version_each(check_secret_version, &check);
	check.table = "secret_version_stage";
	store_secret_stage_each(check_stage, &check);
	check.table = "secret_role";
	store_secret_role_each(check_secret_role, &check);
	check.table = "certificate";
	store_certificate_each(check_certificate, &check);
	check.table = "tag";
	store_tag_each(check_tag, &check);
	check.table = "audit_entry";
	check_audit(&check);
}
