/*
 * Tags.
 */
#include "service/tag.h"

#include "base/error.h"
#include "base/json.h"
#include "service/key.h"
#include "service/resource.h"

/* Only these two prefixes are kept from users: the cloud puts its own tags there. */
static const char *const reserved[] = {"aliyun", "acs:"};

static bool
is_tag_text(const char *text)
{
	static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/\\_-.+=@:";
	size_t		len = strlen(text);

	return len <= TAG_LEN_MAX && strspn(text, characters) == len;
}

static void
require_tag_key(const char *argument, const char *key)
{
	if (key[0] == '\0' || !is_tag_text(key))
		err_invalid(argument, "a key must be 1 to 128 letters, digits and characters of / \\ _ - . + = @ :");
	for (size_t i = 0; i < lengthof(reserved); i++)
		if (pg_strncasecmp(key, reserved[i], strlen(reserved[i])) == 0)
			err_invalid(argument, "keys that begin with aliyun or acs: are reserved");
}

static KmsTag *
find(const List *tags, const char *key)
{
	ListCell   *cell;

	foreach(cell, tags)
	{
		KmsTag	   *tag = lfirst(cell);

		if (strcmp(tag->key, key) == 0)
			return tag;
	}
	return NULL;
}

static char *
string_of(const JsonbValue *value)
{
	if (value == NULL || value->type != jbvString)
		err_invalid("tags", "it must be [{\"TagKey\": string, \"TagValue\": string}, ...] or {string: string, ...}");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static List *
add(List *tags, char *key, char *value)
{
	KmsTag	   *tag = palloc(sizeof(KmsTag));

	require_tag_key("tags", key);
	if (!is_tag_text(value))
		err_invalid("tags", "a value must be 0 to 128 letters, digits and characters of / \\ _ - . + = @ :");
	if (find(tags, key) != NULL)
		err_invalid("tags", "a key comes twice");
	tag->key = key;
	tag->value = value;
	return lappend(tags, tag);
}

static List *
parse_pair(List *tags, const JsonbValue *element)
{
	JsonbContainer *pair;

	if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data) ||
		JsonContainerSize(element->val.binary.data) != 2)
		(void) string_of(NULL);
	pair = element->val.binary.data;
	return add(tags, string_of(json_field(pair, "TagKey", jbvString)), string_of(json_field(pair, "TagValue", jbvString)));
}

static List *
parse_array(Jsonb *tags)
{
	List	   *parsed = NIL;

	for (uint32 i = 0; i < JB_ROOT_COUNT(tags); i++)
		parsed = parse_pair(parsed, getIthJsonbValueFromContainer(&tags->root, i));
	return parsed;
}

static List *
parse_object(Jsonb *tags)
{
	JsonbIterator *iterator = JsonbIteratorInit(&tags->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *parsed = NIL;
	char	   *key = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = string_of(&value);
		else if (token == WJB_VALUE)
			parsed = add(parsed, key, string_of(&value));
	}
	return parsed;
}

static void
err_too_many(void)
{
	kms_ereport(ERRCODE_PROGRAM_LIMIT_EXCEEDED, API_LIMIT_EXCEEDED,
				errmsg("a resource cannot have more than 20 tags"));
}

List *
tags_parse(Jsonb *tags)
{
	if (tags == NULL)
		return NIL;
	if (JB_ROOT_IS_SCALAR(tags))
		(void) string_of(NULL);
	if (JB_ROOT_COUNT(tags) > TAGS_MAX)
		err_too_many();
	return JB_ROOT_IS_ARRAY(tags) ? parse_array(tags) : parse_object(tags);
}

