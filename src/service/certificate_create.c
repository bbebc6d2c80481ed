/*
 * How a certificate comes.
 */
#include "service/certificate_create.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/pem.h"
#include "base/utf8.h"
#include "crypto/certificate.h"
#include "crypto/request.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/certificate.h"
#include "service/certificate_expiry.h"
#include "service/certificate_seal.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* UTF-8 with a final zero, as the crypto floor writes it, as this database has it. */
static char *
text_of(const char *utf8)
{
	return text_to_cstring(utf8_to_server(bytes_of(utf8, strlen(utf8))));
}

static kc_view
parse_subject(const char *subject)
{
	size_t		len = KC_SUBJECT_DER_MAX;
	uint8	   *der = palloc(len);
	kc_status	status = kc_subject_parse(utf8_from_server("subject", subject, strlen(subject)), der, &len);

	if (status == KC_BAD_INPUT)
		err_invalid("subject", "it must be a distinguished name such as CN=example.com,OU=Sales,O=Example,C=CN (RFC 4514)");
	err_crypto(status);
	return kc_view_of(der, len);
}

/* The one spelling that a name has. */
static char *
print_subject(kc_view der)
{
	size_t		len = KC_SUBJECT_PRINT_MAX;
	char	   *printed = palloc(len);

	err_crypto(kc_subject_print(der, printed, &len));
	return text_of(printed);
}

/* A certificate without a common name says of nobody whom it is for. */
static void
require_common_name(const char *subject)
{
	bool		begins = true;

	for (const char *at = subject; *at != '\0'; at++)
	{
		if (begins && strncmp(at, "CN=", 3) == 0)
			return;
		begins = *at == ',' || *at == '+';
		if (*at == '\\')
			at++;
	}
	err_invalid("subject", "it has no CN");
}

static size_t
parse_names(const List *names, kc_view *views)
{
	size_t		count = 0;
	ListCell   *cell;

	if (list_length(names) > KC_NAMES_MAX)
		err_invalid("subject_alternative_names", psprintf("there must be no more than %d", KC_NAMES_MAX));
	foreach(cell, names)
	{
		const char *name = lfirst(cell);

		views[count] = utf8_from_server("subject_alternative_names", name, strlen(name));
		if (kc_name_kind_of(views[count]) == KC_NAME_NONE)
			err_invalid("subject_alternative_names",
						psprintf("number %zu is no DNS name, IP address, e-mail address or URI", count + 1));
		count++;
	}
	return count;
}

void
certificate_create(Oid caller, const KmsCreateCertificate *request, KmsCertificate *certificate)
{
	kc_view		names[KC_NAMES_MAX];
	kc_view		subject = parse_subject(request->subject);
	size_t		count = parse_names(request->names, names);

	memset(certificate, 0, sizeof(*certificate));
	certificate->spec = certificate_spec_of(request->key_spec);
	if (certificate->spec == 0)
		err_invalid("key_spec", "it must be RSA_2048, RSA_3072, RSA_4096, EC_P256, EC_P384 or EC_SM2");
	certificate->subject = print_subject(subject);
	require_common_name(certificate->subject);
	certificate->id = uuid_random();
	certificate->stored_owner = store_role_of(caller);
	certificate->status = CERTIFICATE_PENDING;
	certificate->exportable = request->exportable;
	certificate->names = request->names;
	certificate->created_at = certificate->updated_at = GetCurrentTimestamp();
	certificate->not_before = certificate->not_after = certificate->warn_at = DT_NOEND;
	account_require_unsealed();
	store_require_writable();	/* not only after a search for primes */
	certificate_make_pair(certificate, subject, names, count);

	store_role_anchor(caller);
	store_open();
	certificate_add(certificate);
	certificate_record(ACTION_CREATE_CERTIFICATE, caller, certificate, certificate->subject);
	store_sync_at_commit();
	store_close();
}

/* Behind "the certificate" or "number n of the chain". */
static const char *const problems[] = {
	[KC_CERTIFICATE_TOO_LONG] = "is longer than 64 KB",
	[KC_CERTIFICATE_BAD_PEM] = "is not PEM and nothing else: -----BEGIN CERTIFICATE-----, Base64, -----END CERTIFICATE-----",
	[KC_CERTIFICATE_TOO_MANY] = "is one too many: there must be no more than 10",
	[KC_CERTIFICATE_MALFORMED] = "is no X.509 certificate",
	[KC_CERTIFICATE_BAD_KEY] = "has a public key of a kind or length that is not supported",
	[KC_CERTIFICATE_UNKNOWN_EXTENSION] = "has a critical extension that is not known",
	[KC_CERTIFICATE_BAD_DATE] = "has a date that is none",
	[KC_CERTIFICATE_OTHER_KEY] = "has another public key than the request",
	[KC_CERTIFICATE_REPEATED] = "came before",
	[KC_CERTIFICATE_NOT_ISSUED_BY_NEXT] = "was not issued by the one that follows it",
	[KC_CERTIFICATE_NOT_A_CA] = "is no CA's, but follows one that it would have issued",
	[KC_CERTIFICATE_PATH_TOO_LONG] = "does not allow so many CAs below it",
	[KC_CERTIFICATE_WEAK_SIGNATURE] = "is signed with a digest that is broken (MD5, SHA-1)",
	[KC_CERTIFICATE_BAD_SIGNATURE] = "is not signed by the one that follows it, or by itself where it says so",
	[KC_CERTIFICATE_NOT_PERMITTED] = "does not permit a name of those below it",
	[KC_CERTIFICATE_NOT_YET_VALID] = "is not valid yet",
	[KC_CERTIFICATE_EXPIRED] = "has expired",
};

