-- Pairs: which spec and usage does what, cell by cell; versions, limits, and everything that is no signature or ciphertext.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(779);
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset

-- ---- spec and usage -------------------------------------------------------

CREATE TEMP TABLE spec (n serial, spec text, usages text[]);
INSERT INTO spec (spec, usages) VALUES
	('RSA_2048', '{SIGN/VERIFY,ENCRYPT/DECRYPT}'), ('RSA_3072', '{SIGN/VERIFY,ENCRYPT/DECRYPT}'), ('RSA_4096', '{SIGN/VERIFY,ENCRYPT/DECRYPT}'),
	('EC_P256', '{SIGN/VERIFY}'), ('EC_P256K', '{SIGN/VERIFY}'), ('EC_P384', '{SIGN/VERIFY}'), ('EC_P521', '{SIGN/VERIFY}'),
	('EC_SM2', '{SIGN/VERIFY,ENCRYPT/DECRYPT}'), ('ED25519', '{SIGN/VERIFY}'),
	('ML_DSA_44', '{SIGN/VERIFY}'), ('ML_DSA_65', '{SIGN/VERIFY}'), ('ML_DSA_87', '{SIGN/VERIFY}');

/* The key of each cell that is used below; a pair of 4096 bits takes its time, so there is one. */
CREATE TEMP TABLE pair (n serial, spec text, usage text, key_id text);
INSERT INTO pair (spec, usage)
	SELECT spec, usage FROM spec, unnest(usages) usage WHERE spec !~ '^ML_DSA' AND (spec <> 'RSA_4096' OR usage <> 'SIGN/VERIFY') ORDER BY n, usage DESC;
INSERT INTO pair (spec, usage) VALUES ('Aliyun_AES_256', 'ENCRYPT/DECRYPT'), ('HMAC_SHA_256', 'GENERATE_VERIFY_MAC');
UPDATE pair SET key_id = kms_create_key(spec, usage)::text;

SELECT is((d).key_spec || ' ' || (d).key_usage || ' ' || (d).origin || ' ' || (d).key_state || ' ' || (d).automatic_rotation, format('%s %s Aliyun_KMS Enabled Disabled', spec, usage),
		  format('%s makes a key for %s', spec, usage)),
	   ok((d).primary_key_version IS NULL, 'which has no primary version'),
	   is((SELECT count(*) FROM kms_list_key_versions(key_id)), 1::bigint, 'but one version'),
	   is((d).last_rotation_date, (d).creation_date, 'which is its last rotation')
  FROM pair CROSS JOIN LATERAL (SELECT kms_describe_key(key_id) AS d OFFSET 0) t WHERE spec !~ 'AES|HMAC' ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_create_key(%L, %L)', spec, usage), format('22023|InvalidParameter|invalid value for key_usage: a key of spec %s is not for %s', spec, usage),
		  format('%s is not for %s', spec, usage))
  FROM spec, unnest(ARRAY['SIGN/VERIFY', 'ENCRYPT/DECRYPT', 'GENERATE_VERIFY_MAC']) usage WHERE usage <> ALL (usages) ORDER BY n, usage;
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L, %L)', spec, usage), '22023|InvalidParameter', format('%L is no usage of a key of %s', usage, spec))
  FROM unnest(ARRAY['EC_P256', 'RSA_2048']) spec, unnest(ARRAY['', 'sign/verify', 'SIGN', 'SIGN/VERIFY,ENCRYPT/DECRYPT']) usage;
/* Libraries before OpenSSL 3.5 do not have them. */
SELECT matches(pg_temp.verdict('SELECT kms_create_key(%L)', spec), '^(fine|0A000\|UnsupportedOperation)$', spec || ' is made if the library has it, else refused as such')
  FROM spec WHERE spec ~ '^ML_DSA' ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L, origin => %L)', spec, 'EXTERNAL'), '0A000|UnsupportedOperation', 'the material of a key of ' || spec || ' is not imported')
  FROM spec ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_get_parameters_for_import(%L)', key_id), '0A000|Unsupported.Origin', 'nor are there parameters for it')
  FROM pair WHERE spec = 'EC_P256';
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L, enable_automatic_rotation => true, rotation_interval => %L)', spec, '30 days'), '0A000|UnsupportedOperation', spec || ' does not rotate by itself')
  FROM spec ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L, protection_level => %L)', 'EC_P256', 'HSM'), '0A000|Unsupported.ProtectionLevel', 'no pair is made in hardware');

-- ---- signing: keys and algorithms -----------------------------------------

CREATE TEMP TABLE signature (n serial, algorithm text, specs text[], digest bytea);
INSERT INTO signature (algorithm, specs, digest) VALUES
	('RSA_PSS_SHA_256', '{RSA_2048,RSA_3072,RSA_4096}', sha256('message')), ('RSA_PKCS1_SHA_256', '{RSA_2048,RSA_3072,RSA_4096}', sha256('message')),
	('ECDSA_SHA_256', '{EC_P256,EC_P256K}', sha256('message')), ('ECDSA_SHA_384', '{EC_P384}', sha384('message')), ('ECDSA_SHA_512', '{EC_P521}', sha512('message')),
	('SM2DSA', '{EC_SM2}', sha256('message')), ('ED25519', '{ED25519}', 'message'), ('ML_DSA_44', '{}', 'message'), ('ML_DSA_65', '{}', 'message'), ('ML_DSA_87', '{}', 'message');

/* An algorithm that is another spec's is InvalidParameter, a key that does not sign Rejected.UnsupportedOperation. */
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_sign(%L, NULL, %L, %L)', key_id, algorithm, digest::text) || ', ' ||
		  pg_temp.verdict('SELECT kms_asymmetric_verify(%L, NULL, %L, %L, %L)', key_id, algorithm, digest::text, 'x'), wanted || ', ' || wanted,
		  format('%s for %s signs and verifies with %s: %s', spec, usage, algorithm, wanted))
  FROM pair CROSS JOIN signature
 CROSS JOIN LATERAL (SELECT CASE WHEN usage <> 'SIGN/VERIFY' THEN '0A000|Rejected.UnsupportedOperation' WHEN spec = ANY (specs) THEN 'fine' ELSE '22023|InvalidParameter' END AS wanted) w
 ORDER BY pair.n, signature.n;

