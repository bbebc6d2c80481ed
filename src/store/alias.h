/*
 * Rows of kms.alias.
 */
#ifndef KMS_STORE_ALIAS_H
#define KMS_STORE_ALIAS_H

#include "postgres.h"

#include "store/store.h"

#include "datatype/timestamp.h"
#include "store/seal.h"
#include "utils/uuid.h"

#define ALIAS_PREFIX		"alias/"
#define ALIAS_MAX_LEN		(6 + 255)	/* with the prefix */

typedef struct KmsAlias
{
	const char *name;
	pg_uuid_t	key_id;
	TimestampTz created_at;
	KmsSeal		seal;			/* over all of the above */
} KmsAlias;

/* With a fresh snapshot; false if there is none. */
extern bool store_alias_find(const char *name, size_t len, KmsAlias *alias);

/* Every alias of a key, in no order, with a fresh snapshot. */
typedef void (*StoreAliasSeen) (const char *name, void *argument);
extern void store_alias_list(const pg_uuid_t *key_id, StoreAliasSeen seen, void *argument);

/* Inside store_open: keep others who do the same waiting, and nobody else. */
extern void store_alias_lock_table(void);

/* Inside store_open: the same as store_alias_find, with the row locked. */
extern bool store_alias_lock(const char *name, KmsAlias *alias);

/* Inside store_open.  insert: false if the name is taken. */
extern bool store_alias_insert(const KmsAlias *alias);
extern void store_alias_move(const KmsAlias *alias, const pg_uuid_t *from);
extern void store_alias_delete(const char *name, const pg_uuid_t *from);

/* Every row: see is given a KmsAlias, or NULL (store_each). */
extern void store_alias_each(StoreSee see, void *argument);

/* Inside store_open_alone: with other seals, of at most max rows (store_rewrite). */
extern int64 store_alias_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
