/*
 * Reading root keys from text.
 *
 * Strict, since a root key that was misread would wrap everything: a line is 64
 * digits or nothing.  The digits are decoded without branch or table, and the
 * text is copied nowhere.
 */
#include "rootkey.h"

#include <string.h>

#include "wrap.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static kc_view
trim(kc_view line)
{
	while (line.len > 0 && is_blank(line.data[0]))
		line = kc_view_of(line.data + 1, line.len - 1);
	while (line.len > 0 && is_blank(line.data[line.len - 1]))
		line.len--;
	return line;
}

/* Cut the first line off the text; the line comes without its newline. */
static kc_view
next_line(kc_view *text)
{
	const uint8_t *newline = memchr(text->data, '\n', text->len);
	size_t		len = newline != NULL ? (size_t) (newline - text->data) : text->len;
	size_t		used = newline != NULL ? len + 1 : len;
	kc_view		line = kc_view_of(text->data, len);

	*text = kc_view_of(text->data + used, text->len - used);
	return line;
}

/*
 * The value of a hexadecimal digit; *good becomes 0 if it is none.  Unsigned
 * differences that wrap leave ones above bit 8: that makes the masks.
 */
static unsigned int
digit_value(uint8_t c, unsigned int *good)
{
	unsigned int number = c ^ 0x30u;
	unsigned int letter = (c & ~0x20u) - 55u;
	unsigned int is_number = ((number - 10u) >> 8) & 0xff;
	unsigned int is_letter = (((letter - 10u) ^ (letter - 16u)) >> 8) & 0xff;

	*good &= is_number | is_letter;
	return (is_number & number) | (is_letter & letter);
}

static bool
decode(kc_view digits, uint8_t key[KC_ROOT_KEY_LEN])
{
	unsigned int good = 0xff;

	if (digits.len != 2 * KC_ROOT_KEY_LEN)
		return false;
	for (size_t i = 0; i < KC_ROOT_KEY_LEN; i++)
	{
		unsigned int high = digit_value(digits.data[2 * i], &good);
		unsigned int low = digit_value(digits.data[2 * i + 1], &good);

		key[i] = (uint8_t) (high << 4 | low);
	}
	return good != 0;
}

static bool
acceptable(const kc_root_keys *keys, const uint8_t key[KC_ROOT_KEY_LEN])
{
	static const uint8_t zero[KC_ROOT_KEY_LEN];

	if (kc_equal(key, zero, KC_ROOT_KEY_LEN))
		return false;
	for (uint32_t i = 0; i < keys->count; i++)
		if (kc_equal(key, keys->key[i], KC_ROOT_KEY_LEN))
			return false;
	return true;
}

static kc_status
add_key(kc_root_keys *keys, kc_view digits)
{
	uint8_t    *key;
	kc_status	status;

	if (keys->count == KC_ROOT_KEYS_MAX)
		return KC_BAD_INPUT;
	key = keys->key[keys->count];
	if (!decode(digits, key) || !acceptable(keys, key))
		return KC_BAD_INPUT;
	status = kc_derive(kc_view_of(key, KC_ROOT_KEY_LEN), "kms root key id",
					   keys->id[keys->count], KC_ROOT_KEY_ID_LEN);
	if (status == KC_OK)
		keys->count++;
	return status;
}

kc_status
kc_root_keys_parse(kc_view text, kc_root_keys *keys)
{
	kc_status	status = KC_OK;

	memset(keys, 0, sizeof(*keys));
	if (text.len > KC_ROOT_TEXT_MAX)
		return KC_BAD_INPUT;
	while (status == KC_OK && text.len > 0)
	{
		kc_view		digits = trim(next_line(&text));

		if (digits.len > 0)
			status = add_key(keys, digits);
	}
	if (status == KC_OK && keys->count == 0)
		status = KC_BAD_INPUT;
	if (status != KC_OK)
		kc_wipe(keys, sizeof(*keys));
	return status;
}
