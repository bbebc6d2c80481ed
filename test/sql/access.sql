-- Who may do what: owners, members, strangers, superusers; views and wrappers.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(421);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_stranger;
CREATE ROLE kms_test_member IN ROLE kms_test_owner;
CREATE ROLE kms_test_noinherit NOINHERIT IN ROLE kms_test_owner;
CREATE ROLE kms_test_grandchild IN ROLE kms_test_member;
CREATE ROLE kms_test_behind_noinherit IN ROLE kms_test_noinherit;
CREATE ROLE kms_test_super SUPERUSER;
CREATE ROLE kms_test_manager CREATEROLE CREATEDB;
CREATE SCHEMA kms_test_place AUTHORIZATION kms_test_owner;
GRANT ALL ON SCHEMA kms_test_place TO PUBLIC;

-- ---- making keys ----------------------------------------------------------

SELECT is(pg_temp.verdict_as(role, 'SELECT kms_create_key()'), '42501|', role || ' makes no key without the privilege to execute kms_create_key')
  FROM unnest(ARRAY['kms_test_owner', 'kms_test_member', 'kms_test_stranger', 'kms_test_manager']) role;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_open_kms_service()'), '42501|', 'nor does it open the service');
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_create_key()'), 'fine', 'who may execute kms_create_key makes keys');
SELECT is(pg_temp.verdict_as('kms_test_noinherit', 'SELECT kms_create_key()'), '42501|', 'a member that does not inherit makes none');
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_create_key()'), 'fine', 'a superuser makes keys');

SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key() AS other \gset
SELECT kms_create_alias(:'key', 'alias/access');
SELECT kms_encrypt(:'key', 'secret'::text) AS blob, (kms_describe_key(:'key')).primary_key_version AS version \gset
SELECT kms_create_key('EC_P256') AS signer, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS opener, kms_create_key('HMAC_SHA_256') AS mac_key \gset
SELECT kms_asymmetric_sign(:'signer', NULL, 'ECDSA_SHA_256', sha256('x')) AS signature, kms_asymmetric_encrypt(:'opener', NULL, 'SM2PKE', 'x') AS sm2,
	   kms_generate_mac(:'mac_key', 'x') AS mac, kms_envelope_encrypt(:'key', 'secret'::text) AS envelope, pg_temp.der(kms_get_public_key(:'opener')) AS public_key \gset
SET ROLE kms_test_member;
SELECT kms_create_key() AS member_key \gset
SELECT is((kms_describe_key(:'member_key')).creator, 'kms_test_member', 'a key belongs to the role that made it, not to the one that lent the privilege');
RESET ROLE;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_stranger;
SET ROLE kms_test_stranger;
SELECT kms_create_key() AS foreign_key \gset
SELECT kms_create_alias(:'foreign_key', 'alias/foreign');
SELECT kms_encrypt(:'foreign_key', 'foreign'::text) AS foreign_blob \gset
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_describe_key(%L)', :'member_key'), '42501|Forbidden.NoPermission',
		  'membership goes one way: the group does not have its member''s keys');

-- ---- making secrets --------------------------------------------------------

SELECT is(pg_temp.verdict_as(role, 'SELECT kms_create_secret(%L, %L, %L::' || type || ')', 'access/none', 'v1', 'x'), '42501|', role || ' makes no ' || type || ' secret without the privilege to execute kms_create_secret')
  FROM unnest(ARRAY['kms_test_owner', 'kms_test_stranger', 'kms_test_manager']) role, unnest('{text,bytea}'::text[]) type;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner, kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_create_secret(%L, %L, %L::bytea)', 'access/none', 'v1', 'x'), '42501|', 'nor a binary one with that for text'),
	   is(pg_temp.verdict_as('kms_test_noinherit', 'SELECT kms_create_secret(%L, %L, %L::text)', 'access/none', 'v1', 'x'), '42501|', 'nor a member that does not inherit'),
	   is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_create_secret(%L, %L, %L::text)', 'access/super', 'v1', 'x'), 'fine', 'a superuser makes secrets');
ALTER ROLE kms_test_owner CREATEROLE;
SET ROLE kms_test_owner;
CREATE ROLE kms_test_app LOGIN;
SELECT kms_create_secret('access', 'v1', 'a secret'::text), kms_create_secret('access/chosen', 'v1', 'another secret'::text, encryption_key_id => :'key'),
	   kms_create_secret('access/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_create_secret(%L, %L, %L::text)', 'access', 'v1', 'x'), '42710|Rejected.ResourceExist', 'that a name is taken is told to everybody'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_create_secret(%L, %L, %L::text, encryption_key_id => %L)', 'access/stolen', 'v1', 'x', :'key'), '42501|Forbidden.NoPermission', 'nobody makes a secret under a key of another'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_create_secret(%L, %L, %L::text, ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')', 'access/stolen', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}'),
		  '42501|Forbidden.NoPermission', 'nor of the password of a role that he may not alter');
