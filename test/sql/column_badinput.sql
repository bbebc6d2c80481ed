-- Encrypted columns: tables, columns and triggers that do not do.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(114);

SELECT kms_create_key() AS key, kms_create_key('HMAC_SHA_256') AS mac, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS pair \gset
SELECT kms_create_alias(:'key', 'alias/column') \g /dev/null
CREATE SCHEMA kms_test_data;
SET search_path = kms_test_data, public;
CREATE DOMAIN checked AS text CHECK (length(VALUE) < 1000);
CREATE DOMAIN needed AS bytea NOT NULL;
CREATE DOMAIN nested AS checked;
CREATE DOMAIN free AS bytea;
CREATE TYPE color AS ENUM ('red');
CREATE TYPE pair AS (a integer, b text);

/* What an insert into a table comes to with a trigger of these arguments; then all of it is undone. */
CREATE FUNCTION pg_temp.try(columns text, arguments text[], kind text = 'BEFORE INSERT OR UPDATE', each text = 'ROW', statement text = 'INSERT INTO t (v) VALUES (''x'')') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TABLE t (%s)', columns);
	EXECUTE format('CREATE TRIGGER seal %s ON t FOR EACH %s EXECUTE FUNCTION kms_encrypt_columns(%s)', kind, each,
				   (SELECT string_agg(quote_literal(a), ', ' ORDER BY n) FROM unnest(arguments) WITH ORDINALITY u (a, n)));
	result = pg_temp.complaint(statement);
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
CREATE FUNCTION pg_temp.with_arguments(columns text, VARIADIC arguments text[]) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try(columns, arguments, each => 'ROW') $$;

-- ---- arguments ------------------------------------------------------------

SELECT is(pg_temp.with_arguments('v text, id integer', VARIADIC arguments), 'fine', format('(%s) does', array_to_string(arguments, '; ')))
  FROM (VALUES (ARRAY['alias/column', 'v']), (ARRAY['alias/column', 'v', '']), (ARRAY['alias/column', 'v', 'id']), (ARRAY['alias/column', 'v', '', 't']), (ARRAY['alias/column', '  V  ', ' ID = "A ""b"", c" ', 'any name, "quoted"'])) t (arguments);
SELECT is(pg_temp.with_arguments('v text', VARIADIC arguments), '22023|InvalidParameter|kms_encrypt_columns takes two to four arguments, or six', format('%s arguments do not', cardinality(arguments)))
  FROM (VALUES ('{}'::text[]), (ARRAY['alias/column']), (ARRAY['alias/column', 'v', '', 't', 'x'])) t (arguments);
SELECT is(pg_temp.with_arguments('v text, id integer', VARIADIC arguments), complaint, what || ' does not')
  FROM (VALUES (ARRAY['alias/column', ''], '22023|InvalidParameter|invalid value for columns: it names no column', 'no column'),
			   (ARRAY['alias/column', '  '], '22023|InvalidParameter|invalid value for columns: it names no column', 'nothing but blanks'),
			   (ARRAY['alias/column', 'v', 'id', ''], '22023|InvalidParameter|invalid value for table_name: it is empty', 'an empty name'),
			   (ARRAY['', 'v'], '22023|InvalidParameter|invalid value for key_id: it is no key id, ARN or alias', 'no key'),
			   (ARRAY['alias/nobody', 'v'], '42704|Forbidden.AliasNotFound|alias "alias/nobody" does not exist', 'an alias of nothing'),
			   (ARRAY['00000000-0000-4000-8000-000000000000', 'v'], '42704|Forbidden.KeyNotFound|key "00000000-0000-4000-8000-000000000000" does not exist', 'an unknown key'),
			   (ARRAY[:'mac', 'v'], format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'mac'), 'a key for MACs'),
			   (ARRAY[:'pair', 'v'], format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'pair'), 'a key pair'),
			   (ARRAY['alias/column', 'v,v'], '42701|InvalidParameter|"v" is named twice', 'a column twice'),
			   (ARRAY['alias/column', 'v=x,id=x'], '42701|InvalidParameter|"x" is named twice', 'a name for two'),
			   (ARRAY['alias/column', 'v', 'id,ID=x'], '42701|InvalidParameter|"id" is named twice', 'a context column twice'),
			   (ARRAY['alias/column', 'v', 'v'], '22023|InvalidParameter|column "v" is encrypted and cannot be context', 'itself as context'),
			   (ARRAY['alias/column', 'v', 'id=table'], '22023|InvalidParameter|a context column cannot be called "table" in the context', 'a context column called table'),
			   (ARRAY['alias/column', 'v', 'id=column'], '22023|InvalidParameter|a context column cannot be called "column" in the context', 'or column'),
			   (ARRAY['alias/column', 'nobody'], '42703|InvalidParameter|column "nobody" of table "t" does not exist', 'a missing column'),
			   (ARRAY['alias/column', '"V"'], '42703|InvalidParameter|column "V" of table "t" does not exist', 'a name in capitals'),
			   (ARRAY['alias/column', 'v', 'nobody'], '42703|InvalidParameter|column "nobody" of table "t" does not exist', 'a missing context column'),
			   (ARRAY['alias/column', 'ctid'], '0A000|InvalidParameter|"ctid" is a system column, which cannot be encrypted and is no context', 'a system column'),
			   (ARRAY['alias/column', 'v', 'tableoid'], '0A000|InvalidParameter|"tableoid" is a system column, which cannot be encrypted and is no context', 'one as context')) t (arguments, complaint, what);
