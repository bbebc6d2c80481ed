/*
 * Secrets.
 */
CREATE TYPE kms.new_secret AS (
	arn text,
	secret_name text,
	version_id text,
	secret_type text,
	automatic_rotation text,
	rotation_interval interval,
	next_rotation_date timestamptz,
	extended_config jsonb
);

COMMENT ON TYPE kms.new_secret IS 'a secret that was made: result of kms_create_secret';

CREATE TYPE kms.secret_entry AS (
	secret_name text,
	secret_type text,
	create_time timestamptz,
	update_time timestamptz,
	planned_delete_time timestamptz,
	tags jsonb
);

COMMENT ON TYPE kms.secret_entry IS 'a secret in a list: result of kms_list_secrets';

CREATE TYPE kms.secret_deletion AS (
	secret_name text,
	planned_delete_time timestamptz
);

COMMENT ON TYPE kms.secret_deletion IS 'when a secret goes: result of kms_delete_secret';

CREATE TYPE kms.secret_metadata AS (
	arn text,
	secret_name text,
	secret_type text,
	description text,
	encryption_key_id uuid,
	create_time timestamptz,
	update_time timestamptz,
	planned_delete_time timestamptz,
	automatic_rotation text,
	rotation_interval interval,
	last_rotation_date timestamptz,
	next_rotation_date timestamptz,
	extended_config jsonb,
	tags jsonb
);

COMMENT ON TYPE kms.secret_metadata IS 'what is known of a secret, without its value: result of kms_describe_secret';

CREATE TYPE kms.secret_value AS (
	secret_name text,
	secret_type text,
	secret_data text,
	secret_binary bytea,
	secret_data_type text,
	version_id text,
	version_stages text[],
	create_time timestamptz,
	automatic_rotation text,
	rotation_interval interval,
	last_rotation_date timestamptz,
	next_rotation_date timestamptz,
	extended_config jsonb
);

COMMENT ON TYPE kms.secret_value IS 'the value of a version of a secret: result of kms_get_secret_value';

CREATE TYPE kms.put_secret_version AS (
	secret_name text,
	version_id text,
	version_stages text[]
);

COMMENT ON TYPE kms.put_secret_version IS 'a version that was stored and its labels: result of kms_put_secret_value';

CREATE TYPE kms.secret_version_entry AS (
	version_id text,
	create_time timestamptz,
	version_stages text[]
);

COMMENT ON TYPE kms.secret_version_entry IS 'a version and its labels: result of kms_list_secret_version_ids';

CREATE FUNCTION @extschema@.kms_create_secret(secret_name text, version_id text, secret_data text, secret_type text = 'Generic',
		encryption_key_id text = NULL, description text = '', tags jsonb = NULL, extended_config jsonb = NULL,
		enable_automatic_rotation boolean = false, rotation_interval interval = NULL)
	RETURNS kms.new_secret
	AS 'MODULE_PATHNAME', 'kms_create_secret_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval)
	IS 'make a secret with its first version, owned by the caller';

CREATE FUNCTION @extschema@.kms_create_secret(secret_name text, version_id text, secret_data bytea, secret_type text = 'Generic',
		encryption_key_id text = NULL, description text = '', tags jsonb = NULL, extended_config jsonb = NULL,
		enable_automatic_rotation boolean = false, rotation_interval interval = NULL)
	RETURNS kms.new_secret
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_create_secret(text, text, bytea, text, text, text, jsonb, jsonb, boolean, interval)
	IS 'make a secret whose value is binary';

CREATE FUNCTION @extschema@.kms_describe_secret(secret_name text, fetch_tags boolean = false) RETURNS kms.secret_metadata
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_describe_secret(text, boolean) IS 'what is known of a secret, without its value';

CREATE FUNCTION @extschema@.kms_get_secret_value(secret_name text, version_stage text = NULL, version_id text = NULL,
		fetch_extended_config boolean = false)
	RETURNS kms.secret_value
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION @extschema@.kms_get_secret_value(text, text, text, boolean) IS 'the value of a secret: of the current version, or of the one that a label or an id names';

CREATE FUNCTION @extschema@.kms_put_secret_value(secret_name text, version_id text, secret_data text, version_stages text[] = NULL)
	RETURNS kms.put_secret_version
	AS 'MODULE_PATHNAME', 'kms_put_secret_value_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_put_secret_value(text, text, text, text[]) IS 'store a new version of a secret and make it current, or give it other labels';

