/*
 * Rotation of the domain key: every table that has something under it is gone through once.
 *
 * The audit log stays under the versions that it was written under, and the digest of
 * imported material that was erased under its own: neither can be made anew.  So no version
 * of the domain key is ever deleted.
 */
#include "service/domain_key_rotation.h"

#include "base/error.h"
#include "root/root.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/certificate_seal.h"
#include "service/grant.h"
#include "service/key_seal.h"
#include "service/material.h"
#include "service/secret_seal.h"
#include "store/store.h"

typedef struct Rotation
{
	int64		account;		/* the current domain key: everything comes under it */
	int32		version;
	KmsDomainKey asked;			/* the one that was asked for last, and whether it opens */
	bool		asked_opens;
	int64		left;			/* of the batch */
	bool		more;			/* rows than it has */
	int64		damaged;
} Rotation;

typedef bool (*RewriteRow) (void *row, void *argument);
typedef int64 (*RewriteTable) (RewriteRow rewrite, void *argument, int64 max, bool *more);

static bool
opens(Rotation *rotation, int64 account, int32 version)
{
	KmsDomainKey *asked = &rotation->asked;

	if (asked->account_id != account || asked->version != version)
	{
		rotation->asked_opens = store_domain_key_find(account, version, asked) && account_domain_key_opens(asked);
		asked->account_id = account;
		asked->version = version;
	}
	return rotation->asked_opens;
}

static bool
is_current(const Rotation *rotation, int64 account, int32 version)
{
	return account == rotation->account && version == rotation->version;
}

/* Whether a row with something under this domain key has to, and can, be brought under the current one. */
static bool
is_due(Rotation *rotation, int64 account, int32 version)
{
	if (is_current(rotation, account, version))
		return false;
	if (opens(rotation, account, version))
		return true;
	rotation->damaged++;
	return false;
}

static bool
seal_is_due(Rotation *rotation, const KmsSeal *seal)
{
	return is_due(rotation, seal->account_id, seal->domain_key_version);
}

static bool
did(Rotation *rotation, bool well)
{
	if (!well)
		rotation->damaged++;
	return well;
}

/* Nothing can be said of a row that is not understood. */
static bool
is_understood(Rotation *rotation, const void *row)
{
	return did(rotation, row != NULL);
}

static bool
rewrite_key(void *row, void *argument)
{
	KmsKey	   *key = row;

	if (!is_understood(argument, key) || !seal_is_due(argument, &key->seal) || !did(argument, key_is_intact(key)))
		return false;
	key_make_seal(key);
	return true;
}

static bool
rewrite_alias(void *row, void *argument)
{
	KmsAlias   *alias = row;

	if (!is_understood(argument, alias) || !seal_is_due(argument, &alias->seal) || !did(argument, alias_is_intact(alias)))
		return false;
	alias_make_seal(alias);
	return true;
}

static bool
rewrite_grant(void *row, void *argument)
{
	KmsGrant   *grant = row;

	if (!is_understood(argument, grant) || !seal_is_due(argument, &grant->seal) || !did(argument, grant_is_intact(grant)))
		return false;
	grant_make_seal(grant);
	return true;
}

static bool
rewrite_secret(void *row, void *argument)
{
	KmsSecret  *secret = row;

	if (!is_understood(argument, secret) || !seal_is_due(argument, &secret->seal) || !did(argument, secret_is_intact(secret)))
		return false;
	secret_make_seal(secret);
	return true;
}

static bool
rewrite_stage(void *row, void *argument)
{
	StoredStage *stored = row;

	if (!is_understood(argument, stored) || !seal_is_due(argument, &stored->stage.seal) ||
		!did(argument, secret_stage_is_intact(&stored->secret_id, &stored->stage)))
		return false;
	secret_stage_make_seal(&stored->secret_id, &stored->stage);
	return true;
}

