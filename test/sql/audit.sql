-- The audit log: what leaves a row, who sees it, and that tampering is found.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(150);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

/* Material sealed with the OpenSSL command line. */
CREATE TEMP TABLE sealed (base64 text);
CREATE FUNCTION pg_temp.seal(public_key bytea, material bytea) RETURNS bytea LANGUAGE plpgsql AS
$$
BEGIN
	DELETE FROM sealed;
	EXECUTE format('COPY sealed FROM PROGRAM %L', format(
		'bash -c ''echo %s | base64 -d | openssl pkeyutl -encrypt -pubin -keyform DER -inkey <(echo %s | base64 -d)'
		' -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 | base64 -w 0''',
		replace(encode(material, 'base64'), E'\n', ''), replace(encode(public_key, 'base64'), E'\n', '')));
	RETURN decode(base64, 'base64') FROM sealed;
END
$$;

/* Compared with texts of ours, which have the collation of the database. */
CREATE TEMP VIEW log AS
	SELECT seq, occurred_at, session_user_name COLLATE "default" AS session_user_name, user_name COLLATE "default" AS user_name,
		   application_name COLLATE "default" AS application_name, client_address COLLATE "default" AS client_address,
		   operation COLLATE "default" AS operation, resource_type COLLATE "default" AS resource_type, resource COLLATE "default" AS resource,
		   detail COLLATE "default" AS detail, result COLLATE "default" AS result, api_code COLLATE "default" AS api_code
	  FROM kms.audit_log;
/* What was done with one key since a row of the log. */
CREATE FUNCTION pg_temp.done(key_id text, since bigint = 0) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(operation, ' ' ORDER BY seq, occurred_at) FROM log WHERE resource = key_id AND (seq > since OR seq IS NULL) $$;
CREATE FUNCTION pg_temp.last() RETURNS bigint LANGUAGE sql AS $$ SELECT max(seq) FROM log $$;
CREATE FUNCTION pg_temp.verify() RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(first_bad_row::text || ' ' || problem, 'sound') FROM kms_verify_audit_log() $$;
CREATE FUNCTION pg_temp.fail() RETURNS integer LANGUAGE plpgsql COST 1000 AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;

SELECT is(pg_temp.verify(), 'sound', 'what the tests before this one have done is a sound log');
SELECT is((SELECT operation || ' ' || resource_type || coalesce(resource, '') FROM log WHERE seq = 1), 'OpenKmsService service', 'which begins with the opening of the service');

-- ---- a row for each operation ------------------------------------------------

SELECT kms_create_key() AS key, kms_create_key(origin => 'EXTERNAL') AS ext \gset
SELECT (kms_describe_key(:'key')).primary_key_version AS version, pg_temp.last() AS mark \gset
SELECT is((SELECT count(*) FROM log WHERE seq > :mark - 2 AND operation = 'CreateKey' AND resource IN (:'key', :'ext')), 2::bigint, 'two keys made by one statement are two rows'),
	   is((SELECT detail FROM log WHERE resource = :'key'), 'key version ' || :'version', 'with the version'),
	   is((SELECT detail FROM log WHERE resource = :'ext'), NULL, 'or without, where there is none yet');

