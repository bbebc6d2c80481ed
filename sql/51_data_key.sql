/*
 * Data keys and random bytes.
 */
CREATE TYPE kms.data_key AS (
	key_id uuid,
	key_version_id uuid,
	plaintext bytea,
	ciphertext_blob bytea
);

COMMENT ON TYPE kms.data_key IS 'a data key in clear and encrypted: result of kms_generate_data_key';

CREATE TYPE kms.data_key_without_plaintext AS (
	key_id uuid,
	key_version_id uuid,
	ciphertext_blob bytea
);

COMMENT ON TYPE kms.data_key_without_plaintext
	IS 'an encrypted data key: result of kms_generate_data_key_without_plaintext';

CREATE FUNCTION @extschema@.kms_generate_data_key(key_id text, key_spec text = NULL, number_of_bytes integer = NULL,
		encryption_context jsonb = NULL)
	RETURNS kms.data_key
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 60;

COMMENT ON FUNCTION @extschema@.kms_generate_data_key(text, text, integer, jsonb)
	IS 'make a random data key; returns it in clear and encrypted';

CREATE FUNCTION @extschema@.kms_generate_data_key_without_plaintext(key_id text, key_spec text = NULL,
		number_of_bytes integer = NULL, encryption_context jsonb = NULL)
	RETURNS kms.data_key_without_plaintext
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 60;

COMMENT ON FUNCTION @extschema@.kms_generate_data_key_without_plaintext(text, text, integer, jsonb)
	IS 'make a random data key; returns it encrypted only';

CREATE FUNCTION @extschema@.kms_generate_random(number_of_bytes integer) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_generate_random(integer) IS '1 to 1024 random bytes';
