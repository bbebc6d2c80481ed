/*
 * Any bytes as a certificate and a chain, of PEM and of DER: what is read has parts
 * that can be told, is checked in some way, and is found again in its own PEM; what
 * is refused has a reason and leaves nothing.
 */
#include "certificate.h"
#include "fuzz.h"

#include <openssl/err.h>

#define NOW	INT64_C(1700000000)

static uint8_t der[KC_CERTIFICATE_DER_MAX];
static uint8_t again[KC_CERTIFICATE_DER_MAX];
static uint8_t chain_der[KC_CERTIFICATE_DER_MAX];
static char pem[KC_PEM_LEN(KC_CERTIFICATE_DER_MAX)];
static kc_certificate_info info;

static void
is_told(kc_status status, const kc_certificate_finding *finding, const uint8_t *out, size_t len)
{
	must(ERR_peek_error() == 0);
	must(status == KC_OK || status == KC_BAD_INPUT);
	must((status == KC_OK) == (finding->problem == KC_CERTIFICATE_FINE));
	must(finding->problem <= KC_CERTIFICATE_EXPIRED && finding->at <= KC_CHAIN_MAX + 1);
	must(status == KC_OK || len == 0);
	must(all_zero(out + len, KC_CERTIFICATE_DER_MAX - len));
}

static bool
reads(kc_view text, uint8_t *out, size_t *len)
{
	kc_certificate_finding finding = {99, 99};
	kc_status	status;

	memset(out, 0xaa, KC_CERTIFICATE_DER_MAX);
	*len = KC_CERTIFICATE_DER_MAX;
	status = kc_certificate_read(text, out, len, &finding);
	is_told(status, &finding, out, *len);
	must(status != KC_OK || *len > 0);
	return status == KC_OK;
}

static bool
is_hex(const char *text, const char *also)
{
	return text[strspn(text, also)] == '\0' && text[0] != '\0';
}

static void
describe(kc_view one)
{
	kc_status	status;
	char		identifier[KC_KEY_IDENTIFIER_TEXT];

	memset(&info, 0xaa, sizeof(info));
	status = kc_certificate_describe(one, &info);
	must(ERR_peek_error() == 0);
	must(status == KC_OK || (status == KC_BAD_INPUT && all_zero((uint8_t *) &info, sizeof(info))));
	if (status != KC_OK)
		return;
	must(is_hex(info.serial, "0123456789ABCDEF") && is_hex(info.key_identifier, "0123456789ABCDEF "));
	must(info.signature[0] != '\0' && info.names_count <= KC_DESCRIBED_NAMES_MAX);
	must(info.not_before >= INT64_C(-631152000) && info.not_before <= INT64_C(253402300799));
	must(info.not_after >= INT64_C(-631152000) && info.not_after <= INT64_C(253402300799));
	must(info.public_der.data > one.data && info.public_der.data + info.public_der.len < one.data + one.len);
	must(kc_key_identifier(info.public_der, identifier) == KC_OK);
	if (info.kind != 0)
	{
		kc_pair    *pair;

		must(kc_pair_open_public(info.kind, info.public_der, &pair) == KC_OK);
		kc_pair_free(pair);
	}
}

static void
check(kc_view one, const kc_view *chain, size_t count)
{
	kc_certificate_finding finding = {99, 99};
	kc_view		public_der = info.names_count <= KC_DESCRIBED_NAMES_MAX && info.public_der.data != NULL ?
		info.public_der : one;
	kc_status	status = kc_certificate_check(one, chain, count, public_der, NOW, &finding);

	is_told(status, &finding, der, status == KC_OK ? KC_CERTIFICATE_DER_MAX : 0);
}

/* Its own PEM gives it back. */
static void
comes_back(kc_view one)
{
	size_t		len = sizeof(pem);

	must(kc_pem_write("CERTIFICATE", one, pem, &len) == KC_OK && strlen(pem) == len);
	must(reads(kc_view_of(pem, len), again, &len));
	must(len == one.len && memcmp(again, one.data, len) == 0);
}

static void
as_one(kc_view text)
{
	size_t		len;

	if (!reads(text, der, &len))
		return;
	describe(kc_view_of(der, len));
	comes_back(kc_view_of(der, len));
}

static void
as_chain(kc_view text)
{
	kc_certificate_finding finding = {99, 99};
	kc_view		chain[KC_CHAIN_MAX];
	size_t		len = sizeof(chain_der);
	size_t		count = 99;
	size_t		total = 0;
	kc_status	status;

	memset(chain_der, 0xaa, sizeof(chain_der));
	status = kc_chain_read(text, chain_der, &len, chain, &count, &finding);
	is_told(status, &finding, chain_der, len);
	must(count <= KC_CHAIN_MAX && (status == KC_OK || count == 0));
	for (size_t i = 0; i < count; i++)
	{
		must(chain[i].data == chain_der + total);
		total += chain[i].len;
	}
	must(total == len);
	if (count == 0)
		return;
	describe(chain[0]);
	memset(der, 0, sizeof(der));
	check(chain[0], chain + 1, count - 1);
}

/* Bytes that are no PEM are DER, which may have what no reader let through. */
static void
as_der(kc_view bytes)
{
	size_t		len = sizeof(pem);

	describe(bytes);
	memset(der, 0, sizeof(der));
	check(bytes, &bytes, 1);
	check(bytes, NULL, 0);
	if (kc_pem_write("CERTIFICATE", bytes, pem, &len) == KC_OK)
		as_one(kc_view_of(pem, len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	kc_view		bytes = kc_view_of(data, size);

	as_one(bytes);
	as_chain(bytes);
	if (size > 0 && data[0] == 0x30)
		as_der(bytes);
	return 0;
}
