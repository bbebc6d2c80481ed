-- kms_call: reading requests and writing responses, paging, dry runs, rights, schemas and search paths.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(349);
\set call :here /sql/include/call.psql
\i :call

-- ---- the two arguments ----------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_call(%L)', 'Nothing'), '22023|InvalidParameter|invalid value for action: there is no such action', 'an action that is none is refused, and not repeated'),
	   is(pg_temp.verdict('SELECT kms_call(%L)', 'listkeys'), '22023|InvalidParameter', 'actions have their capitals'),
	   is(pg_temp.verdict('SELECT kms_call(%L)', ''), '22023|InvalidParameter', 'an empty action is none'),
	   is(pg_temp.verdict('SELECT kms_call(NULL)'), '22004|MissingParameter', 'nor is null'),
	   is(pg_temp.verdict('SELECT kms_call(%L, NULL)', 'ListKeys'), '22004|MissingParameter', 'a request is not null'),
	   is(pg_temp.verdict('SELECT kms_call(action => %L, request => %L)', 'ListKeys', '{}'), 'fine', 'arguments have names'),
	   is(pg_temp.verdict('SELECT kms_call(%L)', 'ListKeys'), 'fine', 'a request may be left out');
SELECT is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'ListKeys', request), '22023|InvalidParameter', format('%s is no request', request)) FROM unnest(ARRAY['[]', '1', '"x"', 'true', 'null']) request;
SELECT is(pg_temp.complaint('SELECT kms_call(%L, %L)', 'DescribeKey', '{"KeyId": "alias/call", "Nothing": {}}'), '22023|InvalidParameter|invalid value for request: DescribeKey has no such field', 'also with nothing in it');
SELECT is(pg_temp.complaint('SELECT kms_call(%L, %L)', 'DescribeKey', '{"KeyId": "alias/call", "a secret": 1}'), '22023|InvalidParameter|invalid value for request: DescribeKey has no such field', 'a field that is none is refused, and not repeated'),
	   is(pg_temp.hint('SELECT kms_call(%L, %L)', 'Encrypt', '{"keyid": "alias/call"}'), 'Its fields are KeyId, Plaintext, EncryptionContext, DryRun.', 'and the hint has those there are'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'DescribeRegions', '{"a": 1}'), '22023|InvalidParameter', 'also where there are none'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'ListKeys', '{"a": null}'), '22023|InvalidParameter', 'null or not'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'UpdateSecret', '{"SecretName": "call/role", "ExtendedConfig": {"Other": {}}}'), '22023|InvalidParameter', 'in an object, too'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'UpdateSecret', '{"SecretName": "call/role", "ExtendedConfig": {"CustomData": {}, "Other": {}}}'), '22023|InvalidParameter', 'beside one that is known'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'UpdateSecret', '{"SecretName": "call/role", "ExtendedConfig": 5}'), '22023|InvalidParameter', 'and where that is none');
SELECT is(pg_temp.outcome('Encrypt', jsonb_build_object('KeyId', 'alias/call', 'Plaintext', 'eA==') || field), 'InvalidParameter', format('%s, which RPC clients send along, is refused', field))
  FROM unnest(ARRAY['{"Action": "Encrypt"}', '{"Version": "2016-01-20"}', '{"Format": "JSON"}', '{"RegionId": "cn-hangzhou"}', '{"AccessKeyId": "x"}']::jsonb[]) field;

-- ---- every field, wrong in every way --------------------------------------

/* A request for each action: one that succeeds, or at least is well-formed. */
CREATE TEMP VIEW well_formed AS
	SELECT DISTINCT ON (action) action, request FROM request WHERE n NOT IN (SELECT n FROM request WHERE request ? 'KeyMaterialExpireUnix' AND request ->> 'KeyMaterialExpireUnix' <> '0') ORDER BY action, n;
CREATE TEMP TABLE base AS SELECT action, request FROM well_formed;
INSERT INTO base
	SELECT action, jsonb_object_agg(field, CASE type WHEN 'Base64' THEN 'eA==' WHEN 'object' THEN '{}' ELSE 'x' END) FROM kms.api()
	 WHERE direction = 'request' AND required AND action NOT IN (SELECT action FROM base) GROUP BY action;
SELECT set_eq('SELECT action FROM base UNION SELECT action FROM kms.api() WHERE direction = ''request'' AND field IS NULL UNION VALUES (''ListCertificates'')', 'SELECT DISTINCT action FROM kms.api()', 'every action that has fields has a request');
INSERT INTO base VALUES ('ListCertificates', '{}');

