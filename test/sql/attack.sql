-- A role that plants operators, functions, casts, types and tables where others look first: nothing of it runs, no decision changes.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
\set authority :here /sql/include/ca.psql
\i :authority
SELECT plan(291);

CREATE ROLE kms_test_victim;
CREATE ROLE kms_test_grantee;
CREATE ROLE kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_victim, kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval), kms_create_secret(text, text, bytea, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_victim, kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_certificate TO kms_test_victim, kms_test_attacker;
ALTER ROLE kms_test_victim CREATEROLE;
SET ROLE kms_test_victim;
CREATE TEMP TABLE subject (key text, id text, version text, blob text);
GRANT SELECT ON subject TO PUBLIC;
INSERT INTO subject (key, id) VALUES ('aes', kms_create_key()), ('mac', kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')), ('pair', kms_create_key('EC_P256', 'SIGN/VERIFY')),
	('rsa', kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT')), ('external', kms_create_key(origin => 'EXTERNAL')),
	('rotating', kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days')), ('other', kms_create_key()), ('doomed', kms_create_key());
UPDATE subject SET version = (SELECT v.key_version_id FROM kms_list_key_versions(id) v);
UPDATE subject SET blob = kms_encrypt(id, 'x'::text, '{"a": "1"}') WHERE key IN ('aes', 'other');
UPDATE subject SET blob = kms_asymmetric_encrypt(id, NULL, 'RSAES_OAEP_SHA_256', 'x') WHERE key = 'rsa';
SELECT kms_create_alias(id, 'alias/attack'), kms_tag_resource('{"team": "red"}', id) FROM subject WHERE key = 'aes' \g /dev/null
SELECT kms_grant(id, 'kms_test_grantee', '{*}', '{"a": "1"}', clock_timestamp() + interval '1 hour') FROM subject WHERE key = 'aes' \g /dev/null
SELECT kms_schedule_key_deletion(id, 7) FROM subject WHERE key = 'doomed' \g /dev/null
SELECT set_config('test.public_key', decode(regexp_replace(kms_get_public_key(id), '-----[^-]*-----', '', 'g'), 'base64')::text, true) FROM subject WHERE key = 'rsa' \g /dev/null
CREATE ROLE kms_test_app LOGIN;
CREATE ROLE kms_test_pair LOGIN;
CREATE ROLE kms_test_due LOGIN;
CREATE ROLE kms_test_free LOGIN;
CREATE FUNCTION pg_temp.make_rds(name text, sub_type text, account text) RETURNS kms.new_secret LANGUAGE sql AS
$$ SELECT kms_create_secret(name, 'v1', format('{"Accounts": [{"AccountName": "%s", "AccountPassword": "x"}]}', account), 'Rds', extended_config => jsonb_build_object('SecretSubType', sub_type, 'DBInstanceId', 'local'),
						    enable_automatic_rotation => true, rotation_interval => '7 days') $$;
SELECT kms_create_secret('attack/generic', 'v1', 'x'::text, tags => '{"team": "red"}'), kms_create_secret('attack/chosen', 'v1', 'x'::bytea, encryption_key_id => 'alias/attack'), kms_create_secret('attack/doomed', 'v1', 'x'::text), kms_create_secret('attack/ending', 'v1', 'x'::text),
	   pg_temp.make_rds('attack/rds', 'SingleUser', 'kms_test_app'), pg_temp.make_rds('attack/pair', 'DoubleUsers', 'kms_test_pair'), pg_temp.make_rds('attack/due', 'SingleUser', 'kms_test_due') \g /dev/null
SELECT kms_delete_secret('attack/doomed'), kms_delete_secret('attack/ending'), kms_grant('secret/attack/generic', 'kms_test_grantee', '{*}', NULL, clock_timestamp() + interval '1 hour') \g /dev/null
INSERT INTO subject (key, id) SELECT key, 'attack/' || key FROM unnest('{generic,chosen,doomed secret,rds,two roles}'::text[]) key;
UPDATE subject SET id = CASE key WHEN 'two roles' THEN 'attack/pair' ELSE 'attack/doomed' END WHERE key IN ('doomed secret', 'two roles');
INSERT INTO subject (key, id) VALUES ('of a secret', 'secret/attack/generic');
SELECT certificate_id AS certificate, arn, csr FROM kms_create_certificate('RSA_2048', 'CN=attack', '{attack.example.com}') \gset
RESET ROLE;
SELECT pg_temp.issue(:'csr') AS issued \gset
SET ROLE kms_test_victim;
SELECT kms_upload_certificate(:'certificate', :'issued', :'inter'), kms_tag_resource('{"team": "red"}', certificate_id => :'certificate'), kms_grant(:'arn', 'kms_test_grantee', '{*}', NULL, clock_timestamp() + interval '1 hour') \g /dev/null
INSERT INTO subject VALUES ('certificate', :'certificate', :'issued', kms_certificate_public_key_encrypt(:'certificate', 'RSAES_OAEP_SHA_256', 'x')), ('of a certificate', 'certificate/' || :'certificate', NULL, NULL);
RESET ROLE;
/* Work for kms_run_jobs. */
SELECT kms_test.let_time_pass() \g /dev/null
UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'attack/due';
UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name = 'attack/ending';
SELECT kms_test.stop_time() \g /dev/null

-- ---- every operation, as a statement --------------------------------------

/* Each names its function with its schema, and gives arguments of the types it takes: the choice is not the caller's. */
CREATE TEMP TABLE operation (n serial, key text, statement text, for_superusers boolean DEFAULT false);
INSERT INTO operation (key, statement) VALUES
	('aes', 'SELECT public.kms_grant(%1$L, ''kms_test_grantee'', ''{Encrypt,Decrypt}'', ''{"a": "1", "b": "2"}'', ''2100-01-01'')'),
	('aes', 'SELECT public.kms_grant(%1$L, ''PUBLIC'', ''{DescribeKey}''), public.kms_revoke(%1$L, ''PUBLIC'')'),
	('aes', 'SELECT public.kms_revoke(%1$L, ''kms_test_grantee'', ''{Encrypt}'')'),
	('aes', 'SELECT public.kms_list_grants()'), ('aes', 'SELECT public.kms_list_grants(''alias/attack'')'), ('aes', 'SELECT grantee, operations FROM kms.grants'),
	('aes', 'SELECT public.kms_can(''Encrypt'', %1$L, ''{"a": "1"}'')'),
	('other', 'SELECT public.kms_set_owner(%1$L, ''kms_test_victim'')'),
	('aes', 'SELECT public.kms_describe_key(%1$L)'), ('aes', 'SELECT public.kms_list_keys()'), ('aes', 'SELECT key_id, creator FROM kms.keys'),
	('aes', 'SELECT public.kms_list_keys(''[{"Key": "Creator", "Values": ["kms_test_victim"]}, {"Key": "KeyUsage", "Values": ["ENCRYPT/DECRYPT"]}]'')'),
	('aes', 'SELECT public.kms_list_key_versions(%1$L), public.kms_describe_key_version(%1$L, %2$L)'), ('aes', 'SELECT key_id FROM kms.key_versions'),
	('aes', 'SELECT public.kms_list_aliases(), public.kms_list_aliases_by_key_id(%1$L)'), ('aes', 'SELECT alias_arn FROM kms.aliases'),
	('rotating', 'SELECT job, due_at, next_run FROM kms.jobs'), ('aes', 'SELECT sealed FROM kms.status'), ('aes', 'SELECT public.kms_describe_account_kms_status()'),
	('aes', 'SELECT public.kms_create_key(enable_automatic_rotation => true, rotation_interval => ''30 days'', description => ''x'')'),
	('aes', 'SELECT public.kms_disable_key(%1$L), public.kms_enable_key(%1$L)'), ('aes', 'SELECT public.kms_update_key_description(%1$L, ''new'')'),
	('rotating', 'SELECT public.kms_update_rotation_policy(%1$L, true, ''7 days''), public.kms_create_key_version(%1$L)'),
	('other', 'SELECT public.kms_set_deletion_protection(%1$L, true, ''x''), public.kms_set_deletion_protection(%1$L, false)'),
	('other', 'SELECT public.kms_schedule_key_deletion(%1$L, 7), public.kms_cancel_key_deletion(%1$L)'), ('doomed', 'SELECT public.kms_cancel_key_deletion(%1$L), public.kms_schedule_key_deletion(%1$L, 8)'),
	('external', 'SELECT public.kms_get_parameters_for_import(%1$L)'), ('external', 'SELECT public.kms_delete_key_material(%1$L)'),
	('other', 'SELECT public.kms_create_alias(%1$L, ''alias/attack2''), public.kms_update_alias(%1$L, ''alias/attack2''), public.kms_delete_alias(''alias/attack2'')'),
	('aes', 'SELECT public.kms_encrypt(%1$L, ''x''::pg_catalog.bytea, ''{"a": "1"}''), public.kms_encrypt(''alias/attack'', ''x''::pg_catalog.text); '
		'CREATE TABLE pg_temp.sealed (v pg_catalog.text, n pg_catalog.int4, t pg_catalog.timestamptz); INSERT INTO pg_temp.sealed VALUES (''before'', 1, NULL); '
		'CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON pg_temp.sealed FOR EACH ROW EXECUTE FUNCTION public.kms_encrypt_columns(''alias/attack'', ''v'', ''n,t''); '
		'INSERT INTO pg_temp.sealed SELECT ''x'', 2, pg_catalog.now(); UPDATE pg_temp.sealed SET n = 3; UPDATE pg_temp.sealed SET t = NULL; DROP TABLE pg_temp.sealed'),
	('mac', 'CREATE TABLE pg_temp.shut (n pg_catalog.int4 PRIMARY KEY, v pg_catalog.text, w pg_catalog.bytea DEFAULT ''x'', t pg_catalog.timestamptz DEFAULT pg_catalog.now()); INSERT INTO pg_temp.shut VALUES (1, ''before''); '
		'SELECT public.kms_protect_column(''pg_temp.shut'', ''v'', ''alias/attack'', ''{n,t}'', true, %1$L), public.kms_protect_column(''pg_temp.shut'', ''w'', ''alias/attack''); '
		'INSERT INTO pg_temp.shut_decrypted VALUES (2, ''x'', ''y''); UPDATE pg_temp.shut_decrypted SET v = ''z'', w = NULL, n = 3 WHERE n OPERATOR(pg_catalog.=) 2; UPDATE pg_temp.shut_decrypted SET n = n; DELETE FROM pg_temp.shut_decrypted WHERE v OPERATOR(pg_catalog.=) ''z''; '
		'SELECT public.kms_scan_column(''pg_temp.shut'', ''v''); SELECT FROM kms.protected_columns; SELECT FROM kms.jobs; '
		'SELECT public.kms_unprotect_column(''pg_temp.shut'', ''v''), public.kms_unprotect_column(''pg_temp.shut'', ''w''); DROP TABLE pg_temp.shut'),
	('aes', 'SELECT public.kms_decrypt(%3$L, ''{"a": "1"}''), public.kms_decrypt_text(%3$L, ''{"a": "1"}''), public.kms_ciphertext_info(%3$L), public.kms_try_decrypt(%3$L), public.kms_try_decrypt_text(%3$L, ''{"a": "1"}'')'),
	('aes', 'SELECT public.kms_re_encrypt(%3$L, %1$L, ''{"a": "1"}'', ''{"b": "2"}'')'),
	('aes', 'SELECT public.kms_envelope_encrypt(%1$L, ''x''::pg_catalog.bytea), public.kms_envelope_encrypt(%1$L, ''x''::pg_catalog.text, ''{"a": "1"}'')'),
	('aes', 'SELECT public.kms_generate_data_key(%1$L, number_of_bytes => 32), public.kms_generate_data_key_without_plaintext(%1$L, ''AES_256'')'),
	('aes', 'SELECT public.kms_export_data_key(%3$L, pg_catalog.current_setting(''test.public_key'')::pg_catalog.bytea, ''RSA_2048'', ''RSAES_OAEP_SHA_256'', ''{"a": "1"}'')'),
	('aes', 'SELECT public.kms_generate_and_export_data_key(%1$L, pg_catalog.current_setting(''test.public_key'')::pg_catalog.bytea, ''RSA_2048'', ''RSAES_OAEP_SHA_256'')'),
	('aes', 'SELECT public.kms_tag_resource(''{"team": "red", "env": ""}'', %1$L), public.kms_untag_resource(''{team}'', %1$L), public.kms_list_resource_tags(%1$L)'),
	('aes', 'SELECT public.kms_create_key(tags => ''[{"TagKey": "team", "TagValue": "red"}]'')'), ('aes', 'SELECT tag_key, tag_value FROM kms.tags'), ('aes', 'SELECT public.kms_describe_regions()'),
	('aes', 'SELECT public.kms_list_keys(''[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["red"]}]'')'),
	('mac', 'SELECT public.kms_generate_mac(%1$L, ''x''), public.kms_verify_mac(%1$L, ''x'', ''x''), public.kms_blind_index(%1$L, ''x'', ''{"a": "1"}'')'),
	('pair', 'SELECT public.kms_asymmetric_sign(%1$L, NULL, ''ECDSA_SHA_256'', pg_catalog.sha256(''x'')), public.kms_asymmetric_verify(%1$L, %2$L, ''ECDSA_SHA_256'', pg_catalog.sha256(''x''), ''x'')'),
	('rsa', 'SELECT public.kms_asymmetric_encrypt(%1$L, NULL, ''RSAES_OAEP_SHA_256'', ''x''), public.kms_asymmetric_decrypt(%1$L, %2$L, ''RSAES_OAEP_SHA_256'', %3$L), public.kms_get_public_key(%1$L)'),
	('aes', 'SELECT public.kms_call(''Encrypt'', pg_catalog.jsonb_build_object(''KeyId'', %1$L::pg_catalog.text, ''Plaintext'', ''eA=='', ''EncryptionContext'', ''{"a": "1"}''))'),
	('aes', 'SELECT public.kms_call(''ListKeys'', ''{}''), public.kms_call(''ListAliases'', ''{}''), public.kms_call(''DescribeKey'', pg_catalog.jsonb_build_object(''KeyId'', %1$L::pg_catalog.text))'),
	('aes', 'SELECT public.kms_call(''TagResources'', pg_catalog.jsonb_build_object(''RegionId'', ''x'', ''ResourceType'', ''key'', ''ResourceId'', pg_catalog.jsonb_build_array(%1$L::pg_catalog.text), ''Tag'', ''[{"Key": "a", "Value": "1"}]''))'),
	('aes', 'SELECT public.kms_call(''UntagResources'', pg_catalog.jsonb_build_object(''RegionId'', ''x'', ''ResourceType'', ''key'', ''ResourceId'', pg_catalog.jsonb_build_array(%1$L::pg_catalog.text), ''All'', true))'),
	('aes', 'SELECT public.kms_call(''ListTagResources'', ''{"RegionId": "x", "ResourceType": "key", "ResourceId": ["a"], "Tag": [{"Key": "team", "Value": "red"}]}'')'),
	('generic', 'SELECT public.kms_call(''GetSecretValue'', pg_catalog.jsonb_build_object(''SecretName'', %1$L::pg_catalog.text)), public.kms_call(''ListSecrets'', ''{"FetchTags": true}''), public.kms_call(''UpdateSecret'', pg_catalog.jsonb_build_object(''SecretName'', %1$L::pg_catalog.text, ''Description'', ''x''))'),
	('generic', 'SELECT public.kms_call(''PutSecretValue'', pg_catalog.jsonb_build_object(''SecretName'', %1$L::pg_catalog.text, ''VersionId'', ''v2'', ''SecretData'', ''x'')), public.kms_call(''CreateSecret'', ''{"SecretName": "attack/new3", "VersionId": "v1", "SecretData": "eA==", "SecretDataType": "binary"}'')'),
	('aes', 'SELECT public.kms_generate_random(16), public.kms_get_random_password(8, ''x'')'),
	('aes', 'SELECT public.kms_create_secret(''attack/new'', ''v1'', ''x''::pg_catalog.text, description => ''x''), public.kms_create_secret(''attack/new2'', ''v1'', ''x''::pg_catalog.bytea, encryption_key_id => %1$L)'),
	('generic', 'SELECT public.kms_create_secret(''attack/new'', ''v1'', ''{"Accounts": [{"AccountName": "kms_test_free", "AccountPassword": "x"}]}''::pg_catalog.text, ''Rds'', extended_config => ''{"SecretSubType": "DoubleUsers", "DBInstanceId": "local", "CustomData": {"a": "b"}}'', '
				'enable_automatic_rotation => true, rotation_interval => ''7 days'')'),
	('generic', 'SELECT public.kms_get_secret_value(%1$L), public.kms_get_secret_value(%1$L, ''ACSCurrent'', ''v1'', true)'), ('rds', 'SELECT public.kms_get_secret_value(%1$L, fetch_extended_config => true)'),
	('chosen', 'SELECT public.kms_get_secret_value(%1$L), public.kms_put_secret_value(%1$L, ''v2'', ''x''::pg_catalog.bytea)'),
	('generic', 'SELECT public.kms_put_secret_value(%1$L, ''v2'', ''x''::pg_catalog.text, ''{ACSCurrent,own}''), public.kms_put_secret_value(%1$L, ''v2'', ''x''::pg_catalog.text), public.kms_put_secret_value(%1$L, ''v3'', ''x''::pg_catalog.bytea)'),
	('generic', 'SELECT public.kms_put_secret_value(%1$L, n::pg_catalog.text, ''x''::pg_catalog.text) FROM pg_catalog.generate_series(1, 11) n'),
	('generic', 'SELECT public.kms_update_secret_version_stage(%1$L, ''own'', ''v1''), public.kms_update_secret_version_stage(%1$L, ''own'', NULL, ''v1'')'), ('generic', 'SELECT public.kms_update_secret(%1$L, ''x'')'),
	('generic', 'SELECT public.kms_describe_secret(%1$L, true), public.kms_list_secret_version_ids(%1$L, true)'), ('generic', 'SELECT public.kms_list_secrets()'), ('generic', 'SELECT creator, version_id FROM kms.secrets, kms.secret_versions'),
	('generic', 'SELECT public.kms_list_secrets(''[{"Key": "Creator", "Values": ["kms_test_victim"]}, {"Key": "SecretType", "Values": ["rds"]}, {"Key": "Description", "Values": [""]}]'', true)'),
	('generic', 'SELECT public.kms_tag_resource(''{"team": "red"}'', secret_name => %1$L), public.kms_untag_resource(''{env}'', secret_name => %1$L), public.kms_list_resource_tags(secret_name => %1$L)'),
	('generic', 'SELECT public.kms_list_secrets(''[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["red"]}]'', true)'),
	('generic', 'SELECT public.kms_delete_secret(%1$L), public.kms_restore_secret(%1$L), public.kms_delete_secret(%1$L, true)'), ('doomed secret', 'SELECT public.kms_restore_secret(%1$L), public.kms_delete_secret(%1$L, false, 7)'),
	('rds', 'SELECT public.kms_rotate_secret(%1$L), public.kms_update_secret_rotation_policy(%1$L, true, ''10 days''), public.kms_update_secret(%1$L, custom_data => ''{"a": "b"}'')'), ('two roles', 'SELECT public.kms_rotate_secret(%1$L), public.kms_rotate_secret(%1$L, ''v2'')'),
	('of a secret', 'SELECT public.kms_grant(%1$L, ''kms_test_grantee'', ''{GetSecretValue}'', expires_at => ''2100-01-01''), public.kms_revoke(%1$L, ''kms_test_grantee''), public.kms_set_owner(%1$L, ''kms_test_victim'')'),
	('of a secret', 'SELECT public.kms_list_grants(%1$L)'), ('of a secret', 'SELECT public.kms_can(''GetSecretValue'', %1$L)'), ('generic', 'SELECT job, name, next_run FROM kms.jobs'),
	('certificate', 'SELECT public.kms_create_certificate(''EC_P256'', ''CN=attack, O=x'', ''{attack.example.com,10.0.0.1}'', false)'),
	('certificate', 'SELECT public.kms_describe_certificate(%1$L), public.kms_get_certificate(%1$L)'), ('certificate', 'SELECT public.kms_list_certificates(), public.kms_list_certificates(''ATTACK'', ''inter'', ''ACTIVE'')'),
	('certificate', 'SELECT creator, days_to_expiry, tags FROM kms.certificates'),
	('certificate', 'SELECT public.kms_certificate_private_key_sign(%1$L, ''RSA_PSS_SHA_256'', ''x''), public.kms_certificate_public_key_verify(%1$L, ''RSA_PSS_SHA_256'', pg_catalog.sha256(''x''), ''x'', ''DIGEST'')'),
	('certificate', 'SELECT public.kms_certificate_public_key_encrypt(%1$L, ''RSAES_OAEP_SHA_256'', ''x''), public.kms_certificate_private_key_decrypt(%1$L, ''RSAES_OAEP_SHA_256'', %3$L)'), ('certificate', 'SELECT public.kms_export_certificate(%1$L, ''x'')'),
	('certificate', 'SELECT public.kms_upload_certificate(%1$L, %2$L)'), ('certificate', 'SELECT public.kms_update_certificate_status(%1$L, ''INACTIVE''), public.kms_update_certificate_status(%1$L, ''REVOKED'')'), ('certificate', 'SELECT public.kms_delete_certificate(%1$L)'),
	('certificate', 'SELECT public.kms_tag_resource(''{"team": "blue"}'', certificate_id => %1$L), public.kms_untag_resource(''{team}'', certificate_id => %1$L), public.kms_list_resource_tags(certificate_id => %1$L)'),
	('of a certificate', 'SELECT public.kms_grant(%1$L, ''kms_test_grantee'', ''{ExportCertificate}'', expires_at => ''2100-01-01''), public.kms_revoke(%1$L, ''kms_test_grantee''), public.kms_set_owner(%1$L, ''kms_test_victim'')'),
	('of a certificate', 'SELECT public.kms_list_grants(%1$L)'), ('of a certificate', 'SELECT public.kms_can(''ExportCertificate'', %1$L)');
INSERT INTO operation (key, statement, for_superusers) VALUES
	('aes', 'SELECT public.kms_check_integrity(), public.kms_verify_audit_log()', true), ('aes', 'SELECT FROM kms.audit_log, kms.key_usage', true), ('aes', 'SELECT public.kms_run_jobs()', true), ('aes', 'SELECT public.kms_confirm_home()', true), ('aes', 'SELECT public.kms_rewrap_domain_key()', true), ('aes', 'SELECT public.kms_rotate_domain_key()', true),
	('aes', 'SELECT public.kms_grant(%1$L, ''kms_test_grantee'', ''{Encrypt}''), public.kms_revoke(%1$L, ''kms_test_grantee'')', true), ('aes', 'SELECT public.kms_set_owner(%1$L, ''kms_test_victim'')', true),
	('aes', 'SELECT public.kms_list_keys(), public.kms_list_grants(), public.kms_list_aliases()', true), ('aes', 'SELECT key_id FROM kms.keys, kms.jobs', true), ('aes', 'SELECT public.kms_tag_resource(''{"team": "blue"}'', %1$L), public.kms_list_resource_tags(%1$L)', true), ('aes', 'SELECT resource FROM kms.tags', true), ('generic', 'SELECT public.kms_list_secrets()', true), ('generic', 'SELECT creator, version_id FROM kms.secrets, kms.secret_versions', true),
	('generic', 'SELECT public.kms_put_secret_value(%1$L, ''v2'', ''x''::pg_catalog.text), public.kms_describe_secret(%1$L), public.kms_delete_secret(%1$L)', true), ('two roles', 'SELECT public.kms_rotate_secret(%1$L)', true), ('of a secret', 'SELECT public.kms_set_owner(%1$L, ''kms_test_victim'')', true), ('other', 'SELECT public.kms_schedule_key_deletion(%1$L, 7)', true),
	('certificate', 'SELECT public.kms_list_certificates(''attack'')', true), ('certificate', 'SELECT creator FROM kms.certificates', true), ('certificate', 'SELECT public.kms_upload_certificate(%1$L, %2$L), public.kms_update_certificate_status(%1$L, ''INACTIVE''), public.kms_delete_certificate(%1$L)', true),
	('of a certificate', 'SELECT public.kms_set_owner(%1$L, ''kms_test_victim'')', true);
GRANT SELECT ON operation TO PUBLIC;
/* Procedures commit, which is not possible here: they are in column_hostile.sql. */
SELECT is_empty($$SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'kms'
					WHERE p.pronamespace = e.extnamespace AND p.proname NOT IN ('kms_open_kms_service', 'kms_import_key_material') AND p.prokind <> 'p' AND NOT EXISTS (SELECT FROM operation o WHERE o.statement ~ (p.proname || '\M'))$$,
				'every public function is tried');

-- ---- what is planted ------------------------------------------------------

GRANT CREATE ON DATABASE :"DBNAME" TO kms_test_attacker;
SET ROLE kms_test_attacker;
CREATE SCHEMA kms_test_trap;
GRANT USAGE ON SCHEMA kms_test_trap TO PUBLIC;
CREATE TABLE kms_test_trap.caught (what text, by_whom name);
GRANT INSERT, SELECT ON kms_test_trap.caught TO PUBLIC;
/* For every operator and function of PostgreSQL on types that we use one that fits as exactly, and records who runs it. */
DO
$plant$
DECLARE
	types constant regtype[] = '{uuid,text,bytea,jsonb,timestamptz,integer,bigint,smallint,oid,boolean,name,interval,regclass,"char",text[],uuid[]}';
	planted record;
	body text;
BEGIN
	body = '$f$ BEGIN INSERT INTO kms_test_trap.caught VALUES (%L, current_user); RETURN NULL; END $f$';
	FOR planted IN
		SELECT DISTINCT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result FROM pg_operator o
		 WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft::regtype = ANY (types) AND o.oprright::regtype = ANY (types) AND o.oprresult::regtype = ANY (types) AND o.oprname <> '=>'
	LOOP
		EXECUTE format('CREATE FUNCTION kms_test_trap.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS ' || body, 'op ' || planted.oprname, planted.l, planted.r, planted.result, 'operator ' || planted.oprname);
		EXECUTE format('CREATE OPERATOR kms_test_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = kms_test_trap.%I)', planted.oprname, planted.l, planted.r, 'op ' || planted.oprname);
	END LOOP;
	FOR planted IN
		SELECT DISTINCT p.proname, pg_get_function_arguments(p.oid) AS arguments, p.prorettype::regtype AS result FROM pg_proc p
		 WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0 AND p.proargmodes IS NULL AND p.prorettype::regtype = ANY (types)
		   AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a WHERE a::regtype <> ALL (types))
	LOOP
		EXECUTE format('CREATE FUNCTION kms_test_trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS ' || body, planted.proname, planted.arguments, planted.result, 'function ' || planted.proname);
	END LOOP;
	/* Our own functions, procedures and helpers, but for what takes a row of our tables: from PostgreSQL 18 on, nobody may name their types. */
	FOR planted IN
		SELECT p.proname, replace(pg_catalog.oidvectortypes(p.proargtypes), '"any"', 'VARIADIC text[]') AS arguments FROM pg_proc p
		  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'kms' WHERE p.prorettype <> 'trigger'::regtype
		   AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a WHERE NOT has_type_privilege(a, 'USAGE'))
	LOOP
		EXECUTE format('CREATE FUNCTION kms_test_trap.%I(%s) RETURNS text LANGUAGE plpgsql AS ' || body, planted.proname, planted.arguments, 'our ' || planted.proname);
	END LOOP;
	/* Domains of the names of the types, with a check; tables and views of the names of ours. */
	EXECUTE 'CREATE FUNCTION kms_test_trap.domain_check() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO kms_test_trap.caught VALUES (''domain'', current_user); RETURN true; END $f$';
	FOR planted IN SELECT unnest('{uuid,text,bytea,jsonb,timestamptz,int4,int8,oid,bool,name,interval,regclass,regrole,grant_metadata,key_metadata,new_secret,secret_metadata,secret_value,new_certificate,certificate_text,certificate_metadata,regprocedure,int2,version_count,protected_column}'::text[]) AS name LOOP
		EXECUTE format('CREATE DOMAIN kms_test_trap.%I AS pg_catalog.int4 CHECK (kms_test_trap.domain_check())', planted.name);
	END LOOP;
	EXECUTE 'CREATE FUNCTION kms_test_trap.trigger() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO kms_test_trap.caught VALUES (''trigger'', current_user); RETURN NULL; END $f$';
	FOR planted IN SELECT c.relname AS name, c.relkind FROM pg_class c WHERE c.relnamespace = 'kms'::regnamespace AND c.relkind IN ('r', 'v') LOOP
		IF planted.relkind = 'v' THEN
			EXECUTE format('CREATE VIEW kms_test_trap.%I AS SELECT kms_test_trap.domain_check() AS id', planted.name);
		ELSE
			EXECUTE format('CREATE TABLE kms_test_trap.%I AS SELECT 1 AS id', planted.name);
			EXECUTE format('CREATE TRIGGER spring AFTER INSERT OR UPDATE OR DELETE ON kms_test_trap.%I FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.trigger()', planted.name);
		END IF;
		EXECUTE format('GRANT ALL ON kms_test_trap.%I TO PUBLIC', planted.name);
	END LOOP;
END
$plant$;
/* A type with casts to those that our functions take, without being asked. */
CREATE TYPE kms_test_trap.bait AS (value integer);
CREATE FUNCTION kms_test_trap.bite(kms_test_trap.bait) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('cast', current_user); RETURN 'alias/attack'; END $$;
CREATE CAST (kms_test_trap.bait AS pg_catalog.text) WITH FUNCTION kms_test_trap.bite(kms_test_trap.bait) AS IMPLICIT;
ALTER DEFAULT PRIVILEGES FOR ROLE kms_test_attacker GRANT ALL ON TABLES TO PUBLIC;
SELECT is(pg_temp.verdict(statement), '42501|', what || ' is not for the attacker to make')
  FROM (VALUES ('CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION kms_test_trap.trigger()', 'an event trigger'), ('CREATE CAST (pg_catalog.uuid AS pg_catalog.text) WITHOUT FUNCTION', 'a cast between types of PostgreSQL'),
			   ('CREATE POLICY p ON kms.grant_entry USING (true)', 'a policy on our tables'), ('CREATE TRIGGER t AFTER INSERT ON kms.grant_entry EXECUTE FUNCTION kms_test_trap.trigger()', 'a trigger on them'),
			   ('CREATE RULE r AS ON SELECT TO kms.grants DO INSTEAD SELECT 1', 'a rule on our views'), ('ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO PUBLIC', 'default privileges of another'),
			   ('ALTER DOMAIN kms.x ADD CHECK (true)', 'a check in our schema'), ('CREATE TABLE kms.role_anchor2 ()', 'a table in our schema'), ('COMMENT ON TABLE kms.key IS ''x''', 'a comment on our tables'),
			   ('GRANT SELECT ON kms.role_anchor TO kms_test_attacker', 'the privilege on the anchor'), ('ALTER FUNCTION public.kms_grant(text, text, text[], jsonb, timestamptz) SECURITY DEFINER', 'a change to our functions'),
			   ('CREATE STATISTICS s ON id, owner FROM kms.key', 'statistics on our tables')) t (statement, what)
 WHERE what <> 'a check in our schema';
RESET ROLE;
/* By a superuser, on behalf of the worst: temporary tables and functions of our names. */
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'kms'::regnamespace AND relkind = 'r' LOOP
		EXECUTE format('CREATE TEMP TABLE %I (LIKE kms.%1$I)', name);
		EXECUTE format('GRANT ALL ON pg_temp.%I TO PUBLIC', name);
		EXECUTE format('CREATE TRIGGER spring AFTER INSERT OR UPDATE OR DELETE ON pg_temp.%I FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.trigger()', name);
	END LOOP;
END $$;
/* What would forge rights, if it were read: the attacker owns everything, and may do everything. */
INSERT INTO pg_temp.key (id, owner, owner_name, created_at, state, spec, usage, origin, primary_version, description, deletion_protected, account_id, domain_key_version, mac)
	SELECT id, 'kms_test_attacker'::regrole, 'kms_test_attacker', created_at, state, spec, usage, origin, primary_version, description, false, account_id, domain_key_version, mac FROM kms.key;
INSERT INTO pg_temp.grant_entry SELECT gen_random_uuid(), 'key', id, 0, 'PUBLIC', '{*}', NULL, NULL, 'postgres', now(), account_id, domain_key_version, mac FROM kms.key;
INSERT INTO pg_temp.secret (id, name, owner, owner_name, created_at, updated_at, type, description, key_id, key_is_chosen, automatic_rotation, hour_rotations, account_id, domain_key_version, mac)
	SELECT id, name, 'kms_test_attacker'::regrole, 'kms_test_attacker', created_at, updated_at, 'Generic', description, key_id, false, automatic_rotation, 0, account_id, domain_key_version, mac FROM kms.secret;
INSERT INTO pg_temp.grant_entry SELECT gen_random_uuid(), 'secret', id, 0, 'PUBLIC', '{*}', NULL, NULL, 'postgres', now(), account_id, domain_key_version, mac FROM kms.secret;
INSERT INTO pg_temp.certificate SELECT * FROM kms.certificate;
UPDATE pg_temp.certificate SET owner = 'kms_test_attacker'::regrole, owner_name = 'kms_test_attacker';
INSERT INTO pg_temp.grant_entry SELECT gen_random_uuid(), 'certificate', id, 0, 'PUBLIC', '{*}', NULL, NULL, 'postgres', now(), account_id, domain_key_version, mac FROM kms.certificate;
INSERT INTO pg_temp.secret_version SELECT secret_id, id, created_at, data_type, NULL, 'x' FROM kms.secret_version;
DELETE FROM kms_test_trap.caught;

-- ---- and does not run -----------------------------------------------------

CREATE FUNCTION pg_temp.attacked(path text, role name, operation operation) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	statement text = (SELECT pg_catalog.format(operation.statement, s.id, s.version, s.blob) FROM subject s WHERE s.key OPERATOR(pg_catalog.=) operation.key);
	result text;
	caught text;
BEGIN
	BEGIN
		EXECUTE pg_catalog.format('SET LOCAL ROLE %I', role);
		PERFORM pg_catalog.set_config('search_path', path, true);
		result = pg_temp.verdict('%s', statement);
		SET LOCAL search_path = pg_catalog, pg_temp;
		RESET ROLE;
		caught = (SELECT pg_catalog.string_agg(DISTINCT what || ' as ' || by_whom, ', ') FROM kms_test_trap.caught);
		RAISE EXCEPTION USING ERRCODE = 'KT001';
	EXCEPTION WHEN SQLSTATE 'KT001' THEN
		RETURN pg_catalog.concat_ws(', caught: ', result, caught);
	END;
END
$$;
/* Statements that the library has prepared are looked up anew. */
DISCARD PLANS;
SET LOCAL search_path = kms_test_trap, pg_catalog;
SELECT 'x'::pg_catalog.text || 'y'::pg_catalog.text, length('x'::pg_catalog.text) \g /dev/null
RESET search_path;
SELECT is((SELECT string_agg(what || ' as ' || by_whom, ', ' ORDER BY what) FROM kms_test_trap.caught), 'function length as postgres, operator || as postgres', 'the traps work: an operator and a function are taken where a statement leaves the choice');
DELETE FROM kms_test_trap.caught;
SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'kms_test_trap'::regnamespace), '>', 1000::bigint, 'more than a thousand traps are set');

