-- The end of a key: protecting, scheduling, cancelling, past the date, erasing.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(215);

SELECT kms_create_key() AS key \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob \gset

-- ---- the waiting period ---------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_schedule_key_deletion(%L, %s)', :'key', days::text),
		  '22023|InvalidParameter|invalid value for pending_window_in_days: it must be 7 to 366', format('a key is not deleted after %s days', days))
  FROM unnest(ARRAY[6, 367, 0, -1, -7, 2147483647, -2147483648]) WITH ORDINALITY t (days, n) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_schedule_key_deletion(%L, NULL)', :'key'), '22004|MissingParameter|pending_window_in_days must not be null', 'the days must be given'),
	   is(pg_temp.verdict('SELECT kms_schedule_key_deletion(NULL, 7)'), '22004|MissingParameter', 'and the key'),
	   is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L, 7.5)', :'key'), '42883|', 'and the days be whole'),
	   is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L)', :'key'), '42883|', 'there is no default');
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'a refused deletion leaves the key as it was'),
	   ok((kms_describe_key(:'key')).delete_date IS NULL, 'without a date');

CREATE FUNCTION pg_temp.window(key_id text, days integer) RETURNS boolean LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	before timestamptz = clock_timestamp();
	delete_date timestamptz = kms_schedule_key_deletion(key_id, days);
	after timestamptz = clock_timestamp();
	described timestamptz = (kms_describe_key(key_id)).delete_date;
BEGIN
	PERFORM kms_cancel_key_deletion(key_id);
	RETURN described = delete_date AND delete_date BETWEEN before + days * interval '24 hours' AND after + days * interval '24 hours';
END
$$;
SELECT ok(pg_temp.window(:'key', days), format('a key may be deleted after %s days of 24 hours', days)) FROM unnest(ARRAY[7, 8, 30, 365, 366]) WITH ORDINALITY t (days, n) ORDER BY n;

SELECT kms_schedule_key_deletion(:'key', pending_window_in_days => 7) AS date \gset
SELECT is((kms_describe_key(:'key')).key_state, 'PendingDeletion', 'the key is pending deletion then'),
	   is((kms_describe_key(:'key')).delete_date, :'date', 'with the date that was returned'),
	   is(key_state || ' ' || delete_date::text, 'PendingDeletion ' || :'date', 'and so the view has it')
  FROM kms.keys WHERE key_id = :'key';
SELECT is(pg_temp.complaint('SELECT kms_encrypt(%L, %L::text)', :'key', 'x'), format('55000|Rejected.PendingDeletion|key "%s" is pending deletion', :'key'), 'it does not encrypt'),
	   is(pg_temp.hint('SELECT kms_encrypt(%L, %L::text)', :'key', 'x'), 'Its owner can call kms_cancel_key_deletion.', 'the way out is hinted at'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), '55000|Rejected.PendingDeletion', 'nor decrypt');
SELECT is(pg_temp.complaint('SELECT kms_schedule_key_deletion(%L, 30)', :'key'), format('55000|Rejected.StateModifiedFailed|key "%s" is pending deletion already', :'key'), 'it is not scheduled again'),
	   is(pg_temp.hint('SELECT kms_schedule_key_deletion(%L, 30)', :'key'), 'To move the date, cancel the deletion and schedule it anew.', 'but the date can be moved');
SELECT is((kms_describe_key(:'key')).delete_date, :'date', 'and the date stays');

-- ---- cancelling -----------------------------------------------------------

SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'cancelled, the key is enabled'),
	   ok((kms_describe_key(:'key')).delete_date IS NULL, 'and has no date'),
	   is(kms_decrypt_text(:'blob'), 'x', 'and decrypts what it encrypted before'),
	   is(kms_decrypt_text(kms_encrypt(:'key', 'x'::text)), 'x', 'and encrypts');
SELECT is(pg_temp.complaint('SELECT kms_cancel_key_deletion(%L)', :'key'), format('55000|Rejected.StateModifiedFailed|key "%s" is not pending deletion', :'key'), 'what is not planned is not cancelled');
SELECT is(pg_temp.verdict('SELECT kms_cancel_key_deletion(%L)', '00000000-0000-4000-8000-000000000000'), '42704|Forbidden.KeyNotFound', 'nor for a key that never was'),
	   is(pg_temp.verdict('SELECT kms_cancel_key_deletion(NULL)'), '22004|MissingParameter', 'nor for none');

SELECT kms_disable_key(:'key') IS NULL AS ignored \gset
SELECT kms_schedule_key_deletion(:'key', 7) AS ignored \gset
SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'a key that was disabled before is enabled, too'),
	   is(kms_decrypt_text(:'blob'), 'x', 'and works');
