/*
 * Encrypted columns.
 */
CREATE FUNCTION @extschema@.kms_encrypt_columns() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 30;

COMMENT ON FUNCTION @extschema@.kms_encrypt_columns()
	IS 'trigger, BEFORE INSERT OR UPDATE FOR EACH ROW: encrypt columns (key, columns, context columns, name of the table)';
