/*
 * Writing a response: rows of SQL to JSON.
 */
#ifndef KMS_CALL_RESPONSE_H
#define KMS_CALL_RESPONSE_H

#include "postgres.h"

#include "call/request.h"
#include "utils/jsonb.h"

/* From the rows in SPI_tuptable; in the current memory context. */
extern Jsonb *response_write(const CallAction *action, const CallRequest *request);

#endif
