/*
 * The account and its domain keys: a row or two each, read without an index.
 */
#include "store/account.h"

#include "access/htup_details.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/invalidation.h"
#include "catalog/pg_type.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static bool
older(const KmsAccount *a, const KmsAccount *b)
{
	return a->created_at < b->created_at || (a->created_at == b->created_at && a->id < b->id);
}

/* Goes on to the last row and keeps the oldest. */
static bool
read_account(HeapTuple row, TupleDesc type, void *result)
{
	KmsAccount *oldest = result;
	KmsAccount	account;

	account.id = DatumGetInt64(store_column(row, 1, type));
	account.created_at = DatumGetTimestampTz(store_column(row, 2, type));
	account.home_system = DatumGetInt64(store_column(row, 3, type));
	account.home_database = DatumGetObjectId(store_column(row, 4, type));
	if (oldest->id == 0 || older(&account, oldest))
		*oldest = account;
	return false;
}

bool
store_account_find(KmsAccount *account)
{
	StoreScan	scan = {.table = store_catalog()->account};

	account->id = 0;
	(void) store_find(&scan, read_account, account);
	return account->id != 0;
}

static void
copy_bytes(Datum value, uint8 *out, size_t len)
{
	bytea	   *bytes = DatumGetByteaPP(value);

	/* Anything else was not written by us, and will not open. */
	memset(out, 0, len);
	if (VARSIZE_ANY_EXHDR(bytes) == len)
		memcpy(out, VARDATA_ANY(bytes), len);
}

static bool
read_domain_key(HeapTuple row, TupleDesc type, void *result)
{
	KmsDomainKey *key = result;

	key->account_id = DatumGetInt64(store_column(row, 1, type));
	key->version = DatumGetInt32(store_column(row, 2, type));
	copy_bytes(store_column(row, 3, type), key->root_key_id, sizeof(key->root_key_id));
	copy_bytes(store_column(row, 4, type), key->wrapped, sizeof(key->wrapped));
	return true;
}

/* What is looked for, and the best row so far. */
typedef struct DomainKeySearch
{
	int64		account_id;
	int32		version;		/* 0: the highest */
	bool		found;
	KmsDomainKey *key;
} DomainKeySearch;

static bool
choose_domain_key(HeapTuple row, TupleDesc type, void *result)
{
	DomainKeySearch *search = result;
	KmsDomainKey key;

	read_domain_key(row, type, &key);
	if (key.account_id != search->account_id)
		return false;
	if (search->version != 0 ? key.version != search->version : search->found && key.version < search->key->version)
		return false;
	*search->key = key;
	search->found = true;
	return search->version != 0;
}

bool
store_domain_key_find(int64 account_id, int32 version, KmsDomainKey *key)
{
	StoreScan	scan = {.table = store_catalog()->domain_key};
	DomainKeySearch search = {.account_id = account_id, .version = version, .key = key};

	(void) store_find(&scan, choose_domain_key, &search);
	return search.found;
}

void
store_account_lock_table(void)
{
	static StoreQuery query = {
		.sql = "LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE"
	};

	store_run(&query, NULL, NULL);
}

void
store_account_insert(const KmsAccount *account)
{
	static StoreQuery query = {
		.sql = "INSERT INTO account (id, created_at, home_system, home_database) VALUES ($1, $2, $3, $4)",
		.nargs = 4, .argtypes = {INT8OID, TIMESTAMPTZOID, INT8OID, OIDOID}
	};
	Datum		values[] = {
		Int64GetDatum(account->id),
		TimestampTzGetDatum(account->created_at),
		Int64GetDatum(account->home_system),
		ObjectIdGetDatum(account->home_database)
	};

	store_run(&query, values, NULL);
	invalidation_send_all(store_catalog()->account);
}

void
store_account_set_homes(int64 system, Oid database)
{
	static StoreQuery query = {
		.sql = "UPDATE account SET home_system = $1, home_database = $2",
		.nargs = 2, .argtypes = {INT8OID, OIDOID}
	};
	Datum		values[] = {Int64GetDatum(system), ObjectIdGetDatum(database)};

	store_run(&query, values, NULL);
	invalidation_send_all(store_catalog()->account);
}

typedef struct Home
{
	int64		system;
	Oid			database;
} Home;

/* Stops at the first account that is at home elsewhere. */
static bool
is_elsewhere(HeapTuple row, TupleDesc type, void *result)
{
	const Home *home = result;

	return DatumGetInt64(store_column(row, 3, type)) != home->system ||
		DatumGetObjectId(store_column(row, 4, type)) != home->database;
}

bool
store_accounts_at_home(int64 system, Oid database)
{
	StoreScan	scan = {.table = store_catalog()->account};
	Home		home = {system, database};

	return !store_find(&scan, is_elsewhere, &home);
}

void
store_domain_key_insert(const KmsDomainKey *key)
{
	static StoreQuery query = {
		.sql = "INSERT INTO domain_key (account_id, version, root_key_id, wrapped, created_at)"
		"     VALUES ($1, $2, $3, $4, $5)",
		.nargs = 5, .argtypes = {INT8OID, INT4OID, BYTEAOID, BYTEAOID, TIMESTAMPTZOID}
	};
	bytea	   *id = bytes_of(key->root_key_id, sizeof(key->root_key_id));
	bytea	   *wrapped = bytes_of(key->wrapped, sizeof(key->wrapped));
	Datum		values[] = {
		Int64GetDatum(key->account_id),
		Int32GetDatum(key->version),
		PointerGetDatum(id),
		PointerGetDatum(wrapped),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	store_run(&query, values, NULL);
	invalidation_send_all(store_catalog()->domain_key);
}

KmsDomainKey *
store_domain_key_lock_all(int *count)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM domain_key ORDER BY account_id, version FOR UPDATE"
	};
	KmsDomainKey *keys;

	*count = (int) store_run(&query, NULL, NULL);
	keys = palloc(*count * sizeof(KmsDomainKey) + 1);
	for (int i = 0; i < *count; i++)
		store_read_row(i, read_domain_key, &keys[i]);
	return keys;
}

void
store_domain_key_save(const KmsDomainKey *key)
{
	static StoreQuery query = {
		.sql = "UPDATE domain_key SET root_key_id = $3, wrapped = $4 WHERE account_id = $1 AND version = $2",
		.nargs = 4, .argtypes = {INT8OID, INT4OID, BYTEAOID, BYTEAOID}
	};
	Datum		values[] = {
		Int64GetDatum(key->account_id),
		Int32GetDatum(key->version),
		PointerGetDatum(bytes_of(key->root_key_id, sizeof(key->root_key_id))),
		PointerGetDatum(bytes_of(key->wrapped, sizeof(key->wrapped)))
	};

	store_run(&query, values, NULL);
	invalidation_send_all(store_catalog()->domain_key);
}

void
store_domain_key_each(StoreSee see, void *argument)
{
	KmsDomainKey row;

	store_each(store_catalog()->domain_key, read_domain_key, &row, see, argument);
}