SELECT is(pg_temp.with_arguments('v text', 'alias/column', list), '22023|InvalidParameter|invalid value for columns: it must be a list of columns, like ssn, card or social=ssn', format('%s is no list', list))
  FROM unnest(ARRAY['v,', ',v', 'v,,v', 'v w', 'v=', '=v', 'v=a=b', '"v', 'v"', '""', '"v" "w"', 'v=""', ',']) list;
SELECT is(pg_temp.with_arguments('v text', 'alias/column', (SELECT string_agg('v' || n, ',') FROM generate_series(1, 1601) n)), '22023|InvalidParameter|invalid value for columns: it must be a list of columns, like ssn, card or social=ssn', 'a list that is longer than any table''s is none');
SELECT is(pg_temp.with_arguments('v text', 'alias/column', repeat('v', 100)), format('42703|InvalidParameter|column "%s" of table "t" does not exist', repeat('v', 63)), 'a name that is too long is cut as everywhere');

-- ---- columns --------------------------------------------------------------

SELECT is(pg_temp.try('v ' || type, ARRAY['alias/column', 'v'], statement => format('INSERT INTO t (v) VALUES (%s)', value)), format('42804|InvalidParameter|column "v" of type %s cannot be encrypted', type), type || ' is not encrypted')
  FROM (VALUES ('integer', '1'), ('boolean', 'true'), ('numeric(5,2)', '1'), ('jsonb', '''{}'''), ('json', '''{}'''), ('xml', 'NULL'), ('uuid', 'gen_random_uuid()'), ('date', 'now()'), ('text[]', '''{x}'''), ('bytea[]', '''{x}'''),
			   ('name', '''x'''), ('character(10)', '''x'''), ('character(1000)', '''x'''), ('"char"', '''x'''), ('bit varying(5)', '''1'''), ('color', '''red'''), ('pair', '''(1,x)'''), ('int4range', '''[1,2)'''),
			   ('checked', '''x'''), ('needed', '''x'''), ('nested', '''x''')) t (type, value);
SELECT is(pg_temp.with_arguments('v ' || type, 'alias/column', 'v'), 'fine', type || ' is')
  FROM unnest(ARRAY['text', 'bytea', 'varchar', 'varchar(1000)', 'free']) type;
SELECT is(pg_temp.with_arguments('v varchar(81)', 'alias/column', 'v'), '22001|InvalidParameter|column "v" of type character varying(81) is too short for a ciphertext', 'varchar(n) without room is not'),
	   is(pg_temp.try('a text, v text GENERATED ALWAYS AS (a || ''x'') STORED', ARRAY['alias/column', 'v'], statement => 'INSERT INTO t (a) VALUES (''x'')'), '0A000|InvalidParameter|column "v" is generated and cannot be encrypted', 'a generated column is not'),
	   is(pg_temp.with_arguments('v text, c text GENERATED ALWAYS AS (''x'' || ''x'') STORED', 'alias/column', 'v', 'c'), '0A000|InvalidParameter|column "c" is generated and cannot be context', 'nor is it context'),
	   is(pg_temp.with_arguments('v text, id integer GENERATED ALWAYS AS IDENTITY', 'alias/column', 'v', 'id'), 'fine', 'an identity is');
