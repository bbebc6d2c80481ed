/*
 * kms_create_alias, kms_update_alias, kms_delete_alias, kms_list_aliases_by_key_id.
 * kms_list_aliases is SQL.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/account.h"
#include "service/alias.h"

/* kms_create_alias(key_id text, alias_name text) -> void */
KMS_FUNCTION(kms_create_alias, ACTION_CREATE_ALIAS)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	char	   *alias_name = arg_text(fcinfo, 1, "alias_name");

	alias_create(caller, key_id, alias_name);
	PG_RETURN_VOID();
}

/* kms_update_alias(key_id text, alias_name text) -> void */
KMS_FUNCTION(kms_update_alias, ACTION_UPDATE_ALIAS)
{
	Oid			caller = GetUserId();
	char	   *key_id = arg_text(fcinfo, 0, "key_id");
	char	   *alias_name = arg_text(fcinfo, 1, "alias_name");

	alias_update(caller, key_id, alias_name);
	PG_RETURN_VOID();
}

/* kms_delete_alias(alias_name text) -> void */
KMS_FUNCTION(kms_delete_alias, ACTION_DELETE_ALIAS)
{
	Oid			caller = GetUserId();

	alias_delete(caller, arg_text(fcinfo, 0, "alias_name"));
	PG_RETURN_VOID();
}

typedef struct Listing
{
	ReturnSetInfo *result;
	pg_uuid_t	key_id;
	char		prefix[ARN_PREFIX_SIZE];
} Listing;

static void
list_alias(const char *name, void *argument)
{
	Listing    *listing = argument;
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(psprintf("%s%s", listing->prefix, name));
	values[2] = UUIDPGetDatum(&listing->key_id);
	tuplestore_putvalues(listing->result->setResult, listing->result->setDesc, values, nulls);
}

/* kms_list_aliases_by_key_id(key_id text) -> setof kms.alias_entry */
KMS_FUNCTION(kms_list_aliases_by_key_id, ACTION_LIST_ALIASES_BY_KEY_ID)
{
	Oid			caller = GetUserId();
	Listing		listing = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	char	   *key_id = arg_text(fcinfo, 0, "key_id");

	InitMaterializedSRF(fcinfo, 0);
	account_arn_prefix(listing.prefix);
	alias_list(caller, key_id, &listing.key_id, list_alias, &listing);
	PG_RETURN_NULL();
}
