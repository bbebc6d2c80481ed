/*
 * Pairs and MAC keys made ready.  When all places are taken, one goes that was
 * not used since the hand last came by.
 */
#include "service/prepared.h"

#include "service/key_spec.h"
#include "service/material.h"

static KmsCachedVersion *owners[PREPARED_MAX];
static int	hand;

static bool
is_mac(const KmsCachedVersion *version)
{
	return version->key->kind == KIND_MAC;
}

static void
discard(KmsCachedVersion *version)
{
	if (is_mac(version))
		kc_mac_free(version->mac);
	else
		kc_pair_free(version->pair);
	version->pair = NULL;
	owners[version->place] = NULL;
}

/* A free place, or one that was made free. */
static int
find_place(void)
{
	while (owners[hand] != NULL && owners[hand]->uses > 0)
	{
		owners[hand]->uses = 0;
		hand = (hand + 1) % PREPARED_MAX;
	}
	if (owners[hand] != NULL)
		discard(owners[hand]);
	return hand;
}

/* What may raise comes first: from then on the object has an owner. */
void
prepared_make(KmsCachedVersion *version)
{
	const KmsKeyVersion *row = key_cache_row(version);
	const KmsMaterialOf of = key_cache_material_of(version->key);
	int			place = find_place();

	if (is_mac(version))
		version->mac = material_open_mac(row, &of);
	else
		version->pair = material_open_pair(row, &of);
	version->place = (int16) place;
	owners[place] = version;
	hand = (hand + 1) % PREPARED_MAX;
}

void
prepared_release(KmsCachedVersion *version)
{
	if (version->pair != NULL)
		discard(version);
}
