/*
 * Rows of kms.secret_version and of kms.secret_version_stage.
 */
#include "store/secret_version.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "store/catalog.h"
#include "store/row.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_SECRET_ID = 1,
	COLUMN_ID,
	COLUMN_CREATED_AT,
	COLUMN_DATA_TYPE,
	COLUMN_ROLE_NAME,
	COLUMN_VALUE
};

enum
{
	STAGE_COLUMN_SECRET_ID = 1,
	STAGE_COLUMN_STAGE,
	STAGE_COLUMN_VERSION_ID,
	STAGE_COLUMN_SEAL
};

static const char *const data_types[] = {NULL, "text", "binary"};

/* Without its value, which may lie in a TOAST table. */
static bool
read_metadata(HeapTuple row, TupleDesc type, void *result)
{
	KmsSecretVersion *version = result;
	bool		is_null;
	Datum		role_name = heap_getattr(row, COLUMN_ROLE_NAME, type, &is_null);

	version->secret_id = *DatumGetUUIDP(store_column(row, COLUMN_SECRET_ID, type));
	version->id = TextDatumGetCString(store_column(row, COLUMN_ID, type));
	version->created_at = DatumGetTimestampTz(store_column(row, COLUMN_CREATED_AT, type));
	version->is_binary = row_enum(data_types, lengthof(data_types), store_column(row, COLUMN_DATA_TYPE, type)) == 2;
	version->role_name = row_text(role_name, is_null);
	version->value = NULL;
	return true;
}

static bool
read_version(HeapTuple row, TupleDesc type, void *result)
{
	KmsSecretVersion *version = result;

	(void) read_metadata(row, type, version);
	version->value = DatumGetByteaPCopy(store_column(row, COLUMN_VALUE, type));
	return true;
}

static StoreScan
scan_versions(const pg_uuid_t *secret_id, Snapshot snapshot)
{
	const StoreCatalog *catalog = store_catalog();

	return (StoreScan)
	{
		.table = catalog->secret_version, .index = catalog->secret_version_pkey, .column = COLUMN_SECRET_ID,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(secret_id), .snapshot = snapshot
	};
}

bool
store_secret_version_find(const pg_uuid_t *secret_id, const char *id, Snapshot snapshot, KmsSecretVersion *version)
{
	StoreScan	scan = scan_versions(secret_id, snapshot);

	scan.second = (StoreScanKey) {COLUMN_ID, F_TEXTEQ, C_COLLATION_OID, CStringGetTextDatum(id)};
	return store_find(&scan, read_version, version);
}

static bool
list_version(HeapTuple row, TupleDesc type, void *result)
{
	List	  **versions = result;
	KmsSecretVersion *version = palloc(sizeof(KmsSecretVersion));

	(void) read_metadata(row, type, version);
	*versions = lappend(*versions, version);
	return false;
}

List *
store_secret_version_list(const pg_uuid_t *secret_id, Snapshot snapshot)
{
	StoreScan	scan = scan_versions(secret_id, snapshot);
	List	   *versions = NIL;

	(void) store_find(&scan, list_version, &versions);
	return versions;
}

static bool
read_stage(HeapTuple row, TupleDesc type, void *result)
{
	KmsSecretStage *stage = result;
	Datum		seal[SEAL_COLUMNS];

	stage->stage = TextDatumGetCString(store_column(row, STAGE_COLUMN_STAGE, type));
	stage->version_id = TextDatumGetCString(store_column(row, STAGE_COLUMN_VERSION_ID, type));
	for (int i = 0; i < SEAL_COLUMNS; i++)
		seal[i] = store_column(row, STAGE_COLUMN_SEAL + i, type);
	seal_from_values(seal, &stage->seal);
	return true;
}

static bool
list_stage(HeapTuple row, TupleDesc type, void *result)
{
	List	  **stages = result;
	KmsSecretStage *stage = palloc(sizeof(KmsSecretStage));

	(void) read_stage(row, type, stage);
	*stages = lappend(*stages, stage);
	return false;
}

