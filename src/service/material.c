/*
 * Key material under the domain key.
 */
#include "service/material.h"

#include "base/error.h"
#include "base/ident.h"
#include "base/interrupt.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "crypto/wrap.h"
#include "port/pg_bswap.h"
#include "service/account.h"
#include "service/key_spec.h"

#define DIGEST_LABEL "kms imported material"

/* 'V', account (8), domain key version (4), key (16), version (16), three names. */
typedef struct Place
{
	size_t		len;
	uint8		bytes[MATERIAL_PLACE_MAX];
} Place;

StaticAssertDecl(1 + 8 + 4 + 16 + 16 + 3 * (1 + 32) <= MATERIAL_PLACE_MAX, "the longest place fits");

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

/* 'T', account (8), domain key version (4), token (16), key (16), algorithm. */
kc_view
material_place_of_token(const KmsImportToken *token, uint8 out[MATERIAL_PLACE_MAX])
{
	uint64		account = pg_hton64((uint64) token->account_id);
	uint32		domain_version = pg_hton32((uint32) token->domain_key_version);
	Place		place = {.len = 0};

	add(&place, "T", 1);
	add(&place, &account, 8);
	add(&place, &domain_version, 4);
	add(&place, token->id.data, UUID_LEN);
	add(&place, token->key_id.data, UUID_LEN);
	add_name(&place, transport_name(token->transport));
	memcpy(out, place.bytes, place.len);
	return kc_view_of(out, place.len);
}

/* Wrap bytes for the place of version. */
static kc_status
wrap(const KmsKey *key, KmsKeyVersion *version, kc_view material, const kc_key *wrapping)
{
	Place		place;

	describe_place(version, key->spec, key->usage, key->origin, &place);
	version->wrapped_len = material.len + KC_WRAP_OVERHEAD;
	return kc_wrap(wrapping, kc_view_of(place.bytes, place.len), material, version->wrapped);
}

/* Whether a cipher takes these bytes: refused here, rather than at their first use. */
static kc_status
try_cipher(KmsKeySpec spec, kc_view material)
{
	kc_key		tried;
	kc_status	status = kc_key_init(&tried, key_algorithm(spec), material);

	kc_wipe(&tried, sizeof(tried));
	return status;
}

static kc_status
try_mac(KmsKeySpec spec, kc_view material)
{
	kc_mac	   *tried;
	kc_status	status = kc_mac_new(key_algorithm(spec), material, &tried);

	kc_mac_free(tried);
	return status;
}

/* Fresh material, *len bytes. */
static kc_status
make(const KmsKey *key, uint8 material[KC_PRIVATE_MAX], size_t *len)
{
	uint8		public_key[KC_PUBLIC_MAX];
	size_t		public_len = sizeof(public_key);
	KmsKeyKind	kind = key_kind(key->spec, key->usage);
	kc_status	status;

	*len = KC_PRIVATE_MAX;
	if (kind & KIND_PAIR)
		return kc_pair_generate(key_algorithm(key->spec), material, len, public_key, &public_len,
								interrupt_pending);
	*len = key_material_len(key->spec);
	status = kc_random_key(material, *len);
	if (status == KC_OK)
		status = kind == KIND_MAC ? try_mac(key->spec, kc_view_of(material, *len)) :
			try_cipher(key->spec, kc_view_of(material, *len));
	return status;
}

void
material_generate(const KmsKey *key, KmsKeyVersion *version)
{
	uint8		material[KC_PRIVATE_MAX];
	size_t		len;
	KmsMaterialKeys keys;
	kc_status	status;

	material_prepare(version, key, NULL, NULL, &keys);
	version->has_digest = false;
	status = make(key, material, &len);
	if (status == KC_OK)
		status = wrap(key, version, kc_view_of(material, len), keys.wrapping);
	kc_wipe(material, sizeof(material));
	err_crypto(status);
}

void
material_prepare(KmsKeyVersion *version, const KmsKey *key, const KmsKeyVersion *earlier,
				 const KmsImportToken *token, KmsMaterialKeys *keys)
{
	uint64		generation;

	memset(version, 0, sizeof(*version));
	version->id = earlier != NULL ? earlier->id : uuid_random();
	version->key_id = key->id;
	version->account_id = account_id();
	memset(keys, 0, sizeof(*keys));
	do
	{
		generation = account_keys_generation;
		version->domain_key_version = 0;
		keys->wrapping = account_wrapping_key(version->account_id, &version->domain_key_version);
		keys->digest_key = account_digest_key(version->account_id, &version->domain_key_version);
		if (earlier != NULL && earlier->has_digest)
		{
			int32		domain_version = earlier->domain_key_version;

			keys->earlier_digest_key = account_digest_key(earlier->account_id, &domain_version);
		}
		if (token != NULL)
		{
			int32		domain_version = token->domain_key_version;

			keys->token = account_wrapping_key(token->account_id, &domain_version);
		}
	} while (generation != account_keys_generation);
}

