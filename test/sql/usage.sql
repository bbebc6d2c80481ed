-- How much keys are used: what counts, as what, for whom.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(48);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

CREATE ROLE kms_test_user;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_user;
SET ROLE kms_test_user;
SELECT kms_create_key() AS key, kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC') AS mac,
	   kms_create_key('EC_P256', 'SIGN/VERIFY') AS signer, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS pair,
	   kms_create_key() AS other \gset
SELECT kms_encrypt(:'other', 'x') AS blob, kms_encrypt(:'other', 'y') AS damaged \gset
SELECT set_byte(:'damaged'::bytea, 57, get_byte(:'damaged'::bytea, 57) # 1) AS damaged,
	   set_byte(:'damaged'::bytea, 0, 2) AS unfit \gset

-- What an operation of a key has come to: calls/failures/bytes.
CREATE FUNCTION pg_temp.used(key text, what text) RETURNS text LANGUAGE sql AS
	$$SELECT concat_ws('/', sum(calls), sum(failures), sum(bytes)) FROM kms.key_usage WHERE key_id = $1::uuid AND operation = $2$$;

-- ---- every operation ----------------------------------------------------------

SELECT is(pg_temp.used(:'key', 'Encrypt'), '', 'what was never done is not shown');
SELECT count(kms_encrypt(:'key', 'abcde'::bytea)) FROM generate_series(1, 10) \g /dev/null
SELECT is(pg_temp.used(:'key', 'Encrypt'), '10/0/50', 'each call of kms_encrypt counts, with the bytes of the plaintext');
SELECT kms_encrypt(:'key', 'ä'::text) \g /dev/null
SELECT is(pg_temp.used(:'key', 'Encrypt'), '11/0/52', 'of text, its UTF-8');
SELECT kms_encrypt(:'key', NULL::bytea) \g /dev/null
SELECT is(pg_temp.used(:'key', 'Encrypt'), '11/0/52', 'a NULL is no use');
SELECT count(kms_decrypt(kms_encrypt(:'key', 'abcde'::bytea))) FROM generate_series(1, 7) \g /dev/null
SELECT is(pg_temp.used(:'key', 'Encrypt'), '18/0/87', 'two operations in turn: one of them');
SELECT is(pg_temp.used(:'key', 'Decrypt'), '7/0/35', 'and the other');
SELECT kms_decrypt_text(kms_encrypt(:'key', 'abc'::text)) \g /dev/null
SELECT is(pg_temp.used(:'key', 'Decrypt'), '8/0/38', 'kms_decrypt_text is Decrypt');
SELECT kms_decrypt(kms_envelope_encrypt(:'key', repeat('x', 100000))) = '' \g /dev/null
SELECT is(pg_temp.used(:'key', 'Encrypt'), '20/0/100090', 'an envelope is one call');
SELECT is(pg_temp.used(:'key', 'Decrypt'), '9/0/100038', 'and its decryption another');

SELECT * FROM kms_generate_data_key(:'key', 'AES_128') \g /dev/null
SELECT * FROM kms_generate_data_key_without_plaintext(:'key', NULL, 100) \g /dev/null
SELECT is(pg_temp.used(:'key', 'GenerateDataKey'), '1/0/16', 'data keys count with their length');
SELECT is(pg_temp.used(:'key', 'GenerateDataKeyWithoutPlaintext'), '1/0/100', 'those without plaintext on their own');

SELECT kms_re_encrypt(kms_encrypt(:'other', 'abc'::text), :'key') \g /dev/null
SELECT is(pg_temp.used(:'key', 'ReEncrypt'), '1/0/3', 'ReEncrypt is a use of the new key');
SELECT is(pg_temp.used(:'other', 'ReEncrypt'), '1/0/3', 'and of the old one');
SELECT is(pg_temp.used(:'other', 'Decrypt'), '', 'which is not decrypted with besides');

SELECT kms_verify_mac(:'mac', 'message', kms_generate_mac(:'mac', 'message')),
	   kms_verify_mac(:'mac', 'message', kms_generate_mac(:'mac', 'another')),
	   kms_blind_index(:'mac', 'four') \g /dev/null
SELECT is(pg_temp.used(:'mac', 'GenerateMac'), '3/0/18', 'MACs and blind indexes count with the message');
SELECT is(pg_temp.used(:'mac', 'VerifyMac'), '2/0/14', 'a code that does not fit is an answer, no failure');

SELECT key_version_id AS signer_version FROM kms_list_key_versions(:'signer') \gset
SELECT key_version_id AS pair_version FROM kms_list_key_versions(:'pair') \gset
SELECT kms_asymmetric_verify(:'signer', :'signer_version', 'ECDSA_SHA_256', sha256('a'),
		kms_asymmetric_sign(:'signer', :'signer_version', 'ECDSA_SHA_256', sha256('b'))) \g /dev/null
SELECT is(pg_temp.used(:'signer', 'AsymmetricSign'), '1/0/32', 'signatures count with the digest');
SELECT is(pg_temp.used(:'signer', 'AsymmetricVerify'), '1/0/32', 'a signature that does not fit is an answer, no failure');
SELECT kms_get_public_key(:'signer', :'signer_version') \g /dev/null
SELECT is(pg_temp.used(:'signer', 'GetPublicKey'), '1/0/0', 'public keys count without bytes');
SELECT kms_asymmetric_decrypt(:'pair', :'pair_version', 'RSAES_OAEP_SHA_256',
		kms_asymmetric_encrypt(:'pair', :'pair_version', 'RSAES_OAEP_SHA_256', 'abcd')) \g /dev/null
SELECT is(pg_temp.used(:'pair', 'AsymmetricEncrypt'), '1/0/4', 'public-key encryption counts with the plaintext');
SELECT is(pg_temp.used(:'pair', 'AsymmetricDecrypt'), '1/0/4', 'and so does decryption');

-- ---- failures ------------------------------------------------------------------

SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'damaged'), '22023|InvalidParameter', 'a damaged ciphertext does not open');
SELECT is(pg_temp.used(:'other', 'Decrypt'), '1/1/0', 'that is a call and a failure, without bytes');
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'unfit'), '22023|InvalidParameter', 'nor does one of another form than its key has');
SELECT is(pg_temp.used(:'other', 'Decrypt'), '2/2/0', 'that is one, too');
SELECT kms_decrypt(:'blob') \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '3/2/1', 'a good one after them is a call more');
SELECT count(pg_temp.verdict('SELECT kms_decrypt(%L)', :'damaged')) FROM generate_series(1, 100) \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '103/102/1', 'errors that are caught in a loop count one by one');
SELECT pg_temp.verdict('SELECT kms_asymmetric_decrypt(%L, %L, ''RSAES_OAEP_SHA_256'', ''\x00'')', :'pair', :'pair_version') \g /dev/null
SELECT is(pg_temp.used(:'pair', 'AsymmetricDecrypt'), '2/1/4', 'a public-key ciphertext that does not open is a failure');
SELECT pg_temp.verdict('SELECT kms_re_encrypt(%L, %L)', :'damaged', :'key') \g /dev/null
SELECT is(pg_temp.used(:'other', 'ReEncrypt') || ' ' || pg_temp.used(:'key', 'ReEncrypt'), '2/1/3 1/0/3',
		  'ReEncrypt of a damaged ciphertext is a failure of the old key and no use of the new one');
