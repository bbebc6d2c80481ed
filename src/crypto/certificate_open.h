/*
 * A certificate taken apart.  Private to this floor.
 *
 * Callers empty OpenSSL's error queue.
 */
#ifndef KC_CERTIFICATE_OPEN_H
#define KC_CERTIFICATE_OPEN_H

#include <openssl/x509.h>

#include "certificate.h"

/* Where things stand in its DER, headers included but for the serial number. */
typedef struct kc_certificate_parts
{
	kc_view		serial;			/* content of the INTEGER */
	kc_view		issuer;
	kc_view		subject;
	kc_view		public_der;
	int64_t		not_before;
	int64_t		not_after;
	bool		has_dates;		/* both of them are dates */
} kc_certificate_parts;

/* False if it is no certificate, as far as these parts go. */
extern bool kc_certificate_take_apart(kc_view der, kc_certificate_parts *parts);

typedef struct kc_certificate
{
	kc_view		der;
	kc_certificate_parts parts;
	X509	   *x509;
	EVP_PKEY   *key;			/* in it */
	uint32_t	flags;			/* EXFLAG_..., of OpenSSL */
} kc_certificate;

/* All that kc_certificate_read promises.  The caller closes it, whatever became of it. */
extern kc_status kc_certificate_open(kc_view der, kc_certificate *certificate, kc_certificate_problem *problem);
extern void kc_certificate_close(kc_certificate *certificate);

/* The kind of a public key, 0 for RSA of another length, -1 for none that we take. */
extern int kc_public_kind(kc_view public_der);

/*
 * Say what is wrong; the answer is KC_BAD_INPUT.  But if OpenSSL's queue tells of
 * memory, nothing is known to be wrong, and it is KC_FAILED.
 */
extern kc_status kc_certificate_blame(kc_certificate_problem *problem, kc_certificate_problem value);

#endif
