/*
 * Aliases.
 */
CREATE TYPE kms.alias_entry AS (
	alias_name text,
	alias_arn text,
	key_id uuid
);

COMMENT ON TYPE kms.alias_entry IS 'an alias: result of kms_list_aliases and kms_list_aliases_by_key_id';

CREATE FUNCTION @extschema@.kms_create_alias(key_id text, alias_name text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_create_alias(text, text) IS 'give a key another name';

CREATE FUNCTION @extschema@.kms_update_alias(key_id text, alias_name text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_alias(text, text) IS 'let an alias stand for another key';

CREATE FUNCTION @extschema@.kms_delete_alias(alias_name text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_delete_alias(text) IS 'delete an alias; its key stays';

CREATE FUNCTION @extschema@.kms_list_aliases() RETURNS SETOF kms.alias_entry
	LANGUAGE SQL STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
	SELECT a.alias_name, a.alias_arn, a.key_id FROM kms.aliases a;
END;

COMMENT ON FUNCTION @extschema@.kms_list_aliases() IS 'the aliases of every key that the caller may describe';

CREATE FUNCTION @extschema@.kms_list_aliases_by_key_id(key_id text) RETURNS SETOF kms.alias_entry
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 3;

COMMENT ON FUNCTION @extschema@.kms_list_aliases_by_key_id(text) IS 'the aliases of one key';
