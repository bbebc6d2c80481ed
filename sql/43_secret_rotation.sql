/*
 * Rotation of secrets that are the passwords of roles.
 */
CREATE FUNCTION @extschema@.kms_rotate_secret(secret_name text, version_id text = NULL) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_rotate_secret(text, text) IS 'give a role a new password, and the secret a new version with it';

CREATE FUNCTION @extschema@.kms_update_secret_rotation_policy(secret_name text, enable_automatic_rotation boolean,
		rotation_interval interval = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_secret_rotation_policy(text, boolean, interval) IS 'switch automatic rotation of a secret on or off';
