-- Encrypting, decrypting, re-encrypting, and what a ciphertext says of itself.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(125);

CREATE TEMP TABLE suite (n serial, spec text, format text, format_byte integer, overhead integer, key_id text);
INSERT INTO suite (spec, format, format_byte, overhead) VALUES
	('Aliyun_AES_256', 'XAES-256-GCM', 1, 57), ('Aliyun_AES_192', 'AES-192-GCM', 2, 57),
	('Aliyun_AES_128', 'AES-128-GCM', 3, 57), ('Aliyun_SM4', 'SM4-CTR-HMAC-SM3', 4, 73);
UPDATE suite SET key_id = kms_create_key(spec)::text;
SELECT key_id AS key FROM suite WHERE n = 1 \gset
SELECT key_id AS other FROM suite WHERE n = 4 \gset
SELECT (kms_describe_key(:'key')).primary_key_version AS version \gset

-- ---- there and back -------------------------------------------------------

SELECT is((SELECT count(*) FROM generate_series(0, 300) len, kms_generate_random(greatest(len, 1)) random
			WHERE kms_decrypt(kms_encrypt(key_id, substr(random, 1, len))) = substr(random, 1, len)), 301::bigint,
		  spec || ' gives back plaintexts of 0 to 300 bytes')
  FROM suite ORDER BY n;
SELECT is((SELECT count(*) FROM unnest(ARRAY[1023, 1024, 4095, 4096, 4097, 6143, 6144]) len
			WHERE kms_decrypt(kms_encrypt(key_id, convert_to(repeat('p', len), 'UTF8'))) = convert_to(repeat('p', len), 'UTF8')),
		  7::bigint, spec || ' gives back plaintexts up to 6144 bytes')
  FROM suite ORDER BY n;
SELECT is(kms_decrypt_text(kms_encrypt(key_id, 'Grüße, 世界 😀'::text)), 'Grüße, 世界 😀', spec || ' gives back a text')
  FROM suite ORDER BY n;
SELECT is(kms_decrypt_text(kms_encrypt(key_id, 'x'::text, '{"row": "1"}'), '{"row": "1"}'), 'x', spec || ' gives back what has a context'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L, %L)', kms_encrypt(key_id, 'x'::text, '{"row": "1"}')::text, '{"row": "2"}'),
		  '22023|InvalidParameter', spec || ' does not open with another context')
  FROM suite ORDER BY n;
SELECT is(length(kms_encrypt(key_id, ''::bytea)), overhead, format('a ciphertext of %s is %s bytes longer than its plaintext', spec, overhead)),
	   is(get_byte(kms_encrypt(key_id, ''::bytea), 0), format_byte, 'a ciphertext of ' || spec || ' begins with format byte ' || format_byte)
  FROM suite ORDER BY n;
SELECT is(encode(substr(kms_encrypt(:'key', 'x'::bytea), 2, 16), 'hex'), replace(:'version', '-', ''),
		  'the id of the key version follows the format byte');

SELECT is(kms_decrypt(kms_encrypt(:'key', 'Grüße'::text)), convert_to('Grüße', 'UTF8'), 'a text is encrypted as its UTF-8'),
	   is(kms_decrypt_text(kms_encrypt(:'key', convert_to('Grüße', 'UTF8'))), 'Grüße', 'and UTF-8 is decrypted as text');
SELECT is(pg_temp.complaint('SELECT kms_decrypt_text(%L)', kms_encrypt(:'key', bytes)::text),
		  '22021|InvalidParameter|decrypted bytes are not text in this database''s encoding', what || ' is no text')
  FROM (VALUES ('\xff'::bytea, 'a stray byte'), ('\x6100'::bytea, 'a null byte'), ('\xc3'::bytea, 'half a character'),
			   ('\xc080'::bytea, 'an overlong character'), ('\xeda080'::bytea, 'half a surrogate pair')) t (bytes, what);
SELECT is(kms_decrypt(kms_encrypt(:'key', '\x00ff6100'::bytea)), '\x00ff6100'::bytea, 'any bytes are bytes');
SELECT is(kms_decrypt(kms_encrypt(:'key', ''::bytea)), ''::bytea, 'a plaintext of no bytes is a plaintext'),
	   is(kms_decrypt_text(kms_encrypt(:'key', ''::text)), '', 'a text of no characters is a text');

-- ---- never twice the same -------------------------------------------------

SELECT is(count(DISTINCT kms_encrypt(key_id, 'the same'::text)), 1000::bigint, spec || ' encrypts the same a thousand times differently')
  FROM suite, generate_series(1, 1000) GROUP BY n, spec ORDER BY n;
SELECT is(count(DISTINCT substr(kms_encrypt(:'key', 'x'::text), 18, 24)), 10000::bigint, 'ten thousand ciphertexts have ten thousand nonces')
  FROM generate_series(1, 10000);

