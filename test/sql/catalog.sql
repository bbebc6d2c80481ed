-- Promises for all objects of the extension at once, as the catalogue has them.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(59);

/* Without the types that come with a table or a type by themselves: members, too, from PostgreSQL 18 on. */
CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid, d.objsubid
	  FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	 WHERE d.deptype = 'e' AND e.extname = 'kms'
	   AND NOT (d.classid = 'pg_type'::regclass
				AND EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c')));
CREATE TEMP VIEW function AS
	SELECT p.* FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE TEMP VIEW base_table AS
	SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid WHERE c.relkind IN ('r', 'p', 'S', 'm', 'f');
CREATE TEMP VIEW shown AS
	SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid WHERE c.relkind = 'v';

-- ---- the contract ---------------------------------------------------------

/*
 * Arguments with their defaults; the result, with its columns; whether it is
 * Volatile or Stable; parallel Safe or Unsafe; open to everybody.
 */
CREATE TEMP TABLE contract (name text, arguments text, result text, volatility text, parallel text, everybody boolean);
INSERT INTO contract VALUES
	('kms_create_key',
	 'key_spec text DEFAULT ''Aliyun_AES_256''::text, key_usage text DEFAULT NULL::text, origin text DEFAULT ''Aliyun_KMS''::text, '
	 'description text DEFAULT ''''::text, protection_level text DEFAULT ''SOFTWARE''::text, enable_automatic_rotation boolean DEFAULT false, '
	 'rotation_interval interval DEFAULT NULL::interval, tags jsonb DEFAULT NULL::jsonb', 'uuid', 'v', 'u', false),
	('kms_enable_key', 'key_id text', 'void', 'v', 'u', true),
	('kms_disable_key', 'key_id text', 'void', 'v', 'u', true),
	('kms_describe_key', 'key_id text', 'KEY', 's', 's', true),
	('kms_list_keys', 'filters jsonb DEFAULT NULL::jsonb', 'SETOF KEY', 's', 's', true),
	('kms_update_key_description', 'key_id text, description text', 'void', 'v', 'u', true),
	('kms_describe_key_version', 'key_id text, key_version_id text', 'KEYVERSION', 's', 's', true),
	('kms_list_key_versions', 'key_id text', 'SETOF KEYVERSION', 's', 's', true),
	('kms_create_key_version', 'key_id text', 'uuid', 'v', 'u', true),
	('kms_update_rotation_policy', 'key_id text, enable_automatic_rotation boolean, rotation_interval interval DEFAULT NULL::interval', 'void', 'v', 'u', true),
	('kms_set_deletion_protection',
	 'key_id text, enable_deletion_protection boolean, deletion_protection_description text DEFAULT NULL::text', 'void', 'v', 'u', true),
	('kms_schedule_key_deletion', 'key_id text, pending_window_in_days integer', 'timestamp with time zone', 'v', 'u', true),
	('kms_cancel_key_deletion', 'key_id text', 'void', 'v', 'u', true),
	('kms_get_parameters_for_import',
	 'key_id text, wrapping_algorithm text DEFAULT ''RSAES_OAEP_SHA_256''::text, wrapping_key_spec text DEFAULT ''RSA_2048''::text',
	 '(key_id uuid, import_token bytea, public_key bytea, token_expire_time timestamp with time zone)', 'v', 'u', true),
	('kms_import_key_material',
	 'key_id text, encrypted_key_material bytea, import_token bytea, key_material_expire timestamp with time zone DEFAULT NULL::timestamp with time zone',
	 'void', 'v', 'u', true),
	('kms_delete_key_material', 'key_id text', 'void', 'v', 'u', true),
	('kms_encrypt', 'key_id text, plaintext bytea, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 'v', 's', true),
	('kms_encrypt', 'key_id text, plaintext text, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 'v', 's', true),
	('kms_decrypt', 'ciphertext_blob bytea, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 's', 's', true),
	('kms_decrypt_text', 'ciphertext_blob bytea, encryption_context jsonb DEFAULT NULL::jsonb', 'text', 's', 's', true),
	('kms_try_decrypt', 'ciphertext_blob bytea, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 's', 's', true),
	('kms_try_decrypt_text', 'ciphertext_blob bytea, encryption_context jsonb DEFAULT NULL::jsonb', 'text', 's', 's', true),
	('kms_re_encrypt',
	 'ciphertext_blob bytea, destination_key_id text, source_encryption_context jsonb DEFAULT NULL::jsonb, '
	 'destination_encryption_context jsonb DEFAULT NULL::jsonb, source_key_id text DEFAULT NULL::text, '
	 'source_key_version_id text DEFAULT NULL::text, source_encryption_algorithm text DEFAULT NULL::text', 'bytea', 'v', 's', true),
	('kms_generate_data_key',
	 'key_id text, key_spec text DEFAULT NULL::text, number_of_bytes integer DEFAULT NULL::integer, encryption_context jsonb DEFAULT NULL::jsonb',
	 '(key_id uuid, key_version_id uuid, plaintext bytea, ciphertext_blob bytea)', 'v', 's', true),
	('kms_generate_data_key_without_plaintext',
	 'key_id text, key_spec text DEFAULT NULL::text, number_of_bytes integer DEFAULT NULL::integer, encryption_context jsonb DEFAULT NULL::jsonb',
	 '(key_id uuid, key_version_id uuid, ciphertext_blob bytea)', 'v', 's', true),
	('kms_export_data_key',
	 'ciphertext_blob bytea, public_key_blob bytea, wrapping_key_spec text, wrapping_algorithm text, encryption_context jsonb DEFAULT NULL::jsonb',
	 '(key_id uuid, key_version_id uuid, exported_data_key bytea)', 'v', 's', true),
	('kms_generate_and_export_data_key',
	 'key_id text, public_key_blob bytea, wrapping_key_spec text, wrapping_algorithm text, key_spec text DEFAULT NULL::text, '
	 'number_of_bytes integer DEFAULT NULL::integer, encryption_context jsonb DEFAULT NULL::jsonb',
	 '(key_id uuid, key_version_id uuid, ciphertext_blob bytea, exported_data_key bytea)', 'v', 's', true),
	('kms_asymmetric_sign', 'key_id text, key_version_id text, algorithm text, digest bytea', 'bytea', 'v', 's', true),
	('kms_asymmetric_verify', 'key_id text, key_version_id text, algorithm text, digest bytea, value bytea', 'boolean', 's', 's', true),
	('kms_asymmetric_encrypt', 'key_id text, key_version_id text, algorithm text, plaintext bytea', 'bytea', 'v', 's', true),
	('kms_asymmetric_decrypt', 'key_id text, key_version_id text, algorithm text, ciphertext_blob bytea', 'bytea', 's', 's', true),
	('kms_get_public_key', 'key_id text, key_version_id text DEFAULT NULL::text', 'text', 's', 's', true),
	('kms_generate_mac', 'key_id text, message bytea', 'bytea', 'v', 's', true),
	('kms_verify_mac', 'key_id text, message bytea, mac bytea', 'boolean', 's', 's', true),
	('kms_blind_index', 'key_id text, value text, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 's', 's', true),
	('kms_envelope_encrypt', 'key_id text, plaintext bytea, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 'v', 's', true),
	('kms_envelope_encrypt', 'key_id text, plaintext text, encryption_context jsonb DEFAULT NULL::jsonb', 'bytea', 'v', 's', true),
	('kms_encrypt_columns', '', 'trigger', 'v', 'u', true),
	('kms_protect_column',
	 'relation regclass, column_name name, key_id text, context_columns name[] DEFAULT NULL::name[], blind_index boolean DEFAULT false, '
	 'blind_index_key_id text DEFAULT NULL::text', 'void', 'v', 'u', true),
	('kms_unprotect_column', 'relation regclass, column_name name', 'void', 'v', 'u', true),
	('kms_encrypt_existing', 'IN relation regclass, IN column_name name, IN batch_size integer DEFAULT 1000', 'void', 'v', 'u', true),
	('kms_reencrypt_column', 'IN relation regclass, IN column_name name, IN batch_size integer DEFAULT 1000', 'void', 'v', 'u', true),
	('kms_scan_column', 'relation regclass, column_name name', 'SETOF (key_version_id uuid, row_count bigint)', 'v', 'u', true),
	('kms_ciphertext_info', 'ciphertext_blob bytea', '(key_id uuid, key_version_id uuid, format text, plaintext_length bigint)', 's', 's', true),
	('kms_generate_random', 'number_of_bytes integer', 'bytea', 'v', 's', true),
	('kms_get_random_password',
	 'password_length integer DEFAULT 32, exclude_characters text DEFAULT ''''::text, exclude_lowercase boolean DEFAULT false, '
	 'exclude_uppercase boolean DEFAULT false, exclude_numbers boolean DEFAULT false, exclude_punctuation boolean DEFAULT false, '
	 'require_each_included_type boolean DEFAULT false', 'text', 'v', 's', true),
	('kms_create_secret',
	 'secret_name text, version_id text, secret_data text, secret_type text DEFAULT ''Generic''::text, encryption_key_id text DEFAULT NULL::text, '
	 'description text DEFAULT ''''::text, tags jsonb DEFAULT NULL::jsonb, extended_config jsonb DEFAULT NULL::jsonb, '
	 'enable_automatic_rotation boolean DEFAULT false, rotation_interval interval DEFAULT NULL::interval',
	 '(arn text, secret_name text, version_id text, secret_type text, automatic_rotation text, rotation_interval interval, '
	 'next_rotation_date timestamp with time zone, extended_config jsonb)', 'v', 'u', false),
	('kms_create_secret',
	 'secret_name text, version_id text, secret_data bytea, secret_type text DEFAULT ''Generic''::text, encryption_key_id text DEFAULT NULL::text, '
	 'description text DEFAULT ''''::text, tags jsonb DEFAULT NULL::jsonb, extended_config jsonb DEFAULT NULL::jsonb, '
	 'enable_automatic_rotation boolean DEFAULT false, rotation_interval interval DEFAULT NULL::interval',
	 '(arn text, secret_name text, version_id text, secret_type text, automatic_rotation text, rotation_interval interval, '
	 'next_rotation_date timestamp with time zone, extended_config jsonb)', 'v', 'u', false),
	('kms_list_secrets', 'filters jsonb DEFAULT NULL::jsonb, fetch_tags boolean DEFAULT false',
	 'SETOF (secret_name text, secret_type text, create_time timestamp with time zone, update_time timestamp with time zone, '
	 'planned_delete_time timestamp with time zone, tags jsonb)', 's', 's', true),
	('kms_delete_secret',
	 'secret_name text, force_delete_without_recovery boolean DEFAULT false, recovery_window_in_days integer DEFAULT 30',
	 '(secret_name text, planned_delete_time timestamp with time zone)', 'v', 'u', true),
	('kms_describe_secret', 'secret_name text, fetch_tags boolean DEFAULT false',
	 '(arn text, secret_name text, secret_type text, description text, encryption_key_id uuid, create_time timestamp with time zone, '
	 'update_time timestamp with time zone, planned_delete_time timestamp with time zone, automatic_rotation text, rotation_interval interval, '
	 'last_rotation_date timestamp with time zone, next_rotation_date timestamp with time zone, extended_config jsonb, tags jsonb)', 's', 's', true),
	('kms_get_secret_value',
	 'secret_name text, version_stage text DEFAULT NULL::text, version_id text DEFAULT NULL::text, fetch_extended_config boolean DEFAULT false',
	 '(secret_name text, secret_type text, secret_data text, secret_binary bytea, secret_data_type text, version_id text, version_stages text[], '
	 'create_time timestamp with time zone, automatic_rotation text, rotation_interval interval, last_rotation_date timestamp with time zone, '
	 'next_rotation_date timestamp with time zone, extended_config jsonb)', 's', 's', true),
	('kms_put_secret_value', 'secret_name text, version_id text, secret_data text, version_stages text[] DEFAULT NULL::text[]',
	 '(secret_name text, version_id text, version_stages text[])', 'v', 'u', true),
	('kms_put_secret_value', 'secret_name text, version_id text, secret_data bytea, version_stages text[] DEFAULT NULL::text[]',
	 '(secret_name text, version_id text, version_stages text[])', 'v', 'u', true),
	('kms_update_secret', 'secret_name text, description text DEFAULT NULL::text, custom_data jsonb DEFAULT NULL::jsonb', 'void', 'v', 'u', true),
	('kms_update_secret_version_stage',
	 'secret_name text, version_stage text, move_to_version text DEFAULT NULL::text, remove_from_version text DEFAULT NULL::text', 'void', 'v', 'u', true),
	('kms_restore_secret', 'secret_name text', 'void', 'v', 'u', true),
	('kms_list_secret_version_ids', 'secret_name text, include_deprecated boolean DEFAULT false',
	 'SETOF (version_id text, create_time timestamp with time zone, version_stages text[])', 's', 's', true),
	('kms_rotate_secret', 'secret_name text, version_id text DEFAULT NULL::text', 'text', 'v', 'u', true),
	('kms_update_secret_rotation_policy',
	 'secret_name text, enable_automatic_rotation boolean, rotation_interval interval DEFAULT NULL::interval', 'void', 'v', 'u', true),
	('kms_create_certificate',
	 'key_spec text, subject text, subject_alternative_names text[] DEFAULT NULL::text[], exportable_private_key boolean DEFAULT true',
	 '(certificate_id uuid, arn text, csr text)', 'v', 'u', false),
	('kms_upload_certificate', 'certificate_id text, certificate text, certificate_chain text DEFAULT NULL::text', 'void', 'v', 'u', true),
	('kms_get_certificate', 'certificate_id text', '(certificate_id uuid, certificate text, certificate_chain text, csr text)', 's', 's', true),
	('kms_describe_certificate', 'certificate_id text', 'CERTIFICATE', 's', 's', true),
	('kms_list_certificates', 'subject text DEFAULT NULL::text, issuer text DEFAULT NULL::text, status text DEFAULT NULL::text', 'SETOF CERTIFICATE', 's', 's', true),
	('kms_update_certificate_status', 'certificate_id text, status text', 'void', 'v', 'u', true),
	('kms_delete_certificate', 'certificate_id text', 'void', 'v', 'u', true),
	('kms_export_certificate', 'certificate_id text, passphrase text', 'bytea', 'v', 's', true),
	('kms_certificate_private_key_sign', 'certificate_id text, algorithm text, message bytea, message_type text DEFAULT ''RAW''::text', 'bytea', 'v', 's', true),
	('kms_certificate_public_key_verify',
	 'certificate_id text, algorithm text, message bytea, signature_value bytea, message_type text DEFAULT ''RAW''::text', 'boolean', 's', 's', true),
	('kms_certificate_public_key_encrypt', 'certificate_id text, algorithm text, plaintext bytea', 'bytea', 'v', 's', true),
	('kms_certificate_private_key_decrypt', 'certificate_id text, algorithm text, ciphertext_blob bytea', 'bytea', 's', 's', true),
	('kms_create_alias', 'key_id text, alias_name text', 'void', 'v', 'u', true),
	('kms_update_alias', 'key_id text, alias_name text', 'void', 'v', 'u', true),
	('kms_delete_alias', 'alias_name text', 'void', 'v', 'u', true),
	('kms_list_aliases', '', 'SETOF (alias_name text, alias_arn text, key_id uuid)', 's', 's', true),
	('kms_list_aliases_by_key_id', 'key_id text', 'SETOF (alias_name text, alias_arn text, key_id uuid)', 's', 's', true),
	('kms_tag_resource', 'tags jsonb, key_id text DEFAULT NULL::text, secret_name text DEFAULT NULL::text, certificate_id text DEFAULT NULL::text', 'void', 'v', 'u', true),
	('kms_untag_resource', 'tag_keys text[], key_id text DEFAULT NULL::text, secret_name text DEFAULT NULL::text, certificate_id text DEFAULT NULL::text', 'void', 'v', 'u', true),
	('kms_list_resource_tags', 'key_id text DEFAULT NULL::text, secret_name text DEFAULT NULL::text, certificate_id text DEFAULT NULL::text',
	 'SETOF (tag_key text, tag_value text)', 's', 's', true),
	('kms_run_jobs', '', 'SETOF (job text, resource text, outcome text, detail text)', 'v', 'u', false),
	('kms_confirm_home', '', 'void', 'v', 'u', false),
	('kms_grant',
	 'resource text, grantee text, operations text[], encryption_context jsonb DEFAULT NULL::jsonb, '
	 'expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone', 'uuid', 'v', 'u', true),
	('kms_revoke', 'resource text, grantee text, operations text[] DEFAULT NULL::text[]', 'integer', 'v', 'u', true),
	('kms_list_grants', 'resource text DEFAULT NULL::text',
	 'SETOF (grant_id uuid, resource_type text, resource text, grantee text, operations text[], '
	 'encryption_context jsonb, expires_at timestamp with time zone, grantor text, created_at timestamp with time zone)', 's', 's', true),
	('kms_can', 'operation text, resource text, encryption_context jsonb DEFAULT NULL::jsonb', 'boolean', 's', 's', true),
	('kms_set_owner', 'resource text, new_owner text', 'void', 'v', 'u', true),
	('kms_check_integrity', '', 'SETOF (table_name text, row_id text, problem text)', 's', 'r', false),
	('kms_verify_audit_log', '', '(rows_checked bigint, first_bad_row bigint, problem text)', 'v', 'u', false),
	('kms_open_kms_service', '', 'void', 'v', 'u', false),
	('kms_rewrap_domain_key', '', 'bigint', 'v', 'u', false),
	('kms_rotate_domain_key', '', 'bigint', 'v', 'u', false),
	('kms_describe_regions', '', 'SETOF (region_id text)', 's', 's', true),
	('kms_describe_account_kms_status', '', 'text', 's', 's', true),
	('kms_call', 'action text, request jsonb DEFAULT ''{}''::jsonb', 'jsonb', 'v', 'u', true);
UPDATE contract SET result = replace(replace(result, 'KEYVERSION', '(key_id uuid, key_version_id uuid, creation_date timestamp with time zone)'), 'KEY',
	'(key_id uuid, arn text, creator text, creation_date timestamp with time zone, description text, key_state text, key_usage text, '
	'key_spec text, origin text, protection_level text, primary_key_version uuid, automatic_rotation text, rotation_interval interval, '
	'last_rotation_date timestamp with time zone, next_rotation_date timestamp with time zone, material_expire_time timestamp with time zone, '
	'delete_date timestamp with time zone, deletion_protection text, deletion_protection_description text)');
UPDATE contract SET result = replace(result, 'CERTIFICATE',
	'(arn text, certificate_id uuid, status text, key_spec text, exportable_private_key boolean, subject text, subject_alternative_names text[], '
	'issuer text, serial text, not_before timestamp with time zone, not_after timestamp with time zone, signature_algorithm text, '
	'subject_key_identifier text, subject_public_key text, created_at timestamp with time zone, updated_at timestamp with time zone, '
	'protection_level text, tags jsonb)');

CREATE TEMP VIEW made AS
	SELECT p.proname::text AS name, pg_get_function_arguments(p.oid) AS arguments,
		   CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END ||
		   CASE WHEN t.typtype = 'c'
				THEN (SELECT '(' || string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) || ')'
						FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
				ELSE format_type(t.oid, NULL) END AS result,
		   p.provolatile::text AS volatility, p.proparallel::text AS parallel,
		   EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE') AS everybody
	  FROM function p JOIN pg_type t ON t.oid = p.prorettype
	 WHERE p.pronamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'kms');

