-- Savepoints around every operation on keys, and others: rolled back to, nothing of it
-- stays, in no row and no cache; released, all of it does.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(355);
\set operations :here /sql/include/operations.psql
\i :operations

/* Everything that is stored. */
CREATE FUNCTION pg_temp.everything() RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	relation regclass;
	sum text;
	sums text = '';
BEGIN
	FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'kms'::regnamespace AND relkind = 'r' AND relname <> 'usage_entry' ORDER BY relname LOOP
		EXECUTE format('SELECT md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t', ',', relation) INTO sum;
		sums = sums || coalesce(sum, '');
	END LOOP;
	RETURN md5(sums || (SELECT string_agg(relname, ',' ORDER BY oid) FROM pg_class));
END
$$;

/* Everything that a key is asked for, by its id and by its alias; what it makes is checked. */
CREATE FUNCTION pg_temp.uses(subject subject) RETURNS text LANGUAGE sql AS
$$
SELECT string_agg(CASE WHEN subject.kind = 'cipher' THEN pg_temp.verdict('SELECT 1 / (kms_decrypt_text(kms_encrypt(%L, %L::text)) = %L)::integer', name, 'x', 'x')
						   WHEN subject.kind = 'signing' THEN pg_temp.verdict('SELECT 1 / kms_asymmetric_verify(%1$L, NULL, %2$L, sha256(%3$L), kms_asymmetric_sign(%1$L, NULL, %2$L, sha256(%3$L)))::integer', name, 'ECDSA_SHA_256', 'x')
						   WHEN subject.kind = 'decryption' THEN pg_temp.verdict('SELECT 1 / (kms_asymmetric_decrypt(%1$L, NULL, %2$L, kms_asymmetric_encrypt(%1$L, NULL, %2$L, %3$L)) = %3$L)::integer', name, 'SM2PKE', 'x')
						   ELSE pg_temp.verdict('SELECT 1 / kms_verify_mac(%1$L, %2$L, kms_generate_mac(%1$L, %2$L))::integer', name, 'x') END, ', ')
	   || ' ' || CASE WHEN subject.kind = 'cipher' THEN pg_temp.verdict('SELECT kms_decrypt(%L)', subject.blob) ELSE '' END
	   || ' ' || (kms_describe_key(subject.key_id)).key_state
	   || ' ' || (SELECT count(*) FROM kms_list_key_versions(subject.key_id))
	   || ' ' || CASE WHEN subject.kind = 'cipher' AND NOT subject.external AND subject.state = 'Enabled' AND pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', subject.key_id, 'x') = 'fine'
					  THEN ((kms_ciphertext_info(kms_encrypt(subject.key_id, 'x'::text))).key_version_id)::text ELSE '' END
  FROM unnest(ARRAY[subject.key_id, subject.alias]) name
$$;

/* An operation that is fine in a state of a key, as a statement, and whether it changes any row. */
CREATE TEMP TABLE doing AS
	SELECT row_number() OVER (ORDER BY o.n, s.state) AS n, o.name || ', ' || s.state AS what, s AS subject,
		   format(o.statement, s.key_id, s.version_id, s.blob, s.alias, another.key_id, another.blob, another.alias, s.token, s.sealed, s.envelope, stranger.public_key) AS statement,
		   /* Not who only uses and looks, nor what is so already; audit rows are added at the commit. */
		   NOT (o.name ~ '^(Describe|List|Encrypt|Decrypt|Generate|Export|ReEncrypt|Asymmetric|GetPublicKey|VerifyMac|BlindIndex|UntagResource|UpdateRotationPolicy off)'
				OR (o.name, s.state) IN (('EnableKey', 'Enabled'), ('DisableKey', 'Disabled'), ('DeleteKeyMaterial', 'PendingImport'))) AS changes
	  FROM operation o CROSS JOIN subject s CROSS JOIN stranger CROSS JOIN LATERAL (SELECT to_jsonb(o) ->> s.state AS code) cell
	  JOIN subject another ON another.state = 'another'
	 WHERE s.state <> 'another' AND cell.code LIKE 'fine%' AND CASE s.state WHEN 'PendingImport' THEN true ELSE s.kind = o.kind AND s.external = o.external END;

/* What else there is, without a key or about another noun. */
CREATE ROLE kms_test_app LOGIN PASSWORD 'old';
SELECT kms_create_secret('savepoint', 'first', 'x'::text), kms_create_secret('leaving', 'first', 'x'::text), kms_delete_secret('leaving'),
	   kms_create_secret('savepoint/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "old"}]}'::text, 'Rds',
						 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}') \g /dev/null
