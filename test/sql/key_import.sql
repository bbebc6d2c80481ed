/*
 * Importing key material.  What an importer does with a cryptographic library is
 * done here in SQL, with numeric and pgcrypto's digests: a second opinion on the
 * public keys, the paddings, and the layout of SM2 ciphertext.
 */
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(352);
CREATE SCHEMA importer;

-- ---- an importer: numbers and bytes -----------------------------------------

CREATE FUNCTION importer.number(bytes bytea) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	result numeric = 0;
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		result = result * 256 + get_byte(bytes, i);
	END LOOP;
	RETURN result;
END
$$;

CREATE FUNCTION importer.bytes(number numeric, len integer) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	result bytea = decode(repeat('00', len), 'hex');
BEGIN
	FOR i IN REVERSE len - 1 .. 0 LOOP
		result = set_byte(result, i, (number % 256)::integer);
		number = div(number, 256);
	END LOOP;
	RETURN result;
END
$$;

CREATE FUNCTION importer.xor(a bytea, b bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS
$$
BEGIN
	FOR i IN 0 .. length(a) - 1 LOOP
		a = set_byte(a, i, get_byte(a, i) # get_byte(b, i));
	END LOOP;
	RETURN a;
END
$$;

-- ---- RSA: RFC 8017, sections 7.1 and 7.2 -------------------------------------

CREATE FUNCTION importer.mgf1(seed bytea, len integer, hash text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$
	SELECT substr(string_agg(kms_test.digest(seed || int4send(n), hash), ''::bytea ORDER BY n), 1, len)
	  FROM generate_series(0, (len - 1) / length(kms_test.digest(''::bytea, hash))) n
$$;

CREATE FUNCTION importer.oaep(message bytea, hash text) RETURNS bytea LANGUAGE plpgsql AS
$$
DECLARE
	label bytea = kms_test.digest(''::bytea, hash);
	block bytea = label || decode(repeat('00', 254 - 2 * length(label) - length(message)), 'hex') || '\x01' || message;
	seed bytea = kms_test.gen_random_bytes(length(label));
BEGIN
	block = importer.xor(block, importer.mgf1(seed, length(block), hash));
	seed = importer.xor(seed, importer.mgf1(block, length(seed), hash));
	RETURN '\x00'::bytea || seed || block;
END
$$;

CREATE FUNCTION importer.pkcs1(message bytea) RETURNS bytea LANGUAGE sql AS
$$ SELECT '\x0002'::bytea || decode(repeat('a5', 253 - length(message)), 'hex') || '\x00' || message $$;

/* The modulus follows 33 bytes that are the same for all RSA-2048 keys; the exponent is 65537. */
CREATE FUNCTION importer.rsa(padded bytea, public_key bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	n numeric = importer.number(substr(public_key, 34, 256));
	m numeric = importer.number(padded);
	power numeric = m;
BEGIN
	FOR i IN 1 .. 16 LOOP
		power = (power * power) % n;
	END LOOP;
	RETURN importer.bytes((power * m) % n, 256);
END
$$;

-- ---- SM2: GB/T 32918.4, on the curve of GB/T 32918.5 ---------------------------

CREATE TYPE importer.point AS (x numeric, y numeric, z numeric);		/* Jacobian */
CREATE TABLE importer.curve AS
	SELECT importer.number('\xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff') AS p,
		   (importer.number('\x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7'),
			importer.number('\xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0'), 1)::importer.point AS g;

CREATE FUNCTION importer.doubled(a importer.point, p numeric) RETURNS importer.point LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	yy numeric = (a.y * a.y) % p;
	zz numeric = (a.z * a.z) % p;
	s numeric = (4 * a.x * yy) % p;
	m numeric = (3 * (a.x - zz) * (a.x + zz)) % p;
	x numeric = (m * m - 2 * s) % p;
BEGIN
	RETURN (x, (m * (s - x) - 8 * yy * yy) % p, (2 * a.y * a.z) % p)::importer.point;
END
$$;

CREATE FUNCTION importer.added(a importer.point, b importer.point, p numeric) RETURNS importer.point LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	zz numeric = (a.z * a.z) % p;
	h numeric = (b.x * zz - a.x) % p;			/* b is affine, and neither a nor -a */
	r numeric = (b.y * zz * a.z - a.y) % p;
	hh numeric = (h * h) % p;
	v numeric = (a.x * hh) % p;
	x numeric = (r * r - h * hh - 2 * v) % p;
BEGIN
	RETURN (x, (r * (v - x) - a.y * h * hh) % p, (a.z * h) % p)::importer.point;
END
$$;

CREATE FUNCTION importer.inverse(a numeric, p numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	x numeric = 1;
	y numeric = 0;
	b numeric = p;
	q numeric;
BEGIN
	a = (a % p + p) % p;
	WHILE b <> 0 LOOP
		q = div(a, b);
		SELECT b, a - q * b, y, x - q * y INTO a, b, x, y;
	END LOOP;
	RETURN (x % p + p) % p;
END
$$;

/* k times an affine point, as x and y, 32 bytes each. */
CREATE FUNCTION importer.times(k bytea, base importer.point, p numeric) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
	result importer.point;
	z numeric;
BEGIN
	FOR i IN 0 .. 8 * length(k) - 1 LOOP
		IF result IS NOT NULL THEN
			result = importer.doubled(result, p);
		END IF;
		IF get_byte(k, i / 8) >> (7 - i % 8) & 1 = 1 THEN
			result = CASE WHEN result IS NULL THEN base ELSE importer.added(result, base, p) END;
		END IF;
	END LOOP;
	z = importer.inverse(result.z, p);
	RETURN importer.bytes(((result.x * z * z) % p + p) % p, 32) || importer.bytes(((result.y * z * z * z) % p + p) % p, 32);
END
$$;

/* C1 || C3 || C2; the point of a public key is its last 64 bytes. */
CREATE FUNCTION importer.sm2(message bytea, public_key bytea) RETURNS bytea LANGUAGE plpgsql AS
$$
DECLARE
	p numeric = (SELECT c.p FROM importer.curve c);
	k bytea = kms_test.gen_random_bytes(31);
	shared bytea = importer.times(k, (importer.number(substr(public_key, 28, 32)), importer.number(substr(public_key, 60, 32)), 1)::importer.point, p);
	mask bytea = (SELECT string_agg(kms_test.digest(shared || int4send(n), 'sm3'), ''::bytea ORDER BY n) FROM generate_series(1, length(message) / 32 + 1) n);
BEGIN
	RETURN '\x04'::bytea || importer.times(k, (SELECT c.g FROM importer.curve c), p) ||
		kms_test.digest(substr(shared, 1, 32) || message || substr(shared, 33), 'sm3') || importer.xor(message, mask);
END
$$;

-- ---- parameters, kept, and what importing comes to -----------------------------------

CREATE FUNCTION importer.encrypted(material bytea, algorithm text, public_key bytea) RETURNS bytea LANGUAGE sql AS
$$
	SELECT CASE algorithm
		   WHEN 'RSAES_OAEP_SHA_256' THEN importer.rsa(importer.oaep(material, 'sha256'), public_key)
		   WHEN 'RSAES_OAEP_SHA_1' THEN importer.rsa(importer.oaep(material, 'sha1'), public_key)
		   WHEN 'RSAES_PKCS1_V1_5' THEN importer.rsa(importer.pkcs1(material), public_key)
		   WHEN 'SM2PKE' THEN importer.sm2(material, public_key)
		   END
$$;

CREATE TABLE importer.parameters (key_id uuid, algorithm text, token bytea, public_key bytea, expires_at timestamptz, PRIMARY KEY (key_id, algorithm));
CREATE FUNCTION importer.ask(key_id uuid, algorithm text = 'RSAES_OAEP_SHA_256') RETURNS importer.parameters LANGUAGE sql AS
$$
	INSERT INTO importer.parameters
		SELECT t.key_id, algorithm, t.import_token, t.public_key, t.token_expire_time
		  FROM kms_get_parameters_for_import(key_id::text, algorithm, CASE algorithm WHEN 'SM2PKE' THEN 'EC_SM2' ELSE 'RSA_2048' END) t
	RETURNING *
$$;

/* The whole complaint: "SQLSTATE|DETAIL|message|hint". */
CREATE FUNCTION importer.says(key_id text, encrypted bytea, token bytea, expire timestamptz = NULL) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	api_code text;
	way_out text;
BEGIN
	PERFORM kms_import_key_material(key_id, encrypted, token, expire);
	RETURN 'fine';
EXCEPTION
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS api_code = PG_EXCEPTION_DETAIL, way_out = PG_EXCEPTION_HINT;
		RETURN concat_ws('|', SQLSTATE, api_code, SQLERRM, nullif(way_out, ''));
END
$$;

/* Encrypt material under the parameters that were asked for, and import it. */
CREATE FUNCTION importer.imports(key_id uuid, material bytea, algorithm text = 'RSAES_OAEP_SHA_256', expire timestamptz = NULL) RETURNS text LANGUAGE sql AS
$$
	SELECT importer.says(key_id::text, importer.encrypted(material, p.algorithm, p.public_key), p.token, expire)
	  FROM importer.parameters p WHERE p.key_id = $1 AND p.algorithm = $3
$$;

CREATE FUNCTION importer.state(key_id uuid) RETURNS text LANGUAGE sql AS
$$ SELECT (kms_describe_key(key_id::text)).key_state $$;

\set bad_material '22023|InvalidKeyMaterial|invalid value for encrypted_key_material|It must be the material, of the length of the key spec, encrypted under the public key of the token; and the same as the first time.'
\set bad_token '22023|InvalidImportToken|invalid value for import_token: it was not made for this key'
\set old_token '22023|ExpiredImportToken|import token has expired|Call kms_get_parameters_for_import again.'
\set m32 '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
\set n32 '\\xff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'

SELECT kms_create_key(origin => 'EXTERNAL') AS a, kms_create_key(origin => 'EXTERNAL') AS b, kms_create_key() AS own \gset
SELECT kms_create_alias(:'a', 'alias/a');

-- ---- parameters ------------------------------------------------------------------------

SELECT is((importer.ask(:'a')).key_id, :'a', 'parameters name the key');
SELECT is((importer.ask(:'a', 'SM2PKE')).key_id, :'a', 'for SM2, too');
SELECT is(substr(public_key, 1, 33), '\x30820122300d06092a864886f70d01010105000382010f003082010a0282010100', 'an RSA public key is a SubjectPublicKeyInfo of 2048 bits'),
	   is(substr(public_key, 290), '\x0203010001', 'with the exponent 65537, and nothing after it'),
	   is(get_byte(public_key, 33) / 128, 1, 'and a modulus of full length'),
	   ok(expires_at BETWEEN now() + interval '24 hours' AND clock_timestamp() + interval '24 hours', 'its token is good for 24 hours')
  FROM importer.parameters WHERE algorithm = 'RSAES_OAEP_SHA_256';
SELECT is(substr(public_key, 1, 27), '\x3059301306072a8648ce3d020106082a811ccf5501822d03420004', 'an SM2 public key is a SubjectPublicKeyInfo with an uncompressed point'),
	   is(length(public_key), 91, 'and nothing after it')
  FROM importer.parameters WHERE algorithm = 'SM2PKE';
CREATE TABLE importer.several AS SELECT kms_get_parameters_for_import(:'a', 'SM2PKE', 'EC_SM2') AS p FROM generate_series(1, 20);
SELECT is(count(DISTINCT (p).import_token), 20::bigint, 'every call makes another token'),
	   is(count(DISTINCT (p).public_key), 20::bigint, 'and another pair')
  FROM importer.several;
SELECT is(importer.state(:'a'), 'PendingImport', 'asking for parameters changes no state');
SELECT is((kms_get_parameters_for_import((kms_describe_key(:'a')).arn, 'SM2PKE', 'EC_SM2')).key_id, :'a', 'the key may be named by its ARN');

SELECT is(pg_temp.complaint('SELECT kms_get_parameters_for_import(%L, %L, %L)', id, algorithm, spec), '22004|MissingParameter|' || what, what)
  FROM (VALUES (NULL, 'SM2PKE', 'EC_SM2', 'key_id must not be null'), (:'a', NULL, 'EC_SM2', 'wrapping_algorithm must not be null'), (:'a', 'SM2PKE', NULL, 'wrapping_key_spec must not be null')) t (id, algorithm, spec, what);
SELECT is(pg_temp.verdict('SELECT kms_get_parameters_for_import(%L, %L, %L)', :'a', algorithm, spec), '22023|InvalidParameter', format('"%s" and "%s" are no pair', algorithm, spec))
  FROM (VALUES ('SM2PKE', 'RSA_2048'), ('RSAES_OAEP_SHA_256', 'EC_SM2'), ('RSAES_OAEP_SHA_1', 'EC_SM2'), ('RSAES_PKCS1_V1_5', 'EC_SM2'), ('RSAES_OAEP_SHA_256', 'RSA_4096'),
			   ('RSAES_OAEP_SHA_256', 'rsa_2048'), ('rsaes_oaep_sha_256', 'RSA_2048'), ('RSAES_OAEP_SHA_512', 'RSA_2048'), ('', 'RSA_2048'), ('RSAES_OAEP_SHA_256', ''), ('', ''),
			   ('RSAES_OAEP_SHA_256 ', 'RSA_2048'), ('SM2PKE', 'EC_P256')) t (algorithm, spec);
SELECT is(pg_temp.verdict('SELECT kms_get_parameters_for_import(%L, repeat(%L, 1000000), %L)', :'a', 'x', 'RSA_2048'), '22023|InvalidParameter', 'nor is an algorithm of a million letters');
SELECT is(pg_temp.complaint('SELECT kms_get_parameters_for_import(%L, %L)', :'a', 'RSAES_PKCS1_V1_5'), '0A000|UnsupportedOperation|importing under RSAES_PKCS1_V1_5 is switched off', 'PKCS #1 v1.5 is refused'),
	   is(pg_temp.hint('SELECT kms_get_parameters_for_import(%L, %L)', :'a', 'RSAES_PKCS1_V1_5'), 'Use RSAES_OAEP_SHA_256, or have a superuser set kms.allow_pkcs1_v1_5_import.', 'with the way out');

-- ---- what is no token, and no material ----------------------------------------------------

SELECT token AS a_token, importer.encrypted(:'m32', algorithm, public_key) AS a_wrapped FROM importer.parameters WHERE algorithm = 'RSAES_OAEP_SHA_256' \gset
SELECT token AS a_sm2_token, importer.encrypted(:'m32', algorithm, public_key) AS a_sm2_wrapped FROM importer.parameters WHERE algorithm = 'SM2PKE' \gset
SELECT is(importer.says(id, material::bytea, token::bytea), '22004|MissingParameter|' || what, what)
  FROM (VALUES (NULL, :'a_wrapped', :'a_token', 'key_id must not be null'), (:'a', NULL, :'a_token', 'encrypted_key_material must not be null'), (:'a', :'a_wrapped', NULL, 'import_token must not be null')) t (id, material, token, what);

SELECT is(importer.says(:'a', :'a_wrapped', token), :'bad_token', 'no token: ' || what)
  FROM (VALUES (''::bytea, 'empty'), ('\x00', 'one byte'), (:'a_token'::bytea || '\x00', 'a byte too many'), (substr(:'a_token'::bytea, 2), 'without its first byte'),
			   (decode(repeat('00', 17), 'hex'), 'zeros'), (convert_to(repeat('x', 10000000), 'UTF8'), 'ten million bytes'), (:'a_token'::bytea || :'a_token'::bytea, 'twice the same'),
			   (:'a_wrapped'::bytea, 'the material'), (kms_test.gen_random_bytes(17), 'random bytes')) t (token, what);
SELECT results_eq(format('SELECT DISTINCT importer.says(%L, %L, substr(%L::bytea, 1, n)) FROM generate_series(0, 16) n', :'a', :'a_wrapped', :'a_token'), ARRAY[:'bad_token'], 'a token cut anywhere is none');
SELECT results_eq(format('SELECT DISTINCT importer.says(%L, %L, set_bit(%3$L::bytea, n, 1 - get_bit(%3$L::bytea, n))) FROM generate_series(0, 135) n', :'a', :'a_wrapped', :'a_token'), ARRAY[:'bad_token'], 'a token with any bit changed is none');
SELECT is(importer.says(:'b', :'a_wrapped', :'a_token'), :'bad_token', 'the token of another key is none');
SELECT is(importer.says(:'a', :'a_wrapped', :'a_sm2_token'), :'bad_material', 'material for another algorithm is none'),
	   is(importer.says(:'a', :'a_sm2_wrapped', :'a_token'), :'bad_material', 'neither way'),
	   is(importer.says(:'a', importer.encrypted(:'m32', 'RSAES_OAEP_SHA_1', public_key), token), :'bad_material', 'nor with another hash'),
	   is(importer.says(:'a', importer.encrypted(:'m32', 'RSAES_PKCS1_V1_5', public_key), token), :'bad_material', 'nor with the older padding'),
	   is(importer.says(:'a', importer.rsa(decode(repeat('00', 224), 'hex') || :'m32', public_key), token), :'bad_material', 'nor without padding'),
	   is(importer.says(:'a', importer.rsa('\x01' || substr(importer.oaep(:'m32', 'sha256'), 2), public_key), token), :'bad_material', 'nor with a first byte that is not zero')
  FROM importer.parameters WHERE algorithm = 'RSAES_OAEP_SHA_256';
SELECT is(importer.says(:'a', :'m32', :'a_token'), :'bad_material', 'material that is not encrypted is none');
SELECT is(importer.says(:'a', decode(repeat(byte, 256), 'hex'), :'a_token'), :'bad_material', '256 times ' || byte) FROM unnest('{00,01,ff}'::text[]) byte;
SELECT is(importer.says(:'a', substr(public_key, 34, 256), token), :'bad_material', 'the modulus is no material'),
	   is(importer.says(:'a', importer.bytes(importer.number(substr(public_key, 34, 256)) - 1, 256), token), :'bad_material', 'nor is the number below it')
  FROM importer.parameters WHERE algorithm = 'RSAES_OAEP_SHA_256';
SELECT is(importer.says(:'a', convert_to(repeat('x', 10000000), 'UTF8'), token), :'bad_material', 'nor are ten million bytes') FROM (VALUES (:'a_token'::bytea), (:'a_sm2_token')) t (token);
SELECT results_eq(format('SELECT DISTINCT importer.says(%L, substr(%L::bytea || decode(repeat(%L, 300), ''hex''), 1, n), %L) FROM generate_series(0, 300) n WHERE n <> length(%2$L::bytea)', :'a', wrapped, '00', token),
				  ARRAY[:'bad_material'], what || ': cut or drawn out to any length up to 300')
	   || E'\n' || results_eq(format('SELECT DISTINCT importer.says(%L, substr(decode(repeat(%L, 300), ''hex'') || %L::bytea, 301 + length(%3$L::bytea) - n, n), %L) FROM generate_series(0, 300) n WHERE n <> length(%3$L::bytea)', :'a', '00', wrapped, token),
				  ARRAY[:'bad_material'], what || ': likewise at the other end')
	   || E'\n' || results_eq(format('SELECT DISTINCT importer.says(%L, kms_test.gen_random_bytes(n), %L) FROM generate_series(1, 300) n', :'a', token), ARRAY[:'bad_material'], what || ': random bytes of any length')
	   || E'\n' || results_eq(format('SELECT DISTINCT importer.says(%L, set_byte(%L, n, get_byte(%2$L, n) # change), %L) FROM generate_series(0, length(%2$L::bytea) - 1) n, unnest(''{1,128}''::integer[]) change', :'a', wrapped, token),
				  ARRAY[:'bad_material'], what || ': with any byte changed')
  FROM (VALUES ('RSA', :'a_wrapped', :'a_token'), ('SM2', :'a_sm2_wrapped', :'a_sm2_token')) t (what, wrapped, token);
SELECT is(importer.imports(:'a', decode(repeat('61', len), 'hex'), algorithm), :'bad_material', format('%s bytes of material for a key of 32, under %s', len, algorithm))
  FROM unnest('{RSAES_OAEP_SHA_256,SM2PKE}'::text[]) algorithm, unnest('{0,1,15,16,17,24,31,33,64,128,190}'::integer[]) len;
SELECT is(importer.says(:'a', '\x30'::bytea || substr(:'a_sm2_wrapped'::bytea, 2), :'a_sm2_token'), :'bad_material', 'an SM2 point of another form'),
	   is(importer.says(:'a', '\x04'::bytea || decode(repeat('00', 64), 'hex') || substr(:'a_sm2_wrapped'::bytea, 66), :'a_sm2_token'), :'bad_material', 'that is not on the curve'),
	   is(importer.says(:'a', '\x04'::bytea || decode(repeat('ff', 64), 'hex') || substr(:'a_sm2_wrapped'::bytea, 66), :'a_sm2_token'), :'bad_material', 'that is beyond the field'),
	   is(importer.says(:'a', substr(:'a_sm2_wrapped'::bytea, 1, 65) || substr(:'a_sm2_wrapped'::bytea, 98) || substr(:'a_sm2_wrapped'::bytea, 66, 32), :'a_sm2_token'), :'bad_material', 'C1 || C2 || C3 is the older order');
SELECT is(importer.state(:'a'), 'PendingImport', 'after all of this the key has no material'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'a')), 0::bigint, 'and no version');

-- ---- who and which key ------------------------------------------------------------------------

CREATE TABLE importer.call (name text, statement text);
INSERT INTO importer.call VALUES ('kms_get_parameters_for_import', 'SELECT kms_get_parameters_for_import(%L, ''SM2PKE'', ''EC_SM2'')'),
	('kms_import_key_material', format('SELECT kms_import_key_material(%%L, %L, %L)', :'a_wrapped', :'a_token')), ('kms_delete_key_material', 'SELECT kms_delete_key_material(%L)');
SELECT is(pg_temp.verdict(statement, 'alias/a'), '0A000|Unsupported.Alias', name || ' takes no alias'),
	   is(pg_temp.verdict(statement, 'alias/of none'), '0A000|Unsupported.Alias', name || ' takes no alias that does not exist'),
	   is(pg_temp.verdict(statement, :'own'), '0A000|Unsupported.Origin', name || ' is for keys of origin EXTERNAL'),
	   is(pg_temp.verdict(statement, gen_random_uuid()::text), '42704|Forbidden.KeyNotFound', name || ' needs a key that exists'),
	   is(pg_temp.verdict(statement, NULL), '22004|MissingParameter', name || ' needs a key'),
	   is(pg_temp.verdict(statement, ''), '22023|InvalidParameter', name || ' needs the name of a key'),
	   is(pg_temp.verdict(statement, repeat('x', 100000)), '22023|InvalidParameter', name || ' takes no endless name')
  FROM importer.call;
CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_other;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
SET ROLE kms_test_owner;
SELECT kms_create_key(origin => 'EXTERNAL') AS owned, kms_create_key() AS owned_own \gset
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_other', statement, :'owned'), '42501|Forbidden.NoPermission', name || ' is the owner''s'),
	   is(pg_temp.verdict_as('kms_test_other', statement, :'owned_own'), '42501|Forbidden.NoPermission', name || ' does not tell others the origin')
  FROM importer.call;
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
UPDATE kms.key SET state = 'PendingDeletion', delete_at = now() + interval '7 days' WHERE id = :'owned';
SELECT is(pg_temp.verdict_as('kms_test_other', statement, :'owned'), '42501|Forbidden.NoPermission', name || ' does not tell others the state') FROM importer.call;
UPDATE kms.key SET state = 'PendingImport', delete_at = NULL WHERE id = :'owned';
GRANT pg_write_all_data, pg_read_all_data TO kms_test_other;
SELECT is(pg_temp.verdict_as('kms_test_other', statement, :'owned'), '42501|Forbidden.NoPermission', name || ' is not for those who may write all data') FROM importer.call;
SET ROLE kms_test_owner;
SELECT p.import_token AS owned_token, p.public_key AS owned_public FROM kms_get_parameters_for_import(:'owned', 'SM2PKE', 'EC_SM2') p \gset
RESET ROLE;
SELECT importer.encrypted(:'m32', 'SM2PKE', :'owned_public') AS owned_wrapped \gset
SET ROLE kms_test_owner;
SELECT kms_import_key_material(:'owned', :'owned_wrapped', :'owned_token');
SELECT kms_decrypt_text(kms_encrypt(:'owned', 'x'::text)) AS opened, (kms_describe_key(:'owned')).key_state AS owned_state \gset
RESET ROLE;
SELECT is(:'opened'::text, 'x', 'an owner who is no superuser imports material'), is(:'owned_state'::text, 'Enabled', 'and has a key');
SELECT is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_import_key_material(%L, %L, %L)', :'owned', :'owned_wrapped', :'owned_token'), '42501|Forbidden.NoPermission', 'a token and its material in other hands do not import again');
SET ROLE kms_test_owner;
SELECT kms_delete_key_material(:'owned');
RESET ROLE;
SELECT is(importer.state(:'owned'), 'PendingImport', 'the owner deletes it again');

-- ---- dates ----------------------------------------------------------------------------------------

SELECT is(importer.imports(:'a', :'m32', 'SM2PKE', expire), '22023|InvalidParameter|invalid value for key_material_expire: it lies in the past', 'material that expired: ' || what)
  FROM (VALUES (now(), 'now'), (clock_timestamp(), 'this moment'), ('-infinity', 'minus infinity'), ('4713-01-01 BC', 'long ago'), (now() - interval '1 day', 'yesterday')) t (expire, what);
SELECT is(importer.state(:'a'), 'PendingImport', 'none of them was imported');

-- ---- the first import, rolled back and done ----------------------------------------------------------

SAVEPOINT before;
SELECT is(importer.imports(:'a', :'n32', 'SM2PKE'), 'fine', 'material is imported');
SELECT is(kms_decrypt_text(kms_encrypt(:'a', 'x'::text)), 'x', 'and used');
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE'), :'bad_material', 'other material does not replace it');
ROLLBACK TO before;
SELECT is(importer.state(:'a'), 'PendingImport', 'rolled back, it never was'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', :'a', 'x'), '55000|Rejected.PendingImport', 'nor is it used'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'a')), 0::bigint, 'a key without material has no version'),
	   is((kms_describe_key(:'a')).last_rotation_date, NULL, 'nor a date of its last rotation'),
	   is((kms_describe_key(:'a')).primary_key_version, NULL, 'nor a primary version'),
	   is((kms_describe_key(:'a')).material_expire_time, NULL, 'nor does anything expire');
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), 'fine', 'other material can be imported then: what it was never counted');
SELECT is((k).key_state, 'Enabled', 'the key is enabled'), is((k).origin, 'EXTERNAL', 'its origin is what it was'),
	   is((k).material_expire_time, NULL, 'its material never expires'), is((k).automatic_rotation, 'Disabled', 'it does not rotate'), is((k).next_rotation_date, NULL, 'ever')
  FROM (SELECT kms_describe_key(:'a') AS k OFFSET 0) t;
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'a')), 1::bigint, 'it has one version'),
	   is((kms_describe_key(:'a')).primary_key_version, (SELECT key_version_id FROM kms_list_key_versions(:'a')), 'which is the primary one'),
	   is((kms_describe_key(:'a')).last_rotation_date, (SELECT creation_date FROM kms_list_key_versions(:'a')), 'and as old as the last rotation'),
	   is((SELECT count(*) FROM kms.key_versions WHERE key_id = :'a'), 1::bigint, 'the view shows it, too');
