-- Databases that do not speak UTF-8: ciphertexts, contexts and secrets are UTF-8 all the same.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS kms_test_latin1;
DROP DATABASE IF EXISTS kms_test_ascii;
CREATE DATABASE kms_test_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE kms_test_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;

-- ---- LATIN1 ---------------------------------------------------------------

\c kms_test_latin1
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION kms;
\i :setup
SET client_encoding = 'UTF8';
BEGIN;
SELECT plan(54);
SELECT kms_create_key() AS key \gset

SELECT is(current_setting('server_encoding'), 'LATIN1', 'this database speaks LATIN1');
SELECT is(kms_decrypt(kms_encrypt(:'key', 'Grüße'::text)), '\x4772c3bcc39f65'::bytea, 'its texts are encrypted as UTF-8'),
	   is(kms_decrypt_text(kms_encrypt(:'key', 'Grüße'::text)), 'Grüße', 'and decrypted as they were'),
	   is(kms_decrypt_text(kms_encrypt(:'key', '\x4772c3bcc39f65'::bytea)), 'Grüße', 'UTF-8 is decrypted as a text of this database');
SELECT is(octet_length(kms_decrypt_text(kms_encrypt(:'key', '\xc3bc'::bytea))), 1, 'of one byte a character');
SELECT is(kms_decrypt_text(kms_encrypt(:'key', ''::text)), '', 'an empty text is an empty text');
SELECT is(pg_temp.complaint('SELECT kms_decrypt_text(%L)', kms_encrypt(:'key', bytes)::text),
		  '22021|InvalidParameter|decrypted bytes are not text in this database''s encoding', what || ' is no text here')
  FROM (VALUES ('\xe282ac'::bytea, 'the Euro sign'), ('\xf09f9880'::bytea, 'a smiling face'), ('\xfc'::bytea, 'a byte of LATIN1'), ('\x6100'::bytea, 'a null byte'), ('\x61c3'::bytea, 'half a character')) t (bytes, what);
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, repeat(%L, 3072))', :'key', 'ü'), 'fine', '3072 letters of two bytes in UTF-8 are not too long'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, repeat(%L, 3073))', :'key', 'ü'), '22023|InvalidParameter', '3073 are'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, repeat(%L, 10000000))', :'key', 'ü'), '22023|InvalidParameter', 'ten million are, too'),
	   is(kms_decrypt_text(kms_encrypt(:'key', repeat('x', 6144))), repeat('x', 6144), '6144 letters of one byte are not');
SELECT is(kms_decrypt_text(kms_encrypt(:'key', 'x'::text, '{"ü": "ß"}'), '{"\u00fc": "\u00df"}'), 'x', 'a context is the same however it is written'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L, %L)', kms_encrypt(:'key', 'x'::text, '{"ü": "ß"}')::text, '{"u": "s"}'), '22023|InvalidParameter', 'and another is another');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, ''x''::text, jsonb_build_object(''k'', repeat(%L, 8183)))', :'key', 'ü'), 'fine', 'a context may have 8192 characters'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, ''x''::text, jsonb_build_object(''k'', repeat(%L, 8184)))', :'key', 'ü'), '22023|InvalidParameter', 'and not 8193');
SELECT is((kms_describe_key(kms_create_key(description => 'Schlüssel')::text)).description, 'Schlüssel', 'a description is kept'),
	   is(pg_temp.verdict('SELECT kms_create_alias(%L, %L)', :'key', 'alias/ä'), '22023|InvalidParameter', 'an alias has no other letters here either');
SELECT is((SELECT count(*) FROM generate_series(1, 255) n WHERE kms_decrypt_text(kms_encrypt(:'key', chr(n))) = chr(n)), 255::bigint, 'every character of LATIN1 comes back');

/* Encrypted columns. */
CREATE TEMP TABLE "Straße" ("Größe" text, id text);
SELECT format('CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON pg_temp."Straße" FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%L, %L, ''id'')', :'key', '"Größe"') \gexec
INSERT INTO "Straße" VALUES ('Grüße', 'ä'), (repeat('ü', 4000), 'ö');
SELECT is(string_agg(kms_try_decrypt_text(decode(substr("Größe", 7), 'base64'), jsonb_build_object('table', 'Straße', 'column', 'Größe', 'id', id)), '|' ORDER BY id), 'Grüße|' || repeat('ü', 4000), 'a column is encrypted as UTF-8, and so are the names and values of its context') FROM "Straße";
SELECT is(string_agg((kms_ciphertext_info(decode(substr("Größe", 7), 'base64'))).plaintext_length::text, '|' ORDER BY id), '7|8000', 'it is the length in UTF-8 that makes an envelope') FROM "Straße";
UPDATE "Straße" SET "Größe" = "Größe" || '', id = id || 'x' WHERE id = 'ä';
SELECT is(kms_try_decrypt_text(decode(substr("Größe", 7), 'base64'), jsonb_build_object('table', 'Straße', 'column', 'Größe', 'id', id)), 'Grüße', 'and moves with them') FROM "Straße" WHERE id = 'äx';

