/*
 * Key material under the domain key.
 */
#include "service/material.h"

#include "base/error.h"
#include "base/ident.h"
#include "crypto/random.h"
#include "crypto/wrap.h"
#include "port/pg_bswap.h"
#include "service/account.h"

/* 'V', account (8), domain key version (4), key (16), version (16), three names. */
#define PLACE_MAX (1 + 8 + 4 + 16 + 16 + 3 * (1 + 32))

typedef struct Place
{
	size_t		len;
	uint8		bytes[PLACE_MAX];
} Place;

kc_suite
material_suite(KmsKeySpec spec)
{
	switch (spec)
	{
		case KEY_SPEC_AES_256:
			return KC_SUITE_XAES_256_GCM;
		case KEY_SPEC_AES_192:
			return KC_SUITE_AES_192_GCM;
		case KEY_SPEC_AES_128:
			return KC_SUITE_AES_128_GCM;
		case KEY_SPEC_SM4:
			return KC_SUITE_SM4_CTR_HMAC_SM3;
	}
	elog(ERROR, "unknown key spec %d", (int) spec);
}

static void
add(Place *place, const void *data, size_t len)
{
	Assert(place->len + len <= sizeof(place->bytes));
	memcpy(place->bytes + place->len, data, len);
	place->len += len;
}

static void
add_name(Place *place, const char *name)
{
	uint8		len = (uint8) strlen(name);

	add(place, &len, 1);
	add(place, name, len);
}

/*
 * The place of wrapped material, typed and length-prefixed: a row that was
 * swapped, or whose key was given another spec, usage or origin, does not open.
 */
static void
describe_place(const KmsKeyVersion *version, KmsKeySpec spec, KmsKeyUsage usage, KmsKeyOrigin origin,
			   Place *place)
{
	uint64		account = pg_hton64((uint64) version->account_id);
	uint32		domain_version = pg_hton32((uint32) version->domain_key_version);

	place->len = 0;
	add(place, "V", 1);
	add(place, &account, 8);
	add(place, &domain_version, 4);
	add(place, version->key_id.data, UUID_LEN);
	add(place, version->id.data, UUID_LEN);
	add_name(place, key_spec_name(spec));
	add_name(place, key_usage_name(usage));
	add_name(place, key_origin_name(origin));
}

void
material_generate(const KmsKey *key, KmsKeyVersion *version)
{
	uint8		material[KC_KEY_MAX];
	size_t		len = kc_key_len(material_suite(key->spec));
	const kc_key *wrapping;
	kc_key		tried;
	Place		place;
	kc_status	status;

	version->id = uuid_random();
	version->key_id = key->id;
	version->account_id = account_id();
	version->domain_key_version = 0;
	wrapping = account_wrapping_key(version->account_id, &version->domain_key_version);
	version->wrapped_len = len + KC_WRAP_OVERHEAD;
	describe_place(version, key->spec, key->usage, key->origin, &place);

	status = kc_random_key(material, len);
	if (status == KC_OK)		/* refused here, rather than at its first use */
		status = kc_key_init(&tried, material_suite(key->spec), kc_view_of(material, len));
	kc_wipe(&tried, sizeof(tried));
	if (status == KC_OK)
		status = kc_wrap(wrapping, kc_view_of(place.bytes, place.len), kc_view_of(material, len), version->wrapped);
	kc_wipe(material, sizeof(material));
	err_crypto(status);
}

void
material_unwrap(const KmsKeyVersion *version, KmsKeySpec spec, KmsKeyUsage usage,
				KmsKeyOrigin origin, kc_key *out)
{
	uint8		material[KC_KEY_MAX];
	kc_suite	suite = material_suite(spec);
	size_t		len = kc_key_len(suite);
	int32		domain_version = version->domain_key_version;
	const kc_key *wrapping = account_wrapping_key(version->account_id, &domain_version);
	char		id[37];
	Place		place;
	kc_status	status = KC_BAD_TAG;

	describe_place(version, spec, usage, origin, &place);
	if (version->wrapped_len == len + KC_WRAP_OVERHEAD)
		status = kc_unwrap(wrapping, kc_view_of(place.bytes, place.len),
						   kc_view_of(version->wrapped, version->wrapped_len), material);
	if (status == KC_OK)
		status = kc_key_init(out, suite, kc_view_of(material, len));
	kc_wipe(material, sizeof(material));
	if (status == KC_BAD_TAG)
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the material of key version %s has been damaged or tampered with",
						   uuid_print(&version->id, id)),
					errhint("Restore tables key and key_version of extension kms from a backup."));
	err_crypto(status);
}
