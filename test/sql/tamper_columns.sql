-- Every column of every table changed by hand by a superuser: detected, or harmless.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
\set authority :here /sql/include/ca.psql
\i :authority
SELECT plan(302);

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
INSERT INTO tampering (relation, attribute, change, at_use, reported, why) VALUES
	('column_job', 'relation', '''kms.key''::regclass', 'fine', false, 'how far a procedure is decides nothing: it reads the rows'),
	('column_job', 'relation', '0', 'fine', false, 'likewise'),
	('column_job', 'column_number', '32767', 'fine', false, 'likewise'),
	('column_job', 'kind', '''ColumnReEncryption''', 'fine', false, 'likewise'),
	('column_job', 'started_at', 'noted_at + interval ''1 day''', 'fine', false, 'it is only shown'),
	('column_job', 'noted_at', 'started_at', 'fine', false, 'likewise'),
	('column_job', 'finished_at', 'clock_timestamp()', 'fine', false, 'likewise'),
	('column_job', 'total', '9223372036854775807', 'fine', false, 'likewise'),
	('column_job', 'done', 'total', 'fine', false, 'likewise');
INSERT INTO tampering (relation, attribute, change, refused) VALUES
	('column_job', 'kind', '''none of ours''', '23514'),
	('column_job', 'done', '-1', '23514'),
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
	('grant_entry', 'resource_type', '''none of ours''', '23514'),
	('grant_entry', 'operations', '''{Encrypt,NULL}''', '23514'),
	('grant_entry', 'operations', '''{{Encrypt}}''', '23514'),
	('job', 'attempts', '0', '23514');
INSERT INTO tampering (relation, attribute, subject, change, at_use, reported, why) VALUES
	('key_version', 'digest', 'imported', 'set_byte(digest, 0, get_byte(digest, 0) # 1)', '22023|InvalidKeyMaterial', false, 'it only keeps material from being imported again'),
	('key_version', 'digest', 'imported', 'NULL', '22023|InvalidKeyMaterial', false, 'likewise'),
	('key_version', 'digest', 'imported', '(SELECT digest FROM kms.key_version WHERE digest IS NOT NULL AND key_id = current_setting(''test.other_external'')::uuid)', '22023|InvalidKeyMaterial', false, 'the digest of another key fits no material here'),
	('key_version', 'digest', 'made', 'sha256(''x'')', 'fine', true, 'it is looked at only when material is imported');
