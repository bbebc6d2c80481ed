/*
 * Rows of kms.certificate.
 */
#include "store/certificate.h"

#include "access/htup_details.h"
#include "base/bytes.h"
#include "base/ident.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "crypto/pair.h"
#include "store/catalog.h"
#include "store/row.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#define NOTIFY_CHANNEL "kms_certificate"

/* The columns, in the order of sql/20_table.sql. */
enum
{
	COLUMN_ID,
	COLUMN_OWNER,
	COLUMN_OWNER_NAME,
	COLUMN_CREATED_AT,
	COLUMN_UPDATED_AT,
	COLUMN_STATUS,
	COLUMN_SPEC,
	COLUMN_EXPORTABLE,
	COLUMN_SUBJECT,
	COLUMN_NAMES,
	COLUMN_ISSUER,
	COLUMN_SERIAL,
	COLUMN_NOT_BEFORE,
	COLUMN_NOT_AFTER,
	COLUMN_CERTIFICATE,
	COLUMN_CHAIN,
	COLUMN_KEY_IDENTIFIER,
	COLUMN_PUBLIC_KEY,
	COLUMN_REQUEST,
	COLUMN_WARN_AT,
	COLUMN_WRAPPED,
	COLUMN_WRAP_ACCOUNT_ID,
	COLUMN_WRAP_DOMAIN_KEY_VERSION,
	COLUMN_SEAL,
	COLUMN_COUNT = COLUMN_SEAL + SEAL_COLUMNS
};

static const char *const statuses[] = {NULL, "PENDING", "ACTIVE", "INACTIVE", "REVOKED"};
static const char *const specs[] = {NULL, "RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P384", "EC_SM2"};

static const bool may_be_null[COLUMN_COUNT] = {
	[COLUMN_ISSUER] = true,
	[COLUMN_SERIAL] = true,
	[COLUMN_NOT_BEFORE] = true,
	[COLUMN_NOT_AFTER] = true,
	[COLUMN_CERTIFICATE] = true,
	[COLUMN_CHAIN] = true,
	[COLUMN_WARN_AT] = true
};

const char *
certificate_status_name(KmsCertificateStatus status)
{
	return statuses[status];
}

const char *
certificate_spec_name(KmsCertificateSpec spec)
{
	return specs[spec];
}

KmsCertificateStatus
certificate_status_of(const char *name)
{
	return row_number_of(statuses, lengthof(statuses), name, strlen(name));
}

KmsCertificateSpec
certificate_spec_of(const char *name)
{
	return row_number_of(specs, lengthof(specs), name, strlen(name));
}

static List *
list_of(Datum array)
{
	List	   *names = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			err_stored();
		names = lappend(names, TextDatumGetCString(elements[i]));
	}
	return names;
}

static Datum
array_of(const List *names)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(names), 1));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, names)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static kc_view
view_of(Datum bytes)
{
	bytea	   *copy = DatumGetByteaPCopy(bytes);

	return kc_view_of(VARDATA(copy), VARSIZE(copy) - VARHDRSZ);
}

static bool
read_certificate(HeapTuple row, TupleDesc type, void *result)
{
	KmsCertificate *certificate = result;
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT];

	if (type->natts != COLUMN_COUNT)
		err_stored();
	heap_deform_tuple(row, type, values, nulls);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (nulls[i] && !may_be_null[i])
			err_stored();

	certificate->id = *DatumGetUUIDP(values[COLUMN_ID]);
	certificate->stored_owner.oid = DatumGetObjectId(values[COLUMN_OWNER]);
	certificate->stored_owner.name = TextDatumGetCString(values[COLUMN_OWNER_NAME]);
	certificate->owner = store_role_now(&certificate->stored_owner);
	certificate->created_at = DatumGetTimestampTz(values[COLUMN_CREATED_AT]);
	certificate->updated_at = DatumGetTimestampTz(values[COLUMN_UPDATED_AT]);
	certificate->status = row_enum(statuses, lengthof(statuses), values[COLUMN_STATUS]);
	certificate->spec = row_enum(specs, lengthof(specs), values[COLUMN_SPEC]);
	certificate->exportable = DatumGetBool(values[COLUMN_EXPORTABLE]);
	certificate->subject = TextDatumGetCString(values[COLUMN_SUBJECT]);
	certificate->names = list_of(values[COLUMN_NAMES]);
	certificate->issuer = row_text(values[COLUMN_ISSUER], nulls[COLUMN_ISSUER]);
	certificate->serial = row_text(values[COLUMN_SERIAL], nulls[COLUMN_SERIAL]);
	certificate->not_before = row_time(values[COLUMN_NOT_BEFORE], nulls[COLUMN_NOT_BEFORE]);
	certificate->not_after = row_time(values[COLUMN_NOT_AFTER], nulls[COLUMN_NOT_AFTER]);
	certificate->certificate = row_text(values[COLUMN_CERTIFICATE], nulls[COLUMN_CERTIFICATE]);
	certificate->chain = row_text(values[COLUMN_CHAIN], nulls[COLUMN_CHAIN]);
	certificate->key_identifier = TextDatumGetCString(values[COLUMN_KEY_IDENTIFIER]);
	certificate->public_key = view_of(values[COLUMN_PUBLIC_KEY]);
	if (certificate->public_key.len == 0 || certificate->public_key.len > KC_PUBLIC_MAX)
		err_stored();			/* nothing that could be shown */
	certificate->request = TextDatumGetCString(values[COLUMN_REQUEST]);
	certificate->warn_at = row_time(values[COLUMN_WARN_AT], nulls[COLUMN_WARN_AT]);
	certificate->wrapped = view_of(values[COLUMN_WRAPPED]);
	certificate->wrap_account_id = DatumGetInt64(values[COLUMN_WRAP_ACCOUNT_ID]);
	certificate->wrap_domain_key_version = DatumGetInt32(values[COLUMN_WRAP_DOMAIN_KEY_VERSION]);
	seal_from_values(values + COLUMN_SEAL, &certificate->seal);
	return true;
}

