/*
 * Interrupts during long computations.
 */
#ifndef KMS_INTERRUPT_H
#define KMS_INTERRUPT_H

#include "postgres.h"

#include "miscadmin.h"

/*
 * What long computations of the crypto floor ask: only what ends the statement
 * ends them.  They answer KC_CANCELLED then, which err_crypto makes an error of.
 */
static inline bool
interrupt_pending(void)
{
	return QueryCancelPending || ProcDiePending;
}

#endif
