/*
 * How much keys are used: what is stored, and what the counters in shared memory
 * show more.
 */
CREATE FUNCTION kms.counted_usage(OUT key_id uuid, OUT key_version_id uuid, OUT operation text, OUT calls bigint,
		OUT failures bigint, OUT bytes bigint, OUT last_used_at timestamptz, OUT counter bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'kms_counted_usage' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 1000 ROWS 100;

COMMENT ON FUNCTION kms.counted_usage()
	IS 'the counters in shared memory of the keys that the current user may describe: part of the view kms.key_usage';

CREATE VIEW kms.key_usage WITH (security_barrier) AS
	SELECT k.id AS key_id, u.key_version_id, u.operation, u.calls, u.failures, u.bytes, u.last_used_at
	  FROM (SELECT coalesce(e.key_id, c.key_id) AS key_id,
				   coalesce(e.key_version_id, c.key_version_id) AS key_version_id,
				   coalesce(e.operation, c.operation COLLATE "C") AS operation,
				   coalesce(e.calls, 0) OPERATOR(pg_catalog.+) coalesce(c.calls, 0)
						OPERATOR(pg_catalog.-) CASE WHEN e.counter OPERATOR(pg_catalog.=) c.counter THEN e.counter_calls ELSE 0 END AS calls,
				   coalesce(e.failures, 0) OPERATOR(pg_catalog.+) coalesce(c.failures, 0)
						OPERATOR(pg_catalog.-) CASE WHEN e.counter OPERATOR(pg_catalog.=) c.counter THEN e.counter_failures ELSE 0 END AS failures,
				   coalesce(e.bytes, 0) OPERATOR(pg_catalog.+) coalesce(c.bytes, 0)
						OPERATOR(pg_catalog.-) CASE WHEN e.counter OPERATOR(pg_catalog.=) c.counter THEN e.counter_bytes ELSE 0 END AS bytes,
				   greatest(e.last_used_at, c.last_used_at) AS last_used_at
			  FROM kms.usage_entry e
			  FULL JOIN kms.counted_usage() c ON c.key_version_id OPERATOR(pg_catalog.=) e.key_version_id
											 AND c.operation COLLATE "C" OPERATOR(pg_catalog.=) e.operation) u
	  JOIN kms.key k ON k.id OPERATOR(pg_catalog.=) u.key_id
	 WHERE kms.may_describe(k.id, k.owner, k.owner_name)
	   AND (k.delete_at IS NULL OR k.delete_at > pg_catalog.clock_timestamp());

COMMENT ON VIEW kms.key_usage IS 'how much the keys that the current user may describe are used, per key version and operation';
COMMENT ON COLUMN kms.key_usage.key_id IS 'key that was used';
COMMENT ON COLUMN kms.key_usage.key_version_id IS 'its version that was used';
COMMENT ON COLUMN kms.key_usage.operation IS 'what for, as the API names it';
COMMENT ON COLUMN kms.key_usage.calls IS 'how often, failures included';
COMMENT ON COLUMN kms.key_usage.failures IS 'how often it failed, for instance because a ciphertext does not open';
COMMENT ON COLUMN kms.key_usage.bytes IS 'on how many bytes: plaintext, message or digest';
COMMENT ON COLUMN kms.key_usage.last_used_at IS 'end of the last transaction that did';
