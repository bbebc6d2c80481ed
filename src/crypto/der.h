/*
 * As much DER as key pairs and certificates need.  OpenSSL's encoders and decoders would do it,
 * but they leave copies of the private key in memory they free: these two write
 * and read in the caller's buffer and nowhere else.
 */
#ifndef KC_DER_H
#define KC_DER_H

#include "kc.h"

#define KC_DER_BOOLEAN		0x01
#define KC_DER_INTEGER		0x02
#define KC_DER_BIT_STRING	0x03
#define KC_DER_OCTET_STRING	0x04
#define KC_DER_SEQUENCE		0x30

/*
 * A writer goes from the end of its buffer to the front, so that the length of
 * what stands inside is known when its header is written: write the last part
 * first.  Too small a buffer turns full on, and from then on nothing is written.
 */
typedef struct kc_der_writer
{
	uint8_t    *buffer;
	size_t		room;
	size_t		at;				/* what is written begins here */
	bool		full;
} kc_der_writer;

extern kc_der_writer kc_der_writer_on(uint8_t *buffer, size_t room);

/* Bytes as they are: constant headers, keys. */
extern void kc_der_put(kc_der_writer *writer, kc_view bytes);

/* Tag and length of the content_len bytes that were written last. */
extern void kc_der_put_header(kc_der_writer *writer, uint8_t tag, size_t content_len);

/* A whole INTEGER of a number, given big-endian and of any width. */
extern void kc_der_put_unsigned(kc_der_writer *writer, kc_view number);

/* Bytes written so far. */
extern size_t kc_der_written(const kc_der_writer *writer);

/*
 * Move what was written to the front of the buffer and wipe the rest.  False
 * if it was too much; then all of the buffer is wiped and *len is 0.
 */
extern bool kc_der_finish(kc_der_writer *writer, size_t *len);

/*
 * Take the next element off rest; content points into it.  False, with rest
 * untouched, for another tag, or a length that is not DER's only way to write it
 * or leads beyond rest.
 */
extern bool kc_der_take(kc_view *rest, uint8_t tag, kc_view *content);

/* The same, but element is all of it, tag and length included. */
extern bool kc_der_take_whole(kc_view *rest, uint8_t tag, kc_view *element);

/* Take exactly these bytes off rest. */
extern bool kc_der_take_bytes(kc_view *rest, kc_view bytes);

/* Take an INTEGER, not negative and of at most len bytes, as len bytes big-endian. */
extern bool kc_der_take_unsigned(kc_view *rest, uint8_t *number, size_t len);

#endif
