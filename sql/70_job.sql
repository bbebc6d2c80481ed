/*
 * Work that is due.
 */
CREATE TYPE kms.job_report AS (
	job text,
	resource text,
	outcome text,
	detail text
);

COMMENT ON TYPE kms.job_report IS 'a job and what became of it: result of kms_run_jobs';

CREATE FUNCTION @extschema@.kms_run_jobs() RETURNS SETOF kms.job_report
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION @extschema@.kms_run_jobs() IS 'do now what the background workers would do';

CREATE FUNCTION @extschema@.kms_confirm_home() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_confirm_home()
	IS 'after a copy, a restore elsewhere or a pg_upgrade: let what is due be erased here';

/* What will be done, and what was done last. */
CREATE VIEW kms.jobs WITH (security_barrier) AS
	SELECT d.kind AS job, d.id AS resource, d.due_at, coalesce(j.outcome, 'due') AS outcome, j.detail,
		   coalesce(j.attempts, 0) AS attempts, j.ran_at AS last_run, greatest(d.due_at, j.retry_at) AS next_run,
		   d.name
	  FROM (SELECT k.id, k.owner, k.owner_name, k.due_at, 'key' AS type, k.id::text AS name,
				   CASE WHEN k.delete_at IS NOT NULL THEN 'KeyDeletion'
						WHEN k.state OPERATOR(pg_catalog.=) ANY ('{Enabled,Disabled}') AND k.material_expires_at OPERATOR(pg_catalog.=) k.due_at THEN 'MaterialExpiry'
						ELSE 'KeyRotation' END AS kind
			  FROM kms.key k WHERE k.due_at IS NOT NULL
			UNION ALL
			SELECT s.id, s.owner, s.owner_name, s.due_at, 'secret', 'secret/' OPERATOR(pg_catalog.||) s.name,
				   CASE WHEN s.delete_at IS NOT NULL THEN 'SecretDeletion' ELSE 'SecretRotation' END
			  FROM kms.secret s WHERE s.due_at IS NOT NULL
			UNION ALL
			SELECT c.id, c.owner, c.owner_name, c.warn_at, 'certificate', 'certificate/' OPERATOR(pg_catalog.||) c.id::text, 'CertificateExpiry'
			  FROM kms.certificate c WHERE c.warn_at IS NOT NULL) d
	  LEFT JOIN kms.job j ON j.resource OPERATOR(pg_catalog.=) d.id AND j.kind OPERATOR(pg_catalog.=) d.kind
						 AND j.outcome OPERATOR(pg_catalog.<>) 'done' AND j.ran_at OPERATOR(pg_catalog.>=) d.due_at
	 WHERE CASE d.type WHEN 'secret' THEN kms.may_describe_secret(d.id, d.owner, d.owner_name)
				WHEN 'certificate' THEN kms.may_describe_certificate(d.id, d.owner, d.owner_name)
				ELSE kms.may_describe(d.id, d.owner, d.owner_name) END
	UNION ALL
	SELECT j.kind, j.resource, NULL, j.outcome, j.detail, j.attempts, j.ran_at, NULL, j.name
	  FROM kms.job j
	 WHERE j.outcome OPERATOR(pg_catalog.=) 'done'
	   AND CASE WHEN j.kind OPERATOR(pg_catalog.=) ANY ('{SecretRotation,SecretDeletion}') THEN kms.may_describe_secret(j.resource, j.owner, j.owner_name)
				WHEN j.kind OPERATOR(pg_catalog.=) 'CertificateExpiry' THEN kms.may_describe_certificate(j.resource, j.owner, j.owner_name)
				ELSE kms.may_describe(j.resource, j.owner, j.owner_name) END;

COMMENT ON VIEW kms.jobs IS 'what the workers will do with the keys, secrets and certificates that the current user may describe, and what they did last';
COMMENT ON COLUMN kms.jobs.job IS 'KeyRotation, KeyDeletion, MaterialExpiry, SecretRotation, SecretDeletion or CertificateExpiry';
COMMENT ON COLUMN kms.jobs.resource IS 'id of the key, secret or certificate';
COMMENT ON COLUMN kms.jobs.due_at IS 'when it is due; null: it was done';
COMMENT ON COLUMN kms.jobs.outcome IS 'due, failed, waiting or done';
COMMENT ON COLUMN kms.jobs.detail IS 'why it failed or waits';
COMMENT ON COLUMN kms.jobs.attempts IS 'tries so far';
COMMENT ON COLUMN kms.jobs.last_run IS 'when it was tried last';
COMMENT ON COLUMN kms.jobs.next_run IS 'when a worker tries next';
COMMENT ON COLUMN kms.jobs.name IS 'what people call the resource: key id, secret/ and the name, or certificate/ and the id';
