/*
 * The end of a key.
 */
CREATE FUNCTION @extschema@.kms_set_deletion_protection(key_id text, enable_deletion_protection boolean,
		deletion_protection_description text = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_set_deletion_protection(text, boolean, text)
	IS 'refuse, or allow, to schedule the deletion of a key';

CREATE FUNCTION @extschema@.kms_schedule_key_deletion(key_id text, pending_window_in_days integer) RETURNS timestamptz
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_schedule_key_deletion(text, integer)
	IS 'let nobody use a key, and erase it after 7 to 366 days; returns the date';

CREATE FUNCTION @extschema@.kms_cancel_key_deletion(key_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_cancel_key_deletion(text) IS 'keep a key after all; it is enabled then';
