/*
 * Sealing and opening: what must open, and everything that must not.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <limits.h>

#define HEADER	"0123456789abcdef0123456789abcdef012345678"
#define CONTEXT	"a context"
#define TEXT	"attack at dawn, bring your own ladder"

/* A message in exact pieces, so that they can be bent one by one. */
typedef struct message
{
	uint8_t		nonce[KC_NONCE_LEN];
	uint8_t		header[41];
	uint8_t		context[9];
	uint8_t		ciphertext[37];
	uint8_t		tag[KC_TAG_MAX];
} message;

static message
seal_message(const lock *l)
{
	message		m = {0};

	memcpy(m.nonce, NONCE, KC_NONCE_LEN);
	memcpy(m.header, HEADER, sizeof(m.header));
	memcpy(m.context, CONTEXT, sizeof(m.context));
	if (kc_seal(&l->key, l->schedule, m.nonce, text_view(HEADER), text_view(CONTEXT),
				text_view(TEXT), m.ciphertext, m.tag) != KC_OK)
		abort();
	return m;
}

/* The status; a failure that leaves anything in out or in the queue is another one. */
static kc_status
open_parts(const lock *l, const message *m, kc_view header, kc_view context, kc_view ciphertext)
{
	uint8_t    *out = exactly(m->ciphertext, ciphertext.len);
	kc_status	status;

	if (ciphertext.len > 0)
		memset(out, 0xaa, ciphertext.len);
	status = kc_open(&l->key, l->schedule, m->nonce, header, context, ciphertext, m->tag, out);
	if (status == KC_OK && memcmp(out, TEXT, ciphertext.len) != 0)
		status = KC_FAILED;
	if (status != KC_OK && (!all_bytes(out, ciphertext.len, 0) || !queue_empty()))
		status = KC_FAILED;
	free(out);
	return status;
}

static kc_status
open_message(const lock *l, const message *m)
{
	return open_parts(l, m, kc_view_of(m->header, sizeof(m->header)),
					  kc_view_of(m->context, sizeof(m->context)),
					  kc_view_of(m->ciphertext, sizeof(m->ciphertext)));
}

