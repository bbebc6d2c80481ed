-- Key versions: rotation by hand, describing, listing.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(50);

SELECT kms_create_key() AS key \gset
SELECT kms_create_key() AS other \gset
SELECT kms_create_key(origin => 'EXTERNAL') AS external \gset
SELECT kms_create_alias(:'key', 'alias/versions');
SELECT (kms_describe_key(:'key')).primary_key_version AS first,
	   (kms_describe_key(:'other')).primary_key_version AS foreign \gset
SELECT kms_encrypt(:'key', 'old'::text) AS old_blob \gset

-- ---- one version ----------------------------------------------------------

SELECT is((v).key_id, :'key', 'a version says which key it belongs to'),
	   is((v).key_version_id, :'first', 'a version is described with its id'),
	   is((v).creation_date, (kms_describe_key(:'key')).creation_date, 'the first version is as old as its key')
  FROM (SELECT kms_describe_key_version(:'key', :'first') AS v OFFSET 0) t;
SELECT results_eq(format('SELECT * FROM kms_list_key_versions(%L)', :'key'),
				  format('SELECT * FROM kms_describe_key_version(%L, %L)', :'key', :'first'),
				  'a new key has one version');
SELECT is_empty(format('SELECT * FROM kms_list_key_versions(%L)', :'external'), 'a key without material has no version');

-- ---- rotation by hand -----------------------------------------------------

SELECT kms_create_key_version(:'key') AS second \gset
SELECT isnt(:'second'::text, :'first'::text, 'a new version has an id of its own');
SELECT matches(:'second'::text, '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
			   'a version id is a random UUID');
SELECT is((kms_describe_key(:'key')).primary_key_version, :'second', 'a new version becomes primary');
SELECT is((kms_describe_key(:'key')).last_rotation_date, (kms_describe_key_version(:'key', :'second')).creation_date,
		  'the last rotation is when the newest version was made');
SELECT cmp_ok((kms_describe_key_version(:'key', :'second')).creation_date, '>=',
			  (kms_describe_key_version(:'key', :'first')).creation_date, 'a new version is not older than the first');
SELECT set_eq(format('SELECT key_version_id FROM kms_list_key_versions(%L)', :'key'),
			  format('VALUES (%L::uuid), (%L)', :'first', :'second'), 'both versions are listed');
SELECT is((kms_ciphertext_info(kms_encrypt(:'key', 'new'::text))).key_version_id, :'second', 'the new version encrypts');
SELECT is(kms_decrypt_text(:'old_blob'), 'old', 'the old version still decrypts');
SELECT is(kms_decrypt_text(kms_encrypt(:'key', 'new'::text)), 'new', 'the new version decrypts');
SELECT is((kms_ciphertext_info(kms_re_encrypt(:'old_blob', :'key'))).key_version_id, :'second',
		  're-encryption under the same key moves to the new version');
SELECT is((kms_ciphertext_info((kms_generate_data_key(:'key')).ciphertext_blob)).key_version_id, :'second',
		  'data keys are wrapped by the new version');

SELECT is((kms_describe_key_version('alias/versions', :'first')).key_version_id, :'first', 'the key may be named by its alias'),
	   is((kms_describe_key_version((kms_describe_key(:'key')).arn, :'first')).key_version_id, :'first',
		  'the key may be named by its ARN'),
	   is((kms_describe_key_version(:'key', upper(:'first'))).key_version_id, :'first',
		  'the version may be named in capitals'),
	   is((SELECT count(*) FROM kms_list_key_versions('alias/versions')), 2::bigint, 'versions are listed by alias'),
	   is((SELECT count(*) FROM kms_list_key_versions((kms_describe_key(:'key')).arn)), 2::bigint,
		  'versions are listed by ARN');
SELECT kms_create_key_version('alias/versions') AS third \gset
SELECT is((kms_describe_key(:'key')).primary_key_version, :'third', 'a key may be rotated by its alias');
SELECT kms_create_key_version((kms_describe_key(:'key')).arn) AS fourth \gset
SELECT is((kms_describe_key(:'key')).primary_key_version, :'fourth', 'a key may be rotated by its ARN');

SELECT is(kms_decrypt_text(kms_encrypt(k::text, 'x'::text)), 'x', spec || ' encrypts after a rotation')
  FROM unnest(ARRAY['Aliyun_AES_256', 'Aliyun_AES_192', 'Aliyun_AES_128', 'Aliyun_SM4']) spec
 CROSS JOIN LATERAL (SELECT kms_create_key(spec) AS k OFFSET 0) m
 CROSS JOIN LATERAL (SELECT kms_create_key_version(k::text) OFFSET 0) r;

