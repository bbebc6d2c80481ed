-- Parallel workers: they decrypt, with the state and the rights of their leader.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(20);

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET max_parallel_workers = 2;
SET parallel_leader_participation = off;

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key('SM4') AS other \gset
SELECT kms_create_alias(:'key', 'alias/parallel');
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
SELECT is(pg_temp.verdict('SELECT sum(kms_decrypt_text(blob, context)::bigint) FROM public.kms_test_rows'), '42501|Forbidden.NoPermission', 'workers have the rights of the role that is set, and no others');
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
