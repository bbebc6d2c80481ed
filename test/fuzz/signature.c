/*
 * Any bytes as a signature: never one.  Nor is a real one, changed anywhere.
 */
#include "fuzz.h"
#include "signature.h"

#include <openssl/err.h>

#define CASES	11
#define DIGEST	"0123456789abcdef0123456789ABCDEFfedcba9876543210FEDCBA9876543210"

typedef struct signer
{
	int			signature;
	int			kind;
	kc_pair    *pair;			/* NULL: this OpenSSL lacks the kind */
	uint8_t		value[KC_SIGNATURE_MAX];	/* a good one of the digest */
	size_t		len;
} signer;

static signer signers[CASES] = {
	{.signature = KC_RSA_PSS_SHA_256, .kind = KC_PAIR_RSA_2048},
	{.signature = KC_RSA_PKCS1_SHA_256, .kind = KC_PAIR_RSA_2048},
	{.signature = KC_ECDSA_SHA_256, .kind = KC_PAIR_EC_P256},
	{.signature = KC_ECDSA_SHA_256, .kind = KC_PAIR_EC_P256K},
	{.signature = KC_ECDSA_SHA_384, .kind = KC_PAIR_EC_P384},
	{.signature = KC_ECDSA_SHA_512, .kind = KC_PAIR_EC_P521},
	{.signature = KC_SM2DSA, .kind = KC_PAIR_EC_SM2},
	{.signature = KC_ED25519, .kind = KC_PAIR_ED25519},
	{.signature = KC_ML_DSA_44, .kind = KC_PAIR_ML_DSA_44},
	{.signature = KC_ML_DSA_65, .kind = KC_PAIR_ML_DSA_65},
	{.signature = KC_ML_DSA_87, .kind = KC_PAIR_ML_DSA_87},
};

static kc_view
digest_of(const signer *s)
{
	size_t		len = kc_signature_digest_len(s->signature);

	return kc_view_of(DIGEST, len > 0 ? len : strlen(DIGEST));
}

static kc_status
verified(signer *s, kc_view value)
{
	kc_status	status = kc_verify(s->pair, s->signature, digest_of(s), value);

	must(ERR_peek_error() == 0);
	return status;
}

/* Made anew each time, so that no corpus can hold what verifies. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t		private_der[KC_PRIVATE_MAX];
	uint8_t		public_der[KC_PUBLIC_MAX];

	(void) argc;
	(void) argv;
	for (int i = 0; i < CASES; i++)
	{
		signer	   *s = &signers[i];
		size_t		private_len = sizeof(private_der);
		size_t		public_len = sizeof(public_der);
		kc_status	status = kc_pair_generate(s->kind, private_der, &private_len, public_der, &public_len, NULL);

		must(status == KC_OK || (status == KC_UNSUPPORTED && s->kind >= KC_PAIR_ML_DSA_44));
		if (status != KC_OK)
			continue;
		must(kc_pair_open(s->kind, kc_view_of(private_der, private_len), &s->pair) == KC_OK);
		s->len = sizeof(s->value);
		must(kc_sign(s->pair, s->signature, digest_of(s), s->value, &s->len) == KC_OK);
		must(verified(s, kc_view_of(s->value, s->len)) == KC_OK);
	}
	return 0;
}

/* The bytes lie over the good signature, from the one that the first two say on. */
static void
changed(signer *s, kc_view bytes)
{
	uint8_t		value[KC_SIGNATURE_MAX];
	size_t		at;

	if (bytes.len < 3)
		return;
	at = (size_t) (bytes.data[0] << 8 | bytes.data[1]) % s->len;
	memcpy(value, s->value, s->len);
	for (size_t i = 2; i < bytes.len && at < s->len; i++)
		value[at++] ^= bytes.data[i];
	must(verified(s, kc_view_of(value, s->len)) ==
		 (memcmp(value, s->value, s->len) == 0 ? KC_OK : KC_BAD_TAG));
}

/* The first byte says which algorithm; the others are the bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	kc_view		bytes;
	signer	   *s;

	if (size == 0)
		return 0;
	s = &signers[data[0] % CASES];
	if (s->pair == NULL)
		return 0;
	bytes = kc_view_of(data + 1, size - 1);
	must(verified(s, bytes) == KC_BAD_TAG);
	changed(s, bytes);
	return 0;
}