void
store_certificate_of_composite(HeapTupleHeader row, KmsCertificate *certificate)
{
	TupleDesc	type = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	(void) read_certificate(&tuple, type, certificate);
	ReleaseTupleDesc(type);
}

static StoreScan
scan_for(const pg_uuid_t *id)
{
	const StoreCatalog *catalog = store_catalog();

	return (StoreScan)
	{
		.table = catalog->certificate, .index = catalog->certificate_pkey, .column = COLUMN_ID + 1,
		.equality = F_UUID_EQ, .value = UUIDPGetDatum(id)
	};
}

bool
store_certificate_find(const pg_uuid_t *id, KmsCertificate *certificate)
{
	StoreScan	scan = scan_for(id);

	return store_find(&scan, read_certificate, certificate);
}

bool
store_certificate_find_carefully(const pg_uuid_t *id, KmsCertificate *certificate, bool *understood)
{
	StoreScan	scan = scan_for(id);

	return store_find_carefully(&scan, read_certificate, certificate, understood);
}

bool
store_certificate_lock(const pg_uuid_t *id, KmsCertificate *certificate)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM certificate WHERE id = $1 FOR NO KEY UPDATE",
		.nargs = 1, .argtypes = {UUIDOID}
	};
	StoreScan	by_id = scan_for(id);

	return store_lock_row(&query, id, &by_id, read_certificate, certificate);
}

bool
store_certificate_lock_free(const pg_uuid_t *id, KmsCertificate *certificate)
{
	static StoreQuery query = {
		.sql = "SELECT * FROM certificate WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED",
		.nargs = 1, .argtypes = {UUIDOID}
	};

	return store_lock_row(&query, id, NULL, read_certificate, certificate);
}

bool
store_certificate_exists(void)
{
	StoreScan	scan = {.table = store_table("certificate")};

	return OidIsValid(scan.table) && store_exists(&scan);
}

int
store_certificate_owned(const KmsStoredRole *owner, const pg_uuid_t *after, pg_uuid_t *ids, int max)
{
	static StoreQuery query = {
		.sql = "SELECT id FROM certificate WHERE owner = $1 AND owner_name = $2 AND id > $3 ORDER BY id LIMIT $4",
		.nargs = 4, .argtypes = {OIDOID, TEXTOID, UUIDOID, INT4OID}
	};

	return store_owned(&query, owner, after, ids, max);
}

void
store_certificate_insert(const KmsCertificate *certificate)
{
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT] = {false};

	values[COLUMN_ID] = UUIDPGetDatum(&certificate->id);
	values[COLUMN_OWNER] = ObjectIdGetDatum(certificate->stored_owner.oid);
	values[COLUMN_OWNER_NAME] = CStringGetTextDatum(certificate->stored_owner.name);
	values[COLUMN_CREATED_AT] = TimestampTzGetDatum(certificate->created_at);
	values[COLUMN_UPDATED_AT] = TimestampTzGetDatum(certificate->updated_at);
	values[COLUMN_STATUS] = CStringGetTextDatum(statuses[certificate->status]);
	values[COLUMN_SPEC] = CStringGetTextDatum(specs[certificate->spec]);
	values[COLUMN_EXPORTABLE] = BoolGetDatum(certificate->exportable);
	values[COLUMN_SUBJECT] = CStringGetTextDatum(certificate->subject);
	values[COLUMN_NAMES] = array_of(certificate->names);
	values[COLUMN_ISSUER] = row_text_datum(certificate->issuer, &nulls[COLUMN_ISSUER]);
	values[COLUMN_SERIAL] = row_text_datum(certificate->serial, &nulls[COLUMN_SERIAL]);
	values[COLUMN_NOT_BEFORE] = row_time_datum(certificate->not_before, &nulls[COLUMN_NOT_BEFORE]);
	values[COLUMN_NOT_AFTER] = row_time_datum(certificate->not_after, &nulls[COLUMN_NOT_AFTER]);
	values[COLUMN_CERTIFICATE] = row_text_datum(certificate->certificate, &nulls[COLUMN_CERTIFICATE]);
	values[COLUMN_CHAIN] = row_text_datum(certificate->chain, &nulls[COLUMN_CHAIN]);
	values[COLUMN_KEY_IDENTIFIER] = CStringGetTextDatum(certificate->key_identifier);
	values[COLUMN_PUBLIC_KEY] = PointerGetDatum(bytes_of(certificate->public_key.data, certificate->public_key.len));
	values[COLUMN_REQUEST] = CStringGetTextDatum(certificate->request);
	values[COLUMN_WARN_AT] = row_time_datum(certificate->warn_at, &nulls[COLUMN_WARN_AT]);
	values[COLUMN_WRAPPED] = PointerGetDatum(bytes_of(certificate->wrapped.data, certificate->wrapped.len));
	values[COLUMN_WRAP_ACCOUNT_ID] = Int64GetDatum(certificate->wrap_account_id);
	values[COLUMN_WRAP_DOMAIN_KEY_VERSION] = Int32GetDatum(certificate->wrap_domain_key_version);
	seal_to_values(&certificate->seal, values + COLUMN_SEAL);
	store_insert(store_catalog()->certificate, COLUMN_COUNT, values, nulls);
}

