/*
 * Asymmetric keys.
 */
#include "service/asymmetric.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/pem.h"
#include "store/import_token.h"

static const char *const signature_names[] = {
	[KC_RSA_PSS_SHA_256] = "RSA_PSS_SHA_256",
	[KC_RSA_PKCS1_SHA_256] = "RSA_PKCS1_SHA_256",
	[KC_ECDSA_SHA_256] = "ECDSA_SHA_256",
	[KC_ECDSA_SHA_384] = "ECDSA_SHA_384",
	[KC_ECDSA_SHA_512] = "ECDSA_SHA_512",
	[KC_SM2DSA] = "SM2DSA",
	[KC_ED25519] = "ED25519",
	[KC_ML_DSA_44] = "ML_DSA_44",
	[KC_ML_DSA_65] = "ML_DSA_65",
	[KC_ML_DSA_87] = "ML_DSA_87",
};

kc_signature
asymmetric_signature_of(const char *algorithm)
{
	for (size_t i = 1; i < lengthof(signature_names); i++)
		if (strcmp(signature_names[i], algorithm) == 0)
			return (kc_signature) i;
	err_invalid("algorithm", "it is no signature algorithm of this service");
}

kc_pke
asymmetric_encryption_of(const char *argument, const char *algorithm)
{
	kc_pke		pke = transport_of(algorithm);

	if (pke == 0 || pke == KC_PKE_RSA_PKCS1_V1_5)
		err_invalid(argument, "it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE");
	return pke;
}

static int
pair_kind_of(const KmsCachedVersion *version)
{
	return key_algorithm(version->key->spec);
}

/* The version that signs so, and whether the digest is as long as it must be. */
static KmsCachedVersion *
find_signer(KmsCallSite *site, Oid caller, KmsAction action, const KmsNamedKey *named,
			kc_signature signature, kc_view digest)
{
	KmsCachedVersion *version;
	size_t		digest_len = kc_signature_digest_len(signature);

	do
	{
		key_cache_begin();
		version = version_to_use(site, caller, action, KIND_SIGNING, named, kc_view_of(NULL, 0));
	} while (key_cache_moved());
	if (!kc_signature_fits(signature, pair_kind_of(version)))
		err_invalid("algorithm", "it does not fit the spec of the key");
	if (digest_len > 0 && digest.len != digest_len)
		err_invalid("digest", psprintf("it must be %zu bytes", digest_len));
	if (digest.len > KC_SIGNED_MESSAGE_MAX)
		err_invalid("digest", "a message of more than 64 MB is not signed as such");
	return version;
}

bytea *
asymmetric_sign(KmsCallSite *site, Oid caller, const KmsNamedKey *named, const char *algorithm, kc_view digest)
{
	kc_signature signature = asymmetric_signature_of(algorithm);
	KmsCachedVersion *version = find_signer(site, caller, ACTION_ASYMMETRIC_SIGN, named, signature, digest);
	size_t		len = kc_signature_max(version->pair);
	bytea	   *value = bytes_new(len);

	usage_note(version, ACTION_ASYMMETRIC_SIGN, digest.len);
	usage_end(version, ACTION_ASYMMETRIC_SIGN, digest.len,
			  kc_sign(version->pair, signature, digest, (uint8 *) VARDATA(value), &len));
	SET_VARSIZE(value, VARHDRSZ + len);
	audit_used(&version->key->id);
	return value;
}

bool
asymmetric_verify(KmsCallSite *site, Oid caller, const KmsNamedKey *named, const char *algorithm,
				  kc_view digest, kc_view value)
{
	kc_signature signature = asymmetric_signature_of(algorithm);
	KmsCachedVersion *version = find_signer(site, caller, ACTION_ASYMMETRIC_VERIFY, named, signature, digest);
	kc_status	status = kc_verify(version->pair, signature, digest, value);

	usage_note(version, ACTION_ASYMMETRIC_VERIFY, digest.len);
	if (status != KC_BAD_TAG)
		usage_end(version, ACTION_ASYMMETRIC_VERIFY, digest.len, status);
	audit_used(&version->key->id);
	return status == KC_OK;
}

