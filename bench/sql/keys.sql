/*
 * Many keys in rotation, each call with another one, all of them cached.  The
 * tables differ in nothing but the keys.  Set: rows, rounds.
 */
SET kms.cache_size = 10000000;

SELECT format('CREATE UNLOGGED TABLE bench.rotation_%1$s AS
	SELECT k.id AS k, gen_random_bytes(64) AS x
	  FROM generate_series(1, %2$s) i JOIN bench.key k ON k.n = 1 + i %% %1$s ORDER BY i', n, :rows),
	   format('CREATE UNLOGGED TABLE bench.rotated_%1$s AS SELECT kms_encrypt(k, x) AS x FROM bench.rotation_%1$s', n)
  FROM unnest(ARRAY[1, 1000, :rows]) n \gexec
VACUUM ANALYZE;

INSERT INTO bench.candidate (part, name, scan, query, max_rows)
	SELECT 'keys', c.*, :rows
	  FROM unnest(ARRAY[1, 1000, :rows]) n
	 CROSS JOIN LATERAL (VALUES
		(format('scan encrypt %s', n), NULL,
		 format('SELECT count(octet_length(x)) + count(octet_length(k)) FROM (SELECT k, x FROM bench.rotation_%s LIMIT %%s) s', n)),
		(format('scan decrypt %s', n), NULL,
		 format('SELECT count(octet_length(x)) FROM (SELECT x FROM bench.rotated_%s LIMIT %%s) s', n)),
		(format('encrypt %s', n), format('scan encrypt %s', n),
		 format('SELECT count(kms_encrypt(k, x)) FROM (SELECT k, x FROM bench.rotation_%s LIMIT %%s) s', n)),
		(format('decrypt %s', n), format('scan decrypt %s', n),
		 format('SELECT count(kms_decrypt(x)) FROM (SELECT x FROM bench.rotated_%s LIMIT %%s) s', n))) c;

CALL bench.compare('keys', :rounds, NULL);

SELECT * FROM bench.table_of('keys', 'encrypt 1') WHERE candidate !~ 'decrypt';
SELECT * FROM bench.table_of('keys', 'decrypt 1') WHERE candidate !~ 'encrypt';
SELECT bench.note('rotation_encrypt', bench.paired('keys', 'encrypt ' || :rows, 'encrypt 1')),
	   bench.note('rotation_decrypt', bench.paired('keys', 'decrypt ' || :rows, 'decrypt 1')) \g /dev/null
