/*
 * What every file of this floor shares: the status that goes back, the view
 * that comes in, and the two helpers that touch secrets without looking.
 *
 * This floor is plain C11 on OpenSSL and knows nothing of PostgreSQL.  It
 * cannot throw: buffers come from the caller, a kc_status goes back, and each
 * function frees what it made on its one way out.  OpenSSL's error queue is
 * left empty and none of its texts is handed on.
 */
#ifndef KC_H
#define KC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum kc_status
{
	KC_OK = 0,
	KC_BAD_INPUT,				/* malformed bytes, or a length out of range */
	KC_BAD_TAG,					/* the tag does not verify */
	KC_UNSUPPORTED,				/* this OpenSSL or its policy lacks the algorithm */
	KC_FAILED,					/* OpenSSL failed: no memory, no randomness */
	KC_CANCELLED				/* the caller's own callback asked to stop */
} kc_status;

/* Bytes that somebody else owns.  data may be NULL only where len is 0. */
typedef struct kc_view
{
	const uint8_t *data;
	size_t		len;
} kc_view;

static inline kc_view
kc_view_of(const void *data, size_t len)
{
	kc_view		view = {(const uint8_t *) data, len};

	return view;
}

/*
 * Fetch the algorithms and make the shared contexts, once per process; calling
 * it again is cheap and harmless.  Run before fork (in the postmaster) the
 * children inherit it.  It holds no key and draws no random bytes.
 */
extern kc_status kc_startup(void);

/* Overwrite secrets in a way the compiler may not remove. */
extern void kc_wipe(void *data, size_t len);

/* Whether OpenSSL's queue of errors, which this empties, has one that says so: what failed has then proved nothing. */
extern bool kc_memory_was_out(void);

/* Compare secrets in constant time. */
extern bool kc_equal(const void *a, const void *b, size_t len);

#endif
