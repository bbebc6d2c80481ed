/*
 * Data of any size; kms_decrypt reads it.
 */
CREATE FUNCTION @extschema@.kms_envelope_encrypt(key_id text, plaintext bytea, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 200;

COMMENT ON FUNCTION @extschema@.kms_envelope_encrypt(text, bytea, jsonb)
	IS 'encrypt data of any size under a data key of its own, and that with the primary version of a key';

CREATE FUNCTION @extschema@.kms_envelope_encrypt(key_id text, plaintext text, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME', 'kms_envelope_encrypt_text' LANGUAGE C VOLATILE PARALLEL SAFE COST 200;

COMMENT ON FUNCTION @extschema@.kms_envelope_encrypt(text, text, jsonb)
	IS 'encrypt the UTF-8 of a text of any size under a data key of its own, and that with the primary version of a key';
