/*
 * Schedules.  One takes about a kilobyte and a third of a small encryption to
 * set; with many keys in rotation they would push each other out, and the one
 * that stays in the processor's cache is faster.
 */
#include "service/schedule.h"

#include "base/error.h"

#define OWNED_SCHEDULES		128

/* Uses of the shared schedule before a version gets its own. */
#define USES_TO_OWN			3

typedef struct Place
{
	kc_schedule *schedule;
	KmsCachedVersion *owner;	/* NULL: free, and then it holds no key */
} Place;

static Place owned[OWNED_SCHEDULES];
static int	next_place;
static Place shared;

static void
set(Place *place, KmsCachedVersion *version)
{
	place->owner = NULL;
	if (place->schedule == NULL)
		place->schedule = kc_schedule_new();
	if (place->schedule == NULL)
		err_crypto(KC_FAILED);
	err_crypto(kc_schedule_set(place->schedule, version->material));
	place->owner = version;
}

/* The expanded key goes with its owner. */
static void
empty(Place *place)
{
	kc_schedule_free(place->schedule);
	place->schedule = NULL;
	place->owner = NULL;
}

static void
disown(KmsCachedVersion *version)
{
	version->schedule = NULL;
	version->uses = 0;
}

/* Take the next place round from whoever has it now. */
static kc_schedule *
own(KmsCachedVersion *version)
{
	Place	   *place = &owned[next_place];

	next_place = (next_place + 1) % OWNED_SCHEDULES;
	if (place->owner != NULL)
		disown(place->owner);
	set(place, version);
	version->schedule = place->schedule;
	version->place = (int16) (place - owned);
	return place->schedule;
}

kc_schedule *
schedule_for(KmsCachedVersion *version)
{
	if (++version->uses >= USES_TO_OWN)
		return own(version);
	if (shared.owner != version)
		set(&shared, version);
	return shared.schedule;
}

void
schedule_release(KmsCachedVersion *version)
{
	if (shared.owner == version)
		empty(&shared);
	if (version->schedule != NULL)
		empty(&owned[version->place]);
}
