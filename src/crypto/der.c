/*
 * Writing and reading DER.
 *
 * One form for one value: the reader refuses every spelling that the writer
 * would not have used, so that what was read, written again, is the same bytes.
 */
#include "der.h"

#include <string.h>

#define LONG_1	0x81			/* one byte of length follows */
#define LONG_2	0x82			/* two bytes */
#define LONG_3	0x83			/* three: written only, for nothing that long is read */
#define LEN_MAX	0xffffff

kc_der_writer
kc_der_writer_on(uint8_t *buffer, size_t room)
{
	kc_der_writer writer = {buffer, room, room, false};

	return writer;
}

void
kc_der_put(kc_der_writer *writer, kc_view bytes)
{
	if (writer->full || bytes.len > writer->at)
	{
		writer->full = true;
		return;
	}
	writer->at -= bytes.len;
	if (bytes.len > 0)
		memcpy(writer->buffer + writer->at, bytes.data, bytes.len);
}

void
kc_der_put_header(kc_der_writer *writer, uint8_t tag, size_t content_len)
{
	uint8_t		high = (uint8_t) (content_len >> 8);
	uint8_t		low = (uint8_t) content_len;
	uint8_t		one[] = {tag, low};
	uint8_t		two[] = {tag, LONG_1, low};
	uint8_t		three[] = {tag, LONG_2, high, low};
	uint8_t		four[] = {tag, LONG_3, (uint8_t) (content_len >> 16), high, low};

	if (content_len > LEN_MAX)
		writer->full = true;
	else if (content_len < 0x80)
		kc_der_put(writer, kc_view_of(one, sizeof(one)));
	else if (content_len <= 0xff)
		kc_der_put(writer, kc_view_of(two, sizeof(two)));
	else if (content_len <= 0xffff)
		kc_der_put(writer, kc_view_of(three, sizeof(three)));
	else
		kc_der_put(writer, kc_view_of(four, sizeof(four)));
}

void
kc_der_put_unsigned(kc_der_writer *writer, kc_view number)
{
	static const uint8_t zero = 0;
	size_t		before = kc_der_written(writer);

	while (number.len > 0 && number.data[0] == 0)
		number = kc_view_of(number.data + 1, number.len - 1);
	kc_der_put(writer, number);
	/* Zero takes a byte, and a first bit of one would make it negative. */
	if (number.len == 0 || (number.data[0] & 0x80) != 0)
		kc_der_put(writer, kc_view_of(&zero, 1));
	kc_der_put_header(writer, KC_DER_INTEGER, kc_der_written(writer) - before);
}

size_t
kc_der_written(const kc_der_writer *writer)
{
	return writer->room - writer->at;
}

bool
kc_der_finish(kc_der_writer *writer, size_t *len)
{
	*len = writer->full ? 0 : kc_der_written(writer);
	if (*len > 0)
		memmove(writer->buffer, writer->buffer + writer->at, *len);
	kc_wipe(writer->buffer + *len, writer->room - *len);
	return !writer->full;
}

/* The length after a tag; *used is how many bytes it took, 0 if it is not DER. */
static size_t
read_len(kc_view bytes, size_t *used)
{
	const uint8_t *b = bytes.data;
	size_t		len;

	*used = 0;
	if (bytes.len >= 1 && b[0] < 0x80)
	{
		*used = 1;
		return b[0];
	}
	if (bytes.len >= 2 && b[0] == LONG_1 && b[1] >= 0x80)
	{
		*used = 2;
		return b[1];
	}
	if (bytes.len < 3 || b[0] != LONG_2 || b[1] == 0)
		return 0;
	len = (size_t) b[1] << 8 | b[2];
	*used = 3;
	return len;
}

bool
kc_der_take(kc_view *rest, uint8_t tag, kc_view *content)
{
	kc_view		after;
	size_t		used;
	size_t		len;

	if (rest->len < 2 || rest->data[0] != tag)
		return false;
	len = read_len(kc_view_of(rest->data + 1, rest->len - 1), &used);
	if (used == 0 || len > rest->len - 1 - used)
		return false;
	after = kc_view_of(rest->data + 1 + used, rest->len - 1 - used);
	*content = kc_view_of(after.data, len);
	*rest = kc_view_of(after.data + len, after.len - len);
	return true;
}

bool
kc_der_take_whole(kc_view *rest, uint8_t tag, kc_view *element)
{
	const uint8_t *begin = rest->data;
	kc_view		content;

	if (!kc_der_take(rest, tag, &content))
		return false;
	*element = kc_view_of(begin, (size_t) (rest->data - begin));
	return true;
}

bool
kc_der_take_bytes(kc_view *rest, kc_view bytes)
{
	if (rest->len < bytes.len || memcmp(rest->data, bytes.data, bytes.len) != 0)
		return false;
	*rest = kc_view_of(rest->data + bytes.len, rest->len - bytes.len);
	return true;
}

/* The number itself, without the zero byte that only keeps it from being negative. */
static bool
unsigned_digits(kc_view content, kc_view *digits)
{
	const uint8_t *b = content.data;

	if (content.len == 0 || (b[0] & 0x80) != 0)
		return false;
	if (content.len > 1 && b[0] == 0 && (b[1] & 0x80) == 0)
		return false;
	*digits = b[0] == 0 ? kc_view_of(b + 1, content.len - 1) : content;
	return true;
}

bool
kc_der_take_unsigned(kc_view *rest, uint8_t *number, size_t len)
{
	kc_view		after = *rest;
	kc_view		content;
	kc_view		digits;

	if (!kc_der_take(&after, KC_DER_INTEGER, &content) || !unsigned_digits(content, &digits) ||
		digits.len > len)
		return false;
	memset(number, 0, len - digits.len);
	if (digits.len > 0)
		memcpy(number + len - digits.len, digits.data, digits.len);
	*rest = after;
	return true;
}
