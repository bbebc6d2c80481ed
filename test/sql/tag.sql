-- Tags of keys, secrets and certificates: given with creation and later, changed, taken away, listed, filtered by; limits, rights, and their end with the resource.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(142);

CREATE ROLE kms_test_owner;
CREATE ROLE kms_test_grantee;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key, kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval) TO kms_test_owner;
SET ROLE kms_test_owner;

/* The tags of a resource, in one line. */
CREATE FUNCTION pg_temp.tags_of(key_id text, secret_name text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(tag_key || '=' || tag_value, ' ' ORDER BY tag_key COLLATE "C"), 'none') FROM kms_list_resource_tags(key_id, secret_name)
$$;

-- ---- with creation --------------------------------------------------------

SELECT kms_create_key(tags => '[{"TagKey": "team", "TagValue": "red"}, {"TagKey": "env", "TagValue": ""}]') AS key \gset
SELECT kms_create_key(tags => '{"team": "blue"}') AS other \gset
SELECT kms_create_key() AS bare \gset
SELECT kms_create_key(tags => '[]') AS none \gset
SELECT kms_create_alias(:'key', 'alias/tagged') \g /dev/null
SELECT (kms_describe_key(:'key')).arn AS arn \gset
SELECT count(kms_create_secret('tagged/a', 'v1', 'x', tags => '{"team": "red", "z": "1"}')), count(kms_create_secret('tagged/b', 'v1', 'x')) \g /dev/null
SELECT is(pg_temp.tags_of(:'key'), 'env= team=red', 'a key is made with tags, of which a value may be empty'),
	   is(pg_temp.tags_of(:'other'), 'team=blue', 'they can be given as an object too'),
	   is(pg_temp.tags_of(:'bare'), 'none', 'or not at all'),
	   is(pg_temp.tags_of(:'none'), 'none', 'an empty list is none'),
	   is(pg_temp.tags_of('alias/tagged'), 'env= team=red', 'they are listed by alias'),
	   is(pg_temp.tags_of(:'arn'), 'env= team=red', 'and by ARN'),
	   is(pg_temp.tags_of(NULL, 'tagged/a'), 'team=red z=1', 'a secret is made with tags'),
	   is(pg_temp.tags_of(NULL, (kms_describe_secret('tagged/a')).arn), 'team=red z=1', 'and they are listed by its ARN');

-- ---- later ----------------------------------------------------------------

SELECT kms_tag_resource('{"team": "green", "new": "1"}', key_id => :'key') \g /dev/null
SELECT is(pg_temp.tags_of(:'key'), 'env= new=1 team=green', 'a new tag is added, and one that is there gets the new value');
SELECT kms_tag_resource('[{"TagValue": "2", "TagKey": "new"}]', key_id => 'alias/tagged') \g /dev/null
SELECT is(pg_temp.tags_of(:'key'), 'env= new=2 team=green', 'by alias too');
SELECT kms_tag_resource('{}', key_id => :'key') \g /dev/null
SELECT is(pg_temp.tags_of(:'key'), 'env= new=2 team=green', 'no tags change nothing');
SELECT kms_untag_resource('{new,never,new}', key_id => :'key') \g /dev/null
SELECT is(pg_temp.tags_of(:'key'), 'env= team=green', 'tags are taken away; those that are not there are no error');
SELECT is(pg_temp.tags_of(:'other'), 'team=blue', 'other keys keep theirs');
SELECT kms_tag_resource('{"Team": "x"}', key_id => :'other') \g /dev/null
SELECT is(pg_temp.tags_of(:'other'), 'Team=x team=blue', 'case counts');
SELECT kms_tag_resource('{"s": "1"}', secret_name => 'tagged/b'), kms_untag_resource('{z}', secret_name => 'tagged/a') \g /dev/null
SELECT is(pg_temp.tags_of(NULL, 'tagged/a'), 'team=red', 'a secret loses a tag'),
	   is(pg_temp.tags_of(NULL, 'tagged/b'), 's=1', 'another gets one');
