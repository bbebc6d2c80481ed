/*
 * Memory of the cache, for each key in it, over a session with one key; as the
 * extension says and as the operating system does.
 */
SET kms.cache_size = 10000000;

CREATE TEMP TABLE seen (keys bigint, bytes bigint, anonymous bigint);
CREATE FUNCTION pg_temp.look() RETURNS void LANGUAGE SQL AS $$
	INSERT INTO seen SELECT session_cached_keys, session_cache_bytes,
			substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+) kB')::bigint * 1024
	  FROM kms.status
$$;

SELECT count(kms_encrypt(id, '\x00'::bytea)) FROM bench.key WHERE n <= 1 \g /dev/null
SELECT pg_temp.look() \g /dev/null
SELECT count(kms_encrypt(id, '\x00'::bytea)) FROM bench.key WHERE n <= 10000 \g /dev/null
SELECT pg_temp.look() \g /dev/null
SELECT count(kms_encrypt(id, '\x00'::bytea)) FROM bench.key WHERE n <= 100000 \g /dev/null
SELECT pg_temp.look() \g /dev/null

CREATE TEMP VIEW each AS
	SELECT s.keys, (s.bytes - f.bytes)::double precision / (s.keys - f.keys) AS bytes,
		   (s.anonymous - f.anonymous)::double precision / (s.keys - f.keys) AS anonymous
	  FROM seen s CROSS JOIN (SELECT * FROM seen ORDER BY keys LIMIT 1) f
	 WHERE s.keys > f.keys;
SELECT keys, round(bytes::numeric) AS "bytes/key, kms.status", round(anonymous::numeric) AS "bytes/key, RssAnon" FROM each;
SELECT bench.note('memory_' || keys, bytes) FROM each \g /dev/null
