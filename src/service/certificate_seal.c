/*
 * Certificates under their MACs, and their private keys under the domain key: docs/formats.md
 * has the records.
 */
#include "service/certificate_seal.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/interrupt.h"
#include "crypto/certificate.h"
#include "crypto/request.h"
#include "crypto/wrap.h"
#include "service/account.h"
#include "service/certificate.h"
#include "service/row_mac.h"
#include "utils/timestamp.h"

/* Every column, in the order of the table. */
static void
record_certificate(const KmsCertificate *certificate, KmsRecord *record)
{
	ListCell   *cell;

	record_begin(record, "certificate");
	record_uuid(record, &certificate->id);
	record_int(record, certificate->stored_owner.oid);
	record_text(record, certificate->stored_owner.name);
	record_int(record, certificate->created_at);
	record_int(record, certificate->updated_at);
	record_text(record, certificate_status_name(certificate->status));
	record_text(record, certificate_spec_name(certificate->spec));
	record_int(record, certificate->exportable);
	record_text(record, certificate->subject);
	record_list(record, list_length(certificate->names));
	foreach(cell, certificate->names)
		record_text(record, lfirst(cell));
	record_text(record, certificate->issuer);
	record_text(record, certificate->serial);
	record_int(record, certificate->not_before);
	record_int(record, certificate->not_after);
	record_text(record, certificate->certificate);
	record_text(record, certificate->chain);
	record_text(record, certificate->key_identifier);
	record_bytes(record, certificate->public_key);
	record_text(record, certificate->request);
	record_int(record, certificate->warn_at);
	record_bytes(record, certificate->wrapped);
	record_int(record, certificate->wrap_account_id);
	record_int(record, certificate->wrap_domain_key_version);
}

static void
make_seal(KmsCertificate *certificate)
{
	KmsRecord	record;

	record_certificate(certificate, &record);
	row_mac_make(&record, &certificate->seal);
}

void
certificate_save(KmsCertificate *certificate)
{
	certificate->updated_at = GetCurrentTimestamp();
	make_seal(certificate);
	store_certificate_update(certificate);
}

void
certificate_add(KmsCertificate *certificate)
{
	make_seal(certificate);
	store_certificate_insert(certificate);
}

bool
certificate_is_intact(const KmsCertificate *certificate)
{
	KmsRecord	record;

	record_certificate(certificate, &record);
	return row_mac_fits(&record, &certificate->seal);
}

static void
err_damaged(const KmsCertificate *certificate)
{
	char		id[37];

	kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
				errmsg("the row of certificate \"%s\" has been damaged or tampered with", uuid_print(&certificate->id, id)),
				errhint("Restore table certificate of extension kms from a backup; kms_check_integrity() lists every such row."));
}

void
certificate_require_intact(const KmsCertificate *certificate)
{
	if (!certificate_is_intact(certificate))
		err_damaged(certificate);
}

/* The place of a wrapped private key: it opens in no other row, and as no other kind of key. */
static void
record_place(const KmsCertificate *certificate, KmsRecord *place)
{
	record_begin(place, "certificate key");
	record_uuid(place, &certificate->id);
	record_text(place, certificate_spec_name(certificate->spec));
	record_int(place, certificate->exportable);
	record_int(place, certificate->wrap_account_id);
	record_int(place, certificate->wrap_domain_key_version);
}

static const kc_key *
wrapping_key_of(const KmsCertificate *certificate)
{
	int32		version = certificate->wrap_domain_key_version;

	return account_wrapping_key(certificate->wrap_account_id, &version);
}

/* What is made with a pair, which raises nothing. */
typedef struct Pair
{
	uint8		wrapped[KC_PRIVATE_MAX + KC_WRAP_OVERHEAD];
	size_t		wrapped_len;
	uint8		public_key[KC_PUBLIC_MAX];
	size_t		public_len;
	char		identifier[KC_KEY_IDENTIFIER_TEXT];
	size_t		request_len;
	char		request[KC_REQUEST_PEM_MAX];
} Pair;

static kc_status
make_request(int kind, kc_view private_key, kc_view subject_der, const kc_view *names, size_t count, Pair *made)
{
	kc_pair    *pair;
	kc_status	status = kc_pair_open(kind, private_key, &pair);

	made->request_len = sizeof(made->request);
	if (status == KC_OK)
		status = kc_request_make(pair, subject_der, names, count, made->request, &made->request_len);
	kc_pair_free(pair);
	return status;
}

static kc_status
make(int kind, const kc_key *wrapping, kc_view place, kc_view subject_der, const kc_view *names, size_t count, Pair *made)
{
	uint8		private_key[KC_PRIVATE_MAX];
	size_t		len = sizeof(private_key);
	kc_status	status;

	made->public_len = sizeof(made->public_key);
	status = kc_pair_generate(kind, private_key, &len, made->public_key, &made->public_len, interrupt_pending);
	made->wrapped_len = len + KC_WRAP_OVERHEAD;
	if (status == KC_OK)
		status = make_request(kind, kc_view_of(private_key, len), subject_der, names, count, made);
	if (status == KC_OK)
		status = kc_wrap(wrapping, place, kc_view_of(private_key, len), made->wrapped);
	if (status == KC_OK)
		status = kc_key_identifier(kc_view_of(made->public_key, made->public_len), made->identifier);
	kc_wipe(private_key, sizeof(private_key));
	return status;
}