CREATE TEMP TABLE signed AS
	SELECT p.n, s.n AS m, spec, key_id, algorithm, digest, kms_asymmetric_sign(key_id, NULL, algorithm, digest) AS value, kms_asymmetric_sign(key_id, NULL, algorithm, digest) AS again
	  FROM pair p, signature s WHERE usage = 'SIGN/VERIFY' AND spec = ANY (specs);
SELECT ok(kms_asymmetric_verify(key_id, NULL, algorithm, digest, value), format('what %s signs with %s is verified', spec, algorithm)),
	   is(value = again, algorithm IN ('RSA_PKCS1_SHA_256', 'ED25519'), CASE WHEN algorithm IN ('RSA_PKCS1_SHA_256', 'ED25519') THEN 'signed again it is the same' ELSE 'signed again it is another signature' END),
	   ok(kms_asymmetric_verify(key_id, NULL, algorithm, digest, again), 'which is verified, too'),
	   matches(length(value)::text, CASE WHEN spec ~ '^RSA' THEN '^' || substr(spec, 5)::integer / 8 || '$' WHEN spec = 'ED25519' THEN '^64$' WHEN spec = 'EC_P384' THEN '^(9[89]|10[0-4])$'
										 WHEN spec = 'EC_P521' THEN '^13[0-9]$' ELSE '^(6[6-9]|7[0-2])$' END, 'and of the length that it must have')
  FROM signed ORDER BY n, m;
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_sign(%L, NULL, %L, %L)', key_id, name, digest::text), '22023|InvalidParameter|invalid value for algorithm: it is no signature algorithm of this service',
		  format('%L is no signature algorithm', name)),
	   is(pg_temp.verdict('SELECT kms_asymmetric_verify(%L, NULL, %L, %L, %L)', key_id, name, digest::text, value::text), '22023|InvalidParameter', 'nor to verify with')
  FROM signed CROSS JOIN unnest(ARRAY['', 'ecdsa_sha_256', 'ECDSA_SHA_256 ', 'ECDSA', 'RSAES_OAEP_SHA_256', 'SM2PKE']) WITH ORDINALITY a (name, i)
 WHERE spec = 'EC_P256' ORDER BY i;
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_sign(%L, NULL, repeat(%L, 100000), %L)', key_id, 'A', digest::text), '22023|InvalidParameter|invalid value for algorithm: it is no signature algorithm of this service',
		  'nor is an over-long one, which is not repeated') FROM signed WHERE spec = 'EC_P256';

/* Digests. */
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_sign(%L, NULL, %L, decode(repeat(''00'', %s), ''hex''))', key_id, algorithm, (length(digest) + d)::text),
		  format('22023|InvalidParameter|invalid value for digest: it must be %s bytes', length(digest)), format('%s of %s does not sign %s bytes', algorithm, spec, length(digest) + d)),
	   is(pg_temp.verdict('SELECT kms_asymmetric_verify(%L, NULL, %L, decode(repeat(''00'', %s), ''hex''), %L)', key_id, algorithm, (length(digest) + d)::text, value::text), '22023|InvalidParameter', 'nor verify them')
  FROM signed, unnest(ARRAY[-32, -1, 1, 1000000]) d WHERE algorithm <> 'ED25519' ORDER BY n, m, d;
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_sign(%L, NULL, %L, %L)', key_id, algorithm, ''), '22023|InvalidParameter', algorithm || ' of ' || spec || ' does not sign nothing')
  FROM signed WHERE algorithm <> 'ED25519' ORDER BY n, m;
SELECT ok(kms_asymmetric_verify(key_id, NULL, 'ED25519', message, kms_asymmetric_sign(key_id, NULL, 'ED25519', message)), format('ED25519 signs a message of %s bytes', length(message))),
	   is(kms_asymmetric_verify(key_id, NULL, 'ED25519', message || '\x00', kms_asymmetric_sign(key_id, NULL, 'ED25519', message)), false, 'which with a byte more is another')
  FROM signed, unnest(ARRAY[''::bytea, 'x', decode(repeat('ab', 1000000), 'hex')]) message WHERE spec = 'ED25519';

-- ---- what is no signature -------------------------------------------------

/* DER: SEQUENCE { INTEGER r, INTEGER s }, of P-521 with a length of two bytes. */
CREATE FUNCTION pg_temp.integer_of(value bytea, second boolean) RETURNS bytea LANGUAGE plpgsql AS
$$
DECLARE
	at integer = CASE get_byte(value, 1) WHEN 129 THEN 4 ELSE 3 END;
BEGIN
	IF second THEN
		at = at + get_byte(value, at) + 2;
	END IF;
	RETURN substr(value, at + 2, get_byte(value, at));
END
$$;
CREATE FUNCTION pg_temp.length_of(n integer) RETURNS bytea LANGUAGE sql AS
$$ SELECT CASE WHEN n < 128 THEN set_byte('\x00', 0, n) ELSE set_byte('\x8100', 1, n) END $$;
CREATE FUNCTION pg_temp.tlv(tag bytea, content bytea) RETURNS bytea LANGUAGE sql AS
$$ SELECT tag || pg_temp.length_of(length(content)) || content $$;
CREATE FUNCTION pg_temp.sequence(r bytea, s bytea) RETURNS bytea LANGUAGE sql AS
$$ SELECT pg_temp.tlv('\x30', pg_temp.tlv('\x02', r) || pg_temp.tlv('\x02', s)) $$;

