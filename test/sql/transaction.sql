-- What is rolled back never was: keys, aliases, states and versions, as the cache sees them; and secrets.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(142);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

CREATE FUNCTION pg_temp.encrypts(reference text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', reference, 'x') $$;
CREATE FUNCTION pg_temp.decrypts(blob bytea) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_decrypt(%L)', blob::text) $$;
CREATE FUNCTION pg_temp.key_of(reference text) RETURNS uuid LANGUAGE sql AS
$$ SELECT (kms_ciphertext_info(kms_encrypt(reference, 'x'::text))).key_id $$;
CREATE FUNCTION pg_temp.fail() RETURNS integer LANGUAGE plpgsql COST 1000 AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;

-- ---- whole transactions ---------------------------------------------------

SELECT kms_create_key() AS key \gset
SELECT kms_create_key() AS other \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob, (kms_describe_key(:'key')).primary_key_version AS version \gset

BEGIN;
SELECT kms_create_key() AS lost \gset
SELECT kms_encrypt(:'lost', 'x'::text) AS lost_blob \gset
SELECT is(pg_temp.decrypts(:'lost_blob'), 'fine', 'a key is usable in the transaction that makes it');
ROLLBACK;
SELECT is(pg_temp.encrypts(:'lost'), '42704|Forbidden.KeyNotFound', 'a key whose making was rolled back does not encrypt'),
	   is(pg_temp.decrypts(:'lost_blob'), '42704|Forbidden.KeyNotFound', 'nor decrypt'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'lost'), '42704|Forbidden.KeyNotFound', 'nor is it described'),
	   is(pg_temp.verdict('SELECT kms_disable_key(%L)', :'lost'), '42704|Forbidden.KeyNotFound', 'nor changed');

BEGIN;
SELECT kms_disable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'a key is disabled in the transaction that disables it'),
	   is(pg_temp.decrypts(:'blob'), '55000|Rejected.Disabled', 'for decrypting too');
ROLLBACK;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'a key whose disabling was rolled back encrypts'),
	   is(pg_temp.decrypts(:'blob'), 'fine', 'and decrypts');
SELECT kms_disable_key(:'key');
BEGIN;
SELECT kms_enable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'a key is enabled in the transaction that enables it');
ROLLBACK;
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'a key whose enabling was rolled back does not encrypt'),
	   is(pg_temp.decrypts(:'blob'), '55000|Rejected.Disabled', 'nor decrypt');
SELECT kms_enable_key(:'key');

BEGIN;
SELECT kms_create_key_version(:'key') AS lost_version \gset
SELECT kms_encrypt(:'key', 'x'::text) AS lost_blob \gset
SELECT is((kms_ciphertext_info(:'lost_blob')).key_version_id, :'lost_version', 'a version encrypts in the transaction that makes it');
ROLLBACK;
SELECT is((kms_ciphertext_info(kms_encrypt(:'key', 'x'::text))).key_version_id, :'version', 'after a rolled-back rotation the old version encrypts again'),
	   is(pg_temp.decrypts(:'lost_blob'), '42704|Forbidden.KeyNotFound', 'and the lost one does not decrypt');

BEGIN;
SELECT kms_create_alias(:'key', 'alias/transaction');
SELECT is(pg_temp.encrypts('alias/transaction'), 'fine', 'an alias encrypts in the transaction that makes it');
ROLLBACK;
SELECT is(pg_temp.encrypts('alias/transaction'), '42704|Forbidden.AliasNotFound', 'an alias whose making was rolled back is not found'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', 'alias/transaction'), '42704|Forbidden.AliasNotFound', 'nor described');
SELECT kms_create_alias(:'key', 'alias/transaction');
BEGIN;
SELECT kms_update_alias(:'other', 'alias/transaction');
SELECT is(pg_temp.key_of('alias/transaction'), :'other', 'an alias is moved in the transaction that moves it');
ROLLBACK;
SELECT is(pg_temp.key_of('alias/transaction'), :'key', 'an alias whose move was rolled back stands where it stood');
BEGIN;
SELECT kms_delete_alias('alias/transaction');
SELECT is(pg_temp.encrypts('alias/transaction'), '42704|Forbidden.AliasNotFound', 'an alias is gone in the transaction that deletes it');
ROLLBACK;
SELECT is(pg_temp.key_of('alias/transaction'), :'key', 'an alias whose deletion was rolled back is there again');

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'in REPEATABLE READ a key encrypts');
SELECT kms_disable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'and is disabled at once');
SELECT kms_enable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'and enabled at once');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT kms_disable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'so it is in SERIALIZABLE');
ROLLBACK;

