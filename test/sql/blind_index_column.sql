-- Blind indexes of encrypted columns: kept by the trigger, searched by, renewed.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(96);

-- ---- another search key: the rows are renewed in batches --------------------

CREATE ROLE kms_test_index_owner;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_index_owner;
CREATE SCHEMA kms_test_index AUTHORIZATION kms_test_index_owner;
SET search_path = kms_test_index, public;
SET ROLE kms_test_index_owner;
SELECT kms_create_key() AS key, kms_create_key('HMAC_SHA_256') AS search, kms_create_key('HMAC_SHA_256') AS next_search \gset
SELECT kms_create_alias(:'key', 'alias/index'), kms_create_alias(:'search', 'alias/index-search') \g /dev/null
CREATE TABLE customer (id integer PRIMARY KEY, ssn text);
INSERT INTO customer SELECT n, nullif('ssn ' || n, 'ssn 7') FROM generate_series(1, 500) n;
SELECT kms_protect_column('customer', 'ssn', 'alias/index', blind_index => true, blind_index_key_id => 'alias/index-search') \g /dev/null
CREATE FUNCTION pg_temp.indexed(key_id text) RETURNS text LANGUAGE sql AS
$$ SELECT count(*) FILTER (WHERE c.ssn_blind_index = kms_blind_index(key_id, 'ssn ' || id)) || ' of ' || count(c.ssn) FROM customer c $$;
SELECT is(pg_temp.indexed('alias/index-search'), '0 of 499', 'rows that are there have no blind index');
SET client_min_messages = notice;
CALL kms_encrypt_existing('customer', 'ssn', 100);
SELECT is(pg_temp.indexed('alias/index-search'), '499 of 499', 'with their encryption they get it'),
	   is((SELECT ssn_blind_index FROM customer WHERE id = 7), NULL, 'NULL has none'),
	   is((SELECT count(*) FROM customer WHERE ssn LIKE 'kms:1:%'), 499::bigint, 'and all are encrypted');
CALL kms_reencrypt_column('customer', 'ssn');
CREATE TEMP TABLE before AS SELECT * FROM customer;
SELECT kms_update_alias(:'next_search', 'alias/index-search') \g /dev/null
INSERT INTO customer VALUES (501, 'ssn 501');
SELECT is(pg_temp.indexed(:'search') || ', ' || pg_temp.indexed(:'next_search'), '499 of 500, 1 of 500', 'with another search key new rows get its index');
CALL kms_reencrypt_column('customer', 'ssn', 7);
SELECT is(pg_temp.indexed(:'next_search'), '500 of 500', 'and the others when they are renewed'),
	   is((SELECT count(*) FROM customer c JOIN before b USING (id) WHERE c.ssn = b.ssn), 499::bigint, 'which leaves ciphertexts that are of the newest version'),
	   is((SELECT count(*) FROM customer_decrypted WHERE ssn_blind_index = kms_blind_index('alias/index-search', ssn) AND ssn = 'ssn ' || id), 500::bigint, 'all open');
CALL kms_reencrypt_column('customer', 'ssn', 7);
SELECT kms_create_key_version(:'key') \g /dev/null
UPDATE customer SET ssn = 'ssn 1' WHERE id = 1;
CALL kms_reencrypt_column('customer', 'ssn');
SELECT is((SELECT count(*) FROM kms_scan_column('customer', 'ssn')), 1::bigint, 'with a new version of the key all rows move to it'),
	   is(pg_temp.indexed(:'next_search'), '500 of 500', 'and keep their index');
