/*
 * One query with the leader alone, and with one worker.  Here the clock counts:
 * a speed-up is a matter of time.  Set: rows, rounds.
 */
CREATE UNLOGGED TABLE bench.many AS SELECT gen_random_bytes(64) AS x FROM generate_series(1, :rows);
VACUUM ANALYZE bench.many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;

CREATE TABLE bench.speed (round integer, who text, workers integer, ms double precision);

CREATE PROCEDURE bench.parallel(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	who text;
	begun timestamptz;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOREACH who IN ARRAY ARRAY[format('kms_encrypt(%L, x)', (SELECT id FROM bench.key WHERE n = 1)), 'bench.bare_encrypt(x)'] LOOP
			FOR workers IN 0 .. 1 LOOP
				PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
				begun := clock_timestamp();
				EXECUTE format('SELECT count(%s) FROM bench.many', who);
				INSERT INTO bench.speed VALUES (round, substring(who FROM '\w+_encrypt'), workers,
					extract(epoch FROM clock_timestamp() - begun) * 1000);
			END LOOP;
		END LOOP;
	END LOOP;
	DELETE FROM bench.speed s WHERE s.round = 0;
	PERFORM set_config('max_parallel_workers_per_gather', '1', false);
END
$$;
CALL bench.parallel(:rounds);

EXPLAIN (COSTS OFF) SELECT count(bench.bare_encrypt(x)) FROM bench.many;
CREATE VIEW bench.speed_up AS
	SELECT a.who, a.round, a.ms AS alone, b.ms AS with_worker, a.ms / b.ms AS speed_up
	  FROM bench.speed a JOIN bench.speed b USING (who, round) WHERE a.workers = 0 AND b.workers = 1;
SELECT who, round(bench.median(array_agg(alone))::numeric) AS "leader alone, ms",
	   round(bench.median(array_agg(with_worker))::numeric) AS "with a worker, ms",
	   round(bench.median(array_agg(speed_up))::numeric, 2) AS "speed-up, paired",
	   round((min(alone) / min(with_worker))::numeric, 2) AS "of the least"
  FROM bench.speed_up GROUP BY who;
SELECT bench.note('parallel', bench.median(array_agg(k.speed_up / b.speed_up)))
  FROM bench.speed_up k JOIN bench.speed_up b USING (round)
 WHERE k.who = 'kms_encrypt' AND b.who = 'bare_encrypt' \g /dev/null
