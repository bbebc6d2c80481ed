-- Keys: making, describing, enabling, disabling, and what each state allows.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(159);

-- ---- making ---------------------------------------------------------------

SELECT kms_create_key() AS key \gset
SELECT kms_create_key(origin => 'EXTERNAL') AS external \gset
SELECT matches(:'key'::text, '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
			   'a key id is a random UUID');
SELECT isnt(kms_create_key(), kms_create_key(), 'two keys have two ids');

SELECT is((d).key_id, :'key', 'a key is described with its id'),
	   matches((d).arn, '^acs:kms:local:[1-9][0-9]{15}:key/' || :'key' || '$', 'its ARN has region, account and id'),
	   is((d).creator, current_user::text, 'its creator is the role that made it'),
	   ok((d).creation_date BETWEEN now() AND clock_timestamp(), 'its creation date is the time of the call'),
	   is((d).description, '', 'its description is empty unless given'),
	   is((d).key_state, 'Enabled', 'a new key is enabled'),
	   is((d).key_usage, 'ENCRYPT/DECRYPT', 'a symmetric key is for encrypting and decrypting'),
	   is((d).key_spec, 'Aliyun_AES_256', 'the default spec is Aliyun_AES_256'),
	   is((d).origin, 'Aliyun_KMS', 'the default origin is Aliyun_KMS'),
	   is((d).protection_level, 'SOFTWARE', 'the protection level is SOFTWARE'),
	   ok((d).primary_key_version IS NOT NULL, 'a new key has a primary version'),
	   is((d).automatic_rotation, 'Disabled', 'automatic rotation is off unless asked for'),
	   ok((d).rotation_interval IS NULL, 'without rotation there is no interval'),
	   is((d).last_rotation_date, (d).creation_date, 'the first version counts as the last rotation'),
	   ok((d).next_rotation_date IS NULL, 'without rotation there is no next date'),
	   ok((d).material_expire_time IS NULL, 'material of our own does not expire'),
	   ok((d).delete_date IS NULL, 'a new key has no delete date'),
	   is((d).deletion_protection, 'Disabled', 'a new key is not protected from deletion'),
	   ok((d).deletion_protection_description IS NULL, 'and has no reason for that')
  FROM (SELECT kms_describe_key(:'key') AS d OFFSET 0) t;

SELECT is((d).key_state, 'PendingImport', 'a key of external origin waits for its material'),
	   is((d).origin, 'EXTERNAL', 'a key of external origin says so'),
	   ok((d).primary_key_version IS NULL, 'without material there is no primary version'),
	   ok((d).last_rotation_date IS NULL, 'without material nothing was rotated')
  FROM (SELECT kms_describe_key(:'external') AS d OFFSET 0) t;

SELECT is((kms_describe_key(kms_create_key(spec)::text)).key_spec, full_name, 'spec ' || spec || ' makes a key of ' || full_name)
  FROM (VALUES ('Aliyun_AES_256', 'Aliyun_AES_256'), ('Aliyun_AES_192', 'Aliyun_AES_192'),
			   ('Aliyun_AES_128', 'Aliyun_AES_128'), ('Aliyun_SM4', 'Aliyun_SM4'),
			   ('AES_256', 'Aliyun_AES_256'), ('AES_192', 'Aliyun_AES_192'),
			   ('AES_128', 'Aliyun_AES_128'), ('SM4', 'Aliyun_SM4')) t (spec, full_name);

/* test/sql/asymmetric.sql and test/sql/mac.sql have the other usages. */
SELECT is((d).key_usage || ' ' || coalesce((d).primary_key_version::text, 'none'), usage || ' ' || CASE usage WHEN 'SIGN/VERIFY' THEN 'none' ELSE (d).primary_key_version::text END,
		  spec || ' makes a key for ' || usage || ' unless another usage is given')
	   || E'\n' || is((SELECT count(*) FROM kms_list_key_versions((d).key_id::text)), 1::bigint, 'with one version')
  FROM (VALUES ('RSA_2048', 'SIGN/VERIFY'), ('EC_P256', 'SIGN/VERIFY'), ('EC_P256K', 'SIGN/VERIFY'), ('EC_P384', 'SIGN/VERIFY'), ('EC_P521', 'SIGN/VERIFY'), ('EC_SM2', 'SIGN/VERIFY'),
			   ('ED25519', 'SIGN/VERIFY'), ('HMAC_SHA_256', 'GENERATE_VERIFY_MAC'), ('HMAC_SHA_384', 'GENERATE_VERIFY_MAC'), ('HMAC_SHA_512', 'GENERATE_VERIFY_MAC'),
			   ('HMAC_SM3', 'GENERATE_VERIFY_MAC')) t (spec, usage)
 CROSS JOIN LATERAL (SELECT kms_describe_key(kms_create_key(spec)::text) AS d OFFSET 0) m;