SELECT pg_temp.verdict('SELECT kms_encrypt(%L, repeat(''x'', 6145))', :'key') \g /dev/null
SELECT is(pg_temp.used(:'key', 'Encrypt'), '20/0/100090', 'what is refused before the key is used does not count');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_encrypt(%L, ''x'')', :'key'), '42501|Forbidden.NoPermission', 'strangers are refused');
SET ROLE kms_test_user;
SELECT is(pg_temp.used(:'key', 'Encrypt'), '20/0/100090', 'and count not either');

-- ---- transactions and plans ------------------------------------------------------

BEGIN;
SELECT kms_decrypt(:'blob') \g /dev/null
SAVEPOINT s;
SELECT kms_decrypt(:'blob') \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '105/102/3', 'uses show at once in their own transaction');
ROLLBACK TO s;
SELECT kms_decrypt(:'blob') \g /dev/null
ROLLBACK;
SELECT is(pg_temp.used(:'other', 'Decrypt'), '106/102/4', 'what was rolled back has been used all the same');

EXPLAIN SELECT * FROM pg_class WHERE relname::bytea = kms_decrypt(:'blob') \g /dev/null
EXPLAIN SELECT * FROM pg_class WHERE relname::bytea < kms_decrypt(:'blob') \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '106/102/4', 'planning is no use');
SELECT pg_temp.verdict('EXPLAIN SELECT * FROM pg_class WHERE relname::bytea < kms_decrypt(%L)', :'damaged') \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '106/102/4', 'nor is an error of it a failure');
SELECT count(*) FROM (VALUES ('a'::bytea)) v (b) WHERE b < kms_decrypt(:'blob') \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '107/102/5', 'the execution is one');

