/*
 * A keyed digest.  The zero after the label keeps one label from being the
 * beginning of another.
 */
#include "digest.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "suite.h"

static bool
digest(EVP_MAC_CTX *ctx, kc_view key, const char *label, kc_view data, uint8_t *out)
{
	OSSL_PARAM	params[2];
	size_t		len;

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) "SHA256", 0);
	params[1] = OSSL_PARAM_construct_end();
	return EVP_MAC_init(ctx, key.data, key.len, params) == 1 &&
		EVP_MAC_update(ctx, (const unsigned char *) label, strlen(label) + 1) == 1 &&
		(data.len == 0 || EVP_MAC_update(ctx, data.data, data.len) == 1) &&
		EVP_MAC_final(ctx, out, &len, KC_DIGEST_LEN) == 1 && len == KC_DIGEST_LEN;
}

kc_status
kc_digest(kc_view key, const char *label, kc_view data, uint8_t out[KC_DIGEST_LEN])
{
	kc_status	status = KC_FAILED;
	EVP_MAC    *mac;
	EVP_MAC_CTX *ctx;

	if (key.len == 0 || key.len > KC_MESSAGE_MAX || data.len > KC_MESSAGE_MAX)
	{
		kc_wipe(out, KC_DIGEST_LEN);
		return KC_BAD_INPUT;
	}
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (mac == NULL)
		status = KC_UNSUPPORTED;
	ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	if (ctx != NULL && digest(ctx, key, label, data, out))
		status = KC_OK;
	EVP_MAC_CTX_free(ctx);		/* wipes its copy of the key */
	EVP_MAC_free(mac);
	if (status != KC_OK)
		kc_wipe(out, KC_DIGEST_LEN);
	/* Not only then: a fetch that was short of memory may complain and succeed. */
	ERR_clear_error();
	return status;
}
