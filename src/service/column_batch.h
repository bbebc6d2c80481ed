/*
 * Rewriting the rows of a protected column, in batches that are committed.
 */
#ifndef KMS_COLUMN_BATCH_H
#define KMS_COLUMN_BATCH_H

#include "postgres.h"

#include "service/column.h"

#define BATCH_SIZE_MIN	1
#define BATCH_SIZE_MAX	100000

/*
 * work: REWRITE_ENCRYPT or REWRITE_RENEW.  Ends the transaction after each batch, so it must be the outermost statement.  What
 * was committed stays; called again, it goes on with what is left.
 */
extern void column_batch_run(Oid caller, Oid relation, const char *column, int batch_size, KmsRewriteWork work);

#endif
