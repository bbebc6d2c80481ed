-- Certificates: asked for, uploaded, renewed, switched off and on, revoked, deleted; who may do what with them, and what the lists show.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(765);
\set ca_file :here /sql/include/ca.psql
\i :ca_file

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_member IN ROLE kms_test_owner;
CREATE ROLE kms_test_friend;
CREATE ROLE kms_test_stranger;
CREATE ROLE kms_test_super SUPERUSER;
CREATE ROLE kms_test_reader IN ROLE pg_read_all_data;
GRANT EXECUTE ON FUNCTION kms_create_certificate TO kms_test_owner, kms_test_friend;

/* A new one of the current user: its id. */
CREATE FUNCTION pg_temp.made(spec text DEFAULT 'EC_P256', subject text DEFAULT 'CN=example.com', names text[] DEFAULT NULL, exportable boolean DEFAULT true) RETURNS text LANGUAGE sql AS
$$ SELECT certificate_id::text FROM kms_create_certificate(spec, subject, names, exportable) $$;
CREATE FUNCTION pg_temp.csr(id text) RETURNS text LANGUAGE sql AS $$ SELECT csr FROM kms_get_certificate(id) $$;
SELECT format('CREATE FUNCTION pg_temp.upload(id text) RETURNS void LANGUAGE sql AS $_$ SELECT kms_upload_certificate(id, pg_temp.issue(pg_temp.csr(id)), %L) $_$', :'inter' || :'root') \gexec
/* The table's status after a statement and what it came to; then it is undone. */
CREATE FUNCTION pg_temp.outcome(id text, statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	result = pg_temp.verdict('%s', statement);
	result = result || ', ' || coalesce((SELECT status COLLATE "default" FROM kms.certificate c WHERE c.id = outcome.id::uuid), 'gone');
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = result;
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
END
$$;
/* An array of the hits of a list, by their subject. */
CREATE FUNCTION pg_temp.listed(subject text DEFAULT NULL, issuer text DEFAULT NULL, status text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(c.subject, ' ' ORDER BY c.created_at), 'none') FROM kms_list_certificates(subject, issuer, status) c $$;

-- ---- a request ------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT certificate_id AS id, arn, csr FROM kms_create_certificate('EC_P256', ' cn = example.com , OU=a, ou=b + L=x,O=Acme\, Inc.,C=CN', '{example.com,*.example.org,10.0.0.1,2001:db8::1,who@example.com,https://example.com/x}') \gset
SELECT is((c).status || ' ' || (c).key_spec || ' ' || (c).exportable_private_key || ' ' || (c).protection_level, 'PENDING EC_P256 true SOFTWARE', 'a certificate is asked for, and may be exported'),
	   is((c).arn, :'arn', 'it has the ARN that was returned'),
	   is((c).certificate_id::text || (:'arn' ~ ('^acs:kms:[^:]+:[^:]+:certificate/' || :'id' || '$')), :'id' || 'true', 'which ends with its id'),
	   is((c).subject, 'CN=example.com,OU=a,OU=b+L=x,O=Acme\, Inc.,C=CN', 'its subject has one spelling'),
	   is((c).subject_alternative_names, '{example.com,*.example.org,10.0.0.1,2001:db8::1,who@example.com,https://example.com/x}', 'its names are those that were asked for'),
	   is(num_nonnulls((c).issuer, (c).serial, (c).not_before, (c).not_after), 0, 'nobody has issued it'),
	   is((c).signature_algorithm, 'ECDSA-SHA256', 'its key signs so'),
	   matches((c).subject_key_identifier, '^([0-9A-F]{2} ){19}[0-9A-F]{2}$', 'and has an identifier'),
	   matches((c).subject_public_key, '^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]+\n)+-----END PUBLIC KEY-----\n$', 'and a public half'),
	   is((c).tags, '[]', 'it has no tags'),
	   ok((c).created_at = (c).updated_at AND (c).created_at BETWEEN now() - interval '1 minute' AND clock_timestamp(), 'it was made now')
  FROM (SELECT kms_describe_certificate(:'id') AS c OFFSET 0) s;
SELECT results_eq(format('SELECT certificate_id::text, certificate, certificate_chain, csr FROM kms_get_certificate(%L)', :'id'), format('VALUES (%L, NULL, NULL, %L)', :'id', :'csr'), 'only its request can be got'),
	   is((kms_describe_certificate(:'arn')).certificate_id::text, :'id', 'it is found by its ARN'),
	   is((kms_describe_certificate(upper(:'id'))).certificate_id::text, :'id', 'and by its id in capitals');
RESET ROLE;
SELECT matches(pg_temp.sh(format(E'openssl req -verify -nameopt RFC2253 -noout -subject 2>&1 <<END\n%sEND', :'csr')), 'subject=CN=example.com,OU=a,(OU=b\+L=x|L=x\+OU=b),O=Acme\\, Inc.,C=CN', 'openssl reads the same subject'),
	   matches(pg_temp.sh(format(E'openssl req -noout -text <<END\n%sEND', :'csr')), 'DNS:example.com, DNS:\*.example.org, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, email:who@example.com, URI:https://example.com/x', 'and the same names');
SET ROLE kms_test_owner;
SELECT is((SELECT key_spec || ' ' || signature_algorithm || ' ' || subject_alternative_names::text FROM kms_describe_certificate(pg_temp.made(spec))), spec || ' ' || algorithm || ' {}', spec || ' is a spec')
  FROM (VALUES ('RSA_2048', 'RSA2048-SHA256'), ('RSA_3072', 'RSA3072-SHA256'), ('EC_P256', 'ECDSA-SHA256'), ('EC_P384', 'ECDSA-SHA384'), ('EC_SM2', 'SM2-SM3')) t (spec, algorithm);
SELECT is((SELECT exportable_private_key FROM kms_describe_certificate(pg_temp.made(exportable => false))), false, 'one whose key must stay here'),
	   is((SELECT subject FROM kms_describe_certificate(pg_temp.made(subject => subject))), wanted, subject || ' is a subject')
  FROM (VALUES ('CN=a', 'CN=a'), ('C=CN,CN=a', 'C=CN,CN=a'), ('OU=x+CN=a', 'OU=x+CN=a'), ('CN="a, b"', 'CN=a\, b'), ('CN=Jürgen', 'CN=Jürgen'), ('CN=\4a\c3\bc', 'CN=Jü'), ('2.5.4.3=a', 'CN=a'), ('CN=证书,C=CN', 'CN=证书,C=CN'),
			   ('CN=\20a\20', 'CN=\ a\ '), ('O=x\,CN\=y,CN=\#1', 'O=x\,CN=y,CN=\#1'), ('CN=a,' || repeat('OU=x,', 62) || 'C=CN', 'CN=a,' || repeat('OU=x,', 62) || 'C=CN'), ('CN=' || repeat('a', 64), 'CN=' || repeat('a', 64))) t (subject, wanted);
SELECT is((SELECT subject_alternative_names FROM kms_describe_certificate(pg_temp.made(names => names))), names, coalesce(names::text, 'no array') || ' are names')
  FROM (VALUES ('{a}'::text[]), ('{xn--mnchen-3ya.de}'), ('{::1}'), ('{ldap://x/y?z}'), ('{a,b,c,d,e,f,g,h,i,j}'), ('{a.b@c.d}'), ('{}')) t (names);
SELECT is((SELECT subject_alternative_names FROM kms_describe_certificate(pg_temp.made(names => NULL))), '{}', 'and there need be none');

-- ---- none -----------------------------------------------------------------

SELECT count(*) AS before FROM kms.certificates \gset
SELECT is(pg_temp.verdict('SELECT kms_create_certificate(%s)', arguments), wanted, 'refused: ' || left(arguments, 80))
  FROM (VALUES ('NULL, ''CN=a''', '22004|MissingParameter'), ('''EC_P256'', NULL', '22004|MissingParameter'), ('''EC_P256'', ''CN=a'', NULL, NULL', '22004|MissingParameter'),
			   ('''rsa_2048'', ''CN=a''', '22023|InvalidParameter'), ('''RSA_1024'', ''CN=a''', '22023|InvalidParameter'), ('''EC_P256K'', ''CN=a''', '22023|InvalidParameter'), ('''EC_P521'', ''CN=a''', '22023|InvalidParameter'),
			   ('''Aliyun_AES_256'', ''CN=a''', '22023|InvalidParameter'), ('''ED25519'', ''CN=a''', '22023|InvalidParameter'), ('''HMAC_SHA_256'', ''CN=a''', '22023|InvalidParameter'), ('''ML_DSA_65'', ''CN=a''', '22023|InvalidParameter'),
			   (''''', ''CN=a''', '22023|InvalidParameter'), ('''EC_P256 '', ''CN=a''', '22023|InvalidParameter'), ('1, ''CN=a''', '42883|'), ('''EC_P256'', ''CN=a'', ''{}'', ''maybe''', '22P02|')) t (arguments, wanted);
SELECT is(pg_temp.complaint('SELECT kms_create_certificate(''EC_P256'', %L)', subject), '22023|InvalidParameter|invalid value for subject: it must be a distinguished name such as CN=example.com,OU=Sales,O=Example,C=CN (RFC 4514)', 'no subject: ' || left(subject, 40))
  FROM unnest(ARRAY['', 'CN', 'CN=', '=a', 'CN=a,', ',CN=a', 'CN=a,,C=CN', 'CN=a+', 'CN=a;b=c', 'XX=a,CN=b', 'CN=a,C=China', 'CN=a,C=1', 'CN="a', 'CN=a"', 'CN=a\', 'CN=a\zz', 'CN=\00', 'CN=\ff', 'CN=a<b', 'CN=a+CN=b', 'CN=#', 'CN=#zz', 'CN=#0401',
					'/CN=a/C=CN', 'CN=' || repeat('a', 65), 'CN=a,' || repeat('OU=x,', 63) || 'C=CN', 'CN=a,O=' || repeat('x', 65536), 'CN=a,' || repeat('OU=x,', 13107) || 'C=CN', 'CN=' || repeat('\', 65535), repeat('CN=', 20000), repeat('"', 65536)]) subject;
SELECT is(pg_temp.complaint('SELECT kms_create_certificate(''EC_P256'', %L)', subject), '22023|InvalidParameter|invalid value for subject: it has no CN', 'no common name: ' || subject)
  FROM unnest(ARRAY['O=a', 'O=a,C=CN', 'O=CN\=a', 'O=a\,CN=b', 'O="x,CN=y"', 'O=x\+CN=y']) subject;
SELECT is(pg_temp.complaint('SELECT kms_create_certificate(''EC_P256'', ''CN=a'', %L)', names), '22023|InvalidParameter|invalid value for subject_alternative_names: ' || wanted, 'no names: ' || left(names, 40))
  FROM (VALUES ('{{a,b}}', 'it must have one dimension'), ('{NULL}', 'it must not contain nulls'), ('{a,NULL}', 'it must not contain nulls'), ('{a,b,c,d,e,f,g,h,i,j,k}', 'there must be no more than 10'),
			   ('{' || repeat('a,', 100000) || 'a}', 'there must be no more than 10')) t (names, wanted);
SELECT is(pg_temp.complaint('SELECT kms_create_certificate(''EC_P256'', ''CN=a'', ARRAY[''fine.example'', %L])', name), '22023|InvalidParameter|invalid value for subject_alternative_names: number 2 is no DNS name, IP address, e-mail address or URI', 'no name: ' || left(name, 40))
  FROM unnest(ARRAY['', ' ', 'a b', 'a..b', '.a', 'a.', '-a', 'a-', 'a_b', '*', 'a.*.b', '*.*.a', 'a*.b', '1.2.3', '1.2.3.256', '1.2.3.4.5', '::g', '1:2', 'fe80::1%eth0', '10.0.0.0/8', '@a', 'a@', 'a@b@c', 'a b@c', 'münchen.de', '://a', 'http://', 'http:// a', E'a\nb', 'a,DNS:b',
					repeat('a', 64), repeat('a.', 127) || 'a', 'http://a/' || repeat('x', 2048), repeat('x', 65536)]) name;
SELECT is((SELECT count(*) FROM kms.certificates), :before::bigint, 'nothing of that was stored');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_create_certificate(''EC_P256'', ''CN=a'')'), '42501|', 'who was not granted EXECUTE makes none');

-- ---- ids ------------------------------------------------------------------

CREATE TEMP TABLE call (statement text);
INSERT INTO call VALUES ('SELECT kms_upload_certificate(%L, ''x'')'), ('SELECT kms_get_certificate(%L)'), ('SELECT kms_describe_certificate(%L)'), ('SELECT kms_update_certificate_status(%L, ''ACTIVE'')'), ('SELECT kms_delete_certificate(%L)'),
	('SELECT kms_export_certificate(%L, ''x'')'), ('SELECT kms_certificate_private_key_sign(%L, ''SM2DSA'', ''x'')'), ('SELECT kms_certificate_public_key_verify(%L, ''SM2DSA'', ''x'', ''x'')'), ('SELECT kms_certificate_public_key_encrypt(%L, ''SM2PKE'', ''x'')'),
	('SELECT kms_certificate_private_key_decrypt(%L, ''SM2PKE'', ''x'')'), ('SELECT kms_tag_resource(''{"a": ""}'', certificate_id => %L)'), ('SELECT kms_untag_resource(''{a}'', certificate_id => %L)'), ('SELECT kms_list_resource_tags(certificate_id => %L)');
SELECT is(pg_temp.verdict(statement, id), wanted, format('%s: %s', what, statement))
  FROM call, (VALUES (NULL, '22004|MissingParameter', 'null'), ('', '22023|InvalidParameter', 'nothing'), ('x', '22023|InvalidParameter', 'no id'), (:'id' || ' ', '22023|InvalidParameter', 'an id and a blank'), ('alias/x', '22023|InvalidParameter', 'an alias'),
					 ('certificate/' || :'id', '22023|InvalidParameter', 'a resource'), ('acs:kms:local:1:key/' || :'id', '22023|InvalidParameter', 'the ARN of a key'), (repeat('acs:kms:', 10000) || ':certificate/' || :'id', '22023|InvalidParameter', 'too long an ARN'),
					 (regexp_replace(:'arn', ':[0-9]+:', ':1:'), '42704|Certificate.NotFound', 'the ARN of another account'), (gen_random_uuid()::text, '42704|Certificate.NotFound', 'an id that is nobody''s')) t (id, wanted, what)
 WHERE id IS NOT NULL OR statement !~ 'tag';
SELECT kms_create_key() AS key \gset
SELECT is(pg_temp.verdict('SELECT kms_describe_certificate(%L)', :'key'), '42704|Certificate.NotFound', 'a key is no certificate'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'id'), '42704|Forbidden.KeyNotFound', 'and the other way round');

-- ---- an upload ------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT pg_temp.made('EC_SM2', 'CN=renewed.example', '{renewed.example}') AS id \gset
RESET ROLE;
SELECT pg_temp.issue(pg_temp.csr(:'id')) AS first, pg_temp.sh('openssl x509 -in leaf.pem -noout -serial') AS serial \gset
SELECT pg_temp.issue(pg_temp.csr(:'id'), startdate => '210101000000Z', enddate => '20950101000000Z', more => '-subj /C=CN/O=Named/CN=otherwise') AS second \gset
SELECT pg_temp.sh('openssl x509 -in leaf.pem -noout -serial') AS second_serial, updated_at AS updated FROM kms_describe_certificate(:'id') \gset
SET ROLE kms_test_owner;
SAVEPOINT before;
SELECT kms_upload_certificate(:'id', :'first', :'inter' || :'root') \g /dev/null
SELECT is((c).status, 'ACTIVE', 'the upload makes it ACTIVE'), is((c).issuer, 'CN=inter', 'it has an issuer'), is('serial=' || (c).serial || E'\n', :'serial', 'a serial number'),
	   is((c).not_before, '2020-01-01Z', 'a day when it begins'), is((c).not_after, '2089-01-01Z', 'and one when it ends'), ok((c).updated_at > :'updated', 'it was changed'), is((c).subject, 'CN=renewed.example', 'its subject has not changed'),
	   is((c).signature_algorithm, 'SM2-SM3', 'its key still signs as it did')
  FROM (SELECT kms_describe_certificate(:'id') AS c OFFSET 0) s;
SELECT results_eq(format('SELECT certificate, certificate_chain FROM kms_get_certificate(%L)', :'id'), format('VALUES (%L, %L)', :'first', :'inter' || :'root'), 'what was uploaded is got');
SELECT kms_certificate_private_key_sign(:'id', 'SM2DSA', 'message') AS signature, kms_certificate_public_key_encrypt(:'id', 'SM2PKE', 'message') AS ciphertext \gset
ROLLBACK TO before;
SELECT is((kms_describe_certificate(:'id')).status, 'PENDING', 'rolled back to a savepoint, it is PENDING again'),
	   is(pg_temp.verdict('SELECT kms_certificate_private_key_sign(%L, ''SM2DSA'', ''x'')', :'id'), '55000|Rejected.Disabled', 'and does not sign');
SELECT kms_upload_certificate(:'id', :'first') \g /dev/null
SELECT is((SELECT certificate_chain FROM kms_get_certificate(:'id')), NULL, 'there need be no chain'),
	   is(kms_certificate_public_key_verify(:'id', 'SM2DSA', 'message', :'signature'), true, 'what it signed before is its signature'),
	   is(kms_certificate_private_key_decrypt(:'id', 'SM2PKE', :'ciphertext'), 'message', 'and what was encrypted for it opens');
SELECT kms_upload_certificate(:'id', :'second', :'inter') \g /dev/null
SELECT is((c).status, 'ACTIVE', 'a second upload renews it'), is('serial=' || (c).serial || E'\n', :'second_serial', 'with another serial number'), is((c).not_after, '2095-01-01Z', 'and another end'),
	   is((c).subject, 'CN=otherwise,O=Named,C=CN', 'the CA may have named its holder otherwise'), is((c).subject_alternative_names, '{renewed.example}', 'the names are the certificate''s')
  FROM (SELECT kms_describe_certificate(:'id') AS c OFFSET 0) s;
SELECT results_eq(format('SELECT certificate, certificate_chain FROM kms_get_certificate(%L)', :'id'), format('VALUES (%L, %L)', :'second', :'inter'), 'the former one and its chain are gone'),
	   is(kms_certificate_public_key_verify(:'id', 'SM2DSA', 'message', :'signature'), true, 'the key is the same');
SELECT is(pg_temp.verdict('SELECT kms_upload_certificate(%L, %L)', :'id', :'first'), 'fine', 'the former one may come again');
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT kms_upload_certificate(%L, %L, %L)', id, pem, chain), '22004|MissingParameter', 'missing: ' || what)
  FROM (VALUES (NULL, :'first', NULL, 'the id'), (:'id', NULL, NULL, 'the certificate'), (:'id', NULL, :'inter', 'the certificate, with a chain')) t (id, pem, chain, what);

-- ---- each status, each operation ------------------------------------------

/* %1$L is the certificate, %2$L a successor, %3$L and %4$L a signature and a ciphertext of it. */
CREATE TEMP TABLE operation (n serial, name text, statement text, "PENDING" text, "ACTIVE" text, "INACTIVE" text, "REVOKED" text, becomes text);
INSERT INTO operation (name, statement, "PENDING", "ACTIVE", "INACTIVE", "REVOKED", becomes) VALUES
	('DescribeCertificate', 'SELECT kms_describe_certificate(%1$L)', 'fine', 'fine', 'fine', 'fine', NULL),
	('GetCertificate', 'SELECT kms_get_certificate(%1$L)', 'fine', 'fine', 'fine', 'fine', NULL),
	('UploadCertificate', 'SELECT kms_upload_certificate(%1$L, %2$L)', 'fine, ACTIVE', 'fine', 'fine', 'Rejected.StateModifiedFailed', NULL),
	('CertificatePrivateKeySign', 'SELECT kms_certificate_private_key_sign(%1$L, ''SM2DSA'', ''x'')', 'Rejected.Disabled', 'fine', 'Rejected.Disabled', 'Rejected.Disabled', NULL),
	('CertificatePublicKeyVerify', 'SELECT 1 / kms_certificate_public_key_verify(%1$L, ''SM2DSA'', ''x'', %3$L)::integer', 'Rejected.Disabled', 'fine', 'Rejected.Disabled', 'fine', NULL),
	('CertificatePublicKeyEncrypt', 'SELECT kms_certificate_public_key_encrypt(%1$L, ''SM2PKE'', ''x'')', 'Rejected.Disabled', 'fine', 'Rejected.Disabled', 'Rejected.Disabled', NULL),
	('CertificatePrivateKeyDecrypt', 'SELECT kms_certificate_private_key_decrypt(%1$L, ''SM2PKE'', %4$L)', 'Rejected.Disabled', 'fine', 'Rejected.Disabled', 'Rejected.Disabled', NULL),
	('ExportCertificate', 'SELECT kms_export_certificate(%1$L, ''x'')', 'Rejected.Disabled', 'fine', 'Rejected.Disabled', 'Rejected.Disabled', NULL),
	('UpdateCertificateStatus ACTIVE', 'SELECT kms_update_certificate_status(%1$L, ''ACTIVE'')', 'Rejected.StateModifiedFailed', 'fine', 'fine', 'Rejected.StateModifiedFailed', 'ACTIVE'),
	('UpdateCertificateStatus INACTIVE', 'SELECT kms_update_certificate_status(%1$L, ''INACTIVE'')', 'Rejected.StateModifiedFailed', 'fine', 'fine', 'Rejected.StateModifiedFailed', 'INACTIVE'),
	('UpdateCertificateStatus REVOKED', 'SELECT kms_update_certificate_status(%1$L, ''REVOKED'')', 'Rejected.StateModifiedFailed', 'fine', 'fine', 'fine', 'REVOKED'),
	('DeleteCertificate', 'SELECT kms_delete_certificate(%1$L)', 'fine', 'fine', 'fine', 'fine', 'gone'),
	('TagResource', 'SELECT kms_tag_resource(''{"a": ""}'', certificate_id => %1$L)', 'fine', 'fine', 'fine', 'fine', NULL),
	('UntagResource', 'SELECT kms_untag_resource(''{a}'', certificate_id => %1$L)', 'fine', 'fine', 'fine', 'fine', NULL),
	('ListResourceTags', 'SELECT kms_list_resource_tags(certificate_id => %1$L)', 'fine', 'fine', 'fine', 'fine', NULL);
CREATE TEMP TABLE subject AS SELECT status, pg_temp.made('EC_SM2', 'CN=' || status) AS id, NULL::text AS successor, NULL::bytea AS signature, NULL::bytea AS ciphertext FROM unnest('{PENDING,ACTIVE,INACTIVE,REVOKED}'::text[]) status;
UPDATE subject SET successor = pg_temp.issue(pg_temp.csr(id));
SELECT pg_temp.upload(id) FROM subject WHERE status <> 'PENDING' \g /dev/null
UPDATE subject SET signature = kms_certificate_private_key_sign(id, 'SM2DSA', 'x'), ciphertext = kms_certificate_public_key_encrypt(id, 'SM2PKE', 'x') WHERE status <> 'PENDING';
UPDATE subject SET signature = '\x00', ciphertext = '\x00' WHERE status = 'PENDING';
SELECT kms_update_certificate_status(id, status) FROM subject WHERE status <> 'PENDING' \g /dev/null
SELECT is(pg_temp.outcome(s.id, format(o.statement, s.id, s.successor, s.signature, s.ciphertext)),
		  CASE WHEN code = 'fine' THEN 'fine, ' || coalesce(o.becomes, s.status) WHEN code LIKE 'fine, %' THEN code ELSE '55000|' || code || ', ' || s.status END, format('%s, %s: %s', o.name, s.status, code))
  FROM operation o CROSS JOIN subject s CROSS JOIN LATERAL (SELECT to_jsonb(o) ->> s.status AS code) cell
 ORDER BY o.n, array_position('{PENDING,ACTIVE,INACTIVE,REVOKED}'::text[], s.status);
SELECT is_empty($$SELECT p.proname FROM pg_proc p
				   WHERE p.proname ~ '^kms_' AND p.pronamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'kms') AND 'certificate_id' = p.proargnames[1] AND p.proargmodes IS NULL
					 AND NOT EXISTS (SELECT FROM operation o WHERE o.statement ~ ('\m' || p.proname || '\('))$$, 'every function that is about a certificate has its row');
SELECT is(pg_temp.verdict('SELECT kms_update_certificate_status(%L, %L)', id, wanted), CASE WHEN wanted IS NULL THEN '22004|MissingParameter' ELSE '22023|InvalidParameter' END, 'no status: ' || coalesce(left(wanted, 20), 'null'))
  FROM subject, unnest(ARRAY['PENDING', 'active', 'EXPIRED', '', 'ACTIVE ', repeat('A', 100000), NULL]) wanted WHERE status = 'ACTIVE';
SELECT kms_update_certificate_status(id, 'REVOKED') FROM subject WHERE status = 'REVOKED' \g /dev/null
SELECT results_eq($$SELECT (c).status, (c).issuer, pg_temp.csr(id) ~ '^-----BEGIN CERTIFICATE REQUEST-----\n' AND (kms_get_certificate(id)).certificate_chain IS NOT NULL
					  FROM (SELECT id, kms_describe_certificate(id) AS c FROM subject WHERE status IN ('INACTIVE', 'REVOKED') ORDER BY status) s$$,
				  $$VALUES ('INACTIVE', 'CN=inter', true), ('REVOKED', 'CN=inter', true)$$, 'what is INACTIVE or REVOKED keeps its certificate');

-- ---- who may --------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT pg_temp.made('EC_SM2', 'CN=granted') AS id \gset
RESET ROLE;
SELECT pg_temp.upload(:'id'), kms_tag_resource('{"team": "red"}', certificate_id => :'id') \g /dev/null
UPDATE subject SET id = :'id', signature = kms_certificate_private_key_sign(id, 'SM2DSA', 'x'), successor = pg_temp.issue(pg_temp.csr(:'id')) WHERE status = 'ACTIVE';
SET ROLE kms_test_owner;
SELECT kms_certificate_public_key_encrypt(:'id', 'SM2PKE', 'x') AS ciphertext, kms_certificate_private_key_sign(:'id', 'SM2DSA', 'x') AS signature \gset
RESET ROLE;
UPDATE subject SET ciphertext = :'ciphertext', signature = :'signature' WHERE status = 'ACTIVE';
/* What an operation comes to for a role; then it is undone. */
CREATE FUNCTION pg_temp.tried(role name, statement text) RETURNS text LANGUAGE plpgsql AS
$$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = pg_temp.verdict_as(role, '%s', statement);
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
END
$$;
CREATE TEMP TABLE attempt AS
	SELECT o.n, o.name, split_part(o.name, ' ', 1) AS operation, format(o.statement, s.id, s.successor, s.signature, s.ciphertext) AS statement,
		   o.name ~ '^(CertificateP|Export)' AS uses
	  FROM operation o CROSS JOIN subject s WHERE s.status = 'ACTIVE';
SELECT is(pg_temp.tried(role, statement), CASE WHEN may OR role = 'kms_test_super' AND NOT uses THEN 'fine' ELSE '42501|Forbidden.NoPermission' END, format('%s: %s', role, name))
  FROM attempt, (VALUES ('kms_test_owner', true), ('kms_test_member', true), ('kms_test_friend', false), ('kms_test_stranger', false), ('kms_test_reader', false), ('kms_test_super', false)) r (role, may)
 ORDER BY n, role;
/* Each operation granted allows itself and nothing else. */
CREATE FUNCTION pg_temp.granted(operations text[], statement text) RETURNS text LANGUAGE plpgsql AS
$$
BEGIN
	PERFORM kms_grant('certificate/' || (SELECT id FROM subject WHERE status = 'ACTIVE'), 'kms_test_friend', operations);
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = pg_temp.verdict_as('kms_test_friend', '%s', statement);
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.granted(ARRAY[granted.operation], a.statement), CASE WHEN a.operation = granted.operation THEN 'fine' ELSE '42501|Forbidden.NoPermission' END, format('with a grant of %s: %s', granted.operation, a.name))
  FROM attempt a, (SELECT DISTINCT operation FROM attempt) granted ORDER BY granted.operation, a.n;
SELECT is(pg_temp.granted('{*}', statement), 'fine', 'with a grant of everything: ' || name) FROM attempt ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, ''kms_test_friend'', ARRAY[%L])', 'certificate/' || :'id', operation), '22023|InvalidParameter', operation || ' is no operation on a certificate') FROM unnest('{CreateCertificate,ListCertificates,Encrypt,GetSecretValue,CertificateExpiry,describecertificate}'::text[]) operation;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_grant(%L, ''kms_test_friend'', ''{*}'')', 'certificate/' || :'id'), '42501|Forbidden.NoPermission', 'nobody grants himself'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, ''kms_test_friend'', ''{*}'', ''{"a": "b"}'')', 'certificate/' || :'id'), '22023|InvalidParameter', 'a grant on a certificate has no context'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, ''kms_test_friend'', ''{*}'')', 'certificate/' || gen_random_uuid()), '42704|Certificate.NotFound', 'there is no grant on nothing');
SAVEPOINT before;
SET ROLE kms_test_owner;
SELECT kms_grant('certificate/' || :'id', 'kms_test_super', '{CertificatePrivateKeySign}') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.tried('kms_test_super', statement), CASE WHEN uses AND operation <> 'CertificatePrivateKeySign' THEN '42501|Forbidden.NoPermission' ELSE 'fine' END, 'a superuser with a grant to sign: ' || name) FROM attempt ORDER BY n;
ROLLBACK TO before;
SET ROLE kms_test_owner;
SELECT kms_set_owner('certificate/' || :'id', 'kms_test_owner'), kms_grant('certificate/' || :'id', 'kms_test_friend', '{CertificatePublicKeyVerify}', expires_at => clock_timestamp() + interval '100 days') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_certificate_public_key_verify(%L, ''SM2DSA'', ''x'', ''x'')', :'id'), 'fine', 'a grant counts until it ends'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_set_owner(%L, ''kms_test_friend'')', 'certificate/' || :'id'), '42501|Forbidden.NoPermission', 'and does not make an owner');
SELECT kms_test.let_time_pass() \g /dev/null
UPDATE kms.grant_entry SET expires_at = clock_timestamp() - interval '1 second' WHERE resource = :'id';
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_certificate_public_key_verify(%L, ''SM2DSA'', ''x'', ''x'')', :'id'), '42501|Forbidden.NoPermission', 'and no longer');
SELECT kms_revoke('certificate/' || :'id', 'kms_test_friend') \g /dev/null