RESET ROLE;
CREATE TABLE public.kms_test_rows AS SELECT n, :'blob'::bytea AS blob FROM generate_series(1, 2000) n;
ALTER TABLE public.kms_test_rows SET (parallel_workers = 2);
GRANT SELECT ON public.kms_test_rows TO kms_test_user;
SET ROLE kms_test_user;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT count(kms_decrypt(blob)) FROM public.kms_test_rows \g /dev/null
SELECT is(pg_temp.used(:'other', 'Decrypt'), '2107/102/2005', 'parallel workers count, and all of them');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- ---- versions, roles, the table ---------------------------------------------------

SELECT kms_create_key_version(:'key') AS new_version \gset
SELECT kms_encrypt(:'key', 'new'::text) \g /dev/null
SELECT results_eq(format('SELECT key_version_id = %L, calls, failures, bytes FROM kms.key_usage WHERE key_id = %L AND operation = ''Encrypt'' ORDER BY calls', :'new_version', :'key'),
				  'VALUES (true, 1::bigint, 0::bigint, 3::bigint), (false, 20, 0, 100090)', 'each version has its own numbers');
SELECT ok(bool_and(last_used_at BETWEEN now() - interval '1 minute' AND clock_timestamp()), 'the last use was a moment ago') FROM kms.key_usage;
SELECT isnt_empty('SELECT 1 FROM kms.key_usage', 'the owner sees numbers');
RESET ROLE;
SET ROLE kms_test_stranger;
SELECT is_empty('SELECT 1 FROM kms.key_usage', 'others see none');
SELECT is_empty('SELECT 1 FROM kms.counted_usage()', 'nor the counters behind them');
SELECT is(pg_temp.verdict('SELECT 1 FROM kms.usage_entry'), '42501|', 'nor the table');
RESET ROLE;

CREATE TEMP VIEW mine AS SELECT u.* FROM kms.key_usage u JOIN kms.key k ON k.id = u.key_id WHERE k.owner_name = 'kms_test_user';
CREATE TEMP TABLE before AS SELECT * FROM mine;
SELECT count(*) FROM kms_run_jobs() \g /dev/null
SELECT set_eq('SELECT * FROM mine', 'SELECT * FROM before', 'storing the numbers changes none of them');
SELECT set_eq('SELECT key_id, key_version_id, operation, calls, failures, bytes, last_used_at FROM kms.usage_entry WHERE key_id IN (SELECT key_id FROM mine)', 'SELECT * FROM before',
			  'they are all in the table');
BEGIN;
SELECT count(*) FROM kms_run_jobs() \g /dev/null
SET LOCAL ROLE kms_test_user;
SELECT kms_decrypt(kms_encrypt(:'key', 'xy'::text)) \g /dev/null
RESET ROLE;
SAVEPOINT s;
SELECT count(*) FROM kms_run_jobs() \g /dev/null
ROLLBACK TO s;
ROLLBACK;
SELECT count(*) FROM kms_run_jobs() \g /dev/null
SELECT count(*) FROM kms_run_jobs() \g /dev/null
SELECT results_eq(format('SELECT calls, bytes FROM kms.key_usage WHERE key_version_id = %L ORDER BY operation DESC', :'new_version'),
				  'VALUES (2::bigint, 5::bigint), (1, 2)', 'storing that is rolled back, or done twice, counts nothing twice and loses nothing');

UPDATE kms.key SET state = 'PendingDeletion', delete_at = clock_timestamp() - interval '1 ms' WHERE id = :'other';
SELECT is_empty(format('SELECT 1 FROM kms.key_usage WHERE key_id = %L', :'other'), 'a key whose delete date has come shows no numbers');

SELECT kms_test.stop_time() IS NULL AS ignored \gset
SELECT * FROM finish();
DROP VIEW mine;
DROP TABLE public.kms_test_rows;
DELETE FROM kms.key WHERE owner = 'kms_test_user'::regrole;
DROP OWNED BY kms_test_user;
DROP ROLE kms_test_user, kms_test_stranger;
