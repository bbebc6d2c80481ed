-- Decrypting without letting one bad row take a query down.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(39);

CREATE ROLE kms_test_stranger;
CREATE TEMP TABLE suite (n serial, spec text, key_id text);
INSERT INTO suite (spec) VALUES ('Aliyun_AES_256'), ('Aliyun_AES_192'), ('Aliyun_AES_128'), ('Aliyun_SM4');
UPDATE suite SET key_id = kms_create_key(spec)::text;
SELECT key_id AS key FROM suite WHERE n = 1 \gset
SELECT key_id AS other FROM suite WHERE n = 4 \gset

-- ---- what opens -----------------------------------------------------------

SELECT is(kms_try_decrypt(kms_encrypt(key_id, '\x00ff'::bytea, '{"a": "1"}'), '{"a": "1"}'), '\x00ff'::bytea, 'a ciphertext of ' || spec || ' opens'),
	   is(kms_try_decrypt_text(kms_envelope_encrypt(key_id, repeat('Grüße', 20000), '{"a": "1"}'), '{"a": "1"}'), repeat('Grüße', 20000), 'so does an envelope')
  FROM suite ORDER BY n;
SELECT ok(kms_try_decrypt(NULL) IS NULL AND kms_try_decrypt_text(NULL) IS NULL, 'no ciphertext has no plaintext'),
	   is(kms_try_decrypt(kms_encrypt(:'key', ''::bytea)), '', 'an empty plaintext is no null'),
	   is(kms_try_decrypt_text(kms_encrypt(:'key', ''::text)), '', 'nor is an empty text');

-- ---- what does not --------------------------------------------------------

