-- Work that is due: kms_run_jobs, kms.jobs, failures, copies.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(119);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

/* Another test may have left something to do; here it is about ours. */
SELECT count(*) AS ignored FROM kms_run_jobs() \gset
CREATE FUNCTION pg_temp.make_due(key_id uuid) RETURNS uuid LANGUAGE plpgsql AS
$$
BEGIN
	UPDATE kms.key SET rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() - interval '1 day' WHERE id = key_id AND state = 'Enabled';
	/* After the server has started: what came before has a grace. */
	UPDATE kms.key SET delete_at = clock_timestamp() WHERE id = key_id AND state = 'PendingDeletion';
	RETURN key_id;
END
$$;
CREATE FUNCTION pg_temp.rotating() RETURNS uuid LANGUAGE sql AS $$ SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') $$;
CREATE FUNCTION pg_temp.ending() RETURNS uuid LANGUAGE plpgsql AS
$$ DECLARE key_id uuid = kms_create_key(); BEGIN PERFORM kms_schedule_key_deletion(key_id::text, 7); RETURN key_id; END $$;

/* Compared with texts of ours, which have the collation of the database. */
CREATE TEMP VIEW jobs AS
	SELECT job COLLATE "default" AS job, resource, due_at, outcome COLLATE "default" AS outcome, detail, attempts, last_run, next_run FROM kms.jobs;

-- ---- nothing, something ---------------------------------------------------

SELECT is_empty('SELECT * FROM kms_run_jobs()', 'with nothing due nothing is done'),
	   is((SELECT count(*) FROM kms_run_jobs()), 0::bigint, 'however often');
SELECT pg_temp.rotating() AS turns, pg_temp.ending() AS ends, kms_create_key() AS stays \gset
SELECT is_empty('SELECT * FROM kms_run_jobs()', 'nothing is done before its date'),
	   results_eq(format('SELECT job, resource, outcome, detail, attempts, last_run, next_run = due_at, due_at FROM jobs WHERE resource IN (%L, %L, %L) ORDER BY due_at', :'turns', :'ends', :'stays'),
				  format('SELECT job, key_id::uuid, outcome, detail, attempts, last_run, is_next, due_at
						    FROM (VALUES (%L, %L, %L, NULL::text, 0, NULL::timestamptz, true, (kms_describe_key(%2$L)).delete_date),
										 (%4$L, %5$L, %3$L, NULL, 0, NULL, true, (kms_describe_key(%5$L)).next_rotation_date)) t (job, key_id, outcome, detail, attempts, last_run, is_next, due_at)',
						 'KeyDeletion', :'ends', 'due', 'KeyRotation', :'turns'), 'the view says what will be done, and when');
SELECT pg_temp.make_due(:'turns') AS ignored, pg_temp.make_due(:'ends') AS ignored \gset
SELECT bag_eq('SELECT * FROM kms_run_jobs()',
			  format('VALUES (%L, %L, %L, NULL::text), (%L, %L, %3$L, NULL)', 'KeyRotation', :'turns', 'done', 'KeyDeletion', :'ends'), 'on its date each is done');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'turns')), 2::bigint, 'the key that rotates has a new version'),
	   is((kms_describe_key(:'turns')).next_rotation_date, (kms_describe_key(:'turns')).last_rotation_date + interval '720 hours', 'and a new date'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'ends'), '42704|Forbidden.KeyNotFound', 'the key that ends is gone'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'stays'), 'fine', 'the other is there');
SELECT is_empty('SELECT * FROM kms_run_jobs()', 'what is done is not done again');
SELECT results_eq(format('SELECT job, outcome, detail, attempts, due_at, last_run >= now(), next_run FROM jobs WHERE resource IN (%L, %L) AND outcome = %L ORDER BY job', :'turns', :'ends', 'done'),
				  $$VALUES ('KeyDeletion', 'done', NULL::text, 1, NULL::timestamptz, true, NULL::timestamptz), ('KeyRotation', 'done', NULL, 1, NULL, true, NULL)$$, 'the view keeps what was done'),
	   results_eq(format('SELECT job, outcome FROM jobs WHERE resource = %L AND due_at IS NOT NULL', :'turns'), $$VALUES ('KeyRotation', 'due')$$, 'and shows what comes next');
