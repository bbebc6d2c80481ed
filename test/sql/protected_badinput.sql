-- Protecting columns: what is refused, and that nothing is left of it.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(180);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_other;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_owner;
CREATE SCHEMA kms_test_data AUTHORIZATION kms_test_owner;
GRANT ALL ON SCHEMA kms_test_data TO kms_test_other;
CREATE FOREIGN DATA WRAPPER kms_test_wrapper;
CREATE SERVER kms_test_server FOREIGN DATA WRAPPER kms_test_wrapper;
GRANT USAGE ON FOREIGN SERVER kms_test_server TO kms_test_owner;
SET search_path = kms_test_data, public;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key('HMAC_SHA_256') AS mac, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS pair, kms_create_key('EC_P256') AS signer,
	   pg_temp.key_in_state('Disabled') AS disabled, pg_temp.key_in_state('PendingDeletion') AS doomed, pg_temp.key_in_state('PendingImport') AS empty_key \gset
SELECT kms_create_key('HMAC_SHA_256') AS mac_disabled \gset
SELECT kms_disable_key(:'mac_disabled') \g /dev/null
SELECT kms_create_alias(:'key', 'alias/protected'), kms_create_alias(:'mac', 'alias/search') \g /dev/null
CREATE DOMAIN checked AS text CHECK (length(VALUE) < 1000);
CREATE DOMAIN needed AS bytea NOT NULL;
CREATE DOMAIN nested AS checked;
CREATE DOMAIN free AS bytea;
CREATE DOMAIN free_text AS varchar(500);
CREATE TYPE color AS ENUM ('red');
CREATE TYPE pair AS (a integer, b text);

/* How many objects there are of the kinds that protecting makes, and what tables say of themselves. */
CREATE FUNCTION pg_temp.objects() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s %s %s %s %s', (SELECT md5(string_agg(pg_class::text, '|' ORDER BY oid)) FROM pg_class WHERE relnamespace = 'kms_test_data'::regnamespace), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_attribute WHERE attnum > 0),
				  (SELECT count(*) FROM pg_depend), (SELECT count(*) FROM pg_rewrite), (SELECT count(*) FROM kms.protected_columns)) $$;
/* What a statement comes to on a table t that a script makes, and whether something is left; then all of it is undone. */
CREATE FUNCTION pg_temp.try(script text, statement text = 'SELECT kms_protect_column(''t'', ''v'', ''alias/protected'')') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before text;
	result text;
BEGIN
	EXECUTE script;
	before = pg_temp.objects();
	result = pg_temp.complaint(replace(statement, '%', '%%'));
	IF result <> 'fine' AND pg_temp.objects() <> before THEN
		result = result || ', and something is left';
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
/* Of a table with these columns. */
CREATE FUNCTION pg_temp.columns(columns text, arguments text = '''v'', ''alias/protected''') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.try(format('CREATE TABLE t (%s)', columns), format('SELECT kms_protect_column(''t'', %s)', arguments)) $$;

-- ---- arguments ------------------------------------------------------------

SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text', arguments), 'fine', format('(t, %s) does', arguments))
  FROM unnest(ARRAY['''v'', ''alias/protected''', '''v'', ''alias/protected'', NULL', '''v'', ''alias/protected'', ''{}''', '''v'', ''alias/protected'', ''{id}'', false', '''v'', ''alias/protected'', NULL, NULL, NULL', '''v'', ''alias/protected'', NULL, true, ''alias/search''']) arguments;
SELECT is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text)', statement), complaint, what)
  FROM (VALUES ('SELECT kms_protect_column(NULL, ''v'', ''alias/protected'')', '22004|MissingParameter|relation must not be null', 'a table must be named'),
			   ('SELECT kms_protect_column(''t'', NULL, ''alias/protected'')', '22004|MissingParameter|column_name must not be null', 'a column, too'),
			   ('SELECT kms_protect_column(''t'', ''v'', NULL)', '22004|MissingParameter|key_id must not be null', 'and a key'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', NULL, true)', '22004|MissingParameter|blind_index_key_id must not be null', 'a blind index needs a search key'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', NULL, false, ''alias/search'')', '22023|InvalidParameter|invalid value for blind_index_key_id: it is for a blind index, and blind_index is not true', 'a search key needs a blind index'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', NULL, NULL, ''alias/search'')', '22023|InvalidParameter|invalid value for blind_index_key_id: it is for a blind index, and blind_index is not true', 'and NULL is none'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{id,NULL}'')', '22023|InvalidParameter|invalid value for context_columns: it must not contain nulls', 'context columns are names'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{{id,v}}'')', '22023|InvalidParameter|invalid value for context_columns: it must have one dimension', 'in a list'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{id,id}'')', '42701|InvalidParameter|"id" is named twice', 'each once'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{nobody}'')', '42703|InvalidParameter|column "nobody" of table "t" does not exist', 'and are there'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{v}'')', '22023|InvalidParameter|column "v" is encrypted and cannot be context', 'and are not the column itself'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{ctid}'')', '0A000|InvalidParameter|"ctid" is a system column, which cannot be encrypted and is no context', 'and no system columns'),
			   ('SELECT kms_protect_column(''t'', ''nobody'', ''alias/protected'')', '42703|InvalidParameter|column "nobody" of table "t" does not exist', 'a missing column is missed'),
			   ('SELECT kms_protect_column(''t'', ''V'', ''alias/protected'')', '42703|InvalidParameter|column "V" of table "t" does not exist', 'names are not folded'),
			   ('SELECT kms_protect_column(''t'', '''', ''alias/protected'')', '42703|InvalidParameter|column "" of table "t" does not exist', 'nor empty'),
			   ('SELECT kms_protect_column(''t'', ''ctid'', ''alias/protected'')', '0A000|InvalidParameter|"ctid" is a system column, which cannot be encrypted and is no context', 'a system column is none of the table''s'),
			   ('SELECT kms_protect_column(0, ''v'', ''alias/protected'')', '42P01|InvalidParameter|the table does not exist any more', 'a table that is gone is missed'),
			   ('SELECT kms_protect_column(4294967295, ''v'', ''alias/protected'')', '42P01|InvalidParameter|the table does not exist any more', 'whatever its number'),
			   ('SELECT kms_unprotect_column(NULL, ''v'')', '22004|MissingParameter|relation must not be null', 'taken back a table must be named'),
			   ('SELECT kms_unprotect_column(''t'', NULL)', '22004|MissingParameter|column_name must not be null', 'and a column'),
			   ('SELECT kms_unprotect_column(4294967295, ''v'')', '42P01|InvalidParameter|the table does not exist any more', 'that is there'),
			   ('SELECT kms_unprotect_column(''t'', ''v'')', '55000|InvalidParameter|column "v" of table "t" is not protected', 'and protected'),
			   ('SELECT kms_unprotect_column(''t'', ''nobody'')', '55000|InvalidParameter|column "nobody" of table "t" is not protected', 'one that is missing is not'),
			   ('SELECT kms_scan_column(NULL, ''v'')', '22004|MissingParameter|relation must not be null', 'scanned a table must be named'),
			   ('SELECT kms_scan_column(''t'', NULL)', '22004|MissingParameter|column_name must not be null', 'and a column'),
			   ('SELECT kms_scan_column(4294967295, ''v'')', '42P01|InvalidParameter|the table does not exist any more', 'that is there'),
			   ('CALL kms_encrypt_existing(NULL, ''v'')', '22004|MissingParameter|relation must not be null', 'to be encrypted a table must be named'),
			   ('CALL kms_encrypt_existing(''t'', NULL)', '22004|MissingParameter|column_name must not be null', 'and a column'),
			   ('CALL kms_encrypt_existing(''t'', ''v'', NULL)', '22004|MissingParameter|batch_size must not be null', 'and a number'),
			   ('CALL kms_reencrypt_column(NULL, ''v'')', '22004|MissingParameter|relation must not be null', 'likewise to be re-encrypted'),
			   ('CALL kms_reencrypt_column(''t'', NULL)', '22004|MissingParameter|column_name must not be null', 'with the column'),
			   ('CALL kms_reencrypt_column(''t'', ''v'', NULL)', '22004|MissingParameter|batch_size must not be null', 'and the number')) t (statement, complaint, what);

