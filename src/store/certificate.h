/*
 * Rows of kms.certificate.
 */
#ifndef KMS_STORE_CERTIFICATE_H
#define KMS_STORE_CERTIFICATE_H

#include "postgres.h"

#include "crypto/kc.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "store/role.h"
#include "store/seal.h"
#include "store/store.h"

/* Each enumeration begins at 1: a zeroed struct holds no valid value. */
typedef enum KmsCertificateStatus
{
	CERTIFICATE_PENDING = 1,	/* requested, not uploaded */
	CERTIFICATE_ACTIVE,
	CERTIFICATE_INACTIVE,
	CERTIFICATE_REVOKED
} KmsCertificateStatus;

typedef enum KmsCertificateSpec
{
	CERTIFICATE_RSA_2048 = 1,
	CERTIFICATE_RSA_3072,
	CERTIFICATE_RSA_4096,
	CERTIFICATE_EC_P256,
	CERTIFICATE_EC_P384,
	CERTIFICATE_EC_SM2
} KmsCertificateSpec;

/* The names as the API and the table have them; 0 for a name that is none. */
extern const char *certificate_status_name(KmsCertificateStatus status);
extern const char *certificate_spec_name(KmsCertificateSpec spec);
extern KmsCertificateStatus certificate_status_of(const char *name);
extern KmsCertificateSpec certificate_spec_of(const char *name);

typedef struct KmsCertificate
{
	pg_uuid_t	id;
	KmsStoredRole stored_owner;
	KmsOwner	owner;			/* whom that means now */
	TimestampTz created_at;
	TimestampTz updated_at;
	KmsCertificateStatus status;
	KmsCertificateSpec spec;
	bool		exportable;
	const char *subject;		/* this and the names: of the request, then of the certificate */
	List	   *names;			/* strings */
	const char *issuer;			/* this and the following four: NULL and DT_NOEND until there is a certificate */
	const char *serial;			/* hexadecimal */
	TimestampTz not_before;
	TimestampTz not_after;
	const char *certificate;	/* PEM */
	const char *chain;			/* PEM, NULL: none */
	const char *key_identifier;
	kc_view		public_key;		/* SubjectPublicKeyInfo, DER */
	const char *request;		/* PEM */
	TimestampTz warn_at;		/* when to warn that it expires; DT_NOEND: no more */
	kc_view		wrapped;		/* the private key, PKCS #8, under */
	int64		wrap_account_id;	/* this account's domain key */
	int32		wrap_domain_key_version;
	KmsSeal		seal;			/* over all of the above */
} KmsCertificate;

/* A row as a struct in the current memory context; Rejected.Unavailable as with keys. */
extern void store_certificate_of_composite(HeapTupleHeader row, KmsCertificate *certificate);

/* False if there is none. */
extern bool store_certificate_find(const pg_uuid_t *id, KmsCertificate *certificate);
extern bool store_certificate_find_carefully(const pg_uuid_t *id, KmsCertificate *certificate, bool *understood);

/* Inside store_open: lock the row; the second does not wait, and is false, too, if somebody has it locked. */
extern bool store_certificate_lock(const pg_uuid_t *id, KmsCertificate *certificate);
extern bool store_certificate_lock_free(const pg_uuid_t *id, KmsCertificate *certificate);

/* Inside store_open: as store_key_owned. */
extern int	store_certificate_owned(const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max);

/* As store_key_exists. */
extern bool store_certificate_exists(void);

extern void store_certificate_insert(const KmsCertificate *certificate);

/* Inside store_open, with the row locked: what may change (not id, creation, spec, keys, request). */
extern void store_certificate_update(const KmsCertificate *certificate);

/* Inside store_open, with the row locked: erase it, and all that belongs to it. */
extern void store_certificate_erase(const pg_uuid_t *id);

/* Inside store_open: tell those who listen that it expires soon. */
extern void store_certificate_notify(const pg_uuid_t *id);

/* Every row: see is given a KmsCertificate, or NULL (store_each). */
extern void store_certificate_each(StoreSee see, void *argument);

/* Inside store_open_alone: with other seals and wrapped keys, of at most max rows (store_rewrite). */
extern int64 store_certificate_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
