/*
 * With a disturbance in another session and without it.
 * Set: part, query, scan, rows, rounds, phase_ms.
 */
SET kms.cache_size = 10000;
CALL bench.with_and_without(:'part', :'query', :'scan', :rows, :rounds, :phase_ms);
SELECT :'part' AS what, round(bench.median(array_agg(ns) FILTER (WHERE name = 'alone'))::numeric) AS "alone, CPU ns/row over the scan",
	   round(bench.median(array_agg(ns) FILTER (WHERE name = 'disturbed'))::numeric) AS "disturbed",
	   round(bench.paired(:'part', 'disturbed', 'alone')::numeric, 3) AS "x, paired",
	   round((SELECT value FROM bench.result WHERE name = :'part' || ' a second')::numeric, 1) AS "disturbances a second"
  FROM bench.slice WHERE part = :'part';

/* Without a disturbance there is nothing to compare. */
SELECT 1 / (value > 0)::integer FROM bench.result WHERE name = :'part' || ' a second' \g /dev/null