SELECT set_eq('SELECT name FROM made', 'SELECT name FROM contract', 'the public functions are those of the contract');
SELECT bag_eq('SELECT name, arguments FROM made', 'SELECT name, arguments FROM contract', 'their arguments have the names, types, order and defaults of the contract');
SELECT bag_eq('SELECT name, result FROM made', 'SELECT name, result FROM contract', 'their results are those of the contract');
SELECT bag_eq('SELECT name, volatility FROM made', 'SELECT name, volatility FROM contract', 'what writes or is random is volatile, what reads is stable');
SELECT bag_eq('SELECT name, parallel FROM made', 'SELECT name, parallel FROM contract', 'what writes is parallel unsafe, the rest is parallel safe');
SELECT bag_eq('SELECT name, everybody FROM made', 'SELECT name, everybody FROM contract', 'everybody may execute what asks for the right on the key, secret, certificate or table itself, and nothing else');
SELECT is_empty('SELECT name FROM made WHERE name !~ ''^kms_''', 'public functions begin with kms_');

-- ---- helpers --------------------------------------------------------------

CREATE TEMP TABLE helper (name text, volatility text, parallel text, everybody boolean);
INSERT INTO helper VALUES
	('tell_change()', 'v', 'u', false), ('may_describe(key_id uuid, owner oid, owner_name text)', 's', 's', true),
	('describe_grant(entry kms.grant_entry)', 's', 's', true),
	('describable(resource text)', 's', 's', true), ('describe_row(key kms.key)', 's', 's', true),
	('arn_prefix()', 's', 's', true), ('normalized_filters(filters jsonb)', 'i', 's', true), ('describe_status()', 'v', 'r', true),
	('may_describe_secret(secret_id uuid, owner oid, owner_name text)', 's', 's', true), ('describe_secret(secret kms.secret)', 's', 's', true),
	('secret_creator(owner oid, owner_name text)', 's', 's', true),
	('normalized_secret_filters(filters jsonb)', 'i', 's', true),
	('api(OUT action text, OUT direction text, OUT field text, OUT type text, OUT required boolean)', 'i', 's', true),
	('named_version(operation text, key_id text, key_version_id text, encryption_context jsonb)', 's', 's', true),
	('may_describe_certificate(certificate_id uuid, owner oid, owner_name text)', 's', 's', true),
	('describe_certificate(certificate kms.certificate)', 's', 's', true), ('certificate_status(status text)', 'i', 's', true),
	('pending_audit()', 'v', 'u', true),
	('decrypt_column(value bytea, VARIADIC context "any")', 's', 's', true), ('decrypt_column(value text, VARIADIC context "any")', 's', 's', true),
	('write_decrypted()', 'v', 'u', true), ('protected_column_rows()', 's', 'r', true),
	('counted_usage(OUT key_id uuid, OUT key_version_id uuid, OUT operation text, OUT calls bigint, OUT failures bigint, OUT bytes bigint, '
	 'OUT last_used_at timestamp with time zone, OUT counter bigint)', 'v', 'r', true);
