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
		   d.name, NULL::bigint AS done, NULL::bigint AS total, NULL::bigint AS rows_per_second, NULL::timestamptz AS estimated_end
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
	SELECT j.kind, j.resource, NULL, j.outcome, j.detail, j.attempts, j.ran_at, NULL, j.name, NULL, NULL, NULL, NULL
	  FROM kms.job j
	 WHERE j.outcome OPERATOR(pg_catalog.=) 'done'
	   AND CASE WHEN j.kind OPERATOR(pg_catalog.=) ANY ('{SecretRotation,SecretDeletion}') THEN kms.may_describe_secret(j.resource, j.owner, j.owner_name)
				WHEN j.kind OPERATOR(pg_catalog.=) 'CertificateExpiry' THEN kms.may_describe_certificate(j.resource, j.owner, j.owner_name)
				ELSE kms.may_describe(j.resource, j.owner, j.owner_name) END
	UNION ALL
	SELECT c.kind, NULL, NULL,
		   CASE WHEN c.finished_at IS NOT NULL THEN 'done' WHEN c.at_work THEN 'running' ELSE 'interrupted' END,
		   NULL, 1, c.noted_at, NULL, c.name, c.done, c.total, c.rows_per_second,
		   CASE WHEN c.at_work AND c.finished_at IS NULL AND c.done OPERATOR(pg_catalog.>) 0
				THEN c.noted_at OPERATOR(pg_catalog.+) ((c.noted_at OPERATOR(pg_catalog.-) c.started_at)
														OPERATOR(pg_catalog.*) ((c.total OPERATOR(pg_catalog.-) c.done)::double precision
																				OPERATOR(pg_catalog./) c.done)) END
	  FROM (SELECT j.kind, j.started_at, j.finished_at, j.noted_at, j.done, j.total,
				   (j.done OPERATOR(pg_catalog./) greatest(extract(epoch FROM (j.noted_at OPERATOR(pg_catalog.-) j.started_at)), 0.001))::bigint AS rows_per_second,
				   pg_catalog.format('%I.%I.%I', n.nspname, r.relname, a.attname) AS name,
				   /* the claim of service/column_batch.c */
				   EXISTS (SELECT FROM pg_catalog.pg_locks l
							WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.objsubid OPERATOR(pg_catalog.=) 3::smallint
							  AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d
																	  WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
							  AND l.classid OPERATOR(pg_catalog.=) j.relation AND l.objid OPERATOR(pg_catalog.=) j.column_number::oid
							  AND l.granted) AS at_work
			  FROM kms.column_job j
			  JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) j.relation
			  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace
			  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) j.relation AND a.attnum OPERATOR(pg_catalog.=) j.column_number
											AND NOT a.attisdropped
			 WHERE pg_catalog.has_table_privilege(j.relation, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER')
				OR pg_catalog.has_any_column_privilege(j.relation, 'SELECT,INSERT,UPDATE,REFERENCES')) c;

COMMENT ON VIEW kms.jobs IS 'what the workers will do with the keys, secrets and certificates that the current user may describe, what they did last, and how far protected columns are rewritten';
COMMENT ON COLUMN kms.jobs.job IS 'KeyRotation, KeyDeletion, MaterialExpiry, SecretRotation, SecretDeletion, CertificateExpiry, ColumnEncryption or ColumnReEncryption';
COMMENT ON COLUMN kms.jobs.resource IS 'id of the key, secret or certificate; null for a column';
COMMENT ON COLUMN kms.jobs.due_at IS 'when it is due; null: it was done, or is a column';
COMMENT ON COLUMN kms.jobs.outcome IS 'due, failed, waiting or done; of a column running, interrupted or done';
COMMENT ON COLUMN kms.jobs.detail IS 'why it failed or waits';
COMMENT ON COLUMN kms.jobs.attempts IS 'tries so far';
COMMENT ON COLUMN kms.jobs.last_run IS 'when it was tried last';
COMMENT ON COLUMN kms.jobs.next_run IS 'when a worker tries next';
COMMENT ON COLUMN kms.jobs.name IS 'what people call the resource: key id, secret/ and the name, certificate/ and the id, or schema, table and column';
COMMENT ON COLUMN kms.jobs.done IS 'of a column: rows that the last call has rewritten';
COMMENT ON COLUMN kms.jobs.total IS 'of a column: rows that there were to rewrite when it began';
COMMENT ON COLUMN kms.jobs.rows_per_second IS 'of a column: how fast it was on the whole';
COMMENT ON COLUMN kms.jobs.estimated_end IS 'of a column that is at work: when it will be done at that speed';
