/*
 * Writing PKCS #12.
 *
 * OpenSSL would write it, too, but leaves the private key in memory that it frees.
 * Here the key stands on the stack or in the caller's buffer, where it is
 * encrypted in place.
 */
#include "pkcs12.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "certificate_open.h"
#include "mac.h"
#include "pair_kind.h"
#include "subject_type.h"
#include "utf8.h"

#define SALT_LEN	16
#define KEY_LEN		32
#define BLOCK_LEN	16			/* of AES */
#define HASH_LEN	32			/* SHA-256 */
#define SHA1_LEN	20

#define CONTEXT_0			0xa0	/* [0], explicit */
#define CONTEXT_0_OCTETS	0x80	/* [0], an implicit OCTET STRING */

#define OID(name, ...) \
	static const uint8_t name[] = {__VA_ARGS__}

/* Whole OBJECT IDENTIFIERs: PKCS #7 content types, PKCS #12 bags, attributes. */
OID(data_type, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01);
OID(encrypted_type, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06);
OID(key_bag, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02);
OID(certificate_bag, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03);
OID(x509_type, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01);
OID(local_key_id, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15);
OID(pbes2, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d);
OID(pbkdf2, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c);
OID(aes_256_cbc, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a);

/* AlgorithmIdentifiers. */
OID(hmac_sha256, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09, 0x05, 0x00);
OID(sha256, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00);

OID(version_0, 0x02, 0x01, 0x00);
OID(version_3, 0x02, 0x01, 0x03);
OID(rounds, 0x02, 0x02, KC_PKCS12_ROUNDS >> 8, KC_PKCS12_ROUNDS & 0xff);

typedef struct export
{
	kc_pair    *pair;
	kc_view		passphrase;
	uint8_t		identifier[SHA1_LEN];	/* localKeyId */
	kc_der_writer out;
} export;

static void
put(export *e, kc_view bytes)
{
	kc_der_put(&e->out, bytes);
}

static size_t
written(const export *e)
{
	return kc_der_written(&e->out);
}

/* The header of all that was written since. */
static void
put_header_since(export *e, uint8_t tag, size_t before)
{
	kc_der_put_header(&e->out, tag, written(e) - before);
}

static void
put_octets(export *e, kc_view bytes)
{
	put(e, bytes);
	kc_der_put_header(&e->out, KC_DER_OCTET_STRING, bytes.len);
}

/* ---- encryption ---- */

static kc_status
encrypt_in_place(const uint8_t key[KEY_LEN], const uint8_t iv[BLOCK_LEN], uint8_t *bytes, size_t len,
				 size_t padded_len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int			most = 0;
	int			rest = 0;
	bool		good = ctx != NULL && EVP_EncryptInit_ex2(ctx, EVP_aes_256_cbc(), key, iv, NULL) == 1 &&
		EVP_EncryptUpdate(ctx, bytes, &most, bytes, (int) len) == 1 &&
		EVP_EncryptFinal_ex(ctx, bytes + most, &rest) == 1 && (size_t) (most + rest) == padded_len;

	EVP_CIPHER_CTX_free(ctx);
	return good ? KC_OK : KC_FAILED;
}

/* AlgorithmIdentifier of PBES2. */
static void
put_algorithm(export *e, kc_view salt, kc_view iv)
{
	size_t		before = written(e);
	size_t		between;

	put_octets(e, iv);
	put(e, KC_BYTES(aes_256_cbc));
	put_header_since(e, KC_DER_SEQUENCE, before);
	between = written(e);
	put(e, KC_BYTES(hmac_sha256));
	put(e, KC_BYTES(rounds));
	put_octets(e, salt);
	put_header_since(e, KC_DER_SEQUENCE, between);
	put(e, KC_BYTES(pbkdf2));
	put_header_since(e, KC_DER_SEQUENCE, between);
	put_header_since(e, KC_DER_SEQUENCE, before);
	put(e, KC_BYTES(pbes2));
	put_header_since(e, KC_DER_SEQUENCE, before);
}

