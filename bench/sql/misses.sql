/*
 * A miss over a hit: keys that this session has not seen, then the same once
 * more.  Set: each, rounds.
 */
SET kms.cache_size = 10000000;

CREATE TABLE bench.missed (kind text, round integer, miss double precision, hit double precision);

CREATE FUNCTION bench.miss_call(kind text) RETURNS text
LANGUAGE SQL IMMUTABLE AS $$ SELECT CASE kind WHEN 'decrypt' THEN 'kms_decrypt(x)' ELSE 'kms_encrypt(k, x)' END $$;

CREATE PROCEDURE bench.miss_all(each integer, rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	size integer := each / (rounds + 1);
	what text;
	query text;
	cold double precision;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOREACH what IN ARRAY ARRAY['id', 'alias', 'decrypt'] LOOP
			query := format('SELECT count(%s) FROM (SELECT k, x FROM bench.miss WHERE kind = %L AND n > %s LIMIT %%s) s',
							bench.miss_call(what), what, round * size);
			cold := bench.time_slice(query, size);
			INSERT INTO bench.missed SELECT what, round, cold, bench.time_slice(query, size);
		END LOOP;
	END LOOP;
	DELETE FROM bench.missed m WHERE m.round = 0;
END
$$;
CALL bench.miss_all(:each, :rounds);

SELECT kind, round((bench.median(array_agg(miss - hit)) / 1000)::numeric, 1) AS "miss over a hit, µs",
	   round((min(miss - hit) / 1000)::numeric, 1) AS "least", round(bench.median(array_agg(hit))::numeric) AS "hit, ns with the scan"
  FROM bench.missed GROUP BY kind ORDER BY kind;
SELECT bench.note('miss_us_' || kind, bench.median(array_agg(miss - hit)) / 1000) FROM bench.missed GROUP BY kind \g /dev/null
