/*
 * Keys and key versions.
 */
CREATE TYPE kms.key_metadata AS (
	key_id uuid,
	arn text,
	creator text,
	creation_date timestamptz,
	description text,
	key_state text,
	key_usage text,
	key_spec text,
	origin text,
	protection_level text,
	primary_key_version uuid,
	automatic_rotation text,
	rotation_interval interval,
	last_rotation_date timestamptz,
	next_rotation_date timestamptz,
	material_expire_time timestamptz,
	delete_date timestamptz,
	deletion_protection text,
	deletion_protection_description text
);

COMMENT ON TYPE kms.key_metadata IS 'what is known of a key: result of kms_describe_key and kms_list_keys';

CREATE TYPE kms.key_version_metadata AS (
	key_id uuid,
	key_version_id uuid,
	creation_date timestamptz
);

COMMENT ON TYPE kms.key_version_metadata IS 'what is known of a key version: result of kms_describe_key_version and kms_list_key_versions';

CREATE FUNCTION @extschema@.kms_create_key(key_spec text = 'Aliyun_AES_256', key_usage text = NULL,
		origin text = 'Aliyun_KMS', description text = '', protection_level text = 'SOFTWARE',
		enable_automatic_rotation boolean = false, rotation_interval interval = NULL, tags jsonb = NULL)
	RETURNS uuid
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_create_key(text, text, text, text, text, boolean, interval, jsonb)
	IS 'make a key, owned by the caller';

CREATE FUNCTION @extschema@.kms_describe_key(key_id text) RETURNS kms.key_metadata
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_describe_key(text) IS 'what is known of a key';

