-- Every argument of every function, wrong in every way: a clear error, and a session that goes on.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(242);

CREATE TEMP TABLE suite (n serial, spec text, key_id text, blob bytea);
INSERT INTO suite (spec) VALUES ('Aliyun_AES_256'), ('Aliyun_AES_192'), ('Aliyun_AES_128'), ('Aliyun_SM4');
UPDATE suite SET key_id = kms_create_key(spec)::text;
UPDATE suite SET blob = kms_encrypt(key_id, 'twelve bytes'::bytea, '{"a": "1"}');
SELECT key_id AS key, (kms_describe_key(key_id)).primary_key_version AS version, kms_encrypt(key_id, 'x'::text) AS blob, (kms_describe_key(key_id)).arn AS arn
  FROM suite WHERE n = 1 \gset
SELECT kms_create_alias(:'key', 'alias/badinput');
SELECT kms_create_key('EC_P256') AS signer, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS opener, kms_create_key('HMAC_SHA_256') AS mac_key \gset
SELECT kms_asymmetric_encrypt(:'opener', NULL, 'SM2PKE', 'x') AS sm2, pg_temp.der(kms_get_public_key(:'opener')) AS public_key \gset

-- ---- names of keys --------------------------------------------------------

/* %1$L is the name of the key. */
CREATE TEMP TABLE names_key (n serial, operation text, alias boolean, statement text);
INSERT INTO names_key (operation, alias, statement) VALUES
	('DescribeKey', true, 'SELECT kms_describe_key(%1$L)'),
	('DescribeKeyVersion', true, 'SELECT kms_describe_key_version(%1$L, ''00000000-0000-4000-8000-000000000000'')'),
	('ListKeyVersions', true, 'SELECT kms_list_key_versions(%1$L)'),
	('CreateKeyVersion', true, 'SELECT kms_create_key_version(%1$L)'),
	('EnableKey', false, 'SELECT kms_enable_key(%1$L)'),
	('DisableKey', false, 'SELECT kms_disable_key(%1$L)'),
	('UpdateKeyDescription', false, 'SELECT kms_update_key_description(%1$L, ''x'')'),
	('UpdateRotationPolicy', false, 'SELECT kms_update_rotation_policy(%1$L, true, ''7 days'')'),
	('SetDeletionProtection', false, 'SELECT kms_set_deletion_protection(%1$L, true)'),
	('ScheduleKeyDeletion', false, 'SELECT kms_schedule_key_deletion(%1$L, 7)'),
	('CancelKeyDeletion', false, 'SELECT kms_cancel_key_deletion(%1$L)'),
	('CreateAlias', false, 'SELECT kms_create_alias(%1$L, ''alias/new'')'),
	('UpdateAlias', false, 'SELECT kms_update_alias(%1$L, ''alias/badinput'')'),
	('ListAliasesByKeyId', false, 'SELECT kms_list_aliases_by_key_id(%1$L)'),
	('TagResource', true, 'SELECT kms_tag_resource(''{"a": "1"}'', %1$L)'),
	('UntagResource', true, 'SELECT kms_untag_resource(''{a}'', %1$L)'),
	('ListResourceTags', true, 'SELECT kms_list_resource_tags(%1$L)'),
	('Encrypt', true, 'SELECT kms_encrypt(%1$L, ''x''::bytea)'),
	('Encrypt text', true, 'SELECT kms_encrypt(%1$L, ''x''::text)'),
	('ReEncrypt', true, 'SELECT kms_re_encrypt(%2$L, %1$L)'),
	('GenerateDataKey', true, 'SELECT kms_generate_data_key(%1$L)'),
	('GenerateDataKeyWithoutPlaintext', true, 'SELECT kms_generate_data_key_without_plaintext(%1$L)'),
	('GenerateAndExportDataKey', true, format('SELECT kms_generate_and_export_data_key(%%1$L, %L, ''EC_SM2'', ''SM2PKE'')', :'public_key')),
	('Encrypt an envelope', true, 'SELECT kms_envelope_encrypt(%1$L, ''x''::bytea)'),
	('Encrypt a text as an envelope', true, 'SELECT kms_envelope_encrypt(%1$L, ''x''::text)'),
	('ReEncrypt from a pair', true, format('SELECT kms_re_encrypt(%%2$L, %L, source_key_id => %%1$L, source_encryption_algorithm => ''SM2PKE'')', :'key')),
	('AsymmetricSign', true, 'SELECT kms_asymmetric_sign(%1$L, NULL, ''ECDSA_SHA_256'', sha256(''x''))'),
	('AsymmetricVerify', true, 'SELECT kms_asymmetric_verify(%1$L, NULL, ''ECDSA_SHA_256'', sha256(''x''), ''x'')'),
	('AsymmetricEncrypt', true, 'SELECT kms_asymmetric_encrypt(%1$L, NULL, ''SM2PKE'', ''x'')'),
	('AsymmetricDecrypt', true, 'SELECT kms_asymmetric_decrypt(%1$L, NULL, ''SM2PKE'', %2$L)'),
	('GetPublicKey', true, 'SELECT kms_get_public_key(%1$L)'),
	('GenerateMac', true, 'SELECT kms_generate_mac(%1$L, ''x'')'),
	('VerifyMac', true, 'SELECT kms_verify_mac(%1$L, ''x'', ''x'')'),
	('BlindIndex', true, 'SELECT kms_blind_index(%1$L, ''x'')');

