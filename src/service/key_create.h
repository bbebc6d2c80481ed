/*
 * Making keys.
 */
#ifndef KMS_KEY_CREATE_H
#define KMS_KEY_CREATE_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

typedef struct KmsCreateKey
{
	const char *key_spec;
	const char *key_usage;		/* NULL: what the spec is for */
	const char *origin;
	const char *description;
	const char *protection_level;
	bool		automatic_rotation;
	int64		rotation_seconds;	/* NO_INTERVAL: none given; only with automatic_rotation */
	Jsonb	   *tags;				/* or NULL */
	bool		deletion_protected;
} KmsCreateKey;

extern pg_uuid_t key_create(Oid caller, const KmsCreateKey *request);

#endif
