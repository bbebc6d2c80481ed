/*
 * Authentication codes and blind indexes.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <openssl/evp.h>

#define KIND_FIRST	KC_MAC_HMAC_SHA_256
#define KIND_LAST	KC_MAC_HMAC_SM3

static const char *const names[] = {"no kind", "HMAC-SHA-256", "HMAC-SHA-384", "HMAC-SHA-512", "HMAC-SM3"};
static const char *const digests[] = {NULL, "SHA256", "SHA384", "SHA512", "SM3"};

/* HMAC by OpenSSL in one call. */
static void
reference_mac(const char *digest, kc_view key, kc_view message, uint8_t out[KC_MAC_MAX])
{
	size_t		len = 0;

	if (EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, key.data, key.len, message.data, message.len,
				  out, KC_MAC_MAX, &len) == NULL)
		abort();
}

static kc_mac *
mac_new(int kind, uint8_t seed)
{
	uint8_t		bytes[KC_MAC_KEY_MAX];
	kc_mac	   *mac;

	memset(bytes, seed, sizeof(bytes));
	if (kc_mac_new(kind, kc_view_of(bytes, kc_mac_key_len(kind)), &mac) != KC_OK)
		abort();
	return mac;
}

/* As HMAC itself would make the key longer or shorter. */
static void
fit_key(int kind, kc_view key, uint8_t out[KC_MAC_KEY_MAX])
{
	size_t		block = kind == KC_MAC_HMAC_SHA_384 || kind == KC_MAC_HMAC_SHA_512 ? 128 : 64;

	memset(out, 0, KC_MAC_KEY_MAX);
	if (key.len > block)
		EVP_Q_digest(NULL, digests[kind], NULL, key.data, key.len, out, NULL);
	else if (key.len <= kc_mac_key_len(kind))
		memcpy(out, key.data, key.len);
	else
		abort();
}

static void
known_answers(void)
{
	vector_file *file = vectors_open("hmac.txt");
	int			count[KIND_LAST + 1] = {0};
	bool		good[KIND_LAST + 1] = {true, true, true, true, true};

	while (vectors_next(file))
	{
		int			kind = vectors_get(file, "kind").data[0];
		kc_view		message = vectors_get(file, "message");
		kc_view		code = vectors_get(file, "code");
		uint8_t		key[KC_MAC_KEY_MAX];
		uint8_t		out[KC_MAC_MAX];
		kc_mac	   *mac = NULL;

		fit_key(kind, vectors_get(file, "key"), key);
		good[kind] = good[kind] && code.len == kc_mac_len(kind) &&
			kc_mac_new(kind, kc_view_of(key, kc_mac_key_len(kind)), &mac) == KC_OK &&
			kc_mac_generate(mac, message, out, NULL) == KC_OK && memcmp(out, code.data, code.len) == 0 &&
			kc_mac_verify(mac, message, code, NULL) == KC_OK;
		kc_mac_free(mac);
		count[kind]++;
	}
	vectors_close(file);
	for (int kind = KIND_FIRST; kind <= KIND_LAST; kind++)
		ok(good[kind] && count[kind] > 0, "%s: the %d published codes are made and verify", names[kind], count[kind]);
}

/* Every length around the blocks of the hashes, made and checked anew with the same key. */
static void
lengths(int kind)
{
	uint8_t		key[KC_MAC_KEY_MAX];
	uint8_t		bytes[300];
	uint8_t		expected[KC_MAC_MAX];
	uint8_t    *out = malloc(kc_mac_len(kind));
	kc_mac	   *mac = mac_new(kind, 7);
	bool		good = true;

	memset(key, 7, sizeof(key));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) i;
	for (size_t len = 0; len <= sizeof(bytes); len++)
	{
		uint8_t    *message = exactly(bytes, len);
		kc_view		view = kc_view_of(len > 0 ? message : NULL, len);

		reference_mac(digests[kind], kc_view_of(key, kc_mac_key_len(kind)), kc_view_of(bytes, len), expected);
		good = good && kc_mac_generate(mac, view, out, NULL) == KC_OK &&
			memcmp(out, expected, kc_mac_len(kind)) == 0 &&
			kc_mac_verify(mac, view, kc_view_of(out, kc_mac_len(kind)), NULL) == KC_OK;
		free(message);
	}
	ok(good && queue_empty(), "%s: messages of 0 to 300 bytes have the code that OpenSSL computes", names[kind]);
	free(out);
	kc_mac_free(mac);
}

static bool
refuses(kc_mac *mac, kc_view message, const uint8_t *code, size_t len)
{
	uint8_t    *copy = exactly(code, len);
	bool		good = kc_mac_verify(mac, message, kc_view_of(copy, len), NULL) == KC_BAD_TAG && queue_empty();

	free(copy);
	return good;
}

