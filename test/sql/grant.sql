-- Grants: kms_grant, kms_revoke, kms_list_grants, kms_can, kms_set_owner and the view kms.grants.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
\set authority :here /sql/include/ca.psql
\i :authority
SELECT plan(843);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_friend;
CREATE ROLE kms_test_other;
CREATE ROLE kms_test_stranger;
CREATE ROLE kms_test_super SUPERUSER;
CREATE ROLE "Kms ""odd"", röle'; --";
CREATE ROLE "PUBLIC";
CREATE SCHEMA kms_test_lab AUTHORIZATION kms_test_owner;
GRANT ALL ON SCHEMA kms_test_lab TO PUBLIC;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner, kms_test_friend;

SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key() AS second, kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC') AS mac_key \gset
SELECT kms_create_alias(:'key', 'alias/grant');
SELECT (kms_describe_key(:'key')).arn AS arn, kms_encrypt(:'key', 'secret'::text) AS blob,
	   kms_encrypt(:'key', 'secret'::text, '{"a": "1", "b": "2"}') AS bound_blob \gset
RESET ROLE;

/* May the role do this with the key, as a call shows and as kms_can says?  They must agree. */
CREATE FUNCTION pg_temp.may(role name, operation text, statement text, VARIADIC arguments text[]) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	called text = pg_temp.verdict_as(role, statement, VARIADIC arguments);
	can boolean;
BEGIN
	EXECUTE format('SET ROLE %I', role);
	can = kms_can(operation, arguments[1]);
	RESET ROLE;
	IF can <> (called = 'fine') THEN
		RETURN format('the call: %s, kms_can: %s', called, can);
	END IF;
	RETURN CASE WHEN can THEN 'allowed' WHEN called = '42501|Forbidden.NoPermission' THEN 'refused' ELSE called END;
END
$$;
CREATE FUNCTION pg_temp.may_encrypt(role name, key text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.may(role, 'Encrypt', 'SELECT kms_encrypt(%L, ''x''::text)', key) $$;
CREATE FUNCTION pg_temp.may_describe(role name, key text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.may(role, 'DescribeKey', 'SELECT kms_describe_key(%L)', key) $$;
CREATE FUNCTION pg_temp.may_disable(role name, key text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.may(role, 'DisableKey', 'SELECT kms_disable_key(%L), kms_enable_key(%1$L)', key) $$;
/* As the owner. */
CREATE FUNCTION pg_temp.as_owner(statement text, VARIADIC arguments text[] = '{}') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict_as('kms_test_owner', statement, VARIADIC arguments) $$;

-- ---- giving and taking ----------------------------------------------------

SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'before the grant a role may nothing');
SET ROLE kms_test_owner;
SELECT matches(kms_grant(:'key', 'kms_test_friend', '{Encrypt}')::text, '^[0-9a-f]{8}-[0-9a-f]{4}-4', 'a grant has an id of its own');
RESET ROLE;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'what was granted is allowed'),
	   is(pg_temp.may_describe('kms_test_friend', :'key'), 'refused', 'what was not granted is not'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'who may encrypt may not decrypt for that'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'second'), 'refused', 'another key of the same owner is not granted'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'refused', 'another role is not granted'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, ''x''::text)', 'alias/grant'), 'fine', 'a grant on a key holds by its alias'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, ''x''::text)', :'arn'), 'fine', 'and by its ARN');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_friend', '{Encrypt}'), 1, 'revoking says how many grants it touched');
RESET ROLE;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'what was revoked is refused'),
	   is_empty('SELECT FROM kms.grants', 'a grant with nothing left is gone');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_friend', '{Encrypt}'), 0, 'revoking what is not there touches nothing'),
	   is(kms_revoke(:'key', 'kms_test_friend'), 0, 'nor does revoking everything of who has nothing');
RESET ROLE;

/* The resource by alias and ARN, in every function of the grants. */
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', resource, 'kms_test_friend', '{Encrypt}'), 'fine', 'a grant is given by ' || what)
  FROM (VALUES (:'key', 'id'), ('alias/grant', 'alias'), (:'arn', 'ARN')) t (resource, what);
SELECT is((SELECT count(*) FROM kms_list_grants(resource)), 3::bigint, 'grants are listed by ' || what),
	   is(kms_can('Encrypt', resource), true, 'asked for by ' || what),
	   is(pg_temp.verdict('SELECT kms_revoke(%L, %L), kms_grant(%1$L, %2$L, %3$L)', resource, 'kms_test_friend', '{Encrypt}'), 'fine', 'and revoked by ' || what)
  FROM (VALUES (:'key', 'id'), ('alias/grant', 'alias'), (:'arn', 'ARN')) t (resource, what);
SELECT is(kms_revoke('alias/grant', 'kms_test_friend'), 1, 'of which each had reached all');
RESET ROLE;

-- ---- all operations, some, and parts of them ------------------------------

/* The operations as docs/errors.md, sql-interface and the API name them. */
CREATE TEMP TABLE operation AS SELECT unnest(ARRAY[
	'DescribeKey', 'EnableKey', 'DisableKey', 'UpdateKeyDescription', 'SetDeletionProtection', 'ScheduleKeyDeletion', 'CancelKeyDeletion',
	'UpdateRotationPolicy', 'GetParametersForImport', 'ImportKeyMaterial', 'DeleteKeyMaterial', 'CreateKeyVersion', 'DescribeKeyVersion',
	'ListKeyVersions', 'CreateAlias', 'UpdateAlias', 'DeleteAlias', 'ListAliasesByKeyId', 'Encrypt', 'Decrypt', 'ReEncrypt', 'GenerateDataKey',
	'GenerateDataKeyWithoutPlaintext', 'ExportDataKey', 'GenerateAndExportDataKey', 'AsymmetricSign', 'AsymmetricVerify', 'AsymmetricEncrypt',
	'AsymmetricDecrypt', 'GetPublicKey', 'GenerateMac', 'VerifyMac', 'TagResource', 'UntagResource', 'ListResourceTags']) AS name;
GRANT SELECT ON operation TO PUBLIC;
/* What kms_can says yes to, for a role. */
CREATE FUNCTION pg_temp.granted(role name, key text) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
	names text[];
BEGIN
	EXECUTE format('SET ROLE %I', role);
	names = ARRAY(SELECT name FROM operation WHERE kms_can(name, key) ORDER BY name);
	RESET ROLE;
	RETURN names;
END
$$;
CREATE FUNCTION pg_temp.all_but(VARIADIC names text[] = '{}') RETURNS text[] LANGUAGE sql AS
$$ SELECT ARRAY(SELECT name FROM operation WHERE name <> ALL (names) ORDER BY name) $$;

SELECT is(pg_temp.granted('kms_test_owner', :'key'), pg_temp.all_but(), 'the owner may do everything'),
	   is(pg_temp.granted('kms_test_friend', :'key'), '{}'::text[], 'and others nothing');
SELECT kms_grant(:'key', 'kms_test_friend', ARRAY[name]) FROM operation \g /dev/null
SELECT is(pg_temp.granted('kms_test_friend', :'key'), pg_temp.all_but(), 'every operation can be granted'),
	   is(kms_revoke(:'key', 'kms_test_friend', '{*}'), 35, 'and {*} revokes them all, each a grant of its own');
SELECT is(pg_temp.granted('kms_test_friend', :'key'), '{}'::text[], 'none is left');
SELECT is((SELECT array_agg(name) FROM operation WHERE pg_temp.verdict('SELECT kms_grant(%L, %L, ARRAY[%L])', :'key', 'kms_test_other', name) <> 'fine'), NULL,
		  'each by itself');
SELECT kms_revoke(:'key', 'kms_test_other') \g /dev/null

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{*}') AS grant_id \gset
SELECT is((SELECT operations FROM kms.grants WHERE grant_id = :'grant_id'), '{*}', '{*} is shown as it was given');
RESET ROLE;
SELECT is(pg_temp.granted('kms_test_friend', :'key'), pg_temp.all_but(), '{*} allows every operation'),
	   is(pg_temp.verdict_as('kms_test_friend', statement, :'key'), '42501|Forbidden.NoPermission', 'but not ' || what)
  FROM (VALUES ('SELECT kms_grant(%L, ''kms_test_other'', ''{Encrypt}'')', 'granting on'), ('SELECT kms_revoke(%L, ''kms_test_friend'')', 'revoking'),
			   ('SELECT kms_set_owner(%L, ''kms_test_friend'')', 'becoming the owner')) t (statement, what);
SET ROLE kms_test_friend;
SELECT is(kms_can(operation, :'key'), false, 'and kms_can says so of ' || operation) FROM unnest('{Grant,Revoke,SetOwner}'::text[]) operation;
SET ROLE kms_test_owner;
SELECT is(kms_can(operation, :'key'), true, 'the owner may ' || operation) FROM unnest('{Grant,Revoke,SetOwner}'::text[]) operation;
SELECT is(kms_revoke(:'key', 'kms_test_friend', '{Decrypt}'), 1, 'from {*} one operation can be revoked');
SELECT is((SELECT ARRAY(SELECT o FROM unnest(operations) o ORDER BY o) FROM kms.grants WHERE grant_id = :'grant_id'), pg_temp.all_but('Decrypt'),
		  'then the same grant names the others, all of them operations on keys');
RESET ROLE;
SELECT is(pg_temp.granted('kms_test_friend', :'key'), pg_temp.all_but('Decrypt'), 'and they are still allowed, the one is not'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_decrypt(%L)', :'blob'), '42501|Forbidden.NoPermission', 'nor does it work');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_friend', '{Decrypt}'), 0, 'it is not there to be revoked again'),
	   is(kms_revoke(:'key', 'kms_test_friend', '{Decrypt,Encrypt,Encrypt}'), 1, 'of what is named, what is there goes, once');
RESET ROLE;
SELECT is(pg_temp.granted('kms_test_friend', :'key'), pg_temp.all_but('Decrypt', 'Encrypt'), 'and no more than that');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_friend', NULL), 1, 'NULL revokes all that is left');
SELECT kms_grant(:'key', 'kms_test_friend', '{*}') \g /dev/null
SELECT is(kms_revoke(:'key', 'kms_test_friend', pg_temp.all_but()), 1, 'so do the names of all of them');
SELECT is_empty('SELECT FROM kms.grants', 'nothing is left');

/* Several grants to one role stand beside each other. */
SELECT kms_grant(:'key', 'kms_test_friend', '{Encrypt,Decrypt}'), kms_grant(:'key', 'kms_test_friend', '{Decrypt,Encrypt,Decrypt}'), kms_grant(:'key', 'kms_test_friend', '{DescribeKey}'),
	   kms_grant(:'key', 'kms_test_other', '{Encrypt}'), kms_grant(:'second', 'kms_test_friend', '{Encrypt}') \g /dev/null
SELECT bag_eq('SELECT operations FROM kms.grants WHERE grantee = ''kms_test_friend''', $$VALUES ('{Encrypt,Decrypt}'::text[]), ('{Encrypt,Decrypt}'), ('{DescribeKey}'), ('{Encrypt}')$$,
			  'the same grant twice is two grants, an operation twice in one is one, and their order is ours');
SELECT is(kms_revoke(:'key', 'kms_test_friend', '{Encrypt}'), 2, 'revoking reaches every grant of that role on that key that has it');
RESET ROLE;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'after that no grant is left that allows it'),
	   is(pg_temp.may_describe('kms_test_friend', :'key'), 'allowed', 'another operation stays'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'allowed', 'another role''s grant stays'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'second'), 'allowed', 'another key''s grant stays');
SELECT kms_revoke(key, role) FROM unnest(ARRAY[:'key', :'second']) key, unnest('{kms_test_friend,kms_test_other}'::text[]) role \g /dev/null

-- ---- bad input ------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT is(pg_temp.complaint('SELECT kms_grant(%L, %L, %L)', :'key', grantee, '{Encrypt}'),
		  '42704|InvalidParameter|invalid value for grantee: role "' || grantee || '" does not exist', 'no grant to ' || what)
  FROM (VALUES ('kms_test_nobody', 'an unknown role'), ('"kms_test_friend"', 'a name in quotes'), ('KMS_TEST_FRIEND', 'a name in another case'), ('public', 'public in small letters'),
			   ('current_user', 'current_user'), ('', 'an empty name'), ('kms_test_friend ', 'a name with a blank'), (repeat('x', 1000), 'a name that is too long'), ('kms_test_friend, kms_test_other', 'two names')) t (grantee, what);
SELECT is(pg_temp.complaint('SELECT kms_set_owner(%L, %L)', :'key', role), '42704|InvalidParameter|invalid value for new_owner: role "' || role || '" does not exist', 'no ownership for ' || what)
  FROM (VALUES ('kms_test_nobody', 'an unknown role'), ('', 'an empty name'), (repeat('x', 1000), 'a name that is too long')) t (role, what);
