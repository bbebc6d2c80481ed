-- Every column of every table changed by hand by a superuser: detected, or harmless.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(120);

-- ---- the table ------------------------------------------------------------

/*
 * A change of each column, and what comes of it.  change: the new value, in terms of
 * the row.  at_use: what the uses of the row (below) come to, "fine" where they do
 * what they did before.  reported: whether kms_check_integrity() lists the row.  A
 * change that is neither noticed at use nor reported says in why it does no harm.
 * A change that PostgreSQL itself refuses has its SQLSTATE in refused.
 */
CREATE TEMP TABLE tampering (n serial, relation text, attribute text, subject text DEFAULT 'made', change text, at_use text, reported boolean, why text, refused text);
INSERT INTO tampering (relation, attribute, change, at_use, reported, why) VALUES
	('account', 'id', 'id + 1', 'encrypts: fine, creates: XX001|Rejected.Unavailable', true, NULL),
	('account', 'created_at', 'created_at - interval ''1 day''', 'fine', false, 'it orders accounts, of which there is one'),
	('account', 'home_system', 'home_system + 1', 'fine', false, 'the database is away from home: nothing is destroyed until it is confirmed, and roles go by name'),
	('account', 'home_database', '1', 'fine', false, 'likewise'),
	('domain_key', 'account_id', 'account_id + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('domain_key', 'version', 'version + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('domain_key', 'root_key_id', '''\x0123456789abcdef''', '55000|ServiceUnavailableTemporary', true, NULL),
	('domain_key', 'wrapped', 'set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)', 'XX001|Rejected.Unavailable', true, NULL),
	('domain_key', 'wrapped', '''''', 'XX001|Rejected.Unavailable', true, NULL),
	('domain_key', 'created_at', 'created_at - interval ''1 day''', 'fine', false, 'it is only a note'),
	('key', 'id', '''00000000-0000-4000-8000-000000000001''', '42704|Forbidden.KeyNotFound', true, NULL),
	('key', 'owner', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', 'encrypts: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, manages: 42501|Forbidden.NoPermission, attacks: XX001|Rejected.Unavailable', true, NULL),
	('key', 'owner', '0', 'encrypts: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, manages: 42501|Forbidden.NoPermission, attacks: XX001|Rejected.Unavailable', true, NULL),
	('key', 'owner_name', '''kms_test_attacker''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'created_at', 'created_at - interval ''1 day''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'state', '''Disabled''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'spec', '''Aliyun_AES_192''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'spec', '''none of ours''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'usage', '''SIGN/VERIFY''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'usage', '''none of ours''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'origin', '''EXTERNAL''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'primary_version', 'current_setting(''test.first_version'')::uuid', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'primary_version', 'NULL', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'description', '''changed''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'rotation_seconds', '604800', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'rotated_at', 'rotated_at - interval ''1 day''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'rotated_at', 'NULL', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'next_rotation_at', 'clock_timestamp()', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'material_expires_at', 'clock_timestamp() + interval ''1 day''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'deletion_protected', 'true', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'deletion_protection_description', '''changed''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'account_id', 'account_id + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'domain_key_version', 'domain_key_version + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'mac', 'set_byte(mac, 31, get_byte(mac, 31) # 1)', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'mac', '''''', 'XX001|Rejected.Unavailable', true, NULL),
	('key', 'mac', 'mac || ''\x00''', 'XX001|Rejected.Unavailable', true, NULL),
	('key_version', 'id', '''00000000-0000-4000-8000-000000000001''', 'encrypts: XX001|Rejected.Unavailable, decrypts: 42704|Forbidden.KeyNotFound', true, NULL),
	('key_version', 'key_id', 'current_setting(''test.other_key'')::uuid', 'XX001|Rejected.Unavailable', true, NULL),
	('key_version', 'created_at', 'created_at - interval ''1 day''', 'fine', false, 'it is only shown: rotation goes by the row of the key'),
	('key_version', 'account_id', 'account_id + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('key_version', 'domain_key_version', 'domain_key_version + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('key_version', 'wrapped', 'set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)', 'XX001|Rejected.Unavailable', true, NULL),
	('key_version', 'wrapped', '''''', 'XX001|Rejected.Unavailable', true, NULL),
	('import_token', 'id', '''00000000-0000-4000-8000-000000000001''', '22023|InvalidImportToken', true, NULL),
	('import_token', 'key_id', 'current_setting(''test.other_key'')::uuid', '22023|InvalidImportToken', true, NULL),
	('import_token', 'algorithm', '''RSAES_OAEP_SHA_1''', '22023|InvalidKeyMaterial', true, NULL),
	('import_token', 'expires_at', 'expires_at + interval ''1 day''', 'fine', false, 'who may import may fetch a new token at any time'),
	('import_token', 'expires_at', 'clock_timestamp()', '22023|ExpiredImportToken', false, 'likewise'),
	('import_token', 'account_id', 'account_id + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('import_token', 'domain_key_version', 'domain_key_version + 1', 'XX001|Rejected.Unavailable', true, NULL),
	('import_token', 'wrapped', 'set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)', '22023|InvalidKeyMaterial', true, NULL),
	('import_token', 'wrapped', '''''', '22023|ExpiredImportToken', false, 'an erased token is fetched anew'),
	('alias', 'name', '''alias/changed''', '42704|Forbidden.AliasNotFound', true, NULL),
	('alias', 'key_id', 'current_setting(''test.other_key'')::uuid', 'encrypts: XX001|Rejected.Unavailable, describes: fine, manages: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, gives away: XX001|Rejected.Unavailable', true, NULL),
	('alias', 'key_id', '''00000000-0000-4000-8000-000000000001''', 'encrypts: XX001|Rejected.Unavailable, describes: 42704|Forbidden.KeyNotFound, manages: 42704|Forbidden.KeyNotFound, grants: 42704|Forbidden.KeyNotFound, gives away: 42704|Forbidden.KeyNotFound', true, NULL),
	('alias', 'created_at', 'created_at - interval ''1 day''', 'encrypts: XX001|Rejected.Unavailable, describes: fine, manages: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, gives away: XX001|Rejected.Unavailable', true, NULL),
	('alias', 'account_id', 'account_id + 1', 'encrypts: XX001|Rejected.Unavailable, describes: fine, manages: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, gives away: XX001|Rejected.Unavailable', true, NULL),
	('alias', 'domain_key_version', 'domain_key_version + 1', 'encrypts: XX001|Rejected.Unavailable, describes: fine, manages: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, gives away: XX001|Rejected.Unavailable', true, NULL),
	('alias', 'mac', 'set_byte(mac, 0, get_byte(mac, 0) # 128)', 'encrypts: XX001|Rejected.Unavailable, describes: fine, manages: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, gives away: XX001|Rejected.Unavailable', true, NULL),
	('job', 'kind', '''KeyDeletion''', 'fine', false, 'what was done is only shown'),
	('job', 'resource', 'current_setting(''test.other_key'')::uuid', 'fine', false, 'likewise'),
	('job', 'owner', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', 'fine', false, 'whoever may describe the key sees the job'),
	('job', 'owner_name', '''kms_test_attacker''', 'fine', false, 'likewise'),
	('job', 'outcome', '''failed''', 'fine', false, 'a worker looks at the key, whatever it is said to have done'),
	('job', 'detail', '''changed''', 'fine', false, 'it is only shown'),
	('job', 'attempts', 'attempts + 1', 'fine', false, 'the next try comes later or sooner'),
	('job', 'ran_at', 'ran_at - interval ''1 day''', 'fine', false, 'it is only shown'),
	('job', 'retry_at', 'clock_timestamp() + interval ''1 day''', 'fine', false, 'the next try comes later or sooner'),
	('grant_entry', 'id', '''00000000-0000-4000-8000-000000000001''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource', 'current_setting(''test.other_key'')::uuid', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee', '0', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee_name', '''kms_test_attacker''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee_name', '''PUBLIC''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', '''{*}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', '''{}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', '''{Encrypt,none of ours}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'context', 'NULL', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'context', '''''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'context', 'substr(context, 1, octet_length(context) - 1)', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'expires_at', 'NULL', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'expires_at', 'expires_at + interval ''1 day''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantor_name', '''kms_test_attacker''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'created_at', 'created_at - interval ''1 day''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'account_id', 'account_id + 1', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'domain_key_version', 'domain_key_version + 1', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'mac', 'set_byte(mac, 0, get_byte(mac, 0) # 128)', '42501|Forbidden.NoPermission', true, NULL);
INSERT INTO tampering (relation, attribute, change, refused) VALUES
	('account', 'id', '1', '23514'),
	('domain_key', 'root_key_id', '''''', '23514'),
	('key', 'state', '''none of ours''', '23514'),
	('key', 'state', '''PendingDeletion''', '23514'),
	('key', 'origin', '''none of ours''', '23514'),
	('key', 'delete_at', 'clock_timestamp()', '23514'),
	('key', 'due_at', 'clock_timestamp()', '428C9'),
	('key', 'rotation_seconds', '1', '23514'),
	('key_version', 'digest', '''\x00''', '23514'),
	('alias', 'name', '''changed''', '23514'),
	('import_token', 'id', 'NULL', '23502'),
	('grant_entry', 'resource_type', '''secret''', '23514'),
	('grant_entry', 'operations', '''{Encrypt,NULL}''', '23514'),
	('grant_entry', 'operations', '''{{Encrypt}}''', '23514'),
	('job', 'attempts', '0', '23514');
INSERT INTO tampering (relation, attribute, subject, change, at_use, reported, why) VALUES
	('key_version', 'digest', 'imported', 'set_byte(digest, 0, get_byte(digest, 0) # 1)', '22023|InvalidKeyMaterial', false, 'it only keeps material from being imported again'),
	('key_version', 'digest', 'imported', 'NULL', '22023|InvalidKeyMaterial', false, 'likewise'),
	('key_version', 'digest', 'imported', '(SELECT digest FROM kms.key_version WHERE digest IS NOT NULL AND key_id = current_setting(''test.other_external'')::uuid)', '22023|InvalidKeyMaterial', false, 'the digest of another key fits no material here'),
	('key_version', 'digest', 'made', 'sha256(''x'')', 'fine', false, 'it is looked at only when material is imported');

-- ---- it is complete -------------------------------------------------------

/* The audit log's columns are changed in audit.sql; what kms.usage_entry counts decides nothing; kms.role_anchor has no rows. */
SELECT set_eq('SELECT relation, attribute FROM tampering',
			  $$SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
				 WHERE c.relnamespace = 'kms'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname !~ '^(audit_entry|audit_head|usage_entry|role_anchor)$'$$, 'every column of every table is changed in some way'),
	   is_empty('SELECT FROM kms.role_anchor', 'and the anchor has no rows'),
	   is_empty('SELECT n FROM tampering WHERE refused IS NULL AND NOT reported AND why IS NULL', 'what is not reported says why it does no harm');

-- ---- rows -----------------------------------------------------------------

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_grantee;
CREATE ROLE kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner, kms_test_attacker;
CREATE TEMP TABLE sealed (base64 text);
/* Material sealed with the OpenSSL command line under the public key of a token. */
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
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key() AS other, kms_create_key(origin => 'EXTERNAL') AS external, kms_create_key(origin => 'EXTERNAL') AS other_external \gset
SELECT kms_encrypt(:'key', 'first'::text) AS first_blob, (kms_describe_key(:'key')).primary_key_version AS first_version \gset
SELECT kms_create_key_version(:'key') AS version \gset
SELECT kms_encrypt(:'key', 'second'::text) AS second_blob \gset
SELECT kms_create_alias(:'key', 'alias/tampered') \g /dev/null
SELECT kms_grant(:'key', 'kms_test_grantee', '{Encrypt}', '{"a": "1"}', '2100-01-01 00:00+00') AS grant_id \gset
SELECT import_token AS token, public_key FROM kms_get_parameters_for_import(:'external') \gset
RESET ROLE;
SELECT pg_temp.seal(:'public_key', '0123456789abcdef0123456789abcdef') AS sealed \gset
SET ROLE kms_test_owner;
SELECT import_token AS other_token, public_key AS other_public_key FROM kms_get_parameters_for_import(:'other_external') \gset
RESET ROLE;
SELECT pg_temp.seal(:'other_public_key', 'fedcba9876543210fedcba9876543210') AS other_sealed \gset
SELECT set_config('test.other_external', :'other_external', true) \g /dev/null
/* The first token was used; another one is there to be used in the tests. */
SET ROLE kms_test_owner;
SELECT kms_import_key_material(:'external', :'sealed', :'token'), kms_import_key_material(:'other_external', :'other_sealed', :'other_token') \g /dev/null
SELECT kms_encrypt(:'external', 'imported'::text) AS external_blob, (kms_describe_key(:'external')).primary_key_version AS external_version \gset
SELECT kms_delete_key_material(:'external') \g /dev/null
SELECT import_token AS token, public_key FROM kms_get_parameters_for_import(:'external') \gset
RESET ROLE;
SELECT pg_temp.seal(:'public_key', '0123456789abcdef0123456789abcdef') AS sealed, pg_temp.seal(:'public_key', 'fedcba9876543210fedcba9876543210') AS sealed_other \gset
SET ROLE kms_test_attacker;
SELECT kms_create_key() AS attackers_key \gset
RESET ROLE;
INSERT INTO kms.job SELECT 'KeyRotation', id, owner, owner_name, 'done', NULL, 1, clock_timestamp(), NULL FROM kms.key WHERE id = :'key';
SELECT set_config('test.first_version', :'first_version', true), set_config('test.other_key', :'other', true) \g /dev/null

/* The row of each table that is changed, and its uses: by whom, a statement, what it comes to. */
CREATE TEMP TABLE subject (relation text, name text DEFAULT 'made', condition text);
INSERT INTO subject (relation, condition) VALUES
	('account', 'true'), ('domain_key', 'true'), ('key', format('id = %L', :'key')), ('key_version', format('id = %L', :'version')), ('import_token', format('key_id = %L AND expires_at = (SELECT max(expires_at) FROM kms.import_token)', :'external')),
	('alias', 'name = ''alias/tampered'''), ('job', format('resource = %L', :'key')), ('grant_entry', format('id = %L', :'grant_id'));
INSERT INTO subject VALUES ('key_version', 'imported', format('id = %L', :'external_version'));
CREATE TEMP TABLE use (n serial, relation text, name text, role name, statement text, subject text DEFAULT 'made');
INSERT INTO use (relation, name, role, statement) VALUES
	('account', 'encrypts', 'kms_test_owner', format('SELECT kms_encrypt(%L, ''x''::text)', :'key')),
	('account', 'creates', 'kms_test_owner', 'SELECT kms_create_key()'),
	('domain_key', 'encrypts', 'kms_test_owner', format('SELECT kms_encrypt(%L, ''x''::text)', :'key')),
	('domain_key', 'creates', 'kms_test_owner', 'SELECT kms_create_key()'),
	('key', 'encrypts', 'kms_test_owner', format('SELECT kms_encrypt(%L, ''x''::text)', :'key')),
	('key', 'decrypts', 'kms_test_owner', format('SELECT kms_decrypt(%L)', :'first_blob')),
	('key', 'manages', 'kms_test_owner', format('SELECT kms_update_key_description(%L, ''x'')', :'key')),
	('key', 'attacks', 'kms_test_attacker', format('SELECT kms_decrypt(%L)', :'first_blob')),
	('key_version', 'encrypts', 'kms_test_owner', format('SELECT kms_encrypt(%L, ''x''::text)', :'key')),
	('key_version', 'decrypts', 'kms_test_owner', format('SELECT kms_decrypt(%L)', :'second_blob')),
	('import_token', 'imports', 'kms_test_owner', format('SELECT kms_import_key_material(%L, %L, %L)', :'external', :'sealed', :'token')),
	('alias', 'encrypts', 'kms_test_owner', 'SELECT kms_encrypt(''alias/tampered'', ''x''::text)'),
	('alias', 'describes', 'kms_test_owner', 'SELECT kms_describe_key(''alias/tampered'')'),
	('alias', 'manages', 'kms_test_owner', 'SELECT kms_create_key_version(''alias/tampered'')'),
	('alias', 'grants', 'kms_test_owner', 'SELECT kms_grant(''alias/tampered'', ''kms_test_attacker'', ''{*}'')'),
	('alias', 'gives away', 'kms_test_owner', 'SELECT kms_set_owner(''alias/tampered'', ''kms_test_attacker'')'),
	('job', 'is seen', 'kms_test_owner', 'SELECT FROM kms.jobs'),
	('job', 'runs', 'postgres', 'SELECT kms_run_jobs()'),
	('grant_entry', 'encrypts', 'kms_test_grantee', format('SELECT kms_encrypt(%L, ''x''::text, ''{"a": "1"}'')', :'key')),
	('grant_entry', 'attacks', 'kms_test_attacker', format('SELECT kms_encrypt(%L, ''x''::text, ''{"a": "1"}'')', :'key')),
	('grant_entry', 'attacks otherwise', 'kms_test_grantee', format('SELECT kms_decrypt(%L)', :'first_blob')),
	('grant_entry', 'attacks elsewhere', 'kms_test_grantee', format('SELECT kms_encrypt(%L, ''x''::text, ''{"a": "1"}'')', :'other'));

INSERT INTO use (relation, name, role, statement, subject) VALUES
	('key_version', 'imports', 'kms_test_owner', format('SELECT kms_import_key_material(%L, %L, %L), kms_decrypt(%L)', :'external', :'sealed', :'token', :'external_blob'), 'imported'),
	('key_version', 'imports something else', 'kms_test_owner', format('SELECT kms_import_key_material(%L, %L, %L)', :'external', :'sealed_other', :'token'), 'imported');

-- ---- and true -------------------------------------------------------------

/* One word where they all come to the same. */
CREATE FUNCTION pg_temp.uses(relation text, subject text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	used use;
	outcome text;
	outcomes text[] = '{}';
	list text[] = '{}';
BEGIN
	FOR used IN SELECT * FROM use WHERE use.relation = uses.relation AND use.subject = uses.subject ORDER BY n LOOP
		BEGIN
			outcome = pg_temp.verdict_as(used.role, '%s', used.statement);
			RAISE EXCEPTION USING ERRCODE = 'KT002';
		EXCEPTION WHEN SQLSTATE 'KT002' THEN
			outcomes = outcomes || outcome;
			list = list || (used.name || ': ' || outcome);
		END;
	END LOOP;
	RETURN CASE WHEN outcomes[1] = ALL (outcomes) THEN outcomes[1] ELSE array_to_string(list, ', ') END;
END $$;
/* What other tests have left behind is not ours. */
CREATE TEMP TABLE left_behind AS SELECT table_name, row_id FROM kms_check_integrity();
/* The tables that are complained of; an error is one, too: of the domain key, without which nothing can be checked. */
CREATE FUNCTION pg_temp.reported() RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
	RETURN ARRAY(SELECT DISTINCT table_name FROM kms_check_integrity() c WHERE NOT EXISTS (SELECT FROM left_behind l WHERE (l.table_name, l.row_id) = (c.table_name, c.row_id)) ORDER BY table_name);
EXCEPTION WHEN data_corrupted OR object_not_in_prerequisite_state THEN
	RETURN '{domain_key,account}';
END $$;
/* What the uses come to after the change, and whether the row is reported; then it is undone. */
CREATE FUNCTION pg_temp.tampered(t tampering, OUT at_use text, OUT reported boolean) LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE format('UPDATE kms.%I SET %I = %s WHERE %s', t.relation, t.attribute, t.change, (SELECT condition FROM subject WHERE relation = t.relation AND name = t.subject));
	GET DIAGNOSTICS rows = ROW_COUNT;
	ASSERT rows = 1;
	at_use = pg_temp.uses(t.relation, t.subject);
	reported = t.relation = ANY (pg_temp.reported());
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION
	WHEN SQLSTATE 'KT001' THEN
		RETURN;
	WHEN integrity_constraint_violation OR generated_always THEN
		at_use = SQLSTATE;
END $$;
CREATE TEMP TABLE untouched AS SELECT relation, name AS subject, pg_temp.uses(relation, name) AS at_use FROM subject;
SELECT is(at_use, CASE relation || ' ' || subject
					WHEN 'key made' THEN 'encrypts: fine, decrypts: fine, manages: fine, attacks: 42501|Forbidden.NoPermission'
					WHEN 'key_version imported' THEN 'imports: fine, imports something else: 22023|InvalidKeyMaterial'
					WHEN 'grant_entry made' THEN 'encrypts: fine, attacks: 42501|Forbidden.NoPermission, attacks otherwise: 42501|Forbidden.NoPermission, attacks elsewhere: 42501|Forbidden.NoPermission'
					ELSE 'fine' END, format('the uses of the row of %s (%s) as it was', relation, subject)) FROM untouched ORDER BY relation, subject;
SELECT is(pg_temp.reported(), '{}', 'nothing is reported of rows as they were');
CREATE TEMP TABLE result AS SELECT t.*, u.at_use AS before, r.at_use AS got, r.reported AS got_reported
	  FROM tampering t JOIN untouched u USING (relation, subject) CROSS JOIN LATERAL pg_temp.tampered(t) r;
SELECT is(got || CASE WHEN got_reported THEN ', reported' ELSE '' END,
		  coalesce(refused, CASE WHEN at_use = 'fine' THEN before ELSE at_use END || CASE WHEN reported THEN ', reported' ELSE '' END),
		  format('%s.%s = %s: %s', relation, attribute, change, CASE WHEN refused IS NOT NULL THEN 'refused by PostgreSQL' WHEN reported THEN 'detected' ELSE 'harmless, ' || why END))
  FROM result ORDER BY n;
SELECT is(pg_temp.reported(), '{}', 'after all that nothing is reported again');

SELECT * FROM finish();
ROLLBACK;
