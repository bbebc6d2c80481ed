-- The guard against accidents: what would lose the keys is refused while there are any.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(109);

SELECT kms_create_key() AS key \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob \gset
SELECT kms_create_secret('guard', 'v1', 'a value'::text) \g /dev/null
SELECT certificate_id AS certificate, csr FROM kms_create_certificate('EC_P256', 'CN=guard') \gset
\set refusal '55000|UnsupportedOperation|there are keys or certificates in this database, and what they protect would be lost'

CREATE TEMP TABLE accident (n serial, statement text);
INSERT INTO accident (statement) VALUES
	('DROP EXTENSION kms'), ('DROP EXTENSION kms CASCADE'), ('DROP EXTENSION IF EXISTS kms'), ('DROP EXTENSION pgtap, kms'),
	('TRUNCATE kms.key'), ('TRUNCATE ONLY kms.key'), ('TRUNCATE kms.key_version'), ('TRUNCATE kms.domain_key'), ('TRUNCATE kms.account'), ('TRUNCATE kms.alias'),
	('TRUNCATE kms.key_version, kms.key'), ('TRUNCATE kms.key CASCADE'), ('TRUNCATE kms.key RESTART IDENTITY'),
	('ALTER TABLE kms.key DROP COLUMN state CASCADE'), ('ALTER TABLE kms.key_version DROP COLUMN wrapped'),
	('TRUNCATE kms.secret'), ('TRUNCATE kms.secret_version'), ('TRUNCATE kms.secret_version_stage'), ('TRUNCATE kms.secret_role'), ('TRUNCATE kms.secret, kms.secret_version, kms.secret_version_stage, kms.secret_role'),
	('ALTER TABLE kms.secret_version DROP COLUMN value'),
	('TRUNCATE kms.certificate'), ('TRUNCATE kms.certificate, kms.key'), ('ALTER TABLE kms.certificate DROP COLUMN wrapped'), ('ALTER TABLE kms.certificate DROP COLUMN status CASCADE');
/* Where PostgreSQL refuses first, because the table belongs to an extension, that is as good. */
CREATE TEMP TABLE elsewhere_refused (n serial, statement text, verdict text);
INSERT INTO elsewhere_refused (statement, verdict) VALUES
	('DROP SCHEMA kms CASCADE', '2BP01'), ('DROP SCHEMA kms', '2BP01'), ('DROP TABLE kms.key CASCADE', '2BP01'), ('DROP TABLE kms.key_version', '2BP01'), ('DROP TABLE kms.secret CASCADE', '2BP01'), ('DROP TABLE kms.secret_version', '2BP01'), ('DROP TABLE kms.certificate CASCADE', '2BP01');

SELECT is(left(pg_temp.complaint('%s', statement), length(:'refusal')), :'refusal', statement || ' is refused while there are keys') FROM accident ORDER BY n;
SELECT is(pg_temp.hint('%s', statement), 'A superuser who wants that sets kms.allow_drop = on in the session.', statement || ': the way out is hinted at') FROM accident WHERE statement ~ 'DROP EXTENSION kms$|kms.key$' ORDER BY n;
SELECT ok(left(pg_temp.verdict('%s', statement), 5) IN ('2BP01', '55000'), statement || ' is refused') FROM elsewhere_refused ORDER BY n;
SELECT is(kms_decrypt_text(:'blob'), 'x', 'and every key works'),
	   is((SELECT count(*) FROM kms.keys WHERE key_id = :'key'), 1::bigint, 'and is there'),
	   is((kms_get_secret_value('guard')).secret_data, 'a value', 'and every secret is read'),
	   is((kms_get_certificate(:'certificate')).csr, :'csr', 'and every certificate');

/* Taken out of the extension the schema could be dropped: */
SAVEPOINT member;
ALTER EXTENSION kms DROP TABLE kms.key;
SELECT isnt(pg_temp.verdict('DROP TABLE kms.key CASCADE'), 'fine', 'a table that was taken out of the extension is not dropped either');
ROLLBACK TO member;

-- ---- keys in every state --------------------------------------------------

SELECT kms_disable_key(:'key') IS NULL AS ignored \gset
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'a disabled key is a key');
SAVEPOINT lone;
UPDATE kms.key SET state = 'PendingDeletion', delete_at = now() - interval '1 day' WHERE id = :'key';
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'so is one past its delete date that was not erased');
ROLLBACK TO lone;
SELECT kms_enable_key(:'key') IS NULL AS ignored \gset
SAVEPOINT lone;
DELETE FROM kms.key WHERE id = :'key';
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'so is the service''s own, which secrets are encrypted under');
ROLLBACK TO lone;

-- ---- who may --------------------------------------------------------------

CREATE ROLE kms_test_dba CREATEDB CREATEROLE;
GRANT ALL ON DATABASE :"DBNAME" TO kms_test_dba;
SELECT is(pg_temp.verdict_as('kms_test_dba', statement), '42501|', statement || ': who may not is told no more than that')
  FROM accident WHERE statement !~ 'pgtap' ORDER BY n;
