-- Secrets: their life from creation to deletion, who may do what with them, and the keys that they are encrypted under.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(1102);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_member IN ROLE kms_test_owner;
CREATE ROLE kms_test_friend;
CREATE ROLE kms_test_stranger;
CREATE ROLE kms_test_super SUPERUSER;
CREATE ROLE kms_test_reader IN ROLE pg_read_all_data;
CREATE ROLE kms_test_writer IN ROLE pg_read_all_data, pg_write_all_data;
CREATE ROLE kms_test_app LOGIN;
CREATE ROLE kms_test_app_2 LOGIN;
CREATE ROLE kms_test_app_3 LOGIN;
CREATE ROLE kms_test_app_4 LOGIN;
GRANT EXECUTE ON FUNCTION kms_create_key, kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval),
	kms_create_secret(text, text, bytea, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner, kms_test_friend;

/* What a statement comes to and what it gives; then it is undone. */
CREATE FUNCTION pg_temp.outcome(statement text, result text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	outcome text;
	after text;
BEGIN
	outcome = pg_temp.verdict('%s', statement);
	EXECUTE result INTO after;
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = outcome || ', ' || coalesce(after, 'none');
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
END
$$;
/* Only what it comes to. */
CREATE FUNCTION pg_temp.undone(statement text, VARIADIC arguments text[] = '{}') RETURNS text LANGUAGE sql AS
$$ SELECT left(pg_temp.outcome(format(statement, VARIADIC arguments), 'SELECT NULL'), -6) $$;
/* No row is an error. */
CREATE FUNCTION pg_temp.found(statement text) RETURNS void LANGUAGE plpgsql AS
$$
DECLARE
	row_found record;
BEGIN
	EXECUTE statement INTO STRICT row_found;
END
$$;
/* What there is of a secret, as the tables have it: "none", or state, description, rotation, versions with their labels. */
CREATE FUNCTION pg_temp.left_of(secret text) RETURNS text LANGUAGE sql AS
$$
SELECT coalesce((
	SELECT concat_ws(' ', CASE WHEN s.delete_at IS NULL THEN 'active' WHEN s.delete_at > clock_timestamp() THEN 'scheduled' ELSE 'past' END,
					 nullif(s.description, ''), nullif(s.automatic_rotation, 'Disabled'), s.rotation_seconds, s.extended_config::jsonb ->> 'CustomData',
					 (SELECT string_agg(v.id || ARRAY(SELECT l.stage FROM kms.secret_version_stage l WHERE l.secret_id = s.id AND l.version_id = v.id ORDER BY l.stage)::text, ' ' ORDER BY v.created_at)
						FROM kms.secret_version v WHERE v.secret_id = s.id))
	  FROM kms.secret s WHERE s.name = secret), 'none')
$$;
CREATE FUNCTION pg_temp.value(secret text) RETURNS text LANGUAGE sql AS
$$ SELECT (kms_get_secret_value(secret)).secret_data $$;
/* A secret that is the password of a role. */
CREATE FUNCTION pg_temp.rds(secret text, role text, config jsonb = '{}') RETURNS text LANGUAGE sql AS
$$
SELECT format('SELECT kms_create_secret(%L, ''v1'', %L, ''Rds'', extended_config => %L)', secret,
			  jsonb_build_object('Accounts', jsonb_build_array(jsonb_build_object('AccountName', role, 'AccountPassword', 'first'))),
			  '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}' || config)
$$;

-- ---- the service's own key ------------------------------------------------

/* As in a new database, whatever other tests have left. */
DELETE FROM kms.alias WHERE name = 'alias/acs/secrets';
SELECT count(*) AS keys FROM kms.key \gset
SAVEPOINT before;
SET ROLE kms_test_owner;
SELECT kms_create_secret('first', 'v1', 'needle in a haystack') \g /dev/null
RESET ROLE;
SELECT is((SELECT count(*) FROM kms.key), :keys + 1::bigint, 'the first secret makes one');
ROLLBACK TO before;
SELECT is((SELECT count(*) FROM kms.key), :keys::bigint, 'rolled back, it is gone'),
	   is_empty('SELECT FROM kms.alias WHERE name = ''alias/acs/secrets''', 'with its alias');
SET ROLE kms_test_owner;
SELECT kms_create_secret('first', 'v1', 'needle in a haystack') \g /dev/null
SELECT kms_create_secret('second', 'v1', '\x00ff'::bytea) \g /dev/null
RESET ROLE;
SELECT kms_create_secret('third', 'v1', 'x') \g /dev/null
SELECT is((SELECT count(*) FROM kms.key), :keys + 1::bigint, 'made anew, it serves every secret for which none was chosen, whoever makes it');
SELECT key_id AS service_key FROM kms.alias WHERE name = 'alias/acs/secrets' \gset
SELECT results_eq('SELECT DISTINCT key_id, key_is_chosen FROM kms.secret WHERE name IN (''first'', ''second'', ''third'')', format('VALUES (%L::uuid, false)', :'service_key'), 'they are all encrypted under it');
SELECT is(k.creator, (SELECT extowner::regrole::text FROM pg_extension WHERE extname = 'kms'), 'it belongs to the owner of the extension'),
	   is(k.key_spec || ' ' || k.key_usage || ' ' || k.key_state, 'Aliyun_AES_256 ENCRYPT/DECRYPT Enabled', 'and is a key like others'),
	   is(k.deletion_protection, 'Enabled', 'protected against deletion')
  FROM kms_describe_key(:'service_key') k;
SELECT is(pg_temp.verdict('SELECT kms_schedule_key_deletion(%L, 30)', :'service_key'), '55000|Rejected.StateModifiedFailed', 'so nobody deletes it by the way'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_describe_key(%L)', :'service_key'), '42501|Forbidden.NoPermission', 'who made the secret has no rights on it'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_disable_key(%L)', :'service_key'), '42501|Forbidden.NoPermission', 'of any kind'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_encrypt(''alias/acs/secrets'', ''x''::text)'), '42501|Forbidden.NoPermission', 'by its alias either'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT pg_temp.value(''first'')'), 'fine', 'and needs none'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_create_secret(''mine'', ''v1'', ''x'', encryption_key_id => ''alias/acs/secrets'')'), '42501|Forbidden.NoPermission', 'but for choosing it'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_delete_alias(''alias/acs/secrets'')'), '22023|InvalidParameter', 'nobody deletes its alias'),
	   is(pg_temp.verdict('SELECT kms_delete_alias(''alias/acs/secrets'')'), '22023|InvalidParameter', 'not even a superuser'),
	   is(pg_temp.verdict('SELECT kms_update_alias(%L, ''alias/acs/secrets'')', kms_create_key()::text), '22023|InvalidParameter', 'or gives it to another key');

-- ---- making and describing ------------------------------------------------

SELECT (kms_describe_secret('first')).arn AS arn \gset
SELECT is(:'arn', format('acs:kms:%s:%s:secret/first', current_setting('kms.region'), (SELECT id FROM kms.account)), 'a secret has an ARN');
CREATE TEMP TABLE made AS SELECT clock_timestamp() AS before, kms_create_secret('plain', 'v1', 'value', description => 'what it is for') AS r;
SELECT is((r).arn, replace(:'arn', 'secret/first', 'secret/plain'), 'making a secret returns its ARN'),
	   is(row((r).secret_name, (r).version_id, (r).secret_type)::text, '(plain,v1,Generic)', 'its name, version and type'),
	   is(row((r).automatic_rotation, (r).rotation_interval, (r).next_rotation_date, (r).extended_config)::text, '(,,,)', 'and, as it does not rotate, nothing else') FROM made;
SELECT is(d.arn, (r).arn, 'it is described with its ARN'),
	   is(row(d.secret_name, d.secret_type, d.description)::text, '(plain,Generic,"what it is for")', 'name, type and description'),
	   ok(d.encryption_key_id IS NULL, 'no key is shown, for none was chosen'),
	   ok(d.create_time BETWEEN before AND clock_timestamp(), 'the time when it was made'),
	   is(d.update_time, d.create_time, 'which is when it was changed last'),
	   is(row(d.planned_delete_time, d.automatic_rotation, d.rotation_interval, d.last_rotation_date, d.next_rotation_date, d.extended_config, d.tags)::text, '(,,,,,,)', 'and nothing of what it has not')
  FROM made, kms_describe_secret('plain') d;
SELECT is((kms_describe_secret('plain', true)).tags, '[]'::jsonb, 'tags are an empty array when they are asked for'),
	   is((kms_describe_secret(secret_name => 'plain', fetch_tags => false)).tags, NULL, 'and null when they are not'),
	   is((kms_describe_secret('third')).description, '', 'a description that was not given is empty');
SELECT is(g.secret_data, 'value', 'the value is read'),
	   is(row(g.secret_name, g.secret_type, g.secret_data_type, g.version_id, g.version_stages)::text, '(plain,Generic,text,v1,{ACSCurrent})', 'with name, type, version and label'),
	   ok(g.secret_binary IS NULL, 'as text, not as bytes'),
	   is(g.create_time, (kms_describe_secret('plain')).create_time, 'with the time when the secret was made'),
	   is(row(g.automatic_rotation, g.rotation_interval, g.last_rotation_date, g.next_rotation_date, g.extended_config)::text, '(,,,,)', 'and nothing of rotation')
  FROM kms_get_secret_value('plain') g;
SELECT is((kms_get_secret_value('plain', fetch_extended_config => true)).extended_config, NULL, 'nor has it a configuration to fetch');
SET ROLE kms_test_owner;
SELECT is(g.secret_data_type, 'binary', 'a binary value is read as such'), is(g.secret_binary, '\x00ff', 'as bytes'), is(g.secret_data, 'AP8=', 'and as Base64')
  FROM kms_get_secret_value('second') g;
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''plain'', ''v1'', ''value'')'), '42710|Rejected.ResourceExist', 'the same call twice is an error'),
	   is(pg_temp.complaint('SELECT kms_create_secret(''plain'', ''v2'', ''other'')'), '42710|Rejected.ResourceExist|secret "plain" already exists', 'a name is taken once');
SELECT is(pg_temp.value('plain'), 'value', 'and what it names stays'),
	   is(pg_temp.verdict('SELECT kms_create_secret(''PLAIN'', ''v1'', ''value'')'), 'fine', 'in capitals it is another');

SELECT pg_temp.verdict('%s', pg_temp.rds('rds', 'kms_test_app')) AS verdict \gset
SELECT is(:'verdict'::text, 'fine', 'the password of a role is a secret, too');
SELECT is(row(d.secret_type, d.automatic_rotation, d.rotation_interval, d.last_rotation_date, d.next_rotation_date)::text, '(Rds,Disabled,,,)', 'of type Rds'),
	   is(d.extended_config, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {}}'::jsonb, 'with its configuration') FROM kms_describe_secret('rds') d;
SELECT is(g.secret_data::jsonb, '{"AccountName": "kms_test_app", "AccountPassword": "first"}'::jsonb, 'one account is read'),
	   is(row(g.secret_type, g.secret_data_type, g.version_id, g.version_stages, g.automatic_rotation, g.extended_config)::text, '(Rds,text,v1,{ACSCurrent},Disabled,)', 'with its type, version and label')
  FROM kms_get_secret_value('rds') g;
SELECT is((kms_get_secret_value('rds', fetch_extended_config => true)).extended_config, (kms_describe_secret('rds')).extended_config, 'and the configuration, if one wants it'),
	   is((kms_get_secret_value('rds', version_id => 'no such')).version_id, 'v1', 'a version id means nothing there'),
	   is((kms_get_secret_value('rds', 'ACSCurrent', 'no such')).version_id, 'v1', 'beside a label either'),
	   is(pg_temp.verdict('SELECT kms_get_secret_value(''rds'', ''ACSPrevious'')'), '42704|Forbidden.ResourceNotFound', 'there is no previous version yet'),
	   is(pg_temp.verdict('SELECT kms_get_secret_value(''rds'', ''mine'')'), '22023|InvalidParameter', 'and no other label at all');

-- ---- names ----------------------------------------------------------------

CREATE TEMP TABLE admissible AS SELECT '+-./0123456789=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz' AS characters;
SELECT is((SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 300) n WHERE pg_temp.undone('SELECT kms_create_secret(%L, ''v1'', ''x'')', 'n' || chr(n)) = 'fine'), characters,
		  'a name has letters, digits and characters of _ / + = . @ -'),
	   is((SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 300) n WHERE pg_temp.undone('SELECT kms_create_secret(%L, ''v1'', ''x'')', chr(n)) = 'fine'), characters, 'each of which is a name by itself'),
	   is((SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 300) n WHERE pg_temp.undone('SELECT kms_create_secret(''n'', %L, ''x'')', chr(n)) = 'fine'), characters, 'so has a version id'),
	   is((SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 300) n WHERE pg_temp.undone('SELECT kms_put_secret_value(''plain'', %L, ''x'')', 'p' || chr(n)) = 'fine'), characters, 'also of a later version'),
	   is((SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 300) n WHERE pg_temp.undone('SELECT kms_put_secret_value(''plain'', ''v2'', ''x'', ARRAY[%L])', 'l' || chr(n)) = 'fine'), characters, 'and a label'),
	   is((SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 300) n WHERE pg_temp.undone('SELECT kms_update_secret_version_stage(''plain'', %L, ''v1'')', 'l' || chr(n)) = 'fine'), characters, 'that is attached later, too'),
	   is((SELECT count(*) FROM generate_series(1, 300) n, unnest(ARRAY['SELECT kms_create_secret(%1$L, ''v1'', ''x'')', 'SELECT kms_create_secret(''n'', %1$L, ''x'')', 'SELECT kms_put_secret_value(''plain'', %1$L, ''x'')',
				'SELECT kms_put_secret_value(''plain'', ''v2'', ''x'', ARRAY[%1$L])', 'SELECT kms_update_secret_version_stage(''plain'', %1$L, ''v1'')', 'SELECT kms_describe_secret(%1$L)']) statement
			WHERE strpos(characters, chr(n)) = 0 AND pg_temp.undone(statement, 'a' || chr(n) || 'b') <> '22023|InvalidParameter'), 0::bigint, 'every other character is an invalid parameter')
  FROM admissible;
SELECT is(pg_temp.undone(statement, repeat('n', length)), CASE WHEN length BETWEEN 1 AND max THEN 'fine' ELSE '22023|InvalidParameter' END, format('%s of %s characters is %s', what, length, CASE WHEN length BETWEEN 1 AND max THEN 'good' ELSE 'none' END))
  FROM (VALUES ('a name', 192, 'SELECT kms_create_secret(%L, ''v1'', ''x'')'), ('a version id', 64, 'SELECT kms_create_secret(''n'', %L, ''x'')'),
			   ('the id of a later version', 64, 'SELECT kms_put_secret_value(''plain'', %L, ''x'')'), ('a label', 64, 'SELECT kms_put_secret_value(''plain'', ''v2'', ''x'', ARRAY[%L])'),
			   ('a label that is attached', 64, 'SELECT kms_update_secret_version_stage(''plain'', %L, ''v1'')')) t (what, max, statement),
	   LATERAL unnest(ARRAY[0, 1, max - 1, max, max + 1, 100000]) length;
