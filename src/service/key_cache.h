/*
 * The session's cache of keys: what the hot functions find without touching a
 * table.
 *
 *	key_cache_begin();				take what others have committed
 *	... key_cache_find(), key_cache_version(), key_cache_primary() ...
 *	if (key_cache_moved())			something changed while rows were read:
 *		start over
 *
 * Between begin and the next begin no entry that was returned goes away.
 */
#ifndef KMS_KEY_CACHE_H
#define KMS_KEY_CACHE_H

#include "postgres.h"

#include "crypto/blob.h"
#include "crypto/mac.h"
#include "crypto/pair.h"
#include "service/access.h"
#include "service/material.h"
#include "service/reference.h"
#include "store/key.h"

typedef struct KmsCachedVersion KmsCachedVersion;
typedef struct KmsCachedAlias KmsCachedAlias;
typedef struct KmsCachedKey KmsCachedKey;
typedef struct KmsUsage KmsUsage;

struct KmsCachedKey
{
	pg_uuid_t	id;
	pg_uuid_t	primary_id;
	KmsCachedVersion *primary;	/* NULL: not looked up */
	KmsCachedVersion *versions; /* all that are cached */
	KmsCachedAlias *aliases;
	KmsCachedKey *next_same_number;
	KmsGrants  *grants;			/* NULL: not needed so far */
	TimestampTz material_expires_at;
	TimestampTz delete_at;
	uint64		rights_count;	/* of role changes when rights was noted */
	Oid			rights_role;
	uint32		rights;			/* what the role was allowed: RIGHT_TO of an action */
	KmsOwner	owner;
	uint32		number;			/* of its invalidations */
	uint32		call;			/* when it was last used, in calls */
	int32		place;			/* in the list that eviction goes round */
	uint8		state;			/* KmsKeyState and so on */
	uint8		spec;
	uint8		usage;
	uint8		origin;
	uint8		kind;			/* KmsKeyKind, or 0 if spec and usage do not fit */
	bool		has_primary;
	bool		plain;			/* enabled, and no date changes that */
};

struct KmsCachedVersion
{
	pg_uuid_t	id;
	KmsCachedKey *key;
	KmsCachedVersion *next;		/* of the same key */
	kc_key	   *material;		/* of a cipher, in the arena; NULL: not unwrapped */
	union						/* OpenSSL's, by the kind of key; NULL: none */
	{
		kc_schedule *schedule;	/* its own, if it is hot */
		kc_pair    *pair;
		kc_mac	   *mac;
	};
	KmsUsage   *usage;			/* uses noted and not counted yet (service/usage.h) */
	int16		place;			/* among the owners of such objects */
	uint16		uses;			/* of the shared schedule; or since the hand came by */
};

/* Moves whenever an entry goes away: pointers noted under another one are stale. */
extern uint64 key_cache_epoch;

extern void key_cache_begin(void);

/* Whether something has been invalidated since the last begin. */
extern bool key_cache_invalidated;

static inline bool
key_cache_moved(void)
{
	return key_cache_invalidated;
}

/* By reference; raises if there is no such key or alias.  argument: its name in errors. */
extern KmsCachedKey *key_cache_find(const char *argument, const char *text, size_t len);

/* By version id; NULL if there is no such version. */
extern KmsCachedVersion *key_cache_version(const uint8 id[KC_VERSION_ID_LEN]);

/* The version that encrypts. */
extern KmsCachedVersion *key_cache_load_primary(KmsCachedKey *key);

static inline KmsCachedVersion *
key_cache_primary(KmsCachedKey *key)
{
	return likely(key->primary != NULL) ? key->primary : key_cache_load_primary(key);
}

/* Its row; raises if it is gone.  Good until the next call of the cache. */
extern const KmsKeyVersion *key_cache_row(const KmsCachedVersion *version);

/* For access_decide; the grants are kept with the key. */
extern KmsSubject key_cache_subject(KmsCachedKey *key);

extern KmsMaterialOf key_cache_material_of(const KmsCachedKey *key);

/* The material of a cipher, unwrapped at the first use. */
extern void key_cache_load_material(KmsCachedVersion *version);

static inline const kc_key *
key_cache_material(KmsCachedVersion *version)
{
	if (unlikely(version->material == NULL))
		key_cache_load_material(version);
	return version->material;
}

/* A schedule set for this version, good until the next call of this function. */
extern kc_schedule *schedule_for(KmsCachedVersion *version);

static inline kc_schedule *
key_cache_schedule(KmsCachedVersion *version)
{
	return likely(version->schedule != NULL) ? version->schedule : schedule_for(version);
}

/* Note that a key was used in this call: it is not evicted now. */
extern uint32 key_cache_call;

static inline void
key_cache_touch(KmsCachedKey *key)
{
	key->call = key_cache_call;
}

extern void key_cache_size(int64 *keys, int64 *bytes);

#endif
