/*
 * The JSON of secrets that are the passwords of roles: their configuration, and
 * the accounts that they begin with.
 */
#ifndef KMS_SECRET_CONFIG_H
#define KMS_SECRET_CONFIG_H

#include "postgres.h"

#include "store/secret.h"
#include "utils/jsonb.h"

/*
 * {"SecretSubType": "SingleUser" or "DoubleUsers", "DBInstanceId": string [, "CustomData": object]}
 * as it is stored, CustomData included; at most 1024 characters, CustomData at most
 * 10 pairs.  Anything else: InvalidParameter.
 */
extern const char *secret_config_parse(Jsonb *config, KmsSecretSubType *sub_type);

/* The stored configuration, of a row that nobody has looked at; Rejected.Unavailable if it is no JSON. */
extern Jsonb *secret_config_read(const char *stored);

/* The stored configuration with this CustomData. */
extern const char *secret_config_replace(const char *stored, Jsonb *custom_data);

/* The accounts of {"Accounts": [{"AccountName": string, "AccountPassword": string} [, ...]]}, in palloced memory. */
#define SECRET_ACCOUNTS_MAX 2

typedef struct KmsSecretAccount
{
	const char *name;
	const char *password;
} KmsSecretAccount;

/* How many; InvalidParameter, which quotes nothing, for anything else. */
extern int	secret_accounts_parse(const char *data, KmsSecretSubType sub_type,
								  KmsSecretAccount accounts[SECRET_ACCOUNTS_MAX]);

/* {"AccountName":"","AccountPassword":""}, what is stored of one; the caller wipes it. */
extern char *secret_account_value(const char *name, const char *password);

#endif
