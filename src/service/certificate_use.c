/*
 * What the key of a certificate does.  A pair is opened for the call, and freed before
 * anything can raise.
 */
#include "service/certificate_use.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "crypto/pkcs12.h"
#include "service/asymmetric.h"
#include "service/audit_line.h"
#include "service/certificate.h"
#include "service/certificate_seal.h"

/* For somebody who may, as it stood when it was written last. */
static void
find(Oid caller, KmsAction action, const char *text, KmsCertificate *certificate)
{
	pg_uuid_t	id = certificate_parse_id("certificate_id", text);

	certificate_find_for(caller, action, &id, certificate);
	certificate_require_intact(certificate);
}

static void
require_active(const KmsCertificate *certificate)
{
	char		id[37];

	if (certificate->status != CERTIFICATE_ACTIVE)
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_REJECTED_DISABLED,
					errmsg("certificate \"%s\" is %s", uuid_print(&certificate->id, id),
						   certificate_status_name(certificate->status)),
					errhint("It must be ACTIVE; a REVOKED one only verifies."));
}

static void
require_usable(KmsAction action, const KmsCertificate *certificate)
{
	if (action != ACTION_CERTIFICATE_PUBLIC_KEY_VERIFY || certificate->status != CERTIFICATE_REVOKED)
		require_active(certificate);
}

static void
err_other_spec(const KmsCertificate *certificate)
{
	err_invalid("algorithm", psprintf("it does not fit a certificate of spec %s", certificate_spec_name(certificate->spec)));
}

/* Whether what is to be signed is a digest; and whether it is as long as it must be. */
static bool
is_digest(const KmsCertificateMessage *message, kc_signature signature)
{
	size_t		len = kc_signature_digest_len(signature);

	if (strcmp(message->type, "DIGEST") == 0)
	{
		if (message->message.len != len)
			err_invalid("message", psprintf("a digest must be %zu bytes", len));
		return true;
	}
	if (strcmp(message->type, "RAW") != 0)
		err_invalid("message_type", "it must be RAW or DIGEST");
	if (message->message.len > CERTIFICATE_MESSAGE_MAX)
		err_invalid("message", psprintf("it must be no more than %d bytes; sign its digest", CERTIFICATE_MESSAGE_MAX));
	return false;
}

static kc_signature
find_signer(Oid caller, KmsAction action, const char *text, const KmsCertificateMessage *message, KmsCertificate *certificate)
{
	kc_signature signature = asymmetric_signature_of(message->algorithm);

	find(caller, action, text, certificate);
	require_usable(action, certificate);
	if (!kc_signature_fits(signature, certificate_pair_kind(certificate->spec)))
		err_other_spec(certificate);
	return signature;
}

bytea *
certificate_sign(Oid caller, const char *text, const KmsCertificateMessage *message)
{
	KmsCertificate certificate;
	kc_signature signature = find_signer(caller, ACTION_CERTIFICATE_PRIVATE_KEY_SIGN, text, message, &certificate);
	bool		digest = is_digest(message, signature);
	bytea	   *value = bytes_new(KC_SIGNATURE_MAX);
	size_t		len = KC_SIGNATURE_MAX;
	kc_pair    *pair = certificate_open_private(&certificate);
	kc_status	status = digest ? kc_sign(pair, signature, message->message, (uint8 *) VARDATA(value), &len) :
		kc_sign_message(pair, signature, message->message, (uint8 *) VARDATA(value), &len);

	kc_pair_free(pair);
	err_crypto(status);
	SET_VARSIZE(value, VARHDRSZ + len);
	audit_certificate_used(&certificate.id);
	return value;
}

bool
certificate_verify(Oid caller, const char *text, const KmsCertificateMessage *message, kc_view value)
{
	KmsCertificate certificate;
	kc_signature signature = find_signer(caller, ACTION_CERTIFICATE_PUBLIC_KEY_VERIFY, text, message, &certificate);
	bool		digest = is_digest(message, signature);
	kc_pair    *pair = certificate_open_public(&certificate);
	kc_status	status = digest ? kc_verify(pair, signature, message->message, value) :
		kc_verify_message(pair, signature, message->message, value);

	kc_pair_free(pair);
	if (status != KC_BAD_TAG)
		err_crypto(status);
	audit_certificate_used(&certificate.id);
	return status == KC_OK;
}

