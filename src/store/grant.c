/*
 * Rows of kms.grant_entry.
 */
#include "store/grant.h"

#include "access/htup_details.h"
#include "base/bytes.h"
#include "catalog/pg_type.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_ID,
	COLUMN_RESOURCE_TYPE,
	COLUMN_RESOURCE,
	COLUMN_GRANTEE,
	COLUMN_GRANTEE_NAME,
	COLUMN_OPERATIONS,
	COLUMN_CONTEXT,
	COLUMN_EXPIRES_AT,
	COLUMN_GRANTOR_NAME,
	COLUMN_CREATED_AT,
	COLUMN_SEAL,
	COLUMN_COUNT = COLUMN_SEAL + SEAL_COLUMNS
};

static void
read_operations(Datum array, KmsGrant *grant)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	grant->operations = palloc(Max(count, 1) * sizeof(char *));
	grant->operation_count = count;
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			err_stored();
		grant->operations[i] = TextDatumGetCString(values[i]);
	}
}

static bool
read_grant(HeapTuple row, TupleDesc type, void *result)
{
	KmsGrant   *grant = result;
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT];

	if (type->natts != COLUMN_COUNT)
		err_stored();
	heap_deform_tuple(row, type, values, nulls);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (nulls[i] && i != COLUMN_CONTEXT && i != COLUMN_EXPIRES_AT)
			err_stored();
	grant->id = *DatumGetUUIDP(values[COLUMN_ID]);
	grant->resource_type = TextDatumGetCString(values[COLUMN_RESOURCE_TYPE]);
	grant->resource = *DatumGetUUIDP(values[COLUMN_RESOURCE]);
	grant->grantee.oid = DatumGetObjectId(values[COLUMN_GRANTEE]);
	grant->grantee.name = TextDatumGetCString(values[COLUMN_GRANTEE_NAME]);
	read_operations(values[COLUMN_OPERATIONS], grant);
	grant->has_context = !nulls[COLUMN_CONTEXT];
	grant->context = kc_view_of(NULL, 0);
	if (grant->has_context)
	{
		bytea	   *context = DatumGetByteaPCopy(values[COLUMN_CONTEXT]);

		grant->context = kc_view_of(VARDATA(context), VARSIZE(context) - VARHDRSZ);
	}
	grant->expires_at = nulls[COLUMN_EXPIRES_AT] ? DT_NOEND : DatumGetTimestampTz(values[COLUMN_EXPIRES_AT]);
	grant->grantor_name = TextDatumGetCString(values[COLUMN_GRANTOR_NAME]);
	grant->created_at = DatumGetTimestampTz(values[COLUMN_CREATED_AT]);
	seal_from_values(values + COLUMN_SEAL, &grant->seal);
	return true;
}

typedef struct Listing
{
	StoreGrantSeen seen;
	void	   *argument;
} Listing;

static bool
list_grant(HeapTuple row, TupleDesc type, void *result)
{
	Listing    *listing = result;
	KmsGrant	grant;

	read_grant(row, type, &grant);
	listing->seen(&grant, listing->argument);
	return false;
}

void
store_grant_list(const pg_uuid_t *resource, StoreGrantSeen seen, void *argument)
{
	const StoreCatalog *catalog = store_catalog();
	Listing		listing = {seen, argument};
	StoreScan	scan = {
		.table = catalog->grant_entry, .index = catalog->grant_entry_resource, .column = COLUMN_RESOURCE + 1,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(resource)
	};

	(void) store_find(&scan, list_grant, &listing);
}

void
store_grant_of_composite(HeapTupleHeader row, KmsGrant *grant)
{
	TupleDesc	type = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	(void) read_grant(&tuple, type, grant);
	ReleaseTupleDesc(type);
}

List *
store_grant_list_to(const KmsStoredRole *grantee)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM grant_entry WHERE grantee = $1 AND grantee_name = $2 FOR NO KEY UPDATE",
		.nargs = 2, .argtypes = {OIDOID, TEXTOID}
	};
	Datum		values[] = {ObjectIdGetDatum(grantee->oid), CStringGetTextDatum(grantee->name)};
	uint64		count = store_run(&query, values, NULL);
	List	   *grants = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		KmsGrant   *grant = palloc(sizeof(KmsGrant));

		store_read_row(i, read_grant, grant);
		grants = lappend(grants, grant);
	}
	return grants;
}