SELECT is(pg_temp.verdict('SELECT kms_create_key(key_spec => %L)', spec), '22023|InvalidParameter',
		  format('%L is no key spec', spec))
  FROM unnest(ARRAY['', 'aes_256', 'aliyun_AES_256', 'AES_512', ' AES_256', 'Aliyun_Aliyun_AES_256',
					'RSA_1024', 'RSA_2048 ', 'rsa_2048', 'Aliyun_RSA_2048', 'EC_P224', 'EC_P256R', 'ED448', 'ML_DSA', 'HMAC_SHA_1', 'HMAC_SHA256', 'Aliyun_HMAC_SHA_256']::text[]) spec;
SELECT is(pg_temp.complaint('SELECT kms_create_key(key_spec => %L)', repeat('A', 100000)),
		  '22023|InvalidParameter|invalid value for key_spec', 'an over-long spec is refused and not repeated');

SELECT is((kms_describe_key(kms_create_key(key_usage => 'ENCRYPT/DECRYPT')::text)).key_usage, 'ENCRYPT/DECRYPT',
		  'the usage may be given');
SELECT is(pg_temp.verdict('SELECT kms_create_key(key_usage => %L)', usage), '22023|InvalidParameter',
		  format('a symmetric key cannot be for %L', usage))
  FROM unnest(ARRAY['SIGN/VERIFY', '', 'encrypt/decrypt', 'GENERATE_VERIFY_MAC']) usage;
SELECT is(pg_temp.verdict('SELECT kms_create_key(origin => %L)', origin), '22023|InvalidParameter',
		  format('%L is no origin', origin))
  FROM unnest(ARRAY['', 'aliyun_kms', 'External']) origin;
SELECT is(pg_temp.verdict('SELECT kms_create_key(protection_level => %L)', 'HSM'), '0A000|Unsupported.ProtectionLevel',
		  'there is no hardware protection');
SELECT is(pg_temp.verdict('SELECT kms_create_key(protection_level => %L)', level), '22023|InvalidParameter',
		  format('%L is no protection level', level))
  FROM unnest(ARRAY['', 'software', 'hsm']) level;

SELECT is((kms_describe_key(kms_create_key(description => 'Schlüssel')::text)).description, 'Schlüssel', 'a description is kept');
SELECT is(length((kms_describe_key(kms_create_key(description => repeat('ü', 8192))::text)).description), 8192,
		  'a description may have 8192 characters');
SELECT is(pg_temp.complaint('SELECT kms_create_key(description => repeat(%L, 8193))', 'ü'),
		  '22023|InvalidParameter|invalid value for description: it is longer than 8192 characters',
		  'a description cannot have 8193 characters');

SELECT is(pg_temp.verdict($$SELECT kms_create_key(enable_automatic_rotation => true)$$), '22023|InvalidParameter',
		  'automatic rotation needs an interval');
SELECT is(pg_temp.verdict($$SELECT kms_create_key(rotation_interval => '30 days')$$), 'fine',
		  'an interval without automatic rotation is ignored');
SELECT is(pg_temp.verdict('SELECT kms_create_key(%s => NULL)', argument), '22004|MissingParameter',
		  argument || ' cannot be null')
  FROM unnest(ARRAY['key_spec', 'origin', 'description', 'protection_level', 'enable_automatic_rotation']) argument;

-- ---- naming ---------------------------------------------------------------

SELECT kms_create_alias(:'key', 'alias/key-test');
SELECT is((kms_describe_key(name)).key_id, :'key', what)
  FROM (VALUES (:'key', 'a key is found by its id'),
			   (upper(:'key'), 'a key is found by its id in capitals'),
			   ((kms_describe_key(:'key')).arn, 'a key is found by its ARN'),
			   ('alias/key-test', 'a key is found by its alias')) t (name, what);
SELECT is(pg_temp.complaint('SELECT kms_describe_key(%L)', '00000000-0000-4000-8000-000000000000'),
		  '42704|Forbidden.KeyNotFound|key "00000000-0000-4000-8000-000000000000" does not exist',
		  'an unknown key is not found');
