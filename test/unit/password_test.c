/*
 * Random passwords: of the characters that the rules leave, each equally likely,
 * with every class that is required.
 *
 * Statistics allow nine standard deviations: that one of the 12,000 counts fails by
 * chance is less likely than 1e-11.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "fault.h"
#include "password.h"
#include "support.h"
#include "tests.h"

#include <openssl/rand.h>

#define ALL		93				/* characters of a password */
#define OUT_LEN	(KC_PASSWORD_MAX + 1)

static const char *const classes[KC_PASSWORD_CLASSES] = {
	"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~"
};

static kc_password_rules
rules_for(size_t length)
{
	kc_password_rules rules = {.length = length};

	return rules;
}

static void
exclude(kc_password_rules *rules, const char *characters)
{
	for (; *characters != '\0'; characters++)
		rules->excluded[(uint8_t) *characters] = true;
}

/* Nothing but these. */
static kc_password_rules
rules_of_only(size_t length, const char *characters)
{
	kc_password_rules rules = rules_for(length);

	for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
		exclude(&rules, classes[class]);
	for (; *characters != '\0'; characters++)
		rules.excluded[(uint8_t) *characters] = false;
	return rules;
}

static bool
has_class(const char *password, int class)
{
	return strpbrk(password, classes[class]) != NULL;
}

/* As long as wanted, of allowed characters only, with each class that is required. */
static bool
follows(const kc_password_rules *rules, const char *password)
{
	if (strlen(password) != rules->length)
		return false;
	for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
	{
		if (rules->excluded_class[class] && has_class(password, class))
			return false;
		if (rules->require_each && !rules->excluded_class[class] && !has_class(password, class))
			return false;
	}
	for (; *password != '\0'; password++)
		if ((uint8_t) *password >= KC_PASSWORD_CODES || rules->excluded[(uint8_t) *password] ||
			kc_password_class_of((uint8_t) *password) == KC_PASSWORD_NONE)
			return false;
	return true;
}

/* So many passwords, each into exactly the room that is promised. */
static bool
all_follow(const kc_password_rules *rules, int count)
{
	uint8_t    *zeros = calloc(1, OUT_LEN);
	bool		good = true;

	for (int i = 0; good && i < count; i++)
	{
		char	   *out = (char *) exactly(zeros, OUT_LEN);

		good = kc_password_generate(rules, out) == KC_OK && follows(rules, out);
		free(out);
	}
	free(zeros);
	return good;
}

static bool
refused_as(const kc_password_rules *rules, kc_status expected)
{
	char		out[OUT_LEN];

	memset(out, 0xaa, sizeof(out));
	return kc_password_generate(rules, out) == expected && all_bytes(out, sizeof(out), 0) && queue_empty();
}

static void
class_of(void)
{
	bool		good = true;
	int			count = 0;

	for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
		for (const char *c = classes[class]; *c != '\0'; c++, count++)
			good = good && (int) kc_password_class_of((uint8_t) *c) == class;
	ok(good && count == ALL, "52 letters, 10 digits and 31 of punctuation are characters of a password");
	good = true;
	for (int character = 0; character < 256; character++)
		if (kc_password_class_of((uint8_t) character) == KC_PASSWORD_NONE)
			count++;
		else
			good = good && character > 0x20 && character < 0x7f && character != '`';
	ok(good && count == 256, "and nothing else: no blank, no back-quote, no control character, nothing beyond ASCII");
}

static void
lengths(void)
{
	kc_password_rules rules;
	bool		good = true;

	for (size_t length = KC_PASSWORD_MIN; length <= KC_PASSWORD_MAX; length++)
	{
		rules = rules_for(length);
		good = good && all_follow(&rules, 10);
		rules.require_each = true;
		good = good && all_follow(&rules, 10);
	}
	ok(good, "passwords are of any length from 8 to 128");
	good = true;
	for (size_t length = 0; length < KC_PASSWORD_MIN; length++)
		good = good && refused_as(&(kc_password_rules) {.length = length}, KC_BAD_INPUT);
	ok(good, "none is shorter");
	ok(refused_as(&(kc_password_rules) {.length = KC_PASSWORD_MAX + 1}, KC_BAD_INPUT) &&
	   refused_as(&(kc_password_rules) {.length = (size_t) 1 << 32 | 8}, KC_BAD_INPUT) &&
	   refused_as(&(kc_password_rules) {.length = SIZE_MAX}, KC_BAD_INPUT), "none is longer");
}