KmsCachedVersion *
asymmetric_find(KmsCallSite *site, Oid caller, KmsAction action, const KmsNamedKey *named, kc_pke pke)
{
	KmsCachedVersion *version;
	char		id[37];

	version = version_to_use(site, caller, action, KIND_DECRYPTION, named, kc_view_of(NULL, 0));
	if (!kc_pke_fits(pke, pair_kind_of(version)))
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
					errmsg("key \"%s\" of spec %s does not encrypt with %s",
						   uuid_print(&version->key->id, id), key_spec_name(version->key->spec), transport_name(pke)));
	return version;
}

static KmsCachedVersion *
find_pair(KmsCallSite *site, Oid caller, KmsAction action, const KmsNamedKey *named, kc_pke pke)
{
	KmsCachedVersion *version;

	do
	{
		key_cache_begin();
		version = asymmetric_find(site, caller, action, named, pke);
	} while (key_cache_moved());
	return version;
}

bytea *
asymmetric_encrypt(KmsCallSite *site, Oid caller, const KmsNamedKey *named, const char *algorithm,
				   kc_view plaintext)
{
	kc_pke		pke = asymmetric_encryption_of("algorithm", algorithm);
	KmsCachedVersion *version = find_pair(site, caller, ACTION_ASYMMETRIC_ENCRYPT, named, pke);
	int			kind = pair_kind_of(version);
	size_t		max = kc_pke_plaintext_max(pke, kind);
	size_t		len = kc_pke_ciphertext_len(pke, kind, plaintext.len);
	bytea	   *ciphertext;

	if (plaintext.len > max)
		err_invalid("plaintext", psprintf("it is longer than the %zu bytes that key spec and algorithm allow", max));
	if (plaintext.len == 0 && pke == KC_PKE_SM2PKE)
		err_invalid("plaintext", "SM2PKE cannot encrypt nothing");
	ciphertext = bytes_new(len);
	usage_note(version, ACTION_ASYMMETRIC_ENCRYPT, plaintext.len);
	usage_end(version, ACTION_ASYMMETRIC_ENCRYPT, plaintext.len,
			  kc_pke_encrypt(version->pair, pke, plaintext, (uint8 *) VARDATA(ciphertext)));
	audit_used(&version->key->id);
	return ciphertext;
}

bytea *
asymmetric_decrypt(KmsCallSite *site, Oid caller, const KmsNamedKey *named, const char *algorithm,
				   kc_view ciphertext)
{
	kc_pke		pke = asymmetric_encryption_of("algorithm", algorithm);
	KmsCachedVersion *version = find_pair(site, caller, ACTION_ASYMMETRIC_DECRYPT, named, pke);
	size_t		len = kc_pke_plaintext_max(pke, pair_kind_of(version));
	bytea	   *plaintext = bytes_new(len);
	kc_status	status = kc_pke_decrypt(version->pair, pke, ciphertext, (uint8 *) VARDATA(plaintext), &len);

	usage_note(version, ACTION_ASYMMETRIC_DECRYPT, len);
	usage_end(version, ACTION_ASYMMETRIC_DECRYPT, len, status);
	SET_VARSIZE(plaintext, VARHDRSZ + len);
	audit_used(&version->key->id);
	return plaintext;
}

char *
asymmetric_public_key(KmsCallSite *site, Oid caller, const KmsNamedKey *named)
{
	KmsCachedVersion *version;
	uint8		der[KC_PUBLIC_MAX];
	size_t		len = sizeof(der);

	do
	{
		key_cache_begin();
		version = version_to_use(site, caller, ACTION_GET_PUBLIC_KEY, KIND_PAIR, named, kc_view_of(NULL, 0));
	} while (key_cache_moved());
	usage_note(version, ACTION_GET_PUBLIC_KEY, 0);
	usage_end(version, ACTION_GET_PUBLIC_KEY, 0, kc_pair_public(version->pair, der, &len));
	audit_used(&version->key->id);
	return pem_print("PUBLIC KEY", kc_view_of(der, len));
}
