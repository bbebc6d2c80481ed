/*
 * Aliases.  Rights are asked of the key that an alias stands for.
 */
#ifndef KMS_SERVICE_ALIAS_H
#define KMS_SERVICE_ALIAS_H

#include "postgres.h"

extern void alias_create(Oid caller, const char *key_reference, const char *name);

/* Needs the right on the old key and on the new one. */
extern void alias_update(Oid caller, const char *key_reference, const char *name);

extern void alias_delete(Oid caller, const char *name);

#endif
