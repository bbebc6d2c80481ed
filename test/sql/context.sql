-- The encryption context: what it may be, and when two are the same.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(73);

SELECT kms_create_key() AS key \gset
CREATE TEMP TABLE the_key AS SELECT :'key'::text AS key_id;
CREATE FUNCTION pg_temp.opens(sealed jsonb, opened jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_decrypt(%L, %L)', kms_encrypt((SELECT key_id FROM pg_temp.the_key), 'x'::bytea, sealed)::text, opened::text) $$;

-- ---- the same or not ------------------------------------------------------

SELECT is(pg_temp.opens(a, b), 'fine', what || ' is the same context')
  FROM (VALUES ('{"a": "1"}'::jsonb, '{"a": "1"}'::jsonb, 'the same object'),
			   ('{"a": "1", "b": "2"}', '{"b": "2", "a": "1"}', 'another order of the pairs'),
			   ('{"b": "2", "aa": "1", "c": "3"}', '{"c": "3", "b": "2", "aa": "1"}', 'another order of keys of different lengths'),
			   (NULL, NULL, 'none and none'), (NULL, '{}', 'none and the empty object'), ('{}', NULL, 'the empty object and none'),
			   ('{"a":"1"}', ' { "a" : "1" } ', 'other white space'),
			   ('{"\u0061": "1"}', '{"a": "1"}', 'an escaped letter'), ('{"ü": "€😀"}', '{"\u00fc": "\u20ac\ud83d\ude00"}', 'an escaped character'),
			   ('{"": ""}', '{"": ""}', 'an empty key with an empty value'),
			   ('{"a": "\"\\\/\n\t"}', '{"a": "\"\\/\u000a\u0009"}', 'another escape of the same characters')) t (a, b, what);
SELECT is(pg_temp.opens(a, b), '22023|InvalidParameter', a::text || ' does not open with ' || b::text),
	   is(pg_temp.opens(b, a), '22023|InvalidParameter', b::text || ' does not open with ' || a::text)
  FROM (VALUES ('{"a": "1"}'::jsonb, '{}'::jsonb), ('{"a": "1"}', '{"a": "2"}'), ('{"a": "1"}', '{"A": "1"}'), ('{"a": "1"}', '{"b": "1"}'),
			   ('{"a": "1"}', '{"a": "1", "b": "2"}'), ('{"a": "bc"}', '{"ab": "c"}'), ('{"": "a"}', '{"a": ""}'), ('{"": ""}', '{}'),
			   ('{"a": "b=c"}', '{"a=b": "c"}'), ('{"a": "1", "b": "2"}', '{"a": "2", "b": "1"}'), ('{"a": "ü"}', '{"a": "u\u0308"}'),
			   ('{"a": "1 "}', '{"a": "1"}'), ('{"ab": "", "c": ""}', '{"a": "", "bc": ""}')) t (a, b);
SELECT is(pg_temp.complaint('SELECT kms_decrypt(%L, %L)', kms_encrypt(:'key', 'x'::bytea, '{"a": "1"}')::text, '{"a": "2"}'),
		  '22023|InvalidParameter|ciphertext cannot be decrypted', 'the wrong context is said to be no more than a failure');
SELECT is(pg_temp.complaint('SELECT kms_decrypt(%L)', kms_encrypt(:'key', 'x'::bytea, '{"a": "1"}')::text),
		  '22023|InvalidParameter|ciphertext cannot be decrypted', 'a missing context likewise');
SELECT is(pg_temp.complaint('SELECT kms_decrypt(%L, %L)', kms_encrypt(:'key', 'x'::bytea)::text, '{"a": "1"}'),
		  '22023|InvalidParameter|ciphertext cannot be decrypted', 'a context where there was none likewise');

-- ---- what is none ---------------------------------------------------------

CREATE TEMP TABLE takes_context (n serial, operation text, statement text);
INSERT INTO takes_context (operation, statement) VALUES
	('Encrypt', 'SELECT kms_encrypt(%1$L, ''x''::bytea, %2$L)'),
	('Encrypt text', 'SELECT kms_encrypt(%1$L, ''x''::text, %2$L)'),
	('Decrypt', 'SELECT kms_decrypt(%3$L, %2$L)'),
	('Decrypt text', 'SELECT kms_decrypt_text(%3$L, %2$L)'),
	('GenerateDataKey', 'SELECT kms_generate_data_key(%1$L, encryption_context => %2$L)'),
	('GenerateDataKeyWithoutPlaintext', 'SELECT kms_generate_data_key_without_plaintext(%1$L, encryption_context => %2$L)'),
	('ReEncrypt from', 'SELECT kms_re_encrypt(%3$L, %1$L, %2$L)'),
	('ReEncrypt to', 'SELECT kms_re_encrypt(%3$L, %1$L, NULL, %2$L)');
CREATE TEMP TABLE bad_context (n serial, context text, message text);
INSERT INTO bad_context (context, message) VALUES
	('[]', 'it must be a JSON object'), ('["a"]', 'it must be a JSON object'), ('[{"a": "1"}]', 'it must be a JSON object'),
	('"a"', 'it must be a JSON object'), ('1', 'it must be a JSON object'), ('true', 'it must be a JSON object'), ('null', 'it must be a JSON object'),
	('{"a": 1}', 'every value must be a string'), ('{"a": true}', 'every value must be a string'), ('{"a": null}', 'every value must be a string'),
	('{"a": []}', 'every value must be a string'), ('{"a": {}}', 'every value must be a string'), ('{"a": {"b": "c"}}', 'every value must be a string'),
	('{"a": ["b"]}', 'every value must be a string'), ('{"a": "1", "b": 2}', 'every value must be a string'),
	('{"a": 1, "b": "2"}', 'every value must be a string'),
	(json_build_object('k', repeat('v', 8184))::text, 'it is longer than 8192 characters'),
	(json_build_object('k', repeat('ü', 8184))::text, 'it is longer than 8192 characters'),
	(json_build_object('k', repeat('"', 4092))::text, 'it is longer than 8192 characters'),
	(json_build_object('k', repeat(chr(1), 1364))::text, 'it is longer than 8192 characters'),
	(json_build_object(repeat('k', 8184), 'v')::text, 'it is longer than 8192 characters'),
	(json_build_object('k', repeat('v', 1000000))::text, 'it is longer than 8192 characters'),
	((SELECT json_object_agg('key' || n, '') FROM generate_series(1, 10000) n)::text, 'it is longer than 8192 characters');
SELECT ok(bool_and(pg_temp.complaint(t.statement, :'key', b.context, kms_encrypt(:'key', 'x'::bytea)::text)
				   = '22023|InvalidParameter|invalid value for encryption_context: ' || b.message),
		  t.operation || ' refuses everything that is no object of strings of at most 8192 characters')
  FROM takes_context t CROSS JOIN bad_context b GROUP BY t.n, t.operation ORDER BY t.n;

-- ---- up to the limit ------------------------------------------------------

SELECT is(length(context::jsonb::text), characters, what || ' has ' || characters || ' characters'),
	   is(pg_temp.opens(context, context), 'fine', what || ' is a context'),
	   is(pg_temp.opens(context, context || '{"k": "other"}'), '22023|InvalidParameter', what || ' is not another context')
  FROM (VALUES (jsonb_build_object('k', repeat('v', 8183)), 8192, 'a long value'),
			   (jsonb_build_object('k', repeat('ü', 8183)), 8192, 'a long value of two-byte characters'),
			   (jsonb_build_object('k', repeat('😀', 8183)), 8192, 'a long value of four-byte characters'),
			   (jsonb_build_object('k', repeat('"', 4091)), 8191, 'a long value of quotation marks'),
			   (jsonb_build_object('k', repeat(chr(1), 1363)), 8187, 'a long value of control characters'),
			   (jsonb_build_object(repeat('k', 8182), 'v'), 8191, 'a long key')) t (context, characters, what);
SELECT is(length(context::text) <= 8192, true, 'a context may have 500 pairs'),
	   is(pg_temp.opens(context, context), 'fine', 'and opens again'),
	   is(pg_temp.opens(context, context - 'k599'), '22023|InvalidParameter', 'and not with one pair less')
  FROM (SELECT jsonb_object_agg('k' || n, n::text) AS context FROM generate_series(100, 599) n) t;

-- ---- many contexts at one place of a query --------------------------------

CREATE TEMP TABLE rows_with_context (id integer, context jsonb, blob bytea);
ALTER TABLE rows_with_context ALTER context SET STORAGE EXTERNAL;
INSERT INTO rows_with_context
	SELECT n, c, kms_encrypt(:'key', n::text, c)
	  FROM generate_series(1, 400) n
	 CROSS JOIN LATERAL (SELECT CASE n % 8 WHEN 0 THEN NULL WHEN 1 THEN '{}'::jsonb WHEN 2 THEN '{"tenant": "constant"}'
									ELSE jsonb_build_object('tenant', n::text, 'pad', repeat(n::text, 200 * (n % 8))) END AS c OFFSET 0) l;
SELECT is((SELECT count(*) FROM rows_with_context WHERE kms_decrypt_text(blob, context) = id::text), 400::bigint,
		  'each row opens with its own context, constant, changing, compressed, stored outside or none');
SELECT is((SELECT count(*) FROM rows_with_context a JOIN rows_with_context b ON b.id = a.id + 8
			WHERE pg_temp.verdict('SELECT kms_decrypt(%L, %L)', a.blob::text, b.context::text) = 'fine'),
		  (SELECT count(*) FROM rows_with_context a JOIN rows_with_context b ON b.id = a.id + 8
			WHERE coalesce(a.context, '{}') = coalesce(b.context, '{}')),
		  'no row opens with the context of another');
SELECT is((SELECT count(*) FROM rows_with_context a, rows_with_context b
			WHERE a.id < 40 AND b.id < 40
			  AND kms_decrypt_text(kms_re_encrypt(a.blob, :'key', a.context, b.context), b.context) = a.id::text), 1521::bigint,
		  're-encryption keeps its two contexts apart');

CREATE FUNCTION pg_temp.take_turns(key_id text) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
	good integer = 0;
	blob bytea;
	context jsonb;
BEGIN
	FOREACH context IN ARRAY ARRAY['{"a": "1"}', '{"a": 1}', '{"a": "1"}', '[]', '{"a": "2"}', NULL, '{}', '{"a": []}', '{"a": "2"}']::jsonb[] LOOP
		BEGIN
			blob = kms_encrypt(key_id, 'x'::bytea, context);
			IF kms_decrypt(blob, context) = 'x' THEN
				good = good + 1;
			END IF;
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
	END LOOP;
	RETURN good;
END
$$;
SELECT is(pg_temp.take_turns(:'key'), 6, 'a bad context does not spoil the next good one');

SELECT * FROM finish();
ROLLBACK;
