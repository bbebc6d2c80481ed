/*
 * PKCS #12 as OpenSSL opens it.
 */
#include "certificates.h"
#include "fault.h"
#include "pkcs12.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

static uint8_t file[KC_PKCS12_MAX];
static size_t file_len;
static issued root;
static issued leaf;

static kc_status
export(kc_pair *pair, kc_view der, size_t count, kc_view passphrase, size_t room)
{
	kc_view		chain[KC_CHAIN_MAX + 1];
	uint8_t    *copy = exactly(passphrase.data, passphrase.len);
	kc_status	status;

	for (size_t i = 0; i < count; i++)
		chain[i] = root.der;
	memset(file, 0xaa, sizeof(file));
	file_len = room;
	status = kc_pkcs12_export(pair, der, chain, count, kc_view_of(copy, passphrase.len), file, &file_len);
	free(copy);
	if (!queue_empty() || !all_bytes(file + file_len, room - file_len, 0) || (status == KC_OK) != (file_len > 0) ||
		(room < sizeof(file) && file[room] != 0xaa))
		abort();
	return status;
}

static bool
opens(const char *passphrase, const made *m, int count)
{
	const uint8_t *at = file;
	PKCS12	   *p12 = d2i_PKCS12(NULL, &at, (long) file_len);
	EVP_PKEY   *key = NULL;
	EVP_PKEY   *expected = made_theirs(m);
	X509	   *certificate = NULL;
	STACK_OF(X509) *others = NULL;
	bool		good = p12 != NULL && at == file + file_len && PKCS12_verify_mac(p12, passphrase, -1) == 1 &&
		PKCS12_parse(p12, passphrase, &key, &certificate, &others) == 1;

	good = good && EVP_PKEY_eq(key, expected) == 1 && X509_cmp(certificate, leaf.x509) == 0 &&
		(others != NULL ? sk_X509_num(others) : 0) == count;
	for (int i = 0; i < count && good; i++)
		good = X509_cmp(sk_X509_value(others, i), root.x509) == 0;
	EVP_PKEY_free(key);
	EVP_PKEY_free(expected);
	X509_free(certificate);
	sk_X509_pop_free(others, X509_free);
	PKCS12_free(p12);
	ERR_clear_error();
	return good;
}

static void
set_up(int kind)
{
	EVP_PKEY   *ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	root = issue(&(blueprint) {.subject = "root", .key = ca_key, .extensions = {CA_EXTENSIONS}});
	leaf = issue(&(blueprint) {.subject = "leaf", .issuer = &root, .key = made_theirs(made_of(kind)),
				 .extensions = {LEAF_EXTENSIONS}});
}

static void
tear_down(void)
{
	EVP_PKEY_free(root.key);
	EVP_PKEY_free(leaf.key);
	issued_free(&root);
	issued_free(&leaf);
}

static void
test_kinds(void)
{
	static const int kinds[] = {
		KC_PAIR_RSA_2048, KC_PAIR_RSA_3072, KC_PAIR_RSA_4096, KC_PAIR_EC_P256, KC_PAIR_EC_P384, KC_PAIR_EC_SM2
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		const made *m = made_of(kinds[i]);
		kc_pair    *pair = made_pair(m);

		set_up(kinds[i]);
		ok(export(pair, leaf.der, 1, text_view("secret"), sizeof(file)) == KC_OK && opens("secret", m, 1) &&
		   !opens("secret ", m, 1), "%s: OpenSSL opens the file, with this passphrase only", pair_name(kinds[i]));
		tear_down();
		kc_pair_free(pair);
	}
}

