/*
 * Alternative names, and certificate signing requests as OpenSSL sees them.
 */
#include "certificates.h"
#include "general_name.h"
#include "request.h"
#include "tests.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* ---- names ---- */

static bool
is_kind(const char *name, kc_name_kind kind)
{
	uint8_t    *copy = exactly(name, strlen(name));
	bool		good = kc_name_kind_of(kc_view_of(copy, strlen(name))) == kind;

	if (!good)
		printf("# %s\n", name);
	free(copy);
	return good;
}

static bool
all_are(kc_name_kind kind, const char *const *names)
{
	bool		good = true;

	for (; *names != NULL; names++)
		good = is_kind(*names, kind) && good;
	return good;
}

#define ALL_ARE(kind, ...)	all_are(kind, (const char *const[]) {__VA_ARGS__, NULL})

/* A name of so many bytes: labels of 49 and a dot. */
static char *
long_name(const char *prefix, size_t len)
{
	char	   *name = malloc(len + 1);
	size_t		at = strlen(prefix);

	memcpy(name, prefix, at);
	for (size_t i = at; i < len; i++)
		name[i] = (i - at) % 50 == 49 ? '.' : 'a';
	name[len] = '\0';
	return name;
}

static bool
long_is(const char *prefix, size_t len, kc_name_kind kind)
{
	char	   *name = long_name(prefix, len);
	bool		good = is_kind(name, kind);

	free(name);
	return good;
}

static void
test_names(void)
{
	ok(ALL_ARE(KC_NAME_DNS, "example.com", "localhost", "a", "*.example.com", "*.a", "xn--bcher-kva.example", "A-1.b",
			   "1.2.3.a", "0x1.example", "1e100.net"), "DNS names");
	ok(ALL_ARE(KC_NAME_NONE, "", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a_b", "*", "*.", "*.*.a", "a.*", "a*.b", "b c",
			   "example.com ", "b\xc3\xbc" "cher.example", "a\nb", "1.2.3", "256.1.1.1", "1.2.3.4.5", "01.2.3.4", "1"),
	   "what looks like one and is none");
	ok(ALL_ARE(KC_NAME_IP, "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1", "::ffff:192.0.2.1",
			   "2001:DB8:0:0:0:0:0:1"), "IP addresses");
	ok(ALL_ARE(KC_NAME_NONE, "1.2.3.4/8", "[::1]", "fe80::1%eth0", ":::", "1::2::3", "12345::", "::1/64", "192.0.2.1:80"),
	   "what looks like one and is none");
	ok(ALL_ARE(KC_NAME_EMAIL, "a@b.example", "a.b+c@example.com", "x!#$%&'*+-/=?^_`{|}~y@a"), "e-mail addresses");
	ok(ALL_ARE(KC_NAME_NONE, "@", "a@", "@b", "a@b@c", "a b@c", ".a@b", "a.@b", "a..b@c", "a@b_c", "a@*.b", "a@1.2.3.4", "a@[1.2.3.4]",
			   "\"a\"@b", "\xc3\xbc@a", "Me <a@b>"), "what looks like one and is none");
	ok(ALL_ARE(KC_NAME_URI, "https://example.com/", "https://u@h:1/?q#f", "spiffe://trust/a/b", "a+b-c.1://x", "http://[::1]/",
			   "https://h/%20"), "URIs");
	ok(ALL_ARE(KC_NAME_NONE, "://x", "1a://x", "a_b://x", "https://", "file:///x", "https://?", "https://a b", "https://\xc3\xbc",
			   "https://a\"b", "https://a<b", "https://a\\b", "https://a\nb", "urn:a:b", "a b://c"),
	   "what looks like one and is none");
	ok(kc_name_kind_of(kc_view_of("a\0b", 3)) == KC_NAME_NONE && kc_name_kind_of(kc_view_of("::1\0", 4)) == KC_NAME_NONE &&
	   kc_name_kind_of(kc_view_of("a\0@b", 4)) == KC_NAME_NONE && kc_name_kind_of(kc_view_of("a://b\0", 6)) == KC_NAME_NONE &&
	   kc_name_kind_of(NONE) == KC_NAME_NONE, "no name has a zero byte");
	ok(long_is("", 253, KC_NAME_DNS) && long_is("", 254, KC_NAME_NONE) && long_is("*.", 253, KC_NAME_DNS) &&
	   long_is("*.", 254, KC_NAME_NONE) && long_is("a@", 253, KC_NAME_EMAIL) && long_is("a@", 254, KC_NAME_NONE) &&
	   long_is("https://", 2048, KC_NAME_URI) && long_is("https://", 2049, KC_NAME_NONE), "names are so long and no longer");
	ok(is_kind("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", KC_NAME_DNS) &&
	   is_kind("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", KC_NAME_NONE) &&
	   is_kind("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b", KC_NAME_EMAIL) &&
	   is_kind("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b", KC_NAME_NONE), "and so are their parts");
}

