/*
 * What all processes share: mapped by the postmaster, inherited by its children.
 */
#include "base/shared.h"

#include <sys/mman.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/timestamp.h"

static pg_atomic_uint64 *serving_since; /* 0: no launcher yet */

void
shared_startup(void)
{
	void	   *memory = mmap(NULL, sizeof(*serving_since), PROT_READ | PROT_WRITE,
							  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		ereport(FATAL,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("no shared memory for kms: %m"));
	serving_since = memory;
	pg_atomic_init_u64(serving_since, 0);
}

void
shared_serving(void)
{
	pg_atomic_write_u64(serving_since, (uint64) GetCurrentTimestamp());
}

bool
shared_has_launcher(void)
{
	return serving_since != NULL && pg_atomic_read_u64(serving_since) != 0;
}

TimestampTz
shared_serving_since(void)
{
	return shared_has_launcher() ? (TimestampTz) pg_atomic_read_u64(serving_since) : PgStartTime;
}