/* What can be seen. */
SET ROLE kms_test_friend;
SELECT pg_temp.made('EC_P384', 'CN=of a friend') AS friends \gset
RESET ROLE;
SELECT kms_tag_resource('{"team": "blue"}', certificate_id => :'friends') \g /dev/null
/* Views ask for the current user: the text is run by him. */
CREATE FUNCTION pg_temp.seen_by(role name) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET ROLE %I', role);
	EXECUTE $q$SELECT concat_ws('; ', (SELECT string_agg(c.subject, ' ' ORDER BY c.subject) FROM kms.certificates c WHERE c.subject ~ 'grant|friend'),
		(SELECT string_agg(c.subject, ' ' ORDER BY c.subject) FROM kms_list_certificates() c WHERE c.subject ~ 'grant|friend'),
		(SELECT string_agg(t.tag_value, ' ' ORDER BY t.tag_value) FROM kms.tags t WHERE t.resource ~ '^certificate/' AND t.tag_key = 'team'),
		(SELECT string_agg(DISTINCT g.grantee, ' ' ORDER BY g.grantee) FROM kms.grants g WHERE g.resource_type = 'certificate'))$q$ INTO result;
	RESET ROLE;
	RETURN result;
END
$$;
SELECT is(pg_temp.seen_by(role), wanted, role || ' sees what it may describe')
  FROM (VALUES ('kms_test_owner', 'CN=granted; CN=granted; red'), ('kms_test_member', 'CN=granted; CN=granted; red'), ('kms_test_friend', 'CN=of a friend; CN=of a friend; blue'), ('kms_test_stranger', ''), ('kms_test_reader', ''),
			   ('kms_test_super', 'CN=granted CN=of a friend; CN=granted CN=of a friend; blue red')) t (role, wanted);
