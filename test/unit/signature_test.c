/*
 * Signatures: known ones, theirs and ours, and the many that are none.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define SIGNATURE_FIRST	KC_RSA_PSS_SHA_256
#define SIGNATURE_LAST	KC_ML_DSA_87

static const char *const names[] = {
	"no signature", "PSS", "PKCS #1 v1.5", "ECDSA with SHA-256", "ECDSA with SHA-384", "ECDSA with SHA-512",
	"SM2", "Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"
};

/* What is signed: a digest, or a message of some length. */
static const uint8_t text[64] = "sixty-four bytes, which are a digest or a part of it, or a text";

/* A pair, how it signs, and the same pair in OpenSSL's hands. */
typedef struct signer
{
	const made *m;
	int			signature;
	kc_pair    *pair;
	kc_pair    *public;
	EVP_PKEY   *theirs;
	kc_view		input;
	uint8_t		value[KC_SIGNATURE_MAX];
	size_t		len;
} signer;

static kc_view
input_of(int signature)
{
	size_t		len = kc_signature_digest_len(signature);

	return kc_view_of(text, len > 0 ? len : sizeof(text));
}

static signer
signer_new(int kind, int signature)
{
	signer		s = {.m = made_of(kind), .signature = signature, .input = input_of(signature), .len = sizeof(s.value)};

	s.pair = made_pair(s.m);
	s.public = made_public(s.m);
	s.theirs = made_theirs(s.m);
	if (kc_sign(s.pair, signature, s.input, s.value, &s.len) != KC_OK)
		abort();
	return s;
}

static void
signer_free(signer *s)
{
	kc_pair_free(s->pair);
	kc_pair_free(s->public);
	EVP_PKEY_free(s->theirs);
}

/* Verify an exact copy with the public key. */
static bool
verifies_as(kc_pair *pair, int signature, kc_view input, kc_view value, kc_status expected)
{
	uint8_t    *copy = exactly(value.data, value.len);
	uint8_t    *input_copy = exactly(input.data, input.len);
	kc_status	status = kc_verify(pair, signature, kc_view_of(input_copy, input.len), kc_view_of(copy, value.len));

	free(copy);
	free(input_copy);
	return status == expected && queue_empty();
}

static bool
refused(const signer *s, const uint8_t *value, size_t len)
{
	return verifies_as(s->public, s->signature, s->input, kc_view_of(value, len), KC_BAD_TAG);
}

static const char *
title(const signer *s)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s, %s", pair_name(s->m->kind), names[s->signature]);
	return name;
}

static bool
set_up_theirs(const signer *s, EVP_PKEY_CTX *ctx)
{
	if (!PAIR_IS_RSA(s->m->kind))
		return true;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, s->signature == KC_RSA_PSS_SHA_256 ?
		RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1 ||
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		return false;
	return s->signature != KC_RSA_PSS_SHA_256 || (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
												  EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1);
}

static size_t
their_signature(const signer *s, uint8_t out[KC_SIGNATURE_MAX])
{
	size_t		len = KC_SIGNATURE_MAX;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->theirs, NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool		whole = kc_signature_digest_len(s->signature) == 0;

	if (whole ? EVP_DigestSignInit(md, NULL, NULL, NULL, s->theirs) != 1 ||
		EVP_DigestSign(md, out, &len, s->input.data, s->input.len) != 1 :
		EVP_PKEY_sign_init(ctx) != 1 || !set_up_theirs(s, ctx) ||
		EVP_PKEY_sign(ctx, out, &len, s->input.data, s->input.len) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	EVP_MD_CTX_free(md);
	return len;
}

static bool
they_verify(const signer *s, kc_view value)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->theirs, NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool		whole = kc_signature_digest_len(s->signature) == 0;
	bool		good = whole ? EVP_DigestVerifyInit(md, NULL, NULL, NULL, s->theirs) == 1 &&
		EVP_DigestVerify(md, value.data, value.len, s->input.data, s->input.len) == 1 :
		EVP_PKEY_verify_init(ctx) == 1 && set_up_theirs(s, ctx) &&
		EVP_PKEY_verify(ctx, value.data, value.len, s->input.data, s->input.len) == 1;

	EVP_PKEY_CTX_free(ctx);
	EVP_MD_CTX_free(md);
	return good;
}

