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
	(1, 'encrypt 64 B, over bare', 1.15, NULL, 'x', 'functions', '{encrypt_64}'),
	(2, 'decrypt 64 B, over bare', 1.15, NULL, 'x', 'functions', '{decrypt_64}'),
	(3, 'encrypt 6 KB, over bare', 1.05, NULL, 'x', 'functions', '{encrypt_6144}'),
	(4, 'decrypt 6 KB, over bare', 1.05, NULL, 'x', 'functions', '{decrypt_6144}'),
	(5, 'instructions of a 64 B encrypt, over bare', 1.10, NULL, 'x', 'instructions', '{instructions_encrypt}'),
	(6, 'instructions of a 64 B decrypt, over bare', 1.10, NULL, 'x', 'instructions', '{instructions_decrypt}'),
	(7, 'with a constant context, over without (64 B)', 1.25, NULL, 'x', 'functions', '{context_encrypt,context_decrypt}'),
	(8, 'times faster than pgp_sym_encrypt, 64 B', NULL, 120, 'x', 'functions', '{pgp}'),
	(9, 'times faster than encrypt_iv with a random iv, 64 B', NULL, 3, 'x', 'functions', '{encrypt_iv}'),
	(10, '100,000 keys in rotation, warm, over one key', 2, NULL, 'x', 'keys', '{rotation_encrypt,rotation_decrypt}'),
	(11, '10,000 hot keys, 100 others changed a second, over none', 1.3, NULL, 'x', 'changes', '{changes}'),
	(12, 'memory per cached key', 500, NULL, 'B', 'memory', '{memory_10000,memory_100000}'),
	(13, 'cache miss, time', 30, NULL, 'µs', 'misses', '{miss_us_id,miss_us_alias,miss_us_decrypt}'),
	(14, 'cache miss, instructions', 45000, NULL, '', 'instructions',
		'{instructions_miss_id,instructions_miss_alias,instructions_miss_decrypt}'),
	(15, 'first call in a new session, preloaded', 2, NULL, 'ms', 'misses', '{first_call}'),
	(16, 'CPU per row with two sessions, over one', 1.1, NULL, 'x', 'scale', '{two_sessions}'),
	(17, 'parallel query, leader + 1 worker, over bare''s speed-up', NULL, 0.9, 'x', 'parallel', '{parallel}'),
	(18, 'creation per key', 100, NULL, 'µs', 'create', '{create_us}'),
	(19, 'disk per key', 600, NULL, 'B', 'create', '{create_bytes}');

CREATE FUNCTION bench.show(value double precision, unit text) RETURNS text
LANGUAGE SQL IMMUTABLE AS $$
	SELECT CASE WHEN value >= 100 THEN to_char(value, 'FM999,999,990') ELSE to_char(value, 'FM990.00') END || ' ' || unit
$$;

CREATE VIEW bench.verdict AS
	SELECT g.place, g.goal, m.value, g.part,
		   CASE WHEN g.at_most IS NOT NULL THEN 'at most ' ELSE 'at least ' END ||
		   bench.show(coalesce(g.at_most, g.at_least), g.unit) AS bound,
		   coalesce(bench.show(m.value, g.unit), '-') AS measured,
		   CASE WHEN m.value IS NULL THEN 'not measured'
				WHEN m.value > g.at_most OR m.value < g.at_least THEN 'MISSED'
				ELSE 'ok' END AS verdict
	  FROM bench.goal g
	 CROSS JOIN LATERAL (SELECT CASE WHEN g.at_most IS NOT NULL THEN max(r.value) ELSE min(r.value) END AS value
						   FROM bench.result r WHERE r.name = ANY (g.results)) m;
