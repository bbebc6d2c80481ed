/*
 * The encryption context in its canonical form, docs/formats.md:
 *
 *	number of pairs (2) | per pair: length of the key (2) | key | length of the value (2) | value
 *
 * big-endian, UTF-8, in the order of the keys' bytes.  No context and {} are
 * zero bytes.
 */
#ifndef KMS_CONTEXT_H
#define KMS_CONTEXT_H

#include "postgres.h"

#include "crypto/kc.h"
#include "lib/stringinfo.h"

/* Characters of a context, counted on its jsonb::text. */
#define CONTEXT_MAX_CHARACTERS 8192

/*
 * What one call site remembers: the last context as it came and its canonical
 * form.  Zeroed to begin with but for memory, which must live as long as the memo.
 */
typedef struct ContextMemo
{
	MemoryContext memory;
	char	   *datum;			/* bytes of the jsonb as it came */
	Size		datum_size;
	Size		datum_room;
	StringInfoData canonical;
} ContextMemo;

/*
 * The canonical form of a jsonb datum (possibly toasted); it belongs to the
 * memo and is good until the next call with it.  Raises InvalidParameter for
 * anything but an object of strings, and for one that is too long.
 */
extern kc_view context_canonical(ContextMemo *memo, Datum jsonb);

/* One that is made of pairs, without any jsonb. */
typedef struct ContextWriter
{
	StringInfoData canonical;
	int			pairs;
} ContextWriter;

/* Once, in the memory context where it is to live. */
extern void context_writer_init(ContextWriter *writer);

/*
 * Begin, then put pairs of UTF-8 in the order of the keys' bytes, then take the result,
 * which is good until the next begin.  InvalidParameter for one that is too long.
 */
extern void context_begin(ContextWriter *writer);
extern void context_put(ContextWriter *writer, kc_view key, kc_view value);
extern kc_view context_end(ContextWriter *writer);

/* The order of keys: memcmp, and the shorter first where one is the beginning of the other. */
extern int	context_compare_keys(kc_view a, kc_view b);

/* Whether every pair of part is in whole; both canonical.  False, too, for what is not well-formed. */
extern bool context_contains(kc_view whole, kc_view part);

/* A canonical context as jsonb again; {} for no bytes. */
extern Datum context_to_jsonb(kc_view canonical);

#endif
