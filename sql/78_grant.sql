/*
 * Who may do what.
 */
CREATE TYPE kms.grant_metadata AS (
	grant_id uuid,
	resource_type text,
	resource text,
	grantee text,
	operations text[],
	encryption_context jsonb,
	expires_at timestamptz,
	grantor text,
	created_at timestamptz
);

COMMENT ON TYPE kms.grant_metadata IS 'a grant: result of kms_list_grants';

CREATE FUNCTION @extschema@.kms_grant(resource text, grantee text, operations text[], encryption_context jsonb = NULL,
		expires_at timestamptz = NULL)
	RETURNS uuid
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_grant(text, text, text[], jsonb, timestamptz)
	IS 'let a role, or PUBLIC, do these operations with a key, secret or certificate, perhaps in a context and for a time only';

CREATE FUNCTION @extschema@.kms_revoke(resource text, grantee text, operations text[] = NULL) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_revoke(text, text, text[]) IS 'take operations, or all, away from the grants of a role';

CREATE FUNCTION @extschema@.kms_can(operation text, resource text, encryption_context jsonb = NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_can(text, text, jsonb) IS 'whether the current user may do this with a key, secret or certificate';

CREATE FUNCTION @extschema@.kms_set_owner(resource text, new_owner text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_set_owner(text, text) IS 'give a key, secret or certificate to another role';

/* What the view is made of. */
CREATE FUNCTION kms.describe_grant(entry kms.grant_entry) RETURNS kms.grant_metadata
	AS 'MODULE_PATHNAME', 'kms_describe_grant' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;

COMMENT ON FUNCTION kms.describe_grant(kms.grant_entry) IS 'a row of the table of grants as kms_list_grants shows it';

CREATE FUNCTION kms.describable(resource text) RETURNS text
	AS 'MODULE_PATHNAME', 'kms_describable' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION kms.describable(text) IS 'what kms.grants calls the key, secret or certificate that a resource names; an error unless the current user may describe it';

CREATE VIEW kms.grants WITH (security_barrier) AS
	SELECT d.grant_id, d.resource_type, d.resource, d.grantee, d.operations, d.encryption_context, d.expires_at,
		   d.grantor, d.created_at
	  FROM kms.grant_entry g JOIN kms.key k ON g.resource_type OPERATOR(pg_catalog.=) 'key' AND k.id OPERATOR(pg_catalog.=) g.resource
	 CROSS JOIN LATERAL kms.describe_grant(g) d
	 WHERE kms.may_describe(k.id, k.owner, k.owner_name)
	   AND (k.delete_at IS NULL OR k.delete_at > pg_catalog.clock_timestamp())
	UNION ALL
	SELECT d.grant_id, d.resource_type, ('secret/' OPERATOR(pg_catalog.||) s.name) COLLATE pg_catalog."default", d.grantee, d.operations, d.encryption_context,
		   d.expires_at, d.grantor, d.created_at
	  FROM kms.grant_entry g JOIN kms.secret s ON g.resource_type OPERATOR(pg_catalog.=) 'secret' AND s.id OPERATOR(pg_catalog.=) g.resource
	 CROSS JOIN LATERAL kms.describe_grant(g) d
	 WHERE kms.may_describe_secret(s.id, s.owner, s.owner_name)
	   AND (s.delete_at IS NULL OR s.delete_at > pg_catalog.clock_timestamp())
	UNION ALL
	SELECT d.grant_id, d.resource_type, 'certificate/' OPERATOR(pg_catalog.||) c.id::text, d.grantee, d.operations, d.encryption_context,
		   d.expires_at, d.grantor, d.created_at
	  FROM kms.grant_entry g JOIN kms.certificate c ON g.resource_type OPERATOR(pg_catalog.=) 'certificate' AND c.id OPERATOR(pg_catalog.=) g.resource
	 CROSS JOIN LATERAL kms.describe_grant(g) d
	 WHERE kms.may_describe_certificate(c.id, c.owner, c.owner_name);

COMMENT ON VIEW kms.grants IS 'the grants on the keys, secrets and certificates that the current user may describe';
COMMENT ON COLUMN kms.grants.grant_id IS 'grant id';
COMMENT ON COLUMN kms.grants.resource_type IS 'key, secret or certificate';
COMMENT ON COLUMN kms.grants.resource IS 'key id, secret/ and the name, or certificate/ and the id';
COMMENT ON COLUMN kms.grants.grantee IS 'role, or PUBLIC';
COMMENT ON COLUMN kms.grants.operations IS 'operations, or {*} for all';
COMMENT ON COLUMN kms.grants.encryption_context IS 'pairs that the context of a call must contain; null: none';
COMMENT ON COLUMN kms.grants.expires_at IS 'until when it counts; null: without end';
COMMENT ON COLUMN kms.grants.grantor IS 'who gave it';
COMMENT ON COLUMN kms.grants.created_at IS 'when it was given';

/* OFFSET 0 keeps the planner from asking for the resource late or, where there are no grants, never. */
CREATE FUNCTION @extschema@.kms_list_grants(resource text = NULL) RETURNS SETOF kms.grant_metadata
	LANGUAGE SQL STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
	SELECT g.*
	  FROM (SELECT CASE WHEN kms_list_grants.resource IS NOT NULL
						THEN kms.describable(kms_list_grants.resource) END AS name
			OFFSET 0) wanted
	 CROSS JOIN LATERAL (
			SELECT v.grant_id, v.resource_type, v.resource, v.grantee, v.operations, v.encryption_context, v.expires_at,
				   v.grantor, v.created_at
			  FROM kms.grants v
			 WHERE wanted.name IS NULL OR v.resource OPERATOR(pg_catalog.=) wanted.name
			OFFSET 0) g;
END;

COMMENT ON FUNCTION @extschema@.kms_list_grants(text) IS 'the grants on a key, secret or certificate, or on every one that the caller may describe';
