-- Parallel workers: they decrypt and read secrets, with the state and the rights of their leader.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(43);

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET max_parallel_workers = 2;
SET parallel_leader_participation = off;

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key('SM4') AS other \gset
SELECT kms_create_alias(:'key', 'alias/parallel');
SELECT kms_create_key('EC_P256') AS signer, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS opener, kms_create_key('HMAC_SHA_256') AS mac_key \gset
RESET ROLE;
CREATE TABLE public.kms_test_rows AS SELECT n, NULL::bytea AS blob, jsonb_build_object('row', n::text) AS context FROM generate_series(1, 20000) n;
GRANT ALL ON public.kms_test_rows TO PUBLIC;
SET ROLE kms_test_owner;
UPDATE public.kms_test_rows SET blob = kms_encrypt(CASE n % 2 WHEN 0 THEN :'key' ELSE :'other' END, n::text, context);
RESET ROLE;
ALTER TABLE public.kms_test_rows SET (parallel_workers = 2);
ANALYZE public.kms_test_rows;

CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || statement LOOP
		plan = plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;

SET ROLE kms_test_owner;
SELECT matches(pg_temp.plan_of('SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows'), 'Workers Launched: [12]',
			   'an aggregate over kms_decrypt_text runs in workers');
SELECT is((SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows), 200010000::numeric,
		  'and the result is right, with keys made in this transaction');
SELECT matches(pg_temp.plan_of('SELECT count(*) FROM public.kms_test_rows WHERE kms_decrypt(kms_encrypt(''alias/parallel'', n::text)) = n::text::bytea'), 'Workers Launched: [12]',
			   'so does one that encrypts by alias');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE kms_decrypt(kms_encrypt('alias/parallel', n::text)) = n::text::bytea), 20000::bigint, 'and its result is right');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE kms_decrypt_text(kms_re_encrypt(blob, 'alias/parallel', context)) = n::text), 20000::bigint, 're-encryption in workers is right');
SELECT is((SELECT count(DISTINCT substr(kms_encrypt('alias/parallel', 'x'::text), 18, 24)) FROM public.kms_test_rows), 20000::bigint, 'workers do not share nonces');
SELECT is((SELECT count(DISTINCT kms_generate_random(16)) FROM public.kms_test_rows), 20000::bigint, 'nor random bytes');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE kms_decrypt((kms_generate_data_key(:'key', 'AES_128')).ciphertext_blob) IS NOT NULL AND n <= 2000), 2000::bigint, 'data keys are made in workers');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE (kms_describe_key(:'key')).key_state = 'Enabled' AND (kms_ciphertext_info(blob)).key_id IS NOT NULL AND n <= 2000), 2000::bigint,
		  'keys and ciphertexts are described in workers');
SELECT is((SELECT count(*) FROM public.kms_test_rows r, LATERAL kms_list_keys() k WHERE r.n <= 100 AND k.key_id = :'key'), 100::bigint, 'and listed');

SELECT matches(pg_temp.plan_of(format('SELECT count(*) FROM public.kms_test_rows WHERE kms_verify_mac(%1$L, n::text::bytea, kms_generate_mac(%1$L, n::text::bytea))', :'mac_key')), 'Workers Launched: [12]',
			   'MACs are made and verified in workers');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE kms_verify_mac(:'mac_key', n::text::bytea, kms_generate_mac(:'mac_key', n::text::bytea))), 20000::bigint, 'and are right'),
	   is((SELECT count(DISTINCT kms_blind_index(:'mac_key', (n % 100)::text)) FROM public.kms_test_rows), 100::bigint, 'blind indexes made in workers are the same for the same value');
SELECT matches(pg_temp.plan_of(format('SELECT count(*) FROM public.kms_test_rows WHERE n <= 500 AND kms_asymmetric_verify(%1$L, NULL, ''ECDSA_SHA_256'', sha256(n::text::bytea), kms_asymmetric_sign(%1$L, NULL, ''ECDSA_SHA_256'', sha256(n::text::bytea)))', :'signer')), 'Workers Launched: [12]',
			   'signatures are made and verified in workers');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE n <= 500 AND kms_asymmetric_verify(:'signer', NULL, 'ECDSA_SHA_256', sha256(n::text::bytea), kms_asymmetric_sign(:'signer', NULL, 'ECDSA_SHA_256', sha256(n::text::bytea)))), 500::bigint, 'and are right'),
	   is((SELECT count(*) FROM public.kms_test_rows WHERE n <= 100 AND kms_asymmetric_decrypt(:'opener', NULL, 'SM2PKE', kms_asymmetric_encrypt(:'opener', NULL, 'SM2PKE', n::text::bytea)) = n::text::bytea), 100::bigint, 'so are pairs that decrypt'),
	   is((SELECT count(*) FROM public.kms_test_rows WHERE n <= 1000 AND kms_decrypt_text(kms_envelope_encrypt(:'key', repeat(n::text, 20000), context), context) = repeat(n::text, 20000)), 1000::bigint, 'and envelopes'),
	   is((SELECT count(DISTINCT kms_get_public_key(:'signer')) FROM public.kms_test_rows WHERE n <= 1000), 1::bigint, 'and a public key is the same in all of them');
SAVEPOINT disabled;
SELECT kms_disable_key(:'signer'), kms_disable_key(:'mac_key');
SELECT is(pg_temp.verdict('SELECT count(kms_asymmetric_sign(%L, NULL, ''ECDSA_SHA_256'', sha256(n::text::bytea))) FROM public.kms_test_rows', :'signer'), '55000|Rejected.Disabled', 'a pair disabled in this transaction does not sign in workers'),
	   is(pg_temp.verdict('SELECT count(kms_generate_mac(%L, n::text::bytea)) FROM public.kms_test_rows', :'mac_key'), '55000|Rejected.Disabled', 'nor does such a key make MACs');