SELECT is(pg_temp.complaint('SELECT kms_create_secret(%L, ''v1'', ''x'')', 'a b'), '22023|InvalidParameter|invalid value for secret_name: it must be 1 to 192 letters, digits and characters of _ / + = . @ -', 'the error says what a name may be'),
	   is(pg_temp.complaint('SELECT kms_create_secret(''n'', '''', ''x'')'), '22023|InvalidParameter|invalid value for version_id: it must be 1 to 64 letters, digits and characters of _ / + = . @ -', 'or a version id');
SELECT is(pg_temp.undone('SELECT kms_create_secret(%L, ''v1'', ''x'')', name), '22023|InvalidParameter', format('the name %s is reserved', name)) FROM unnest(ARRAY['acs/', 'acs/x', 'acs/ecs/x', 'acs//']) name;
SELECT is(pg_temp.undone('SELECT kms_create_secret(%L, ''v1'', ''x'')', name), 'fine', format('the name %s is not', name)) FROM unnest(ARRAY['acs', 'acs.', 'acsx', 'Acs/x', 'ACS/x', '/acs/x', 'x/acs/', '$Auto' COLLATE "C"]) name WHERE name <> '$Auto';
SELECT is(pg_temp.undone('SELECT kms_create_secret(''$Auto'', ''v1'', ''x'')'), '22023|InvalidParameter', 'no name is invented'),
	   is(pg_temp.verdict('SELECT kms_describe_secret(''acs/x'')'), '42704|Forbidden.ResourceNotFound', 'what is reserved is not there');

/* Every function that takes the name of a secret: %1$L. */
CREATE TEMP TABLE call (n serial, function text, statement text);
INSERT INTO call (function, statement) VALUES
	('DescribeSecret', 'SELECT kms_describe_secret(%1$L)'), ('GetSecretValue', 'SELECT kms_get_secret_value(%1$L)'), ('ListSecretVersionIds', 'SELECT kms_list_secret_version_ids(%1$L)'),
	('PutSecretValue', 'SELECT kms_put_secret_value(%1$L, ''v2'', ''x'')'), ('PutSecretValue, binary', 'SELECT kms_put_secret_value(%1$L, ''v2'', ''x''::bytea)'),
	('UpdateSecret', 'SELECT kms_update_secret(%1$L, ''new'')'), ('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(%1$L, ''mine'', ''v1'')'),
	('DeleteSecret', 'SELECT kms_delete_secret(%1$L)'), ('DeleteSecret, at once', 'SELECT kms_delete_secret(%1$L, true)'),
	('RestoreSecret', 'SELECT kms_delete_secret(''plain''), kms_restore_secret(%1$L)'),
	('TagResource', 'SELECT kms_tag_resource(''{"a": "1"}'', secret_name => %1$L)'), ('UntagResource', 'SELECT kms_untag_resource(''{a}'', secret_name => %1$L)'), ('ListResourceTags', 'SELECT kms_list_resource_tags(secret_name => %1$L)'),
	('Can', 'SELECT kms_can(''GetSecretValue'', CASE WHEN %1$L LIKE ''acs:%%'' THEN %1$L ELSE ''secret/'' || %1$L END)'),
	('Grant', 'SELECT kms_grant(CASE WHEN %1$L LIKE ''acs:%%'' THEN %1$L ELSE ''secret/'' || %1$L END, ''kms_test_friend'', ''{*}'')'),
	('ListGrants', 'SELECT kms_list_grants(CASE WHEN %1$L LIKE ''acs:%%'' THEN %1$L ELSE ''secret/'' || %1$L END)'),
	('Revoke', 'SELECT kms_revoke(CASE WHEN %1$L LIKE ''acs:%%'' THEN %1$L ELSE ''secret/'' || %1$L END, ''kms_test_friend'')'),
	('SetOwner', 'SELECT kms_set_owner(CASE WHEN %1$L LIKE ''acs:%%'' THEN %1$L ELSE ''secret/'' || %1$L END, ''kms_test_friend'')');
CREATE TEMP TABLE managed_call (n serial, function text, statement text);
INSERT INTO managed_call (function, statement) VALUES
	('RotateSecret', 'SELECT kms_rotate_secret(%1$L)'), ('UpdateSecretRotationPolicy', 'SELECT kms_update_secret_rotation_policy(%1$L, true, ''7 days'')'),
	('UpdateSecret, custom data', 'SELECT kms_update_secret(%1$L, custom_data => ''{}'')');
/* The functions that do not come to this. */
CREATE FUNCTION pg_temp.others_than(verdict text, name text, rds_name text) RETURNS text LANGUAGE sql AS
$$
SELECT string_agg(function || ': ' || came_to, ', ')
  FROM (SELECT function, pg_temp.undone(statement, name) AS came_to FROM call UNION ALL SELECT function, pg_temp.undone(statement, rds_name) FROM managed_call) t
 WHERE came_to <> verdict
$$;
SELECT is(pg_temp.others_than('fine', 'plain', 'rds'), NULL, 'every function takes the name of a secret'),
	   is(pg_temp.others_than('fine', replace(:'arn', '/first', '/plain'), replace(:'arn', '/first', '/rds')), NULL, 'and its ARN');
SELECT is(pg_temp.others_than(verdict, name, name), NULL, format('and %s is %s', what, CASE verdict WHEN '22023|InvalidParameter' THEN 'invalid' ELSE 'not found' END))
  FROM (VALUES
	(1, 'an unknown name', 'unknown', '42704|Forbidden.ResourceNotFound'), (2, 'a reserved one', 'acs/plain', '42704|Forbidden.ResourceNotFound'), (3, 'one of 192 characters', repeat('n', 192), '42704|Forbidden.ResourceNotFound'),
	(4, 'the name in other letters', 'Plain', '42704|Forbidden.ResourceNotFound'), (5, 'its beginning', 'plai', '42704|Forbidden.ResourceNotFound'),
	(6, 'no name', '', '22023|InvalidParameter'), (7, 'one of 193 characters', repeat('n', 193), '22023|InvalidParameter'), (8, 'one of a hundred thousand', repeat('n', 100000), '22023|InvalidParameter'),
	(9, 'one with a blank', 'plain ', '22023|InvalidParameter'), (10, 'one with a line break', E'plain\n', '22023|InvalidParameter'), (11, 'one with other letters', 'plän', '22023|InvalidParameter'), (12, 'a wildcard', 'pl%', '22023|InvalidParameter'),
	(13, 'the ARN of an unknown secret', replace(:'arn', '/first', '/unknown'), '42704|Forbidden.ResourceNotFound'),
	(14, 'the ARN of another region', replace(replace(:'arn', '/first', '/plain'), 'acs:kms:' || current_setting('kms.region'), 'acs:kms:elsewhere'), '42704|Forbidden.ResourceNotFound'),
	(15, 'the ARN of another account', regexp_replace(replace(:'arn', '/first', '/plain'), '\d{16}', '1234567890123456'), '42704|Forbidden.ResourceNotFound'),
	(16, 'the ARN of no region', replace(replace(:'arn', '/first', '/plain'), 'acs:kms:' || current_setting('kms.region'), 'acs:kms:'), '42704|Forbidden.ResourceNotFound'),
	(17, 'the ARN of no account', regexp_replace(replace(:'arn', '/first', '/plain'), '\d{16}', ''), '42704|Forbidden.ResourceNotFound'),
	(18, 'an ARN without a name', replace(:'arn', '/first', '/'), '22023|InvalidParameter'), (19, 'an ARN with a name too long', replace(:'arn', '/first', '/' || repeat('n', 193)), '22023|InvalidParameter'),
	(20, 'an ARN with two names', :'arn' || ':secret/plain', '22023|InvalidParameter'), (21, 'an ARN with a blank', :'arn' || ' ', '22023|InvalidParameter'),
	(22, 'an ARN with a hundred thousand letters too much', replace(:'arn', 'acs:kms:', 'acs:kms:' || repeat('x', 100000)), '22023|InvalidParameter')) t (n, what, name, verdict) ORDER BY n;
/* As a resource, what is no ARN of a secret is taken for a key. */
SELECT is((SELECT string_agg(function, ', ') FROM (SELECT function, pg_temp.undone(statement, name) FROM call WHERE statement !~ 'CASE' UNION ALL SELECT function, pg_temp.undone(statement, name) FROM managed_call) t (function, came_to)
			WHERE came_to <> '22023|InvalidParameter'), NULL, what || ' is invalid')
  FROM (VALUES (1, 'the ARN of a key', replace(:'arn', ':secret/', ':key/')), (2, 'the ARN of another service', replace(:'arn', 'acs:kms:', 'acs:ecs:')), (3, 'an ARN in capitals', replace(:'arn', 'acs:kms:', 'ACS:KMS:')),
			   (4, 'the beginning of an ARN', 'acs:kms:'), (5, 'a secret named as a resource', 'secret:plain'), (6, 'an ARN without its last part', regexp_replace(:'arn', ':secret.*', ''))) t (n, what, name) ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_create_secret(%L, ''v1'', ''x'')', replace(:'arn', '/first', '/new')), '22023|InvalidParameter', 'a secret is not made by an ARN'),
	   is(pg_temp.complaint('SELECT kms_describe_secret(''unknown'')'), '42704|Forbidden.ResourceNotFound|secret "unknown" does not exist', 'the error names what is not there');

-- ---- values ---------------------------------------------------------------

/* Stored and read again, by making a secret and by putting a version. */
CREATE FUNCTION pg_temp.comes_back(given text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	by_create kms.secret_value;
	by_put kms.secret_value;
BEGIN
	PERFORM kms_create_secret('passing', 'v1', given);
	by_create = kms_get_secret_value('passing');
	PERFORM kms_put_secret_value('plain', 'passing', given);
	by_put = kms_get_secret_value('plain');
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = (by_create.secret_data = given AND by_put.secret_data = given AND by_put.secret_data_type = 'text' AND by_put.secret_binary IS NULL)::text;
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN pg_temp.verdict('SELECT kms_create_secret(''passing'', ''v1'', %L::text)', given) || ', ' || pg_temp.verdict('SELECT kms_put_secret_value(''plain'', ''passing'', %L::text)', given);
END
$$;
CREATE FUNCTION pg_temp.comes_back(given bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	by_create kms.secret_value;
	by_put kms.secret_value;
BEGIN
	PERFORM kms_create_secret('passing', 'v1', given);
	by_create = kms_get_secret_value('passing');
	PERFORM kms_put_secret_value('plain', 'passing', given);
	by_put = kms_get_secret_value('plain');
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = (by_create.secret_binary = given AND by_put.secret_binary = given AND by_put.secret_data_type = 'binary'
														AND by_put.secret_data = replace(encode(given, 'base64'), E'\n', ''))::text;
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN pg_temp.verdict('SELECT kms_create_secret(''passing'', ''v1'', %L::bytea)', given::text) || ', ' || pg_temp.verdict('SELECT kms_put_secret_value(''plain'', ''passing'', %L::bytea)', given::text);
END
$$;
SELECT is(pg_temp.comes_back(given), expected, what)
  FROM (VALUES (1, ''::text, 'true', 'an empty text is a value'), (2, 'x', 'true', 'one letter'), (3, E' \t\n', 'true', 'white space, too'), (4, 'Grüße, 世界 😀', 'true', 'and letters of every kind'),
			   (5, repeat('x', 30720), 'true', 'a text may have 30720 bytes'), (6, repeat('x', 30721), '22023|InvalidParameter, 22023|InvalidParameter', 'and not 30721'),
			   (7, repeat('ü', 15360), 'true', '15360 letters of two bytes are 30720 bytes'), (8, repeat('ü', 15360) || 'x', '22023|InvalidParameter, 22023|InvalidParameter', 'and one more is one too many'),
			   (9, repeat('€', 10240), 'true', 'as are 10240 of three'), (10, repeat('€', 10241), '22023|InvalidParameter, 22023|InvalidParameter', 'and not 10241'),
			   (11, repeat('😀', 7680), 'true', 'or 7680 of four'), (12, repeat('😀', 7680) || 'x', '22023|InvalidParameter, 22023|InvalidParameter', 'and not more'),
			   (13, repeat('x', 1000000), '22023|InvalidParameter, 22023|InvalidParameter', 'nor a million bytes')) t (n, given, expected, what) ORDER BY n;
SELECT is(pg_temp.comes_back(given), expected, what)
  FROM (VALUES (1, ''::bytea, 'true', 'no byte is a binary value'), (2, '\x00'::bytea, 'true', 'a null byte'), (3, '\xff'::bytea, 'true', 'or what is no text'),
			   (4, (SELECT string_agg(decode(lpad(to_hex(n), 2, '0'), 'hex'), '' ORDER BY n) FROM generate_series(0, 255) n), 'true', 'every byte comes back'),
			   (5, convert_to(repeat('x', 30720), 'UTF8'), 'true', '30720 bytes, too'), (6, convert_to(repeat('x', 30721), 'UTF8'), '22023|InvalidParameter, 22023|InvalidParameter', 'and 30721 are too many'),
			   (7, convert_to(repeat('x', 1000000), 'UTF8'), '22023|InvalidParameter, 22023|InvalidParameter', 'as are a million')) t (n, given, expected, what) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', repeat(''needle'', 10000))'), '22023|InvalidParameter|invalid value for secret_data: it is longer than 30720 bytes', 'the error quotes nothing of it'),
	   is((kms_get_secret_value('plain')).version_id, 'v1', 'and a value that was refused leaves the secret as it was');
SELECT is((kms_create_secret('unknown-type', 'v1', 'x')).secret_type || (kms_get_secret_value('unknown-type')).secret_data_type, 'Generictext', 'a literal without a type is a text');

-- ---- arguments that are missing -------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_create_secret(%s)', array_to_string(ARRAY(SELECT CASE WHEN argument = missing THEN 'NULL' ELSE value END FROM unnest(t.names, t.given) WITH ORDINALITY u (argument, value, n) ORDER BY n), ', ')),
		  CASE WHEN required THEN format('22004|MissingParameter|%s must not be null', missing) ELSE 'fine' END, format('making a %s secret, %s %s', kind, missing, CASE WHEN required THEN 'must be given' ELSE 'may be null' END))
  FROM (VALUES ('text', ARRAY['secret_name', 'version_id', 'secret_data', 'secret_type', 'encryption_key_id', 'description', 'tags', 'extended_config', 'enable_automatic_rotation', 'rotation_interval'],
				ARRAY['''null''', '''v1''', '''x''::text', '''Generic''', 'NULL', '''d''', 'NULL', '''{}''', 'false', '''1 day''']),
			   ('binary', ARRAY['secret_name', 'version_id', 'secret_data', 'secret_type', 'encryption_key_id', 'description', 'tags', 'extended_config', 'enable_automatic_rotation', 'rotation_interval'],
				ARRAY['''null-2''', '''v1''', '''x''::bytea', '''Generic''', 'NULL', '''d''', 'NULL', '''{}''', 'false', '''1 day'''])) t (kind, names, given),
	   (VALUES (1, 'secret_name', true), (2, 'version_id', true), (4, 'secret_type', true), (6, 'description', true), (9, 'enable_automatic_rotation', true)) r (n, missing, required) ORDER BY kind, n;
SELECT is(pg_temp.verdict(statement), expected, what)
  FROM (VALUES
	(1, 'SELECT kms_create_secret(''n'', ''v1'', NULL::text)', '22004|MissingParameter', 'a text that is null is missing'), (2, 'SELECT kms_create_secret(''n'', ''v1'', NULL::bytea)', '22004|MissingParameter', 'or bytes that are'),
	(3, 'SELECT kms_create_secret(''n'', ''v1'', NULL)', '22004|MissingParameter', 'or neither of both'),
	(4, 'SELECT kms_describe_secret(NULL)', '22004|MissingParameter', 'describing needs a name'), (5, 'SELECT kms_describe_secret(''plain'', NULL)', '22004|MissingParameter', 'and a yes or no to the tags'),
	(6, 'SELECT kms_get_secret_value(NULL)', '22004|MissingParameter', 'reading needs a name'), (7, 'SELECT kms_get_secret_value(''plain'', NULL, NULL)', 'fine', 'but neither label nor version'),
	(8, 'SELECT kms_get_secret_value(''plain'', fetch_extended_config => NULL)', '22004|MissingParameter', 'and a yes or no to the configuration'),
	(9, 'SELECT kms_put_secret_value(NULL, ''v2'', ''x'')', '22004|MissingParameter', 'putting needs a name'), (10, 'SELECT kms_put_secret_value(''plain'', NULL, ''x'')', '22004|MissingParameter', 'a version id'),
	(11, 'SELECT kms_put_secret_value(''plain'', ''v2'', NULL::text)', '22004|MissingParameter', 'a value'), (12, 'SELECT kms_put_secret_value(''plain'', ''v2'', NULL::bytea)', '22004|MissingParameter', 'of either kind'),
	(13, 'SELECT kms_update_secret(NULL, ''x'')', '22004|MissingParameter', 'updating needs a name'), (14, 'SELECT kms_update_secret(''plain'')', '22023|InvalidParameter', 'and something to update'), (15, 'SELECT kms_update_secret(''plain'', NULL, NULL)', '22023|InvalidParameter', 'that is not null'),
	(16, 'SELECT kms_update_secret_version_stage(NULL, ''mine'', ''v1'')', '22004|MissingParameter', 'moving a label needs a name'), (17, 'SELECT kms_update_secret_version_stage(''plain'', NULL, ''v1'')', '22004|MissingParameter', 'a label'),
	(18, 'SELECT kms_update_secret_version_stage(''plain'', ''mine'')', '22023|InvalidParameter', 'and a version'),
	(19, 'SELECT kms_list_secret_version_ids(NULL)', '22004|MissingParameter', 'listing versions needs a name'), (20, 'SELECT kms_list_secret_version_ids(''plain'', NULL)', '22004|MissingParameter', 'and a yes or no to the deprecated ones'),
	(21, 'SELECT kms_delete_secret(NULL)', '22004|MissingParameter', 'deleting needs a name'), (22, 'SELECT kms_delete_secret(''plain'', NULL)', '22004|MissingParameter', 'a yes or no to force'), (23, 'SELECT kms_delete_secret(''plain'', false, NULL)', '22004|MissingParameter', 'and a window'),
	(24, 'SELECT kms_restore_secret(NULL)', '22004|MissingParameter', 'restoring needs a name'), (25, 'SELECT kms_rotate_secret(NULL)', '22004|MissingParameter', 'rotating needs a name'),
	(26, 'SELECT kms_update_secret_rotation_policy(NULL, false)', '22004|MissingParameter', 'a policy needs a name'), (27, 'SELECT kms_update_secret_rotation_policy(''rds'', NULL)', '22004|MissingParameter', 'and a yes or no')) t (n, statement, expected, what) ORDER BY n;

-- ---- types, tags, descriptions --------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', ''x'', %L)', type), '22023|InvalidParameter|invalid value for secret_type: it must be Generic or Rds', format('"%s" is no type', left(type, 20)))
  FROM unnest(ARRAY['', 'generic', 'GENERIC', 'Generic ', 'rds', 'RDS', 'redis', 'ecs', 'Postgres', repeat('Rds', 100000)]) WITH ORDINALITY t (type, n) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', ''$Auto'', %L, extended_config => ''{}'')', type), format('0A000|Rejected.UnsupportedOperation|secrets of type %s cannot be rotated from a database', type), type || ' is a type of the cloud'),
	   is(pg_temp.hint('SELECT kms_create_secret(''n'', ''v1'', ''x''::bytea, %L)', type), 'Keep it as a Generic secret, and store each new value with kms_put_secret_value.', 'the way out is hinted at')
  FROM unnest(ARRAY['Redis', 'PolarDB', 'RAMCredentials', 'ECS']) WITH ORDINALITY t (type, n) ORDER BY n;
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x'', tags => %L)', tags), 'fine', 'a secret may have tags: ' || tags),
	   is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x''::bytea, tags => %L)', tags), 'fine', 'so may a binary one') FROM unnest(ARRAY['[{"TagKey": "a", "TagValue": "b"}]', '[]', '{"a": "b"}']) tags;
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x'', tags => %L)', tags), expected, 'but not these: ' || left(tags, 40))
  FROM (VALUES (1, '"a"', '22023|InvalidParameter'), (2, '{"a": 1}', '22023|InvalidParameter'), (3, '{"a b": "c"}', '22023|InvalidParameter'), (4, '{"aliyun": "c"}', '22023|InvalidParameter'),
			   (5, (SELECT jsonb_object_agg('k' || n, '') FROM generate_series(1, 21) n)::text, '54000|Rejected.LimitExceeded')) t (n, tags, expected) ORDER BY n;
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x'', description => %L)', description), expected, 'making a secret, a description may ' || what),
	   is(pg_temp.undone('SELECT kms_update_secret(''plain'', %L)', description), expected, 'updating it, it may ' || what)
  FROM (VALUES (1, '', 'fine', 'be empty'), (2, repeat('x', 8192), 'fine', 'have 8192 characters'), (3, repeat('ü', 8192), 'fine', 'each of them of two bytes'), (4, E'a\nb\t"''\\', 'fine', 'have any character'),
			   (5, repeat('x', 8193), '22023|InvalidParameter', 'not have 8193'), (6, repeat('ü', 8193), '22023|InvalidParameter', 'of two bytes either'), (7, repeat('x', 1000000), '22023|InvalidParameter', 'nor a million')) t (n, description, expected, what) ORDER BY n;

-- ---- the configuration ----------------------------------------------------

SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x'', extended_config => %L)', config), 'fine', 'a Generic secret ignores the configuration ' || config)
  FROM unnest(ARRAY['{}', '[]', '1', 'null', '{"SecretSubType": "SingleUser"}']) WITH ORDINALITY t (config, n) ORDER BY n;
SELECT is((kms_create_secret('configured', 'v1', 'x', extended_config => '{"a": 1}')).extended_config, NULL, 'and keeps nothing of it'),
	   is((kms_describe_secret('configured')).extended_config, NULL, 'to describe');
\set accounts '{"Accounts": [{"AccountName": "kms_test_app_2", "AccountPassword": "first"}]}'
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', %L, ''Rds'', extended_config => %L)', :'accounts', config), 'fine', 'a configuration may have ' || what)
  FROM (VALUES (1, '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}', 'a kind and an instance'), (2, '{"SecretSubType": "DoubleUsers", "DBInstanceId": "x"}', 'the other kind'),
			   (3, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {}}', 'custom data'),
			   (4, format('{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": %s}', (SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 10) n)), 'ten pairs of them'),
			   (5, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {"a": {"b": [1, null, "ü"]}, "c": true}}', 'values of any kind in them'),
			   (6, jsonb_build_object('SecretSubType', 'SingleUser', 'DBInstanceId', repeat('ü', 1024 - length('{"CustomData": {}, "DBInstanceId": "", "SecretSubType": "SingleUser"}')))::text, '1024 characters')) t (n, config, what) ORDER BY n;
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', %L, ''Rds'', extended_config => %L)', :'accounts', config), '22023|InvalidParameter', 'a configuration must not ' || what)
  FROM (VALUES (1, '[]', 'be an array'), (2, '"x"', 'be a string'), (3, '1', 'be a number'), (4, 'null', 'be null'), (5, '{}', 'be empty'), (6, '[{"SecretSubType": "SingleUser", "DBInstanceId": "local"}]', 'be an array of one'),
			   (7, '{"DBInstanceId": "local"}', 'lack the kind'), (8, '{"SecretSubType": "SingleUser"}', 'lack the instance'), (9, '{"SecretSubType": "singleuser", "DBInstanceId": "local"}', 'have a kind in other letters'),
			   (10, '{"SecretSubType": "DualUser", "DBInstanceId": "local"}', 'have a kind that is none'), (11, '{"SecretSubType": "", "DBInstanceId": "local"}', 'have an empty kind'), (12, '{"SecretSubType": null, "DBInstanceId": "local"}', 'have no kind'),
			   (13, '{"SecretSubType": 1, "DBInstanceId": "local"}', 'have a number for it'), (14, '{"SecretSubType": ["SingleUser"], "DBInstanceId": "local"}', 'have an array for it'), (15, '{"SecretSubType": "SingleUser\u0001", "DBInstanceId": "local"}', 'have a kind with more behind it'),
			   (16, '{"SecretSubType": "SingleUser", "DBInstanceId": ""}', 'have an empty instance'), (17, '{"SecretSubType": "SingleUser", "DBInstanceId": 7}', 'have a number for an instance'), (18, '{"SecretSubType": "SingleUser", "DBInstanceId": null}', 'have none'),
			   (19, '{"SecretSubType": "SingleUser", "DBInstanceId": {}}', 'have an object for it'), (20, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": []}', 'have an array of custom data'),
			   (21, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": null}', 'have null for them'), (22, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": "{}"}', 'have a string for them'),
			   (23, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": 1}', 'have a number for them'), (24, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "Other": 1}', 'have another field'),
			   (25, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {}, "Other": {}}', 'have one beside custom data'), (26, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "customdata": {}}', 'have one in other letters'),
			   (27, format('{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": %s}', (SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 11) n)), 'have eleven pairs'),
			   (28, jsonb_build_object('SecretSubType', 'SingleUser', 'DBInstanceId', repeat('ü', 1025 - length('{"CustomData": {}, "DBInstanceId": "", "SecretSubType": "SingleUser"}')))::text, 'have 1025 characters'),
			   (29, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {"a": 1e2000}}', 'have a number of 2000 digits')) t (n, config, what) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', %L, ''Rds'')', :'accounts'), '22004|MissingParameter|extended_config must not be null', 'an Rds secret needs one'),
	   is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', ''x''::bytea, ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')'), '22023|InvalidParameter', 'and is no binary one'),
	   is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''{}'', extended_config => ''{}'', enable_automatic_rotation => true, rotation_interval => ''7 days'')'), '0A000|Rejected.UnsupportedOperation', 'a Generic secret does not rotate');

/* What an Rds secret begins with. */
SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', %L, ''Rds'', extended_config => %L)', data, format('{"SecretSubType": "%s", "DBInstanceId": "local"}', kind)),
		  '22023|InvalidParameter|invalid value for secret_data: it must be {"Accounts": [{"AccountName": string, "AccountPassword": string}]}', format('the accounts of %s must not be %s', kind, what))
  FROM unnest(ARRAY['SingleUser', 'DoubleUsers']) kind,
	   (VALUES (1, '', 'empty'), (2, 'needle', 'a word'), (3, '{', 'half of an object'), (4, '{}', 'an empty object'), (5, '[]', 'an array'), (6, 'null', 'null'), (7, '{"Accounts": []}', 'none'), (8, '{"Accounts": {}}', 'an object'), (9, '{"Accounts": "x"}', 'a string'),
			   (10, '{"accounts": [{"AccountName": "a", "AccountPassword": "b"}]}', 'in other letters'), (11, '{"Accounts": [{"AccountName": "a", "AccountPassword": "b"}], "Other": 1}', 'beside other things'),
			   (12, '{"Accounts": [1]}', 'numbers'), (13, '{"Accounts": [[]]}', 'arrays'), (14, '{"Accounts": [{"AccountName": "a"}]}', 'without a password'), (15, '{"Accounts": [{"AccountPassword": "b"}]}', 'without a name'),
			   (16, '{"Accounts": [{"AccountName": "", "AccountPassword": "b"}]}', 'with an empty name'), (17, '{"Accounts": [{"AccountName": "a", "AccountPassword": ""}]}', 'with an empty password'),
			   (18, '{"Accounts": [{"AccountName": 1, "AccountPassword": "b"}]}', 'with a number for a name'), (19, '{"Accounts": [{"AccountName": "a", "AccountPassword": null}]}', 'with null for a password'),
			   (20, '{"Accounts": [{"AccountName": "a", "AccountPassword": "b", "Other": "c"}]}', 'with a third field'), (21, format('{"Accounts": [{"AccountName": "%s", "AccountPassword": "b"}]}', repeat('a', 64)), 'with a name of 64 bytes'),
			   (22, '{"Accounts": [{"AccountName": "a", "AccountPassword": "b"}, {"AccountName": "c", "AccountPassword": "d"}, {"AccountName": "e", "AccountPassword": "f"}]}', 'three'),
			   (23, '{"Accounts": [{"AccountName": "a", "AccountPassword": "b"}, {"AccountName": "a", "AccountPassword": "d"}]}', 'twice the same'), (24, '{"AccountName": "a", "AccountPassword": "b"}', 'laid out as they are read'), (25, repeat('[', 10000), 'deeply nested'),
			   (26, '{"Accounts": [{"AccountName": "a\u0000", "AccountPassword": "b"}]}', 'with a null character')) t (n, data, what) ORDER BY kind, n;
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', ''{"Accounts": [{"AccountName": "kms_test_app_2", "AccountPassword": "b"}, {"AccountName": "kms_test_app_3", "AccountPassword": "d"}]}'', ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')'),
		  '22023|InvalidParameter', 'a single user is not two'),
	   is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', ''{"Accounts": [{"AccountName": "kms_test_nobody", "AccountPassword": "b"}]}'', ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'')'),
		  '42704|Forbidden.ResourceNotFound', 'an account is a role'),
	   is(pg_temp.verdict('%s', pg_temp.rds('n', 'kms_test_app')), '42710|Rejected.ResourceExist', 'whose password no other secret keeps');

-- ---- intervals ------------------------------------------------------------

SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', %L, ''Rds'', extended_config => ''{"SecretSubType": "SingleUser", "DBInstanceId": "local"}'', enable_automatic_rotation => true, rotation_interval => %L)', :'accounts', given), expected, what),
	   is(pg_temp.undone('SELECT kms_update_secret_rotation_policy(''rds'', true, %L)', given), expected, what || ', also later')
  FROM (VALUES (1, '6 hours', 'fine', 'a secret may rotate every 6 hours'), (2, '365 days', 'fine', 'every 365 days'), (3, '8760 hours', 'fine', 'or in so many hours'), (4, '7 days 12:30:01', 'fine', 'or in days, hours and seconds'), (5, '30 days -24 hours', 'fine', 'or in a sum'),
			   (6, '5:59:59', '22023|InvalidParameter', 'not in less'), (7, '365 days 1 second', '22023|InvalidParameter', 'not in more'), (8, '0', '22023|InvalidParameter', 'not in no time'), (9, '-7 days', '22023|InvalidParameter', 'not in the past'),
			   (10, '1 month', '22023|InvalidParameter', 'not in months'), (11, '1 year', '22023|InvalidParameter', 'not in years'), (12, '7 days 00:00:00.5', '22023|InvalidParameter', 'not in half seconds'), (13, NULL, '22023|InvalidParameter', 'not without an interval'),
			   (14, '2147483647 days', '22023|InvalidParameter', 'not in millions of years'), (15, '-2147483648 days', '22023|InvalidParameter', 'of either kind')) t (n, given, expected, what) ORDER BY n;
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x'', rotation_interval => %L)', given), 'fine', 'without rotation the interval is ignored: ' || given),
	   is(pg_temp.undone('SELECT kms_update_secret_rotation_policy(''rds'', false, %L)', given), 'fine', 'also later: ' || given) FROM unnest(ARRAY['1 second', '1 month']) WITH ORDINALITY t (given, n) ORDER BY n;
CREATE TEMP TABLE rotating AS SELECT kms_create_secret('rotating', 'v1', :'accounts', 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}', enable_automatic_rotation => true, rotation_interval => '7 days 6 hours') AS r;
SELECT is((r).automatic_rotation, 'Enabled', 'a secret that rotates says so'), is((r).rotation_interval::text, interval '7 days 6 hours'::text, 'how often'),
	   is((r).next_rotation_date, d.create_time + interval '174 hours', 'and when it does'),
	   is(row(d.automatic_rotation, d.rotation_interval, d.last_rotation_date, d.next_rotation_date)::text, row((r).automatic_rotation, (r).rotation_interval, NULL, (r).next_rotation_date)::text, 'it is described so'),
	   is(row(g.automatic_rotation, g.rotation_interval, g.last_rotation_date, g.next_rotation_date)::text, row((r).automatic_rotation, (r).rotation_interval, NULL, (r).next_rotation_date)::text, 'and read so')
  FROM rotating, kms_describe_secret('rotating') d, kms_get_secret_value('rotating') g;

-- ---- state by operation ---------------------------------------------------

/*
 * What each operation comes to by the state and type of the secret, and what it
 * leaves.  In a statement %1$L is the secret.  "none": it never was, was deleted at
 * once, or was erased when its date had come; "past": its date has come, but nobody
 * has erased it.  becomes: what is left where the operation was fine, for a Generic
 * and for an Rds secret; NULL, what was there.
 */
CREATE TEMP TABLE operation (n serial, name text, statement text, "none" text, active text, rds_active text, scheduled text, rds_scheduled text, past text, becomes text, rds_becomes text);
\set gone '42704|Forbidden.ResourceNotFound'
\set window '55000|Rejected.ResourceInDeleteWindow'
\set wrong_type '0A000|Rejected.UnsupportedOperation'
INSERT INTO operation (name, statement, "none", active, rds_active, scheduled, rds_scheduled, past, becomes, rds_becomes) VALUES
	('CreateSecret', 'SELECT kms_create_secret(%1$L, ''v1'', ''x'')', 'fine', '42710|Rejected.ResourceExist', '42710|Rejected.ResourceExist', :'window', :'window', :'window', 'active v1{ACSCurrent}', NULL),
	('CreateSecret, binary', 'SELECT kms_create_secret(%1$L, ''v1'', ''x''::bytea)', 'fine', '42710|Rejected.ResourceExist', '42710|Rejected.ResourceExist', :'window', :'window', :'window', 'active v1{ACSCurrent}', NULL),
	('CreateSecret, Rds', replace(pg_temp.rds('name', 'kms_test_unbound'), '''name''', '%1$L'), 'fine', '42710|Rejected.ResourceExist', '42710|Rejected.ResourceExist', :'window', :'window', :'window', 'active {} v1{ACSCurrent}', NULL),
	('DescribeSecret', 'SELECT kms_describe_secret(%1$L)', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL),
	('DescribeSecret, the date', 'SELECT pg_temp.found($q$SELECT FROM kms_describe_secret(%1$L) WHERE planned_delete_time IS NOT NULL$q$)', :'gone', 'P0002|', 'P0002|', 'fine', 'fine', :'gone', NULL, NULL),
	('ListSecrets', 'SELECT pg_temp.found($q$SELECT FROM kms_list_secrets() WHERE secret_name = %1$L$q$)', 'P0002|', 'fine', 'fine', 'fine', 'fine', 'P0002|', NULL, NULL),
	('ListSecrets, the date', 'SELECT pg_temp.found($q$SELECT FROM kms_list_secrets() WHERE secret_name = %1$L AND planned_delete_time IS NOT NULL$q$)', 'P0002|', 'P0002|', 'P0002|', 'fine', 'fine', 'P0002|', NULL, NULL),
	('the view of secrets', 'SELECT pg_temp.found($q$SELECT FROM kms.secrets WHERE secret_name = %1$L$q$)', 'P0002|', 'fine', 'fine', 'fine', 'fine', 'P0002|', NULL, NULL),
	('the view of versions', 'SELECT pg_temp.found($q$SELECT FROM kms.secret_versions WHERE secret_name = %1$L$q$)', 'P0002|', 'fine', 'fine', 'fine', 'fine', 'P0002|', NULL, NULL),
	('GetSecretValue', 'SELECT kms_get_secret_value(%1$L)', :'gone', 'fine', 'fine', :'window', :'window', :'gone', NULL, NULL),
	('GetSecretValue, by version', 'SELECT kms_get_secret_value(%1$L, version_id => ''v1'')', :'gone', 'fine', 'fine', :'window', :'window', :'gone', NULL, NULL),
	('GetSecretValue, of no version', 'SELECT kms_get_secret_value(%1$L, version_id => ''v7'')', :'gone', :'gone', 'fine', :'window', :'window', :'gone', NULL, NULL),
	('ListSecretVersionIds', 'SELECT pg_temp.found($q$SELECT FROM kms_list_secret_version_ids(%1$L)$q$)', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL),
	('PutSecretValue', 'SELECT kms_put_secret_value(%1$L, ''v2'', ''x'')', :'gone', 'fine', :'wrong_type', :'window', :'wrong_type', :'gone', 'active v1{ACSPrevious} v2{ACSCurrent}', NULL),
	('PutSecretValue, binary', 'SELECT kms_put_secret_value(%1$L, ''v2'', ''x''::bytea, ''{mine}'')', :'gone', 'fine', :'wrong_type', :'window', :'wrong_type', :'gone', 'active v1{ACSCurrent} v2{mine}', NULL),
	('PutSecretValue, the same again', 'SELECT kms_put_secret_value(%1$L, ''v1'', ''x'')', :'gone', 'fine', :'wrong_type', :'window', :'wrong_type', :'gone', NULL, NULL),
	('UpdateSecret', 'SELECT kms_update_secret(%1$L, ''new'')', :'gone', 'fine', 'fine', :'window', :'window', :'gone', 'active new v1{ACSCurrent}', 'active new {} v1{ACSCurrent}'),
	('UpdateSecret, custom data', 'SELECT kms_update_secret(%1$L, custom_data => ''{"a": 1}'')', :'gone', :'wrong_type', 'fine', :'wrong_type', :'window', :'gone', NULL, 'active {"a": 1} v1{ACSCurrent}'),
	('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(%1$L, ''mine'', ''v1'')', :'gone', 'fine', :'wrong_type', :'window', :'wrong_type', :'gone', 'active v1{ACSCurrent,mine}', NULL),
	('UpdateSecretVersionStage, nothing to do', 'SELECT kms_update_secret_version_stage(%1$L, ''ACSCurrent'', ''v1'')', :'gone', 'fine', :'wrong_type', :'window', :'wrong_type', :'gone', NULL, NULL),
	('RotateSecret', 'SELECT kms_rotate_secret(%1$L, ''v2'')', :'gone', :'wrong_type', 'fine', :'wrong_type', :'window', :'gone', NULL, 'active {} v1{ACSPrevious} v2{ACSCurrent}'),
	('RotateSecret, to a version that is there', 'SELECT kms_rotate_secret(%1$L, ''v1'')', :'gone', :'wrong_type', 'fine', :'wrong_type', :'window', :'gone', NULL, NULL),
	('UpdateSecretRotationPolicy on', 'SELECT kms_update_secret_rotation_policy(%1$L, true, ''7 days'')', :'gone', :'wrong_type', 'fine', :'wrong_type', :'window', :'gone', NULL, 'active Enabled 604800 {} v1{ACSCurrent}'),
	('UpdateSecretRotationPolicy off', 'SELECT kms_update_secret_rotation_policy(%1$L, false)', :'gone', :'wrong_type', 'fine', :'wrong_type', :'window', :'gone', NULL, NULL),
	('DeleteSecret', 'SELECT kms_delete_secret(%1$L)', :'gone', 'fine', 'fine', :'window', :'window', :'gone', 'scheduled v1{ACSCurrent}', 'scheduled {} v1{ACSCurrent}'),
	('DeleteSecret, at once', 'SELECT kms_delete_secret(%1$L, true)', :'gone', 'fine', 'fine', 'fine', 'fine', 'fine', 'none', 'none'),
	('DeleteSecret, at once, and CreateSecret', 'SELECT kms_delete_secret(%1$L, true), kms_create_secret(%1$L, ''v7'', ''y'')', :'gone', 'fine', 'fine', 'fine', 'fine', 'fine', 'active v7{ACSCurrent}', 'active v7{ACSCurrent}'),
	('RestoreSecret', 'SELECT kms_restore_secret(%1$L)', :'gone', '55000|Rejected.ResourceInUse', '55000|Rejected.ResourceInUse', 'fine', 'fine', 'fine', 'active v1{ACSCurrent}', 'active {} v1{ACSCurrent}'),
	('DeleteSecret and RestoreSecret', 'SELECT kms_delete_secret(%1$L), kms_restore_secret(%1$L)', :'gone', 'fine', 'fine', :'window', :'window', :'gone', NULL, NULL),
	('Grant', 'SELECT kms_grant(''secret/'' || %1$L, ''kms_test_friend'', ''{*}'')', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL),
	('Revoke', 'SELECT kms_revoke(''secret/'' || %1$L, ''kms_test_friend'')', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL),
	('ListGrants', 'SELECT kms_list_grants(''secret/'' || %1$L)', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL),
	('Can', 'SELECT kms_can(''RestoreSecret'', ''secret/'' || %1$L)', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL),
	('SetOwner', 'SELECT kms_set_owner(''secret/'' || %1$L, ''kms_test_friend'')', :'gone', 'fine', 'fine', 'fine', 'fine', :'gone', NULL, NULL);
CREATE ROLE kms_test_unbound LOGIN;
CREATE TEMP TABLE subject (n serial, name text, state text, rds boolean);
INSERT INTO subject (name, state, rds) VALUES ('m/never', 'none', false), ('m/deleted', 'none', false), ('m/erased', 'none', false), ('m/active', 'active', false), ('m/rds', 'active', true),
	('m/scheduled', 'scheduled', false), ('m/rds/scheduled', 'scheduled', true), ('m/past', 'past', false), ('m/rds/past', 'past', true);
SELECT kms_create_secret(name, 'v1', 'x') FROM subject WHERE name <> 'm/never' AND NOT rds \g /dev/null
SELECT pg_temp.verdict('%s', pg_temp.rds(name, CASE state WHEN 'active' THEN 'kms_test_app_3' WHEN 'scheduled' THEN 'kms_test_app_4' ELSE 'kms_test_app_5' END)) AS verdict FROM subject WHERE rds AND state <> 'past' \g /dev/null
CREATE ROLE kms_test_app_5 LOGIN;
SELECT pg_temp.verdict('%s', pg_temp.rds('m/rds/past', 'kms_test_app_5')) \g /dev/null
SELECT kms_delete_secret('m/deleted', true) \g /dev/null
SELECT kms_delete_secret('m/erased', recovery_window_in_days => 7) \g /dev/null
SELECT kms_delete_secret(name) FROM subject WHERE state IN ('scheduled', 'past') \g /dev/null
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name = 'm/erased';
SELECT results_eq('SELECT job, resource, outcome, detail FROM kms_run_jobs() WHERE job = ''SecretDeletion''', 'VALUES (''SecretDeletion'', ''secret/m/erased'', ''done'', NULL::text)', 'a secret whose date has come is erased');
UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name LIKE '%/past';
SELECT is(pg_temp.left_of(name), CASE WHEN state = 'none' THEN 'none' WHEN rds THEN state || ' {} v1{ACSCurrent}' ELSE state || ' v1{ACSCurrent}' END, name || ' is as it should be') FROM subject ORDER BY n;
SELECT is(pg_temp.outcome(format(o.statement, s.name), format('SELECT pg_temp.left_of(%L)', s.name)),
		  e.verdict || ', ' || coalesce(CASE WHEN e.verdict = 'fine' THEN CASE WHEN rds THEN o.rds_becomes ELSE o.becomes END END, pg_temp.left_of(s.name)), format('%s: %s', s.name, o.name))
  FROM operation o, subject s, LATERAL (SELECT CASE s.state WHEN 'none' THEN o."none" WHEN 'active' THEN CASE WHEN rds THEN o.rds_active ELSE o.active END
															WHEN 'scheduled' THEN CASE WHEN rds THEN o.rds_scheduled ELSE o.scheduled END ELSE o.past END AS verdict) e
 WHERE NOT (s.state = 'none' AND s.name <> 'm/never' AND o.name ~ 'date|view|again|no version|nothing to do|there') ORDER BY s.n, o.n;
SELECT is(pg_temp.complaint(statement), message, what)
  FROM (VALUES (1, 'SELECT kms_get_secret_value(''m/scheduled'')', '55000|Rejected.ResourceInDeleteWindow|secret "m/scheduled" is scheduled for deletion', 'the error says why it is not read'),
			   (2, 'SELECT kms_create_secret(''m/scheduled'', ''v1'', ''x'')', '55000|Rejected.ResourceInDeleteWindow|secret "m/scheduled" exists and is scheduled for deletion', 'or not made'),
			   (3, 'SELECT kms_restore_secret(''m/active'')', '55000|Rejected.ResourceInUse|secret "m/active" is not scheduled for deletion', 'or not restored'),
			   (4, 'SELECT kms_get_secret_value(''m/past'')', '42704|Forbidden.ResourceNotFound|secret "m/past" does not exist', 'what is past is gone in the same words as what never was')) t (n, statement, message, what) ORDER BY n;
SELECT is(pg_temp.hint('SELECT kms_get_secret_value(''m/scheduled'')'), 'Its owner can call kms_restore_secret.', 'the way out is hinted at'),
	   is(pg_temp.hint('SELECT kms_create_secret(''m/scheduled'', ''v1'', ''x'')'), 'Its owner can call kms_restore_secret, or delete it at once with force_delete_without_recovery.', 'also for a name'),
	   is(pg_temp.hint('SELECT kms_put_secret_value(''m/rds'', ''v2'', ''x'')'), 'Call kms_rotate_secret.', 'or the wrong type'),
	   is(pg_temp.hint('SELECT kms_rotate_secret(''m/active'')'), 'Store a new value with kms_put_secret_value.', 'of either kind');

/* What comes back from the window is what went in. */
SELECT to_jsonb(s) - '{updated_at,mac}'::text[] AS before, s.updated_at FROM kms.secret s WHERE name = 'plain' \gset
SELECT kms_delete_secret('plain') \g /dev/null
SELECT kms_restore_secret('plain') IS NULL AS ignored \gset
SELECT is(to_jsonb(s) - '{updated_at,mac}'::text[], :'before', 'a secret that was restored is as it was'), ok(s.updated_at > :'updated_at', 'and knows when that happened'), is(pg_temp.value('plain'), 'value', 'with its value')
  FROM kms.secret s WHERE name = 'plain';

/* Automatic rotation. */
SAVEPOINT before;
UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'rotating';
SELECT results_eq('SELECT job, resource, outcome FROM kms_run_jobs() WHERE resource = ''secret/rotating''', 'VALUES (''SecretRotation'', ''secret/rotating'', ''done'')', 'an active secret rotates when it is due'),
	   is((kms_get_secret_value('rotating', 'ACSPrevious')).version_id, 'v1', 'into a new version');
ROLLBACK TO before;
SELECT kms_delete_secret('rotating') \g /dev/null
UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'rotating';
SELECT is_empty('SELECT FROM kms_run_jobs() WHERE resource = ''secret/rotating''', 'one that is scheduled for deletion does not'),
	   is((SELECT count(*) FROM kms_list_secret_version_ids('rotating', true)), 1::bigint, 'and has no new version');
SELECT kms_restore_secret('rotating') IS NULL AS ignored \gset
SELECT results_eq('SELECT outcome FROM kms_run_jobs() WHERE resource = ''secret/rotating''', 'VALUES (''done'')', 'until it is restored');
ROLLBACK TO before;

-- ---- the window -----------------------------------------------------------

SELECT is(pg_temp.undone('SELECT kms_delete_secret(''plain'', false, %s)', days::text), CASE WHEN days BETWEEN 7 AND 30 THEN 'fine' ELSE '22023|InvalidParameter' END, format('a window of %s days is %s', days, CASE WHEN days BETWEEN 7 AND 30 THEN 'one' ELSE 'none' END)),
	   is(pg_temp.undone('SELECT kms_delete_secret(''plain'', true, %s)', days::text), 'fine', 'and does not count if the secret goes at once')
  FROM unnest(ARRAY[7, 30, 6, 31, 0, -1, -7, 2147483647, -2147483648]) WITH ORDINALITY t (days, n) ORDER BY n;
SELECT is(pg_temp.undone('SELECT kms_delete_secret(''plain'', true, NULL)'), 'fine', 'then it may be null, too'),
	   is(pg_temp.complaint('SELECT kms_delete_secret(''plain'', recovery_window_in_days => 6)'), '22023|InvalidParameter|invalid value for recovery_window_in_days: it must be 7 to 30', 'the error says what it may be');
CREATE FUNCTION pg_temp.window(days integer) RETURNS boolean LANGUAGE plpgsql AS
$$
DECLARE
	before timestamptz = clock_timestamp();
	deletion kms.secret_deletion = CASE WHEN days IS NULL THEN kms_delete_secret('plain') ELSE kms_delete_secret('plain', recovery_window_in_days => days) END;
	after timestamptz = clock_timestamp();
	described timestamptz = (kms_describe_secret('plain')).planned_delete_time;
	listed timestamptz = (SELECT planned_delete_time FROM kms_list_secrets() WHERE secret_name = 'plain');
BEGIN
	PERFORM kms_restore_secret('plain');
	RETURN deletion.secret_name = 'plain' AND described = deletion.planned_delete_time AND listed = described
		AND described BETWEEN before + coalesce(days, 30) * interval '24 hours' AND after + coalesce(days, 30) * interval '24 hours'
		AND (kms_describe_secret('plain')).planned_delete_time IS NULL;
END
$$;
SET timezone = 'America/New_York';
SELECT ok(pg_temp.window(days), format('the date is %s days of 24 hours from now', days)) FROM unnest(ARRAY[7, 8, 29, 30]) WITH ORDINALITY t (days, n) ORDER BY n;
SELECT ok(pg_temp.window(NULL), 'or 30, if nobody says how many');
RESET timezone;
SAVEPOINT before;
CREATE TEMP TABLE at_once AS SELECT clock_timestamp() AS before, kms_delete_secret(:'arn', true) AS r;
SELECT is((r).secret_name, 'first', 'a secret that goes at once is named'), ok((r).planned_delete_time BETWEEN before AND clock_timestamp(), 'with the time when it went') FROM at_once;
SELECT is_empty('SELECT FROM kms.secret_version v LEFT JOIN kms.secret s ON s.id = v.secret_id WHERE s.id IS NULL', 'it leaves no version'),
	   is_empty('SELECT FROM kms.secret_version_stage l LEFT JOIN kms.secret s ON s.id = l.secret_id WHERE s.id IS NULL', 'and no label');
SELECT kms_delete_secret('rds', true) \g /dev/null
SELECT is_empty('SELECT FROM kms.secret_role r LEFT JOIN kms.secret s ON s.id = r.secret_id WHERE s.id IS NULL', 'and keeps no role'),
	   is((SELECT count(*) FROM pg_roles WHERE rolname = 'kms_test_app'), 1::bigint, 'which stays'),
	   is(pg_temp.verdict('%s', pg_temp.rds('rds', 'kms_test_app')), 'fine', 'and may be another secret''s');
ROLLBACK TO before;
UPDATE kms.secret SET delete_at = clock_timestamp() WHERE name LIKE '%/past';
SELECT results_eq('SELECT resource FROM kms_run_jobs() WHERE job = ''SecretDeletion'' ORDER BY resource', 'VALUES (''secret/m/past''), (''secret/m/rds/past'')', 'those that are past are erased by whoever does the jobs');
SELECT is(pg_temp.verdict('SELECT kms_restore_secret(''m/past'')'), :'gone', 'then it is too late to restore them'),
	   is(pg_temp.verdict('SELECT kms_delete_secret(''m/past'', true)'), :'gone', 'or to delete them'),
	   is(pg_temp.undone('SELECT kms_create_secret(''m/past'', ''v1'', ''x'')'), 'fine', 'and the name is free');
ROLLBACK TO before;

-- ---- updating -------------------------------------------------------------

SELECT updated_at FROM kms.secret WHERE name = 'plain' \gset
SELECT kms_update_secret('plain', description => 'new') IS NULL AS ignored \gset
SELECT is(d.description, 'new', 'a description is replaced'), ok(d.update_time > :'updated_at', 'and that is noted'), is(d.create_time, (kms_get_secret_value('plain')).create_time, 'but not as its making') FROM kms_describe_secret('plain') d;
SELECT updated_at FROM kms.secret WHERE name = 'plain' \gset
SELECT is(pg_temp.verdict('SELECT kms_update_secret(''plain'', repeat(''x'', 8193))'), '22023|InvalidParameter', 'one that is too long is not'),
	   is((kms_describe_secret('plain')).update_time, :'updated_at', 'and leaves the secret as it was');
SELECT kms_update_secret('rds', 'both', '{"team": "billing", "n": [1, 2]}') IS NULL AS ignored \gset
SELECT is(d.description, 'both', 'description and custom data can be replaced together'),
	   is(d.extended_config, '{"SecretSubType": "SingleUser", "DBInstanceId": "local", "CustomData": {"team": "billing", "n": [1, 2]}}'::jsonb, 'the rest of the configuration stays') FROM kms_describe_secret('rds') d;
SELECT kms_update_secret('rds', custom_data => '{"a": "b"}') IS NULL AS ignored \gset
SELECT is(d.description, 'both', 'custom data alone leave the description'), is(d.extended_config -> 'CustomData', '{"a": "b"}'::jsonb, 'and replace what was there') FROM kms_describe_secret('rds') d;
SELECT is(pg_temp.undone('SELECT kms_update_secret(''rds'', custom_data => %L)', given), expected, 'custom data may ' || what)
  FROM (VALUES (1, '{}', 'fine', 'be empty'), (2, (SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 10) n)::text, 'fine', 'have ten pairs'), (3, (SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 11) n)::text, '22023|InvalidParameter', 'not have eleven'),
			   (4, '[]', '22023|InvalidParameter', 'not be an array'), (5, '1', '22023|InvalidParameter', 'not be a number'), (6, 'null', '22023|InvalidParameter', 'not be null'), (7, '"x"', '22023|InvalidParameter', 'not be a string'), (8, '[{}]', '22023|InvalidParameter', 'not be an array of one'),
			   (9, jsonb_build_object('a', repeat('ü', 1024 - length('{"CustomData": {"a": ""}, "DBInstanceId": "local", "SecretSubType": "SingleUser"}')))::text, 'fine', 'fill up the 1024 characters'),
			   (10, jsonb_build_object('a', repeat('ü', 1025 - length('{"CustomData": {"a": ""}, "DBInstanceId": "local", "SecretSubType": "SingleUser"}')))::text, '22023|InvalidParameter', 'not have more')) t (n, given, expected, what) ORDER BY n;

