/*
 * Rows of kms.key.
 */
#include "store/key.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/invalidation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "store/catalog.h"
#include "store/row.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_ID,
	COLUMN_OWNER,
	COLUMN_OWNER_NAME,
	COLUMN_CREATED_AT,
	COLUMN_STATE,
	COLUMN_SPEC,
	COLUMN_USAGE,
	COLUMN_ORIGIN,
	COLUMN_PRIMARY_VERSION,
	COLUMN_DESCRIPTION,
	COLUMN_ROTATION_SECONDS,
	COLUMN_ROTATED_AT,
	COLUMN_NEXT_ROTATION_AT,
	COLUMN_MATERIAL_EXPIRES_AT,
	COLUMN_DELETE_AT,
	COLUMN_DELETION_PROTECTED,
	COLUMN_DELETION_PROTECTION_DESCRIPTION,
	COLUMN_DUE_AT,
	COLUMN_SEAL,
	COLUMN_COUNT = COLUMN_SEAL + SEAL_COLUMNS
};

static const char *const states[] = {NULL, "Enabled", "Disabled", "PendingDeletion", "PendingImport"};
static const char *const specs[] = {
	NULL, "Aliyun_AES_256", "Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4",
	"RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P256K", "EC_P384", "EC_P521", "EC_SM2", "ED25519",
	"ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512", "HMAC_SM3"
};
static const char *const usages[] = {NULL, "ENCRYPT/DECRYPT", "SIGN/VERIFY", "GENERATE_VERIFY_MAC"};
static const char *const origins[] = {NULL, "Aliyun_KMS", "EXTERNAL"};

const char *
key_state_name(KmsKeyState state)
{
	return states[state];
}

const char *
key_spec_name(KmsKeySpec spec)
{
	return specs[spec];
}

const char *
key_usage_name(KmsKeyUsage usage)
{
	return usages[usage];
}

const char *
key_origin_name(KmsKeyOrigin origin)
{
	return origins[origin];
}

KmsKeySpec
key_spec_of(const char *name, size_t len)
{
	return row_number_of(specs, lengthof(specs), name, len);
}

KmsKeyUsage
key_usage_of(const char *name, size_t len)
{
	return row_number_of(usages, lengthof(usages), name, len);
}

KmsKeyOrigin
key_origin_of(const char *name, size_t len)
{
	return row_number_of(origins, lengthof(origins), name, len);
}

static const bool may_be_null[COLUMN_COUNT] = {
	[COLUMN_PRIMARY_VERSION] = true,
	[COLUMN_ROTATION_SECONDS] = true,
	[COLUMN_ROTATED_AT] = true,
	[COLUMN_NEXT_ROTATION_AT] = true,
	[COLUMN_MATERIAL_EXPIRES_AT] = true,
	[COLUMN_DELETE_AT] = true,
	[COLUMN_DELETION_PROTECTION_DESCRIPTION] = true,
	[COLUMN_DUE_AT] = true
};

static void
key_from_row(HeapTuple row, TupleDesc type, KmsKey *key)
{
	Datum	   *values = palloc(type->natts * sizeof(Datum));
	bool	   *nulls = palloc(type->natts * sizeof(bool));

	if (type->natts < COLUMN_COUNT)
		err_stored();
	heap_deform_tuple(row, type, values, nulls);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (nulls[i] && !may_be_null[i])
			err_stored();

	key->id = *DatumGetUUIDP(values[COLUMN_ID]);
	key->stored_owner.oid = DatumGetObjectId(values[COLUMN_OWNER]);
	key->stored_owner.name = TextDatumGetCString(values[COLUMN_OWNER_NAME]);
	key->owner = store_role_now(&key->stored_owner);
	key->created_at = DatumGetTimestampTz(values[COLUMN_CREATED_AT]);
	key->state = row_enum(states, lengthof(states), values[COLUMN_STATE]);
	key->spec = row_enum(specs, lengthof(specs), values[COLUMN_SPEC]);
	key->usage = row_enum(usages, lengthof(usages), values[COLUMN_USAGE]);
	key->origin = row_enum(origins, lengthof(origins), values[COLUMN_ORIGIN]);
	key->has_primary_version = !nulls[COLUMN_PRIMARY_VERSION];
	if (key->has_primary_version)
		key->primary_version = *DatumGetUUIDP(values[COLUMN_PRIMARY_VERSION]);
	key->description = TextDatumGetCString(values[COLUMN_DESCRIPTION]);
	key->rotation_seconds = row_seconds(values[COLUMN_ROTATION_SECONDS], nulls[COLUMN_ROTATION_SECONDS]);
	key->rotated_at = row_time(values[COLUMN_ROTATED_AT], nulls[COLUMN_ROTATED_AT]);
	key->next_rotation_at = row_time(values[COLUMN_NEXT_ROTATION_AT], nulls[COLUMN_NEXT_ROTATION_AT]);
	key->material_expires_at = row_time(values[COLUMN_MATERIAL_EXPIRES_AT], nulls[COLUMN_MATERIAL_EXPIRES_AT]);
	key->delete_at = row_time(values[COLUMN_DELETE_AT], nulls[COLUMN_DELETE_AT]);
	key->deletion_protected = DatumGetBool(values[COLUMN_DELETION_PROTECTED]);
	key->deletion_protection_description = row_text(values[COLUMN_DELETION_PROTECTION_DESCRIPTION],
													 nulls[COLUMN_DELETION_PROTECTION_DESCRIPTION]);
	seal_from_values(values + COLUMN_SEAL, &key->seal);
}