SELECT kms_grant('certificate/' || :'id', 'kms_test_friend', '{DescribeCertificate}'), kms_grant('certificate/' || :'id', 'kms_test_stranger', '{CertificatePrivateKeySign,TagResource}') \g /dev/null
SELECT is(pg_temp.seen_by(role), wanted, role || ' sees what it may describe, once there are grants')
  FROM (VALUES ('kms_test_owner', 'CN=granted; CN=granted; red; kms_test_friend kms_test_stranger'), ('kms_test_friend', 'CN=granted CN=of a friend; CN=granted CN=of a friend; blue red; kms_test_friend kms_test_stranger'), ('kms_test_stranger', ''), ('kms_test_reader', '')) t (role, wanted);

-- ---- lists ----------------------------------------------------------------

SET ROLE kms_test_friend;
SELECT kms_delete_certificate(c.certificate_id::text) FROM kms.certificates c WHERE creator = 'kms_test_friend' \g /dev/null
SELECT pg_temp.made(subject => 'CN=one,O=Alpha') AS one, pg_temp.made(subject => 'CN=two,O=Alpha') AS two, pg_temp.made(subject => 'CN=three,O=100%_\\x,C=CN') AS three \gset
RESET ROLE;
SELECT pg_temp.upload(:'two'), pg_temp.upload(:'three'), kms_update_certificate_status(:'three', 'REVOKED'), kms_revoke('certificate/' || :'id', 'kms_test_friend'), kms_revoke('certificate/' || :'id', 'kms_test_stranger') \g /dev/null
SET ROLE kms_test_friend;
SELECT is(pg_temp.listed(subject, issuer, status), wanted, format('subject %s, issuer %s, status %s', subject, issuer, status))
  FROM (VALUES (NULL, NULL, NULL, 'CN=one,O=Alpha CN=two,O=Alpha CN=three,O=100%_\\x,C=CN'), ('alpha', NULL, NULL, 'CN=one,O=Alpha CN=two,O=Alpha'), ('cn=T', NULL, NULL, 'CN=two,O=Alpha CN=three,O=100%_\\x,C=CN'), ('%', NULL, NULL, 'CN=three,O=100%_\\x,C=CN'),
			   ('_', NULL, NULL, 'CN=three,O=100%_\\x,C=CN'), ('\\', NULL, NULL, 'CN=three,O=100%_\\x,C=CN'), ('.*', NULL, NULL, 'none'), ('', NULL, NULL, 'CN=one,O=Alpha CN=two,O=Alpha CN=three,O=100%_\\x,C=CN'), (NULL, 'INTER', NULL, 'CN=two,O=Alpha CN=three,O=100%_\\x,C=CN'),
			   (NULL, 'root', NULL, 'none'), (NULL, '', NULL, 'CN=two,O=Alpha CN=three,O=100%_\\x,C=CN'), (NULL, NULL, 'PENDING', 'CN=one,O=Alpha'), (NULL, NULL, 'ACTIVE', 'CN=two,O=Alpha'), (NULL, NULL, 'INACTIVE', 'none'), (NULL, NULL, 'REVOKED', 'CN=three,O=100%_\\x,C=CN'),
			   ('two', 'inter', 'ACTIVE', 'CN=two,O=Alpha'), ('two', 'inter', 'REVOKED', 'none'), ('one', 'inter', NULL, 'none')) t (subject, issuer, status, wanted);