SELECT is(pg_temp.complaint('SELECT kms_revoke(%L, %L)', :'key', role), '42704|InvalidParameter|invalid value for grantee: role "' || role || '" does not exist', 'nothing to revoke from ' || what)
  FROM (VALUES ('kms_test_nobody', 'an unknown role'), ('public', 'public in small letters')) t (role, what);
SELECT is(pg_temp.hint('SELECT kms_grant(%L, %L, %L)', :'key', 'nobody', '{Encrypt}'), 'Give the name as it stands in the catalog, without quotes.', 'a hint says how names are given');
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', operations), '22023|InvalidParameter', 'no grant of ' || what),
	   is(pg_temp.verdict('SELECT kms_revoke(%L, %L, %L)', :'key', 'kms_test_friend', operations), '22023|InvalidParameter', 'no revoking of ' || what)
  FROM (VALUES ('{}', 'nothing'), ('{Fly}', 'an unknown operation'), ('{encrypt}', 'an operation in small letters'), ('{kms_encrypt}', 'a function'), ('{"Encrypt "}', 'a name with a blank'), ('{""}', 'an empty name'),
			   ('{Encrypt,Fly}', 'an unknown operation beside a known one'), ('{Encrypt,NULL}', 'a null beside a known one'), ('{NULL}', 'a null'), ('{*,Encrypt}', '* beside a name'), ('{Encrypt,*}', 'a name beside *'),
			   ('{*,*}', '* twice'), ('{{Encrypt},{Decrypt}}', 'a matrix'), ('{"*\n"}', 'something like *'),
			   ('{GetSecretValue}', 'an operation on secrets'), ('{CertificatePrivateKeySign}', 'an operation on certificates'), ('{CreateKey}', 'an operation on no resource'), ('{ListKeys}', 'a list of keys'), ('{OpenKmsService}', 'the service'),
			   ('{Grant}', 'granting'), ('{Revoke}', 'revoking'), ('{SetOwner}', 'owning'), ('{SetKeyPolicy}', 'an operation that there is not'), ('{TagResources}', 'tagging of several'), ('{ListTagResources}', 'a list of what is tagged')) t (operations, what);
SELECT is(pg_temp.verdict('SELECT kms_can(%L, %L)', operation, :'key'), '22023|InvalidParameter', 'kms_can does not know ' || what)
  FROM (VALUES ('Fly', 'an unknown operation'), ('', 'an empty name'), ('*', 'all at once'), ('encrypt', 'small letters'), ('CreateKey', 'operations on no resource'), ('GetSecretValue', 'operations on secrets'), ('ListGrants', 'lists')) t (operation, what);
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}', context), '22023|InvalidParameter', 'a condition must not be ' || what),
	   is(pg_temp.verdict('SELECT kms_can(%L, %L, %L)', 'Encrypt', :'key', context), '22023|InvalidParameter', 'nor, with kms_can, a context ' || what)
  FROM (VALUES ('[]', 'an array'), ('"a"', 'a string'), ('1', 'a number'), ('null', 'a JSON null'), ('{"a": 1}', 'a map of numbers'), ('{"a": null}', 'a map of nulls'), ('{"a": true}', 'a map of booleans'),
			   ('{"a": ["x"]}', 'a map of arrays'), ('{"a": {"b": "c"}}', 'a map of maps'), ('{"a": "x", "b": 1}', 'a map with one number'), (format('{"a": %s}', to_json(repeat('x', 8192))), 'longer than 8192 characters')) t (context, what);
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}', '{a: b}'), '22P02|Token "a" is invalid.', 'nor something that is no JSON');
SELECT is(pg_temp.complaint('SELECT kms_grant(%L, %L, %L, NULL, %L)', :'key', 'kms_test_friend', '{Encrypt}', expiry), '22023|InvalidParameter|invalid value for expires_at: it lies in the past', 'a grant does not expire ' || what)
  FROM (VALUES ('2000-01-01 00:00', 'long ago'), (statement_timestamp()::text, 'now'), ('-infinity', 'before all time')) t (expiry, what);
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L, NULL, %L)', :'key', 'kms_test_friend', '{Encrypt}', 'infinity'), 'fine', 'a grant until infinity is one without end');
SELECT is((SELECT expires_at FROM kms.grants), NULL, 'and shown so');
SELECT kms_revoke(:'key', 'kms_test_friend') \g /dev/null
SELECT is(pg_temp.verdict(statement, :'key'), '22004|MissingParameter', what || ' must not be null')
  FROM (VALUES ('SELECT kms_grant(NULL, ''kms_test_friend'', ''{Encrypt}'')', 'the resource of a grant'), ('SELECT kms_grant(%L, NULL, ''{Encrypt}'')', 'its grantee'), ('SELECT kms_grant(%L, ''kms_test_friend'', NULL)', 'its operations'),
			   ('SELECT kms_revoke(NULL, ''kms_test_friend'')', 'the resource to revoke'), ('SELECT kms_revoke(%L, NULL)', 'the grantee to revoke from'), ('SELECT kms_can(NULL, %L)', 'the operation of kms_can'),
			   ('SELECT kms_can(''Encrypt'', NULL)', 'its resource'), ('SELECT kms_set_owner(NULL, ''kms_test_friend'')', 'the resource to give away'), ('SELECT kms_set_owner(%L, NULL)', 'its new owner')) t (statement, what);
CREATE TEMP TABLE about (statement text, what text);
INSERT INTO about VALUES ('SELECT kms_grant(%L, ''kms_test_friend'', ''{Encrypt}'')', 'granting on'), ('SELECT kms_revoke(%L, ''kms_test_friend'')', 'revoking on'), ('SELECT kms_can(''Encrypt'', %L)', 'asking for'),
	('SELECT kms_set_owner(%L, ''kms_test_friend'')', 'giving away'), ('SELECT kms_list_grants(%L)', 'listing for');
SELECT is(pg_temp.verdict(statement, resource), verdict, format('%s %s: %s', a.what, r.what, verdict))
  FROM about a, (VALUES ('00000000-0000-4000-8000-000000000000', '42704|Forbidden.KeyNotFound', 'a key that is not there'), ('alias/nothing', '42704|Forbidden.AliasNotFound', 'an alias that is not there'),
						('', '22023|InvalidParameter', 'nothing'), ('*', '22023|InvalidParameter', 'everything'), ('key', '22023|InvalidParameter', 'a word')) r (resource, verdict, what);
SELECT is(pg_temp.verdict(replace(statement, 'Encrypt', 'GetSecretValue'), resource), verdict, format('%s %s: %s', a.what, r.what, verdict))
  FROM about a, (VALUES ('secret/name', '42704|Forbidden.ResourceNotFound', 'a secret that is not there'), (regexp_replace(:'arn', 'key/.*', 'secret/name'), '42704|Forbidden.ResourceNotFound', 'its ARN'),
						(regexp_replace(:'arn', '[^:]*:key/.*', '1234567890123456:secret/name'), '42704|Forbidden.ResourceNotFound', 'a secret of another account'),
						('secret/', '22023|InvalidParameter', 'a secret without a name'), ('secret/' || regexp_replace(:'arn', 'key/.*', 'secret/name'), '22023|InvalidParameter', 'an ARN after secret/'), ('secret/a name', '22023|InvalidParameter', 'a name with a blank'), ('secret/' || repeat('x', 193), '22023|InvalidParameter', 'a name that is too long')) r (resource, verdict, what);
SELECT is(pg_temp.verdict(replace(statement, 'Encrypt', 'GetCertificate'), resource), verdict, format('%s %s: %s', a.what, r.what, verdict))
  FROM about a, (VALUES ('certificate/00000000-0000-4000-8000-000000000000', '42704|Certificate.NotFound', 'a certificate that is not there'), (regexp_replace(:'arn', 'key/.*', 'certificate/00000000-0000-4000-8000-000000000000'), '42704|Certificate.NotFound', 'its ARN'),
						(regexp_replace(:'arn', '[^:]*:key/.*', '1234567890123456:certificate/00000000-0000-4000-8000-000000000000'), '42704|Certificate.NotFound', 'a certificate of another account'),
						('certificate/', '22023|InvalidParameter', 'a certificate without an id'), ('certificate/' || regexp_replace(:'arn', 'key/.*', 'certificate/00000000-0000-4000-8000-000000000000'), '22023|InvalidParameter', 'an ARN after certificate/'),
						('certificate/00000000-0000-4000-8000-00000000000', '22023|InvalidParameter', 'an id that is too short'), ('certificate/00000000-0000-4000-8000-0000000000000', '22023|InvalidParameter', 'one that is too long'),
						('certificate/00000000-0000-4000-8000-000000000000 ', '22023|InvalidParameter', 'one with a blank'), ('Certificate/00000000-0000-4000-8000-000000000000', '22023|InvalidParameter', 'one with a capital before it'), ('certificate/a name', '22023|InvalidParameter', 'a name')) r (resource, verdict, what);
SELECT is_empty('SELECT FROM kms.grants', 'after all that there is no grant');
SELECT is((kms_describe_key(:'key')).creator, 'kms_test_owner', 'and the owner is the same');
RESET ROLE;

-- ---- who may grant --------------------------------------------------------

SELECT is(pg_temp.verdict_as(role, statement, :'key'), '42501|Forbidden.NoPermission', format('%s is refused %s a key of another', role, what))
  FROM unnest('{kms_test_friend,kms_test_stranger}'::name[]) role, about WHERE what <> 'asking for';
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_can(%L, %L)', operation, :'key'), 'fine', 'who may not ' || operation || ' may ask whether')
  FROM unnest('{Encrypt,Grant,DescribeKey}'::text[]) operation;
SET ROLE kms_test_stranger;
SELECT is(kms_can(operation, :'key'), false, 'and hears no for ' || operation) FROM unnest('{Encrypt,Grant,DescribeKey}'::text[]) operation;
RESET ROLE;
SELECT is(pg_temp.complaint('SET LOCAL ROLE kms_test_stranger; SELECT kms_grant(%L, %L, %L)', 'alias/grant', 'kms_test_stranger', '{*}'),
		  '42501|Forbidden.NoPermission|permission denied for alias "alias/grant"', 'a refusal names what was asked for');
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'a superuser grants on every key'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'and it counts'),
	   is(pg_temp.may_describe('kms_test_super', :'key'), 'allowed', 'a superuser manages it');
SELECT is((SELECT grantor FROM kms.grants), 'kms_test_super', 'and is the grantor'),
	   is(pg_temp.may_encrypt('kms_test_super', :'key'), 'refused', 'though it may not use the key itself');
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_super', '{Encrypt}'), 'fine', 'a superuser grants the use to itself'),
	   is(pg_temp.may_encrypt('kms_test_super', :'key'), 'allowed', 'and then may');
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_revoke(%L, %L)', :'key', 'kms_test_super'), 'fine', 'takes it away again'),
	   is(pg_temp.may_encrypt('kms_test_super', :'key'), 'refused', 'and may no more');
/* Superusers have the privileges of every role, and yet no grant to another is theirs. */
GRANT kms_test_friend TO kms_test_super;
SELECT is(pg_temp.may_encrypt('kms_test_super', :'key'), 'refused', 'a grant to a group is not a superuser''s, even as its member');
REVOKE kms_test_friend FROM kms_test_super;
SELECT kms_revoke(:'key', 'kms_test_friend') \g /dev/null
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_owner', '{Encrypt}') IS NOT NULL \g /dev/null
SELECT is(kms_revoke(:'key', 'kms_test_owner'), 1, 'an owner may grant to itself, and take it away');
RESET ROLE;
SELECT is(pg_temp.may_encrypt('kms_test_owner', :'key'), 'allowed', 'which changes nothing for it');

-- ---- names ----------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'Kms "odd", röle''; --', '{Encrypt}') \g /dev/null
SELECT is((SELECT grantee FROM kms.grants), 'Kms "odd", röle''; --', 'a name with quotes, blanks and letters of all kinds is shown as it is');
RESET ROLE;
SELECT is(pg_temp.may_encrypt('Kms "odd", röle''; --', :'key'), 'allowed', 'and counts');
ALTER ROLE "Kms ""odd"", röle'; --" RENAME TO "kms ☃";
SELECT is((SELECT grantee FROM kms.grants), 'kms ☃', 'a renamed role is shown with its new name'),
	   is(pg_temp.may_encrypt('kms ☃', :'key'), 'allowed', 'and keeps its grants');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'Kms "odd", röle''; --'), '42704|InvalidParameter', 'which the old name does not take away'),
	   is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms ☃'), 'fine', 'but the new one'),
	   is(pg_temp.may_encrypt('kms ☃', :'key'), 'refused', 'as is seen');
