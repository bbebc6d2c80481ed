/*
 * Importing key material.
 *
 * The private key of a token exists on the stack only, as does the material:
 * everything that may raise comes before or after, never in between.  What stays
 * of material that was erased is a keyed digest, so that only the same may return.
 */
#include "service/key_import.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/interrupt.h"
#include "base/settings.h"
#include "crypto/transport.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/key_spec.h"
#include "service/material.h"
#include "store/import_token.h"
#include "store/key_version.h"
#include "store/store.h"
#include "utils/timestamp.h"

#define TOKEN_HOURS		24
#define TOKEN_FORMAT	1
#define TOKEN_LEN		(1 + UUID_LEN)

static void
require_external(const KmsReference *reference, const KmsKey *key)
{
	if (key->origin != KEY_ORIGIN_EXTERNAL)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_ORIGIN,
					errmsg("key \"%.*s\" has its origin here, not EXTERNAL", (int) reference->len, reference->text));
	/* Others are never made with that origin: the row was edited. */
	if (key_kind(key->spec, key->usage) != KIND_CIPHER)
		err_stored();
}

static void
require_transport_allowed(kc_pke transport)
{
	if (transport == KC_PKE_RSA_PKCS1_V1_5 && !setting_allow_pkcs1_v1_5_import)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_UNSUPPORTED_OPERATION,
					errmsg("importing under RSAES_PKCS1_V1_5 is switched off"),
					errhint("Use RSAES_OAEP_SHA_256, or have a superuser set kms.allow_pkcs1_v1_5_import."));
}

/* The pair must fit: three algorithms under RSA_2048, SM2PKE under EC_SM2. */
static kc_pke
parse_transport(const char *algorithm, const char *key_spec)
{
	kc_pke transport = transport_of(algorithm);
	bool		rsa = strcmp(key_spec, "RSA_2048") == 0;

	if (transport == 0)
		err_invalid("wrapping_algorithm", "it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1, RSAES_PKCS1_V1_5 or SM2PKE");
	if (!rsa && strcmp(key_spec, "EC_SM2") != 0)
		err_invalid("wrapping_key_spec", "it must be RSA_2048 or EC_SM2");
	if (rsa != (transport != KC_PKE_SM2PKE))
		err_invalid("wrapping_algorithm", "it does not fit wrapping_key_spec");
	require_transport_allowed(transport);
	return transport;
}

/* Make the pair, keep its private half wrapped in the token. */
static kc_status
make_pair(KmsImportToken *token, const kc_key *wrapping, uint8 *public_key, size_t *public_len)
{
	uint8		private_key[KC_TRANSPORT_PRIVATE_MAX];
	size_t		private_len = sizeof(private_key);
	uint8		place[MATERIAL_PLACE_MAX];
	kc_status	status;

	status = kc_transport_generate(token->transport, private_key, &private_len, public_key, public_len, interrupt_pending);
	if (status == KC_OK)
	{
		token->wrapped_len = private_len + KC_WRAP_OVERHEAD;
		status = kc_wrap(wrapping, material_place_of_token(token, place), kc_view_of(private_key, private_len),
						 token->wrapped);
	}
	kc_wipe(private_key, sizeof(private_key));
	return status;
}

static bytea *
token_bytes(const KmsImportToken *token)
{
	uint8		bytes[TOKEN_LEN];

	bytes[0] = TOKEN_FORMAT;
	memcpy(bytes + 1, token->id.data, UUID_LEN);
	return bytes_of(bytes, sizeof(bytes));
}

void
key_get_parameters_for_import(Oid caller, const char *text, const char *wrapping_algorithm,
							  const char *wrapping_key_spec, KmsImportParameters *parameters)
{
	KmsReference reference;
	KmsKey		key;
	KmsImportToken token;
	const kc_key *wrapping;
	uint8		public_key[KC_TRANSPORT_PUBLIC_MAX];
	size_t		public_len = sizeof(public_key);
	kc_status	status;

	reference_parse_id("key_id", text, &reference);
	token.transport = parse_transport(wrapping_algorithm, wrapping_key_spec);
	key_find_for(caller, ACTION_GET_PARAMETERS_FOR_IMPORT, &reference, &key);
	require_external(&reference, &key);
	store_require_writable();

	token.id = uuid_random();
	token.key_id = key.id;
	token.account_id = account_id();
	token.domain_key_version = 0;
	wrapping = account_wrapping_key(token.account_id, &token.domain_key_version);
	status = make_pair(&token, wrapping, public_key, &public_len);
	err_crypto(status);

	token.expires_at = GetCurrentTimestamp() + TOKEN_HOURS * USECS_PER_HOUR;
	store_import_token_insert(&token);
	audit_record_key(ACTION_GET_PARAMETERS_FOR_IMPORT, caller, &key.id, NULL);
	store_sync_at_commit();
	parameters->key_id = key.id;
	parameters->token = token_bytes(&token);
	parameters->public_key = bytes_of(public_key, public_len);
	parameters->expires_at = token.expires_at;
}

static void
err_token(void)
{
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_IMPORT_TOKEN,
				errmsg("invalid value for import_token: it was not made for this key"));
}

/* The token's row, for this key and within its time. */
static void
find_token(kc_view bytes, const KmsKey *key, KmsImportToken *token)
{
	pg_uuid_t	id;

	if (bytes.len != TOKEN_LEN || bytes.data[0] != TOKEN_FORMAT)
		err_token();
	memcpy(id.data, bytes.data + 1, UUID_LEN);
	if (!store_import_token_find(&id, token) || !uuid_equal(&token->key_id, &key->id))
		err_token();
	if (token->wrapped_len == 0 || token->expires_at <= GetCurrentTimestamp())
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_EXPIRED_IMPORT_TOKEN,
					errmsg("import token has expired"),
					errhint("Call kms_get_parameters_for_import again."));
	require_transport_allowed(token->transport);
}

