/*
 * Message authentication codes.  A context that holds the key is begun anew for
 * each message, which saves hashing the key: half the work of a short message.
 */
#include "mac.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "suite.h"

#define INDEX_LABEL	"kms blind index"
#define PIECE_LEN	((size_t) 1 << 20)

struct kc_mac
{
	int			kind;
	EVP_MAC_CTX *code;
	EVP_MAC_CTX *index;			/* of HMAC_SHA_256 only */
};

static const struct
{
	const char *digest;
	size_t		key_len;
	size_t		len;
}			kinds[] = {
	[KC_MAC_HMAC_SHA_256] = {"SHA256", 32, 32},
	[KC_MAC_HMAC_SHA_384] = {"SHA384", 48, 48},
	[KC_MAC_HMAC_SHA_512] = {"SHA512", 64, 64},
	[KC_MAC_HMAC_SM3] = {"SM3", 32, 32},
};

static bool
is_kind(int kind)
{
	return kind >= KC_MAC_HMAC_SHA_256 && kind <= KC_MAC_HMAC_SM3;
}

size_t
kc_mac_key_len(int kind)
{
	return is_kind(kind) ? kinds[kind].key_len : 0;
}

size_t
kc_mac_len(int kind)
{
	return is_kind(kind) ? kinds[kind].len : 0;
}

/* A context that holds key. */
static EVP_MAC_CTX *
keyed(const char *digest, kc_view key, kc_status *status)
{
	OSSL_PARAM	params[2];
	EVP_MAC    *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;

	EVP_MAC_free(hmac);
	*status = hmac == NULL ? KC_UNSUPPORTED : ctx == NULL ? KC_FAILED : KC_OK;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	/* This is where the digest is fetched. */
	if (*status == KC_OK && EVP_MAC_CTX_set_params(ctx, params) != 1)
		*status = KC_UNSUPPORTED;
	if (*status == KC_OK && EVP_MAC_init(ctx, key.data, key.len, NULL) != 1)
		*status = KC_FAILED;
	if (*status == KC_OK)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static bool
feed(EVP_MAC_CTX *ctx, kc_view data)
{
	return data.len == 0 || EVP_MAC_update(ctx, data.data, data.len) == 1;
}

/* In pieces, between which somebody may have had enough. */
static kc_status
feed_message(EVP_MAC_CTX *ctx, kc_view message, bool (*cancelled) (void))
{
	while (message.len > PIECE_LEN)
	{
		if (!feed(ctx, kc_view_of(message.data, PIECE_LEN)))
			return KC_FAILED;
		if (cancelled != NULL && cancelled())
			return KC_CANCELLED;
		message = kc_view_of(message.data + PIECE_LEN, message.len - PIECE_LEN);
	}
	return feed(ctx, message) ? KC_OK : KC_FAILED;
}

/* Begun anew with the key that the context holds. */
static kc_status
compute(EVP_MAC_CTX *ctx, kc_view head, kc_view context, kc_view message, uint8_t *out, size_t len,
		bool (*cancelled) (void))
{
	size_t		written = 0;
	kc_status	status = KC_FAILED;

	if (EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && feed(ctx, head) && feed(ctx, context))
		status = feed_message(ctx, message, cancelled);
	if (status == KC_OK && (EVP_MAC_final(ctx, out, &written, len) != 1 || written != len))
		status = KC_FAILED;
	if (status != KC_OK)
	{
		ERR_clear_error();
		kc_wipe(out, len);
	}
	return status;
}

static EVP_MAC_CTX *
keyed_for_index(kc_view key, kc_status *status)
{
	static const kc_view label = {(const uint8_t *) INDEX_LABEL, sizeof(INDEX_LABEL) - 1};
	kc_view		none = {NULL, 0};
	uint8_t		derived[KC_MAC_MAX];
	EVP_MAC_CTX *deriving = keyed("SHA512", key, status);
	EVP_MAC_CTX *index = NULL;

	if (*status == KC_OK)
		*status = compute(deriving, none, none, label, derived, sizeof(derived), NULL);
	if (*status == KC_OK)
		index = keyed("SHA256", kc_view_of(derived, 32), status);
	EVP_MAC_CTX_free(deriving);
	kc_wipe(derived, sizeof(derived));
	return index;
}

kc_status
kc_mac_new(int kind, kc_view key, kc_mac **mac)
{
	kc_mac	   *new;
	kc_status	status = KC_OK;

	*mac = NULL;
	if (!is_kind(kind) || key.len != kinds[kind].key_len)
		return KC_BAD_INPUT;
	ERR_clear_error();
	new = OPENSSL_zalloc(sizeof(kc_mac));
	if (new == NULL)
		status = KC_FAILED;
	else
	{
		new->kind = kind;
		new->code = keyed(kinds[kind].digest, key, &status);
		if (status == KC_OK && kind == KC_MAC_HMAC_SHA_256)
			new->index = keyed_for_index(key, &status);
	}
	if (status == KC_OK)
		*mac = new;
	else
		kc_mac_free(new);
	ERR_clear_error();
	return status;
}

void
kc_mac_free(kc_mac *mac)
{
	if (mac == NULL)
		return;
	EVP_MAC_CTX_free(mac->code);
	EVP_MAC_CTX_free(mac->index);
	OPENSSL_free(mac);
}

kc_status
kc_mac_generate(kc_mac *mac, kc_view message, uint8_t *out, bool (*cancelled) (void))
{
	kc_view		none = {NULL, 0};

	return compute(mac->code, none, none, message, out, kinds[mac->kind].len, cancelled);
}

kc_status
kc_mac_verify(kc_mac *mac, kc_view message, kc_view code, bool (*cancelled) (void))
{
	uint8_t		expected[KC_MAC_MAX];
	size_t		len = kinds[mac->kind].len;
	kc_status	status = kc_mac_generate(mac, message, expected, cancelled);

	if (status == KC_OK && (code.len != len || !kc_equal(expected, code.data, len)))
		status = KC_BAD_TAG;
	kc_wipe(expected, sizeof(expected));
	return status;
}

kc_status
kc_mac_blind_index(kc_mac *mac, kc_view context, kc_view value, uint8_t out[KC_BLIND_INDEX_LEN],
				   bool (*cancelled) (void))
{
	uint8_t		len[4];

	if (mac->index == NULL || context.len > KC_MESSAGE_MAX)
	{
		kc_wipe(out, KC_BLIND_INDEX_LEN);
		return KC_BAD_INPUT;
	}
	for (int i = 0; i < 4; i++)
		len[i] = (uint8_t) (context.len >> (24 - 8 * i));
	return compute(mac->index, kc_view_of(len, sizeof(len)), context, value, out, KC_BLIND_INDEX_LEN,
				   cancelled);
}
