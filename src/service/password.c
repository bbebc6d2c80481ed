/*
 * Random passwords.
 */
#include "service/password.h"

#include "base/bytes.h"
#include "base/error.h"

static void
require_length(int length)
{
	if (length < KC_PASSWORD_MIN || length > KC_PASSWORD_MAX)
		err_invalid("password_length", "it must be 8 to 128");
}

/* Every server encoding is a superset of ASCII and has no ASCII byte inside of another character. */
static void
exclude(kc_view characters, bool excluded[KC_PASSWORD_CODES])
{
	for (size_t i = 0; i < characters.len; i++)
	{
		uint8		character = characters.data[i];

		if (kc_password_class_of(character) == KC_PASSWORD_NONE)
			err_invalid("exclude_characters", "it takes letters, digits and punctuation of ASCII, but no back-quote");
		excluded[character] = true;
	}
}

static kc_password_rules
rules_of(const KmsPasswordRules *wanted)
{
	kc_password_rules rules = {
		.length = wanted->length,
		.excluded_class = {
			[KC_PASSWORD_LOWERCASE] = wanted->exclude_lowercase,
			[KC_PASSWORD_UPPERCASE] = wanted->exclude_uppercase,
			[KC_PASSWORD_NUMBERS] = wanted->exclude_numbers,
			[KC_PASSWORD_PUNCTUATION] = wanted->exclude_punctuation,
		},
		.require_each = wanted->require_each_included_type,
	};

	require_length(wanted->length);
	exclude(wanted->exclude_characters, rules.excluded);
	if (wanted->exclude_lowercase && wanted->exclude_uppercase && wanted->exclude_numbers && wanted->exclude_punctuation)
		err_invalid("exclude_punctuation", "one of the four types must be included");
	return rules;
}

/* The length is right, and a type is included: so it is the characters. */
static void
err_nothing_left(const kc_password_rules *rules)
{
	err_invalid("exclude_characters", rules->require_each ? "it leaves no character of a type that is included" :
				"it leaves no character");
}

text *
password_get_random(const KmsPasswordRules *wanted)
{
	kc_password_rules rules = rules_of(wanted);
	text	   *result = bytes_new(rules.length);
	char		password[KC_PASSWORD_MAX + 1];
	kc_status	status = kc_password_generate(&rules, password);

	if (status == KC_BAD_INPUT)
		err_nothing_left(&rules);
	err_crypto(status);
	/* From here to the wiping nothing may raise; what takes memory came before. */
	memcpy(VARDATA(result), password, rules.length);
	kc_wipe(password, sizeof(password));
	return result;
}

void
password_generate(int length, bool punctuation, char *out)
{
	kc_password_rules rules = {
		.length = length,
		.excluded_class = {[KC_PASSWORD_PUNCTUATION] = !punctuation},
		.require_each = true,
	};

	if (length < KC_PASSWORD_MIN || length > KC_PASSWORD_MAX)
		elog(ERROR, "a password of a length that is none was asked for");
	err_crypto(kc_password_generate(&rules, out));
}
