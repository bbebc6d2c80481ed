/*
 * The API's own JSON.
 */
CREATE FUNCTION @extschema@.kms_call(action text, request jsonb = '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_call(text, jsonb)
	IS 'do an action of the API, in its own JSON';

CREATE FUNCTION kms.api(OUT action text, OUT direction text, OUT field text, OUT type text, OUT required boolean) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'kms_api' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 500;

COMMENT ON FUNCTION kms.api() IS 'the actions of kms_call, and the fields of their requests and responses';

/* What kms_call answers with. */
CREATE FUNCTION kms.named_version(operation text, key_id text, key_version_id text, encryption_context jsonb) RETURNS kms.key_version_metadata
	AS 'MODULE_PATHNAME', 'kms_named_version' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION kms.named_version(text, text, text, jsonb)
	IS 'the key and version that a call has named, for whoever may do that operation';