UPDATE kms.job SET ran_at = now() - interval '31 days' WHERE resource = :'ends';
SELECT is_empty('SELECT * FROM kms_run_jobs()', 'after a month');
SELECT is_empty(format('SELECT FROM jobs WHERE resource = %L', :'ends'), 'it is forgotten');

/* A date that was written by hand, on a key that does not rotate. */
SAVEPOINT sound;
SELECT kms_create_key('EC_P256') AS pair \gset
UPDATE kms.key SET rotation_seconds = 2592000, next_rotation_at = clock_timestamp() - interval '1 day' WHERE id = :'pair';
SELECT results_eq('SELECT outcome COLLATE "default" FROM kms_run_jobs()', ARRAY['failed'], 'a pair does not rotate'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'pair')), 1::bigint, 'it keeps its one version');
ROLLBACK TO sound;

-- ---- rolled back ----------------------------------------------------------

SELECT pg_temp.make_due(:'turns') AS ignored, pg_temp.make_due(pg_temp.ending()) AS ends \gset
SAVEPOINT before;
SELECT is((SELECT count(*) FROM kms_run_jobs()), 2::bigint, 'two things are done');
ROLLBACK TO before;
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'turns')), 2::bigint, 'rolled back, neither the rotation'),
	   is((SELECT count(*) FROM kms.key WHERE id = :'ends'), 1::bigint, 'nor the erasure has happened'),
	   is((SELECT count(*) FROM jobs WHERE resource IN (:'turns', :'ends') AND outcome = 'due'), 2::bigint, 'and both are due');
SELECT is((SELECT count(*) FROM kms_run_jobs()), 2::bigint, 'and done when asked again');

-- ---- in order, and more than one batch ------------------------------------

SELECT count(pg_temp.make_due(pg_temp.rotating())) AS ignored FROM generate_series(1, 200) \gset
SELECT is((SELECT count(*) FROM jobs WHERE outcome = 'due' AND due_at < now()), 200::bigint, 'of two hundred that are due'),
	   is((SELECT count(*) FROM kms_run_jobs() WHERE outcome = 'done'), 200::bigint, 'each is done in one call');
SELECT is((SELECT count(*) FROM jobs WHERE outcome = 'due' AND due_at < now()), 0::bigint, 'then none is due'),
	   is((SELECT max(n) FROM (SELECT count(*) AS n FROM kms.key_version GROUP BY key_id) t WHERE n > 4), NULL, 'and none was rotated twice');

-- ---- failures -------------------------------------------------------------

SELECT pg_temp.make_due(pg_temp.rotating()) AS turns, pg_temp.make_due(pg_temp.ending()) AS ends, pg_temp.rotating() AS later \gset
SELECT kms_encrypt(:'turns', 'x'::text) AS blob \gset
CREATE TEMP TABLE sound AS SELECT account_id, version, wrapped FROM kms.domain_key;
/* Where nothing can be recorded, nothing is erased either, unless nothing is to be recorded. */
SET LOCAL kms.audit = 'off';
UPDATE kms.domain_key SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1);
SELECT bag_eq('SELECT * FROM kms_run_jobs()',
			  format('VALUES (%L, %L, %L, %L), (%L, %L, %3$L, %4$L)', 'KeyRotation', :'turns', 'failed', 'domain key 1 has been damaged or tampered with', 'KeyDeletion', :'ends'),
			  'what fails is reported, and does not stop the others');
SELECT is((SELECT count(*) FROM kms.key WHERE id = :'ends'), 1::bigint, 'an erasure that failed has left the key');
SELECT is((SELECT count(*) FROM kms.key_version WHERE key_id = :'turns'), 1::bigint, 'a rotation that failed has made no version'),
	   is((SELECT primary_version FROM kms.key WHERE id = :'turns'), (SELECT id FROM kms.key_version WHERE key_id = :'turns'), 'and left the primary one');
