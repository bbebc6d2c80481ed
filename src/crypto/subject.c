/*
 * From text to a Name.
 *
 * The grammar is RFC 4514's, section 3.  Attributes are encoded one by one into a
 * scratch and put into the order of DER at the end: parts backwards, and
 * within a part, which is a SET, by their bytes.
 */
#include "subject.h"

#include <string.h>

#include "subject_type.h"

typedef struct attribute
{
	kc_view		der;			/* AttributeTypeAndValue */
	size_t		part;			/* counted in the order of the text */
} attribute;

typedef struct parser
{
	kc_view		rest;
	uint8_t		value[KC_SUBJECT_TEXT_MAX];	/* of the current attribute */
	size_t		value_len;
	uint8_t		encoded[KC_SUBJECT_DER_MAX];
	size_t		encoded_len;
	attribute	attributes[KC_SUBJECT_ATTRIBUTES_MAX];
	size_t		count;
} parser;

static bool
at_end(const parser *p)
{
	return p->rest.len == 0;
}

/* 0 at the end: no zero byte is in the text. */
static uint8_t
next(const parser *p)
{
	return at_end(p) ? 0 : p->rest.data[0];
}

static uint8_t
take(parser *p)
{
	uint8_t		c = next(p);

	p->rest = kc_view_of(p->rest.data + 1, p->rest.len - 1);
	return c;
}

static bool
take_if(parser *p, uint8_t c)
{
	if (next(p) != c)
		return false;
	take(p);
	return true;
}

static void
skip_blanks(parser *p)
{
	while (next(p) == ' ')
		take(p);
}

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
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

static bool
take_hex_pair(parser *p, uint8_t *byte)
{
	int			high = p->rest.len >= 2 ? digit(p->rest.data[0]) : -1;
	int			low = p->rest.len >= 2 ? digit(p->rest.data[1]) : -1;

	if (high < 0 || low < 0)
		return false;
	*byte = (uint8_t) (high << 4 | low);
	take(p);
	take(p);
	return true;
}

/* What a backslash stands before. */
static bool
take_escaped(parser *p, uint8_t *byte)
{
	if (take_hex_pair(p, byte))
		return true;
	if (at_end(p) || strchr(" \"#+,;<=>\\", next(p)) == NULL)
		return false;
	*byte = take(p);
	return true;
}

/* The value is never longer than the text was. */
static bool
take_character(parser *p)
{
	uint8_t		c = take(p);

	if (is_control(c) || (c == '\\' && !take_escaped(p, &c)))
		return false;
	p->value[p->value_len++] = c;
	return true;
}

/* Blanks at the end are no part of it unless the last was escaped. */
static bool
take_plain(parser *p)
{
	size_t		len = 0;

	while (!at_end(p) && next(p) != ',' && next(p) != '+')
	{
		bool		is_blank = next(p) == ' ';

		if (strchr("\";<>", next(p)) != NULL || !take_character(p))
			return false;
		if (!is_blank)
			len = p->value_len;
	}
	p->value_len = len;
	return true;
}

static bool
take_quoted(parser *p)
{
	while (!at_end(p) && next(p) != '"')
		if (!take_character(p))
			return false;
	return take_if(p, '"');
}

/* The DER of one element; *tag and the value become what is in it. */
static bool
take_hex(parser *p, uint8_t *tag)
{
	kc_view		rest;
	kc_view		content;
	uint8_t		byte;

	while (take_hex_pair(p, &byte))
		p->value[p->value_len++] = byte;
	rest = kc_view_of(p->value, p->value_len);
	if (rest.len == 0 || !kc_der_take(&rest, p->value[0], &content) || rest.len > 0)
		return false;
	*tag = p->value[0];
	p->value_len = content.len;
	memmove(p->value, content.data, content.len);
	return true;
}

static bool
take_value(parser *p, uint8_t *tag)
{
	p->value_len = 0;
	if (take_if(p, '#'))
		return take_hex(p, tag);
	return take_if(p, '"') ? take_quoted(p) : take_plain(p);
}

static bool
is_type_character(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
}

/* RFC 2253 took identifiers with a word before them, too. */
static kc_view
without_prefix(kc_view name)
{
	if (name.len > 4 && (name.data[0] | 0x20) == 'o' && (name.data[1] | 0x20) == 'i' &&
		(name.data[2] | 0x20) == 'd' && name.data[3] == '.')
		return kc_view_of(name.data + 4, name.len - 4);
	return name;
}

/* Its identifier, too; one that has a name is the same with and without. */
static bool
take_type(parser *p, const kc_subject_type **type, uint8_t oid[KC_OID_MAX], size_t *oid_len)
{
	kc_view		name = kc_view_of(p->rest.data, 0);

	while (is_type_character(next(p)))
	{
		take(p);
		name.len++;
	}
	*type = kc_subject_type_named(name);
	if (*type != NULL)
	{
		*oid_len = (*type)->oid.len;
		memcpy(oid, (*type)->oid.data, *oid_len);
		return true;
	}
	*oid_len = kc_oid_parse(without_prefix(name), oid);
	*type = kc_subject_type_of(kc_view_of(oid, *oid_len));
	return *oid_len > 0;
}