Jsonb *
tags_json(const pg_uuid_t *resource)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, store_tag_list(resource))
	{
		const KmsTag *tag = lfirst(cell);

		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_add_text(&state, "TagKey", tag->key);
		json_add_text(&state, "TagValue", tag->value);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

void
tags_add(const pg_uuid_t *resource, const char *resource_type, const List *tags)
{
	ListCell   *cell;

	foreach(cell, tags)
		store_tag_put(resource, resource_type, lfirst(cell));
}

/* The one that is named, for somebody who may. */
static void
find_subject(Oid caller, KmsAction action, const TagSubject *subject, KmsResource *resource)
{
	if ((subject->key_id != NULL) + (subject->secret_name != NULL) + (subject->certificate_id != NULL) != 1)
		err_invalid("key_id", "exactly one of key_id, secret_name and certificate_id must be given");
	if (subject->key_id != NULL)
		resource_of_key(subject->key_id, resource);
	else if (subject->secret_name != NULL)
		resource_of_secret(subject->secret_name, resource);
	else
		resource_of_certificate(subject->certificate_id, resource);
	resource_find_for(caller, action, resource);
}

/* A key that is pending deletion keeps its tags; secrets and certificates may be tagged in every state. */
static void
require_taggable(const KmsResource *resource)
{
	if (resource->kind == RESOURCE_KEY && resource->key.state == KEY_PENDING_DELETION)
		key_require_enabled(resource->key.state, "key", resource->reference.text, resource->reference.len);
}

/* How many there would be, those given included. */
static int
count_with(const pg_uuid_t *resource, const List *tags)
{
	int			count = list_length(tags);
	ListCell   *cell;

	foreach(cell, store_tag_list(resource))
	{
		if (find(tags, ((const KmsTag *) lfirst(cell))->key) == NULL)
			count++;
	}
	return count;
}

static void
record(KmsAction action, Oid caller, const KmsResource *resource, const List *tags)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, tags)
		appendStringInfo(&detail, "%s %s", cell == list_head(tags) ? "tags" : ",", ((const KmsTag *) lfirst(cell))->key);
	resource_record(action, caller, resource, tags == NIL ? NULL : detail.data);
}

void
tag_resource(Oid caller, const TagSubject *subject, Jsonb *json)
{
	KmsResource resource;
	List	   *tags = tags_parse(json);

	find_subject(caller, ACTION_TAG_RESOURCE, subject, &resource);

	store_open();
	resource_lock_for(caller, ACTION_TAG_RESOURCE, &resource);
	require_taggable(&resource);
	if (count_with(resource_id(&resource), tags) > TAGS_MAX)
		err_too_many();
	tags_add(resource_id(&resource), resource_type(resource.kind), tags);
	record(ACTION_TAG_RESOURCE, caller, &resource, tags);
	store_close();
}

static bool
is_one_of(const char *key, const List *keys)
{
	ListCell   *cell;

	foreach(cell, keys)
	{
		if (strcmp(lfirst(cell), key) == 0)
			return true;
	}
	return false;
}

/* Keys may come without end, and are named by the caller; what is there is no more than TAGS_MAX. */
static List *
delete_tags(const pg_uuid_t *resource, const List *keys)
{
	List	   *deleted = NIL;
	ListCell   *cell;

	foreach(cell, store_tag_list(resource))
	{
		KmsTag	   *tag = lfirst(cell);

		if (!is_one_of(tag->key, keys))
			continue;
		store_tag_delete(resource, tag->key);
		deleted = lappend(deleted, tag);
	}
	return deleted;
}

void
untag_resource(Oid caller, const TagSubject *subject, const List *keys)
{
	KmsResource resource;
	ListCell   *cell;

	foreach(cell, keys)
		require_tag_key("tag_keys", lfirst(cell));
	find_subject(caller, ACTION_UNTAG_RESOURCE, subject, &resource);

	store_open();
	resource_lock_for(caller, ACTION_UNTAG_RESOURCE, &resource);
	require_taggable(&resource);
	record(ACTION_UNTAG_RESOURCE, caller, &resource, delete_tags(resource_id(&resource), keys));
	store_close();
}

List *
tag_list(Oid caller, const TagSubject *subject)
{
	KmsResource resource;

	find_subject(caller, ACTION_LIST_RESOURCE_TAGS, subject, &resource);
	return store_tag_list(resource_id(&resource));
}
