-- Encrypted columns: what the trigger makes of rows.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(118);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_writer;
CREATE ROLE kms_test_reader;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_owner;
CREATE SCHEMA kms_test_data AUTHORIZATION kms_test_owner;
CREATE SCHEMA kms_test_more AUTHORIZATION kms_test_owner;
GRANT USAGE ON SCHEMA kms_test_data TO PUBLIC;
SET search_path = kms_test_data, kms_test_more, public;

SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key() AS other, kms_create_key('Aliyun_SM4') AS sm4 \gset
SELECT kms_create_alias(:'key', 'alias/column') \g /dev/null
SELECT kms_grant(:'key', 'kms_test_writer', '{Encrypt}'), kms_grant(:'key', 'kms_test_reader', '{Encrypt,Decrypt}') \g /dev/null

/* What is in a column of a row; null if it does not open there. */
CREATE FUNCTION pg_temp.shows(value bytea, "table" text, "column" text, more jsonb = '{}') RETURNS text LANGUAGE sql AS
$$ SELECT kms_try_decrypt_text(value, jsonb_build_object('table', "table", 'column', "column") || more) $$;
CREATE FUNCTION pg_temp.shows(value text, "table" text, "column" text, more jsonb = '{}') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.shows(CASE WHEN value ~ '^kms:1:[A-Za-z0-9+/]+=*$' THEN decode(substr(value, 7), 'base64') END, "table", "column", more) $$;
CREATE FUNCTION pg_temp.id(id anyelement) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('id', id::text) $$;

CREATE TABLE customer (id serial PRIMARY KEY, email text UNIQUE, ssn text, card bytea, note text);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'ssn,card', 'id', 'customer');
GRANT SELECT, INSERT, UPDATE, DELETE ON customer TO kms_test_writer, kms_test_reader, kms_test_stranger;
GRANT USAGE ON SEQUENCE customer_id_seq TO PUBLIC;

-- ---- inserting ------------------------------------------------------------

INSERT INTO customer (email, ssn, card) VALUES ('a', '123-45-6789', '\x00ff'), ('b', NULL, NULL), ('c', '', ''), ('d', 'Grüße 😀', 'kms:1:'), ('e', 'kms:1:', '\x01');
SELECT is((SELECT string_agg(coalesce(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), '-'), '|' ORDER BY id) FROM customer), '123-45-6789|-||Grüße 😀|kms:1:', 'texts are encrypted'),
	   is((SELECT string_agg(coalesce(kms_try_decrypt(card, jsonb_build_object('table', 'customer', 'column', 'card', 'id', id::text))::text, '-'), '|' ORDER BY id) FROM customer), '\x00ff|-|\x|\x6b6d733a313a|\x01', 'and bytes'),
	   ok((SELECT bool_and(ssn LIKE 'kms:1:%' AND length(ssn) >= 82) FROM customer WHERE email <> 'b'), 'a text column has kms:1: and Base64'),
	   is((SELECT count(*) FROM customer WHERE ssn IS NULL AND card IS NULL), 1::bigint, 'null stays null'),
	   is((SELECT array_agg(length(card) ORDER BY id) FROM customer WHERE card IS NOT NULL), ARRAY[59, 57, 63, 58], 'a bytea column has the ciphertext'),
	   is((SELECT array_agg(DISTINCT (kms_ciphertext_info(card)).key_id) FROM customer WHERE card IS NOT NULL), ARRAY[:'key'::uuid], 'of the key');
INSERT INTO customer (email, ssn) SELECT 'same' || n, 'same' FROM generate_series(1, 100) n;
SELECT is((SELECT count(DISTINCT ssn) FROM customer WHERE email LIKE 'same%'), 100::bigint, 'the same is never encrypted to the same');
SELECT is(pg_temp.shows(a.ssn, 'customer', 'ssn', pg_temp.id(b.id)), NULL, 'a ciphertext does not open as another row''s'),
	   is(pg_temp.shows(a.ssn, 'customer', 'card', pg_temp.id(a.id)), NULL, 'nor as another column''s'),
	   is(pg_temp.shows(a.ssn, 'order', 'ssn', pg_temp.id(a.id)), NULL, 'nor as another table''s'),
	   is(pg_temp.shows(a.ssn, 'customer', 'ssn'), NULL, 'nor without its row')
  FROM customer a, customer b WHERE a.email = 'a' AND b.email = 'c';
DELETE FROM customer WHERE email LIKE 'same%';

