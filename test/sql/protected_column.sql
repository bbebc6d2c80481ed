-- Columns of tables that are there: protected, rewritten in batches, and taken back.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
SELECT plan(187);

CREATE ROLE kms_test_protect_owner;
CREATE ROLE kms_test_protect_reader;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_protect_owner;
CREATE SCHEMA kms_test_protect AUTHORIZATION kms_test_protect_owner;
GRANT USAGE ON SCHEMA kms_test_protect TO PUBLIC;
SET search_path = kms_test_protect, public;
CREATE TEMP TABLE version (name text, id uuid);
GRANT SELECT, INSERT ON version TO PUBLIC;

SET ROLE kms_test_protect_owner;
SELECT kms_create_key() AS key, kms_create_key() AS other, kms_create_key() AS third, kms_create_key('HMAC_SHA_256') AS search \gset
SELECT kms_create_alias(:'key', 'alias/protected'), kms_grant(:'key', 'kms_test_protect_reader', '{Encrypt,Decrypt}') \g /dev/null
INSERT INTO version SELECT CASE v.key_id WHEN :'key' THEN 'first' WHEN :'other' THEN 'other' ELSE 'third' END, v.key_version_id
  FROM unnest(ARRAY[:'key', :'other', :'third']::uuid[]) k (id), LATERAL kms_list_key_versions(k.id::text) v;

/* What is in a column: "plaintext 3, first 2". */
CREATE FUNCTION pg_temp.scan(relation regclass, column_name name) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(CASE WHEN s.key_version_id IS NULL THEN 'plaintext' ELSE coalesce(v.name, 'unknown') END || ' ' || s.row_count, ', ' ORDER BY s.key_version_id IS NOT NULL, v.name)
	 FROM kms_scan_column(relation, column_name) s LEFT JOIN version v ON v.id = s.key_version_id $$;
CREATE FUNCTION pg_temp.job(relation text, kind text) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', outcome, done, 'of', total) FROM kms.jobs WHERE name = relation AND job = kind $$;

-- ---- batches: what is there is encrypted -----------------------------------

CREATE TABLE customer (id serial PRIMARY KEY, ssn text, card bytea, note text DEFAULT 'noted');
INSERT INTO customer (ssn, card) SELECT nullif('ssn ' || n, 'ssn 10'), nullif(convert_to('card ' || n, 'UTF8'), 'card 20') FROM generate_series(1, 2500) n;
INSERT INTO customer (id, ssn, card) VALUES (9001, '', ''), (9002, repeat('ü', 10000), convert_to(repeat('long', 10000), 'UTF8'));
SET client_min_messages = notice;
SELECT kms_protect_column('customer', 'ssn', 'alias/protected') \g /dev/null
SELECT is(pg_temp.scan('customer', 'ssn'), 'plaintext 2501', 'rows that are there stay as they are');
CALL kms_encrypt_existing('customer', 'ssn');
SELECT is(pg_temp.scan('customer', 'ssn'), 'first 2501', 'until they are encrypted'),
	   is(pg_temp.job('kms_test_protect.customer.ssn', 'ColumnEncryption'), 'done 2501 of 2501', 'and kms.jobs tells that they are'),
	   is((SELECT md5(string_agg(ssn, '|' ORDER BY id)) FROM customer_decrypted WHERE id < 9000), (SELECT md5(string_agg('ssn ' || n, '|' ORDER BY n)) FROM generate_series(1, 2500) n WHERE n <> 10), 'each row opens, and is what it was'),
	   is((SELECT array_agg(length(ssn) ORDER BY id) FROM customer_decrypted WHERE id > 9000), '{0,10000}', 'an empty one and a long one, too'),
	   is((SELECT count(*) FROM customer WHERE ssn IS NULL), 1::bigint, 'NULL stays NULL'),
	   is((SELECT count(*) FROM customer WHERE card = convert_to('card ' || id, 'UTF8') AND note = 'noted'), 2499::bigint, 'other columns stay as they are');
SELECT is((SELECT count(*) FROM pg_stats WHERE schemaname = 'kms_test_protect' AND tablename = 'customer' AND attname = 'ssn' AND array_to_string(most_common_vals, '') || array_to_string(histogram_bounds, '') LIKE '%ssn%'), 0::bigint, 'the statistics have nothing of the plaintext'),
	   ok((SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'kms_test_protect' AND tablename = 'customer' AND attname = 'ssn'), 'and are there');
CREATE TEMP TABLE before AS SELECT * FROM customer;
CALL kms_encrypt_existing('customer', 'ssn', 7);
SELECT is((SELECT count(*) FROM customer c JOIN before b USING (id) WHERE b.ssn IS NOT DISTINCT FROM c.ssn), 2502::bigint, 'a second time changes nothing'),
	   is(pg_temp.job('kms_test_protect.customer.ssn', 'ColumnEncryption'), 'done 0 of 0', 'and finds nothing to do');

/* The second column, with rows written meanwhile, and bytes that happen to begin like a ciphertext. */
DELETE FROM customer WHERE id BETWEEN 101 AND 2500;
SELECT kms_protect_column('customer', 'card', 'alias/protected') \g /dev/null
INSERT INTO customer (id, card) VALUES (9003, 'new');
ALTER TABLE customer DISABLE TRIGGER zz_kms_encrypt_card;
INSERT INTO customer (id, card) VALUES (9004, '\x01'::bytea || '\x00000000000040008000000000000000'::bytea || decode(repeat('00', 43), 'hex')), (9005, decode(repeat('01', 61), 'hex'));
ALTER TABLE customer ENABLE TRIGGER zz_kms_encrypt_card;
SELECT is(pg_temp.scan('customer', 'card'), 'plaintext 101, first 1, unknown 1, unknown 1', 'bytes may look like the ciphertext of a key that is lost');
CALL kms_encrypt_existing('customer', 'card', 1);
SELECT is(pg_temp.scan('customer', 'card'), 'first 104', 'they are encrypted with the rest, row by row'),
	   is((SELECT card FROM customer_decrypted WHERE id = 9005), decode(repeat('01', 61), 'hex'), 'and come back'),
	   is((SELECT length(card) FROM customer_decrypted WHERE id = 9004), 60, 'all of them');
SET client_min_messages = warning;
/* A text is what it says. */
SELECT 'kms:1:' || replace(encode('\x01'::bytea || '\x00000000000040008000000000000000'::bytea || decode(repeat('00', 43), 'hex'), 'base64'), E'\n', '') AS lost \gset
ALTER TABLE customer DISABLE TRIGGER zz_kms_encrypt_ssn;
INSERT INTO customer (id, ssn) VALUES (9006, :'lost'), (9007, 'kms:1:AAAA'), (9008, 'kms:');
ALTER TABLE customer ENABLE TRIGGER zz_kms_encrypt_ssn;
CALL kms_encrypt_existing('customer', 'ssn', 100000);
SELECT is(pg_temp.scan('customer', 'ssn'), 'first 103, unknown 1', 'a text that is the ciphertext of a lost key stays, one that only begins so does not'),
	   is((SELECT ssn FROM customer_decrypted WHERE id = 9007), 'kms:1:AAAA', 'what is encrypted comes back');
DELETE FROM customer WHERE id = 9006;

/* Rows that were dead, pages that are empty, and none at all. */
CREATE TABLE empty (id integer PRIMARY KEY, v text);
SELECT kms_protect_column('empty', 'v', 'alias/protected');
CALL kms_encrypt_existing('empty', 'v');
SELECT is(pg_temp.job('kms_test_protect.empty.v', 'ColumnEncryption'), 'done 0 of 0', 'an empty table is done at once'),
	   is(pg_temp.scan('empty', 'v'), NULL, 'nothing is in it');
ALTER TABLE empty DISABLE TRIGGER zz_kms_encrypt_v;
INSERT INTO empty SELECT n, 'x' FROM generate_series(1, 1000) n;
DELETE FROM empty WHERE id < 995;
ALTER TABLE empty ENABLE TRIGGER zz_kms_encrypt_v;
CALL kms_encrypt_existing('empty', 'v', 2);
SELECT is(pg_temp.scan('empty', 'v'), 'first 6', 'among rows that are gone the others are found');

