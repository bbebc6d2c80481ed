-- Versions of secrets and their labels: putting, reading, moving, evicting.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(204);

/* "v1{ACSPrevious} v2{ACSCurrent,mine}": the versions from the oldest on, with their labels, as they are listed. */
CREATE FUNCTION pg_temp.versions(secret text, include_deprecated boolean = true) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(version_id || ARRAY(SELECT unnest(version_stages) ORDER BY 1)::text, ' ' ORDER BY create_time) FROM kms_list_secret_version_ids(secret, include_deprecated) $$;
/* A value, by version id or label; else the error. */
CREATE FUNCTION pg_temp.read(secret text, stage text = NULL, id text = NULL) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	api_code text;
BEGIN
	RETURN (kms_get_secret_value(secret, stage, id)).secret_data;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS api_code = PG_EXCEPTION_DETAIL;
	RETURN concat(SQLSTATE, '|', api_code);
END
$$;
/* What a statement comes to, and the versions that it leaves; then it is undone. */
CREATE FUNCTION pg_temp.leaves(secret text, statement text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	verdict text;
BEGIN
	verdict = pg_temp.verdict('%s', statement);
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = verdict || ', ' || pg_temp.versions(secret);
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
END
$$;
\set gone '42704|Forbidden.ResourceNotFound'
\set invalid '22023|InvalidParameter'
\set exists '42710|Rejected.ResourceExist'

-- ---- the worked example ---------------------------------------------------

SELECT is((kms_create_secret('w', 'v1', 'one')).version_id, 'v1', 'step 1: a secret is made with a version');
SELECT is(pg_temp.versions('w'), 'v1{ACSCurrent}', 'which is current'), is(pg_temp.read('w', 'ACSPrevious'), :'gone', 'nothing is previous yet');
SELECT is(kms_put_secret_value('w', 'v2', 'two')::text, '(w,v2,{ACSCurrent})', 'step 2: a second one is put');
SELECT is(pg_temp.versions('w'), 'v1{ACSPrevious} v2{ACSCurrent}', 'it is current, and the first one previous'), is(pg_temp.read('w') || pg_temp.read('w', 'ACSPrevious'), 'twoone', 'each with its value');
SELECT is(kms_put_secret_value('w', 'v3', 'three', '{MyPendingLabel}')::text, '(w,v3,{MyPendingLabel})', 'step 3: a third one with a label of its own');
SELECT is(pg_temp.versions('w'), 'v1{ACSPrevious} v2{ACSCurrent} v3{MyPendingLabel}', 'it leaves the labels of the others alone'), is(pg_temp.read('w'), 'two', 'and does not change what is read'),
	   is(pg_temp.read('w', 'MyPendingLabel'), 'three', 'but is read by its label: step 4 sets that password');
SELECT kms_update_secret_version_stage('w', 'ACSCurrent', move_to_version => 'v3') IS NULL AS ignored \gset
SELECT is(pg_temp.versions('w'), 'v1{} v2{ACSPrevious} v3{ACSCurrent,MyPendingLabel}', 'step 5: the third is made current; the second is previous, the first deprecated, and the label stays');
SELECT is(pg_temp.read('w') || pg_temp.read('w', 'ACSPrevious') || pg_temp.read('w', 'MyPendingLabel'), 'threetwothree', 'and so they are read'), is(pg_temp.read('w', NULL, 'v1'), 'one', 'the deprecated one by its id');
SELECT kms_update_secret_version_stage('w', 'MyPendingLabel', remove_from_version => 'v3') IS NULL AS ignored \gset
SELECT is(pg_temp.versions('w'), 'v1{} v2{ACSPrevious} v3{ACSCurrent}', 'step 6: the label is removed'), is(pg_temp.read('w', 'MyPendingLabel'), :'gone', 'and names nothing any more');
SELECT kms_update_secret_version_stage('w', 'ACSCurrent', move_to_version => 'v2', remove_from_version => 'v3') IS NULL AS ignored \gset
SELECT is(pg_temp.versions('w'), 'v1{} v2{ACSCurrent} v3{ACSPrevious}', 'step 7: back to the second'), is(pg_temp.read('w') || pg_temp.read('w', 'ACSPrevious'), 'twothree', 'with the third as previous');
SELECT updated_at FROM kms.secret WHERE name = 'w' \gset
SELECT is(kms_put_secret_value('w', 'v3', 'three')::text, '(w,v3,{ACSPrevious})', 'step 8: the third put again is ignored, and told with the labels that it has');
SELECT is(pg_temp.versions('w'), 'v1{} v2{ACSCurrent} v3{ACSPrevious}', 'they stay'), is((SELECT update_time FROM kms_describe_secret('w')), :'updated_at', 'nothing has changed');
SELECT is(pg_temp.complaint('SELECT kms_put_secret_value(''w'', ''v3'', ''other'')'), '42710|Rejected.ResourceExist|secret "w" has a version "v3" with another value', 'step 9: with another value it is rejected'),
	   is(pg_temp.hint('SELECT kms_put_secret_value(''w'', ''v3'', ''other'')'), 'A version cannot be changed: give the new value another version id.', 'the way out is hinted at'),
	   is(pg_temp.versions('w'), 'v1{} v2{ACSCurrent} v3{ACSPrevious}', 'nothing changes'), is(pg_temp.read('w', NULL, 'v3'), 'three', 'least of all the value');
SELECT is(pg_temp.complaint('SELECT kms_update_secret_version_stage(''w'', ''ACSPrevious'', remove_from_version => ''v3'')'), '22023|InvalidParameter|invalid value for move_to_version: ACSCurrent and ACSPrevious are never taken away: they need a version to go to', 'step 10: a built-in label needs a new holder'),
	   is(pg_temp.versions('w'), 'v1{} v2{ACSCurrent} v3{ACSPrevious}', 'and stays');
SELECT is(pg_temp.versions('w', false), 'v2{ACSCurrent} v3{ACSPrevious}', 'step 11: the list hides what is deprecated'), is(pg_temp.versions('w', true), 'v1{} v2{ACSCurrent} v3{ACSPrevious}', 'step 12: unless one asks for it');
SELECT kms_create_secret('w2', 'v1', 'one') \g /dev/null
SELECT is(kms_put_secret_value('w2', 'v2', 'two', '{ACSCurrent,ACSNext}')::text, '(w2,v2,"{ACSCurrent,ACSNext}")', 'had step 2 named two labels'), is(pg_temp.versions('w2'), 'v1{ACSPrevious} v2{ACSCurrent,ACSNext}', 'the version would have both');

/* In the list. */
SELECT results_eq('SELECT version_id FROM kms_list_secret_version_ids(''w'', true)', 'VALUES (''v3''), (''v2''), (''v1'')', 'versions are listed from the newest on'),
	   set_eq('SELECT v.version_id, v.create_time FROM kms_list_secret_version_ids(''w'', true) v', 'SELECT version_id::text, create_time FROM kms.secret_versions WHERE secret_name = ''w''', 'with the time when each was made'),
	   set_eq('SELECT v.version_id, v.version_stages FROM kms_list_secret_version_ids(''w'', true) v', 'SELECT version_id::text, version_stages FROM kms.secret_versions WHERE secret_name = ''w''', 'as the view has them'),
	   is((SELECT version_stages FROM kms_list_secret_version_ids('w', true) WHERE version_id = 'v1'), '{}', 'a deprecated one has no label, not null'),
	   is((SELECT count(DISTINCT create_time) FROM kms_list_secret_version_ids('w', true)), 3::bigint, 'no two are of the same age');

-- ---- eviction -------------------------------------------------------------

/* v1 to vN, one after another, with these labels. */
CREATE FUNCTION pg_temp.put(secret text, first integer, last integer, stages text[] = NULL) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	FOR i IN first .. last LOOP
		IF i = 1 THEN
			PERFORM kms_create_secret(secret, 'v1', 'value 1');
		ELSE
			PERFORM kms_put_secret_value(secret, 'v' || i, 'value ' || i, stages);
		END IF;
	END LOOP;
END
$$;
SELECT pg_temp.put('e', 1, 10) IS NULL AS ignored \gset
SELECT is(pg_temp.versions('e'), 'v1{} v2{} v3{} v4{} v5{} v6{} v7{} v8{} v9{ACSPrevious} v10{ACSCurrent}', 'a secret has ten versions'),
	   is((SELECT string_agg(pg_temp.read('e', NULL, 'v' || n), ',' ORDER BY n) FROM generate_series(1, 10) n), (SELECT string_agg('value ' || n, ',' ORDER BY n) FROM generate_series(1, 10) n), 'each of which is read by its id');
SELECT pg_temp.put('e', 11, 11) IS NULL AS ignored \gset
SELECT is(pg_temp.versions('e'), 'v2{} v3{} v4{} v5{} v6{} v7{} v8{} v9{} v10{ACSPrevious} v11{ACSCurrent}', 'the eleventh takes the place of the oldest'),
	   is(pg_temp.read('e', NULL, 'v1'), :'gone', 'which is not found any more'), is(pg_temp.read('e', NULL, 'v2'), 'value 2', 'the others are');
SELECT is(pg_temp.leaves('e', 'SELECT kms_put_secret_value(''e'', ''v1'', ''new'')'), 'fine, v3{} v4{} v5{} v6{} v7{} v8{} v9{} v10{} v11{ACSPrevious} v1{ACSCurrent}', 'its id may be given to another value, which is the newest then'),
	   is(pg_temp.leaves('e', 'SELECT kms_update_secret_version_stage(''e'', ''mine'', ''v1'')'), '42704|Forbidden.ResourceNotFound, v2{} v3{} v4{} v5{} v6{} v7{} v8{} v9{} v10{ACSPrevious} v11{ACSCurrent}', 'but has no label');
SELECT is(pg_temp.leaves('e', 'SELECT kms_put_secret_value(''e'', ''v11'', ''value 11''), kms_put_secret_value(''e'', ''v2'', ''value 2'')'), 'fine, v2{} v3{} v4{} v5{} v6{} v7{} v8{} v9{} v10{ACSPrevious} v11{ACSCurrent}', 'a repetition evicts nothing'),
	   is(pg_temp.leaves('e', 'SELECT kms_put_secret_value(''e'', ''v12'', repeat(''x'', 30721))'), '22023|InvalidParameter, v2{} v3{} v4{} v5{} v6{} v7{} v8{} v9{} v10{ACSPrevious} v11{ACSCurrent}', 'nor does a value that is refused'),
	   is(pg_temp.leaves('e', 'SELECT kms_put_secret_value(''e'', ''v12'', ''x'', ''{a,b,c,d,e,f,g}'')'), '54000|Rejected.LimitExceeded, v2{} v3{} v4{} v5{} v6{} v7{} v8{} v9{} v10{ACSPrevious} v11{ACSCurrent}', 'or labels that are');
SAVEPOINT before;
SELECT kms_update_secret_version_stage('e', 'keep', 'v2'), kms_update_secret_version_stage('e', 'also', 'v4') \g /dev/null
SELECT pg_temp.put('e', 12, 12) IS NULL AS ignored \gset
SELECT is(pg_temp.versions('e'), 'v2{keep} v4{also} v5{} v6{} v7{} v8{} v9{} v10{} v11{ACSPrevious} v12{ACSCurrent}', 'a version with a label stays: the oldest without one goes');
SELECT pg_temp.put('e', 13, 18) IS NULL AS ignored \gset
SELECT is(pg_temp.versions('e'), 'v2{keep} v4{also} v11{} v12{} v13{} v14{} v15{} v16{} v17{ACSPrevious} v18{ACSCurrent}', 'however many come');
SELECT kms_update_secret_version_stage('e', 'keep', remove_from_version => 'v2') IS NULL AS ignored \gset
SELECT pg_temp.put('e', 19, 19) IS NULL AS ignored \gset
SELECT is(pg_temp.versions('e'), 'v4{also} v11{} v12{} v13{} v14{} v15{} v16{} v17{} v18{ACSPrevious} v19{ACSCurrent}', 'until it has lost its label');
SELECT kms_update_secret_version_stage('e', 'ACSCurrent', 'v11') IS NULL AS ignored \gset
SELECT pg_temp.put('e', 20, 20, '{next}') IS NULL AS ignored \gset
SELECT is(pg_temp.versions('e'), 'v4{also} v11{ACSCurrent} v13{} v14{} v15{} v16{} v17{} v18{} v19{ACSPrevious} v20{next}', 'an old version that is current is no victim');
SELECT kms_put_secret_value('e', 'v21', 'x', '{next}') \g /dev/null
SELECT is(pg_temp.versions('e'), 'v4{also} v11{ACSCurrent} v14{} v15{} v16{} v17{} v18{} v19{ACSPrevious} v20{} v21{next}', 'nor one whose label is about to be taken');
ROLLBACK TO before;
/* Eight labels, each on a version of its own: two are left to go. */
SELECT pg_temp.put('f', 1, 2) IS NULL AS ignored \gset
SELECT kms_put_secret_value('f', 'v' || n, 'value ' || n, ARRAY['l' || n]) FROM generate_series(3, 8) n \g /dev/null
SELECT kms_update_secret_version_stage('f', 'l8', remove_from_version => 'v8'), kms_put_secret_value('f', 'v9', 'value 9', '{l9}'), kms_update_secret_version_stage('f', 'l7', remove_from_version => 'v7'), kms_put_secret_value('f', 'v10', 'value 10', '{l10}') \g /dev/null
SELECT is(pg_temp.versions('f'), 'v1{ACSPrevious} v2{ACSCurrent} v3{l3} v4{l4} v5{l5} v6{l6} v7{} v8{} v9{l9} v10{l10}', 'a secret may have ten versions and eight labels');
SELECT kms_put_secret_value('f', 'v11', 'value 11', '{l3}') \g /dev/null
SELECT is(pg_temp.versions('f'), 'v1{ACSPrevious} v2{ACSCurrent} v3{} v4{l4} v5{l5} v6{l6} v8{} v9{l9} v10{l10} v11{l3}', 'then the oldest without a label is one of two');
SELECT kms_put_secret_value('f', 'v12', 'value 12') \g /dev/null
SELECT is(pg_temp.versions('f'), 'v1{} v2{ACSPrevious} v4{l4} v5{l5} v6{l6} v8{} v9{l9} v10{l10} v11{l3} v12{ACSCurrent}', 'and the version that loses its label by this is left');
ROLLBACK TO before;
/* Ten is the number of each secret. */
SELECT is((SELECT count(*) FROM kms_list_secret_version_ids('w', true)), 3::bigint, 'other secrets have theirs'), is((SELECT count(*) FROM kms.secret_version v JOIN kms.secret s ON s.id = v.secret_id WHERE s.name = 'e'), 10::bigint, 'and no row is left of what was evicted');

-- ---- putting again --------------------------------------------------------

SELECT kms_create_secret('i', 'v1', 'one') \g /dev/null
SELECT kms_put_secret_value('i', 'v2', '\x00ff'::bytea, '{mine}'), kms_put_secret_value('i', 'v3', '', '{empty}') \g /dev/null
\set labels 'v1{ACSCurrent} v2{mine} v3{empty}'
SELECT is(pg_temp.leaves('i', statement), expected || ', ' || :'labels', what)
  FROM (VALUES
	(1, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one'')', 'fine', 'the same value is ignored'), (2, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one'', ''{other}'')', 'fine', 'with whatever labels'), (3, 'SELECT kms_put_secret_value(''i'', ''v2'', ''\x00ff''::bytea)', 'fine', 'so that the current version stays the current one'),
	(4, 'SELECT kms_put_secret_value(''i'', ''v2'', ''\x00ff''::bytea, ''{ACSPrevious}'')', 'fine', 'and no label moves'), (5, 'SELECT kms_put_secret_value(''i'', ''v3'', '''')', 'fine', 'an empty value is a value'), (6, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one'', ''{a,b,c,d,e,f,g,h}'')', 'fine', 'even labels that would be too many'),
	(7, 'SELECT kms_put_secret_value(''i'', ''v1'', ''two'')', :'exists', 'another value is refused'), (8, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one '')', :'exists', 'one with a blank'), (9, 'SELECT kms_put_secret_value(''i'', ''v1'', ''On'')', :'exists', 'a shorter one'), (10, 'SELECT kms_put_secret_value(''i'', ''v1'', '''')', :'exists', 'an empty one'),
	(11, 'SELECT kms_put_secret_value(''i'', ''v3'', '' '')', :'exists', 'or one where it is empty'), (12, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one''::bytea)', :'exists', 'the same bytes as binary are another value'), (13, 'SELECT kms_put_secret_value(''i'', ''v3'', ''''::bytea)', :'exists', 'even if there are none'),
	(14, 'SELECT kms_put_secret_value(''i'', ''v2'', ''\x00fe''::bytea)', :'exists', 'other bytes are refused'), (15, 'SELECT kms_put_secret_value(''i'', ''v2'', ''AP8='')', :'exists', 'and what they look like as text'), (16, 'SELECT kms_put_secret_value(''i'', ''v1'', ''two'', ''{mine}'')', :'exists', 'with a label of another'),
	(17, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one'', ''{a,a}'')', :'invalid', 'what is wrong in itself is wrong also in a repetition'), (18, 'SELECT kms_put_secret_value(''i'', ''v1'', ''one'', ''{a b}'')', :'invalid', 'as a label is')) t (n, statement, expected, what) ORDER BY n;
SELECT is(kms_put_secret_value('i', 'v2', '\x00ff'::bytea, '{other}')::text, '(i,v2,{mine})', 'the result has the labels that the version has');
SELECT pg_temp.put('g', 1, 3) IS NULL AS ignored \gset
SELECT is(kms_put_secret_value('g', 'v1', 'value 1')::text, '(g,v1,{})', 'or none'), is(pg_temp.versions('g'), 'v1{} v2{ACSPrevious} v3{ACSCurrent}', 'if it is deprecated');
SELECT is(kms_put_secret_value((kms_describe_secret('g')).arn, 'v4', 'value 4')::text, '(g,v4,{ACSCurrent})', 'by its ARN, a secret is told by its name');
SELECT is(pg_temp.leaves('i', 'SELECT kms_put_secret_value(''i'', ''V1'', ''one'')'), 'fine, v1{ACSPrevious} v2{mine} v3{empty} V1{ACSCurrent}', 'in capitals an id is another'),
	   is(pg_temp.leaves('g', 'SELECT kms_put_secret_value(''i'', ''v4'', ''x'')'), 'fine, v1{} v2{} v3{ACSPrevious} v4{ACSCurrent}', 'each secret has its own');

-- ---- labels that come with a version --------------------------------------

SELECT kms_create_secret('l', 'v1', 'one') \g /dev/null
SELECT kms_put_secret_value('l', 'v2', 'two') \g /dev/null
SELECT is(pg_temp.leaves('l', format('SELECT kms_put_secret_value(''l'', ''v3'', ''x'', %s)', stages)), expected, what)
  FROM (VALUES
	(1, 'NULL', 'fine, v1{} v2{ACSPrevious} v3{ACSCurrent}', 'no labels are ACSCurrent'), (2, '''{ACSCurrent}''', 'fine, v1{} v2{ACSPrevious} v3{ACSCurrent}', 'as is that label'), (3, '''{mine}''', 'fine, v1{ACSPrevious} v2{ACSCurrent} v3{mine}', 'another leaves the current version'),
	(4, '''{mine,ACSCurrent,other}''', 'fine, v1{} v2{ACSPrevious} v3{ACSCurrent,mine,other}', 'beside others it does not'), (5, '''{ACSPrevious}''', 'fine, v1{} v2{ACSCurrent} v3{ACSPrevious}', 'a version may be put as the previous one'), (6, '''{ACSPrevious,mine}''', 'fine, v1{} v2{ACSCurrent} v3{ACSPrevious,mine}', 'with others, too'),
	(7, '''{ACSPENDING,acscurrent}''', 'fine, v1{ACSPrevious} v2{ACSCurrent} v3{ACSPENDING,acscurrent}', 'labels in other letters are others'), (8, '''{a,b,c,d,e,f}''', 'fine, v1{ACSPrevious} v2{ACSCurrent} v3{a,b,c,d,e,f}', 'eight labels are not too many'),
	(9, '''{a,b,c,d,e,ACSCurrent,f}''', 'fine, v1{} v2{ACSPrevious} v3{ACSCurrent,a,b,c,d,e,f}', 'the built-in ones included'), (10, '''{a,b,c,d,e,f,g}''', '54000|Rejected.LimitExceeded, v1{ACSPrevious} v2{ACSCurrent}', 'nine are'), (11, '''{a,b,c,d,e,f,g,ACSCurrent}''', '54000|Rejected.LimitExceeded, v1{ACSPrevious} v2{ACSCurrent}', 'with whatever is named'),
	(12, '''{a,b,c,d,e,f,g,h,i}''', '54000|Rejected.LimitExceeded, v1{ACSPrevious} v2{ACSCurrent}', 'nine in one call'), (13, '''{a,b,a}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'no label twice'), (14, '''{ACSCurrent,ACSCurrent}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'also a built-in one'),
	(15, '''{ACSCurrent,ACSPrevious}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'no version is current and previous'), (16, '''{}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'an empty array is no label'), (17, '''{NULL}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'nor is null'),
	(18, '''{a,NULL}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'among others'), (19, '''{{a,b},{c,d}}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'or a table'), (20, '''{""}''', '22023|InvalidParameter, v1{ACSPrevious} v2{ACSCurrent}', 'or nothing'),
	(21, '''[0:1]={a,b}''', 'fine, v1{ACSPrevious} v2{ACSCurrent} v3{a,b}', 'an array may begin anywhere'),
	(22, 'ARRAY(SELECT ''l'' || n FROM generate_series(1, 1000000) n)', '54000|Rejected.LimitExceeded, v1{ACSPrevious} v2{ACSCurrent}', 'a million labels are too many')) t (n, stages, expected, what) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_put_secret_value(''l'', ''v3'', ''x'', ''{a,b,c,d,e,f,g}'')'), '54000|Rejected.LimitExceeded|secret "l" would have more than 8 labels', 'the error says how many there may be'),
	   is(pg_temp.hint('SELECT kms_put_secret_value(''l'', ''v3'', ''x'', ''{a,b,c,d,e,f,g}'')'), 'Remove one with kms_update_secret_version_stage.', 'and the way out');
