/*
 * Public-key encryption, with OpenSSL as the other side.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#define PKE_FIRST	KC_PKE_RSA_OAEP_SHA_1
#define PKE_LAST	KC_PKE_SM2PKE

static const char *const names[] = {"no encryption", "OAEP with SHA-1", "OAEP with SHA-256", "PKCS #1 v1.5", "SM2"};

static uint8_t text[KC_PKE_PLAINTEXT_MAX + 1];

/* A pair, how it encrypts, and the same pair in OpenSSL's hands. */
typedef struct receiver
{
	const made *m;
	int			pke;
	kc_pair    *pair;
	kc_pair    *public;
	EVP_PKEY   *theirs;
	size_t		max;
} receiver;

static receiver
receiver_new(int kind, int pke)
{
	receiver	r = {.m = made_of(kind), .pke = pke, .max = kc_pke_plaintext_max(pke, kind)};

	r.pair = made_pair(r.m);
	r.public = made_public(r.m);
	r.theirs = made_theirs(r.m);
	return r;
}

static void
receiver_free(receiver *r)
{
	kc_pair_free(r->pair);
	kc_pair_free(r->public);
	EVP_PKEY_free(r->theirs);
}

static const char *
title(const receiver *r)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s, %s", pair_name(r->m->kind), names[r->pke]);
	return name;
}

/* Encrypt exact copies of the first bytes of text; no byte beyond is written. */
static size_t
encrypt(const receiver *r, size_t len, uint8_t out[KC_PKE_CIPHERTEXT_MAX])
{
	size_t		n = kc_pke_ciphertext_len(r->pke, r->m->kind, len);
	uint8_t    *exact = malloc(n);
	uint8_t    *copy = exactly(text, len);

	if (kc_pke_encrypt(r->public, r->pke, kc_view_of(len > 0 ? copy : NULL, len), exact) != KC_OK || !queue_empty())
		abort();
	memcpy(out, exact, n);
	free(exact);
	free(copy);
	return n;
}

/* Decrypt an exact copy: to the first bytes of text, or not, and then nothing is left. */
static bool
decrypts_as(const receiver *r, const uint8_t *ciphertext, size_t n, size_t len, kc_status expected)
{
	uint8_t    *copy = exactly(ciphertext, n);
	uint8_t    *out = malloc(r->max);
	size_t		found = 12345;
	kc_status	status;
	bool		good;

	memset(out, 0xaa, r->max);
	status = kc_pke_decrypt(r->pair, r->pke, kc_view_of(copy, n), out, &found);
	good = status == expected && queue_empty();
	if (status == KC_OK)
		good = good && found == len && memcmp(out, text, len) == 0;
	else
		good = good && found == 0 && all_bytes(out, r->max, 0);
	free(out);
	free(copy);
	return good;
}

static bool
exactly_as(const receiver *r, const uint8_t *ciphertext, size_t n, size_t len, kc_status expected)
{
	uint8_t    *copy = exactly(ciphertext, n);
	uint8_t    *out = malloc(len);
	kc_status	status;
	bool		good;

	memset(out, 0xaa, len);
	status = kc_pke_decrypt_exactly(r->pair, r->pke, kc_view_of(copy, n), out, len);
	good = status == expected && queue_empty() &&
		(status == KC_OK ? memcmp(out, text, len) == 0 : all_bytes(out, len, 0));
	free(out);
	free(copy);
	return good;
}

typedef struct variant
{
	int			padding;
	const EVP_MD *md;
	const EVP_MD *mgf1;
	const char *label;
} variant;

static variant
variant_of(int pke)
{
	variant		v = {RSA_PKCS1_OAEP_PADDING, pke == KC_PKE_RSA_OAEP_SHA_1 ? EVP_sha1() : EVP_sha256(), NULL, NULL};

	v.mgf1 = v.md;
	if (pke == KC_PKE_RSA_PKCS1_V1_5)
		v.padding = RSA_PKCS1_PADDING;
	return v;
}

static bool
set_up_theirs(const receiver *r, EVP_PKEY_CTX *ctx, variant v)
{
	if (r->pke == KC_PKE_SM2PKE)
		return true;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, v.padding) != 1)
		return false;
	return v.padding != RSA_PKCS1_OAEP_PADDING ||
		(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, v.md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, v.mgf1) == 1 &&
		 (v.label == NULL || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup(v.label), (int) strlen(v.label)) == 1));
}