INSERT INTO tampering (relation, attribute, subject, change, at_use, reported, why) VALUES
	('secret', 'id', 'made', '''00000000-0000-4000-8000-000000000001''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'name', 'made', '''changed''', '42704|Forbidden.ResourceNotFound', true, NULL),
	('secret', 'owner', 'made', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', 'describes: 42501|Forbidden.NoPermission, reads: 42501|Forbidden.NoPermission, writes: 42501|Forbidden.NoPermission, manages: 42501|Forbidden.NoPermission, attacks: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'owner', 'made', '0', '42501|Forbidden.NoPermission', true, NULL),
	('secret', 'owner_name', 'made', '''kms_test_attacker''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'created_at', 'made', 'created_at - interval ''1 day''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'updated_at', 'made', 'updated_at - interval ''1 day''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'description', 'made', '''changed''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'key_id', 'made', 'current_setting(''test.other_key'')::uuid', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'key_id', 'made', '''00000000-0000-4000-8000-000000000001''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'key_is_chosen', 'made', 'false', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'extended_config', 'made', '''{}''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'automatic_rotation', 'made', '''Enabled''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'automatic_rotation', 'made', '''Invalid''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'rotation_seconds', 'made', '21600', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'rotated_at', 'made', 'clock_timestamp()', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'next_rotation_at', 'made', 'clock_timestamp() + interval ''1 day''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'delete_at', 'made', 'clock_timestamp() + interval ''1 day''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'hour_began_at', 'made', 'clock_timestamp()', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'hour_rotations', 'made', '1', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'account_id', 'made', 'account_id + 1', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'domain_key_version', 'made', 'domain_key_version + 1', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'mac', 'made', 'set_byte(mac, 0, get_byte(mac, 0) # 128)', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'mac', 'made', '''''', 'describes: fine, reads: XX001|Rejected.Unavailable, writes: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('secret', 'sub_type', 'managed', '''DoubleUsers''', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'extended_config', 'managed', '''{"SecretSubType": "DoubleUsers", "DBInstanceId": "local", "CustomData": {}}''', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'extended_config', 'managed', 'NULL', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'automatic_rotation', 'managed', '''Disabled''', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'automatic_rotation', 'managed', '''Invalid''', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'rotation_seconds', 'managed', 'rotation_seconds + 1', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'rotation_seconds', 'managed', 'NULL', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'rotated_at', 'managed', 'NULL', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'next_rotation_at', 'managed', 'next_rotation_at + interval ''1 year''', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'next_rotation_at', 'managed', 'NULL', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'hour_began_at', 'managed', 'NULL', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'hour_rotations', 'managed', '0', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret', 'owner_name', 'managed', '''kms_test_attacker''', 'describes: fine, reads: XX001|Rejected.Unavailable, rotates: XX001|Rejected.Unavailable, switches off: XX001|Rejected.Unavailable', true, NULL),
	('secret_version', 'secret_id', 'made', 'current_setting(''test.other_secret'')::uuid', 'reads: 42704|Forbidden.ResourceNotFound, repeats: fine, writes: fine', true, NULL),
	('secret_version', 'id', 'made', '''v9''', 'reads: 42704|Forbidden.ResourceNotFound, repeats: fine, writes: XX001|Rejected.Unavailable', true, NULL),
	('secret_version', 'created_at', 'made', 'created_at - interval ''1 day''', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version', 'data_type', 'made', '''binary''', 'reads: XX001|Rejected.Unavailable, repeats: 42710|Rejected.ResourceExist, writes: fine', true, NULL),
	('secret_version', 'role_name', 'made', '''kms_test_app''', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version', 'value', 'made', 'set_byte(value, octet_length(value) - 1, get_byte(value, octet_length(value) - 1) # 1)', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version', 'value', 'made', 'set_byte(value, 30, get_byte(value, 30) # 1)', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version', 'value', 'made', '''''', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version', 'value', 'made', '(SELECT v.value FROM kms.secret_version v WHERE v.secret_id = current_setting(''test.secret'')::uuid AND v.id = ''v1'')', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version', 'value', 'made', '(SELECT v.value FROM kms.secret_version v WHERE v.secret_id = current_setting(''test.other_secret'')::uuid)', 'reads: XX001|Rejected.Unavailable, repeats: XX001|Rejected.Unavailable, writes: fine', true, NULL),
	('secret_version_stage', 'secret_id', 'made', '''00000000-0000-4000-8000-000000000001''', 'reads: 42704|Forbidden.ResourceNotFound, reads the old one: fine, writes: fine, moves: fine, lists: fine', true, NULL),
	('secret_version_stage', 'stage', 'made', '''changed''', 'reads: 42704|Forbidden.ResourceNotFound, reads the old one: fine, writes: fine, moves: fine, lists: XX001|Rejected.Unavailable', true, NULL),
	('secret_version_stage', 'version_id', 'made', '''v1''', 'XX001|Rejected.Unavailable', true, NULL),
	('secret_version_stage', 'version_id', 'made', '''v9''', 'reads: XX001|Rejected.Unavailable, reads the old one: fine, writes: XX001|Rejected.Unavailable, moves: XX001|Rejected.Unavailable, lists: fine', true, NULL),
	('secret_version_stage', 'account_id', 'made', 'account_id + 1', 'reads: XX001|Rejected.Unavailable, reads the old one: fine, writes: XX001|Rejected.Unavailable, moves: XX001|Rejected.Unavailable, lists: XX001|Rejected.Unavailable', true, NULL),
	('secret_version_stage', 'domain_key_version', 'made', 'domain_key_version + 1', 'reads: XX001|Rejected.Unavailable, reads the old one: fine, writes: XX001|Rejected.Unavailable, moves: XX001|Rejected.Unavailable, lists: XX001|Rejected.Unavailable', true, NULL),
	('secret_version_stage', 'mac', 'made', 'set_byte(mac, 0, get_byte(mac, 0) # 128)', 'reads: XX001|Rejected.Unavailable, reads the old one: fine, writes: XX001|Rejected.Unavailable, moves: XX001|Rejected.Unavailable, lists: XX001|Rejected.Unavailable', true, NULL),
	('secret_version_stage', 'mac', 'made', '''''', 'reads: XX001|Rejected.Unavailable, reads the old one: fine, writes: XX001|Rejected.Unavailable, moves: XX001|Rejected.Unavailable, lists: XX001|Rejected.Unavailable', true, NULL),
	('secret_role', 'role_name', 'made', '''changed''', 'rotates: fine, takes another: fine, attacks: 42501|Forbidden.NoPermission', false, 'whoever has it may alter the role in any case'),
	('secret_role', 'secret_id', 'made', '''00000000-0000-4000-8000-000000000001''', 'fine', true, NULL),
	('secret_role', 'secret_id', 'made', 'current_setting(''test.other_secret'')::uuid', 'fine', false, 'it only says that the role is taken'),
	('grant_entry', 'resource_type', 'on a secret', '''key''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource', 'on a secret', 'current_setting(''test.secret'')::uuid', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', 'on a secret', '''{*}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', 'on a secret', '''{GetSecretValue,PutSecretValue}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee', 'on a secret', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee', 'on a secret', '0', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'expires_at', 'on a secret', 'NULL', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource_type', 'made', '''secret''', '42501|Forbidden.NoPermission', true, NULL),
	('job', 'name', 'made', '''secret/changed''', 'fine', false, 'it is only shown'),
	('job', 'kind', 'made', '''SecretDeletion''', 'fine', false, 'likewise');
INSERT INTO tampering (relation, attribute, subject, change, at_use, reported, why) VALUES
	('certificate', 'id', 'made', '''00000000-0000-4000-8000-000000000001''', '42704|Certificate.NotFound', true, NULL),
	('certificate', 'owner', 'made', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', 'describes: 42501|Forbidden.NoPermission, signs: 42501|Forbidden.NoPermission, verifies: 42501|Forbidden.NoPermission, decrypts: 42501|Forbidden.NoPermission, exports: 42501|Forbidden.NoPermission, manages: 42501|Forbidden.NoPermission, renews: 42501|Forbidden.NoPermission, grants: 42501|Forbidden.NoPermission, attacks: XX001|Rejected.Unavailable', true, NULL),
	('certificate', 'owner', 'made', '0', '42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'owner_name', 'made', '''kms_test_attacker''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'created_at', 'made', 'created_at - interval ''1 day''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'updated_at', 'made', 'updated_at - interval ''1 day''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'status', 'made', '''PENDING''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'status', 'made', '''INACTIVE''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'status', 'made', '''REVOKED''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'spec', 'made', '''RSA_3072''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'spec', 'made', '''EC_SM2''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'exportable', 'made', 'false', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'subject', 'made', '''CN=changed''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'names', 'made', '''{changed}''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'names', 'made', '''{}''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'issuer', 'made', '''CN=changed''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'issuer', 'made', 'NULL', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'serial', 'made', '''00''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'serial', 'made', 'NULL', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'not_before', 'made', 'not_before - interval ''1 day''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'not_before', 'made', 'NULL', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'not_after', 'made', 'not_after + interval ''1 day''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'not_after', 'made', 'NULL', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'not_after', 'made', '''infinity''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'certificate', 'made', 'current_setting(''test.other_certificate'')', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'certificate', 'made', 'certificate || E''\n''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'certificate', 'made', '''''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'certificate_chain', 'made', 'NULL', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'certificate_chain', 'made', 'certificate_chain || certificate', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'key_identifier', 'made', '''00''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'public_key', 'made', '(SELECT c.public_key FROM kms.certificate c WHERE c.id = current_setting(''test.other_certificate_id'')::uuid)', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'public_key', 'made', '''''', 'XX001|Rejected.Unavailable', true, NULL),
	('certificate', 'request', 'made', '''changed''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'warn_at', 'made', 'warn_at - interval ''1 day''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'warn_at', 'made', 'NULL', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'wrapped', 'made', 'set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'wrapped', 'made', '''''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'wrapped', 'made', '(SELECT c.wrapped FROM kms.certificate c WHERE c.id = current_setting(''test.other_certificate_id'')::uuid)', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'wrap_account_id', 'made', 'wrap_account_id + 1', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'wrap_domain_key_version', 'made', 'wrap_domain_key_version + 1', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'account_id', 'made', 'account_id + 1', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'domain_key_version', 'made', 'domain_key_version + 1', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'mac', 'made', 'set_byte(mac, 0, get_byte(mac, 0) # 128)', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'mac', 'made', '''''', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('certificate', 'mac', 'made', '(SELECT c.mac FROM kms.certificate c WHERE c.id = current_setting(''test.other_certificate_id'')::uuid)', 'describes: fine, signs: XX001|Rejected.Unavailable, verifies: XX001|Rejected.Unavailable, decrypts: XX001|Rejected.Unavailable, exports: XX001|Rejected.Unavailable, manages: XX001|Rejected.Unavailable, renews: XX001|Rejected.Unavailable, grants: XX001|Rejected.Unavailable, attacks: 42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource_type', 'on a certificate', '''key''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource_type', 'on a certificate', '''secret''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource', 'on a certificate', 'current_setting(''test.other_certificate_id'')::uuid', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', 'on a certificate', '''{*}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'operations', 'on a certificate', '''{CertificatePublicKeyVerify,ExportCertificate}''', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee', 'on a certificate', '(SELECT oid FROM pg_roles WHERE rolname = ''kms_test_attacker'')', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'grantee', 'on a certificate', '0', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'expires_at', 'on a certificate', 'NULL', '42501|Forbidden.NoPermission', true, NULL),
	('grant_entry', 'resource_type', 'made', '''certificate''', '42501|Forbidden.NoPermission', true, NULL),
	('tag', 'resource_type', 'made', '''certificate''', 'fine', true, NULL),
	('job', 'kind', 'made', '''CertificateExpiry''', 'fine', false, 'it is only shown');
INSERT INTO tampering (relation, attribute, change, refused) VALUES
	('certificate', 'id', 'current_setting(''test.other_certificate_id'')::uuid', '23505'),
	('certificate', 'status', '''none of ours''', '23514'),
	('certificate', 'spec', '''none of ours''', '23514'),
	('certificate', 'names', '''{NULL}''', '23514'),
	('certificate', 'certificate', 'NULL', '23514'),
	('certificate', 'wrapped', 'NULL', '23502');
INSERT INTO tampering (relation, attribute, change, at_use, reported, why) VALUES
	('tag', 'resource', 'current_setting(''test.other_key'')::uuid', 'fine', false, 'tags decide nothing'),
	('tag', 'resource', '''00000000-0000-4000-8000-000000000001''', 'fine', true, NULL),
	('tag', 'tag_key', '''changed''', 'fine', false, 'likewise'),
	('tag', 'tag_key', '''no key that could be given''', 'fine', false, 'likewise'),
	('tag', 'tag_value', '''changed''', 'fine', false, 'likewise'),
	('tag', 'tag_value', 'repeat(''ä '', 1000)', 'fine', false, 'likewise'),
	('tag', 'resource_type', '''secret''', 'fine', true, NULL);
INSERT INTO tampering (relation, attribute, change, refused) VALUES
	('tag', 'resource', 'NULL', '23502'),
	('tag', 'tag_key', '''another''', '23505'),
	('tag', 'resource_type', '''none of ours''', '23514'),
	('secret', 'type', '''Rds''', '23514'),
	('secret', 'type', '''none of ours''', '23514'),
	('secret', 'sub_type', '''SingleUser''', '23514'),
	('secret', 'automatic_rotation', '''none of ours''', '23514'),
	('secret', 'rotation_seconds', '1', '23514'),
	('secret', 'due_at', 'clock_timestamp()', '428C9'),
	('secret', 'name', '''tampered/other''', '23505'),
	('secret_version', 'data_type', '''none of ours''', '23514'),
	('secret_version', 'value', 'NULL', '23502'),
	('secret_version_stage', 'stage', '''ACSPrevious''', '23505'),
	('job', 'kind', '''none of ours''', '23514');

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
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner;
GRANT EXECUTE ON FUNCTION kms_create_certificate TO kms_test_owner;
ALTER ROLE kms_test_owner CREATEROLE;
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
SELECT kms_create_alias(:'key', 'alias/tampered'), kms_tag_resource('{"tampered": "x", "another": "y"}', :'key') \g /dev/null
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
SELECT kms_create_secret('tampered/waits', 'v1', 'x'::text, encryption_key_id => :'external') \g /dev/null
SELECT kms_delete_key_material(:'external') \g /dev/null
SELECT import_token AS token, public_key FROM kms_get_parameters_for_import(:'external') \gset
RESET ROLE;
SELECT pg_temp.seal(:'public_key', '0123456789abcdef0123456789abcdef') AS sealed, pg_temp.seal(:'public_key', 'fedcba9876543210fedcba9876543210') AS sealed_other \gset
SET ROLE kms_test_attacker;
SELECT kms_create_key() AS attackers_key \gset
RESET ROLE;
SET ROLE kms_test_owner;
CREATE ROLE kms_test_app LOGIN;
SELECT kms_create_secret('tampered', 'v1', 'first'::text, encryption_key_id => :'key'), kms_create_secret('tampered/other', 'w1', 'other'::text, encryption_key_id => :'key'), kms_create_secret('tampered/plain', 'v1', 'plain'::text, tags => '{"plain": ""}'),
	   kms_create_secret('tampered/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}'::text, 'Rds',
						 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}', enable_automatic_rotation => true, rotation_interval => '7 days') \g /dev/null
SELECT kms_put_secret_value('tampered', 'v2', 'second'::text), kms_rotate_secret('tampered/rds', 'v2') \g /dev/null
SELECT kms_grant('secret/tampered/plain', 'kms_test_grantee', '{GetSecretValue}', expires_at => '2100-01-01 00:00+00') AS secret_grant \gset
SELECT certificate_id AS certificate, csr FROM kms_create_certificate('RSA_2048', 'CN=tampered', '{tampered.example.com}') \gset
SELECT certificate_id AS other_certificate, csr AS other_csr FROM kms_create_certificate('RSA_2048', 'CN=tampered', '{tampered.example.com}') \gset
SELECT kms_tag_resource('{"certificate": ""}', certificate_id => :'certificate') \g /dev/null
SELECT kms_grant('certificate/' || :'certificate', 'kms_test_grantee', '{CertificatePublicKeyVerify}', expires_at => '2100-01-01 00:00+00') AS certificate_grant \gset
RESET ROLE;
SELECT pg_temp.issue(:'csr') AS issued, pg_temp.issue(:'other_csr') AS other_issued \gset
SET ROLE kms_test_owner;
SELECT kms_upload_certificate(:'certificate', :'issued', :'inter'), kms_upload_certificate(:'other_certificate', :'other_issued') \g /dev/null
SELECT kms_certificate_public_key_encrypt(:'certificate', 'RSAES_OAEP_SHA_256', 'x') AS certificate_blob, kms_certificate_private_key_sign(:'certificate', 'RSA_PSS_SHA_256', 'x') AS certificate_signature \gset
RESET ROLE;
SELECT set_config('test.certificate_id', :'certificate', true), set_config('test.other_certificate_id', :'other_certificate', true), set_config('test.other_certificate', :'other_issued', true) \g /dev/null
SELECT set_config('test.secret', id::text, true) FROM kms.secret WHERE name = 'tampered' \g /dev/null
SELECT set_config('test.other_secret', id::text, true) FROM kms.secret WHERE name = 'tampered/other' \g /dev/null
INSERT INTO kms.job SELECT 'KeyRotation', id, owner, owner_name, 'done', NULL, 1, clock_timestamp(), NULL FROM kms.key WHERE id = :'key';
SET ROLE kms_test_owner;
CREATE TEMP TABLE protected (id integer PRIMARY KEY, v text);
SELECT kms_protect_column('protected', 'v', :'key') \g /dev/null
INSERT INTO protected VALUES (1, 'x');
RESET ROLE;
INSERT INTO kms.column_job VALUES ('protected'::regclass, 2, 'ColumnEncryption', clock_timestamp() - interval '1 minute', clock_timestamp(), NULL, 2, 1);
SELECT set_config('test.first_version', :'first_version', true), set_config('test.other_key', :'other', true) \g /dev/null

/* The row of each table that is changed, and its uses: by whom, a statement, what it comes to. */
CREATE TEMP TABLE subject (relation text, name text DEFAULT 'made', condition text);
INSERT INTO subject (relation, condition) VALUES
	('account', 'true'), ('domain_key', 'true'), ('key', format('id = %L', :'key')), ('key_version', format('id = %L', :'version')), ('import_token', format('key_id = %L AND expires_at = (SELECT max(expires_at) FROM kms.import_token)', :'external')),
	('alias', 'name = ''alias/tampered'''), ('job', format('resource = %L', :'key')), ('grant_entry', format('id = %L', :'grant_id'));
