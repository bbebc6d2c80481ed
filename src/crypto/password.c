/*
 * Random passwords.
 *
 * Classes are told by code, not by <ctype.h>: that would ask the locale.
 */
#include "password.h"

#include "random.h"

/*
 * Random bytes are fetched so many at a time, and wiped at the end.  The strictest
 * rules (eight characters, of a, A, 0 and all punctuation, with each class) let one
 * in 150 passwords pass and take some 1,300 bytes.  A generator that gives the same
 * bytes again and again would take for ever, so there is an end, which nothing
 * reaches by chance.
 */
#define BATCH			256
#define BATCHES_MAX		4096

typedef struct source
{
	uint8_t		bytes[BATCH];
	size_t		left;			/* taken from the end */
	int			batches;
} source;

/* What may be drawn, and of which classes there is something. */
typedef struct alphabet
{
	char		characters[KC_PASSWORD_CODES];
	size_t		count;
	unsigned	classes;
} alphabet;

#define CLASS_BIT(class)	(1u << (class))

kc_password_class
kc_password_class_of(uint8_t character)
{
	if (character >= 'a' && character <= 'z')
		return KC_PASSWORD_LOWERCASE;
	if (character >= 'A' && character <= 'Z')
		return KC_PASSWORD_UPPERCASE;
	if (character >= '0' && character <= '9')
		return KC_PASSWORD_NUMBERS;
	if (character > ' ' && character <= '~' && character != '`')
		return KC_PASSWORD_PUNCTUATION;
	return KC_PASSWORD_NONE;
}

static void
collect(const kc_password_rules *rules, alphabet *allowed)
{
	for (uint8_t character = 0; character < KC_PASSWORD_CODES; character++)
	{
		kc_password_class class = kc_password_class_of(character);

		if (class == KC_PASSWORD_NONE || rules->excluded_class[class] || rules->excluded[character])
			continue;
		allowed->characters[allowed->count++] = (char) character;
		allowed->classes |= CLASS_BIT(class);
	}
}

/* The classes that a password must have. */
static unsigned
required(const kc_password_rules *rules)
{
	unsigned	classes = 0;

	for (int class = 0; rules->require_each && class < KC_PASSWORD_CLASSES; class++)
		if (!rules->excluded_class[class])
			classes |= CLASS_BIT(class);
	return classes;
}

static bool
is_possible(const kc_password_rules *rules, const alphabet *allowed)
{
	return rules->length >= KC_PASSWORD_MIN && rules->length <= KC_PASSWORD_MAX &&
		allowed->count > 0 && (required(rules) & ~allowed->classes) == 0;
}

static kc_status
next_byte(source *random, uint8_t *byte)
{
	if (random->left == 0)
	{
		kc_status	status = random->batches++ < BATCHES_MAX ? kc_random_key(random->bytes, BATCH) : KC_FAILED;

		if (status != KC_OK)
			return status;
		random->left = BATCH;
	}
	*byte = random->bytes[--random->left];
	return KC_OK;
}

/* Bytes from the largest multiple of the count on would favour the first characters. */
static kc_status
draw_character(const alphabet *allowed, source *random, char *out)
{
	size_t		end = 256 - 256 % allowed->count;
	uint8_t		byte;
	kc_status	status;

	do
		status = next_byte(random, &byte);
	while (status == KC_OK && byte >= end);
	if (status == KC_OK)
		*out = allowed->characters[byte % allowed->count];
	return status;
}

static kc_status
draw(const alphabet *allowed, source *random, size_t length, char *out, unsigned *classes)
{
	kc_status	status = KC_OK;

	*classes = 0;
	for (size_t i = 0; status == KC_OK && i < length; i++)
	{
		status = draw_character(allowed, random, &out[i]);
		if (status == KC_OK)
			*classes |= CLASS_BIT(kc_password_class_of((uint8_t) out[i]));
	}
	out[length] = '\0';
	return status;
}

kc_status
kc_password_generate(const kc_password_rules *rules, char *out)
{
	alphabet	allowed = {.count = 0};
	source		random = {.left = 0};
	unsigned	classes = 0;
	kc_status	status = KC_BAD_INPUT;

	collect(rules, &allowed);
	if (is_possible(rules, &allowed))
	{
		do
			status = draw(&allowed, &random, rules->length, out, &classes);
		while (status == KC_OK && (required(rules) & ~classes) != 0);
	}
	kc_wipe(&random, sizeof(random));
	if (status != KC_OK)
		kc_wipe(out, KC_PASSWORD_MAX + 1);
	return status;
}
