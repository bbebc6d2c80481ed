/*
 * Values of secrets.
 *
 * The additional data of the envelope is no encryption context (it begins with the
 * length of "secret version", where a context has its number of pairs), so that
 * kms_decrypt opens no value, whoever has got hold of the row: reading a secret is
 * asked for, and logged, as reading a secret.
 */
#include "service/secret_value.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/record.h"
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/envelope.h"
#include "service/key.h"
#include "service/key_create.h"
#include "service/key_rotation.h"
#include "service/key_seal.h"
#include "store/catalog.h"
#include "utils/timestamp.h"

#define SERVICE_ALIAS	"alias/acs/secrets"

static void
record_place(const KmsSecretVersion *version, KmsRecord *place)
{
	record_begin(place, "secret version");
	record_uuid(place, &version->secret_id);
	record_text(place, version->id);
	record_int(place, version->created_at);
	record_int(place, version->is_binary);
	record_text(place, version->role_name);
}

/* Whose rights on the key count. */
static Oid
user_of_key(Oid user, const KmsSecret *secret)
{
	return secret->key_is_chosen ? user : CALLER_SERVICE;
}

bytea *
secret_value_seal(Oid user, const KmsSecret *secret, const KmsSecretVersion *version, kc_view value)
{
	KmsCallSite site = {0};
	KmsCachedVersion *key_version;
	char		key_id[37];
	KmsRecord	place;
	bytea	   *envelope;

	uuid_print(&secret->key_id, key_id);
	do
	{
		key_cache_begin();
		key_version = version_to_encrypt(&site, user_of_key(user, secret), ACTION_GENERATE_DATA_KEY,
										 "encryption_key_id", kc_view_of(key_id, 36), kc_view_of(NULL, 0));
	} while (key_cache_moved());
	audit_about_secret(secret->name);	/* no longer about its key */
	record_place(version, &place);
	envelope = envelope_seal(key_version, ACTION_GENERATE_DATA_KEY, value, record_view(&place));
	record_end(&place);
	return envelope;
}

static void
err_damaged(const KmsSecret *secret, const KmsSecretVersion *version)
{
	kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
				errmsg("version \"%s\" of secret \"%s\" has been damaged or tampered with", version->id, secret->name),
				errhint("Restore table secret_version of extension kms from a backup."));
}

static kc_view
envelope_view(const KmsSecretVersion *version)
{
	return kc_view_of(VARDATA_ANY(version->value), VARSIZE_ANY_EXHDR(version->value));
}

bytea *
secret_value_open(Oid user, const KmsSecret *secret, const KmsSecretVersion *version)
{
	KmsCallSite site = {0};
	KmsFoundEnvelope found;
	KmsRecord	place;
	bytea	   *value;
	kc_status	status;

	if (kc_envelope_parse(envelope_view(version), &found.envelope) != KC_OK)
		err_damaged(secret, version);
	do
	{
		key_cache_begin();
		envelope_find(&site, user_of_key(user, secret), ACTION_DECRYPT, envelope_view(version), kc_view_of(NULL, 0), &found);
	} while (key_cache_moved());
	audit_about_secret(secret->name);	/* no longer about its key */
	if (!uuid_equal(&found.version->key->id, &secret->key_id))
		err_damaged(secret, version);
	record_place(version, &place);
	value = bytes_new(found.envelope.plaintext_len);
	usage_note(found.version, ACTION_DECRYPT, found.envelope.plaintext_len);
	status = envelope_open(&found, record_view(&place), (uint8 *) VARDATA(value));
	record_end(&place);
	if (status == KC_BAD_TAG || status == KC_BAD_INPUT)
	{
		usage_failed(found.version, ACTION_DECRYPT, found.envelope.plaintext_len);
		err_damaged(secret, version);
	}
	usage_end(found.version, ACTION_DECRYPT, found.envelope.plaintext_len, status);
	return value;
}