SELECT kms_encrypt(:'a', 'of a'::text, '{"a": "b"}') AS a_blob, (kms_describe_key(:'a')).primary_key_version AS a_version, (kms_describe_key(:'a')).last_rotation_date AS a_rotated \gset
CREATE FUNCTION importer.opens(blob bytea) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RETURN kms_decrypt_text(blob, '{"a": "b"}'); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT is(importer.opens(:'a_blob'), 'of a', 'it encrypts and decrypts'),
	   is((kms_ciphertext_info(:'a_blob')).key_version_id, :'a_version', 'with that version');

-- ---- the same again, and nothing else --------------------------------------------------------------------

SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), 'fine', 'the same message imports again'),
	   is(importer.says(:'a', :'a_sm2_wrapped', :'a_sm2_token'), 'fine', 'so does the same material under another algorithm'),
	   is(importer.imports(:'a', :'m32'), 'fine', 'and encrypted anew');
SELECT is(importer.imports(:'a', set_byte(:'m32', n, get_byte(:'m32', n) # 1), 'SM2PKE'), :'bad_material', format('material that differs in byte %s does not', n)) FROM unnest('{0,15,31}'::integer[]) n;
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE', 'infinity'), 'fine', 'infinity is a date');
SELECT is((kms_describe_key(:'a')).material_expire_time, NULL, 'which never comes');
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE', '2100-01-01 00:00:00+00'), 'fine', 'it may expire');
SELECT is((kms_describe_key(:'a')).material_expire_time, '2100-01-01 00:00:00+00'::timestamptz, 'at that date');
SELECT is(importer.imports(:'a', :'n32', 'SM2PKE', '2200-01-01 00:00:00+00'), :'bad_material', 'other material does not move the date');
SELECT is((kms_describe_key(:'a')).material_expire_time, '2100-01-01 00:00:00+00'::timestamptz, 'it is what it was');
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE', 'yesterday'), '22023|InvalidParameter|invalid value for key_material_expire: it lies in the past', 'it cannot expire in the past');
SELECT is((kms_describe_key(:'a')).material_expire_time, '2100-01-01 00:00:00+00'::timestamptz, 'and still has its date');
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'imported without a date');
SELECT is((kms_describe_key(:'a')).material_expire_time, NULL, 'it no longer expires'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'a')), 1::bigint, 'after all of this there is one version'),
	   is((kms_describe_key(:'a')).primary_key_version, :'a_version', 'the same one'),
	   is((kms_describe_key(:'a')).last_rotation_date, :'a_rotated', 'from the same time'),
	   is(importer.opens(:'a_blob'), 'of a', 'which opens what it encrypted');