-- ---- batches: to another version, to another key ----------------------------

SELECT kms_create_key_version(:'key') AS second \gset
INSERT INTO version VALUES ('second', :'second');
INSERT INTO customer (id, ssn, card) VALUES (9100, 'newest', 'newest');
CALL kms_reencrypt_column('customer', 'ssn', 10);
SELECT is(pg_temp.scan('customer', 'ssn'), 'second 104', 'with a new version of the key rows move to it'),
	   is(pg_temp.scan('customer', 'card'), 'first 104, second 1', 'those of the other column do not'),
	   is(pg_temp.job('kms_test_protect.customer.ssn', 'ColumnReEncryption'), 'done 103 of 103', 'kms.jobs tells how many moved'),
	   is((SELECT count(*) FROM customer_decrypted WHERE ssn = 'ssn ' || id), 99::bigint, 'and each opens');
TRUNCATE before;
INSERT INTO before SELECT * FROM customer;
CALL kms_reencrypt_column('customer', 'ssn');
SELECT is((SELECT count(*) FROM customer c JOIN before b USING (id) WHERE b.ssn IS NOT DISTINCT FROM c.ssn), 108::bigint, 'a second time changes nothing');
SELECT kms_update_alias(:'other', 'alias/protected') \g /dev/null
CALL kms_reencrypt_column('customer', 'card');
SELECT is(pg_temp.scan('customer', 'card'), 'other 105', 'with another key under the alias rows move to that'),
	   is((SELECT count(*) FROM customer_decrypted WHERE card = convert_to('card ' || id, 'UTF8')), 99::bigint, 'and open');

/* Plaintext is not its business; damaged rows stay. */
SET client_min_messages = notice;
ALTER TABLE customer DISABLE TRIGGER zz_kms_encrypt_ssn;
UPDATE customer SET ssn = 'plain' WHERE id = 1;
UPDATE customer SET ssn = overlay(ssn PLACING 'AAAA' FROM 75) WHERE id IN (2, 3);
UPDATE customer SET ssn = (SELECT ssn FROM customer WHERE id = 5) WHERE id = 4;
ALTER TABLE customer ENABLE TRIGGER zz_kms_encrypt_ssn;
CALL kms_reencrypt_column('customer', 'ssn', 10);
SELECT is(pg_temp.scan('customer', 'ssn'), 'plaintext 1, other 100, second 3', 'damaged rows stay, the others move'),
	   is((SELECT ssn FROM customer WHERE id = 1), 'plain', 'plaintext is left to kms_encrypt_existing');
CALL kms_encrypt_existing('customer', 'ssn');
SELECT is(pg_temp.scan('customer', 'ssn'), 'other 101, second 3', 'which leaves what is damaged');
SET client_min_messages = warning;
DELETE FROM customer WHERE id BETWEEN 2 AND 4;

/* Partitions, and tables that inherit. */
CREATE TABLE part (id integer, day integer, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 (day integer NOT NULL, gone text, v text, id integer NOT NULL);
ALTER TABLE part_2 DROP gone;
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);
CREATE TABLE parent (id integer PRIMARY KEY, v text);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO part SELECT n, 1 + n % 2, 'v' FROM generate_series(1, 21) n;
INSERT INTO parent SELECT n, 'v' FROM generate_series(1, 5) n;
INSERT INTO child SELECT n, 'v', 'more' FROM generate_series(6, 10) n;
SELECT kms_protect_column('part', 'v', 'alias/protected'), kms_protect_column('parent', 'v', 'alias/protected') \g /dev/null
CALL kms_encrypt_existing('part', 'v', 3);
CALL kms_encrypt_existing('parent', 'v', 3);
SELECT is(pg_temp.scan('part', 'v') || '; ' || pg_temp.scan('part_2', 'v'), 'other 21; other 11', 'the rows of all partitions are encrypted'),
	   is((SELECT count(*) FROM part_decrypted WHERE v = 'v'), 21::bigint, 'and open'),
	   is(pg_temp.scan('parent', 'v') || '; ' || pg_temp.scan('child', 'v'), 'other 10; other 5', 'so are those of tables that inherit'),
	   is((SELECT count(*) FROM parent_decrypted WHERE v = 'v'), 10::bigint, 'and open'),
	   is(pg_temp.job('kms_test_protect.part.v', 'ColumnEncryption') || '; ' || pg_temp.job('kms_test_protect.parent.v', 'ColumnEncryption'), 'done 21 of 21; done 10 of 10', 'as one job for each');

-- ---- batches: what is refused ------------------------------------------------

/* Its errors end no transaction: psql tells what they were. */
\set ON_ERROR_STOP 0
\set VERBOSITY sqlstate
BEGIN;
CALL kms_encrypt_existing('customer', 'ssn');
ROLLBACK;
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '2D000', 'in a transaction nothing is encrypted');
BEGIN;
CALL kms_reencrypt_column('customer', 'ssn');
ROLLBACK;
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '2D000', 'nor re-encrypted');
DO $$ BEGIN CALL kms_encrypt_existing('customer', 'ssn'); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '2D000', 'in a block with a handler neither');
SELECT is(pg_temp.complaint('CALL kms_encrypt_existing(''customer'', ''ssn'')'), '2D000|UnsupportedOperation|it commits its batches and cannot run in a transaction', 'in a function neither'),
	   is(pg_temp.hint('CALL kms_reencrypt_column(''customer'', ''ssn'')'), 'CALL it outside of BEGIN and of functions.', 'the way out is told'),
	   is(pg_temp.job('kms_test_protect.customer.ssn', 'ColumnEncryption'), 'done 1 of 1', 'and the job is the last that ran');
ALTER TABLE empty DISABLE TRIGGER zz_kms_encrypt_v;
UPDATE empty SET v = 'plain';
ALTER TABLE empty ENABLE TRIGGER zz_kms_encrypt_v;
DO $$ BEGIN CALL kms_encrypt_existing('empty', 'v', 2); END $$;
SELECT is(pg_temp.scan('empty', 'v'), 'other 6', 'a DO block that is not in a transaction may call it');
CALL kms_encrypt_existing('customer', 'ssn', 0);
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22023', 'a batch has rows');
CALL kms_encrypt_existing('customer', 'ssn', 100001);
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22023', 'but not more than 100000');
CALL kms_encrypt_existing('customer', 'note');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'a column must be protected to be encrypted');
CALL kms_reencrypt_column('customer', 'nobody');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'and there');
CALL kms_encrypt_existing('customer_decrypted', 'ssn');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'a view has no rows of its own');
RESET ROLE;
SET ROLE kms_test_protect_reader;
CALL kms_encrypt_existing('kms_test_protect.customer', 'ssn');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'only the owner of a table has its rows encrypted');
CALL kms_reencrypt_column('kms_test_protect.customer', 'ssn');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'or re-encrypted');
RESET ROLE;
SET ROLE kms_test_protect_owner;

/* A trigger that does not fire. */
CREATE TABLE idle (id integer PRIMARY KEY, v text);
INSERT INTO idle VALUES (1, 'one'), (2, 'two');
SELECT kms_protect_column('idle', 'v', 'alias/protected') \g /dev/null
ALTER TABLE idle DISABLE TRIGGER zz_kms_encrypt_v;
CALL kms_encrypt_existing('idle', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'with its trigger disabled a column is not encrypted'),
	   is((SELECT enabled FROM kms.protected_columns WHERE relation = 'idle'::regclass), false, 'and is shown as not enabled');
