-- Data keys for somebody else: under his public key, which is RSA of 2048 bits or SM2.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(321);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

SELECT kms_create_key() AS key, kms_create_key('SM4') AS other, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS rsa, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS sm2,
	   kms_create_key('EC_SM2') AS sm2_signer \gset
SELECT (kms_describe_key(:'key')).primary_key_version AS version, (kms_describe_key(:'key')).arn AS arn,
	   pg_temp.der(kms_get_public_key(:'rsa')) AS rsa_public, pg_temp.der(kms_get_public_key(:'sm2')) AS sm2_public \gset
SELECT kms_create_alias(:'key', 'alias/export') IS NULL AS ignored \gset

/* The receivers are keys of ours, so that what was exported can be looked at. */
CREATE TEMP TABLE receiver (n serial, spec text, algorithm text, max integer, key_id text, public_key bytea);
INSERT INTO receiver (spec, algorithm, max, key_id, public_key) VALUES
	('RSA_2048', 'RSAES_OAEP_SHA_256', 190, :'rsa', :'rsa_public'), ('RSA_2048', 'RSAES_OAEP_SHA_1', 214, :'rsa', :'rsa_public'), ('EC_SM2', 'SM2PKE', 6047, :'sm2', :'sm2_public');

-- ---- exporting ------------------------------------------------------------

SELECT is(kms_asymmetric_decrypt(key_id, NULL, algorithm, (e).exported_data_key), kms_decrypt(blob, context), format('a data key of %s bytes is exported to %s with %s, within %s', len, spec, algorithm, coalesce(context::text, 'no context'))),
	   is((e).key_id::text || (e).key_version_id, :'key' || :'version', 'the result names key and version'),
	   is(length((e).exported_data_key), CASE spec WHEN 'EC_SM2' THEN len + 97 ELSE 256 END, 'and is nothing but the ciphertext')
  FROM receiver CROSS JOIN (VALUES (1), (16), (32), (190), (191), (214), (215), (1024)) l (len) CROSS JOIN (VALUES (NULL::jsonb), ('{"a": "1"}')) c (context)
 CROSS JOIN LATERAL (SELECT ciphertext_blob AS blob FROM kms_generate_data_key(:'key', number_of_bytes => len, encryption_context => context) OFFSET 0) b
 CROSS JOIN LATERAL (SELECT kms_export_data_key(blob, public_key, spec, algorithm, context) AS e OFFSET 0) t WHERE len <= max ORDER BY n, len, context;
SELECT is(pg_temp.complaint('SELECT kms_export_data_key(%L, %L, %L, %L)', (kms_generate_data_key_without_plaintext(:'key', number_of_bytes => max + 1)).ciphertext_blob::text, public_key::text, spec, algorithm),
		  '22023|InvalidParameter|invalid value for wrapping_algorithm: the data key is longer than it can encrypt under wrapping_key_spec', format('%s bytes are too long for %s', max + 1, algorithm)),
	   is(pg_temp.verdict('SELECT kms_generate_and_export_data_key(%L, %L, %L, %L, number_of_bytes => %s)', :'key', public_key::text, spec, algorithm, (max + 1)::text), '22023|InvalidParameter', 'also of a new data key')
  FROM receiver WHERE spec = 'RSA_2048' ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_export_data_key(%L, %L, %L, %L)', kms_encrypt(:'key', decode(repeat('5a', len), 'hex'))::text, :'sm2_public', 'EC_SM2', 'SM2PKE'), verdict, format('%s bytes: %s with SM2PKE', len, verdict))
  FROM (VALUES (6047, 'fine'), (6048, '22023|InvalidParameter'), (6144, '22023|InvalidParameter')) t (len, verdict);
SELECT is(kms_asymmetric_decrypt(:'rsa', NULL, 'RSAES_OAEP_SHA_1', (kms_export_data_key(kms_encrypt(:'key', ''::bytea), :'rsa_public', 'RSA_2048', 'RSAES_OAEP_SHA_1')).exported_data_key), '', 'what encrypts nothing is exported with OAEP'),
	   is(pg_temp.complaint('SELECT kms_export_data_key(%L, %L, %L, %L)', kms_encrypt(:'key', ''::bytea)::text, :'sm2_public', 'EC_SM2', 'SM2PKE'), '22023|InvalidParameter|invalid value for ciphertext_blob: SM2PKE cannot encrypt nothing', 'but not with SM2PKE');