SELECT is(pg_temp.with_arguments('v text, c ' || type, 'alias/column', 'v', 'c'), format('42804|InvalidParameter|column "c" of type %s cannot be context', type), type || ' is no context')
  FROM unnest(ARRAY['bytea', 'real', 'double precision', 'interval', 'time without time zone', 'jsonb', 'text[]', 'color', 'inet', 'money']) type;
SELECT is(pg_temp.try('v text, dropped text', ARRAY['alias/column', 'v,dropped'], statement => 'ALTER TABLE t DROP dropped; INSERT INTO t (v) VALUES (''x'')'), '42703|InvalidParameter|column "dropped" of table "t" does not exist', 'a column that is dropped is missed'),
	   is(pg_temp.try('v text, dropped text', ARRAY['alias/column', 'v', 'dropped'], statement => 'ALTER TABLE t DROP dropped; INSERT INTO t (v) VALUES (''x'')'), '42703|InvalidParameter|column "dropped" of table "t" does not exist', 'so is a context column'),
	   is(pg_temp.try('v text', ARRAY['alias/column', 'v'], statement => 'ALTER TABLE t ALTER v TYPE json USING NULL; INSERT INTO t VALUES (''{}'')'), '42804|InvalidParameter|column "v" of type json cannot be encrypted', 'and a type that is changed is seen'),
	   is(pg_temp.try('v text CHECK (v ~ ''^[0-9]$'')', ARRAY['alias/column', 'v'], statement => 'INSERT INTO t VALUES (''1'')') ~ '^23514\|Failing row contains \(kms:1:[^)]*\)\.\|', true, 'a CHECK is about the ciphertext, and shows no other');

-- ---- triggers -------------------------------------------------------------

SELECT is(pg_temp.try('v text, w text', ARRAY['alias/column', 'v'], kind, each, statement), '39P01|InvalidParameter|trigger "seal" must be BEFORE INSERT OR UPDATE FOR EACH ROW, without a list of columns or WHEN', format('%s FOR EACH %s is refused at %s', kind, each, split_part(statement, ' ', 1)))
  FROM (VALUES ('BEFORE INSERT', 'ROW', 'INSERT INTO t VALUES (''x'')'), ('BEFORE UPDATE', 'ROW', 'INSERT INTO t VALUES (''x''); UPDATE t SET v = ''y'''), ('BEFORE INSERT OR UPDATE OF v', 'ROW', 'INSERT INTO t VALUES (''x'')'), ('AFTER INSERT OR UPDATE', 'ROW', 'INSERT INTO t VALUES (''x'')'),
			   ('BEFORE INSERT OR UPDATE', 'STATEMENT', 'INSERT INTO t VALUES (''x'')'), ('BEFORE INSERT OR UPDATE OR DELETE', 'ROW', 'INSERT INTO t VALUES (''x'')'), ('BEFORE TRUNCATE', 'STATEMENT', 'TRUNCATE t')) t (kind, each, statement);
CREATE TABLE guarded (v text, w text);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON guarded FOR EACH ROW WHEN (NEW.w IS NOT NULL) EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v');
SELECT is(pg_temp.verdict('INSERT INTO guarded VALUES (''x'', ''y'')'), '39P01|InvalidParameter', 'a condition, which would let rows through, is refused');
SELECT is(pg_temp.verdict('SELECT kms_encrypt_columns()'), '39P01|InvalidParameter', 'it is not called but as a trigger');
CREATE FUNCTION pg_temp.plain() RETURNS integer AS '$libdir/kms', 'kms_encrypt_columns' LANGUAGE c;
SELECT is(pg_temp.complaint('SELECT pg_temp.plain()'), '39P01|InvalidParameter|kms_encrypt_columns must be called as a trigger', 'by whatever name');
CREATE TABLE base (v text);
CREATE VIEW shown AS SELECT * FROM base;
CREATE TRIGGER seal INSTEAD OF INSERT OR UPDATE ON shown FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v');
SELECT is(pg_temp.verdict('INSERT INTO shown VALUES (''x'')'), '39P01|InvalidParameter', 'on a view it is refused');
CREATE EXTENSION postgres_fdw;
SELECT format('CREATE SERVER kms_test_server FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)', current_setting('unix_socket_directories'), current_setting('port'), current_database()) \gexec
CREATE USER MAPPING FOR CURRENT_USER SERVER kms_test_server;
CREATE FOREIGN TABLE far (v text) SERVER kms_test_server;
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON far FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/nobody', 'v');
SELECT is(pg_temp.verdict('INSERT INTO far VALUES (''x'')'), '42704|Forbidden.AliasNotFound', 'a foreign table is like any other');

