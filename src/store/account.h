/*
 * The row of kms.account that is in force, and the domain keys.
 */
#ifndef KMS_STORE_ACCOUNT_H
#define KMS_STORE_ACCOUNT_H

#include "postgres.h"

#include "crypto/rootkey.h"
#include "crypto/wrap.h"
#include "datatype/timestamp.h"
#include "store/store.h"

#define DOMAIN_KEY_LEN			32
#define DOMAIN_KEY_WRAPPED_LEN	(DOMAIN_KEY_LEN + KC_WRAP_OVERHEAD)

typedef struct KmsAccount
{
	int64		id;
	TimestampTz created_at;
	int64		home_system;	/* where it was opened or confirmed: cluster */
	Oid			home_database;	/* and database */
} KmsAccount;

typedef struct KmsDomainKey
{
	int64		account_id;
	int32		version;
	uint8		root_key_id[KC_ROOT_KEY_ID_LEN];
	uint8		wrapped[DOMAIN_KEY_WRAPPED_LEN];
} KmsDomainKey;

/* The oldest account, with a fresh snapshot; false while the service is not open. */
extern bool store_account_find(KmsAccount *account);

/* Version 0: the newest of the account.  With a fresh snapshot. */
extern bool store_domain_key_find(int64 account_id, int32 version, KmsDomainKey *key);

/* Inside store_open: keep others from opening the service at the same time. */
extern void store_account_lock_table(void);
extern void store_account_insert(const KmsAccount *account);
extern void store_account_set_homes(int64 system, Oid database);

/* Whether every account, also one that a restore has brought along, is at home here. */
extern bool store_accounts_at_home(int64 system, Oid database);
extern void store_domain_key_insert(const KmsDomainKey *key);

/* Inside store_open: all of them, locked, in the current memory context; save: under another root key. */
extern KmsDomainKey *store_domain_key_lock_all(int *count);
extern void store_domain_key_save(const KmsDomainKey *key);

/* Every domain key: see is given a KmsDomainKey, or NULL (store_each). */
extern void store_domain_key_each(StoreSee see, void *argument);

#endif