/* However long the list: it is refused before its labels are compared with each other. */
SET statement_timeout = '5s';
SELECT is(pg_temp.verdict('SELECT kms_put_secret_value(''unknown'', ''v3'', ''x'', ARRAY(SELECT ''l'' || n FROM generate_series(1, 200000) n))'), '54000|Rejected.LimitExceeded', 'in no time');
RESET statement_timeout;
SELECT kms_put_secret_value('l', 'v3', 'three', '{mine,other}') \g /dev/null
SELECT is(pg_temp.leaves('l', 'SELECT kms_put_secret_value(''l'', ''v4'', ''x'', ''{mine}'')'), 'fine, v1{ACSPrevious} v2{ACSCurrent} v3{other} v4{mine}', 'a label that another version has moves to the new one'),
	   is(pg_temp.leaves('l', 'SELECT kms_put_secret_value(''l'', ''v4'', ''x'', ''{mine,other,ACSCurrent}'')'), 'fine, v1{} v2{ACSPrevious} v3{} v4{ACSCurrent,mine,other}', 'several do');

-- ---- moving labels --------------------------------------------------------

SELECT pg_temp.put('m', 1, 4) IS NULL AS ignored \gset
SELECT kms_update_secret_version_stage('m', 'mine', 'v2') IS NULL AS ignored \gset
\set labels 'v1{} v2{mine} v3{ACSPrevious} v4{ACSCurrent}'
SELECT is(pg_temp.leaves('m', format('SELECT kms_update_secret_version_stage(''m'', %L, %L, %L)', stage, move_to, remove_from)), coalesce(expected, 'fine, ' || :'labels'), what)
  FROM (VALUES
	(1, 'new', 'v1', NULL, 'fine, v1{new} v2{mine} v3{ACSPrevious} v4{ACSCurrent}', 'a new label is attached'), (2, 'new', 'v4', NULL, 'fine, v1{} v2{mine} v3{ACSPrevious} v4{ACSCurrent,new}', 'also to a version that has one'), (3, 'mine', 'v1', NULL, 'fine, v1{mine} v2{} v3{ACSPrevious} v4{ACSCurrent}', 'a label moves'),
	(4, 'mine', 'v1', 'v2', 'fine, v1{mine} v2{} v3{ACSPrevious} v4{ACSCurrent}', 'also if one says from where'), (5, 'mine', NULL, 'v2', 'fine, v1{} v2{} v3{ACSPrevious} v4{ACSCurrent}', 'or is removed'), (6, 'mine', 'v2', NULL, NULL, 'where it is, it may stay'), (7, 'mine', 'v2', 'v2', NULL, 'also if it is removed from there'),
	(8, 'ACSCurrent', 'v1', NULL, 'fine, v1{ACSCurrent} v2{mine} v3{} v4{ACSPrevious}', 'ACSCurrent takes ACSPrevious with it'), (9, 'ACSCurrent', 'v1', 'v4', 'fine, v1{ACSCurrent} v2{mine} v3{} v4{ACSPrevious}', 'also if one says from where'), (10, 'ACSCurrent', 'v2', NULL, 'fine, v1{} v2{ACSCurrent,mine} v3{} v4{ACSPrevious}', 'to a version with a label'),
	(11, 'ACSCurrent', 'v3', NULL, 'fine, v1{} v2{mine} v3{ACSCurrent} v4{ACSPrevious}', 'or to the previous one: they change places'), (12, 'ACSCurrent', 'v4', NULL, NULL, 'where it is, nothing moves'), (13, 'ACSCurrent', 'v4', 'v4', NULL, 'either way'),
	(14, 'ACSPrevious', 'v1', NULL, 'fine, v1{ACSPrevious} v2{mine} v3{} v4{ACSCurrent}', 'ACSPrevious moves alone'), (15, 'ACSPrevious', 'v2', 'v3', 'fine, v1{} v2{ACSPrevious,mine} v3{} v4{ACSCurrent}', 'also if one says from where'), (16, 'ACSPrevious', 'v3', NULL, NULL, 'or stays'),
	(17, 'ACSPrevious', 'v4', NULL, '22023|InvalidParameter, ' || :'labels', 'but not to the current version'), (18, 'ACSPrevious', 'v4', 'v3', '22023|InvalidParameter, ' || :'labels', 'in no way'), (19, 'ACSPrevious', NULL, 'v3', '22023|InvalidParameter, ' || :'labels', 'built-in labels are not removed'), (20, 'ACSCurrent', NULL, 'v4', '22023|InvalidParameter, ' || :'labels', 'neither of them'),
	(21, 'ACSCurrent', NULL, 'v1', '22023|InvalidParameter, ' || :'labels', 'from wherever'), (22, 'mine', NULL, NULL, '22023|InvalidParameter, ' || :'labels', 'neither version is too little'), (23, 'ACSCurrent', NULL, NULL, '22023|InvalidParameter, ' || :'labels', 'for any label'),
	(24, 'mine', NULL, 'v1', '22023|InvalidParameter, ' || :'labels', 'a label is not removed from where it is not'), (25, 'mine', 'v3', 'v1', '22023|InvalidParameter, ' || :'labels', 'or moved'), (26, 'new', NULL, 'v1', '22023|InvalidParameter, ' || :'labels', 'nor if it is nowhere'), (27, 'new', 'v1', 'v2', '22023|InvalidParameter, ' || :'labels', 'in either case'),
	(28, 'ACSCurrent', 'v1', 'v3', '22023|InvalidParameter, ' || :'labels', 'which holds for built-in labels, too'), (29, 'mine', 'v2', 'v1', '22023|InvalidParameter, ' || :'labels', 'and for one that would stay'), (30, 'mine', 'v7', NULL, '42704|Forbidden.ResourceNotFound, ' || :'labels', 'no label goes to an unknown version'),
	(31, 'ACSCurrent', 'v7', NULL, '42704|Forbidden.ResourceNotFound, ' || :'labels', 'nor a built-in one'), (32, 'mine', NULL, 'v7', '42704|Forbidden.ResourceNotFound, ' || :'labels', 'or comes from one'), (33, 'mine', 'v1', 'v7', '42704|Forbidden.ResourceNotFound, ' || :'labels', 'in either case'), (34, 'mine', 'v7', 'v2', '42704|Forbidden.ResourceNotFound, ' || :'labels', 'or way'),
	(35, 'mine', 'V2', NULL, '42704|Forbidden.ResourceNotFound, ' || :'labels', 'capitals name another version'), (36, 'mine', '', NULL, '42704|Forbidden.ResourceNotFound, ' || :'labels', 'nothing names none'), (37, 'mine', repeat('v', 1000000), NULL, '42704|Forbidden.ResourceNotFound, ' || :'labels', 'nor does very much'),
	(38, 'MINE', 'v1', NULL, 'fine, v1{MINE} v2{mine} v3{ACSPrevious} v4{ACSCurrent}', 'in capitals a label is another'), (39, 'acscurrent', NULL, 'v4', '22023|InvalidParameter, ' || :'labels', 'and no built-in one'), (40, '', 'v1', NULL, '22023|InvalidParameter, ' || :'labels', 'nothing is no label'), (41, 'a b', 'v1', NULL, '22023|InvalidParameter, ' || :'labels', 'nor is what has a blank')) t (n, stage, move_to, remove_from, expected, what) ORDER BY n;