-- ---- keys -----------------------------------------------------------------

SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text', format('''v'', %L', key_id)), complaint, what)
  FROM (VALUES ('', '22023|InvalidParameter|invalid value for key_id: it is no key id, ARN or alias', 'nothing is no key'),
			   ('dummy', '22023|InvalidParameter|invalid value for key_id: it is no key id, ARN or alias', 'nor is any word'),
			   ('alias/nobody', '42704|Forbidden.AliasNotFound|alias "alias/nobody" does not exist', 'an alias of nothing is missed'),
			   ('00000000-0000-4000-8000-000000000000', '42704|Forbidden.KeyNotFound|key "00000000-0000-4000-8000-000000000000" does not exist', 'an unknown key, too'),
			   (:'mac', format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'mac'), 'a key for MACs does not encrypt'),
			   (:'pair', format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'pair'), 'nor does a key pair'),
			   (:'signer', format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'signer'), 'nor one that signs'),
			   (:'disabled', format('55000|Rejected.Disabled|key "%s" is disabled', :'disabled'), 'nor one that is disabled'),
			   (:'doomed', format('55000|Rejected.PendingDeletion|key "%s" is pending deletion', :'doomed'), 'nor one that is to be deleted'),
			   (:'empty_key', format('55000|Rejected.PendingImport|key "%s" is waiting for its material', :'empty_key'), 'nor one without material')) t (key_id, complaint, what);
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text', format('''v'', ''alias/protected'', NULL, true, %L', key_id)), complaint, what)
  FROM (VALUES ('', '22023|InvalidParameter|invalid value for key_id: it is no key id, ARN or alias', 'nothing is no search key'),
			   ('alias/nobody', '42704|Forbidden.AliasNotFound|alias "alias/nobody" does not exist', 'an alias of nothing is missed'),
			   (:'key', format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'key'), 'a key that encrypts is no search key'),
			   (:'mac_disabled', format('55000|Rejected.Disabled|key "%s" is disabled', :'mac_disabled'), 'nor one that is disabled')) t (key_id, complaint, what);
RESET ROLE;
SET ROLE kms_test_other;
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text'), '42501|Forbidden.NoPermission|permission denied for key "alias/protected"', 'who may not encrypt does not protect');
RESET ROLE;
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_other', '{Decrypt}') \g /dev/null
SET ROLE kms_test_other;
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text') ~ '^42501\|Forbidden.NoPermission', true, 'a right to decrypt is not enough');
RESET ROLE;
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_other', '{Encrypt}', '{"table": "t"}') AS grant \gset
SET ROLE kms_test_other;
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text'), 'fine', 'a right to encrypt for the table is'),
	   is(pg_temp.columns('id integer PRIMARY KEY, v text', '''v'', ''alias/protected'', NULL, true, ''alias/search''') ~ '^42501\|Forbidden.NoPermission', true, 'but not for a blind index, without one to the search key');