static void
wrong_codes(int kind)
{
	kc_mac	   *mac = mac_new(kind, 1);
	kc_mac	   *other = mac_new(kind, 2);
	kc_view		message = text_view("a message");
	size_t		len = kc_mac_len(kind);
	uint8_t		code[KC_MAC_MAX + 1] = {0};
	bool		good = true;

	kc_mac_generate(mac, message, code, NULL);
	for (size_t cut = 0; cut < len; cut++)
		good = good && refuses(mac, message, code, cut);
	ok(good && kc_mac_verify(mac, message, NONE, NULL) == KC_BAD_TAG, "%s: a code that is cut, or none, is refused", names[kind]);
	ok(refuses(mac, message, code, len + 1), "%s: and one that goes on", names[kind]);
	for (size_t bit = 0; bit < 8 * len; bit++)
	{
		code[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && refuses(mac, message, code, len);
		code[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good, "%s: no bit of a code may turn", names[kind]);
	ok(refuses(mac, text_view("a Message"), code, len) && refuses(mac, NONE, code, len) &&
	   refuses(mac, text_view("a messag"), code, len), "%s: nor is it the code of another message", names[kind]);
	ok(refuses(other, message, code, len), "%s: nor under another key", names[kind]);
	ok(kc_mac_verify(mac, message, kc_view_of(code, len), NULL) == KC_OK, "%s: and after all that it still verifies", names[kind]);
	kc_mac_free(mac);
	kc_mac_free(other);
}

static void
keys(void)
{
	static const int numbers[] = {0, -1, KIND_LAST + 1, INT32_MAX, INT32_MIN};
	uint8_t		bytes[KC_MAC_KEY_MAX + 1] = {0};
	bool		good = true;
	kc_mac	   *mac;

	for (int i = 0; i < 5; i++)
	{
		mac = (kc_mac *) (void *) bytes;
		good = good && kc_mac_new(numbers[i], kc_view_of(bytes, 32), &mac) == KC_BAD_INPUT && mac == NULL &&
			kc_mac_key_len(numbers[i]) == 0 && kc_mac_len(numbers[i]) == 0;
	}
	ok(good, "a number that is no kind of code is refused");
	for (int kind = KIND_FIRST; kind <= KIND_LAST; kind++)
		for (size_t len = 0; len <= sizeof(bytes); len++)
		{
			uint8_t    *copy = exactly(bytes, len);

			mac = (kc_mac *) (void *) bytes;
			good = good && kc_mac_new(kind, kc_view_of(copy, len), &mac) ==
				(len == kc_mac_key_len(kind) ? KC_OK : KC_BAD_INPUT) &&
				(mac != NULL) == (len == kc_mac_key_len(kind));
			kc_mac_free(mac);
			free(copy);
		}
	ok(good && queue_empty(), "a key of another length is refused");
	kc_mac_free(NULL);
}

/* By the description in mac.h. */
static void
reference_index(kc_view key, kc_view context, kc_view value, uint8_t out[KC_MAC_MAX])
{
	uint8_t		derived[KC_MAC_MAX];
	uint8_t		input[512];

	input[0] = input[1] = 0;
	input[2] = (uint8_t) (context.len >> 8);
	input[3] = (uint8_t) context.len;
	if (context.len > 0)
		memcpy(input + 4, context.data, context.len);
	if (value.len > 0)
		memcpy(input + 4 + context.len, value.data, value.len);
	reference_mac("SHA512", key, text_view("kms blind index"), derived);
	reference_mac("SHA256", kc_view_of(derived, 32), kc_view_of(input, 4 + context.len + value.len), out);
}

static void
blind_index(void)
{
	uint8_t		key[32];
	uint8_t		bytes[300];
	uint8_t		expected[KC_MAC_MAX];
	uint8_t		out[KC_BLIND_INDEX_LEN];
	uint8_t		second[KC_MAC_MAX];
	kc_mac	   *mac = mac_new(KC_MAC_HMAC_SHA_256, 9);
	bool		good = true;

	memset(key, 9, sizeof(key));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) (i * 7);
	for (size_t context = 0; context <= 300; context += 60)
		for (size_t value = 0; value <= 200; value += 40)
		{
			reference_index(kc_view_of(key, 32), kc_view_of(bytes, context), kc_view_of(bytes, value), expected);
			good = good && kc_mac_blind_index(mac, kc_view_of(bytes, context), kc_view_of(bytes, value), out, NULL) == KC_OK &&
				memcmp(out, expected, sizeof(out)) == 0;
		}
	ok(good && queue_empty(), "a blind index is what its description says, with contexts and values of 0 to 300 bytes");
	kc_mac_blind_index(mac, text_view("ab"), text_view("c"), out, NULL);
	kc_mac_blind_index(mac, text_view("a"), text_view("bc"), second, NULL);
	ok(memcmp(out, second, sizeof(out)) != 0, "context and value cannot lend each other a byte");
	kc_mac_blind_index(mac, text_view("ab"), text_view("c"), second, NULL);
	ok(memcmp(out, second, sizeof(out)) == 0, "the same value has the same index");
	kc_mac_generate(mac, kc_view_of("\0\0\0\2abc", 7), second, NULL);
	ok(memcmp(out, second, sizeof(out)) != 0, "an index is not the code of the same bytes");
	ok(kc_mac_verify(mac, kc_view_of("\0\0\0\2abc", 7), kc_view_of(out, sizeof(out)), NULL) == KC_BAD_TAG,
	   "and does not verify as one");
	kc_mac_free(mac);
	mac = mac_new(KC_MAC_HMAC_SHA_256, 10);
	kc_mac_blind_index(mac, text_view("ab"), text_view("c"), second, NULL);
	ok(memcmp(out, second, sizeof(out)) != 0, "another key makes another index");
	memset(out, 0xaa, sizeof(out));
	ok(kc_mac_blind_index(mac, kc_view_of(bytes, ((size_t) 1 << 30) + 1), NONE, out, NULL) == KC_BAD_INPUT &&
	   all_bytes(out, sizeof(out), 0), "a context of more than a gigabyte is refused, and nothing is given away");
	kc_mac_free(mac);
	for (int kind = KIND_FIRST + 1; kind <= KIND_LAST; kind++)
	{
		mac = mac_new(kind, 9);
		memset(out, 0xaa, sizeof(out));
		ok(kc_mac_blind_index(mac, text_view("ab"), text_view("c"), out, NULL) == KC_BAD_INPUT &&
		   all_bytes(out, sizeof(out), 0), "%s: keys make no blind index", names[kind]);
		kc_mac_free(mac);
	}
}

static void
missing(int kind)
{
	uint8_t		key[KC_MAC_KEY_MAX] = {0};
	kc_mac	   *mac = (kc_mac *) (void *) key;
	kc_status	status;

	fault_deny("HMAC");
	status = kc_mac_new(kind, kc_view_of(key, kc_mac_key_len(kind)), &mac);
	ok(fault_off() && status == KC_UNSUPPORTED && mac == NULL && queue_empty(),
	   "%s: unsupported where OpenSSL lacks HMAC", names[kind]);
	fault_deny("EVP_MAC_CTX_set_params");
	status = kc_mac_new(kind, kc_view_of(key, kc_mac_key_len(kind)), &mac);
	ok(fault_off() && status == KC_UNSUPPORTED && mac == NULL && queue_empty(),
	   "%s: or the hash", names[kind]);
}

/* Freed memory holds neither the key nor what the index is made with. */
static void
traces(void)
{
	uint8_t		key[32];
	uint8_t		derived[KC_MAC_MAX];
	uint8_t		out[KC_MAC_MAX];
	kc_mac	   *mac;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t) (0x90 + i);
	reference_mac("SHA512", kc_view_of(key, 32), text_view("kms blind index"), derived);
	fault_hold();
	if (kc_mac_new(KC_MAC_HMAC_SHA_256, kc_view_of(key, 32), &mac) != KC_OK)
		abort();
	kc_mac_generate(mac, text_view("x"), out, NULL);
	kc_mac_blind_index(mac, NONE, text_view("x"), out, NULL);
	kc_mac_free(mac);
	ok(!fault_held(key, 16) && !fault_held(derived, 16), "a key leaves no trace");
	fault_let_go();
}