SELECT is(pg_temp.verdict('SELECT * FROM kms_list_certificates(status => %L)', status), '22023|InvalidParameter', 'no status to look for: ' || status) FROM unnest('{active,EXPIRED,"",ACTIVE|PENDING}'::text[]) status;
SELECT results_eq('SELECT l.* FROM kms_list_certificates() l ORDER BY l.created_at', $$SELECT (kms_describe_certificate(c.certificate_id::text)).* FROM kms.certificates c ORDER BY c.created_at$$, 'the list shows what each describes itself as');
SELECT results_eq($$SELECT creator, days_to_expiry = extract(day FROM not_after - now()) FROM kms.certificates WHERE status = 'ACTIVE'$$, $$VALUES ('kms_test_friend'::text COLLATE "C", true)$$, 'the view also says whose it is and how long it lasts'),
	   is((SELECT days_to_expiry FROM kms.certificates WHERE status = 'PENDING'), NULL, 'if that is known');
RESET ROLE;

-- ---- tags -----------------------------------------------------------------

SELECT string_agg(format('"k%s": "v"', n), ', ') AS twenty FROM generate_series(1, 20) n \gset
SELECT is(pg_temp.verdict('SELECT kms_tag_resource(%L, certificate_id => %L)', '{' || :'twenty' || '}', :'two'), 'fine', 'twenty tags are allowed'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(''{"k21": ""}'', certificate_id => %L)', :'two'), '54000|Rejected.LimitExceeded', 'a 21st is refused'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(''{"k20": "new"}'', certificate_id => %L)', :'two'), 'fine', 'another value is not');
SELECT is((SELECT tag_value FROM kms_list_resource_tags(certificate_id => :'two') WHERE tag_key = 'k20'), 'new', 'it is listed'),
	   is(jsonb_array_length((kms_describe_certificate(:'two')).tags), 20, 'the certificate is described with its tags'),
	   is((SELECT tags FROM kms.certificates WHERE certificate_id = :'two'), (kms_describe_certificate(:'two')).tags, 'and shown in the view with them');
