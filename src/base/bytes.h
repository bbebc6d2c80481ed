/*
 * Bytes as PostgreSQL's bytea.
 */
#ifndef KMS_BYTES_H
#define KMS_BYTES_H

#include "postgres.h"

#include "base/compat.h"
#include "crypto/kc.h"

/* Room for so many of them, in the current memory context. */
static inline bytea *
bytes_new(size_t len)
{
	bytea	   *bytes = palloc(VARHDRSZ + len);

	SET_VARSIZE(bytes, VARHDRSZ + len);
	return bytes;
}

/* A copy of them. */
static inline bytea *
bytes_of(const void *data, size_t len)
{
	bytea	   *bytes = bytes_new(len);

	memcpy(VARDATA(bytes), data, len);
	return bytes;
}

/* Wipe a secret, and free it. */
static inline void
bytes_wipe(bytea *bytes)
{
	kc_wipe(VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	pfree(bytes);
}

/* Their Base64 (RFC 4648), without line breaks, as text. */
extern text *bytes_to_base64(const bytea *bytes);

/* And back: padded, without line breaks or blanks, canonical; NULL for anything else. */
extern bytea *bytes_from_base64(const char *base64, size_t len);

#endif