List *
store_secret_stage_list(const pg_uuid_t *secret_id, Snapshot snapshot)
{
	const StoreCatalog *catalog = store_catalog();
	StoreScan	scan = {
		.table = catalog->secret_version_stage, .index = catalog->secret_version_stage_pkey,
		.column = STAGE_COLUMN_SECRET_ID, .equality = F_UUID_EQ, .value = UUIDPGetDatum(secret_id),
		.snapshot = snapshot
	};
	List	   *stages = NIL;

	(void) store_find(&scan, list_stage, &stages);
	return stages;
}

void
store_secret_version_insert(const KmsSecretVersion *version)
{
	static StoreQuery query = {
		.sql = "INSERT INTO secret_version (secret_id, id, created_at, data_type, role_name, value)"
		"     VALUES ($1, $2, $3, $4, $5, $6)",
		.nargs = 6, .argtypes = {UUIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, BYTEAOID}
	};
	bool		no_role;
	Datum		values[6] = {
		UUIDPGetDatum(&version->secret_id),
		CStringGetTextDatum(version->id),
		TimestampTzGetDatum(version->created_at),
		CStringGetTextDatum(data_types[version->is_binary ? 2 : 1]),
		row_text_datum(version->role_name, &no_role),
		PointerGetDatum(version->value)
	};

	store_run(&query, values, no_role ? "    n " : NULL);
}

void
store_secret_version_delete(const pg_uuid_t *secret_id, const char *id)
{
	static StoreQuery query = {
		.sql = "DELETE FROM secret_version WHERE secret_id = $1 AND id = $2",
		.nargs = 2, .argtypes = {UUIDOID, TEXTOID}
	};
	Datum		values[] = {UUIDPGetDatum(secret_id), CStringGetTextDatum(id)};

	store_run(&query, values, NULL);
}

void
store_secret_stage_put(const pg_uuid_t *secret_id, const KmsSecretStage *stage)
{
	static StoreQuery query = {
		.sql = "INSERT INTO secret_version_stage (secret_id, stage, version_id, account_id, domain_key_version, mac)"
		"     VALUES ($1, $2, $3, $4, $5, $6)"
		"    ON CONFLICT (secret_id, stage) DO UPDATE"
		"        SET version_id = $3, account_id = $4, domain_key_version = $5, mac = $6",
		.nargs = 6, .argtypes = {UUIDOID, TEXTOID, TEXTOID, INT8OID, INT4OID, BYTEAOID}
	};
	Datum		values[6] = {
		UUIDPGetDatum(secret_id), CStringGetTextDatum(stage->stage), CStringGetTextDatum(stage->version_id)
	};

	seal_to_values(&stage->seal, values + 3);
	store_run(&query, values, NULL);
}

void
store_secret_stage_delete(const pg_uuid_t *secret_id, const char *stage)
{
	static StoreQuery query = {
		.sql = "DELETE FROM secret_version_stage WHERE secret_id = $1 AND stage = $2",
		.nargs = 2, .argtypes = {UUIDOID, TEXTOID}
	};
	Datum		values[] = {UUIDPGetDatum(secret_id), CStringGetTextDatum(stage)};

	store_run(&query, values, NULL);
}

void
store_secret_version_each(StoreSee see, void *argument)
{
	KmsSecretVersion row;

	store_each(store_catalog()->secret_version, read_version, &row, see, argument);
}

static bool
read_stored_stage(HeapTuple row, TupleDesc type, void *result)
{
	StoredStage *stored = result;

	stored->secret_id = *DatumGetUUIDP(store_column(row, STAGE_COLUMN_SECRET_ID, type));
	return read_stage(row, type, &stored->stage);
}

void
store_secret_stage_each(StoreSee see, void *argument)
{
	StoredStage row;

	store_each(store_catalog()->secret_version_stage, read_stored_stage, &row, see, argument);
}

static void
fill_stage(const void *row, Datum *values, bool *replaces)
{
	const StoredStage *stage = row;

	seal_fill(&stage->stage.seal, STAGE_COLUMN_SEAL - 1, values, replaces);
}

int64
store_secret_stage_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	StoredStage row;
	const StoreRewriting what = {store_catalog()->secret_version_stage, read_stored_stage, &row, rewrite, fill_stage, argument};

	return store_rewrite(&what, max, more);
}
