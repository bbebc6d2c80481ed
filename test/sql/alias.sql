-- Aliases: making, moving, deleting, listing; where one may stand and where not.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(93);

SELECT kms_create_key() AS key \gset
SELECT kms_create_key() AS other \gset
SELECT kms_create_key(origin => 'EXTERNAL') AS external \gset
SELECT (kms_describe_key(:'key')).arn AS arn \gset

-- ---- making, using, listing -----------------------------------------------

SELECT is_empty(format('SELECT * FROM kms_list_aliases_by_key_id(%L)', :'key'), 'a new key has no alias');
SELECT kms_create_alias(:'key', 'alias/first');
SELECT is(alias_name, 'alias/first', 'an alias is listed with its full name'),
	   is(alias_arn, replace(:'arn', 'key/' || :'key', 'alias/first'), 'an alias has an ARN'),
	   is(key_id, :'key', 'an alias is listed with its key')
  FROM kms_list_aliases_by_key_id(:'key');
SELECT is(kms_decrypt_text(kms_encrypt('alias/first', 'x'::text)), 'x', 'an alias encrypts');
SELECT is((kms_ciphertext_info(kms_encrypt('alias/first', 'x'::text))).key_id, :'key', 'an alias encrypts with its key');
SELECT kms_create_alias(:'arn', 'alias/second');
SELECT set_eq(format('SELECT alias_name FROM kms_list_aliases_by_key_id(%L)', :'key'),
			  ARRAY['alias/first', 'alias/second'], 'a key may have several aliases');
SELECT set_eq(format('SELECT alias_name FROM kms_list_aliases_by_key_id(%L)', :'arn'),
			  ARRAY['alias/first', 'alias/second'], 'aliases are listed by ARN');
SELECT kms_create_alias(:'other', 'alias/other');
SELECT is_empty(format('SELECT alias_name FROM kms_list_aliases_by_key_id(%L) WHERE alias_name = %L', :'key', 'alias/other'),
				'the alias of another key is not among a key''s');
SELECT set_has('SELECT alias_name, key_id FROM kms_list_aliases()',
			   format('VALUES (%L, %L::uuid), (%L, %L), (%L, %L)', 'alias/first', :'key', 'alias/second', :'key', 'alias/other', :'other'),
			   'the list of all aliases has them all');
SELECT set_eq('SELECT * FROM kms_list_aliases()', 'SELECT alias_name, alias_arn, key_id FROM kms.aliases', 'the view and the list are the same'),
	   ok((SELECT bool_and(creation_date > now() AND creation_date < clock_timestamp()) FROM kms.aliases), 'the view shows when an alias was made');
SELECT is(pg_temp.verdict('SELECT kms_create_alias(%L, %L)', :'external', 'alias/external'), 'fine',
		  'a key without material may have an alias');

-- ---- names ----------------------------------------------------------------

SELECT is(pg_temp.verdict('SELECT kms_create_alias(%L, %L)', :'key', 'alias/' || name), 'fine', 'an alias may be ' || what)
  FROM (VALUES ('a', 'one character'), ('A-Z_az/09', 'of letters, digits, underscore, hyphen and slash'),
			   (repeat('n', 255), '255 characters after alias/'), ('/', 'a slash'), ('-', 'a hyphen'), ('first/', 'with a slash at the end'),
			   ('FIRST', 'another in capitals'), ('ac', 'ac'), ('Acs', 'Acs'), ('xacs', 'xacs'),
			   ('00000000-0000-4000-8000-000000000000', 'like a key id')) t (name, what);