CREATE TEMP TABLE path (name text, path text);
INSERT INTO path VALUES ('the trap first', 'kms_test_trap, pg_catalog, public'), ('temporary tables first', 'pg_temp, kms_test_trap, pg_catalog, kms, public'), ('the trap alone', 'kms_test_trap');
SELECT is(string_agg(format('%s: %s', p.name, pg_temp.attacked(p.path, 'kms_test_victim', o)), '; ' ORDER BY p.name) , 'temporary tables first: fine; the trap alone: fine; the trap first: fine', 'for the owner, nothing planted runs: ' || left(o.statement, 80))
  FROM operation o, path p WHERE NOT for_superusers GROUP BY o.n, o.statement ORDER BY o.n;
SELECT is(string_agg(format('%s: %s', p.name, pg_temp.attacked(p.path, 'postgres', o)), '; ' ORDER BY p.name) , 'temporary tables first: fine; the trap alone: fine; the trap first: fine', 'for a superuser, nothing planted runs: ' || left(o.statement, 80))
  FROM operation o, path p WHERE for_superusers GROUP BY o.n, o.statement ORDER BY o.n;
/* What asks for a right on a key, secret or certificate refuses the attacker as ever; what lists shows nothing. */
SELECT is(string_agg(DISTINCT pg_temp.attacked(p.path, 'kms_test_attacker', o), '; '), '42501|Forbidden.NoPermission', 'for the attacker nothing changes: ' || left(o.statement, 80))
  FROM operation o, path p WHERE NOT for_superusers AND statement ~ '%1' AND statement !~ 'kms_can' GROUP BY o.n, o.statement ORDER BY o.n;
