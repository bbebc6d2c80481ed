/*
 * Nonces: never twice, in no process, and gone from the pool once used.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL	170
#define FEW		(3 * POOL)

typedef uint8_t nonce[KC_NONCE_LEN];

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, KC_NONCE_LEN);
}

/* Sorts them. */
static bool
all_different(nonce *nonces, size_t count)
{
	qsort(nonces, count, sizeof(nonce), by_bytes);
	for (size_t i = 1; i < count; i++)
		if (by_bytes(nonces[i - 1], nonces[i]) == 0)
			return false;
	return true;
}

static bool
draw(nonce *nonces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (kc_nonce(nonces[i]) != KC_OK || all_bytes(nonces[i], sizeof(nonce), 0))
			return false;
	return true;
}

static void
many(void)
{
	size_t		count = 100000;
	nonce	   *nonces = calloc(count, sizeof(nonce));
	long		ones = 0;

	ok(draw(nonces, count), "100,000 nonces are drawn, none of them zero");
	ok(all_different(nonces, count), "and no two are the same");
	for (size_t i = 0; i < count * sizeof(nonce); i++)
		for (int bit = 0; bit < 8; bit++)
			ones += ((uint8_t *) nonces)[i] >> bit & 1;
	/* 19.2 million bits: ten standard deviations are 22,000. */
	ok(labs(ones - (long) count * KC_NONCE_LEN * 4) < 22000, "and half of their bits are ones");
	free(nonces);
}

/* What a child draws, and its own child after it, through one pipe. */
static bool
draw_in_child(nonce *nonces, size_t count)
{
	size_t		half = count / 2;
	size_t		len = count * sizeof(nonce);
	size_t		have = 0;
	ssize_t		got;
	int			ends[2];
	int			status;
	pid_t		child;

	fflush(stdout);
	if (pipe(ends) != 0 || (child = fork()) < 0)
		return false;
	if (child == 0)
	{
		bool		good = draw(nonces, half);
		pid_t		grandchild = fork();

		if (grandchild == 0)
			good = good && draw(nonces, half);
		else
			waitpid(grandchild, NULL, 0);
		if (good)
			good = write(ends[1], nonces, half * sizeof(nonce)) == (ssize_t) (half * sizeof(nonce));
		_exit(good ? 0 : 1);
	}
	close(ends[1]);
	while (have < len && (got = read(ends[0], (uint8_t *) nonces + have, len - have)) > 0)
		have += (size_t) got;
	close(ends[0]);
	return waitpid(child, &status, 0) == child && status == 0 && have == len;
}

static void
forked(void)
{
	static nonce nonces[5 * FEW];
	bool		good;

	/* The pool is part full at each fork. */
	good = draw(nonces, 5);
	good = good && draw_in_child(nonces + FEW, 2 * FEW);
	good = good && draw_in_child(nonces + 3 * FEW, 2 * FEW);
	good = good && draw(nonces + 5, FEW - 5);
	ok(good, "a process, two children and two grandchildren draw nonces");
	ok(all_different(nonces, 5 * FEW), "and no two are the same");
}

/* Everything this program keeps in static memory, whatever the sanitizer put between. */
extern uint8_t __data_start[];
extern uint8_t _end[];

__attribute__((no_sanitize("address")))
static bool
in_static_memory(const uint8_t *wanted)
{
	for (const uint8_t *at = __data_start; at + KC_NONCE_LEN <= _end; at++)
	{
		size_t		i = 0;

		while (i < KC_NONCE_LEN && at[i] == wanted[i])
			i++;
		if (i == KC_NONCE_LEN)
			return true;
	}
	return false;
}

static bool
forgets_used(void)
{
	uint8_t		drawn[KC_NONCE_LEN];
	static uint8_t kept[KC_NONCE_LEN];
	bool		found;

	kc_nonce(drawn);
	memcpy(kept, drawn, sizeof(kept));
	found = in_static_memory(drawn);	/* or the search finds nothing at all */
	kc_wipe(kept, sizeof(kept));
	return found && !in_static_memory(drawn);
}

static void
failing(void)
{
	nonce		nonces[POOL + 1];
	uint8_t		out[KC_NONCE_LEN];
	int			drawn = 0;
	kc_status	status;

	fault_deny("RAND_bytes");
	do
	{
		memset(out, 0xaa, sizeof(out));
		status = kc_nonce(out);
	} while (status == KC_OK && ++drawn < POOL);
	ok(fault_off() && status == KC_FAILED && all_bytes(out, sizeof(out), 0) && queue_empty(),
	   "without randomness the pool runs dry and says so");
	ok(draw(nonces, POOL + 1) && all_different(nonces, POOL + 1), "and recovers with it");
}

static void
plain(kc_status (*generate) (uint8_t *, size_t), const char *name)
{
	uint8_t		out[2][1000];
	uint8_t		byte = 0xaa;

	ok(generate(out[0], 1000) == KC_OK && generate(out[1], 1000) == KC_OK &&
	   memcmp(out[0], out[1], 1000) != 0, "%s gives other bytes each time", name);
	ok(generate(NULL, 0) == KC_OK && generate(&byte, 0) == KC_OK && byte == 0xaa,
	   "%s gives no bytes where none are wanted", name);
	ok(generate(&byte, ((size_t) 1 << 30) + 1) == KC_BAD_INPUT && generate(&byte, SIZE_MAX) == KC_BAD_INPUT &&
	   byte == 0xaa, "%s refuses lengths beyond 1 GB and touches nothing", name);
	fault_call(0);
	ok(generate(out[0], 1000) == KC_FAILED && fault_off() && all_bytes(out[0], 1000, 0) && queue_empty(),
	   "%s leaves zeros when it fails", name);
}

/* One draw on the pool in 170 asks OpenSSL. */
static void
pooled(void)
{
	nonce		nonces[10 * POOL];
	long		before = fault_random_calls();

	ok(draw(nonces, 10 * POOL) && fault_random_calls() == before + 10, "170 nonces cost one call");
}

void
test_random(void)
{
	tap_section("randomness");
	many();
	pooled();
	forked();
	ok(forgets_used(), "a used nonce is nowhere left in static memory");
	failing();
	plain(kc_random, "kc_random");
	plain(kc_random_key, "kc_random_key");
}
