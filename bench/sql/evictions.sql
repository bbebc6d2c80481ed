/*
 * Four times as many keys as there is room for: each call throws another key
 * out.  Set: rounds.
 */
SET kms.cache_size = 500;
INSERT INTO bench.candidate (part, name, scan, query, max_rows)
	SELECT 'evictions', name, nullif('scan', name),
		   format('SELECT count(%s) FROM (SELECT k, x FROM bench.miss WHERE kind = ''id'' AND n > 0 LIMIT %%s) s', call), 2000
	  FROM (VALUES ('scan', 'octet_length(x)'), ('miss and eviction', 'kms_encrypt(k, x)')) c (name, call);
CALL bench.compare('evictions', :rounds, NULL);
SELECT name, round((bench.median(array_agg(over_scan)) / 1000)::numeric, 1) AS "µs/call", round((min(over_scan) / 1000)::numeric, 1) AS least
  FROM bench.net WHERE part = 'evictions' AND name <> 'scan' GROUP BY name;