/* The name PUBLIC is everyone, even where there is such a role. */
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'PUBLIC', '{Encrypt}') AS grant_id \gset
SELECT is((SELECT grantee FROM kms.grants), 'PUBLIC', 'PUBLIC is shown as PUBLIC');
RESET ROLE;
SELECT is(pg_temp.may_encrypt(role, :'key'), 'allowed', 'what is granted to PUBLIC is allowed to ' || role) FROM unnest('{kms_test_stranger,PUBLIC,kms_test_super}'::name[]) role;
SELECT is(pg_temp.may_describe(role, :'key'), 'refused', 'and nothing else to ' || role) FROM unnest('{kms_test_stranger,PUBLIC}'::name[]) role;
CREATE ROLE kms_test_later;
SELECT is(pg_temp.may_encrypt('kms_test_later', :'key'), 'allowed', 'who comes later is everyone, too');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms_test_stranger'), 'fine', 'revoking from one role'),
	   is(pg_temp.may_encrypt('kms_test_stranger', :'key'), 'allowed', 'does not take away what everyone has');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'PUBLIC'), 1, 'it is revoked from PUBLIC');
RESET ROLE;
SELECT is(pg_temp.may_encrypt(role, :'key'), 'refused', 'and then refused to ' || role) FROM unnest('{kms_test_stranger,PUBLIC,kms_test_super,kms_test_later}'::name[]) role;

-- ---- conditions -----------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{Encrypt,Decrypt,DescribeKey}', '{"b": "2", "a": "1"}') AS grant_id \gset
SELECT is((SELECT encryption_context FROM kms.grants), '{"a": "1", "b": "2"}', 'a condition is shown');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, ''x''::text, %L)', :'key', context), CASE WHEN holds THEN 'fine' ELSE '42501|Forbidden.NoPermission' END,
		  format('a grant for calls with two pairs %s %s', CASE WHEN holds THEN 'holds for' ELSE 'does not hold for' END, what))
  FROM (VALUES ('{"a": "1", "b": "2"}', true, 'these two'), ('{"c": "3", "b": "2", "a": "1"}', true, 'more than these'), ('{"A": "0", "a": "1", "aa": "", "b": "2", "é": "4"}', true, 'these among others'),
			   ('{"a": "1"}', false, 'one of them'), ('{"a": "1", "b": "3"}', false, 'another value'), ('{"b": "1", "a": "2"}', false, 'values exchanged'), ('{"a": "1", "B": "2"}', false, 'a key in capitals'),
			   ('{"a": "1", "b": "2 "}', false, 'a value with a blank'), ('{"a": "12", "b": ""}', false, 'the same letters'), ('{}', false, 'no pair'), (NULL, false, 'no context')) t (context, holds, what);
SET ROLE kms_test_friend;
SELECT is(kms_can('Encrypt', :'key', context), context @> '{"a": "1", "b": "2"}', 'kms_can says the same of ' || context::text)
  FROM unnest(ARRAY['{"a": "1", "b": "2"}', '{"a": "1", "b": "2", "c": "3"}', '{"a": "1"}', '{}']::jsonb[]) context;
SELECT is(kms_can('Encrypt', :'key'), false, 'and of no context');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_decrypt(%L, %L)', :'bound_blob', '{"a": "1", "b": "2"}'), 'fine', 'within its context a role decrypts'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_decrypt(%L)', :'bound_blob'), '42501|Forbidden.NoPermission', 'without one it is refused before the ciphertext is looked at'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_decrypt(%L, %L)', :'blob', '{"a": "1", "b": "2"}'), '22023|InvalidParameter', 'with a context that is allowed but not the ciphertext''s, that does not open'),
	   is(pg_temp.may_describe('kms_test_friend', :'key'), 'refused', 'an operation without context is not allowed by a grant that wants one');
SET ROLE kms_test_friend;
SELECT is_empty('SELECT FROM kms.keys', 'nor is the key seen in the views'), is_empty('SELECT FROM kms.grants', 'nor the grant'), is_empty('SELECT FROM kms_list_grants()', 'nor listed');
RESET ROLE;
/* Row by row in one statement: each row asks anew. */
CREATE TABLE kms_test_lab.row (n integer, context jsonb);
INSERT INTO kms_test_lab.row VALUES (1, '{"a": "1", "b": "2"}'), (2, '{"a": "1", "b": "2", "n": "2"}'), (3, '{"a": "1"}');
GRANT SELECT ON kms_test_lab.row TO PUBLIC;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, ''x''::text, context) FROM kms_test_lab.row WHERE n < 3', :'key'), 'fine', 'a statement over rows within the condition'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, ''x''::text, context) FROM kms_test_lab.row ORDER BY n', :'key'), '42501|Forbidden.NoPermission', 'fails at the first row outside');
/* A grant without a condition beside it is the better one. */
SELECT is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'a second grant without condition'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'allows what the first one does not');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms_test_friend'), 'fine', 'both are revoked at once'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, ''x''::text, %L)', :'key', '{"a": "1", "b": "2"}'), '42501|Forbidden.NoPermission', 'with their conditions');
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{Encrypt}', '{}') \g /dev/null
SELECT is((SELECT encryption_context FROM kms.grants), NULL, 'an empty condition is none');
SELECT kms_revoke(:'key', 'kms_test_friend') \g /dev/null
RESET ROLE;

-- ---- time -----------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{Encrypt}', expires_at => clock_timestamp() + interval '1 hour') AS grant_id \gset
SELECT cmp_ok((SELECT expires_at FROM kms.grants), '>', now() + interval '59 minutes', 'when a grant expires is shown');
RESET ROLE;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'before its time a grant counts');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms_test_friend'), 'fine', 'it can be revoked before');
SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{Encrypt}', expires_at => clock_timestamp() + interval '500 milliseconds'),
	   kms_grant(:'key', 'kms_test_other', '{Encrypt}', expires_at => clock_timestamp() + interval '1 hour') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_encrypt(%L, %L::text)', :'key', 'x'), 'fine', 'a grant for half a second counts in it');
SELECT pg_sleep(0.6) \g /dev/null
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'and no more after it, by the clock, within the transaction and without a worker'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'allowed', 'one with more time does');
SELECT is((SELECT count(*) FROM kms.grants WHERE expires_at < clock_timestamp()), 1::bigint, 'an expired grant stays to be seen');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_friend'), 1, 'and to be revoked');
SELECT kms_revoke(:'key', 'kms_test_other') \g /dev/null
RESET ROLE;

-- ---- members --------------------------------------------------------------

CREATE ROLE kms_test_member IN ROLE kms_test_friend;
CREATE ROLE kms_test_grandchild IN ROLE kms_test_member;
CREATE ROLE kms_test_noinherit NOINHERIT IN ROLE kms_test_friend;
CREATE ROLE kms_test_behind IN ROLE kms_test_noinherit;
SELECT is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'a grant to a group');
SELECT is(pg_temp.may_encrypt(role, :'key'), CASE WHEN may THEN 'allowed' ELSE 'refused' END, role || CASE WHEN may THEN ' has it' ELSE ' does not have it' END)
  FROM (VALUES ('kms_test_member', true), ('kms_test_grandchild', true), ('kms_test_noinherit', false), ('kms_test_behind', false), ('kms_test_stranger', false)) t (role, may);
SELECT is(pg_temp.verdict('SET LOCAL ROLE kms_test_friend; SELECT kms_encrypt(%L, %L::text); RESET ROLE', :'key', 'x'), 'fine', 'a role that does not inherit has it after SET ROLE');
GRANT kms_test_friend TO kms_test_stranger;
SELECT is(pg_temp.may_encrypt('kms_test_stranger', :'key'), 'allowed', 'a new member has it at once');
REVOKE kms_test_friend FROM kms_test_stranger;
SELECT is(pg_temp.may_encrypt('kms_test_stranger', :'key'), 'refused', 'a former one does not, at once');
SELECT pg_temp.inherits('kms_test_member', false) \g /dev/null
SELECT is(pg_temp.may_encrypt('kms_test_member', :'key'), 'refused', 'nor one that inherits no more'),
	   is(pg_temp.may_encrypt('kms_test_grandchild', :'key'), 'refused', 'nor who came by it');
SELECT pg_temp.inherits('kms_test_member', true) \g /dev/null
SELECT is(pg_temp.verdict('GRANT kms_test_grandchild TO kms_test_friend'), '0LP01|', 'PostgreSQL refuses memberships in a circle');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms_test_member'), 'fine', 'revoking from a member'),
	   is(pg_temp.may_encrypt('kms_test_member', :'key'), 'allowed', 'does not take away what the group has');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms_test_friend'), 'fine', 'revoking from the group'),
	   is(pg_temp.may_encrypt('kms_test_grandchild', :'key'), 'refused', 'does');
/* A member of the owner grants; a grantee's member manages what was granted. */
CREATE ROLE kms_test_deputy IN ROLE kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_deputy', 'SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{DisableKey,EnableKey}'), 'fine', 'a member of the owner grants');
SELECT is((SELECT grantor FROM kms.grants), 'kms_test_deputy', 'in its own name'),
	   is(pg_temp.may_disable('kms_test_grandchild', :'key'), 'allowed', 'and members of the grantee manage the key as granted'),
	   is(pg_temp.verdict_as('kms_test_deputy', 'SELECT kms_revoke(%L, %L)', :'key', 'kms_test_friend'), 'fine', 'and a member of the owner revokes'),
	   is(pg_temp.may_disable('kms_test_grandchild', :'key'), 'refused', 'after which it is over');
DROP ROLE kms_test_deputy, kms_test_member, kms_test_grandchild, kms_test_noinherit, kms_test_behind;

-- ---- wrappers -------------------------------------------------------------

/* The caller is the current role: in a definer's function its owner, in a view the reader. */
SET ROLE kms_test_friend;
CREATE FUNCTION kms_test_lab.definer(key text) RETURNS text LANGUAGE sql SECURITY DEFINER RETURN kms_can('Encrypt', key)::text || (kms_encrypt(key, 'x'::text) IS NOT NULL)::text;
CREATE FUNCTION kms_test_lab.invoker(key text) RETURNS text LANGUAGE sql RETURN kms_can('Encrypt', key)::text || (kms_encrypt(key, 'x'::text) IS NOT NULL)::text;
CREATE VIEW kms_test_lab.seen AS SELECT kms_encrypt('alias/grant', 'x'::text) AS blob;
CREATE VIEW kms_test_lab.asked AS SELECT kms_can('Encrypt', 'alias/grant') AS can;
GRANT SELECT ON kms_test_lab.seen, kms_test_lab.asked TO PUBLIC;
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_lab.definer(%L)', :'key'), '42501|Forbidden.NoPermission', 'a definer''s function has no more than its owner');
SELECT is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'with a grant to its owner');
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_lab.definer(%L)', :'key'), 'fine', 'everybody may by it'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_lab.invoker(%L)', :'key'), '42501|Forbidden.NoPermission', 'but not by an invoker''s function'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_test_lab.invoker(%L)', :'key'), 'fine', 'which has what the caller has'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT blob FROM kms_test_lab.seen'), '42501|Forbidden.NoPermission', 'nor by a view of the grantee'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT blob FROM kms_test_lab.seen'), 'fine', 'which the grantee reads');
SET ROLE kms_test_stranger;
SELECT is(kms_test_lab.definer(:'key'), 'truetrue', 'kms_can in a definer''s function answers for its owner'), is((SELECT can FROM kms_test_lab.asked), false, 'and in a view for the reader');
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_test_lab.definer(%L)', :'second'), '42501|Forbidden.NoPermission', 'in a definer''s function the caller''s own rights do not count');
RESET ROLE;
CREATE FUNCTION kms_test_lab.grants_for_me(key text) RETURNS uuid LANGUAGE sql SECURITY DEFINER RETURN kms_grant(key, 'kms_test_stranger', '{Decrypt}');
ALTER FUNCTION kms_test_lab.grants_for_me OWNER TO kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_test_lab.grants_for_me(%L)', :'key'), 'fine', 'in a definer''s function of the owner a grant is given'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'and counts');
SELECT is((SELECT grantor FROM kms.grants WHERE grantee = 'kms_test_stranger'), 'kms_test_owner', 'in the owner''s name');
SELECT kms_revoke(:'key', 'kms_test_stranger'), kms_revoke(:'key', 'kms_test_friend') \g /dev/null

