/*
 * The statement behind an action: text made of the table, planned once per session.
 *
 * The user stays who he is, so that privileges and the rules of the service hold as
 * if he had called the function himself.
 */
#include "call/statement.h"

#include "base/error.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* More than there are. */
#define MAX_PLANS 100

typedef struct Schema
{
	Oid			oid;
	char		name[NAMEDATALEN];
} Schema;

static struct
{
	Schema		functions;		/* of the extension */
	Schema		helpers;		/* that it made */
	Oid			user;			/* whose the plans are: planning asks for some of his rights */
	int			count;
	const CallAction *actions[MAX_PLANS];
	SPIPlanPtr	plans[MAX_PLANS];
}			session;

static int	guc_level;

/* ---- where our functions are ---- */

static bool
is_called(const Schema *schema)
{
	char	   *name = OidIsValid(schema->oid) ? get_namespace_name(schema->oid) : NULL;

	return name != NULL && strcmp(name, schema->name) == 0;
}

static void
set_schema(Schema *schema, int column)
{
	bool		is_null;
	Datum		oid = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null);
	char	   *name = get_namespace_name(DatumGetObjectId(oid));

	if (name == NULL)
		elog(ERROR, "a schema of kms is gone");
	schema->oid = DatumGetObjectId(oid);
	strlcpy(schema->name, name, NAMEDATALEN);
}

/* Plans name our schemas, and are one role's: where these are others, or called otherwise, all begin anew. */
static void
find_schemas(void)
{
	static const char sql[] =
		"SELECT e.extnamespace, d.objid FROM pg_catalog.pg_extension AS e"
		"  JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
		"   AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass"
		" WHERE e.extname = 'kms'";

	if (is_called(&session.functions) && is_called(&session.helpers) && session.user == GetUserId())
		return;
	while (session.count > 0)
		SPI_freeplan(session.plans[--session.count]);
	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "the schemas of kms cannot be found");
	session.user = GetUserId();
	set_schema(&session.functions, 1);
	set_schema(&session.helpers, 2);
}

/* ---- plans ---- */

/* Text of the table, with "@." and "%." replaced. */
static void
append(StringInfo sql, const char *text)
{
	for (const char *next = text; *next != '\0'; next++)
	{
		if ((next[0] == '@' || next[0] == '%') && next[1] == '.')
			appendStringInfoString(sql, quote_identifier(next[0] == '@' ? session.functions.name : session.helpers.name));
		else
			appendStringInfoChar(sql, *next);
	}
}

static char *
text_of(const CallAction *action)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT");
	for (int i = 0; i < call_count_results(action); i++)
	{
		appendStringInfoString(&sql, i == 0 ? " (" : ", (");
		append(&sql, action->response[i].column);
		appendStringInfoString(&sql, action->response[i].kind == CALL_TEXT ? ")::pg_catalog.text" : ")");
	}
	appendStringInfoString(&sql, " FROM ");
	append(&sql, action->from);
	if (action->order != NULL)
	{
		appendStringInfoString(&sql, " ORDER BY ");
		append(&sql, action->order);
	}
	return sql.data;
}

static SPIPlanPtr
plan_of(const CallAction *action, CallRequest *request)
{
	SPIPlanPtr	plan;

	for (int i = 0; i < session.count; i++)
		if (session.actions[i] == action)
			return session.plans[i];
	if (session.count == MAX_PLANS)
		elog(ERROR, "there are more actions than plans");
	plan = SPI_prepare(text_of(action), request->count, request->types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "cannot prepare action %s: %s", action->name, SPI_result_code_string(SPI_result));
	session.actions[session.count] = action;
	session.plans[session.count++] = plan;
	return plan;
}

/* ---- running ---- */

static void
pin_search_path(void)
{
	guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
statement_open(const CallAction *action, CallRequest *request)
{
	int			result;

	pin_search_path();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	find_schemas();
	result = SPI_execute_plan(plan_of(action, request), request->values, request->nulls, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "cannot run action %s: %s", action->name, SPI_result_code_string(result));
}

void
statement_close(void)
{
	SPI_finish();
	AtEOXact_GUC(true, guc_level);
}