SELECT is(job || ' ' || outcome || ' ' || attempts, 'KeyRotation failed 1', 'the view shows the failure'),
	   is(detail, 'domain key 1 has been damaged or tampered with', 'and why'),
	   ok(last_run >= now(), 'and when'),
	   ok(next_run - last_run BETWEEN interval '59 seconds' AND interval '61 seconds', 'a worker tries again a minute later')
  FROM jobs WHERE resource = :'turns';
SELECT bag_eq('SELECT resource, outcome FROM kms_run_jobs()', format('VALUES (%L, %L), (%L, %2$L)', :'turns', 'failed', :'ends'), 'asked by hand it is tried at once');
SELECT is(attempts, 2, 'and counted'),
	   ok(next_run - last_run BETWEEN interval '119 seconds' AND interval '121 seconds', 'then a worker waits twice as long')
  FROM jobs WHERE resource = :'turns';
SELECT count(*) AS ignored FROM generate_series(1, 12), LATERAL (SELECT count(*) FROM kms_run_jobs()) r \gset
DO $$ BEGIN FOR i IN 1 .. 12 LOOP PERFORM kms_run_jobs(); END LOOP; END $$;
SELECT cmp_ok(attempts, '>=', 14, 'it is tried as often as one asks'),
	   ok(next_run - last_run BETWEEN interval '23 hours 59 minutes' AND interval '24 hours 1 minute', 'and by a worker once a day at least')
  FROM jobs WHERE resource = :'turns';
UPDATE kms.domain_key d SET wrapped = s.wrapped FROM sound s WHERE (s.account_id, s.version) = (d.account_id, d.version);
SET LOCAL kms.audit = 'changes';
SELECT bag_eq('SELECT resource, outcome, detail FROM kms_run_jobs()', format('VALUES (%L, %L, NULL::text), (%L, %2$L, NULL)', :'turns', 'done', :'ends'), 'mended, it is done');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'turns')), 2::bigint, 'once'),
	   is(kms_decrypt_text(:'blob'), 'x', 'and the old version decrypts'),
	   is((SELECT count(*) FROM jobs WHERE resource = :'turns' AND outcome = 'failed'), 0::bigint, 'and no failure is shown any more'),
	   is((SELECT attempts FROM jobs WHERE resource = :'turns' AND outcome = 'due'), 0, 'the next time begins from the first attempt');
/* A key that cannot be read at all. */
SELECT pg_temp.make_due(:'turns') AS ignored, pg_temp.make_due(:'later') AS ignored \gset
SAVEPOINT sound;
UPDATE kms.key SET spec = 'Unheard' WHERE id = :'turns';
SELECT is(pg_temp.verdict('SELECT * FROM kms_run_jobs()'), 'fine', 'a key with a row that nobody understands does not stop the others');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'later')), 2::bigint, 'which are done');
ROLLBACK TO sound;
/* A key whose row was tampered with: nothing that cannot be undone is done to it. */
SELECT pg_temp.make_due(pg_temp.ending()) AS ends \gset
SET LOCAL session_replication_role = replica;
UPDATE kms.key SET description = 'tampered with' WHERE id IN (:'turns', :'ends');
SET LOCAL session_replication_role = origin;
SELECT bag_eq('SELECT resource, outcome, detail FROM kms_run_jobs()',
			  format('VALUES (%1$L, %4$L, replace(%6$L, %7$L, %1$L)), (%2$L, %4$L, replace(%6$L, %7$L, %2$L)), (%3$L, %5$L, NULL)', :'turns', :'ends', :'later', 'failed', 'done',
					 'the row of key "KEY" has been damaged or tampered with', 'KEY'), 'a key whose row was changed by hand is neither rotated nor erased, others are');
SELECT is((SELECT count(*) FROM kms.key_version WHERE key_id IN (:'turns', :'ends')), 3::bigint, 'it has its versions');
ROLLBACK TO sound;

-- ---- found late -----------------------------------------------------------

