-- Envelopes: any size, any change noticed; re-encrypting between envelopes, plain ciphertexts and pairs.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(366);

CREATE TEMP TABLE suite (n serial, spec text, format text, key_len integer, tag_len integer, key_id text, version_id uuid);
INSERT INTO suite (spec, format, key_len, tag_len) VALUES ('Aliyun_AES_256', 'XAES-256-GCM', 32, 16), ('Aliyun_AES_192', 'AES-192-GCM', 24, 16), ('Aliyun_AES_128', 'AES-128-GCM', 16, 16), ('Aliyun_SM4', 'SM4-CTR-HMAC-SM3', 16, 32);
UPDATE suite SET key_id = kms_create_key(spec);
UPDATE suite SET version_id = (kms_describe_key(key_id)).primary_key_version;
SELECT key_id AS key, version_id AS version FROM suite WHERE n = 1 \gset
SELECT key_id AS other FROM suite WHERE n = 4 \gset

/* So many bytes that do not repeat. */
CREATE FUNCTION pg_temp.bytes(len integer) RETURNS bytea LANGUAGE sql AS
$$ SELECT substr(coalesce(string_agg(sha256(n::text::bytea), '' ORDER BY n), ''), 1, len) FROM generate_series(1, (len + 31) / 32) n $$;
CREATE FUNCTION pg_temp.decrypts(blob bytea, context jsonb = NULL) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.complaint('SELECT kms_decrypt(%L, %L)', blob::text, context::text) $$;

-- ---- sizes ----------------------------------------------------------------

CREATE TEMP TABLE plain AS SELECT len, pg_temp.bytes(len) AS content FROM unnest(ARRAY[0, 1, 6144, 6145, 65535, 65536, 65537, 131072, 131073, 1048576]) len;
CREATE TEMP TABLE made AS SELECT s.*, len, content, kms_envelope_encrypt(key_id, content) AS envelope FROM suite s, plain;
SELECT is(kms_decrypt(envelope) = content, true, format('an envelope of %s bytes under %s is decrypted', len, spec)),
	   is(length(envelope), 41 + key_len + tag_len + len + greatest(1, (len + 65535) / 65536) * tag_len, 'it is as long as it must be'),
	   is(kms_ciphertext_info(envelope)::text, format('(%s,%s,"%s envelope",%s)', key_id, version_id, format, len), 'and says key, version, format and length')
  FROM made ORDER BY n, len;
SELECT isnt(a, b, 'the same plaintext has many envelopes'),
	   isnt(substr(a, 18, 24), substr(b, 18, 24), 'with another nonce'),
	   isnt(substr(a, 42), substr(b, 42), 'and another data key')
  FROM (SELECT kms_envelope_encrypt(:'key', content) AS a, kms_envelope_encrypt(:'key', content) AS b FROM plain WHERE len = 65537) t;
SELECT is((SELECT count(*) FROM generate_series(0, 300) len, LATERAL (SELECT substr(content, 1, len) AS part FROM plain WHERE plain.len = 6144) p WHERE kms_decrypt(kms_envelope_encrypt(:'other', part)) = part), 301::bigint, 'every short length is taken'),
	   is((SELECT count(*) FROM generate_series(65500, 65600, 7) len, LATERAL (SELECT substr(content, 1, len) AS part FROM plain WHERE plain.len = 131073) p WHERE kms_decrypt(kms_envelope_encrypt(:'key', part)) = part), 15::bigint, 'and those about a chunk');

-- ---- texts ----------------------------------------------------------------

SELECT is(kms_decrypt_text(kms_envelope_encrypt(:'key', value)), value, format('a text of %s characters is decrypted as text', length(value))),
	   is(kms_decrypt(kms_envelope_encrypt(:'key', value)), convert_to(value, 'UTF8'), 'and is its UTF-8'),
	   is((kms_ciphertext_info(kms_envelope_encrypt(:'key', value))).plaintext_length, octet_length(value)::bigint, 'of that length')
  FROM unnest(ARRAY['', 'plain', 'Schlüssel 密钥 🔑', repeat('密', 50000)]::text[]) value;