SELECT is(pg_temp.try('CREATE TABLE tt (id integer PRIMARY KEY, v text)', 'SELECT kms_protect_column(''tt'', ''v'', ''alias/protected'')') ~ '^42501\|Forbidden.NoPermission', true, 'nor for another table');
RESET ROLE;
SET ROLE kms_test_owner;
SELECT kms_grant(:'mac', 'kms_test_other', '{GenerateMac}') \g /dev/null
SET ROLE kms_test_other;
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text', '''v'', ''alias/protected'', NULL, true, ''alias/search'''), 'fine', 'with that it is');
RESET ROLE;
SET ROLE kms_test_owner;

-- ---- columns --------------------------------------------------------------

SELECT is(pg_temp.columns(format('id integer PRIMARY KEY, v %s', type)), format('42804|InvalidParameter|column "v" of type %s cannot be encrypted', type), type || ' is not protected')
  FROM unnest(ARRAY['integer', 'boolean', 'numeric(5,2)', 'jsonb', 'json', 'uuid', 'date', 'text[]', 'bytea[]', 'name', 'character(10)', 'character(1000)', '"char"', 'bit varying(5)', 'color', 'pair', 'int4range', 'checked', 'needed', 'nested']) type;
SELECT is(pg_temp.columns(format('id integer PRIMARY KEY, v %s', type)), 'fine', type || ' is')
  FROM unnest(ARRAY['text', 'bytea', 'varchar', 'varchar(82)', 'free', 'free_text', 'text COLLATE "C"', 'text NOT NULL', 'text DEFAULT ''x''', 'text COMPRESSION pglz']) type;
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v varchar(81)'), '22001|InvalidParameter|column "v" of type character varying(81) is too short for a ciphertext', 'a varchar(n) that has no room for a ciphertext of anything is not'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v varchar(82)); SELECT kms_protect_column(''t'', ''v'', ''alias/protected''); INSERT INTO t VALUES (1, '''')', 'INSERT INTO t VALUES (2, ''1'')'), '22001|InvalidParameter|column "v" of type character varying(82) is too short for a ciphertext', 'one that has is, and what does not fit is refused when it comes');
SELECT is(pg_temp.columns(columns, arguments), format('55000|InvalidParameter|column "v" of table "t" cannot be protected: it is part of %s', part), what)
  FROM (VALUES ('v text PRIMARY KEY', '''v'', ''alias/protected'', ''{}''', 'constraint "t_pkey"', 'a primary key is not protected'),
			   ('id integer, v text, PRIMARY KEY (id, v)', '''v'', ''alias/protected''', 'constraint "t_pkey"', 'nor is a part of one'),
			   ('id integer PRIMARY KEY, v text UNIQUE', '''v'', ''alias/protected''', 'constraint "t_v_key"', 'nor what is unique'),
			   ('id integer PRIMARY KEY, v text, w text, UNIQUE (w, v)', '''v'', ''alias/protected''', 'constraint "t_w_v_key"', 'also with others'),
			   ('id integer PRIMARY KEY, v text CHECK (v <> '''')', '''v'', ''alias/protected''', 'constraint "t_v_check"', 'nor what is checked'),
			   ('id integer PRIMARY KEY, v text, w text, CONSTRAINT "My ""Check""" CHECK (v <> w)', '''v'', ''alias/protected''', 'constraint "My "Check""', 'also against others'),
			   ('id integer PRIMARY KEY, v text, EXCLUDE USING btree (v WITH =)', '''v'', ''alias/protected''', 'constraint "t_v_excl"', 'nor what excludes'),
			   ('id integer PRIMARY KEY, v text, g text GENERATED ALWAYS AS (v || ''x'') STORED', '''v'', ''alias/protected''', 'generated column "g"', 'nor what another column is generated from')) t (columns, arguments, part, what);
SELECT is(pg_temp.try(script, 'SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{id}'')'), format('55000|InvalidParameter|column "v" of table "t" cannot be protected: it is part of %s', part), what)
  FROM (VALUES ('CREATE TABLE t (id integer, v text); CREATE UNIQUE INDEX seen ON t (v)', 'unique index "seen"', 'nor what has a unique index'),
			   ('CREATE TABLE t (id integer, v text); CREATE UNIQUE INDEX seen ON t (id) INCLUDE (v)', 'unique index "seen"', 'also beside its key'),
			   ('CREATE TABLE f (v text PRIMARY KEY); CREATE TABLE t (id integer, v text REFERENCES f)', 'constraint "t_v_fkey"', 'nor what refers to another table'),
			   ('CREATE TABLE t (id integer, v text UNIQUE); CREATE TABLE f (w text REFERENCES t (v)); ALTER TABLE t DROP CONSTRAINT t_v_key CASCADE; CREATE UNIQUE INDEX seen ON t (v); ALTER TABLE f ADD CONSTRAINT f_to_t FOREIGN KEY (w) REFERENCES t (v)', 'constraint "f_to_t"', 'nor what another refers to'),
			   ('CREATE TABLE t (id integer, v text) PARTITION BY LIST (v)', 'the partition key', 'nor a partition key')) t (script, part, what);