-- ---- expired, and no worker came ----------------------------------------------------------------------------

UPDATE kms.key SET material_expires_at = clock_timestamp() - interval '1 second' WHERE id = :'a';
SELECT is(importer.state(:'a'), 'PendingImport', 'a key whose material expired waits for it'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', :'a', 'x'), '55000|Rejected.PendingImport', 'it does not encrypt'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L, %L)', :'a_blob', '{"a": "b"}'), '55000|Rejected.PendingImport', 'nor decrypt'),
	   is(pg_temp.verdict('SELECT kms_generate_data_key(%L)', :'a'), '55000|Rejected.PendingImport', 'nor make data keys'),
	   is(importer.imports(:'a', :'n32', 'SM2PKE'), :'bad_material', 'other material does not take its place');
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE', now() + interval '1 day'), 'fine', 'the same comes back');
SELECT is(importer.state(:'a'), 'Enabled', 'and it is enabled'), is(importer.opens(:'a_blob'), 'of a', 'and opens what it encrypted');

-- ---- deleted -----------------------------------------------------------------------------------------------------

SAVEPOINT before;
SELECT is(pg_temp.verdict('SELECT kms_delete_key_material(%L)', (kms_describe_key(:'a')).arn), 'fine', 'material is deleted, its key named by the ARN');
SELECT is((k).key_state, 'PendingImport', 'the key waits for it'), is((k).material_expire_time, NULL, 'nothing expires'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', :'a', 'x'), '55000|Rejected.PendingImport', 'it does not encrypt'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L, %L)', :'a_blob', '{"a": "b"}'), '55000|Rejected.PendingImport', 'nor decrypt'),
	   is((SELECT length(wrapped) FROM kms.key_version WHERE key_id = :'a'), 0, 'the row has no material'),
	   is(pg_temp.verdict('SELECT kms_delete_key_material(%L)', :'a'), 'fine', 'deleting it twice is no error')
  FROM (SELECT kms_describe_key(:'a') AS k OFFSET 0) t;
