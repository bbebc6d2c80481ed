/*
 * PEM as a string of PostgreSQL's.
 */
#ifndef KMS_PEM_H
#define KMS_PEM_H

#include "postgres.h"

#include "crypto/kc.h"

/* RFC 7468, lines of 64 characters, with a line break at the end; in the current memory context. */
extern char *pem_print(const char *label, kc_view der);

#endif
