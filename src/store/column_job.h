/*
 * Rows of kms.column_job: how far procedures are that rewrite a column.  They are notes,
 * committed with each batch; nothing is decided by them.
 */
#ifndef KMS_COLUMN_JOB_H
#define KMS_COLUMN_JOB_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"

typedef struct KmsColumnJob
{
	Oid			relation;
	AttrNumber	column;
	const char *kind;			/* ColumnEncryption, ColumnReEncryption */
	TimestampTz started_at;
	int64		total;
	int64		done;
} KmsColumnJob;

/* In place of the column's last one of this kind; those of tables that are gone go, too. */
extern void store_column_job_begin(const KmsColumnJob *job);
extern void store_column_job_note(const KmsColumnJob *job, bool finished);

#endif
