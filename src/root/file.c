/*
 * The root key from a file.
 */
#include "root/provider.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"

/* A backup of the data directory must not take the root key along. */
static bool
inside_data_directory(const char *path)
{
	char		file[PATH_MAX];
	char		data[PATH_MAX];
	size_t		len;

	if (realpath(path, file) == NULL || realpath(DataDir, data) == NULL)
		return true;			/* cannot be told: refuse */
	len = strlen(data);
	return strncmp(file, data, len) == 0 && (file[len] == '/' || len == 1);
}

/* Why the open file may not be used, or NULL. */
static const char *
refusal(int fd, const char *path)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return "the root key file cannot be examined";
	if (!S_ISREG(status.st_mode))
		return "the root key file is not a regular file";
	if (status.st_uid != geteuid())
		return "the root key file does not belong to the server's user";
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return "the root key file is open to group or others (its mode must be 0600 or 0400)";
	if (status.st_size > KC_ROOT_TEXT_MAX)
		return "the root key file is too long";
	if (inside_data_directory(path))
		return "the root key file lies inside the data directory";
	return NULL;
}

static int
read_all(int fd, char *out, const char **problem)
{
	int			len = 0;
	ssize_t		got;

	while (len <= KC_ROOT_TEXT_MAX &&
		   ((got = read(fd, out + len, KC_ROOT_TEXT_MAX + 1 - len)) > 0 || (got < 0 && errno == EINTR)))
		if (got > 0)
			len += got;
	if (got == 0 && len <= KC_ROOT_TEXT_MAX)
		return len;
	kc_wipe(out, KC_ROOT_TEXT_MAX + 1);
	*problem = got < 0 ? "the root key file cannot be read" : "the root key file is too long";
	return -1;
}

int
provider_read_file(const char *path, char out[KC_ROOT_TEXT_MAX + 1], const char **problem)
{
	int			fd;
	int			len = -1;

	if (!is_absolute_path(path))
	{
		*problem = "kms.root_key_file must be an absolute path";
		return -1;
	}
	/* Not blocking: a pipe in its place must not hold up the server. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
	{
		*problem = errno == ENOENT ? "the root key file does not exist" : "the root key file cannot be opened";
		return -1;
	}
	*problem = refusal(fd, path);
	if (*problem == NULL)
		len = read_all(fd, out, problem);
	close(fd);
	return len;
}
