-- Random jsonb as encryption contexts: what is no object of strings is refused, and
-- what was sealed with one opens with another if and only if jsonb calls them equal.
-- Random bytes as import tokens: all are refused, whatever the material.
CREATE EXTENSION kms;

-- Few parts, so that "ab": "c" meets "a": "bc"; and some lengths that take two bytes.
CREATE FUNCTION pg_temp.some_text() RETURNS text LANGUAGE sql VOLATILE AS
$$
SELECT coalesce(string_agg(CASE WHEN random() < 0.02 THEN repeat('x', (random() * 5000)::int)
								ELSE (ARRAY['a', 'b', 'ab', '"', '\', 'ü', '€', '😀', ' ', ':'])[ceil(random() * 10)] END, ''), '')
  FROM generate_series(1, (random() * 3)::int)
$$;

CREATE FUNCTION pg_temp.some_value() RETURNS jsonb LANGUAGE sql VOLATILE AS
$$
SELECT CASE WHEN random() < 0.97 THEN to_jsonb(pg_temp.some_text())
			ELSE ('[null, 1, true, [], {}, ["a"], {"a": "b"}]'::jsonb)[floor(random() * 7)::int] END
$$;

CREATE FUNCTION pg_temp.some_context() RETURNS jsonb LANGUAGE sql VOLATILE AS
$$
SELECT CASE WHEN random() < 0.02 THEN NULL WHEN random() < 0.02 THEN pg_temp.some_value()
			ELSE (SELECT coalesce(jsonb_object_agg(pg_temp.some_text(), pg_temp.some_value()), '{}')
					FROM generate_series(1, (random() * CASE WHEN random() < 0.05 THEN 300 ELSE 3 END)::int)) END
$$;

-- The same, of the same size, with the border between key and value moved, with another pair.
CREATE FUNCTION pg_temp.neighbour(context jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS
$$
SELECT CASE WHEN random() < 0.3 OR jsonb_typeof(context) <> 'object' THEN context
			WHEN random() < 0.4 THEN replace(context::text, 'a', 'b')::jsonb
			WHEN random() < 0.6 THEN (SELECT jsonb_object_agg(concat(key, left(value, 1)), substr(value, 2)) FROM jsonb_each_text(context))
			ELSE context || jsonb_build_object(pg_temp.some_text(), pg_temp.some_text()) END
$$;

CREATE FUNCTION pg_temp.is_context(context jsonb) RETURNS boolean LANGUAGE sql AS
$$
SELECT coalesce(jsonb_typeof(context) = 'object' AND length(context::text) <= 8192 AND
				NOT jsonb_path_exists(context, 'strict $.* ? (@.type() != "string")', silent => true), true)
$$;

-- Encrypt with a key, decrypt without one; any other error than that of a bad argument ends it all.
CREATE FUNCTION pg_temp.attempt(context jsonb, key_id text, INOUT bytes bytea, OUT taken boolean) LANGUAGE plpgsql AS
$$
BEGIN
	bytes = CASE WHEN key_id IS NULL THEN kms_decrypt(bytes, context) ELSE kms_encrypt(key_id, bytes, context) END;
	taken = true;
EXCEPTION WHEN invalid_parameter_value THEN
	taken = false;
END
$$;

-- A real token, changed, cut or lengthened, or any bytes.
CREATE FUNCTION pg_temp.some_token(token bytea) RETURNS bytea LANGUAGE sql VOLATILE AS
$$
SELECT CASE WHEN random() < 0.3 THEN set_byte(token, n, get_byte(token, n) # (1 + (random() * 254)::int))
			WHEN random() < 0.3 THEN substr(token, 1, n)
			WHEN random() < 0.3 THEN token || kms_generate_random(1 + n)
			ELSE kms_generate_random(17) END
  FROM (SELECT (random() * 16)::int AS n) s
$$;

CREATE FUNCTION pg_temp.refuse_token(key_id text, token bytea) RETURNS void LANGUAGE plpgsql AS
$$
DECLARE
	code text;
BEGIN
	PERFORM kms_import_key_material(key_id, kms_generate_random(256), token);
	RAISE 'token % was taken', token;
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS code = PG_EXCEPTION_DETAIL;
	ASSERT code = 'InvalidImportToken', format('token %s: %s', token, code);
END
$$;

CREATE FUNCTION pg_temp.fuzz(seconds int) RETURNS bigint LANGUAGE plpgsql AS
$$
DECLARE
	until timestamptz = clock_timestamp() + make_interval(secs => seconds);
	key_id text = kms_create_key();
	waiting text = kms_create_key(origin => 'EXTERNAL');
	token bytea = (kms_get_parameters_for_import(waiting)).import_token;
	inputs bigint = 0;
	sealed record;
	opened record;
	a jsonb;
	b jsonb;
BEGIN
	WHILE clock_timestamp() < until LOOP
		PERFORM pg_temp.refuse_token(waiting, pg_temp.some_token(token));
		a = CASE WHEN random() < 0.3 THEN pg_temp.neighbour(a) ELSE pg_temp.some_context() END;
		b = CASE WHEN random() < 0.2 THEN pg_temp.some_context() ELSE pg_temp.neighbour(a) END;
		sealed = pg_temp.attempt(a, key_id, 'x');
		ASSERT sealed.taken = pg_temp.is_context(a), format('seals with %s', a);
		CONTINUE WHEN NOT sealed.taken;
		opened = pg_temp.attempt(b, NULL, sealed.bytes);
		ASSERT opened.taken = (coalesce(a, '{}') = coalesce(b, '{}')), format('sealed with %s, opens with %s', a, b);
		-- A call site remembers its last context: several of them, and back in another order.
		WITH several AS MATERIALIZED (
			SELECT context, kms_encrypt(key_id, 'x'::bytea, context) AS bytes
			  FROM unnest(ARRAY[a, b, pg_temp.neighbour(a), pg_temp.neighbour(a)]) AS context WHERE pg_temp.is_context(context))
		SELECT count(kms_decrypt(bytes, context)) INTO opened FROM (SELECT * FROM several ORDER BY random()) AS mixed;
		inputs = inputs + 1;
	END LOOP;
	RETURN inputs;
END
$$;

SELECT '# inputs: ' || pg_temp.fuzz(:seconds);