/* More than a plain ciphertext takes. */
INSERT INTO customer (email, ssn, card) SELECT 'long' || n, repeat('x', n), convert_to(repeat('ü', n / 2), 'UTF8') FROM unnest(ARRAY[6143, 6144, 6145, 100000]) n;
SELECT is((SELECT string_agg((kms_ciphertext_info(card)).format || ' ' || (kms_ciphertext_info(decode(substr(ssn, 7), 'base64'))).format, ', ' ORDER BY id) FROM customer WHERE email LIKE 'long%'),
		  'XAES-256-GCM XAES-256-GCM, XAES-256-GCM XAES-256-GCM, XAES-256-GCM XAES-256-GCM envelope, XAES-256-GCM envelope XAES-256-GCM envelope', 'more than 6144 bytes go into an envelope'),
	   is((SELECT array_agg(length(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id))) ORDER BY id) FROM customer WHERE email LIKE 'long%'), ARRAY[6143, 6144, 6145, 100000], 'and come back from it');

-- ---- updating -------------------------------------------------------------

CREATE TEMP TABLE before AS SELECT * FROM customer;
CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE sql AS
$$ SELECT count(*) FILTER (WHERE b.ssn IS NOT DISTINCT FROM c.ssn AND b.card IS NOT DISTINCT FROM c.card) || ' of ' || count(*) FROM customer c JOIN before b USING (email) $$;
UPDATE customer SET note = 'x';
SELECT is(pg_temp.kept(), '9 of 9', 'an update of another column leaves every ciphertext as it is, also toasted ones');
UPDATE customer SET ssn = ssn, card = card, id = id;
SELECT is(pg_temp.kept(), '9 of 9', 'so does one to itself');
UPDATE customer SET ssn = ssn || '', card = substr(card, 1);
SELECT is(pg_temp.kept(), '9 of 9', 'and one to a copy, in whatever form it is stored');
UPDATE customer c SET ssn = b.ssn, card = b.card FROM before b WHERE b.id = c.id;
SELECT is(pg_temp.kept(), '9 of 9', 'and one from a backup');
UPDATE customer SET ssn = 'new' WHERE email = 'a';
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), 'new', 'a new plaintext is encrypted') FROM customer WHERE email = 'a';
SELECT is(c.card, b.card, 'and the other column left') FROM customer c JOIN before b USING (id) WHERE c.email = 'a';
UPDATE customer SET ssn = 'was null' WHERE email = 'b';
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), 'was null', 'also where there was none') FROM customer WHERE email = 'b';
UPDATE customer SET ssn = NULL WHERE email = 'b';
SELECT is((SELECT ssn FROM customer WHERE email = 'b'), NULL, 'null takes it away');

/* The context changes. */
UPDATE customer SET id = id + 1000;
SELECT is((SELECT string_agg(coalesce(left(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), 11), '-'), '|' ORDER BY id) FROM customer), 'new|-||Grüße 😀|kms:1:|xxxxxxxxxxx|xxxxxxxxxxx|xxxxxxxxxxx|xxxxxxxxxxx',
		  'with another context column the ciphertexts move'),
	   is((SELECT string_agg(length(kms_try_decrypt(card, jsonb_build_object('table', 'customer', 'column', 'card', 'id', id::text)))::text, '|' ORDER BY id) FROM customer), '2|0|6|1|6142|6144|6144|100000', 'of all columns'),
	   is((SELECT count(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id - 1000))) FROM customer), 0::bigint, 'and no longer open where they were');
UPDATE customer SET id = 5000, ssn = 'both' WHERE email = 'a';
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(5000)), 'both', 'a new plaintext in a new context is encrypted there'),
	   is(kms_try_decrypt(card, '{"table": "customer", "column": "card", "id": "5000"}'), '\x00ff'::bytea, 'and what stays moves') FROM customer WHERE email = 'a';
UPDATE customer SET id = 5001, ssn = convert_from(decode(encode(convert_to(ssn, 'UTF8'), 'hex'), 'hex'), 'UTF8') WHERE email = 'a';
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(5001)), 'both', 'what a client has read and writes back moves, too') FROM customer WHERE email = 'a';

-- ---- never twice ----------------------------------------------------------

/* The row is there: conflict about the context, and about another column. */
INSERT INTO customer (id, email, ssn, card) VALUES (5001, 'a', 'upsert', '\x02') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn, card = excluded.card;
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), 'upsert', 'excluded.x is encrypted once') FROM customer WHERE email = 'a';
INSERT INTO customer (email, ssn, card) VALUES ('a', 'natural', '\x03'), ('c', NULL, '\x04'), ('d', repeat('long', 5000), NULL) ON CONFLICT (email) DO UPDATE SET ssn = excluded.ssn, card = excluded.card;
SELECT is(string_agg(coalesce(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), '-'), '|' ORDER BY email), 'natural|-|' || repeat('long', 5000), 'also if it was made for a new row, and the conflict is with an old one'),
	   is(string_agg(coalesce(kms_try_decrypt(card, jsonb_build_object('table', 'customer', 'column', 'card', 'id', id::text))::text, '-'), '|' ORDER BY email), '\x03|\x04|-', 'in each column')
  FROM customer WHERE email IN ('a', 'c', 'd');
