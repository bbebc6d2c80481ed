/*
 * The functions below have OpenSSL's names and stand in the program itself, so
 * the floor's calls end here, while libcrypto's calls among its own functions do not.
 */
#define _GNU_SOURCE				/* RTLD_NEXT */
#include "fault.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

static int	calls_left = -1;
static int	allocations_left = -1;
static const char *denied = NULL;
static bool struck = false;
static long allocations = 0;
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
\
	if (real == NULL) \
		find_real(#name, &real); \
	return strike(#name, algorithm) ? failure : real arguments; \
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

static void *
allocate(size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	allocations++;
	return due(&allocations_left) ? NULL : malloc(size);
}

static void *
reallocate(void *memory, size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	allocations++;
	return due(&allocations_left) ? NULL : realloc(memory, size);
}

static void
release(void *memory, const char *file, int line)
{
	(void) file;
	(void) line;
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
	allocations_left = n;
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
fault_random_calls(void)
{
	return random_calls;
}