static kc_view
oid_of(const attribute *a)
{
	kc_view		rest = a->der;
	kc_view		both = {NULL, 0};
	kc_view		oid = {NULL, 0};

	kc_der_take(&rest, KC_DER_SEQUENCE, &both);
	kc_der_take(&both, KC_DER_OID, &oid);
	return oid;
}

/* A part has each attribute once (X.501, 9.3). */
static bool
is_new(const parser *p, kc_view oid, size_t part)
{
	for (size_t i = p->count; i > 0 && p->attributes[i - 1].part == part; i--)
	{
		kc_view		other = oid_of(&p->attributes[i - 1]);

		if (other.len == oid.len && memcmp(other.data, oid.data, oid.len) == 0)
			return false;
	}
	return true;
}

static bool
add_attribute(parser *p, kc_view oid, uint8_t tag, size_t part)
{
	uint8_t    *place = p->encoded + p->encoded_len;
	kc_der_writer writer = kc_der_writer_on(place, sizeof(p->encoded) - p->encoded_len);
	size_t		len;

	if (p->count == KC_SUBJECT_ATTRIBUTES_MAX || !is_new(p, oid, part))
		return false;
	kc_der_put(&writer, kc_view_of(p->value, p->value_len));
	kc_der_put_header(&writer, tag, p->value_len);
	kc_der_put(&writer, oid);
	kc_der_put_header(&writer, KC_DER_OID, oid.len);
	kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
	if (!kc_der_finish(&writer, &len))
		return false;
	p->attributes[p->count].der = kc_view_of(place, len);
	p->attributes[p->count].part = part;
	p->encoded_len += len;
	p->count++;
	return true;
}

static bool
take_attribute(parser *p, size_t part)
{
	const kc_subject_type *type;
	uint8_t		oid[KC_OID_MAX];
	size_t		oid_len;
	uint8_t		tag;

	skip_blanks(p);
	if (!take_type(p, &type, oid, &oid_len))
		return false;
	skip_blanks(p);
	if (!take_if(p, '='))
		return false;
	skip_blanks(p);
	tag = type != NULL ? type->tag : KC_DER_UTF8_STRING;
	if (!take_value(p, &tag) || !kc_subject_value_fits(type, tag, kc_view_of(p->value, p->value_len)))
		return false;
	skip_blanks(p);
	return add_attribute(p, kc_view_of(oid, oid_len), tag, part);
}

static bool
take_name(parser *p)
{
	size_t		part = 0;

	for (;;)
	{
		if (!take_attribute(p, part))
			return false;
		if (at_end(p))
			return true;
		if (take_if(p, ','))
			part++;
		else if (!take_if(p, '+'))
			return false;
	}
}

/* The order of a SET in DER (X.690, 11.6): none begins with the whole of another. */
static bool
is_before(const attribute *a, const attribute *b)
{
	size_t		len = a->der.len < b->der.len ? a->der.len : b->der.len;

	return memcmp(a->der.data, b->der.data, len) < 0;
}

static void
sort(attribute *attributes, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && is_before(&attributes[j], &attributes[j - 1]); j--)
		{
			attribute	other = attributes[j];

			attributes[j] = attributes[j - 1];
			attributes[j - 1] = other;
		}
}

/* A writer goes backwards, and so do the parts. */
static void
put_name(parser *p, kc_der_writer *out)
{
	size_t		begin = 0;
	size_t		end;

	for (; begin < p->count; begin = end)
	{
		size_t		before = kc_der_written(out);

		for (end = begin + 1; end < p->count && p->attributes[end].part == p->attributes[begin].part;)
			end++;
		sort(p->attributes + begin, end - begin);
		for (size_t i = end; i-- > begin;)
			kc_der_put(out, p->attributes[i].der);
		kc_der_put_header(out, KC_DER_SET, kc_der_written(out) - before);
	}
	kc_der_put_header(out, KC_DER_SEQUENCE, kc_der_written(out));
}

kc_status
kc_subject_parse(kc_view text, uint8_t *der, size_t *len)
{
	kc_der_writer writer = kc_der_writer_on(der, *len);
	parser		p;

	p.rest = text;
	p.encoded_len = p.count = 0;
	if (text.len == 0 || text.len > KC_SUBJECT_TEXT_MAX || memchr(text.data, 0, text.len) != NULL ||
		!take_name(&p))
		writer.full = true;
	else
		put_name(&p, &writer);
	return kc_der_finish(&writer, len) ? KC_OK : KC_BAD_INPUT;
}
