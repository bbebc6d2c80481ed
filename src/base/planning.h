/*
 * Whether the planner evaluates a function.  It does so with a STABLE function, to
 * estimate with its result: that is no use of a key.  What a function in another
 * language does is one, also if it is the planner that calls it: such a function
 * may do anything with what it gets.
 */
#ifndef KMS_PLANNING_H
#define KMS_PLANNING_H

#include "postgres.h"

/* How many planners are at work here, one inside the other. */
extern int	planning_depth;

/* What error_context_stack was when the innermost one began: languages, and SPI, add to it. */
extern ErrorContextCallback *planning_context;

/* Whether it is the planner itself that calls. */
static inline bool
is_planning(void)
{
	return unlikely(planning_depth > 0) && error_context_stack == planning_context;
}

/* Chain into planner_hook.  Once, from _PG_init. */
extern void planning_install(void);

#endif