SELECT is(pg_temp.complaint('INSERT INTO customer (email, card) VALUES (''a'', ''\x05''), (''b'', ''\x06'') ON CONFLICT (email) DO UPDATE SET card = set_byte(excluded.card, 45, get_byte(excluded.card, 45) # 1)'),
		  '22023|InvalidParameter|ciphertext cannot be decrypted', 'but not if it was tampered with');
SELECT is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO customer (email, ssn) VALUES (''a'', ''natural'') ON CONFLICT (email) DO UPDATE SET ssn = excluded.ssn'), 'fine', 'for that no right to decrypt is needed');
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), 'natural', 'and it opens') FROM customer WHERE email = 'a';

/* Copies, restores. */
TRUNCATE before;
INSERT INTO before SELECT * FROM customer;
DELETE FROM customer;
INSERT INTO customer SELECT * FROM before;
SELECT is(pg_temp.kept(), '9 of 9', 'rows that are put back are as they were');
SELECT is(pg_temp.complaint('INSERT INTO customer SELECT id + 1, ''copy'' || email, ssn, card, note FROM customer'),
		  '22023|InvalidParameter|the value for column "ssn" is a ciphertext, but not one of this row', 'copied into another row they are refused'),
	   matches(pg_temp.hint('INSERT INTO customer SELECT id + 1, ''copy'' || email, ssn, card, note FROM customer'), 'kms_re_encrypt', 'with a way out');
SELECT is(pg_temp.verdict('UPDATE customer SET card = (SELECT card FROM customer WHERE email = ''e'') WHERE email = ''c'''), '22023|InvalidParameter', 'a ciphertext of another row is refused'),
	   is(pg_temp.verdict('UPDATE customer SET card = set_byte(card, 50, get_byte(card, 50) # 1) WHERE email = ''e'''), '22023|InvalidParameter', 'so is a damaged one'),
	   is(pg_temp.verdict('UPDATE customer SET card = set_byte(card, 0, 2) WHERE email = ''e'''), '22023|InvalidParameter', 'and one of another format'),
	   is(pg_temp.verdict('UPDATE customer SET ssn = overlay(ssn PLACING ''AAAA'' FROM 70) WHERE email = ''long6143'''), '22023|InvalidParameter', 'and a damaged text'),
	   is(pg_temp.verdict('UPDATE customer SET card = decode(substr(ssn, 7), ''base64'') WHERE email = ''long6143'''), '22023|InvalidParameter', 'and another column''s'),
	   is(pg_temp.verdict('UPDATE customer SET card = kms_encrypt(%L, ''x''::text, jsonb_build_object(''table'', ''customer'', ''column'', ''card'', ''id'', id::text)) WHERE email = ''e''', :'other'), '22023|InvalidParameter', 'and another key''s'),
	   is(pg_temp.verdict('UPDATE customer SET card = kms_encrypt(%L, ''x''::text, jsonb_build_object(''table'', ''customer'', ''column'', ''card'', ''id'', id::text)) WHERE email = ''e''', :'key'), 'fine', 'one that was made for it is taken'),
	   is(pg_temp.kept(), '8 of 9', 'as it is');
SELECT is(pg_temp.shows(card, 'customer', 'card', pg_temp.id(id)), 'x', 'and opens') FROM customer WHERE email = 'e';
UPDATE customer SET card = kms_envelope_encrypt(:'key', 'short', jsonb_build_object('table', 'customer', 'column', 'card', 'id', id::text)) WHERE email = 'e';
SELECT is(pg_temp.shows(card, 'customer', 'card', pg_temp.id(id)), 'short', 'also an envelope that need not be one') FROM customer WHERE email = 'e';

/* What only looks like a ciphertext. */
UPDATE customer SET card = '\x01'::bytea || decode(repeat('00', 80), 'hex'), ssn = 'kms:1:AAAA' WHERE email = 'e';
SELECT is(kms_try_decrypt(card, jsonb_build_object('table', 'customer', 'column', 'card', 'id', id::text)), '\x01'::bytea || decode(repeat('00', 80), 'hex'), 'bytes that happen to begin like a ciphertext are encrypted'),
	   is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)), 'kms:1:AAAA', 'so is a text that only has its prefix') FROM customer WHERE email = 'e';
