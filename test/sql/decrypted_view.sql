-- The view with decrypted columns: read, and written by.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(138);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_reader;
CREATE ROLE kms_test_writer;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_owner;
CREATE SCHEMA kms_test_data AUTHORIZATION kms_test_owner;
CREATE SCHEMA kms_test_more AUTHORIZATION kms_test_owner;
GRANT USAGE ON SCHEMA kms_test_data TO PUBLIC;
SET search_path = kms_test_data, kms_test_more, public;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key \gset
SELECT kms_create_alias(:'key', 'alias/view') \g /dev/null
SELECT kms_grant(:'key', 'kms_test_reader', '{Decrypt}'), kms_grant(:'key', 'kms_test_writer', '{Encrypt}') \g /dev/null

CREATE TABLE customer (id integer PRIMARY KEY, ssn text, card bytea, vc varchar(500), note text DEFAULT 'noted');
INSERT INTO customer VALUES (1, 'old', 'old', 'old'), (2, 'ssn 2', 'card 2', 'vc 2'), (3, NULL, NULL, NULL), (4, '', '', '');
SELECT kms_protect_column('customer', c, 'alias/view') FROM unnest(ARRAY['ssn', 'card', 'vc']) c \g /dev/null
UPDATE customer SET ssn = ssn, card = card, vc = vc WHERE id > 1;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer_decrypted TO kms_test_reader, kms_test_writer, kms_test_stranger;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer TO kms_test_reader, kms_test_writer;

-- ---- reading ----------------------------------------------------------------

SELECT is((SELECT string_agg(concat_ws('|', id, coalesce(ssn, '-'), coalesce(convert_from(card, 'UTF8'), '-'), coalesce(vc, '-')), ' ' ORDER BY id) FROM customer_decrypted), '1|old|old|old 2|ssn 2|card 2|vc 2 3|-|-|- 4|||', 'it reads what is encrypted, what is not yet, NULL and nothing'),
	   is((SELECT count(*) FROM customer WHERE ssn LIKE 'kms:1:%'), 2::bigint, 'while the table has ciphertext'),
	   is((SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'customer_decrypted'::regclass), 'integer,text,bytea,character varying(500),text', 'types are the table''s');
