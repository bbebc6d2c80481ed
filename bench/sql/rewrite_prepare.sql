/*
 * A protected column of 64 bytes to re-encrypt, and the same rows in a table without
 * a trigger.  Set: key, rows.
 */
CREATE TABLE bench.rewritten (id integer PRIMARY KEY, x bytea) WITH (autovacuum_enabled = off);
SELECT kms_protect_column('bench.rewritten', 'x', :'key') \g /dev/null
INSERT INTO bench.rewritten SELECT i, gen_random_bytes(64) FROM generate_series(1, :rows) i;
CREATE TABLE bench.updated (LIKE bench.rewritten INCLUDING ALL) WITH (autovacuum_enabled = off);
INSERT INTO bench.updated SELECT * FROM bench.rewritten;
CREATE TABLE bench.rewrite (round integer, name text, ns double precision);

/* What anybody would write: so many rows by their key, and a commit. */
CREATE PROCEDURE bench.update_in_batches("table" regclass, row_count integer)
LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 0 .. row_count - 1 BY 1000 LOOP
		EXECUTE format('UPDATE %s SET x = x WHERE id > $1 AND id <= $1 + 1000', "table") USING i;
		COMMIT;
	END LOOP;
END
$$;

CREATE PROCEDURE bench.rewrite_round(round integer, row_count integer)
LANGUAGE plpgsql AS $$
DECLARE
	begun bigint := bench.cpu_ns();
BEGIN
	CALL bench.update_in_batches('bench.updated', row_count);
	INSERT INTO bench.rewrite VALUES (round, 'UPDATE x = x, no trigger', (bench.cpu_ns() - begun)::double precision / row_count);
	COMMIT;
	begun := bench.cpu_ns();
	CALL bench.update_in_batches('bench.rewritten', row_count);
	INSERT INTO bench.rewrite VALUES (round, 'UPDATE x = x, the trigger leaves it', (bench.cpu_ns() - begun)::double precision / row_count);
	COMMIT;
END
$$;

CREATE PROCEDURE bench.reencrypt_round(round integer, row_count integer)
LANGUAGE plpgsql AS $$
DECLARE
	begun bigint := bench.cpu_ns();
BEGIN
	CALL kms_reencrypt_column('bench.rewritten', 'x');
	INSERT INTO bench.rewrite VALUES (round, 'kms_reencrypt_column', (bench.cpu_ns() - begun)::double precision / row_count);
	COMMIT;
END
$$;
