/*
 * Keyed digests.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const uint8_t key[32] = "a key of thirty-two bytes, just";

static bool
as_hmac(kc_view k, const char *label, kc_view data)
{
	uint8_t		text[256];
	uint8_t		expected[32];
	uint8_t		out[32];
	size_t		at = strlen(label) + 1;

	memcpy(text, label, at);
	if (data.len > 0)
		memcpy(text + at, data.data, data.len);
	HMAC(EVP_sha256(), k.data, (int) k.len, text, at + data.len, expected, NULL);
	return kc_digest(k, label, data, out) == KC_OK && memcmp(out, expected, 32) == 0 && queue_empty();
}

static bool
refused(kc_view k, kc_view data)
{
	uint8_t		out[32];

	memset(out, 0xaa, sizeof(out));
	return kc_digest(k, "label", data, out) == KC_BAD_INPUT && all_bytes(out, sizeof(out), 0);
}

void
test_digest(void)
{
	kc_view		k = kc_view_of(key, sizeof(key));
	uint8_t		a[32];
	uint8_t		b[32];

	tap_section("keyed digests");
	ok(as_hmac(k, "label", text_view("material")), "HMAC-SHA-256 of label, zero and data");
	ok(as_hmac(k, "label", NONE) && as_hmac(k, "", text_view("material")) && as_hmac(k, "", NONE),
	   "data and label may be empty");
	ok(as_hmac(kc_view_of(key, 1), "label", NONE), "a key may be short");
	ok(kc_digest(k, "lab", text_view("elmaterial"), a) == KC_OK &&
	   kc_digest(k, "label", text_view("material"), b) == KC_OK && memcmp(a, b, 32) != 0,
	   "a label ends where it ends");
	ok(refused(NONE, NONE), "no key: refused and wiped");
	ok(refused(kc_view_of(key, SIZE_MAX), NONE) && refused(k, kc_view_of(key, SIZE_MAX)),
	   "lengths beyond 1 GB: refused and wiped");
	memset(a, 0xaa, sizeof(a));
	fault_deny("HMAC");
	ok(kc_digest(k, "label", NONE, a) == KC_UNSUPPORTED && fault_off() && all_bytes(a, 32, 0) &&
	   queue_empty(), "without HMAC: unsupported and wiped");
}
