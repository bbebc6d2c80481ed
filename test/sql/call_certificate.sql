-- kms_call on certificates: every field of every response, and every documented error code.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(62);
\set call :here /sql/include/call.psql
\i :call
TRUNCATE request;

/* A certificate for a request, from an authority that is made for it, and the authority's own. */
CREATE TEMP TABLE issued (base64 text);
CREATE FUNCTION pg_temp.issue(csr text, OUT certificate text, OUT chain text) LANGUAGE plpgsql AS
$$
DECLARE
	pem text;
BEGIN
	DELETE FROM issued;
	EXECUTE format('COPY issued FROM PROGRAM %L', format(
		'bash -c ''d=$(mktemp -d); trap "rm -r $d" EXIT; cd $d; echo %s | base64 -d > csr;'
		' openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out ca -subj /CN=authority -days 30 2>/dev/null;'
		' openssl x509 -req -in csr -CA ca -CAkey key -CAcreateserial -days 30 -out crt 2>/dev/null; cat crt ca | base64 -w 0''', pg_temp.base64(convert_to(csr, 'UTF8'))));
	SELECT convert_from(decode(base64, 'base64'), 'UTF8') INTO pem FROM issued;
	certificate = substring(pem, '^(.*?-----END CERTIFICATE-----\n)');
	chain = substr(pem, length(certificate) + 1);
END
$$;

CREATE TEMP TABLE certificate (name text PRIMARY KEY, id text, certificate text, chain text);
INSERT INTO certificate (name, id) SELECT name, kms_call('CreateCertificate', '{"KeySpec": "RSA_2048", "Subject": "CN=call,OU=kms,O=test,C=DE", "SubjectAlternativeNames": "[\"a.example\", \"b.example\"]"}') ->> 'CertificateId'
  FROM unnest('{active,pending,inactive,revoked,to upload}'::text[]) name;
INSERT INTO certificate (name, id) SELECT 'kept in', kms_call('CreateCertificate', '{"KeySpec": "EC_P256", "Subject": "CN=call,OU=kms,O=test,C=DE", "ExportablePrivateKey": "false"}') ->> 'CertificateId';
UPDATE certificate c SET certificate = i.certificate, chain = i.chain
  FROM (SELECT id, i.* FROM certificate, LATERAL pg_temp.issue(kms_call('GetCertificate', jsonb_build_object('CertificateId', id)) ->> 'Csr') i WHERE name <> 'pending') i WHERE i.id = c.id;
SELECT kms_call('UploadCertificate', jsonb_build_object('CertificateId', id, 'Certificate', certificate, 'CertificateChain', chain)) FROM certificate WHERE name NOT IN ('pending', 'to upload') \g /dev/null
SELECT kms_call('UpdateCertificateStatus', jsonb_build_object('CertificateId', id, 'Status', upper(name))) FROM certificate WHERE name IN ('inactive', 'revoked') \g /dev/null
CREATE FUNCTION pg_temp.certificate(name text) RETURNS text LANGUAGE sql AS $$ SELECT c.id FROM certificate c WHERE c.name = certificate.name $$;
SELECT kms_tag_resource('{"team": "red"}', certificate_id => pg_temp.certificate('active')) \g /dev/null
SELECT kms_call('CertificatePrivateKeySign', jsonb_build_object('CertificateId', id, 'Algorithm', 'RSA_PSS_SHA_256', 'Message', 'eA==')) ->> 'SignatureValue' AS signature,
	   kms_call('CertificatePublicKeyEncrypt', jsonb_build_object('CertificateId', id, 'Algorithm', 'RSAES_OAEP_SHA_256', 'Plaintext', 'eA==')) ->> 'CiphertextBlob' AS blob FROM certificate WHERE name = 'active' \gset

