/*
 * Tags.
 */
CREATE TYPE kms.tag_entry AS (
	tag_key text,
	tag_value text
);

COMMENT ON TYPE kms.tag_entry IS 'a tag: result of kms_list_resource_tags';

CREATE FUNCTION @extschema@.kms_tag_resource(tags jsonb, key_id text = NULL, secret_name text = NULL, certificate_id text = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_tag_resource(jsonb, text, text, text) IS 'give tags to a key, secret or certificate, or new values to its tags';

CREATE FUNCTION @extschema@.kms_untag_resource(tag_keys text[], key_id text = NULL, secret_name text = NULL, certificate_id text = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_untag_resource(text[], text, text, text) IS 'take tags away from a key, secret or certificate';

CREATE FUNCTION @extschema@.kms_list_resource_tags(key_id text = NULL, secret_name text = NULL, certificate_id text = NULL)
	RETURNS SETOF kms.tag_entry
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION @extschema@.kms_list_resource_tags(text, text, text) IS 'the tags of a key, secret or certificate';

CREATE VIEW kms.tags WITH (security_barrier) AS
	SELECT t.resource_type::text AS resource_type, k.id::text AS resource, t.tag_key::text AS tag_key, t.tag_value::text AS tag_value
	  FROM kms.tag t JOIN kms.key k ON k.id OPERATOR(pg_catalog.=) t.resource
	 WHERE kms.may_describe(k.id, k.owner, k.owner_name)
	   AND (k.delete_at IS NULL OR k.delete_at > pg_catalog.clock_timestamp())
	UNION ALL
	SELECT t.resource_type::text, 'secret/' OPERATOR(pg_catalog.||) s.name, t.tag_key::text, t.tag_value::text
	  FROM kms.tag t JOIN kms.secret s ON s.id OPERATOR(pg_catalog.=) t.resource
	 WHERE kms.may_describe_secret(s.id, s.owner, s.owner_name)
	   AND (s.delete_at IS NULL OR s.delete_at > pg_catalog.clock_timestamp())
	UNION ALL
	SELECT t.resource_type::text, 'certificate/' OPERATOR(pg_catalog.||) c.id::text, t.tag_key::text, t.tag_value::text
	  FROM kms.tag t JOIN kms.certificate c ON c.id OPERATOR(pg_catalog.=) t.resource
	 WHERE kms.may_describe_certificate(c.id, c.owner, c.owner_name);

COMMENT ON VIEW kms.tags IS 'the tags of the keys, secrets and certificates that the current user may describe';
COMMENT ON COLUMN kms.tags.resource_type IS 'key, secret or certificate';
COMMENT ON COLUMN kms.tags.resource IS 'key id, secret/ and the name, or certificate/ and the id';
COMMENT ON COLUMN kms.tags.tag_key IS 'key of the tag';
COMMENT ON COLUMN kms.tags.tag_value IS 'its value';
