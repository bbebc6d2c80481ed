/*
 * Whether the planner is at work.
 */
#include "base/planning.h"

#include "optimizer/planner.h"

int			planning_depth;

static planner_hook_type next_planner;

static PlannedStmt *
plan(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
	PlannedStmt *result;

	planning_depth++;
	PG_TRY();
	{
		result = (next_planner != NULL ? next_planner : standard_planner) (query, text, cursor_options, parameters);
	}
	PG_FINALLY();
	{
		planning_depth--;
	}
	PG_END_TRY();
	return result;
}

void
planning_install(void)
{
	next_planner = planner_hook;
	planner_hook = plan;
}
