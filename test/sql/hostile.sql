-- What a hostile role prepares: search paths, temporary tables, wide privileges, prepared statements.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
\set authority :here /sql/include/ca.psql
\i :authority
SELECT plan(453);

CREATE ROLE kms_test_victim;
CREATE ROLE kms_test_attacker;
CREATE ROLE kms_test_reader IN ROLE pg_read_all_data;
CREATE ROLE kms_test_writer IN ROLE pg_read_all_data, pg_write_all_data;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_victim, kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval), kms_create_secret(text, text, bytea, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_victim, kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_certificate TO kms_test_victim;
ALTER ROLE kms_test_victim CREATEROLE;
SET ROLE kms_test_victim;
SELECT kms_create_key() AS key, kms_create_key() AS other \gset
SELECT kms_create_alias(:'key', 'alias/hostile');
SELECT kms_encrypt(:'key', 'secret'::text) AS blob, (kms_describe_key(:'key')).primary_key_version AS version \gset
SELECT kms_create_key('EC_P256') AS signer, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS opener, kms_create_key('HMAC_SHA_256') AS mac_key \gset
SELECT kms_asymmetric_encrypt(:'opener', NULL, 'SM2PKE', 'x') AS sm2, kms_envelope_encrypt(:'key', 'secret'::text) AS envelope,
	   pg_temp.der(kms_get_public_key(:'opener')) AS public_key \gset
CREATE ROLE kms_test_app LOGIN;
CREATE ROLE kms_test_pair LOGIN;
SELECT kms_create_secret('hostile', 'v1', 'secret'::text), kms_create_secret('hostile/chosen', 'v1', 'secret'::text, encryption_key_id => :'key'),
	   kms_create_secret('hostile/app', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'),
	   kms_create_secret('hostile/pair', 'v1', '{"Accounts": [{"AccountName": "kms_test_pair", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "DoubleUsers", "DBInstanceId": "local"}') \g /dev/null
SELECT certificate_id AS certificate, csr FROM kms_create_certificate('EC_P256', 'CN=hostile') \gset
RESET ROLE;
SELECT set_config('test.certificate', :'certificate', true), set_config('test.issued', pg_temp.issue(:'csr'), true) \g /dev/null
SET ROLE kms_test_victim;
SELECT kms_upload_certificate(:'certificate', current_setting('test.issued')) \g /dev/null
SET ROLE kms_test_attacker;
SELECT kms_create_key() AS attackers_key \gset
RESET ROLE;

-- ---- every operation, as a statement --------------------------------------

CREATE TEMP TABLE operation (n serial, name text, statement text);
INSERT INTO operation (name, statement) VALUES
	('DescribeKey', 'SELECT public.kms_describe_key(%1$L)'),
	('DescribeKey by alias', 'SELECT public.kms_describe_key(''alias/hostile'')'),
	('ListKeys', 'SELECT public.kms_list_keys(''[{"Key": "KeyState", "Values": ["Enabled"]}, {"Key": "AliasName", "Values": ["alias/hostile"]}]'')'),
	('ListKeyVersions', 'SELECT public.kms_list_key_versions(%1$L)'),
	('DescribeKeyVersion', 'SELECT public.kms_describe_key_version(%1$L, %2$L)'),
	('ListAliases', 'SELECT public.kms_list_aliases()'),
	('ListAliasesByKeyId', 'SELECT public.kms_list_aliases_by_key_id(%1$L)'),
	('UpdateKeyDescription', 'SELECT public.kms_update_key_description(%1$L, ''mine'')'),
	('DisableKey', 'SELECT public.kms_disable_key(%1$L)'),
	('EnableKey', 'SELECT public.kms_enable_key(%1$L)'),
	('CreateKey', 'SELECT public.kms_create_key()'),
	('CreateKeyVersion', 'SELECT public.kms_create_key_version(%1$L)'),
	('UpdateRotationPolicy', 'SELECT public.kms_update_rotation_policy(%1$L, true, ''7 days''), public.kms_update_rotation_policy(%1$L, false)'),
	('SetDeletionProtection', 'SELECT public.kms_set_deletion_protection(%1$L, true, ''mine''), public.kms_set_deletion_protection(%1$L, false)'),
	('ScheduleKeyDeletion', 'SELECT public.kms_schedule_key_deletion(%4$L, 7)'),
	('CancelKeyDeletion', 'SELECT public.kms_cancel_key_deletion(%4$L)'),
	('jobs', 'SELECT * FROM kms.jobs'),
	('UpdateAlias', 'SELECT public.kms_update_alias(%4$L, ''alias/hostile''), public.kms_update_alias(%1$L, ''alias/hostile'')'),
	('DeleteAlias', 'SELECT public.kms_delete_alias(''alias/hostile'')'),
	('CreateAlias', 'SELECT public.kms_create_alias(%1$L, ''alias/hostile'')'),
	('Encrypt', 'SELECT public.kms_encrypt(%1$L, ''x''::pg_catalog.text, ''{"a": "1"}'')'),
	('Encrypt by alias', 'SELECT public.kms_encrypt(''alias/hostile'', ''x''::pg_catalog.bytea)'),
	('Decrypt', 'SELECT public.kms_decrypt(%3$L)'),
	('Decrypt a text', 'SELECT public.kms_decrypt_text(%3$L)'),
	('ReEncrypt', 'SELECT public.kms_re_encrypt(%3$L, %1$L)'),
	('GenerateDataKey', 'SELECT public.kms_generate_data_key(%1$L)'),
	('ExportDataKey', format('SELECT public.kms_export_data_key(%%3$L, %L, ''EC_SM2'', ''SM2PKE'')', :'public_key')),
	('GenerateAndExportDataKey', format('SELECT public.kms_generate_and_export_data_key(%%1$L, %L, ''EC_SM2'', ''SM2PKE'')', :'public_key')),
	('Encrypt an envelope', 'SELECT public.kms_envelope_encrypt(%1$L, ''x''::pg_catalog.text, ''{"a": "1"}'')'),
	('Decrypt an envelope', format('SELECT public.kms_decrypt(%L)', :'envelope')),
	('ReEncrypt from a pair', format('SELECT public.kms_re_encrypt(%L, %%1$L, source_key_id => %L, source_encryption_algorithm => ''SM2PKE'')', :'sm2', :'opener')),
	('AsymmetricSign', format('SELECT public.kms_asymmetric_sign(%L, NULL, ''ECDSA_SHA_256'', pg_catalog.sha256(''x''))', :'signer')),
	('AsymmetricVerify', format('SELECT public.kms_asymmetric_verify(%L, NULL, ''ECDSA_SHA_256'', pg_catalog.sha256(''x''), ''x'')', :'signer')),
	('AsymmetricEncrypt', format('SELECT public.kms_asymmetric_encrypt(%L, NULL, ''SM2PKE'', ''x'')', :'opener')),
	('AsymmetricDecrypt', format('SELECT public.kms_asymmetric_decrypt(%L, NULL, ''SM2PKE'', %L)', :'opener', :'sm2')),
	('GetPublicKey', format('SELECT public.kms_get_public_key(%L)', :'signer')),
	('GenerateMac', format('SELECT public.kms_generate_mac(%L, ''x'')', :'mac_key')),
	('VerifyMac', format('SELECT public.kms_verify_mac(%L, ''x'', ''x'')', :'mac_key')),
	('BlindIndex', format('SELECT public.kms_blind_index(%L, ''x'', ''{"a": "1"}'')', :'mac_key')),
	('a protected column', format('CREATE TABLE pg_temp.shut (n pg_catalog.int4 PRIMARY KEY, v pg_catalog.text); INSERT INTO pg_temp.shut VALUES (1, ''before''); '
								  'SELECT public.kms_protect_column(''pg_temp.shut'', ''v'', %%1$L, blind_index => true, blind_index_key_id => %L); INSERT INTO pg_temp.shut_decrypted VALUES (2, ''x''); '
								  'UPDATE pg_temp.shut_decrypted SET v = ''y'' WHERE v OPERATOR(pg_catalog.=) ''x''; DELETE FROM pg_temp.shut_decrypted WHERE n OPERATOR(pg_catalog.=) 2; '
								  'SELECT public.kms_scan_column(''pg_temp.shut'', ''v''); SELECT * FROM kms.protected_columns; SELECT public.kms_unprotect_column(''pg_temp.shut'', ''v''); DROP TABLE pg_temp.shut', :'mac_key')),
	('CreateKey, a pair', 'SELECT public.kms_create_key(''EC_P256'')'),
	('CiphertextInfo', 'SELECT public.kms_ciphertext_info(%3$L)'),
	('the status', 'SELECT * FROM kms.status'),
	('the views', 'SELECT * FROM kms.keys, kms.key_versions, kms.aliases'),
	('TagResource', 'SELECT public.kms_tag_resource(''{"team": "red", "env": ""}'', %1$L), public.kms_tag_resource(''[{"TagKey": "team", "TagValue": "blue"}]'', ''alias/hostile'')'),
	('UntagResource', 'SELECT public.kms_untag_resource(''{env}'', %1$L)'),
	('ListResourceTags', 'SELECT public.kms_list_resource_tags(%1$L)'),
	('CreateKey with tags', 'SELECT public.kms_create_key(tags => ''{"team": "red"}'')'),
	('ListKeys by tags', 'SELECT public.kms_list_keys(''[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["blue"]}]'')'),
	('the tags', 'SELECT * FROM kms.tags'),
	('DescribeRegions', 'SELECT public.kms_describe_regions()'),
	('CreateSecret', 'SELECT public.kms_create_secret(''hostile/'' OPERATOR(pg_catalog.||) pg_catalog.gen_random_uuid()::pg_catalog.text, ''v1'', ''x''::pg_catalog.text)'),
	('CreateSecret, binary', 'SELECT public.kms_create_secret(''hostile/'' OPERATOR(pg_catalog.||) pg_catalog.gen_random_uuid()::pg_catalog.text, ''v1'', ''x''::pg_catalog.bytea, encryption_key_id => ''alias/hostile'')'),
	('GetSecretValue', 'SELECT public.kms_get_secret_value(''hostile''), public.kms_get_secret_value(''hostile/chosen'', version_id => ''v1'')'),
	('PutSecretValue', 'SELECT public.kms_put_secret_value(''hostile'', pg_catalog.gen_random_uuid()::pg_catalog.text, ''x''::pg_catalog.text, ''{ACSCurrent,own}'')'),
	('PutSecretValue, binary', 'SELECT public.kms_put_secret_value(''hostile/chosen'', pg_catalog.gen_random_uuid()::pg_catalog.text, ''x''::pg_catalog.bytea, ''{other}'')'),
	('DescribeSecret', 'SELECT public.kms_describe_secret(''hostile'', true)'),
	('ListSecrets', 'SELECT public.kms_list_secrets(''[{"Key": "SecretType", "Values": ["rds"]}, {"Key": "SecretName", "Values": ["hostile/app"]}, {"Key": "Creator", "Values": ["kms_test_victim"]}]'', true)'),
	('ListSecretVersionIds', 'SELECT public.kms_list_secret_version_ids(''hostile'', true)'),
	('UpdateSecret', 'SELECT public.kms_update_secret(''hostile'', ''x''), public.kms_update_secret(''hostile/app'', custom_data => ''{"a": "b"}'')'),
	('UpdateSecretVersionStage', 'SELECT public.kms_update_secret_version_stage(''hostile/chosen'', ''mine'', ''v1''), public.kms_update_secret_version_stage(''hostile/chosen'', ''mine'', NULL, ''v1'')'),
	('DeleteSecret', 'SELECT public.kms_delete_secret(''hostile/chosen'')'),
	('RestoreSecret', 'SELECT public.kms_restore_secret(''hostile/chosen'')'),
	('RotateSecret', 'SELECT public.kms_rotate_secret(''hostile/app'')'),
	('RotateSecret of two', 'SELECT public.kms_rotate_secret(''hostile/pair'')'),
	('UpdateSecretRotationPolicy', 'SELECT public.kms_update_secret_rotation_policy(''hostile/app'', true, ''7 days''), public.kms_update_secret_rotation_policy(''hostile/app'', false)'),
	('TagResource of a secret', 'SELECT public.kms_tag_resource(''{"team": "red"}'', secret_name => ''hostile''), public.kms_untag_resource(''{env}'', secret_name => ''hostile''), public.kms_list_resource_tags(secret_name => ''hostile'')'),
	('ListSecrets by tags', 'SELECT public.kms_list_secrets(''[{"Key": "TagKey", "Values": ["team"]}, {"Key": "TagValue", "Values": ["red"]}]'', true)'),
	('the grants on a secret', 'SELECT public.kms_grant(''secret/hostile'', ''kms_test_attacker'', ''{DescribeSecret}''), public.kms_revoke(''secret/hostile'', ''kms_test_attacker''), public.kms_can(''GetSecretValue'', ''secret/hostile''), '
								'public.kms_set_owner(''secret/hostile'', ''kms_test_victim'')'),
	('the list of the grants on a secret', 'SELECT public.kms_list_grants(''secret/hostile'')'),
	('DeleteSecret at once', 'SELECT public.kms_create_secret(''hostile/brief'', ''v1'', ''x''::pg_catalog.text), public.kms_delete_secret(''hostile/brief'', true)'),
	('the views of secrets', 'SELECT * FROM kms.secrets, kms.secret_versions'),
	('CreateCertificate', 'SELECT public.kms_create_certificate(''EC_P256'', ''CN=hostile,O=x'', ''{hostile.example.com}'')'),
	('UploadCertificate', 'SELECT public.kms_upload_certificate(pg_catalog.current_setting(''test.certificate''), pg_catalog.current_setting(''test.issued''))'),
	('DescribeCertificate', 'SELECT public.kms_describe_certificate(pg_catalog.current_setting(''test.certificate'')), public.kms_get_certificate(pg_catalog.current_setting(''test.certificate'')), public.kms_list_certificates(''HOSTILE'', ''x'', ''ACTIVE'')'),
	('UpdateCertificateStatus', 'SELECT public.kms_update_certificate_status(pg_catalog.current_setting(''test.certificate''), ''INACTIVE''), public.kms_update_certificate_status(pg_catalog.current_setting(''test.certificate''), ''ACTIVE'')'),
	('CertificatePrivateKeySign', 'SELECT public.kms_certificate_private_key_sign(pg_catalog.current_setting(''test.certificate''), ''ECDSA_SHA_256'', ''x''), '
								  'public.kms_certificate_public_key_verify(pg_catalog.current_setting(''test.certificate''), ''ECDSA_SHA_256'', ''x'', ''x''), public.kms_export_certificate(pg_catalog.current_setting(''test.certificate''), ''x'')'),
	('TagResource of a certificate', 'SELECT public.kms_tag_resource(''{"team": "red"}'', certificate_id => pg_catalog.current_setting(''test.certificate'')), public.kms_untag_resource(''{team}'', certificate_id => pg_catalog.current_setting(''test.certificate''))'),
	('the grants on a certificate', 'SELECT public.kms_grant(arn, ''kms_test_attacker'', ''{GetCertificate}''), public.kms_list_grants(arn), public.kms_revoke(arn, ''kms_test_attacker''), public.kms_can(''ExportCertificate'', arn), public.kms_set_owner(arn, ''kms_test_victim'') FROM kms.certificates'),
	('DeleteCertificate', 'SELECT public.kms_delete_certificate((public.kms_create_certificate(''EC_P256'', ''CN=hostile'')).arn)');
GRANT ALL ON operation TO PUBLIC;

-- ---- a schema ahead in the search path ------------------------------------

GRANT CREATE ON DATABASE :"DBNAME" TO kms_test_attacker;
SET ROLE kms_test_attacker;
CREATE SCHEMA kms_test_trap;
GRANT USAGE ON SCHEMA kms_test_trap TO PUBLIC;
CREATE TABLE kms_test_trap.caught (what text, by_whom text);
GRANT INSERT, SELECT ON kms_test_trap.caught TO PUBLIC;
CREATE FUNCTION kms_test_trap.spring() RETURNS boolean LANGUAGE plpgsql AS
$$
BEGIN
	INSERT INTO kms_test_trap.caught VALUES ('an operator or function', current_user);
	RAISE EXCEPTION 'sprung';
END
$$;
CREATE FUNCTION kms_test_trap.spring_trigger() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
	INSERT INTO kms_test_trap.caught VALUES ('a trigger', current_user);
	RAISE EXCEPTION 'sprung';
END
$$;
DO
$$
DECLARE
	symbol text;
	type text;
	name text;
BEGIN
	FOREACH type IN ARRAY ARRAY['uuid', 'text', 'bigint', 'integer', 'oid', 'name', 'jsonb', 'bytea', 'timestamptz', 'boolean'] LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION kms_test_trap.binary(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', type);
		FOREACH symbol IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '||', '~', '+', '-', '->', '->>', '?', '?|'] LOOP
			EXECUTE pg_catalog.format('CREATE OPERATOR kms_test_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = kms_test_trap.binary)', symbol, type, type);
		END LOOP;
		FOREACH name IN ARRAY ARRAY['max', 'min', 'lower', 'upper', 'length', 'format', 'to_jsonb', 'quote_ident', 'octet_length'] LOOP
			EXECUTE pg_catalog.format('CREATE FUNCTION kms_test_trap.%s(%s) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', name, type);
		END LOOP;
	END LOOP;
	FOREACH name IN ARRAY ARRAY['now', 'clock_timestamp', 'statement_timestamp', 'version', 'kms_describe_key', 'arn_prefix'] LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION kms_test_trap.%s() RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', name);
	END LOOP;
	FOREACH symbol IN ARRAY ARRAY['->', '?'] LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION kms_test_trap.json_%s(jsonb, text) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', pg_catalog.ascii(symbol));
		EXECUTE pg_catalog.format('CREATE OPERATOR kms_test_trap.%s (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = kms_test_trap.json_%s)', symbol, pg_catalog.ascii(symbol));
	END LOOP;
	FOREACH type IN ARRAY ARRAY['uuid', 'text', 'bytea', 'timestamptz', 'oid', 'jsonb'] LOOP
		EXECUTE pg_catalog.format('CREATE DOMAIN kms_test_trap.%1$s AS pg_catalog.int4 CHECK (kms_test_trap.spring())', type);
	END LOOP;
	FOREACH name IN ARRAY ARRAY['key', 'key_version', 'alias', 'account', 'domain_key', 'job', 'column_job', 'secret', 'secret_version', 'secret_version_stage', 'secret_role', 'certificate', 'tag'] LOOP
		EXECUTE pg_catalog.format('CREATE TABLE kms_test_trap.%I AS SELECT * FROM (VALUES (1)) t (id)', name);
		EXECUTE pg_catalog.format('GRANT ALL ON kms_test_trap.%I TO PUBLIC', name);
		EXECUTE pg_catalog.format('CREATE TRIGGER spring BEFORE INSERT OR UPDATE OR DELETE ON kms_test_trap.%I FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.spring_trigger()', name);
	END LOOP;
END
$$;
RESET ROLE;

CREATE FUNCTION pg_temp.with_path(path text, role name, statement text, VARIADIC arguments text[] = '{}') RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	statement_text pg_catalog.text = pg_catalog.format(statement, VARIADIC arguments);
	result pg_catalog.text;
BEGIN
	EXECUTE pg_catalog.format('SET ROLE %I', role);
	PERFORM pg_catalog.set_config('search_path', path, true);
	result = pg_temp.verdict('%s', statement_text);
	RESET ROLE;
	RESET search_path;
	RETURN result;
END
$$;
/* Statements that the library has prepared are looked up anew. */
DISCARD PLANS;

/* The traps work: this is what the functions must not do. */
SELECT is(pg_temp.with_path('kms_test_trap, pg_catalog, public', 'kms_test_victim', statement), 'P0001|', what || ' of the trap is taken where a statement leaves the choice')
  FROM (VALUES ('SELECT key_id = key_id FROM kms.keys', 'an operator'), ('SELECT now()', 'a function'), ('UPDATE key SET id = 2', 'a table with its trigger')) t (statement, what);
SELECT is(pg_temp.with_path('kms_test_trap, pg_catalog, public', 'kms_test_victim', statement, :'key', :'version', :'blob', :'other'), 'fine',
		  name || ' takes nothing from a schema ahead in the search path')
  FROM operation ORDER BY n;
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'nothing of the trap ran');

/* Without an exception, which would undo its own trace. */
CREATE OR REPLACE FUNCTION kms_test_trap.spring() RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('an operator or function', current_user); RETURN true; END $$;
SELECT pg_temp.with_path('kms_test_trap, pg_catalog, public', 'kms_test_victim', statement, :'key', :'version', :'blob', :'other')
	   IS NULL AS ignored FROM operation ORDER BY n \g /dev/null
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'nor does it where it raises nothing');
SELECT is(pg_temp.with_path('kms_test_trap, pg_catalog, public', 'postgres', 'SELECT public.kms_disable_key(%L), public.kms_enable_key(%1$L)', :'key'), 'fine',
		  'nor when a superuser calls');
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'which would be worst');
SELECT is(pg_temp.with_path('', 'kms_test_victim', statement, :'key', :'version', :'blob', :'other'), 'fine', name || ' works with an empty search path')
  FROM operation WHERE name IN ('ListKeys', 'CreateKey', 'DeleteAlias', 'CreateAlias', 'Decrypt', 'AsymmetricSign', 'GenerateMac', 'a protected column', 'CreateKey, a pair',
				'TagResource', 'UntagResource', 'ListResourceTags', 'ListKeys by tags', 'ListSecrets by tags', 'the tags', 'DescribeRegions', 'CreateSecret', 'GetSecretValue', 'PutSecretValue', 'ListSecrets', 'UpdateSecretVersionStage', 'RotateSecret', 'RotateSecret of two', 'the list of the grants on a secret', 'the views of secrets', 'CreateCertificate', 'UploadCertificate', 'DescribeCertificate', 'CertificatePrivateKeySign', 'the grants on a certificate', 'DeleteCertificate') ORDER BY n;

