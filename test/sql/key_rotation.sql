-- Automatic rotation: intervals, the next date, what is overdue, many versions.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(154);

SELECT kms_create_key() AS key \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob \gset

-- ---- intervals ------------------------------------------------------------

CREATE TEMP TABLE given (n serial, rotation_interval text, seconds bigint);
INSERT INTO given (rotation_interval, seconds) VALUES
	('7 days', 604800), ('1 week', 604800), ('168 hours', 604800), ('604800 seconds', 604800), ('10080 minutes', 604800),
	('6 days 24 hours', 604800), ('8 days -24 hours', 604800), ('-1 day 192 hours', 604800), ('7 days 1 second', 604801),
	('30 days', 2592000), ('365 days', 31536000), ('365 days 12 hours 30 minutes 15 seconds', 31581015),
	('729 days 23:59:59', 63071999), ('730 days', 63072000), ('17520 hours', 63072000);
CREATE TEMP TABLE refused (n serial, rotation_interval text, why text);
INSERT INTO refused (rotation_interval, why) VALUES
	('6 days', 'it must be 7 to 730 days'), ('6 days 23:59:59', 'it must be 7 to 730 days'), ('604799 seconds', 'it must be 7 to 730 days'),
	('731 days', 'it must be 7 to 730 days'), ('730 days 1 second', 'it must be 7 to 730 days'), ('63072001 seconds', 'it must be 7 to 730 days'),
	('0', 'it must be 7 to 730 days'), ('1 second', 'it must be 7 to 730 days'), ('-1 second', 'it must be 7 to 730 days'), ('-7 days', 'it must be 7 to 730 days'),
	('-30 days', 'it must be 7 to 730 days'), ('7 days -1 second', 'it must be 7 to 730 days'), ('2147483647 days', 'it must be 7 to 730 days'),
	('-2147483648 days', 'it must be 7 to 730 days'), ('2562047788 hours', 'it must be 7 to 730 days'),
	('1 month', 'months have no fixed length; give days'), ('1 year', 'months have no fixed length; give days'), ('-1 month', 'months have no fixed length; give days'),
	('1 month -20 days', 'months have no fixed length; give days'), ('1 mon 10 days', 'months have no fixed length; give days'),
	('7 days 0.5 seconds', 'it must be whole seconds'), ('604800.000001 seconds', 'it must be whole seconds'), ('-0.1 seconds', 'it must be whole seconds');

SELECT is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', :'key', rotation_interval), 'fine', 'a key may rotate every ' || rotation_interval)
	   || E'\n' || is(extract(epoch FROM (kms_describe_key(:'key')).rotation_interval)::bigint, seconds, 'which is kept as it is')
  FROM given ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_update_rotation_policy(%L, true, %L)', :'key', rotation_interval), '22023|InvalidParameter|invalid value for rotation_interval: ' || why,
		  'no key rotates every ' || rotation_interval)
  FROM refused ORDER BY n;
SELECT is(extract(epoch FROM (kms_describe_key(:'key')).rotation_interval)::bigint, 63072000::bigint, 'what is refused leaves the interval as it was');
SELECT is(pg_temp.complaint('SELECT kms_update_rotation_policy(%L, true)', :'key'), '22023|InvalidParameter|invalid value for rotation_interval: automatic rotation needs one', 'an interval must be given'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, NULL)', :'key'), '22023|InvalidParameter', 'and not be null'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, NULL, %L)', :'key', '7 days'), '22004|MissingParameter', 'and it must be said whether to rotate'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(NULL, true, %L)', '7 days'), '22004|MissingParameter', 'and what');

SELECT is(string_agg(g.rotation_interval, ', ') FILTER (WHERE extract(epoch FROM (kms_describe_key(k::text)).rotation_interval) <> g.seconds), NULL, 'a key is made with any of them, too')
  FROM given g CROSS JOIN LATERAL (SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => g.rotation_interval::interval) AS k OFFSET 0) m;
SELECT is(string_agg(rotation_interval || ' ' || got, ', ') FILTER (WHERE got <> '22023|InvalidParameter'), NULL, 'and with none that is refused')
  FROM refused CROSS JOIN LATERAL (SELECT pg_temp.verdict('SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => %L)', rotation_interval) AS got OFFSET 0) v;
SELECT is(pg_temp.verdict('SELECT kms_create_key(enable_automatic_rotation => true)'), '22023|InvalidParameter', 'automatic rotation needs an interval from the start');
SELECT kms_create_key(rotation_interval => '30 days') AS plain \gset
SELECT is((d).automatic_rotation || coalesce((d).rotation_interval::text, ' without'), 'Disabled without', 'an interval alone rotates nothing'),
	   ok((d).next_rotation_date IS NULL, 'and sets no date')
  FROM (SELECT kms_describe_key(:'plain') AS d OFFSET 0) t;