SELECT kms_create_key(origin => 'EXTERNAL') AS external \gset
SELECT kms_schedule_key_deletion(:'external', 7) AS ignored \gset
SELECT is((kms_describe_key(:'external')).key_state, 'PendingDeletion', 'a key without material can be deleted');
SELECT kms_cancel_key_deletion(:'external') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'external')).key_state, 'PendingImport', 'cancelled, it waits for its material again');

SELECT (kms_describe_key(:'key')).arn AS arn \gset
SELECT is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L, 7)', upper(:'key')), 'fine', 'a key to delete may be named in capitals'),
	   is(pg_temp.verdict('SELECT kms_cancel_key_deletion(%L)', :'arn'), 'fine', 'or by its ARN');
SELECT kms_create_alias(:'key', 'alias/deletion');
SELECT is(pg_temp.complaint(statement, 'alias/deletion'), '0A000|Unsupported.Alias|key_id must be a key id or ARN here, not an alias', what || ' takes no alias'),
	   is(pg_temp.verdict(statement, 'alias/nobody'), '0A000|Unsupported.Alias', 'even if there is none, ' || what)
  FROM (VALUES ('SELECT kms_schedule_key_deletion(%L, 7)', 'ScheduleKeyDeletion'), ('SELECT kms_cancel_key_deletion(%L)', 'CancelKeyDeletion'),
			   ('SELECT kms_set_deletion_protection(%L, true)', 'SetDeletionProtection')) t (statement, what);

-- ---- protection -----------------------------------------------------------

SELECT kms_set_deletion_protection(:'key', true, 'holds the Kundendaten für 2026') IS NULL AS ignored \gset
SELECT is((d).deletion_protection, 'Enabled', 'a protected key is described as such'),
	   is((d).deletion_protection_description, 'holds the Kundendaten für 2026', 'with the reason')
  FROM (SELECT kms_describe_key(:'key') AS d OFFSET 0) t;
SELECT is(pg_temp.complaint('SELECT kms_schedule_key_deletion(%L, 7)', :'key'), format('55000|Rejected.StateModifiedFailed|key "%s" is protected against deletion', :'key'), 'it is not deleted'),
	   is(pg_temp.hint('SELECT kms_schedule_key_deletion(%L, 7)', :'key'), 'Its owner can call kms_set_deletion_protection.', 'the way out is hinted at'),
	   is((kms_describe_key(:'key')).key_state, 'Enabled', 'but stays enabled'),
	   is(kms_decrypt_text(:'blob'), 'x', 'and works');
SELECT kms_disable_key(:'key') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L, 7)', :'key'), '55000|Rejected.StateModifiedFailed', 'a disabled key that is protected is not deleted either');
SELECT kms_enable_key(:'key') IS NULL AS ignored \gset
SELECT kms_set_deletion_protection(:'key', true) IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).deletion_protection, 'Enabled', 'it may be protected again'),
	   ok((kms_describe_key(:'key')).deletion_protection_description IS NULL, 'for no reason');
SELECT kms_set_deletion_protection(:'key', true, '') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).deletion_protection, 'Enabled', 'or an empty one');
SELECT is(pg_temp.verdict('SELECT kms_set_deletion_protection(%L, true, repeat(%L, 8192))', :'key', 'ü'), 'fine', 'a reason may have 8192 characters'),
	   is(length((kms_describe_key(:'key')).deletion_protection_description), 8192, 'and is kept'),
	   is(pg_temp.complaint('SELECT kms_set_deletion_protection(%L, true, repeat(%L, 8193))', :'key', 'ü'),
		  '22023|InvalidParameter|invalid value for deletion_protection_description: it is longer than 8192 characters', 'but not 8193'),
	   is(pg_temp.verdict('SELECT kms_set_deletion_protection(%L, false, repeat(%L, 8193))', :'key', 'ü'), '22023|InvalidParameter', 'also where it does not count'),
	   is((kms_describe_key(:'key')).deletion_protection, 'Enabled', 'and what is refused changes nothing');
SELECT kms_set_deletion_protection(:'key', false, 'no more') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).deletion_protection, 'Disabled', 'protection is lifted'),
	   ok((kms_describe_key(:'key')).deletion_protection_description IS NULL, 'and the reason goes with it, whatever is given'),
	   is(pg_temp.verdict('SELECT kms_set_deletion_protection(%L, false)', :'key'), 'fine', 'twice is as good as once');
SELECT is(pg_temp.verdict('SELECT kms_set_deletion_protection(%L, NULL)', :'key'), '22004|MissingParameter', 'which of both must be said'),
	   is(pg_temp.verdict('SELECT kms_set_deletion_protection(%L, true)', '00000000-0000-4000-8000-000000000000'), '42704|Forbidden.KeyNotFound', 'a key that never was is not protected');