CREATE TEMP TABLE step (n serial, operation text, statement text, about text, detail text);
INSERT INTO step (operation, statement, about, detail) VALUES
	('DisableKey', format('SELECT kms_disable_key(%L)', :'key'), :'key', NULL),
	('EnableKey', format('SELECT kms_enable_key(%L)', :'key'), :'key', NULL),
	('EnableKey', format('SELECT kms_enable_key(%L)', :'key'), :'key', NULL),
	('UpdateKeyDescription', format('SELECT kms_update_key_description(%L, %L)', :'key', 'a description'), :'key', NULL),
	('SetDeletionProtection', format('SELECT kms_set_deletion_protection(%L, true, %L)', :'key', 'a reason'), :'key', 'on'),
	('SetDeletionProtection', format('SELECT kms_set_deletion_protection(%L, false)', :'key'), :'key', 'off'),
	('UpdateRotationPolicy', format('SELECT kms_update_rotation_policy(%L, true, %L)', :'key', '7 days'), :'key', 'on'),
	('UpdateRotationPolicy', format('SELECT kms_update_rotation_policy(%L, false)', :'key'), :'key', 'off'),
	('TagResource', format('SELECT kms_tag_resource(%L, %L)', '{"b": "a-description", "a-tag": "a-reason"}', :'key'), :'key', 'tags b, a-tag'),
	('UntagResource', format('SELECT kms_untag_resource(%L, %L)', '{b,never}', :'key'), :'key', 'tags b'),
	('UntagResource', format('SELECT kms_untag_resource(%L, %L)', '{b,never}', :'key'), :'key', NULL),
	('CreateKeyVersion', format('SELECT kms_create_key_version(%L)', :'key'), :'key', 'key version %'),
	('CreateAlias', format('SELECT kms_create_alias(%L, %L)', :'key', 'alias/audit'), :'key', 'alias/audit'),
	('UpdateAlias', format('SELECT kms_update_alias(%L, %L)', :'ext', 'alias/audit'), :'ext', 'alias/audit, before of key ' || :'key'),
	('DeleteAlias', format('SELECT kms_delete_alias(%L)', 'alias/audit'), :'ext', 'alias/audit'),
	('GetParametersForImport', format('CREATE TEMP TABLE parameter AS SELECT * FROM kms_get_parameters_for_import(%L)', :'ext'), :'ext', NULL),
	('ImportKeyMaterial', 'SELECT kms_import_key_material(key_id::text, pg_temp.seal(public_key, ''0123456789abcdef0123456789ABCDEF''), import_token) FROM parameter', :'ext', 'key version %, expires never'),
	('ImportKeyMaterial', 'SELECT kms_import_key_material(key_id::text, pg_temp.seal(public_key, ''0123456789abcdef0123456789ABCDEF''), import_token, ''2100-01-02 03:04:05+02'') FROM parameter', :'ext', 'key version %, expires 2100-01-02 01:04:05 UTC'),
	('DeleteKeyMaterial', format('SELECT kms_delete_key_material(%L)', :'ext'), :'ext', NULL),
	('ScheduleKeyDeletion', format('SELECT kms_schedule_key_deletion(%L, 7)', :'key'), :'key', 'delete date % UTC'),
	('CancelKeyDeletion', format('SELECT kms_cancel_key_deletion(%L)', :'key'), :'key', NULL),
	('ConfirmHome', 'SELECT kms_confirm_home()', NULL, NULL);
CREATE FUNCTION pg_temp.run_step(step) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	before timestamptz = clock_timestamp();
BEGIN
	PERFORM set_config('datestyle', 'SQL, DMY', true), set_config('timezone', 'Asia/Kabul', true);
	EXECUTE $1.statement;
	RETURN (SELECT string_agg(concat_ws('|', operation, resource, result, api_code), E'\n') FROM log WHERE seq IS NULL AND occurred_at BETWEEN before AND clock_timestamp()
			   AND (detail LIKE $1.detail OR detail IS NOT DISTINCT FROM $1.detail) AND user_name = current_user AND session_user_name = session_user
			   AND application_name = current_setting('application_name') AND client_address = '[local]');
END
$$;
BEGIN;
SELECT is(pg_temp.run_step(step), concat_ws('|', operation, about, 'success'), operation || ' leaves a row in the transaction') FROM step ORDER BY n;
SELECT is((SELECT count(*) FROM log WHERE seq > :mark), 0::bigint, 'which has no number yet');
COMMIT;
SELECT results_eq(format('SELECT operation, resource, result FROM log WHERE seq > %s ORDER BY seq', :'mark'), $$SELECT operation, about, 'success' FROM step ORDER BY n$$,
				  'committed, it has: the order is that of the calls');
SELECT results_eq(format('SELECT seq FROM log WHERE seq > %s ORDER BY seq', :'mark'), format('SELECT %s::bigint + n FROM step ORDER BY n', :'mark'), 'without gaps'),
	   is(pg_temp.verify(), 'sound', 'and the log is sound'),
	   is((SELECT rows_checked FROM kms_verify_audit_log()), pg_temp.last(), 'all of it was checked');
SELECT is_empty(format($$SELECT * FROM log WHERE seq > %s AND log::text ~ 'description|reason|0123456789abcdef|[0-9a-f]{64}'$$, :'mark'), 'no value is in it');

-- ---- what workers do ------------------------------------------------------------

SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS due, kms_create_key() AS ends \gset
SELECT kms_schedule_key_deletion(:'ends', 7) AS ignored, pg_temp.last() AS mark \gset
SELECT :mark + 1 AS mark \gset
UPDATE kms.key SET rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() WHERE id = :'due';
UPDATE kms.key SET delete_at = clock_timestamp() WHERE id = :'ends';
SELECT count(*) AS ignored FROM kms_run_jobs() \gset
SELECT is(pg_temp.done(:'due', :mark), 'KeyRotation', 'a rotation that was due leaves a row'),
	   is((SELECT detail FROM log WHERE resource = :'due' AND operation = 'KeyRotation'), 'key version ' || (kms_describe_key(:'due')).primary_key_version, 'with the version'),
	   is(pg_temp.done(:'ends', :mark), 'KeyDeletion', 'so does the erasing of a key'),
	   is((SELECT user_name FROM log WHERE resource = :'ends' AND operation = 'KeyDeletion'), current_user::text, 'done by the one who called for it');
SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS broken \gset
UPDATE kms.key SET rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() WHERE id = :'broken';
ALTER TABLE kms.key ADD CONSTRAINT kms_test_refusal CHECK (id <> :'broken') NOT VALID;
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'broken'), 'failed', 'a job fails');
ALTER TABLE kms.key DROP CONSTRAINT kms_test_refusal;
SELECT is((SELECT concat_ws('|', operation, result, api_code, detail) FROM log WHERE resource = :'broken' AND seq > :mark + 2 AND operation <> 'CreateKey'), 'KeyRotation|failed|SQLSTATE 23514', 'which leaves a row, too');
SELECT kms_disable_key(:'broken') AS ignored \gset

-- ---- what is rolled back --------------------------------------------------------

SELECT pg_temp.last() AS mark \gset
BEGIN;
SELECT kms_disable_key(:'key') AS ignored, kms_create_key() AS lost \gset
SELECT is(pg_temp.done(:'key', :mark), 'DisableKey', 'a change is shown');
ROLLBACK;
SELECT is(pg_temp.last(), :mark::bigint, 'rolled back, it leaves nothing'), is(pg_temp.done(:'lost'), NULL, 'nor does a key that never was');
BEGIN;
SELECT kms_disable_key(:'key') AS ignored \gset
SAVEPOINT a;
SELECT kms_enable_key(:'key') AS ignored \gset
SAVEPOINT b;
SELECT kms_update_key_description(:'key', 'b') AS ignored \gset
RELEASE b;
SELECT is(pg_temp.done(:'key', :mark), 'DisableKey EnableKey UpdateKeyDescription', 'what a savepoint holds is shown');
ROLLBACK TO a;
SELECT is(pg_temp.done(:'key', :mark), 'DisableKey', 'until it is rolled back, released parts included');
SELECT pg_temp.verdict('SELECT kms_enable_key(%L), pg_temp.fail()', :'key') AS ignored \gset
SAVEPOINT c;
SELECT kms_create_alias(:'key', 'alias/audit-c') AS ignored \gset
RELEASE c;
SELECT is(pg_temp.done(:'key', :mark), 'DisableKey CreateAlias', 'a statement that failed leaves nothing');
COMMIT;
SELECT is(pg_temp.done(:'key', :mark), 'DisableKey CreateAlias', 'what was kept is committed'), is(pg_temp.verify(), 'sound', 'and sound');
DO $$ BEGIN FOR i IN 1..20 LOOP BEGIN PERFORM kms_create_key(), pg_temp.fail(); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
SELECT is(pg_temp.last(), :mark::bigint + 2, 'nor do errors caught in a loop');
CREATE PROCEDURE pg_temp.commits(key_id text) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..3 LOOP PERFORM kms_enable_key(key_id); COMMIT; END LOOP; END $$;
CALL pg_temp.commits(:'key');
SELECT is(pg_temp.last(), :mark::bigint + 5, 'a procedure that commits leaves a row each time');
BEGIN;
SELECT kms_enable_key(:'key') AS ignored \gset
SET TRANSACTION READ ONLY;
COMMIT;
SELECT is(pg_temp.last(), :mark::bigint + 6, 'so does a transaction that was made read-only after the change');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT kms_enable_key(:'key') AS ignored \gset
COMMIT;
SELECT is(pg_temp.last(), :mark::bigint + 7, 'and a serializable one');
BEGIN;
SELECT kms_create_key() AS ignored FROM generate_series(1, 1000) \g /dev/null
COMMIT;
SELECT is(pg_temp.last(), :mark::bigint + 1007, 'and a thousand keys a thousand'), is(pg_temp.verify(), 'sound', 'soundly');

-- ---- the setting -----------------------------------------------------------------

