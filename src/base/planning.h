/*
 * Whether the planner is at work.  It evaluates STABLE functions of constants to
 * estimate, and throws the result away: that is no use of a key.
 */
#ifndef KMS_PLANNING_H
#define KMS_PLANNING_H

#include "postgres.h"

/* How many planners are at work inside one another; 0: none. */
extern int	planning_depth;

/* Once, from _PG_init. */
extern void planning_install(void);

#endif