-- ---- temporary tables of our names ----------------------------------------

CREATE TEMP TABLE forged AS SELECT * FROM kms.key WHERE id = :'key';
GRANT ALL ON forged TO PUBLIC;
CREATE TEMP TABLE key (LIKE kms.key);
CREATE TEMP TABLE key_version (LIKE kms.key_version);
CREATE TEMP TABLE alias (LIKE kms.alias);
CREATE TEMP TABLE account (LIKE kms.account);
CREATE TEMP TABLE domain_key (LIKE kms.domain_key);
CREATE TEMP TABLE job (LIKE kms.job);
CREATE TEMP TABLE column_job (LIKE kms.column_job);
CREATE TEMP TABLE secret (LIKE kms.secret);
CREATE TEMP TABLE secret_version (LIKE kms.secret_version);
CREATE TEMP TABLE secret_version_stage (LIKE kms.secret_version_stage);
CREATE TEMP TABLE secret_role (LIKE kms.secret_role);
CREATE TEMP TABLE tag (LIKE kms.tag);
CREATE TEMP TABLE certificate (LIKE kms.certificate);
INSERT INTO pg_temp.secret SELECT * FROM kms.secret;
UPDATE pg_temp.secret SET owner_name = 'kms_test_attacker', owner = 'kms_test_attacker'::regrole;
INSERT INTO pg_temp.certificate SELECT * FROM kms.certificate;
UPDATE pg_temp.certificate SET owner_name = 'kms_test_attacker', owner = 'kms_test_attacker'::regrole, status = 'REVOKED';
INSERT INTO pg_temp.key SELECT * FROM forged;
UPDATE pg_temp.key SET state = 'Disabled';
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('a trigger on a temporary table', current_user); RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.key FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.key_version FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.alias FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret_version FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret_version_stage FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret_role FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.certificate FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON pg_temp.tag FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
GRANT ALL ON pg_temp.key, pg_temp.key_version, pg_temp.alias, pg_temp.account, pg_temp.domain_key, pg_temp.job, pg_temp.column_job,
	pg_temp.secret, pg_temp.secret_version, pg_temp.secret_version_stage, pg_temp.secret_role, pg_temp.certificate, pg_temp.tag TO PUBLIC;
