-- Installing: other schemas, wide default privileges, what lies in the way, making it anew.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(52);

SELECT kms_create_key() AS key \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob \gset
SELECT kms_create_secret('kept', 'v1', 'a value'::text) \g /dev/null
SELECT certificate_id AS certificate, csr FROM kms_create_certificate('EC_P256', 'CN=kept') \gset
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'kms' \gset
SELECT id AS account FROM kms.account \gset

CREATE FUNCTION pg_temp.works() RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_decrypt_text(kms_encrypt(kms_create_key()::text, %L::text)), kms_get_secret_value((kms_create_secret(%L, %L, %1$L::text)).secret_name)',
						  'x', 'works-' || gen_random_uuid(), 'v1') $$;
SELECT is(pg_temp.works(), 'fine', 'the extension works');
/* A column protected, written, read and taken back; home: the schema of our functions. */
CREATE FUNCTION pg_temp.protects(home text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('CREATE TABLE pg_temp.protected (id pg_catalog.int4 PRIMARY KEY, v pg_catalog.text); '
						  'SELECT %1$I.kms_protect_column(''pg_temp.protected'', ''v'', %1$I.kms_create_key()::pg_catalog.text, blind_index => true, blind_index_key_id => %1$I.kms_create_key(''HMAC_SHA_256'')::pg_catalog.text); '
						  'INSERT INTO pg_temp.protected_decrypted VALUES (1, ''x''); UPDATE pg_temp.protected_decrypted SET v = ''y''; '
						  'SELECT 1 OPERATOR(pg_catalog./) pg_catalog.count(*) FROM pg_temp.protected WHERE v OPERATOR(pg_catalog.~) ''^kms:1:''; SELECT 1 OPERATOR(pg_catalog./) pg_catalog.count(*) FROM pg_temp.protected_decrypted WHERE v OPERATOR(pg_catalog.=) ''y''; '
						  'SELECT 1 OPERATOR(pg_catalog./) row_count FROM %1$I.kms_scan_column(''pg_temp.protected'', ''v'') WHERE key_version_id IS NOT NULL; SELECT 1 OPERATOR(pg_catalog./) enabled::pg_catalog.int4 FROM kms.protected_columns; '
						  'SELECT %1$I.kms_unprotect_column(''pg_temp.protected'', ''v''); SELECT 1 OPERATOR(pg_catalog./) pg_catalog.count(*) FROM pg_temp.protected WHERE v OPERATOR(pg_catalog.=) ''y''', home) $$;
/* Made and dropped many times from here on; test/sql/guard.sql is about the refusal. */
SET LOCAL kms.allow_drop = on;
SAVEPOINT installed;

-- ---- dropped --------------------------------------------------------------

DROP EXTENSION kms;
SELECT is_empty('SELECT FROM pg_namespace WHERE nspname = ''kms''', 'with the extension its schema goes'),
	   is_empty('SELECT FROM pg_proc WHERE proname ~ ''^kms_''', 'and its functions');
CREATE FUNCTION pg_temp.forgotten(bytea, jsonb) RETURNS bytea LANGUAGE c AS '$libdir/kms', 'kms_decrypt';
SELECT is(pg_temp.complaint('SELECT pg_temp.forgotten(%L, NULL)', :'blob'), '55000|Forbidden.KmsServiceNotEnabled|extension "kms" is not installed in this database',
		  'without the extension the library says what is missing');
ROLLBACK TO installed;
SELECT is(kms_decrypt_text(:'blob'), 'x', 'a dropping that was rolled back leaves everything');

-- ---- made anew ------------------------------------------------------------

DROP EXTENSION kms;
CREATE EXTENSION kms;
SELECT is(pg_temp.works(), 'fine', 'made anew, the extension works'),
	   isnt((SELECT id FROM kms.account), :account, 'with an account of its own'),
	   is(pg_temp.verdict('SELECT kms_decrypt(%L)', :'blob'), '42704|Forbidden.KeyNotFound', 'and without the keys it had'),
	   is(pg_temp.verdict('SELECT kms_get_secret_value(%L)', 'kept'), '42704|Forbidden.ResourceNotFound', 'and the secrets'),
	   is(pg_temp.verdict('SELECT kms_get_certificate(%L)', :'certificate'), '42704|Certificate.NotFound', 'and the certificates');
SELECT is(pg_temp.verdict('SELECT kms_disable_key(kms_create_key()::text), kms_list_keys()'), 'fine', 'and changes and lists keys');
ROLLBACK TO installed;
SELECT is(kms_decrypt_text(:'blob'), 'x', 'rolled back, the old one works again'),
	   is(pg_temp.verdict('SELECT kms_disable_key(%1$L), kms_enable_key(%1$L), kms_list_keys()', :'key'), 'fine', 'and changes and lists keys');

-- ---- in a schema of its own -----------------------------------------------

DROP EXTENSION kms;
CREATE SCHEMA "An odd, name";
CREATE EXTENSION kms SCHEMA "An odd, name";
SELECT is((SELECT count(*) FROM pg_proc WHERE proname ~ '^kms_' AND pronamespace <> '"An odd, name"'::regnamespace), 0::bigint, 'all functions are made in the schema asked for');
SELECT is(pg_temp.verdict('SELECT kms_create_key()'), '42883|', 'and found there only');
SET LOCAL search_path = "An odd, name", public;
SELECT is(pg_temp.works(), 'fine', 'the extension works in another schema'),
	   is(pg_temp.verdict('SELECT kms_list_keys(), kms_list_aliases(), kms_list_secrets(), kms_list_certificates(), kms_describe_regions()'), 'fine', 'and lists'),
	   is(pg_temp.protects('An odd, name'), 'fine', 'and protects columns');
SET LOCAL search_path = public;
SELECT is(pg_temp.verdict('SELECT "An odd, name".kms_list_keys()'), 'fine', 'with its schema named it works outside the path');
RESET search_path;
ROLLBACK TO installed;

-- ---- what lies in the way -------------------------------------------------

DROP EXTENSION kms;
SELECT is(pg_temp.verdict(statement || '; CREATE EXTENSION kms'), verdict, what || ' is not taken over')
  FROM (VALUES ('CREATE SCHEMA kms', '42P06|', 'a schema prepared beforehand'),
			   ('CREATE FUNCTION kms_decrypt(ciphertext_blob bytea, encryption_context jsonb = NULL) RETURNS bytea LANGUAGE sql AS ''SELECT $1''', '42723|', 'a function prepared beforehand')) t (statement, verdict, what);
CREATE SCHEMA kms_test_trap;
CREATE TABLE kms_test_trap.caught (what text);
CREATE FUNCTION kms_test_trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('equal'); RETURN true; END $$;
CREATE FUNCTION kms_test_trap.equal(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('equal'); RETURN true; END $$;
CREATE FUNCTION kms_test_trap.joined(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('joined'); RETURN ''; END $$;
CREATE FUNCTION kms_test_trap.arn_prefix() RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kms_test_trap.caught VALUES ('prefix'); RETURN ''; END $$;
CREATE OPERATOR kms_test_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = kms_test_trap.equal);
CREATE OPERATOR kms_test_trap.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = kms_test_trap.equal);
CREATE OPERATOR kms_test_trap.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = kms_test_trap.joined);
SELECT is(pg_temp.verdict('SET LOCAL search_path = kms_test_trap, pg_catalog, public; CREATE EXTENSION kms SCHEMA public; SET LOCAL search_path = public'), 'fine', 'the extension is made with a hostile search path');
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'and takes nothing from it'),
	   is(pg_temp.works(), 'fine', 'and works');