SELECT is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L, 7)', :'key'), 'fine', 'unprotected, the key can be deleted'),
	   is(pg_temp.verdict('SELECT kms_set_deletion_protection(%L, true)', :'key'), '55000|Rejected.PendingDeletion', 'and then it is too late to protect it');
SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset

-- ---- rotation meanwhile ---------------------------------------------------

SELECT kms_update_rotation_policy(:'key', true, '30 days') IS NULL AS ignored \gset
SELECT kms_schedule_key_deletion(:'key', 7) AS ignored \gset
SELECT is((kms_describe_key(:'key')).automatic_rotation, 'Suspended', 'until it is deleted, automatic rotation is suspended'),
	   is((kms_describe_key(:'key')).rotation_interval, '30 days', 'but the interval stays');
SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).automatic_rotation, 'Enabled', 'cancelled, it goes on');
SELECT kms_update_rotation_policy(:'key', false) IS NULL AS ignored \gset

-- ---- who may --------------------------------------------------------------

CREATE ROLE kms_test_keeper;
CREATE ROLE kms_test_member IN ROLE kms_test_keeper;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_keeper;
SET ROLE kms_test_keeper;
SELECT kms_create_key() AS kept \gset
RESET ROLE;
CREATE TEMP TABLE ending (n serial, statement text, what text);
GRANT ALL ON ending TO PUBLIC;
INSERT INTO ending (statement, what) VALUES ('SELECT kms_set_deletion_protection(%1$L, false)', 'protects'), ('SELECT kms_schedule_key_deletion(%1$L, 7)', 'schedules'),
	('SELECT kms_cancel_key_deletion(%1$L)', 'cancels');
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement, :'kept'), '42501|Forbidden.NoPermission', 'a stranger never ' || what),
	   is(pg_temp.verdict_as('kms_test_keeper', statement, :'kept'), 'fine', 'an owner ' || what),
	   is(pg_temp.verdict_as('kms_test_stranger', statement, :'kept'), '42501|Forbidden.NoPermission', 'a stranger is told nothing of the state when he ' || what)
  FROM ending ORDER BY n;
SELECT is(pg_temp.verdict_as('kms_test_member', statement, :'kept'), 'fine', 'a member of the owner ' || what) FROM ending ORDER BY n;
SELECT is(pg_temp.verdict(statement, :'kept'), 'fine', 'a superuser ' || what) FROM ending ORDER BY n;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_schedule_key_deletion(%L, 1000)', :'kept'), '22023|InvalidParameter', 'a bad number is bad for everybody');

-- ---- read only ------------------------------------------------------------

SAVEPOINT writable;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict(statement, :'key'), '25006|UnsupportedOperation', 'nobody ' || what || ' in a read-only transaction') FROM ending ORDER BY n;
ROLLBACK TO writable;

-- ---- rolled back ----------------------------------------------------------

SAVEPOINT before;
SELECT kms_schedule_key_deletion(:'key', 7) AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), '55000|Rejected.PendingDeletion', 'a deletion counts at once in its own transaction');
ROLLBACK TO before;
SELECT is(kms_decrypt_text(:'blob'), 'x', 'rolled back, the key works');
SELECT kms_schedule_key_deletion(:'key', 7) AS ignored \gset
SAVEPOINT scheduled;
SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset
ROLLBACK TO scheduled;
SELECT is((kms_describe_key(:'key')).key_state, 'PendingDeletion', 'a cancellation that was rolled back leaves it pending');
SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset
DO $$
BEGIN
	FOR i IN 1 .. 1000 LOOP
		BEGIN
			PERFORM kms_schedule_key_deletion((SELECT key_id::text FROM kms.aliases WHERE alias_name = 'alias/deletion'), i % 7);
			RAISE 'not refused';
		EXCEPTION WHEN invalid_parameter_value THEN
		END;
	END LOOP;
END
$$;
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'a thousand refusals caught leave the key as it was');

-- ---- past the date --------------------------------------------------------

\set operations :here /sql/include/operations.psql
\i :operations
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
UPDATE kms.key SET delete_at = clock_timestamp() WHERE id IN (SELECT key_id::uuid FROM subject WHERE state = 'PendingDeletion' AND NOT external);
SELECT key_id AS gone, version_id AS gone_version, blob AS gone_blob, alias AS gone_alias FROM subject WHERE state = 'PendingDeletion' AND kind = 'cipher' AND NOT external \gset
/* What tries to decrypt reads over it: test/sql/try_decrypt.sql. */
SELECT is(pg_temp.operate(o, s), CASE WHEN o.name ~ 'trying$' THEN 'fine' ELSE '42704|Forbidden.KeyNotFound' END || ', PendingDeletion', 'from the delete date on: ' || o.name)
  FROM operation o, subject s WHERE s.state = 'PendingDeletion' AND NOT s.external AND s.kind = o.kind AND o.name !~ '^CancelKeyDeletion' ORDER BY o.n;
