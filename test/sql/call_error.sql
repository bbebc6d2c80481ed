-- kms_call: every documented error code of every action is provoked, or cannot occur for a reason.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(297);
\set call :here /sql/include/call.psql
\i :call

CREATE ROLE kms_test_call_stranger;
GRANT SELECT ON request TO kms_test_call_stranger;
\set nobody 'a0b1c2d3-e4f5-4a6b-8c7d-e8f9a0b1c2d3'

-- ---- what cannot occur ----------------------------------------------------

/* action NULL: in none. */
CREATE TEMP TABLE impossible (code text, action text, why text);
INSERT INTO impossible (code, why)
	SELECT unnest('{InvalidAccessKeyId.NotFound,Forbidden.AccessKey,IncompleteSignature,IllegalTimestamp,UnsupportedHTTPMethod}'::text[]), 'PostgreSQL authenticates, and what it says is its own'
	UNION ALL SELECT unnest('{Forbidden.InDebt,Forbidden.InDebtOverdue,Forbidden.ProhibitedByRiskControl,Forbidden.UbsmsInvalidUserid,Forbidden.UbsmsInvalidBid,Forbidden.NoRealNameAuthentication,CreateLXOrderFailed}'::text[]), 'a database has no account with a vendor'
	UNION ALL SELECT unnest('{Rejected.Throttling,Rejected.ShareQuotaExceedLimit}'::text[]), 'calls are not counted against a quota'
	UNION ALL SELECT unnest('{Forbidden.DKMSInstanceStateInvalid,Forbidden.KeyPolicyUnSupported}'::text[]), 'there are no instances and no policies'
	UNION ALL VALUES ('Rejected.Enabled', 'the documents name it and use it nowhere'), ('SerivceUnvailableTemporary', 'it is a misprint of ServiceUnavailableTemporary'),
		('ParseRequestParameterException', 'what is no JSON, PostgreSQL refuses before the call'), ('InternalFailure', 'it is a fault, which no request should bring about');
INSERT INTO impossible (code, action, why)
	SELECT 'Forbidden.NoPermission', action, 'lists leave out what one may not see' FROM unnest('{ListSecrets,ListTagResources}'::text[]) action
	UNION ALL SELECT 'Rejected.PendingImport', action, 'material of pairs is not imported' FROM unnest('{AsymmetricSign,AsymmetricVerify,AsymmetricEncrypt,AsymmetricDecrypt,GetPublicKey}'::text[]) action
	UNION ALL SELECT code, action, 'the action is not offered' FROM documented WHERE action ~ 'SecretPolicy$' AND code IN ('Forbidden.NoPermission', 'Forbidden.ResourceNotFound')
	UNION ALL VALUES ('Forbidden.NoPermission', 'DescribeAccountKmsStatus', 'everybody may ask'), ('Forbidden.AliasNotFound', 'Decrypt', 'the key is named by the ciphertext'),
		('UnsupportedOperation', 'Decrypt', 'a ciphertext of another kind of key is InvalidParameter, as every one that does not open'),
		('Rejected.LimitExceeded', 'CreateAlias', 'there may be any number'),
		('Rejected.ResourceExist', 'UpdateSecret', 'a secret keeps its name'),
		('Rejected.PendingImport', 'UpdateRotationPolicy', 'keys with imported material do not rotate, whatever their state');

-- ---- things in every state ------------------------------------------------

/* Keys and ciphertexts by state; the blob was made before. */
CREATE TEMP TABLE state_of (code text, key text, blob text);
CREATE FUNCTION pg_temp.in_state(code text) RETURNS void LANGUAGE plpgsql AS
$$
DECLARE
	key text = kms_create_key(origin => CASE code WHEN 'Rejected.PendingImport' THEN 'EXTERNAL' ELSE 'Aliyun_KMS' END);
