-- The service as a whole: open, its status, its ARNs.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(83);

-- ---- open -----------------------------------------------------------------

SELECT is(kms_describe_account_kms_status(), 'Enabled', 'CREATE EXTENSION opens the service');
SELECT is((SELECT count(*) FROM kms.account), 1::bigint, 'there is one account'),
	   is((SELECT count(*) FROM kms.domain_key), 1::bigint, 'there is one domain key');
SELECT is(pg_temp.complaint('SELECT kms_open_kms_service()'),
		  '55000|Forbidden.Opened|the key management service of this database is already open', 'an open service is not opened again');
SELECT is((SELECT count(*) FROM kms.account), 1::bigint, 'a refused opening leaves the account alone');
SELECT is(home_database, (SELECT oid FROM pg_database WHERE datname = current_database()), 'the account is at home in this database'),
	   is(home_system, (SELECT system_identifier FROM pg_control_system()), 'and in this cluster')
  FROM kms.account;

SELECT is(count(*), 1::bigint, 'the status is one row') FROM kms.status;
SELECT is(account_status, 'Enabled', 'the status says that the service is open'),
	   is(preloaded, true, 'and that the library was preloaded'),
	   is(sealed, false, 'and that there is a root key'),
	   matches(root_key_id, '^[0-9a-f]{16}$', 'and which'),
	   is(domain_root_key_id, root_key_id, 'and that it is the one this database needs'),
	   ok(root_key_memory IN ('secret', 'locked', 'unlocked'), 'and where it lies'),
	   is(version, (SELECT extversion FROM pg_extension WHERE extname = 'kms'), 'and the version of the library'),
	   ok(session_memory_locked IS NOT NULL, 'and whether memory could be locked')
  FROM kms.status;
SELECT kms_encrypt(kms_create_key()::text, 'x'::text) IS NOT NULL AS encrypted \gset
SELECT cmp_ok(session_cached_keys, '>=', 1::bigint, 'a used key is in the cache'),
	   cmp_ok(session_cache_bytes, '>', 0::bigint, 'which takes memory')
  FROM kms.status;

-- ---- the domain key and its root key --------------------------------------
-- A root key that is changed: test/t/064_root_key_change.pl.

SELECT string_agg(d::text, ' ') AS domain_key FROM kms.domain_key d \gset
SELECT count(*) AS log_length FROM kms.audit_log \gset
SELECT is(kms_rewrap_domain_key(), 0::bigint, 'a domain key that is under the current root key is not wrapped anew');
SELECT is((SELECT string_agg(d::text, ' ') FROM kms.domain_key d), :'domain_key', 'its row stays as it was'),
	   is((SELECT count(*) FROM kms.audit_log), :log_length::bigint, 'and nothing is recorded');
SAVEPOINT writable;
CREATE ROLE kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_rewrap_domain_key()'), '42501|', 'who has no EXECUTE wraps no domain key');
GRANT EXECUTE ON FUNCTION kms_rewrap_domain_key TO kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_rewrap_domain_key()'), 'fine', 'who has it, does');
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict('SELECT kms_rewrap_domain_key()'), '25006|UnsupportedOperation', 'in a read-only transaction it is refused');
ROLLBACK TO writable;
UPDATE kms.domain_key SET root_key_id = '\x0001020304050607';
SELECT is(pg_temp.complaint('SELECT kms_rewrap_domain_key()'),
		  (SELECT format('55000|ServiceUnavailableTemporary|wrong root key: this database needs root key 0001020304050607, the server has %s', root_key_id) FROM kms.status),
		  'nor is one wrapped anew whose root key the server does not have'),
	   is(pg_temp.hint('SELECT kms_rewrap_domain_key()'), 'Give the server the root key with that id, as a further line if need be, and reload.', 'the way out is hinted at');
ROLLBACK TO writable;

-- ---- a new domain key ------------------------------------------------------
-- With others at work, in batches, on a standby: test/t/065_domain_key_rotation.pl.

SAVEPOINT before_rotation;
SELECT kms_create_key() AS aes, kms_create_key('EC_P256', 'SIGN/VERIFY') AS ec, kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC') AS mac,
	   kms_create_key(origin => 'EXTERNAL') AS external \gset