CREATE TEMP TABLE bad_name (n serial, what text, name text, verdict text);
INSERT INTO bad_name (what, name, verdict) VALUES
	('no name', '', '22023|InvalidParameter'), ('a blank', ' ', '22023|InvalidParameter'), ('a word', 'key', '22023|InvalidParameter'),
	('alias/ alone', 'alias/', NULL), ('an alias with a dot', 'alias/a.b', NULL), ('an alias with a blank', 'alias/a b', NULL),
	('an alias of other letters', 'alias/ä', NULL), ('an over-long alias', 'alias/' || repeat('n', 256), NULL),
	('an id without its last digit', left(:'key', 35), '22023|InvalidParameter'), ('an id with a digit more', :'key' || '0', '22023|InvalidParameter'),
	('an id with a blank before', ' ' || :'key', '22023|InvalidParameter'), ('an id with a line break after', :'key' || E'\n', '22023|InvalidParameter'),
	('an id without hyphens', replace(:'key', '-', ''), '22023|InvalidParameter'), ('an id in braces', '{' || :'key' || '}', '22023|InvalidParameter'),
	('an id with misplaced hyphens', overlay(:'key' PLACING '-0' FROM 8 FOR 2), '22023|InvalidParameter'),
	('an id with a letter g', overlay(:'key' PLACING 'g' FROM 1), '22023|InvalidParameter'),
	('an id with a two-byte letter', overlay(:'key' PLACING 'ä' FROM 1 FOR 2), '22023|InvalidParameter'),
	('an id with a colon', overlay(:'key' PLACING ':' FROM 1), '22023|InvalidParameter'),
	('an id with hyphens only', repeat('-', 36), '22023|InvalidParameter'),
	('an unknown id', '00000000-0000-4000-8000-000000000000', '42704|Forbidden.KeyNotFound'), ('an id of ones', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '42704|Forbidden.KeyNotFound'),
	('the id of a version', :'version', '42704|Forbidden.KeyNotFound'),
	('the ARN of another region', replace(:'arn', ':local:', ':elsewhere:'), '42704|Forbidden.KeyNotFound'),
	('the ARN of no region', replace(:'arn', ':local:', '::'), '42704|Forbidden.KeyNotFound'),
	('the ARN of another account', regexp_replace(:'arn', '\d{16}', '1234567890123456'), '42704|Forbidden.KeyNotFound'),
	('the ARN of no account', regexp_replace(:'arn', '\d{16}', ''), '42704|Forbidden.KeyNotFound'),
	('the ARN of an unknown key', left(:'arn', -36) || '00000000-0000-4000-8000-000000000000', '42704|Forbidden.KeyNotFound'),
	('the ARN of another service', replace(:'arn', 'acs:kms:', 'acs:ecs:'), '22023|InvalidParameter'),
	('the ARN of another cloud', replace(:'arn', 'acs:kms:', 'aws:kms:'), '22023|InvalidParameter'),
	('an ARN in capitals', replace(:'arn', 'acs:kms:', 'ACS:KMS:'), '22023|InvalidParameter'),
	('an ARN without a digit of its id', left(:'arn', -1), '22023|InvalidParameter'), ('an ARN with a digit more', :'arn' || '0', '22023|InvalidParameter'),
	('an ARN without an id', left(:'arn', -36), '22023|InvalidParameter'), ('the ARN of a secret', replace(:'arn', ':key/', ':secret/'), '22023|InvalidParameter'),
	('the ARN of an alias', replace(:'arn', 'key/' || :'key', 'alias/badinput'), '22023|InvalidParameter'),
	('an over-long ARN', replace(:'arn', ':local:', ':' || repeat('l', 10000) || ':'), '22023|InvalidParameter'),
	('an over-long word', repeat('x', 1000000), '22023|InvalidParameter'), ('an over-long number of digits', repeat('0', 1000000), '22023|InvalidParameter'),
	('an injection', ''' OR true; DROP TABLE kms.key; --', '22023|InvalidParameter'), ('an unknown alias', 'alias/nobody', '42704|Forbidden.AliasNotFound'),
	('a reserved alias', 'alias/acs/x', '42704|Forbidden.AliasNotFound');
UPDATE bad_name SET verdict = '22023|InvalidParameter' WHERE verdict IS NULL;

SELECT is(string_agg(b.what || ': ' || got, ', ') FILTER (WHERE got <> wanted), NULL, t.operation || ' refuses every name that is none of a key')
  FROM names_key t CROSS JOIN bad_name b
 CROSS JOIN LATERAL (SELECT pg_temp.verdict(t.statement, b.name, :'blob') AS got,
							CASE WHEN NOT t.alias AND b.name LIKE 'alias/%' THEN '0A000|Unsupported.Alias' ELSE b.verdict END AS wanted OFFSET 0) v
 GROUP BY t.n, t.operation ORDER BY t.n;
SELECT is(pg_temp.complaint(statement, NULL, :'blob'),
		  '22004|MissingParameter|' || CASE operation WHEN 'ReEncrypt' THEN 'destination_key_id' WHEN 'ReEncrypt from a pair' THEN 'source_key_id' ELSE 'key_id' END || ' must not be null', operation || ' needs a key')
  FROM names_key WHERE operation !~ '^(Tag|Untag|List)Resource' ORDER BY n;
SELECT is(pg_temp.complaint(statement, NULL), '22023|InvalidParameter|invalid value for key_id: exactly one of key_id, secret_name and certificate_id must be given', operation || ' needs one of three')
  FROM names_key WHERE operation ~ '^(Tag|Untag|List)Resource' ORDER BY n;
SELECT is(max(length(pg_temp.complaint(t.statement, b.name, :'blob'))) < 500, true, 'no error repeats an over-long name')
  FROM names_key t CROSS JOIN bad_name b;

-- ---- other arguments ------------------------------------------------------

SELECT is(pg_temp.complaint(statement), '22004|MissingParameter|' || argument || ' must not be null', what)
  FROM (VALUES ('SELECT kms_update_key_description(' || quote_literal(:'key') || ', NULL)', 'description', 'a description must be given'),
			   ('SELECT kms_describe_key_version(' || quote_literal(:'key') || ', NULL)', 'key_version_id', 'a version must be given'),
			   ('SELECT kms_update_rotation_policy(' || quote_literal(:'key') || ', NULL)', 'enable_automatic_rotation', 'whether to rotate must be said'),
			   ('SELECT kms_update_rotation_policy(' || quote_literal(:'key') || ', NULL, ''7 days'')', 'enable_automatic_rotation', 'also with an interval'),
			   ('SELECT kms_set_deletion_protection(' || quote_literal(:'key') || ', NULL)', 'enable_deletion_protection', 'whether to protect must be said'),
			   ('SELECT kms_schedule_key_deletion(' || quote_literal(:'key') || ', NULL)', 'pending_window_in_days', 'a waiting period must be given'),
			   ('SELECT kms_create_alias(' || quote_literal(:'key') || ', NULL)', 'alias_name', 'the alias to make must be given'),
			   ('SELECT kms_update_alias(' || quote_literal(:'key') || ', NULL)', 'alias_name', 'the alias to move must be given'),
			   ('SELECT kms_delete_alias(NULL)', 'alias_name', 'the alias to delete must be given'),
			   ('SELECT kms_create_alias(NULL, NULL)', 'key_id', 'of two missing arguments the first is named'),
			   ('SELECT kms_asymmetric_sign(' || quote_literal(:'signer') || ', NULL, NULL, sha256(''x''))', 'algorithm', 'how to sign must be said'),
			   ('SELECT kms_asymmetric_sign(' || quote_literal(:'signer') || ', NULL, ''ECDSA_SHA_256'', NULL)', 'digest', 'what to sign must be given'),
			   ('SELECT kms_asymmetric_verify(' || quote_literal(:'signer') || ', NULL, NULL, sha256(''x''), ''x'')', 'algorithm', 'how to verify must be said'),
			   ('SELECT kms_asymmetric_verify(' || quote_literal(:'signer') || ', NULL, ''ECDSA_SHA_256'', NULL, ''x'')', 'digest', 'what was signed must be given'),
			   ('SELECT kms_asymmetric_verify(' || quote_literal(:'signer') || ', NULL, ''ECDSA_SHA_256'', sha256(''x''), NULL)', 'value', 'a signature must be given'),
			   ('SELECT kms_asymmetric_encrypt(' || quote_literal(:'opener') || ', NULL, NULL, ''x'')', 'algorithm', 'how to encrypt with a pair must be said'),
			   ('SELECT kms_asymmetric_encrypt(' || quote_literal(:'opener') || ', NULL, ''SM2PKE'', NULL)', 'plaintext', 'what to encrypt with a pair must be given'),
			   ('SELECT kms_asymmetric_decrypt(' || quote_literal(:'opener') || ', NULL, NULL, ''x'')', 'algorithm', 'how to decrypt with a pair must be said'),
			   ('SELECT kms_asymmetric_decrypt(' || quote_literal(:'opener') || ', NULL, ''SM2PKE'', NULL)', 'ciphertext_blob', 'what to decrypt with a pair must be given'),
			   ('SELECT kms_verify_mac(' || quote_literal(:'mac_key') || ', NULL, ''x'')', 'message', 'a message must be given'),
			   ('SELECT kms_verify_mac(' || quote_literal(:'mac_key') || ', ''x'', NULL)', 'mac', 'a MAC must be given'),
			   ('SELECT kms_export_data_key(NULL, ''x'', ''RSA_2048'', ''RSAES_OAEP_SHA_256'')', 'ciphertext_blob', 'a data key to export must be given'),
			   ('SELECT kms_export_data_key(''x'', NULL, ''RSA_2048'', ''RSAES_OAEP_SHA_256'')', 'public_key_blob', 'a receiver must be given'),
			   ('SELECT kms_export_data_key(''x'', ''x'', NULL, ''RSAES_OAEP_SHA_256'')', 'wrapping_key_spec', 'what kind of key it has must be said'),
			   ('SELECT kms_export_data_key(''x'', ''x'', ''RSA_2048'', NULL)', 'wrapping_algorithm', 'how to export must be said'),
			   ('SELECT kms_generate_and_export_data_key(' || quote_literal(:'key') || ', NULL, ''RSA_2048'', ''RSAES_OAEP_SHA_256'')', 'public_key_blob', 'also of a new data key'),
			   ('SELECT kms_generate_and_export_data_key(' || quote_literal(:'key') || ', ''x'', NULL, ''RSAES_OAEP_SHA_256'')', 'wrapping_key_spec', 'and its kind'),
			   ('SELECT kms_generate_and_export_data_key(' || quote_literal(:'key') || ', ''x'', ''RSA_2048'', NULL)', 'wrapping_algorithm', 'and how'),
			   ('SELECT kms_re_encrypt(''x'', ' || quote_literal(:'key') || ', source_key_id => ' || quote_literal(:'opener') || ')', 'source_encryption_algorithm', 'how a public-key ciphertext was made must be said'),
			   ('SELECT kms_re_encrypt(''x'', ' || quote_literal(:'key') || ', source_encryption_algorithm => ''SM2PKE'')', 'source_key_id', 'and for which key'),
			   ('SELECT kms_ciphertext_info(NULL)', 'ciphertext_blob', 'a ciphertext must be given'),
			   ('SELECT kms_generate_random(NULL)', 'number_of_bytes', 'a number must be given')) t (statement, argument, what);
/* Of the hot functions a NULL value is a NULL result, whatever the other arguments are. */
SELECT is_empty(statement || ' WHERE v IS NOT NULL', what)
  FROM (VALUES ('SELECT FROM kms_generate_mac(NULL, NULL) v', 'no message has no MAC'), ('SELECT FROM kms_blind_index(''alias/nobody'', NULL) v', 'no value has no blind index'),
			   ('SELECT FROM kms_envelope_encrypt(''x'', NULL::bytea) v', 'no plaintext has no envelope'), ('SELECT FROM kms_envelope_encrypt(NULL, NULL::text) v', 'nor has no text'),
			   ('SELECT FROM kms_re_encrypt(NULL, NULL, source_key_id => ''x'') v', 'no ciphertext is re-encrypted as none')) t (statement, what);
SELECT is(pg_temp.verdict('SELECT kms_list_keys(NULL)'), 'fine', 'no filters are all keys');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, %L)', :'key', 'x'), 'fine', 'a plaintext of unknown type is a text');
SELECT is(pg_temp.verdict(statement), '42883|', what)
  FROM (VALUES ('SELECT kms_encrypt(1, ''x''::text)', 'a number is no key'), ('SELECT kms_encrypt(''alias/badinput'', 1)', 'a number is no plaintext'),
			   ('SELECT kms_generate_mac(''alias/badinput'', ''x''::text)', 'a text is no message'), ('SELECT kms_blind_index(''alias/badinput'', ''x''::bytea)', 'bytes are no value'),
			   ('SELECT kms_asymmetric_sign(''alias/badinput'', ''ECDSA_SHA_256'', ''x'')', 'the version may be null but not left out'),
			   ('SELECT kms_decrypt(''x''::text)', 'a text is no ciphertext'), ('SELECT kms_encrypt(''alias/badinput'', ''x''::text, ''{}''::json)', 'json is no context'),
			   ('SELECT kms_generate_random(1.5)', 'a fraction is no number of bytes'), ('SELECT kms_generate_random(5000000000)', 'nor is a bigint')) t (statement, what);
SELECT is(pg_temp.verdict('SELECT kms_describe_key(%L::uuid)', :'key'), '42883|', 'a uuid is named as text');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, ''x''::text, %L)', :'key', context), verdict, format('%s is no context', context))
  FROM (VALUES ('', '22P02|The input string ended unexpectedly.'), ('{', '22P02|The input string ended unexpectedly.'), ('a', '22P02|Token "a" is invalid.'),
			   ('[]', '22023|InvalidParameter'), ('1', '22023|InvalidParameter'), ('{"a": 1}', '22023|InvalidParameter')) t (context, verdict);

-- ---- ciphertexts, truncated and changed -----------------------------------

CREATE TEMP TABLE reads_blob (n serial, operation text, statement text);
INSERT INTO reads_blob (operation, statement) VALUES
	('Decrypt', 'SELECT kms_decrypt(%1$L, ''{"a": "1"}'')'), ('Decrypt text', 'SELECT kms_decrypt_text(%1$L, ''{"a": "1"}'')'),
	('ReEncrypt', 'SELECT kms_re_encrypt(%1$L, %2$L, ''{"a": "1"}'')'),
	('ExportDataKey', format('SELECT kms_export_data_key(%%1$L, %L, ''EC_SM2'', ''SM2PKE'', ''{"a": "1"}'')', :'public_key'));

SELECT is(kms_decrypt_text(blob, '{"a": "1"}'), 'twelve bytes', 'a whole ciphertext of ' || spec || ' opens') FROM suite ORDER BY n;
SELECT results_eq(format('SELECT DISTINCT pg_temp.complaint(%L, substr(blob, 1, len)::text, key_id) FROM suite, generate_series(0, length(blob) - 1) len WHERE n = %s', statement, s.n),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], format('%s refuses a ciphertext of %s cut off anywhere', operation, spec))
  FROM reads_blob b CROSS JOIN suite s ORDER BY b.n, s.n;
/* What is left may begin like a ciphertext of another version. */
SELECT is(count(*) FILTER (WHERE verdict NOT IN ('22023|InvalidParameter', '42704|Forbidden.KeyNotFound')), 0::bigint, format('Decrypt refuses a ciphertext of %s without its beginning', spec))
  FROM (SELECT n, spec, pg_temp.verdict('SELECT kms_decrypt(%L, %L)', substr(blob, start)::text, '{"a": "1"}') AS verdict FROM suite, generate_series(2, length(blob) + 1) start) t
 GROUP BY n, spec ORDER BY n;

/* The format byte and the rest that is authenticated give the one error; the version id names another version. */
SELECT results_eq(format('SELECT regexp_replace(pg_temp.complaint(%L, set_byte(blob, at, get_byte(blob, at) # bit)::text, key_id), ''"[-0-9a-f]{36}"'', ''""''), count(*)
							FROM suite, generate_series(0, length(blob) - 1) at, unnest(ARRAY[1, 2, 128, 255]) bit WHERE n = %s GROUP BY 1 ORDER BY 1', statement, s.n),
				  format('VALUES (''22023|InvalidParameter|ciphertext cannot be decrypted'', %s::bigint), (''42704|Forbidden.KeyNotFound|key version "" does not exist'', 64::bigint)', (length(blob) - 16) * 4),
				  format('%s refuses a ciphertext of %s with any byte changed', operation, spec))
  FROM reads_blob b CROSS JOIN suite s ORDER BY b.n, s.n;
SELECT is(pg_temp.complaint('SELECT kms_decrypt(%L, %L)', (blob || '\x00')::text, '{"a": "1"}'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'a ciphertext of ' || spec || ' with a byte more does not open'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L, %L)', ('\x00' || blob)::text, '{"a": "1"}'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor with one before'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L, %L)', (blob || blob)::text, '{"a": "1"}'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor twice')
  FROM suite ORDER BY n;
SELECT results_eq('SELECT DISTINCT pg_temp.complaint(''SELECT kms_decrypt(%L, %L)'', set_byte(s.blob, 0, format)::text, ''{"a": "1"}'')
					 FROM suite s, generate_series(0, 255) format WHERE format <> get_byte(s.blob, 0)',
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'a ciphertext of any other format byte does not open');
SELECT is(pg_temp.verdict('SELECT kms_ciphertext_info(%L)', set_byte(:'blob'::bytea, 0, format)::text), '22023|InvalidParameter', format('format %s is not described', format))
  FROM unnest(ARRAY[0, 5, 255]) format;
/* Parts of two ciphertexts do not fit. */
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', (substr(a, 1, from_a) || substr(b, from_a + 1))::text), '22023|InvalidParameter', 'a ciphertext spliced at byte ' || from_a || ' does not open')
  FROM (SELECT kms_encrypt(:'key', 'aaaa'::text) AS a, kms_encrypt(:'key', 'bbbb'::text) AS b OFFSET 0) t, unnest(ARRAY[20, 41, 43, 45, 60]) from_a;
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', blob), '22023|InvalidParameter', what || ' does not open')
  FROM (VALUES ('', 'nothing'), ('plain text', 'plain text'), ('\x' || repeat('00', 57), 'a ciphertext of zeros'), ('\x' || repeat('ff', 6300), 'a ciphertext of ones'),
			   ('\x' || repeat('01', 1000000), 'a million bytes')) t (blob, what);
SELECT is(pg_temp.verdict('SELECT kms_decrypt(%L)', ('\x01'::bytea || substr(:'blob'::bytea, 2, 40) || decode(repeat('00', 6145 + 16), 'hex'))::text), '22023|InvalidParameter', 'a ciphertext of more than 6144 bytes does not open'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', ('\x01'::bytea || substr(:'blob'::bytea, 2, 40) || decode(repeat('00', 6144 + 16), 'hex'))::text), '22023|InvalidParameter', 'nor a forged one of 6144');
SELECT is(kms_decrypt_text(blob, '{"a": "1"}'), 'twelve bytes', 'after all that a whole ciphertext of ' || spec || ' opens') FROM suite ORDER BY n;

-- ---- a read-only transaction ----------------------------------------------

SAVEPOINT writable;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.complaint(statement, :'key', :'blob'), '25006|UnsupportedOperation|keys cannot be changed in a read-only transaction', what || ' is refused in a read-only transaction')
  FROM (VALUES ('SELECT kms_create_key()', 'making a key'), ('SELECT kms_create_key(origin => ''EXTERNAL'')', 'making a key without material'), ('SELECT kms_create_key(''EC_P256'')', 'making a pair'), ('SELECT kms_enable_key(%1$L)', 'enabling'),
			   ('SELECT kms_disable_key(%1$L)', 'disabling'), ('SELECT kms_update_key_description(%1$L, ''x'')', 'describing anew'), ('SELECT kms_create_key_version(%1$L)', 'rotating'),
			   ('SELECT kms_create_alias(%1$L, ''alias/new'')', 'making an alias'), ('SELECT kms_update_alias(%1$L, ''alias/badinput'')', 'moving an alias'),
			   ('SELECT kms_delete_alias(''alias/badinput'')', 'deleting an alias'),
			   ('SELECT kms_tag_resource(''{"a": "1"}'', %1$L)', 'tagging'), ('SELECT kms_untag_resource(''{a}'', ''alias/badinput'')', 'taking a tag away')) t (statement, what);
SELECT is(pg_temp.verdict(statement, :'key', :'blob', :'version', :'public_key', :'signer', :'opener', :'sm2', :'mac_key'), 'fine', what || ' works in a read-only transaction')
  FROM (VALUES ('SELECT kms_encrypt(%1$L, ''x''::bytea)', 'encrypting'), ('SELECT kms_encrypt(''alias/badinput'', ''x''::text)', 'encrypting by alias'), ('SELECT kms_decrypt(%2$L)', 'decrypting'),
			   ('SELECT kms_decrypt_text(%2$L)', 'decrypting a text'), ('SELECT kms_re_encrypt(%2$L, %1$L)', 're-encrypting'), ('SELECT kms_generate_data_key(%1$L)', 'making a data key'),
			   ('SELECT kms_generate_data_key_without_plaintext(%1$L)', 'making one without plaintext'), ('SELECT kms_generate_random(16)', 'making random bytes'),
			   ('SELECT kms_ciphertext_info(%2$L)', 'describing a ciphertext'),
			   ('SELECT kms_envelope_encrypt(%1$L, ''x''::bytea)', 'making an envelope'), ('SELECT kms_decrypt(kms_envelope_encrypt(%1$L, ''x''::text))', 'decrypting one'),
			   ('SELECT kms_export_data_key(%2$L, %4$L, ''EC_SM2'', ''SM2PKE'')', 'exporting a data key'),
			   ('SELECT kms_generate_and_export_data_key(%1$L, %4$L, ''EC_SM2'', ''SM2PKE'')', 'making one to export'),
			   ('SELECT kms_asymmetric_sign(%5$L, NULL, ''ECDSA_SHA_256'', sha256(''x''))', 'signing'),
			   ('SELECT kms_asymmetric_verify(%5$L, NULL, ''ECDSA_SHA_256'', sha256(''x''), ''x'')', 'verifying'), ('SELECT kms_get_public_key(%5$L)', 'reading a public key'),
			   ('SELECT kms_asymmetric_encrypt(%6$L, NULL, ''SM2PKE'', ''x'')', 'encrypting for a pair'), ('SELECT kms_asymmetric_decrypt(%6$L, NULL, ''SM2PKE'', %7$L)', 'decrypting with one'),
			   ('SELECT kms_re_encrypt(%7$L, %1$L, source_key_id => %6$L, source_encryption_algorithm => ''SM2PKE'')', 're-encrypting from one'),
			   ('SELECT kms_generate_mac(%8$L, ''x'')', 'making a MAC'), ('SELECT kms_verify_mac(%8$L, ''x'', ''x'')', 'verifying one'), ('SELECT kms_blind_index(%8$L, ''x'')', 'making a blind index'), ('SELECT kms_describe_key(%1$L)', 'describing a key'), ('SELECT kms_describe_key_version(%1$L, %3$L)', 'describing a version'),
			   ('SELECT kms_list_keys()', 'listing keys'), ('SELECT kms_list_key_versions(%1$L)', 'listing versions'), ('SELECT kms_list_aliases()', 'listing aliases'),
			   ('SELECT kms_list_aliases_by_key_id(%1$L)', 'listing a key''s aliases'), ('SELECT kms_list_resource_tags(%1$L), kms_describe_regions()', 'listing tags'), ('SELECT * FROM kms.tags', 'looking at them'), ('SELECT kms_describe_account_kms_status()', 'asking for the status'), ('SELECT * FROM kms.status', 'looking at it')) t (statement, what);
SET LOCAL statement_timeout = '300ms';
SELECT is(pg_temp.verdict('SELECT kms_create_key(%L)', 'RSA_4096'), '25006|UnsupportedOperation', 'which is said before primes are searched for');
ROLLBACK TO writable;
SELECT is(pg_temp.verdict('SELECT kms_disable_key(%1$L), kms_enable_key(%1$L)', :'key'), 'fine', 'keys can be changed again afterwards');

SELECT * FROM finish();
ROLLBACK;
