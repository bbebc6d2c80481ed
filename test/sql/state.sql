-- What each state of a key allows, cell by cell: generated from one table of data.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(292);
\set operations :here /sql/include/operations.psql
\i :operations

CREATE TEMP TABLE code (api_code text, sqlstate text);
INSERT INTO code VALUES ('Rejected.StateModifiedFailed', '55000'), ('Rejected.Disabled', '55000'), ('Rejected.PendingDeletion', '55000'),
	('Rejected.PendingImport', '55000'), ('Rejected.UnsupportedOperation', '0A000'), ('UnsupportedOperation', '0A000');

SELECT is(pg_temp.operate(o, s),
		  CASE WHEN cell.code = 'fine' THEN 'fine, ' || coalesce(o.becomes, s.state) WHEN cell.code LIKE 'fine, %' THEN cell.code ELSE code.sqlstate || '|' || cell.code || ', ' || s.state END,
		  format('%s, %s: %s', o.name, s.state, cell.code))
  FROM operation o CROSS JOIN subject s CROSS JOIN LATERAL (SELECT to_jsonb(o) ->> s.state AS code) cell
  LEFT JOIN code ON code.api_code = cell.code
 WHERE s.state <> 'another' AND CASE s.state WHEN 'PendingImport' THEN true ELSE s.kind = o.kind AND s.external = o.external END
 ORDER BY o.n, array_position(ARRAY['Enabled', 'Disabled', 'PendingDeletion', 'PendingImport'], s.state);

/* The data speaks of every function that takes a key or what a key has made. */
SELECT is_empty($$SELECT p.proname FROM pg_proc p
				   WHERE p.proname ~ '^kms_' AND p.pronamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'kms')
					 AND p.proargnames && '{key_id,destination_key_id,ciphertext_blob,alias_name}'
					 /* Looks at the ciphertext alone, and tells whose it is in any state. */
					 AND p.proname <> 'kms_ciphertext_info'
					 /* Takes what was encrypted for a certificate, which has a status of its own. */
					 AND p.proname <> 'kms_certificate_private_key_decrypt'
					 AND NOT EXISTS (SELECT FROM operation o WHERE o.statement ~ ('\m' || p.proname || '\('))$$,
				'every function that is about a key has its row');
SELECT is_empty('SELECT name FROM operation WHERE "Enabled" IS NULL OR "Disabled" IS NULL OR "PendingDeletion" IS NULL OR "PendingImport" IS NULL', 'no cell is empty');

/* The states stand in the table of keys; nothing else may. */
SELECT is(pg_temp.verdict('SELECT kms_describe_key(%L)', key_id), 'fine', 'in the end the key that is ' || state || ' is there')
  FROM subject WHERE state <> 'another' AND external = (state = 'PendingImport') AND kind = 'cipher' ORDER BY state;
SELECT is((kms_describe_key(key_id)).key_state, state, 'and in the state it was: ' || state)
  FROM subject WHERE state <> 'another' AND external = (state = 'PendingImport') AND kind = 'cipher' ORDER BY state;
SELECT is(kms_decrypt_text(blob::bytea), 'x', 'and what it encrypted opens') FROM subject WHERE state = 'Enabled' AND kind = 'cipher' AND NOT external;

/* Material is imported for keys of external origin only, whatever the state. */
SELECT is(pg_temp.operate(o, s), '0A000|Unsupported.Origin, ' || s.state, format('%s, %s, not of external origin: Unsupported.Origin', o.name, s.state))
  FROM operation o CROSS JOIN subject s WHERE o.name IN ('GetParametersForImport', 'ImportKeyMaterial', 'DeleteKeyMaterial') AND NOT s.external AND s.state <> 'another'
 ORDER BY o.n, s.state;
/* Without its material a key does not become enabled. */
SELECT is(pg_temp.outcome(format('SELECT kms_delete_key_material(%1$L), kms_cancel_key_deletion(%1$L)', key_id), key_id::uuid), 'fine, PendingImport',
		  'a key that lost its material while it was pending deletion waits for it when that is cancelled')
  FROM subject WHERE state = 'PendingDeletion' AND external;
SELECT is(pg_temp.outcome(format('SELECT kms_schedule_key_deletion(%1$L, 7), kms_cancel_key_deletion(%1$L)', key_id), key_id::uuid), 'fine, PendingImport',
		  'so does one that lost it before')
  FROM subject WHERE state = 'PendingImport';

/* Lists and new keys do not depend on any state. */
SELECT is((SELECT count(*) FROM kms_list_keys() k JOIN subject s ON k.key_id::text = s.key_id), (SELECT count(*) FROM subject), 'keys in every state are listed'),
	   is((SELECT count(*) FROM kms_list_aliases() a JOIN subject s ON a.key_id::text = s.key_id), (SELECT count(*) FROM subject), 'and their aliases'),
	   is(pg_temp.verdict('SELECT kms_create_key()'), 'fine', 'and new keys are made');

/* Twice is once for enabling and disabling, and an error for scheduling and cancelling. */
SELECT is(pg_temp.outcome(format('SELECT kms_enable_key(%1$L), kms_enable_key(%1$L)', key_id), key_id::uuid), 'fine, Enabled', 'an enabled key is enabled again'),
	   is(pg_temp.outcome(format('SELECT kms_disable_key(%1$L), kms_disable_key(%1$L)', key_id), key_id::uuid), 'fine, Disabled', 'a disabled key is disabled again'),
	   is(pg_temp.outcome(format('SELECT kms_schedule_key_deletion(%1$L, 7), kms_schedule_key_deletion(%1$L, 8)', key_id), key_id::uuid), '55000|Rejected.StateModifiedFailed, Enabled',
		  'a deletion is not scheduled twice'),
	   is(pg_temp.outcome(format('SELECT kms_schedule_key_deletion(%1$L, 7), kms_cancel_key_deletion(%1$L), kms_cancel_key_deletion(%1$L)', key_id), key_id::uuid),
		  '55000|Rejected.StateModifiedFailed, Enabled', 'nor cancelled twice')
  FROM subject WHERE state = 'Enabled' AND kind = 'cipher' AND NOT external;

SELECT * FROM finish();
ROLLBACK;
