/*
 * Key material that the caller brings along.
 */
CREATE TYPE kms.import_parameters AS (
	key_id uuid,
	import_token bytea,
	public_key bytea,
	token_expire_time timestamptz
);

COMMENT ON TYPE kms.import_parameters IS 'a one-off public key and its token: result of kms_get_parameters_for_import';

CREATE FUNCTION @extschema@.kms_get_parameters_for_import(key_id text, wrapping_algorithm text = 'RSAES_OAEP_SHA_256',
		wrapping_key_spec text = 'RSA_2048')
	RETURNS kms.import_parameters
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_get_parameters_for_import(text, text, text)
	IS 'a public key under which material for an EXTERNAL key can be brought, within 24 hours';

CREATE FUNCTION @extschema@.kms_import_key_material(key_id text, encrypted_key_material bytea, import_token bytea,
		key_material_expire timestamptz = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_import_key_material(text, bytea, bytea, timestamptz)
	IS 'bring the material of an EXTERNAL key, or the same once more with another expiry';

CREATE FUNCTION @extschema@.kms_delete_key_material(key_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_delete_key_material(text)
	IS 'erase imported material; the key waits for the same again';