SELECT is(pg_temp.operate(jsonb_populate_record(o, jsonb_build_object('statement', replace(o.statement, '%1$L', '%4$L'))), s),
		  '42704|Forbidden.KeyNotFound, PendingDeletion', 'also by its alias: ' || o.name)
  FROM operation o, subject s WHERE s.state = 'PendingDeletion' AND NOT s.external AND s.kind = o.kind AND o.by_alias ORDER BY o.n;
SELECT is(pg_temp.operate(jsonb_populate_record(o, jsonb_build_object('statement', replace(o.statement, '%1$L', quote_literal(format('acs:kms:%s:%s:key/%s', current_setting('kms.region'), a.id, s.key_id))))), s),
		  '42704|Forbidden.KeyNotFound, PendingDeletion', 'also by its ARN: ' || o.name)
  FROM operation o, subject s, kms.account a WHERE s.state = 'PendingDeletion' AND NOT s.external AND s.kind = o.kind
   AND o.name IN ('DescribeKey', 'EnableKey', 'ScheduleKeyDeletion', 'Encrypt', 'AsymmetricSign', 'AsymmetricDecrypt', 'GenerateMac') ORDER BY o.n;
SELECT is(pg_temp.complaint('SELECT kms_describe_key(%L)', :'gone'), format('42704|Forbidden.KeyNotFound|key "%s" does not exist', :'gone'), 'in the same words as a key that never was');
SELECT is_empty(format('SELECT FROM %s WHERE %I = %L', relation, 'key_id', :'gone'), relation || ' does not show it')
  FROM unnest(ARRAY['kms.keys', 'kms.key_versions', 'kms.aliases', 'kms_list_keys()', 'kms_list_keys(''[{"Key": "KeyState", "Values": ["PendingDeletion"]}]'')', 'kms_list_aliases()']) relation;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_describe_key(%L)', :'gone'), '42704|Forbidden.KeyNotFound', 'a stranger learns no more of it'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_cancel_key_deletion(%L)', :'gone'), '42501|Forbidden.NoPermission', 'and does not bring it back');
SELECT is((SELECT count(*) FROM kms.key_version WHERE key_id = :'gone'), 1::bigint, 'while no worker has come, its row is there');

SAVEPOINT late;
SELECT is(pg_temp.verdict('SELECT kms_cancel_key_deletion(%L)', :'gone'), 'fine', 'and its deletion can still be cancelled');
SELECT is((kms_describe_key(:'gone')).key_state, 'Enabled', 'then it is enabled'),
	   is(kms_decrypt_text(:'gone_blob'::bytea), 'x', 'and decrypts'),
	   is(kms_decrypt_text(kms_encrypt(:'gone_alias', 'y'::text)), 'y', 'and encrypts by its alias'),
	   is((SELECT count(*) FROM kms.keys WHERE key_id = :'gone'), 1::bigint, 'and is shown');
ROLLBACK TO late;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'gone_blob'), '42704|Forbidden.KeyNotFound', 'rolled back, it is gone again');

-- ---- erased ---------------------------------------------------------------

SELECT results_eq(format('SELECT job, outcome, detail FROM kms_run_jobs() WHERE resource = %L', :'gone'),
				  $$VALUES ('KeyDeletion', 'done', NULL::text)$$, 'a key whose date has come is erased');
SELECT is_empty(format('SELECT FROM kms.%I WHERE %I = %L', name, field, :'gone'), format('with its rows of kms.%s', name))
  FROM (VALUES ('key', 'id'), ('key_version', 'key_id'), ('alias', 'key_id')) t (name, field);
SELECT is(pg_temp.verdict('SELECT kms_cancel_key_deletion(%L)', :'gone'), '42704|Forbidden.KeyNotFound', 'and then it is too late to cancel'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', :'gone_alias', 'x'), '42704|Forbidden.AliasNotFound', 'its alias leads nowhere'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L)', :'gone_blob'), format('42704|Forbidden.KeyNotFound|key version "%s" does not exist', :'gone_version'), 'what it encrypted names the version that is missing'),
	   is(pg_temp.verdict('SELECT kms_create_alias(%L, %L)', :'key', :'gone_alias'), 'fine', 'its alias is free again');
SELECT is(kms_decrypt_text(:'blob'), 'x', 'other keys are as they were'),
	   is((SELECT count(*) FROM subject s JOIN kms.key k ON k.id = s.key_id::uuid), (SELECT count(*) FROM subject WHERE external OR state <> 'PendingDeletion'), 'all of them');
ROLLBACK TO late;
SELECT kms_cancel_key_deletion(:'gone') IS NULL AS ignored \gset
SELECT is(kms_decrypt_text(:'gone_blob'::bytea), 'x', 'an erasure that was rolled back has taken nothing');

SELECT * FROM finish();
ROLLBACK;