SET ROLE kms_test_stranger;
SELECT kms_create_secret('access/foreign', 'v1', 'foreign'::text) \g /dev/null
RESET ROLE;

-- ---- every operation, every kind of role ----------------------------------

CREATE TEMP TABLE operation (n serial, name text, uses boolean, statement text);
INSERT INTO operation (name, uses, statement) VALUES
	('DescribeKey', false, 'SELECT kms_describe_key(%1$L)'),
	('DescribeKey by alias', false, 'SELECT kms_describe_key(''alias/access'')'),
	('ListKeyVersions', false, 'SELECT kms_list_key_versions(%1$L)'),
	('DescribeKeyVersion', false, 'SELECT kms_describe_key_version(%1$L, %2$L)'),
	('ListAliasesByKeyId', false, 'SELECT kms_list_aliases_by_key_id(%1$L)'),
	('UpdateKeyDescription', false, 'SELECT kms_update_key_description(%1$L, ''mine'')'),
	('DisableKey', false, 'SELECT kms_disable_key(%1$L)'),
	('EnableKey', false, 'SELECT kms_enable_key(%1$L)'),
	('CreateKeyVersion', false, 'SELECT kms_create_key_version(%1$L)'),
	('CreateAlias', false, 'SELECT kms_create_alias(%1$L, ''alias/by-'' || current_user)'),
	('UpdateAlias', false, 'SELECT kms_update_alias(%1$L, ''alias/access'')'),
	('TagResource', false, 'SELECT kms_tag_resource(''{"access": "1"}'', %1$L)'),
	('TagResource by alias', false, 'SELECT kms_tag_resource(''{"access": "2"}'', ''alias/access'')'),
	('ListResourceTags', false, 'SELECT kms_list_resource_tags(%1$L)'),
	('UntagResource', false, 'SELECT kms_untag_resource(''{access}'', %1$L)'),
	('Encrypt', true, 'SELECT kms_encrypt(%1$L, ''x''::bytea)'),
	('Encrypt a text', true, 'SELECT kms_encrypt(%1$L, ''x''::text)'),
	('Encrypt by alias', true, 'SELECT kms_encrypt(''alias/access'', ''x''::text)'),
	('Decrypt', true, 'SELECT kms_decrypt(%3$L)'),
	('Decrypt a text', true, 'SELECT kms_decrypt_text(%3$L)'),
	('ReEncrypt', true, 'SELECT kms_re_encrypt(%3$L, %1$L)'),
	('GenerateDataKey', true, 'SELECT kms_generate_data_key(%1$L)'),
	('GenerateDataKeyWithoutPlaintext', true, 'SELECT kms_generate_data_key_without_plaintext(%1$L)'),
	('GenerateAndExportDataKey', true, format('SELECT kms_generate_and_export_data_key(%%1$L, %L, ''EC_SM2'', ''SM2PKE'')', :'public_key')),
	('ExportDataKey', true, format('SELECT kms_export_data_key(%%3$L, %L, ''EC_SM2'', ''SM2PKE'')', :'public_key')),
	('Encrypt an envelope', true, 'SELECT kms_envelope_encrypt(%1$L, ''x''::bytea)'),
	('Encrypt a text as an envelope', true, 'SELECT kms_envelope_encrypt(%1$L, ''x''::text)'),
	('Decrypt an envelope', true, format('SELECT kms_decrypt(%L)', :'envelope')),
	('ReEncrypt an envelope', true, format('SELECT kms_re_encrypt(%L, %%1$L)', :'envelope')),
	('AsymmetricSign', true, format('SELECT kms_asymmetric_sign(%L, NULL, ''ECDSA_SHA_256'', sha256(''x''))', :'signer')),
	('AsymmetricVerify', true, format('SELECT kms_asymmetric_verify(%L, NULL, ''ECDSA_SHA_256'', sha256(''x''), %L)', :'signer', :'signature')),
	('AsymmetricEncrypt', true, format('SELECT kms_asymmetric_encrypt(%L, NULL, ''SM2PKE'', ''x'')', :'opener')),
	('AsymmetricDecrypt', true, format('SELECT kms_asymmetric_decrypt(%L, NULL, ''SM2PKE'', %L)', :'opener', :'sm2')),
	('ReEncrypt from a pair', true, format('SELECT kms_re_encrypt(%L, %%1$L, source_key_id => %L, source_encryption_algorithm => ''SM2PKE'')', :'sm2', :'opener')),
	('GetPublicKey', true, format('SELECT kms_get_public_key(%L)', :'opener')),
	('GenerateMac', true, format('SELECT kms_generate_mac(%L, ''x'')', :'mac_key')),
	('VerifyMac', true, format('SELECT kms_verify_mac(%L, ''x'', %L)', :'mac_key', :'mac')),
	('BlindIndex', true, format('SELECT kms_blind_index(%L, ''x'')', :'mac_key')),
	('DescribeSecret', false, 'SELECT kms_describe_secret(''access'')'),
	('ListSecretVersionIds', false, 'SELECT kms_list_secret_version_ids(''access'', true)'),
	('GetSecretValue', true, 'SELECT kms_get_secret_value(''access'')'),
	('GetSecretValue under a key that was chosen', true, 'SELECT kms_get_secret_value(''access/chosen'')'),
	('GetSecretValue of a role''s password', true, 'SELECT kms_get_secret_value(''access/rds'')'),
	('PutSecretValue', false, 'SELECT kms_put_secret_value(''access'', gen_random_uuid()::text, ''a secret''::text)'),
	('PutSecretValue, binary', false, 'SELECT kms_put_secret_value(''access'', gen_random_uuid()::text, ''x''::bytea, ''{own}'')'),
	('UpdateSecret', false, 'SELECT kms_update_secret(''access'', ''mine'')'),
	('UpdateSecretVersionStage', false, 'SELECT kms_update_secret_version_stage(''access/chosen'', ''own'', ''v1'')'),
	('TagResource of a secret', false, 'SELECT kms_tag_resource(''{"access": "1"}'', secret_name => ''access'')'),
	('ListResourceTags of a secret', false, 'SELECT kms_list_resource_tags(secret_name => ''access'')'),
	('UntagResource of a secret', false, 'SELECT kms_untag_resource(''{access}'', secret_name => ''access'')'),
	('DeleteSecret', false, 'SELECT kms_delete_secret(''access/chosen'')'),
	('RestoreSecret', false, 'SELECT kms_restore_secret(''access/chosen'')'),
	('RotateSecret', false, 'SELECT kms_rotate_secret(''access/rds'')'),
	('UpdateSecretRotationPolicy', false, 'SELECT kms_update_secret_rotation_policy(''access/rds'', true, ''7 days'')'),
	('Grant on a secret', false, 'SELECT kms_grant(''secret/access'', ''kms_test_manager'', ''{DescribeSecret}''), kms_revoke(''secret/access'', ''kms_test_manager'')'),
	('SetOwner of a secret', false, 'SELECT kms_set_owner(''secret/access'', ''kms_test_owner'')');
