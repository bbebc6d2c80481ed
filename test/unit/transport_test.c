/*
 * Key material under one-off public keys.
 */
#define _GNU_SOURCE				/* mkdtemp */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static const uint8_t material[128] = "some key material of which the first sixteen or thirty-two bytes "
	"are what is sent most of the time, and seldom more than that";

/* Open exact copies; false if a failure leaves anything in out or in the queue. */
static bool
opens_as(const travel *t, const uint8_t *bytes, size_t bytes_len, size_t len, kc_status expected)
{
	uint8_t    *key = exactly(t->private_der, t->private_len);
	uint8_t    *encrypted = exactly(bytes, bytes_len);
	uint8_t    *out = malloc(len);
	kc_status	status;
	bool		good;

	memset(out, 0xaa, len);
	status = kc_transport_open(t->transport, kc_view_of(key, t->private_len),
							   kc_view_of(encrypted, bytes_len), out, len);
	good = status == expected && queue_empty();
	good = good && (status == KC_OK ? memcmp(out, material, len) == 0 : all_bytes(out, len, 0));
	free(key);
	free(encrypted);
	free(out);
	return good;
}

static void
round_trips(const travel *t)
{
	uint8_t		encrypted[ENCRYPTED_MAX];
	bool		good = true;

	for (size_t len = 1; len <= sizeof(material); len++)
	{
		size_t		n = travel_encrypt(t, kc_view_of(material, len), encrypted);

		good = good && opens_as(t, encrypted, n, len, KC_OK);
	}
	ok(good, "%s: material of 1 to 128 bytes opens", transport_name(t->transport));
}

/* Sent in one length, awaited in another. */
static void
other_lengths(const travel *t)
{
	static const size_t lengths[] = {1, 16, 24, 31, 32, 33, 128};
	uint8_t		encrypted[ENCRYPTED_MAX];
	bool		good = true;
	size_t		n;

	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < 7; j++)
		{
			n = travel_encrypt(t, kc_view_of(material, lengths[i]), encrypted);
			good = good && opens_as(t, encrypted, n, lengths[j], i == j ? KC_OK : KC_BAD_TAG);
		}
	ok(good, "%s: material of any other length is refused", transport_name(t->transport));
	if (t->transport == KC_PKE_SM2PKE)
		return;					/* cannot encrypt nothing */
	n = travel_encrypt(t, NONE, encrypted);
	ok(opens_as(t, encrypted, n, 32, KC_BAD_TAG) && opens_as(t, encrypted, n, 1, KC_BAD_TAG),
	   "%s: no material is refused", transport_name(t->transport));
}

static void
awaited_lengths(const travel *t)
{
	uint8_t		out[2] = {0xaa, 0xaa};
	kc_view		key = kc_view_of(t->private_der, t->private_len);

	ok(kc_transport_open(t->transport, key, NONE, out, 0) == KC_BAD_INPUT &&
	   kc_transport_open(t->transport, key, NONE, out, KC_TRANSPORT_MATERIAL_MAX + 1) == KC_BAD_INPUT &&
	   kc_transport_open(t->transport, key, NONE, out, SIZE_MAX) == KC_BAD_INPUT && out[0] == 0xaa,
	   "%s: none or more than 128 bytes cannot be awaited", transport_name(t->transport));
}