/*
 * Where what will be encrypted is to stand: its padding goes behind it.  Writing
 * goes on in front, and encrypt_since takes what was not needed back.
 */
static void
put_padding(export *e)
{
	static const uint8_t padding[BLOCK_LEN] = {0};

	put(e, KC_BYTES(padding));
}

/* Encrypt all that was written since, padding first; tag and algorithm come before it. */
static kc_status
encrypt_since(export *e, size_t before, uint8_t tag)
{
	uint8_t		random[SALT_LEN + BLOCK_LEN];
	uint8_t		key[KEY_LEN];
	kc_status	status = KC_FAILED;
	uint8_t    *bytes;
	size_t		len;
	size_t		pad;

	if (e->out.full)
		return KC_BAD_INPUT;
	len = written(e) - before - BLOCK_LEN;
	pad = BLOCK_LEN - len % BLOCK_LEN;
	bytes = e->out.buffer + e->out.at + BLOCK_LEN - pad;
	memmove(bytes, e->out.buffer + e->out.at, len);
	e->out.at += BLOCK_LEN - pad;
	if (RAND_bytes(random, sizeof(random)) == 1 &&
		PKCS5_PBKDF2_HMAC((const char *) e->passphrase.data, (int) e->passphrase.len, random, SALT_LEN,
						  KC_PKCS12_ROUNDS, EVP_sha256(), KEY_LEN, key) == 1)
		status = encrypt_in_place(key, random + SALT_LEN, bytes, len, len + pad);
	kc_wipe(key, sizeof(key));
	if (status != KC_OK)
		return status;
	put_header_since(e, tag, before);
	put_algorithm(e, kc_view_of(random, SALT_LEN), kc_view_of(random + SALT_LEN, BLOCK_LEN));
	return KC_OK;
}

/* ---- bags ---- */

/* The set of attributes that ties the key to its certificate. */
static void
put_identifier(export *e)
{
	size_t		before = written(e);

	put_octets(e, KC_BYTES(e->identifier));
	put_header_since(e, KC_DER_SET, before);
	put(e, KC_BYTES(local_key_id));
	put_header_since(e, KC_DER_SEQUENCE, before);
	put_header_since(e, KC_DER_SET, before);
}

static void
put_certificate(export *e, kc_view der, bool is_leaf)
{
	size_t		before = written(e);
	size_t		between;

	if (is_leaf)
		put_identifier(e);
	between = written(e);
	put_octets(e, der);
	put_header_since(e, CONTEXT_0, between);
	put(e, KC_BYTES(x509_type));
	put_header_since(e, KC_DER_SEQUENCE, between);
	put_header_since(e, CONTEXT_0, between);
	put(e, KC_BYTES(certificate_bag));
	put_header_since(e, KC_DER_SEQUENCE, before);
}

/* ContentInfo of all certificates, encrypted. */
static kc_status
put_certificates(export *e, kc_view der, const kc_view *chain, size_t count)
{
	size_t		before = written(e);
	size_t		between;
	kc_status	status;

	put_padding(e);
	between = written(e);
	for (size_t i = count; i-- > 0;)
		put_certificate(e, chain[i], false);
	put_certificate(e, der, true);
	put_header_since(e, KC_DER_SEQUENCE, between);
	status = encrypt_since(e, before, CONTEXT_0_OCTETS);
	put(e, KC_BYTES(data_type));
	put_header_since(e, KC_DER_SEQUENCE, before);
	put(e, KC_BYTES(version_0));
	put_header_since(e, KC_DER_SEQUENCE, before);
	put_header_since(e, CONTEXT_0, before);
	put(e, KC_BYTES(encrypted_type));
	put_header_since(e, KC_DER_SEQUENCE, before);
	return status;
}

/*
 * The private key, last.  Its family counts from the beginning of a writer, so it has
 * one of its own, on what is left of the buffer.
 */
