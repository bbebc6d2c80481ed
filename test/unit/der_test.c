/*
 * Reading and writing DER.
 */
#include "support.h"
#include "tests.h"

/* The number read from these bytes, which must be all of them; -1 if refused. */
static int
number(const void *bytes, size_t len)
{
	uint8_t    *exact = exactly(bytes, len);
	kc_view		rest = kc_view_of(exact, len);
	uint8_t		out[2];
	int			value = -1;

	if (kc_der_take_unsigned(&rest, out, sizeof(out)) && rest.len == 0)
		value = out[0] << 8 | out[1];
	else if (rest.data != exact || rest.len != len)
		value = -2;				/* refused, and yet something was taken */
	free(exact);
	return value;
}

#define NUMBER(bytes)	number(bytes, sizeof(bytes) - 1)

static void
integers(void)
{
	ok(NUMBER("\x02\x01\x00") == 0 && NUMBER("\x02\x01\x7f") == 0x7f && NUMBER("\x02\x02\x00\x80") == 0x80 &&
	   NUMBER("\x02\x02\x7f\xff") == 0x7fff && NUMBER("\x02\x03\x00\xff\xff") == 0xffff,
	   "integers have their value");
	ok(NUMBER("\x02\x01\x80") == -1 && NUMBER("\x02\x02\xff\xff") == -1, "negative integers are refused");
	ok(NUMBER("\x02\x02\x00\x7f") == -1 && NUMBER("\x02\x03\x00\x00\x80") == -1 && NUMBER("\x02\x02\x00\x00") == -1,
	   "integers longer than they need be are refused");
	ok(NUMBER("\x02\x03\x01\x00\x00") == -1 && NUMBER("\x02\x04\x00\x80\x00\x00") == -1,
	   "integers that do not fit are refused");
	ok(NUMBER("\x02\x00") == -1 && NUMBER("") == -1 && NUMBER("\x02") == -1 && NUMBER("\x02\x02\x01") == -1 &&
	   NUMBER("\x02\x01\x01\x00") == -2 && NUMBER("\x04\x01\x01") == -1, "what is no integer is refused");
}

/* Whether the length in these bytes, after a tag, is taken; content is 600 bytes. */
static bool
length(const char *bytes, size_t used, size_t expected)
{
	uint8_t		whole[608] = {KC_DER_OCTET_STRING};
	kc_view		rest = kc_view_of(whole, sizeof(whole));
	kc_view		content;

	memcpy(whole + 1, bytes, used);
	return kc_der_take(&rest, KC_DER_OCTET_STRING, &content) && content.len == expected &&
		content.data == whole + 1 + used && rest.data == content.data + expected &&
		rest.len == sizeof(whole) - 1 - used - expected;
}

static void
lengths(void)
{
	ok(length("\x00", 1, 0) && length("\x7f", 1, 127) && length("\x81\x80", 2, 128) &&
	   length("\x81\xff", 2, 255) && length("\x82\x01\x00", 3, 256) && length("\x82\x02\x58", 3, 600),
	   "lengths of one, two and three bytes are read");
	ok(!length("\x81\x7f", 2, 127) && !length("\x82\x00\x80", 3, 128) && !length("\x82\x00\xff", 3, 255) &&
	   !length("\x83\x00\x01\x00", 4, 256), "lengths longer than they need be are refused");
	ok(!length("\x80", 1, 0) && !length("\xff", 1, 0) && !length("\x84\xff\xff\xff\xff", 5, 0) &&
	   !length("\x82\xff\xff", 3, 0) && !length("\x82\x02\x5d", 3, 605),
	   "lengths that lead beyond the end are refused, and so are indefinite ones");
}

/* Written and read again; one byte less of room is too little. */
static bool
comes_back(size_t content_len)
{
	uint8_t		content[300];
	uint8_t		buffer[304];
	kc_der_writer writer;
	kc_view		rest;
	kc_view		found;
	size_t		len;
	bool		good;

	memset(content, 0x55, sizeof(content));
	writer = kc_der_writer_on(buffer, sizeof(buffer));
	kc_der_put(&writer, kc_view_of(content, content_len));
	kc_der_put_header(&writer, KC_DER_OCTET_STRING, content_len);
	good = kc_der_finish(&writer, &len);
	rest = kc_view_of(buffer, len);
	good = good && kc_der_take(&rest, KC_DER_OCTET_STRING, &found) && rest.len == 0 &&
		found.len == content_len && memcmp(found.data, content, content_len) == 0 &&
		all_bytes(buffer + len, sizeof(buffer) - len, 0);
	memset(buffer, 0xaa, sizeof(buffer));
	writer = kc_der_writer_on(buffer, len - 1);
	kc_der_put(&writer, kc_view_of(content, content_len));
	kc_der_put_header(&writer, KC_DER_OCTET_STRING, content_len);
	return good && !kc_der_finish(&writer, &rest.len) && rest.len == 0 &&
		all_bytes(buffer, len - 1, 0) && buffer[len - 1] == 0xaa;
}

void
test_der(void)
{
	static const uint8_t big[2] = {0xff, 0xff};
	uint8_t		buffer[8];
	kc_der_writer writer = kc_der_writer_on(buffer, sizeof(buffer));
	kc_view		rest;
	kc_view		element;
	size_t		len;
	bool		good = true;

	tap_section("DER");
	integers();
	lengths();
	for (size_t n = 0; n <= 300; n++)
		good = good && comes_back(n);
	ok(good, "what was written is read again, and too little room is noticed and wiped");
	kc_der_put_unsigned(&writer, NONE);
	kc_der_put_unsigned(&writer, kc_view_of(big, 2));
	ok(kc_der_finish(&writer, &len) && len == 8 && memcmp(buffer, "\x02\x03\x00\xff\xff\x02\x01\x00", 8) == 0,
	   "integers are written with no byte too many or too few");
	writer = kc_der_writer_on(buffer, sizeof(buffer));
	kc_der_put_header(&writer, KC_DER_SEQUENCE, 0x10000);
	ok(kc_der_finish(&writer, &len) && len == 5 && memcmp(buffer, "\x30\x83\x01\x00\x00", 5) == 0,
	   "a length of three bytes is written");
	writer = kc_der_writer_on(buffer, sizeof(buffer));
	kc_der_put_header(&writer, KC_DER_SEQUENCE, 0x1000000);
	ok(!kc_der_finish(&writer, &len), "one of more than three is not");
	rest = kc_view_of("\x30\x02xy\x02\x00", 6);
	ok(!kc_der_take_whole(&rest, KC_DER_INTEGER, &element) && rest.len == 6 &&
	   kc_der_take_whole(&rest, KC_DER_SEQUENCE, &element) && element.len == 4 &&
	   memcmp(element.data, "\x30\x02xy", 4) == 0 && rest.len == 2 && rest.data == element.data + 4,
	   "an element is taken with its header");
}
