/*
 * What a key of which spec and usage is for.
 */
#include "service/key_spec.h"

#include "crypto/mac.h"
#include "crypto/message.h"
#include "crypto/pair.h"

/* By usage; 0: it has no such usage. */
typedef struct Spec
{
	int			algorithm;
	KmsKeyKind	encrypts;
	KmsKeyKind	signs;
	KmsKeyKind	authenticates;
} Spec;

#define CIPHER(suite)	{suite, KIND_CIPHER, 0, 0}
#define BOTH(pair)		{pair, KIND_DECRYPTION, KIND_SIGNING, 0}
#define SIGNER(pair)	{pair, 0, KIND_SIGNING, 0}
#define MAC(mac)		{mac, 0, 0, KIND_MAC}

static const Spec specs[] = {
	[KEY_SPEC_AES_256] = CIPHER(KC_SUITE_XAES_256_GCM),
	[KEY_SPEC_AES_192] = CIPHER(KC_SUITE_AES_192_GCM),
	[KEY_SPEC_AES_128] = CIPHER(KC_SUITE_AES_128_GCM),
	[KEY_SPEC_SM4] = CIPHER(KC_SUITE_SM4_CTR_HMAC_SM3),
	[KEY_SPEC_RSA_2048] = BOTH(KC_PAIR_RSA_2048),
	[KEY_SPEC_RSA_3072] = BOTH(KC_PAIR_RSA_3072),
	[KEY_SPEC_RSA_4096] = BOTH(KC_PAIR_RSA_4096),
	[KEY_SPEC_EC_P256] = SIGNER(KC_PAIR_EC_P256),
	[KEY_SPEC_EC_P256K] = SIGNER(KC_PAIR_EC_P256K),
	[KEY_SPEC_EC_P384] = SIGNER(KC_PAIR_EC_P384),
	[KEY_SPEC_EC_P521] = SIGNER(KC_PAIR_EC_P521),
	[KEY_SPEC_EC_SM2] = BOTH(KC_PAIR_EC_SM2),
	[KEY_SPEC_ED25519] = SIGNER(KC_PAIR_ED25519),
	[KEY_SPEC_ML_DSA_44] = SIGNER(KC_PAIR_ML_DSA_44),
	[KEY_SPEC_ML_DSA_65] = SIGNER(KC_PAIR_ML_DSA_65),
	[KEY_SPEC_ML_DSA_87] = SIGNER(KC_PAIR_ML_DSA_87),
	[KEY_SPEC_HMAC_SHA_256] = MAC(KC_MAC_HMAC_SHA_256),
	[KEY_SPEC_HMAC_SHA_384] = MAC(KC_MAC_HMAC_SHA_384),
	[KEY_SPEC_HMAC_SHA_512] = MAC(KC_MAC_HMAC_SHA_512),
	[KEY_SPEC_HMAC_SM3] = MAC(KC_MAC_HMAC_SM3),
};

static const Spec *
find(KmsKeySpec spec)
{
	if ((int) spec < 1 || (int) spec >= (int) lengthof(specs))
		elog(ERROR, "unknown key spec %d", (int) spec);
	return &specs[spec];
}

KmsKeyKind
key_kind(KmsKeySpec spec, KmsKeyUsage usage)
{
	switch (usage)
	{
		case KEY_USAGE_ENCRYPT_DECRYPT:
			return find(spec)->encrypts;
		case KEY_USAGE_SIGN_VERIFY:
			return find(spec)->signs;
		case KEY_USAGE_GENERATE_VERIFY_MAC:
			return find(spec)->authenticates;
	}
	elog(ERROR, "unknown key usage %d", (int) usage);
}

KmsKeyUsage
key_default_usage(KmsKeySpec spec)
{
	if (find(spec)->signs != 0)
		return KEY_USAGE_SIGN_VERIFY;
	return find(spec)->authenticates != 0 ? KEY_USAGE_GENERATE_VERIFY_MAC : KEY_USAGE_ENCRYPT_DECRYPT;
}

int
key_algorithm(KmsKeySpec spec)
{
	return find(spec)->algorithm;
}

size_t
key_material_len(KmsKeySpec spec)
{
	if (find(spec)->encrypts == KIND_CIPHER)
		return kc_key_len(find(spec)->algorithm);
	if (find(spec)->authenticates != 0)
		return kc_mac_key_len(find(spec)->algorithm);
	return KC_PRIVATE_MAX;
}

bool
key_spec_is_cipher(KmsKeySpec spec)
{
	return find(spec)->encrypts == KIND_CIPHER;
}