/* The C library's answer is the same. */
static bool
same_address(const char *text)
{
	uint8_t		ours[KC_IP_MAX] = {0};
	uint8_t		theirs[KC_IP_MAX] = {0};
	uint8_t    *copy = exactly(text, strlen(text));
	size_t		len = kc_ip_parse(kc_view_of(copy, strlen(text)), ours);
	bool		good;

	if (strchr(text, ':') != NULL)
		good = (len == 16) == (inet_pton(AF_INET6, text, theirs) == 1) && (len == 16 || len == 0);
	else
		good = (len == 4) == (inet_pton(AF_INET, text, theirs) == 1) && (len == 4 || len == 0);
	good = good && (len == 0 || memcmp(ours, theirs, len) == 0);
	if (!good)
		printf("# %s\n", text);
	free(copy);
	return good;
}

/* Bytes to text, and back; the C library writes some old ones in another way. */
static bool
address_comes_back(const uint8_t *bytes, size_t len)
{
	char		text[KC_IP_TEXT_MAX];
	char		theirs[KC_IP_TEXT_MAX];
	uint8_t		again[KC_IP_MAX];
	size_t		printed = kc_ip_print(kc_view_of(bytes, len), text);

	inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, theirs, sizeof(theirs));
	return printed == strlen(text) && kc_ip_parse(text_view(text), again) == len && memcmp(again, bytes, len) == 0 &&
		(strcmp(text, theirs) == 0 || (len == 16 && all_bytes(bytes, 12, 0)));
}

