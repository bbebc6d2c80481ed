/*
 * Starting up, and the two helpers that touch secrets without looking.
 */
#include "kc.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "suite.h"

/*
 * XAES-256-GCM carries the key hierarchy: without it there is nothing to start.
 * Any other suite may be missing, by policy or by build; whoever asks for it
 * then gets KC_UNSUPPORTED.
 */
kc_status
kc_startup(void)
{
	static bool started = false;
	kc_status	status = KC_OK;

	if (started)
		return KC_OK;
	for (int suite = KC_SUITE_XAES_256_GCM; suite <= KC_SUITE_LAST; suite++)
	{
		status = kc_suite_start(&kc_suites[suite]);
		if (status == KC_UNSUPPORTED && suite != KC_SUITE_XAES_256_GCM)
			status = KC_OK;
		if (status != KC_OK)
			return status;
	}
	started = true;
	return KC_OK;
}

bool
kc_memory_was_out(void)
{
	bool		was = false;
	unsigned long error;

	while ((error = ERR_get_error()) != 0)
		was = was || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return was;
}

void
kc_wipe(void *data, size_t len)
{
	if (len > 0)
		OPENSSL_cleanse(data, len);
}

bool
kc_equal(const void *a, const void *b, size_t len)
{
	return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}