CREATE TEMP TABLE many AS
	SELECT n, kms_encrypt(:'other', n::text) AS blob, kms_create_key_version(:'other') AS version FROM generate_series(1, 100) n;
SELECT is((SELECT count(*) FROM many WHERE kms_decrypt_text(blob) = n::text), 100::bigint,
		  'a hundred versions of a key all decrypt');
SELECT is((SELECT count(DISTINCT (kms_ciphertext_info(blob)).key_version_id) FROM many), 100::bigint,
		  'each of a hundred versions has encrypted');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'other')), 101::bigint, 'a hundred and one versions are listed');

-- ---- the view -------------------------------------------------------------

SELECT set_eq(format('SELECT key_version_id, is_primary FROM kms.key_versions WHERE key_id = %L', :'key'),
			  format('VALUES (%L::uuid, false), (%L, false), (%L, false), (%L, true)', :'first', :'second', :'third', :'fourth'),
			  'the view shows each version and which is primary');
SELECT kms_create_key('EC_P256') AS pair, kms_create_key('HMAC_SHA_256') AS mac_key \gset
SELECT results_eq(format('SELECT is_primary FROM kms.key_versions WHERE key_id = %L', :'pair'), ARRAY[false], 'of a pair none is'),
	   results_eq(format('SELECT is_primary FROM kms.key_versions WHERE key_id = %L', :'mac_key'), ARRAY[true], 'of a key for MACs the only one');

-- ---- refusals -------------------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_describe_key_version(%L, %L)', :'key', '00000000-0000-4000-8000-000000000000'),
		  format('42704|Forbidden.KeyVersionNotFound|key "%s" has no version "00000000-0000-4000-8000-000000000000"', :'key'),
		  'an unknown version is not found');
SELECT is(pg_temp.verdict('SELECT kms_describe_key_version(%L, %L)', :'key', :'foreign'),
		  '42704|Forbidden.KeyVersionNotFound', 'a version of another key is not found');
SELECT is(pg_temp.verdict('SELECT kms_describe_key_version(%L, %L)', :'external', :'first'),
		  '42704|Forbidden.KeyVersionNotFound', 'a key without material has no version to describe');
SELECT is(pg_temp.verdict('SELECT kms_describe_key_version(%L, %L)', '00000000-0000-4000-8000-000000000000', :'first'),
		  '42704|Forbidden.KeyNotFound', 'a version of an unknown key: the key is not found');
SELECT is(pg_temp.verdict('SELECT kms_describe_key_version(%L, %L)', :'key', version), '22023|InvalidParameter',
		  format('%L is no key version id', left(version, 40)))
  FROM unnest(ARRAY['', 'x', 'alias/versions', left(:'first', 35), :'first' || ' ', '{' || :'first' || '}',
					replace(:'first', '-', ''), repeat('0', 100000)]) WITH ORDINALITY t (version, n)
 WHERE n IN (1, 2, 3);
SELECT is(pg_temp.verdict('SELECT kms_describe_key_version(%L, %L)', :'key', version), '22023|InvalidParameter', what)
  FROM (VALUES (left(:'first', 35), 'a shortened version id is refused'),
			   (:'first' || ' ', 'a version id with a blank after it is refused'),
			   ('{' || :'first' || '}', 'a version id in braces is refused'),
			   (replace(:'first', '-', ''), 'a version id without hyphens is refused'),
			   (repeat('0', 100000), 'an over-long version id is refused')) t (version, what);
SELECT is(pg_temp.complaint('SELECT kms_create_key_version(%L)', :'external'),
		  format('0A000|Rejected.UnsupportedOperation|key "%s" has imported material and cannot be rotated', :'external'),
		  'a key of external origin does not rotate');
SELECT kms_disable_key(:'key');
SELECT is(pg_temp.verdict('SELECT kms_create_key_version(%L)', :'key'), '55000|Rejected.Disabled',
		  'a disabled key does not rotate');
SELECT is((SELECT count(*) FROM kms_list_key_versions(:'key')), 4::bigint, 'a refused rotation leaves no version behind');

SELECT kms_create_key('EC_P256') AS pair, kms_create_key('HMAC_SHA_256') AS mac \gset
SELECT is((SELECT is_primary FROM kms.key_versions WHERE key_id = :'pair'), false, 'no version of an asymmetric key is primary'),
	   is((SELECT is_primary FROM kms.key_versions WHERE key_id = :'mac'), true, 'the version of a MAC key is');

SELECT * FROM finish();
ROLLBACK;