-- ---- the next date --------------------------------------------------------

SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS made \gset
SELECT is((d).automatic_rotation, 'Enabled', 'a key made to rotate is described as such'),
	   is((d).next_rotation_date, (d).creation_date + interval '720 hours', 'its next date is its creation and the interval, in days of 24 hours'),
	   is((d).last_rotation_date, (d).creation_date, 'its creation counts as the last rotation')
  FROM (SELECT kms_describe_key(:'made') AS d OFFSET 0) t;
SELECT kms_update_rotation_policy(:'made', true, '60 days') IS NULL AS ignored \gset
SELECT is((d).next_rotation_date, (d).last_rotation_date + interval '1440 hours', 'a longer interval counts from the last rotation') FROM (SELECT kms_describe_key(:'made') AS d OFFSET 0) t;
SELECT kms_create_key_version(:'made') AS by_hand \gset
SELECT is((d).last_rotation_date, (kms_describe_key_version(:'made', :'by_hand')).creation_date, 'a rotation by hand is a rotation'),
	   is((d).next_rotation_date, (d).last_rotation_date + interval '1440 hours', 'from which the next date counts')
  FROM (SELECT kms_describe_key(:'made') AS d OFFSET 0) t;
SELECT kms_update_rotation_policy(:'made', false) IS NULL AS ignored \gset
SELECT is((d).automatic_rotation, 'Disabled', 'rotation can be turned off'),
	   ok((d).rotation_interval IS NULL, 'then there is no interval'),
	   ok((d).next_rotation_date IS NULL, 'and no date'),
	   is((d).primary_key_version, :'by_hand', 'but the primary version'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'made')), 2::bigint, 'and every version')
  FROM (SELECT kms_describe_key(:'made') AS d OFFSET 0) t;
SELECT is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, false)', :'made'), 'fine', 'turned off it can be turned off again'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, false, %L)', :'made', '1 month'), 'fine', 'whatever the interval says then'),
	   ok((kms_describe_key(:'made')).rotation_interval IS NULL, 'which is not kept');
SELECT kms_create_key_version(:'made') AS ignored \gset
SELECT ok((kms_describe_key(:'made')).next_rotation_date IS NULL, 'by hand it still rotates, without a next date');

/* In a time zone where the clocks change within the interval, and with another output of intervals. */
SET LOCAL timezone = 'Europe/Berlin';
SET LOCAL intervalstyle = 'iso_8601';
SELECT kms_update_rotation_policy(:'made', true, 'P365D') IS NULL AS ignored \gset
SELECT is(extract(epoch FROM (d).next_rotation_date - (d).last_rotation_date)::bigint, 31536000::bigint, 'a day has 24 hours in every time zone') FROM (SELECT kms_describe_key(:'made') AS d OFFSET 0) t;
RESET timezone;
RESET intervalstyle;

-- ---- suspended ------------------------------------------------------------

SELECT kms_disable_key(:'made') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'made')).automatic_rotation, 'Suspended', 'the rotation of a disabled key is suspended'),
	   is((SELECT automatic_rotation FROM kms.keys WHERE key_id = :'made'), 'Suspended', 'so says the view'),
	   is((kms_describe_key(:'made')).rotation_interval, '365 days', 'its interval stays'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', :'made', '30 days'), '55000|Rejected.Disabled', 'and is not changed'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, false)', :'made'), '55000|Rejected.Disabled', 'nor taken away'),
	   is_empty(format('SELECT FROM kms.jobs WHERE resource = %L', :'made'), 'there is nothing to do for it');
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
UPDATE kms.key SET rotated_at = now() - interval '400 days', next_rotation_at = now() - interval '35 days' WHERE id = :'made';
SELECT is_empty(format('SELECT FROM kms_run_jobs() WHERE resource = %L', :'made'), 'nothing is done when its date comes');
SELECT kms_enable_key(:'made') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'made')).automatic_rotation, 'Enabled', 'enabled, its rotation goes on'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'made')), 3::bigint, 'not in the call itself'),
	   is((SELECT job || ' ' || outcome FROM kms.jobs WHERE resource = :'made'), 'KeyRotation due', 'but it is due');
