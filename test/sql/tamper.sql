-- Rows edited or swapped by hand do not open, and never give a wrong plaintext.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(116);

SELECT kms_create_key() AS a, kms_create_key() AS b, kms_create_key('SM4') AS sm4, kms_create_key('AES_128') AS aes128 \gset
SELECT kms_encrypt(:'a', 'of a'::text) AS a_blob, kms_encrypt(:'b', 'of b'::text) AS b_blob, kms_encrypt(:'sm4', 'of sm4'::text) AS sm4_blob,
	   (kms_describe_key(:'a')).primary_key_version AS a_version, (kms_describe_key(:'b')).primary_key_version AS b_version \gset
SELECT kms_create_key_version(:'a') AS a_second \gset
SELECT kms_encrypt(:'a', 'second of a'::text) AS a_second_blob \gset

CREATE FUNCTION pg_temp.encrypts(reference text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', reference, 'x') $$;
CREATE FUNCTION pg_temp.decrypts(blob bytea) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_decrypt(%L)', blob::text) $$;
SAVEPOINT sound;

-- ---- wrapped material -----------------------------------------------------

UPDATE kms.key_version v SET wrapped = w.wrapped FROM kms.key_version w
 WHERE (v.id, w.id) IN ((:'a_version', :'b_version'), (:'b_version', :'a_version'));
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'material swapped with that of another key does not open'),
	   is(pg_temp.decrypts(:'b_blob'), 'XX001|Rejected.Unavailable', 'neither way'),
	   is(pg_temp.encrypts(:'b'), 'XX001|Rejected.Unavailable', 'nor does it encrypt'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L)', :'a_blob'),
		  format('XX001|Rejected.Unavailable|the material of key version %s has been damaged or tampered with', :'a_version'), 'and the error says which'),
	   is(pg_temp.hint('SELECT kms_decrypt(%L)', :'a_blob'), 'Restore tables key and key_version of extension kms from a backup.', 'and what to do'),
	   is(kms_decrypt_text(:'a_second_blob'), 'second of a', 'other versions of the key open');
ROLLBACK TO sound;
SELECT is(kms_decrypt_text(:'a_blob'), 'of a', 'put back, the material opens');

UPDATE kms.key_version v SET wrapped = w.wrapped FROM kms.key_version w
 WHERE (v.id, w.id) IN ((:'a_version', :'a_second'), (:'a_second', :'a_version'));
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'material swapped with another version of the same key does not open'),
	   is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'nor encrypt');
ROLLBACK TO sound;

UPDATE kms.key_version SET id = '00000000-0000-4000-8000-000000000001' WHERE id = :'a_version';
UPDATE kms.key_version SET id = :'a_version' WHERE id = :'b_version';
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'a version given the id of another does not open'),
	   is(pg_temp.decrypts(:'b_blob'), '42704|Forbidden.KeyNotFound', 'and is missing where it was');
ROLLBACK TO sound;

UPDATE kms.key_version SET key_id = :'b' WHERE id = :'a_version';
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'a version given to another key does not open');
ROLLBACK TO sound;

