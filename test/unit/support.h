/*
 * What the tests share: exact copies, keys, known answers from files, and the
 * same message sealed by other means.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "der.h"
#include "digest.h"
#include "envelope.h"
#include "kc.h"
#include "mac.h"
#include "message.h"
#include "pair.h"
#include "pke.h"
#include "random.h"
#include "rootkey.h"
#include "signature.h"
#include "tap.h"
#include "transport.h"
#include "wrap.h"

#define NONE	kc_view_of(NULL, 0)
#define NONCE	((const uint8_t *) "ABCDEFGHIJKLMNOPQRSTUVWX")

#define SUITE_FIRST	KC_SUITE_XAES_256_GCM
#define SUITE_LAST	KC_SUITE_SM4_CTR_HMAC_SM3

extern const char *suite_name(int suite);

/* A view of a string without its final zero. */
extern kc_view text_view(const char *text);

/*
 * Exactly len bytes on the heap, so that the sanitizer sees a read beyond them;
 * at least an address where len is 0.
 */
extern uint8_t *exactly(const void *bytes, size_t len);

extern bool all_bytes(const void *bytes, size_t len, uint8_t value);
extern bool queue_empty(void);

/*
 * A process of its own for what changes the process.  The status is 0 if test
 * returned true, 1 if false, what it gave to exit(), or -1 for any other end.
 */
extern int	child_status(bool (*test) (void));
extern bool in_child(bool (*test) (void));	/* the status is 0 */

/* A key of the suite, made of the bytes seed, seed + 1, ... */
typedef struct lock
{
	kc_key		key;
	kc_schedule *schedule;
} lock;

extern lock lock_new(int suite, uint8_t seed);
extern void lock_free(lock *l);

/* A pair that travels, and the same material encrypted to it by OpenSSL alone. */
typedef struct travel
{
	int			transport;
	uint8_t		private_der[KC_TRANSPORT_PRIVATE_MAX];
	uint8_t		public_der[KC_TRANSPORT_PUBLIC_MAX];
	size_t		private_len;
	size_t		public_len;
} travel;

#define TRANSPORT_FIRST	KC_PKE_RSA_OAEP_SHA_1
#define TRANSPORT_LAST	KC_PKE_SM2PKE
#define ENCRYPTED_MAX	512

extern const char *transport_name(int transport);
extern travel travel_new(int transport);
extern size_t travel_encrypt(const travel *t, kc_view material, uint8_t out[ENCRYPTED_MAX]);

/* From the SEQUENCE that OpenSSL makes to C1 || C3 || C2. */
extern size_t sm2_raw(const uint8_t *der, size_t len, uint8_t out[ENCRYPTED_MAX]);

/* A number encrypted with no padding at all: RSA pairs only. */
extern size_t travel_encrypt_padded(const travel *t, const uint8_t padded[256], uint8_t out[ENCRYPTED_MAX]);

/* A pair of each kind, made once for all the tests. */
typedef struct made
{
	int			kind;
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	size_t		private_len;
	size_t		public_len;
} made;

#define PAIR_FIRST		KC_PAIR_RSA_2048
#define PAIR_LAST		KC_PAIR_ML_DSA_87
#define PAIR_IS_RSA(kind)	((kind) <= KC_PAIR_RSA_4096)
#define PAIR_IS_EC(kind)	((kind) >= KC_PAIR_EC_P256 && (kind) <= KC_PAIR_EC_SM2)
#define PAIR_IS_ML_DSA(kind)	((kind) >= KC_PAIR_ML_DSA_44)

extern const char *pair_name(int kind);

/* NULL where this OpenSSL does not have the kind: of ML-DSA only. */
extern const made *made_of(int kind);
extern kc_pair *made_pair(const made *m);
extern kc_pair *made_public(const made *m);

/* The same pair in OpenSSL's hands, read by OpenSSL. */
extern struct evp_pkey_st *made_theirs(const made *m);

/* Open an exact copy; with the queue empty, and no pair unless it is KC_OK. */
extern bool pair_opens_as(int kind, bool is_public, kc_view der, kc_status expected);

/* A pair of a curve from its numbers, as OpenSSL writes it. */
extern kc_pair *pair_of_numbers(int kind, kc_view secret, kc_view point);
extern kc_pair *public_of_point(int kind, kc_view point);

/* Tag, length, content; long_form writes the length in one byte more than DER. */
extern size_t der_element(uint8_t tag, kc_view content, bool long_form, uint8_t *out);

/* Known answers: groups of "name = hexadecimal", with an empty line between. */
typedef struct vector_file vector_file;

extern vector_file *vectors_open(const char *name);
extern bool vectors_next(vector_file *file);	/* to the next group */
extern kc_view vectors_get(vector_file *file, const char *name);
extern void vectors_close(vector_file *file);

extern const char *vectors_folder;

/*
 * Seal by the description in message.h, with CMAC, GCM, CTR and HMAC of OpenSSL
 * and nothing of ours.
 */
extern bool reference_derive(int suite, const uint8_t *key, const uint8_t *nonce, uint8_t derived[48]);
extern bool reference_seal(int suite, const uint8_t *key, const uint8_t *nonce,
						   kc_view additional, kc_view plaintext, uint8_t *out, uint8_t *tag);
extern bool reference_gcm(int suite, const uint8_t *derived, const uint8_t *iv,
						  kc_view additional, kc_view plaintext, uint8_t *out, uint8_t *tag);

#endif
