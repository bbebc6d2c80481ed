/*
 * Rows of kms.key_version.
 */
#include "store/key_version.h"

#include "access/htup_details.h"
#include "base/bytes.h"
#include "base/error.h"
#include "catalog/pg_type.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_ID,
	COLUMN_KEY_ID,
	COLUMN_CREATED_AT,
	COLUMN_ACCOUNT_ID,
	COLUMN_DOMAIN_KEY_VERSION,
	COLUMN_WRAPPED,
	COLUMN_DIGEST,
	COLUMN_COUNT
};

/* Of another length: it was not ours, and will not compare. */
static void
read_digest(Datum value, uint8 digest[KEY_VERSION_DIGEST_LEN])
{
	bytea	   *bytes = DatumGetByteaPP(value);

	memset(digest, 0, KEY_VERSION_DIGEST_LEN);
	if (VARSIZE_ANY_EXHDR(bytes) == KEY_VERSION_DIGEST_LEN)
		memcpy(digest, VARDATA_ANY(bytes), KEY_VERSION_DIGEST_LEN);
}

static bool
read_version(HeapTuple row, TupleDesc type, void *result)
{
	KmsKeyVersion *version = result;
	Datum		values[COLUMN_COUNT];
	bytea	   *wrapped;
	bool		no_digest;

	for (int i = 0; i < COLUMN_DIGEST; i++)
		values[i] = store_column(row, i + 1, type);
	values[COLUMN_DIGEST] = heap_getattr(row, COLUMN_DIGEST + 1, type, &no_digest);

	version->id = *DatumGetUUIDP(values[COLUMN_ID]);
	version->key_id = *DatumGetUUIDP(values[COLUMN_KEY_ID]);
	version->created_at = DatumGetTimestampTz(values[COLUMN_CREATED_AT]);
	version->account_id = DatumGetInt64(values[COLUMN_ACCOUNT_ID]);
	version->domain_key_version = DatumGetInt32(values[COLUMN_DOMAIN_KEY_VERSION]);
	wrapped = DatumGetByteaPP(values[COLUMN_WRAPPED]);
	version->wrapped_len = VARSIZE_ANY_EXHDR(wrapped);
	if (version->wrapped_len > sizeof(version->wrapped))
		version->wrapped_len = 0;	/* not ours: it will not open */
	memcpy(version->wrapped, VARDATA_ANY(wrapped), version->wrapped_len);
	version->has_digest = !no_digest;
	if (version->has_digest)
		read_digest(values[COLUMN_DIGEST], version->digest);
	return true;
}

bool
store_key_version_find(const pg_uuid_t *id, KmsKeyVersion *version)
{
	const StoreCatalog *catalog = store_catalog();
	StoreScan	scan = {
		.table = catalog->key_version, .index = catalog->key_version_pkey, .column = 1,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(id)
	};

	return store_find(&scan, read_version, version);
}

typedef struct Listing
{
	StoreVersionSeen seen;
	void	   *argument;
} Listing;

static bool
list_version(HeapTuple row, TupleDesc type, void *result)
{
	Listing    *listing = result;
	KmsKeyVersion version;

	read_version(row, type, &version);
	listing->seen(&version, listing->argument);
	return false;
}

void
store_key_version_list(const pg_uuid_t *key_id, StoreVersionSeen seen, void *argument)
{
	const StoreCatalog *catalog = store_catalog();
	Listing		listing = {seen, argument};
	StoreScan	scan = {
		.table = catalog->key_version, .index = catalog->key_version_key_id, .column = 2,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(key_id)
	};

	(void) store_find(&scan, list_version, &listing);
}

void
store_key_version_set_material(const KmsKeyVersion *version)
{
	static StoreQuery query = {
		.sql = "UPDATE key_version SET account_id = $2, domain_key_version = $3, wrapped = $4, digest = $5"
		" WHERE id = $1",
		.nargs = 5, .argtypes = {UUIDOID, INT8OID, INT4OID, BYTEAOID, BYTEAOID}
	};
	Datum		values[] = {
		UUIDPGetDatum(&version->id),
		Int64GetDatum(version->account_id),
		Int32GetDatum(version->domain_key_version),
		PointerGetDatum(bytes_of(version->wrapped, version->wrapped_len)),
		PointerGetDatum(bytes_of(version->digest, KEY_VERSION_DIGEST_LEN))
	};

	store_run(&query, values, NULL);
}

void
store_key_version_insert(const KmsKeyVersion *version)
{
	bytea	   *wrapped = bytes_of(version->wrapped, version->wrapped_len);
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT] = {false};

	values[COLUMN_ID] = UUIDPGetDatum(&version->id);
	values[COLUMN_KEY_ID] = UUIDPGetDatum(&version->key_id);
	values[COLUMN_CREATED_AT] = TimestampTzGetDatum(version->created_at);
	values[COLUMN_ACCOUNT_ID] = Int64GetDatum(version->account_id);
	values[COLUMN_DOMAIN_KEY_VERSION] = Int32GetDatum(version->domain_key_version);
	values[COLUMN_WRAPPED] = PointerGetDatum(wrapped);
	nulls[COLUMN_DIGEST] = !version->has_digest;
	values[COLUMN_DIGEST] = PointerGetDatum(bytes_of(version->digest, KEY_VERSION_DIGEST_LEN));
	store_insert(store_catalog()->key_version, COLUMN_COUNT, values, nulls);
}

void
store_key_version_erase_material(const pg_uuid_t *key_id)
{
	static StoreQuery query = {
		.sql = "UPDATE key_version SET wrapped = '' WHERE key_id = $1",
		.nargs = 1, .argtypes = {UUIDOID}
	};
	Datum		values[] = {UUIDPGetDatum(key_id)};

	store_run(&query, values, NULL);
}

void
store_key_version_each(StoreSee see, void *argument)
{
	KmsKeyVersion row;

	store_each(store_catalog()->key_version, read_version, &row, see, argument);
}

static void
fill_version(const void *row, Datum *values, bool *replaces)
{
	const KmsKeyVersion *version = row;

	values[COLUMN_ACCOUNT_ID] = Int64GetDatum(version->account_id);
	values[COLUMN_DOMAIN_KEY_VERSION] = Int32GetDatum(version->domain_key_version);
	values[COLUMN_WRAPPED] = PointerGetDatum(bytes_of(version->wrapped, version->wrapped_len));
	memset(replaces + COLUMN_ACCOUNT_ID, true, 3);
	if (!version->has_digest)
		return;
	values[COLUMN_DIGEST] = PointerGetDatum(bytes_of(version->digest, KEY_VERSION_DIGEST_LEN));
	replaces[COLUMN_DIGEST] = true;
}

int64
store_key_version_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsKeyVersion row;
	const StoreRewriting what = {store_catalog()->key_version, read_version, &row, rewrite, fill_version, argument};

	return store_rewrite(&what, max, more);
}
