/*
 * Stage labels: which version of a secret is current, which was before, and
 * whatever else somebody calls them.  Each points at one version.
 */
#ifndef KMS_SECRET_LABEL_H
#define KMS_SECRET_LABEL_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "store/secret_version.h"

#define LABEL_CURRENT	"ACSCurrent"
#define LABEL_PREVIOUS	"ACSPrevious"
#define LABEL_LEN_MAX	64
#define LABELS_MAX		8		/* of a secret */

/* The labels of a secret as they are now; a list of KmsSecretStage. */
typedef struct SecretLabels
{
	pg_uuid_t	secret_id;
	List	   *stages;
} SecretLabels;

extern void labels_read(const pg_uuid_t *secret_id, Snapshot snapshot, SecretLabels *labels);

/* The version that has it, NULL: none has.  Rejected.Unavailable if the label's row was changed by hand. */
extern const char *label_holder(const SecretLabels *labels, const char *label);

/* The labels of a version, a list of strings; likewise. */
extern List *labels_of(const SecretLabels *labels, const char *version_id);

/* The same to be shown only: while the server is sealed, when nothing can be checked, as the rows have it. */
extern List *labels_shown(const SecretLabels *labels, const char *version_id);

/* Whether there is one, intact or not. */
extern bool label_exists(const SecretLabels *labels, const char *label);

/* Whether the version has any, intact or not. */
extern bool labels_any(const SecretLabels *labels, const char *version_id);

extern bool label_is_built_in(const char *label);

/* All of these inside store_open, with the secret locked: they write what they change. */
extern void label_put(SecretLabels *labels, const char *label, const char *version_id);
extern void label_remove(SecretLabels *labels, const char *label);

/* ACSCurrent to this version, ACSPrevious to the one that had it. */
extern void labels_make_current(SecretLabels *labels, const char *version_id);

/* Rejected.LimitExceeded if there are more than LABELS_MAX. */
extern void labels_require_few(const SecretLabels *labels, const char *secret_name);

#endif