SELECT kms_untag_resource('{k1,k2,never}', certificate_id => :'two') \g /dev/null
SELECT is((SELECT count(*) FROM kms.tags WHERE resource = 'certificate/' || :'two'), 18::bigint, 'they are taken away'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(%L, certificate_id => %L)', '{"acs:x": ""}', :'two'), '22023|InvalidParameter', 'a bad one is refused');

-- ---- its end --------------------------------------------------------------

SELECT kms_grant('certificate/' || :'two', 'kms_test_stranger', '{GetCertificate}') \g /dev/null
SAVEPOINT before;
SELECT kms_delete_certificate(:'two') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_get_certificate(%L)', :'two'), '42704|Certificate.NotFound', 'a certificate is deleted, active or not'),
	   is(pg_temp.verdict('SELECT kms_delete_certificate(%L)', :'two'), '42704|Certificate.NotFound', 'once'),
	   is((SELECT count(*) FROM kms.tag WHERE resource = :'two') + (SELECT count(*) FROM kms.grant_entry WHERE resource = :'two') + (SELECT count(*) FROM kms.certificate WHERE id = :'two'), 0::bigint, 'with its tags and grants');
SELECT lives_ok('DROP ROLE kms_test_stranger', 'whom it was granted to can be dropped');
ROLLBACK TO before;
SELECT is((kms_describe_certificate(:'two')).status || ' ' || jsonb_array_length((kms_describe_certificate(:'two')).tags), 'ACTIVE 18', 'rolled back, it is there as before');
SELECT is_empty('SELECT * FROM kms_check_integrity()', 'every row is as it was written');

-- ---- the audit log --------------------------------------------------------

SET ROLE kms_test_owner;
SELECT pg_temp.made(subject => 'CN=audited') AS id \gset
SELECT kms_tag_resource('{"a": "b"}', certificate_id => :'id'), kms_grant('certificate/' || :'id', 'kms_test_friend', '{GetCertificate}') \g /dev/null
RESET ROLE;
SELECT pg_temp.issue(pg_temp.csr(:'id')) AS pem \gset
SET ROLE kms_test_owner;
SELECT kms_upload_certificate(:'id', :'pem') \g /dev/null
SELECT kms_update_certificate_status(:'id', 'INACTIVE') \g /dev/null
SELECT results_eq(format($$SELECT operation COLLATE "default", user_name COLLATE "default", regexp_replace(detail, 'number [0-9A-F]+', 'number X') COLLATE "default", result COLLATE "default" FROM kms.audit_log WHERE resource_type = 'certificate' AND resource = %L ORDER BY occurred_at$$, 'certificate/' || :'id'),
				  $$VALUES ('CreateCertificate', 'kms_test_owner', 'CN=audited', 'success'), ('TagResource', 'kms_test_owner', 'tags a', 'success'), ('Grant', 'kms_test_owner', 'to kms_test_friend: GetCertificate', 'success'),
						   ('UploadCertificate', 'kms_test_owner', 'serial number X, expires 2089-01-01 00:00:00 UTC', 'success'), ('UpdateCertificateStatus', 'kms_test_owner', 'status INACTIVE', 'success')$$, 'its owner reads what was done with it');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'DO $_$ BEGIN ASSERT NOT EXISTS (SELECT FROM kms.audit_log WHERE resource = %L); END $_$', 'certificate/' || :'id'), 'fine', 'who may not describe it does not');