BEGIN
	IF code = 'Rejected.PendingImport' THEN
		PERFORM kms_import_key_material(key, pg_temp.seal(p.public_key, '0123456789abcdef0123456789ABCDEF'), p.import_token) FROM kms_get_parameters_for_import(key) p;
	END IF;
	INSERT INTO state_of VALUES (code, key, pg_temp.base64(kms_encrypt(key, 'x'::text)));
	PERFORM kms_disable_key(key) WHERE code = 'Rejected.Disabled';
	PERFORM kms_schedule_key_deletion(key, 7) WHERE code IN ('Rejected.PendingDeletion', 'Rejected.StateModifiedFailed');
	PERFORM kms_delete_key_material(key) WHERE code = 'Rejected.PendingImport';
END
$$;
SELECT pg_temp.in_state(code) FROM unnest('{Rejected.Disabled,Rejected.PendingDeletion,Rejected.PendingImport,Rejected.StateModifiedFailed,Rejected.Unavailable}'::text[]) code \g /dev/null
UPDATE kms.key SET description = description || 'by hand', mac = '\x00' WHERE id = (SELECT key::uuid FROM state_of WHERE code = 'Rejected.Unavailable');

CREATE TEMP TABLE pair_of (code text, usage text, key text, version text);
INSERT INTO pair_of (code, usage, key) SELECT code, usage, kms_create_key('EC_SM2', usage) FROM unnest('{Rejected.Disabled,Rejected.PendingDeletion}'::text[]) code, unnest('{SIGN/VERIFY,ENCRYPT/DECRYPT}'::text[]) usage;
UPDATE pair_of SET version = (SELECT v.key_version_id FROM kms_list_key_versions(key) v);
SELECT kms_disable_key(key) FROM pair_of WHERE code = 'Rejected.Disabled' \g /dev/null
SELECT kms_schedule_key_deletion(key, 7) FROM pair_of WHERE code = 'Rejected.PendingDeletion' \g /dev/null

