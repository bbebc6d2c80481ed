/*
 * The audit log as a chain.
 *
 * A log begins with the opening of the service and is never begun anew: what
 * empties it, the head included, is noticed like any other missing row.
 */
#include "service/audit_chain.h"

#include "base/error.h"
#include "service/account.h"
#include "service/row_mac.h"

static const uint8 no_row[SEAL_MAC_LEN];

static void
row_record(const KmsAuditRow *row, const uint8 *previous, KmsRecord *record)
{
	record_begin(record, "audit");
	record_int(record, row->seq);
	record_int(record, row->occurred_at);
	record_text(record, row->session_user_name);
	record_text(record, row->user_name);
	record_text(record, row->application_name);
	record_text(record, row->client_address);
	record_text(record, row->operation);
	record_text(record, row->resource_type);
	record_text(record, row->resource);
	record_text(record, row->detail);
	record_text(record, row->result);
	record_text(record, row->api_code);
	record_bytes(record, kc_view_of(previous, SEAL_MAC_LEN));
}

static void
head_record(const KmsAuditHead *head, KmsRecord *record)
{
	record_begin(record, "audit_head");
	record_int(record, head->seq);
	record_bytes(record, kc_view_of(head->row_mac, SEAL_MAC_LEN));
}

static bool
head_fits(const KmsAuditHead *head)
{
	KmsRecord	record;

	head_record(head, &record);
	return row_mac_fits(&record, &head->seal);
}

void
audit_chain_open(AuditChain *chain, int64 account, bool first)
{
	bool		found = store_audit_head_find(account, &chain->head);

	chain->account = account;
	chain->is_new = !found;
	if (found ? !head_fits(&chain->head) : !first)
		kms_ereport(ERRCODE_DATA_CORRUPTED, API_REJECTED_UNAVAILABLE,
					errmsg("the audit log has been damaged or tampered with, so nothing can be recorded"),
					errhint("Restore the tables audit_entry and audit_head of extension kms from a backup; kms.audit = off lets a superuser work without a record."));
	if (found)
		return;
	chain->head.seq = 0;
	memcpy(chain->head.row_mac, no_row, SEAL_MAC_LEN);
}

void
audit_chain_add(AuditChain *chain, KmsAuditRow *row)
{
	KmsRecord	record;
	KmsSeal		seal;

	row->seq = ++chain->head.seq;
	row_record(row, chain->head.row_mac, &record);
	row_mac_make_for(chain->account, &record, &seal);
	store_audit_insert(row, &seal);
	memcpy(chain->head.row_mac, seal.mac, SEAL_MAC_LEN);
}

void
audit_chain_close(AuditChain *chain)
{
	KmsRecord	record;

	head_record(&chain->head, &record);
	row_mac_make_for(chain->account, &record, &chain->head.seal);
	if (chain->is_new)
		store_audit_head_insert(&chain->head);
	else
		store_audit_head_update(&chain->head);
}

/* What a walk has seen. */
typedef struct Walk
{
	KmsAuditVerification *result;
	uint8		previous[SEAL_MAC_LEN];
} Walk;

static bool
report(KmsAuditVerification *result, int64 row, const char *problem)
{
	result->first_bad_row = row;
	result->problem = problem;
	return true;
}

static bool
check_row(const KmsAuditRow *row, const KmsSeal *seal, void *argument)
{
	Walk	   *walk = argument;
	KmsAuditVerification *result = walk->result;
	int64		expected = result->rows_checked + 1;
	KmsRecord	record;

	if (row == NULL)
		return report(result, expected, "the row was changed");
	if (row->seq > expected)
		return report(result, expected, "the row is missing");
	if (row->seq < expected)
		return report(result, row->seq, "there is another row of this number");
	row_record(row, walk->previous, &record);
	if (!row_mac_fits(&record, seal))
		return report(result, row->seq, "the row was changed, or stands in the place of another");
	memcpy(walk->previous, seal->mac, SEAL_MAC_LEN);
	result->rows_checked++;
	return false;
}

/* The rows are good as far as they go; whether they go far enough, the head says. */
static void
check_head(const KmsAuditHead *head, bool found, const Walk *walk)
{
	KmsAuditVerification *result = walk->result;
	int64		next = result->rows_checked + 1;

	if (!found)
		report(result, next, "the row in audit_head is missing: rows may have been cut off here");
	else if (!head_fits(head))
		report(result, next, "the row in audit_head was changed: rows may have been cut off here");
	else if (head->seq >= next)
		report(result, next, "this row and all after it are missing");
	else if (head->seq < result->rows_checked)
		report(result, head->seq + 1, "audit_head is older than the rows from here on");
	else if (memcmp(head->row_mac, walk->previous, SEAL_MAC_LEN) != 0)
		report(result, head->seq, "audit_head is that of another log");
}

void
audit_verify(KmsAuditVerification *result)
{
	Walk		walk = {.result = result};
	KmsAuditHead head;
	bool		found;
	int64		account = account_id();

	account_require_unsealed();
	memset(result, 0, sizeof(*result));
	found = store_audit_walk(account, &head, check_row, &walk);
	if (result->problem == NULL)
		check_head(&head, found, &walk);
}
