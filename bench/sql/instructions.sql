/*
 * From what callgrind counted: instructions of one more row.
 */
CREATE VIEW bench.last_count AS
	SELECT DISTINCT ON (label) split_part(label, '/', 1) AS name, split_part(label, '/', 2)::integer AS rows, instructions
	  FROM bench.count ORDER BY label, seen DESC;

CREATE FUNCTION bench.row_instructions(name text, scan text) RETURNS double precision
LANGUAGE SQL STABLE AS $$
	SELECT sum(CASE c.name WHEN row_instructions.scan THEN -1 ELSE 1 END * c.per_row)
	  FROM (SELECT l.name, (max(l.instructions) - min(l.instructions))::double precision / (max(l.rows) - min(l.rows)) AS per_row
			  FROM bench.last_count l WHERE l.rows <> 20 GROUP BY l.name) c
	 WHERE c.name IN (row_instructions.name, row_instructions.scan)
$$;

CREATE VIEW bench.instructions AS
	SELECT v.*, bench.row_instructions(name, scan) AS over_scan
	  FROM (VALUES (1, 'floor', 'scan'), (2, 'bare_encrypt', 'scan'), (3, 'kms_encrypt', 'scan'),
				   (4, 'context_encrypt', 'scan'), (5, 'bare_decrypt', 'bare_scan'), (6, 'kms_decrypt', 'kms_scan'),
				   (7, 'miss-id', 'hit-id'), (8, 'miss-alias', 'hit-alias'), (9, 'miss-decrypt', 'hit-decrypt'),
				   (10, 'create', NULL)) v (place, name, scan);

SELECT name, scan AS over, round(over_scan::numeric) AS instructions FROM bench.instructions ORDER BY place;

SELECT bench.note('instructions_encrypt', bench.row_instructions('kms_encrypt', 'scan') / bench.row_instructions('bare_encrypt', 'scan')),
	   bench.note('instructions_decrypt', bench.row_instructions('kms_decrypt', 'kms_scan') / bench.row_instructions('bare_decrypt', 'bare_scan')),
	   bench.note('instructions_miss_id', bench.row_instructions('miss-id', 'hit-id')),
	   bench.note('instructions_miss_alias', bench.row_instructions('miss-alias', 'hit-alias')),
	   bench.note('instructions_miss_decrypt', bench.row_instructions('miss-decrypt', 'hit-decrypt')) \g /dev/null
