/*
 * Envelopes: the layout, taken apart by hand, and everything that can be done to
 * chunks on their way.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#define CHUNK	((size_t) 65536)
#define GIGABYTE	((size_t) 1 << 30)
#define CONTEXT	text_view("a context")

static const uint8_t version_id[KC_VERSION_ID_LEN] = "0123456789abcde";

static uint8_t *
plaintext_of(size_t len)
{
	uint8_t    *plaintext = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		plaintext[i] = (uint8_t) (i * 31 + i / 251 + 1);
	return plaintext;
}

typedef struct sealed
{
	lock		l;
	uint8_t    *plaintext;
	size_t		plaintext_len;
	uint8_t    *bytes;
	size_t		len;
} sealed;

static sealed
sealed_new(int suite, uint8_t seed, size_t len)
{
	sealed		s = {.l = lock_new(suite, seed), .plaintext_len = len, .len = kc_envelope_len(suite, len)};
	uint8_t    *plaintext = plaintext_of(len);

	s.plaintext = exactly(plaintext, len);
	free(plaintext);
	s.bytes = malloc(s.len);
	if (kc_envelope_seal(&s.l.key, s.l.schedule, version_id, CONTEXT, kc_view_of(len > 0 ?
		s.plaintext : NULL, len), s.bytes, NULL) != KC_OK)
		abort();
	return s;
}

static void
sealed_free(sealed *s)
{
	lock_free(&s->l);
	free(s->plaintext);
	free(s->bytes);
}

/*
 * Whether bytes are opened, with this key, to the plaintext; or refused, by the
 * parser or by the tag, with out all zero.
 */
static bool
opens_with(const sealed *s, const uint8_t *bytes, size_t len, kc_view context)
{
	uint8_t    *copy = exactly(bytes, len);
	kc_envelope envelope;
	uint8_t    *out;
	bool		good = false;

	if (kc_envelope_parse(kc_view_of(copy, len), &envelope) == KC_OK)
	{
		kc_status	status;

		out = malloc(envelope.plaintext_len);
		memset(out, 0xaa, envelope.plaintext_len);
		status = kc_envelope_open(&s->l.key, s->l.schedule, &envelope, context, out, NULL);
		if (status == KC_OK)
			good = envelope.plaintext_len == s->plaintext_len && memcmp(out, s->plaintext, s->plaintext_len) == 0;
		else if ((status != KC_BAD_TAG && status != KC_BAD_INPUT) || !all_bytes(out, envelope.plaintext_len, 0))
			abort();
		free(out);
	}
	free(copy);
	if (!queue_empty())
		abort();
	return good;
}

static bool
opens(const sealed *s, const uint8_t *bytes, size_t len)
{
	return opens_with(s, bytes, len, CONTEXT);
}

static size_t
head_len(int suite)
{
	return 41 + kc_key_len(suite) + kc_tag_len(suite);
}

/* The description in envelope.h: zero (15), number (8), whether it is the last (1). */
static void
chunk_nonce(uint64_t number, bool is_last, uint8_t nonce[24])
{
	memset(nonce, 0, 24);
	for (int i = 0; i < 8; i++)
		nonce[22 - i] = (uint8_t) (number >> (8 * i));
	nonce[23] = is_last ? 1 : 0;
}

/* The data key out of the head of an envelope, by kc_open alone. */
static lock
data_lock(const sealed *s)
{
	int			suite = s->l.key.suite;
	size_t		key_len = kc_key_len(suite);
	uint8_t		material[KC_KEY_MAX];
	lock		l = {.schedule = kc_schedule_new()};

	if (kc_open(&s->l.key, s->l.schedule, s->bytes + 17, kc_view_of(s->bytes, 41), CONTEXT,
				kc_view_of(s->bytes + 41, key_len), s->bytes + 41 + key_len, material) != KC_OK ||
		kc_key_init(&l.key, suite, kc_view_of(material, key_len)) != KC_OK ||
		kc_schedule_set(l.schedule, &l.key) != KC_OK)
		abort();
	return l;
}