GRANT ALL ON operation TO PUBLIC;

SELECT is(pg_temp.verdict_as(role, statement, :'key', :'version', :'blob'), 'fine', role || ' may ' || name)
  FROM operation, unnest(ARRAY['kms_test_owner', 'kms_test_member']) role ORDER BY role, n;
SELECT ok(bool_and(pg_temp.verdict_as('kms_test_grandchild', statement, :'key', :'version', :'blob') = 'fine'), 'a member of a member may do everything')
  FROM operation;
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement, :'key', :'version', :'blob'), '42501|Forbidden.NoPermission', 'a stranger may not ' || name)
  FROM operation ORDER BY n;
SELECT ok(bool_and(pg_temp.verdict_as(role, statement, :'key', :'version', :'blob') = '42501|Forbidden.NoPermission'), role || ' may do nothing')
  FROM operation, unnest(ARRAY['kms_test_noinherit', 'kms_test_behind_noinherit', 'kms_test_manager']) role GROUP BY role ORDER BY role;
SELECT is(pg_temp.verdict_as('kms_test_super', statement, :'key', :'version', :'blob'), CASE WHEN uses THEN '42501|Forbidden.NoPermission' ELSE 'fine' END,
		  CASE WHEN uses THEN 'a superuser may not ' ELSE 'a superuser may ' END || name)
  FROM operation ORDER BY n;

-- ---- superusers -----------------------------------------------------------