SELECT is(pg_temp.complaint('SELECT kms_update_secret_version_stage(''m'', %s)', arguments), message, 'the error says so: ' || arguments)
  FROM (VALUES (1, '''mine''', '22023|InvalidParameter|invalid value for move_to_version: it and remove_from_version must not both be NULL'), (2, '''ACSPrevious'', ''v4''', '22023|InvalidParameter|invalid value for move_to_version: the version that is ACSCurrent cannot be ACSPrevious'),
			   (3, '''mine'', NULL, ''v1''', '22023|InvalidParameter|invalid value for remove_from_version: that version does not have the label'), (4, '''mine'', ''v7''', '42704|Forbidden.ResourceNotFound|secret "m" has no such version')) t (n, arguments, message) ORDER BY n;
SELECT is(pg_temp.hint('SELECT kms_update_secret_version_stage(''m'', ''mine'', ''v7'')'), 'kms_list_secret_version_ids lists its versions and their labels.', 'and the way out');
/* The first change of ACSCurrent brings ACSPrevious into being; until then it may be attached. */
SELECT kms_create_secret('p', 'v1', 'one') \g /dev/null
SELECT kms_put_secret_value('p', 'v2', 'two', '{mine}') \g /dev/null
SELECT is(pg_temp.leaves('p', 'SELECT kms_update_secret_version_stage(''p'', ''ACSPrevious'', ''v2'')'), 'fine, v1{ACSCurrent} v2{ACSPrevious,mine}', 'ACSPrevious may be given before it came by itself'),
	   is(pg_temp.leaves('p', 'SELECT kms_update_secret_version_stage(''p'', ''ACSPrevious'', ''v1'')'), '22023|InvalidParameter, v1{ACSCurrent} v2{mine}', 'not to the current version'),
	   is(pg_temp.leaves('p', 'SELECT kms_update_secret_version_stage(''p'', ''ACSCurrent'', ''v2'')'), 'fine, v1{ACSPrevious} v2{ACSCurrent,mine}', 'and comes when ACSCurrent first moves');
