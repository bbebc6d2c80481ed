/*
 * Certificates: finding them for somebody who may, what is known of them, and their
 * status.
 */
#ifndef KMS_SERVICE_CERTIFICATE_H
#define KMS_SERVICE_CERTIFICATE_H

#include "postgres.h"

#include "base/compat.h"

#include "service/access.h"
#include "store/certificate.h"

/*
 * The id that somebody gave, or that an ARN has; argument is what it is called.  Malformed:
 * InvalidParameter; another account's or region's ARN: Certificate.NotFound.
 */
extern pg_uuid_t certificate_parse_id(const char *argument, const char *text);

/* Find and authorise, then (inside store_open) lock, authorise anew, and require it to be intact. */
extern void certificate_find_for(Oid caller, KmsAction action, const pg_uuid_t *id, KmsCertificate *certificate);
extern void certificate_lock_for(Oid caller, KmsAction action, KmsCertificate *certificate);

/* Whether the caller may do that with the certificate, which is found in any case. */
extern bool certificate_may(Oid caller, KmsAction action, const pg_uuid_t *id, KmsCertificate *certificate, kc_view context);

/* A row of kms.certificate, as a view hands it over, and whether the caller may describe it. */
extern void certificate_of_row(HeapTupleHeader row, KmsCertificate *certificate);
extern bool certificate_may_describe(Oid caller, const pg_uuid_t *id, const KmsStoredRole *owner);

/* What the API calls the algorithm that requests of this spec are signed with: "ECDSA-SHA256". */
extern const char *certificate_signature_algorithm(KmsCertificateSpec spec);

/* Its number in the crypto floor: a kc_pair_kind. */
extern int certificate_pair_kind(KmsCertificateSpec spec);

/* status: ACTIVE, INACTIVE or REVOKED. */
extern void certificate_update_status(Oid caller, const char *text, const char *status);

/* At once, and for good. */
extern void certificate_delete(Oid caller, const char *text);

/* Rejected.StateModifiedFailed, with why: "is revoked". */
pg_noreturn extern void err_certificate_status(const KmsCertificate *certificate, const char *why);

/* certificate/UUID, as grants and the audit log call it. */
extern char *certificate_shown(const pg_uuid_t *id);

/* Record it in the audit log. */
extern void certificate_record(KmsAction action, Oid caller, const KmsCertificate *certificate, const char *detail);

#endif