CREATE TEMP TABLE forged (n integer, m integer, what text, value bytea);
INSERT INTO forged
	SELECT n, m, what, forgery
	  FROM signed CROSS JOIN LATERAL (VALUES
		('no bytes', ''::bytea), ('one byte', '\x00'), ('half of it', substr(value, 1, length(value) / 2)), ('all but the last byte', substr(value, 1, length(value) - 1)),
		('all but the first byte', substr(value, 2)), ('a zero more', value || '\x00'), ('a zero before', '\x00' || value), ('it twice', value || value),
		('zeros', decode(repeat('00', length(value)), 'hex')), ('ones', decode(repeat('ff', length(value)), 'hex')), ('a megabyte', decode(repeat('30', 1000000), 'hex')),
		('its last bit changed', set_byte(value, length(value) - 1, get_byte(value, length(value) - 1) # 1)),
		('a bit in the middle changed', set_byte(value, length(value) / 2, get_byte(value, length(value) / 2) # 16)),
		('its first bit changed', set_byte(value, 0, get_byte(value, 0) # 1))) f (what, forgery);
INSERT INTO forged
	SELECT n, m, what, forgery
	  FROM (SELECT *, pg_temp.integer_of(value, false) AS r, pg_temp.integer_of(value, true) AS s FROM signed WHERE algorithm ~ 'DSA' AND algorithm !~ '^ML') i
	 CROSS JOIN LATERAL (VALUES
		('r = 0', pg_temp.sequence('\x00', s)), ('s = 0', pg_temp.sequence(r, '\x00')), ('both 0', pg_temp.sequence('\x00', '\x00')), ('r = s = 1', pg_temp.sequence('\x01', '\x01')),
		('r without bytes', pg_temp.sequence('', s)), ('s without bytes', pg_temp.sequence(r, '')), ('r and s exchanged', pg_temp.sequence(s, r)),
		('a zero before r', pg_temp.sequence('\x00' || r, s)), ('a zero before s', pg_temp.sequence(r, '\x00' || s)),
		('r negative', pg_temp.sequence(set_byte(r, 0, get_byte(r, 0) | 128), s)), ('s negative', pg_temp.sequence(r, set_byte(s, 0, get_byte(s, 0) | 128))),
		('r too large', pg_temp.sequence('\x00' || decode(repeat('ff', length(r)), 'hex'), s)), ('s too large', pg_temp.sequence(r, '\x00' || decode(repeat('ff', length(s)), 'hex'))),
		('its length in a byte too many', '\x30'::bytea || '\x82'::bytea || set_byte('\x0000', 1, length(r) + length(s) + 4) || pg_temp.tlv('\x02', r) || pg_temp.tlv('\x02', s)),
		('no length', '\x3080'::bytea || pg_temp.tlv('\x02', r) || pg_temp.tlv('\x02', s) || '\x0000'),
		('r alone', pg_temp.tlv('\x30', pg_temp.tlv('\x02', r))), ('a third integer', pg_temp.tlv('\x30', pg_temp.tlv('\x02', r) || pg_temp.tlv('\x02', s) || pg_temp.tlv('\x02', '\x01'))),
		('a set', pg_temp.tlv('\x31', pg_temp.tlv('\x02', r) || pg_temp.tlv('\x02', s))), ('octets for r', pg_temp.tlv('\x30', pg_temp.tlv('\x04', r) || pg_temp.tlv('\x02', s))),
		('bare r and s', r || s)) f (what, forgery);
SELECT is((SELECT count(*) FROM signed WHERE spec ~ '^EC' AND pg_temp.sequence(pg_temp.integer_of(value, false), pg_temp.integer_of(value, true)) = value), 5::bigint, 'the test takes signatures apart and puts them together');
SELECT is(string_agg(what, ', ') FILTER (WHERE kms_asymmetric_verify(key_id, NULL, algorithm, digest, f.value)), NULL, format('of %s ways to forge %s of %s none is verified', count(*), algorithm, spec))
  FROM forged f JOIN signed USING (n, m) GROUP BY n, m, algorithm, spec ORDER BY n, m;
SELECT is((SELECT count(*) FROM generate_series(0, length(value) - 1, length(value) / 64) len WHERE kms_asymmetric_verify(key_id, NULL, algorithm, digest, substr(value, 1, len))), 0::bigint, format('nor is %s of %s cut off', algorithm, spec)),
	   is((SELECT count(*) FROM generate_series(0, length(value) - 1, length(value) / 64) at, unnest(ARRAY[1, 128]) bit WHERE kms_asymmetric_verify(key_id, NULL, algorithm, digest, set_byte(value, at, get_byte(value, at) # bit))), 0::bigint, 'or with a byte changed'),
	   is(kms_asymmetric_verify(key_id, NULL, algorithm, set_byte(digest, 0, get_byte(digest, 0) # 1), value), false, 'or of another digest'),
	   is(kms_asymmetric_verify(key_id, NULL, algorithm, set_byte(digest, length(digest) - 1, get_byte(digest, length(digest) - 1) # 128), value), false, 'that differs in its last bit'),
	   ok(kms_asymmetric_verify(key_id, NULL, algorithm, digest, value), 'after all that the true one is verified')
  FROM signed WHERE spec <> 'RSA_3072' ORDER BY n, m;
SELECT is(kms_asymmetric_verify(a.key_id, NULL, a.algorithm, a.digest, b.value), false, format('what %s signed with %s is none of %s with %s', b.spec, b.algorithm, a.spec, a.algorithm))
  FROM signed a JOIN signed b ON (a.spec, a.algorithm) <> (b.spec, b.algorithm) AND (a.spec ~ '^RSA') = (b.spec ~ '^RSA') AND (a.n, a.m) < (b.n, b.m) ORDER BY a.n, a.m, b.n, b.m;
SELECT kms_create_key('EC_P256') AS p256 \gset
SELECT is(kms_asymmetric_verify(:'p256', NULL, algorithm, digest, value), false, 'nor is it of another key of the same spec') FROM signed WHERE spec = 'EC_P256';

-- ---- encrypting: keys and algorithms --------------------------------------

CREATE TEMP TABLE encryption (n serial, algorithm text, specs text[], overhead integer);
INSERT INTO encryption (algorithm, specs, overhead) VALUES ('RSAES_OAEP_SHA_256', '{RSA_2048,RSA_3072,RSA_4096}', 66), ('RSAES_OAEP_SHA_1', '{RSA_2048,RSA_3072,RSA_4096}', 42), ('SM2PKE', '{EC_SM2}', 97);
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_encrypt(%L, NULL, %L, %L)', key_id, algorithm, 'x'), CASE WHEN fits THEN 'fine' ELSE '0A000|Rejected.UnsupportedOperation' END,
		  format('%s for %s %s with %s', spec, usage, CASE WHEN fits THEN 'encrypts' ELSE 'does not encrypt' END, algorithm)),
	   is(pg_temp.verdict('SELECT kms_asymmetric_decrypt(%L, NULL, %L, %L)', key_id, algorithm, 'x'), CASE WHEN fits THEN '22023|InvalidParameter' ELSE '0A000|Rejected.UnsupportedOperation' END, CASE WHEN fits THEN 'but does not decrypt just anything' ELSE 'nor decrypts' END)
  FROM pair CROSS JOIN encryption CROSS JOIN LATERAL (SELECT usage = 'ENCRYPT/DECRYPT' AND spec = ANY (specs) AS fits) f ORDER BY pair.n, encryption.n;
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_encrypt(%L, NULL, %L, %L)', key_id, 'SM2PKE', 'x'),
		  format('0A000|Rejected.UnsupportedOperation|key "%s" of spec RSA_2048 does not encrypt with SM2PKE', key_id), 'the refusal names key, spec and algorithm')
  FROM pair WHERE spec = 'RSA_2048' AND usage = 'ENCRYPT/DECRYPT';
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_encrypt(%L, NULL, %L, %L)', key_id, algorithm, 'x'), '22023|InvalidParameter', format('%L is no encryption algorithm', algorithm)),
	   is(pg_temp.verdict('SELECT kms_asymmetric_decrypt(%L, NULL, %L, %L)', key_id, algorithm, 'x'), '22023|InvalidParameter', 'nor to decrypt with')
  FROM pair, unnest(ARRAY['', 'sm2pke', 'RSAES_PKCS1_V1_5', 'RSAES_OAEP', 'ECDSA_SHA_256']) algorithm WHERE spec = 'RSA_2048' AND usage = 'ENCRYPT/DECRYPT';

CREATE TEMP TABLE opener AS
	SELECT p.n, e.n AS m, spec, key_id, algorithm, CASE spec WHEN 'EC_SM2' THEN 6144 ELSE substr(spec, 5)::integer / 8 END - overhead AS max
	  FROM pair p, encryption e WHERE usage = 'ENCRYPT/DECRYPT' AND spec = ANY (specs);
SELECT is(max, wanted, format('%s of %s takes %s bytes', algorithm, spec, wanted))
	   || E'\n' || is((SELECT count(*) FROM unnest(ARRAY[1, 2, 32, max - 1, max]) len, LATERAL (SELECT kms_generate_random(1) || decode(repeat('5a', len - 1), 'hex') AS plain OFFSET 0) p
						WHERE kms_asymmetric_decrypt(key_id, NULL, algorithm, kms_asymmetric_encrypt(key_id, NULL, algorithm, plain)) = plain), 5::bigint, 'which are decrypted, and fewer')
	   || E'\n' || is(length(kms_asymmetric_encrypt(key_id, NULL, algorithm, decode(repeat('5a', max), 'hex'))), CASE spec WHEN 'EC_SM2' THEN 6144 ELSE substr(spec, 5)::integer / 8 END, 'the ciphertext has the length that it must have')
	   || E'\n' || is(pg_temp.complaint('SELECT kms_asymmetric_encrypt(%L, NULL, %L, decode(repeat(''5a'', %s), ''hex''))', key_id, algorithm, (max + 1)::text),
					  format('22023|InvalidParameter|invalid value for plaintext: it is longer than the %s bytes that key spec and algorithm allow', max), 'a byte more is too long')
	   || E'\n' || is(pg_temp.verdict('SELECT kms_asymmetric_encrypt(%L, NULL, %L, decode(repeat(''5a'', 1000000), ''hex''))', key_id, algorithm), '22023|InvalidParameter', 'a million are')
	   || E'\n' || isnt(kms_asymmetric_encrypt(key_id, NULL, algorithm, 'x'), kms_asymmetric_encrypt(key_id, NULL, algorithm, 'x'), 'the same plaintext has many ciphertexts')
  FROM opener JOIN (VALUES ('RSA_2048', 'RSAES_OAEP_SHA_256', 190), ('RSA_2048', 'RSAES_OAEP_SHA_1', 214), ('RSA_3072', 'RSAES_OAEP_SHA_256', 318), ('RSA_3072', 'RSAES_OAEP_SHA_1', 342),
						   ('RSA_4096', 'RSAES_OAEP_SHA_256', 446), ('RSA_4096', 'RSAES_OAEP_SHA_1', 470), ('EC_SM2', 'SM2PKE', 6047)) w (spec, algorithm, wanted) USING (spec, algorithm) ORDER BY n, m;
SELECT is(kms_asymmetric_decrypt(key_id, NULL, algorithm, kms_asymmetric_encrypt(key_id, NULL, algorithm, '')), '', algorithm || ' of ' || spec || ' encrypts nothing, which is decrypted as nothing')
  FROM opener WHERE spec = 'RSA_2048' ORDER BY m;
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_encrypt(%L, NULL, %L, %L)', key_id, 'SM2PKE', ''), '22023|InvalidParameter|invalid value for plaintext: SM2PKE cannot encrypt nothing', 'SM2PKE has no ciphertext of nothing')
  FROM opener WHERE algorithm = 'SM2PKE';
SELECT is(substr(kms_asymmetric_encrypt(key_id, NULL, 'SM2PKE', 'x'), 1, 1), '\x04', 'that of something begins with a point'),
	   is(length(kms_asymmetric_encrypt(key_id, NULL, 'SM2PKE', 'twelve bytes')), 109, 'and is 97 bytes longer')
  FROM opener WHERE algorithm = 'SM2PKE';

-- ---- what is no ciphertext ------------------------------------------------

CREATE TEMP TABLE locked AS SELECT *, kms_asymmetric_encrypt(key_id, NULL, algorithm, 'twelve bytes') AS blob FROM opener WHERE spec IN ('RSA_2048', 'EC_SM2');
SELECT kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS other_rsa, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS other_sm2 \gset
CREATE FUNCTION pg_temp.opens(key_id text, algorithm text, blob bytea) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.complaint('SELECT kms_asymmetric_decrypt(%L, NULL, %L, %L)', key_id, algorithm, blob::text) $$;
SELECT is(kms_asymmetric_decrypt(key_id, NULL, algorithm, blob), 'twelve bytes', format('what %s encrypts with %s is decrypted', spec, algorithm)),
	   results_eq(format('SELECT DISTINCT pg_temp.opens(%L, %L, substr(%L::bytea, 1, len)) FROM generate_series(0, %s, %s) len', key_id, algorithm, blob, length(blob) - 1, CASE spec WHEN 'EC_SM2' THEN 1 ELSE 15 END),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'cut off anywhere it cannot be decrypted'),
	   results_eq(format('SELECT DISTINCT pg_temp.opens(%L, %L, set_byte(%L::bytea, at, get_byte(%3$L::bytea, at) # bit)) FROM generate_series(0, %s, %s) at, unnest(ARRAY[1, 128]) bit',
						 key_id, algorithm, blob, length(blob) - 1, CASE spec WHEN 'EC_SM2' THEN 1 ELSE 15 END),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'nor with any byte changed'),
	   results_eq(format('SELECT DISTINCT pg_temp.opens(%L, %L, b) FROM unnest(ARRAY[%3$L::bytea || ''\x00'', ''\x00'' || %3$L::bytea, %3$L::bytea || %3$L, substr(%3$L::bytea, 2), ''\x00'', decode(repeat(''00'', %4$s), ''hex''),
						  decode(repeat(''ff'', %4$s), ''hex''), decode(repeat(''04'', %4$s), ''hex''), decode(''01'' || repeat(''00'', %4$s - 1), ''hex''), decode(repeat(''00'', %4$s - 1) || ''01'', ''hex''),
						  decode(repeat(''5a'', 6144), ''hex''), decode(repeat(''5a'', 6145), ''hex''), decode(repeat(''5a'', 1000000), ''hex'')]::bytea[]) b', key_id, algorithm, blob, length(blob)),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'nor longer, nor something else'),
	   is(pg_temp.opens(CASE spec WHEN 'EC_SM2' THEN :'other_sm2' ELSE :'other_rsa' END, algorithm, blob), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor by another key'),
	   is(kms_asymmetric_decrypt(key_id, NULL, algorithm, blob), 'twelve bytes', 'after all that it is decrypted')
  FROM locked ORDER BY n, m;
SELECT is(pg_temp.opens(key_id, CASE algorithm WHEN 'RSAES_OAEP_SHA_1' THEN 'RSAES_OAEP_SHA_256' ELSE 'RSAES_OAEP_SHA_1' END, blob), '22023|InvalidParameter|ciphertext cannot be decrypted', 'what was encrypted with ' || algorithm || ' is decrypted with it only')
  FROM locked WHERE spec = 'RSA_2048' ORDER BY m;
/* Its first byte may happen to be that of a format of ours, and with SM2 is: then a version is looked for. */
SELECT matches(pg_temp.verdict('SELECT kms_decrypt(%L)', blob::text), '^(22023\|InvalidParameter|42704\|Forbidden.KeyNotFound)$', format('kms_decrypt does not open what %s encrypted with %s', spec, algorithm)) FROM locked ORDER BY n, m;

-- ---- public keys ----------------------------------------------------------

SELECT matches(kms_get_public_key(key_id), '^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,62}={0,2}\n-----END PUBLIC KEY-----\n$', format('the public key of %s for %s is PEM', spec, usage)),
	   is(substr(encode(pg_temp.der(kms_get_public_key(key_id)), 'hex'), 1, length(beginning)), beginning, 'of a SubjectPublicKeyInfo that names the algorithm'),
	   is(kms_get_public_key(key_id), kms_get_public_key(key_id, (SELECT key_version_id::text FROM kms_list_key_versions(key_id))), 'of the newest version unless one is named')
  FROM pair JOIN (VALUES ('RSA_2048', '30820122300d06092a864886f70d01010105000382010f003082010a0282010100'), ('RSA_3072', '308201a2300d06092a864886f70d01010105000382018f003082018a0282018100'),
						 ('RSA_4096', '30820222300d06092a864886f70d01010105000382020f003082020a0282020100'), ('EC_P256', '3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
						 ('EC_P256K', '3056301006072a8648ce3d020106052b8104000a03420004'), ('EC_P384', '3076301006072a8648ce3d020106052b8104002203620004'),
						 ('EC_P521', '30819b301006072a8648ce3d020106052b81040023038186000400'), ('EC_SM2', '3059301306072a8648ce3d020106082a811ccf5501822d03420004'),
						 ('ED25519', '302a300506032b6570032100')) b (spec, beginning) USING (spec) WHERE spec <> 'EC_P521' ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_get_public_key(%L)', key_id), '0A000|Rejected.UnsupportedOperation', spec || ' has no public key') FROM pair WHERE spec ~ 'AES|HMAC' ORDER BY n;
SELECT is((SELECT count(DISTINCT kms_get_public_key(key_id)) FROM pair WHERE spec !~ 'AES|HMAC'), (SELECT count(*) FROM pair WHERE spec !~ 'AES|HMAC'), 'no two pairs have the same public key');
/* What others do with a public key is read here. */
\set seal :here /sql/include/seal.psql
\i :seal
SELECT is(kms_asymmetric_decrypt(key_id, NULL, 'RSAES_OAEP_SHA_256', pg_temp.seal(pg_temp.der(kms_get_public_key(key_id)), 'from afar')), 'from afar', 'what the OpenSSL command line encrypts for ' || spec || ' is decrypted')
  FROM opener WHERE algorithm = 'RSAES_OAEP_SHA_256' ORDER BY n;
CREATE TEMP TABLE said (line text);
CREATE FUNCTION pg_temp.verified_by_openssl(pem text, digest bytea, value bytea, options text) RETURNS text LANGUAGE plpgsql AS
$$
BEGIN
	DELETE FROM said;
	EXECUTE format('COPY said FROM PROGRAM %L', format(
		'bash -c ''openssl pkeyutl -verify -pubin -keyform DER -inkey <(echo %s | base64 -d) -in <(echo %s | base64 -d) -sigfile <(echo %s | base64 -d) %s''; true',
		replace(encode(pg_temp.der(pem), 'base64'), E'\n', ''), replace(encode(digest, 'base64'), E'\n', ''), replace(encode(value, 'base64'), E'\n', ''), options));
	RETURN line FROM said LIMIT 1;
END
$$;
SELECT is(pg_temp.verified_by_openssl(kms_get_public_key(key_id), digest, value, options), 'Signature Verified Successfully', format('what %s signs with %s the OpenSSL command line verifies', spec, algorithm))
  FROM signed JOIN (VALUES ('RSA_PSS_SHA_256', '-pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32 -pkeyopt rsa_mgf1_md:sha256'),
						   ('RSA_PKCS1_SHA_256', '-pkeyopt digest:sha256'), ('ECDSA_SHA_256', ''), ('ECDSA_SHA_384', ''), ('ECDSA_SHA_512', '')) o (algorithm, options) USING (algorithm)
 WHERE spec <> 'RSA_3072' ORDER BY n, m;

-- ---- kinds of keys --------------------------------------------------------

SELECT is(pg_temp.verdict(statement, key_id), '0A000|UnsupportedOperation', format('%s for %s does not %s', spec, usage, what))
  FROM pair, (VALUES ('SELECT kms_encrypt(%L, ''x''::bytea)', 'encrypt as a symmetric key'), ('SELECT kms_generate_data_key(%L)', 'make data keys'), ('SELECT kms_envelope_encrypt(%L, ''x''::bytea)', 'make envelopes'),
					 ('SELECT kms_generate_mac(%L, ''x'')', 'make MACs'), ('SELECT kms_blind_index(%L, ''x'')', 'make blind indexes')) t (statement, what)
 WHERE spec IN ('RSA_2048', 'EC_SM2') ORDER BY n, what;
SELECT is(pg_temp.hint(statement, (SELECT key_id FROM pair WHERE pair.spec = t.spec)), hint, hint)
  FROM (VALUES ('Aliyun_AES_256', 'SELECT kms_asymmetric_sign(%L, NULL, ''ED25519'', ''x'')', 'It takes an asymmetric key with usage SIGN/VERIFY.'),
			   ('EC_P256', 'SELECT kms_asymmetric_encrypt(%L, NULL, ''SM2PKE'', ''x'')', 'It takes an asymmetric key with usage ENCRYPT/DECRYPT.'),
			   ('HMAC_SHA_256', 'SELECT kms_get_public_key(%L)', 'It takes an asymmetric key.'), ('EC_P256', 'SELECT kms_encrypt(%L, ''x''::text)', 'It takes a symmetric key with usage ENCRYPT/DECRYPT.'),
			   ('EC_P256', 'SELECT kms_generate_mac(%L, ''x'')', 'It takes a key with usage GENERATE_VERIFY_MAC.')) t (spec, statement, hint);

-- ---- names of keys and versions -------------------------------------------

SELECT key_id AS key, (SELECT key_version_id FROM kms_list_key_versions(key_id)) AS version, (kms_describe_key(key_id)).arn AS arn, value AS signature FROM signed WHERE spec = 'EC_P256' \gset
SELECT (SELECT key_version_id FROM kms_list_key_versions(:'p256')) AS p256_version, (kms_describe_key(key_id)).primary_key_version AS symmetric_version FROM pair WHERE spec = 'Aliyun_AES_256' \gset
SELECT kms_create_alias(:'key', 'alias/asymmetric') IS NULL AS ignored \gset
SELECT ok(kms_asymmetric_verify(name, version, 'ECDSA_SHA_256', sha256('message'), kms_asymmetric_sign(name, version, 'ECDSA_SHA_256', sha256('message'))) AND
		  kms_asymmetric_verify(:'key', NULL, 'ECDSA_SHA_256', sha256('message'), kms_asymmetric_sign(name, version, 'ECDSA_SHA_256', sha256('message'))), format('a pair is named by %s, its version by %s', what, which))
  FROM (VALUES (:'key', 'its id'), (upper(:'key'), 'its id in capitals'), (:'arn', 'its ARN'), ('alias/asymmetric', 'an alias')) t (name, what),
	   (VALUES (NULL, 'nothing'), (:'version', 'its id'), (upper(:'version'), 'its id in capitals')) v (version, which);
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_sign(%L, %L, %L, sha256(%L))', :'key', version, 'ECDSA_SHA_256', 'x'), format('42704|Forbidden.KeyVersionNotFound|key "%s" has no version "%s"', :'key', version), what || ' is no version of it'),
	   is(pg_temp.verdict('SELECT kms_asymmetric_verify(%L, %L, %L, sha256(%L), %L)', :'key', version, 'ECDSA_SHA_256', 'x', :'signature'), '42704|Forbidden.KeyVersionNotFound', 'nor to verify with'),
	   is(pg_temp.verdict('SELECT kms_get_public_key(%L, %L)', :'key', version), '42704|Forbidden.KeyVersionNotFound', 'nor to read')
  FROM (VALUES (:'p256_version', 'that of another pair'), (:'symmetric_version', 'that of a symmetric key'), (:'key', 'its own id'), ('00000000-0000-4000-8000-000000000000', 'an id that never was')) t (version, what);
SELECT is(pg_temp.complaint('SELECT kms_asymmetric_sign(%L, %L, %L, sha256(%L))', :'key', version, 'ECDSA_SHA_256', 'x'), '22023|InvalidParameter|invalid value for key_version_id: it is no key version id', format('%L is no version id', left(version, 40))),
	   is(pg_temp.verdict('SELECT kms_get_public_key(%L, %L)', :'key', version), '22023|InvalidParameter', 'nor to read')
  FROM unnest(ARRAY['', ' ', '1', 'x', 'alias/asymmetric', repeat('0', 100000)]) version;
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_sign(%L, %L, %L, sha256(%L))', :'key', version, 'ECDSA_SHA_256', 'x'), '22023|InvalidParameter', what)
  FROM (VALUES (left(:'version', 35), 'nor is one without its last digit'), (:'version' || '0', 'or with one more'), (' ' || :'version', 'or with a blank'), (replace(:'version', '-', ''), 'or without hyphens')) t (version, what);
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_decrypt(%L, %L, %L, %L)', key_id, :'version', algorithm, blob::text), '42704|Forbidden.KeyVersionNotFound', 'to decrypt with ' || algorithm || ' the version must be the key''s, too'),
	   is(pg_temp.verdict('SELECT kms_asymmetric_encrypt(%L, %L, %L, %L)', key_id, :'version', algorithm, 'x'), '42704|Forbidden.KeyVersionNotFound', 'so it is to encrypt')
  FROM locked ORDER BY n, m;
SELECT kms_update_alias(:'p256', 'alias/asymmetric') IS NULL AS ignored \gset
SELECT is(kms_asymmetric_verify('alias/asymmetric', NULL, 'ECDSA_SHA_256', sha256('message'), :'signature'), false, 'an alias that was moved names the other key'),
	   is(pg_temp.verdict('SELECT kms_get_public_key(%L, %L)', 'alias/asymmetric', :'version'), '42704|Forbidden.KeyVersionNotFound', 'which does not have that version');

-- ---- versions -------------------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_create_key_version(%L)', :'key'), format('0A000|Rejected.UnsupportedOperation|key "%s" got its newest version less than 7 days ago', :'key'), 'a pair gets no new version within 7 days'),
	   is(pg_temp.hint('SELECT kms_create_key_version(%L)', :'key'), 'Make a new key if you need another pair now.', 'the way out is hinted at');
UPDATE kms.key SET rotated_at = now() - interval '6 days 23:59' WHERE id = :'key';
SELECT is(pg_temp.verdict('SELECT kms_create_key_version(%L)', :'key'), '0A000|Rejected.UnsupportedOperation', 'nor a minute before');
UPDATE kms.key SET rotated_at = now() - interval '7 days' WHERE id = :'key';
SELECT kms_get_public_key(:'key') AS first_public_key, kms_create_key_version(:'key') AS second \gset
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'key')), 2::bigint, 'after 7 days it gets one'),
	   ok((kms_describe_key(:'key')).primary_key_version IS NULL, 'and still has no primary version'),
	   ok((kms_describe_key(:'key')).last_rotation_date >= now(), 'but a new date'),
	   is(pg_temp.verdict('SELECT kms_create_key_version(%L)', :'key'), '0A000|Rejected.UnsupportedOperation', 'and no other one at once'),
	   is((SELECT bool_or(is_primary) FROM kms.key_versions WHERE key_id = :'key'), false, 'the view shows no primary version either'),
	   isnt(kms_get_public_key(:'key'), :'first_public_key', 'the newest version has another public key'),
	   is(kms_get_public_key(:'key', :'version'), :'first_public_key', 'the old one has its own'),
	   ok(kms_asymmetric_verify(:'key', :'version', 'ECDSA_SHA_256', sha256('message'), :'signature'), 'and verifies what it signed'),
	   is(kms_asymmetric_verify(:'key', NULL, 'ECDSA_SHA_256', sha256('message'), :'signature'), false, 'the newest does not'),
	   is(kms_asymmetric_verify(:'key', :'second', 'ECDSA_SHA_256', sha256('message'), :'signature'), false, 'named or not'),
	   ok(kms_asymmetric_verify(:'key', :'second', 'ECDSA_SHA_256', sha256('x'), kms_asymmetric_sign(:'key', NULL, 'ECDSA_SHA_256', sha256('x'))), 'unless a version is named the newest signs'),
	   ok(kms_asymmetric_verify(:'key', :'version', 'ECDSA_SHA_256', sha256('x'), kms_asymmetric_sign(:'key', :'version', 'ECDSA_SHA_256', sha256('x'))), 'the old one signs if it is named');
SELECT key_id AS sm2, blob AS sm2_blob, (SELECT key_version_id FROM kms_list_key_versions(key_id)) AS sm2_version FROM locked WHERE spec = 'EC_SM2' \gset
UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = :'sm2';
SELECT kms_create_key_version(:'sm2') AS sm2_second \gset
SELECT is(pg_temp.opens(:'sm2', 'SM2PKE', :'sm2_blob'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'what was encrypted for the old version is not decrypted by the newest'),
	   is(kms_asymmetric_decrypt(:'sm2', :'sm2_version', 'SM2PKE', :'sm2_blob'), 'twelve bytes', 'but by the old one'),
	   is(kms_asymmetric_decrypt(:'sm2', :'sm2_second', 'SM2PKE', kms_asymmetric_encrypt(:'sm2', NULL, 'SM2PKE', 'x')), 'x', 'unless a version is named the newest encrypts');
CREATE FUNCTION pg_temp.add_versions(count integer, pair text) RETURNS integer LANGUAGE plpgsql AS
$$
BEGIN
	FOR i IN 1 .. count LOOP
		UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = pair::uuid;
		PERFORM kms_create_key_version(pair);
	END LOOP;
	RETURN count;
END
$$;
SELECT is(pg_temp.add_versions(48, :'key'), 48, 'a pair gets 50 versions');
UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = :'key';
SELECT is(pg_temp.complaint('SELECT kms_create_key_version(%L)', :'key'), format('54000|Rejected.LimitExceeded|key "%s" has 50 versions', :'key'), 'and no more'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'key')), 50::bigint, 'they are listed'),
	   is((SELECT count(DISTINCT kms_get_public_key(:'key', key_version_id::text)) FROM kms_list_key_versions(:'key')), 50::bigint, 'each with its public key'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'key') v, LATERAL (SELECT kms_asymmetric_sign(:'key', v.key_version_id::text, 'ECDSA_SHA_256', sha256('x')) AS value OFFSET 0) s, kms_list_key_versions(:'key') w
			WHERE kms_asymmetric_verify(:'key', w.key_version_id::text, 'ECDSA_SHA_256', sha256('x'), value)), 50::bigint, 'and verifies what it signed, and nothing that another one did'),
	   ok(kms_asymmetric_verify(:'key', :'version', 'ECDSA_SHA_256', sha256('message'), :'signature'), 'also the first');
SELECT kms_create_key('EC_P256') AS idle \gset
UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = :'idle';
SELECT kms_disable_key(:'idle') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_create_key_version(%L)', :'idle'), '55000|Rejected.Disabled', 'a disabled pair gets no new version');

-- ---- deleted between executions -------------------------------------------

PREPARE sign AS SELECT kms_asymmetric_sign(:'p256', NULL, 'ECDSA_SHA_256', sha256('x')) IS NOT NULL;
PREPARE verify AS SELECT kms_asymmetric_verify(:'p256', :'p256_version', 'ECDSA_SHA_256', sha256('x'), '\x00');
SELECT is(pg_temp.verdict('EXECUTE sign') || ', ' || pg_temp.verdict('EXECUTE verify'), 'fine, fine', 'prepared statements sign and verify');
SELECT kms_schedule_key_deletion(:'p256', 7) AS ignored \gset
SELECT is(pg_temp.verdict('EXECUTE sign') || ', ' || pg_temp.verdict('EXECUTE verify'), '55000|Rejected.PendingDeletion, 55000|Rejected.PendingDeletion', 'not with a key that is pending deletion');
SELECT kms_cancel_key_deletion(:'p256') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('EXECUTE sign') || ', ' || pg_temp.verdict('EXECUTE verify'), 'fine, fine', 'but when that is cancelled');
UPDATE kms.key SET state = 'PendingDeletion', delete_at = clock_timestamp() WHERE id = :'p256';
SELECT is(pg_temp.verdict('EXECUTE sign') || ', ' || pg_temp.verdict('EXECUTE verify'), '42704|Forbidden.KeyNotFound, 42704|Forbidden.KeyNotFound', 'and not after its date');
SELECT kms_run_jobs() \g /dev/null
SELECT is(pg_temp.verdict('EXECUTE sign') || ', ' || pg_temp.verdict('EXECUTE verify'), '42704|Forbidden.KeyNotFound, 42704|Forbidden.KeyNotFound', 'nor when it is erased'),
	   is(pg_temp.verdict('SELECT kms_get_public_key(%L)', :'p256'), '42704|Forbidden.KeyNotFound', 'then it has no public key either');
DEALLOCATE sign;
DEALLOCATE verify;

-- ---- more than are kept ready ---------------------------------------------

CREATE TEMP TABLE many AS SELECT n, kms_create_key(CASE n % 2 WHEN 0 THEN 'EC_P256' ELSE 'HMAC_SHA_256' END)::text AS key_id, NULL::bytea AS value FROM generate_series(1, 600) n;
UPDATE many SET value = CASE n % 2 WHEN 0 THEN kms_asymmetric_sign(key_id, NULL, 'ECDSA_SHA_256', sha256(n::text::bytea)) ELSE kms_generate_mac(key_id, n::text::bytea) END;
CREATE FUNCTION pg_temp.verified(many) RETURNS boolean LANGUAGE sql AS
$$ SELECT CASE $1.n % 2 WHEN 0 THEN kms_asymmetric_verify($1.key_id, NULL, 'ECDSA_SHA_256', sha256($1.n::text::bytea), $1.value) ELSE kms_verify_mac($1.key_id, $1.n::text::bytea, $1.value) END $$;
SELECT is((SELECT count(*) FROM many m, generate_series(1, 2) WHERE pg_temp.verified(m)), 1200::bigint, 'three hundred pairs and as many keys for MACs verify what they made, each twice in a row');
SELECT is((SELECT count(*) FROM (SELECT m FROM generate_series(1, 2) turn, many m ORDER BY turn, m.n) t WHERE pg_temp.verified(m)), 1200::bigint, 'all of them in turn, twice');
SELECT is((SELECT count(*) FROM (SELECT m FROM many m ORDER BY sha256(n::text::bytea)) t WHERE pg_temp.verified(m)), 600::bigint, 'and in no order'),
	   is((SELECT count(*) FROM many a JOIN many b ON b.n = a.n + 2 WHERE a.n % 2 = 0 AND kms_asymmetric_verify(b.key_id, NULL, 'ECDSA_SHA_256', sha256(a.n::text::bytea), a.value)), 0::bigint, 'and nothing that another one made');
SELECT is(pg_temp.verdict('SELECT kms_disable_key(key_id) FROM many WHERE n IN (2, 3)'), 'fine', 'some of them are disabled'),
	   is((SELECT string_agg(pg_temp.verdict('SELECT kms_asymmetric_sign(%L, NULL, %L, sha256(%L))', key_id, 'ECDSA_SHA_256', 'x'), ' ') FROM many WHERE n IN (2, 4)), '55000|Rejected.Disabled fine', 'which bites for them alone');

-- ---- errors without end ---------------------------------------------------

CREATE FUNCTION pg_temp.stumble(times integer, signer text, opener text, version text, blob bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	refused integer = 0;
	good integer = 0;
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			CASE i % 6
				WHEN 0 THEN PERFORM kms_asymmetric_sign(signer, NULL, 'ECDSA_SHA_256', 'x');
				WHEN 1 THEN PERFORM kms_asymmetric_decrypt(opener, version, 'SM2PKE', set_byte(blob, i % 100, 255 - get_byte(blob, i % 100)));
				WHEN 2 THEN PERFORM kms_asymmetric_sign(opener, NULL, 'SM2DSA', sha256('x'));
				WHEN 3 THEN PERFORM kms_asymmetric_encrypt(opener, NULL, 'SM2PKE', '');
				WHEN 4 THEN PERFORM kms_asymmetric_sign(signer, version, 'ECDSA_SHA_256', sha256('x'));
				WHEN 5 THEN PERFORM kms_disable_key(opener), kms_asymmetric_decrypt(opener, version, 'SM2PKE', blob);
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			refused = refused + 1;
		END;
		good = good + (kms_asymmetric_decrypt(opener, version, 'SM2PKE', blob) = 'twelve bytes')::integer;
	END LOOP;
	RETURN refused || ' refused, ' || good || ' good';
END
$$;
SELECT is(pg_temp.stumble(1000, :'key', :'sm2', :'sm2_version', :'sm2_blob'), '1000 refused, 1000 good', 'a thousand errors caught in a row leave the pair as it was');

SELECT * FROM finish();
ROLLBACK;
