/*
 * The attributes of distinguished names, and which values they may have.
 *
 * Bounds are those of X.520 where OpenSSL enforces them (RFC 5280, appendix A); some
 * are longer than a text may be.
 */
#include "subject_type.h"

#include <string.h>

#include "utf8.h"

#define OID(bytes)		{(const uint8_t *) (bytes), sizeof(bytes) - 1}
#define X520(number)	OID("\x55\x04" number)
#define PILOT(number)	OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01" number)
#define LONG_NAME		32768

static const kc_subject_type types[] = {
	{"CN", {"commonName", NULL}, X520("\x03"), KC_DER_UTF8_STRING, 1, 64},
	{"SN", {"surname", NULL}, X520("\x04"), KC_DER_UTF8_STRING, 1, LONG_NAME},
	{"serialNumber", {NULL, NULL}, X520("\x05"), KC_DER_PRINTABLE_STRING, 1, 64},
	{"C", {"countryName", NULL}, X520("\x06"), KC_DER_PRINTABLE_STRING, 2, 2},
	{"L", {"localityName", NULL}, X520("\x07"), KC_DER_UTF8_STRING, 1, 128},
	{"ST", {"stateOrProvinceName", "S"}, X520("\x08"), KC_DER_UTF8_STRING, 1, 128},
	{"street", {"streetAddress", NULL}, X520("\x09"), KC_DER_UTF8_STRING, 1, 128},
	{"O", {"organizationName", NULL}, X520("\x0a"), KC_DER_UTF8_STRING, 1, 64},
	{"OU", {"organizationalUnitName", NULL}, X520("\x0b"), KC_DER_UTF8_STRING, 1, 64},
	{"title", {"T", NULL}, X520("\x0c"), KC_DER_UTF8_STRING, 1, 64},
	{"description", {NULL, NULL}, X520("\x0d"), KC_DER_UTF8_STRING, 1, 1024},
	{"businessCategory", {NULL, NULL}, X520("\x0f"), KC_DER_UTF8_STRING, 1, 128},
	{"postalCode", {NULL, NULL}, X520("\x11"), KC_DER_UTF8_STRING, 1, 40},
	{"name", {NULL, NULL}, X520("\x29"), KC_DER_UTF8_STRING, 1, LONG_NAME},
	{"GN", {"givenName", "G"}, X520("\x2a"), KC_DER_UTF8_STRING, 1, LONG_NAME},
	{"initials", {NULL, NULL}, X520("\x2b"), KC_DER_UTF8_STRING, 1, LONG_NAME},
	{"generationQualifier", {NULL, NULL}, X520("\x2c"), KC_DER_UTF8_STRING, 1, LONG_NAME},
	{"dnQualifier", {NULL, NULL}, X520("\x2e"), KC_DER_PRINTABLE_STRING, 1, LONG_NAME},
	{"pseudonym", {NULL, NULL}, X520("\x41"), KC_DER_UTF8_STRING, 1, 128},
	{"UID", {"userId", NULL}, PILOT("\x01"), KC_DER_UTF8_STRING, 1, 256},
	{"DC", {"domainComponent", NULL}, PILOT("\x19"), KC_DER_IA5_STRING, 1, LONG_NAME},
	{"emailAddress", {"E", "email"}, OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), KC_DER_IA5_STRING, 1, 128},
};

#define TYPES	(sizeof(types) / sizeof(types[0]))

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool
is_named(kc_view text, const char *name)
{
	if (name == NULL || text.len != strlen(name))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (lower((char) text.data[i]) != lower(name[i]))
			return false;
	return true;
}

const kc_subject_type *
kc_subject_type_named(kc_view name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (is_named(name, types[i].name) || is_named(name, types[i].other_names[0]) ||
			is_named(name, types[i].other_names[1]))
			return &types[i];
	return NULL;
}

const kc_subject_type *
kc_subject_type_of(kc_view oid)
{
	for (size_t i = 0; i < TYPES; i++)
		if (oid.len == types[i].oid.len && memcmp(oid.data, types[i].oid.data, oid.len) == 0)
			return &types[i];
	return NULL;
}

