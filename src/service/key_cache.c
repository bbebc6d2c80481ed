/*
 * The session's cache of keys.
 *
 * Three tables lead to an entry: the key's invalidation number, the version id
 * that stands in a ciphertext, the alias.  Entries lie in a memory context of
 * their own and hold nothing secret; material lies in the secure arena.
 *
 * Invalidations arrive at arbitrary points, also while a row is being read.
 * They are only noted then, and carried out at the beginning of the next call.
 * There are no entries for what does not exist, since nothing is sent when it
 * comes into being.
 */
#include "service/key_cache.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "base/settings.h"
#include "common/hashfn.h"
#include "root/root.h"
#include "service/account.h"
#include "service/key.h"
#include "service/key_seal.h"
#include "service/key_spec.h"
#include "service/material.h"
#include "service/prepared.h"
#include "service/schedule.h"
#include "service/usage.h"
#include "store/alias.h"
#include "store/key_version.h"
#include "utils/memutils.h"

/* Keys looked at when one must go: the one unused for longest of so many goes. */
#define EVICTION_SAMPLE 8

/* Noted invalidations; more than that, and everything goes. */
#define MAX_NOTED 64

struct KmsCachedAlias
{
	KmsCachedKey *key;
	KmsCachedAlias *next;		/* of the same key */
	uint32		hash;
	uint16		len;
	char		name[FLEXIBLE_ARRAY_MEMBER];
};

/* Keys by invalidation number; those with the same one are chained. */
typedef struct KeySlot
{
	uint32		number;
	char		status;
	KmsCachedKey *first;
} KeySlot;

#define SH_PREFIX		keys
#define SH_ELEMENT_TYPE	KeySlot
#define SH_KEY_TYPE		uint32
#define SH_KEY			number
#define SH_HASH_KEY(tb, key)	(key)
#define SH_EQUAL(tb, a, b)		((a) == (b))
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Versions by id: random bytes, so a few of them are hash enough. */
typedef struct VersionSlot
{
	const uint8 *id;			/* inside the entry */
	KmsCachedVersion *version;
	uint32		hash;
	char		status;
} VersionSlot;

static inline uint32
version_hash(const uint8 *id)
{
	uint32		word;

	memcpy(&word, id + UUID_LEN - sizeof(word), sizeof(word));
	return murmurhash32(word);
}

#define SH_PREFIX		versions
#define SH_ELEMENT_TYPE	VersionSlot
#define SH_KEY_TYPE		const uint8 *
#define SH_KEY			id
#define SH_HASH_KEY(tb, key)	version_hash(key)
#define SH_EQUAL(tb, a, b)		(memcmp((a), (b), UUID_LEN) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, slot)	((slot)->hash)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Aliases by name. */
typedef struct AliasSlot
{
	kc_view		name;			/* inside the entry */
	KmsCachedAlias *alias;
	uint32		hash;
	char		status;
} AliasSlot;

#define SH_PREFIX		aliases
#define SH_ELEMENT_TYPE	AliasSlot
#define SH_KEY_TYPE		kc_view
#define SH_KEY			name
#define SH_HASH_KEY(tb, key)	hash_bytes((key).data, (int) (key).len)
#define SH_EQUAL(tb, a, b)		((a).len == (b).len && memcmp((a).data, (b).data, (a).len) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, slot)	((slot)->hash)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

uint64		key_cache_epoch = 1;
uint32		key_cache_call = 1;

/* Entries of one size lie in slabs: a power of two for each would take half as much again. */
static MemoryContext memory;
static MemoryContext key_memory;
static MemoryContext version_memory;
static keys_hash *by_number;
static versions_hash *by_version;
static aliases_hash *by_alias;

/* Every key, in no order: what eviction goes round. */
static KmsCachedKey **all_keys;
static int	key_count;
static int	key_room;
static int	version_count;
static int	eviction_hand;

/* What has arrived since the last begin. */
static uint32 noted[MAX_NOTED];
static int	noted_count;
static bool noted_all;
bool		key_cache_invalidated;

/* The root keys under which everything here was unwrapped. */
static uint64 root_seen;

