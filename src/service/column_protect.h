/*
 * Protecting a column of a table that is there already, and taking it back.
 */
#ifndef KMS_COLUMN_PROTECT_H
#define KMS_COLUMN_PROTECT_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct KmsProtect
{
	Oid			relation;
	const char *column;
	const char *key;
	List	   *context_columns;	/* names */
	bool		by_primary_key;		/* instead of these */
	const char *search_key;			/* for a blind index; NULL: none */
	bytea	   *trial;				/* what the key makes of nothing */
} KmsProtect;

extern void column_protect(Oid caller, KmsProtect *request);

/* Decrypts what is there. */
extern void column_unprotect(Oid caller, Oid relation, const char *column);

#endif