ALTER TABLE idle ENABLE TRIGGER zz_kms_encrypt_v;
RESET ROLE;
SELECT kms_grant(:'other', current_user::text, '{Encrypt,Decrypt}') \g /dev/null
SET ROLE kms_test_protect_owner;
SELECT kms_grant(:'other', session_user::text, '{Encrypt,Decrypt}') \g /dev/null
RESET ROLE;
CALL kms_encrypt_existing('kms_test_protect.idle', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'nor by a superuser, whose rights are not for the owner to use');
SET ROLE kms_test_protect_owner;
SELECT is(pg_temp.scan('idle', 'v'), 'plaintext 2', 'the rows are as they were');

/* Rows that are hidden, rows that another trigger would hold back. */
ALTER TABLE idle ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON idle USING (id = 1);
ALTER TABLE idle FORCE ROW LEVEL SECURITY;
CALL kms_encrypt_existing('idle', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'rows that the owner does not see are not passed over in silence');
CALL kms_reencrypt_column('idle', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'nor re-encrypted');
ALTER TABLE idle NO FORCE ROW LEVEL SECURITY;
CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.id > 1 THEN NEW END; END $$;
CREATE TRIGGER first BEFORE UPDATE ON idle FOR EACH ROW EXECUTE FUNCTION kept();
CALL kms_encrypt_existing('idle', 'v');
SELECT is(pg_temp.scan('idle', 'v'), 'other 2', 'another trigger, which does not fire, holds back no row');
DROP TRIGGER first ON idle;

/* Interruptions: by the key, by an error in the middle. */
SELECT kms_disable_key(:'other') \g /dev/null
CALL kms_encrypt_existing('idle', 'v');
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'with its key disabled nothing is encrypted');
SELECT kms_enable_key(:'other') \g /dev/null
ALTER TABLE idle DISABLE TRIGGER zz_kms_encrypt_v;
INSERT INTO idle SELECT n, 'plain' FROM generate_series(3, 10) n;
ALTER TABLE idle ENABLE TRIGGER zz_kms_encrypt_v;
ALTER TABLE idle ADD CONSTRAINT stumble CHECK (id <> 7) NOT VALID;
CALL kms_encrypt_existing('idle', 'v', 2);
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '23514', 'a row that the table does not take ends it'),
	   is(pg_temp.job('kms_test_protect.idle.v', 'ColumnEncryption') || '; ' || pg_temp.scan('idle', 'v'), 'interrupted 4 of 8; plaintext 4, other 6', 'what was committed stays, and kms.jobs tells of the interruption');
ALTER TABLE idle DROP CONSTRAINT stumble;
CALL kms_encrypt_existing('idle', 'v');
SELECT is(pg_temp.job('kms_test_protect.idle.v', 'ColumnEncryption') || '; ' || pg_temp.scan('idle', 'v'), 'done 4 of 4; other 10', 'called again it does the rest'),
	   is((SELECT string_agg(DISTINCT v, ',' ORDER BY v) FROM idle_decrypted), 'one,plain,two', 'and all open');
\set VERBOSITY default
\set ON_ERROR_STOP 1
RESET ROLE;
SET ROLE kms_test_protect_reader;
SELECT is((SELECT count(*) FROM kms.jobs WHERE name LIKE 'kms\_test\_protect.%'), 0::bigint, 'who has no right on a table sees no job of it');
RESET ROLE;
SET ROLE kms_test_protect_owner;
DROP TABLE idle CASCADE;
SELECT is((SELECT count(*) FROM kms.jobs WHERE name LIKE '%idle%'), 0::bigint, 'a table that is dropped has none');

/* All of it goes. */
RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA kms_test_protect CASCADE;
DELETE FROM kms.column_job;
DELETE FROM kms.alias WHERE name = 'alias/protected';
DELETE FROM kms.grant_entry WHERE resource IN (:'key', :'other');
DELETE FROM kms.key WHERE owner = 'kms_test_protect_owner'::regrole;
DELETE FROM kms.key_version v WHERE NOT EXISTS (SELECT FROM kms.key k WHERE k.id = v.key_id);
DROP OWNED BY kms_test_protect_owner, kms_test_protect_reader;
DROP ROLE kms_test_protect_owner, kms_test_protect_reader;
SET client_min_messages = warning;

-- ---- what is made ------------------------------------------------------------

BEGIN;
CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_writer;
CREATE ROLE kms_test_reader;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key(text, text, text, text, text, boolean, interval, jsonb) TO kms_test_owner;
CREATE SCHEMA kms_test_data AUTHORIZATION kms_test_owner;
GRANT USAGE ON SCHEMA kms_test_data TO PUBLIC;
SET search_path = kms_test_data, public;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key() AS other, kms_create_key('HMAC_SHA_256') AS search \gset
SELECT kms_create_alias(:'key', 'alias/protected'), kms_create_alias(:'search', 'alias/search') \g /dev/null
SELECT kms_grant(:'key', 'kms_test_writer', '{Encrypt}'), kms_grant(:'key', 'kms_test_reader', '{Decrypt}') \g /dev/null