/* All sixteen ways to exclude classes. */
static void
class_switches(void)
{
	bool		good = true;
	bool		each = true;

	for (int excluded = 0; excluded < 15; excluded++)
	{
		kc_password_rules rules = rules_for(8);

		for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
			rules.excluded_class[class] = excluded >> class & 1;
		good = good && all_follow(&rules, 300);
		rules.require_each = true;
		each = each && all_follow(&rules, 300);
	}
	ok(good, "what class is excluded does not occur");
	ok(each, "and with each class required the others do");
	for (int require = 0; require <= 1; require++)
		ok(refused_as(&(kc_password_rules) {.length = 8, .excluded_class = {true, true, true, true}, .require_each = require},
					  KC_BAD_INPUT), "of no class there is no password%s", require ? ", with each required" : "");
}

static void
exclusions(void)
{
	kc_password_rules rules;
	bool		good = true;

	for (int character = 0; character < KC_PASSWORD_CODES; character++)
	{
		rules = rules_for(KC_PASSWORD_MAX);
		rules.excluded[character] = true;
		good = good && all_follow(&rules, 20);
	}
	ok(good, "an excluded character does not occur, whichever it is");
	good = true;
	for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
		for (const char *c = classes[class]; *c != '\0'; c++)
		{
			rules = rules_of_only(9, (char[]) {*c, '\0'});
			good = good && all_follow(&rules, 1);
		}
	ok(good, "one character is enough for a password");
	rules = rules_of_only(8, "a0");
	rules.excluded_class[KC_PASSWORD_LOWERCASE] = true;
	ok(all_follow(&rules, 10), "what is excluded by class does not come back");
	rules.excluded_class[KC_PASSWORD_NUMBERS] = true;
	ok(refused_as(&rules, KC_BAD_INPUT), "of what classes and characters exclude together there is no password");
	rules = rules_of_only(8, "");
	ok(refused_as(&rules, KC_BAD_INPUT), "of no character there is none");
}

static void
required(void)
{
	bool		good = true;
	bool		excused = true;
	kc_password_rules rules;

	for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
	{
		rules = rules_for(8);
		exclude(&rules, classes[class]);
		good = good && all_follow(&rules, 10);
		rules.require_each = true;
		good = good && refused_as(&rules, KC_BAD_INPUT);
		rules.excluded_class[class] = true;
		excused = excused && all_follow(&rules, 10);
	}
	ok(good, "a required class of which every character is excluded is refused");
	ok(excused, "but not if the class is excluded, too");
	/* One in 150 passes. */
	rules = rules_of_only(8, "aA0!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~");
	rules.require_each = true;
	ok(all_follow(&rules, 1000), "a class that occurs rarely occurs where it is required");
}

/* ---- likelihood ---- */

static int
by_text(const void *a, const void *b)
{
	return memcmp(a, b, OUT_LEN);
}

static void
never_twice(void)
{
	size_t		count = 20000;
	char		(*passwords)[OUT_LEN] = calloc(count, OUT_LEN);
	kc_password_rules rules = rules_for(10);
	bool		good = true;

	for (size_t i = 0; i < count; i++)
		good = good && kc_password_generate(&rules, passwords[i]) == KC_OK;
	qsort(passwords, count, OUT_LEN, by_text);
	for (size_t i = 1; i < count; i++)
		good = good && by_text(passwords[i - 1], passwords[i]) != 0;
	ok(good, "20,000 passwords are all different");
	free(passwords);
}

static bool
within(long count, double expected)
{
	double		deviation = (double) count - expected;

	return deviation * deviation < 9 * 9 * expected;
}

