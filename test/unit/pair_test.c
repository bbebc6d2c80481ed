/*
 * Key pairs: what is made, and which bytes are one.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

static kc_view
private_of(const made *m)
{
	return kc_view_of(m->private_der, m->private_len);
}

static kc_view
public_of(const made *m)
{
	return kc_view_of(m->public_der, m->public_len);
}

/* Written byte for byte as OpenSSL writes it, and a good pair in its eyes. */
static void
standard_form(const made *m)
{
	EVP_PKEY   *key = made_theirs(m);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	uint8_t    *private_der = NULL;
	uint8_t    *public_der = NULL;
	int			private_len = i2d_PKCS8_PRIV_KEY_INFO(info, &private_der);
	int			public_len = i2d_PUBKEY(key, &public_der);

	ok(ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1 && (PAIR_IS_RSA(m->kind) || EVP_PKEY_check(ctx) == 1),
	   "%s: a pair is a good one in OpenSSL's eyes", pair_name(m->kind));
	ok((size_t) public_len == m->public_len && memcmp(public_der, m->public_der, m->public_len) == 0,
	   "%s: its public key is what OpenSSL writes", pair_name(m->kind));
	/* Of ML-DSA OpenSSL writes more than the seed. */
	ok(PAIR_IS_ML_DSA(m->kind) ||
	   ((size_t) private_len == m->private_len && memcmp(private_der, m->private_der, m->private_len) == 0),
	   "%s: and so is its private key", pair_name(m->kind));
	OPENSSL_free(private_der);
	OPENSSL_free(public_der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static bool
public_is(const kc_pair *pair, kc_view expected)
{
	uint8_t		der[KC_PUBLIC_MAX];
	size_t		len = sizeof(der);

	memset(der, 0xaa, sizeof(der));
	return kc_pair_public(pair, der, &len) == KC_OK && len == expected.len &&
		memcmp(der, expected.data, len) == 0 && all_bytes(der + len, sizeof(der) - len, 0) && queue_empty();
}

static void
opens(const made *m)
{
	kc_pair    *pair = made_pair(m);
	kc_pair    *public = made_public(m);

	ok(kc_pair_kind_of(pair) == m->kind && kc_pair_kind_of(public) == m->kind &&
	   public_is(pair, public_of(m)) && public_is(public, public_of(m)),
	   "%s: opened from either half, a pair has its kind and its public key", pair_name(m->kind));
	kc_pair_free(pair);
	kc_pair_free(public);
}

/* Made by OpenSSL alone. */
static void
theirs(int kind)
{
	static const char *const curves[] = {"P-256", "secp256k1", "P-384", "P-521", "SM2"};
	EVP_PKEY   *key = kind == KC_PAIR_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") :
		kind == KC_PAIR_EC_SM2 ? EVP_PKEY_Q_keygen(NULL, NULL, "SM2") :
		PAIR_IS_RSA(kind) ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048) :
		EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[kind - KC_PAIR_EC_P256]);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	uint8_t    *private_der = NULL;
	uint8_t    *public_der = NULL;
	int			private_len = i2d_PKCS8_PRIV_KEY_INFO(info, &private_der);
	int			public_len = i2d_PUBKEY(key, &public_der);
	kc_pair    *pair = NULL;

	ok(kc_pair_open(kind, kc_view_of(private_der, (size_t) private_len), &pair) == KC_OK &&
	   public_is(pair, kc_view_of(public_der, (size_t) public_len)),
	   "%s: a pair that OpenSSL made opens", pair_name(kind));
	kc_pair_free(pair);
	OPENSSL_free(private_der);
	OPENSSL_free(public_der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
}

/* Too little for either key; not of RSA, which takes long and has its test in transport_test.c. */
static void
rooms(const made *m)
{
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	kc_pair    *pair = made_public(m);
	size_t		len = m->public_len - 1;
	bool		good = true;

	memset(public_der, 0xaa, sizeof(public_der));
	ok(kc_pair_public(pair, public_der, &len) == KC_BAD_INPUT && len == 0 &&
	   all_bytes(public_der, m->public_len - 1, 0) && public_der[m->public_len - 1] == 0xaa,
	   "%s: a public key does not fit into a byte less", pair_name(m->kind));
	kc_pair_free(pair);
	for (size_t less = 0; less < 3 && !PAIR_IS_RSA(m->kind); less++)
	{
		size_t		private_len = m->private_len - (less == 1);
		size_t		public_len = m->public_len - (less == 2);
		kc_status	status;

		memset(private_der, 0xaa, sizeof(private_der));
		memset(public_der, 0xaa, sizeof(public_der));
		status = kc_pair_generate(m->kind, private_der, &private_len, public_der, &public_len, NULL);
		if (less == 0)
			good = good && status == KC_OK && private_len == m->private_len && public_len == m->public_len;
		else
			good = good && status == KC_BAD_INPUT && private_len == 0 && public_len == 0 &&
				all_bytes(private_der, m->private_len - (less == 1), 0) &&
				all_bytes(public_der, m->public_len - (less == 2), 0);
		good = good && private_der[m->private_len] == 0xaa && public_der[m->public_len] == 0xaa;
	}
	ok(good && queue_empty(), "%s: nor a pair, of which nothing is left", pair_name(m->kind));
}

static void
other_lengths(const made *m)
{
	uint8_t		longer[KC_PUBLIC_MAX + KC_PRIVATE_MAX] = {0};
	bool		good = true;

	for (size_t len = 0; len < m->public_len; len++)
		good = good && pair_opens_as(m->kind, true, kc_view_of(m->public_der, len), KC_BAD_INPUT);
	memcpy(longer, m->public_der, m->public_len);
	good = good && pair_opens_as(m->kind, true, kc_view_of(longer, m->public_len + 1), KC_BAD_INPUT);
	ok(good, "%s: a public key cut or continued is refused", pair_name(m->kind));
	for (size_t len = 0; len < m->private_len; len++)
		good = good && pair_opens_as(m->kind, false, kc_view_of(m->private_der, len), KC_BAD_INPUT);
	memset(longer, 0, sizeof(longer));
	memcpy(longer, m->private_der, m->private_len);
	good = good && pair_opens_as(m->kind, false, kc_view_of(longer, m->private_len + 1), KC_BAD_INPUT);
	ok(good, "%s: a private key cut or continued is refused", pair_name(m->kind));
}

/*
 * A bit of a public key turned: refused, or another key, which is written again as
 * it was read.  Of a point, no bit may turn.
 */
static void
turned_public(const made *m)
{
	uint8_t    *der = exactly(m->public_der, m->public_len);
	bool		good = true;
	int			opened = 0;

	for (size_t bit = 0; bit < 8 * m->public_len; bit++)
	{
		kc_pair    *pair = NULL;
		kc_status	status;

		der[bit / 8] ^= (uint8_t) (1 << bit % 8);
		status = kc_pair_open_public(m->kind, kc_view_of(der, m->public_len), &pair);
		good = good && (pair != NULL) == (status == KC_OK) && (pair != NULL || status == KC_BAD_INPUT) &&
			queue_empty() && (pair == NULL || public_is(pair, kc_view_of(der, m->public_len)));
		opened += pair != NULL;
		kc_pair_free(pair);
		der[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	if (PAIR_IS_EC(m->kind))
		ok(good && opened == 0, "%s: no bit of a public key may turn", pair_name(m->kind));
	else
		ok(good, "%s: a public key with a bit turned is refused, or another key in the only spelling it has",
		   pair_name(m->kind));
	free(der);
}

/* The secret number in a private key of a curve; it stands behind the second version. */
static size_t
secret_at(const made *m)
{
	for (size_t at = 0; at + 5 < m->private_len; at++)
		if (memcmp(m->private_der + at, "\2\1\1\4", 4) == 0)
			return at + 5;
	abort();
}

/* Whether a byte of a private key belongs to a number that may be another one. */
static bool
is_number(const made *m, size_t at)
{
	size_t		from = PAIR_IS_EC(m->kind) ? secret_at(m) : m->private_len - 32;

	if (PAIR_IS_RSA(m->kind))
		return at >= 36;
	return at >= from && at < from + (PAIR_IS_EC(m->kind) ? m->private_der[from - 1] : 32);
}

/* Whether the numbers belong together is not looked at: what opens differs in them alone. */
static void
turned_private(const made *m)
{
	uint8_t    *der = exactly(m->private_der, m->private_len);
	bool		good = true;

	for (size_t at = 0; at < m->private_len; at++)
		for (int bit = PAIR_IS_RSA(m->kind) ? (int) (at % 7) : 0; bit < 8; bit += PAIR_IS_RSA(m->kind) ? 8 : 1)
		{
			kc_pair    *pair = NULL;
			kc_status	status;

			der[at] ^= (uint8_t) (1 << bit);
			status = kc_pair_open(m->kind, kc_view_of(der, m->private_len), &pair);
			good = good && (pair != NULL) == (status == KC_OK) && (pair != NULL || status == KC_BAD_INPUT) &&
				queue_empty() && (status != KC_OK || is_number(m, at));
			kc_pair_free(pair);
			der[at] ^= (uint8_t) (1 << bit);
		}
	ok(good, "%s: no bit of a private key may turn but in its secret numbers", pair_name(m->kind));
	free(der);
}

static void
other_kinds(const made *m)
{
	bool		good = pair_opens_as(m->kind, true, private_of(m), KC_BAD_INPUT) &&
		pair_opens_as(m->kind, false, public_of(m), KC_BAD_INPUT);

	ok(good, "%s: one half of a pair is not the other", pair_name(m->kind));
	for (int kind = PAIR_FIRST - 1; kind <= PAIR_LAST + 1; kind++)
		good = good && (kind == m->kind || (pair_opens_as(kind, true, public_of(m), KC_BAD_INPUT) &&
											pair_opens_as(kind, false, private_of(m), KC_BAD_INPUT)));
	ok(good, "%s: nor a pair of another kind", pair_name(m->kind));
}

/* SEQUENCE { algorithm, BIT STRING }, one of the three lengthened where asked. */
static bool
spki_opens_as(int kind, kc_view algorithm, uint8_t unused, kc_view key, int trick, kc_status expected)
{
	uint8_t		bits[1024];
	uint8_t		info[1024];
	uint8_t		der[1024];
	size_t		len;

	bits[0] = unused;
	if (key.len > 0)
		memcpy(bits + 1, key.data, key.len);
	memcpy(info, algorithm.data, algorithm.len);
	len = algorithm.len;
	len += der_element(0x03, kc_view_of(bits, 1 + key.len), trick == 1, info + len);
	if (trick == 2)
		info[len++] = 0;
	len = der_element(0x30, kc_view_of(info, len), trick == 3, der);
	return pair_opens_as(kind, true, kc_view_of(der, len), expected);
}

/* The AlgorithmIdentifier and the key in a public key of ours. */
static void
split(const made *m, kc_view *algorithm, kc_view *key)
{
	size_t		at = m->public_der[1] < 0x80 ? 2 : (size_t) m->public_der[1] - 0x80 + 2;

	*algorithm = kc_view_of(m->public_der + at, m->public_der[at + 1] + (size_t) 2);
	at += algorithm->len + 1;
	at += m->public_der[at] < 0x80 ? 1 : (size_t) m->public_der[at] - 0x80 + 1;
	*key = kc_view_of(m->public_der + at + 1, m->public_len - at - 1);
}

static void
one_spelling(const made *m)
{
	kc_view		algorithm;
	kc_view		key;

	split(m, &algorithm, &key);
	ok(spki_opens_as(m->kind, algorithm, 0, key, 0, KC_OK),
	   "%s: a public key put together by hand opens", pair_name(m->kind));
	ok(spki_opens_as(m->kind, algorithm, 0, key, 1, KC_BAD_INPUT) &&
	   spki_opens_as(m->kind, algorithm, 0, key, 3, KC_BAD_INPUT),
	   "%s: but not with a length longer than it need be", pair_name(m->kind));
	ok(spki_opens_as(m->kind, algorithm, 0, key, 2, KC_BAD_INPUT),
	   "%s: nor with a byte behind its parts", pair_name(m->kind));
	ok(spki_opens_as(m->kind, algorithm, 1, key, 0, KC_BAD_INPUT) &&
	   spki_opens_as(m->kind, algorithm, 7, key, 0, KC_BAD_INPUT) &&
	   spki_opens_as(m->kind, algorithm, 8, key, 0, KC_BAD_INPUT), "%s: nor with unused bits", pair_name(m->kind));
	ok(spki_opens_as(m->kind, algorithm, 0, NONE, 0, KC_BAD_INPUT) &&
	   spki_opens_as(m->kind, algorithm, 0, kc_view_of(key.data, key.len - 1), 0, KC_BAD_INPUT),
	   "%s: nor with a key a byte short, or none", pair_name(m->kind));
}

static int
curve_of(int kind)
{
	static const int curves[] = {NID_X9_62_prime256v1, NID_secp256k1, NID_secp384r1, NID_secp521r1, NID_sm2};

	return curves[kind - KC_PAIR_EC_P256];
}

/* Coordinates that name the same point when reduced: the smallest x there is, plus p. */
static bool
same_point_plus_prime(int kind, kc_view algorithm, size_t len)
{
	EC_GROUP   *group = EC_GROUP_new_by_curve_name(curve_of(kind));
	EC_POINT   *point = EC_POINT_new(group);
	BIGNUM	   *x = BN_new();
	BIGNUM	   *y = BN_new();
	BIGNUM	   *p = BN_new();
	uint8_t		bytes[133] = {4};
	bool		good;

	EC_GROUP_get_curve(group, p, NULL, NULL, NULL);
	do
		BN_add_word(x, 1);
	while (EC_POINT_set_compressed_coordinates(group, point, x, 0, NULL) != 1);
	EC_POINT_get_affine_coordinates(group, point, x, y, NULL);
	BN_bn2binpad(x, bytes + 1, (int) len);
	BN_bn2binpad(y, bytes + 1 + len, (int) len);
	good = spki_opens_as(kind, algorithm, 0, kc_view_of(bytes, 1 + 2 * len), 0, KC_OK);
	BN_add(x, x, p);
	good = good && BN_bn2binpad(x, bytes + 1, (int) len) == (int) len &&
		spki_opens_as(kind, algorithm, 0, kc_view_of(bytes, 1 + 2 * len), 0, KC_BAD_INPUT);
	BN_free(x);
	BN_free(y);
	BN_free(p);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return good;
}

static void
points(const made *m)
{
	kc_view		algorithm;
	kc_view		key;
	uint8_t		point[134] = {0};
	size_t		len;
	bool		good;

	split(m, &algorithm, &key);
	len = (key.len - 1) / 2;
	memcpy(point, key.data, key.len);
	point[0] = 2 + (key.data[key.len - 1] & 1);
	ok(spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, 1 + len), 0, KC_BAD_INPUT),
	   "%s: a compressed point is refused", pair_name(m->kind));
	point[0] += 4;
	ok(spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, key.len), 0, KC_BAD_INPUT),
	   "%s: and a hybrid one", pair_name(m->kind));
	point[0] = 0;
	good = spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, 1), 0, KC_BAD_INPUT);
	memset(point, 0, sizeof(point));
	good = good && spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, key.len), 0, KC_BAD_INPUT);
	point[0] = 4;
	good = good && spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, key.len), 0, KC_BAD_INPUT);
	ok(good, "%s: and the point at infinity, however it is written", pair_name(m->kind));
	memset(point + 1, 0xff, key.len - 1);
	ok(spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, key.len), 0, KC_BAD_INPUT),
	   "%s: and coordinates that are too large", pair_name(m->kind));
	memcpy(point, key.data, key.len);
	memcpy(point + 1, key.data + 1 + len, len);
	memcpy(point + 1 + len, key.data + 1, len);
	ok(spki_opens_as(m->kind, algorithm, 0, kc_view_of(point, key.len), 0, KC_BAD_INPUT),
	   "%s: and one that is not on the curve", pair_name(m->kind));
	ok(same_point_plus_prime(m->kind, algorithm, len), "%s: a coordinate has one spelling", pair_name(m->kind));
}