static void
both_ways(signer *s)
{
	uint8_t		value[KC_SIGNATURE_MAX];
	size_t		len = their_signature(s, value);
	bool		fixed = s->signature == KC_RSA_PKCS1_SHA_256 || s->signature == KC_ED25519;

	ok(they_verify(s, kc_view_of(s->value, s->len)), "%s: OpenSSL verifies what we sign", title(s));
	ok(verifies_as(s->public, s->signature, s->input, kc_view_of(value, len), KC_OK) &&
	   verifies_as(s->pair, s->signature, s->input, kc_view_of(value, len), KC_OK),
	   "%s: both halves of the pair verify what OpenSSL signs", title(s));
	if (fixed)
		ok(len == s->len && memcmp(value, s->value, len) == 0, "%s: and it is the same signature", title(s));
	memset(value, 0xaa, sizeof(value));
	len = sizeof(value);
	ok(kc_sign(s->pair, s->signature, s->input, value, &len) == KC_OK && queue_empty() &&
	   (len == s->len && memcmp(value, s->value, len) == 0) == fixed &&
	   verifies_as(s->public, s->signature, s->input, kc_view_of(value, len), KC_OK),
	   "%s: the second signature is %s", title(s), fixed ? "the same" : "another one");
}

/* Every bit, or one of each byte where verifying takes long. */
static size_t
step(const signer *s)
{
	bool		slow = s->m->kind == KC_PAIR_RSA_3072 || s->m->kind == KC_PAIR_RSA_4096 ||
		s->m->kind == KC_PAIR_EC_P384 || s->m->kind == KC_PAIR_EC_P521 || PAIR_IS_ML_DSA(s->m->kind);

	return slow ? 7 : 1;
}

