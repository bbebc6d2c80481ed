/*
 * Who may do what: the one place that decides.
 */
#ifndef KMS_ACCESS_H
#define KMS_ACCESS_H

#include "postgres.h"

#include "store/key.h"

/* The API's operations, as far as they are asked of a resource. */
typedef enum KmsAction
{
	ACTION_DESCRIBE_KEY,
	ACTION_ENABLE_KEY,
	ACTION_DISABLE_KEY,
	ACTION_UPDATE_KEY_DESCRIPTION,
	ACTION_SET_DELETION_PROTECTION,
	ACTION_SCHEDULE_KEY_DELETION,
	ACTION_CANCEL_KEY_DELETION,
	ACTION_UPDATE_ROTATION_POLICY,
	ACTION_GET_PARAMETERS_FOR_IMPORT,
	ACTION_IMPORT_KEY_MATERIAL,
	ACTION_DELETE_KEY_MATERIAL,
	ACTION_CREATE_KEY_VERSION,
	ACTION_DESCRIBE_KEY_VERSION,
	ACTION_LIST_KEY_VERSIONS,
	ACTION_CREATE_ALIAS,
	ACTION_UPDATE_ALIAS,
	ACTION_DELETE_ALIAS,
	ACTION_LIST_ALIASES_BY_KEY_ID,
	/* From here on key material is used. */
	ACTION_ENCRYPT,
	ACTION_DECRYPT,
	ACTION_RE_ENCRYPT,
	ACTION_GENERATE_DATA_KEY,
	ACTION_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
	ACTION_EXPORT_DATA_KEY,
	ACTION_GENERATE_AND_EXPORT_DATA_KEY,
	ACTION_ASYMMETRIC_SIGN,
	ACTION_ASYMMETRIC_VERIFY,
	ACTION_ASYMMETRIC_ENCRYPT,
	ACTION_ASYMMETRIC_DECRYPT,
	ACTION_GET_PUBLIC_KEY,
	ACTION_GENERATE_MAC,
	ACTION_VERIFY_MAC
} KmsAction;

#define ACTION_USES_KEY(action) ((action) >= ACTION_ENCRYPT)

typedef enum KmsVerdict
{
	ACCESS_DENIED,
	ACCESS_ALLOWED,				/* may be remembered until roles change */
	ACCESS_ALLOWED_NOW			/* hangs on a setting: ask again next time */
} KmsVerdict;

/*
 * Owners, and who has their privileges, may do everything.  Superusers may
 * manage every key, but use one only if they own it themselves: somebody else's
 * view or trigger, run by a superuser, must not lend it every key.
 */
extern KmsVerdict access_decide(Oid caller, KmsAction action, const KmsOwner *owner);

/* 42501, Forbidden.NoPermission; what is the caller's own name for the thing. */
extern void access_refuse(const char *kind, const char *what, size_t len) pg_attribute_noreturn();

#endif