/* The ninth. */
SELECT kms_update_secret_version_stage('m', 'l' || n, 'v' || 1 + n % 4) FROM generate_series(1, 5) n \g /dev/null
SELECT is(pg_temp.versions('m'), 'v1{l4} v2{l1,l5,mine} v3{ACSPrevious,l2} v4{ACSCurrent,l3}', 'eight labels may lie on any versions'),
	   is(pg_temp.complaint('SELECT kms_update_secret_version_stage(''m'', ''l6'', ''v1'')'), '54000|Rejected.LimitExceeded|secret "m" would have more than 8 labels', 'a ninth is refused'),
	   is(pg_temp.leaves('m', 'SELECT kms_update_secret_version_stage(''m'', ''l5'', ''v1'')'), 'fine, v1{l4,l5} v2{l1,mine} v3{ACSPrevious,l2} v4{ACSCurrent,l3}', 'one of the eight moves'),
	   is(pg_temp.leaves('m', 'SELECT kms_update_secret_version_stage(''m'', ''l5'', NULL, ''v2''), kms_update_secret_version_stage(''m'', ''l6'', ''v1'')'), 'fine, v1{l4,l6} v2{l1,mine} v3{ACSPrevious,l2} v4{ACSCurrent,l3}', 'or makes room for another'),
	   is(pg_temp.leaves('m', 'SELECT kms_put_secret_value(''m'', ''v5'', ''x'')'), 'fine, v1{l4} v2{l1,l5,mine} v3{l2} v4{ACSPrevious,l3} v5{ACSCurrent}', 'a version without a new label is put'),
	   is(pg_temp.leaves('m', 'SELECT kms_put_secret_value(''m'', ''v5'', ''x'', ''{l1,mine}'')'), 'fine, v1{l4} v2{l5} v3{ACSPrevious,l2} v4{ACSCurrent,l3} v5{l1,mine}', 'or one that takes what there is'),
	   is(pg_temp.leaves('m', 'SELECT kms_put_secret_value(''m'', ''v5'', ''x'', ''{l1,l6}'')'), '54000|Rejected.LimitExceeded, v1{l4} v2{l1,l5,mine} v3{ACSPrevious,l2} v4{ACSCurrent,l3}', 'but not one with a ninth');