/* An index that was lost, or changed behind the trigger's back. */
ALTER TABLE customer DISABLE TRIGGER USER;
UPDATE customer SET ssn_blind_index = NULL WHERE id BETWEEN 10 AND 19;
UPDATE customer SET ssn_blind_index = 'x' WHERE id BETWEEN 20 AND 29;
ALTER TABLE customer ENABLE TRIGGER USER;
CALL kms_reencrypt_column('customer', 'ssn');
SELECT is(pg_temp.indexed(:'next_search'), '500 of 500', 'one that was lost is made anew');
SET client_min_messages = warning;
/* A key that cannot be had. */
SELECT kms_disable_key(:'next_search') \g /dev/null
\set ON_ERROR_STOP 0
\set VERBOSITY sqlstate
CALL kms_reencrypt_column('customer', 'ssn');
\set VERBOSITY default
\set ON_ERROR_STOP 1
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'with the search key disabled nothing is renewed');
SELECT kms_enable_key(:'next_search') \g /dev/null

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA kms_test_index CASCADE;
DROP TABLE before;
DELETE FROM kms.column_job;
DELETE FROM kms.alias WHERE name LIKE 'alias/index%';
DELETE FROM kms.key WHERE owner = 'kms_test_index_owner'::regrole;
DELETE FROM kms.key_version v WHERE NOT EXISTS (SELECT FROM kms.key k WHERE k.id = v.key_id);
DROP OWNED BY kms_test_index_owner;
DROP ROLE kms_test_index_owner;
SET client_min_messages = warning;

-- ---- what the trigger keeps ---------------------------------------------------

BEGIN;
CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_writer;
CREATE ROLE kms_test_searcher;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_owner;
CREATE SCHEMA kms_test_data AUTHORIZATION kms_test_owner;
GRANT USAGE ON SCHEMA kms_test_data TO PUBLIC;
SET search_path = kms_test_data, public;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key('HMAC_SHA_256') AS search, kms_create_key('HMAC_SHA_256') AS other_search \gset
SELECT kms_create_alias(:'key', 'alias/column'), kms_create_alias(:'search', 'alias/search') \g /dev/null
CREATE TABLE customer (id integer PRIMARY KEY, email text UNIQUE, ssn text, card bytea, note text);
SELECT kms_protect_column('customer', c, 'alias/column', blind_index => true, blind_index_key_id => 'alias/search') FROM unnest(ARRAY['ssn', 'card']) c \g /dev/null
/* The plaintext that the index of a row is of, if it is one of these. */
CREATE FUNCTION pg_temp.found(wanted integer) RETURNS text LANGUAGE sql AS $$
	SELECT concat((SELECT string_agg(p, '') FROM unnest(ARRAY['', 'a', 'b', 'c', 'd']) p WHERE kms_blind_index('alias/search', p) = c.ssn_blind_index),
				  '|', (SELECT string_agg(p, '') FROM unnest(ARRAY['', 'a', 'b', 'c', 'd']) p WHERE kms_blind_index('alias/search', p) = c.card_blind_index))
	  FROM customer c WHERE id = wanted $$;

INSERT INTO customer VALUES (1, 'e1', 'a', 'b'), (2, 'e2', NULL, NULL), (3, 'e3', '', ''), (4, 'e4', 'a', 'a');
SELECT is(pg_temp.found(1), 'a|b', 'a value that is inserted has its blind index'),
	   is((SELECT ssn_blind_index IS NULL AND card_blind_index IS NULL FROM customer WHERE id = 2), true, 'NULL has none'),
	   is((SELECT ssn_blind_index = kms_blind_index('alias/search', '') FROM customer WHERE id = 3), true, 'nothing has one'),
	   is((SELECT count(DISTINCT ssn_blind_index) || ' ' || count(DISTINCT ssn) FROM customer WHERE id IN (1, 4)), '1 2', 'the same has the same, with another ciphertext'),
	   is((SELECT ssn_blind_index = card_blind_index FROM customer WHERE id = 4), true, 'also in another column with that search key');
INSERT INTO customer VALUES (5, 'e5', 'Grüße 😀', convert_to('Grüße 😀', 'UTF8')), (6, 'e6', repeat('x', 20000), convert_to(repeat('x', 20000), 'UTF8'));
SELECT is((SELECT count(*) FROM customer WHERE ssn_blind_index = card_blind_index AND (ssn_blind_index = kms_blind_index('alias/search', 'Grüße 😀') OR ssn_blind_index = kms_blind_index('alias/search', repeat('x', 20000)))), 2::bigint, 'a text has that of its UTF-8, also a long one');
DELETE FROM customer WHERE id > 4;

