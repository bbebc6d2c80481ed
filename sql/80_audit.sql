/*
 * The audit log.
 */
CREATE TYPE kms.audit_verification AS (
	rows_checked bigint,
	first_bad_row bigint,
	problem text
);

COMMENT ON TYPE kms.audit_verification IS 'what is wrong with the audit log: result of kms_verify_audit_log';

CREATE TYPE kms.audit_row AS (
	seq bigint,
	occurred_at timestamptz,
	session_user_name text,
	user_name text,
	application_name text,
	client_address text,
	operation text,
	resource_type text,
	resource text,
	detail text,
	result text,
	api_code text
);

COMMENT ON TYPE kms.audit_row IS 'a row of the audit log: result of kms.pending_audit';

CREATE FUNCTION @extschema@.kms_verify_audit_log() RETURNS kms.audit_verification
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;

COMMENT ON FUNCTION @extschema@.kms_verify_audit_log()
	IS 'walk the audit log and name the first row that was edited, moved, added or is missing';

CREATE FUNCTION kms.pending_audit() RETURNS SETOF kms.audit_row
	AS 'MODULE_PATHNAME', 'kms_pending_audit' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION kms.pending_audit()
	IS 'for the view kms.audit_log: what the current user has done in this transaction';

/*
 * Who may verify the log may read all of it; everybody else sees what was done
 * with the keys, secrets and certificates that he may describe.  Of several accounts, which a restore may
 * leave, the log of the one in force counts.
 */
CREATE VIEW kms.audit_log WITH (security_barrier) AS
	SELECT a.seq, a.occurred_at, a.session_user_name, a.user_name, a.application_name, a.client_address,
		   a.operation, a.resource_type, a.resource, a.detail, a.result, a.api_code
	  FROM (SELECT e.seq, e.occurred_at, e.session_user_name, e.user_name, e.application_name, e.client_address,
				   e.operation, e.resource_type, e.resource, e.detail, e.result, e.api_code
			  FROM kms.audit_entry e
			 WHERE e.account_id OPERATOR(pg_catalog.=) (SELECT c.id FROM kms.account c ORDER BY c.created_at, c.id LIMIT 1)
			UNION ALL
			SELECT p.seq, p.occurred_at, p.session_user_name, p.user_name, p.application_name, p.client_address,
				   p.operation, p.resource_type, p.resource, p.detail, p.result, p.api_code
			  FROM kms.pending_audit() p) a
	  LEFT JOIN (SELECT k.id::text AS id FROM kms.key k WHERE kms.may_describe(k.id, k.owner, k.owner_name)) d
		ON a.resource_type OPERATOR(pg_catalog.=) 'key' AND d.id OPERATOR(pg_catalog.=) a.resource
	  LEFT JOIN (SELECT 'secret/' OPERATOR(pg_catalog.||) s.name AS name, s.created_at FROM kms.secret s
				  WHERE kms.may_describe_secret(s.id, s.owner, s.owner_name)) n
		ON a.resource_type OPERATOR(pg_catalog.=) 'secret' AND n.name OPERATOR(pg_catalog.=) a.resource
		   /* What an earlier secret of the name went through is not the new owner's. */
		   AND a.occurred_at OPERATOR(pg_catalog.>=) n.created_at
	  LEFT JOIN (SELECT 'certificate/' OPERATOR(pg_catalog.||) c.id::text AS name FROM kms.certificate c
				  WHERE kms.may_describe_certificate(c.id, c.owner, c.owner_name)) r
		ON a.resource_type OPERATOR(pg_catalog.=) 'certificate' AND r.name OPERATOR(pg_catalog.=) a.resource
	 WHERE d.id IS NOT NULL OR n.name IS NOT NULL OR r.name IS NOT NULL
		OR (SELECT pg_catalog.has_function_privilege('@extschema@.kms_verify_audit_log()'::pg_catalog.regprocedure, 'EXECUTE'));

COMMENT ON VIEW kms.audit_log IS 'what was done with the keys, secrets and certificates that the current user may describe, this transaction included; everything, for who may verify it';
COMMENT ON COLUMN kms.audit_log.seq IS 'number, without gaps, in the order of commits; null: of this transaction';
COMMENT ON COLUMN kms.audit_log.occurred_at IS 'when it was called, by the clock';
COMMENT ON COLUMN kms.audit_log.session_user_name IS 'role that logged in; null: a worker';
COMMENT ON COLUMN kms.audit_log.user_name IS 'role that acted';
COMMENT ON COLUMN kms.audit_log.application_name IS 'what the client called itself';
COMMENT ON COLUMN kms.audit_log.client_address IS 'IP address of the client, or [local]; null: a worker';
COMMENT ON COLUMN kms.audit_log.operation IS 'operation of the API, or a worker''s job';
COMMENT ON COLUMN kms.audit_log.resource_type IS 'key, secret, certificate or service';
COMMENT ON COLUMN kms.audit_log.resource IS 'key id, secret/ and the name, or certificate/ and the id';
COMMENT ON COLUMN kms.audit_log.detail IS 'further ids, names and dates';
COMMENT ON COLUMN kms.audit_log.result IS 'success, or failed for a job that failed';
COMMENT ON COLUMN kms.audit_log.api_code IS 'API code of the failure';
