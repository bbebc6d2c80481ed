-- Lists of keys and secrets, and their filters.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(131);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

CREATE ROLE kms_test_lister;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_lister;
SET ROLE kms_test_lister;
SELECT is_empty('SELECT * FROM kms_list_keys()', 'a role without keys lists none'),
	   is_empty('SELECT * FROM kms.keys', 'and sees none'),
	   is_empty('SELECT * FROM kms_list_aliases()', 'a role without keys lists no alias');

CREATE TEMP TABLE listed (name text PRIMARY KEY, key_id uuid);
INSERT INTO listed VALUES
	('aes256', kms_create_key()), ('aes192', kms_create_key('Aliyun_AES_192', tags => '{"team": "red", "env": "test"}')), ('aes128', kms_create_key('Aliyun_AES_128')),
	('sm4', kms_create_key('Aliyun_SM4', tags => '{"team": "blue", "Env": ""}')), ('external', kms_create_key(origin => 'EXTERNAL')),
	('p256', kms_create_key('EC_P256')), ('sm2', kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT')), ('hmac', kms_create_key('HMAC_SHA_256')),
	('disabled', kms_create_key()), ('doomed', kms_create_key(tags => '{"team": "red"}')), ('gone', kms_create_key(tags => '{"team": "red"}'));
SELECT kms_disable_key(key_id::text) FROM listed WHERE name = 'disabled';
SELECT kms_create_alias(key_id::text, 'alias/list/' || alias)
  FROM listed JOIN (VALUES ('aes256', 'one'), ('aes256', 'two'), ('sm4', 'three'), ('gone', 'four')) t (name, alias) USING (name);
RESET ROLE;
UPDATE kms.key SET state = 'PendingDeletion', delete_at = now() + interval '7 days' WHERE id = (SELECT key_id FROM listed WHERE name = 'doomed');
UPDATE kms.key SET state = 'PendingDeletion', delete_at = now() WHERE id = (SELECT key_id FROM listed WHERE name = 'gone');
SET ROLE kms_test_lister;

CREATE FUNCTION pg_temp.names(filters jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(name, ' ' ORDER BY name), 'nothing') FROM kms_list_keys(filters) k JOIN pg_temp.listed USING (key_id) $$;

SELECT is(pg_temp.names(NULL), 'aes128 aes192 aes256 disabled doomed external hmac p256 sm2 sm4', 'without filters every key is listed but the erased one');
SELECT set_eq('SELECT * FROM kms_list_keys()', 'SELECT * FROM kms.keys', 'the list and the view are the same');
SELECT set_eq('SELECT k.* FROM kms_list_keys() k', 'SELECT (kms_describe_key(key_id::text)).* FROM listed WHERE name <> ''gone''',
			  'a listed key is as it is described');

SELECT is(pg_temp.names(filters), names, format('%s lists %s', filters, names))
  FROM (VALUES
	('[]'::jsonb, 'aes128 aes192 aes256 disabled doomed external hmac p256 sm2 sm4'),
	('[{"Key": "KeyState", "Values": ["Enabled"]}]', 'aes128 aes192 aes256 hmac p256 sm2 sm4'),
	('[{"Key": "KeyState", "Values": ["Disabled"]}]', 'disabled'),
	('[{"Key": "KeyState", "Values": ["PendingDeletion"]}]', 'doomed'),
	('[{"Key": "KeyState", "Values": ["PendingImport"]}]', 'external'),
	('[{"Key": "KeyState", "Values": ["Disabled", "PendingDeletion"]}]', 'disabled doomed'),
	('[{"Key": "KeyState", "Values": ["Disabled"]}, {"Key": "KeyState", "Values": ["PendingDeletion"]}]', 'disabled doomed'),
	('[{"Key": "KeyState", "Values": ["enabled"]}]', 'nothing'),
	('[{"Key": "KeySpec", "Values": ["Aliyun_SM4"]}]', 'sm4'),
	('[{"Key": "KeySpec", "Values": ["Aliyun_SM4", "EC_SM2"]}]', 'sm2 sm4'),
	('[{"Key": "KeySpec", "Values": ["Aliyun_AES_128", "Aliyun_AES_192"]}]', 'aes128 aes192'),
	('[{"Key": "KeySpec", "Values": ["RSA_2048"]}]', 'nothing'),
	('[{"Key": "KeySpec", "Values": ["Aliyun_AES_256"]}, {"Key": "KeyState", "Values": ["Enabled"]}]', 'aes256'),
	('[{"Key": "KeyUsage", "Values": ["ENCRYPT/DECRYPT"]}, {"Key": "KeyState", "Values": ["Disabled"]}]', 'disabled'),
	('[{"Key": "KeyUsage", "Values": ["SIGN/VERIFY"]}]', 'p256'),
	('[{"Key": "KeyUsage", "Values": ["GENERATE_VERIFY_MAC"]}]', 'hmac'),
	('[{"Key": "KeyUsage", "Values": ["SIGN/VERIFY", "GENERATE_VERIFY_MAC"]}]', 'hmac p256'),
	('[{"Key": "KeyUsage", "Values": ["ENCRYPT/DECRYPT"]}, {"Key": "KeySpec", "Values": ["EC_SM2", "EC_P256"]}]', 'sm2'),
	('[{"Key": "ProtectionLevel", "Values": ["SOFTWARE"]}, {"Key": "KeySpec", "Values": ["Aliyun_SM4"]}]', 'sm4'),
	('[{"Key": "ProtectionLevel", "Values": ["HSM"]}]', 'nothing'),
	('[{"Key": "CreatorType", "Values": ["User"]}, {"Key": "KeySpec", "Values": ["Aliyun_SM4"]}]', 'sm4'),
	('[{"Key": "CreatorType", "Values": ["Service"]}]', 'nothing'),
	('[{"Key": "DKMSInstanceId", "Values": ["kst-1"]}]', 'nothing'),
	('[{"Key": "AliasName", "Values": ["alias/list/one"]}]', 'aes256'),
	('[{"Key": "AliasName", "Values": ["alias/list/two", "alias/list/three"]}]', 'aes256 sm4'),
	('[{"Key": "AliasName", "Values": ["alias/list/four"]}]', 'nothing'),
	('[{"Key": "AliasName", "Values": ["one"]}]', 'nothing'),
	('[{"Key": "Creator", "Values": ["kms_test_lister"]}, {"Key": "KeySpec", "Values": ["Aliyun_SM4"]}]', 'sm4'),
	('[{"Key": "Creator", "Values": ["postgres"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["x"]}]', 'nothing'),
	('[{"Key": "TagValue", "Values": ["x"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["team"]}]', 'aes192 doomed sm4'),
	('[{"Key": "TagKey", "Values": ["Team", "tea", "%"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["env", "Env"]}]', 'aes192 sm4'),
	('[{"Key": "TagKey", "Values": ["env"]}, {"Key": "TagKey", "Values": ["Env"]}]', 'aes192 sm4'),
	('[{"Key": "TagKey", "Values": []}]', 'aes128 aes192 aes256 disabled doomed external hmac p256 sm2 sm4'),
	('[{"Key": "TagValue", "Values": ["blue", "test"]}]', 'aes192 sm4'),
	('[{"Key": "TagValue", "Values": [""]}]', 'sm4'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["red"]}]', 'aes192 doomed'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["test"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["team", "env"]}, {"Key": "TagValue", "Values": ["test", "blue"]}]', 'aes192 sm4'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "KeyState", "Values": ["Enabled"]}]', 'aes192 sm4'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "AliasName", "Values": ["alias/list/three", "alias/list/one"]}]', 'sm4'),
	('[{"Key": "KeyState", "Values": []}]', 'aes128 aes192 aes256 disabled doomed external hmac p256 sm2 sm4'),
	('[{"Values": ["Disabled"], "Key": "KeyState"}]', 'disabled')) t (filters, names);