SET kms.superuser_may_use = on;
SELECT ok(bool_and(pg_temp.verdict_as('kms_test_super', statement, :'key', :'version', :'blob') = 'fine'), 'with kms.superuser_may_use a superuser may use every key')
  FROM operation WHERE uses;
SET kms.superuser_may_use = off;
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'without it a superuser may not again, at once');
SET kms.superuser_may_use = on;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'with it a stranger may do nothing more');
SET kms.superuser_may_use = off;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SET kms.superuser_may_use = on'), '42501|', 'only a superuser turns it on');
SET ROLE kms_test_super;
SELECT is(kms_decrypt_text(kms_encrypt(kms_create_key()::text, 'x'::text)), 'x', 'a superuser uses a key of its own');
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'the superuser that installed the extension does not read others'' ciphertexts');
GRANT kms_test_owner TO kms_test_super;
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'a superuser that is a member of the owner does not either');
ALTER ROLE kms_test_super NOSUPERUSER;
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'once it is no superuser, its membership counts');
ALTER ROLE kms_test_super SUPERUSER;
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'made superuser again, it does not');
REVOKE kms_test_owner FROM kms_test_super;

-- ---- what a refusal tells -------------------------------------------------

SET ROLE kms_test_stranger;
SELECT is(pg_temp.complaint('SELECT kms_encrypt(%L, %L::text)', :'key', 'x'),
		  format('42501|Forbidden.NoPermission|permission denied for key "%s"', :'key'), 'a refusal names what was asked for, a key'),
	   is(pg_temp.complaint('SELECT kms_encrypt(%L, %L::text)', 'alias/access', 'x'),
		  '42501|Forbidden.NoPermission|permission denied for key "alias/access"', 'or an alias'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L)', :'blob'),
		  format('42501|Forbidden.NoPermission|permission denied for key version "%s"', :'version'), 'or the key version of a ciphertext'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', overlay(:'blob'::bytea PLACING '\x00' FROM 50)::text), '42501|Forbidden.NoPermission',
		  'whether a ciphertext is sound is not told to a stranger'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', '00000000-0000-4000-8000-000000000000'), '42704|Forbidden.KeyNotFound', 'what is not there is not found');
SELECT is(kms_ciphertext_info(:'blob')::text, format('(,%s,XAES-256-GCM,6)', :'version'), 'the key of a ciphertext is not told to a stranger');
RESET ROLE;
SELECT is(kms_ciphertext_info(:'blob')::text, format('(%s,%s,XAES-256-GCM,6)', :'key', :'version'), 'it is told to a superuser');
/* Whatever else is wrong with the call: another key's version, a version that is none, a digest too short, a key of the wrong kind. */
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement, key_id, version_id), '42501|Forbidden.NoPermission', what || ' is not told to a stranger')
  FROM (VALUES ('SELECT kms_asymmetric_sign(%L, %L, ''ECDSA_SHA_256'', ''x'')', :'signer', NULL, 'that a digest is too short'),
			   ('SELECT kms_asymmetric_sign(%L, %L, ''ECDSA_SHA_256'', sha256(''x''))', :'signer', :'version', 'that a version is another key''s'),
			   ('SELECT kms_get_public_key(%L, %L)', :'signer', 'x', 'that a version id is none'),
			   ('SELECT kms_asymmetric_sign(%L, %L, ''SM2DSA'', sha256(''x''))', :'signer', NULL, 'that an algorithm does not fit'),
			   ('SELECT kms_asymmetric_decrypt(%L, %L, ''SM2PKE'', ''x'')', :'signer', NULL, 'that a pair does not decrypt'),
			   ('SELECT kms_asymmetric_decrypt(%L, %L, ''SM2PKE'', ''x'')', :'opener', NULL, 'that a ciphertext is none'),
			   ('SELECT kms_generate_mac(%L, %L)', :'signer', 'x', 'that a key is not for MACs'),
			   ('SELECT kms_envelope_encrypt(%L, %L::bytea)', :'mac_key', 'x', 'that a key does not encrypt')) t (statement, key_id, version_id, what);
SELECT kms_disable_key(key_id) IS NULL AS ignored FROM unnest(ARRAY[:'key', :'signer', :'opener', :'mac_key']) key_id \g /dev/null
SELECT ok(bool_and(pg_temp.verdict_as('kms_test_stranger', statement, :'key', :'version', :'blob') = '42501|Forbidden.NoPermission'),
		  'that a key is disabled is not told to a stranger') FROM operation;
SELECT kms_enable_key(key_id) IS NULL AS ignored FROM unnest(ARRAY[:'key', :'signer', :'opener', :'mac_key']) key_id \g /dev/null