SELECT is(importer.imports(:'a', :'n32', 'SM2PKE'), :'bad_material', 'other material does not take its place'),
	   is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'the same comes back');
SELECT is(importer.opens(:'a_blob'), 'of a', 'and opens what it encrypted'), is(importer.state(:'a'), 'Enabled', 'in a key that is enabled'),
	   is((kms_describe_key(:'a')).primary_key_version, :'a_version', 'with the version that it had');
ROLLBACK TO before;
SELECT kms_delete_key_material(:'a');
ROLLBACK TO before;
SELECT is(importer.state(:'a'), 'Enabled', 'rolled back, the material was never deleted'), is(importer.opens(:'a_blob'), 'of a', 'and opens what it encrypted');
SELECT is(pg_temp.verdict('SELECT kms_delete_key_material(%L)', :'b'), 'fine', 'a key that never had material has none to delete');
SELECT is(importer.state(:'b'), 'PendingImport', 'and stays as it is');

-- ---- every state ----------------------------------------------------------------------------------------------------

SELECT kms_disable_key(:'a');
SELECT is(pg_temp.verdict('SELECT kms_get_parameters_for_import(%L, %L, %L)', :'a', 'SM2PKE', 'EC_SM2'), 'fine', 'parameters are there for a disabled key'),
	   is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'it takes its material again'),
	   is(importer.imports(:'a', :'n32', 'SM2PKE'), :'bad_material', 'and no other');
