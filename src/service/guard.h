/*
 * The guard against accidents: what would throw every key away is refused.
 */
#ifndef KMS_GUARD_H
#define KMS_GUARD_H

#include "postgres.h"

/* Chain into object_access_hook.  Once, from _PG_init. */
extern void guard_install(void);

#endif