/* A table and all that hangs on it. */
CREATE FUNCTION pg_temp.picture(relation regclass) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(E'\n',
		(SELECT format('%s %s %s %s', relowner::regrole, relacl, reloptions, relrowsecurity) FROM pg_class WHERE oid = relation),
		(SELECT string_agg(format('%s %s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull, attacl, attoptions), E'\n' ORDER BY attnum) FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped),
		(SELECT string_agg(pg_get_constraintdef(oid), E'\n' ORDER BY conname) FROM pg_constraint WHERE relation IN (conrelid, confrelid)),
		(SELECT string_agg(pg_get_indexdef(indexrelid), E'\n' ORDER BY indexrelid) FROM pg_index WHERE indrelid = relation),
		(SELECT string_agg(pg_get_triggerdef(oid), E'\n' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal),
		(SELECT string_agg(polname, E'\n' ORDER BY polname) FROM pg_policy WHERE polrelid = relation))
$$;
CREATE FUNCTION pg_temp.trigger_of(relation regclass, column_name name) RETURNS text LANGUAGE sql AS
$$ SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = relation AND tgname LIKE 'zz\_kms\_encrypt\_%' AND split_part(encode(tgargs, 'escape'), '\000', 2) IN (column_name::text, quote_ident(column_name)) $$;
/* What is in a column of a row; null if it does not open there. */
CREATE FUNCTION pg_temp.shows(value text, "table" text, "column" text, more jsonb = '{}') RETURNS text LANGUAGE sql AS
$$ SELECT kms_try_decrypt_text(CASE WHEN value ~ '^kms:1:[A-Za-z0-9+/]+=*$' THEN decode(substr(value, 7), 'base64') END, jsonb_build_object('table', "table", 'column', "column") || more) $$;

CREATE TABLE region (code text PRIMARY KEY);
INSERT INTO region VALUES ('x');
CREATE TABLE customer (id serial PRIMARY KEY, email text NOT NULL UNIQUE, region text REFERENCES region CHECK (region <> ''), ssn text NOT NULL DEFAULT 'none', card bytea, note varchar(200)) WITH (fillfactor = 70);
CREATE TABLE orders (customer integer REFERENCES customer);
CREATE INDEX ON customer (note, region);
CREATE INDEX ON customer (ssn);
GRANT SELECT, INSERT, UPDATE (note) ON customer TO kms_test_writer;
GRANT SELECT (id, ssn) ON customer TO kms_test_reader;
SELECT pg_temp.picture('customer') AS picture \gset
INSERT INTO customer (email, ssn, card, note) VALUES ('a', 'ssn a', 'card a', 'note a'), ('b', '', NULL, NULL), ('c', 'Grüße 😀', '', 'note c');
CREATE TEMP TABLE old_customer AS SELECT * FROM customer;

SELECT is(kms_protect_column('customer', 'ssn', 'alias/protected')::text, '', 'a column is protected'),
	   is(pg_temp.trigger_of('customer', 'ssn'), 'CREATE TRIGGER zz_kms_encrypt_ssn BEFORE INSERT OR UPDATE ON kms_test_data.customer FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(''alias/protected'', ''ssn'', ''id'', ''customer'')', 'by a trigger, in the context of the primary key');
SELECT is((SELECT count(*) FROM customer c JOIN old_customer o USING (id) WHERE c.ssn = o.ssn AND c.ctid = c.ctid), 3::bigint, 'rows that are there stay as they are');
SELECT is((SELECT format('%s %s %s', relkind, reloptions, relowner::regrole) FROM pg_class WHERE oid = 'customer_decrypted'::regclass), 'v {security_invoker=true,security_barrier=true} kms_test_owner', 'a view is there, which reads in the name of who reads it'),
	   is((SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'customer_decrypted'::regclass AND attnum > 0),
		  'id integer, email text, region text, ssn text, card bytea, note character varying(200)', 'with the columns of the table'),
	   is((SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'customer_decrypted'::regclass), 'CREATE TRIGGER kms_write INSTEAD OF INSERT OR DELETE OR UPDATE ON kms_test_data.customer_decrypted FOR EACH ROW EXECUTE FUNCTION kms.write_decrypted()', 'and a trigger to write by');
INSERT INTO customer (email) VALUES ('d');
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', '{"id": "4"}'), 'none', 'a default is encrypted, too') FROM customer WHERE email = 'd';
GRANT SELECT ON customer_decrypted TO kms_test_reader;
GRANT INSERT ON customer_decrypted TO kms_test_writer;
SELECT kms_protect_column('customer', 'card', 'alias/protected', blind_index => true, blind_index_key_id => 'alias/search') \g /dev/null
/* Owners may do one thing more from PostgreSQL 17 on. */
SELECT is((SELECT replace(relacl::text, 'xtm/', 'xt/') FROM pg_class WHERE oid = 'customer_decrypted'::regclass), '{kms_test_owner=arwdDxt/kms_test_owner,kms_test_reader=r/kms_test_owner,kms_test_writer=a/kms_test_owner}', 'with a second column the grants on the view stay'),
	   is((SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'customer_decrypted'::regclass AND attnum > 0), 'id,email,region,ssn,card,note,card_blind_index', 'and it shows the new column last'),
	   is((SELECT string_agg(pg_get_indexdef(indexrelid), '') FROM pg_index WHERE indrelid = 'customer'::regclass AND pg_get_indexdef(indexrelid) LIKE '%blind%'), 'CREATE INDEX customer_card_blind_index_idx ON kms_test_data.customer USING btree (card_blind_index)', 'which is indexed');
SELECT is((SELECT string_agg(format('%s %s %s %s %s %s %s %s %s', relation, column_name, key_id, context_columns, table_name, coalesce(blind_index_column, '-'), coalesce(blind_index_key_id, '-'), decrypted_view, enabled), E'\n' ORDER BY column_name) FROM kms.protected_columns WHERE relation = 'customer'::regclass),
		  E'customer card alias/protected {id} customer card_blind_index alias/search customer_decrypted t\ncustomer ssn alias/protected {id} customer - - customer_decrypted t', 'kms.protected_columns shows both');
SELECT is((SELECT array_agg(DISTINCT octet_length(card_blind_index)) FROM customer), ARRAY[NULL]::integer[], 'rows that are there have no blind index yet');
INSERT INTO customer (email, card) VALUES ('e', 'card e');
SELECT is(card_blind_index, kms_blind_index('alias/search', 'card e'), 'new ones have') FROM customer WHERE email = 'e';
DELETE FROM customer WHERE email IN ('d', 'e');

/* The table's name in the context is what it was, and the trigger is the last. */
SAVEPOINT renamed;
ALTER TABLE customer RENAME TO person;
INSERT INTO person (id, email, ssn) VALUES (100, 'p', 'renamed');
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', '{"id": "100"}'), 'renamed', 'a table that is renamed keeps its name in the context') FROM person WHERE id = 100;
CREATE FUNCTION trimmed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ssn = trim(NEW.ssn); RETURN NEW; END $$;
CREATE TRIGGER trimmed BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION trimmed();
INSERT INTO person (id, email, ssn) VALUES (101, 'q', ' blank ');
SELECT is(pg_temp.shows(ssn, 'customer', 'ssn', '{"id": "101"}'), 'blank', 'what other triggers make of a value is encrypted') FROM person WHERE id = 101;
SELECT kms_unprotect_column('person', 'ssn') \g /dev/null
SELECT is((SELECT string_agg(ssn, '|' ORDER BY id) FROM person WHERE id >= 100), 'renamed|blank', 'and it comes back under its new name');
ROLLBACK TO renamed;

-- ---- taking it back ----------------------------------------------------------

UPDATE customer SET ssn = ssn, card = card;
SELECT is((SELECT count(*) FROM customer WHERE ssn LIKE 'kms:1:%' AND (card IS NULL OR octet_length(card) > 50)), 3::bigint, 'an update encrypts what was there');
SAVEPOINT damaged;
ALTER TABLE customer DISABLE TRIGGER USER;
UPDATE customer SET ssn = overlay(ssn PLACING 'AAAA' FROM 75) WHERE email = 'b';
ALTER TABLE customer ENABLE TRIGGER USER;
SELECT pg_temp.picture('customer') AS protected_picture, (SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM customer c) AS rows \gset
SELECT is(pg_temp.complaint('SELECT kms_unprotect_column(''customer'', ''ssn'')'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'a damaged row is not unprotected'),
	   is(pg_temp.picture('customer'), :'protected_picture'::text, 'the table stays as it is'),
	   is((SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM customer c), :'rows', 'so does every row'),
	   is((SELECT count(*) FROM kms.protected_columns WHERE relation = 'customer'::regclass), 2::bigint, 'and the columns are protected as before'),
	   ok(to_regclass('customer_decrypted') IS NOT NULL, 'the view is there');
ROLLBACK TO damaged;
RESET ROLE;
ALTER TABLE customer OWNER TO kms_test_writer;
ALTER VIEW customer_decrypted OWNER TO kms_test_writer;
GRANT CREATE ON SCHEMA kms_test_data TO kms_test_writer;
SELECT pg_temp.picture('customer') AS protected_picture, (SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM customer c) AS rows \gset
SELECT is(pg_temp.verdict_as('kms_test_writer', 'SELECT kms_unprotect_column(''customer'', ''ssn'')'), '42501|Forbidden.NoPermission', 'who may not decrypt does not unprotect'),
	   is(pg_temp.picture('customer'), :'protected_picture'::text, 'the table stays as it is'),
	   is((SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM customer c), :'rows', 'so does every row'),
	   ok(to_regclass('customer_decrypted') IS NOT NULL, 'the view is there');
ROLLBACK TO damaged;
SET ROLE kms_test_owner;
SELECT is(kms_unprotect_column('customer', 'card')::text, '', 'a column is taken back');
SELECT is((SELECT count(*) FROM customer c JOIN old_customer o USING (id) WHERE c.card IS NOT DISTINCT FROM o.card), 3::bigint, 'its rows are as they were'),
	   is((SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attnum > 0 AND NOT attisdropped), 'id,email,region,ssn,card,note', 'its blind index is gone'),
	   is((SELECT count(*) FROM customer_decrypted d JOIN old_customer o USING (id) WHERE d.ssn = o.ssn AND d.card IS NOT DISTINCT FROM o.card AND d.card_blind_index IS NULL), 3::bigint, 'the view has NULL for that, and still decrypts the other'),
	   is((SELECT array_agg(column_name::text) FROM kms.protected_columns WHERE relation = 'customer'::regclass), '{ssn}', 'which stays protected'),
	   is((SELECT replace(relacl::text, 'xtm/', 'xt/') FROM pg_class WHERE oid = 'customer_decrypted'::regclass), '{kms_test_owner=arwdDxt/kms_test_owner,kms_test_reader=r/kms_test_owner,kms_test_writer=a/kms_test_owner}', 'and the view''s grants stay');
INSERT INTO customer_decrypted (email, ssn, card) VALUES ('f', 'ssn f', 'card f');
SELECT is((SELECT format('%s %s', left(ssn, 6), card) FROM customer WHERE email = 'f'), 'kms:1: \x636172642066', 'what is written by it is encrypted in the one column only');
DELETE FROM customer WHERE email = 'f';
SELECT kms_unprotect_column('customer', 'ssn') \g /dev/null
SELECT is((SELECT count(*) FROM customer c JOIN old_customer o USING (id) WHERE c = o), 3::bigint, 'with the last one all is as it was'),
	   is(pg_temp.picture('customer'), :'picture', 'grants, constraints and indexes, too'),
	   ok(to_regclass('customer_decrypted') IS NULL, 'the view is gone'),
	   is((SELECT count(*) FROM kms.protected_columns WHERE relation = 'customer'::regclass), 0::bigint, 'nothing is protected');
SELECT is(pg_temp.complaint('SELECT kms_unprotect_column(''customer'', ''ssn'')'), '55000|InvalidParameter|column "ssn" of table "customer" is not protected', 'and is not taken back again');
SELECT is(pg_temp.verdict('INSERT INTO customer (email, region) VALUES (''g'', '''')'), '23514|Failing row contains (7, g, , none, null, null).', 'a CHECK of another column holds'),
	   is(pg_temp.verdict('INSERT INTO orders VALUES (1)'), 'fine', 'so does a foreign key');

/* Views upon the view keep it. */
SELECT kms_protect_column('customer', 'ssn', 'alias/protected') \g /dev/null
CREATE VIEW upon AS SELECT ssn FROM customer_decrypted;
SELECT is(pg_temp.verdict('SELECT kms_unprotect_column(''customer'', ''ssn'')') ~ '^2BP01', true, 'a view that others read is not dropped'),
	   is((SELECT count(*) FROM kms.protected_columns WHERE relation = 'customer'::regclass), 1::bigint, 'and the column stays protected');
DROP VIEW upon;

/* A rolled-back call leaves nothing, and loses nothing. */
SAVEPOINT undone;
SELECT kms_unprotect_column('customer', 'ssn') \g /dev/null
ROLLBACK TO undone;
INSERT INTO customer (email, ssn) VALUES ('h', 'after');
SELECT is((SELECT pg_temp.shows(ssn, 'customer', 'ssn', jsonb_build_object('id', id::text)) FROM customer WHERE email = 'h'), 'after', 'after a rollback the column is protected as before'),
	   is((SELECT count(*) FROM customer_decrypted WHERE ssn = 'after'), 1::bigint, 'and the view reads');
SELECT kms_unprotect_column('customer', 'ssn') \g /dev/null
SAVEPOINT undone;
SELECT kms_protect_column('customer', 'ssn', 'alias/protected', '{}', true, 'alias/search') \g /dev/null
ROLLBACK TO undone;
INSERT INTO customer (email, ssn) VALUES ('i', 'after');
SELECT is((SELECT ssn FROM customer WHERE email = 'i'), 'after', 'after a rollback the column is not protected'),
	   is(pg_temp.picture('customer'), :'picture', 'and nothing is left'),
	   ok(to_regclass('customer_decrypted') IS NULL, 'of the view neither');

-- ---- contexts ----------------------------------------------------------------

CREATE TABLE keyed (b integer, v text, w text, a text, PRIMARY KEY (a, b));
SELECT kms_protect_column('keyed', 'v', 'alias/protected'), kms_protect_column('keyed', 'w', :'key', '{b}') \g /dev/null
INSERT INTO keyed VALUES (1, 'v', 'w', 'x');
SELECT is((SELECT string_agg(column_name || ' ' || context_columns::text || ' ' || (key_id = :'key'), ', ' ORDER BY column_name) FROM kms.protected_columns WHERE relation = 'keyed'::regclass), 'v {b,a} false, w {b} true', 'a primary key of two columns is context, unless others are named');
SELECT is(pg_temp.shows(v, 'keyed', 'v', '{"a": "x", "b": "1"}') || pg_temp.shows(w, 'keyed', 'w', '{"b": "1"}'), 'vw', 'and the row is encrypted in it') FROM keyed;
UPDATE keyed SET a = 'y', b = 2;
SELECT is((SELECT v || w FROM keyed_decrypted), 'vw', 'with another primary key it moves');
CREATE TABLE loose (v text, w text, k uuid);
SELECT kms_protect_column('loose', 'v', 'alias/protected', '{}'), kms_protect_column('loose', 'w', 'alias/protected', '{k}') \g /dev/null
INSERT INTO loose VALUES ('v', 'w', '00000000-0000-4000-8000-000000000001'), ('null', 'null', NULL);
SELECT is((SELECT context_columns FROM kms.protected_columns WHERE relation = 'loose'::regclass AND column_name = 'v'), '{}', 'without context columns a ciphertext is of any row'),
	   is((SELECT string_agg(pg_temp.shows(v, 'loose', 'v'), '|') FROM loose), 'v|null', 'with the table and the column as context'),
	   is((SELECT string_agg(v || w, '|') FROM loose_decrypted), 'vw|nullnull', 'a context column may be NULL, and need not be unique');

-- ---- partitions, heirs -------------------------------------------------------

CREATE TABLE part (id integer, day date, v text, w bytea, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE part_old PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE part_new PARTITION OF part FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (id);
CREATE TABLE part_new_1 PARTITION OF part_new DEFAULT;
CREATE TABLE part_later (w bytea, gone text, v text, day date NOT NULL, id integer NOT NULL);
ALTER TABLE part_later DROP gone;
INSERT INTO part_later VALUES ('before', 'before', '2022-02-02', 1);
SELECT kms_protect_column('part', 'v', 'alias/protected', blind_index => true, blind_index_key_id => 'alias/search') \g /dev/null
INSERT INTO part VALUES (1, '2020-05-05', 'old'), (2, '2021-05-05', 'new');
INSERT INTO part_new_1 VALUES (3, '2021-05-05', 'direct');
SELECT is((SELECT string_agg(format('%s %s', tableoid::regclass, pg_temp.shows(v, 'part', 'v', jsonb_build_object('id', id::text, 'day', day))), '|' ORDER BY id) FROM part), 'part_old old|part_new_1 new|part_new_1 direct', 'rows are encrypted in the partition where they come'),
	   is((SELECT count(*) FROM part WHERE v_blind_index = kms_blind_index('alias/search', 'new')), 1::bigint, 'and have their blind index'),
	   is((SELECT string_agg(v, '|' ORDER BY id) FROM part_decrypted), 'old|new|direct', 'the view reads all of them'),
	   is((SELECT string_agg(relation::text, '|') FROM kms.protected_columns WHERE relation::text LIKE 'part%'), 'part', 'the column counts once');
ALTER TABLE part_later ADD v_blind_index bytea;
ALTER TABLE part ATTACH PARTITION part_later FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
INSERT INTO part VALUES (4, '2022-03-03', 'attached');
UPDATE part_decrypted SET day = '2022-04-04' WHERE day = '2020-05-05';
SELECT is((SELECT string_agg(format('%s %s', tableoid::regclass, pg_temp.shows(v, 'part', 'v', jsonb_build_object('id', id::text, 'day', day))), '|' ORDER BY id) FROM part WHERE day > '2022-03-01'), 'part_later old|part_later attached', 'a partition that is attached encrypts, also what moves there'),
	   is((SELECT v FROM part_decrypted WHERE day = '2022-02-02'), 'before', 'and shows what it brought'),
	   is((SELECT count(*) FROM part WHERE v_blind_index = kms_blind_index('alias/search', 'old')), 1::bigint, 'what moved is found by its blind index');
CREATE TABLE part_none PARTITION OF part FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
INSERT INTO part VALUES (5, '2023-05-05', 'created');
SELECT is((SELECT v LIKE 'kms:1:%' FROM part_none), true, 'so does a partition that is made later');
SELECT kms_unprotect_column('part', 'v') \g /dev/null
SELECT is((SELECT string_agg(format('%s %s', tableoid::regclass, v), '|' ORDER BY id, v) FROM part), 'part_later before|part_later old|part_new_1 new|part_new_1 direct|part_later attached|part_none created', 'taken back all partitions have plaintext'),
	   is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz\_kms%' AND tgrelid::regclass::text LIKE 'part%') + (SELECT count(*) FROM pg_attribute WHERE attname = 'v_blind_index' AND NOT attisdropped AND attrelid::regclass::text LIKE 'part%'), 0::bigint, 'and neither trigger nor index');
CREATE TABLE parent (id integer PRIMARY KEY, v text);
CREATE TABLE child (more text) INHERITS (parent);
CREATE TABLE grandchild () INHERITS (child);
SELECT kms_protect_column('parent', 'v', 'alias/protected') \g /dev/null
CREATE TABLE late () INHERITS (parent);
INSERT INTO parent VALUES (1, 'parent');
INSERT INTO child VALUES (2, 'child', 'more');
INSERT INTO grandchild VALUES (3, 'grandchild', 'more');
INSERT INTO late VALUES (4, 'late');
SELECT is((SELECT string_agg(coalesce(pg_temp.shows(v, 'parent', 'v', jsonb_build_object('id', id::text)), v || '!'), '|' ORDER BY id) FROM parent), 'parent|child|grandchild|late!', 'tables that inherit encrypt, those that come later do not'),
	   is((SELECT string_agg(v, '|' ORDER BY id) FROM parent_decrypted), 'parent|child|grandchild|late', 'the view reads all');
SELECT kms_unprotect_column('parent', 'v') \g /dev/null
SELECT is((SELECT string_agg(v, '|' ORDER BY id) FROM parent), 'parent|child|grandchild|late', 'and all are taken back'),
	   is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz\_kms%' AND tgrelid IN ('parent'::regclass, 'child'::regclass, 'grandchild'::regclass)), 0::bigint, 'of each its trigger');

-- ---- names -------------------------------------------------------------------

RESET ROLE;
CREATE SCHEMA "Other ""Place""" AUTHORIZATION kms_test_owner;
SET ROLE kms_test_owner;
CREATE TABLE "Other ""Place"""."My 'Table'" ("Id, No" integer PRIMARY KEY, "Card No" text, "say ""x""=y" text, "select" bytea, ÄÖ text);
SELECT kms_protect_column('"Other ""Place"""."My ''Table''"', c, 'alias/protected', blind_index => c IN ('Card No', 'select'), blind_index_key_id => CASE WHEN c IN ('Card No', 'select') THEN 'alias/search' END)
  FROM unnest(ARRAY['Card No', 'say "x"=y', 'select', 'ÄÖ']) c \g /dev/null
INSERT INTO "Other ""Place"""."My 'Table'" VALUES (1, 'card', 'say', 'select', 'umlaut');
SELECT is((SELECT pg_temp.shows("Card No", $$My 'Table'$$, 'Card No', '{"Id, No": "1"}') || pg_temp.shows("say ""x""=y", $$My 'Table'$$, 'say "x"=y', '{"Id, No": "1"}') FROM "Other ""Place"""."My 'Table'"), 'cardsay', 'names are what they are, in triggers and contexts'),
	   is((SELECT "Card No" || "say ""x""=y" || convert_from("select", 'UTF8') || ÄÖ FROM "Other ""Place"""."My 'Table'_decrypted"), 'cardsayselectumlaut', 'and in the view'),
	   is((SELECT count(*) FROM "Other ""Place"""."My 'Table'_decrypted" WHERE "Card No_blind_index" = kms_blind_index('alias/search', 'card') AND select_blind_index = kms_blind_index('alias/search', 'select')), 1::bigint, 'and in those of blind indexes');
INSERT INTO "Other ""Place"""."My 'Table'_decrypted" VALUES (2, 'b', 'b', 'b', 'b');
UPDATE "Other ""Place"""."My 'Table'_decrypted" SET "Card No" = 'new', "say ""x""=y" = NULL, ÄÖ = 'new' WHERE "Id, No" = 2;
SELECT is((SELECT concat_ws(',', "Card No", "say ""x""=y", convert_from("select", 'UTF8'), ÄÖ) FROM "Other ""Place"""."My 'Table'_decrypted" WHERE "Id, No" = 2), 'new,b,new', 'it writes them, too');
SELECT kms_unprotect_column('"Other ""Place"""."My ''Table''"', c) FROM unnest(ARRAY['Card No', 'say "x"=y', 'select', 'ÄÖ']) c \g /dev/null
SELECT is((SELECT concat_ws(',', "Card No", "say ""x""=y", convert_from("select", 'UTF8'), ÄÖ) FROM "Other ""Place"""."My 'Table'" WHERE "Id, No" = 1), 'card,say,select,umlaut', 'and takes them back');

SELECT repeat('c', 62) || '1' AS long1, repeat('c', 62) || '2' AS long2, repeat('t', 63) AS long, repeat('ü', 31) || 'x' AS longü \gset
CREATE TABLE :"long" (id integer PRIMARY KEY, :"long1" text, :"long2" text, :"longü" text);
SELECT kms_protect_column(:'long', c, 'alias/protected', blind_index => true, blind_index_key_id => 'alias/search') FROM unnest(ARRAY[:'long1', :'longü']) c \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_protect_column(%L, %L, ''alias/protected'', blind_index => true, blind_index_key_id => ''alias/search'')', :'long', :'long2'), '42701|', 'two long names that begin alike would have the same blind index'),
	   is(pg_temp.verdict('SELECT kms_protect_column(%L, %L, ''alias/protected'')', :'long', :'long2'), 'fine', 'without one they do');
INSERT INTO :"long" VALUES (1, 'one', 'two', 'three');
SELECT is((SELECT count(DISTINCT tgname) || ' ' || bool_and(octet_length(tgname) <= 63) FROM pg_trigger WHERE tgrelid = (:'long')::regclass), '3 true', 'triggers have names of their own'),
	   is((SELECT array_agg(viewname::text COLLATE "default") FROM pg_views WHERE schemaname = 'kms_test_data' AND viewname LIKE 'ttt%'), ARRAY[repeat('t', 53) || '_decrypted'], 'the view has a name that is cut');
SELECT format('SELECT %I || %I || %I FROM %I', :'long1', :'long2', :'longü', repeat('t', 53) || '_decrypted') AS query \gset
SELECT lives_ok(:'query', 'it reads');
SELECT is((SELECT pg_temp.shows(:"long2", :'long', :'long2', '{"id": "1"}') || pg_temp.shows(:"longü", :'long', :'longü', '{"id": "1"}') FROM :"long"), 'twothree', 'and each column has its own name in the context');
SELECT kms_unprotect_column(:'long', c) FROM unnest(ARRAY[:'long1', :'long2', :'longü']) c \g /dev/null
SELECT is((SELECT concat_ws(',', :"long1", :"long2", :"longü") FROM :"long"), 'one,two,three', 'all are taken back');

CREATE TEMP TABLE fleeting (id integer PRIMARY KEY, v text);
INSERT INTO fleeting VALUES (1, 'old');
SELECT kms_protect_column('fleeting', 'v', 'alias/protected', blind_index => true, blind_index_key_id => 'alias/search') \g /dev/null
INSERT INTO fleeting_decrypted (id, v) VALUES (2, 'new');
SELECT is((SELECT relpersistence FROM pg_class WHERE oid = 'fleeting_decrypted'::regclass), 't', 'a temporary table has a temporary view'),
	   is((SELECT string_agg(v, ',' ORDER BY id) FROM fleeting_decrypted), 'old,new', 'which reads'),
	   is((SELECT count(*) FROM fleeting WHERE v LIKE 'kms:1:%'), 1::bigint, 'and writes');
SELECT kms_unprotect_column('fleeting', 'v') \g /dev/null
SELECT is((SELECT string_agg(v, ',' ORDER BY id) FROM fleeting), 'old,new', 'and is taken back');
CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY, v text);
SELECT is(pg_temp.verdict('SELECT kms_protect_column(''unlogged'', ''v'', ''alias/protected'')'), 'fine', 'so does an unlogged one');

-- ---- who sees what -----------------------------------------------------------

SELECT kms_protect_column('customer', 'ssn', 'alias/protected') \g /dev/null
CREATE FUNCTION pg_temp.sees(role name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET ROLE %I', role);
	SELECT string_agg(relation::text, ',' ORDER BY relation::text) INTO result FROM kms.protected_columns WHERE relation::text IN ('customer', 'keyed', 'loose') AND column_name IN ('ssn', 'v');
	SET ROLE kms_test_owner;
	RETURN result;
END $$;
RESET ROLE;
SELECT is(pg_temp.sees(role), seen, role || ' sees ' || coalesce(seen, 'nothing'))
  FROM (VALUES ('kms_test_owner', 'customer,keyed,loose'), ('kms_test_writer', 'customer'), ('kms_test_reader', 'customer'), ('kms_test_stranger', NULL)) t (role, seen);
GRANT REFERENCES (k) ON loose TO kms_test_stranger;
SELECT is(pg_temp.sees('kms_test_stranger'), 'loose', 'any right on a column will do');
CREATE FUNCTION pg_temp.leak(r regclass) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF r::text = 'customer' THEN RAISE EXCEPTION 'leaked'; END IF; RETURN true; END $$;
SET ROLE kms_test_stranger;
SELECT is((SELECT count(*) FROM kms.protected_columns WHERE pg_temp.leak(relation)), 2::bigint, 'a function of the reader''s is not shown the others');
SET ROLE kms_test_owner;
ALTER TABLE customer RENAME ssn TO social;
SELECT is((SELECT format('%s %s', column_name, enabled) FROM kms.protected_columns WHERE relation = 'customer'::regclass), 'ssn f', 'a column that was renamed is shown as not enabled');
ALTER TABLE customer RENAME social TO ssn;
CREATE OR REPLACE TRIGGER hand BEFORE INSERT OR UPDATE ON loose FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/protected', 'k=other', 'nobody');
CREATE TRIGGER hand_a AFTER INSERT ON loose FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/protected', 'w');
CREATE TRIGGER hand_b BEFORE INSERT OR UPDATE ON loose FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns('alias/protected', 'w=');
CREATE TRIGGER hand_c BEFORE INSERT OR UPDATE ON loose FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns();
SELECT is((SELECT string_agg(format('%s %s %s', column_name, context_columns, enabled), ', ' ORDER BY column_name) FROM kms.protected_columns WHERE relation = 'loose'::regclass), 'k {nobody} f, v {} t, w {k} t', 'triggers made by hand are shown if they could encrypt');
DROP TABLE loose CASCADE;

/* kms_scan_column */
SELECT is((SELECT string_agg(format('%s %s', key_version_id IS NULL, row_count), ',') FROM kms_scan_column('customer', 'ssn')), 't 5', 'a scan counts plaintext'),
	   is((SELECT count(*) FROM kms_scan_column('customer', 'card')), 1::bigint, 'also in a column that is not protected');
UPDATE customer SET ssn = ssn WHERE id < 3;
SELECT kms_create_key_version(:'key') AS second \gset
INSERT INTO customer (email, ssn) VALUES ('j', 'second'), ('k', 'second'), ('l', 'second');
SELECT is((SELECT string_agg(format('%s %s', CASE WHEN key_version_id = :'second' THEN 'second' WHEN key_version_id IS NOT NULL THEN 'first' ELSE 'plaintext' END, row_count), ',' ORDER BY row_count) FROM kms_scan_column('customer', 'ssn')), 'first 2,plaintext 3,second 3', 'and each version'),
	   is((SELECT sum(row_count) FROM kms_scan_column('customer', 'card')), (SELECT count(card)::numeric FROM customer), 'NULLs do not count'),
	   is((SELECT key_version_id FROM kms_scan_column('customer', 'ssn') LIMIT 1), NULL, 'plaintext comes first');
SELECT is(pg_temp.verdict_as('kms_test_reader', 'SELECT kms_scan_column(''customer'', ''ssn'')'), 'fine', 'a right to the column will do'),
	   is(pg_temp.verdict_as('kms_test_reader', 'SELECT kms_scan_column(''customer'', ''card'')'), '42501|Forbidden.NoPermission', 'one to another column will not'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_scan_column(''customer'', ''ssn'')'), '42501|Forbidden.NoPermission', 'nor will none'),
	   is(pg_temp.complaint('SELECT kms_scan_column(''customer'', ''id'')'), '42804|InvalidParameter|column "id" of type integer holds no ciphertext', 'a number is no ciphertext'),
	   is(pg_temp.verdict('SELECT kms_scan_column(''customer'', ''nobody'')'), '42703|InvalidParameter', 'a missing column is missed'),
	   is((SELECT count(*) FROM kms_scan_column('customer_decrypted', 'ssn')), 0::bigint, 'a view has no rows of its own');
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON customer USING (id = 1);
SELECT is(pg_temp.verdict_as('kms_test_writer', 'SELECT kms_scan_column(''customer'', ''ssn'')'), '42501|Forbidden.NoPermission', 'with row security rows are not counted'),
	   is((SELECT sum(row_count) FROM kms_scan_column('customer', 'ssn')), 8::numeric, 'but by whom it does not apply to');
ALTER TABLE customer FORCE ROW LEVEL SECURITY;
SELECT is(pg_temp.verdict('SELECT kms_scan_column(''customer'', ''ssn'')'), '42501|Forbidden.NoPermission', 'forced it applies to the owner'),
	   is(pg_temp.complaint('SELECT kms_unprotect_column(''customer'', ''ssn'')'), '42501|Forbidden.NoPermission|row security leaves out rows of table "customer"', 'who then cannot take the column back');
ALTER TABLE customer DISABLE ROW LEVEL SECURITY;

-- ---- who does it -------------------------------------------------------------

RESET ROLE;
SET search_path = public;
CREATE ROLE kms_test_admin NOSUPERUSER IN ROLE kms_test_owner;
GRANT kms_test_owner TO kms_test_admin;
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', session_user::text, '{Encrypt,Decrypt}') \g /dev/null
CREATE TABLE kms_test_data.theirs (id integer PRIMARY KEY, v text, w text);
SELECT is(pg_temp.complaint(statement), '42501|Forbidden.NoPermission|must be owner of table theirs', statement || ' is for the owner')
  FROM unnest(ARRAY['SET LOCAL ROLE kms_test_stranger; SELECT kms_protect_column(''kms_test_data.theirs'', ''v'', ''alias/protected'')', 'SET LOCAL ROLE kms_test_stranger; SELECT kms_unprotect_column(''kms_test_data.theirs'', ''v'')']) statement;
SET ROLE kms_test_admin;
SELECT kms_protect_column('kms_test_data.theirs', 'v', 'alias/protected') \g /dev/null
RESET ROLE;
SELECT is((SELECT relowner::regrole::text FROM pg_class WHERE oid = 'kms_test_data.theirs_decrypted'::regclass), 'kms_test_owner', 'a member of the owner protects, and the view is the owner''s');
DROP VIEW kms_test_data.theirs_decrypted;
SELECT kms_protect_column('kms_test_data.theirs', 'w', 'alias/protected') \g /dev/null
SELECT is((SELECT relowner::regrole::text FROM pg_class WHERE oid = 'kms_test_data.theirs_decrypted'::regclass), 'kms_test_owner', 'so does a superuser'),
	   is((SELECT string_agg(column_name, ',' ORDER BY column_name) FROM kms.protected_columns WHERE relation = 'kms_test_data.theirs'::regclass AND decrypted_view = 'kms_test_data.theirs_decrypted'::regclass), 'v,w', 'a view that was dropped is made anew, with all columns');
SET ROLE kms_test_owner;
INSERT INTO kms_test_data.theirs VALUES (1, 'v', 'w');
SELECT is((SELECT v || w FROM kms_test_data.theirs_decrypted), 'vw', 'the owner reads by it'),
	   is(pg_temp.verdict('GRANT SELECT ON kms_test_data.theirs_decrypted TO kms_test_reader'), 'fine', 'and lets others read');
RESET ROLE;
SELECT is(pg_temp.complaint('SELECT kms_unprotect_column(''kms_test_data.theirs'', ''v'')'), '42501|Forbidden.NoPermission|must be owner of table theirs', 'a superuser does not decrypt for an owner');
SET ROLE kms_test_owner;
SELECT kms_unprotect_column('kms_test_data.theirs', 'v') \g /dev/null
RESET ROLE;
SELECT is((SELECT v || ' ' || left(w, 6) FROM kms_test_data.theirs), 'v kms:1:', 'in his place he does');

/* Objects of the caller's come before the system's. */
CREATE SCHEMA kms_test_trap;
CREATE TABLE kms_test_trap.caught (what text);
GRANT ALL ON SCHEMA kms_test_trap TO PUBLIC;
GRANT ALL ON kms_test_trap.caught TO PUBLIC;
SELECT format('CREATE FUNCTION kms_test_trap.spring(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO kms_test_trap.caught VALUES (%2$L); RETURN false; END $f$', t, 'operator of ' || t)
  FROM unnest(ARRAY['oid', 'integer', 'smallint', 'tid', 'uuid', 'bytea', 'name', '"char"', 'text']) t \gexec
SELECT format('CREATE OPERATOR kms_test_trap.%1$s (LEFTARG = %2$s, RIGHTARG = %2$s, FUNCTION = kms_test_trap.spring)', o, t)
  FROM unnest(ARRAY['=', '<>', '<', '>']) o, unnest(ARRAY['oid', 'integer', 'smallint', 'tid', 'uuid', 'bytea', 'name', '"char"', 'text']) t \gexec
CREATE FUNCTION kms_test_trap.joined(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('||'); RETURN NULL; END $$;
CREATE OPERATOR kms_test_trap.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = kms_test_trap.joined);
CREATE FUNCTION kms_test_trap.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('lower'); RETURN NULL; END $$;
CREATE FUNCTION kms_test_trap.kms_encrypt_columns() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('trigger'); RETURN NEW; END $$;
CREATE FUNCTION kms_test_trap.write_decrypted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('view trigger'); RETURN NEW; END $$;
CREATE FUNCTION kms_test_trap.decrypt_column(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE TYPE kms_test_trap.text AS (trapped integer);
CREATE TYPE kms_test_trap.bytea AS (trapped integer);
CREATE TYPE kms_test_trap.int4 AS (trapped integer);
CREATE TABLE kms_test_trap.pg_class (oid oid, relname name);
CREATE TABLE kms_test_trap.pg_constraint (oid oid);
CREATE TABLE kms_test_trap.pg_index (oid oid);
CREATE TABLE kms_test_trap.pg_attribute (oid oid);
CREATE TABLE kms_test_trap.column_job (oid oid);
CREATE TABLE kms_test_trap.bait (id integer PRIMARY KEY, v text, w bytea, u varchar(500));
SET ROLE kms_test_owner;
CREATE TABLE kms_test_data.bait (id integer PRIMARY KEY, v pg_catalog.text, w pg_catalog.bytea, u varchar(500), other pg_catalog.text);
CREATE UNIQUE INDEX ON kms_test_data.bait (other);
CREATE TEMP TABLE bait (id integer PRIMARY KEY, v text, w bytea);
CREATE TEMP TABLE pg_constraint (oid oid);
SET search_path = kms_test_trap, pg_temp, pg_catalog;
SELECT public.kms_protect_column('kms_test_data.bait', c, 'alias/protected', NULL, c OPERATOR(pg_catalog.=) 'v'::pg_catalog.text, CASE WHEN c OPERATOR(pg_catalog.=) 'v'::pg_catalog.text THEN 'alias/search' END) FROM pg_catalog.unnest('{v,w,u}'::pg_catalog.text[]) c \g /dev/null
INSERT INTO kms_test_data.bait VALUES (1, 'v', 'w', 'u');
INSERT INTO kms_test_data.bait_decrypted VALUES (2, 'two', 'two', 'two');
UPDATE kms_test_data.bait_decrypted SET v = 'three', id = 3 WHERE id OPERATOR(pg_catalog.=) 2;
DELETE FROM kms_test_data.bait_decrypted WHERE id OPERATOR(pg_catalog.=) 1;
SELECT * FROM public.kms_scan_column('kms_test_data.bait', 'v') \g /dev/null
SELECT pg_catalog.count(*) FROM kms.protected_columns \g /dev/null
SELECT pg_catalog.count(*) FROM kms.jobs \g /dev/null
SELECT pg_temp.verdict('SELECT public.kms_protect_column(''kms_test_data.bait'', ''other'', ''alias/protected'')') AS verdict \gset
SET search_path = kms_test_data, public;
SELECT is(:'verdict'::text, '55000|InvalidParameter', 'with objects of the caller before the system''s what is refused is refused'),
	   is((SELECT left(v, 6) || length(w) || left(u, 6) FROM kms_test_data.bait), 'kms:1:60kms:1:', 'columns are protected'),
	   is((SELECT format('%s %s %s %s %s', id, v, convert_from(w, 'UTF8'), u, v_blind_index = kms_blind_index('alias/search', 'three')) FROM kms_test_data.bait_decrypted), '3 three two two t', 'and read and written as ever');
SET search_path = kms_test_trap, pg_temp, pg_catalog;
SELECT public.kms_unprotect_column('kms_test_data.bait', c) FROM pg_catalog.unnest('{v,w,u}'::pg_catalog.text[]) c \g /dev/null
SET search_path = kms_test_data, public;
SELECT is((SELECT format('%s %s %s %s', id, v, convert_from(w, 'UTF8'), u) FROM kms_test_data.bait), '3 three two two', 'and taken back'),
	   is((SELECT string_agg(DISTINCT what, ',') FROM kms_test_trap.caught), NULL, 'nothing of the caller''s was run');
DROP TABLE pg_temp.pg_constraint, pg_temp.bait;

-- ---- keys that are to be deleted ---------------------------------------------

SELECT kms_create_key() AS doomed, kms_create_key() AS spare, kms_create_key('HMAC_SHA_256') AS doomed_search \gset
SELECT kms_create_alias(:'doomed', 'alias/doomed'), kms_create_alias(:'doomed_search', 'alias/doomed-search') \g /dev/null
CREATE TABLE held (id integer PRIMARY KEY, "V" text, w text);
SELECT kms_protect_column('held', 'V', 'alias/doomed', blind_index => true, blind_index_key_id => 'alias/doomed-search'), kms_protect_column('held', 'w', :'key') \g /dev/null
INSERT INTO held SELECT n, 'v', 'w' FROM generate_series(1, 3) n;
SELECT kms_update_alias(:'spare', 'alias/doomed') \g /dev/null
INSERT INTO held VALUES (4, 'v', 'w'), (5, NULL, NULL);
SET client_min_messages = notice;
-- rows under a key whose alias moved: counted
SELECT kms_schedule_key_deletion(:'doomed', 7) \g /dev/null
-- the key of now: rows, and what is written
SELECT kms_schedule_key_deletion(:'spare', 7) \g /dev/null
-- the search key
SELECT kms_schedule_key_deletion(:'doomed_search', 7) \g /dev/null
-- another key: nothing
SELECT kms_schedule_key_deletion(:'other', 7) \g /dev/null
SET client_min_messages = warning;
SELECT is(pg_temp.verdict('INSERT INTO held VALUES (6, ''v'')'), '55000|Rejected.PendingDeletion', 'and it is as they say: nothing is written'),
	   is(pg_temp.verdict('SELECT "V" FROM held_decrypted WHERE id = 1'), '55000|Rejected.PendingDeletion', 'nor read'),
	   is((SELECT w FROM held_decrypted WHERE id = 1), 'w', 'but by the other key');

SELECT * FROM finish();
ROLLBACK;