-- ---- lists ----------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{DescribeKey}'), kms_grant(:'second', 'kms_test_other', '{Encrypt}', '{"a": "1"}', '2100-01-01 00:00+00') \g /dev/null
SELECT results_eq(list, $$SELECT resource_type, resource, grantee, operations, encryption_context, expires_at, grantor, created_at <= clock_timestamp() FROM (VALUES
	('key', '$$ || :'key' || $$', 'kms_test_friend', '{DescribeKey}'::text[], NULL::jsonb, NULL::timestamptz, 'kms_test_owner', now()),
	('key', '$$ || :'second' || $$', 'kms_test_other', '{Encrypt}', '{"a": "1"}', '2100-01-01 00:00+00', 'kms_test_owner', now()))
	t (resource_type, resource, grantee, operations, encryption_context, expires_at, grantor, created_at)$$, what || ' shows every grant on the keys that a role may describe')
  FROM (VALUES ('SELECT resource_type, resource, grantee, operations, encryption_context, expires_at, grantor, created_at <= clock_timestamp() FROM kms.grants ORDER BY grantee', 'the view'),
			   ('SELECT resource_type, resource, grantee, operations, encryption_context, expires_at, grantor, created_at <= clock_timestamp() FROM kms_list_grants() ORDER BY grantee', 'the list')) t (list, what);
SELECT is((SELECT count(*) FROM kms_list_grants(:'second')), 1::bigint, 'or the list those on one key'),
	   is((SELECT count(*) FROM kms_list_grants(:'mac_key')), 0::bigint, 'or none');
SET ROLE kms_test_friend;
SELECT results_eq('SELECT grantee FROM kms.grants', ARRAY['kms_test_friend'], 'a grantee sees the grants on the key that it may describe');
SELECT is(pg_temp.verdict('SELECT kms_list_grants(%L)', :'second'), '42501|Forbidden.NoPermission', 'and is refused those on another');
SET ROLE kms_test_other;
SELECT is_empty('SELECT FROM kms.grants', 'a grantee that may not describe the key does not see even its own');
SET ROLE kms_test_super;
SELECT is((SELECT count(*) FROM kms.grants), 2::bigint, 'a superuser sees all');
SET ROLE kms_test_stranger;
SELECT is_empty('SELECT FROM kms_list_grants()', 'a stranger sees none');
CREATE FUNCTION kms_test_lab.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'saw %', $1; END $$;
SELECT is(pg_temp.complaint('SELECT * FROM kms.grants WHERE kms_test_lab.leak(grantee)'), 'fine', 'a cheap function in a condition is not shown the grants of others'),
	   is(pg_temp.complaint('SELECT * FROM kms_list_grants() g WHERE kms_test_lab.leak(g.grantee)'), 'fine', 'nor in the list'),
	   is(pg_temp.verdict('SELECT * FROM kms.grant_entry'), '42501|', 'nor is the table read'),
	   is(pg_temp.verdict('SELECT * FROM kms.role_anchor'), '42501|', 'nor the anchor');
/* What the anchor gives its holders: a table that is empty and that row security shuts. */
SET ROLE kms_test_friend;
SELECT is(pg_temp.verdict('SELECT 1 / count(*) FROM kms.role_anchor'), '22012|', 'who has something may read the anchor, which is empty');
SELECT is(pg_temp.verdict(statement), '42501|', 'and not ' || what)
  FROM (VALUES ('INSERT INTO kms.role_anchor DEFAULT VALUES', 'write it'), ('DELETE FROM kms.role_anchor', 'empty it'), ('TRUNCATE kms.role_anchor', 'truncate it'), ('DROP TABLE kms.role_anchor', 'drop it')) t (statement, what);
SET client_min_messages = error;
SELECT is(pg_temp.verdict('GRANT SELECT ON kms.role_anchor TO kms_test_stranger'), 'fine', 'granting the privilege on gives a warning');
SET client_min_messages = warning;
RESET ROLE;
SELECT is(has_table_privilege('kms_test_stranger', 'kms.role_anchor', 'SELECT'), false, 'so that who has nothing holds no privilege');
SELECT kms_revoke(:'key', 'kms_test_friend'), kms_revoke(:'second', 'kms_test_other') \g /dev/null
SELECT is(has_table_privilege(role, 'kms.role_anchor', 'SELECT'), holds, role || CASE WHEN holds THEN ' keeps the privilege on the anchor' ELSE ' has lost the privilege on the anchor with its last grant' END)
  FROM (VALUES ('kms_test_friend', false), ('kms_test_other', false), ('kms_test_owner', true)) t (role, holds);

-- ---- two keys, and functions that stand for others -------------------------

SET ROLE kms_test_friend;
SELECT kms_create_key() AS friends_key \gset
SELECT kms_encrypt(:'friends_key', 'mine'::text) AS friends_blob \gset
RESET ROLE;
CREATE FUNCTION pg_temp.with_grants(first text[], second text[], statement text, VARIADIC arguments text[]) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	IF first <> '{}' THEN
		PERFORM kms_grant(current_setting('test.first'), 'kms_test_other', first);
	END IF;
	IF second <> '{}' THEN
		PERFORM kms_grant(current_setting('test.second'), 'kms_test_other', second);
	END IF;
	result = pg_temp.verdict_as('kms_test_other', statement, VARIADIC arguments);
	PERFORM kms_revoke(current_setting('test.first'), 'kms_test_other'), kms_revoke(current_setting('test.second'), 'kms_test_other');
	RETURN result;
END
$$;
SELECT set_config('test.first', :'key', true), set_config('test.second', :'friends_key', true) \g /dev/null
SELECT is(pg_temp.with_grants(source, destination, 'SELECT kms_re_encrypt(%L, %L)', :'blob', :'friends_key'), CASE WHEN may THEN 'fine' ELSE '42501|Forbidden.NoPermission' END, 'to re-encrypt, ' || what)
  FROM (VALUES ('{ReEncrypt}'::text[], '{ReEncrypt}'::text[], true, 'ReEncrypt on both keys is enough'), ('{ReEncrypt}', '{}', false, 'ReEncrypt on the source alone is not'),
			   ('{}', '{ReEncrypt}', false, 'nor on the destination alone'), ('{Decrypt}', '{Encrypt}', false, 'nor are Decrypt and Encrypt'), ('{*}', '{*}', true, 'everything on both is')) t (source, destination, may, what);
SELECT set_config('test.first', :'mac_key', true) \g /dev/null
SELECT is(pg_temp.with_grants(operations, '{}', 'SELECT kms_blind_index(%L, %L)', :'mac_key', 'x'), CASE WHEN may THEN 'fine' ELSE '42501|Forbidden.NoPermission' END, 'a blind index asks ' || what)
  FROM (VALUES ('{GenerateMac}'::text[], true, 'for GenerateMac'), ('{VerifyMac,Encrypt}', false, 'for nothing else')) t (operations, may, what);
SELECT is(pg_temp.with_grants('{GenerateMac}', '{}', 'SELECT kms_verify_mac(%L, %L, %L)', :'mac_key', 'x', 'x'), '42501|Forbidden.NoPermission', 'who may make codes may not check them'),
	   is(pg_temp.with_grants('{VerifyMac}', '{}', 'SELECT kms_verify_mac(%L, %L, %L)', :'mac_key', 'x', 'x'), 'fine', 'for which there is VerifyMac');
SELECT set_config('test.first', :'key', true) \g /dev/null
SET ROLE kms_test_owner;
SELECT kms_envelope_encrypt(:'key', 'in an envelope'::text) AS envelope \gset
RESET ROLE;
SELECT is(pg_temp.with_grants(operations, '{}', 'SELECT kms_envelope_encrypt(%L, %L::text)', :'key', 'x'), CASE WHEN may THEN 'fine' ELSE '42501|Forbidden.NoPermission' END, 'an envelope asks ' || what)
  FROM (VALUES ('{Encrypt}'::text[], true, 'for Encrypt'), ('{GenerateDataKey,Decrypt}', false, 'for nothing else')) t (operations, may, what);
SELECT is(pg_temp.with_grants(operations, '{}', 'SELECT kms_decrypt_text(%L)', :'envelope'), CASE WHEN may THEN 'fine' ELSE '42501|Forbidden.NoPermission' END, 'to open it asks ' || what)
  FROM (VALUES ('{Decrypt}'::text[], true, 'for Decrypt'), ('{Encrypt,ReEncrypt}', false, 'for nothing else')) t (operations, may, what);

-- ---- owners ---------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_friend', '{Encrypt}') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_set_owner(%L, %L)', 'alias/grant', 'kms_test_other'), 'fine', 'an owner gives a key away, by its alias');
RESET ROLE;
SELECT is((kms_describe_key(:'key')).creator, 'kms_test_other', 'the new owner is shown'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'allowed', 'and may use it'),
	   is(pg_temp.may_encrypt('kms_test_owner', :'key'), 'refused', 'the former one may not'),
	   is(pg_temp.may_describe('kms_test_owner', :'key'), 'refused', 'nor see it'),
	   is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_owner', '{*}'), '42501|Forbidden.NoPermission', 'nor grant it to itself'),
	   is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_owner'), '42501|Forbidden.NoPermission', 'nor take it back'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'grants stay'),
	   is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'what was encrypted before opens for the new owner');
SELECT is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_revoke(%L, %L)', :'key', 'kms_test_friend'), 'fine', 'the new owner revokes them'),
	   is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_other'), 'fine', 'giving a key to oneself changes nothing'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'allowed', 'as is seen');
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_owner'), 'fine', 'a superuser gives every key to anybody'),
	   is(pg_temp.may_encrypt('kms_test_owner', :'key'), 'allowed', 'who may then use it'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'refused', 'and nobody else');
SELECT is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', :'key', 'PUBLIC'), 'fine', 'where there is a role called PUBLIC it may own a key'),
	   is(pg_temp.may_encrypt('PUBLIC', :'key'), 'allowed', 'which is that role''s'),
	   is(pg_temp.may_encrypt('kms_test_stranger', :'key'), 'refused', 'and not everyone''s');
SELECT kms_set_owner(:'key', 'kms_test_owner') \g /dev/null
SELECT is(has_table_privilege('kms_test_other', 'kms.role_anchor', 'SELECT'), false, 'who owns nothing more loses the privilege on the anchor');
/* Only its own name is stored of a key's owner; not its members. */
CREATE ROLE kms_test_group IN ROLE kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_group', 'SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_group'), 'fine', 'a member of the owner takes the key for itself'),
	   is(pg_temp.may_encrypt('kms_test_owner', :'key'), 'refused', 'and the group loses it'),
	   is(pg_temp.verdict_as('kms_test_group', 'SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_owner'), 'fine', 'or gives it back');
DROP ROLE kms_test_group;

-- ---- undone ---------------------------------------------------------------

SAVEPOINT undone;
SELECT is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'a grant in a savepoint'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'counts');
ROLLBACK TO undone;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'and rolled back it does not'),
	   is(has_table_privilege('kms_test_other', 'kms.role_anchor', 'SELECT'), false, 'nor does the role hold the anchor');
SELECT is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'a grant that stays');
SAVEPOINT undone;
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'key', 'kms_test_friend'), 'fine', 'revoked in a savepoint'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'does not count');
ROLLBACK TO undone;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'and rolled back it does again');
SAVEPOINT undone;
SELECT is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_other'), 'fine', 'a key given away in a savepoint'),
	   is(pg_temp.may_encrypt('kms_test_owner', :'key'), 'refused', 'is the other''s');
ROLLBACK TO undone;
SELECT is(pg_temp.may_encrypt('kms_test_owner', :'key'), 'allowed', 'and rolled back one''s own again'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'refused', 'and the other''s no more');
DO $$
BEGIN
	FOR i IN 1 .. 50 LOOP
		BEGIN
			PERFORM kms_grant('alias/grant', 'kms_test_other', '{Encrypt}');
			RAISE EXCEPTION 'undo';
		EXCEPTION WHEN raise_exception THEN NULL;
		END;
	END LOOP;
END $$;
SELECT is((SELECT count(*) FROM kms.grants WHERE grantee = 'kms_test_other'), 0::bigint, 'of fifty grants undone in a loop none is left'),
	   is(pg_temp.may_encrypt('kms_test_other', :'key'), 'refused', 'nor does one count');

-- ---- without rows ---------------------------------------------------------

/* DROP OWNED takes the privilege on the anchor, and with it everything. */
SAVEPOINT owned;
DROP OWNED BY kms_test_friend;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'after DROP OWNED BY a role its grants are void'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'friends_key'), 'refused', 'and so is its ownership'),
	   is((SELECT count(*) FROM kms.grants WHERE grantee = 'kms_test_friend'), 1::bigint, 'a void grant is seen'),
	   set_has('SELECT table_name, problem FROM kms_check_integrity()', $$VALUES ('grant_entry', 'it is void: its role does not exist, or has lost its privilege on kms.role_anchor')$$, 'and reported'),
	   is((kms_describe_key(:'friends_key')).creator, 'kms_test_friend', 'an owner that does not count is named, still');
