/*
 * How everything is compared.
 *
 * The speed of a machine that others use too moves by half within seconds, so
 * two candidates are never measured one after the other.  They take turns in
 * one backend, in slices of some milliseconds, and a ratio is taken within each
 * round; the median over the rounds is what is printed.  A slice is one query
 * over one table; what the bare scan of the same table takes in the same round
 * is subtracted.  Time is the backend's processor time, not the clock's.
 *
 * Kept: bench.candidate and bench.slice hold what was measured, bench.result
 * what is compared with a goal.
 */
CREATE SCHEMA bench;
CREATE EXTENSION pgcrypto;

CREATE FUNCTION bench.floor_copy(text, bytea, jsonb) RETURNS bytea
	AS :'module' LANGUAGE C VOLATILE PARALLEL SAFE COST 30;
CREATE FUNCTION bench.bare_encrypt(bytea) RETURNS bytea
	AS :'module' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 30;
CREATE FUNCTION bench.bare_decrypt(bytea) RETURNS bytea
	AS :'module' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 30;
CREATE FUNCTION bench.xaes_loop(size integer, count integer, decrypt boolean) RETURNS double precision
	AS :'module' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION bench.raw_loop(what text, count integer) RETURNS bigint
	AS :'module' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION bench.raw_block() RETURNS bytea
	AS :'module' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION bench.cpu_ns() RETURNS bigint
	AS :'module' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION bench.callgrind_mark(label text) RETURNS boolean
	AS :'module' LANGUAGE C VOLATILE STRICT;

/* query holds %s once: the number of rows.  scan: the candidate to subtract. */
CREATE TABLE bench.candidate (
	part text,
	name text,
	scan text,
	query text NOT NULL,
	max_rows integer NOT NULL,
	row_count integer,
	PRIMARY KEY (part, name)
);

CREATE TABLE bench.slice (part text, name text, round integer, ns double precision);

/* What is compared with a goal, or just noted. */
CREATE TABLE bench.result (name text PRIMARY KEY, value double precision);

CREATE FUNCTION bench.note(name text, value double precision) RETURNS void
LANGUAGE SQL AS $$
	INSERT INTO bench.result VALUES (note.name, note.value)
		ON CONFLICT ON CONSTRAINT result_pkey DO UPDATE SET value = EXCLUDED.value
$$;

CREATE FUNCTION bench.median(double precision[]) RETURNS double precision
LANGUAGE SQL IMMUTABLE AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM unnest($1) x
$$;

/* Processor time of one slice, ns a row. */
CREATE FUNCTION bench.time_slice(query text, row_count integer) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
	begun bigint := bench.cpu_ns();
BEGIN
	EXECUTE format(query, row_count);
	RETURN (bench.cpu_ns() - begun)::double precision / row_count;
END
$$;

/*
 * So many rows that a slice takes about slice_ms; the first runs fill the
 * caches.  Without slice_ms: all rows, after two runs over them.
 */
CREATE PROCEDURE bench.calibrate(which text, slice_ms double precision)
LANGUAGE plpgsql AS $$
DECLARE
	c bench.candidate;
	n integer;
	ns double precision;
BEGIN
	FOR c IN SELECT * FROM bench.candidate k WHERE k.part = which LOOP
		IF slice_ms IS NULL THEN
			PERFORM bench.time_slice(c.query, c.max_rows) FROM generate_series(1, 2);
			UPDATE bench.candidate k SET row_count = max_rows WHERE k.part = which AND k.name = c.name;
			CONTINUE;
		END IF;
		n := least(10, c.max_rows);
		LOOP
			ns := bench.time_slice(c.query, n);
			EXIT WHEN n >= c.max_rows OR ns * n > slice_ms * 0.5e6;
			n := least(c.max_rows, n * 4);
		END LOOP;
		n := greatest(1, least(c.max_rows, slice_ms * 1e6 / ns));
		UPDATE bench.candidate k SET row_count = n WHERE k.part = which AND k.name = c.name;
	END LOOP;
END
$$;

/*
 * Everything that is a candidate of this part, in turn, so many rounds; in
 * another order each time, since what ran before leaves its traces in the
 * processor's caches.  same_rows: as many for each as the slowest of them has;
 * then what a query costs however short it is, is the same for all.
 */
CREATE PROCEDURE bench.compare(which text, rounds integer, slice_ms double precision, same_rows boolean = false)
LANGUAGE plpgsql AS $$
DECLARE
	c bench.candidate;
BEGIN
	CALL bench.calibrate(which, slice_ms);
	IF same_rows THEN
		UPDATE bench.candidate k SET row_count = (SELECT min(row_count) FROM bench.candidate WHERE part = which)
		 WHERE k.part = which;
	END IF;
	DELETE FROM bench.slice s WHERE s.part = which;
	FOR round IN 1 .. rounds LOOP
		FOR c IN SELECT * FROM bench.candidate k WHERE k.part = which ORDER BY random() LOOP
			INSERT INTO bench.slice VALUES (which, c.name, round, bench.time_slice(c.query, c.row_count));
		END LOOP;
	END LOOP;
END
$$;

/* Each slice over the scan of its round. */
CREATE VIEW bench.net AS
	SELECT s.part, s.name, s.round, s.ns, s.ns - coalesce(o.ns, 0) AS over_scan
	  FROM bench.slice s
	  JOIN bench.candidate c USING (part, name)
	  LEFT JOIN bench.slice o ON o.part = s.part AND o.name = c.scan AND o.round = s.round;