void
store_key_of_composite(HeapTupleHeader row, KmsKey *key)
{
	TupleDesc	type = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	key_from_row(&tuple, type, key);
	ReleaseTupleDesc(type);
}

static bool
read_key(HeapTuple row, TupleDesc type, void *result)
{
	key_from_row(row, type, result);
	return true;
}

static StoreScan
scan_for(const pg_uuid_t *id)
{
	const StoreCatalog *catalog = store_catalog();

	return (StoreScan)
	{
		.table = catalog->key, .index = catalog->key_pkey, .column = 1,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(id)
	};
}

bool
store_key_find(const pg_uuid_t *id, KmsKey *key)
{
	StoreScan	scan = scan_for(id);

	return store_find(&scan, read_key, key);
}

bool
store_key_find_carefully(const pg_uuid_t *id, KmsKey *key, bool *understood)
{
	StoreScan	scan = scan_for(id);

	return store_find_carefully(&scan, read_key, key, understood);
}

bool
store_key_exists(void)
{
	StoreScan	scan = {.table = store_table("key")};

	return OidIsValid(scan.table) && store_exists(&scan);
}

bool
store_key_lock(const pg_uuid_t *id, KmsKey *key)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM key WHERE id = $1 FOR NO KEY UPDATE",
		.nargs = 1, .argtypes = {UUIDOID}
	};
	StoreScan	by_id = scan_for(id);

	return store_lock_row(&query, id, &by_id, read_key, key);
}

bool
store_key_lock_free(const pg_uuid_t *id, KmsKey *key)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM key WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED",
		.nargs = 1, .argtypes = {UUIDOID}
	};

	return store_lock_row(&query, id, NULL, read_key, key);
}

int
store_key_owned(const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max)
{
	static StoreQuery query = {
		.sql = "SELECT id FROM key WHERE owner = $1 AND owner_name = $2 AND id > $3 ORDER BY id LIMIT $4",
		.nargs = 4, .argtypes = {OIDOID, TEXTOID, UUIDOID, INT4OID}
	};

	return store_owned(&query, owner, after, ids, max);
}

/* As the table generates it; a row made without SQL must bring it along. */
static TimestampTz
due_at(const KmsKey *key)
{
	TimestampTz due = key->delete_at;

	if (key->state == KEY_ENABLED || key->state == KEY_DISABLED)
		due = Min(due, key->material_expires_at);
	if (key->state == KEY_ENABLED)
		due = Min(due, key->next_rotation_at);
	return due;
}

