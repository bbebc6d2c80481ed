-- The service as a whole: open, its status, its ARNs.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(44);

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
SELECT is(pg_temp.verdict('SELECT kms_rewrap_domain_key()'), '55000|Forbidden.KmsServiceNotEnabled', 'and wraps no domain key anew');
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
