/*
 * The service as a whole.
 */
CREATE FUNCTION @extschema@.kms_open_kms_service() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_open_kms_service()
	IS 'open the service in this database: make its account and its domain key';

CREATE FUNCTION @extschema@.kms_rewrap_domain_key() RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_rewrap_domain_key()
	IS 'wrap the domain keys under the current root key of the server; returns how many were under another';

CREATE FUNCTION @extschema@.kms_rotate_domain_key() RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_rotate_domain_key()
	IS 'make a new domain key, and wrap all material anew under it; returns how many rows were brought under it';

CREATE TYPE kms.region_entry AS (
	region_id text
);

COMMENT ON TYPE kms.region_entry IS 'a region: result of kms_describe_regions';

CREATE FUNCTION @extschema@.kms_describe_regions() RETURNS SETOF kms.region_entry
	LANGUAGE SQL STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT pg_catalog.current_setting('kms.region');
END;

COMMENT ON FUNCTION @extschema@.kms_describe_regions() IS 'the region that stands in resource names: the setting kms.region';

/* For this script only: a sealed server is left as it is. */
CREATE FUNCTION kms.open_if_unsealed() RETURNS void
	AS 'MODULE_PATHNAME', 'kms_open_if_unsealed' LANGUAGE C VOLATILE PARALLEL UNSAFE;

SELECT kms.open_if_unsealed();

DROP FUNCTION kms.open_if_unsealed();