/* Over the key's id and the bytes: the same in another key has another digest. */
static kc_status
digest_material(const KmsKeyVersion *version, const uint8 *digest_key, kc_view material,
				uint8 digest[KEY_VERSION_DIGEST_LEN])
{
	uint8		data[UUID_LEN + KC_KEY_MAX];
	kc_status	status;

	if (material.len > KC_KEY_MAX)	/* a digest where there can be none */
		return KC_BAD_TAG;
	memcpy(data, version->key_id.data, UUID_LEN);
	memcpy(data + UUID_LEN, material.data, material.len);
	status = kc_digest(kc_view_of(digest_key, KC_KEY_MAX), DIGEST_LABEL,
					   kc_view_of(data, UUID_LEN + material.len), digest);
	kc_wipe(data, sizeof(data));
	return status;
}

/* Whether these bytes are what was imported before. */
static kc_status
compare_digest(const KmsKeyVersion *earlier, const uint8 *digest_key, kc_view material)
{
	uint8		digest[KEY_VERSION_DIGEST_LEN];
	kc_status	status = digest_material(earlier, digest_key, material, digest);

	if (status == KC_OK && !kc_equal(digest, earlier->digest, sizeof(digest)))
		status = KC_BAD_TAG;
	return status;
}

kc_status
material_wrap(const KmsKey *key, KmsKeyVersion *version, kc_view material,
			  const KmsKeyVersion *earlier, const KmsMaterialKeys *keys)
{
	kc_status	status = KC_OK;

	if (material.len != key_material_len(key->spec))
		return KC_BAD_INPUT;
	if (earlier != NULL)		/* a version without digest was not imported: nothing fits it */
		status = earlier->has_digest ? compare_digest(earlier, keys->earlier_digest_key, material) : KC_BAD_TAG;
	if (status == KC_OK)
		status = try_cipher(key->spec, material);
	if (status == KC_OK)
		status = wrap(key, version, material, keys->wrapping);
	if (status == KC_OK)
		status = digest_material(version, keys->digest_key, material, version->digest);
	version->has_digest = true;
	return status;
}

/* Everything that was not what was once wrapped says so. */
static void
require_intact(kc_status status, const KmsKeyVersion *version)
{
	char		id[37];

	if (status == KC_BAD_TAG || status == KC_BAD_INPUT)
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the material of key version %s has been damaged or tampered with",
						   uuid_print(&version->id, id)),
					errhint("Restore tables key and key_version of extension kms from a backup."));
	err_crypto(status);
}

/* The domain key's wrapping key, which may raise: before anything is unwrapped. */
static const kc_key *
wrapping_key_of(const KmsKeyVersion *version)
{
	int32		domain_version = version->domain_key_version;

	return account_wrapping_key(version->account_id, &domain_version);
}

/* Unwrap into material, which has room for max bytes. */
static kc_status
unwrap(const KmsKeyVersion *version, const KmsMaterialOf *of, const kc_key *wrapping,
	   uint8 *material, size_t max, size_t *len)
{
	Place		place;

	describe_place(version, of->spec, of->usage, of->origin, &place);
	if (version->wrapped_len < KC_WRAP_OVERHEAD || version->wrapped_len - KC_WRAP_OVERHEAD > max)
		return KC_BAD_TAG;
	*len = version->wrapped_len - KC_WRAP_OVERHEAD;
	return kc_unwrap(wrapping, kc_view_of(place.bytes, place.len),
					 kc_view_of(version->wrapped, version->wrapped_len), material);
}

void
material_unwrap(const KmsKeyVersion *version, const KmsMaterialOf *of, kc_key *out)
{
	uint8		material[KC_KEY_MAX];
	size_t		len;
	const kc_key *wrapping = wrapping_key_of(version);
	kc_status	status = unwrap(version, of, wrapping, material, sizeof(material), &len);

	if (status == KC_OK)
		status = kc_key_init(out, key_algorithm(of->spec), kc_view_of(material, len));
	kc_wipe(material, sizeof(material));
	require_intact(status, version);
}

kc_pair *
material_open_pair(const KmsKeyVersion *version, const KmsMaterialOf *of)
{
	uint8		material[KC_PRIVATE_MAX];
	size_t		len;
	kc_pair    *pair = NULL;
	const kc_key *wrapping = wrapping_key_of(version);
	kc_status	status = unwrap(version, of, wrapping, material, sizeof(material), &len);

	if (status == KC_OK)
		status = kc_pair_open(key_algorithm(of->spec), kc_view_of(material, len), &pair);
	kc_wipe(material, sizeof(material));
	require_intact(status, version);
	return pair;
}