-- ---- NULL -----------------------------------------------------------------

SELECT ok(kms_encrypt(:'key', NULL::bytea) IS NULL, 'a null plaintext gives null'),
	   ok(kms_encrypt(:'key', NULL::text) IS NULL, 'a null text gives null'),
	   ok(kms_decrypt(NULL) IS NULL, 'a null ciphertext gives null'),
	   ok(kms_decrypt_text(NULL) IS NULL, 'a null ciphertext of a text gives null'),
	   ok(kms_re_encrypt(NULL, :'key') IS NULL, 'a null ciphertext re-encrypted gives null'),
	   is(kms_decrypt(kms_encrypt(:'key', 'x'::bytea, NULL), NULL), 'x', 'a null context is no context');
SELECT is(pg_temp.complaint('SELECT kms_encrypt(NULL, %L::bytea)', 'x'), '22004|MissingParameter|key_id must not be null',
		  'a null key is missing');
SELECT is(pg_temp.complaint('SELECT kms_re_encrypt(%L, NULL)', kms_encrypt(:'key', 'x'::bytea)::text),
		  '22004|MissingParameter|destination_key_id must not be null', 'a null destination is missing');

-- ---- too long -------------------------------------------------------------

SELECT is(pg_temp.complaint(statement, key_id),
		  '22023|InvalidParameter|invalid value for plaintext: it is longer than 6144 bytes', spec || ' refuses ' || what),
	   matches(pg_temp.hint(statement, key_id), 'kms_envelope_encrypt', 'and hints at envelopes')
  FROM suite, (VALUES ('SELECT kms_encrypt(%L, convert_to(repeat(''p'', 6145), ''UTF8''))', '6145 bytes')) t (statement, what)
 ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, repeat(''ü'', 3072))', :'key'), 'fine', 'a text of 6144 bytes is not too long'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, repeat(''ü'', 3073))', :'key'), '22023|InvalidParameter',
		  'a text of 6146 bytes is, though it has fewer characters'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, repeat(''p'', 10000000))', :'key'), '22023|InvalidParameter',
		  'ten million bytes are too long');

-- ---- values in the forms that tables keep them in -------------------------

CREATE TEMP TABLE stored (n integer, plain bytea, compressible text, blob bytea, external_blob bytea);
ALTER TABLE stored ALTER external_blob SET STORAGE EXTERNAL, ALTER plain SET STORAGE EXTERNAL;
INSERT INTO stored SELECT n, decode(repeat(md5(n::text), n * 3), 'hex'), repeat('x', n * 96), NULL, NULL FROM generate_series(1, 64) n;
UPDATE stored SET blob = kms_encrypt(:'key', compressible), external_blob = kms_encrypt(:'other', plain);
SELECT ok(pg_column_size(compressible) < 200 AND pg_column_size(plain) > 3000, 'the test has compressed and toasted values') FROM stored WHERE n = 64;
SELECT is((SELECT count(*) FROM stored WHERE kms_decrypt_text(blob) = compressible), 64::bigint, 'compressed texts are encrypted and decrypted'),
	   is((SELECT count(*) FROM stored WHERE kms_decrypt(external_blob) = plain), 64::bigint, 'toasted bytes are encrypted and decrypted');
SELECT is((SELECT count(*) FROM stored WHERE kms_decrypt(kms_re_encrypt(external_blob, :'key')) = plain), 64::bigint, 'toasted ciphertexts are re-encrypted');
SELECT ok(pg_column_size(blob) < 127 + 57, 'the test has values with short headers') FROM stored WHERE n = 1;

-- ---- re-encrypting --------------------------------------------------------

SELECT is(kms_decrypt_text(kms_re_encrypt(kms_encrypt(a.key_id, 'x'::text), b.key_id)), 'x', a.spec || ' is re-encrypted as ' || b.spec),
	   is((kms_ciphertext_info(kms_re_encrypt(kms_encrypt(a.key_id, 'x'::text), b.key_id))).key_id, b.key_id::uuid, 'and then says ' || b.format)
  FROM suite a, suite b ORDER BY a.n, b.n;
SELECT is(kms_decrypt_text(kms_re_encrypt(kms_encrypt(:'key', 'x'::text, '{"a": "1"}'), :'other', '{"a": "1"}', '{"b": "2"}'), '{"b": "2"}'), 'x',
		  're-encryption takes the old context and gives the new one');