static void
test_addresses(void)
{
	static const char alphabet[] = "0019af:::..:2g";
	static const char *const samples[] = {
		"::", ":", ":::", "::1", "1::", "1::1", ":1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
		"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4", "::1.2.3.4:1", "1.2.3.4::", "::1.2.3", "::01.2.3.4",
		"1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "12345::", "::12345", "00001::", "0001::", "::g", "1::2::3", "::%1", "::1 ",
		"1.2.3.4", "0.0.0.0", "00.0.0.0", "1.2.3.04", "256.1.1.1", "1.2.3.4.", ".1.2.3.4", "1..2.3", "1.2.3", "1.2.3.4.5",
		"1.2.3.0004", "1.2.3.1000", "-1.2.3.4", "1.2.3.a", "0x1.2.3.4", "::ffff:1.2.3.4", "::ffff:1.2.3.256"
	};
	bool		good = true;
	uint32_t	random = 1;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		good = same_address(samples[i]) && good;
	for (int i = 0; i < 200000 && good; i++)
	{
		char		text[20];
		size_t		len;

		random = random * 1664525 + 1013904223;
		len = 1 + (random >> 16) % (sizeof(text) - 1);
		for (size_t at = 0; at < len; at++)
		{
			random = random * 1664525 + 1013904223;
			text[at] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		text[len] = '\0';
		good = same_address(text);
	}
	ok(good, "addresses are what the C library takes for one");
	good = true;
	for (int i = 0; i < 100000 && good; i++)
	{
		uint8_t		bytes[KC_IP_MAX];

		for (size_t at = 0; at < sizeof(bytes); at++)
		{
			random = random * 1664525 + 1013904223;
			bytes[at] = (random >> 30) == 0 || (i & 1 << at / 2) != 0 ? 0 : (uint8_t) (random >> 16);
		}
		if (i % 16 == 0)
			memcpy(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		good = address_comes_back(bytes, 16) && address_comes_back(bytes, 4);
	}
	ok(good, "and are printed as it prints them");
}

/* ---- requests ---- */

static char pem[KC_REQUEST_PEM_MAX];

static kc_status
make(kc_pair *pair, const char *subject, const char *const *names, size_t count, size_t room)
{
	kc_view		views[KC_NAMES_MAX + 1];
	uint8_t		der[KC_SUBJECT_DER_MAX];
	size_t		der_len = sizeof(der);
	size_t		len = room;
	kc_status	status;

	if (kc_subject_parse(text_view(subject), der, &der_len) != KC_OK)
		abort();
	for (size_t i = 0; i < count; i++)
		views[i] = text_view(names[i]);
	memset(pem, 0xaa, sizeof(pem));
	status = kc_request_make(pair, kc_view_of(der, der_len), views, count, pem, &len);
	if (!queue_empty() || (status == KC_OK ? len != strlen(pem) : len != 0) || !all_bytes(pem + len, room - len, 0))
		abort();
	return status;
}

static X509_REQ *
theirs(void)
{
	BIO		   *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ   *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return request;
}

/* As OpenSSL writes it, too. */
static bool
is_standard(X509_REQ *request)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *text;
	long		len;
	bool		good = PEM_write_bio_X509_REQ(bio, request) == 1;

	len = BIO_get_mem_data(bio, &text);
	good = good && (size_t) len == strlen(pem) && memcmp(text, pem, (size_t) len) == 0;
	BIO_free(bio);
	return good;
}

static bool
is_signed(X509_REQ *request, const made *m)
{
	EVP_PKEY   *key = X509_REQ_get0_pubkey(request);
	ASN1_OCTET_STRING *identity = ASN1_OCTET_STRING_new();
	uint8_t    *spki = NULL;
	int			len = i2d_PUBKEY(key, &spki);
	bool		good = (size_t) len == m->public_len && memcmp(spki, m->public_der, m->public_len) == 0;

	OPENSSL_free(spki);
	ASN1_OCTET_STRING_set(identity, (const uint8_t *) "1234567812345678", 16);
	if (m->kind == KC_PAIR_EC_SM2)
		X509_REQ_set0_distinguishing_id(request, identity);
	else
		ASN1_OCTET_STRING_free(identity);
	return good && X509_REQ_verify(request, key) == 1;
}

static int
algorithm_of(int kind)
{
	return PAIR_IS_RSA(kind) ? NID_sha256WithRSAEncryption : kind == KC_PAIR_EC_P256 ? NID_ecdsa_with_SHA256 :
		kind == KC_PAIR_EC_P384 ? NID_ecdsa_with_SHA384 : NID_SM2_with_SM3;
}

static void
test_kind(int kind)
{
	static const char *const names[] = {"www.example.com"};
	const made *m = made_of(kind);
	kc_pair    *pair = made_pair(m);
	X509_REQ   *request = NULL;
	char		subject[256] = "";
	bool		good = make(pair, "CN=a\\,b+OU=c,O=\xc3\xbc,C=CN", names, 1, sizeof(pem)) == KC_OK;

	request = good ? theirs() : NULL;
	if (request != NULL)
	{
		uint8_t    *der = NULL;
		int			len = i2d_X509_NAME(X509_REQ_get_subject_name(request), &der);
		size_t		room = sizeof(subject);

		good = kc_subject_print(kc_view_of(der, (size_t) len), subject, &room) == KC_OK;
		OPENSSL_free(der);
	}
	ok(good && request != NULL && is_standard(request) && is_signed(request, m) &&
	   X509_REQ_get_signature_nid(request) == algorithm_of(kind) && X509_REQ_get_version(request) == X509_REQ_VERSION_1 &&
	   strcmp(subject, "CN=a\\,b+OU=c,O=\xc3\xbc,C=CN") == 0,
	   "%s: a request is one to OpenSSL, of this key and subject, and verifies", pair_name(kind));
	X509_REQ_free(request);
	kc_pair_free(pair);
}

static void
test_request_names(void)
{
	static const char *const names[] = {
		"example.com", "*.example.com", "a@example.com", "https://example.com/x", "192.0.2.1", "2001:db8::1",
		"g", "h", "i", "j", "k"
	};
	static const char expected[] = "DNS:example.com, DNS:*.example.com, email:a@example.com, URI:https://example.com/x, "
		"IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, DNS:g, DNS:h, DNS:i, DNS:j";
	kc_pair    *pair = made_pair(made_of(KC_PAIR_EC_P256));
	X509_REQ   *request;
	STACK_OF(X509_EXTENSION) *extensions;
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *text = NULL;
	long		len = 0;
	bool		good = make(pair, "CN=a", names, 10, sizeof(pem)) == KC_OK;

	request = theirs();
	extensions = X509_REQ_get_extensions(request);
	if (sk_X509_EXTENSION_num(extensions) == 1)
	{
		X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, 0);

		good = good && !X509_EXTENSION_get_critical(extension) && X509V3_EXT_print(bio, extension, 0, 0) == 1;
		len = BIO_get_mem_data(bio, &text);
	}
	ok(good && is_standard(request) && (size_t) len == strlen(expected) && memcmp(text, expected, (size_t) len) == 0,
	   "ten names are asked for, each as what it is");
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
	BIO_free(bio);

	good = make(pair, "CN=a", names, 0, sizeof(pem)) == KC_OK;
	request = theirs();
	extensions = X509_REQ_get_extensions(request);
	ok(good && is_standard(request) && is_signed(request, made_of(KC_PAIR_EC_P256)) &&
	   sk_X509_EXTENSION_num(extensions) <= 0, "no names are no extension");
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);

	ok(make(pair, "CN=a", names, 11, sizeof(pem)) == KC_BAD_INPUT, "eleven names are refused");
	ok(make(pair, "CN=a", (const char *const[]) {"a", "b c"}, 2, sizeof(pem)) == KC_BAD_INPUT &&
	   make(pair, "CN=a", (const char *const[]) {""}, 1, sizeof(pem)) == KC_BAD_INPUT, "and one that is none");
	kc_pair_free(pair);
}