SELECT is(pg_temp.verdict_as('kms_test_reader', 'SELECT * FROM kms_test_data.customer_decrypted'), 'fine', 'who may decrypt reads'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT * FROM kms_test_data.customer_decrypted'), '42501|Forbidden.NoPermission', 'who may not does not'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT id, note FROM kms_test_data.customer_decrypted'), 'fine', 'but the columns that are not encrypted'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT count(*) FROM kms_test_data.customer_decrypted WHERE note = ''noted'''), 'fine', 'or how many there are'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT ssn FROM kms_test_data.customer_decrypted WHERE id IN (1, 3)'), 'fine', 'and what is plaintext or NULL'),
	   is(pg_temp.verdict_as('kms_test_writer', 'SELECT id FROM kms_test_data.customer_decrypted ORDER BY ssn'), '42501|Forbidden.NoPermission', 'not what is sorted by one that is'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT id FROM kms_test_data.customer_decrypted'), '42501|', 'a right to the view is none to the table');
GRANT SELECT (id, ssn, card) ON customer TO kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT id FROM kms_test_data.customer_decrypted'), '42501|', 'nor is one to some of its columns');
GRANT SELECT (vc, note) ON customer TO kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT id FROM kms_test_data.customer_decrypted'), 'fine', 'one to all of them will do'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT ssn FROM kms_test_data.customer_decrypted WHERE id = 2'), '42501|Forbidden.NoPermission', 'which is none to decrypt');
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT ssn FROM customer_decrypted'), '42501|Forbidden.NoPermission', 'nor has a superuser one by himself');
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_stranger', '{Decrypt}', '{"column": "ssn"}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT ssn FROM kms_test_data.customer_decrypted'), 'fine', 'a grant may be of a column'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT card FROM kms_test_data.customer_decrypted'), '42501|Forbidden.NoPermission', 'and of no other');

/* What does not open. */
SAVEPOINT damaged;
ALTER TABLE customer DISABLE TRIGGER USER;
UPDATE customer SET ssn = overlay(ssn PLACING 'AAAA' FROM 75) WHERE id = 2;
UPDATE customer SET card = (SELECT card FROM customer WHERE id = 2) WHERE id = 4;
UPDATE customer SET vc = 'kms:1:' || repeat('A', 76) WHERE id = 4;
SELECT is(pg_temp.complaint('SELECT ssn FROM customer_decrypted WHERE id = 2'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'a damaged value is an error'),
	   is(pg_temp.complaint('SELECT card FROM customer_decrypted WHERE id = 4'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'so is another row''s'),
	   is(pg_temp.verdict('SELECT id, note, card FROM customer_decrypted WHERE id = 2'), 'fine', 'what is beside it is read');
UPDATE customer SET vc = 'kms:1:AAAA', card = '\x01020304', ssn = 'kms:1:not base64!' WHERE id = 4;
SELECT is((SELECT format('%s %s %s', ssn, card, vc) FROM customer_decrypted WHERE id = 4), 'kms:1:not base64! \x01020304 kms:1:AAAA', 'what is no ciphertext is shown as it is');
ROLLBACK TO damaged;
SELECT kms_disable_key(:'key') \g /dev/null
SELECT is(pg_temp.verdict('SELECT ssn FROM customer_decrypted WHERE id = 2'), '55000|Rejected.Disabled', 'with its key disabled nothing opens'),
	   is((SELECT ssn FROM customer_decrypted WHERE id = 1), 'old', 'but plaintext is read');
SELECT kms_enable_key(:'key') \g /dev/null

/* Parallel, prepared, as part of a function. */
PREPARE one(integer) AS SELECT ssn FROM customer_decrypted WHERE id = $1;
EXECUTE one(2) \g /dev/null
SET LOCAL plan_cache_mode = force_generic_plan;
CREATE FUNCTION pg_temp.ssn_of(wanted integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT ssn FROM customer_decrypted WHERE id = wanted); END $$;
SELECT is(pg_temp.ssn_of(2) || pg_temp.ssn_of(1) || pg_temp.ssn_of(2), 'ssn 2oldssn 2', 'it is read in functions');
RESET plan_cache_mode;
RESET ROLE;
CREATE FUNCTION kms_test_data.definer(wanted integer) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT ssn FROM kms_test_data.customer_decrypted WHERE id = wanted $$;
ALTER FUNCTION kms_test_data.definer(integer) OWNER TO kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_writer', 'SELECT kms_test_data.definer(2)'), 'fine', 'one that runs as the owner reads as the owner');
SET ROLE kms_test_owner;

-- ---- writing: INSERT --------------------------------------------------------

INSERT INTO customer_decrypted (id, ssn, card, vc) VALUES (10, 'ssn 10', 'card 10', 'vc 10');
SELECT is((SELECT format('%s %s %s %s', left(ssn, 6), octet_length(card), left(vc, 6), note) FROM customer WHERE id = 10), 'kms:1: 64 kms:1: noted', 'what is inserted is encrypted, with the table''s defaults'),
	   is((SELECT format('%s %s %s', ssn, convert_from(card, 'UTF8'), vc) FROM customer_decrypted WHERE id = 10), 'ssn 10 card 10 vc 10', 'and read');
WITH made AS (INSERT INTO customer_decrypted (id, ssn) VALUES (11, 'ssn 11') RETURNING *) SELECT is(made::text, '(11,"ssn 11",,,noted)', 'RETURNING gives what was written, and defaults') FROM made;
WITH made AS (INSERT INTO customer_decrypted VALUES (12, NULL, '', NULL, NULL), (13, repeat('ü', 10000), NULL, NULL, 'x') RETURNING *) SELECT is(string_agg(format('%s %s %s', id, length(ssn), note), ', ' ORDER BY id), '12  noted, 13 10000 x', 'a NULL counts as not given where there is a default') FROM made;
INSERT INTO customer_decrypted SELECT n, 'ssn ' || n FROM generate_series(20, 29) n;
SELECT is((SELECT count(*) FROM customer_decrypted d JOIN customer c USING (id) WHERE id BETWEEN 20 AND 29 AND d.ssn = 'ssn ' || id AND c.ssn LIKE 'kms:1:%'), 10::bigint, 'rows of a query are inserted');
COPY customer_decrypted FROM stdin;
30	copied	\\x0001	vc	n
31	\N	\N	\N	\N
\.
COPY customer_decrypted (id, ssn) FROM stdin;
32	kms:1:AAAA
\.
SELECT is((SELECT string_agg(concat_ws('|', id, ssn, card, vc, note), ' ' ORDER BY id) FROM customer_decrypted WHERE id BETWEEN 30 AND 32), '30|copied|\x0001|vc|n 31|noted 32|kms:1:AAAA|noted', 'COPY FROM writes by the view'),
	   is((SELECT count(*) FROM customer WHERE id BETWEEN 30 AND 32 AND ssn LIKE 'kms:1:%' AND length(ssn) >= 82), 2::bigint, 'and it is encrypted');
SELECT is(pg_temp.verdict('INSERT INTO customer_decrypted (id) VALUES (1)'), '23505|Key (id)=(1) already exists.', 'constraints of the table hold'),
	   is(pg_temp.verdict('INSERT INTO customer_decrypted (id, vc) VALUES (40, repeat(''x'', 400))'), '22001|InvalidParameter', 'and the length of its columns'),
	   is(pg_temp.verdict('INSERT INTO customer_decrypted (id) VALUES (1) ON CONFLICT DO NOTHING'), '23505|Key (id)=(1) already exists.', 'as it is a view ON CONFLICT does nothing'),
	   is(pg_temp.verdict('INSERT INTO customer_decrypted (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn'), '42P10|', 'or is refused');
SELECT is(pg_temp.verdict_as('kms_test_writer', 'INSERT INTO kms_test_data.customer_decrypted (id, ssn) VALUES (41, ''x'')'), 'fine', 'who may encrypt inserts'),
	   is(pg_temp.verdict_as('kms_test_reader', 'INSERT INTO kms_test_data.customer_decrypted (id, ssn) VALUES (42, ''x'')'), '42501|Forbidden.NoPermission', 'who may not does not'),
	   is(pg_temp.verdict_as('kms_test_reader', 'INSERT INTO kms_test_data.customer_decrypted (id, note) VALUES (42, ''x'')'), 'fine', 'but what is not encrypted'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'INSERT INTO kms_test_data.customer_decrypted (id) VALUES (43)'), '42501|', 'a right to the view is none to the table');
SELECT is((SELECT count(*) FROM customer WHERE id BETWEEN 40 AND 49), 2::bigint, 'what was refused is not there');
GRANT INSERT (id, ssn, card, vc) ON customer TO kms_test_stranger;
REVOKE SELECT (id, ssn, card, vc, note) ON customer FROM kms_test_stranger;
SELECT kms_grant(:'key', 'kms_test_stranger', '{Encrypt}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'INSERT INTO kms_test_data.customer_decrypted (id, ssn) VALUES (43, ''x'')'), 'fine', 'one to the columns without a default will do'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'INSERT INTO kms_test_data.customer_decrypted (id, note) VALUES (44, ''x'')'), '42501|', 'the others need theirs');
CREATE FUNCTION pg_temp.returned(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET ROLE %I', role);
	EXECUTE statement INTO result;
	SET ROLE kms_test_owner;
	RETURN result;
END $$;
SELECT is(pg_temp.returned('kms_test_writer', 'INSERT INTO kms_test_data.customer_decrypted (id, ssn) VALUES (45, ''x'') RETURNING note'), 'noted', 'RETURNING gives defaults to who may read the table'),
	   is(pg_temp.returned('kms_test_stranger', 'INSERT INTO kms_test_data.customer_decrypted (id, ssn) VALUES (46, ''x'') RETURNING concat(id, ssn, note)'), '46x', 'to others what they wrote');

-- ---- writing: UPDATE --------------------------------------------------------

CREATE TEMP TABLE before AS SELECT * FROM customer;
CREATE FUNCTION pg_temp.kept(wanted integer) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(',', CASE WHEN b.ssn IS NOT DISTINCT FROM c.ssn THEN 'ssn' END, CASE WHEN b.card IS NOT DISTINCT FROM c.card THEN 'card' END, CASE WHEN b.vc IS NOT DISTINCT FROM c.vc THEN 'vc' END) FROM customer c JOIN before b USING (id) WHERE id = wanted $$;
UPDATE customer_decrypted SET note = 'changed' WHERE id = 10;
SELECT is(pg_temp.kept(10), 'ssn,card,vc', 'an update of another column leaves the ciphertexts byte for byte'),
	   is((SELECT note FROM customer WHERE id = 10), 'changed', 'and is done');
UPDATE customer_decrypted SET ssn = 'new' WHERE id = 10;
SELECT is(pg_temp.kept(10), 'card,vc', 'one of an encrypted column leaves the others'),
	   is((SELECT ssn FROM customer_decrypted WHERE id = 10), 'new', 'and is read');
UPDATE customer_decrypted SET ssn = ssn, card = card || '', vc = vc, id = id WHERE id = 11;
SELECT is(pg_temp.kept(11), 'ssn,card,vc', 'one to the same leaves all');
UPDATE customer_decrypted SET ssn = NULL, card = NULL, vc = NULL, note = NULL WHERE id = 10;
SELECT is((SELECT customer::text FROM customer WHERE id = 10), '(10,,,,)', 'NULL is NULL, also where there is a default');
UPDATE customer_decrypted SET ssn = 'again' WHERE id = 10;
SELECT is((SELECT ssn FROM customer_decrypted WHERE id = 10), 'again', 'and is something again');
UPDATE customer_decrypted SET id = id + 1000 WHERE id IN (2, 13, 30);
SELECT is((SELECT string_agg(format('%s %s', id, left(ssn, 6)), ',' ORDER BY id) FROM customer_decrypted WHERE id > 1000), '1002 ssn 2,1013 üüüüüü,1030 copied', 'with another primary key a row moves and opens');
UPDATE customer_decrypted SET id = 2, ssn = 'both' WHERE id = 1002;
SELECT is((SELECT format('%s %s', ssn, convert_from(card, 'UTF8')) FROM customer_decrypted WHERE id = 2), 'both card 2', 'also with a new value at once');
WITH made AS (UPDATE customer_decrypted SET ssn = 'returned' WHERE id = 2 RETURNING *) SELECT is(made::text, '(2,returned,"\\x636172642032","vc 2",noted)', 'RETURNING gives the plaintext') FROM made;
UPDATE customer_decrypted SET note = 'many' WHERE id BETWEEN 20 AND 29;
SELECT is((SELECT count(*) FROM customer c JOIN before b USING (id, ssn) WHERE c.note = 'many'), 10::bigint, 'many rows are updated by one statement');
UPDATE customer_decrypted SET note = (id % 2)::text, ssn = CASE WHEN id % 3 = 0 THEN 'third' ELSE ssn END WHERE id BETWEEN 20 AND 29;
SELECT is((SELECT string_agg(format('%s %s', ssn, note), ',' ORDER BY id) FROM customer_decrypted WHERE id BETWEEN 20 AND 23), 'ssn 20 0,third 1,ssn 22 0,ssn 23 1', 'each in other columns');
UPDATE customer_decrypted d SET ssn = o.ssn FROM customer_decrypted o WHERE d.id = 1 AND o.id = 20;
SELECT is((SELECT ssn FROM customer_decrypted WHERE id = 1), 'ssn 20', 'what was read in another row is written, and opens');
SELECT is(pg_temp.verdict_as('kms_test_reader', 'UPDATE kms_test_data.customer_decrypted SET note = ''x'' WHERE id = 20'), 'fine', 'who may decrypt updates what is not encrypted'),
	   is(pg_temp.verdict_as('kms_test_reader', 'UPDATE kms_test_data.customer_decrypted SET ssn = ''x'' WHERE id = 20'), '42501|Forbidden.NoPermission', 'and not what is'),
	   is(pg_temp.verdict_as('kms_test_writer', 'UPDATE kms_test_data.customer_decrypted SET note = ''x'' WHERE id = 20'), '42501|Forbidden.NoPermission', 'who may not decrypt updates the table, since the view reads the whole row'),
	   is(pg_temp.verdict_as('kms_test_writer', 'UPDATE kms_test_data.customer SET note = ''x'', ssn = ''x'' WHERE id = 20'), 'fine', 'where he may'),
	   is(pg_temp.verdict('UPDATE customer_decrypted SET id = 1 WHERE id = 20'), '23505|Key (id)=(1) already exists.', 'constraints of the table hold');

-- ---- writing: DELETE --------------------------------------------------------

DELETE FROM customer_decrypted WHERE ssn = 'third';
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM customer WHERE id BETWEEN 20 AND 29), '20,22,23,25,26,28,29', 'rows are deleted by what is encrypted in them');
WITH gone AS (DELETE FROM customer_decrypted WHERE id = 22 RETURNING ssn) SELECT is(ssn, 'ssn 22', 'RETURNING gives what it was') FROM gone;
SELECT is(pg_temp.verdict_as('kms_test_reader', 'DELETE FROM kms_test_data.customer_decrypted WHERE id = 23'), 'fine', 'who may delete deletes'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'DELETE FROM kms_test_data.customer_decrypted WHERE id = 25'), '42501|', 'a right to the view is none to the table');
DELETE FROM customer_decrypted WHERE id = 4711;
SELECT is((SELECT count(*) FROM customer WHERE id BETWEEN 20 AND 29), 5::bigint, 'nothing else is');

-- ---- defaults, identities, generated columns ---------------------------------

CREATE TABLE typed (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text NOT NULL DEFAULT 'none', n integer DEFAULT 7, g integer GENERATED ALWAYS AS (n * 2) STORED, gone text, u uuid DEFAULT gen_random_uuid());
ALTER TABLE typed DROP gone;
SELECT kms_protect_column('typed', 'v', 'alias/view') \g /dev/null
WITH made AS (INSERT INTO typed_decrypted DEFAULT VALUES RETURNING *) SELECT is((made.id, made.n, made.g, made.u IS NOT NULL)::text, '(1,7,14,t)', 'without values there are defaults, identity and generated columns') FROM made;
WITH made AS (INSERT INTO typed_decrypted (v, n, g, u) VALUES ('v', 1, 99, NULL) RETURNING *) SELECT is((made.id, made.v, made.n, made.g, made.u IS NOT NULL)::text, '(2,v,1,2,t)', 'a generated column is not written') FROM made;
SELECT is((SELECT string_agg(v, ',' ORDER BY id) FROM typed_decrypted), 'none,v', 'a default is encrypted');
SELECT is(pg_temp.verdict('INSERT INTO typed_decrypted (id) VALUES (50)') ~ '^428C9', true, 'an identity that is always generated is not given'),
	   is(pg_temp.verdict('UPDATE typed_decrypted SET id = 50 WHERE id = 1') ~ '^428C9', true, 'nor changed'),
	   is(pg_temp.verdict('UPDATE typed_decrypted SET n = 5, v = ''five'' WHERE id = 1'), 'fine', 'what is beside it is');
SELECT is((SELECT format('%s %s %s', v, n, g) FROM typed_decrypted WHERE id = 1), 'five 5 10', 'and what is generated follows');
CREATE TABLE by_default (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text);
SELECT kms_protect_column('by_default', 'v', 'alias/view') \g /dev/null
INSERT INTO by_default_decrypted (v) VALUES ('a'), ('b');
INSERT INTO by_default_decrypted VALUES (50, 'c');
UPDATE by_default_decrypted SET id = 51 WHERE id = 2;
SELECT is((SELECT string_agg(id || v, ',' ORDER BY id) FROM by_default_decrypted), '1a,50c,51b', 'one that is generated by default is given, and changed');
CREATE TABLE numbered (id serial PRIMARY KEY, v text);
SELECT kms_protect_column('numbered', 'v', 'alias/view') \g /dev/null
WITH made AS (INSERT INTO numbered_decrypted (v) VALUES ('a'), ('b') RETURNING *) SELECT is(string_agg(id || v, ',' ORDER BY id), '1a,2b', 'a serial number is returned') FROM made;
CREATE TABLE needed (id integer PRIMARY KEY, v text NOT NULL);
SELECT kms_protect_column('needed', 'v', 'alias/view') \g /dev/null
SELECT is(pg_temp.verdict('INSERT INTO needed_decrypted VALUES (1, NULL)') ~ '^23502', true, 'NOT NULL holds'),
	   is(pg_temp.verdict('INSERT INTO needed_decrypted VALUES (1, ''x'')'), 'fine', 'and does not mind ciphertext'),
	   is(pg_temp.verdict('UPDATE needed_decrypted SET v = NULL') ~ '^23502', true, 'nor does it let NULL in later');

CREATE TABLE narrow (v text);
SELECT kms_protect_column('narrow', 'v', 'alias/view', '{}') \g /dev/null
WITH made AS (INSERT INTO narrow_decrypted VALUES ('a'), (NULL) RETURNING *) SELECT is(array_agg(v), '{a,NULL}', 'a table of nothing but an encrypted column is written by its view') FROM made;

-- ---- primary keys -------------------------------------------------------------

CREATE TABLE keyless (n integer, v text);
SELECT kms_protect_column('keyless', 'v', 'alias/view', '{}') \g /dev/null
INSERT INTO keyless_decrypted VALUES (1, 'v');
SELECT is((SELECT v FROM keyless_decrypted), 'v', 'without a primary key rows are inserted and read'),
	   is(pg_temp.complaint('UPDATE keyless_decrypted SET v = ''w'''), '55000|InvalidParameter|table kms_test_data.keyless has no primary key to find the row by', 'but not updated'),
	   is(pg_temp.complaint('DELETE FROM keyless_decrypted'), '55000|InvalidParameter|table kms_test_data.keyless has no primary key to find the row by', 'nor deleted'),
	   is(pg_temp.verdict('UPDATE keyless SET v = ''w'''), 'fine', 'which the table does');
