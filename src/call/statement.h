/*
 * The statement behind an action, run as the caller.
 */
#ifndef KMS_CALL_STATEMENT_H
#define KMS_CALL_STATEMENT_H

#include "postgres.h"

#include "call/request.h"

/*
 * Between the two the rows are in SPI_tuptable, columns in the order of the
 * action's response, and the search path has nothing of the caller's: his
 * operators are never picked up.  An error in between restores the path with the
 * (sub)transaction.
 */
extern void statement_open(const CallAction *action, CallRequest *request);
extern void statement_close(void);

#endif