CREATE TEMP TABLE wrong (type text, value jsonb);
INSERT INTO wrong SELECT type, value::jsonb FROM (VALUES
	('string', ARRAY['5', 'true', '[]', '{}', '["x"]']),
	('string or Base64', ARRAY['5', 'true', '[]', '{}']),
	('Base64', ARRAY['5', 'true', '[]', '{}', '"QUJD\nREVG"', '"QUJDREVG\n"', '" QUJD"', '"QU JD"', '"-_8="', '"-/8="', '"eA"', '"eA="', '"eA==="', '"eA==eA=="', '"e"', '"=" ', '"===="', '"e==="', '"eB=="', '"eHh="', '"é==="', '"QUJDR\u0001VG"']),
	('boolean', ARRAY['5', '0', '"yes"', '"True"', '"TRUE"', '"t"', '"1"', '""', '" true"', '[]', '{}']),
	('integer', ARRAY['true', '1.5', '"1.5"', '"x"', '""', '" 7"', '"7 "', '"+7"', '"0x7"', '"7e0"', '[]', '{}', '[7]', '99999999999', '-99999999999', '1e300', '"99999999999999999999999999"', '"-"']),
	('Unix seconds', ARRAY['true', '1.5', '"x"', '""', '[]', '{}', '-1', '99999999999999999', '1e300']),
	('interval', ARRAY['7', 'true', '"7"', '"d"', '"7w"', '"7D"', '"0d"', '"-7d"', '"1.5d"', '" 7d"', '"7d "', '"7 d"', '"07d"', '"7dd"', '"7 days"', '"P7D"', '""', '"99999999999999999999d"', '"9999999999d"', '[]', '{}']),
	('object', ARRAY['5', 'true', '[]', '["x"]', '"x"', '""', '"[]"', '"5"', '"null"', '"{"', '"{}{}"']),
	('array of objects', ARRAY['5', 'true', '{"a": 1}', '"x"', '""', '"{}"', '"5"', '"null"', '"["', '"[][]"']),
	('array of strings', ARRAY['5', 'true', '{}', '{"a": 1}', '{"a": "b"}', '{"a": ["b"], "c": ["d"]}', '"x"', '""', '"5"', '"null"', '"["', '[5]', '["a", 5]', '[null]', '[["a"]]', '[{}]', '"[5]"'])) t (type, texts), unnest(texts) value;
SELECT is_empty($$SELECT type FROM kms.api() WHERE direction = 'request' AND type IS NOT NULL EXCEPT SELECT type FROM wrong$$, 'there are wrong values for every type');
SELECT is_empty(format($$SELECT a.action, a.field, w.value, pg_temp.outcome(a.action, b.request || jsonb_build_object(a.field, w.value)) AS outcome
						   FROM kms.api() a JOIN base b USING (action) JOIN wrong w USING (type)
						  WHERE a.direction = 'request' AND a.type = %L AND pg_temp.outcome(a.action, b.request || jsonb_build_object(a.field, w.value)) <> 'InvalidParameter'$$, type),
				format('every %s field refuses %s wrong values', type, count(*))) FROM wrong GROUP BY type ORDER BY type;
SELECT is_empty($$SELECT a.action, a.field FROM kms.api() a JOIN base b USING (action) WHERE a.direction = 'request' AND a.required AND pg_temp.outcome(a.action, b.request - a.field) <> 'MissingParameter'$$, 'no required field can be left out'),
	   is_empty($$SELECT a.action, a.field FROM kms.api() a JOIN base b USING (action) WHERE a.direction = 'request' AND a.required AND pg_temp.outcome(a.action, b.request || jsonb_build_object(a.field, NULL)) <> 'MissingParameter'$$, 'nor be null'),
	   is_empty($$SELECT a.action, a.field FROM kms.api() a JOIN well_formed b USING (action) WHERE a.direction = 'request' AND NOT a.required AND NOT b.request ? a.field
					 AND pg_temp.outcome(a.action, b.request || jsonb_build_object(a.field, NULL)) <> 'fine'$$, 'what is not required may be null');
SELECT is(pg_temp.outcome('CreateSecret', format('{"SecretName": "call/new", "VersionId": "v1", "SecretDataType": "binary", "SecretData": %s}', value)::jsonb), 'InvalidParameter', format('binary data is Base64, and %s is none', value)) FROM wrong WHERE type = 'Base64';
SELECT is(pg_temp.complaint('SELECT kms_call(%L, %L)', 'Encrypt', '{"KeyId": "alias/call", "Plaintext": "top secret"}'), '22023|InvalidParameter|invalid value for Plaintext: it must be standard Base64, with padding and without line breaks', 'an error names the field, never its value'),
	   is(pg_temp.complaint('SELECT kms_call(%L, %L)', 'Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA==", "EncryptionContext": "{top secret"}'), '22023|InvalidParameter|invalid value for EncryptionContext: it must be an object', 'nor what is no JSON inside it');

-- ---- right in every way ---------------------------------------------------

SELECT is(pg_temp.answer('GenerateDataKey', jsonb_build_object('KeyId', 'alias/call', 'NumberOfBytes', n::jsonb)) ->> 'Plaintext' ~ '^.{4}$', true, format('%s is a number', n)) FROM unnest('{3,"\"3\"",3.0,3e0}'::text[]) n;
SELECT is(length(kms_call('GetRandomPassword', '{"PasswordLength": "17", "ExcludeNumbers": "true", "ExcludeLowercase": true}') ->> 'RandomPassword'), 17, 'numbers and switches may be strings');
SELECT is(kms_call('Decrypt', kms_call('Encrypt', jsonb_build_object('KeyId', 'alias/call', 'Plaintext', plain)) - 'KeyId' - 'KeyVersionId' - 'RequestId') ->> 'Plaintext', plain, format('"%s" comes back', plain))
  FROM unnest(ARRAY['', 'eA==', 'eHg=', 'eHh4', '+/+/', 'AAECAwQFBgcICQ==']) plain;
