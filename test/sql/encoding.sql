-- Databases that do not speak UTF-8: ciphertexts and contexts are UTF-8 all the same.
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
SELECT plan(22);
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
SELECT * FROM finish();
ROLLBACK;

-- ---- SQL_ASCII ------------------------------------------------------------

\c kms_test_ascii
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION kms;
\i :setup
BEGIN;
SELECT plan(5);
SELECT kms_create_key() AS key \gset
SELECT is(current_setting('server_encoding'), 'SQL_ASCII', 'this database speaks nothing in particular');
SELECT is(kms_decrypt_text(kms_encrypt(:'key', 'plain'::text)), 'plain', 'its texts are decrypted as they were'),
	   is(kms_decrypt(kms_encrypt(:'key', E'\xfc\xc3'::text)), '\xfcc3'::bytea, 'and so are bytes that are no UTF-8'),
	   is(kms_decrypt_text(kms_encrypt(:'key', E'\xfc\xc3'::text)), E'\xfc\xc3', 'as a text too'),
	   is(pg_temp.verdict('SELECT kms_decrypt_text(%L)', kms_encrypt(:'key', '\x00'::bytea)::text), '22021|InvalidParameter', 'but a null byte is no text');
SELECT * FROM finish();
ROLLBACK;

\c :home
DROP DATABASE kms_test_latin1;
DROP DATABASE kms_test_ascii;