static bool
enough(void)
{
	return true;
}

static void
cancelled(void)
{
	static const uint8_t key[32] = {1};
	kc_mac	   *mac;
	size_t		len = (size_t) 2 << 20;
	uint8_t    *message = calloc(1, len);
	uint8_t		out[KC_MAC_MAX];
	uint8_t		code[KC_MAC_MAX];

	if (kc_mac_new(KC_MAC_HMAC_SHA_256, kc_view_of(key, sizeof(key)), &mac) != KC_OK)
		abort();
	memset(out, 0xaa, sizeof(out));
	ok(kc_mac_generate(mac, kc_view_of(message, len), out, enough) == KC_CANCELLED && all_bytes(out, 32, 0),
	   "a long message can be cancelled, and leaves nothing");
	ok(kc_mac_generate(mac, kc_view_of(message, 16), out, enough) == KC_OK, "a short one is not asked about");
	kc_mac_generate(mac, kc_view_of(message, len), code, NULL);
	ok(kc_mac_verify(mac, kc_view_of(message, len), kc_view_of(code, 32), NULL) == KC_OK,
	   "and what was cancelled leaves no trace in the next code");
	kc_mac_free(mac);
	free(message);
}

void
test_mac(void)
{
	tap_section("authentication codes");
	known_answers();
	keys();
	for (int kind = KIND_FIRST; kind <= KIND_LAST; kind++)
	{
		lengths(kind);
		wrong_codes(kind);
		missing(kind);
	}
	blind_index();
	cancelled();
	traces();
}