/* What OpenSSL makes; of SM2, as it travels. */
static size_t
their_ciphertext(const receiver *r, variant v, size_t len, uint8_t out[KC_PKE_CIPHERTEXT_MAX])
{
	uint8_t		der[KC_PKE_CIPHERTEXT_MAX + 64];
	size_t		n = sizeof(der);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, r->theirs, NULL);

	if (EVP_PKEY_encrypt_init(ctx) != 1 || !set_up_theirs(r, ctx, v) ||
		EVP_PKEY_encrypt(ctx, der, &n, text, len) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	if (r->pke == KC_PKE_SM2PKE)
		return sm2_raw(der, n, out);
	memcpy(out, der, n);
	return n;
}

/* A coordinate as the content of an INTEGER. */
static size_t
put_integer(const uint8_t number[32], uint8_t *out)
{
	uint8_t		content[33] = {0};
	size_t		from = 1;

	memcpy(content + 1, number, 32);
	while (from < 32 && content[from] == 0)
		from++;
	if (content[from] & 0x80)
		from--;
	return der_element(0x02, kc_view_of(content + from, 33 - from), false, out);
}

static size_t
sm2_der(const uint8_t *raw, size_t n, uint8_t *out)
{
	uint8_t		parts[KC_PKE_CIPHERTEXT_MAX + 64];
	size_t		len = put_integer(raw + 1, parts);

	len += put_integer(raw + 33, parts + len);
	len += der_element(0x04, kc_view_of(raw + 65, 32), false, parts + len);
	len += der_element(0x04, kc_view_of(raw + 97, n - 97), false, parts + len);
	return der_element(0x30, kc_view_of(parts, len), false, out);
}

static bool
they_decrypt(const receiver *r, const uint8_t *ciphertext, size_t n, size_t len)
{
	uint8_t		der[KC_PKE_CIPHERTEXT_MAX + 80];
	uint8_t		out[KC_PKE_CIPHERTEXT_MAX];
	size_t		found = sizeof(out);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, r->theirs, NULL);
	bool		good;

	if (r->pke == KC_PKE_SM2PKE)
		n = sm2_der(ciphertext, n, der);
	else
		memcpy(der, ciphertext, n);
	good = EVP_PKEY_decrypt_init(ctx) == 1 && set_up_theirs(r, ctx, variant_of(r->pke)) &&
		EVP_PKEY_decrypt(ctx, out, &found, der, n) == 1 && found == len && memcmp(out, text, len) == 0;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* sm2_raw has room for short ones only. */
static size_t
their_max(const receiver *r)
{
	return r->pke == KC_PKE_SM2PKE ? ENCRYPTED_MAX - 97 : r->max;
}

static void
both_ways(const receiver *r)
{
	size_t		lengths[] = {r->pke == KC_PKE_SM2PKE ? 1 : 0, 1, 2, 16, 32, 33, r->max - 1, r->max};
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	uint8_t		second[KC_PKE_CIPHERTEXT_MAX];
	bool		ours = true;
	bool		reach = true;
	bool		theirs = true;
	bool		differ = true;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		size_t		n = encrypt(r, lengths[i], ciphertext);
		size_t		len = lengths[i] < their_max(r) ? lengths[i] : their_max(r);

		ours = ours && decrypts_as(r, ciphertext, n, lengths[i], KC_OK);
		reach = reach && they_decrypt(r, ciphertext, n, lengths[i]);
		n = encrypt(r, lengths[i], second);
		differ = differ && memcmp(ciphertext, second, n) != 0;
		n = their_ciphertext(r, variant_of(r->pke), len, ciphertext);
		theirs = theirs && decrypts_as(r, ciphertext, n, len, KC_OK);
	}
	ok(ours, "%s: plaintexts from the shortest to %zu bytes come back", title(r), r->max);
	ok(reach, "%s: OpenSSL decrypts them, too", title(r));
	ok(theirs, "%s: what OpenSSL encrypts is decrypted", title(r));
	ok(differ, "%s: encrypted again it is another ciphertext", title(r));
}

static void
lengths(const receiver *r)
{
	uint8_t		out[KC_PKE_CIPHERTEXT_MAX + 1];
	size_t		n = kc_pke_ciphertext_len(r->pke, r->m->kind, r->max);

	memset(out, 0xaa, sizeof(out));
	ok(kc_pke_encrypt(r->public, r->pke, kc_view_of(text, r->max + 1), out) == KC_BAD_INPUT &&
	   kc_pke_encrypt(r->public, r->pke, kc_view_of(text, SIZE_MAX), out) == KC_BAD_INPUT && queue_empty(),
	   "%s: a byte more than the longest plaintext is refused", title(r));
	ok(kc_pke_ciphertext_len(r->pke, r->m->kind, r->max + 1) == 0 && n > 0 && n <= KC_PKE_CIPHERTEXT_MAX &&
	   r->max <= KC_PKE_PLAINTEXT_MAX,
	   "%s: and has no length of ciphertext", title(r));
	if (r->pke == KC_PKE_SM2PKE)
		ok(kc_pke_encrypt(r->public, r->pke, NONE, out) == KC_BAD_INPUT && all_bytes(out, 97, 0) && out[97] == 0xaa &&
		   queue_empty(),
		   "%s: no byte at all cannot be encrypted, and nothing is left", title(r));
}