SELECT is(pg_temp.verdict_as('kms_test_dba', 'SET kms.allow_drop = on'), '42501|', 'who is no superuser does not lift the guard'),
	   is(pg_temp.verdict_as('kms_test_dba', 'ALTER ROLE kms_test_dba SET kms.allow_drop = on'), '42501|', 'nor for the next session'),
	   is(pg_temp.verdict_as('kms_test_dba', 'CREATE FUNCTION pg_temp.lifts() RETURNS integer LANGUAGE sql SET kms.allow_drop = on AS ''SELECT 1'''), '42501|', 'nor for a function');

-- ---- what is none of ours -------------------------------------------------

CREATE SCHEMA kms_test_other;
CREATE TABLE kms_test_other.key (id integer);
CREATE TABLE kms_test_other.key_version (id integer);
CREATE TABLE public.account (id integer);
CREATE TEMP TABLE alias (id integer);
SELECT is(pg_temp.verdict(statement), 'fine', statement || ' is nobody''s business')
  FROM (VALUES (1, 'TRUNCATE kms_test_other.key'), (2, 'TRUNCATE public.account, pg_temp.alias'), (3, 'DROP TABLE pg_temp.alias'), (4, 'DROP TABLE public.account'),
			   (5, 'ALTER TABLE kms_test_other.key DROP COLUMN id'), (6, 'DROP TABLE kms_test_other.key_version'), (7, 'DROP SCHEMA kms_test_other CASCADE'),
			   (8, 'CREATE TABLE t (); DROP TABLE t')) t (n, statement) ORDER BY n;
SELECT is(pg_temp.verdict('DELETE FROM kms.job'), 'fine', 'what the workers did may be forgotten'),
	   is(pg_temp.verdict('TRUNCATE kms.column_job'), 'fine', 'so may how far the columns are'),
	   is(pg_temp.verdict('TRUNCATE kms.tag'), 'fine', 'so may tags, with which nothing is lost that was encrypted');

-- ---- other names, hostile paths -------------------------------------------

SAVEPOINT named;
ALTER SCHEMA kms RENAME TO kms_elsewhere;
SELECT is(left(pg_temp.verdict('TRUNCATE kms_elsewhere.key'), 5), '55000', 'the guard goes with the schema'),
	   is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'whatever it is called');
ROLLBACK TO named;
SET LOCAL search_path = pg_temp, public;
CREATE TEMP TABLE key (id integer);
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'a temporary table of that name does not lift it');
RESET search_path;
SET LOCAL row_security = off;
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'nor does row_security = off');
RESET row_security;

-- ---- lifted ---------------------------------------------------------------

SAVEPOINT guarded;
SET LOCAL kms.allow_drop = on;
SELECT is(pg_temp.verdict(statement), 'fine', statement || ' is done if the setting allows it')
  FROM accident WHERE statement IN ('TRUNCATE kms.alias', 'TRUNCATE kms.key_version, kms.key') ORDER BY n;
SELECT is((SELECT count(*) FROM kms.keys), 0::bigint, 'and the keys are gone'),
	   is(pg_temp.verdict('TRUNCATE kms.certificate'), 'fine', 'TRUNCATE kms.certificate, too');
SELECT is((SELECT count(*) FROM kms.certificates), 0::bigint, 'with the certificates');
ROLLBACK TO guarded;
SET LOCAL kms.allow_drop = on;
SELECT is(pg_temp.verdict('DROP EXTENSION kms'), 'fine', 'DROP EXTENSION is done if the setting allows it');
ROLLBACK TO guarded;
SELECT is(current_setting('kms.allow_drop'), 'off', 'the setting is off unless it is set');
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '55000', 'and then the guard is there again');
SELECT is(kms_decrypt_text(:'blob'), 'x', 'with the keys');

-- ---- no keys --------------------------------------------------------------

/* A certificate has a key, whatever its status. */
DELETE FROM kms.key;
SELECT is(left(pg_temp.complaint('%s', statement), length(:'refusal')), :'refusal', statement || ' is refused while there is a certificate')
  FROM (VALUES (1, 'DROP EXTENSION kms'), (2, 'TRUNCATE kms.certificate'), (3, 'TRUNCATE kms.domain_key'), (4, 'ALTER TABLE kms.certificate DROP COLUMN wrapped')) t (n, statement) ORDER BY n;
SELECT is((kms_get_certificate(:'certificate')).csr, :'csr', 'which is still there');
SELECT kms_delete_certificate(:'certificate') \g /dev/null
SELECT is(pg_temp.verdict('TRUNCATE kms.key'), 'fine', 'without keys the tables may be emptied');
SELECT is(pg_temp.verdict('DROP EXTENSION kms'), 'fine', 'and the extension dropped');
SELECT is(pg_temp.verdict('CREATE EXTENSION kms'), 'fine', 'and made anew');
SELECT is(pg_temp.verdict('DROP EXTENSION kms'), 'fine', 'and dropped again, before it has a key');
SELECT is(pg_temp.verdict('CREATE TABLE key (id integer); DROP TABLE key'), 'fine', 'without the extension there is no guard');
ROLLBACK TO guarded;
SELECT is(kms_decrypt_text(:'blob'), 'x', 'in the end all is as it was'),
	   is((kms_get_secret_value('guard')).secret_data, 'a value', 'secrets, too'),
	   is((kms_get_certificate(:'certificate')).csr, :'csr', 'and certificates');

SELECT * FROM finish();
ROLLBACK;
