/*
 * Making secrets.
 */
#include "service/secret_create.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/account.h"
#include "service/audit_line.h"
#include "service/key.h"
#include "service/secret.h"
#include "service/secret_config.h"
#include "service/secret_label.h"
#include "service/secret_role.h"
#include "service/secret_rotation.h"
#include "service/secret_seal.h"
#include "service/secret_value.h"
#include "service/secret_version.h"
#include "service/tag.h"
#include "utils/timestamp.h"

#define RESERVED_PREFIX "acs/"

/* The cloud's other types have no counterpart in a database. */
static KmsSecretType
parse_type(const char *name)
{
	static const char *const others[] = {"Redis", "PolarDB", "RAMCredentials", "ECS"};
	KmsSecretType type = secret_type_of(name);

	for (size_t i = 0; i < lengthof(others); i++)
		if (strcmp(name, others[i]) == 0)
			kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
						errmsg("secrets of type %s cannot be rotated from a database", name),
						errhint("Keep it as a Generic secret, and store each new value with kms_put_secret_value."));
	if (type == 0)
		err_invalid("secret_type", "it must be Generic or Rds");
	return type;
}

static void
parse_config(const KmsCreateSecret *request, KmsSecret *secret)
{
	if (secret->type == SECRET_GENERIC)
	{
		if (request->automatic_rotation)
			kms_ereport(ERRCODE_FEATURE_NOT_SUPPORTED, API_REJECTED_UNSUPPORTED,
						errmsg("a Generic secret does not rotate"),
						errhint("Store a new value with kms_put_secret_value."));
		return;
	}
	if (request->text == NULL)
		err_invalid("secret_data", "only Generic secrets are binary");
	if (request->extended_config == NULL)
		err_missing("extended_config");
	secret->extended_config = secret_config_parse(request->extended_config, &secret->sub_type);
	if (request->automatic_rotation)
		secret_check_rotation_interval(request->rotation_seconds);
}

static void
err_exists(const char *name)
{
	KmsSecret	there;

	if (store_secret_find(name, NULL, &there) && !TIMESTAMP_IS_NOEND(there.delete_at))
		kms_ereport(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, API_RESOURCE_IN_DELETE_WINDOW,
					errmsg("secret \"%s\" exists and is scheduled for deletion", name),
					errhint("Its owner can call kms_restore_secret, or delete it at once with force_delete_without_recovery."));
	kms_ereport(ERRCODE_DUPLICATE_OBJECT, API_RESOURCE_EXIST,
				errmsg("secret \"%s\" already exists", name));
}

static void
add_first_version(Oid caller, const KmsSecret *secret, SecretLabels *labels, const KmsCreateSecret *request)
{
	KmsSecretVersion version = {.id = request->version_id, .is_binary = request->text == NULL};

	secret_add_version(caller, secret, labels, &version, request->value);
	label_put(labels, LABEL_CURRENT, request->version_id);
}

/* One account becomes one version, whose value has the layout that is read. */
static void
add_account(Oid caller, const KmsSecret *secret, SecretLabels *labels, const char *label, const char *version_id,
			const KmsSecretAccount *account)
{
	secret_add_account(caller, secret, labels, version_id, account->name, account->password);
	label_put(labels, label, version_id);
}

/* In one order, whichever is named first: two sessions must not wait for each other. */
static void
claim_roles(const KmsSecret *secret, const KmsSecretAccount *accounts, int count)
{
	int			first = count == 2 && strcmp(accounts[1].name, accounts[0].name) < 0 ? 1 : 0;

	secret_role_claim(secret, accounts[first].name);
	if (count == 2)
		secret_role_claim(secret, accounts[1 - first].name);
}

/* Two accounts: the first is current, the second previous, as after a rotation. */
static void
add_accounts(Oid caller, const KmsSecret *secret, SecretLabels *labels, const char *version_id,
			 const KmsSecretAccount *accounts, int count)
{
	pg_uuid_t	invented = uuid_random();

	for (int i = 0; i < count; i++)
		secret_role_require(secret->owner, accounts[i].name, false);
	claim_roles(secret, accounts, count);
	if (secret->sub_type == SECRET_DOUBLE_USERS && count == 1)
	{
		char	   *clone = secret_role_clone_name(accounts[0].name);

		secret_role_require_free(clone);
		secret_role_claim(secret, clone);
	}
	add_account(caller, secret, labels, LABEL_CURRENT, version_id, &accounts[0]);
	if (count == 2)
		add_account(caller, secret, labels, LABEL_PREVIOUS, uuid_print(&invented, palloc(37)), &accounts[1]);
}

/* Everything but the key, which may still have to be made. */
static void
describe(Oid caller, const KmsCreateSecret *request, KmsSecret *secret)
{
	memset(secret, 0, sizeof(*secret));
	secret->name = request->name;
	secret->type = parse_type(request->type);
	parse_config(request, secret);
	secret->id = uuid_random();
	secret->stored_owner = store_role_of(caller);
	secret->description = request->description;
	secret->created_at = secret->updated_at = GetCurrentTimestamp();
	secret->rotated_at = secret->next_rotation_at = secret->delete_at = secret->hour_began_at = DT_NOEND;
	secret->rotation = SECRET_ROTATION_DISABLED;
	if (request->automatic_rotation)
		secret_set_rotation(secret, true, request->rotation_seconds);
}

void
secret_create(Oid caller, const KmsCreateSecret *request, KmsSecret *secret)
{
	KmsSecretAccount accounts[SECRET_ACCOUNTS_MAX];
	int			account_count = 0;
	SecretLabels labels;
	KmsSecret	there;
	List	   *tags;

	secret_require_identifier("secret_name", request->name, SECRET_NAME_MAX);
	audit_about_secret(request->name);
	if (strncmp(request->name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0)
		err_invalid("secret_name", "names that begin with acs/ are reserved");
	secret_require_identifier("version_id", request->version_id, SECRET_VERSION_ID_MAX);
	secret_require_value(request->value, request->text == NULL);
	key_require_description("description", request->description);
	tags = tags_parse(request->tags);
	describe(caller, request, secret);
	if (secret->type == SECRET_RDS)
		account_count = secret_accounts_parse(request->text, secret->sub_type, accounts);
	account_require_unsealed();
	store_require_writable();
	if (store_secret_find(request->name, NULL, &there))
		err_exists(request->name);
	secret_choose_key(caller, request->encryption_key_id, secret);
	store_role_anchor(caller);
	secret->owner = store_role_now(&secret->stored_owner);

	store_open();
	if (!secret_add(secret))
		err_exists(request->name);
	labels_read(&secret->id, NULL, &labels);
	if (secret->type == SECRET_GENERIC)
		add_first_version(caller, secret, &labels, request);
	else
		add_accounts(caller, secret, &labels, request->version_id, accounts, account_count);
	tags_add(&secret->id, "secret", tags);
	store_secret_notify(secret->name);
	secret_record(ACTION_CREATE_SECRET, caller, secret, psprintf("version %s", request->version_id));
	store_sync_at_commit();
	store_close();
}