SELECT is(kms_decrypt_text(decode(kms_call('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA==", "EncryptionContext": "{\"a\": \"b\"}"}') ->> 'CiphertextBlob', 'base64'), '{"a": "b"}'), 'x', 'what kms_call encrypts, kms_decrypt opens'),
	   is(kms_call('Decrypt', jsonb_build_object('CiphertextBlob', pg_temp.base64(kms_envelope_encrypt('alias/call', repeat('x', 9000))))) ->> 'Plaintext', pg_temp.base64(repeat('x', 9000)::bytea), 'and envelopes are opened here, long ones without line breaks');
SELECT is(kms_call('ReEncrypt', request) ->> 'KeyId', pg_temp.id(CASE WHEN request ? 'SourceKeyId' THEN 'pair' ELSE 'aes' END), 'ReEncrypt answers the key that decrypted'),
	   is(kms_call('ReEncrypt', request) ->> 'KeyVersionId', pg_temp.version(CASE WHEN request ? 'SourceKeyId' THEN 'pair' ELSE 'aes' END), 'and its version') FROM request WHERE action = 'ReEncrypt';
SELECT ok((kms_call(action, request) ->> 'Value')::boolean, 'a signature verifies'), is(kms_call(action, request || jsonb_build_object('Digest', pg_temp.base64(sha256('y')))) -> 'Value', 'false', 'that of another digest does not, which is a boolean') FROM request WHERE action = 'AsymmetricVerify';
SELECT is(kms_call('GetSecretValue', '{"SecretName": "call/bytes"}') - 'RequestId' - 'CreateTime', '{"SecretName": "call/bytes", "SecretType": "Generic", "SecretData": "AP8=", "SecretDataType": "binary", "VersionId": "v1", "VersionStages": {"VersionStage": ["ACSCurrent"]}}', 'binary data of a secret is Base64, and what does not apply is left out'),
	   is((kms_call('DescribeSecret', '{"SecretName": "call/role"}') ->> 'ExtendedConfig')::jsonb ->> 'SecretSubType', 'SingleUser', 'a configuration is JSON in a string'),
	   is(kms_call('DescribeSecret', '{"SecretName": "call/role"}') ->> 'RotationInterval', '604800s', 'an interval is in seconds'),
	   is(kms_call('UpdateSecret', jsonb_build_object('SecretName', (kms_describe_secret('call/plain')).arn, 'Description', 'new')) ->> 'SecretName', 'call/plain', 'a secret named by its ARN is answered with its name');
SELECT is(kms_call('UpdateSecret', '{"SecretName": "call/role", "ExtendedConfig": {"CustomData": {"a": "b"}}}') ->> 'SecretName', 'call/role', 'a field with a dot may be an object'),
	   is((kms_describe_secret('call/role')).extended_config -> 'CustomData', '{"a": "b"}', 'and counts');