SELECT bag_eq('SELECT format(''%s(%s)'', p.proname, pg_get_function_arguments(p.oid)), p.provolatile::text, p.proparallel::text,
					  EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) a WHERE a.grantee = 0)
				 FROM function p WHERE p.pronamespace = ''kms''::regnamespace',
			  'SELECT * FROM helper', 'the helpers are those that the views and lists need, volatile and open as they must be');

-- ---- every function -------------------------------------------------------

SELECT is_empty('SELECT proname FROM function WHERE prosecdef', 'no function is SECURITY DEFINER');
SELECT is_empty('SELECT proname FROM function WHERE proleakproof', 'no function is leakproof');
SELECT is_empty('SELECT proname FROM function WHERE proconfig IS NOT NULL', 'no function has a SET clause');
SELECT is_empty('SELECT proname FROM function WHERE provolatile = ''i'' AND proname !~ ''^(normalized_(secret_)?filters|api|certificate_status)$''', 'nothing that looks at keys, state or clock is immutable');
SELECT is_empty($$SELECT proname FROM function p JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname NOT IN ('c', 'sql')$$, 'functions are written in C or SQL');
SELECT is_empty($$SELECT proname FROM function p JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname = 'sql' AND p.prosqlbody IS NULL$$,
				'functions in SQL are parsed when they are made, so that no search_path reaches them');
