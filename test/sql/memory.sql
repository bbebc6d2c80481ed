-- A session's memory does not grow with the number of calls.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(29);

SELECT kms_create_key() AS key, kms_create_key('SM4') AS other \gset
SELECT kms_create_alias(:'key', 'alias/memory');
SELECT kms_create_key('EC_P256') AS signer, kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS opener, kms_create_key('HMAC_SHA_256') AS mac_key \gset
SELECT kms_encrypt(:'key', 'x'::text) AS blob \gset

CREATE FUNCTION pg_temp.contexts() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts $$;
/* What the kernel has given the process, in bytes. */
CREATE FUNCTION pg_temp.resident() RETURNS bigint LANGUAGE sql AS
$$ SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+) kB')::bigint * 1024 $$;

CREATE FUNCTION pg_temp.call(calls integer, key_id text, other text, blob bytea) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
	good integer = 0;
BEGIN
	FOR n IN 1 .. calls LOOP
		good = good + (kms_decrypt_text(kms_encrypt('alias/memory', n::text, jsonb_build_object('row', n::text)), jsonb_build_object('row', n::text)) = n::text)::integer
					+ (kms_decrypt(kms_re_encrypt(blob, other)) = 'x')::integer
					+ (kms_decrypt((kms_generate_data_key(other)).ciphertext_blob) IS NOT NULL)::integer
					+ (length(kms_generate_random(16)) = 16)::integer;
	END LOOP;
	RETURN good;
END
$$;
CREATE FUNCTION pg_temp.sign(calls integer, signer text, opener text, mac_key text, key_id text) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
	good integer = 0;
	large bytea = convert_to(repeat('large', 20000), 'UTF8');
BEGIN
	FOR n IN 1 .. calls LOOP
		good = good + kms_asymmetric_verify(signer, NULL, 'ECDSA_SHA_256', sha256(n::text::bytea), kms_asymmetric_sign(signer, NULL, 'ECDSA_SHA_256', sha256(n::text::bytea)))::integer
					+ (kms_asymmetric_decrypt(opener, NULL, 'SM2PKE', kms_asymmetric_encrypt(opener, NULL, 'SM2PKE', n::text::bytea)) = n::text::bytea)::integer
					+ kms_verify_mac(mac_key, n::text::bytea, kms_generate_mac(mac_key, n::text::bytea))::integer
					+ (length(kms_blind_index(mac_key, n::text, jsonb_build_object('row', n::text))) = 32)::integer
					+ (kms_decrypt(kms_envelope_encrypt(key_id, large)) = large)::integer;
	END LOOP;
	RETURN good;
END
$$;
CREATE FUNCTION pg_temp.change(times integer, key_id text) RETURNS integer LANGUAGE plpgsql AS
$$
BEGIN
	FOR n IN 1 .. times LOOP
		PERFORM kms_disable_key(key_id);
		PERFORM kms_enable_key(key_id);
		PERFORM kms_encrypt(key_id, 'x'::text);
	END LOOP;
	RETURN times;
END
$$;

/* The first calls fill caches, and the just-in-time compiler takes memory of its own. */
SET jit = off;
SELECT is((SELECT count(*) FROM generate_series(1, 100000) n WHERE kms_decrypt_text(kms_encrypt(:'key', 'row ' || n)) = 'row ' || n), 100000::bigint,
		  'a hundred thousand texts are encrypted and decrypted');
SELECT pg_temp.call(1000, :'key', :'other', :'blob'), pg_temp.change(500, :'key'), pg_temp.contexts(), pg_temp.resident(), clock_timestamp() \g /dev/null
SELECT cmp_ok(pg_temp.contexts(), '>', 0::bigint, 'contexts are measured'),
	   cmp_ok(pg_temp.resident(), '>', 0::bigint, 'and the process');
SELECT pg_temp.contexts() AS contexts, pg_temp.resident() AS resident, clock_timestamp() AS start \gset
SELECT is((SELECT count(*) FROM generate_series(1, 1000000) n WHERE kms_decrypt_text(kms_encrypt(:'key', 'row ' || n)) = 'row ' || n), 1000000::bigint,
		  'a million texts are encrypted and decrypted');
SELECT cmp_ok(clock_timestamp() - :'start', '<', interval '30 seconds', 'in no more than some seconds'),
	   cmp_ok(pg_temp.contexts() - :contexts, '<', 500000::bigint, 'the session''s memory contexts do not grow'),
	   cmp_ok(pg_temp.resident() - :resident, '<', 4000000::bigint, 'nor does the process');

SELECT pg_temp.contexts() AS contexts, pg_temp.resident() AS resident \gset
SELECT is(pg_temp.call(25000, :'key', :'other', :'blob'), 100000, 'a loop of 100,000 calls goes well');
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 300000::bigint, 'and its contexts do not grow'),
	   cmp_ok(pg_temp.resident() - :resident, '<', 4000000::bigint, 'nor does the process');