/* ---- object identifiers ---- */

/*
 * Numbers of any length, least digit first: an identifier may hold a whole UUID.
 * number = number * factor + summand, in the base given; false if it becomes too long.
 */
#define DIGITS_MAX	140			/* decimal, of 64 * 7 bits: 135 */

typedef struct big
{
	uint8_t		digits[DIGITS_MAX];
	size_t		len;			/* at least 1 */
	unsigned int base;
} big;

static bool
multiply_add(big *number, unsigned int factor, unsigned int summand)
{
	unsigned int carry = summand;

	for (size_t i = 0; i < number->len; i++)
	{
		carry += number->digits[i] * factor;
		number->digits[i] = (uint8_t) (carry % number->base);
		carry /= number->base;
	}
	for (; carry > 0; carry /= number->base)
	{
		if (number->len == DIGITS_MAX)
			return false;
		number->digits[number->len++] = (uint8_t) (carry % number->base);
	}
	return true;
}

static big
zero(unsigned int base)
{
	big			number = {{0}, 1, base};

	return number;
}

/* Take a decimal number without needless zeros, and the point behind it. */
static bool
take_decimal(kc_view *text, big *number)
{
	size_t		at = 0;

	*number = zero(0x80);
	for (; at < text->len && text->data[at] >= '0' && text->data[at] <= '9'; at++)
		if (!multiply_add(number, 10, text->data[at] - '0'))
			return false;
	if (at == 0 || (at > 1 && text->data[0] == '0'))
		return false;
	if (at < text->len && (text->data[at++] != '.' || at == text->len))
		return false;
	*text = kc_view_of(text->data + at, text->len - at);
	return true;
}

size_t
kc_oid_parse(kc_view text, uint8_t out[KC_OID_MAX])
{
	big			number;
	unsigned int first;
	size_t		len = 0;

	if (!take_decimal(&text, &number) || number.len > 1 || number.digits[0] > 2 || text.len == 0)
		return 0;
	first = number.digits[0];
	if (!take_decimal(&text, &number) || (first < 2 && (number.len > 1 || number.digits[0] >= 40)) ||
		!multiply_add(&number, 1, 40 * first))
		return 0;
	for (;;)
	{
		if (number.len > KC_OID_MAX - len)
			return 0;
		for (size_t i = number.len; i-- > 0;)
			out[len++] = number.digits[i] | (i > 0 ? 0x80 : 0);
		if (text.len == 0)
			return len;
		if (!take_decimal(&text, &number))
			return 0;
	}
}

/* Take a number in base 128, in its shortest form. */
static bool
take_arc(kc_view *oid, big *number)
{
	size_t		at = 0;
	bool		more = true;

	*number = zero(10);
	if (oid->data[0] == 0x80)
		return false;
	for (; more && at < oid->len; at++)
	{
		more = (oid->data[at] & 0x80) != 0;
		if (!multiply_add(number, 0x80, oid->data[at] & 0x7f))
			return false;
	}
	*oid = kc_view_of(oid->data + at, oid->len - at);
	return !more;
}

static size_t
print_number(const big *number, char *out)
{
	for (size_t i = 0; i < number->len; i++)
		out[i] = (char) ('0' + number->digits[number->len - 1 - i]);
	return number->len;
}

/* The first two numbers are one: 40 * first + second, of which first is at most 2. */
static unsigned int
split_first(big *number)
{
	unsigned int value = number->digits[0] + 10u * number->digits[1];
	unsigned int first = number->len > 2 ? 2 : value / 40 < 2 ? value / 40 : 2;

	/* Subtract it in tens, of which there are enough. */
	for (size_t i = 1, tens = first * 4; tens > 0; i++)
	{
		unsigned int borrow = number->digits[i] < tens;

		number->digits[i] = (uint8_t) (number->digits[i] + 10 * borrow - tens);
		tens = borrow;
	}
	while (number->len > 1 && number->digits[number->len - 1] == 0)
		number->len--;
	return first;
}