DROP EXTENSION kms;
/* Better than anything in pg_catalog fits what matches exactly: here regclass, name and "char". */
DO
$$
DECLARE
	type text;
	symbol text;
BEGIN
	FOREACH type IN ARRAY ARRAY['regclass', 'name', '"char"', 'uuid', 'bigint', 'integer', 'jsonb', 'timestamptz', 'boolean', 'bytea'] LOOP
		EXECUTE format('CREATE FUNCTION kms_test_trap.equal(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.equal(''''''''::text, '''''''')''', type);
		FOREACH symbol IN ARRAY ARRAY['=', '<>', '<', '>', '>=', '~', '->', '?', '?|'] LOOP
			EXECUTE format('CREATE OPERATOR kms_test_trap.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = kms_test_trap.equal)', type, symbol);
		END LOOP;
	END LOOP;
	FOREACH type IN ARRAY ARRAY['oid, regclass', 'oid, regproc', '"char", text', 'text, name', 'text, uuid'] LOOP
		EXECUTE format('CREATE FUNCTION kms_test_trap.equal(%1$s) RETURNS boolean LANGUAGE sql AS ''SELECT kms_test_trap.equal(''''''''::text, '''''''')''', type);
		EXECUTE format('CREATE OPERATOR kms_test_trap.= (LEFTARG = %1$s, RIGHTARG = %2$s, FUNCTION = kms_test_trap.equal)', split_part(type, ', ', 1), split_part(type, ', ', 2));
		EXECUTE format('CREATE OPERATOR kms_test_trap.<> (LEFTARG = %1$s, RIGHTARG = %2$s, FUNCTION = kms_test_trap.equal)', split_part(type, ', ', 1), split_part(type, ', ', 2));
	END LOOP;