/* first: where the one stands that the finding calls 0; of these, 0 is the leaf, 1 the first of the chain. */
static void
require(kc_status status, const kc_certificate_finding *finding, size_t first)
{
	if (status != KC_BAD_INPUT)
		err_crypto(status);
	else if (first + finding->at == 0)
		err_invalid("certificate", psprintf("the certificate %s", problems[finding->problem]));
	else
		err_invalid("certificate_chain",
					psprintf("number %zu of the chain %s", first + finding->at, problems[finding->problem]));
}

typedef struct Uploaded
{
	kc_view		der;
	kc_view		chain[KC_CHAIN_MAX];
	size_t		chain_count;
	kc_certificate_info info;
} Uploaded;

static void
read_pem(const char *pem, const char *chain, Uploaded *uploaded)
{
	kc_certificate_finding finding;
	size_t		len = KC_CERTIFICATE_DER_MAX;
	uint8	   *der = palloc(len);

	require(kc_certificate_read(kc_view_of(pem, strlen(pem)), der, &len, &finding), &finding, 0);
	uploaded->der = kc_view_of(der, len);
	uploaded->chain_count = 0;
	if (chain == NULL)
		return;
	len = KC_CERTIFICATE_DER_MAX;
	der = palloc(len);
	require(kc_chain_read(kc_view_of(chain, strlen(chain)), der, &len, uploaded->chain, &uploaded->chain_count, &finding),
			&finding, 1);
}

static void
describe(Uploaded *uploaded)
{
	kc_status	status = kc_certificate_describe(uploaded->der, &uploaded->info);

	if (status == KC_BAD_INPUT)
		err_invalid("certificate", "it has names or a serial number that cannot be described");
	err_crypto(status);
}

static TimestampTz
time_of(int64 unix_seconds)
{
	return (unix_seconds - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

static int64
seconds_of(TimestampTz time)
{
	return time / USECS_PER_SEC + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

static List *
names_of(const kc_certificate_info *info)
{
	List	   *names = NIL;
	const char *name = info->names;

	for (size_t i = 0; i < info->names_count; i++)
	{
		names = lappend(names, text_of(name));
		name += strlen(name) + 1;
	}
	return names;
}

static char *
print_chain(const Uploaded *uploaded)
{
	char	   *chain = "";

	for (size_t i = 0; i < uploaded->chain_count; i++)
		chain = psprintf("%s%s", chain, pem_print("CERTIFICATE", uploaded->chain[i]));
	return uploaded->chain_count == 0 ? NULL : chain;
}

/* What the row says of the certificate it got: the CA may have named its holder otherwise. */
static void
take(const Uploaded *uploaded, KmsCertificate *certificate)
{
	const kc_certificate_info *info = &uploaded->info;

	certificate->subject = text_of(info->subject);
	certificate->names = names_of(info);
	certificate->issuer = text_of(info->issuer);
	certificate->serial = info->serial;
	certificate->not_before = time_of(info->not_before);
	certificate->not_after = time_of(info->not_after);
	certificate->key_identifier = info->key_identifier;
	certificate->certificate = pem_print("CERTIFICATE", uploaded->der);
	certificate->chain = print_chain(uploaded);
	certificate->warn_at = certificate_next_warning(certificate->not_after, GetCurrentTimestamp());
}

void
certificate_upload(Oid caller, const char *text, const char *pem, const char *chain)
{
	pg_uuid_t	id = certificate_parse_id("certificate_id", text);
	kc_certificate_finding finding;
	KmsCertificate certificate;
	Uploaded   *uploaded = palloc(sizeof(Uploaded));

	certificate_find_for(caller, ACTION_UPLOAD_CERTIFICATE, &id, &certificate);
	certificate_require_intact(&certificate);
	read_pem(pem, chain, uploaded);
	require(kc_certificate_check(uploaded->der, uploaded->chain, uploaded->chain_count, certificate.public_key,
								 seconds_of(GetCurrentTimestamp()), &finding),
			&finding, 0);
	describe(uploaded);

	store_open();
	certificate_lock_for(caller, ACTION_UPLOAD_CERTIFICATE, &certificate);
	if (certificate.status == CERTIFICATE_REVOKED)
		err_certificate_status(&certificate, "is revoked, which is final");
	take(uploaded, &certificate);
	/* Who may renew what was disabled need not be the one who may enable it. */
	if (certificate.status == CERTIFICATE_PENDING)
		certificate.status = CERTIFICATE_ACTIVE;
	certificate_save(&certificate);
	certificate_record(ACTION_UPLOAD_CERTIFICATE, caller, &certificate,
					   psprintf("serial number %s, %s", certificate.serial, audit_date("expires", certificate.not_after)));
	store_sync_at_commit();
	store_close();
}