static void
each_place(void)
{
	static long counts[KC_PASSWORD_MAX][KC_PASSWORD_CODES];
	long		draws = 60000;
	kc_password_rules rules = rules_for(KC_PASSWORD_MAX);
	char		out[OUT_LEN];
	bool		anywhere = true;
	bool		places = true;

	for (long i = 0; i < draws && kc_password_generate(&rules, out) == KC_OK; i++)
		for (int place = 0; place < KC_PASSWORD_MAX; place++)
			counts[place][(uint8_t) out[place]]++;
	for (int character = 0; character < KC_PASSWORD_CODES; character++)
	{
		long		sum = 0;

		if (kc_password_class_of((uint8_t) character) == KC_PASSWORD_NONE)
			continue;
		for (int place = 0; place < KC_PASSWORD_MAX; place++)
		{
			sum += counts[place][character];
			places = places && within(counts[place][character], (double) draws / ALL);
		}
		anywhere = anywhere && within(sum, (double) draws * KC_PASSWORD_MAX / ALL);
	}
	ok(anywhere, "of 93 characters each occurs equally often");
	ok(places, "at every place");
}

/* Of a and 0, eight of them: 256 passwords, two of which lack a class. */
static void
each_password(void)
{
	static long counts[256];
	kc_password_rules rules = rules_of_only(8, "a0");
	char		out[OUT_LEN];
	bool		good = true;

	rules.excluded_class[KC_PASSWORD_UPPERCASE] = true;
	rules.excluded_class[KC_PASSWORD_PUNCTUATION] = true;
	rules.require_each = true;
	for (long i = 0; i < 254 * 1000 && kc_password_generate(&rules, out) == KC_OK; i++)
	{
		int			number = 0;

		for (int place = 0; place < 8; place++)
			number = number << 1 | (out[place] == 'a');
		counts[number]++;
	}
	for (int number = 1; number < 255; number++)
		good = good && within(counts[number], 1000);
	ok(good, "of all passwords that have each required class, each occurs equally often");
	ok(counts[0] == 0 && counts[255] == 0, "and the others never");
}

/*
 * Of the passwords of eight lowercase letters and zeros that have both, so many
 * have one zero.  Were it put in where it is missing, it would be 97 of 100.
 */
static void
not_put_in(void)
{
	double		have_one = 8.0 * 8031810176;	/* 26^7 */
	double		have_both = 282429536481.0 - 208827064576.0 - 1;	/* 27^8, without 26^8 and 1 */
	long		draws = 50000;
	long		count = 0;
	kc_password_rules rules = rules_for(8);
	char		out[OUT_LEN];

	exclude(&rules, "123456789");
	rules.excluded_class[KC_PASSWORD_UPPERCASE] = true;
	rules.excluded_class[KC_PASSWORD_PUNCTUATION] = true;
	rules.require_each = true;
	for (long i = 0; i < draws && kc_password_generate(&rules, out) == KC_OK; i++)
		count += strchr(out, '0') == strrchr(out, '0');
	ok(within(count, draws * have_one / have_both), "a rare class is not put in where it is missing");
}

/* ---- a generator that repeats itself ---- */

static uint8_t only_byte;

static int
repeat_byte(unsigned char *out, int len)
{
	memset(out, only_byte, (size_t) len);
	return 1;
}

static int
always_ready(void)
{
	return 1;
}

static const RAND_METHOD repeating = {.bytes = repeat_byte, .pseudorand = repeat_byte, .status = always_ready};

/*
 * Each byte stands for one character or is thrown away, and each character has as
 * many bytes as any other: exactly, not by the law of large numbers.
 */