SELECT is(current_setting('kms.audit'), 'changes', 'by default changes are recorded');
SELECT pg_temp.last() AS mark \gset
SET kms.audit = off;
SELECT kms_enable_key(:'key') AS ignored \gset
SELECT is(pg_temp.last(), :mark::bigint, 'kms.audit = off records nothing');
SET kms.audit = 'all';
SELECT kms_enable_key(:'key') AS ignored, kms_encrypt(:'key', 'x'::text) AS ignored \gset
SELECT is(pg_temp.done(:'key', :mark), 'EnableKey', 'all records changes, and uses elsewhere');
RESET kms.audit;
SELECT throws_ok('SET kms.audit = sometimes', '22023', NULL, 'there are three settings');

-- ---- secrets ----------------------------------------------------------------------

CREATE ROLE kms_test_audit_app LOGIN;
CREATE ROLE kms_test_audit_reader;
SELECT count(*) AS had_key FROM kms.alias WHERE name = 'alias/acs/secrets' \gset
SELECT pg_temp.last() AS mark \gset
SELECT kms_create_secret('audit/first', 'v1', 'surely-a-value'::text) AS ignored \gset
SELECT is((SELECT string_agg(operation || ' ' || resource_type, ', ' ORDER BY seq) FROM log WHERE seq > :mark), CASE WHEN :had_key = 0 THEN 'CreateKey key, CreateAlias key, ' ELSE '' END || 'CreateSecret secret',
		  'a first secret leaves rows of the service''s own key, and its alias, too'),
	   is((SELECT string_agg(DISTINCT user_name, ', ') FROM log WHERE seq > :mark AND resource_type = 'key' AND :had_key = 0), CASE WHEN :had_key = 0 THEN (SELECT pg_get_userbyid(extowner)::text FROM pg_extension WHERE extname = 'kms') END,
		  'made by the owner of the extension');
SELECT pg_temp.last() AS mark \gset
/* about: NULL where no row is left. */
CREATE TEMP TABLE secret_step (LIKE step INCLUDING DEFAULTS INCLUDING IDENTITY);
ALTER TABLE secret_step DROP COLUMN n, ADD COLUMN n serial;
INSERT INTO secret_step (operation, statement, about, detail) VALUES
	('CreateSecret', 'SELECT kms_create_secret(''audit/a'', ''v1'', ''surely-a-value''::text, description => ''a-description'')', 'secret/audit/a', 'version v1'),
	('CreateSecret', format('SELECT kms_create_secret(''audit/b'', ''v1'', ''surely-a-value''::bytea, encryption_key_id => %L)', :'key'), 'secret/audit/b', 'version v1'),
	('CreateSecret', 'SELECT kms_create_secret(''audit/rds'', ''v1'', ''{"Accounts": [{"AccountName": "kms_test_audit_app", "AccountPassword": "surely-a-value"}]}''::text, ''Rds'', '
					  'extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')', 'secret/audit/rds', 'version v1'),
	('PutSecretValue', 'SELECT kms_put_secret_value(''audit/a'', ''v2'', ''surely-a-value-2''::text)', 'secret/audit/a', 'version v2'),
	('PutSecretValue', 'SELECT kms_put_secret_value(''audit/a'', ''v2'', ''surely-a-value-2''::text)', NULL, NULL),
	('PutSecretValue', 'SELECT kms_put_secret_value(''audit/b'', ''v2'', ''surely-a-value-2''::bytea, ''{own}'')', 'secret/audit/b', 'version v2'),
	('UpdateSecret', 'SELECT kms_update_secret(''audit/a'', ''another-description'')', 'secret/audit/a', NULL),
	('UpdateSecret', 'SELECT kms_update_secret(''audit/rds'', custom_data => ''{"a-description": "x"}'')', 'secret/audit/rds', NULL),
	('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(''audit/a'', ''mine'', ''v1'')', 'secret/audit/a', 'mine to version v1'),
	('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(''audit/a'', ''mine'', ''v1'')', NULL, NULL),
	('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(''audit/a'', ''mine'', NULL, ''v1'')', 'secret/audit/a', 'mine from version v1'),
	('RotateSecret', 'SELECT kms_rotate_secret(''audit/rds'', ''v2'')', 'secret/audit/rds', 'version v2'),
	('RotateSecret', 'SELECT kms_rotate_secret(''audit/rds'', ''v2'')', NULL, NULL),
	('UpdateSecretRotationPolicy', 'SELECT kms_update_secret_rotation_policy(''audit/rds'', true, ''7 days'')', 'secret/audit/rds', 'on'),
	('UpdateSecretRotationPolicy', 'SELECT kms_update_secret_rotation_policy(''audit/rds'', false)', 'secret/audit/rds', 'off'),
	('Grant', 'SELECT kms_grant(''secret/audit/a'', ''kms_test_audit_reader'', ''{DescribeSecret,GetSecretValue}'', expires_at => ''2100-01-02 03:04:05+02'')', 'secret/audit/a', 'to kms_test_audit_reader: GetSecretValue, DescribeSecret; until 2100-01-02 01:04:05 UTC'),
	('Revoke', 'SELECT kms_revoke(''secret/audit/a'', ''kms_test_audit_reader'')', 'secret/audit/a', 'from kms_test_audit_reader: *'),
	('SetOwner', 'SELECT kms_set_owner(''secret/audit/b'', ''kms_test_audit_reader'')', 'secret/audit/b', 'to kms_test_audit_reader'),
	('CreateSecret', 'SELECT kms_create_secret(''audit/tagged'', ''v1'', ''surely-a-value''::text, tags => ''{"a-tag": "surely-a-tag"}'')', 'secret/audit/tagged', 'version v1'),
	('TagResource', 'SELECT kms_tag_resource(''{"a-tag": "surely-a-tag", "b": "surely-a-tag"}'', secret_name => ''audit/tagged'')', 'secret/audit/tagged', 'tags b, a-tag'),
	('UntagResource', 'SELECT kms_untag_resource(''{a-tag,never}'', secret_name => ''audit/tagged'')', 'secret/audit/tagged', 'tags a-tag'),
	('ListResourceTags', 'SELECT kms_list_resource_tags(secret_name => ''audit/tagged'')', NULL, NULL),
	('DeleteSecret', 'SELECT kms_delete_secret(''audit/tagged'', true)', 'secret/audit/tagged', 'at once'),
	('DeleteSecret', 'SELECT kms_delete_secret(''audit/a'')', 'secret/audit/a', 'delete date % UTC'),
	('RestoreSecret', 'SELECT kms_restore_secret(''audit/a'')', 'secret/audit/a', NULL),
	('DeleteSecret', 'SELECT kms_delete_secret(''audit/b'', true)', 'secret/audit/b', 'at once'),
	('DescribeSecret', 'SELECT kms_describe_secret(''audit/a''), kms_list_secret_version_ids(''audit/a''), kms_list_secrets()', NULL, NULL),
	('GetSecretValue', 'SELECT kms_get_secret_value(''audit/a'')', NULL, NULL);