static void
damage(const travel *t)
{
	uint8_t		encrypted[ENCRYPTED_MAX + 1];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	bool		good = true;

	for (size_t len = 0; len < n; len++)
		good = good && opens_as(t, encrypted, len, 32, KC_BAD_TAG);
	encrypted[n] = 0;
	good = good && opens_as(t, encrypted, n + 1, 32, KC_BAD_TAG);
	ok(good, "%s: what is cut or continued does not open", transport_name(t->transport));
	/* An RSA ciphertext is one number: some of its bits stand for the others. */
	for (size_t bit = 0; bit < 8 * n; bit += t->transport == KC_PKE_SM2PKE ? 1 : 7)
	{
		encrypted[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && opens_as(t, encrypted, n, 32, KC_BAD_TAG);
		encrypted[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good && opens_as(t, encrypted, n, 32, KC_OK), "%s: no bit of it may turn", transport_name(t->transport));
}

static void
wrong_keys(const travel *t)
{
	travel		other = travel_new(t->transport);
	uint8_t		encrypted[ENCRYPTED_MAX];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	bool		good = opens_as(&other, encrypted, n, 32, KC_BAD_TAG);

	ok(good && memcmp(other.public_der, t->public_der, t->public_len) != 0,
	   "%s: another pair is different and does not open it", transport_name(t->transport));
	good = true;
	for (int transport = TRANSPORT_FIRST; transport <= TRANSPORT_LAST; transport++)
	{
		bool		foreign = (transport == KC_PKE_SM2PKE) != (t->transport == KC_PKE_SM2PKE);

		other = *t;
		other.transport = transport;
		good = good && (transport == t->transport ||
						opens_as(&other, encrypted, n, 32, foreign ? KC_BAD_INPUT : KC_BAD_TAG));
	}
	ok(good, "%s: what was sent one way does not open as another", transport_name(t->transport));
}

static void
broken_keys(const travel *t)
{
	travel		broken = *t;
	uint8_t		encrypted[ENCRYPTED_MAX];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	bool		good = true;

	for (broken.private_len = 0; broken.private_len < t->private_len; broken.private_len++)
		good = good && opens_as(&broken, encrypted, n, 32, KC_BAD_INPUT);
	broken.private_len++;
	good = good && opens_as(&broken, encrypted, n, 32, KC_BAD_INPUT);
	ok(good, "%s: a key cut or continued is refused", transport_name(t->transport));
}

/* Written byte for byte as OpenSSL writes it, and a good pair in its eyes. */
static void
standard_form(const travel *t)
{
	const char *type = t->transport == KC_PKE_SM2PKE ? "SM2" : "RSA";
	const uint8_t *der = t->private_der;
	EVP_PKEY   *key = d2i_AutoPrivateKey(NULL, &der, (long) t->private_len);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	PKCS8_PRIV_KEY_INFO *info = key != NULL ? EVP_PKEY2PKCS8(key) : NULL;
	uint8_t    *private_der = NULL;
	uint8_t    *public_der = NULL;
	int			private_len = i2d_PKCS8_PRIV_KEY_INFO(info, &private_der);
	int			public_len = i2d_PUBKEY(key, &public_der);

	ok(ctx != NULL && EVP_PKEY_is_a(key, type) && EVP_PKEY_check(ctx) == 1 &&
	   EVP_PKEY_get_bits(key) == (t->transport == KC_PKE_SM2PKE ? 256 : 2048),
	   "%s: the pair is a good one of its type and size", transport_name(t->transport));
	ok((size_t) private_len == t->private_len && memcmp(private_der, t->private_der, t->private_len) == 0,
	   "%s: the private key is in PKCS #8", transport_name(t->transport));
	ok((size_t) public_len == t->public_len && memcmp(public_der, t->public_der, t->public_len) == 0,
	   "%s: the public key is in SubjectPublicKeyInfo", transport_name(t->transport));
	OPENSSL_free(private_der);
	OPENSSL_free(public_der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void
write_file(const char *folder, const char *name, const void *bytes, size_t len)
{
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		abort();
}

static size_t
read_file(const char *folder, const char *name, uint8_t out[ENCRYPTED_MAX])
{
	char		path[1024];
	FILE	   *file;
	size_t		len = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file != NULL)
	{
		len = fread(out, 1, ENCRYPTED_MAX, file);
		fclose(file);
	}
	return len;
}

/* What an administrator types. */
static void
command_line(const travel *t)
{
	static const char *const options[] = {
		NULL,
		"-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1",
		"-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256",
		"-pkeyopt rsa_padding_mode:pkcs1",
		"",
	};
	char		folder[] = "/tmp/kms-transport-XXXXXX";
	char		command[1024];
	uint8_t		encrypted[ENCRYPTED_MAX];
	uint8_t		raw[ENCRYPTED_MAX];
	size_t		len;

	if (mkdtemp(folder) == NULL)
		abort();
	write_file(folder, "public.der", t->public_der, t->public_len);
	write_file(folder, "material", material, 32);
	snprintf(command, sizeof(command), "cd %s && openssl pkeyutl -encrypt -pubin -keyform DER -inkey public.der "
			 "-in material -out encrypted %s 2>/dev/null", folder, options[t->transport]);
	if (system("openssl version >/dev/null 2>&1") != 0)
		ok(true, "%s: what the openssl command encrypted opens # SKIP there is no such command",
		   transport_name(t->transport));
	else
	{
		bool		good = system(command) == 0 && (len = read_file(folder, "encrypted", encrypted)) > 0;

		if (good && t->transport == KC_PKE_SM2PKE)
		{
			len = sm2_raw(encrypted, len, raw);
			memcpy(encrypted, raw, len);
		}
		ok(good && opens_as(t, encrypted, len, 32, KC_OK), "%s: what the openssl command encrypted opens",
		   transport_name(t->transport));
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ok(system(command) == 0, "%s: and its files are gone", transport_name(t->transport));
}

/* The next test can fail. */
static void
traces_are_seen(void)
{
	uint8_t	   *memory;
	uint8_t		number[16];

	for (size_t i = 0; i < sizeof(number); i++)
		number[i] = (uint8_t) (0x80 + i);
	fault_hold();
	memory = OPENSSL_malloc(100);
	memcpy(memory + 80, number, sizeof(number));
	OPENSSL_free(memory);
	ok(fault_held(number, sizeof(number)), "bytes in freed memory are seen");
	fault_let_go();
	fault_hold();
	memory = OPENSSL_malloc(16);
	for (size_t i = 0; i < sizeof(number); i++)
		memory[i] = number[15 - i];
	OPENSSL_free(memory);
	ok(fault_held(number, sizeof(number)), "and backwards");
	fault_let_go();
	fault_hold();
	memory = OPENSSL_malloc(16);
	memcpy(memory, number, sizeof(number));
	OPENSSL_clear_free(memory, 16);
	ok(!fault_held(number, sizeof(number)), "and those that were wiped are not");
	fault_let_go();
}

/* The material in its padding, which needs no key to be undone; of SM2, the material. */
static void
padded_material(const travel *t, const uint8_t *encrypted, size_t len, uint8_t padded[256])
{
	const uint8_t *der = t->private_der;
	EVP_PKEY   *key = d2i_AutoPrivateKey(NULL, &der, (long) t->private_len);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t		padded_len = 256;

	memcpy(padded, material, 128);
	if (t->transport != KC_PKE_SM2PKE &&
		(EVP_PKEY_decrypt_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1 ||
		 EVP_PKEY_decrypt(ctx, padded, &padded_len, encrypted, len) != 1))
		abort();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

/* Nothing that OpenSSL has freed holds the private key, or the material. */
static void
traces(const travel *t)
{
	bool		sm2 = t->transport == KC_PKE_SM2PKE;
	uint8_t		encrypted[ENCRYPTED_MAX];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	uint8_t		padded[256];
	travel		made;
	bool		found = false;

	padded_material(t, encrypted, n, padded);
	fault_hold();
	made = travel_new(t->transport);
	/* d, p, q, ... stand behind n in the file, the secret of SM2 at 36. */
	for (size_t at = sm2 ? 36 : 330; at + 16 <= (sm2 ? 68 : made.private_len); at += 16)
		found = found || fault_held(made.private_der + at, 16);
	fault_let_go();
	ok(!found, "%s: making a pair leaves no trace of it", transport_name(t->transport));
	found = false;
	fault_hold();
	opens_as(t, encrypted, n, 32, KC_OK);
	for (size_t at = sm2 ? 36 : 330; at + 16 <= (sm2 ? 68 : t->private_len); at += 16)
		found = found || fault_held(t->private_der + at, 16);
	ok(!found && !fault_held(material, 16) && !fault_held(padded + 16, 16), "%s: opening leaves no trace of key and material",
	   transport_name(t->transport));
	fault_let_go();
}

static void
rooms(const travel *t)
{
	travel		made;
	bool		good = true;

	/* RSA numbers differ in length by a byte or two: too little for certain. */
	for (int i = 0; i < 2; i++)
	{
		memset(&made, 0xaa, sizeof(made));
		made.private_len = i == 0 ? t->private_len - 20 : sizeof(made.private_der);
		made.public_len = i == 0 ? sizeof(made.public_der) : t->public_len - 1;
		good = good && kc_transport_generate(t->transport, made.private_der, &made.private_len,
											 made.public_der, &made.public_len, NULL) == KC_BAD_INPUT &&
			made.private_len == 0 && made.public_len == 0 &&
			all_bytes(made.private_der, i == 0 ? t->private_len - 20 : sizeof(made.private_der), 0) &&
			all_bytes(made.public_der, i == 0 ? sizeof(made.public_der) : t->public_len - 1, 0) &&
			(i == 0 ? made.private_der[t->private_len - 20] : made.public_der[t->public_len - 1]) == 0xaa;
	}
	ok(good && queue_empty(), "%s: too little room is noticed, and both keys are wiped", transport_name(t->transport));
}

static int	asked;
static int	patience;

static bool
lose_patience(void)
{
	return ++asked > patience;
}

static void
cancelling(const travel *t)
{
	travel		made;
	bool		good = true;

	for (patience = 0; patience < 40; patience += 13)
	{
		kc_status	status;

		memset(&made, 0xaa, sizeof(made));
		made.private_len = sizeof(made.private_der);
		made.public_len = sizeof(made.public_der);
		asked = 0;
		status = kc_transport_generate(t->transport, made.private_der, &made.private_len,
									   made.public_der, &made.public_len, lose_patience);
		if (status == KC_OK)	/* the primes came sooner */
			good = good && asked <= patience && patience > 0;
		else
			good = good && status == KC_CANCELLED && asked == patience + 1 &&
				made.private_len == 0 && made.public_len == 0 &&
				all_bytes(made.private_der, sizeof(made.private_der), 0) &&
				all_bytes(made.public_der, sizeof(made.public_der), 0);
	}
	ok(good && queue_empty(), "%s: once cancelled, the search ends and leaves nothing",
	   transport_name(t->transport));
	patience = INT32_MAX;
	asked = 0;
	made.private_len = sizeof(made.private_der);
	made.public_len = sizeof(made.public_der);
	ok(kc_transport_generate(t->transport, made.private_der, &made.private_len,
							 made.public_der, &made.public_len, lose_patience) == KC_OK && asked > 0,
	   "%s: asked and not cancelled, it finds a pair", transport_name(t->transport));
}

typedef struct padding
{
	const char *name;
	int			at;				/* which byte, from the end if negative */
	uint8_t		value;
} padding;

/* 00 02, 221 bytes that are not zero, 00, 32 bytes: and one of them not so. */
static void
bad_padding(const travel *t)
{
	static const padding faults[] = {
		{"begins with 01", 0, 1},
		{"is of type 00", 1, 0},
		{"is of type 01", 1, 1},
		{"is of type 03", 1, 3},
		{"ends after no byte", 2, 0},
		{"ends after seven bytes", 9, 0},
		{"ends in the middle", 100, 0},
		{"ends a byte early", -34, 0},
		{"does not end", -33, 1},
	};
	uint8_t		padded[256];
	uint8_t		encrypted[ENCRYPTED_MAX];
	bool		good = true;

	for (size_t i = 0; i <= sizeof(faults) / sizeof(faults[0]); i++)
	{
		bool		whole = i == sizeof(faults) / sizeof(faults[0]);

		memset(padded, 0x5a, sizeof(padded));
		padded[0] = 0;
		padded[1] = 2;
		padded[256 - 33] = 0;
		memcpy(padded + 256 - 32, material, 32);
		if (!whole)
			padded[faults[i].at < 0 ? 256 + faults[i].at : faults[i].at] = faults[i].value;
		good = opens_as(t, encrypted, travel_encrypt_padded(t, padded, encrypted), 32,
						whole ? KC_OK : KC_BAD_TAG);
		ok(good, "PKCS #1 v1.5: padding that %s is %s", whole ? "is right" : faults[i].name,
		   whole ? "accepted" : "refused");
	}
}

/* Numbers that RSA leaves alone, or that are not below the modulus. */
static void
odd_numbers(const travel *t)
{
	uint8_t		number[256] = {0};
	bool		good = opens_as(t, number, 256, 32, KC_BAD_TAG);

	number[255] = 1;
	good = good && opens_as(t, number, 256, 32, KC_BAD_TAG);
	memcpy(number, t->public_der + 33, 256);	/* n */
	good = good && opens_as(t, number, 256, 32, KC_BAD_TAG);
	number[255]--;
	good = good && opens_as(t, number, 256, 32, KC_BAD_TAG);
	memset(number, 0xff, sizeof(number));
	good = good && opens_as(t, number, 256, 32, KC_BAD_TAG);
	ok(good, "%s: 0, 1, n - 1, n and the largest number are refused", transport_name(t->transport));
}

/* Numbers at the front of the key that are not of our kind of RSA. */
static void
other_rsa(const travel *t)
{
	travel		other = *t;
	uint8_t		encrypted[ENCRYPTED_MAX];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	bool		good = true;
	size_t		e = 38 + 256 + 2;	/* n begins at 38; the e after it is 010001 */

	for (int i = 0; i < 4; i++)
	{
		static const int step[] = {0, 255, 0, 0};

		other = *t;
		if (i < 2)
			other.private_der[38 + step[i]] ^= i == 0 ? 0x80 : 1;	/* n short, n even */
		else
			other.private_der[e + (i == 2 ? 0 : 2)] ^= 2;	/* another e */
		good = good && opens_as(&other, encrypted, n, 32, KC_BAD_INPUT);
	}
	ok(good, "%s: a modulus or an exponent not of ours is refused", transport_name(t->transport));
}

/* The curve's prime, big-endian. */
static const uint8_t prime[32] = {
	0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
};

static void
coordinates(const EC_GROUP *group, const EC_POINT *point, uint8_t out[64])
{
	BIGNUM	   *x = BN_new();
	BIGNUM	   *y = BN_new();

	if (EC_POINT_get_affine_coordinates(group, point, x, y, NULL) != 1 ||
		BN_bn2binpad(x, out, 32) != 32 || BN_bn2binpad(y, out + 32, 32) != 32)
		abort();
	BN_free(x);
	BN_free(y);
}

/* C1, of the smallest x there is, and the point that the pair makes of it. */
static void
small_point(const travel *t, uint8_t c1[64], uint8_t shared[64])
{
	EC_GROUP   *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT   *point = EC_POINT_new(group);
	BIGNUM	   *x = BN_new();
	BIGNUM	   *secret = BN_bin2bn(t->private_der + 36, 32, NULL);

	do
		BN_add_word(x, 1);
	while (EC_POINT_set_compressed_coordinates(group, point, x, 0, NULL) != 1);
	ERR_clear_error();
	coordinates(group, point, c1);
	if (EC_POINT_mul(group, point, NULL, point, secret, NULL) != 1)
		abort();
	coordinates(group, point, shared);
	BN_free(secret);
	BN_free(x);
	EC_POINT_free(point);
	EC_GROUP_free(group);
}

/* GB/T 32918.4 step by step, but for the random number. */
static size_t
encrypt_small(const travel *t, uint8_t out[ENCRYPTED_MAX])
{
	uint8_t		shared[64];
	uint8_t		mask[32];
	uint8_t		hashed[96];
	EVP_KDF    *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM	params[3];

	out[0] = 4;
	small_point(t, out + 1, shared);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *) "SM3", 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, sizeof(shared));
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(ctx, mask, sizeof(mask), params) != 1)
		abort();
	memcpy(hashed, shared, 32);
	memcpy(hashed + 32, material, 32);
	memcpy(hashed + 64, shared + 32, 32);
	EVP_Digest(hashed, sizeof(hashed), out + 65, NULL, EVP_sm3(), NULL);
	for (size_t i = 0; i < 32; i++)
		out[97 + i] = material[i] ^ mask[i];
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return 97 + 32;
}

/* x + p is as good as x to OpenSSL; not to us. */
static void
one_spelling(const travel *t)
{
	uint8_t		encrypted[ENCRYPTED_MAX];
	size_t		n = encrypt_small(t, encrypted);
	unsigned int carry = 0;

	ok(opens_as(t, encrypted, n, 32, KC_OK), "SM2: what was encrypted step by step opens");
	for (size_t i = 32; i-- > 0;)
	{
		carry += (unsigned int) encrypted[1 + i] + prime[i];
		encrypted[1 + i] = (uint8_t) carry;
		carry >>= 8;
	}
	ok(carry == 0 && opens_as(t, encrypted, n, 32, KC_BAD_TAG), "SM2: the point has one spelling");
}

static void
bad_points(const travel *t)
{
	uint8_t		encrypted[ENCRYPTED_MAX];
	uint8_t		copy[ENCRYPTED_MAX];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	bool		good = true;

	for (int first = 0; first < 256; first++)
	{
		memcpy(copy, encrypted, n);
		copy[0] = (uint8_t) first;
		good = good && opens_as(t, copy, n, 32, first == 4 ? KC_OK : KC_BAD_TAG);
	}
	ok(good, "SM2: only 04 begins a point");
	memset(copy + 1, 0, 64);
	ok(opens_as(t, copy, n, 32, KC_BAD_TAG), "SM2: zero is not on the curve");
	memcpy(copy + 1, prime, 32);
	memcpy(copy + 33, prime, 32);
	ok(opens_as(t, copy, n, 32, KC_BAD_TAG), "SM2: coordinates are below the prime");
	memset(copy + 1, 0xff, 64);
	ok(opens_as(t, copy, n, 32, KC_BAD_TAG), "SM2: and the largest numbers are not");
}

static travel
sm2_of(kc_view secret, kc_view point)
{
	travel		t = {.transport = KC_PKE_SM2PKE};
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM	   *number = BN_bin2bn(secret.data, (int) secret.len, NULL);
	OSSL_PARAM *params;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	EVP_PKEY   *key = NULL;
	PKCS8_PRIV_KEY_INFO *info;
	uint8_t    *der = t.private_der;

	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len);
	params = OSSL_PARAM_BLD_to_param(build);
	if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		abort();
	info = EVP_PKEY2PKCS8(key);
	t.private_len = (size_t) i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	BN_free(number);
	OSSL_PARAM_BLD_free(build);
	return t;
}

static void
known_answers(void)
{
	vector_file *file = vectors_open("sm2-encryption.txt");

	while (vectors_next(file))
	{
		kc_view		plaintext = vectors_get(file, "plaintext");
		kc_view		ciphertext = vectors_get(file, "ciphertext");
		travel		t = sm2_of(vectors_get(file, "private"), vectors_get(file, "public"));
		uint8_t		out[KC_TRANSPORT_MATERIAL_MAX];

		ok(kc_transport_open(t.transport, kc_view_of(t.private_der, t.private_len), ciphertext,
							 out, plaintext.len) == KC_OK &&
		   memcmp(out, plaintext.data, plaintext.len) == 0, "SM2: the example of GB/T 32918.5 opens");
	}
	vectors_close(file);
}

static void
unknown_transports(void)
{
	static const int numbers[] = {0, -1, 5, INT32_MAX, INT32_MIN};
	bool		good = true;

	for (int i = 0; i < 5; i++)
	{
		travel		t;
		uint8_t		out[32];

		memset(&t, 0xaa, sizeof(t));
		memset(out, 0xaa, sizeof(out));
		t.private_len = sizeof(t.private_der);
		t.public_len = sizeof(t.public_der);
		good = good && kc_transport_generate(numbers[i], t.private_der, &t.private_len,
											 t.public_der, &t.public_len, NULL) == KC_BAD_INPUT &&
			t.private_len == 0 && t.public_len == 0 && all_bytes(t.private_der, sizeof(t.private_der), 0) &&
			kc_transport_open(numbers[i], NONE, NONE, out, 32) == KC_BAD_INPUT && all_bytes(out, 32, 0);
	}
	ok(good, "a number that is no transport is refused and everything wiped");
}

static void
missing(const travel *t)
{
	travel		made = {.private_len = KC_TRANSPORT_PRIVATE_MAX, .public_len = KC_TRANSPORT_PUBLIC_MAX};
	uint8_t		encrypted[ENCRYPTED_MAX];
	size_t		n = travel_encrypt(t, kc_view_of(material, 32), encrypted);
	bool		good;

	fault_deny(t->transport == KC_PKE_SM2PKE ? "SM2" : "RSA");
	good = kc_transport_generate(t->transport, made.private_der, &made.private_len,
								 made.public_der, &made.public_len, NULL) == KC_UNSUPPORTED &&
		opens_as(t, encrypted, n, 32, KC_UNSUPPORTED);
	ok(fault_off() && good && queue_empty(), "%s: unsupported where OpenSSL lacks it", transport_name(t->transport));
}

void
test_transport(void)
{
	tap_section("key material that travels");
	unknown_transports();
	traces_are_seen();
	for (int transport = TRANSPORT_FIRST; transport <= TRANSPORT_LAST; transport++)
	{
		travel		t = travel_new(transport);

		standard_form(&t);
		round_trips(&t);
		other_lengths(&t);
		awaited_lengths(&t);
		damage(&t);
		wrong_keys(&t);
		broken_keys(&t);
		command_line(&t);
		traces(&t);
		rooms(&t);
		missing(&t);
		if (transport == KC_PKE_SM2PKE)
		{
			bad_points(&t);
			one_spelling(&t);
		}
		else
		{
			odd_numbers(&t);
			other_rsa(&t);
			if (transport == KC_PKE_RSA_PKCS1_V1_5)
			{
				bad_padding(&t);
				cancelling(&t);
			}
		}
	}
	known_answers();
}