static void
secrets(const made *m)
{
	EC_GROUP   *group = EC_GROUP_new_by_curve_name(curve_of(m->kind));
	uint8_t    *der = exactly(m->private_der, m->private_len);
	size_t		at = secret_at(m);
	size_t		len = der[at - 1];
	bool		good;

	memset(der + at, 0, len);
	good = pair_opens_as(m->kind, false, kc_view_of(der, m->private_len), KC_BAD_INPUT);
	ok(good, "%s: a secret number of zero is refused", pair_name(m->kind));
	BN_bn2binpad(EC_GROUP_get0_order(group), der + at, (int) len);
	good = pair_opens_as(m->kind, false, kc_view_of(der, m->private_len), KC_BAD_INPUT);
	memset(der + at, 0xff, len);
	good = good && pair_opens_as(m->kind, false, kc_view_of(der, m->private_len), KC_BAD_INPUT);
	ok(good, "%s: and one that is not below the order", pair_name(m->kind));
	free(der);
	EC_GROUP_free(group);
}

/* A public key of these numbers, written as they are: a first zero byte is up to the test. */
static bool
rsa_opens_as(int kind, kc_view algorithm, kc_view n, kc_view e, kc_status expected)
{
	uint8_t		numbers[800];
	uint8_t		key[800];
	size_t		len = der_element(0x02, n, false, numbers);

	len += der_element(0x02, e, false, numbers + len);
	len = der_element(0x30, kc_view_of(numbers, len), false, key);
	return spki_opens_as(kind, algorithm, 0, kc_view_of(key, len), 0, expected);
}

