/*
 * Using a key: finding the version that a call needs, for a caller who may, of a
 * key that does such a thing and may be used.
 *
 * The order of checks is the same everywhere: the key, permission, the version,
 * kind of key, state.  What a place in a query found last is remembered there.
 */
#ifndef KMS_KEY_USE_H
#define KMS_KEY_USE_H

#include "postgres.h"

#include "base/context.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "service/access.h"
#include "service/audit_line.h"
#include "service/key_cache.h"
#include "service/key_spec.h"
#include "service/refusal.h"
#include "service/usage.h"

/*
 * What a place in a query remembers from row to row.  Zeroed to begin with but
 * for the memory contexts of its memos.
 */
typedef struct KmsCallSite
{
	/* the key named last */
	uint64		epoch;
	KmsCachedKey *key;
	size_t		reference_len;
	char		reference[REFERENCE_MAX_LEN];

	/* the version found in a ciphertext last */
	uint64		version_epoch;
	KmsCachedVersion *version;

	ContextMemo context;
	ContextMemo other_context;	/* of the destination, when re-encrypting */
} KmsCallSite;

typedef struct KmsKeyUsed
{
	pg_uuid_t	key_id;
	pg_uuid_t	version_id;
} KmsKeyUsed;

/* The key that a caller names: argument is what the function calls it. */
typedef struct KmsNamedKey
{
	const char *argument;
	kc_view		reference;
	const char *version_argument;
	kc_view		version_id;		/* data NULL: the newest */
} KmsNamedKey;

/* Bit of an action in KmsCachedKey.rights. */
#define RIGHT_TO(action)	(UINT32_C(1) << ((action) - ACTION_ENCRYPT))

/* Whether nothing needs to be asked: the answer is remembered, and no date can change it. */
static inline bool
known_usable(const KmsCachedKey *key, Oid caller, KmsAction action, int kinds)
{
	return key->plain && (key->kind & kinds) && key->rights_role == caller &&
		(key->rights & RIGHT_TO(action)) && key->rights_count == invalidation_roles_count;
}

/* All of these raise unless it is so; kind and name say in errors what was asked for. */
extern void key_use_check_permission(KmsCachedKey *key, Oid caller, KmsAction action, kc_view context,
									 const char *kind, kc_view name);
extern void key_use_check_kind_and_state(const KmsCachedKey *key, int kinds);

/* Most references are ids in text: a length known beforehand compares in place. */
static inline bool
same_reference(const KmsCallSite *site, kc_view reference)
{
	if (site->reference_len != reference.len)
		return false;
	if (reference.len == 36)
		return memcmp(site->reference, reference.data, 36) == 0;
	return memcmp(site->reference, reference.data, reference.len) == 0;
}

extern KmsCachedKey *key_use_find(KmsCallSite *site, const char *argument, kc_view reference);

/* The key that this place named last time, or whatever it names now. */
static inline KmsCachedKey *
key_named(KmsCallSite *site, const char *argument, kc_view reference)
{
	if (likely(site->epoch == key_cache_epoch && same_reference(site, reference)))
	{
		key_cache_touch(site->key);
		return site->key;
	}
	return key_use_find(site, argument, reference);
}

/* The version that encrypts, with its material.  context: a grant may be bound to it. */
static inline KmsCachedVersion *
version_to_encrypt(KmsCallSite *site, Oid caller, KmsAction action, const char *argument, kc_view reference,
				   kc_view context)
{
	KmsCachedKey *key = key_named(site, argument, reference);
	KmsCachedVersion *version;

	if (unlikely(!known_usable(key, caller, action, KIND_CIPHER)))
	{
		key_use_check_permission(key, caller, action, context, "key", reference);
		key_use_check_kind_and_state(key, KIND_CIPHER);
	}
	version = key_cache_primary(key);
	(void) key_cache_material(version);
	return version;
}

/* Both say false if there is no such version any more, and raise if the caller may not. */
extern bool key_use_find_version(KmsCallSite *site, const uint8 *version_id);
extern bool key_use_check_version(KmsCachedVersion *version, Oid caller, KmsAction action, kc_view context);

/* Count what was noted as a failure, and refuse the ciphertext; raises what is not its fault.  False. */
extern bool key_use_failed(const KmsCachedVersion *version, KmsAction action, size_t bytes,
						   kc_status status, KmsRefusal *refusal);

/* How the opening of a ciphertext ended that was noted as a use. */
static inline bool
key_use_opened(const KmsCachedVersion *version, KmsAction action, size_t bytes, kc_status status,
			   KmsRefusal *refusal)
{
	return likely(status == KC_OK) || key_use_failed(version, action, bytes, status, refusal);
}

/* The version that this place met last time, or whatever a ciphertext names now; NULL: it is not here. */
static inline KmsCachedVersion *
version_named(KmsCallSite *site, const uint8 *version_id)
{
	if (likely(site->version_epoch == key_cache_epoch &&
			   memcmp(site->version->id.data, version_id, KC_VERSION_ID_LEN) == 0))
		key_cache_touch(site->version->key);
	else if (!key_use_find_version(site, version_id))
		return NULL;
	return site->version;
}

/*
 * The version that a ciphertext names, with its material; NULL if it opens nothing,
 * and why.  It has several callers and is in one of them the hot path, where the call
 * would cost another hundredth.
 */
static pg_attribute_always_inline KmsCachedVersion *
version_to_try(KmsCallSite *site, Oid caller, KmsAction action, const uint8 *version_id, int suite,
			   kc_view context, KmsRefusal *refusal)
{
	KmsCachedVersion *version = version_named(site, version_id);

	if (unlikely(version == NULL) ||
		unlikely(!known_usable(version->key, caller, action, KIND_CIPHER) &&
				 !key_use_check_version(version, caller, action, context)))
	{
		refuse_version(refusal, version_id);
		return NULL;
	}
	if (unlikely(key_cache_material(version)->suite != suite))
	{
		usage_note(version, action, 0);
		(void) key_use_failed(version, action, 0, KC_BAD_INPUT, refusal);
		return NULL;
	}
	return version;
}

/* Likewise; raises why. */
static inline KmsCachedVersion *
version_to_decrypt(KmsCallSite *site, Oid caller, KmsAction action, const uint8 *version_id, int suite,
				   kc_view context)
{
	KmsRefusal	refusal;
	KmsCachedVersion *version = version_to_try(site, caller, action, version_id, suite, context, &refusal);

	if (unlikely(version == NULL))
		refusal_raise(&refusal);
	return version;
}

/* The version that the caller names, or the newest, of a key of one of these kinds; made ready. */
extern KmsCachedVersion *version_to_use(KmsCallSite *site, Oid caller, KmsAction action, int kinds,
										const KmsNamedKey *named, kc_view context);

/* Receives the ids, unless it is NULL. */
static inline void
key_used(KmsKeyUsed *used, const KmsCachedVersion *version)
{
	if (used == NULL)
		return;
	used->key_id = version->key->id;
	used->version_id = version->id;
}

#endif
