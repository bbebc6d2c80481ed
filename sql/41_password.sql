/*
 * Random passwords.
 */
CREATE FUNCTION @extschema@.kms_get_random_password(password_length integer = 32, exclude_characters text = '',
		exclude_lowercase boolean = false, exclude_uppercase boolean = false, exclude_numbers boolean = false,
		exclude_punctuation boolean = false, require_each_included_type boolean = false)
	RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_get_random_password(integer, text, boolean, boolean, boolean, boolean, boolean)
	IS 'a random password of 8 to 128 characters';