SELECT is(pg_temp.complaint('SET LOCAL ROLE kms_test_stranger; SELECT kms_get_secret_value(%L)', 'access'), '42501|Forbidden.NoPermission|permission denied for secret "access"', 'a refusal names the secret'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_get_secret_value(%L)', 'access/nothing'), '42704|Forbidden.ResourceNotFound', 'one that is not there is not found');
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement), '42501|Forbidden.NoPermission', what || ' is not told to a stranger')
  FROM (VALUES ('SELECT kms_get_secret_value(''access'', ''nobody''''s'')', 'that a label is nobody''s'), ('SELECT kms_get_secret_value(''access'', version_id => ''none'')', 'that there is no such version'),
			   ('SELECT kms_put_secret_value(''access/rds'', ''v1'', ''x''::text)', 'that a secret is a role''s password'), ('SELECT kms_rotate_secret(''access'')', 'or that it is none'),
			   ('SELECT kms_restore_secret(''access'')', 'that a secret is not deleted'), ('SELECT kms_put_secret_value(''access'', ''v1'', ''a secret''::text)', 'that a value is the one that is stored')) t (statement, what);
SELECT kms_delete_secret('access') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement), '42501|Forbidden.NoPermission', 'that a secret is scheduled for deletion is not told to a stranger: ' || statement)
  FROM unnest('{SELECT kms_get_secret_value(''access''),SELECT kms_delete_secret(''access''),SELECT kms_restore_secret(''access'')}'::text[]) statement;
SELECT kms_restore_secret('access') \g /dev/null

-- ---- lists and views ------------------------------------------------------

SELECT is((pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms_list_keys() WHERE key_id = %L', :'key')), CASE WHEN sees THEN 'fine' ELSE '22012|' END,
		  role || CASE WHEN sees THEN ' lists the key' ELSE ' does not list the key' END),
	   is((pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms_list_aliases() WHERE key_id = %L', :'key')), CASE WHEN sees THEN 'fine' ELSE '22012|' END,
		  role || CASE WHEN sees THEN ' lists its alias' ELSE ' does not list its alias' END),
	   is((pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms.keys WHERE key_id = %L', :'key')), CASE WHEN sees THEN 'fine' ELSE '22012|' END,
		  role || CASE WHEN sees THEN ' sees the key' ELSE ' does not see the key' END),
	   is((pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms.key_versions WHERE key_id = %L', :'key')), CASE WHEN sees THEN 'fine' ELSE '22012|' END,
		  role || CASE WHEN sees THEN ' sees its versions' ELSE ' does not see its versions' END),
	   is((pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms.aliases WHERE key_id = %L', :'key')), CASE WHEN sees THEN 'fine' ELSE '22012|' END,
		  role || CASE WHEN sees THEN ' sees its alias' ELSE ' does not see its alias' END)
  FROM (VALUES ('kms_test_owner', true), ('kms_test_member', true), ('kms_test_super', true), ('kms_test_stranger', false), ('kms_test_noinherit', false)) t (role, sees);
SELECT is(pg_temp.verdict_as(role, format('SELECT 1 / count(*) FROM %s WHERE secret_name = ''access''', list)), CASE WHEN sees THEN 'fine' ELSE '22012|' END, format('%s %s the secret in %s', role, CASE WHEN sees THEN 'sees' ELSE 'does not see' END, list))
  FROM (VALUES ('kms_test_owner', true), ('kms_test_member', true), ('kms_test_super', true), ('kms_test_stranger', false), ('kms_test_noinherit', false)) t (role, sees), unnest('{kms_list_secrets(),kms.secrets,kms.secret_versions}'::text[]) list;
SET ROLE kms_test_stranger;
SELECT results_eq('SELECT key_id FROM kms.keys', ARRAY[:'foreign_key'::uuid], 'a role sees its own keys and no other');
CREATE FUNCTION kms_test_place.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'saw %', $1; END $$;
SELECT is(pg_temp.complaint('SELECT * FROM kms.keys WHERE creator <> current_user AND kms_test_place.leak(description)'), 'fine',
		  'a cheap function in a condition is not shown the rows of others'),
	   is(pg_temp.complaint('SELECT * FROM kms.aliases WHERE alias_name <> %L AND kms_test_place.leak(alias_name)', 'alias/foreign'), 'fine', 'nor their aliases'),
	   is(pg_temp.complaint('SELECT * FROM kms.key_versions v WHERE v.key_id <> %L AND kms_test_place.leak(v.key_id::text)', :'foreign_key'), 'fine', 'nor their versions'),
	   is(pg_temp.complaint('SELECT * FROM kms.secrets WHERE secret_name <> %L AND kms_test_place.leak(secret_name)', 'access/foreign'), 'fine', 'nor their secrets'),
	   is(pg_temp.complaint('SELECT * FROM kms.secret_versions WHERE secret_name <> %L AND kms_test_place.leak(version_id)', 'access/foreign'), 'fine', 'nor the versions of those'),
	   is(pg_temp.complaint('SELECT * FROM kms_list_secrets() WHERE secret_name <> %L AND kms_test_place.leak(secret_name)', 'access/foreign'), 'fine', 'nor in a list');