/* Algorithms and rounds, as its own tool shows them. */
static bool
is_modern(void)
{
	const uint8_t *at = file;
	PKCS12	   *p12 = d2i_PKCS12(NULL, &at, (long) file_len);
	const ASN1_INTEGER *rounds;
	const ASN1_OCTET_STRING *salt;
	const ASN1_OCTET_STRING *mac;
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *object;
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
	bool		good;

	PKCS12_get0_mac(&mac, &algorithm, &salt, &rounds, p12);
	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	good = OBJ_obj2nid(object) == NID_sha256 && ASN1_INTEGER_get(rounds) == KC_PKCS12_ROUNDS &&
		ASN1_STRING_length(salt) == 16 && sk_PKCS7_num(safes) == 2 &&
		PKCS7_type_is_encrypted(sk_PKCS7_value(safes, 0)) && PKCS7_type_is_data(sk_PKCS7_value(safes, 1));
	sk_PKCS7_pop_free(safes, PKCS7_free);
	PKCS12_free(p12);
	return good;
}

static void
test_passphrases(kc_pair *pair, const made *m)
{
	static const char *const good_ones[] = {
		"a", "\xc3\xbc", "\xf0\x9f\x94\x91 and \xe5\xbc\xa0", "with spaces ", "\x7f"
	};
	char		longest[KC_PASSPHRASE_MAX + 2];
	bool		good = true;

	for (size_t i = 0; i < sizeof(good_ones) / sizeof(good_ones[0]); i++)
		good = good && export(pair, leaf.der, 0, text_view(good_ones[i]), sizeof(file)) == KC_OK &&
			opens(good_ones[i], m, 0);
	ok(good, "passphrases are UTF-8");
	memset(longest, 'x', sizeof(longest));
	longest[KC_PASSPHRASE_MAX] = '\0';
	ok(export(pair, leaf.der, 0, text_view(longest), sizeof(file)) == KC_OK && opens(longest, m, 0), "of 1024 bytes");
	good = true;
	for (size_t len = 1; len < 70; len++)	/* around the blocks of the hash */
	{
		longest[len] = '\0';
		good = good && export(pair, leaf.der, 0, text_view(longest), sizeof(file)) == KC_OK && opens(longest, m, 0);
		longest[len] = 'x';
	}
	ok(good, "and of other lengths");
	ok(export(pair, leaf.der, 0, kc_view_of(longest, KC_PASSPHRASE_MAX + 1), sizeof(file)) == KC_BAD_INPUT &&
	   export(pair, leaf.der, 0, NONE, sizeof(file)) == KC_BAD_INPUT &&
	   export(pair, leaf.der, 0, kc_view_of("a\0b", 3), sizeof(file)) == KC_BAD_INPUT &&
	   export(pair, leaf.der, 0, text_view("a\xff"), sizeof(file)) == KC_BAD_INPUT &&
	   export(pair, leaf.der, 0, text_view("\xed\xa0\x80"), sizeof(file)) == KC_BAD_INPUT, "others are refused");
}

/* A certificate with an extension of many bytes. */
static issued
long_certificate(EVP_PKEY *key, size_t len)
{
	char	   *value = malloc(2 * len + 20);
	size_t		at = (size_t) sprintf(value, "DER:0482%04zx", len);
	issued		made;

	for (size_t i = 0; i < len; i++)
		at += (size_t) sprintf(value + at, "55");
	made = issue(&(blueprint) {.subject = "long", .key = key, .extensions = {{"1.2.3.4", value}}});
	free(value);
	return made;
}