SELECT is_empty($$SELECT proname FROM function p JOIN pg_language l ON l.oid = p.prolang
				   WHERE l.lanname = 'c' AND p.prosrc !~ '^kms_'$$, 'functions in C begin with kms_');
SELECT is_empty($$SELECT p.proname, p.prosrc FROM function p JOIN pg_language l ON l.oid = p.prolang
				   WHERE l.lanname = 'c' AND p.pronamespace <> 'kms'::regnamespace AND p.prosrc NOT IN (p.proname, p.proname || '_text')$$,
				'a function has the same name in SQL and in C');
SELECT is_empty($$SELECT proname FROM function p JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname = 'c' AND p.probin <> '$libdir/kms'$$,
				'functions in C are in our library');
SELECT is_empty($$SELECT proname FROM function WHERE prokind NOT IN ('f', 'p')$$, 'there are functions and procedures only');
SELECT set_eq($$SELECT proname FROM function WHERE prokind = 'p'$$, ARRAY['kms_encrypt_existing', 'kms_reencrypt_column']::name[], 'procedures are what commits on its way');
SELECT is_empty($$SELECT proname, argument FROM function, unnest(proargnames) argument WHERE argument = ''$$, 'every argument has a name');
SELECT is_empty($$SELECT proname FROM function WHERE proname ~ '^kms_(encrypt|decrypt|try_decrypt|re_encrypt|generate|export|asymmetric|get_public|get_random|verify|blind|envelope|get_secret|certificate_|scan)|^decrypt_column$' AND prokind = 'f' AND procost <= 10$$,
				'the planner is told that cryptography costs something');