SELECT kms_create_secret('p8', 'v1', 'x') \g /dev/null
SELECT kms_update_secret_version_stage('p8', 'l' || n, 'v1') FROM generate_series(1, 7) n \g /dev/null
SELECT is(pg_temp.versions('p8'), 'v1{ACSCurrent,l1,l2,l3,l4,l5,l6,l7}', 'all eight may lie on one version'),
	   is(pg_temp.leaves('p8', 'SELECT kms_put_secret_value(''p8'', ''v2'', ''x'')'), '54000|Rejected.LimitExceeded, v1{ACSCurrent,l1,l2,l3,l4,l5,l6,l7}', 'then no other becomes current, for ACSPrevious would be the ninth'),
	   is(pg_temp.leaves('p8', 'SELECT kms_update_secret_version_stage(''p8'', ''l7'', NULL, ''v1''), kms_put_secret_value(''p8'', ''v2'', ''x'')'), 'fine, v1{ACSPrevious,l1,l2,l3,l4,l5,l6} v2{ACSCurrent}', 'until one is removed');
/* That it was changed. */
SELECT updated_at FROM kms.secret WHERE name = 'm' \gset
SELECT kms_update_secret_version_stage('m', 'mine', 'v2') IS NULL AS ignored \gset
SELECT is((SELECT update_time FROM kms_describe_secret('m')), :'updated_at', 'a label that stays changes nothing');
SELECT kms_update_secret_version_stage('m', 'mine', 'v3') IS NULL AS ignored \gset
SELECT ok((SELECT update_time FROM kms_describe_secret('m')) > :'updated_at', 'one that moves changes the secret');
SELECT updated_at FROM kms.secret WHERE name = 'm' \gset
SELECT kms_put_secret_value('m', 'v5', 'x', '{mine}') \g /dev/null
SELECT ok((SELECT update_time FROM kms_describe_secret('m')) > :'updated_at', 'as does a version that is put');

