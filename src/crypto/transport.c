/*
 * How key material travels to us.
 */
#include "transport.h"

static int
kind_for(int pke)
{
	return pke == KC_PKE_SM2PKE ? KC_PAIR_EC_SM2 : KC_PAIR_RSA_2048;
}

kc_status
kc_transport_generate(int pke, uint8_t *private_der, size_t *private_len,
					  uint8_t *public_der, size_t *public_len, bool (*cancelled) (void))
{
	int			kind = kc_pke_fits(pke, kind_for(pke)) ? kind_for(pke) : 0;

	return kc_pair_generate(kind, private_der, private_len, public_der, public_len, cancelled);
}

kc_status
kc_transport_open(int pke, kc_view private_der, kc_view encrypted, uint8_t *out, size_t len)
{
	kc_pair    *pair = NULL;
	kc_status	status = KC_BAD_INPUT;

	if (len == 0 || len > KC_TRANSPORT_MATERIAL_MAX)
		return KC_BAD_INPUT;
	if (kc_pke_fits(pke, kind_for(pke)))
		status = kc_pair_open(kind_for(pke), private_der, &pair);
	if (status == KC_OK)
		status = kc_pke_decrypt_exactly(pair, pke, encrypted, out, len);
	kc_pair_free(pair);
	if (status != KC_OK)
		kc_wipe(out, len);
	return status;
}
