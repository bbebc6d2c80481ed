/*
 * Random bytes, and the pool that nonces come from.
 *
 * Two processes that share pool bytes would seal under the same nonce.  fork()
 * is the only way to share them, so the child empties the pool there; asking
 * for the process id at each nonce would be a system call.
 */
#include "random.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "suite.h"

#define POOL_NONCES		170		/* 4,080 bytes */

/* Taken from the end; everything from left on is wiped already. */
static uint8_t pool[POOL_NONCES][KC_NONCE_LEN];
static size_t left = 0;

static void
drop_pool(void)
{
	OPENSSL_cleanse(pool, sizeof(pool));
	left = 0;
}

/* The handler comes before the first random byte; children inherit it. */
static bool
watch_fork(void)
{
	static bool watching = false;

	if (!watching)
		watching = pthread_atfork(NULL, NULL, drop_pool) == 0;
	return watching;
}

static kc_status
refill(void)
{
	if (!watch_fork())
		return KC_FAILED;
	if (RAND_bytes(pool[0], sizeof(pool)) != 1)
	{
		drop_pool();
		ERR_clear_error();
		return KC_FAILED;
	}
	left = POOL_NONCES;
	return KC_OK;
}

kc_status
kc_nonce(uint8_t out[KC_NONCE_LEN])
{
	if (left == 0 && refill() != KC_OK)
	{
		OPENSSL_cleanse(out, KC_NONCE_LEN);
		return KC_FAILED;
	}
	left--;
	memcpy(out, pool[left], KC_NONCE_LEN);
	OPENSSL_cleanse(pool[left], KC_NONCE_LEN);
	return KC_OK;
}

/* Half-filled buffers must not pass for random ones. */
static kc_status
fill(int (*generate) (unsigned char *buf, int num), uint8_t *out, size_t len)
{
	int			narrow;

	if (!kc_narrow(len, &narrow))
		return KC_BAD_INPUT;
	if (narrow == 0 || generate(out, narrow) == 1)
		return KC_OK;
	OPENSSL_cleanse(out, len);
	ERR_clear_error();
	return KC_FAILED;
}

kc_status
kc_random(uint8_t *out, size_t len)
{
	return fill(RAND_bytes, out, len);
}

kc_status
kc_random_key(uint8_t *out, size_t len)
{
	return fill(RAND_priv_bytes, out, len);
}
