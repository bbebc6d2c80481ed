/*
 * Whether a query is being planned.  A session that loads the library while it
 * plans has missed the beginning: its first call then counts as a use.
 */
#include "base/planning.h"

#include "optimizer/planner.h"

int			planning_depth;
ErrorContextCallback *planning_context;

static planner_hook_type next_hook;

static PlannedStmt *
count_planning(Query *parse, const char *query_string, int cursor_options, ParamListInfo parameters)
{
	ErrorContextCallback *outer = planning_context;
	PlannedStmt *result;

	planning_depth++;
	planning_context = error_context_stack;
	PG_TRY();
	{
		if (next_hook != NULL)
			result = next_hook(parse, query_string, cursor_options, parameters);
		else
			result = standard_planner(parse, query_string, cursor_options, parameters);
	}
	PG_FINALLY();
	{
		planning_depth--;
		planning_context = outer;
	}
	PG_END_TRY();
	return result;
}

void
planning_install(void)
{
	next_hook = planner_hook;
	planner_hook = count_planning;
}
