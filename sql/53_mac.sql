/*
 * Message authentication codes, and pseudonyms to search by.
 */
CREATE FUNCTION @extschema@.kms_generate_mac(key_id text, message bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_generate_mac(text, bytea) IS 'HMAC of a message, 32 to 64 bytes by key spec';

CREATE FUNCTION @extschema@.kms_verify_mac(key_id text, message bytea, mac bytea) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_verify_mac(text, bytea, bytea) IS 'whether a MAC is that of a message';

/* STABLE, so that an index can serve a comparison with it. */
CREATE FUNCTION @extschema@.kms_blind_index(key_id text, value text, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_blind_index(text, text, jsonb)
	IS 'deterministic pseudonym of a text, 32 bytes, for equality search in encrypted columns';