-- ---- reading --------------------------------------------------------------

SELECT pg_temp.put('r', 1, 4) IS NULL AS ignored \gset
SELECT kms_put_secret_value('r', 'v5', '\x00ff'::bytea, '{mine,other}') \g /dev/null
SELECT is(pg_temp.read('r', stage, id), expected, what)
  FROM (VALUES
	(1, NULL, NULL, 'value 4', 'without a label or version the current one is read'), (2, 'ACSCurrent', NULL, 'value 4', 'as by its label'), (3, 'ACSPrevious', NULL, 'value 3', 'or the previous one'), (4, 'mine', NULL, 'AP8=', 'or one by any label'), (5, NULL, 'v4', 'value 4', 'or by its id'), (6, NULL, 'v5', 'AP8=', 'with a label of its own'),
	(7, NULL, 'v2', 'value 2', 'or without any'), (8, NULL, 'v1', 'value 1', 'however old'), (9, 'ACSCurrent', 'v4', 'value 4', 'or by both, if they mean the same'), (10, 'other', 'v5', 'AP8=', 'also by another label'), (11, 'ACSCurrent', 'v3', :'gone', 'if not, there is none'), (12, 'ACSPrevious', 'v4', :'gone', 'either way'),
	(13, 'mine', 'v1', :'gone', 'also for one without a label'), (14, 'ACSCurrent', 'v7', :'gone', 'an unknown version is none'), (15, NULL, 'v7', :'gone', 'by itself, too'), (16, 'unknown', NULL, :'gone', 'nor is an unknown label one'), (17, 'unknown', 'v4', :'gone', 'beside one that is there'), (18, 'acscurrent', NULL, :'gone', 'a label in other letters'),
	(19, NULL, 'V4', :'gone', 'an id in others'), (20, '', NULL, :'gone', 'nothing is no label'), (21, NULL, '', :'gone', 'nor an id'), (22, 'a b', NULL, :'gone', 'nor is what no label can be'), (23, NULL, repeat('v', 1000000), :'gone', 'nor a million letters'), (24, 'v4', NULL, :'gone', 'an id is no label'), (25, NULL, 'ACSCurrent', :'gone', 'and a label no id')) t (n, stage, id, expected, what) ORDER BY n;
