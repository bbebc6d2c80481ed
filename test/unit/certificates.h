/* Certificates for the tests. */
#ifndef CERTIFICATES_H
#define CERTIFICATES_H

#include <stdarg.h>

#include <openssl/x509.h>

#include "certificate.h"
#include "support.h"

#define NOW	INT64_C(1700000000)	/* 2023 */

/* Of the openssl command, PEM. */
extern const char stored_root[];
extern const char stored_intermediate[];	/* of a path length of 0 */
extern const char stored_leaf[];
extern const char stored_sm2_root[];
extern const char stored_sm2_leaf[];

typedef struct issued
{
	kc_view		der;			/* on the heap, exactly */
	EVP_PKEY   *key;			/* the blueprint's */
	X509	   *x509;
} issued;

#define EXTENSIONS_MAX	6

typedef struct blueprint
{
	const char *subject;		/* its common name */
	const issued *issuer;		/* NULL: itself */
	EVP_PKEY   *key;
	const char *extensions[EXTENSIONS_MAX][2];	/* as in openssl.cnf */
	const char *not_before;		/* 2020 to 2099, if NULL */
	const char *not_after;
	const char *digest;			/* SHA256, if NULL */
	bool		is_pss;
	bool		version_1;
	bool		signs_itself;	/* in spite of its issuer */
} blueprint;

#define CA_EXTENSIONS \
	{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign"}, {"subjectKeyIdentifier", "hash"}
#define LEAF_EXTENSIONS \
	{"basicConstraints", "CA:FALSE"}, {"subjectKeyIdentifier", "hash"}

extern issued issue(const blueprint *b);
extern void issued_free(issued *made);

/* As OpenSSL writes it; the caller frees it. */
extern char *pem_of(const char *label, kc_view der);

/* One text behind the other, up to NULL. */
extern char *joined(const char *first, ...);

#endif