-- ---- savepoints -----------------------------------------------------------

BEGIN;
SAVEPOINT s;
SELECT kms_create_key() AS lost \gset
SELECT kms_encrypt(:'lost', 'x'::text) AS lost_blob \gset
ROLLBACK TO s;
SELECT is(pg_temp.encrypts(:'lost'), '42704|Forbidden.KeyNotFound', 'a key made after a savepoint is gone with it'),
	   is(pg_temp.decrypts(:'lost_blob'), '42704|Forbidden.KeyNotFound', 'for decrypting too');
SELECT kms_disable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'a key is disabled after a savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'and enabled when that is rolled back');
SELECT kms_disable_key(:'key');
SAVEPOINT t;
SELECT kms_enable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'within two savepoints the inner one counts');
ROLLBACK TO t;
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'without the inner one the outer');
RELEASE s;
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'a released savepoint changes nothing');
SELECT kms_enable_key(:'key');
SAVEPOINT s;
SELECT kms_update_alias(:'other', 'alias/transaction');
SELECT is(pg_temp.key_of('alias/transaction'), :'other', 'an alias is moved after a savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.key_of('alias/transaction'), :'key', 'and moved back when that is rolled back');
SELECT kms_create_alias(:'key', 'alias/savepoint');
SELECT is(pg_temp.encrypts('alias/savepoint'), 'fine', 'an alias is made after a savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.encrypts('alias/savepoint'), '42704|Forbidden.AliasNotFound', 'and gone when that is rolled back');
SELECT kms_create_key_version(:'key') AS lost_version \gset
SELECT kms_encrypt(:'key', 'x'::text) AS lost_blob \gset
ROLLBACK TO s;
SELECT is((kms_ciphertext_info(kms_encrypt(:'key', 'x'::text))).key_version_id, :'version', 'a rotation after a savepoint is undone with it'),
	   is(pg_temp.decrypts(:'lost_blob'), '42704|Forbidden.KeyNotFound', 'and its version is gone');
ROLLBACK;

-- ---- pairs and keys for MACs ----------------------------------------------

CREATE FUNCTION pg_temp.signs(reference text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_asymmetric_sign(%L, NULL, %L, sha256(%L))', reference, 'ECDSA_SHA_256', 'x') $$;
CREATE FUNCTION pg_temp.authenticates(reference text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_generate_mac(%L, %L)', reference, 'x') $$;
SELECT kms_create_key('EC_P256') AS pair, kms_create_key('HMAC_SHA_256') AS mac_key \gset
SELECT kms_asymmetric_sign(:'pair', NULL, 'ECDSA_SHA_256', sha256('x')) AS signature, kms_generate_mac(:'mac_key', 'x') AS mac, kms_get_public_key(:'pair') AS public_key,
	   (SELECT key_version_id FROM kms_list_key_versions(:'pair')) AS pair_version \gset
BEGIN;
SELECT kms_create_key('EC_P256') AS lost, kms_create_key('HMAC_SHA_256') AS lost_mac_key \gset
SELECT is(pg_temp.signs(:'lost'), 'fine', 'a pair signs in the transaction that makes it'),
	   is(pg_temp.authenticates(:'lost_mac_key'), 'fine', 'and a key makes MACs');
ROLLBACK;
SELECT is(pg_temp.signs(:'lost'), '42704|Forbidden.KeyNotFound', 'a pair whose making was rolled back does not sign'),
	   is(pg_temp.authenticates(:'lost_mac_key'), '42704|Forbidden.KeyNotFound', 'and such a key makes no MACs'),
	   is(pg_temp.verdict('SELECT kms_get_public_key(%L)', :'lost'), '42704|Forbidden.KeyNotFound', 'nor has such a pair a public key');
BEGIN;
SELECT kms_disable_key(:'pair'), kms_disable_key(:'mac_key');
SELECT is(pg_temp.signs(:'pair'), '55000|Rejected.Disabled', 'a pair is disabled in the transaction that disables it'),
	   is(pg_temp.authenticates(:'mac_key'), '55000|Rejected.Disabled', 'and a key for MACs'),
	   is(pg_temp.verdict('SELECT kms_asymmetric_verify(%L, NULL, %L, sha256(%L), %L)', :'pair', 'ECDSA_SHA_256', 'x', :'signature'), '55000|Rejected.Disabled', 'for verifying too'),
	   is(pg_temp.verdict('SELECT kms_verify_mac(%L, %L, %L)', :'mac_key', 'x', :'mac'), '55000|Rejected.Disabled', 'both of them');
ROLLBACK;
SELECT ok(kms_asymmetric_verify(:'pair', NULL, 'ECDSA_SHA_256', sha256('x'), :'signature'), 'when that is rolled back the pair verifies'),
	   ok(kms_verify_mac(:'mac_key', 'x', :'mac'), 'and so does the key');
BEGIN;
UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = :'pair';
SAVEPOINT s;
SELECT kms_create_key_version(:'pair') AS lost_version \gset
SELECT kms_asymmetric_sign(:'pair', NULL, 'ECDSA_SHA_256', sha256('x')) AS lost_signature \gset
SELECT ok(kms_asymmetric_verify(:'pair', :'lost_version', 'ECDSA_SHA_256', sha256('x'), :'lost_signature'), 'a new version signs after the savepoint that it was made after');
ROLLBACK TO s;
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_verify(%L, %L, %L, sha256(%L), %L)', :'pair', :'lost_version', 'ECDSA_SHA_256', 'x', :'lost_signature'), '42704|Forbidden.KeyVersionNotFound', 'rolled back it is not found'),
	   is(kms_asymmetric_verify(:'pair', NULL, 'ECDSA_SHA_256', sha256('x'), :'lost_signature'), false, 'and what it signed is none of the pair''s'),
	   is(kms_get_public_key(:'pair'), :'public_key', 'whose public key is the one it was'),
	   ok(kms_asymmetric_verify(:'pair', :'pair_version', 'ECDSA_SHA_256', sha256('x'), kms_asymmetric_sign(:'pair', NULL, 'ECDSA_SHA_256', sha256('x'))), 'and whose old version signs again');
SELECT kms_disable_key(:'pair'), kms_disable_key(:'mac_key');
SELECT is(pg_temp.signs(:'pair') || ', ' || pg_temp.authenticates(:'mac_key'), '55000|Rejected.Disabled, 55000|Rejected.Disabled', 'both are disabled after a savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.signs(:'pair') || ', ' || pg_temp.authenticates(:'mac_key'), 'fine, fine', 'and enabled when that is rolled back');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(pg_temp.signs(:'pair') || ', ' || pg_temp.authenticates(:'mac_key'), 'fine, fine', 'in REPEATABLE READ both work');
SELECT kms_disable_key(:'pair'), kms_disable_key(:'mac_key');
SELECT is(pg_temp.signs(:'pair') || ', ' || pg_temp.authenticates(:'mac_key'), '55000|Rejected.Disabled, 55000|Rejected.Disabled', 'and are disabled at once');
ROLLBACK;
SELECT is(pg_temp.verdict('SELECT kms_disable_key(%1$L), kms_asymmetric_sign(%1$L, NULL, ''ECDSA_SHA_256'', sha256(''x''))', :'pair'), '55000|Rejected.Disabled', 'a pair that one statement disabled and failed with'),
	   is(pg_temp.signs(:'pair'), 'fine', 'is enabled after the error was caught');
DELETE FROM kms.key WHERE id = :'mac_key';
SELECT is(pg_temp.authenticates(:'mac_key'), '42704|Forbidden.KeyNotFound', 'a key for MACs deleted by hand is not found');
DELETE FROM kms.key_version WHERE key_id = :'pair';
SELECT is(pg_temp.signs(:'pair'), 'XX001|Rejected.Unavailable', 'a pair without its versions signs nothing');
DELETE FROM kms.key WHERE id = :'pair';
DELETE FROM kms.key_version WHERE key_id = :'mac_key';

-- ---- changed, used and undone in one statement ----------------------------

BEGIN;
SAVEPOINT s;
\set ON_ERROR_STOP 0
\o /dev/null
\set VERBOSITY sqlstate
SELECT kms_disable_key(:'key'), kms_encrypt(:'key', 'x'::text);
ROLLBACK TO s;
\o
\set ON_ERROR_STOP 1
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'a key that one statement disabled, used and failed with is enabled after a savepoint');
ROLLBACK;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'and after the transaction');

SELECT kms_disable_key(:'key');
BEGIN;
SAVEPOINT s;
\set ON_ERROR_STOP 0
\o /dev/null
SELECT kms_enable_key(:'key'), kms_encrypt(:'key', 'x'::text), kms_decrypt('\x00');
ROLLBACK TO s;
\o
\set ON_ERROR_STOP 1
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'a key that one statement enabled, used and failed with is disabled after a savepoint');
ROLLBACK;
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'and after the transaction');
\set ON_ERROR_STOP 0
\o /dev/null
SELECT kms_enable_key(:'key'), kms_encrypt(:'key', 'x'::text), kms_decrypt('\x00');
\o
\set ON_ERROR_STOP 1
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'so it is without a savepoint'),
	   is(pg_temp.decrypts(:'blob'), '55000|Rejected.Disabled', 'for decrypting too');
