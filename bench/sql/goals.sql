/*
 * The goals: what bench.result must say for each.  Several results for one
 * goal: the worst of them counts.
 */
CREATE TABLE bench.goal (
	place integer PRIMARY KEY,
	goal text NOT NULL,
	at_most double precision,
	at_least double precision,
	unit text NOT NULL,
	part text NOT NULL,
	results text[] NOT NULL
);

INSERT INTO bench.goal VALUES
	(1, 'encrypt, decrypt of 64 B, over bare', 1.15, NULL, 'x', 'functions', '{encrypt_64,decrypt_64}'),
	(2, 'of 6 KB, over bare', 1.05, NULL, 'x', 'functions', '{encrypt_6144,decrypt_6144}'),
	(3, 'instructions of a 64 B call, over bare', 1.10, NULL, 'x', 'instructions', '{instructions_encrypt,instructions_decrypt}'),
	(4, 'with a constant context, over without', 1.25, NULL, 'x', 'functions', '{context_encrypt,context_decrypt}'),
	(5, 'against pgp_sym_encrypt, 64 B', NULL, 120, 'x', 'functions', '{pgp}'),
	(6, 'against encrypt_iv with a random iv, 64 B', NULL, 3, 'x', 'functions', '{encrypt_iv}'),
	(7, '100,000 keys in rotation, warm, over one', 2, NULL, 'x', 'keys', '{rotation_encrypt,rotation_decrypt}'),
	(8, '10,000 hot keys, 100 others changed a second, over no change', 1.3, NULL, 'x', 'changes', '{changes}'),
	(9, 'memory per cached key (of 10,000, of 100,000)', 500, NULL, 'B', 'memory', '{memory_10000,memory_100000}'),
	(10, 'cache miss: time (by id, alias, blob)', 30, NULL, 'µs', 'misses', '{miss_us_id,miss_us_alias,miss_us_decrypt}'),
	(11, 'cache miss: instructions (by id, alias, blob)', 45000, NULL, '', 'instructions',
		'{instructions_miss_id,instructions_miss_alias,instructions_miss_decrypt}'),
	(12, 'first call in a new session, preloaded', 2, NULL, 'ms', 'misses', '{first_call}'),
	(13, 'CPU per row with two sessions, over one', 1.1, NULL, 'x', 'scale', '{two_sessions}'),
	(14, 'parallel query, leader + 1 worker, over bare''s own speed-up', NULL, 0.9, 'x', 'parallel', '{parallel}'),
	(15, 'many keys: creation per key', 100, NULL, 'µs', 'create', '{create_us}'),
	(16, 'many keys: disk per key', 600, NULL, 'B', 'create', '{create_bytes}'),
	(17, 'RSA_2048 sign, verify, encrypt, decrypt, over OpenSSL alone', 1.15, NULL, 'x', 'pairs',
		'{pair rsa_sign,pair rsa_verify,pair rsa_encrypt,pair rsa_decrypt}'),
	(18, 'EC_P256 sign, verify, over OpenSSL alone', 1.15, NULL, 'x', 'pairs', '{pair p256_sign,pair p256_verify}'),
	(19, 'EC_SM2 sign, verify, encrypt, decrypt, over OpenSSL alone', 1.15, NULL, 'x', 'pairs',
		'{pair sm2_sign,pair sm2_verify,pair sm2_encrypt,pair sm2_decrypt}'),
	(20, 'HMAC of 64 B, over floor and OpenSSL alone', 1.5, NULL, 'x', 'pairs', '{mac}'),
	(21, 'throughput of a 16 MB envelope, over raw AES-256-GCM (fresh, same memory)', NULL, 0.5, 'x', 'pairs',
		'{envelope,envelope_same}'),
	(22, 'CPU per signature with two sessions, over one', 1.1, NULL, 'x', 'scale', '{two_signers}'),
	(23, 'secrets: gets of one session, in one statement', NULL, 20000, '/s', 'secrets', '{get_rate}'),
	(24, 'secrets: put, calls of one session (fsync off)', NULL, 2000, '/s', 'secrets', '{put_rate}'),
	(25, 'secrets: time of a get, over a SELECT of one row by its key', 4, NULL, 'x', 'secrets', '{get_over_select}'),
	(26, 'encrypted columns: an insert, over a plpgsql trigger with kms_encrypt', 0.7, NULL, 'x', 'columns', '{column_plpgsql}'),
	(27, 'encrypted columns: an insert, over a bare trigger in C', 1.5, NULL, 'x', 'columns', '{column_bare}'),
	(28, 'a row read through the decrypted view, more than without encryption', 1500, NULL, 'ns', 'columns', '{column_read}'),
	(29, 'kms_reencrypt_column: speed, over an UPDATE in batches', NULL, 0.6, 'x', 'columns', '{column_rewrite}');

/* Digits enough to tell 1.052 from a goal of 1.05. */
CREATE FUNCTION bench.show(value double precision) RETURNS text
LANGUAGE SQL IMMUTABLE AS $$
	SELECT to_char(value, CASE WHEN value >= 100 THEN 'FM999,999,990' WHEN value >= 10 THEN 'FM990.0' ELSE 'FM990.000' END)
$$;

CREATE VIEW bench.verdict AS
	SELECT g.place, g.goal, g.part,
		   CASE WHEN g.at_most IS NOT NULL THEN 'at most ' ELSE 'at least ' END ||
		   bench.show(coalesce(g.at_most, g.at_least)) || ' ' || g.unit AS bound,
		   coalesce(m.each || ' ' || g.unit, '-') AS measured,
		   CASE WHEN m.each IS NULL THEN 'not measured'
				WHEN m.most > g.at_most OR m.least < g.at_least THEN 'MISSED'
				ELSE 'ok' END AS verdict
	  FROM bench.goal g
	 CROSS JOIN LATERAL (SELECT max(r.value) AS most, min(r.value) AS least,
								string_agg(bench.show(r.value), ' / ' ORDER BY array_position(g.results, r.name)) AS each
						   FROM bench.result r WHERE r.name = ANY (g.results)) m;