SELECT count(*) AS ignored FROM kms_run_jobs() \gset
SELECT pg_temp.ending() AS late \gset
SAVEPOINT late;
UPDATE kms.key SET delete_at = clock_timestamp() - interval '10 days' WHERE id = :'late';
SELECT is((SELECT outcome || ': ' || detail FROM kms_run_jobs() WHERE resource = :'late'),
		  'waiting: its date was found to have passed long before: kms.deletion_grace runs', 'what is found long after its date is not erased at once');
SELECT next_run AS until FROM kms.jobs WHERE resource = :'late' \gset
SELECT is(:'until'::timestamptz > clock_timestamp() + interval '59 minutes', true, 'but after the grace');
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'late'), 'waiting', 'asked again it waits'),
	   is((SELECT next_run FROM kms.jobs WHERE resource = :'late'), :'until'::timestamptz, 'no longer than that');
UPDATE kms.job SET retry_at = clock_timestamp() WHERE resource = :'late';
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'late'), 'done', 'then it is erased');
ROLLBACK TO late;
/* The same again from a backup, that of another account beside ours. */
UPDATE kms.key SET delete_at = clock_timestamp() WHERE id = :'late';
INSERT INTO kms.account VALUES (9999999999999999, clock_timestamp(), 1, 1);
SELECT is((SELECT detail FROM kms_run_jobs() WHERE resource = :'late'), 'this database is a copy or was restored: call kms_confirm_home()', 'what a restore has brought along is not erased'),
	   is(pg_temp.verdict('SELECT kms_confirm_home()'), 'fine', 'until that is confirmed');
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'late'), 'done', 'for all of it');
ROLLBACK TO late;

-- ---- a copy ---------------------------------------------------------------

SELECT count(*) AS ignored FROM kms_run_jobs() \gset
SELECT pg_temp.make_due(pg_temp.rotating()) AS turns, pg_temp.make_due(pg_temp.ending()) AS ends \gset
SAVEPOINT home;
UPDATE kms.account SET home_database = home_database::bigint + 1;
SELECT bag_eq('SELECT * FROM kms_run_jobs()',
			  format('VALUES (%L, %L, %L, NULL), (%L, %L, %L, %L)', 'KeyRotation', :'turns', 'done', 'KeyDeletion', :'ends', 'waiting',
					 'this database is a copy or was restored: call kms_confirm_home()'), 'a copy erases nothing, but rotates');
SELECT is((SELECT count(*) FROM kms.key_version WHERE key_id = :'ends'), 1::bigint, 'the key is there'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'ends'), '42704|Forbidden.KeyNotFound', 'and gone for everybody who asks'),
	   is((SELECT outcome || ': ' || detail FROM jobs WHERE resource = :'ends'), 'waiting: this database is a copy or was restored: call kms_confirm_home()', 'the view says that it waits, and for what');
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'ends'), 'waiting', 'asked again it waits');
SELECT is(pg_temp.verdict('SELECT kms_confirm_home()'), 'fine', 'the copy becomes a home of its own');
SELECT results_eq('SELECT resource, outcome, detail FROM kms_run_jobs()', format('VALUES (%L, %L, NULL::text)', :'ends', 'done'), 'and erases what is due');
ROLLBACK TO home;
UPDATE kms.account SET home_system = home_system + 1;
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'ends'), 'waiting', 'so it is in another cluster');
SELECT kms_confirm_home() IS NULL AS ignored \gset
SAVEPOINT confirmed;
SELECT is((SELECT home_database || ' ' || home_system FROM kms.account),
		  (SELECT d.oid || ' ' || s.system_identifier FROM pg_database d, pg_control_system() s WHERE d.datname = current_database()), 'home is this database of this cluster'),
	   is((SELECT outcome FROM jobs WHERE resource = :'ends'), 'due', 'what waited is due');
ROLLBACK TO home;
SELECT kms_cancel_key_deletion(:'ends') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_confirm_home()'), 'fine', 'at home one may confirm it again');
SELECT is((SELECT count(*) FROM kms_run_jobs() WHERE resource = :'ends'), 0::bigint, 'a deletion that was cancelled in time is not done');

