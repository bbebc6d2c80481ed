/*
 * Rows of kms.audit_entry, and of kms.audit_head: how far each account's log goes.
 */
#ifndef KMS_STORE_AUDIT_H
#define KMS_STORE_AUDIT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "store/seal.h"

/* Strings may be NULL, where a column is. */
typedef struct KmsAuditRow
{
	int64		seq;
	TimestampTz occurred_at;
	const char *session_user_name;
	const char *user_name;
	const char *application_name;
	const char *client_address;
	const char *operation;
	const char *resource_type;
	const char *resource;
	const char *detail;
	const char *result;
	const char *api_code;
} KmsAuditRow;

/* The last row's number and MAC.  The seal's account is the log's. */
typedef struct KmsAuditHead
{
	ItemPointerData place;		/* of the row, for store_audit_head_update */
	int64		seq;
	uint8		row_mac[SEAL_MAC_LEN];
	KmsSeal		seal;
} KmsAuditHead;

/*
 * Let nobody else add to the logs of this database until the end of the
 * transaction; others may read, and change keys.
 */
extern void store_audit_lock(void);

/* What has been committed by now; false if there is none. */
extern bool store_audit_head_find(int64 account, KmsAuditHead *head);

extern void store_audit_head_insert(const KmsAuditHead *head);
extern void store_audit_head_update(const KmsAuditHead *head);
extern void store_audit_insert(const KmsAuditRow *row, const KmsSeal *seal);

/* Called with each row of a log, in order, until it returns true; row NULL: nothing that we have written. */
typedef bool (*StoreAuditSeen) (const KmsAuditRow *row, const KmsSeal *seal, void *argument);

/*
 * Head and rows of an account's log as of one moment.  What was found of the
 * head is the result.  Memory is needed for one row at a time.
 */
extern bool store_audit_walk(int64 account, KmsAuditHead *head, StoreAuditSeen seen, void *argument);

#endif