typedef struct exponent
{
	const char *name;
	uint8_t		bytes[10];
	size_t		len;
	kc_status	expected;
} exponent;

static void
exponents(const made *m, kc_view algorithm, kc_view n)
{
	static const exponent some[] = {
		{"0", {0}, 1, KC_BAD_INPUT},
		{"1", {1}, 1, KC_BAD_INPUT},
		{"2", {2}, 1, KC_BAD_INPUT},
		{"3", {3}, 1, KC_OK},
		{"65536", {1, 0, 0}, 3, KC_BAD_INPUT},
		{"65537", {1, 0, 1}, 3, KC_OK},
		{"65537 with a zero before it", {0, 1, 0, 1}, 4, KC_BAD_INPUT},
		{"-3", {0xfd}, 1, KC_BAD_INPUT},
		{"no bytes", {0}, 0, KC_BAD_INPUT},
		{"2^64 - 1", {0, 255, 255, 255, 255, 255, 255, 255, 255}, 9, KC_OK},
		{"2^64 + 1", {1, 0, 0, 0, 0, 0, 0, 0, 1}, 9, KC_BAD_INPUT},
	};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		ok(rsa_opens_as(m->kind, algorithm, n, kc_view_of(some[i].bytes, some[i].len), some[i].expected),
		   "%s: an exponent of %s is %s", pair_name(m->kind), some[i].name,
		   some[i].expected == KC_OK ? "accepted" : "refused");
}