SELECT is(importer.state(:'a'), 'Disabled', 'it stays disabled'), is(pg_temp.verdict('SELECT kms_decrypt(%L, %L)', :'a_blob', '{"a": "b"}'), '55000|Rejected.Disabled', 'and does not decrypt');
SELECT kms_delete_key_material(:'a');
SELECT is(importer.state(:'a'), 'PendingImport', 'its material deleted, it waits for it');
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'with which');
SELECT is(importer.state(:'a'), 'Enabled', 'it is enabled');

SELECT isnt(kms_schedule_key_deletion(:'a', 7), NULL, 'a key is to be deleted');
SELECT (kms_describe_key(:'a')).delete_date AS a_date \gset
SELECT is(pg_temp.verdict('SELECT kms_get_parameters_for_import(%L, %L, %L)', :'a', 'SM2PKE', 'EC_SM2'), 'fine', 'parameters are there for it'),
	   is(left(importer.imports(:'a', :'m32', 'SM2PKE'), 34), '55000|Rejected.StateModifiedFailed', 'it takes no material'),
	   is(left(importer.imports(:'a', :'n32', 'SM2PKE'), 34), '55000|Rejected.StateModifiedFailed', 'whatever it is'),
	   is(left(importer.says(:'a', '', ''), 34), '55000|Rejected.StateModifiedFailed', 'and whatever the token');