DISCARD PLANS;
SELECT is(pg_temp.with_path(path, 'kms_test_victim', statement, :'key', :'version', :'blob', :'other'), 'fine', name || ' takes no temporary table for ours, with path ' || path)
  FROM operation, unnest(ARRAY['pg_temp, pg_catalog, public', 'public']) path
 WHERE name IN ('DescribeKey', 'DisableKey', 'EnableKey', 'CreateKey', 'CreateKeyVersion', 'UpdateRotationPolicy', 'SetDeletionProtection', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'UpdateAlias', 'DeleteAlias', 'CreateAlias', 'Encrypt', 'Decrypt',
				'AsymmetricSign', 'AsymmetricDecrypt', 'GenerateMac', 'ReEncrypt from a pair')
	OR name ~ 'Secret|of a secret|on a secret|ertificate|Tag|tags|column'
 ORDER BY path, n;
SELECT is(pg_temp.with_path('pg_temp, pg_catalog, public', 'kms_test_attacker', statement), '42501|Forbidden.NoPermission', 'and a temporary table does not make the attacker an owner: ' || statement)
  FROM unnest('{SELECT kms_get_secret_value(''hostile''),SELECT kms_delete_secret(''hostile''),SELECT kms_rotate_secret(''hostile/app''),SELECT kms_get_certificate(current_setting(''test.certificate'')),SELECT kms_delete_certificate(current_setting(''test.certificate''))}'::text[]) statement;
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'no trigger on a temporary table ran');
SELECT is((SELECT state::text COLLATE "default" FROM pg_temp.key), 'Disabled', 'the temporary table is as it was');
SELECT is((SELECT count(*) FROM pg_temp.secret_version) + (SELECT count(*) FROM pg_temp.secret_version_stage) + (SELECT count(*) FROM pg_temp.secret_role) + (SELECT count(*) FROM pg_temp.tag), 0::bigint, 'and so are those of secrets and tags');
DROP TABLE pg_temp.key, pg_temp.key_version, pg_temp.alias, pg_temp.account, pg_temp.domain_key, pg_temp.job, pg_temp.secret, pg_temp.secret_version, pg_temp.secret_version_stage, pg_temp.secret_role, pg_temp.certificate, pg_temp.tag;

