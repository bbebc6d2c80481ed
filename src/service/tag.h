/*
 * Tags of keys and secrets: what somebody finds them by.  They decide nothing, so
 * they are under no MAC.
 */
#ifndef KMS_SERVICE_TAG_H
#define KMS_SERVICE_TAG_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "store/tag.h"
#include "utils/jsonb.h"

#define TAGS_MAX		20		/* of a resource */
#define TAG_LEN_MAX		128		/* characters, all of which are ASCII */

/*
 * The API's [{"TagKey": .., "TagValue": ..}, ...], or {"key": "value", ...}, as a list of
 * KmsTag; NIL for NULL.  Anything else, a character or prefix that is not allowed, a key that
 * comes twice: InvalidParameter; more than TAGS_MAX: Rejected.LimitExceeded.
 */
extern List *tags_parse(Jsonb *tags);

/* The tags of a resource as the API's array. */
extern Jsonb *tags_json(const pg_uuid_t *resource);

/* Inside store_open: give them to a new resource. */
extern void tags_add(const pg_uuid_t *resource, const char *resource_type, const List *tags);

/* What to tag: exactly one is not NULL. */
typedef struct TagSubject
{
	const char *key_id;
	const char *secret_name;
	const char *certificate_id;
} TagSubject;

/* A key that is there already gets the new value. */
extern void tag_resource(Oid caller, const TagSubject *subject, Jsonb *tags);

/* Keys that are not there are no error. */
extern void untag_resource(Oid caller, const TagSubject *subject, const List *keys);

/* A list of KmsTag. */
extern List *tag_list(Oid caller, const TagSubject *subject);

#endif