SELECT is(pg_temp.attacked(p.path, 'kms_test_attacker', ROW(0, 'aes', format('SELECT 1 OPERATOR(pg_catalog./) pg_catalog.count(*) FROM %s', list), false)::operation), '22012|', format('with %s the attacker sees nothing in %s', p.name, list))
  FROM path p, unnest(ARRAY['kms.keys', 'kms.key_versions', 'kms.aliases', 'kms.grants', 'kms.jobs', 'public.kms_list_keys()', 'public.kms_list_aliases()', 'public.kms_list_grants()', 'kms.secrets', 'kms.secret_versions', 'public.kms_list_secrets()', 'kms.certificates', 'public.kms_list_certificates()', 'kms.tags']) list ORDER BY list, p.name;
SELECT is(pg_temp.attacked(p.path, 'kms_test_attacker', ROW(0, 'aes', 'SELECT 1 OPERATOR(pg_catalog./) public.kms_can(''Encrypt'', %1$L, ''{"a": "1"}'')::pg_catalog.int4', false)::operation), '22012|', 'with ' || p.name || ' kms_can says no')
  FROM path p ORDER BY p.name;
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'in the end nothing was caught'),
	   is((SELECT count(*) FROM pg_temp.grant_entry), (SELECT count(*) FROM pg_temp.key) + (SELECT count(*) FROM pg_temp.secret) + (SELECT count(*) FROM pg_temp.certificate), 'and no temporary table was written'),
	   is_empty('SELECT FROM pg_temp.secret WHERE owner_name <> ''kms_test_attacker'' UNION ALL SELECT FROM pg_temp.certificate WHERE owner_name <> ''kms_test_attacker'' UNION ALL SELECT FROM pg_temp.tag', 'nor changed');