void
certificate_make_pair(KmsCertificate *certificate, kc_view subject_der, const kc_view *names, size_t count)
{
	Pair	   *made = palloc(sizeof(Pair));
	const kc_key *wrapping;
	KmsRecord	place;

	certificate->wrap_account_id = account_id();
	certificate->wrap_domain_key_version = 0;	/* the current one */
	wrapping = account_wrapping_key(certificate->wrap_account_id, &certificate->wrap_domain_key_version);
	record_place(certificate, &place);
	err_crypto(make(certificate_pair_kind(certificate->spec), wrapping, record_view(&place), subject_der, names, count, made));
	record_end(&place);
	certificate->wrapped = kc_view_of(made->wrapped, made->wrapped_len);
	certificate->public_key = kc_view_of(made->public_key, made->public_len);
	certificate->request = made->request;
	certificate->key_identifier = made->identifier;
}

static kc_status
unwrap(const KmsCertificate *certificate, const kc_key *wrapping, kc_view place, kc_pair **pair)
{
	uint8		private_key[KC_PRIVATE_MAX];
	size_t		len = certificate->wrapped.len - KC_WRAP_OVERHEAD;
	kc_status	status;

	*pair = NULL;
	if (certificate->wrapped.len < KC_WRAP_OVERHEAD || len > sizeof(private_key))
		return KC_BAD_TAG;
	status = kc_unwrap(wrapping, place, certificate->wrapped, private_key);
	if (status == KC_OK)
		status = kc_pair_open(certificate_pair_kind(certificate->spec), kc_view_of(private_key, len), pair);
	kc_wipe(private_key, sizeof(private_key));
	return status;
}

static kc_status
open_private(const KmsCertificate *certificate, kc_pair **pair)
{
	const kc_key *wrapping;
	KmsRecord	place;
	kc_status	status;

	record_place(certificate, &place);
	wrapping = wrapping_key_of(certificate);
	status = unwrap(certificate, wrapping, record_view(&place), pair);
	record_end(&place);			/* raises nothing */
	return status;
}

static void
require_opened(const KmsCertificate *certificate, kc_status status)
{
	if (status == KC_BAD_TAG || status == KC_BAD_INPUT)
		err_damaged(certificate);
	err_crypto(status);
}

kc_pair *
certificate_open_private(const KmsCertificate *certificate)
{
	kc_pair    *pair;

	require_opened(certificate, open_private(certificate, &pair));
	return pair;
}

kc_pair *
certificate_open_public(const KmsCertificate *certificate)
{
	kc_pair    *pair;

	require_opened(certificate,
				   kc_pair_open_public(certificate_pair_kind(certificate->spec), certificate->public_key, &pair));
	return pair;
}

bool
certificate_key_opens(const KmsCertificate *certificate)
{
	kc_pair    *pair;
	kc_status	status;

	if (!account_has_domain_key(certificate->wrap_account_id, certificate->wrap_domain_key_version))
		return false;
	status = open_private(certificate, &pair);
	kc_pair_free(pair);
	if (status != KC_BAD_TAG && status != KC_BAD_INPUT)
		err_crypto(status);
	return status == KC_OK;
}

/* From the place that a private key has to the one it is to have; what may raise comes before it is unwrapped. */
static kc_status
rewrap(const KmsCertificate *old, KmsCertificate *new, uint8 *wrapped)
{
	uint8		private_key[KC_PRIVATE_MAX];
	size_t		len = old->wrapped.len - KC_WRAP_OVERHEAD;
	const kc_key *from;
	const kc_key *to;
	KmsRecord	old_place;
	KmsRecord	new_place;
	uint64		generation;
	kc_status	status;

	if (old->wrapped.len < KC_WRAP_OVERHEAD || len > sizeof(private_key))
		return KC_BAD_TAG;
	new->wrap_account_id = account_id();
	do
	{
		generation = account_keys_generation;
		new->wrap_domain_key_version = 0;
		to = account_wrapping_key(new->wrap_account_id, &new->wrap_domain_key_version);
		from = wrapping_key_of(old);
	} while (generation != account_keys_generation);
	record_place(old, &old_place);
	record_place(new, &new_place);
	status = kc_unwrap(from, record_view(&old_place), old->wrapped, private_key);
	if (status == KC_OK)
		status = kc_wrap(to, record_view(&new_place), kc_view_of(private_key, len), wrapped);
	kc_wipe(private_key, sizeof(private_key));
	record_end(&old_place);
	record_end(&new_place);
	return status;
}

bool
certificate_seal_anew(KmsCertificate *certificate)
{
	KmsCertificate new = *certificate;
	uint8	   *wrapped = palloc(certificate->wrapped.len + 1);
	kc_status	status;

	if (!certificate_is_intact(certificate))
		return false;
	status = rewrap(certificate, &new, wrapped);
	if (status == KC_BAD_TAG)
		return false;
	err_crypto(status);
	new.wrapped = kc_view_of(wrapped, certificate->wrapped.len);
	make_seal(&new);
	*certificate = new;
	return true;
}