static bool
put_private(export *e)
{
	kc_der_writer inner = kc_der_writer_on(e->out.buffer, e->out.at);

	if (!e->pair->info->family->write_private(e->pair->info, e->pair->key, &inner))
		return false;
	e->out.at = inner.at;
	e->out.full = e->out.full || inner.full;
	return true;
}

/* ContentInfo of the key, which is encrypted in its bag. */
static kc_status
put_key(export *e)
{
	size_t		before = written(e);
	size_t		between;
	kc_status	status;

	put_identifier(e);
	between = written(e);
	put_padding(e);
	if (!put_private(e))
		return KC_FAILED;
	status = encrypt_since(e, between, KC_DER_OCTET_STRING);
	put_header_since(e, KC_DER_SEQUENCE, between);
	put_header_since(e, CONTEXT_0, between);
	put(e, KC_BYTES(key_bag));
	put_header_since(e, KC_DER_SEQUENCE, before);
	put_header_since(e, KC_DER_SEQUENCE, before);	/* SafeContents of one bag */
	put_header_since(e, KC_DER_OCTET_STRING, before);
	put_header_since(e, CONTEXT_0, before);
	put(e, KC_BYTES(data_type));
	put_header_since(e, KC_DER_SEQUENCE, before);
	return status;
}

/* ---- MAC ---- */

#define WIDE_MAX		(2 * KC_PASSPHRASE_MAX + 2)

/* A passphrase as the KDF takes it: UTF-16, the final zero included.  0: it is none. */
static size_t
widen(kc_view passphrase, uint8_t wide[WIDE_MAX])
{
	size_t		len = 0;
	uint32_t	c;

	if (passphrase.len == 0 || passphrase.len > KC_PASSPHRASE_MAX)
		return 0;
	while (passphrase.len > 0)
	{
		uint32_t	low = 0;

		if (!kc_utf8_take(&passphrase, &c) || c == 0)
			return 0;
		if (c > 0xffff)
		{
			low = 0xdc00 | (c & 0x3ff);
			c = 0xd800 + ((c - 0x10000) >> 10);
		}
		wide[len++] = (uint8_t) (c >> 8);
		wide[len++] = (uint8_t) c;
		if (low != 0)
		{
			wide[len++] = (uint8_t) (low >> 8);
			wide[len++] = (uint8_t) low;
		}
	}
	wide[len++] = 0;
	wide[len++] = 0;
	return len;
}

/*
 * RFC 7292, B.2, of a key (ID 3).  OpenSSL frees what it has made of the passphrase
 * without wiping it; what it has is not written here a second time all the same.
 */
static kc_status
mac_key(kc_view passphrase, uint8_t salt[SALT_LEN], uint8_t key[HASH_LEN])
{
	uint8_t		wide[WIDE_MAX];
	size_t		wide_len = widen(passphrase, wide);
	int			id = 3;
	int			iterations = KC_PKCS12_ROUNDS;
	OSSL_PARAM	params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, wide, wide_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, SALT_LEN),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS12_ID, &id),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_ITER, &iterations),
		OSSL_PARAM_construct_end()
	};
	EVP_KDF    *kdf = EVP_KDF_fetch(NULL, "PKCS12KDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	bool		good = ctx != NULL && EVP_KDF_derive(ctx, key, HASH_LEN, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	kc_wipe(wide, sizeof(wide));
	return good ? KC_OK : KC_FAILED;
}

/* Over the safe, which was written last. */
static kc_status
authenticate(export *e, size_t safe_before, uint8_t salt[SALT_LEN], size_t mac_at)
{
	uint8_t		key[HASH_LEN];
	kc_mac	   *mac = NULL;
	kc_view		safe;
	kc_status	status;

	if (e->out.full)
		return KC_BAD_INPUT;
	safe = kc_view_of(e->out.buffer + e->out.at, written(e) - safe_before);
	status = mac_key(e->passphrase, salt, key);
	if (status == KC_OK)
		status = kc_mac_new(KC_MAC_HMAC_SHA_256, KC_BYTES(key), &mac);
	if (status == KC_OK)
		status = kc_mac_generate(mac, safe, e->out.buffer + mac_at, NULL);
	kc_mac_free(mac);
	kc_wipe(key, sizeof(key));
	return status;
}