SELECT results_eq('SELECT secret_name COLLATE "default" FROM kms.secrets', ARRAY['access/foreign'], 'a role sees its own secrets and no other');
RESET ROLE;
SELECT is(pg_temp.verdict_as(role, format('SELECT * FROM kms.%I', name)), '42501|', format('%s does not read table %s', role, name))
  FROM unnest(ARRAY['kms_test_owner', 'kms_test_manager']) role, unnest(ARRAY['account', 'alias', 'domain_key', 'key', 'key_version', 'secret', 'secret_version', 'secret_version_stage', 'secret_role']) name;

-- ---- two keys in one call -------------------------------------------------

SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_re_encrypt(%L, %L)', :'blob', :'foreign_key'), '42501|Forbidden.NoPermission', 'nobody re-encrypts to a key of another'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_re_encrypt(%L, %L)', :'foreign_blob', :'key'), '42501|Forbidden.NoPermission', 'nor from one'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_re_encrypt(%L, %L)', :'foreign_blob', :'foreign_key'), '42501|Forbidden.NoPermission', 'nor within one'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_re_encrypt(%L, %L)', :'blob', 'alias/foreign'), '42501|Forbidden.NoPermission', 'nor by its alias'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_re_encrypt(%L, %L)', :'envelope', :'foreign_key'), '42501|Forbidden.NoPermission', 'nor an envelope'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_re_encrypt(%L, %L, source_key_id => %L, source_encryption_algorithm => %L)', :'sm2', :'foreign_key', :'opener', 'SM2PKE'), '42501|Forbidden.NoPermission', 'nor what was encrypted for a pair'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_re_encrypt(%L, %L, source_key_id => %L, source_encryption_algorithm => %L)', :'sm2', :'foreign_key', :'opener', 'SM2PKE'), '42501|Forbidden.NoPermission', 'nor from a pair of another'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_update_alias(%L, %L)', :'foreign_key', 'alias/access'), '42501|Forbidden.NoPermission', 'nobody moves an alias to a key of another'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_update_alias(%L, %L)', :'key', 'alias/foreign'), '42501|Forbidden.NoPermission', 'nor takes an alias away from one'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_delete_alias(%L)', 'alias/foreign'), '42501|Forbidden.NoPermission', 'nor deletes it'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_create_alias(%L, %L)', :'foreign_key', 'alias/taken'), '42501|Forbidden.NoPermission', 'nor gives it another'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_create_alias(%L, %L)', :'key', 'alias/foreign'), '42710|AliasAlreadyExists', 'that a name is taken is told to everybody');
SELECT is((kms_describe_key('alias/foreign')).key_id, :'foreign_key', 'the alias stands where it stood');

-- ---- memberships come and go ----------------------------------------------

SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'before the membership a role is refused');
GRANT kms_test_owner TO kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'a membership counts at once');
SELECT pg_temp.inherits('kms_test_stranger', false) \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'without inheritance it counts no more, at once');
SELECT pg_temp.inherits('kms_test_stranger', true) \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'with inheritance it does');
REVOKE kms_test_owner FROM kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'a revoked membership counts no more, at once');
SAVEPOINT before_grant;
GRANT kms_test_owner TO kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'a membership in a savepoint counts');
ROLLBACK TO before_grant;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'and no more when it is rolled back');

