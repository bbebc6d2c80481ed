/*
 * Reading certificates from PEM.
 */
#include "certificate.h"

#include <openssl/err.h>

#include "certificate_open.h"

static const char label[] = "CERTIFICATE";

/* One of them, and what stands in it. */
static kc_status
read_next(kc_view *rest, uint8_t *der, size_t room, kc_view *one, kc_certificate_problem *problem)
{
	kc_certificate certificate;
	size_t		len = room;
	kc_status	status;

	if (kc_pem_take(rest, label, der, &len) != KC_OK)
		return kc_certificate_blame(problem, KC_CERTIFICATE_BAD_PEM);
	*one = kc_view_of(der, len);
	status = kc_certificate_open(*one, &certificate, problem);
	kc_certificate_close(&certificate);
	return status;
}

/* finding->at counts them. */
static kc_status
read_all(kc_view pem, uint8_t *der, size_t room, size_t min, size_t max, kc_view *found, size_t *len,
		 kc_certificate_finding *finding)
{
	kc_status	status = KC_OK;

	*len = 0;
	if (pem.len > KC_PEM_MAX)
		return kc_certificate_blame(&finding->problem, KC_CERTIFICATE_TOO_LONG);
	while (status == KC_OK && !kc_pem_is_blank(pem))
	{
		if (finding->at == max)
			return kc_certificate_blame(&finding->problem,
										max == 1 ? KC_CERTIFICATE_BAD_PEM : KC_CERTIFICATE_TOO_MANY);
		status = read_next(&pem, der + *len, room - *len, &found[finding->at], &finding->problem);
		if (status == KC_OK)
			*len += found[finding->at++].len;
	}
	if (status == KC_OK && finding->at < min)
		return kc_certificate_blame(&finding->problem, KC_CERTIFICATE_BAD_PEM);
	return status;
}

static kc_status
read_between(kc_view pem, uint8_t *der, size_t *len, size_t min, size_t max, kc_view *found, size_t *count,
			 kc_certificate_finding *finding)
{
	size_t		room = *len;
	kc_status	status;

	finding->problem = KC_CERTIFICATE_FINE;
	finding->at = 0;
	ERR_clear_error();
	status = read_all(pem, der, room, min, max, found, len, finding);
	ERR_clear_error();
	*count = status == KC_OK ? finding->at : 0;
	*len = status == KC_OK ? *len : 0;
	if (status == KC_OK)
		finding->at = 0;
	kc_wipe(der + *len, room - *len);
	return status;
}

kc_status
kc_certificate_read(kc_view pem, uint8_t *der, size_t *len, kc_certificate_finding *finding)
{
	kc_view		found[1];
	size_t		count;
	kc_status	status = read_between(pem, der, len, 1, 1, found, &count, finding);

	finding->at = 0;			/* whatever stands behind it */
	return status;
}

kc_status
kc_chain_read(kc_view pem, uint8_t *der, size_t *len, kc_view *chain, size_t *count,
			  kc_certificate_finding *finding)
{
	return read_between(pem, der, len, 0, KC_CHAIN_MAX, chain, count, finding);
}