static bool
is_fair(size_t count)
{
	char		characters[ALL + 1] = "";
	int			bytes[KC_PASSWORD_CODES] = {0};
	int			thrown = 0;
	bool		good = true;
	kc_password_rules rules;
	char		out[OUT_LEN];

	for (int class = 0; class < KC_PASSWORD_CLASSES; class++)
		strcat(characters, classes[class]);
	characters[count] = '\0';
	rules = rules_of_only(8, characters);
	for (int byte = 0; byte < 256; byte++)
	{
		only_byte = (uint8_t) byte;
		if (kc_password_generate(&rules, out) != KC_OK)
			thrown++;
		else
			bytes[(uint8_t) out[0]] += all_bytes(out, 8, (uint8_t) out[0]);
	}
	for (size_t i = 0; i < count; i++)
		good = good && bytes[(uint8_t) characters[i]] == 256 / (int) count;
	return good && thrown == 256 % (int) count;
}

static void
fair(void)
{
	static const size_t counts[] = {1, 2, 3, 10, 26, 52, 62, 64, 65, 86, 93};

	RAND_set_rand_method(&repeating);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		ok(is_fair(counts[i]), "each of %zu characters has equally many bytes that stand for it", counts[i]);
	RAND_set_rand_method(NULL);
}

static void
gives_up(void)
{
	kc_password_rules rules = rules_for(32);

	RAND_set_rand_method(&repeating);
	only_byte = 0xff;
	ok(refused_as(&rules, KC_FAILED), "a generator that gives nothing of use does not keep us for ever");
	only_byte = 0;
	rules.require_each = true;
	ok(refused_as(&rules, KC_FAILED), "nor one that always gives the same character");
	RAND_set_rand_method(NULL);
	ok(all_follow(&rules, 10), "and with another there are passwords again");
}

/*
 * What frames below this one have left, in a row of 32 that a password of eight
 * cannot be.
 */
__attribute__((noinline, no_sanitize("address")))
static bool
left_below(uint8_t byte)
{
	const volatile uint8_t *at = (const volatile uint8_t *) __builtin_frame_address(0);
	int			row = 0;

	for (int i = 0; i < 8192 && row < 32; i++)
		row = *--at == byte ? row + 1 : 0;
	return row == 32;
}

__attribute__((noinline))
static void
leave(uint8_t byte)
{
	volatile uint8_t left[1024];

	for (size_t i = 0; i < sizeof(left); i++)
		left[i] = byte;
}

static void
scratch(void)
{
	kc_password_rules rules = rules_for(8);
	char		out[OUT_LEN];
	bool		seen;
	bool		good;

	leave(0x5b);
	seen = left_below(0x5b);	/* or the search finds nothing at all */
	RAND_set_rand_method(&repeating);
	only_byte = 0x5c;
	good = kc_password_generate(&rules, out) == KC_OK && !left_below(0x5c);
	rules.require_each = true;
	good = good && kc_password_generate(&rules, out) == KC_FAILED && !left_below(0x5c);
	RAND_set_rand_method(NULL);
	ok(seen && good, "no random bytes are left on the stack");
}

static void
faults(void)
{
	kc_password_rules rules = rules_for(32);
	char		out[OUT_LEN];
	bool		good = true;
	int			failed = 0;

	fault_call(0);
	good = refused_as(&rules, KC_FAILED);
	ok(fault_off() && good, "without randomness there is no password, and nothing of one");
	/* Four in five need more than the first random bytes. */
	rules = rules_of_only(8, "aA0!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~");
	rules.require_each = true;
	good = true;
	for (int i = 0; i < 200; i++)
	{
		kc_status	status;

		fault_call(1);
		memset(out, 0xaa, sizeof(out));
		status = kc_password_generate(&rules, out);
		failed += fault_off();
		good = good && (status == KC_OK ? follows(&rules, out) : status == KC_FAILED && all_bytes(out, OUT_LEN, 0));
	}
	ok(good && failed > 0 && queue_empty(), "nor where it fails on the way");
	ok(all_follow(&rules, 10), "and with it there is one again");
}

void
test_password(void)
{
	tap_section("passwords");
	class_of();
	lengths();
	class_switches();
	exclusions();
	required();
	never_twice();
	each_place();
	each_password();
	not_put_in();
	fair();
	gives_up();
	scratch();
	faults();
}