INSERT INTO subject VALUES ('tag', 'made', 'tag_key = ''tampered'''), ('column_job', 'made', format('relation = %s', 'protected'::regclass::oid));
INSERT INTO subject VALUES ('certificate', 'made', format('id = %L', :'certificate')), ('grant_entry', 'on a certificate', format('id = %L', :'certificate_grant'));
INSERT INTO subject VALUES ('key_version', 'imported', format('id = %L', :'external_version'));
INSERT INTO subject VALUES ('secret', 'made', 'name = ''tampered'''), ('secret', 'managed', 'name = ''tampered/rds'''), ('secret_version', 'made', format('secret_id = %L AND id = ''v2''', current_setting('test.secret'))),
	('secret_version_stage', 'made', format('secret_id = %L AND stage = ''ACSCurrent''', current_setting('test.secret'))), ('secret_role', 'made', 'role_name = ''kms_test_app'''), ('grant_entry', 'on a secret', format('id = %L', :'secret_grant'));
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
	('column_job', 'is seen', 'kms_test_owner', 'SELECT * FROM kms.jobs'),
	('column_job', 'scans', 'kms_test_owner', 'SELECT 1 / row_count FROM kms_scan_column(''protected'', ''v'') WHERE key_version_id IS NOT NULL'),
	('column_job', 'takes back', 'kms_test_owner', 'SELECT kms_unprotect_column(''protected'', ''v''); SELECT 1 / (v = ''x'')::integer FROM protected'),
	('grant_entry', 'encrypts', 'kms_test_grantee', format('SELECT kms_encrypt(%L, ''x''::text, ''{"a": "1"}'')', :'key')),
	('grant_entry', 'attacks', 'kms_test_attacker', format('SELECT kms_encrypt(%L, ''x''::text, ''{"a": "1"}'')', :'key')),
	('grant_entry', 'attacks otherwise', 'kms_test_grantee', format('SELECT kms_decrypt(%L)', :'first_blob')),
	('grant_entry', 'attacks elsewhere', 'kms_test_grantee', format('SELECT kms_encrypt(%L, ''x''::text, ''{"a": "1"}'')', :'other'));