CREATE FUNCTION @extschema@.kms_enable_key(key_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_enable_key(text) IS 'let a disabled key be used again';

CREATE FUNCTION @extschema@.kms_disable_key(key_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_disable_key(text) IS 'let a key be used by nobody, from the commit on';

CREATE FUNCTION @extschema@.kms_update_key_description(key_id text, description text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_key_description(text, text) IS 'replace the description of a key';

CREATE FUNCTION @extschema@.kms_describe_key_version(key_id text, key_version_id text) RETURNS kms.key_version_metadata
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_describe_key_version(text, text) IS 'what is known of a key version';

CREATE FUNCTION @extschema@.kms_list_key_versions(key_id text) RETURNS SETOF kms.key_version_metadata
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 10;

COMMENT ON FUNCTION @extschema@.kms_list_key_versions(text) IS 'every version of a key';

/* What the views are made of. */
CREATE FUNCTION kms.describe_row(key kms.key) RETURNS kms.key_metadata
	AS 'MODULE_PATHNAME', 'kms_key_metadata' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;

COMMENT ON FUNCTION kms.describe_row(kms.key) IS 'a row of the table of keys as the API describes it';

CREATE FUNCTION kms.arn_prefix() RETURNS text
	AS 'MODULE_PATHNAME', 'kms_arn_prefix' LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION kms.arn_prefix() IS 'what every resource name of this database begins with: acs:kms:<region>:<account>:';

CREATE VIEW kms.keys WITH (security_barrier) AS
	SELECT k.id AS key_id, d.arn, d.creator, d.creation_date, d.description, d.key_state, d.key_usage, d.key_spec,
		   d.origin, d.protection_level, d.primary_key_version, d.automatic_rotation, d.rotation_interval,
		   d.last_rotation_date, d.next_rotation_date, d.material_expire_time, d.delete_date,
		   d.deletion_protection, d.deletion_protection_description
	  FROM kms.key k CROSS JOIN LATERAL kms.describe_row(k) d
	 WHERE kms.may_describe(k.id, k.owner, k.owner_name)
	   AND (k.delete_at IS NULL OR k.delete_at > pg_catalog.clock_timestamp());

COMMENT ON VIEW kms.keys IS 'the keys that the current user may describe';
COMMENT ON COLUMN kms.keys.key_id IS 'key id';
COMMENT ON COLUMN kms.keys.arn IS 'resource name';
COMMENT ON COLUMN kms.keys.creator IS 'owning role';
COMMENT ON COLUMN kms.keys.creation_date IS 'when the key was made';
COMMENT ON COLUMN kms.keys.description IS 'free text';
COMMENT ON COLUMN kms.keys.key_state IS 'Enabled, Disabled, PendingDeletion or PendingImport';
COMMENT ON COLUMN kms.keys.key_usage IS 'what the key is for';
COMMENT ON COLUMN kms.keys.key_spec IS 'kind of key';
COMMENT ON COLUMN kms.keys.origin IS 'who made the material';
COMMENT ON COLUMN kms.keys.protection_level IS 'always SOFTWARE';
COMMENT ON COLUMN kms.keys.primary_key_version IS 'version that encrypts';
COMMENT ON COLUMN kms.keys.automatic_rotation IS 'Enabled, Disabled or Suspended';
COMMENT ON COLUMN kms.keys.rotation_interval IS 'interval of automatic rotation';
COMMENT ON COLUMN kms.keys.last_rotation_date IS 'when the newest version was made';
COMMENT ON COLUMN kms.keys.next_rotation_date IS 'when automatic rotation is due';
COMMENT ON COLUMN kms.keys.material_expire_time IS 'when imported material expires';
COMMENT ON COLUMN kms.keys.delete_date IS 'when the key is erased';
COMMENT ON COLUMN kms.keys.deletion_protection IS 'whether deletion may not be scheduled: Enabled or Disabled';
COMMENT ON COLUMN kms.keys.deletion_protection_description IS 'why';

CREATE VIEW kms.key_versions WITH (security_barrier) AS
	SELECT v.key_id, v.id AS key_version_id, v.created_at AS creation_date,
		   (kms.describe_row(k)).primary_key_version IS NOT DISTINCT FROM v.id AS is_primary
	  FROM kms.key_version v JOIN kms.key k ON k.id OPERATOR(pg_catalog.=) v.key_id
	 WHERE kms.may_describe(k.id, k.owner, k.owner_name)
	   AND (k.delete_at IS NULL OR k.delete_at > pg_catalog.clock_timestamp());

COMMENT ON VIEW kms.key_versions IS 'the versions of the keys that the current user may describe';
COMMENT ON COLUMN kms.key_versions.key_id IS 'key that the version belongs to';
COMMENT ON COLUMN kms.key_versions.key_version_id IS 'key version id, which stands in every ciphertext';
COMMENT ON COLUMN kms.key_versions.creation_date IS 'when the version was made';
COMMENT ON COLUMN kms.key_versions.is_primary IS 'whether this version encrypts; none of a pair is primary';

CREATE VIEW kms.aliases WITH (security_barrier) AS
	SELECT a.name AS alias_name, kms.arn_prefix() OPERATOR(pg_catalog.||) a.name AS alias_arn, a.key_id,
		   a.created_at AS creation_date
	  FROM kms.alias a JOIN kms.key k ON k.id OPERATOR(pg_catalog.=) a.key_id
	 WHERE kms.may_describe(k.id, k.owner, k.owner_name)
	   AND (k.delete_at IS NULL OR k.delete_at > pg_catalog.clock_timestamp());

COMMENT ON VIEW kms.aliases IS 'the aliases of the keys that the current user may describe';
COMMENT ON COLUMN kms.aliases.alias_name IS 'full name, alias/...';
COMMENT ON COLUMN kms.aliases.alias_arn IS 'resource name of the alias';
COMMENT ON COLUMN kms.aliases.key_id IS 'key that the alias stands for';
COMMENT ON COLUMN kms.aliases.creation_date IS 'when it was made';

/* Lists.  Filters of unknown kinds of values match nothing. */
CREATE FUNCTION kms.normalized_filters(filters jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'kms_normalized_filters' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION kms.normalized_filters(jsonb)
	IS 'the filters of kms_list_keys, checked, as an object of the values per filter key';

CREATE FUNCTION @extschema@.kms_list_keys(filters jsonb = NULL) RETURNS SETOF kms.key_metadata
	LANGUAGE SQL STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
	SELECT k.key_id, k.arn, k.creator, k.creation_date, k.description, k.key_state, k.key_usage, k.key_spec, k.origin,
		   k.protection_level, k.primary_key_version, k.automatic_rotation, k.rotation_interval, k.last_rotation_date,
		   k.next_rotation_date, k.material_expire_time, k.delete_date, k.deletion_protection,
		   k.deletion_protection_description
	  /* OFFSET 0: so that tags are looked through once, not for each key. */
	  FROM (SELECT f, (SELECT pg_catalog.jsonb_object_agg(t.resource, true)
						 FROM kms.tags t
						WHERE f OPERATOR(pg_catalog.?|) ARRAY['TagKey', 'TagValue']
						  AND coalesce((f OPERATOR(pg_catalog.->) 'TagKey') OPERATOR(pg_catalog.?) t.tag_key, true)
						  AND coalesce((f OPERATOR(pg_catalog.->) 'TagValue') OPERATOR(pg_catalog.?) t.tag_value, true)) AS tagged
			  FROM kms.normalized_filters(kms_list_keys.filters) f OFFSET 0) asked
	 CROSS JOIN kms.keys k
	 WHERE coalesce((f OPERATOR(pg_catalog.->) 'KeyState') OPERATOR(pg_catalog.?) k.key_state, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'KeySpec') OPERATOR(pg_catalog.?) k.key_spec, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'KeyUsage') OPERATOR(pg_catalog.?) k.key_usage, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'ProtectionLevel') OPERATOR(pg_catalog.?) k.protection_level, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'CreatorType') OPERATOR(pg_catalog.?) 'User', true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'keyId') OPERATOR(pg_catalog.?) k.key_id::text, true)
	   AND coalesce((f OPERATOR(pg_catalog.->) 'Creator') OPERATOR(pg_catalog.?) k.creator, true)
	   AND (f OPERATOR(pg_catalog.->) 'AliasName' IS NULL
			OR EXISTS (SELECT FROM kms.aliases a
						WHERE a.key_id OPERATOR(pg_catalog.=) k.key_id
						  AND (f OPERATOR(pg_catalog.->) 'AliasName') OPERATOR(pg_catalog.?) a.alias_name))
	   AND (NOT f OPERATOR(pg_catalog.?|) ARRAY['TagKey', 'TagValue']
			OR asked.tagged OPERATOR(pg_catalog.?) k.key_id::text)
	   /* No key lies in an instance. */
	   AND NOT f OPERATOR(pg_catalog.?) 'DKMSInstanceId';
END;

COMMENT ON FUNCTION @extschema@.kms_list_keys(jsonb)
	IS 'the keys that the caller may describe; filters: [{"Key": "KeyState", "Values": ["Enabled"]}, ...]';