static void
moduli(const made *m)
{
	static const uint8_t e[] = {1, 0, 1};
	kc_view		algorithm;
	kc_view		key;
	kc_view		exp = kc_view_of(e, sizeof(e));
	uint8_t		n[514] = {0};	/* a zero, then the modulus */
	size_t		len = m->kind == KC_PAIR_RSA_2048 ? 256 : m->kind == KC_PAIR_RSA_3072 ? 384 : 512;
	bool		good = true;

	split(m, &algorithm, &key);
	memcpy(n + 1, key.data + 9, len);
	ok(rsa_opens_as(m->kind, algorithm, kc_view_of(n, len + 1), exp, KC_OK),
	   "%s: a key of its numbers opens", pair_name(m->kind));
	exponents(m, algorithm, kc_view_of(n, len + 1));
	ok(rsa_opens_as(m->kind, algorithm, kc_view_of(n + 1, len), exp, KC_BAD_INPUT),
	   "%s: a negative modulus is refused", pair_name(m->kind));
	n[len] ^= 1;
	ok(rsa_opens_as(m->kind, algorithm, kc_view_of(n, len + 1), exp, KC_BAD_INPUT),
	   "%s: and an even one", pair_name(m->kind));
	n[len] ^= 1;
	n[1] &= 0x7f;
	ok(rsa_opens_as(m->kind, algorithm, kc_view_of(n + 1, len), exp, KC_BAD_INPUT) &&
	   rsa_opens_as(m->kind, algorithm, kc_view_of(n, len + 1), exp, KC_BAD_INPUT),
	   "%s: and one that is a bit short", pair_name(m->kind));
	n[1] |= 0x80;
	for (size_t other = 64; other <= 512; other += 64)
	{
		n[other] |= 1;
		n[other + 1] = 0;
		good = good && (other == len || rsa_opens_as(m->kind, algorithm, kc_view_of(n, other + 1), exp, KC_BAD_INPUT));
	}
	ok(good, "%s: and every other one of 512 to 4096 bits", pair_name(m->kind));
	memmove(n + 1, n, len + 1);
	ok(rsa_opens_as(m->kind, algorithm, kc_view_of(n, len + 2), exp, KC_BAD_INPUT),
	   "%s: and one with two zeros before it", pair_name(m->kind));
}

