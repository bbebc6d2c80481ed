-- The session's cache: small, full of changes, edited by hand; it never shows what is no more.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(54);

CREATE FUNCTION pg_temp.encrypts(reference text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_encrypt(%L, %L::text)', reference, 'x') $$;
CREATE FUNCTION pg_temp.decrypts(blob bytea) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.verdict('SELECT kms_decrypt(%L)', blob::text) $$;

SELECT kms_create_key() AS key, kms_create_key() AS other \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob, (kms_describe_key(:'key')).primary_key_version AS version \gset

-- ---- smaller than what is used --------------------------------------------

SET kms.cache_size = 16;
CREATE TEMP TABLE many AS
	SELECT n, kms_create_key(CASE n % 4 WHEN 0 THEN 'AES_256' WHEN 1 THEN 'AES_192' WHEN 2 THEN 'AES_128' ELSE 'SM4' END)::text AS key_id
	  FROM generate_series(1, 100) n;
SELECT kms_create_alias(key_id, 'alias/cache/' || n) FROM many WHERE n % 2 = 0 \g /dev/null
CREATE TEMP TABLE blobs AS
	SELECT n, round, kms_encrypt(CASE WHEN n % 2 = 0 THEN 'alias/cache/' || n ELSE key_id END, format('%s of %s', round, n)) AS blob
	  FROM many, generate_series(1, 3) round;
SELECT is((SELECT count(*) FROM blobs WHERE kms_decrypt_text(blob) = format('%s of %s', round, n)), 300::bigint, 'with room for 16 versions a hundred keys encrypt and decrypt');
SELECT is((SELECT count(*) FROM (SELECT * FROM blobs ORDER BY md5(n::text || round)) t WHERE kms_decrypt_text(blob) = format('%s of %s', round, n)), 300::bigint,
		  'in another order too');
SELECT is((SELECT count(*) FROM blobs b JOIN many m ON m.n = b.n % 100 + 1 WHERE kms_decrypt_text(kms_re_encrypt(b.blob, m.key_id)) = format('%s of %s', b.round, b.n)), 300::bigint,
		  'and each re-encrypts to the next');
SELECT cmp_ok((SELECT session_cached_keys FROM kms.status), '<=', 32::bigint, 'the cache stays small');
SELECT kms_create_key_version(key_id) FROM many WHERE n = 1 \g /dev/null
CREATE TEMP TABLE versions AS
	SELECT round, kms_encrypt(key_id, round::text) AS blob, kms_create_key_version(key_id) FROM many, generate_series(1, 100) round WHERE n = 1;
SELECT is((SELECT count(*) FROM versions a, versions b WHERE a.round % 10 = 0 AND kms_decrypt_text(b.blob) = b.round::text), 1000::bigint,
		  'a hundred versions of one key, too, decrypt');
SELECT is((SELECT count(*) FROM generate_series(1, 20), blobs WHERE kms_decrypt_text(blob) = format('%s of %s', round, n)), 6000::bigint, 'and again and again');
SELECT kms_disable_key(key_id) FROM many WHERE n % 3 = 0 \g /dev/null
SELECT is((SELECT count(*) FROM blobs WHERE n % 3 <> 0 AND pg_temp.decrypts(blob) = 'fine'), (SELECT count(*) FROM blobs WHERE n % 3 <> 0), 'a full cache decrypts with what is enabled'),
	   is((SELECT count(*) FROM blobs WHERE n % 3 = 0 AND pg_temp.decrypts(blob) = '55000|Rejected.Disabled'), (SELECT count(*) FROM blobs WHERE n % 3 = 0), 'and not with what was disabled');
SELECT kms_enable_key(key_id) FROM many \g /dev/null
SELECT is((SELECT count(*) FROM blobs WHERE kms_decrypt_text(blob) = format('%s of %s', round, n)), 300::bigint, 'and with what was enabled again');
RESET kms.cache_size;
SELECT is((SELECT count(*) FROM blobs WHERE kms_decrypt_text(blob) = format('%s of %s', round, n)), 300::bigint, 'with room for all, all decrypt');
SELECT cmp_ok((SELECT session_cached_keys FROM kms.status), '>=', 100::bigint, 'and stay in the cache');
SET kms.cache_size = 16;
SELECT is((SELECT count(*) FROM blobs WHERE kms_decrypt_text(blob) = format('%s of %s', round, n)), 300::bigint, 'made small again, all decrypt');
RESET kms.cache_size;

-- ---- many changes in one transaction --------------------------------------

CREATE TEMP TABLE changed AS SELECT n, kms_create_key()::text AS key_id FROM generate_series(1, 400) n;
SELECT count(kms_encrypt(key_id, 'x'::text)) AS used FROM changed \gset
SELECT kms_disable_key(key_id) FROM changed WHERE n <= 300 \g /dev/null
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), '55000|Rejected.Disabled', 'of 400 keys the 300 that one statement disabled do not encrypt') FROM changed WHERE n <= 300;
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), 'fine', 'the others do') FROM changed WHERE n > 300;
SELECT kms_disable_key(key_id) FROM changed WHERE n > 300 \g /dev/null
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), '55000|Rejected.Disabled', 'disabled after 300 others, a key does not encrypt either') FROM changed;
SELECT kms_enable_key(key_id) FROM changed WHERE n % 2 = 0 \g /dev/null
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), 'fine', 'enabled in the same transaction, it does') FROM changed WHERE n % 2 = 0;
SAVEPOINT many_changes;
SELECT kms_enable_key(key_id) FROM changed \g /dev/null
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), 'fine', 'after a savepoint too') FROM changed;
ROLLBACK TO many_changes;
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), '55000|Rejected.Disabled', 'and not when 200 changes are rolled back') FROM changed WHERE n % 2 = 1;
SELECT is(string_agg(DISTINCT pg_temp.encrypts(key_id), ' '), 'fine', 'while the others do') FROM changed WHERE n % 2 = 0;
SELECT is((SELECT count(*) FROM (SELECT kms_disable_key(:'key') FROM generate_series(1, 300)) t), 300::bigint, 'a key is disabled 300 times by one statement'),
	   is(pg_temp.encrypts(:'key'), '55000|Rejected.Disabled', 'and does not encrypt');
