/*
 * Tags in the API's JSON: the older calls are about one resource, the newer ones
 * about up to 50 keys or secrets.
 */
#include "call/table.h"

#define ONE_RESOURCE {"KeyId", .kind = CALL_TEXT}, {"SecretName", .kind = CALL_TEXT}, {"CertificateId", .kind = CALL_TEXT}

#define RESOURCE_TYPE \
	{"RegionId", CALL_TEXT, .required = true}, \
	{"ResourceType", CALL_TEXT, .required = true, .one_of = "key|secret"}

/* The resources r that $3 names, each once and in one order, so that two calls do not wait for each other. */
#define RESOURCES \
	"(SELECT DISTINCT CASE $2 WHEN 'key' THEN id END AS key_id, CASE $2 WHEN 'secret' THEN id END AS secret_name" \
	" FROM pg_catalog.unnest($3) AS id ORDER BY 1, 2) AS r"

const CallAction call_tag[] = {
	{
		.name = "TagResource",
		.request = CALL_REQUEST {ONE_RESOURCE, {"Tags", CALL_ARRAY, .required = true}, {0}},
		.from = "@.kms_tag_resource($4, $1, $2, $3)",
	},
	{
		.name = "UntagResource",
		.request = CALL_REQUEST {ONE_RESOURCE, {"TagKeys", CALL_NAMES, .required = true}, {0}},
		.from = "@.kms_untag_resource($4, $1, $2, $3)",
	},
	{
		.name = "ListResourceTags",
		.request = CALL_REQUEST {CALL_KEY_ID, {0}},
		.from = "@.kms_list_resource_tags($1, NULL, NULL) AS t"
			" CROSS JOIN LATERAL %.named_version('ListResourceTags', $1, NULL, NULL) AS used",
		.order = "t.tag_key",
		.list = "Tags.Tag",
		.response = CALL_RESPONSE {
			{"KeyId", CALL_TEXT, .column = "used.key_id"},
			{"TagKey", CALL_TEXT, .column = "t.tag_key"},
			{"TagValue", CALL_TEXT, .column = "t.tag_value"},
			{0}
		},
	},
	{
		.name = "TagResources",
		.request = CALL_REQUEST {
			RESOURCE_TYPE,
			{"ResourceId", CALL_NAMES, .required = true, .most = 50},
			{"Tag", CALL_TAGS, .required = true},
			{0}
		},
		.from = RESOURCES " CROSS JOIN LATERAL @.kms_tag_resource($4, r.key_id, r.secret_name, NULL)",
	},
	{
		/* Of a resource that has no tags there are none to take away. */
		.name = "UntagResources",
		.request = CALL_REQUEST {
			RESOURCE_TYPE,
			{"ResourceId", CALL_NAMES, .required = true, .most = 50},
			{"TagKey", CALL_NAMES, .most = 20},
			{"All", CALL_BOOLEAN, .fallback = "false"},
			{0}
		},
		.from = RESOURCES
			" CROSS JOIN LATERAL (SELECT CASE WHEN pg_catalog.cardinality($4) > 0 THEN $4 WHEN $5 THEN"
			" (SELECT pg_catalog.array_agg(t.tag_key) FROM @.kms_list_resource_tags(r.key_id, r.secret_name, NULL) AS t)"
			" END AS keys OFFSET 0) AS k"
			" CROSS JOIN LATERAL @.kms_untag_resource(k.keys, r.key_id, r.secret_name, NULL)"
			" WHERE k.keys IS NOT NULL",
	},
	{
		.name = "ListTagResources",
		.request = CALL_REQUEST {
			RESOURCE_TYPE,
			{"ResourceId", CALL_NAMES, .most = 50},
			{"Tag", CALL_TAGS, .most = 20},
			{"NextToken", .kind = CALL_TEXT},
			{0}
		},
		.from = "(SELECT pg_catalog.regexp_replace(a.resource, '^secret/', '') AS id, a.* FROM %.tags AS a"
			" WHERE a.resource_type = $2) AS t"
			" WHERE (coalesce(pg_catalog.cardinality($3), 0) = 0 OR t.id = ANY"
			" (ARRAY(SELECT CASE $2 WHEN 'key' THEN pg_catalog.lower(pg_catalog.regexp_replace(n, '^acs:[^/]*/', ''))"
			" ELSE pg_catalog.regexp_replace(n, '^acs:[^/]*/', '') END FROM pg_catalog.unnest($3) AS n)))"
			" AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements($4) AS f WHERE NOT EXISTS"
			" (SELECT FROM %.tags AS other WHERE other.resource_type = t.resource_type AND other.resource = t.resource"
			" AND other.tag_key = f ->> 'TagKey' AND coalesce(other.tag_value = f ->> 'TagValue', true)))",
		.order = "t.id COLLATE pg_catalog.\"C\", t.tag_key COLLATE pg_catalog.\"C\"",
		.list = "TagResources.TagResource",
		.response = CALL_RESPONSE {
			{"ResourceId", CALL_TEXT, .column = "t.id"},
			{"ResourceType", CALL_TEXT, .column = "t.resource_type"},
			{"TagKey", CALL_TEXT, .column = "t.tag_key"},
			{"TagValue", CALL_TEXT, .column = "t.tag_value"},
			{0}
		},
		.paging = CALL_BY_TOKEN,
	},
	{0}
};
