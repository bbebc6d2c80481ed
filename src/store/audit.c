/*
 * The audit log's tables.  Nothing here needs SPI: rows are added while the
 * transaction commits.
 */
#include "store/audit.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/bytes.h"
#include "base/interrupt.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "store/catalog.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

enum
{
	ENTRY_SEQ,
	ENTRY_OCCURRED_AT,
	ENTRY_FIRST_TEXT,
	ENTRY_SEAL = ENTRY_FIRST_TEXT + 10,
	ENTRY_COLUMNS = ENTRY_SEAL + SEAL_COLUMNS
};

enum
{
	HEAD_SEQ,
	HEAD_ROW_MAC,
	HEAD_SEAL,
	HEAD_COLUMNS = HEAD_SEAL + SEAL_COLUMNS
};

void
store_audit_lock(void)
{
	const StoreCatalog *catalog = store_catalog();
	int			level = NewGUCNestLevel();

	/* A prepared transaction holds it for as long as it likes. */
	if (LockTimeout == 0)
		(void) set_config_option("lock_timeout", "10s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* The tables first: whoever has locked one whole may himself be about to add to the log. */
	LockRelationOid(catalog->audit_entry, RowExclusiveLock);
	LockRelationOid(catalog->audit_head, RowExclusiveLock);
	/* Column 1 of the table stands for the end of the log; nothing else locks columns. */
	LockDatabaseObject(RelationRelationId, catalog->audit_entry, 1, ExclusiveLock);
	AtEOXact_GUC(true, level);
}

static bool
read_head(HeapTuple row, TupleDesc type, KmsAuditHead *head)
{
	Datum		seal[SEAL_COLUMNS];
	bytea	   *mac = DatumGetByteaPP(store_column(row, HEAD_ROW_MAC + 1, type));

	head->place = row->t_self;
	head->seq = DatumGetInt64(store_column(row, HEAD_SEQ + 1, type));
	memset(head->row_mac, 0, SEAL_MAC_LEN);
	if (VARSIZE_ANY_EXHDR(mac) == SEAL_MAC_LEN)
		memcpy(head->row_mac, VARDATA_ANY(mac), SEAL_MAC_LEN);
	for (int i = 0; i < SEAL_COLUMNS; i++)
		seal[i] = store_column(row, HEAD_SEAL + i + 1, type);
	seal_from_values(seal, &head->seal);
	return true;
}

/* Snapshot NULL: a new one. */
static bool
find_head(int64 account, Snapshot snapshot, KmsAuditHead *head)
{
	Relation	relation = table_open(store_catalog()->audit_head, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		found = false;

	if (RelationGetNumberOfAttributes(relation) != HEAD_COLUMNS)
		err_stored();
	ScanKeyInit(&key, HEAD_SEAL + 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(account));
	scan = systable_beginscan(relation, store_catalog()->audit_head_pkey, true, snapshot, 1, &key);
	if (HeapTupleIsValid(row = systable_getnext(scan)))
		found = read_head(row, RelationGetDescr(relation), head);
	systable_endscan(scan);
	table_close(relation, NoLock);
	return found;
}

bool
store_audit_head_find(int64 account, KmsAuditHead *head)
{
	return find_head(account, NULL, head);
}

static void
head_values(const KmsAuditHead *head, Datum values[HEAD_COLUMNS])
{
	values[HEAD_SEQ] = Int64GetDatum(head->seq);
	values[HEAD_ROW_MAC] = PointerGetDatum(bytes_of(head->row_mac, SEAL_MAC_LEN));
	seal_to_values(&head->seal, values + HEAD_SEAL);
}

void
store_audit_head_insert(const KmsAuditHead *head)
{
	Datum		values[HEAD_COLUMNS];
	bool		nulls[HEAD_COLUMNS] = {false};

	head_values(head, values);
	store_insert_record(store_catalog()->audit_head, HEAD_COLUMNS, values, nulls);
}

void
store_audit_head_update(const KmsAuditHead *head)
{
	ItemPointerData place = head->place;
	Datum		values[HEAD_COLUMNS];
	bool		nulls[HEAD_COLUMNS] = {false};

	head_values(head, values);
	store_update_record(store_catalog()->audit_head, &place, HEAD_COLUMNS, values, nulls);
}

/* The texts of a row, in the order of the columns. */
static const char **
text_of(KmsAuditRow *row, int number)
{
	const char **texts[ENTRY_SEAL - ENTRY_FIRST_TEXT] = {
		&row->session_user_name, &row->user_name, &row->application_name, &row->client_address,
		&row->operation, &row->resource_type, &row->resource, &row->detail, &row->result, &row->api_code
	};

	return texts[number];
}

void
store_audit_insert(const KmsAuditRow *row, const KmsSeal *seal)
{
	KmsAuditRow texts = *row;
	Datum		values[ENTRY_COLUMNS];
	bool		nulls[ENTRY_COLUMNS] = {false};

	values[ENTRY_SEQ] = Int64GetDatum(row->seq);
	values[ENTRY_OCCURRED_AT] = TimestampTzGetDatum(row->occurred_at);
	for (int i = ENTRY_FIRST_TEXT; i < ENTRY_SEAL; i++)
	{
		const char *value = *text_of(&texts, i - ENTRY_FIRST_TEXT);

		nulls[i] = value == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(value);
	}
	seal_to_values(seal, values + ENTRY_SEAL);
	store_insert_record(store_catalog()->audit_entry, ENTRY_COLUMNS, values, nulls);
}

/* False for a row with a null where none can be. */
static bool
read_entry(HeapTuple tuple, TupleDesc type, KmsAuditRow *row, KmsSeal *seal)
{
	Datum		values[ENTRY_COLUMNS];
	bool		nulls[ENTRY_COLUMNS];

	heap_deform_tuple(tuple, type, values, nulls);
	if (nulls[ENTRY_SEQ] || nulls[ENTRY_OCCURRED_AT] || nulls[ENTRY_SEAL] || nulls[ENTRY_SEAL + 1] || nulls[ENTRY_SEAL + 2])
		return false;
	row->seq = DatumGetInt64(values[ENTRY_SEQ]);
	row->occurred_at = DatumGetTimestampTz(values[ENTRY_OCCURRED_AT]);
	for (int i = ENTRY_FIRST_TEXT; i < ENTRY_SEAL; i++)
		*text_of(row, i - ENTRY_FIRST_TEXT) = nulls[i] ? NULL : TextDatumGetCString(values[i]);
	seal_from_values(values + ENTRY_SEAL, seal);
	return true;
}

/* A table that was altered must not be read as what it was. */
static void
require_own_columns(TupleDesc type)
{
	static const Oid types[SEAL_COLUMNS] = {INT8OID, INT4OID, BYTEAOID};
	bool		own = type->natts == ENTRY_COLUMNS && TupleDescAttr(type, ENTRY_SEQ)->atttypid == INT8OID &&
		TupleDescAttr(type, ENTRY_OCCURRED_AT)->atttypid == TIMESTAMPTZOID;

	for (int i = ENTRY_FIRST_TEXT; own && i < ENTRY_COLUMNS; i++)
		own = TupleDescAttr(type, i)->atttypid == (i < ENTRY_SEAL ? TEXTOID : types[i - ENTRY_SEAL]);
	if (!own)
		err_stored();
}

static void
walk_entries(int64 account, Snapshot snapshot, StoreAuditSeen seen, void *argument)
{
	Relation	relation = table_open(store_catalog()->audit_entry, AccessShareLock);
	Relation	index = index_open(store_catalog()->audit_entry_pkey, AccessShareLock);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kms audit row", ALLOCSET_SMALL_SIZES);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		done = false;

	require_own_columns(RelationGetDescr(relation));
	ScanKeyInit(&key, ENTRY_SEAL + 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(account));
	scan = systable_beginscan_ordered(relation, index, snapshot, 1, &key);
	while (!done && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		/* What the scan itself allocates, it keeps. */
		MemoryContext caller = MemoryContextSwitchTo(memory);
		KmsAuditRow row;
		KmsSeal		seal;

		CHECK_FOR_INTERRUPTS();
		done = read_entry(tuple, RelationGetDescr(relation), &row, &seal) ? seen(&row, &seal, argument) : seen(NULL, NULL, argument);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(memory);
	}
	systable_endscan_ordered(scan);
	MemoryContextDelete(memory);
	index_close(index, AccessShareLock);
	table_close(relation, NoLock);
}

bool
store_audit_walk(int64 account, KmsAuditHead *head, StoreAuditSeen seen, void *argument)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		found = find_head(account, snapshot, head);

	walk_entries(account, snapshot, seen, argument);
	UnregisterSnapshot(snapshot);
	return found;
}