ALTER TABLE keyless ADD PRIMARY KEY (n);
UPDATE keyless_decrypted SET v = 'x';
SELECT is((SELECT v FROM keyless_decrypted), 'x', 'one that is added will do');
SELECT pg_temp.verdict('CREATE TABLE "key of ' || type || '" (k ' || type || ' PRIMARY KEY, v text)'), pg_temp.verdict('SELECT kms_protect_column(%L, ''v'', ''alias/view'')', format('%I', 'key of ' || type)),
	   pg_temp.verdict('INSERT INTO %I VALUES (%L, ''a''), (%L, ''b'')', 'key of ' || type || '_decrypted', a, b), pg_temp.verdict('UPDATE %I SET v = ''c'' WHERE k = %L', 'key of ' || type || '_decrypted', a), pg_temp.verdict('DELETE FROM %I WHERE k = %L', 'key of ' || type || '_decrypted', b)
  FROM (VALUES ('text', 'a', 'A'), ('uuid', '00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'), ('char(5)', 'a', 'b'), ('numeric', '1.50', '2'), ('date', '2026-01-01', '2026-01-02'), ('timestamptz', '2026-01-01 00:00+00', '2026-01-02 00:00+00'), ('boolean', 't', 'f'), ('name', 'a', 'b'), ('varchar(10)', 'a', 'b'), ('bigint', '1', '2')) t (type, a, b) \g /dev/null
