/*
 * Rows of kms.import_token.
 */
#include "store/import_token.h"

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
	COLUMN_ALGORITHM,
	COLUMN_EXPIRES_AT,
	COLUMN_ACCOUNT_ID,
	COLUMN_DOMAIN_KEY_VERSION,
	COLUMN_WRAPPED,
	COLUMN_COUNT
};

static const char *const transports[] = {
	[KC_PKE_RSA_OAEP_SHA_1] = "RSAES_OAEP_SHA_1",
	[KC_PKE_RSA_OAEP_SHA_256] = "RSAES_OAEP_SHA_256",
	[KC_PKE_RSA_PKCS1_V1_5] = "RSAES_PKCS1_V1_5",
	[KC_PKE_SM2PKE] = "SM2PKE"
};

const char *
transport_name(kc_pke transport)
{
	return transports[transport];
}

kc_pke
transport_of(const char *name)
{
	for (size_t i = 1; i < lengthof(transports); i++)
		if (strcmp(transports[i], name) == 0)
			return (kc_pke) i;
	return 0;
}

static bool
read_token(HeapTuple row, TupleDesc type, void *result)
{
	KmsImportToken *token = result;
	Datum		values[COLUMN_COUNT];
	bytea	   *wrapped;

	for (int i = 0; i < COLUMN_COUNT; i++)
		values[i] = store_column(row, i + 1, type);
	token->id = *DatumGetUUIDP(values[COLUMN_ID]);
	token->key_id = *DatumGetUUIDP(values[COLUMN_KEY_ID]);
	token->transport = transport_of(TextDatumGetCString(values[COLUMN_ALGORITHM]));
	if (token->transport == 0)
		err_stored();
	token->expires_at = DatumGetTimestampTz(values[COLUMN_EXPIRES_AT]);
	token->account_id = DatumGetInt64(values[COLUMN_ACCOUNT_ID]);
	token->domain_key_version = DatumGetInt32(values[COLUMN_DOMAIN_KEY_VERSION]);
	wrapped = DatumGetByteaPP(values[COLUMN_WRAPPED]);
	token->wrapped_len = VARSIZE_ANY_EXHDR(wrapped);
	if (token->wrapped_len > sizeof(token->wrapped))
		err_stored();
	memcpy(token->wrapped, VARDATA_ANY(wrapped), token->wrapped_len);
	return true;
}

bool
store_import_token_find(const pg_uuid_t *id, KmsImportToken *token)
{
	const StoreCatalog *catalog = store_catalog();
	StoreScan	scan = {
		.table = catalog->import_token, .index = catalog->import_token_pkey, .column = 1,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(id)
	};

	return store_find(&scan, read_token, token);
}

void
store_import_token_insert(const KmsImportToken *token)
{
	bytea	   *wrapped = bytes_of(token->wrapped, token->wrapped_len);
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT] = {false};

	values[COLUMN_ID] = UUIDPGetDatum(&token->id);
	values[COLUMN_KEY_ID] = UUIDPGetDatum(&token->key_id);
	values[COLUMN_ALGORITHM] = CStringGetTextDatum(transports[token->transport]);
	values[COLUMN_EXPIRES_AT] = TimestampTzGetDatum(token->expires_at);
	values[COLUMN_ACCOUNT_ID] = Int64GetDatum(token->account_id);
	values[COLUMN_DOMAIN_KEY_VERSION] = Int32GetDatum(token->domain_key_version);
	values[COLUMN_WRAPPED] = PointerGetDatum(wrapped);
	store_insert(store_catalog()->import_token, COLUMN_COUNT, values, nulls);
}

void
store_import_token_expire(TimestampTz now, TimestampTz long_ago)
{
	static StoreQuery erase = {
		.sql = "UPDATE import_token SET wrapped = '' WHERE expires_at <= $1 AND wrapped <> ''",
		.nargs = 1, .argtypes = {TIMESTAMPTZOID}
	};
	static StoreQuery forget = {
		.sql = "DELETE FROM import_token WHERE expires_at <= $1",
		.nargs = 1, .argtypes = {TIMESTAMPTZOID}
	};
	Datum		expired[] = {TimestampTzGetDatum(now)};
	Datum		forgotten[] = {TimestampTzGetDatum(long_ago)};

	store_run(&erase, expired, NULL);
	store_run(&forget, forgotten, NULL);
}

void
store_import_token_each(StoreSee see, void *argument)
{
	KmsImportToken row;

	store_each(store_catalog()->import_token, read_token, &row, see, argument);
}

static void
fill_token(const void *row, Datum *values, bool *replaces)
{
	const KmsImportToken *token = row;

	values[COLUMN_ACCOUNT_ID] = Int64GetDatum(token->account_id);
	values[COLUMN_DOMAIN_KEY_VERSION] = Int32GetDatum(token->domain_key_version);
	values[COLUMN_WRAPPED] = PointerGetDatum(bytes_of(token->wrapped, token->wrapped_len));
	memset(replaces + COLUMN_ACCOUNT_ID, true, 3);
}

int64
store_import_token_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsImportToken row;
	const StoreRewriting what = {store_catalog()->import_token, read_token, &row, rewrite, fill_token, argument};

	return store_rewrite(&what, max, more);
}
