/*
 * PEM.
 *
 * OpenSSL's reader skips whatever stands before, and takes headers and encrypted
 * keys: this one takes what it is told to, and nothing else.
 */
#include "pem.h"

#include <string.h>

#define LINE_MAX	64

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip(kc_view *text, size_t count)
{
	*text = kc_view_of(text->data + count, text->len - count);
}

static void
skip_spaces(kc_view *text)
{
	while (text->len > 0 && is_space(text->data[0]))
		skip(text, 1);
}

static bool
take_word(kc_view *text, const char *word)
{
	size_t		len = strlen(word);

	if (text->len < len || memcmp(text->data, word, len) != 0)
		return false;
	skip(text, len);
	return true;
}

/* "-----BEGIN label-----" and the end of its line. */
static bool
take_line(kc_view *text, const char *begin, const char *label)
{
	if (!take_word(text, begin) || !take_word(text, label) || !take_word(text, "-----"))
		return false;
	while (text->len > 0 && (text->data[0] == ' ' || text->data[0] == '\t' || text->data[0] == '\r'))
		skip(text, 1);
	if (text->len == 0)
		return true;
	return take_word(text, "\n");
}

/* -1: not of the alphabet. */
static int
digit(uint8_t c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c != 0 ? strchr(alphabet, c) : NULL;

	return found != NULL ? (int) (found - alphabet) : -1;
}

/* Four characters that are not white space, or false where "-" or something else comes first. */
static bool
take_four(kc_view *text, uint8_t four[4])
{
	for (int i = 0; i < 4; i++)
	{
		skip_spaces(text);
		if (text->len == 0 || (digit(text->data[0]) < 0 && text->data[0] != '='))
			return false;
		four[i] = text->data[0];
		skip(text, 1);
	}
	return true;
}

/* Bytes in a group of four: 0 if it is none, less than three in the last. */
static size_t
decode_four(const uint8_t four[4], uint8_t three[3])
{
	size_t		count = four[3] != '=' ? 3 : four[2] != '=' ? 2 : 1;
	uint32_t	bits = 0;

	for (size_t i = 0; i < 4; i++)
	{
		int			value = i <= count ? digit(four[i]) : 0;

		if (value < 0)
			return 0;
		bits = bits << 6 | (uint32_t) value;
	}
	if ((bits & ((1u << (24 - 8 * count)) - 1)) != 0)
		return 0;				/* bits that mean nothing */
	for (size_t i = 0; i < 3; i++)
		three[i] = (uint8_t) (bits >> (16 - 8 * i));
	return count;
}

/* Up to the line at the end. */
static bool
take_base64(kc_view *text, uint8_t *der, size_t room, size_t *len)
{
	size_t		count = 3;

	for (*len = 0;; *len += count)
	{
		uint8_t		four[4];
		uint8_t		three[3];

		skip_spaces(text);
		if (text->len > 0 && text->data[0] == '-')
			return *len > 0 && text->data[-1] == '\n';
		if (count < 3 || !take_four(text, four))
			return false;
		count = decode_four(four, three);
		if (count == 0 || count > room - *len)
			return false;
		memcpy(der + *len, three, count);
	}
}

kc_status
kc_pem_take(kc_view *rest, const char *label, uint8_t *der, size_t *len)
{
	kc_view		text = *rest;
	size_t		room = *len;

	skip_spaces(&text);
	if (text.len <= KC_PEM_MAX && take_line(&text, "-----BEGIN ", label) && take_base64(&text, der, room, len) &&
		take_line(&text, "-----END ", label))
	{
		kc_wipe(der + *len, room - *len);
		skip_spaces(&text);
		*rest = text;
		return KC_OK;
	}
	kc_wipe(der, room);
	*len = 0;
	return KC_BAD_INPUT;
}

bool
kc_pem_is_blank(kc_view text)
{
	skip_spaces(&text);
	return text.len == 0;
}

static char *
put(char *out, const char *text)
{
	size_t		len = strlen(text);

	memcpy(out, text, len);
	return out + len;
}

static char *
put_line(char *out, const char *begin, const char *label)
{
	return put(put(put(out, begin), label), "-----\n");
}

/* One to three bytes. */
static char *
put_four(char *out, const uint8_t *bytes, size_t count)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t	bits = (uint32_t) bytes[0] << 16 | (count > 1 ? (uint32_t) bytes[1] << 8 : 0) |
		(count > 2 ? bytes[2] : 0);

	for (size_t i = 0; i < 4; i++)
		*out++ = i <= count ? alphabet[bits >> (18 - 6 * i) & 0x3f] : '=';
	return out;
}

kc_status
kc_pem_write(const char *label, kc_view der, char *out, size_t *len)
{
	size_t		room = *len;
	char	   *at = out;

	if (der.len == 0 || der.len > KC_PEM_DER_MAX || strlen(label) > 32 || room < KC_PEM_LEN(der.len))
	{
		kc_wipe(out, room);
		*len = 0;
		return KC_BAD_INPUT;
	}
	at = put_line(at, "-----BEGIN ", label);
	for (size_t i = 0; i < der.len; i += 3)
	{
		at = put_four(at, der.data + i, der.len - i < 3 ? der.len - i : 3);
		if ((i / 3 + 1) % (LINE_MAX / 4) == 0 || i + 3 >= der.len)
			*at++ = '\n';
	}
	at = put_line(at, "-----END ", label);
	*len = (size_t) (at - out);
	kc_wipe(at, room - *len);
	return KC_OK;
}