SELECT is(pg_temp.try(script, 'SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{id}'')') ~ pattern, true, what)
  FROM (VALUES ('CREATE TABLE t (id integer, v text); CREATE UNIQUE INDEX seen ON t (lower(v))', '^55000\|InvalidParameter\|.*unique index "seen"$', 'nor what a unique index computes from it'),
			   ('CREATE TABLE t (id integer, v text); CREATE UNIQUE INDEX seen ON t (id) WHERE v <> ''x''', '^55000\|InvalidParameter\|.*unique index "seen"$', 'nor what is its condition'),
			   ('CREATE TABLE t (id integer, v text) PARTITION BY LIST (lower(v))', '^55000\|InvalidParameter\|.*the partition key$', 'nor what a partition key computes from it'),
			   ('CREATE TABLE t (id integer, v text) PARTITION BY LIST (id); CREATE TABLE p PARTITION OF t (CHECK (v <> ''x'')) FOR VALUES IN (1)', '^55000\|InvalidParameter\|.*constraint "p_v_check"$', 'nor what a partition checks'),
			   ('CREATE TABLE t (id integer, v text) PARTITION BY LIST (id); CREATE TABLE p PARTITION OF t FOR VALUES IN (1) PARTITION BY LIST (v)', '^55000\|InvalidParameter\|.*the partition key$', 'nor what partitions a partition'),
			   ('CREATE TABLE t (id integer, v text); CREATE TABLE h () INHERITS (t); CREATE UNIQUE INDEX seen ON h (v)', '^55000\|InvalidParameter\|.*unique index "seen"$', 'nor what is unique in a table that inherits')) t (script, pattern, what);
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text GENERATED ALWAYS AS (''x'' || ''y'') STORED'), '0A000|InvalidParameter|column "v" is generated and cannot be encrypted', 'a generated column is not protected'),
	   is(pg_temp.columns('id integer PRIMARY KEY, v text, c text GENERATED ALWAYS AS (''x'' || ''y'') STORED', '''v'', ''alias/protected'', ''{c}'''), '0A000|InvalidParameter|column "c" is generated and cannot be context', 'nor is one context'),
	   is(pg_temp.columns('id integer PRIMARY KEY, v text NOT NULL'), 'fine', 'what must not be null is protected'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text); CREATE INDEX ON t (v); CREATE INDEX ON t (lower(v))'), 'fine', 'so is what has an index that is not unique'),
	   is(pg_temp.columns('id integer, v text, w text UNIQUE CHECK (w <> ''x'')', '''v'', ''alias/protected'', ''{id}'''), 'fine', 'other columns may be unique and checked');
SELECT is(pg_temp.columns('id integer, v text'), '55000|InvalidParameter|table "t" has no primary key', 'without a primary key context columns must be named'),
	   is(pg_temp.columns('id integer UNIQUE NOT NULL, v text'), '55000|InvalidParameter|table "t" has no primary key', 'unique ones are not taken by themselves'),
	   is(pg_temp.columns('id jsonb PRIMARY KEY, v text'), '42804|InvalidParameter|column "id" of type jsonb cannot be context', 'a primary key of jsonb is no context'),
	   is(pg_temp.columns('id integer, "table" text, v text, PRIMARY KEY (id, "table")'), '22023|InvalidParameter|a context column cannot be called "table" in the context', 'nor is one with a column called table'),
	   is(pg_temp.columns('"column" integer PRIMARY KEY, v text'), '22023|InvalidParameter|a context column cannot be called "column" in the context', 'or column'),
	   is(pg_temp.columns('id integer PRIMARY KEY, v text, c float', '''v'', ''alias/protected'', ''{id,c}'''), '42804|InvalidParameter|column "c" of type double precision cannot be context', 'nor is a float');
SELECT is(pg_temp.columns('id integer PRIMARY KEY, v text, v_blind_index bytea', '''v'', ''alias/protected'', NULL, true, ''alias/search''') ~ '^42701\|', true, 'a column that has the name of the blind index is in the way'),
	   is(pg_temp.columns('id integer PRIMARY KEY, v text, v_blind_index bytea'), 'fine', 'without one it is not');