SELECT FROM kms_create_alias(:'aes', 'alias/kms_test_aes');
SELECT FROM kms_create_key_version(:'aes');
SELECT FROM kms_create_secret('kms_test/kept', 'v1', 'a value'::text), kms_put_secret_value('kms_test/kept', 'v2', 'another value'::text);
SELECT FROM kms_create_certificate('EC_P256', 'CN=example.com');
CREATE ROLE kms_test_reader;
SELECT FROM kms_grant(:'aes', 'kms_test_reader', '{Decrypt}');
SELECT import_token AS token FROM kms_get_parameters_for_import(:'external', 'RSAES_OAEP_SHA_256', 'RSA_2048') \gset
SELECT kms_encrypt('alias/kms_test_aes', 'a text'::text) AS ciphertext, kms_asymmetric_sign(:'ec', NULL, 'ECDSA_SHA_256', sha256('x')) AS signature,
	   kms_blind_index(:'mac', 'x', '{"a": "1"}') AS blind_index \gset

CREATE VIEW pg_temp.domain_key_version AS
	SELECT 'key' AS t, account_id, domain_key_version AS v FROM kms.key UNION ALL SELECT 'key_version', account_id, domain_key_version FROM kms.key_version
	UNION ALL SELECT 'alias', account_id, domain_key_version FROM kms.alias UNION ALL SELECT 'import_token', account_id, domain_key_version FROM kms.import_token
	UNION ALL SELECT 'secret', account_id, domain_key_version FROM kms.secret UNION ALL SELECT 'stage', account_id, domain_key_version FROM kms.secret_version_stage
	UNION ALL SELECT 'grant', account_id, domain_key_version FROM kms.grant_entry UNION ALL SELECT 'certificate', account_id, domain_key_version FROM kms.certificate
	UNION ALL SELECT 'private key', wrap_account_id, wrap_domain_key_version FROM kms.certificate UNION ALL SELECT 'audit head', account_id, domain_key_version FROM kms.audit_head;
SELECT count(*) AS rows FROM pg_temp.domain_key_version WHERE t NOT IN ('private key', 'audit head') \gset
SELECT md5(string_agg(wrapped::text, ' ' ORDER BY id)) AS wrapped FROM kms.key_version \gset

SELECT is(kms_rotate_domain_key(), :rows::bigint, 'a new domain key: the result is how many rows came under it');
SELECT is((SELECT array_agg(version ORDER BY version) FROM kms.domain_key), '{1,2}'::integer[], 'the earlier version stays, for the audit log'),
	   is((SELECT string_agg(DISTINCT t, ' ') FROM pg_temp.domain_key_version WHERE v <> 2 AND t <> 'audit head'), NULL, 'and nothing else is under it'),
	   is((SELECT count(DISTINCT t) FROM pg_temp.domain_key_version), 10::bigint, 'of all that a domain key is for'),
	   isnt((SELECT md5(string_agg(wrapped::text, ' ' ORDER BY id)) FROM kms.key_version), :'wrapped', 'material is wrapped anew');
SELECT is(kms_decrypt_text(:'ciphertext'), 'a text', 'a ciphertext from before opens'),
	   is(kms_decrypt_text(kms_encrypt('alias/kms_test_aes', 'x'::text)), 'x', 'so does one from after it'),
	   ok(kms_asymmetric_verify(:'ec', NULL, 'ECDSA_SHA_256', sha256('x'), :'signature'), 'a key pair is the same'),
	   is(kms_blind_index(:'mac', 'x', '{"a": "1"}'), :'blind_index'::bytea, 'so is the key of a MAC'),
	   is((kms_get_secret_value('kms_test/kept')).secret_data, 'another value', 'a secret opens'),
	   is((kms_get_secret_value('kms_test/kept', version_id => 'v1')).secret_data, 'a value', 'also its earlier version'),
	   ok(kms_can('Encrypt', :'aes'), 'an owner still owns');
SELECT is((SELECT detail FROM kms.audit_log WHERE operation = 'RotateDomainKey'), format('version 2, %s rows', :rows), 'it is recorded'),
	   is((SELECT count(*) FROM kms_check_integrity()), 0::bigint, 'every row is as it was written'),
	   is((SELECT problem FROM kms_verify_audit_log()), NULL, 'and so is the audit log, under two domain keys');

