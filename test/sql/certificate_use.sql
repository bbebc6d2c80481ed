-- What the keys of certificates do: sign, verify, encrypt, decrypt, leave.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(620);
\set ca_file :here /sql/include/ca.psql
\i :ca_file

CREATE TEMP TABLE made AS SELECT spec, (c).certificate_id::text AS id, (c).csr FROM (SELECT spec, kms_create_certificate(spec, 'CN=' || spec) AS c FROM unnest('{RSA_2048,RSA_3072,EC_P256,EC_P384,EC_SM2,another}'::text[]) spec WHERE spec <> 'another' OFFSET 0) s;
INSERT INTO made SELECT 'another', certificate_id, csr FROM kms_create_certificate('EC_SM2', 'CN=another', exportable_private_key => false);
SELECT kms_upload_certificate(id, pg_temp.issue(csr), :'inter') FROM made \g /dev/null
SELECT id AS rsa FROM made WHERE spec = 'RSA_2048' \gset
SELECT id AS sm2 FROM made WHERE spec = 'EC_SM2' \gset
SELECT id AS ec FROM made WHERE spec = 'EC_P256' \gset
SELECT id AS other FROM made WHERE spec = 'another' \gset

-- ---- which algorithm fits which spec --------------------------------------

CREATE TEMP TABLE algorithm AS
	SELECT spec, algorithm, algorithm = ANY (fits) AS fits, kind
	  FROM (VALUES ('RSA_2048', '{RSA_PKCS1_SHA_256,RSA_PSS_SHA_256,RSAES_OAEP_SHA_1,RSAES_OAEP_SHA_256}'::text[]), ('RSA_3072', '{RSA_PKCS1_SHA_256,RSA_PSS_SHA_256,RSAES_OAEP_SHA_1,RSAES_OAEP_SHA_256}'),
				   ('EC_P256', '{ECDSA_SHA_256}'), ('EC_P384', '{ECDSA_SHA_384}'), ('EC_SM2', '{SM2DSA,SM2PKE}')) s (spec, fits),
		   (VALUES ('sign', 'RSA_PKCS1_SHA_256'), ('sign', 'RSA_PSS_SHA_256'), ('sign', 'ECDSA_SHA_256'), ('sign', 'ECDSA_SHA_384'), ('sign', 'ECDSA_SHA_512'), ('sign', 'SM2DSA'), ('sign', 'ED25519'), ('sign', 'ML_DSA_65'), ('sign', 'sm2dsa'), ('sign', ''),
				   ('sign', 'RSAES_OAEP_SHA_256'), ('crypt', 'RSAES_OAEP_SHA_1'), ('crypt', 'RSAES_OAEP_SHA_256'), ('crypt', 'SM2PKE'), ('crypt', 'RSAES_PKCS1_V1_5'), ('crypt', 'SM2DSA'), ('crypt', 'rsaes_oaep_sha_1'), ('crypt', '')) a (kind, algorithm);
UPDATE algorithm SET fits = false WHERE (kind = 'sign') <> (algorithm !~ 'OAEP|PKE');
SELECT is(pg_temp.verdict(statement, id, algorithm), CASE WHEN fits THEN 'fine' ELSE '22023|InvalidParameter' END, format('%s %s %s: %s', spec, CASE WHEN fits THEN 'has' ELSE 'has no' END, algorithm, name))
  FROM algorithm JOIN made USING (spec) JOIN (VALUES ('sign', 'sign', 'SELECT kms_certificate_private_key_sign(%L, %L, ''x'')'), ('sign', 'verify', 'SELECT kms_certificate_public_key_verify(%L, %L, ''x'', ''x'')'), ('crypt', 'encrypt', 'SELECT kms_certificate_public_key_encrypt(%L, %L, ''x'')')) o (kind, name, statement) USING (kind);
SELECT is(pg_temp.verdict('SELECT kms_certificate_private_key_decrypt(%L, %L, kms_certificate_public_key_encrypt(%1$L, %2$L, ''x''))', id, algorithm), CASE WHEN fits THEN 'fine' ELSE '22023|InvalidParameter' END, format('%s, %s: decrypt', spec, algorithm))
  FROM algorithm JOIN made USING (spec) WHERE kind = 'crypt';