/* MacData, with room for the code: it comes last in the file, so it is written first. */
static size_t
put_mac(export *e, const uint8_t salt[SALT_LEN])
{
	static const uint8_t no_code[HASH_LEN] = {0};
	size_t		before = written(e);
	size_t		between;
	size_t		at;

	put(e, KC_BYTES(rounds));
	put_octets(e, kc_view_of(salt, SALT_LEN));
	between = written(e);
	put(e, KC_BYTES(no_code));
	at = e->out.at;
	put_header_since(e, KC_DER_OCTET_STRING, between);
	put(e, KC_BYTES(sha256));
	put_header_since(e, KC_DER_SEQUENCE, between);
	put_header_since(e, KC_DER_SEQUENCE, before);
	return at;
}

static kc_status
put_file(export *e, kc_view der, const kc_view *chain, size_t count)
{
	uint8_t		salt[SALT_LEN];
	size_t		mac_at;
	size_t		before;
	kc_status	status;

	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return KC_FAILED;
	mac_at = put_mac(e, salt);
	before = written(e);
	status = put_key(e);
	if (status == KC_OK)
		status = put_certificates(e, der, chain, count);
	put_header_since(e, KC_DER_SEQUENCE, before);
	if (status == KC_OK)
		status = authenticate(e, before, salt, mac_at);
	put_header_since(e, KC_DER_OCTET_STRING, before);
	put_header_since(e, CONTEXT_0, before);
	put(e, KC_BYTES(data_type));
	put_header_since(e, KC_DER_SEQUENCE, before);
	put(e, KC_BYTES(version_3));
	put_header_since(e, KC_DER_SEQUENCE, 0);
	return status;
}

static bool
is_passphrase(kc_view passphrase)
{
	uint8_t		wide[WIDE_MAX];
	bool		good = widen(passphrase, wide) > 0;

	kc_wipe(wide, sizeof(wide));
	return good;
}

static bool
is_certificate(kc_view der)
{
	kc_certificate_parts parts;

	return der.len <= KC_CERTIFICATE_DER_MAX && kc_certificate_take_apart(der, &parts);
}

/* A certificate of this pair, and others. */
static kc_status
check(kc_pair *pair, kc_view der, const kc_view *chain, size_t count)
{
	kc_certificate_parts parts;
	uint8_t		public_der[KC_PUBLIC_MAX];
	size_t		len = sizeof(public_der);
	kc_status	status;

	if (count > KC_CHAIN_MAX || !is_certificate(der) || !kc_certificate_take_apart(der, &parts))
		return KC_BAD_INPUT;
	for (size_t i = 0; i < count; i++)
		if (!is_certificate(chain[i]))
			return KC_BAD_INPUT;
	status = kc_pair_public(pair, public_der, &len);
	if (status == KC_OK && (parts.public_der.len != len || memcmp(parts.public_der.data, public_der, len) != 0))
		status = KC_BAD_INPUT;
	return status;
}

kc_status
kc_pkcs12_export(kc_pair *pair, kc_view der, const kc_view *chain, size_t count,
				 kc_view passphrase, uint8_t *out, size_t *len)
{
	export		e = {.pair = pair, .passphrase = passphrase, .out = kc_der_writer_on(out, *len)};
	kc_status	status = KC_BAD_INPUT;

	ERR_clear_error();
	if (is_passphrase(passphrase))
		status = check(pair, der, chain, count);
	if (status == KC_OK && EVP_Digest(der.data, der.len, e.identifier, NULL, EVP_sha1(), NULL) != 1)
		status = KC_FAILED;
	if (status == KC_OK)
		status = put_file(&e, der, chain, count);
	ERR_clear_error();
	if (status == KC_OK && e.out.full)
		status = KC_BAD_INPUT;	/* too little room */
	e.out.full = status != KC_OK;
	kc_der_finish(&e.out, len);
	return status;
}
