/*
 * What the views ask: they show what the current user may describe.
 */
CREATE FUNCTION kms.may_describe(key_id uuid, owner oid, owner_name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'kms_may_describe' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION kms.may_describe(uuid, oid, text) IS 'whether the current user may describe this key of this owner';

CREATE FUNCTION kms.may_describe_secret(secret_id uuid, owner oid, owner_name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'kms_may_describe_secret' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION kms.may_describe_secret(uuid, oid, text) IS 'whether the current user may describe this secret of this owner';

CREATE FUNCTION kms.may_describe_certificate(certificate_id uuid, owner oid, owner_name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'kms_may_describe_certificate' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION kms.may_describe_certificate(uuid, oid, text) IS 'whether the current user may describe this certificate of this owner';
