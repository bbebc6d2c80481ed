/*
 * Long-lived keys and their schedules.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <limits.h>

static void
lengths_of(int suite)
{
	static const uint8_t material[64] = {7};
	kc_key		key;
	bool		good = true;

	for (size_t len = 0; len <= sizeof(material); len++)
	{
		uint8_t    *exact = exactly(material, len);
		kc_status	status;

		memset(&key, 0xaa, sizeof(key));
		status = kc_key_init(&key, suite, kc_view_of(exact, len));
		if (len == kc_key_len(suite))
			good = good && status == KC_OK;
		else
			good = good && status == KC_BAD_INPUT && all_bytes(&key, sizeof(key), 0);
		free(exact);
	}
	ok(good, "%s: a key of any other length than its own is refused", suite_name(suite));
}

static void
no_suite(void)
{
	static const int numbers[] = {0, -1, 5, 255, 256 + KC_SUITE_XAES_256_GCM, INT_MIN, INT_MAX};
	static const uint8_t material[32] = {7};
	bool		good = true;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		kc_key		key;
		kc_schedule *schedule = kc_schedule_new();
		uint8_t		out[4] = "abc";
		uint8_t		tag[KC_TAG_MAX] = {0};

		good = good && kc_key_len(numbers[i]) == 0 && kc_tag_len(numbers[i]) == 0 &&
			kc_key_init(&key, numbers[i], kc_view_of(material, 32)) == KC_BAD_INPUT &&
			kc_key_init(&key, numbers[i], NONE) == KC_BAD_INPUT;
		key.suite = numbers[i];
		good = good && kc_schedule_set(schedule, &key) == KC_BAD_INPUT &&
			kc_seal(&key, schedule, NONCE, NONE, NONE, text_view("abc"), out, tag) == KC_BAD_INPUT &&
			kc_open(&key, schedule, NONCE, NONE, NONE, text_view("abc"), tag, out) == KC_BAD_INPUT &&
			all_bytes(out, 3, 0) && queue_empty();
		kc_schedule_free(schedule);
	}
	ok(good, "a number that is no suite is refused everywhere");
}

static bool
seals_as(const lock *l, kc_schedule *schedule)
{
	uint8_t		out[2][8];
	uint8_t		tag[2][KC_TAG_MAX];
	kc_view		text = text_view("12345678");

	return kc_seal(&l->key, l->schedule, NONCE, NONE, NONE, text, out[0], tag[0]) == KC_OK &&
		kc_seal(&l->key, schedule, NONCE, NONE, NONE, text, out[1], tag[1]) == KC_OK &&
		memcmp(out[0], out[1], 8) == 0 && memcmp(tag[0], tag[1], kc_tag_len(l->key.suite)) == 0;
}

/* One schedule wanders from key to key and suite to suite, as the cold keys' does. */
static void
shared_schedule(void)
{
	kc_schedule *shared = kc_schedule_new();
	bool		good = true;

	for (int i = 0; i < 64; i++)
	{
		lock		l = lock_new(1 + (i / 3 + i * i) % 4, (uint8_t) i);

		good = good && kc_schedule_set(shared, &l.key) == KC_OK && seals_as(&l, shared) &&
			seals_as(&l, shared);
		lock_free(&l);
	}
	ok(good, "one schedule serves many keys of all suites in turn");
	kc_schedule_free(shared);
}

static void
empty_schedule(void)
{
	lock		l = lock_new(KC_SUITE_XAES_256_GCM, 1);
	kc_schedule *empty = kc_schedule_new();
	uint8_t		out[4] = "abc";
	uint8_t		tag[KC_TAG_MAX] = {9};

	ok(kc_seal(&l.key, empty, NONCE, NONE, NONE, text_view("abc"), out, tag) == KC_FAILED &&
	   all_bytes(out, 3, 0) && all_bytes(tag, 16, 0) && queue_empty(),
	   "a schedule that was never set does not seal");
	fault_call(0);
	ok(kc_schedule_set(l.schedule, &l.key) == KC_FAILED && fault_off() && queue_empty() &&
	   kc_seal(&l.key, l.schedule, NONCE, NONE, NONE, text_view("abc"), out, tag) == KC_FAILED,
	   "a schedule that could not be set does not seal with its old key");
	ok(kc_schedule_set(l.schedule, &l.key) == KC_OK &&
	   kc_seal(&l.key, l.schedule, NONCE, NONE, NONE, text_view("abc"), out, tag) == KC_OK,
	   "and does again once it could");
	kc_schedule_free(empty);
	lock_free(&l);
	kc_schedule_free(NULL);
	ok(true, "freeing no schedule is fine");
}

void
test_key(void)
{
	tap_section("keys and schedules");
	ok(kc_key_len(KC_SUITE_XAES_256_GCM) == 32 && kc_key_len(KC_SUITE_AES_192_GCM) == 24 &&
	   kc_key_len(KC_SUITE_AES_128_GCM) == 16 && kc_key_len(KC_SUITE_SM4_CTR_HMAC_SM3) == 16,
	   "keys have their suite's length");
	ok(kc_tag_len(KC_SUITE_XAES_256_GCM) == 16 && kc_tag_len(KC_SUITE_AES_192_GCM) == 16 &&
	   kc_tag_len(KC_SUITE_AES_128_GCM) == 16 && kc_tag_len(KC_SUITE_SM4_CTR_HMAC_SM3) == 32,
	   "tags have their suite's length");
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
		lengths_of(suite);
	no_suite();
	shared_schedule();
	empty_schedule();
	ok(kc_equal("abc", "abc", 3) && !kc_equal("abc", "abd", 3) && kc_equal(NULL, NULL, 0),
	   "kc_equal compares");
}