BEGIN;
SELECT is(pg_temp.run_step(ROW(n, operation, statement, about, detail)::step), CASE WHEN about IS NOT NULL THEN concat_ws('|', operation, about, 'success') END,
		  format('%s leaves %s row in the transaction: %s', operation, CASE WHEN about IS NULL THEN 'no' ELSE 'a' END, left(substr(statement, 8), 60))) FROM secret_step ORDER BY n;
COMMIT;
SELECT results_eq(format('SELECT operation, resource_type, resource, result FROM log WHERE seq > %s ORDER BY seq', :'mark'), $$SELECT operation, 'secret', about, 'success' FROM secret_step WHERE about IS NOT NULL ORDER BY n$$,
				  'committed, the order is that of the calls'),
	   is(pg_temp.verify(), 'sound', 'and the log is sound');
SELECT is_empty(format($$SELECT * FROM log WHERE seq > %s AND log::text ~ 'surely|description|SCRAM|[0-9a-f]{64}'$$, :'mark'), 'no value is in it, nor a description, nor a password');

SELECT pg_temp.last() AS mark \gset
BEGIN;
SELECT kms_put_secret_value('audit/a', 'v3', 'surely-a-value'::text) AS ignored \gset
SELECT is(pg_temp.done('secret/audit/a', :mark), 'PutSecretValue', 'a new version is shown');
ROLLBACK;
SELECT is(pg_temp.last(), :mark::bigint, 'rolled back, it leaves nothing');
SELECT pg_temp.verdict('SELECT kms_put_secret_value(''audit/a'', ''v3'', ''x''::text), pg_temp.fail()') AS ignored \gset
SELECT pg_temp.verdict('SELECT kms_put_secret_value(''audit/rds'', ''v3'', ''x''::text)') AS ignored, pg_temp.verdict('SELECT kms_rotate_secret(''audit/a'')') AS ignored \gset
SELECT is(pg_temp.last(), :mark::bigint, 'nor does what failed or was refused');
SET kms.audit = off;
SELECT kms_update_secret('audit/a', 'x') AS ignored \gset
RESET kms.audit;
SELECT is(pg_temp.last(), :mark::bigint, 'nor does anything while kms.audit is off');