/* Imported material: the digest that recognises it moves along. */
SELECT pg_temp.verdict('SELECT kms_import_key_material(%L, ''\x00'', %L)', :'external', :'token') AS imported \gset
SELECT is(:'imported'::text, '22023|InvalidKeyMaterial', 'an import token from before opens');
SELECT is(kms_rotate_domain_key(), :rows::bigint, 'it can be done again');
SELECT is((SELECT array_agg(DISTINCT v) FROM pg_temp.domain_key_version WHERE t <> 'audit head'), '{3}'::integer[], 'then everything is under the third'),
	   is(kms_decrypt_text(:'ciphertext'), 'a text', 'and opens');

/* Somebody else, and no way. */
SET LOCAL ROLE kms_test_reader;
SELECT is(kms_decrypt_text(:'ciphertext'), 'a text', 'a grant from before counts');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_reader', 'SELECT kms_rotate_domain_key()'), '42501|', 'who has no EXECUTE makes no domain key');
GRANT EXECUTE ON FUNCTION kms_rotate_domain_key TO kms_test_reader;
SAVEPOINT fourth;
SELECT is(pg_temp.verdict_as('kms_test_reader', 'SELECT kms_rotate_domain_key()'), 'fine', 'who has it, does');
SELECT is(kms_decrypt_text(:'ciphertext'), 'a text', 'and everything opens');
ROLLBACK TO fourth;
SELECT is(kms_decrypt_text(:'ciphertext'), 'a text', 'rolled back, everything is under the third again, and opens'),
	   is((SELECT max(version) FROM kms.domain_key), 3, 'which is the newest');
SELECT is(kms_rotate_domain_key(), :rows::bigint, 'another fourth one, which is not the one that was rolled back');
SELECT is(kms_decrypt_text(:'ciphertext'), 'a text', 'opens everything');

/* What is damaged is neither lost nor brought under a new key. */
UPDATE kms.key SET description = 'edited' WHERE id = :'mac';
UPDATE kms.key_version SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1) WHERE key_id = :'ec';
SET LOCAL client_min_messages = error;
SELECT is(kms_rotate_domain_key(), :rows - 2::bigint, 'rows that were changed by hand stay behind');
RESET client_min_messages;
SELECT is((SELECT string_agg(t, ' ' ORDER BY t) FROM pg_temp.domain_key_version WHERE v = 4 AND t <> 'audit head'), 'key key_version', 'these alone'),
	   is((SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM kms_check_integrity()), 'key key_version', 'and are found as before');

/* A certificate whose row is under a later domain key than its private key, and that one is not there. */
SAVEPOINT two_domain_keys;
SELECT id AS certificate FROM kms.certificate \gset
SET LOCAL client_min_messages = error;
UPDATE kms.certificate SET subject = subject || 'x';
SELECT FROM kms_rotate_domain_key();
UPDATE kms.certificate SET subject = left(subject, -1);
SELECT FROM kms_set_owner('certificate/' || :'certificate', 'kms_test_reader');
SELECT is(format('%s %s', domain_key_version, wrap_domain_key_version), '6 5', 'a certificate can be under two domain keys') FROM kms.certificate;
UPDATE kms.domain_key SET root_key_id = '\x0001020304050607' WHERE version = 5;
SELECT is(kms_rotate_domain_key(), :rows - 3::bigint, 'where one of them does not open, it stays behind');
SELECT is(format('%s %s', domain_key_version, wrap_domain_key_version), '6 5', 'and as it was') FROM kms.certificate;
ROLLBACK TO two_domain_keys;

/* Rows that are written without SQL come into no index that would have to be evaluated. */
CREATE INDEX kms_test_index ON kms.key (lower(description));
SELECT is(pg_temp.complaint('SELECT kms_create_key()'),
		  '55000|UnsupportedOperation|index "kms_test_index" on a table of kms has an expression or a condition', 'an index with an expression is none of ours');
DROP INDEX kms.kms_test_index;
CREATE INDEX kms_test_index ON kms.key (description) WHERE state = 'Disabled';
SELECT is(pg_temp.complaint('SELECT kms_rotate_domain_key()'),
		  '55000|UnsupportedOperation|index "kms_test_index" on a table of kms has an expression or a condition', 'nor is one with a condition');
