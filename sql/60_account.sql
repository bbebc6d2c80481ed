/*
 * The service as a whole.
 */
CREATE FUNCTION @extschema@.kms_open_kms_service() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_open_kms_service()
	IS 'open the service in this database: make its account and its domain key';

/* For this script only: a sealed server is left as it is. */
CREATE FUNCTION kms.open_if_unsealed() RETURNS void
	AS 'MODULE_PATHNAME', 'kms_open_if_unsealed' LANGUAGE C VOLATILE PARALLEL UNSAFE;

SELECT kms.open_if_unsealed();

DROP FUNCTION kms.open_if_unsealed();
