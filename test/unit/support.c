#include "support.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

const char *
suite_name(int suite)
{
	static const char *const names[] = {
		"no suite", "XAES-256-GCM", "AES-192-GCM", "AES-128-GCM", "SM4-CTR-HMAC-SM3"
	};

	return names[suite];
}

kc_view
text_view(const char *text)
{
	return kc_view_of(text, strlen(text));
}

uint8_t *
exactly(const void *bytes, size_t len)
{
	uint8_t    *copy = malloc(len);

	if (copy == NULL && len > 0)
		abort();
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

bool
all_bytes(const void *bytes, size_t len, uint8_t value)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < len; i++)
		if (byte[i] != value)
			return false;
	return true;
}

bool
queue_empty(void)
{
	return ERR_peek_error() == 0;
}

int
child_status(bool (*test) (void))
{
	pid_t		child;
	int			status;

	fflush(stdout);
	child = fork();
	if (child < 0)
		abort();
	if (child == 0)
		exit(test() ? 0 : 1);	/* not _exit: the leak check runs here too */
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

bool
in_child(bool (*test) (void))
{
	return child_status(test) == 0;
}

lock
lock_new(int suite, uint8_t seed)
{
	uint8_t		material[KC_KEY_MAX];
	lock		l;

	for (size_t i = 0; i < sizeof(material); i++)
		material[i] = (uint8_t) (seed + i);
	l.schedule = kc_schedule_new();
	if (kc_key_init(&l.key, suite, kc_view_of(material, kc_key_len(suite))) != KC_OK ||
		kc_schedule_set(l.schedule, &l.key) != KC_OK)
		abort();
	return l;
}

void
lock_free(lock *l)
{
	kc_schedule_free(l->schedule);
	kc_wipe(&l->key, sizeof(l->key));
}
