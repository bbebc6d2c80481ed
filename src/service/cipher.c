/*
 * Encrypting and decrypting.
 *
 * A hit costs no catalog access, no SPI and no allocation but the result.  What
 * may raise comes first (finding, permission, state, the result's memory); then
 * the cipher runs, and between the two nothing secret lies about.
 */
#include "service/cipher.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "crypto/blob.h"
#include "crypto/random.h"
#include "service/key.h"

/* What the caller called it, for errors. */
typedef struct Named
{
	const char *kind;
	kc_view		name;
} Named;

static void
refuse(const Named *named)
{
	access_refuse(named->kind, (const char *) named->name.data, named->name.len);
}

/* Ask, and remember the answer with the key until roles change. */
static void
ask_access(KmsCachedKey *key, Oid caller, KmsAction action, const Named *named)
{
	KmsVerdict	verdict = access_decide(caller, action, &key->owner);

	if (verdict == ACCESS_DENIED)
		refuse(named);
	if (verdict == ACCESS_ALLOWED_NOW)
		return;
	if (key->rights_role != caller || key->rights_count != invalidation_roles_count)
	{
		key->rights_role = caller;
		key->rights_count = invalidation_roles_count;
		key->rights = 0;
	}
	key->rights |= UINT32_C(1) << action;
}

/* The order of checks: existence, permission, state. */
static void
check_usable(KmsCachedKey *key, Oid caller, KmsAction action, const Named *named)
{
	char		id[37];

	if (key_is_gone(key->state, key->delete_at))
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_NOT_FOUND,
					errmsg("%s \"%.*s\" does not exist", named->kind, (int) named->name.len, named->name.data));
	ask_access(key, caller, action, named);
	uuid_print(&key->id, id);
	key_require_enabled(key_state_now(key->state, key->material_expires_at), "key", id, 36);
}

/* Whether nothing needs to be asked: the answer is remembered, and no date can change it. */
static inline bool
known_usable(const KmsCachedKey *key, Oid caller, KmsAction action)
{
	return key->plain && key->rights_role == caller && (key->rights & (UINT32_C(1) << action)) &&
		key->rights_count == invalidation_roles_count;
}

/* Most references are ids in text: a length known beforehand compares in place. */
static inline bool
same_reference(const KmsCallSite *site, kc_view reference)
{
	if (site->reference_len != reference.len)
		return false;
	if (reference.len == 36)
		return memcmp(site->reference, reference.data, 36) == 0;
	return memcmp(site->reference, reference.data, reference.len) == 0;
}

/* The key that this place named last time, or whatever it names now. */
static inline KmsCachedKey *
key_named(KmsCallSite *site, const char *argument, kc_view reference)
{
	if (likely(site->epoch == key_cache_epoch && same_reference(site, reference)))
	{
		key_cache_touch(site->key);
		return site->key;
	}
	site->epoch = 0;
	site->key = key_cache_find(argument, (const char *) reference.data, reference.len);
	if (reference.len <= REFERENCE_MAX_LEN)
	{
		memcpy(site->reference, reference.data, reference.len);
		site->reference_len = reference.len;
		site->epoch = key_cache_epoch;
	}
	return site->key;
}

/* Find the version that encrypts, with its material, for a caller who may use it. */
static inline KmsCachedVersion *
version_to_encrypt(KmsCallSite *site, Oid caller, KmsAction action, const char *argument, kc_view reference)
{
	KmsCachedKey *key = key_named(site, argument, reference);
	KmsCachedVersion *version;

	if (unlikely(!known_usable(key, caller, action)))
	{
		Named		named = {"key", reference};

		check_usable(key, caller, action, &named);
	}
	version = key_cache_primary(key);
	(void) key_cache_material(version);
	return version;
}

static void
err_version_not_found(const uint8 *version_id)
{
	pg_uuid_t	id;
	char		text[37];

	memcpy(id.data, version_id, UUID_LEN);
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_NOT_FOUND,
				errmsg("key version \"%s\" does not exist", uuid_print(&id, text)),
				errhint("The key was erased, or this ciphertext belongs to another database."));
}

static inline KmsCachedVersion *
version_named(KmsCallSite *site, const uint8 *version_id)
{
	KmsCachedVersion *version;

	if (likely(site->version_epoch == key_cache_epoch &&
			   memcmp(site->version->id.data, version_id, UUID_LEN) == 0))
	{
		key_cache_touch(site->version->key);
		return site->version;
	}
	site->version_epoch = 0;
	version = key_cache_version(version_id);
	if (version == NULL)
		err_version_not_found(version_id);
	site->version = version;
	site->version_epoch = key_cache_epoch;
	return version;
}

/* Find the version that a blob names, with its material, likewise. */
static inline KmsCachedVersion *
version_to_decrypt(KmsCallSite *site, Oid caller, KmsAction action, const kc_blob *blob)
{
	KmsCachedVersion *version = version_named(site, blob->version_id);
	KmsCachedKey *key = version->key;
	const kc_key *material;

	if (unlikely(!known_usable(key, caller, action)))
	{
		char		text[37];
		Named		named = {"key version", kc_view_of(text, 36)};

		uuid_print(&version->id, text);
		check_usable(key, caller, action, &named);
	}
	material = key_cache_material(version);
	if (unlikely(material->suite != blob->suite))
		err_ciphertext();
	return version;
}

static inline void
require_plaintext_length(size_t len)
{
	if (unlikely(len > PLAINTEXT_MAX))
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for plaintext: it is longer than 6144 bytes"),
					errhint("Encrypt it with a data key (kms_generate_data_key), which the key protects."));
}

