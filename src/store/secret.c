/*
 * Rows of kms.secret, and of kms.secret_role.
 */
#include "store/secret.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/error.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "store/catalog.h"
#include "store/row.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#define NOTIFY_CHANNEL "kms_secret"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_OWNER,
	COLUMN_OWNER_NAME,
	COLUMN_CREATED_AT,
	COLUMN_UPDATED_AT,
	COLUMN_TYPE,
	COLUMN_SUB_TYPE,
	COLUMN_DESCRIPTION,
	COLUMN_KEY_ID,
	COLUMN_KEY_IS_CHOSEN,
	COLUMN_EXTENDED_CONFIG,
	COLUMN_AUTOMATIC_ROTATION,
	COLUMN_ROTATION_SECONDS,
	COLUMN_ROTATED_AT,
	COLUMN_NEXT_ROTATION_AT,
	COLUMN_DELETE_AT,
	COLUMN_HOUR_BEGAN_AT,
	COLUMN_HOUR_ROTATIONS,
	COLUMN_DUE_AT,
	COLUMN_SEAL,
	COLUMN_COUNT = COLUMN_SEAL + SEAL_COLUMNS
};

static const char *const types[] = {NULL, "Generic", "Rds"};
static const char *const sub_types[] = {NULL, "SingleUser", "DoubleUsers"};
static const char *const rotations[] = {NULL, "Disabled", "Enabled", "Invalid"};

static const bool may_be_null[COLUMN_COUNT] = {
	[COLUMN_SUB_TYPE] = true,
	[COLUMN_EXTENDED_CONFIG] = true,
	[COLUMN_ROTATION_SECONDS] = true,
	[COLUMN_ROTATED_AT] = true,
	[COLUMN_NEXT_ROTATION_AT] = true,
	[COLUMN_DELETE_AT] = true,
	[COLUMN_HOUR_BEGAN_AT] = true,
	[COLUMN_DUE_AT] = true
};

const char *
secret_type_name(KmsSecretType type)
{
	return types[type];
}

const char *
secret_sub_type_name(KmsSecretSubType sub_type)
{
	return sub_types[sub_type];
}

const char *
secret_rotation_name(KmsSecretRotation rotation)
{
	return rotations[rotation];
}

KmsSecretType
secret_type_of(const char *name)
{
	return row_number_of(types, lengthof(types), name, strlen(name));
}

KmsSecretSubType
secret_sub_type_of(const char *name, size_t len)
{
	return row_number_of(sub_types, lengthof(sub_types), name, len);
}

static bool
read_secret(HeapTuple row, TupleDesc type, void *result)
{
	KmsSecret  *secret = result;
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT];

	if (type->natts != COLUMN_COUNT)
		err_stored();
	heap_deform_tuple(row, type, values, nulls);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (nulls[i] && !may_be_null[i])
			err_stored();

	secret->id = *DatumGetUUIDP(values[COLUMN_ID]);
	secret->name = TextDatumGetCString(values[COLUMN_NAME]);
	secret->stored_owner.oid = DatumGetObjectId(values[COLUMN_OWNER]);
	secret->stored_owner.name = TextDatumGetCString(values[COLUMN_OWNER_NAME]);
	secret->owner = store_role_now(&secret->stored_owner);
	secret->created_at = DatumGetTimestampTz(values[COLUMN_CREATED_AT]);
	secret->updated_at = DatumGetTimestampTz(values[COLUMN_UPDATED_AT]);
	secret->type = row_enum(types, lengthof(types), values[COLUMN_TYPE]);
	secret->sub_type = nulls[COLUMN_SUB_TYPE] ? 0 : row_enum(sub_types, lengthof(sub_types), values[COLUMN_SUB_TYPE]);
	secret->description = TextDatumGetCString(values[COLUMN_DESCRIPTION]);
	secret->key_id = *DatumGetUUIDP(values[COLUMN_KEY_ID]);
	secret->key_is_chosen = DatumGetBool(values[COLUMN_KEY_IS_CHOSEN]);
	secret->extended_config = row_text(values[COLUMN_EXTENDED_CONFIG], nulls[COLUMN_EXTENDED_CONFIG]);
	secret->rotation = row_enum(rotations, lengthof(rotations), values[COLUMN_AUTOMATIC_ROTATION]);
	secret->rotation_seconds = row_seconds(values[COLUMN_ROTATION_SECONDS], nulls[COLUMN_ROTATION_SECONDS]);
	secret->rotated_at = row_time(values[COLUMN_ROTATED_AT], nulls[COLUMN_ROTATED_AT]);
	secret->next_rotation_at = row_time(values[COLUMN_NEXT_ROTATION_AT], nulls[COLUMN_NEXT_ROTATION_AT]);
	secret->delete_at = row_time(values[COLUMN_DELETE_AT], nulls[COLUMN_DELETE_AT]);
	secret->hour_began_at = row_time(values[COLUMN_HOUR_BEGAN_AT], nulls[COLUMN_HOUR_BEGAN_AT]);
	secret->hour_rotations = DatumGetInt32(values[COLUMN_HOUR_ROTATIONS]);
	seal_from_values(values + COLUMN_SEAL, &secret->seal);
	return true;
}