SAVEPOINT before;
SELECT kms_cancel_key_deletion(:'a');
SELECT is(importer.state(:'a'), 'Enabled', 'cancelled, it has its material'), is(importer.opens(:'a_blob'), 'of a', 'and opens what it encrypted');
ROLLBACK TO before;
UPDATE kms.key SET material_expires_at = clock_timestamp() - interval '1 second' WHERE id = :'a';
SELECT kms_cancel_key_deletion(:'a');
SELECT is(importer.state(:'a'), 'PendingImport', 'cancelled after the material expired, it waits for it');
ROLLBACK TO before;
SELECT is(pg_temp.verdict('SELECT kms_delete_key_material(%L)', :'a'), 'fine', 'its material can be deleted');
SELECT is(importer.state(:'a'), 'PendingDeletion', 'it is still to be deleted'), is((kms_describe_key(:'a')).delete_date, :'a_date', 'at the same date'),
	   is(left(importer.imports(:'a', :'m32', 'SM2PKE'), 34), '55000|Rejected.StateModifiedFailed', 'and takes nothing back');
SELECT kms_cancel_key_deletion(:'a');
SELECT is(importer.state(:'a'), 'PendingImport', 'cancelled, it waits for its material'),
	   is(importer.imports(:'a', :'n32', 'SM2PKE'), :'bad_material', 'which is no other'),
	   is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'than the one it had');
SELECT is(importer.opens(:'a_blob'), 'of a', 'and opens what it encrypted');
SELECT isnt(kms_schedule_key_deletion(:'b', 7), NULL, 'a key that waits for material can be deleted, too');
UPDATE kms.key SET delete_at = clock_timestamp() - interval '1 second' WHERE id = :'b';
SELECT is(pg_temp.verdict(statement, :'b'), '42704|Forbidden.KeyNotFound', name || ' finds no key whose date has passed') FROM importer.call;
UPDATE kms.key SET delete_at = NULL, state = 'PendingImport' WHERE id = :'b';

/* Such keys do not rotate, whatever their state. */
CREATE FUNCTION importer.rotation_says(key_id uuid) RETURNS text LANGUAGE sql AS
$$
	SELECT string_agg(DISTINCT pg_temp.verdict(statement, key_id::text), ' ')
	  FROM unnest('{"SELECT kms_create_key_version(%L)","SELECT kms_update_rotation_policy(%L, true, ''7 days'')","SELECT kms_update_rotation_policy(%L, false)"}'::text[]) statement
$$;
SAVEPOINT before;
SELECT is(importer.rotation_says(:'a'), '0A000|Rejected.UnsupportedOperation', 'an enabled key with imported material does not rotate');
SELECT kms_disable_key(:'a');
SELECT is(importer.rotation_says(:'a'), '0A000|Rejected.UnsupportedOperation', 'nor does a disabled one');
SELECT kms_schedule_key_deletion(:'a', 7) \gset
SELECT is(importer.rotation_says(:'a'), '0A000|Rejected.UnsupportedOperation', 'nor one to be deleted'),
	   is(importer.rotation_says(:'b'), '0A000|Rejected.UnsupportedOperation', 'nor one that waits for material');
ROLLBACK TO before;

-- ---- tokens that expire -----------------------------------------------------------------------------------------------

UPDATE kms.import_token SET expires_at = clock_timestamp() - interval '1 second';
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), :'old_token', 'a token that expired imports nothing'),
	   is(importer.says(:'b', :'a_wrapped', :'a_token'), :'bad_token', 'for another key it is still none');
UPDATE kms.import_token SET expires_at = now() + interval '1 hour', wrapped = '' WHERE key_id = :'a' AND algorithm LIKE 'RSA%';
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), :'old_token', 'nor does one whose private key was erased');
DELETE FROM kms.import_token;
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), :'bad_token', 'one that was forgotten is none');
ROLLBACK TO before;
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), 'fine', 'put back, it imports');

-- ---- all algorithms and specs --------------------------------------------------------------------------------------------

SET kms.allow_pkcs1_v1_5_import = on;
CREATE TABLE importer.key AS SELECT spec, len, kms_create_key(spec, origin => 'EXTERNAL') AS id
  FROM (VALUES ('Aliyun_AES_256', 32), ('Aliyun_AES_192', 24), ('Aliyun_AES_128', 16), ('Aliyun_SM4', 16)) t (spec, len);
SELECT is((importer.ask(id, algorithm)).key_id, id, format('parameters to import %s under %s', spec, algorithm))
	   || E'\n' || is(importer.imports(id, substr(:'m32'::bytea, 1, len), algorithm), 'fine', 'work')
	   || E'\n' || is(importer.imports(id, substr(:'m32'::bytea, 1, len - 1), algorithm), :'bad_material', 'not for a byte less')
	   || E'\n' || is(importer.imports(id, decode(repeat('77', len + 1), 'hex'), algorithm), :'bad_material', 'not for a byte more')
	   || E'\n' || is(kms_decrypt_text(kms_encrypt(id::text, 'x'::text)), 'x', 'and the key is used')
  FROM importer.key, unnest('{SM2PKE,RSAES_OAEP_SHA_1,RSAES_PKCS1_V1_5,RSAES_OAEP_SHA_256}'::text[]) algorithm
 WHERE algorithm = 'SM2PKE' OR spec IN ('Aliyun_AES_256', 'Aliyun_SM4');
SELECT id AS pkcs1 FROM importer.key WHERE spec = 'Aliyun_AES_256' \gset
SELECT token AS pkcs1_token, public_key AS pkcs1_public, importer.encrypted(:'m32', algorithm, public_key) AS pkcs1_wrapped FROM importer.parameters WHERE key_id = :'pkcs1' AND algorithm = 'RSAES_PKCS1_V1_5' \gset
SELECT is(importer.says(:'pkcs1', importer.rsa(padded, :'pkcs1_public'), :'pkcs1_token'), :'bad_material', 'PKCS #1 v1.5, ' || what)
  FROM (VALUES ('\x0001'::bytea || decode(repeat('a5', 221), 'hex') || '\x00' || :'m32', 'of type 1'), ('\x0102'::bytea || decode(repeat('a5', 221), 'hex') || '\x00' || :'m32', 'with a first byte that is not zero'),
			   ('\x0002'::bytea || decode(repeat('a5', 222), 'hex') || :'m32', 'with a zero only in the material'), ('\x0002'::bytea || decode(repeat('a5', 222), 'hex') || :'n32', 'with no zero at all'),
			   ('\x0002a5a5a5a5a5a5a500'::bytea || decode(repeat('a5', 215), 'hex') || :'m32', 'with seven bytes of padding'), ('\x000200'::bytea || decode(repeat('a5', 221), 'hex') || :'m32', 'with none'),
			   ('\x0002'::bytea || decode(repeat('a5', 253), 'hex') || '\x00', 'with no material'), (importer.oaep(:'m32', 'sha1'), 'as OAEP')) t (padded, what);