static void
unknown_kinds(void)
{
	static const int numbers[] = {0, -1, PAIR_LAST + 1, INT32_MAX, INT32_MIN};
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	bool		good = true;

	for (int i = 0; i < 5; i++)
	{
		size_t		private_len = sizeof(private_der);
		size_t		public_len = sizeof(public_der);

		memset(private_der, 0xaa, sizeof(private_der));
		memset(public_der, 0xaa, sizeof(public_der));
		good = good && kc_pair_generate(numbers[i], private_der, &private_len, public_der, &public_len,
			NULL) == KC_BAD_INPUT &&
			private_len == 0 && public_len == 0 && all_bytes(private_der, sizeof(private_der), 0) &&
			all_bytes(public_der, sizeof(public_der), 0) && pair_opens_as(numbers[i], true, NONE, KC_BAD_INPUT) &&
			pair_opens_as(numbers[i], false, NONE, KC_BAD_INPUT);
	}
	ok(good, "a number that is no kind of pairs is refused and everything wiped");
	kc_pair_free(NULL);
}

static bool
at_once(void)
{
	return true;
}

static void
cancelling(int kind)
{
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	size_t		private_len = sizeof(private_der);
	size_t		public_len = sizeof(public_der);

	memset(private_der, 0xaa, sizeof(private_der));
	memset(public_der, 0xaa, sizeof(public_der));
	ok(kc_pair_generate(kind, private_der, &private_len, public_der, &public_len, at_once) == KC_CANCELLED &&
	   private_len == 0 && public_len == 0 && all_bytes(private_der, sizeof(private_der), 0) &&
	   all_bytes(public_der, sizeof(public_der), 0) && queue_empty(),
	   "%s: cancelled at once, no pair is made and nothing left", pair_name(kind));
}