/* Bad ones and a good one of each kind. */
CREATE TEMP TABLE report (n serial, what text, blob bytea);
INSERT INTO report (what, blob)
	SELECT what, blob
	  FROM (SELECT kms_encrypt(:'key', 'plain'::text, '{"a": "1"}') AS plain, kms_envelope_encrypt(:'key', repeat('x', 70000), '{"a": "1"}') AS long,
				   kms_encrypt(:'key', 'plain'::text, '{"a": "2"}') AS foreign_plain, kms_envelope_encrypt(:'key', 'x'::text) AS foreign_long OFFSET 0) made,
		   LATERAL (VALUES ('good', plain), ('no bytes', ''::bytea), ('a byte', '\x01'), ('text', 'plain'), ('cut off', substr(plain, 1, length(plain) - 1)), ('one bit changed', set_byte(plain, 45, get_byte(plain, 45) # 1)),
						   ('another context', foreign_plain), ('another cipher', set_byte(plain, 0, 2)), ('an unknown format', set_byte(plain, 0, 99)), ('too long for its format', plain || decode(repeat('00', 7000), 'hex')),
						   ('an unknown version', overlay(plain PLACING '\x00000000000040008000000000000000' FROM 2)),
						   ('good', long), ('an envelope cut off', substr(long, 1, 70000)), ('an envelope with its last byte changed', set_byte(long, length(long) - 1, 255 - get_byte(long, length(long) - 1))),
						   ('an envelope of another context', foreign_long), ('an envelope of an unknown version', overlay(long PLACING '\x00000000000040008000000000000000' FROM 2))) b (what, blob);
SELECT is((SELECT string_agg(what, ', ' ORDER BY n) FROM report WHERE pg_temp.verdict('SELECT kms_decrypt(%L, %L)', blob::text, '{"a": "1"}') = 'fine'), 'good, good',
		  'of the ciphertexts of this test two open, the others are errors of kms_decrypt');
SET client_min_messages = notice;
SELECT n, what, length(kms_try_decrypt(blob, '{"a": "1"}')) AS opens FROM report ORDER BY n;
SELECT n, what, length(kms_try_decrypt_text(blob, '{"a": "1"}')) AS opens FROM report ORDER BY n;
SET client_min_messages = warning;
SELECT is((SELECT string_agg(what, ', ' ORDER BY n) FROM report WHERE kms_try_decrypt(blob, '{"a": "1"}') IS NOT NULL), 'good, good', 'where one row is bad, the others are read');

SELECT is((SELECT count(*) FROM report, generate_series(0, length(blob) - 1) at WHERE n = 1 AND kms_try_decrypt(set_byte(blob, at, get_byte(blob, at) # 1), '{"a": "1"}') IS NULL),
		  (SELECT length(blob) FROM report WHERE n = 1)::bigint, 'with any bit changed a ciphertext gives null'),
	   is((SELECT count(*) FROM report, generate_series(0, length(blob) - 1) len WHERE n = 1 AND kms_try_decrypt(substr(blob, 1, len), '{"a": "1"}') IS NULL),
		  (SELECT length(blob) FROM report WHERE n = 1)::bigint, 'cut off anywhere too');

/* Decrypted, but no text. */
SELECT ok(kms_try_decrypt(kms_encrypt(:'key', bytes)) = bytes AND kms_try_decrypt_text(kms_encrypt(:'key', bytes)) IS NULL, what || ' is decrypted, but not as text')
  FROM (VALUES ('\xff'::bytea, 'a stray byte'), ('\x6100'::bytea, 'a null byte'), ('\xc3'::bytea, 'half a character')) t (bytes, what);
SET client_min_messages = notice;
SELECT kms_try_decrypt_text(kms_encrypt(:'key', '\xff'::bytea)) IS NULL AS null;
SET client_min_messages = warning;

-- ---- what is an error all the same ----------------------------------------

SELECT is(pg_temp.verdict('SELECT kms_try_decrypt(%L, %L)', kms_encrypt(:'key', 'x'::text)::text, context), '22023|InvalidParameter', format('%s is no context', context))
  FROM unnest(ARRAY['[]', '1', '{"a": 1}']) context;
SELECT is(pg_temp.verdict('SELECT kms_try_decrypt(%L, %L)', kms_encrypt(:'key', 'x'::text)::text, jsonb_build_object('a', repeat('x', 9000))::text), '22023|InvalidParameter', 'nor is one that is too long');
SELECT kms_encrypt(:'other', 'x'::text) AS blob, set_byte(kms_encrypt(:'other', 'x'::text), 45, 0) AS damaged, kms_envelope_encrypt(:'other', 'x'::text) AS long \gset
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_try_decrypt(%L)', blob), '42501|Forbidden.NoPermission', what || ' is refused to who may not decrypt it')
  FROM (VALUES (:'blob', 'a ciphertext'), (:'damaged', 'a damaged one'), (:'long', 'an envelope')) t (blob, what);
SELECT kms_disable_key(:'other') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_try_decrypt(%L)', blob), '55000|Rejected.Disabled', 'with its key disabled ' || what || ' is an error')
  FROM (VALUES (:'blob', 'a ciphertext'), (:'damaged', 'a damaged one'), (:'long', 'an envelope')) t (blob, what);
SELECT kms_enable_key(:'other') \g /dev/null
SAVEPOINT tampered;
UPDATE kms.key_version SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE key_id = :'other';
SELECT is(pg_temp.verdict('SELECT kms_try_decrypt(%L)', :'blob'), 'XX001|Rejected.Unavailable', 'with its key damaged too');
ROLLBACK TO tampered;
SELECT kms_schedule_key_deletion(:'other', 7) \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_try_decrypt(%L)', :'blob'), '55000|Rejected.PendingDeletion', 'with its key scheduled for deletion too');
SELECT kms_test.let_time_pass() \g /dev/null
/* The date comes while the session has the key in its cache. */
UPDATE kms.key SET delete_at = clock_timestamp() + interval '300 milliseconds' WHERE id = :'other';
SELECT is(pg_temp.verdict('SELECT kms_try_decrypt(%L)', :'blob'), '55000|Rejected.PendingDeletion', 'until the delete date');
SELECT pg_sleep(0.4) \g /dev/null
SELECT ok(kms_try_decrypt(:'blob') IS NULL, 'from then on its version does not exist'),
	   ok(kms_try_decrypt(:'long') IS NULL, 'for envelopes neither'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L)', :'blob'), format('42704|Forbidden.KeyNotFound|key version "%s" does not exist', (SELECT id FROM kms.key_version WHERE key_id = :'other')), 'which kms_decrypt says as an error');

-- ---- planning, memory, uses ------------------------------------------------

SELECT kms_encrypt(:'key', 'x'::text) AS blob, set_byte(kms_encrypt(:'key', 'x'::text), 45, 0) AS damaged \gset
SELECT calls AS calls, failures AS failures FROM kms.key_usage WHERE key_id = :'key' AND operation = 'Decrypt' \gset
SET client_min_messages = notice;
EXPLAIN SELECT * FROM pg_class WHERE relname::bytea < kms_try_decrypt(:'damaged') \g /dev/null
SET client_min_messages = warning;
SELECT is((SELECT (calls, failures)::text FROM kms.key_usage WHERE key_id = :'key' AND operation = 'Decrypt'), format('(%s,%s)', :calls, :failures), 'what a plan only estimates with is not reported and not counted');
SELECT count(kms_try_decrypt(:'damaged')), count(kms_try_decrypt(:'blob')) FROM generate_series(1, 10) \g /dev/null
SELECT is((SELECT (calls, failures)::text FROM kms.key_usage WHERE key_id = :'key' AND operation = 'Decrypt'), format('(%s,%s)', :calls + 20, :failures + 10), 'what does not open counts as a failure');
SELECT is((SELECT count(kms_try_decrypt(blob, '{"a": "1"}')) FROM report, generate_series(1, 2000)), 4000::bigint, 'tens of thousands of bad ones in one statement are read over');
CREATE FUNCTION pg_temp.cancelled(blob bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM count(kms_try_decrypt(blob)) FROM generate_series(1, 100000000);
	RETURN false;
EXCEPTION WHEN query_canceled THEN
	RETURN true;
END $$;
SET LOCAL statement_timeout = '200ms';
SELECT ok(pg_temp.cancelled(:'damaged'), 'a cancelled statement ends');
RESET statement_timeout;
SELECT is(kms_try_decrypt_text(:'blob'), 'x', 'after all that a ciphertext opens');

SELECT * FROM finish();
ROLLBACK;
