SELECT r.name AS "rewriting a row", round((bench.median(array_agg(r.ns)) / 1000)::numeric, 2) AS "µs, median",
	   round((min(r.ns) / 1000)::numeric, 2) AS least,
	   round(bench.median(array_agg(p.ns / r.ns))::numeric, 2) AS "speed, over no trigger"
  FROM bench.rewrite r JOIN bench.rewrite p USING (round)
 WHERE p.name = 'UPDATE x = x, no trigger' GROUP BY r.name ORDER BY bench.median(array_agg(r.ns));
SELECT bench.note('column_rewrite', (SELECT bench.median(array_agg(p.ns / r.ns)) FROM bench.rewrite r JOIN bench.rewrite p USING (round)
									  WHERE r.name = 'kms_reencrypt_column' AND p.name = 'UPDATE x = x, no trigger')) \g /dev/null