/* The owner of the database is a member of pg_database_owner, without a grant. */
GRANT EXECUTE ON FUNCTION kms_create_key TO pg_database_owner;
SET ROLE pg_database_owner;
SELECT kms_create_key() AS database_key \gset
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_encrypt(%L, %L::text)', :'database_key', 'x'), '42501|Forbidden.NoPermission', 'who does not own the database has none of its owner''s keys');
SAVEPOINT other_owner;
ALTER DATABASE :"DBNAME" OWNER TO kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_encrypt(%L, %L::text)', :'database_key', 'x'), 'fine', 'who owns it has them, at once');
ALTER DATABASE :"DBNAME" OWNER TO kms_test_manager;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_encrypt(%L, %L::text)', :'database_key', 'x'), '42501|Forbidden.NoPermission', 'and not when another owns it');
ROLLBACK TO other_owner;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_encrypt(%L, %L::text)', :'database_key', 'x'), '42501|Forbidden.NoPermission', 'and no longer than that');

-- ---- SET ROLE, views, wrappers, triggers ----------------------------------

SET SESSION AUTHORIZATION kms_test_noinherit;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'a member that does not inherit is refused');
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), 'fine', 'and allowed after SET ROLE');
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'and refused again after RESET ROLE');
SET SESSION AUTHORIZATION kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), 'fine', 'an owner decrypts');
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'who logged in does not count');

SET ROLE kms_test_owner;
CREATE TABLE kms_test_place.held (blob bytea);
INSERT INTO kms_test_place.held VALUES (:'blob');
CREATE VIEW kms_test_place.clear AS SELECT kms_decrypt_text(blob) AS text FROM kms_test_place.held;
GRANT SELECT ON kms_test_place.clear TO PUBLIC;
CREATE VIEW kms_test_place.revealed AS SELECT (kms_get_secret_value('access')).secret_data AS text;
GRANT SELECT ON kms_test_place.revealed TO PUBLIC;
CREATE FUNCTION kms_test_place.reveals() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT (kms_get_secret_value(''access'')).secret_data';
CREATE FUNCTION kms_test_place.definer(blob bytea) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT kms_decrypt_text(blob)';
CREATE FUNCTION kms_test_place.invoker(blob bytea) RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS 'SELECT kms_decrypt_text(blob)';
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT * FROM kms_test_place.clear'), 'fine', 'the owner of a key reads through a view'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT * FROM kms_test_place.clear'), '42501|Forbidden.NoPermission', 'in a view the reader decides'),
	   is(pg_temp.verdict('SELECT * FROM kms_test_place.clear'), '42501|Forbidden.NoPermission', 'a view lends a superuser nothing'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_place.invoker(%L)', :'blob'), '42501|Forbidden.NoPermission', 'a function runs as its caller'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_place.definer(%L)', :'blob'), 'fine', 'a SECURITY DEFINER function of the owner lends the right');
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'for as long as it runs');
SELECT is(pg_temp.verdict_as(role, 'SELECT * FROM kms_test_place.revealed'), verdict, 'in a view over a secret the reader decides: ' || role)
  FROM (VALUES ('kms_test_owner', 'fine'), ('kms_test_member', 'fine'), ('kms_test_stranger', '42501|Forbidden.NoPermission'), ('kms_test_super', '42501|Forbidden.NoPermission')) t (role, verdict);
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_place.reveals()'), 'fine', 'a SECURITY DEFINER function of its owner lends the secret'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_get_secret_value(%L)', 'access'), '42501|Forbidden.NoPermission', 'for as long as it runs');
SET ROLE kms_test_owner;
CREATE MATERIALIZED VIEW kms_test_place.kept AS SELECT kms_decrypt_text(blob) AS text FROM kms_test_place.held;
RESET ROLE;
SELECT is(pg_temp.verdict('REFRESH MATERIALIZED VIEW kms_test_place.kept'), 'fine', 'a materialized view is refreshed with the rights of its owner');
ALTER MATERIALIZED VIEW kms_test_place.kept OWNER TO kms_test_stranger;
GRANT SELECT ON kms_test_place.held TO kms_test_stranger;
SELECT is(pg_temp.verdict('REFRESH MATERIALIZED VIEW kms_test_place.kept'), '42501|Forbidden.NoPermission', 'whoever owns it then');
SET ROLE kms_test_stranger;
CREATE FUNCTION kms_test_place.trap(blob bytea) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT kms_decrypt_text(blob)';
CREATE FUNCTION kms_test_place.steal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.text = kms_decrypt_text(NEW.blob); RETURN NEW; END $$;
CREATE TABLE kms_test_place.bait (blob bytea, text text);
CREATE TRIGGER steal BEFORE INSERT ON kms_test_place.bait FOR EACH ROW EXECUTE FUNCTION kms_test_place.steal();
GRANT INSERT ON kms_test_place.bait TO PUBLIC;
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_test_place.trap(%L)', :'blob'), '42501|Forbidden.NoPermission', 'a SECURITY DEFINER function of a stranger has the stranger''s rights'),
	   is(pg_temp.verdict('INSERT INTO kms_test_place.bait VALUES (%L)', :'blob'), '42501|Forbidden.NoPermission', 'a stranger''s trigger, run by a superuser, decrypts nothing'),
	   is(pg_temp.verdict('SELECT count(*) FROM generate_series(1, 3) WHERE kms_test_place.definer(%L) = %L', :'blob', 'secret'), 'fine', 'a superuser calls the owner''s wrapper');

