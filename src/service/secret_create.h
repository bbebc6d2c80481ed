/*
 * Making secrets.
 */
#ifndef KMS_SECRET_CREATE_H
#define KMS_SECRET_CREATE_H

#include "postgres.h"

#include "crypto/kc.h"
#include "store/secret.h"
#include "utils/jsonb.h"

/* As it comes. */
typedef struct KmsCreateSecret
{
	const char *name;
	const char *version_id;
	const char *text;			/* of the value in the server's encoding; NULL: binary */
	kc_view		value;			/* text is UTF-8 */
	const char *type;
	const char *encryption_key_id;	/* NULL: the service's own */
	const char *description;
	Jsonb	   *tags;				/* or NULL */
	Jsonb	   *extended_config;	/* or NULL */
	bool		automatic_rotation;
	int64		rotation_seconds;	/* NO_INTERVAL: none given; only with automatic_rotation */
} KmsCreateSecret;

/* Owned by the caller; its first version is ACSCurrent. */
extern void secret_create(Oid caller, const KmsCreateSecret *request, KmsSecret *secret);

#endif