/* The version row read last: permission is asked between reading and unwrapping. */
static KmsKeyVersion last_row;
static bool last_row_valid;

static void
note_invalidation(uint32 number)
{
	key_cache_invalidated = true;
	if (number == INVALIDATE_ALL || noted_count == MAX_NOTED)
		noted_all = true;
	else
		noted[noted_count++] = number;
}

static void
start(void)
{
	MemoryContext new_memory = AllocSetContextCreate(TopMemoryContext, "kms key cache", ALLOCSET_DEFAULT_SIZES);

	key_memory = SlabContextCreate(new_memory, "kms keys", SLAB_DEFAULT_BLOCK_SIZE, sizeof(KmsCachedKey));
	version_memory = SlabContextCreate(new_memory, "kms key versions", SLAB_DEFAULT_BLOCK_SIZE,
									   sizeof(KmsCachedVersion));
	by_number = keys_create(new_memory, 64, NULL);
	by_version = versions_create(new_memory, 64, NULL);
	by_alias = aliases_create(new_memory, 64, NULL);
	key_room = 64;
	all_keys = MemoryContextAlloc(new_memory, key_room * sizeof(KmsCachedKey *));
	root_seen = root_generation();
	invalidation_listen(note_invalidation);
	memory = new_memory;		/* last: nothing can fail any more */
}

static void
free_version(KmsCachedVersion *version)
{
	versions_delete(by_version, version->id.data);
	usage_release(version);
	if (version->key->kind == KIND_CIPHER)
		schedule_release(version);
	else
		prepared_release(version);
	arena_give(version->material);
	pfree(version);
	version_count--;
}

static void
free_alias(KmsCachedAlias *alias)
{
	aliases_delete(by_alias, kc_view_of(alias->name, alias->len));
	pfree(alias);
}

static void
unlink_number(KmsCachedKey *key)
{
	KeySlot    *slot = keys_lookup(by_number, key->number);
	KmsCachedKey **link = &slot->first;

	while (*link != key)
		link = &(*link)->next_same_number;
	*link = key->next_same_number;
	if (slot->first == NULL)
		keys_delete(by_number, key->number);
}

/* Forget a key with everything that leads to it; its material is wiped. */
static void
drop_key(KmsCachedKey *key)
{
	key_cache_epoch++;
	while (key->versions != NULL)
	{
		KmsCachedVersion *version = key->versions;

		key->versions = version->next;
		free_version(version);
	}
	while (key->aliases != NULL)
	{
		KmsCachedAlias *alias = key->aliases;

		key->aliases = alias->next;
		free_alias(alias);
	}
	unlink_number(key);
	all_keys[key->place] = all_keys[--key_count];
	all_keys[key->place]->place = key->place;
	if (key->grants != NULL)
		pfree(key->grants);
	pfree(key);
}

static void
drop_all(void)
{
	while (key_count > 0)
		drop_key(all_keys[key_count - 1]);
	last_row_valid = false;
}

/* Carry out what was noted. */
static void
apply_noted(void)
{
	if (noted_all)
		drop_all();
	else
		for (int i = 0; i < noted_count; i++)
		{
			KeySlot    *slot;

			while ((slot = keys_lookup(by_number, noted[i])) != NULL)
				drop_key(slot->first);
		}
	noted_count = 0;
	noted_all = false;
	key_cache_invalidated = false;
	last_row_valid = false;
}

/*
 * Others' commits are taken at every call: in an open transaction a bare
 * SELECT would otherwise accept none, and a disabled key would stay enabled.
 */
void
key_cache_begin(void)
{
	if (unlikely(memory == NULL))
		start();
	invalidation_accept();
	if (unlikely(key_cache_invalidated))
		apply_noted();
	if (unlikely(root_seen != root_generation()))
	{
		drop_all();
		root_seen = root_generation();
	}
	key_cache_call++;
}

/*
 * Make room before something is added: keys are dropped that were not used in
 * this call, out of each few the one unused for longest.
 */
