-- What hostile roles prepare for whoever protects, rewrites and counts encrypted columns: tables, triggers, views and values.  Procedures commit, so this is no transaction.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(119);

CREATE ROLE kms_test_victim;
CREATE ROLE kms_test_attacker;
SELECT current_database() AS database \gset
GRANT CREATE ON DATABASE :"database" TO kms_test_attacker, kms_test_victim;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_victim, kms_test_attacker;
SET ROLE kms_test_victim;
CREATE SCHEMA kms_test_theirs;
GRANT USAGE ON SCHEMA kms_test_theirs TO PUBLIC;
SELECT kms_create_key() AS key, kms_create_key() AS other, kms_create_key('HMAC_SHA_256') AS mac, kms_create_key('HMAC_SHA_256') AS other_mac \gset
SELECT kms_create_alias(:'key', 'alias/victim'), kms_create_alias(:'mac', 'alias/victim-search') \g /dev/null
SET ROLE kms_test_attacker;
CREATE SCHEMA kms_test_trap;
GRANT USAGE ON SCHEMA kms_test_trap TO PUBLIC;
SELECT kms_create_key('HMAC_SHA_256') AS own_mac \gset
RESET ROLE;
\set victim 'SET ROLE kms_test_victim; SET search_path = kms_test_theirs, kms_test_trap, public;'
\set attacker 'SET ROLE kms_test_attacker; SET search_path = kms_test_trap, kms_test_theirs, public;'

/* What is in a column: "plaintext 3, sealed 2". */
CREATE FUNCTION pg_temp.scan(relation regclass, column_name name) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(kind || ' ' || row_count, ', ' ORDER BY kind)
	 FROM (SELECT CASE WHEN key_version_id IS NULL THEN 'plaintext' ELSE 'sealed' END AS kind, sum(row_count) AS row_count FROM kms_scan_column(relation, column_name) GROUP BY 1) s $$;

-- ---- triggers made by hand -------------------------------------------------

/* On columns that hold no ciphertext: their values are not what they are read as. */
:attacker
CREATE DOMAIN bait AS bigint;
CREATE TABLE wrong (i bigint, n name, d bait, v text);
INSERT INTO wrong VALUES (12345, '@@', 12345, 'v');
CREATE TRIGGER i BEFORE INSERT OR UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/nobody', 'i');
CREATE TRIGGER n BEFORE INSERT OR UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/nobody', 'n');
CREATE TRIGGER d BEFORE INSERT OR UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/nobody', 'd');
SELECT is(pg_temp.complaint('SELECT kms_scan_column(''wrong'', %L)', "column"), complaint, 'a column of type ' || type || ' is not scanned')
  FROM (VALUES ('i', 'bigint', '42804|InvalidParameter|column "i" of type bigint holds no ciphertext'), ('n', 'name', '42804|InvalidParameter|column "n" of type name holds no ciphertext'), ('d', 'a domain', '42804|InvalidParameter|column "d" of type bait holds no ciphertext')) t ("column", type, complaint);
SELECT is(pg_temp.scan('wrong', 'v'), 'plaintext 1', 'a text is, whatever is beside it');
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
CALL kms_encrypt_existing('wrong', 'i');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42804', 'nor is it encrypted');
CALL kms_reencrypt_column('wrong', 'd');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42804', 'or re-encrypted');
\set ON_ERROR_STOP 1
\set VERBOSITY default
SELECT is(pg_temp.verdict('SELECT kms_unprotect_column(''wrong'', ''n'')'), '42804|InvalidParameter', 'or taken back'),
	   is(pg_temp.verdict('SELECT kms_protect_column(''wrong'', ''v'', ''alias/nobody'', ''{}'')'), '55000|InvalidParameter', 'nor is another column of the table protected');

/* With arguments that the trigger refuses: they protect nothing, and are not shown. */
CREATE TABLE refused (id integer PRIMARY KEY, v text, w text, i bytea);
CREATE FUNCTION pg_temp.shown(VARIADIC arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TRIGGER hand BEFORE INSERT OR UPDATE ON refused FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%s)', (SELECT string_agg(quote_literal(a), ', ' ORDER BY n) FROM unnest(arguments) WITH ORDINALITY u (a, n)));
	SELECT string_agg(column_name || ' ' || enabled, ', ' ORDER BY column_name) INTO result FROM kms.protected_columns WHERE relation = 'refused'::regclass;
	DROP TRIGGER hand ON refused;
	RETURN coalesce(result, 'none');
