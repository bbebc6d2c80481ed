/*
 * What grants are given on and what has an owner: keys, secrets and certificates.
 */
#ifndef KMS_RESOURCE_H
#define KMS_RESOURCE_H

#include "postgres.h"

#include "service/access.h"
#include "service/reference.h"
#include "store/certificate.h"
#include "store/key.h"
#include "store/secret.h"

typedef enum KmsResourceKind
{
	RESOURCE_KEY = 1,
	RESOURCE_SECRET,
	RESOURCE_CERTIFICATE
} KmsResourceKind;

typedef struct KmsResource
{
	KmsResourceKind kind;
	const char *text;			/* as the caller wrote it */
	KmsReference reference;		/* these two of a key */
	KmsKey		key;
	KmsSecret	secret;
	KmsCertificate certificate;	/* its id is there before it is found */
} KmsResource;

/* Key id, ARN, alias; secret/NAME, certificate/UUID.  Malformed: InvalidParameter. */
extern void resource_parse(const char *text, KmsResource *resource);

/* What an argument key_id (aliases too), secret_name or certificate_id names. */
extern void resource_of_key(const char *text, KmsResource *resource);
extern void resource_of_secret(const char *text, KmsResource *resource);
extern void resource_of_certificate(const char *text, KmsResource *resource);

/* Find it, and authorise; then (inside store_open) lock it, and authorise again. */
extern void resource_find_for(Oid caller, KmsAction action, KmsResource *resource);
extern void resource_lock_for(Oid caller, KmsAction action, KmsResource *resource);

/* Find it, and say whether the caller may. */
extern bool resource_may(Oid caller, KmsAction action, KmsResource *resource, kc_view context);

/* Of what was found. */
extern const pg_uuid_t *resource_id(const KmsResource *resource);
extern KmsOwner resource_owner(const KmsResource *resource);

/* As it stands in grants and in the audit log: "key", "secret" or "certificate". */
extern const char *resource_type(KmsResourceKind kind);

/* The operation that lets one see it. */
extern KmsAction resource_describing(KmsResourceKind kind);

/* Operations that can be granted on such a resource, as bits. */
extern uint64 resource_operations(KmsResourceKind kind);

/* What the view kms.grants calls it: the key's id, secret/NAME or certificate/UUID. */
extern char *resource_shown(const KmsResource *resource);

/*
 * Inside store_open, with it locked.  A secret that keeps the password of a role changes it
 * with its owner's rights: such a one is given only to a role whose privileges the
 * caller has.
 */
extern void resource_set_owner(Oid caller, KmsResource *resource, const KmsStoredRole *owner);

/* Its grants were changed: whoever has them cached reads them anew. */
extern void resource_grants_changed(const KmsResource *resource);

/* Record it in the audit log. */
extern void resource_record(KmsAction action, Oid caller, const KmsResource *resource, const char *detail);

#endif
