/*
 * A test says in one line what is true; the output is TAP, but for the plan,
 * which run.sh adds because it has the last test: what the sanitizers found.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

/* "# title", for the reader of the output. */
extern void tap_section(const char *title);

/* One test.  good is handed through, so that a test can stop where it must. */
extern bool tap_ok(bool good, const char *name, ...)
	__attribute__((format(printf, 2, 3)));

extern int	tap_count(void);
extern int	tap_failures(void);

#define ok tap_ok

#endif
