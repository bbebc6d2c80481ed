/*
 * The layout of stored ciphertext, docs/formats.md:
 *
 *	format (1) | key version id (16) | nonce (24) | ciphertext (n) | tag (16 or 32)
 *
 * The first 41 bytes are authenticated together with the canonical context.
 */
#ifndef KC_BLOB_H
#define KC_BLOB_H

#include "message.h"

#define KC_VERSION_ID_LEN	16
#define KC_NONCE_AT			(1 + KC_VERSION_ID_LEN)
#define KC_HEADER_LEN		(KC_NONCE_AT + KC_NONCE_LEN)

typedef struct kc_blob
{
	int			suite;
	const uint8_t *version_id;	/* 16 bytes */
	const uint8_t *nonce;		/* 24 bytes */
	kc_view		header;			/* the first 41 bytes */
	kc_view		ciphertext;
	const uint8_t *tag;			/* kc_tag_len(suite) bytes */
} kc_blob;

/*
 * Bytes of a blob that holds plaintext_len bytes; 0 if there can be none: the
 * number is no suite, or the plaintext is longer than a message may be.
 */
extern size_t kc_blob_len(int suite, size_t plaintext_len);

/*
 * Split a blob into its parts, which point into it.  Looks at format and length
 * only; KC_BAD_INPUT for an unknown format or a blob too short for its own.
 */
extern kc_status kc_blob_parse(kc_view bytes, kc_blob *blob);

/* Write format and version id; the nonce follows at KC_NONCE_AT. */
extern void kc_blob_write_start(uint8_t *out, int suite, const uint8_t version_id[KC_VERSION_ID_LEN]);

#endif