/* Workers. */
SELECT kms_update_secret_rotation_policy('audit/rds', true, '7 days') AS ignored, kms_delete_secret('audit/first') AS ignored \gset
SELECT pg_temp.last() AS mark \gset
UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'audit/rds';
UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name = 'audit/first';
SELECT count(*) AS ignored FROM kms_run_jobs() \gset
SELECT results_eq(format('SELECT operation, resource_type, resource, detail, result FROM log WHERE seq > %s AND resource_type = ''secret'' ORDER BY operation', :'mark'),
				  $$VALUES ('SecretDeletion', 'secret', 'secret/audit/first', NULL, 'success'),
						   ('SecretRotation', 'secret', 'secret/audit/rds', 'version ' || (kms_get_secret_value('audit/rds')).version_id, 'success')$$, 'a rotation that was due leaves a row with its version, the erasing of a secret one without');
DROP ROLE kms_test_audit_app;
SELECT pg_temp.last() AS mark \gset
UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'audit/rds';
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE job = 'SecretRotation'), 'failed', 'a rotation fails');
SELECT is((SELECT concat_ws('|', operation, resource_type, resource, result, api_code) FROM log WHERE seq > :mark), 'SecretRotation|secret|secret/audit/rds|failed|Forbidden.ResourceNotFound', 'which leaves a row, too');

/* Who sees it: not what an earlier secret of the name went through. */
CREATE ROLE kms_test_audit_one;
CREATE ROLE kms_test_audit_two;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_audit_one, kms_test_audit_two;
SET ROLE kms_test_audit_one;
SELECT kms_create_secret('audit/name', 'v1', 'x'::text) AS ignored \gset
SELECT kms_put_secret_value('audit/name', 'v2', 'x'::text) AS ignored \gset
SELECT is((SELECT string_agg(operation || ' ' || resource, ', ' ORDER BY seq) FROM kms.audit_log), 'CreateSecret secret/audit/name, PutSecretValue secret/audit/name', 'a role sees what was done with its secrets, and nothing else');
SET ROLE kms_test_audit_two;
SELECT is((SELECT count(*) FROM kms.audit_log), 0::bigint, 'another role does not');
SET ROLE kms_test_audit_one;
SELECT kms_delete_secret('audit/name', true) AS ignored \gset
SELECT is((SELECT count(*) FROM kms.audit_log), 0::bigint, 'erased, it is shown to nobody but who may verify the log');
SET ROLE kms_test_audit_two;
SELECT kms_create_secret('audit/name', 'v1', 'x'::text) AS ignored \gset
SELECT is((SELECT string_agg(operation || ' ' || resource, ', ' ORDER BY seq) FROM kms.audit_log), 'CreateSecret secret/audit/name', 'a new secret of the name does not show what became of the old one');
SELECT kms_grant('secret/audit/name', 'kms_test_audit_one', '{DescribeSecret}') AS ignored \gset
SET ROLE kms_test_audit_one;
SELECT is((SELECT string_agg(operation, ', ' ORDER BY seq) FROM kms.audit_log), 'CreateSecret, Grant', 'who was granted to describe it sees what its owner sees');
RESET ROLE;
SELECT is((SELECT string_agg(operation, ', ' ORDER BY seq) FROM log WHERE resource = 'secret/audit/name'), 'CreateSecret, PutSecretValue, DeleteSecret, CreateSecret, Grant', 'who may verify the log sees all of it');
SELECT kms_delete_secret(name, true) AS ignored FROM unnest('{audit/name,audit/a,audit/rds}'::text[]) name \g /dev/null
DROP OWNED BY kms_test_audit_one, kms_test_audit_two;
DROP ROLE kms_test_audit_one, kms_test_audit_two, kms_test_audit_reader;
SELECT is(pg_temp.verify(), 'sound', 'after all that the log is sound');
DELETE FROM kms.key WHERE :had_key = 0 AND id = (SELECT key_id FROM kms.alias WHERE name = 'alias/acs/secrets');
DELETE FROM kms.alias WHERE :had_key = 0 AND name = 'alias/acs/secrets';
DELETE FROM kms.key_version v WHERE NOT EXISTS (SELECT FROM kms.key k WHERE k.id = v.key_id);

