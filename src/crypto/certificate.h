/*
 * Certificates: X.509 version 3 (RFC 5280).
 *
 * A certificate goes about as its DER.  It is judged each time it is used, by what
 * stands in it and in those that come with it: what the system trusts is never
 * asked, and whether the last one of a chain can be trusted is for others to say.
 *
 * Keys are RSA of 2048 to 8192 bits, or one of the other kinds in pair.h; curves are
 * named.
 */
#ifndef KC_CERTIFICATE_H
#define KC_CERTIFICATE_H

#include "pair.h"
#include "pem.h"
#include "subject.h"

#define KC_CHAIN_MAX			10

/* Room for one certificate, and for a chain. */
#define KC_CERTIFICATE_DER_MAX	KC_PEM_DER_MAX

/* What is wrong, in the order in which it is looked for. */
typedef enum kc_certificate_problem
{
	KC_CERTIFICATE_FINE = 0,
	KC_CERTIFICATE_TOO_LONG,	/* more than KC_PEM_MAX of text */
	KC_CERTIFICATE_BAD_PEM,		/* not one certificate (a chain: none to ten) in PEM, or something else besides */
	KC_CERTIFICATE_TOO_MANY,	/* a chain of more than ten */
	KC_CERTIFICATE_MALFORMED,	/* not the DER of a certificate, all of it */
	KC_CERTIFICATE_BAD_KEY,		/* a public key of another kind or length, or none at all */
	KC_CERTIFICATE_UNKNOWN_EXTENSION,	/* a critical one */
	KC_CERTIFICATE_BAD_DATE,	/* a date that is none */
	KC_CERTIFICATE_OTHER_KEY,	/* not the public key it should be */
	KC_CERTIFICATE_REPEATED,	/* one that came before */
	KC_CERTIFICATE_NOT_ISSUED_BY_NEXT,	/* issuer, key identifier or algorithm is not the next one's */
	KC_CERTIFICATE_NOT_A_CA,	/* issues, but has no right to sign certificates */
	KC_CERTIFICATE_PATH_TOO_LONG,	/* allows fewer CAs below it than there are */
	KC_CERTIFICATE_WEAK_SIGNATURE,	/* signed with a digest that is broken: MD5, SHA-1 */
	KC_CERTIFICATE_BAD_SIGNATURE,	/* is not signed with the next one's key, or with its own if self-signed */
	KC_CERTIFICATE_NOT_PERMITTED,	/* forbids a name below it */
	KC_CERTIFICATE_NOT_YET_VALID,
	KC_CERTIFICATE_EXPIRED
} kc_certificate_problem;

/* Which certificate has the problem: 0 is the leaf, or the first of a chain that is read. */
typedef struct kc_certificate_finding
{
	kc_certificate_problem problem;
	size_t		at;
} kc_certificate_finding;

/*
 * Read exactly one certificate from PEM: its key, its critical extensions and its
 * dates are looked at, nothing else is.  *len is the room, then the length;
 * KC_CERTIFICATE_DER_MAX is enough.  KC_BAD_INPUT comes with a problem, any other
 * failure without; then the room is wiped and *len is 0.
 */
extern kc_status kc_certificate_read(kc_view pem, uint8_t *der, size_t *len, kc_certificate_finding *finding);

/*
 * The same for 0 to KC_CHAIN_MAX certificates, one behind the other: of PEM, and in
 * der.  chain has KC_CHAIN_MAX places, and points into der.
 */
extern kc_status kc_chain_read(kc_view pem, uint8_t *der, size_t *len, kc_view *chain, size_t *count,
							   kc_certificate_finding *finding);

/*
 * Whether a certificate may be used at this time (seconds since 1970) for this public
 * key, DER.  Each certificate is issued and signed by the next; all but the leaf
 * are CAs (basicConstraints with its path length, keyUsage where there is one) and
 * permit the names below them (nameConstraints); no two are the same.  The last, if it is
 * self-signed, bears its own signature.  Policies are not looked at.  KC_BAD_INPUT
 * comes with the first problem.
 */
extern kc_status kc_certificate_check(kc_view der, const kc_view *chain, size_t count, kc_view public_der,
									  int64_t now, kc_certificate_finding *finding);

#define KC_SERIAL_MAX			32	/* bytes; RFC 5280 has 20 */
#define KC_KEY_IDENTIFIER_MAX	64
#define KC_ALGORITHM_MAX		80
#define KC_DESCRIBED_NAMES_MAX	100
#define KC_DESCRIBED_NAMES_LEN	32768

/* What stands in a certificate.  Texts end with a zero. */
typedef struct kc_certificate_info
{
	char		subject[KC_SUBJECT_PRINT_MAX];	/* as kc_subject_print has them */
	char		issuer[KC_SUBJECT_PRINT_MAX];
	char		serial[2 * KC_SERIAL_MAX + 1];	/* hexadecimal, two digits for each byte */
	int64_t		not_before;		/* seconds since 1970, of the years 1950 to 9999 */
	int64_t		not_after;
	char		signature[KC_ALGORITHM_MAX];	/* "ecdsa-with-SHA256": OpenSSL's long name, or the number */
	char		key_identifier[3 * KC_KEY_IDENTIFIER_MAX];	/* "79 36 26 DE", of the extension, or see below */
	char		names[KC_DESCRIBED_NAMES_LEN];	/* alternative names one behind the other, each with its zero */
	size_t		names_count;
	kc_view		public_der;		/* SubjectPublicKeyInfo, in the certificate */
	int			kind;			/* as which kc_pair_open_public opens it; 0: RSA of another length */
} kc_certificate_info;

/*
 * info is large (70 KB); it is wiped on failure.  KC_BAD_INPUT for what kc_certificate_read
 * refuses, and for a certificate of which a part has no place in info: names that
 * are too many, or not of ASCII without blanks, a negative serial number.
 * Alternative names of other types than in alternative_name.h are left out.
 */
extern kc_status kc_certificate_describe(kc_view der, kc_certificate_info *info);

#define KC_KEY_IDENTIFIER_TEXT	(3 * 20)

/*
 * The identifier of a public key whose certificate has none, or is not there yet:
 * SHA-1 of its bits (RFC 5280, 4.2.1.2), with a zero.  Wiped on failure.
 */
extern kc_status kc_key_identifier(kc_view public_der, char out[KC_KEY_IDENTIFIER_TEXT]);

#endif