SELECT is_empty('SELECT DISTINCT p.proname FROM function p, aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) a WHERE a.grantee NOT IN (0, p.proowner)',
				'functions are granted to everybody or to nobody');
SELECT is_empty('SELECT p.proname FROM function p, aclexplode(p.proacl) a WHERE a.grantee = 0 AND a.is_grantable', 'nobody may grant them further');

-- ---- comments -------------------------------------------------------------

SELECT is_empty('SELECT pg_describe_object(classid, objid, objsubid) FROM member WHERE coalesce(obj_description(objid, classid::regclass::name), '''') = ''''',
				'every schema, table, view, type and function has a comment');
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN base_table c ON c.oid = a.attrelid
				   WHERE a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(a.attrelid, a.attnum), '') = ''$$, 'every column of a table has a comment');
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN shown c ON c.oid = a.attrelid
				   WHERE a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(a.attrelid, a.attnum), '') = ''$$, 'every column of a view has a comment');
SELECT is_empty($$SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger t JOIN base_table c ON c.oid = t.tgrelid
				   WHERE NOT t.tgisinternal AND coalesce(obj_description(t.oid, 'pg_trigger'), '') = ''$$, 'every trigger has a comment');
SELECT is_empty($$SELECT i.indexrelid::regclass FROM pg_index i JOIN base_table c ON c.oid = i.indrelid
				   WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
					 AND coalesce(obj_description(i.indexrelid, 'pg_class'), '') = ''$$, 'every index that is no constraint''s has a comment');