SELECT is(kms_asymmetric_decrypt(r.key_id, NULL, algorithm, (e).exported_data_key), kms_decrypt((e).ciphertext_blob, '{"a": "1"}'), format('a new data key is the same under the key and under %s with %s', r.spec, algorithm)),
	   is(length(kms_decrypt((e).ciphertext_blob, '{"a": "1"}')), wanted, format('and of %s bytes, if key_spec is %s and number_of_bytes %s', wanted, coalesce(key_spec, 'null'), coalesce(bytes::text, 'null'))),
	   is((e).key_id::text || (e).key_version_id || (kms_ciphertext_info((e).ciphertext_blob)).key_version_id, :'key' || :'version' || :'version', 'the result names key and version')
  FROM receiver r CROSS JOIN (VALUES (NULL, NULL, 32), ('AES_256', NULL, 32), ('AES_128', NULL, 16), (NULL, 1, 1), (NULL, 190, 190), ('AES_128', 64, 64)) a (key_spec, bytes, wanted)
 CROSS JOIN LATERAL (SELECT kms_generate_and_export_data_key('alias/export', public_key, r.spec, algorithm, a.key_spec, bytes, '{"a": "1"}') AS e OFFSET 0) t ORDER BY n, wanted, key_spec;
SELECT is((SELECT count(DISTINCT kms_decrypt((kms_generate_and_export_data_key(:'key', :'sm2_public', 'EC_SM2', 'SM2PKE')).ciphertext_blob)) FROM generate_series(1, 100)), 100::bigint, 'a hundred new data keys are a hundred');
SELECT is(pg_temp.verdict('SELECT kms_generate_and_export_data_key(%L, %L, %L, %L, %L, %s)', :'key', :'sm2_public', 'EC_SM2', 'SM2PKE', spec, bytes), '22023|InvalidParameter', format('key_spec %L with %s bytes makes no data key to export', spec, bytes))
  FROM (VALUES (NULL, '0'), (NULL, '-1'), (NULL, '1025'), ('AES_512', 'NULL'), ('', 'NULL'), ('Aliyun_AES_256', 'NULL')) t (spec, bytes);
SELECT is((kms_generate_and_export_data_key(name, :'sm2_public', 'EC_SM2', 'SM2PKE')).key_id, :'key', 'the key is named by ' || what)
  FROM (VALUES (:'key', 'its id'), (:'arn', 'its ARN'), ('alias/export', 'an alias')) t (name, what);
SELECT is(kms_decrypt((e).ciphertext_blob), kms_asymmetric_decrypt(:'sm2', NULL, 'SM2PKE', (e).exported_data_key), 'a key of SM4 makes and exports data keys, too'),
	   is(kms_asymmetric_decrypt(:'sm2', NULL, 'SM2PKE', (kms_export_data_key((e).ciphertext_blob, :'sm2_public', 'EC_SM2', 'SM2PKE')).exported_data_key), kms_decrypt((e).ciphertext_blob), 'which can be exported again')
  FROM (SELECT kms_generate_and_export_data_key(:'other', :'sm2_public', 'EC_SM2', 'SM2PKE') AS e OFFSET 0) t;

-- ---- algorithms -----------------------------------------------------------