/* The attacker's own conversions run before the call, as who calls. */
SELECT is(pg_temp.attacked('public', 'kms_test_victim', ROW(0, 'aes', 'SELECT public.kms_describe_key(ROW(1)::kms_test_trap.bait)', false)::operation), 'fine, caught: cast as kms_test_victim', 'a planted cast runs as the caller, who wrote it');
SELECT is(pg_temp.attacked('public', 'kms_test_attacker', ROW(0, 'aes', 'SELECT public.kms_can(''Encrypt'', ROW(1)::kms_test_trap.bait)', false)::operation), 'fine, caught: cast as kms_test_attacker', 'never as anybody else');

/* Rows that are made up, given to the helpers that the views are made of. */
SET ROLE kms_test_attacker;
SELECT is(kms.may_describe(id::uuid, 10, 'postgres'), false, 'a helper of the views, asked about another''s key, says no'),
	   is(kms.may_describe(id::uuid, 'kms_test_victim'::regrole, 'kms_test_victim'), false, 'whoever is said to be its owner') FROM subject WHERE key = 'aes';
SELECT is(pg_temp.verdict('SELECT kms.describable(%L)', id), '42501|Forbidden.NoPermission', 'and another does not say which key an alias is') FROM subject WHERE key = 'aes';
SELECT is(kms.may_describe_secret((SELECT id FROM pg_temp.secret WHERE name = 'attack/generic'), owner, name), false, 'nor does one that is asked about a secret say yes, whoever is said to be its owner')
  FROM (VALUES (10, 'postgres'), ('kms_test_victim'::regrole::oid, 'kms_test_victim'), (0, ''), (4294967295, repeat('x', 1000))) t (owner, name);
