/*
 * Rows of kms.usage_entry.
 */
#include "store/usage.h"

#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* It conflicts with itself and with nothing that reads or writes rows. */
bool
store_usage_lock(void)
{
	return ConditionalLockRelationOid(store_catalog()->usage_entry, ShareUpdateExclusiveLock);
}

bool
store_usage_save(const UsageEntry *entry, const char *operation)
{
	static StoreQuery query = {
		.sql = "INSERT INTO usage_entry AS u (key_version_id, operation, key_id, calls, failures, bytes, last_used_at,"
		"       counter, counter_calls, counter_failures, counter_bytes)"
		"     SELECT v.id, $2, v.key_id, $4, $5, $6, $7, $3, $4, $5, $6 FROM key_version v WHERE v.id = $1"
		"    ON CONFLICT (key_version_id, operation) DO UPDATE SET"
		"        calls = u.calls + $4 - CASE WHEN u.counter = $3 THEN u.counter_calls ELSE 0 END,"
		"        failures = u.failures + $5 - CASE WHEN u.counter = $3 THEN u.counter_failures ELSE 0 END,"
		"        bytes = u.bytes + $6 - CASE WHEN u.counter = $3 THEN u.counter_bytes ELSE 0 END,"
		"        last_used_at = greatest(u.last_used_at, $7),"
		"        counter = $3, counter_calls = $4, counter_failures = $5, counter_bytes = $6",
		.nargs = 7, .argtypes = {UUIDOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID}
	};
	Datum		values[] = {
		UUIDPGetDatum(&entry->key.version_id),
		CStringGetTextDatum(operation),
		Int64GetDatum(entry->counter),
		Int64GetDatum((int64) entry->numbers.calls),
		Int64GetDatum((int64) entry->numbers.failures),
		Int64GetDatum((int64) entry->numbers.bytes),
		TimestampTzGetDatum(entry->last_used_at)
	};

	return store_run(&query, values, NULL) > 0;
}

void
store_usage_erase(const pg_uuid_t *version_id)
{
	static StoreQuery query = {
		.sql = "DELETE FROM usage_entry WHERE key_version_id = $1",
		.nargs = 1, .argtypes = {UUIDOID}
	};
	Datum		values[] = {UUIDPGetDatum(version_id)};

	store_run(&query, values, NULL);
}
