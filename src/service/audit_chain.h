/*
 * The audit log as a chain: each row's MAC covers the MAC of the row before it,
 * and a head says which row is the last.  docs/formats.md.
 */
#ifndef KMS_AUDIT_CHAIN_H
#define KMS_AUDIT_CHAIN_H

#include "postgres.h"

#include "store/audit.h"

typedef struct AuditChain
{
	int64		account;
	bool		is_new;
	KmsAuditHead head;
} AuditChain;

/*
 * Go on where the log of an account ends, with store_audit_lock held.  A log
 * without its head, or with a damaged one, is not gone on with:
 * Rejected.Unavailable, unless this is to be its first row.
 */
extern void audit_chain_open(AuditChain *chain, int64 account, bool first);
extern void audit_chain_add(AuditChain *chain, KmsAuditRow *row);	/* numbers it, too */
extern void audit_chain_close(AuditChain *chain);

/* What is wrong with the log of the account in force. */
typedef struct KmsAuditVerification
{
	int64		rows_checked;	/* good ones, up to the first that is not */
	int64		first_bad_row;	/* 0: none */
	const char *problem;		/* NULL: none */
} KmsAuditVerification;

extern void audit_verify(KmsAuditVerification *result);

#endif