SELECT is(pg_temp.names(jsonb_build_array(jsonb_build_object('Key', 'keyId', 'Values', jsonb_build_array(key_id)))), name, 'a key is listed by its id')
  FROM listed WHERE name = 'sm4';
SELECT is(pg_temp.names(jsonb_build_array(jsonb_build_object('Key', 'keyId', 'Values', jsonb_build_array(gen_random_uuid())))), 'nothing', 'an unknown id lists nothing');
SELECT is(pg_temp.names((SELECT jsonb_agg('{"Key": "KeyState", "Values": ["Disabled", "a", "b", "c", "d", "e", "f", "g", "h", "i"]}'::jsonb) FROM generate_series(1, 10))),
		  'disabled', 'ten filters of ten values are taken');

SELECT is(pg_temp.verdict('SELECT kms_list_keys(%L)', filters), '22023|InvalidParameter', what || ' is refused')
  FROM (VALUES ('{}', 'an object'), ('"KeyState"', 'a string'), ('1', 'a number'), ('null', 'a JSON null'), ('["KeyState"]', 'an array of strings'), ('[[]]', 'an array of arrays'),
			   ('[{}]', 'an empty filter'), ('[{"Key": "KeyState"}]', 'a filter without values'), ('[{"Values": ["Enabled"]}]', 'a filter without a key'),
			   ('[{"Key": "KeyState", "Values": "Enabled"}]', 'a filter with one bare value'), ('[{"Key": "KeyState", "Values": {"Enabled": ""}}]', 'a filter with an object of values'),
			   ('[{"Key": "KeyState", "Values": [1]}]', 'a filter with a number'), ('[{"Key": "KeyState", "Values": [null]}]', 'a filter with a JSON null'),
			   ('[{"Key": "KeyState", "Values": [["Enabled"]]}]', 'a filter with a nested array'), ('[{"Key": 1, "Values": ["Enabled"]}]', 'a filter with a number for a key'),
			   ('[{"Key": "keystate", "Values": ["Enabled"]}]', 'an unknown filter key'), ('[{"Key": "", "Values": []}]', 'an empty filter key'),
			   ('[{"Key": "KeyState", "Values": ["Enabled"], "More": 1}]', 'a filter with a third field'),
			   ('[{"Key": "KeyState", "Values": ["1","2","3","4","5","6","7","8","9","10","11"]}]', 'a filter of eleven values'),
			   ((SELECT jsonb_agg('{"Key": "KeyState", "Values": []}'::jsonb) FROM generate_series(1, 11))::text, 'a list of eleven filters')) t (filters, what);

