/*
 * Key versions.
 */
#include "service/key_version.h"

#include "base/error.h"
#include "base/ident.h"
#include "service/key.h"

void
key_version_describe(Oid caller, const char *key_reference, const char *version_id, KmsKeyVersion *version)
{
	KmsKey		key;
	pg_uuid_t	id;

	if (!uuid_parse(version_id, strlen(version_id), &id))
		err_invalid("key_version_id", "it is no key version id");
	key_describe(caller, key_reference, ACTION_DESCRIBE_KEY_VERSION, &key);
	if (!store_key_version_find(&id, version) || !uuid_equal(&version->key_id, &key.id))
		kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_VERSION_NOT_FOUND,
					errmsg("key \"%s\" has no version \"%s\"", key_reference, version_id));
}

void
key_version_list(Oid caller, const char *key_reference, StoreVersionSeen seen, void *argument)
{
	KmsKey		key;

	key_describe(caller, key_reference, ACTION_LIST_KEY_VERSIONS, &key);
	store_key_version_list(&key.id, seen, argument);
}

/* The newest version of a key. */
static void
take_newer(const KmsKeyVersion *version, void *argument)
{
	KmsKeyVersion *newest = argument;

	if (version->created_at >= newest->created_at)
		*newest = *version;
}

static void
err_version_not_found(const char *version_id)
{
	kms_ereport(ERRCODE_UNDEFINED_OBJECT, API_KEY_VERSION_NOT_FOUND,
				errmsg("key version \"%s\" does not exist", version_id));
}

void
key_version_named(Oid caller, KmsAction action, const char *key_reference, const char *version_id, kc_view context,
				  KmsKeyVersion *version)
{
	KmsReference reference;
	KmsKey		key;
	pg_uuid_t	id;

	if (version_id == NULL && key_reference == NULL)
		err_missing("key_id");
	if (version_id != NULL &&
		(!uuid_parse(version_id, strlen(version_id), &id) || !store_key_version_find(&id, version)))
		err_version_not_found(version_id);
	if (key_reference == NULL)
		key_reference = uuid_print(&version->key_id, palloc(37));
	reference_parse("key_id", key_reference, strlen(key_reference), &reference);
	if (!key_may(caller, action, &reference, &key, context))
		access_refuse("key", key_reference, strlen(key_reference));
	if (version_id == NULL)
	{
		*version = (KmsKeyVersion) {.key_id = key.id, .created_at = DT_NOBEGIN};
		store_key_version_list(&key.id, take_newer, version);
	}
	else if (!uuid_equal(&version->key_id, &key.id))
		err_version_not_found(version_id);
}