static void
damage(const signer *s)
{
	uint8_t		value[KC_SIGNATURE_MAX + 1] = {0};
	bool		good = true;

	for (size_t len = 0; len < s->len; len++)
		good = good && refused(s, s->value, len);
	ok(good && kc_verify(s->public, s->signature, s->input, NONE) == KC_BAD_TAG,
	   "%s: a signature that is cut, or none, is refused", title(s));
	memcpy(value, s->value, s->len);
	ok(refused(s, value, s->len + 1) && refused(s, value, sizeof(value)), "%s: and one that goes on", title(s));
	for (size_t bit = 0; bit < 8 * s->len; bit += step(s))
	{
		value[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && refused(s, value, s->len);
		value[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good, "%s: no bit of a signature may turn", title(s));
	ok(verifies_as(s->public, s->signature, s->input, kc_view_of(value, s->len), KC_OK),
	   "%s: and after all that it still verifies", title(s));
	memset(value, 0, sizeof(value));
	good = refused(s, value, s->len);
	memset(value, 0xff, sizeof(value));
	ok(good && refused(s, value, s->len) && refused(s, value, KC_SIGNATURE_MAX),
	   "%s: zeros and ones are no signature", title(s));
}

static void
other_inputs(const signer *s)
{
	uint8_t		input[65];
	bool		good = true;
	size_t		digest_len = kc_signature_digest_len(s->signature);

	memcpy(input, text, 64);
	for (size_t bit = 0; bit < 8 * s->input.len; bit += step(s))
	{
		input[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && verifies_as(s->public, s->signature, kc_view_of(input, s->input.len),
								   kc_view_of(s->value, s->len), KC_BAD_TAG);
		input[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good, "%s: no bit of what is signed may turn", title(s));
	for (size_t len = 0; len <= sizeof(input) && digest_len > 0; len++)
	{
		uint8_t		value[KC_SIGNATURE_MAX];
		size_t		value_len = sizeof(value);

		if (len == digest_len)
			continue;
		memset(value, 0xaa, sizeof(value));
		good = good && verifies_as(s->public, s->signature, kc_view_of(input, len), kc_view_of(s->value, s->len),
			KC_BAD_INPUT) &&
			kc_sign(s->pair, s->signature, kc_view_of(input, len), value, &value_len) == KC_BAD_INPUT &&
			value_len == 0 && all_bytes(value, sizeof(value), 0);
	}
	if (digest_len > 0)
		ok(good, "%s: a digest of another length is bad input", title(s));
}

static void
rooms(const signer *s)
{
	uint8_t		value[KC_SIGNATURE_MAX + 1];
	size_t		enough = (size_t) EVP_PKEY_get_size(s->theirs);
	size_t		len = enough;
	bool		good;

	memset(value, 0xaa, sizeof(value));
	good = kc_sign(s->pair, s->signature, s->input, value, &len) == KC_OK && len <= enough && value[enough] == 0xaa;
	for (size_t room = 0; room < enough; room += room + 1 < enough ? enough - 1 : 1)
	{
		memset(value, 0xaa, sizeof(value));
		len = room;
		good = good && kc_sign(s->pair, s->signature, s->input, value, &len) == KC_BAD_INPUT && len == 0 &&
			all_bytes(value, room, 0) && value[room] == 0xaa;
	}
	ok(good && queue_empty(), "%s: too little room is noticed", title(s));
}

static void
public_half(const signer *s)
{
	uint8_t		value[KC_SIGNATURE_MAX];
	size_t		len = sizeof(value);
	kc_status	status;

	memset(value, 0xaa, sizeof(value));
	status = kc_sign(s->public, s->signature, s->input, value, &len);
	ok(status != KC_OK && len == 0 && all_bytes(value, sizeof(value), 0) && queue_empty(),
	   "%s: a public key does not sign", title(s));
}

static void
unfitting(const made *m)
{
	kc_pair    *pair = made_pair(m);
	bool		good = true;
	int			fitting = 0;

	for (int signature = SIGNATURE_FIRST - 1; signature <= SIGNATURE_LAST + 1; signature++)
	{
		uint8_t		value[KC_SIGNATURE_MAX];
		size_t		len = sizeof(value);
		kc_view		input = kc_view_of(text, kc_signature_digest_len(signature));

		if (kc_signature_fits(signature, m->kind))
		{
			fitting++;
			continue;
		}
		memset(value, 0xaa, sizeof(value));
		good = good && kc_sign(pair, signature, input, value, &len) == KC_BAD_INPUT && len == 0 &&
			all_bytes(value, sizeof(value), 0) && verifies_as(pair, signature, input, kc_view_of(value, 64), KC_BAD_INPUT);
	}
	ok(good && queue_empty() && fitting == (PAIR_IS_RSA(m->kind) ? 2 : 1),
	   "%s: signs in %d ways and in no other", pair_name(m->kind), fitting);
	kc_pair_free(pair);
}

/* SEQUENCE { r, s } of two contents, written as they are. */
static size_t
sequence(kc_view r, kc_view s, int trick, uint8_t out[256])
{
	uint8_t		numbers[256];
	size_t		len = der_element(0x02, r, trick == 1, numbers);

	len += der_element(0x02, s, trick == 2, numbers + len);
	if (trick == 3)
		len += der_element(0x02, s, false, numbers + len);
	return der_element(trick == 4 ? 0x31 : 0x30, kc_view_of(numbers, len), trick == 5, out);
}

/* A number as the content of an INTEGER. */
static size_t
content_of(const BIGNUM *number, uint8_t out[80])
{
	out[0] = 0;
	BN_bn2bin(number, out + 1);
	if (BN_is_zero(number))
		return 1;
	if (BN_num_bits(number) % 8 == 0)
		return (size_t) BN_num_bytes(number) + 1;
	memmove(out, out + 1, (size_t) BN_num_bytes(number));
	return (size_t) BN_num_bytes(number);
}

static bool
numbers_refused(const signer *s, const BIGNUM *r, const BIGNUM *t)
{
	uint8_t		first[80];
	uint8_t		second[80];
	uint8_t		value[256];
	size_t		len = content_of(r, first);

	len = sequence(kc_view_of(first, len), kc_view_of(second, content_of(t, second)), 0, value);
	return refused(s, value, len);
}

static const BIGNUM *
order_of(int kind)
{
	static const int curves[] = {NID_X9_62_prime256v1, NID_secp256k1, NID_secp384r1, NID_secp521r1, NID_sm2};
	static EC_GROUP *groups[5];
	int			i = kind - KC_PAIR_EC_P256;

	if (groups[i] == NULL)
		groups[i] = EC_GROUP_new_by_curve_name(curves[i]);
	return EC_GROUP_get0_order(groups[i]);
}

/* Numbers that are out of range, or a right one plus the order. */
static void
bad_numbers(const signer *s)
{
	const uint8_t *der = s->value;
	ECDSA_SIG  *parsed = d2i_ECDSA_SIG(NULL, &der, (long) s->len);
	const BIGNUM *r = ECDSA_SIG_get0_r(parsed);
	const BIGNUM *t = ECDSA_SIG_get0_s(parsed);
	const BIGNUM *n = order_of(s->m->kind);
	BIGNUM	   *zero = BN_new();
	BIGNUM	   *r_over = BN_new();
	BIGNUM	   *s_over = BN_new();

	BN_add(r_over, r, n);
	BN_add(s_over, t, n);
	ok(numbers_refused(s, zero, t) && numbers_refused(s, r, zero) && numbers_refused(s, zero, zero),
	   "%s: zero is no part of a signature", title(s));
	ok(numbers_refused(s, n, t) && numbers_refused(s, r, n) && numbers_refused(s, n, n), "%s: nor is the order", title(s));
	ok(numbers_refused(s, r_over, t) && numbers_refused(s, r, s_over), "%s: nor a right number plus the order", title(s));
	ok(numbers_refused(s, t, r), "%s: nor the numbers in the other order", title(s));
	BN_free(zero);
	BN_free(r_over);
	BN_free(s_over);
	ECDSA_SIG_free(parsed);
}

static void
one_spelling(const signer *s)
{
	static const char *const tricks[] = {
		NULL, "its first length longer than need be", "its second length so", "a third number", "another tag",
		"the length of all longer than need be"
	};
	kc_view		numbers;
	kc_view		whole = kc_view_of(s->value, s->len);
	kc_view		r;
	kc_view		t;
	uint8_t		value[256];
	uint8_t		zeros[80] = {0};

	kc_der_take(&whole, KC_DER_SEQUENCE, &numbers);
	kc_der_take(&numbers, KC_DER_INTEGER, &r);
	kc_der_take(&numbers, KC_DER_INTEGER, &t);
	ok(verifies_as(s->public, s->signature, s->input, kc_view_of(value, sequence(r, t, 0, value)), KC_OK),
	   "%s: a signature put together by hand verifies", title(s));
	for (int trick = 1; trick <= 5; trick++)
		ok(refused(s, value, sequence(r, t, trick, value)), "%s: but not with %s", title(s), tricks[trick]);
	memcpy(zeros + 1, r.data, r.len);
	ok(refused(s, value, sequence(kc_view_of(zeros, r.len + 1), t, 0, value)),
	   "%s: nor with a zero before a number", title(s));
	memcpy(zeros + 1, t.data, t.len);
	ok(refused(s, value, sequence(r, kc_view_of(zeros, t.len + 1), 0, value)), "%s: nor before the second", title(s));
	ok(refused(s, value, sequence(NONE, t, 0, value)) && refused(s, value, sequence(r, NONE, 0, value)),
	   "%s: nor with a number of no bytes", title(s));
	memset(zeros, 0xff, sizeof(zeros));
	ok(refused(s, value, sequence(kc_view_of(zeros, 1), t, 0, value)) &&
	   refused(s, value, sequence(r, kc_view_of(zeros, 32), 0, value)),
	   "%s: nor with a negative number", title(s));
}

/* A zero first byte that is missing makes a number negative: r of 33 bytes as 32. */
static void
missing_zero(signer *s)
{
	uint8_t		value[KC_SIGNATURE_MAX];
	uint8_t		short_value[256];
	size_t		len;
	bool		found = false;

	for (int i = 0; i < 64 && !found; i++)
	{
		kc_view		whole;
		kc_view		numbers;
		kc_view		r;
		kc_view		t;

		len = sizeof(value);
		if (kc_sign(s->pair, s->signature, s->input, value, &len) != KC_OK)
			abort();
		whole = kc_view_of(value, len);
		kc_der_take(&whole, KC_DER_SEQUENCE, &numbers);
		kc_der_take(&numbers, KC_DER_INTEGER, &r);
		kc_der_take(&numbers, KC_DER_INTEGER, &t);
		found = r.data[0] == 0;
		if (found)
			ok(refused(s, short_value, sequence(kc_view_of(r.data + 1, r.len - 1), t, 0, short_value)),
			   "%s: nor without the zero that keeps a number from being negative", title(s));
	}
}

/* Sign with what OpenSSL lets choose. */
static size_t
rsa_variant(const signer *s, int padding, const EVP_MD *md, const EVP_MD *mgf1, int salt_len, kc_view input,
	uint8_t out[512])
{
	size_t		len = 512;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->theirs, NULL);

	if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1 ||
		(md != NULL && EVP_PKEY_CTX_set_signature_md(ctx, md) != 1) ||
		(padding == RSA_PKCS1_PSS_PADDING && (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf1) != 1 ||
											  EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len) != 1)) ||
		EVP_PKEY_sign(ctx, out, &len, input.data, input.len) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static void
pss_variants(const signer *s)
{
	static const int salts[] = {0, 1, 20, 31, 33, 64, RSA_PSS_SALTLEN_MAX};
	uint8_t		value[512];
	bool		good = true;

	ok(verifies_as(s->public, s->signature, s->input, kc_view_of(value, rsa_variant(s, RSA_PKCS1_PSS_PADDING,
	   EVP_sha256(), EVP_sha256(), 32, s->input, value)), KC_OK),
	   "%s: a salt of 32 bytes verifies", title(s));
	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++)
		good = good && refused(s, value, rsa_variant(s, RSA_PKCS1_PSS_PADDING, EVP_sha256(), EVP_sha256(), salts[i],
			s->input, value));
	ok(good, "%s: a salt of any other length does not", title(s));
	ok(refused(s, value, rsa_variant(s, RSA_PKCS1_PSS_PADDING, EVP_sha256(), EVP_sha1(), 32, s->input, value)),
	   "%s: nor does MGF1 with SHA-1", title(s));
	ok(refused(s, value, rsa_variant(s, RSA_PKCS1_PSS_PADDING, EVP_sha512_256(), EVP_sha512_256(), 32, s->input, value)),
	   "%s: nor another hash of 32 bytes", title(s));
	ok(refused(s, value, rsa_variant(s, RSA_PKCS1_PADDING, EVP_sha256(), NULL, 0, s->input, value)),
	   "%s: nor PKCS #1 v1.5", title(s));
}

/* 00 01, FF..., 00, what is encoded: of these bytes, and signed without more ado. */
static size_t
rsa_encoded(const signer *s, kc_view encoded, kc_view behind, uint8_t first, uint8_t out[512])
{
	uint8_t		block[512];
	size_t		len = (size_t) EVP_PKEY_get_size(s->theirs);

	memset(block, 0xff, len);
	block[0] = 0;
	block[1] = first;
	block[len - behind.len - encoded.len - 1] = 0;
	memcpy(block + len - behind.len - encoded.len, encoded.data, encoded.len);
	if (behind.len > 0)
		memcpy(block + len - behind.len, behind.data, behind.len);
	return rsa_variant(s, RSA_NO_PADDING, NULL, NULL, 0, kc_view_of(block, len), out);
}

static void
pkcs1_variants(const signer *s)
{
	static const uint8_t info[] = {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20};
	static const uint8_t no_null[] = {0x30, 0x2f, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 4, 0x20};
	static const uint8_t sha1_oid[] = {0x30, 0x2d, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x20};
	static const uint8_t garbage[20] = {0};
	uint8_t		encoded[64];
	uint8_t		value[512];

	memcpy(encoded, info, sizeof(info));
	memcpy(encoded + sizeof(info), text, 32);
	ok(verifies_as(s->public, s->signature, s->input, kc_view_of(value, rsa_encoded(s, kc_view_of(encoded,
	   sizeof(info) + 32), NONE, 1, value)), KC_OK),
	   "%s: a block put together by hand verifies", title(s));
	ok(refused(s, value, rsa_encoded(s, kc_view_of(encoded, sizeof(info) + 32), kc_view_of(garbage, 20), 1, value)),
	   "%s: but not with bytes behind it", title(s));
	ok(refused(s, value, rsa_encoded(s, kc_view_of(encoded, sizeof(info) + 32), NONE, 2, value)) &&
	   refused(s, value, rsa_encoded(s, kc_view_of(encoded, sizeof(info) + 32), NONE, 0, value)),
	   "%s: nor as another type of block", title(s));
	encoded[14] = 3;
	ok(refused(s, value, rsa_encoded(s, kc_view_of(encoded, sizeof(info) + 32), NONE, 1, value)),
	   "%s: nor with the name of SHA-512", title(s));
	ok(refused(s, value, rsa_encoded(s, kc_view_of(text, 32), NONE, 1, value)), "%s: nor with no name at all", title(s));
	memcpy(encoded, no_null, sizeof(no_null));
	memcpy(encoded + sizeof(no_null), text, 32);
	ok(refused(s, value, rsa_encoded(s, kc_view_of(encoded, sizeof(no_null) + 32), NONE, 1, value)),
	   "%s: nor without the NULL behind the name", title(s));
	memcpy(encoded, sha1_oid, sizeof(sha1_oid));
	memcpy(encoded + sizeof(sha1_oid), text, 32);
	ok(refused(s, value, rsa_encoded(s, kc_view_of(encoded, sizeof(sha1_oid) + 32), NONE, 1, value)) &&
	   refused(s, value, rsa_variant(s, RSA_PKCS1_PADDING, EVP_sha1(), NULL, 0, kc_view_of(text, 20), value)),
	   "%s: nor with that of SHA-1", title(s));
	ok(refused(s, value, rsa_variant(s, RSA_PKCS1_PSS_PADDING, EVP_sha256(), EVP_sha256(), 32, s->input, value)),
	   "%s: nor does PSS", title(s));
}

/* The same number in more bytes, or a larger number. */
static void
rsa_numbers(const signer *s)
{
	uint8_t		value[514] = {0};
	BIGNUM	   *n = NULL;
	BIGNUM	   *number = BN_bin2bn(s->value, (int) s->len, NULL);

	memcpy(value + 1, s->value, s->len);
	ok(refused(s, value, s->len + 1), "%s: a zero before a signature is one too many", title(s));
	EVP_PKEY_get_bn_param(s->theirs, "n", &n);
	BN_bn2binpad(n, value, (int) s->len);
	ok(refused(s, value, s->len), "%s: the modulus is no signature", title(s));
	BN_add(number, number, n);
	ok(BN_num_bytes(number) > (int) s->len || (BN_bn2binpad(number, value, (int) s->len) > 0 && refused(s, value, s->len)),
	   "%s: nor is a right one plus the modulus", title(s));
	memset(value, 0, sizeof(value));
	value[s->len - 1] = 1;
	ok(refused(s, value, s->len), "%s: nor is 1", title(s));
	BN_free(n);
	BN_free(number);
}

static void
known_answers(void)
{
	vector_file *file = vectors_open("signatures.txt");
	int			count = 0;

	while (vectors_next(file))
	{
		int			kind = vectors_get(file, "kind").data[0];
		int			signature = vectors_get(file, "signature").data[0];
		kc_view		input = vectors_get(file, "input");
		kc_view		value = vectors_get(file, "value");
		kc_pair    *pair = public_of_point(kind, vectors_get(file, "public"));
		uint8_t    *copy = exactly(value.data, value.len);
		bool		good = verifies_as(pair, signature, input, value, KC_OK);

		for (size_t bit = 0; bit < 8 * value.len; bit += 7)
		{
			copy[bit / 8] ^= (uint8_t) (1 << bit % 8);
			good = good && verifies_as(pair, signature, input, kc_view_of(copy, value.len), KC_BAD_TAG);
			copy[bit / 8] ^= (uint8_t) (1 << bit % 8);
		}
		ok(good, "%s: published signature %d verifies, and not with a bit turned", pair_name(kind), ++count);
		free(copy);
		kc_pair_free(pair);
	}
	vectors_close(file);
}

/* PKCS #8 around 32 bytes, and SubjectPublicKeyInfo. */
static void
known_ed25519(void)
{
	static const uint8_t private_head[] = {0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
	static const uint8_t public_head[] = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};
	vector_file *file = vectors_open("ed25519.txt");

	while (vectors_next(file))
	{
		kc_view		message = vectors_get(file, "message");
		kc_view		expected = vectors_get(file, "signature");
		uint8_t		private_der[sizeof(private_head) + 32];
		uint8_t		public_der[sizeof(public_head) + 32];
		uint8_t		der[KC_PUBLIC_MAX];
		uint8_t		value[KC_SIGNATURE_MAX];
		size_t		der_len = sizeof(der);
		size_t		len = sizeof(value);
		kc_pair    *pair = NULL;
		kc_pair    *public = NULL;

		memcpy(private_der, private_head, sizeof(private_head));
		memcpy(private_der + sizeof(private_head), vectors_get(file, "private").data, 32);
		memcpy(public_der, public_head, sizeof(public_head));
		memcpy(public_der + sizeof(public_head), vectors_get(file, "public").data, 32);
		ok(kc_pair_open(KC_PAIR_ED25519, kc_view_of(private_der, sizeof(private_der)), &pair) == KC_OK &&
		   kc_pair_open_public(KC_PAIR_ED25519, kc_view_of(public_der, sizeof(public_der)), &public) == KC_OK &&
		   kc_pair_public(pair, der, &der_len) == KC_OK && der_len == sizeof(public_der) &&
		   memcmp(der, public_der, der_len) == 0 &&
		   kc_sign(pair, KC_ED25519, message.len > 0 ? message : NONE, value, &len) == KC_OK && len == 64 &&
		   memcmp(value, expected.data, 64) == 0 &&
		   verifies_as(public, KC_ED25519, message, expected, KC_OK),
		   "Ed25519: the example of RFC 8032 with %zu bytes gives its public key and its signature", message.len);
		kc_pair_free(pair);
		kc_pair_free(public);
	}
	vectors_close(file);
}

/* S has one value: S + L would pass the equation. */
static void
ed25519_malleable(const signer *s)
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10
	};
	uint8_t		value[64];
	unsigned int carry = 0;

	memcpy(value, s->value, 64);
	for (int i = 0; i < 32; i++)
	{
		carry += (unsigned int) value[32 + i] + order[i];
		value[32 + i] = (uint8_t) carry;
		carry >>= 8;
	}
	ok(carry == 0 && refused(s, value, 64), "Ed25519: a second number plus the order is refused");
}

