/*
 * Which key versions the rows of a column are encrypted with.
 */
#ifndef KMS_COLUMN_SCAN_H
#define KMS_COLUMN_SCAN_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/uuid.h"

typedef struct KmsVersionCount
{
	bool		is_sealed;		/* else these are plaintext */
	pg_uuid_t	version_id;
	int64		rows;
} KmsVersionCount;

/*
 * Of a table with its partitions and heirs, plaintext first, then in the order of ids; rows where
 * the column is NULL are not counted.  For a caller who may read the column, in every row.
 */
extern List *column_scan(Oid caller, Oid relation, const char *column);

/* NOTICE for each protected column of the database that a key is needed for. */
extern void column_scan_warn(const pg_uuid_t *key_id);

#endif
