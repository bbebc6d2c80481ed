/*
 * Stands between a server and the system, preloaded: random bytes and room on the disk
 * run out when a test says so, in a file that both map (KMS_TEST_FAULT).
 *
 * libcrypto asks its RAND_METHOD for every random byte, its own ones too; the room ends
 * where a file would become longer, as it does on a disk that is full.
 */
#define _GNU_SOURCE				/* RTLD_NEXT */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/rand.h>

/* left: how often it goes well before it fails; negative: always. */
typedef struct fault
{
	int64_t		left;
	int64_t		for_good;		/* not once but from then on */
	int64_t		struck;			/* how often it has failed */
} fault;

/* test/t/KmsFault.pm writes this. */
typedef struct orders
{
	int64_t		pid;			/* whom it is about; 0: every process */
	fault		random;
	fault		room;
	char		path[64];		/* part of the names of files that are concerned */
} orders;

static orders *volatile control = NULL;

static bool
strikes(fault *order)
{
	if (order->left < 0 || (control->pid != 0 && control->pid != getpid()))
		return false;
	if (order->left > 0)
	{
		order->left--;
		return false;
	}
	if (!order->for_good)
		order->left = -1;
	order->struck++;
	return true;
}

/* ---- random bytes ---- */

/* Zeros, so that whoever does not look at the result takes them for random. */
static int
random_bytes(unsigned char *out, int len)
{
	if (strikes(&control->random))
	{
		memset(out, 0, (size_t) len);
		return 0;
	}
	return RAND_OpenSSL()->bytes(out, len);
}

static int
random_status(void)
{
	return 1;
}

static const RAND_METHOD method = {
	.bytes = random_bytes,
	.pseudorand = random_bytes,
	.status = random_status,
};

/* ---- room on the disk ---- */

static bool
is_full(int fd, off_t end)
{
	char		link[64];
	char		path[1024];
	struct stat file;
	ssize_t		len;

	if (control == NULL || control->room.left < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || fstat(fd, &file) != 0 || end <= file.st_size)
		return false;
	path[len] = '\0';
	return strstr(path, control->path) != NULL && strikes(&control->room);
}

static off_t
length_of(const struct iovec *pieces, int count)
{
	off_t		length = 0;

	for (int i = 0; i < count; i++)
		length += (off_t) pieces[i].iov_len;
	return length;
}

static void
find_real(const char *name, void *function)
{
	void	   *symbol = dlsym(RTLD_NEXT, name);

	if (symbol == NULL)
		abort();
	memcpy(function, &symbol, sizeof(symbol));
}

#define INTERPOSE(type, name, parameters, arguments, end, refused) \
type \
name parameters \
{ \
	static type (*real) parameters = NULL; \
\
	if (real == NULL) \
		find_real(#name, &real); \
	if (is_full(fd, end)) \
	{ \
		errno = ENOSPC; \
		return refused; \
	} \
	return real arguments; \
}

INTERPOSE(ssize_t, pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), at + (off_t) len, -1)
INTERPOSE(ssize_t, pwrite64, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), at + (off_t) len, -1)
INTERPOSE(ssize_t, pwritev, (int fd, const struct iovec *pieces, int count, off_t at), (fd, pieces, count, at), at + length_of(pieces, count), -1)
INTERPOSE(ssize_t, pwritev64, (int fd, const struct iovec *pieces, int count, off_t at), (fd, pieces, count, at), at + length_of(pieces, count), -1)
INTERPOSE(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len), lseek(fd, 0, SEEK_CUR) + (off_t) len, -1)
INTERPOSE(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), at + len, ENOSPC)
INTERPOSE(int, posix_fallocate64, (int fd, off_t at, off_t len), (fd, at, len), at + len, ENOSPC)

/* ---- the beginning ---- */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("KMS_TEST_FAULT");
	int			fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void	   *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (mapped == MAP_FAILED || RAND_set_rand_method(&method) != 1)
		abort();
	close(fd);
	control = mapped;
}
