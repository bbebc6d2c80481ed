-- What a hostile role prepares for the procedures that rewrite a column: nothing of it runs.  They commit, so this is no transaction.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(24);

CREATE ROLE kms_test_victim;
CREATE ROLE kms_test_attacker;
SELECT current_database() AS database \gset
GRANT CREATE ON DATABASE :"database" TO kms_test_attacker;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_victim;
SET ROLE kms_test_victim;
SELECT kms_create_key() AS key, kms_create_key('HMAC_SHA_256') AS mac \gset

-- ---- what is planted ------------------------------------------------------

SET ROLE kms_test_attacker;
CREATE SCHEMA kms_test_trap;
GRANT USAGE, CREATE ON SCHEMA kms_test_trap TO PUBLIC;
CREATE TABLE kms_test_trap.caught (what text, by_whom name);
GRANT INSERT, SELECT ON kms_test_trap.caught TO PUBLIC;
CREATE FUNCTION kms_test_trap.spring() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('an operator or function', current_user); RETURN true; END $$;
CREATE FUNCTION kms_test_trap.spring_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('a trigger', current_user); RETURN NULL; END $$;
DO $$
DECLARE
	type text;
	symbol text;
	name text;
BEGIN
	FOREACH type IN ARRAY ARRAY['tid', 'text', 'bytea', 'oid', 'uuid', 'smallint', 'integer', 'bigint', 'name', 'timestamptz', 'boolean'] LOOP
		EXECUTE format('CREATE FUNCTION kms_test_trap.binary(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', type);
		FOREACH symbol IN ARRAY ARRAY['=', '<>', '<', '>', '>=', '||', '-', '+', '/'] LOOP
			EXECUTE format('CREATE OPERATOR kms_test_trap.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = kms_test_trap.binary)', symbol, type);
		END LOOP;
	END LOOP;
	FOREACH type IN ARRAY ARRAY['tid', 'text', 'bytea', 'oid'] LOOP
		EXECUTE format('CREATE DOMAIN kms_test_trap.%I AS pg_catalog.int4 CHECK (kms_test_trap.spring())', type);
	END LOOP;
	FOREACH name IN ARRAY ARRAY['column_job', 'job', 'key', 'pg_class', 'pg_trigger', 'pg_locks'] LOOP
		EXECUTE format('CREATE TABLE kms_test_trap.%I (id pg_catalog.int4)', name);
		EXECUTE format('CREATE TRIGGER spring BEFORE INSERT OR UPDATE OR DELETE ON kms_test_trap.%I FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.spring_trigger()', name);
		EXECUTE format('GRANT ALL ON kms_test_trap.%I TO PUBLIC', name);
	END LOOP;
END $$;
RESET ROLE;

-- ---- and does not run -----------------------------------------------------

SET ROLE kms_test_victim;
CREATE TABLE kms_test_trap."its ""own"" table" (n pg_catalog.int4 PRIMARY KEY, "v; v" pg_catalog.text);
INSERT INTO kms_test_trap."its ""own"" table" SELECT n, 'before ' || n FROM generate_series(1, 25) n;
SELECT kms_protect_column('kms_test_trap."its ""own"" table"', 'v; v', :'key', blind_index => true, blind_index_key_id => :'mac') \g /dev/null

/* The traps work. */
SET search_path = kms_test_trap, pg_catalog, public;
SELECT 'x'::pg_catalog.text = 'x'::pg_catalog.text \g /dev/null
UPDATE column_job SET id = 1;
RESET search_path;
SELECT set_eq('SELECT what FROM kms_test_trap.caught', ARRAY['an operator or function', 'a trigger'], 'the traps work: an operator and a table are taken where a statement leaves the choice'),
	   is(pg_temp.verdict('SELECT kms_test_trap.spring()'), 'fine', 'and nothing stops them');
RESET ROLE;
DELETE FROM kms_test_trap.caught;
SET ROLE kms_test_victim;
CREATE TEMP TABLE column_job (id integer);
CREATE TEMP TABLE pg_class (oid oid);
CREATE FUNCTION pg_temp.counts() RETURNS text LANGUAGE sql AS
$$ SELECT pg_catalog.string_agg(CASE WHEN key_version_id IS NULL THEN 'plain ' ELSE 'sealed ' END OPERATOR(pg_catalog.||) row_count::pg_catalog.text, ', ' ORDER BY key_version_id NULLS FIRST) FROM public.kms_scan_column('kms_test_trap."its ""own"" table"', 'v; v') $$;
SELECT is(pg_temp.counts(), 'plain 25', 'before, all is plaintext');
SET client_min_messages = error;