SELECT isnt((SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'kms'), NULL, 'the extension has a comment');
SELECT is_empty($$SELECT name FROM pg_settings WHERE name ~ '^kms\.' AND coalesce(short_desc, '') = ''$$, 'every setting has a description');

-- ---- privileges -----------------------------------------------------------

SELECT is_empty('SELECT c.oid::regclass, a.* FROM base_table c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner', 'nobody but the owner has a privilege on a table');
SELECT is_empty('SELECT a.attrelid::regclass FROM pg_attribute a WHERE a.attacl IS NOT NULL AND a.attrelid IN (SELECT oid FROM base_table UNION SELECT oid FROM shown)',
				'nor on a column');
SELECT set_eq('SELECT c.relname, a.grantee, a.privilege_type, a.is_grantable FROM shown c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner',
			  $$VALUES ('keys'::name, 0::oid, 'SELECT', false), ('key_versions', 0, 'SELECT', false), ('aliases', 0, 'SELECT', false), ('jobs', 0, 'SELECT', false), ('audit_log', 0, 'SELECT', false), ('key_usage', 0, 'SELECT', false), ('grants', 0, 'SELECT', false), ('secrets', 0, 'SELECT', false), ('secret_versions', 0, 'SELECT', false), ('certificates', 0, 'SELECT', false), ('tags', 0, 'SELECT', false), ('protected_columns', 0, 'SELECT', false), ('status', 0, 'SELECT', false)$$,
			  'everybody may read the views, and no more');