bool
secret_value_is(const KmsSecret *secret, const KmsSecretVersion *version, kc_view value)
{
	bytea	   *stored = secret_value_open(CALLER_SERVICE, secret, version);
	size_t		len = VARSIZE_ANY_EXHDR(stored);
	bool		same = len == value.len && kc_equal(VARDATA_ANY(stored), value.data, len);

	kc_wipe(VARDATA_ANY(stored), len);
	pfree(stored);
	return same;
}

/* A key that somebody names; what he calls it stands in the errors. */
static void
choose_named_key(Oid caller, const char *reference, KmsSecret *secret)
{
	KmsCallSite site = {0};
	KmsCachedVersion *version;

	do
	{
		key_cache_begin();
		version = version_to_encrypt(&site, caller, ACTION_GENERATE_DATA_KEY, "encryption_key_id",
									 kc_view_of(reference, strlen(reference)), kc_view_of(NULL, 0));
	} while (key_cache_moved());
	secret->key_id = version->key->id;
	secret->key_is_chosen = true;
}

static bool
find_service_key(KmsSecret *secret)
{
	KmsAlias	alias;

	if (!store_alias_find(SERVICE_ALIAS, strlen(SERVICE_ALIAS), &alias))
		return false;
	alias_require_intact(&alias);
	secret->key_id = alias.key_id;
	return true;
}

/* Protected, so that nobody schedules its deletion by the way; its owner is that of the extension. */
static void
make_service_key(KmsSecret *secret)
{
	Oid			owner = store_catalog()->owner;
	const KmsCreateKey request = {
		.key_spec = "Aliyun_AES_256", .origin = "Aliyun_KMS", .protection_level = "SOFTWARE",
		.rotation_seconds = NO_INTERVAL, .deletion_protected = true,
		.description = "the service's own: values of secrets for which no other key was chosen are encrypted under it"
	};
	KmsAlias	alias = {.name = SERVICE_ALIAS, .created_at = GetCurrentTimestamp()};

	alias.key_id = key_create(owner, &request);
	store_open();
	alias_make_seal(&alias);
	if (!store_alias_insert(&alias))
		err_serialization();
	audit_record_key(ACTION_CREATE_ALIAS, owner, &alias.key_id, SERVICE_ALIAS);
	store_close();
	secret->key_id = alias.key_id;
}

/* One session makes it; who comes meanwhile waits for the end of that transaction. */
static void
choose_service_key(KmsSecret *secret)
{
	secret->key_is_chosen = false;
	if (find_service_key(secret))
		return;
	store_open();
	store_alias_lock_table();
	store_close_unrecorded();
	if (!find_service_key(secret))
		make_service_key(secret);
}

void
secret_choose_key(Oid caller, const char *reference, KmsSecret *secret)
{
	if (reference != NULL)
		choose_named_key(caller, reference, secret);
	else
		choose_service_key(secret);
}

bool
secret_value_names_version(const KmsSecretVersion *version, pg_uuid_t *id)
{
	kc_envelope envelope;

	if (kc_envelope_parse(envelope_view(version), &envelope) != KC_OK)
		return false;
	memcpy(id->data, envelope.version_id, UUID_LEN);
	return true;
}

bool
secret_value_opens(const KmsSecretVersion *version)
{
	KmsFoundEnvelope found;
	KmsRecord	place;
	uint8	   *value;
	kc_status	status;

	if (kc_envelope_parse(envelope_view(version), &found.envelope) != KC_OK)
		return false;
	do
	{
		key_cache_begin();
		found.version = key_cache_version(found.envelope.version_id);
		if (found.version == NULL)
			return false;
		(void) key_cache_material(found.version);
	} while (key_cache_moved());
	if (found.version->material->suite != found.envelope.suite)
		return false;
	record_place(version, &place);
	value = palloc(Max(found.envelope.plaintext_len, 1));
	status = envelope_open(&found, record_view(&place), value);
	kc_wipe(value, found.envelope.plaintext_len);
	pfree(value);
	record_end(&place);
	if (status != KC_BAD_TAG && status != KC_BAD_INPUT)
		err_crypto(status);
	return status == KC_OK;
}

void
secret_value_require_intact(const KmsSecret *secret, const KmsSecretVersion *version)
{
	if (!secret_value_opens(version))
		err_damaged(secret, version);
}
