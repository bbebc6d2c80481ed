/*
 * From a Name to text, the one spelling it has.
 */
#include "subject.h"

#include <string.h>

#include "subject_type.h"
#include "utf8.h"

/* As with the writer of DER: what does not fit turns full on. */
typedef struct printer
{
	char	   *text;
	size_t		room;
	size_t		len;
	bool		full;
} printer;

static void
put(printer *p, const void *bytes, size_t len)
{
	if (p->full || len > p->room - p->len)
	{
		p->full = true;
		return;
	}
	memcpy(p->text + p->len, bytes, len);
	p->len += len;
}

static void
put_char(printer *p, char c)
{
	put(p, &c, 1);
}

static void
put_hex(printer *p, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";

	put_char(p, digits[byte >> 4]);
	put_char(p, digits[byte & 0xf]);
}

static void
put_character(printer *p, uint32_t character, bool is_first, bool is_last)
{
	uint8_t		spelling[KC_UTF8_MAX];

	if (character < 0x20 || character == 0x7f)
	{
		put_char(p, '\\');
		put_hex(p, (uint8_t) character);
		return;
	}
	if ((character == ' ' && (is_first || is_last)) || (character == '#' && is_first) ||
		(character < 0x80 && strchr(",+\"\\<>;", (int) character) != NULL))
		put_char(p, '\\');
	put(p, spelling, kc_utf8_put(character, spelling));
}

/* False, with nothing written, if it is not a string all through. */
static bool
put_string(printer *p, uint8_t tag, kc_view content)
{
	kc_view		rest = content;
	uint32_t	character;

	while (rest.len > 0)
		if (!kc_string_take(tag, &rest, &character))
			return false;
	for (rest = content; rest.len > 0;)
	{
		bool		is_first = rest.len == content.len;

		kc_string_take(tag, &rest, &character);
		put_character(p, character, is_first, rest.len == 0);
	}
	return true;
}

static bool
is_string(uint8_t tag)
{
	switch (tag)
	{
		case KC_DER_UTF8_STRING:
		case KC_DER_NUMERIC_STRING:
		case KC_DER_PRINTABLE_STRING:
		case KC_DER_TELETEX_STRING:
		case KC_DER_IA5_STRING:
		case KC_DER_VISIBLE_STRING:
		case KC_DER_UNIVERSAL_STRING:
		case KC_DER_BMP_STRING:
			return true;
	}
	return false;
}

/* AttributeTypeAndValue; false if it is none. */
static bool
put_attribute(printer *p, kc_view both)
{
	const kc_subject_type *type;
	char		number[KC_OID_TEXT_MAX];
	size_t		number_len;
	kc_view		oid;
	kc_view		value;
	kc_view		rest;
	kc_view		content;

	if (!kc_der_take(&both, KC_DER_OID, &oid) || both.len == 0)
		return false;
	value = rest = both;
	number_len = kc_oid_print(oid, number);
	if (number_len == 0 || !kc_der_take(&rest, value.data[0], &content) || rest.len > 0)
		return false;
	type = kc_subject_type_of(oid);
	if (type != NULL)
		put(p, type->name, strlen(type->name));
	else
		put(p, number, number_len);
	put_char(p, '=');
	if (type != NULL && is_string(value.data[0]) && put_string(p, value.data[0], content))
		return true;
	put_char(p, '#');
	for (size_t i = 0; i < value.len; i++)
		put_hex(p, value.data[i]);
	return true;
}

typedef struct attribute
{
	kc_view		both;			/* type and value */
	bool		ends_part;
} attribute;

/* All of a Name, in the order of DER; -1 if it is none, or too much. */
static int
take_attributes(kc_view der, attribute attributes[KC_SUBJECT_ATTRIBUTES_MAX])
{
	int			count = 0;
	kc_view		parts;
	kc_view		part;

	if (der.len > KC_SUBJECT_DER_MAX || !kc_der_take(&der, KC_DER_SEQUENCE, &parts) || der.len > 0)
		return -1;
	while (parts.len > 0)
	{
		if (!kc_der_take(&parts, KC_DER_SET, &part) || part.len == 0)
			return -1;
		for (; part.len > 0; count++)
		{
			if (count == KC_SUBJECT_ATTRIBUTES_MAX ||
				!kc_der_take(&part, KC_DER_SEQUENCE, &attributes[count].both))
				return -1;
			attributes[count].ends_part = part.len == 0;
		}
	}
	return count;
}

static bool
print(kc_view der, printer *p)
{
	attribute	attributes[KC_SUBJECT_ATTRIBUTES_MAX];
	int			count = take_attributes(der, attributes);

	for (int i = count; i-- > 0;)
	{
		if (i < count - 1)
			put_char(p, attributes[i].ends_part ? ',' : '+');
		if (!put_attribute(p, attributes[i].both))
			return false;
	}
	put_char(p, '\0');
	return count >= 0 && !p->full;
}

kc_status
kc_subject_print(kc_view der, char *out, size_t *len)
{
	printer		p = {out, *len, 0, false};

	if (print(der, &p))
	{
		*len = p.len - 1;
		kc_wipe(out + p.len, p.room - p.len);
		return KC_OK;
	}
	kc_wipe(out, p.room);
	*len = 0;
	return KC_BAD_INPUT;
}