static bool
open_by_hand(const sealed *s)
{
	int			suite = s->l.key.suite;
	lock		l = data_lock(s);
	size_t		at = head_len(suite);
	size_t		done = 0;
	uint8_t    *out = malloc(CHUNK);
	bool		good = s->bytes[0] == 0x10 + suite && memcmp(s->bytes + 1, version_id, 16) == 0;

	for (uint64_t number = 0; good; number++)
	{
		size_t		left = s->plaintext_len - done;
		size_t		len = left < CHUNK ? left : CHUNK;
		uint8_t		nonce[24];

		chunk_nonce(number, left == len, nonce);
		good = kc_open(&l.key, l.schedule, nonce, NONE, NONE, kc_view_of(s->bytes + at, len), s->bytes + at + len,
			out) == KC_OK &&
			memcmp(out, s->plaintext + done, len) == 0;
		at += len + kc_tag_len(suite);
		done += len;
		if (left == len)
			break;
	}
	free(out);
	lock_free(&l);
	return good && at == s->len;
}

/* Chunks sealed by hand under the data key of an envelope, so that their tags are right. */
typedef struct chunk
{
	uint64_t	number;
	size_t		from;
	size_t		len;
	bool		is_last;
} chunk;

static bool
forged_opens(const sealed *s, const chunk *chunks, size_t count)
{
	int			suite = s->l.key.suite;
	lock		l = data_lock(s);
	uint8_t    *bytes = malloc(s->len + 4 * CHUNK);
	size_t		at = head_len(suite);
	bool		good;

	memcpy(bytes, s->bytes, at);
	for (size_t i = 0; i < count; i++)
	{
		uint8_t		nonce[24];

		chunk_nonce(chunks[i].number, chunks[i].is_last, nonce);
		if (kc_seal(&l.key, l.schedule, nonce, NONE, NONE, kc_view_of(s->plaintext + chunks[i].from, chunks[i].len),
					bytes + at, bytes + at + chunks[i].len) != KC_OK)
			abort();
		at += chunks[i].len + kc_tag_len(suite);
	}
	good = opens(s, bytes, at);
	free(bytes);
	lock_free(&l);
	return good;
}

static void
sizes(int suite)
{
	static const size_t lengths[] = {0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK,
		3 * CHUNK + 1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		sealed		s = sealed_new(suite, 1, lengths[i]);
		size_t		chunks = lengths[i] <= CHUNK ? 1 : (lengths[i] + CHUNK - 1) / CHUNK;

		ok(s.len == head_len(suite) + lengths[i] + chunks * kc_tag_len(suite) && queue_empty() &&
		   opens(&s, s.bytes, s.len) && open_by_hand(&s),
		   "%s: %zu bytes open, also by hand", suite_name(suite), lengths[i]);
		sealed_free(&s);
	}
}