-- ---- imported material ----------------------------------------------------

\set operations :here /sql/include/operations.psql
\i :operations
SELECT key_id AS imported, version_id AS imported_version, blob AS imported_blob, token AS imported_token, sealed AS imported_sealed
  FROM subject WHERE state = 'Enabled' AND external \gset
SELECT is_empty('SELECT * FROM kms_run_jobs()', 'material that does not expire is left alone');
SELECT kms_import_key_material(:'imported', :'imported_sealed'::bytea, :'imported_token'::bytea, now() + interval '1 hour') IS NULL AS ignored \gset
SELECT is((SELECT job || ' ' || outcome FROM jobs WHERE resource = :'imported'), 'MaterialExpiry due', 'the view says when material will expire'),
	   is(kms_decrypt_text(:'imported_blob'::bytea), 'x', 'until then the key works');
UPDATE kms.key SET material_expires_at = clock_timestamp() WHERE id = :'imported';
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'imported_blob'), '55000|Rejected.PendingImport', 'expired, it does not, before any worker comes'),
	   is((kms_describe_key(:'imported')).key_state, 'PendingImport', 'and is described so');
SELECT results_eq('SELECT job, resource, outcome, detail FROM kms_run_jobs()', format('VALUES (%L, %L, %L, NULL::text)', 'MaterialExpiry', :'imported', 'done'), 'then it is erased');
SELECT is((SELECT octet_length(wrapped) FROM kms.key_version WHERE id = :'imported_version'), 0, 'its version stays, without material'),
	   is((SELECT state FROM kms.key WHERE id = :'imported'), 'PendingImport', 'and the key waits for it'),
	   is_empty('SELECT * FROM kms_run_jobs()', 'once'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'imported_blob'), '55000|Rejected.PendingImport', 'what it encrypted does not open');
SELECT kms_import_key_material(:'imported', :'imported_sealed'::bytea, :'imported_token'::bytea) IS NULL AS ignored \gset
SELECT is(kms_decrypt_text(:'imported_blob'::bytea), 'x', 'the same material again opens it'),
	   is((SELECT count(*) FROM jobs WHERE resource = :'imported' AND due_at IS NOT NULL), 0::bigint, 'and is not due to expire');
/* A disabled key's material expires as well; that of one that is pending deletion goes with the key. */
SELECT kms_disable_key(:'imported') IS NULL AS ignored \gset
UPDATE kms.key SET material_expires_at = clock_timestamp() WHERE id = :'imported';
SELECT is((SELECT job || ' ' || outcome FROM kms_run_jobs() WHERE resource = :'imported'), 'MaterialExpiry done', 'material of a disabled key expires');
SELECT key_id AS doomed FROM subject WHERE state = 'PendingDeletion' AND external \gset
UPDATE kms.key SET material_expires_at = clock_timestamp() WHERE id = :'doomed';
SELECT is_empty(format('SELECT FROM kms_run_jobs() WHERE resource = %L', :'doomed'), 'material of a key that is pending deletion is kept until its date');
SELECT pg_temp.make_due(:'doomed') AS ignored \gset
SELECT results_eq(format('SELECT job, outcome, detail FROM kms_run_jobs() WHERE resource = %L', :'doomed'), $$VALUES ('KeyDeletion', 'done', NULL::text)$$, 'and goes with it then');
SELECT is_empty(format('SELECT FROM kms.key_version WHERE key_id = %L', :'doomed'), 'with its version'),
	   is_empty(format('SELECT FROM kms.import_token WHERE key_id = %L', :'doomed'), 'and its tokens');