-- ---- lists ----------------------------------------------------------------

SELECT kms_create_secret('list/a', 'v1', 'x', description => 'one', tags => '{"a": "b"}') \g /dev/null
SELECT kms_create_secret('list/b', 'v1', 'x', description => 'two') \g /dev/null
SELECT kms_create_secret('list/c', 'v1', 'x', description => 'two') \g /dev/null
CREATE FUNCTION pg_temp.listed(filters jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(secret_name, ',' ORDER BY secret_name) FROM kms_list_secrets(filters) WHERE secret_name ~ '^(list/.|rds)$' $$;
SELECT set_eq('SELECT secret_name FROM kms_list_secrets()', 'SELECT name::text FROM kms.secret WHERE delete_at IS NULL OR delete_at > clock_timestamp()', 'a superuser sees all secrets listed'),
	   set_eq('SELECT secret_name, secret_type, create_time, update_time, planned_delete_time FROM kms_list_secrets()', 'SELECT secret_name, secret_type, create_time, update_time, planned_delete_time FROM kms.secrets', 'as the view has them'),
	   set_eq('SELECT s.secret_name, s.secret_type, s.create_time, s.update_time, s.planned_delete_time FROM kms_list_secrets() s',
			  'SELECT d.secret_name, d.secret_type, d.create_time, d.update_time, d.planned_delete_time FROM kms_list_secrets() s, kms_describe_secret(s.secret_name) d', 'and as each is described'),
	   set_eq('SELECT tags FROM kms_list_secrets(fetch_tags => true)', $$VALUES ('[]'::jsonb), ('[{"TagKey": "a", "TagValue": "b"}]')$$, 'with their tags when they are asked for'),
	   set_eq('SELECT DISTINCT tags FROM kms_list_secrets()', 'VALUES (NULL::jsonb)', 'and without when they are not');
SELECT is(pg_temp.listed(filters), found, what)
  FROM (VALUES (1, NULL::jsonb, 'list/a,list/b,list/c,rds', 'no filters let all through'), (2, '[]', 'list/a,list/b,list/c,rds', 'as does an empty array'),
			   (3, '[{"Key": "SecretName", "Values": ["list/a"]}]', 'list/a', 'a name finds one'), (4, '[{"Key": "SecretName", "Values": ["list/a", "list/c", "unknown"]}]', 'list/a,list/c', 'several names several'),
			   (5, '[{"Key": "SecretName", "Values": ["list/"]}]', NULL, 'a part of a name none'), (6, '[{"Key": "SecretName", "Values": ["LIST/A"]}]', NULL, 'nor one in other letters'), (7, '[{"Key": "SecretName", "Values": []}]', 'list/a,list/b,list/c,rds', 'no value is no filter'),
			   (8, '[{"Key": "Description", "Values": ["two"]}]', 'list/b,list/c', 'a description finds its secrets'), (9, '[{"Key": "Description", "Values": ["Two"]}]', NULL, 'exactly'),
			   (10, '[{"Key": "SecretType", "Values": ["Rds"]}]', 'rds', 'a type finds its own'), (11, '[{"Key": "SecretType", "Values": ["generic"]}]', 'list/a,list/b,list/c', 'in whatever letters'), (12, '[{"Key": "SecretType", "Values": ["Redis"]}]', NULL, 'and another type nothing'),
			   (13, '[{"Key": "SecretName", "Values": ["list/a", "list/b"]}, {"Key": "Description", "Values": ["two"]}]', 'list/b', 'all filters must let it through'),
			   (14, '[{"Key": "SecretName", "Values": ["list/a"]}, {"Key": "SecretName", "Values": ["list/b"]}]', 'list/a,list/b', 'values of one key are alternatives wherever they stand'),
			   (15, '[{"Key": "TagKey", "Values": ["a"]}]', 'list/a', 'a tag finds its own'), (16, '[{"Key": "TagValue", "Values": ["a"]}]', NULL, 'whose value is another'), (17, '[{"Key": "DKMSInstanceId", "Values": ["a"]}]', NULL, 'no secret lies in an instance'),
			   (18, '[{"Key": "Creator", "Values": ["postgres"]}]', 'list/a,list/b,list/c,rds', 'the creator is the owner'), (19, '[{"Key": "Creator", "Values": ["kms_test_owner"]}]', NULL, 'and nobody else'),
			   (20, jsonb_build_array(jsonb_build_object('Key', 'SecretName', 'Values', (SELECT jsonb_agg('list/' || chr(96 + n)) FROM generate_series(1, 10) n))), 'list/a,list/b,list/c', 'a filter may have ten values'),
			   (21, (SELECT jsonb_agg(jsonb_build_object('Key', 'SecretName', 'Values', ARRAY['list/' || chr(96 + n)])) FROM generate_series(1, 10) n), 'list/a,list/b,list/c', 'and there may be ten filters')) t (n, filters, found, what) ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_list_secrets(%L)', filters), '22023|InvalidParameter', 'the filters must not ' || what)
  FROM (VALUES (1, '{}', 'be an object'), (2, '1', 'be a number'), (3, 'null', 'be null'), (4, '"x"', 'be a string'), (5, '[1]', 'have numbers'), (6, '[[]]', 'have arrays'), (7, '[{}]', 'have an empty object'), (8, '[{"Key": "SecretName"}]', 'lack values'), (9, '[{"Values": ["x"]}]', 'lack a key'),
			   (10, '[{"Key": "SecretName", "Values": "x"}]', 'have a string for values'), (11, '[{"Key": "SecretName", "Values": [1]}]', 'have numbers for values'), (12, '[{"Key": "SecretName", "Values": [["x"]]}]', 'have arrays for values'), (13, '[{"Key": "SecretName", "Values": {}}]', 'have an object for values'),
			   (14, '[{"Key": "SecretName", "Values": null}]', 'have null for values'), (15, '[{"Key": "SecretName", "Values": ["x"], "Other": 1}]', 'have another field'), (16, '[{"key": "SecretName", "Values": ["x"]}]', 'have a key in other letters'), (17, '[{"Key": "secretname", "Values": ["x"]}]', 'name a key in other letters'),
			   (18, '[{"Key": "KeyState", "Values": ["x"]}]', 'be those of keys'), (19, '[{"Key": "", "Values": ["x"]}]', 'name no key'), (20, '[{"Key": 1, "Values": ["x"]}]', 'have a number for a key'),
			   (21, jsonb_build_array(jsonb_build_object('Key', 'SecretName', 'Values', (SELECT jsonb_agg('x'::text) FROM generate_series(1, 11))))::text, 'have eleven values'), (22, (SELECT jsonb_agg(jsonb_build_object('Key', 'SecretName', 'Values', ARRAY['x'])) FROM generate_series(1, 11))::text, 'be eleven')) t (n, filters, what) ORDER BY n;

-- ---- the key that was chosen ----------------------------------------------

SET ROLE kms_test_owner;
SELECT kms_create_key() AS key, kms_create_key('Aliyun_SM4') AS sm4, kms_create_key('EC_P256') AS signer, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS pair, kms_create_key('HMAC_SHA_256') AS mac_key,
	   pg_temp.key_in_state('Disabled') AS disabled, pg_temp.key_in_state('PendingDeletion') AS doomed, pg_temp.key_in_state('PendingImport') AS waiting \gset
SELECT kms_create_alias(:'key', 'alias/secret');
SELECT (kms_describe_key(:'key')).arn AS key_arn \gset
SELECT kms_create_secret('keyed', 'v1', 'needle under a key', encryption_key_id => :'key') \g /dev/null
SELECT is((kms_describe_secret('keyed')).encryption_key_id, :'key', 'a key that was chosen is shown'),
	   is((SELECT encryption_key_id FROM kms.secrets WHERE secret_name = 'keyed'), :'key', 'also by the view'),
	   is(pg_temp.value('keyed'), 'needle under a key', 'and what it encrypted is read');
SELECT is(pg_temp.outcome(format('SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => %L)', given), 'SELECT key_id FROM kms_describe_secret(''n'') s JOIN kms_describe_key(' || quote_literal(given) || ') k ON k.key_id = s.encryption_key_id'), 'fine, ' || :'key', 'it may be named by its ' || what)
  FROM (VALUES (1, :'key', 'id'), (2, upper(:'key'), 'id in capitals'), (3, :'key_arn', 'ARN'), (4, 'alias/secret', 'alias')) t (n, given, what) ORDER BY n;
SELECT is(pg_temp.undone('SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => %L), pg_temp.value(''n'')', :'sm4'), 'fine', 'a key of another spec will do');
SELECT is(pg_temp.verdict('SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => %L)', given), expected, what || ' will not')
  FROM (VALUES (1, '00000000-0000-4000-8000-000000000000', '42704|Forbidden.KeyNotFound', 'an unknown key'), (2, 'alias/unknown', '42704|Forbidden.AliasNotFound', 'an unknown alias'), (3, replace(:'key_arn', 'acs:kms:', 'acs:kms:x'), '42704|Forbidden.KeyNotFound', 'a foreign ARN'),
			   (4, '', '22023|InvalidParameter', 'an empty name'), (5, 'key', '22023|InvalidParameter', 'a word'), (6, repeat('x', 100000), '22023|InvalidParameter', 'a hundred thousand letters'), (7, :'arn', '22023|InvalidParameter', 'the ARN of a secret'), (8, 'secret/keyed', '22023|InvalidParameter', 'a secret'),
			   (9, :'signer', '0A000|UnsupportedOperation', 'a key that signs'), (10, :'pair', '0A000|UnsupportedOperation', 'a pair that decrypts'), (11, :'mac_key', '0A000|UnsupportedOperation', 'a key for MACs'),
			   (12, :'disabled', '55000|Rejected.Disabled', 'a disabled key'), (13, :'doomed', '55000|Rejected.PendingDeletion', 'one that is pending deletion'), (14, :'waiting', '55000|Rejected.PendingImport', 'one without material')) t (n, given, expected, what) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => ''key'')'), '22023|InvalidParameter|invalid value for encryption_key_id: it is no key id, ARN or alias', 'the error says which argument it is');
