-- kms_call behind an HTTP gateway: the SQL that PostgREST sends, for the roles of docs/api-compatibility.md.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(15);

-- ---- as the page has it ---------------------------------------------------

CREATE ROLE kms_test_gate NOINHERIT LOGIN;
CREATE ROLE kms_test_gate_app;
CREATE ROLE kms_test_gate_anonymous;
GRANT kms_test_gate_app, kms_test_gate_anonymous TO kms_test_gate;
CREATE SCHEMA kms_test_gate;
CREATE FUNCTION kms_test_gate.kms_call(action text, request jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql VOLATILE
	AS 'SELECT public.kms_call(action, request)';
REVOKE EXECUTE ON FUNCTION kms_test_gate.kms_call(text, jsonb) FROM PUBLIC;
GRANT USAGE ON SCHEMA kms_test_gate TO kms_test_gate_app;
GRANT EXECUTE ON FUNCTION kms_test_gate.kms_call(text, jsonb) TO kms_test_gate_app;

SELECT kms_create_key() AS key \gset
SELECT kms_create_alias(:'key', 'alias/gate'), kms_grant('alias/gate', 'kms_test_gate_app', '{Encrypt,Decrypt}') \g /dev/null

-- ---- a request ------------------------------------------------------------

/*
 * What POST /rpc/kms_call becomes: settings of the transaction, then one statement with the
 * body as its parameter.  The role of a request is that of its token.
 */
SET SESSION AUTHORIZATION kms_test_gate;
CREATE FUNCTION pg_temp.begin_request(as_role text) RETURNS void LANGUAGE sql AS
$$
SELECT set_config('search_path', '"kms_test_gate", "public"', true), set_config('role', as_role, true), set_config('request.jwt.claims', json_build_object('role', as_role)::text, true),
	   set_config('request.method', 'POST', true), set_config('request.path', '/rpc/kms_call', true), set_config('request.headers', '{"content-type": "application/json"}', true), set_config('request.cookies', '{}', true)
$$;
CREATE FUNCTION pg_temp.post(as_role text, body text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	answer text;
	code text;
BEGIN
	PERFORM pg_temp.begin_request(as_role);
	EXECUTE 'WITH source AS (
		SELECT called.answer
		  FROM (SELECT $1 AS body) payload,
			   LATERAL (SELECT action, request FROM json_to_record(payload.body) AS field (action text, request jsonb) LIMIT 1) argument,
			   LATERAL (SELECT kms_test_gate.kms_call(action := argument.action, request := argument.request) AS answer) called)
		SELECT coalesce(json_agg(source.answer) -> 0, ''null'')::text FROM source' INTO answer USING body::json;
	PERFORM set_config('role', 'none', true);
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = PG_EXCEPTION_DETAIL;
	RETURN concat(SQLSTATE, '|', code);
END
$$;

SELECT pg_temp.post('kms_test_gate_app', '{"action": "Encrypt", "request": {"KeyId": "alias/gate", "Plaintext": "eA=="}}') AS encrypted \gset
SELECT ok((:'encrypted'::jsonb) ?& '{CiphertextBlob,KeyId,KeyVersionId,RequestId}', 'a role that was granted it encrypts'),
	   is((:'encrypted'::jsonb) ->> 'KeyId', :'key', 'the body of the response is the answer'),
	   is((pg_temp.post('kms_test_gate_app', json_build_object('action', 'Decrypt', 'request', json_build_object('CiphertextBlob', (:'encrypted'::jsonb) ->> 'CiphertextBlob'))::text)::jsonb) ->> 'Plaintext', 'eA==', 'and decrypts'),
	   is(pg_temp.post('kms_test_gate_app', '{"action": "Encrypt", "request": {"KeyId": "alias/gate", "Plaintext": "e"}}'), '22023|InvalidParameter', 'an error has the code in its DETAIL'),
	   is(pg_temp.post('kms_test_gate_app', '{"action": "Encrypt", "request": {"KeyId": "alias/none", "Plaintext": "eA=="}}'), '42704|Forbidden.AliasNotFound', 'what is not found'),
	   is(pg_temp.post('kms_test_gate_app', '{"action": "DescribeKey", "request": {"KeyId": "alias/gate"}}'), '42501|Forbidden.NoPermission', 'what was not granted'),
	   is(pg_temp.post('kms_test_gate_app', '{"action": "CreateKey", "request": {}}'), '42501|Forbidden.NoPermission', 'what needs EXECUTE'),
	   is(pg_temp.post('kms_test_gate_app', '{"action": "Encrypt", "request": null}'), '22004|MissingParameter', 'a request that is null is missing'),
	   is(pg_temp.post('kms_test_gate_app', '{"action": "Encrypt", "request": "x"}'), '22023|InvalidParameter', 'one that is no object is none'),
	   is(pg_temp.post('kms_test_gate_anonymous', '{"action": "DescribeRegions", "request": {}}'), '42501|', 'a request without a token does not reach the function'),
	   is(pg_temp.post('postgres', '{"action": "DescribeRegions", "request": {}}'), '42501|', 'a token cannot name a role that the gateway is no member of');
SELECT is(current_user, 'kms_test_gate', 'after an error the gateway is what it was');
RESET SESSION AUTHORIZATION;
SELECT kms_disable_key(:'key') \g /dev/null
SET SESSION AUTHORIZATION kms_test_gate;
SELECT is(pg_temp.post('kms_test_gate_app', '{"action": "Encrypt", "request": {"KeyId": "alias/gate", "Plaintext": "eA=="}}'), '55000|Rejected.Disabled', 'a key that was disabled encrypts no more');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'kms_test_gate'::regnamespace), 1::bigint, 'nothing but kms_call is behind the gateway');
SET LOCAL transaction_read_only = on;
SELECT is(pg_temp.verdict('SELECT kms_call(%L)', 'CreateKey'), '25006|UnsupportedOperation', 'in the read-only transaction of a GET nothing is changed');

SELECT * FROM finish();
ROLLBACK;