static void
missing(const made *m)
{
	static const char *const types[] = {"RSA", "EC", "SM2", "ED25519"};
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	size_t		private_len = sizeof(private_der);
	size_t		public_len = sizeof(public_der);
	bool		good;

	fault_deny(types[PAIR_IS_RSA(m->kind) ? 0 : m->kind == KC_PAIR_ED25519 ? 3 : m->kind == KC_PAIR_EC_SM2 ? 2 : 1]);
	good = kc_pair_generate(m->kind, private_der, &private_len, public_der, &public_len, NULL) == KC_UNSUPPORTED &&
		private_len == 0 && public_len == 0 && pair_opens_as(m->kind, true, public_of(m), KC_UNSUPPORTED) &&
		pair_opens_as(m->kind, false, private_of(m), KC_UNSUPPORTED);
	ok(fault_off() && good && queue_empty(), "%s: unsupported where OpenSSL lacks it", pair_name(m->kind));
}

/* Not in this OpenSSL: every call says so, and leaves nothing. */
static void
not_there(int kind)
{
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	uint8_t		seed_der[54] = {0x30, 0x34, 2, 1, 0, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0, 4, 0x22,
		0x80, 0x20};
	size_t		private_len = sizeof(private_der);
	size_t		public_len = sizeof(public_der);

	memset(private_der, 0xaa, sizeof(private_der));
	memset(public_der, 0xaa, sizeof(public_der));
	seed_der[17] = (uint8_t) (0x11 + kind - KC_PAIR_ML_DSA_44);
	ok(kc_pair_generate(kind, private_der, &private_len, public_der, &public_len, NULL) == KC_UNSUPPORTED &&
	   private_len == 0 && public_len == 0 && all_bytes(private_der, sizeof(private_der), 0) &&
	   all_bytes(public_der, sizeof(public_der), 0) && queue_empty(),
	   "%s: this OpenSSL makes no pair, and nothing is left", pair_name(kind));
	ok(pair_opens_as(kind, false, kc_view_of(seed_der, sizeof(seed_der)), KC_UNSUPPORTED) &&
	   pair_opens_as(kind, false, kc_view_of(seed_der, sizeof(seed_der) - 1), KC_BAD_INPUT),
	   "%s: nor opens one", pair_name(kind));
}