static void
small_damage(int suite)
{
	sealed		s = sealed_new(suite, 1, 50);
	uint8_t    *longer = calloc(1, s.len + 100000);
	bool		good = true;

	for (size_t len = 0; len < s.len; len++)
		good = good && !opens(&s, s.bytes, len);
	ok(good, "%s: a small envelope cut anywhere is refused", suite_name(suite));
	memcpy(longer, s.bytes, s.len);
	for (size_t more = 1; more < 100; more++)
		good = good && !opens(&s, longer, s.len + more);
	ok(good && !opens(&s, longer, s.len + 100000), "%s: and one that goes on", suite_name(suite));
	for (size_t bit = 0; bit < 8 * s.len; bit++)
	{
		longer[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && !opens(&s, longer, s.len);
		longer[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good && opens(&s, longer, s.len), "%s: no bit of it may turn", suite_name(suite));
	ok(!opens_with(&s, s.bytes, s.len, text_view("a contexT")) && !opens_with(&s, s.bytes, s.len, NONE) &&
	   !opens_with(&s, s.bytes, s.len, text_view("a context ")), "%s: nor does another context open it", suite_name(suite));
	free(longer);
	sealed_free(&s);
}

static void
other_keys(int suite)
{
	sealed		s = sealed_new(suite, 1, 50);
	sealed		other = sealed_new(suite, 2, 50);
	sealed		again = sealed_new(suite, 1, 50);
	kc_envelope envelope;
	bool		good = true;

	ok(!opens(&other, s.bytes, s.len), "%s: nor another key", suite_name(suite));
	ok(memcmp(s.bytes, again.bytes, 17) == 0 && memcmp(s.bytes + 17, again.bytes + 17, 24) != 0 &&
	   memcmp(s.bytes + 41, again.bytes + 41, kc_key_len(suite)) != 0 &&
	   memcmp(s.bytes + head_len(suite), again.bytes + head_len(suite), 50) != 0,
	   "%s: sealed again it has another nonce, data key and ciphertext", suite_name(suite));
	/* The chunks of the one behind the head of the other. */
	memcpy(again.bytes, s.bytes, head_len(suite));
	ok(!opens(&again, again.bytes, again.len), "%s: chunks of another envelope are refused", suite_name(suite));
	kc_envelope_parse(kc_view_of(s.bytes, s.len), &envelope);
	for (int wrong = SUITE_FIRST; wrong <= SUITE_LAST; wrong++)
	{
		lock		l = lock_new(wrong, 1);
		uint8_t		out[50];

		memset(out, 0xaa, sizeof(out));
		good = good && (wrong == suite ||
			(kc_envelope_open(&l.key, l.schedule, &envelope, CONTEXT, out, NULL) == KC_BAD_INPUT &&
										   all_bytes(out, sizeof(out), 0)));
		lock_free(&l);
	}
	ok(good, "%s: a key of another suite is refused", suite_name(suite));
	sealed_free(&s);
	sealed_free(&other);
	sealed_free(&again);
}

/* Three chunks, the last one of 1000 bytes. */
static void
moved_chunks(int suite)
{
	sealed		s = sealed_new(suite, 1, 2 * CHUNK + 1000);
	sealed		other = sealed_new(suite, 1, 2 * CHUNK + 1000);
	size_t		chunk_len = CHUNK + kc_tag_len(suite);
	size_t		last_len = 1000 + kc_tag_len(suite);
	uint8_t    *first = s.bytes + head_len(suite);
	uint8_t    *bytes = malloc(s.len + 2 * chunk_len);
	uint8_t    *chunks = bytes + head_len(suite);
	bool		good = true;

	memcpy(bytes, s.bytes, s.len);
	memcpy(chunks, first + chunk_len, chunk_len);
	memcpy(chunks + chunk_len, first, chunk_len);
	ok(!opens(&s, bytes, s.len), "%s: chunks that changed places are refused", suite_name(suite));
	memcpy(bytes, s.bytes, s.len);
	memcpy(chunks + chunk_len, first, chunk_len);
	ok(!opens(&s, bytes, s.len), "%s: and one that stands there twice", suite_name(suite));
	memcpy(chunks, first + chunk_len, chunk_len + last_len);
	ok(!opens(&s, bytes, s.len - chunk_len), "%s: and a first one left out", suite_name(suite));
	memcpy(chunks, first, chunk_len);
	memcpy(chunks + chunk_len, first + 2 * chunk_len, last_len);
	ok(!opens(&s, bytes, s.len - chunk_len), "%s: and a middle one", suite_name(suite));
	ok(!opens(&s, s.bytes, s.len - last_len) && !opens(&s, s.bytes, s.len - last_len - chunk_len) &&
	   !opens(&s, s.bytes, head_len(suite)), "%s: and the last, the last two, or all", suite_name(suite));
	memcpy(bytes, s.bytes, s.len);
	for (int i = 0; i < 3; i++)
	{
		size_t		len = i == 2 ? last_len : chunk_len;

		memcpy(chunks + i * chunk_len, other.bytes + head_len(suite) + i * chunk_len, len);
		good = good && !opens(&s, bytes, s.len);
		memcpy(chunks + i * chunk_len, first + i * chunk_len, len);
	}
	ok(good, "%s: and one from another envelope of the same key and plaintext", suite_name(suite));
	memcpy(chunks + 2 * chunk_len, first, chunk_len);
	memcpy(chunks + 3 * chunk_len, first + 2 * chunk_len, last_len);
	ok(!opens(&s, bytes, s.len + chunk_len), "%s: and one too many", suite_name(suite));
	free(bytes);
	sealed_free(&s);
	sealed_free(&other);
}

/* Where chunks meet, and samples of what lies between. */
static void
large_damage(int suite)
{
	sealed		s = sealed_new(suite, 1, 2 * CHUNK + 1000);
	size_t		chunk_len = CHUNK + kc_tag_len(suite);
	uint8_t    *bytes = malloc(s.len + 1);
	bool		good = true;

	memcpy(bytes, s.bytes, s.len);
	bytes[s.len] = 0;
	for (size_t boundary = 0; boundary <= 2; boundary++)
		for (int off = -40; off <= 40; off += 1 + 4 * (off < -1 || off > 1))
		{
			size_t		len = head_len(suite) + boundary * chunk_len + (size_t) (off + 40) - 40;

			good = good && !opens(&s, s.bytes, len);
		}
	ok(good && !opens(&s, s.bytes, s.len - 1) && !opens(&s, bytes, s.len + 1),
	   "%s: a large envelope cut near a chunk's end is refused", suite_name(suite));
	for (size_t at = 0; at < s.len; at += at % chunk_len < 200 ? 23 : 4999)
	{
		bytes[at] ^= (uint8_t) (1 << at % 8);
		good = good && !opens(&s, bytes, s.len);
		bytes[at] ^= (uint8_t) (1 << at % 8);
	}
	bytes[s.len - 1] ^= 0x80;
	good = good && !opens(&s, bytes, s.len);
	bytes[s.len - 1] ^= 0x80;
	ok(good && opens(&s, bytes, s.len), "%s: nor may bits of it turn, wherever they stand", suite_name(suite));
	free(bytes);
	sealed_free(&s);
}

/* Whoever has the data key cannot write one plaintext in two ways. */
static void
forged(int suite)
{
	sealed		s = sealed_new(suite, 1, CHUNK);
	sealed		small = sealed_new(suite, 1, 100);
	const chunk right[] = {{0, 0, CHUNK, true}};
	const chunk open_end[] = {{0, 0, CHUNK, false}};
	const chunk empty_last[] = {{0, 0, CHUNK, false}, {1, 0, 0, true}};
	const chunk halves[] = {{0, 0, 50, false}, {1, 50, 50, true}};
	const chunk two_lasts[] = {{0, 0, CHUNK, true}, {1, 0, 0, true}};
	const chunk numbered[] = {{1, 0, CHUNK, true}};

	ok(forged_opens(&s, right, 1), "%s: a chunk sealed by hand opens", suite_name(suite));
	ok(!forged_opens(&s, open_end, 1), "%s: but not if it is not said to be the last", suite_name(suite));
	ok(!forged_opens(&s, empty_last, 2), "%s: nor with an empty one behind it", suite_name(suite));
	ok(!forged_opens(&s, two_lasts, 2), "%s: even where both are said to be the last", suite_name(suite));
	ok(!forged_opens(&small, halves, 2), "%s: nor in two short ones", suite_name(suite));
	ok(!forged_opens(&s, numbered, 1), "%s: nor with another number", suite_name(suite));
	sealed_free(&s);
	sealed_free(&small);
}

static int	asked;
static int	patience;

static bool
lose_patience(void)
{
	return ++asked > patience;
}

static void
cancelling(int suite)
{
	sealed		s = sealed_new(suite, 1, 2 * CHUNK + 1000);
	uint8_t    *out = malloc(s.len);
	kc_envelope envelope;
	bool		sealing = true;
	bool		opening = true;

	kc_envelope_parse(kc_view_of(s.bytes, s.len), &envelope);
	for (patience = 0; patience <= 3; patience++)
	{
		kc_status	expected = patience < 3 ? KC_CANCELLED : KC_OK;

		asked = 0;
		memset(out, 0xaa, s.len);
		sealing = sealing && kc_envelope_seal(&s.l.key, s.l.schedule, version_id, CONTEXT, kc_view_of(s.plaintext,
			s.plaintext_len),
											  out, lose_patience) == expected &&
			asked == (patience < 3 ? patience + 1 : 3) && all_bytes(out, s.len, 0) == (patience < 3);
		asked = 0;
		memset(out, 0xaa, s.len);
		opening = opening && kc_envelope_open(&s.l.key, s.l.schedule, &envelope, CONTEXT, out, lose_patience) == expected &&
			asked == (patience < 3 ? patience + 1 : 3) && all_bytes(out, s.plaintext_len, 0) == (patience < 3) &&
			out[s.plaintext_len] == 0xaa;
	}
	ok(sealing && queue_empty(), "%s: sealing asks before each chunk, and once cancelled leaves nothing", suite_name(suite));
	ok(opening && queue_empty(), "%s: and so does opening", suite_name(suite));
	free(out);
	sealed_free(&s);
}

static bool
is_inverse(int suite, size_t room)
{
	size_t		max = kc_envelope_plaintext_max(suite, room);
	size_t		empty = kc_envelope_len(suite, 0);

	if (room < empty)
		return max == 0;
	return kc_envelope_len(suite, max) <= room && (max == GIGABYTE || kc_envelope_len(suite, max + 1) > room);
}

static void
inverse(int suite)
{
	bool		good = true;
	size_t		chunk_len = CHUNK + kc_tag_len(suite);

	for (size_t room = 0; room < 300; room++)
		good = good && is_inverse(suite, room);
	for (size_t chunks = 1; chunks <= 16384; chunks = chunks < 8 ? chunks + 1 : chunks * 2)
		for (size_t room = head_len(suite) + chunks * chunk_len - 100; room < head_len(suite) + chunks * chunk_len + 100; room++)
			good = good && is_inverse(suite, room);
	ok(good, "%s: the longest plaintext for some room is the longest that fits", suite_name(suite));
	for (size_t len = 0; len < 3 * CHUNK + 2; len += len % CHUNK == 2 ? CHUNK - 4 : 1)
		good = good && kc_envelope_plaintext_max(suite, kc_envelope_len(suite, len)) == len;
	ok(good && kc_envelope_plaintext_max(suite, SIZE_MAX) == GIGABYTE,
	   "%s: in just the room for it, it is the plaintext again", suite_name(suite));
	ok(kc_envelope_len(suite, GIGABYTE) > GIGABYTE && kc_envelope_len(suite, GIGABYTE + 1) == 0 &&
	   kc_envelope_len(suite, SIZE_MAX) == 0,
	   "%s: a gigabyte fits, and not a byte more", suite_name(suite));
}

static void
unknown_suites(void)
{
	static const int numbers[] = {0, -1, SUITE_LAST + 1, 255, INT32_MAX, INT32_MIN};
	sealed		s = sealed_new(SUITE_FIRST, 1, 50);
	kc_envelope envelope;
	bool		good = true;

	for (size_t i = 0; i < 6; i++)
		good = good && kc_envelope_len(numbers[i], 1) == 0 && kc_envelope_plaintext_max(numbers[i], 1000) == 0;
	ok(good, "a number that is no suite has no envelopes");
	for (int format = 0; format < 256; format++)
	{
		int			suite = format - 0x10;

		s.bytes[0] = (uint8_t) format;
		good = good && (kc_envelope_parse(kc_view_of(s.bytes, s.len), &envelope) == KC_OK) ==
			(suite >= SUITE_FIRST && suite <= SUITE_LAST);
	}
	ok(good && kc_envelope_parse(NONE, &envelope) == KC_BAD_INPUT, "only 11 to 14 begin an envelope");
	sealed_free(&s);
}

/* An envelope is no message, nor the other way round. */
static void
messages(int suite)
{
	sealed		s = sealed_new(suite, 1, 50);
	kc_envelope envelope;
	kc_blob		blob;

	ok(kc_blob_parse(kc_view_of(s.bytes, s.len), &blob) == KC_BAD_INPUT, "%s: an envelope is no message", suite_name(suite));
	s.bytes[0] = (uint8_t) suite;
	ok(kc_envelope_parse(kc_view_of(s.bytes, s.len), &envelope) == KC_BAD_INPUT,
	   "%s: and a message no envelope", suite_name(suite));
	sealed_free(&s);
}

/* Freed memory holds neither the data key nor its plaintext. */
static void
traces(int suite)
{
	sealed		s;
	lock		l;
	bool		found;

	fault_hold();
	s = sealed_new(suite, 0x61, 100);
	if (!opens(&s, s.bytes, s.len))
		abort();
	l = data_lock(&s);
	found = fault_held(l.key.material, 16) || fault_held(s.plaintext, 32);
	fault_let_go();
	ok(!found, "%s: neither data key nor plaintext stays in freed memory", suite_name(suite));
	lock_free(&l);
	sealed_free(&s);
}

void
test_envelope(void)
{
	tap_section("envelopes");
	unknown_suites();
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
	{
		sizes(suite);
		small_damage(suite);
		other_keys(suite);
		moved_chunks(suite);
		large_damage(suite);
		forged(suite);
		cancelling(suite);
		inverse(suite);
		messages(suite);
		traces(suite);
	}
}