SELECT results_eq(format('SELECT job, outcome, detail FROM kms_run_jobs() WHERE resource = %L', :'made'), $$VALUES ('KeyRotation', 'done', NULL::text)$$, 'and is done');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'made')), 4::bigint, 'once'),
	   is((d).next_rotation_date, (d).last_rotation_date + interval '8760 hours', 'from which the next date counts'),
	   ok((d).last_rotation_date >= now(), 'and not from the date that was missed')
  FROM (SELECT kms_describe_key(:'made') AS d OFFSET 0) t;
SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days') AS doomed \gset
SELECT kms_schedule_key_deletion(:'doomed', 7) AS ignored \gset
UPDATE kms.key SET rotated_at = now() - interval '400 days', next_rotation_at = now() - interval '370 days' WHERE id = :'doomed';
SELECT is((kms_describe_key(:'doomed')).automatic_rotation, 'Suspended', 'the rotation of a key that is pending deletion is suspended'),
	   is_empty(format('SELECT FROM kms_run_jobs() WHERE resource = %L', :'doomed'), 'and not done when its date comes');

-- ---- overdue --------------------------------------------------------------

UPDATE kms.key SET rotated_at = now() - interval '20 days' WHERE id = :'key';
SELECT (kms_describe_key(:'key')).primary_key_version AS first \gset
SELECT kms_update_rotation_policy(:'key', true, '21 days') IS NULL AS ignored \gset
SELECT is((kms_describe_key(:'key')).primary_key_version, :'first', 'a policy whose date is to come rotates nothing yet'),
	   is((kms_describe_key(:'key')).next_rotation_date, now() + interval '24 hours', 'but on its date');
SELECT kms_update_rotation_policy(:'key', true, '10 days') IS NULL AS ignored \gset
SELECT isnt((d).primary_key_version, :'first', 'a policy whose date has passed rotates at once'),
	   ok((d).last_rotation_date >= now(), 'and that is the last rotation'),
	   is((d).next_rotation_date, (d).last_rotation_date + interval '240 hours', 'from which the next date counts'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'key')), 2::bigint, 'once'),
	   is(kms_decrypt_text(:'blob'), 'x', 'and the old version decrypts')
  FROM (SELECT kms_describe_key(:'key') AS d OFFSET 0) t;
SELECT is_empty(format('SELECT FROM kms_run_jobs() WHERE resource = %L', :'key'), 'nothing is left to do then');
SELECT kms_update_rotation_policy(:'key', false) IS NULL AS ignored \gset
UPDATE kms.key SET rotated_at = now() - interval '1000 days' WHERE id = :'key';
SELECT is_empty(format('SELECT FROM kms_run_jobs() WHERE resource = %L', :'key'), 'without a policy nothing is ever overdue');

-- ---- kinds of keys --------------------------------------------------------

SELECT is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', kms_create_key(spec)::text, '7 days'), 'fine', spec || ' rotates')
  FROM unnest(ARRAY['Aliyun_AES_256', 'Aliyun_AES_192', 'Aliyun_AES_128', 'Aliyun_SM4']) spec;
SELECT kms_create_key(origin => 'EXTERNAL') AS external \gset
SELECT is(pg_temp.complaint('SELECT kms_update_rotation_policy(%L, true, %L)', :'external', '7 days'),
		  format('0A000|Rejected.UnsupportedOperation|key "%s" has imported material and cannot be rotated', :'external'), 'a key of external origin does not rotate'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, false)', :'external'), '0A000|Rejected.UnsupportedOperation', 'nor is its rotation turned off'),
	   is(pg_temp.verdict('SELECT kms_create_key(origin => %L, enable_automatic_rotation => true, rotation_interval => %L)', 'EXTERNAL', '7 days'), '0A000|UnsupportedOperation', 'nor is one made to rotate');
SELECT kms_schedule_key_deletion(:'external', 7) AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', :'external', '7 days'), '0A000|Rejected.UnsupportedOperation', 'whatever its state');
SELECT is(pg_temp.complaint('SELECT kms_update_rotation_policy(%L, %s, %L)', key_id, enable, '7 days'),
		  format('0A000|Rejected.UnsupportedOperation|key "%s" is no symmetric encryption key: it does not rotate', key_id), format('the rotation of a key of %s is not set to %s', spec, enable)),
	   is(pg_temp.verdict('SELECT kms_create_key(%L, enable_automatic_rotation => %L, rotation_interval => %L)', spec, enable, '7 days'), CASE enable WHEN 'true' THEN '0A000|UnsupportedOperation' ELSE 'fine' END,
		  format('nor is one made with rotation %s, unless that is no rotation', enable))
  FROM (SELECT spec, kms_create_key(spec)::text AS key_id FROM unnest(ARRAY['EC_P256', 'EC_SM2', 'ED25519', 'HMAC_SHA_256', 'HMAC_SM3']) spec OFFSET 0) k, unnest(ARRAY['true', 'false']) enable;
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L, enable_automatic_rotation => true)', 'EC_P256'), '0A000|UnsupportedOperation', 'with an interval or without');
SELECT kms_create_alias(:'key', 'alias/rotation');
SELECT is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', 'alias/rotation', '7 days'), '0A000|Unsupported.Alias', 'an alias is not taken'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', '00000000-0000-4000-8000-000000000000', '7 days'), '42704|Forbidden.KeyNotFound', 'nor a key that never was'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', (kms_describe_key(:'key')).arn, '7 days'), 'fine', 'but an ARN');

