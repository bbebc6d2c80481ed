/*
 * Rows of kms.alias.  An alias is cached with the key it stands for; a change
 * is therefore told in the name of that key.
 */
#include "store/alias.h"

#include "access/htup_details.h"
#include "base/invalidation.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#define COLUMN_NAME		1
#define COLUMN_KEY_ID	2

static bool
read_key_id(HeapTuple row, TupleDesc type, void *result)
{
	*(pg_uuid_t *) result = *DatumGetUUIDP(store_column(row, COLUMN_KEY_ID, type));
	return true;
}

bool
store_alias_find(const char *name, size_t len, pg_uuid_t *key_id)
{
	const StoreCatalog *catalog = store_catalog();
	text	   *value = cstring_to_text_with_len(name, len);
	StoreScan	scan = {
		.table = catalog->alias, .index = catalog->alias_pkey, .column = 1,
		.equality = F_TEXTEQ, .collation = C_COLLATION_OID, .value = PointerGetDatum(value)
	};
	bool		found = store_find(&scan, read_key_id, key_id);

	pfree(value);
	return found;
}

typedef struct Listing
{
	StoreAliasSeen seen;
	void	   *argument;
} Listing;

static bool
list_alias(HeapTuple row, TupleDesc type, void *result)
{
	Listing    *listing = result;

	listing->seen(TextDatumGetCString(store_column(row, COLUMN_NAME, type)), listing->argument);
	return false;
}

void
store_alias_list(const pg_uuid_t *key_id, StoreAliasSeen seen, void *argument)
{
	const StoreCatalog *catalog = store_catalog();
	Listing		listing = {seen, argument};
	StoreScan	scan = {
		.table = catalog->alias, .index = catalog->alias_key_id, .column = COLUMN_KEY_ID,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(key_id)
	};

	(void) store_find(&scan, list_alias, &listing);
}

bool
store_alias_lock(const char *name, pg_uuid_t *key_id)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM alias WHERE name = $1 FOR UPDATE",
		.nargs = 1, .argtypes = {TEXTOID}
	};
	Datum		values[] = {CStringGetTextDatum(name)};

	if (store_run(&query, values, NULL) == 0)
		return false;
	store_read_row(0, read_key_id, key_id);
	return true;
}

/* Nobody can have a new alias cached: nothing is sent. */
bool
store_alias_insert(const char *name, const pg_uuid_t *key_id)
{
	static StoreQuery query = {
		.sql = "INSERT INTO alias (name, key_id, created_at) VALUES ($1, $2, $3)"
		"    ON CONFLICT (name) DO NOTHING",
		.nargs = 3, .argtypes = {TEXTOID, UUIDOID, TIMESTAMPTZOID}
	};
	Datum		values[] = {
		CStringGetTextDatum(name),
		UUIDPGetDatum(key_id),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	invalidation_on_abort();
	return store_run(&query, values, NULL) == 1;
}

void
store_alias_move(const char *name, const pg_uuid_t *from, const pg_uuid_t *to)
{
	static StoreQuery query = {
		.sql = "UPDATE alias SET key_id = $2 WHERE name = $1",
		.nargs = 2, .argtypes = {TEXTOID, UUIDOID}
	};
	Datum		values[] = {CStringGetTextDatum(name), UUIDPGetDatum(to)};

	store_run(&query, values, NULL);
	invalidation_send(from);
}

void
store_alias_delete(const char *name, const pg_uuid_t *from)
{
	static StoreQuery query = {
		.sql = "DELETE FROM alias WHERE name = $1",
		.nargs = 1, .argtypes = {TEXTOID}
	};
	Datum		values[] = {CStringGetTextDatum(name)};

	store_run(&query, values, NULL);
	invalidation_send(from);
}
