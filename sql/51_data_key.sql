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

CREATE TYPE kms.exported_data_key AS (
	key_id uuid,
	key_version_id uuid,
	exported_data_key bytea
);

COMMENT ON TYPE kms.exported_data_key
	IS 'a data key under a public key: result of kms_export_data_key';

CREATE TYPE kms.generated_and_exported_data_key AS (
	key_id uuid,
	key_version_id uuid,
	ciphertext_blob bytea,
	exported_data_key bytea
);

COMMENT ON TYPE kms.generated_and_exported_data_key
	IS 'a data key under a key and under a public key: result of kms_generate_and_export_data_key';

CREATE FUNCTION @extschema@.kms_export_data_key(ciphertext_blob bytea, public_key_blob bytea, wrapping_key_spec text,
		wrapping_algorithm text, encryption_context jsonb = NULL)
	RETURNS kms.exported_data_key
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION @extschema@.kms_export_data_key(bytea, bytea, text, text, jsonb)
	IS 'decrypt a data key and encrypt it under a public key, showing nobody the plaintext';

CREATE FUNCTION @extschema@.kms_generate_and_export_data_key(key_id text, public_key_blob bytea, wrapping_key_spec text,
		wrapping_algorithm text, key_spec text = NULL, number_of_bytes integer = NULL, encryption_context jsonb = NULL)
	RETURNS kms.generated_and_exported_data_key
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION @extschema@.kms_generate_and_export_data_key(text, bytea, text, text, text, integer, jsonb)
	IS 'make a random data key; returns it encrypted under a key and under a public key';

CREATE FUNCTION @extschema@.kms_generate_random(number_of_bytes integer) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_generate_random(integer) IS '1 to 1024 random bytes';
