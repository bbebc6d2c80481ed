-- Data keys and random bytes.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(72);

CREATE TEMP TABLE suite (n serial, spec text, key_id text);
INSERT INTO suite (spec) VALUES ('Aliyun_AES_256'), ('Aliyun_AES_192'), ('Aliyun_AES_128'), ('Aliyun_SM4');
UPDATE suite SET key_id = kms_create_key(spec)::text;
SELECT key_id AS key, (kms_describe_key(key_id)).primary_key_version AS version FROM suite WHERE n = 1 \gset
SELECT kms_create_alias(:'key', 'alias/data-key');

SELECT is((d).key_id, key_id::uuid, 'a data key of ' || spec || ' says its key'),
	   is((d).key_version_id, (kms_describe_key(key_id)).primary_key_version, 'and its key version'),
	   is(length((d).plaintext), 32, 'and is 32 bytes long'),
	   is(kms_decrypt((d).ciphertext_blob), (d).plaintext, 'and its ciphertext decrypts to it')
  FROM (SELECT n, spec, key_id, kms_generate_data_key(key_id) AS d FROM suite OFFSET 0) t ORDER BY n;
SELECT is((d).key_id, key_id::uuid, 'a data key of ' || spec || ' without plaintext says its key'),
	   is((d).key_version_id, (kms_describe_key(key_id)).primary_key_version, 'and its key version'),
	   is(length(kms_decrypt((d).ciphertext_blob)), 32, 'and its ciphertext decrypts to 32 bytes')
  FROM (SELECT n, spec, key_id, kms_generate_data_key_without_plaintext(key_id) AS d FROM suite OFFSET 0) t ORDER BY n;

SELECT is(length((kms_generate_data_key(:'key', spec, bytes)).plaintext), length, format('key_spec %L and number_of_bytes %L make %s bytes', spec, bytes, length)),
	   is(length(kms_decrypt((kms_generate_data_key_without_plaintext(:'key', spec, bytes)).ciphertext_blob)), length,
		  'and as many without plaintext')
  FROM (VALUES (NULL, NULL, 32), ('AES_256', NULL, 32), ('AES_128', NULL, 16), ('AES_256', 64, 64), ('AES_128', 1, 1), (NULL, 1024, 1024)) t (spec, bytes, length);
SELECT is(pg_temp.complaint('SELECT %s(%L, number_of_bytes => %s)', call, :'key', bytes::text),
		  '22023|InvalidParameter|invalid value for number_of_bytes: it must be 1 to 1024', format('%s makes no key of %s bytes', call, bytes))
  FROM unnest(ARRAY['kms_generate_data_key', 'kms_generate_data_key_without_plaintext']) call, unnest(ARRAY[0, -1, 1025, 2147483647, -2147483648]) bytes;
SELECT is(pg_temp.complaint('SELECT %s(%L, %L)', call, :'key', spec),
		  '22023|InvalidParameter|invalid value for key_spec: it must be AES_256 or AES_128', format('%s makes no key of %L', call, spec))
  FROM unnest(ARRAY['kms_generate_data_key', 'kms_generate_data_key_without_plaintext']) call, unnest(ARRAY['', 'aes_256', 'AES_192', 'Aliyun_AES_256']) spec;
SELECT is(pg_temp.verdict('SELECT %s(%s)', call, 'NULL'), '22004|MissingParameter', call || ' needs a key')
  FROM unnest(ARRAY['kms_generate_data_key', 'kms_generate_data_key_without_plaintext']) call;

SELECT is((kms_generate_data_key('alias/data-key')).key_id, :'key', 'a data key names its key, not the alias');
SELECT is(kms_decrypt((d).ciphertext_blob, '{"a": "1"}'), (d).plaintext, 'a data key with a context opens with it'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', (d).ciphertext_blob::text), '22023|InvalidParameter', 'and not without')
  FROM (SELECT kms_generate_data_key(:'key', encryption_context => '{"a": "1"}') AS d OFFSET 0) t;
SELECT is((SELECT count(DISTINCT (kms_generate_data_key(:'key')).plaintext) FROM generate_series(1, 1000)), 1000::bigint, 'a thousand data keys are all different');

-- ---- random bytes ---------------------------------------------------------

SELECT is((SELECT count(*) FROM generate_series(1, 1024) n WHERE length(kms_generate_random(n)) = n), 1024::bigint, 'there are 1 to 1024 random bytes');
SELECT is((SELECT count(DISTINCT kms_generate_random(16)) FROM generate_series(1, 10000)), 10000::bigint, 'ten thousand times 16 random bytes are all different');
SELECT ok((SELECT count(DISTINCT get_byte(kms_generate_random(1), 0)) FROM generate_series(1, 10000)) = 256, 'every byte occurs');
SELECT is(pg_temp.complaint('SELECT kms_generate_random(%s)', bytes), '22023|InvalidParameter|invalid value for number_of_bytes: it must be 1 to 1024',
		  format('there are no %s random bytes', bytes))
  FROM unnest(ARRAY['0', '-1', '1025', '2147483647']) bytes;
SELECT is(pg_temp.verdict('SELECT kms_generate_random(NULL)'), '22004|MissingParameter', 'the number of bytes is required');

SELECT * FROM finish();
ROLLBACK;
