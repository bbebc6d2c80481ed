/*
 * Rows of kms.tag.
 */
#include "store/tag.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "store/catalog.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_RESOURCE = 1,
	COLUMN_KEY,
	COLUMN_VALUE,
	COLUMN_RESOURCE_TYPE
};

static bool
list_tag(HeapTuple row, TupleDesc type, void *result)
{
	List	  **tags = result;
	KmsTag	   *tag = palloc(sizeof(KmsTag));

	tag->key = TextDatumGetCString(store_column(row, COLUMN_KEY, type));
	tag->value = TextDatumGetCString(store_column(row, COLUMN_VALUE, type));
	*tags = lappend(*tags, tag);
	return false;
}

List *
store_tag_list(const pg_uuid_t *resource)
{
	const StoreCatalog *catalog = store_catalog();
	StoreScan	scan = {
		.table = catalog->tag, .index = catalog->tag_pkey, .column = COLUMN_RESOURCE,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(resource)
	};
	List	   *tags = NIL;

	(void) store_find(&scan, list_tag, &tags);
	return tags;
}

void
store_tag_put(const pg_uuid_t *resource, const char *resource_type, const KmsTag *tag)
{
	static StoreQuery query = {
		.sql = "INSERT INTO tag (resource, tag_key, tag_value, resource_type) VALUES ($1, $2, $3, $4)"
		"    ON CONFLICT (resource, tag_key) DO UPDATE SET tag_value = $3",
		.nargs = 4, .argtypes = {UUIDOID, TEXTOID, TEXTOID, TEXTOID}
	};
	Datum		values[] = {
		UUIDPGetDatum(resource), CStringGetTextDatum(tag->key), CStringGetTextDatum(tag->value),
		CStringGetTextDatum(resource_type)
	};

	store_run(&query, values, NULL);
}

void
store_tag_delete(const pg_uuid_t *resource, const char *key)
{
	static StoreQuery query = {
		.sql = "DELETE FROM tag WHERE resource = $1 AND tag_key = $2",
		.nargs = 2, .argtypes = {UUIDOID, TEXTOID}
	};
	Datum		values[] = {UUIDPGetDatum(resource), CStringGetTextDatum(key)};

	store_run(&query, values, NULL);
}

static bool
read_tag(HeapTuple row, TupleDesc type, void *result)
{
	StoredTag  *stored = result;

	stored->resource = *DatumGetUUIDP(store_column(row, COLUMN_RESOURCE, type));
	stored->resource_type = TextDatumGetCString(store_column(row, COLUMN_RESOURCE_TYPE, type));
	stored->tag.key = TextDatumGetCString(store_column(row, COLUMN_KEY, type));
	stored->tag.value = TextDatumGetCString(store_column(row, COLUMN_VALUE, type));
	return true;
}

void
store_tag_each(StoreSee see, void *argument)
{
	StoredTag	row;

	store_each(store_catalog()->tag, read_tag, &row, see, argument);
}
