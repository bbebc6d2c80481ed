/*
 * Reads the files of known answers.
 */
#include "support.h"

#include <stdio.h>

#define NAMES_MAX	16
#define VALUE_MAX	1024

const char *vectors_folder = "test/vectors";

typedef struct entry
{
	char		name[32];
	uint8_t		value[VALUE_MAX];
	size_t		len;
} entry;

struct vector_file
{
	FILE	   *stream;
	int			count;
	entry		entries[NAMES_MAX];
};

vector_file *
vectors_open(const char *name)
{
	vector_file *file = calloc(1, sizeof(*file));
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", vectors_folder, name);
	if (file == NULL || (file->stream = fopen(path, "r")) == NULL)
	{
		printf("Bail out! cannot read %s\n", path);
		exit(2);
	}
	return file;
}

static void
read_entry(vector_file *file, const char *line)
{
	entry	   *e = &file->entries[file->count];
	const char *value = strchr(line, '=');
	unsigned int byte;
	int			used;

	if (value == NULL || file->count == NAMES_MAX || sscanf(line, "%31s", e->name) != 1)
		abort();
	e->len = 0;
	for (value++; sscanf(value, " %2x%n", &byte, &used) == 1; value += used)
	{
		if (e->len == VALUE_MAX)
			abort();
		e->value[e->len++] = (uint8_t) byte;
	}
	file->count++;
}

bool
vectors_next(vector_file *file)
{
	char		line[2 * VALUE_MAX + 64];

	file->count = 0;
	while (fgets(line, sizeof(line), file->stream) != NULL)
	{
		if (line[0] == '\n' && file->count > 0)
			break;
		if (line[0] != '\n' && line[0] != '#')
			read_entry(file, line);
	}
	return file->count > 0;
}

kc_view
vectors_get(vector_file *file, const char *name)
{
	for (int i = 0; i < file->count; i++)
		if (strcmp(file->entries[i].name, name) == 0)
			return kc_view_of(file->entries[i].value, file->entries[i].len);
	printf("Bail out! no %s in a group of known answers\n", name);
	exit(2);
}

void
vectors_close(vector_file *file)
{
	fclose(file->stream);
	free(file);
}