static void
damage(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX + 1] = {0};
	size_t		n = encrypt(r, 20, ciphertext);
	size_t		step = r->pke == KC_PKE_SM2PKE ? 1 : r->m->kind == KC_PAIR_RSA_2048 ? 17 : 127;
	bool		good = true;

	for (size_t len = 0; len < n; len++)
		good = good && decrypts_as(r, ciphertext, len, 20, KC_BAD_TAG) && exactly_as(r, ciphertext, len, 20, KC_BAD_TAG);
	ok(good, "%s: a ciphertext that is cut is refused", title(r));
	ciphertext[n] = 0;
	ok(decrypts_as(r, ciphertext, n + 1, 20, KC_BAD_TAG) && exactly_as(r, ciphertext, n + 1, 20, KC_BAD_TAG),
	   "%s: and one that goes on", title(r));
	for (size_t bit = 0; bit < 8 * n; bit += step)
	{
		ciphertext[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && decrypts_as(r, ciphertext, n, 20, KC_BAD_TAG);
		ciphertext[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good && decrypts_as(r, ciphertext, n, 20, KC_OK), "%s: and one with a bit turned", title(r));
	memset(ciphertext, 0, n);
	good = decrypts_as(r, ciphertext, n, 20, KC_BAD_TAG);
	memset(ciphertext, 0xff, n);
	ok(good && decrypts_as(r, ciphertext, n, 20, KC_BAD_TAG), "%s: and zeros and ones", title(r));
}

static void
exact_lengths(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	uint8_t		out[KC_PKE_EXACT_MAX + 1];
	size_t		most = r->max != 0 && r->max < KC_PKE_EXACT_MAX ? r->max : KC_PKE_EXACT_MAX;
	bool		good = true;

	for (size_t len = 1; len <= most; len += len < 3 || len >= most - 2 ? 1 : (most - 2 - len < 31 ? most - 2 - len : 31))
	{
		size_t		n = their_ciphertext(r, variant_of(r->pke), len, ciphertext);

		good = good && exactly_as(r, ciphertext, n, len, KC_OK) &&
			exactly_as(r, ciphertext, n, len % KC_PKE_EXACT_MAX + 1, KC_BAD_TAG) &&
			(len == 1 || exactly_as(r, ciphertext, n, len - 1, KC_BAD_TAG));
	}
	ok(good, "%s: awaited in its length and in no other, a plaintext of 1 to %zu bytes comes", title(r), most);
	memset(out, 0xaa, sizeof(out));
	ok(kc_pke_decrypt_exactly(r->pair, r->pke, kc_view_of(ciphertext, 1), out, 0) == KC_BAD_INPUT &&
	   kc_pke_decrypt_exactly(r->pair, r->pke, kc_view_of(ciphertext, 1), out, KC_PKE_EXACT_MAX + 1) == KC_BAD_INPUT &&
	   queue_empty(),
	   "%s: none or more than 128 bytes cannot be awaited", title(r));
}

static void
oaep_variants(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	variant		v = variant_of(r->pke);
	bool		sha1 = r->pke == KC_PKE_RSA_OAEP_SHA_1;

	v.label = "label";
	ok(decrypts_as(r, ciphertext, their_ciphertext(r, v, 20, ciphertext), 20, KC_BAD_TAG),
	   "%s: a label is refused", title(r));
	v = variant_of(r->pke);
	v.mgf1 = sha1 ? EVP_sha256() : EVP_sha1();
	ok(decrypts_as(r, ciphertext, their_ciphertext(r, v, 20, ciphertext), 20, KC_BAD_TAG),
	   "%s: and another hash in MGF1", title(r));
	v.md = v.mgf1;
	ok(decrypts_as(r, ciphertext, their_ciphertext(r, v, 20, ciphertext), 20, KC_BAD_TAG),
	   "%s: and the other hash in both", title(r));
	v.padding = RSA_PKCS1_PADDING;
	ok(decrypts_as(r, ciphertext, their_ciphertext(r, v, 20, ciphertext), 20, KC_BAD_TAG), "%s: and PKCS #1 v1.5", title(r));
}

/* The modulus, and a right number plus it, where that is no longer. */
static void
large_numbers(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	size_t		n = encrypt(r, 20, ciphertext);
	uint8_t		modulus[512];
	BIGNUM	   *number = NULL;
	unsigned int carry = 0;

	EVP_PKEY_get_bn_param(r->theirs, "n", &number);
	BN_bn2binpad(number, modulus, (int) n);
	BN_free(number);
	ok(decrypts_as(r, modulus, n, 20, KC_BAD_TAG), "%s: the modulus is no ciphertext", title(r));
	for (size_t i = n; i-- > 0;)
	{
		carry += (unsigned int) ciphertext[i] + modulus[i];
		ciphertext[i] = (uint8_t) carry;
		carry >>= 8;
	}
	ok(carry != 0 || decrypts_as(r, ciphertext, n, 20, KC_BAD_TAG), "%s: nor is a right one plus the modulus", title(r));
}

static void
public_half(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	receiver	half = *r;
	size_t		n = encrypt(r, 20, ciphertext);
	uint8_t    *out = malloc(r->max);
	size_t		found = 12345;
	kc_status	status;

	half.pair = r->public;
	memset(out, 0xaa, r->max);
	status = kc_pke_decrypt(half.pair, r->pke, kc_view_of(ciphertext, n), out, &found);
	ok(status != KC_OK && found == 0 && all_bytes(out, r->max, 0) && queue_empty(),
	   "%s: a public key does not decrypt", title(r));
	free(out);
}

static void
other_key(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	size_t		n = encrypt(r, 20, ciphertext);
	made		m = {.kind = r->m->kind, .private_len = sizeof(m.private_der), .public_len = sizeof(m.public_der)};
	receiver	other = *r;

	if (kc_pair_generate(m.kind, m.private_der, &m.private_len, m.public_der, &m.public_len, NULL) != KC_OK)
		abort();
	other.pair = made_pair(&m);
	ok(decrypts_as(&other, ciphertext, n, 20, KC_BAD_TAG), "%s: another pair does not decrypt it", title(r));
	kc_pair_free(other.pair);
}

/* The oracle that kc_pke_decrypt_exactly is there to narrow is not open beside it. */
static void
only_exactly(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	uint8_t		out[512];
	size_t		n = their_ciphertext(r, variant_of(r->pke), 20, ciphertext);
	size_t		len = 12345;

	ok(r->max == 0 && kc_pke_ciphertext_len(r->pke, r->m->kind, 0) == 0 &&
	   kc_pke_decrypt(r->pair, r->pke, kc_view_of(ciphertext, n), out, &len) == KC_BAD_INPUT && len == 0 &&
	   kc_pke_encrypt(r->public, r->pke, kc_view_of(text, 20), out) == KC_BAD_INPUT && queue_empty(),
	   "%s: is neither encrypted nor decrypted in any length", title(r));
	ok(exactly_as(r, ciphertext, n, 20, KC_OK) && exactly_as(r, ciphertext, n, 21, KC_BAD_TAG),
	   "%s: but in one that is known", title(r));
}

static void
unfitting(const made *m)
{
	kc_pair    *pair = made_pair(m);
	uint8_t		out[KC_PKE_PLAINTEXT_MAX];
	bool		good = true;
	int			fitting = 0;

	for (int pke = PKE_FIRST - 1; pke <= PKE_LAST + 1; pke++)
	{
		size_t		len = 12345;

		if (kc_pke_fits(pke, m->kind))
		{
			fitting++;
			continue;
		}
		memset(out, 0xaa, sizeof(out));
		good = good && kc_pke_plaintext_max(pke, m->kind) == 0 && kc_pke_ciphertext_len(pke, m->kind, 1) == 0 &&
			kc_pke_encrypt(pair, pke, kc_view_of(text, 1), out) == KC_BAD_INPUT &&
			kc_pke_decrypt(pair, pke, kc_view_of(text, 256), out, &len) == KC_BAD_INPUT && len == 0 &&
			out[0] == 0xaa &&
			kc_pke_decrypt_exactly(pair, pke, kc_view_of(text, 256), out, 20) == KC_BAD_INPUT && all_bytes(out, 20, 0);
	}
	ok(good && queue_empty() && fitting == (PAIR_IS_RSA(m->kind) ? 3 : m->kind == KC_PAIR_EC_SM2 ? 1 : 0),
	   "%s: encrypts in %d ways and in no other", pair_name(m->kind), fitting);
	kc_pair_free(pair);
}

static void
known_answers(void)
{
	vector_file *file = vectors_open("sm2-encryption.txt");

	while (vectors_next(file))
	{
		kc_view		plaintext = vectors_get(file, "plaintext");
		kc_view		ciphertext = vectors_get(file, "ciphertext");
		kc_pair    *pair = pair_of_numbers(KC_PAIR_EC_SM2, vectors_get(file, "private"), vectors_get(file, "public"));
		uint8_t		out[KC_PKE_PLAINTEXT_MAX];
		size_t		len = 0;

		ok(kc_pke_decrypt(pair, KC_PKE_SM2PKE, ciphertext, out, &len) == KC_OK && len == plaintext.len &&
		   memcmp(out, plaintext.data, len) == 0, "SM2: the example of GB/T 32918.5 is decrypted");
		kc_pair_free(pair);
	}
	vectors_close(file);
}

/* Encrypting leaves neither plaintext nor padded block in what OpenSSL frees. */
static void
traces(const receiver *r)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	uint8_t		out[KC_PKE_PLAINTEXT_MAX];
	uint8_t		padded[512];
	size_t		padded_len = sizeof(padded);
	size_t		n;
	size_t		len;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, r->theirs, NULL);
	kc_pair    *public;
	kc_pair    *pair;
	bool		found;

	fault_hold();
	public = made_public(r->m);
	pair = made_pair(r->m);
	n = kc_pke_ciphertext_len(r->pke, r->m->kind, 40);
	if (kc_pke_encrypt(public, r->pke, kc_view_of(text, 40), ciphertext) != KC_OK ||
		kc_pke_decrypt(pair, r->pke, kc_view_of(ciphertext, n), out, &len) != KC_OK)
		abort();
	kc_pair_free(public);
	kc_pair_free(pair);
	found = fault_held(text, 20);
	if (r->pke != KC_PKE_SM2PKE)
	{
		if (EVP_PKEY_decrypt_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1 ||
			EVP_PKEY_decrypt(ctx, padded, &padded_len, ciphertext, n) != 1)
			abort();
		found = found || fault_held(padded + 16, 16);
	}
	EVP_PKEY_CTX_free(ctx);
	fault_let_go();
	ok(!found, "%s: encrypting and decrypting leave no trace of the plaintext", title(r));
}

