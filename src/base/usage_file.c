/*
 * The file that keeps the counters of uses while the server is down: a header and
 * the entries as they lie in memory, since only the same library reads it again.
 */
#include "base/usage_file.h"

#include <unistd.h>

#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#define FILE_NAME	PGSTAT_STAT_PERMANENT_DIRECTORY "/kms_usage.stat"
#define NEW_NAME	FILE_NAME ".new"
#define MAGIC		UINT32_C(0x6b6d7501)	/* its last byte counts changes of the form */

typedef struct FileHeader
{
	uint32		magic;
	uint32		layout;
	uint32		count;
	pg_crc32c	crc;			/* of the entries */
} FileHeader;

static pg_crc32c
crc_of(const UsageEntry *entries, uint32 count)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, entries, count * sizeof(UsageEntry));
	FIN_CRC32C(crc);
	return crc;
}

/* NULL unless the file is whole. */
static UsageEntry *
read_entries(FILE *file, uint32 layout, uint32 *count)
{
	FileHeader	header;
	UsageEntry *entries;

	if (fread(&header, sizeof(header), 1, file) != 1 || header.magic != MAGIC || header.layout != layout ||
		header.count > MaxAllocSize / sizeof(UsageEntry))
		return NULL;
	entries = palloc(Max(header.count, 1) * sizeof(UsageEntry));
	if (fread(entries, sizeof(UsageEntry), header.count, file) == header.count && fgetc(file) == EOF &&
		EQ_CRC32C(crc_of(entries, header.count), header.crc))
	{
		*count = header.count;
		return entries;
	}
	pfree(entries);
	return NULL;
}

void
usage_file_read(uint32 layout, UsageTake take)
{
	FILE	   *file = AllocateFile(FILE_NAME, PG_BINARY_R);
	UsageEntry *entries;
	uint32		count = 0;

	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					errcode_for_file_access(),
					errmsg("kms: could not read file \"%s\": %m", FILE_NAME));
		return;
	}
	entries = read_entries(file, layout, &count);
	FreeFile(file);
	unlink(FILE_NAME);
	if (entries == NULL)
	{
		ereport(LOG,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("kms: ignoring file \"%s\": it is damaged or of another release", FILE_NAME));
		return;
	}
	for (uint32 i = 0; i < count; i++)
		take(&entries[i]);
	pfree(entries);
}

static bool
write_entries(FILE *file, uint32 layout, const UsageEntry *entries, int count)
{
	FileHeader	header = {.magic = MAGIC, .layout = layout, .count = count, .crc = crc_of(entries, count)};

	return fwrite(&header, sizeof(header), 1, file) == 1 &&
		fwrite(entries, sizeof(UsageEntry), count, file) == (size_t) count;
}

void
usage_file_write(uint32 layout, const UsageEntry *entries, int count)
{
	FILE	   *file = AllocateFile(NEW_NAME, PG_BINARY_W);
	bool		written = file != NULL && write_entries(file, layout, entries, count);

	if (file != NULL && FreeFile(file) != 0)
		written = false;
	if (written)
	{
		(void) durable_rename(NEW_NAME, FILE_NAME, LOG);
		return;
	}
	ereport(LOG,
			errcode_for_file_access(),
			errmsg("kms: could not write file \"%s\": %m", NEW_NAME));
	unlink(NEW_NAME);
}
