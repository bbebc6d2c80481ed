/*
 * Lists of columns.  SplitIdentifierString would do but for the second name.
 */
#include "base/name_list.h"

#include "base/error.h"
#include "parser/scansup.h"

/* What is left of the list. */
typedef struct Scanner
{
	const char *argument;
	const char *at;
} Scanner;

static void
err_list(const Scanner *scanner)
{
	err_invalid(scanner->argument, "it must be a list of columns, like ssn, card or social=ssn");
}

static void
skip_blanks(Scanner *scanner)
{
	while (scanner_isspace(*scanner->at))
		scanner->at++;
}

/* After the opening quote: to the closing one, of which two stand for one. */
static char *
take_quoted(Scanner *scanner)
{
	char	   *name = palloc(strlen(scanner->at) + 1);
	size_t		len = 0;

	for (;; scanner->at++)
	{
		if (*scanner->at == '\0')
			err_list(scanner);
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
	if (*name == '\0')
		err_list(scanner);
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
	return item;
}

List *
name_list_parse(const char *argument, const char *text)
{
	Scanner		scanner = {argument, text};
	List	   *items = NIL;

	skip_blanks(&scanner);
	if (*scanner.at == '\0')
		return NIL;
	for (;; scanner.at++)
	{
		items = lappend(items, take_item(&scanner));
		if (*scanner.at != ',')
			break;
	}
	if (*scanner.at != '\0')
		err_list(&scanner);
	return items;
}
