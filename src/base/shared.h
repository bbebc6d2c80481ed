/*
 * The little that all processes of a server share, apart from the root key.
 */
#ifndef KMS_SHARED_H
#define KMS_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* In the postmaster, before anybody else. */
extern void shared_startup(void);

/* The launcher begins: the server takes writes from now on. */
extern void shared_serving(void);

/* Since when, after the start, a recovery or a crash, the server takes writes. */
extern TimestampTz shared_serving_since(void);

/* Whether there is, or was, a launcher. */
extern bool shared_has_launcher(void);

#endif