UPDATE kms.account SET home_database = home_database::bigint + 1;
SELECT kms_import_key_material(:'imported', :'imported_sealed'::bytea, :'imported_token'::bytea) IS NULL AS ignored \gset
UPDATE kms.key SET material_expires_at = clock_timestamp() WHERE id = :'imported';
SELECT is((SELECT job || ' ' || outcome FROM kms_run_jobs() WHERE resource = :'imported'), 'MaterialExpiry waiting', 'in a copy nothing is erased'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'imported_blob'), '55000|Rejected.PendingImport', 'but it does not open either');
SELECT kms_confirm_home() IS NULL AS ignored \gset
SELECT count(*) AS ignored FROM kms_run_jobs() \gset
SELECT is((SELECT octet_length(wrapped) FROM kms.key_version WHERE id = :'imported_version'), 0, 'until the copy is confirmed');
/* Tokens are no jobs of their own. */
UPDATE kms.import_token SET expires_at = clock_timestamp() WHERE key_id = :'imported';
SELECT is(pg_temp.verdict('SELECT kms_import_key_material(%L, %L, %L)', :'imported', :'imported_sealed', :'imported_token'), '22023|ExpiredImportToken', 'a token that has expired is refused');
SELECT is_empty('SELECT * FROM kms_run_jobs()', 'its end is no job');
SELECT is((SELECT count(*) FROM kms.import_token WHERE key_id = :'imported' AND octet_length(wrapped) > 0), 0::bigint, 'but its private key is erased');

-- ---- who sees and who may -------------------------------------------------

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_member IN ROLE kms_test_owner;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
GRANT EXECUTE ON FUNCTION kms_run_jobs TO kms_test_stranger;
SET ROLE kms_test_owner;
SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS owned \gset
RESET ROLE;
CREATE FUNCTION pg_temp.sees(role name, job_outcome text) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE n bigint; BEGIN EXECUTE format('SET LOCAL ROLE %I', role); SELECT count(*) INTO n FROM kms.jobs WHERE outcome = job_outcome; RESET ROLE; RETURN n; END $$;
SELECT is(pg_temp.sees(role, 'due'), n::bigint, role || CASE n WHEN 1 THEN ' sees' ELSE ' does not see' END || ' what is due for the owner''s key')
  FROM (VALUES ('kms_test_owner', 1), ('kms_test_member', 1), ('kms_test_stranger', 0)) t (role, n);
SELECT pg_temp.make_due(:'owned') AS ignored \gset
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT * FROM kms_run_jobs()'), '42501|', 'who was not granted it does not run the jobs'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_confirm_home()'), '42501|', 'nor confirm a home');
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT * FROM kms_run_jobs()'), 'fine', 'who was granted it does, whoever owns the keys');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'owned')), 2::bigint, 'and the work is done'),
	   is(kms_decrypt_text(kms_encrypt(:'stays', 'x'::text)), 'x', 'and the caller is who he was');
SELECT is(pg_temp.sees(role, 'done'), n::bigint, role || CASE n WHEN 1 THEN ' sees' ELSE ' does not see' END || ' what was done with the owner''s key')
  FROM (VALUES ('kms_test_owner', 1), ('kms_test_member', 1), ('kms_test_stranger', 0)) t (role, n);
SET ROLE kms_test_owner;
SELECT kms_schedule_key_deletion(:'owned', 7) AS ignored, kms_create_key() AS kept \gset
RESET ROLE;
SELECT pg_temp.make_due(:'owned') AS ignored \gset
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'owned'), 'done', 'when the key itself is erased');
SELECT is(pg_temp.sees(role, 'done'), n::bigint, role || CASE WHEN n > 0 THEN ' still sees' ELSE ' does not see' END || ' that it was')
  FROM (VALUES ('kms_test_owner', 2), ('kms_test_member', 2), ('kms_test_stranger', 0)) t (role, n);
SELECT kms_set_owner(:'kept', 'kms_test_stranger') IS NULL AS ignored \gset
SELECT is(pg_temp.sees('kms_test_owner', 'done'), 0::bigint, 'a role that owns nothing any more and holds no grant sees nothing, either');

-- ---- columns --------------------------------------------------------------

