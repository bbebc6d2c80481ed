/*
 * What differs between PostgreSQL 15, 16, 17 and 18, and nothing else.
 */
#ifndef KMS_COMPAT_H
#define KMS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "kms needs PostgreSQL 15 or later"
#endif

/* VARDATA and its like: in postgres.h until 15. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#endif