static kc_pke
find_pair(Oid caller, KmsAction action, const char *text, const char *algorithm, KmsCertificate *certificate)
{
	kc_pke		pke = asymmetric_encryption_of("algorithm", algorithm);

	find(caller, action, text, certificate);
	require_usable(action, certificate);
	if (!kc_pke_fits(pke, certificate_pair_kind(certificate->spec)))
		err_other_spec(certificate);
	return pke;
}

bytea *
certificate_encrypt(Oid caller, const char *text, const char *algorithm, kc_view plaintext)
{
	KmsCertificate certificate;
	kc_pke		pke = find_pair(caller, ACTION_CERTIFICATE_PUBLIC_KEY_ENCRYPT, text, algorithm, &certificate);
	int			kind = certificate_pair_kind(certificate.spec);
	size_t		max = kc_pke_plaintext_max(pke, kind);
	bytea	   *ciphertext;
	kc_pair    *pair;
	kc_status	status;

	if (plaintext.len > max)
		err_invalid("plaintext", psprintf("it is longer than the %zu bytes that key spec and algorithm allow", max));
	if (plaintext.len == 0 && pke == KC_PKE_SM2PKE)
		err_invalid("plaintext", "SM2PKE cannot encrypt nothing");
	ciphertext = bytes_new(kc_pke_ciphertext_len(pke, kind, plaintext.len));
	pair = certificate_open_public(&certificate);
	status = kc_pke_encrypt(pair, pke, plaintext, (uint8 *) VARDATA(ciphertext));
	kc_pair_free(pair);
	err_crypto(status);
	audit_certificate_used(&certificate.id);
	return ciphertext;
}

bytea *
certificate_decrypt(Oid caller, const char *text, const char *algorithm, kc_view ciphertext)
{
	KmsCertificate certificate;
	kc_pke		pke = find_pair(caller, ACTION_CERTIFICATE_PRIVATE_KEY_DECRYPT, text, algorithm, &certificate);
	size_t		len = kc_pke_plaintext_max(pke, certificate_pair_kind(certificate.spec));
	bytea	   *plaintext = bytes_new(len);
	kc_pair    *pair = certificate_open_private(&certificate);
	kc_status	status = kc_pke_decrypt(pair, pke, ciphertext, (uint8 *) VARDATA(plaintext), &len);

	kc_pair_free(pair);
	err_crypto(status);
	SET_VARSIZE(plaintext, VARHDRSZ + len);
	audit_certificate_used(&certificate.id);
	return plaintext;
}

static void
require_exportable(const KmsCertificate *certificate)
{
	char		id[37];

	if (!certificate->exportable)
		kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
					errmsg("certificate \"%s\" was made with a private key that stays here", uuid_print(&certificate->id, id)),
					errhint("Make another with exportable_private_key => true."));
}

/* What was read before it was stored. */
static kc_view
read_stored(const KmsCertificate *certificate, kc_view *chain, size_t *count)
{
	kc_certificate_finding finding;
	size_t		len = KC_CERTIFICATE_DER_MAX;
	uint8	   *der = palloc(len);
	size_t		chain_len = KC_CERTIFICATE_DER_MAX;
	const char *chain_pem = certificate->chain != NULL ? certificate->chain : "";

	err_crypto(kc_certificate_read(kc_view_of(certificate->certificate, strlen(certificate->certificate)), der, &len, &finding));
	err_crypto(kc_chain_read(kc_view_of(chain_pem, strlen(chain_pem)), palloc(chain_len), &chain_len, chain, count, &finding));
	return kc_view_of(der, len);
}

bytea *
certificate_export(Oid caller, const char *text, kc_view passphrase)
{
	KmsCertificate certificate;
	kc_view		chain[KC_CHAIN_MAX];
	size_t		count;
	kc_view		der;
	size_t		len = KC_PKCS12_MAX;
	bytea	   *file = bytes_new(len);
	kc_pair    *pair;
	kc_status	status;

	if (passphrase.len == 0 || passphrase.len > KC_PASSPHRASE_MAX)
		err_invalid("passphrase", psprintf("it must be 1 to %d bytes", KC_PASSPHRASE_MAX));
	find(caller, ACTION_EXPORT_CERTIFICATE, text, &certificate);
	require_exportable(&certificate);
	require_active(&certificate);
	der = read_stored(&certificate, chain, &count);
	pair = certificate_open_private(&certificate);
	status = kc_pkcs12_export(pair, der, chain, count, passphrase, (uint8 *) VARDATA(file), &len);
	kc_pair_free(pair);
	err_crypto(status);
	SET_VARSIZE(file, VARHDRSZ + len);
	audit_certificate_exported(&certificate.id);
	return file;
}