SELECT is(kms_decrypt_text(kms_envelope_encrypt(:'key', 'unknown')), 'unknown', 'a plaintext of unknown type is a text'),
	   is(pg_temp.complaint('SELECT kms_decrypt_text(kms_envelope_encrypt(%L, %L::bytea))', :'key', '\xff00'), pg_temp.complaint('SELECT kms_decrypt_text(kms_encrypt(%L, %L::bytea))', :'key', '\xff00'),
		  'bytes that are no text are refused as text, as of a plain ciphertext'),
	   isnt(pg_temp.verdict('SELECT kms_decrypt_text(kms_envelope_encrypt(%L, %L::bytea))', :'key', '\xff00'), 'fine', 'in that it is an error');
SELECT ok(kms_envelope_encrypt(:'key', NULL::bytea) IS NULL, 'no plaintext has no envelope'), ok(kms_envelope_encrypt(:'key', NULL::text) IS NULL, 'nor has no text'), ok(kms_envelope_encrypt(NULL, NULL::text) IS NULL, 'whatever the key'),
	   is(pg_temp.verdict('SELECT kms_envelope_encrypt(NULL, %L::bytea)', 'x'), '22004|MissingParameter', 'a plaintext needs a key');
CREATE TEMP TABLE stored (envelope bytea, compressible text, external text);
ALTER TABLE stored ALTER external SET STORAGE EXTERNAL;
INSERT INTO stored (compressible, external) VALUES (repeat('compressible ', 20000), repeat('external ', 20000));
UPDATE stored SET envelope = kms_envelope_encrypt(:'key', compressible || external);
SELECT is(kms_decrypt_text(envelope) = compressible || external, true, 'what is stored toasted is encrypted and decrypted') FROM stored;

-- ---- contexts -------------------------------------------------------------

SELECT kms_envelope_encrypt(:'key', 'bound'::text, '{"a": "1", "b": "2"}') AS bound, kms_envelope_encrypt(:'key', 'free'::text) AS free \gset
SELECT is(kms_decrypt_text(:'bound', '{"b":"2","a":"1"}'), 'bound', 'an envelope opens with its context, in any order'),
	   is(kms_decrypt_text(:'free', '{}'), 'free', 'an empty context is none');
SELECT is(pg_temp.decrypts(blob::bytea, context::jsonb), '22023|InvalidParameter|ciphertext cannot be decrypted', format('an envelope %s does not open with %s', what, coalesce(context, 'none')))
  FROM (VALUES (:'bound', 'with a context', NULL), (:'bound', 'with a context', '{}'), (:'bound', 'with a context', '{"a": "1"}'), (:'bound', 'with a context', '{"a": "2", "b": "1"}'),
			   (:'bound', 'with a context', '{"a": "1", "b": "2", "c": "3"}'), (:'free', 'without one', '{"a": "1"}')) t (blob, what, context);
SELECT is(pg_temp.verdict('SELECT kms_envelope_encrypt(%L, %L::text, %L)', :'key', 'x', context), '22023|InvalidParameter', format('%s is no context', context)) FROM unnest(ARRAY['[]', '{"a": 1}', '{"a": null}']) context;

-- ---- versions -------------------------------------------------------------

SELECT kms_create_key() AS turning \gset
SELECT kms_envelope_encrypt(:'turning', 'first'::text) AS first, kms_create_key_version(:'turning') AS second_version \gset
SELECT kms_envelope_encrypt(:'turning', 'second'::text) AS second \gset
SELECT is(kms_decrypt_text(:'first') || kms_decrypt_text(:'second'), 'firstsecond', 'envelopes of an old and of the new version open'),
	   is((kms_ciphertext_info(:'second')).key_version_id, :'second_version', 'the new version makes them'),
	   is(pg_temp.decrypts(overlay(:'first'::bytea PLACING substr(:'second'::bytea, 2, 16) FROM 2)), '22023|InvalidParameter|ciphertext cannot be decrypted', 'an envelope that names another version does not open'),
	   is(pg_temp.decrypts(overlay(:'first'::bytea PLACING '\x00000000000040008000000000000000' FROM 2)), '42704|Forbidden.KeyNotFound|key version "00000000-0000-4000-8000-000000000000" does not exist', 'one of an unknown version names it'),
	   is(kms_ciphertext_info(overlay(:'first'::bytea PLACING '\x00000000000040008000000000000000' FROM 2))::text, '(,00000000-0000-4000-8000-000000000000,"XAES-256-GCM envelope",5)', 'and is described all the same');