/* No point has the y of 2: OpenSSL finds out when it verifies. */
static void
ed25519_no_point(const signer *s)
{
	made		other = *s->m;
	kc_pair    *pair = NULL;
	kc_status	status;

	memset(other.public_der + other.public_len - 32, 0, 32);
	other.public_der[other.public_len - 32] = 2;
	status = kc_pair_open_public(KC_PAIR_ED25519, kc_view_of(other.public_der, other.public_len), &pair);
	ok(status == KC_BAD_INPUT || verifies_as(pair, KC_ED25519, s->input, kc_view_of(s->value, s->len), KC_BAD_TAG),
	   "Ed25519: a public key that is no point verifies nothing");
	kc_pair_free(pair);
}

/* Z, GB/T 32918.2 section 5.5, then SM3(Z || M). */
static void
sm2_digest(const made *m, kc_view message, uint8_t out[32])
{
	static const char head[] = "\x00\x80" "1234567812345678"
		"\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfc"
		"\x28\xe9\xfa\x9e\x9d\x9f\x5e\x34\x4d\x5a\x9e\x4b\xcf\x65\x09\xa7\xf3\x97\x89\xf5\x15\xab\x8f\x92\xdd\xbc\xbd\x41\x4d\x94\x0e\x93"
		"\x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94\x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7"
		"\xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53\xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0";
	uint8_t    *input = malloc(512 + message.len);

	memcpy(input, head, sizeof(head) - 1);
	memcpy(input + sizeof(head) - 1, m->public_der + m->public_len - 64, 64);
	EVP_Digest(input, sizeof(head) - 1 + 64, out, NULL, EVP_sm3(), NULL);
	memcpy(input, out, 32);
	memcpy(input + 32, message.data, message.len);
	EVP_Digest(input, 32 + message.len, out, NULL, EVP_sm3(), NULL);
	free(input);
}