SELECT is((g).version_id || (g).version_stages::text, expected, what)
  FROM (VALUES (1, kms_get_secret_value('r'), 'v4{ACSCurrent}', 'what is read says which version it is, and its labels'), (2, kms_get_secret_value('r', version_id => 'v5'), 'v5{mine,other}', 'all of them'), (3, kms_get_secret_value('r', 'other'), 'v5{mine,other}', 'by whichever it was found'),
			   (4, kms_get_secret_value('r', version_id => 'v1'), 'v1{}', 'or none')) t (n, g, expected, what) ORDER BY n;
SELECT is((kms_get_secret_value('r', 'mine')).secret_binary, '\x00ff'::bytea, 'a secret may have text and binary versions'), is((kms_get_secret_value('r', 'mine')).secret_data_type || (kms_get_secret_value('r')).secret_data_type, 'binarytext', 'each of which says what it is');
SELECT is((kms_get_secret_value('r', version_id => 'v1')).create_time, (kms_describe_secret('r')).create_time, 'the time is that of the secret');
SELECT is(pg_temp.complaint('SELECT kms_get_secret_value(''r'', ''unknown'')'), '42704|Forbidden.ResourceNotFound|secret "r" has no such version', 'the error names the secret'),
	   is(pg_temp.hint('SELECT kms_get_secret_value(''r'', ''unknown'')'), 'kms_list_secret_version_ids lists its versions and their labels.', 'and the way out');
/* What was put back to be current is the old version, not a copy. */
SELECT kms_update_secret_version_stage('r', 'ACSCurrent', 'v1') IS NULL AS ignored \gset
SELECT is(pg_temp.read('r'), 'value 1', 'an old version can be made current again'), is(pg_temp.versions('r'), 'v1{ACSCurrent} v2{} v3{} v4{ACSPrevious} v5{mine,other}', 'and keeps its age');

SELECT * FROM finish();
ROLLBACK;
