/*
 * Looking for rows that were damaged or tampered with.
 */
#ifndef KMS_INTEGRITY_H
#define KMS_INTEGRITY_H

#include "postgres.h"

typedef void (*KmsProblemSeen) (const char *table, const char *row, const char *problem, void *argument);

/* Every such row of every table, in no order.  55000 while the server is sealed. */
extern void integrity_check(KmsProblemSeen seen, void *argument);

#endif