SELECT is((kms_describe_key('alias/' || repeat('n', 255))).key_id, :'key', 'an alias of 255 characters is found');
SELECT is(pg_temp.complaint('SELECT kms_create_alias(%L, %L)', :'key', name),
		  '22023|InvalidParameter|invalid value for alias_name: it must be alias/ and 1 to 255 letters, digits, underscores, hyphens and slashes',
		  'an alias may not be ' || what)
  FROM (VALUES ('', 'empty'), ('alias', 'alias'), ('alias/', 'without a name'), ('first', 'without alias/'), ('Alias/x', 'with Alias/'),
			   (' alias/x', 'with a blank before it'), ('alias/x ', 'with a blank after it'), ('alias/a b', 'with a blank inside'),
			   ('alias/ä', 'of other letters'), ('alias/a.b', 'with a dot'), ('alias/a:b', 'with a colon'), ('alias/%', 'with a percent sign'),
			   ('alias/a' || chr(10), 'with a line break'), ('alias/' || repeat('n', 256), 'longer than 255 characters'),
			   (repeat('alias/', 100000), 'of 600,000 characters')) t (name, what);
SELECT is(pg_temp.complaint('SELECT kms_create_alias(%L, %L)', :'key', name),
		  '22023|InvalidParameter|invalid value for alias_name: names that begin with alias/acs are reserved', name || ' is reserved')
  FROM unnest(ARRAY['alias/acs', 'alias/acs/ecs', 'alias/acsx']) name;
SELECT is(pg_temp.complaint('SELECT kms_create_alias(%L, %L)', key_id, 'alias/first'),
		  '42710|AliasAlreadyExists|alias "alias/first" already exists', what)
  FROM (VALUES (:'key', 'an alias cannot be made twice'), (:'other', 'nor for another key')) t (key_id, what);
SELECT is((kms_describe_key('alias/first')).key_id, :'key', 'a refused alias leaves the old one');

-- ---- moving ---------------------------------------------------------------

SELECT kms_encrypt('alias/first', 'before'::text) AS blob \gset
SELECT kms_update_alias(:'other', 'alias/first');
SELECT is((kms_describe_key('alias/first')).key_id, :'other', 'a moved alias stands for the other key');
SELECT is((kms_ciphertext_info(kms_encrypt('alias/first', 'x'::text))).key_id, :'other', 'a moved alias encrypts with the other key');
SELECT is(kms_decrypt_text(:'blob'), 'before', 'what was encrypted before a move still decrypts');
SELECT is_empty(format('SELECT FROM kms_list_aliases_by_key_id(%L) WHERE alias_name = %L', :'key', 'alias/first'),
				'a moved alias is no longer listed with the old key');
SELECT is(pg_temp.verdict('SELECT kms_update_alias(%L, %L)', :'other', 'alias/first'), 'fine',
		  'an alias may be moved to where it is');
SELECT is(pg_temp.verdict('SELECT kms_update_alias(%L, %L)', :'external', 'alias/first'), 'fine',
		  'an alias may be moved to a key without material');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', 'alias/first', 'x'), '55000|Rejected.PendingImport',
		  'an alias of a key without material does not encrypt');
SELECT is(pg_temp.verdict('SELECT kms_update_alias(%L, %L)', :'arn', 'alias/first'), 'fine', 'an alias may be moved by ARN');
SELECT is((kms_describe_key('alias/first')).key_id, :'key', 'and then stands for that key');
SELECT is(pg_temp.complaint('SELECT kms_update_alias(%L, %L)', :'key', 'alias/nobody'),
		  '42704|Forbidden.AliasNotFound|alias "alias/nobody" does not exist', 'an unknown alias is not moved');
SELECT is(pg_temp.verdict('SELECT kms_update_alias(%L, %L)', '00000000-0000-4000-8000-000000000000', 'alias/first'),
		  '42704|Forbidden.KeyNotFound', 'an alias is not moved to an unknown key');
SELECT is(pg_temp.verdict('SELECT kms_update_alias(%L, %L)', :'key', name), '22023|InvalidParameter', format('%L is not moved', name))
  FROM unnest(ARRAY['', 'first', 'alias/', 'alias/a b', 'alias/acs/x']) name;
SELECT is((kms_describe_key('alias/first')).key_id, :'key', 'refused moves leave the alias where it was');

-- ---- deleting -------------------------------------------------------------

