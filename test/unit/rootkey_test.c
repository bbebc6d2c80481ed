/*
 * Root keys as text.
 */
#include "support.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define A	"0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF"
#define B	"00000000000000000000000000000000000000000000000000000000000000ff"
#define C	"C0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
#define ZERO	"0000000000000000000000000000000000000000000000000000000000000000"
#define DIGITS_63	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static kc_status
parse(const void *text, size_t len, kc_root_keys *keys)
{
	uint8_t    *exact = exactly(text, len);
	kc_status	status;

	memset(keys, 0xaa, sizeof(*keys));
	status = kc_root_keys_parse(kc_view_of(exact, len), keys);
	free(exact);
	return status;
}

static void
accepted(const char *text, uint32_t count, const char *why)
{
	kc_root_keys keys;

	ok(parse(text, strlen(text), &keys) == KC_OK && keys.count == count, "accepted: %s", why);
}

static void
refused_bytes(const void *text, size_t len, const char *why)
{
	kc_root_keys keys;

	ok(parse(text, len, &keys) == KC_BAD_INPUT && all_bytes(&keys, sizeof(keys), 0) && queue_empty(),
	   "refused and wiped: %s", why);
}

static void
refused(const char *text, const char *why)
{
	refused_bytes(text, strlen(text), why);
}

static void
values(void)
{
	static const uint8_t a[32] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef
	};
	static const char info[] = "kms root key id\001";
	kc_root_keys keys;
	uint8_t		expected[32];
	bool		good = parse(A "\n" B "\n", 130, &keys) == KC_OK;

	ok(good && keys.count == 2 && memcmp(keys.key[0], a, 32) == 0 &&
	   all_bytes(keys.key[1], 31, 0) && keys.key[1][31] == 0xff, "keys have the value of their digits, in order");
	for (uint32_t i = 0; i < 2; i++)
	{
		HMAC(EVP_sha256(), keys.key[i], 32, (const uint8_t *) info, 16, expected, NULL);
		ok(good && memcmp(keys.id[i], expected, 8) == 0, "id %u is the one derived from its key", i);
	}
	ok(all_bytes(keys.key[2], 6 * 32, 0) && all_bytes(keys.id[2], 6 * 8, 0), "the other places are empty");
}

/* Each of the 256 bytes at the first, a middle and the last digit. */
static void
digits(void)
{
	static const size_t places[] = {0, 31, 63};
	bool		good = true;

	for (size_t p = 0; p < 3; p++)
		for (int c = 0; c < 256; c++)
		{
			bool		digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
			char		text[65] = B;
			kc_root_keys keys;
			kc_status	status;

			text[places[p]] = (char) c;
			status = parse(text, 64, &keys);
			if (!digit)
				good = good && status == KC_BAD_INPUT && all_bytes(&keys, sizeof(keys), 0);
			else
			{
				char		pair[3] = {text[places[p] & ~(size_t) 1], text[places[p] | 1], 0};

				good = good && status == KC_OK &&
					keys.key[0][places[p] / 2] == strtoul(pair, NULL, 16);
			}
		}
	ok(good, "of all bytes the 22 hexadecimal digits are taken, at their value");
}

static void
many_keys(uint32_t count, bool good)
{
	char		text[10 * 65 + 1] = "";

	for (uint32_t i = 0; i < count; i++)
		sprintf(text + 65 * i, "%064x\n", i + 1);
	if (good)
		accepted(text, count, "eight keys");
	else
		refused(text, "nine keys");
}

static void
long_texts(void)
{
	char		text[KC_ROOT_TEXT_MAX + 2];
	kc_root_keys keys;

	memset(text, '\n', sizeof(text));
	memcpy(text + KC_ROOT_TEXT_MAX - 64, A, 64);
	ok(parse(text, KC_ROOT_TEXT_MAX, &keys) == KC_OK && keys.count == 1, "accepted: a text of 4096 bytes");
	refused_bytes(text, KC_ROOT_TEXT_MAX + 1, "a text of 4097 bytes");
	ok(kc_root_keys_parse(kc_view_of(text, SIZE_MAX), &keys) == KC_BAD_INPUT, "refused: a text of any other length");
}

static void
blanks(void)
{
	accepted(A, 1, "one key without newline");
	accepted(A "\n", 1, "one key");
	accepted(A "\r\n" B "\r\n", 2, "lines that end with carriage return");
	accepted("\n\n" A "\n\n \t\r\n" B "\n\n", 2, "empty lines");
	accepted(" \t" A "\t \r\n\r" B, 2, "blanks around keys");
	refused(A " " B "\n", "two keys in one line");
	refused(A "\r" B "\n", "a carriage return alone between keys");
	refused("01 " A, "a piece before a key");
	refused("0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789abcdef", "blanks within a key");
	refused(A "\v\n", "a vertical tab");
	refused("\xef\xbb\xbf" A "\n", "a byte order mark");
}

void
test_rootkey(void)
{
	tap_section("root keys");
	values();
	digits();
	blanks();
	many_keys(8, true);
	many_keys(9, false);
	refused("", "no text");
	refused("\n \n\t\r\n", "only blanks");
	refused(DIGITS_63 "\n", "63 digits");
	refused(A "0\n", "65 digits");
	refused(A B "\n", "128 digits");
	refused("0x" A "\n", "a prefix");
	refused(A "\n" DIGITS_63 "\n", "a bad key after a good one");
	refused(A "\n" A "\n", "the same key twice");
	refused("ab" DIGITS_63, "65 digits without newline");
	refused("C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00\n" B "\n" C "\n",
			"the same key twice, in another spelling");
	refused(ZERO "\n", "a key of zeros");
	refused(A "\n" ZERO "\n", "a key of zeros after a good one");
	refused("# comment\n" A "\n", "a comment");
	refused_bytes(A "\0\n", 66, "a NUL byte after a key");
	refused_bytes("\0" A, 65, "a NUL byte before a key");
	refused_bytes(A "\n\0", 66, "a NUL byte alone in the last line");
	long_texts();
}