kc_mac *
material_open_mac(const KmsKeyVersion *version, const KmsMaterialOf *of)
{
	uint8		material[KC_MAC_KEY_MAX];
	size_t		len;
	kc_mac	   *mac = NULL;
	const kc_key *wrapping = wrapping_key_of(version);
	kc_status	status = unwrap(version, of, wrapping, material, sizeof(material), &len);

	if (status == KC_OK)
		status = kc_mac_new(key_algorithm(of->spec), kc_view_of(material, len), &mac);
	kc_wipe(material, sizeof(material));
	require_intact(status, version);
	return mac;
}

/* Tells a thing that does not open from what is in the way of finding out. */
static bool
opens(kc_status status)
{
	if (status != KC_BAD_TAG && status != KC_BAD_INPUT)
		err_crypto(status);
	return status == KC_OK;
}

bool
material_opens(const KmsKeyVersion *version, const KmsMaterialOf *of)
{
	uint8		material[KC_PRIVATE_MAX];
	size_t		len;
	int32		domain_version = version->domain_key_version;
	const uint8 *digest_key;
	kc_status	status;

	if (!account_has_domain_key(version->account_id, domain_version))
		return false;
	digest_key = account_digest_key(version->account_id, &domain_version);
	status = unwrap(version, of, wrapping_key_of(version), material, sizeof(material), &len);
	if (status == KC_OK && version->has_digest)
		status = compare_digest(version, digest_key, kc_view_of(material, len));
	kc_wipe(material, sizeof(material));
	return opens(status);
}

bool
material_token_opens(const KmsImportToken *token)
{
	uint8		private_key[KC_TRANSPORT_PRIVATE_MAX];
	uint8		place[MATERIAL_PLACE_MAX];
	int32		domain_version = token->domain_key_version;
	kc_status	status;

	if (!account_has_domain_key(token->account_id, domain_version))
		return false;
	status = kc_unwrap(account_wrapping_key(token->account_id, &domain_version),
					   material_place_of_token(token, place),
					   kc_view_of(token->wrapped, token->wrapped_len), private_key);
	kc_wipe(private_key, sizeof(private_key));
	return opens(status);
}

/* What a version is wrapped under now, and what it is to be wrapped under: what may raise, raises here. */
static const kc_key *
prepare_rewrap(const KmsKey *key, const KmsKeyVersion *old, KmsKeyVersion *new, KmsMaterialKeys *keys)
{
	const kc_key *from;
	uint64		generation;

	do
	{
		material_prepare(new, key, old, NULL, keys);
		generation = account_keys_generation;
		from = wrapping_key_of(old);
	} while (generation != account_keys_generation);
	new->created_at = old->created_at;
	new->has_digest = old->has_digest;
	return from;
}

bool
material_rewrap(const KmsKey *key, KmsKeyVersion *version)
{
	const KmsMaterialOf of = {key->spec, key->usage, key->origin};
	uint8		material[KC_PRIVATE_MAX];
	size_t		len;
	KmsKeyVersion new;
	KmsMaterialKeys keys;
	const kc_key *from = prepare_rewrap(key, version, &new, &keys);
	kc_status	status = unwrap(version, &of, from, material, sizeof(material), &len);

	if (status == KC_OK && version->has_digest)
		status = compare_digest(version, keys.earlier_digest_key, kc_view_of(material, len));
	if (status == KC_OK)
		status = wrap(key, &new, kc_view_of(material, len), keys.wrapping);
	if (status == KC_OK && version->has_digest)
		status = digest_material(&new, keys.digest_key, kc_view_of(material, len), new.digest);
	kc_wipe(material, sizeof(material));
	if (opens(status))
		*version = new;
	return status == KC_OK;
}

bool
material_token_rewrap(KmsImportToken *token)
{
	uint8		private_key[KC_TRANSPORT_PRIVATE_MAX];
	uint8		place[MATERIAL_PLACE_MAX];
	KmsImportToken new = *token;
	int32		domain_version = token->domain_key_version;
	const kc_key *from;
	const kc_key *to;
	uint64		generation;
	kc_status	status;

	new.account_id = account_id();
	do
	{
		generation = account_keys_generation;
		new.domain_key_version = 0;
		to = account_wrapping_key(new.account_id, &new.domain_key_version);
		from = account_wrapping_key(token->account_id, &domain_version);
	} while (generation != account_keys_generation);
	if (token->wrapped_len < KC_WRAP_OVERHEAD)
		return false;
	status = kc_unwrap(from, material_place_of_token(token, place), kc_view_of(token->wrapped, token->wrapped_len), private_key);
	if (status == KC_OK)
		status = kc_wrap(to, material_place_of_token(&new, place),
						 kc_view_of(private_key, token->wrapped_len - KC_WRAP_OVERHEAD), new.wrapped);
	kc_wipe(private_key, sizeof(private_key));
	if (opens(status))
		*token = new;
	return status == KC_OK;
}
