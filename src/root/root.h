/*
 * The root key: where it comes from and where it stays.
 *
 * A provider (file or command) hands over one or several keys when the server
 * starts and again on reload.  They are kept in memory that the postmaster maps
 * and every child inherits; nothing else holds them.
 */
#ifndef KMS_ROOT_H
#define KMS_ROOT_H

#include "postgres.h"

#include "crypto/message.h"
#include "crypto/rootkey.h"

typedef enum RootState
{
	ROOT_NOT_PRELOADED,			/* the library is not in shared_preload_libraries */
	ROOT_SEALED,				/* no root key */
	ROOT_LOADED
} RootState;

/* In the postmaster, before anybody else: map the memory, ask the provider. */
extern void root_startup(void);

/*
 * Ask the provider again, on reload.  A provider that fails leaves the keys as
 * they are, so that a reload with a mistake in it does no harm; no provider at
 * all seals.  Never raises; says in the server log what happened.
 */
extern void root_reload(void);

/*
 * A keeper begins.  The first one finds what the postmaster has just read; one
 * that takes the place of another may have missed a reload, and asks again.
 */
extern void root_keep(void);

extern RootState root_state(void);

/* Kind of the memory, for kms.status: 'secret', 'locked', 'unlocked' or 'none'. */
extern const char *root_memory_kind(void);

/*
 * Moves whenever the keys change; 0 without the mapping.  What was unwrapped
 * under another generation is out of date.
 */
extern uint64 root_generation(void);

/*
 * The wrapping key of the current root key, and of the one with this id: false
 * if there is none.  The caller wipes *key.
 */
extern bool root_current(kc_key *key, uint8 id[KC_ROOT_KEY_ID_LEN]);
extern bool root_find(const uint8 id[KC_ROOT_KEY_ID_LEN], kc_key *key);

/* Whether root_find would find it: costs no derivation. */
extern bool root_has(const uint8 id[KC_ROOT_KEY_ID_LEN]);

/* The current root key's id; false when sealed. */
extern bool root_current_id(uint8 id[KC_ROOT_KEY_ID_LEN]);

#endif