SELECT results_eq(format('SELECT DISTINCT importer.says(%L, set_byte(%L, n, get_byte(%2$L, n) # 1), %L) FROM generate_series(0, 255) n', :'pkcs1', :'pkcs1_wrapped', :'pkcs1_token'), ARRAY[:'bad_material'], 'PKCS #1 v1.5, with any byte changed');
RESET kms.allow_pkcs1_v1_5_import;
SELECT is(importer.says(:'pkcs1', :'pkcs1_wrapped', :'pkcs1_token'), '0A000|UnsupportedOperation|importing under RSAES_PKCS1_V1_5 is switched off|Use RSAES_OAEP_SHA_256, or have a superuser set kms.allow_pkcs1_v1_5_import.', 'switched off again, a token of that time imports nothing');
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SET kms.allow_pkcs1_v1_5_import = on'), '42501|', 'only superusers switch it on');

-- ---- the same material in two keys -------------------------------------------------------------------------------------------

SELECT is((importer.ask(:'b', 'SM2PKE')).key_id, :'b', 'another key');
SELECT is(importer.imports(:'b', :'m32', 'SM2PKE'), 'fine', 'takes the same material');
SELECT kms_encrypt(:'b', 'of b'::text, '{"a": "b"}') AS b_blob, (kms_describe_key(:'b')).primary_key_version AS b_version \gset
SELECT is(importer.opens(:'b_blob'), 'of b', 'and opens its own');
SELECT is(importer.opens(overlay(:'b_blob'::bytea placing uuid_send(:'a_version') from position(uuid_send(:'b_version') in :'b_blob'::bytea))), '22023', 'but not what the other key encrypted');

-- ---- rows changed by hand -------------------------------------------------------------------------------------------------------

/* Time still passes: what follows holds even under MACs that fit. */
SELECT kms_create_key(origin => 'EXTERNAL') AS c \gset
SELECT is((importer.ask(:'c', 'SM2PKE')).key_id, :'c', 'a third key');
SELECT is(importer.imports(:'c', :'n32', 'SM2PKE'), 'fine', 'takes other material');
SELECT kms_encrypt(:'c', 'of c'::text, '{"a": "b"}') AS c_blob, (kms_describe_key(:'c')).primary_key_version AS c_version \gset
SAVEPOINT sound;

UPDATE kms.key_version v SET digest = w.digest FROM kms.key_version w WHERE (v.id, w.id) IN ((:'a_version', :'c_version'), (:'c_version', :'a_version'));
SELECT is(importer.opens(:'a_blob'), 'of a', 'with swapped digests keys work'),
	   is(importer.imports(:'a', :'m32', 'SM2PKE'), :'bad_material', 'but take their own material no more');
SELECT is(importer.imports(:'a', :'n32', 'SM2PKE'), :'bad_material', 'nor that of the other, whose digest they have'),
	   is(importer.opens(:'c_blob'), 'of c', 'while the other still opens its own');
ROLLBACK TO sound;
UPDATE kms.key_version SET digest = NULL WHERE id = :'a_version';
SELECT is(importer.opens(:'a_blob'), 'of a', 'without a digest a key works'), is(importer.imports(:'a', :'m32', 'SM2PKE'), :'bad_material', 'but takes nothing');
ROLLBACK TO sound;
UPDATE kms.key_version SET digest = set_byte(digest, 31, get_byte(digest, 31) # 1) WHERE id = :'a_version';
SELECT is(importer.imports(:'a', :'m32', 'SM2PKE'), :'bad_material', 'with a bit of the digest changed it takes nothing');
ROLLBACK TO sound;
UPDATE kms.key_version v SET wrapped = w.wrapped FROM kms.key_version w WHERE (v.id, w.id) IN ((:'a_version', :'c_version'), (:'c_version', :'a_version'));
SELECT is(importer.opens(:'a_blob'), 'XX001', 'with swapped material a key opens nothing'), is(importer.opens(:'c_blob'), 'XX001', 'nor does the other'),
	   is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'until it is imported again');
SELECT is(importer.opens(:'a_blob'), 'of a', 'then everything opens'), is(importer.opens(:'c_blob'), 'XX001', 'of that key');
ROLLBACK TO sound;
UPDATE kms.key_version v SET wrapped = w.wrapped FROM kms.key_version w WHERE (v.id, w.id) IN ((:'a_version', :'b_version'), (:'b_version', :'a_version'));
SELECT is(importer.opens(:'a_blob'), 'XX001', 'nor with the same material, wrapped for another key'), is(importer.opens(:'b_blob'), 'XX001', 'neither way');
ROLLBACK TO sound;
UPDATE kms.key_version v SET wrapped = w.wrapped, digest = w.digest FROM kms.key_version w WHERE (v.id, w.id) IN ((:'a_version', :'c_version'), (:'c_version', :'a_version'));
SELECT is(importer.opens(:'a_blob'), 'XX001', 'nor with material and digest');
ROLLBACK TO sound;
SELECT kms_delete_key_material(:'a');
UPDATE kms.key SET state = 'Enabled' WHERE id = :'a';
SELECT is(importer.opens(:'a_blob'), 'XX001', 'a key enabled by hand whose material was deleted opens nothing'),
	   is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', :'a', 'x'), 'XX001|Rejected.Unavailable', 'nor does it encrypt'),
	   is(importer.imports(:'a', :'m32', 'SM2PKE'), 'fine', 'until it is imported');
SELECT is(importer.opens(:'a_blob'), 'of a', 'again');
ROLLBACK TO sound;
UPDATE kms.key_version SET wrapped = '' WHERE id = :'a_version';
SELECT is(importer.opens(:'a_blob'), 'XX001', 'material emptied by hand opens nothing');
ROLLBACK TO sound;
UPDATE kms.key SET primary_version = NULL WHERE id = :'a';
SELECT is(importer.imports(:'a', :'n32', 'SM2PKE'), 'fine', 'a key that lost its version by hand takes anything');
SELECT is(importer.opens(:'a_blob'), 'of a', 'and opens with the version that a ciphertext names'), is(kms_decrypt_text(kms_encrypt(:'a', 'new'::text)), 'new', 'the old and the new');
ROLLBACK TO sound;
UPDATE kms.key SET primary_version = :'c_version' WHERE id = :'a';
SELECT importer.imports(:'a', :'n32', 'SM2PKE') AS says \gset
SELECT is(importer.opens(:'a_blob') || importer.opens(:'c_blob'), 'of aof c', 'a key given the version of another by hand, importing its material, spoils neither');
ROLLBACK TO sound;
UPDATE kms.key SET spec = 'Aliyun_SM4' WHERE id = :'a';
SELECT is(importer.opens(:'a_blob'), 'XX001', 'given another spec by hand it opens nothing'), is(importer.imports(:'a', :'m32', 'SM2PKE'), :'bad_material', 'and its material has the wrong length');
ROLLBACK TO sound;
UPDATE kms.key SET origin = 'Aliyun_KMS' WHERE id = :'a';
SELECT is(importer.opens(:'a_blob'), 'XX001', 'given another origin it opens nothing');
ROLLBACK TO sound;

