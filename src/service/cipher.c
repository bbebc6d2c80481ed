/*
 * Encrypting and decrypting.
 *
 * A hit costs no catalog access, no SPI and no allocation but the result.  What
 * may raise comes first (finding, permission, state, the result's memory); then
 * the cipher runs, and between the two nothing secret lies about.
 */
#include "service/cipher.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "crypto/envelope.h"
#include "crypto/random.h"
#include "service/envelope.h"

static inline void
require_plaintext_length(size_t len)
{
	if (unlikely(len > PLAINTEXT_MAX))
		kms_ereport(ERRCODE_INVALID_PARAMETER_VALUE, API_INVALID_PARAMETER,
					errmsg("invalid value for plaintext: it is longer than 6144 bytes"),
					errhint("kms_envelope_encrypt takes data of any size."));
}

static inline bool
parse_blob(kc_view bytes, kc_blob *blob)
{
	return likely(kc_blob_parse(bytes, blob) == KC_OK && blob->ciphertext.len <= PLAINTEXT_MAX);
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
cipher_seal(KmsCachedVersion *version, KmsAction action, kc_view plaintext, kc_view context)
{
	bytea	   *blob = bytes_new(kc_blob_len(version->material->suite, plaintext.len));

	usage_note(version, action, plaintext.len);
	usage_end(version, action, plaintext.len,
			  seal(version, key_cache_schedule(version), plaintext, context, blob));
	return blob;
}

/* Apart, so that a hit need not keep the version for what comes after. */
static pg_noinline bytea *
seal_and_log(KmsCachedVersion *version, KmsAction action, kc_view plaintext, kc_view context)
{
	bytea	   *blob = cipher_seal(version, action, plaintext, context);

	audit_used(&version->key->id);
	return blob;
}

bytea *
cipher_encrypt(KmsCallSite *site, Oid caller, KmsAction action, kc_view reference,
			   kc_view plaintext, kc_view context, KmsKeyUsed *used)
{
	KmsCachedVersion *version;

	require_plaintext_length(plaintext.len);
	do
	{
		key_cache_begin();
		version = version_to_encrypt(site, caller, action, "key_id", reference, context);
	} while (unlikely(key_cache_moved()));

	key_used(used, version);
	if (unlikely(setting_audit == AUDIT_ALL))
		return seal_and_log(version, action, plaintext, context);
	return cipher_seal(version, action, plaintext, context);
}

bytea *
cipher_try_decrypt(KmsCallSite *site, Oid caller, kc_view bytes, kc_view context, KmsRefusal *refusal)
{
	KmsCachedVersion *version;
	kc_blob		blob;
	bytea	   *plaintext;

	if (unlikely(envelope_is(bytes)))
		return envelope_try_decrypt(site, caller, bytes, context, refusal);
	if (!parse_blob(bytes, &blob))
	{
		refuse_ciphertext(refusal);
		return NULL;
	}
	do
	{
		key_cache_begin();
		version = version_to_try(site, caller, ACTION_DECRYPT, blob.version_id, blob.suite, context, refusal);
	} while (unlikely(key_cache_moved()));
	if (unlikely(version == NULL))
		return NULL;

	plaintext = bytes_new(blob.ciphertext.len);
	usage_note(version, ACTION_DECRYPT, blob.ciphertext.len);
	if (!key_use_opened(version, ACTION_DECRYPT, blob.ciphertext.len,
						kc_open(version->material, key_cache_schedule(version), blob.nonce, blob.header, context,
								blob.ciphertext, blob.tag, (uint8 *) VARDATA(plaintext)),
						refusal))
		return NULL;
	audit_used(&version->key->id);
	return plaintext;
}

bytea *
cipher_decrypt(KmsCallSite *site, Oid caller, kc_view bytes, kc_view context)
{
	KmsRefusal	refusal;
	bytea	   *plaintext = cipher_try_decrypt(site, caller, bytes, context, &refusal);

	if (unlikely(plaintext == NULL))
		refusal_raise(&refusal);
	return plaintext;
}

void
cipher_find(KmsCallSite *site, Oid caller, KmsAction action, kc_view bytes, kc_view context, KmsFoundBlob *found)
{
	if (!parse_blob(bytes, &found->blob))
		err_ciphertext();
	found->version = version_to_decrypt(site, caller, action, found->blob.version_id, found->blob.suite, context);
}

kc_status
cipher_open(const KmsFoundBlob *found, kc_view context, uint8 out[PLAINTEXT_MAX], size_t *len)
{
	const kc_blob *blob = &found->blob;

	*len = blob->ciphertext.len;
	return kc_open(found->version->material, key_cache_schedule(found->version), blob->nonce, blob->header,
				   context, blob->ciphertext, blob->tag, out);
}

bool
cipher_begins(kc_view start, size_t len)
{
	int			suite;
	size_t		tag_len;

	if (start.len < KC_HEADER_LEN)
		return false;
	suite = envelope_is(start) ? start.data[0] - KC_ENVELOPE_FORMAT : start.data[0];
	tag_len = kc_tag_len(suite);
	return tag_len > 0 && len >= KC_HEADER_LEN + tag_len;
}

/* The id of the version of a well-formed ciphertext; NULL for what is none. */
static const uint8 *
version_id_of(kc_view bytes)
{
	kc_envelope envelope;
	kc_blob		blob;

	if (envelope_is(bytes))
		return kc_envelope_parse(bytes, &envelope) == KC_OK ? envelope.version_id : NULL;
	return parse_blob(bytes, &blob) ? blob.version_id : NULL;
}

/* Whoever it is for was asked before; what comes out is wiped. */
static bool
opens(KmsCallSite *site, kc_view bytes, kc_view context, KmsRefusal *refusal)
{
	bytea	   *plaintext = cipher_try_decrypt(site, CALLER_SERVICE, bytes, context, refusal);

	if (plaintext == NULL)
		return false;
	bytes_wipe(plaintext);
	return true;
}

KmsSealed
cipher_sealed(KmsCallSite *site, Oid caller, kc_view reference, kc_view bytes, kc_view context, KmsRefusal *refusal)
{
	const uint8 *version_id = version_id_of(bytes);
	KmsCachedVersion *version;
	KmsCachedKey *key;

	if (version_id == NULL)
		return SEALED_NOT;
	do
	{
		key_cache_begin();
		key = version_to_encrypt(site, caller, ACTION_ENCRYPT, "key_id", reference, context)->key;
		version = version_named(site, version_id);
	} while (key_cache_moved());
	if (version == NULL)
	{
		refuse_version(refusal, version_id);
		return SEALED_UNKNOWN;
	}
	refuse_ciphertext(refusal);
	return version->key == key && opens(site, bytes, context, refusal) ? SEALED_HERE : SEALED_ELSEWHERE;
}

pg_uuid_t
cipher_newest_version(KmsCallSite *site, Oid caller, kc_view reference, kc_view context)
{
	KmsCachedVersion *version;

	do
	{
		key_cache_begin();
		version = version_to_encrypt(site, caller, ACTION_ENCRYPT, "key_id", reference, context);
	} while (key_cache_moved());
	return version->id;
}

bool
cipher_version_exists(KmsCallSite *site, const uint8 *version_id, pg_uuid_t *key_id)
{
	KmsCachedVersion *version;

	do
	{
		key_cache_begin();
		version = version_named(site, version_id);
	} while (key_cache_moved());
	if (version != NULL && key_id != NULL)
		*key_id = version->key->id;
	return version != NULL;
}

static const char *
format_name(int suite, bool is_envelope)
{
	switch ((kc_suite) suite)
	{
		case KC_SUITE_XAES_256_GCM:
			return is_envelope ? "XAES-256-GCM envelope" : "XAES-256-GCM";
		case KC_SUITE_AES_192_GCM:
			return is_envelope ? "AES-192-GCM envelope" : "AES-192-GCM";
		case KC_SUITE_AES_128_GCM:
			return is_envelope ? "AES-128-GCM envelope" : "AES-128-GCM";
		case KC_SUITE_SM4_CTR_HMAC_SM3:
			return is_envelope ? "SM4-CTR-HMAC-SM3 envelope" : "SM4-CTR-HMAC-SM3";
	}
	elog(ERROR, "unknown suite %d", suite);
}

/* What its bytes say; the version id points into them. */
static const uint8 *
describe_bytes(kc_view bytes, KmsBlobInfo *info)
{
	kc_envelope envelope;
	kc_blob		blob;

	if (kc_envelope_parse(bytes, &envelope) == KC_OK)
	{
		info->format = format_name(envelope.suite, true);
		info->plaintext_length = (int64) envelope.plaintext_len;
		return envelope.version_id;
	}
	if (kc_blob_parse(bytes, &blob) != KC_OK)
		err_invalid("ciphertext_blob", "it is no ciphertext of this service");
	info->format = format_name(blob.suite, false);
	info->plaintext_length = (int64) blob.ciphertext.len;
	return blob.version_id;
}

static bool
may_describe(Oid caller, KmsCachedKey *key)
{
	KmsSubject	subject = key_cache_subject(key);

	subject.grants = NULL;		/* not to be kept: while the server is sealed there are none */
	subject.quietly = true;
	return access_decide(caller, ACTION_DESCRIBE_KEY, &subject, kc_view_of(NULL, 0)) != ACCESS_DENIED;
}

void
cipher_describe(Oid caller, kc_view bytes, KmsBlobInfo *info)
{
	const uint8 *version_id = describe_bytes(bytes, info);
	KmsCachedVersion *version;

	memcpy(info->version_id.data, version_id, UUID_LEN);
	do
	{
		key_cache_begin();
		version = key_cache_version(version_id);
	} while (key_cache_moved());
	info->has_key_id = version != NULL && may_describe(caller, version->key);
	if (info->has_key_id)
		info->key_id = version->key->id;
}
