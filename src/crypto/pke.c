/*
 * Which way of encrypting is which, and what all of them owe: nothing left in the
 * buffers on failure, nothing in OpenSSL's error queue ever.
 */
#include "pke.h"

#include <string.h>

#include <openssl/err.h>

#include "pke_kind.h"

bool
kc_pke_fits(int pke, int kind)
{
	switch (pke)
	{
		case KC_PKE_RSA_OAEP_SHA_1:
		case KC_PKE_RSA_OAEP_SHA_256:
		case KC_PKE_RSA_PKCS1_V1_5:
			return kind >= KC_PAIR_RSA_2048 && kind <= KC_PAIR_RSA_4096;
		case KC_PKE_SM2PKE:
			return kind == KC_PAIR_EC_SM2;
	}
	return false;
}

const EVP_MD *
kc_oaep_md(int pke)
{
	switch (pke)
	{
		case KC_PKE_RSA_OAEP_SHA_1:
			return EVP_sha1();
		case KC_PKE_RSA_OAEP_SHA_256:
			return EVP_sha256();
	}
	return NULL;
}

size_t
kc_pke_plaintext_max(int pke, int kind)
{
	if (!kc_pke_fits(pke, kind) || pke == KC_PKE_RSA_PKCS1_V1_5)
		return 0;
	if (pke == KC_PKE_SM2PKE)
		return KC_PKE_PLAINTEXT_MAX;
	return kc_pair_find(kind)->len - 2 * (size_t) EVP_MD_get_size(kc_oaep_md(pke)) - 2;
}

size_t
kc_pke_ciphertext_len(int pke, int kind, size_t plaintext_len)
{
	size_t		max = kc_pke_plaintext_max(pke, kind);

	if (max == 0 || plaintext_len > max)
		return 0;
	return pke == KC_PKE_SM2PKE ? KC_SM2_OVERHEAD + plaintext_len : kc_pair_find(kind)->len;
}

kc_status
kc_pke_encrypt(kc_pair *pair, int pke, kc_view plaintext, uint8_t *out)
{
	size_t		len = kc_pke_ciphertext_len(pke, pair->kind, plaintext.len);
	kc_status	status;

	if (len == 0 || (pke == KC_PKE_SM2PKE && plaintext.len == 0))
	{
		kc_wipe(out, len);
		return KC_BAD_INPUT;
	}
	ERR_clear_error();
	status = pke == KC_PKE_SM2PKE ? kc_sm2_encrypt(pair, plaintext, out) : kc_rsa_encrypt(pair, pke, plaintext, out);
	ERR_clear_error();
	if (status != KC_OK)
		kc_wipe(out, len);
	return status;
}

kc_status
kc_pke_encrypt_for(int kind, kc_view public_der, int pke, kc_view plaintext, uint8_t *out)
{
	kc_pair    *pair;
	kc_status	status = kc_pair_open_public(kind, public_der, &pair);

	if (status == KC_OK)
		status = kc_pke_encrypt(pair, pke, plaintext, out);
	else
		kc_wipe(out, kc_pke_ciphertext_len(pke, kind, plaintext.len));
	kc_pair_free(pair);
	return status;
}

/* Copy what was found if it fits. */
static kc_status
take_found(const uint8_t *material, int found, uint8_t *out, size_t max, size_t *len)
{
	if (found < 0 || (size_t) found > max)
		return KC_BAD_TAG;
	memcpy(out, material, (size_t) found);
	*len = (size_t) found;
	return KC_OK;
}

static kc_status
decrypt_rsa(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *out, size_t max, size_t *len)
{
	uint8_t		material[KC_MODULUS_MAX] = {0};
	int			found = -1;
	kc_status	status = kc_rsa_decrypt(pair, pke, ciphertext, material, &found);

	if (status == KC_OK)
		status = take_found(material, found, out, max, len);
	kc_wipe(material, sizeof(material));
	return status;
}

static kc_status
decrypt_sm2(kc_pair *pair, kc_view ciphertext, uint8_t *out, size_t *len)
{
	kc_status	status = KC_BAD_TAG;

	if (ciphertext.len > KC_SM2_OVERHEAD && ciphertext.len <= KC_PKE_CIPHERTEXT_MAX)
		status = kc_sm2_decrypt(pair, ciphertext, out, ciphertext.len - KC_SM2_OVERHEAD);
	if (status == KC_OK)
		*len = ciphertext.len - KC_SM2_OVERHEAD;
	return status;
}

kc_status
kc_pke_decrypt(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *out, size_t *len)
{
	size_t		max = kc_pke_plaintext_max(pke, pair->kind);
	kc_status	status;

	*len = 0;
	if (max == 0)
		return KC_BAD_INPUT;
	ERR_clear_error();
	status = pke == KC_PKE_SM2PKE ? decrypt_sm2(pair, ciphertext, out, len) :
		decrypt_rsa(pair, pke, ciphertext, out, max, len);
	ERR_clear_error();
	if (status != KC_OK)
		kc_wipe(out, max);
	return status;
}

/* Copy the material if it has the length wanted, else zeros, in the same time. */
static kc_status
select_material(const uint8_t *material, int found, uint8_t *out, size_t len)
{
	uint32_t	differ = (uint32_t) found ^ (uint32_t) len;
	uint32_t	same = ((differ | (0 - differ)) >> 31) - 1;	/* all ones or zero */

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) (material[i] & same);
	return same != 0 ? KC_OK : KC_BAD_TAG;
}

static kc_status
decrypt_rsa_exactly(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *out, size_t len)
{
	uint8_t		material[KC_MODULUS_MAX] = {0};
	int			found = -1;
	kc_status	status = kc_rsa_decrypt(pair, pke, ciphertext, material, &found);

	if (status == KC_OK)
		status = select_material(material, found, out, len);
	kc_wipe(material, sizeof(material));
	return status;
}

kc_status
kc_pke_decrypt_exactly(kc_pair *pair, int pke, kc_view ciphertext, uint8_t *out, size_t len)
{
	kc_status	status = KC_BAD_TAG;

	if (len == 0 || len > KC_PKE_EXACT_MAX)
		return KC_BAD_INPUT;
	ERR_clear_error();
	if (!kc_pke_fits(pke, pair->kind))
		status = KC_BAD_INPUT;
	else if (pke != KC_PKE_SM2PKE)
		status = decrypt_rsa_exactly(pair, pke, ciphertext, out, len);
	else if (ciphertext.len == KC_SM2_OVERHEAD + len)
		status = kc_sm2_decrypt(pair, ciphertext, out, len);
	ERR_clear_error();
	if (status != KC_OK)
		kc_wipe(out, len);
	return status;
}