SAVEPOINT s;
SELECT kms_tag_resource('{"gone": "1"}', key_id => :'key'), kms_untag_resource('{env}', key_id => :'key') \g /dev/null
ROLLBACK TO s;
SELECT is(pg_temp.tags_of(:'key'), 'env= team=green', 'what was rolled back did not happen');

-- ---- lists and views ------------------------------------------------------

SELECT set_eq($$SELECT key_id FROM kms_list_keys('[{"Key": "TagKey", "Values": ["team"]}]')$$, ARRAY[:'key', :'other']::uuid[], 'keys are found by a tag''s key'),
	   set_eq($$SELECT key_id FROM kms_list_keys('[{"Key": "TagKey", "Values": ["team", "none"]}, {"Key": "TagValue", "Values": ["green", "red"]}]')$$, ARRAY[:'key']::uuid[], 'by key and value of one tag'),
	   is_empty($$SELECT key_id FROM kms_list_keys('[{"Key": "TagKey", "Values": ["env"]}, {"Key": "TagValue", "Values": ["green"]}]')$$, 'not by the key of one and the value of another'),
	   set_eq($$SELECT key_id FROM kms_list_keys('[{"Key": "TagValue", "Values": ["blue"]}]')$$, ARRAY[:'other']::uuid[], 'by a value'),
	   set_eq($$SELECT secret_name FROM kms_list_secrets('[{"Key": "TagKey", "Values": ["team"]}]')$$, ARRAY['tagged/a'], 'secrets are found by a tag'),
	   set_eq($$SELECT secret_name, tags FROM kms_list_secrets(fetch_tags => true)$$,
			  $$VALUES ('tagged/a', '[{"TagKey": "team", "TagValue": "red"}]'::jsonb), ('tagged/b', '[{"TagKey": "s", "TagValue": "1"}]')$$, 'and listed with them'),
	   set_eq('SELECT tags FROM kms_list_secrets()', ARRAY[NULL]::jsonb[], 'if that is asked for'),
	   is((kms_describe_secret('tagged/a', true)).tags, '[{"TagKey": "team", "TagValue": "red"}]', 'so are they described'),
	   is((kms_describe_secret('tagged/a')).tags, NULL, 'likewise');
SELECT set_eq('SELECT * FROM kms.tags', format($$VALUES ('key', %L, 'env', ''), ('key', %1$L, 'team', 'green'), ('key', %L, 'team', 'blue'), ('key', %2$L, 'Team', 'x'),
	('secret', 'secret/tagged/a', 'team', 'red'), ('secret', 'secret/tagged/b', 's', '1')$$, :'key', :'other'), 'the view shows all of them');

-- ---- limits and bad input -------------------------------------------------

SELECT is(pg_temp.verdict('SELECT kms_tag_resource(jsonb_build_object(%L, %L), %L)', key, value, :'bare'), 'fine', what || ' is a tag')
  FROM (VALUES ('a', '', 'a letter without a value'), (repeat('k', 128), repeat('v', 128), '128 and 128 characters'), ('azAZ09/\_-.+=@:', 'azAZ09/\_-.+=@:', 'every character that is allowed'),
			   ('acs', 'x', 'acs'), ('ali', 'x', 'ali'), ('xaliyun', 'x', 'xaliyun')) t (key, value, what);
SELECT kms_untag_resource(array_agg(tag_key), :'bare') FROM kms_list_resource_tags(:'bare') \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_tag_resource(jsonb_build_object(%L, %L), %L)', key, value, :'bare'), '22023|InvalidParameter', what || ' is none')
  FROM (VALUES ('', 'x', 'an empty key'), (repeat('k', 129), 'x', 'a key of 129 characters'), ('k', repeat('v', 129), 'a value of 129 characters'), ('a b', 'x', 'a blank'),
			   ('ä', 'x', 'another letter'), ('a', 'ä', 'another letter in a value'), ('a,', 'x', 'a comma'), ('aliyun', 'x', 'aliyun'), ('aliyunx', 'x', 'aliyunx'), ('Aliyun', 'x', 'Aliyun'),
			   ('acs:', 'x', 'acs:'), ('ACS:x', 'x', 'ACS:x')) t (key, value, what);
