/*
 * Rotating the passwords of roles: the change of the role and the new version are
 * one transaction, so that the current version has the password that works, at
 * every moment and after every crash.
 *
 * A password is drawn here, on the stack, and leaves it in two forms only: sealed,
 * and as a SCRAM verifier.
 */
#include "service/secret_rotation.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/account.h"
#include "service/key_rotation.h"
#include "service/password.h"
#include "service/secret.h"
#include "service/secret_label.h"
#include "service/secret_role.h"
#include "service/secret_seal.h"
#include "service/secret_value.h"
#include "service/secret_version.h"
#include "store/job.h"
#include "utils/timestamp.h"

#define INTERVAL_MIN	INT64CONST(21600)		/* 6 hours */
#define INTERVAL_MAX	INT64CONST(31536000)	/* 365 days */

#define HOUR_ROTATIONS_MAX	50

#define PASSWORD_LEN	32

void
secret_check_rotation_interval(int64 seconds)
{
	if (seconds == NO_INTERVAL)
		err_invalid("rotation_interval", "automatic rotation needs one");
	if (seconds < INTERVAL_MIN || seconds > INTERVAL_MAX)
		err_invalid("rotation_interval", "it must be 6 hours to 365 days");
}

/* From the last rotation on, or from the beginning. */
static TimestampTz
next_rotation(const KmsSecret *secret)
{
	TimestampTz last = TIMESTAMP_IS_NOEND(secret->rotated_at) ? secret->created_at : secret->rotated_at;

	return secret->rotation_seconds == 0 ? DT_NOEND : last + secret->rotation_seconds * USECS_PER_SEC;
}

void
secret_set_rotation(KmsSecret *secret, bool enable, int64 seconds)
{
	secret->rotation = enable ? SECRET_ROTATION_ENABLED : SECRET_ROTATION_DISABLED;
	secret->rotation_seconds = enable ? seconds : 0;
	secret->next_rotation_at = next_rotation(secret);
}

void
secret_update_rotation_policy(Oid caller, const char *name, bool enable, int64 seconds)
{
	KmsSecret	secret;

	if (enable)
		secret_check_rotation_interval(seconds);
	secret_find_for(caller, ACTION_UPDATE_SECRET_ROTATION_POLICY, name, NULL, &secret);

	store_open();
	secret_lock_for(caller, ACTION_UPDATE_SECRET_ROTATION_POLICY, &secret);
	secret_require_managed(&secret);
	secret_require_active(&secret);
	secret_set_rotation(&secret, enable, seconds);
	store_job_forget(&secret.id, JOB_SECRET_ROTATION);
	secret_save(&secret);
	secret_record(ACTION_UPDATE_SECRET_ROTATION_POLICY, caller, &secret, enable ? "on" : "off");
	store_sync_at_commit();
	store_close();
}

/* The row has no MAC: that it is what it was, its value says. */
static const char *
role_of_version(const KmsSecret *secret, const char *version_id)
{
	KmsSecretVersion version;

	if (version_id == NULL || !store_secret_version_find(&secret->id, version_id, NULL, &version) ||
		version.role_name == NULL)
		err_stored();
	secret_value_require_intact(secret, &version);
	return version.role_name;
}

/* Whose password is changed, and whom it has to be made after, or NULL: it is there. */
typedef struct Target
{
	const char *role;
	const char *original;
} Target;

/* One account, or of two the one that is not in use; which is made where there is but one. */
static Target
choose_target(const KmsSecret *secret, const SecretLabels *labels)
{
	const char *current = role_of_version(secret, label_holder(labels, LABEL_CURRENT));
	const char *previous;

	if (secret->sub_type == SECRET_SINGLE_USER)
		return (Target) {current, NULL};
	previous = label_holder(labels, LABEL_PREVIOUS);
	if (previous != NULL)
		return (Target) {role_of_version(secret, previous), NULL};
	return (Target) {secret_role_clone_name(current), current};
}

static void
change_role(const KmsSecret *secret, const Target *target, const char *password)
{
	secret_role_require(secret->owner, target->original != NULL ? target->original : target->role, true);
	if (target->original != NULL)
		store_login_role_clone(secret->owner.role, target->original, target->role, password);
	else
		store_login_role_set_password(secret->owner.role, target->role, password);
}

void
secret_rotate_locked(KmsSecret *secret, const char *version_id)
{
	char		password[PASSWORD_LEN + 1];
	SecretLabels labels;
	Target		target;

	labels_read(&secret->id, NULL, &labels);
	target = choose_target(secret, &labels);
	PG_TRY();
	{
		password_generate(PASSWORD_LEN, false, password);
		change_role(secret, &target, password);
		secret_add_account(secret->owner.role, secret, &labels, version_id, target.role, password);
	}
	PG_FINALLY();
	{
		kc_wipe(password, sizeof(password));
	}
	PG_END_TRY();
	labels_make_current(&labels, version_id);
	secret->rotated_at = GetCurrentTimestamp();
	secret->next_rotation_at = next_rotation(secret);
	if (secret->rotation == SECRET_ROTATION_INVALID)
		secret->rotation = SECRET_ROTATION_ENABLED;
	store_secret_notify(secret->name);
	secret_save(secret);
}

/* By hand, not more than so many in an hour. */
static void
count_rotation(KmsSecret *secret)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TIMESTAMP_IS_NOEND(secret->hour_began_at) || now - secret->hour_began_at >= USECS_PER_HOUR)
	{
		secret->hour_began_at = now;
		secret->hour_rotations = 0;
	}
	if (secret->hour_rotations >= HOUR_ROTATIONS_MAX)
		kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
					errmsg("secret \"%s\" was rotated 50 times within the hour", secret->name));
	secret->hour_rotations++;
}

/* Roles are those of the whole cluster: a copy of this database would take their passwords away from it. */
static void
require_home(void)
{
	if (!account_is_at_home())
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_STATE_MODIFIED_FAILED,
					errmsg("this database is a copy or was restored, and changes no passwords"),
					errhint("Call kms_confirm_home() if its secrets are the ones that count."));
}

const char *
secret_rotate(Oid caller, const char *name, const char *version_id)
{
	KmsSecret	secret;
	KmsSecretVersion there;
	pg_uuid_t	invented = uuid_random();

	if (version_id != NULL)
		secret_require_identifier("version_id", version_id, SECRET_VERSION_ID_MAX);
	else
		version_id = uuid_print(&invented, palloc(37));
	secret_find_for(caller, ACTION_ROTATE_SECRET, name, NULL, &secret);

	store_open();
	secret_lock_for(caller, ACTION_ROTATE_SECRET, &secret);
	secret_require_managed(&secret);
	secret_require_active(&secret);
	if (store_secret_version_find(&secret.id, version_id, NULL, &there))
	{
		store_close_unrecorded();
		return version_id;
	}
	require_home();
	count_rotation(&secret);
	secret_rotate_locked(&secret, version_id);
	store_job_forget(&secret.id, JOB_SECRET_ROTATION);
	secret_record(ACTION_ROTATE_SECRET, caller, &secret, psprintf("version %s", version_id));
	store_sync_at_commit();
	store_close();
	return version_id;
}
