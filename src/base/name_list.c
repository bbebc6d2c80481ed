/*
 * Lists of columns.  SplitIdentifierString would do but for the second name.
 */
#include "base/name_list.h"

#include "access/htup_details.h"
#include "base/error.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

/* What is left of the list. */
typedef struct Scanner
{
	const char *at;
} Scanner;

static void
skip_blanks(Scanner *scanner)
{
	while (scanner_isspace(*scanner->at))
		scanner->at++;
}

/* After the opening quote: to the closing one, of which two stand for one; NULL if there is none. */
static char *
take_quoted(Scanner *scanner)
{
	char	   *name = palloc(strlen(scanner->at) + 1);
	size_t		len = 0;

	for (;; scanner->at++)
	{
		if (*scanner->at == '\0')
			return NULL;
		if (*scanner->at == '"' && *++scanner->at != '"')
			break;
		name[len++] = *scanner->at;
	}
	name[len] = '\0';
	truncate_identifier(name, (int) len, false);
	return name;
}

static char *
take_bare(Scanner *scanner)
{
	const char *start = scanner->at;

	while (*scanner->at != '\0' && *scanner->at != ',' && *scanner->at != '=' && *scanner->at != '"' &&
		   !scanner_isspace(*scanner->at))
		scanner->at++;
	return downcase_truncate_identifier(start, (int) (scanner->at - start), false);
}

/* NULL if there is none. */
static char *
take_name(Scanner *scanner)
{
	char	   *name;

	skip_blanks(scanner);
	if (*scanner->at == '"')
	{
		scanner->at++;
		name = take_quoted(scanner);
	}
	else
		name = take_bare(scanner);
	if (name == NULL || *name == '\0')
		return NULL;
	skip_blanks(scanner);
	return name;
}

static NameItem *
take_item(Scanner *scanner)
{
	NameItem   *item = palloc(sizeof(NameItem));

	item->name = item->alias = take_name(scanner);
	if (*scanner->at == '=')
	{
		scanner->at++;
		item->alias = take_name(scanner);
	}
	return item->name != NULL && item->alias != NULL ? item : NULL;
}

bool
name_list_try(const char *text, List **items)
{
	Scanner		scanner = {text};

	*items = NIL;
	skip_blanks(&scanner);
	if (*scanner.at == '\0')
		return true;
	for (;; scanner.at++)
	{
		NameItem   *item = take_item(&scanner);

		if (item == NULL)
			return false;
		*items = lappend(*items, item);
		/* More than any table has: a stranger's trigger may be as long as a gigabyte. */
		if (list_length(*items) > MaxHeapAttributeNumber)
			return false;
		if (*scanner.at != ',')
			break;
	}
	return *scanner.at == '\0';
}

List *
name_list_parse(const char *argument, const char *text)
{
	List	   *items;

	if (!name_list_try(text, &items))
		err_invalid(argument, "it must be a list of columns, like ssn, card or social=ssn");
	return items;
}

const char *
name_list_repeats(const List *items)
{
	for (int i = 0; i < list_length(items); i++)
		for (int j = i + 1; j < list_length(items); j++)
		{
			const NameItem *a = list_nth(items, i);
			const NameItem *b = list_nth(items, j);

			if (strcmp(a->name, b->name) == 0)
				return a->name;
			if (strcmp(a->alias, b->alias) == 0)
				return a->alias;
		}
	return NULL;
}

/* quote_identifier leaves out the quotes where SQL may; so may we. */
const char *
name_list_item(const char *name, const char *alias)
{
	if (strcmp(name, alias) == 0)
		return quote_identifier(name);
	return psprintf("%s=%s", quote_identifier(name), quote_identifier(alias));
}
