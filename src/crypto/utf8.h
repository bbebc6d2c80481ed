/*
 * UTF-8 (RFC 3629), one character at a time.
 */
#ifndef KC_UTF8_H
#define KC_UTF8_H

#include "kc.h"

/* Longest character. */
#define KC_UTF8_MAX	4

/*
 * Take a character off rest, which is not empty.  False, with rest untouched, for
 * what is none: cut off, longer than it need be, a surrogate, beyond U+10FFFF.
 */
extern bool kc_utf8_take(kc_view *rest, uint32_t *character);

/* How many bytes were written; 0 for a number that is no character. */
extern size_t kc_utf8_put(uint32_t character, uint8_t out[KC_UTF8_MAX]);

#endif
