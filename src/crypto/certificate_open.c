/*
 * Taking a certificate apart.
 *
 * Its public key is looked at before OpenSSL sees it: parameters of curves that
 * somebody made up, and numbers of a million bits, are nothing to calculate with.
 */
#include "certificate_open.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "pair_kind.h"

#define VERSION_TAG			0xa0
#define UTC_TIME			0x17
#define GENERALIZED_TIME	0x18
#define VERSION_3			2	/* they count from 0 */

/* ---- dates ---- */

/* Two digits; -1 if they are none. */
static int
two_digits(const uint8_t *text)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	return (text[0] - '0') * 10 + text[1] - '0';
}

static int
days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Since 1970, of a day in the Gregorian calendar: March is the first month of a year. */
static int64_t
days_since_1970(int year, int month, int day)
{
	int64_t		y = month <= 2 ? year - 1 : year;
	int64_t		m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* MMDDHHMMSSZ */
static bool
seconds_of(int year, const uint8_t *rest, int64_t *seconds)
{
	int			month = two_digits(rest);
	int			day = two_digits(rest + 2);
	int			hour = two_digits(rest + 4);
	int			minute = two_digits(rest + 6);
	int			second = two_digits(rest + 8);

	if (year < 1950 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 59 || rest[10] != 'Z')
		return false;
	*seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}

/* Either form of RFC 5280 (4.1.2.5); false if it is no date. */
static bool
take_date(kc_view *rest, int64_t *seconds)
{
	kc_view		text;
	int			year;
	int			century;

	if (kc_der_take(rest, UTC_TIME, &text))
	{
		if (text.len != 13)
			return false;
		year = two_digits(text.data);
		return year >= 0 && seconds_of(year < 50 ? 2000 + year : 1900 + year, text.data + 2, seconds);
	}
	if (!kc_der_take(rest, GENERALIZED_TIME, &text) || text.len != 15)
		return false;
	century = two_digits(text.data);
	year = two_digits(text.data + 2);
	return century >= 0 && year >= 0 && seconds_of(100 * century + year, text.data + 4, seconds);
}

/* ---- parts ---- */

bool
kc_certificate_take_apart(kc_view der, kc_certificate_parts *parts)
{
	kc_view		whole;
	kc_view		body;
	kc_view		validity;
	kc_view		skipped;

	memset(parts, 0, sizeof(*parts));
	if (!kc_der_take(&der, KC_DER_SEQUENCE, &whole) || der.len > 0 ||
		!kc_der_take(&whole, KC_DER_SEQUENCE, &body) ||
		!kc_der_take(&whole, KC_DER_SEQUENCE, &skipped) || !kc_der_take(&whole, KC_DER_BIT_STRING, &skipped) ||
		whole.len > 0)
		return false;
	kc_der_take(&body, VERSION_TAG, &skipped);
	if (!kc_der_take(&body, KC_DER_INTEGER, &parts->serial) || parts->serial.len == 0 ||
		!kc_der_take(&body, KC_DER_SEQUENCE, &skipped) ||
		!kc_der_take_whole(&body, KC_DER_SEQUENCE, &parts->issuer) ||
		!kc_der_take(&body, KC_DER_SEQUENCE, &validity) ||
		!kc_der_take_whole(&body, KC_DER_SEQUENCE, &parts->subject) ||
		!kc_der_take_whole(&body, KC_DER_SEQUENCE, &parts->public_der))
		return false;
	parts->has_dates = take_date(&validity, &parts->not_before) && take_date(&validity, &parts->not_after) &&
		validity.len == 0;
	return true;
}

/* ---- keys ---- */

#define RSA_LEN_MIN		(2048 / 8)
#define RSA_LEN_MAX		(8192 / 8)
#define EXPONENT_LEN	8

static size_t
bits_of(const uint8_t *number, size_t len)
{
	size_t		bits = 8 * len;

	for (size_t i = 0; i < len; i++, bits -= 8)
		for (int bit = 7; bit >= 0; bit--)
			if ((number[i] >> bit & 1) != 0)
				return bits - (size_t) (7 - bit);
	return 0;
}

/* Whether these are the bits of an RSA key that we take, and how many its modulus has. */
static bool
is_rsa(kc_view bits, size_t *modulus_bits)
{
	uint8_t		n[RSA_LEN_MAX];
	uint8_t		e[EXPONENT_LEN];
	kc_view		key;

	if (!kc_der_take(&bits, KC_DER_SEQUENCE, &key) || bits.len > 0 ||
		!kc_der_take_unsigned(&key, n, sizeof(n)) || !kc_der_take_unsigned(&key, e, sizeof(e)) || key.len > 0)
		return false;
	*modulus_bits = bits_of(n, sizeof(n));
	return *modulus_bits >= 8 * RSA_LEN_MIN && (n[RSA_LEN_MAX - 1] & 1) != 0 &&
		(e[EXPONENT_LEN - 1] & 1) != 0 && bits_of(e, EXPONENT_LEN) > 1;
}

static int
rsa_kind(kc_view bits)
{
	size_t		modulus_bits;

	if (!is_rsa(bits, &modulus_bits))
		return -1;
	for (int kind = KC_PAIR_RSA_2048; kind <= KC_PAIR_RSA_4096; kind++)
		if (8 * kc_pair_find(kind)->len == modulus_bits)
			return kind;
	return 0;
}

int
kc_public_kind(kc_view public_der)
{
	kc_view		bits;

	for (int kind = KC_PAIR_RSA_2048; kind <= KC_PAIR_ML_DSA_87; kind++)
		if (kc_take_public_key_info(public_der, kc_pair_find(kind)->algorithm, &bits))
			return kind <= KC_PAIR_RSA_4096 ? rsa_kind(bits) : kind;
	return -1;
}

/* Of a kind that we take, and a key of it. */
static kc_status
check_key(kc_view public_der)
{
	int			kind = kc_public_kind(public_der);
	kc_pair    *pair;
	kc_status	status;

	if (kind <= 0)
		return kind == 0 ? KC_OK : KC_BAD_INPUT;
	status = kc_pair_open_public(kind, public_der, &pair);
	kc_pair_free(pair);
	return status == KC_UNSUPPORTED ? KC_BAD_INPUT : status;
}

/* ---- OpenSSL's certificate ---- */

kc_status
kc_certificate_blame(kc_certificate_problem *problem, kc_certificate_problem value)
{
	if (kc_memory_was_out())
		return KC_FAILED;
	*problem = value;
	return KC_BAD_INPUT;
}

static bool
read_x509(kc_certificate *certificate)
{
	const uint8_t *at = certificate->der.data;

	certificate->x509 = d2i_X509(NULL, &at, (long) certificate->der.len);
	return certificate->x509 != NULL && at == certificate->der.data + certificate->der.len;
}

/* Lengths that are longer than they need be would make another certificate of it. */
static bool
is_written_so(const kc_certificate *certificate)
{
	uint8_t    *der = NULL;
	int			len = i2d_X509(certificate->x509, &der);
	bool		same = len > 0 && (size_t) len == certificate->der.len &&
		memcmp(der, certificate->der.data, certificate->der.len) == 0;

	OPENSSL_free(der);
	return same;
}

static kc_status
check_extensions(kc_certificate *certificate, kc_certificate_problem *problem)
{
	X509	   *x509 = certificate->x509;

	certificate->flags = X509_get_extension_flags(x509);
	if ((certificate->flags & (EXFLAG_INVALID | EXFLAG_PROXY)) != 0 ||
		(X509_get_version(x509) != VERSION_3 && X509_get_ext_count(x509) > 0))
		return kc_certificate_blame(problem, KC_CERTIFICATE_MALFORMED);
	if ((certificate->flags & EXFLAG_CRITICAL) != 0)
		return kc_certificate_blame(problem, KC_CERTIFICATE_UNKNOWN_EXTENSION);
	return KC_OK;
}

kc_status
kc_certificate_open(kc_view der, kc_certificate *certificate, kc_certificate_problem *problem)
{
	kc_status	status;

	*problem = KC_CERTIFICATE_FINE;
	memset(certificate, 0, sizeof(*certificate));
	certificate->der = der;
	if (der.len > KC_CERTIFICATE_DER_MAX || !kc_certificate_take_apart(der, &certificate->parts))
		return kc_certificate_blame(problem, KC_CERTIFICATE_MALFORMED);
	status = check_key(certificate->parts.public_der);
	if (status != KC_OK)
		return status == KC_BAD_INPUT ? kc_certificate_blame(problem, KC_CERTIFICATE_BAD_KEY) : status;
	if (!read_x509(certificate) || !is_written_so(certificate))
		return kc_certificate_blame(problem, KC_CERTIFICATE_MALFORMED);
	certificate->key = X509_get0_pubkey(certificate->x509);
	if (certificate->key == NULL)
		return kc_certificate_blame(problem, KC_CERTIFICATE_BAD_KEY);
	status = check_extensions(certificate, problem);
	if (status == KC_OK && !certificate->parts.has_dates)
		return kc_certificate_blame(problem, KC_CERTIFICATE_BAD_DATE);
	return status;
}

void
kc_certificate_close(kc_certificate *certificate)
{
	X509_free(certificate->x509);
	memset(certificate, 0, sizeof(*certificate));
}