RESET ROLE;
SELECT is_empty('SELECT FROM kms.secret WHERE name = ''n''', 'a secret that was refused is not there');

/* Its rights: GenerateDataKey to store, Decrypt to read, of whoever does it. */
SET ROLE kms_test_owner;
SELECT kms_grant('secret/keyed', 'kms_test_friend', '{GetSecretValue,PutSecretValue}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => %L)', :'key'), '42501|Forbidden.NoPermission', 'who may not draw a data key does not choose the key'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => ''alias/secret'')'), '42501|Forbidden.NoPermission', 'by its alias either'),
	   matches(pg_temp.complaint('SET ROLE kms_test_friend; SELECT kms_get_secret_value(''keyed'')'), '^42501.Forbidden.NoPermission.permission denied for key version "', 'who may read a secret but not decrypt with its key does not read it');
RESET ROLE;
SET ROLE kms_test_owner;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_put_secret_value(''keyed'', ''v2'', ''x'')'), '42501|Forbidden.NoPermission', 'who may put but not draw a data key does not put');
SELECT kms_grant(:'key', 'kms_test_friend', '{Decrypt}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''keyed'')'), 'fine', 'with Decrypt, he reads'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_put_secret_value(''keyed'', ''v2'', ''x'')'), '42501|Forbidden.NoPermission', 'but does not put'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_put_secret_value(''keyed'', ''v1'', ''needle under a key'')'), 'fine', 'unless it is a repetition, which does nothing');
SELECT kms_revoke(:'key', 'kms_test_friend'), kms_grant(:'key', 'kms_test_friend', '{GenerateDataKey}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''keyed'')'), '42501|Forbidden.NoPermission', 'with GenerateDataKey, he does not read'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_put_secret_value(''keyed'', ''v2'', ''his'')'), 'fine', 'but puts'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_create_secret(''his'', ''v1'', ''x'', encryption_key_id => %L)', :'key'), 'fine', 'and chooses the key for another secret'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''his'')'), '42501|Forbidden.NoPermission', 'which he owns but does not read');
SELECT is(pg_temp.value('keyed'), 'his', 'the owner of both reads what he put');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_revoke(%L, ''kms_test_friend''), kms_grant(%1$L, ''kms_test_friend'', ''{Encrypt,GenerateDataKeyWithoutPlaintext,ReEncrypt,ExportDataKey}'')', :'key'), 'fine', 'other rights on the key'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''keyed'')'), '42501|Forbidden.NoPermission', 'are not enough to read'),
	   is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_put_secret_value(''keyed'', ''v3'', ''x'')'), '42501|Forbidden.NoPermission', 'or to put');
