/*
 * Any bytes as the text of root keys: what is taken is 1 to 8 good keys that,
 * written out and read again, are the same; what is refused leaves nothing behind.
 */
#include "rootkey.h"
#include "fuzz.h"

#include <openssl/err.h>

static void
are_good(const kc_root_keys *keys)
{
	static const uint8_t zero[KC_ROOT_KEY_LEN];

	must(keys->count >= 1 && keys->count <= KC_ROOT_KEYS_MAX);
	for (uint32_t i = 0; i < keys->count; i++)
	{
		must(memcmp(keys->key[i], zero, KC_ROOT_KEY_LEN) != 0);
		must(memcmp(keys->id[i], zero, KC_ROOT_KEY_ID_LEN) != 0);
		for (uint32_t j = 0; j < i; j++)
			must(memcmp(keys->key[i], keys->key[j], KC_ROOT_KEY_LEN) != 0);
	}
	for (uint32_t i = keys->count; i < KC_ROOT_KEYS_MAX; i++)
		must(memcmp(keys->key[i], zero, KC_ROOT_KEY_LEN) == 0 &&
			 memcmp(keys->id[i], zero, KC_ROOT_KEY_ID_LEN) == 0);
}

static void
read_the_same_again(const kc_root_keys *keys)
{
	char		text[KC_ROOT_KEYS_MAX * (2 * KC_ROOT_KEY_LEN + 1) + 1];
	char	   *end = text;
	kc_root_keys again;

	for (uint32_t i = 0; i < keys->count; i++)
	{
		for (int j = 0; j < KC_ROOT_KEY_LEN; j++)
			end += sprintf(end, "%02x", keys->key[i][j]);
		*end++ = '\n';
	}
	must(kc_root_keys_parse(kc_view_of(text, (size_t) (end - text)), &again) == KC_OK);
	must(memcmp(&again, keys, sizeof(again)) == 0);
}

/* No other bytes than these are in a text that was taken. */
static void
holds_only_digits_and_blanks(const uint8_t *data, size_t size, uint32_t count)
{
	size_t		digits = 0;

	for (size_t i = 0; i < size; i++)
	{
		must(data[i] != 0 && strchr("0123456789abcdefABCDEF \t\r\n", data[i]) != NULL);
		digits += strchr(" \t\r\n", data[i]) == NULL;
	}
	must(digits == (size_t) count * 2 * KC_ROOT_KEY_LEN);
	must(size <= KC_ROOT_TEXT_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const kc_root_keys none;
	kc_root_keys keys;
	kc_status	status;

	memset(&keys, 0xaa, sizeof(keys));
	status = kc_root_keys_parse(kc_view_of(data, size), &keys);
	must(status == KC_OK || status == KC_BAD_INPUT);
	must(ERR_peek_error() == 0);
	if (status != KC_OK)
	{
		must(memcmp(&keys, &none, sizeof(keys)) == 0);
		return 0;
	}
	are_good(&keys);
	holds_only_digits_and_blanks(data, size, keys.count);
	read_the_same_again(&keys);
	return 0;
}
