/*
 * Stands between the crypto floor and OpenSSL: every call the floor makes can be
 * told to fail, and so can every allocation of OpenSSL's.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* First thing in main, before OpenSSL allocates anything. */
extern void fault_install(void);

/* Let the n-th call (or allocation) from now on fail, counting from 0, and no other. */
extern void fault_call(int n);
extern void fault_allocation(int n);

/* The n-th allocation and all after it. */
extern void fault_memory(int n);

/* Refuse an algorithm at every fetch, or every call of a function. */
extern void fault_deny(const char *algorithm_or_function);

/* Back to normal; true if something was made to fail since. */
extern bool fault_off(void);

/*
 * Keep what OpenSSL frees as it left it, look for bytes in it (in this order or
 * backwards, as numbers lie in memory), and let go of it.
 */
extern void fault_hold(void);
extern bool fault_held(const void *bytes, size_t len);
extern void fault_let_go(void);

extern long fault_allocations(void);	/* so far */
extern long fault_allocations_struck(void);	/* when the last call was made to fail */
extern long fault_random_calls(void);

#endif
