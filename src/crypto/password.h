/*
 * Random passwords.
 *
 * A password is drawn uniformly from all that its rules allow: each character by
 * rejection from random bytes, and where every class is required, the whole again
 * until it has them all.  To put a missing one in afterwards would favour the
 * passwords that have it once.
 */
#ifndef KC_PASSWORD_H
#define KC_PASSWORD_H

#include "kc.h"

#define KC_PASSWORD_MIN		8
#define KC_PASSWORD_MAX		128

/* Numbers of ASCII; what is above is no character of a password. */
#define KC_PASSWORD_CODES	128

/* Punctuation is that of ASCII without the back-quote: 31 characters.  A blank is none. */
typedef enum kc_password_class
{
	KC_PASSWORD_LOWERCASE,
	KC_PASSWORD_UPPERCASE,
	KC_PASSWORD_NUMBERS,
	KC_PASSWORD_PUNCTUATION,
	KC_PASSWORD_NONE			/* no character of a password */
} kc_password_class;

#define KC_PASSWORD_CLASSES	KC_PASSWORD_NONE

/* All zero but for the length: any of the 93 characters, anywhere. */
typedef struct kc_password_rules
{
	size_t		length;			/* KC_PASSWORD_MIN..KC_PASSWORD_MAX */
	bool		excluded[KC_PASSWORD_CODES];
	bool		excluded_class[KC_PASSWORD_CLASSES];
	bool		require_each;	/* at least one of every class that is not excluded */
} kc_password_rules;

extern kc_password_class kc_password_class_of(uint8_t character);

/*
 * rules->length characters and a zero; out has room for KC_PASSWORD_MAX + 1, and
 * is wiped on failure.  KC_BAD_INPUT where the length is none, or nothing is left
 * to draw: of any class, or of one that is required.
 */
extern kc_status kc_password_generate(const kc_password_rules *rules, char *out);

#endif
