/*
 * Rows of kms.alias.
 */
#ifndef KMS_STORE_ALIAS_H
#define KMS_STORE_ALIAS_H

#include "postgres.h"

#include "utils/uuid.h"

#define ALIAS_PREFIX		"alias/"
#define ALIAS_MAX_LEN		(6 + 255)	/* with the prefix */

/* With a fresh snapshot: the key an alias stands for; false if there is none. */
extern bool store_alias_find(const char *name, size_t len, pg_uuid_t *key_id);

/* Every alias of a key, in no order, with a fresh snapshot. */
typedef void (*StoreAliasSeen) (const char *name, void *argument);
extern void store_alias_list(const pg_uuid_t *key_id, StoreAliasSeen seen, void *argument);

/* Inside store_open: the same as store_alias_find, with the row locked. */
extern bool store_alias_lock(const char *name, pg_uuid_t *key_id);

/* Inside store_open.  insert: false if the name is taken. */
extern bool store_alias_insert(const char *name, const pg_uuid_t *key_id);
extern void store_alias_move(const char *name, const pg_uuid_t *from, const pg_uuid_t *to);
extern void store_alias_delete(const char *name, const pg_uuid_t *from);

#endif