-- ---- tables ---------------------------------------------------------------

SELECT is(pg_temp.try(script, 'SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{}'')'), '42809|InvalidParameter|columns of "t" cannot be protected', what || ' is no table')
  FROM (VALUES ('CREATE VIEW t AS SELECT ''x''::text AS v', 'a view'),
			   ('CREATE MATERIALIZED VIEW t AS SELECT ''x''::text AS v', 'a materialized view'),
			   ('CREATE FOREIGN TABLE t (v text) SERVER kms_test_server', 'a foreign table'),
			   ('CREATE SEQUENCE t', 'a sequence'),
			   ('CREATE TYPE t AS (v text)', 'a type'),
			   ('CREATE TABLE u (v text); CREATE INDEX t ON u (v)', 'an index'),
			   ('CREATE TABLE u (id integer, v text) PARTITION BY LIST (id); CREATE TABLE t PARTITION OF u FOR VALUES IN (1)', 'a partition'),
			   ('CREATE TABLE u (id integer, v text) PARTITION BY LIST (id); CREATE TABLE t PARTITION OF u FOR VALUES IN (1) PARTITION BY LIST (id)', 'nor a partition with partitions')) t (script, what);
SELECT is(pg_temp.try('CREATE TABLE t (id integer, v text) PARTITION BY LIST (id); CREATE FOREIGN TABLE far PARTITION OF t FOR VALUES IN (1) SERVER kms_test_server', 'SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{}'')'), '42809|InvalidParameter|columns of "far" cannot be protected', 'a partition that is foreign is not protected'),
	   is(pg_temp.try('CREATE TABLE t (id integer, v text); CREATE FOREIGN TABLE far () INHERITS (t) SERVER kms_test_server', 'SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{}'')'), '42809|InvalidParameter|columns of "far" cannot be protected', 'nor is a foreign table that inherits');
RESET ROLE;
SELECT kms_grant(kms_create_key()::text, current_user::text, '{Encrypt}') IS NULL AS ignored, kms_create_key() AS super_key \gset
SELECT is(pg_temp.try('', format('SELECT kms_protect_column(%L, %L, %L, ''{}'')', relation, column_name, :'super_key')), format('42809|InvalidParameter|columns of "%s" cannot be protected', replace(relation::text, 'kms.', '')), relation || ' is not a user''s')
  FROM (VALUES ('kms.key'::regclass, 'description'), ('kms.secret_version', 'value'), ('kms.audit_entry', 'detail'), ('kms.column_job', 'kind'), ('pg_description', 'description'), ('pg_authid', 'rolpassword'), ('pg_class', 'relname')) t (relation, column_name);
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'kms.audit_entry'::regclass \gset
SELECT is(pg_temp.try('', format('SELECT kms_protect_column(%L, ''chunk_data'', %L, ''{}'')', :'toast', :'super_key')) ~ '^42809\|InvalidParameter', true, 'nor is a TOAST table');
SELECT is(pg_temp.complaint('SELECT kms_scan_column(''kms.key'', ''description'')'), 'fine', 'a superuser scans what he sees');
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_scan_column(''kms.audit_entry'', ''detail'')'), '42501|Forbidden.NoPermission', 'nobody else does');