/* OpenSSL hashes itself, with the usual name of the signer. */
static void
sm2_whole_message(const signer *s)
{
	kc_view		message = text_view("message digest");
	uint8_t		digest[32];
	uint8_t		value[KC_SIGNATURE_MAX];
	size_t		len = sizeof(value);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->theirs, NULL);
	bool		good;

	sm2_digest(s->m, message, digest);
	EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	good = EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, s->theirs) == 1 &&
		EVP_DigestSign(md, value, &len, message.data, message.len) == 1;
	ok(good && verifies_as(s->public, KC_SM2DSA, kc_view_of(digest, 32), kc_view_of(value, len), KC_OK),
	   "SM2: what OpenSSL signs as a whole verifies as SM3(Z || M)");
	len = sizeof(value);
	good = kc_sign(s->pair, KC_SM2DSA, kc_view_of(digest, 32), value, &len) == KC_OK &&
		EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, s->theirs) == 1 &&
		EVP_DigestVerify(md, value, len, message.data, message.len) == 1;
	ok(good, "SM2: and the other way round");
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
}

/* Another key of the same kind. */
static void
other_key(const signer *s)
{
	made		m = {.kind = s->m->kind, .private_len = sizeof(m.private_der), .public_len = sizeof(m.public_der)};
	kc_pair    *pair;

	if (kc_pair_generate(m.kind, m.private_der, &m.private_len, m.public_der, &m.public_len, NULL) != KC_OK)
		abort();
	pair = made_public(&m);
	ok(verifies_as(pair, s->signature, s->input, kc_view_of(s->value, s->len), KC_BAD_TAG),
	   "%s: another key does not verify it", title(s));
	kc_pair_free(pair);
}

