/*
 * Asymmetric operations, MACs and envelopes, each against OpenSSL alone in a loop.
 * Set: rounds, slice_ms.
 */
CREATE UNLOGGED TABLE bench.digest (x bytea, m bytea);
INSERT INTO bench.digest SELECT sha256(int4send(i)), gen_random_bytes(64) FROM generate_series(1, 500) i;

SELECT kms_create_key('RSA_2048') AS rsa_signer, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS rsa_opener,
	   kms_create_key('EC_P256') AS p256_signer, kms_create_key('EC_SM2') AS sm2_signer,
	   kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS sm2_opener, kms_create_key('HMAC_SHA_256') AS mac,
	   kms_create_key() AS cipher \gset

CREATE UNLOGGED TABLE bench.signed AS
	SELECT x, m, kms_asymmetric_sign(:'rsa_signer', NULL, 'RSA_PSS_SHA_256', x) AS rsa_sign,
		   kms_asymmetric_encrypt(:'rsa_opener', NULL, 'RSAES_OAEP_SHA_256', x) AS rsa_encrypt,
		   kms_asymmetric_sign(:'p256_signer', NULL, 'ECDSA_SHA_256', x) AS p256_sign,
		   kms_asymmetric_sign(:'sm2_signer', NULL, 'SM2DSA', x) AS sm2_sign,
		   kms_asymmetric_encrypt(:'sm2_opener', NULL, 'SM2PKE', x) AS sm2_encrypt
	  FROM bench.digest;
CREATE VIEW bench.signed_again AS SELECT s.* FROM generate_series(1, 200) CROSS JOIN bench.signed s;

VACUUM ANALYZE bench.signed;

INSERT INTO bench.candidate (part, name, scan, query, max_rows)
	SELECT 'pairs', c.name, 'scan', format('SELECT count(%s) FROM (SELECT * FROM bench.signed_again LIMIT %%s) s', c.call), 100000
	  FROM (VALUES
		('kms rsa_sign', format('kms_asymmetric_sign(%L, NULL, ''RSA_PSS_SHA_256'', x)', :'rsa_signer')),
		('kms rsa_verify', format('kms_asymmetric_verify(%L, NULL, ''RSA_PSS_SHA_256'', x, rsa_sign)', :'rsa_signer')),
		('kms rsa_encrypt', format('kms_asymmetric_encrypt(%L, NULL, ''RSAES_OAEP_SHA_256'', x)', :'rsa_opener')),
		('kms rsa_decrypt', format('kms_asymmetric_decrypt(%L, NULL, ''RSAES_OAEP_SHA_256'', rsa_encrypt)', :'rsa_opener')),
		('kms p256_sign', format('kms_asymmetric_sign(%L, NULL, ''ECDSA_SHA_256'', x)', :'p256_signer')),
		('kms p256_verify', format('kms_asymmetric_verify(%L, NULL, ''ECDSA_SHA_256'', x, p256_sign)', :'p256_signer')),
		('kms sm2_sign', format('kms_asymmetric_sign(%L, NULL, ''SM2DSA'', x)', :'sm2_signer')),
		('kms sm2_verify', format('kms_asymmetric_verify(%L, NULL, ''SM2DSA'', x, sm2_sign)', :'sm2_signer')),
		('kms sm2_encrypt', format('kms_asymmetric_encrypt(%L, NULL, ''SM2PKE'', x)', :'sm2_opener')),
		('kms sm2_decrypt', format('kms_asymmetric_decrypt(%L, NULL, ''SM2PKE'', sm2_encrypt)', :'sm2_opener')),
		('kms hmac', format('kms_generate_mac(%L, m)', :'mac')),
		('floor (copy)', format('bench.floor_copy(%L, m, NULL)', :'mac'))
	  ) c (name, call)
	UNION ALL
	SELECT 'pairs', 'raw ' || what, NULL, format('SELECT bench.raw_loop(%L, %%s)', what), 100000
	  FROM unnest(ARRAY['rsa_sign', 'rsa_verify', 'rsa_encrypt', 'rsa_decrypt', 'p256_sign', 'p256_verify',
						'sm2_sign', 'sm2_verify', 'sm2_encrypt', 'sm2_decrypt', 'hmac']) what
	UNION ALL
	VALUES ('pairs', 'scan', NULL, 'SELECT count(octet_length(x)) FROM (SELECT * FROM bench.signed_again LIMIT %s) s', 100000);

