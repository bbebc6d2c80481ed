/*
 * Schedules: expanded cipher keys, of which only hot versions have one.
 */
#ifndef KMS_SCHEDULE_H
#define KMS_SCHEDULE_H

#include "service/key_cache.h"

/*
 * schedule_for, declared in key_cache.h: a schedule set for this version, a new
 * one of its own if it has been used often enough, or the one that all others
 * share.
 */

/* The version goes away: take back its schedule. */
extern void schedule_release(KmsCachedVersion *version);

#endif