-- ---- who may --------------------------------------------------------------

CREATE ROLE kms_test_turner;
CREATE ROLE kms_test_stranger;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_turner;
SET ROLE kms_test_turner;
SELECT kms_create_key() AS turned \gset
RESET ROLE;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_update_rotation_policy(%L, true, %L)', :'turned', '7 days'), '42501|Forbidden.NoPermission', 'a stranger sets no policy'),
	   is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_update_rotation_policy(%L, false)', :'turned'), '42501|Forbidden.NoPermission', 'nor takes one away'),
	   is(pg_temp.verdict_as('kms_test_turner', 'SELECT kms_update_rotation_policy(%L, true, %L)', :'turned', '7 days'), 'fine', 'an owner does'),
	   is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', :'turned', '8 days'), 'fine', 'a superuser does');
SAVEPOINT writable;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict('SELECT kms_update_rotation_policy(%L, true, %L)', :'key', '9 days'), '25006|UnsupportedOperation', 'nobody does in a read-only transaction');
ROLLBACK TO writable;
SAVEPOINT before;
UPDATE kms.key SET rotated_at = now() - interval '20 days' WHERE id = :'key';
SELECT kms_update_rotation_policy(:'key', true, '10 days') IS NULL AS ignored \gset
SELECT kms_encrypt(:'key', 'lost'::text) AS lost \gset
ROLLBACK TO before;
SELECT is((kms_describe_key(:'key')).rotation_interval, '7 days', 'a policy that was rolled back does not count'),
	   is((SELECT count(*) FROM kms_list_key_versions(:'key')), 3::bigint, 'nor the version it brought'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'lost'), '42704|Forbidden.KeyNotFound', 'which opens nothing any more'),
	   is(kms_decrypt_text(kms_encrypt(:'key', 'x'::text)), 'x', 'and the key encrypts');

-- ---- a thousand versions --------------------------------------------------

SELECT kms_create_key() AS many \gset
CREATE TEMP TABLE version AS
	SELECT n, kms_encrypt(:'many', n::text) AS blob, kms_create_key_version(:'many') AS made_next FROM generate_series(1, 1000) n;
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'many')), 1001::bigint, 'a thousand rotations are a thousand and one versions'),
	   is((SELECT count(DISTINCT (kms_ciphertext_info(blob)).key_version_id) FROM version), 1000::bigint, 'each of which has encrypted'),
	   is((SELECT count(*) FROM version WHERE kms_decrypt_text(blob) = n::text), 1000::bigint, 'and decrypts'),
	   is((SELECT count(*) FROM kms.key_versions WHERE key_id = :'many' AND is_primary), 1::bigint, 'one of which is primary'),
	   is((kms_describe_key(:'many')).primary_key_version, (SELECT made_next FROM version WHERE n = 1000), 'the newest');
/* Encrypting reads the key and its primary version, however many there are. */
CREATE FUNCTION pg_temp.cached_by_encrypting(key_id text) RETURNS bigint LANGUAGE plpgsql AS
$$
DECLARE
	before bigint;
BEGIN
	UPDATE kms.account SET id = id;		/* by hand: every cache is emptied */
	PERFORM kms_encrypt((SELECT id::text FROM kms.key WHERE state = 'Enabled' AND id::text <> key_id LIMIT 1), 'x'::text);
	before = (SELECT session_cache_bytes FROM kms.status);
	PERFORM kms_encrypt(key_id, 'x'::text);
	RETURN (SELECT session_cache_bytes FROM kms.status) - before;
END
$$;
SELECT cmp_ok(pg_temp.cached_by_encrypting(:'many'), '<=', 16384::bigint, 'encrypting with a key of a thousand versions brings one of them into the cache');
SELECT is(kms_decrypt_text(kms_re_encrypt(blob, :'many')), n::text, 'ciphertext of version ' || n || ' moves to the newest') FROM version WHERE n IN (1, 500, 1000) ORDER BY n;

SELECT * FROM finish();
ROLLBACK;