CREATE TABLE public.kms_test_column (id integer PRIMARY KEY, v text, gone text);
ALTER TABLE public.kms_test_column OWNER TO kms_test_owner;
INSERT INTO kms.column_job VALUES ('kms_test_column'::regclass, 2, 'ColumnEncryption', timestamptz '2026-01-01 12:00 UTC', '2026-01-01 12:00:10 UTC', NULL, 1000, 500),
	('kms_test_column'::regclass, 2, 'ColumnReEncryption', '2026-01-01 11:00 UTC', '2026-01-01 11:00:20 UTC', '2026-01-01 11:00:20 UTC', 1000, 1000),
	('kms_test_column'::regclass, 3, 'ColumnEncryption', '2026-01-01 12:00 UTC', '2026-01-01 12:00 UTC', NULL, 0, 0);
CREATE TEMP VIEW column_jobs AS SELECT job COLLATE "default" AS job, outcome COLLATE "default" AS outcome, name COLLATE "default" AS name, done, total, rows_per_second, estimated_end, last_run, resource, due_at, next_run FROM kms.jobs WHERE name ~* 'kms.test.{1,2}column';
SELECT results_eq('SELECT job, outcome, name, done, total, rows_per_second, estimated_end FROM column_jobs ORDER BY name DESC, job',
				  $$VALUES ('ColumnEncryption', 'interrupted', 'public.kms_test_column.v', 500::bigint, 1000::bigint, 50::bigint, NULL::timestamptz), ('ColumnReEncryption', 'done', 'public.kms_test_column.v', 1000, 1000, 50, NULL),
						   ('ColumnEncryption', 'interrupted', 'public.kms_test_column.gone', 0, 0, 0, NULL)$$, 'the view shows how far columns are, and what stopped on its way'),
	   is_empty('SELECT FROM column_jobs WHERE num_nonnulls(resource, due_at, next_run) > 0 OR last_run IS NULL', 'which no worker does');
ALTER TABLE kms_test_column DROP COLUMN gone;
ALTER TABLE kms_test_column RENAME TO "kms test. Column";
SELECT results_eq('SELECT DISTINCT name FROM column_jobs', $$VALUES ('public."kms test. Column".v')$$, 'under their present names, as long as they are there');
CREATE FUNCTION pg_temp.sees_columns(role name) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE n bigint; BEGIN EXECUTE format('SET LOCAL ROLE %I', role); SELECT count(*) INTO n FROM kms.jobs WHERE name ~* 'kms.test.{1,2}column'; RESET ROLE; RETURN n; END $$;
SELECT is(pg_temp.sees_columns('kms_test_owner'), 2::bigint, 'the owner of the table sees it'),
	   is(pg_temp.sees_columns('kms_test_stranger'), 0::bigint, 'who has no right on it does not');
GRANT REFERENCES (v) ON "kms test. Column" TO kms_test_stranger;
SELECT is(pg_temp.sees_columns('kms_test_stranger'), 2::bigint, 'who has any, does');
DROP TABLE "kms test. Column";
SELECT is_empty('SELECT FROM column_jobs', 'with the table it is gone');

-- ---- read only, no service ------------------------------------------------

SAVEPOINT writable;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict(statement), '25006|UnsupportedOperation', statement || ' is refused in a read-only transaction')
  FROM unnest(ARRAY['SELECT * FROM kms_run_jobs()', 'SELECT kms_confirm_home()']) statement;
SELECT is(pg_temp.verdict('SELECT * FROM kms.jobs'), 'fine', 'but the view is read');
ROLLBACK TO writable;
SAVEPOINT opened;
DELETE FROM kms.key;
DELETE FROM kms.account;
SELECT is(pg_temp.verdict('SELECT * FROM kms_run_jobs()'), 'fine', 'where the service is not open there is nothing to do'),
	   is(pg_temp.verdict('SELECT kms_confirm_home()'), '55000|Forbidden.KmsServiceNotEnabled', 'and no home to confirm');
ROLLBACK TO opened;
SELECT is(kms_decrypt_text(kms_encrypt(:'stays', 'x'::text)), 'x', 'in the end a key that nothing was due for works');

SELECT * FROM finish();
ROLLBACK;