SELECT is(pg_temp.complaint('SELECT kms_describe_key(%L)', 'alias/nobody'),
		  '42704|Forbidden.AliasNotFound|alias "alias/nobody" does not exist', 'an unknown alias is not found');

-- ---- enabling, disabling, describing --------------------------------------

SELECT kms_disable_key(:'key');
SELECT is((kms_describe_key(:'key')).key_state, 'Disabled', 'a disabled key is described as such');
SELECT is(pg_temp.complaint('SELECT kms_encrypt(%L, %L::bytea)', :'key', 'x'),
		  format('55000|Rejected.Disabled|key "%s" is disabled', :'key'), 'a disabled key does not encrypt');
SELECT is(pg_temp.hint('SELECT kms_encrypt(%L, %L::bytea)', :'key', 'x'), 'Its owner can call kms_enable_key.',
		  'the way out is hinted at');
SELECT is(pg_temp.verdict('SELECT kms_disable_key(%L)', :'key'), 'fine', 'a disabled key can be disabled again');
SELECT is((kms_describe_key(:'key')).key_state, 'Disabled', 'and stays disabled');
SELECT kms_enable_key(:'key');
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'an enabled key is described as such');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::bytea)', :'key', 'x'), 'fine', 'an enabled key encrypts');
SELECT is(pg_temp.verdict('SELECT kms_enable_key(%L)', :'key'), 'fine', 'an enabled key can be enabled again');
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'and stays enabled');

SELECT kms_update_key_description(:'key', 'for the tests');
SELECT is((kms_describe_key(:'key')).description, 'for the tests', 'a description can be changed');
SELECT kms_update_key_description(:'key', '');
SELECT is((kms_describe_key(:'key')).description, '', 'a description can be removed');
SELECT is(pg_temp.verdict('SELECT kms_update_key_description(%L, repeat(%L, 8192))', :'key', 'ü'), 'fine',
		  'a changed description may have 8192 characters');
SELECT is(pg_temp.verdict('SELECT kms_update_key_description(%L, repeat(%L, 8193))', :'key', 'ü'),
		  '22023|InvalidParameter', 'a changed description cannot have 8193 characters');
SELECT is(length((kms_describe_key(:'key')).description), 8192, 'a refused description leaves the old one');

-- ---- what each state allows -----------------------------------------------

CREATE TEMP TABLE key_states (state text, key_id uuid, version_id uuid, blob bytea);
INSERT INTO key_states
	SELECT s.state, pg_temp.key_in_state('Enabled') FROM unnest(ARRAY['Enabled', 'Disabled', 'PendingDeletion']) s (state);
UPDATE key_states SET version_id = (kms_describe_key(key_id::text)).primary_key_version, blob = kms_encrypt(key_id::text, 'x'::bytea);
SELECT kms_disable_key(key_id::text) FROM key_states WHERE state = 'Disabled';
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
UPDATE kms.key SET state = 'PendingDeletion', delete_at = now() + interval '7 days'
 WHERE id = (SELECT key_id FROM key_states WHERE state = 'PendingDeletion');
INSERT INTO key_states VALUES ('PendingImport', pg_temp.key_in_state('PendingImport'));