/* Every bit of one part, turned over alone. */
static bool
each_bit_matters(const lock *l, message *m, uint8_t *part, size_t len)
{
	bool		good = true;

	for (size_t bit = 0; bit < len * 8; bit++)
	{
		part[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && open_message(l, m) == KC_BAD_TAG;
		part[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	return good && open_message(l, m) == KC_OK;
}

static void
flips(const lock *l, const char *name)
{
	message		m = seal_message(l);

	ok(open_message(l, &m) == KC_OK, "%s: a message opens", name);
	ok(each_bit_matters(l, &m, m.nonce, sizeof(m.nonce)), "%s: each bit of the nonce matters", name);
	ok(each_bit_matters(l, &m, m.header, sizeof(m.header)), "%s: each bit of the header matters", name);
	ok(each_bit_matters(l, &m, m.context, sizeof(m.context)), "%s: each bit of the context matters", name);
	ok(each_bit_matters(l, &m, m.ciphertext, sizeof(m.ciphertext)),
	   "%s: each bit of the ciphertext matters", name);
	ok(each_bit_matters(l, &m, m.tag, kc_tag_len(l->key.suite)), "%s: each bit of the tag matters", name);
}

static void
cuts(const lock *l, const char *name)
{
	message		m = seal_message(l);
	bool		good = true;

	for (size_t len = 0; len < sizeof(m.ciphertext); len++)
	{
		uint8_t    *exact = exactly(m.ciphertext, len);

		good = good && open_parts(l, &m, text_view(HEADER), text_view(CONTEXT),
								  kc_view_of(exact, len)) == KC_BAD_TAG;
		free(exact);
	}
	ok(good, "%s: a ciphertext cut at any length does not open", name);
}

/* The parts may not trade bytes, except header and context, which are one run. */
static void
boundaries(const lock *l, const char *name)
{
	message		m = seal_message(l);
	kc_view		ciphertext = kc_view_of(m.ciphertext, sizeof(m.ciphertext));
	uint8_t		joined[sizeof(m.context) + sizeof(m.ciphertext)];

	ok(open_parts(l, &m, text_view(CONTEXT), text_view(HEADER), ciphertext) == KC_BAD_TAG,
	   "%s: header and context swapped do not open", name);
	ok(open_parts(l, &m, text_view(HEADER), NONE, ciphertext) == KC_BAD_TAG &&
	   open_parts(l, &m, NONE, text_view(CONTEXT), ciphertext) == KC_BAD_TAG &&
	   open_parts(l, &m, NONE, NONE, ciphertext) == KC_BAD_TAG,
	   "%s: without header or context it does not open", name);
	ok(open_parts(l, &m, text_view(HEADER CONTEXT), NONE, ciphertext) == KC_OK &&
	   open_parts(l, &m, NONE, text_view(HEADER CONTEXT), ciphertext) == KC_OK,
	   "%s: the additional data is header followed by context", name);
	ok(open_parts(l, &m, text_view(HEADER), kc_view_of(CONTEXT, 10), ciphertext) == KC_BAD_TAG,
	   "%s: a zero byte more in the context does not open", name);
	memcpy(joined, m.context, sizeof(m.context));
	memcpy(joined + sizeof(m.context), m.ciphertext, sizeof(m.ciphertext));
	ok(open_parts(l, &m, text_view(HEADER), NONE, kc_view_of(joined, sizeof(joined))) == KC_BAD_TAG &&
	   open_parts(l, &m, text_view(HEADER), kc_view_of(joined, sizeof(m.context) + 1),
				  kc_view_of(m.ciphertext + 1, sizeof(m.ciphertext) - 1)) == KC_BAD_TAG,
	   "%s: bytes cannot move between context and ciphertext", name);
}

static void
empty(const lock *l, const char *name)
{
	uint8_t		tag[KC_TAG_MAX];
	uint8_t		byte = 0xaa;

	ok(kc_seal(&l->key, l->schedule, NONCE, NONE, NONE, NONE, NULL, tag) == KC_OK &&
	   kc_open(&l->key, l->schedule, NONCE, NONE, NONE, NONE, tag, NULL) == KC_OK,
	   "%s: nothing can be sealed and opened", name);
	ok(kc_open(&l->key, l->schedule, NONCE, NONE, NONE, kc_view_of(&byte, 0), tag, &byte) == KC_OK &&
	   byte == 0xaa, "%s: and no byte is written for it", name);
	ok(kc_open(&l->key, l->schedule, NONCE, text_view("h"), NONE, NONE, tag, NULL) == KC_BAD_TAG &&
	   kc_open(&l->key, l->schedule, NONCE, NONE, text_view("c"), NONE, tag, NULL) == KC_BAD_TAG,
	   "%s: the tag of nothing is not the tag of a context", name);
	tag[0] ^= 1;
	ok(kc_open(&l->key, l->schedule, NONCE, NONE, NONE, NONE, tag, NULL) == KC_BAD_TAG && queue_empty(),
	   "%s: nothing with a wrong tag does not open", name);
}

static void
wrong_key(const lock *l, const char *name)
{
	lock		other = lock_new(l->key.suite, 99);
	message		m = seal_message(l);
	uint8_t		back[sizeof(m.ciphertext)];

	ok(open_message(&other, &m) == KC_BAD_TAG, "%s: another key does not open it", name);
	ok(kc_open(&l->key, l->schedule, m.nonce, text_view(HEADER), text_view(CONTEXT),
			   kc_view_of(m.ciphertext, sizeof(m.ciphertext)), m.tag, back) == KC_OK &&
	   memcmp(back, TEXT, sizeof(back)) == 0, "%s: and the right one still does", name);
	lock_free(&other);
}

static void
wrong_suite(void)
{
	bool		good = true;

	for (int from = SUITE_FIRST; from <= SUITE_LAST; from++)
		for (int to = SUITE_FIRST; to <= SUITE_LAST; to++)
		{
			lock		sealer = lock_new(from, 1);
			lock		opener = lock_new(to, 1);
			message		m = seal_message(&sealer);

			good = good && open_message(&opener, &m) == (from == to ? KC_OK : KC_BAD_TAG);
			lock_free(&sealer);
			lock_free(&opener);
		}
	ok(good, "the same key bytes in another suite open nothing");
}

/* Nobody has such buffers: the addresses are small ones, and must not be touched. */
static void
too_long(const lock *l, const char *name)
{
	static const size_t lengths[] = {((size_t) 1 << 30) + 1, INT_MAX, (size_t) INT_MAX + 1,
		UINT32_MAX, (size_t) UINT32_MAX + 1, SIZE_MAX - 15, SIZE_MAX};
	uint8_t		small[1] = {0xaa};
	uint8_t		tag[KC_TAG_MAX] = {0};
	bool		good = true;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		kc_view		huge = kc_view_of(small, lengths[i]);

		good = good &&
			kc_seal(&l->key, l->schedule, NONCE, huge, NONE, NONE, small, tag) == KC_BAD_INPUT &&
			kc_seal(&l->key, l->schedule, NONCE, NONE, huge, NONE, small, tag) == KC_BAD_INPUT &&
			kc_seal(&l->key, l->schedule, NONCE, NONE, NONE, huge, small, tag) == KC_BAD_INPUT &&
			kc_open(&l->key, l->schedule, NONCE, huge, NONE, NONE, tag, small) == KC_BAD_INPUT &&
			kc_open(&l->key, l->schedule, NONCE, NONE, huge, NONE, tag, small) == KC_BAD_INPUT &&
			kc_open(&l->key, l->schedule, NONCE, NONE, NONE, huge, tag, small) == KC_BAD_INPUT;
	}
	ok(good && small[0] == 0xaa, "%s: lengths beyond 1 GB are refused and nothing is touched", name);
}

static void
large(const lock *l, const char *name)
{
	size_t		len = 3000001;
	uint8_t    *text = malloc(len);
	uint8_t    *out = malloc(len);
	uint8_t		tag[KC_TAG_MAX];
	bool		good;

	memset(text, 'x', len);
	good = kc_seal(&l->key, l->schedule, NONCE, NONE, NONE, kc_view_of(text, len), out, tag) == KC_OK &&
		kc_open(&l->key, l->schedule, NONCE, NONE, NONE, kc_view_of(out, len), tag, text) == KC_OK &&
		all_bytes(text, len, 'x');
	ok(good, "%s: three million bytes come back", name);
	out[len - 1] ^= 1;
	ok(kc_open(&l->key, l->schedule, NONCE, NONE, NONE, kc_view_of(out, len), tag, text) == KC_BAD_TAG &&
	   all_bytes(text, len, 0), "%s: and are wiped if the last of them was changed", name);
	free(text);
	free(out);
}

/* The promise of the hot path.  HMAC keeps a copy of its key, hence not SM4. */
static void
allocates_nothing(const lock *l, const char *name)
{
	message		m = seal_message(l);
	uint8_t		nonce[KC_NONCE_LEN];
	uint8_t		out[sizeof(m.ciphertext)];
	uint8_t		back[sizeof(m.ciphertext)];
	long		before;
	bool		good;

	kc_nonce(nonce);
	before = fault_allocations();
	good = kc_nonce(nonce) == KC_OK &&
		kc_seal(&l->key, l->schedule, nonce, NONE, NONE, text_view(TEXT), out, m.tag) == KC_OK &&
		kc_open(&l->key, l->schedule, nonce, NONE, NONE, kc_view_of(out, sizeof(out)), m.tag, back) == KC_OK &&
		kc_schedule_set(l->schedule, &l->key) == KC_OK;
	ok(good && fault_allocations() == before, "%s: sealing and opening allocate nothing", name);
}

void
test_message(void)
{
	tap_section("messages");
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
	{
		lock		l = lock_new(suite, 1);

		flips(&l, suite_name(suite));
		cuts(&l, suite_name(suite));
		boundaries(&l, suite_name(suite));
		empty(&l, suite_name(suite));
		wrong_key(&l, suite_name(suite));
		too_long(&l, suite_name(suite));
		large(&l, suite_name(suite));
		if (suite != KC_SUITE_SM4_CTR_HMAC_SM3)
			allocates_nothing(&l, suite_name(suite));
		lock_free(&l);
	}
	wrong_suite();
}