SELECT id AS a_sm2 FROM kms.import_token WHERE id::text = (SELECT encode(substr(:'a_sm2_token'::bytea, 2), 'hex')::uuid::text) \gset
SELECT encode(substr(token, 2), 'hex')::uuid AS c_sm2 FROM importer.parameters WHERE key_id = :'c' \gset
SELECT encode(substr(:'a_token'::bytea, 2), 'hex')::uuid AS a_rsa \gset
UPDATE kms.import_token v SET wrapped = w.wrapped FROM kms.import_token w WHERE (v.id, w.id) IN ((:'a_sm2', :'c_sm2'), (:'c_sm2', :'a_sm2'));
SELECT is(importer.says(:'a', :'a_sm2_wrapped', :'a_sm2_token'), :'bad_material', 'with swapped private keys tokens import nothing');
ROLLBACK TO sound;
UPDATE kms.import_token SET key_id = :'b' WHERE id = :'a_sm2';
SELECT is(importer.says(:'b', :'a_sm2_wrapped', :'a_sm2_token'), :'bad_material', 'a token given to another key by hand imports nothing'), is(importer.says(:'a', :'a_sm2_wrapped', :'a_sm2_token'), :'bad_token', 'for neither');
ROLLBACK TO sound;
UPDATE kms.import_token SET algorithm = 'RSAES_OAEP_SHA_1' WHERE id = :'a_rsa';
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), :'bad_material', 'one given another algorithm imports nothing'),
	   is(importer.says(:'a', importer.encrypted(:'m32', 'RSAES_OAEP_SHA_1', public_key), token), :'bad_material', 'under neither') FROM importer.parameters WHERE key_id = :'a' AND algorithm = 'RSAES_OAEP_SHA_256';
UPDATE kms.import_token SET algorithm = 'SM2PKE' WHERE id = :'a_rsa';
SELECT is(importer.says(:'a', :'a_wrapped', :'a_token'), :'bad_material', 'nor one of another kind');
UPDATE kms.import_token SET algorithm = 'unheard' WHERE id = :'a_rsa';
SELECT is(left(importer.says(:'a', :'a_wrapped', :'a_token'), 26), 'XX001|Rejected.Unavailable', 'an unknown one is damage');
ROLLBACK TO sound;
CREATE FUNCTION importer.with_token_byte_changed(n integer, token_id uuid, key_id text, wrapped bytea, token bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	UPDATE kms.import_token t SET wrapped = set_byte(t.wrapped, n, get_byte(t.wrapped, n) # 1) WHERE id = token_id;
	result = importer.says(key_id, $4, token);
	UPDATE kms.import_token t SET wrapped = set_byte(t.wrapped, n, get_byte(t.wrapped, n) # 1) WHERE id = token_id;
	RETURN result;
END
$$;
SELECT results_eq(format('SELECT DISTINCT importer.with_token_byte_changed(n, %L, %L, %L, %L) FROM generate_series(0, 177) n', :'a_sm2', :'a', :'a_sm2_wrapped', :'a_sm2_token'), ARRAY[:'bad_material'], 'any byte of a wrapped private key counts');
SELECT is(importer.says(:'a', :'a_sm2_wrapped', :'a_sm2_token'), 'fine', 'changed back, it imports');
CREATE FUNCTION importer.with_token_cut(n integer, token_id uuid, key_id text, wrapped bytea, token bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	whole bytea = (SELECT t.wrapped FROM kms.import_token t WHERE id = token_id);
	result text;
BEGIN
	UPDATE kms.import_token SET wrapped = substr(whole, 1, n) WHERE id = token_id;
	result = importer.says(key_id, $4, token);
	UPDATE kms.import_token SET wrapped = whole WHERE id = token_id;
	RETURN result;
END
$$;
SELECT results_eq(format('SELECT DISTINCT importer.with_token_cut(n, %L, %L, %L, %L) FROM generate_series(1, 177) n', :'a_sm2', :'a', :'a_sm2_wrapped', :'a_sm2_token'), ARRAY[:'bad_material'], 'nor does a shorter one import');
ROLLBACK TO sound;

/* Longer than any key that takes imported material: there is no room for it. */
SELECT kms_create_key(origin => 'EXTERNAL') AS edited \gset
SELECT importer.ask(:'edited') AS ignored \gset
UPDATE kms.key SET spec = 'HMAC_SHA_512', usage = 'GENERATE_VERIFY_MAC' WHERE id = :'edited';
SELECT is(left(importer.imports(:'edited', decode(repeat('61', 64), 'hex')), 26), 'XX001|Rejected.Unavailable', 'a key given a spec that is never imported takes no material'),
	   is(pg_temp.verdict('SELECT kms_get_parameters_for_import(%L, %L, %L)', :'edited', 'SM2PKE', 'EC_SM2'), 'XX001|Rejected.Unavailable', 'nor has it parameters');
ROLLBACK TO sound;

-- ---- tables and operators in the way -----------------------------------------------------------------------------------------------

CREATE TEMPORARY TABLE key (LIKE kms.key);
CREATE TEMPORARY TABLE key_version (LIKE kms.key_version);
CREATE TEMPORARY TABLE import_token (LIKE kms.import_token);
CREATE FUNCTION pg_temp.never(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'the wrong operator'; END $$;
CREATE OPERATOR pg_temp.= (FUNCTION = pg_temp.never, LEFTARG = uuid, RIGHTARG = uuid);
SELECT set_config('search_path', format('%s, public, pg_catalog', nspname), true) AS path FROM pg_catalog.pg_namespace WHERE oid OPERATOR(pg_catalog.=) pg_my_temp_schema() \gset
SELECT kms_delete_key_material(:'a');
SELECT importer.says(:'a', :'a_sm2_wrapped', :'a_sm2_token', '2100-01-01') AS first_says, (p).token_expire_time > now() AS asked FROM kms_get_parameters_for_import(:'a', 'SM2PKE', 'EC_SM2') p \gset
SELECT (SELECT count(*) FROM key) + (SELECT count(*) FROM key_version) + (SELECT count(*) FROM import_token) AS there \gset
RESET search_path;
SELECT is(:'first_says'::text, 'fine', 'a hostile search path is in nobody''s way'), is(:'asked'::text, 't', 'for parameters neither'), is(:'there'::text, '0', 'and nothing is written there');
SELECT is(importer.opens(:'a_blob'), 'of a', 'the key opens what it encrypted');
ROLLBACK TO sound;
SELECT is(importer.opens(:'a_blob') || importer.opens(:'b_blob') || importer.opens(:'c_blob'), 'of aof bof c', 'in the end everything opens as it did');

SELECT * FROM finish();
ROLLBACK;