SET ROLE kms_test_owner;
SELECT kms_revoke(:'key', 'kms_test_friend') \g /dev/null
SELECT kms_grant(:'key', 'kms_test_friend', '{Decrypt}', '{"a": "1"}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''keyed'')'), '42501|Forbidden.NoPermission', 'nor is one in a context, which reading a secret has not');
SELECT kms_revoke(:'key', 'kms_test_friend') \g /dev/null

/* Only as a secret is its value decrypted. */
RESET ROLE;
SELECT v.value AS envelope, s.id AS keyed_id FROM kms.secret s JOIN kms.secret_version v ON v.secret_id = s.id WHERE s.name = 'keyed' AND v.id = 'v1' \gset
SELECT is(pg_temp.verdict_as('kms_test_owner', statement, :'envelope', :'key', :'keyed_id'), '22023|InvalidParameter', what)
  FROM (VALUES (1, 'SELECT kms_decrypt(%1$L)', 'who has the envelope and every right on the key does not decrypt it as a ciphertext'), (2, 'SELECT kms_decrypt_text(%1$L, ''{"secret": "keyed"}'')', 'in whatever context'), (3, 'SELECT kms_re_encrypt(%1$L, %2$L)', 'or encrypt it anew'),
			   (4, 'SELECT kms_decrypt(%1$L, jsonb_build_object(''secret_id'', %3$L, ''version_id'', ''v1''))', 'or with what it is bound to as a context')) t (n, statement, what) ORDER BY n;