#define UPDATED_COLUMNS 18

void
store_certificate_update(const KmsCertificate *certificate)
{
	static StoreQuery query = {
		.sql = "UPDATE certificate SET owner = $2, owner_name = $3, updated_at = $4, status = $5, subject = $6, names = $7,"
		"       issuer = $8, serial = $9, not_before = $10, not_after = $11, certificate = $12, certificate_chain = $13,"
		"       key_identifier = $14, warn_at = $15, account_id = $16, domain_key_version = $17, mac = $18"
		" WHERE id = $1",
		.nargs = UPDATED_COLUMNS, .argtypes = {UUIDOID, OIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTARRAYOID,
			TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
			TEXTOID, TIMESTAMPTZOID, INT8OID, INT4OID, BYTEAOID}
	};
	bool		is_null[UPDATED_COLUMNS] = {false};
	Datum		values[UPDATED_COLUMNS] = {
		UUIDPGetDatum(&certificate->id),
		ObjectIdGetDatum(certificate->stored_owner.oid),
		CStringGetTextDatum(certificate->stored_owner.name),
		TimestampTzGetDatum(certificate->updated_at),
		CStringGetTextDatum(statuses[certificate->status]),
		CStringGetTextDatum(certificate->subject),
		array_of(certificate->names),
		row_text_datum(certificate->issuer, &is_null[7]),
		row_text_datum(certificate->serial, &is_null[8]),
		row_time_datum(certificate->not_before, &is_null[9]),
		row_time_datum(certificate->not_after, &is_null[10]),
		row_text_datum(certificate->certificate, &is_null[11]),
		row_text_datum(certificate->chain, &is_null[12]),
		CStringGetTextDatum(certificate->key_identifier),
		row_time_datum(certificate->warn_at, &is_null[14])
	};
	char		nulls[UPDATED_COLUMNS];

	seal_to_values(&certificate->seal, values + UPDATED_COLUMNS - SEAL_COLUMNS);
	for (int i = 0; i < UPDATED_COLUMNS; i++)
		nulls[i] = is_null[i] ? 'n' : ' ';
	store_run(&query, values, nulls);
}

void
store_certificate_erase(const pg_uuid_t *id)
{
	static StoreQuery queries[] = {
		{.sql = "DELETE FROM grant_entry WHERE resource = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM job WHERE resource = $1 AND outcome <> 'done'", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM tag WHERE resource = $1", .nargs = 1, .argtypes = {UUIDOID}},
		{.sql = "DELETE FROM certificate WHERE id = $1", .nargs = 1, .argtypes = {UUIDOID}}
	};
	Datum		values[] = {UUIDPGetDatum(id)};

	for (size_t i = 0; i < lengthof(queries); i++)
		store_run(&queries[i], values, NULL);
}

void
store_certificate_notify(const pg_uuid_t *id)
{
	char		text[37];

	Async_Notify(NOTIFY_CHANNEL, uuid_print(id, text));
}

void
store_certificate_each(StoreSee see, void *argument)
{
	KmsCertificate row;

	store_each(store_catalog()->certificate, read_certificate, &row, see, argument);
}

static void
fill_certificate(const void *row, Datum *values, bool *replaces)
{
	const KmsCertificate *certificate = row;

	values[COLUMN_WRAPPED] = PointerGetDatum(bytes_of(certificate->wrapped.data, certificate->wrapped.len));
	values[COLUMN_WRAP_ACCOUNT_ID] = Int64GetDatum(certificate->wrap_account_id);
	values[COLUMN_WRAP_DOMAIN_KEY_VERSION] = Int32GetDatum(certificate->wrap_domain_key_version);
	memset(replaces + COLUMN_WRAPPED, true, 3);
	seal_fill(&certificate->seal, COLUMN_SEAL, values, replaces);
}

int64
store_certificate_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more)
{
	KmsCertificate row;
	const StoreRewriting what = {store_catalog()->certificate, read_certificate, &row, rewrite, fill_certificate, argument};

	return store_rewrite(&what, max, more);
}
