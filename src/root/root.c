/*
 * The root key's mapping.
 *
 * It is made once, in the postmaster, and shared by inheritance: it outlives a
 * crash restart, and no descriptor of it stays open for COPY FROM PROGRAM to
 * inherit.  One process writes (the postmaster at the start, then the keeper);
 * readers take a sequence lock, since a reload changes several keys at once.
 */
#include "root/root.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/settings.h"
#include "crypto/wrap.h"
#include "port/atomics.h"
#include "root/provider.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define MAPPING_SIZE	4096
#define WRAP_LABEL		"kms domain key wrapping"

/* More tries than a writer can need; a writer that died leaves it odd for ever. */
#define MAX_TRIES		100000

typedef struct RootMapping
{
	pg_atomic_uint64 sequence;	/* odd while being written */
	kc_root_keys keys;			/* count 0: sealed */
	bool		kept;			/* a keeper has been there */
} RootMapping;

StaticAssertDecl(sizeof(RootMapping) <= MAPPING_SIZE, "the root keys fit their mapping");

static RootMapping *mapping;
static const char *memory_kind = "none";

/* Memory that not even the kernel maps for itself, where it has that. */
static void *
map_secret(void)
{
	int			fd = (int) syscall(SYS_memfd_secret, O_CLOEXEC);
	void	   *memory = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, MAPPING_SIZE) == 0)
		memory = mmap(NULL, MAPPING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static void *
map_anonymous(void)
{
	void	   *memory = mmap(NULL, MAPPING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	memory_kind = mlock(memory, MAPPING_SIZE) == 0 ? "locked" : "unlocked";
	return memory;
}

static void
map_memory(void)
{
	mapping = map_secret();
	if (mapping != NULL)
		memory_kind = "secret";
	else
		mapping = map_anonymous();
	if (mapping == NULL)
		ereport(FATAL,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("no memory for the root key: %m"));
	(void) madvise(mapping, MAPPING_SIZE, MADV_DONTDUMP);
	pg_atomic_init_u64(&mapping->sequence, 2);
	if (strcmp(memory_kind, "unlocked") == 0)
		ereport(WARNING,
				errmsg("the memory of the root key cannot be locked and may be swapped out"),
				errhint("Raise the limit on locked memory (RLIMIT_MEMLOCK) of the server."));
}

/* Put keys in place; NULL seals. */
static void
publish(const kc_root_keys *keys)
{
	uint64		sequence = pg_atomic_read_u64(&mapping->sequence) | 1;

	pg_atomic_write_u64(&mapping->sequence, sequence);
	pg_memory_barrier();
	if (keys != NULL)
		mapping->keys = *keys;
	else
		kc_wipe(&mapping->keys, sizeof(mapping->keys));
	pg_memory_barrier();
	pg_atomic_write_u64(&mapping->sequence, sequence + 1);
}

/* The provider's keys; false with the reason, NULL where no provider is set. */
static bool
ask_provider(kc_root_keys *keys, const char **problem)
{
	char		text[KC_ROOT_TEXT_MAX + 1];
	bool		file = setting_root_key_file[0] != '\0';
	bool		command = setting_root_key_command[0] != '\0';
	int			len;
	kc_status	status;

	*problem = NULL;
	if (!file && !command)
		return false;
	if (file && command)
	{
		*problem = "kms.root_key_file and kms.root_key_command are both set";
		return false;
	}
	len = file ? provider_read_file(setting_root_key_file, text, problem)
		: provider_run_command(setting_root_key_command, text, problem);
	if (len < 0)
		return false;
	status = kc_root_keys_parse(kc_view_of(text, len), keys);
	kc_wipe(text, sizeof(text));
	if (status != KC_OK)
		*problem = "the root key must be 1 to 8 different lines of 64 hexadecimal digits";
	return status == KC_OK;
}

/* Keys that a writer left half-written are never the same. */
static bool
same_keys(const kc_root_keys *keys)
{
	return (pg_atomic_read_u64(&mapping->sequence) & 1) == 0 && mapping->keys.count == keys->count && kc_equal(&mapping->keys, keys, sizeof(*keys));
}

static void
load(bool at_start)
{
	kc_root_keys keys;
	const char *problem;
	bool		loaded = mapping->keys.count > 0;

	memset(&keys, 0, sizeof(keys));
	if (ask_provider(&keys, &problem))
	{
		if (!same_keys(&keys))
		{
			publish(&keys);
			ereport(LOG, errmsg("kms: the root key is loaded"));
		}
	}
	else if (problem == NULL)
	{
		if (loaded)
			publish(NULL);
		if (loaded || at_start)
			ereport(LOG,
					errmsg("kms: sealed, no root key"),
					errhint("Set kms.root_key_file or kms.root_key_command and reload."));
	}
	else
		ereport(WARNING,
				errmsg(loaded ? "kms: the root key stays as it was: %s" : "kms: sealed, no root key: %s", problem),
				errhint("Mend it and reload the server."));
	kc_wipe(&keys, sizeof(keys));
}

void
root_startup(void)
{
	map_memory();
	load(true);
}

void
root_reload(void)
{
	load(false);
}

void
root_keep(void)
{
	if (mapping->kept)
		load(false);
	mapping->kept = true;
}

/*
 * A consistent copy of the keys; false when sealed.  The caller wipes it.
 */
static bool
read_keys(kc_root_keys *keys)
{
	for (int i = 0; mapping != NULL && i < MAX_TRIES; i++)
	{
		uint64		before = pg_atomic_read_u64(&mapping->sequence);

		if (before & 1)
		{
			pg_spin_delay();
			continue;
		}
		pg_read_barrier();
		*keys = mapping->keys;
		pg_read_barrier();
		if (pg_atomic_read_u64(&mapping->sequence) == before)
			return keys->count > 0;
	}
	kc_wipe(keys, sizeof(*keys));
	return false;
}

RootState
root_state(void)
{
	if (mapping == NULL)
		return ROOT_NOT_PRELOADED;
	return mapping->keys.count > 0 ? ROOT_LOADED : ROOT_SEALED;
}

const char *
root_memory_kind(void)
{
	return memory_kind;
}

uint64
root_generation(void)
{
	return mapping == NULL ? 0 : pg_atomic_read_u64(&mapping->sequence);
}

static bool
wrapping_key(const uint8 root_key[KC_ROOT_KEY_LEN], kc_key *key)
{
	uint8		derived[KC_ROOT_KEY_LEN];
	kc_status	status = kc_derive(kc_view_of(root_key, KC_ROOT_KEY_LEN), WRAP_LABEL, derived, sizeof(derived));

	if (status == KC_OK)
		status = kc_key_init(key, KC_SUITE_XAES_256_GCM, kc_view_of(derived, sizeof(derived)));
	kc_wipe(derived, sizeof(derived));
	return status == KC_OK;
}

bool
root_current(kc_key *key, uint8 id[KC_ROOT_KEY_ID_LEN])
{
	kc_root_keys keys;
	bool		found = read_keys(&keys) && wrapping_key(keys.key[0], key);

	if (found)
		memcpy(id, keys.id[0], KC_ROOT_KEY_ID_LEN);
	kc_wipe(&keys, sizeof(keys));
	return found;
}

bool
root_find(const uint8 id[KC_ROOT_KEY_ID_LEN], kc_key *key)
{
	kc_root_keys keys;
	bool		found = false;

	if (read_keys(&keys))
		for (uint32 i = 0; i < keys.count && !found; i++)
			found = memcmp(keys.id[i], id, KC_ROOT_KEY_ID_LEN) == 0 && wrapping_key(keys.key[i], key);
	kc_wipe(&keys, sizeof(keys));
	return found;
}

bool
root_has(const uint8 id[KC_ROOT_KEY_ID_LEN])
{
	kc_root_keys keys;
	bool		found = false;

	if (read_keys(&keys))
		for (uint32 i = 0; i < keys.count && !found; i++)
			found = memcmp(keys.id[i], id, KC_ROOT_KEY_ID_LEN) == 0;
	kc_wipe(&keys, sizeof(keys));
	return found;
}

bool
root_current_id(uint8 id[KC_ROOT_KEY_ID_LEN])
{
	kc_root_keys keys;
	bool		found = read_keys(&keys);

	if (found)
		memcpy(id, keys.id[0], KC_ROOT_KEY_ID_LEN);
	kc_wipe(&keys, sizeof(keys));
	return found;
}