SELECT is(pg_temp.verdict('SELECT kms_tag_resource(%L, %L)', tags, :'bare'), '22023|InvalidParameter', 'refused: ' || tags)
  FROM unnest(ARRAY['1', '"a"', 'null', 'true', '[1]', '["a"]', '[[]]', '[{}]', '[{"TagKey": "a"}]', '[{"TagValue": "a"}]', '[{"TagKey": "a", "TagValue": 1}]', '[{"TagKey": 1, "TagValue": "a"}]',
					'[{"TagKey": "a", "TagValue": null}]', '[{"TagKey": "a", "TagValue": "b", "x": "c"}]', '[{"Key": "a", "Value": "b"}]', '{"a": 1}', '{"a": null}', '{"a": {}}', '{"a": ["b"]}',
					'[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]']) tags;
SELECT is(pg_temp.tags_of(:'bare'), 'none', 'nothing of that was stored');
SELECT is(pg_temp.verdict('SELECT kms_create_key(tags => %L)', '{"acs:x": "1"}'), '22023|InvalidParameter', 'a key is not made with a bad tag'),
	   is(pg_temp.verdict('SELECT kms_create_secret(''tagged/c'', ''v1'', ''x'', tags => %L)', '{"acs:x": "1"}'), '22023|InvalidParameter', 'nor is a secret'),
	   is(pg_temp.verdict('SELECT kms_untag_resource(%L, %L)', keys, :'bare'), '22023|InvalidParameter', 'what cannot be a tag cannot be taken away: ' || keys)
  FROM unnest(ARRAY['{}', '{NULL}', '{""}', '{a b}', '{acs:x}', '{{a}}']) keys;
SELECT string_agg(format('"k%s": ""', n), ', ') AS twenty FROM generate_series(1, 20) n \gset
SELECT is(pg_temp.verdict('SELECT kms_tag_resource(%L, %L)', '{' || :'twenty' || '}', :'bare'), 'fine', 'twenty tags are allowed'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(''{"k20": "new"}'', %L)', :'bare'), 'fine', 'with twenty, one can get a new value'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(''{"k21": ""}'', %L)', :'bare'), '54000|Rejected.LimitExceeded', 'a 21st is refused'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(%L, %L)', '{' || :'twenty' || ', "k21": ""}', :'none'), '54000|Rejected.LimitExceeded', 'also all at once'),
	   is(pg_temp.verdict('SELECT kms_create_key(tags => %L)', '{' || :'twenty' || ', "k21": ""}'), '54000|Rejected.LimitExceeded', 'or with creation'),
	   is(pg_temp.verdict('SELECT kms_create_secret(''tagged/c'', ''v1'', ''x'', tags => %L)', '{' || :'twenty' || ', "k21": ""}'), '54000|Rejected.LimitExceeded', 'of a secret too');
SELECT is(pg_temp.verdict(statement, :'key'), '22023|InvalidParameter', statement)
  FROM unnest(ARRAY['SELECT kms_tag_resource(''{"a": ""}'')', 'SELECT kms_tag_resource(''{"a": ""}'', %L, ''tagged/a'')', 'SELECT kms_tag_resource(''{"a": ""}'', %L, ''tagged/a'', ''x'')',
					'SELECT kms_untag_resource(''{a}'')', 'SELECT kms_untag_resource(''{a}'', %L, ''tagged/a'')', 'SELECT kms_list_resource_tags()', 'SELECT kms_list_resource_tags(%L, ''tagged/a'')',
					'SELECT kms_tag_resource(''{"a": ""}'', ''nonsense'')', 'SELECT kms_tag_resource(''{"a": ""}'', secret_name => ''a b'')']) statement;