/* Broken into lines, as encode() does it. */
SELECT is(pg_temp.complaint('UPDATE customer SET ssn = %L WHERE email = ''e''', 'kms:1:' || encode('\x01'::bytea || '\x00000000000040008000000000000000'::bytea || decode(repeat('00', 43), 'hex'), 'base64')),
		  '42704|Forbidden.KeyNotFound|key version "00000000-0000-4000-8000-000000000000" does not exist', 'a text that is the ciphertext of a lost key is refused');

/* Rotation. */
TRUNCATE before;
INSERT INTO before SELECT * FROM customer;
SELECT kms_create_key_version(:'key') AS new_version \gset
UPDATE customer SET note = 'y', ssn = ssn || '';
SELECT is(pg_temp.kept(), '9 of 9', 'ciphertexts of an older version stay');
UPDATE customer SET id = id + 1000000;
SELECT is((SELECT array_agg(DISTINCT (kms_ciphertext_info(card)).key_version_id) FROM customer WHERE card IS NOT NULL), ARRAY[:'new_version'::uuid], 'what moves gets the newest');
SELECT is((SELECT count(*) FROM customer WHERE ssn IS NOT NULL AND pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)) IS NULL), 0::bigint, 'and opens');

/* Another key for the alias: what is there stays readable and moves to it. */
SAVEPOINT alias;
SELECT kms_update_alias(:'other', 'alias/column') \g /dev/null
UPDATE customer SET note = 'z';
SELECT is(pg_temp.verdict('UPDATE customer SET ssn = ssn || '''''), 'fine', 'with another key what is unchanged stays');
UPDATE customer SET id = id + 1000000;
SELECT is((SELECT array_agg(DISTINCT (kms_ciphertext_info(card)).key_id) FROM customer WHERE card IS NOT NULL), ARRAY[:'other'::uuid], 'and what moves gets it');
ROLLBACK TO alias;

/* Rows from before the trigger, or written while it was away. */
ALTER TABLE customer DISABLE TRIGGER seal;
UPDATE customer SET ssn = 'plain', card = 'plain' WHERE email IN ('a', 'b');
ALTER TABLE customer ENABLE TRIGGER seal;
UPDATE customer SET note = 'touched' WHERE email = 'a';
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)) || ' ' || pg_temp.shows(card, 'customer', 'card', pg_temp.id(id)), 'plain plain', 'a plaintext that was there is encrypted when its row is touched') FROM customer WHERE email = 'a';
UPDATE customer SET id = id + 500000 WHERE email = 'b';
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id)) || ' ' || pg_temp.shows(card, 'customer', 'card', pg_temp.id(id)), 'plain plain', 'also when it gets another context') FROM customer WHERE email = 'b';
/* A key that is lost takes no other column with it. */
ALTER TABLE customer DISABLE TRIGGER seal;
UPDATE customer SET card = '\x01'::bytea || '\x00000000000040008000000000000000'::bytea || decode(repeat('00', 43), 'hex') WHERE email = 'a';
ALTER TABLE customer ENABLE TRIGGER seal;
UPDATE customer SET note = 'a lost key', ssn = 'still there' WHERE email = 'a';
SELECT is(substr(card, 1, 17), '\x01'::bytea || '\x00000000000040008000000000000000'::bytea, 'an unchanged ciphertext of a lost key stays') FROM customer WHERE email = 'a';
SELECT is(pg_temp.verdict('UPDATE customer SET id = id + 1 WHERE email = ''a'''), '42704|Forbidden.KeyNotFound', 'and cannot move');
DELETE FROM customer WHERE email = 'a';

-- ---- roles ----------------------------------------------------------------

