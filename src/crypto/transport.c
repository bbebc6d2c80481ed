/*
 * Which way is which, and what all of them owe: nothing left in the buffers on
 * failure, nothing in OpenSSL's error queue ever.
 */
#include "transport.h"

#include <openssl/err.h>

#include "transport_kind.h"

static const kc_transport_info transports[] = {
	[KC_TRANSPORT_RSA_OAEP_SHA_1] = {kc_rsa_generate, kc_rsa_open, EVP_sha1},
	[KC_TRANSPORT_RSA_OAEP_SHA_256] = {kc_rsa_generate, kc_rsa_open, EVP_sha256},
	[KC_TRANSPORT_RSA_PKCS1_V1_5] = {kc_rsa_generate, kc_rsa_open, NULL},
	[KC_TRANSPORT_SM2PKE] = {kc_sm2_generate, kc_sm2_open, NULL},
};

/* NULL for a number that is none. */
static const kc_transport_info *
find(int transport)
{
	if (transport < KC_TRANSPORT_RSA_OAEP_SHA_1 || transport > KC_TRANSPORT_SM2PKE)
		return NULL;
	return &transports[transport];
}

kc_status
kc_transport_generate(int transport, uint8_t *private_der, size_t *private_len,
					  uint8_t *public_der, size_t *public_len, bool (*cancelled) (void))
{
	const kc_transport_info *info = find(transport);
	kc_der_writer private_writer = kc_der_writer_on(private_der, *private_len);
	kc_der_writer public_writer = kc_der_writer_on(public_der, *public_len);
	kc_status	status = KC_BAD_INPUT;

	ERR_clear_error();
	if (info != NULL)
		status = info->generate(&private_writer, &public_writer, cancelled);
	if (status == KC_OK && (private_writer.full || public_writer.full))
		status = KC_BAD_INPUT;	/* too little room */
	private_writer.full = public_writer.full = status != KC_OK;
	kc_der_finish(&private_writer, private_len);
	kc_der_finish(&public_writer, public_len);
	ERR_clear_error();
	return status;
}

kc_status
kc_transport_open(int transport, kc_view private_der, kc_view encrypted, uint8_t *out, size_t len)
{
	const kc_transport_info *info = find(transport);
	kc_status	status = KC_BAD_INPUT;

	if (len == 0 || len > KC_TRANSPORT_MATERIAL_MAX)
		return KC_BAD_INPUT;
	ERR_clear_error();
	if (info != NULL)
		status = info->open(info, private_der, encrypted, out, len);
	if (status != KC_OK)
		kc_wipe(out, len);
	ERR_clear_error();
	return status;
}

EVP_PKEY *
kc_pkey_from(const char *type, OSSL_PARAM params[], kc_status *status)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY   *key = NULL;

	*status = ctx != NULL ? KC_OK : KC_UNSUPPORTED;
	if (ctx != NULL && (EVP_PKEY_fromdata_init(ctx) != 1 ||
						EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1))
		*status = KC_BAD_INPUT;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

void
kc_turn_native(uint8_t *number, size_t len)
{
	const uint16_t probe = 1;

	if (*(const uint8_t *) &probe == 0)
		return;
	for (size_t i = 0; i < len / 2; i++)
	{
		uint8_t		byte = number[i];

		number[i] = number[len - 1 - i];
		number[len - 1 - i] = byte;
	}
}