/* As DETACH PARTITION ... CONCURRENTLY leaves it until it is finished. */
CREATE TABLE whole (id integer, v text) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF whole FOR VALUES IN (1) PARTITION BY LIST (id);
CREATE TABLE leaf PARTITION OF part FOR VALUES IN (1);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON whole FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v', 'id');
SAVEPOINT whole;
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'leaf'::regclass;
SELECT is(pg_temp.complaint('INSERT INTO leaf VALUES (1, ''x'')'), '55000|InvalidParameter|partition "leaf" is being detached', 'a partition that is being detached has no table to encrypt for');
ROLLBACK TO whole;
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'part'::regclass;
SELECT is(pg_temp.complaint('INSERT INTO leaf VALUES (1, ''x'')'), '55000|InvalidParameter|partition "leaf" is being detached', 'nor has a part of it');
ROLLBACK TO whole;
SELECT is(pg_temp.complaint('INSERT INTO leaf VALUES (1, ''x'')'), 'fine', 'otherwise it has');

/* What compares values, however it gets at them, keeps a column from being protected. */
CREATE TABLE compared (id integer PRIMARY KEY, v text, n integer, free text);
SELECT is(pg_temp.complaint('CREATE ' || definition || '; SELECT kms_protect_column(''compared'', ''v'', ''alias/column'')'), '55000|InvalidParameter|column "v" of table "compared" cannot be protected: it is part of ' || part, what || ' is in the way')
  FROM (VALUES (1, 'UNIQUE INDEX i ON compared (n, v)', 'unique index "i"', 'a unique index'), (2, 'UNIQUE INDEX i ON compared (n) INCLUDE (v)', 'unique index "i"', 'one that only includes it'), (3, 'UNIQUE INDEX i ON compared (lower(v))', 'unique index "i"', 'one of an expression'),
			   (4, 'UNIQUE INDEX i ON compared (n) WHERE v > ''''', 'unique index "i"', 'one with a condition'), (5, 'INDEX ON compared (n); ALTER TABLE compared ADD CONSTRAINT i EXCLUDE USING hash (v WITH =)', 'constraint "i"', 'an exclusion'),
			   (6, 'INDEX ON compared (n); ALTER TABLE compared ADD CONSTRAINT i EXCLUDE USING hash (lower(v) WITH =)', 'constraint "i"', 'one of an expression'), (7, 'INDEX ON compared (n); ALTER TABLE compared ADD CONSTRAINT i UNIQUE (n, v)', 'constraint "i"', 'a unique constraint')) t (n, definition, part, what) ORDER BY n;
DROP TABLE compared;
SELECT is(pg_temp.complaint('CREATE TABLE parted (id integer, v text) PARTITION BY HASH (' || key || '); SELECT kms_protect_column(''parted'', ''v'', ''alias/column'', ''{id}'')'), '55000|InvalidParameter|column "v" of table "parted" cannot be protected: it is part of the partition key', 'so is partitioning by ' || key)
  FROM unnest(ARRAY['id, v', 'lower(v)']) key;
SELECT is(pg_temp.verdict('CREATE TABLE parted (id integer, v text) PARTITION BY HASH (id); CREATE INDEX ON parted (lower(v)); CREATE UNIQUE INDEX ON parted (id); SELECT kms_protect_column(''parted'', ''v'', ''alias/column'', ''{id}'')'), 'fine', 'not so an index that only finds, or a key of other columns');

/* Nothing of a value in what is said. */
CREATE TABLE t (id integer, v text, w bytea);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v,w', 'id');
INSERT INTO t VALUES (1, 'swordfish', 'swordfish'), (2, '', '');
SELECT is(pg_temp.complaint(statement) ~ 'swordfish', false, 'no value is in the complaint of ' || statement)
  FROM unnest(ARRAY['INSERT INTO t SELECT 3, v FROM t WHERE id = 1', 'UPDATE t SET v = (SELECT v FROM t WHERE id = 1) WHERE id = 2', 'INSERT INTO t SELECT 3, ''swordfish'', w FROM t WHERE id = 1']) statement;

SELECT * FROM finish();
ROLLBACK;
