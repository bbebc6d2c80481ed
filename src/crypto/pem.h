/*
 * PEM (RFC 7468): DER in Base64 between two lines.
 *
 * Strict: headers, and anything but white space outside of the two lines, are refused.
 */
#ifndef KC_PEM_H
#define KC_PEM_H

#include "kc.h"

/* Longest text that is read. */
#define KC_PEM_MAX	((size_t) 64 << 10)

/* Longest DER in so much text. */
#define KC_PEM_DER_MAX	((size_t) 48 << 10)

/* Bytes of text for so many of DER, the final zero included; label is at most 32 characters. */
#define KC_PEM_LEN(der_len)	(((der_len) + 2) / 3 * 4 + (der_len) / 48 + 2 + 2 * (17 + 32) + 1)

/*
 * Take the next text with this label off rest, and the white space around it.
 * *len is the room, then the length.  KC_BAD_INPUT, with the room wiped and *len 0,
 * where none begins so, or it is not to the letter: another alphabet, padding
 * missing, bits left over, no bytes at all.  The line at its end must end, too.
 */
extern kc_status kc_pem_take(kc_view *rest, const char *label, uint8_t *der, size_t *len);

/* Whether there is nothing but white space. */
extern bool kc_pem_is_blank(kc_view text);

/*
 * Lines of 64 characters, and a zero behind the last line's break.  *len is the
 * room, at least KC_PEM_LEN, then the length without the zero.
 */
extern kc_status kc_pem_write(const char *label, kc_view der, char *out, size_t *len);

#endif
