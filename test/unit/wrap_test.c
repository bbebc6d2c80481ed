/*
 * One key under another.
 */
#include "suite.h"
#include "support.h"
#include "tests.h"

#define AD		text_view("domain key 1")
#define KEY_LEN	32
#define LEN		(KEY_LEN + KC_WRAP_OVERHEAD)

static const uint8_t secret[KEY_LEN] = "thirty-two bytes of a secret key";

/* The status, or KC_FAILED where something is left behind. */
static kc_status
unwrap(const lock *l, kc_view additional, const uint8_t *wrapped, size_t len)
{
	size_t		out_len = len < KC_WRAP_OVERHEAD ? 0 : len - KC_WRAP_OVERHEAD;
	uint8_t    *exact = exactly(wrapped, len);
	uint8_t    *out = malloc(out_len);
	kc_status	status;

	if (out_len > 0)
		memset(out, 0xaa, out_len);
	status = kc_unwrap(&l->key, additional, kc_view_of(exact, len), out);
	if (status == KC_OK && memcmp(out, secret, out_len) != 0)
		status = KC_FAILED;
	if (status != KC_OK && (!all_bytes(out, out_len, 0) || !queue_empty()))
		status = KC_FAILED;
	free(exact);
	free(out);
	return status;
}

static void
damage(const lock *l)
{
	uint8_t		wrapped[LEN + 1] = {0};
	bool		flipped = true;
	bool		cut = true;

	kc_wrap(&l->key, AD, kc_view_of(secret, KEY_LEN), wrapped);
	for (size_t i = 0; i < LEN; i++)
	{
		cut = cut && unwrap(l, AD, wrapped, i) == KC_BAD_TAG;
		wrapped[i] ^= 0x40;
		flipped = flipped && unwrap(l, AD, wrapped, LEN) == KC_BAD_TAG;
		wrapped[i] ^= 0x40;
	}
	ok(flipped, "with any byte changed it does not unwrap");
	ok(cut, "cut at any length it does not unwrap");
	ok(unwrap(l, AD, wrapped, LEN + 1) == KC_BAD_TAG, "with a byte more it does not unwrap");
	ok(unwrap(l, text_view("domain key 2"), wrapped, LEN) == KC_BAD_TAG &&
	   unwrap(l, NONE, wrapped, LEN) == KC_BAD_TAG, "in another place it does not unwrap");
	ok(unwrap(l, AD, wrapped, LEN) == KC_OK, "unchanged it does");
}

static void
other_keys(const lock *l)
{
	lock		other = lock_new(KC_SUITE_XAES_256_GCM, 9);
	uint8_t		wrapped[LEN];
	bool		good = true;

	kc_wrap(&l->key, AD, kc_view_of(secret, KEY_LEN), wrapped);
	ok(unwrap(&other, AD, wrapped, LEN) == KC_BAD_TAG, "another key does not unwrap");
	lock_free(&other);
	for (int suite = KC_SUITE_AES_192_GCM; suite <= SUITE_LAST; suite++)
	{
		other = lock_new(suite, 1);
		good = good && unwrap(&other, AD, wrapped, LEN) == KC_BAD_INPUT &&
			kc_wrap(&other.key, AD, kc_view_of(secret, KEY_LEN), wrapped) == KC_BAD_INPUT &&
			all_bytes(wrapped, LEN, 0);
		lock_free(&other);
	}
	ok(good, "a key of another suite neither wraps nor unwraps");
}

static void
form(const lock *l)
{
	uint8_t		wrapped[2][LEN];
	uint8_t		out[KEY_LEN];
	uint8_t		tag[16];

	ok(kc_wrap(&l->key, AD, kc_view_of(secret, KEY_LEN), wrapped[0]) == KC_OK &&
	   unwrap(l, AD, wrapped[0], LEN) == KC_OK, "what was wrapped unwraps");
	ok(reference_seal(KC_SUITE_XAES_256_GCM, l->key.material, wrapped[0], AD,
					  kc_view_of(secret, KEY_LEN), out, tag) &&
	   memcmp(wrapped[0] + KC_NONCE_LEN, out, KEY_LEN) == 0 &&
	   memcmp(wrapped[0] + KC_NONCE_LEN + KEY_LEN, tag, 16) == 0,
	   "the form is nonce, ciphertext, tag of XAES-256-GCM");
	ok(kc_wrap(&l->key, AD, kc_view_of(secret, KEY_LEN), wrapped[1]) == KC_OK &&
	   memcmp(wrapped[0], wrapped[1], KC_NONCE_LEN) != 0, "each wrapping has a nonce of its own");
}