SELECT is(pg_temp.verdict('SELECT kms_enable_key(%1$L), kms_encrypt(%1$L, ''x''::text), pg_temp.fail()', :'key'), 'P0001|', 'so it is when the error is caught'),
	   is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'and the key disabled after that');
SELECT kms_enable_key(:'key');

SELECT is(pg_temp.verdict('SELECT kms_update_alias(%1$L, ''alias/transaction''), kms_encrypt(''alias/transaction'', ''x''::text), pg_temp.fail()', :'other'), 'P0001|',
		  'an alias moved, used and moved back in one statement'),
	   is(pg_temp.key_of('alias/transaction'), :'key', 'stands where it stood');
SELECT is(pg_temp.verdict('SELECT kms_create_alias(%1$L, ''alias/brief''), kms_encrypt(''alias/brief'', ''x''::text), pg_temp.fail()', :'other'), 'P0001|',
		  'an alias made, used and undone in one statement'),
	   is(pg_temp.encrypts('alias/brief'), '42704|Forbidden.AliasNotFound', 'is not found');
SELECT is(pg_temp.verdict('SELECT kms_create_key_version(%1$L), kms_encrypt(%1$L, ''x''::text), pg_temp.fail()', :'key'), 'P0001|',
		  'a key rotated, used and rotated back in one statement'),
	   is((kms_ciphertext_info(kms_encrypt(:'key', 'x'::text))).key_version_id, :'version', 'encrypts with the version it had');

