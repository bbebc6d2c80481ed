-- kms_call against the API's documents: the table of actions, and every field of every response.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(17);
\set call :here /sql/include/call.psql
\i :call

-- ---- the table ------------------------------------------------------------

/* Why a documented field is not served: these words of the reference. */
CREATE TEMP TABLE absence (absent text, why text);
INSERT INTO absence VALUES
	('instance', 'there are no KMS instances in a database'),
	('cloud', 'no cloud service owns a secret'),
	('recipient', 'nothing is encrypted for an attested environment'),
	('policy', 'grants take the place of policies'),
	('import', 'private keys of certificates are not imported'),
	('older', 'the summary has taken its place'),
	('elsewhere', 'GetCertificate has it'),
	('clear', 'a private key does not leave in clear'),
	('element', 'it stands in an array that is made as a whole');
SELECT set_eq('SELECT DISTINCT absent FROM reference WHERE absent IS NOT NULL', 'SELECT absent FROM absence', 'what is left out is left out for a reason');
SELECT set_eq('SELECT DISTINCT action FROM kms.api()', 'SELECT DISTINCT action FROM reference', 'the actions are those of the documents');
SELECT bag_eq($$SELECT action, field, CASE type WHEN 'string or Base64' THEN 'string' ELSE type END, required FROM kms.api() WHERE direction = 'request'$$,
			  $$SELECT action, field, type, required FROM reference WHERE direction = 'request'$$, 'requests have the documented fields, of their types, required or not');
SELECT bag_eq($$SELECT action, field, CASE WHEN type ~ '^array' THEN 'array' WHEN type IN ('boolean', 'integer') THEN type ELSE 'string' END FROM kms.api() WHERE direction = 'response'$$,
			  $$SELECT action, field, type FROM reference WHERE direction = 'response' AND absent IS NULL$$, 'responses have the documented fields, of their JSON types');

-- ---- every field of every response ----------------------------------------

CREATE TEMP TABLE seen AS
	SELECT r.n, r.action, p.path, p.type, p.value FROM request r CROSS JOIN LATERAL (SELECT pg_temp.answer(r.action, r.request) AS document OFFSET 0) answered CROSS JOIN LATERAL pg_temp.paths(document) p;
SELECT set_eq('SELECT action FROM request', $$SELECT action FROM kms.api() WHERE action !~ 'Certificate|SecretPolicy' AND action <> 'OpenKmsService'$$, 'every action is tried, but for certificates, which have a test of their own');
SELECT is_empty($$SELECT DISTINCT s.action, s.path, s.type FROM seen s
				   WHERE s.type <> 'object' AND NOT EXISTS (SELECT FROM reference f WHERE f.direction = 'response' AND f.action = s.action AND f.field = s.path AND f.type = s.type AND (f.absent IS NULL OR f.absent = 'element'))$$,
				'responses hold nothing but documented fields, each of the documented JSON type');
SELECT is_empty($$SELECT r.n, r.action, f.field FROM request r JOIN kms.api() f ON f.action = r.action AND f.direction = 'response' AND f.required
				   WHERE f.field !~ '\[\]\.' AND NOT EXISTS (SELECT FROM seen s WHERE s.n = r.n AND s.path = f.field)$$, 'what is always there is there in every response');
/* A new key cannot have these yet. */
SELECT set_eq($$SELECT f.action, f.field FROM kms.api() f WHERE f.direction = 'response' AND f.action IN (SELECT action FROM request) AND NOT EXISTS (SELECT FROM seen s WHERE s.action = f.action AND s.path = f.field)$$,
			  $$VALUES ('CreateKey', 'KeyMetadata.MaterialExpireTime'), ('CreateKey', 'KeyMetadata.DeleteDate')$$, 'every documented field was seen');
/* Plans are kept: from the sixth time on they may be general ones. */
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is_empty('SELECT action, request FROM request WHERE pg_temp.outcome(action, request) <> ''fine''', 'with general plans every action goes on working');
RESET plan_cache_mode;
CREATE TEMP TABLE form (type text, pattern text);
INSERT INTO form VALUES
	('UTC time', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$'), ('interval', '^[1-9]\d*s$'), ('Base64', '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'), ('JSON text', '^\{.*\}$');
SELECT is_empty(format($$SELECT s.action, s.path, s.value FROM seen s JOIN kms.api() f ON f.direction = 'response' AND f.action = s.action AND f.field = s.path WHERE f.type = %L AND s.value !~ %L$$, type, pattern),
				format('every %s looks like one', type)) FROM form;
SELECT is_empty($$SELECT value FROM seen WHERE path = 'RequestId' AND value !~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'$$, 'a RequestId is a random UUID in lower case'),
	   is((SELECT count(DISTINCT value) FROM seen WHERE path = 'RequestId'), (SELECT count(*) FROM request), 'and another for each response');
SELECT is_empty($$SELECT action, path, value FROM seen WHERE path ~ '(^|\.)KeyId$' AND value !~ '^[0-9a-f-]{36}$'$$, 'a KeyId is the id, also where an alias was given'),
	   is_empty($$SELECT action, path, value FROM seen WHERE path ~ '(^|\.)SecretName$' AND value !~ '^call/'$$, 'and a SecretName the name');
SELECT * FROM finish();
ROLLBACK;