CREATE FUNCTION @extschema@.kms_put_secret_value(secret_name text, version_id text, secret_data bytea, version_stages text[] = NULL)
	RETURNS kms.put_secret_version
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_put_secret_value(text, text, bytea, text[]) IS 'the same with a binary value';

CREATE FUNCTION @extschema@.kms_update_secret(secret_name text, description text = NULL, custom_data jsonb = NULL) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_secret(text, text, jsonb) IS 'replace the description of a secret, or the custom data of one that rotates';

CREATE FUNCTION @extschema@.kms_update_secret_version_stage(secret_name text, version_stage text, move_to_version text = NULL,
		remove_from_version text = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_secret_version_stage(text, text, text, text) IS 'attach, move or remove a label of a secret';

CREATE FUNCTION @extschema@.kms_list_secret_version_ids(secret_name text, include_deprecated boolean = false)
	RETURNS SETOF kms.secret_version_entry
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 3;

COMMENT ON FUNCTION @extschema@.kms_list_secret_version_ids(text, boolean) IS 'the versions of a secret that have a label, or all of them';

CREATE FUNCTION @extschema@.kms_delete_secret(secret_name text, force_delete_without_recovery boolean = false,
		recovery_window_in_days integer = 30)
	RETURNS kms.secret_deletion
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_delete_secret(text, boolean, integer) IS 'schedule the deletion of a secret, or delete it at once';

CREATE FUNCTION @extschema@.kms_restore_secret(secret_name text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_restore_secret(text) IS 'take back the deletion of a secret';

/* What the views are made of. */
CREATE FUNCTION kms.describe_secret(secret kms.secret) RETURNS kms.secret_metadata
	AS 'MODULE_PATHNAME', 'kms_secret_metadata' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;

COMMENT ON FUNCTION kms.describe_secret(kms.secret) IS 'a row of the table of secrets as the API describes it';

CREATE FUNCTION kms.secret_creator(owner oid, owner_name text) RETURNS text
	AS 'MODULE_PATHNAME', 'kms_secret_creator' LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION kms.secret_creator(oid, text) IS 'what the owner of a secret or certificate is called now';

CREATE VIEW kms.secrets WITH (security_barrier) AS
	SELECT s.name AS secret_name, d.arn, d.secret_type, kms.secret_creator(s.owner, s.owner_name) AS creator, d.description, d.encryption_key_id,
		   d.create_time, d.update_time, d.planned_delete_time, d.automatic_rotation, d.rotation_interval,
		   d.last_rotation_date, d.next_rotation_date, d.extended_config
	  FROM kms.secret s CROSS JOIN LATERAL kms.describe_secret(s) d
	 WHERE kms.may_describe_secret(s.id, s.owner, s.owner_name)
	   AND (s.delete_at IS NULL OR s.delete_at > pg_catalog.clock_timestamp());

COMMENT ON VIEW kms.secrets IS 'the secrets that the current user may describe, without their values';
COMMENT ON COLUMN kms.secrets.secret_name IS 'name';
COMMENT ON COLUMN kms.secrets.arn IS 'resource name';
COMMENT ON COLUMN kms.secrets.secret_type IS 'Generic or Rds';
COMMENT ON COLUMN kms.secrets.creator IS 'owning role';
COMMENT ON COLUMN kms.secrets.description IS 'free text';
COMMENT ON COLUMN kms.secrets.encryption_key_id IS 'key that was chosen for its values; null: the service''s own';
COMMENT ON COLUMN kms.secrets.create_time IS 'when the secret was made';
COMMENT ON COLUMN kms.secrets.update_time IS 'when it was changed last';
COMMENT ON COLUMN kms.secrets.planned_delete_time IS 'when it is erased; null: it stays';
COMMENT ON COLUMN kms.secrets.automatic_rotation IS 'Enabled, Disabled or Invalid; null: Generic';
COMMENT ON COLUMN kms.secrets.rotation_interval IS 'interval of automatic rotation';
COMMENT ON COLUMN kms.secrets.last_rotation_date IS 'when it was rotated last';
COMMENT ON COLUMN kms.secrets.next_rotation_date IS 'when automatic rotation is due';
COMMENT ON COLUMN kms.secrets.extended_config IS 'configuration; null: Generic';

CREATE VIEW kms.secret_versions WITH (security_barrier) AS
	SELECT s.name AS secret_name, v.id AS version_id, v.created_at AS create_time,
		   ARRAY(SELECT l.stage::text FROM kms.secret_version_stage l
				  WHERE l.secret_id OPERATOR(pg_catalog.=) v.secret_id AND l.version_id OPERATOR(pg_catalog.=) v.id
				  ORDER BY l.stage) AS version_stages,
		   v.data_type AS secret_data_type
	  FROM kms.secret_version v JOIN kms.secret s ON s.id OPERATOR(pg_catalog.=) v.secret_id
	 WHERE kms.may_describe_secret(s.id, s.owner, s.owner_name)
	   AND (s.delete_at IS NULL OR s.delete_at > pg_catalog.clock_timestamp());

COMMENT ON VIEW kms.secret_versions IS 'the versions of the secrets that the current user may describe, without their values';
COMMENT ON COLUMN kms.secret_versions.secret_name IS 'secret that the version belongs to';
COMMENT ON COLUMN kms.secret_versions.version_id IS 'version id';
COMMENT ON COLUMN kms.secret_versions.create_time IS 'when the version was stored';
COMMENT ON COLUMN kms.secret_versions.version_stages IS 'its labels; none: it is deprecated';
COMMENT ON COLUMN kms.secret_versions.secret_data_type IS 'text or binary';

/* Lists. */
CREATE FUNCTION kms.normalized_secret_filters(filters jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'kms_normalized_secret_filters' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION kms.normalized_secret_filters(jsonb)
	IS 'the filters of kms_list_secrets, checked, as an object of the values per filter key';

CREATE FUNCTION @extschema@.kms_list_secrets(filters jsonb = NULL, fetch_tags boolean = false) RETURNS SETOF kms.secret_entry
	LANGUAGE SQL STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
	SELECT s.secret_name::text, s.secret_type, s.create_time, s.update_time, s.planned_delete_time,
		   CASE WHEN kms_list_secrets.fetch_tags THEN coalesce(g.tags, '[]') END AS tags
	  /* OFFSET 0: so that tags are looked through once, not for each secret. */
	  FROM (SELECT f, (SELECT pg_catalog.jsonb_object_agg(t.resource, true)
						 FROM kms.tags t
						WHERE f OPERATOR(pg_catalog.?|) ARRAY['TagKey', 'TagValue']
						  AND coalesce((f OPERATOR(pg_catalog.->) 'TagKey') OPERATOR(pg_catalog.?) t.tag_key, true)
						  AND coalesce((f OPERATOR(pg_catalog.->) 'TagValue') OPERATOR(pg_catalog.?) t.tag_value, true)) AS tagged
			  FROM kms.normalized_secret_filters(kms_list_secrets.filters) f OFFSET 0) asked
	 CROSS JOIN kms.secrets s
	  LEFT JOIN (SELECT t.resource,
						pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('TagKey', t.tag_key, 'TagValue', t.tag_value) ORDER BY t.tag_key) AS tags
				   FROM kms.tags t
				  WHERE kms_list_secrets.fetch_tags AND t.resource_type OPERATOR(pg_catalog.=) 'secret'
				  GROUP BY t.resource) g
		ON g.resource OPERATOR(pg_catalog.=) ('secret/' OPERATOR(pg_catalog.||) s.secret_name)
	 WHERE coalesce((f OPERATOR(pg_catalog.->) 'SecretName') OPERATOR(pg_catalog.?) s.secret_name, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'Description') OPERATOR(pg_catalog.?) s.description, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'Creator') OPERATOR(pg_catalog.?) s.creator, true)
	   AND (f OPERATOR(pg_catalog.->) 'SecretType' IS NULL
			OR EXISTS (SELECT FROM pg_catalog.jsonb_array_elements_text(f OPERATOR(pg_catalog.->) 'SecretType') t (type)
						WHERE pg_catalog.lower(t.type) OPERATOR(pg_catalog.=) pg_catalog.lower(s.secret_type)))
	   AND (NOT f OPERATOR(pg_catalog.?|) ARRAY['TagKey', 'TagValue']
			OR asked.tagged OPERATOR(pg_catalog.?) ('secret/' OPERATOR(pg_catalog.||) s.secret_name))
	   /* No secret lies in an instance. */
	   AND NOT f OPERATOR(pg_catalog.?) 'DKMSInstanceId';
END;

COMMENT ON FUNCTION @extschema@.kms_list_secrets(jsonb, boolean)
	IS 'the secrets that the caller may describe; filters: [{"Key": "SecretName", "Values": ["a", "b"]}, ...]';