/* Two ways in turn with one pair, whose contexts are kept. */
static void
in_turn(void)
{
	kc_pair    *pair = made_pair(made_of(KC_PAIR_RSA_2048));
	kc_view		input = kc_view_of(text, 32);
	bool		good = true;

	for (int i = 0; i < 6; i++)
	{
		int			signature = i % 2 == 0 ? KC_RSA_PSS_SHA_256 : KC_RSA_PKCS1_SHA_256;
		int			other = i % 2 == 0 ? KC_RSA_PKCS1_SHA_256 : KC_RSA_PSS_SHA_256;
		uint8_t		value[512];
		size_t		len = sizeof(value);

		good = good && kc_sign(pair, signature, input, value, &len) == KC_OK && len == 256 &&
			verifies_as(pair, signature, input, kc_view_of(value, len), KC_OK) &&
			verifies_as(pair, other, input, kc_view_of(value, len), KC_BAD_TAG) &&
			verifies_as(pair, signature, input, kc_view_of(value, len), KC_OK);
	}
	ok(good, "RSA: one pair signs both ways in turn, and neither verifies as the other");
	kc_pair_free(pair);
}

static void
message_lengths(const signer *s)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 100000};
	uint8_t    *message = calloc(1, 100000);
	uint8_t		value[KC_SIGNATURE_MAX];
	bool		good = true;

	for (size_t i = 0; i < 6; i++)
	{
		size_t		len = sizeof(value);
		kc_view		input = lengths[i] > 0 ? kc_view_of(message, lengths[i]) : NONE;

		good = good && kc_sign(s->pair, s->signature, input, value, &len) == KC_OK &&
			kc_verify(s->public, s->signature, input, kc_view_of(value, len)) == KC_OK;
	}
	ok(good && queue_empty(), "%s: messages of 0 to 100000 bytes are signed", title(s));
	free(message);
}

