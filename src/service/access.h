/*
 * Who may do what: the one place that decides.
 */
#ifndef KMS_ACCESS_H
#define KMS_ACCESS_H

#include "postgres.h"

#include "service/action.h"
#include "store/key.h"

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
