/* What the package promises, on a server with a root key. */
\set ON_ERROR_STOP 1

SELECT kms_create_key(description => 'package test') AS key_id \gset
SELECT kms_create_alias(:'key_id', 'alias/package-test');

CREATE TABLE package_test (id integer PRIMARY KEY, sealed bytea NOT NULL);
INSERT INTO package_test
	SELECT n, kms_encrypt('alias/package-test', 'value ' || n, jsonb_build_object('id', n::text))
	  FROM generate_series(1, 100) n;

DO $$
BEGIN
	ASSERT NOT (SELECT sealed FROM kms.status), 'the server has a root key';
	ASSERT (SELECT bool_and(kms_decrypt_text(sealed, jsonb_build_object('id', id::text)) = 'value ' || id)
			  FROM package_test), 'what was encrypted is decrypted';
	ASSERT NOT EXISTS (SELECT FROM package_test WHERE position('value'::bytea IN sealed) > 0),
		   'the plaintext is not in the ciphertext';
	ASSERT (SELECT kms_try_decrypt(sealed, '{"id": "2"}') IS NULL FROM package_test WHERE id = 1),
		   'a value of another row is not decrypted';

	PERFORM kms_create_secret('package-test', 'v1', 'a secret value');
	ASSERT (SELECT secret_data FROM kms_get_secret_value('package-test')) = 'a secret value',
		   'a secret is read';
END
$$;

SELECT kms_disable_key(:'key_id');
DO $$
BEGIN
	PERFORM kms_encrypt('alias/package-test', 'more');
	RAISE 'a disabled key encrypts' USING ERRCODE = 'assert_failure';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
END
$$;
SELECT kms_enable_key(:'key_id');
