/*
 * The schema of the public functions may belong to somebody else, and CREATE
 * EXTENSION puts it on the search path: nothing in this script is looked up
 * there, so that no operator planted in it runs as the installing superuser.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

/*
 * Everything that is not called by applications lives in the schema kms: the
 * tables, which nobody may touch, the views over them, the row types and the
 * helpers.  The schema is made here, never taken over from somebody else.
 */
CREATE SCHEMA kms;

COMMENT ON SCHEMA kms IS 'tables, views and row types of the key management service';
