/*
 * The secure arena.  Segments are mapped as needed and kept until the process
 * ends; a free slot holds nothing but the link to the next one.
 */
#include "base/arena.h"

#include <sys/mman.h>

#include "base/error.h"

#define SEGMENT_SIZE (64 * 1024)

typedef struct FreeSlot
{
	struct FreeSlot *next;
} FreeSlot;

static FreeSlot *free_slots;
static Size mapped;
static bool all_locked = true;

/*
 * Locking is done for each process by itself, since locks do not survive fork.
 * It may fail (RLIMIT_MEMLOCK is small in containers): that is reported by
 * kms.status and does not stop anybody.
 */
static void
add_segment(void)
{
	char	   *segment = mmap(NULL, SEGMENT_SIZE, PROT_READ | PROT_WRITE,
							   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (segment == MAP_FAILED)
		kms_ereport(ERRCODE_OUT_OF_MEMORY, API_INTERNAL_FAILURE,
					errmsg("no memory for key material"));
	(void) madvise(segment, SEGMENT_SIZE, MADV_DONTDUMP);
	(void) madvise(segment, SEGMENT_SIZE, MADV_WIPEONFORK);
	if (mlock(segment, SEGMENT_SIZE) != 0)
		all_locked = false;
	mapped += SEGMENT_SIZE;

	for (Size offset = SEGMENT_SIZE; offset > 0; offset -= ARENA_SLOT_SIZE)
	{
		FreeSlot   *slot = (FreeSlot *) (segment + offset - ARENA_SLOT_SIZE);

		slot->next = free_slots;
		free_slots = slot;
	}
}

void *
arena_take(void)
{
	FreeSlot   *slot;

	if (free_slots == NULL)
		add_segment();
	slot = free_slots;
	free_slots = slot->next;
	slot->next = NULL;
	return slot;
}

void
arena_give(void *memory)
{
	FreeSlot   *slot = memory;

	if (slot == NULL)
		return;
	kc_wipe(slot, ARENA_SLOT_SIZE);
	slot->next = free_slots;
	free_slots = slot;
}

bool
arena_locked(void)
{
	return all_locked;
}

Size
arena_size(void)
{
	return mapped;
}