UPDATE customer SET ssn = 'c' WHERE id = 1;
SELECT is(pg_temp.found(1), 'c|b', 'it follows an update'),
	   is(pg_temp.found(4), 'a|a', 'of that row alone');
UPDATE customer SET ssn = NULL WHERE id = 1;
SELECT is(pg_temp.found(1), '|b', 'NULL takes it away');
UPDATE customer SET ssn = 'd', card = 'd' WHERE id IN (1, 2);
SELECT is(pg_temp.found(1) || ' ' || pg_temp.found(2), 'd|d d|d', 'and a value brings it back');
SELECT ssn_blind_index AS old_index FROM customer WHERE id = 1 \gset
UPDATE customer SET note = 'x', email = 'changed' WHERE id = 1;
UPDATE customer SET ssn = ssn, card = card || '' WHERE id = 1;
SELECT is(pg_temp.found(1), 'd|d', 'an update of something else leaves it');
UPDATE customer SET id = 100 WHERE id = 1;
SELECT is(pg_temp.found(100), 'd|d', 'it moves with its row');
UPDATE customer SET id = 1, ssn = 'a' WHERE id = 100;
SELECT is(pg_temp.found(1), 'a|d', 'also with a new value at once');

/* By hand. */
UPDATE customer SET ssn_blind_index = 'x', card_blind_index = NULL WHERE id = 1;
SELECT is(pg_temp.found(1), 'a|d', 'what is written by hand is undone');
UPDATE customer SET ssn = 'b', ssn_blind_index = kms_blind_index('alias/search', 'c') WHERE id = 1;
SELECT is(pg_temp.found(1), 'b|d', 'also with a new value');
UPDATE customer SET ssn = NULL, ssn_blind_index = kms_blind_index('alias/search', 'c') WHERE id = 1;
SELECT is((SELECT ssn_blind_index FROM customer WHERE id = 1), NULL, 'and with NULL');
INSERT INTO customer (id, email, ssn, ssn_blind_index, card_blind_index) VALUES (7, 'e7', 'a', 'x', 'x');
SELECT is((SELECT concat(pg_temp.found(7), card_blind_index) FROM customer WHERE id = 7), 'a|', 'what is inserted by hand counts for nothing');
UPDATE customer_decrypted SET ssn_blind_index = 'x', note = 'view' WHERE id = 7;
INSERT INTO customer_decrypted (id, email, ssn, ssn_blind_index) VALUES (8, 'e8', 'b', 'x');
UPDATE customer_decrypted SET ssn = 'c' WHERE id = 2;
SELECT is(pg_temp.found(7) || ' ' || pg_temp.found(8) || ' ' || pg_temp.found(2), 'a| b| c|d', 'the same holds through the view');

/* Upserts. */
INSERT INTO customer (id, email, ssn, card) VALUES (900, 'e7', 'c', 'd') ON CONFLICT (email) DO UPDATE SET ssn = excluded.ssn, card = excluded.card;
SELECT is(pg_temp.found(7), 'c|d', 'excluded.x of another row has its index'),
	   is((SELECT ssn || convert_from(card, 'UTF8') FROM customer_decrypted WHERE id = 7), 'cd', 'and opens');