/* What is signed of a message that is not signed itself. */
static kc_view
digest_of(const signer *s, kc_view message, uint8_t digest[64])
{
	size_t		len = kc_signature_digest_len(s->signature);

	if (len == 0)
		return message;
	if (s->signature == KC_SM2DSA)
		sm2_digest(s->m, message, digest);
	else if (EVP_Q_digest(NULL, len == 32 ? "SHA256" : len == 48 ? "SHA384" : "SHA512", NULL, message.data, message.len, digest, NULL) != 1)
		abort();
	return kc_view_of(digest, len);
}

/* A message that is hashed here comes to the same as its digest. */
static void
whole_messages(const signer *s)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 4096, 100000};
	uint8_t    *bytes = calloc(1, 100000);
	uint8_t		value[KC_SIGNATURE_MAX];
	uint8_t		digest[64];
	size_t		len;
	bool		signs = true;
	bool		verifies = true;
	bool		distinguishes = true;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		uint8_t    *copy = exactly(bytes, lengths[i]);
		kc_view		message = kc_view_of(copy, lengths[i]);
		kc_view		hashed = digest_of(s, message, digest);

		len = sizeof(value);
		signs = signs && kc_sign_message(s->pair, s->signature, message, value, &len) == KC_OK && len <= kc_signature_max(s->pair) &&
			kc_verify(s->public, s->signature, hashed, kc_view_of(value, len)) == KC_OK && queue_empty();
		distinguishes = distinguishes &&
			kc_verify_message(s->public, s->signature, kc_view_of(bytes, lengths[i] == 1 ? 2 : 1), kc_view_of(value, len)) == KC_BAD_TAG &&
			kc_verify_message(s->public, s->signature, message, kc_view_of(value, len - 1)) == KC_BAD_TAG &&
			kc_verify_message(s->public, s->signature, message, NONE) == KC_BAD_TAG && queue_empty();
		value[len / 2] ^= 1;
		distinguishes = distinguishes && kc_verify_message(s->public, s->signature, message, kc_view_of(value, len)) == KC_BAD_TAG && queue_empty();
		len = sizeof(value);
		verifies = verifies && kc_sign(s->pair, s->signature, hashed, value, &len) == KC_OK &&
			kc_verify_message(s->public, s->signature, message, kc_view_of(value, len)) == KC_OK && queue_empty();
		free(copy);
	}
	ok(signs, "%s: what is signed of a message verifies of its digest", title(s));
	ok(verifies, "%s: and the other way round", title(s));
	ok(distinguishes, "%s: another message, or a damaged signature, does not", title(s));

	len = sizeof(value);
	memset(value, 1, sizeof(value));
	ok(kc_sign_message(s->pair, s->signature, kc_view_of(bytes, KC_SIGNED_MESSAGE_MAX + 1), value, &len) == KC_BAD_INPUT && len == 0 &&
	   all_bytes(value, sizeof(value), 0) && kc_verify_message(s->public, s->signature, kc_view_of(bytes, KC_SIGNED_MESSAGE_MAX + 1), kc_view_of(s->value, s->len)) == KC_BAD_INPUT,
	   "%s: a message that is too long is refused", title(s));
	len = kc_signature_max(s->pair) - 1;
	ok(kc_sign_message(s->pair, s->signature, kc_view_of(bytes, 1), value, &len) == KC_BAD_INPUT && len == 0, "%s: so is a room that is too small", title(s));
	len = sizeof(value);
	ok(kc_sign_message(s->pair, s->m->kind == KC_PAIR_ED25519 ? KC_SM2DSA : KC_ED25519, kc_view_of(bytes, 1), value, &len) == KC_BAD_INPUT && len == 0 &&
	   kc_verify_message(s->public, s->m->kind == KC_PAIR_ED25519 ? KC_SM2DSA : KC_ED25519, kc_view_of(bytes, 1), kc_view_of(s->value, s->len)) == KC_BAD_INPUT && queue_empty(),
	   "%s: and an algorithm of another kind of pair", title(s));
	free(bytes);
}