SELECT results_eq($$SELECT a.grantee, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'kms' AND a.grantee <> n.nspowner$$,
				  $$VALUES (0::oid, 'USAGE')$$, 'everybody may look into the schema, nobody may make something there');
SELECT set_eq($$SELECT t.typname FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
				 WHERE EXISTS (SELECT FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a WHERE a.grantee = 0)$$,
			  ARRAY['key_metadata', 'key_version_metadata', 'alias_entry', 'ciphertext_info', 'data_key', 'data_key_without_plaintext', 'exported_data_key',
					'generated_and_exported_data_key', 'status_row', 'job_report', 'import_parameters', 'audit_row', 'grant_metadata', 'integrity_problem',
					'new_secret', 'secret_entry', 'secret_deletion', 'secret_metadata', 'secret_value', 'put_secret_version', 'secret_version_entry', 'new_certificate', 'certificate_text', 'certificate_metadata', 'tag_entry', 'region_entry', 'version_count', 'protected_column']::name[],
			  'everybody may use the row types of results');
SELECT is_empty('SELECT c.oid::regclass FROM base_table c WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)', 'row security is enabled and forced on every table');
SELECT is_empty('SELECT p.polrelid::regclass FROM pg_policy p JOIN base_table c ON c.oid = p.polrelid', 'no table has a policy');
SELECT is_empty($$SELECT pg_describe_object(classid, objid, objsubid) FROM member m WHERE
					(SELECT CASE m.classid WHEN 'pg_proc'::regclass THEN (SELECT proowner FROM pg_proc WHERE oid = m.objid)
										   WHEN 'pg_class'::regclass THEN (SELECT relowner FROM pg_class WHERE oid = m.objid)
										   WHEN 'pg_type'::regclass THEN (SELECT typowner FROM pg_type WHERE oid = m.objid)
										   WHEN 'pg_namespace'::regclass THEN (SELECT nspowner FROM pg_namespace WHERE oid = m.objid) END)
					IS DISTINCT FROM (SELECT extowner FROM pg_extension WHERE extname = 'kms')$$, 'everything belongs to the owner of the extension');

-- ---- tables and views -----------------------------------------------------

SELECT set_eq('SELECT relname FROM base_table', ARRAY['account', 'domain_key', 'key', 'key_version', 'alias', 'job', 'column_job', 'import_token', 'audit_entry', 'audit_head', 'usage_entry', 'role_anchor', 'grant_entry', 'secret', 'secret_version', 'secret_version_stage', 'secret_role', 'certificate', 'tag']::name[], 'the tables are these');
SELECT set_eq('SELECT relname FROM shown', ARRAY['keys', 'key_versions', 'aliases', 'jobs', 'audit_log', 'key_usage', 'grants', 'secrets', 'secret_versions', 'certificates', 'tags', 'protected_columns', 'status']::name[], 'the views are these');
SELECT is_empty('SELECT oid::regclass FROM base_table WHERE relpersistence <> ''p'' OR relkind NOT IN (''r'', ''S'')', 'tables are logged and plain');
SELECT is_empty('SELECT oid::regclass FROM base_table UNION SELECT oid FROM shown EXCEPT SELECT oid FROM pg_class WHERE relnamespace = ''kms''::regnamespace',
				'tables and views are in the schema kms');