/* The state of the key, chosen and the service's own. */
SET ROLE kms_test_owner;
SELECT kms_disable_key(:'key') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict(statement), '55000|Rejected.Disabled', what)
  FROM (VALUES (1, 'SELECT kms_get_secret_value(''keyed'')', 'the key is disabled: its secret is not read'), (2, 'SELECT kms_get_secret_value(''keyed'', version_id => ''v1'')', 'in any version'), (3, 'SELECT kms_put_secret_value(''keyed'', ''v3'', ''x'')', 'no version is put'),
			   (4, 'SELECT kms_put_secret_value(''keyed'', ''v2'', ''his'')', 'and none compared'), (5, 'SELECT kms_create_secret(''n'', ''v1'', ''x'', encryption_key_id => ''alias/secret'')', 'and no other secret made')) t (n, statement, what) ORDER BY n;
SELECT is(pg_temp.undone(statement), 'fine', what)
  FROM (VALUES (1, 'SELECT kms_describe_secret(''keyed'')', 'but it is described'), (2, 'SELECT kms_list_secret_version_ids(''keyed'')', 'its versions are listed'), (3, 'SELECT kms_update_secret(''keyed'', ''new'')', 'it is updated'), (4, 'SELECT kms_update_secret_version_stage(''keyed'', ''mine'', ''v1'')', 'labelled'),
			   (5, 'SELECT kms_delete_secret(''keyed''), kms_restore_secret(''keyed'')', 'deleted and restored'), (6, 'SELECT kms_delete_secret(''keyed'', true)', 'or deleted at once'), (7, 'SELECT pg_temp.value(''first'')', 'and secrets of other keys are read')) t (n, statement, what) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_get_secret_value(''keyed'')'), format('55000|Rejected.Disabled|key "%s" is disabled', :'key'), 'the error names the key');
SELECT kms_enable_key(:'key') IS NULL AS ignored \gset
SELECT is(pg_temp.value('keyed'), 'his', 'enabled again, it lets the secret be read'), is(pg_temp.undone('SELECT kms_put_secret_value(''keyed'', ''v3'', ''x'')'), 'fine', 'and put');
SELECT kms_schedule_key_deletion(:'key', 7) \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_get_secret_value(''keyed'')'), '55000|Rejected.PendingDeletion', 'pending deletion, it does not'), is(pg_temp.verdict('SELECT kms_put_secret_value(''keyed'', ''v3'', ''x'')'), '55000|Rejected.PendingDeletion', 'either way');
SELECT kms_cancel_key_deletion(:'key') IS NULL AS ignored \gset
SELECT is(pg_temp.value('keyed'), 'his', 'and cancelled, it does');
SELECT kms_create_key_version(:'key') \g /dev/null
SELECT is(pg_temp.value('keyed'), 'his', 'with a new version, it still does'), is(pg_temp.undone('SELECT kms_put_secret_value(''keyed'', ''v3'', ''x''), pg_temp.value(''keyed'')'), 'fine', 'and encrypts with that');
SELECT kms_update_alias(:'sm4', 'alias/secret') IS NULL AS ignored \gset
SELECT is((kms_describe_secret('keyed')).encryption_key_id, :'key', 'an alias that goes elsewhere leaves the secret its key'), is(pg_temp.value('keyed'), 'his', 'and its value');
RESET ROLE;
SELECT kms_disable_key(:'service_key') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict_as('kms_test_owner', statement), '55000|Rejected.Disabled', what)
  FROM (VALUES (1, 'SELECT kms_get_secret_value(''first'')', 'the service''s own key is disabled: no secret without another is read'), (2, 'SELECT kms_put_secret_value(''first'', ''v2'', ''x'')', 'or put'), (3, 'SELECT kms_create_secret(''n'', ''v1'', ''x'')', 'or made')) t (n, statement, what) ORDER BY n;
SELECT is(pg_temp.verdict('SELECT kms_rotate_secret(''rds'')'), '55000|Rejected.Disabled', 'or rotated'), is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_get_secret_value(''keyed'')'), 'fine', 'but with another it is');
SELECT kms_enable_key(:'service_key') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_get_secret_value(''first''), kms_put_secret_value(''first'', ''v2'', ''needle again''), kms_create_secret(''n'', ''v1'', ''x'')'), 'fine', 'enabled again, it lets all of that happen');
SELECT is((SELECT count(*) FROM kms.alias WHERE name = 'alias/acs/secrets' AND key_id = :'service_key'), 1::bigint, 'and is the one that it was');

-- ---- rights ---------------------------------------------------------------

CREATE TEMP TABLE asked (n serial, name text, statement text);
INSERT INTO asked (name, statement) VALUES ('GetSecretValue', 'SELECT kms_get_secret_value(''first'')'), ('DescribeSecret', 'SELECT kms_describe_secret(''first'')'), ('ListSecretVersionIds', 'SELECT kms_list_secret_version_ids(''first'')'),
	('PutSecretValue', 'SELECT kms_put_secret_value(''first'', ''v7'', ''x'')'), ('UpdateSecret', 'SELECT kms_update_secret(''first'', ''x'')'), ('UpdateSecretVersionStage', 'SELECT kms_update_secret_version_stage(''first'', ''mine'', ''v1'')'),
	('RotateSecret', 'SELECT kms_rotate_secret(''first'')'), ('UpdateSecretRotationPolicy', 'SELECT kms_update_secret_rotation_policy(''first'', false)'),
	('DeleteSecret', 'SELECT kms_delete_secret(''first'')'), ('RestoreSecret', 'SELECT kms_restore_secret(''first'')'),
	('Grant', 'SELECT kms_grant(''secret/first'', ''kms_test_stranger'', ''{*}'')'), ('Revoke', 'SELECT kms_revoke(''secret/first'', ''kms_test_stranger'')'), ('SetOwner', 'SELECT kms_set_owner(''secret/first'', ''kms_test_stranger'')');
GRANT SELECT ON asked TO PUBLIC;
/* What calls let the role do, if kms_can says the same. */
CREATE FUNCTION pg_temp.may(role name) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
	called text[];
	can text[];
BEGIN
	EXECUTE format('SET ROLE %I', role);
	called = ARRAY(SELECT name FROM asked WHERE pg_temp.undone(statement) <> '42501|Forbidden.NoPermission' ORDER BY n);
	can = ARRAY(SELECT name FROM asked WHERE kms_can(name, 'secret/first') ORDER BY n);
	RESET ROLE;
	RETURN CASE WHEN called = can THEN called ELSE called || '{but kms_can says}'::text[] || can END;
END
$$;
SELECT is(pg_temp.may('kms_test_owner'), (SELECT array_agg(name ORDER BY n) FROM asked), 'the owner may do everything'),
	   is(pg_temp.may('kms_test_member'), (SELECT array_agg(name ORDER BY n) FROM asked), 'so may who is a member of it'),
	   is(pg_temp.may('kms_test_stranger'), '{}', 'others nothing'), is(pg_temp.may('kms_test_reader'), '{}', 'not even who reads all data'), is(pg_temp.may('kms_test_writer'), '{}', 'or writes them'),
	   is(pg_temp.may('kms_test_super'), (SELECT array_agg(name ORDER BY n) FROM asked WHERE name <> 'GetSecretValue'), 'a superuser may manage everything, but reads nothing');
SET kms.superuser_may_use = on;
SELECT is(pg_temp.may('kms_test_super'), (SELECT array_agg(name ORDER BY n) FROM asked), 'unless it is configured so');
RESET kms.superuser_may_use;
CREATE FUNCTION pg_temp.granted(operation text) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
	allowed text[];
BEGIN
	SET ROLE kms_test_owner;
	PERFORM kms_grant('secret/first', 'kms_test_friend', ARRAY[operation]);
	allowed = pg_temp.may('kms_test_friend');
	SET ROLE kms_test_owner;
	PERFORM kms_revoke('secret/first', 'kms_test_friend', ARRAY[operation]);
	RESET ROLE;
	RETURN allowed;
