/*
 * The API's own JSON: one request, one response.  docs/reference/call.md.
 */
#ifndef KMS_CALL_H
#define KMS_CALL_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Does what the caller could have done with the SQL functions, and raises what they
 * would have raised.  A dry run raises its verdict.
 */
extern Jsonb *call_run(const char *action, Jsonb *request);

/* One field of an action, as kms.api() shows it; required: always there, in a response. */
typedef void (*CallFieldSeen) (const char *action, const char *direction, const char *field, const char *type,
							   bool required, void *argument);

/* Every field of every action; an action without fields in a direction is seen once, with a field that is NULL. */
extern void call_each_field(CallFieldSeen seen, void *argument);

#endif