SELECT pg_temp.sign(200, :'signer', :'opener', :'mac_key', :'key') \g /dev/null
SELECT pg_temp.contexts() AS contexts, pg_temp.resident() AS resident \gset
SELECT is(pg_temp.sign(1000, :'signer', :'opener', :'mac_key', :'key'), 5000, 'a loop of pairs, MACs and envelopes goes well');
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 300000::bigint, 'and its contexts do not grow'),
	   cmp_ok(pg_temp.resident() - :resident, '<', 4000000::bigint, 'nor does the process');

/* Keys made ready are kept up to a number: then one goes for each that comes. */
SELECT count(kms_asymmetric_sign(kms_create_key('EC_P256')::text, NULL, 'ECDSA_SHA_256', sha256('x'))), count(kms_generate_mac(kms_create_key('HMAC_SHA_256')::text, 'x'))
  FROM generate_series(1, 300) \g /dev/null
SELECT pg_temp.resident() AS resident \gset
SELECT is((SELECT count(kms_asymmetric_sign(kms_create_key('EC_P256')::text, NULL, 'ECDSA_SHA_256', sha256('x'))) + count(kms_generate_mac(kms_create_key('HMAC_SHA_256')::text, 'x'))
			 FROM generate_series(1, 1000)), 2000::bigint, 'two thousand pairs and keys for MACs are made and used');
SELECT cmp_ok(pg_temp.resident() - :resident, '<', 2000 * 6000::bigint, 'and take little each');

/* In one transaction: rows and messages of a change are kept until its end, so the bound is one for each change. */
SELECT pg_temp.contexts() AS contexts, pg_temp.resident() AS resident \gset
SELECT is(pg_temp.change(1000, :'key'), 1000, 'a key is switched off and on 1000 times, and used');
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 1000 * 600::bigint, 'and its contexts do not grow much'),
	   cmp_ok(pg_temp.resident() - :resident, '<', 8000000::bigint, 'nor does the process');

/* Secrets: read, and changed in one transaction. */
SELECT kms_create_secret('memory', 'v1', repeat('value', 2000)), kms_create_secret('memory/chosen', 'v1', repeat('value', 2000)::bytea, encryption_key_id => :'key') \g /dev/null
CREATE FUNCTION pg_temp.reveal(calls integer) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
	good integer = 0;
BEGIN
	FOR n IN 1 .. calls LOOP
		good = good + (length((kms_get_secret_value('memory')).secret_data) = 10000)::integer + (length((kms_get_secret_value('memory/chosen', 'ACSCurrent', 'v1')).secret_binary) = 10000)::integer
					+ ((kms_describe_secret('memory')).secret_name = 'memory')::integer + (SELECT count(*) FROM kms_list_secret_version_ids('memory'));
	END LOOP;
	RETURN good;
END
$$;
CREATE FUNCTION pg_temp.store(times integer) RETURNS integer LANGUAGE plpgsql AS
$$
BEGIN
	FOR n IN 1 .. times LOOP
		PERFORM kms_put_secret_value('memory', gen_random_uuid()::text, repeat('other', 2000));
	END LOOP;
	RETURN times;
END
$$;
SELECT pg_temp.reveal(200), pg_temp.store(50) \g /dev/null
SELECT pg_temp.contexts() AS contexts, pg_temp.resident() AS resident \gset
SELECT is(pg_temp.reveal(2000), 2000 * 5, 'secrets are read and described in a loop');
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 300000::bigint, 'and the contexts do not grow'),
	   cmp_ok(pg_temp.resident() - :resident, '<', 4000000::bigint, 'nor does the process');
SELECT pg_temp.contexts() AS contexts, pg_temp.resident() AS resident \gset
SELECT is(pg_temp.store(1000), 1000, 'a secret is given a thousand versions');
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 1000 * 1500::bigint, 'and the contexts do not grow much'),
	   cmp_ok(pg_temp.resident() - :resident, '<', 16000000::bigint, 'nor does the process'),
	   is((SELECT count(*) FROM kms_list_secret_version_ids('memory', true)), 10::bigint, 'of which ten are left');

/* As many places that remember a key and a context as there are statements. */
SELECT pg_temp.contexts() AS contexts \gset
SELECT count(pg_temp.verdict('SELECT kms_encrypt(%L, %L::text, %L)', :'key', 'x', jsonb_build_object('n', n)::text)) FROM generate_series(1, 5000) n \g /dev/null
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 200000::bigint, 'statements leave nothing behind');

SELECT pg_temp.contexts() AS contexts \gset
SELECT is((SELECT count(kms_encrypt(kms_create_key()::text, 'x'::text)) FROM generate_series(1, 2000)), 2000::bigint, 'two thousand keys are made and used');
SELECT cmp_ok(pg_temp.contexts() - :contexts, '<', 2000 * 2000::bigint, 'and take little each');
SET kms.cache_size = 16;
SELECT kms_encrypt(kms_create_key()::text, 'x'::text) FROM generate_series(1, 300) \g /dev/null
SELECT cmp_ok((SELECT session_cached_keys FROM kms.status), '<=', 2000::bigint, 'a smaller cache lets keys go');

SELECT * FROM finish();
ROLLBACK;