SELECT kms_delete_certificate(:'id') \g /dev/null
SELECT is((SELECT count(*) FROM kms.audit_log WHERE resource = 'certificate/' || :'id'), 6::bigint, 'an auditor does, also when it is gone');

-- ---- warnings -------------------------------------------------------------

/* Time passes for a certificate, until it has so many days left. */
CREATE FUNCTION pg_temp.days_left(id text, days numeric) RETURNS void LANGUAGE sql AS
$$
UPDATE kms.certificate c
   SET warn_at = c.warn_at - (c.not_after - (clock_timestamp() + days_left.days * interval '1 day')), not_after = clock_timestamp() + days_left.days * interval '1 day'
 WHERE c.id = days_left.id::uuid
$$;
/* What a worker does then, and how many days before the end it does something again. */
CREATE FUNCTION pg_temp.warned(id text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	SET LOCAL client_min_messages = error;
	SELECT string_agg(concat_ws(' ', r.job, r.outcome, r.detail), '; ') INTO result FROM kms_run_jobs() r WHERE r.resource = 'certificate/' || id;
	SET LOCAL client_min_messages = warning;
	RETURN coalesce(result, 'none') || ', ' || coalesce((SELECT round(extract(epoch FROM c.not_after - c.warn_at) / 86400)::text FROM kms.certificate c WHERE c.id = warned.id::uuid), 'no more');
END
$$;
SELECT is((SELECT extract(day FROM not_after - warn_at) FROM kms.certificate WHERE id = :'two'), 30::numeric, 'the first warning is due thirty days before the end'),
	   is((SELECT warn_at FROM kms.certificate WHERE id = :'one'), NULL, 'none is for what was not uploaded'),
	   is((SELECT warn_at FROM kms.certificate WHERE id = :'three'), NULL, 'or is revoked');
SET ROLE kms_test_friend;
SELECT results_eq($$SELECT job COLLATE "default", resource, outcome COLLATE "default", name COLLATE "default" FROM kms.jobs WHERE name ~ '^certificate/'$$, format($$VALUES ('CertificateExpiry', %L::uuid, 'due', %L)$$, :'two', 'certificate/' || :'two'), 'the job is seen by who may describe the certificate');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'DO $_$ BEGIN ASSERT NOT EXISTS (SELECT FROM kms.jobs WHERE name LIKE ''certificate/%%''); END $_$'), 'fine', 'and by nobody else');
CREATE TEMP TABLE day (days numeric, outcome text, n serial);
DO $_$
DECLARE
	id text = (SELECT c.id FROM kms.certificate c WHERE c.subject = 'CN=two,O=Alpha');
	days numeric;
