/*
 * Whether a query is being planned.  The planner evaluates a STABLE function to
 * estimate with its result: that is no use of a key.
 */
#ifndef KMS_PLANNING_H
#define KMS_PLANNING_H

#include "postgres.h"

/* How many planners are at work here, one inside the other. */
extern int	planning_depth;

/* Chain into planner_hook.  Once, from _PG_init. */
extern void planning_install(void);

#endif