INSERT INTO request (action, request) VALUES
	('CreateCertificate', '{"KeySpec": "EC_P256", "Subject": "CN=x,OU=kms,O=test,C=DE", "SubjectAlternativeNames": ["a.example"], "ExportablePrivateKey": true, "ProtectionLevel": "SOFTWARE", "ClientToken": "x"}'),
	('UploadCertificate', (SELECT jsonb_build_object('CertificateId', id, 'Certificate', certificate, 'CertificateChain', chain) FROM certificate WHERE name = 'to upload')),
	('UploadCertificate', (SELECT jsonb_build_object('CertificateId', id, 'Certificate', certificate) FROM certificate WHERE name = 'to upload')),
	('GetCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('active'))),
	('GetCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('pending'))),
	('DescribeCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('active'))),
	('DescribeCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('pending'))),
	('DescribeCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('kept in'))),
	('ListCertificates', '{"PageSize": "2"}'),
	('ListCertificates', '{"Status": "REVOKED"}'),
	('UpdateCertificateStatus', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Status', 'INACTIVE')),
	('DeleteCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('active'))),
	('ExportCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Passphrase', 'a passphrase', 'ExportFormat', 'PKCS12')),
	('CertificatePrivateKeySign', jsonb_build_object('CertificateId', upper(pg_temp.certificate('active')), 'Algorithm', 'RSA_PKCS1_SHA_256', 'Message', :'digest', 'MessageType', 'DIGEST')),
	('CertificatePublicKeyVerify', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Algorithm', 'RSA_PSS_SHA_256', 'Message', 'eA==', 'MessageType', 'RAW', 'SignatureValue', :'signature')),
	('CertificatePublicKeyEncrypt', jsonb_build_object('CertificateId', (SELECT arn FROM kms_describe_certificate(pg_temp.certificate('active'))), 'Algorithm', 'RSAES_OAEP_SHA_1', 'Plaintext', 'eA==')),
	('CertificatePrivateKeyDecrypt', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Algorithm', 'RSAES_OAEP_SHA_256', 'CiphertextBlob', :'blob'));

-- ---- every field of every response ----------------------------------------

CREATE TEMP TABLE seen AS
	SELECT r.n, r.action, p.* FROM request r CROSS JOIN LATERAL (SELECT pg_temp.answer(r.action, r.request) AS document OFFSET 0) answered CROSS JOIN LATERAL pg_temp.paths(document) p;
SELECT set_eq('SELECT action FROM request', $$SELECT action FROM kms.api() WHERE action ~ 'Certificate' AND action !~ '^Import'$$, 'every action on certificates is tried');
SELECT is_empty('SELECT action, request FROM request WHERE pg_temp.outcome(action, request) <> ''fine''', 'and succeeds'),
	   is_empty($$SELECT DISTINCT s.action, s.path, s.type FROM seen s
				   WHERE s.type <> 'object' AND NOT EXISTS (SELECT FROM reference f WHERE f.direction = 'response' AND f.action = s.action AND f.field = s.path AND f.type = s.type AND (f.absent IS NULL OR f.absent = 'element'))$$,
				'responses hold nothing but documented fields, each of the documented JSON type'),
	   is_empty($$SELECT r.n, r.action, f.field FROM request r JOIN kms.api() f ON f.action = r.action AND f.direction = 'response' AND f.required
				   WHERE f.field !~ '\[\]\.' AND NOT EXISTS (SELECT FROM seen s WHERE s.n = r.n AND s.path = f.field)$$, 'what is always there is there in every response'),
	   is_empty($$SELECT f.action, f.field FROM kms.api() f WHERE f.direction = 'response' AND f.action IN (SELECT action FROM request) AND NOT EXISTS (SELECT FROM seen s WHERE s.action = f.action AND s.path = f.field)$$, 'every documented field was seen');
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is_empty('SELECT action, request FROM request WHERE pg_temp.outcome(action, request) <> ''fine''', 'with general plans every action goes on working');
RESET plan_cache_mode;
SELECT is_empty($$SELECT action, path, value FROM seen WHERE path ~ '(^|\.)CertificateId$' AND value !~ '^[0-9a-f-]{36}$'$$, 'a CertificateId is the id, however it was given'),
	   is_empty($$SELECT s.action, s.path, s.value FROM seen s JOIN kms.api() f ON f.direction = 'response' AND f.action = s.action AND f.field = s.path WHERE f.type = 'UTC time' AND s.value !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$'$$, 'times are UTC'),
	   is(pg_temp.answer('ListCertificates', '{"PageNumber": "2", "PageSize": "4"}') - 'RequestId' #- '{CertificateSummaryList}', '{"PageNumber": 2, "PageSize": 4, "TotalSize": 6}', 'pages say TotalSize'),
	   is((SELECT array_agg(c ->> 'CertificateId') FROM jsonb_array_elements(pg_temp.answer('ListCertificates', '{"PageSize": 100}') #> '{CertificateSummaryList,CertificateSummary}') c), (SELECT array_agg(id ORDER BY created_at) FROM certificate JOIN kms_list_certificates() l ON l.certificate_id::text = id), 'certificates are listed in the order of creation'),
	   is(pg_temp.answer('DescribeCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('active'))) -> 'Tags', '[{"TagKey": "team", "TagValue": "red"}]', 'tags are an array'),
	   is(pg_temp.answer('CertificatePrivateKeyDecrypt', (SELECT request FROM request WHERE action = 'CertificatePrivateKeyDecrypt')) ->> 'Plaintext', 'eA==', 'what was encrypted is decrypted'),
	   is(pg_temp.answer('CertificatePublicKeyVerify', (SELECT request FROM request WHERE action = 'CertificatePublicKeyVerify')) -> 'SignatureValid', 'true', 'what was signed verifies'),
	   is(pg_temp.answer('CertificatePublicKeyVerify', (SELECT request || '{"Message": "eQ=="}' FROM request WHERE action = 'CertificatePublicKeyVerify')) -> 'SignatureValid', 'false', 'and nothing else');

-- ---- errors ---------------------------------------------------------------

CREATE ROLE kms_test_call_stranger;
\set nobody 'a0b1c2d3-e4f5-4a6b-8c7d-e8f9a0b1c2d3'
CREATE TEMP TABLE impossible (code text, action text);
INSERT INTO impossible VALUES ('InternalFailure', NULL), ('InvalidAccessKeyId.NotFound', NULL), ('Forbidden.NoPermission', 'ListCertificates'), ('Rejected.LimitExceeded', 'CreateCertificate');
CREATE TEMP TABLE provocation (code text, action text, request jsonb, role name DEFAULT 'postgres');
CREATE TEMP VIEW fine AS SELECT DISTINCT ON (action) action, request FROM request ORDER BY action, n;
INSERT INTO provocation (code, action, request, role)
	SELECT d.code, d.action, request || jsonb_build_object('CertificateId', :'nobody'), 'postgres' FROM documented d JOIN fine USING (action) WHERE code = 'Certificate.NotFound'
	UNION ALL SELECT d.code, d.action, request || jsonb_build_object('CertificateId', pg_temp.certificate(name)), 'postgres' FROM documented d JOIN fine USING (action), unnest('{pending,inactive}'::text[]) name WHERE code = 'Rejected.Disabled'
	UNION ALL SELECT d.code, d.action, request, 'kms_test_call_stranger' FROM documented d JOIN fine USING (action) WHERE code = 'Forbidden.NoPermission'
	UNION ALL SELECT d.code, d.action, '{"NoField": ""}', 'postgres' FROM documented d JOIN fine USING (action) WHERE code = 'InvalidParameter';
INSERT INTO provocation (code, action, request) VALUES
	('Unsupported.ProtectionLevel', 'CreateCertificate', '{"KeySpec": "RSA_2048", "Subject": "CN=x,OU=kms,O=test,C=DE", "ProtectionLevel": "HSM"}'),
	('InvalidParameter', 'CreateCertificate', '{"KeySpec": "RSA_1024", "Subject": "CN=x,OU=kms,O=test,C=DE"}'),
	('InvalidParameter', 'UploadCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('pending'), 'Certificate', 'x')),
	('InvalidParameter', 'UpdateCertificateStatus', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Status', 'DISABLED')),
	('Rejected.StateModifiedFailed', 'UpdateCertificateStatus', jsonb_build_object('CertificateId', pg_temp.certificate('revoked'), 'Status', 'ACTIVE')),
	('Rejected.StateModifiedFailed', 'UploadCertificate', (SELECT jsonb_build_object('CertificateId', id, 'Certificate', certificate) FROM certificate WHERE name = 'revoked')),
	('Rejected.UnsupportedOperation', 'ExportCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('kept in'), 'Passphrase', 'a passphrase')),
	('InvalidParameter', 'ExportCertificate', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Passphrase', 'a passphrase', 'ExportFormat', 'PEM')),
	('UnsupportedOperation', 'ImportCertificate', '{"PKCS12Blob": "eA==", "Passphrase": "x"}');
DELETE FROM provocation p USING impossible i WHERE p.code = i.code AND p.action = coalesce(i.action, p.action);
SELECT is_empty($$SELECT d.action, d.code FROM documented d WHERE d.action ~ 'Certificate'
					 AND NOT EXISTS (SELECT FROM provocation p WHERE (p.code, p.action) = (d.code, d.action))
					 AND NOT EXISTS (SELECT FROM impossible i WHERE i.code = d.code AND d.action = coalesce(i.action, d.action))$$, 'every code that is documented for an action is provoked, or cannot occur');
SELECT is(pg_temp.outcome_as(role, action, request), code, format('%s answers %s', action, code)) FROM (SELECT *, row_number() OVER (PARTITION BY action, code ORDER BY request) FROM provocation) p ORDER BY action, code, row_number;
SELECT is(pg_temp.outcome('TagResource', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'Tags', '[{"TagKey": "a", "TagValue": "1"}]')), 'fine', 'a certificate gets tags'),
	   is(pg_temp.outcome('UntagResource', jsonb_build_object('CertificateId', pg_temp.certificate('active'), 'TagKeys', '["team"]')), 'fine', 'and loses them');
SET ROLE kms_test_call_stranger;
SELECT is(kms_call('ListCertificates') -> 'TotalSize', '0', 'a stranger lists no certificates');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