INSERT INTO use (relation, name, role, statement, subject) VALUES
	('key_version', 'imports', 'kms_test_owner', format('SELECT kms_import_key_material(%L, %L, %L), kms_decrypt(%L)', :'external', :'sealed', :'token', :'external_blob'), 'imported'),
	('key_version', 'imports something else', 'kms_test_owner', format('SELECT kms_import_key_material(%L, %L, %L)', :'external', :'sealed_other', :'token'), 'imported');
INSERT INTO use (relation, name, role, statement, subject) VALUES
	('secret', 'describes', 'kms_test_owner', 'SELECT kms_describe_secret(''tampered'')', 'made'),
	('secret', 'reads', 'kms_test_owner', 'SELECT kms_get_secret_value(''tampered'')', 'made'),
	('secret', 'writes', 'kms_test_owner', 'SELECT kms_put_secret_value(''tampered'', ''v9'', ''x''::text)', 'made'),
	('secret', 'manages', 'kms_test_owner', 'SELECT kms_update_secret(''tampered'', ''x'')', 'made'),
	('secret', 'attacks', 'kms_test_attacker', 'SELECT kms_get_secret_value(''tampered'')', 'made'),
	('secret', 'describes', 'kms_test_owner', 'SELECT kms_describe_secret(''tampered/rds'')', 'managed'),
	('secret', 'reads', 'kms_test_owner', 'SELECT kms_get_secret_value(''tampered/rds'')', 'managed'),
	('secret', 'rotates', 'kms_test_owner', 'SELECT kms_rotate_secret(''tampered/rds'')', 'managed'),
	('secret', 'switches off', 'kms_test_owner', 'SELECT kms_update_secret_rotation_policy(''tampered/rds'', false)', 'managed'),
	('secret_version', 'reads', 'kms_test_owner', 'SELECT kms_get_secret_value(''tampered'')', 'made'),
	('secret_version', 'repeats', 'kms_test_owner', 'SELECT kms_put_secret_value(''tampered'', ''v2'', ''second''::text)', 'made'),
	('secret_version', 'writes', 'kms_test_owner', 'SELECT kms_put_secret_value(''tampered'', ''v9'', ''x''::text)', 'made'),
	('secret_version_stage', 'reads', 'kms_test_owner', 'SELECT kms_get_secret_value(''tampered'')', 'made'),
	('secret_version_stage', 'reads the old one', 'kms_test_owner', 'SELECT kms_get_secret_value(''tampered'', ''ACSPrevious'')', 'made'),
	('secret_version_stage', 'writes', 'kms_test_owner', 'SELECT kms_put_secret_value(''tampered'', ''v9'', ''x''::text)', 'made'),
	('secret_version_stage', 'moves', 'kms_test_owner', 'SELECT kms_update_secret_version_stage(''tampered'', ''ACSCurrent'', ''v1'')', 'made'),
	('secret_version_stage', 'lists', 'kms_test_owner', 'SELECT kms_list_secret_version_ids(''tampered'')', 'made'),
	('secret_role', 'rotates', 'kms_test_owner', 'SELECT kms_rotate_secret(''tampered/rds'')', 'made'),
	('secret_role', 'takes another', 'kms_test_owner', 'SELECT kms_create_secret(''tampered/rds2'', ''v1'', ''{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}''::text, ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')', 'made'),
	('secret_role', 'attacks', 'kms_test_attacker', 'SELECT kms_rotate_secret(''tampered/rds'')', 'made'),
	('tag', 'encrypts', 'kms_test_owner', format('SELECT kms_encrypt(%L, ''x''::text)', :'key'), 'made'),
	('tag', 'lists', 'kms_test_owner', format('SELECT kms_list_resource_tags(%L)', :'key'), 'made'),
	('tag', 'is seen', 'kms_test_owner', 'SELECT * FROM kms.tags', 'made'),
	('tag', 'finds', 'kms_test_owner', 'SELECT kms_list_keys(''[{"Key": "TagKey", "Values": ["tampered"]}]'')', 'made'),
	('tag', 'changes', 'kms_test_owner', format('SELECT kms_tag_resource(''{"tampered": "z"}'', %L)', :'key'), 'made'),
	('tag', 'takes away', 'kms_test_owner', format('SELECT kms_untag_resource(''{tampered}'', %L)', :'key'), 'made'),
	('tag', 'erases', 'kms_test_owner', 'SELECT kms_delete_secret(''tampered/plain'', true)', 'made'),
	('grant_entry', 'reads', 'kms_test_grantee', 'SELECT kms_get_secret_value(''tampered/plain'')', 'on a secret'),
	('grant_entry', 'attacks', 'kms_test_attacker', 'SELECT kms_get_secret_value(''tampered/plain'')', 'on a secret'),
	('grant_entry', 'attacks otherwise', 'kms_test_grantee', 'SELECT kms_put_secret_value(''tampered/plain'', ''v9'', ''x''::text)', 'on a secret'),
	('grant_entry', 'attacks elsewhere', 'kms_test_grantee', 'SELECT kms_get_secret_value(''tampered'')', 'on a secret');