-- ---- a statement that changes what it uses --------------------------------

CREATE FUNCTION pg_temp.switch(key_id text, n integer) RETURNS text LANGUAGE plpgsql AS
$$
BEGIN
	IF n % 2 = 0 THEN
		PERFORM kms_disable_key(key_id);
	ELSE
		PERFORM kms_enable_key(key_id);
	END IF;
	RETURN key_id;
END
$$;
SELECT is((SELECT string_agg(left(pg_temp.encrypts(pg_temp.switch(:'key', n)), 5), ' ' ORDER BY n) FROM generate_series(1, 6) n), 'fine 55000 fine 55000 fine 55000',
		  'a statement that switches a key off and on sees each switch');
SELECT kms_enable_key(:'key');

-- ---- secrets ---------------------------------------------------------------

SELECT count(*) AS had_key FROM kms.alias WHERE name = 'alias/acs/secrets' \gset
CREATE FUNCTION pg_temp.value_of(name text, stage text = NULL) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	code text;
BEGIN
	RETURN (SELECT secret_data || ' ' || version_id || ' ' || version_stages::text FROM kms_get_secret_value(name, stage));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || '|' || code;
END
$$;
BEGIN;
SELECT kms_create_secret('transaction/lost', 'v1', 'x'::text) \g /dev/null
SELECT is(pg_temp.value_of('transaction/lost'), 'x v1 {ACSCurrent}', 'a secret is read in the transaction that makes it');
ROLLBACK;
SELECT is(pg_temp.value_of('transaction/lost'), '42704|Forbidden.ResourceNotFound', 'rolled back, there is none'),
	   is((SELECT count(*) FROM kms.alias WHERE name = 'alias/acs/secrets'), :had_key::bigint, 'nor the key that was made for it');
SELECT is(pg_temp.verdict('SELECT kms_create_secret(%L, %L, %L::text)', 'transaction', 'v1', 'first'), 'fine', 'the name is free, and the key is made anew');
BEGIN;
SELECT kms_put_secret_value('transaction', 'v2', 'second'::text), kms_update_secret('transaction', 'changed') \g /dev/null
SELECT is(pg_temp.value_of('transaction'), 'second v2 {ACSCurrent}', 'a new version is current in the transaction that stores it'),
	   is(pg_temp.value_of('transaction', 'ACSPrevious'), 'first v1 {ACSPrevious}', 'and the one before is previous');