DROP INDEX kms.kms_test_index;
CREATE INDEX kms_test_index ON kms.key (description);
SELECT is(pg_temp.verdict('SELECT kms_create_key()'), 'fine', 'a plain one is filled');
DROP INDEX kms.kms_test_index;

SAVEPOINT read_only;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict('SELECT kms_rotate_domain_key()'), '25006|UnsupportedOperation', 'in a read-only transaction it is refused');
ROLLBACK TO read_only;
UPDATE kms.domain_key SET root_key_id = '\x0001020304050607' WHERE version = 5;
SELECT is(pg_temp.verdict('SELECT kms_rotate_domain_key()'), '55000|ServiceUnavailableTemporary', 'nor is there a new one while the current one does not open');
ROLLBACK TO before_rotation;

-- ---- ARNs -----------------------------------------------------------------

SELECT kms_create_key() AS key \gset
SELECT (kms_describe_key(:'key')).arn AS arn \gset
SELECT is(:'arn', format('acs:kms:%s:%s:key/%s', current_setting('kms.region'), (SELECT id FROM kms.account), :'key'),
		  'an ARN names region, account and key');
SELECT is((kms_describe_key(:'arn')).key_id, :'key', 'a key is found by its ARN'),
	   is(kms_decrypt_text(kms_encrypt(:'arn', 'x'::text)), 'x', 'an ARN encrypts');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', replace(:'arn', ':local:', ':elsewhere:'), 'x'),
		  '42704|Forbidden.KeyNotFound', 'an ARN of another region is not found'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', regexp_replace(:'arn', '\d{16}', '1234567890123456'), 'x'),
		  '42704|Forbidden.KeyNotFound', 'an ARN of another account is not found');

-- ---- not open -------------------------------------------------------------

SAVEPOINT opened;
DELETE FROM kms.alias;
DELETE FROM kms.key;
DELETE FROM kms.domain_key;
DELETE FROM kms.account;
SELECT is(kms_describe_account_kms_status(), 'NotEnabled', 'without an account the service is not open'),
	   is((SELECT account_status FROM kms.status), 'NotEnabled', 'and the view says so');
SELECT is(pg_temp.complaint('SELECT kms_create_key()'),
		  '55000|Forbidden.KmsServiceNotEnabled|the key management service of this database is not open', 'a service that is not open makes no key'),
	   is(pg_temp.hint('SELECT kms_create_key()'), 'Call kms_open_kms_service().', 'the way out is hinted at');
SELECT is(pg_temp.verdict('SELECT kms_rewrap_domain_key()'), '55000|Forbidden.KmsServiceNotEnabled', 'and wraps no domain key anew'),
	   is(pg_temp.verdict('SELECT kms_rotate_domain_key()'), '55000|Forbidden.KmsServiceNotEnabled', 'nor makes one');
SELECT is(pg_temp.verdict('SELECT kms_open_kms_service()'), 'fine', 'a service that is not open can be opened');
SELECT is(kms_describe_account_kms_status(), 'Enabled', 'and then is open');
SELECT is(pg_temp.verdict('SELECT kms_decrypt_text(kms_encrypt(kms_create_key()::text, %L::text))', 'x'), 'fine', 'and makes keys that work');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', :'key', 'x'), '42704|Forbidden.KeyNotFound', 'a key that was deleted with its account is not found');
ROLLBACK TO opened;
SELECT is((kms_describe_key(:'key')).arn, :'arn', 'a rolled-back opening leaves the old account in force'),
	   is(kms_decrypt_text(kms_encrypt(:'key', 'x'::text)), 'x', 'and its keys work');

/* A restored dump brings the account of its origin beside the one that CREATE EXTENSION made. */
INSERT INTO kms.account SELECT id, created_at, home_system, home_database
  FROM (VALUES (1234567890123456, '2001-01-01'::timestamptz), (9234567890123456, 'infinity')) t (id, created_at), (SELECT home_system, home_database FROM kms.account) home;
SELECT is((kms_describe_key(:'key')).arn, 'acs:kms:local:1234567890123456:key/' || :'key', 'the oldest account is in force');
DELETE FROM kms.account WHERE id IN (1234567890123456, 9234567890123456);
SELECT is((kms_describe_key(:'key')).arn, :'arn', 'and the next one when it is gone');

SELECT * FROM finish();
ROLLBACK;