/* Names that are taken, columns that are protected. */
SELECT is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text); ' || script), complaint, what)
  FROM (VALUES ('CREATE TABLE t_decrypted ()', '42P07|InvalidParameter|relation "t_decrypted" already exists', 'a table with the name of the view is in the way'),
			   ('CREATE VIEW t_decrypted AS SELECT * FROM t', '42P07|InvalidParameter|relation "t_decrypted" already exists', 'so is a view of somebody''s'),
			   ('CREATE SEQUENCE t_decrypted', '42P07|InvalidParameter|relation "t_decrypted" already exists', 'so is a sequence'),
			   ('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'')', '42710|InvalidParameter|column "v" of table "t" is protected already, by trigger "zz_kms_encrypt_v"', 'what is protected is not protected again'),
			   ('CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', ''v'')', '42710|InvalidParameter|column "v" of table "t" is protected already, by trigger "mine"', 'by whatever trigger'),
			   ('CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', '' V = x'')', '42710|InvalidParameter|column "v" of table "t" is protected already, by trigger "mine"', 'by whatever name'),
			   ('CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', ''v''); ALTER TABLE t DISABLE TRIGGER mine', '42710|InvalidParameter|column "v" of table "t" is protected already, by trigger "mine"', 'also one that is disabled'),
			   ('ALTER TABLE t ADD gone text; SELECT kms_protect_column(''t'', ''gone'', ''alias/protected''); ALTER TABLE t RENAME gone TO w', '55000|InvalidParameter|trigger "zz_kms_encrypt_gone" of table "t" encrypts column "gone", which does not exist any more', 'while a trigger misses its column no other is protected'),
			   ('ALTER TABLE t ADD w text; SELECT kms_protect_column(''t'', ''w'', ''alias/protected'', ''{v}'')', '22023|InvalidParameter|column "v" is encrypted and cannot be context', 'what is context of another is not protected'),
			   ('CREATE TABLE h () INHERITS (t); CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON h FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', ''v'')', '42710|InvalidParameter|column "v" of table "h" is protected already, by trigger "mine"', 'nor what is protected in a table that inherits'),
			   ('ALTER TABLE t ADD v_blind_index text; SELECT kms_protect_column(''t'', ''v_blind_index'', ''alias/protected''); CREATE TRIGGER zz_kms_encrypt_v BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'fine', 'a trigger of the same name is not in the way')) t (script, complaint, what);
SELECT is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text, w text); SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{id}'', true, ''alias/search'')', 'SELECT kms_protect_column(''t'', ''w'', ''alias/protected'', ''{v_blind_index}'')') ~ '^(22023|42804)\|InvalidParameter', true, 'a blind index is no context'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text, w text); SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{id}'', true, ''alias/search'')', 'SELECT kms_protect_column(''t'', ''v_blind_index'', ''alias/protected'')'), '22023|InvalidParameter|column "v_blind_index" is encrypted or context and cannot be a blind index', 'nor is it encrypted');

/* Taking back. */
SELECT is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text, w text); CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', ''v,w'')', 'SELECT kms_unprotect_column(''t'', ''v'')'), '55000|InvalidParameter|trigger "mine" encrypts other columns, too', 'a trigger for two columns is not dropped for one'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text, w text); CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', ''v'', ''id'')', 'SELECT kms_unprotect_column(''t'', ''v'')'), 'fine', 'one for one column is, also if it was made by hand'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text); SELECT kms_protect_column(''t'', ''v'', ''alias/protected''); ALTER TABLE t RENAME v TO w', 'SELECT kms_unprotect_column(''t'', ''w'')'), '55000|InvalidParameter|column "w" of table "t" is not protected', 'a column that was renamed is not found'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text); SELECT kms_protect_column(''t'', ''v'', ''alias/protected''); ALTER TABLE t RENAME v TO w', 'SELECT kms_unprotect_column(''t'', ''v'')'), '42703|InvalidParameter|column "v" of table "t" does not exist', 'nor by its old name'),
	   is(pg_temp.try('CREATE TABLE t (id integer, v text) PARTITION BY LIST (id); CREATE TABLE p PARTITION OF t FOR VALUES IN (1); SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{}'')', 'SELECT kms_unprotect_column(''p'', ''v'')') ~ '^(42809|2BP01|55000)\|', true, 'nor is a partition taken back alone');

