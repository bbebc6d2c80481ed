-- What a hostile role tries with secrets: rows of its own making, the end of the stack, arguments without end.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(22);

CREATE ROLE kms_test_owner LOGIN;
CREATE ROLE kms_test_attacker LOGIN;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner, kms_test_attacker;
SET ROLE kms_test_owner;
SELECT kms_create_secret('hostile/password', 'v1', '{"Accounts": [{"AccountName": "kms_test_owner", "AccountPassword": "x"}]}', 'Rds',
						 extended_config => format('{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {"a": %s%s}}',
												   repeat('[', 400), repeat(']', 400))::jsonb) \g /dev/null
SELECT kms_create_secret('hostile/generic', 'v1', 'one') \g /dev/null
RESET ROLE;
SAVEPOINT sound;

-- ---- a configuration that is no JSON ----------------------------------------

CREATE FUNCTION pg_temp.row_with(config text) RETURNS text LANGUAGE sql AS
$$
SELECT format('ROW(%L, ''n'', 10, ''r'', now(), now(), ''Rds'', ''SingleUser'', ''d'', %1$L, true, %2$L, ''Enabled'', 86400,'
			  ' NULL, NULL, NULL, NULL, 0, NULL, 1, 1, '''')::kms.secret', '00000000-0000-4000-8000-000000000001', config)
$$;
SELECT is(pg_temp.verdict_as('kms_test_attacker', 'SELECT kms.describe_secret(' || pg_temp.row_with('no JSON') || ')'),
		  'XX001|Rejected.Unavailable', 'a row made up by anybody, whose configuration is no JSON, is not understood'),
	   is(pg_temp.verdict_as('kms_test_attacker', 'SELECT kms.describe_secret(' || pg_temp.row_with('{"a": 1}') || ')'),
		  'fine', 'one whose configuration is JSON is described');
UPDATE kms.secret SET extended_config = 'no JSON' WHERE name = 'hostile/password';
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_describe_secret(''hostile/password'')'),
		  'XX001|Rejected.Unavailable', 'nor is a stored row that was changed so'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_describe_secret(''hostile/generic'')'), 'fine', 'others are described');
ROLLBACK TO sound;

/* What happens at each depth of the stack: one call raises, another one does not, none brings the server down. */
CREATE FUNCTION pg_temp.at_depth(depth integer, statement text) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	IF depth = 0 THEN
		EXECUTE statement;
	ELSE
		PERFORM pg_temp.at_depth(depth - 1, statement);
	END IF;
END
$$;
CREATE FUNCTION pg_temp.verdicts_at_all_depths(statement text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	FOR depth IN 0 .. 100 LOOP
		RETURN NEXT split_part(pg_temp.verdict('SELECT pg_temp.at_depth(%s, %L)', depth::text, statement), '|', 1);
	END LOOP;
END
$$;
SET LOCAL max_stack_depth = '150kB';
SELECT results_eq('SELECT DISTINCT pg_temp.verdicts_at_all_depths(''SELECT kms_describe_secret(''''hostile/password'''', true)'') ORDER BY 1',
				  ARRAY['54001', 'XX001', 'fine'], 'where the stack ends, a secret with a configuration is described, or an error is raised');
RESET max_stack_depth;
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''hostile/bomb'', ''v1'', repeat(''['', 30000), ''Rds'','
						  ' extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')'),
		  '22023|InvalidParameter', 'brackets in brackets in secret_data are no accounts');

-- ---- arguments without end ---------------------------------------------------

CREATE FUNCTION pg_temp.labels(count integer) RETURNS text LANGUAGE sql AS
$$ SELECT array_agg('l' || i)::text FROM generate_series(1, count) i $$;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_put_secret_value(''hostile/generic'', ''v2'', ''x'', %L)', pg_temp.labels(7)),
		  'fine', 'eight labels are not too many'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_put_secret_value(''hostile/generic'', ''v3'', ''x'', %L)', pg_temp.labels(9)),
		  '54000|Rejected.LimitExceeded', 'nine are');
SET LOCAL statement_timeout = '5s';
SELECT is(pg_temp.verdict_as('kms_test_attacker', 'SELECT kms_put_secret_value(''hostile/none'', ''v3'', ''x'', %L)', pg_temp.labels(100000)),
		  '54000|Rejected.LimitExceeded', 'a hundred thousand are refused at once, to anybody');
RESET statement_timeout;

-- ---- what is left of {*} ------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant('secret/hostile/generic', 'kms_test_attacker', '{*}') \g /dev/null
SELECT is(kms_revoke('secret/hostile/generic', 'kms_test_attacker', '{GetSecretValue,UpdateSecret,DeleteSecret,RestoreSecret}'), 1, 'four operations are taken from who has all of them');
SELECT results_eq('SELECT unnest(operations) FROM kms_list_grants(''secret/hostile/generic'') ORDER BY 1',
				  ARRAY['DescribeSecret', 'ListResourceTags', 'ListSecretVersionIds', 'PutSecretValue', 'RotateSecret', 'TagResource', 'UntagResource', 'UpdateSecretRotationPolicy', 'UpdateSecretVersionStage'],
				  'the other operations on a secret are left, and none that is only on keys');
SELECT is(kms_revoke('secret/hostile/generic', 'kms_test_attacker',
					 '{DescribeSecret,ListResourceTags,ListSecretVersionIds,PutSecretValue,RotateSecret,TagResource,UntagResource,UpdateSecretRotationPolicy,UpdateSecretVersionStage}'),
		  1, 'those are taken, too');
SELECT is_empty('SELECT * FROM kms_list_grants(''secret/hostile/generic'')', 'and nothing is left of the grant');
RESET ROLE;

-- ---- the role of a version, changed by hand --------------------------------------

CREATE ROLE kms_test_manager CREATEROLE LOGIN;
CREATE ROLE kms_test_app LOGIN PASSWORD 'before';
CREATE ROLE kms_test_victim LOGIN PASSWORD 'before';
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_manager;
GRANT kms_test_app, kms_test_victim TO kms_test_manager WITH ADMIN OPTION;
SELECT rolpassword AS before FROM pg_authid WHERE rolname = 'kms_test_victim' \gset
SET ROLE kms_test_manager;
SELECT kms_create_secret('hostile/app', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}', 'Rds',
						 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}') \g /dev/null
RESET ROLE;
SAVEPOINT managed;
UPDATE kms.secret_version SET role_name = 'kms_test_victim' WHERE role_name = 'kms_test_app';
SELECT is(pg_temp.verdict_as('kms_test_manager', 'SELECT kms_rotate_secret(''hostile/app'')'), 'XX001|Rejected.Unavailable',
		  'the role of a version, changed by hand, is not rotated');
SELECT is(rolpassword, :'before', 'and keeps its password') FROM pg_authid WHERE rolname = 'kms_test_victim';
ROLLBACK TO managed;
SELECT is(pg_temp.verdict_as('kms_test_manager', 'SELECT kms_rotate_secret(''hostile/app'')'), 'fine', 'put back, the right one is');

-- ---- the key of secrets, changed by hand ------------------------------------------

SELECT key_id AS service_key FROM kms.alias WHERE name = 'alias/acs/secrets' \gset
/* Other tests may have left something behind. */
CREATE TEMP TABLE before AS SELECT * FROM kms_check_integrity();
CREATE FUNCTION pg_temp.tables_with_problems() RETURNS text LANGUAGE sql AS
$$
SELECT string_agg(table_name || CASE rows WHEN 1 THEN ' once' ELSE ' often' END, ', ' ORDER BY table_name)
  FROM (SELECT table_name, count(*) AS rows FROM (SELECT * FROM kms_check_integrity() EXCEPT SELECT * FROM before) p GROUP BY table_name) c
$$;
SAVEPOINT whole;
UPDATE kms.key SET description = 'changed by hand' WHERE id = :'service_key';
SELECT is(pg_temp.tables_with_problems(), 'key once, secret_version often', 'where the row of their key was changed, the check lists it and what it encrypts');
ROLLBACK TO whole;
UPDATE kms.key_version SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE key_id = :'service_key';
SELECT is(pg_temp.tables_with_problems(), 'key_version once, secret_version often', 'likewise where its material was');
ROLLBACK TO whole;
SELECT is_empty('SELECT * FROM kms_check_integrity() EXCEPT SELECT * FROM before', 'put back, all is well');

-- ---- reading while planning -------------------------------------------------------

CREATE FUNCTION pg_temp.caught(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF $2 IS NOT NULL THEN RAISE 'caught'; END IF; RETURN true; END $$;
CREATE OPERATOR pg_temp.~~~~ (LEFTARG = text, RIGHTARG = text, PROCEDURE = pg_temp.caught, RESTRICT = eqsel);
CREATE TEMP TABLE common AS SELECT 'a'::text AS a FROM generate_series(1, 100);
ANALYZE common;
GRANT SELECT ON common TO kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'EXPLAIN SELECT FROM common WHERE a OPERATOR(pg_temp.~~~~) ''x'''), 'P0001|',
		  'the planner hands a constant to an operator that anybody has made'),
	   is(pg_temp.verdict_as('kms_test_owner', 'EXPLAIN SELECT FROM common WHERE a OPERATOR(pg_temp.~~~~) (kms_get_secret_value(''hostile/generic'')).secret_data'),
		  'fine', 'but no value of a secret, of whose reading nothing would be logged'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT FROM common WHERE a OPERATOR(pg_temp.~~~~) (kms_get_secret_value(''hostile/generic'')).secret_data'),
		  'P0001|', 'to run the query is to read it');

SELECT finish();
ROLLBACK;
