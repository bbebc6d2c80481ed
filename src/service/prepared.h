/*
 * Pairs and MAC keys made ready: OpenSSL objects, of which the session keeps the
 * last ones used.
 */
#ifndef KMS_PREPARED_H
#define KMS_PREPARED_H

#include "service/key_cache.h"

/* As many as that; an RSA pair takes 5 to 15 KB. */
#define PREPARED_MAX	256

extern void prepared_make(KmsCachedVersion *version);

/* Make the version's pair or MAC key ready, unless it is; it stays so until the next call of this. */
static inline void
prepared_load(KmsCachedVersion *version)
{
	if (unlikely(version->pair == NULL))
		prepared_make(version);
	version->uses = 1;
}

/* The version goes away: free what was made ready, which wipes it. */
extern void prepared_release(KmsCachedVersion *version);

#endif
