/*
 * Wrapping one key under another, and deriving keys from a key.
 *
 * Nothing stays behind: the wrapping key's schedule is overwritten within the
 * call, and so is the derived key that the shared context would hold on to, which
 * opens the wrapped form.
 */
#include "wrap.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "random.h"
#include "suite.h"

#define TAG_LEN			16
#define DERIVE_MAX		(255 * 32)	/* RFC 5869 with SHA-256 */

/* Wrapping is one suite's work. */
static const kc_suite_info *const suite = &kc_suites[KC_SUITE_XAES_256_GCM];

kc_status
kc_wrap(const kc_key *key, kc_view additional, kc_view plaintext, uint8_t *out)
{
	kc_view		none = {NULL, 0};
	uint8_t    *sealed = out + KC_NONCE_LEN;
	kc_status	status;

	if (plaintext.len > KC_MESSAGE_MAX)
		return KC_BAD_INPUT;
	status = key->suite == KC_SUITE_XAES_256_GCM ? kc_nonce(out) : KC_BAD_INPUT;
	if (status == KC_OK)
		status = kc_pass(suite, key);
	if (status == KC_OK)
	{
		status = kc_seal(key, suite->passing, out, additional, none, plaintext,
						 sealed, sealed + plaintext.len);
		kc_forget(suite->sealing);
		kc_forget(suite->passing);
	}
	if (status != KC_OK)
		kc_wipe(out, plaintext.len + KC_WRAP_OVERHEAD);
	return status;
}

kc_status
kc_unwrap(const kc_key *key, kc_view additional, kc_view wrapped, uint8_t *out)
{
	kc_view		none = {NULL, 0};
	kc_view		sealed;
	kc_status	status;

	if (wrapped.len < KC_WRAP_OVERHEAD)
		return KC_BAD_TAG;		/* out has no length that could be wiped */
	sealed = kc_view_of(wrapped.data + KC_NONCE_LEN, wrapped.len - KC_WRAP_OVERHEAD);
	if (sealed.len > KC_MESSAGE_MAX)
		return KC_BAD_INPUT;
	status = key->suite == KC_SUITE_XAES_256_GCM ? kc_pass(suite, key) : KC_BAD_INPUT;
	if (status == KC_OK)
	{
		status = kc_open(key, suite->passing, wrapped.data, additional, none, sealed,
						 sealed.data + sealed.len, out);
		kc_forget(suite->opening);
		kc_forget(suite->passing);
	}
	if (status != KC_OK)
		kc_wipe(out, sealed.len);
	return status;
}

static bool
expand(EVP_KDF_CTX *ctx, kc_view key, const char *label, uint8_t *out, size_t len)
{
	int			mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM	params[5];

	params[0] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *) "SHA256", 0);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) key.data, key.len);
	params[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *) label, strlen(label));
	params[4] = OSSL_PARAM_construct_end();
	return EVP_KDF_derive(ctx, out, len, params) > 0;
}

kc_status
kc_derive(kc_view key, const char *label, uint8_t *out, size_t len)
{
	kc_status	status = KC_FAILED;
	EVP_KDF    *kdf;
	EVP_KDF_CTX *ctx;

	if (key.len == 0 || key.len > KC_MESSAGE_MAX || len == 0 || len > DERIVE_MAX)
		return KC_BAD_INPUT;
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (kdf == NULL)
		status = KC_UNSUPPORTED;
	ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	if (ctx != NULL && expand(ctx, key, label, out, len))
		status = KC_OK;
	EVP_KDF_CTX_free(ctx);		/* wipes its copy of the key */
	EVP_KDF_free(kdf);
	if (status != KC_OK)
		kc_wipe(out, len);
	/* Not only then: a fetch that was short of memory may complain and succeed. */
	ERR_clear_error();
	return status;
}
