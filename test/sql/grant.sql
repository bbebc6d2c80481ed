-- Grants: kms_grant, kms_revoke, kms_list_grants, kms_can, kms_set_owner and the view kms.grants.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(439);

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
	'AsymmetricDecrypt', 'GetPublicKey', 'GenerateMac', 'VerifyMac']) AS name;
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
	   is(kms_revoke(:'key', 'kms_test_friend', '{*}'), 32, 'and {*} revokes them all, each a grant of its own');
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
SELECT is((SELECT operations @> '{Encrypt,DescribeKey}' AND NOT operations && '{*,Decrypt}' FROM kms.grants WHERE grant_id = :'grant_id'), true,
		  'then the same grant names the others');
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
			   ('{Grant}', 'granting'), ('{Revoke}', 'revoking'), ('{SetOwner}', 'owning'), ('{TagResource}', 'an operation that there is not yet')) t (operations, what);
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
						('secret/name', '42704|Forbidden.ResourceNotFound', 'a secret'), ('certificate/00000000-0000-4000-8000-000000000000', '42704|Forbidden.ResourceNotFound', 'a certificate'),
						('', '22023|InvalidParameter', 'nothing'), ('*', '22023|InvalidParameter', 'everything'), ('key', '22023|InvalidParameter', 'a word')) r (resource, verdict, what);
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
ALTER ROLE kms_test_member NOINHERIT;
SELECT is(pg_temp.may_encrypt('kms_test_member', :'key'), 'refused', 'nor one that inherits no more'),
	   is(pg_temp.may_encrypt('kms_test_grandchild', :'key'), 'refused', 'nor who came by it');
ALTER ROLE kms_test_member INHERIT;
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
SELECT is(pg_temp.complaint('DROP ROLE kms_test_friend'), '2BP01|UnsupportedOperation|role "kms_test_friend" cannot be dropped because it owns keys or holds grants of kms', 'a role that has something is not dropped'),
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

SELECT * FROM finish();
ROLLBACK;