INSERT INTO use (relation, name, role, statement, subject) VALUES
	('certificate', 'describes', 'kms_test_owner', format('SELECT kms_describe_certificate(%1$L), kms_get_certificate(%1$L)', :'certificate'), 'made'),
	('certificate', 'signs', 'kms_test_owner', format('SELECT kms_certificate_private_key_sign(%L, ''RSA_PSS_SHA_256'', ''x'')', :'certificate'), 'made'),
	('certificate', 'verifies', 'kms_test_owner', format('SELECT 1 / kms_certificate_public_key_verify(%L, ''RSA_PSS_SHA_256'', ''x'', %L)::integer', :'certificate', :'certificate_signature'), 'made'),
	('certificate', 'decrypts', 'kms_test_owner', format('SELECT kms_certificate_private_key_decrypt(%L, ''RSAES_OAEP_SHA_256'', %L)', :'certificate', :'certificate_blob'), 'made'),
	('certificate', 'exports', 'kms_test_owner', format('SELECT kms_export_certificate(%L, ''x'')', :'certificate'), 'made'),
	('certificate', 'manages', 'kms_test_owner', format('SELECT kms_update_certificate_status(%L, ''INACTIVE'')', :'certificate'), 'made'),
	('certificate', 'renews', 'kms_test_owner', format('SELECT kms_upload_certificate(%L, %L)', :'certificate', :'issued'), 'made'),
	('certificate', 'grants', 'kms_test_owner', format('SELECT kms_grant(%L, ''kms_test_attacker'', ''{*}'')', 'certificate/' || :'certificate'), 'made'),
	('certificate', 'attacks', 'kms_test_attacker', format('SELECT kms_certificate_private_key_sign(%L, ''RSA_PSS_SHA_256'', ''x'')', :'certificate'), 'made'),
	('grant_entry', 'verifies', 'kms_test_grantee', format('SELECT kms_certificate_public_key_verify(%L, ''RSA_PSS_SHA_256'', ''x'', ''x'')', :'certificate'), 'on a certificate'),
	('grant_entry', 'attacks', 'kms_test_attacker', format('SELECT kms_certificate_public_key_verify(%L, ''RSA_PSS_SHA_256'', ''x'', ''x'')', :'certificate'), 'on a certificate'),
	('grant_entry', 'attacks otherwise', 'kms_test_grantee', format('SELECT kms_export_certificate(%L, ''x'')', :'certificate'), 'on a certificate'),
	('grant_entry', 'attacks elsewhere', 'kms_test_grantee', format('SELECT kms_certificate_public_key_verify(%L, ''RSA_PSS_SHA_256'', ''x'', ''x'')', :'other_certificate'), 'on a certificate');

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
SELECT is_empty('SELECT * FROM left_behind WHERE table_name ~ ''^secret''', 'a value whose key waits for its material is not reported');
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
					WHEN 'secret made' THEN 'describes: fine, reads: fine, writes: fine, manages: fine, attacks: 42501|Forbidden.NoPermission'
					WHEN 'secret_role made' THEN 'rotates: fine, takes another: 42710|Rejected.ResourceExist, attacks: 42501|Forbidden.NoPermission'
					WHEN 'certificate made' THEN 'describes: fine, signs: fine, verifies: fine, decrypts: fine, exports: fine, manages: fine, renews: fine, grants: fine, attacks: 42501|Forbidden.NoPermission'
					WHEN 'grant_entry on a certificate' THEN 'verifies: fine, attacks: 42501|Forbidden.NoPermission, attacks otherwise: 42501|Forbidden.NoPermission, attacks elsewhere: 42501|Forbidden.NoPermission'
					WHEN 'grant_entry on a secret' THEN 'reads: fine, attacks: 42501|Forbidden.NoPermission, attacks otherwise: 42501|Forbidden.NoPermission, attacks elsewhere: 42501|Forbidden.NoPermission'
					ELSE 'fine' END, format('the uses of the row of %s (%s) as it was', relation, subject)) FROM untouched ORDER BY relation, subject;