static void
make_room(void)
{
	for (int tries = 0; key_count + version_count > 2 * setting_cache_size && tries < EVICTION_SAMPLE; tries++)
	{
		KmsCachedKey *oldest = NULL;

		for (int i = 0; i < EVICTION_SAMPLE && i < key_count; i++)
		{
			KmsCachedKey *key = all_keys[(eviction_hand = (eviction_hand + 1) % key_count)];

			if (key->call != key_cache_call &&
				(oldest == NULL || key_cache_call - key->call > key_cache_call - oldest->call))
				oldest = key;
		}
		if (oldest != NULL)
			drop_key(oldest);
	}
}

static KmsCachedKey *
find_by_id(const pg_uuid_t *id)
{
	KeySlot    *slot = keys_lookup(by_number, invalidation_number(id));
	KmsCachedKey *key = slot != NULL ? slot->first : NULL;

	while (key != NULL && !uuid_equal(&key->id, id))
		key = key->next_same_number;
	return key;
}

static void
link_key(KmsCachedKey *key)
{
	bool		found;
	KeySlot    *slot;

	if (key_count == key_room)
	{
		all_keys = repalloc_huge(all_keys, (Size) key_room * 2 * sizeof(KmsCachedKey *));
		key_room *= 2;
	}
	slot = keys_insert(by_number, key->number, &found);
	key->next_same_number = found ? slot->first : NULL;
	slot->first = key;
	key->place = key_count;
	all_keys[key_count++] = key;
}

/* Nothing but a change of the row can make a plain key unusable. */
static bool
is_plain(const KmsKey *row)
{
	return row->state == KEY_ENABLED && TIMESTAMP_IS_NOEND(row->material_expires_at);
}

static KmsCachedKey *
add_key(const KmsKey *row)
{
	KmsCachedKey *key;

	make_room();
	key = MemoryContextAllocZero(key_memory, sizeof(KmsCachedKey));
	key->id = row->id;
	key->number = invalidation_number(&row->id);
	key->owner = row->owner;
	key->state = row->state;
	key->spec = row->spec;
	key->usage = row->usage;
	key->origin = row->origin;
	key->kind = key_kind(row->spec, row->usage);
	key->material_expires_at = row->material_expires_at;
	key->delete_at = row->delete_at;
	key->has_primary = row->has_primary_version;
	if (row->has_primary_version)
		key->primary_id = row->primary_version;
	key->plain = is_plain(row);
	key_cache_touch(key);
	link_key(key);
	return key;
}

/* From the cache or the table; NULL if there is no such key. */
static KmsCachedKey *
key_by_id(const pg_uuid_t *id)
{
	KmsCachedKey *key = find_by_id(id);
	KmsKey		row;
	uint64		count;

	if (key != NULL)
	{
		key_cache_touch(key);
		return key;
	}
	do
	{
		count = invalidation_count;
		if (!store_key_find(id, &row))
			return NULL;
	} while (count != invalidation_count);
	/* While the server is sealed nothing can be used: then it is read anew later. */
	if (account_is_unsealed())
		key_require_intact(&row);
	return add_key(&row);
}

static void
add_alias(KmsCachedKey *key, const char *name, size_t len)
{
	KmsCachedAlias *alias = MemoryContextAlloc(memory, offsetof(KmsCachedAlias, name) + len);
	bool		found;

	memcpy(alias->name, name, len);
	alias->len = (uint16) len;
	alias->key = key;
	alias->next = key->aliases;
	key->aliases = alias;
	aliases_insert(by_alias, kc_view_of(alias->name, len), &found)->alias = alias;
}

static KmsCachedKey *
key_by_alias(const char *name, size_t len)
{
	AliasSlot  *slot = aliases_lookup(by_alias, kc_view_of(name, len));
	KmsCachedKey *key;
	KmsAlias	alias;
	uint64		count;

	if (slot != NULL)
	{
		key_cache_touch(slot->alias->key);
		return slot->alias->key;
	}
	do
	{
		count = invalidation_count;
		if (!store_alias_find(name, len, &alias))
			err_alias_not_found(name, len);
		key = key_by_id(&alias.key_id);
	} while (count != invalidation_count);
	if (account_is_unsealed())
		alias_require_intact(&alias);
	if (key != NULL)
		add_alias(key, name, len);
	return key;
}

