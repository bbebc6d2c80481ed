#include "tap.h"

#include <stdarg.h>
#include <stdio.h>

static int	count = 0;
static int	failures = 0;

void
tap_section(const char *title)
{
	printf("# %s\n", title);
}

bool
tap_ok(bool good, const char *name, ...)
{
	va_list		args;

	count++;
	if (!good)
		failures++;
	printf("%sok %d - ", good ? "" : "not ", count);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);				/* a test may fork, or be the last one alive */
	return good;
}

int
tap_count(void)
{
	return count;
}

int
tap_failures(void)
{
	return failures;
}
