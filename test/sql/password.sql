-- Random passwords.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(93);

/* The four types, as the arguments name them; with all of them, the characters of a password. */
CREATE TEMP TABLE type (n serial, name text, characters text);
INSERT INTO type (name, characters) VALUES
	('lowercase', 'abcdefghijklmnopqrstuvwxyz'), ('uppercase', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'), ('numbers', '0123456789'),
	('punctuation', $$!"#$%&'()*+,-./:;<=>?@[\]^_{|}~$$);
SELECT string_agg(characters, '' ORDER BY n) AS everything FROM type \gset
/* The types that a password has, in their order. */
CREATE FUNCTION pg_temp.types_in(password text) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(name, ', ' ORDER BY n) FROM type WHERE translate(password, characters, '') <> password $$;
SELECT is(length(:'everything'), 93, 'a password is made of 93 characters');

-- ---- lengths --------------------------------------------------------------

SELECT is(length(kms_get_random_password()), 32, 'a password has 32 characters');
SELECT is((SELECT count(*) FROM generate_series(8, 128) n WHERE length(kms_get_random_password(n)) = n AND length(kms_get_random_password(n, require_each_included_type => true)) = n), 121::bigint,
		  'or 8 to 128');
SELECT is(pg_temp.complaint('SELECT kms_get_random_password(%s)', length), '22023|InvalidParameter|invalid value for password_length: it must be 8 to 128',
		  format('there is no password of %s characters', length))
  FROM unnest(ARRAY['7', '0', '-1', '-8', '129', '2147483647', '-2147483648', '65544']) length;

-- ---- characters -----------------------------------------------------------

SELECT is((SELECT string_agg(DISTINCT c, '' ORDER BY c) FROM (SELECT kms_get_random_password(128) AS p FROM generate_series(1, 1000) OFFSET 0) t, regexp_split_to_table(p, '') c),
		  (SELECT string_agg(c, '' ORDER BY c) FROM regexp_split_to_table(:'everything', '') c), 'every one of the 93 characters occurs, and no other');
/* 1,280,000 characters: 13,763 of each, give or take nine times 117. */
SELECT is_empty($$SELECT c, count(*) FROM (SELECT kms_get_random_password(128) AS p FROM generate_series(1, 10000) OFFSET 0) t, regexp_split_to_table(p, '') c
				   GROUP BY c HAVING count(*) NOT BETWEEN 12707 AND 14819$$, 'and equally often');
SELECT is((SELECT count(DISTINCT kms_get_random_password(10)) FROM generate_series(1, 10000)), 10000::bigint, 'ten thousand passwords are all different'),
	   is((SELECT count(DISTINCT p) FROM (SELECT kms_get_random_password() AS p FROM generate_series(1, 3)) t), 3::bigint, 'also in one statement');
/* What types count passwords have: each of them, or all together. */
CREATE FUNCTION pg_temp.types_of(count integer, length integer, lower boolean, upper boolean, numbers boolean, punctuation boolean, each boolean) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN each THEN string_agg(DISTINCT pg_temp.types_in(p), '; ') ELSE pg_temp.types_in(string_agg(p, '')) END
	 FROM (SELECT kms_get_random_password(length, '', lower, upper, numbers, punctuation, each) AS p FROM generate_series(1, count) OFFSET 0) t $$;
SELECT is(pg_temp.types_of(10, 128, lower, upper, numbers, punctuation, false), wanted, 'passwords have ' || wanted || ' where the rest is excluded'),
	   is(pg_temp.types_of(100, 8, lower, upper, numbers, punctuation, true), wanted, 'and each of them, if required, in 8 characters')
  FROM (SELECT lower, upper, numbers, punctuation, concat_ws(', ', CASE WHEN NOT lower THEN 'lowercase' END, CASE WHEN NOT upper THEN 'uppercase' END,
																	CASE WHEN NOT numbers THEN 'numbers' END, CASE WHEN NOT punctuation THEN 'punctuation' END) AS wanted
		  FROM (VALUES (false), (true)) a (lower), (VALUES (false), (true)) b (upper), (VALUES (false), (true)) c (numbers), (VALUES (false), (true)) d (punctuation)
		 WHERE NOT (lower AND upper AND numbers AND punctuation) ORDER BY 1, 2, 3, 4 OFFSET 0) t;
SELECT is((SELECT count(*) FROM generate_series(1, 1000) WHERE pg_temp.types_in(kms_get_random_password(8)) <> 'lowercase, uppercase, numbers, punctuation') > 0, true,
		  'a type that is not required may be missing');

-- ---- excluded characters --------------------------------------------------

SELECT is((SELECT count(*) FROM regexp_split_to_table(:'everything', '') c, generate_series(1, 20) WHERE strpos(kms_get_random_password(128, c), c) > 0), 0::bigint,
		  'an excluded character does not occur, whichever it is');
SELECT is((SELECT count(*) FROM regexp_split_to_table(:'everything', '') c WHERE kms_get_random_password(8, replace(:'everything', c, '')) = repeat(c, 8)), 93::bigint,
		  'the one that is left makes the password');
SELECT is((SELECT string_agg(DISTINCT translate(kms_get_random_password(128, repeat('Il1O0', 1000)), :'everything', ''), '') FROM generate_series(1, 100)), '',
		  'characters may be excluded more than once'),
	   is((SELECT count(*) FROM generate_series(1, 100) WHERE kms_get_random_password(128, repeat('Il1O0', 1000)) ~ '[Il1O0]'), 0::bigint, 'and do not occur');
SELECT is((SELECT string_agg(DISTINCT c, '' ORDER BY c)
			 FROM (SELECT kms_get_random_password(128, 'abc', exclude_uppercase => true, exclude_numbers => true, exclude_punctuation => true) AS p FROM generate_series(1, 100) OFFSET 0) t, regexp_split_to_table(p, '') c),
		  'defghijklmnopqrstuvwxyz', 'characters and types may be excluded together');
SELECT is((SELECT count(*) FROM generate_series(1, 1000) WHERE kms_get_random_password(8, translate(:'everything', 'aA0' || (SELECT characters FROM type WHERE name = 'punctuation'), ''), require_each_included_type => true) ~ '^(?=.*a)(?=.*A)(?=.*0)(?=.*[^aA0])'),
		  1000::bigint, 'of a required type one character is enough');
SELECT is(pg_temp.complaint('SELECT kms_get_random_password(exclude_characters => %L)', characters),
		  '22023|InvalidParameter|invalid value for exclude_characters: it takes letters, digits and punctuation of ASCII, but no back-quote', what || ' cannot be excluded')
  FROM (VALUES ('`', 'a back-quote'), (' ', 'a blank'), ('abc ', 'a blank behind others'), (E'\n', 'a line break'), (E'\x7f', 'a control character'), ('ä', 'a letter beyond ASCII'), ('a€b', 'a sign beyond ASCII'),
			   (repeat('a', 1000000) || ' ', 'a blank behind a million')) t (characters, what);

-- ---- nothing left ---------------------------------------------------------

SELECT is(pg_temp.complaint('SELECT kms_get_random_password(8, %L, true, true, true, true, %L)', characters, each),
		  '22023|InvalidParameter|invalid value for exclude_punctuation: one of the four types must be included', format('without all four types there is no password (%L, %s)', characters, each))
  FROM (VALUES ('', 'false'), ('', 'true'), ('abc', 'false')) t (characters, each);
SELECT is(pg_temp.complaint('SELECT kms_get_random_password(8, %L)', :'everything'), '22023|InvalidParameter|invalid value for exclude_characters: it leaves no character', 'nor without all characters'),
	   is(pg_temp.complaint('SELECT kms_get_random_password(8, %L, exclude_lowercase => true, exclude_numbers => true, exclude_punctuation => true)', (SELECT characters FROM type WHERE name = 'uppercase')),
		  '22023|InvalidParameter|invalid value for exclude_characters: it leaves no character', 'nor without those of the types that are left');
SELECT is(pg_temp.complaint('SELECT kms_get_random_password(8, %L, require_each_included_type => true)', characters),
		  '22023|InvalidParameter|invalid value for exclude_characters: it leaves no character of a type that is included', name || ' cannot be required and every character of them excluded'),
	   is(pg_temp.verdict('SELECT kms_get_random_password(8, %L)', characters), 'fine', 'they can where they are not required'),
	   is(pg_temp.verdict(format('SELECT kms_get_random_password(8, %%L, exclude_%s => true, require_each_included_type => true)', name), characters), 'fine', 'or excluded, too')
  FROM (SELECT * FROM type ORDER BY n OFFSET 0) t;

-- ---- arguments ------------------------------------------------------------

SELECT is(pg_temp.complaint(format('SELECT kms_get_random_password(%I => NULL)', argument)), '22004|MissingParameter|' || argument || ' must not be null', argument || ' may be left out, but not be null')
  FROM unnest('{password_length,exclude_characters,exclude_lowercase,exclude_uppercase,exclude_numbers,exclude_punctuation,require_each_included_type}'::text[]) argument;
SELECT is(pg_temp.complaint('SELECT kms_get_random_password(1, NULL)'), '22004|MissingParameter|exclude_characters must not be null', 'what is missing is said before what is wrong');
SELECT is(pg_temp.verdict('SELECT kms_get_random_password(%s)', length), '42883|', length || ' is no length') FROM unnest(ARRAY['8.5', '5000000000', 'true']) length;
SELECT is(count(*), 0::bigint, 'no error repeats an argument')
  FROM unnest(ARRAY['65544', '32, ''secret ''', '8, ''abcdefghijklmnopqrstuvwxyz'', require_each_included_type => true']) arguments
 WHERE pg_temp.complaint('SELECT kms_get_random_password(%s)', arguments) ~ '65544|secret|abcdef';

-- ---- who, and where -------------------------------------------------------

CREATE ROLE kms_test_stranger;
SELECT is(pg_temp.verdict_as('kms_test_stranger', 'SELECT kms_get_random_password()'), 'fine', 'everybody may have a password');
SAVEPOINT writable;
SET TRANSACTION READ ONLY;
SELECT is(pg_temp.verdict('SELECT kms_get_random_password()'), 'fine', 'also in a read-only transaction');
ROLLBACK TO writable;
CREATE FUNCTION pg_temp.fail_often(times integer) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
	failed integer = 0;
BEGIN
	FOR n IN 1 .. times LOOP
		BEGIN
			PERFORM kms_get_random_password(32, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', require_each_included_type => n % 2 = 0);
		EXCEPTION WHEN invalid_parameter_value THEN
			failed = failed + 1;
		END;
	END LOOP;
	RETURN failed;
END
$$;
SELECT is(pg_temp.fail_often(2000), 1000, 'errors in a loop can be caught'),
	   is(length(kms_get_random_password()), 32, 'and there are passwords afterwards');

SELECT * FROM finish();
ROLLBACK;