/* Row security that is in force for the owner. */
SELECT is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, ''x''); SELECT kms_protect_column(''t'', ''v'', ''alias/protected''); ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY', 'SELECT kms_unprotect_column(''t'', ''v'')'), '42501|Forbidden.NoPermission|row security leaves out rows of table "t"', 'with row security forced on the owner a column is not taken back'),
	   is(pg_temp.try('CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, ''x''); SELECT kms_protect_column(''t'', ''v'', ''alias/protected''); ALTER TABLE t ENABLE ROW LEVEL SECURITY', 'SELECT kms_unprotect_column(''t'', ''v'')'), 'fine', 'otherwise it is'),
	   is(pg_temp.try('CREATE TABLE t (id integer, v text) PARTITION BY LIST (id); CREATE TABLE p PARTITION OF t FOR VALUES IN (1); SELECT kms_protect_column(''t'', ''v'', ''alias/protected'', ''{}''); ALTER TABLE p ENABLE ROW LEVEL SECURITY; ALTER TABLE p FORCE ROW LEVEL SECURITY', 'SELECT kms_unprotect_column(''t'', ''v'')'), 'fine', 'policies of a partition do not count in the whole table');

/* Other callers. */
CREATE TABLE t (id integer PRIMARY KEY, v text);
CREATE TABLE p (id integer PRIMARY KEY, v text);
SELECT kms_protect_column('p', 'v', 'alias/protected') \g /dev/null
GRANT ALL ON t, p, p_decrypted TO kms_test_other;
SELECT is(pg_temp.verdict_as('kms_test_other', statement), '42501|Forbidden.NoPermission', statement || ' is for the owner, whatever else is granted')
  FROM unnest(ARRAY['SELECT kms_protect_column(''t'', ''v'', ''alias/protected'')', 'SELECT kms_unprotect_column(''p'', ''v'')', 'SELECT kms_protect_column(''p'', ''v'', ''alias/protected'')', 'SELECT kms_protect_column(''t'', ''nobody'', ''alias/nobody'')', 'SELECT kms_unprotect_column(''t'', ''v'')']) statement;
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT kms_protect_column(''t'', ''v'', ''alias/protected'')'), '42501|Forbidden.NoPermission', 'a superuser needs a right to the key, too'),
	   is(pg_temp.verdict('SELECT kms_unprotect_column(''p'', ''v'')'), '42501|Forbidden.NoPermission', 'and takes back only what is his own');

/* The functions beneath. */
SELECT is(pg_temp.complaint(statement), complaint, statement || ' is refused')
  FROM (VALUES ('SELECT kms.decrypt_column(''x''::text, ''table''::text)', '22023|InvalidParameter|invalid value for context: it must be pairs of a name and a value'),
			   ('SELECT kms.decrypt_column(''x''::text, VARIADIC ARRAY[''table'', ''t''])', '22023|InvalidParameter|invalid value for context: it must be pairs of a name and a value'),
			   ('SELECT kms.decrypt_column(''x''::text, ''a''::text, 1, ''a''::text, 2)', '22023|InvalidParameter|invalid value for context: a name is in it twice'),
			   ('SELECT kms.decrypt_column(''x''::text, NULL::text, 1)', '22023|InvalidParameter|invalid value for context: its names must be constants of type text'),
			   ('SELECT kms.decrypt_column(''x''::text, 1, 1)', '22023|InvalidParameter|invalid value for context: its names must be constants of type text'),
			   ('SELECT kms.decrypt_column(''x''::text, n, 1) FROM unnest(ARRAY[''a'', ''b'']) n', '22023|InvalidParameter|invalid value for context: its names must be constants of type text'),
			   ('SELECT kms.decrypt_column(''x''::text, ''a''::text, ''{}''::jsonb)', '22023|InvalidParameter|invalid value for context: it has a value of a type that cannot be context'),
			   ('SELECT kms.decrypt_column(''x''::text, ''a''::text, 1.5::float)', '22023|InvalidParameter|invalid value for context: it has a value of a type that cannot be context'),
			   ('SELECT kms.write_decrypted()', '39P01|InvalidParameter|kms.write_decrypted must be called as a trigger, INSTEAD OF and FOR EACH ROW')) t (statement, complaint);
CREATE TRIGGER wrong BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION kms.write_decrypted();
SELECT is(pg_temp.verdict('INSERT INTO t VALUES (1, ''x'')'), '39P01|InvalidParameter', 'on a table the view''s trigger is refused');

SELECT * FROM finish();
ROLLBACK;