INSERT INTO customer (id, email, ssn) VALUES (900, 'e7', 'd') ON CONFLICT (email) DO UPDATE SET ssn = excluded.ssn, ssn_blind_index = excluded.ssn_blind_index;
SELECT is(pg_temp.found(7), 'd|d', 'with the index in SET it is the same');
INSERT INTO customer (id, email, ssn) VALUES (900, 'e7', 'a') ON CONFLICT (email) DO UPDATE SET ssn_blind_index = excluded.ssn_blind_index, note = 'index alone';
SELECT is(pg_temp.found(7), 'd|d', 'the index alone is not written');
INSERT INTO customer (id, email, ssn) VALUES (7, 'x', 'b') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn;
SELECT is(pg_temp.found(7), 'b|d', 'excluded.x of the same row has its index, too');
INSERT INTO customer (id, email, ssn) VALUES (7, 'x', NULL) ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn;
SELECT is((SELECT ssn_blind_index FROM customer WHERE id = 7), NULL, 'NULL has none');
MERGE INTO customer c USING (VALUES (7, 'c'), (9, 'd')) s (id, v) ON c.id = s.id WHEN MATCHED THEN UPDATE SET ssn = s.v WHEN NOT MATCHED THEN INSERT (id, ssn) VALUES (s.id, s.v);
SELECT is(pg_temp.found(7) || ' ' || pg_temp.found(9), 'c|d d|', 'MERGE keeps it right');

/* Ciphertexts that are put back. */
CREATE TEMP TABLE backup AS SELECT * FROM customer;
CREATE TEMP TABLE plain_backup AS SELECT id, email, ssn, card, note FROM customer;
DELETE FROM customer;
INSERT INTO customer SELECT * FROM backup;
SELECT is((SELECT count(*) FROM customer c JOIN backup b USING (id) WHERE c = b), (SELECT count(*) FROM backup), 'rows that are put back are as they were, index and all');
DELETE FROM customer;
INSERT INTO customer (id, email, ssn, card, note) SELECT * FROM plain_backup;
SELECT is((SELECT count(*) FROM customer c JOIN backup b USING (id) WHERE c = b), (SELECT count(*) FROM backup), 'also where the index was left out');
UPDATE customer SET ssn = kms_encrypt(:'key', 'd'::text, '{"table": "customer", "column": "card", "id": "1"}'), card = kms_encrypt(:'key', 'a'::text, '{"table": "customer", "column": "card", "id": "1"}') WHERE id = 1;
SELECT is(pg_temp.found(1), '|a', 'a ciphertext that a client made has the index of what is in it') FROM customer WHERE id = 1;
COPY customer (id, email, ssn, card) FROM stdin;
20	e20	a	b
\.
SELECT is(pg_temp.found(20), 'a|b', 'COPY makes indexes');
ALTER TABLE customer DISABLE TRIGGER USER;
UPDATE customer SET ssn = 'b', ssn_blind_index = NULL WHERE id = 20;
ALTER TABLE customer ENABLE TRIGGER USER;
UPDATE customer SET note = 'touched' WHERE id = 20;
SELECT is(pg_temp.found(20), 'b|b', 'a plaintext that was there is encrypted when its row is touched, and gets one');

/* The search key moves; then a value that stays keeps the index that it had. */
SAVEPOINT moved;
SELECT kms_update_alias(:'other_search', 'alias/search') \g /dev/null
UPDATE customer SET note = 'moved', card = 'b' WHERE id = 20;
SELECT is((SELECT format('%s %s', ssn_blind_index = kms_blind_index(:'search', 'b'), card_blind_index = kms_blind_index(:'other_search', 'b')) FROM customer WHERE id = 20), 't t', 'with another search key what is written has its index, the rest the old one');
UPDATE customer SET id = 21 WHERE id = 20;
SELECT is((SELECT ssn_blind_index = kms_blind_index(:'search', 'b') FROM customer WHERE id = 21), true, 'also where the row moves');
ROLLBACK TO moved;

-- ---- rights -------------------------------------------------------------------