/* Every byte of it counts. */
CREATE FUNCTION pg_temp.with_byte_changed(n integer, version_id uuid, blob bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	UPDATE kms.key_version SET wrapped = set_byte(wrapped, n, get_byte(wrapped, n) # 1) WHERE id = version_id;
	result = pg_temp.decrypts(blob);
	UPDATE kms.key_version SET wrapped = set_byte(wrapped, n, get_byte(wrapped, n) # 1) WHERE id = version_id;
	RETURN result;
END
$$;
SELECT results_eq(format('SELECT pg_temp.with_byte_changed(n, %L, %L), count(*) FROM kms.key_version, generate_series(0, length(wrapped) - 1) n WHERE id = %1$L GROUP BY 1', :'a_version', :'a_blob'),
				  $$VALUES ('XX001|Rejected.Unavailable', 72::bigint)$$, 'changing any byte of the wrapped material is noticed');
SELECT is(kms_decrypt_text(:'a_blob'), 'of a', 'changed back, it opens');
SELECT is(pg_temp.verdict('UPDATE kms.key_version SET wrapped = %s WHERE id = %L', change, :'a_version'), 'fine', 'wrapped material ' || what)
	   || E'\n' || is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'does not open')
  FROM (VALUES ('''''', 'of no bytes'), ('''\x00''', 'of one byte'), ('substr(wrapped, 2)', 'without its first byte'), ('wrapped || ''\x00''', 'with a byte more'),
			   ('convert_to(repeat(''x'', 7000), ''UTF8'')', 'of 7,000 bytes')) t (change, what);
ROLLBACK TO sound;

-- ---- the key's row --------------------------------------------------------

/* Whatever is changed by hand, the MAC fits no more. */
CREATE FUNCTION pg_temp.with_row_changed(key_id text, change text, blob bytea) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	EXECUTE format('UPDATE kms.key SET %s WHERE id = %L', change, key_id);
	result = concat_ws(' ', pg_temp.encrypts(key_id), pg_temp.decrypts(blob), pg_temp.verdict('SELECT kms_disable_key(%L)', key_id));
	RAISE SQLSTATE 'ZZ000';
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN
		RETURN result;
END
$$;
SELECT is(pg_temp.with_row_changed(:'a', change, :'a_blob'), 'XX001|Rejected.Unavailable XX001|Rejected.Unavailable XX001|Rejected.Unavailable',
		  'with another ' || substring(change FROM '\w+') || ' a key neither encrypts nor decrypts nor is changed')
  FROM unnest(ARRAY['owner = ''pg_monitor''::regrole', 'owner_name = ''pg_monitor''', 'created_at = now() + interval ''1 second''', 'state = ''Disabled''', 'state = ''PendingDeletion'', delete_at = now() + interval ''1 day''',
					'spec = ''Aliyun_AES_128''', 'usage = ''GENERATE_VERIFY_MAC''', 'origin = ''EXTERNAL''', 'primary_version = NULL', 'description = ''x''', 'rotation_seconds = 604800', 'rotated_at = now() - interval ''1 second''',
					'next_rotation_at = now() + interval ''1 day''', 'material_expires_at = now() + interval ''1 day''', 'deletion_protected = true', 'deletion_protection_description = ''''',
					'account_id = account_id + 1', 'domain_key_version = 2', 'mac = set_byte(mac, 0, get_byte(mac, 0) # 1)', 'mac = substr(mac, 2)', 'mac = mac || ''\x00''', 'mac = ''''']) change;
SELECT is(pg_temp.complaint('UPDATE kms.key SET description = %L WHERE id = %L', 'x', :'a'), 'fine', 'a change by hand succeeds'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L)', :'a_blob'), format('XX001|Rejected.Unavailable|the row of key "%s" has been damaged or tampered with', :'a'), 'and is found by the next call'),
	   is(kms_decrypt_text(:'b_blob'), 'of b', 'other keys work');
ROLLBACK TO sound;
SELECT is(kms_decrypt_text(:'a_blob'), 'of a', 'put back, it works');

/* Even under a MAC that fits: */
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
SAVEPOINT sealed;
UPDATE kms.key SET spec = 'Aliyun_SM4' WHERE id = :'a';
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'a key given a spec of another length does not open'),
	   is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'nor encrypt'),
	   is((kms_describe_key(:'a')).key_spec, 'Aliyun_SM4', 'it is described as it stands there');
ROLLBACK TO sealed;
UPDATE kms.key SET spec = 'Aliyun_AES_128' WHERE id = :'sm4';
SELECT is(pg_temp.decrypts(:'sm4_blob'), 'XX001|Rejected.Unavailable', 'a key given a spec of the same length does not open'),
	   is(pg_temp.encrypts(:'sm4'), 'XX001|Rejected.Unavailable', 'nor encrypt');
ROLLBACK TO sealed;
UPDATE kms.key SET origin = 'EXTERNAL' WHERE id = :'a';
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'a key given another origin does not open');
ROLLBACK TO sealed;
SELECT is(left(pg_temp.verdict('UPDATE kms.key SET %s WHERE id = %L', change, :'a'), 5), '23514', what || ' cannot be written')
  FROM (VALUES ('state = ''Unheard''', 'an unknown state'), ('origin = ''Unheard''', 'an unknown origin'), ('state = ''PendingDeletion''', 'a deletion without a date'),
			   ('delete_at = now()', 'a date without a deletion'), ('rotation_seconds = 1', 'an interval of a second')) t (change, what);
UPDATE kms.key SET spec = 'Unheard' WHERE id = :'a';
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'a key of an unknown spec does not encrypt'),
	   is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'nor decrypt'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'a'), 'XX001|Rejected.Unavailable', 'nor is it described'),
	   is(kms_decrypt_text(:'b_blob'), 'of b', 'other keys work');