-- ---- changed --------------------------------------------------------------

/* head (41) | data key | tag | chunks: where each part begins and how long it is. */
CREATE TEMP TABLE part AS
	SELECT n, spec, len, envelope, what, at, size
	  FROM made CROSS JOIN LATERAL (VALUES ('the nonce', 17, 24), ('the data key', 41, key_len), ('its tag', 41 + key_len, tag_len), ('the first chunk', 41 + key_len + tag_len, 65536),
										   ('its tag', 41 + key_len + tag_len + 65536, tag_len), ('the last chunk', 41 + key_len + 2 * tag_len + 65536, 1), ('its tag', 41 + key_len + 2 * tag_len + 65537, tag_len)) p (what, at, size)
	 WHERE len = 65537;
SELECT is(max(at + size), max(length(envelope)), 'the test knows all parts of an envelope of ' || spec) FROM part GROUP BY n, spec ORDER BY n;
SELECT results_eq(format('SELECT DISTINCT pg_temp.decrypts(set_byte(envelope, at + i, get_byte(envelope, at + i) # bit))
							FROM part, generate_series(0, size - 1, CASE WHEN size > 100 THEN 13107 ELSE 5 END) i, unnest(ARRAY[1, 128]) bit WHERE part.n = %s AND part.at = %s', n, at),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], format('an envelope of %s with a byte of %s changed does not open', spec, what))
  FROM part ORDER BY n, at;
SELECT results_eq(format('SELECT DISTINCT pg_temp.decrypts(set_byte(envelope, 0, byte)) FROM made, generate_series(0, 255) byte WHERE len = 1 AND n = %s AND byte <> get_byte(envelope, 0)', n),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'an envelope of ' || spec || ' of any other format byte does not open')
  FROM suite ORDER BY n;
SELECT results_eq(format('SELECT DISTINCT pg_temp.decrypts(substr(envelope, 1, cut)) FROM made, generate_series(0, length(envelope) - 1) cut WHERE len = 1 AND n = %s', n),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'a short envelope of ' || spec || ' cut off anywhere does not open'),
	   results_eq(format('SELECT DISTINCT pg_temp.decrypts(b) FROM made CROSS JOIN LATERAL (SELECT 41 + key_len + tag_len AS head, 65536 + tag_len AS chunk) h
						  CROSS JOIN LATERAL unnest(ARRAY[substr(envelope, 1, head), substr(envelope, 1, head + chunk), substr(envelope, 1, head + chunk - 1), substr(envelope, 1, head + chunk + 1), substr(envelope, 1, head + chunk + tag_len),
												  substr(envelope, 1, head + 2 * chunk), substr(envelope, 1, head + 2 * chunk + tag_len), substr(envelope, 1, length(envelope) - 1), substr(envelope, 1, length(envelope) - tag_len),
												  envelope || ''\x00'', envelope || substr(envelope, head + 2 * chunk + 1), ''\x00'' || envelope, envelope || envelope]) b WHERE len = 131073 AND n = %s', n),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'a long one cut off between chunks or within them, or longer, does not open'),
	   results_eq(format('SELECT DISTINCT pg_temp.decrypts(b) FROM made m CROSS JOIN LATERAL (SELECT 41 + key_len + tag_len AS head, 65536 + tag_len AS chunk) h
						  CROSS JOIN LATERAL (SELECT substr(envelope, 1, head) AS h, substr(envelope, head + 1, chunk) AS c1, substr(envelope, head + chunk + 1, chunk) AS c2, substr(envelope, head + 2 * chunk + 1) AS c3) p
						  CROSS JOIN LATERAL (SELECT substr(o.envelope, 1, head) AS oh, substr(o.envelope, head + 1, chunk) AS o1 FROM (SELECT kms_envelope_encrypt(m.key_id, m.content) AS envelope OFFSET 0) o) o
						  CROSS JOIN LATERAL unnest(ARRAY[h || c2 || c1 || c3, h || c1 || c3, h || c2 || c3, h || c1 || c1 || c3, h || c1 || c2 || c2 || c3, h || c3, h || c1 || c2, h || c2 || c2 || c3, h || o1 || c2 || c3, oh || c1 || c2 || c3, oh || o1 || c2 || c3]) b
						  WHERE len = 131073 AND n = %s', n),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'nor one whose chunks are exchanged, left out, doubled or another envelope''s')
  FROM suite ORDER BY n;
SELECT is(pg_temp.decrypts(decode(repeat('11', len), 'hex')), complaint, format('%s bytes of a format byte do not open', len))
  FROM (VALUES (1, '22023|InvalidParameter|ciphertext cannot be decrypted'), (104, '22023|InvalidParameter|ciphertext cannot be decrypted'),
			   (105, '42704|Forbidden.KeyNotFound|key version "11111111-1111-1111-1111-111111111111" does not exist'),
			   (89 + 65552 + 16, '22023|InvalidParameter|ciphertext cannot be decrypted'), (1000000, '42704|Forbidden.KeyNotFound|key version "11111111-1111-1111-1111-111111111111" does not exist')) t (len, complaint);
SELECT is(pg_temp.verdict('SELECT kms_ciphertext_info(%L)', substr(envelope, 1, cut)::text), '22023|InvalidParameter', 'an envelope cut off after byte ' || cut || ' is not described')
  FROM made, unnest(ARRAY[1, 40, 41, 72, 88, 104]) cut WHERE n = 1 AND len = 1;
/* What a plain ciphertext and an envelope have in common does not make one of the other. */
SELECT is(pg_temp.decrypts(set_byte(kms_encrypt(:'key', pg_temp.bytes(32)), 0, 17)), '22023|InvalidParameter|ciphertext cannot be decrypted', 'a plain ciphertext made to look like an envelope does not open'),
	   is(pg_temp.decrypts('\x01'::bytea || substr(:'free'::bytea, 2, 40 + 32 + 16)), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor does the data key of an envelope as a plain ciphertext'),
	   is(kms_decrypt_text(:'free'), 'free', 'after all that an envelope opens');

-- ---- re-encrypting --------------------------------------------------------

SELECT kms_create_key('EC_SM2', 'ENCRYPT/DECRYPT') AS pair, kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT') AS rsa, kms_create_key('EC_P256') AS signer \gset
SELECT (SELECT key_version_id FROM kms_list_key_versions(:'pair')) AS pair_version \gset
/* Up to 6144 bytes the result is plain, whatever the source was. */
SELECT is(kms_decrypt(moved, '{"b": "2"}') = content, true, format('%s of %s bytes is re-encrypted from %s to %s, from context to context', what, len, a.spec, b.spec)),
	   is((i).format || ' ' || (i).key_id || ' ' || (i).plaintext_length, format('%s%s %s %s', b.format, CASE WHEN len > 6144 THEN ' envelope' END, b.key_id, len), 'as ' || CASE WHEN len > 6144 THEN 'an envelope' ELSE 'a plain ciphertext' END),
	   is(pg_temp.decrypts(moved, '{"a": "1"}'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'which does not open with the old context')
  FROM suite a JOIN suite b ON a.n IN (1, 4) AND b.n IN (1, 2) CROSS JOIN plain
 CROSS JOIN (VALUES ('an envelope'), ('a plain ciphertext')) w (what)
 CROSS JOIN LATERAL (SELECT kms_re_encrypt(CASE what WHEN 'an envelope' THEN kms_envelope_encrypt(a.key_id, content, '{"a": "1"}') ELSE kms_encrypt(a.key_id, content, '{"a": "1"}') END, b.key_id, '{"a": "1"}', '{"b": "2"}') AS moved OFFSET 0) m
 CROSS JOIN LATERAL (SELECT kms_ciphertext_info(moved) AS i OFFSET 0) d
 WHERE len IN (0, 6144, 6145, 65537, 1048576) AND (what = 'an envelope' OR len <= 6144) ORDER BY a.n, b.n, what, len;
SELECT is(kms_decrypt_text(kms_re_encrypt(:'first', :'turning')), 'first', 'an envelope of an old version is re-encrypted with its own key'),
	   is((kms_ciphertext_info(kms_re_encrypt(:'first', :'turning'))).key_version_id, :'second_version', 'to its newest version'),
	   is(pg_temp.complaint('SELECT kms_re_encrypt(%L, %L)', :'bound', :'other'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'without its context an envelope is not re-encrypted'),
	   is(pg_temp.complaint('SELECT kms_re_encrypt(%L, %L, %L)', :'bound', :'other', '{"a": "1"}'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor with another'),
	   is(kms_decrypt_text(kms_re_encrypt(:'bound', :'other', '{"a": "1", "b": "2"}')), 'bound', 'the context of the source does not follow by itself'),
	   is(pg_temp.verdict('SELECT kms_re_encrypt(%L, %L)', :'free', destination), verdict, what || ' is no destination')
  FROM (VALUES (:'pair', '0A000|UnsupportedOperation', 'a pair'), (:'signer', '0A000|UnsupportedOperation', 'a pair that signs'), ('00000000-0000-4000-8000-000000000000', '42704|Forbidden.KeyNotFound', 'an unknown key')) t (destination, verdict, what);
SELECT results_eq(format('SELECT DISTINCT pg_temp.complaint(''SELECT kms_re_encrypt(%%L, %%L)'', b::text, %L) FROM part p CROSS JOIN LATERAL unnest(ARRAY[substr(envelope, 1, at), set_byte(envelope, at, get_byte(envelope, at) # 1)]) b WHERE p.n = 1 AND at > 16', :'other'),
				  ARRAY['22023|InvalidParameter|ciphertext cannot be decrypted'], 'what does not open is not re-encrypted');

/* From a pair. */
CREATE TEMP TABLE source AS
	SELECT *, kms_asymmetric_encrypt(key_id, NULL, algorithm, content) AS blob
	  FROM (VALUES (:'pair', 'SM2PKE', 'twelve bytes'::bytea), (:'pair', 'SM2PKE', pg_temp.bytes(6047)), (:'rsa', 'RSAES_OAEP_SHA_256', ''), (:'rsa', 'RSAES_OAEP_SHA_256', pg_temp.bytes(190)), (:'rsa', 'RSAES_OAEP_SHA_1', pg_temp.bytes(214))) s (key_id, algorithm, content);
SELECT is(kms_decrypt(moved, '{"b": "2"}') = content, true, format('%s bytes encrypted with %s are re-encrypted with %s', length(content), algorithm, spec)),
	   is((kms_ciphertext_info(moved)).format, format, 'as a plain ciphertext')
  FROM source s CROSS JOIN suite CROSS JOIN LATERAL (SELECT kms_re_encrypt(blob, suite.key_id, destination_encryption_context => '{"b": "2"}', source_key_id => s.key_id, source_encryption_algorithm => algorithm) AS moved OFFSET 0) m
 WHERE n IN (1, 4) ORDER BY n, algorithm, length(content);
SELECT blob AS sm2 FROM source WHERE algorithm = 'SM2PKE' AND length(content) = 12 \gset
SELECT kms_create_alias(:'pair', 'alias/envelope') IS NULL AS ignored \gset
SELECT is(kms_decrypt(kms_re_encrypt(:'sm2', :'key', source_key_id => source, source_key_version_id => version, source_encryption_algorithm => 'SM2PKE')), 'twelve bytes', 'the source is named by ' || what)
  FROM (VALUES (:'pair', :'pair_version', 'its id and version'), ('alias/envelope', NULL, 'an alias'), ((kms_describe_key(:'pair')).arn, :'pair_version', 'its ARN and version')) t (source, version, what);
SELECT is(pg_temp.complaint('SELECT kms_re_encrypt(%L, %L, %s)', blob, destination, arguments), complaint, what)
  FROM (VALUES (:'sm2', :'key', format('source_key_id => %L', :'pair'), '22004|MissingParameter|source_encryption_algorithm must not be null', 'of a pair the algorithm must be given'),
			   (:'sm2', :'key', 'source_encryption_algorithm => ''SM2PKE''', '22004|MissingParameter|source_key_id must not be null', 'and the key'),
			   (:'sm2', :'key', format('source_key_version_id => %L', :'pair_version'), '22004|MissingParameter|source_key_id must not be null', 'also beside its version'),
			   (:'sm2', :'key', format('source_key_id => %L, source_encryption_algorithm => ''SM2PKE'', source_encryption_context => ''{"a": "1"}''', :'pair'), '22023|InvalidParameter|invalid value for source_encryption_context: a public-key ciphertext has none', 'but no context'),
			   (:'sm2', :'key', format('source_key_id => %L, source_encryption_algorithm => ''RSAES_OAEP_SHA_1''', :'pair'), format('0A000|Rejected.UnsupportedOperation|key "%s" of spec EC_SM2 does not encrypt with RSAES_OAEP_SHA_1', :'pair'), 'nor an algorithm that does not fit'),
			   (:'sm2', :'key', format('source_key_id => %L, source_encryption_algorithm => ''x''', :'pair'), '22023|InvalidParameter|invalid value for source_encryption_algorithm: it must be RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1 or SM2PKE', 'or is none'),
			   (:'sm2', :'key', format('source_key_id => %L, source_encryption_algorithm => ''RSAES_OAEP_SHA_256''', :'rsa'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor another key'),
			   (:'sm2', :'key', format('source_key_id => %L, source_encryption_algorithm => ''SM2PKE''', :'signer'), format('0A000|Rejected.UnsupportedOperation|key "%s" is not for this operation', :'signer'), 'nor one that signs'),
			   (:'sm2', :'key', format('source_key_id => %L, source_encryption_algorithm => ''SM2PKE''', :'key'), format('0A000|Rejected.UnsupportedOperation|key "%s" is not for this operation', :'key'), 'nor a symmetric one'),
			   (:'sm2', :'key', format('source_key_id => %L, source_key_version_id => %L, source_encryption_algorithm => ''SM2PKE''', :'pair', :'version'), format('42704|Forbidden.KeyVersionNotFound|key "%s" has no version "%s"', :'pair', :'version'), 'nor a version of another key'),
			   (:'sm2', :'key', format('source_key_id => %L, source_key_version_id => ''x'', source_encryption_algorithm => ''SM2PKE''', :'pair'), '22023|InvalidParameter|invalid value for source_key_version_id: it is no key version id', 'nor what is no version id'),
			   (:'free', :'key', format('source_key_id => %L, source_encryption_algorithm => ''SM2PKE''', :'pair'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor an envelope'),
			   ('\x', :'key', format('source_key_id => %L, source_encryption_algorithm => ''SM2PKE''', :'pair'), '22023|InvalidParameter|ciphertext cannot be decrypted', 'nor no bytes'),
			   (:'sm2', :'pair', format('source_key_id => %L, source_encryption_algorithm => ''SM2PKE''', :'pair'), format('0A000|UnsupportedOperation|key "%s" is not for this operation', :'pair'), 'and a pair is no destination')) t (blob, destination, arguments, complaint, what);
SELECT ok(kms_re_encrypt(NULL, :'key', source_key_id => :'pair', source_encryption_algorithm => 'SM2PKE') IS NULL, 'no ciphertext is re-encrypted as none');
SELECT kms_disable_key(:'pair') IS NULL AS ignored \gset
SELECT is(pg_temp.verdict('SELECT kms_re_encrypt(%L, %L, source_key_id => %L, source_encryption_algorithm => %L)', :'sm2', :'key', :'pair', 'SM2PKE'), '55000|Rejected.Disabled', 'a disabled pair is no source');

-- ---- errors without end ---------------------------------------------------

CREATE FUNCTION pg_temp.stumble(times integer, envelope bytea, other text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	refused integer = 0;
	good integer = 0;
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			CASE i % 3
				WHEN 0 THEN PERFORM kms_decrypt(set_byte(envelope, length(envelope) - 1, 255 - get_byte(envelope, length(envelope) - 1)));
				WHEN 1 THEN PERFORM kms_re_encrypt(set_byte(envelope, 41, 255 - get_byte(envelope, 41)), other);
				WHEN 2 THEN PERFORM kms_disable_key(other), kms_re_encrypt(envelope, other);
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			refused = refused + 1;
		END;
		good = good + (length(kms_decrypt(envelope)) = 65537)::integer;
	END LOOP;
	RETURN refused || ' refused, ' || good || ' good';
END
$$;
SELECT is(pg_temp.stumble(1000, envelope, :'other'), '1000 refused, 1000 good', 'a thousand errors caught in a row leave everything as it was') FROM made WHERE n = 1 AND len = 65537;

SELECT * FROM finish();
ROLLBACK;
