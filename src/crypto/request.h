/*
 * Certificate signing requests: PKCS #10 (RFC 2986), PEM.
 *
 *	pair                   signed with
 *	RSA of any length      RSASSA-PKCS1-v1_5 and SHA-256 (RFC 8017)
 *	P-256                  ECDSA and SHA-256 (RFC 5758)
 *	P-384                  ECDSA and SHA-384
 *	SM2                    SM2 and SM3 (RFC 8998), identity 1234567812345678
 *
 * Alternative names stand in an extension request (RFC 2985, 5.4.2), not critical.
 */
#ifndef KC_REQUEST_H
#define KC_REQUEST_H

#include "alternative_name.h"
#include "pair.h"

/* Longest request, its final zero included. */
#define KC_REQUEST_PEM_MAX	45056

/* Whether a pair of this kind can ask for a certificate. */
extern bool kc_request_fits(int kind);

/*
 * Make the request of a pair with its private half.  The subject is of
 * kc_subject_parse; there are 0 to KC_NAMES_MAX names.  *len is the room, then the
 * length without the final zero; KC_REQUEST_PEM_MAX is enough.  KC_BAD_INPUT for a
 * kind that does not fit, a name that is none, too many of them, or too
 * little room.  On failure the room is wiped and *len is 0.
 */
extern kc_status kc_request_make(kc_pair *pair, kc_view subject_der, const kc_view *names, size_t count,
								 char *pem, size_t *len);

#endif