SELECT kms_enable_key(:'key');
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'and does once it is enabled');

-- ---- in the middle of a statement -----------------------------------------

CREATE FUNCTION pg_temp.disable_at(n integer, at integer, key_id text) RETURNS integer LANGUAGE plpgsql AS
$$ BEGIN IF n = at THEN PERFORM kms_disable_key(key_id); END IF; RETURN n; END $$;
SELECT is((SELECT string_agg(pg_temp.encrypts(CASE WHEN pg_temp.disable_at(n, 3, :'key') > 0 THEN :'key' END), ' ' ORDER BY n) FROM generate_series(1, 4) n),
		  'fine fine 55000|Rejected.Disabled 55000|Rejected.Disabled', 'a key disabled at the third row of a statement is refused from there on');
SELECT kms_enable_key(:'key');
DECLARE reader NO SCROLL CURSOR FOR SELECT kms_decrypt_text(:'blob') FROM generate_series(1, 10);
SELECT is(pg_temp.verdict('FETCH 2 FROM reader'), 'fine', 'an open cursor decrypts');
SELECT kms_disable_key(:'key');
SELECT is(pg_temp.verdict('FETCH 1 FROM reader'), '55000|Rejected.Disabled', 'and not when its key has been disabled since');
SELECT kms_enable_key(:'key');

-- ---- changed by hand ------------------------------------------------------

CREATE FUNCTION pg_temp.with_change(change text, reference text, VARIADIC arguments text[] = '{}') RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	result text;
BEGIN
	PERFORM kms_encrypt(reference, 'x'::text);
	EXECUTE format(change, VARIADIC arguments);
	result = pg_temp.encrypts(reference);
	RETURN result;
END
$$;
SAVEPOINT by_hand;
SELECT is(pg_temp.with_change('UPDATE kms.key SET state = %L WHERE id = %L', :'key', 'Disabled', :'key'), 'XX001|Rejected.Unavailable', 'a key whose state was changed by hand is refused at once'),
	   is(pg_temp.decrypts(:'blob'), 'XX001|Rejected.Unavailable', 'for decrypting too');
UPDATE kms.key SET state = 'Enabled' WHERE id = :'key';
SELECT is(pg_temp.decrypts(:'blob'), 'fine', 'and changed back, it is as it was');
ROLLBACK TO by_hand;
SET LOCAL session_replication_role = replica;
SELECT is(pg_temp.with_change('UPDATE kms.key SET state = %L WHERE id = %L', :'key', 'Disabled', :'key'), 'XX001|Rejected.Unavailable', 'and so is what was changed in a replica');
ROLLBACK TO by_hand;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'a change by hand that was rolled back is gone');
SELECT kms_create_alias(:'key', 'alias/cache');
SELECT is(pg_temp.with_change('UPDATE kms.alias SET key_id = %L WHERE name = %L', 'alias/cache', :'other', 'alias/cache'), 'XX001|Rejected.Unavailable', 'an alias moved by hand is refused at once'),
	   is(pg_temp.encrypts(:'other'), 'fine', 'but not the key it was moved to'),
	   is(pg_temp.encrypts(:'key'), 'fine', 'nor the one it stood for');
