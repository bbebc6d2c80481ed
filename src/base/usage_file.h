/*
 * The file that keeps the counters of uses while the server is down.
 */
#ifndef KMS_USAGE_FILE_H
#define KMS_USAGE_FILE_H

#include "base/usage_table.h"

/* Called with each entry of the file. */
typedef void (*UsageTake) (const UsageEntry *entry);

/* Read it, if it is there and as it was written, and remove it. */
extern void usage_file_read(uint32 layout, UsageTake take);

/* Write it; failure is a line in the log. */
extern void usage_file_write(uint32 layout, const UsageEntry *entries, int count);

#endif
