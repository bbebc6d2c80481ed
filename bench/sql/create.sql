/*
 * Keys by the thousand: time and disk for each.  The other parts use them.
 * Set: keys (how many), chunk (how many a transaction).
 */
CREATE UNLOGGED TABLE IF NOT EXISTS bench.key (n integer PRIMARY KEY, id text NOT NULL);
CREATE TABLE bench.creation (chunk integer, wall_us double precision, cpu_us double precision);

CREATE FUNCTION bench.key_bytes() RETURNS bigint
LANGUAGE SQL AS $$ SELECT pg_total_relation_size('kms.key') + pg_total_relation_size('kms.key_version') $$;

CREATE PROCEDURE bench.create_keys(total integer, chunk integer)
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz;
	cpu bigint;
BEGIN
	FOR low IN 1 .. total BY chunk LOOP
		begun := clock_timestamp();
		cpu := bench.cpu_ns();
		INSERT INTO bench.key SELECT n, kms_create_key() FROM generate_series(low, least(total, low + chunk - 1)) n;
		COMMIT;
		INSERT INTO bench.creation
			VALUES (low, extract(epoch FROM clock_timestamp() - begun) * 1e6 / chunk, (bench.cpu_ns() - cpu) / 1e3 / chunk);
	END LOOP;
END
$$;

SELECT bench.key_bytes() AS before \gset
CALL bench.create_keys(:keys, :chunk);
SELECT :keys AS keys, round(avg(wall_us)::numeric, 1) AS "µs/key", round(bench.median(array_agg(wall_us))::numeric, 1) AS median,
	   round(avg(cpu_us)::numeric, 1) AS "µs/key, processor",
	   round((bench.key_bytes() - :before)::numeric / :keys) AS "bytes/key"
  FROM bench.creation;
SELECT bench.note('create_us', avg(wall_us)), bench.note('create_bytes', (bench.key_bytes() - :before)::double precision / :keys)
  FROM bench.creation \g /dev/null
ANALYZE bench.key;