SET search_path = kms_test_trap, pg_catalog, public;
CALL public.kms_encrypt_existing('"its ""own"" table"', 'v; v', 10);
RESET search_path;
SELECT is(pg_temp.counts(), 'sealed 25', 'with the trap first a column is encrypted'), is_empty('SELECT * FROM kms_test_trap.caught', 'and nothing of it runs');
SELECT kms_create_key_version(:'key') \g /dev/null
SET search_path = pg_temp, kms_test_trap, pg_catalog;
CALL public.kms_reencrypt_column('kms_test_trap."its ""own"" table"', 'v; v', 10);
RESET search_path;
SELECT is(pg_temp.counts(), 'sealed 25', 'with temporary tables first it is re-encrypted'), is_empty('SELECT * FROM kms_test_trap.caught', 'and nothing of it runs'),
	   is(count(DISTINCT key_version_id), 1::bigint, 'with one version'), is(min(key_version_id::text), (kms_describe_key(:'key')).primary_key_version::text, 'the newest') FROM kms_scan_column('kms_test_trap."its ""own"" table"', 'v; v');
SELECT kms_create_key_version(:'key') \g /dev/null
SET search_path = '';
CALL public.kms_reencrypt_column('kms_test_trap."its ""own"" table"', 'v; v');
RESET search_path;
SELECT is(min(key_version_id::text), (kms_describe_key(:'key')).primary_key_version::text, 'with an empty search path, too') FROM kms_scan_column('kms_test_trap."its ""own"" table"', 'v; v');
SELECT is(count(*), 25::bigint, 'and every row is what it was') FROM kms_test_trap."its ""own"" table_decrypted" WHERE "v; v" = 'before ' || n;
SELECT is(count(*), 25::bigint, 'and is found') FROM kms_test_trap."its ""own"" table" WHERE "v; v_blind_index" = kms_blind_index(:'mac', 'before ' || n);
SELECT results_eq('SELECT name COLLATE "default", outcome COLLATE "default", done FROM kms.jobs WHERE job ~ ''^Column'' ORDER BY job',
				  $$VALUES ('kms_test_trap."its ""own"" table"."v; v"', 'done', 25::bigint), ('kms_test_trap."its ""own"" table"."v; v"', 'done', 25)$$, 'kms.jobs shows both'),
	   is((SELECT count(*) FROM pg_temp.column_job), 0::bigint, 'and a temporary table of that name nothing');

-- ---- others ---------------------------------------------------------------

/* Whoever is not the owner is refused before anything else is looked at. */
SET ROLE kms_test_attacker;
SELECT is(pg_temp.complaint(statement, 'kms_test_trap."its ""own"" table"'), '42501|Forbidden.NoPermission|' || message, statement || ' is refused to whom the table is not')
  FROM (VALUES (1, 'SELECT kms_protect_column(%L, ''n'', ''alias/nobody'')', 'must be owner of table its "own" table'), (2, 'SELECT kms_unprotect_column(%L, ''n'')', 'must be owner of table its "own" table'),
			   (3, 'SELECT kms_scan_column(%L, ''v; v'')', 'permission denied for column "v; v" of table "its "own" table"')) t (n, statement, message) ORDER BY n;
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
CALL kms_encrypt_existing('kms_test_trap."its ""own"" table"', 'v; v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'so is kms_encrypt_existing');
CALL kms_reencrypt_column('kms_test_trap."its ""own"" table"', 'v; v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'and kms_reencrypt_column');
\set ON_ERROR_STOP 1
\set VERBOSITY default
SELECT is_empty('SELECT FROM kms.protected_columns WHERE table_name ~ ''own''', 'nor does the attacker see that there is a protected column'),
	   is_empty('SELECT FROM kms.jobs WHERE job ~ ''^Column''', 'or what was done with it');

/* Who may write and not read gets nothing back, and breaks nothing. */
SET ROLE kms_test_victim;
CREATE TABLE kms_test_trap.box (n integer PRIMARY KEY DEFAULT 1, v text);
SELECT kms_protect_column('kms_test_trap.box', 'v', :'key') \g /dev/null
GRANT INSERT ON kms_test_trap.box, kms_test_trap.box_decrypted TO kms_test_attacker;
SELECT kms_grant(:'key', 'kms_test_attacker', '{Encrypt}') \g /dev/null
SET ROLE kms_test_attacker;
SELECT is(pg_temp.verdict('INSERT INTO kms_test_trap.box_decrypted (v) VALUES (''x'')'), 'fine', 'who may insert into table and view and no more writes through the view'),
	   is(pg_temp.verdict('INSERT INTO kms_test_trap.box_decrypted VALUES (2, ''y'') RETURNING n'), '42501|', 'and has nothing returned');
SET ROLE kms_test_victim;
SELECT is(n || v, '1x', 'the row is there, with its default') FROM kms_test_trap.box_decrypted;
SELECT kms_revoke(:'key', 'kms_test_attacker') \g /dev/null

-- ---- the end --------------------------------------------------------------

SELECT * FROM finish();
RESET ROLE;
DELETE FROM kms.column_job WHERE relation = 'kms_test_trap."its ""own"" table"'::regclass;
DROP SCHEMA kms_test_trap CASCADE;
DELETE FROM kms.key WHERE owner = 'kms_test_victim'::regrole;
DELETE FROM kms.key_version v WHERE NOT EXISTS (SELECT FROM kms.key k WHERE k.id = v.key_id);
DROP OWNED BY kms_test_victim, kms_test_attacker;
DROP ROLE kms_test_victim, kms_test_attacker;