KmsCachedKey *
key_cache_find(const char *argument, const char *text, size_t len)
{
	KmsReference reference;
	KmsCachedKey *key;

	reference_parse(argument, text, len, &reference);
	key = reference.is_alias ? key_by_alias(text, len) : key_by_id(&reference.key_id);
	if (key == NULL || key_is_gone(key->state, key->delete_at))
		err_key_not_found(&reference);
	return key;
}

static bool
read_version(const uint8 *id)
{
	pg_uuid_t	version_id;
	uint64		count;

	memcpy(version_id.data, id, UUID_LEN);
	do
	{
		count = invalidation_count;
		last_row_valid = store_key_version_find(&version_id, &last_row);
	} while (count != invalidation_count);
	return last_row_valid;
}

static KmsCachedVersion *
add_version(KmsCachedKey *key, const pg_uuid_t *id)
{
	KmsCachedVersion *version;
	bool		found;

	make_room();
	version = MemoryContextAllocZero(version_memory, sizeof(KmsCachedVersion));
	version->id = *id;
	version->key = key;
	version->next = key->versions;
	key->versions = version;
	versions_insert(by_version, version->id.data, &found)->version = version;
	version_count++;
	return version;
}

KmsCachedVersion *
key_cache_version(const uint8 id[KC_VERSION_ID_LEN])
{
	VersionSlot *slot = versions_lookup(by_version, id);
	KmsCachedKey *key;

	if (slot != NULL)
	{
		key_cache_touch(slot->version->key);
		return slot->version;
	}
	if (!read_version(id))
		return NULL;
	key = key_by_id(&last_row.key_id);
	if (key == NULL || key_is_gone(key->state, key->delete_at))
		return NULL;
	return add_version(key, &last_row.id);
}

/* A version is its own key's only: an edited row must not lend it to another. */
KmsCachedVersion *
key_cache_load_primary(KmsCachedKey *key)
{
	VersionSlot *slot = key->has_primary ? versions_lookup(by_version, key->primary_id.data) : NULL;
	char		id[37];

	if (slot != NULL && slot->version->key == key)
		return key->primary = slot->version;
	if (slot != NULL || !key->has_primary || !read_version(key->primary_id.data) ||
		!uuid_equal(&last_row.key_id, &key->id))
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("key \"%s\" has no primary version of its own", uuid_print(&key->id, id)),
					errhint("Restore table key_version of extension kms from a backup."));
	key->primary = add_version(key, &key->primary_id);
	return key->primary;
}

const KmsKeyVersion *
key_cache_row(const KmsCachedVersion *version)
{
	char		id[37];

	if (!(last_row_valid && uuid_equal(&last_row.id, &version->id)) && !read_version(version->id.data))
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_NOT_FOUND,
					errmsg("key version \"%s\" does not exist", uuid_print(&version->id, id)));
	return &last_row;
}

KmsSubject
key_cache_subject(KmsCachedKey *key)
{
	return (KmsSubject)
	{
		.id = &key->id, .owner = key->owner, .grants = &key->grants, .memory = memory
	};
}

KmsMaterialOf
key_cache_material_of(const KmsCachedKey *key)
{
	return (KmsMaterialOf)
	{
		key->spec, key->usage, key->origin
	};
}

/* Errors leave the version without material, to be tried again. */
void
key_cache_load_material(KmsCachedVersion *version)
{
	/* Taken before there is anything to wipe, kept if an error comes in between. */
	static kc_key *slot;
	const KmsMaterialOf of = key_cache_material_of(version->key);

	if (slot == NULL)
		slot = arena_take();
	material_unwrap(key_cache_row(version), &of, slot);
	version->material = slot;
	slot = NULL;
}

void
key_cache_size(int64 *keys, int64 *bytes)
{
	*keys = key_count;
	*bytes = memory == NULL ? 0 : MemoryContextMemAllocated(memory, true) + arena_size();
}