END
$$;
SELECT is(pg_temp.verdict('CREATE EXTENSION kms SCHEMA kms_test_trap'), 'fine', 'the extension is made in a hostile schema');
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'and takes nothing from it'),
	   is(pg_temp.verdict('SELECT kms_test_trap.kms_get_secret_value((kms_test_trap.kms_create_secret(%1$L, ''v1'', ''x''::pg_catalog.text)).secret_name), kms_test_trap.kms_put_secret_value(%1$L, ''v2'', ''x''::pg_catalog.bytea), '
						  'kms_test_trap.kms_update_secret_version_stage(%1$L, ''own'', ''v1''); SELECT kms_test_trap.kms_list_secret_version_ids(%1$L), kms_test_trap.kms_list_secrets(%2$L), kms_test_trap.kms_list_grants(''secret/x''); SELECT kms_test_trap.kms_delete_secret(%1$L)',
						  'x', '[{"Key": "SecretName", "Values": ["x"]}, {"Key": "SecretType", "Values": ["generic"]}, {"Key": "Creator", "Values": ["postgres"]}, {"Key": "Description", "Values": [""]}]'), 'fine', 'and keeps secrets'),
	   is(pg_temp.verdict('SELECT kms_test_trap.kms_disable_key(kms_test_trap.kms_create_key()::text), kms_test_trap.kms_list_keys(%L), kms_test_trap.kms_list_aliases()',
						  '[{"Key": "KeyState", "Values": ["Enabled"]}, {"Key": "AliasName", "Values": ["alias/x"]}, {"Key": "keyId", "Values": ["x"]}]'), 'fine', 'and works'),
	   is(pg_temp.verdict('SELECT kms_test_trap.kms_tag_resource(%2$L, kms_test_trap.kms_create_key(tags => %2$L)::pg_catalog.text), kms_test_trap.kms_create_secret(%1$L, ''v1'', ''x''::pg_catalog.text, tags => %2$L); '
						  'SELECT kms_test_trap.kms_untag_resource(''{b}'', secret_name => %1$L), kms_test_trap.kms_list_resource_tags(secret_name => %1$L), kms_test_trap.kms_describe_regions(), kms_test_trap.kms_list_secrets(%3$L, true), kms_test_trap.kms_list_keys(%3$L)',
						  'y', '{"a": "1", "b": "2"}', '[{"Key": "TagKey", "Values": ["a"]}, {"Key": "TagValue", "Values": ["1"]}]'), 'fine', 'and tags'),
	   is(pg_temp.verdict('SELECT kms_test_trap.kms_create_certificate(''EC_P256'', ''CN=y'', ''{example.com}''); '
						  'SELECT kms_test_trap.kms_tag_resource(''{"a": "1"}'', certificate_id => certificate_id::pg_catalog.text), kms_test_trap.kms_get_certificate(arn), kms_test_trap.kms_list_certificates(''Y'', ''x'', ''PENDING''), '
						  'kms_test_trap.kms_grant(arn, ''PUBLIC'', ''{*}''), kms_test_trap.kms_delete_certificate(arn) FROM kms.certificates'), 'fine', 'and makes certificates');
SELECT is(pg_temp.protects('kms_test_trap'), 'fine', 'and protects columns');
SELECT is_empty('SELECT * FROM kms_test_trap.caught', 'and takes nothing from it while it works');
ROLLBACK TO installed;

-- ---- wide default privileges ----------------------------------------------