/* Making, opening, signing, closing: freed memory holds nothing of the secret. */
static void
traces(int kind, int signature)
{
	uint8_t		value[KC_SIGNATURE_MAX];
	uint8_t		digest[64] = {1};
	size_t		len = sizeof(value);
	made		m = {.kind = kind, .private_len = sizeof(m.private_der), .public_len = sizeof(m.public_der)};
	size_t		at;
	kc_pair    *pair;
	bool		found = false;

	fault_hold();
	if (kc_pair_generate(kind, m.private_der, &m.private_len, m.public_der, &m.public_len, NULL) != KC_OK)
		abort();
	at = kind == KC_PAIR_ED25519 ? 16 : secret_at(&m);
	pair = made_pair(&m);
	if (kc_sign(pair, signature, kc_view_of(digest, kc_signature_digest_len(signature)), value, &len) != KC_OK)
		abort();
	kc_pair_free(pair);
	for (size_t part = 0; part < 2; part++)
		found = found || fault_held(m.private_der + at + 16 * part, 16);
	fault_let_go();
	ok(!found, "%s: making, opening and signing leave no trace of the secret", pair_name(kind));
}

void
test_pair(void)
{
	tap_section("key pairs");
	unknown_kinds();
	for (int kind = PAIR_FIRST; kind <= PAIR_LAST; kind++)
	{
		const made *m = made_of(kind);

		if (m == NULL)
		{
			not_there(kind);
			continue;
		}
		standard_form(m);
		opens(m);
		rooms(m);
		other_lengths(m);
		turned_public(m);
		turned_private(m);
		other_kinds(m);
		if (!PAIR_IS_ML_DSA(kind))
		{
			one_spelling(m);
			missing(m);
		}
		if (kind == KC_PAIR_RSA_2048 || (!PAIR_IS_RSA(kind) && !PAIR_IS_ML_DSA(kind)))
			theirs(kind);
		if (PAIR_IS_RSA(kind))
		{
			moduli(m);
			cancelling(kind);
		}
		if (PAIR_IS_EC(kind))
		{
			points(m);
			secrets(m);
		}
	}
	traces(KC_PAIR_EC_P256, KC_ECDSA_SHA_256);
	traces(KC_PAIR_EC_P256K, KC_ECDSA_SHA_256);
	traces(KC_PAIR_EC_P384, KC_ECDSA_SHA_384);
	traces(KC_PAIR_EC_P521, KC_ECDSA_SHA_512);
	traces(KC_PAIR_EC_SM2, KC_SM2DSA);
	traces(KC_PAIR_ED25519, KC_ED25519);
}