BEGIN
	FOREACH days IN ARRAY '{30.1,29.9,29.8,7.1,6.9,6.8,1.1,0.9,0.8,-1.5}'::numeric[] LOOP
		PERFORM pg_temp.days_left(id, days);
		INSERT INTO day VALUES (days, pg_temp.warned(id));
	END LOOP;
END
$_$;
SELECT results_eq('SELECT days, outcome FROM day ORDER BY n', $$VALUES (30.1, 'none, 30'), (29.9, 'CertificateExpiry done, 7'), (29.8, 'none, 7'), (7.1, 'none, 7'), (6.9, 'CertificateExpiry done, 1'), (6.8, 'none, 1'),
			  (1.1, 'none, 1'), (0.9, 'CertificateExpiry done, no more'), (0.8, 'none, no more'), (-1.5, 'none, no more')$$, 'each threshold is warned of once');
SELECT is((kms_describe_certificate(:'two')).status, 'ACTIVE', 'an expired certificate is ACTIVE'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_certificate_private_key_sign(%L, ''ECDSA_SHA_256'', ''x'')', :'two'), 'fine', 'and signs'),
	   is((SELECT days_to_expiry FROM kms.certificates WHERE certificate_id = :'two'), -2, 'the view shows how long ago it expired');
SELECT results_eq(format($$SELECT user_name COLLATE "default", detail COLLATE "default" FROM kms.audit_log WHERE resource = %L AND operation = 'CertificateExpiry' ORDER BY occurred_at$$, 'certificate/' || :'two'),
				  $$VALUES ('postgres', 'expires in 30 days'), ('postgres', 'expires in 7 days'), ('postgres', 'expires in 1 day')$$, 'warnings are in the audit log');
/* A renewal begins anew; where no worker came, there is one warning for all that was missed. */
SELECT pg_temp.upload(:'two') \g /dev/null
SELECT is((SELECT extract(day FROM not_after - warn_at) FROM kms.certificate WHERE id = :'two'), 30::numeric, 'a renewed one is warned of anew');
SELECT pg_temp.days_left(:'two', 0.5) \g /dev/null
SELECT is(pg_temp.warned(:'two'), 'CertificateExpiry done, no more', 'for all that was missed there is one warning');
SELECT pg_temp.upload(:'two') \g /dev/null
SELECT pg_temp.days_left(:'two', -0.5) \g /dev/null
SELECT is(pg_temp.warned(:'two'), 'CertificateExpiry done, no more', 'also when it comes too late'),
	   is((SELECT detail COLLATE "default" FROM kms.audit_log WHERE resource = 'certificate/' || :'two' AND operation = 'CertificateExpiry' ORDER BY occurred_at DESC LIMIT 1), 'has expired', 'and then it says so');
SELECT pg_temp.upload(:'two'), kms_update_certificate_status(:'two', 'INACTIVE') \g /dev/null
SELECT pg_temp.days_left(:'two', 20) \g /dev/null
SELECT is(pg_temp.warned(:'two'), 'CertificateExpiry done, 7', 'one that is INACTIVE is warned of, too');
SELECT kms_update_certificate_status(:'two', 'REVOKED') \g /dev/null
SELECT is(pg_temp.warned(:'two'), 'none, no more', 'one that is REVOKED is not');
SELECT kms_test.stop_time() \g /dev/null
SELECT is_empty('SELECT * FROM kms_check_integrity()', 'every row is as it was written, once more');

-- ---- what cannot write ----------------------------------------------------

SELECT pg_temp.issue(pg_temp.csr(:'one')) AS pem \gset
SAVEPOINT before;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict(statement, :'one', :'pem'), wanted, 'in a read-only transaction: ' || statement)
  FROM (VALUES ('SELECT kms_create_certificate(''RSA_4096'', ''CN=a'')', '25006|UnsupportedOperation'), ('SELECT kms_upload_certificate(%L, %L)', '25006|UnsupportedOperation'), ('SELECT kms_update_certificate_status((SELECT id FROM subject WHERE status = ''ACTIVE''), ''INACTIVE'')', '25006|UnsupportedOperation'),
			   ('SELECT kms_delete_certificate(%L)', '25006|UnsupportedOperation'), ('SELECT kms_tag_resource(''{"a": ""}'', certificate_id => %L)', '25006|UnsupportedOperation'), ('SELECT kms_describe_certificate(%L)', 'fine'), ('SELECT kms_get_certificate(%L)', 'fine'),
			   ('SELECT * FROM kms_list_certificates()', 'fine')) t (statement, wanted);
SELECT is(pg_temp.verdict_as('kms_test_owner', '%s', statement), 'fine', 'in a read-only transaction: ' || name) FROM attempt WHERE uses ORDER BY n;
ROLLBACK TO before;

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