SELECT is(kms.may_describe_secret(NULL, NULL, NULL), false, 'nor about none'),
	   is(pg_temp.verdict('SELECT kms.describable(%L)', 'secret/attack/generic'), '42501|Forbidden.NoPermission', 'nor does it name a secret of another');
SELECT is(kms.may_describe_certificate(id::uuid, owner, name), false, 'nor does one that is asked about a certificate say yes, whoever is said to be its owner') FROM subject,
	   (VALUES (10, 'postgres'), ('kms_test_victim'::regrole::oid, 'kms_test_victim'), (0, ''), (4294967295, repeat('x', 1000))) t (owner, name) WHERE key = 'certificate';
SELECT is(kms.may_describe_certificate(NULL, NULL, NULL), false, 'nor about none'),
	   is(kms.may_describe_certificate(gen_random_uuid(), 0, ''), false, 'nor about one that is not there'),
	   is(pg_temp.verdict('SELECT kms.describable(%L)', (SELECT id FROM subject WHERE key = 'of a certificate')), '42501|Forbidden.NoPermission', 'nor does it name a certificate of another'),
	   is(pg_temp.verdict('SELECT kms.certificate_status(%L)', repeat('x', 1000000)), '22023|InvalidParameter', 'a status that is none is none'),
	   is(kms.certificate_status(NULL), NULL, 'and null is no status');
