/*
 * Encrypted columns: what a trigger makes of a row.
 */
#ifndef KMS_COLUMN_H
#define KMS_COLUMN_H

#include "postgres.h"

#include "access/htup.h"
#include "service/column_plan.h"

/*
 * The new row with its columns encrypted; itself, if nothing in it had to be.  old: what
 * it replaces, NULL for a row that is inserted.
 */
extern HeapTuple column_encrypt_row(KmsColumnPlan *plan, Oid caller, HeapTuple row, HeapTuple old);

#endif