void
store_secret_of_composite(HeapTupleHeader row, KmsSecret *secret)
{
	TupleDesc	type = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	(void) read_secret(&tuple, type, secret);
	ReleaseTupleDesc(type);
}

bool
store_secret_find(const char *name, Snapshot snapshot, KmsSecret *secret)
{
	const StoreCatalog *catalog = store_catalog();
	StoreScan	scan = {
		.table = catalog->secret, .index = catalog->secret_name_key, .column = COLUMN_NAME + 1,
		.equality = F_TEXTEQ, .collation = C_COLLATION_OID, .value = CStringGetTextDatum(name),
		.snapshot = snapshot
	};

	return store_find(&scan, read_secret, secret);
}

static StoreScan
scan_for(const pg_uuid_t *id)
{
	const StoreCatalog *catalog = store_catalog();

	return (StoreScan)
	{
		.table = catalog->secret, .index = catalog->secret_pkey, .column = COLUMN_ID + 1,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(id)
	};
}

bool
store_secret_find_id(const pg_uuid_t *id, KmsSecret *secret)
{
	StoreScan	scan = scan_for(id);

	return store_find(&scan, read_secret, secret);
}

bool
store_secret_find_id_carefully(const pg_uuid_t *id, KmsSecret *secret, bool *understood)
{
	StoreScan	scan = scan_for(id);

	return store_find_carefully(&scan, read_secret, secret, understood);
}

bool
store_secret_lock(const pg_uuid_t *id, KmsSecret *secret)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM secret WHERE id = $1 FOR NO KEY UPDATE",
		.nargs = 1, .argtypes = {UUIDOID}
	};
	StoreScan	by_id = scan_for(id);

	return store_lock_row(&query, id, &by_id, read_secret, secret);
}

bool
store_secret_lock_free(const pg_uuid_t *id, KmsSecret *secret)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM secret WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED",
		.nargs = 1, .argtypes = {UUIDOID}
	};

	return store_lock_row(&query, id, NULL, read_secret, secret);
}

int
store_secret_owned(const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max)
{
	static StoreQuery query = {
		.sql = "SELECT id FROM secret WHERE owner = $1 AND owner_name = $2 AND id > $3 ORDER BY id LIMIT $4",
		.nargs = 4, .argtypes = {OIDOID, TEXTOID, UUIDOID, INT4OID}
	};

	return store_owned(&query, owner, after, ids, max);
}

/* From what a statement takes as values: what SPI takes as nulls. */
static void
mark_nulls(int count, const bool *is_null, char *nulls)
{
	for (int i = 0; i < count; i++)
		nulls[i] = is_null[i] ? 'n' : ' ';
}

#define INSERTED_COLUMNS (COLUMN_COUNT - 1)		/* due_at is generated */

bool
store_secret_insert(const KmsSecret *secret)
{
	static StoreQuery query = {
		.sql = "INSERT INTO secret (id, name, owner, owner_name, created_at, updated_at, type, sub_type, description, key_id,"
		"       key_is_chosen, extended_config, automatic_rotation, rotation_seconds, rotated_at, next_rotation_at,"
		"       delete_at, hour_began_at, hour_rotations, account_id, domain_key_version, mac)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)"
		" ON CONFLICT (name) DO NOTHING",
		.nargs = INSERTED_COLUMNS, .argtypes = {UUIDOID, TEXTOID, OIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID,
			TEXTOID, TEXTOID, UUIDOID, BOOLOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT8OID, INT4OID, BYTEAOID}
	};
	bool		is_null[INSERTED_COLUMNS] = {false};
	Datum		values[INSERTED_COLUMNS] = {
		UUIDPGetDatum(&secret->id),
		CStringGetTextDatum(secret->name),
		ObjectIdGetDatum(secret->stored_owner.oid),
		CStringGetTextDatum(secret->stored_owner.name),
		TimestampTzGetDatum(secret->created_at),
		TimestampTzGetDatum(secret->updated_at),
		CStringGetTextDatum(types[secret->type]),
		row_text_datum(sub_types[secret->sub_type], &is_null[7]),
		CStringGetTextDatum(secret->description),
		UUIDPGetDatum(&secret->key_id),
		BoolGetDatum(secret->key_is_chosen),
		row_text_datum(secret->extended_config, &is_null[11]),
		CStringGetTextDatum(rotations[secret->rotation]),
		row_seconds_datum(secret->rotation_seconds, &is_null[13]),
		row_time_datum(secret->rotated_at, &is_null[14]),
		row_time_datum(secret->next_rotation_at, &is_null[15]),
		row_time_datum(secret->delete_at, &is_null[16]),
		row_time_datum(secret->hour_began_at, &is_null[17]),
		Int32GetDatum(secret->hour_rotations)
	};
	char		nulls[INSERTED_COLUMNS];

	seal_to_values(&secret->seal, values + INSERTED_COLUMNS - SEAL_COLUMNS);
	mark_nulls(INSERTED_COLUMNS, is_null, nulls);
	return store_run(&query, values, nulls) == 1;
}