END
$$;
SELECT is(pg_temp.granted(name), ARRAY[name], name || ' can be granted, and lets one do that and nothing else') FROM asked WHERE name NOT IN ('Grant', 'Revoke', 'SetOwner') ORDER BY n;
SELECT is(pg_temp.granted('*'), (SELECT array_agg(name ORDER BY n) FROM asked WHERE name NOT IN ('Grant', 'Revoke', 'SetOwner')), '{*} lets one do what can be granted'),
	   is(pg_temp.may('kms_test_friend'), '{}', 'and what was revoked is gone');
SELECT is(pg_temp.verdict('SELECT kms_grant(''secret/first'', ''kms_test_friend'', ARRAY[%L])', name), '22023|InvalidParameter', name || ' is no operation on a secret')
  FROM unnest(ARRAY['Encrypt', 'Decrypt', 'GenerateDataKey', 'DescribeKey', 'Grant', 'Revoke', 'SetOwner', 'CreateSecret', 'ListSecrets', 'getsecretvalue', '']) name;
SELECT is(pg_temp.verdict('SELECT kms_can(%L, ''secret/first'')', name), '22023|InvalidParameter', 'nor can one ask for ' || name) FROM unnest(ARRAY['Encrypt', 'Decrypt', 'DescribeKey', 'CreateSecret', 'ListSecrets']) name;
SELECT is(pg_temp.verdict('SELECT kms_grant(%L, ''kms_test_friend'', ''{GetSecretValue}'')', :'key'), '22023|InvalidParameter', 'and reading a secret is no operation on a key'),
	   is(pg_temp.complaint('SELECT kms_grant(''secret/first'', ''kms_test_friend'', ''{GetSecretValue}'', ''{"a": "1"}'')'), '22023|InvalidParameter|invalid value for encryption_context: a call with a secret or certificate has no context', 'a grant on a secret is bound to no context'),
	   is(pg_temp.verdict('SELECT kms_grant(''secret/first'', ''kms_test_friend'', ''{GetSecretValue}'', ''{}'')'), 'fine', 'an empty one is none');
SELECT kms_revoke('secret/first', 'kms_test_friend') \g /dev/null
SELECT is(pg_temp.complaint('SET ROLE kms_test_stranger; SELECT kms_get_secret_value(''first'')'), '42501|Forbidden.NoPermission|permission denied for secret "first"', 'who may not learns only that');
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', statement), '42501|Forbidden.NoPermission', what)
  FROM (VALUES (1, 'SELECT kms_get_secret_value(''m/scheduled'')', 'not that it is scheduled for deletion'), (2, 'SELECT kms_put_secret_value(''rds'', ''v2'', ''x'')', 'or of another type'), (3, 'SELECT kms_get_secret_value(''first'', version_id => ''v7'')', 'or which versions it has'),
			   (4, 'SELECT kms_put_secret_value(''first'', ''v1'', ''needle in a haystack'')', 'or what they are'), (5, 'SELECT kms_get_secret_value(''keyed'')', 'or which key it has'), (6, 'SELECT kms_restore_secret(''m/past'')', 'or that it was there'), (7, 'SELECT kms_delete_secret(''m/past'', true)', 'a moment ago'),
			   (8, 'SELECT kms_list_grants(''secret/first'')', 'or who may')) t (n, statement, what) ORDER BY n;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_create_secret(''n'', ''v1'', ''x'')'), '42501|', 'a secret is made by those who were granted it'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_create_secret(''n'', ''v1'', ''x''::bytea)'), '42501|', 'also a binary one');

/* To a group, to everyone, for a time. */
CREATE ROLE kms_test_group;
GRANT kms_test_group TO kms_test_friend;
SET ROLE kms_test_owner;
SELECT kms_grant('secret/first', 'kms_test_group', '{GetSecretValue}') AS grant_id \gset
RESET ROLE;
SELECT is(pg_temp.may('kms_test_group'), '{GetSecretValue}', 'a group may have a grant'), is(pg_temp.may('kms_test_friend'), '{GetSecretValue}', 'that holds for its members'), is(pg_temp.may('kms_test_stranger'), '{}', 'and nobody else'),
	   is(pg_temp.may('kms_test_super') @> '{GetSecretValue}', false, 'not for superusers, who are members of everything');
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_grant(''secret/first'', ''kms_test_super'', ''{GetSecretValue}'')'), 'fine', 'to a superuser it is given like to anybody'),
	   is(pg_temp.may('kms_test_super'), (SELECT array_agg(name ORDER BY n) FROM asked), 'and then it reads');
SELECT results_eq('SELECT resource_type, resource COLLATE "default", grantee, operations, encryption_context, expires_at, grantor FROM kms_list_grants(''secret/first'') ORDER BY grantee',
				  'VALUES (''secret'', ''secret/first'', ''kms_test_group'', ''{GetSecretValue}''::text[], NULL::jsonb, NULL::timestamptz, ''kms_test_owner''), (''secret'', ''secret/first'', ''kms_test_super'', ''{GetSecretValue}'', NULL, NULL, ''kms_test_owner'')', 'grants on secrets are listed'),
	   set_eq(format('SELECT * FROM kms_list_grants(%L)', :'arn'), 'SELECT * FROM kms_list_grants(''secret/first'')', 'by ARN, too'),
	   set_has('SELECT * FROM kms_list_grants()', 'SELECT * FROM kms_list_grants(''secret/first'')', 'and among all'),
	   is_empty('SELECT * FROM kms_list_grants(''secret/second'')', 'those of another are its own');
UPDATE kms.grant_entry SET expires_at = clock_timestamp() WHERE id = :'grant_id';
SELECT is(pg_temp.may('kms_test_friend'), '{}', 'a grant that has expired does not count');
SELECT is(kms_revoke('secret/first', 'kms_test_group'), 1, 'and is revoked like another'), is(kms_revoke(:'arn', 'kms_test_super', '{GetSecretValue}'), 1, 'by ARN, too'), is(pg_temp.may('kms_test_super') @> '{GetSecretValue}', false, 'then it is gone');
SELECT kms_grant('secret/first', 'PUBLIC', '{DescribeSecret}') \g /dev/null
SELECT is(pg_temp.may('kms_test_stranger'), '{DescribeSecret}', 'a grant to everyone holds for everyone');
SELECT kms_revoke('secret/first', 'PUBLIC') \g /dev/null
SELECT is(pg_temp.may('kms_test_stranger'), '{}', 'until it is revoked');