CREATE TEMP TABLE allowed (n serial, operation text, statement text, enabled text, disabled text, pending_deletion text, pending_import text);
INSERT INTO allowed (operation, statement, enabled, disabled, pending_deletion, pending_import) VALUES
	('DescribeKey', 'SELECT kms_describe_key(%1$L)', 'fine', 'fine', 'fine', 'fine'),
	('ListKeyVersions', 'SELECT * FROM kms_list_key_versions(%1$L)', 'fine', 'fine', 'fine', 'fine'),
	('ListAliasesByKeyId', 'SELECT * FROM kms_list_aliases_by_key_id(%1$L)', 'fine', 'fine', 'fine', 'fine'),
	('Encrypt', 'SELECT kms_encrypt(%1$L, ''x''::bytea)',
		'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.PendingImport'),
	('Encrypt text', 'SELECT kms_encrypt(%1$L, ''x''::text)',
		'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.PendingImport'),
	('GenerateDataKey', 'SELECT kms_generate_data_key(%1$L)',
		'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.PendingImport'),
	('GenerateDataKeyWithoutPlaintext', 'SELECT kms_generate_data_key_without_plaintext(%1$L)',
		'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.PendingImport'),
	('Decrypt', 'SELECT kms_decrypt(%3$L)', 'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', NULL),
	('Decrypt text', 'SELECT kms_decrypt_text(%3$L)', 'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', NULL),
	('ReEncrypt from', 'SELECT kms_re_encrypt(%3$L, %4$L)', 'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', NULL),
	('ReEncrypt to', 'SELECT kms_re_encrypt(%5$L, %1$L)',
		'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.PendingImport'),
	('DescribeKeyVersion', 'SELECT kms_describe_key_version(%1$L, %2$L)', 'fine', 'fine', 'fine', NULL),
	('UpdateKeyDescription', 'SELECT kms_update_key_description(%1$L, ''x'')',
		'fine', 'fine', 'Rejected.PendingDeletion', 'fine'),
	('CreateAlias', 'SELECT kms_create_alias(%1$L, ''alias/of-'' || %1$L)',
		'fine', 'fine', 'Rejected.StateModifiedFailed', 'fine'),
	('UpdateAlias', 'SELECT kms_update_alias(%1$L, ''alias/key-test'')',
		'fine', 'fine', 'Rejected.PendingDeletion', 'fine'),
	('CreateKeyVersion', 'SELECT kms_create_key_version(%1$L)',
		'fine', 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.UnsupportedOperation'),
	('EnableKey', 'SELECT kms_enable_key(%1$L)',
		'fine', 'fine', 'Rejected.StateModifiedFailed', 'Rejected.StateModifiedFailed'),
	('DisableKey', 'SELECT kms_disable_key(%1$L)',
		'fine', 'fine', 'Rejected.StateModifiedFailed', 'Rejected.StateModifiedFailed');

SELECT is(string_agg(s.state || ' ' || regexp_replace(
			pg_temp.verdict(a.statement, s.key_id::text, s.version_id::text, s.blob::text, e.key_id::text, e.blob::text),
			CASE c.code WHEN 'Rejected.UnsupportedOperation' THEN '^0A000\|' ELSE '^55000\|' END, ''), ', ' ORDER BY s.state),
		  string_agg(s.state || ' ' || c.code, ', ' ORDER BY s.state),
		  a.operation || ' goes or is refused as each state demands')
  FROM allowed a CROSS JOIN key_states s
 CROSS JOIN (SELECT key_id, blob FROM key_states WHERE state = 'Enabled') e
 CROSS JOIN LATERAL (SELECT CASE s.state WHEN 'Enabled' THEN a.enabled WHEN 'Disabled' THEN a.disabled
							WHEN 'PendingDeletion' THEN a.pending_deletion ELSE a.pending_import END AS code) c
 WHERE a.operation NOT IN ('EnableKey', 'DisableKey') AND c.code IS NOT NULL
 GROUP BY a.n, a.operation ORDER BY a.n;

/* These two change the states, so each key gets them in turn. */
SELECT is(pg_temp.verdict(a.statement, s.key_id::text),
		  CASE WHEN s.state LIKE 'Pending%' THEN '55000|Rejected.StateModifiedFailed' ELSE 'fine' END,
		  a.operation || ' of a key that was ' || s.state)
  FROM allowed a CROSS JOIN key_states s
 WHERE a.operation IN ('EnableKey', 'DisableKey') ORDER BY a.n DESC, s.state;

SELECT is((kms_describe_key(key_id::text)).key_state, state, 'a refused change leaves the state ' || state)
  FROM key_states WHERE state LIKE 'Pending%' ORDER BY state;

-- ---- past the delete date -------------------------------------------------

SELECT kms_create_alias(key_id::text, 'alias/gone') FROM key_states WHERE state = 'Disabled';
UPDATE kms.key SET state = 'PendingDeletion', delete_at = clock_timestamp()
 WHERE id = (SELECT key_id FROM key_states WHERE state = 'Disabled');
UPDATE key_states SET state = 'gone' WHERE state = 'Disabled';
SELECT is(pg_temp.verdict(a.statement, s.key_id::text, s.version_id::text, s.blob::text, e.key_id::text, e.blob::text),
		  '42704|Forbidden.KeyNotFound', a.operation || ' does not find a key after its delete date')
  FROM allowed a CROSS JOIN key_states s CROSS JOIN (SELECT key_id, blob FROM key_states WHERE state = 'Enabled') e
 WHERE s.state = 'gone' ORDER BY a.n;

SELECT * FROM finish();
ROLLBACK;
