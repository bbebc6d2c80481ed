/*
 * The keeper of the root key.
 */
#ifndef KMS_KEEPER_H
#define KMS_KEEPER_H

#include "postgres.h"

#include "base/compat.h"

/* Register the process.  From _PG_init, in the postmaster. */
extern void keeper_register(void);

/* Its main function, found by name. */
pg_noreturn extern PGDLLEXPORT void kms_keeper_main(Datum argument);

#endif
