/*
 * How a certificate comes: a key pair and its request, and what a CA made of it.
 */
#ifndef KMS_CERTIFICATE_CREATE_H
#define KMS_CERTIFICATE_CREATE_H

#include "postgres.h"

#include "store/certificate.h"

typedef struct KmsCreateCertificate
{
	const char *key_spec;
	const char *subject;		/* RFC 4514 */
	List	   *names;			/* alternative names: DNS, IP address, e-mail, URI; NIL: none */
	bool		exportable;
} KmsCreateCertificate;

extern void certificate_create(Oid caller, const KmsCreateCertificate *request, KmsCertificate *certificate);

/* Both PEM; chain: the issuing CA first, or NULL. */
extern void certificate_upload(Oid caller, const char *text, const char *pem, const char *chain);

#endif