SELECT kms_encrypt(:'key', pg_catalog.sha256('data key')) AS blob, kms_encrypt(:'key', pg_catalog.sha256('data key'), '{"a": "1"}') AS bound \gset
SELECT is(pg_temp.complaint('SELECT kms_export_data_key(%L, %L, %L, %L)', :'blob', public_key, spec, algorithm), '22023|InvalidParameter|' || why, format('spec %L and algorithm %L do not go together', spec, algorithm)),
	   is(pg_temp.verdict('SELECT kms_generate_and_export_data_key(%L, %L, %L, %L)', :'key', public_key, spec, algorithm), '22023|InvalidParameter', 'for a new data key either')
  FROM (VALUES (:'rsa_public', 'RSA_2048', 'SM2PKE', 'invalid value for wrapping_algorithm: it does not fit wrapping_key_spec'), (:'sm2_public', 'EC_SM2', 'RSAES_OAEP_SHA_256', 'invalid value for wrapping_algorithm: it does not fit wrapping_key_spec'),
			   (:'rsa_public', 'RSA_2048', 'RSAES_PKCS1_V1_5', 'invalid value for wrapping_algorithm: it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE'),
			   (:'rsa_public', 'RSA_2048', '', 'invalid value for wrapping_algorithm: it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE'),
			   (:'rsa_public', 'RSA_2048', 'rsaes_oaep_sha_256', 'invalid value for wrapping_algorithm: it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE'),
			   (:'rsa_public', 'RSA_3072', 'RSAES_OAEP_SHA_256', 'invalid value for wrapping_key_spec: it must be RSA_2048 or EC_SM2'), (:'rsa_public', 'RSA_4096', 'RSAES_OAEP_SHA_256', 'invalid value for wrapping_key_spec: it must be RSA_2048 or EC_SM2'),
			   (:'sm2_public', 'EC_P256', 'SM2PKE', 'invalid value for wrapping_key_spec: it must be RSA_2048 or EC_SM2'), (:'sm2_public', '', 'SM2PKE', 'invalid value for wrapping_key_spec: it must be RSA_2048 or EC_SM2'),
			   (:'sm2_public', 'ec_sm2', 'SM2PKE', 'invalid value for wrapping_key_spec: it must be RSA_2048 or EC_SM2')) t (public_key, spec, algorithm, why);

-- ---- what is no public key ------------------------------------------------

/* Keys of other kinds, by the OpenSSL command line; a private key must not be taken for a public one. */
CREATE TEMP TABLE said (base64 text);
CREATE FUNCTION pg_temp.openssl(command text) RETURNS bytea LANGUAGE plpgsql AS
$$
BEGIN
	DELETE FROM said;
	EXECUTE format('COPY said FROM PROGRAM %L', format('bash -c ''%s'' | base64 -w 0', command));
	RETURN decode(base64, 'base64') FROM said;
END
$$;
CREATE TEMP TABLE no_key (n serial, what text, spec text, content bytea);
INSERT INTO no_key (what, spec, content)
	SELECT what, spec, content FROM receiver r CROSS JOIN LATERAL (VALUES
		('no bytes', ''::bytea), ('a byte', '\x30'), ('garbage', decode(repeat('5a', 300), 'hex')), ('zeros', decode(repeat('00', 294), 'hex')), ('a megabyte', decode(repeat('30', 1000000), 'hex')),
		('PEM', convert_to(kms_get_public_key(key_id), 'UTF8')), ('Base64 of the DER', convert_to(replace(encode(public_key, 'base64'), E'\n', ''), 'UTF8')),
		('the DER and a byte more', public_key || '\x00'), ('the DER twice', public_key || public_key), ('the DER without its last byte', substr(public_key, 1, length(public_key) - 1)),
		('the DER without its first byte', substr(public_key, 2)), ('a byte and the DER', '\x00' || public_key), ('a truncated header', substr(public_key, 1, 20)),
		('the other kind of key', CASE spec WHEN 'EC_SM2' THEN :'rsa_public'::bytea ELSE :'sm2_public' END),
		('a key of P-256', pg_temp.der(kms_get_public_key(kms_create_key('EC_P256')::text))), ('a key of secp256k1', pg_temp.der(kms_get_public_key(kms_create_key('EC_P256K')::text))),
		('a key of Ed25519', pg_temp.der(kms_get_public_key(kms_create_key('ED25519')::text)))) k (what, content)
	 WHERE r.n IN (1, 3);
