/*
 * The settings, docs/settings.md.
 */
#ifndef KMS_SETTINGS_H
#define KMS_SETTINGS_H

#include "postgres.h"

extern char *setting_root_key_file;		/* path, or "" */
extern char *setting_root_key_command;	/* shell command, or "" */
extern char *setting_region;			/* stands in ARNs */
/* What is recorded of the use of the service (docs/reference/audit.md). */
typedef enum KmsAudit
{
	AUDIT_OFF,
	AUDIT_CHANGES,
	AUDIT_ALL
} KmsAudit;

extern int	setting_audit;			/* KmsAudit */
extern int	setting_cache_size;			/* keys per session */
extern bool setting_superuser_may_use;
extern bool setting_allow_drop;
extern bool setting_allow_pkcs1_v1_5_import;
extern bool setting_worker_enabled;
extern int	setting_worker_naptime; /* seconds */
extern int	setting_deletion_grace; /* seconds */
extern int	setting_usage_entries;

/* Define them all and reserve the prefix.  Once, from _PG_init. */
extern void settings_define(void);

#endif
