/*
 * Providers of the root key's text.  Each returns its length, or -1 and in
 * *problem a sentence without values; out is wiped on failure.
 */
#ifndef KMS_ROOT_PROVIDER_H
#define KMS_ROOT_PROVIDER_H

#include "postgres.h"

#include "crypto/rootkey.h"

extern int	provider_read_file(const char *path, char out[KC_ROOT_TEXT_MAX + 1], const char **problem);
extern int	provider_run_command(const char *command, char out[KC_ROOT_TEXT_MAX + 1], const char **problem);

#endif
