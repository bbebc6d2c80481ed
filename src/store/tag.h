/*
 * Rows of kms.tag.
 */
#ifndef KMS_STORE_TAG_H
#define KMS_STORE_TAG_H

#include "postgres.h"

#include "store/store.h"

#include "nodes/pg_list.h"
#include "utils/uuid.h"

typedef struct KmsTag
{
	const char *key;
	const char *value;
} KmsTag;

/* The tags of a resource in the order of their keys, with a fresh snapshot; a list of KmsTag. */
extern List *store_tag_list(const pg_uuid_t *resource);

/* Inside store_open, with the resource locked or new. */
extern void store_tag_put(const pg_uuid_t *resource, const char *resource_type, const KmsTag *tag);
extern void store_tag_delete(const pg_uuid_t *resource, const char *key);

/* Every row: see is given a StoredTag, or NULL (store_each). */
typedef struct StoredTag
{
	pg_uuid_t	resource;
	const char *resource_type;
	KmsTag		tag;
} StoredTag;

extern void store_tag_each(StoreSee see, void *argument);

#endif