size_t
kc_oid_print(kc_view oid, char out[KC_OID_TEXT_MAX])
{
	big			number;
	size_t		len = 0;

	if (oid.len == 0 || oid.len > KC_OID_MAX || !take_arc(&oid, &number))
		return 0;
	out[len++] = (char) ('0' + split_first(&number));
	out[len++] = '.';
	len += print_number(&number, out + len);
	while (oid.len > 0)
	{
		if (!take_arc(&oid, &number))
			return 0;
		out[len++] = '.';
		len += print_number(&number, out + len);
	}
	return len;
}

/* ---- strings ---- */

static bool
take_wide(size_t width, kc_view *content, uint32_t *character)
{
	uint8_t		spelling[KC_UTF8_MAX];
	uint32_t	value = 0;

	if (content->len < width)
		return false;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | content->data[i];
	if (kc_utf8_put(value, spelling) == 0)
		return false;			/* a surrogate, or beyond Unicode */
	*character = value;
	*content = kc_view_of(content->data + width, content->len - width);
	return true;
}

static bool
is_printable(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c != 0 && strchr(" '()+,-./:=?", c) != NULL);
}

/* Of the types of a byte per character. */
static bool
has_character(uint8_t tag, uint8_t c)
{
	switch (tag)
	{
		case KC_DER_NUMERIC_STRING:
			return c == ' ' || (c >= '0' && c <= '9');
		case KC_DER_PRINTABLE_STRING:
			return is_printable(c);
		case KC_DER_IA5_STRING:
			return c < 0x80;
		case KC_DER_VISIBLE_STRING:
			return c >= 0x20 && c < 0x7f;
		case KC_DER_TELETEX_STRING:	/* everybody means Latin-1 by it */
			return true;
	}
	return false;
}

bool
kc_string_take(uint8_t tag, kc_view *content, uint32_t *character)
{
	switch (tag)
	{
		case KC_DER_UTF8_STRING:
			return kc_utf8_take(content, character);
		case KC_DER_BMP_STRING:
			return take_wide(2, content, character);
		case KC_DER_UNIVERSAL_STRING:
			return take_wide(4, content, character);
	}
	return has_character(tag, content->data[0]) && take_wide(1, content, character);
}

/* A string of characters, none of which is zero. */
static bool
count_characters(uint8_t tag, kc_view content, size_t *count)
{
	uint32_t	character;

	for (*count = 0; content.len > 0; (*count)++)
		if (!kc_string_take(tag, &content, &character) || character == 0)
			return false;
	return true;
}

/* DirectoryString of X.520. */
static bool
is_directory_string(uint8_t tag)
{
	return tag == KC_DER_UTF8_STRING || tag == KC_DER_PRINTABLE_STRING || tag == KC_DER_TELETEX_STRING ||
		tag == KC_DER_BMP_STRING || tag == KC_DER_UNIVERSAL_STRING;
}

static bool
are_letters(kc_view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (lower((char) text.data[i]) < 'a' || lower((char) text.data[i]) > 'z')
			return false;
	return true;
}

/* Unused bits of the last byte are zero. */
static bool
is_bit_string(kc_view content)
{
	if (content.len == 0 || content.data[0] > 7)
		return false;
	if (content.len == 1)
		return content.data[0] == 0;
	return (content.data[content.len - 1] & ((1u << content.data[0]) - 1)) == 0;
}

bool
kc_subject_value_fits(const kc_subject_type *type, uint8_t tag, kc_view content)
{
	size_t		count;

	if (type == NULL && tag == KC_DER_BIT_STRING)
		return is_bit_string(content);
	/* OpenSSL reads no name that has one. */
	if (tag == KC_DER_VISIBLE_STRING || !count_characters(tag, content, &count))
		return false;
	if (type == NULL)
		return count > 0;
	if (type->tag == KC_DER_UTF8_STRING ? !is_directory_string(tag) : tag != type->tag)
		return false;
	return count >= type->min && count <= type->max && (type->max > 2 || are_letters(content));
}