-- ---- who sees it -----------------------------------------------------------------

CREATE ROLE kms_test_audit_auditor;
CREATE ROLE kms_test_audit_maker;
CREATE ROLE kms_test_audit_member IN ROLE kms_test_audit_maker;
CREATE ROLE kms_test_audit_monitor IN ROLE pg_monitor, pg_read_all_data, pg_write_all_data;
GRANT EXECUTE ON FUNCTION kms_verify_audit_log() TO kms_test_audit_auditor;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_audit_maker;
GRANT SELECT ON log TO PUBLIC;
SET ROLE kms_test_audit_maker;
SELECT kms_create_key() AS own \gset
RESET ROLE;
SELECT pg_temp.last() AS total \gset
SELECT is((SELECT session_user_name || ' ' || user_name FROM log WHERE resource = :'own'), session_user || ' kms_test_audit_maker', 'the row says who logged in and who acted');
SET ROLE kms_test_audit_maker;
SELECT is((SELECT string_agg(resource, ' ') FROM kms.audit_log), :'own', 'a role sees what was done with its keys, and nothing else'),
	   is(pg_temp.verdict('SELECT * FROM kms_verify_audit_log()'), '42501|', 'it may not verify the log');
SET ROLE kms_test_audit_member;
SELECT is((SELECT string_agg(resource, ' ') FROM kms.audit_log), :'own', 'so does a member of it');
SET ROLE kms_test_audit_monitor;
SELECT is((SELECT count(*) FROM kms.audit_log), 0::bigint, 'others see nothing, whatever they may read');
SELECT is(pg_temp.verdict('SELECT * FROM kms_verify_audit_log()'), '42501|', 'nor verify it'),
	   is((SELECT count(*) FROM kms.audit_entry) + (SELECT count(*) FROM kms.audit_head), 0::bigint, 'the tables look empty to them');
SELECT is(pg_temp.verdict('INSERT INTO kms.audit_entry VALUES (1)'), '42501|', 'they write nothing there');
SET ROLE kms_test_audit_auditor;
SELECT is((SELECT max(seq) FROM kms.audit_log), :total::bigint, 'who may verify the log may read all of it'),
	   is(pg_temp.verify(), 'sound', 'and verify it'),
	   is(pg_temp.verdict('SELECT * FROM kms.audit_entry'), '42501|', 'but not touch the table');
RESET ROLE;
BEGIN;
SELECT kms_disable_key(:'own') AS ignored \gset
SELECT is((SELECT count(*) FROM kms.pending_audit()), 1::bigint, 'what is pending is shown to who did it');
SET LOCAL ROLE kms_test_audit_maker;
SELECT is((SELECT count(*) FROM kms.pending_audit()), 0::bigint, 'and to nobody else');
ROLLBACK;

-- ---- tampering -------------------------------------------------------------------