SELECT is(pg_temp.verdict(statement), wanted, statement)
  FROM (VALUES ('SELECT kms_tag_resource(NULL, ''alias/tagged'')', '22004|MissingParameter'), ('SELECT kms_untag_resource(NULL, ''alias/tagged'')', '22004|MissingParameter'),
			   ('SELECT kms_tag_resource(''{"a": ""}'', gen_random_uuid()::text)', '42704|Forbidden.KeyNotFound'), ('SELECT kms_tag_resource(''{"a": ""}'', ''alias/never'')', '42704|Forbidden.AliasNotFound'),
			   ('SELECT kms_tag_resource(''{"a": ""}'', secret_name => ''never'')', '42704|Forbidden.ResourceNotFound'), ('SELECT kms_untag_resource(''{a}'', secret_name => ''never'')', '42704|Forbidden.ResourceNotFound'),
			   ('SELECT kms_list_resource_tags(secret_name => ''never'')', '42704|Forbidden.ResourceNotFound'),
			   ('SELECT kms_tag_resource(''{"a": ""}'', certificate_id => ''x'')', '22023|InvalidParameter'), ('SELECT kms_tag_resource(''{"a": ""}'', certificate_id => gen_random_uuid()::text)', '42704|Certificate.NotFound'),
			   ('SELECT kms_untag_resource(''{a}'', certificate_id => gen_random_uuid()::text)', '42704|Certificate.NotFound'), ('SELECT kms_list_resource_tags(certificate_id => gen_random_uuid()::text)', '42704|Certificate.NotFound')) t (statement, wanted);

-- ---- states ---------------------------------------------------------------

SELECT kms_disable_key(:'other'), count(kms_delete_secret('tagged/b')) \g /dev/null
SELECT kms_create_key(origin => 'EXTERNAL', tags => '{"a": ""}') AS external \gset
SELECT kms_create_key(tags => '{"a": ""}') AS doomed \gset
SELECT kms_schedule_key_deletion(:'doomed', 7) \g /dev/null
SELECT is(pg_temp.verdict('SELECT kms_tag_resource(''{"b": ""}'', %L), kms_untag_resource(''{a}'', %1$L)', key_id), wanted, 'a key that is ' || what)
  FROM (VALUES (:'other', 'disabled may be tagged', 'fine'), (:'external', 'waiting for its material may be tagged', 'fine'), (:'doomed', 'pending deletion may not', '55000|Rejected.PendingDeletion')) t (key_id, what, wanted);
SELECT is(pg_temp.verdict('SELECT kms_untag_resource(''{a}'', %L)', :'doomed'), '55000|Rejected.PendingDeletion', 'nor lose a tag'),
	   is(pg_temp.tags_of(:'doomed'), 'a=', 'it shows its tags'),
	   is(pg_temp.verdict('SELECT kms_tag_resource(''{"b": ""}'', secret_name => ''tagged/b''), kms_untag_resource(''{s}'', secret_name => ''tagged/b'')'), 'fine', 'a secret that is scheduled for deletion may be tagged'),
	   is(pg_temp.tags_of(NULL, 'tagged/b'), 'b=', 'and shows its tags');

-- ---- who may --------------------------------------------------------------

SELECT is(pg_temp.verdict_as('kms_test_stranger', statement, :'key'), '42501|Forbidden.NoPermission', 'a stranger: ' || statement)
  FROM unnest(ARRAY['SELECT kms_tag_resource(''{"b": ""}'', %L)', 'SELECT kms_untag_resource(''{b}'', %L)', 'SELECT kms_list_resource_tags(%L)', 'SELECT kms_tag_resource(''{"b": ""}'', secret_name => ''tagged/a'')',
					'SELECT kms_untag_resource(''{b}'', secret_name => ''tagged/a'')', 'SELECT kms_list_resource_tags(secret_name => ''tagged/a'')']) statement;