SELECT kms_delete_alias('alias/first');
SELECT is(pg_temp.verdict('SELECT kms_describe_key(%L)', 'alias/first'), '42704|Forbidden.AliasNotFound', 'a deleted alias is gone');
SELECT is(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', 'alias/first', 'x'), '42704|Forbidden.AliasNotFound',
		  'a deleted alias does not encrypt');
SELECT is((kms_describe_key(:'key')).key_state, 'Enabled', 'the key of a deleted alias stays');
SELECT is(pg_temp.complaint('SELECT kms_delete_alias(%L)', 'alias/first'),
		  '42704|Forbidden.AliasNotFound|alias "alias/first" does not exist', 'an alias is not deleted twice');
SELECT is(pg_temp.verdict('SELECT kms_delete_alias(%L)', name), '22023|InvalidParameter', format('%L is not deleted', name))
  FROM unnest(ARRAY['', 'second', 'alias/', 'alias/acs/x']) name;
SELECT is(pg_temp.verdict('SELECT kms_create_alias(%L, %L)', :'other', 'alias/first'), 'fine', 'a deleted alias can be made again');
SELECT is((kms_describe_key('alias/first')).key_id, :'other', 'and stands for its new key');
SELECT kms_schedule_key_deletion(:'other', 7) AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_delete_alias(%L)', 'alias/first'), 'fine',
		  'the alias of a key that is pending deletion can be deleted');

-- ---- where an alias may stand ---------------------------------------------

SELECT is(pg_temp.verdict(format(statement, '%1$L', '%2$L'), 'alias/second', kms_encrypt(:'key', 'x'::text)::text), 'fine',
		  operation || ' takes an alias')
  FROM (VALUES ('DescribeKey', 'SELECT kms_describe_key(%s)'),
			   ('DescribeKeyVersion', 'SELECT kms_describe_key_version(%1$s, (kms_describe_key(%1$s)).primary_key_version::text)'),
			   ('ListKeyVersions', 'SELECT kms_list_key_versions(%s)'),
			   ('CreateKeyVersion', 'SELECT kms_create_key_version(%s)'),
			   ('Encrypt', 'SELECT kms_encrypt(%s, ''x''::bytea)'),
			   ('GenerateDataKey', 'SELECT kms_generate_data_key(%s)'),
			   ('GenerateDataKeyWithoutPlaintext', 'SELECT kms_generate_data_key_without_plaintext(%s)'),
			   ('ReEncrypt', 'SELECT kms_re_encrypt(%2$s, %1$s)')) t (operation, statement);
SELECT is(pg_temp.complaint(statement, 'alias/second'),
		  '0A000|Unsupported.Alias|key_id must be a key id or ARN here, not an alias', operation || ' takes no alias')
  FROM (VALUES ('EnableKey', 'SELECT kms_enable_key(%L)'),
			   ('DisableKey', 'SELECT kms_disable_key(%L)'),
			   ('UpdateKeyDescription', 'SELECT kms_update_key_description(%L, ''x'')'),
			   ('UpdateRotationPolicy', 'SELECT kms_update_rotation_policy(%L, true, ''7 days'')'),
			   ('SetDeletionProtection', 'SELECT kms_set_deletion_protection(%L, true)'),
			   ('ScheduleKeyDeletion', 'SELECT kms_schedule_key_deletion(%L, 7)'),
			   ('CancelKeyDeletion', 'SELECT kms_cancel_key_deletion(%L)'),
			   ('CreateAlias', 'SELECT kms_create_alias(%L, ''alias/new'')'),
			   ('UpdateAlias', 'SELECT kms_update_alias(%L, ''alias/second'')'),
			   ('ListAliasesByKeyId', 'SELECT kms_list_aliases_by_key_id(%L)')) t (operation, statement);
SELECT is(pg_temp.verdict('SELECT kms_describe_key(%L)', replace(:'arn', 'key/' || :'key', 'alias/second')), '22023|InvalidParameter',
		  'the ARN of an alias is no name for a key');

SELECT * FROM finish();
ROLLBACK;
