/*
 * One function per row: ours, the bare cipher, pgcrypto's, at a size.
 * Set: size, rows (in
 * the tables), times (that they are read), rounds, slice_ms, key.
 */
SELECT format('functions %s', :size) AS part, format('bench.plain_%s', :size) AS plain,
	   format('bench.sealed_%s', :size) AS sealed, format('bench.bare_%s', :size) AS bare,
	   format('bench.context_%s', :size) AS context \gset

/*
 * PLAIN, so that 6 KB stay in the page and no TOAST is measured.  A table has
 * some 300 KB and is gone through again and again: with a big one it would be
 * the memory that is measured, for all candidates alike, and everybody else's
 * use of it.
 */
SELECT format('CREATE UNLOGGED TABLE %1$s (x bytea, id integer)', t),
	   format('ALTER TABLE %1$s ALTER x SET STORAGE PLAIN', t)
  FROM unnest(ARRAY[:'plain', :'sealed', :'bare', :'context']) t \gexec
SELECT format('CREATE VIEW %1$s_again AS SELECT x, id FROM generate_series(1, %2$s) CROSS JOIN %1$s', t, :times)
  FROM unnest(ARRAY[:'plain', :'sealed', :'bare', :'context']) t \gexec

INSERT INTO :plain
	SELECT substring(r FROM 1 FOR :size), i
	  FROM generate_series(1, :rows) i
	 CROSS JOIN LATERAL (SELECT string_agg(gen_random_bytes(least(1024, :size)), '') AS r
						   FROM generate_series(0, (:size - 1) / 1024 + i * 0)) s;
INSERT INTO :sealed SELECT kms_encrypt(:'key', x), id FROM :plain;
INSERT INTO :bare SELECT bench.bare_encrypt(x), id FROM :plain;
INSERT INTO :context SELECT kms_encrypt(:'key', x, '{"table": "t", "column": "c"}'), id FROM :plain;
VACUUM ANALYZE :plain, :sealed, :bare, :context;

DELETE FROM bench.candidate WHERE part = :'part';
INSERT INTO bench.candidate (part, name, scan, query, max_rows)
	SELECT :'part', c.name, c.scan,
		   format('SELECT count(%s) FROM (SELECT x, id FROM %s_again LIMIT %%s) s', c.call, c.source), least(:rows * :times, c.limit)
	  FROM (VALUES
		('scan', NULL, 'octet_length(x)', :'plain', 1000000),
		('scan of sealed', NULL, 'octet_length(x)', :'sealed', 1000000),
		('floor (copy)', 'scan', format('bench.floor_copy(%L, x, NULL)', :'key'), :'plain', 1000000),
		('bare encrypt', 'scan', 'bench.bare_encrypt(x)', :'plain', 1000000),
		('bare decrypt', 'scan of sealed', 'bench.bare_decrypt(x)', :'bare', 1000000),
		('kms_encrypt', 'scan', format('kms_encrypt(%L, x)', :'key'), :'plain', 1000000),
		('kms_decrypt', 'scan of sealed', 'kms_decrypt(x)', :'sealed', 1000000),
		('kms_encrypt, constant context', 'scan',
		 format('kms_encrypt(%L, x, ''{"table": "t", "column": "c"}'')', :'key'), :'plain', 1000000),
		('kms_decrypt, constant context', 'scan of sealed',
		 'kms_decrypt(x, ''{"table": "t", "column": "c"}'')', :'context', 1000000),
		('kms_encrypt, context built per row', 'scan',
		 format('kms_encrypt(%L, x, jsonb_build_object(''table'', ''t'', ''id'', id::text))', :'key'), :'plain', 1000000),
		('jsonb_build_object alone', 'scan',
		 'jsonb_build_object(''table'', ''t'', ''id'', id::text)', :'plain', 1000000),
		('pgcrypto encrypt_iv, constant iv', 'scan',
		 'encrypt_iv(x, ''\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'', ''\x000102030405060708090a0b0c0d0e0f'', ''aes-cbc'')',
		 :'plain', 1000000),
		('pgcrypto encrypt_iv, random iv', 'scan',
		 'encrypt_iv(x, ''\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'', gen_random_bytes(16), ''aes-cbc'')',
		 :'plain', 1000000),
		('pgcrypto hmac sha256', 'scan',
		 'hmac(x, ''\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'', ''sha256'')', :'plain', 1000000),
		('pgcrypto pgp_sym_encrypt_bytea', 'scan', 'pgp_sym_encrypt_bytea(x, ''a pass phrase'')', :'plain', 1000),
		('core sha256', 'scan', 'sha256(x)', :'plain', 1000000)
	  ) c (name, scan, call, source, "limit");

/*
 * What is compared with a goal, once more by itself, in short slices: the less
 * time between two that are compared, the less the machine has changed.
 */
SELECT format('sharp %s', :size) AS sharp \gset
INSERT INTO bench.candidate (part, name, scan, query, max_rows)
	SELECT :'sharp', name, scan, query, max_rows FROM bench.candidate
	 WHERE part = :'part' AND name ~ '^(scan|bare|kms)' AND name !~ 'per row';

CALL bench.compare(:'part', :rounds, :slice_ms);
CALL bench.compare(:'sharp', :rounds * 10, 3, true);

SELECT * FROM bench.table_of(:'part', 'bare encrypt');
SELECT compared, round(bench.paired(:'sharp', name, base)::numeric, 3) AS paired,
	   bench.spread(:'sharp', name, base) AS "half of the rounds",
	   round(bench.of_medians(:'sharp', name, base)::numeric, 3) AS "of medians"
  FROM (VALUES ('encrypt / bare', 'kms_encrypt', 'bare encrypt'),
			   ('decrypt / bare', 'kms_decrypt', 'bare decrypt'),
			   ('encrypt, constant context / none', 'kms_encrypt, constant context', 'kms_encrypt'),
			   ('decrypt, constant context / none', 'kms_decrypt, constant context', 'kms_decrypt')) v (compared, name, base);
SELECT round(bench.median(array_agg(bench.xaes_loop(:size, 2000, false)))::numeric) AS "OpenSSL alone in a loop: seal, ns",
	   round(bench.median(array_agg(bench.xaes_loop(:size, 2000, true)))::numeric) AS "open, ns"
  FROM generate_series(1, :rounds);

SELECT bench.note('encrypt_' || :size, bench.paired(:'sharp', 'kms_encrypt', 'bare encrypt')),
	   bench.note('decrypt_' || :size, bench.paired(:'sharp', 'kms_decrypt', 'bare decrypt')) \g /dev/null
SELECT bench.note('context_encrypt', bench.paired(:'sharp', 'kms_encrypt, constant context', 'kms_encrypt')),
	   bench.note('context_decrypt', bench.paired(:'sharp', 'kms_decrypt, constant context', 'kms_decrypt')),
	   bench.note('pgp', bench.paired(:'part', 'pgcrypto pgp_sym_encrypt_bytea', 'kms_encrypt')),
	   bench.note('encrypt_iv', bench.paired(:'part', 'pgcrypto encrypt_iv, random iv', 'kms_encrypt'))
 WHERE :size = 64 \g /dev/null
