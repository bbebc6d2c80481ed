/*
 * Certificates under their MACs, and their private keys under the domain key.
 */
#ifndef KMS_CERTIFICATE_SEAL_H
#define KMS_CERTIFICATE_SEAL_H

#include "postgres.h"

#include "crypto/pair.h"
#include "store/certificate.h"

/*
 * Make a pair for a certificate whose id, spec and exportable are there, and the
 * request for it (subject_der and names as kc_request_make takes them): fills in keys and
 * request.  The private key exists on the stack only.  RSA takes seconds; a cancel ends
 * that.
 */
extern void certificate_make_pair(KmsCertificate *certificate, kc_view subject_der, const kc_view *names, size_t count);

/* Whether the private key opens; raises only if that cannot be found out. */
extern bool certificate_key_opens(const KmsCertificate *certificate);

/*
 * The pair, with its private half, or only the public one.  It is OpenSSL's: whoever
 * takes it frees it before anything can raise.  Rejected.Unavailable if it is not what was
 * wrapped.
 */
extern kc_pair *certificate_open_private(const KmsCertificate *certificate);
extern kc_pair *certificate_open_public(const KmsCertificate *certificate);

/* Wrap the private key and make the MAC under the current domain key; false if either is damaged. */
extern bool certificate_seal_anew(KmsCertificate *certificate);

/* Inside store_open: write what was changed, or the new row. */
extern void certificate_save(KmsCertificate *certificate);
extern void certificate_add(KmsCertificate *certificate);

extern bool certificate_is_intact(const KmsCertificate *certificate);
extern void certificate_require_intact(const KmsCertificate *certificate);

#endif