void
test_pke(void)
{
	tap_section("public-key encryption");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t) (i * 29 + i / 256 + 1);
	known_answers();
	ok(kc_pke_plaintext_max(KC_PKE_RSA_OAEP_SHA_1, KC_PAIR_RSA_2048) == 214 &&
	   kc_pke_plaintext_max(KC_PKE_RSA_OAEP_SHA_256, KC_PAIR_RSA_2048) == 190 &&
	   kc_pke_plaintext_max(KC_PKE_RSA_OAEP_SHA_1, KC_PAIR_RSA_3072) == 342 &&
	   kc_pke_plaintext_max(KC_PKE_RSA_OAEP_SHA_256, KC_PAIR_RSA_3072) == 318 &&
	   kc_pke_plaintext_max(KC_PKE_RSA_OAEP_SHA_1, KC_PAIR_RSA_4096) == 470 &&
	   kc_pke_plaintext_max(KC_PKE_RSA_OAEP_SHA_256, KC_PAIR_RSA_4096) == 446 &&
	   kc_pke_plaintext_max(KC_PKE_SM2PKE, KC_PAIR_EC_SM2) == 6047, "the longest plaintexts are as RFC 8017 has them");
	for (int kind = PAIR_FIRST; kind <= PAIR_LAST; kind++)
	{
		if (made_of(kind) == NULL)
			continue;
		unfitting(made_of(kind));
		for (int pke = PKE_FIRST; pke <= PKE_LAST; pke++)
		{
			receiver	r;

			if (!kc_pke_fits(pke, kind))
				continue;
			r = receiver_new(kind, pke);
			exact_lengths(&r);
			if (pke == KC_PKE_RSA_PKCS1_V1_5)
				only_exactly(&r);
			else
			{
				both_ways(&r);
				lengths(&r);
				damage(&r);
				public_half(&r);
				traces(&r);
			}
			if (pke == KC_PKE_RSA_OAEP_SHA_1 || pke == KC_PKE_RSA_OAEP_SHA_256)
			{
				oaep_variants(&r);
				large_numbers(&r);
			}
			if (pke == KC_PKE_SM2PKE)
				other_key(&r);
			receiver_free(&r);
		}
	}
}
