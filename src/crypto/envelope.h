/*
 * Envelopes: plaintext of any size under a data key of its own, which lies
 * encrypted in front of it.  docs/formats.md:
 *
 *	format (1) | key version id (16) | nonce (24) | encrypted data key (k) | tag (t) | chunks
 *	chunk = ciphertext (65536, the last one 0 to 65536) | tag (t)
 *
 * The first 41 bytes are the header of a message (message.h) whose plaintext is
 * the data key, k bytes as the suite wants it, and whose additional data is
 * header and context as ever; its format byte tells it from a message.  Chunk i
 * is a message of the same suite under the data key without additional data,
 * its nonce being
 *
 *	zero (15) | i (8, big-endian) | 1 if it is the last, else 0 (1)
 *
 * which cannot be used twice since the data key is used once: chunks that are
 * moved, left out, cut off or taken from elsewhere do not open.  The last chunk is
 * empty only if it is the only one, so that a plaintext has one length of envelope.
 */
#ifndef KC_ENVELOPE_H
#define KC_ENVELOPE_H

#include "blob.h"

/* Format byte: this, and the suite. */
#define KC_ENVELOPE_FORMAT	0x10

#define KC_CHUNK_LEN	65536

typedef struct kc_envelope
{
	int			suite;
	const uint8_t *version_id;	/* 16 bytes */
	const uint8_t *nonce;		/* 24 bytes */
	kc_view		header;			/* the first 41 bytes */
	kc_view		data_key;		/* encrypted */
	const uint8_t *tag;			/* of the data key */
	kc_view		chunks;
	size_t		plaintext_len;
} kc_envelope;

/* Bytes of an envelope of so many bytes; 0 if there can be none. */
extern size_t kc_envelope_len(int suite, size_t plaintext_len);

/* Longest plaintext whose envelope takes at most room bytes; 0, too, if not even an empty one does. */
extern size_t kc_envelope_plaintext_max(int suite, size_t room);

/*
 * Split an envelope into its parts, which point into it.  KC_BAD_INPUT for
 * another format or a length that no envelope has.
 */
extern kc_status kc_envelope_parse(kc_view bytes, kc_envelope *envelope);

/*
 * Encrypt into out (kc_envelope_len bytes).  schedule must have been set with this
 * key.  Before each chunk cancelled (which may be NULL) is asked; once it says true
 * the answer is KC_CANCELLED.  On any failure out is wiped.
 */
extern kc_status kc_envelope_seal(const kc_key *key, kc_schedule *schedule,
								  const uint8_t version_id[KC_VERSION_ID_LEN],
								  kc_view context, kc_view plaintext, uint8_t *out,
								  bool (*cancelled) (void));

/*
 * Decrypt into out (plaintext_len bytes) and check; out is wiped on any failure,
 * also where only the last chunk is wrong.
 */
extern kc_status kc_envelope_open(const kc_key *key, kc_schedule *schedule,
								  const kc_envelope *envelope, kc_view context, uint8_t *out,
								  bool (*cancelled) (void));

#endif