/* Secrets. */
SELECT is((SELECT count(*) FROM kms_list_secrets()), 0::bigint, 'a new database has no secret'), is((SELECT count(*) FROM kms.aliases WHERE alias_name = 'alias/acs/secrets'), 0::bigint, 'and no key for them');
SELECT kms_create_secret('s', 'v1', 'Grüße', description => 'Schlüssel') \g /dev/null
SELECT is(g.secret_data, 'Grüße', 'a text secret is read as it was'), is(octet_length(g.secret_data), 5, 'of one byte a character'), is(g.secret_data_type, 'text', 'as a text') FROM kms_get_secret_value('s') g;
SELECT is((SELECT plaintext_length FROM kms.secret_version v, kms_ciphertext_info(v.value)), 7::bigint, 'it is stored as UTF-8');
SELECT is(pg_temp.verdict('SELECT kms_put_secret_value(''s'', ''v1'', %L)', value), expected, 'put again, ' || what)
  FROM (VALUES (1, 'Grüße', 'fine', 'it is the same'), (2, 'Gruße', '42710|Rejected.ResourceExist', 'another letter is another value'), (3, U&'Gr\00C3\00BC\00C3\009Fe', '42710|Rejected.ResourceExist', 'and so is UTF-8 taken for LATIN1')) t (n, value, expected, what) ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_put_secret_value(''s'', ''v2'', repeat(%L, %s))', letter, number::text), expected, what)
  FROM (VALUES (1, 'ü', 15360, 'fine', '15360 letters of two bytes in UTF-8 are not too long for a secret'), (2, 'ü', 15361, '22023|InvalidParameter', '15361 are'), (3, 'ü', 1000000, '22023|InvalidParameter', 'a million are, too'), (4, 'x', 30721, '22023|InvalidParameter', 'and 30721 of one')) t (n, letter, number, expected, what) ORDER BY n;
SELECT is((kms_get_secret_value('s')).secret_data, repeat('ü', 15360), 'the longest comes back');
SELECT kms_put_secret_value('s', 'v3', string_agg(chr(n), '' ORDER BY n)) FROM generate_series(1, 255) n \g /dev/null
SELECT is((SELECT octet_length(g.secret_data) FROM kms_get_secret_value('s') g), 255, 'every character of LATIN1 may be in a secret'), is((SELECT count(*) FROM generate_series(1, 255) n, kms_get_secret_value('s') g WHERE substr(g.secret_data, n, 1) = chr(n)), 255::bigint, 'and comes back');
SELECT kms_put_secret_value('s', 'v4', '\xfcc3'::bytea) \g /dev/null
SELECT is(g.secret_binary, '\xfcc3'::bytea, 'a binary secret is not converted'), is(g.secret_data, '/MM=', 'and its Base64 is text here, too') FROM kms_get_secret_value('s') g;
SELECT is((kms_describe_secret('s')).description, 'Schlüssel', 'the description of a secret is kept'), is((SELECT count(*) FROM kms_list_secrets('[{"Key": "Description", "Values": ["Schlüssel"]}]')), 1::bigint, 'and found'),
	   is((SELECT count(*) FROM kms_list_secrets('[{"Key": "Description", "Values": ["Schl\u00fcssel"]}]')), 1::bigint, 'however it is written');
SELECT is(pg_temp.verdict(statement), '22023|InvalidParameter', 'there are no other letters in ' || what)
  FROM (VALUES ('SELECT kms_create_secret(''ä'', ''v1'', ''x'')', 'its name'), ('SELECT kms_put_secret_value(''s'', ''ä'', ''x'')', 'a version id'), ('SELECT kms_put_secret_value(''s'', ''v5'', ''x'', ''{ä}'')', 'a label')) t (statement, what);
CREATE ROLE "kms_test_läufer" LOGIN;
SELECT kms_create_secret('rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_läufer", "AccountPassword": "pässwörd"}]}', 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "ö", "CustomData": {"ü": "\u00df"}}') \g /dev/null
SELECT is(g.secret_data::jsonb, '{"AccountName": "kms_test_läufer", "AccountPassword": "pässwörd"}'::jsonb, 'the password of a role is read as it was'),
	   is(g.extended_config, '{"SecretSubType": "SingleUser", "DBInstanceId": "ö", "CustomData": {"ü": "ß"}}'::jsonb, 'with its configuration') FROM kms_get_secret_value('rds', fetch_extended_config => true) g;