SET LOCAL DateStyle = 'ISO';
SET LOCAL TimeZone = 'UTC';
CREATE FUNCTION pg_temp.left_of(type text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE result text; BEGIN EXECUTE format('SELECT string_agg(k || '' '' || v, '','') FROM %I', 'key of ' || type || '_decrypted') INTO result; RETURN result; END $$;
SELECT is(pg_temp.left_of(type), a || ' c', 'a primary key of ' || type || ' tells the row')
  FROM (VALUES ('text', 'a'), ('uuid', '00000000-0000-4000-8000-00000000000a'), ('char(5)', 'a'), ('numeric', '1.50'), ('date', '2026-01-01'), ('timestamptz', '2026-01-01 00:00:00+00'), ('boolean', 'true'), ('name', 'a'), ('varchar(10)', 'a'), ('bigint', '1')) t (type, a);
CREATE TABLE composite (a integer, b text COLLATE "C", v text, c date, PRIMARY KEY (c, a, b));
SELECT kms_protect_column('composite', 'v', 'alias/view') \g /dev/null
INSERT INTO composite_decrypted VALUES (1, 'x', 'one', '2026-01-01'), (1, 'y', 'two', '2026-01-01'), (2, 'x', 'three', '2026-01-01'), (1, 'x', 'four', '2026-01-02');
UPDATE composite_decrypted SET v = upper(v) WHERE b = 'x' AND a = 1;
DELETE FROM composite_decrypted WHERE v = 'two';
UPDATE composite_decrypted SET a = 5 WHERE v = 'three';
SELECT is((SELECT string_agg(a || b || v, ',' ORDER BY c, a, b) FROM composite_decrypted), '1xONE,5xthree,1xFOUR', 'so does one of three columns');
CREATE DOMAIN number AS integer CHECK (VALUE > 0);
CREATE TABLE domained (id number PRIMARY KEY, v text);
SELECT kms_protect_column('domained', 'v', 'alias/view') \g /dev/null
INSERT INTO domained_decrypted VALUES (1, 'one'), (2, 'two');
UPDATE domained_decrypted SET v = 'three' WHERE id = 2;
SELECT is((SELECT string_agg(id || v, ',' ORDER BY id) FROM domained_decrypted), '1one,2three', 'so does one of a domain'),
	   is(pg_temp.verdict('INSERT INTO domained_decrypted VALUES (0, ''x'')') ~ '^23514', true, 'which holds');

-- ---- row security, leaks --------------------------------------------------------

CREATE TABLE tenant (id integer PRIMARY KEY, owner name, v text);
SELECT kms_protect_column('tenant', 'v', 'alias/view') \g /dev/null
INSERT INTO tenant_decrypted VALUES (1, 'kms_test_reader', 'mine'), (2, 'kms_test_writer', 'theirs'), (3, 'kms_test_reader', 'mine, too');
GRANT ALL ON tenant, tenant_decrypted TO kms_test_reader;
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenant USING (owner = current_user);
SELECT kms_grant(:'key', 'kms_test_reader', '{Encrypt}') \g /dev/null
SELECT is((SELECT count(*) FROM tenant_decrypted), 3::bigint, 'the owner sees all rows');
SET ROLE kms_test_reader;
SELECT is((SELECT string_agg(v, '|' ORDER BY id) FROM tenant_decrypted), 'mine|mine, too', 'policies of the table hold in the view'),
	   is(pg_temp.verdict('INSERT INTO tenant_decrypted VALUES (4, ''kms_test_writer'', ''x'')') ~ '^42501', true, 'what they do not let in is not inserted'),
	   is(pg_temp.verdict('INSERT INTO tenant_decrypted VALUES (4, ''kms_test_reader'', ''x'')'), 'fine', 'what they do is'),
	   is(pg_temp.verdict('UPDATE tenant_decrypted SET owner = ''kms_test_writer'' WHERE id = 4') ~ '^42501', true, 'nor updated');
UPDATE tenant_decrypted SET v = 'x';
DELETE FROM tenant_decrypted WHERE id <> 1;
RESET ROLE;
SET ROLE kms_test_owner;
SELECT is((SELECT string_agg(id || v, ',' ORDER BY id) FROM tenant_decrypted), '1x,2theirs', 'rows that are not seen are neither updated nor deleted');

CREATE FUNCTION kms_test_data.leak(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN IF value ~ 'theirs' THEN RAISE EXCEPTION 'leaked %', value; END IF; RETURN true; END $$;
SET ROLE kms_test_reader;
SELECT is((SELECT count(*) FROM tenant_decrypted WHERE kms_test_data.leak(v)), 1::bigint, 'a function of the reader''s sees only rows that the policy lets through');
RESET ROLE;
SET ROLE kms_test_owner;
CREATE VIEW few WITH (security_barrier) AS SELECT * FROM tenant_decrypted WHERE owner = 'kms_test_reader';
SELECT is((SELECT count(*) FROM few WHERE leak(v)), 1::bigint, 'or the qualifier of a barrier upon it');

-- ---- triggers of the table --------------------------------------------------------

CREATE TABLE watched (id integer PRIMARY KEY, v text, note text);
SELECT kms_protect_column('watched', 'v', 'alias/view') \g /dev/null
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RETURN CASE WHEN OLD.id <> 2 THEN OLD END;
	END IF;
	NEW.note = concat(NEW.note, '+');
	RETURN CASE WHEN NEW.id < 100 AND NEW.v IS DISTINCT FROM 'no' THEN NEW END;
END $$;
CREATE TRIGGER watch BEFORE INSERT OR UPDATE OR DELETE ON watched FOR EACH ROW EXECUTE FUNCTION watch();
WITH made AS (INSERT INTO watched_decrypted VALUES (1, 'a', NULL), (2, 'b', 'n'), (100, 'c', NULL) RETURNING *) SELECT is(string_agg(id || v || note, ',' ORDER BY id), '1a+,2bn+', 'RETURNING has what triggers of the table made of it, and no row that they held back') FROM made;
SELECT is((SELECT count(*) FROM watched), 2::bigint, 'which is not there');
WITH made AS (UPDATE watched_decrypted SET v = CASE id WHEN 1 THEN 'no' ELSE 'yes' END RETURNING *) SELECT is(string_agg(id || v || note, ','), '2yesn++', 'the same holds for updates') FROM made;
UPDATE watched_decrypted SET note = note WHERE id = 1;
SELECT is((SELECT note FROM watched WHERE id = 1), '++', 'an update that changes nothing is one for triggers');
WITH gone AS (DELETE FROM watched_decrypted RETURNING *) SELECT is(string_agg(id::text, ','), '1', 'and for deletes') FROM gone;
SELECT is((SELECT string_agg(id || v, ',') FROM watched_decrypted), '2yes', 'which keep what is held back');

-- ---- names and columns that change ------------------------------------------------

ALTER TABLE customer RENAME COLUMN note TO remark;
ALTER TABLE customer RENAME TO person;
ALTER TABLE person SET SCHEMA kms_test_more;
ALTER VIEW customer_decrypted RENAME TO clear;
ALTER VIEW clear RENAME COLUMN card TO "Card No";
INSERT INTO clear (id, ssn, "Card No", note) VALUES (500, 'renamed', 'card', 'n');
UPDATE clear SET "Card No" = 'other', note = 'm' WHERE id = 500;
SELECT is((SELECT format('%s %s %s', ssn, convert_from("Card No", 'UTF8'), note) FROM clear WHERE id = 500), 'renamed other m', 'a table that is renamed and moved, with its columns and its view, is written and read'),
	   is((SELECT format('%s %s %s', left(ssn, 6), octet_length(card), remark) FROM person WHERE id = 500), 'kms:1: 62 m', 'in its columns'),
	   is((SELECT ssn FROM clear WHERE id = 2), 'returned', 'what was there opens'),
	   is((SELECT DISTINCT decrypted_view::text FROM kms.protected_columns WHERE relation = 'person'::regclass), 'clear', 'and the view is known by its new name');
ALTER VIEW clear SET SCHEMA kms_test_more;
RESET ROLE;
ALTER SCHEMA kms_test_more RENAME TO "Kms Test";
SET search_path = kms_test_data, "Kms Test", public;
SET ROLE kms_test_owner;
UPDATE clear SET ssn = 'again' WHERE id = 500;
SELECT is((SELECT ssn FROM clear WHERE id = 500), 'again', 'also in a schema that is renamed');
ALTER TABLE person ADD added text DEFAULT 'added', ADD secret text;
SELECT is((SELECT count(*) FROM pg_attribute WHERE attrelid = 'clear'::regclass AND attname = 'added'), 0::bigint, 'a column that is added is not in the view'),
	   is(pg_temp.verdict('INSERT INTO clear (id) VALUES (501)'), 'fine', 'which goes on');
SELECT is((SELECT added FROM person WHERE id = 501), 'added', 'and leaves it its default');
SELECT kms_protect_column('person', 'secret', 'alias/view') \g /dev/null
SELECT is((SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'clear'::regclass AND attnum > 0), 'id,ssn,Card No,vc,note,added,secret', 'until another column is protected: then it is there');
INSERT INTO clear (id, secret, added) VALUES (502, 'secret', 'x');
SELECT is((SELECT secret || added FROM clear WHERE id = 502), 'secretx', 'and is written');
SELECT is(pg_temp.verdict('ALTER TABLE person DROP vc') ~ '^2BP01', true, 'a column that the view shows is not dropped'),
	   is(pg_temp.verdict('ALTER TABLE person ALTER vc TYPE text') ~ '^0A000', true, 'nor altered');

/* What its owner makes of the view. */
CREATE OR REPLACE VIEW "Kms Test".clear AS SELECT id, kms.decrypt_column(ssn, 'table'::text, 'customer'::text, 'column'::text, 'ssn'::text, 'id'::text, id) AS ssn, card AS "Card No", vc, lower(remark) AS note, added, secret, 1 AS one FROM person WHERE id BETWEEN 501 AND 900;
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM clear), '501,502', 'its owner may alter the view'),
	   is(pg_temp.verdict('INSERT INTO clear (id, ssn, note, one) VALUES (503, ''altered'', ''lost'', 2)'), 'fine', 'and write by it');