SELECT is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO customer (email, ssn) VALUES (''w'', ''x'')'), 'fine', 'who may encrypt inserts'),
	   is(pg_temp.verdict_as('kms_test_writer', 'UPDATE customer SET ssn = ''y'' WHERE email = ''w'''), 'fine', 'updates'),
	   is(pg_temp.verdict_as('kms_test_writer', 'UPDATE customer SET note = ''y'' WHERE email = ''w'''), 'fine', 'touches'),
	   is(pg_temp.verdict_as('kms_test_writer', 'WITH gone AS (DELETE FROM customer WHERE email = ''w'' RETURNING *) INSERT INTO customer SELECT id, ''w2'', ssn FROM gone'), 'fine', 'puts back'),
	   is(pg_temp.verdict_as('kms_test_writer', 'UPDATE customer SET id = id + 100000 WHERE email = ''w2'''), '42501|Forbidden.NoPermission', 'but does not move'),
	   is(pg_temp.verdict_as('kms_test_reader', 'UPDATE customer SET id = id + 100000 WHERE email = ''w2'''), 'fine', 'which who may decrypt as well does');
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement), verdict, 'who may nothing ' || what)
  FROM (VALUES ('INSERT INTO customer (email, ssn) VALUES (''s'', ''x'')', '42501|Forbidden.NoPermission', 'inserts nothing that is encrypted'),
			   ('INSERT INTO customer (email, ssn) SELECT ''s'', ssn FROM customer WHERE email = ''w2''', '42501|Forbidden.NoPermission', 'nor ciphertext'),
			   ('UPDATE customer SET ssn = ''x'' WHERE email = ''w2''', '42501|Forbidden.NoPermission', 'updates no such column'),
			   ('UPDATE customer SET note = ''s'' WHERE email = ''w2''', 'fine', 'updates others'),
			   ('INSERT INTO customer (email) VALUES (''s'')', 'fine', 'inserts rows without one'),
			   ('DELETE FROM customer WHERE email IN (''s'', ''w2'')', 'fine', 'deletes')) t (statement, verdict, what);
/* A grant within a context. */
SELECT kms_revoke(:'key', 'kms_test_writer') \g /dev/null
SELECT kms_grant(:'key', 'kms_test_writer', '{Encrypt}', '{"table": "customer", "column": "ssn"}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO customer (email, ssn) VALUES (''w'', ''x'')'), 'fine', 'a grant may be of one column'),
	   is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO customer (email, card) VALUES (''v'', ''x'')'), '42501|Forbidden.NoPermission', 'and no other');
RESET ROLE;
SELECT is(pg_temp.verdict('INSERT INTO customer (email, ssn) VALUES (''su'', ''x'')'), '42501|Forbidden.NoPermission', 'a superuser needs a grant, too');
SET ROLE kms_test_owner;
SELECT kms_disable_key(:'key') \g /dev/null
SELECT is(pg_temp.verdict('INSERT INTO customer (email, ssn) VALUES (''x'', ''x'')'), '55000|Rejected.Disabled', 'with its key disabled nothing is encrypted'),
	   is(pg_temp.verdict('UPDATE customer SET note = ''disabled'''), 'fine', 'but what is there is left');
SELECT kms_enable_key(:'key') \g /dev/null

-- ---- names that change ----------------------------------------------------

TRUNCATE customer;
INSERT INTO customer (id, email, ssn) VALUES (1, 'r', 'renamed');
ALTER TABLE customer RENAME TO person;
ALTER TABLE person SET SCHEMA kms_test_more;
UPDATE person SET note = 'x', ssn = ssn || '';
INSERT INTO person (id, email, ssn) VALUES (2, 's', 'renamed');
SELECT is(array_agg(pg_temp.shows(ssn, 'customer', 'ssn', pg_temp.id(id))), '{renamed,renamed}', 'a table that is renamed and moved keeps its name in the context') FROM person;
ALTER TABLE person RENAME ssn TO "Social No";
SELECT is(pg_temp.complaint('INSERT INTO person (email, "Social No") VALUES (''t'', ''x'')'), '42703|InvalidParameter|column "ssn" of table "person" does not exist', 'a column that is renamed must be renamed in the trigger'),
	   is(pg_temp.hint('INSERT INTO person (email, "Social No") VALUES (''t'', ''x'')'), 'Create the trigger anew. If the column was renamed, write NEW_NAME=ssn to keep what is encrypted.', 'it says how');
ALTER TABLE person RENAME id TO "number";
CREATE OR REPLACE TRIGGER seal BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', ' "Social No" = ssn , CARD', 'Number=id', 'customer');
UPDATE person SET note = 'y', "Social No" = "Social No" || '';
INSERT INTO person ("number", email, "Social No", card) VALUES (3, 'u', 'renamed', '');
SELECT is(array_agg(pg_temp.shows("Social No", 'customer', 'ssn', pg_temp.id("number"))), '{renamed,renamed,renamed}', 'then all keep their names in the context') FROM person;
ALTER TABLE person DROP note;
INSERT INTO person ("number", email, "Social No") VALUES (4, 'v', 'dropped');
SELECT is(pg_temp.shows("Social No", 'customer', 'ssn', pg_temp.id(4)), 'dropped', 'a column that is dropped is not missed') FROM person WHERE "number" = 4;
ALTER TABLE person ADD added text DEFAULT 'added';
UPDATE person SET added = added || '', "number" = "number" + 10;
SELECT is(count(pg_temp.shows("Social No", 'customer', 'ssn', pg_temp.id("number"))), 4::bigint, 'nor is one that is added in the way') FROM person;

