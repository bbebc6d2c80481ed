/*
 * IP addresses as text and as bytes, as strict as inet_pton, which is not C's.
 */
#include <string.h>

#include "general_name.h"

#define IPV4_LEN	4
#define GROUPS		8			/* of two bytes, in IPv6 */

static void
skip(kc_view *text, size_t count)
{
	*text = kc_view_of(text->data + count, text->len - count);
}

static bool
next_is(kc_view text, uint8_t c)
{
	return text.len > 0 && text.data[0] == c;
}

/* -1: no hexadecimal digit. */
static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number in this base, of so many digits at most. */
static bool
take_number(kc_view *text, unsigned int base, size_t digits_max, unsigned int *number)
{
	size_t		count = 0;

	for (*number = 0; text->len > 0; count++)
	{
		int			value = digit(text->data[0]);

		if (value < 0 || value >= (int) base)
			break;
		if (count == digits_max)
			return false;
		*number = *number * base + (unsigned int) value;
		skip(text, 1);
	}
	return count > 0;
}

/* Four decimal numbers without needless zeros, and nothing behind them. */
static bool
parse_ipv4(kc_view text, uint8_t out[IPV4_LEN])
{
	for (int i = 0; i < IPV4_LEN; i++)
	{
		unsigned int number;
		kc_view		begin;

		if (i > 0 && !next_is(text, '.'))
			return false;
		if (i > 0)
			skip(&text, 1);
		begin = text;
		if (!take_number(&text, 10, 3, &number) || number > 255 ||
			(next_is(begin, '0') && begin.len - text.len > 1))
			return false;
		out[i] = (uint8_t) number;
	}
	return text.len == 0;
}

static bool
has(kc_view text, uint8_t c)
{
	return text.len > 0 && memchr(text.data, c, text.len) != NULL;
}

/*
 * What stands between the colons, and how many bytes that is; *gap is where zeros
 * were left out, or -1.
 */
static bool
take_groups(kc_view text, uint8_t out[KC_IP_MAX], size_t *len, int *gap)
{
	unsigned int number;

	*len = 0;
	*gap = -1;
	if (next_is(text, ':') && (text.len < 2 || text.data[1] != ':'))
		return false;
	while (text.len > 0)
	{
		if (next_is(text, ':'))
		{
			/* The second of two, or the first of the text. */
			if (*gap >= 0)
				return false;
			*gap = (int) *len;
			skip(&text, *len == 0 ? 2 : 1);
			continue;
		}
		if (!has(text, ':') && has(text, '.'))
		{
			if (*len > KC_IP_MAX - IPV4_LEN || !parse_ipv4(text, out + *len))
				return false;
			*len += IPV4_LEN;
			return true;
		}
		if (*len == KC_IP_MAX || !take_number(&text, 16, 4, &number))
			return false;
		out[(*len)++] = (uint8_t) (number >> 8);
		out[(*len)++] = (uint8_t) number;
		if (text.len == 0)
			return true;
		if (!next_is(text, ':') || text.len == 1)
			return false;
		skip(&text, 1);
	}
	return true;
}

static bool
parse_ipv6(kc_view text, uint8_t out[KC_IP_MAX])
{
	size_t		len;
	size_t		behind;
	int			gap;

	if (!take_groups(text, out, &len, &gap))
		return false;
	if (gap < 0)
		return len == KC_IP_MAX;
	if (len == KC_IP_MAX)
		return false;			/* no zeros were left out */
	behind = len - (size_t) gap;
	memmove(out + KC_IP_MAX - behind, out + gap, behind);
	memset(out + gap, 0, KC_IP_MAX - len);
	return true;
}

size_t
kc_ip_parse(kc_view text, uint8_t out[KC_IP_MAX])
{
	if (text.len == 0 || text.len >= KC_IP_TEXT_MAX)
		return 0;
	if (has(text, ':'))
		return parse_ipv6(text, out) ? KC_IP_MAX : 0;
	return parse_ipv4(text, out) ? IPV4_LEN : 0;
}

static char *
put_number(char *at, unsigned int number, unsigned int base)
{
	if (number >= base)
		at = put_number(at, number / base, base);
	*at = "0123456789abcdef"[number % base];
	return at + 1;
}

static char *
put_ipv4(char *at, const uint8_t *bytes)
{
	for (int i = 0; i < IPV4_LEN; i++)
	{
		if (i > 0)
			*at++ = '.';
		at = put_number(at, bytes[i], 10);
	}
	return at;
}

/* The longest run of at least two groups of zeros, the first of several; *count is 0 if there is none. */
static size_t
find_zeros(const unsigned int groups[GROUPS], size_t *count)
{
	size_t		best = 0;

	*count = 0;
	for (size_t i = 0; i < GROUPS; i++)
	{
		size_t		n = 0;

		while (i + n < GROUPS && groups[i + n] == 0)
			n++;
		if (n > 1 && n > *count)
		{
			best = i;
			*count = n;
		}
	}
	return best;
}

static char *
put_ipv6(char *at, const uint8_t *bytes)
{
	unsigned int groups[GROUPS];
	size_t		zeros;
	size_t		count;

	for (size_t i = 0; i < GROUPS; i++)
		groups[i] = (unsigned int) bytes[2 * i] << 8 | bytes[2 * i + 1];
	zeros = find_zeros(groups, &count);
	for (size_t i = 0; i < GROUPS; i++)
	{
		if (count > 0 && i == zeros)
		{
			*at++ = ':';
			i += count - 1;
			if (i == GROUPS - 1)
				*at++ = ':';
			continue;
		}
		if (i > 0)
			*at++ = ':';
		/* IPv4 in the clothes of IPv6. */
		if (i == 6 && zeros == 0 && count == 5 && groups[5] == 0xffff)
			return put_ipv4(at, bytes + 12);
		at = put_number(at, groups[i], 16);
	}
	return at;
}

size_t
kc_ip_print(kc_view bytes, char out[KC_IP_TEXT_MAX])
{
	char	   *end;

	if (bytes.len != IPV4_LEN && bytes.len != KC_IP_MAX)
		return 0;
	end = bytes.len == IPV4_LEN ? put_ipv4(out, bytes.data) : put_ipv6(out, bytes.data);
	*end = '\0';
	return (size_t) (end - out);
}
