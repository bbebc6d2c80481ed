/*
 * How the service is doing.
 */
CREATE FUNCTION @extschema@.kms_describe_account_kms_status() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_describe_account_kms_status()
	IS 'Enabled, NotEnabled (not opened) or Suspended (no root key, or the wrong one)';

CREATE TYPE kms.status_row AS (
	account_status text,
	preloaded boolean,
	sealed boolean,
	root_key_id text,
	domain_root_key_id text,
	root_key_memory text,
	version text,
	workers boolean,
	session_memory_locked boolean,
	session_cached_keys bigint,
	session_cache_bytes bigint,
	usage_entries bigint,
	usage_lost_calls bigint
);

COMMENT ON TYPE kms.status_row IS 'the row of the view kms.status';

CREATE FUNCTION kms.describe_status() RETURNS kms.status_row
	AS 'MODULE_PATHNAME', 'kms_describe_status' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100;

COMMENT ON FUNCTION kms.describe_status() IS 'what the view kms.status shows';

CREATE VIEW kms.status AS
	SELECT s.account_status, s.preloaded, s.sealed, s.root_key_id, s.domain_root_key_id, s.root_key_memory,
		   s.version, s.workers, s.session_memory_locked, s.session_cached_keys, s.session_cache_bytes,
		   s.usage_entries, s.usage_lost_calls
	  FROM kms.describe_status() s;

COMMENT ON VIEW kms.status IS 'one row: whether the service is open and sealed, its root key, this session''s cache';
COMMENT ON COLUMN kms.status.account_status IS 'as kms_describe_account_kms_status';
COMMENT ON COLUMN kms.status.preloaded IS 'whether the library is in shared_preload_libraries';
COMMENT ON COLUMN kms.status.sealed IS 'whether the server lacks a root key';
COMMENT ON COLUMN kms.status.root_key_id IS 'id of the server''s root key, 16 hexadecimal digits';
COMMENT ON COLUMN kms.status.domain_root_key_id IS 'id of the root key that this database needs';
COMMENT ON COLUMN kms.status.root_key_memory IS 'where the root key lies: secret, locked or unlocked memory, or none';
COMMENT ON COLUMN kms.status.version IS 'version of the library';
COMMENT ON COLUMN kms.status.workers IS 'whether background workers do what is due';
COMMENT ON COLUMN kms.status.session_memory_locked IS 'whether this session could lock the memory of its key material';
COMMENT ON COLUMN kms.status.session_cached_keys IS 'keys in this session''s cache';
COMMENT ON COLUMN kms.status.session_cache_bytes IS 'memory of that cache';
COMMENT ON COLUMN kms.status.usage_entries IS 'counters of uses in shared memory, of all databases';
COMMENT ON COLUMN kms.status.usage_lost_calls IS 'calls since the start of the server that found no room in them';