void
test_signature(void)
{
	tap_section("signatures");
	known_answers();
	known_ed25519();
	in_turn();
	for (int kind = PAIR_FIRST; kind <= PAIR_LAST; kind++)
	{
		if (made_of(kind) == NULL)
			continue;
		unfitting(made_of(kind));
		for (int signature = SIGNATURE_FIRST; signature <= SIGNATURE_LAST; signature++)
		{
			signer		s;

			if (!kc_signature_fits(signature, kind))
				continue;
			s = signer_new(kind, signature);
			both_ways(&s);
			damage(&s);
			other_inputs(&s);
			rooms(&s);
			public_half(&s);
			if (!PAIR_IS_RSA(kind))
				other_key(&s);
			if (PAIR_IS_EC(kind))
			{
				bad_numbers(&s);
				one_spelling(&s);
				missing_zero(&s);
			}
			if (PAIR_IS_RSA(kind))
				rsa_numbers(&s);
			if (signature == KC_RSA_PSS_SHA_256)
				pss_variants(&s);
			if (signature == KC_RSA_PKCS1_SHA_256)
				pkcs1_variants(&s);
			if (signature == KC_SM2DSA)
				sm2_whole_message(&s);
			if (signature == KC_ED25519)
			{
				ed25519_malleable(&s);
				ed25519_no_point(&s);
			}
			whole_messages(&s);
			if (kc_signature_digest_len(signature) == 0)
				message_lengths(&s);
			signer_free(&s);
		}
	}
}