/* Nobody can have a new key cached: nothing is sent. */
void
store_key_insert(const KmsKey *key)
{
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT] = {false};

	values[COLUMN_ID] = UUIDPGetDatum(&key->id);
	values[COLUMN_OWNER] = ObjectIdGetDatum(key->stored_owner.oid);
	values[COLUMN_OWNER_NAME] = CStringGetTextDatum(key->stored_owner.name);
	values[COLUMN_CREATED_AT] = TimestampTzGetDatum(key->created_at);
	values[COLUMN_STATE] = CStringGetTextDatum(states[key->state]);
	values[COLUMN_SPEC] = CStringGetTextDatum(specs[key->spec]);
	values[COLUMN_USAGE] = CStringGetTextDatum(usages[key->usage]);
	values[COLUMN_ORIGIN] = CStringGetTextDatum(origins[key->origin]);
	values[COLUMN_PRIMARY_VERSION] = UUIDPGetDatum(&key->primary_version);
	nulls[COLUMN_PRIMARY_VERSION] = !key->has_primary_version;
	values[COLUMN_DESCRIPTION] = CStringGetTextDatum(key->description);
	values[COLUMN_ROTATION_SECONDS] = Int64GetDatum(key->rotation_seconds);
	nulls[COLUMN_ROTATION_SECONDS] = key->rotation_seconds == 0;
	values[COLUMN_ROTATED_AT] = row_time_datum(key->rotated_at, &nulls[COLUMN_ROTATED_AT]);
	values[COLUMN_NEXT_ROTATION_AT] = row_time_datum(key->next_rotation_at, &nulls[COLUMN_NEXT_ROTATION_AT]);
	values[COLUMN_MATERIAL_EXPIRES_AT] = row_time_datum(key->material_expires_at, &nulls[COLUMN_MATERIAL_EXPIRES_AT]);
	values[COLUMN_DELETE_AT] = row_time_datum(key->delete_at, &nulls[COLUMN_DELETE_AT]);
	values[COLUMN_DELETION_PROTECTED] = BoolGetDatum(key->deletion_protected);
	values[COLUMN_DELETION_PROTECTION_DESCRIPTION] =
		row_text_datum(key->deletion_protection_description, &nulls[COLUMN_DELETION_PROTECTION_DESCRIPTION]);
	values[COLUMN_DUE_AT] = row_time_datum(due_at(key), &nulls[COLUMN_DUE_AT]);
	seal_to_values(&key->seal, values + COLUMN_SEAL);
	store_insert(store_catalog()->key, COLUMN_COUNT, values, nulls);
}

#define UPDATED_COLUMNS	16

void
store_key_update(const KmsKey *key)
{
	static StoreQuery query = {
		.sql = "UPDATE key SET state = $2, primary_version = $3, description = $4, rotation_seconds = $5,"
		"       rotated_at = $6, next_rotation_at = $7, material_expires_at = $8, delete_at = $9,"
		"       deletion_protected = $10, deletion_protection_description = $11, owner = $12, owner_name = $13,"
		"       account_id = $14, domain_key_version = $15, mac = $16"
		" WHERE id = $1",
		.nargs = UPDATED_COLUMNS, .argtypes = {UUIDOID, TEXTOID, UUIDOID, TEXTOID, INT8OID, TIMESTAMPTZOID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, TEXTOID, OIDOID, TEXTOID, INT8OID, INT4OID,
			BYTEAOID}
	};
	bool		is_null[UPDATED_COLUMNS] = {false};
	Datum		values[UPDATED_COLUMNS] = {
		UUIDPGetDatum(&key->id),
		CStringGetTextDatum(states[key->state]),
		UUIDPGetDatum(&key->primary_version),
		CStringGetTextDatum(key->description),
		row_seconds_datum(key->rotation_seconds, &is_null[4]),
		row_time_datum(key->rotated_at, &is_null[5]),
		row_time_datum(key->next_rotation_at, &is_null[6]),
		row_time_datum(key->material_expires_at, &is_null[7]),
		row_time_datum(key->delete_at, &is_null[8]),
		BoolGetDatum(key->deletion_protected),
		row_text_datum(key->deletion_protection_description, &is_null[10]),
		ObjectIdGetDatum(key->stored_owner.oid),
		CStringGetTextDatum(key->stored_owner.name)
	};
	char		nulls[UPDATED_COLUMNS];

	seal_to_values(&key->seal, values + UPDATED_COLUMNS - SEAL_COLUMNS);
	is_null[2] = !key->has_primary_version;
	for (int i = 0; i < UPDATED_COLUMNS; i++)
		nulls[i] = is_null[i] ? 'n' : ' ';
	store_run(&query, values, nulls);
	invalidation_send(&key->id);
}

void
store_key_erase(const pg_uuid_t *id)
{
	static StoreQuery queries[] = {
		{.sql = "DELETE FROM alias WHERE key_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM import_token WHERE key_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM key_version WHERE key_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM grant_entry WHERE resource = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM job WHERE resource = $1 AND outcome <> 'done'", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM tag WHERE resource = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM usage_entry WHERE key_id = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM key WHERE id = $1", .nargs = 1, .argtypes = {UUIDOID}}
	};
	Datum		values[] = {UUIDPGetDatum(id)};

	for (size_t i = 0; i < lengthof(queries); i++)
		store_run(&queries[i], values, NULL);
	invalidation_send(id);
}

void
store_key_each(StoreSee see, void *argument)
{
	KmsKey row;

	store_each(store_catalog()->key, read_key, &row, see, argument);
}

static void
fill_key(const void *row, Datum *values, bool *replaces)
{
	const KmsKey *key = row;

	seal_fill(&key->seal, COLUMN_SEAL, values, replaces);
}

int64
store_key_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsKey      row;
	const StoreRewriting what = {store_catalog()->key, read_key, &row, rewrite, fill_key, argument};

	return store_rewrite(&what, max, more);
}
