-- MACs and blind indexes.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup

/* Another session comes to the same results: of a key that is committed, before the test begins. */
SELECT kms_create_key('HMAC_SHA_256') AS lasting \gset
SELECT kms_generate_mac(:'lasting', 'x') AS lasting_mac, kms_blind_index(:'lasting', 'x', '{"a": "1"}') AS lasting_index \gset
\connect -
\i :setup
BEGIN;
SELECT plan(268);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

SELECT is(kms_generate_mac(:'lasting', 'x'), :'lasting_mac', 'another session makes the same MAC'),
	   ok(kms_verify_mac(:'lasting', 'x', :'lasting_mac'), 'and verifies it'),
	   is(kms_blind_index(:'lasting', 'x', '{"a": "1"}'), :'lasting_index', 'and makes the same blind index');

-- ---- spec and usage -------------------------------------------------------

CREATE TEMP TABLE suite (n serial, spec text, len integer, key_id text, other text);
INSERT INTO suite (spec, len) VALUES ('HMAC_SHA_256', 32), ('HMAC_SHA_384', 48), ('HMAC_SHA_512', 64), ('HMAC_SM3', 32);
UPDATE suite SET key_id = kms_create_key(spec), other = kms_create_key(spec, 'GENERATE_VERIFY_MAC');
SELECT is((d).key_spec || ' ' || (d).key_usage || ' ' || (d).origin || ' ' || (d).key_state, format('%s GENERATE_VERIFY_MAC Aliyun_KMS Enabled', spec), spec || ' makes a key for MACs'),
	   is((d).primary_key_version, (SELECT key_version_id FROM kms_list_key_versions(key_id)), 'with a primary version, which is the only one'),
	   is(pg_temp.complaint('SELECT kms_create_key_version(%L)', key_id), format('0A000|Rejected.UnsupportedOperation|key "%s" is for MACs: it has one version only', key_id), 'and stays so'),
	   is(pg_temp.hint('SELECT kms_create_key_version(%L)', key_id), 'Make a new key.', 'the way out is hinted at'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', key_id, '7 days'), '0A000|Rejected.UnsupportedOperation', 'it does not rotate'),
	   is(pg_temp.verdict('SELECT kms_create_key(%L, enable_automatic_rotation => true, rotation_interval => %L)', spec, '7 days'), '0A000|UnsupportedOperation', 'nor is it made to rotate'),
	   is(pg_temp.verdict('SELECT kms_create_key(%L, origin => %L)', spec, 'EXTERNAL'), '0A000|UnsupportedOperation', 'its material is not imported')
  FROM suite CROSS JOIN LATERAL (SELECT kms_describe_key(key_id) AS d OFFSET 0) t ORDER BY n;
UPDATE kms.key SET rotated_at = now() - interval '100 days' WHERE id IN (SELECT key_id::uuid FROM suite);
SELECT is(pg_temp.verdict('SELECT kms_create_key_version(%L)', key_id), '0A000|Rejected.UnsupportedOperation', 'also after a long time ' || spec || ' gets no new version') FROM suite ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_create_key(%L, %L)', spec, usage), format('22023|InvalidParameter|invalid value for key_usage: a key of spec %s is not for %s', spec, usage), format('%s is not for %s', spec, usage))
  FROM suite, unnest(ARRAY['ENCRYPT/DECRYPT', 'SIGN/VERIFY']) usage ORDER BY n, usage;
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L, %L)', spec, 'GENERATE_VERIFY_MAC'), '22023|InvalidParameter', spec || ' is not for MACs')
  FROM unnest(ARRAY['Aliyun_AES_256', 'Aliyun_SM4', 'RSA_2048', 'EC_P256', 'EC_SM2']) spec;

-- ---- MACs -----------------------------------------------------------------

CREATE TEMP TABLE message (n serial, what text, content bytea);
INSERT INTO message (what, content) VALUES ('no bytes', ''), ('a byte', '\x00'), ('a word', 'message'), ('a kilobyte', decode(repeat('5a', 1024), 'hex')), ('a megabyte', decode(repeat('5a', 1048576), 'hex'));
SELECT is(length(kms_generate_mac(key_id, content)), len, format('the MAC of %s by %s is %s bytes', what, spec, len)),
	   is(kms_generate_mac(key_id, content), kms_generate_mac(key_id, content), 'and always the same'),
	   ok(kms_verify_mac(key_id, content, kms_generate_mac(key_id, content)), 'it is verified'),
	   is(kms_verify_mac(key_id, content || '\x00', kms_generate_mac(key_id, content)), false, 'but not of another message'),
	   is(kms_verify_mac(other, content, kms_generate_mac(key_id, content)), false, 'nor by another key'),
	   isnt(kms_generate_mac(other, content), kms_generate_mac(key_id, content), 'whose MAC is another')
  FROM suite, message ORDER BY suite.n, message.n;