END $$;
SELECT is(pg_temp.shown(VARIADIC arguments), shown, format('(%s): %s', left(array_to_string(arguments, '; '), 60), shown))
  FROM (VALUES (ARRAY['alias/nobody', 'v'], 'v true'), (ARRAY['alias/nobody', 'v,w', 'id', 't', 'alias/nobody', 'v=i'], 'v true, w true'),
			   (ARRAY['alias/nobody'], 'none'), (ARRAY['alias/nobody', 'v', 'id', 't', 'alias/nobody'], 'none'), (ARRAY['alias/nobody', 'v', 'id', 't', 'alias/nobody', '', '', ''], 'none'),
			   (ARRAY['alias/nobody', 'v,v'], 'none'), (ARRAY['alias/nobody', 'v,w=v'], 'none'), (ARRAY['alias/nobody', 'v', 'id,id'], 'none'), (ARRAY['alias/nobody', 'v w'], 'none'), (ARRAY['alias/nobody', 'id'], 'id false'), (ARRAY['alias/nobody', 'ctid'], 'ctid false'), (ARRAY['alias/nobody', 'v', 'id', ''], 'none'), (ARRAY['alias/nobody', 'v', 'ctid'], 'none')) t (arguments, shown);

/* So long that nobody gets to the end of it. */
CREATE TABLE long (id integer PRIMARY KEY, x text);
INSERT INTO long SELECT n, 'x' FROM generate_series(1, 999) n;
SELECT format('CREATE TRIGGER x BEFORE INSERT OR UPDATE ON long FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/nobody'', %L)', rtrim(repeat('x,', 500000), ',')) \gexec
SELECT format('CREATE TRIGGER y BEFORE INSERT OR UPDATE ON long FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/nobody'', %L)', string_agg('x' || n, ',')) FROM generate_series(1, 100000) n \gexec
CREATE TRIGGER z BEFORE INSERT OR UPDATE ON long FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/nobody', 'x');

/* All of it is there while a key is deleted. */
:victim
SET statement_timeout = '10s';
SELECT is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L, 30)', :'other'), 'fine', 'a key is deleted whatever others have made of the trigger'),
	   is(pg_temp.verdict('SELECT kms_cancel_key_deletion(%L); SELECT kms_enable_key(%1$L)', :'other'), 'fine', 'and comes back'),
	   is_empty('SELECT FROM kms.protected_columns WHERE relation = ''long''::regclass', 'kms.protected_columns shows nobody else''s');
:attacker
SELECT is((SELECT string_agg(column_name, ',') FROM kms.protected_columns WHERE relation = 'long'::regclass), 'x', 'and of them only what a table can have');
RESET statement_timeout;
DROP TABLE long, wrong, refused;

/* On a partition of a table that is protected as a whole. */
:victim
CREATE TABLE part (id integer, v text, PRIMARY KEY (id)) PARTITION BY LIST (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TRIGGER own BEFORE INSERT OR UPDATE ON part_1 FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim', 'v', 'id');
SELECT is(pg_temp.complaint('SELECT kms_protect_column(''part'', ''v'', ''alias/victim'')'), '42710|InvalidParameter|column "v" of table "part_1" is protected already, by trigger "own"', 'a partition with a trigger of its own is found');
DROP TRIGGER own ON part_1;
SELECT is(pg_temp.verdict('SELECT kms_protect_column(''part'', ''v'', ''alias/victim'')'), 'fine', 'without it the table is protected'),
	   is(pg_temp.verdict('INSERT INTO part VALUES (1, ''x'')'), 'fine', 'and written to');
DROP TABLE part CASCADE;

/* The state of a key is for who may use it. */
SELECT kms_create_key() AS doomed \gset
SELECT kms_create_alias(pg_temp.key_in_state('Disabled')::text, 'alias/victim-disabled'), kms_create_alias(:'doomed', 'alias/victim-doomed') \g /dev/null
SELECT kms_schedule_key_deletion(:'doomed', 7) \g /dev/null
:attacker
CREATE TABLE probe (id integer PRIMARY KEY, x text, y text);
INSERT INTO probe VALUES (1, 'x', 'y');
CREATE TRIGGER x BEFORE INSERT OR UPDATE ON probe FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim-disabled', 'x', 'id');
CREATE TRIGGER y BEFORE INSERT OR UPDATE ON probe FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim-doomed', 'y', 'id');
:victim
CREATE TABLE own_probe (id integer PRIMARY KEY, x text, y text);
INSERT INTO own_probe VALUES (1, 'x', 'y');
CREATE TRIGGER x BEFORE INSERT OR UPDATE ON own_probe FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim-disabled', 'x', 'id');
CREATE TRIGGER y BEFORE INSERT OR UPDATE ON own_probe FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim-doomed', 'y', 'id');
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
SET client_min_messages = error;
CALL kms_encrypt_existing('own_probe', 'x');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'a disabled key is known to its owner');
CALL kms_reencrypt_column('own_probe', 'y');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'so is one that is deleted');
:attacker
CALL kms_encrypt_existing('probe', 'x');
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42501 permission denied for key "alias/victim-disabled"', 'nobody else learns of it');
CALL kms_encrypt_existing('probe', 'y');
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42501 permission denied for key "alias/victim-doomed"', 'of either');
CALL kms_reencrypt_column('probe', 'x');
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42501 permission denied for key "alias/victim-disabled"', 'by whatever procedure');
CALL kms_reencrypt_column('probe', 'y');
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42501 permission denied for key "alias/victim-doomed"', 'at all');
\set ON_ERROR_STOP 1
\set VERBOSITY default
SET client_min_messages = warning;