-- ---- secrets ---------------------------------------------------------------

SELECT is_empty('SELECT * FROM kms_list_secrets()', 'a role without secrets lists none'),
	   is_empty('SELECT * FROM kms.secrets', 'and sees none'),
	   is_empty('SELECT * FROM kms.secret_versions', 'nor versions');
RESET ROLE;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_lister;
ALTER ROLE kms_test_lister CREATEROLE;
SET ROLE kms_test_lister;
CREATE ROLE kms_test_app LOGIN;
SELECT kms_create_secret('list/' || name, 'v1', 'x'::text, description => description)
  FROM (VALUES ('plain', ''), ('described', 'what it is for'), ('Plain', 'what it is for'), ('doomed', ''), ('gone', ''), ('other''s', '')) t (name, description) WHERE name !~ '''' \g /dev/null
SELECT kms_create_secret('list/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}') \g /dev/null
SELECT kms_tag_resource('{"team": "red", "env": "test"}', secret_name => 'list/plain'), kms_tag_resource('{"team": "blue", "Env": ""}', secret_name => 'list/rds'),
	   kms_tag_resource('{"team": "red"}', secret_name => name) FROM unnest('{list/doomed,list/gone}'::text[]) name \g /dev/null
SELECT kms_delete_secret('list/doomed'), kms_delete_secret('list/gone') \g /dev/null
RESET ROLE;
UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name = 'list/gone';
SELECT kms_create_secret('list/another', 'v1', 'x'::text, tags => '{"team": "red"}') \g /dev/null
SET ROLE kms_test_lister;
CREATE FUNCTION pg_temp.secrets(filters jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(substr(secret_name, 6), ' ' ORDER BY secret_name COLLATE "C"), 'nothing') FROM kms_list_secrets(filters) $$;
SELECT is(pg_temp.secrets(NULL), 'Plain described doomed plain rds', 'without filters every secret is listed but the erased one, and those of others');
SELECT set_eq('SELECT secret_name, secret_type, create_time, update_time, planned_delete_time FROM kms_list_secrets()', 'SELECT secret_name, secret_type, create_time, update_time, planned_delete_time FROM kms.secrets', 'the list and the view are the same'),
	   set_eq('SELECT arn, secret_name, secret_type, description, encryption_key_id, create_time, update_time, planned_delete_time, automatic_rotation, rotation_interval, last_rotation_date, next_rotation_date, extended_config FROM kms.secrets',
			  $$SELECT (d).arn, (d).secret_name, (d).secret_type, (d).description, (d).encryption_key_id, (d).create_time, (d).update_time, (d).planned_delete_time, (d).automatic_rotation, (d).rotation_interval, (d).last_rotation_date, (d).next_rotation_date, (d).extended_config
				  FROM (SELECT kms_describe_secret(secret_name) AS d FROM kms_list_secrets() OFFSET 0) t$$, 'a secret is shown as it is described'),
	   is((SELECT string_agg(DISTINCT creator, ' ') FROM kms.secrets), 'kms_test_lister', 'with its owner'),
	   is((SELECT string_agg(secret_name, ' ') FROM kms_list_secrets() WHERE planned_delete_time IS NOT NULL), 'list/doomed', 'one that waits for its deletion says until when'),
	   set_eq('SELECT secret_name, tags FROM kms_list_secrets(fetch_tags => true)', 'SELECT (d).secret_name, (d).tags FROM (SELECT kms_describe_secret(secret_name, true) AS d FROM kms_list_secrets() OFFSET 0) t', 'with the tags as they are described, if they are asked for'),
	   set_eq('SELECT secret_name, tags FROM kms_list_secrets(fetch_tags => true)',
			  $$VALUES ('list/Plain', '[]'::jsonb), ('list/described', '[]'), ('list/doomed', '[{"TagKey": "team", "TagValue": "red"}]'), ('list/plain', '[{"TagKey": "env", "TagValue": "test"}, {"TagKey": "team", "TagValue": "red"}]'),
					   ('list/rds', '[{"TagKey": "Env", "TagValue": ""}, {"TagKey": "team", "TagValue": "blue"}]')$$, 'in the order of their keys, and an empty array where there are none'),
	   is((SELECT string_agg(DISTINCT coalesce(tags::text, 'null'), ' ') FROM kms_list_secrets()), 'null', 'and null if they are not');
SELECT set_eq('SELECT secret_name, version_id, version_stages, secret_data_type FROM kms.secret_versions', $$SELECT s.secret_name, v.version_id, v.version_stages, 'text' FROM kms_list_secrets() s, kms_list_secret_version_ids(s.secret_name, true) v$$, 'versions are shown as they are listed');
SELECT is(pg_temp.secrets(filters), names, format('%s lists the secrets %s', filters, names))
  FROM (VALUES
	('[]'::jsonb, 'Plain described doomed plain rds'),
	('[{"Key": "SecretName", "Values": ["list/plain"]}]', 'plain'),
	('[{"Key": "SecretName", "Values": ["list/plain", "list/rds", "list/another", "list/gone"]}]', 'plain rds'),
	('[{"Key": "SecretName", "Values": ["list/plain"]}, {"Key": "SecretName", "Values": ["list/rds"]}]', 'plain rds'),
	('[{"Key": "SecretName", "Values": ["plain", "list", "list/%", "LIST/PLAIN"]}]', 'nothing'),
	('[{"Key": "SecretName", "Values": []}]', 'Plain described doomed plain rds'),
	('[{"Key": "Description", "Values": ["what it is for"]}]', 'Plain described'),
	('[{"Key": "Description", "Values": [""]}]', 'doomed plain rds'),
	('[{"Key": "Description", "Values": ["what it is for"]}, {"Key": "SecretName", "Values": ["list/described", "list/plain"]}]', 'described'),
	('[{"Key": "SecretType", "Values": ["Rds"]}]', 'rds'),
	('[{"Key": "SecretType", "Values": ["RDS"]}]', 'rds'),
	('[{"Key": "SecretType", "Values": ["generic"]}]', 'Plain described doomed plain'),
	('[{"Key": "SecretType", "Values": ["Generic", "rds"]}]', 'Plain described doomed plain rds'),
	('[{"Key": "SecretType", "Values": ["ECS"]}]', 'nothing'),
	('[{"Key": "Creator", "Values": ["kms_test_lister"]}, {"Key": "SecretType", "Values": ["Rds"]}]', 'rds'),
	('[{"Key": "Creator", "Values": ["postgres"]}]', 'nothing'),
	('[{"Key": "DKMSInstanceId", "Values": ["kst-1"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["x"]}]', 'nothing'),
	('[{"Key": "TagValue", "Values": ["x"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["team"]}]', 'doomed plain rds'),
	('[{"Key": "TagKey", "Values": ["Team", "tea", "%"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["env"]}, {"Key": "TagKey", "Values": ["Env"]}]', 'plain rds'),
	('[{"Key": "TagValue", "Values": ["blue", "test"]}]', 'plain rds'),
	('[{"Key": "TagValue", "Values": [""]}]', 'rds'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["red"]}]', 'doomed plain'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["test"]}]', 'nothing'),
	('[{"Key": "TagKey", "Values": ["team"]}, {"Key": "SecretType", "Values": ["generic"]}]', 'doomed plain'),
	('[{"Key": "TagKey", "Values": []}]', 'Plain described doomed plain rds'),
	('[{"Values": ["list/rds"], "Key": "SecretName"}]', 'rds')) t (filters, names);
SELECT is(pg_temp.verdict('SELECT kms_list_secrets(%L)', filters), '22023|InvalidParameter', 'of secrets ' || what || ' is refused')
  FROM (VALUES ('{}', 'an object'), ('null', 'a JSON null'), ('"SecretName"', 'a string'), ('[1]', 'a number for a filter'), ('[{"Key": "SecretName"}]', 'a filter without values'),
			   ('[{"Key": "SecretName", "Values": "list/plain"}]', 'a filter with one bare value'), ('[{"Key": "SecretName", "Values": [1]}]', 'a filter with a number'), ('[{"Key": "KeyState", "Values": ["Enabled"]}]', 'a filter of keys'),
			   ('[{"Key": "secretname", "Values": ["x"]}]', 'a filter key in small letters'), ('[{"Key": "SecretName", "Values": ["1","2","3","4","5","6","7","8","9","10","11"]}]', 'a filter of eleven values'),
			   ((SELECT jsonb_agg('{"Key": "SecretName", "Values": []}'::jsonb) FROM generate_series(1, 11))::text, 'a list of eleven filters')) t (filters, what);
SELECT is(pg_temp.verdict('SELECT kms_list_keys(%L)', '[{"Key": "SecretName", "Values": ["x"]}]'), '22023|InvalidParameter', 'nor does a list of keys take a filter of secrets');

-- ---- many ------------------------------------------------------------------

/* How many rows of tags a statement looks at, as a multiple of how many there are. */
CREATE FUNCTION pg_temp.looked_at(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint = pg_stat_get_xact_tuples_returned('kms.tag'::regclass);
BEGIN
	EXECUTE statement;
	RETURN (pg_stat_get_xact_tuples_returned('kms.tag'::regclass) - before) / current_setting('test.tags')::bigint;
END
$$;
CREATE TEMP TABLE asking AS SELECT '[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["red", "blue"]}]'::jsonb AS filters;
SELECT count(kms_create_key(tags => '{"team": "red"}')), count(kms_create_secret('list/many/' || n, 'v1', 'x', tags => '{"team": "red"}')) FROM generate_series(1, 50) n \g /dev/null
RESET ROLE;
SELECT set_config('test.tags', count(*)::text, true) FROM kms.tag \g /dev/null
SET ROLE kms_test_lister;
SELECT cmp_ok(pg_temp.looked_at(statement), '<=', 4::bigint, 'tags are not looked through for each key or secret: ' || statement)
  FROM unnest(ARRAY['SELECT count(*) FROM asking, kms_list_keys(filters)', 'SELECT kms_list_keys(filters) FROM asking',
					'SELECT count(*) FROM asking, kms_list_secrets(filters, true)', 'SELECT kms_list_secrets(filters) FROM asking']) statement;

RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
