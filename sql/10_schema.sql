/*
 * Everything that is not called by applications lives in the schema kms: the
 * tables, which nobody may touch, the views over them, the row types and the
 * helpers.  The schema is made here, never taken over from somebody else.
 */
CREATE SCHEMA kms;

COMMENT ON SCHEMA kms IS 'tables, views and row types of the key management service';