SELECT is(kms_revoke(:'key', 'kms_test_friend'), 1, 'a void grant can be revoked');
/* A small grant does not bring all of it back. */
SELECT is(pg_temp.complaint('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), '55000|UnsupportedOperation|role "kms_test_friend" has lost its keys and grants, and would get them back',
		  'who would get back what it has lost is given nothing'),
	   is(pg_temp.verdict('SELECT kms_set_owner(%L, %L)', :'key', 'kms_test_friend'), '55000|UnsupportedOperation', 'nor a key'),
	   alike(pg_temp.hint('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), '%kms_revoke%kms_set_owner%GRANT SELECT ON kms.role_anchor%', 'and a hint says what to do');
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_friend;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_create_key()'), '55000|UnsupportedOperation', 'nor does it make a key');
SELECT is(pg_temp.verdict('SELECT kms_set_owner(%L, %L)', :'friends_key', 'kms_test_owner'), 'fine', 'once its key belongs to another'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', :'key', 'kms_test_friend', '{Encrypt}'), 'fine', 'it is given something'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'which counts'),
	   is(pg_temp.may_encrypt('kms_test_friend', :'friends_key'), 'refused', 'and what it had does not'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_create_key()'), 'fine', 'and it makes keys');
ROLLBACK TO owned;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'rolled back, everything is as before');
REVOKE SELECT ON kms.role_anchor FROM kms_test_friend;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'and so it is with the bare privilege');
GRANT SELECT ON kms.role_anchor TO kms_test_friend;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'allowed', 'which a superuser gives back by hand');
REVOKE SELECT ON kms.role_anchor FROM kms_test_friend;
GRANT SELECT ON kms.role_anchor TO PUBLIC;
SELECT is(pg_temp.may_encrypt('kms_test_friend', :'key'), 'refused', 'but not by granting it to everyone');
REVOKE SELECT ON kms.role_anchor FROM PUBLIC;
GRANT SELECT ON kms.role_anchor TO kms_test_friend;

/* Dropping a role. */
SELECT is(pg_temp.complaint('DROP ROLE kms_test_friend'), '2BP01|UnsupportedOperation|role "kms_test_friend" cannot be dropped because it owns keys, secrets or certificates, or holds grants of kms', 'a role that has something is not dropped'),
	   alike(pg_temp.hint('DROP ROLE kms_test_friend'), '%kms_set_owner%kms_revoke%', 'and a hint says what to do');
SELECT kms_revoke(:'key', 'kms_test_friend'), kms_set_owner(:'friends_key', 'kms_test_owner') \g /dev/null
REVOKE EXECUTE ON FUNCTION kms_create_key FROM kms_test_friend;
DROP FUNCTION kms_test_lab.definer, kms_test_lab.invoker;
DROP VIEW kms_test_lab.seen, kms_test_lab.asked;
SELECT is(pg_temp.complaint('DROP ROLE kms_test_friend'), 'fine', 'then it is');

-- ---- bent -----------------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'key', 'kms_test_other', '{Encrypt}') AS bent, kms_grant(:'key', 'kms_test_other', '{Decrypt}') AS good \gset
RESET ROLE;
UPDATE kms.grant_entry SET operations = '{none of ours}' WHERE id = :'bent';
SELECT is(pg_temp.may('kms_test_other', 'Encrypt', 'SELECT kms_encrypt(%L, ''x''::text)', :'key'), 'refused', 'a grant that was changed by hand does not count'),
	   is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_decrypt(%L)', :'blob'), 'fine', 'another one beside it does');
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_other'), 2, 'revoking everything takes away also what names no operation of ours');
SELECT is_empty('SELECT FROM kms.grants', 'so that nothing is left of it');
SELECT kms_grant(:'key', 'kms_test_other', '{Encrypt}') AS bent \gset
RESET ROLE;
UPDATE kms.grant_entry SET operations = '{Encrypt,Decrypt}' WHERE id = :'bent';
SET ROLE kms_test_owner;
SELECT is(kms_revoke(:'key', 'kms_test_other', '{Decrypt}'), 1, 'of one that was bent no part is kept');
SELECT is_empty('SELECT FROM kms.grants', 'it goes as a whole');
RESET ROLE;

-- ---- with the key ---------------------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_grant(:'second', 'kms_test_other', '{*}') \g /dev/null
SELECT kms_schedule_key_deletion(:'second', 7) \g /dev/null
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_encrypt(%L, %L::text)', :'second', 'x'), '55000|Rejected.PendingDeletion', 'a grant on a key that waits for deletion stays'),
	   is((SELECT count(*) FROM kms.grants WHERE resource = :'second'), 1::bigint, 'and is seen');
SELECT is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_cancel_key_deletion(%L), kms_schedule_key_deletion(%1$L, 7)', :'second'), 'fine', 'who was granted it cancels the deletion');
SAVEPOINT doomed;
SELECT kms_test.let_time_pass() \g /dev/null
UPDATE kms.key SET delete_at = clock_timestamp() - interval '1 millisecond' WHERE id = :'second';
SELECT is((SELECT count(*) FROM kms.grants WHERE resource = :'second'), 0::bigint, 'from the delete date on it is not seen'),
	   is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'second', 'kms_test_other', '{*}'), '42704|Forbidden.KeyNotFound', 'nor is there a key to grant on'),
	   is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', :'second', 'kms_test_other'), '42704|Forbidden.KeyNotFound', 'nor to revoke on'),
	   is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_can(%L, %L)', 'Encrypt', :'second'), '42704|Forbidden.KeyNotFound', 'nor to ask for');
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'second'), 'done', 'when the key is erased');
SELECT is_empty(format('SELECT FROM kms.grant_entry WHERE resource = %L', :'second'), 'its grants go with it');
SELECT is(has_table_privilege('kms_test_other', 'kms.role_anchor', 'SELECT'), false, 'and so does the privilege of who had nothing else'),
	   is_empty('SELECT FROM kms_check_integrity() WHERE table_name = ''grant_entry''', 'and no row is left over');
ROLLBACK TO doomed;
SELECT is((SELECT count(*) FROM kms.grants WHERE resource = :'second'), 1::bigint, 'and rolled back they are there again');

SELECT FROM kms_revoke(:'key', 'PUBLIC', array_fill('Encrypt'::text, ARRAY[100000]) || 'Decrypt'::text);
SELECT is((SELECT detail FROM kms.audit_log WHERE seq IS NULL AND operation = 'Revoke' AND resource = :'key' ORDER BY occurred_at DESC LIMIT 1),
		  'from PUBLIC: Encrypt, Decrypt', 'an operation that is named often is recorded once');

SELECT kms_create_key() AS crowded \gset
SELECT count(kms_grant(:'crowded', 'PUBLIC', '{Encrypt}')) FROM generate_series(1, 1000) \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, ''PUBLIC'', ''{Decrypt}'')', :'crowded'), '54000|Rejected.LimitExceeded', 'a thousand and first grant on a key is refused'),
	   is(kms_revoke(:'crowded', 'PUBLIC'), 1000, 'and all are taken away at once');

-- ---- secrets ---------------------------------------------------------------

SELECT kms_revoke(:'second', 'kms_test_other') \g /dev/null
CREATE ROLE kms_test_app LOGIN;
CREATE ROLE kms_test_team;
GRANT kms_test_team TO kms_test_app;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner, kms_test_app;
SET ROLE kms_test_owner;
SELECT arn AS secret_arn FROM kms_create_secret('grant/a', 'v1', 'first'::text) \gset
SELECT kms_create_secret('grant/b', 'v1', 'second'::text) \g /dev/null
SET ROLE kms_test_app;
SELECT kms_create_secret('grant/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "old"}]}'::text, 'Rds',
						 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}') \g /dev/null
RESET ROLE;

/* The operations, and what they come to for who may, with a Generic secret and with the password of a role. */
CREATE TEMP TABLE secret_operation (name text, statement text, generic text DEFAULT 'fine', rds text DEFAULT 'fine');
INSERT INTO secret_operation VALUES
	('GetSecretValue', 'SELECT kms_get_secret_value(%L)'), ('DescribeSecret', 'SELECT kms_describe_secret(%L)'), ('ListSecretVersionIds', 'SELECT kms_list_secret_version_ids(%L)'),
	('TagResource', 'SELECT kms_tag_resource(''{"a": "1"}'', secret_name => %L)'), ('UntagResource', 'SELECT kms_untag_resource(''{a}'', secret_name => %L)'), ('ListResourceTags', 'SELECT kms_list_resource_tags(secret_name => %L)'),
	('UpdateSecret', 'SELECT kms_update_secret(%L, ''new'')'), ('DeleteSecret', 'SELECT kms_delete_secret(%L)');
INSERT INTO secret_operation VALUES
	('PutSecretValue', 'SELECT kms_put_secret_value(%L, ''v2'', ''new''::text)', 'fine', '0A000|Rejected.UnsupportedOperation'),
	('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(%L, ''own'', ''v1'')', 'fine', '0A000|Rejected.UnsupportedOperation'),
	('RestoreSecret', 'SELECT kms_restore_secret(%L)', '55000|Rejected.ResourceInUse', '55000|Rejected.ResourceInUse'),
	('RotateSecret', 'SELECT kms_rotate_secret(%L)', '0A000|Rejected.UnsupportedOperation', 'fine'),
	('UpdateSecretRotationPolicy', 'SELECT kms_update_secret_rotation_policy(%L, false)', '0A000|Rejected.UnsupportedOperation', 'fine');
GRANT SELECT ON secret_operation TO PUBLIC;
/* What a role comes to with it, whatever it does undone; kms_can must agree. */
CREATE FUNCTION pg_temp.tried(role name, secret text, operation secret_operation) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	outcome text = CASE secret WHEN 'grant/rds' THEN operation.rds ELSE operation.generic END;
	called text;
	can boolean;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	can = kms_can(operation.name, 'secret/' || secret);
	called = pg_temp.verdict(operation.statement, secret);
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	IF called NOT IN (outcome, '42501|Forbidden.NoPermission') OR can <> (called = outcome) THEN
		RETURN format('the call: %s, kms_can: %s', called, can);
	END IF;
	RETURN CASE WHEN can THEN 'allowed' ELSE 'refused' END;
END
$$;
/* The operations that a role may do; what is neither allowed nor refused shows. */
CREATE FUNCTION pg_temp.may_with(role name, secret text = 'grant/a') RETURNS text[] LANGUAGE sql AS
$$
	SELECT ARRAY(SELECT name || CASE tried WHEN 'allowed' THEN '' ELSE ': ' || tried END
				   FROM (SELECT o.name, pg_temp.tried(role, secret, o) AS tried FROM secret_operation o) t WHERE tried <> 'refused' ORDER BY name)
$$;
CREATE FUNCTION pg_temp.all_but_secret(VARIADIC names text[] = '{}') RETURNS text[] LANGUAGE sql AS
$$ SELECT ARRAY(SELECT name FROM secret_operation WHERE name <> ALL (names) ORDER BY name) $$;

SELECT is(pg_temp.may_with('kms_test_owner'), pg_temp.all_but_secret(), 'the owner of a secret may do everything with it'),
	   is(pg_temp.may_with('kms_test_other'), '{}'::text[], 'and others nothing'),
	   is(pg_temp.may_with('kms_test_super'), pg_temp.all_but_secret('GetSecretValue'), 'a superuser manages it, and does not read it'),
	   is(pg_temp.may_with('kms_test_app', 'grant/rds'), pg_temp.all_but_secret(), 'so it is with the password of a role'),
	   is(pg_temp.may_with('kms_test_owner', 'grant/rds'), '{}'::text[], 'for the owner of another secret');
CREATE FUNCTION pg_temp.with_one(secret text, operation text) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
	result text[];
BEGIN
	PERFORM kms_grant('secret/' || secret, 'kms_test_other', ARRAY[operation]);
	result = pg_temp.may_with('kms_test_other', secret);
	PERFORM kms_revoke('secret/' || secret, 'kms_test_other', ARRAY[operation]);
	RETURN result;
END
$$;
SELECT is(pg_temp.with_one(secret, name), ARRAY[name], format('a grant of %s on %s allows that and nothing else', name, secret)) FROM secret_operation, unnest('{grant/a,grant/rds}'::text[]) secret ORDER BY name, secret;
SELECT is(pg_temp.may_with('kms_test_other'), '{}'::text[], 'revoked, nothing is left');

/* All at once, some, and parts of them. */
SET ROLE kms_test_owner;
SELECT kms_grant('secret/grant/a', 'kms_test_other', '{*}') AS grant_id \gset
SELECT is((SELECT operations FROM kms.grants WHERE grant_id = :'grant_id'), '{*}', '{*} on a secret is shown as it was given');
RESET ROLE;
SELECT is(pg_temp.may_with('kms_test_other'), pg_temp.all_but_secret(), 'and allows every operation on it'),
	   is(pg_temp.may_with('kms_test_other', 'grant/b'), '{}'::text[], 'and none on another secret of the same owner'),
	   is(pg_temp.may_with('kms_test_stranger'), '{}'::text[], 'nor another role');