SELECT is((SELECT format('%s %s', left(ssn, 6), remark) FROM person WHERE id = 503), 'kms:1: noted', 'what is no column of the table is not written');
UPDATE clear SET ssn = 'altered twice', one = 3 WHERE id = 503;
SELECT is((SELECT ssn FROM clear WHERE id = 503), 'altered twice', 'nor updated');
SELECT pg_get_viewdef('clear') AS definition \gset
ALTER TABLE person ADD late text;
SELECT kms_protect_column('person', 'late', 'alias/view') \g /dev/null
SELECT is(pg_get_viewdef('clear'), :'definition'::text, 'with another column protected it stays as it is, condition and all'),
	   is((SELECT count(*) FROM kms.protected_columns WHERE relation = 'person'::regclass AND column_name = 'late'), 1::bigint, 'the column is protected');
SELECT kms_unprotect_column('person', 'late') \g /dev/null
SELECT is(pg_get_viewdef('clear'), :'definition'::text, 'taken back it stays, too');
CREATE OR REPLACE VIEW "Kms Test".clear AS SELECT p.id, p.ssn, p.card AS "Card No", p.vc, p.remark AS note, p.added, p.secret, 1 AS one FROM person p, typed;
SELECT is(pg_temp.complaint('INSERT INTO clear (id) VALUES (504)'), '55000|InvalidParameter|view "clear" does not read from one table', 'one of two tables is not written by'),
	   is(pg_temp.complaint('DELETE FROM clear'), '55000|InvalidParameter|view "clear" does not read from one table', 'nor deleted from');
