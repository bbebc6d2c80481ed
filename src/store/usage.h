/*
 * Rows of kms.usage_entry.  All of it inside store_open.
 */
#ifndef KMS_STORE_USAGE_H
#define KMS_STORE_USAGE_H

#include "postgres.h"

#include "base/usage_table.h"

/* Be the only one who stores numbers, to the end of the transaction; false if somebody else is. */
extern bool store_usage_lock(void);

/* Add what the counter shows more than at the last time; false if there is no such key version. */
extern bool store_usage_save(const UsageEntry *entry, const char *operation);

extern void store_usage_erase(const pg_uuid_t *version_id);

#endif