#define UPDATED_COLUMNS 16

void
store_secret_update(const KmsSecret *secret)
{
	static StoreQuery query = {
		.sql = "UPDATE secret SET owner = $2, owner_name = $3, updated_at = $4, description = $5, extended_config = $6,"
		"       automatic_rotation = $7, rotation_seconds = $8, rotated_at = $9, next_rotation_at = $10,"
		"       delete_at = $11, hour_began_at = $12, hour_rotations = $13,"
		"       account_id = $14, domain_key_version = $15, mac = $16"
		" WHERE id = $1",
		.nargs = UPDATED_COLUMNS, .argtypes = {UUIDOID, OIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT8OID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT8OID, INT4OID, BYTEAOID}
	};
	bool		is_null[UPDATED_COLUMNS] = {false};
	Datum		values[UPDATED_COLUMNS] = {
		UUIDPGetDatum(&secret->id),
		ObjectIdGetDatum(secret->stored_owner.oid),
		CStringGetTextDatum(secret->stored_owner.name),
		TimestampTzGetDatum(secret->updated_at),
		CStringGetTextDatum(secret->description),
		row_text_datum(secret->extended_config, &is_null[5]),
		CStringGetTextDatum(rotations[secret->rotation]),
		row_seconds_datum(secret->rotation_seconds, &is_null[7]),
		row_time_datum(secret->rotated_at, &is_null[8]),
		row_time_datum(secret->next_rotation_at, &is_null[9]),
		row_time_datum(secret->delete_at, &is_null[10]),
		row_time_datum(secret->hour_began_at, &is_null[11]),
		Int32GetDatum(secret->hour_rotations)
	};
	char		nulls[UPDATED_COLUMNS];

	seal_to_values(&secret->seal, values + UPDATED_COLUMNS - SEAL_COLUMNS);
	mark_nulls(UPDATED_COLUMNS, is_null, nulls);
	store_run(&query, values, nulls);
}

void
store_secret_erase(const pg_uuid_t *id)
{
	static StoreQuery queries[] = {
		{.sql = "DELETE FROM secret_version_stage WHERE secret_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM secret_version WHERE secret_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM secret_role WHERE secret_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM grant_entry WHERE resource = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM job WHERE resource = $1 AND outcome <> 'done'", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM tag WHERE resource = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM secret WHERE id = $1", .nargs = 1, .argtypes = {UUIDOID}}
	};
	Datum		values[] = {UUIDPGetDatum(id)};

	for (size_t i = 0; i < lengthof(queries); i++)
		store_run(&queries[i], values, NULL);
}

bool
store_secret_claim_role(const pg_uuid_t *id, const char *role_name)
{
	static StoreQuery query = {
		.sql = "INSERT INTO secret_role (role_name, secret_id) VALUES ($1, $2) ON CONFLICT (role_name) DO NOTHING",
		.nargs = 2, .argtypes = {TEXTOID, UUIDOID}
	};
	Datum		values[] = {CStringGetTextDatum(role_name), UUIDPGetDatum(id)};

	return store_run(&query, values, NULL) == 1;
}

void
store_secret_notify(const char *name)
{
	Async_Notify(NOTIFY_CHANNEL, name);
}

void
store_secret_each(StoreSee see, void *argument)
{
	KmsSecret	row;

	store_each(store_catalog()->secret, read_secret, &row, see, argument);
}

static void
fill_secret(const void *row, Datum *values, bool *replaces)
{
	const KmsSecret *secret = row;

	seal_fill(&secret->seal, COLUMN_SEAL, values, replaces);
}

int64
store_secret_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsSecret   row;
	const StoreRewriting what = {store_catalog()->secret, read_secret, &row, rewrite, fill_secret, argument};

	return store_rewrite(&what, max, more);
}

static bool
read_role(HeapTuple row, TupleDesc type, void *result)
{
	*(pg_uuid_t *) result = *DatumGetUUIDP(store_column(row, 2, type));
	return true;
}

void
store_secret_role_each(StoreSee see, void *argument)
{
	pg_uuid_t	row;

	store_each(store_catalog()->secret_role, read_role, &row, see, argument);
}