SELECT count(*) AS total, count(*) / 2 AS mid, max(account_id) AS account FROM kms.audit_entry \gset
CREATE FUNCTION pg_temp.after(statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	EXECUTE statement;
	result = pg_temp.verify();
	RAISE EXCEPTION '%', result;
EXCEPTION
	WHEN raise_exception THEN
		RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.after(format('UPDATE kms.audit_entry SET %s WHERE seq = %s', change, :mid)), :mid || ' the row was changed, or stands in the place of another', change || ' is found')
  FROM unnest(ARRAY['occurred_at = occurred_at + interval ''1 microsecond''', 'session_user_name = ''somebody''', 'session_user_name = NULL', 'user_name = ''somebody''',
	'application_name = ''x''', 'client_address = NULL', 'operation = ''EnableKey '' ', 'resource_type = ''secret''', 'resource = NULL', 'detail = coalesce(detail, '''') || ''x''',
	'result = ''failed''', 'api_code = ''x''', 'domain_key_version = 2', 'mac = sha256(mac)', 'mac = ''''']) change;
SELECT is(pg_temp.after(format('UPDATE kms.audit_entry SET account_id = 1000000000000000 WHERE seq = %s', :mid)), :mid || ' the row is missing', 'a row given to another account is found'),
	   is(pg_temp.after(format('UPDATE kms.audit_entry SET seq = -seq WHERE seq = %s', :mid)), -:mid || ' there is another row of this number', 'a row out of the way is found'),
	   is(pg_temp.after(format('DELETE FROM kms.audit_entry WHERE seq = %s', :mid)), :mid || ' the row is missing', 'a row that was deleted is found'),
	   is(pg_temp.after(format('DELETE FROM kms.audit_entry WHERE seq = %1$s; UPDATE kms.audit_entry SET seq = seq - 1 WHERE seq > %1$s', :mid)),
		  :mid || ' the row was changed, or stands in the place of another', 'also when those behind it close up'),
	   is(pg_temp.after(format('UPDATE kms.audit_entry SET seq = CASE seq WHEN %1$s THEN -1 ELSE %1$s END WHERE seq IN (%1$s, %1$s + 1); UPDATE kms.audit_entry SET seq = %1$s + 1 WHERE seq = -1', :mid)),
		  :mid || ' the row was changed, or stands in the place of another', 'two rows that were swapped are found'),
	   is(pg_temp.after(format('INSERT INTO kms.audit_entry SELECT %s + 1, occurred_at, session_user_name, user_name, application_name, client_address, operation, resource_type, resource, detail, result, api_code,
			account_id, domain_key_version, mac FROM kms.audit_entry WHERE seq = %s', :total, :mid)), :total + 1 || ' the row was changed, or stands in the place of another', 'a copy at the end is found'),
	   is(pg_temp.after(format('DELETE FROM kms.audit_entry WHERE seq = %s', :total)), :total || ' this row and all after it are missing', 'the last row cut off is found'),
	   is(pg_temp.after('DELETE FROM kms.audit_entry'), '1 this row and all after it are missing', 'an emptied log is found'),
	   is(pg_temp.after('DELETE FROM kms.audit_entry; DELETE FROM kms.audit_head'), '1 the row in audit_head is missing: rows may have been cut off here', 'with the head'),
	   is(pg_temp.after(format('DELETE FROM kms.audit_entry WHERE seq = %1$s; UPDATE kms.audit_head SET seq = %1$s - 1', :total)),
		  :total || ' the row in audit_head was changed: rows may have been cut off here', 'also with the head moved'),
	   is(pg_temp.after('UPDATE kms.audit_head SET row_mac = sha256(row_mac)'), :total + 1 || ' the row in audit_head was changed: rows may have been cut off here', 'a changed head is found'),
	   is(pg_temp.after('UPDATE kms.audit_head SET mac = '''''), :total + 1 || ' the row in audit_head was changed: rows may have been cut off here', 'whatever it is');
SELECT is(pg_temp.verify(), 'sound', 'undone, the log is sound');
/* An older head, with the rows behind it kept or not, is itself genuine. */
CREATE TEMP TABLE old_head AS SELECT * FROM kms.audit_head;
SELECT kms_enable_key(:'key') AS ignored \gset
SELECT is(pg_temp.after('DELETE FROM kms.audit_head; INSERT INTO kms.audit_head SELECT * FROM old_head'), :total + 1 || ' audit_head is older than the rows from here on', 'an older head is found');
/* Nothing is added to a log that was tampered with. */
BEGIN;
DELETE FROM kms.audit_head;
SELECT kms_enable_key(:'key') AS ignored \gset
\set ON_ERROR_STOP 0
\set VERBOSITY sqlstate
COMMIT;
\set VERBOSITY default
\set ON_ERROR_STOP 1
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'XX001', 'a log without its head is not gone on with');
SELECT is(pg_temp.verify(), 'sound', 'the change was rolled back with it');
BEGIN;
ALTER TABLE kms.audit_entry ADD COLUMN more text;
SELECT is(pg_temp.verdict('SELECT kms_verify_audit_log()'), 'XX001|Rejected.Unavailable', 'a table that was altered is not read');
ROLLBACK;

-- ---- the end ----------------------------------------------------------------------

DELETE FROM kms.key WHERE owner IN ('kms_test_audit_auditor'::regrole, 'kms_test_audit_maker'::regrole);
DELETE FROM kms.key_version v WHERE NOT EXISTS (SELECT FROM kms.key k WHERE k.id = v.key_id);
DROP OWNED BY kms_test_audit_auditor, kms_test_audit_maker;
DROP ROLE kms_test_audit_auditor, kms_test_audit_maker, kms_test_audit_member, kms_test_audit_monitor;
SELECT is(pg_temp.verify(), 'sound', 'the log is sound in the end');
SELECT kms_test.stop_time() IS NULL AS ignored \gset
SELECT * FROM finish();
