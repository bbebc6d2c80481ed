/*
 * HKDF-Expand.
 */
#include "support.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* The RFC's infos happen to hold no zero byte, so they can be labels. */
static void
known_answers(void)
{
	vector_file *file = vectors_open("hkdf-expand.txt");
	int			number = 0;

	while (vectors_next(file))
	{
		kc_view		info = vectors_get(file, "info");
		kc_view		okm = vectors_get(file, "okm");
		char		label[256] = "";
		uint8_t    *out = malloc(okm.len);

		memcpy(label, info.data, info.len);
		ok(kc_derive(vectors_get(file, "prk"), label, out, okm.len) == KC_OK &&
		   memcmp(out, okm.data, okm.len) == 0, "RFC 5869, test case %d", ++number);
		free(out);
	}
	ok(number == 3, "all test cases were read");
	vectors_close(file);
}

/* T(i) = HMAC(key, T(i - 1) || label || i), by hand. */
static void
expand(kc_view key, const char *label, uint8_t *out, size_t len)
{
	uint8_t		block[32];
	size_t		block_len = 0;

	for (size_t done = 0; done < len; done += 32)
	{
		uint8_t		input[32 + 256 + 1];
		size_t		input_len = block_len;

		memcpy(input, block, block_len);
		memcpy(input + input_len, label, strlen(label));
		input_len += strlen(label);
		input[input_len++] = (uint8_t) (done / 32 + 1);
		HMAC(EVP_sha256(), key.data, (int) key.len, input, input_len, block, NULL);
		block_len = 32;
		memcpy(out + done, block, len - done < 32 ? len - done : 32);
	}
}

static void
by_hand(void)
{
	static const char *const labels[] = {"", "k", "kms root key id", "kms row mac \xc3\xa4\xff\x01"};
	uint8_t		key[64];
	bool		good = true;

	kc_random_key(key, sizeof(key));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		for (size_t key_len = 1; key_len <= sizeof(key); key_len += 21)
			for (size_t len = 1; len <= 255 * 32; len = len * 3 > 255 * 32 && len < 255 * 32 ? 255 * 32 : len * 3)
			{
				uint8_t    *out = malloc(len);
				uint8_t    *expected = malloc(len);

				expand(kc_view_of(key, key_len), labels[i], expected, len);
				good = good && kc_derive(kc_view_of(key, key_len), labels[i], out, len) == KC_OK &&
					memcmp(out, expected, len) == 0;
				free(out);
				free(expected);
			}
	ok(good, "labels, keys and lengths of many kinds agree with HMAC by hand");
}

static void
refused(void)
{
	uint8_t		out[1] = {0xaa};
	kc_view		key = text_view("0123456789abcdef0123456789abcdef");

	ok(kc_derive(key, "label", out, 0) == KC_BAD_INPUT &&
	   kc_derive(key, "label", out, 255 * 32 + 1) == KC_BAD_INPUT &&
	   kc_derive(key, "label", out, SIZE_MAX) == KC_BAD_INPUT && out[0] == 0xaa,
	   "no bytes, and more than 255 blocks, cannot be derived");
	ok(kc_derive(NONE, "label", out, 1) == KC_BAD_INPUT &&
	   kc_derive(kc_view_of(out, SIZE_MAX), "label", out, 1) == KC_BAD_INPUT,
	   "there is no deriving from nothing");
	ok(queue_empty(), "and the error queue is empty");
}

void
test_derive(void)
{
	tap_section("derivation");
	known_answers();
	by_hand();
	refused();
}
