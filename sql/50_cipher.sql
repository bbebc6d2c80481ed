/*
 * Encrypting and decrypting.  The costs tell the planner that a call is worth a
 * parallel worker: about twenty times a comparison.
 */
CREATE TYPE kms.ciphertext_info AS (
	key_id uuid,
	key_version_id uuid,
	format text,
	plaintext_length bigint
);

COMMENT ON TYPE kms.ciphertext_info IS 'what a ciphertext says of itself: result of kms_ciphertext_info';

CREATE FUNCTION @extschema@.kms_encrypt(key_id text, plaintext bytea, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_encrypt(text, bytea, jsonb)
	IS 'encrypt at most 6144 bytes with the primary version of a key';

CREATE FUNCTION @extschema@.kms_encrypt(key_id text, plaintext text, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME', 'kms_encrypt_text' LANGUAGE C VOLATILE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_encrypt(text, text, jsonb)
	IS 'encrypt the UTF-8 of a text, at most 6144 bytes, with the primary version of a key';

CREATE FUNCTION @extschema@.kms_decrypt(ciphertext_blob bytea, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_decrypt(bytea, jsonb) IS 'decrypt with the key version that the ciphertext names';

CREATE FUNCTION @extschema@.kms_decrypt_text(ciphertext_blob bytea, encryption_context jsonb = NULL) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_decrypt_text(bytea, jsonb) IS 'decrypt what was encrypted as text';

CREATE FUNCTION @extschema@.kms_try_decrypt(ciphertext_blob bytea, encryption_context jsonb = NULL) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_try_decrypt(bytea, jsonb)
	IS 'decrypt; NULL and a notice for what does not open';

CREATE FUNCTION @extschema@.kms_try_decrypt_text(ciphertext_blob bytea, encryption_context jsonb = NULL) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_try_decrypt_text(bytea, jsonb)
	IS 'decrypt what was encrypted as text; NULL and a notice for what does not open, or is none';

CREATE FUNCTION @extschema@.kms_re_encrypt(ciphertext_blob bytea, destination_key_id text,
		source_encryption_context jsonb = NULL, destination_encryption_context jsonb = NULL,
		source_key_id text = NULL, source_key_version_id text = NULL, source_encryption_algorithm text = NULL)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 60;

COMMENT ON FUNCTION @extschema@.kms_re_encrypt(bytea, text, jsonb, jsonb, text, text, text)
	IS 'decrypt, and encrypt with the primary version of another or the same key, showing nobody the plaintext';

CREATE FUNCTION @extschema@.kms_ciphertext_info(ciphertext_blob bytea) RETURNS kms.ciphertext_info
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION @extschema@.kms_ciphertext_info(bytea)
	IS 'key, key version, format and plaintext length of a ciphertext, which is not decrypted';
