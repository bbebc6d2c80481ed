/*
 * Who is at the other end of this session, for the records.
 */
#ifndef KMS_SESSION_H
#define KMS_SESSION_H

#include "postgres.h"

/* Any of these may be NULL; good as long as the current memory context. */
typedef struct KmsSession
{
	const char *user;			/* who logged in, or what SET SESSION AUTHORIZATION said */
	const char *application;
	const char *client;			/* IP address, or "[local]" */
} KmsSession;

/* Looks into the catalogue: inside a transaction only. */
extern void session_describe(KmsSession *session);

#endif