/* One error for everything that is wrong with imported material. */
static void
err_material(void)
{
	kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_KEY_MATERIAL,
				errmsg("invalid value for encrypted_key_material"),
				errhint("It must be the material, of the length of the key spec, encrypted under the public key of the token; and the same as the first time."));
}

/* Open the material with the token's private key. */
static kc_status
open_material(const KmsImportToken *token, const kc_key *unwrapping, kc_view encrypted, uint8 *material, size_t len)
{
	uint8		private_key[KC_TRANSPORT_PRIVATE_MAX];
	uint8		place[MATERIAL_PLACE_MAX];
	kc_status	status;

	status = kc_unwrap(unwrapping, material_place_of_token(token, place),
					   kc_view_of(token->wrapped, token->wrapped_len), private_key);
	if (status == KC_OK)
		status = kc_transport_open(token->transport, kc_view_of(private_key, token->wrapped_len - KC_WRAP_OVERHEAD),
								   encrypted, material, len);
	kc_wipe(private_key, sizeof(private_key));
	return status;
}

/*
 * Take over the material into version: wrapped, with its digest, and the digest
 * that the earlier one must have.
 */
static kc_status
take_material(const KmsImportToken *token, const KmsKey *key, kc_view encrypted,
			  const KmsKeyVersion *earlier, KmsKeyVersion *version)
{
	KmsMaterialKeys keys;
	uint8		material[KC_KEY_MAX];
	size_t		len = key_material_len(key->spec);
	kc_status	status;

	Assert(len <= sizeof(material));
	material_prepare(version, key, earlier, token, &keys);
	status = open_material(token, keys.token, encrypted, material, len);
	if (status == KC_OK)
		status = material_wrap(key, version, kc_view_of(material, len), earlier, &keys);
	kc_wipe(material, sizeof(material));
	return status;
}

static void
require_future(TimestampTz expires_at)
{
	if (expires_at <= GetCurrentTimestamp())
		err_invalid("key_material_expire", "it lies in the past");
}

/* The version that there is from the first import on; an edited row must not lend another key's. */
static bool
find_earlier(const KmsKey *key, KmsKeyVersion *earlier)
{
	if (!key->has_primary_version || !store_key_version_find(&key->primary_version, earlier))
		return false;
	if (!uuid_equal(&earlier->key_id, &key->id))
		err_stored();
	return true;
}

static void
store_material(KmsKey *key, KmsKeyVersion *version, bool is_new)
{
	if (!is_new)
	{
		store_key_version_set_material(version);
		return;
	}
	version->created_at = GetCurrentTimestamp();
	store_key_version_insert(version);
	key->has_primary_version = true;
	key->primary_version = version->id;
	key->rotated_at = version->created_at;
}

void
key_import_material(Oid caller, const char *text, kc_view encrypted, kc_view token_value, TimestampTz expires_at)
{
	KmsReference reference;
	KmsKey		key;
	KmsImportToken token;
	KmsKeyVersion version;
	KmsKeyVersion earlier;
	bool		is_new;
	kc_status	status;

	reference_parse_id("key_id", text, &reference);
	require_future(expires_at);
	key_find_for(caller, ACTION_IMPORT_KEY_MATERIAL, &reference, &key);
	require_external(&reference, &key);

	store_open();
	key_lock_for(caller, ACTION_IMPORT_KEY_MATERIAL, &reference, &reference.key_id, &key);
	require_external(&reference, &key);
	if (key.state == KEY_PENDING_DELETION)
		key_err_state_change(&reference, "pending deletion", NULL);
	find_token(token_value, &key, &token);
	is_new = !find_earlier(&key, &earlier);
	status = take_material(&token, &key, encrypted, is_new ? NULL : &earlier, &version);
	if (status == KC_BAD_TAG || status == KC_BAD_INPUT)
		err_material();
	err_crypto(status);

	store_material(&key, &version, is_new);
	if (key_state_now(key.state, key.material_expires_at) == KEY_PENDING_IMPORT)
		key.state = KEY_ENABLED;
	key.material_expires_at = expires_at;
	key_save(&key);
	audit_record_key(ACTION_IMPORT_KEY_MATERIAL, caller, &key.id,
					 psprintf("%s, %s", audit_version(&key.primary_version), audit_date("expires", expires_at)));
	store_sync_at_commit();
	store_close();
}

void
key_delete_material(Oid caller, const char *text)
{
	KmsReference reference;
	KmsKey		key;

	reference_parse_id("key_id", text, &reference);
	key_find_for(caller, ACTION_DELETE_KEY_MATERIAL, &reference, &key);
	require_external(&reference, &key);

	store_open();
	key_lock_for(caller, ACTION_DELETE_KEY_MATERIAL, &reference, &reference.key_id, &key);
	require_external(&reference, &key);
	store_key_version_erase_material(&key.id);
	if (key.state != KEY_PENDING_DELETION)
		key.state = KEY_PENDING_IMPORT;
	key.material_expires_at = DT_NOEND;
	key_save(&key);
	audit_record_key(ACTION_DELETE_KEY_MATERIAL, caller, &key.id, NULL);
	store_sync_at_commit();
	store_close();
}