/* Without a fourth argument the name is the present one, of a partition that of the table. */
CREATE TABLE bare (v text);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON bare FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v');
INSERT INTO bare VALUES ('x');
SELECT is(pg_temp.shows(v, 'bare', 'v'), 'x', 'two arguments do: the context is table and column') FROM bare;
CREATE TABLE part (id integer, day date, v bytea, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE part_old PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE part_new PARTITION OF part FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (id);
CREATE TABLE part_new_1 PARTITION OF part_new FOR VALUES IN (1);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON part FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v', 'id,day');
INSERT INTO part VALUES (1, '2020-05-05', 'old'), (1, '2021-05-05', 'new');
INSERT INTO part_old VALUES (2, '2020-05-05', 'direct');
SELECT is(string_agg(pg_temp.shows(v, 'part', 'v', jsonb_build_object('id', id::text, 'day', day)), '|' ORDER BY id, day), 'old|new|direct', 'partitions encrypt for their table') FROM part;
UPDATE part SET v = v || ''::bytea;
SELECT is(string_agg(pg_temp.shows(v, 'part', 'v', jsonb_build_object('id', id::text, 'day', day)), '|' ORDER BY id, day), 'old|new|direct', 'and know what is encrypted') FROM part;
DELETE FROM part WHERE day = '2021-05-05';
UPDATE part SET day = '2021-05-05' WHERE id = 1;
SELECT is(tableoid::regclass::text || ' ' || pg_temp.shows(v, 'part', 'v', jsonb_build_object('id', id::text, 'day', day)), 'part_new_1 old', 'a row that moves to another partition moves with its ciphertext') FROM part WHERE id = 1;
CREATE TABLE later (id integer NOT NULL, day date NOT NULL, v bytea, extra text);
ALTER TABLE later DROP extra;
ALTER TABLE part ATTACH PARTITION later FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
INSERT INTO part VALUES (7, '2022-02-02', 'attached');
SELECT is(pg_temp.shows(v, 'part', 'v', '{"id": "7", "day": "2022-02-02"}'), 'attached', 'a partition that is attached encrypts') FROM part WHERE id = 7;

-- ---- contexts -------------------------------------------------------------

CREATE DOMAIN plain_domain AS text;
CREATE TABLE typed (b boolean, i2 smallint, i4 integer, i8 bigint, o oid, n numeric, u uuid, nm name, t text, vc varchar(20), c char(10), d date, ts timestamp, tz timestamptz, dom plain_domain, v plain_domain);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON typed FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v', 'b,i2,i4,i8,o,n,u,nm,t,vc,c,d,ts,tz,dom', 'typed');
CREATE FUNCTION pg_temp.context_of(r typed) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('b', r.b::text, 'i2', r.i2::text, 'i4', r.i4::text, 'i8', r.i8::text, 'o', r.o::text, 'n', trim_scale(r.n)::text, 'u', r.u::text,
		'nm', r.nm::text, 't', r.t, 'vc', r.vc, 'c', r.c::text, 'd', r.d, 'ts', r.ts, 'tz', r.tz AT TIME ZONE 'UTC', 'dom', r.dom)) $$;
INSERT INTO typed VALUES (true, -1, 2147483647, -9223372036854775808, 4294967295, 1.500, '00000000-0000-4000-8000-00000000000A', 'nm', 'Grüße', '', 'ab', '2026-11-27', '2026-11-27 12:34:56.789', '2026-11-27 12:34:56+09', 'dom', 'all'),
	(false, 0, 0, 0, 0, 100, gen_random_uuid(), '', '"\', 'x', '', 'infinity', '-infinity', 'infinity', '', 'others'),
	(NULL, NULL, NULL, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, '0044-03-15 BC', NULL, NULL, NULL, 'nulls'),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'nothing');
SELECT is(pg_temp.shows(v, 'typed', 'v', pg_temp.context_of(typed)), plain, what || ' is context as documented')
  FROM typed JOIN (VALUES ('all', 'a value of every type'), ('others', 'another'), ('nulls', 'one with nulls, which are left out,'), ('nothing', 'none at all')) w (plain, what)
	ON pg_temp.shows(v, 'typed', 'v', pg_temp.context_of(typed)) = plain ORDER BY plain;