ROLLBACK TO disabled;
/* Secrets, made and changed in this transaction. */
SELECT kms_create_secret('parallel/' || n, 'v1', 'value ' || n, encryption_key_id => CASE n % 2 WHEN 0 THEN :'key' END) FROM generate_series(1, 10) n \g /dev/null
SELECT matches(pg_temp.plan_of('SELECT count((kms_get_secret_value(''parallel/'' || 1 + n % 10)).secret_data) FROM public.kms_test_rows WHERE n <= 1000'), 'Workers Launched: [12]', 'secrets are read in workers');
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE (kms_get_secret_value('parallel/' || 1 + n % 10)).secret_data = 'value ' || 1 + n % 10 AND n <= 1000), 1000::bigint, 'and are right'),
	   is((SELECT count(*) FROM public.kms_test_rows WHERE (kms_describe_secret('parallel/' || 1 + n % 10)).secret_type = 'Generic' AND n <= 2000), 2000::bigint, 'they are described'),
	   is((SELECT count(*) FROM public.kms_test_rows r, LATERAL kms_list_secret_version_ids('parallel/' || 1 + r.n % 10) v WHERE r.n <= 1000 AND v.version_stages = '{ACSCurrent}'), 1000::bigint, 'and so are their versions'),
	   is((SELECT count(*) FROM public.kms_test_rows r, LATERAL kms_list_secrets() s WHERE r.n <= 100 AND s.secret_name ~ '^parallel/'), 1000::bigint, 'they are listed'),
	   is((SELECT count(*) FROM public.kms_test_rows WHERE kms_can('GetSecretValue', 'secret/parallel/1') AND n <= 2000), 2000::bigint, 'and asked for');
SAVEPOINT changed;
SELECT kms_put_secret_value('parallel/1', 'v2', 'another value'::text) \g /dev/null
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE (kms_get_secret_value('parallel/1')).secret_data = 'another value' AND n <= 1000), 1000::bigint, 'workers read a version stored in this transaction');
SELECT kms_delete_secret('parallel/1') \g /dev/null
SELECT is(pg_temp.verdict('SELECT count((kms_get_secret_value(''parallel/1'')).secret_data) FROM public.kms_test_rows'), '55000|Rejected.ResourceInDeleteWindow', 'and not what was deleted in it');
ROLLBACK TO changed;
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE (kms_get_secret_value('parallel/1')).secret_data = 'value 1' AND n <= 1000), 1000::bigint, 'rolled back, they read what was there before');
SELECT kms_disable_key(:'key') \g /dev/null
SELECT is(pg_temp.verdict('SELECT count((kms_get_secret_value(''parallel/2'')).secret_data) FROM public.kms_test_rows'), '55000|Rejected.Disabled', 'nor do they read with a key disabled in this transaction'),
	   is(pg_temp.verdict('SELECT count((kms_get_secret_value(''parallel/1'')).secret_data) FROM public.kms_test_rows WHERE n <= 1000'), 'fine', 'with another they do');
SELECT kms_enable_key(:'key') \g /dev/null
SELECT doesnt_match(pg_temp.plan_of('SELECT count(kms_update_secret(''parallel/1'', n::text)) FROM public.kms_test_rows WHERE n < 10'), 'Workers', 'what changes a secret does not run in workers');

SELECT kms_create_key_version(:'key') AS version \gset
SELECT is((SELECT count(*) FROM public.kms_test_rows WHERE (kms_ciphertext_info(kms_encrypt('alias/parallel', 'x'::text))).key_version_id = :'version'), 20000::bigint, 'workers encrypt with a version made in this transaction');
SELECT kms_disable_key(:'other');
SELECT is(pg_temp.verdict('SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows'), '55000|Rejected.Disabled', 'a key disabled in this transaction is disabled in workers'),
	   is(pg_temp.verdict('SELECT count(*) FROM public.kms_test_rows WHERE kms_encrypt(%L, ''x''::text) IS NULL', :'other'), '55000|Rejected.Disabled', 'for encrypting too');
SELECT kms_enable_key(:'other');
SELECT is((SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows), 200010000::numeric, 'and enabled when it is enabled');
SAVEPOINT undone;
SELECT kms_disable_key(:'other');
ROLLBACK TO undone;
SELECT is((SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows), 200010000::numeric, 'and when its disabling is rolled back');

SET ROLE kms_test_stranger;
SELECT is(pg_temp.verdict('SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows'), '42501|Forbidden.NoPermission', 'workers have the rights of the role that is set, and no others'),
	   is(pg_temp.verdict('SELECT count((kms_get_secret_value(''parallel/1'')).secret_data) FROM public.kms_test_rows'), '42501|Forbidden.NoPermission', 'with secrets, too');
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows'), '42501|Forbidden.NoPermission', 'those of a superuser suffice for nothing');
SET kms.superuser_may_use = on;
SELECT is((SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows), 200010000::numeric, 'workers have the settings of their leader');
RESET kms.superuser_may_use;
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT sum(kms_decrypt_text(blob)::bigint) FROM public.kms_test_rows'), '22023|InvalidParameter', 'an error in a worker is the error of the statement');
SELECT doesnt_match(pg_temp.plan_of(format('SELECT count(kms_update_key_description(%L, n::text)) FROM public.kms_test_rows WHERE n < 10', :'key')), 'Workers', 'what writes does not run in workers');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