static void
test_longest(void)
{
	kc_pair    *pair = made_pair(made_of(KC_PAIR_RSA_4096));
	char	   *uri = long_name("https://", 2048);
	const char *names[KC_NAMES_MAX];
	char	   *subject = malloc(KC_SUBJECT_TEXT_MAX + 1);
	X509_REQ   *request;
	bool		good;

	memset(subject, 'a', KC_SUBJECT_TEXT_MAX);
	memcpy(subject, "1.2=", 4);
	subject[KC_SUBJECT_TEXT_MAX] = '\0';
	for (int i = 0; i < KC_NAMES_MAX; i++)
		names[i] = uri;
	good = make(pair, subject, names, KC_NAMES_MAX, sizeof(pem)) == KC_OK;
	request = theirs();
	ok(good && is_standard(request) && is_signed(request, made_of(KC_PAIR_RSA_4096)), "the longest request fits");
	X509_REQ_free(request);
	free(uri);
	free(subject);
	kc_pair_free(pair);
}

static void
test_request_refusals(void)
{
	kc_pair    *pair = made_pair(made_of(KC_PAIR_EC_P256));
	uint8_t		name[] = {0x30, 0x00};
	size_t		len = sizeof(pem);
	bool		good = true;

	for (int kind = PAIR_FIRST; kind <= PAIR_LAST; kind++)
	{
		bool		fits = PAIR_IS_RSA(kind) || kind == KC_PAIR_EC_P256 || kind == KC_PAIR_EC_P384 || kind == KC_PAIR_EC_SM2;
		const made *m = made_of(kind);
		kc_pair    *other;

		good = good && kc_request_fits(kind) == fits;
		if (fits || m == NULL)
			continue;
		other = made_pair(m);
		good = good && make(other, "CN=a", NULL, 0, sizeof(pem)) == KC_BAD_INPUT;
		kc_pair_free(other);
	}
	ok(good && !kc_request_fits(0) && !kc_request_fits(PAIR_LAST + 1), "other kinds of pairs make no request");
	memset(pem, 0xaa, sizeof(pem));
	ok(kc_request_make(pair, NONE, NULL, 0, pem, &len) == KC_BAD_INPUT && len == 0 && all_bytes(pem, sizeof(pem), 0) &&
	   kc_request_make(pair, kc_view_of(name, 2), NULL, 0, pem, &len) == KC_BAD_INPUT, "a subject is not empty");
	make(pair, "CN=a", NULL, 0, sizeof(pem));
	len = strlen(pem);
	ok(make(pair, "CN=a", NULL, 0, 100) == KC_BAD_INPUT && make(pair, "CN=a", NULL, 0, len) == KC_BAD_INPUT &&
	   make(pair, "CN=a", NULL, 0, 0) == KC_BAD_INPUT && (uint8_t) pem[0] == 0xaa, "too little room is refused");
	kc_pair_free(pair);
}

static void
test_public_half(void)
{
	static const int kinds[] = {KC_PAIR_RSA_2048, KC_PAIR_EC_P256, KC_PAIR_EC_SM2};
	bool		good = true;

	for (size_t i = 0; i < 3; i++)
	{
		kc_pair    *pair = made_public(made_of(kinds[i]));

		good = good && make(pair, "CN=a", NULL, 0, sizeof(pem)) == KC_FAILED;
		kc_pair_free(pair);
	}
	ok(good, "a public key alone makes no request");
}

void
test_request(void)
{
	tap_section("certificate signing requests");
	test_names();
	test_addresses();
	for (int kind = PAIR_FIRST; kind <= PAIR_LAST; kind++)
		if (kc_request_fits(kind))
			test_kind(kind);
	test_request_names();
	test_longest();
	test_request_refusals();
	test_public_half();
}