SET LOCAL DateStyle = 'SQL, DMY';
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL IntervalStyle = 'sql_standard';
SET LOCAL extra_float_digits = -15;
SET LOCAL bytea_output = 'escape';
INSERT INTO typed SELECT b, i2, i4, i8, o, n, u, nm, t, vc, c, d, ts, tz, dom, v FROM typed;
SELECT is((SELECT count(pg_temp.shows(v, 'typed', 'v', pg_temp.context_of(typed))) FROM typed), 8::bigint, 'and the same whatever the session has set');
UPDATE typed SET n = n * 1.000, c = c || '  ', v = v || '';
SELECT is((SELECT count(DISTINCT v) || ' ' || count(pg_temp.shows(v, 'typed', 'v', pg_temp.context_of(typed))) FROM typed), '4 8', 'an equal value in another form is the same context');
UPDATE typed SET b = NOT b, dom = coalesce(dom, '') || '!';
SELECT is((SELECT count(pg_temp.shows(v, 'typed', 'v', pg_temp.context_of(typed))) FROM typed), 8::bigint, 'with another value they move');
RESET DateStyle;
RESET TimeZone;
RESET IntervalStyle;
RESET extra_float_digits;
RESET bytea_output;
SELECT is(pg_temp.verdict('INSERT INTO typed (t, v) VALUES (repeat(%L, 8100), ''x'')', 'x'), 'fine', 'a context of nearly 8192 characters does'),
	   is(pg_temp.complaint('INSERT INTO typed (t, v) VALUES (repeat(%L, 8193), ''x'')', 'x'), '22023|InvalidParameter|invalid value for encryption_context: it is longer than 8192 characters', 'one that is longer does not'),
	   is(pg_temp.complaint('INSERT INTO typed (t, v) VALUES (repeat(%L, 10000000), ''x'')', 'x'), '22023|InvalidParameter|invalid value for encryption_context: it is longer than 8192 characters', 'nor one of ten million');

-- ---- other keys, other forms ----------------------------------------------

CREATE TABLE kinds (id integer, v varchar(90), w varchar);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON kinds FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v,w', 'id', 'kinds');
SELECT is(pg_temp.verdict('INSERT INTO kinds VALUES (1, ''123456'')'), 'fine', 'varchar(n) takes what fits'),
	   is(pg_temp.complaint('INSERT INTO kinds VALUES (2, ''1234567'')'), '22001|InvalidParameter|column "v" of type character varying(90) is too short for a ciphertext', 'and refuses what does not'),
	   is(pg_temp.verdict('INSERT INTO kinds (w) VALUES (repeat(''x'', 10000))'), 'fine', 'varchar takes all');
SELECT is(max(length(v)), 90, 'to the last character') FROM kinds;
CREATE OR REPLACE TRIGGER seal BEFORE INSERT OR UPDATE ON bare FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('dummy', 'v');
SELECT is(pg_temp.verdict('INSERT INTO bare VALUES (''x'')'), '22023|InvalidParameter', 'what is no name of a key is refused'),
	   is(pg_temp.verdict('INSERT INTO bare VALUES (NULL)'), 'fine', 'when it is needed');
CREATE TABLE by_id (id integer, v text);
SELECT format('CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON by_id FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%L, ''v'', ''id'')', :'sm4') \gexec
INSERT INTO by_id VALUES (1, 'SM4'), (2, repeat('x', 7000));
UPDATE by_id SET id = id + 1, v = v || '';
SELECT is(string_agg(left(pg_temp.shows(v, 'by_id', 'v', pg_temp.id(id)), 5), '|' ORDER BY id), 'SM4|xxxxx', 'a key may be named by its id, and of another cipher') FROM by_id;

/* Triggers beside it. */
CREATE FUNCTION kms_test_data.numbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id = NEW.id * 2; RETURN NEW; END $$;
CREATE TRIGGER a_before BEFORE INSERT ON by_id FOR EACH ROW EXECUTE FUNCTION kms_test_data.numbered();
INSERT INTO by_id VALUES (50, 'numbered');
SELECT is(pg_temp.shows(v, 'by_id', 'v', pg_temp.id(id)), 'numbered', 'what a trigger before it sets is context') FROM by_id WHERE id = 100;
CREATE TRIGGER other BEFORE INSERT OR UPDATE ON kinds FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'w', 'id');
SELECT is(pg_temp.complaint('INSERT INTO kinds VALUES (3, ''x'')'), '55000|InvalidParameter|column "w" is encrypted by two triggers, "other" and "seal"', 'two triggers for a column are refused');
CREATE OR REPLACE TRIGGER seal BEFORE INSERT OR UPDATE ON kinds FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v', 'id', 'kinds');
INSERT INTO kinds VALUES (4, 'x', 'y');
SELECT is(pg_temp.shows(v, 'kinds', 'v', pg_temp.id(4)) || pg_temp.shows(w, 'kinds', 'w', pg_temp.id(4)), 'xy', 'two for two columns are not') FROM kinds WHERE id = 4;
CREATE OR REPLACE TRIGGER other BEFORE INSERT OR UPDATE ON kinds FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'w', 'v');
SELECT is(pg_temp.complaint('INSERT INTO kinds VALUES (5, ''x'', ''y'')'), '22023|InvalidParameter|column "v" is encrypted and cannot be context', 'unless one is the other''s context');
ALTER TABLE kinds DISABLE TRIGGER other;
SELECT is(pg_temp.verdict('INSERT INTO kinds VALUES (5, ''x'', ''y'')'), 'fine', 'a trigger that is disabled does not count');

