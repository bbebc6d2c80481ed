/*
 * Reading a request: JSON to what SQL functions take.
 */
#ifndef KMS_CALL_REQUEST_H
#define KMS_CALL_REQUEST_H

#include "postgres.h"

#include "base/compat.h"

#include "call/table.h"
#include "utils/jsonb.h"

/* The values of $1, $2, ...: a field of CALL_DATA makes two. */
typedef struct CallRequest
{
	int			count;
	Oid			types[CALL_MAX_FIELDS];
	Datum		values[CALL_MAX_FIELDS];
	char		nulls[CALL_MAX_FIELDS]; /* ' ' or 'n', as SPI takes them */
	int64		first_row;		/* of the page, from 0 */
	int64		rows;			/* of the page; 0: all */
	int64		page_number;	/* these two as the caller gave them */
	int64		page_size;
} CallRequest;

/*
 * InvalidParameter for unknown fields and wrong types, MissingParameter for what is
 * required, and the error of what is not offered.  Messages name fields, never values.
 */
extern void request_read(const CallAction *action, Jsonb *json, CallRequest *request);

/* Whether it is to be tried only; InvalidParameter if that cannot be told. */
extern bool request_is_dry_run(const CallAction *action, Jsonb *json);

/* Raise it. */
pg_noreturn extern void err_refused(const CallRefusal *refusal);

#endif