-- ---- row security ---------------------------------------------------------

SET row_security = off;
SELECT is(pg_temp.verdict_as('kms_test_victim', 'SELECT kms_disable_key(%1$L), kms_enable_key(%1$L)', :'key'), 'fine', 'row_security = off does not stop the owner of a key'),
	   is(pg_temp.verdict_as('kms_test_victim', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'from using it either'),
	   is(pg_temp.verdict_as('kms_test_victim', 'SELECT kms_list_keys()'), 'fine', 'or listing it'),
	   is(pg_temp.verdict_as('kms_test_attacker', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'and lets nobody else');
SELECT is(pg_temp.verdict_as('kms_test_reader', 'SELECT * FROM kms.' || name), '42501|', 'a reader of all data is refused table ' || name || ' without row security')
  FROM unnest(ARRAY['account', 'alias', 'domain_key', 'job', 'column_job', 'key', 'key_version', 'secret', 'secret_version', 'secret_version_stage', 'secret_role', 'certificate', 'tag']) name;
/* The tables may belong to a role that is no superuser, and that row security binds. */
SAVEPOINT kept;
CREATE ROLE kms_test_keeper;
ALTER SCHEMA kms OWNER TO kms_test_keeper;
ALTER TABLE kms.account OWNER TO kms_test_keeper;
ALTER TABLE kms.domain_key OWNER TO kms_test_keeper;
ALTER TABLE kms.key OWNER TO kms_test_keeper;
ALTER TABLE kms.key_version OWNER TO kms_test_keeper;
ALTER TABLE kms.alias OWNER TO kms_test_keeper;
ALTER TABLE kms.role_anchor OWNER TO kms_test_keeper;
ALTER TABLE kms.grant_entry OWNER TO kms_test_keeper;
ALTER TABLE kms.job OWNER TO kms_test_keeper;
ALTER TABLE kms.column_job OWNER TO kms_test_keeper;
ALTER TABLE kms.secret OWNER TO kms_test_keeper;
ALTER TABLE kms.secret_version OWNER TO kms_test_keeper;
ALTER TABLE kms.secret_version_stage OWNER TO kms_test_keeper;
ALTER TABLE kms.secret_role OWNER TO kms_test_keeper;
ALTER TABLE kms.certificate OWNER TO kms_test_keeper;
ALTER TABLE kms.tag OWNER TO kms_test_keeper;
SELECT is(pg_temp.verdict_as('kms_test_victim', 'SET LOCAL row_security = ' || setting || '; ' || statement, :'key', :'version', :'blob', :'other'), 'fine', name || ' works when the tables belong to no superuser, with row_security = ' || setting)
  FROM operation, unnest(ARRAY['off', 'on']) setting
 WHERE name IN ('DisableKey', 'EnableKey', 'CreateKey', 'CreateKeyVersion', 'UpdateRotationPolicy', 'SetDeletionProtection', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'UpdateAlias', 'DeleteAlias', 'CreateAlias', 'Decrypt', 'AsymmetricSign', 'GenerateMac', 'CreateKey, a pair')
	OR name ~ 'Secret|on a secret|ertificate|Tag|with tags|column' ORDER BY setting, n;
ROLLBACK TO kept;
SET row_security = on;

-- ---- readers and writers of all data --------------------------------------

SELECT is(pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms.%I', name), '22012|', format('%s sees no row of table %s', role, name))
  FROM unnest(ARRAY['kms_test_reader', 'kms_test_writer']) role, unnest(ARRAY['account', 'alias', 'domain_key', 'job', 'column_job', 'key', 'key_version', 'secret', 'secret_version', 'secret_version_stage', 'secret_role', 'certificate', 'tag']) name;
CREATE FUNCTION pg_temp.changed(statement text) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE changed bigint; BEGIN EXECUTE statement; GET DIAGNOSTICS changed = ROW_COUNT; RETURN changed; END $$;
SET ROLE kms_test_writer;
SELECT is(pg_temp.changed(statement), 0::bigint, what || ' changes nothing')
  FROM (VALUES ('UPDATE kms.key SET owner_name = current_user', 'a writer of all data, updating keys,'), ('DELETE FROM kms.key', 'or deleting them,'),
			   ('UPDATE kms.key_version SET wrapped = ''x''', 'updating versions,'), ('DELETE FROM kms.key_version', 'or deleting them,'),
			   ('UPDATE kms.alias SET key_id = gen_random_uuid()', 'updating aliases,'), ('DELETE FROM kms.alias', 'or deleting them,'),
			   ('UPDATE kms.job SET retry_at = NULL', 'updating jobs,'), ('DELETE FROM kms.job', 'or deleting them,'), ('UPDATE kms.column_job SET done = total', 'updating what is known of columns'), ('DELETE FROM kms.column_job', 'or deleting it,'), ('DELETE FROM kms.domain_key', 'deleting domain keys'),
			   ('UPDATE kms.secret SET owner_name = current_user', 'updating secrets'), ('DELETE FROM kms.secret', 'or deleting them,'), ('UPDATE kms.secret_version SET value = ''x''', 'updating their versions'), ('DELETE FROM kms.secret_version', 'or deleting them,'),
			   ('UPDATE kms.secret_version_stage SET version_id = ''v0''', 'moving labels'), ('DELETE FROM kms.secret_version_stage', 'or deleting them,'), ('UPDATE kms.secret_role SET role_name = ''x''', 'updating roles of secrets'), ('DELETE FROM kms.secret_role', 'or deleting them,'), ('UPDATE kms.certificate SET owner_name = current_user', 'updating certificates'), ('UPDATE kms.certificate SET exportable = true, status = ''ACTIVE''', 'or making them usable,'), ('DELETE FROM kms.certificate', 'or deleting them,'), ('UPDATE kms.tag SET tag_value = ''x''', 'updating tags'), ('DELETE FROM kms.tag', 'or deleting them,'), ('DELETE FROM kms.account', 'deleting accounts')) t (statement, what);
SELECT is(pg_temp.verdict(statement), '42501|', what || ' is refused a writer of all data')
  FROM (VALUES ('INSERT INTO kms.account VALUES (1234567890123456, now(), 1, 1)', 'a new account'),
			   ('INSERT INTO kms.alias VALUES (''alias/x'', gen_random_uuid(), now(), 1, 1, ''x'')', 'a new alias'),
			   ('INSERT INTO kms.key (id, owner, owner_name, created_at, state, spec, usage, origin, description, account_id, domain_key_version, mac) '
				'SELECT id, owner, owner_name, created_at, state, spec, usage, origin, description, account_id, domain_key_version, mac FROM forged', 'a new key'), ('TRUNCATE kms.key CASCADE', 'emptying the keys'), ('TRUNCATE kms.secret', 'emptying the secrets'), ('TRUNCATE kms.certificate', 'emptying the certificates'),
			   ('INSERT INTO kms.certificate SELECT gen_random_uuid(), 10, ''x'', now(), now(), ''PENDING'', ''EC_P256'', true, ''x'', ''{}'', NULL, NULL, NULL, NULL, NULL, NULL, ''x'', ''x'', ''x'', NULL, ''x'', 1, 1, 1, 1, ''x''', 'a new certificate'),
			   ('ALTER TABLE kms.certificate DISABLE ROW LEVEL SECURITY', 'turning off its row security'),
			   ('INSERT INTO kms.secret_version VALUES (gen_random_uuid(), ''v1'', now(), ''text'', NULL, ''x'')', 'a new version of a secret'), ('INSERT INTO kms.secret_version_stage VALUES (gen_random_uuid(), ''x'', ''v1'', 1, 1, ''x'')', 'a new label'),
			   ('INSERT INTO kms.secret_role VALUES (''kms_test_x'', gen_random_uuid())', 'a role of a secret'), ('INSERT INTO kms.tag VALUES (gen_random_uuid(), ''x'', '''', ''key'')', 'a tag'),
			   ('ALTER TABLE kms.key DISABLE ROW LEVEL SECURITY', 'turning off row security'), ('ALTER TABLE kms.key DISABLE TRIGGER tell_change', 'turning off the trigger'),
			   ('CREATE POLICY mine ON kms.key USING (true)', 'a policy'), ('CREATE TRIGGER mine AFTER UPDATE ON kms.key EXECUTE FUNCTION pg_temp.note()', 'a trigger'),
			   ('CREATE RULE mine AS ON UPDATE TO kms.key DO INSTEAD NOTHING', 'a rule'), ('CREATE TABLE kms.mine ()', 'a table in our schema'),
			   ('CREATE FUNCTION kms.mine() RETURNS void LANGUAGE sql AS ''''', 'a function in our schema'),
			   ('CREATE TABLE pg_temp.child () INHERITS (kms.key)', 'a child of our table'),
			   ('SET kms.cache_size = 1000000', 'another cache size'), ('SET kms.allow_drop = on', 'the dropping of keys'), ('SET kms.superuser_may_use = on', 'the use of every key'),
			   ('ALTER ROLE kms_test_writer SET kms.superuser_may_use = on', 'the use of every key from the next session on'),
			   ('CREATE FUNCTION pg_temp.lends() RETURNS integer LANGUAGE sql SET kms.superuser_may_use = on AS ''SELECT 1''', 'the use of every key within a function')) t (statement, what);
SELECT is(pg_temp.verdict('SET kms.region = ''x'''), '55P02|', 'the region is changed in the configuration only');
RESET ROLE;
SELECT is((SELECT count(*) FROM kms.key k JOIN forged f USING (id) WHERE k.owner_name = f.owner_name), 1::bigint, 'the key is as it was');

-- ---- prepared statements --------------------------------------------------

PREPARE reads AS SELECT kms_decrypt_text($1);
PREPARE writes AS SELECT kms_encrypt($1, 'x'::text);
PREPARE reveals AS SELECT kms_get_secret_value($1);
SELECT is(pg_temp.verdict_as(role, 'EXECUTE reads(%L)', :'blob'), verdict, role || CASE verdict WHEN 'fine' THEN ' reads' ELSE ' does not read' END || ' through a prepared statement'),
	   is(pg_temp.verdict_as(role, 'EXECUTE writes(%L)', :'key'), verdict, role || CASE verdict WHEN 'fine' THEN ' encrypts' ELSE ' does not encrypt' END || ' through one'),
	   is(pg_temp.verdict_as(role, 'EXECUTE reveals(%L)', 'hostile'), verdict, role || CASE verdict WHEN 'fine' THEN ' gets' ELSE ' does not get' END || ' the value of a secret through one')
  FROM (VALUES ('kms_test_victim', 'fine'), ('kms_test_attacker', '42501|Forbidden.NoPermission'), ('kms_test_victim', 'fine'), ('postgres', '42501|Forbidden.NoPermission')) t (role, verdict);
CREATE FUNCTION pg_temp.take_turns(blob bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result pg_catalog.text = '';
	role text;
BEGIN
	FOREACH role IN ARRAY ARRAY['kms_test_victim', 'kms_test_attacker', 'kms_test_victim', 'kms_test_attacker', 'kms_test_attacker', 'kms_test_victim'] LOOP
		BEGIN
			EXECUTE format('SET LOCAL ROLE %I', role);
			result = result || kms_decrypt_text(blob) || ' ';
		EXCEPTION WHEN insufficient_privilege THEN
			result = result || 'refused ';
		END;
	END LOOP;
	RESET ROLE;
	RETURN result;
END
$$;
SELECT is(pg_temp.take_turns(:'blob'), 'secret refused secret refused refused secret ', 'one place in a function decides anew for each role');

-- ---- errors without end ---------------------------------------------------

CREATE TABLE public.kms_test_pairs AS SELECT :'signer'::text AS signer, :'opener'::text AS opener, :'mac_key'::text AS mac_key, :'envelope'::bytea AS envelope;
GRANT SELECT ON public.kms_test_pairs TO PUBLIC;
CREATE FUNCTION pg_temp.stumble(times integer, key_id text, other text, blob bytea) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
	refused integer = 0;
	pairs public.kms_test_pairs = p FROM public.kms_test_pairs p;
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			CASE i % 21
				WHEN 0 THEN PERFORM kms_decrypt(blob, '{"a": "1"}');
				WHEN 1 THEN PERFORM kms_decrypt('\x00');
				WHEN 2 THEN PERFORM kms_encrypt('alias/nobody', 'x'::text);
				WHEN 3 THEN PERFORM kms_encrypt(key_id, 'x'::text, '[]');
				WHEN 4 THEN PERFORM kms_encrypt(key_id, repeat('x', 7000));
				WHEN 5 THEN PERFORM kms_create_alias(key_id, 'alias/hostile');
				WHEN 6 THEN PERFORM kms_encrypt(other, 'x'::text);
				WHEN 7 THEN PERFORM kms_re_encrypt(blob, other);
				WHEN 8 THEN PERFORM kms_asymmetric_sign((pairs).signer, NULL, 'ECDSA_SHA_256', 'x');
				WHEN 9 THEN PERFORM kms_asymmetric_decrypt((pairs).opener, NULL, 'SM2PKE', 'x');
				WHEN 10 THEN PERFORM kms_asymmetric_sign(key_id, NULL, 'ECDSA_SHA_256', sha256('x'));
				WHEN 11 THEN PERFORM kms_blind_index((pairs).mac_key, 'x', '[]');
				WHEN 12 THEN PERFORM kms_decrypt(set_byte((pairs).envelope, length((pairs).envelope) - 1, 255 - get_byte((pairs).envelope, length((pairs).envelope) - 1)));
				WHEN 13 THEN PERFORM kms_export_data_key(blob, 'x', 'EC_SM2', 'SM2PKE');
				WHEN 14 THEN PERFORM kms_get_secret_value('hostile', 'nobody''s');
				WHEN 15 THEN PERFORM kms_put_secret_value('hostile', 'v1', 'another value'::text);
				WHEN 16 THEN PERFORM kms_rotate_secret('hostile');
				WHEN 17 THEN PERFORM kms_create_secret('hostile', 'v1', 'x'::text);
				WHEN 19 THEN PERFORM kms_tag_resource('{"a": "1", "acs:x": "1"}', key_id);
				WHEN 20 THEN PERFORM kms_tag_resource('{"a": "1"}', other);
				WHEN 18 THEN PERFORM kms_create_secret('hostile/new', 'v1', '{"Accounts": [{"AccountName": "postgres", "AccountPassword": "x"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}');
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			refused = refused + 1;
		END;
	END LOOP;
	RETURN refused;
END
$$;
CREATE FUNCTION pg_temp.memory() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name <> 'SPI Plan' $$;
SET ROLE kms_test_victim;
SELECT is(pg_temp.stumble(10000, :'key', :'attackers_key', :'blob'), 10000, 'ten thousand errors in a row are ten thousand errors');
SELECT is(kms_decrypt_text(:'blob'), 'secret', 'and the session decrypts'),
	   is(kms_decrypt_text(kms_encrypt('alias/hostile', 'x'::text)), 'x', 'and encrypts'),
	   is(pg_temp.verdict('SELECT kms_disable_key(%1$L), kms_enable_key(%1$L)', :'key'), 'fine', 'and changes keys'),
	   is(pg_temp.verdict('SELECT kms_get_secret_value(%L), kms_rotate_secret(%L)', 'hostile', 'hostile/app'), 'fine', 'and reads and rotates secrets'),
	   is(current_user::text, 'kms_test_victim', 'and is who it was'),
	   is(current_setting('search_path'), '"$user", public', 'and looks where it looked');
SELECT is(pg_temp.verdict('SELECT * FROM kms.key'), '42501|', 'and still does not read the tables');
RESET ROLE;
SELECT pg_temp.stumble(8000, :'key', :'attackers_key', :'blob') AS ignored \gset
SELECT pg_temp.memory() AS before \gset
SELECT pg_temp.stumble(8000, :'key', :'attackers_key', :'blob') AS ignored \gset
SELECT cmp_ok(pg_temp.memory() - :before, '<', 200000::bigint, 'errors leave no memory behind');

-- ---- helpers that everybody may call --------------------------------------

SET ROLE kms_test_attacker;
SELECT is(pg_temp.verdict('SELECT kms.tell_change()'), '42501|', 'the trigger function is not called'),
	   is(pg_temp.verdict('CREATE TABLE pg_temp.mine (); CREATE TRIGGER mine AFTER INSERT ON pg_temp.mine EXECUTE FUNCTION kms.tell_change()'), '42501|', 'nor put on a table of one''s own'),
	   is(kms.may_describe(:'key', 'kms_test_victim'::regrole, 'kms_test_victim'), false, 'may_describe answers for the caller'),
	   is(kms.may_describe(:'key', 0, ''), false, 'and knows no role 0'),
	   is(kms.may_describe(:'key', NULL, NULL), false, 'nor none'),
	   is(kms.may_describe(NULL, NULL, NULL), false, 'nor no key'),
	   is(kms.describe_row(NULL) IS NULL, true, 'a row that is null is described as null'),
	   is(kms.describe_secret(NULL) IS NULL, true, 'so is a secret'), is(kms.describe_certificate(NULL) IS NULL, true, 'and a certificate'),
	   is(kms.normalized_secret_filters(NULL), '{}', 'filters that are null are none');
SELECT isnt(pg_temp.verdict('SELECT kms.describe_row((%L::uuid, 10, ''x'', now(), ''Unheard'', ''Aliyun_AES_256'', ''ENCRYPT/DECRYPT'', ''Aliyun_KMS'', NULL, ''d'', NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, 1, 1, ''x'')::kms.key)', :'key'),
			'fine', 'a made-up row in a state that does not exist is refused');
SELECT isnt(pg_temp.verdict('SELECT kms.describe_row((NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::kms.key)'),
			NULL, 'a made-up row of nulls does not bring down the server');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