/* COPY, RETURNING, MERGE. */
CREATE TABLE copied (id integer PRIMARY KEY, v text);
CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON copied FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/column', 'v', 'id', 'copied');
COPY copied FROM stdin;
1	one
2	two
3	\N
\.
SELECT is(string_agg(coalesce(pg_temp.shows(v, 'copied', 'v', pg_temp.id(id)), '-'), '|' ORDER BY id), 'one|two|-', 'COPY encrypts') FROM copied;
MERGE INTO copied c USING (VALUES (1, 'merged'), (4, 'inserted')) s (id, v) ON c.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
SELECT is(string_agg(coalesce(pg_temp.shows(v, 'copied', 'v', pg_temp.id(id)), '-'), '|' ORDER BY id), 'merged|two|-|inserted', 'so does MERGE') FROM copied;
WITH made AS (INSERT INTO copied VALUES (5, 'returned') RETURNING *) SELECT is(pg_temp.shows(v, 'copied', 'v', pg_temp.id(id)), 'returned', 'RETURNING gives the ciphertext') FROM made;

/* session_replication_role = replica: triggers are off, unless they are always on. */
RESET ROLE;
SELECT kms_grant(:'key', current_user::text, '{Encrypt}') \g /dev/null
SET LOCAL session_replication_role = replica;
INSERT INTO copied SELECT 6, v FROM copied WHERE id = 2;
SELECT is(count(*), 1::bigint, 'as a replica the trigger does not fire') FROM copied a JOIN copied b USING (v) WHERE a.id = 2 AND b.id = 6;
ALTER TABLE copied ENABLE ALWAYS TRIGGER seal;
INSERT INTO copied VALUES (7, 'replica');
INSERT INTO copied SELECT * FROM copied WHERE id = 7 ON CONFLICT (id) DO UPDATE SET v = excluded.v;
SET LOCAL session_replication_role = origin;
SET ROLE kms_test_owner;
SELECT is(pg_temp.shows(v, 'copied', 'v', pg_temp.id(7)), 'replica', 'unless it is always enabled') FROM copied WHERE id = 7;

-- ---- errors without end, uses, memory -------------------------------------

CREATE FUNCTION pg_temp.stumble(times integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	refused integer = 0;
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			CASE i % 3
				WHEN 0 THEN INSERT INTO copied SELECT 1000 + i, v FROM copied WHERE id = 1;
				WHEN 1 THEN INSERT INTO copied VALUES (1, 'x');
				WHEN 2 THEN UPDATE copied SET v = overlay(v PLACING 'AAAA' FROM 70) WHERE id = 1;
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			refused = refused + 1;
		END;
	END LOOP;
	RETURN refused || ' refused';
END
$$;
SELECT is(pg_temp.stumble(999), '999 refused', 'a thousand errors caught in a row');
SELECT is(pg_temp.shows(v, 'copied', 'v', pg_temp.id(1)), 'merged', 'leave everything as it was') FROM copied WHERE id = 1;
SELECT coalesce(sum(calls), 0) AS calls FROM kms.key_usage WHERE key_id = :'key' AND operation = 'Encrypt' \gset
INSERT INTO copied SELECT n, 'counted' FROM generate_series(10001, 60000) n;
SELECT is(sum(calls), :calls + 50000::numeric, 'each value encrypted is a call of Encrypt') FROM kms.key_usage WHERE key_id = :'key' AND operation = 'Encrypt';
UPDATE copied SET v = v WHERE id > 10000;
SELECT is(sum(calls), :calls + 50000::numeric, 'what stays is none') FROM kms.key_usage WHERE key_id = :'key' AND operation = 'Encrypt';
SELECT is((SELECT count(*) FROM copied WHERE id > 10000 AND pg_temp.shows(v, 'copied', 'v', pg_temp.id(id)) = 'counted'), 50000::bigint, 'and every one of them opens');

SELECT * FROM finish();
ROLLBACK;