/* Two things under a domain key, which were put there at different times: neither moves without the other. */
static bool
rewrite_certificate(void *row, void *argument)
{
	KmsCertificate *certificate = row;
	const KmsSeal *seal;

	if (!is_understood(argument, certificate))
		return false;
	seal = &certificate->seal;
	if (is_current(argument, seal->account_id, seal->domain_key_version) &&
		is_current(argument, certificate->wrap_account_id, certificate->wrap_domain_key_version))
		return false;
	return did(argument, opens(argument, seal->account_id, seal->domain_key_version) &&
			   opens(argument, certificate->wrap_account_id, certificate->wrap_domain_key_version) &&
			   certificate_seal_anew(certificate));
}

static bool
rewrap_version(KmsKeyVersion *version)
{
	KmsKey		key;
	bool		understood;

	return store_key_find_carefully(&version->key_id, &key, &understood) && understood && material_rewrap(&key, version);
}

static bool
rewrite_version(void *row, void *argument)
{
	KmsKeyVersion *version = row;

	return is_understood(argument, version) && version->wrapped_len > 0 &&
		is_due(argument, version->account_id, version->domain_key_version) &&
		did(argument, rewrap_version(version));
}

static bool
rewrite_token(void *row, void *argument)
{
	KmsImportToken *token = row;

	return is_understood(argument, token) && token->wrapped_len > 0 &&
		is_due(argument, token->account_id, token->domain_key_version) &&
		did(argument, material_token_rewrap(token));
}

/* Up to the batch's end; how many rows. */
static int64
rewrite_all(Rotation *rotation)
{
	static const struct
	{
		RewriteTable table;
		RewriteRow	row;
	}			tables[] = {
		{store_key_version_rewrite, rewrite_version},
		{store_import_token_rewrite, rewrite_token},
		{store_certificate_rewrite, rewrite_certificate},
		{store_key_rewrite, rewrite_key},
		{store_alias_rewrite, rewrite_alias},
		{store_grant_rewrite, rewrite_grant},
		{store_secret_rewrite, rewrite_secret},
		{store_secret_stage_rewrite, rewrite_stage},
	};

	rotation->left = DOMAIN_KEY_ROTATION_BATCH;
	rotation->more = false;
	rotation->damaged = 0;
	for (size_t i = 0; i < lengthof(tables) && !rotation->more; i++)
		rotation->left -= tables[i].table(tables[i].row, rotation, rotation->left, &rotation->more);
	return DOMAIN_KEY_ROTATION_BATCH - rotation->left;
}

static void
report(const Rotation *rotation, int64 rewritten, bool is_new)
{
	if (rotation->more)
		ereport(NOTICE,
				errmsg("kms: %d rows are under domain key %d; call kms_rotate_domain_key again for those that are left",
					   DOMAIN_KEY_ROTATION_BATCH, rotation->version));
	else if (!is_new)
		ereport(NOTICE,
				errmsg("kms: no new domain key was made: " INT64_FORMAT " rows were under an earlier one than %d", rewritten, rotation->version));
	if (rotation->damaged > 0)
		ereport(WARNING,
				errmsg("kms: " INT64_FORMAT " rows that do not open stay under an earlier domain key", rotation->damaged),
				errhint("kms_check_integrity() lists them."));
}

int64
domain_key_rotate(Oid caller)
{
	Rotation	rotation = {.account = account_id()};
	int64		rewritten;
	bool		is_new;

	account_require_unsealed();
	store_open_alone();
	(void) account_row_mac(rotation.account, &rotation.version);	/* version 0: tells the current one */
	rewritten = rewrite_all(&rotation);
	is_new = rewritten == 0;
	if (is_new)
	{
		rotation.version = account_add_domain_key();
		rewritten = rewrite_all(&rotation);
	}
	report(&rotation, rewritten, is_new);
	audit_record(ACTION_ROTATE_DOMAIN_KEY, caller, "service", NULL,
				 psprintf("version %d, " INT64_FORMAT " rows", rotation.version, rewritten));
	store_sync_at_commit();
	store_close();
	return rewritten;
}
