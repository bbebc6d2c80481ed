/*
 * kms_tag_resource, kms_untag_resource, kms_list_resource_tags.
 */
#include "postgres.h"

#include "api/args.h"
#include "miscadmin.h"
#include "service/tag.h"
#include "utils/jsonb.h"

/* Three arguments, beginning with this one. */
static TagSubject
arg_subject(FunctionCallInfo fcinfo, int number)
{
	return (TagSubject)
	{
		arg_text_or_null(fcinfo, number), arg_text_or_null(fcinfo, number + 1), arg_text_or_null(fcinfo, number + 2)
	};
}

/* kms_tag_resource(tags jsonb, key_id text, secret_name text, certificate_id text) -> void */
KMS_FUNCTION(kms_tag_resource, ACTION_TAG_RESOURCE)
{
	Oid			caller = GetUserId();
	TagSubject	subject = arg_subject(fcinfo, 1);

	if (PG_ARGISNULL(0))
		err_missing("tags");
	tag_resource(caller, &subject, PG_GETARG_JSONB_P(0));
	PG_RETURN_VOID();
}

/* kms_untag_resource(tag_keys text[], key_id text, secret_name text, certificate_id text) -> void */
KMS_FUNCTION(kms_untag_resource, ACTION_UNTAG_RESOURCE)
{
	Oid			caller = GetUserId();
	TagSubject	subject = arg_subject(fcinfo, 1);

	if (PG_ARGISNULL(0))
		err_missing("tag_keys");
	untag_resource(caller, &subject, arg_names(fcinfo, 0, "tag_keys"));
	PG_RETURN_VOID();
}

/* kms_list_resource_tags(key_id text, secret_name text, certificate_id text) -> setof kms.tag_entry */
KMS_FUNCTION(kms_list_resource_tags, ACTION_LIST_RESOURCE_TAGS)
{
	Oid			caller = GetUserId();
	TagSubject	subject = arg_subject(fcinfo, 0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *tags = tag_list(caller, &subject);
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, tags)
	{
		const KmsTag *tag = lfirst(cell);
		Datum		values[2] = {CStringGetTextDatum(tag->key), CStringGetTextDatum(tag->value)};
		bool		nulls[2] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