SELECT kms_create_key(origin => 'EXTERNAL') AS doomed_external \gset
SELECT kms_schedule_key_deletion(:'doomed_external', 7) \g /dev/null
CREATE ROLE kms_test_call_ending LOGIN;
SELECT kms_create_secret('call/ending', 'v1', '{"Accounts": [{"AccountName": "kms_test_call_ending", "AccountPassword": "x"}]}'::text, 'Rds',
						 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'), kms_delete_secret('call/ending') \g /dev/null

/* Secrets under a key in that state. */
CREATE FUNCTION pg_temp.secret_under(code text) RETURNS void LANGUAGE plpgsql AS
$$
DECLARE
	key text = kms_create_key();
BEGIN
	PERFORM kms_create_secret('call/under-' || code, 'v1', 'x'::text, encryption_key_id => key);
	PERFORM kms_disable_key(key) WHERE code = 'Rejected.Disabled';
	PERFORM kms_schedule_key_deletion(key, 7) WHERE code = 'Rejected.PendingDeletion';
END
$$;
SELECT pg_temp.secret_under(code) FROM unnest('{Rejected.Disabled,Rejected.PendingDeletion}'::text[]) code \g /dev/null

/* A signing pair with 50 versions, a secret rotated 50 times, a resource with 20 tags, and a token that is too old. */
SELECT kms_create_key('EC_P256') AS full_pair, kms_create_key(tags => (SELECT jsonb_object_agg('k' || n, '') FROM generate_series(1, 20) n)) AS tagged, kms_create_key(origin => 'EXTERNAL') AS late \gset
SELECT (kms_get_parameters_for_import(:'late')).import_token AS late_token \gset
UPDATE kms.import_token SET expires_at = clock_timestamp() - interval '1 second' WHERE key_id = :'late';
SELECT kms_create_secret('call/tagged', 'v1', 'x'::text, tags => (SELECT jsonb_object_agg('k' || n, '') FROM generate_series(1, 20) n)) \g /dev/null
SELECT count(kms_rotate_secret('call/role', 'often' || n)) FROM generate_series(1, 49) n \g /dev/null
SELECT kms_put_secret_value('call/plain', 'v4', 'x'::text, '{a,b,c,d,e,f}') \g /dev/null
SELECT kms_test.let_time_pass() \g /dev/null
CREATE FUNCTION pg_temp.add_versions(pair text) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	FOR i IN 1 .. 49 LOOP
		UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = pair::uuid;
		PERFORM kms_create_key_version(pair);
	END LOOP;
	UPDATE kms.key SET rotated_at = now() - interval '8 days' WHERE id = pair::uuid;
END
$$;
SELECT pg_temp.add_versions(:'full_pair') \g /dev/null
SELECT kms_test.stop_time() \g /dev/null

-- ---- how each code is provoked --------------------------------------------

CREATE TEMP TABLE provocation (code text, action text, request jsonb, role name DEFAULT 'postgres');
/* The first request of each action is what is changed. */
CREATE TEMP VIEW fine AS SELECT DISTINCT ON (action) action, request FROM request ORDER BY action, n;
CREATE FUNCTION pg_temp.twist(code text, twist jsonb, needs text) RETURNS void LANGUAGE sql AS
$$
INSERT INTO provocation (code, action, request)
	SELECT d.code, d.action, fine.request || twist FROM documented d JOIN fine USING (action)
	 WHERE d.code = twist.code AND fine.request ? needs AND NOT EXISTS (SELECT FROM provocation p WHERE (p.code, p.action) = (d.code, d.action))
$$;

/* These stand before the general ones. */
INSERT INTO provocation (code, action, request) VALUES
	('Forbidden.KeyNotFound', 'Decrypt', jsonb_build_object('CiphertextBlob', pg_temp.base64(overlay(decode(:'blob', 'base64') PLACING uuid_send(:'nobody') FROM 2)), 'EncryptionContext', '{"a": "b"}')),
	('Forbidden.KeyNotFound', 'ExportDataKey', (SELECT request FROM fine WHERE action = 'ExportDataKey') || jsonb_build_object('CiphertextBlob', pg_temp.base64(overlay(decode(:'key_blob', 'base64') PLACING uuid_send(:'nobody') FROM 2)))),
	('Forbidden.KeyNotFound', 'ReEncrypt', (SELECT request FROM fine WHERE action = 'ReEncrypt') || jsonb_build_object('DestinationKeyId', :'nobody')),
	('Forbidden.KeyNotFound', 'CreateSecret', (SELECT request FROM fine WHERE action = 'CreateSecret') || jsonb_build_object('EncryptionKeyId', :'nobody')),
	('Forbidden.KeyNotFound', 'SetDeletionProtection', jsonb_build_object('KeyId', :'nobody', 'EnableDeletionProtection', true)),
	('Forbidden.ResourceNotFound', 'TagResource', '{"SecretName": "none", "Tags": {"a": "b"}}'::jsonb || '{"Tags": [{"TagKey": "a", "TagValue": ""}]}'),
	('Forbidden.ResourceNotFound', 'UntagResource', '{"SecretName": "none", "TagKeys": ["a"]}'),
	('Forbidden.ResourceNotFound', 'TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain", "none"], "Tag": [{"Key": "a", "Value": "1"}]}'),
	('Forbidden.ResourceNotFound', 'UntagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["none"], "TagKey": ["a"]}'),
	('Forbidden.ResourceNotFound', 'CreateSecret', (SELECT request || '{"SecretData": "{\"Accounts\": [{\"AccountName\": \"kms_test_call_none\", \"AccountPassword\": \"x\"}]}"}' FROM request WHERE action = 'CreateSecret' AND request ->> 'SecretType' = 'Rds')),
	('Certificate.NotFound', 'TagResource', jsonb_build_object('CertificateId', :'nobody', 'Tags', '[{"TagKey": "a", "TagValue": ""}]')),
	('Certificate.NotFound', 'UntagResource', jsonb_build_object('CertificateId', :'nobody', 'TagKeys', '["a"]')),
	('Forbidden.AliasNotFound', 'UpdateAlias', jsonb_build_object('KeyId', pg_temp.id('other'), 'AliasName', 'alias/none')),
	('Forbidden.AliasNotFound', 'DeleteAlias', '{"AliasName": "alias/none"}'),
	('AliasAlreadyExists', 'CreateAlias', jsonb_build_object('KeyId', pg_temp.id('other'), 'AliasName', 'alias/call')),
	('Unsupported.Alias', 'GetParametersForImport', '{"KeyId": "alias/call-external", "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}'),
	('Unsupported.Origin', 'GetParametersForImport', jsonb_build_object('KeyId', pg_temp.id('aes'), 'WrappingAlgorithm', 'RSAES_OAEP_SHA_256', 'WrappingKeySpec', 'RSA_2048')),
	('Unsupported.Origin', 'ImportKeyMaterial', jsonb_build_object('KeyId', pg_temp.id('aes'), 'EncryptedKeyMaterial', 'eA==', 'ImportToken', 'eA==')),
	('Unsupported.Origin', 'DeleteKeyMaterial', jsonb_build_object('KeyId', pg_temp.id('aes'))),
	('InvalidKeyMaterial', 'ImportKeyMaterial', jsonb_build_object('KeyId', pg_temp.id('external'), 'EncryptedKeyMaterial', 'eA==', 'ImportToken', pg_temp.base64(:'token'))),
	('InvalidImportToken', 'ImportKeyMaterial', jsonb_build_object('KeyId', pg_temp.id('external'), 'EncryptedKeyMaterial', 'eA==', 'ImportToken', 'eA==')),
	('ExpiredImportToken', 'ImportKeyMaterial', jsonb_build_object('KeyId', :'late', 'EncryptedKeyMaterial', 'eA==', 'ImportToken', pg_temp.base64(:'late_token'))),
	('Unsupported.ProtectionLevel', 'CreateKey', '{"ProtectionLevel": "HSM"}'),
	('Forbidden.DKMSInstanceNotFound', 'CreateKey', '{"DKMSInstanceId": "kst-x"}'),
	('UnsupportedOperation', 'CreateKey', '{"KeySpec": "RSA_2048", "Origin": "EXTERNAL"}'),
	('Rejected.LimitExceeded', 'CreateKey', jsonb_build_object('Tags', (SELECT jsonb_agg(jsonb_build_object('TagKey', 'k' || n, 'TagValue', '')) FROM generate_series(1, 21) n))),
	('Rejected.LimitExceeded', 'CreateSecret', '{"SecretName": "call/new", "VersionId": "v1", "SecretData": "x"}'::jsonb || jsonb_build_object('Tags', (SELECT jsonb_agg(jsonb_build_object('TagKey', 'k' || n, 'TagValue', '')) FROM generate_series(1, 21) n))),
	('Rejected.LimitExceeded', 'CreateKeyVersion', jsonb_build_object('KeyId', :'full_pair')),
	('Rejected.LimitExceeded', 'TagResource', jsonb_build_object('KeyId', :'tagged', 'Tags', '[{"TagKey": "one-more", "TagValue": ""}]')),
	('Rejected.LimitExceeded', 'TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/tagged"], "Tag": [{"Key": "one-more", "Value": ""}]}'),
	('Rejected.LimitExceeded', 'PutSecretValue', '{"SecretName": "call/plain", "VersionId": "v5", "SecretData": "x", "VersionStages": ["g", "h", "i"]}'),
	('Rejected.LimitExceeded', 'UpdateSecretVersionStage', '{"SecretName": "call/plain", "VersionStage": "g", "MoveToVersion": "v1"}'),
	('Rejected.LimitExceeded', 'RotateSecret', '{"SecretName": "call/role", "VersionId": "once-more"}'),
	('Rejected.UnsupportedOperation', 'UpdateRotationPolicy', jsonb_build_object('KeyId', pg_temp.id('signing'), 'EnableAutomaticRotation', false)),
	('Rejected.UnsupportedOperation', 'CreateKeyVersion', jsonb_build_object('KeyId', pg_temp.id('imported'))),
	('Rejected.UnsupportedOperation', 'AsymmetricEncrypt', jsonb_build_object('KeyId', pg_temp.id('aes'), 'KeyVersionId', pg_temp.version('aes'), 'Algorithm', 'RSAES_OAEP_SHA_256', 'Plaintext', 'eA==')),
	('Rejected.UnsupportedOperation', 'AsymmetricDecrypt', jsonb_build_object('KeyId', pg_temp.id('aes'), 'KeyVersionId', pg_temp.version('aes'), 'Algorithm', 'RSAES_OAEP_SHA_256', 'CiphertextBlob', 'eA==')),
	('Rejected.UnsupportedOperation', 'AsymmetricSign', jsonb_build_object('KeyId', pg_temp.id('aes'), 'KeyVersionId', pg_temp.version('aes'), 'Algorithm', 'ECDSA_SHA_256', 'Digest', :'digest')),
	('Rejected.UnsupportedOperation', 'AsymmetricVerify', jsonb_build_object('KeyId', pg_temp.id('aes'), 'KeyVersionId', pg_temp.version('aes'), 'Algorithm', 'ECDSA_SHA_256', 'Digest', :'digest', 'Value', 'eA==')),
	('Rejected.UnsupportedOperation', 'GetPublicKey', jsonb_build_object('KeyId', pg_temp.id('aes'), 'KeyVersionId', pg_temp.version('aes'))),
	('Rejected.UnsupportedOperation', 'PutSecretValue', '{"SecretName": "call/role", "VersionId": "v9", "SecretData": "x"}'),
	('Rejected.UnsupportedOperation', 'UpdateSecretVersionStage', '{"SecretName": "call/role", "VersionStage": "a", "MoveToVersion": "v2"}'),
	('Rejected.UnsupportedOperation', 'RotateSecret', '{"SecretName": "call/plain", "VersionId": "v9"}'),
	('Rejected.UnsupportedOperation', 'UpdateSecretRotationPolicy', '{"SecretName": "call/plain", "EnableAutomaticRotation": false}'),
	('Rejected.ResourceExist', 'CreateSecret', '{"SecretName": "call/plain", "VersionId": "v1", "SecretData": "x"}'),
	('Rejected.ResourceExist', 'PutSecretValue', '{"SecretName": "call/plain", "VersionId": "v3", "SecretData": "another"}'),
	('Rejected.ResourceInUse', 'RestoreSecret', '{"SecretName": "call/plain"}'),
	('Rejected.StateModifiedFailed', 'CancelKeyDeletion', jsonb_build_object('KeyId', pg_temp.id('aes'))),
	('Rejected.StateModifiedFailed', 'ImportKeyMaterial', (SELECT request FROM fine WHERE action = 'ImportKeyMaterial') || jsonb_build_object('KeyId', :'doomed_external')),
	('Rejected.ResourceInDeleteWindow', 'RotateSecret', '{"SecretName": "call/ending", "VersionId": "v9"}'),
	('Rejected.ResourceInDeleteWindow', 'UpdateSecretRotationPolicy', '{"SecretName": "call/ending", "EnableAutomaticRotation": false}'),
	('Forbidden.Opened', 'OpenKmsService', '{}'),
	('InvalidParameter', 'DescribeAccountKmsStatus', '{"RegionId": "x"}');
INSERT INTO provocation (code, action, request) SELECT p.code, 'AsymmetricSign', jsonb_build_object('KeyId', key, 'KeyVersionId', version, 'Algorithm', 'SM2DSA', 'Digest', :'digest') FROM pair_of p WHERE usage = 'SIGN/VERIFY'
	UNION ALL SELECT p.code, 'AsymmetricVerify', jsonb_build_object('KeyId', key, 'KeyVersionId', version, 'Algorithm', 'SM2DSA', 'Digest', :'digest', 'Value', 'eA==') FROM pair_of p WHERE usage = 'SIGN/VERIFY'
	UNION ALL SELECT p.code, 'GetPublicKey', jsonb_build_object('KeyId', key, 'KeyVersionId', version) FROM pair_of p WHERE usage = 'SIGN/VERIFY'
	UNION ALL SELECT p.code, 'AsymmetricEncrypt', jsonb_build_object('KeyId', key, 'KeyVersionId', version, 'Algorithm', 'SM2PKE', 'Plaintext', 'eA==') FROM pair_of p WHERE usage <> 'SIGN/VERIFY'
	UNION ALL SELECT p.code, 'AsymmetricDecrypt', jsonb_build_object('KeyId', key, 'KeyVersionId', version, 'Algorithm', 'SM2PKE', 'CiphertextBlob', 'eA==') FROM pair_of p WHERE usage <> 'SIGN/VERIFY'
	UNION ALL SELECT s.code, 'Decrypt', jsonb_build_object('CiphertextBlob', blob) FROM state_of s
	UNION ALL SELECT s.code, 'ExportDataKey', f.request || jsonb_build_object('CiphertextBlob', blob) FROM state_of s, fine f WHERE f.action = 'ExportDataKey'
	UNION ALL SELECT s.code, 'ReEncrypt', f.request || jsonb_build_object('DestinationKeyId', key) FROM state_of s, fine f WHERE f.action = 'ReEncrypt'
	UNION ALL SELECT c, 'GetSecretValue', jsonb_build_object('SecretName', 'call/under-' || c) FROM unnest('{Rejected.Disabled,Rejected.PendingDeletion}'::text[]) c
	UNION ALL SELECT 'Rejected.PendingDeletion', 'SetDeletionProtection', jsonb_build_object('KeyId', pg_temp.id('doomed'), 'EnableDeletionProtection', true)
	UNION ALL SELECT 'Rejected.StateModifiedFailed', 'ScheduleKeyDeletion', jsonb_build_object('KeyId', pg_temp.id(name), 'PendingWindowInDays', 7) FROM unnest('{doomed,protected}'::text[]) name;
DELETE FROM provocation p WHERE NOT EXISTS (SELECT FROM documented d WHERE (d.code, d.action) = (p.code, p.action));

SELECT pg_temp.twist(code, jsonb_build_object('KeyId', key), 'KeyId') FROM state_of \g /dev/null
SELECT pg_temp.twist('Forbidden.KeyNotFound', jsonb_build_object('KeyId', :'nobody'), 'KeyId'), pg_temp.twist('Forbidden.AliasNotFound', '{"KeyId": "alias/none"}', 'KeyId'),
	   pg_temp.twist('Unsupported.Alias', '{"KeyId": "alias/call"}', 'KeyId'), pg_temp.twist('Forbidden.KeyVersionNotFound', jsonb_build_object('KeyVersionId', :'nobody'), 'KeyVersionId'),
	   pg_temp.twist('Forbidden.ResourceNotFound', '{"SecretName": "none"}', 'SecretName'), pg_temp.twist('Rejected.ResourceInDeleteWindow', '{"SecretName": "call/doomed"}', 'SecretName'),
	   pg_temp.twist('UnsupportedOperation', jsonb_build_object('KeyId', pg_temp.id('pair')), 'KeyId') \g /dev/null
INSERT INTO provocation (code, action, request, role)
	SELECT d.code, d.action, fine.request || CASE d.code WHEN 'AccessDeniedError' THEN '{"DryRun": true}' ELSE '{}' END::jsonb, 'kms_test_call_stranger'
	  FROM documented d JOIN fine USING (action) WHERE d.code IN ('Forbidden.NoPermission', 'AccessDeniedError');
INSERT INTO provocation (code, action, request)
	SELECT d.code, d.action, fine.request || '{"DryRun": "true"}' FROM documented d JOIN fine USING (action) WHERE d.code = 'DryRunOperationError'
	UNION ALL SELECT d.code, d.action, '{"DryRun": "true", "NoField": ""}' FROM documented d WHERE d.code = 'ValidationError'
	UNION ALL SELECT d.code, d.action, '{}' FROM documented d WHERE d.code = 'MissingParameter' AND action <> '*'
	UNION ALL SELECT d.code, d.action, '{"NoField": ""}' FROM documented d WHERE d.code = 'InvalidParameter' AND action <> '*' AND action NOT IN (SELECT action FROM provocation WHERE code = 'InvalidParameter');
DELETE FROM provocation p USING impossible i WHERE p.code = i.code AND (i.action IS NULL OR i.action = p.action);
/* Certificates have a test of their own. */
DELETE FROM provocation WHERE action ~ 'Certificate';

-- ---- all of them ----------------------------------------------------------

SELECT is_empty($$SELECT d.action, d.code FROM documented d WHERE d.action <> '*' AND d.action !~ 'Certificate'
					 AND NOT EXISTS (SELECT FROM provocation p WHERE (p.code, p.action) = (d.code, d.action))
					 AND NOT EXISTS (SELECT FROM impossible i WHERE i.code = d.code AND (i.action IS NULL OR i.action = d.action))$$,
				'every code that is documented for an action is provoked, or cannot occur'),
	   is_empty($$SELECT i.action, i.code FROM impossible i WHERE NOT EXISTS (SELECT FROM documented d WHERE d.code = i.code AND d.action = coalesce(i.action, d.action))$$, 'only what is documented needs to be impossible');
SELECT is(pg_temp.outcome_as(role, action, request), code, format('%s answers %s', action, code)) FROM (SELECT *, row_number() OVER (PARTITION BY action, code) FROM provocation) p ORDER BY action, code, row_number;

-- ---- of the service -------------------------------------------------------

SAVEPOINT sound;
SELECT is_empty($$SELECT code FROM documented WHERE action = '*' AND code NOT IN (SELECT code FROM provocation UNION SELECT code FROM impossible WHERE action IS NULL)
					 AND code NOT IN ('Rejected.Unavailable', 'Forbidden.KmsServiceNotEnabled', 'ServiceUnavailableTemporary', 'Certificate.NotFound')$$, 'every code of the service is provoked, or cannot occur');
SELECT is(pg_temp.outcome('Decrypt', jsonb_build_object('CiphertextBlob', blob)), code, 'a key that was changed by hand answers Rejected.Unavailable') FROM state_of WHERE code = 'Rejected.Unavailable';
UPDATE kms.domain_key SET root_key_id = '\x0000000000000000';
SELECT is(pg_temp.outcome('CreateKey', '{}'), 'ServiceUnavailableTemporary', 'a service without its root key answers ServiceUnavailableTemporary');
ROLLBACK TO sound;
DELETE FROM kms.alias;
DELETE FROM kms.key;
DELETE FROM kms.domain_key;
DELETE FROM kms.account;
SELECT is(pg_temp.outcome('CreateKey', '{}'), 'Forbidden.KmsServiceNotEnabled', 'a service that is not open answers Forbidden.KmsServiceNotEnabled'),
	   is(pg_temp.answer('DescribeAccountKmsStatus', '{}') ->> 'AccountStatus', 'NotEnabled', 'and says so'),
	   is(pg_temp.outcome('OpenKmsService', '{}'), 'fine', 'and can be opened');
ROLLBACK TO sound;
SELECT is(pg_temp.answer('DescribeAccountKmsStatus', '{}') ->> 'AccountStatus', 'Enabled', 'in the end it is open');

SELECT * FROM finish();
ROLLBACK;
