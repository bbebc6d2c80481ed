/*
 * UTF-8, strictly: every character has one spelling.
 */
#include "utf8.h"

#define LAST	0x10ffffu

static bool
is_character(uint32_t character)
{
	return character <= LAST && (character < 0xd800 || character > 0xdfff);
}

/* Bytes of a character's only spelling. */
static size_t
len_of(uint32_t character)
{
	return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

/* Bytes of the character that begins so; 0 if none does. */
static size_t
announced(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc0 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

bool
kc_utf8_take(kc_view *rest, uint32_t *character)
{
	static const uint8_t first_bits[KC_UTF8_MAX + 1] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t		len = announced(rest->data[0]);
	uint32_t	value;

	if (len == 0 || len > rest->len)
		return false;
	value = rest->data[0] & first_bits[len];
	for (size_t i = 1; i < len; i++)
	{
		if ((rest->data[i] & 0xc0) != 0x80)
			return false;
		value = value << 6 | (rest->data[i] & 0x3f);
	}
	if (!is_character(value) || len_of(value) != len)
		return false;
	*character = value;
	*rest = kc_view_of(rest->data + len, rest->len - len);
	return true;
}

size_t
kc_utf8_put(uint32_t character, uint8_t out[KC_UTF8_MAX])
{
	static const uint8_t first_bits[KC_UTF8_MAX + 1] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t		len = len_of(character);

	if (!is_character(character))
		return 0;
	for (size_t i = len; i-- > 1;)
	{
		out[i] = (uint8_t) (0x80 | (character & 0x3f));
		character >>= 6;
	}
	out[0] = (uint8_t) (first_bits[len] | character);
	return len;
}