CREATE OR REPLACE VIEW "Kms Test".clear AS SELECT 1 AS id, ssn, card AS "Card No", vc, remark AS note, added, secret, 1 AS one FROM person;
SELECT is(pg_temp.verdict('UPDATE clear SET note = ''x'''), '55000|InvalidParameter', 'one without the primary key is not updated');
CREATE OR REPLACE VIEW "Kms Test".clear AS SELECT 1 AS id, NULL::text AS ssn, NULL::bytea AS "Card No", NULL::varchar(500) AS vc, 'x'::text AS note, 'x'::text AS added, 'x'::text AS secret, 1 AS one;
SELECT is(pg_temp.verdict('INSERT INTO clear (id) VALUES (504)'), '55000|InvalidParameter', 'one of no table at all is not written by'),
	   is(pg_temp.verdict('SELECT kms_unprotect_column(''person'', ''secret'')'), 'fine', 'but a column is taken back');

CREATE TABLE lone (id integer PRIMARY KEY, v text);
SELECT kms_protect_column('lone', 'v', 'alias/view') \g /dev/null
INSERT INTO lone VALUES (1, 'one'), (2, 'two');
CREATE OR REPLACE VIEW lone_decrypted AS SELECT id, kms.decrypt_column(v, 'table'::text, 'lone'::text, 'column'::text, 'v'::text, 'id'::text, id) AS v FROM lone WHERE id > 1;
SELECT is(pg_temp.verdict('SELECT kms_unprotect_column(''lone'', ''v'')'), 'fine', 'the only column is taken back'),
	   is((SELECT string_agg(v, ',') FROM lone_decrypted), 'two', 'and a view that was altered stays');

SELECT * FROM finish();
ROLLBACK;