static void
lengths(const lock *l)
{
	uint8_t		wrapped[KC_WRAP_OVERHEAD];
	uint8_t		small[1] = {0xaa};
	kc_view		huge = kc_view_of(small, ((size_t) 1 << 30) + 1);

	ok(kc_wrap(&l->key, NONE, NONE, wrapped) == KC_OK &&
	   unwrap(l, NONE, wrapped, sizeof(wrapped)) == KC_OK, "nothing can be wrapped");
	ok(kc_unwrap(&l->key, NONE, NONE, NULL) == KC_BAD_TAG, "nothing cannot be unwrapped");
	ok(kc_wrap(&l->key, NONE, huge, small) == KC_BAD_INPUT &&
	   kc_unwrap(&l->key, NONE, kc_view_of(small, SIZE_MAX), small) == KC_BAD_INPUT && small[0] == 0xaa,
	   "lengths beyond 1 GB are refused and nothing is touched");
	ok(kc_wrap(&l->key, huge, NONE, wrapped) == KC_BAD_INPUT && all_bytes(wrapped, sizeof(wrapped), 0),
	   "as additional data, too");
}

/* Wrapping must not disturb a message, nor the other way round: they share contexts. */
static void
beside_messages(const lock *l)
{
	uint8_t		wrapped[LEN];
	uint8_t		out[4];
	uint8_t		back[4];
	uint8_t		tag[16];
	bool		good = true;

	for (int i = 0; i < 10; i++)
		good = good &&
			kc_seal(&l->key, l->schedule, NONCE, AD, NONE, text_view("text"), out, tag) == KC_OK &&
			kc_wrap(&l->key, AD, kc_view_of(secret, KEY_LEN), wrapped) == KC_OK &&
			kc_open(&l->key, l->schedule, NONCE, AD, NONE, kc_view_of(out, 4), tag, back) == KC_OK &&
			memcmp(back, "text", 4) == 0 && unwrap(l, AD, wrapped, LEN) == KC_OK;
	ok(good, "wrapping and sealing in turn do not disturb each other");
}

/*
 * The shared context still knows the key of its last message.  After a wrapping
 * that has to be the zero key, not the one that opens what was wrapped.
 */
static bool
knows_zero_key(EVP_CIPHER_CTX *ctx, bool sealing)
{
	static const uint8_t zero[32];
	kc_view		text = text_view("text");
	uint8_t		sealed[4];
	uint8_t		tag[16];
	uint8_t		out[4];
	int			len;

	if (!reference_gcm(KC_SUITE_XAES_256_GCM, zero, NONCE, NONE, text, sealed, tag) ||
		!EVP_CipherInit_ex2(ctx, NULL, NULL, NONCE, -1, NULL) ||
		!EVP_CipherUpdate(ctx, out, &len, sealing ? text.data : sealed, 4))
		return false;
	return memcmp(out, sealing ? sealed : text.data, 4) == 0;
}

static void
forgets(const lock *l)
{
	const kc_suite_info *info = kc_suite_find(KC_SUITE_XAES_256_GCM);
	uint8_t		wrapped[LEN];

	kc_wrap(&l->key, AD, kc_view_of(secret, KEY_LEN), wrapped);
	ok(knows_zero_key(info->sealing, true), "after wrapping no derived key is kept");
	unwrap(l, AD, wrapped, LEN);
	ok(knows_zero_key(info->opening, false), "after unwrapping no derived key is kept");
	wrapped[0] ^= 1;
	unwrap(l, AD, wrapped, LEN);
	ok(knows_zero_key(info->opening, false), "nor where it failed");
}

void
test_wrap(void)
{
	lock		l = lock_new(KC_SUITE_XAES_256_GCM, 1);

	tap_section("wrapping");
	form(&l);
	damage(&l);
	other_keys(&l);
	lengths(&l);
	beside_messages(&l);
	forgets(&l);
	lock_free(&l);
}