/* The median of the ratios within a round. */
CREATE FUNCTION bench.paired(which text, name text, base text) RETURNS double precision
LANGUAGE SQL STABLE AS $$
	SELECT bench.median(array_agg(a.over_scan / nullif(b.over_scan, 0)))
	  FROM bench.net a JOIN bench.net b USING (part, round)
	 WHERE a.part = paired.which AND a.name = paired.name AND b.name = paired.base
$$;

/* Where the middle half of those ratios lies. */
CREATE FUNCTION bench.spread(which text, name text, base text) RETURNS text
LANGUAGE SQL STABLE AS $$
	SELECT (SELECT string_agg(round(q::numeric, 2)::text, ' to ' ORDER BY q)
			  FROM unnest(percentile_cont(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY a.over_scan / nullif(b.over_scan, 0))) q)
	  FROM bench.net a JOIN bench.net b USING (part, round)
	 WHERE a.part = spread.which AND a.name = spread.name AND b.name = spread.base
$$;

/* The ratio of the medians. */
CREATE FUNCTION bench.of_medians(which text, name text, base text) RETURNS double precision
LANGUAGE SQL STABLE AS $$
	SELECT bench.median(array_agg(a.over_scan)) / nullif(bench.median(array_agg(b.over_scan)), 0)
	  FROM bench.net a JOIN bench.net b USING (part, round)
	 WHERE a.part = of_medians.which AND a.name = of_medians.name AND b.name = of_medians.base
$$;

CREATE FUNCTION bench.table_of(which text, base text)
	RETURNS TABLE (candidate text, "ns/row, median" numeric, "ns/row, least" numeric, "over the scan" numeric,
				   "x base, paired" numeric, "x base, of medians" numeric)
LANGUAGE SQL STABLE AS $$
	SELECT c.name, round(bench.median(array_agg(n.ns))::numeric, 0), round(min(n.ns)::numeric, 0),
		   round(bench.median(array_agg(n.over_scan))::numeric, 0),
		   round(bench.paired(which, c.name, base)::numeric, 3),
		   round(bench.of_medians(which, c.name, base)::numeric, 3)
	  FROM bench.candidate c JOIN bench.net n USING (part, name)
	 WHERE c.part = which
	 GROUP BY c.name
	 ORDER BY (c.name LIKE 'scan%') DESC, bench.median(array_agg(n.over_scan))
$$;

/*
 * Another session as a disturbance that can be switched: it stands still while
 * the measuring session holds the lock, and ends when control says so.
 */
CREATE TABLE bench.control (stop boolean NOT NULL);
INSERT INTO bench.control VALUES (false);
CREATE SEQUENCE bench.disturbed;

CREATE PROCEDURE bench.disturb(statements text[], interval_ms double precision)
LANGUAGE plpgsql AS $$
DECLARE
	due timestamptz := clock_timestamp();
	i integer := 0;
BEGIN
	LOOP
		PERFORM pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42);
		EXIT WHEN (SELECT stop FROM bench.control);
		EXECUTE statements[1 + i % cardinality(statements)];
		PERFORM nextval('bench.disturbed');
		COMMIT;
		i := i + 1;
		due := greatest(due, clock_timestamp() - interval '50 ms') + interval_ms * interval '1 ms';
		PERFORM pg_sleep(extract(epoch FROM due - clock_timestamp()))
		  WHERE due > clock_timestamp();
	END LOOP;
END
$$;

/*
 * Processor ns of a row of the query over one of the scan, alone and disturbed
 * in turn.
 */
CREATE PROCEDURE bench.with_and_without(which text, query text, scan text, row_count integer, rounds integer,
										phase_ms double precision)
LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz;
	times double precision[];
	before bigint;
	begun timestamptz;
	per_second double precision[];
BEGIN
	INSERT INTO bench.candidate VALUES (which, 'alone', NULL, query, row_count, row_count),
									   (which, 'disturbed', NULL, query, row_count, row_count);
	PERFORM pg_advisory_lock(42);
	PERFORM bench.time_slice(query, row_count) FROM generate_series(1, 3);
	FOR round IN 1 .. rounds LOOP
		FOR disturbed IN 0 .. 1 LOOP
			IF disturbed = 1 THEN
				PERFORM pg_advisory_unlock(42);
				PERFORM pg_sleep(0.02);
			END IF;
			begun := clock_timestamp();
			before := (SELECT last_value FROM bench.disturbed);
			until := begun + phase_ms * interval '1 ms';
			times := '{}';
			WHILE clock_timestamp() < until LOOP
				times := times || (bench.time_slice(query, row_count) - bench.time_slice(scan, row_count));
			END LOOP;
			INSERT INTO bench.slice
				VALUES (which, CASE disturbed WHEN 1 THEN 'disturbed' ELSE 'alone' END, round,
						(SELECT avg(t) FROM unnest(times) t));
			IF disturbed = 1 THEN
				per_second := per_second || ((SELECT last_value FROM bench.disturbed) - before) /
					extract(epoch FROM clock_timestamp() - begun)::double precision;
				PERFORM pg_advisory_lock(42);
			END IF;
		END LOOP;
	END LOOP;
	PERFORM pg_advisory_unlock(42);
	PERFORM bench.note(which || ' a second', bench.median(per_second));
END
$$;
