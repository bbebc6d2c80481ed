/*
 * Data keys for somebody else.
 *
 * The data key exists on the stack only.  What may raise comes before it, or in
 * the part that wipes it on every way out.
 */
#include "service/data_key_export.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"
#include "service/asymmetric.h"
#include "service/cipher.h"

/* The public key that a data key goes to. */
typedef struct Receiver
{
	kc_view		public_key;
	int			kind;
	kc_pke		pke;
} Receiver;

static Receiver
parse_wrapping(const KmsWrapping *wrapping)
{
	Receiver	receiver = {.public_key = wrapping->public_key};

	if (strcmp(wrapping->key_spec, "RSA_2048") == 0)
		receiver.kind = KC_PAIR_RSA_2048;
	else if (strcmp(wrapping->key_spec, "EC_SM2") == 0)
		receiver.kind = KC_PAIR_EC_SM2;
	else
		err_invalid("wrapping_key_spec", "it must be RSA_2048 or EC_SM2");
	receiver.pke = asymmetric_encryption_of("wrapping_algorithm", wrapping->algorithm);
	if (!kc_pke_fits(receiver.pke, receiver.kind))
		err_invalid("wrapping_algorithm", "it does not fit wrapping_key_spec");
	return receiver;
}

/* The lengths are public: they show in the ciphertexts. */
static bytea *
new_exported(const Receiver *receiver, size_t len)
{
	if (len > kc_pke_plaintext_max(receiver->pke, receiver->kind))
		err_invalid("wrapping_algorithm", "the data key is longer than it can encrypt under wrapping_key_spec");
	if (len == 0 && receiver->pke == KC_PKE_SM2PKE)
		err_invalid("ciphertext_blob", "SM2PKE cannot encrypt nothing");
	return bytes_new(kc_pke_ciphertext_len(receiver->pke, receiver->kind, len));
}

static void
export_to(const Receiver *receiver, kc_view data_key, bytea *exported)
{
	kc_status	status = kc_pke_encrypt_for(receiver->kind, receiver->public_key, receiver->pke, data_key,
											(uint8 *) VARDATA(exported));

	if (status == KC_BAD_INPUT)
		err_invalid("public_key_blob", "it is no DER SubjectPublicKeyInfo of wrapping_key_spec");
	err_crypto(status);
}

void
data_key_export(Oid caller, kc_view ciphertext_blob, const KmsWrapping *wrapping, kc_view context,
				KmsExportedKey *result)
{
	KmsCallSite site = {0};
	Receiver	receiver = parse_wrapping(wrapping);
	KmsFoundBlob found;
	uint8		data_key[PLAINTEXT_MAX];
	size_t		len;

	do
	{
		key_cache_begin();
		cipher_find(&site, caller, ACTION_EXPORT_DATA_KEY, ciphertext_blob, context, &found);
	} while (key_cache_moved());
	key_used(&result->data_key.used, found.version);
	audit_about(&result->data_key.used.key_id);
	PG_TRY();
	{
		usage_note(found.version, ACTION_EXPORT_DATA_KEY, found.blob.ciphertext.len);
		usage_end(found.version, ACTION_EXPORT_DATA_KEY, found.blob.ciphertext.len,
				  cipher_open(&found, context, data_key, &len));
		result->exported = new_exported(&receiver, len);
		export_to(&receiver, kc_view_of(data_key, len), result->exported);
	}
	PG_FINALLY();
	{
		kc_wipe(data_key, sizeof(data_key));
	}
	PG_END_TRY();
	audit_exported(&result->data_key.used.key_id);
}

void
data_key_generate_and_export(Oid caller, kc_view reference, const KmsWrapping *wrapping,
							 const char *key_spec, int number_of_bytes, kc_view context,
							 KmsExportedKey *result)
{
	KmsCallSite site = {0};
	Receiver	receiver = parse_wrapping(wrapping);
	size_t		len = data_key_length(key_spec, number_of_bytes);
	uint8		data_key[DATA_KEY_MAX];

	result->exported = new_exported(&receiver, len);
	result->data_key.plaintext = NULL;
	PG_TRY();
	{
		err_crypto(kc_random_key(data_key, len));
		result->data_key.ciphertext_blob =
			cipher_encrypt(&site, caller, ACTION_GENERATE_AND_EXPORT_DATA_KEY, reference,
						   kc_view_of(data_key, len), context, &result->data_key.used);
		export_to(&receiver, kc_view_of(data_key, len), result->exported);
	}
	PG_FINALLY();
	{
		kc_wipe(data_key, sizeof(data_key));
	}
	PG_END_TRY();
	audit_exported(&result->data_key.used.key_id);
}