GRANT ALL ON customer, customer_decrypted TO kms_test_writer, kms_test_searcher;
SELECT kms_grant(:'key', 'kms_test_writer', '{Encrypt}'), kms_grant(:'key', 'kms_test_searcher', '{Decrypt}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO kms_test_data.customer (id, ssn) VALUES (30, ''x'')'), '42501|Forbidden.NoPermission', 'who may not use the search key writes nothing'),
	   is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO kms_test_data.customer (id, note) VALUES (30, ''x'')'), 'fine', 'but NULL'),
	   is(pg_temp.verdict_as('kms_test_writer', 'UPDATE kms_test_data.customer SET note = ''y''  WHERE id = 2'), 'fine', 'and what is not encrypted'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT count(*) FROM kms_test_data.customer WHERE ssn_blind_index = kms_blind_index(''alias/search'', ''c'')'), '42501|Forbidden.NoPermission', 'nor does he search');
SELECT kms_grant(:'search', 'kms_test_writer', '{GenerateMac}'), kms_grant(:'search', 'kms_test_searcher', '{GenerateMac}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO kms_test_data.customer (id, ssn) VALUES (31, ''x'')'), 'fine', 'with GenerateMac he writes'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT count(*) FROM kms_test_data.customer WHERE ssn_blind_index = kms_blind_index(''alias/search'', ''c'')'), 'fine', 'and searches, without reading'),
	   is(pg_temp.verdict_as('kms_test_searcher', 'SELECT ssn FROM kms_test_data.customer_decrypted WHERE ssn_blind_index = kms_blind_index(''alias/search'', ''c'')'), 'fine', 'who may also decrypt reads what he finds');
SELECT kms_disable_key(:'search') \g /dev/null
SELECT is(pg_temp.verdict('UPDATE customer SET ssn = ''x'' WHERE id = 2'), '55000|Rejected.Disabled', 'with the search key disabled nothing is written'),
	   is(pg_temp.verdict('UPDATE customer SET ssn = NULL, note = ''y'' WHERE id = 9'), 'fine', 'but NULL, and what is not encrypted'),
	   is(pg_temp.verdict('SELECT ssn FROM customer_decrypted WHERE id = 2'), 'fine', 'and all is read');
SELECT kms_enable_key(:'search') \g /dev/null

-- ---- searching ------------------------------------------------------------------

CREATE TABLE large (id integer PRIMARY KEY, ssn text);
SELECT kms_protect_column('large', 'ssn', 'alias/column', blind_index => true, blind_index_key_id => 'alias/search') \g /dev/null
INSERT INTO large SELECT n, 'ssn ' || n FROM generate_series(1, 3000) n;
ANALYZE large;
EXPLAIN (COSTS off) SELECT id FROM large WHERE ssn_blind_index = kms_blind_index('alias/search', 'ssn 7');
EXPLAIN (COSTS off) SELECT id FROM large_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', 'ssn 7');
SELECT is((SELECT string_agg(id || ssn, ',') FROM large_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', 'ssn 7')), '7ssn 7', 'a row is found by the index'),
	   is((SELECT count(*) FROM large_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', 'nobody')), 0::bigint, 'what is not there is not'),
	   is((SELECT count(*) FROM large_decrypted WHERE ssn_blind_index IN (kms_blind_index('alias/search', 'ssn 8'), kms_blind_index('alias/search', 'ssn 9'))), 2::bigint, 'two are found at once');
UPDATE large_decrypted SET ssn = 'new' WHERE ssn_blind_index = kms_blind_index('alias/search', 'ssn 7');
DELETE FROM large_decrypted WHERE ssn_blind_index = kms_blind_index('alias/search', 'ssn 8');
SELECT is((SELECT string_agg(id::text, ',') FROM large WHERE ssn_blind_index = kms_blind_index('alias/search', 'new')), '7', 'and written by it'),
	   is((SELECT count(*) FROM large), 2999::bigint, 'and deleted');

CREATE TABLE part (id integer, day integer, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
SELECT kms_protect_column('part', 'v', 'alias/column', blind_index => true, blind_index_key_id => 'alias/search') \g /dev/null
INSERT INTO part SELECT n, 1 + n % 2, 'v ' || n FROM generate_series(1, 2000) n;
ANALYZE part;
EXPLAIN (COSTS off) SELECT id FROM part_decrypted WHERE v_blind_index = kms_blind_index('alias/search', 'v 7');
UPDATE part_decrypted SET day = 1 WHERE v_blind_index = kms_blind_index('alias/search', 'v 7');
SELECT is((SELECT tableoid::regclass::text FROM part WHERE v_blind_index = kms_blind_index('alias/search', 'v 7')), 'part_1', 'in whatever partition it is found');
CREATE TABLE parent (id integer PRIMARY KEY, v text);
CREATE TABLE child () INHERITS (parent);
SELECT kms_protect_column('parent', 'v', 'alias/column', blind_index => true, blind_index_key_id => 'alias/search') \g /dev/null
INSERT INTO child VALUES (1, 'v');
SELECT is((SELECT count(*) FROM parent WHERE v_blind_index = kms_blind_index('alias/search', 'v')), 1::bigint, 'in a table that inherits, too'),
	   is((SELECT count(*) FROM pg_indexes WHERE schemaname = 'kms_test_data' AND tablename IN ('parent', 'child') AND indexdef LIKE '%v_blind_index%'), 2::bigint, 'each has its index');

/* Unique. */
UPDATE customer SET ssn = id::text;
CREATE UNIQUE INDEX only_once ON customer (ssn_blind_index);
SELECT is(pg_temp.verdict('INSERT INTO customer (id, ssn) VALUES (40, ''once'')'), 'fine', 'a unique blind index takes what is new');
SELECT is(pg_temp.verdict('INSERT INTO customer (id, ssn) VALUES (41, ''once'')') ~ '^23505\|Key \(ssn_blind_index\)', true, 'and refuses what is there'),
	   is(pg_temp.verdict('UPDATE customer SET ssn = ''once'' WHERE id = 2') ~ '^23505', true, 'also in an update'),
	   is(pg_temp.verdict('INSERT INTO customer_decrypted (id, ssn) VALUES (41, ''once'')') ~ '^23505', true, 'and through the view'),
	   is(pg_temp.verdict('INSERT INTO customer (id, ssn) VALUES (42, NULL), (43, NULL)'), 'fine', 'NULLs are not the same');
INSERT INTO customer (id, ssn, note) VALUES (44, 'once', 'upsert') ON CONFLICT (ssn_blind_index) DO UPDATE SET note = excluded.note, ssn = excluded.ssn;
SELECT is((SELECT string_agg(id || note || ssn, ',') FROM customer_decrypted WHERE ssn = 'once'), '40upsertonce', 'it finds the row to upsert');

-- ---- triggers made by hand ------------------------------------------------------

/* What an insert into a table comes to with a trigger of these arguments; then all of it is undone. */
CREATE FUNCTION pg_temp.try(columns text, VARIADIC arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TABLE t (%s)', columns);
	EXECUTE format('CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%s)', (SELECT string_agg(quote_literal(a), ', ' ORDER BY n) FROM unnest(arguments) WITH ORDINALITY u (a, n)));
	result = pg_temp.complaint('INSERT INTO t (v) VALUES (''x'')');
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
SELECT is(pg_temp.try('v text, w text, x bytea, y bytea', VARIADIC arguments), 'fine', format('(%s) does', array_to_string(arguments, '; ')))
  FROM (VALUES (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=x']), (ARRAY['alias/column', 'v,w', '', 't', 'alias/search', 'w=x']), (ARRAY['alias/column', 'v,w', '', 't', 'alias/search', 'v=x, W = "y"']), (ARRAY['alias/column', 'v=a', '', 't', 'alias/search', 'v=x']), (ARRAY['alias/column', 'v', '', 't', 'alias/search', '']), (ARRAY['alias/column', 'v', '', 't', 'alias/nobody', ''])) t (arguments);
SELECT is(pg_temp.try('v text, w text, x bytea, y text, d bytea, g bytea GENERATED ALWAYS AS (''\x01''::bytea) STORED', VARIADIC arguments), complaint, what)
  FROM (VALUES (ARRAY['alias/column', 'v', '', 't', 'alias/search'], '22023|InvalidParameter|kms_encrypt_columns takes two to four arguments, or six', 'a search key without indexes is refused'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=x', 'more'], '22023|InvalidParameter|kms_encrypt_columns takes two to four arguments, or six', 'so are seven arguments'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=nobody'], '42703|InvalidParameter|column "nobody" of table "t" does not exist', 'an index that is missing'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=y'], '42804|InvalidParameter|column "y" of type text cannot be a blind index', 'one that is a text'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=ctid'], '0A000|InvalidParameter|"ctid" is a system column, which cannot be encrypted and is no context', 'one that is a system column'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=g'], '0A000|InvalidParameter|column "g" is generated and cannot be a blind index', 'one that is generated'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v'], '22023|InvalidParameter|column "v" is encrypted or context and cannot be a blind index', 'the column itself'),
			   (ARRAY['alias/column', 'v,x', '', 't', 'alias/search', 'v=x'], '22023|InvalidParameter|column "x" is encrypted or context and cannot be a blind index', 'one that is encrypted'),
			   (ARRAY['alias/column', 'v', 'w', 't', 'alias/search', 'v=w'], '22023|InvalidParameter|column "w" is encrypted or context and cannot be a blind index', 'one that is context'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'w=x'], '22023|InvalidParameter|column "w" has a blind index and is not encrypted', 'one of a column that is not encrypted'),
			   (ARRAY['alias/column', 'v,w', '', 't', 'alias/search', 'v=x,w=x'], '42701|InvalidParameter|"x" is named twice', 'one for two columns'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v=x,v=d'], '42701|InvalidParameter|"v" is named twice', 'two for one column'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/search', 'v='], '22023|InvalidParameter|invalid value for blind_indexes: it must be a list of columns, like ssn, card or social=ssn', 'what is no list'),
			   (ARRAY['alias/column', 'v', '', '', 'alias/search', 'v=x'], '22023|InvalidParameter|invalid value for table_name: it is empty', 'a table without a name'),
			   (ARRAY['alias/column', 'v', '', 't', '', 'v=x'], '22023|InvalidParameter|invalid value for key_id: it is no key id, ARN or alias', 'no search key'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/nobody', 'v=x'], '42704|Forbidden.AliasNotFound|alias "alias/nobody" does not exist', 'a search key that is missing'),
			   (ARRAY['alias/column', 'v', '', 't', 'alias/column', 'v=x'], '0A000|UnsupportedOperation|key "' || :'key' || '" is not for this operation', 'a search key that encrypts')) t (arguments, complaint, what);

/* Two triggers. */
CREATE TABLE two (id integer, v text, w text, x bytea, y bytea);
CREATE TRIGGER one BEFORE INSERT OR UPDATE ON two FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v', 'id', 'two', 'alias/search', 'v=x');
CREATE FUNCTION pg_temp.with_second(VARIADIC arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TRIGGER two BEFORE INSERT OR UPDATE ON two FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%s)', (SELECT string_agg(quote_literal(a), ', ' ORDER BY n) FROM unnest(arguments) WITH ORDINALITY u (a, n)));
	result = pg_temp.complaint('INSERT INTO two VALUES (1, ''v'', ''w'')');
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
SELECT is(pg_temp.with_second('alias/column', 'w', 'id', 'two', 'alias/search', 'w=y'), 'fine', 'two triggers have two indexes'),
	   is(pg_temp.with_second('alias/column', 'x', 'id', 'two'), '22023|InvalidParameter|column "x" is encrypted or context and cannot be a blind index', 'one does not encrypt the other''s index'),
	   is(pg_temp.with_second('alias/column', 'w', 'id', 'two', 'alias/search', 'w=v'), '22023|InvalidParameter|column "v" is encrypted or context and cannot be a blind index', 'nor make one of what the other encrypts'),
	   is(pg_temp.with_second('alias/column', 'w', 'x', 'two') ~ '^(22023|42804)\|InvalidParameter', true, 'nor have it as context'),
	   is(pg_temp.with_second('alias/column', 'w', 'id', 'two', 'alias/search', 'w=x'), '42701|InvalidParameter|"x" is named twice', 'nor share it');

SELECT * FROM finish();
ROLLBACK;
