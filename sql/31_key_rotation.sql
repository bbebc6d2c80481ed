/*
 * Rotation.
 */
CREATE FUNCTION @extschema@.kms_create_key_version(key_id text) RETURNS uuid
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_create_key_version(text)
	IS 'rotate a key by hand: its new version encrypts from now on, the old ones still decrypt';

CREATE FUNCTION @extschema@.kms_update_rotation_policy(key_id text, enable_automatic_rotation boolean,
		rotation_interval interval = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_rotation_policy(text, boolean, interval)
	IS 'rotate a key every so many days (7 to 730), or no more';
