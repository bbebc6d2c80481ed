/*
 * Aliases.  Rights are asked of the key that an alias stands for.
 */
#ifndef KMS_SERVICE_ALIAS_H
#define KMS_SERVICE_ALIAS_H

#include "postgres.h"

#include "store/alias.h"

extern void alias_create(Oid caller, const char *key_reference, const char *name);

/* Needs the right on the old key and on the new one. */
extern void alias_update(Oid caller, const char *key_reference, const char *name);

extern void alias_delete(Oid caller, const char *name);

/* Every alias of the key, in no order; *key_id receives its id. */
extern void alias_list(Oid caller, const char *key_reference, pg_uuid_t *key_id,
					   StoreAliasSeen seen, void *argument);

#endif
