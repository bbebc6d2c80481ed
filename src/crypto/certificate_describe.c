/*
 * What stands in a certificate, for people to read.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "certificate_open.h"
#include "general_name.h"
#include "pair_kind.h"

#define SHA1_LEN	20

static const char digits[] = "0123456789ABCDEF";

static kc_status
describe_names(const kc_certificate_parts *parts, kc_certificate_info *info)
{
	size_t		subject_len = sizeof(info->subject);
	size_t		issuer_len = sizeof(info->issuer);
	kc_status	status = kc_subject_print(parts->subject, info->subject, &subject_len);

	return status == KC_OK ? kc_subject_print(parts->issuer, info->issuer, &issuer_len) : status;
}

/* Without the byte that keeps it from being negative. */
static kc_status
describe_serial(kc_view serial, char *out)
{
	if ((serial.data[0] & 0x80) != 0)
		return KC_BAD_INPUT;
	if (serial.len > 1 && serial.data[0] == 0)
		serial = kc_view_of(serial.data + 1, serial.len - 1);
	if (serial.len > KC_SERIAL_MAX)
		return KC_BAD_INPUT;
	for (size_t i = 0; i < serial.len; i++)
	{
		*out++ = digits[serial.data[i] >> 4];
		*out++ = digits[serial.data[i] & 0xf];
	}
	*out = '\0';
	return KC_OK;
}

static kc_status
describe_algorithm(const X509 *x509, char *out)
{
	const ASN1_OBJECT *algorithm;
	int			len;

	X509_ALGOR_get0(&algorithm, NULL, NULL, X509_get0_tbs_sigalg(x509));
	len = OBJ_obj2txt(out, KC_ALGORITHM_MAX, algorithm, 0);
	return len > 0 && len < KC_ALGORITHM_MAX ? KC_OK : KC_BAD_INPUT;
}

/* "79 36 26": three characters for each byte, the last of them a zero. */
static void
print_octets(kc_view octets, char *out)
{
	for (size_t i = 0; i < octets.len; i++)
	{
		*out++ = digits[octets.data[i] >> 4];
		*out++ = digits[octets.data[i] & 0xf];
		*out++ = i + 1 < octets.len ? ' ' : '\0';
	}
}

/* The bits alone, without the byte that counts those not used. */
static kc_status
identify(kc_view public_der, char out[KC_KEY_IDENTIFIER_TEXT])
{
	uint8_t		hash[SHA1_LEN];
	kc_view		info;
	kc_view		skipped;
	kc_view		bits;

	if (!kc_der_take(&public_der, KC_DER_SEQUENCE, &info) || public_der.len > 0 ||
		!kc_der_take(&info, KC_DER_SEQUENCE, &skipped) || !kc_der_take(&info, KC_DER_BIT_STRING, &bits) ||
		info.len > 0 || bits.len < 2)
		return KC_BAD_INPUT;
	if (EVP_Digest(bits.data + 1, bits.len - 1, hash, NULL, EVP_sha1(), NULL) != 1)
		return KC_FAILED;
	print_octets(KC_BYTES(hash), out);
	return KC_OK;
}

static kc_status
describe_key_identifier(const kc_certificate *certificate, char *out)
{
	const ASN1_OCTET_STRING *found = X509_get0_subject_key_id(certificate->x509);
	kc_view		octets;

	if (found == NULL)
		return identify(certificate->parts.public_der, out);
	octets = kc_view_of(ASN1_STRING_get0_data(found), (size_t) ASN1_STRING_length(found));
	if (octets.len == 0 || octets.len > KC_KEY_IDENTIFIER_MAX)
		return KC_BAD_INPUT;
	print_octets(octets, out);
	return KC_OK;
}

/* ---- alternative names ---- */

static bool
is_plain(kc_view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
			return false;
	return text.len > 0;
}

static bool
add_name(kc_certificate_info *info, size_t *used, kc_view text)
{
	if (info->names_count == KC_DESCRIBED_NAMES_MAX || text.len >= sizeof(info->names) - *used)
		return false;
	memcpy(info->names + *used, text.data, text.len);
	*used += text.len;
	info->names[(*used)++] = '\0';
	info->names_count++;
	return true;
}

static bool
add_general_name(kc_certificate_info *info, size_t *used, uint8_t tag, kc_view content)
{
	char		address[KC_IP_TEXT_MAX];
	size_t		len;

	switch (tag)
	{
		case KC_DER_EMAIL:
		case KC_DER_DNS:
		case KC_DER_URI:
			return is_plain(content) && add_name(info, used, content);
		case KC_DER_IP:
			len = kc_ip_print(content, address);
			return len > 0 && add_name(info, used, kc_view_of(address, len));
	}
	return true;
}

static bool
add_general_names(kc_certificate_info *info, kc_view der)
{
	size_t		used = 0;
	kc_view		names;
	kc_view		content;

	if (!kc_der_take(&der, KC_DER_SEQUENCE, &names) || der.len > 0)
		return false;
	while (names.len > 0)
	{
		uint8_t		tag = names.data[0];

		if (!kc_der_take(&names, tag, &content) || !add_general_name(info, &used, tag, content))
			return false;
	}
	return true;
}

static kc_status
describe_alternative_names(const X509 *x509, kc_certificate_info *info)
{
	int			at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
	const ASN1_OCTET_STRING *value;

	if (at < 0)
		return KC_OK;
	value = X509_EXTENSION_get_data(X509_get_ext(x509, at));
	return add_general_names(info, kc_view_of(ASN1_STRING_get0_data(value), (size_t) ASN1_STRING_length(value))) ?
		KC_OK : KC_BAD_INPUT;
}

static kc_status
describe(const kc_certificate *certificate, kc_certificate_info *info)
{
	kc_status	status = describe_names(&certificate->parts, info);

	if (status == KC_OK)
		status = describe_serial(certificate->parts.serial, info->serial);
	if (status == KC_OK)
		status = describe_algorithm(certificate->x509, info->signature);
	if (status == KC_OK)
		status = describe_key_identifier(certificate, info->key_identifier);
	if (status == KC_OK)
		status = describe_alternative_names(certificate->x509, info);
	info->not_before = certificate->parts.not_before;
	info->not_after = certificate->parts.not_after;
	info->public_der = certificate->parts.public_der;
	info->kind = kc_public_kind(certificate->parts.public_der);
	return status;
}

kc_status
kc_certificate_describe(kc_view der, kc_certificate_info *info)
{
	kc_certificate certificate;
	kc_certificate_problem problem;
	kc_status	status;

	memset(info, 0, sizeof(*info));
	ERR_clear_error();
	status = kc_certificate_open(der, &certificate, &problem);
	if (status == KC_OK)
		status = describe(&certificate, info);
	kc_certificate_close(&certificate);
	ERR_clear_error();
	if (status != KC_OK)
		kc_wipe(info, sizeof(*info));
	return status;
}

kc_status
kc_key_identifier(kc_view public_der, char out[KC_KEY_IDENTIFIER_TEXT])
{
	kc_status	status;

	ERR_clear_error();
	status = identify(public_der, out);
	ERR_clear_error();
	if (status != KC_OK)
		kc_wipe(out, KC_KEY_IDENTIFIER_TEXT);
	return status;
}