CALL bench.compare('pairs', :rounds, :slice_ms);

SELECT what, round(bench.median(array_agg(raw.over_scan / 1000))::numeric, 2) AS "OpenSSL alone, µs",
	   round(bench.median(array_agg(kms.over_scan / 1000))::numeric, 2) AS "kms, µs over the scan",
	   round(bench.paired('pairs', 'kms ' || what, 'raw ' || what)::numeric, 3) AS "x, paired",
	   bench.spread('pairs', 'kms ' || what, 'raw ' || what) AS "half of the rounds"
  FROM unnest(ARRAY['rsa_sign', 'rsa_verify', 'rsa_encrypt', 'rsa_decrypt', 'p256_sign', 'p256_verify',
					'sm2_sign', 'sm2_verify', 'sm2_encrypt', 'sm2_decrypt', 'hmac']) what
  JOIN bench.net kms ON kms.part = 'pairs' AND kms.name = 'kms ' || what
  JOIN bench.net raw ON raw.part = 'pairs' AND raw.name = 'raw ' || what AND raw.round = kms.round
 GROUP BY what ORDER BY what;

SELECT bench.note('pair ' || what, bench.paired('pairs', 'kms ' || what, 'raw ' || what))
  FROM unnest(ARRAY['rsa_sign', 'rsa_verify', 'rsa_encrypt', 'rsa_decrypt', 'p256_sign', 'p256_verify',
					'sm2_sign', 'sm2_verify', 'sm2_encrypt', 'sm2_decrypt']) what \g /dev/null

/* What a MAC may cost is set against the least that a function costs and the hash alone. */
SELECT bench.note('mac', bench.median(array_agg(k.over_scan / (f.over_scan + r.over_scan))))
  FROM bench.net k JOIN bench.net f USING (part, round) JOIN bench.net r USING (part, round)
 WHERE part = 'pairs' AND k.name = 'kms hmac' AND f.name = 'floor (copy)' AND r.name = 'raw hmac' \g /dev/null

/* Envelopes of 16 MB, of a block that costs nothing to have. */
INSERT INTO bench.candidate (part, name, scan, query, max_rows)
	SELECT 'envelopes', name, scan, query, 8
	  FROM (VALUES
		('scan', NULL, 'SELECT count(octet_length(bench.raw_block())) FROM generate_series(1, %s)'),
		('kms_envelope_encrypt', 'scan',
		 format('SELECT count(kms_envelope_encrypt(%L, bench.raw_block())) FROM generate_series(1, %%s)', :'cipher')),
		('raw gcm, same buffer', NULL, 'SELECT bench.raw_loop(''gcm'', %s)'),
		('raw gcm, fresh buffer', NULL, 'SELECT bench.raw_loop(''gcm_fresh'', %s)')
	  ) c (name, scan, query);
CALL bench.compare('envelopes', :rounds, 60, true);
SELECT name, round(bench.median(array_agg(over_scan / 1e6))::numeric, 2) AS "ms for 16 MB",
	   round((16 * 1.048576 / bench.median(array_agg(over_scan / 1e6)))::numeric, 2) AS "GB/s"
  FROM bench.net WHERE part = 'envelopes' AND name <> 'scan' GROUP BY name ORDER BY name;
SELECT bench.note('envelope_same', bench.paired('envelopes', 'raw gcm, same buffer', 'kms_envelope_encrypt')),
	   bench.note('envelope', bench.paired('envelopes', 'raw gcm, fresh buffer', 'kms_envelope_encrypt')) \g /dev/null
