/*
 * Certificates.  As with secrets: permission first, then the lock, what is found
 * under it, and the act.  Nothing of them is cached.
 */
#include "service/certificate.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "crypto/pair.h"
#include "service/account.h"
#include "service/audit.h"
#include "service/audit_line.h"
#include "service/certificate_seal.h"
#include "service/grant.h"
#include "utils/timestamp.h"

#define RESOURCE	"certificate/"

static void
err_not_found(const char *text)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_CERTIFICATE_NOT_FOUND,
				errmsg("certificate \"%s\" does not exist", text));
}

static void
err_gone(const pg_uuid_t *id)
{
	err_not_found(uuid_print(id, palloc(37)));
}

/* acs:kms:<region>:<account>:certificate/<id> */
pg_uuid_t
certificate_parse_id(const char *argument, const char *text)
{
	char		own[ARN_PREFIX_SIZE];
	const char *resource = strncmp(text, "acs:kms:", 8) == 0 ? strstr(text, ":" RESOURCE) : NULL;
	const char *digits = resource != NULL ? resource + 1 + strlen(RESOURCE) : text;
	int			own_len;
	pg_uuid_t	id;

	if (!uuid_parse(digits, strlen(digits), &id) || (resource != NULL && resource - text >= ARN_PREFIX_SIZE))
		err_invalid(argument, "it is no certificate id or ARN of a certificate");
	own_len = account_arn_prefix(own);
	if (resource != NULL && (resource + 1 - text != own_len || memcmp(text, own, own_len) != 0))
		err_not_found(text);
	return id;
}

char *
certificate_shown(const pg_uuid_t *id)
{
	char		text[37];

	return psprintf(RESOURCE "%s", uuid_print(id, text));
}

static KmsVerdict
decide(Oid caller, KmsAction action, const KmsCertificate *certificate, kc_view context)
{
	KmsSubject	subject = {.id = &certificate->id, .owner = certificate->owner};

	return access_decide(caller, action, &subject, context);
}

static void
authorise(Oid caller, KmsAction action, const KmsCertificate *certificate)
{
	char		id[37];

	if (decide(caller, action, certificate, kc_view_of(NULL, 0)) == ACCESS_DENIED)
		access_refuse("certificate", uuid_print(&certificate->id, id), 36);
}

static void
find(const pg_uuid_t *id, KmsCertificate *certificate)
{
	invalidation_accept();
	audit_about_certificate(id);
	if (!store_certificate_find(id, certificate))
		err_gone(id);
}

void
certificate_find_for(Oid caller, KmsAction action, const pg_uuid_t *id, KmsCertificate *certificate)
{
	find(id, certificate);
	authorise(caller, action, certificate);
}

bool
certificate_may(Oid caller, KmsAction action, const pg_uuid_t *id, KmsCertificate *certificate, kc_view context)
{
	find(id, certificate);
	return decide(caller, action, certificate, context) != ACCESS_DENIED;
}

/* As secret_lock_for. */
void
certificate_lock_for(Oid caller, KmsAction action, KmsCertificate *certificate)
{
	const pg_uuid_t id = certificate->id;

	if (!store_certificate_lock(&id, certificate))
		err_gone(&id);
	invalidation_accept();
	certificate->owner = store_role_now(&certificate->stored_owner);
	authorise(caller, action, certificate);
	certificate_require_intact(certificate);
}

void
certificate_of_row(HeapTupleHeader row, KmsCertificate *certificate)
{
	store_certificate_of_composite(row, certificate);
}

bool
certificate_may_describe(Oid caller, const pg_uuid_t *id, const KmsStoredRole *owner)
{
	KmsSubject	subject = {.id = id, .quietly = true};

	invalidation_accept();
	subject.owner = store_role_now(owner);
	return access_decide(caller, ACTION_DESCRIBE_CERTIFICATE, &subject, kc_view_of(NULL, 0)) != ACCESS_DENIED;
}

static const struct
{
	int			pair_kind;
	const char *signature_algorithm;
}			specs[] = {
	[CERTIFICATE_RSA_2048] = {KC_PAIR_RSA_2048, "RSA2048-SHA256"},
	[CERTIFICATE_RSA_3072] = {KC_PAIR_RSA_3072, "RSA3072-SHA256"},
	[CERTIFICATE_RSA_4096] = {KC_PAIR_RSA_4096, "RSA4096-SHA256"},
	[CERTIFICATE_EC_P256] = {KC_PAIR_EC_P256, "ECDSA-SHA256"},
	[CERTIFICATE_EC_P384] = {KC_PAIR_EC_P384, "ECDSA-SHA384"},
	[CERTIFICATE_EC_SM2] = {KC_PAIR_EC_SM2, "SM2-SM3"},
};

const char *
certificate_signature_algorithm(KmsCertificateSpec spec)
{
	return specs[spec].signature_algorithm;
}

int
certificate_pair_kind(KmsCertificateSpec spec)
{
	return specs[spec].pair_kind;
}

void
err_certificate_status(const KmsCertificate *certificate, const char *why)
{
	char		id[37];

	kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_STATE_MODIFIED_FAILED,
				errmsg("certificate \"%s\" %s", uuid_print(&certificate->id, id), why));
	pg_unreachable();
}

void
certificate_record(KmsAction action, Oid caller, const KmsCertificate *certificate, const char *detail)
{
	audit_record(action, caller, "certificate", certificate_shown(&certificate->id), detail);
}

static KmsCertificateStatus
parse_status(const char *name)
{
	KmsCertificateStatus status = certificate_status_of(name);

	if (status == 0 || status == CERTIFICATE_PENDING)
		err_invalid("status", "it must be ACTIVE, INACTIVE or REVOKED");
	return status;
}

void
certificate_update_status(Oid caller, const char *text, const char *status)
{
	KmsCertificateStatus wanted = parse_status(status);
	pg_uuid_t	id = certificate_parse_id("certificate_id", text);
	KmsCertificate certificate;

	certificate_find_for(caller, ACTION_UPDATE_CERTIFICATE_STATUS, &id, &certificate);

	store_open();
	certificate_lock_for(caller, ACTION_UPDATE_CERTIFICATE_STATUS, &certificate);
	if (certificate.status == CERTIFICATE_PENDING)
		err_certificate_status(&certificate, "was requested, but not uploaded yet");
	if (certificate.status == CERTIFICATE_REVOKED && wanted != CERTIFICATE_REVOKED)
		err_certificate_status(&certificate, "is revoked, which is final");
	certificate.status = wanted;
	if (wanted == CERTIFICATE_REVOKED)
		certificate.warn_at = DT_NOEND;
	certificate_save(&certificate);
	certificate_record(ACTION_UPDATE_CERTIFICATE_STATUS, caller, &certificate, psprintf("status %s", status));
	store_sync_at_commit();
	store_close();
}

void
certificate_delete(Oid caller, const char *text)
{
	pg_uuid_t	id = certificate_parse_id("certificate_id", text);
	KmsCertificate certificate;
	ListCell   *cell;
	List	   *roles;

	certificate_find_for(caller, ACTION_DELETE_CERTIFICATE, &id, &certificate);

	store_open();
	certificate_lock_for(caller, ACTION_DELETE_CERTIFICATE, &certificate);
	roles = grant_roles_of(&certificate.id, certificate.owner);
	store_certificate_erase(&certificate.id);
	foreach(cell, roles)
		store_role_release(lfirst_oid(cell));
	certificate_record(ACTION_DELETE_CERTIFICATE, caller, &certificate, NULL);
	store_sync_at_commit();
	store_close();
}
