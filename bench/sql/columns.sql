/*
 * Rows of one column of 64 bytes, inserted through a trigger that encrypts it.  The
 * context is table, column and id, but for the bare cipher and pgcrypto, which have none.
 * Set: key, rows, rounds.
 */
CREATE UNLOGGED TABLE bench.column_source AS
	SELECT i AS id, gen_random_bytes(64) AS x FROM generate_series(1, :rows) i;
VACUUM ANALYZE bench.column_source;

CREATE FUNCTION bench.bare_trigger() RETURNS trigger AS :'module' LANGUAGE C VOLATILE;
CREATE FUNCTION bench.plpgsql_kms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.x := kms_encrypt(TG_ARGV[0], NEW.x, jsonb_build_object('table', 'plpgsql_kms', 'column', 'x', 'id', NEW.id::text));
	RETURN NEW;
END
$$;
CREATE FUNCTION bench.plpgsql_pgp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.x := pgp_sym_encrypt_bytea(NEW.x, 'a pass phrase');
	RETURN NEW;
END
$$;
CREATE FUNCTION bench.plpgsql_plain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.x := NEW.x;
	RETURN NEW;
END
$$;

/* A table for each, without an index: what is inserted costs the same in all of them. */
CREATE TEMP TABLE inserter (name text, "table" text, trigger text, max_rows integer);
INSERT INTO inserter VALUES
	('no trigger', 'column_none', NULL, :rows),
	('plpgsql, x := x', 'column_plain', 'bench.plpgsql_plain()', :rows),
	('bare cipher in C', 'column_bare', 'bench.bare_trigger()', :rows),
	('kms_encrypt_columns', 'column_kms', format('kms_encrypt_columns(%L, ''x'', ''id'', ''column_kms'')', :'key'), :rows),
	('plpgsql, kms_encrypt', 'column_plpgsql', format('bench.plpgsql_kms(%L)', :'key'), :rows),
	('plpgsql, pgp_sym_encrypt', 'column_pgp', 'bench.plpgsql_pgp()', 1000);
SELECT format('CREATE UNLOGGED TABLE bench.%I (id integer, x bytea)', "table") FROM inserter \gexec
SELECT format('CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON bench.%I FOR EACH ROW EXECUTE FUNCTION %s', "table", trigger)
  FROM inserter WHERE trigger IS NOT NULL \gexec
INSERT INTO bench.candidate (part, name, query, max_rows)
	SELECT 'columns', name, format('TRUNCATE bench.%1$I; INSERT INTO bench.%1$I SELECT id, x FROM bench.column_source LIMIT %%s', "table"), max_rows
	  FROM inserter;

CALL bench.compare('columns', :rounds, NULL);

SELECT name AS "inserting a row", round((bench.median(array_agg(ns)) / 1000)::numeric, 2) AS "µs, median",
	   round((min(ns) / 1000)::numeric, 2) AS least,
	   round(bench.paired('columns', name, 'bare cipher in C')::numeric, 3) AS "x bare, paired",
	   bench.spread('columns', name, 'bare cipher in C') AS "half of the rounds",
	   round(bench.paired('columns', name, 'no trigger')::numeric, 2) AS "x no trigger"
  FROM bench.net WHERE part = 'columns' GROUP BY name ORDER BY bench.median(array_agg(ns));

/* What touches a row and leaves the ciphertext. */
INSERT INTO bench.candidate (part, name, query, max_rows)
	SELECT 'columns, touched', name, format('UPDATE bench.%I SET id = id; SELECT %%s', "table"), :rows FROM inserter
	 WHERE name IN ('no trigger', 'plpgsql, x := x', 'kms_encrypt_columns');
CALL bench.compare('columns, touched', greatest(3, :rounds / 4), NULL);
SELECT name AS "updating a row, its column unchanged", round((bench.median(array_agg(ns)) / 1000)::numeric, 2) AS "µs, median",
	   round(bench.paired('columns, touched', name, 'no trigger')::numeric, 2) AS "x no trigger"
  FROM bench.net WHERE part = 'columns, touched' GROUP BY name ORDER BY bench.median(array_agg(ns));

/* Reading: the same rows as plaintext, and through the view. */
CREATE TABLE bench.read_plain AS SELECT id, x, encode(x, 'hex') AS t FROM bench.column_source;
CREATE TABLE bench.read_bytea (id integer PRIMARY KEY, x bytea);
CREATE TABLE bench.read_text (id integer PRIMARY KEY, t text);
SELECT kms_protect_column('bench.read_bytea', 'x', :'key'), kms_protect_column('bench.read_text', 't', :'key') \g /dev/null
INSERT INTO bench.read_bytea SELECT id, x FROM bench.read_plain;
INSERT INTO bench.read_text SELECT id, left(t, 64) FROM bench.read_plain;
VACUUM ANALYZE bench.read_plain, bench.read_bytea, bench.read_text;
INSERT INTO bench.candidate (part, name, scan, query, max_rows) VALUES
	('columns, read', 'plaintext', NULL, 'SELECT count(x) FROM (SELECT x FROM bench.read_plain LIMIT %s) s', :rows),
	('columns, read', 'view, bytea of 64 bytes', 'plaintext', 'SELECT count(x) FROM (SELECT x FROM bench.read_bytea_decrypted LIMIT %s) s', :rows),
	('columns, read', 'view, text of 64 characters', 'plaintext', 'SELECT count(t) FROM (SELECT t FROM bench.read_text_decrypted LIMIT %s) s', :rows),
	('columns, read', 'kms_decrypt, jsonb_build_object', 'plaintext', 'SELECT count(kms_decrypt(x, jsonb_build_object(''table'', ''read_bytea'', ''column'', ''x'', ''id'', id::text))) FROM (SELECT id, x FROM bench.read_bytea LIMIT %s) s', :rows);
SET max_parallel_workers_per_gather = 0;
CALL bench.compare('columns, read', greatest(7, :rounds / 2), NULL);
RESET max_parallel_workers_per_gather;
SELECT name AS "reading a row", round((bench.median(array_agg(ns)) / 1000)::numeric, 2) AS "µs, median",
	   round((bench.median(array_agg(over_scan)) / 1000)::numeric, 2) AS "over plaintext"
  FROM bench.net WHERE part = 'columns, read' GROUP BY name ORDER BY bench.median(array_agg(ns));
SELECT bench.note('column_read', (SELECT bench.median(array_agg(over_scan)) FROM bench.net WHERE part = 'columns, read' AND name = 'view, bytea of 64 bytes')) \g /dev/null

SELECT bench.note('column_plpgsql', bench.paired('columns', 'kms_encrypt_columns', 'plpgsql, kms_encrypt')),
	   bench.note('column_bare', bench.paired('columns', 'kms_encrypt_columns', 'bare cipher in C')),
	   bench.note('column_pgp', bench.paired('columns', 'plpgsql, pgp_sym_encrypt', 'kms_encrypt_columns')) \g /dev/null
