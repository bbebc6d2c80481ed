-- Lists of keys and their filters.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(62);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

CREATE ROLE kms_test_lister;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_lister;
SET ROLE kms_test_lister;
SELECT is_empty('SELECT * FROM kms_list_keys()', 'a role without keys lists none'),
	   is_empty('SELECT * FROM kms.keys', 'and sees none'),
	   is_empty('SELECT * FROM kms_list_aliases()', 'a role without keys lists no alias');

CREATE TEMP TABLE listed (name text PRIMARY KEY, key_id uuid);
INSERT INTO listed VALUES
	('aes256', kms_create_key()), ('aes192', kms_create_key('Aliyun_AES_192')), ('aes128', kms_create_key('Aliyun_AES_128')),
	('sm4', kms_create_key('Aliyun_SM4')), ('external', kms_create_key(origin => 'EXTERNAL')),
	('p256', kms_create_key('EC_P256')), ('sm2', kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT')), ('hmac', kms_create_key('HMAC_SHA_256')),
	('disabled', kms_create_key()), ('doomed', kms_create_key()), ('gone', kms_create_key());
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

RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