SELECT is(pg_temp.verdict('SELECT kms_enable_key(%L)', :'a'), 'XX001|Rejected.Unavailable', 'nor changed');
ROLLBACK TO sealed;
UPDATE kms.key SET usage = 'SIGN/VERIFY' WHERE id = :'a';
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'a key of another usage does not encrypt'),
	   is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'nor decrypt'),
	   is(pg_temp.verdict('SELECT kms_create_key_version(%L)', :'a'), 'XX001|Rejected.Unavailable', 'nor get another version');
ROLLBACK TO sealed;
UPDATE kms.key SET usage = 'Unheard' WHERE id = :'a';
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'nor one of an unknown usage');
ROLLBACK TO sealed;

/* The primary version of a key is a version of that key. */
UPDATE kms.key SET primary_version = :'b_version' WHERE id = :'a';
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'a key does not encrypt with a version of another key');
SELECT is(kms_decrypt_text(:'b_blob'), 'of b', 'the other key decrypts');
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'which changes nothing for the first');
SELECT kms_disable_key(:'b');
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'nor does disabling the other'),
	   is(pg_temp.decrypts(:'b_blob'), '55000|Rejected.Disabled', 'which is refused for itself');
ROLLBACK TO sealed;
UPDATE kms.key SET primary_version = :'b_version' WHERE id = :'a';
SELECT is(kms_decrypt_text(:'b_blob'), 'of b', 'likewise with the version already in use'),
	   is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'it does not encrypt for another key');
SELECT kms_disable_key(:'b');
SELECT is(string_agg(DISTINCT pg_temp.encrypts(CASE WHEN n > 0 THEN :'a' END), ' '), 'XX001|Rejected.Unavailable', 'nor once it is disabled and forgotten') FROM generate_series(1, 100) n;
ROLLBACK TO sealed;
UPDATE kms.key SET primary_version = '00000000-0000-4000-8000-000000000000' WHERE id = :'a';
SELECT is(pg_temp.encrypts(:'a'), 'XX001|Rejected.Unavailable', 'a key whose primary version does not exist does not encrypt'),
	   is(kms_decrypt_text(:'a_blob'), 'of a', 'but decrypts');
ROLLBACK TO sealed;

/* Nor does somebody else's version, shown as one's own, lend a right. */
CREATE ROLE kms_test_owner;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
SET ROLE kms_test_owner;
SELECT kms_create_key() AS own \gset
RESET ROLE;
UPDATE kms.key SET primary_version = :'b_version' WHERE id = :'own';
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_encrypt(%L, %L::text)', :'own', 'x'), 'XX001|Rejected.Unavailable', 'a foreign version set as primary does not encrypt');
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_decrypt(%L)', :'b_blob'), '42501|Forbidden.NoPermission', 'nor does it make foreign ciphertexts readable');
ROLLBACK TO sealed;
ROLLBACK TO sound;

-- ---- pairs and keys for MACs ----------------------------------------------

SELECT kms_create_key('EC_P256') AS pair, kms_create_key('EC_P256') AS other_pair, kms_create_key('EC_SM2') AS sm2, kms_create_key('HMAC_SHA_256') AS mac_key,
	   kms_create_key('HMAC_SHA_256') AS other_mac_key, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS rsa \gset
SELECT kms_asymmetric_sign(:'pair', NULL, 'ECDSA_SHA_256', sha256('x')) AS signature, kms_get_public_key(:'pair') AS public_key, kms_generate_mac(:'mac_key', 'x') AS mac,
	   (SELECT key_version_id FROM kms_list_key_versions(:'pair')) AS pair_version, (SELECT key_version_id FROM kms_list_key_versions(:'other_pair')) AS other_pair_version \gset