/* A secret of the same name is another secret. */
SELECT kms_grant('secret/first', 'kms_test_friend', '{*}') \g /dev/null
SAVEPOINT before;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''first'')'), 'fine', 'a grant that was given');
SELECT id AS first_id FROM kms.secret WHERE name = 'first' \gset
SELECT kms_delete_secret('first', true) \g /dev/null
SELECT is_empty(format('SELECT FROM kms.grant_entry WHERE resource = %L', :'first_id'), 'goes with the secret');
SET ROLE kms_test_owner;
SELECT kms_create_secret('first', 'v1', 'another') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''first'')'), '42501|Forbidden.NoPermission', 'and does not come back with its name'),
	   is(pg_temp.may('kms_test_friend'), '{}', 'nor does any other'), is(pg_temp.verdict_as('kms_test_owner', 'SELECT pg_temp.found(''SELECT WHERE pg_temp.value(''''first'''') = ''''another'''''')'), 'fine', 'the value is the new one');
SELECT isnt((SELECT id FROM kms.secret WHERE name = 'first'), :'first_id', 'under an id of its own');
ROLLBACK TO before;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_get_secret_value(''first'')'), 'fine', 'rolled back, all is as it was');

/* Another owner. */
SELECT kms_set_owner('secret/first', 'kms_test_stranger') IS NULL AS ignored \gset
SELECT is(pg_temp.may('kms_test_stranger'), (SELECT array_agg(name ORDER BY n) FROM asked), 'a new owner may do everything'), is(pg_temp.may('kms_test_owner'), '{}', 'the old one nothing any more'),
	   is(pg_temp.may('kms_test_friend') @> '{GetSecretValue}', true, 'grants stay'), is((SELECT creator FROM kms.secrets WHERE secret_name = 'first'), 'kms_test_stranger', 'the view names the new one');
ROLLBACK TO before;
SELECT is(pg_temp.verdict_as('kms_test_friend', 'SELECT kms_set_owner(''secret/first'', ''kms_test_friend'')'), '42501|Forbidden.NoPermission', 'nobody takes a secret'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_set_owner(''secret/first'', ''kms_test_nobody'')'), '42704|InvalidParameter', 'an owner is a role'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_set_owner(''secret/first'', ''kms_test_friend'')'), 'fine', 'its owner gives it away'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_get_secret_value(''first'')'), '42501|Forbidden.NoPermission', 'for good');
ROLLBACK TO before;
SELECT kms_set_owner('secret/keyed', 'kms_test_stranger') IS NULL AS ignored \gset
SELECT matches(pg_temp.complaint('SET ROLE kms_test_stranger; SELECT kms_get_secret_value(''keyed'')'), '^42501.Forbidden.NoPermission.permission denied for key version "', 'whoever gets a secret needs the rights on its key');
RESET ROLE;
ROLLBACK TO before;
SELECT kms_set_owner('secret/rds', 'kms_test_owner') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_get_secret_value(''rds'')'), 'fine', 'a superuser gives away the password of a role'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_rotate_secret(''rds'')'), '42501|Forbidden.NoPermission', 'that the new owner does not change without a right on the role'),
	   is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_set_owner(''secret/rds'', ''kms_test_stranger'')'), '42501|Forbidden.NoPermission', 'others give it only to roles of which they are members');
ROLLBACK TO before;
CREATE ROLE kms_test_leaving;
SELECT kms_set_owner('secret/third', 'kms_test_leaving') IS NULL AS ignored \gset
SELECT is(left(pg_temp.verdict('DROP ROLE kms_test_leaving'), 5), '2BP01', 'a role that owns a secret is not dropped');
SELECT kms_delete_secret('third', true) \g /dev/null
SELECT is(pg_temp.verdict('DROP ROLE kms_test_leaving'), 'fine', 'until the secret is gone');
ROLLBACK TO before;

-- ---- views ----------------------------------------------------------------

SELECT columns_are('kms', 'secrets', '{secret_name,arn,secret_type,creator,description,encryption_key_id,create_time,update_time,planned_delete_time,automatic_rotation,rotation_interval,last_rotation_date,next_rotation_date,extended_config}', 'the view of secrets has what is described, and the owner'),
	   columns_are('kms', 'secret_versions', '{secret_name,version_id,create_time,version_stages,secret_data_type}', 'the view of versions has no value');
SELECT set_eq('SELECT secret_name::text, arn, secret_type, description, encryption_key_id, create_time, update_time, planned_delete_time, automatic_rotation, rotation_interval, last_rotation_date, next_rotation_date, extended_config FROM kms.secrets',
			  'SELECT d.secret_name, d.arn, d.secret_type, d.description, d.encryption_key_id, d.create_time, d.update_time, d.planned_delete_time, d.automatic_rotation, d.rotation_interval, d.last_rotation_date, d.next_rotation_date, d.extended_config '
			  'FROM kms.secret s, kms_describe_secret(s.name) d WHERE s.delete_at IS NULL OR s.delete_at > clock_timestamp()', 'the view of secrets is what each is described as'),
	   set_eq('SELECT secret_name::text, version_id::text, create_time, version_stages FROM kms.secret_versions',
			  'SELECT s.name::text, v.version_id, v.create_time, v.version_stages FROM kms.secret s, kms_list_secret_version_ids(s.name, true) v WHERE s.delete_at IS NULL OR s.delete_at > clock_timestamp()', 'that of versions has those that are listed'),
	   results_eq('SELECT DISTINCT secret_data_type::text COLLATE "default" FROM kms.secret_versions WHERE secret_name = ''second''', 'VALUES (''binary'')', 'and tells which are binary');
/* Nothing of a value is in them, or in the tables, as text or as bytes. */
SELECT is_empty(format('SELECT FROM %s t WHERE t::text ~ ''needle'' OR t::text ~ %L', relation, encode('needle', 'hex')), relation || ' shows nothing of a value')
  FROM unnest(ARRAY['kms.secrets', 'kms.secret_versions', 'kms.grants', 'kms.audit_log', 'kms.jobs', 'kms.key_usage', 'kms_list_secrets()', 'kms.secret', 'kms.secret_version', 'kms.secret_version_stage', 'kms.secret_role', 'kms.audit_entry']) relation;
SELECT is((SELECT count(DISTINCT value) FROM kms.secret_version), (SELECT count(*) FROM kms.secret_version), 'no two versions are stored alike, though many have the same value');
CREATE FUNCTION pg_temp.seen(role name) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	secrets text;
	versions text;
	listed text;
BEGIN
	EXECUTE format('SET ROLE %I', role);
	SELECT string_agg(secret_name, ',' ORDER BY secret_name) INTO secrets FROM kms.secrets;
	SELECT string_agg(DISTINCT secret_name, ',' ORDER BY secret_name) INTO versions FROM kms.secret_versions;
	SELECT string_agg(secret_name, ',' ORDER BY secret_name) INTO listed FROM kms_list_secrets();
	RESET ROLE;
	RETURN CASE WHEN (secrets = versions AND listed = versions) OR (secrets IS NULL AND versions IS NULL AND listed IS NULL) THEN coalesce(secrets, 'nothing') ELSE concat_ws(' or ', secrets, versions, listed) END;
END
$$;
SELECT kms_revoke('secret/first', 'kms_test_friend'), kms_revoke('secret/keyed', 'kms_test_friend') \g /dev/null
SELECT is(pg_temp.seen(role), seen, format('%s sees %s', role, seen))
  FROM (VALUES (1, 'kms_test_owner', 'first,keyed,n,second'), (2, 'kms_test_member', 'first,keyed,n,second'), (3, 'kms_test_friend', 'his'), (4, 'kms_test_stranger', 'nothing'), (5, 'kms_test_reader', 'nothing'), (6, 'kms_test_writer', 'nothing')) t (n, role, seen) ORDER BY n;
SELECT kms_grant('secret/first', 'kms_test_friend', '{GetSecretValue,ListSecretVersionIds,PutSecretValue}') \g /dev/null
SELECT is(pg_temp.seen('kms_test_friend'), 'his', 'who may read a secret, but not describe it, does not see it');
SELECT kms_grant('secret/first', 'kms_test_friend', '{DescribeSecret}') \g /dev/null
SELECT is(pg_temp.seen('kms_test_friend'), 'first,his', 'who may describe it does');
SELECT kms_revoke('secret/first', 'kms_test_friend', '{DescribeSecret}') \g /dev/null
SELECT is(pg_temp.seen('kms_test_friend'), 'his', 'as long as he may');
/* A function that would tell rows which one may not see. */
CREATE FUNCTION pg_temp.tell(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE EXCEPTION 'seen: %', what; END $$;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT FROM kms.secrets WHERE pg_temp.tell(secret_name)'), 'fine', 'a function of little cost is not called for secrets that one may not see'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT FROM kms.secret_versions WHERE pg_temp.tell(version_id)'), 'fine', 'nor for their versions'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT FROM kms_list_secrets() WHERE pg_temp.tell(secret_name)'), 'fine', 'nor in the list');
SELECT is(pg_temp.verdict_as(role, 'SELECT * FROM kms.' || name), verdict, format('%s is refused table %s', role, name))
  FROM unnest(ARRAY['secret', 'secret_version', 'secret_version_stage', 'secret_role']) name, (VALUES ('kms_test_owner', '42501|'), ('kms_test_stranger', '42501|')) t (role, verdict);
SELECT is(pg_temp.verdict_as(role, 'SELECT 1 / count(*) FROM kms.%I', name), '22012|', format('%s sees no row of table %s', role, name))
  FROM unnest(ARRAY['kms_test_reader', 'kms_test_writer']) role, unnest(ARRAY['secret', 'secret_version', 'secret_version_stage', 'secret_role']) name;
CREATE FUNCTION pg_temp.changed(statement text) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE changed bigint; BEGIN EXECUTE statement; GET DIAGNOSTICS changed = ROW_COUNT; RETURN changed; END $$;
SET ROLE kms_test_writer;
SELECT is(pg_temp.changed(statement), 0::bigint, 'a writer of all data changes nothing: ' || statement)
  FROM unnest(ARRAY['UPDATE kms.secret SET owner_name = current_user', 'DELETE FROM kms.secret', 'UPDATE kms.secret_version SET id = ''x''', 'DELETE FROM kms.secret_version', 'UPDATE kms.secret_version_stage SET version_id = ''v1''', 'DELETE FROM kms.secret_version_stage',
					'UPDATE kms.secret_role SET role_name = ''x''', 'DELETE FROM kms.secret_role']) statement;
SELECT is(pg_temp.verdict('INSERT INTO kms.secret_version_stage SELECT gen_random_uuid(), ''mine'', ''v1'', 1, 1, ''x'''), '42501|', 'and adds nothing');
RESET ROLE;

-- ---- transactions ---------------------------------------------------------

SAVEPOINT before;
SELECT kms_create_secret('t', 'v1', 'one') \g /dev/null
SELECT is(pg_temp.value('t'), 'one', 'a secret is read in its own transaction');
SAVEPOINT made;
SELECT kms_put_secret_value('t', 'v2', 'two') \g /dev/null
SELECT is(pg_temp.value('t'), 'two', 'so is a new version');
SAVEPOINT put;
SELECT kms_update_secret_version_stage('t', 'ACSCurrent', 'v1'), kms_update_secret('t', 'new'), kms_update_secret_version_stage('t', 'mine', 'v2') \g /dev/null
SELECT is(pg_temp.left_of('t'), 'active new v1{ACSCurrent} v2{ACSPrevious,mine}', 'a change counts at once');
ROLLBACK TO put;
SELECT is(pg_temp.left_of('t'), 'active v1{ACSPrevious} v2{ACSCurrent}', 'a change that was rolled back has left nothing'), is(pg_temp.value('t'), 'two', 'to be read');
SELECT kms_delete_secret('t') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_get_secret_value(''t'')'), :'window', 'a deletion counts at once');
ROLLBACK TO put;
SELECT is(pg_temp.value('t'), 'two', 'and rolled back, it does not');
SELECT kms_delete_secret('t', true) \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_get_secret_value(''t'')'), :'gone', 'at once means at once');
SELECT kms_create_secret('t', 'v1', 'other') \g /dev/null
SELECT is(pg_temp.value('t'), 'other', 'and the name is free at once');
ROLLBACK TO made;
SELECT is(pg_temp.left_of('t'), 'active v1{ACSCurrent}', 'rolled back, the first secret is there'), is(pg_temp.value('t'), 'one', 'with its only value');
DO $$
DECLARE
	given text;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		BEGIN
			PERFORM kms_put_secret_value('t', 'v2', 'x');
			given = (kms_get_secret_value('t')).secret_data;
			PERFORM CASE i % 5 WHEN 0 THEN kms_put_secret_value('t', 'v2', 'y') WHEN 1 THEN kms_put_secret_value('t', 'v3', repeat('x', 30721)) WHEN 2 THEN kms_put_secret_value('t', 'v3', 'x', '{a,a}')
							   WHEN 3 THEN kms_put_secret_value('t', 'v3', 'x', '{a,b,c,d,e,f,g}') ELSE kms_put_secret_value('unknown', 'v3', 'x') END;
			RAISE 'not refused';
		EXCEPTION WHEN invalid_parameter_value OR duplicate_object OR undefined_object OR program_limit_exceeded THEN
		END;
	END LOOP;
END
$$;
SELECT is(pg_temp.left_of('t'), 'active v1{ACSCurrent}', 'a thousand refusals caught leave the secret as it was'), is(pg_temp.value('t'), 'one', 'with its value'), is(pg_temp.undone('SELECT kms_put_secret_value(''t'', ''v2'', ''two''), pg_temp.value(''t'')'), 'fine', 'and it goes on');
ROLLBACK TO before;
SELECT is(pg_temp.verdict('SELECT kms_get_secret_value(''t'')'), :'gone', 'a secret whose making was rolled back is not there');
SET transaction_read_only = on;
SELECT is(pg_temp.verdict('SELECT kms_get_secret_value(''plain''), kms_describe_secret(''plain''), kms_list_secrets(), kms_list_secret_version_ids(''plain''), kms_list_resource_tags(secret_name => ''plain'')'), 'fine', 'in a read-only transaction secrets are read');
SELECT is(pg_temp.verdict(statement), '25006|UnsupportedOperation', 'but not changed: ' || statement)
  FROM unnest(ARRAY['SELECT kms_create_secret(''t'', ''v1'', ''x'')', 'SELECT kms_put_secret_value(''plain'', ''v2'', ''x'')', 'SELECT kms_update_secret(''plain'', ''x'')', 'SELECT kms_update_secret_version_stage(''plain'', ''mine'', ''v1'')',
					'SELECT kms_delete_secret(''plain'')', 'SELECT kms_delete_secret(''plain'', true)', 'SELECT kms_restore_secret(''m/scheduled'')', 'SELECT kms_rotate_secret(''rds'')', 'SELECT kms_update_secret_rotation_policy(''rds'', false)',
					'SELECT kms_tag_resource(''{"a": "1"}'', secret_name => ''plain'')', 'SELECT kms_untag_resource(''{a}'', secret_name => ''plain'')']) WITH ORDINALITY t (statement, n) ORDER BY n;
ROLLBACK TO before;

-- ---- a hostile search path ------------------------------------------------

GRANT CREATE ON DATABASE :"DBNAME" TO kms_test_stranger;
SET ROLE kms_test_stranger;
CREATE SCHEMA kms_test_trap;
GRANT USAGE ON SCHEMA kms_test_trap TO PUBLIC;
CREATE TABLE kms_test_trap.caught (what text, by_whom text);
GRANT INSERT, SELECT ON kms_test_trap.caught TO PUBLIC;
CREATE FUNCTION kms_test_trap.spring() RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('an operator or function', current_user); RETURN true; END $$;
CREATE FUNCTION kms_test_trap.spring_trigger() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('a trigger', current_user); RETURN NULL; END $$;
DO
$$
DECLARE
	symbol text;
	type text;
	name text;
BEGIN
	FOREACH type IN ARRAY ARRAY['uuid', 'text', 'bigint', 'integer', 'oid', 'jsonb', 'bytea', 'timestamptz', 'boolean'] LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION kms_test_trap.binary(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', type);
		FOREACH symbol IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '||', '~'] LOOP
			EXECUTE pg_catalog.format('CREATE OPERATOR kms_test_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = kms_test_trap.binary)', symbol, type, type);
		END LOOP;
	END LOOP;
	FOREACH symbol IN ARRAY ARRAY['->', '?'] LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION kms_test_trap.json_%s(jsonb, text) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''', pg_catalog.ascii(symbol));
		EXECUTE pg_catalog.format('CREATE OPERATOR kms_test_trap.%s (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = kms_test_trap.json_%s)', symbol, pg_catalog.ascii(symbol));
	END LOOP;
	EXECUTE 'CREATE FUNCTION kms_test_trap.json_any(jsonb, text[]) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.spring()''';
	EXECUTE 'CREATE OPERATOR kms_test_trap.?| (LEFTARG = jsonb, RIGHTARG = text[], FUNCTION = kms_test_trap.json_any)';
	EXECUTE 'CREATE FUNCTION kms_test_trap.lower(text) RETURNS text LANGUAGE sql AS ''SELECT kms_test_trap.spring()::text''';
	EXECUTE 'CREATE FUNCTION kms_test_trap.jsonb_array_elements_text(jsonb) RETURNS text LANGUAGE sql AS ''SELECT kms_test_trap.spring()::text''';
	EXECUTE 'CREATE FUNCTION kms_test_trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS ''SELECT NULL::timestamptz WHERE kms_test_trap.spring()''';
	FOREACH name IN ARRAY ARRAY['secret', 'secret_version', 'secret_version_stage', 'secret_role', 'grant_entry', 'alias', 'audit_entry'] LOOP
		EXECUTE pg_catalog.format('CREATE TABLE kms_test_trap.%I AS SELECT 1 AS id', name);
		EXECUTE pg_catalog.format('GRANT ALL ON kms_test_trap.%I TO PUBLIC', name);
		EXECUTE pg_catalog.format('CREATE TRIGGER spring AFTER INSERT OR UPDATE OR DELETE ON kms_test_trap.%I FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.spring_trigger()', name);
	END LOOP;
END
$$;
RESET ROLE;
CREATE TEMP TABLE secret (LIKE kms.secret);
CREATE TEMP TABLE secret_version (LIKE kms.secret_version);
CREATE TEMP TABLE secret_version_stage (LIKE kms.secret_version_stage);
INSERT INTO pg_temp.secret SELECT id, name, owner, owner_name, created_at, updated_at, type, sub_type, 'forged', key_id, key_is_chosen, extended_config, automatic_rotation, rotation_seconds, rotated_at, next_rotation_at, delete_at, hour_began_at, hour_rotations, due_at, account_id, domain_key_version, mac FROM kms.secret;
CREATE TRIGGER spring AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.spring_trigger();
CREATE TRIGGER spring AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret_version FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.spring_trigger();
CREATE TRIGGER spring AFTER INSERT OR UPDATE OR DELETE ON pg_temp.secret_version_stage FOR EACH STATEMENT EXECUTE FUNCTION kms_test_trap.spring_trigger();
GRANT ALL ON pg_temp.secret, pg_temp.secret_version, pg_temp.secret_version_stage TO PUBLIC;
CREATE FUNCTION pg_temp.with_path(path text, role name, statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result pg_catalog.text;
BEGIN
	EXECUTE pg_catalog.format('SET ROLE %I', role);
	PERFORM pg_catalog.set_config('search_path', path, true);
	result = pg_temp.verdict('%s', statement);
	RESET ROLE;
	RESET search_path;
	RETURN result;
END
$$;
DISCARD PLANS;
SELECT is(pg_temp.with_path('kms_test_trap, pg_catalog, public', 'kms_test_owner', 'SELECT secret_name = secret_name, lower(secret_type) FROM kms.secrets'), 'fine', 'a trap is laid');
SELECT isnt((SELECT count(*) FROM kms_test_trap.caught), 0::bigint, 'that catches');
DELETE FROM kms_test_trap.caught;
CREATE TEMP TABLE trapped (n serial, name text, statement text);
INSERT INTO trapped (name, statement) VALUES
	('CreateSecret', 'SELECT public.kms_create_secret(''trapped'', ''v1'', ''x''::pg_catalog.text)'), ('CreateSecret, binary', 'SELECT public.kms_create_secret(''trapped/binary'', ''v1'', ''x''::pg_catalog.bytea)'), ('CreateSecret, with a key', 'SELECT public.kms_create_secret(''trapped/keyed'', ''v1'', ''x''::pg_catalog.text, encryption_key_id => ' || quote_literal(:'key') || ')'),
	('DescribeSecret', 'SELECT public.kms_describe_secret(''trapped'', true)'), ('PutSecretValue', 'SELECT public.kms_put_secret_value(''trapped'', ''v2'', ''y''::pg_catalog.text, ''{ACSCurrent,mine}'')'), ('PutSecretValue, again', 'SELECT public.kms_put_secret_value(''trapped'', ''v2'', ''y''::pg_catalog.text)'),
	('GetSecretValue', 'SELECT public.kms_get_secret_value(''trapped''), public.kms_get_secret_value(''trapped'', ''ACSPrevious'', ''v1'')'), ('UpdateSecret', 'SELECT public.kms_update_secret(''trapped'', ''new'')'), ('UpdateSecretVersionStage', 'SELECT public.kms_update_secret_version_stage(''trapped'', ''mine'', ''v1'', ''v2'')'),
	('ListSecretVersionIds', 'SELECT * FROM public.kms_list_secret_version_ids(''trapped'', true)'), ('ListSecrets', 'SELECT * FROM public.kms_list_secrets(''[{"Key": "SecretName", "Values": ["trapped"]}, {"Key": "SecretType", "Values": ["Generic"]}, {"Key": "Description", "Values": ["new"]}, {"Key": "Creator", "Values": ["kms_test_owner"]}]'', true)'),
	('the views', 'SELECT * FROM kms.secrets, kms.secret_versions'), ('Grant', 'SELECT public.kms_grant(''secret/trapped'', ''kms_test_friend'', ''{*}'')'), ('ListGrants', 'SELECT * FROM public.kms_list_grants(''secret/trapped'')'), ('Can', 'SELECT public.kms_can(''GetSecretValue'', ''secret/trapped'')'),
	('Revoke', 'SELECT public.kms_revoke(''secret/trapped'', ''kms_test_friend'')'), ('DeleteSecret', 'SELECT public.kms_delete_secret(''trapped'')'), ('RestoreSecret', 'SELECT public.kms_restore_secret(''trapped'')'), ('SetOwner', 'SELECT public.kms_set_owner(''secret/trapped'', ''kms_test_owner'')'),
	('DeleteSecret, at once', 'SELECT public.kms_delete_secret(''trapped'', true), public.kms_delete_secret(''trapped/binary'', true), public.kms_delete_secret(''trapped/keyed'', true)');
SELECT is(pg_temp.with_path(path, 'kms_test_owner', statement), 'fine', format('%s works with search path "%s"', name, path)) FROM trapped, unnest(ARRAY['kms_test_trap, pg_catalog, public', 'pg_temp, kms_test_trap, pg_catalog', '']) WITH ORDINALITY u (path, p) ORDER BY p, n;
SELECT is(pg_temp.with_path(path, 'postgres', statement), 'fine', format('%s of a role''s password works with search path "%s"', name, path))
  FROM (VALUES (1, 'RotateSecret', 'SELECT public.kms_rotate_secret(''rds'')'), (2, 'UpdateSecretRotationPolicy', 'SELECT public.kms_update_secret_rotation_policy(''rds'', true, ''7 days'')'), (3, 'UpdateSecret', 'SELECT public.kms_update_secret(''rds'', custom_data => ''{"a": 1}'')'),
			   (4, 'GetSecretValue', 'SELECT public.kms_get_secret_value(''rds'', fetch_extended_config => true)')) t (n, name, statement), unnest(ARRAY['kms_test_trap, pg_catalog, public', 'pg_temp, kms_test_trap, pg_catalog']) WITH ORDINALITY u (path, p) ORDER BY p, n;
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'and nothing of the trap ran');
SELECT results_eq('SELECT DISTINCT description FROM pg_temp.secret', 'VALUES (''forged'')', 'a temporary table of our name is as it was'), isnt((kms_describe_secret('plain')).description, 'forged', 'and not what is described');

SELECT * FROM finish();
ROLLBACK;