-- ---- the owner is a role, whatever its name -------------------------------

ALTER ROLE kms_test_owner RENAME TO kms_test_renamed;
SELECT is(pg_temp.verdict_as('kms_test_renamed', 'SELECT kms_get_secret_value(%L), kms_update_secret(%1$L, %L)', 'access', 'x'), 'fine', 'a renamed role still owns its secret, and changes it'),
	   is((SELECT creator FROM kms.secrets WHERE secret_name = 'access'), 'kms_test_renamed', 'which is shown under the new name');
SELECT is(pg_temp.verdict_as('kms_test_renamed', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'a renamed role still owns its key'),
	   is(pg_temp.verdict_as('kms_test_member', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'and so do its members'),
	   is(pg_temp.verdict_as('kms_test_renamed', 'SELECT kms_disable_key(%1$L), kms_enable_key(%1$L)', :'key'), 'fine', 'and it changes it'),
	   is((kms_describe_key(:'key')).creator, 'kms_test_renamed', 'which is described under the new name');
CREATE ROLE kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'a new role with the old name owns nothing');
SELECT is(pg_temp.verdict('DROP ROLE kms_test_owner'), 'fine', 'and can be dropped');
ALTER ROLE kms_test_renamed RENAME TO kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'renamed back, the role owns its key'),
	   is((kms_describe_key(:'key')).creator, 'kms_test_owner', 'under its first name');
CREATE ROLE kms_test_passing;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_passing;
SET ROLE kms_test_passing;
SELECT kms_create_key() AS orphan \gset
SELECT kms_encrypt(:'orphan', 'x'::text) AS orphan_blob \gset
RESET ROLE;
REVOKE EXECUTE ON FUNCTION kms_create_key FROM kms_test_passing;
SELECT is(left(pg_temp.verdict('DROP ROLE kms_test_passing'), 5), '2BP01', 'a role that owns a key is not dropped'),
	   is(pg_temp.hint('DROP ROLE kms_test_passing'),
		  'Give its keys, secrets and certificates to another role with kms_set_owner, and take its grants away with kms_revoke; the views kms.keys, kms.secrets, kms.certificates and kms.grants list them.', 'and the way out is hinted at'),
	   is(pg_temp.verdict_as('kms_test_passing', 'SELECT kms_decrypt(%L)', :'orphan_blob'), 'fine', 'its key is still its own');
DROP OWNED BY kms_test_passing;
SELECT is(pg_temp.verdict_as('kms_test_passing', 'SELECT kms_decrypt(%L)', :'orphan_blob'), '42501|Forbidden.NoPermission', 'DROP OWNED takes its keys away'),
	   is((kms_describe_key(:'orphan')).creator, 'kms_test_passing', 'which keep its name'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'orphan_blob'), '42501|Forbidden.NoPermission', 'and are nobody''s'),
	   is(left(pg_temp.verdict('DROP ROLE kms_test_passing'), 5), '2BP01', 'but the role stands in their rows: it is not dropped');
SELECT kms_set_owner(:'orphan', 'kms_test_stranger') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'orphan_blob'), 'fine', 'a superuser gives them to another role'),
	   is(pg_temp.verdict('DROP ROLE kms_test_passing'), 'fine', 'and then it is dropped');
CREATE ROLE kms_test_passing;
SELECT is(pg_temp.verdict_as('kms_test_passing', 'SELECT kms_decrypt(%L)', :'orphan_blob'), '42501|Forbidden.NoPermission', 'a new role of that name owns nothing');
UPDATE kms.key SET owner_name = 'kms_test_stranger', owner = 'kms_test_stranger'::regrole WHERE id = :'key';
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), 'XX001|Rejected.Unavailable', 'an owner written into the table by hand uses nothing'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_disable_key(%L)', :'key'), 'XX001|Rejected.Unavailable', 'nor does he change anything'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_decrypt(%L)', :'blob'), 'XX001|Rejected.Unavailable', 'and the old owner does not either');

SELECT * FROM finish();
ROLLBACK;
