/*
 * Values of columns that several tables have.
 */
#ifndef KMS_STORE_ROW_H
#define KMS_STORE_ROW_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* The number of a name in a list that begins with NULL at 0; 0: none. */
extern int	row_number_of(const char *const *names, int count, const char *name, size_t len);

/* A stored name as its number; unknown means refuse. */
extern int	row_enum(const char *const *names, int count, Datum value);

/* A date, DT_NOEND for null; and back. */
extern TimestampTz row_time(Datum value, bool is_null);
extern Datum row_time_datum(TimestampTz time, bool *is_null);

/* A string, NULL for null; and back. */
extern const char *row_text(Datum value, bool is_null);
extern Datum row_text_datum(const char *string, bool *is_null);

/* Seconds, 0 for null; and back. */
extern int64 row_seconds(Datum value, bool is_null);
extern Datum row_seconds_datum(int64 seconds, bool *is_null);

#endif
