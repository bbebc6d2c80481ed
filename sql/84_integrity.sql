/*
 * Proof that nobody has changed the tables by hand.
 */
CREATE TYPE kms.integrity_problem AS (
	table_name text,
	row_id text,
	problem text
);

COMMENT ON TYPE kms.integrity_problem IS 'a row that was damaged or tampered with: result of kms_check_integrity';

CREATE FUNCTION @extschema@.kms_check_integrity() RETURNS SETOF kms.integrity_problem
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;

COMMENT ON FUNCTION @extschema@.kms_check_integrity() IS 'every row that was changed by hand or damaged; none: all is well';