ROLLBACK;
SELECT is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'rolled back, the old one is current'),
	   is(pg_temp.value_of('transaction', 'ACSPrevious'), '42704|Forbidden.ResourceNotFound', 'and none previous'),
	   is((kms_describe_secret('transaction')).description, '', 'nor is anything else changed');
BEGIN;
SAVEPOINT s;
SELECT kms_put_secret_value('transaction', 'v2', 'second'::text) \g /dev/null
ROLLBACK TO s;
SELECT is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'so it is with a savepoint');
SELECT kms_put_secret_value('transaction', 'v2', 'another second'::text) \g /dev/null
SELECT is(pg_temp.value_of('transaction'), 'another second v2 {ACSCurrent}', 'after which the version id is free for another value');
SAVEPOINT t;
SELECT kms_update_secret_version_stage('transaction', 'ACSCurrent', 'v1'), kms_update_secret_version_stage('transaction', 'own', 'v2') \g /dev/null
SELECT is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'a label is moved after a savepoint'),
	   is(pg_temp.value_of('transaction', 'own'), 'another second v2 {ACSPrevious,own}', 'and another made');
ROLLBACK TO t;
SELECT is(pg_temp.value_of('transaction'), 'another second v2 {ACSCurrent}', 'and moved back when that is rolled back'),
	   is(pg_temp.value_of('transaction', 'own'), '42704|Forbidden.ResourceNotFound', 'the other is gone');
RELEASE s;
SELECT kms_delete_secret('transaction') \g /dev/null
SELECT is(pg_temp.value_of('transaction'), '55000|Rejected.ResourceInDeleteWindow', 'a secret is not read in the transaction that deletes it');
ROLLBACK;
SELECT is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'rolled back, it is read again');
BEGIN;
SELECT kms_delete_secret('transaction', true) \g /dev/null
SELECT is(pg_temp.value_of('transaction'), '42704|Forbidden.ResourceNotFound', 'deleted at once, it is gone in the transaction'),
	   is(pg_temp.verdict('SELECT kms_create_secret(%L, %L, %L::bytea)', 'transaction', 'v1', 'anew'), 'fine', 'and can be made anew in it');
SELECT is((SELECT secret_binary FROM kms_get_secret_value('transaction')), 'anew', 'as another');
ROLLBACK;
SELECT is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'rolled back, it is the first one');
SELECT is(pg_temp.verdict('SELECT kms_put_secret_value(%L, %L, %L::text), pg_temp.fail()', 'transaction', 'v2', 'x'), 'P0001|', 'a version stored by a statement that failed'),
	   is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'is not there after the error was caught');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(pg_temp.value_of('transaction'), 'first v1 {ACSCurrent}', 'in REPEATABLE READ a secret is read');
SELECT kms_put_secret_value('transaction', 'v2', 'second'::text) \g /dev/null
SELECT is(pg_temp.value_of('transaction'), 'second v2 {ACSCurrent}', 'and what the transaction stores itself at once');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT kms_put_secret_value('transaction', 'v2', 'second'::text) \g /dev/null
SELECT is(pg_temp.value_of('transaction'), 'second v2 {ACSCurrent}', 'so it is in SERIALIZABLE');
COMMIT;
BEGIN READ ONLY;
SELECT is(pg_temp.value_of('transaction'), 'second v2 {ACSCurrent}', 'committed, it is read in a transaction that only reads'),
	   is(pg_temp.verdict(statement), '25006|UnsupportedOperation', 'which does not ' || what)
  FROM (VALUES ('SELECT kms_create_secret(''transaction/new'', ''v1'', ''x''::text)', 'make one'), ('SELECT kms_put_secret_value(''transaction'', ''v3'', ''x''::text)', 'store a version'), ('SELECT kms_update_secret(''transaction'', ''x'')', 'change one'),
			   ('SELECT kms_update_secret_version_stage(''transaction'', ''own'', ''v1'')', 'move a label'), ('SELECT kms_delete_secret(''transaction'')', 'delete one'), ('SELECT kms_delete_secret(''transaction'', true)', 'delete one at once'),
			   ('SELECT kms_restore_secret(''transaction'')', 'restore one'), ('SELECT kms_rotate_secret(''transaction'')', 'rotate one'), ('SELECT kms_tag_resource(''{"a": "1"}'', secret_name => ''transaction'')', 'tag one'), ('SELECT kms_untag_resource(''{a}'', secret_name => ''transaction'')', 'take its tags away'), ('SELECT kms_update_secret_rotation_policy(''transaction'', false)', 'let one rotate'),
			   ('SELECT kms_grant(''secret/transaction'', ''PUBLIC'', ''{*}'')', 'grant on one'), ('SELECT kms_set_owner(''secret/transaction'', current_user)', 'give one away')) t (statement, what);