SELECT is(pg_temp.complaint('SELECT kms_certificate_private_key_sign(%L, ''SM2DSA'', ''x'')', :'ec'), '22023|InvalidParameter|invalid value for algorithm: it does not fit a certificate of spec EC_P256', 'the message names the spec');

-- ---- signatures -----------------------------------------------------------

CREATE TEMP TABLE signer AS SELECT spec, id, algorithm, CASE spec WHEN 'EC_P384' THEN sha384('a message') WHEN 'EC_SM2' THEN NULL ELSE sha256('a message') END AS digest FROM algorithm JOIN made USING (spec) WHERE kind = 'sign' AND fits;
ALTER TABLE signer ADD signature bytea;
UPDATE signer SET signature = kms_certificate_private_key_sign(id, algorithm, 'a message');
SELECT is(kms_certificate_public_key_verify(id, algorithm, 'a message', signature), true, format('%s, %s: a signature is one', spec, algorithm)),
	   is(kms_certificate_public_key_verify(id, algorithm, 'another message', signature), false, format('%s, %s: not of another message', spec, algorithm)),
	   is(kms_certificate_public_key_verify(id, algorithm, 'a message', malformed), false, format('%s, %s: none is %s', spec, algorithm, what))
  FROM signer CROSS JOIN LATERAL (VALUES (''::bytea, 'nothing'), ('\x00', 'a zero'), (set_byte(signature, octet_length(signature) - 1, get_byte(signature, octet_length(signature) - 1) # 1), 'one with a bit changed'), (signature || '\x00', 'one with a byte more'),
			   (substr(signature, 1, octet_length(signature) - 1), 'one with a byte less'), ('\x00' || signature, 'one with a byte before it'), ('\x3006020101020101', 'DER of small numbers'), (decode(repeat('ff', 5000), 'hex'), '5000 bytes')) m (malformed, what);
SELECT is(kms_certificate_public_key_verify(id, algorithm, digest, signature, 'DIGEST'), true, format('%s, %s: the digest of the message has the same signature', spec, algorithm)),
	   is(kms_certificate_public_key_verify(id, algorithm, 'a message', kms_certificate_private_key_sign(id, algorithm, digest, 'DIGEST')), true, format('%s, %s: and the other way round', spec, algorithm)),
	   is(kms_certificate_public_key_verify(id, algorithm, digest, signature, 'RAW'), false, format('%s, %s: a digest is not the message', spec, algorithm))
  FROM signer WHERE digest IS NOT NULL;
SELECT is(kms_certificate_public_key_verify(:'sm2', 'SM2DSA', decode(repeat('ab', 32), 'hex'), kms_certificate_private_key_sign(:'sm2', 'SM2DSA', decode(repeat('ab', 32), 'hex'), 'DIGEST'), 'DIGEST'), true, 'SM2 signs a digest'),
	   is(kms_certificate_public_key_verify(:'other', 'SM2DSA', 'a message', (SELECT signature FROM signer WHERE spec = 'EC_SM2')), false, 'the signature of one certificate is not that of another');
SELECT is(pg_temp.complaint('SELECT kms_certificate_private_key_sign(%L, %L, %L, ''DIGEST'')', id, algorithm, decode(repeat('ab', len), 'hex')::text), CASE WHEN len = wanted THEN 'fine' ELSE format('22023|InvalidParameter|invalid value for message: a digest must be %s bytes', wanted) END, format('%s, %s: sign a digest of %s bytes', spec, algorithm, len)),
	   is(pg_temp.complaint('SELECT kms_certificate_public_key_verify(%L, %L, %L, ''x'', ''DIGEST'')', id, algorithm, decode(repeat('ab', len), 'hex')::text), CASE WHEN len = wanted THEN 'fine' ELSE format('22023|InvalidParameter|invalid value for message: a digest must be %s bytes', wanted) END, format('%s, %s: verify a digest of %s bytes', spec, algorithm, len))
  FROM (SELECT *, CASE spec WHEN 'EC_P384' THEN 48 ELSE 32 END AS wanted FROM signer) s, unnest('{0,20,31,32,33,48,64,5000}'::integer[]) len;
SELECT is(pg_temp.verdict('SELECT kms_certificate_public_key_verify(%1$L, %2$L, %3$L, kms_certificate_private_key_sign(%1$L, %2$L, %3$L))', id, algorithm, convert_to(repeat('m', len), 'UTF8')::text), wanted, format('%s, %s: a message of %s bytes', spec, algorithm, len))
  FROM signer, (VALUES (0, 'fine'), (1, 'fine'), (4096, 'fine'), (4097, '22023|InvalidParameter'), (1000000, '22023|InvalidParameter')) l (len, wanted);
SELECT is(pg_temp.verdict('SELECT kms_certificate_public_key_verify(%L, ''SM2DSA'', %L, ''x'')', :'sm2', convert_to(repeat('m', 4097), 'UTF8')::text), '22023|InvalidParameter', 'nor is a longer one verified');
SELECT is(pg_temp.verdict('SELECT kms_certificate_private_key_sign(%L, ''SM2DSA'', ''x'', %L)', :'sm2', type), wanted, 'message_type ' || coalesce(type, 'null')),
	   is(pg_temp.verdict('SELECT kms_certificate_public_key_verify(%L, ''SM2DSA'', ''x'', ''x'', %L)', :'sm2', type), wanted, 'to verify, message_type ' || coalesce(type, 'null'))
  FROM (VALUES ('RAW', 'fine'), ('raw', '22023|InvalidParameter'), ('', '22023|InvalidParameter'), ('HASH', '22023|InvalidParameter'), (NULL, '22004|MissingParameter')) t (type, wanted);

-- ---- encryption -----------------------------------------------------------

CREATE TEMP TABLE box AS SELECT spec, id, algorithm, CASE algorithm WHEN 'SM2PKE' THEN 6047 ELSE CASE spec WHEN 'RSA_2048' THEN 256 ELSE 384 END - CASE algorithm WHEN 'RSAES_OAEP_SHA_1' THEN 42 ELSE 66 END END AS max FROM algorithm JOIN made USING (spec) WHERE kind = 'crypt' AND fits;
SELECT is(kms_certificate_private_key_decrypt(id, algorithm, kms_certificate_public_key_encrypt(id, algorithm, plaintext)), plaintext, format('%s, %s: %s bytes open', spec, algorithm, len))
  FROM box, unnest(ARRAY[0, 1, 32, max]) len CROSS JOIN LATERAL (SELECT convert_to(repeat('p', len), 'UTF8') AS plaintext OFFSET 0) p WHERE len > 0 OR algorithm <> 'SM2PKE';
SELECT is(pg_temp.complaint('SELECT kms_certificate_public_key_encrypt(%L, %L, %L)', id, algorithm, convert_to(repeat('p', max + 1), 'UTF8')::text), format('22023|InvalidParameter|invalid value for plaintext: it is longer than the %s bytes that key spec and algorithm allow', max), format('%s, %s: one byte more is too much', spec, algorithm)) FROM box;
SELECT is(pg_temp.verdict('SELECT kms_certificate_public_key_encrypt(%L, ''SM2PKE'', '''')', :'sm2'), '22023|InvalidParameter', 'SM2 does not encrypt nothing');
SELECT is(pg_temp.verdict('SELECT kms_certificate_private_key_decrypt(%L, %L, %L)', id, algorithm, damaged::text), '22023|InvalidParameter', format('%s, %s does not open: %s', spec, algorithm, what))
  FROM (SELECT *, kms_certificate_public_key_encrypt(id, algorithm, 'x') AS ciphertext FROM box OFFSET 0) b
 CROSS JOIN LATERAL (VALUES (''::bytea, 'nothing'), ('\x00', 'a zero'), (set_byte(ciphertext, 70, get_byte(ciphertext, 70) # 1), 'a bit changed'), (ciphertext || '\x00', 'a byte more'), (substr(ciphertext, 1, octet_length(ciphertext) - 1), 'a byte less'),
			   (decode(repeat('ff', 10000), 'hex'), '10000 bytes')) d (damaged, what);
SELECT is(pg_temp.verdict('SELECT kms_certificate_private_key_decrypt(%L, ''SM2PKE'', %L)', :'other', kms_certificate_public_key_encrypt(:'sm2', 'SM2PKE', 'x')::text), '22023|InvalidParameter', 'what is for one certificate does not open with another'),
	   is(pg_temp.verdict('SELECT kms_certificate_private_key_decrypt(%L, ''RSAES_OAEP_SHA_256'', %L)', :'rsa', kms_certificate_public_key_encrypt(:'rsa', 'RSAES_OAEP_SHA_1', 'x')::text), '22023|InvalidParameter', 'nor with another digest');

-- ---- the private key leaves -----------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_export_certificate(%L, %L)', :'sm2', passphrase), wanted, what || ' as passphrase')
  FROM (VALUES (repeat('p', 1024), 'fine', '1024 bytes'), ('x', 'fine', 'one byte'), (' ', 'fine', 'a blank'), ('pä证', 'fine', 'other letters'), ('', '22023|InvalidParameter|invalid value for passphrase: it must be 1 to 1024 bytes', 'nothing'),
			   (repeat('p', 1025), '22023|InvalidParameter|invalid value for passphrase: it must be 1 to 1024 bytes', '1025 bytes'), (repeat('ä', 513), '22023|InvalidParameter|invalid value for passphrase: it must be 1 to 1024 bytes', '513 letters of two bytes'),
			   (repeat('p', 1000000), '22023|InvalidParameter|invalid value for passphrase: it must be 1 to 1024 bytes', 'a million bytes')) t (passphrase, wanted, what);
SELECT is(pg_temp.complaint('SELECT kms_export_certificate(%L, ''x'')', :'other'), format('0A000|Rejected.UnsupportedOperation|certificate "%s" was made with a private key that stays here', :'other'), 'one that is not exportable is not exported'),
	   is(pg_temp.hint('SELECT kms_export_certificate(%L, ''x'')', :'other'), 'Make another with exportable_private_key => true.', 'and the hint says what to do');
SELECT kms_update_certificate_status(:'other', 'REVOKED') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_export_certificate(%L, ''x'')', :'other'), '0A000|Rejected.UnsupportedOperation', 'whatever its status');
SELECT isnt(kms_export_certificate(:'sm2', 'x'), kms_export_certificate(:'sm2', 'x'), 'no two exports are the same');

-- ---- arguments ------------------------------------------------------------

SELECT is(pg_temp.verdict(format('SELECT %s(%s)', name, (SELECT string_agg(CASE WHEN n = missing THEN 'NULL' ELSE argument END, ', ' ORDER BY n) FROM unnest(arguments) WITH ORDINALITY a (argument, n)))), '22004|MissingParameter', format('%s without argument %s', name, missing))
  FROM (VALUES ('kms_certificate_private_key_sign', ARRAY[quote_literal(:'sm2'), '''SM2DSA''', '''x''', '''RAW''']), ('kms_certificate_public_key_verify', ARRAY[quote_literal(:'sm2'), '''SM2DSA''', '''x''', '''x''', '''RAW''']),
			   ('kms_certificate_public_key_encrypt', ARRAY[quote_literal(:'sm2'), '''SM2PKE''', '''x''']), ('kms_certificate_private_key_decrypt', ARRAY[quote_literal(:'sm2'), '''SM2PKE''', '''x''']), ('kms_export_certificate', ARRAY[quote_literal(:'sm2'), '''x'''])) f (name, arguments),
	   generate_series(1, cardinality(arguments)) missing;
SELECT is(pg_temp.verdict(statement, :'sm2'), '42883|', 'of another type: ' || statement)
  FROM unnest(ARRAY['SELECT kms_certificate_private_key_sign(%L, ''SM2DSA'', 1)', 'SELECT kms_certificate_private_key_sign(%L::uuid, ''SM2DSA'', ''x'')', 'SELECT kms_certificate_public_key_verify(%L, ''SM2DSA'', ''x''::text, ''x'')', 'SELECT kms_certificate_public_key_encrypt(%L, ''SM2PKE'', ''x''::text)',
					'SELECT kms_certificate_private_key_decrypt(%L, 1, ''x'')', 'SELECT kms_export_certificate(%L, ''x''::bytea)']) statement;
/* The planner would keep the plaintext in the plan. */
SELECT kms_certificate_public_key_encrypt(:'sm2', 'SM2PKE', 'a plaintext for the planner') AS ciphertext \gset
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE) ' || statement LOOP
		plan = plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;
SELECT unalike(pg_temp.plan_of(format('SELECT FROM pg_class WHERE oid::text::bytea = kms_certificate_private_key_decrypt(%L, ''SM2PKE'', %L)', :'sm2', :'ciphertext')), '%' || encode('a plaintext', 'hex') || '%', 'the planner makes no plaintext of it');

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
