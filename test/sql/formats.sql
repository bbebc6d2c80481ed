/*
 * A reader of docs/formats.md written in SQL, for the AES formats: pgcrypto
 * gives single AES blocks and HMAC-SHA-256, everything else is written out.
 * The examples of the page itself, and format 4, are recomputed by
 * test/t/020_formats.pl.
 */
\set ECHO none
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA reader;
SET LOCAL search_path = public, reader;

SELECT plan(34);

/* ---- the reader ---- */

CREATE FUNCTION reader.bits(b bytea) RETURNS bit(128) IMMUTABLE
	RETURN ('x' || encode(b, 'hex'))::bit(128);

CREATE FUNCTION reader.bytes(b bit(128)) RETURNS bytea IMMUTABLE
	RETURN substr(bit_send(b), 5);

CREATE FUNCTION reader.zeros(n integer) RETURNS bytea IMMUTABLE
	RETURN decode(repeat('00', n), 'hex');

/* AES of whole blocks, each by itself. */
CREATE FUNCTION reader.aes(key bytea, blocks bytea) RETURNS bytea IMMUTABLE
	RETURN kms_test.encrypt(blocks, key, 'aes-ecb/pad:none');

CREATE FUNCTION reader.add(a bytea, b bytea) RETURNS bytea IMMUTABLE
	RETURN reader.bytes(reader.bits(a) # reader.bits(b));

CREATE FUNCTION reader.subkey(key bytea) RETURNS bytea IMMUTABLE LANGUAGE sql
AS $$
	SELECT reader.bytes((l << 1) # CASE get_bit(l, 0) WHEN 1 THEN 135::bit(128) ELSE 0::bit(128) END)
	  FROM reader.bits(reader.aes(key, reader.zeros(16))) l
$$;

CREATE FUNCTION reader.message_key(key bytea, nonce bytea) RETURNS bytea IMMUTABLE LANGUAGE sql
AS $$
	SELECT substr(reader.aes(key, string_agg(
				reader.add('\x00' || decode(lpad(i::text, 2, '0'), 'hex') || '\x5800' || substr(nonce, 1, 12),
						   reader.subkey(key)), '' ORDER BY i)), 1, length(key))
	  FROM generate_series(1, 2) i
$$;

/* The keystream from a counter of 2 on, added to the text. */
CREATE FUNCTION reader.counter_mode(key bytea, iv bytea, text bytea) RETURNS bytea IMMUTABLE LANGUAGE sql
AS $$
	SELECT coalesce(substr(string_agg(
				reader.add(substr(text, 16 * i + 1, 16) || reader.zeros(16 - length(substr(text, 16 * i + 1, 16))),
						   reader.aes(key, iv || int4send(i + 2))), '' ORDER BY i), 1, length(text)), '')
	  FROM generate_series(0, (length(text) + 15) / 16 - 1) i
$$;

/* SP 800-38D, algorithms 1 and 2. */
CREATE FUNCTION reader.ghash(h bytea, text bytea) RETURNS bytea IMMUTABLE LANGUAGE plpgsql
AS $$
DECLARE
	y bit(128) := 0::bit(128);
	z bit(128);
	v bit(128);
BEGIN
	FOR i IN 0 .. length(text) / 16 - 1 LOOP
		y := y # reader.bits(substr(text, 16 * i + 1, 16));
		z := 0::bit(128);
		v := reader.bits(h);
		FOR j IN 0 .. 127 LOOP
			IF get_bit(y, j) = 1 THEN
				z := z # v;
			END IF;
			v := (v >> 1) # CASE get_bit(v, 127) WHEN 1 THEN reader.bits('\xe1' || reader.zeros(15)) ELSE 0::bit(128) END;
		END LOOP;
		y := z;
	END LOOP;
	RETURN reader.bytes(y);
END
$$;

CREATE FUNCTION reader.padded(text bytea) RETURNS bytea IMMUTABLE
	RETURN text || reader.zeros((16 - length(text) % 16) % 16);

CREATE FUNCTION reader.tag(key bytea, iv bytea, additional bytea, ciphertext bytea) RETURNS bytea IMMUTABLE
	RETURN reader.add(
		reader.ghash(reader.aes(key, reader.zeros(16)),
					 reader.padded(additional) || reader.padded(ciphertext) ||
					 int8send(8 * length(additional)::bigint) || int8send(8 * length(ciphertext)::bigint)),
		reader.aes(key, iv || '\x00000001'));

/* NULL if the tag does not verify. */
CREATE FUNCTION reader.open(key bytea, nonce bytea, additional bytea, sealed bytea) RETURNS bytea IMMUTABLE LANGUAGE sql
AS $$
	SELECT reader.counter_mode(message_key, iv, ciphertext)
	  FROM (SELECT reader.message_key(key, nonce) AS message_key, substr(nonce, 13) AS iv,
				   substr(sealed, 1, length(sealed) - 16) AS ciphertext,
				   substr(sealed, length(sealed) - 15) AS tag) s
	 WHERE reader.tag(message_key, iv, additional, ciphertext) = tag
$$;

CREATE FUNCTION reader.open_blob(material bytea, canonical bytea, blob bytea) RETURNS bytea IMMUTABLE
	RETURN reader.open(material, substr(blob, 18, 24), substr(blob, 1, 41) || canonical, substr(blob, 42));

CREATE FUNCTION reader.unwrap(key bytea, additional bytea, wrapped bytea) RETURNS bytea IMMUTABLE
	RETURN reader.open(key, substr(wrapped, 1, 24), additional, substr(wrapped, 25));

/* Up to 32 bytes need one round only. */
CREATE FUNCTION reader.hkdf_expand(key bytea, info text, length integer) RETURNS bytea IMMUTABLE
	RETURN substr(kms_test.hmac(convert_to(info, 'UTF8') || '\x01', key, 'sha256'), 1, length);

CREATE FUNCTION reader.canonical(context jsonb) RETURNS bytea IMMUTABLE LANGUAGE sql
AS $$
	SELECT coalesce(int2send(count(*)::smallint) || string_agg(
				int2send(length(k)::smallint) || k || int2send(length(v)::smallint) || v, '' ORDER BY k), '')
	  FROM (SELECT convert_to(key, 'UTF8') AS k, convert_to(value, 'UTF8') AS v FROM jsonb_each_text(context)) p
$$;

CREATE FUNCTION reader.short_name(name text) RETURNS bytea IMMUTABLE
	RETURN substr(int2send(length(name)::smallint), 2) || convert_to(name, 'UTF8');

/* ---- the reader is right: C2SP's vectors ---- */

SELECT is(reader.message_key(decode(repeat('01', 32), 'hex'), 'ABCDEFGHIJKLMNOPQRSTUVWX'),
	'\xc8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b'::bytea, 'message key of the first vector');
SELECT is(reader.message_key(decode(repeat('03', 32), 'hex'), 'ABCDEFGHIJKLMNOPQRSTUVWX'),
	'\xe9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8'::bytea, 'message key of the second vector');
SELECT is(reader.open(decode(repeat('03', 32), 'hex'), 'ABCDEFGHIJKLMNOPQRSTUVWX', 'c2sp.org/XAES-256-GCM',
					  '\x986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'),
	'XAES-256-GCM'::bytea, 'the second vector opens');
SELECT is(reader.open(decode(repeat('03', 32), 'hex'), 'ABCDEFGHIJKLMNOPQRSTUVWX', 'c2sp.org/XAES-256-GCN',
					  '\x986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'),
	NULL::bytea, 'and not with other additional data');
SELECT is(reader.canonical('{"b": "1", "aa": "\u00fc"}'),
	'\x0002000261610002c3bc000162000131'::bytea, 'pairs stand in the order of their bytes');
SELECT is(reader.canonical('{}'), ''::bytea, 'an empty context is nothing');

/* ---- from the server's root key down to the material ---- */

CREATE TEMPORARY TABLE root AS
	SELECT decode(trim(E' \n' FROM pg_read_file(current_setting('kms.root_key_file'))), 'hex') AS key;

SELECT is((SELECT encode(reader.hkdf_expand(key, 'kms root key id', 8), 'hex') FROM root),
	(SELECT root_key_id FROM kms.status), 'id of the root key');

CREATE TEMPORARY TABLE domain AS
	SELECT d.account_id, d.version,
		   reader.unwrap(reader.hkdf_expand(r.key, 'kms domain key wrapping', 32),
						 'D' || int8send(d.account_id) || int4send(d.version), d.wrapped) AS key
	  FROM root r, kms.domain_key d;

SELECT is((SELECT length(key) FROM domain), 32, 'the domain key opens');

CREATE TEMPORARY TABLE spec (format integer, name text, key_length integer, key_id uuid);
INSERT INTO spec VALUES (1, 'Aliyun_AES_256', 32), (2, 'Aliyun_AES_192', 24), (3, 'Aliyun_AES_128', 16);
UPDATE spec SET key_id = kms_create_key(name);

CREATE TEMPORARY VIEW place AS
	SELECT s.format, v.id AS version_id, v.wrapped, v.account_id, v.domain_key_version,
		   'V' || int8send(v.account_id) || int4send(v.domain_key_version) || uuid_send(k.id) || uuid_send(v.id) ||
		   reader.short_name(k.spec) || reader.short_name(k.usage) || reader.short_name(k.origin) AS additional
	  FROM spec s JOIN kms.key k ON k.id = s.key_id JOIN kms.key_version v ON v.id = k.primary_version;

CREATE TEMPORARY TABLE material AS
	SELECT p.format, p.version_id,
		   reader.unwrap(reader.hkdf_expand(d.key, 'kms material wrapping', 32), p.additional, p.wrapped) AS key
	  FROM place p JOIN domain d ON d.account_id = p.account_id AND d.version = p.domain_key_version;

SELECT is(length(m.key), s.key_length, s.name || ': the material opens')
  FROM spec s JOIN material m USING (format) ORDER BY format;

/* ---- ciphertext ---- */

CREATE TEMPORARY TABLE message AS
	SELECT s.format, s.name, p.plaintext, c.context, kms_encrypt(s.key_id::text, p.plaintext, c.context) AS blob
	  FROM spec s,
		   LATERAL (VALUES (1, ''::bytea), (2, 'sixteen bytes...'), (3, 'Grüße, and more than two blocks')) p (n, plaintext),
		   LATERAL (VALUES (1, NULL::jsonb), (2, '{}'), (3, '{"table": "customer", "id": "42", "": "€"}')) c (n, context)
	 WHERE p.n = c.n;

SELECT ok(bool_and(get_byte(blob, 0) = format), name || ': the format comes first')
  FROM message GROUP BY format, name ORDER BY format;
SELECT ok(bool_and(substr(m.blob, 2, 16) = uuid_send(v.version_id)), name || ': then the key version id')
  FROM message m JOIN material v USING (format) GROUP BY format, name ORDER BY format;
SELECT ok(count(DISTINCT substr(blob, 18, 24)) = 3, name || ': then a nonce of its own')
  FROM message GROUP BY format, name ORDER BY format;
SELECT ok(bool_and(length(blob) = length(plaintext) + 57), name || ': 57 bytes more than the plaintext')
  FROM message GROUP BY format, name ORDER BY format;
SELECT ok(bool_and(reader.open_blob(v.key, reader.canonical(context), blob) = plaintext),
	name || ': a reader with the material opens it')
  FROM message m JOIN material v USING (format) GROUP BY format, name ORDER BY format;
SELECT ok(bool_and(i.key_version_id = v.version_id AND i.plaintext_length = length(m.plaintext) AND
				   i.format = CASE m.format WHEN 1 THEN 'XAES-256-GCM' WHEN 2 THEN 'AES-192-GCM' ELSE 'AES-128-GCM' END),
	name || ': kms_ciphertext_info says the same')
  FROM message m JOIN material v USING (format), LATERAL kms_ciphertext_info(m.blob) i
 GROUP BY m.format, m.name ORDER BY m.format;
SELECT is((SELECT count(*) FROM message m JOIN material v USING (format)
			WHERE reader.open_blob(v.key, reader.canonical('{"id": "43"}'), m.blob) IS NOT NULL), 0::bigint,
	'none opens in another context');
SELECT is((SELECT string_agg(length(kms_encrypt(key_id::text, 'Grüße'::text)) - 57 || '', ',') FROM spec),
	'7,7,7', 'a text is its UTF-8');

/* ---- a value of a secret ---- */

CREATE FUNCTION reader.column(value bytea) RETURNS bytea IMMUTABLE
	RETURN coalesce('B'::bytea || int4send(length(value)) || value, 'N');

CREATE FUNCTION reader.number(value bigint) RETURNS bytea IMMUTABLE
	RETURN 'I'::bytea || int8send(value);

/* An envelope of one chunk: the data key, then the chunk under it. */
CREATE FUNCTION reader.open_envelope(material bytea, additional bytea, envelope bytea) RETURNS bytea IMMUTABLE
	RETURN reader.open(reader.open(material, substr(envelope, 18, 24), substr(envelope, 1, 41) || additional, substr(envelope, 42, 48)),
					   reader.zeros(23) || '\x01', '', substr(envelope, 90));

SELECT is((kms_create_secret('kms_test/formats', 'v1', 'Grüße', encryption_key_id => key_id::text)).version_id, 'v1', 'a secret is made')
  FROM spec WHERE format = 1;

CREATE TEMPORARY TABLE secret_value AS
	SELECT v.value, m.key AS material,
		   int4send(14) || 'secret version'::bytea || 'U'::bytea || uuid_send(v.secret_id) ||
		   reader.column(convert_to(v.id, 'UTF8')) ||
		   'I'::bytea || timestamptz_send(v.created_at) ||
		   reader.number((v.data_type = 'binary')::integer) || reader.column(convert_to(v.role_name, 'UTF8')) AS record
	  FROM kms.secret s JOIN kms.secret_version v ON v.secret_id = s.id CROSS JOIN material m
	 WHERE s.name = 'kms_test/formats' AND m.format = 1;

SELECT is((SELECT convert_from(reader.open_envelope(material, record, value), 'UTF8') FROM secret_value), 'Grüße',
	'a reader with the material and the row opens its value');
SELECT is((SELECT count(*) FROM secret_value WHERE reader.open_envelope(material, '', value) IS NOT NULL), 0::bigint,
	'without the row nobody does');

SELECT * FROM finish();
ROLLBACK;
