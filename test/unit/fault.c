/*
 * The functions below have OpenSSL's names and stand in the program itself, so
 * the floor's calls end here.  libcrypto's calls among its own functions may end
 * here too, depending on how it was linked; those are let through uncounted.
 */
#define _GNU_SOURCE				/* RTLD_NEXT */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "fault.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static int	calls_left = -1;
static int	depth = 0;			/* not 0: inside libcrypto, which calls itself */
static int	allocations_left = -1;
static bool allocations_over = false;	/* once one has failed, no other is fine */
static const char *denied = NULL;
static bool struck = false;
static long allocations = 0;
static long allocations_struck = 0;
static long random_calls = 0;

static bool
due(int *left)
{
	if (*left < 0 || (*left)-- > 0)
		return false;
	struck = true;
	return true;
}

/* A real failure leaves something in the queue, so this one does too. */
static bool
strike(const char *function, const char *algorithm)
{
	bool		deny = denied != NULL &&
		(strcmp(denied, function) == 0 || (algorithm != NULL && strcmp(denied, algorithm) == 0));

	if (strncmp(function, "RAND_", 5) == 0)
		random_calls++;
	if (!due(&calls_left) && !deny)
		return false;
	struck = true;
	allocations_struck = allocations;
	ERR_raise(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
	return true;
}

static void
find_real(const char *name, void *function)
{
	void	   *symbol = dlsym(RTLD_NEXT, name);

	if (symbol == NULL)
	{
		printf("Bail out! libcrypto has no %s\n", name);
		exit(2);
	}
	memcpy(function, &symbol, sizeof(symbol));
}

#define INTERPOSE(type, failure, algorithm, name, parameters, arguments) \
type \
name parameters \
{ \
	static type (*real) parameters = NULL; \
	type		result; \
\
	if (real == NULL) \
		find_real(#name, &real); \
	if (depth == 0 && strike(#name, algorithm)) \
		return failure; \
	depth++; \
	result = real arguments; \
	depth--; \
	return result; \
}

#define FETCH(type, name) \
	INTERPOSE(type *, NULL, algorithm, name, \
			  (OSSL_LIB_CTX *library, const char *algorithm, const char *properties), \
			  (library, algorithm, properties))
#define CALL(name, parameters, arguments) \
	INTERPOSE(int, 0, NULL, name, parameters, arguments)

FETCH(EVP_CIPHER, EVP_CIPHER_fetch)
FETCH(EVP_MAC, EVP_MAC_fetch)
FETCH(EVP_KDF, EVP_KDF_fetch)

INTERPOSE(EVP_CIPHER_CTX *, NULL, NULL, EVP_CIPHER_CTX_new, (void), ())
INTERPOSE(EVP_MAC_CTX *, NULL, NULL, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac))
INTERPOSE(EVP_KDF_CTX *, NULL, NULL, EVP_KDF_CTX_new, (EVP_KDF *kdf), (kdf))

CALL(EVP_CipherInit_ex2,
	 (EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	  const unsigned char *iv, int enc, const OSSL_PARAM params[]),
	 (ctx, cipher, key, iv, enc, params))
CALL(EVP_EncryptInit_ex2,
	 (EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	  const unsigned char *iv, const OSSL_PARAM params[]),
	 (ctx, cipher, key, iv, params))
CALL(EVP_DecryptInit_ex2,
	 (EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	  const unsigned char *iv, const OSSL_PARAM params[]),
	 (ctx, cipher, key, iv, params))
CALL(EVP_CipherUpdate,
	 (EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl),
	 (ctx, out, outl, in, inl))
CALL(EVP_EncryptUpdate,
	 (EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl),
	 (ctx, out, outl, in, inl))
CALL(EVP_EncryptFinal_ex, (EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl), (ctx, out, outl))
CALL(EVP_DecryptFinal_ex, (EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl), (ctx, out, outl))
CALL(EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr), (ctx, type, arg, ptr))

CALL(EVP_MAC_CTX_set_params, (EVP_MAC_CTX *ctx, const OSSL_PARAM params[]), (ctx, params))
CALL(EVP_MAC_init,
	 (EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[]),
	 (ctx, key, keylen, params))
CALL(EVP_MAC_update, (EVP_MAC_CTX *ctx, const unsigned char *data, size_t len), (ctx, data, len))
CALL(EVP_MAC_final,
	 (EVP_MAC_CTX *ctx, unsigned char *out, size_t *outl, size_t outsize),
	 (ctx, out, outl, outsize))
CALL(EVP_KDF_derive,
	 (EVP_KDF_CTX *ctx, unsigned char *key, size_t keylen, const OSSL_PARAM params[]),
	 (ctx, key, keylen, params))

CALL(RAND_bytes, (unsigned char *buf, int num), (buf, num))
CALL(RAND_priv_bytes, (unsigned char *buf, int num), (buf, num))

INTERPOSE(EVP_PKEY_CTX *, NULL, type, EVP_PKEY_CTX_new_from_name,
		  (OSSL_LIB_CTX *library, const char *type, const char *properties),
		  (library, type, properties))
INTERPOSE(EVP_PKEY_CTX *, NULL, NULL, EVP_PKEY_CTX_new_from_pkey,
		  (OSSL_LIB_CTX *library, EVP_PKEY *key, const char *properties),
		  (library, key, properties))
CALL(EVP_PKEY_keygen_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_CTX_set_params, (EVP_PKEY_CTX *ctx, const OSSL_PARAM *params), (ctx, params))
CALL(EVP_PKEY_generate, (EVP_PKEY_CTX *ctx, EVP_PKEY **key), (ctx, key))
CALL(EVP_PKEY_get_params, (const EVP_PKEY *key, OSSL_PARAM params[]), (key, params))
CALL(EVP_PKEY_fromdata_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_fromdata,
	 (EVP_PKEY_CTX *ctx, EVP_PKEY **key, int selection, OSSL_PARAM params[]),
	 (ctx, key, selection, params))
CALL(EVP_PKEY_decrypt_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_CTX_set_rsa_padding, (EVP_PKEY_CTX *ctx, int padding), (ctx, padding))
CALL(EVP_PKEY_decrypt,
	 (EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen),
	 (ctx, out, outlen, in, inlen))
CALL(EVP_PKEY_private_check, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_sign_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_verify_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_encrypt_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(EVP_PKEY_CTX_set_signature_md, (EVP_PKEY_CTX *ctx, const EVP_MD *md), (ctx, md))
CALL(EVP_PKEY_CTX_set_rsa_mgf1_md, (EVP_PKEY_CTX *ctx, const EVP_MD *md), (ctx, md))
CALL(EVP_PKEY_CTX_set_rsa_pss_saltlen, (EVP_PKEY_CTX *ctx, int len), (ctx, len))
CALL(EVP_PKEY_sign,
	 (EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen),
	 (ctx, out, outlen, in, inlen))
CALL(EVP_PKEY_verify,
	 (EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t siglen, const unsigned char *in, size_t inlen),
	 (ctx, sig, siglen, in, inlen))
CALL(EVP_PKEY_encrypt,
	 (EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen),
	 (ctx, out, outlen, in, inlen))
CALL(EVP_PKEY_get_octet_string_param,
	 (const EVP_PKEY *key, const char *name, unsigned char *out, size_t room, size_t *len),
	 (key, name, out, room, len))
CALL(RSA_padding_add_PKCS1_OAEP_mgf1,
	 (unsigned char *to, int tlen, const unsigned char *from, int flen,
	  const unsigned char *param, int plen, const EVP_MD *md, const EVP_MD *mgf1md),
	 (to, tlen, from, flen, param, plen, md, mgf1md))
INTERPOSE(EVP_MD_CTX *, NULL, NULL, EVP_MD_CTX_new, (void), ())
CALL(EVP_DigestSignInit_ex,
	 (EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const char *digest, OSSL_LIB_CTX *library,
	  const char *properties, EVP_PKEY *key, const OSSL_PARAM params[]),
	 (ctx, pctx, digest, library, properties, key, params))
CALL(EVP_DigestSign,
	 (EVP_MD_CTX *ctx, unsigned char *sig, size_t *siglen, const unsigned char *data, size_t len),
	 (ctx, sig, siglen, data, len))
CALL(EVP_DigestVerifyInit_ex,
	 (EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const char *digest, OSSL_LIB_CTX *library,
	  const char *properties, EVP_PKEY *key, const OSSL_PARAM params[]),
	 (ctx, pctx, digest, library, properties, key, params))
CALL(EVP_DigestVerify,
	 (EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen, const unsigned char *data, size_t len),
	 (ctx, sig, siglen, data, len))
INTERPOSE(int, -1, NULL, RSA_padding_check_PKCS1_type_2,
		  (unsigned char *to, int tlen, const unsigned char *from, int flen, int num),
		  (to, tlen, from, flen, num))
INTERPOSE(int, -1, NULL, RSA_padding_check_PKCS1_OAEP_mgf1,
		  (unsigned char *to, int tlen, const unsigned char *from, int flen, int num,
		   const unsigned char *param, int plen, const EVP_MD *md, const EVP_MD *mgf1md),
		  (to, tlen, from, flen, num, param, plen, md, mgf1md))

CALL(EVP_Digest,
	 (const void *data, size_t count, unsigned char *md, unsigned int *size, const EVP_MD *type, ENGINE *engine),
	 (data, count, md, size, type, engine))
CALL(EVP_DigestInit_ex2,
	 (EVP_MD_CTX *ctx, const EVP_MD *type, const OSSL_PARAM params[]), (ctx, type, params))
CALL(EVP_DigestUpdate, (EVP_MD_CTX *ctx, const void *data, size_t len), (ctx, data, len))
CALL(EVP_DigestFinal_ex, (EVP_MD_CTX *ctx, unsigned char *md, unsigned int *len), (ctx, md, len))
CALL(PKCS5_PBKDF2_HMAC,
	 (const char *pass, int passlen, const unsigned char *salt, int saltlen, int iter,
	  const EVP_MD *digest, int keylen, unsigned char *out),
	 (pass, passlen, salt, saltlen, iter, digest, keylen, out))
INTERPOSE(X509 *, NULL, NULL, d2i_X509, (X509 **out, const unsigned char **in, long len), (out, in, len))
INTERPOSE(int, -1, NULL, i2d_X509, (const X509 *x509, unsigned char **out), (x509, out))
INTERPOSE(EVP_PKEY *, NULL, NULL, X509_get0_pubkey, (const X509 *x509), (x509))
INTERPOSE(uint32_t, EXFLAG_INVALID, NULL, X509_get_extension_flags, (X509 *x509), (x509))
INTERPOSE(int, X509_V_ERR_UNSPECIFIED, NULL, X509_check_issued, (X509 *issuer, X509 *subject), (issuer, subject))
CALL(X509_get_signature_info,
	 (X509 *x509, int *digest, int *key, int *bits, uint32_t *flags), (x509, digest, key, bits, flags))
INTERPOSE(int, -1, NULL, X509_verify, (X509 *x509, EVP_PKEY *key), (x509, key))
INTERPOSE(void *, NULL, NULL, X509_get_ext_d2i,
		  (const X509 *x509, int nid, int *critical, int *at), (x509, nid, critical, at))
INTERPOSE(int, X509_V_ERR_OUT_OF_MEM, NULL, NAME_CONSTRAINTS_check,
		  (X509 *x509, NAME_CONSTRAINTS *constraints), (x509, constraints))
INTERPOSE(ASN1_OCTET_STRING *, NULL, NULL, ASN1_OCTET_STRING_new, (void), ())
CALL(ASN1_OCTET_STRING_set,
	 (ASN1_OCTET_STRING *string, const unsigned char *bytes, int len), (string, bytes, len))

/* What was freed while holding: a list that grows. */
static bool holding = false;
static void **held = NULL;
static size_t held_count = 0;
static size_t held_room = 0;

static void
hold(void *memory)
{
	if (held_count == held_room)
	{
		held_room = held_room * 2 + 1024;
		held = realloc(held, held_room * sizeof(*held));
		if (held == NULL)
			abort();
	}
	held[held_count++] = memory;
}

void
fault_hold(void)
{
	holding = true;
}

static bool
contains(const uint8_t *memory, size_t size, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at + len <= size; at++)
	{
		size_t		same = 0;
		size_t		backwards = 0;

		while (same < len && memory[at + same] == bytes[same])
			same++;
		while (backwards < len && memory[at + backwards] == bytes[len - 1 - backwards])
			backwards++;
		if (same == len || backwards == len)
			return true;
	}
	return false;
}

bool
fault_held(const void *bytes, size_t len)
{
	for (size_t i = 0; i < held_count; i++)
		if (contains(held[i], malloc_usable_size(held[i]), bytes, len))
			return true;
	return false;
}

void
fault_let_go(void)
{
	holding = false;
	for (size_t i = 0; i < held_count; i++)
		free(held[i]);
	free(held);
	held = NULL;
	held_count = held_room = 0;
}

static bool
no_memory(void)
{
	if (!due(&allocations_left))
		return false;
	if (allocations_over)
		allocations_left = 0;
	return true;
}

static void *
allocate(size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	allocations++;
	return no_memory() ? NULL : malloc(size);
}

static void *
reallocate(void *memory, size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	allocations++;
	if (no_memory())
		return NULL;
	if (holding && memory != NULL && size > 0)
	{
		size_t		old = malloc_usable_size(memory);
		void	   *moved = malloc(size);

		if (moved == NULL)
			abort();
		memcpy(moved, memory, old < size ? old : size);
		hold(memory);
		return moved;
	}
	return realloc(memory, size);
}

static void
release(void *memory, const char *file, int line)
{
	(void) file;
	(void) line;
	if (holding && memory != NULL)
		hold(memory);
	else
		free(memory);
}

void
fault_install(void)
{
	if (!CRYPTO_set_mem_functions(allocate, reallocate, release))
	{
		printf("Bail out! OpenSSL has allocated already\n");
		exit(2);
	}
}

void
fault_call(int n)
{
	struck = false;
	calls_left = n;
}

void
fault_allocation(int n)
{
	struck = false;
	allocations_over = false;
	allocations_left = n;
}

void
fault_memory(int n)
{
	fault_allocation(n);
	allocations_over = true;
}

void
fault_deny(const char *algorithm_or_function)
{
	struck = false;
	denied = algorithm_or_function;
}

bool
fault_off(void)
{
	calls_left = -1;
	allocations_left = -1;
	denied = NULL;
	return struck;
}

long
fault_allocations(void)
{
	return allocations;
}

long
fault_allocations_struck(void)
{
	return allocations_struck;
}

long
fault_random_calls(void)
{
	return random_calls;
}
