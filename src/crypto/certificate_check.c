/*
 * Whether a certificate and its chain hold together.
 *
 * The order is the caller's: OpenSSL's own verification would look for another one,
 * and ask for roots.  What a single test needs is OpenSSL's all the same.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certificate_open.h"
#include "sm2_identity.h"

#define CERTIFICATES_MAX	(1 + KC_CHAIN_MAX)

/* A collision of less costs nothing today; SHA-1 has 63 bits. */
#define SECURITY_BITS_MIN	80

#define CA_BY_CONSTRAINTS	1	/* of X509_check_ca: not just by age */

typedef struct path
{
	kc_certificate certificates[CERTIFICATES_MAX];	/* the leaf is the first */
	size_t		count;
	kc_certificate_finding *finding;
} path;

static kc_status
blame(path *p, size_t at, kc_certificate_problem problem)
{
	p->finding->at = at;
	return kc_certificate_blame(&p->finding->problem, problem);
}

static bool
same(kc_view a, kc_view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static kc_status
open_all(path *p, kc_view der, const kc_view *chain, size_t count)
{
	kc_status	status = KC_OK;

	if (count > KC_CHAIN_MAX)
		return blame(p, KC_CHAIN_MAX + 1, KC_CERTIFICATE_TOO_MANY);
	while (status == KC_OK && p->count <= count)
	{
		size_t		at = p->count++;

		status = kc_certificate_open(at == 0 ? der : chain[at - 1], &p->certificates[at], &p->finding->problem);
		p->finding->at = status == KC_OK ? 0 : at;
	}
	return status;
}

static kc_status
check_distinct(path *p)
{
	for (size_t i = 1; i < p->count; i++)
		for (size_t j = 0; j < i; j++)
			if (same(p->certificates[i].der, p->certificates[j].der))
				return blame(p, i, KC_CERTIFICATE_REPEATED);
	return KC_OK;
}

static bool
is_flagged(const kc_certificate *certificate, uint32_t flag)
{
	return (certificate->flags & flag) != 0;
}

static kc_status
check_issuers(path *p)
{
	for (size_t i = 0; i + 1 < p->count; i++)
	{
		/* Only the right to sign is missing: it is said of the issuer. */
		int			found = X509_check_issued(p->certificates[i + 1].x509, p->certificates[i].x509);

		if (found != X509_V_OK && found != X509_V_ERR_KEYUSAGE_NO_CERTSIGN)
			return blame(p, i, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT);
	}
	return KC_OK;
}

/* CAs that renew themselves do not count (RFC 5280, 6.1.4). */
static kc_status
check_authorities(path *p)
{
	long		below = 0;

	for (size_t i = 1; i < p->count; i++)
	{
		long		allowed = X509_get_pathlen(p->certificates[i].x509);

		if (X509_check_ca(p->certificates[i].x509) != CA_BY_CONSTRAINTS)
			return blame(p, i, KC_CERTIFICATE_NOT_A_CA);
		if (allowed >= 0 && below > allowed)
			return blame(p, i, KC_CERTIFICATE_PATH_TOO_LONG);
		below += is_flagged(&p->certificates[i], EXFLAG_SI) ? 0 : 1;
	}
	return KC_OK;
}

/* SM2 signs with an identity, and OpenSSL has none of its own. */
static bool
set_identity(X509 *x509, EVP_PKEY *key)
{
	ASN1_OCTET_STRING *identity;

	if (EVP_PKEY_is_a(key, "SM2") != 1)
		return true;
	identity = ASN1_OCTET_STRING_new();
	if (identity != NULL &&
		ASN1_OCTET_STRING_set(identity, (const uint8_t *) KC_SM2_IDENTITY, sizeof(KC_SM2_IDENTITY) - 1) == 1)
	{
		X509_set0_distinguishing_id(x509, identity);
		return true;
	}
	ASN1_OCTET_STRING_free(identity);
	return false;
}

static kc_status
check_signature(path *p, size_t at, const kc_certificate *issuer)
{
	kc_certificate *certificate = &p->certificates[at];
	int			bits;

	if (X509_get_signature_info(certificate->x509, NULL, NULL, &bits, NULL) != 1)
		return blame(p, at, KC_CERTIFICATE_BAD_SIGNATURE);
	if (issuer != certificate && bits < SECURITY_BITS_MIN)
		return blame(p, at, KC_CERTIFICATE_WEAK_SIGNATURE);
	if (!set_identity(certificate->x509, issuer->key))
		return KC_FAILED;
	if (X509_verify(certificate->x509, issuer->key) != 1)
		return blame(p, at, KC_CERTIFICATE_BAD_SIGNATURE);
	return KC_OK;
}

/* Of the last one nothing can be said unless it is self-signed. */
static kc_status
check_signatures(path *p)
{
	kc_status	status = KC_OK;
	size_t		last = p->count - 1;

	for (size_t i = 0; i < last && status == KC_OK; i++)
		status = check_signature(p, i, &p->certificates[i + 1]);
	if (status == KC_OK && is_flagged(&p->certificates[last], EXFLAG_SS))
		status = check_signature(p, last, &p->certificates[last]);
	return status;
}

/* Names of those below, but for CAs that renew themselves (RFC 5280, 4.2.1.10). */
static kc_status
check_below(path *p, size_t at, NAME_CONSTRAINTS *constraints)
{
	for (size_t i = 0; i < at; i++)
	{
		int			found;

		if (i > 0 && is_flagged(&p->certificates[i], EXFLAG_SI))
			continue;
		found = NAME_CONSTRAINTS_check(p->certificates[i].x509, constraints);
		if (found == X509_V_ERR_OUT_OF_MEM)
			return KC_FAILED;
		if (found != X509_V_OK)
			return blame(p, at, KC_CERTIFICATE_NOT_PERMITTED);
	}
	return KC_OK;
}

static kc_status
check_permitted(path *p)
{
	kc_status	status = KC_OK;

	for (size_t i = 1; i < p->count && status == KC_OK; i++)
	{
		int			critical = -2;	/* -1: there is none */
		NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(p->certificates[i].x509, NID_name_constraints,
														 &critical, NULL);

		if (constraints != NULL)
			status = check_below(p, i, constraints);
		else if (critical != -1)
			status = blame(p, i, KC_CERTIFICATE_MALFORMED);
		NAME_CONSTRAINTS_free(constraints);
	}
	return status;
}

static kc_status
check_dates(path *p, int64_t now)
{
	for (size_t i = 0; i < p->count; i++)
	{
		if (now < p->certificates[i].parts.not_before)
			return blame(p, i, KC_CERTIFICATE_NOT_YET_VALID);
		if (now > p->certificates[i].parts.not_after)
			return blame(p, i, KC_CERTIFICATE_EXPIRED);
	}
	return KC_OK;
}

static kc_status
check(path *p, kc_view public_der, int64_t now)
{
	kc_status	status;

	if (!same(p->certificates[0].parts.public_der, public_der))
		return blame(p, 0, KC_CERTIFICATE_OTHER_KEY);
	status = check_distinct(p);
	if (status == KC_OK)
		status = check_issuers(p);
	if (status == KC_OK)
		status = check_authorities(p);
	if (status == KC_OK)
		status = check_signatures(p);
	if (status == KC_OK)
		status = check_permitted(p);
	return status == KC_OK ? check_dates(p, now) : status;
}

kc_status
kc_certificate_check(kc_view der, const kc_view *chain, size_t count, kc_view public_der, int64_t now,
					 kc_certificate_finding *finding)
{
	path		p;
	kc_status	status;

	memset(&p, 0, sizeof(p));
	p.finding = finding;
	finding->problem = KC_CERTIFICATE_FINE;
	finding->at = 0;
	ERR_clear_error();
	status = open_all(&p, der, chain, count);
	if (status == KC_OK)
		status = check(&p, public_der, now);
	for (size_t i = 0; i < p.count; i++)
		kc_certificate_close(&p.certificates[i]);
	ERR_clear_error();
	return status;
}