SELECT matches(pg_temp.verdict('SELECT kms.describe_grant(ROW(%s)::kms.grant_entry)', row_text), '^(fine|XX001\|Rejected.Unavailable|22P02.*|22021.*)$', 'a made-up grant harms nobody: ' || row_text)
  FROM unnest(ARRAY['NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL',
					'gen_random_uuid(), ''key'', gen_random_uuid(), 10, ''postgres'', ''{*}'', NULL, NULL, ''x'', now(), 1, 1, ''x''',
					'gen_random_uuid(), ''key'', gen_random_uuid(), 4294967295, ''x'', ''{NULL}'', NULL, NULL, ''x'', now(), 1, 1, ''x''',
					'gen_random_uuid(), ''key'', gen_random_uuid(), 0, ''x'', ''{}'', ''\x0001'', ''-infinity'', ''x'', ''infinity'', 1, 1, ''''',
					'gen_random_uuid(), ''key'', gen_random_uuid(), 0, ''x'', ''{{a,b},{c,d}}'', ''\xffffffffffff'', NULL, ''x'', now(), 1, 1, ''x''',
					'gen_random_uuid(), ''key'', gen_random_uuid(), 0, ''x'', ''{a}'', ''\x000100020000fffe0001'', NULL, ''x'', now(), 1, 1, ''x''',
					'gen_random_uuid(), ''key'', gen_random_uuid(), 0, ''x'', ''{a}'', ''\x00010001ff0001ff'', NULL, ''x'', now(), 1, 1, ''x''']) row_text;
