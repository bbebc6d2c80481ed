/*
 * What the columns of a decrypted view are in its table: read from the view's query, so
 * that columns, tables and views can be renamed.
 */
#include "service/view_query.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "service/decrypted_view.h"
#include "store/catalog.h"
#include "store/user_table.h"
#include "utils/lsyscache.h"

static bool
is_decrypt(Oid function)
{
	char	   *name = get_func_name(function);

	return name != NULL && strcmp(name, DECRYPTED_VIEW_READ) == 0 && get_func_namespace(function) == store_catalog()->schema;
}

/* Not a call, however SQL writes it: as trim(x), or without any argument. */
static bool
is_cast(const FuncExpr *call)
{
	return call->funcformat == COERCE_EXPLICIT_CAST || call->funcformat == COERCE_IMPLICIT_CAST;
}

/* Without what gives an expression the type and collation of its column. */
static Node *
strip_type(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (IsA(node, CoerceToDomain))
			node = (Node *) ((CoerceToDomain *) node)->arg;
		else if (IsA(node, FuncExpr) && is_cast((FuncExpr *) node))
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* A column of the table, or the call that decrypts one; anything else is no column of it. */
static void
set_base(KmsViewColumn *column, Node *expression, int table)
{
	Node	   *node = strip_type(expression);
	Var		   *var;

	column->decrypted = IsA(node, FuncExpr) && is_decrypt(((FuncExpr *) node)->funcid);
	if (column->decrypted)
		node = strip_type(linitial(((FuncExpr *) node)->args));
	else
		node = expression;
	var = (Var *) node;
	if (IsA(node, Var) && var->varno == table && var->varlevelsup == 0 && var->varattno > 0)
		column->base = var->varattno;
}

/* Ours read from one table; 0 for what somebody has made of them since. */
static int
table_index(const Query *query)
{
	if (query->jointree == NULL || list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef) || query->hasAggs || query->groupClause != NIL ||
		query->setOperations != NULL)
		return 0;
	return ((RangeTblRef *) linitial(query->jointree->fromlist))->rtindex;
}

Oid
view_query_table(const Query *query)
{
	int			index = table_index(query);
	RangeTblEntry *entry;

	if (index == 0)
		return InvalidOid;
	entry = rt_fetch(index, query->rtable);
	return entry->rtekind == RTE_RELATION && user_table_is_table(entry->relid) ? entry->relid : InvalidOid;
}

KmsViewColumn *
view_query_columns(const Query *query, int *count)
{
	KmsViewColumn *columns = palloc0(list_length(query->targetList) * sizeof(KmsViewColumn));
	ListCell   *cell;

	*count = 0;
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (entry->resjunk)
			continue;
		set_base(&columns[*count], (Node *) entry->expr, table_index(query));
		(*count)++;
	}
	return columns;
}

/* NULL in place of a column that is gone. */
static bool
is_empty(Node *expression)
{
	Node	   *node = strip_type(expression);

	return IsA(node, Const) && ((Const *) node)->constisnull;
}

/* As it was made, whatever its columns are called by now: every row, and columns as they are or decrypted. */
bool
view_query_is_as_made(const Query *query, Oid table)
{
	const RangeTblEntry *from;
	ListCell   *cell;

	if (view_query_table(query) != table || query->jointree->quals != NULL || query->distinctClause != NIL ||
		query->sortClause != NIL || query->limitCount != NULL || query->limitOffset != NULL || query->havingQual != NULL ||
		query->rowMarks != NIL || query->cteList != NIL)
		return false;
	from = rt_fetch(table_index(query), query->rtable);
	if (!from->inh || from->tablesample != NULL)
		return false;
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);
		KmsViewColumn column = {0};

		set_base(&column, (Node *) entry->expr, table_index(query));
		if (column.base == 0 && !is_empty((Node *) entry->expr))
			return false;
	}
	return true;
}