SELECT is(pg_temp.verdict('SELECT kms_re_encrypt(%L, %L, %L)', kms_encrypt(:'key', 'x'::text, '{"a": "1"}')::text, :'other', '{"a": "2"}'),
		  '22023|InvalidParameter', 're-encryption with the wrong old context fails'),
	   is(pg_temp.verdict('SELECT kms_decrypt(kms_re_encrypt(%1$L, %2$L, %3$L), %3$L)', kms_encrypt(:'key', 'x'::text, '{"a": "1"}')::text, :'other', '{"a": "1"}'),
		  '22023|InvalidParameter', 'the old context does not follow by itself'),
	   is(pg_temp.verdict('SELECT kms_re_encrypt(%L, %L)', '\x00', :'other'), '22023|InvalidParameter', 'what is no ciphertext is not re-encrypted'),
	   is(pg_temp.verdict('SELECT kms_re_encrypt(%L, %L)', kms_encrypt(:'key', 'x'::text)::text, '00000000-0000-4000-8000-000000000000'),
		  '42704|Forbidden.KeyNotFound', 're-encryption to an unknown key does not find it');
SELECT is(pg_temp.complaint('SELECT kms_re_encrypt(%L, %L, %s => %L)', kms_encrypt(:'key', 'x'::text)::text, :'key', argument, 'x'),
		  '22004|MissingParameter|' || missing || ' must not be null', argument || ' is for public-key ciphertexts and does not stand alone')
  FROM (VALUES ('source_key_id', 'source_encryption_algorithm'), ('source_key_version_id', 'source_key_id'), ('source_encryption_algorithm', 'source_key_id')) t (argument, missing);
SELECT is(pg_temp.verdict('SELECT kms_re_encrypt(%L, %L, source_key_id => %2$L, source_encryption_algorithm => %L)', kms_encrypt(:'key', 'x'::text)::text, :'key', algorithm), verdict,
		  'a symmetric ciphertext with a source key and algorithm ' || algorithm || ' is not re-encrypted')
  FROM (VALUES ('x', '22023|InvalidParameter'), ('SM2PKE', '0A000|Rejected.UnsupportedOperation')) t (algorithm, verdict);
SELECT is(kms_decrypt(kms_re_encrypt(kms_encrypt(:'key', convert_to(repeat('p', 6144), 'UTF8')), :'other')), convert_to(repeat('p', 6144), 'UTF8'),
		  '6144 bytes can be re-encrypted');

-- ---- what a ciphertext says of itself -------------------------------------

SELECT is(kms_ciphertext_info(kms_encrypt(key_id, 'twelve bytes'::bytea))::text,
		  format('(%s,%s,%s,12)', key_id, (kms_describe_key(key_id)).primary_key_version, format), 'a ciphertext of ' || spec || ' says its key, version, format and length')
  FROM suite ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_ciphertext_info(NULL)'), '22004|MissingParameter', 'a null ciphertext is missing'),
	   is(pg_temp.verdict('SELECT kms_ciphertext_info(%L)', ''), '22023|InvalidParameter', 'no bytes say nothing'),
	   is(pg_temp.verdict('SELECT kms_ciphertext_info(%L)', '\x01'), '22023|InvalidParameter', 'one byte says nothing');
SELECT is(kms_ciphertext_info(overlay(kms_encrypt(:'key', 'x'::bytea) PLACING '\x00000000000040008000000000000000' FROM 2))::text,
		  '(,00000000-0000-4000-8000-000000000000,XAES-256-GCM,1)', 'a ciphertext of an unknown version says the version all the same');
SELECT is(pg_temp.complaint('SELECT kms_decrypt(%L)', overlay(kms_encrypt(:'key', 'x'::bytea) PLACING '\x00000000000040008000000000000000' FROM 2)::text),
		  '42704|Forbidden.KeyNotFound|key version "00000000-0000-4000-8000-000000000000" does not exist',
		  'and when decrypted names the version that does not exist');
SELECT is(kms_ciphertext_info(kms_encrypt(:'key', ''::bytea)) IS NOT NULL, true, 'a ciphertext of no bytes is described');

-- ---- planning -------------------------------------------------------------

SELECT kms_encrypt(:'key', 'planned'::text) AS blob \gset
PREPARE reads AS SELECT kms_decrypt_text(:'blob') = 'planned';
SELECT is((SELECT count(*) FROM generate_series(1, 100) WHERE kms_decrypt_text(:'blob') = 'planned'), 100::bigint, 'a constant ciphertext is decrypted in a condition');
SELECT kms_disable_key(:'key');
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || statement; END $$;
SELECT is(pg_temp.verdict('EXECUTE reads'), '55000|Rejected.Disabled', 'a prepared statement does not outlive its key');
SELECT kms_enable_key(:'key');
SELECT ok(NOT EXISTS (SELECT FROM pg_temp.plan_of(format('SELECT kms_decrypt_text(%L)', :'blob')) line WHERE line LIKE '%planned%'),
		  'a plan does not show what a ciphertext contains');

SELECT is(pg_temp.complaint('SELECT kms_re_encrypt(%L, %L, NULL, NULL, %L, NULL, %L)', '\x00', :'key', :'key', 'NONE'),
		  '22023|InvalidParameter|invalid value for source_encryption_algorithm: it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE',
		  'an unknown algorithm of a source is called by its name');

SELECT * FROM finish();
ROLLBACK;