SELECT matches(pg_temp.verdict('SELECT (kms.describe_secret(ROW(%s)::kms.secret)).*', row_text), verdict, 'nor does a made-up secret: ' || left(row_text, 120))
  FROM (VALUES (1, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Generic'', NULL, ''d'', gen_random_uuid(), true, NULL, ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^fine$'),
			   (2, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Rds'', ''SingleUser'', ''d'', gen_random_uuid(), true, ''{"a": 1}'', ''Enabled'', 9223372036854775807, now(), ''infinity'', ''-infinity'', NULL, -1, NULL, -1, -1, ''''', '^fine$'),
			   (3, array_to_string(array_fill('NULL'::text, ARRAY[23]), ', '), '^XX001\|Rejected.Unavailable$'),
			   (4, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Generic'', NULL, ''d'', gen_random_uuid(), true, ''no JSON'', ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (5, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Generic'', NULL, ''d'', gen_random_uuid(), true, '''', ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (6, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Generic'', NULL, ''d'', gen_random_uuid(), true, repeat(''['', 1000000), ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (7, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Generic'', NULL, ''d'', gen_random_uuid(), true, ''"a string"'', ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^fine$'),
			   (8, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''None of ours'', NULL, ''d'', gen_random_uuid(), true, NULL, ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (9, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Rds'', ''none of ours'', ''d'', gen_random_uuid(), true, NULL, ''Disabled'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (10, 'gen_random_uuid(), ''x'', 10, ''x'', now(), now(), ''Rds'', NULL, ''d'', gen_random_uuid(), true, NULL, ''None of ours'', NULL, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (11, 'gen_random_uuid(), repeat(''x'', 1000000), 4294967295, repeat(''y'', 1000000), ''infinity'', ''-infinity'', ''Rds'', ''DoubleUsers'', repeat(''d'', 1000000), gen_random_uuid(), true, NULL, ''Invalid'', -1, NULL, NULL, NULL, NULL, 0, NULL, 1, 1, ''x''', '^fine$')) t (n, row_text, verdict) ORDER BY n;
SELECT matches(pg_temp.verdict('SELECT (kms.describe_certificate(ROW(%s)::kms.certificate)).*', row_text), verdict, 'nor does a made-up certificate: ' || left(row_text, 120))
  FROM (VALUES (1, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{a,b}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^fine$'),
			   (2, array_to_string(array_fill('NULL'::text, ARRAY[26]), ', '), '^XX001\|Rejected.Unavailable$'),
			   (3, 'gen_random_uuid(), 10, ''x'', now(), now(), ''none of ours'', ''EC_P256'', true, ''CN=x'', ''{a,b}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (4, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', '''', true, ''CN=x'', ''{a,b}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (5, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{a,NULL}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (6, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{{a,b},{c,d}}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^fine$'),
			   (7, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', '''', '''', ''-infinity'', ''\x00'', 1, 1, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (8, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{a,b}'', repeat(''x'', 1000000), ''no number'', ''infinity'', ''-infinity'', ''no PEM'', ''neither'', ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^fine$'),
			   (9, 'gen_random_uuid(), 4294967295, repeat(''x'', 1000000), ''infinity'', ''-infinity'', ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{a,b}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', repeat(''y'', 1000000), ''infinity'', ''\x00'', 1, 1, 1, 1, ''x''', '^fine$'),
			   (11, 'gen_random_uuid(), 4294967295, repeat(''x'', 1000000), ''infinity'', ''-infinity'', ''ACTIVE'', ''EC_P256'', true, ''CN=x'', ''{a,b}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', decode(repeat(''00'', 1000000), ''hex''), repeat(''y'', 1000000), ''infinity'', ''\x00'', 1, 1, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$'),
			   (10, 'gen_random_uuid(), 10, ''x'', now(), now(), ''ACTIVE'', ''EC_P256'', true, NULL, ''{a,b}'', NULL, NULL, NULL, NULL, NULL, NULL, ''00'', ''\x00'', ''x'', NULL, ''\x00'', 1, 1, 1, 1, ''x''', '^XX001\|Rejected.Unavailable$')) t (n, row_text, verdict) ORDER BY n;
SELECT is(tags, NULL, 'a made-up one is not shown with the tags of another''s'), isnt(subject, NULL, 'but as it was made up')
  FROM kms.describe_certificate(jsonb_populate_record(NULL::kms.certificate, (SELECT to_jsonb(c) FROM pg_temp.certificate c WHERE c.id = (SELECT id::uuid FROM subject WHERE key = 'certificate'))));
RESET ROLE;

-- ---- the script, as the well-known linter looks at it ---------------------
-- PS003, PS004 and PS005 are in test/sql/catalog.sql: nothing is SECURITY DEFINER, functions in SQL are parsed when they are made.

CREATE TEMP TABLE piece AS SELECT name, regexp_replace(regexp_replace(pg_read_file(:'here' || '/../sql/' || name), '/\*.*?\*/', '', 'g'), '--[^\n]*', '', 'g') AS text
  FROM pg_ls_dir(:'here' || '/../sql') name WHERE name ~ '^[0-9]+_.*\.sql$';
SELECT cmp_ok(count(*), '>', 10::bigint, 'the pieces of the script are read') FROM piece;
SELECT is_empty('SELECT name FROM piece WHERE text ~* ''\mor\s+replace\M''', 'PS002, PS006, PS007, PS015: nothing replaces what may lie there'),
	   is_empty('SELECT name FROM piece WHERE text ~* ''\mif\s+(not\s+)?exists\M''', 'PS010 to PS014: nothing is made only if it is not there'),
	   is_empty('SELECT name FROM piece WHERE text ~* ''\msecurity\s+definer\M''', 'PS003, PS004: no function is SECURITY DEFINER'),
	   is_empty('SELECT name FROM piece WHERE text ~* ''\malter\s+default\M''', 'no default privileges are changed'),
	   matches((SELECT text FROM piece ORDER BY name COLLATE "C" LIMIT 1), '^\s*SET LOCAL search_path = pg_catalog, pg_temp;', 'PS001, PS009, PS016, PS017: the script begins with a search path of PostgreSQL''s own, PS018: without quotes'),
	   is((SELECT sum((SELECT count(*) FROM regexp_matches(text, 'search_path', 'g')))::integer FROM piece), 1, 'and does not change it again'),
	   is_empty($$SELECT name, made[1] FROM piece, regexp_matches(text, '\mCREATE\s+((?:UNIQUE\s+)?(?:TABLE|VIEW|FUNCTION|TYPE|SEQUENCE|TRIGGER|INDEX|SCHEMA|OPERATOR|CAST|DOMAIN|AGGREGATE|PROCEDURE|RULE|POLICY)\s+[^\s(]+)', 'gi') made
				   WHERE made[1] !~* '^(TABLE|VIEW|FUNCTION|PROCEDURE|TYPE|SEQUENCE)\s+(kms|@extschema@)\.' AND made[1] !~* '^(INDEX|TRIGGER)\s' AND made[1] !~ '^SCHEMA\s+kms;?$'$$, 'everything is made in a schema that is named'),
	   is_empty($$SELECT name, made[1] FROM piece, regexp_matches(text, '\mON\s+(?:FUNCTION|TABLE|VIEW|TYPE|COLUMN)\s+([^\s(,;]+)', 'gi') made WHERE made[1] !~ '^(kms|@extschema@)\.' AND made[1] <> '''' $$, 'and named with it where something is said about it');
/* What a body, a view, a check or an index looked up is ours or PostgreSQL's own, which leaves no trace unless it is a view. */
CREATE TEMP VIEW ours AS
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kms' WHERE d.deptype = 'e';
CREATE TEMP VIEW part_of_ours AS
	SELECT classid, objid FROM ours UNION SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN ours ON ours.classid = 'pg_class'::regclass AND ours.objid = r.ev_class
	UNION SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN ours ON ours.classid = 'pg_class'::regclass AND ours.objid = c.conrelid
	UNION SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a JOIN ours ON ours.classid = 'pg_class'::regclass AND ours.objid = a.adrelid
	UNION SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN ours ON ours.classid = 'pg_class'::regclass AND ours.objid = t.tgrelid WHERE t.tgname <> 'spring' AND t.tgname <> 'seal_row'
	UNION SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN ours ON ours.classid = 'pg_class'::regclass AND ours.objid = i.indrelid;
SELECT is_empty($$SELECT pg_describe_object(d.classid, d.objid, 0), pg_describe_object(d.refclassid, d.refobjid, 0) FROM pg_depend d JOIN part_of_ours p ON p.classid = d.classid AND p.objid = d.objid
				   WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_class'::regclass, 'pg_type'::regclass, 'pg_collation'::regclass, 'pg_opclass'::regclass)
					 AND NOT EXISTS (SELECT FROM part_of_ours o WHERE o.classid = d.refclassid AND o.objid = d.refobjid)
					 AND NOT EXISTS (SELECT FROM pg_type t JOIN ours o ON o.classid = 'pg_class'::regclass AND o.objid = t.typrelid WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid)
					 AND NOT EXISTS (SELECT FROM pg_type t JOIN ours o ON o.classid = 'pg_type'::regclass AND o.objid = t.oid WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.typrelid)
					 AND d.refobjid >= 16384 AND (pg_identify_object(d.refclassid, d.refobjid, 0)).schema IS DISTINCT FROM 'pg_toast'$$,
				'PS001, PS016, PS017: nothing in the database''s objects of ours refers to anything but PostgreSQL''s and ours');

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