SELECT is(pg_temp.verdict_as('kms_test_other', statement), '42501|Forbidden.NoPermission', 'nor ' || what)
  FROM (VALUES ('SELECT kms_grant(''secret/grant/a'', ''kms_test_other'', ''{*}'')', 'granting on it'), ('SELECT kms_revoke(''secret/grant/a'', ''kms_test_other'')', 'revoking'), ('SELECT kms_set_owner(''secret/grant/a'', ''kms_test_other'')', 'becoming its owner')) t (statement, what);
SET ROLE kms_test_other;
SELECT is(kms_can(operation, 'secret/grant/a'), false, 'and kms_can says so of ' || operation) FROM unnest('{Grant,Revoke,SetOwner}'::text[]) operation;
SET ROLE kms_test_owner;
SELECT is(kms_can(operation, 'secret/grant/a'), true, 'the owner may ' || operation) FROM unnest('{Grant,Revoke,SetOwner}'::text[]) operation;
SELECT is(kms_revoke('secret/grant/a', 'kms_test_other', '{GetSecretValue}'), 1, 'from {*} reading can be revoked');
SELECT is((SELECT ARRAY(SELECT o FROM unnest(operations) o ORDER BY o) FROM kms.grants WHERE grant_id = :'grant_id'), pg_temp.all_but_secret('GetSecretValue'), 'then the grant names the others, all of them operations on secrets');
RESET ROLE;
SELECT is(pg_temp.may_with('kms_test_other'), pg_temp.all_but_secret('GetSecretValue'), 'which are still allowed');
SET ROLE kms_test_owner;
SELECT is(kms_revoke('secret/grant/a', 'kms_test_other', pg_temp.all_but_secret()), 1, 'the names of all of them revoke the rest'),
	   is(kms_revoke('secret/grant/a', 'kms_test_other'), 0, 'so that nothing is left to revoke');
SELECT kms_grant('secret/grant/a', 'kms_test_other', '{*}') \g /dev/null
SELECT is(kms_revoke('secret/grant/a', 'kms_test_other', pg_temp.all_but_secret()), 1, 'from {*} they revoke everything');
SELECT is_empty('SELECT FROM kms.grants', 'and no grant is left');

/* By name and by ARN. */
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', resource, 'kms_test_other', '{GetSecretValue,DescribeSecret}'), 'fine', 'a grant on a secret is given by ' || what)
  FROM (VALUES ('secret/grant/a', 'name'), (:'secret_arn', 'ARN')) t (resource, what);
SELECT is((SELECT string_agg(DISTINCT resource, ', ') || count(*) FROM kms_list_grants(resource)), 'secret/grant/a2', 'grants are listed by ' || what),
	   is(kms_can('GetSecretValue', resource), true, 'asked for by ' || what),
	   is(pg_temp.verdict('SELECT kms_set_owner(%L, %L)', resource, 'kms_test_owner'), 'fine', 'a secret is given away by ' || what)
  FROM (VALUES ('secret/grant/a', 'name'), (:'secret_arn', 'ARN')) t (resource, what);
SELECT is(kms_revoke(:'secret_arn', 'kms_test_other', '{GetSecretValue}'), 2, 'and revoked by ARN');
SELECT is(pg_temp.verdict('SELECT kms_list_grants(%L)', 'grant/a'), '22023|InvalidParameter', 'without secret/ a name names nothing');
RESET ROLE;

/* What is no grant on a secret. */
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', 'secret/grant/a', 'kms_test_stranger', operations), '22023|InvalidParameter', 'no grant on a secret of ' || what),
	   is(pg_temp.verdict('SELECT kms_revoke(%L, %L, %L)', 'secret/grant/a', 'kms_test_stranger', operations), '22023|InvalidParameter', 'nor is it revoked')
  FROM (VALUES ('{Decrypt}', 'an operation on keys'), ('{GetSecretValue,DescribeKey}', 'one beside its own'), ('{CreateSecret}', 'an operation on no secret'), ('{ListSecrets}', 'a list'), ('{GetRandomPassword}', 'a password'),
			   ('{SecretRotation}', 'a worker''s job'), ('{Grant}', 'granting'), ('{getsecretvalue}', 'small letters'), ('{}', 'nothing'), ('{*,GetSecretValue}', '* beside a name')) t (operations, what);
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, ARRAY[%L])', :'key', 'kms_test_stranger', name), '22023|InvalidParameter', 'no grant on a key of ' || name),
	   is(pg_temp.verdict('SELECT kms_can(%L, %L)', name, :'key'), '22023|InvalidParameter', 'nor may one ask for it') FROM secret_operation WHERE name NOT IN (SELECT name FROM operation) ORDER BY name;
SELECT is((SELECT string_agg(name, ', ' ORDER BY name) FROM operation WHERE pg_temp.verdict('SELECT kms_can(%L, %L)', name, 'secret/grant/a') <> '22023|InvalidParameter'), 'ListResourceTags, TagResource, UntagResource', 'nor, of a secret, for an operation on keys, but for those that are on both');
SELECT is(pg_temp.verdict('SELECT kms_can(%L, %L)', operation, 'secret/grant/a'), '22023|InvalidParameter', 'nor for ' || operation) FROM unnest('{CreateSecret,ListSecrets,ListGrants,*}'::text[]) operation;
SELECT is(pg_temp.complaint('SELECT kms_grant(%L, %L, %L, %L)', 'secret/grant/a', 'kms_test_stranger', '{GetSecretValue}', '{"a": "1"}'), '22023|InvalidParameter|invalid value for encryption_context: a call with a secret or certificate has no context', 'a grant on a secret has no encryption context'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L, %L)', 'secret/grant/b', 'kms_test_stranger', '{GetSecretValue}', '{}'), 'fine', 'but an empty one, which is none'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L, NULL, %L)', 'secret/grant/a', 'kms_test_stranger', '{GetSecretValue}', '2000-01-01'), '22023|InvalidParameter', 'nor does it expire in the past'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', 'secret/grant/a', 'kms_test_nobody', '{GetSecretValue}'), '42704|InvalidParameter', 'nor is it given to nobody');
SELECT is(kms_revoke('secret/grant/b', 'kms_test_stranger'), 1, 'that one is taken away');
RESET ROLE;

/* Lists. */
SET ROLE kms_test_owner;
SELECT kms_grant('secret/grant/b', 'kms_test_stranger', '{GetSecretValue}', expires_at => '2100-01-01 00:00+00'), kms_grant(:'key', 'kms_test_stranger', '{Encrypt}') \g /dev/null
SELECT results_eq(list, $$VALUES ('key', current_setting('test.listed'), 'kms_test_stranger', '{Encrypt}'::text[], NULL::jsonb, NULL::timestamptz, 'kms_test_owner'),
	('secret', 'secret/grant/a', 'kms_test_other', '{DescribeSecret}', NULL, NULL, 'kms_test_owner'), ('secret', 'secret/grant/a', 'kms_test_other', '{DescribeSecret}', NULL, NULL, 'kms_test_owner'),
	('secret', 'secret/grant/b', 'kms_test_stranger', '{GetSecretValue}', NULL, '2100-01-01 00:00+00', 'kms_test_owner')$$, what || ' shows the grants on keys and secrets')
  FROM (VALUES ('SELECT resource_type, resource, grantee, operations, encryption_context, expires_at, grantor FROM kms.grants ORDER BY resource_type, resource', 'the view'),
			   ('SELECT resource_type, resource, grantee, operations, encryption_context, expires_at, grantor FROM kms_list_grants() ORDER BY resource_type, resource', 'the list')) t (list, what),
	   set_config('test.listed', :'key', true);
SELECT is((SELECT count(*) FROM kms_list_grants('secret/grant/b')), 1::bigint, 'or the list those on one secret'),
	   is((SELECT count(*) FROM kms_list_grants(:'key')), 1::bigint, 'or on one key'),
	   is((SELECT count(*) FROM kms.grants WHERE resource = 'secret/grant/a'), 2::bigint, 'as the view does with a condition');
SET ROLE kms_test_other;
SELECT is((SELECT string_agg(DISTINCT resource, ' ') FROM kms.grants), 'secret/grant/a', 'who may describe a secret sees the grants on it'),
	   is((SELECT count(*) FROM kms_list_grants('secret/grant/a')), 2::bigint, 'and lists them');
SET ROLE kms_test_stranger;
SELECT is_empty('SELECT FROM kms.grants', 'who may only read it does not'),
	   is(pg_temp.verdict('SELECT kms_list_grants(%L)', 'secret/grant/b'), '42501|Forbidden.NoPermission', 'and is refused the list'),
	   is(pg_temp.complaint('SELECT * FROM kms.grants WHERE kms_test_lab.leak(resource)'), 'fine', 'a cheap function is shown nothing of it');
SET ROLE kms_test_super;
SELECT is((SELECT count(*) FROM kms.grants WHERE resource_type = 'secret'), 3::bigint, 'a superuser sees all');
RESET ROLE;
SELECT kms_revoke('secret/grant/a', 'kms_test_other'), kms_revoke('secret/grant/b', 'kms_test_stranger'), kms_revoke(:'key', 'kms_test_stranger') \g /dev/null

/* Everybody, members, time, what is undone or bent. */
SET ROLE kms_test_owner;
SELECT kms_grant('secret/grant/a', 'PUBLIC', '{GetSecretValue}') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.may_with(role), '{GetSecretValue}'::text[], 'what is granted to PUBLIC ' || role || ' may') FROM unnest('{kms_test_stranger,PUBLIC,kms_test_team}'::name[]) role;
SELECT is(pg_temp.may_with('kms_test_super'), pg_temp.all_but_secret(), 'a superuser, too');
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', 'secret/grant/a', 'PUBLIC'), 'fine', 'revoked from PUBLIC'),
	   is(pg_temp.may_with('kms_test_stranger'), '{}'::text[], 'it is nobody''s');
SELECT is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', 'secret/grant/a', 'kms_test_team', '{GetSecretValue,PutSecretValue}'), 'fine', 'a grant to a group'),
	   is(pg_temp.may_with('kms_test_app'), '{GetSecretValue,PutSecretValue}'::text[], 'is its members''');
REVOKE kms_test_team FROM kms_test_app;
SELECT is(pg_temp.may_with('kms_test_app'), '{}'::text[], 'for as long as they are');
GRANT kms_test_team TO kms_test_app;
SELECT pg_temp.inherits('kms_test_app', false) \g /dev/null
SELECT is(pg_temp.may_with('kms_test_app'), '{}'::text[], 'and inherit');
SELECT pg_temp.inherits('kms_test_app', true) \g /dev/null
SAVEPOINT undone;
SELECT is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', 'secret/grant/a', 'kms_test_team'), 'fine', 'revoked in a savepoint'),
	   is(pg_temp.may_with('kms_test_app'), '{}'::text[], 'it does not count');
ROLLBACK TO undone;
SELECT is(pg_temp.may_with('kms_test_app'), '{GetSecretValue,PutSecretValue}'::text[], 'and rolled back it does again');
UPDATE kms.grant_entry SET operations = '{GetSecretValue}' WHERE grantee_name = 'kms_test_team';
SELECT is(pg_temp.may_with('kms_test_app'), '{}'::text[], 'changed by hand it does not count'),
	   is(kms_revoke('secret/grant/a', 'kms_test_team', '{PutSecretValue}'), 0, 'of what it does not name'),
	   is(kms_revoke('secret/grant/a', 'kms_test_team', '{GetSecretValue}'), 1, 'nothing is taken away, and what it names with all of it');
SET ROLE kms_test_owner;
SELECT kms_grant('secret/grant/a', 'kms_test_other', '{GetSecretValue}', expires_at => clock_timestamp() + interval '500 milliseconds') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_get_secret_value(%L)', 'grant/a'), 'fine', 'a grant for half a second counts in it');
SELECT pg_sleep(0.6) \g /dev/null
SELECT is(pg_temp.may_with('kms_test_other'), '{}'::text[], 'and no more after it');
SELECT kms_revoke('secret/grant/a', 'kms_test_other') \g /dev/null

/* Owners. */
SET ROLE kms_test_owner;
SELECT kms_grant('secret/grant/b', 'kms_test_stranger', '{GetSecretValue}') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_set_owner(%L, %L)', 'secret/grant/b', 'kms_test_other'), 'fine', 'an owner gives a Generic secret to anybody');
RESET ROLE;
SELECT is(pg_temp.may_with('kms_test_other', 'grant/b'), pg_temp.all_but_secret(), 'who may do everything with it'),
	   is(pg_temp.may_with('kms_test_owner', 'grant/b'), '{}'::text[], 'and the former owner nothing'),
	   is(pg_temp.may_with('kms_test_stranger', 'grant/b'), '{GetSecretValue}'::text[], 'grants stay'),
	   is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', 'secret/grant/b', 'kms_test_owner'), '42501|Forbidden.NoPermission', 'it does not take the secret back');
