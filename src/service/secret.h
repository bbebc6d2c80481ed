/*
 * Secrets: finding them for somebody who may, and what can be known and changed of
 * them without a value.
 */
#ifndef KMS_SERVICE_SECRET_H
#define KMS_SERVICE_SECRET_H

#include "postgres.h"

#include "base/compat.h"

#include "service/access.h"
#include "store/secret.h"
#include "utils/jsonb.h"

/*
 * The name that somebody gave, or that an ARN has; argument is what it is called.  Malformed:
 * InvalidParameter; another account's or region's ARN: Forbidden.ResourceNotFound.
 */
extern const char *secret_parse_name(const char *argument, const char *text);

/* InvalidParameter unless it has 1 to max letters, digits and _ / + = . @ - */
extern void secret_require_identifier(const char *argument, const char *text, size_t max);

#define SECRET_VERSION_ID_MAX	64

/*
 * Find and authorise, then (inside store_open) lock, authorise what was found
 * then, and require it to be intact.  A secret whose delete date has come is not
 * found, but for the second pair, as long as its row is there.
 */
extern void secret_find_for(Oid caller, KmsAction action, const char *text, Snapshot snapshot, KmsSecret *secret);
extern void secret_lock_for(Oid caller, KmsAction action, KmsSecret *secret);
extern void secret_find_even_gone(Oid caller, KmsAction action, const char *text, KmsSecret *secret);
extern void secret_lock_even_gone(Oid caller, KmsAction action, KmsSecret *secret);

/* Whether the caller may do that with the secret, which is found in any case. */
extern bool secret_may(Oid caller, KmsAction action, const char *text, KmsSecret *secret, kc_view context);

pg_noreturn extern void err_secret_not_found(const char *name);

/* Rejected.ResourceInDeleteWindow if it is scheduled for deletion. */
extern void secret_require_active(const KmsSecret *secret);

/* Rejected.UnsupportedOperation for the other types. */
extern void secret_require_generic(const KmsSecret *secret);
extern void secret_require_managed(const KmsSecret *secret);

extern void secret_describe(Oid caller, const char *text, KmsSecret *secret);

/* description and custom_data: NULL, as it is; but not both. */
extern void secret_update(Oid caller, const char *text, const char *description, Jsonb *custom_data);

/* A row of kms.secret, as a view hands it over, and whether the caller may describe it. */
extern void secret_of_row(HeapTupleHeader row, KmsSecret *secret);
extern bool secret_may_describe(Oid caller, const pg_uuid_t *id, const KmsStoredRole *owner);

/* Record it in the audit log. */
extern void secret_record(KmsAction action, Oid caller, const KmsSecret *secret, const char *detail);

#endif