SELECT is(kms_rotate_secret('rds', 'v2'), 'v2', 'and changed'), is((kms_get_secret_value('rds')).secret_data::jsonb ->> 'AccountName', 'kms_test_läufer', 'for the same role');
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', ''{"Accounts": [{"AccountName": "\u20ac", "AccountPassword": "x"}]}'', ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "x"}'')'),
		  '22023|InvalidParameter', 'an account whose name is no text here is refused');
SELECT * FROM finish();
ROLLBACK;

-- ---- SQL_ASCII ------------------------------------------------------------

\c kms_test_ascii
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION kms;
\i :setup
BEGIN;
SELECT plan(33);
SELECT kms_create_key() AS key \gset
SELECT is(current_setting('server_encoding'), 'SQL_ASCII', 'this database speaks nothing in particular');
SELECT is(kms_decrypt_text(kms_encrypt(:'key', 'plain'::text)), 'plain', 'its texts are decrypted as they were'),
	   is(kms_decrypt(kms_encrypt(:'key', E'\xfc\xc3'::text)), '\xfcc3'::bytea, 'and so are bytes that are no UTF-8'),
	   is(kms_decrypt_text(kms_encrypt(:'key', E'\xfc\xc3'::text)), E'\xfc\xc3', 'as a text too'),
	   is(pg_temp.verdict('SELECT kms_decrypt_text(%L)', kms_encrypt(:'key', '\x00'::bytea)::text), '22021|InvalidParameter', 'but a null byte is no text');

/* Nobody has looked at a text here: as a secret it must be UTF-8. */
SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', %L::text)', value), '22023|InvalidParameter|invalid value for secret_data: it is no valid UTF-8', 'a text secret is not made of ' || what),
	   is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', %L::text), kms_put_secret_value(''n'', ''v2'', %L::text)', 'x', value), '22023|InvalidParameter', 'or put with ' || what)
  FROM (VALUES (1, E'\xfc', 'a byte of LATIN1'), (2, E'a\xc3', 'half a character'), (3, E'\xbc', 'the other half'), (4, E'\xc0\x80', 'a null byte in disguise'), (5, E'\xe0\x80\xaf', 'what is longer than need be'), (6, E'\xed\xa0\x80', 'half a surrogate pair'),
			   (7, E'\xf4\x90\x80\x80', 'what lies beyond the last character'), (8, E'\xff', 'a byte that UTF-8 has not'), (9, repeat('x', 30000) || E'\xc3', 'much and half a character')) t (n, value, what) ORDER BY n;
SELECT is((SELECT count(*) FROM kms_list_secrets()), 0::bigint, 'what was refused is not there');
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''s'', ''v1'', %L::text)', E'Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80'), 'fine', 'UTF-8 is made a secret');
SELECT is((kms_get_secret_value('s')).secret_data, E'Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80', 'and read as it was'), is(pg_temp.verdict('SELECT kms_put_secret_value(''s'', ''v1'', %L::text)', E'Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80'), 'fine', 'put again, it is the same');
SELECT is(pg_temp.verdict('SELECT kms_put_secret_value(''s'', ''v2'', ''''::text)'), 'fine', 'so is an empty text'), is((kms_get_secret_value('s')).secret_data, '', 'put and read');
SELECT is(pg_temp.verdict('SELECT kms_put_secret_value(''s'', ''v3'', repeat(%L, 15360))', E'\xc3\xbc'), 'fine', 'a secret may have 30720 bytes'), is(pg_temp.verdict('SELECT kms_put_secret_value(''s'', ''v4'', repeat(%L, 15360) || ''x'')', E'\xc3\xbc'), '22023|InvalidParameter', 'and not one more');
SELECT kms_put_secret_value('s', 'v5', '\xfcc3'::bytea) \g /dev/null
SELECT is((kms_get_secret_value('s')).secret_binary, '\xfcc3'::bytea, 'other bytes are a binary secret');
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', %L::text, ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "x"}'')', E'{"Accounts": [{"AccountName": "kms_test_\xfc", "AccountPassword": "x"}]}'),
		  '22023|InvalidParameter', 'the password of a role is text, too');
SELECT * FROM finish();
ROLLBACK;

\c :home
DROP DATABASE kms_test_latin1;
DROP DATABASE kms_test_ascii;