SELECT kms_grant(:'key', 'kms_test_grantee', '{TagResource}'), kms_grant('secret/tagged/a', 'kms_test_grantee', '{ListResourceTags,DescribeSecret}') \g /dev/null
SELECT is(pg_temp.verdict_as('kms_test_grantee', statement, :'key'), wanted, statement || ', as granted')
  FROM (VALUES ('SELECT kms_tag_resource(''{"b": ""}'', %L)', 'fine'), ('SELECT kms_untag_resource(''{b}'', %L)', '42501|Forbidden.NoPermission'), ('SELECT kms_list_resource_tags(%L)', '42501|Forbidden.NoPermission'),
			   ('SELECT kms_list_resource_tags(secret_name => ''tagged/a'')', 'fine'), ('SELECT kms_tag_resource(''{"b": ""}'', secret_name => ''tagged/a'')', '42501|Forbidden.NoPermission')) t (statement, wanted);
SET ROLE kms_test_grantee;
SELECT set_eq('SELECT resource FROM kms.tags', ARRAY['secret/tagged/a'], 'the view shows the tags of what one may describe'),
	   is_empty($$SELECT FROM kms_list_keys('[{"Key": "TagKey", "Values": ["team"]}]')$$, 'and nothing else is found by its tags');
RESET ROLE;
SELECT is(pg_temp.verdict('SELECT kms_tag_resource(''{"super": ""}'', %L)', :'key'), 'fine', 'a superuser manages tags'),
	   is(pg_temp.verdict('SELECT kms_list_resource_tags(%L)', :'key'), 'fine', 'and lists them');
SELECT results_eq(format($$SELECT operation, user_name, detail FROM kms.audit_log WHERE resource = %L AND operation ~ 'Tag|Untag' ORDER BY occurred_at DESC LIMIT 2$$, :'key'),
				  $$VALUES ('TagResource'::text COLLATE "C", 'postgres'::text COLLATE "C", 'tags super'::text COLLATE "C"), ('TagResource', 'kms_test_grantee', 'tags b')$$, 'changes are in the audit log, by the keys of the tags');
SELECT is(pg_temp.verdict('SELECT kms_untag_resource(array_fill(''never''::text, ARRAY[100000]) || ''{b,b}'', %L)', :'key'), 'fine', 'a hundred thousand keys may be named');
SELECT is((SELECT detail COLLATE "default" FROM kms.audit_log WHERE resource = :'key' ORDER BY occurred_at DESC LIMIT 1), 'tags b', 'of which those that were there are in the log, once');
SELECT kms_untag_resource('{never}', :'key') \g /dev/null
SELECT is((SELECT operation COLLATE "default" || coalesce(detail, '') FROM kms.audit_log WHERE resource = :'key' ORDER BY occurred_at DESC LIMIT 1), 'UntagResource', 'or none');

-- ---- their end ------------------------------------------------------------

SELECT kms_test.let_time_pass() \g /dev/null
UPDATE kms.key SET delete_at = clock_timestamp() WHERE id = :'doomed';
SET kms.audit = off;
SELECT is((SELECT outcome FROM kms_run_jobs() WHERE resource = :'doomed'), 'done', 'a key is erased'),
	   is_empty(format('SELECT FROM kms.tag WHERE resource = %L', :'doomed'), 'and its tags with it');
SET ROLE kms_test_owner;
SELECT count(kms_delete_secret('tagged/a', true)), count(kms_create_secret('tagged/a', 'v1', 'x')) \g /dev/null
SELECT is(pg_temp.tags_of(NULL, 'tagged/a'), 'none', 'a secret of the same name has none of the former tags');
RESET ROLE;
SELECT is_empty('SELECT * FROM kms_check_integrity() WHERE table_name = ''tag''', 'no tag is left behind');
INSERT INTO kms.tag VALUES (gen_random_uuid(), 'a', '', 'key');
SELECT is((SELECT string_agg(table_name || ': ' || problem, ', ') FROM kms_check_integrity() WHERE table_name = 'tag'), 'tag: its key, secret or certificate does not exist', 'one that belongs to nothing is reported');

-- ---- the region -----------------------------------------------------------

SELECT results_eq('SELECT region_id FROM kms_describe_regions()', ARRAY[current_setting('kms.region')], 'the region is the setting''s');

SELECT * FROM finish();
ROLLBACK;
