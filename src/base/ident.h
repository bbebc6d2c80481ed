/*
 * Identifiers: UUIDs in their one canonical text form, and resource names.
 */
#ifndef KMS_IDENT_H
#define KMS_IDENT_H

#include "postgres.h"

#include "utils/uuid.h"

/* 36 characters, 8-4-4-4-12 hexadecimal digits of either case; false otherwise. */
extern bool uuid_parse(const char *text, size_t len, pg_uuid_t *uuid);

/* Lower case, into 37 bytes with the terminating zero; returns out. */
extern char *uuid_print(const pg_uuid_t *uuid, char out[37]);

/* A fresh random one (RFC 4122, version 4). */
extern pg_uuid_t uuid_random(void);

/* Hexadecimal digits, lower case, in the current memory context; for ids, never for keys. */
extern char *hex_print(const uint8 *bytes, size_t len);

static inline bool
uuid_equal(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN) == 0;
}

#endif