COMMIT;
/* The password of a role and its version stand or fall together. */
CREATE ROLE kms_test_app LOGIN PASSWORD 'old';
SELECT kms_create_secret('transaction/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "old"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "DoubleUsers", "DBInstanceId": "local"}') \g /dev/null
SELECT rolpassword AS password FROM pg_authid WHERE rolname = 'kms_test_app' \gset
BEGIN;
SELECT kms_rotate_secret('transaction/rds', 'v2') \g /dev/null
SELECT kms_rotate_secret('transaction/rds', 'v3') \g /dev/null
SELECT is((SELECT count(*) FROM pg_roles WHERE rolname = 'kms_test_app_clone'), 1::bigint, 'a rotation makes a second account'),
	   isnt((SELECT rolpassword FROM pg_authid WHERE rolname = 'kms_test_app'), :'password', 'the next one changes the first');
ROLLBACK;
SELECT is((SELECT count(*) FROM pg_roles WHERE rolname = 'kms_test_app_clone'), 0::bigint, 'rolled back, the second account is gone'),
	   is((SELECT rolpassword FROM pg_authid WHERE rolname = 'kms_test_app'), :'password', 'the first has the password it had'),
	   is((kms_get_secret_value('transaction/rds')).version_id, 'v1', 'and the secret its version');
SELECT is(pg_temp.verdict('SELECT kms_rotate_secret(%L), pg_temp.fail()', 'transaction/rds'), 'P0001|', 'so it is with a statement that failed'),
	   is((SELECT count(*) FROM pg_roles WHERE rolname = 'kms_test_app_clone'), 0::bigint, 'after the error was caught'),
	   is((kms_get_secret_value('transaction/rds')).version_id, 'v1', 'for both');
SELECT kms_delete_secret(name, true) FROM unnest('{transaction,transaction/rds}'::text[]) name \g /dev/null
DROP ROLE kms_test_app;
DELETE FROM kms.key WHERE :had_key = 0 AND id = (SELECT key_id FROM kms.alias WHERE name = 'alias/acs/secrets');
DELETE FROM kms.key_version WHERE :had_key = 0 AND NOT EXISTS (SELECT FROM kms.key k WHERE k.id = key_id);
DELETE FROM kms.alias WHERE :had_key = 0 AND name = 'alias/acs/secrets';

-- ---- a date passes while nothing changes ----------------------------------

CREATE FUNCTION pg_temp.around_the_date(key_id text, blob bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	code text;
	codes text = '';
BEGIN
	FOR n IN 1 .. 2 LOOP
		BEGIN
			PERFORM kms_encrypt(key_id, 'x'::text);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = PG_EXCEPTION_DETAIL;
			codes = codes || code || ' ';
		END;
		BEGIN
			PERFORM kms_decrypt(blob);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = PG_EXCEPTION_DETAIL;
			codes = codes || code || ' ';
		END;
		PERFORM pg_sleep(CASE n WHEN 1 THEN 0.6 ELSE 0 END);
	END LOOP;
	RETURN codes;
END
$$;
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
UPDATE kms.key SET state = 'PendingDeletion', delete_at = clock_timestamp() + interval '0.5 seconds' WHERE id = :'key';
SELECT is(pg_temp.around_the_date(:'key', :'blob'), 'Rejected.PendingDeletion Rejected.PendingDeletion Forbidden.KeyNotFound Forbidden.KeyNotFound ',
		  'shortly before its delete date a key is pending deletion, after it, without any change, it is not found');
UPDATE kms.key SET state = 'Enabled', delete_at = NULL, material_expires_at = clock_timestamp() + interval '0.5 seconds' WHERE id = :'key';
SELECT is(pg_temp.around_the_date(:'key', :'blob'), 'Rejected.PendingImport Rejected.PendingImport ', 'material is used until it expires, and not after, without any change');
UPDATE kms.key SET material_expires_at = NULL WHERE id = :'key';
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'without an expiry it is used again');

-- ---- the end --------------------------------------------------------------

DELETE FROM kms.key WHERE id IN (:'key', :'other');
SELECT is(pg_temp.encrypts(:'key'), '42704|Forbidden.KeyNotFound', 'a key deleted by hand is not found');
SELECT kms_test.stop_time() IS NULL AS ignored \gset
SELECT * FROM finish();