SELECT is(count(*) FILTER (WHERE kms_verify_mac(key_id, 'message', substr(mac, 1, length))), 0::bigint, 'a MAC of ' || spec || ' cut off anywhere is not verified')
	   || E'\n' || is((SELECT count(*) FROM generate_series(0, len - 1) at, unnest(ARRAY[1, 128]) bit WHERE kms_verify_mac(key_id, 'message', set_byte(mac, at, get_byte(mac, at) # bit))), 0::bigint, 'nor with any byte changed')
	   || E'\n' || is((SELECT count(*) FROM unnest(ARRAY[''::bytea, mac || '\x00', '\x00' || mac, mac || mac, substr(mac, 2), substr(mac || mac, 2, len), decode(repeat('00', len), 'hex'), decode(repeat('ff', len), 'hex'), decode(repeat('00', 1000000), 'hex')]) forged
						WHERE kms_verify_mac(key_id, 'message', forged)), 0::bigint, 'nor longer, nor anything else')
	   || E'\n' || ok(kms_verify_mac(key_id, 'message', mac), 'after all that it is verified')
  FROM suite CROSS JOIN LATERAL (SELECT kms_generate_mac(key_id, 'message') AS mac OFFSET 0) m CROSS JOIN LATERAL generate_series(0, len - 1) length GROUP BY n, spec, key_id, len, mac ORDER BY n;
SELECT is((SELECT count(DISTINCT kms_generate_mac(key_id, n::text::bytea)) FROM generate_series(1, 10000) n), 10000::bigint, 'ten thousand messages have as many MACs by ' || spec) FROM suite ORDER BY suite.n;

SELECT key_id AS key, other FROM suite WHERE spec = 'HMAC_SHA_256' \gset
SELECT ok(kms_generate_mac(:'key', NULL) IS NULL, 'no message has no MAC'),
	   ok(kms_generate_mac(NULL, NULL) IS NULL, 'whatever the key'),
	   is(pg_temp.verdict('SELECT kms_generate_mac(NULL, %L)', 'x'), '22004|MissingParameter', 'a message needs a key'),
	   is(pg_temp.verdict('SELECT kms_verify_mac(%L, NULL, %L)', :'key', 'x'), '22004|MissingParameter', 'to verify there must be a message'),
	   is(pg_temp.verdict('SELECT kms_verify_mac(%L, %L, NULL)', :'key', 'x'), '22004|MissingParameter', 'and a MAC'),
	   is(pg_temp.verdict('SELECT kms_verify_mac(NULL, %L, %L)', 'x', 'x'), '22004|MissingParameter', 'and a key');

-- ---- names and kinds of keys ----------------------------------------------

SELECT kms_create_alias(:'key', 'alias/mac') IS NULL AS ignored \gset
SELECT is(kms_generate_mac(name, 'x'), kms_generate_mac(:'key', 'x'), 'a key for MACs is named by ' || what),
	   ok(kms_verify_mac(name, 'x', kms_generate_mac(:'key', 'x')), 'to verify, too'),
	   is(kms_blind_index(name, 'x'), kms_blind_index(:'key', 'x'), 'and for blind indexes')
  FROM (VALUES ((kms_describe_key(:'key')).arn, 'its ARN'), ('alias/mac', 'an alias'), (upper(:'key'), 'its id in capitals')) t (name, what);
CREATE TEMP TABLE stranger AS SELECT spec, usage, kms_create_key(spec, usage)::text AS key_id
  FROM (VALUES ('Aliyun_AES_256', 'ENCRYPT/DECRYPT'), ('EC_P256', 'SIGN/VERIFY'), ('EC_SM2', 'ENCRYPT/DECRYPT')) t (spec, usage);
SELECT is(pg_temp.verdict(statement, key_id), '0A000|UnsupportedOperation', format('%s for %s %s', spec, usage, what))
  FROM stranger, (VALUES ('SELECT kms_generate_mac(%L, ''x'')', 'makes no MAC'), ('SELECT kms_verify_mac(%L, ''x'', ''x'')', 'verifies none'), ('SELECT kms_blind_index(%L, ''x'')', 'makes no blind index')) t (statement, what)
 ORDER BY spec, usage, what;
SELECT is(pg_temp.verdict(statement, :'key'), verdict, 'a key for MACs ' || what)
  FROM (VALUES ('SELECT kms_encrypt(%L, ''x''::bytea)', '0A000|UnsupportedOperation', 'does not encrypt'), ('SELECT kms_envelope_encrypt(%L, ''x''::bytea)', '0A000|UnsupportedOperation', 'makes no envelope'),
			   ('SELECT kms_generate_data_key(%L)', '0A000|UnsupportedOperation', 'makes no data key'), ('SELECT kms_asymmetric_sign(%L, NULL, ''ED25519'', ''x'')', '0A000|Rejected.UnsupportedOperation', 'does not sign'),
			   ('SELECT kms_asymmetric_decrypt(%L, NULL, ''SM2PKE'', ''x'')', '0A000|Rejected.UnsupportedOperation', 'does not decrypt'), ('SELECT kms_get_public_key(%L)', '0A000|Rejected.UnsupportedOperation', 'has no public key'),
			   ('SELECT kms_re_encrypt(kms_encrypt(kms_create_key()::text, ''x''::text), %L)', '0A000|UnsupportedOperation', 'is no destination')) t (statement, verdict, what);

-- ---- blind indexes --------------------------------------------------------

SELECT is(length(kms_blind_index(:'key', value)), 32, format('the blind index of %L is 32 bytes', value)),
	   is(kms_blind_index(:'key', value), kms_blind_index(:'key', value), 'and always the same'),
	   isnt(kms_blind_index(:'other', value), kms_blind_index(:'key', value), 'by another key it is another'),
	   isnt(kms_blind_index(:'key', value, '{"column": "name"}'), kms_blind_index(:'key', value), 'within a context, too'),
	   isnt(kms_blind_index(:'key', value), kms_generate_mac(:'key', convert_to(value, 'UTF8')), 'and it is not the MAC of its bytes')
  FROM unnest(ARRAY['', 'a', 'Müller 中', ' Müller 中']) value;
SELECT is(kms_blind_index(:'key', 'x', context::jsonb), kms_blind_index(:'key', 'x', like_context::jsonb), format('%s is the context %s', coalesce(context, 'none'), coalesce(like_context, 'none')))
  FROM (VALUES ('{}', NULL), ('{"a": "1", "b": "2"}', '{"b":"2","a":"1"}'), (NULL, NULL)) t (context, like_context);
SELECT is((SELECT count(DISTINCT kms_blind_index(:'key', value, context)) FROM unnest(ARRAY['', 'a', 'A', 'a ', 'aa', E'\u00e4', E'a\u0308']) value,
																			   unnest(ARRAY[NULL, '{"a": "1"}', '{"a": "2"}', '{"b": "1"}', '{"a": ""}', '{"": "a"}', '{"a": "1", "b": "1"}']::jsonb[]) context), 49::bigint,
		  'seven values in seven contexts have as many blind indexes'),
	   is((SELECT count(DISTINCT kms_blind_index(:'key', n::text)) FROM generate_series(1, 10000) n), 10000::bigint, 'and ten thousand values');
SELECT ok(kms_blind_index(:'key', NULL) IS NULL, 'no value has no blind index'),
	   ok(kms_blind_index(NULL, NULL, '{"a": "1"}') IS NULL, 'whatever key and context'),
	   is(pg_temp.verdict('SELECT kms_blind_index(NULL, %L)', 'x'), '22004|MissingParameter', 'a value needs a key'),
	   is(pg_temp.verdict('SELECT kms_blind_index(%L, %L, %L)', :'key', 'x', '{"a": 1}'), '22023|InvalidParameter', 'and a context that is one'),
	   is(length(kms_blind_index(:'key', repeat('x', 1000000))), 32, 'a long value has one as well');
SELECT is(pg_temp.complaint('SELECT kms_blind_index(%L, %L)', key_id, 'x'), format('0A000|UnsupportedOperation|key "%s" is not for this operation', key_id), spec || ' makes no blind index'),
	   is(pg_temp.hint('SELECT kms_blind_index(%L, %L)', key_id, 'x'), 'It takes a key of spec HMAC_SHA_256.', 'the way out is hinted at')
  FROM suite WHERE spec <> 'HMAC_SHA_256' ORDER BY n;

/* For searching a column that is encrypted. */
CREATE TEMP TABLE person (name_blob bytea, name_index bytea);
SELECT kms_create_key() AS encryption_key \gset
INSERT INTO person SELECT kms_encrypt(:'encryption_key', 'name ' || n), kms_blind_index(:'key', 'name ' || n, '{"column": "name"}') FROM generate_series(1, 1000) n;
CREATE INDEX person_name ON person (name_index);
ANALYZE person;
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP
		plan = plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;
SELECT matches(pg_temp.plan_of(format('SELECT * FROM person WHERE name_index = kms_blind_index(%L, %L, %L)', :'key', 'name 7', '{"column": "name"}')), 'Index Scan using person_name|Bitmap Index Scan on person_name', 'an index serves the search by blind index');
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT matches(pg_temp.plan_of(format('SELECT * FROM person WHERE name_index = kms_blind_index(%L, %L, %L)', :'key', 'name 7', '{"column": "name"}')), 'Index Scan using person_name.*Index Cond: \(name_index = kms_blind_index', 'as the condition of its scan');
SELECT results_eq(format('SELECT kms_decrypt_text(name_blob) FROM person WHERE name_index = kms_blind_index(%L, %L, %L)', :'key', 'name 7', '{"column": "name"}'), ARRAY['name 7'], 'which finds the row'),
	   is_empty(format('SELECT FROM person WHERE name_index = kms_blind_index(%L, %L, %L)', :'key', 'name 1001', '{"column": "name"}'), 'and none that is not there'),
	   is_empty(format('SELECT FROM person WHERE name_index = kms_blind_index(%L, %L)', :'key', 'name 7'), 'nor without the context'),
	   is_empty(format('SELECT FROM person WHERE name_index = kms_blind_index(%L, %L, %L)', :'other', 'name 7', '{"column": "name"}'), 'nor by another key');
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT is(pg_temp.verdict('CREATE INDEX ON person (kms_blind_index(%L, encode(name_blob, %L)))', :'key', 'hex'), '42P17|', 'it is no expression to build an index on: the key may be disabled');

-- ---- disabled, deleted, failed --------------------------------------------

PREPARE authenticate AS SELECT kms_generate_mac(:'other', 'x'), kms_verify_mac(:'other', 'x', 'x'), kms_blind_index(:'other', 'x');
SELECT is(pg_temp.verdict('EXECUTE authenticate'), 'fine', 'a prepared statement makes and verifies MACs');
SELECT kms_disable_key(:'other') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('EXECUTE authenticate'), '55000|Rejected.Disabled', 'not with a disabled key');
SELECT kms_enable_key(:'other') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('EXECUTE authenticate'), 'fine', 'but when it is enabled');
UPDATE kms.key SET state = 'PendingDeletion', delete_at = clock_timestamp() WHERE id = :'other';
SELECT is(pg_temp.verdict('EXECUTE authenticate'), '42704|Forbidden.KeyNotFound', 'and not after its delete date');
SELECT kms_run_jobs() \g /dev/null
SELECT is(pg_temp.verdict('EXECUTE authenticate'), '42704|Forbidden.KeyNotFound', 'nor when it is erased');
DEALLOCATE authenticate;
CREATE FUNCTION pg_temp.stumble(times integer, mac_key text, sm3_key text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	refused integer = 0;
	good integer = 0;
	mac bytea = kms_generate_mac(mac_key, 'x');
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			CASE i % 4
				WHEN 0 THEN PERFORM kms_blind_index(sm3_key, 'x');
				WHEN 1 THEN PERFORM kms_blind_index(mac_key, 'x', '[]');
				WHEN 2 THEN PERFORM kms_verify_mac(mac_key, 'x', NULL);
				WHEN 3 THEN PERFORM kms_disable_key(mac_key), kms_generate_mac(mac_key, 'x');
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			refused = refused + 1;
		END;
		good = good + kms_verify_mac(mac_key, 'x', mac)::integer;
	END LOOP;
	RETURN refused || ' refused, ' || good || ' good';
END
$$;
SELECT is(pg_temp.stumble(1000, :'key', (SELECT key_id FROM suite WHERE spec = 'HMAC_SM3')), '1000 refused, 1000 good', 'a thousand errors caught in a row leave the key as it was');

SELECT * FROM finish();
ROLLBACK;
DELETE FROM kms.key_version WHERE key_id = :'lasting';
DELETE FROM kms.key WHERE id = :'lasting';