static void
test_sizes(kc_pair *pair, const made *m)
{
	issued		longest = long_certificate(leaf.key, 48300);
	kc_view		chain[1] = {longest.der};
	const uint8_t *at = file;
	PKCS12	   *p12 = NULL;
	size_t		whole;
	bool		good;

	good = true;
	for (size_t count = 0; count <= KC_CHAIN_MAX; count++)
		good = good && export(pair, leaf.der, count, text_view("p"), sizeof(file)) == KC_OK && opens("p", m, (int) count);
	ok(good, "chains of none to ten are written");
	ok(export(pair, leaf.der, KC_CHAIN_MAX + 1, text_view("p"), sizeof(file)) == KC_BAD_INPUT, "of eleven are not");
	export(pair, leaf.der, 0, text_view("p"), sizeof(file));
	whole = file_len;
	ok(export(pair, leaf.der, 0, text_view("p"), whole) == KC_OK && opens("p", m, 0), "there need be no more room than it takes");
	good = true;
	for (size_t room = 0; room < whole; room += room < whole - 40 ? 17 : 1)
		good = good && export(pair, leaf.der, 0, text_view("p"), room) == KC_BAD_INPUT;
	ok(good, "less is refused and wiped");
	file_len = sizeof(file);
	ok(longest.der.len > 48300 && kc_pkcs12_export(pair, longest.der, chain, 1, text_view("p"), file, &file_len) == KC_OK &&
	   (p12 = d2i_PKCS12(NULL, &at, (long) file_len)) != NULL && at == file + file_len, "the longest certificates fit");
	ok(p12 != NULL && PKCS12_verify_mac(p12, "p", -1) == 1, "and the code is right");
	PKCS12_free(p12);
	issued_free(&longest);
}

static void
test_export_refusals(kc_pair *pair)
{
	kc_pair    *other = made_pair(made_of(KC_PAIR_RSA_3072));
	kc_pair    *public = made_public(made_of(KC_PAIR_RSA_2048));
	kc_view		bad[1] = {{(const uint8_t *) "\x30\x00", 2}};

	ok(export(other, leaf.der, 1, text_view("p"), sizeof(file)) == KC_BAD_INPUT &&
	   export(pair, root.der, 1, text_view("p"), sizeof(file)) == KC_BAD_INPUT, "a certificate of another key is refused");
	file_len = sizeof(file);
	ok(kc_pkcs12_export(pair, leaf.der, bad, 1, text_view("p"), file, &file_len) == KC_BAD_INPUT && file_len == 0 &&
	   export(pair, bad[0], 0, text_view("p"), sizeof(file)) == KC_BAD_INPUT &&
	   export(pair, NONE, 0, text_view("p"), sizeof(file)) == KC_BAD_INPUT, "and what is no certificate");
	ok(export(public, leaf.der, 0, text_view("p"), sizeof(file)) == KC_FAILED, "a public key alone is not exported");
	kc_pair_free(other);
	kc_pair_free(public);
}

/* Whether bytes are in memory that OpenSSL has freed.  Its KDF leaves the passphrase there in UTF-16: pkcs12.c says so. */
static void
test_traces(const made *m)
{
	static const char passphrase[] = "correct horse battery staple";
	kc_pair    *pair = made_pair(m);
	uint8_t		prime[32];
	kc_status	status;
	bool		found;

	/* Of RSA-2048: somewhere in its first prime, which is behind n, e and d. */
	memcpy(prime, m->private_der + 700, sizeof(prime));
	status = export(pair, leaf.der, 1, text_view(passphrase), sizeof(file));
	fault_hold();
	if (status == KC_OK)
		status = export(pair, leaf.der, 1, text_view(passphrase), sizeof(file));
	found = fault_held(passphrase, 16) || fault_held(prime, sizeof(prime));
	kc_pair_free(pair);
	fault_let_go();
	ok(status == KC_OK && !found, "neither passphrase nor key is left in memory");
}

void
test_pkcs12(void)
{
	const made *m = made_of(KC_PAIR_RSA_2048);
	kc_pair    *pair = made_pair(m);

	tap_section("PKCS #12");
	test_kinds();
	set_up(KC_PAIR_RSA_2048);
	ok(export(pair, leaf.der, 2, text_view("p"), sizeof(file)) == KC_OK && is_modern(), "nothing of the last century is in it");
	test_passphrases(pair, m);
	test_sizes(pair, m);
	test_export_refusals(pair);
	test_traces(m);
	tear_down();
	kc_pair_free(pair);
}
