/*
 * Asymmetric keys.  A signature costs from a tenth of a millisecond up: the
 * planner counts it as that many comparisons.
 */
CREATE FUNCTION @extschema@.kms_asymmetric_sign(key_id text, key_version_id text, algorithm text, digest bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 2000;

COMMENT ON FUNCTION @extschema@.kms_asymmetric_sign(text, text, text, bytea)
	IS 'sign a digest (with ED25519 and ML_DSA the message itself) with the private key';

CREATE FUNCTION @extschema@.kms_asymmetric_verify(key_id text, key_version_id text, algorithm text, digest bytea, value bytea)
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION @extschema@.kms_asymmetric_verify(text, text, text, bytea, bytea)
	IS 'whether a signature is that of a digest (with ED25519 and ML_DSA of the message)';

CREATE FUNCTION @extschema@.kms_asymmetric_encrypt(key_id text, key_version_id text, algorithm text, plaintext bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION @extschema@.kms_asymmetric_encrypt(text, text, text, bytea) IS 'encrypt with the public key';

CREATE FUNCTION @extschema@.kms_asymmetric_decrypt(key_id text, key_version_id text, algorithm text, ciphertext_blob bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 2000;

COMMENT ON FUNCTION @extschema@.kms_asymmetric_decrypt(text, text, text, bytea) IS 'decrypt with the private key';

CREATE FUNCTION @extschema@.kms_get_public_key(key_id text, key_version_id text = NULL) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION @extschema@.kms_get_public_key(text, text) IS 'public key of a version, PEM';