static inline void
parse_blob(kc_view bytes, kc_blob *blob)
{
	if (unlikely(kc_blob_parse(bytes, blob) != KC_OK || blob->ciphertext.len > PLAINTEXT_MAX))
		err_ciphertext();
}

/* Room for a blob under this version. */
static inline bytea *
new_blob(const KmsCachedVersion *version, size_t plaintext_len)
{
	size_t		len = kc_blob_len(version->material->suite, plaintext_len);
	bytea	   *blob = palloc(VARHDRSZ + len);

	SET_VARSIZE(blob, VARHDRSZ + len);
	return blob;
}

/* Fill it.  Raises nothing; the schedule was looked up by the caller. */
static inline kc_status
seal(const KmsCachedVersion *version, kc_schedule *schedule, kc_view plaintext, kc_view context, bytea *blob)
{
	uint8	   *header = (uint8 *) VARDATA(blob);
	uint8	   *nonce = header + KC_NONCE_AT;
	uint8	   *ciphertext = header + KC_HEADER_LEN;
	kc_status	status = kc_nonce(nonce);

	if (unlikely(status != KC_OK))
		return status;
	kc_blob_write_start(header, version->material->suite, version->id.data);
	return kc_seal(version->material, schedule, nonce, kc_view_of(header, KC_HEADER_LEN), context,
				   plaintext, ciphertext, ciphertext + plaintext.len);
}

bytea *
cipher_encrypt(KmsCallSite *site, Oid caller, KmsAction action, kc_view reference,
			   kc_view plaintext, kc_view context, KmsKeyUsed *used)
{
	KmsCachedVersion *version;
	bytea	   *blob;

	require_plaintext_length(plaintext.len);
	do
	{
		key_cache_begin();
		version = version_to_encrypt(site, caller, action, "key_id", reference);
	} while (unlikely(key_cache_moved()));

	blob = new_blob(version, plaintext.len);
	err_crypto(seal(version, key_cache_schedule(version), plaintext, context, blob));
	if (used != NULL)
	{
		used->key_id = version->key->id;
		used->version_id = version->id;
	}
	return blob;
}

bytea *
cipher_decrypt(KmsCallSite *site, Oid caller, kc_view bytes, kc_view context)
{
	KmsCachedVersion *version;
	kc_blob		blob;
	bytea	   *plaintext;

	parse_blob(bytes, &blob);
	do
	{
		key_cache_begin();
		version = version_to_decrypt(site, caller, ACTION_DECRYPT, &blob);
	} while (unlikely(key_cache_moved()));

	plaintext = palloc(VARHDRSZ + blob.ciphertext.len);
	SET_VARSIZE(plaintext, VARHDRSZ + blob.ciphertext.len);
	err_crypto(kc_open(version->material, key_cache_schedule(version), blob.nonce, blob.header, context,
					   blob.ciphertext, blob.tag, (uint8 *) VARDATA(plaintext)));
	return plaintext;
}

bytea *
cipher_re_encrypt(KmsCallSite *site, Oid caller, kc_view bytes, kc_view context,
				  kc_view destination, kc_view destination_context)
{
	uint8		plaintext[PLAINTEXT_MAX];
	KmsCachedVersion *source;
	KmsCachedVersion *target;
	kc_blob		blob;
	bytea	   *result;
	kc_status	status;

	parse_blob(bytes, &blob);
	do
	{
		key_cache_begin();
		source = version_to_decrypt(site, caller, ACTION_RE_ENCRYPT, &blob);
		target = version_to_encrypt(site, caller, ACTION_RE_ENCRYPT, "destination_key_id", destination);
	} while (unlikely(key_cache_moved()));

	/*
	 * Two versions may share one schedule: each is set right before it is used,
	 * and the plaintext is wiped whatever comes of that.
	 */
	result = new_blob(target, blob.ciphertext.len);
	status = kc_open(source->material, key_cache_schedule(source), blob.nonce, blob.header, context,
					 blob.ciphertext, blob.tag, plaintext);
	err_crypto(status);
	PG_TRY();
	{
		status = seal(target, key_cache_schedule(target), kc_view_of(plaintext, blob.ciphertext.len),
					  destination_context, result);
	}
	PG_CATCH();
	{
		kc_wipe(plaintext, blob.ciphertext.len);
		PG_RE_THROW();
	}
	PG_END_TRY();
	kc_wipe(plaintext, blob.ciphertext.len);
	err_crypto(status);
	return result;
}

static const char *
format_name(int suite)
{
	switch ((kc_suite) suite)
	{
		case KC_SUITE_XAES_256_GCM:
			return "XAES-256-GCM";
		case KC_SUITE_AES_192_GCM:
			return "AES-192-GCM";
		case KC_SUITE_AES_128_GCM:
			return "AES-128-GCM";
		case KC_SUITE_SM4_CTR_HMAC_SM3:
			return "SM4-CTR-HMAC-SM3";
	}
	elog(ERROR, "unknown suite %d", suite);
}

void
cipher_describe(Oid caller, kc_view bytes, KmsBlobInfo *info)
{
	kc_blob		blob;
	KmsCachedVersion *version;

	if (kc_blob_parse(bytes, &blob) != KC_OK)
		err_invalid("ciphertext_blob", "it is no ciphertext of this service");
	memcpy(info->version_id.data, blob.version_id, UUID_LEN);
	info->format = format_name(blob.suite);
	info->plaintext_length = (int64) blob.ciphertext.len;
	do
	{
		key_cache_begin();
		version = key_cache_version(blob.version_id);
	} while (key_cache_moved());
	info->has_key_id = version != NULL &&
		access_decide(caller, ACTION_DESCRIBE_KEY, &version->key->owner) != ACCESS_DENIED;
	if (info->has_key_id)
		info->key_id = version->key->id;
}