CREATE ROLE kms_test_favoured;
CREATE ROLE "kms_test odd ""role""";
DROP EXTENSION kms;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, kms_test_favoured, "kms_test odd ""role""";
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO PUBLIC, kms_test_favoured, "kms_test odd ""role""";
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO PUBLIC, kms_test_favoured;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC, kms_test_favoured;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC, kms_test_favoured;
CREATE EXTENSION kms;
SELECT is_empty('SELECT c.relname, a.grantee::regrole, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
				  WHERE c.relnamespace = ''kms''::regnamespace AND c.relkind = ''r'' AND a.grantee <> c.relowner', 'default privileges do not reach tables'),
	   set_eq('SELECT c.relname, a.grantee, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = ''kms''::regnamespace AND c.relkind = ''v'' AND a.grantee <> c.relowner',
			  $$VALUES ('keys'::name, 0::oid, 'SELECT'), ('key_versions', 0, 'SELECT'), ('aliases', 0, 'SELECT'), ('jobs', 0, 'SELECT'), ('audit_log', 0, 'SELECT'), ('key_usage', 0, 'SELECT'), ('grants', 0, 'SELECT'), ('secrets', 0, 'SELECT'), ('secret_versions', 0, 'SELECT'), ('certificates', 0, 'SELECT'), ('tags', 0, 'SELECT'), ('protected_columns', 0, 'SELECT'), ('status', 0, 'SELECT')$$, 'nor views'),
	   results_eq('SELECT a.grantee, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = ''kms'' AND a.grantee <> n.nspowner', $$VALUES (0::oid, 'USAGE')$$, 'nor the schema'),
	   is_empty('SELECT p.proname, a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a WHERE p.proname ~ ''^kms_'' AND a.grantee NOT IN (0, p.proowner)', 'nor functions, for roles'),
	   set_eq('SELECT p.proname FROM pg_proc p WHERE (p.proname ~ ''^kms_'' OR p.pronamespace = ''kms''::regnamespace) AND NOT EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault(''f'', p.proowner))) a WHERE a.grantee = 0)',
			  ARRAY['kms_create_key', 'kms_create_secret', 'kms_create_certificate', 'kms_run_jobs', 'kms_confirm_home', 'kms_open_kms_service', 'kms_rewrap_domain_key', 'kms_rotate_domain_key', 'kms_verify_audit_log', 'kms_check_integrity', 'tell_change']::name[], 'nor functions, for everybody'),
	   is_empty('SELECT t.typname, a.grantee::regrole FROM pg_type t, aclexplode(t.typacl) a WHERE t.typnamespace = ''kms''::regnamespace AND t.typtype = ''c'' AND a.grantee NOT IN (0, t.typowner)
				  AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> ''c'')', 'nor row types');
SELECT is(pg_temp.verdict_as('kms_test_favoured', 'SELECT * FROM kms.key'), '42501|', 'a favoured role does not read the tables'),
	   is(pg_temp.verdict_as('kms_test_favoured', 'SELECT kms_create_key()'), '42501|', 'nor make keys'),
	   is(pg_temp.verdict_as('kms_test_favoured', 'SELECT * FROM kms.keys'), 'fine', 'but reads the views');
ROLLBACK TO installed;

-- ---- who may install ------------------------------------------------------

CREATE ROLE kms_test_dba CREATEDB CREATEROLE;
GRANT ALL ON DATABASE :"DBNAME" TO kms_test_dba;
GRANT ALL ON SCHEMA public TO kms_test_dba;
SAVEPOINT plain;
CREATE TABLE public.kms_test_protected (id integer PRIMARY KEY, v text);
SELECT kms_protect_column('kms_test_protected', 'v', :'key') \g /dev/null
SELECT is(left(pg_temp.verdict('DROP EXTENSION kms'), 5), '2BP01', 'an extension that columns are protected with is not dropped without what depends on it');
ROLLBACK TO plain;
SELECT is(pg_temp.verdict_as('kms_test_dba', 'DROP EXTENSION kms'), '42501|', 'who is no superuser does not drop the extension'),
	   is(pg_temp.verdict_as('kms_test_dba', 'DROP TABLE kms.key CASCADE'), '42501|', 'nor its tables'),
	   is(pg_temp.verdict_as('kms_test_dba', 'ALTER EXTENSION kms SET SCHEMA public'), '42501|', 'nor moves it');
SELECT is(pg_temp.verdict('ALTER EXTENSION kms SET SCHEMA pg_catalog'), '0A000|', 'a superuser does not move it either');
SELECT is(left(pg_temp.verdict('DROP TABLE kms.alias'), 5), '2BP01', 'nor drops a table of it');
SELECT is(pg_temp.verdict_as('kms_test_dba', 'CREATE FUNCTION pg_temp.mine(oid) RETURNS boolean LANGUAGE c AS ''$libdir/kms'', ''kms_may_describe'''), '42501|', 'others may not');
DROP EXTENSION kms;
SELECT is(pg_temp.verdict_as('kms_test_dba', 'CREATE EXTENSION kms'), '42501|', 'who is no superuser does not install it');
ROLLBACK TO installed;
SELECT is(kms_decrypt_text(:'blob'), 'x', 'in the end all is as it was'),
	   is((kms_get_secret_value('kept')).secret_data, 'a value', 'secrets, too'),
	   is((kms_get_certificate(:'certificate')).csr, :'csr', 'and certificates');

SELECT * FROM finish();
ROLLBACK;
