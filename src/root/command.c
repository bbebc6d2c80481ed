/*
 * The root key from a command's output, in the manner of ssl_passphrase_command,
 * but with a limit on time: a key service that hangs must not hold up the start.
 */
#include "root/provider.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/pmsignal.h"

#define COMMAND_SECONDS		30
#define POLL_MILLISECONDS	500

extern char **environ;

static int64
milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Start it with its output on a pipe, in a process group of its own, with
 * signals as a shell expects them (the postmaster blocks and handles many).
 */
static pid_t
start(const char *command, int output)
{
	char	   *const argv[] = {"sh", "-c", unconstify(char *, command), NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	none,
				all;
	pid_t		pid;
	int			result;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes,
							 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	result = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result == 0 ? pid : -1;
}

/* Whether to give up: a keeper that is told to leave does not wait for a command. */
static bool
must_leave(void)
{
	return IsUnderPostmaster && (ShutdownRequestPending || !PostmasterIsAlive());
}

/* Read until the end of the output; -1: too long, -2: out of time or broken. */
static int
collect(int input, char *out, int64 deadline)
{
	int			len = 0;

	for (;;)
	{
		struct pollfd ready = {.fd = input, .events = POLLIN};
		int64		left = deadline - milliseconds_now();
		int			ready_count;
		ssize_t		got;

		if (left <= 0 || must_leave())
			return -2;
		ready_count = poll(&ready, 1, (int) Min(left, POLL_MILLISECONDS));
		if (ready_count == 0 || (ready_count < 0 && errno == EINTR))
			continue;
		if (ready_count < 0)
			return -2;
		got = read(input, out + len, KC_ROOT_TEXT_MAX + 1 - len);
		if (got == 0)
			return len;
		if (got < 0 && errno != EINTR)
			return -2;
		if (got > 0 && (len += got) > KC_ROOT_TEXT_MAX)
			return -1;
	}
}

/* Wait for its end until the deadline; then end it.  The exit status, -1 if killed. */
static int
finish(pid_t pid, int64 deadline, bool kill_now)
{
	int			status;

	while (!kill_now && milliseconds_now() < deadline && !must_leave())
	{
		pid_t		ended = waitpid(pid, &status, WNOHANG);

		if (ended == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (ended < 0 && errno != EINTR)
			return -1;
		pg_usleep(5000);
	}
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return -1;
}

int
provider_run_command(const char *command, char out[KC_ROOT_TEXT_MAX + 1], const char **problem)
{
	int64		deadline = milliseconds_now() + COMMAND_SECONDS * 1000;
	int			ends[2];
	pid_t		pid;
	int			len;
	int			status;

	if (pipe2(ends, O_CLOEXEC) != 0)
	{
		*problem = "no pipe for kms.root_key_command";
		return -1;
	}
	pid = start(command, ends[1]);
	close(ends[1]);
	if (pid < 0)
	{
		close(ends[0]);
		*problem = "kms.root_key_command cannot be started";
		return -1;
	}
	len = collect(ends[0], out, deadline);
	close(ends[0]);
	status = finish(pid, deadline, len < 0);
	if (len >= 0 && status == 0)
		return len;

	kc_wipe(out, KC_ROOT_TEXT_MAX + 1);
	*problem = len == -1 ? "kms.root_key_command printed too much"
		: len == -2 ? "kms.root_key_command did not end within 30 seconds"
		: "kms.root_key_command failed";
	return -1;
}