SELECT is(pg_temp.reported(), '{}', 'nothing is reported of rows as they were');
CREATE TEMP TABLE result AS SELECT t.*, u.at_use AS before, r.at_use AS got, r.reported AS got_reported
	  FROM tampering t JOIN untouched u USING (relation, subject) CROSS JOIN LATERAL pg_temp.tampered(t) r;
SELECT is(got || CASE WHEN got_reported THEN ', reported' ELSE '' END,
		  coalesce(refused, CASE WHEN at_use = 'fine' THEN before ELSE at_use END || CASE WHEN reported THEN ', reported' ELSE '' END),
		  format('%s.%s = %s: %s', relation, attribute, change, CASE WHEN refused IS NOT NULL THEN 'refused by PostgreSQL' WHEN reported THEN 'detected' ELSE 'harmless, ' || why END))
  FROM result ORDER BY n;
/* Rows of a secret that are missing, or that are there twice. */
CREATE FUNCTION pg_temp.without(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement;
	result = (SELECT string_agg(concat_ws(': ', c.table_name, c.problem), ', ' ORDER BY c.table_name, c.problem) FROM (SELECT DISTINCT table_name, problem FROM kms_check_integrity() WHERE table_name ~ '^(secret|grant|tag)') c);
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
SELECT is(pg_temp.without(statement), problems, what || ' is reported')
  FROM (VALUES (1, 'DELETE FROM kms.secret WHERE name = ''tampered/plain''', 'grant_entry: its key, secret or certificate does not exist, secret_version: its secret does not exist, tag: its key, secret or certificate does not exist', 'a secret that was deleted by hand'),
			   (2, 'DELETE FROM kms.secret WHERE name = ''tampered/rds''', 'secret_role: its secret does not exist, secret_version: its secret does not exist', 'one with a role'),
			   (3, 'DELETE FROM kms.secret_version WHERE secret_id = current_setting(''test.secret'')::uuid AND id = ''v2''', 'secret_version_stage: its version does not exist', 'a version'),
			   (4, 'DELETE FROM kms.secret_version_stage WHERE secret_id = current_setting(''test.secret'')::uuid AND stage = ''ACSCurrent''', 'secret: it has no current version', 'the label of the current version'),
			   (5, 'DELETE FROM kms.key WHERE id = (SELECT key_id FROM kms.secret WHERE name = ''tampered'')', 'grant_entry: its key, secret or certificate does not exist, secret: its key does not exist, secret_version: its value does not open: its key was changed by hand or damaged, or is gone, tag: its key, secret or certificate does not exist', 'the key'),
			   (6, 'UPDATE kms.key SET description = ''changed'' WHERE id = (SELECT key_id FROM kms.secret WHERE name = ''tampered'')', 'secret_version: its value does not open: its key was changed by hand or damaged, or is gone', 'a key that was changed by hand, with the values under it,'),
			   (7, 'DELETE FROM kms.key_version WHERE key_id = (SELECT key_id FROM kms.secret WHERE name = ''tampered'')', 'secret_version: its value does not open: it was changed by hand or damaged, or its key is gone', 'its version'),
			   (9, 'DELETE FROM kms.certificate WHERE id = current_setting(''test.certificate_id'')::uuid', 'grant_entry: its key, secret or certificate does not exist, tag: its key, secret or certificate does not exist', 'a certificate that was deleted by hand'),
			   (8, 'UPDATE kms.key_version SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1) WHERE key_id = (SELECT key_id FROM kms.secret WHERE name = ''tampered'')', 'secret_version: its value does not open: its key was changed by hand or damaged, or is gone', 'its material')) t (n, statement, problems, what) ORDER BY n;
SELECT is(pg_temp.reported(), '{}', 'after all that nothing is reported again');

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
