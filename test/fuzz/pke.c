/*
 * Any bytes as a ciphertext of a pair: they do not open and leave nothing behind,
 * nor does a real one, changed anywhere.  The same bytes as a plaintext come back.
 */
#include "fuzz.h"
#include "pke.h"

#include <openssl/err.h>

#define CASES	4

static const struct
{
	int			pke;
	int			kind;
}			cases[CASES] = {
	{KC_PKE_RSA_OAEP_SHA_1, KC_PAIR_RSA_2048},
	{KC_PKE_RSA_OAEP_SHA_256, KC_PAIR_RSA_2048},
	{KC_PKE_RSA_OAEP_SHA_256, KC_PAIR_RSA_3072},
	{KC_PKE_SM2PKE, KC_PAIR_EC_SM2},
};

static kc_pair *pairs[CASES];

/* Made anew each time, so that no corpus can hold what opens. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];

	(void) argc;
	(void) argv;
	for (int i = 0; i < CASES; i++)
	{
		size_t		private_len = sizeof(private_der);
		size_t		public_len = sizeof(public_der);

		must(kc_pair_generate(cases[i].kind, private_der, &private_len, public_der, &public_len, NULL) == KC_OK);
		must(kc_pair_open(cases[i].kind, kc_view_of(private_der, private_len), &pairs[i]) == KC_OK);
	}
	return 0;
}

/* Text is NULL if it must not open. */
static void
opens_as(int i, kc_view ciphertext, const kc_view *text)
{
	uint8_t		out[KC_PKE_PLAINTEXT_MAX + 1];
	size_t		max = kc_pke_plaintext_max(cases[i].pke, cases[i].kind);
	size_t		len = 1;
	kc_status	status;

	memset(out, 0xaa, sizeof(out));
	status = kc_pke_decrypt(pairs[i], cases[i].pke, ciphertext, out, &len);
	must(out[max] == 0xaa);
	must(ERR_peek_error() == 0);
	if (text != NULL)
		must(status == KC_OK && len == text->len && (len == 0 || memcmp(out, text->data, len) == 0));
	else
		must(status == KC_BAD_TAG && len == 0 && all_zero(out, max));
}

/* The text lies over its own ciphertext, from the byte on that its first two say. */
static void
changed_does_not_open(int i, uint8_t *ciphertext, size_t len, kc_view text)
{
	size_t		at;
	uint8_t		difference = 0;

	if (text.len < 3)
		return;
	at = (size_t) (text.data[0] << 8 | text.data[1]) % len;
	for (size_t j = 2; j < text.len && at < len; j++)
	{
		difference |= text.data[j];
		ciphertext[at++] ^= text.data[j];
	}
	opens_as(i, kc_view_of(ciphertext, len), difference == 0 ? &text : NULL);
}

static void
comes_back(int i, kc_view text)
{
	uint8_t		ciphertext[KC_PKE_CIPHERTEXT_MAX];
	size_t		len = kc_pke_ciphertext_len(cases[i].pke, cases[i].kind, text.len);
	bool		fits = len > 0 && (text.len > 0 || cases[i].pke != KC_PKE_SM2PKE);
	kc_status	status;

	must((len == 0) == (text.len > kc_pke_plaintext_max(cases[i].pke, cases[i].kind)));
	status = kc_pke_encrypt(pairs[i], cases[i].pke, text, ciphertext);
	must(ERR_peek_error() == 0);
	must(status == (fits ? KC_OK : KC_BAD_INPUT));
	if (!fits)
		return;
	opens_as(i, kc_view_of(ciphertext, len), &text);
	changed_does_not_open(i, ciphertext, len, text);
}

/* The first byte says which algorithm and key; the others are the bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	kc_view		bytes;
	int			i;

	if (size == 0)
		return 0;
	i = data[0] % CASES;
	bytes = kc_view_of(data + 1, size - 1);
	opens_as(i, bytes, NULL);
	comes_back(i, bytes);
	return 0;
}