CREATE FUNCTION pg_temp.signs(reference text, algorithm text = 'ECDSA_SHA_256') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_asymmetric_sign(%L, NULL, %L, sha256(%L))', reference, algorithm, 'x') $$;
CREATE FUNCTION pg_temp.authenticates(reference text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_generate_mac(%L, %L)', reference, 'x') $$;
SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
SAVEPOINT sound_pairs;
SELECT is(pg_temp.signs(:'pair') || pg_temp.authenticates(:'mac_key'), 'finefine', 'pairs and keys for MACs work');
UPDATE kms.key_version v SET wrapped = w.wrapped FROM kms.key_version w WHERE (v.key_id, w.key_id) IN ((:'pair', :'other_pair'), (:'other_pair', :'pair'), (:'mac_key', :'other_mac_key'));
SELECT is(pg_temp.signs(:'pair'), 'XX001|Rejected.Unavailable', 'a pair swapped with another does not sign'),
	   is(pg_temp.verdict('SELECT kms_asymmetric_verify(%L, NULL, %L, sha256(%L), %L)', :'pair', 'ECDSA_SHA_256', 'x', :'signature'), 'XX001|Rejected.Unavailable', 'nor verify'),
	   is(pg_temp.verdict('SELECT kms_get_public_key(%L)', :'pair'), 'XX001|Rejected.Unavailable', 'nor show a public key'),
	   is(pg_temp.authenticates(:'mac_key'), 'XX001|Rejected.Unavailable', 'a key with the material of another makes no MACs'),
	   is(pg_temp.verdict('SELECT kms_verify_mac(%L, %L, %L)', :'mac_key', 'x', :'mac'), 'XX001|Rejected.Unavailable', 'nor verify them');
ROLLBACK TO sound_pairs;
SELECT ok(kms_asymmetric_verify(:'pair', NULL, 'ECDSA_SHA_256', sha256('x'), :'signature'), 'put back, the pair verifies');
CREATE FUNCTION pg_temp.with_bytes_of_a_pair_changed(n integer, pair text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	UPDATE kms.key_version SET wrapped = set_byte(wrapped, n, get_byte(wrapped, n) # 1) WHERE key_id = pair::uuid;
	result = pg_temp.verdict('SELECT kms_asymmetric_sign(%L, NULL, %L, sha256(%L))', pair, 'ECDSA_SHA_256', 'x');
	UPDATE kms.key_version SET wrapped = set_byte(wrapped, n, get_byte(wrapped, n) # 1) WHERE key_id = pair::uuid;
	RETURN result;
END
$$;
SELECT results_eq(format('SELECT DISTINCT pg_temp.with_bytes_of_a_pair_changed(n, %L) FROM kms.key_version, generate_series(0, length(wrapped) - 1) n WHERE key_id = %1$L', :'pair'),
				  ARRAY['XX001|Rejected.Unavailable'], 'changing any byte of a wrapped pair is noticed');
SELECT is(kms_get_public_key(:'pair'), :'public_key', 'changed back, it is what it was');
UPDATE kms.key SET spec = 'EC_P256K' WHERE id = :'pair';
SELECT is(pg_temp.signs(:'pair'), 'XX001|Rejected.Unavailable', 'a pair given another curve of the same size does not sign');
ROLLBACK TO sound_pairs;
UPDATE kms.key SET spec = 'HMAC_SM3' WHERE id = :'mac_key';
SELECT is(pg_temp.authenticates(:'mac_key'), 'XX001|Rejected.Unavailable', 'a key given another hash of the same size makes no MACs');
ROLLBACK TO sound_pairs;
UPDATE kms.key SET spec = 'HMAC_SHA_256', usage = 'GENERATE_VERIFY_MAC' WHERE id = :'a';
SELECT is(pg_temp.authenticates(:'a'), 'XX001|Rejected.Unavailable', 'a key that encrypts, made one for MACs by hand, makes none');
ROLLBACK TO sound_pairs;
UPDATE kms.key SET spec = 'Aliyun_AES_256', usage = 'ENCRYPT/DECRYPT' WHERE id = :'mac_key';
SELECT is(pg_temp.encrypts(:'mac_key'), 'XX001|Rejected.Unavailable', 'nor does a key for MACs encrypt');
ROLLBACK TO sound_pairs;
UPDATE kms.key SET usage = 'ENCRYPT/DECRYPT' WHERE id = :'sm2';
UPDATE kms.key SET usage = 'SIGN/VERIFY' WHERE id = :'rsa';
SELECT is(pg_temp.verdict('SELECT kms_asymmetric_encrypt(%L, NULL, %L, %L)', :'sm2', 'SM2PKE', 'x'), 'XX001|Rejected.Unavailable', 'a pair that signs, given the other usage by hand, does not encrypt'),
	   is(pg_temp.signs(:'rsa', 'RSA_PSS_SHA_256'), 'XX001|Rejected.Unavailable', 'nor does one that encrypts sign');
ROLLBACK TO sound_pairs;
UPDATE kms.key SET usage = 'GENERATE_VERIFY_MAC' WHERE id = :'pair';
SELECT is(pg_temp.signs(:'pair'), 'XX001|Rejected.Unavailable', 'a pair with a usage that its spec does not have does not sign'),
	   is(pg_temp.authenticates(:'pair'), 'XX001|Rejected.Unavailable', 'nor make MACs');
ROLLBACK TO sound_pairs;
UPDATE kms.key SET primary_version = :'other_pair_version' WHERE id = :'pair';
SELECT is(pg_temp.signs(:'pair'), 'XX001|Rejected.Unavailable', 'a pair does not sign with another''s version'),
	   is(pg_temp.verdict('SELECT kms_asymmetric_sign(%L, %L, %L, sha256(%L))', :'pair', :'other_pair_version', 'ECDSA_SHA_256', 'x'), '42704|Forbidden.KeyVersionNotFound', 'named or not'),
	   ok(kms_asymmetric_verify(:'pair', :'pair_version', 'ECDSA_SHA_256', sha256('x'), :'signature'), 'but with its own, if it is named');
ROLLBACK TO sound_pairs;
SELECT is(kms_get_public_key(:'pair'), :'public_key', 'in the end the pair is what it was');
SELECT kms_envelope_encrypt(:'a', 'of a'::text) AS envelope \gset
UPDATE kms.key_version v SET wrapped = w.wrapped FROM kms.key_version w WHERE (v.id, w.id) IN ((:'a_second', :'b_version'));
SELECT is(pg_temp.decrypts(:'envelope'), 'XX001|Rejected.Unavailable', 'an envelope of a damaged key version does not open'),
	   is(pg_temp.verdict('SELECT kms_envelope_encrypt(%L, %L::text)', :'a', 'x'), 'XX001|Rejected.Unavailable', 'nor is one made');
ROLLBACK TO sound;

-- ---- the domain key -------------------------------------------------------

UPDATE kms.domain_key SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1);
SELECT is(pg_temp.decrypts(:'a_blob'), 'XX001|Rejected.Unavailable', 'with a damaged domain key nothing opens'),
	   is(pg_temp.complaint('SELECT kms_decrypt(%L)', :'a_blob'), 'XX001|Rejected.Unavailable|domain key 1 has been damaged or tampered with', 'and the error says so'),
	   is(pg_temp.verdict('SELECT kms_create_key()'), 'XX001|Rejected.Unavailable', 'nor is a key made');
ROLLBACK TO sound;
UPDATE kms.domain_key SET root_key_id = '\x0000000000000000';
SELECT is(pg_temp.decrypts(:'a_blob'), '55000|ServiceUnavailableTemporary', 'with the domain key of another root key nothing opens'),
	   is(kms_describe_account_kms_status(), 'Suspended', 'and the service is suspended'),
	   is(pg_temp.verdict('SELECT kms_create_key()'), '55000|ServiceUnavailableTemporary', 'nor is a key made'),
	   is(pg_temp.verdict('SELECT kms_disable_key(%L)', :'a'), '55000|ServiceUnavailableTemporary', 'nor changed'),
	   is(pg_temp.verdict('SELECT kms_describe_key(%L)', :'a'), 'fine', 'but keys are described');
ROLLBACK TO sound;
-- ---- tables of another release --------------------------------------------

ALTER TABLE kms.key ADD COLUMN note text, ADD COLUMN note2 text, ADD COLUMN note3 text;
SELECT is(pg_temp.verdict('SELECT kms_create_key()'), 'XX001|Rejected.Unavailable', 'no row is added to a table with columns that are not known'),
	   is(kms_decrypt_text(:'a_blob'), 'of a', 'but its rows are read');
ROLLBACK TO sound;
SELECT is(kms_decrypt_text(:'a_blob') || kms_decrypt_text(:'b_blob') || kms_decrypt_text(:'sm4_blob'), 'of aof bof sm4', 'in the end everything opens as it did');

SELECT * FROM finish();
ROLLBACK;
