/*
 * All four suites against known answers from another library, and against the
 * same construction put together here from single primitives.
 */
#include "support.h"
#include "tests.h"

static void
known_answer(vector_file *file, int number)
{
	int			suite = vectors_get(file, "suite").data[0];
	kc_view		plaintext = vectors_get(file, "plaintext");
	kc_view		additional = vectors_get(file, "additional");
	kc_view		sealed = vectors_get(file, "sealed");
	const uint8_t *nonce = vectors_get(file, "nonce").data;
	uint8_t		out[256];
	kc_view		ciphertext = kc_view_of(out, plaintext.len);
	uint8_t    *tag = out + plaintext.len;
	uint8_t		back[256];
	uint8_t		derived[48];
	lock		l;

	l.schedule = kc_schedule_new();
	ok(kc_key_init(&l.key, suite, vectors_get(file, "key")) == KC_OK &&
	   kc_schedule_set(l.schedule, &l.key) == KC_OK &&
	   kc_seal(&l.key, l.schedule, nonce, additional, NONE, plaintext, out, tag) == KC_OK &&
	   sealed.len == plaintext.len + kc_tag_len(suite) &&
	   memcmp(out, sealed.data, sealed.len) == 0,
	   "known answer %d, %s: sealed", number, suite_name(suite));
	ok(kc_open(&l.key, l.schedule, nonce, additional, NONE, ciphertext, tag, back) == KC_OK &&
	   memcmp(back, plaintext.data, plaintext.len) == 0,
	   "known answer %d, %s: opened", number, suite_name(suite));
	ok(reference_derive(suite, l.key.material, nonce, derived) &&
	   memcmp(derived, vectors_get(file, "derived").data, vectors_get(file, "derived").len) == 0,
	   "known answer %d, %s: CMAC of the whole input derives the same", number, suite_name(suite));
	lock_free(&l);
}

/* Many shapes of one message: empty, part of a block, a block, more. */
static bool
same_as_reference(int suite, size_t header_len, size_t context_len, size_t len)
{
	lock		l = lock_new(suite, (uint8_t) (suite + len));
	uint8_t		additional[400];
	uint8_t		plaintext[5000];
	uint8_t		out[5000];
	uint8_t		expected[5000];
	uint8_t		tag[KC_TAG_MAX];
	uint8_t		expected_tag[KC_TAG_MAX];
	uint8_t		nonce[KC_NONCE_LEN];
	bool		good;

	kc_random(additional, sizeof(additional));
	kc_random(plaintext, sizeof(plaintext));
	kc_nonce(nonce);
	good = kc_seal(&l.key, l.schedule, nonce, kc_view_of(additional, header_len),
				   kc_view_of(additional + header_len, context_len),
				   kc_view_of(plaintext, len), out, tag) == KC_OK &&
		reference_seal(suite, l.key.material, nonce, kc_view_of(additional, header_len + context_len),
					   kc_view_of(plaintext, len), expected, expected_tag) &&
		memcmp(out, expected, len) == 0 && memcmp(tag, expected_tag, kc_tag_len(suite)) == 0;
	lock_free(&l);
	return good;
}

static bool
all_shapes(int suite)
{
	static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 255, 1000, 4999};
	static const size_t additional[] = {0, 1, 15, 16, 17, 41, 199};
	bool		good = true;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t h = 0; h < sizeof(additional) / sizeof(additional[0]); h++)
			for (size_t c = 0; c < sizeof(additional) / sizeof(additional[0]); c++)
				good = good && same_as_reference(suite, additional[h], additional[c], lengths[i]);
	return good;
}

void
test_suites(void)
{
	vector_file *file = vectors_open("suites.txt");
	int			number = 0;

	tap_section("suites");
	while (vectors_next(file))
		known_answer(file, ++number);
	vectors_close(file);
	ok(number == 16, "all known answers were read");
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
		ok(all_shapes(suite), "%s: 735 shapes of message agree with the plain construction",
		   suite_name(suite));
}