ROLLBACK TO by_hand;
SELECT kms_create_alias(:'key', 'alias/cache') IS NULL AS ignored \gset
SELECT is(pg_temp.with_change('DELETE FROM kms.alias WHERE name = %L', 'alias/cache', 'alias/cache'), '42704|Forbidden.AliasNotFound', 'an alias deleted by hand is not found');
ROLLBACK TO by_hand;
SELECT is(pg_temp.with_change('UPDATE kms.key SET owner = 0 WHERE id = %L', :'key', :'key'), 'XX001|Rejected.Unavailable', 'a key whose owner was changed by hand is refused at once');
ROLLBACK TO by_hand;
SELECT is(pg_temp.with_change('DELETE FROM kms.key WHERE id = %L', :'key', :'key'), '42704|Forbidden.KeyNotFound', 'a key deleted by hand is not found'),
	   is(pg_temp.decrypts(:'blob'), '42704|Forbidden.KeyNotFound', 'nor is its version');
ROLLBACK TO by_hand;
SELECT is(pg_temp.with_change('DELETE FROM kms.key_version WHERE key_id = %L', :'key', :'key'), 'XX001|Rejected.Unavailable', 'a key whose version was deleted by hand does not encrypt'),
	   is(pg_temp.decrypts(:'blob'), '42704|Forbidden.KeyNotFound', 'nor decrypt');
ROLLBACK TO by_hand;
SELECT is(pg_temp.with_change('UPDATE kms.key SET primary_version = NULL WHERE id = %L', :'key', :'key'), 'XX001|Rejected.Unavailable', 'a key whose primary version was taken away by hand does not encrypt'),
	   is(pg_temp.decrypts(:'blob'), 'XX001|Rejected.Unavailable', 'nor decrypt');
ROLLBACK TO by_hand;
SET LOCAL kms.allow_drop = on;
SELECT is(pg_temp.with_change('TRUNCATE kms.key CASCADE', :'key'), '42704|Forbidden.KeyNotFound', 'emptied tables are seen at once');
ROLLBACK TO by_hand;

-- ---- time passes ----------------------------------------------------------

SELECT kms_test.let_time_pass() IS NULL AS ignored \gset
SAVEPOINT time_passes;
SELECT is(pg_temp.with_change('UPDATE kms.key SET state = ''PendingDeletion'', delete_at = clock_timestamp() + interval ''1 hour'' WHERE id = %L', :'key', :'key'),
		  '55000|Rejected.PendingDeletion', 'a key that will be deleted is refused');
UPDATE kms.key SET delete_at = clock_timestamp() + interval '0.5 seconds' WHERE id = :'key';
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.PendingDeletion', 'shortly before its delete date a key is pending deletion');
SELECT pg_sleep(0.6);
SELECT is(pg_temp.encrypts(:'key'), '42704|Forbidden.KeyNotFound', 'after it, without any change, it is not found'),
	   is(pg_temp.decrypts(:'blob'), '42704|Forbidden.KeyNotFound', 'for decrypting too');
ROLLBACK TO time_passes;
UPDATE kms.key SET material_expires_at = clock_timestamp() + interval '0.5 seconds' WHERE id = :'key';
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'material that will expire encrypts');
SELECT pg_sleep(0.6);
SELECT is(pg_temp.encrypts(:'key'), '55000|Rejected.PendingImport', 'expired, without any change, it does not'),
	   is(pg_temp.decrypts(:'blob'), '55000|Rejected.PendingImport', 'nor decrypt'),
	   is((kms_describe_key(:'key')).key_state, 'PendingImport', 'and its key waits for material');
ROLLBACK TO time_passes;
ROLLBACK TO by_hand;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'in the end the key is as it was');

-- ---- the extension itself -------------------------------------------------

SAVEPOINT renamed;
ALTER SCHEMA kms RENAME TO kms_test_elsewhere;
SELECT is(pg_temp.encrypts(:'key'), 'fine', 'with its schema renamed the extension encrypts'),
	   is(pg_temp.verdict('SELECT kms_disable_key(%1$L), kms_enable_key(%1$L), kms_create_key(), kms_list_keys()', :'key'), 'fine', 'and changes and lists keys');
ROLLBACK TO renamed;
SELECT is(pg_temp.verdict('SELECT kms_disable_key(%1$L), kms_enable_key(%1$L), kms_create_key()', :'key'), 'fine', 'and again with its old name');

SELECT * FROM finish();
ROLLBACK;
