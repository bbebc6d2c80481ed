/*
 * Protecting the columns of tables that are there, and keeping them so.
 */
CREATE TYPE kms.version_count AS (
	key_version_id uuid,
	row_count bigint
);

COMMENT ON TYPE kms.version_count IS 'rows that are encrypted with a key version, null for plaintext: result of kms_scan_column';

CREATE FUNCTION @extschema@.kms_protect_column(relation regclass, column_name name, key_id text, context_columns name[] = NULL,
		blind_index boolean = false, blind_index_key_id text = NULL) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_protect_column(regclass, name, text, name[], boolean, text)
	IS 'encrypt a column of a table from now on: a trigger, a view with the column decrypted, a blind index if wanted';

CREATE FUNCTION @extschema@.kms_unprotect_column(relation regclass, column_name name) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_unprotect_column(regclass, name)
	IS 'decrypt a column for good, and take away what kms_protect_column made';

CREATE PROCEDURE @extschema@.kms_encrypt_existing(relation regclass, column_name name, batch_size integer = 1000)
	AS 'MODULE_PATHNAME' LANGUAGE C;

COMMENT ON PROCEDURE @extschema@.kms_encrypt_existing(regclass, name, integer)
	IS 'encrypt the rows of a protected column that are plaintext, in batches that are committed';

CREATE PROCEDURE @extschema@.kms_reencrypt_column(relation regclass, column_name name, batch_size integer = 1000)
	AS 'MODULE_PATHNAME' LANGUAGE C;

COMMENT ON PROCEDURE @extschema@.kms_reencrypt_column(regclass, name, integer)
	IS 'move the rows of a protected column to the newest key version, and its blind index to the search key of now, in batches that are committed';

CREATE FUNCTION @extschema@.kms_scan_column(relation regclass, column_name name) RETURNS SETOF kms.version_count
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 3;

COMMENT ON FUNCTION @extschema@.kms_scan_column(regclass, name)
	IS 'how many rows of a column are encrypted with which key version; null: plaintext';

CREATE FUNCTION kms.decrypt_column(value bytea, VARIADIC context "any") RETURNS bytea
	AS 'MODULE_PATHNAME', 'kms_decrypt_column_bytea' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION kms.decrypt_column(bytea, "any")
	IS 'a value of an encrypted column, decrypted in the context of the pairs that follow; what is no ciphertext stays as it is';

CREATE FUNCTION kms.decrypt_column(value text, VARIADIC context "any") RETURNS text
	AS 'MODULE_PATHNAME', 'kms_decrypt_column_text' LANGUAGE C STABLE PARALLEL SAFE COST 30;

COMMENT ON FUNCTION kms.decrypt_column(text, "any")
	IS 'a value of an encrypted column, decrypted in the context of the pairs that follow; what is no ciphertext stays as it is';

CREATE FUNCTION kms.write_decrypted() RETURNS trigger
	AS 'MODULE_PATHNAME', 'kms_write_decrypted' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION kms.write_decrypted()
	IS 'trigger, INSTEAD OF FOR EACH ROW: writes to the table of a view with decrypted columns';

CREATE TYPE kms.protected_column AS (
	relation regclass,
	column_name name,
	key_id text,
	context_columns text[],
	table_name text,
	blind_index_column name,
	blind_index_key_id text,
	decrypted_view regclass,
	enabled boolean
);

COMMENT ON TYPE kms.protected_column IS 'a column that a trigger encrypts: row of kms.protected_columns';

CREATE FUNCTION kms.protected_column_rows() RETURNS SETOF kms.protected_column
	AS 'MODULE_PATHNAME', 'kms_protected_column_rows' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;

COMMENT ON FUNCTION kms.protected_column_rows() IS 'the columns that triggers encrypt, in the whole database';

CREATE VIEW kms.protected_columns WITH (security_barrier) AS
	SELECT c.relation, c.column_name, c.key_id, c.context_columns, c.table_name, c.blind_index_column, c.blind_index_key_id,
		   c.decrypted_view, c.enabled
	  FROM kms.protected_column_rows() c
	 WHERE pg_catalog.has_table_privilege(c.relation, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER')
		OR pg_catalog.has_any_column_privilege(c.relation, 'SELECT,INSERT,UPDATE,REFERENCES');

COMMENT ON VIEW kms.protected_columns IS 'encrypted columns of tables that the current user has some right on';
COMMENT ON COLUMN kms.protected_columns.relation IS 'table, of partitions the partitioned one';
COMMENT ON COLUMN kms.protected_columns.column_name IS 'column that is encrypted';
COMMENT ON COLUMN kms.protected_columns.key_id IS 'id, ARN or alias of the key, as the trigger names it';
COMMENT ON COLUMN kms.protected_columns.context_columns IS 'columns whose values bind a ciphertext to its row';
COMMENT ON COLUMN kms.protected_columns.table_name IS 'name of the table in the encryption context';
COMMENT ON COLUMN kms.protected_columns.blind_index_column IS 'column to search by; null: there is none';
COMMENT ON COLUMN kms.protected_columns.blind_index_key_id IS 'id, ARN or alias of the search key, as the trigger names it';
COMMENT ON COLUMN kms.protected_columns.decrypted_view IS 'view that shows the column decrypted; null: there is none';
COMMENT ON COLUMN kms.protected_columns.enabled IS 'whether the column is there and its trigger fires';
