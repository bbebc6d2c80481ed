/*
 * What the key of a certificate does.  Each works on an ACTIVE certificate, verifying also
 * on a REVOKED one; otherwise Rejected.Disabled.  An algorithm that does not fit
 * the spec is InvalidParameter.  Whether it has expired is not asked.
 */
#ifndef KMS_CERTIFICATE_USE_H
#define KMS_CERTIFICATE_USE_H

#include "postgres.h"

#include "crypto/kc.h"

/* What is signed: RAW, at most this long, or its DIGEST. */
#define CERTIFICATE_MESSAGE_MAX	4096

typedef struct KmsCertificateMessage
{
	const char *algorithm;
	const char *type;			/* RAW or DIGEST */
	kc_view		message;
} KmsCertificateMessage;

extern bytea *certificate_sign(Oid caller, const char *text, const KmsCertificateMessage *message);
extern bool certificate_verify(Oid caller, const char *text, const KmsCertificateMessage *message, kc_view value);
extern bytea *certificate_encrypt(Oid caller, const char *text, const char *algorithm, kc_view plaintext);
extern bytea *certificate_decrypt(Oid caller, const char *text, const char *algorithm, kc_view ciphertext);

/* PKCS #12 under a passphrase; Rejected.UnsupportedOperation if the key may not leave. */
extern bytea *certificate_export(Oid caller, const char *text, kc_view passphrase);

#endif