SET LOCAL TimeZone = 'Asia/Kathmandu';
SET LOCAL DateStyle = 'German';
SET LOCAL IntervalStyle = 'postgres_verbose';
SET LOCAL bytea_output = 'escape';
SELECT is(kms_call('DescribeKey', '{"KeyId": "alias/call"}') #>> '{KeyMetadata,CreationDate}', to_char((kms_describe_key('alias/call')).creation_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'a time is UTC, whatever the session''s'),
	   is(kms_call('DescribeKey', jsonb_build_object('KeyId', pg_temp.id('rotating'))) #>> '{KeyMetadata,RotationInterval}', '2592000s', 'and so are intervals');
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET bytea_output;
SELECT is(kms_call('ImportKeyMaterial', request || '{"KeyMaterialExpireUnix": 4102444800}') - 'RequestId', '{}', 'Unix seconds are read'),
	   is((kms_describe_key(request ->> 'KeyId')).material_expire_time, '2100-01-01 00:00:00+00', 'as the time they are') FROM well_formed WHERE action = 'ImportKeyMaterial';

-- ---- what is not offered --------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_call(%L, %L)', action, request), '0A000|UnsupportedOperation|keys and secrets have no policies here', format('%s is not offered', action)),
	   is(pg_temp.hint('SELECT kms_call(%L, %L)', action, request), 'Use kms_grant and kms_revoke.', 'the hint has what is')
  FROM (VALUES ('SetSecretPolicy', '{"SecretName": "call/plain", "Policy": "{}"}'), ('GetSecretPolicy', '{"SecretName": "call/plain", "PolicyName": "default"}'), ('CreateKey', '{"Policy": "{}"}'),
			   ('CreateSecret', '{"SecretName": "call/new", "VersionId": "v1", "SecretData": "x", "Policy": {}}')) t (action, request);
SELECT is(pg_temp.outcome(action, request), code, format('%s with %s answers %s', action, (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(request) key), code))
  FROM (VALUES ('CreateKey', '{"DKMSInstanceId": "kst-x"}'::jsonb, 'Forbidden.DKMSInstanceNotFound'), ('CreateSecret', '{"SecretName": "call/new", "VersionId": "v1", "SecretData": "x", "DKMSInstanceId": "kst-x"}', 'Forbidden.DKMSInstanceNotFound'),
			   ('GenerateDataKey', '{"KeyId": "alias/call", "Recipient": "x"}', 'UnsupportedOperation'), ('GetSecretPolicy', '{"SecretName": "call/plain", "PolicyName": "other"}', 'InvalidParameter'),
			   ('ImportCertificate', '{"PKCS12Blob": "eA==", "Passphrase": "x"}', 'UnsupportedOperation'), ('CreateCertificate', '{"KeySpec": "RSA_2048", "Subject": "CN=x", "ProtectionLevel": "HSM"}', 'Unsupported.ProtectionLevel'),
			   ('CreateSecret', '{"SecretName": "call/new", "VersionId": "v1", "SecretData": "x", "SecretDataType": "hex"}', 'InvalidParameter'), ('TagResources', '{"RegionId": "x", "ResourceType": "certificate", "ResourceId": ["x"], "Tag": []}', 'InvalidParameter'),
			   ('SetDeletionProtection', jsonb_build_object('KeyId', pg_temp.id('aes'), 'ProtectedResourceArn', pg_temp.id('aes'), 'EnableDeletionProtection', true), 'InvalidParameter'),
			   ('SetDeletionProtection', '{"EnableDeletionProtection": true}', 'MissingParameter')) t (action, request, code);

-- ---- pages ----------------------------------------------------------------

CREATE FUNCTION pg_temp.page(number integer, size integer) RETURNS jsonb LANGUAGE sql AS
$$ SELECT kms_call('ListKeys', jsonb_build_object('PageNumber', number, 'PageSize', size, 'Filters', '[{"Key": "Creator", "Values": ["kms_test_call_lister"]}]')) $$;
CREATE ROLE kms_test_call_lister;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_call_lister;
GRANT SELECT ON thing, request TO PUBLIC;
SET ROLE kms_test_call_lister;
CREATE TEMP TABLE listed AS SELECT n, kms_create_key()::text AS id FROM generate_series(1, 5) n;
RESET ROLE;
SELECT is((SELECT array_agg(k ->> 'KeyId') FROM jsonb_array_elements(pg_temp.page(number, 2) #> '{Keys,Key}') k), (SELECT array_agg(id ORDER BY n) FROM listed WHERE n BETWEEN 2 * number - 1 AND 2 * number), format('page %s of two keys each, in the order of creation', number)),
	   is(pg_temp.page(number, 2) - 'Keys' - 'RequestId', jsonb_build_object('PageNumber', number, 'PageSize', 2, 'TotalCount', 5), 'says where it is') FROM generate_series(1, 3) number;
SELECT is(pg_temp.page(4, 2) - 'RequestId', '{"Keys": {"Key": []}, "PageNumber": 4, "PageSize": 2, "TotalCount": 5}', 'a page past the end is empty'),
	   is(pg_temp.page(2147483647, 100) - 'RequestId', '{"Keys": {"Key": []}, "PageNumber": 2147483647, "PageSize": 100, "TotalCount": 5}', 'however far'),
	   is(jsonb_array_length(pg_temp.page(1, 100) #> '{Keys,Key}'), 5, 'a hundred fit on a page');
SELECT is(kms_call('ListKeys') - 'Keys' - 'RequestId' - 'TotalCount', '{"PageNumber": 1, "PageSize": 10}', 'there are ten keys to a page'),
	   is(kms_call('ListSecretVersionIds', '{"SecretName": "call/plain"}') -> 'PageSize', '20', 'and twenty versions of a secret');
SELECT is(pg_temp.outcome(action, request || twist::jsonb), 'InvalidParameter', format('%s refuses %s', action, twist))
  FROM well_formed, unnest('{"{\"PageSize\": 0}","{\"PageSize\": 101}","{\"PageSize\": -1}","{\"PageNumber\": 0}","{\"PageNumber\": \"-1\"}"}'::text[]) twist WHERE action IN ('ListKeys', 'ListAliases', 'ListAliasesByKeyId', 'ListKeyVersions', 'ListSecrets', 'ListSecretVersionIds') ORDER BY action, twist;
SELECT is((SELECT array_agg(v ->> 'VersionId') FROM jsonb_array_elements(kms_call('ListSecretVersionIds', '{"SecretName": "call/plain", "IncludeDeprecated": true}') #> '{VersionIds,VersionId}') v), '{v1,v2,v3}', 'versions are listed in the order of creation'),
	   is(kms_call('ListSecretVersionIds', '{"SecretName": "call/plain", "PageNumber": 2}') - 'RequestId', '{"SecretName": "call/plain", "VersionIds": {"VersionId": []}, "PageNumber": 2, "PageSize": 20, "TotalCount": 2}', 'the name stands also on an empty page');
SELECT kms_create_alias(pg_temp.id('other'), 'alias/zz-call'), kms_create_alias(pg_temp.id('other'), 'alias/aa-call') \g /dev/null
SELECT is((SELECT array_agg(a ->> 'AliasName') FROM jsonb_array_elements(kms_call('ListAliasesByKeyId', jsonb_build_object('KeyId', pg_temp.id('other'))) #> '{Aliases,Alias}') a), '{alias/call-other,alias/zz-call,alias/aa-call}', 'aliases are listed in the order of creation');

/* 12 secrets with 20 tags: two pages. */
CREATE ROLE kms_test_call_tagger;
SELECT kms_create_secret('call/many/' || n, 'v1', 'x'::text, tags => (SELECT jsonb_object_agg('k' || m, n::text) FROM generate_series(1, 20) m)), kms_set_owner('secret/call/many/' || n, 'kms_test_call_tagger') FROM generate_series(1, 12) n \g /dev/null
SET ROLE kms_test_call_tagger;
SELECT kms_call('ListTagResources', '{"RegionId": "x", "ResourceType": "secret"}') AS first \gset
SELECT kms_call('ListTagResources', jsonb_build_object('RegionId', 'x', 'ResourceType', 'secret', 'NextToken', (:'first'::jsonb) ->> 'NextToken')) AS second \gset
SELECT is(jsonb_array_length((:'first'::jsonb) #> '{TagResources,TagResource}'), 200, 'tags come two hundred at a time'), is(jsonb_array_length((:'second'::jsonb) #> '{TagResources,TagResource}'), 40, 'the rest with the token'),
	   isnt((:'first'::jsonb) ->> 'NextToken', '', 'which a full page has'), is((:'second'::jsonb) ->> 'NextToken', '', 'and the last one has not'),
	   is((SELECT count(DISTINCT t) FROM jsonb_array_elements(((:'first'::jsonb) #> '{TagResources,TagResource}') || ((:'second'::jsonb) #> '{TagResources,TagResource}')) t), 240::bigint, 'no tag comes twice');
SELECT is(pg_temp.outcome('ListTagResources', jsonb_build_object('RegionId', 'x', 'ResourceType', 'secret', 'NextToken', token)), 'InvalidParameter', format('"%s" is no token', token)) FROM unnest('{x,-1,1.5,99999999999999999999," 200"}'::text[]) token;
CREATE FUNCTION pg_temp.tagged(request jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(DISTINCT t ->> 'ResourceId', ' ' ORDER BY t ->> 'ResourceId'), '') || ':' || count(*) FROM jsonb_array_elements(kms_call('ListTagResources', request || '{"RegionId": "x"}') #> '{TagResources,TagResource}') t $$;
SELECT is(pg_temp.tagged('{"ResourceType": "secret", "ResourceId": ["call/many/1", "none"]}'), 'call/many/1:20', 'tags are listed by resource'),
	   is(pg_temp.tagged(jsonb_build_object('ResourceType', 'secret', 'ResourceId', ARRAY[(kms_describe_secret('call/many/2')).arn])), 'call/many/2:20', 'also by its ARN'),
	   is(pg_temp.tagged('{"ResourceType": "secret", "Tag": [{"Key": "k1", "Value": "7"}]}'), 'call/many/7:20', 'and by tag'),
	   is(pg_temp.tagged('{"ResourceType": "secret", "Tag": [{"Key": "k1", "Value": "7"}, {"Key": "k2", "Value": "8"}]}'), ':0', 'several must all be there'),
	   is(pg_temp.tagged('{"ResourceType": "secret", "Tag": [{"Key": "k3"}], "ResourceId": ["call/many/4"]}'), 'call/many/4:20', 'without a value any will do'),
	   is(pg_temp.tagged('{"ResourceType": "key"}'), ':0', 'what one may not see is not listed');
RESET ROLE;
SELECT is(pg_temp.outcome(action, request), code, format('%s: %s', action, what)) FROM (VALUES
	('TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": [], "Tag": [{"Key": "a", "Value": ""}]}'::jsonb, 'InvalidParameter', 'at least one resource'),
	('TagResources', jsonb_build_object('RegionId', 'x', 'ResourceType', 'secret', 'ResourceId', (SELECT jsonb_agg('call/plain'::text) FROM generate_series(1, 51)), 'Tag', '[{"Key": "a", "Value": ""}]'), 'InvalidParameter', 'at most 50'),
	('TagResources', jsonb_build_object('RegionId', 'x', 'ResourceType', 'secret', 'ResourceId', (SELECT jsonb_agg('call/plain'::text) FROM generate_series(1, 50)), 'Tag', '[{"Key": "a", "Value": ""}]'), 'fine', '50 of them, though all the same'),
	('TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain"], "Tag": [{"TagKey": "a", "TagValue": ""}]}', 'InvalidParameter', 'Key and Value, not TagKey and TagValue'),
	('TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain"], "Tag": [{"Key": "a", "Value": "", "Other": ""}]}', 'InvalidParameter', 'nothing else'),
	('TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain"], "Tag": [{"Key": "aliyun-a", "Value": ""}]}', 'InvalidParameter', 'no reserved key'),
	('TagResources', '{"RegionId": "x", "ResourceType": "key", "ResourceId": ["alias/call"], "Tag": [{"Key": "a", "Value": "1"}]}', 'fine', 'a key may be named by its alias'),
	('UntagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain"], "TagKey": ["acs:a"]}', 'InvalidParameter', 'no reserved key'),
	('UntagResources', jsonb_build_object('RegionId', 'x', 'ResourceType', 'secret', 'ResourceId', '["call/plain"]'::jsonb, 'TagKey', (SELECT jsonb_agg('k' || n) FROM generate_series(1, 21) n)), 'InvalidParameter', 'at most 20 keys'),
	('UntagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/bytes"], "All": true}', 'fine', 'a resource without tags')) t (action, request, code, what);
SELECT kms_call('TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain", "call/bytes"], "Tag": [{"Key": "b", "Value": "2"}, {"Key": "team", "Value": "green"}]}') \g /dev/null
SELECT results_eq($$SELECT s || ' ' || tag_key || '=' || tag_value FROM unnest('{call/plain,call/bytes}'::text[]) s, kms_list_resource_tags(secret_name => s) ORDER BY 1$$, ARRAY['call/bytes b=2', 'call/bytes team=green', 'call/plain b=2', 'call/plain team=green'], 'several resources get several tags');
SELECT kms_call('UntagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain", "call/bytes"], "TagKey": ["b", "none"], "All": true}') \g /dev/null
SELECT is((SELECT string_agg(tag_key, ' ') FROM unnest('{call/plain,call/bytes}'::text[]) s, kms_list_resource_tags(secret_name => s)), 'team team', 'keys that are named are taken away, All or not');
SELECT kms_call('UntagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/plain"]}'), kms_call('UntagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/bytes"], "All": "true"}') \g /dev/null
SELECT is((SELECT string_agg(s || ' ' || tag_key, ', ') FROM unnest('{call/plain,call/bytes}'::text[]) s, kms_list_resource_tags(secret_name => s)), 'call/plain team', 'none without keys, every one with All');

-- ---- dry runs -------------------------------------------------------------

CREATE ROLE kms_test_call_stranger;
CREATE TEMP TABLE dry AS SELECT action, request || '{"DryRun": "true"}' AS request FROM well_formed WHERE action IN (SELECT action FROM kms.api() WHERE field = 'DryRun');
SELECT is((SELECT count(*) FROM dry), 13::bigint, 'thirteen actions can be tried');
SELECT is(pg_temp.complaint('SELECT kms_call(%L, %L)', action, request::text), 'P0001|DryRunOperationError|' || action || ' would have succeeded, but for DryRun', format('%s succeeds in a dry run, which is an error', action)),
	   is(pg_temp.outcome(action, request || '{"NoField": 1}'), 'ValidationError', 'a parameter that is none is a ValidationError'),
	   is(pg_temp.outcome(action, '{"DryRun": true}'), 'ValidationError', 'one that is missing, too'),
	   is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms_call(%L, %L)', action, request::text), '42501|AccessDeniedError', 'who may not is denied'),
	   is(pg_temp.outcome(action, request || '{"DryRun": "false"}'), 'fine', 'and "false" is no dry run') FROM dry ORDER BY action;
SELECT is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'Encrypt', '{"KeyId": "alias/call", "DryRun": "true"}'), '22023|ValidationError', 'a ValidationError is 22023, whatever it was'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'Encrypt', '{"KeyId": "alias/none", "Plaintext": "eA==", "DryRun": true}'), '42704|Forbidden.AliasNotFound', 'what is not found is not found'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'Encrypt', jsonb_build_object('KeyId', pg_temp.id('disabled'), 'Plaintext', 'eA==', 'DryRun', true)::text), '55000|Rejected.Disabled', 'what is disabled is disabled'),
	   is(pg_temp.verdict('SELECT kms_call(%L, %L)', 'CreateKey', '{"DryRun": true}'), '22023|InvalidParameter', 'an action that cannot be tried has no DryRun');

-- ---- rights ---------------------------------------------------------------

SELECT is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms_call(%L)', 'CreateKey'), '42501|Forbidden.NoPermission', 'who may not execute kms_create_key creates none, and is told the code'),
	   is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms_call(%L, %L)', 'CreateSecret', '{"SecretName": "call/new", "VersionId": "v1", "SecretData": "x"}'), '42501|Forbidden.NoPermission', 'nor a secret'),
	   is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms_call(%L)', 'OpenKmsService'), '42501|Forbidden.NoPermission', 'nor opens the service');
SET ROLE kms_test_call_stranger;
SELECT is(kms_call('ListKeys') -> 'TotalCount', '0', 'a stranger lists no keys'), is(kms_call('ListSecrets') -> 'TotalCount', '0', 'and no secrets'), is(kms_call('ListAliases') -> 'TotalCount', '0', 'and no aliases');
RESET ROLE;
SELECT kms_grant('alias/call', 'kms_test_call_stranger', '{Encrypt,Decrypt}', '{"a": "b"}') \g /dev/null
SET ROLE kms_test_call_stranger;
SELECT is(kms_call('Decrypt', kms_call('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA==", "EncryptionContext": {"a": "b"}}') - 'KeyId' - 'KeyVersionId' - 'RequestId' || '{"EncryptionContext": {"a": "b"}}') ->> 'Plaintext', 'eA==', 'who was granted an operation in a context does it there'),
	   is(kms_call('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA==", "EncryptionContext": {"a": "b"}}') ->> 'KeyId', pg_temp.id('aes'), 'and is told which key it was, though he may not describe it');
SELECT is(pg_temp.outcome('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA=="}'), 'Forbidden.NoPermission', 'and nowhere else'),
	   is(pg_temp.outcome('DescribeKey', '{"KeyId": "alias/call"}'), 'Forbidden.NoPermission', 'and nothing else');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms.named_version(%L, %L, NULL, %L)', 'Encrypt', 'alias/call', '{"a": "b"}'), 'fine', 'the helper answers who may'),
	   is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms.named_version(%L, %L, NULL, NULL)', 'Encrypt', 'alias/call'), '42501|Forbidden.NoPermission', 'not outside the context'),
	   is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms.named_version(%L, NULL, %L, NULL)', 'DescribeKey', pg_temp.version('aes')), '42501|Forbidden.NoPermission', 'nor for another operation'),
	   is(pg_temp.verdict('SELECT kms.named_version(%L, %L, %L, NULL)', 'Encrypt', 'alias/call', pg_temp.version('other')), '42704|Forbidden.KeyVersionNotFound', 'a version of another key is none of this'),
	   is(pg_temp.verdict('SELECT kms.named_version(%L, NULL, NULL, NULL)', 'Encrypt'), '22004|MissingParameter', 'something must be named'),
	   is(pg_temp.verdict('SELECT kms.named_version(%L, %L, NULL, NULL)', 'GetSecretValue', 'alias/call'), '22023|InvalidParameter', 'an operation on secrets is none on keys'),
	   is(pg_temp.verdict('SELECT kms.named_version(%L, %L, NULL, NULL)', 'CreateKey', 'alias/call'), '22023|InvalidParameter', 'nor is one on no key');
REVOKE EXECUTE ON FUNCTION kms_encrypt(text, bytea, jsonb) FROM PUBLIC;
SELECT is(pg_temp.verdict_as('kms_test_call_stranger', 'SELECT kms_call(%L, %L)', 'Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA==", "EncryptionContext": {"a": "b"}}'), '42501|Forbidden.NoPermission', 'a function that was taken away is taken away here, too');
GRANT EXECUTE ON FUNCTION kms_encrypt(text, bytea, jsonb) TO PUBLIC;

-- ---- transactions ---------------------------------------------------------

SAVEPOINT before;
SELECT kms_call('CreateAlias', jsonb_build_object('KeyId', pg_temp.id('aes'), 'AliasName', 'alias/call/undone')) \g /dev/null
ROLLBACK TO before;
SELECT is(pg_temp.verdict('SELECT kms_describe_key(%L)', 'alias/call/undone'), '42704|Forbidden.AliasNotFound', 'what is rolled back never was');
CREATE FUNCTION pg_temp.fail(times integer) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN FOR i IN 1 .. times LOOP PERFORM pg_temp.outcome('Encrypt', '{"KeyId": "alias/none", "Plaintext": "eA=="}'), pg_temp.outcome('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA==", "DryRun": true}'); END LOOP; RETURN pg_temp.outcome('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA=="}'); END $$;
SELECT is(pg_temp.fail(500), 'fine', 'a thousand errors that were caught leave nothing behind');
SELECT is(pg_temp.outcome('TagResources', '{"RegionId": "x", "ResourceType": "secret", "ResourceId": ["call/bytes", "none"], "Tag": [{"Key": "half", "Value": ""}]}'), 'Forbidden.ResourceNotFound', 'where one resource is unknown'),
	   is_empty($$SELECT FROM kms_list_resource_tags(secret_name => 'call/bytes')$$, 'none is tagged');
SAVEPOINT writing;
SET LOCAL transaction_read_only = on;
SELECT is(pg_temp.outcome(action, request), CASE WHEN proparallel = 's' THEN 'fine' ELSE 'UnsupportedOperation' END, format('%s in a read-only transaction', action))
  FROM (SELECT action, request, (SELECT max(p.proparallel) FROM pg_proc p WHERE p.proname = 'kms_' || lower(substr(regexp_replace(action, '([A-Z])', '_\1', 'g'), 2))) AS proparallel FROM well_formed WHERE action !~ 'Resources$' OFFSET 0) w ORDER BY action;
ROLLBACK TO writing;

-- ---- search paths and schemas ---------------------------------------------

CREATE SCHEMA kms_test_call_trap;
GRANT USAGE ON SCHEMA kms_test_call_trap TO PUBLIC;
CREATE FUNCTION kms_test_call_trap.kms_encrypt(text, bytea, jsonb) RETURNS bytea LANGUAGE sql AS $$ SELECT 'caught'::bytea $$;
CREATE FUNCTION kms_test_call_trap.coalesce(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'caught'::text $$;
CREATE TEMP VIEW aliases AS SELECT 'caught'::text AS alias_name, 'caught'::text AS alias_arn, gen_random_uuid() AS key_id, now() AS creation_date;
CREATE FUNCTION pg_temp.path_after(path text, action text, request jsonb) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	outcome pg_catalog.text;
BEGIN
	PERFORM pg_catalog.set_config('search_path', path, true);
	BEGIN
		PERFORM public.kms_call(action, request);
		outcome = 'fine';
	EXCEPTION WHEN OTHERS THEN outcome = 'error';
	END;
	outcome = outcome OPERATOR(pg_catalog.||) ', ' OPERATOR(pg_catalog.||) pg_catalog.current_setting('search_path');
	PERFORM pg_catalog.set_config('search_path', 'public', true);
	RETURN outcome;
END
$$;
SELECT is(pg_temp.path_after(path, 'Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA=="}'), 'fine, ' || path, format('with the path %s it works, and the path stays', path)),
	   is(pg_temp.path_after(path, 'ListAliases', '{}'), 'fine, ' || path, 'also for lists'),
	   is(pg_temp.path_after(path, 'Encrypt', '{"KeyId": "alias/none", "Plaintext": "eA=="}'), 'error, ' || path, 'and after an error')
  FROM unnest(ARRAY['kms_test_call_trap, pg_catalog', 'pg_temp, kms_test_call_trap, pg_catalog, kms', '']) path;
SELECT is_empty($$SELECT FROM jsonb_array_elements(kms_call('ListAliases', '{"PageSize": 100}') #> '{Aliases,Alias}') a WHERE a ->> 'AliasName' = 'caught'$$, 'nothing planted is seen');
SAVEPOINT in_public;
SET LOCAL kms.allow_drop = on;
DROP EXTENSION kms;
CREATE SCHEMA "An odd, name";
CREATE EXTENSION kms SCHEMA "An odd, name";
SELECT is("An odd, name".kms_call('CreateKey') #>> '{KeyMetadata,KeyState}', 'Enabled', 'in another schema, made in the same session, it works'),
	   is(jsonb_array_length("An odd, name".kms_call('ListKeys') #> '{Keys,Key}'), 1, 'and lists');
ALTER SCHEMA "An odd, name" RENAME TO "odder";
ALTER SCHEMA kms RENAME TO kms_test_call_helpers;
SELECT is("odder".kms_call('Encrypt', jsonb_build_object('KeyId', "odder".kms_call('ListKeys') #>> '{Keys,Key,0,KeyId}', 'Plaintext', 'eA==')) ? 'CiphertextBlob', true, 'and when both schemas get other names');
ROLLBACK TO in_public;
SELECT is(pg_temp.outcome('Encrypt', '{"KeyId": "alias/call", "Plaintext": "eA=="}'), 'fine', 'back again, it works as it did');

-- ---- kms.api() ------------------------------------------------------------

SELECT is_empty($$SELECT action, direction, field FROM kms.api() GROUP BY 1, 2, 3 HAVING count(*) > 1$$, 'no field is there twice'),
	   set_eq($$SELECT DISTINCT direction FROM kms.api()$$, ARRAY['request', 'response'], 'a field is of a request or a response'),
	   is_empty($$SELECT action FROM kms.api() GROUP BY action HAVING count(*) FILTER (WHERE direction = 'request') = 0$$, 'every action is there, also without fields'),
	   results_eq($$SELECT field, type, required FROM kms.api() WHERE action = 'Encrypt' AND direction = 'request'$$, $$VALUES ('KeyId', 'string', true), ('Plaintext', 'Base64', true), ('EncryptionContext', 'object', false), ('DryRun', 'boolean', false)$$, 'with its type, and whether it must be given');

/* A list is a query that the planner takes apart: its plan has asked for the right to call it. */
CREATE ROLE kms_test_call_early;
CREATE ROLE kms_test_call_late;
REVOKE EXECUTE ON FUNCTION kms_list_certificates(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kms_list_certificates(text, text, text) TO kms_test_call_early;
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is(pg_temp.verdict_as('kms_test_call_early', 'SELECT kms_call(''ListCertificates'')'), 'fine', 'who may list, lists');
SELECT is(pg_temp.verdict_as('kms_test_call_late', 'SELECT kms_call(''ListCertificates'')'), '42501|Forbidden.NoPermission', 'who may not, does not by another''s plan');
SELECT * FROM finish();
ROLLBACK;