SET ROLE kms_test_other;
SELECT is((kms_get_secret_value('grant/b')).secret_data, 'second', 'the new owner reads what was stored before'),
	   is((SELECT creator FROM kms.secrets WHERE secret_name = 'grant/b'), 'kms_test_other', 'and is shown');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/b', 'kms_test_owner'), 'fine', 'a superuser gives it to anybody'),
	   is(pg_temp.may_with('kms_test_owner', 'grant/b'), pg_temp.all_but_secret(), 'who then has it');
SELECT is(pg_temp.complaint('SELECT kms_set_owner(%L, %L)', 'secret/grant/b', 'kms_test_nobody'), '42704|InvalidParameter|invalid value for new_owner: role "kms_test_nobody" does not exist', 'but not to nobody');

/* Rotation acts with the owner's rights: nobody lends those of another. */
SELECT is(pg_temp.complaint('SET LOCAL ROLE kms_test_app; SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', role), '42501|Forbidden.NoPermission|permission denied to let role "' || role || '" change passwords', 'the owner of a role''s password does not give it to ' || what)
  FROM (VALUES ('kms_test_owner', 'another role'), ('kms_test_super', 'a superuser'), ('pg_read_all_data', 'a role of PostgreSQL''s own')) t (role, what);
SELECT is(pg_temp.hint('SET LOCAL ROLE kms_test_app; SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_super'), 'A secret that keeps the password of a role can be given to a role of which one is a member.', 'and a hint says to whom');
SELECT is(pg_temp.verdict_as('kms_test_app', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_app'), 'fine', 'it gives it to itself'),
	   is(pg_temp.verdict_as('kms_test_app', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_team'), 'fine', 'or to a group of which it is a member'),
	   is(pg_temp.verdict_as('kms_test_app', 'SELECT kms_rotate_secret(%L)', 'grant/rds'), '42501|Forbidden.NoPermission', 'which, having no right on the role, does not rotate it');
SELECT pg_temp.inherits('kms_test_app', false) \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_app'), 'fine', 'a superuser gives it back'),
	   is(pg_temp.verdict_as('kms_test_app', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_team'), '42501|Forbidden.NoPermission', 'a member that does not inherit does not give it to the group');
SELECT pg_temp.inherits('kms_test_app', true) \g /dev/null
CREATE ROLE kms_test_dba NOINHERIT CREATEROLE;
GRANT kms_test_app TO kms_test_dba WITH ADMIN OPTION;
SELECT is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_dba'), 'fine', 'a superuser gives it to whom he likes'),
	   is(pg_temp.verdict_as('kms_test_dba', 'SELECT kms_rotate_secret(%L)', 'grant/rds'), 'fine', 'and who may alter the role rotates it');
SELECT is(pg_temp.verdict_as('kms_test_dba', 'SELECT kms_grant(%L, %L, %L)', 'secret/grant/rds', 'kms_test_stranger', '{RotateSecret}'), 'fine', 'rotating is granted'),
	   is(pg_temp.may_with('kms_test_stranger', 'grant/rds'), '{RotateSecret}'::text[], 'to a role that may not alter the other itself, nor reads the password');
SELECT kms_set_owner('secret/grant/rds', 'kms_test_app'), kms_revoke('secret/grant/rds', 'kms_test_stranger') \g /dev/null

/* Roles that have something, and then have not. */
SELECT is(has_table_privilege('kms_test_dba', 'kms.role_anchor', 'SELECT'), false, 'who owns no secret any more has lost the privilege on the anchor'),
	   is(has_table_privilege('kms_test_app', 'kms.role_anchor', 'SELECT'), true, 'who owns one has it'),
	   is(pg_temp.verdict('DROP ROLE kms_test_dba'), 'fine', 'so that the one can be dropped'),
	   is(pg_temp.verdict('REVOKE EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) FROM kms_test_app; DROP ROLE kms_test_app'), '2BP01|UnsupportedOperation', 'and the other cannot');
SELECT alike(pg_temp.hint('REVOKE EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) FROM kms_test_app; DROP ROLE kms_test_app'), '%secrets%kms_set_owner%kms.secrets%', 'a hint says that it owns secrets');
SAVEPOINT owned;
DROP OWNED BY kms_test_app;
SELECT is(pg_temp.may_with('kms_test_app', 'grant/rds'), '{}'::text[], 'after DROP OWNED BY a role its secrets are nobody''s'),
	   is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_rotate_secret(%L)', 'grant/rds'), '42501|Forbidden.NoPermission', 'and do not rotate'),
	   is(pg_temp.complaint('SELECT kms_grant(%L, %L, %L)', 'secret/grant/a', 'kms_test_app', '{GetSecretValue}'), '55000|UnsupportedOperation|role "kms_test_app" has lost its keys and grants, and would get them back', 'nor does it get them back with a grant'),
	   is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_set_owner(%L, %L)', 'secret/grant/rds', 'kms_test_owner'), 'fine', 'a superuser gives them to another'),
	   is(pg_temp.verdict('DROP ROLE kms_test_app'), 'fine', 'and the role can be dropped');
ROLLBACK TO owned;
SELECT is(pg_temp.verdict_as('kms_test_app', 'SELECT kms_delete_secret(%L, true)', 'grant/rds'), 'fine', 'a secret that is deleted at once'),
	   is(has_table_privilege('kms_test_app', 'kms.role_anchor', 'SELECT'), false, 'leaves its owner without the privilege'),
	   is(pg_temp.verdict('REVOKE EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) FROM kms_test_app; DROP ROLE kms_test_app'), 'fine', 'and free to be dropped');

/* With the secret. */
SET ROLE kms_test_owner;
SELECT kms_grant('secret/grant/a', 'kms_test_other', '{*}'), kms_delete_secret('grant/a') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L), kms_revoke(%1$L, %2$L)', 'secret/grant/a', 'kms_test_stranger', '{GetSecretValue}'), 'fine', 'on a secret that waits for its deletion grants are given and taken');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_get_secret_value(%L)', 'grant/a'), '55000|Rejected.ResourceInDeleteWindow', 'and stay'),
	   is((SELECT count(*) FROM kms.grants WHERE resource = 'secret/grant/a'), 1::bigint, 'and are seen'),
	   is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_restore_secret(%1$L), kms_delete_secret(%1$L, false, 7)', 'grant/a'), 'fine', 'who was granted it restores it');
SELECT kms_test.let_time_pass() \g /dev/null
UPDATE kms.secret SET delete_at = clock_timestamp() - interval '1 millisecond' WHERE name = 'grant/a';
SELECT is((SELECT count(*) FROM kms.grants WHERE resource_type = 'secret' AND resource = 'secret/grant/a'), 0::bigint, 'from the delete date on its grants are not seen'),
	   is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', 'secret/grant/a', 'kms_test_other', '{*}'), '42704|Forbidden.ResourceNotFound', 'nor is there a secret to grant on'),
	   is(pg_temp.as_owner('SELECT kms_revoke(%L, %L)', 'secret/grant/a', 'kms_test_other'), '42704|Forbidden.ResourceNotFound', 'nor to revoke on'),
	   is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', 'secret/grant/a', 'kms_test_other'), '42704|Forbidden.ResourceNotFound', 'nor to give away'),
	   is(pg_temp.verdict_as('kms_test_other', 'SELECT kms_can(%L, %L)', 'GetSecretValue', 'secret/grant/a'), '42704|Forbidden.ResourceNotFound', 'nor to ask for');
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE job = 'SecretDeletion'), 'done', 'when it is erased');
SELECT is_empty('SELECT FROM kms.grant_entry WHERE resource_type = ''secret'' AND grantee_name = ''kms_test_other''', 'they go with it'),
	   is(has_table_privilege('kms_test_other', 'kms.role_anchor', 'SELECT'), false, 'and so does the privilege of who had nothing else'),
	   is_empty('SELECT FROM kms_check_integrity() WHERE table_name ~ ''^(grant_entry|secret)''', 'and no row is left over');
SET ROLE kms_test_owner;
SELECT kms_create_secret('grant/a', 'v1', 'of another kind'::text) \g /dev/null
RESET ROLE;
SELECT is(pg_temp.may_with('kms_test_other'), '{}'::text[], 'a new secret of the name has none of them');
SELECT count(kms_grant('secret/grant/a', 'PUBLIC', '{GetSecretValue}')) FROM generate_series(1, 1000) \g /dev/null
SELECT is(pg_temp.complaint('SELECT kms_grant(%L, ''PUBLIC'', ''{DescribeSecret}'')', 'secret/grant/a'), '54000|Rejected.LimitExceeded|secret "grant/a" has 1000 grants', 'a thousand and first grant on a secret is refused'),
	   is(kms_revoke('secret/grant/a', 'PUBLIC'), 1000, 'and all are taken away at once');

-- ---- certificates -----------------------------------------------------------

GRANT EXECUTE ON FUNCTION kms_create_certificate TO kms_test_owner;
SET ROLE kms_test_owner;
SELECT certificate_id AS certificate, arn AS certificate_arn, csr FROM kms_create_certificate('RSA_2048', 'CN=grant') \gset
SELECT certificate_id AS another, csr AS another_csr FROM kms_create_certificate('RSA_2048', 'CN=grant') \gset
RESET ROLE;
SELECT pg_temp.issue(:'csr') AS issued, pg_temp.issue(:'another_csr') AS another_issued \gset
SET ROLE kms_test_owner;
SELECT kms_upload_certificate(:'certificate', :'issued'), kms_upload_certificate(:'another', :'another_issued') \g /dev/null
RESET ROLE;
\set resource certificate/:certificate
CREATE TEMP TABLE certificate_operation (name text, statement text, is_use boolean);
INSERT INTO certificate_operation VALUES
	('CertificatePrivateKeySign', 'SELECT kms_certificate_private_key_sign(%L, ''RSA_PSS_SHA_256'', ''x'')', true),
	('CertificatePublicKeyVerify', 'SELECT kms_certificate_public_key_verify(%L, ''RSA_PSS_SHA_256'', ''x'', ''x'')', true),
	('CertificatePublicKeyEncrypt', 'SELECT kms_certificate_public_key_encrypt(%L, ''RSAES_OAEP_SHA_256'', ''x'')', true),
	('CertificatePrivateKeyDecrypt', 'SELECT pg_temp.decrypt(%L)', true),
	('ExportCertificate', 'SELECT kms_export_certificate(%L, ''x'')', true),
	('DescribeCertificate', 'SELECT kms_describe_certificate(%L)', false), ('GetCertificate', 'SELECT kms_get_certificate(%L)', false),
	('UploadCertificate', format('SELECT kms_upload_certificate(%%L, CASE %%1$L WHEN %L THEN %L ELSE %L END)', :'certificate', :'issued', :'another_issued'), false),
	('UpdateCertificateStatus', 'SELECT kms_update_certificate_status(%L, ''INACTIVE'')', false), ('DeleteCertificate', 'SELECT kms_delete_certificate(%L)', false),
	('TagResource', 'SELECT kms_tag_resource(''{"a": "1"}'', certificate_id => %L)', false), ('UntagResource', 'SELECT kms_untag_resource(''{a}'', certificate_id => %L)', false),
	('ListResourceTags', 'SELECT kms_list_resource_tags(certificate_id => %L)', false);
GRANT SELECT ON certificate_operation TO PUBLIC;
CREATE TEMP TABLE sent (certificate text, blob bytea);
GRANT SELECT ON sent TO PUBLIC;
SET ROLE kms_test_owner;
SELECT kms_certificate_public_key_encrypt(:'certificate', 'RSAES_OAEP_SHA_256', 'x') AS blob, kms_certificate_public_key_encrypt(:'another', 'RSAES_OAEP_SHA_256', 'x') AS another_blob \gset
RESET ROLE;
INSERT INTO sent VALUES (:'certificate', :'blob'), (:'another', :'another_blob');
CREATE FUNCTION pg_temp.decrypt(id text) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RETURN kms_certificate_private_key_decrypt(id, 'RSAES_OAEP_SHA_256', (SELECT blob FROM sent WHERE certificate = id)); END $$;
/* The operations that a role may do, each of them undone; kms_can must agree, or it shows. */
CREATE FUNCTION pg_temp.may_certify(role name, certificate text) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
	operation certificate_operation;
	called text;
	can boolean;
	allowed text[] = '{}';
BEGIN
	FOR operation IN SELECT * FROM certificate_operation ORDER BY name LOOP
		BEGIN
			EXECUTE format('SET LOCAL ROLE %I', role);
			can = kms_can(operation.name, 'certificate/' || certificate);
			called = pg_temp.verdict(operation.statement, certificate);
			RAISE EXCEPTION USING ERRCODE = 'KT001';
		EXCEPTION WHEN SQLSTATE 'KT001' THEN
			IF called NOT IN ('fine', '42501|Forbidden.NoPermission') OR can <> (called = 'fine') THEN
				allowed = allowed || format('%s: %s, kms_can: %s', operation.name, called, can);
			ELSIF can THEN
				allowed = allowed || operation.name;
			END IF;
		END;
	END LOOP;
	RETURN allowed;
END
$$;
CREATE FUNCTION pg_temp.all_of_certificates(VARIADIC but text[] = '{}') RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY(SELECT name FROM certificate_operation WHERE name <> ALL (but) ORDER BY name) $$;

SELECT is(pg_temp.may_certify('kms_test_owner', :'certificate'), pg_temp.all_of_certificates(), 'the owner of a certificate may do everything with it'),
	   is(pg_temp.may_certify('kms_test_other', :'certificate'), '{}'::text[], 'and others nothing'),
	   is(pg_temp.may_certify('kms_test_super', :'certificate'), ARRAY(SELECT name FROM certificate_operation WHERE NOT is_use ORDER BY name), 'a superuser manages it, and does not use its key');
CREATE FUNCTION pg_temp.certifies_with(certificate text, operation text) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
	result text[];
BEGIN
	SET LOCAL ROLE kms_test_owner;
	PERFORM kms_grant('certificate/' || certificate, 'kms_test_other', ARRAY[operation]);
	RESET ROLE;
	result = pg_temp.may_certify('kms_test_other', certificate);
	SET LOCAL ROLE kms_test_owner;
	PERFORM kms_revoke('certificate/' || certificate, 'kms_test_other', ARRAY[operation]);
	RESET ROLE;
	RETURN result;
END
$$;
SELECT is(pg_temp.certifies_with(:'certificate', name), ARRAY[name], format('a grant of %s on a certificate allows that and nothing else', name)) FROM certificate_operation ORDER BY name;
SELECT is(pg_temp.may_certify('kms_test_other', :'certificate'), '{}'::text[], 'and revoked nothing is left of it');
SET ROLE kms_test_owner;
SELECT kms_grant(:'resource', 'kms_test_other', '{*}') AS grant_id \gset
RESET ROLE;
SELECT is(pg_temp.may_certify('kms_test_other', :'certificate'), pg_temp.all_of_certificates(), '{*} on a certificate allows every operation on it'),
	   is(pg_temp.may_certify('kms_test_other', :'another'), '{}'::text[], 'and none on another of the same owner');
SET ROLE kms_test_other;
SELECT is(pg_temp.verdict(statement, :'resource'), '42501|Forbidden.NoPermission', 'nor ' || what)
  FROM (VALUES ('SELECT kms_grant(%L, ''kms_test_other'', ''{*}'')', 'granting on it'), ('SELECT kms_revoke(%L, ''kms_test_other'')', 'revoking'), ('SELECT kms_set_owner(%L, ''kms_test_other'')', 'becoming its owner')) t (statement, what);
SELECT is(kms_can(operation, :'resource'), false, 'and kms_can says so of ' || operation) FROM unnest('{Grant,Revoke,SetOwner}'::text[]) operation;
SET ROLE kms_test_owner;
SELECT is(kms_can(operation, :'resource'), true, 'the owner may ' || operation) FROM unnest('{Grant,Revoke,SetOwner}'::text[]) operation;
SELECT is(kms_revoke(:'certificate_arn', 'kms_test_other', '{ExportCertificate}'), 1, 'from {*}, by ARN, exporting can be revoked');
SELECT is((SELECT ARRAY(SELECT o FROM unnest(operations) o ORDER BY o) FROM kms.grants WHERE grant_id = :'grant_id'), pg_temp.all_of_certificates('ExportCertificate'), 'then the grant names the others, all of them operations on certificates');
RESET ROLE;
SELECT is(pg_temp.may_certify('kms_test_other', :'certificate'), pg_temp.all_of_certificates('ExportCertificate'), 'which are still allowed');

/* What is no grant on a certificate, and what a certificate's are no grants on. */
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', :'resource', 'kms_test_stranger', operations), '22023|InvalidParameter', 'no grant on a certificate of ' || what),
	   is(pg_temp.verdict('SELECT kms_revoke(%L, %L, %L)', :'resource', 'kms_test_stranger', operations), '22023|InvalidParameter', 'nor is it revoked')
  FROM (VALUES ('{Decrypt}', 'an operation on keys'), ('{AsymmetricSign}', 'signing with a key'), ('{GetSecretValue}', 'an operation on secrets'), ('{GetCertificate,DescribeKey}', 'one beside its own'), ('{CreateCertificate}', 'an operation on no certificate'),
			   ('{ListCertificates}', 'a list'), ('{CertificateExpiry}', 'a worker''s job'), ('{Grant}', 'granting'), ('{getcertificate}', 'small letters'), ('{}', 'nothing'), ('{*,GetCertificate}', '* beside a name')) t (operations, what);
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', resource, 'kms_test_stranger', ARRAY[name]::text), '22023|InvalidParameter', format('nor is %s granted on %s', name, what)),
	   is(pg_temp.verdict('SELECT kms_can(%L, %L)', name, resource), '22023|InvalidParameter', 'nor may one ask for it')
  FROM certificate_operation, (VALUES (:'key', 'a key'), ('secret/grant/a', 'a secret')) r (resource, what) WHERE name !~ 'Resource' ORDER BY name, what;
SELECT is((SELECT string_agg(name, ', ' ORDER BY name) FROM (SELECT name FROM operation UNION SELECT name FROM secret_operation) o WHERE pg_temp.verdict('SELECT kms_can(%L, %L)', name, :'resource') <> '22023|InvalidParameter'), 'ListResourceTags, TagResource, UntagResource',
		  'of a certificate one asks for no operation on keys and secrets, but for those that are on all');
SELECT is(pg_temp.complaint('SELECT kms_grant(%L, %L, %L, %L)', :'resource', 'kms_test_stranger', '{GetCertificate}', '{"a": "1"}'), '22023|InvalidParameter|invalid value for encryption_context: a call with a secret or certificate has no context', 'a grant on a certificate has no encryption context'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L, NULL, %L)', :'resource', 'kms_test_stranger', '{GetCertificate}', '2000-01-01'), '22023|InvalidParameter', 'nor does it expire in the past'),
	   is(pg_temp.verdict('SELECT kms_grant(%L, %L, %L)', :'resource', 'kms_test_nobody', '{GetCertificate}'), '42704|InvalidParameter', 'nor is it given to nobody');

/* Who sees them. */
SELECT kms_grant(:'resource', 'kms_test_stranger', '{CertificatePublicKeyVerify}', expires_at => '2100-01-01 00:00+00') \g /dev/null
SELECT is((SELECT string_agg(concat_ws(' ', resource_type, resource = :'resource', grantee, expires_at IS NULL), ', ' ORDER BY grantee) FROM kms.grants WHERE resource_type = 'certificate'), 'certificate t kms_test_other t, certificate t kms_test_stranger f', 'the owner sees the grants on a certificate'),
	   is((SELECT count(*) FROM kms_list_grants(:'certificate_arn')), 2::bigint, 'and lists them, by ARN'), is((SELECT count(*) FROM kms_list_grants(:'resource')), 2::bigint, 'and by id');
SET ROLE kms_test_stranger;
SELECT is_empty('SELECT FROM kms.grants', 'who may not describe it does not'), is(pg_temp.verdict('SELECT kms_list_grants(%L)', :'resource'), '42501|Forbidden.NoPermission', 'and is refused the list'),
	   is(kms_can('CertificatePublicKeyVerify', :'resource'), true, 'but asks what it may itself');
RESET ROLE;

/* Owners. */
SELECT is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', :'resource', 'kms_test_other'), 'fine', 'an owner gives a certificate to anybody'),
	   is(pg_temp.may_certify('kms_test_other', :'certificate'), pg_temp.all_of_certificates(), 'who may do everything with it'),
	   is(pg_temp.may_certify('kms_test_owner', :'certificate'), '{}'::text[], 'and the former owner nothing'),
	   is(pg_temp.may_certify('kms_test_stranger', :'certificate'), '{CertificatePublicKeyVerify}'::text[], 'grants stay'),
	   is(pg_temp.as_owner('SELECT kms_set_owner(%L, %L)', :'resource', 'kms_test_owner'), '42501|Forbidden.NoPermission', 'it does not take the certificate back'),
	   is(pg_temp.complaint('SELECT kms_set_owner(%L, %L)', :'resource', 'kms_test_nobody'), '42704|InvalidParameter|invalid value for new_owner: role "kms_test_nobody" does not exist', 'nobody is no owner');
SELECT is((SELECT creator FROM kms.certificates WHERE certificate_id = :'certificate'), 'kms_test_other', 'the new owner is shown');
ALTER ROLE kms_test_other RENAME TO kms_test_renamed;
SELECT is(pg_temp.may_certify('kms_test_renamed', :'certificate'), pg_temp.all_of_certificates(), 'renamed, it still owns it'),
	   is((SELECT creator FROM kms.certificates WHERE certificate_id = :'certificate'), 'kms_test_renamed', 'and is shown with its new name');
SELECT kms_run_jobs() \g /dev/null
SELECT is((SELECT owner_name FROM kms.certificate WHERE id = :'certificate'), 'kms_test_renamed', 'which the workers write into the row'),
	   is(pg_temp.may_certify('kms_test_renamed', :'certificate'), pg_temp.all_of_certificates(), 'which is intact'),
	   is_empty('SELECT FROM kms_check_integrity() WHERE table_name IN (''certificate'', ''grant_entry'')', 'as the check says');
SELECT is(pg_temp.verdict('DROP ROLE kms_test_renamed'), '2BP01|UnsupportedOperation', 'a role that owns a certificate is not dropped'), alike(pg_temp.hint('DROP ROLE kms_test_renamed'), '%certificates%kms_set_owner%kms.certificates%', 'and a hint says what to do');
SELECT kms_revoke(:'resource', 'kms_test_renamed') \g /dev/null
SAVEPOINT owned;
DROP OWNED BY kms_test_renamed;
SELECT is(pg_temp.may_certify('kms_test_renamed', :'certificate'), '{}'::text[], 'after DROP OWNED BY a role its certificates are nobody''s'),
	   is(pg_temp.may_certify('kms_test_stranger', :'certificate'), '{CertificatePublicKeyVerify}'::text[], 'the grants on them stay');
SELECT is((SELECT creator FROM kms.certificates WHERE certificate_id = :'certificate'), 'kms_test_renamed', 'and whose they were is shown'),
	   is(pg_temp.verdict_as('kms_test_super', 'SELECT kms_set_owner(%L, %L)', :'resource', 'kms_test_owner'), 'fine', 'a superuser gives them to another'),
	   is(pg_temp.may_certify('kms_test_owner', :'certificate'), pg_temp.all_of_certificates(), 'who has them then'),
	   is(pg_temp.verdict('DROP ROLE kms_test_renamed'), 'fine', 'and the role can be dropped');
ROLLBACK TO owned;
SELECT is(pg_temp.verdict_as('kms_test_renamed', 'SELECT kms_delete_certificate(%L)', :'certificate'), 'fine', 'a certificate that is deleted'),
	   is(has_table_privilege('kms_test_renamed', 'kms.role_anchor', 'SELECT'), false, 'leaves its owner without the privilege on the anchor'),
	   is_empty('SELECT FROM kms.grant_entry WHERE resource_type = ''certificate''', 'the grants on it go with it'),
	   is(pg_temp.as_owner('SELECT kms_grant(%L, %L, %L)', :'resource', 'kms_test_stranger', '{*}'), '42704|Certificate.NotFound', 'and nothing is granted on it any more'),
	   is_empty('SELECT FROM kms_check_integrity() WHERE table_name IN (''certificate'', ''grant_entry'')', 'no row is left over'),
	   is(pg_temp.verdict('DROP ROLE kms_test_renamed'), 'fine', 'and who owned it can be dropped');
SET ROLE kms_test_owner;
SELECT count(kms_grant('certificate/' || :'another', 'PUBLIC', '{GetCertificate}')) FROM generate_series(1, 1000) \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, ''PUBLIC'', ''{DescribeCertificate}'')', 'certificate/' || :'another'), '54000|Rejected.LimitExceeded', 'a thousand and first grant on a certificate is refused'),
	   is(kms_revoke('certificate/' || :'another', 'PUBLIC'), 1000, 'and all are taken away at once');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
