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
#define COLUMN_CREATED	3
#define COLUMN_SEAL		4

static bool
read_alias(HeapTuple row, TupleDesc type, void *result)
{
	KmsAlias   *alias = result;
	Datum		seal[SEAL_COLUMNS];

	alias->name = TextDatumGetCString(store_column(row, COLUMN_NAME, type));
	alias->key_id = *DatumGetUUIDP(store_column(row, COLUMN_KEY_ID, type));
	alias->created_at = DatumGetTimestampTz(store_column(row, COLUMN_CREATED, type));
	for (int i = 0; i < SEAL_COLUMNS; i++)
		seal[i] = store_column(row, COLUMN_SEAL + i, type);
	seal_from_values(seal, &alias->seal);
	return true;
}

bool
store_alias_find(const char *name, size_t len, KmsAlias *alias)
{
	const StoreCatalog *catalog = store_catalog();
	text	   *value = cstring_to_text_with_len(name, len);
	StoreScan	scan = {
		.table = catalog->alias, .index = catalog->alias_pkey, .column = 1,
		.equality = F_TEXTEQ, .collation = C_COLLATION_OID, .value = PointerGetDatum(value)
	};
	bool		found = store_find(&scan, read_alias, alias);

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

void
store_alias_lock_table(void)
{
	static StoreQuery query = {
		.sql = "LOCK TABLE alias IN SHARE UPDATE EXCLUSIVE MODE"
	};

	store_run(&query, NULL, NULL);
}

bool
store_alias_lock(const char *name, KmsAlias *alias)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM alias WHERE name = $1 FOR UPDATE",
		.nargs = 1, .argtypes = {TEXTOID}
	};
	Datum		values[] = {CStringGetTextDatum(name)};

	if (store_run(&query, values, NULL) == 0)
		return false;
	store_read_row(0, read_alias, alias);
	return true;
}

/* Nobody can have a new alias cached: nothing is sent. */
bool
store_alias_insert(const KmsAlias *alias)
{
	static StoreQuery query = {
		.sql = "INSERT INTO alias (name, key_id, created_at, account_id, domain_key_version, mac)"
		"     VALUES ($1, $2, $3, $4, $5, $6)"
		"    ON CONFLICT (name) DO NOTHING",
		.nargs = 6, .argtypes = {TEXTOID, UUIDOID, TIMESTAMPTZOID, INT8OID, INT4OID, BYTEAOID}
	};
	Datum		values[6] = {
		CStringGetTextDatum(alias->name),
		UUIDPGetDatum(&alias->key_id),
		TimestampTzGetDatum(alias->created_at)
	};

	seal_to_values(&alias->seal, values + 3);
	invalidation_on_abort();
	return store_run(&query, values, NULL) == 1;
}

void
store_alias_move(const KmsAlias *alias, const pg_uuid_t *from)
{
	static StoreQuery query = {
		.sql = "UPDATE alias SET key_id = $2, account_id = $3, domain_key_version = $4, mac = $5 WHERE name = $1",
		.nargs = 5, .argtypes = {TEXTOID, UUIDOID, INT8OID, INT4OID, BYTEAOID}
	};
	Datum		values[5] = {CStringGetTextDatum(alias->name), UUIDPGetDatum(&alias->key_id)};

	seal_to_values(&alias->seal, values + 2);
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

void
store_alias_each(StoreSee see, void *argument)
{
	KmsAlias row;

	store_each(store_catalog()->alias, read_alias, &row, see, argument);
}

static void
fill_alias(const void *row, Datum *values, bool *replaces)
{
	const KmsAlias *alias = row;

	seal_fill(&alias->seal, COLUMN_SEAL - 1, values, replaces);
}

int64
store_alias_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsAlias    row;
	const StoreRewriting what = {store_catalog()->alias, read_alias, &row, rewrite, fill_alias, argument};

	return store_rewrite(&what, max, more);
}