CREATE TABLE pg_temp.person (id integer PRIMARY KEY, ssn text);
SELECT certificate_id AS certificate FROM kms_create_certificate('EC_P256', 'CN=savepoint') \gset
SELECT key_id AS enabled FROM subject WHERE state = 'Enabled' AND kind = 'cipher' AND NOT external \gset
INSERT INTO doing
	SELECT (SELECT max(n) FROM doing) + row_number() OVER (), what, (SELECT s FROM subject s WHERE key_id = :'enabled'), statement, what <> 'a grant and its end'
	  FROM (VALUES ('a key', 'SELECT kms_create_key()'), ('a pair', 'SELECT kms_create_key(''EC_P256'', ''SIGN/VERIFY'')'),
				   ('a grant', format('SELECT kms_grant(%L, ''kms_test_app'', ''{Encrypt}'')', :'enabled')),
				   ('a grant and its end', format('SELECT kms_grant(%1$L, ''kms_test_app'', ''{Encrypt}''), kms_revoke(%1$L, ''kms_test_app'')', :'enabled')),
				   ('another owner', format('SELECT kms_set_owner(%L, ''kms_test_app'')', :'enabled')),
				   ('a secret', 'SELECT kms_create_secret(''another'', ''first'', ''x''::text)'),
				   ('a value', 'SELECT kms_put_secret_value(''savepoint'', ''second'', ''y''::text)'),
				   ('a label', 'SELECT kms_update_secret_version_stage(''savepoint'', ''own'', ''first'')'),
				   ('a description', 'SELECT kms_update_secret(''savepoint'', ''new'')'),
				   ('the deletion of a secret', 'SELECT kms_delete_secret(''savepoint'')'),
				   ('the end of a secret', 'SELECT kms_delete_secret(''savepoint'', true)'),
				   ('a secret restored', 'SELECT kms_restore_secret(''leaving'')'),
				   ('a rotation', 'SELECT kms_rotate_secret(''savepoint/rds'')'),
				   ('a rotation policy', 'SELECT kms_update_secret_rotation_policy(''savepoint/rds'', true, ''1 day'')'),
				   ('a certificate', 'SELECT kms_create_certificate(''EC_P256'', ''CN=another'')'),
				   ('the end of a certificate', format('SELECT kms_delete_certificate(%L)', :'certificate')),
				   ('a column', 'SELECT kms_protect_column(''person'', ''ssn'', ' || quote_literal(:'enabled') || ')'),
				   ('the domain key', 'SELECT kms_rotate_domain_key()'),
				   ('a call', 'SELECT kms_call(''CreateKey'', ''{}'')'),
				   ('jobs', 'SELECT kms_create_key() FROM (SELECT count(*) FROM kms_run_jobs()) s')) t (what, statement);

/*
 * For each: a savepoint, the operation, uses while it is done, and back; then again, in
 * a savepoint that is released within one that is not.
 */
CREATE TEMP TABLE before (everything text, uses text);
CREATE FUNCTION pg_temp.done(n bigint) RETURNS text LANGUAGE sql AS
$$
SELECT format('DO %L', format('BEGIN EXECUTE %L; PERFORM pg_temp.uses(subject) FROM doing WHERE n = %s; END', statement, n)) FROM doing WHERE doing.n = done.n
$$;
CREATE FUNCTION pg_temp.is_as_before(n bigint, how text) RETURNS text LANGUAGE sql AS
$$
SELECT is(ROW(pg_temp.everything(), pg_temp.uses(subject))::text, (SELECT before::text FROM before), what || ': ' || how) FROM doing WHERE doing.n = is_as_before.n
$$;
SELECT 'TRUNCATE before', format('INSERT INTO before SELECT pg_temp.everything(), pg_temp.uses(subject) FROM doing WHERE n = %s', n),
	   'SAVEPOINT s', pg_temp.done(n), 'ROLLBACK TO s', format('SELECT pg_temp.is_as_before(%s, ''rolled back'')', n),
	   'SAVEPOINT t', pg_temp.done(n), 'RELEASE t',
	   format('SELECT is(pg_temp.everything() <> everything, changes, what || CASE WHEN changes THEN '': released, it stays'' ELSE '': nothing to keep'' END) FROM before, doing WHERE n = %s', n),
	   'ROLLBACK TO s', 'RELEASE s', format('SELECT pg_temp.is_as_before(%s, ''released, and rolled back around that'')', n)
  FROM doing ORDER BY n \gexec
SELECT is((SELECT count(*) FROM kms_check_integrity()), 0::bigint, 'in the end every row is intact');

SELECT * FROM finish();
ROLLBACK;