static Datum
operations_datum(const KmsGrant *grant)
{
	Datum	   *values = palloc(Max(grant->operation_count, 1) * sizeof(Datum));

	for (int i = 0; i < grant->operation_count; i++)
		values[i] = CStringGetTextDatum(grant->operations[i]);
	return PointerGetDatum(construct_array(values, grant->operation_count, TEXTOID, -1, false, TYPALIGN_INT));
}

void
store_grant_insert(const KmsGrant *grant)
{
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT] = {false};

	values[COLUMN_ID] = UUIDPGetDatum(&grant->id);
	values[COLUMN_RESOURCE_TYPE] = CStringGetTextDatum(grant->resource_type);
	values[COLUMN_RESOURCE] = UUIDPGetDatum(&grant->resource);
	values[COLUMN_GRANTEE] = ObjectIdGetDatum(grant->grantee.oid);
	values[COLUMN_GRANTEE_NAME] = CStringGetTextDatum(grant->grantee.name);
	values[COLUMN_OPERATIONS] = operations_datum(grant);
	nulls[COLUMN_CONTEXT] = !grant->has_context;
	values[COLUMN_CONTEXT] = PointerGetDatum(bytes_of(grant->context.data, grant->context.len));
	nulls[COLUMN_EXPIRES_AT] = TIMESTAMP_IS_NOEND(grant->expires_at);
	values[COLUMN_EXPIRES_AT] = TimestampTzGetDatum(grant->expires_at);
	values[COLUMN_GRANTOR_NAME] = CStringGetTextDatum(grant->grantor_name);
	values[COLUMN_CREATED_AT] = TimestampTzGetDatum(grant->created_at);
	seal_to_values(&grant->seal, values + COLUMN_SEAL);
	store_insert(store_catalog()->grant_entry, COLUMN_COUNT, values, nulls);
}

void
store_grant_update(const KmsGrant *grant)
{
	static StoreQuery query = {
		.sql = "UPDATE grant_entry SET operations = $2, grantee = $3, grantee_name = $4,"
		"       account_id = $5, domain_key_version = $6, mac = $7 WHERE id = $1",
		.nargs = 7, .argtypes = {UUIDOID, TEXTARRAYOID, OIDOID, TEXTOID, INT8OID, INT4OID, BYTEAOID}
	};
	Datum		values[7] = {
		UUIDPGetDatum(&grant->id),
		operations_datum(grant),
		ObjectIdGetDatum(grant->grantee.oid),
		CStringGetTextDatum(grant->grantee.name)
	};

	seal_to_values(&grant->seal, values + 4);
	store_run(&query, values, NULL);
}

void
store_grant_delete(const pg_uuid_t *id)
{
	static StoreQuery query = {
		.sql = "DELETE FROM grant_entry WHERE id = $1",
		.nargs = 1, .argtypes = {UUIDOID}
	};
	Datum		values[] = {UUIDPGetDatum(id)};

	store_run(&query, values, NULL);
}

static bool
read_expired(HeapTuple row, TupleDesc type, void *result)
{
	KmsGrant   *grant = result;

	grant->resource = *DatumGetUUIDP(store_column(row, 1, type));
	grant->grantee.oid = DatumGetObjectId(store_column(row, 2, type));
	return true;
}

int
store_grant_expire(TimestampTz before, pg_uuid_t *resources, Oid *grantees, int max)
{
	static StoreQuery query = {
		.sql = "DELETE FROM grant_entry WHERE ctid = ANY (ARRAY("
		"           SELECT ctid FROM grant_entry WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"
		" RETURNING resource, grantee",
		.nargs = 2, .argtypes = {TIMESTAMPTZOID, INT4OID}
	};
	Datum		values[] = {TimestampTzGetDatum(before), Int32GetDatum(max)};
	int			count = (int) store_run(&query, values, NULL);

	for (int i = 0; i < count; i++)
	{
		KmsGrant	grant;

		store_read_row(i, read_expired, &grant);
		resources[i] = grant.resource;
		grantees[i] = grant.grantee.oid;
	}
	return count;
}

void
store_grant_each(StoreSee see, void *argument)
{
	KmsGrant row;

	store_each(store_catalog()->grant_entry, read_grant, &row, see, argument);
}

static void
fill_grant(const void *row, Datum *values, bool *replaces)
{
	const KmsGrant *grant = row;

	seal_fill(&grant->seal, COLUMN_SEAL, values, replaces);
}

int64
store_grant_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsGrant    row;
	const StoreRewriting what = {store_catalog()->grant_entry, read_grant, &row, rewrite, fill_grant, argument};

	return store_rewrite(&what, max, more);
}
