/*
 * PKCS #12 (RFC 7292): a pair leaves with its certificate, under a passphrase.
 *
 *	contents   private key (PKCS #8), certificate and chain, tied together by localKeyId
 *	encrypted  PBES2 (RFC 8018): AES-256-CBC, PBKDF2 with HMAC-SHA-256, KC_PKCS12_ROUNDS, salt 16 bytes;
 *	           the key and the certificates each under a key of their own
 *	MAC        HMAC-SHA-256 over both, its key by the KDF of RFC 7292, appendix B, KC_PKCS12_ROUNDS, salt 16 bytes
 */
#ifndef KC_PKCS12_H
#define KC_PKCS12_H

#include "certificate.h"

#define KC_PKCS12_ROUNDS	10000
#define KC_PASSPHRASE_MAX	1024

/* Longest file: a certificate and a chain, both as long as may be. */
#define KC_PKCS12_MAX		(2 * KC_CERTIFICATE_DER_MAX + 8192)

/*
 * Write the file of a pair with its private half.  The passphrase is UTF-8 of 1 to
 * KC_PASSPHRASE_MAX bytes, none of them zero.  *len is the room, then the length.
 * KC_BAD_INPUT for another passphrase, a certificate of another public key, too
 * long a chain, or too little room; the chain itself is not judged.  On failure the room
 * is wiped and *len is 0.
 *
 * It takes some 15 ms, which cannot be cancelled.
 */
extern kc_status kc_pkcs12_export(kc_pair *pair, kc_view der, const kc_view *chain, size_t count,
								  kc_view passphrase, uint8_t *out, size_t *len);

#endif
