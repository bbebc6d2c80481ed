/*
 * Rows of kms.import_token.
 */
#ifndef KMS_STORE_IMPORT_TOKEN_H
#define KMS_STORE_IMPORT_TOKEN_H

#include "postgres.h"

#include "store/store.h"

#include "crypto/transport.h"
#include "crypto/wrap.h"
#include "datatype/timestamp.h"
#include "utils/uuid.h"

#define IMPORT_TOKEN_WRAPPED_MAX (KC_TRANSPORT_PRIVATE_MAX + KC_WRAP_OVERHEAD)

/* The API's names of the transports; 0 for a name that is none. */
extern const char *transport_name(kc_pke transport);
extern kc_pke transport_of(const char *name);

typedef struct KmsImportToken
{
	pg_uuid_t	id;
	pg_uuid_t	key_id;
	kc_pke transport;
	TimestampTz expires_at;
	int64		account_id;		/* of the domain key that wraps the private key */
	int32		domain_key_version;
	size_t		wrapped_len;	/* 0: erased */
	uint8		wrapped[IMPORT_TOKEN_WRAPPED_MAX];
} KmsImportToken;

/* With a fresh snapshot; false if there is none. */
extern bool store_import_token_find(const pg_uuid_t *id, KmsImportToken *token);

/* Needs no store_open. */
extern void store_import_token_insert(const KmsImportToken *token);

/* Inside store_open: erase the private keys of what has expired, and forget what has long. */
extern void store_import_token_expire(TimestampTz now, TimestampTz long_ago);

/* Every row: see is given a KmsImportToken, or NULL (store_each). */
extern void store_import_token_each(StoreSee see, void *argument);

/* Inside store_open_alone: with private keys under another domain key, of at most max rows (store_rewrite). */
extern int64 store_import_token_rewrite(bool (*rewrite) (void *row, void *argument), void *argument, int64 max, bool *more);

#endif