-- ---- views made by hand ----------------------------------------------------

/* A view shows another type where the table has a ciphertext: what is written there is not taken for one. */
CREATE TABLE base (id integer PRIMARY KEY, b bytea, v text, c varchar(100));
CREATE FUNCTION pg_temp.written("column" text, expression text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE VIEW shown AS SELECT id, %s AS %I FROM base', expression, "column");
	CREATE TRIGGER w INSTEAD OF INSERT OR UPDATE OR DELETE ON shown FOR EACH ROW EXECUTE FUNCTION kms.write_decrypted();
	EXECUTE format('INSERT INTO shown VALUES (1, %s)', value);
	SELECT concat_ws(',', id, b, v, c) INTO result FROM base;
	EXECUTE format('UPDATE shown SET %I = %s', "column", value);
	SELECT concat_ws(';', result, concat_ws(',', id, b, v, c)) INTO result FROM base;
	DELETE FROM shown;
	result = concat_ws(';', result, (SELECT count(*) FROM base));
	DROP VIEW shown;
	RETURN result;
END $$;
SELECT is(pg_temp.written("column", expression, value), written, expression || CASE written WHEN '1;1;0' THEN ' is read only' ELSE ' is written' END)
  FROM (VALUES ('b', 'kms.decrypt_column(b, ''a''::text, 1)', '''\x4040''', '1,\x4040;1,\x4040;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1)', '''@@''', '1,@@;1,@@;0'), ('c', 'kms.decrypt_column(c, ''a''::text, 1)::varchar(100)', '''@@''', '1,@@;1,@@;0'), ('v', 'v', '''@@''', '1,@@;1,@@;0'),
			   ('b', 'encode(kms.decrypt_column(b, ''a''::text, 1), ''escape'')::name', '''@@''', '1;1;0'), ('b', 'encode(kms.decrypt_column(b, ''a''::text, 1), ''escape'')', '''@@''', '1;1;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1)::name', '''@@''', '1;1;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1)::bigint', '12345', '1;1;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1)::bytea', '''\x4040''', '1;1;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1)::varchar', '''@@''', '1;1;0'), ('c', 'kms.decrypt_column(c, ''a''::text, 1)', '''@@''', '1;1;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1)::"char"', '''@''', '1;1;0'),
			   ('v', 'kms.decrypt_column(v, ''a''::text, 1) IS NULL', 'true', '1;1;0'), ('v', 'ARRAY[kms.decrypt_column(v, ''a''::text, 1)]', '''{@@}''', '1;1;0'), ('v', 'kms.decrypt_column(v, ''a''::text, 1) || ''''', '''@@''', '1;1;0'), ('v', 'trim(kms.decrypt_column(v, ''a''::text, 1))', '''@@''', '1;1;0'), ('v', 'substring(kms.decrypt_column(v, ''a''::text, 1) FROM 2)', '''@@''', '1;1;0'), ('v', 'length(kms.decrypt_column(v, ''a''::text, 1))', '12345', '1;1;0'), ('v', 'id::bigint', '12345', '1;1;0'), ('v', 'c::text', '''@@''', '1;1;0')) t ("column", expression, value, written);

/* A column of the primary key that is shown twice is not all of it. */
CREATE TABLE pair (a integer, b integer, v text, PRIMARY KEY (a, b));
INSERT INTO pair VALUES (1, 1, 'x'), (1, 2, 'y');
CREATE VIEW half AS SELECT a, a AS also, v FROM pair;
CREATE VIEW whole AS SELECT a, a AS also, b, v FROM pair;
CREATE TRIGGER w INSTEAD OF INSERT OR UPDATE OR DELETE ON half FOR EACH ROW EXECUTE FUNCTION kms.write_decrypted();
CREATE TRIGGER w INSTEAD OF INSERT OR UPDATE OR DELETE ON whole FOR EACH ROW EXECUTE FUNCTION kms.write_decrypted();
SELECT is(pg_temp.verdict('DELETE FROM half WHERE v = ''x'''), '55000|InvalidParameter', 'with a part of the primary key, though twice, no row is deleted'),
	   is(pg_temp.verdict('UPDATE half SET v = ''z'' WHERE v = ''x'''), '55000|InvalidParameter', 'or updated');
SELECT is(pg_temp.verdict('DELETE FROM whole WHERE v = ''x'''), 'fine', 'with all of it one is');
SELECT is((SELECT string_agg(v, ',') FROM pair), 'y', 'and no other');

/* Somebody else's view is not the one of the table. */
:victim
CREATE TABLE mine (id integer PRIMARY KEY, ssn text, card text);
INSERT INTO mine VALUES (1, 'ssn', 'card');
:attacker
CREATE VIEW trap AS SELECT id, ssn, card FROM mine;
CREATE TRIGGER kms_write INSTEAD OF INSERT OR UPDATE OR DELETE ON trap FOR EACH ROW EXECUTE FUNCTION kms.write_decrypted();
GRANT ALL ON trap TO PUBLIC;
SELECT pg_get_viewdef('trap') AS trap \gset
:victim
SELECT is(pg_temp.verdict('SELECT kms_protect_column(''mine'', ''ssn'', ''alias/victim'')'), 'fine', 'with a stranger''s view on it a table is protected'),
	   is(pg_temp.verdict('SELECT kms_protect_column(''mine'', ''card'', ''alias/victim'')'), 'fine', 'twice');
SELECT results_eq('SELECT DISTINCT decrypted_view::text COLLATE "default" FROM kms.protected_columns WHERE relation = ''mine''::regclass', ARRAY['mine_decrypted'], 'its view is the owner''s'),
	   is(pg_get_viewdef('trap'), :'trap'::text, 'the stranger''s is as it was');
UPDATE mine_decrypted SET ssn = 'new', card = 'new';
SELECT is((SELECT concat_ws(' ', d.ssn, d.card, left(m.ssn, 6)) FROM mine_decrypted d JOIN mine m USING (id)), 'new new kms:1:', 'and the owner''s reads and writes');
SELECT is(pg_temp.verdict('SELECT kms_unprotect_column(''mine'', ''card'')'), 'fine', 'it is taken back'),
	   is(pg_temp.verdict('SELECT kms_unprotect_column(''mine'', ''ssn'')'), 'fine', 'twice');
SELECT ok(to_regclass('mine_decrypted') IS NULL, 'the owner''s view is gone'), is(pg_get_viewdef('trap'), :'trap'::text, 'and the stranger''s still there');
:attacker
SELECT is(pg_temp.verdict('INSERT INTO trap VALUES (2, ''x'', ''y'')'), '42501|', 'which lets nobody write');

/* Row security that lets a row in need not let it be seen. */
:victim
CREATE TABLE letters (n integer PRIMARY KEY, ssn text);
SELECT kms_protect_column('letters', 'ssn', 'alias/victim'), kms_grant('alias/victim', 'kms_test_attacker', '{Encrypt}') \g /dev/null
ALTER TABLE letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON letters FOR SELECT USING (n = 1);
CREATE POLICY box ON letters FOR INSERT WITH CHECK (n < 10);
GRANT SELECT, INSERT ON letters, letters_decrypted TO kms_test_attacker;
:attacker
SELECT is(pg_temp.verdict('INSERT INTO letters VALUES (2, ''by table'')'), 'fine', 'what a policy lets in is inserted into the table'),
	   is(pg_temp.verdict('INSERT INTO letters_decrypted VALUES (3, ''by view'')'), 'fine', 'and through the view'),
	   is(pg_temp.verdict('INSERT INTO letters_decrypted VALUES (10, ''by view'')'), '42501|', 'what it does not let in is not');
SELECT is((SELECT count(*) FROM letters), 0::bigint, 'nothing of it is seen');
:victim
SELECT is((SELECT string_agg(n || ssn, ', ' ORDER BY n) FROM letters_decrypted), '2by table, 3by view', 'but there');
SELECT kms_revoke('alias/victim', 'kms_test_attacker') \g /dev/null

-- ---- reading and searching what one may not decrypt -------------------------

/* A name of the context that is a variable could be another at each call. */
SELECT kms_encrypt('alias/victim', 'hello', '{"aa": "1"}') AS hello \gset
CREATE FUNCTION pg_temp.loop(value bytea, names text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	name text;
	result text = '';
BEGIN
	FOREACH name IN ARRAY names LOOP
		result = result || encode(kms.decrypt_column(value, name, '1'::text), 'escape');
	END LOOP;
	RETURN result;
END $$;
CREATE FUNCTION pg_temp.constant_loop(value bytea, contents text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	content text;
	result text = '';
BEGIN
	FOREACH content IN ARRAY contents LOOP
		result = result || encode(kms.decrypt_column(value, 'aa'::text, content), 'escape');
	END LOOP;
	RETURN result;
END $$;
SELECT is(pg_temp.complaint('SELECT pg_temp.loop(%L, ''{aa,bb}'')', :'hello'), '22023|InvalidParameter|invalid value for context: its names must be constants of type text', 'a variable is not the name of a context value'),
	   is(pg_temp.constant_loop(:'hello', '{1,1}'), 'hellohello', 'a constant is'),
	   is(pg_temp.complaint('SELECT pg_temp.constant_loop(%L, ''{1,2}'')', :'hello'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'and the value is looked at in each call');

/* Who may encrypt makes a blind index of a stolen ciphertext with a key of his own, and guesses. */
CREATE TABLE secrets (id integer PRIMARY KEY, ssn text, photo bytea);
SELECT kms_protect_column('secrets', 'ssn', 'alias/victim'), kms_protect_column('secrets', 'photo', 'alias/victim'), kms_grant('alias/victim', 'kms_test_attacker', '{Encrypt}') \g /dev/null
INSERT INTO secrets VALUES (1, 'the secret', 'the photo'), (2, 'another', 'another');
GRANT SELECT ON secrets TO kms_test_attacker;
:attacker
CREATE TABLE oracle (id integer PRIMARY KEY, ssn text, photo bytea, ssn_index bytea, photo_index bytea);
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON oracle FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim', 'ssn,photo', 'id', 'secrets', :'own_mac', 'ssn=ssn_index,photo=photo_index');
CREATE TABLE copy (id integer PRIMARY KEY, ssn text, photo bytea);
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON copy FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/victim', 'ssn,photo', 'id', 'secrets');
SELECT is(pg_temp.verdict('INSERT INTO copy SELECT id, ssn, photo FROM secrets'), 'fine', 'ciphertexts are copied to another table as they are'),
	   is(pg_temp.verdict('INSERT INTO oracle (id, ssn) SELECT id, ssn FROM secrets'), '42501|Forbidden.NoPermission', 'but an index is made of none that the writer may not decrypt'),
	   is(pg_temp.verdict('INSERT INTO oracle (id, photo) SELECT id, photo FROM secrets'), '42501|Forbidden.NoPermission', 'of bytes neither'),
	   is(pg_temp.verdict('INSERT INTO oracle VALUES (1, ''mine'')'), 'fine', 'of what he writes himself it is'),
	   is(pg_temp.verdict('UPDATE oracle SET ssn = (SELECT ssn FROM secrets WHERE id = 1)'), '42501|Forbidden.NoPermission', 'nor in an update'),
	   is(pg_temp.verdict('INSERT INTO oracle (id, ssn) SELECT 1, ssn FROM secrets WHERE id = 1 ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn'), '42501|Forbidden.NoPermission', 'or an upsert'),
	   is(pg_temp.verdict('MERGE INTO oracle o USING secrets s ON o.id = s.id WHEN MATCHED THEN UPDATE SET ssn = s.ssn WHEN NOT MATCHED THEN DO NOTHING'), '42501|Forbidden.NoPermission', 'or a merge');
SELECT is((SELECT count(*) FROM oracle WHERE ssn_index = kms_blind_index(:'own_mac', 'mine')), 1::bigint, 'so he finds what he knows'),
	   is((SELECT count(*) FROM oracle WHERE ssn_index = kms_blind_index(:'own_mac', 'the secret')), 0::bigint, 'and nothing else');
ALTER TABLE oracle DISABLE TRIGGER t;
INSERT INTO oracle SELECT 2, ssn, NULL, NULL, NULL FROM secrets WHERE id = 2;
ALTER TABLE oracle ENABLE TRIGGER t;
UPDATE oracle SET id = id WHERE id = 2;
SELECT is(ssn_index, NULL, 'one that came past the trigger has none, and gets none'), is(pg_temp.verdict('UPDATE oracle SET id = 3 WHERE id = 2'), '42501|Forbidden.NoPermission', 'nor when its row moves') FROM oracle WHERE id = 2;
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
CALL kms_reencrypt_column('oracle', 'ssn');
\set ON_ERROR_STOP 1
\set VERBOSITY default
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'nor by kms_reencrypt_column'), is((SELECT ssn_index FROM oracle WHERE id = 2), NULL, 'which leaves it');
:victim
SELECT kms_grant('alias/victim', 'kms_test_attacker', '{Encrypt,Decrypt}') \g /dev/null
:attacker
SELECT is(pg_temp.verdict('UPDATE oracle SET ssn = (SELECT ssn FROM secrets WHERE id = 1) WHERE id = 1'), 'fine', 'who may decrypt has an index of it');
SELECT is((SELECT count(*) FROM oracle WHERE ssn_index = kms_blind_index(:'own_mac', 'the secret')), 1::bigint, 'which finds');
DROP TABLE oracle, copy;
:victim
SELECT kms_revoke('alias/victim', 'kms_test_attacker') \g /dev/null

/* A text that only begins like a ciphertext. */
SELECT ssn || '!! not of it' AS damaged FROM secrets WHERE id = 1 \gset
CREATE TABLE old (id integer PRIMARY KEY, ssn text);
INSERT INTO old VALUES (1, :'damaged'), (2, 'kms:1:'), (3, 'kms:1:AAAA'), (4, 'plain'), (5, left(:'damaged', 80) || '!');
SELECT kms_protect_column('old', 'ssn', 'alias/victim') \g /dev/null
SELECT is(pg_temp.verdict('INSERT INTO old VALUES (6, %L)', :'damaged'), '22023|InvalidParameter', 'what begins like a ciphertext and is none is not written'),
	   is(pg_temp.verdict('INSERT INTO old VALUES (6, ''kms:1:AAAA'')'), 'fine', 'what is too short for one is'),
	   is(pg_temp.verdict('SELECT ssn FROM old_decrypted WHERE id = 1'), '22023|InvalidParameter', 'nor is it read as if it were plaintext');
SELECT is((SELECT string_agg(ssn, ' ' ORDER BY id) FROM old_decrypted WHERE id IN (2, 3, 4, 6)), 'kms:1: kms:1:AAAA plain kms:1:AAAA', 'what is none is');

-- ---- triggers, rules and heirs of the table itself --------------------------

/* Others' triggers would hold back rows, or take a new value for the rewritten one. */
CREATE TABLE busy (id integer PRIMARY KEY, ssn text, n integer DEFAULT 0, rev integer DEFAULT 0);
INSERT INTO busy (id, ssn) SELECT n, 'ssn ' || n FROM generate_series(1, 10) n;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() = 1 THEN
		UPDATE busy SET n = n + 1, ssn = CASE WHEN NEW.id = 5 THEN 'nested' ELSE ssn END WHERE id = 1;
	END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION revise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.rev = OLD.rev + 1; RETURN NEW; END $$;
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.id <> 2 THEN NEW END; END $$;
SELECT kms_protect_column('busy', 'ssn', 'alias/victim', '{id,rev}', true, 'alias/victim-search') \g /dev/null
CREATE TRIGGER touch AFTER UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER a_rev BEFORE UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION revise();
CREATE TRIGGER hold BEFORE UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION hold();
CREATE TRIGGER redundant BEFORE UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SET client_min_messages = error;
CALL kms_encrypt_existing('busy', 'ssn', 3);
SELECT is(pg_temp.scan('busy', 'ssn'), 'sealed 10', 'triggers of the table hold back no row from being encrypted'),
	   is((SELECT string_agg(id || ssn || n || rev, ',' ORDER BY id) FROM busy_decrypted), (SELECT string_agg(n || 'ssn ' || n || '00', ',' ORDER BY n) FROM generate_series(1, 10) n), 'and make nothing else of it'),
	   is((SELECT count(*) FROM busy WHERE ssn_blind_index = kms_blind_index('alias/victim-search', 'ssn ' || id)), 10::bigint, 'each has its index');
SELECT kms_create_key_version(:'key'), kms_update_alias(:'other_mac', 'alias/victim-search') \g /dev/null
CALL kms_reencrypt_column('busy', 'ssn', 3);
SELECT is((SELECT count(*) FROM kms_scan_column('busy', 'ssn')), 1::bigint, 'the same holds for kms_reencrypt_column'),
	   is((SELECT min(key_version_id::text) FROM kms_scan_column('busy', 'ssn')), (kms_describe_key(:'key')).primary_key_version::text, 'all are of the newest version'),
	   is((SELECT string_agg(id || ssn || n || rev, ',' ORDER BY id) FROM busy_decrypted), (SELECT string_agg(n || 'ssn ' || n || '00', ',' ORDER BY n) FROM generate_series(1, 10) n), 'and open'),
	   is((SELECT count(*) FROM busy WHERE ssn_blind_index = kms_blind_index('alias/victim-search', 'ssn ' || id)), 10::bigint, 'with the index of the other key');
SELECT kms_update_alias(:'mac', 'alias/victim-search') \g /dev/null
CALL kms_reencrypt_column('busy', 'ssn', 3);
SELECT is((SELECT count(*) FROM busy_decrypted WHERE ssn = 'ssn ' || id AND ssn_blind_index = kms_blind_index('alias/victim-search', 'ssn ' || id)), 10::bigint, 'also if the index alone is renewed');
UPDATE busy SET ssn = 'written' WHERE id IN (2, 5);
SELECT is((SELECT string_agg(id || ssn || n || rev, ',' ORDER BY id) FROM busy_decrypted WHERE id IN (1, 2, 5)), '1nested11,2ssn 200,5written01', 'an UPDATE fires them');
CREATE RULE never AS ON UPDATE TO busy DO INSTEAD NOTHING;
SELECT kms_create_key_version(:'key') \g /dev/null
CALL kms_reencrypt_column('busy', 'ssn');
SELECT is((SELECT min(key_version_id::text) || count(*) FROM kms_scan_column('busy', 'ssn')), (kms_describe_key(:'key')).primary_key_version || '1', 'nor does a rule hold back rows');
SELECT kms_unprotect_column('busy', 'ssn') \g /dev/null
SELECT is(pg_temp.scan('busy', 'ssn'), 'plaintext 10', 'and with the column taken back nothing is left encrypted'),
	   is((SELECT string_agg(id || ssn || n || rev, ',' ORDER BY id) FROM busy WHERE id IN (1, 2, 5)), '1nested11,2ssn 200,5written01', 'all is as it was');
SET client_min_messages = warning;

/* An heir that came later. */
CREATE TABLE parent (id integer PRIMARY KEY, v text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, 'parent');
INSERT INTO child VALUES (2, 'child');
SELECT kms_protect_column('parent', 'v', 'alias/victim') \g /dev/null
CREATE TABLE late () INHERITS (parent);
INSERT INTO late VALUES (3, 'late');
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
CALL kms_encrypt_existing('parent', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '55000 column "v" of table "late" is not protected', 'an heir without a trigger is told by its name'),
	   is(pg_temp.scan('parent', 'v'), 'plaintext 3', 'before anything is done');
CALL kms_reencrypt_column('parent', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '55000 column "v" of table "late" is not protected', 'also by kms_reencrypt_column');
\set ON_ERROR_STOP 1
\set VERBOSITY default
SET client_min_messages = error;
SELECT format('CREATE TRIGGER zz_kms_encrypt_v BEFORE INSERT OR UPDATE ON late FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%s)', substring(pg_get_triggerdef(oid), 'kms_encrypt_columns\((.*)\)$')) FROM pg_trigger WHERE tgrelid = 'parent'::regclass AND tgname = 'zz_kms_encrypt_v' \gexec
CALL kms_encrypt_existing('parent', 'v');
SELECT is(pg_temp.scan('parent', 'v'), 'sealed 3', 'with its parent''s arguments it is encrypted with the rest'),
	   is((SELECT string_agg(v, ',' ORDER BY id) FROM parent_decrypted), 'parent,child,late', 'and read');
SELECT kms_unprotect_column('parent', 'v') \g /dev/null
SELECT is((SELECT string_agg(v, ',' ORDER BY id) FROM parent), 'parent,child,late', 'and taken back');
SET client_min_messages = warning;

/* As many context columns as the view's function has arguments for. */
SELECT format('CREATE TABLE broad (v text, %s)', string_agg('c' || n || ' integer', ', ')) FROM generate_series(1, 48) n \gexec
SELECT is(pg_temp.complaint('SELECT kms_protect_column(''broad'', ''v'', ''alias/victim'', %L)', (SELECT array_agg('c' || n) FROM generate_series(1, 48) n)::text), '54023|InvalidParameter|invalid value for context_columns: there are more than 47', '48 context columns are too many'),
	   is(pg_temp.verdict('SELECT kms_protect_column(''broad'', ''v'', ''alias/victim'', %L)', (SELECT array_agg('c' || n) FROM generate_series(1, 47) n)::text), 'fine', '47 are not');
INSERT INTO broad_decrypted (v, c1, c47) VALUES ('v', 1, 47);
SELECT is((SELECT v FROM broad_decrypted), 'v', 'and are written and read');

/* A hint is a statement that somebody will paste. */
CREATE TABLE "q'; DROP TABLE broad; --" (id integer PRIMARY KEY, "v'" text);
INSERT INTO "q'; DROP TABLE broad; --" VALUES (1, 'v');
SET client_min_messages = notice;
SELECT kms_protect_column('"q''; DROP TABLE broad; --"', 'v''', 'alias/victim') \g /dev/null
SET client_min_messages = error;
CALL kms_encrypt_existing('kms_test_theirs."q''; DROP TABLE broad; --"', 'v''');
SELECT is(pg_temp.scan('"q''; DROP TABLE broad; --"', 'v'''), 'sealed 1', 'the hint that was given does what it says');

/* A constraint that changes the row it looks at. */
CREATE TABLE restless (id integer PRIMARY KEY, v text, note text);
INSERT INTO restless VALUES (1, 'v');
CREATE FUNCTION touch(touched integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('kms_test.touching', true) = 'yes' THEN
		PERFORM set_config('kms_test.touching', 'no', false);
		UPDATE kms_test_theirs.restless SET note = 'touched' WHERE id = touched;
	END IF;
	RETURN true;
END $$;
ALTER TABLE restless ADD CHECK (touch(id));
SELECT kms_protect_column('restless', 'v', 'alias/victim') \g /dev/null
SELECT set_config('kms_test.touching', 'yes', false) \g /dev/null
SELECT is(pg_temp.scan('restless', 'v'), 'plaintext 1', 'a row whose constraint will change it');
\set VERBOSITY sqlstate
\set ON_ERROR_STOP off
CALL kms_encrypt_existing('restless', 'v');
\set ON_ERROR_STOP on
\set VERBOSITY default
SELECT is(pg_temp.scan('restless', 'v'), 'plaintext 1', 'is not rewritten, and stays as it was');

-- ---- the end --------------------------------------------------------------

SELECT * FROM finish();
RESET ROLE;
DROP SCHEMA kms_test_trap CASCADE;
DROP SCHEMA kms_test_theirs CASCADE;
DELETE FROM kms.column_job j WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = j.relation);
DELETE FROM kms.alias WHERE name LIKE 'alias/victim%';
DELETE FROM kms.key WHERE owner IN ('kms_test_victim'::regrole, 'kms_test_attacker'::regrole);
DELETE FROM kms.key_version v WHERE NOT EXISTS (SELECT FROM kms.key k WHERE k.id = v.key_id);
DROP OWNED BY kms_test_victim, kms_test_attacker;
DROP ROLE kms_test_victim, kms_test_attacker;
