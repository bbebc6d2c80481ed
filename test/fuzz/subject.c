/*
 * Any bytes as the text of a distinguished name, and as its DER: what is read is
 * DER to OpenSSL, too, and is written back in one way; what is refused leaves nothing.
 */
#include "fuzz.h"
#include "subject.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

static uint8_t der[KC_SUBJECT_DER_MAX];
static char text[KC_SUBJECT_PRINT_MAX];
static char again[KC_SUBJECT_PRINT_MAX];

static bool
parses(kc_view bytes, size_t *len)
{
	kc_status	status;

	memset(der, 0xaa, sizeof(der));
	*len = sizeof(der);
	status = kc_subject_parse(bytes, der, len);
	must(ERR_peek_error() == 0);
	must(status == KC_OK || (status == KC_BAD_INPUT && *len == 0));
	must(all_zero(der + *len, sizeof(der) - *len));
	return status == KC_OK;
}

static bool
prints(kc_view bytes, char *out)
{
	size_t		len = KC_SUBJECT_PRINT_MAX;
	kc_status	status;

	memset(out, 0xaa, len);
	status = kc_subject_print(bytes, out, &len);
	must(ERR_peek_error() == 0);
	must(status == KC_OK || (status == KC_BAD_INPUT && len == 0));
	must(all_zero((uint8_t *) out + len, KC_SUBJECT_PRINT_MAX - len) && strlen(out) == len);
	for (size_t i = 0; i < len; i++)
		must((uint8_t) out[i] >= 0x20 && out[i] != 0x7f);
	return status == KC_OK;
}

static void
is_name_of_openssl(size_t len)
{
	const uint8_t *at = der;
	X509_NAME  *name = d2i_X509_NAME(NULL, &at, (long) len);
	uint8_t    *bytes = NULL;

	must(name != NULL && at == der + len);
	/* So that it writes the name anew. */
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *) "x", 1, -1, 0) == 1);
	X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, X509_NAME_entry_count(name) - 1));
	must(i2d_X509_NAME(name, &bytes) == (int) len && memcmp(bytes, der, len) == 0);
	OPENSSL_free(bytes);
	X509_NAME_free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		len;

	if (parses(kc_view_of(data, size), &len))
	{
		is_name_of_openssl(len);
		must(prints(kc_view_of(der, len), text));
		if (strlen(text) <= KC_SUBJECT_TEXT_MAX)
		{
			must(parses(kc_view_of(text, strlen(text)), &len));
			must(prints(kc_view_of(der, len), again) && strcmp(text, again) == 0);
		}
	}
	/* Somebody's name may have what ours may not, but is not written in two ways. */
	if (prints(kc_view_of(data, size), text) && strlen(text) <= KC_SUBJECT_TEXT_MAX &&
		parses(kc_view_of(text, strlen(text)), &len))
	{
		must(prints(kc_view_of(der, len), text));
		must(parses(kc_view_of(text, strlen(text)), &len));
		must(prints(kc_view_of(der, len), again) && strcmp(text, again) == 0);
	}
	return 0;
}
