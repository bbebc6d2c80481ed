/*
 * How the service is doing.
 */
#ifndef KMS_STATUS_H
#define KMS_STATUS_H

#include "postgres.h"

/* "Enabled", "NotEnabled" or "Suspended". */
extern const char *status_of_account(void);

/* What kms.status shows. */
typedef struct KmsStatus
{
	const char *account_status;
	bool		preloaded;
	bool		sealed;
	const char *root_key_id;	/* hexadecimal, NULL when sealed */
	const char *domain_root_key_id; /* that wraps the domain key, NULL while not open */
	const char *root_key_memory;
	bool		workers;		/* whether they do what is due here */
	bool		session_memory_locked;
	int64		session_cached_keys;
	int64		session_cache_bytes;
	int64		usage_entries;
	int64		usage_lost_calls;
} KmsStatus;

extern void status_describe(KmsStatus *status);

#endif
