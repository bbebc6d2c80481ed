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
