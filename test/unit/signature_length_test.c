/*
 * The length of signatures: whoever keeps them apart by their bytes must not be
 * shown another spelling of one.
 */
#include "support.h"
#include "tests.h"

#include "signature.h"

#include <stdio.h>
#include <string.h>

static kc_pair *
make(int kind)
{
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];
	size_t		private_len = sizeof(private_der);
	size_t		public_len = sizeof(public_der);
	kc_pair    *pair = NULL;

	if (kc_pair_generate(kind, private_der, &private_len, public_der, &public_len, NULL) == KC_OK)
		(void) kc_pair_open(kind, kc_view_of(private_der, private_len), &pair);
	return pair;
}

/* Sign until the first byte is zero, which one in 256 is. */
static void
refuses_other_lengths(kc_pair *pair, int signature, const char *name)
{
	uint8_t		digest[32] = {0};
	uint8_t		value[1 + 256 + 1] = {0};
	uint8_t    *at = value + 1;
	size_t		len = 0;
	bool		good = true;

	for (unsigned int i = 0; i < 10000 && good && (len == 0 || at[0] != 0); i++)
	{
		memcpy(digest, &i, sizeof(i));
		len = 256;
		good = kc_sign(pair, signature, kc_view_of(digest, sizeof(digest)), at, &len) == KC_OK;
	}
	ok(good && len == 256 && at[0] == 0, "%s: there is a signature that begins with a zero byte", name);
	ok(kc_verify(pair, signature, kc_view_of(digest, sizeof(digest)), kc_view_of(at, 256)) == KC_OK,
	   "%s: it verifies", name);
	ok(kc_verify(pair, signature, kc_view_of(digest, sizeof(digest)), kc_view_of(at + 1, 255)) == KC_BAD_TAG,
	   "%s: without the zero byte it does not", name);
	ok(kc_verify(pair, signature, kc_view_of(digest, sizeof(digest)), kc_view_of(value, 257)) == KC_BAD_TAG &&
	   kc_verify(pair, signature, kc_view_of(digest, sizeof(digest)), kc_view_of(at, 257)) == KC_BAD_TAG,
	   "%s: nor with one more", name);
}

void
test_signature_length(void)
{
	kc_pair    *pair = make(KC_PAIR_RSA_2048);

	refuses_other_lengths(pair, KC_RSA_PSS_SHA_256, "PSS");
	refuses_other_lengths(pair, KC_RSA_PKCS1_SHA_256, "PKCS #1");
	kc_pair_free(pair);
}