SELECT set_eq('SELECT unnest(extconfig) FROM pg_extension WHERE extname = ''kms''', 'SELECT oid FROM base_table', 'every table is dumped');
SELECT results_eq('SELECT t::regclass::text COLLATE "default", c COLLATE "default" FROM pg_extension, unnest(extconfig, extcondition) x (t, c) WHERE extname = ''kms'' AND c <> ''''',
				  $$VALUES ('kms.job', 'WHERE false'), ('kms.column_job', 'WHERE false')$$, 'with all its rows, but for what the workers have seen and procedures have done');
SELECT is_empty($$SELECT oid::regclass FROM shown WHERE relname <> 'status' AND NOT coalesce('security_barrier=true' = ANY (reloptions), false)$$,
				'views over tables are security barriers');
SELECT is_empty($$SELECT DISTINCT c.oid::regclass FROM base_table c WHERE c.relkind = 'r' AND c.relname !~ '^(usage_entry|audit_.*|secret.*|certificate|tag|column_job)$' AND
				  (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgtype = 0 | 4 | 8 | 16 | 32
					 AND NOT t.tgdeferrable AND t.tgqual IS NULL AND t.tgattr = '' AND t.tgfoid = 'kms.tell_change'::regproc) <> 1$$,
				'every table of which something is cached tells of each insert, update, delete and truncate, once per statement, always');
SELECT is_empty($$SELECT DISTINCT c.oid::regclass FROM base_table c WHERE c.relkind = 'r' AND c.relname !~ '^(usage_entry|audit_.*|secret.*|certificate|tag|column_job)$' AND
				  (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgtype = 1 | 8 | 16
					 AND NOT t.tgdeferrable AND t.tgqual IS NULL AND t.tgattr = '' AND t.tgfoid = 'kms.tell_change'::regproc) <> 1$$,
				'and of each row that is updated or deleted, for replication, always');
SELECT is_empty('SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger t JOIN base_table c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgfoid <> ''kms.tell_change''::regproc',
				'there is no other trigger');
SELECT is_empty('SELECT k.conname FROM pg_constraint k JOIN base_table c ON c.oid = k.conrelid WHERE k.condeferrable OR NOT k.convalidated', 'no constraint is deferrable');
SELECT is_empty($$SELECT k.conname FROM pg_constraint k JOIN base_table c ON c.oid = k.conrelid WHERE k.contype = 'f'$$,
				'there is no foreign key: a parallel restore loads tables in any order');
SELECT is_empty($$SELECT c.oid::regclass FROM base_table c WHERE c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')$$,
				'every table has a primary key');
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN base_table c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
				   WHERE a.attnum > 0 AND (t.typtype <> 'b' OR t.typnamespace <> 'pg_catalog'::regnamespace)$$, 'columns have types of PostgreSQL''s own');
SELECT is_empty('SELECT ev_class::regclass FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM base_table)', 'no table has a rule');

-- ---- the extension --------------------------------------------------------

SELECT set_eq('SELECT DISTINCT classid::regclass::text FROM member', ARRAY['pg_class', 'pg_namespace', 'pg_proc', 'pg_type'], 'the extension makes no casts, operators or event triggers');
SELECT is(extrelocatable, false, 'the extension stays in its schema') FROM pg_extension WHERE extname = 'kms';
SELECT set_eq($$SELECT name, context FROM pg_settings WHERE name ~ '^kms\.'$$,
			  $$VALUES ('kms.root_key_file', 'sighup'), ('kms.root_key_command', 'sighup'), ('kms.region', 'sighup'),
					   ('kms.cache_size', 'superuser'), ('kms.audit', 'superuser'), ('kms.superuser_may_use', 'superuser'),
					   ('kms.allow_drop', 'superuser'), ('kms.allow_pkcs1_v1_5_import', 'superuser'),
					   ('kms.worker_enabled', 'sighup'), ('kms.worker_naptime', 'sighup'), ('kms.deletion_grace', 'sighup'), ('kms.usage_entries', 'postmaster')$$, 'no setting is everybody''s');
SELECT throws_ok('SET kms.unheard_of = 1', '42602', NULL, 'there are no other settings');
CREATE ROLE kms_test_catalog;
SET ROLE kms_test_catalog;
SELECT throws_ok('SHOW ' || name, '42501', NULL, name || ' is not shown to everybody')
  FROM unnest(ARRAY['kms.root_key_file', 'kms.root_key_command']) name;
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
