/*
 * Certificates: reading them, checking an upload, describing one.
 */
#include "certificates.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static EVP_PKEY *keys[PAIR_LAST + 1];
static EVP_PKEY *other_key;		/* of P-256 */
static EVP_PKEY *third_key;

static EVP_PKEY *
p256(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

/* ---- reading ---- */

static uint8_t der[KC_CERTIFICATE_DER_MAX];
static size_t der_len;
static kc_certificate_finding finding;

static bool
reads_bytes(kc_view pem, kc_certificate_problem expected)
{
	uint8_t    *copy = exactly(pem.data, pem.len);
	kc_status	status;

	memset(der, 0xaa, sizeof(der));
	der_len = sizeof(der);
	status = kc_certificate_read(kc_view_of(copy, pem.len), der, &der_len, &finding);
	free(copy);
	return status == (expected == KC_CERTIFICATE_FINE ? KC_OK : KC_BAD_INPUT) && finding.problem == expected &&
		finding.at == 0 && (der_len > 0) == (status == KC_OK) && queue_empty() &&
		all_bytes(der + der_len, sizeof(der) - der_len, 0);
}

static bool
reads(const char *pem, kc_certificate_problem expected)
{
	return reads_bytes(text_view(pem), expected);
}

static bool
reads_der(kc_view bytes, kc_certificate_problem expected)
{
	char	   *pem = pem_of("CERTIFICATE", bytes);
	bool		good = reads(pem, expected);

	free(pem);
	return good;
}

static bool
reads_joined(kc_certificate_problem expected, const char *a, const char *b, const char *c)
{
	char	   *pem = joined(a, b, c, NULL);
	bool		good = reads(pem, expected);

	free(pem);
	return good;
}

/* Every occurrence of a character in the leaf becomes something else. */
static bool
reads_with(const char *from, const char *to, kc_certificate_problem expected)
{
	char	   *pem = joined(stored_leaf, NULL);
	const char *at = strstr(pem, from);
	char	   *changed;
	bool		good;

	if (at == NULL)
		abort();
	pem[at - pem] = '\0';
	changed = joined(pem, to, at + strlen(from), NULL);
	good = reads(changed, expected);
	free(changed);
	free(pem);
	return good;
}

/* The same lines with another end. */
static char *
with_line_ends(const char *text, const char *end)
{
	char	   *all = joined("", NULL);

	while (*text != '\0')
	{
		size_t		len = strcspn(text, "\n");
		char	   *line = joined(text, NULL);
		char	   *more;

		line[len] = '\0';
		more = joined(all, line, end, NULL);
		free(line);
		free(all);
		all = more;
		text += len + 1;
	}
	return all;
}

static void
test_white_space(void)
{
	char	   *text = with_line_ends(stored_leaf, "\r\n");

	ok(reads(text, KC_CERTIFICATE_FINE), "lines may end as on Windows");
	free(text);
	text = with_line_ends(stored_leaf, " \t\n");
	ok(reads(text, KC_CERTIFICATE_FINE), "and have blanks at their end");
	free(text);
	text = with_line_ends(stored_leaf, "");
	ok(reads(text, KC_CERTIFICATE_BAD_PEM), "but they end");
	free(text);
	ok(reads_joined(KC_CERTIFICATE_FINE, " \n\t\r\n", stored_leaf, "\n \n\t "), "white space may stand around");
}

static void
test_cut(void)
{
	size_t		len = strlen(stored_leaf) - 1;
	bool		good = true;

	ok(reads_bytes(kc_view_of(stored_leaf, len), KC_CERTIFICATE_FINE), "the last line need not end");
	while (len-- > 0)
		good = good && reads_bytes(kc_view_of(stored_leaf, len), KC_CERTIFICATE_BAD_PEM);
	ok(good, "cut off anywhere else it is refused");
}

static void
test_base64(void)
{
	/* The first line, of which "MIICTjCC" is the beginning. */
	ok(reads_with("MIICTj", "MII-Tj", KC_CERTIFICATE_BAD_PEM) && reads_with("MIICTj", "MII_Tj", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("MIICTj", "MIIC.j", KC_CERTIFICATE_BAD_PEM) && reads_with("MIICTj", "MIIC\x80j", KC_CERTIFICATE_BAD_PEM),
	   "other alphabets are refused");
	ok(reads_with("R/7kx\n", "R/7kx====\n", KC_CERTIFICATE_BAD_PEM) && reads_with("R/7kx\n", "R/7kx=\n", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("R/7kx\n", "R/7k\n", KC_CERTIFICATE_BAD_PEM) && reads_with("R/7kx\n", "R/7k=\n", KC_CERTIFICATE_MALFORMED),
	   "and padding that is wrong");
	ok(reads("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_MALFORMED) &&
	   reads("-----BEGIN CERTIFICATE-----\nMB==\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_BAD_PEM) &&
	   reads("-----BEGIN CERTIFICATE-----\nMAB=\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_BAD_PEM) &&
	   reads("-----BEGIN CERTIFICATE-----\nMA==MA==\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_BAD_PEM) &&
	   reads("-----BEGIN CERTIFICATE-----\nM===\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_BAD_PEM) &&
	   reads("-----BEGIN CERTIFICATE-----\nM=A=\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_BAD_PEM) &&
	   reads("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", KC_CERTIFICATE_BAD_PEM),
	   "and bits left over, and nothing at all");
}

static void
test_pem(void)
{
	uint8_t		leaf[2048];
	size_t		leaf_len;
	char	   *long_text = calloc(1, KC_PEM_MAX + 2);

	ok(reads(stored_leaf, KC_CERTIFICATE_FINE), "a certificate in PEM is read");
	leaf_len = der_len;
	memcpy(leaf, der, leaf_len);
	ok(reads_der(kc_view_of(leaf, leaf_len), KC_CERTIFICATE_FINE) && der_len == leaf_len &&
	   memcmp(der, leaf, leaf_len) == 0, "and again, as OpenSSL writes it");
	test_white_space();
	test_cut();
	test_base64();
	ok(reads_bytes(kc_view_of(leaf, leaf_len), KC_CERTIFICATE_BAD_PEM), "DER is refused");
	ok(reads_joined(KC_CERTIFICATE_BAD_PEM, stored_leaf, stored_root, ""), "two certificates are refused");
	ok(reads_joined(KC_CERTIFICATE_BAD_PEM, "subject=CN\n", stored_leaf, "") &&
	   reads_joined(KC_CERTIFICATE_BAD_PEM, "\xef\xbb\xbf", stored_leaf, ""), "and text before it");
	ok(reads_joined(KC_CERTIFICATE_BAD_PEM, stored_leaf, "x", "") &&
	   reads_joined(KC_CERTIFICATE_BAD_PEM, stored_leaf, "-----BEGIN CERTIFICATE-----\n", ""), "and text behind it");
	ok(reads_bytes(kc_view_of("\0", 1), KC_CERTIFICATE_BAD_PEM) && reads("", KC_CERTIFICATE_BAD_PEM) &&
	   reads_bytes(NONE, KC_CERTIFICATE_BAD_PEM) && reads(" \n", KC_CERTIFICATE_BAD_PEM), "and none");
	ok(reads_with("MIICTj", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIICTj", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("MIICTj", "Comment: x\n\nMIICTj", KC_CERTIFICATE_BAD_PEM), "and headers");
	ok(reads_with("BEGIN CERTIFICATE", "BEGIN X509 CERTIFICATE", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("BEGIN CERTIFICATE", "BEGIN TRUSTED CERTIFICATE", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("BEGIN CERTIFICATE", "BEGIN CERTIFICATE REQUEST", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("BEGIN CERTIFICATE", "BEGIN certificate", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("END CERTIFICATE", "END X509 CERTIFICATE", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("-----BEGIN", "----BEGIN", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("-----END", "-----\n-----END", KC_CERTIFICATE_BAD_PEM), "and other labels");
	ok(reads_with("E-----\nMIICTj", "E-----MIICTj", KC_CERTIFICATE_BAD_PEM) &&
	   reads_with("R/7kx\n-----END", "R/7kx-----END", KC_CERTIFICATE_BAD_PEM), "and lines run together");
	memset(long_text, '\n', KC_PEM_MAX + 1);
	memcpy(long_text, stored_leaf, strlen(stored_leaf));
	ok(reads(long_text, KC_CERTIFICATE_TOO_LONG) && reads(long_text + strlen(stored_leaf), KC_CERTIFICATE_BAD_PEM),
	   "and more than 64 KB");
	long_text[KC_PEM_MAX] = '\0';
	ok(reads(long_text, KC_CERTIFICATE_FINE), "but not 64 KB");
	der_len = leaf_len - 1;
	memset(der, 0xaa, sizeof(der));
	ok(kc_certificate_read(text_view(stored_leaf), der, &der_len, &finding) == KC_BAD_INPUT && der_len == 0 &&
	   all_bytes(der, leaf_len - 1, 0) && der[leaf_len - 1] == 0xaa, "what does not fit is refused and wiped");
	free(long_text);
}

/* As OpenSSL writes it, in exactly the room that KC_PEM_LEN says and in no less. */
static void
test_pem_write(void)
{
	uint8_t		bytes[200];
	bool		good = true;
	size_t		len;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) (i * 7);
	for (size_t n = 1; n <= sizeof(bytes) && good; n++)
	{
		char	   *expected = pem_of("SOME LABEL", kc_view_of(bytes, n));
		size_t		room = KC_PEM_LEN(n);
		char	   *text = malloc(room);
		kc_view		rest;
		uint8_t		again[200];
		size_t		again_len = sizeof(again);

		len = room;
		good = kc_pem_write("SOME LABEL", kc_view_of(bytes, n), text, &len) == KC_OK && len == strlen(expected) &&
			strcmp(text, expected) == 0 && all_bytes(text + len, room - len, 0);
		rest = kc_view_of(text, len);
		good = good && kc_pem_take(&rest, "SOME LABEL", again, &again_len) == KC_OK && rest.len == 0 &&
			again_len == n && memcmp(again, bytes, n) == 0;
		len = room - 1;
		good = good && kc_pem_write("SOME LABEL", kc_view_of(bytes, n), text, &len) == KC_BAD_INPUT && len == 0 &&
			all_bytes(text, room - 1, 0);
		free(text);
		free(expected);
	}
	ok(good, "PEM is written as OpenSSL does, and read again");
	len = 0;
	ok(kc_pem_write("X", NONE, NULL, &len) == KC_BAD_INPUT, "of no bytes there is none");
}

/* ---- what is in one ---- */

static issued
leaf_of(EVP_PKEY *key)
{
	return issue(&(blueprint) {"leaf", NULL, key, {LEAF_EXTENSIONS}, NULL, NULL, NULL, false, false, false});
}

static bool
blueprint_reads(const blueprint *b, kc_certificate_problem expected)
{
	issued		made = issue(b);
	bool		good = reads_der(made.der, expected);

	issued_free(&made);
	return good;
}

static bool
key_reads(EVP_PKEY *key, kc_certificate_problem expected)
{
	bool		good = blueprint_reads(&(blueprint) {.subject = "leaf", .key = key}, expected);

	EVP_PKEY_free(key);
	return good;
}

/* Of P-256, spelled out. */
static EVP_PKEY *
explicit_parameters(void)
{
	EVP_PKEY   *key = p256();

	if (EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit") != 1)
		abort();
	return key;
}

static EVP_PKEY *
compressed_point(void)
{
	EVP_PKEY   *key = p256();

	if (EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed") != 1)
		abort();
	return key;
}

static EVP_PKEY *
rsa_pss(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY   *key = NULL;

	if (EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) != 1 ||
		EVP_PKEY_generate(ctx, &key) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* RSA numbers of any length; what they sign is of no interest. */
static bool
rsa_length_reads(int bits, bool even, kc_certificate_problem expected)
{
	issued		made = leaf_of(keys[KC_PAIR_RSA_2048]);
	BIGNUM	   *n = BN_new();
	uint8_t		number[1200];
	uint8_t		spki[1400];
	kc_der_writer writer = kc_der_writer_on(spki, sizeof(spki));
	static const uint8_t algorithm[] = {
		0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
	};
	const uint8_t *at;
	EVP_PKEY   *key;
	size_t		len;
	bool		good;

	BN_set_bit(n, bits - 1);
	if (!even)
		BN_set_bit(n, 0);
	BN_bn2binpad(n, number, sizeof(number));
	kc_der_put_unsigned(&writer, kc_view_of("\1\0\1", 3));
	kc_der_put_unsigned(&writer, kc_view_of(number, sizeof(number)));
	kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
	kc_der_put(&writer, kc_view_of("", 1));
	kc_der_put_header(&writer, KC_DER_BIT_STRING, kc_der_written(&writer));
	kc_der_put(&writer, kc_view_of(algorithm, sizeof(algorithm)));
	kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
	if (!kc_der_finish(&writer, &len))
		abort();
	at = spki;
	key = d2i_PUBKEY(NULL, &at, (long) len);
	X509_set_pubkey(made.x509, key);
	{
		uint8_t    *bytes = NULL;
		int			total = i2d_X509(made.x509, &bytes);

		good = reads_der(kc_view_of(bytes, (size_t) total), expected);
		OPENSSL_free(bytes);
	}
	EVP_PKEY_free(key);
	BN_free(n);
	issued_free(&made);
	return good;
}

static void
test_keys(void)
{
	bool		good = true;

	for (int kind = PAIR_FIRST; kind <= KC_PAIR_ED25519; kind++)
	{
		EVP_PKEY_up_ref(keys[kind]);
		good = good && key_reads(keys[kind], KC_CERTIFICATE_FINE);
	}
	ok(good, "certificates of all kinds of keys are read");
	ok(rsa_length_reads(2048, false, KC_CERTIFICATE_FINE) && rsa_length_reads(2049, false, KC_CERTIFICATE_FINE) &&
	   rsa_length_reads(8191, false, KC_CERTIFICATE_FINE) && rsa_length_reads(8192, false, KC_CERTIFICATE_FINE),
	   "RSA may have 2048 to 8192 bits");
	ok(rsa_length_reads(1024, false, KC_CERTIFICATE_BAD_KEY) && rsa_length_reads(2047, false, KC_CERTIFICATE_BAD_KEY) &&
	   rsa_length_reads(8193, false, KC_CERTIFICATE_BAD_KEY) && rsa_length_reads(9000, false, KC_CERTIFICATE_BAD_KEY),
	   "but neither fewer nor more");
	ok(rsa_length_reads(2048, true, KC_CERTIFICATE_BAD_KEY), "nor an even modulus");
	ok(key_reads(explicit_parameters(), KC_CERTIFICATE_BAD_KEY), "curves have names");
	ok(key_reads(compressed_point(), KC_CERTIFICATE_BAD_KEY), "points are written out");
	ok(key_reads(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"), KC_CERTIFICATE_BAD_KEY) &&
	   key_reads(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "brainpoolP256r1"), KC_CERTIFICATE_BAD_KEY) &&
	   key_reads(rsa_pss(), KC_CERTIFICATE_BAD_KEY), "other kinds of keys are refused");
}

static bool
extension_reads(const char *name, const char *value, kc_certificate_problem expected)
{
	return blueprint_reads(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256], .extensions = {{name, value}}},
						   expected);
}

static void
test_extensions(void)
{
	issued		odd;

	ok(extension_reads("1.2.3.4", "critical,DER:0500", KC_CERTIFICATE_UNKNOWN_EXTENSION),
	   "a critical extension that is unknown is refused");
	ok(extension_reads("1.2.3.4", "DER:0500", KC_CERTIFICATE_FINE), "one that is not critical is not");
	ok(extension_reads("basicConstraints", "critical,CA:FALSE", KC_CERTIFICATE_FINE) &&
	   extension_reads("keyUsage", "critical,digitalSignature", KC_CERTIFICATE_FINE) &&
	   extension_reads("extendedKeyUsage", "critical,serverAuth", KC_CERTIFICATE_FINE) &&
	   extension_reads("subjectAltName", "critical,DNS:x", KC_CERTIFICATE_FINE), "those that are known may be critical");
	ok(extension_reads("basicConstraints", "critical,DER:0500", KC_CERTIFICATE_MALFORMED) &&
	   extension_reads("subjectAltName", "DER:0500", KC_CERTIFICATE_MALFORMED) &&
	   extension_reads("keyUsage", "DER:0500", KC_CERTIFICATE_MALFORMED), "one that is malformed is refused");
	ok(blueprint_reads(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256],
					   .extensions = {{"basicConstraints", "CA:FALSE"}, {"basicConstraints", "critical,CA:TRUE"}}},
					   KC_CERTIFICATE_MALFORMED), "and one that stands there twice");
	ok(extension_reads("proxyCertInfo", "critical,DER:300f020101300a06082b06010505071500", KC_CERTIFICATE_MALFORMED),
	   "and certificates of proxies");
	ok(blueprint_reads(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256], .version_1 = true},
					   KC_CERTIFICATE_FINE), "version 1 is read");
	odd = issue(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256], .version_1 = true,
				.extensions = {{"basicConstraints", "CA:FALSE"}}});
	/* Later versions of OpenSSL do not make it. */
	ok(X509_get_version(odd.x509) != X509_VERSION_1 || reads_der(odd.der, KC_CERTIFICATE_MALFORMED),
	   "but it has no extensions");
	issued_free(&odd);
}

static bool
date_is(const char *text, int64_t expected)
{
	issued		made = issue(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256], .not_before = text});
	kc_certificate_info *info = malloc(sizeof(*info));
	bool		good = kc_certificate_describe(made.der, info) == KC_OK && info->not_before == expected;

	free(info);
	issued_free(&made);
	return good;
}

/* Later versions of OpenSSL do not even read some of them. */
static bool
date_is_refused(const char *before, const char *after)
{
	issued		made = issue(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256], .not_before = before,
							 .not_after = after});
	bool		good = reads_der(made.der, KC_CERTIFICATE_BAD_DATE) ||
		(OpenSSL_version_num() >= 0x30200000 && reads_der(made.der, KC_CERTIFICATE_MALFORMED));

	issued_free(&made);
	return good;
}

static void
test_dates(void)
{
	static const char *const bad[] = {
		"20230229000000Z", "19000229000000Z", "20230001000000Z", "20231301000000Z", "20230100000000Z",
		"20230132000000Z", "20230431000000Z", "20230101240000Z", "20230101006000Z", "20230101000060Z",
		"20230101000000+", "20230101000000z", "2023010100000Z", "202301010000Z", "20230101000000.5Z", "2023010100000aZ",
		"19491231235959Z", "00000101000000Z", "230229000000Z", "2301010000Z", "23010100000Z", "230101000000+",
		"23010100000:Z", "230101000000+0100", "xx0101000000Z", "", "Z"
	};
	bool		good = true;

	ok(date_is("19700101000000Z", 0) && date_is("700101000000Z", 0) && date_is("700101000001Z", 1) &&
	   date_is("19691231235959Z", -1) && date_is("20000229120000Z", 951825600) && date_is("000301000000Z", 951868800) &&
	   date_is("20380119031408Z", 2147483648) && date_is("21000301000000Z", 4107542400) &&
	   date_is("491231235959Z", 2524607999) && date_is("500101000000Z", -631152000) &&
	   date_is("19500101000000Z", -631152000) && date_is("99991231235959Z", 253402300799), "dates have their value");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!date_is_refused(bad[i], NULL) || !date_is_refused(NULL, bad[i]))
		{
			printf("# taken: %s\n", bad[i]);
			good = false;
		}
	ok(good, "what is no date is refused");
}

/* A bit of the leaf turned: refused, or read as the same bytes. */
static void
test_turned(void)
{
	uint8_t		leaf[2048];
	size_t		leaf_len;
	int			taken = 0;
	bool		good = reads(stored_leaf, KC_CERTIFICATE_FINE);

	leaf_len = der_len;
	memcpy(leaf, der, leaf_len);
	for (size_t bit = 0; bit < 8 * leaf_len; bit++)
	{
		size_t		len = sizeof(der);
		char	   *pem;
		kc_status	status;

		leaf[bit / 8] ^= (uint8_t) (1 << bit % 8);
		pem = pem_of("CERTIFICATE", kc_view_of(leaf, leaf_len));
		status = kc_certificate_read(text_view(pem), der, &len, &finding);
		free(pem);
		if (status == KC_OK)
		{
			good = good && len == leaf_len && memcmp(der, leaf, len) == 0;
			taken++;
		}
		else
			good = good && status == KC_BAD_INPUT && finding.problem != KC_CERTIFICATE_FINE && len == 0;
		good = good && queue_empty();
		leaf[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good && taken > 0, "a certificate with a bit turned is refused, or another one");
	good = true;
	for (size_t len = 0; len < leaf_len; len++)
		good = good && (len == 0 || reads_der(kc_view_of(leaf, len), KC_CERTIFICATE_MALFORMED));
	leaf[leaf_len] = 0;
	ok(good && reads_der(kc_view_of(leaf, leaf_len + 1), KC_CERTIFICATE_MALFORMED),
	   "DER that is cut off or continued is refused");
}

/* ---- chains ---- */

static bool
chain_reads(const char *pem, size_t expected_count, kc_certificate_problem expected, size_t at)
{
	uint8_t    *copy = exactly(pem, strlen(pem));
	kc_view		chain[KC_CHAIN_MAX];
	size_t		count = 77;
	size_t		total = 0;
	kc_status	status;
	bool		good;

	memset(der, 0xaa, sizeof(der));
	der_len = sizeof(der);
	status = kc_chain_read(kc_view_of(copy, strlen(pem)), der, &der_len, chain, &count, &finding);
	good = status == (expected == KC_CERTIFICATE_FINE ? KC_OK : KC_BAD_INPUT) && count == expected_count &&
		finding.problem == expected && finding.at == at && queue_empty() &&
		all_bytes(der + der_len, sizeof(der) - der_len, 0);
	for (size_t i = 0; i < count && good; i++)
	{
		good = chain[i].data == der + total;
		total += chain[i].len;
	}
	free(copy);
	return good && total == der_len;
}

static void
test_chains(void)
{
	char	   *two = joined(stored_intermediate, "\n", stored_root, NULL);
	char	   *ten = joined("", NULL);
	char	   *bad;

	ok(chain_reads("", 0, KC_CERTIFICATE_FINE, 0) && chain_reads(" \n", 0, KC_CERTIFICATE_FINE, 0),
	   "a chain may be empty");
	ok(chain_reads(stored_root, 1, KC_CERTIFICATE_FINE, 0) && chain_reads(two, 2, KC_CERTIFICATE_FINE, 0),
	   "or of one or two");
	for (int i = 0; i < 10; i++)
	{
		char	   *more = joined(ten, stored_root, NULL);

		free(ten);
		ten = more;
	}
	bad = joined(ten, stored_root, NULL);
	ok(chain_reads(ten, 10, KC_CERTIFICATE_FINE, 0) && chain_reads(bad, 0, KC_CERTIFICATE_TOO_MANY, 10),
	   "or of ten, but not of eleven");
	free(bad);
	bad = joined(stored_intermediate, "x", stored_root, NULL);
	ok(chain_reads(bad, 0, KC_CERTIFICATE_BAD_PEM, 1), "text between them is refused");
	free(bad);
	bad = joined(stored_intermediate, stored_root, "#", NULL);
	ok(chain_reads(bad, 0, KC_CERTIFICATE_BAD_PEM, 2) && chain_reads("x", 0, KC_CERTIFICATE_BAD_PEM, 0),
	   "and before and behind them");
	free(bad);
	bad = joined(stored_root, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", NULL);
	ok(chain_reads(bad, 0, KC_CERTIFICATE_MALFORMED, 1), "and one that is malformed");
	free(bad);
	free(two);
	free(ten);
}

/* ---- checking ---- */

static bool
finds_at(const issued *leaf, const issued *const *chain, size_t count, int64_t now,
		 kc_certificate_problem expected, size_t at)
{
	kc_view		views[KC_CHAIN_MAX + 1];
	uint8_t    *spki = NULL;
	int			len = i2d_PUBKEY(leaf->key, &spki);
	kc_status	status;

	for (size_t i = 0; i < count; i++)
		views[i] = chain[i]->der;
	status = kc_certificate_check(leaf->der, views, count, kc_view_of(spki, (size_t) len), now, &finding);
	OPENSSL_free(spki);
	if (finding.problem != expected || finding.at != at)
		printf("# problem %d at %zu\n", finding.problem, finding.at);
	return status == (expected == KC_CERTIFICATE_FINE ? KC_OK : KC_BAD_INPUT) && finding.problem == expected &&
		finding.at == at && queue_empty();
}

#define FINDS(leaf, problem, at, ...) \
	finds_at(leaf, (const issued *const[]) {__VA_ARGS__}, sizeof((const issued *const[]) {__VA_ARGS__}) / sizeof(issued *), \
			 NOW, problem, at)
#define FINE(leaf, ...)	FINDS(leaf, KC_CERTIFICATE_FINE, 0, __VA_ARGS__)

static issued root;
static issued intermediate;
static issued leaf;

static issued
ca(const char *subject, const issued *issuer, EVP_PKEY *key)
{
	return issue(&(blueprint) {.subject = subject, .issuer = issuer, .key = key, .extensions = {CA_EXTENSIONS}});
}

static issued
signed_by(const issued *issuer)
{
	return issue(&(blueprint) {.subject = "leaf", .issuer = issuer, .key = keys[KC_PAIR_EC_P256],
				 .extensions = {LEAF_EXTENSIONS, {"authorityKeyIdentifier", "keyid"}}});
}

static void
test_order(void)
{
	issued		other_root = ca("other root", NULL, third_key);
	issued		second = ca("second", &intermediate, third_key);
	issued		below = signed_by(&second);
	issued		leaf_too = signed_by(&intermediate);

	ok(FINE(&leaf, &intermediate, &root), "a chain up to the root is fine");
	ok(FINE(&leaf, &intermediate) && finds_at(&leaf, NULL, 0, NOW, KC_CERTIFICATE_FINE, 0),
	   "and one that ends before it, even with the leaf");
	ok(FINE(&root) || finds_at(&root, NULL, 0, NOW, KC_CERTIFICATE_FINE, 0), "a self-signed one needs no chain");
	ok(FINE(&below, &second, &intermediate, &root), "two intermediates are fine");
	ok(FINDS(&leaf, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 0, &root, &intermediate), "the wrong order is not");
	ok(FINDS(&below, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 1, &second, &root), "nor is a gap");
	ok(FINDS(&leaf, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 0, &root), "nor one at the beginning");
	ok(FINDS(&leaf, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 1, &intermediate, &other_root), "nor another root");
	ok(FINDS(&leaf, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 2, &intermediate, &root, &other_root),
	   "nor something behind the root");
	ok(FINDS(&leaf, KC_CERTIFICATE_REPEATED, 1, &leaf, &intermediate), "nor the leaf in the chain");
	ok(FINDS(&leaf, KC_CERTIFICATE_REPEATED, 3, &intermediate, &root, &root), "nor the root twice");
	ok(FINDS(&leaf, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 0, &leaf_too, &intermediate), "nor another leaf in it");
	issued_free(&other_root);
	issued_free(&second);
	issued_free(&below);
	issued_free(&leaf_too);
}

static void
test_stored(void)
{
	kc_view		chain[KC_CHAIN_MAX];
	static uint8_t chain_der[KC_CERTIFICATE_DER_MAX];
	size_t		chain_len = sizeof(chain_der);
	size_t		count;
	char	   *pem = joined(stored_intermediate, stored_root, NULL);
	kc_certificate_info *info = malloc(sizeof(*info));
	bool		good;

	good = reads(stored_leaf, KC_CERTIFICATE_FINE) &&
		kc_chain_read(text_view(pem), chain_der, &chain_len, chain, &count, &finding) == KC_OK && count == 2 &&
		kc_certificate_describe(kc_view_of(der, der_len), info) == KC_OK;
	ok(good && kc_certificate_check(kc_view_of(der, der_len), chain, count, info->public_der, NOW, &finding) == KC_OK,
	   "a chain of the openssl command is fine");
	chain_len = sizeof(chain_der);
	good = reads(stored_sm2_leaf, KC_CERTIFICATE_FINE) &&
		kc_chain_read(text_view(stored_sm2_root), chain_der, &chain_len, chain, &count, &finding) == KC_OK && count == 1 &&
		kc_certificate_describe(kc_view_of(der, der_len), info) == KC_OK && info->kind == KC_PAIR_EC_SM2;
	ok(good && kc_certificate_check(kc_view_of(der, der_len), chain, count, info->public_der, NOW, &finding) == KC_OK,
	   "and so is one of SM2");
	/* A bit of its signature, which is at the end. */
	der[der_len - 1] ^= 1;
	ok(good && kc_certificate_check(kc_view_of(der, der_len), chain, count, info->public_der, NOW, &finding) == KC_BAD_INPUT &&
	   finding.problem == KC_CERTIFICATE_BAD_SIGNATURE && finding.at == 0, "whose signature is looked at");
	free(pem);
	free(info);
}

static void
test_public_key(void)
{
	uint8_t    *spki = NULL;
	int			len = i2d_PUBKEY(third_key, &spki);
	kc_view		chain[] = {intermediate.der, root.der};
	bool		good;

	good = kc_certificate_check(leaf.der, chain, 2, kc_view_of(spki, (size_t) len), NOW, &finding) == KC_BAD_INPUT &&
		finding.problem == KC_CERTIFICATE_OTHER_KEY && finding.at == 0;
	ok(good && kc_certificate_check(leaf.der, chain, 2, NONE, NOW, &finding) == KC_BAD_INPUT &&
	   finding.problem == KC_CERTIFICATE_OTHER_KEY, "somebody else's public key is refused");
	OPENSSL_free(spki);
}

static void
test_authorities(void)
{
	EVP_PKEY   *key = keys[KC_PAIR_EC_P384];
	issued		not_ca = issue(&(blueprint) {.subject = "inter", .issuer = &root, .key = key, .extensions = {LEAF_EXTENSIONS}});
	issued		nothing = issue(&(blueprint) {.subject = "inter", .issuer = &root, .key = key});
	issued		no_sign = issue(&(blueprint) {.subject = "inter", .issuer = &root, .key = key,
								.extensions = {{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "digitalSignature"}}});
	issued		no_usage = issue(&(blueprint) {.subject = "inter", .issuer = &root, .key = key,
								 .extensions = {{"basicConstraints", "CA:TRUE"}}});
	issued		old_root = issue(&(blueprint) {.subject = "old", .key = key, .version_1 = true});
	issued		by_not_ca = issue(&(blueprint) {.subject = "leaf", .issuer = &not_ca, .key = keys[KC_PAIR_EC_P256]});
	issued		by_nothing = issue(&(blueprint) {.subject = "leaf", .issuer = &nothing, .key = keys[KC_PAIR_EC_P256]});
	issued		by_no_sign = issue(&(blueprint) {.subject = "leaf", .issuer = &no_sign, .key = keys[KC_PAIR_EC_P256]});
	issued		by_no_usage = issue(&(blueprint) {.subject = "leaf", .issuer = &no_usage, .key = keys[KC_PAIR_EC_P256]});
	issued		by_old = issue(&(blueprint) {.subject = "leaf", .issuer = &old_root, .key = keys[KC_PAIR_EC_P256]});

	ok(FINDS(&by_not_ca, KC_CERTIFICATE_NOT_A_CA, 1, &not_ca, &root) &&
	   FINDS(&by_nothing, KC_CERTIFICATE_NOT_A_CA, 1, &nothing, &root), "an issuer that is no CA is refused");
	ok(FINDS(&by_no_sign, KC_CERTIFICATE_NOT_A_CA, 1, &no_sign, &root),
	   "and a CA that has no right to sign certificates");
	ok(FINE(&by_no_usage, &no_usage, &root), "a CA of which nothing else is said is fine");
	ok(FINDS(&by_old, KC_CERTIFICATE_NOT_A_CA, 1, &old_root), "a root of version 1 is not");
	issued_free(&not_ca);
	issued_free(&nothing);
	issued_free(&no_sign);
	issued_free(&no_usage);
	issued_free(&old_root);
	issued_free(&by_not_ca);
	issued_free(&by_nothing);
	issued_free(&by_no_sign);
	issued_free(&by_no_usage);
	issued_free(&by_old);
}

static void
test_path_length(void)
{
	EVP_PKEY   *key = keys[KC_PAIR_EC_P384];
	issued		last = issue(&(blueprint) {.subject = "last", .issuer = &root, .key = key,
							 .extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"}}});
	issued		beyond = ca("beyond", &last, third_key);
	issued		renewed = issue(&(blueprint) {.subject = "last", .issuer = &last, .key = third_key,
								.extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"}}});
	issued		below = issue(&(blueprint) {.subject = "leaf", .issuer = &last, .key = keys[KC_PAIR_EC_P256]});
	issued		below_beyond = issue(&(blueprint) {.subject = "leaf", .issuer = &beyond, .key = keys[KC_PAIR_EC_P256]});
	issued		below_renewed = issue(&(blueprint) {.subject = "leaf", .issuer = &renewed, .key = keys[KC_PAIR_EC_P256]});

	ok(FINE(&below, &last, &root), "a CA with a path length of 0 may issue a leaf");
	ok(FINDS(&below_beyond, KC_CERTIFICATE_PATH_TOO_LONG, 2, &beyond, &last, &root), "but no CA");
	ok(FINE(&below_renewed, &renewed, &last, &root), "unless it is itself, renewed");
	issued_free(&last);
	issued_free(&beyond);
	issued_free(&renewed);
	issued_free(&below);
	issued_free(&below_beyond);
	issued_free(&below_renewed);
}

static void
test_signatures(void)
{
	issued		impostor = ca("inter", NULL, third_key);
	issued		plain = issue(&(blueprint) {.subject = "leaf", .issuer = &intermediate, .key = keys[KC_PAIR_EC_P256]});
	issued		forged_root = issue(&(blueprint) {.subject = "root", .issuer = &root, .key = third_key,
									.extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
	issued		own = issue(&(blueprint) {.subject = "leaf", .issuer = &intermediate, .key = keys[KC_PAIR_EC_P256],
							.signs_itself = true});
	issued		sha1 = issue(&(blueprint) {.subject = "leaf", .issuer = &intermediate, .key = keys[KC_PAIR_EC_P256],
							 .digest = "SHA1"});
	issued		sha512 = issue(&(blueprint) {.subject = "leaf", .issuer = &intermediate, .key = keys[KC_PAIR_EC_P256],
							   .digest = "SHA512"});
	issued		sha1_root = issue(&(blueprint) {.subject = "old", .key = third_key, .extensions = {CA_EXTENSIONS},
								  .digest = "SHA1"});
	issued		by_sha1_root = issue(&(blueprint) {.subject = "leaf", .issuer = &sha1_root, .key = keys[KC_PAIR_EC_P256]});

	ok(FINDS(&plain, KC_CERTIFICATE_BAD_SIGNATURE, 0, &impostor), "an issuer of the right name and another key is found out");
	ok(FINDS(&leaf, KC_CERTIFICATE_NOT_ISSUED_BY_NEXT, 0, &impostor), "with key identifiers, too");
	ok(FINDS(&own, KC_CERTIFICATE_BAD_SIGNATURE, 0, &intermediate, &root), "and a leaf that signed itself");
	ok(FINDS(&forged_root, KC_CERTIFICATE_FINE, 0, &root), "a root that renews itself is signed by the old one");
	ok(finds_at(&forged_root, NULL, 0, NOW, KC_CERTIFICATE_BAD_SIGNATURE, 0), "and not by itself");
	ok(FINDS(&sha1, KC_CERTIFICATE_WEAK_SIGNATURE, 0, &intermediate, &root), "SHA-1 is refused");
	ok(FINE(&sha512, &intermediate, &root), "SHA-512 is fine");
	ok(FINE(&by_sha1_root, &sha1_root), "and so is SHA-1 where a root signed itself");
	issued_free(&impostor);
	issued_free(&plain);
	issued_free(&forged_root);
	issued_free(&own);
	issued_free(&sha1);
	issued_free(&sha512);
	issued_free(&sha1_root);
	issued_free(&by_sha1_root);
}

/* Every kind of issuer, and RSA with PSS. */
static void
test_issuers(void)
{
	bool		good = true;

	for (int kind = PAIR_FIRST; kind <= KC_PAIR_ED25519 + 1; kind++)
	{
		bool		is_pss = kind > KC_PAIR_ED25519;
		EVP_PKEY   *key = keys[is_pss ? KC_PAIR_RSA_2048 : kind];
		issued		authority = issue(&(blueprint) {.subject = "ca", .key = key, .extensions = {CA_EXTENSIONS},
									  .is_pss = is_pss});
		issued		below = issue(&(blueprint) {.subject = "leaf", .issuer = &authority, .key = keys[KC_PAIR_EC_P256],
								  .is_pss = is_pss});
		issued		forged = issue(&(blueprint) {.subject = "leaf", .issuer = &authority,
								   .key = keys[is_pss ? KC_PAIR_RSA_3072 : KC_PAIR_EC_P256],
								   .is_pss = is_pss, .signs_itself = true});

		good = good && FINE(&below, &authority) &&
			(kind == KC_PAIR_EC_P256 || FINDS(&forged, PAIR_IS_RSA(kind) || kind == KC_PAIR_ED25519 || kind == KC_PAIR_EC_SM2 ?
			is_pss ? KC_CERTIFICATE_BAD_SIGNATURE : KC_CERTIFICATE_NOT_ISSUED_BY_NEXT : KC_CERTIFICATE_BAD_SIGNATURE, 0, &authority));
		issued_free(&authority);
		issued_free(&below);
		issued_free(&forged);
	}
	ok(good, "signatures of every kind of issuer are verified");
}

static void
test_name_constraints(void)
{
	issued		limited = issue(&(blueprint) {.subject = "limited", .issuer = &root, .key = third_key,
								.extensions = {CA_EXTENSIONS, {"nameConstraints", "critical,permitted;DNS:example.com"}}});
	issued		good = issue(&(blueprint) {.subject = "leaf", .issuer = &limited, .key = keys[KC_PAIR_EC_P256],
							 .extensions = {{"subjectAltName", "DNS:www.example.com"}}});
	issued		bad = issue(&(blueprint) {.subject = "leaf", .issuer = &limited, .key = keys[KC_PAIR_EC_P256],
							.extensions = {{"subjectAltName", "DNS:www.example.org"}}});

	ok(FINE(&good, &limited, &root), "a name that the CA permits is fine");
	ok(FINDS(&bad, KC_CERTIFICATE_NOT_PERMITTED, 1, &limited, &root), "another one is refused");
	issued_free(&limited);
	issued_free(&good);
	issued_free(&bad);
}

static void
test_validity(void)
{
	const int64_t begin = INT64_C(1577836800);
	const int64_t end = INT64_C(4102444799);
	issued		expired = issue(&(blueprint) {.subject = "inter", .issuer = &root, .key = other_key,
								.extensions = {CA_EXTENSIONS}, .not_after = "220101000000Z"});
	const issued *chain[] = {&intermediate, &root};

	ok(FINDS(&leaf, KC_CERTIFICATE_EXPIRED, 1, &expired, &root), "a chain with an expired member is refused");
	ok(finds_at(&leaf, chain, 2, begin, KC_CERTIFICATE_FINE, 0) && finds_at(&leaf, chain, 2, end, KC_CERTIFICATE_FINE, 0),
	   "a certificate is valid from its first to its last second");
	ok(finds_at(&leaf, chain, 2, begin - 1, KC_CERTIFICATE_NOT_YET_VALID, 0) &&
	   finds_at(&leaf, chain, 2, end + 1, KC_CERTIFICATE_EXPIRED, 0) &&
	   finds_at(&leaf, chain, 2, INT64_MIN, KC_CERTIFICATE_NOT_YET_VALID, 0) &&
	   finds_at(&leaf, chain, 2, INT64_MAX, KC_CERTIFICATE_EXPIRED, 0), "not before and not after");
	issued_free(&expired);
}

static void
test_many(void)
{
	issued		all[KC_CHAIN_MAX + 1];
	const issued *chain[KC_CHAIN_MAX + 1];
	issued		below;

	for (int i = 0; i <= KC_CHAIN_MAX; i++)
	{
		char		name[16];

		snprintf(name, sizeof(name), "ca %d", i);
		all[i] = ca(name, i == 0 ? NULL : &all[i - 1], i % 2 == 0 ? other_key : third_key);
		chain[KC_CHAIN_MAX - i] = &all[i];
	}
	below = signed_by(&all[KC_CHAIN_MAX]);
	ok(finds_at(&below, chain, KC_CHAIN_MAX, NOW, KC_CERTIFICATE_FINE, 0), "a chain of ten is fine");
	ok(finds_at(&below, chain, KC_CHAIN_MAX + 1, NOW, KC_CERTIFICATE_TOO_MANY, KC_CHAIN_MAX + 1), "one of eleven is not");
	for (int i = 0; i <= KC_CHAIN_MAX; i++)
		issued_free(&all[i]);
	issued_free(&below);
}

static void
test_broken_members(void)
{
	issued		small = {.der = kc_view_of("\x30\x00", 2), .key = keys[KC_PAIR_EC_P256]};

	ok(FINDS(&small, KC_CERTIFICATE_MALFORMED, 0, &intermediate) && FINDS(&leaf, KC_CERTIFICATE_MALFORMED, 1, &small),
	   "what is no certificate is refused, wherever it stands");
}

/* ---- describing ---- */

static bool
has_names(const kc_certificate_info *info, const char *const *names, size_t count)
{
	const char *at = info->names;

	for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
		if (strcmp(at, names[i]) != 0)
			return false;
	return info->names_count == count && all_bytes(at, (size_t) (info->names + sizeof(info->names) - at), 0);
}

static void
test_describe(void)
{
	static const char *const names[] = {
		"www.example.com", "*.example.com", "info@example.com", "https://example.com/a?b", "192.0.2.1", "2001:db8::1"
	};
	kc_certificate_info *info = malloc(sizeof(*info));
	char		identifier[KC_KEY_IDENTIFIER_TEXT];
	issued		plain = issue(&(blueprint) {.subject = "", .key = keys[KC_PAIR_RSA_2048]});
	bool		good = reads(stored_leaf, KC_CERTIFICATE_FINE);

	memset(info, 0xaa, sizeof(*info));
	good = good && kc_certificate_describe(kc_view_of(der, der_len), info) == KC_OK && queue_empty();
	ok(good && strcmp(info->subject, "CN=www.example.com,O=Test\\, Inc.,C=CN") == 0 &&
	   strcmp(info->issuer, "CN=Inter,O=Test \xc3\x96,C=CN") == 0, "subject and issuer are told");
	ok(good && strcmp(info->serial, "B1C2D3E4F506071A") == 0, "and the serial number, without the byte before it");
	ok(good && info->not_before == 1577836800 && info->not_after == 4102444799, "and the dates");
	ok(good && strcmp(info->signature, "ecdsa-with-SHA256") == 0, "and the algorithm");
	ok(good && strcmp(info->key_identifier, "68 E2 0B F8 9F 1D 9A 6D 68 3E 2C 76 D4 78 46 47 42 88 AC 0B") == 0,
	   "and the key identifier");
	ok(good && has_names(info, names, 6), "and the names that are text");
	ok(good && info->kind == KC_PAIR_EC_P256 && info->public_der.data > der &&
	   info->public_der.data + info->public_der.len < der + der_len &&
	   pair_opens_as(info->kind, true, info->public_der, KC_OK), "and the public key");
	ok(good && kc_key_identifier(info->public_der, identifier) == KC_OK && strcmp(identifier, info->key_identifier) == 0,
	   "whose identifier is the one that OpenSSL gave it");
	good = kc_certificate_describe(plain.der, info) == KC_OK;
	ok(good && info->subject[0] == '\0' && info->issuer[0] == '\0' && info->names_count == 0 &&
	   info->kind == KC_PAIR_RSA_2048 && strcmp(info->signature, "sha256WithRSAEncryption") == 0 &&
	   kc_key_identifier(info->public_der, identifier) == KC_OK && strcmp(identifier, info->key_identifier) == 0,
	   "a certificate may have no names, and no identifier");
	memset(identifier, 0xaa, sizeof(identifier));
	ok(kc_key_identifier(kc_view_of("\x30\x00", 2), identifier) == KC_BAD_INPUT &&
	   all_bytes(identifier, sizeof(identifier), 0) && kc_key_identifier(NONE, identifier) == KC_BAD_INPUT,
	   "what is no public key has none");
	good = reads(stored_sm2_leaf, KC_CERTIFICATE_FINE) && kc_certificate_describe(kc_view_of(der, der_len), info) == KC_OK;
	ok(good && strcmp(info->signature, "SM2-with-SM3") == 0 && info->kind == KC_PAIR_EC_SM2, "SM2 is told");
	issued_free(&plain);
	free(info);
}

static bool
describes(const char *names, kc_status expected)
{
	issued		made = issue(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256],
							 .extensions = {{"subjectAltName", names}}});
	kc_certificate_info *info = malloc(sizeof(*info));
	bool		good;

	memset(info, 0xaa, sizeof(*info));
	good = kc_certificate_describe(made.der, info) == expected && queue_empty() &&
		(expected == KC_OK || all_bytes(info, sizeof(*info), 0));
	free(info);
	issued_free(&made);
	return good;
}

static bool
describes_serial(const void *bytes, size_t len, bool negative, const char *expected)
{
	issued		made = issue(&(blueprint) {.subject = "leaf", .key = keys[KC_PAIR_EC_P256]});
	BIGNUM	   *number = BN_bin2bn(bytes, (int) len, NULL);
	kc_certificate_info *info = malloc(sizeof(*info));
	uint8_t    *changed = NULL;
	int			changed_len;
	bool		good;

	BN_set_negative(number, negative);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made.x509));
	X509_sign(made.x509, keys[KC_PAIR_EC_P256], EVP_sha256());
	changed_len = i2d_X509(made.x509, &changed);
	good = kc_certificate_describe(kc_view_of(changed, (size_t) changed_len), info) == (expected != NULL ? KC_OK : KC_BAD_INPUT) &&
		strcmp(info->serial, expected != NULL ? expected : "") == 0;
	OPENSSL_free(changed);
	BN_free(number);
	free(info);
	issued_free(&made);
	return good;
}

static void
test_describe_limits(void)
{
	static const uint8_t ones[33] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1};
	char	   *names = joined("DNS:a0", NULL);

	ok(describes_serial("", 0, false, "00") && describes_serial("\x05", 1, false, "05") &&
	   describes_serial("\x80\x00", 2, false, "8000") && describes_serial(ones, 20, false,
	   "0101010101010101010101010101010101010101") && describes_serial(ones, 32, false,
	   "0101010101010101010101010101010101010101010101010101010101010101"), "serial numbers are whole bytes");
	ok(describes_serial(ones, 33, false, NULL) && describes_serial("\x05", 1, true, NULL),
	   "and neither too long nor negative");
	ok(describes("DNS:a b", KC_BAD_INPUT) && describes("DNS:a\x01", KC_BAD_INPUT) && describes("DER:30028200", KC_BAD_INPUT) &&
	   describes("DER:3003820100", KC_BAD_INPUT) && describes("DER:30038201ff", KC_BAD_INPUT),
	   "a name with blanks or zero bytes in it is refused, and an empty one");
	ok(describes("DER:3005870301020304", KC_BAD_INPUT) || describes("DER:30058703010203", KC_BAD_INPUT),
	   "and an address of three bytes");
	ok(describes("RID:1.2.3", KC_OK), "a name of another type is left out");
	for (int i = 1; i < KC_DESCRIBED_NAMES_MAX + 1; i++)
	{
		char		name[24];
		char	   *more;

		if (i == KC_DESCRIBED_NAMES_MAX)
			ok(describes(names, KC_OK), "a hundred names are fine");
		snprintf(name, sizeof(name), ",DNS:a%d", i);
		more = joined(names, name, NULL);
		free(names);
		names = more;
	}
	ok(describes(names, KC_BAD_INPUT), "a hundred and one are not");
	free(names);
}

void
test_certificate(void)
{
	tap_section("certificates");
	for (int kind = PAIR_FIRST; kind <= KC_PAIR_ED25519; kind++)
		keys[kind] = made_theirs(made_of(kind));
	other_key = p256();
	third_key = p256();
	root = ca("root", NULL, keys[KC_PAIR_EC_P384]);
	intermediate = ca("inter", &root, other_key);
	leaf = signed_by(&intermediate);

	test_pem();
	test_pem_write();
	test_keys();
	test_extensions();
	test_dates();
	test_turned();
	test_chains();
	test_order();
	test_stored();
	test_public_key();
	test_authorities();
	test_path_length();
	test_signatures();
	test_issuers();
	test_name_constraints();
	test_validity();
	test_many();
	test_broken_members();
	test_describe();
	test_describe_limits();

	issued_free(&root);
	issued_free(&intermediate);
	issued_free(&leaf);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(third_key);
	for (int kind = PAIR_FIRST; kind <= KC_PAIR_ED25519; kind++)
		EVP_PKEY_free(keys[kind]);
}
