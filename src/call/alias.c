/*
 * Aliases in the API's JSON.
 */
#include "call/table.h"

#define ALIAS_NAME {"AliasName", CALL_TEXT, .required = true}

#define ALIAS \
	{"AliasName", CALL_TEXT, .column = "a.alias_name"}, \
	{"AliasArn", CALL_TEXT, .column = "a.alias_arn"}, \
	{"KeyId", CALL_TEXT, .column = "a.key_id"}

const CallAction call_alias[] = {
	{
		.name = "CreateAlias",
		.request = CALL_REQUEST {CALL_KEY_ID, ALIAS_NAME, {0}},
		.from = "@.kms_create_alias($1, $2)",
	},
	{
		.name = "UpdateAlias",
		.request = CALL_REQUEST {CALL_KEY_ID, ALIAS_NAME, {0}},
		.from = "@.kms_update_alias($1, $2)",
	},
	{
		.name = "DeleteAlias",
		.request = CALL_REQUEST {ALIAS_NAME, {0}},
		.from = "@.kms_delete_alias($1)",
	},
	{
		.name = "ListAliases",
		.request = CALL_REQUEST {CALL_PAGE_NUMBER, CALL_PAGE_SIZE("10"), {0}},
		.from = "%.aliases AS a",
		.order = "a.creation_date, a.alias_name",
		.list = "Aliases.Alias",
		.response = CALL_RESPONSE {ALIAS, {0}},
		.paging = CALL_BY_NUMBER,
		.total = "TotalCount",
	},
	{
		/* Who may list the aliases of a key may perhaps not describe it, and so does not see them in the view. */
		.name = "ListAliasesByKeyId",
		.request = CALL_REQUEST {CALL_KEY_ID, CALL_PAGE_NUMBER, CALL_PAGE_SIZE("10"), {0}},
		.from = "@.kms_list_aliases_by_key_id($1) AS a LEFT JOIN %.aliases AS dated ON dated.alias_name = a.alias_name",
		.order = "dated.creation_date, a.alias_name",
		.list = "Aliases.Alias",
		.response = CALL_RESPONSE {ALIAS, {0}},
		.paging = CALL_BY_NUMBER,
		.total = "TotalCount",
	},
	{0}
};
