/*
 * Versions of secrets: reading a value, storing a new one, moving labels.
 */
#ifndef KMS_SECRET_VERSION_H
#define KMS_SECRET_VERSION_H

#include "postgres.h"

#include "crypto/kc.h"
#include "nodes/pg_list.h"
#include "service/secret_label.h"
#include "store/secret.h"
#include "store/secret_version.h"

/* Versions of a secret; the oldest without a label makes room for the next. */
#define SECRET_VERSIONS_MAX 10

typedef struct KmsSecretValue
{
	KmsSecret	secret;
	KmsSecretVersion version;
	List	   *labels;			/* of the version: strings */
	bytea	   *value;			/* text is UTF-8 */
} KmsSecretValue;

/*
 * The value of a version, by label (NULL: ACSCurrent), by id, or by both, which must
 * mean the same version.  Of managed secrets the id is ignored, and the label is
 * ACSCurrent or ACSPrevious.  Logged before it is returned.
 */
extern void secret_get_value(Oid caller, const char *name, const char *stage, const char *version_id,
							 KmsSecretValue *result);

typedef struct KmsPutValue
{
	const char *secret_name;
	const char *version_id;
	kc_view		value;			/* text is UTF-8 */
	bool		is_binary;
	List	   *stages;			/* strings; NIL: ACSCurrent */
} KmsPutValue;

/* A new version; the labels that it has then.  The same value under the same id changes nothing. */
extern List *secret_put_value(Oid caller, const KmsPutValue *put);

/* InvalidParameter if it is longer than SECRET_VALUE_MAX bytes, or text and no UTF-8. */
extern void secret_require_value(kc_view value, bool is_binary);

/* Attach (move_to alone), detach (remove_from alone) or move a label. */
extern void secret_update_stage(Oid caller, const char *name, const char *stage, const char *move_to,
								const char *remove_from);

/* The versions and their labels; *versions: a list of KmsSecretVersion, the newest first. */
extern void secret_list_versions(Oid caller, const char *name, List **versions, SecretLabels *labels);

/*
 * Inside store_open, with the secret locked: add a version with this value, sealed
 * for user, after the oldest version without a label if there are too many.  Fills in
 * the rest of version but for id, is_binary and role_name.
 */
extern void secret_add_version(Oid user, const KmsSecret *secret, const SecretLabels *labels,
							   KmsSecretVersion *version, kc_view value);

/* The same for a role and its password: what is stored of them is made here, and wiped. */
extern void secret_add_account(Oid user, const KmsSecret *secret, const SecretLabels *labels,
							   const char *version_id, const char *role_name, const char *password);

#endif