INSERT INTO no_key (what, spec, content) VALUES
	('a private key', 'RSA_2048', pg_temp.openssl('openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER 2>/dev/null || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER 2>/dev/null')),
	('a private key', 'EC_SM2', pg_temp.openssl('openssl genpkey -algorithm SM2 -outform DER')),
	('RSA of 512 bits', 'RSA_2048', pg_temp.openssl('openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512 2>/dev/null | openssl pkey -pubout -outform DER')),
	('RSA of 1024 bits', 'RSA_2048', pg_temp.openssl('openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 2>/dev/null | openssl pkey -pubout -outform DER')),
	('RSA of 2056 bits', 'RSA_2048', pg_temp.openssl('openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2056 2>/dev/null | openssl pkey -pubout -outform DER')),
	('bare RSAPublicKey', 'RSA_2048', substr(:'rsa_public'::bytea, 25)),
	('an even modulus', 'RSA_2048', set_byte(:'rsa_public'::bytea, 288, get_byte(:'rsa_public'::bytea, 288) & 254)),
	('exponent 1', 'RSA_2048', set_byte(set_byte(:'rsa_public'::bytea, 291, 0), 293, 1)),
	('a point that is not on the curve', 'EC_SM2', set_byte(:'sm2_public'::bytea, 90, get_byte(:'sm2_public'::bytea, 90) # 1)),
	('the point 0', 'EC_SM2', substr(:'sm2_public'::bytea, 1, 27) || decode(repeat('00', 64), 'hex')),
	('a coordinate that is too large', 'EC_SM2', substr(:'sm2_public'::bytea, 1, 27) || decode(repeat('ff', 64), 'hex')),
	('the curve P-256 with a point of SM2', 'EC_SM2', '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004'::bytea || substr(:'sm2_public'::bytea, 28));
SELECT is((SELECT min(length(content)) FROM no_key WHERE what ~ '^(a private key|RSA of)'), 94, 'the test has made other keys');
SELECT is(pg_temp.complaint('SELECT kms_export_data_key(%L, %L, %L, %L)', :'blob', content::text, spec, CASE spec WHEN 'EC_SM2' THEN 'SM2PKE' ELSE 'RSAES_OAEP_SHA_256' END),
		  '22023|InvalidParameter|invalid value for public_key_blob: it is no DER SubjectPublicKeyInfo of wrapping_key_spec', format('%s is no public key of %s', what, spec)),
	   is(pg_temp.verdict('SELECT kms_generate_and_export_data_key(%L, %L, %L, %L)', :'key', content::text, spec, CASE spec WHEN 'EC_SM2' THEN 'SM2PKE' ELSE 'RSAES_OAEP_SHA_1' END), '22023|InvalidParameter', 'for a new data key either')
  FROM no_key ORDER BY n;
SELECT is(count(*) FILTER (WHERE pg_temp.verdict('SELECT kms_export_data_key(%L, %L, %L, %L)', :'blob', substr(public_key, 1, len)::text, spec, algorithm) <> '22023|InvalidParameter'), 0::bigint, format('a public key of %s cut off anywhere is none', spec))
  FROM receiver, generate_series(0, length(public_key) - 1) len WHERE n IN (1, 3) GROUP BY n, spec ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_export_data_key(%L, %L, %L, %L)', :'blob', pg_temp.der(kms_get_public_key(:'sm2_signer'))::text, 'EC_SM2', 'SM2PKE'), 'fine', 'what the receiver''s pair is for is nobody''s business here');

-- ---- what is no data key --------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_export_data_key(%L, %L, %L, %L, %L)', blob, :'sm2_public', 'EC_SM2', 'SM2PKE', context), '22023|InvalidParameter|ciphertext cannot be decrypted', what || ' is not exported')
  FROM (VALUES ('\x', NULL, 'nothing'), ('\x01', NULL, 'a format byte'), (:'bound', NULL, 'a data key without its context'), (:'bound', '{"a": "2"}', 'or with another'), (:'blob', '{"a": "1"}', 'or with one that it has not'),
			   (set_byte(:'blob'::bytea, 45, get_byte(:'blob'::bytea, 45) # 1)::text, NULL, 'a data key with a bit changed'), (substr(:'blob'::bytea, 1, 60)::text, NULL, 'a data key cut off'),
			   (substr(:'blob'::bytea, 1, 57)::text, NULL, 'one cut off up to its tag'), (kms_envelope_encrypt(:'key', sha256('data key'))::text, NULL, 'an envelope')) t (blob, context, what);
SELECT is(pg_temp.complaint('SELECT kms_export_data_key(%L, %L, %L, %L)', overlay(:'blob'::bytea PLACING '\x00000000000040008000000000000000' FROM 2)::text, :'sm2_public', 'EC_SM2', 'SM2PKE'),
		  '42704|Forbidden.KeyNotFound|key version "00000000-0000-4000-8000-000000000000" does not exist', 'of a data key of an unknown version the version is named'),
	   is(pg_temp.verdict('SELECT kms_export_data_key(%L, %L, %L, %L, %L)', :'blob', :'sm2_public', 'EC_SM2', 'SM2PKE', '[]'), '22023|InvalidParameter', 'a context must be one');
SELECT is(pg_temp.verdict('SELECT kms_generate_and_export_data_key(%L, %L, %L, %L)', name, :'sm2_public', 'EC_SM2', 'SM2PKE'), verdict, what || ' makes no data key to export')
  FROM (VALUES (:'rsa', '0A000|UnsupportedOperation', 'a pair'), (kms_create_key('HMAC_SHA_256')::text, '0A000|UnsupportedOperation', 'a key for MACs'), ('alias/nobody', '42704|Forbidden.AliasNotFound', 'an unknown alias')) t (name, verdict, what);

-- ---- states ---------------------------------------------------------------

SELECT kms_create_key_version(:'key') AS second \gset
SELECT is((kms_export_data_key(:'blob', :'sm2_public', 'EC_SM2', 'SM2PKE')).key_version_id, :'version', 'a data key of an old version is exported, and the version named'),
	   is((kms_generate_and_export_data_key(:'key', :'sm2_public', 'EC_SM2', 'SM2PKE')).key_version_id, :'second', 'new ones are made with the new version');
PREPARE export AS SELECT kms_export_data_key(:'blob', :'sm2_public', 'EC_SM2', 'SM2PKE'), kms_generate_and_export_data_key(:'key', :'sm2_public', 'EC_SM2', 'SM2PKE');
SELECT is(pg_temp.verdict('EXECUTE export'), 'fine', 'a prepared statement exports');
SAVEPOINT before;
SELECT kms_disable_key(:'key') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('EXECUTE export'), '55000|Rejected.Disabled', 'not with a disabled key');
ROLLBACK TO before;
SELECT is(pg_temp.verdict('EXECUTE export'), 'fine', 'but when the disabling is rolled back');
SELECT kms_disable_key(:'sm2') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('EXECUTE export'), 'fine', 'that the receiver is a disabled key of ours is nobody''s business here');
UPDATE kms.key SET state = 'PendingDeletion', delete_at = clock_timestamp() WHERE id = :'key';
SELECT is(pg_temp.verdict('EXECUTE export'), '42704|Forbidden.KeyNotFound', 'after its delete date a key exports nothing');
DEALLOCATE export;
UPDATE kms.key SET state = 'Enabled', delete_at = NULL WHERE id = :'key';
CREATE FUNCTION pg_temp.stumble(times integer, blob bytea, public_key bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	refused integer = 0;
	good integer = 0;
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			CASE i % 3
				WHEN 0 THEN PERFORM kms_export_data_key(set_byte(blob, 45, 255 - get_byte(blob, 45)), public_key, 'EC_SM2', 'SM2PKE');
				WHEN 1 THEN PERFORM kms_export_data_key(blob, public_key || '\x00', 'EC_SM2', 'SM2PKE');
				WHEN 2 THEN PERFORM kms_generate_and_export_data_key('alias/export', set_byte(public_key, 90, 255 - get_byte(public_key, 90)), 'EC_SM2', 'SM2PKE');
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			refused = refused + 1;
		END;
		good = good + (length((kms_export_data_key(blob, public_key, 'EC_SM2', 'SM2PKE')).exported_data_key) = 129)::integer;
	END LOOP;
	RETURN refused || ' refused, ' || good || ' good';
END
$$;
SELECT is(pg_temp.stumble(1000, :'blob', :'sm2_public'), '1000 refused, 1000 good', 'a thousand errors caught in a row leave everything as it was');

SELECT * FROM finish();
ROLLBACK;
