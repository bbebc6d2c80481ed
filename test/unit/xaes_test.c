/*
 * C2SP's known answers for XAES-256-GCM.
 */
#include "support.h"
#include "tests.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static void
intermediate_values(vector_file *file, const lock *l, int number)
{
	uint8_t		block[16] = {0};
	uint8_t		out[12];
	uint8_t		tag[16];
	int			len;
	kc_view		sealed = vectors_get(file, "sealed");

	EVP_EncryptUpdate(l->schedule, block, &len, block, 16);
	ok(memcmp(block, vectors_get(file, "l").data, 16) == 0, "vector %d: the schedule gives L", number);
	ok(memcmp(l->key.subkey, vectors_get(file, "k1").data, 16) == 0, "vector %d: K1", number);
	reference_gcm(KC_SUITE_XAES_256_GCM, vectors_get(file, "derived").data,
				  vectors_get(file, "nonce").data + 12, vectors_get(file, "additional"),
				  vectors_get(file, "plaintext"), out, tag);
	ok(memcmp(out, sealed.data, 12) == 0 && memcmp(tag, sealed.data + 12, 16) == 0,
	   "vector %d: plain AES-256-GCM under Kx is the same message", number);
}

/*
 * OpenSSL 3.0's KBKDF takes the parameter r and ignores it; later ones heed it.
 * Either way our key is the right one and theirs is shown to be what it is.
 */
static void
not_kbkdf(vector_file *file, int number)
{
	EVP_KDF    *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	kc_view		key = vectors_get(file, "key");
	kc_view		nonce = vectors_get(file, "nonce");
	kc_view		right = vectors_get(file, "derived");
	int			r = 16;
	int			use_l = 0;
	uint8_t		theirs[32];
	OSSL_PARAM	params[] = {
		OSSL_PARAM_construct_utf8_string("mac", (char *) "CMAC", 0),
		OSSL_PARAM_construct_utf8_string("cipher", (char *) "AES-256-CBC", 0),
		OSSL_PARAM_construct_octet_string("key", (void *) key.data, key.len),
		OSSL_PARAM_construct_octet_string("salt", (char *) "X", 1),
		OSSL_PARAM_construct_octet_string("info", (void *) nonce.data, 12),
		OSSL_PARAM_construct_int("r", &r),
		OSSL_PARAM_construct_int("use-l", &use_l),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_KDF_derive(ctx, theirs, sizeof(theirs), params) <= 0)
		memset(theirs, 0, sizeof(theirs));
	ok(memcmp(right.data, "\x79\x40\x3e\x63", 4) != 0 &&
	   (memcmp(theirs, "\x79\x40\x3e\x63", 4) == 0 || memcmp(theirs, right.data, 32) == 0),
	   "vector %d: Kx is not what a KBKDF without r derives", number);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void
published_vectors(void)
{
	vector_file *file = vectors_open("xaes-256-gcm.txt");
	int			number = 0;

	while (vectors_next(file))
	{
		kc_view		additional = vectors_get(file, "additional");
		kc_view		plaintext = vectors_get(file, "plaintext");
		kc_view		sealed = vectors_get(file, "sealed");
		const uint8_t *nonce = vectors_get(file, "nonce").data;
		lock		l;
		uint8_t		out[28];

		number++;
		l.schedule = kc_schedule_new();
		ok(kc_key_init(&l.key, KC_SUITE_XAES_256_GCM, vectors_get(file, "key")) == KC_OK &&
		   kc_schedule_set(l.schedule, &l.key) == KC_OK, "vector %d: the key is taken", number);
		intermediate_values(file, &l, number);
		if (number == 1)
			not_kbkdf(file, number);
		ok(kc_seal(&l.key, l.schedule, nonce, additional, NONE, plaintext, out, out + 12) == KC_OK &&
		   memcmp(out, sealed.data, sealed.len) == 0, "vector %d: sealed", number);
		ok(kc_open(&l.key, l.schedule, nonce, NONE, additional, kc_view_of(sealed.data, 12),
				   sealed.data + 12, out) == KC_OK &&
		   memcmp(out, plaintext.data, plaintext.len) == 0, "vector %d: opened", number);
		lock_free(&l);
	}
	ok(number == 2, "both published vectors were read");
	vectors_close(file);
}

/* The output of SHAKE-128 on nothing; OpenSSL 3.0 gives it in one piece only. */
typedef struct stream
{
	uint8_t    *bytes;
	size_t		len;
	size_t		used;
} stream;

static stream
stream_new(size_t len)
{
	stream		s = {malloc(len), len, 0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (s.bytes == NULL || !EVP_DigestInit_ex2(ctx, EVP_shake128(), NULL) ||
		!EVP_DigestFinalXOF(ctx, s.bytes, len))
		abort();
	EVP_MD_CTX_free(ctx);
	return s;
}

static const uint8_t *
take(stream *s, size_t len)
{
	if (len > s->len - s->used)
		abort();
	s->used += len;
	return s->bytes + s->used - len;
}

/* A length in one byte, and that many bytes. */
static kc_view
take_view(stream *s)
{
	size_t		len = *take(s, 1);

	return kc_view_of(take(s, len), len);
}

static bool
one_round(stream *s, kc_schedule *schedule, EVP_MD_CTX *digest)
{
	kc_view		material = kc_view_of(take(s, 32), 32);
	const uint8_t *nonce = take(s, 24);
	kc_view		plaintext = take_view(s);
	kc_view		additional = take_view(s);
	uint8_t		out[255 + 16];
	uint8_t		back[255];
	uint8_t    *tag = out + plaintext.len;
	kc_key		key;

	return kc_key_init(&key, KC_SUITE_XAES_256_GCM, material) == KC_OK &&
		kc_schedule_set(schedule, &key) == KC_OK &&
		kc_seal(&key, schedule, nonce, additional, NONE, plaintext, out, tag) == KC_OK &&
		kc_open(&key, schedule, nonce, additional, NONE, kc_view_of(out, plaintext.len), tag, back) == KC_OK &&
		memcmp(back, plaintext.data, plaintext.len) == 0 &&
		EVP_DigestUpdate(digest, out, plaintext.len + 16);
}

static void
accumulated(int rounds, const char *expected)
{
	/* 313 bytes a round on average; the excess is beyond any deviation. */
	stream		s = stream_new((size_t) rounds * 320 + 100000);
	kc_schedule *schedule = kc_schedule_new();
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t		result[32];
	char		text[65] = "";
	bool		good = EVP_DigestInit_ex2(digest, EVP_shake128(), NULL);

	for (int i = 0; good && i < rounds; i++)
		good = one_round(&s, schedule, digest);
	good = good && EVP_DigestFinalXOF(digest, result, sizeof(result));
	for (int i = 0; good && i < 32; i++)
		sprintf(text + 2 * i, "%02x", result[i]);
	ok(strcmp(text, expected) == 0, "%d accumulated rounds", rounds);
	EVP_MD_CTX_free(digest);
	kc_schedule_free(schedule);
	free(s.bytes);
}

void
test_xaes(void)
{
	tap_section("XAES-256-GCM");
	published_vectors();
	accumulated(10000, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
	if (getenv("KC_TEST_LONG") != NULL)
		accumulated(1000000, "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15");
}
