/*
 * Rows as bytes, for a MAC over them: typed and length-prefixed, so that no two
 * different rows have the same bytes.  docs/formats.md.
 *
 *	kind of row:  length (4) | ASCII
 *	then per column:
 *		N                           null
 *		U | uuid (16)
 *		I | number (8)              integers, oids, dates (microseconds since 2000), booleans
 *		B | length (4) | bytes      text (UTF-8 or as the database has it), bytea
 *		L | count (4)               an array; its elements follow
 *
 * Numbers are big-endian.
 */
#ifndef KMS_RECORD_H
#define KMS_RECORD_H

#include "postgres.h"

#include "crypto/kc.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

typedef StringInfoData KmsRecord;

extern void record_begin(KmsRecord *record, const char *kind);
extern void record_null(KmsRecord *record);
extern void record_uuid(KmsRecord *record, const pg_uuid_t *value);
extern void record_int(KmsRecord *record, int64 value);
extern void record_bytes(KmsRecord *record, kc_view value);
extern void record_text(KmsRecord *record, const char *value);	/* NULL: null */
extern void record_list(KmsRecord *record, int count);

static inline kc_view
record_view(const KmsRecord *record)
{
	return kc_view_of(record->data, record->len);
}

static inline void
record_end(KmsRecord *record)
{
	pfree(record->data);
}

#endif
