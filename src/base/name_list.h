/*
 * Lists of columns as a trigger's argument has them: ssn, "Card No" = card.
 */
#ifndef KMS_NAME_LIST_H
#define KMS_NAME_LIST_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct NameItem
{
	char	   *name;
	char	   *alias;			/* behind =; the name itself if there is none */
} NameItem;

/*
 * A list of NameItem; none for nothing but blanks.  Names follow SQL's rules: in small
 * letters unless they are quoted.  InvalidParameter for what is no such list; argument
 * is its name in the error.
 */
extern List *name_list_parse(const char *argument, const char *text);

/* Likewise; false for what is no such list. */
extern bool name_list_try(const char *text, List **items);

/* A name that is in a list twice, as the one or the other; NULL if there is none. */
extern const char *name_list_repeats(const List *items);

/* The name of a column as it is written in a list; two for another name in the context or the like. */
extern const char *name_list_item(const char *name, const char *alias);

#endif
